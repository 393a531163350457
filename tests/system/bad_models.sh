#!/usr/bin/env bash
# Bad input for experiments with models: one message that names file, line and key, what was found and what is wanted,
# the right exit code, nothing left behind; losses and weights that are no numbers; a full disk.
# timeout: 300
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

for job in ncp-sines noise-integration spiking-classifier; do cp "$TAME_SOURCE/jobs/$job.yaml" .; done
"$PYTHON" - <<'END'
import re
text = open("ncp-sines.yaml").read()
open("sines.yaml", "w").write(text[: text.index("\nsweep:")])
text = open("noise-integration.yaml").read()
for name, old, new in (("typo", "samples: 12800", "smaples: 12800"), ("cell", "- rnn:", "- rnm:"),
                       ("batch", "batch: 128", "batch: 12801"), ("source", "from: integration", "from: integratoin"),
                       ("data", "data: noise\n", "data: nois\n"), ("optimizer", "{adam:", "{adma:")):
    assert old in text
    open(name + ".yaml", "w").write(text.replace(old, new))
open("neither.yaml", "w").write(re.sub(r"\nmodel:\n(  .*\n)*", "\n", text))
END
line() { grep -n -m 1 -- "$2" "$1.yaml" | cut -d: -f1; } # FILE WORDS: where they stand
place() { echo "$1.yaml:$(line "$1" "$2")"; }
file() { # NAME WORDS: that file as it is, on one rank and on three
  refuse 2 "tame: $2" "$TAME" run "$1.yaml" -q -o bad.h5
  refuse 2 "tame: $2" "$MPIEXEC" -n 3 "$TAME" run "$1.yaml" -q -o bad.h5
}
bad() { # JOB WORDS OVERRIDE...
  refuse 2 "$2" "$TAME" run "$1.yaml" -q -o bad.h5 --set "${@:3}"
}

# File, line and key, the same on all ranks
file typo "$(place typo smaples): data[0].smaples: unknown key, did you mean 'samples'?"
file cell "$(place cell rnm): model.layers[0]: found 'rnm', want one of dense, rnn, gru, lstm, ltc, cfc, lif, alif, integrator, bidirectional; did you mean 'rnn'?"
file batch "$(place batch 'batch: 12801'): phases[1].fit.batch: found 12801, and 'noise' has 12800 samples"
file source "$(place source integratoin): data[0].from: found 'integratoin', want one of sines, integration, "
file data "$(place data 'nois$'): phases[1].fit.data: there are no data 'nois'"
file optimizer "$(place optimizer adma): phases[1].fit.optimizer: found 'adma', want one of sgd, adam, "
file neither "neither.yaml:"
grep -q "model: required key 'inputs' is missing" err.txt || fail "$(cat err.txt)"
printf 'network: {neurons: 5}\n' | cat noise-integration.yaml - >both.yaml
file both "both.yaml: found both \`network\` and \`model\`, want one of them"
bad noise-integration "noise-integration.yaml: found both \`network\` and \`model\`, want one of them" network.neurons=5
printf 'modle: {inputs: 1}\ndata: []\n' >modle.yaml
file modle "modle.yaml:1: modle: unknown key, did you mean 'model'?"

# Shapes that do not fit
noise="noise-integration"
bad $noise "$(place $noise 'name: noise$'): data[0]: 'noise' has samples [25 steps][1 inputs], and model.inputs is 2" model.inputs=2
bad $noise "$(place $noise 'name: before'): phases[0].test.data: the targets of 'unseen' are [25][1] a sample, and the loss mse wants [25][2] of a model with 2 outputs and 25 steps" \
  'model.layers[1].dense.units=2'
bad $noise "phases[0].test.data: the targets of 'unseen' are numbers, and the loss cross_entropy wants classes" \
  'phases[1].fit.gradient.loss=cross_entropy'
spikes="spiking-classifier"
bad $spikes "$(place $spikes 'name: before'): phases[0].test.data (default): the targets of 'trains' are classes, and the loss mse wants numbers" \
  'phases[1].fit.gradient.loss=mse'
