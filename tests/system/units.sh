#!/usr/bin/env bash
# Cells with several variables, driven as users do: the same bytes on any layout, and after a stop in the middle of a
# trial; what is recorded of them; bad input; warnings.
# ranks: 5
# timeout: 300
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

export TAME_THREAD_GRAIN=1 # or else such small networks would be left to one thread
cat >units.yaml <<'END'
name: units
network: {neurons: 23, inputs: 1, outputs: 1, noise: 0.01, bias_scale: 0.02, input_scale: 0.1, gain: 0.1,
          cell: integrate_and_fire, wiring: {random: {density: 0.3}}}
tasks: [{name: free, duration_ms: 200, inputs: [pulse: {start_ms: 20, duration_ms: 100}]}]
phases:
  - analyse: {name: rhythms, by: [rhythm: {level: 0.2}], window_ms: [20, 190]}
  - record: {name: first}
  - test: {name: again, trials: 2, continue: on}
output:
  weights: none
  initial_state: on
  rates: {neurons: all}
  states: {variables: [V], neurons: [0-4, 20], every: 3}
END
declare -A cells=(
  [spiking]='integrate_and_fire: {}' [ampa]='ampa_nmda: {V_spread_mV: 20, I_ext_nA: 0.08}'
  [rk4]='respiratory: {V_spread_mV: 10, step_ms: 0.25}' [adaptive]='respiratory: {V_spread_mV: 10, solver: adaptive}'
  [notebook]='respiratory: {V_spread_mV: 10, solver: euler, step_ms: 0.1, equations: as_published_notebook}')
declare -A states=([spiking]='V, spike_step' [ampa]='V_inh, V, I_NMDA' [rk4]='f3, V1, h' [adaptive]='step, f4' [notebook]='I_late, m2')
arguments() { printf '%s\n' --set "network.cell={${cells[$1]}}" --set "output.states.variables=[${states[$1]}]"; }

declare -A layouts=([spiking]="2 5" [ampa]=3 [rk4]=5 [adaptive]="2 3" [notebook]=2)
for cell in spiking ampa rk4 adaptive notebook; do
  mapfile -t this < <(arguments $cell)
  equal_on $cell "${layouts[$cell]}" "1 2 3" units.yaml "${this[@]}"
done
mapfile -t this < <(arguments adaptive)
equal_on "adaptive, float" "3" "2" units.yaml "${this[@]}" --set network.precision=float

# Stopped in the middle of a trial, and resumed on another layout
stop() { # CELL MS RANKS THREADS RANKS THREADS
  local slot=part.h5.checkpoints/000000.1.h5 run code=0 this
  mapfile -t this < <(arguments "$1")
  this+=(--set "tasks[0].duration_ms=$2" --set "phases[0].analyse.window_ms=[0, $2]" --set 'output.states.every=20' --set 'output.rates.every=50')
  rm -rf whole.h5 part.h5*
  "$TAME" run units.yaml -q -o whole.h5 "${this[@]}"
  OMP_NUM_THREADS=$4 "$MPIEXEC" -n "$3" "$TAME" run units.yaml -q -o part.h5 --checkpoint-every 0.01 "${this[@]}" 2>err.txt &
  run=$!
  for _ in $(seq 3000); do
    if [ -e $slot ] || ! kill -0 $run 2>/dev/null; then break; fi
    sleep 0.01
  done
  kill -USR1 $run || fail "$1 was done too soon" # which mpirun hands on
  wait $run || code=$?
  [ $code -eq 75 ] || fail "$1 was not stopped: $code, $(cat err.txt)"
  "$TAME" info part.h5.partial >about.txt
  grep -q "trial 0, step [1-9]" about.txt || fail "$1 was not in the middle of a trial: $(cat about.txt)"
  OMP_NUM_THREADS=$6 ranks "$5" "$TAME" run units.yaml -q -o part.h5 --resume "${this[@]}"
  "$TAME" compare whole.h5 part.h5 >verdict.txt || fail "$1, stopped on $3 x $4, resumed on $5 x $6: $(cat verdict.txt)"
}
stop ampa 40000 3 1 1 2
stop adaptive 4000 1 2 5 1
stop notebook 4000 2 2 1 1
echo "stopped in the middle: the same in the end"

