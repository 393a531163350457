#!/usr/bin/env python3
"""Replay an innate-training experiment in plain NumPy and compare it with a results file.

    python3 tests/golden/innate.py FILE [--tolerance 1e-9]      check a results file: exit 0 or 1
    python3 tests/golden/innate.py --write FILE [--job YAML]    make a results file, all by itself

The model (Laje & Buonomano 2013, Nat. Neurosci. 16:925-933, doi:10.1038/nn.3405), forward Euler:

    x <- x + (dt/tau) (-x + W r + W_in u),   r <- tanh(x),   z = W_out r

and recursive least squares, for a unit with plastic inputs B and error e = r - R or z - f:

    k = P r_B,   c = 1 / (lambda + r_B . k),   P <- (P - c k k') / lambda,   w_B <- w_B - c e k

It shares no code with the program it checks: W is a dense matrix, P a list of square ones. From the
file it takes what is random (weights, initial states), the inputs and the targets; the rest is
computed here, phase by phase. The file must hold its initial states and both weights
(`output: {initial_state: on, weights: both}`) and be free of noise.

Chaos sets the limit: a difference of one bit grows about e-fold in 50 to 100 ms, so 1e-9 can be
asked of trials of some 100 ms; of long trials before training it cannot.

Exit codes: 0 agrees, 1 differs, 2 the file cannot be read or replayed.
"""
import argparse
import os
import sys
import time

try:
    import h5py
    import numpy as np
    import yaml
except ImportError as error:
    sys.exit("innate.py: Python package '%s' is missing (Debian: python3-h5py, python3-numpy, "
             "python3-yaml)" % error.name)


class Refused(Exception):
    """The file or job cannot be used; the message says why."""


# ---- the model -----------------------------------------------------------------------------------

class Network:
    """Dense weights and the constants of the equations."""

    def __init__(self, W, plastic, W_in, W_out, leak):
        self.W = np.array(W)              # [neuron][neuron], row = target
        self.plastic = plastic            # [neuron] -> columns of its plastic synapses
        self.W_in = W_in                  # [neuron][channel]
        self.W_out = np.array(W_out)      # [output][neuron]
        self.leak = leak                  # dt / tau


class Rls:
    """One matrix P and its inputs."""

    def __init__(self, inputs, delta, forgetting):
        self.inputs = inputs
        self.P = np.eye(len(inputs)) / delta
        self.forgetting = forgetting

    def gain(self, r):
        """Update P with the rates; return c k, by which weights move against their error."""
        r = r[self.inputs]
        k = self.P @ r
        c = 1.0 / (self.forgetting + r @ k)
        self.P = (self.P - c * np.outer(k, k)) / self.forgetting
        return c * k


class Recurrent:
    """Trains W: every neuron with plastic inputs has its own P; the target is a recorded trial."""

    def __init__(self, net, delta, forgetting):
        self.net = net
        self.units = {i: Rls(inputs, delta, forgetting)
                      for i, inputs in enumerate(net.plastic) if len(inputs)}

    def weights(self):
        return self.net.W

    def error(self, r, z, target):
        return r - target

    def update(self, r, error):
        for i, unit in self.units.items():
            self.net.W[i, unit.inputs] -= error[i] * unit.gain(r)


class Readout:
    """Trains W_out: one P for all outputs."""

    def __init__(self, net, delta, forgetting):
        self.net = net
        self.units = {0: Rls(np.arange(net.W.shape[0]), delta, forgetting)}

    def weights(self):
        return self.net.W_out

    def error(self, r, z, target):
        return z - target

    def update(self, r, error):
        self.net.W_out -= np.outer(error, self.units[0].gain(r))


def run_trial(net, x, inputs, learner=None, target=None, when=None, noise=None):
    """One trial from state x. inputs: [step][channel]; target: [step][...]; when: [step], learn
    or not; noise: function of no arguments that draws a current for every neuron, or None.
    Returns rates [step][neuron], readouts [step][output], and the mean squared error of updates."""
    steps = len(inputs)
    x = x.copy()
    r = np.tanh(x)
    rates = np.empty((steps, len(x)))
    readouts = np.empty((steps, len(net.W_out)))
    squares = []
    for t in range(steps):
        current = net.W @ r + net.W_in @ inputs[t]
        if noise:
            current += noise()
        x += net.leak * (current - x)
        r = np.tanh(x)
        z = net.W_out @ r
        rates[t], readouts[t] = r, z
        if learner and when[t]:
            error = learner.error(r, z, target[t])
            squares.append(np.mean(error ** 2))
            learner.update(r, error)
    return rates, readouts, np.mean(squares) if squares else np.nan