bad $spikes "phases[0].test.data (default): the targets of 'trains' are [1][1] a sample, and the loss cross_entropy wants [100][1] of a model with 2 outputs and 100 steps" \
  'phases[1].fit.gradient.loss=cross_entropy'
bad $spikes "phases[0].test.data (default): 'trains' has 3 classes, and the model 2 outputs" 'data[0].from.spikes.classes=3'

# Data
bad $noise "phases[0].test.data: there are no data 'nois'" 'phases[0].test.data=nois'
bad $noise "phases[1].fit.validate: there are no data 'nois'" 'phases[1].fit.validate=nois'
bad $noise "data[0].samples: found 0, want how many 'integration' is to make" 'data[0].samples=0'
bad $noise "data[0].samples: found '-3', want a whole number from 0" 'data[0].samples=-3'
bad $noise "data[1].name: there are data 'noise' already" 'data[1].name=noise'
bad $noise "data[1].name: found 'a/b', want a name of letters" 'data[1].name=a/b'
bad $noise "data[0].from.file.path: cannot read './none.h5': No such file" 'data[0].from={file: {path: none.h5}}' \
  --set 'data[0].fresh=off' --set 'data[0].samples=0'
bad sines "data[0].samples: found 3, but 'sines' has 1" 'data[0].samples=3'
bad sines "data[0].fresh: found on, but 'sines' has always the same samples" 'data[0].fresh=on'
"$PYTHON" -c 'import h5py, numpy
with h5py.File("silent.h5", "w") as f: f["x"] = numpy.zeros((3, 25, 1))
with h5py.File("nine.h5", "w") as f: f["x"], f["y"] = numpy.zeros((3, 25, 1)), numpy.zeros((3, 25, 9))'
bad $noise "phases[1].fit.data: 'noise' has no targets to learn" 'data[0]={name: noise, from: {file: {path: silent.h5}}}' \
  --set 'phases[1].fit.batch=0'
bad $noise "data: the list is empty, want at least one" 'data=[]'
bad $noise "phases: the list is empty, want at least one" 'phases=[]'
bad $noise "model.layers: the list is empty, want at least one" 'model.layers=[]'

# Models and their circuits
bad $noise "model.inputs: found '0', want a whole number from 1" model.inputs=0
bad $noise "model.layers[0].rnn.units: found 0 without a circuit, want one of the two" \
  'model.layers[0]={rnn: {units: 0}}'
bad $noise "model.layers[0].rnn.unit: unknown key, did you mean 'units'?" 'model.layers[0]={rnn: {unit: 3}}'
circuit() { # WORDS CIRCUIT
  bad sines "$1" "model.layers[0].ltc.circuit={$2}"
}
circuit "found 'autonpc', want one of full, random, ncp, autoncp, small_world, ring, ei; did you mean 'autoncp'?" \
  'autonpc: {units: 8, outputs: 1}'
circuit "circuit full: outputs: found 9, want at most units = 8" 'full: {units: 8, outputs: 9}'
circuit "circuit autoncp: outputs: found 7, want less than units - 2 = 6" 'autoncp: {units: 8, outputs: 7}'
ncp='inter: 3, command: 2, motor: 1, recurrent_command: 1'
circuit "sines.yaml:$(line sines '^model:'): model: layers[0]: ltc: circuit ncp: sensory_fanout: found 9, want at most inter = 3" \
  "ncp: {$ncp, sensory_fanout: 9, inter_fanout: 1, motor_fanin: 1}"
circuit "circuit ncp: inter_fanout: found 3, want at most command = 2" "ncp: {$ncp, sensory_fanout: 2, inter_fanout: 3, motor_fanin: 1}"
circuit "circuit ncp: motor_fanin: found 3, want at most command = 2" "ncp: {$ncp, sensory_fanout: 2, inter_fanout: 2, motor_fanin: 3}"

