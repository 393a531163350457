"""Models whose weights came through scripts/torch_weights.py against the modules of PyTorch and ncps in
tests/golden/torch_models.h5: outputs and gradients, to 1e-10 of double precision and 1e-6 of single precision. Then the
way back gives what was there. Wants the program as its argument; works in the working folder.

    python3 tests/golden/torch_check.py build/tame [CASE...]
"""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "scripts"))
import torch_weights  # noqa: E402

RATE = 2.0**-10
EXPERIMENT = """
name: check
model: {model}
weights: {{file: {name}.weights.h5}}
data:
  - name: data
    from: {{file: {{path: {name}.data.h5{elapsed}}}}}
phases:
  - test: {{name: before, record: -1}}
  - fit: {{name: learn, shuffle: off, optimizer: {{sgd: {{rate: {rate}, momentum: 0}}}}}}
"""


def unflat(numbers, keys):
    state, at = {}, 0
    for key, shape in keys:
        size = int(np.prod(shape))
        state[key] = numbers[at : at + size].reshape(shape)
        at += size
    return state


def convert(*arguments):
    if torch_weights.main([str(a) for a in arguments]) != 0:
        sys.exit(f"cannot convert {arguments}")


def gradients_of(layers, gradient):
    """Ours of those of a state dict. A sum has the gradient of each of its parts."""
    return {m.name: m.take(gradient) / max(1, len(m.keys)) for layer in layers for m in layer.matrices}


def largest(a, b):
    return float(np.max(np.abs(a - b), initial=0))


def check(program, name, case):
    keys = json.loads(case.attrs["keys"])
    state = unflat(case["state"][:], keys)
    np.savez(f"{name}.npz", **state)
    convert(f"{name}.npz", f"{name}.weights.h5")
    with h5py.File(f"{name}.data.h5", "w") as f:
        f["x"], f["y"] = case["x"][:], case["target"][:]
        if "elapsed" in case:
            f["elapsed"] = case["elapsed"][:]
    elapsed = ", elapsed: elapsed" if "elapsed" in case else ""
    Path(f"{name}.yaml").write_text(
        EXPERIMENT.format(model=case.attrs["model"], name=name, elapsed=elapsed, rate=RATE), encoding="utf-8")
    subprocess.run([program, "run", "-qf", f"{name}.yaml", "-o", f"{name}.h5"], check=True)
    layers, _ = torch_weights.layers_of(state)
    with h5py.File(f"{name}.h5", "r") as f:
        y = f["phases/before/data/y"][0]
        initial = {k: v[0] for k, v in f["weights/initial"].items()}
        final = {k: v[0] for k, v in f["weights/final"].items()}
    found = {"y": largest(y, case["y"][:]), "y single": largest(y, case["y_single"][:])}
    for words, part in (("gradient", "gradient"), ("gradient single", "gradient_single")):
        want = gradients_of(layers, unflat(case[part][:], keys))
        found[words] = max(largest((initial[k] - final[k]) / RATE, want[k]) for k in want)
    convert(f"{name}.weights.h5", f"{name}.again.npz", "--like", f"{name}.npz")
    convert(f"{name}.again.npz", f"{name}.again.h5")
    with h5py.File(f"{name}.again.h5", "r") as a, h5py.File(f"{name}.weights.h5", "r") as b:
        same = set(a) == set(b) and all(np.allclose(a[k], b[k], rtol=1e-7, atol=0) for k in a)
    print(f"{name}: " + ", ".join(f"{k} {v:.1e}" for k, v in found.items()) + ("" if same else ", not the same again"))
    limits = {"y": 1e-10, "gradient": 1e-10, "y single": 1e-6, "gradient single": 1e-6}
    return same and all(found[k] <= limits[k] for k in limits)


def main(program, *names):
    with h5py.File(HERE / "torch_models.h5", "r") as f:
        bad = [name for name in names or f if not check(program, name, f[name])]
    if bad:
        sys.exit("not as PyTorch: " + ", ".join(bad))


if __name__ == "__main__":
    main(*sys.argv[1:])