# ---- the experiment ------------------------------------------------------------------------------

class Task:
    """Samples of one task. inputs [step][channel], perturbation likewise, target [step][output]."""

    def __init__(self, name, dt, steps, window_ms, inputs, perturbation, target):
        self.name, self.inputs, self.perturbation, self.target = name, inputs, perturbation, target
        at = np.arange(steps) * dt
        slack = 1e-6 * dt  # a bound of the window that is a multiple of dt counts as exact
        self.window = (at >= window_ms[0] - slack) & (at < window_ms[1] - slack)
        self.steps = steps


class Phase:
    """One phase: what happens in its trials."""

    def __init__(self, name, kind, tasks, trials, weights=None, target=None, every=1, delta=1.0,
                 forgetting=1.0, noise=False):
        self.name, self.kind, self.tasks, self.trials = name, kind, tasks, trials
        self.weights, self.target, self.every = weights, target, every
        self.delta, self.forgetting, self.noise = delta, forgetting, noise
        self.keep = kind != "train"  # rates and readouts


def run_phase(net, phase, innate, initial_state, noise=None):
    """All trials of a phase. innate: {phase name: {task name: rates [step][neuron]}}, added to by
    record phases. Returns {task name: {quantity: array with the trial on axis 0}}."""
    learner = None
    if phase.kind == "train":
        rule = {"recurrent": Recurrent, "readout": Readout}[phase.weights]
        learner = rule(net, phase.delta, phase.forgetting)
    found = {task.name: {} for task in phase.tasks}

    def keep(task, **quantities):
        for name, value in quantities.items():
            found[task.name].setdefault(name, []).append(value)

    for trial in range(phase.trials):
        for task in phase.tasks:
            inputs, target, when = task.inputs, task.target, None
            if phase.kind == "perturb" and task.perturbation is not None:
                inputs = inputs + task.perturbation
            if learner:
                when = task.window & (np.arange(task.steps) % phase.every == 0)
                before = learner.weights().copy()
                if phase.weights == "recurrent":
                    target = innate[phase.target][task.name]
            rates, readout, loss = run_trial(
                net, initial_state(phase, task, trial), inputs, learner, target, when,
                noise if phase.noise else None)
            if learner:
                diagonals = np.concatenate([np.diag(u.P) for u in learner.units.values()])
                keep(task, loss=loss, p_min=diagonals.min(), p_max=diagonals.max(),
                     dw=np.linalg.norm(learner.weights() - before))
            if phase.keep:
                keep(task, rates=rates, readout=readout)
            if not learner:
                if phase.kind == "record":
                    innate.setdefault(phase.name, {}).setdefault(task.name, rates)
                elif target is not None:
                    keep(task, loss=np.mean((readout - target)[task.window] ** 2))
    return {task: {name: np.array(values) for name, values in quantities.items()}
            for task, quantities in found.items()}


def parameters(text):
    """The experiment's YAML as dictionaries."""
    try:
        settings = yaml.safe_load(text)
        next(iter(settings["network"]["cell"]))
    except (yaml.YAMLError, TypeError, KeyError, StopIteration) as error:
        raise Refused("cannot make sense of the experiment's YAML: %s" % error) from None
    return settings


def one_key(mapping):
    """`{rls: {...}}` or plain `rls` -> ("rls", {...})."""
    if isinstance(mapping, dict):
        name, values = next(iter(mapping.items()))
        return name, values or {}
    return mapping, {}


def leak_of(settings, dt):
    cell, values = one_key(settings["network"]["cell"])
    if cell != "rate":
        raise Refused("cell '%s': only 'rate' is replayed" % cell)
    return dt / float(values.get("tau_ms", 10))


def rls_of(settings):
    """delta and forgetting of a train phase's settings."""
    rule, values = one_key(settings.get("learner", "rls"))
    if rule != "rls":
        raise Refused("learner '%s': only 'rls' is replayed" % rule)
    return float(values.get("delta", 1)), float(values.get("forgetting", 1))


# ---- checking a results file ---------------------------------------------------------------------

def text(attribute):
    return attribute.decode() if isinstance(attribute, bytes) else str(attribute)


