#!/usr/bin/env python3
"""Draw the figures of a results file; `tame plot` runs this.

    python3 scripts/plot.py FILE... [-o DIR] [--format png,pdf] [--network K]

Of a sweep, the figure `sweep`: how well the last test follows its target, the last losses of
training, the largest Lyapunov exponents, mean and standard error over networks, against the first
swept number; published values beside them, if the sweep names some. Other swept keys make curves;
over two numbers with three values or more the figure `map` is a heat map. Several files are shards
of one sweep.

Of one network, --network K of a sweep: for every task, the figure `training`: rates of the
recorded neurons as an image, three of them as traces, the readout, the readout under perturbation,
each before and after training; and how training went. For tasks with two outputs, the figure
`plane`: what the readout draws in the plane inside the window. Where a test recorded rates of two
trials, the figure `pair`: five units in both trials, and how these part; a sweep that follows no
target has a column for each network in it. For tests that follow a fast target, the figure
`prediction`: readout and target in close-up, their attractors, and the error. For phases that
analyse, the figure `chaos`: eigenvalues, Lyapunov exponents, principal components. What the file
does not hold is left out.

Of a model that learns by gradients, the figure `fit`: losses over epochs; outputs before and after
training against the target, of up to four samples; spikes and membrane voltages, if a test recorded
states; wirings. Of a sweep of models: losses of all networks, a colour for each value of the first
swept key, and outputs and wirings of one network of each of up to four values.

The panels follow figures 1 to 3 of Laje & Buonomano (2013), Nat. Neurosci. 16:925-933,
doi:10.1038/nn.3405, as far as these have them.

Prints the path of each file written. Exit codes: 0, or 2 with one line that says what is wrong.
"""
import argparse
import atexit
import csv
import functools
import itertools
import os
import re
import shutil
import string
import sys
import tempfile
import textwrap

FORMATS = ("png", "pdf", "svg")
WIDTH = 7.2  # inches: two columns of a journal page
MOST_TRIALS, MOST_OUTPUTS = 20, 6  # to draw in one panel
MOST_PIXELS = 1500  # rows and columns of an image

# Okabe and Ito's palette, told apart by all kinds of colour vision
BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY = "#CC79A7", "#56B4E9"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
INNATE, WINDOW, QUIET, BEFORE = "0.72", "0.94", "0.4", "0.6"

STYLE = {
    "font.family": "DejaVu Sans", "font.size": 7, "axes.titlesize": 7.5, "axes.labelsize": 7,
    "xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "legend.fontsize": 6.5,
    "axes.linewidth": 0.6, "lines.linewidth": 0.8, "xtick.major.width": 0.6,
    "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5, "ytick.minor.size": 1.5, "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlelocation": "left", "axes.titlepad": 4, "legend.frameon": False, "pdf.fonttype": 42,
    "svg.fonttype": "none", "svg.hashsalt": "tame", "savefig.dpi": 200,
    "mathtext.default": "regular",
}


FORMAT = 2  # version of the results format
SEEDS = ("network.seed", "model.seed")  # keys of which values are of no interest
DONE, FAILED = 2, 3  # of /state


class Problem(Exception):
    """Nothing can be drawn; the message says why, in one line. path: the file, if not the first."""

    def __init__(self, words, path=None):
        super().__init__(words)
        self.path = path


def import_packages():
    """h5py, matplotlib and NumPy as globals, without a display and without a writable home."""
    global h5py, np, plt, matplotlib
    os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")  # read-only and network file systems
    if "MPLCONFIGDIR" not in os.environ:
        scratch = tempfile.mkdtemp(prefix="tame-plot-")
        atexit.register(shutil.rmtree, scratch, ignore_errors=True)
        os.environ["MPLCONFIGDIR"] = scratch
    missing = []
    for package in ("numpy", "h5py", "matplotlib"):
        try:
            __import__(package)
        except ImportError:
            missing.append(package)
    if missing:
        raise Problem("missing Python packages: %s (Debian: apt install %s; or: pip install %s)" % (
            ", ".join(missing), " ".join("python3-" + one for one in missing), " ".join(missing)))
    import h5py
    import matplotlib
    import numpy as np
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    plt.rcParams.update(STYLE)


# ---- reading -------------------------------------------------------------------------------------

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

    def values(self):
        """Values of the swept keys, in small print."""
        words = []
        for key in keys_of(self.file):
            value = self.file[coordinate(key)][self.row]
            number_like = not isinstance(value, bytes)
            words.append("%s %s" % (key, digits(value) if number_like else text(value)))
        return ", ".join(words)

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


# ---- pieces of figures ---------------------------------------------------------------------------

def letters():
    return itertools.chain(string.ascii_lowercase,
                           (a + b for a in string.ascii_lowercase for b in string.ascii_lowercase))


def axes_at(figure, left, top, width, height):
    """Axes placed in inches from the top left corner."""
    w, h = figure.get_size_inches()
    return figure.add_axes([left / w, 1 - (top + height) / h, width / w, height / h])


def text_at(figure, left, top, words, **how):
    w, h = figure.get_size_inches()
    return figure.text(left / w, 1 - top / h, words, **how)


def head(axes, letter, title, aside="", raised=0):
    """Panel letter, title, and a quiet remark to the right; all raised by some points."""
    axes.set_title(title, loc="left", pad=4 + raised)
    if aside:
        axes.set_title(aside, loc="right", fontsize=6.5, color=QUIET, pad=4 + raised)
    axes.annotate(letter, (0, 1), (-26, 4 + raised), xycoords="axes fraction",
                  textcoords="offset points", fontsize=9, fontweight="bold", va="baseline",
                  ha="left", annotation_clip=False)


def mark_times(axes, task, perturbed=False, window=True):
    """Window as a grey ground, input orange, perturbation purple."""
    if window and task.window:
        axes.axvspan(*task.window, color=WINDOW, linewidth=0, zorder=0)
    for span in task.pulses:
        axes.axvspan(*span, color=ORANGE, alpha=0.45, linewidth=0, zorder=0.5)
    for start, end in task.kicks if perturbed else []:
        axes.axvspan(start, end, color=PURPLE, alpha=0.75, linewidth=0.8, zorder=0.6)


def strip(axes, task):
    """The same over an image, which hides its ground: a strip above it."""
    above = axes.get_xaxis_transform()
    if task.window:
        axes.plot(task.window, [1.03, 1.03], color="0.8", linewidth=2.5, transform=above,
                  clip_on=False, solid_capstyle="butt")
    for span in task.pulses:
        axes.plot(span, [1.03, 1.03], color=ORANGE, linewidth=2.5, transform=above,
                  clip_on=False, solid_capstyle="butt")


def legend_line(figure, handles):
    """A line of them below the title."""
    figure.legend(handles=handles, loc="center left", ncol=max(1, len(handles)), columnspacing=1.6,
                  bbox_to_anchor=(0.2 / WIDTH, 1 - 0.42 / figure.get_figheight()), borderpad=0,
                  handlelength=1.6, handletextpad=0.5, borderaxespad=0)


