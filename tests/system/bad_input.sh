#!/usr/bin/env bash
# Bad input: one message that names the place, the right exit code, nothing left behind.
# timeout: 300
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

job=$TAME_SOURCE/jobs/small.yaml
bad() { refuse 2 "$1" "$TAME" run "$job" -q -o bad.h5 --set "${@:2}"; }

bad "network.gian: unknown key, did you mean 'gain'?" network.gian=1
bad "network.neurons: found 'many', want a whole number from 0" network.neurons=many
bad "network.neurons: found '150.5', want a whole number" network.neurons=150.5
bad "network.neurons: found '-1', want a whole number from 0" network.neurons=-1
bad "network.neurons: found 0, want a whole number from 1 to 2e+09: how many neurons cell rate has must be given" \
  network.neurons=0
grep -v neurons: "$job" >uncounted.yaml
refuse 2 "uncounted.yaml:9: network.neurons (default): found 0, want a whole number from 1 to 2e+09" \
  "$TAME" run uncounted.yaml -q -o bad.h5
bad "network.noise: found '.nan'" network.noise=.nan
bad "network.precision: found 'quad', want one of double, float" network.precision=quad
bad "network.wiring: found 'rnadom', want one of random, fixed_inputs, cosine, given, none; did you mean 'random'?" \
  'network.wiring={rnadom: {}}'
bad "network.wiring.random.density: found '1.5', want a number from 0 to 1" \
  network.wiring.random.density=1.5
bad "network.wiring.fixed_inputs.inputs: found 150, want at most 149" \
  'network.wiring={fixed_inputs: {inputs: 150}}'
bad "network.cell.rate.tau_ms: found 0.5, want at least dt_ms = 1" network.cell.rate.tau_ms=0.5
bad "network.cell.leaky.leak: found 0, want a number above 0 and at most 1" \
  'network.cell={leaky: {leak: 0}}'
bad "network.cell.leaky.tau_ms: found 4, but leak = 0.5 is given, too: want one of them" \
  'network.cell={leaky: {leak: 0.5, tau_ms: 4}}'
bad "network.cell.leaky.tau_ms: found 0.5, want at least dt_ms = 1: forward Euler is unstable" \
  'network.cell={leaky: {tau_ms: 0.5}}'
bad "network.cell.leaky.activation: found 'sigmoid', want one of tanh, linear, relu" \
  'network.cell={leaky: {activation: sigmoid}}'
bad "network.cell.leaky.threshold: found 2, but activation linear has none, only relu" \
  'network.cell={leaky: {activation: linear, threshold: 2}}'
sed 's/0.8, 0.8, 0\]/0.8, 0.8]/' "$TAME_SOURCE/jobs/two-neurons.yaml" >three.yaml
refuse 2 "three.yaml:18: network.wiring.given.weights: found 3 numbers, want 2 x 2 = 4: a row of weights for" \
  "$TAME" run three.yaml -q -o bad.h5
bad "network.gain: has no meaning for wiring cosine, which says what the weights are; leave it out" \
  'network.wiring={cosine: {amplitude: 1}}' --set network.gain=1
bad "network.scaling: has no meaning for wiring given" 'network.wiring={given: {weights: [1]}}' \
  --set network.gain=1.5 --set network.neurons=1 --set network.scaling=spectral_radius
bad "network.wiring.cosine.angles: found as_published, which leaves no synapse to a single neuron" \
  'network.wiring={cosine: {amplitude: 1, angles: as_published}}' --set network.gain=1.5 --set network.neurons=1 \
  --set network.inputs=1
bad "network.input_weights: found one_to_one with 151 inputs, want 1 to 150, for the first neurons" \
  network.input_weights=one_to_one --set network.inputs=151
bad "network.input_weights: found one_to_one with 0 inputs, want 1 to 150" \
  network.input_weights=one_to_one --set network.inputs=0 --set 'tasks[0].inputs=[]' --set 'tasks[0].perturbation=[]'
bad "network.input_density: has no meaning for input_weights: one_to_one; leave it out" \
  network.input_weights=one_to_one --set network.input_density=0.5
bad "tasks[0].inputs[0].cosine.channels: found 3 from channel 0 on, want at most 2: there are 2 channels" \
  'tasks[0].inputs=[cosine: {amplitude: 1, channels: 3}]'
