#!/usr/bin/env bash
# Byte-equal results on any number of ranks and threads: double and float, both plasticity masks, dense
# and sparse wiring, more ranks than neurons.
# ranks: 7
# timeout: 600
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

export TAME_THREAD_GRAIN=1 # or else such small networks would be left to one thread
job=$TAME_SOURCE/jobs/laje-fig1.yaml
short=(--set 'tasks[0].duration_ms=260' --set 'tasks[0].window_ms=[90, 220]'
  --set 'tasks[0].inputs=[pulse: {start_ms: 50, duration_ms: 40, amplitude: 5}]'
  --set 'tasks[0].targets=[peak: {time_ms: 180}]'
  --set 'tasks[0].perturbation=[pulse: {channel: 1, start_ms: 120, duration_ms: 10, amplitude: 0.5}]'
  --set 'phases[3].train.trials=4' --set 'phases[4].train.trials=3' --set output.weights=both
  --set output.initial_state=on --set 'output.rates.neurons=[0-1, 3]')

# same LABEL ARGUMENT...
same() { equal_on "$1" "1 2 3 4 7" "1 2 3" "$job" "${short[@]}" "${@:2}"; }

same "double" --set network.neurons=150
same "float" --set network.neurons=120 --set network.precision=float
same "per_synapse" --set network.neurons=120 --set network.plasticity=per_synapse
same "halo" --set network.neurons=200 --set 'network.wiring={fixed_inputs: {inputs: 3}}'
same "more ranks than neurons" --set network.neurons=4 --set network.wiring.random.density=1

# Readouts that are solved for
job=$TAME_SOURCE/jobs/esn-step.yaml
innate=("${short[@]}")
short=(--set 'tasks[0].duration_ms=300' --set 'tasks[0].inputs=[pulse: {start_ms: 20, duration_ms: 20}]'
  --set 'tasks[0].targets=[pulse: {start_ms: 150, duration_ms: 50}]' --set output.weights=both)
same "lasso" --set network.neurons=100 --set 'phases[0].train.trials=2'
same "leaky, scaled" --set network.neurons=100 --set 'network.cell={leaky: {leak: 0.3}}' \
  --set network.scaling=spectral_radius --set network.gain=0.9 --set network.bias_scale=0.1
same "ridge, float" --set network.neurons=150 --set network.precision=float \
  --set 'phases[0].train.learner={ridge: {alpha: 1}}'
same "ridge by QR, of several alphas" --set network.neurons=70 --set 'phases[0].train.trials=2' \
  --set 'phases[0].train.learner={ridge: {alpha: [1e-6, 1e-3, 1], solver: qr}}'
for solver in gram qr; do # the ranks that solve together are part of the experiment
  rm -f one.h5
  for n in 4 5 7; do
    ranks "$n" "$TAME" run "$job" -f -o other.h5 -q "${short[@]}" --set network.neurons=140 \
      --set "phases[0].train.learner={ridge: {alpha: [1e-3, 1], solver: $solver, solvers: 4}}"
    [ -f one.h5 ] || cp other.h5 one.h5
    "$TAME" compare one.h5 other.h5 >verdict.txt || fail "4 solvers on $n: $(cat verdict.txt)"
  done
done
same "lasso of several alphas" --set network.neurons=70 \
  --set 'phases[0].train.learner={lasso: {alpha: [0.1, 0.01, 0.001]}}'

# Features of past inputs
job=$TAME_SOURCE/jobs/ngrc-lorenz.yaml
short=(--only 0 --set 'tasks[0].duration_ms=400' --set 'tasks[0].window_ms=[350, 400]'
  --set 'phases[0].train.window_ms=[50, 350]' --set output.rates.neurons=all)
same "nvar, float" --set network.precision=float --set 'phases[0].train.learner={ridge: {alpha: 1}}' \
  --set 'network.cell={nvar: {delay: 2, stride: 2, orders: [2, 3]}}'
same "nvar, rls" --set network.cell.nvar.constant=on --set 'phases[0].train.learner=rls'

job=$TAME_SOURCE/jobs/laje-fig1.yaml
short=("${innate[@]}")
rm -f one.h5
OMP_NUM_THREADS=1 "$TAME" run "$job" -o one.h5 -q "${short[@]}" --set network.neurons=4 \
  --set network.wiring.random.density=1

# The comparison can fail: another seed
"$TAME" run "$job" -f -o other.h5 -q "${short[@]}" --set network.neurons=4 \
  --set network.wiring.random.density=1 --set network.seed=2
if "$TAME" compare one.h5 other.h5 >verdict.txt; then fail "two seeds compare as equal"; fi
grep -q '^different: /phases/' verdict.txt || fail "no place named: $(cat verdict.txt)"