def legend_rows(handles, width):
    """Columns and rows of a legend with many entries, in a figure so many inches wide."""
    longest = max((len(handle.get_label()) for handle in handles), default=0)
    across = max(1, int((width - 0.4) / (0.55 + 0.053 * longest)))
    return across, -(-len(handles) // across)


def legend_block(figure, handles):
    """As many lines of them below the title as they need."""
    width, height = figure.get_size_inches()
    if handles:
        figure.legend(handles=handles, loc="upper left", ncol=legend_rows(handles, width)[0],
                      borderpad=0, bbox_to_anchor=(0.2 / width, 1 - 0.36 / height),
                      columnspacing=1.6, handletextpad=0.5, borderaxespad=0)


def some_of(things, most):
    """The first, the last, and some between, if there are more."""
    if len(things) <= most:
        return things
    return [things[int(k)] for k in np.linspace(0, len(things) - 1, most).round()]


def label_y(axes, words):
    """Label of the y axis, at the same distance in all panels."""
    axes.set_ylabel(words, va="center")
    width = axes.get_position().width * axes.figure.get_figwidth()
    axes.yaxis.set_label_coords(-0.37 / width, 0.5)


def round_ticks(axis, count):
    axis.set_major_locator(matplotlib.ticker.MaxNLocator(count, steps=[1, 2, 5, 10]))


def number(value):
    return ("%.2g" % value).replace("-", "\N{MINUS SIGN}")


def power_of_ten(value):
    """2.3 x 10^-5, typeset."""
    if not np.isfinite(value):
        return "not finite"
    if value == 0 or 0.01 <= value < 1000:
        return "%.2g" % value
    mantissa, exponent = ("%.1e" % value).split("e")
    return r"$%s \times 10^{%d}$" % (mantissa, int(exponent))


def error_of(phase, task):
    """Remark on the readout's error in a phase."""
    if not phase.has(task, "loss"):
        return ""
    return "MSE " + power_of_ten(np.mean(phase.scalars(task, "loss")))


def several(count, what):
    return "%d %s%s" % (count, what, "" if count == 1 else "s")


def finite_limits(arrays, margin=0.05):
    """Limits that hold all finite values, with a margin."""
    values = [a[np.isfinite(a)] for a in arrays if a is not None]
    values = [a for a in values if a.size]
    if not values:
        return -1.0, 1.0
    low, high = min(a.min() for a in values), max(a.max() for a in values)
    pad = margin * (high - low) or 0.1 * abs(high) or 1.0
    return low - pad, high + pad


def log_axis(axes, values):
    """Logarithmic y axis round these values."""
    good = np.concatenate([v[np.isfinite(v) & (v > 0)] for v in values] or [np.zeros(0)])
    if not good.size:
        return
    axes.set_yscale("log")
    low, high = np.log10(good.min()), np.log10(good.max())
    middle, half = (low + high) / 2, max((high - low) / 2 * 1.1, 0.55)
    low, high = middle - half, middle + half
    if np.floor(high) <= np.ceil(low):  # one power of ten inside: on to the next, or no scale shows
        below, above = low - (np.ceil(low) - 1), np.floor(high) + 1 - high
        low, high = (low - below - 0.03, high) if below < above else (low, high + above + 0.03)
    axes.set_ylim(10 ** low, 10 ** high)
    axes.yaxis.set_major_locator(matplotlib.ticker.LogLocator(numticks=5))
    axes.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def save(figure, folder, name, formats):
    """Write a figure in each format, under its final name only once complete; print the paths."""
    for form in formats:
        path = os.path.join(folder, "%s.%s" % (name, form))
        part = "%s.part%d" % (path, os.getpid())
        try:
            # without a date, so that the same results give the same file
            dated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
            figure.savefig(part, format=form, metadata=dated.get(form))
            os.replace(part, path)
        except OSError as error:
            if os.path.exists(part):
                os.remove(part)
            raise Problem("cannot write %s: %s" % (path, error.strerror or error)) from None
        print(path, flush=True)
    plt.close(figure)


# ---- figure "training" ---------------------------------------------------------------------------

class TrainingFigure:
    """Columns are stages, rows are kinds of panels; whatever the file lacks is left out."""

    LEFT, RIGHT, TOP, BOTTOM, BETWEEN, GAP = 0.62, 0.62, 1.08, 0.48, 0.72, 0.30
    COURSE = 1.1  # height of the panels on training

    def __init__(self, results, task):
        self.results, self.task = results, task
        self.stages = results.stages(task)
        self.innate = results.innate(task)
        self.target = task.target()
        self.training = [p for p in results.training if p.has(task, "loss")]
        if all(p.trials(task, "loss") < 2 for p in self.training):
            self.training = []  # a single point is no course
        self.letters = letters()
        rows = [(self.rates, 1.45, lambda s: self.image_source(s) is not None),
                (self.units, 1.65, lambda s: self.image_source(s) is not None),
                (self.readout, 1.05, lambda s: s.test and s.test.has(task, "readout")),
                (self.perturbed, 1.05, lambda s: s.perturb and s.perturb.has(task, "readout"))]
        self.rows = [row for row in rows if any(row[2](stage) for stage in self.stages)]
        self.chosen = self.order = None
        if self.rows and self.rows[0][0] == self.rates:
            self.choose_units()
        self.limits = self.readout_limits()

    def empty(self):
        return not self.rows and not self.training

    def image_source(self, stage):
        """(phase, trial 0) whose rates stand for the stage, or None."""
        for phase in ((stage.innate, stage.test) if stage.before else (stage.test,)):
            if phase and phase.trials(self.task, "rates"):
                return phase
        return None

    def choose_units(self):
        """Three recorded units of largest variance; order of all by the time of their peak."""
        source = next(p for p in map(self.image_source, self.stages) if p)
        series = source.rates(self.task, 0)
        values = series.inside(self.task.window)
        values = np.nan_to_num(values if values.shape[-1] else series.values)
        self.chosen = np.sort(np.argsort(-values.var(axis=1), kind="stable")[:3])
        self.order = np.argsort(values.argmax(axis=1), kind="stable")

    def with_readout(self):
        return [phase for stage in self.stages for phase in (stage.test, stage.perturb)
                if phase and phase.has(self.task, "readout")]

    def readout_limits(self):
        series = [phase.readouts(self.task).values for phase in self.with_readout()]
        return finite_limits(series + [self.target.values if self.target else None])

    def outputs(self):
        """How many are drawn."""
        shown = [phase.outputs(self.task) for phase in self.with_readout()]
        return min(max(shown, default=0), MOST_OUTPUTS)

    def draw(self):
        columns = max(1, len(self.stages))
        self.width = (WIDTH - self.LEFT - self.RIGHT - (columns - 1) * self.BETWEEN) / columns
        below = self.TOP + sum(row[1] + self.GAP for row in self.rows)  # where the rows end
        if self.training:
            below += 0.35 if self.rows else 0.0
            height = below + self.COURSE + self.BOTTOM
        else:
            height = below - self.GAP + self.BOTTOM
        self.figure = plt.figure(figsize=(WIDTH, height))
        self.write_heading()
        top = self.TOP
        for draw, tall, there in self.rows:
            for column, stage in enumerate(self.stages):
                if there(stage):
                    axes = axes_at(self.figure, self.left(column), top, self.width, tall)
                    draw(axes, stage)
                    lowest = [row[0] for row in self.rows if row[2](stage)][-1]  # in this column
                    self.finish_time_axis(axes, draw == lowest)
            top += tall + self.GAP
        if self.training:
            self.draw_training(below)
        return self.figure

    def left(self, column):
        return self.LEFT + column * (self.width + self.BETWEEN)

    def finish_time_axis(self, axes, last):
        axes.set_xlim(0, self.task.duration_ms)
        axes.tick_params(labelbottom=last)
        if last:
            axes.set_xlabel("Time (ms)")

    def write_heading(self):
        name = self.results.title()
        title = name if len(self.results.tasks) == 1 else "%s: task %s" % (name, self.task.name)
        text_at(self.figure, 0.2, 0.2, title, fontsize=9, fontweight="bold", va="center")
        if self.rows:
            for column, stage in enumerate(self.stages):
                text_at(self.figure, self.left(column) + self.width / 2, 0.70, stage.title,
                        fontsize=8, fontweight="bold", ha="center", va="center", color=QUIET)
            self.write_legend()

    def write_legend(self):
        drawn = {row[0].__name__ for row in self.rows}
        patch, line = matplotlib.patches.Patch, matplotlib.lines.Line2D
        handles = []
        if self.task.pulses:
            handles.append(patch(color=ORANGE, alpha=0.6, linewidth=0, label="input"))
        if self.task.window:
            handles.append(patch(color="0.85", linewidth=0, label="window"))
        if self.task.kicks and "perturbed" in drawn:
            handles.append(patch(color=PURPLE, linewidth=0, label="perturbation"))
        if self.innate and "units" in drawn:
            handles.append(line([], [], color=INNATE, linewidth=2.5, label="innate"))
        if self.target and drawn & {"readout", "perturbed"}:
            handles.append(line([], [], color="black", linestyle=(0, (3, 2)), label="target"))
        outputs = self.outputs()
        for output in range(outputs if outputs > 1 else 0):
            handles.append(line([], [], color=COLOURS[output], label="output %d" % output))
        legend_line(self.figure, handles)

    def rates(self, axes, stage):
        """Image of the recorded neurons."""
        phase = self.image_source(stage)
        series = phase.rates(self.task, 0)
        values = series.values[self.order]
        thin = max(1, len(values) // MOST_PIXELS)
        largest = self.largest_rate(values)
        step = series.time_ms[1] - series.time_ms[0] if len(series.time_ms) > 1 else 1.0
        image = axes.imshow(values[::thin], aspect="auto", cmap="RdBu_r", vmin=-largest,
                            vmax=largest, interpolation="nearest", origin="upper",
                            extent=(series.time_ms[0], series.time_ms[-1] + step, len(values), 0))
        strip(axes, self.task)
        what = "Innate trajectory" if phase.kind == "record" else "First test trial"
        head(axes, next(self.letters), what, several(len(values), "neuron"), raised=4)
        label_y(axes, "Neuron, by time of peak")
        axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4, integer=True))
        if stage is self.stages[-1]:
            box = axes.get_position()
            bar = self.figure.add_axes([box.x1 + 0.08 / WIDTH, box.y0, 0.08 / WIDTH, box.height])
            self.figure.colorbar(image, cax=bar, ticks=[-largest, 0, largest])
            bar.set_yticklabels([number(-largest), "0", number(largest)])
            bar.set_ylabel("Rate", labelpad=0)
            bar.tick_params(length=1.5)

    @staticmethod
    def largest_rate(values):
        good = np.abs(values[np.isfinite(values)])
        largest = good.max() if good.size else 1.0
        return 1.0 if 0.2 < largest <= 1 else largest or 1.0

    def units(self, axes, stage):
        """Traces of the chosen units, one above the other: innate, and up to two trials on top."""
        traces = []
        if self.innate and self.innate.trials(self.task, "rates"):
            traces.append((self.innate.rates(self.task, 0), INNATE, 2.5))
        trials = min(2, stage.test.trials(self.task, "rates")) if stage.test else 0
        for trial, colour in zip(range(trials), (BLUE, VERMILION)):
            traces.append((stage.test.rates(self.task, trial), colour, 0.8))
        largest = self.largest_rate(np.concatenate([s.values[self.chosen] for s, _, _ in traces]))
        ticks, labels = [], []
        for place, unit in enumerate(self.chosen):
            base = -2.9 * largest * place
            for series, colour, thickness in traces:
                axes.plot(series.time_ms, base + series.values[unit], color=colour,
                          linewidth=thickness, solid_joinstyle="round")
            ticks += [base - largest, base + largest]
            labels += [number(-largest), number(largest)]
            name = unit if self.results.neurons is None else self.results.neurons[unit]
            axes.annotate("#%d" % name, (1, base), (3, 0), textcoords="offset points",
                          xycoords=axes.get_yaxis_transform(), va="center", fontsize=6.5)
        mark_times(axes, self.task)
        axes.set_ylim(ticks[-2] - 0.35 * largest, ticks[1] + 0.35 * largest)
        axes.set_yticks(ticks, labels)
        label_y(axes, "Rate")
        head(axes, next(self.letters), several(len(self.chosen), "unit"),
             "%s, twice" % stage.test.name if trials == 2 else "")

    def readout(self, axes, stage):
        self.draw_readout(axes, stage.test, "Readout", False)

    def perturbed(self, axes, stage):
        self.draw_readout(axes, stage.perturb, "Readout, perturbed", True)

    def draw_readout(self, axes, phase, title, perturbed):
        """All trials thin, one colour an output, and the target dashed on top."""
        series = phase.readouts(self.task)
        trials, outputs, _ = series.values.shape
        for output in range(outputs):
            colour = COLOURS[output % len(COLOURS)]
            for trial in range(trials):
                axes.plot(series.time_ms, series.values[trial, output], color=colour, linewidth=0.7,
                          alpha=0.85 if trials <= 2 else 0.6)
            if self.target is not None and output < len(self.target.values):
                axes.plot(self.target.time_ms, self.target.values[output], color="black",
                          linewidth=0.8, linestyle=(0, (3, 2)), zorder=3)
        mark_times(axes, self.task, perturbed)
        axes.set_ylim(self.limits)
        round_ticks(axes.yaxis, 5)
        label_y(axes, "Readout")
        remarks = [several(trials, "trial"), error_of(phase, self.task)]
        head(axes, next(self.letters), title, ", ".join(filter(None, remarks)))

    def draw_training(self, top):
        """Loss per trial, and the health of learning."""
        whole = WIDTH - self.LEFT - self.RIGHT
        wide = (whole - self.BETWEEN) / 2
        small = (wide - 0.68) / 2
        right = self.LEFT + wide + self.BETWEEN
        loss = axes_at(self.figure, self.LEFT, top, wide, self.COURSE)
        p = axes_at(self.figure, right, top, small, self.COURSE)
        dw = axes_at(self.figure, right + small + 0.68, top, small, self.COURSE)
        shown = {"loss": [], "p": [], "dw": []}
        for phase, colour in zip(self.training, itertools.cycle((BLUE, VERMILION) + COLOURS[2:])):
            self.draw_course(loss, phase, "loss", colour, shown["loss"])
            self.draw_course(dw, phase, "dw", colour, shown["dw"])
            self.draw_band(p, phase, colour, shown["p"])
        letter = next(self.letters)
        for axes, key, title, label in (
                (loss, "loss", "Loss in training", "Mean squared error"),
                (p, "p", "Diagonal of P", "Smallest, largest"),
                (dw, "dw", "Change of weights", "|\N{GREEK CAPITAL LETTER DELTA}W| per trial")):
            if not shown[key]:
                axes.remove()
                continue
            head(axes, "" if axes is dw and shown["p"] else letter, title)
            letter = next(self.letters) if axes is loss else letter
            label_y(axes, label)
            axes.set_xlabel("Trial")
            axes.set_xlim(left=0)
            log_axis(axes, shown[key])
            axes.xaxis.set_major_locator(
                matplotlib.ticker.MaxNLocator(6 if axes is loss else 3, integer=True))
        loss.legend(loc="best", handlelength=1.2)

    def draw_course(self, axes, phase, name, colour, shown):
        """One quantity of a train phase over its trials; what was drawn is added to `shown`."""
        if not phase.has(self.task, name):
            return
        values = phase.scalars(self.task, name)
        axes.plot(np.arange(1, len(values) + 1), values, color=colour, linewidth=0.8,
                  marker="o" if len(values) <= 60 else "", markersize=1.8, label=phase.name)
        shown.append(values)

    def draw_band(self, axes, phase, colour, shown):
        """Range of the diagonal of P over the trials of a phase."""
        if phase.has(self.task, "p_min") and phase.has(self.task, "p_max"):
            low, high = phase.scalars(self.task, "p_min"), phase.scalars(self.task, "p_max")
            axes.fill_between(np.arange(1, len(low) + 1), low, high, color=colour, alpha=0.2,
                              linewidth=0)
            self.draw_course(axes, phase, "p_min", colour, shown)
            self.draw_course(axes, phase, "p_max", colour, shown)


# ---- figure "prediction" -------------------------------------------------------------------------