# Phases
bad $noise "phases[1]: found 'fti', want one of fit, test, condense; did you mean 'fit'?" 'phases[1]={fti: {name: x}}'
bad $noise "phases[1].fit.name: there is a phase 'before' already" 'phases[1].fit.name=before'
bad $noise "phases[1].fit.patience: want \`validate\`: data to judge the weights by" 'phases[1].fit.patience=3'
bad $noise "phases[1].fit.keep: want \`validate\`: data to judge the weights by" 'phases[1].fit.keep=best'
bad $noise "phases[1].fit.keep: found 'bset', want one of last, best; did you mean 'best'?" 'phases[1].fit.keep=bset'
bad $noise "phases[1].fit.gradient.loss: found 'mes', want one of mse, cross_entropy, poisson; did you mean 'mse'?" \
  'phases[1].fit.gradient.loss=mes'
bad $noise "phases[1].fit.gradient.micro_batch: found '0', want a whole number from 1" 'phases[1].fit.gradient.micro_batch=0'
bad $noise "phases[1].fit.gradient.segment: found '-1', want a whole number from 0" 'phases[1].fit.gradient.segment=-1'
bad $noise "phases[1].fit.gradient: penalties: found one on rates with a model of one layer, want two or more" \
  'phases[1].fit.gradient.penalties.rates_l1=1' --set 'model.layers=[dense: {units: 1}]'
bad $noise "phases[1].fit.optimizer.adam.beta1: found '1.5', want a number from 0 to 1" 'phases[1].fit.optimizer.adam.beta1=1.5'
bad $noise "phases[1].fit.optimizer.adam.rate: found '1e300', want a number from 0 to 1000000" 'phases[1].fit.optimizer.adam.rate=1e300'
bad $noise "phases[1].fit.schedules[0]: found 'exponental', want one of exponential, step, cosine, warm_up; did you mean" \
  'phases[1].fit.schedules=[exponental: {factor: 0.5}]'
bad $noise "phases[1].fit.clip.norm: found '-1', want a number from 0" 'phases[1].fit.clip.norm=-1'
bad $noise "phases[1].fit.memory_mb: found '0', want a number from 0.001" 'phases[1].fit.memory_mb=0'
bad $noise "phases[1].fit.optimizer: hessian_free.lambda: found 20, want at most lambda_most = 10" \
  'phases[1].fit.optimizer={hessian_free: {lambda: 20, lambda_most: 10}}'
bad $noise "phases[1].fit.optimizer: hessian_free.curvature: found 129, want at most the 128 samples of a batch" \
  'phases[1].fit.optimizer={hessian_free: {curvature: 129}}'
bad $noise "phases[1].fit.gradient.truncate: found 3, want 0 with hessian_free" 'phases[1].fit.optimizer=hessian_free' \
  --set 'phases[1].fit.gradient.truncate=3'
condense() { # WORDS KEYS OVERRIDE...: a phase that condenses, in place of the last one
  bad $noise "phases[2].condense.$1" "phases[2]={condense: {name: x, $2}}" "${@:3}"
}
condense "smallest: found '1', want a whole number from 2" 'smallest: 1'
condense "smallest: found 100, and layer 0.rnn has 100 units, want fewer" 'smallest: 100'
condense "layer: layer 1.dense is no rnn, and no other can be condensed" 'layer: 1'
condense "layer: found 2, and model.layers are 0 to 1" 'layer: 2'
condense "layer (default): not given, and the model has no rnn, or several" '' --set 'model.layers[0]={gru: {units: 9}}'
condense "layer: layer 0.rnn is bidirectional" 'layer: 0' --set 'model.layers[0]={bidirectional: {cell: {rnn: {units: 9}}}}'
condense "layer: layer 0.rnn has a circuit" 'layer: 0' --set 'model.layers[0]={rnn: {circuit: {full: {units: 9, outputs: 3}}}}'
condense "layer (default): layer 0.rnn is the last, so that its units are the outputs" '' --set 'model.layers=[rnn: {units: 9}]' \
  --set 'data=[{name: noise, from: {file: {path: nine.h5}}}, {name: unseen, from: {file: {path: nine.h5}}}]' --set 'phases[1].fit.batch=0'
condense "layer (default): layer 1.dense hears its units and has no bias for an offset, want one, or merge: plain" '' \
  --set 'model.layers[1].dense.bias=off'