bad "tasks[0].inputs[0].cosine.channels (default): a ring of one channel; want two at least" \
  'tasks[0].inputs=[cosine: {amplitude: 1, channel: 1}]'
bad "tasks[0].inputs[0].random.start_ms: found 390 to 420 ms, want it inside the trial, 0 to 400 ms" \
  'tasks[0].inputs=[random: {start_ms: 390, duration_ms: 30}]'
bad "network.scaling: found 'radius', want one of variance, spectral_radius" network.scaling=radius
bad "network.scaling: spectral_radius: W has no eigenvalue but 0" network.scaling=spectral_radius \
  --set network.wiring.random.density=0
bad "network.input_density: found '2', want a number from 0 to 1" network.input_density=2
bad "network.bias_scale: found '-1', want a number from 0 to 1000000" network.bias_scale=-1
bad "tasks[0].window_ms: found [10, 1000], want start < end inside the trial" \
  'tasks[0].window_ms=[10, 1000]'
bad "tasks[0].window_ms: found 1 numbers, want [start, end)" 'tasks[0].window_ms=[10]'
bad "tasks[0].inputs[0].pulse.channel: found channel 2, want 0 to 1" 'tasks[0].inputs[0].pulse.channel=2'
bad "tasks[0].inputs[0].pulse.start_ms: found 390 to 420 ms, want it inside the trial" \
  'tasks[0].inputs[0].pulse.start_ms=390'
bad "tasks[0].name: found 'a/b', want a name of letters" 'tasks[0].name=a/b'
bad "phases[2].train.weights: recurrent weights are to learn, but network.plasticity leaves none" \
  network.plasticity=none
bad "phases[2].train.target: found 'innat', want the name of a record phase before this one" \
  'phases[2].train.target=innat'
bad "phases[2].train.target (default): recurrent weights need a target" 'phases[2].train={name: x, weights: recurrent}'
bad "phases[3].train.weights: readout weights are to learn, but task 'timing' has no targets" \
  'tasks[0].targets=[]'
bad "phases[3].train.target: found 'innate', but readouts learn the tasks' targets" \
  'phases[3].train.target=innate'
bad "phases[3].train.every: found 1000, which gives no update in the window" 'phases[3].train.every=1000'
bad "phases[3].train.name: there is a phase 'recurrent' already" 'phases[3].train.name=recurrent'
bad "phases[4].test.tasks: there is no task 'timign'" 'phases[4].test.tasks=[timign]'
bad "phases[4].test.trails: unknown key, did you mean 'trials'?" 'phases[4].test.trails=3'
bad "phases[5].perturb.tasks (default): task 'timing' has no perturbation" 'tasks[0].perturbation=[]'
bad "output.rates.neurons: found 0-150, want ids from 0 to 149" 'output.rates.neurons=[0-150]'
bad "output.rates.neurons: found 'x'" 'output.rates.neurons=[x]'
bad "output.rates.phases: there is no phase 'befor'" 'output.rates.phases=[befor]'
bad "none of the network's synapses is plastic" network.wiring.random.density=0
bad "phases[2].train.learner: ridge trains readouts, not recurrent weights" 'phases[2].train.learner=ridge'
bad "phases[3].train.learner.lasso.alpha: found '-1', want a number from 1e-12" \
  'phases[3].train.learner={lasso: {alpha: -1}}'
refuse 5 "phase 'readout', task 'timing', trial 0: ridge: X'X + 0 I is singular: effective rank of" \
  "$TAME" run "$job" -q -o bad.h5 --set 'phases[3].train.learner={ridge: {alpha: 0}}' \
  --set 'phases[3].train.window_ms=[100, 150]'
bad "phases[3].train.learner.ridge.alpha[1]: found '-1', want a number from 0" \
  'phases[3].train.learner={ridge: {alpha: [1, -1]}}'
bad "phases[3].train.learner.ridge.alpha: 0.5 is given twice" \
  'phases[3].train.learner={ridge: {alpha: [0.5, 0.5]}}'
bad "phases[3].train.learner.ridge.alpha: the list is empty, want numbers" \
  'phases[3].train.learner={ridge: {alpha: []}}'
