#!/usr/bin/env bash
# Weights of PyTorch and ncps, converted, give their outputs and gradients; what cannot be mapped is told.
# timeout: 300
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

check() { "$PYTHON" "$TAME_SOURCE/tests/golden/torch_check.py" "$TAME" "$@"; }
convert=("$PYTHON" "$TAME_SOURCE/scripts/torch_weights.py")

check || fail "models are not those of PyTorch"
TAME_KERNEL=ref check ltc cfc_wired_default gru || fail "models are not those of PyTorch, with plain kernels"

# The way back from results: into the types of the module, its mask kept; then the module's again.
"${convert[@]}" ltc.h5 trained.npz --like ltc.npz
"${convert[@]}" trained.npz trained.h5
"$PYTHON" - <<'END'
import h5py, numpy as np
like, got = np.load("ltc.npz"), np.load("trained.npz")
assert list(like) == list(got) and all(like[k].dtype == got[k].dtype and like[k].shape == got[k].shape for k in like)
assert np.array_equal(like["rnn.rnn_cell.sparsity_mask"], got["rnn.rnn_cell.sparsity_mask"])
with h5py.File("ltc.h5") as f, h5py.File("trained.h5") as g:
    final = f["weights/final"]
    assert set(final) == set(g)
    assert all(np.allclose(final[k][0], g[k], rtol=1e-7, atol=0) for k in g)
    assert any((f["weights/initial"][k][0] != final[k][0]).any() for k in g)

state = dict(np.load("gru.npz"))
np.savez("more.npz", **state, **{"head.conv.weight": np.zeros((2, 3, 4))})
np.savez("swapped.npz", **{k: state[k] for k in sorted(state, key=lambda k: not k.startswith("readout"))})
np.savez("wide.npz", **dict(state, **{"rnn.weight_ih_l0": np.zeros((15, 4))}))
both = dict(np.load("gru_both_ways.npz"))
np.savez("half.npz", **{k: v for k, v in both.items() if k != "rnn.weight_hh_l1_reverse"})
moved = dict(np.load("ltc.npz"))
moved["rnn.rnn_cell.sparsity_mask"] = np.roll(moved["rnn.rnn_cell.sparsity_mask"], 1, axis=0)
np.savez("moved.npz", **moved)
END
refuse 2 "head.conv.weight [2, 3, 4]" "${convert[@]}" more.npz bad.h5
refuse 2 "rnn.weight_ih_l1_reverse [12, 8]" "${convert[@]}" half.npz bad.h5
refuse 2 "0.gru.weight_ih is [15, 3], rnn.weight_ih_l0 [15, 4]" "${convert[@]}" gru.h5 out.npz --like wide.npz
refuse 2 "only there 0.gru.bias_hh" "${convert[@]}" gru.h5 out.npz --like lstm.npz
refuse 2 "has a synapse where rnn.rnn_cell.sparsity_mask has none" "${convert[@]}" ltc.h5 out.npz --like moved.npz
refuse 2 "want --like" "${convert[@]}" ltc.h5 out.npz
absent out.npz
"${convert[@]}" more.npz skipped.h5 --skip head
"${convert[@]}" swapped.npz ordered.h5 --order rnn,readout
for file in skipped.h5 ordered.h5; do
  "$PYTHON" - "$file" <<'END'
import sys, h5py
with h5py.File(sys.argv[1]) as a, h5py.File("gru.weights.h5") as b:
    assert set(a) == set(b) and all((a[k][:] == b[k][:]).all() for k in a)
END
done

# An experiment refuses the wrong circuit, though shapes are the same
sed 's/outputs: 2/outputs: 2, seed: 3/' ltc.yaml >other.yaml
refuse 2 "is of another wiring: 0.ltc." "$TAME" run other.yaml -o bad.h5

# It can fail: gates in another order
mkdir -p copy/tests/golden copy/scripts
cp "$TAME_SOURCE"/tests/golden/torch_* copy/tests/golden
sed 's/order = \[1, 2, 0, 3\]/order = [2, 1, 0, 3]/' "$TAME_SOURCE/scripts/torch_weights.py" >copy/scripts/torch_weights.py
if "$PYTHON" copy/tests/golden/torch_check.py "$TAME" ltc_mixed >out.txt 2>&1; then
  fail "gates in another order go unnoticed"
fi
