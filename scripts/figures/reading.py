"""Results files as a figure reads them."""
import os
import re

import h5py
import numpy as np

from figures.common import DONE, FAILED, FORMAT, MOST_OUTPUTS, MOST_PIXELS, MOST_TRIALS, Problem
from figures.pieces import digits


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def row_of(dataset, row):
    """What a network has of a dataset, of which one row may serve all networks."""
    return dataset[row if dataset.shape[0] > 1 else 0]


def own_part(values):
    """Without the NaN at the ends of the axes, by which smaller networks are padded."""
    there = np.isfinite(values)
    for axis in range(values.ndim):
        others = tuple(k for k in range(values.ndim) if k != axis)
        used = np.flatnonzero(there.any(axis=others))
        if used.size:
            values = np.take(values, range(used[-1] + 1), axis=axis)
            there = np.take(there, range(used[-1] + 1), axis=axis)
    return values


class Series:
    """Samples over time: values [...][time], time_ms [time]."""

    def __init__(self, values, start_ms, step_ms):
        self.values = values
        self.time_ms = start_ms + step_ms * np.arange(values.shape[-1])

    def inside(self, window):
        """Values inside the window [start, end) in ms."""
        if window is None:
            return self.values
        return self.values[..., (self.time_ms >= window[0]) & (self.time_ms < window[1])]


class Task:
    """One task of a network: its group in the file, its window, when input and perturbation are."""

    def __init__(self, name, group, row):
        self.name, self.group, self.row = name, group, row
        self.window = tuple(row_of(group["window_ms"], row))
        self.duration_ms = float(row_of(group["duration_ms"], row))
        self.dt_ms = self.step_of(group["input"])
        self.steps = int(round(self.duration_ms / self.dt_ms))
        self.pulses = self.spans("input")
        self.kicks = self.spans("perturbation")

    def step_of(self, data):
        """Step of a stimulus or target; where it is swept, the file gives none for all networks."""
        step = float(data.attrs.get("step_ms", 1))
        return step if np.isfinite(step) else \
            self.duration_ms / own_part(row_of(data, self.row)).shape[-1]

    def series(self, name):
        data = self.group[name]
        return Series(own_part(row_of(data, self.row)), float(data.attrs.get("start_ms", 0)),
                      self.step_of(data))

    def spans(self, name):
        """[(start, end)] in ms where a stimulus is on; none if it is on most of the time."""
        if name not in self.group:
            return []
        series = self.series(name)
        on = (series.values != 0).any(axis=0)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(int), [0]])))
        if not on.size or on.mean() > 0.5 or len(edges) > 40:
            return []
        starts = series.time_ms[0] + edges * self.dt_ms
        return list(zip(starts[::2], starts[1::2]))

    def target(self):
        return self.series("target") if "target" in self.group else None


