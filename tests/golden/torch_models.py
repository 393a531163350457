"""Reference values in tests/golden/torch_models.h5: modules of PyTorch and ncps, with random weights, answer to random
sequences; outputs, and gradients of their mean square distance to random targets, in double and in single precision.
For each, a group: the attributes `model`, our words for it, and `keys`, JSON, keys and shapes of the state dict;
state, all its numbers one after the other (of single precision, so that both have the same); x, target, elapsed, where
steps are irregular; y, y_single; gradient, gradient_single, like state, NaN where there is none.
tests/system/torch_weights.sh converts the weights and compares. Not part of any test: wants PyTorch
and ncps. Made with PyTorch 1.13.0 and ncps 1.0.1.

    python3 tests/golden/torch_models.py tests/golden/torch_models.h5
"""

import json
import sys

import h5py
import numpy as np
import torch
from ncps.torch import CfC, LTC
from ncps.wirings import AutoNCP, FullyConnected
from torch import nn

BATCH, STEPS, INPUTS = 3, 10, 3


class Model(nn.Module):
    """A recurrent module, and perhaps a linear one."""

    def __init__(self, rnn, width=None, outputs=None, bias=True):
        super().__init__()
        self.rnn = rnn
        self.readout = nn.Linear(width, outputs, bias=bias) if width else None

    def forward(self, x, elapsed):
        if elapsed is None:
            y = self.rnn(x)[0]
        else:  # ncps does not tell samples' times apart
            y = torch.cat([self.rnn(x[k : k + 1], timespans=elapsed[k : k + 1])[0] for k in range(len(x))])
        return self.readout(y) if self.readout else y


def cases():
    dense = "dense: {units: 2}"
    circuit = "circuit: {autoncp: {units: 8, outputs: 2}}"

    def ncp():
        return AutoNCP(8, 2)

    yield "rnn_tanh", Model(nn.RNN(INPUTS, 5, num_layers=2, batch_first=True), 5, 2), False, (
        f"[rnn: {{units: 5}}, rnn: {{units: 5}}, {dense}]")
    yield "rnn_relu", Model(nn.RNN(INPUTS, 5, nonlinearity="relu", batch_first=True), 5, 2), False, (
        f"[rnn: {{units: 5, activation: relu}}, {dense}]")
    yield "gru", Model(nn.GRU(INPUTS, 5, num_layers=2, batch_first=True), 5, 2, bias=False), False, (
        "[gru: {units: 5}, gru: {units: 5}, dense: {units: 2, bias: off}]")
    yield "lstm", Model(nn.LSTM(INPUTS, 5, batch_first=True), 5, 2), False, f"[lstm: {{units: 5}}, {dense}]"
    yield "ltc", Model(LTC(INPUTS, ncp())), True, f"[ltc: {{{circuit}, constraints: implicit}}]"
    yield "ltc_explicit", Model(LTC(INPUTS, ncp(), implicit_param_constraints=False, ode_unfolds=4)), False, (
        f"[ltc: {{{circuit}, unfolds: 4}}]")
    yield "ltc_full", Model(LTC(INPUTS, FullyConnected(4, 4)), 4, 2), True, (
        f"[ltc: {{circuit: {{full: {{units: 4, outputs: 4}}}}, constraints: implicit}}, {dense}]")
    yield "ltc_mixed", Model(LTC(INPUTS, ncp(), mixed_memory=True)), True, (
        f"[ltc: {{{circuit}, constraints: implicit, mixed_memory: on}}]")
    yield "cfc", Model(CfC(INPUTS, 5, backbone_units=6), 5, 2), True, f"[cfc: {{units: 5, backbone_units: 6}}, {dense}]"
    yield "cfc_no_gate", Model(CfC(INPUTS, 5, mode="no_gate", activation="silu", backbone_units=6, backbone_layers=2,
                                   backbone_dropout=0.1), 5, 2).eval(), True, (
        f"[cfc: {{units: 5, mode: no_gate, activation: silu, backbone_units: 6, backbone_layers: 2}}, {dense}]")
    yield "cfc_pure", Model(CfC(INPUTS, 5, mode="pure", backbone_units=6), 5, 2), True, (
        f"[cfc: {{units: 5, mode: pure, backbone_units: 6}}, {dense}]")
    yield "cfc_mixed", Model(CfC(INPUTS, 5, proj_size=2, mixed_memory=True, backbone_units=6)), True, (
        f"[cfc: {{units: 5, backbone_units: 6, mixed_memory: on}}, {dense}]")
    for mode in ("default", "no_gate", "pure"):
        yield f"cfc_wired_{mode}", Model(CfC(INPUTS, ncp(), mode=mode)), True, f"[cfc: {{{circuit}, mode: {mode}}}]"
    for name, module, layers in (("gru", nn.GRU, 2), ("lstm", nn.LSTM, 1), ("rnn", nn.RNN, 1)):
        both = module(INPUTS, 4, num_layers=layers, batch_first=True, bidirectional=True)
        words = f"bidirectional: {{cell: {{{name}: {{units: 4}}}}}}, "
        yield f"{name}_both_ways", Model(both, 8, 2), False, f"[{layers * words}{dense}]"


def run(model, dtype, x, target, elapsed):
    """Outputs, gradients."""
    torch.set_default_dtype(dtype)  # of the states that ncps begins with
    model = model.to(dtype)
    model.zero_grad()
    x, target = torch.tensor(x, dtype=dtype), torch.tensor(target, dtype=dtype)
    y = model(x, None if elapsed is None else torch.tensor(elapsed, dtype=dtype))
    ((y - target) ** 2).mean().backward()
    gradient = {k: p.grad for k, p in model.named_parameters() if p.grad is not None}
    none = {k: torch.full_like(v, torch.nan) for k, v in model.state_dict().items()}
    return y.detach().numpy(), flat({**none, **gradient})


def flat(tensors):
    return np.concatenate([v.numpy().ravel() for v in tensors.values()])


def main(path):
    rng = np.random.default_rng(1)
    torch.manual_seed(1)
    with h5py.File(path, "w", libver="latest") as f:
        for name, model, irregular, words in cases():
            with torch.no_grad():  # biases, maps and the like are not random by themselves
                for p in model.parameters():
                    if p.requires_grad:
                        p += 0.2 * torch.rand_like(p)
            x = rng.normal(size=(BATCH, STEPS, INPUTS)).astype(np.float32)
            target = rng.normal(size=(BATCH, STEPS, 2)).astype(np.float32)
            elapsed = rng.uniform(0.2, 2, size=(BATCH, STEPS)).astype(np.float32) if irregular else None
            group = f.create_group(name)
            group.attrs["model"] = f"{{inputs: {INPUTS}, layers: {words}}}"
            group.attrs["keys"] = json.dumps([(k, list(v.shape)) for k, v in model.state_dict().items()])
            group["x"], group["target"] = x, target
            if irregular:
                group["elapsed"] = elapsed
            group["y_single"], group["gradient_single"] = run(model, torch.float32, x, target, elapsed)
            group["state"] = flat(model.state_dict())
            group["y"], group["gradient"] = run(model, torch.float64, x, target, elapsed)
            print(name, group["y"].shape, group["state"].size)


if __name__ == "__main__":
    main(sys.argv[1])
