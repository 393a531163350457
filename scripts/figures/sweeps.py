"""Sweeps: their networks, what was measured of each, and what to draw that against."""
import csv
import itertools

import matplotlib.pyplot as plt
import numpy as np

from figures.common import BLUE, COLOURS, DONE, SEEDS, Problem, warn
from figures.pieces import digits
from figures.reading import coordinate, in_order, in_order_of, keys_of, open_results, text


class Measure:
    """A number for each network: of what, how it is called on the axis, values [network]."""

    def __init__(self, kind, title, label, values, mean_of=(1, 1)):
        self.kind, self.title, self.label, self.values = kind, title, label, values
        self.mean_of = mean_of  # so many trials and outputs of each network; None: it varies


class Sweep:
    """The networks of one or several files (shards) of a sweep."""

    def __init__(self, paths):
        self.files = [open_results(path) for path in paths]
        first = self.files[0]
        self.keys = keys_of(first)
        if not self.keys:
            raise Problem("holds no sweep; such files are drawn one at a time")
        for path, file in zip(paths[1:], self.files[1:]):
            self.check_shard(path, file, paths[0])
        self.name = text(first.attrs["name"])
        self.is_model = "model" in first
        self.parts = in_order(first["data" if self.is_model else "tasks"])  # of phases
        self.order = slice(None)
        self.order = np.argsort(self.gather("network"), kind="stable")
        self.network, self.state = self.gather("network"), self.gather("state")
        again, counts = np.unique(self.network, return_counts=True)
        if (counts > 1).any():
            raise Problem("network %d is in two of the files; shards of one sweep share none" %
                          again[counts > 1][0])
        self.done = self.state == DONE
        self.values = {key: self.gather(coordinate(key)) for key in self.keys}
        self.numeric = {key for key in self.keys if self.values[key].dtype.kind == "f"}
        for key in set(self.keys) - self.numeric:
            self.values[key] = np.array([text(value) for value in self.values[key]])

    def check_shard(self, path, file, first):
        if keys_of(file) != self.keys:
            raise Problem("of another sweep: it sweeps %s, %s sweeps %s" % (
                ", ".join(keys_of(file)) or "nothing", first, ", ".join(self.keys)), path)
        mine, other = (text(one.attrs["experiment"]).splitlines() for one in (file, self.files[0]))
        if mine != other:
            line = next((pair for pair in itertools.zip_longest(mine, other, fillvalue="nothing")
                         if pair[0] != pair[1]), ("", ""))
            raise Problem("of another experiment: '%s', where %s has '%s'" % (
                line[0].strip(), first, line[1].strip()), path)

    def gather(self, path):
        """A dataset of all files, networks ascending; where lengths differ, padded with NaN."""
        parts = [file[path][:] for file in self.files]
        if parts[0].ndim > 1:
            shape = np.max([part.shape[1:] for part in parts], axis=0)
            parts = [np.pad(part.astype(float), [(0, 0)] + [(0, most - own) for most, own in
                                                            zip(shape, part.shape[1:])],
                            constant_values=np.nan) for part in parts]
        return np.concatenate(parts)[self.order]

    def rows(self):
        """[(file, row)] of the networks."""
        found = [(file, row) for file in self.files for row in range(len(file["network"]))]
        return [found[k] for k in self.order]

    def phases(self, *kinds):
        """[(name, group)] of these kinds, in order."""
        return [(name, group) for name, group in in_order_of(self.files[0]["phases"])
                if text(group.attrs.get("kind", "")) in kinds]

    def with_data(self, phase, name):
        """[(task, path)] of the tasks for which all files have such a dataset in a phase."""
        paths = [(task, "phases/%s/%s/%s" % (phase, task, name)) for task in self.parts]
        return [(task, path) for task, path in paths if all(path in file for file in self.files)]

    def measures(self):
        """How well the last test follows its target; how small the losses of training got; the
        largest exponents. Of a model, what the last test and the last fit came to."""
        found = self.model_measures() if self.is_model else self.network_measures()
        return [one for one in found if np.isfinite(one.values[self.done]).any()]

    def model_measures(self):
        tests, fits = ([one for one, _ in self.phases(kind) if self.with_data(one, "loss")][-1:]
                       for kind in ("test", "fit"))
        found = [Measure(kind, self.title(phase, data), label, mean_of_rows(self.gather(path)))
                 for phase in tests
                 for name, kind, label in (("hits", "share", "Accuracy"), ("loss", "loss", "Loss"))
                 for data, path in self.with_data(phase, name)]
        return found + [Measure("loss", self.title(phase, data), "Loss of the last epoch",
                                last_of_rows(self.gather(path)))
                        for phase in fits for data, path in self.with_data(phase, "loss")]

    def network_measures(self):
        found = []
        tests = self.phases("test") if any(self.with_data(p, "correlation")
                                           for p, _ in self.phases("test")) \
            else self.phases("perturb")
        for phase, _ in reversed(tests):
            for task, path in self.with_data(phase, "valid_ms"):  # one that feeds itself
                found.append(Measure("time", self.title(phase, task), "Good for (ms)",
                                     mean_of_rows(self.gather(path))))
            if found:
                break
            for task, path in self.with_data(phase, "correlation"):
                squares = self.gather(path) ** 2
                known = np.isfinite(squares[self.done]).reshape(int(self.done.sum()), -1)
                full = known.all(axis=1)[known.any(axis=1)].all()
                found.append(Measure("R2", self.title(phase, task), "R\u00b2 of readout and target",
                                     mean_of_rows(squares),
                                     squares.shape[1:] if full else None))
            if found:
                break
        for weights in ("recurrent", "readout"):
            last = [phase for phase, group in self.phases("train")
                    if text(group.attrs.get("weights", "")) == weights][-1:]
            for phase in last:
                solved = text(dict(self.phases("train"))[phase].attrs.get("learner", "rls")) != "rls"
                for task, path in [] if solved else self.with_data(phase, "loss"):
                    found.append(Measure("loss", self.title(phase, task), "Loss of the last trial",
                                         last_of_rows(self.gather(path))))
        for phase, _ in self.phases("analyse"):
            for task, path in self.with_data(phase, "lyapunov/exponents") or \
                    self.with_data(phase, "divergence/exponent"):
                exponents = self.gather(path)
                largest = exponents[:, :, 0] if exponents.ndim > 2 else exponents
                found.append(Measure("exponent", self.title(phase, task), "Largest \u03bb (1/s)",
                                     mean_of_rows(largest)))
            for task, path in self.with_data(phase, "rhythm/period"):
                found.append(Measure("period", self.title(phase, task), "Period, mean of units (ms)",
                                     mean_of_rows(self.gather(path))))
        return found

    def title(self, phase, task):
        kind = text(self.files[0]["phases"][phase].attrs.get("kind", ""))
        words = phase if phase == kind else "%s (%s)" % (phase, kind)
        return words if len(self.parts) == 1 else "%s, %s" % (words, task)

    def reference(self, key):
        """[(name, x, y, error, is it an SD)] of published values against a coordinate."""
        words = self.files[0]["sweep"].attrs.get("reference")
        if words is None:
            return []
        try:
            heads, table = read_reference(text(words))
        except (ValueError, IndexError) as error:
            warn("the published values are left out: %s" % error)
            return []
        if heads[0] not in (key, key.split(".")[-1]):
            warn("the published values are against '%s', the figure against '%s': left out" % (
                heads[0], key))
            return []
        curves = []
        for column, name in enumerate(heads):
            errors = [k for k, one in enumerate(heads) if one in (name + " error", name + " sd")]
            if column > 0 and not name.endswith((" error", " sd")):
                error = table[:, errors[0]] if errors else np.full(len(table), np.nan)
                is_sd = bool(errors) and heads[errors[0]].endswith(" sd")
                curves.append((name, table[:, 0], table[:, column], error, is_sd))
        return curves