# What is in the file
mapfile -t this < <(arguments rk4)
"$TAME" run units.yaml -f -q -o one.h5 "${this[@]}" --set 'output.rates.neurons=[3]'
"$PYTHON" - <<'END'
import h5py, numpy as np
with h5py.File("one.h5") as file:
    states = file["phases/again/free/states"]
    assert sorted(states) == ["V1", "f3", "h"]
    V = states["V1"]
    assert V.shape == (1, 2, 6, 67) and V.attrs["step_ms"] == 3
    assert V.attrs["units"] in (b"mV", "mV") and V.attrs["dims"] in (b"network, trial, neuron, time", "network, trial, neuron, time")
    assert states["f3"].attrs["units"] in (b"1", "1")
    assert list(file["recorded_states"][0]) == [0, 1, 2, 3, 4, 20]
    # r is f1, of V1; sample 3 k of the rates is sample k of the states
    rates = file["phases/again/free/rates"][0, :, 0, ::3]
    assert np.abs(rates - 1 / (1 + np.exp(-(V[0, :, 3] + 30) / 8))).max() < 1e-14
    start = file["phases/first/free/initial_state"]
    assert sorted(start) == ["V1", "V2", "V3", "V4", "h", "m2", "m3", "m4"] and start["V2"].shape == (1, 1, 23)
    assert np.abs(start["V2"][:] + 60).max() <= 10 and start["V2"][:].std() > 3 and (start["h"][:] == 0.35).all()
    assert start["V2"].attrs["units"] in (b"mV", "mV")
END
"$TAME" info one.h5 >/dev/null

# The figure: which file is drawn; the rhythm it tells
"$TAME" plot one.h5 -o figures --format png >drawn.txt
grep -qx "figures/one-states.png" drawn.txt || fail "drawn: $(cat drawn.txt)"
"$TAME" run "$TAME_SOURCE/jobs/respiratory.yaml" -q -o breath.h5
"$TAME" plot breath.h5 -o figures --format png >drawn.txt
[ "$(cat drawn.txt)" = figures/breath-states.png ] || fail "drawn of a sweep: $(cat drawn.txt)"
PYTHONPATH=$TAME_SOURCE/scripts "$PYTHON" - <<'END'
import numpy as np
from figures.common import prepare
prepare()
from figures.reading import Results
from figures.states import Scene, periods_of
t = np.arange(2000)
waves = np.array([3 + np.sin(2 * np.pi * t / 123.4), np.full(2000, 5.0), np.where(t < 900, t % 50 < 9, 0)])
assert abs(periods_of(waves, 2.0)[0] - 246.8) < 0.01 and np.isnan(periods_of(waves, 2.0)[1:]).all()
for network, period in ((0, 2518.8), (1, 1644.7)):
    scene = Scene.of(Results("breath.h5", network))
    assert scene.names == ["f1", "f2", "f3", "f4", "V1", "h"]
    assert abs(periods_of(scene.series("f1").values, 5.0)[0] - period) < 1, periods_of(scene.series("f1").values, 5.0)
    phases = [which for start, _, which in scene.dominance() if start > 10000]
    assert len(phases) > 9 and phases[:9] == [(phases[0] + k) % 3 for k in range(9)], phases
END

# Sweeps over sizes and over cells: each network its own units, its own variables at the start
many=(--set 'network.cell={ampa_nmda: {V_spread_mV: 20, I_ext_nA: 0.5, g_inh: 0}}' --set network.bias_scale=0.002 --set 'output.states={variables: [V], neurons: [all], phases: [rhythms]}'
  --set 'output.rates.phases=[rhythms]' --set output.weights=final --set 'sweep={axes: [{network.neurons: [23, 15]}]}')
"$TAME" run units.yaml -q -o many.h5 "${many[@]}"
"$TAME" run units.yaml -q -o thin.h5 "${many[@]}" --set output.rates.every=2
"$TAME" run units.yaml -q -o cells.h5 --set 'output.states={}' --set 'sweep={axes: [{network.cell: [leaky, integrate_and_fire]}]}'
PYTHONPATH=$TAME_SOURCE/scripts "$PYTHON" - <<'END'
import h5py, numpy as np
from figures.common import prepare
prepare()
from figures.reading import Results
from figures.states import Scene
with h5py.File("cells.h5") as file:
    start = file["phases/first/free/initial_state"]
    assert sorted(start) == ["V", "spike_step", "x"], sorted(start)
    assert np.isnan(start["V"][0]).all() and (np.abs(start["V"][1] + 72.3) < 1e-12).all() and np.isfinite(start["x"][0]).all()
