#!/usr/bin/env bash
# A trained model answers to data: as in the run that trained it, the same on any layout; bad models and data are
# refused on every rank, and leave nothing. An experiment begins with weights of a file, exactly.
# timeout: 300
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

cat >model.yaml <<'END'
name: flips
model: {inputs: 3, layers: [gru: {units: 6}, dense: {units: 3}]}
data: [{name: flips, from: {flip_flop: {steps: 20}}, samples: 43}]
phases:
  - fit: {name: learn, epochs: 2, batch: 20}
  - test: {name: after, record: -1, states: on}
sweep: {axes: [{'model.layers[0].gru.units': [6, 4]}]}
END
cat >timed.yaml <<'END'
name: timed
model: {inputs: 2, layers: [ltc: {circuit: {autoncp: {units: 8, outputs: 1}}}]}
data: [{name: own, from: {file: {path: timed.h5, elapsed: elapsed}}}]
phases: [{test: {name: after, record: -1}}]
END
cat >classes.yaml <<'END'
name: classes
model: {inputs: 3, layers: [lstm: {units: 4}, dense: {units: 3}]}
data: [{name: own, from: {file: {path: classes.h5}}}]
phases: [{fit: {name: learn, gradient: {loss: cross_entropy}}}, {test: {name: after, record: -1}}]
END
"$PYTHON" - <<'END'
import h5py, numpy as np
rng = np.random.default_rng(3)
with h5py.File("timed.h5", "w") as f:
    f["x"], f["y"] = rng.normal(size=(11, 9, 2)), rng.normal(size=(11, 9, 1))
    f["elapsed"] = rng.uniform(0.5, 2, size=(11, 9))
with h5py.File("classes.h5", "w") as f:
    f["x"], f["y"] = rng.normal(size=(11, 9, 3)), rng.integers(0, 3, size=(11, 9))
END
"$TAME" run model.yaml -qo model.h5
"$TAME" run timed.yaml -qo timed-model.h5
"$TAME" run classes.yaml -qo classes-model.h5
mv timed.h5 moved.h5 # what a model learned from need not be there
"$PYTHON" - <<'END'
import h5py, numpy as np
with h5py.File("model.h5") as f:
    x, y = f["phases/after/flips/x"][1], f["phases/after/flips/target"][1]
with h5py.File("data.h5", "w") as g:
    g["x"], g["y"] = x, y
with h5py.File("named.h5", "w") as g:
    g["in/put"], g["out"], g["mask"] = x, y, np.arange(43)[:, None] % 2 * np.ones(20)
with h5py.File("alone.h5", "w") as g:
    g["x"] = x
with h5py.File("wide.h5", "w") as g:
    g["x"] = x[:, :, :2]
x[7, 3, 1] = np.nan
with h5py.File("nan.h5", "w") as g:
    g["x"] = x
END

"$TAME" predict model.h5 data.h5 --network 1 --states -qo one.h5
"$TAME" predict model.h5 named.h5 -k 1 --x in/put --y out --mask '' --states -qo renamed.h5
"$TAME" predict model.h5 named.h5 -k 1 --x in/put --y out -qo masked.h5
"$TAME" predict model.h5 alone.h5 -k 1 -qo alone-out.h5
"$TAME" predict timed-model.h5 moved.h5 -qo timed-out.h5
"$TAME" predict timed-model.h5 moved.h5 --elapsed '' -qo untimed-out.h5
"$TAME" predict classes-model.h5 classes.h5 -q
for layout in "2 1" "3 2" "1 3"; do # 43 samples are 6 blocks, the last of 3
  read -r ranks threads <<<"$layout"
  OMP_NUM_THREADS=$threads ranks "$ranks" "$TAME" predict model.h5 data.h5 -k 1 --states -qfo other.h5
  "$TAME" compare one.h5 other.h5 || fail "$ranks ranks x $threads threads give something else"
done
"$TAME" compare one.h5 renamed.h5
"$PYTHON" - <<'END'
import h5py, numpy as np

def read(path, name, row=0):
    with h5py.File(path) as f:
        return f[name][row]

P = "phases/predict/data/"
for name in ("y", "x", "target", "states/0.gru.h", "outputs/0.gru", "loss"):
    a, b = read("model.h5", "phases/after/flips/" + name, 1), read("one.h5", P + name)
    if name.endswith(("gru", "gru.h")):  # as wide as the other network's in the sweep
        assert np.isnan(a[..., 4:]).all() and a.shape[-1] == 6
        a = a[..., :4]
    assert np.array_equal(a, b), name
assert np.array_equal(read("one.h5", P + "y"), read("alone-out.h5", P + "y"))
y, t = read("masked.h5", P + "y"), read("masked.h5", P + "target")
assert np.isnan(t[::2]).all() and np.isfinite(t[1::2]).any()
assert abs(np.nanmean((y - t) ** 2) - read("masked.h5", P + "loss")) < 1e-14
y, t = read("one.h5", P + "y"), read("one.h5", P + "target")
assert abs(np.nanmean((y - t) ** 2) - read("one.h5", P + "loss")) < 1e-14
with h5py.File("alone-out.h5") as f:
    assert "loss" not in f[P] and "target" not in f[P] and "states" not in f[P]
