#!/usr/bin/env bash
# Networks that are condensed: what the results say of them, merge by merge, against what numpy makes of their weights;
# retraining allows more merges; one that has learned nothing fails, and the others go on; killed and resumed on other
# layouts, it ends with the same bytes.
# timeout: 120
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

export TAME_THREAD_GRAIN=1 OMP_WAIT_POLICY=passive
cat >sums.yaml <<'END'
name: sums
model:
  inputs: 1
  train_start: on
  layers: [rnn: {units: 14, activation: relu, init: xavier_normal}, dense: {units: 1}]
data:
  - {name: noise, from: integration, samples: 256}
  - {name: unseen, from: integration, samples: 60, seed: 2}
phases:
  - fit: {name: training, epochs: 60, batch: 64, optimizer: {adam: {rate: 0.01}}}
  - condense: {name: condensing, data: unseen, likeness: correlation, learned: 0.05, lessons: noise, batch: 64,
               optimizer: {adam: {rate: 0.003}}}
  - test: {name: after, data: unseen, record: -1, states: on}
END
cp sums.yaml sweep.yaml
cat >>sweep.yaml <<'END'
sweep:
  axes:
    - 'phases[1].condense.retrain': [0, 60]
  repeats: 5
END

# One network, told again by numpy: the losses of the network before and after, the rates, the first pair
"$TAME" run sums.yaml -q -o one.h5 --set 'phases[2]={test: {name: after, data: unseen, record: -1, states: on}}' \
  --set 'phases[1].condense={name: condensing, data: unseen, likeness: loadings, components: 0.99, until: 3}'
"$TAME" run sums.yaml -q -o before.h5 --set 'phases[1]={test: {name: before, data: unseen, record: -1, states: on}}'
cat >again.py <<'END'
import h5py
import numpy as np

with h5py.File("before.h5") as f:
    r = f["phases/before/unseen/outputs/0.rnn"][0]  # [sample, step, unit]
    first = f["phases/before/unseen/loss"][0]
    trained = {k: v[0] for k, v in f["weights/final"].items()}
with h5py.File("one.h5") as f:
    g = f["phases/condensing/unseen"]
    got = {k: v[0] for k, v in g.items()}
    after, y, x = (f["phases/after/unseen/" + k][0] for k in ("loss", "y", "x"))
    rates = f["phases/after/unseen/outputs/0.rnn"][0]
    final = {k: v[0] for k, v in f["weights/final"].items()}
start = trained["0.rnn.h.start"]  # what the units hear in step 0
r = np.concatenate([np.broadcast_to(start, (len(r), 1, r.shape[2])), r], axis=1)
merges, n = int(got["merges"]), r.shape[2]
assert 0 < merges < n - 2 and got["until"] == 3
assert np.array_equal(got["size"][: merges + 2], n - np.arange(merges + 2)) and np.isnan(got["size"][merges + 2:]).all()
assert got["loss"][0] == first and (got["loss"][: merges + 1] <= 3 * first).all() and got["loss"][merges + 1] > 3 * first
assert abs(after - got["loss"][merges]) <= 1e-12 * after

# The pair that goes first
v = r.reshape(-1, n)
mean, cov = v.mean(0), np.cov(v.T, bias=True)
variance, u = np.linalg.eigh(cov)
variance, u = variance[::-1], u[:, ::-1]
count = lambda share: 1 + int(np.searchsorted(np.cumsum(variance), share * variance.sum()))
assert got["components_95"][0] == count(0.95)
loadings = u[:, : count(0.99)]
norm = np.linalg.norm(loadings, axis=1)
silent = np.sqrt(np.diag(cov)) <= 1e-13 * (np.abs(mean) + np.sqrt(cov.max()))
norm[silent] = 1
like = np.abs(loadings @ loadings.T) / np.outer(norm, norm)
like[silent] = 1
like[:, silent] = 1
like[np.tril_indices(n)] = -1
i, j = np.unravel_index(like.argmax(), like.shape)
kept, removed = (i, j) if cov[i, i] >= cov[j, j] else (j, i)
assert (got["kept"][1], got["removed"][1]) == (kept, removed), (i, j)
assert abs(got["likeness"][1] - like.max()) < 1e-10
c = cov[kept, removed] / cov[kept, kept]
assert abs(got["c"][1] - c) < 1e-9 and abs(got["d"][1] - (mean[removed] - c * mean[kept])) < 1e-9

