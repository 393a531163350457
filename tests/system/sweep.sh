#!/usr/bin/env bash
# Sweeps: a network has the bits it would have alone, whatever else is in the sweep; groups, shards, a choice, networks
# that fail, a thousand of them; figure 3 in short form.
# timeout: 300
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

cp "$TAME_SOURCE/jobs/small.yaml" sweep.yaml
cat >>sweep.yaml <<'END'
sweep:
  axes:
    - network.gain: {from: 1.2, to: 1.8, step: 0.3}
    - label.long: [0, 1]
      tasks[0].duration_ms: [400, 450]
  repeats: 2
END
"$TAME" run sweep.yaml -q -o one.h5
for layout in "2 1" "3 2" "5 1" "4 4"; do
  read -r n group <<<"$layout"
  ranks "$n" "$TAME" run sweep.yaml -q -f -o other.h5 --group "$group"
  "$TAME" compare one.h5 other.h5 >verdict.txt || fail "$n ranks, groups of $group: $(cat verdict.txt)"
done

# Parts of it
"$TAME" run sweep.yaml -q -o only.h5 --only 3,7-8
for k in 1 2 3; do ranks 2 "$TAME" run sweep.yaml -q -o shard$k.h5 --shard $k/3; done
"$TAME" run "$TAME_SOURCE/jobs/small.yaml" -q -o alone.h5 --set network.gain=1.5 --set 'tasks[0].duration_ms=450' \
  --set network.seed=2
"$PYTHON" - <<'END'
import h5py
import numpy as np
one, alone = h5py.File("one.h5"), h5py.File("alone.h5")
assert list(one["network"]) == list(range(12)) and (one["state"][:] == 2).all()
assert list(one["sweep/network.gain"][::4]) == [1.2, 1.5, 1.8]
assert list(one["sweep/network.seed"][:4]) == [1, 2, 1, 2] and list(one["sweep/long"][:4]) == [0, 0, 1, 1]
assert one["sweep"].attrs["keys"] == "network.gain,long,tasks[0].duration_ms,network.seed"
r = one["phases/after/timing/rates"]
assert r.shape == (12, 2, 100, 450) and np.isnan(r[0, :, :, 400:]).all() and np.isfinite(r[2]).all()
assert one["recorded_neurons"].shape[0] == 1 and one["tasks/timing/input"].shape == (12, 2, 450)
assert (one["tasks/timing/duration_ms"][:4] == [400, 400, 450, 450]).all()


def rows(file, k):  # {dataset: what network k has}, without padding
    found = {}
    def visit(name, data):
        if isinstance(data, h5py.Dataset) and name.split("/")[0] in ("phases", "weights"):
            found[name] = data[k]
    file.visititems(visit)
    return found
def same(a, b):
    for name in a:
        x, y = a[name], b[name]
        cut = tuple(slice(0, min(m, n)) for m, n in zip(x.shape, y.shape))
        assert x[cut].tobytes() == y[cut].tobytes(), name
same(rows(alone, 0), rows(one, 7))
for path in ["only.h5"] + ["shard%d.h5" % k for k in (1, 2, 3)]:
    part = h5py.File(path)
    for row, network in enumerate(part["network"]):
        same(rows(part, row), rows(one, network))
shards = sorted(int(k) for i in (1, 2, 3) for k in h5py.File("shard%d.h5" % i)["network"])
assert shards == list(range(12)) and list(h5py.File("only.h5")["network"]) == [3, 7, 8]
END
"$TAME" plot shard1.h5 shard2.h5 shard3.h5 --format png -o figures
"$TAME" plot one.h5 --format png -o figures
"$TAME" plot one.h5 --network 7 --format png -o figures
for figure in shard1-sweep one-sweep one-network7-training; do
  [ -s figures/$figure.png ] || fail "no figure $figure"
done

# What it says of itself runs again
"$TAME" info --yaml one.h5 >again.yaml
"$TAME" run again.yaml -q -o again.h5
"$TAME" compare one.h5 again.h5
"$TAME" run one.h5 -q -o again2.h5
"$TAME" compare one.h5 again2.h5
"$TAME" info one.h5 >info.txt
grep -q "12 networks: 12 done" info.txt || fail "$(cat info.txt)"

# Data from files, other ones for each network, from the file itself
for k in 1 2; do "$PYTHON" -c "for t in range(300 + $k * 50): print(t * 0.002 * $k)" >pen$k.csv; done
cp "$TAME_SOURCE/jobs/small.yaml" files.yaml
printf 'sweep:\n  axes:\n    - tasks[0].targets: [[file: {path: pen1.csv}], [file: {path: pen2.csv}]]\n' >>files.yaml
"$TAME" run files.yaml -q -o files.h5
rm pen?.csv
"$TAME" run files.h5 -q -o files2.h5
"$TAME" compare files.h5 files2.h5