def row(dataset, n):
    """What network n has of a dataset, of which one row may serve all."""
    return dataset[n if dataset.shape[0] > 1 else 0]


def by_index(group):
    """Names in a group, in the order of their `index` attributes."""
    return sorted(group, key=lambda name: int(group[name].attrs["index"]))


def need(file, path, why):
    if path not in file:
        raise Refused("the file has no /%s: %s" % (path, why))
    return file[path]


def read_network(file, n, leak):
    both = "run the experiment with `output: {weights: both}`"
    start = file["weights/row_start"][n]
    column = file["weights/column"][n]
    plastic = file["weights/plastic"][n].astype(bool)
    values = need(file, "weights/initial/recurrent", both)[n]
    neurons = len(start) - 1
    W = dense(start, column, values)
    rows = [slice(start[i], start[i + 1]) for i in range(neurons)]
    W_out = need(file, "weights/initial/readout", both)[n] if "readout" in file["weights/initial"] \
        else np.zeros((0, neurons))
    return Network(W, [column[row][plastic[row]] for row in rows],
                   file["weights/input"][n].astype(float), W_out.astype(float), leak)


def dense(start, column, values):
    neurons = len(start) - 1
    W = np.zeros((neurons, neurons))
    W[np.repeat(np.arange(neurons), np.diff(start)), column] = values
    return W


def read_task(file, name, n):
    group = file["tasks"][name]
    inputs = group["input"]

    def samples(dataset):
        return row(group[dataset], n).T.astype(float) if dataset in group else None

    window = tuple(row(group["window_ms"], n))
    return Task(name, float(inputs.attrs["step_ms"]), inputs.shape[-1], window, samples("input"),
                samples("perturbation"), samples("target"))


def read_phase(file, name, tasks, settings):
    group = file["phases"][name]
    kind = text(group.attrs["kind"])
    here = [task for task in tasks if task.name in group]
    first = group[here[0].name]
    trials = next(first[d].shape[1] for d in ("initial_state", "loss", "readout", "rates")
                  if d in first)
    need(first, "initial_state", "run the experiment with `output: {initial_state: on}`")
    noisy = bool(group.attrs["noise"]) and float(settings["network"].get("noise", 0)) != 0
    if noisy:
        raise Refused("phase '%s' has noise, which cannot be replayed: set `noise: 0`" % name)
    if kind != "train":
        return Phase(name, kind, here, trials)
    entry = next(values for one in settings["phases"] for k, values in [one_key(one)]
                 if k == "train" and values.get("name") == name)
    delta, forgetting = rls_of(entry)
    phase = Phase(name, kind, here, trials, text(group.attrs["weights"]),
                  text(group.attrs.get("target", "")), int(group.attrs["every"]), delta, forgetting)
    phase.keep = "rates" in first or "readout" in first
    return phase


class Table:
    """Differences found, and their verdict."""

    def __init__(self, tolerance):
        self.tolerance, self.rows, self.worst = tolerance, [], 0.0

    def add(self, what, got, want):
        """got: the file's, want: ours; same shape. Differences count against the larger of 1 and
        the largest value."""
        if got.shape != want.shape:
            raise Refused("%s: shape %s in the file, %s expected" % (what, got.shape, want.shape))
        if got.size == 0:
            return
        scale = max(1.0, np.abs(want).max())
        difference = np.abs(got.astype(float) - want) / scale
        bad = ~(difference <= self.tolerance)  # NaN is bad
        where = np.unravel_index(np.argmax(np.where(np.isnan(difference), np.inf, difference)),
                                 difference.shape)
        worst = np.nan if np.isnan(difference).any() else difference.max()
        self.worst = np.fmax(self.worst, np.inf if np.isnan(worst) else worst)
        self.rows.append((what, np.abs(want).max(), worst, ",".join(map(str, where)),
                          "DIFFERS" if bad.any() else "ok"))

    def print(self):
        width = max(len(row[0]) for row in self.rows)
        print("%-*s  %11s  %11s  %s" % (width, "quantity", "largest |v|", "difference", "at index"))
        for what, size, worst, where, verdict in self.rows:
            print("%-*s  %11.4g  %11.3g  %-16s %s" % (width, what, size, worst, where, verdict))