bad $noise "phases[0].condense.layer (default): phase 'on' learns afterwards, and with an activation that is not 0 at 0" \
  'phases=[condense: {name: x}, fit: {name: on}]' --set 'model.layers[0].rnn.activation=logistic'
bad $noise "phases[0].condense.layer (default): layer 0.rnn is condensed again by phase 'again', want once" \
  'phases=[condense: {name: x}, condense: {name: again}]'
condense "data: there are no data 'nois'" 'data: nois'
condense "data: 'noise' has no targets to judge merges by" 'data: noise' --set 'phases[1].fit.data=unseen' --set 'phases[1].fit.batch=0' \
  --set 'data[0]={name: noise, from: {file: {path: silent.h5}}}'
condense "lessons: there are no data 'nois'" 'lessons: nois'
condense "batch: found 12801, and 'noise' has 12800 samples" 'batch: 12801, retrain: 1'
condense "likeness: found 'loading', want one of loadings, correlation; did you mean 'loadings'?" 'likeness: loading'
condense "until: found '0.5', want a number from 1" 'until: 0.5'
condense "optimizer: found 3 as truncate of the first fit, want 0 with hessian_free" 'retrain: 1, optimizer: hessian_free' \
  --set 'phases[1].fit.gradient.truncate=3'
refuse 3 "for the model and its gradients, and" "$TAME" run $noise.yaml -q -o bad.h5 \
  --set 'data[0].from={irregular: {steps: 100000000}}' --set 'data[0].samples=3' --set 'phases[1].fit.batch=0'
grep -q "network.precision" err.txt && fail "advice for networks: $(cat err.txt)"

# Weights of other results
small=(--set 'data[0].samples=50' --set 'data[1].samples=20' --set 'phases[1].fit.batch=17' --set 'phases[1].fit.epochs=2')
"$TAME" run $noise.yaml -q -o results.h5 "${small[@]}"
for n in 1 3; do
  refuse 2 "weights.file: cannot read './none.h5': No such file" "$MPIEXEC" -n $n "$TAME" run $noise.yaml -q -o bad.h5 --set weights.file=none.h5
done
refuse 2 "weights.file: './sines.yaml' is not a results file" "$TAME" run $noise.yaml -q -o bad.h5 --set weights.file=sines.yaml
bad $noise "weights.file: './results.h5' is of another model: 0.rnn.weight_ih is [100][1], want [5][1]" \
  weights.file=results.h5 --set 'model.layers[0].rnn.units=5'
bad $noise "weights.file: './results.h5' has no network 4" weights.file=results.h5 --set weights.network=4

# Sweeps
sweep() { # WORDS AXES: the job with this sweep
  { cat $noise.yaml && printf 'sweep:\n%b\n' "$2"; } >swept.yaml
  refuse 2 "$1" "$TAME" run swept.yaml -q -o bad.h5
}
sweep "sweep: model.seed: swept, while sweep.repeats changes it, too: leave one of them out" \
  '  axes: [model.seed: [1, 2]]\n  repeats: 2'
sweep "swept.yaml:$(($(wc -l <$noise.yaml) + 2)): sweep: network.neurons: network: unknown key" '  axes: [network.neurons: [5, 6]]'
sweep "no network can run; the first: network 0: swept.yaml:$(line $noise 'name: before'): phases[0].test.data: the targets of 'unseen' are [25][1]" \
  '  axes: ["model.layers[1].dense.units": [2, 3]]'
sweep "model.layers[0].rnn.units: found '-1', want a whole number from 0" '  axes: ["model.layers[0].rnn.units": [5, -1]]'
# ... where one cannot run, the others do
{ cat $noise.yaml && printf 'sweep:\n  axes: ["model.layers[0].rnn.units": [5, 0, 6]]\n'; } >swept.yaml
code=0
ranks 3 "$TAME" run swept.yaml -q -o part.h5 "${small[@]}" 2>err.txt || code=$?
[ $code -eq 6 ] || fail "one of three cannot run: exit code $code: $(cat err.txt)"
grep -q "^tame: 1 of 3 networks failed" err.txt || fail "$(cat err.txt)"