def read_reference(words):
    """Heads and numbers of a CSV; lines that begin with # are comments, empty cells NaN."""
    lines = [line for line in words.splitlines() if line.strip() and not line.startswith("#")]
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, skipinitialspace=True)]
    if len(rows) < 2 or len(rows[0]) < 2:
        raise ValueError("want a line of column names and lines of numbers")
    for row in rows[1:]:
        if len(row) != len(rows[0]):
            raise ValueError("'%s' has %d cells, want %d" % (",".join(row), len(row), len(rows[0])))
    return rows[0], np.array([[float(cell) if cell else np.nan for cell in row]
                              for row in rows[1:]])


def mean_of_rows(values):
    """Mean of what is finite in each row; NaN where nothing is."""
    rows = values.reshape(len(values), -1)
    count = np.isfinite(rows).sum(axis=1)
    return np.where(count > 0, np.nansum(rows, axis=1) / np.maximum(count, 1), np.nan)


def last_of_rows(values):
    """The last finite value of each row, which may be shorter than others."""
    return np.array([row[np.isfinite(row)][-1] if np.isfinite(row).any() else np.nan
                     for row in values])


def is_log_spaced(values):
    """Do values look spaced by factors rather than by steps?"""
    values = np.unique(values[np.isfinite(values)])
    if len(values) < 3 or values[0] <= 0 or values[-1] / values[0] < 8:
        return False
    steps, factors = np.diff(values), np.diff(np.log(values))
    return factors.std() / factors.mean() < steps.std() / steps.mean()