def compare_phase(table, group, n, phase, found, recorded, dt):
    for task in phase.tasks:
        data, ours = group[task.name], found[task.name]
        for name in ("rates", "readout"):
            if name in data and name in ours:
                every = int(round(float(data[name].attrs["step_ms"]) / dt))
                want = ours[name][:, ::every].transpose(0, 2, 1)  # [trial][...][step]
                want = want[:, recorded] if name == "rates" else want
                table.add("%s/%s %s" % (phase.name, task.name, name), data[name][n], want)
        for name in ("loss", "p_min", "p_max", "dw"):
            if name in data and name in ours:
                table.add("%s/%s %s" % (phase.name, task.name, name), data[name][n], ours[name])


def compare_weights(table, file, n, net):
    start, column = file["weights/row_start"][n], file["weights/column"][n]
    row = np.repeat(np.arange(len(start) - 1), np.diff(start))
    final = need(file, "weights/final", "run the experiment with `output: {weights: both}`")
    table.add("final recurrent weights", final["recurrent"][n], net.W[row, column])
    if "readout" in final:
        table.add("final readout weights", final["readout"][n], net.W_out)


def check(path, tolerance, n):
    """Replay and compare. Returns True if all agrees."""
    with h5py.File(path, "r") as file:
        if text(file.attrs.get("format", "")) != "tame-results":
            raise Refused("not a results file of Tame")
        settings = parameters(text(file.attrs["experiment"]))
        tasks = [read_task(file, name, n) for name in by_index(file["tasks"])]
        dt = float(file["tasks"][tasks[0].name]["input"].attrs["step_ms"])
        net = read_network(file, n, leak_of(settings, dt))
        phases = [read_phase(file, name, tasks, settings) for name in by_index(file["phases"])]
        recorded = file["recorded_neurons"][n] if "recorded_neurons" in file else []
        table, innate = Table(tolerance), {}

        def initial_state(phase, task, trial):
            return file["phases"][phase.name][task.name]["initial_state"][n, trial].astype(float)

        for phase in phases:
            found = run_phase(net, phase, innate, initial_state)
            compare_phase(table, file["phases"][phase.name], n, phase, found, recorded, dt)
        compare_weights(table, file, n, net)
    table.print()
    good = table.worst <= tolerance
    print("%s: largest difference %.3g, tolerance %g" % ("agrees" if good else "DIFFERS",
                                                         table.worst, tolerance))
    return good


# ---- making a results file -----------------------------------------------------------------------

SMALL_JOB = """
name: small
network:
  seed: 1
  neurons: 100
  inputs: 2
  outputs: 2
  dt_ms: 1
  cell: {rate: {tau_ms: 10}}
  wiring: {random: {density: 0.2}}
  gain: 1.5
  noise: 0
  plasticity: per_neuron
  plastic_fraction: 0.6
tasks:
  - name: early
    duration_ms: 220
    window_ms: [60, 180]
    inputs: [{pulse: {channel: 0, start_ms: 20, duration_ms: 40, amplitude: 5}}]
    targets:
      - peak: {channel: 0, time_ms: 120, width_ms: 15, amplitude: 0.8, baseline: 0.2}
      - peak: {channel: 1, time_ms: 150, width_ms: 15, amplitude: -0.5, baseline: 0.1}
    perturbation: [{pulse: {channel: 1, start_ms: 90, duration_ms: 10, amplitude: 0.5}}]
  - name: late
    duration_ms: 260
    window_ms: [60, 220]
    inputs: [{pulse: {channel: 1, start_ms: 20, duration_ms: 40, amplitude: 5}}]
    targets: [{peak: {channel: 0, time_ms: 180, width_ms: 15, amplitude: 0.8, baseline: 0.2}}]
    perturbation: [{pulse: {channel: 0, start_ms: 90, duration_ms: 10, amplitude: 0.5}}]
phases:
  - record: {name: innate, noise: off}
  - test: {name: before, trials: 2}
  - perturb: {name: before_perturbed, trials: 3}
  - train: {name: recurrent, weights: recurrent, target: innate, trials: 6, every: 2}
  - train: {name: readout, weights: readout, trials: 4, every: 2, learner: {rls: {delta: 0.5}}}
  - test: {name: after, trials: 2}
  - perturb: {name: after_perturbed, trials: 3}
output: {rates: {neurons: [0-39], every: 2}, readout: {every: 1}, initial_state: on, weights: both}
"""


def csv_columns(path):
    """Columns of a CSV file with a header line: [row][column]."""
    return np.atleast_2d(np.genfromtxt(path, delimiter=",", skip_header=1))


