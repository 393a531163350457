#!/usr/bin/env bash
# Phases that analyse: the same bytes on any layout, and when stopped in the midst of a trial and resumed on another;
# what stands in the file is what NumPy makes of the weights and rates that stand beside it.
# ranks: 7
# timeout: 600
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

cat >chaos.yaml <<'END'
name: chaos
network: {neurons: 90, inputs: 2, gain: 1.8, noise: 0.001, wiring: {random: {density: 0.3}}}
tasks:
  - {name: short, duration_ms: 200, window_ms: [50, 190], inputs: [pulse: {start_ms: 10, duration_ms: 20, amplitude: 5}]}
  - {name: long, duration_ms: 400, window_ms: [60, 390], inputs: [pulse: {start_ms: 20, duration_ms: 20, amplitude: 5}]}
phases:
  - record:  {name: innate}
  - analyse: {name: before, by: [spectrum, lyapunov: {exponents: 12, every: 7, settle_ms: 30}]}
  - train:   {name: recurrent, weights: recurrent, target: innate, trials: 3, every: 2}
  - analyse:
      name: after
      trials: 2
      noise: on
      by: [pca: {components: 3, projections: on}, spectrum, divergence: {epsilon: 0.01}, lyapunov]
output: {weights: both, rates: {neurons: all, phases: [after]}}
END

# Layouts: an allgather and a halo, double and float, fewer neurons on a rank than exponents
export TAME_THREAD_GRAIN=1
same() { equal_on "$1" "1 2 3 4 7" "1 2 3" chaos.yaml "${@:2}"; }
same "double"
same "float, halo" --set network.precision=float --set 'network.wiring={fixed_inputs: {inputs: 4}}' \
  --set network.plasticity=per_synapse
unset TAME_THREAD_GRAIN

# A readout that is fed back: both methods find the same exponent, driven by the target, free, and when that changes
cat >fed.yaml <<'END'
name: fed
network: {neurons: 60, inputs: 0, gain: 1.2, feedback_scale: 2, wiring: {random: {density: 0.3}}}
tasks: [{name: wave, duration_ms: 3000, window_ms: [100, 3000], targets: [sines: {amplitudes: [1], frequencies_hz: [3]}]}]
phases:
  - analyse: {name: driven, feedback: target, by: [lyapunov: {exponents: 1}, divergence: {}]}
  - analyse: {name: free, by: [lyapunov: {exponents: 1}, divergence: {}]}
  - analyse: {name: both, teacher_ms: 1500, by: [lyapunov: {exponents: 1}, divergence: {}]}
END
"$TAME" run fed.yaml -q -o fed.h5
"$PYTHON" - <<'END'
import h5py
with h5py.File("fed.h5") as f:
    found = {}
    for phase in ("driven", "free", "both"):
        group = f["phases/%s/wave" % phase]
        found[phase] = group["lyapunov/exponents"][0, 0, 0], group["divergence/exponent"][0, 0]
        print("fed back, %s: %.4f and %.4f 1/s" % (phase, *found[phase]))
    assert all(abs(a - b) < 5e-2 for a, b in found.values()), "the methods differ"
    assert abs(found["driven"][0] - found["free"][0]) > 0.1, "what is fed back makes no difference"
END

# Stopped in the midst of trials, again and again, and resumed on other ranks; later and later, or else a busy machine
# would hardly come on
long=(--set 'tasks[0].duration_ms=50000' --set 'tasks[0].window_ms=[1000, 49990]'
  --set output.rates.neurons=none)
rm -f one.h5 other.h5
"$TAME" run chaos.yaml -q -o one.h5 "${long[@]}"
stops=0 inside=0 resume=()
for round in $(seq 400); do
  OMP_NUM_THREADS=1 ranks $((round % 3 + 1)) "$TAME" run chaos.yaml -q -o other.h5 --checkpoint-every 1000 \
    "${long[@]}" "${resume[@]}" 2>err.txt &
  run=$!
  sleep "$(awk "BEGIN { print 0.1 + 0.05 * ($round % 9) + 0.01 * $round }")"
  "$PYTHON" - "$run" <<'END'
import os, signal, subprocess, sys
for child in subprocess.run(["pgrep", "-P", sys.argv[1], "-f", "other.h5"], capture_output=True, text=True).stdout.split():
    try:
        os.kill(int(child), signal.SIGUSR1)
    except ProcessLookupError:
        pass
END
  wait $run || true
  unlocked other.h5.partial
  if [ -e other.h5 ]; then break; fi
  if [ ! -e other.h5.partial ]; then continue; fi # stopped before there was anything
  resume=(--resume)
  stops=$((stops + 1))
  "$TAME" info other.h5 >info.txt
  if grep -qE "phase '(before|after)', task '[a-z]+', trial [0-9]+, step [1-9]" info.txt; then inside=$((inside + 1)); fi
done
[ -e other.h5 ] || fail "it does not come to an end"
"$TAME" compare one.h5 other.h5 || fail "stopped $stops times, it ends otherwise"
[ $inside -ge 2 ] || fail "stopped $stops times, but only $inside times inside an analysis"
echo "stopped $stops times, $inside of them inside an analysis: the same bytes"