bad "phases[3].train.learner.lasso.folds: 100 folds of 20 updates in a row, but the first trial has" \
  'phases[3].train.learner={lasso: {alpha: [1, 2], folds: 100}}'
bad "phases[3].train.learner.ridge.solvers: found '3', want one of 1, 4, 9, 16, 25" \
  'phases[3].train.learner={ridge: {solvers: 3}}'
refuse 2 "phase 'readout': 4 ranks are to solve together (solvers), and a network has 1" \
  "$TAME" run "$job" -q -o bad.h5 --set 'phases[3].train.learner={ridge: {solvers: 4}}'
refuse 2 "phase 'readout': 4 ranks are to solve together (solvers), and a network has 2" \
  "$TAME" plan "$job" --ranks 2 --set 'phases[3].train.learner={ridge: {solvers: 4}}'
refuse 2 "phase 'after': 9 ranks are to solve together (solvers), and a network has 1" \
  "$TAME" run "$job" -q -o bad.h5 --set 'phases[4]={analyse: {name: after, by: [pca: {solvers: 9}]}}'
# What does not converge is no failure: it is told, and the results have the gap
"$TAME" run "$job" -o gap.h5 --set 'phases[3].train.learner={lasso: {max_sweeps: 5}}' 2>gap.txt
grep -q "warning: phase 'readout', task 'timing', trial 0: coordinate descent of output 0 has not" gap.txt ||
  fail "no warning: $(cat gap.txt)"
"$PYTHON" - <<'END'
import h5py
with h5py.File("gap.h5") as f:
    g = f["phases/readout/timing"]
    assert (g["gap"][0, :, 0] > g["gap_wanted"][0, :, 0]).all() and (g["sweeps"][...] == 5).all()
    assert g["gap"].attrs["dims"] == "network, trial, output" and "cv_error" not in g
END

# Series
series() { # WORDS SIGNAL: as a target of the one output
  bad "tasks[0].targets[0].$1" "tasks[0].targets=[$2]"
}
series "lorenz.channel (default): found 0, which needs channels 0 to 2; there are 1" 'lorenz: {}'
series "random.channel: found 1, which needs channels 1 to 40; there are 1" 'random: {channel: 1, delays: 40}'
series "random.delays: found '-3', want a whole number from 0" 'random: {delays: -3}'
series "random.hold: found '0', want a whole number from 1" 'random: {hold: 0}'
series "random.high: found low = -1 and high = -2, want low < high" 'random: {high: -2}'
series "random.sd: found 2, but the other distribution is chosen" 'random: {sd: 2}'
series "mackey_glass.tau: found 17.25, 172.5 substeps of 1/10, want a whole number" 'mackey_glass: {tau: 17.25}'
series "mackey_glass.channel: found channel 2, want 0 to 0" 'mackey_glass: {channel: 2}'
series "narma.order: found '0', want a whole number from 1 to 100" 'narma: {order: 0}'
series "narma.order: found 30, with which y diverges at number" 'narma: {order: 30}'
series "narma.shift: found '0.5', want a whole number" 'narma: {shift: 0.5}'

# Networks of features
features() { # WORDS OVERRIDE...: a small network of them
  printf '%s\n' 'network: {inputs: 1, cell: {nvar: {delay: 4, stride: 5}}, wiring: none}' \
    'tasks: [{name: a, duration_ms: 50, inputs: [random: {}], targets: [random: {delays: 1}]}]' \
    'phases: [test: {name: t}]' >features.yaml
  refuse 2 "$1" "$TAME" run features.yaml -q -o bad.h5 "${@:2}"
}
features "network.neurons: found 13, want 0 or 14, as many as cell nvar has features of 1 channels" \
  --set network.neurons=13
features "network.cell.nvar.delay: found '0', want a whole number from 1" --set network.cell.nvar.delay=0
features "network.cell.nvar.stride: found '0', want a whole number from 1" --set network.cell.nvar.stride=0
features "network.cell.nvar.orders[0]: found '1', want a number from 2 to 8" --set 'network.cell.nvar.orders=[1]'
features "network.cell.nvar.orders: found 2.5, want whole numbers" --set 'network.cell.nvar.orders=[2.5]'
features "network.wiring: found random, but units of cell nvar have no synapses: want none" --set network.wiring=random
features "network.inputs: found 0, of which cell nvar has no features" --set network.inputs=0
features "network.noise: has no meaning for cell nvar" --set network.noise=0.1
features "network.gain: has no meaning for cell nvar" --set network.gain=1
features "phases[0].train.weights: recurrent weights are to learn, but cell nvar has none" \
  --set 'phases=[train: {name: x, weights: recurrent}]'

