#!/usr/bin/env python3
"""Converts weights of PyTorch and ncps modules to HDF5 that an experiment begins with, and back.

    torch_weights.py STATE WEIGHTS.h5                     for `weights: {file: WEIGHTS.h5}`
    torch_weights.py MODEL.h5 STATE --like STATE          from results, or from such weights

STATE is a state dict, .pt or .pth (torch.save(module.state_dict(), ...); needs PyTorch) or .npz with an array for each
of its keys. Going back, --like names a state dict of the module that is to have the weights: keys, shapes, types and
masks are its own. All numbers are doubles in HDF5. Whatever cannot be mapped is told, and then nothing is written;
--skip leaves keys out knowingly.

Layers count from 0 in the order of the state dict, which is that in which modules were made; --order names another
one. K is a layer, H its units, .T is never needed: PyTorch's matrices are [to][from], as ours are; those of an LTC are
[from][to], and so are ours.

    nn.RNN, RNNCell     weight_ih_lN [H][in], weight_hh_lN [H][H]   -> K.rnn.weight_ih, K.rnn.weight_hh
                        bias_ih_lN + bias_hh_lN [H]                 -> K.rnn.bias [1][H]; back: all in bias_ih_lN
    nn.GRU, GRUCell     weight_ih_lN [3H][in], weight_hh_lN [3H][H] -> K.gru.weight_ih, K.gru.weight_hh
                        bias_ih_lN, bias_hh_lN [3H]                 -> K.gru.bias_ih, K.gru.bias_hh [1][3H]
                        gates r, z, n: the same
    nn.LSTM, LSTMCell   as GRU, with 4H; gates i, f, g, o: the same -> K.lstm....
    (no biases: zeros; each layer lN of a module is a layer)
    bidirectional       ..._lN_reverse as well                      -> K.rnn_reverse., K.gru_reverse., K.lstm_reverse.
    nn.Linear           weight [out][in], bias [out]                -> K.dense.weight, K.dense.bias [1][out]
                        (no bias: none, `dense: {bias: off}`)
    ncps LTC, LTCCell   gleak vleak cm [H]                          -> K.ltc.gleak ... [1][H]
                        sigma mu w erev [H][H], times sparsity_mask -> K.ltc.sigma ...
                        sensory_... [in][H], times their mask       -> K.ltc.sensory_...
                        input_w input_b [in], output_w output_b     -> K.ltc.input_w ... [1][.]
    ncps CfC, CfCCell   backbone.I.weight, .bias, I = 0, 2, 4, ...; more with dropout
                                                                    -> K.cfc.backbone.0, .2, .4, ...
                        ff1 ff2 time_a time_b .weight, .bias        -> K.cfc.ff1.weight, .bias [1][H] ...
                        w_tau A [1][H]                              -> K.cfc.w_tau, K.cfc.A
      wired             layer_L. before each, and ff1, ff2 times sparsity_mask [H][in + H]
                                                                    -> K.cfc.layer_L. ...
      proj_size         fc                                          -> a dense layer
    mixed_memory        lstm.input_map.weight [4H][in], .bias       -> K.cfc.memory.weight_ih, .bias_ih
                        lstm.recurrent_map.weight [4H][H]           -> K.cfc.memory.weight_hh
                        gates g, i, f, o                            -> i, f, g, o

Not in a state dict, so the experiment has to say it: an RNN's nonlinearity (`activation`), solver, unfolds and
constraints of an LTC (ncps' LTC: `constraints: implicit` by default, its LTCCell `explicit`), mode and activation of a
CfC, the circuit. Circuits must be the same, synapse for synapse: `autoncp` and `ncp` are ncps' own. First states
(`train_start`) PyTorch has not.
"""

import argparse
import os
import re
import sys

import h5py
import numpy as np


class Trouble(Exception):
    """What the user has to know."""