# Against NumPy
rm -f one.h5
"$TAME" run chaos.yaml -q -o one.h5
"$PYTHON" - <<'END'
import h5py
import numpy as np
with h5py.File("one.h5") as f:
    def whole(values):
        start, column = f["weights/row_start"][0], f["weights/column"][0]
        W = np.zeros((90, 90))
        for i in range(90):
            W[i, column[start[i]:start[i + 1]]] = values[start[i]:start[i + 1]]
        return W

    for phase, which in (("before", "initial"), ("after", "final")):
        for task in ("short", "long"):
            group = f["phases"][phase][task]["spectrum"]
            mu = group["eigenvalues"][0, -1] @ [1, 1j]
            want = np.linalg.eigvals(whole(f["weights"][which]["recurrent"][0]))
            distance = np.abs(mu[:, None] - want[None, :])
            assert distance.min(axis=0).max() < 1e-10 and distance.min(axis=1).max() < 1e-10
            assert abs(group["radius"][0, -1] - np.abs(want).max()) < 1e-10
            assert (np.diff(mu.real) <= 0).all()
    assert np.abs(f["phases/before/long/spectrum/eigenvalues"][:] -
                  f["phases/after/long/spectrum/eigenvalues"][0, 0]).max() > 0.01
    for task, first, last in (("short", 50, 190), ("long", 60, 390)):
        group = f["phases/after"][task]
        for trial in range(2):
            rates = group["rates"][0, trial][:, first:last]
            pca = {name: group["pca"][name][0, trial] for name in group["pca"]}
            want = np.linalg.eigvalsh(np.cov(rates, bias=True))[::-1]
            assert np.abs(pca["variance"] - want).max() < 1e-12
            path = pca["components"] @ (rates - rates.mean(axis=1, keepdims=True))
            assert np.abs(path - pca["projections"]).max() < 1e-11
            assert np.abs(pca["mean"] - rates.mean(axis=1)).max() < 1e-13
            assert abs(pca["participation_ratio"] - want.sum() ** 2 / (want ** 2).sum()) < 1e-9
            assert pca["components_95"] == 1 + np.argmax(np.cumsum(want) >= 0.95 * want.sum())
            assert (pca["components"][np.arange(3), np.abs(pca["components"]).argmax(axis=1)] > 0).all()
        assert group["pca/projections"].attrs["start_ms"] == first
        one, k = group["divergence/exponent"][0], group["lyapunov/exponents"][0]
        assert np.abs(one - k[:, 0]).max() < 0.3, (one, k[:, 0])  # epsilon is 0.01
        running = group["lyapunov/running"]
        assert (running[0, :, :, -1] == k).all() and running.shape[-1] == (last - first) // 10
        assert running.attrs["start_ms"] == first + 10 and running.attrs["step_ms"] == 10
    running = f["phases/before/long/lyapunov/running"]
    assert running.shape == (1, 1, 12, 330 // 7 - 5)  # 30 ms are five intervals of 7
    assert running.attrs["start_ms"] == 60 + 6 * 7
    exponents = f["phases/before/long/lyapunov/exponents"][0, 0]
    assert abs(f["phases/before/long/lyapunov/entropy"][0, 0] - exponents[exponents > 0].sum()) < 1e-12
    assert "loss" not in f["phases/after/long"] and "readout" not in f["phases/after/long"]
END
echo "spectra, components and exponents: as NumPy has them"

# Figures of all, and of each alone; what is told of them
"$TAME" plot one.h5 -o figures --format png >plot.txt
[ -s figures/one-chaos.png ] || fail "no figure: $(cat plot.txt)"
for by in spectrum lyapunov divergence pca; do
  "$TAME" run chaos.yaml -q -f -o alone.h5 --set "phases=[analyse: {name: only, by: [$by]}]" \
    --set output.rates.phases=[only]
  rm -rf figures
  "$TAME" plot alone.h5 -o figures --format png >plot.txt || fail "$by alone: $(cat plot.txt)"
  [ -s figures/alone-chaos.png ] || fail "$by alone: no figure: $(cat plot.txt)"
done
"$TAME" run chaos.yaml -q -o gains.h5 --set 'phases=[analyse: {name: only, by: [lyapunov]}]' \
  --set output.rates.phases=[only] --set 'sweep={axes: [network.gain: [0.5, 1, 1.5], network.neurons: [50, 70, 90]]}'
"$TAME" plot gains.h5 -o figures --format png >plot.txt || fail "exponents of a sweep: $(cat plot.txt)"
for figure in sweep map; do
  [ -s figures/gains-$figure.png ] || fail "exponents of a sweep: $(cat plot.txt)"
done
"$TAME" info one.h5 >info.txt
grep -qE "^  after \(analyse\) +long .*radius [0-9.]+ .*exponent [-0-9.]+/s .*participation [0-9.]+" info.txt ||
  fail "$(cat info.txt)"
echo "figures and words"