# ... what the network is without it
w = {k.split(".", 1)[1]: v.copy() for k, v in trained.items()}


def loss_of(w):
    h = np.broadcast_to(w["rnn.h.start"], (len(x), w["rnn.bias"].size))
    out = np.empty(y.shape)
    for t in range(x.shape[1]):
        h = np.maximum(x[:, t] @ w["rnn.weight_ih"].T + h @ w["rnn.weight_hh"].T + w["rnn.bias"][0], 0)
        out[:, t] = h @ w["dense.weight"].T + w["dense.bias"][0]
    return ((out - target) ** 2).mean(), out


target = x.cumsum(1)
assert abs(loss_of(w)[0] - first) < 1e-10
for out, bias in (("rnn.weight_hh", "rnn.bias"), ("dense.weight", "dense.bias")):
    w[bias] = w[bias] + got["d"][1] * w[out][:, removed]
    w[out][:, kept] += got["c"][1] * w[out][:, removed]
    w[out] = np.delete(w[out], removed, 1)
for k in ("rnn.weight_ih", "rnn.weight_hh"):
    w[k] = np.delete(w[k], removed, 0)
for k in ("rnn.bias", "rnn.h.start"):
    w[k] = np.delete(w[k], removed, 1)
assert abs(loss_of(w)[0] - got["loss"][1]) < 1e-10

# The ramp of the first component
p = v @ u[:, 0]
t = np.tile(np.arange(r.shape[1]), len(r))
assert abs(got["ramp"][0] - abs(np.corrcoef(p, t)[0, 1])) < 1e-10
p, t = p.reshape(r.shape[:2]), np.arange(r.shape[1]) - (r.shape[1] - 1) / 2
p = p - p.mean(1, keepdims=True)
assert abs(got["ramp_by_sample"][0] - np.sqrt(((p @ t) ** 2).sum() / (t @ t) / (p**2).sum())) < 1e-10

# What is left, and what is not
gone = got["removed"][1: merges + 1]
assert len(set(gone)) == merges and np.array_equal(np.flatnonzero(got["left"] == 0), np.sort(gone))
assert (got["left"].sum() == n - merges) and not set(got["kept"][1: merges + 1]) <= set(gone)
w = {k.split(".", 1)[1]: v for k, v in final.items()}
for k, axis in (("rnn.weight_ih", 0), ("rnn.weight_hh", 0), ("rnn.weight_hh", 1), ("rnn.bias", 1), ("rnn.h.start", 1),
                ("dense.weight", 1)):
    assert not w[k].take(gone, axis).any() and w[k].take(np.flatnonzero(got["left"]), axis).any()
assert not rates[:, :, gone].any()
loss, out = loss_of(w)
assert np.abs(out - y).max() < 1e-10
END
"$PYTHON" again.py

# ... and what follows takes it as it is
"$PYTHON" -c 'import h5py
with h5py.File("one.h5") as f, h5py.File("data.h5", "w") as g:
    g["x"], g["y"] = f["phases/after/unseen/x"][0], f["phases/after/unseen/target"][0]'
"$TAME" predict one.h5 data.h5 -qo predicted.h5
"$TAME" run sums.yaml -q -o from.h5 --set weights.file=one.h5 --set 'phases=[{test: {name: after, data: unseen, record: -1}}]'
"$PYTHON" - <<'END'
import h5py
import numpy as np
with h5py.File("one.h5") as a, h5py.File("predicted.h5") as b, h5py.File("from.h5") as c:
    y, found = a["phases/after/unseen/y"][0], []
    b.visititems(lambda name, d: found.append(d[...]) if name.split("/")[-1] == "y" else None)
    assert len(found) == 1 and np.array_equal(found[0].reshape(y.shape), y)
    assert a["phases/after/unseen/loss"][0] == c["phases/after/unseen/loss"][0]
END
"$TAME" info one.h5 | grep -Eq "condensing \(condense\) +unseen +[0-9]+ merges, [0-9]+ of 14 units are left, loss" || fail "$("$TAME" info one.h5)"
"$TAME" plan sums.yaml --ranks 2 >plan.txt || fail "no plan"

# Retraining allows more merges than none: the median of five
equal_on "a sweep" "2 3" "1 2" sweep.yaml
"$PYTHON" - <<'END'
import h5py
import numpy as np
with h5py.File("one.h5") as f:
    merges = f["phases/condensing/unseen/merges"][...].reshape(2, 5)
    print("merges without retraining %s, with it %s" % tuple(map(str, merges)))
    assert np.median(merges[1]) > np.median(merges[0]) + 2