class Matrix:
    """A dataset of ours: what it is of a state dict, and the way back."""

    def __init__(self, name, *keys, mask=None, blocks=None, shape=None):
        self.name = name
        self.keys = [k for k in keys if k]  # their sum; none: zeros
        self.mask = mask  # key of ones where there is a synapse
        self.blocks = blocks  # of rows: ours are theirs in this order
        self.shape = shape  # of zeros

    def _ordered(self, rows, order):
        if not self.blocks:
            return rows
        parts = np.split(rows, len(self.blocks))
        return np.concatenate([parts[b] for b in order])

    def take(self, state):
        """As we have it, [row][column]."""
        if not self.keys:
            return np.zeros(self.shape)
        value = sum(np.asarray(state[k], dtype=np.float64) for k in self.keys)
        if self.mask:
            value = value * (np.asarray(state[self.mask]) != 0)
        return np.atleast_2d(self._ordered(value, self.blocks))

    def put(self, matrix, state):
        """Into a state dict like that of the module."""
        if not self.keys:
            if np.any(matrix):
                raise Trouble(f"{self.name} is not 0, and the module has no bias for it")
            return
        like = np.asarray(state[self.keys[0]])
        if matrix.shape != np.atleast_2d(like).shape:
            raise Trouble(f"{self.name} is {list(matrix.shape)}, {self.keys[0]} {list(like.shape)}")
        if self.mask and np.any(matrix[np.asarray(state[self.mask]) == 0]):
            raise Trouble(f"{self.name} has a synapse where {self.mask} has none")
        inverse = self.blocks and [self.blocks.index(b) for b in range(len(self.blocks))]
        value = matrix.reshape(like.shape)
        state[self.keys[0]] = self._ordered(value, inverse).astype(like.dtype)
        for k in self.keys[1:]:
            state[k] = np.zeros_like(state[k])


class Layer:
    """A layer of ours: its matrices, the keys of the state dict it comes from, and what the experiment says of it."""

    def __init__(self, cell, words=""):
        self.cell, self.words, self.matrices = cell, words, []

    def add(self, name, *keys, way="", **how):
        self.matrices.append(Matrix(f"{self.cell}{way}.{name}", *keys, **how))

    def uses(self):
        return {k for m in self.matrices for k in [*m.keys, m.mask] if k}


def affine(layer, name, prefix, state, mask=None):
    layer.add(f"{name}.weight", f"{prefix}.weight", mask=mask)
    if f"{prefix}.bias" in state:
        layer.add(f"{name}.bias", f"{prefix}.bias")


# ---- which layer a key belongs to --------------------------------------------------------------------


def gated_way(layer, state, prefix, end, way):
    """The matrices of a direction."""
    rows = state[f"{prefix}weight_hh{end}{way}"].shape[0]
    biases = [k if k in state else None for k in (f"{prefix}bias_ih{end}{way}", f"{prefix}bias_hh{end}{way}")]
    layer.add("weight_ih", f"{prefix}weight_ih{end}{way}", way=way)
    layer.add("weight_hh", f"{prefix}weight_hh{end}{way}", way=way)
    if layer.cell == "rnn":
        layer.add("bias", *biases, shape=(1, rows), way=way)
    else:
        layer.add("bias_ih", biases[0], shape=(1, rows), way=way)
        layer.add("bias_hh", biases[1], shape=(1, rows), way=way)


def gated(state, prefix, end):
    """nn.RNN, GRU, LSTM or their cells; end: "_l0", or ""."""
    weight, recurrent = f"{prefix}weight_ih{end}", f"{prefix}weight_hh{end}"
    both = f"{weight}_reverse" in state
    ways = ["", "_reverse"] if both else [""]
    if any(k + way not in state for k in (weight, recurrent) for way in ways):
        return None
    rows, units = state[recurrent].shape
    cell = {1: "rnn", 3: "gru", 4: "lstm"}.get(rows / units)
    if not cell or f"{prefix}weight_hr{end}" in state:
        return None
    words = f"{cell}: {{units: {units}}}"
    layer = Layer(cell, f"bidirectional: {{cell: {{{words}}}}}" if both else words)
    for way in ways:
        gated_way(layer, state, prefix, end, way)
    return layer


def memory(layer, state, prefix):
    """The LSTM beside a cell, where there is one; the words for it."""
    lstm = re.sub(r"rnn_cell\.$", "lstm.", prefix)
    if lstm == prefix or f"{lstm}input_map.weight" not in state:
        return ""
    order = [1, 2, 0, 3]
    layer.add("memory.weight_ih", f"{lstm}input_map.weight", blocks=order)
    layer.add("memory.weight_hh", f"{lstm}recurrent_map.weight", blocks=order)
    layer.add("memory.bias_ih", f"{lstm}input_map.bias", blocks=order)
    return ", mixed_memory: on"