assert np.array_equal(read("timed-model.h5", "phases/after/own/y"), read("timed-out.h5", P + "y"))
assert np.abs(read("timed-out.h5", P + "y") - read("untimed-out.h5", P + "y")).max() > 1e-3
with h5py.File("classes-predict.h5") as f:
    y, t = f[P + "y"][0], f[P + "target"][0, :, :, 0]
    assert f[P + "hits"][0] == np.mean(np.argmax(y, -1) == t) == read("classes-model.h5", "phases/after/own/hits")
    assert f[P].attrs["loss"] == "cross_entropy"
END

# A warm start: weights are those of the file, to the bit; from results and from a plain file
"$PYTHON" - <<'END'
import h5py
with h5py.File("model.h5") as f, h5py.File("plain.h5", "w") as g:
    for name, values in f["weights/final"].items():
        g[name] = values[0]
with h5py.File("plain.h5") as f, h5py.File("more.h5", "w") as g, h5py.File("sick.h5", "w") as s:
    for name in f:
        g[name] = s[name] = f[name][:]
    g["2.dense.bias"] = [[1.0]]
    s["1.dense.weight"][2, 1] = float("nan")
END
sed '/^sweep/d' model.yaml >cold.yaml
warm() { # FILE SED: an experiment that begins with it
  sed "${2-}" cold.yaml && echo "weights: {file: $1}"
}
for file in model plain; do
  warm $file.h5 >$file-warm.yaml
  "$TAME" run $file-warm.yaml -qo $file-warm.h5
done
"$TAME" compare model-warm.h5 plain-warm.h5
"$PYTHON" - <<'END'
import h5py
with h5py.File("model.h5") as f, h5py.File("model-warm.h5") as g:
    final, initial = f["weights/final"], g["weights/initial"]
    assert set(final) == set(initial) and all((final[k][0] == initial[k][0]).all() for k in final)
    assert any((g["weights/final"][k][0] != initial[k][0]).any() for k in final)
END
cold() { # WORDS FILE SED: it is refused
  warm "$2" "${3-}" >cannot.yaml
  refuse 2 "$1" "$TAME" run cannot.yaml -o bad.h5
}
cold "0.gru.weight_ih is [18][3], want [15][3]" model.h5 's/units: 6/units: 5/'
cold "0.gru.weight_ih is [18][3], want [15][3]" plain.h5 's/units: 6/units: 5/'
cold "want 0.lstm.weight_ih [24][3], found 0.gru.bias_hh [1][18]" model.h5 's/gru:/lstm:/'
cold "found 2.dense.bias [1][1], which this one has not" more.h5
cold "1.dense.weight[2][1] is nan" sick.h5
cold "has no network 2" "model.h5, network: 2"
cold "has no network 1, as it is not a results file" "plain.h5, network: 1"
cold "cannot read" nothing.h5

# What is refused, on every rank, and nothing is left
"$TAME" run "$TAME_SOURCE/jobs/small.yaml" -q -o network.h5 --set 'phases[2].train.trials=1'
sed 's/epochs: 2/epochs: 1000000/' cold.yaml >long.yaml
"$TAME" run long.yaml -qo long.h5 2>/dev/null &
pid=$!
for _ in $(seq 200); do [ ! -e long.h5.partial ] || break; sleep 0.05; done
kill -TERM $pid
wait $pid || [ $? -eq 75 ] || fail "the long run did not stop"
"$TAME" run cold.yaml -qo bare.h5 --set output.weights=none
sed "s/'model.layers.*\[6, 4\]/model.inputs: [3, 2]/" model.yaml >partly.yaml
code=0
"$TAME" run partly.yaml -qo partly.h5 2>err.txt || code=$?
[ $code -eq 6 ] || fail "exit code $code of a sweep of which a network cannot run: $(cat err.txt)"
refuse 2 "lacks 0.gru.weight_ih [18][2] of this network: did it fail?" "$TAME" predict -o bad.h5 -k 1 partly.h5 wide.h5
for ranks in 1 3; do
  p=("$TAME" predict -o bad.h5)
  [ $ranks -eq 1 ] || p=("$MPIEXEC" -n "$ranks" "${p[@]}")
  refuse 2 "learns trial by trial" "${p[@]}" network.h5 data.h5
  refuse 2 "has not finished" "${p[@]}" long.h5.partial data.h5
  refuse 2 "want --network, from 0 to 1" "${p[@]}" model.h5 data.h5
  refuse 2 "has no network 2, but 2 from 0" "${p[@]}" -k 2 model.h5 data.h5
  refuse 2 "samples [20 steps][2 inputs], and model.inputs is 3" "${p[@]}" -k 0 model.h5 wide.h5
  refuse 2 "found nan at sample 7, step 3, place 1" "${p[@]}" -k 0 model.h5 nan.h5
  refuse 2 "is not a results file" "${p[@]}" data.h5 data.h5
  refuse 2 "has no dataset 'x'" "${p[@]}" -k 0 model.h5 named.h5
  refuse 2 "mesh" "${p[@]}" -k 0 -l mesh model.h5 data.h5
  refuse 2 "want MODEL" "${p[@]}" model.h5
  refuse 2 "has no weights/final" "${p[@]}" bare.h5 data.h5
done
refuse 4 "exists; give another name" "$TAME" predict -o one.h5 -k 1 model.h5 data.h5