def signal(steps, channels, dt, signals, folder):
    """Sum of signals, [step][channel]."""
    out = np.zeros((steps, channels))
    at = np.arange(steps) * dt
    for one in signals or []:
        kind, p = one_key(one)
        if kind == "pulse":
            on = (at >= p["start_ms"]) & (at < p["start_ms"] + p["duration_ms"])
            out[on, p.get("channel", 0)] += p["amplitude"]
        elif kind == "peak":
            out[:, p.get("channel", 0)] += p.get("baseline", 0) + p["amplitude"] * np.exp(
                -((at - p["time_ms"]) / p["width_ms"]) ** 2)
        elif kind == "file":
            values = csv_columns(os.path.join(folder, p["path"]))  # one row a step
            first, channel = int(round(p.get("start_ms", 0) / dt)), p.get("channel", 0)
            out[first:first + len(values), channel:channel + values.shape[1]] += \
                p.get("scale", 1) * values
        else:
            raise Refused("signal '%s': --write knows pulse, peak and file" % kind)
    return out


def draw_network(p, rng):
    """Random network of the job's section `network`."""
    n, inputs, outputs = p["neurons"], p["inputs"], p["outputs"]
    density = one_key(p["wiring"])[1].get("density", 0.1)
    connected = rng.random((n, n)) < density
    np.fill_diagonal(connected, False)
    W = connected * rng.normal(0, p["gain"] / np.sqrt(density * n), (n, n))
    if p["plasticity"] == "per_neuron":
        plastic = connected & (np.arange(n) < round(p["plastic_fraction"] * n))[:, None]
    else:
        plastic = connected & (rng.random((n, n)) < p["plastic_fraction"])
    net = Network(W, [np.flatnonzero(row) for row in plastic], rng.normal(0, 1, (n, inputs)),
                  rng.normal(0, 1 / np.sqrt(n), (outputs, n)), leak_of({"network": p}, p["dt_ms"]))
    return net, connected, plastic


def make_task(p, network, folder):
    dt = network["dt_ms"]
    steps = int(round(p["duration_ms"] / dt))
    perturbation = p.get("perturbation")
    return Task(p["name"], dt, steps, p["window_ms"],
                signal(steps, network["inputs"], dt, p.get("inputs"), folder),
                signal(steps, network["inputs"], dt, perturbation, folder)
                if perturbation else None,
                signal(steps, network["outputs"], dt, p.get("targets"), folder))


def make_phase(one, tasks):
    kind, p = one_key(one)
    delta, forgetting = rls_of(p)
    names = p.get("tasks") or [task.name for task in tasks]
    tasks = [task for task in tasks if task.name in names]
    return Phase(p["name"], kind, tasks, p.get("trials", 1), p.get("weights"), p.get("target"),
                 p.get("every", 1), delta, forgetting, p.get("noise", True))


def ids(ranges, neurons):
    """`[0-99, 120]` -> indices; "all" too."""
    if ranges in (None, "all"):
        return np.arange(neurons)
    out = []
    for one in ranges if isinstance(ranges, list) else [ranges]:
        first, _, last = str(one).partition("-")
        out.extend(range(int(first), int(last or first) + 1))
    return np.array([i for i in out if i < neurons], dtype=np.int64)


def put(group, name, values, units, dims, **attributes):
    """Write a dataset with a leading axis for the network."""
    dataset = group.create_dataset(name, data=np.asarray(values)[None])
    dataset.attrs["units"], dataset.attrs["dims"] = units, "network, " + dims
    for key, value in attributes.items():
        dataset.attrs[key] = float(value)