class Phase:
    """One phase of a network: its group in the file."""

    def __init__(self, name, group, row):
        self.name, self.group, self.row = name, group, row
        self.kind = text(group.attrs.get("kind", ""))
        self.index = int(group.attrs.get("index", 0))
        self.weights = text(group.attrs.get("weights", ""))
        self.target = text(group.attrs.get("target", ""))

    def has(self, task, name):
        return task.name in self.group and name in self.group[task.name] and \
            self.group[task.name][name].size > 0 and self.trials(task, name) > 0

    def data(self, task, name):
        return self.group[task.name][name]

    def trials(self, task, name):
        """How many this network has."""
        if task.name not in self.group or name not in self.group[task.name]:
            return 0
        data = self.data(task, name)
        if not data.size:
            return 0
        first = data[(self.row, slice(None)) + (0,) * (data.ndim - 2)]  # padding: all NaN
        used = np.flatnonzero(np.isfinite(first))
        return used[-1] + 1 if used.size else 0

    def outputs(self, task):
        """How many readouts this network has."""
        return own_part(self.data(task, "readout")[self.row, 0, :, :1]).shape[0]

    def scalars(self, task, name):
        return own_part(self.data(task, name)[self.row].astype(float))

    def step_of(self, task, data, values):
        """Step of a recording in ms; where it is swept, by how many samples there are."""
        step = float(data.attrs.get("step_ms", 1))
        return step if np.isfinite(step) else task.dt_ms * -(-task.steps // values.shape[-1])

    def readouts(self, task):
        """Series of values [trial][output][time]."""
        data = self.data(task, "readout")
        values = own_part(data[self.row, :MOST_TRIALS, :MOST_OUTPUTS].astype(float))
        start = float(data.attrs.get("start_ms", 0))
        return Series(values, start, self.step_of(task, data, values))

    def rates(self, task, trial):
        """Series of values [neuron][time], thinned in time if there is much of it."""
        data = self.data(task, "rates")
        values = own_part(data[self.row, trial].astype(float))
        stride = max(1, values.shape[-1] // (2 * MOST_PIXELS))
        return Series(values[:, ::stride], float(data.attrs.get("start_ms", 0)),
                      self.step_of(task, data, values) * stride)


class Results:
    """One network of a results file, open for reading."""

    def __init__(self, path, network):
        self.file = open_results(path)
        file = self.file
        if "phases" not in file or not ("tasks" in file or "model" in file):
            raise Problem("holds no tasks and phases")
        networks = file["network"][:]
        self.count, self.path = len(networks), path
        self.row, self.network = self.find(networks, network)
        if file["state"][self.row] == FAILED:
            raise Problem("network %d failed: %s" % (
                self.network, text(file["message"][self.row]) or "no reason given"))
        self.tasks = [Task(name, group, self.row)
                      for name, group in in_order_of(file.get("tasks", {}))]
        self.phases = [Phase(name, file["phases"][name], self.row)
                       for name in in_order(file["phases"])]
        self.neurons = None
        if "recorded_neurons" in file:
            self.neurons = row_of(file["recorded_neurons"], self.row)
        self.training = [phase for phase in self.phases if phase.kind == "train"]

    @staticmethod
    def find(networks, network):
        """(row, index in the sweep) of a network; None: the first."""
        if network is None:
            return 0, int(networks[0])
        rows = np.flatnonzero(networks == network)
        if not rows.size:
            raise Problem("there is no network %d in it, but %s" % (
                network, "network %d alone" % networks[0] if len(networks) == 1 else
                "%d from %d to %d" % (len(networks), networks.min(), networks.max())))
        return int(rows[0]), network

    def title(self):
        """The experiment's name, the file's where that says more, and which network of a sweep."""
        name = text(self.file.attrs.get("name", "")) or "results"
        stem = stem_of(self.path)
        words = name if stem == name else "%s (%s)" % (name, stem)
        if self.count == 1 and not keys_of(self.file):
            return words
        return "%s, network %d" % (words, self.network)

    def title_of(self, task):
        """The same of a figure of one task, with its name if there are others."""
        name = self.title()
        return name if len(self.tasks) == 1 else "%s: task %s" % (name, task.name)

    def values(self):
        """Values of the swept keys, in small print."""
        words = []
        for key in keys_of(self.file):
            value = self.file[coordinate(key)][self.row]
            number_like = not isinstance(value, bytes)
            words.append("%s %s" % (key, digits(value) if number_like else text(value)))
        return ", ".join(words)

    def setting(self, key, pattern):
        """What a key of the network says, as the pattern finds it: a swept value, or the file's."""
        whole = "network." + key
        if whole in keys_of(self.file):
            value = self.file[coordinate(whole)][self.row]
            words = text(value) if isinstance(value, bytes) else "%d" % value
        else:
            found = re.search(r"^network:\n(?:  .*\n)*?  %s: (.*)$" % key,
                              text(self.file.attrs.get("experiment", "")), re.M)
            words = found.group(1) if found else ""
        found = re.match(pattern, words)
        return found.group(1) if found else ""

    def wiring(self):
        """Name of the network's wiring; empty where there is none."""
        return self.setting("wiring", r"\{?(\w+)")

    def size(self):
        """Neurons of the network; 0: the cell says how many."""
        return int(self.setting("neurons", r"(\d+)") or 0)

    def whole(self, task):
        """(phase, trial 0) that has the rates of all neurons: the last of them, or None."""
        if self.neurons is None or (self.neurons >= 0).sum() != self.size():  # padding: -1
            return None
        found = [phase for phase in self.phases if phase.trials(task, "rates")]
        return found[-1] if found else None

    def innate(self, task):
        """The record phase that training aimed at, or the first."""
        records = [p for p in self.phases if p.kind == "record" and p.group.get(task.name)]
        wanted = {phase.target for phase in self.training}
        return next((p for p in records if p.name in wanted), records[0] if records else None)

    def stages(self, task):
        """Before and after training, those there are."""
        first = self.training[0].index if self.training else float("inf")
        last = self.training[-1].index if self.training else float("inf")
        here = [phase for phase in self.phases if task.name in phase.group]

        def latest(kind, low, high):
            found = [p for p in here if p.kind == kind and low < p.index < high]
            return found[-1] if found else None

        stages = [Stage("Before training" if self.training else "Trials", self.innate(task),
                        latest("test", -1, first), latest("perturb", -1, first), True),
                  Stage("After training", self.innate(task), latest("test", last, float("inf")),
                        latest("perturb", last, float("inf")), False)]
        return [s for s in stages if s.test or s.perturb or (s.before and s.innate)]


class Stage:
    """The phases of a column of panels; None where there is none."""

    def __init__(self, title, innate, test, perturb, before):
        self.title, self.innate, self.test, self.perturb = title, innate, test, perturb
        self.before = before


def in_order(group):
    return sorted(group, key=lambda name: (int(group[name].attrs.get("index", 0)), name))


def open_results(path):
    """Open and check the format."""
    try:
        with open(path, "rb") as file:
            head = file.read(8)
    except OSError as error:
        raise Problem(error.strerror, path) from None
    if head != b"\x89HDF\r\n\x1a\n":
        raise Problem("not a results file (not HDF5)", path)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        truncated = "truncated" in str(error)
        raise Problem("the file is %s" % ("truncated" if truncated else "damaged"), path) from None
    if text(file.attrs.get("format", "")) != "tame-results":
        raise Problem("not a results file (HDF5, but not written by tame)", path)
    version = int(file.attrs.get("format_version", 0))
    if version != FORMAT:
        raise Problem("format version %d, this program reads %s %d" % (
            version, "up to" if version > FORMAT else "only version", FORMAT), path)
    if "state" not in file or not np.isin(file["state"][:], (DONE, FAILED)).all():
        raise Problem("incomplete: the run that wrote it has not finished", path)
    return file


def stem_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def keys_of(file):
    keys = text(file["sweep"].attrs.get("keys", "")) if "sweep" in file else ""
    return keys.split(",") if keys else []


def coordinate(key):
    return "sweep/" + key


def in_order_of(group):
    return [(name, group[name]) for name in in_order(group)]