def ltc(state, prefix):
    if f"{prefix}gleak" not in state or f"{prefix}sensory_w" not in state:
        return None
    layer = Layer("ltc")
    layer.words = f"ltc: {{circuit: ...{memory(layer, state, prefix)}}}"
    for name in ("gleak", "vleak", "cm"):
        layer.add(name, prefix + name)
    for kind in ("", "sensory_"):
        mask = f"{prefix}{kind}sparsity_mask"
        for name in ("sigma", "mu", "w", "erev"):
            layer.add(kind + name, prefix + kind + name, mask=mask if mask in state else None)
    for name in ("input_w", "input_b", "output_w", "output_b"):
        if prefix + name in state:
            layer.add(name, prefix + name)
    return layer


def cfc_part(layer, state, prefix, name):
    """Of a wired CfC a part, or all of a CfC; returns units of its backbone, one number a layer."""
    found = [re.fullmatch(re.escape(prefix) + r"backbone\.(\d+)\.weight", k) for k in state]
    backbone = sorted(int(m[1]) for m in found if m)
    mask = f"{prefix}sparsity_mask"
    mask = mask if mask in state else None
    for k, index in enumerate(backbone):
        affine(layer, f"{name}backbone.{2 * k}", f"{prefix}backbone.{index}", state)
    affine(layer, f"{name}ff1", f"{prefix}ff1", state, mask)
    if f"{prefix}w_tau" in state:
        layer.add(f"{name}w_tau", f"{prefix}w_tau")
        layer.add(f"{name}A", f"{prefix}A")
    else:
        affine(layer, f"{name}ff2", f"{prefix}ff2", state, mask)
        affine(layer, f"{name}time_a", f"{prefix}time_a", state)
        affine(layer, f"{name}time_b", f"{prefix}time_b", state)
    return [state[f"{prefix}backbone.{index}.weight"].shape[0] for index in backbone]


def cfc_wired(state, prefix):
    if f"{prefix}layer_0.ff1.weight" not in state:
        return None
    pure = f"{prefix}layer_0.w_tau" in state
    layer = Layer("cfc")
    layer.words = f"cfc: {{circuit: ..., mode: {'pure' if pure else '...'}{memory(layer, state, prefix)}}}"
    for k in range(3):
        if f"{prefix}layer_{k}.ff1.weight" in state:
            cfc_part(layer, state, f"{prefix}layer_{k}.", f"layer_{k}.")
    return layer


def cfc(state, prefix):
    if f"{prefix}ff1.weight" not in state:
        return None
    pure = f"{prefix}w_tau" in state
    layer = Layer("cfc")
    units = state[f"{prefix}ff1.weight"].shape[0]
    mixed = memory(layer, state, prefix)
    backbone = cfc_part(layer, state, prefix, "")
    wide = f", backbone_units: {backbone[0]}" if backbone else ""
    layer.words = (f"cfc: {{units: {units}, backbone_layers: {len(backbone)}{wide}, "
                   f"mode: {'pure' if pure else '...'}{mixed}}}")
    return layer


def linear(state, key):
    if (key != "weight" and not key.endswith(".weight")) or state[key].ndim != 2:
        return None
    prefix = key[: -len("weight")]
    layer = Layer("dense", f"dense: {{units: {state[key].shape[0]}")
    layer.add("weight", key)
    if f"{prefix}bias" in state:
        layer.add("bias", f"{prefix}bias")
    layer.words += "}" if f"{prefix}bias" in state else ", bias: off}"
    return layer


def layer_of(state, key):
    """The layer that a key is of; None: of none we have."""
    parts = key.split(".")
    prefixes = ["".join(p + "." for p in parts[:k]) for k in range(len(parts))]
    prefixes += [p + "rnn_cell." for p in prefixes]
    for find in (cfc_wired, cfc, ltc):
        for prefix in prefixes:
            layer = find(state, prefix)
            if layer and key in layer.uses():
                return layer
    if match := re.fullmatch(r"(.*?)(weight|bias)_(ih|hh)(_l\d+|)(_reverse|)", key):
        return gated(state, match[1], match[4])
    return linear(state, key)


def layers_of(state, order=()):
    """All layers of a state dict, in order; the keys that are of none."""
    layers, rest, used = [], [], set()
    for place, key in enumerate(state):
        if key in used:
            continue
        layer = layer_of(state, key)
        if not layer or key not in layer.uses():
            rest.append(key)  # for now: a bias may stand before its weight
            continue
        rank = [k for k, name in enumerate(order) if key == name or key.startswith(name + ".")]
        layers.append((rank[0] if rank else len(order), place, layer))
        used |= layer.uses()
    rest = [k for k in rest if k not in used]
    layers = [layer for _, _, layer in sorted(layers, key=lambda x: x[:2])]
    for k, layer in enumerate(layers):
        for m in layer.matrices:
            m.name = f"{k}.{m.name}"
    return layers, rest


