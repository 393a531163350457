#!/usr/bin/env bash
# Distances between the solutions of a sweep: against numpy, the same on any layout, gaps where networks failed, what is
# drawn of them; what cannot be compared is refused on all ranks.
# timeout: 120
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

cat >sizes.yaml <<'END'
name: sizes
model: {inputs: 1, layers: [rnn: {units: 6}, rnn: {units: 3}, dense: {units: 1}]}
data: [{name: noise, from: integration, samples: 10}]
phases:
  - fit: {name: training, epochs: 3, optimizer: {adam: {rate: 0.02}}}
  - test: {name: after, record: 7, states: on}
  - test: {name: silent}
sweep: {axes: ['model.layers[0].rnn.units': [6, 0, 4], 'model.layers[0].rnn.activation': [tanh, relu]], repeats: 2}
END
code=0
"$TAME" run sizes.yaml -q -o sizes.h5 2>err.txt || code=$?
[ $code -eq 6 ] || fail "exit code $code: $(cat err.txt)" # no network of 0 units

"$TAME" distances sizes.h5 -qo one.h5
for n in 2 3 7; do
  ranks $n "$TAME" distances sizes.h5 -q -o other.h5 -f
  "$TAME" compare one.h5 other.h5 >verdict.txt || fail "$n ranks: $(cat verdict.txt)"
done
"$TAME" distances sizes.h5 -qo second.h5 --layer 1.rnn --phase after --share 0.7
"$PYTHON" - <<'END'
import h5py
import numpy as np


def centred(x):
    x = x[np.isfinite(x).all(axis=1)] if x.ndim < 2 else x
    return x - x.mean(0)


def scores(x, share):
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    return u[:, : 1 + int(np.searchsorted(np.cumsum(s**2), share * (s**2).sum()))]


for name, layer, share in (("one.h5", "0.rnn", 0.95), ("second.h5", "1.rnn", 0.7)):
    with h5py.File("sizes.h5") as f, h5py.File(name) as g:
        states, rates = f["state"][:], f["phases/after/noise/outputs/" + layer][:]
        cka, overlap, units = (g[k][:] for k in ("distances/cka", "distances/overlap", "units"))
        for key in f["sweep"]:
            assert np.array_equal(f["sweep"][key][:], g["sweep"][key][:]), key
        assert np.array_equal(f["network"][:], g["network"][:]) and np.array_equal(states, g["state"][:])
        assert g["distances"].attrs["layer"] == layer and g["distances"].attrs["phase"] == "after"
    assert cka.shape == (12, 12) and (states == 3).sum() == 4
    x = {}
    for k in np.flatnonzero(states == 2):
        own = rates[k].reshape(-1, rates.shape[-1])
        own = own[:, np.isfinite(own).all(axis=0)]
        assert own.shape[1] == units[k]
        x[k] = centred(own)
    for i in range(12):
        for j in range(12):
            if i not in x or j not in x:
                assert np.isnan(cka[i, j]) and np.isnan(overlap[i, j])
                continue
            a, b = x[i], x[j]
            want = np.linalg.norm(a.T @ b) ** 2 / np.linalg.norm(a.T @ a) / np.linalg.norm(b.T @ b)
            assert abs(cka[i, j] - want) < 1e-12, (i, j, cka[i, j], want)
            u, v = scores(a, share), scores(b, share)
            want = np.linalg.norm(u.T @ v) ** 2 / min(u.shape[1], v.shape[1])
            assert abs(overlap[i, j] - want) < 1e-10, (i, j, overlap[i, j], want)
END
"$TAME" info one.h5 | grep -q "compared by the outputs of layer 0.rnn in phase after, noise" || fail "$("$TAME" info one.h5)"
"$TAME" plot one.h5 --format svg -o figures >plot.txt
[ "$(cat plot.txt)" = figures/one.svg ] || fail "$(cat plot.txt)"
for words in 'Linear CKA' 'Overlap of components' '8 networks, 4 left out'; do
  grep -q "$words" figures/one.svg || fail "the figure lacks '$words'"
done
"$PYTHON" - "$TAME_SOURCE/scripts" <<'END'
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from figures.common import prepare
prepare()
from figures.distances import classical_scaling
places = np.array([[0, 0], [3, 0], [3, 1], [-2, 5.]])
found, share = classical_scaling(np.linalg.norm(places[:, None] - places[None], axis=2))
assert abs(share - 1) < 1e-12
assert np.allclose(np.linalg.norm(found[:, None] - found[None], axis=2),
                   np.linalg.norm(places[:, None] - places[None], axis=2))
END

bad() { # WORDS ARGUMENT...
  refuse 2 "$1" "$TAME" distances "${@:2}" -q -o bad.h5
  refuse 2 "$1" "$MPIEXEC" -n 3 "$TAME" distances "${@:2}" -q -o bad.h5
}
bad "'sizes.h5' has no phase 'afetr'" sizes.h5 --phase afetr
bad "'sizes.h5' has no outputs of layer 2.dense in phase after: want a test with states: on" sizes.h5 -p after -l 2.dense
bad "'sizes.h5' has no outputs of any layer in phase silent" sizes.h5 -p silent
bad "cannot read 'none.h5': No such file" none.h5
bad "'sizes.yaml' is not a results file" sizes.yaml
bad "--share: found '2', want a number above 0, at most 1" sizes.h5 --share 2
bad "want RESULTS, the file of a sweep"
refuse 4 "one.h5" "$TAME" distances sizes.h5 -q -o one.h5
cp sizes.h5 kept.h5
refuse 2 "'kept.h5' is to be read, want another file" "$TAME" distances kept.h5 -q -f -o kept.h5
cmp sizes.h5 kept.h5 || fail "the sweep that was read has changed"

# Networks that saw other samples; the first phase in time, not by the alphabet, under a long name
cat >others.yaml <<'END'
name: others
model: {inputs: 1, layers: [rnn: {units: 3}, dense: {units: 1}]}
data: [{name: noise, from: {integration: {steps: 5}}, samples: 6}]
phases:
  - test: {name: y_which_has_a_name_of_more_than_sixty_letters_as_some_may_well_have, states: on}
  - test: {name: a, states: on}
sweep: {axes: ["model.layers[0].rnn.units": [3, 4]]}
END
"$TAME" run others.yaml -q -o others.h5
"$TAME" distances others.h5 -q -o d.h5
"$TAME" info d.h5 | grep -q "in phase y_which_has_a_name_of_more_than_sixty_letters_as_some_may_well_have, noise" || fail "$("$TAME" info d.h5)"
"$TAME" run others.yaml -q -o seeds.h5 --set 'sweep.axes=[{"data[0].seed": [2, 3]}]'
bad "'seeds.h5': phases/y_which_has_a_name_of_more_than_sixty_letters_as_some_may_well_have/noise/x of networks 0 and 1 differ" seeds.h5
echo "equal to numpy's, on all ranks"