# Plans: of models, too
"$TAME" plan $noise.yaml --updates-per-second 100 >plan.txt
grep -q "10401 parameters" plan.txt || fail "$(cat plan.txt)"
refuse 2 "phases[1].fit.data: there are no data 'nois'" "$TAME" plan $noise.yaml --set 'phases[1].fit.data=nois'

# What is no number ends the run, with the last good weights, and gaps where nothing was
lost() { # WORDS ARGUMENT...
  local code=0 words=$1
  shift
  for n in 1 2; do
    code=0
    ranks $n "$TAME" run $noise.yaml -q -f -o lost.$n.h5 "${small[@]}" "$@" 2>err.txt || code=$?
    [ $code -eq 5 ] || fail "$words, $n ranks: exit code $code: $(cat err.txt)"
    grep -q "^tame: phase 'training', epoch $words; 'lost.$n.h5' has what came before" err.txt || fail "$(cat err.txt)"
    [ "$(grep -c '^tame:' err.txt)" -eq 1 ] || fail "$(cat err.txt)"
    absent lost.$n.h5.partial lost.$n.h5.checkpoints
  done
  "$TAME" compare lost.1.h5 lost.2.h5 >verdict.txt || fail "$words: $(cat verdict.txt)"
  "$TAME" info lost.1.h5 | grep -q "network 0: failed, .*: phase 'training', epoch" || fail "$("$TAME" info lost.1.h5)"
  "$PYTHON" - <<'END'
import h5py
import numpy as np
with h5py.File("lost.1.h5") as f:
    assert f["state"][0] == 3
    for name, view in f["weights/final"].items():
        assert np.isfinite(view[...]).all(), name
    assert np.isfinite(f["phases/before/unseen/loss"][0])
    assert np.isnan(f["phases/after/unseen/loss"][0])
    assert np.isnan(f["phases/training/noise/loss"][0, -1])
END
}
lost "0, update 1: the gradient's norm is inf" --set 'phases[1].fit.optimizer={sgd: {rate: 1e6}}'
lost "0, update 1: found a loss of inf, want a finite one" --set 'phases[1].fit.optimizer={adam: {rate: 1e6}}'
lost "0, update 1: found a loss of inf, want a finite one" --set 'phases[1].fit.optimizer.adam.rate=1e6' \
  --set 'phases[1].fit.batch=0' --set 'phases[1].fit.validate=unseen' --set 'data[1].from.integration.steps=60' # there

# A disk that is full: found out before anything is learnt
mkdir disk
if mount -t tmpfs -o size=500k tmpfs disk 2>/dev/null; then
  trap 'umount disk' EXIT
  for n in 1 3; do
    code=0
    ranks $n "$TAME" run $noise.yaml -o disk/full.h5 --set 'model.layers[0].rnn.units=300' >out.txt 2>err.txt || code=$?
    [ $code -eq 4 ] || fail "a full disk: exit code $code: $(cat err.txt)"
    grep -q "tame: the disk is full: 'disk/full.h5.partial.new' needs 1.* MB" err.txt || fail "$(cat err.txt)"
    if grep -q 'trial' err.txt; then fail "it has learnt though the results do not fit"; fi
    [ -z "$(ls -A disk)" ] || fail "a full disk left $(ls -A disk)"
  done
  # ... room for results, none for checkpoints: it goes on without, and says so
  "$TAME" run $noise.yaml -q -o noise.h5 "${small[@]}" --set 'phases[1].fit.epochs=60'
  "$TAME" run $noise.yaml -o disk/f.h5 "${small[@]}" --set 'phases[1].fit.epochs=60' --checkpoint-every 0 >out.txt 2>err.txt ||
    fail "$(cat err.txt)"
  grep -q "warning: no checkpoint: the disk is full" err.txt || fail "no warning: $(cat err.txt)"
  "$TAME" compare noise.h5 disk/f.h5 >verdict.txt || fail "a full disk: $(cat verdict.txt)"
else
  echo "no right to mount: a full disk was not tried"
fi
echo "all refused as they should be"