# Networks that cannot be, or diverge, are marked; the others are as ever
cp "$TAME_SOURCE/jobs/small.yaml" bad.yaml
cat >>bad.yaml <<'END'
sweep:
  axes:
    - tasks[0].duration_ms: [400, 300, 420]
    - network.precision: [double, float]
      phases[2].train.learner: [rls, {rls: {delta: 1e-12, forgetting: 0.5}}]
END
code=0
for n in 1 3; do
  code=0
  ranks $n "$TAME" run bad.yaml -q -f -o failed$n.h5 2>err.txt || code=$?
  [ $code -eq 6 ] || fail "networks that fail: exit code $code: $(cat err.txt)"
  grep -q "tame: 4 of 6 networks failed; \`tame info failed$n.h5\` says why" err.txt || fail "$(cat err.txt)"
done
"$TAME" compare failed1.h5 failed3.h5 || fail "networks that fail: other results on 3 ranks"
"$TAME" info failed1.h5 >info.txt
grep -Eq "^ +2 .* failed .* bad.yaml:.*window_ms" info.txt || fail "$(cat info.txt)"
grep -Eq "^ +1 .* failed .* phase '" info.txt || fail "$(cat info.txt)"

# A thousand
cat >thousand.yaml <<'END'
name: thousand
network: {neurons: 10, wiring: {random: {density: 0.5}}}
tasks: [{name: t, duration_ms: 30, window_ms: [10, 30], inputs: [pulse: {start_ms: 0, duration_ms: 5}], targets: [peak: {time_ms: 20}]}]
phases:
  - record: {name: innate}
  - train: {name: recurrent, weights: recurrent, target: innate}
  - train: {name: readout, weights: readout}
  - test: {name: test}
output: {rates: {every: 0}}
sweep: {axes: [network.gain: {from: 0.1, to: 10, count: 100, scale: log}], repeats: 10}
END
ranks 3 "$TAME" run thousand.yaml -q -o thousand.h5
"$PYTHON" - <<'END'
import h5py
import numpy as np
with h5py.File("thousand.h5") as f:
    assert f["state"].shape == (1000,) and (f["state"][:] == 2).all()
    gain = f["sweep/network.gain"][:]
    assert np.allclose(gain.reshape(100, 10)[:, 0], np.geomspace(0.1, 10, 100)) and len(set(gain)) == 100
    assert np.isfinite(f["phases/test/t/loss"][:]).all() and np.isfinite(f["weights/final/readout"][:]).all()
END
"$TAME" info thousand.h5 | grep -q "... and 960 more: --networks shows all" || fail "info of a thousand"

# Figure 3 in short form: timing gets worse with the delay
"$TAME" run "$TAME_SOURCE/jobs/laje-fig3.yaml" -q -o fig3.h5 --only 0-2,10-12,20-22 --set network.neurons=200
"$TAME" plot fig3.h5 --format png -o figures
"$PYTHON" - <<'END'
import h5py
with h5py.File("fig3.h5") as f:
    r2 = (f["phases/test/timing/correlation"][:, 0, 0] ** 2).reshape(3, 3).mean(axis=1)
    assert list(f["sweep/delay_ms"][::3]) == [250, 500, 1000] and "Vitay" in f["sweep"].attrs["reference"]
    print("R^2 at 250, 500, 1000 ms:", r2.round(3))
    assert r2[0] > 0.97 and r2[0] > r2[2]
END

# Signals from files, a different one for each network: a file of some networks repeats these, and no other gets theirs
for k in 1 2 3; do printf 'x\n%s\n%s\n' "$k" "$k" >"signal$k.csv"; done
cat >signals.yaml <<'EOF'
network: {neurons: 20, wiring: {random: {density: 0.5}}}
tasks: [{name: t, duration_ms: 20, inputs: [file: {path: signal3.csv}]}]
phases: [record: {name: a}]
sweep:
  axes:
    - tasks[0].inputs[0].file.path: [signal1.csv, signal2.csv]
EOF
"$TAME" run signals.yaml -q -o signals.h5
"$TAME" run signals.yaml -q -o second.h5 --only 1
rm signal?.csv
"$TAME" run signals.h5 -q -o again.h5 -f
"$TAME" compare signals.h5 again.h5
"$TAME" run second.h5 -q -o again.h5 -f --only 1
"$TAME" compare second.h5 again.h5
code=0
"$TAME" run second.h5 -q -o both.h5 2>err.txt || code=$?
[ $code -eq 6 ] || fail "a network whose signals are not there: exit code $code: $(cat err.txt)"
"$TAME" info both.h5 | grep -q "'second.h5' does not hold network 0" || fail "$("$TAME" info both.h5)"
code=0
"$TAME" run signals.h5 -q -o both.h5 -f --set 'sweep={repeats: 2}' 2>err.txt || code=$?
[ $code -eq 2 ] || fail "another sweep of swept signals: exit code $code"
grep -q "the sweep cannot be overridden in a results file whose tasks it sweeps" err.txt || fail "$(cat err.txt)"
