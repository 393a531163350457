#!/usr/bin/env bash
# Every job of the folder, cut short, gives the same bytes on any number of ranks and threads.
# ranks: 6
# timeout: 600
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

export TAME_THREAD_GRAIN=1
seen=()
# same JOB ARGUMENT...
same() {
  seen+=("$1.yaml")
  equal_on "$1" "1 2 3 4 6" "1 2" "$TAME_SOURCE/jobs/$1.yaml" "${@:2}"
}
ms() { echo "tasks[$1].duration_ms=$2"; }
window() { echo "tasks[$1].window_ms=[$2, $3]"; }
steps() { # TASK MS: inputs and targets of the jobs that are all pulses and series, for so long
  printf '%s\n' --set "$(ms "$1" "$2")" --set "$(window "$1" 20 "$2")"
}

same esn-chaos --set network.neurons=60 --set "$(ms 0 300)"
same esn-step --set network.neurons=60 --set "$(ms 0 300)" --set 'tasks[0].inputs=[pulse: {start_ms: 20, duration_ms: 20}]' \
  --set 'tasks[0].targets=[pulse: {start_ms: 150, duration_ms: 50}]'
for job in esn-lorenz esn-mackey-glass; do
  mapfile -t cut < <(steps 0 200 && steps 1 150)
  same $job "${cut[@]}" --set network.neurons=60 --set 'tasks[0].inputs=[pulse: {start_ms: 0, duration_ms: 200}]' \
    --set 'tasks[1].inputs=[pulse: {start_ms: 0, duration_ms: 150}]' --set 'phases[2].test.teacher_ms=70' \
    --set 'phases[0].train.learner={ridge: {alpha: 1e-3}}'
done
same esn-narma --only 0 --set network.neurons=50 --set "$(ms 0 400)" --set "$(window 0 300 400)" \
  --set 'phases[0].train.window_ms=[100, 300]'
same esn-memory --only 0,7 --set network.neurons=50 --set "$(ms 0 400)" --set "$(window 0 300 400)" \
  --set 'phases[0].train.window_ms=[100, 300]'
same ngrc-lorenz --only 1 --set "$(ms 0 500)" --set "$(window 0 400 500)" --set 'phases[0].train.window_ms=[50, 350]'
same force --set network.neurons=60 --set "$(ms 0 200)"
same full-force --set network.neurons=40 --set "$(ms 0 100)" --set 'phases[1].test.trials=1' \
  --set 'tasks[0].targets=[chirp: {duration_ms: 100, from_hz: 5, to_hz: 15}]' --set 'phases[3].train.trials=3' \
  --set 'phases[4].train.trials=2' --set 'phases[5].test.trials=2'
same small --set network.neurons=60
same two-neurons
same ring --set "$(ms 0 2)"
same ring-attractor --set network.neurons=60 --set network.inputs=60
pulse=(--set network.neurons=100 --set "$(ms 0 200)" --set "$(window 0 50 150)"
  --set 'tasks[0].inputs=[pulse: {start_ms: 20, duration_ms: 20, amplitude: 5}]')
same laje-fig1 "${pulse[@]}" --set 'tasks[0].targets=[peak: {time_ms: 140}]' --set 'phases[3].train.trials=3' \
  --set 'tasks[0].perturbation=[pulse: {channel: 1, start_ms: 80, duration_ms: 10, amplitude: 0.5}]'
same laje-fig2 --set network.neurons=100 --set 'phases[3].train.trials=1' --set 'phases[4].train.trials=1' \
  --set 'phases[5].test.trials=1' --set 'phases[6].perturb.trials=1'
same laje-fig3 --only 0,2 --set network.neurons=60 --set 'phases[1].train.trials=2' --set 'phases[2].train.trials=1'
same laje-lyapunov --set network.neurons=60 --set "$(ms 0 300)" --set "$(window 0 100 300)" --set "$(ms 1 300)" \
  --set "$(window 1 100 300)" --set 'phases[1].analyse.window_ms=[50, 300]' --set 'phases[3].analyse.window_ms=[50, 300]'
same big-innate --set network.neurons=120 --set "$(ms 0 200)" --set "$(window 0 50 150)"
same ncp-sines --set 'phases[1].fit.epochs=3' --set sweep.repeats=1
same noise-integration --set 'phases[1].fit.epochs=1' --set 'data[0].samples=256' --set 'data[1].samples=16'
same spiking-classifier --set 'phases[1].fit.epochs=2' --set 'data[0].samples=32'
same cfc-irregular --set 'phases[1].fit.epochs=1' --set 'data[0].samples=64' --set 'data[1].samples=16' --set sweep.repeats=1
same spiking-neuron --set network.neurons=5 --set "$(ms 0 300)"
same ampa-nmda --only 0,3 --set network.neurons=12 --set 'tasks[0].inputs=[pulse: {start_ms: 20, duration_ms: 0.5}]' \
  --set "$(ms 0 100)"
same respiratory --set "$(ms 0 200)"
same respiratory-population --set network.neurons=300 --set 'output.states.neurons=[0-20]' --set "$(ms 0 100)" \
  --set 'phases[0].analyse.window_ms=[20, 100]'
same addition --set 'data[0]={name: addition, from: {addition: {steps: 10}}, samples: 20}' --set 'data[1].samples=8' \
  --set 'phases[0].fit.epochs=2' --set 'phases[0].fit.clip.norm=~' --set sweep.repeats=1 \
  --set 'sweep.axes=[{"phases[0].fit.optimizer": [{hessian_free: {curvature: 7, structural: 1}}, conjugate_gradient, adam]}]'
tiny=(--set 'phases[0].fit.epochs=2' --set 'data[0].samples=128' --set 'data[1].samples=30' --set 'phases[2].condense.learned=9')
same condensing "${tiny[@]}" --set 'model.layers[0].rnn.units=9' --set 'phases[2].condense.until=1e3' --set 'sweep.axes[0]={"phases[2].condense.retrain": [0, 2]}' \
  --set sweep.repeats=1
same condensing-sizes "${tiny[@]}" --set 'sweep.axes=[{"model.layers[0].rnn.units": [4, 7]}]' --set sweep.repeats=1

for job in "$TAME_SOURCE"/jobs/*.yaml; do
  printf '%s\n' "${seen[@]}" | grep -qx "$(basename "$job")" || fail "$job was not tried"
done