# Analyses, in the place of the first test
analyse() { bad "phases[1].analyse.$1" "phases[1]={analyse: {name: chaos, $2}}"; }
analyse "by[0].lyapunov.exponents: found 151, want at most network.neurons = 150" \
  'by: [lyapunov: {exponents: 151}]'
analyse "by[1].pca.components: found 200, want at most network.neurons = 150" \
  'by: [spectrum, pca: {components: 200}]'
analyse "by[0].lyapunov.every (default): found 10 steps, of which the window, steps 80 to 89, has no whole interval" \
  'window_ms: [80, 89], by: [lyapunov: {exponents: 2}]'
analyse "by[0].divergence.every: found 100 steps, of which the window, steps 80 to 330, has no whole interval after settle_ms = 200" \
  'by: [divergence: {every: 100, settle_ms: 200}]'
analyse "by[0].pca.components (default): the window is a single step, 80" 'window_ms: [80, 81], by: [pca]'
analyse "by[2].spectrum: spectrum is made in this phase already" 'by: [spectrum, pca, spectrum]'
analyse "by: the list is empty, want at least one analysis" 'by: []'
analyse "by[0]: found 'lyapunow', want one of spectrum, lyapunov, divergence, pca, rhythm; did you mean 'lyapunov'?" \
  'by: [lyapunow]'
analyse "window_ms: found [300, 500], want start < end inside the trial" 'window_ms: [300, 500], by: [pca]'
bad "phases[1].analyse.by[0].divergence.epsilon (default): found 1e-06, want at least 0.001 where network.precision is float" \
  'phases[1]={analyse: {name: chaos, by: [divergence]}}' --set network.precision=float
refuse 5 "phase 'chaos', task 'timing', trial 0: tangent vectors are parallel, or not finite, after 0 intervals of 10" \
  "$TAME" run "$job" -q -o bad.h5 --set 'phases=[analyse: {name: chaos, by: [lyapunov: {exponents: 2}]}]' \
  --set network.gain=0 --set network.cell.rate.tau_ms=1
refuse 3 "for the network, P, analyses and recordings" "$TAME" run "$job" -q -o bad.h5 \
  --set 'phases=[analyse: {name: chaos, by: [lyapunov: {exponents: 100000}]}]' \
  --set network.neurons=100000 --set network.wiring.random.density=0.0001 --set output.weights=none
bad "phases[0].analyse.by[0].spectrum: 50000 neurons are too many for LAPACK, want at most 46340" \
  'phases=[analyse: {name: chaos, by: [spectrum]}]' --set network.neurons=50000

# Arrays from files
printf 'x\n1\n2\nnan\n' >nan.csv
"$PYTHON" - <<'END'
import h5py
import numpy as np
with h5py.File("user.h5", "w") as f:
    f["wide"] = np.zeros((100, 3))
    f["bad"] = np.array([0.0, np.nan])
    f["deep"] = np.zeros((2, 2, 2))
END
file() { printf 'tasks[0].targets=[file: {path: %s/%s}]' "$PWD" "$1"; }
at="tasks[0].targets[0].file"
bad "$at.path: cannot read '$PWD/none.csv': No such file" "$(file none.csv)"
bad "$at.path: $PWD/nan.csv:4: found nan in column 0, want a finite number" "$(file nan.csv)"
bad "$at.dataset (default): '$PWD/user.h5' is an HDF5 file: name the dataset in it" "$(file user.h5)"
bad "$at.dataset: '$PWD/user.h5' has no dataset 'none'" "$(file 'user.h5, dataset: none')"
bad "$at.dataset: '$PWD/user.h5' bad: found nan at [1][0]" "$(file 'user.h5, dataset: bad')"
bad "$at.dataset: '$PWD/user.h5' deep has 3 axes" "$(file 'user.h5, dataset: deep')"
bad "$at.path: '$PWD/user.h5' has shape [100][3], which from channel 0 needs 3 channels; there are 1" \
  "$(file 'user.h5, dataset: wide')"