class PredictionFigure:
    """A readout against a fast target: a close-up, the attractor, the error over the window."""

    LEFT, RIGHT, TOP, BOTTOM, BETWEEN, GAP = 0.62, 0.15, 0.95, 0.48, 0.75, 0.32
    MOST, TURNS, FAST = 3, 24, 40  # outputs; half turns in the close-up, and of a fast target

    def __init__(self, results, task):
        self.results, self.task, self.target = results, task, task.target()
        last = results.training[-1].index if results.training else -1
        tests = [p for p in results.phases if p.kind == "test" and p.index > last and
                 p.has(task, "readout")]
        self.phase = tests[-1] if tests and self.target else None
        self.training = [p for p in results.training if p.has(task, "readout")]
        self.letters = letters()
        if self.phase:
            self.start = max(task.window[0], float(self.phase.group.attrs.get("teacher_ms", 0)))
            self.turn = self.half_turn()

    def half_turn(self):
        """Mean time in ms from one crossing of its mean by the first target to the next."""
        values = self.target.inside(self.task.window)[0]
        crossings = np.count_nonzero(np.diff(np.sign(values - values.mean())))
        return values.size * self.task.dt_ms / max(crossings, 1)

    def empty(self):
        if not self.phase:
            return True
        length = self.task.window[1] - self.start
        shows = length / self.turn >= self.FAST or self.phase.has(self.task, "valid_ms")
        return not shows and self.phase.outputs(self.task) < 3

    def draw(self):
        series = self.phase.readouts(self.task)
        readout = Series(series.values[0], series.time_ms[0], series.time_ms[1] - series.time_ms[0])
        outputs = min(len(readout.values), self.MOST)
        tall, square = (1.0 if outputs > 1 else 2.1), 2.1
        body = max(outputs * (tall + self.GAP) - self.GAP, square)
        wide = WIDTH - self.LEFT - self.RIGHT - self.BETWEEN - square
        lower = 0.9 + (1.7 if self.training else 0)
        self.figure = plt.figure(figsize=(WIDTH, self.TOP + body + 0.75 + lower + self.BOTTOM))
        name = self.results.title()
        if len(self.results.tasks) > 1:
            name = "%s: task %s" % (name, self.task.name)
        text_at(self.figure, 0.2, 0.2, name, fontsize=9, fontweight="bold", va="center")
        line = matplotlib.lines.Line2D
        legend_line(self.figure, [line([], [], color="black", linewidth=1.6, label="target"),
                                  line([], [], color=VERMILION, label="readout")])
        text_at(self.figure, WIDTH - 0.15, 0.2, self.results.values(), ha="right", va="center",
                color=QUIET)
        lead = 4 * self.turn if self.start > self.task.window[0] else 0
        length = self.TURNS * self.turn
        if self.phase.has(self.task, "valid_ms"):  # beyond the moment when it is lost
            length = max(length, 1.5 * self.phase.scalars(self.task, "valid_ms")[0])
        low, high = self.start - lead, min(self.start + length, self.task.window[1])
        for output in range(outputs):
            axes = axes_at(self.figure, self.LEFT, self.TOP + output * (tall + self.GAP), wide, tall)
            self.draw_close(axes, readout, output, low, high)
            if low < self.start:
                axes.axvline(self.start, color=QUIET, linewidth=0.6, linestyle=(0, (2, 2)))
            axes.tick_params(labelbottom=output == outputs - 1)
            head(axes, next(self.letters), "Close-up" if output == 0 else "",
                 self.remark() if output == 0 else "")
            label_y(axes, "Output %d" % output if outputs > 1 else "Readout")
        axes.set_xlabel("Time (ms)")
        left = self.LEFT + wide + self.BETWEEN
        self.draw_plane(axes_at(self.figure, left, self.TOP, square, square), readout)
        self.draw_error(axes_at(self.figure, self.LEFT, self.TOP + body + 0.75,
                                WIDTH - self.LEFT - self.RIGHT, 0.9), readout)
        if self.training:
            self.draw_training(self.TOP + body + 0.75 + 1.7)
        return self.figure

    def draw_training(self, top):
        """The readout while it learns: the first turns of the last training that was recorded."""
        phase = self.training[-1]
        series = phase.readouts(self.task)
        step = series.time_ms[1] - series.time_ms[0]
        axes = axes_at(self.figure, self.LEFT, top, WIDTH - self.LEFT - self.RIGHT, 0.9)
        start = self.task.window[0]
        self.draw_close(axes, Series(series.values[0], series.time_ms[0], step), 0, start,
                        min(start + self.TURNS * self.turn, self.task.window[1]))
        axes.set_xlabel("Time (ms)")
        label_y(axes, "Readout")
        head(axes, next(self.letters), "While it learns", "%s, first trial" % phase.name)

    def remark(self):
        words = error_of(self.phase, self.task)
        if self.phase.has(self.task, "valid_ms"):
            words += ", good for %.4g ms" % np.median(self.phase.scalars(self.task, "valid_ms"))
        return words

    def draw_close(self, axes, readout, output, low, high):
        for series, colour, thickness in ((self.target, "black", 1.6), (readout, VERMILION, 0.8)):
            there = (series.time_ms >= low) & (series.time_ms < high)
            axes.plot(series.time_ms[there], series.values[output][there], color=colour,
                      linewidth=thickness)
        axes.set_xlim(low, high)
        round_ticks(axes.yaxis, 4)

    def plane(self, series):
        """First and last output from the start on; of a single one, itself half a turn ago."""
        values = series.inside((self.start, self.task.window[1]))
        if len(values) > 1:
            return values[0], values[min(len(values), self.MOST) - 1]
        back = max(1, int(round(self.turn / 2 / (series.time_ms[1] - series.time_ms[0]))))
        return values[0][back:], values[0][:-back]

    def draw_plane(self, axes, readout):
        limits = []
        for series, colour, thickness in ((self.target, "black", 0.6), (readout, VERMILION, 0.5)):
            x, y = self.plane(series)
            axes.plot(x, y, color=colour, linewidth=thickness, alpha=0.9)
            if series is self.target:
                limits = finite_limits([x], 0.15), finite_limits([y], 0.15)
        axes.set(xlim=limits[0], ylim=limits[1])
        round_ticks(axes.xaxis, 4)
        round_ticks(axes.yaxis, 4)
        outputs = min(len(readout.values), self.MOST)
        if outputs > 1:
            axes.set(xlabel="Output 0", ylabel="Output %d" % (outputs - 1))
        else:
            back = self.task.dt_ms * max(1, round(self.turn / 2 / self.task.dt_ms))
            axes.set(xlabel="Readout", ylabel="%.4g ms before" % back)
        head(axes, next(self.letters), "Attractor")

    def draw_error(self, axes, readout):
        window = (self.start, self.task.window[1])
        step = readout.time_ms[1] - readout.time_ms[0]
        target = self.target.inside(window)[:, ::max(1, int(round(step / self.task.dt_ms)))]
        values = readout.inside(window)
        count = min(values.shape[-1], target.shape[-1])
        error = np.sqrt(np.mean((values[:, :count] - target[:len(values), :count]) ** 2, axis=0))
        thin = max(1, count // (2 * MOST_PIXELS))
        axes.plot((self.start + step * np.arange(count))[::thin], error[::thin], color=BLUE,
                  linewidth=0.6)
        log_axis(axes, [np.maximum(error, error.max() * 1e-8)])
        axes.set_xlim(*window)
        axes.set_xlabel("Time (ms)")
        label_y(axes, "Error")
        head(axes, next(self.letters), "Root mean square error over outputs")


# ---- figure "pair" -------------------------------------------------------------------------------

class PairFigure:
    """Two trials of a network and how they part: a column per network, the first five units."""

    LEFT, RIGHT, TOP, BOTTOM, BETWEEN, GAP, MOST, UNITS = 0.62, 0.15, 1.0, 0.48, 0.3, 0.32, 4, 5

    def __init__(self, networks):
        self.shown = []  # (results, task, phase)
        for results in networks[:self.MOST]:
            found = [(results, task, phase) for task in results.tasks for phase in results.phases
                     if phase.kind == "test" and phase.trials(task, "rates") > 1]
            self.shown += found[-1:]
        self.letters = letters()

    def empty(self):
        return not self.shown

    def draw(self):
        columns = len(self.shown)
        width = (WIDTH - self.LEFT - self.RIGHT - (columns - 1) * self.BETWEEN) / columns
        rows = (("First trial", 1.0), ("Second trial", 1.0), ("Difference", 1.0),
                ("Root mean square difference", 1.0))
        height = self.TOP + sum(tall + self.GAP for _, tall in rows) - self.GAP + self.BOTTOM
        self.figure = plt.figure(figsize=(WIDTH, height))
        name = self.shown[0][0].title() if columns == 1 else \
            text(self.shown[0][0].file.attrs.get("name", "")) or "results"
        text_at(self.figure, 0.2, 0.2, name, fontsize=9, fontweight="bold", va="center")
        patch = matplotlib.patches.Patch
        if any(task.pulses for _, task, _ in self.shown):
            legend_line(self.figure, [patch(color=ORANGE, alpha=0.6, linewidth=0, label="input")])
        everything = [self.series(*one) for one in self.shown]
        largest = finite_limits([first.values[:self.UNITS] for first, _ in everything], 0.08)
        spread = finite_limits([first.values[:self.UNITS] - second.values[:self.UNITS]
                                for first, second in everything], 0.08)
        apart = [np.sqrt(np.mean((first.values - second.values) ** 2, axis=0))
                 for first, second in everything]
        for column, ((results, task, phase), (first, second)) in enumerate(
                zip(self.shown, everything)):
            left, top = self.LEFT + column * (width + self.BETWEEN), self.TOP
            text_at(self.figure, left + width / 2, 0.66,
                    self.name_of(results, phase), fontsize=8, fontweight="bold", ha="center",
                    va="center", color=QUIET)
            for row, (title, tall) in enumerate(rows):
                axes = axes_at(self.figure, left, top, width, tall)
                lines = (first.values[:self.UNITS], second.values[:self.UNITS],
                         first.values[:self.UNITS] - second.values[:self.UNITS],
                         apart[column][None])[row]
                for line, colour in zip(lines, COLOURS if row < 3 else ("black",)):
                    axes.plot(first.time_ms, line, color=colour, linewidth=0.8)
                mark_times(axes, task, window=False)
                if row < 3:
                    axes.set_ylim(spread if row == 2 else largest)
                    round_ticks(axes.yaxis, 4)
                else:
                    log_axis(axes, apart)
                head(axes, next(self.letters), title)
                axes.set_xlim(0, task.duration_ms)
                round_ticks(axes.xaxis, 4 if columns > 2 else 6)
                axes.tick_params(labelbottom=row == len(rows) - 1, labelleft=column == 0)
                if column == 0:
                    label_y(axes, "Rate" if row < 2 else "Difference")
                top += tall + self.GAP
            axes.set_xlabel("Time (ms)")
        return self.figure

    def series(self, results, task, phase):
        return phase.rates(task, 0), phase.rates(task, 1)

    @staticmethod
    def name_of(results, phase):
        return results.values() or "%s, two trials" % phase.name


# ---- figure "plane" ------------------------------------------------------------------------------

class PlaneFigure:
    """What two readouts draw: a row per task; before and after training, tests and perturbed."""

    LEFT, RIGHT, TOP, BOTTOM, WITHIN, BETWEEN, GAP = 0.78, 0.15, 1.02, 0.48, 0.12, 0.45, 0.5

    def __init__(self, results):
        self.results = results
        self.tasks = [task for task in results.tasks if self.panels(task)]
        self.letters = letters()

    def empty(self):
        return not self.tasks

    def panels(self, task):
        """{(after training, perturbed): phase} of a task with two outputs."""
        return {(not stage.before, phase.kind == "perturb"): phase
                for stage in self.results.stages(task) for phase in (stage.test, stage.perturb)
                if phase and phase.has(task, "readout")
                and phase.outputs(task) == 2}

    def draw(self):
        columns = sorted({key for task in self.tasks for key in self.panels(task)})
        stages = sorted({after for after, _ in columns})
        gaps = self.WITHIN * (len(columns) - len(stages)) + self.BETWEEN * (len(stages) - 1)
        width = min((WIDTH - self.LEFT - self.RIGHT - gaps) / len(columns), 3.0)
        left, places = self.LEFT, {}
        for before, key in zip([None] + columns, columns):
            if before is not None:
                left += width + (self.WITHIN if before[0] == key[0] else self.BETWEEN)
            places[key] = left
        limits = [self.limits(task, stages) for task in self.tasks]
        heights = [width * slimness(*limit[stages[-1]]) for limit in limits]
        self.figure = plt.figure(figsize=(
            WIDTH, self.TOP + sum(heights) + self.GAP * (len(heights) - 1) + self.BOTTOM))
        self.write_heading(places, width)
        top = self.TOP
        for task, tall, limit in zip(self.tasks, heights, limits):
            for key, phase in sorted(self.panels(task).items()):
                axes = axes_at(self.figure, places[key], top, width, tall)
                self.draw_panel(axes, task, phase, key[0])
                axes.set(xlim=limit[key[0]][0], ylim=limit[key[0]][1])
                opens = key == min(one for one in columns if one[0] == key[0])
                self.finish_axes(axes, task, phase, opens, key == columns[0])
            text_at(self.figure, 0.13, top + tall / 2, task.name, rotation=90, fontsize=8,
                    fontweight="bold", ha="center", va="center", color=QUIET)
            top += tall + self.GAP
        return self.figure

    def limits(self, task, stages):
        """{after training: limits of x and y}, of equal shape, so that the scales can be equal."""
        target = task.target()
        limits = {}
        for after in stages:
            wanted = [phase.readouts(task).inside(task.window)
                      for key, phase in self.panels(task).items() if key[0] == after]
            wanted += [target.inside(task.window)[None]] if target else []
            limits[after] = [finite_limits([w[:, axis] for w in wanted], 0.08) for axis in (0, 1)]
        shape = min(max(slimness(*limits[stages[-1]]), 0.5), 1.5)
        return {after: widen(x, y, shape) for after, (x, y) in limits.items()}

    def write_heading(self, places, width):
        name = self.results.title()
        text_at(self.figure, 0.2, 0.2, name, fontsize=9, fontweight="bold", va="center")
        for after in sorted({key[0] for key in places}):
            mine = [place for key, place in places.items() if key[0] == after]
            trained = "After training" if after else "Before training"
            text_at(self.figure, (mine[0] + mine[-1] + width) / 2, 0.70,
                    trained if self.results.training else "Trials", fontsize=8, fontweight="bold",
                    ha="center", va="center", color=QUIET)
        line = matplotlib.lines.Line2D
        dot = {"marker": "o", "linewidth": 0, "markersize": 3, "markeredgewidth": 0}
        handles = [line([], [], color=BLUE, label="trials"),
                   line([], [], color=BLUE, label="start of window", **dot)]
        if any(task.target() for task in self.tasks):
            handles.insert(0, line([], [], color=INNATE, linewidth=3, label="target"))
        if any(task.kicks for task in self.tasks) and any(key[1] for key in places):
            handles.append(line([], [], label="perturbation", linewidth=0, **self.CROSS))
        legend_line(self.figure, handles)

    CROSS = {"marker": "X", "color": PURPLE, "markersize": 3.8, "markeredgewidth": 0.3,
             "markeredgecolor": "black"}

    def draw_panel(self, axes, task, phase, after):
        target = task.target()
        if target is not None:  # before training, trials would hide a target below them
            axes.plot(*target.inside(task.window)[:2], color=INNATE,
                      linewidth=2.5 if after else 1.5, zorder=1 if after else 3,
                      solid_capstyle="round", solid_joinstyle="round")
        series = phase.readouts(task)
        for trial, (x, y) in zip(series.values, series.inside(task.window)):
            axes.plot(x, y, color=BLUE, linewidth=0.6, alpha=0.8)
            axes.plot(x[:1], y[:1], "o", color=BLUE, markersize=2.5, markeredgewidth=0)
            for start, _ in task.kicks if phase.kind == "perturb" else []:
                at = np.searchsorted(series.time_ms, start)
                if at < len(series.time_ms):
                    axes.plot(*trial[:, at:at + 1], zorder=4, **self.CROSS)

    def finish_axes(self, axes, task, phase, opens, first):
        """Labels of an axes; opens: the first of its stage; first: of its row."""
        for axis in (axes.xaxis, axes.yaxis):
            round_ticks(axis, 4)
        axes.tick_params(labelleft=opens)
        if first:
            label_y(axes, "Output y")
        if task is self.tasks[-1]:
            axes.set_xlabel("Output x")
        trials = phase.trials(task, "readout")
        kind = "perturbed" if phase.kind == "perturb" else "test"
        axes.set_title(several(trials, kind + " trial"), pad=5, x=0.09)
        axes.annotate(next(self.letters), (0, 1), (0, 5), xycoords="axes fraction",
                      textcoords="offset points", fontsize=9, fontweight="bold", va="baseline")


def slimness(x, y):
    """Height of a box over its width."""
    return (y[1] - y[0]) / (x[1] - x[0])


def widen(x, y, shape):
    """Widen one pair of limits, so that height over width is `shape`."""
    def about(middle, extent):
        return middle - extent / 2, middle + extent / 2
    if slimness(x, y) < shape:
        return x, about((y[0] + y[1]) / 2, shape * (x[1] - x[0]))
    return about((x[0] + x[1]) / 2, (y[1] - y[0]) / shape), y


# ---- figure "chaos" ------------------------------------------------------------------------------

class Course:
    """What the analyses of a phase have found in the trials of a task."""

    def __init__(self, phase, task, label, colour):
        self.phase, self.task, self.label, self.colour = phase, task, label, colour

    def has(self, name):
        return name in self.phase.group[self.task.name]

    def data(self, name):
        return self.phase.group[self.task.name][name]

    def values(self, name):
        """[trial, ...]"""
        return own_part(self.data(name)[self.phase.row].astype(float))

    def times_s(self, name, count):
        """Ends of the intervals of a running estimate."""
        about = self.data(name).attrs
        return (float(about["start_ms"]) + float(about["step_ms"]) * np.arange(count)) / 1000


class ChaosFigure:
    """What phases of kind analyse have found; panels that the file has no data for are left out."""

    LEFT, RIGHT, TOP, BOTTOM, BETWEEN, GAP = 0.58, 0.12, 0.92, 0.46, 0.62, 0.78
    ACROSS = 3
    SHOWN = 50  # components

    def __init__(self, results):
        self.results = results
        pairs = [(phase, task) for phase in results.phases if phase.kind == "analyse"
                 for task in results.tasks if task.name in phase.group]
        several_tasks = len({task.name for _, task in pairs}) > 1
        pairs.sort(key=lambda pair: results.tasks.index(pair[1]))
        self.courses = [
            Course(phase, task, "%s, %s" % (phase.name, task.name) if several_tasks else phase.name,
                   COLOURS[k % len(COLOURS)])
            for k, (phase, task) in enumerate(pairs)]
        self.letters = letters()

    def empty(self):
        return not self.courses

    def with_data(self, name):
        return [course for course in self.courses if course.has(name)]

    def spectra(self):
        """Of the first phase and of the last: W is the same for all tasks."""
        found = sorted(self.with_data("spectrum/eigenvalues"), key=lambda one: one.phase.index)
        phases = {}
        for course in found:
            phases.setdefault(course.phase.name, course)
        found = list(phases.values())
        return found[:1] + found[-1:] if len(found) > 1 else found

    def draw(self):
        spectra = self.spectra()
        panels = [lambda axes, one=one: self.draw_spectrum(axes, one, spectra) for one in spectra]
        if self.with_data("lyapunov/exponents"):
            panels.append(self.draw_exponents)
        if self.with_data("lyapunov/running") or self.with_data("divergence/running"):
            panels += [self.draw_running, self.draw_largest]
        if self.with_data("pca/variance"):
            panels.append(self.draw_variance)
        across = min(self.ACROSS, len(panels))
        rows = -(-len(panels) // across)
        side = (WIDTH - self.LEFT - self.RIGHT - (self.ACROSS - 1) * self.BETWEEN) / self.ACROSS
        self.figure = plt.figure(figsize=(
            WIDTH, self.TOP + rows * side + (rows - 1) * self.GAP + self.BOTTOM))
        text_at(self.figure, 0.2, 0.2, self.results.title(), fontsize=9, fontweight="bold",
                va="center")
        line = matplotlib.lines.Line2D
        legend_line(self.figure, [line([], [], color=one.colour, linewidth=2, label=one.label)
                                  for one in self.courses])
        for place, draw in enumerate(panels):
            row, column = divmod(place, across)
            axes = axes_at(self.figure, self.LEFT + column * (side + self.BETWEEN),
                           self.TOP + row * (side + self.GAP), side, side)
            draw(axes)
        return self.figure

    def gain(self):
        """g of the network, as its experiment says."""
        key = "network.gain"
        if key in keys_of(self.results.file):
            return float(self.results.file[coordinate(key)][self.results.row])
        words = text(self.results.file.attrs["experiment"])
        found = re.search(r"(?m)^  gain: ([-+.0-9eE]+)", words)
        return float(found.group(1)) if found else np.nan

    def draw_spectrum(self, axes, course, shown):
        """Eigenvalues, the circle that those of a random matrix fill, and the line beyond which
        the network at rest is unstable."""
        gain = self.gain()
        values = course.values("spectrum/eigenvalues")[0]
        every = np.concatenate([one.values("spectrum/eigenvalues")[0] for one in shown])
        largest = 1.08 * max(np.abs(every).max(), gain if np.isfinite(gain) else 0, 1.2)
        axes.axvline(1, color="0.6", linewidth=0.6, linestyle=(0, (2, 2)), zorder=0)
        if np.isfinite(gain):
            axes.add_patch(matplotlib.patches.Circle((0, 0), gain, fill=False, edgecolor="black",
                                                     linewidth=0.7, zorder=3))
            axes.annotate("g = %s" % digits(gain), (0.02, 0.98), xycoords="axes fraction",
                          ha="left", va="top", fontsize=6.5)
        axes.plot(values[:, 0], values[:, 1], ".", color=course.colour, markersize=2.2,
                  markeredgewidth=0, alpha=0.8)
        axes.set(xlim=(-largest, largest), ylim=(-largest, largest), xlabel="Re \u03bc")
        axes.set_aspect("equal")
        for axis in (axes.xaxis, axes.yaxis):
            round_ticks(axis, 5)
        label_y(axes, "Im \u03bc")
        radius = course.values("spectrum/radius")[0]
        head(axes, next(self.letters), "W, %s" % course.phase.name, "radius %.3g" % radius)

    def draw_exponents(self, axes):
        """All that were asked for: mean over trials, and their range."""
        trials = 0
        for course in self.with_data("lyapunov/exponents"):
            values = course.values("lyapunov/exponents")
            place = np.arange(1, values.shape[1] + 1)
            trials = max(trials, len(values))
            axes.fill_between(place, values.min(axis=0), values.max(axis=0), color=course.colour,
                              alpha=0.2, linewidth=0)
            axes.plot(place, values.mean(axis=0), color=course.colour, zorder=2,
                      marker="o" if len(place) <= 20 else "", markersize=2)
        axes.axhline(0, color="0.6", linewidth=0.6, linestyle=(0, (2, 2)), zorder=0)
        axes.set_xlabel("Exponent")
        axes.set_xlim(left=0)
        round_ticks(axes.xaxis, 5)
        round_ticks(axes.yaxis, 5)
        label_y(axes, "\u03bb (1/s)")
        head(axes, next(self.letters), "Lyapunov exponents",
             "mean, range" if trials > 1 else "")

    def draw_running(self, axes):
        """The largest exponent so far; by the second trajectory as dots on it."""
        late = []
        for course in self.courses:
            if course.has("lyapunov/running"):
                values = course.values("lyapunov/running")[:, 0]
                times = course.times_s("lyapunov/running", values.shape[-1])
                axes.plot(times, values.T, color=course.colour, linewidth=0.6, alpha=0.8)
                late.append(values[:, values.shape[-1] // 8:])
            if course.has("divergence/running"):
                values = course.values("divergence/running")
                times = course.times_s("divergence/running", values.shape[-1])
                every = max(1, len(times) // 12)
                axes.plot(times[::every], values[:MOST_TRIALS, ::every].T, "o",
                          color=course.colour, markersize=1.8, markeredgewidth=0, zorder=3)
                late.append(values[:, values.shape[-1] // 8:])
        axes.axhline(0, color="0.6", linewidth=0.6, linestyle=(0, (2, 2)), zorder=0)
        axes.set_ylim(finite_limits(late, 0.1))
        axes.set_xlabel("Time in the trial (s)")
        round_ticks(axes.xaxis, 5)
        round_ticks(axes.yaxis, 5)
        label_y(axes, "Largest \u03bb so far (1/s)")
        both = self.with_data("lyapunov/running") and self.with_data("divergence/running")
        head(axes, next(self.letters), "Convergence", "dots: 2nd trajectory" if both else "")

    def draw_largest(self, axes):
        """The largest exponent of each trial, at the end of its window."""
        for place, course in enumerate(self.courses):
            if course.has("lyapunov/exponents"):
                values = course.values("lyapunov/exponents")[:, 0]
            elif course.has("divergence/exponent"):
                values = course.values("divergence/exponent")
            else:
                continue
            spread = np.linspace(-0.18, 0.18, len(values)) if len(values) > 1 else [0]
            axes.plot(place + np.asarray(spread), values, "o", color=course.colour, markersize=3,
                      markeredgewidth=0, alpha=0.9)
            axes.plot([place - 0.3, place + 0.3], [values.mean()] * 2, color=course.colour,
                      linewidth=1.2)
        axes.axhline(0, color="0.6", linewidth=0.6, linestyle=(0, (2, 2)), zorder=0)
        names = [course.label.replace(", ", "\n") for course in self.courses]
        longest = max(len(line) for name in names for line in name.split("\n"))
        pitch = axes.get_position().width * WIDTH / (len(names) + 0.2)  # inches
        axes.set_xticks(range(len(names)), names, fontsize=min(6.5, 72 * pitch / (0.66 * longest)))
        axes.set_xlim(-0.6, len(self.courses) - 0.4)
        round_ticks(axes.yaxis, 5)
        label_y(axes, "Largest \u03bb (1/s)")
        head(axes, next(self.letters), "Trials, and mean")

    def draw_variance(self, axes):
        """How much of the variance the first components hold, mean over trials."""
        most = 2
        ratios = []
        for course in self.with_data("pca/variance"):
            values = course.values("pca/variance")
            shares = 100 * np.cumsum(values, axis=1) / values.sum(axis=1, keepdims=True)
            mean = shares.mean(axis=0)
            axes.plot(np.arange(1, len(mean) + 1), mean, color=course.colour)
            most = max(most, int(np.argmax(mean >= 99)) + 1)
            ratios.append(course.values("pca/participation_ratio").mean())
        axes.axhline(95, color="0.6", linewidth=0.6, linestyle=(0, (2, 2)), zorder=0)
        axes.set(xlim=(0, min(most, self.SHOWN) + 0.5), ylim=(0, 102))
        axes.set_xlabel("Components")
        round_ticks(axes.xaxis, 5)
        label_y(axes, "Variance (%)")
        span = sorted({"%.2g" % ratio for ratio in (min(ratios), max(ratios))}, key=float)
        head(axes, next(self.letters), "PCA", "participation " + "\u2013".join(span))


# ---- sweeps --------------------------------------------------------------------------------------

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


def keys_of(file):
    keys = text(file["sweep"].attrs.get("keys", "")) if "sweep" in file else ""
    return keys.split(",") if keys else []


def coordinate(key):
    return "sweep/" + key


def in_order_of(group):
    return [(name, group[name]) for name in in_order(group)]


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


def digits(value):
    """A number with as few digits as tell it."""
    words = next((w for w in ("%.*g" % (k, value) for k in range(3, 18))
                  if abs(float(w) - value) <= 1e-12 * abs(value)), repr(value))
    return words.replace("-", "\N{MINUS SIGN}") if "e" not in words else words


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


def caption(figure, words, bottom=0.12):
    """Small print along the lower edge, already in lines."""
    figure.text(0.2 / figure.get_figwidth(), bottom / figure.get_figheight(), words, fontsize=6.5,
                color=QUIET, va="bottom", ha="left", linespacing=1.35)


def lines_of(words, width=150):
    return "\n".join(textwrap.wrap(words, width))


def count_networks(sweep):
    """'27 networks', and how many of them failed."""
    failed = int((sweep.state == FAILED).sum())
    words = several(len(sweep.state), "network")
    return words + (", of which %d failed and are left out" % failed if failed else "")


def between(low, high):
    return "%d" % low if low == high else "%d to %d" % (low, high)


def bars(axes, x, y, error, color, width, zorder):
    """Error bars where there are errors."""
    known = np.isfinite(error)
    if known.any():
        axes.errorbar(x[known], y[known], yerr=error[known], fmt="none", ecolor=color, capsize=1.5,
                      capthick=width, elinewidth=width, zorder=zorder)


class SweepFigure:
    """A panel for each measure: mean and standard error over networks against a coordinate."""

    LEFT, RIGHT, BETWEEN, PANEL, GAP, COLUMNS = 0.62, 0.15, 0.62, 1.75, 0.72, 3
    MOST_CURVES, MOST_SHIFTED = 12, 6  # in the legend; apart from each other
    OPEN = {"markersize": 3.2, "markerfacecolor": "white", "markeredgewidth": 0.7, "linewidth": 0.8}
    PUBLISHED = ({"color": "0.35", "marker": "s", "linestyle": (0, (4, 2))},
                 {"color": "0.55", "marker": "^", "linestyle": (0, (1, 1.5))},
                 {"color": "0.45", "marker": "D", "linestyle": (0, (3, 1, 1, 1))},
                 {"color": "0.65", "marker": "v", "linestyle": "-"})

    def __init__(self, sweep):
        self.sweep, self.plan = sweep, Plan(sweep)
        self.measures = sweep.measures()
        if not self.measures:
            raise Problem("holds no correlation, loss or exponent of a network that is done")
        self.curves = self.plan.combinations(self.plan.curve_keys)
        self.colours = self.plan.colours(self.plan.curve_keys, len(self.curves))
        has_r2 = any(measure.kind == "R2" for measure in self.measures)
        self.published = sweep.reference(self.plan.x_key) if has_r2 else []
        self.counts = []  # networks of each point
        self.dots = False  # single networks are shown
        self.undefined = 0
        self.moved = False  # curves stand a little aside

    def draw(self):
        columns = min(self.COLUMNS, len(self.measures))
        rows = -(-len(self.measures) // columns)
        width = (WIDTH - self.LEFT - self.RIGHT - (columns - 1) * self.BETWEEN) / columns
        width = min(width, 3.2)
        whole = WIDTH if columns > 1 else max(self.LEFT + width + self.RIGHT, 4.6)
        handles = self.legend_handles()
        top = 0.62 + 0.17 * legend_rows(handles, whole)[1]
        body = rows * self.PANEL + (rows - 1) * self.GAP
        self.figure = plt.figure(figsize=(whole, top + body + 0.95))
        text_at(self.figure, 0.2, 0.2, self.sweep.name, fontsize=9, fontweight="bold", va="center")
        legend_block(self.figure, handles)
        names = letters()
        for k, measure in enumerate(self.measures):
            axes = axes_at(self.figure, self.LEFT + (k % columns) * (width + self.BETWEEN),
                           top + (k // columns) * (self.PANEL + self.GAP), width, self.PANEL)
            self.draw_measure(axes, measure)
            head(axes, next(names), measure.title)
        caption(self.figure, lines_of(self.caption(), 150 if whole == WIDTH else 92))
        return self.figure

    def legend_handles(self):
        line = matplotlib.lines.Line2D
        handles = []
        for (values, _), colour in some_of(list(zip(self.curves, self.colours)), self.MOST_CURVES):
            words = self.plan.describe(self.plan.curve_keys, values)
            if words or self.published:
                handles.append(line([], [], color=colour, marker="o", markersize=3.2, linewidth=1.1,
                                    markeredgewidth=0, label=words or "this run"))
        for (name, _, _, _, is_sd), style in zip(self.published, itertools.cycle(self.PUBLISHED)):
            handles.append(line([], [], label=name + (" (bars: SD)" if is_sd else ""),
                                **self.OPEN, **style))
        return handles

    def draw_measure(self, axes, measure):
        good = self.sweep.done & np.isfinite(measure.values)
        if measure.kind == "R2":
            self.undefined += int((self.sweep.done & ~np.isfinite(measure.values)).sum())
            for (_, x, y, error, _), style in zip(self.published, itertools.cycle(self.PUBLISHED)):
                bars(axes, x, y, error, color=style["color"], width=0.6, zorder=2)
                axes.plot(x, y, zorder=2.1, **self.OPEN, **style)
        extent = []
        for place, ((_, mask), colour) in enumerate(zip(self.curves, self.colours)):
            extent += self.draw_curve(axes, measure, good & mask, colour, place)
        self.finish_x(axes)
        if measure.kind in ("R2", "share"):
            axes.set_ylim(-0.04, 1.06)
            axes.set_yticks(np.linspace(0, 1, 6))
        elif measure.kind == "time":
            axes.set_ylim(0, finite_limits(extent, 0.08)[1])
            round_ticks(axes.yaxis, 6)
        elif measure.kind == "exponent":
            axes.axhline(0, color="0.6", linewidth=0.6, linestyle=(0, (2, 2)), zorder=0)
            axes.set_ylim(finite_limits(extent, 0.08))
            round_ticks(axes.yaxis, 6)
        else:
            log_axis(axes, [values[values > 0] for values in extent])
        label_y(axes, measure.label)

    def shifted(self, x, curve):
        """Places of a curve, a little aside, so that no error bar hides another's."""
        count = len(self.curves)
        known = np.unique(self.plan.x[self.sweep.done])
        if not 1 < count <= self.MOST_SHIFTED or max(self.counts) < 2 or len(known) < 2:
            return x
        self.moved = True
        scale, back = (np.log, np.exp) if is_log_spaced(known) else (np.array, np.array)
        extent = np.ptp(scale(known))
        step = min(0.012 * extent, 0.5 * np.diff(scale(known)).min() / count)
        return back(scale(x) + (curve - (count - 1) / 2) * step)

    def draw_curve(self, axes, measure, mask, colour, place):
        """Mean and standard error, and where there is one curve each network; all y that show."""
        x, y = self.plan.x[mask], measure.values[mask]
        at = np.unique(x)
        if not at.size:
            return []
        groups = [y[x == one] for one in at]
        mean = np.array([group.mean() for group in groups])
        error = np.array([group.std() / np.sqrt(len(group)) for group in groups])
        self.counts += [len(group) for group in groups]
        repeated = max(len(group) for group in groups) > 1
        shown = [mean, mean + error, mean - error]
        if len(self.curves) == 1 and repeated:
            axes.plot(x, y, "o", color=colour, markersize=1.8, markeredgewidth=0, alpha=0.35,
                      zorder=2.5)
            self.dots = True
            shown.append(y)
        error[[len(group) == 1 for group in groups]] = np.nan  # one network has no spread
        in_no_order = self.plan.categories or self.plan.x_key in SEEDS
        at = self.shifted(at, place)
        bars(axes, at, mean, error, color=colour, width=0.8, zorder=3)
        axes.plot(at, mean, color=colour, marker="o", markersize=3.6, markeredgewidth=0,
                  linewidth=1.1, linestyle="none" if in_no_order else "-", zorder=3.1)
        return shown

    def finish_x(self, axes):
        axes.set_xlabel(axis_name(self.plan.x_key))
        if self.plan.categories:
            names = [textwrap.shorten(str(one), 18, placeholder="\u2026")
                     for one in self.plan.categories]
            turned = sum(map(len, names)) > 24
            axes.set_xticks(range(len(names)), names, rotation=20 if turned else 0,
                            ha="right" if turned else "center")
            axes.set_xlim(-0.5, len(names) - 0.5)
            return
        if is_log_spaced(self.plan.x[self.sweep.done]):
            axes.set_xscale("log")
            values = np.unique(self.plan.x[self.sweep.done])
            if values[-1] / values[0] < 200 and len(values) <= 7:  # the values themselves
                axes.set_xticks(values, [digits(one) for one in values])
                axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
            return
        whole = bool(np.all(self.plan.x == np.round(self.plan.x)))
        axes.xaxis.set_major_locator(
            matplotlib.ticker.MaxNLocator(5, steps=[1, 2, 5, 10], integer=whole))

    def caption(self):
        most = max(self.counts, default=0)
        words = count_networks(self.sweep) + ". "
        if most > 1:
            words += "Mean \u00b1 standard error (population SD / \u221an), n = %s networks a " \
                     "point" % between(min(self.counts), most)
            words += "; small dots: single networks" if self.dots else ""
            words += "; curves are shifted sideways a little" if self.moved else ""
            words += ". "
        elif len(self.sweep.state) > 1:
            words += "One network a point. "
        for mean_of in [m.mean_of for m in self.measures if m.kind == "R2"][:1]:
            if mean_of is None:
                words += "R\u00b2 of a network: the mean over its trials and outputs. "
            elif mean_of != (1, 1):
                words += "R\u00b2 of a network: the mean of its %s. " % " x ".join(
                    several(count, what) for count, what in zip(mean_of, ("trial", "output"))
                    if count > 1)
        if self.undefined:
            words += "R\u00b2 is undefined where a readout or target is constant: %s left out. " % (
                several(self.undefined, "network"))
        if len(self.curves) > self.MOST_CURVES:
            words += "%d curves, of which the legend names some. " % len(self.curves)
        if self.published:
            words += "Open symbols: published values, with errors where these are given. "
        return words.strip()


class MapFigure:
    """Measures over two coordinates: a column for each, a row for each value of any others."""

    LEFT, RIGHT, BETWEEN, TOP, GAP, BAR, MOST_ROWS = 0.62, 0.5, 0.98, 0.72, 0.72, 0.08, 6

    def __init__(self, sweep):
        self.sweep, self.plan = sweep, Plan(sweep)
        self.keys = self.plan.map_keys()
        self.measures = sweep.measures()
        self.rest = [key for key in self.plan.curve_keys if key not in self.keys]

    def empty(self):
        return not self.keys or not self.measures

    def draw(self):
        rows = self.plan.combinations(self.rest)
        shown = rows[:self.MOST_ROWS]
        across = len(self.measures)
        width = min((WIDTH - self.LEFT - self.RIGHT - (across - 1) * self.BETWEEN) / across, 2.4)
        x, y = (np.unique(self.sweep.values[key]) for key in self.keys)
        tall = min(max(width * len(y) / len(x), 0.8 * width), 1.3 * width)
        above = 0.2 if self.rest else 0.0  # for the values of the others
        pitch = tall + self.GAP + above
        whole = max(self.LEFT + across * width + (across - 1) * self.BETWEEN + self.RIGHT, 4.6)
        height = self.TOP + above + (len(shown) - 1) * pitch + tall + 0.9
        self.figure = plt.figure(figsize=(whole, height))
        text_at(self.figure, 0.2, 0.2, self.sweep.name, fontsize=9, fontweight="bold", va="center")
        tables = [[self.table(measure, mask, x, y) for _, mask in shown]
                  for measure in self.measures]
        names = letters()
        for row, (values, _) in enumerate(shown):
            top = self.TOP + above + row * pitch
            text_at(self.figure, 0.2, top - 0.36, self.plan.describe(self.rest, values),
                    va="center", fontsize=7.5, fontweight="bold", color=QUIET)
            for column, measure in enumerate(self.measures):
                axes = axes_at(self.figure, self.LEFT + column * (width + self.BETWEEN), top, width,
                               tall)
                every = np.stack([table for table, _ in tables[column]])
                self.draw_map(axes, measure, tables[column][row][0], every, x, y)
                head(axes, next(names), measure.title)
        counts = np.concatenate([members.ravel() for column in tables for _, members in column])
        holes, counts = int((counts == 0).sum()), counts[counts > 0]
        words = count_networks(self.sweep) + ". "
        if counts.max(initial=0) > 1:
            words += "Mean over n = %s networks a cell. " % between(counts.min(), counts.max())
        words += "Hatched: no network. " if holes else ""
        if len(rows) > len(shown):
            words += "The first %d of %d combinations of %s. " % (
                len(shown), len(rows), ", ".join(name_of(key)[0] for key in self.rest))
        caption(self.figure, lines_of(words.strip(), 150 if whole > 6 else 92))
        return self.figure

    def table(self, measure, mask, x, y):
        """Means [y][x], NaN where there is no network; how many there are."""
        mask = mask & self.sweep.done & np.isfinite(measure.values)
        column = np.searchsorted(x, self.sweep.values[self.keys[0]][mask])
        row = np.searchsorted(y, self.sweep.values[self.keys[1]][mask])
        sums, members = np.zeros((len(y), len(x))), np.zeros((len(y), len(x)), int)
        np.add.at(sums, (row, column), measure.values[mask])
        np.add.at(members, (row, column), 1)
        return np.where(members > 0, sums / np.maximum(members, 1), np.nan), members

    def draw_map(self, axes, measure, table, every, x, y):
        """every: all tables of the measure, which share their colours."""
        axes.set_facecolor("0.93")
        edges = matplotlib.patches.Rectangle((0, 0), 1, 1, transform=axes.transAxes, hatch="////",
                                             facecolor="none", edgecolor="0.75", linewidth=0,
                                             zorder=0)
        axes.add_patch(edges)
        how = {"cmap": "viridis", "vmin": 0, "vmax": 1}
        good = every[np.isfinite(every) & (every > 0)]
        if measure.kind == "exponent":
            most = np.abs(every[np.isfinite(every)]).max(initial=0) or 1
            how = {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
        elif measure.kind == "time":
            how = {"cmap": "viridis", "vmin": 0}
        elif measure.kind == "loss":
            how = {"cmap": "magma_r"}
            if good.size and good.max() > good.min():
                how["norm"] = matplotlib.colors.LogNorm(good.min(), good.max())
        image = axes.pcolormesh(np.arange(len(x) + 1), np.arange(len(y) + 1),
                                np.ma.masked_invalid(table), zorder=1, **how)
        for axis, values in ((axes.xaxis, x), (axes.yaxis, y)):
            every = -(-len(values) // 8)
            axis.set_ticks(np.arange(len(values))[::every] + 0.5,
                           [digits(one) for one in values[::every]])
            axis.set_tick_params(length=0, pad=3)
        axes.spines[:].set_visible(False)
        axes.set_xlabel(axis_name(self.keys[0]))
        label_y(axes, axis_name(self.keys[1]))
        box = axes.get_position()
        wide = self.figure.get_figwidth()
        bar = self.figure.add_axes([box.x1 + 0.07 / wide, box.y0, self.BAR / wide, box.height])
        self.figure.colorbar(image, cax=bar)
        names = {"R2": "R\u00b2", "loss": "Loss", "exponent": "\u03bb (1/s)", "time": "ms",
                 "share": "Share"}
        bar.set_title(names[measure.kind], fontsize=6.5, pad=4)
        bar.tick_params(length=1.5, labelsize=6)
        bar.tick_params(which="minor", length=1, labelsize=5.5)
        bar.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())


# ---- figure "fit" --------------------------------------------------------------------------------

class Lesson:
    """One phase of a model, fit or test: what a network has of it and of the data it saw."""

    SAMPLES = 4  # to read, at most

    def __init__(self, name, phase, row):
        self.name, self.row = name, row
        self.kind = text(phase.attrs.get("kind", ""))
        self.index = int(phase.attrs.get("index", 0))
        for self.data, self.group in in_order_of(phase):  # where data are swept: its own
            if self.has("loss") or self.has("y"):
                break

    def has(self, name):
        return name in self.group and bool(np.isfinite(self.read(name)).any())

    def read(self, name):
        """Of [network], [network, epoch] or [network, sample, step, ..]."""
        data = self.group[name]
        row = self.row if data.shape[0] > 1 else 0
        return np.asarray(data[row, :self.SAMPLES] if data.ndim > 2 else data[row], float)

    def values(self, name):
        return own_part(self.read(name))

    def scalar(self, name):
        return float(self.read(name)) if self.has(name) else np.nan

    def times(self, sample):
        """Of the steps of a sample: the time elapsed, or how many steps."""
        if self.has("elapsed"):
            return np.cumsum(self.values("elapsed")[sample])
        return np.arange(self.values("y").shape[1])

    def names_classes(self):
        """Is the target the number of the output that is to be largest?"""
        return self.has("hits") and self.has("target") and self.values("y").shape[2] > 1 and \
            self.values("target").shape[2] == 1


class Wiring:
    """Who hears whom in a layer: signs inner [source][unit] and sensory [input][unit]."""

    NAMES = ("inter", "command", "motor")

    def __init__(self, name, group, row):
        self.name = name
        self.sparsity = float(row_of(group["sparsity"], row))
        spans = [(first, count) for first, count in row_of(group["layers"], row) if count > 0]
        units = max(first + count for first, count in spans)
        self.inner = row_of(group["inner"], row)[:units, :units]
        sensory = row_of(group["sensory"], row)[:, :units]
        used = np.flatnonzero(np.isfinite(sensory).all(axis=1))  # more inputs, which others have: NaN
        self.sensory = sensory[:used[-1] + 1 if used.size else len(sensory)]
        self.layers = [np.arange(first, first + count) for first, count in spans]
        self.outputs = int(group.attrs.get("outputs", 0))


class Learner:
    """A network with a model: its phases and wirings."""

    def __init__(self, file, row):
        self.file, self.row, self.network = file, row, int(file["network"][row])
        self.lessons = [Lesson(name, phase, row) for name, phase in in_order_of(file["phases"])]
        self.fits = [one for one in self.lessons if one.kind == "fit"]

    @functools.cached_property
    def after(self):
        """The last test after training, None: there is none."""
        last = self.fits[-1].index if self.fits else -1
        return next((one for one in reversed(self.lessons)
                     if one.kind == "test" and one.index > last), None)

    @functools.cached_property
    def before(self):
        """The last test before training of the samples that `after` has."""
        first = self.fits[0].index if self.fits else -1
        return next((one for one in reversed(self.lessons)
                     if one.kind == "test" and one.index < first and self.is_like(one)), None)

    def is_like(self, test):
        other = self.after
        if not other or not (test.has("x") and other.has("x")):
            return not other or test.data == other.data
        return np.array_equal(test.values("x"), other.values("x"))

    def stages(self, name="loss"):
        """[(what it is, test)], those there are and have something."""
        when = ("before training", "after training") if self.fits else ("", "output")
        return [(words, test) for words, test in zip(when, (self.before, self.after))
                if test and test.has(name)]

    def history(self, name):
        """A number of every epoch, one fit after the other; NaN where a fit does not have it."""
        parts = []
        for fit in self.fits:
            parts.append(np.full(fit.values("loss").size, np.nan))
            if fit.has(name):
                values = fit.values(name)
                parts[-1][:len(values)] = values
        return np.concatenate(parts) if parts else np.zeros(0)

    def wirings(self):
        """Of all layers that have one; in a sweep, others may have none there."""
        return [Wiring(name, group, self.row)
                for name, group in sorted(self.file.get("wiring", {}).items())
                if (row_of(group["layers"], self.row) > 0).any()]

    def words(self, name, form):
        """What the tests came to, before and after."""
        return ", ".join((form(test.scalar(name)) + " " + when.split(" ")[0]
                          if self.fits else form(test.scalar(name)))
                         for when, test in self.stages(name))

    def summary(self):
        if self.stages("hits"):
            return "accuracy " + self.words("hits", lambda value: "%.3g %%" % (100 * value))
        found = self.words("loss", power_of_ten)
        return "loss " + found if found else ""


class View:
    """A column of outputs: a sample of a network."""

    def __init__(self, learner, sample, colour, title):
        self.learner, self.sample, self.colour, self.title = learner, sample, colour, title


class FitFigure:
    """Losses; columns of outputs, samples of one network or one network for each value of the
    first swept key; spikes; wirings. Whatever the file lacks is left out."""

    LEFT, RIGHT, BETWEEN, BOTTOM = 0.62, 0.15, 0.42, 0.16
    COURSE, SMALL, OUTPUT, SPIKES, DIAGRAM = 1.45, 1.45, 1.0, 2.3, 1.9  # inches
    GAP, AXIS = 0.3, 0.46  # between panels; below them, for the time axis
    MOST_COLUMNS, MOST_ROWS, MOST_TRACES = 4, 4, 10
    MOST_UNITS, MOST_ARROWS = 64, 400  # in a diagram; more units are an image
    DASHES = (0, (2, 1.5))
    EXCITES, INHIBITS = ORANGE, SKY
    INPUT = {"marker": "s", "color": "0.35", "markersize": 3.5, "markeredgewidth": 0}
    UNIT = {"marker": "o", "color": "0.35", "markersize": 4, "markeredgewidth": 0}
    READ = {"marker": "o", "color": "black", "markersize": 4, "markerfacecolor": "white"}

    def __init__(self, title, groups, views, aside=""):
        """groups: [(label, colour, learners)] of which losses are shown."""
        self.title, self.groups, self.views, self.aside = title, groups, views, aside
        self.alone = len(groups) == 1 and len(groups[0][2]) == 1
        self.letters = letters()
        self.learners = [learner for _, _, learners in groups for learner in learners]
        self.diagrams = self.choose_diagrams()

    @classmethod
    def of_network(cls, results):
        if "model" not in results.file:
            return cls("", [], [])
        learner = Learner(results.file, results.row)
        samples = min((len(test.values("y")) for _, test in learner.stages("y")), default=0)
        views = [View(learner, k, VERMILION, "Sample %d" % k) for k in range(samples)]
        count = int(row_of(results.file["model/parameters"], results.row))
        aside = "; ".join(filter(None, ("{:,} parameters".format(count), learner.summary())))
        return cls(results.title(), [("loss", BLUE, [learner])], views, aside)

    @classmethod
    def of_sweep(cls, sweep):
        if not sweep.is_model:
            return cls("", [], [])
        plan = Plan(sweep)
        keys = [key for key in sweep.keys if key not in SEEDS][:1]
        rows = sweep.rows()
        found = [(values, [Learner(*rows[k]) for k in np.flatnonzero(mask & sweep.done)])
                 for values, mask in plan.combinations(keys)]
        groups = [(plan.describe(keys, values), colour, members) for (values, members), colour in
                  zip(found, plan.colours(keys, len(found))) if members]
        views = [View(members[0], 0, colour, textwrap.shorten(label or "Network %d" % (
            members[0].network), 26, placeholder="\u2026"))
            for label, colour, members in some_of(groups, cls.MOST_COLUMNS)]
        aside = "%s; below: %s" % (count_networks(sweep), ", ".join(
            str(view.learner.network) for view in views))
        return cls(sweep.name, groups, views, aside)

    def empty(self):
        return not any(learner.lessons for learner in self.learners)

    def choose_diagrams(self):
        """[(title, wiring)]: all layers of one network, or the first of those whose outputs are
        shown, None where there is none."""
        if self.alone:
            found = self.learners[0].wirings()[:self.MOST_COLUMNS]
            return [("Wiring of layer %s" % one.name.replace(".", ", "), one) for one in found]
        found = [(view.title, next(iter(view.learner.wirings()), None)) for view in self.views]
        return found if any(wiring for _, wiring in found) else []

    def draw(self):
        blocks = []  # (draws it from a place on, inches)
        if any(learner.fits for learner in self.learners):
            blocks.append((self.draw_courses, self.COURSE + self.AXIS))
        rows = self.output_rows()
        if rows:
            blocks.append((lambda top: self.draw_outputs(top, rows),
                           len(rows) * (self.OUTPUT + self.GAP) - self.GAP + self.AXIS))
        spiking = self.spiking_layers() if self.alone else []
        for layer in spiking:
            blocks.append((lambda top, layer=layer: self.draw_spikes(
                top, layer, layer == spiking[0]), self.SPIKES + self.AXIS))
        if self.diagrams:
            large = any(one and len(one.inner) > self.MOST_UNITS for _, one in self.diagrams)
            blocks.append((self.draw_diagrams, self.DIAGRAM + (0.6 if large else 0.3)))
        handles = self.legend_handles(rows)
        top = 0.66 + 0.17 * legend_rows(handles, WIDTH)[1]
        height = top + sum(tall for _, tall in blocks) + self.GAP * (len(blocks) - 1) + self.BOTTOM
        self.figure = plt.figure(figsize=(WIDTH, height))
        text_at(self.figure, 0.2, 0.2, self.title, fontsize=9, fontweight="bold", va="center")
        text_at(self.figure, WIDTH - self.RIGHT, 0.2, self.aside, ha="right", va="center",
                color=QUIET)
        legend_block(self.figure, handles)
        for block, tall in blocks:
            block(top)
            top += tall + self.GAP
        return self.figure

    def columns(self, count, between):
        """[(left, width)] of so many panels side by side."""
        width = (WIDTH - self.LEFT - self.RIGHT - (count - 1) * between) / count
        return [(self.LEFT + k * (width + between), width) for k in range(count)]

    def legend_handles(self, rows):
        line = matplotlib.lines.Line2D
        handles = [] if len(self.groups) == 1 else \
            [line([], [], color=colour, linewidth=1.6, label=label)
             for label, colour, _ in some_of(self.groups, SweepFigure.MOST_CURVES)]
        if not self.alone and self.there("validation_loss"):
            handles.append(line([], [], color=QUIET, linewidth=1.5, linestyle=self.DASHES,
                                label="in validation"))
        if any(by_class for _, _, by_class in rows):
            classes = max(self.outputs_of(view) for view in self.views)
            handles += [line([], [], color=COLOURS[k], label="class %d" % k)
                        for k in range(min(classes, MOST_OUTPUTS))]
            handles.append(line([], [], color="0.6", linewidth=2.5, label="strip: target"))
        elif rows:
            handles.append(line([], [], color="black", linewidth=1.6, label="target"))
            for words, test in self.views[0].learner.stages("y"):
                if test is self.views[0].learner.before:
                    handles.append(line([], [], color=BEFORE, linewidth=0.9, label=words))
                elif len(self.groups) == 1:  # else its colour is that of its group
                    handles.append(line([], [], color=self.views[0].colour, linewidth=0.9,
                                        label=words))
        return handles

    # -- losses

    def there(self, name):
        return any(fit.has(name) for learner in self.learners for fit in learner.fits)

    def draw_courses(self, top):
        small = [(name, title, label) for name, title, label in (
            ("validation_hits", "Validation", "Accuracy"),
            ("gradient_norm", "Gradient", "Norm, mean of updates")) if self.there(name)]
        between = 0.72
        wide = WIDTH - self.LEFT - self.RIGHT - len(small) * (self.SMALL + between)
        axes = axes_at(self.figure, self.LEFT, top, wide, self.COURSE)
        shown = []
        if self.alone:
            self.draw_parts_of_loss(axes, shown)
        else:
            self.draw_groups(axes, "loss", shown)
            self.draw_groups(axes, "validation_loss", shown, medians_only=True)
        self.finish_course(axes, "Loss in training", "Loss", shown)
        for place, (name, title, label) in enumerate(small):
            axes = axes_at(self.figure, self.LEFT + wide + between + place * (self.SMALL + between),
                           top, self.SMALL, self.COURSE)
            shown = []
            self.draw_groups(axes, name, shown)
            self.finish_course(axes, title, label, shown)

    def name_of_loss(self):
        names = [text(fit.group.attrs.get("loss", "")) for fit in self.learners[0].fits]
        return ", ".join(dict.fromkeys(names)).replace("_", " ")

    def draw_parts_of_loss(self, axes, shown):
        learner = self.learners[0]
        parts = [("loss", "loss", BLUE), ("validation_loss", "validation", VERMILION)]
        if np.nan_to_num(learner.history("penalty")).max(initial=0) > 0:
            parts = [("loss", "total", BLUE), ("data_loss", "data", GREEN),
                     ("penalty", "penalty", ORANGE)] + parts[1:]
        for name, label, colour in parts:
            values = learner.history(name)
            if np.isfinite(values).any():
                self.draw_course(axes, values, shown, color=colour, label=label)
        if len(axes.lines) > 1:
            axes.legend(loc="best", handlelength=1.2)
        for fit in np.cumsum([fit.values("loss").size for fit in learner.fits])[:-1]:
            axes.axvline(fit + 0.5, color="0.6", linewidth=0.6, linestyle=(0, (2, 2)), zorder=0)

    def draw_groups(self, axes, name, shown, medians_only=False):
        """Each network thin, the median of those of one colour thick; dashed: medians only."""
        for _, colour, learners in self.groups:
            curves = [learner.history(name) for learner in learners]
            for values in curves if len(curves) > 1 and not medians_only else []:
                self.draw_course(axes, values, shown, color=colour, linewidth=0.4, alpha=0.5)
            longest = max(map(len, curves))
            every = np.stack([np.pad(values, (0, longest - len(values)), constant_values=np.nan)
                              for values in curves])
            middle = np.full(longest, np.nan)
            known = np.isfinite(every).any(axis=0)
            middle[known] = np.nanmedian(every[:, known], axis=0)
            if known.any():
                thick = 0.8 if self.alone else 1.5
                self.draw_course(axes, middle, shown, color=colour, linewidth=thick, zorder=3,
                                 linestyle=self.DASHES if medians_only else "-")

    def draw_course(self, axes, values, shown, **how):
        axes.plot(np.arange(1, len(values) + 1), values, marker="o" if len(values) <= 40 and
                  self.alone else "", markersize=1.8, markeredgewidth=0, **how)
        shown.append(values)

    def finish_course(self, axes, title, label, shown):
        if label == "Accuracy":
            axes.set_ylim(-0.04, 1.04)
        else:
            log_axis(axes, shown)
        head(axes, next(self.letters), title, "" if label != "Loss" else
             self.name_of_loss() if self.alone else "median, each network")
        label_y(axes, label)
        axes.set_xlabel("Epoch")
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(
            matplotlib.ticker.MaxNLocator(6 if label == "Loss" else 3, steps=[1, 2, 5, 10],
                                          integer=True))

    # -- outputs

    @staticmethod
    def outputs_of(view):
        return max((test.values("y").shape[2] for _, test in view.learner.stages("y")), default=0)

    def output_rows(self):
        """[(stage or None, output or None, are targets classes)]: by class, the outputs of each
        stage; else both stages of each output."""
        tests = [test for view in self.views for _, test in view.learner.stages("y")]
        if not tests:
            return []
        if all(test.names_classes() for test in tests):
            stages = [k for k in (0, 1) if any(self.test_of(view, k) for view in self.views)]
            return [(stage, None, True) for stage in stages]
        outputs = min(max(self.outputs_of(view) for view in self.views), self.MOST_ROWS)
        return [(None, output, False) for output in range(outputs)]

    @staticmethod
    def test_of(view, stage):
        test = (view.learner.before, view.learner.after)[stage]
        return test if test and test.has("y") else None

    def draw_outputs(self, top, rows):
        for row in rows:
            stage, output, by_class = row
            drawn = []
            for (left, width), view in zip(self.columns(len(self.views), self.BETWEEN), self.views):
                if not view.learner.stages("y"):
                    continue
                axes = axes_at(self.figure, left, top, width, self.OUTPUT)
                if by_class:
                    limits = self.draw_classes(axes, view, stage)
                    when = ("Before", "After")[stage] + ": " if view.learner.fits else ""
                    head(axes, next(self.letters), when + view.title,
                         "" if self.alone else self.accuracy_of(view, stage), raised=3)
                else:
                    limits = self.draw_values(axes, view, output)
                    head(axes, next(self.letters), view.title, "output %d" % output
                         if len(rows) > 1 else self.loss_of(view))
                drawn.append((axes, limits))
                self.finish_time(axes, view, row is rows[-1])
            self.share_y(drawn, "Output")
            top += self.OUTPUT + self.GAP

    def accuracy_of(self, view, stage):
        test = self.test_of(view, stage)
        return "%.3g %%" % (100 * test.scalar("hits")) if test else ""

    def loss_of(self, view):
        """Of a network of several; that of a single one, over all its samples, is in the title."""
        tests = view.learner.stages()
        return "" if self.alone or not tests else \
            "loss " + power_of_ten(tests[-1][1].scalar("loss"))

    @staticmethod
    def share_y(drawn, label):
        """The same limits in all panels of a row, of which the first says them."""
        limits = finite_limits([np.array(limit) for _, limit in drawn], 0)
        for place, (axes, _) in enumerate(drawn):
            axes.set_ylim(limits)
            round_ticks(axes.yaxis, 4)
            axes.tick_params(labelleft=place == 0)
        label_y(drawn[0][0], label)

    def finish_time(self, axes, view, last):
        test = view.learner.stages("y")[-1][1]
        times = test.times(view.sample)
        pad = 0.02 * (times[-1] - times[0])
        axes.set_xlim(times[0] - pad, times[-1] + pad)
        round_ticks(axes.xaxis, 5)
        axes.tick_params(labelbottom=last)
        if last:
            axes.set_xlabel("Time" if test.has("elapsed") else "Step")

    def draw_values(self, axes, view, output):
        """Target, and what comes out before and after training; limits of y that suit."""
        there = [(when, test) for when, test in view.learner.stages("y")
                 if output < test.values("y").shape[2]]
        drawn = []
        for when, test in there:
            values = test.values("y")[view.sample, :, output]
            is_before = test is view.learner.before
            axes.plot(test.times(view.sample), values, linewidth=0.9, label=when,
                      color=BEFORE if is_before else view.colour, zorder=2 if is_before else 3,
                      **self.dots(2 if test.has("elapsed") else 0))
            drawn.append(values)
        for when, test in there[-1:]:
            times, target = test.times(view.sample), self.target_of(test, view.sample, output)
            single = target.size == 1
            axes.plot(times[-1:] if single else times[:target.size], target, color="black",
                      linewidth=1.6, zorder=1, label="target",
                      **self.dots(4 if single else 3 if test.has("elapsed") else 0))
            drawn = drawn[-1:] + [target]
        return finite_limits(drawn, 0.12)

    @staticmethod
    def target_of(test, sample, output):
        """Of each step, or, one number, of the last; what is not asked at the end is cut off."""
        target = test.values("target") if test.has("target") else np.zeros((0, 0, 0))
        there = sample < target.shape[0] and output < target.shape[2]
        return target[sample, :, output] if there else np.zeros(0)

    @staticmethod
    def dots(size):
        """Marks of single moments."""
        return {"marker": "o" if size else "", "markersize": size, "markeredgewidth": 0}

    def draw_classes(self, axes, view, stage):
        """All outputs; a strip above in the colour of the class that is asked for."""
        test = self.test_of(view, stage)
        if not test:
            return -1.0, 1.0
        times, values = test.times(view.sample), test.values("y")[view.sample]
        for output in range(min(values.shape[1], MOST_OUTPUTS)):
            axes.plot(times, values[:, output], color=COLOURS[output], label="output %d" % output)
        target = self.target_of(test, view.sample, 0)
        edges = times[[0, -1]]
        if target.size > 1:
            edges = np.concatenate([times[:1], (times[1:] + times[:-1]) / 2, times[-1:]])
        at = 0
        for one, run in itertools.groupby(target):
            start, at = at, at + len(list(run))
            if np.isfinite(one) and one < MOST_OUTPUTS:
                axes.plot(edges[[start, at]], [1.04, 1.04], color=COLOURS[int(one)],
                          linewidth=2.5, transform=axes.get_xaxis_transform(), clip_on=False,
                          solid_capstyle="butt", label="class %d" % one)
        return finite_limits([values], 0.08)

    # -- spikes

    def spiking_layers(self):
        """[(number, name)] of layers of neurons that spike, whose states were recorded."""
        found = {tuple(name.split(".")[:2]) for _, test in self.learners[0].stages("y")
                 for name in test.group.get("states", {}) if test.has("states/" + name)}
        return sorted((int(number), name) for number, name in found if name in ("lif", "alif"))

    def draw_spikes(self, top, layer, first):
        """What goes in, where it is spikes, and what the layer makes of it at each stage."""
        voltages, outputs = "states/%d.%s.v" % layer, "outputs/%d.%s" % layer
        stages = self.learners[0].stages(voltages)
        inputs = stages[0][1].values("x")[0]
        places = self.columns(3, 0.55)
        if first and np.isin(inputs, (0, 1)).all():
            left, width = places.pop(0)
            axes = axes_at(self.figure, left, top, width, self.SPIKES)
            self.draw_raster(axes, stages[0][1], inputs, "Input")
            head(axes, next(self.letters), "Input of sample 0", several(inputs.shape[1], "channel"))
        for (left, width), (when, test) in zip(places, stages):
            axes = axes_at(self.figure, left, top, width, self.SPIKES)
            spikes = test.values(outputs if test.has(outputs) else "y")[0]  # of the last layer: y
            if spikes.shape[1] <= self.MOST_TRACES:
                self.draw_voltages(axes, test, test.values(voltages)[0], spikes)
            else:
                self.draw_raster(axes, test, spikes, "Unit")
            head(axes, next(self.letters), "Layer %d, %s" % layer, when)

    @staticmethod
    def draw_raster(axes, test, spikes, label):
        times = test.times(0)
        step, unit = np.nonzero(spikes > 0.5)
        axes.plot(times[step], unit, "|", color="black", markersize=max(
            1.8, min(5, 90 / spikes.shape[1])), markeredgewidth=0.6)
        axes.set(xlim=(times[0], times[-1]), ylim=(spikes.shape[1] - 0.5, -0.5), xlabel="Step")
        axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5, integer=True))
        round_ticks(axes.xaxis, 5)
        label_y(axes, label)

    @staticmethod
    def draw_voltages(axes, test, voltages, spikes):
        """Units one below the other; a spike is a tick above its trace."""
        times = test.times(0)
        low, high = finite_limits([voltages], 0)
        extent = 1.3 * (high - low)
        for unit in range(voltages.shape[1]):
            base = -extent * unit
            axes.plot(times, base + voltages[:, unit], color=BLUE, linewidth=0.6)
            at = times[spikes[:, unit] > 0.5]
            axes.vlines(at, base + high, base + high + 0.25 * (high - low), color=VERMILION,
                        linewidth=0.8)
        axes.set(xlim=(times[0], times[-1]), xlabel="Step",
                 ylim=(-extent * (voltages.shape[1] - 1) + low - 0.2, high + 0.35 * (high - low)))
        axes.set_yticks(-extent * np.arange(voltages.shape[1]), range(voltages.shape[1]))
        round_ticks(axes.xaxis, 5)
        label_y(axes, "Membrane voltage of unit")

    # -- wirings

    def draw_diagrams(self, top):
        line = matplotlib.lines.Line2D
        columns = self.columns(max(len(self.diagrams), 2) if self.alone else len(self.diagrams),
                               self.BETWEEN)
        for (left, width), (title, wiring) in zip(columns, self.diagrams):
            if not wiring:
                continue
            axes = axes_at(self.figure, left, top, width, self.DIAGRAM)
            if len(wiring.inner) > self.MOST_UNITS:
                self.draw_matrix(axes, wiring)
            else:
                self.draw_diagram(axes, wiring, width, self.DIAGRAM)
            head(axes, next(self.letters), title, "sparsity %.2f" % wiring.sparsity)
        self.figure.legend(
            handles=[line([], [], color=self.EXCITES, label="excites"),
                     line([], [], color=self.INHIBITS, label="inhibits"),
                     line([], [], linewidth=0, label="input", **self.INPUT),
                     line([], [], linewidth=0, label="unit", **self.UNIT),
                     line([], [], linewidth=0, label="output", **self.READ)],
            loc="lower left", ncol=5, borderpad=0, borderaxespad=0, handlelength=1.2,
            bbox_to_anchor=(self.LEFT / WIDTH, 0.1 / self.figure.get_figheight()))

    @staticmethod
    def places(wiring, width, height):
        """Where inputs and units are drawn, in inches, [.][x, y], and {x: name of a column}."""
        edge = 0.2
        def column(x, count):
            return np.column_stack([np.full(count, x), edge + (height - 2 * edge) * (
                np.arange(count)[::-1] + 0.5) / max(count, 1)])
        if len(wiring.layers) == 1:
            turn = 2 * np.pi * np.arange(len(wiring.inner)) / len(wiring.inner)
            radius = min(height / 2 - edge, (width - 2 * edge) / 2.7)
            return column(edge / 2, len(wiring.sensory)), np.column_stack([
                width - edge - radius + radius * np.cos(turn),
                height / 2 + radius * np.sin(turn)]), {}
        across = np.linspace(edge, width - edge, len(wiring.layers) + 1)
        at = np.zeros((len(wiring.inner), 2))
        for x, layer in zip(across[1:], wiring.layers):
            at[layer] = column(x, len(layer))
        names = wiring.NAMES if len(wiring.layers) == 3 else \
            ["layer %d" % k for k in range(len(wiring.layers))]
        return column(across[0], len(wiring.sensory)), at, \
            dict(zip(across, ("inputs",) + tuple(names)))

    def draw_diagram(self, axes, wiring, width, height):
        """Inputs, layers from left to right, or a circle; an arrow for each synapse."""
        inputs, units, names = self.places(wiring, width, height)
        edges = [(inputs[i], units[j], wiring.sensory[i, j])
                 for i, j in np.argwhere(wiring.sensory)]
        edges += [(units[i], units[j], wiring.inner[i, j])
                  for i, j in np.argwhere(wiring.inner) if i != j]
        few, many = len(edges) <= 40, len(edges) > self.MOST_ARROWS
        for start, end, sign in edges:
            bend = 0.45 if names and start[0] == end[0] else 0.12
            axes.add_patch(matplotlib.patches.FancyArrowPatch(
                start, end, connectionstyle="arc3,rad=%g" % bend, shrinkA=2.5, shrinkB=3,
                arrowstyle="-" if many else "-|>", mutation_scale=5 if few else 3.5,
                color=self.colour_of(sign), linewidth=0.8 if few else 0.4,
                alpha=1 if few else 0.3 if many else 0.7))
        for unit in np.flatnonzero(np.diag(wiring.inner)):
            away = np.array([0.0, 1.0]) if names else units[unit] - units.mean(axis=0)
            size = min(0.08, 1.2 / len(units))
            axes.add_patch(matplotlib.patches.Circle(
                units[unit] + size * away / max(np.hypot(*away), 1e-9), size, fill=False,
                edgecolor=self.colour_of(wiring.inner[unit, unit]), linewidth=0.8))
        for at, marker in ((inputs, self.INPUT), (units, self.UNIT),
                           (units[:wiring.outputs], self.READ)):
            axes.plot(*at.T, linestyle="none", zorder=4, **marker)
        for x, name in names.items():
            axes.annotate(name, (x, 0), ha="center", va="bottom", fontsize=6.5, color=QUIET)
        axes.set(xlim=(0, width), ylim=(0, height))
        axes.axis("off")

    def colour_of(self, sign):
        return self.EXCITES if sign > 0 else self.INHIBITS

    def draw_matrix(self, axes, wiring):
        """Of many units: an image of the signs."""
        colours = matplotlib.colors.ListedColormap([self.INHIBITS, "white", self.EXCITES])
        axes.imshow(wiring.inner, cmap=colours, vmin=-1, vmax=1, interpolation="nearest",
                    aspect="equal")
        axes.set_xlabel("Unit")
        label_y(axes, "Source")


# ---- command line --------------------------------------------------------------------------------

def warn(words):
    print("tame plot: warning: %s" % words, file=sys.stderr)


def stem_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def draw_sweep(paths, folder, formats):
    prepare_folder(folder)
    if not draw_pairs(paths, folder, formats):
        sweep = Sweep(paths)
        figure = SweepFigure(sweep)
        save(figure.draw(), folder, stem_of(paths[0]) + "-sweep", formats)
        heat = MapFigure(sweep)
        if not heat.empty():
            save(heat.draw(), folder, stem_of(paths[0]) + "-map", formats)
        fit = FitFigure.of_sweep(sweep)
        if not fit.empty():
            save(fit.draw(), folder, stem_of(paths[0]) + "-fit", formats)
        draw_predictions(paths, folder, formats)


def draw_predictions(paths, folder, formats):
    """Of a sweep of a few networks, which forecast something."""
    with open_results(paths[0]) as file:
        states, networks = file["state"][:], file["network"][:]
    if len(paths) > 1 or len(networks) > PairFigure.MOST:
        return
    for network in networks[states == DONE]:
        results = Results(paths[0], int(network))
        for task in results.tasks:
            drawing = PredictionFigure(results, task)
            if not drawing.empty():
                one = "" if len(results.tasks) == 1 else "-" + task.name
                save(drawing.draw(), folder, "%s-network%d-prediction%s" % (
                    stem_of(paths[0]), network, one), formats)


def draw_pairs(paths, folder, formats):
    """Of a sweep whose networks follow no target, but were tried twice: is there anything?"""
    with open_results(paths[0]) as file:
        states, networks = file["state"][:], file["network"][:]
        measured = any("loss" in task for phase in file["phases"].values()
                       for task in phase.values())
    done = [int(one) for one in networks[states == DONE]]
    if measured or not done:
        return False
    drawing = PairFigure([Results(paths[0], one) for one in done[:PairFigure.MOST]])
    if drawing.empty():
        return False
    save(drawing.draw(), folder, stem_of(paths[0]) + "-pair", formats)
    return True


def draw_network(path, folder, formats, network):
    results = Results(path, network)
    prepare_folder(folder)
    stem = stem_of(path)
    if results.count > 1:
        stem += "-network%d" % results.network
    written = 0
    for task in results.tasks:
        drawing = TrainingFigure(results, task)
        if not drawing.empty():
            one = "" if len(results.tasks) == 1 else "-" + task.name
            save(drawing.draw(), folder, "%s-training%s" % (stem, one), formats)
            written += 1
        drawing = PredictionFigure(results, task)
        if not drawing.empty():
            one = "" if len(results.tasks) == 1 else "-" + task.name
            save(drawing.draw(), folder, "%s-prediction%s" % (stem, one), formats)
            written += 1
    for drawing, name in ((PlaneFigure(results), "plane"), (PairFigure([results]), "pair"),
                          (ChaosFigure(results), "chaos"),
                          (FitFigure.of_network(results), "fit")):
        if not drawing.empty():
            save(drawing.draw(), folder, "%s-%s" % (stem, name), formats)
            written += 1
    if not written:
        raise Problem("holds nothing to draw: no rates, readouts, losses or analyses")


def holds_several(path):
    with open_results(path) as file:
        return file["state"].shape[0] > 1


def file_with(paths, network):
    """The file that holds a network."""
    for path in paths:
        with open_results(path) as file:
            if network in file["network"][:]:
                return path
    if len(paths) > 1:
        raise Problem("none of the %d files has network %d" % (len(paths), network))
    return paths[0]  # which then says what it has


def formats_of(words):
    formats = [word.strip().lower() for word in words.split(",") if word.strip()]
    unknown = [one for one in formats if one not in FORMATS]
    if unknown or not formats:
        raise Problem("--format: '%s' is not one of %s" % (",".join(unknown), ", ".join(FORMATS)))
    return formats


def prepare_folder(folder):
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise Problem("cannot make folder %s: %s" % (folder, error.strerror)) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Problem("cannot write into folder %s" % folder)


def main():
    parser = argparse.ArgumentParser(prog="tame plot", description=__doc__.split("\n")[0])
    parser.add_argument("files", metavar="FILE", nargs="+",
                        help="results of tame run; several: shards of one sweep, drawn together")
    parser.add_argument("-o", "--output", metavar="DIR", help="folder; default: that of FILE")
    parser.add_argument("--format", default="png,pdf", help="of %s; default: png,pdf" %
                        ", ".join(FORMATS))
    parser.add_argument("--network", type=int, metavar="K",
                        help="draw one network of a sweep, by its index, as tame info lists it")
    args = parser.parse_args()
    try:
        formats = formats_of(args.format)
        import_packages()
    except Problem as problem:
        return complain(problem)
    path = args.files[0]
    try:
        folder = args.output or os.path.dirname(args.files[0]) or "."
        if args.network is not None:
            path = file_with(args.files, args.network)
            draw_network(path, folder, formats, args.network)
        elif len(args.files) > 1 or holds_several(path):
            draw_sweep(args.files, folder, formats)
        else:
            draw_network(path, folder, formats, None)
    except Problem as problem:
        return complain("%s: %s" % (problem.path or path, problem))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # who reads the names has left; the file is not to blame
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:  # a damaged file can fail anywhere: one line, no traceback
        if os.environ.get("TAME_DEBUG"):
            raise
        words = " ".join(str(error).split())
        return complain("%s: damaged, or not of this format: %s: %s" % (
            path, type(error).__name__, words))
    return 0


def complain(problem):
    print("tame plot: %s" % problem, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