# ---- files -------------------------------------------------------------------------------------------


def read_state(path):
    if path.endswith(".npz"):
        with np.load(path) as f:
            return {k: f[k] for k in f.files}
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)
    state = state.get("state_dict", state)
    return {k: v.detach().numpy() for k, v in state.items()}


def write_state(path, state):
    partial = path + ".partial"
    with open(partial, "wb") as f:
        if path.endswith(".npz"):
            np.savez(f, **state)
        else:
            import torch

            torch.save({k: torch.from_numpy(np.array(v)) for k, v in state.items()}, f)
    os.replace(partial, path)


def read_weights(path, network=None):
    """Matrices of a results file, the final ones of a network, or at the root of another file."""
    with h5py.File(path, "r") as f:
        if f.attrs.get("format") not in ("tame-results", b"tame-results"):
            return {k: np.asarray(v, dtype=np.float64) for k, v in f.items()}
        ids = list(f["network"])
        if network is None and len(ids) > 1:
            raise Trouble(f"'{path}' has {len(ids)} networks: want --network")
        if network is not None and network not in ids:
            raise Trouble(f"'{path}' has no network {network}")
        if "weights/final" not in f:
            raise Trouble(f"'{path}' has no weights/final: want results with a model, and its weights kept")
        row = ids.index(network) if network is not None else 0
        return {k: np.asarray(v[row], dtype=np.float64) for k, v in f["weights/final"].items()}


def write_weights(path, matrices):
    partial = path + ".partial"
    with h5py.File(partial, "w") as f:
        for name, matrix in matrices.items():
            f[name] = matrix
            f[name].attrs["dims"] = "row, column"
    os.replace(partial, path)


# ---- both ways ---------------------------------------------------------------------------------------


def mapped(path, order, skip):
    """A state dict, and its layers; Trouble where some keys are of none."""
    state = read_state(path)
    left = {k: v for k, v in state.items() if not any(k == s or k.startswith(s + ".") for s in skip)}
    layers, rest = layers_of(left, order)
    if rest:
        words = "\n  ".join(f"{k} {list(left[k].shape)}" for k in rest)
        raise Trouble(f"'{path}': cannot map, and --skip does not leave out:\n  {words}")
    if not layers:
        raise Trouble(f"'{path}' has no layer that we have")
    return state, layers


def to_tame(options):
    state, layers = mapped(options.source, options.order, options.skip)
    write_weights(options.target, {m.name: m.take(state) for layer in layers for m in layer.matrices})
    print("layers: [" + ", ".join(layer.words for layer in layers) + "]")


def to_torch(options):
    if not options.like:
        raise Trouble("want --like, a state dict of the module that is to have the weights")
    weights = read_weights(options.source, options.network)
    state, layers = mapped(options.like, options.order, options.skip)
    names = {m.name for layer in layers for m in layer.matrices}
    if names != set(weights):
        here, there = sorted(set(weights) - names), sorted(names - set(weights))
        raise Trouble(f"'{options.source}' is of another model: only there {', '.join(here) or 'nothing'}; "
                      f"only in '{options.like}' {', '.join(there) or 'nothing'}")
    for layer in layers:
        for m in layer.matrices:
            m.put(weights[m.name], state)
    write_state(options.target, state)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0],
                                     epilog="The head of this file has the table of what becomes what.")
    parser.add_argument("source", help="state dict, .pt, .pth or .npz; or .h5")
    parser.add_argument("target", help="the other of the two")
    parser.add_argument("--like", help="state dict of the module that is to have the weights")
    parser.add_argument("--network", type=int, help="of a sweep's results, by its index")
    parser.add_argument("--order", type=lambda text: text.split(","), default=[], metavar="NAME,...",
                        help="modules in the order of layers; default: as in the state dict")
    parser.add_argument("--skip", action="append", default=[], metavar="NAME",
                        help="leave a module or key out; repeatable")
    options = parser.parse_args(arguments)
    try:
        (to_torch if options.target.endswith((".pt", ".pth", ".npz")) else to_tame)(options)
    except (Trouble, OSError, ImportError) as trouble:
        print(f"torch_weights: {trouble}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