with h5py.File("many.h5", "r+") as file: # the last units have no rhythm
    period = file["phases/rhythms/free/rhythm/period"]
    assert np.isfinite(period[0]).all() and np.isfinite(period[1, 0, :15]).all() and np.isnan(period[1, 0, 15:]).all()
    period[0, 0, 21:] = period[1, 0, 14] = np.nan
for network, size, without in ((0, 23, 2), (1, 15, 1)):
    scene = Scene.of(Results("many.h5", network))
    assert scene.size() == size and list(scene.neurons) == list(range(size))
    assert len(scene.periods()) == len(scene.bias()) == size and np.isnan(scene.periods()).sum() == without
    assert list(scene.spikes()[0]) == list(range(size)) and len(scene.spikes()[1]) == size
    thin = Scene.of(Results("thin.h5", network)) # every other spike is not there; the analysis, 20 to 190 ms, saw them all
    assert thin.spikes() is None
    seen = [times[(times >= 20) & (times < 190)] for times in scene.spikes()[1]]
    assert thin.counted([0, 2]) == len(seen[0]) + len(seen[2]) > 20, (thin.counted([0, 2]), len(seen[0]), len(seen[2]))
END
"$TAME" plot thin.h5 -o figures --format png >drawn.txt
for network in 0 1; do
  "$TAME" plot many.h5 --network $network -o figures --format png >drawn.txt
  grep -q "states.png" drawn.txt || fail "drawn of many units: $(cat drawn.txt)"
done

# Warnings, with the bound; none where it is kept
"$TAME" run units.yaml -f -o one.h5 --set 'network.cell={respiratory: {}}' --set 'output.states.variables=[]' \
  --set 'output.states={}' 2>err.txt
grep -q "warning: network.cell: a step of 1 ms is more than half of the fastest time constant, C / g = 0.3" err.txt ||
  fail "no warning: $(cat err.txt)"
"$TAME" plan units.yaml --set 'network.cell={respiratory: {}}' --set 'output.states={}' >plan.txt
grep -q "^  warning           network.cell: a step of 1 ms is more than half of the fastest time constant, C / g = 0.3" plan.txt ||
  fail "no warning in a plan: $(cat plan.txt)"
"$TAME" plan units.yaml --set 'network.cell={respiratory: {step_ms: 0.1, tau_AD_ms: [2000, 0.15, 1000]}}' --set 'output.states={}' >plan.txt
grep -q "of 0.1 ms is more than half of the fastest time constant, tau_AD_ms = 0.15 ms: want a step_ms of at most 0.075" plan.txt ||
  fail "no warning of a gate: $(cat plan.txt)"
"$TAME" run units.yaml -f -o one.h5 --set 'network.cell={respiratory: {step_ms: 0.1}}' --set 'output.states={}' 2>err.txt
if grep -q warning err.txt; then fail "a warning too many: $(cat err.txt)"; fi
"$TAME" run units.yaml -f -o one.h5 --set network.dt_ms=5 --set 'network.cell={ampa_nmda: {}}' --set 'output.states={}' 2>err.txt
grep -q "dt_ms = 5 is more than half of the fastest time constant, 6.309 ms" err.txt || fail "no warning: $(cat err.txt)"

# Bad input
bad() { refuse 2 "$1" "$TAME" run units.yaml -q -o bad.h5 --set "${@:2}"; }
cell() { bad "network.cell.$1: $2" "network.cell={$3}" "${@:4}"; }
cell respiratory.g_K_nS "found '-1', want a number from 0 to 1000000" 'respiratory: {g_K_nS: -1}'
cell respiratory.g_NaP_nS "found '-5', want a number from 0 to 1000000" 'respiratory: {g_NaP_nS: -5}'
cell respiratory.b23 "found '-0.1', want a number from 0" 'respiratory: {b23: -0.1}'
cell respiratory.C_pF "found '0', want a number from" 'respiratory: {C_pF: 0}'
cell respiratory.K_AD "found 2 numbers, want 3" 'respiratory: {K_AD: [1, 2]}'
cell respiratory.c4 "found 1 numbers, want 3" 'respiratory: {c4: 1}'
cell respiratory.V_start_mV "found 3 numbers, want 4" 'respiratory: {V_start_mV: [1, 2, 3]}'
cell 'respiratory.tau_AD_ms[1]' "found '0', want" 'respiratory: {tau_AD_ms: [1000, 0, 1000]}'
cell respiratory.step_ms "found 0.3, of which no whole number makes dt_ms = 1" 'respiratory: {step_ms: 0.3}'
cell respiratory.step_ms "found 2, of which no whole number makes dt_ms = 1" 'respiratory: {step_ms: 2}'
cell respiratory.step_ms "found 2, of which no whole number makes dt_ms = 1" 'respiratory: {step_ms: 2, solver: adaptive}'
cell respiratory.step_ms "found 1e-50, want 0, or at least a millionth of dt_ms = 1" \
  'respiratory: {step_ms: 1e-50, solver: adaptive}' --set network.precision=float