END

# ... as it is drawn
"$TAME" plot one.h5 --format svg -o figures >plot.txt
grep -qx figures/one-condense.svg plot.txt || fail "no figure: $(cat plot.txt)"
for words in 'Loss after each merge' 'retrain 60' '10 networks. Bold: medians' '2 times the loss before'; do
  grep -q "$words" figures/one-condense.svg || fail "the figure lacks '$words'"
done
"$PYTHON" - "$TAME_SOURCE/scripts" <<'END'
import sys
import h5py
import numpy as np
sys.path.insert(0, sys.argv[1])
from figures.common import prepare
prepare()
from figures.condense import CondenseFigure
from figures.sweeps import Sweep
figure = CondenseFigure.of_sweep(Sweep(["one.h5"]))
with h5py.File("one.h5") as f:
    g = f["phases/condensing/unseen"]
    loss, merges = g["loss"][:], g["merges"][:]
assert [len(courses) for _, _, courses in figure.groups] == [5, 5]
at, median = figure.median(figure.groups[1][2], "loss", True)
reached = np.isfinite(loss[5:]).sum(axis=0)
last = int(np.flatnonzero(2 * reached >= 5)[-1])
assert np.array_equal(at, 14 - np.arange(last + 1))
assert np.array_equal(median, np.nanmedian(loss[5:, : last + 1], axis=0))
assert [course.merges for _, _, courses in figure.groups for course in courses] == list(merges)
END
"$TAME" plot one.h5 --network 7 --format svg -o figures >plot.txt
grep -qx figures/one-network7-condense.svg plot.txt || fail "no figure of a network: $(cat plot.txt)"

# Nothing learned: that network fails and says why, the other goes on
sed '/^sweep/,$d' sums.yaml >never.yaml
echo "sweep: {axes: ['phases[0].fit.epochs': [60, 1]]}" >>never.yaml
code=0
ranks 2 "$TAME" run never.yaml -q -o never.h5 2>err.txt || code=$?
[ $code -eq 6 ] || fail "exit code $code: $(cat err.txt)"
"$TAME" info never.h5 >info.txt
grep -Eq " 1 +1 +failed .* phase 'condensing': the network has not learned what it would have to keep: its loss on 'unseen' is .*, and learned: 0.05" info.txt ||
  fail "$(cat info.txt)"
"$PYTHON" - <<'END'
import h5py
import numpy as np
with h5py.File("never.h5") as f:
    g = f["phases/condensing/unseen"]
    assert g["merges"][0] >= 0 and np.isnan(g["merges"][1]) and g["loss"][1, 0] > 0.05 and np.isnan(g["loss"][1, 1])
    assert np.isfinite(f["phases/after/unseen/loss"][0]) and np.isnan(f["phases/after/unseen/loss"][1])
END

refuse 5 "tame: phase 'condensing': the network has not learned what it would have to keep: its loss on 'unseen' is " \
  "$TAME" run sums.yaml -q -o never-one.h5 --set 'phases[0].fit.epochs=1'

# Killed amid retraining by a rule that searches, and resumed on other layouts
searching=(--set 'phases[1].condense.retrain=6' --set 'phases[1].condense.optimizer={hessian_free: {cg_most: 30}}'
  --set 'phases[1].condense.batch=0' --set 'phases[1].condense.learned=1'
  --set 'phases[1].condense.until=1e9')
"$TAME" run sums.yaml -q -o whole.h5 "${searching[@]}"
kills=0 resume=()
for k in 1 2 3 4 5 6; do
  OMP_NUM_THREADS=$((k % 2 + 1)) "$TAME" run sums.yaml -q -o victim.h5 --checkpoint-every 0.02 "${searching[@]}" "${resume[@]}" &
  run=$!
  sleep 0.4
  if kill -9 $run 2>/dev/null; then kills=$((kills + 1)); fi
  wait $run 2>/dev/null || true
  unlocked victim.h5.partial
  [ -e victim.h5.partial ] || break
  resume=(--resume)
done
[ -e victim.h5 ] || ranks 3 "$TAME" run sums.yaml -q -o victim.h5 "${searching[@]}" --resume
"$TAME" compare whole.h5 victim.h5 >verdict.txt || fail "after $kills kills: $(cat verdict.txt)"
[ $kills -gt 0 ] || fail "nothing was killed"
echo "$kills kills, equal"