def name_of(key):
    """A swept key in words: its last part, and its unit."""
    word = key.split(".")[-1]
    for unit in ("_ms", "_hz", "_s"):
        if word.endswith(unit):
            return word[:-len(unit)].replace("_", " "), unit[1:]
    return word.replace("_", " "), ""


def axis_name(key):
    word, unit = name_of(key)
    return word[:1].upper() + word[1:] + (" (%s)" % unit if unit else "")


class Plan:
    """Which coordinate is the axis, which make curves, and what only goes along or repeats."""

    def __init__(self, sweep):
        self.sweep = sweep
        varying = [key for key in sweep.keys
                   if key not in SEEDS and len(np.unique(sweep.values[key])) > 1]
        numbers = [key for key in varying if key in sweep.numeric]
        seeds = [key for key in SEEDS if key in sweep.keys]
        self.x_key = (numbers or varying or seeds or SEEDS)[0]
        if self.x_key not in sweep.keys:
            raise Problem("nothing is swept that could be drawn against")
        self.curve_keys = []  # those that tell more networks apart than the ones before
        for key in varying:
            known = [self.x_key] + self.curve_keys
            if key not in known and self.groups(known + [key]) > self.groups(known):
                self.curve_keys.append(key)
        self.categories = None
        self.x = sweep.values[self.x_key]
        if self.x_key not in sweep.numeric:  # words: places along the axis, as they come
            order = list(dict.fromkeys(self.x))
            self.categories = order
            self.x = np.array([float(order.index(value)) for value in self.x])

    def groups(self, keys):
        return len(set(zip(*(self.sweep.values[key] for key in keys))))

    def combinations(self, keys):
        """[(values of these keys, which networks have them)], numbers ascending, words as come."""
        columns = [self.sweep.values[key] for key in keys]
        places = [np.unique(column, return_inverse=True)[1] if key in self.sweep.numeric else
                  np.array([list(dict.fromkeys(column)).index(value) for value in column])
                  for key, column in zip(keys, columns)]
        found = sorted(set(zip(*places))) if keys else [()]
        everyone = np.ones(len(self.sweep.state), bool)
        masks = [np.logical_and.reduce([everyone] + [p == at for p, at in zip(places, spot)])
                 for spot in found]
        return [(tuple(column[mask][0] for column in columns), mask) for mask in masks]

    def describe(self, keys, values):
        words = []
        for key, value in zip(keys, values):
            word, unit = name_of(key)
            shown = digits(value) if key in self.sweep.numeric else str(value)
            words.append("%s %s%s" % (word, shown, " " + unit if unit else ""))
        return ", ".join(words)

    def colours(self, keys, count):
        """Of so many curves, one for each combination of the values of these keys."""
        if count <= 1:
            return [BLUE]
        if len(keys) == 1 and keys[0] in self.sweep.numeric:  # an order: a scale of colours
            return list(plt.get_cmap("viridis")(np.linspace(0, 0.88, count)))
        if count <= len(COLOURS):
            return list(COLOURS[:count])
        return list(plt.get_cmap("turbo")(np.linspace(0.05, 0.95, count)))

    def map_keys(self):
        """The two coordinates of a heat map, [] if there are none with 3 values each."""
        others = [key for key in self.curve_keys if key in self.sweep.numeric]
        keys = [self.x_key] + others[:1]
        wide = all(len(np.unique(self.sweep.values[key])) >= 3 for key in keys)
        return keys if len(keys) == 2 and self.x_key in self.sweep.numeric and wide else []