cell respiratory.step_ms "found 1e-300, want 0, or at least a millionth of dt_ms = 1" 'respiratory: {step_ms: 1e-300}'
cell respiratory.tau_AD_ms "found 0.045, want at least the solver's step, 0.1 ms: forward Euler is unstable" \
  'respiratory: {tau_AD_ms: [0.045, 1000, 2000], solver: euler, step_ms: 0.1}'
cell 'respiratory.solver (default)' "found rk4, but equations as_published_notebook want euler" \
  'respiratory: {equations: as_published_notebook}'
cell respiratory.rtol "found 1e-05, which has no meaning for solver euler" 'respiratory: {solver: euler, rtol: 1e-5}'
cell respiratory.solver "found 'rk5', want one of euler, rk4, adaptive" 'respiratory: {solver: rk5}'
cell integrate_and_fire.tau_ms "found 0.5, want at least dt_ms = 1" 'integrate_and_fire: {tau_ms: 0.5}'
cell integrate_and_fire.I_max_nA "found -1, want at least I_min_nA = -0.3" 'integrate_and_fire: {I_max_nA: -1}'
cell integrate_and_fire.V_after_mV "found -60, by which the after-potential may come to -26" \
  'integrate_and_fire: {V_after_mV: -60}'
cell integrate_and_fire.after_steps "found '0', want a whole number from 1" 'integrate_and_fire: {after_steps: 0}'
cell ampa_nmda.tau_ref_ms "found 2e+07, which is 2e+07 steps of dt_ms = 1; want at most 16777216" 'ampa_nmda: {tau_ref_ms: 2e7}'
cell ampa_nmda.V_R_mV "found -40, want less than V_th_mV = -48.641" 'ampa_nmda: {V_R_mV: -40}'
cell ampa_nmda.f_NMDA "found '1.5', want a number from 0 to 1" 'ampa_nmda: {f_NMDA: 1.5}'
bad "network.initial_range: has no meaning for cell integrate_and_fire, whose units start as the cell's own" \
  network.initial_range=2
bad "output.states.variables: cell integrate_and_fire has no variable 'V1'; it has V, spike_step" \
  'output.states.variables=[V1]'
bad "output.states.variables: found 'V' twice" 'output.states.variables=[V, V]'
bad "output.states.variables (default): none are named; cell integrate_and_fire has V, spike_step" \
  'output.states={neurons: [1]}'
bad "output.states.neurons: found 0-23, want ids from 0 to 22" 'output.states.neurons=[0-23]'
bad "output.states.phases: there is no phase 'frist'" 'output.states.phases=[frist]'
bad "output.states.phases (default): variables are named, but no phase records them: phases that train or analyse do if they are named here; there are rhythms" \
  'phases=[analyse: {name: rhythms, by: [rhythm: {level: 0.2}]}]'
bad "output.states.every: found '0', want a whole number from 1" output.states.every=0
bad "tasks[0].inputs[0].pulse.duration_ms: found '0', want a number from 1e-06" 'tasks[0].inputs[0].pulse.duration_ms=0'
bad "units of cell integrate_and_fire have several variables" 'phases=[analyse: {name: a, by: [divergence: {}]}]'
bad "cell integrate_and_fire has no derivatives" 'phases=[analyse: {name: a, by: [lyapunov: {}]}]'
refuse 5 "the network diverged: V1 of neuron" "$TAME" run units.yaml -q -o bad.h5 --set network.dt_ms=50 \
  --set 'network.cell={respiratory: {solver: euler}}' --set 'output.states={}'
echo "bad input is refused"