# File, line and key
sed 's/^  gain: 1.5/  gian: 1.5/' "$job" >typo.yaml
refuse 2 "typo.yaml:13: network.gian: unknown key, did you mean 'gain'?" "$TAME" run typo.yaml -q -o bad.h5
printf 'network: [1,\n' >broken.yaml
refuse 2 "broken.yaml:" "$TAME" run broken.yaml -q -o bad.h5
: >empty.yaml
refuse 2 "empty.yaml" "$TAME" run empty.yaml -q -o bad.h5
refuse 2 "cannot read 'none.yaml': No such file" "$TAME" run none.yaml -q -o bad.h5
refuse 2 "cannot read '.'" "$TAME" run . -q -o bad.h5

# The same on all ranks, said once
refuse 2 "unrecognized option '--outptu" "$MPIEXEC" -n 3 "$TAME" run "$job" --outptu=x
for n in 2 3; do
  refuse 2 "network.gian: unknown key" "$MPIEXEC" -n $n "$TAME" run "$job" -q -o bad.h5 --set network.gian=1
  refuse 4 "folder '/nowhere': No such file" "$MPIEXEC" -n $n "$TAME" run "$job" -q -o /nowhere/bad.h5
  refuse 3 "too little memory: each of $n ranks needs about" \
    "$MPIEXEC" -n $n "$TAME" run "$job" -q -o bad.h5 --set network.neurons=400000
done
refuse 2 "TAME_KERNEL: found 'sse', want one of" env TAME_KERNEL=sse "$TAME" run "$job" -q -o bad.h5

# P that does not fit though W does: 10,000 neurons with 3,000 inputs need 216 GB
refuse 3 "for the network, P, analyses and recordings" "$TAME" run "$job" -q -o bad.h5 --set network.neurons=10000 \
  --set network.wiring.random.density=0.3 --set output.weights=none
# Signals that do not fit
refuse 3 "for the signals of the tasks" "$TAME" run "$job" -q -o bad.h5 \
  --set 'tasks[0].duration_ms=1.9e9' --set network.inputs=100

# Tasks that an override would change under the copies of their files
"$TAME" run "$job" -q -o results.h5
refuse 2 "tasks cannot be overridden in a results file" "$TAME" run results.h5 -q -o bad.h5 \
  --set 'tasks[0].duration_ms=500'

# Sweeps
sweep() { # WORDS AXES: small.yaml with this sweep
  { cat "$job" && printf 'sweep:\n%b\n' "$2"; } >swept.yaml
  refuse 2 "$1" "$TAME" run swept.yaml -q -o bad.h5
}
sweep "sweep: network.gian: network.gian: unknown key, did you mean 'gain'?" '  axes: [network.gian: [1, 2]]'
sweep "swept.yaml:$(($(wc -l <"$job") + 2)): sweep: network.gain: network.gain: found '-1', want a number from 0" \
  '  axes: [network.gain: [1, -1]]'
sweep "the list is empty" '  axes: [network.gain: []]'
sweep "the range is empty: its step leads away from \`to\`" '  axes: [network.gain: {from: 2, to: 1}]'
sweep "found 2 twice: values 1 and 3 of the axis are the same" '  axes: [network.gain: [1, 2, 3, 2]]'
sweep "the range is shorter than the default step, 1: want \`step\` or \`count\`" '  axes: [network.gain: {from: 0.5, to: 1}]'
sweep "found step 0" '  axes: [network.gain: {from: 1, to: 2, step: 0}]'
sweep "the range has no end" '  axes: [network.gain: {from: 1}]'
sweep "cannot reach 0" '  axes: [network.gain: {from: 0, to: 1, count: 3, scale: log}]'
sweep "unknown key, did you mean 'step'?" '  axes: [network.gain: {from: 1, to: 2, stepp: 1}]'
sweep "found 2 values, but 'network.gain' of the same axis has 3" \
  '  axes: [{network.gain: [1, 2, 3], network.noise: [0, 1]}]'