def write(path, job, folder):
    """Run a job and write its results."""
    settings = parameters(job)
    p, output = settings["network"], settings.get("output") or {}
    dt = p["dt_ms"]
    rng = np.random.default_rng(p.get("seed", settings.get("seed", 1)))
    net, connected, plastic = draw_network(p, rng)
    tasks = [make_task(one, p, folder) for one in settings["tasks"]]
    windows = {one["name"]: one for one in settings["tasks"]}
    recorded = ids((output.get("rates") or {}).get("neurons"), p["neurons"])
    rates_every = (output.get("rates") or {}).get("every", 1)
    readout_every = (output.get("readout") or {}).get("every", 1)
    drawn = {}

    def initial_state(phase, task, trial):
        x = rng.uniform(-1, 1, p["neurons"])
        drawn.setdefault((phase.name, task.name), []).append(x)
        return x

    def noise():
        return p.get("noise", 0) * rng.normal(size=p["neurons"])

    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "tame-results", "format_version": 2, "experiment": job,
                           "name": settings["name"], "tame_version": "none", "kernels": "numpy",
                           "tame_commit": "unknown", "ranks": 1, "threads": 1, "nodes": 1})
        put(file, "recorded_neurons", recorded, "1", "neuron")
        put(file, "network", 0, "1", "")
        put(file, "state", np.uint8(2), "1", "")
        for index, task in enumerate(tasks):
            group = file.create_group("tasks/" + task.name)
            window = windows[task.name]["window_ms"]
            group.attrs["index"] = index
            put(group, "duration_ms", float(task.steps * dt), "ms", "")
            put(group, "window_ms", [float(edge) for edge in window], "ms", "edge")
            for name, values, dim in (("input", task.inputs, "channel"),
                                      ("perturbation", task.perturbation, "channel"),
                                      ("target", task.target, "output")):
                if values is not None:
                    put(group, name, values.T, "1", dim + ", time", start_ms=0, step_ms=dt)
        put_weights(file, net, connected, plastic, "initial")
        innate = {}
        for index, one in enumerate(settings["phases"]):
            phase = make_phase(one, tasks)
            began = time.time()
            found = run_phase(net, phase, innate, initial_state, noise if p.get("noise") else None)
            group = file.create_group("phases/" + phase.name)
            group.attrs.update({"index": index, "kind": phase.kind, "noise": int(phase.noise)})
            if phase.kind == "train":
                group.attrs.update({"weights": phase.weights, "learner": "rls",
                                    "every": phase.every})
                if phase.target:
                    group.attrs["target"] = phase.target
            for task in phase.tasks:
                put_phase(group.create_group(task.name), found[task.name], recorded, rates_every,
                          readout_every, dt)
                if output.get("initial_state"):
                    put(group[task.name], "initial_state", drawn[phase.name, task.name], "1",
                        "trial, neuron")
            print("%-20s %6.1f s" % (phase.name, time.time() - began), flush=True)
        put_weights(file, net, connected, plastic, "final")


def put_phase(group, found, recorded, rates_every, readout_every, dt):
    for name, values in found.items():
        if name == "rates":
            put(group, name, values[:, ::rates_every, recorded].transpose(0, 2, 1), "1",
                "trial, neuron, time", start_ms=0, step_ms=rates_every * dt)
        elif name == "readout":
            put(group, name, values[:, ::readout_every].transpose(0, 2, 1), "1",
                "trial, output, time", start_ms=0, step_ms=readout_every * dt)
        else:
            put(group, name, values, "1", "trial")


def put_weights(file, net, connected, plastic, stage):
    row, column = np.nonzero(connected)
    group = file.require_group("weights")
    if stage == "initial":
        start = np.concatenate([[0], np.cumsum(connected.sum(axis=1))])
        put(group, "row_start", start.astype(np.int64), "1", "row")
        put(group, "column", column.astype(np.int32), "1", "synapse")
        put(group, "plastic", plastic[row, column].astype(np.uint8), "1", "synapse")
        put(group, "input", net.W_in, "1", "neuron, channel")
    stage = group.create_group(stage)
    put(stage, "recurrent", net.W[row, column], "1", "synapse")
    put(stage, "readout", net.W_out, "1", "output, neuron")


# ---- command line --------------------------------------------------------------------------------

def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", help="results file to check, or to make with --write")
    parser.add_argument("--tolerance", type=float, default=1e-9, help="default: 1e-9")
    parser.add_argument("--network", type=int, default=0, help="which network of the file")
    parser.add_argument("--write", action="store_true", help="make FILE instead of checking it")
    parser.add_argument("--job", help="experiment to run with --write; default: a small one")
    args = parser.parse_args()
    try:
        if args.write:
            job = SMALL_JOB
            if args.job:
                with open(args.job) as file:
                    job = file.read()
            write(args.file, job, os.path.dirname(args.job or "."))
            return 0
        return 0 if check(args.file, args.tolerance, args.network) else 1
    except Refused as error:
        why = str(error)
    except (OSError, LookupError, RuntimeError, TypeError, ValueError, StopIteration) as error:
        why = "damaged, or not of this format: %s: %s" % (type(error).__name__, error)
    print("innate.py: %s: %s" % (args.file, " ".join(why.split())), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
