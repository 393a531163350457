#!/usr/bin/env bash
# Bidirectional layers in an experiment: states and outputs at their true times, against NumPy; the same on any
# layout; segments; what is refused.
# timeout: 120
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

cat >job.yaml <<'EOF'
model:
  inputs: 1
  train_start: on
  layers:
    - bidirectional: {cell: {gru: {units: 3}}}
    - bidirectional: {cell: {rnn: {units: 2, tau: 9}}}
    - dense: {units: 1}
data:
  - {name: sights, from: {irregular: {steps: 12}}, samples: 40}
phases:
  - fit: {name: training, epochs: 20, batch: 20, optimizer: {adam: {rate: 0.02}}, gradient: {micro_batch: 3, penalties: {rates_l2: 0.01}}}
  - test: {name: after, states: on, record: 10}
EOF
OMP_NUM_THREADS=1 "$TAME" run job.yaml -q -o one.h5

"$PYTHON" - <<'EOF'
import h5py
import numpy as np

with h5py.File("one.h5") as f:
    got = f["phases/after/sights"]
    W = {name: np.array(w[0]) for name, w in f["weights/final"].items()}
    loss = f["phases/training/sights/loss"][0]
    assert loss[-1] < 0.8 * loss[0], loss
    logistic = lambda z: 1 / (1 + np.exp(-z))

    def step(layer, x, h, d):
        if "gru" in layer:
            a = W[layer + ".weight_ih"] @ x + W[layer + ".bias_ih"][0]
            b = W[layer + ".weight_hh"] @ h + W[layer + ".bias_hh"][0]
            r, z = logistic(a[:3] + b[:3]), logistic(a[3:6] + b[3:6])
            return (1 - z) * np.tanh(a[6:] + r * b[6:]) + z * h
        drive = W[layer + ".weight_ih"] @ x + W[layer + ".weight_hh"] @ h + W[layer + ".bias"][0]
        return h + d / 9 * (np.tanh(drive) - h)

    def through(layer, x, gaps):
        h, all = W[layer + ".h.start"][0], []
        for x_t, d in zip(x, gaps):
            h = step(layer, x_t, h, d)
            all.append(h)
        return np.array(all)

    for sample in range(10):  # more than go through the model together
        x, gaps = got["x"][0, sample], got["elapsed"][0, sample]
        back = np.concatenate([gaps[:1], gaps[:0:-1]])
        for layer in ("0.gru", "1.rnn"):
            ways = [through(layer, x, gaps), through(layer + "_reverse", x[::-1], back)[::-1]]
            for name, want in zip((layer, layer + "_reverse"), ways):
                for what in (f"states/{name}.h", f"outputs/{name}"):
                    assert abs(got[what][0, sample] - want).max() < 1e-12, (sample, what)
            x = np.concatenate(ways, axis=1)
        y = x @ W["2.dense.weight"].T + W["2.dense.bias"][0]
        assert abs(got["y"][0, sample] - y).max() < 1e-12, sample
    assert "2.dense" not in got["outputs"]
EOF

for n in 2 3 7; do
  OMP_NUM_THREADS=2 ranks "$n" "$TAME" run job.yaml -q -f -o other.h5
  "$TAME" compare one.h5 other.h5 >verdict.txt || fail "$n ranks: $(cat verdict.txt)"
done
"$TAME" run job.yaml -q -f -o other.h5 --set 'phases[0].fit.memory_mb=0.001'
"$TAME" compare one.h5 other.h5 >verdict.txt || fail "segments: $(cat verdict.txt)"

bad() { refuse 2 "$1" "$TAME" run job.yaml -q -o bad.h5 --set "${@:2}"; }
bad "model.layers[1].bidirectional.cell: found dense, want rnn, gru, lstm, ltc or cfc: it has no state" \
  'model.layers[1]={bidirectional: {cell: {dense: {units: 2}}}}'
bad "cell: found lif, want rnn, gru, lstm, ltc or cfc: it spikes" \
  'model.layers[1]={bidirectional: {cell: {lif: {units: 2}}}}'
bad "model.layers[1].bidirectional: required key 'cell' is missing" 'model.layers[1]={bidirectional: {}}'
bad "model.layers[1].bidirectional.cell: found 'gur', want one of" \
  'model.layers[1]={bidirectional: {cell: {gur: {units: 2}}}}'
bad "model.layers[0].bidirectional.cell.gru.units: found '0', want a whole number from 1" \
  'model.layers[0].bidirectional.cell.gru.units=0'
bad "phases[0].fit.gradient: truncate: found 4 with a bidirectional layer, want 0" \
  'phases[0].fit.gradient.truncate=4'
echo "bidirectional layers: as NumPy has them, on any layout"