sweep "more than 10^6 networks" '  axes: [network.gain: {from: 1, count: 1001}]\n  repeats: 1000'
sweep "swept already, as 'network.gain'" '  axes: [network.gain: [1, 2], network.gain: [3]]'
sweep "this key cannot be swept" '  axes: [name: [a, b]]'
sweep "sweep.repeats changes it, too" '  axes: [network.seed: [1, 2]]\n  repeats: 2'
sweep "want a list of values, or a range" '  axes: [network.gain: 3]'
sweep "an axis is a mapping" '  axes: [network.gain]'
sweep "no network can run; the first: network 0: " '  axes:\n    - tasks[0].duration_ms: [100, 200]'
printf 'sweep: {repeats: 4}\n' | cat "$job" - >swept.yaml
refuse 2 "found 2-9, want networks from 0 to 3" "$TAME" run swept.yaml -q -o bad.h5 --only 2-9
refuse 2 "want indices and ranges of networks" "$TAME" run swept.yaml -q -o bad.h5 --only 2,x
refuse 2 "--shard: found '5/4', want I/N" "$TAME" run swept.yaml -q -o bad.h5 --shard 5/4
refuse 2 "--shard 6/6: leaves none of 4 networks" "$TAME" run swept.yaml -q -o bad.h5 --shard 6/6
refuse 2 "--time-limit: found 'soon', want a time" "$TAME" run swept.yaml -q -o bad.h5 --time-limit soon
refuse 2 "--group: found '0', want a number" "$TAME" run swept.yaml -q -o bad.h5 --group 0

# Resuming: nothing there, all done, another experiment, a newer format
refuse 2 "nothing to resume: there is no 'bad.h5.partial'" "$TAME" run "$job" -q -o bad.h5 --resume
refuse 2 "nothing to resume: 'results.h5' is there, whole" "$TAME" run "$job" -q -o results.h5 --resume
code=0
"$TAME" run "$job" -q -o kept.h5 --set 'phases[2].train.trials=100000' --time-limit 2 --grace 1 || code=$?
[ $code -eq 75 ] || fail "not stopped: exit code $code"
refuse 2 "another experiment; in the file and here: network.gain: 1.5 and 1.2; phases[2].train.trials: 100000 and 10" \
  "$TAME" run "$job" -q -o kept.h5 --resume --set network.gain=1.2
"$PYTHON" -c 'import h5py
with h5py.File("kept.h5.partial", "r+") as f: f.attrs["format_version"] = 3'
for command in "run $job -q -o kept.h5 --resume --set phases[2].train.trials=100000" "info kept.h5"; do
  # shellcheck disable=SC2086
  refuse 2 "format version 3, this program reads up to 2" "$TAME" $command
done
rm -rf kept.h5*

# Plans
refuse 2 "--ranks: found '0', want a whole number" "$TAME" plan "$job" --ranks 0
refuse 2 "--memory-per-node: found 'lots'" "$TAME" plan "$job" --memory-per-node lots
refuse 2 "--group: found 4, but there are 2 ranks" "$TAME" plan "$job" --ranks 2 --group 4
refuse 3 "it does not fit: want about" "$TAME" plan "$job" --set network.neurons=40000 --updates-per-second 10 \
  --ranks 4 --nodes 2 --memory-per-node 16G

features "phases[0].analyse.by[0].divergence.every (default): units of cell nvar do not hear each other" \
  --set 'phases=[analyse: {name: a, by: [divergence]}]'
solved() { bad "phases[3].train.learner.$1" "phases[3].train.learner={$2}"; }
solved "lasso.alpha: found '0', want a number from 1e-12" 'lasso: {alpha: 0}'
solved "elastic_net.l1_ratio: found '0', want a number from 0.01" 'elastic_net: {l1_ratio: 0}'
solved "ridge.folds: there is but one alpha, and nothing to choose by folds" 'ridge: {folds: 7}'

# Feedback that is not there, or of what is not there
fed() { # WORDS ARGUMENT...
  refuse 2 "$1" "$TAME" run "$TAME_SOURCE/jobs/force.yaml" -q -o bad.h5 "${@:2}"
}
fed "phases[2].test.feedback: nothing is fed back, as network.feedback_scale = 0" --set network.feedback_scale=0 \
  --set 'phases[2].test.feedback=target'
fed "phases[2].test.teacher_ms: found 1e+06, but the window of task 'sines' ends at 14400 ms" --set 'phases[2].test.teacher_ms=1e6'
fed "phases[2].test.teacher_ms: found 5, but the readout is never fed back in this phase" \
  --set 'phases[2].test={name: after, feedback: none, teacher_ms: 5}'
fed "phases[0].test.feedback: task 'sines' has no targets to be fed back" --set 'tasks[0].targets=[]' \
  --set 'phases=[test: {name: a, feedback: target}]'
fed "network.feedback_scale: found 1, but network.outputs = 0" --set network.outputs=0
fed "found '-1', want" --set network.feedback_scale=-1
fed "tasks[0].targets[0].chirp.start_ms (default): found 0 to 90000 ms, want it inside the trial" \
  --set 'tasks[0].targets=[chirp: {duration_ms: 90000, from_hz: 1, to_hz: 2}]'

refuse 2 "SLURM_JOB_END_TIME: found 1000000000, which is past" env SLURM_JOB_END_TIME=1000000000 \
  "$TAME" run "$job" -q -o bad.h5
# Options that could have no effect
refuse 2 "--group: found 4, but there" "$TAME" run "$job" -q -o bad.h5 --group 4
refuse 2 "--time-limit: found 20 s, want more than the 30 s of --grace" "$TAME" run "$job" -q -o bad.h5 --time-limit 20
refuse 2 "--time-limit: found 0 s, want more than the 30 s of --grace" "$TAME" run "$job" -q -o bad.h5 --time-limit 0
refuse 2 "--set network.gain=2: the sweep gives network.gain its values" "$TAME" run "$job" -q -o bad.h5 \
  --set 'sweep.axes=[network.gain: [1, 1.5]]' --set network.gain=2
refuse 2 "--set network.wiring.random.density=0.1: the sweep gives network.wiring its values" "$TAME" plan "$job" \
  --set 'sweep.axes=[network.wiring: [{random: {}}, {fixed_inputs: {inputs: 5}}]]' --set network.wiring.random.density=0.1
refuse 2 "--only 2-1: found 2-1, want the lower index first" "$TAME" run "$job" -q -o bad.h5 --only 2-1 --set sweep.repeats=3

# Outputs
refuse 4 "the name of the results file is empty" "$TAME" run "$job" -q -o ''
"$TAME" run "$job" -q -o there.h5
cp there.h5 kept.h5
code=0
"$TAME" run "$job" -q -o there.h5 2>err.txt || code=$?
[ $code -eq 4 ] || fail "an output that exists: exit code $code"
grep -q "'there.h5' exists; give another name, or --force" err.txt || fail "$(cat err.txt)"
cmp there.h5 kept.h5 || fail "the file that was there has changed"
"$TAME" run "$job" -q -o there.h5 --force
cp "$job" mine.yaml
code=0
"$TAME" run mine.yaml -q --force -o mine.yaml 2>err.txt || code=$?
[ $code -eq 4 ] || fail "--force replaces an experiment: exit code $code"
grep -q "'mine.yaml' exists and is not a results file" err.txt || fail "$(cat err.txt)"
cmp mine.yaml "$job" || fail "the experiment has changed"
mkdir folder.h5
refuse 4 "'folder.h5' exists and is not a file" "$TAME" run "$job" -q --force -o folder.h5

# Commands
refuse 2 "'runn' is not a command; did you mean 'run'?" "$TAME" runn
refuse 2 "which experiment? Give a YAML file" "$TAME" run
refuse 2 "unrecognized option '--outptu" "$TAME" run "$job" --outptu=x
refuse 2 "'$job' is not a results file: not HDF5" "$TAME" info "$job"
refuse 2 "cannot read 'none.h5': No such file" "$TAME" compare none.h5 there.h5
refuse 2 "which two files?" "$TAME" compare there.h5
refuse 2 "'cell' is no table" "$TAME" list cell
head -c 3000 there.h5 >short.h5
refuse 2 "'short.h5' is not a results file" "$TAME" info short.h5
refuse 2 "'user.h5' is not a results file: HDF5, but not of this program" "$TAME" info user.h5
refuse 2 "tame plot:" "$TAME" plot short.h5
refuse 2 "no Python with h5py and matplotlib" env TAME_PYTHON=/bin/false "$TAME" plot there.h5
echo "all refused as they should be"
