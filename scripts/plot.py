#!/usr/bin/env python3
"""Draw the figures of a results file; `tame plot` runs this.

    python3 scripts/plot.py FILE [-o DIR] [--format png,pdf] [--network N]

For every task, the figure `training`: rates of the recorded neurons as an image, three of them as
traces, the readout, the readout under perturbation, each before and after training; and how
training went. For tasks with two outputs, the figure `plane`: what the readout draws in the plane
inside the window. What the file does not hold is left out. The panels follow figures 1 and 2 of
Laje & Buonomano (2013), Nat. Neurosci. 16:925-933, doi:10.1038/nn.3405.

Prints the path of each file written. Exit codes: 0, or 2 with one line that says what is wrong.
"""
import argparse
import atexit
import itertools
import os
import shutil
import string
import sys
import tempfile

FORMATS = ("png", "pdf", "svg")
WIDTH = 7.2  # inches: two columns of a journal page
MOST_TRIALS, MOST_OUTPUTS = 20, 6  # to draw in one panel
MOST_PIXELS = 1500  # rows and columns of an image

# Okabe and Ito's palette, told apart by all kinds of colour vision
BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY = "#CC79A7", "#56B4E9"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
INNATE, WINDOW, QUIET = "0.72", "0.94", "0.4"

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


DONE, FAILED = 2, 3  # of /state


class Problem(Exception):
    """Nothing can be drawn; the message says why, in one line."""


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


def row(dataset, network):
    """What a network has of a dataset, of which one row may serve all networks."""
    return dataset[network if dataset.shape[0] > 1 else 0]


class Series:
    """Samples over time: values [...][time], time_ms [time]."""

    def __init__(self, dataset, values, stride=1):
        step = float(dataset.attrs.get("step_ms", 1)) * stride
        there = np.isfinite(values).reshape(-1, values.shape[-1]).any(axis=0)
        if there.any():  # where networks differ in length, the shorter are padded with NaN
            values = values[..., :np.flatnonzero(there)[-1] + 1]
        self.values = values
        self.time_ms = float(dataset.attrs.get("start_ms", 0)) + step * np.arange(values.shape[-1])

    def inside(self, window):
        """Values inside the window [start, end) in ms."""
        if window is None:
            return self.values
        return self.values[..., (self.time_ms >= window[0]) & (self.time_ms < window[1])]


class Task:
    """One task: its group in the file, its window, and when it has input and perturbation."""

    def __init__(self, name, group, network):
        self.name, self.group, self.network = name, group, network
        self.window = tuple(row(group["window_ms"], network)) if "window_ms" in group else None
        self.duration_ms = (float(row(group["duration_ms"], network)) if "duration_ms" in group
                            else self.length_of_input())
        self.pulses = self.spans("input")
        self.kicks = self.spans("perturbation")

    def length_of_input(self):
        if "input" not in self.group:
            raise Problem("task '%s' has neither duration nor input" % self.name)
        data = self.group["input"]
        return data.shape[-1] * float(data.attrs.get("step_ms", 1))

    def spans(self, name):
        """[(start, end)] in ms where a stimulus is on; none if it is on most of the time."""
        if name not in self.group:
            return []
        data = self.group[name]
        series = Series(data, row(data, self.network))
        on = (series.values != 0).any(axis=0)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(int), [0]])))
        if on.mean() > 0.5 or len(edges) > 40:
            return []
        step = float(data.attrs.get("step_ms", 1))
        starts = series.time_ms[0] + edges * step
        return list(zip(starts[::2], starts[1::2]))

    def target(self):
        if "target" not in self.group:
            return None
        return Series(self.group["target"], row(self.group["target"], self.network))


class Phase:
    """One phase: its group in the file."""

    def __init__(self, name, group, network):
        self.name, self.group, self.network = name, group, network
        self.kind = text(group.attrs.get("kind", ""))
        self.index = int(group.attrs.get("index", 0))
        self.weights = text(group.attrs.get("weights", ""))
        self.target = text(group.attrs.get("target", ""))

    def has(self, task, name):
        return task.name in self.group and name in self.group[task.name] and \
            self.group[task.name][name].size > 0

    def data(self, task, name):
        return self.group[task.name][name]

    def scalars(self, task, name):
        return self.data(task, name)[self.network].astype(float)

    def readouts(self, task):
        """Series of values [trial][output][time]."""
        data = self.data(task, "readout")
        return Series(data, data[self.network, :MOST_TRIALS, :MOST_OUTPUTS].astype(float))

    def rates(self, task, trial):
        """Series of values [neuron][time], thinned in time if there is much of it."""
        data = self.data(task, "rates")
        stride = max(1, data.shape[-1] // (2 * MOST_PIXELS))
        return Series(data, data[self.network, trial, :, ::stride].astype(float), stride)

    def trials(self, task, name):
        return self.data(task, name).shape[1] if self.has(task, name) else 0


class Results:
    """A results file, open for reading."""

    def __init__(self, path, network):
        self.file = open_results(path)
        file = self.file
        if "tasks" not in file or "phases" not in file:
            raise Problem("holds no tasks and phases")
        count = file["state"].shape[0]
        if not 0 <= network < count:
            raise Problem("there is no network %d: it has %d, counted from 0" % (network, count))
        self.network, self.count = network, count
        self.path = path
        self.tasks = [Task(name, file["tasks"][name], network) for name in in_order(file["tasks"])]
        self.phases = [Phase(name, file["phases"][name], network)
                       for name in in_order(file["phases"])]
        self.neurons = None
        if "recorded_neurons" in file:
            self.neurons = row(file["recorded_neurons"], network)
        self.training = [phase for phase in self.phases if phase.kind == "train"]

    def title(self):
        """The experiment's name, and the file's where that says more."""
        name = text(self.file.attrs.get("name", "")) or "results"
        stem = os.path.splitext(os.path.basename(self.path))[0]
        return name if stem == name else "%s (%s)" % (name, stem)

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
        raise Problem(error.strerror) from None
    if head != b"\x89HDF\r\n\x1a\n":
        raise Problem("not a results file (not HDF5)")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        truncated = "truncated" in str(error)
        raise Problem("the file is %s" % ("truncated" if truncated else "damaged")) from None
    if text(file.attrs.get("format", "")) != "tame-results":
        raise Problem("not a results file (HDF5, but not written by tame)")
    version = int(file.attrs.get("format_version", 1))
    if version != 2:
        raise Problem("format version %d, this program reads version 2" % version)
    if "state" not in file or not np.isin(file["state"][:], (DONE, FAILED)).all():
        raise Problem("incomplete: the run that wrote it has not finished")
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
    axes.set_ylim(10 ** (middle - half), 10 ** (middle + half))
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
        shown = [phase.data(self.task, "readout").shape[2] for phase in self.with_readout()]
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
        if self.results.count > 1:
            title += ", network %d" % self.results.network
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
                and phase.data(task, "readout").shape[2] == 2}

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
        if self.results.count > 1:
            name += ", network %d" % self.results.network
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


# ---- sweeps -------------------------------------------------------------------------------------

class Sweep:
    """The networks of one or several files (shards) of a sweep, in the order of their indices."""

    def __init__(self, paths):
        self.files = [open_results(path) for path in paths]
        first = self.files[0]
        if "sweep" not in first:
            raise Problem("holds no sweep: one file at a time")
        self.keys = text(first["sweep"].attrs["keys"]).split(",")
        for path, file in zip(paths, self.files):
            if "sweep" not in file or text(file["sweep"].attrs["keys"]).split(",") != self.keys:
                raise Problem("%s is of another sweep" % path)
        self.network = self.gather("network")
        if len(np.unique(self.network)) < len(self.network):
            raise Problem("some networks are in two of the files")
        self.state = self.gather("state")
        self.name = text(first.attrs["name"])
        self.numeric = [key for key in self.keys if first["sweep/" + key].dtype.kind == "f"]
        self.phases = sorted(first["phases"], key=lambda p: int(first["phases"][p].attrs["index"]))

    def gather(self, path):
        return np.concatenate([file[path][:] for file in self.files])

    def values(self, key):
        values = self.gather("sweep/" + key)
        return values if key in self.numeric else np.array([text(v) for v in values])

    def varying(self):
        """Keys with more than one value; network.seed only repeats."""
        return [key for key in self.keys
                if key != "network.seed" and len(np.unique(self.values(key))) > 1]

    def measures(self):
        """[(title, y label, values [network])]: how well tests follow, how small losses got."""
        found = []
        for phase in reversed(self.phases):
            for task in self.files[0]["phases"][phase]:
                path = "phases/%s/%s/correlation" % (phase, task)
                if path in self.files[0]:
                    r = self.gather(path)
                    with np.errstate(invalid="ignore"):
                        found.append(("%s, %s" % (phase, task), "R\u00b2 of readout and target",
                                      masked_mean(r ** 2)))
            if found:
                break
        for phase in self.phases:
            if text(self.files[0]["phases"][phase].attrs["kind"]) != "train":
                continue
            for task in self.files[0]["phases"][phase]:
                losses = self.gather("phases/%s/%s/loss" % (phase, task))
                found.append(("%s, %s" % (phase, task), "Loss of the last trial",
                              last_of_rows(losses)))
        return found

    def reference(self):
        """(coordinate, {name: (x, y, sd or None)}) of published values, or None."""
        words = self.files[0]["sweep"].attrs.get("reference")
        if words is None:
            return None
        lines = [line.split(",") for line in text(words).splitlines()
                 if line.strip() and not line.startswith("#")]
        heads = [head.strip() for head in lines[0]]
        table = np.array([[float(cell) if cell.strip() else np.nan for cell in line]
                          for line in lines[1:]])
        curves = {name: (table[:, 0], table[:, k],
                         table[:, heads.index(name + " error")] if name + " error" in heads else None)
                  for k, name in enumerate(heads) if k > 0 and not name.endswith(" error")}
        return heads[0], curves


def masked_mean(values):
    """Mean of each row over what is finite, NaN where nothing is."""
    rows = values.reshape(len(values), -1)
    count = np.isfinite(rows).sum(axis=1)
    return np.where(count > 0, np.nansum(rows, axis=1) / np.maximum(count, 1), np.nan)


def last_of_rows(values):
    """The last finite value of each row."""
    return np.array([one[np.isfinite(one)][-1] if np.isfinite(one).any() else np.nan
                     for one in values])


def is_log_spaced(values):
    """Do positive values look spaced by factors rather than by steps?"""
    values = np.sort(np.unique(values))
    if len(values) < 3 or values[0] <= 0 or values[-1] / values[0] < 20:
        return False
    steps, factors = np.diff(values), np.diff(np.log(values))
    return factors.std() / factors.mean() < steps.std() / steps.mean()


def short(key):
    """A swept key as an axis label: its last part, its unit apart."""
    word = key.split(".")[-1]
    for unit in ("_ms", "_hz", "_s"):
        if word.endswith(unit):
            return "%s (%s)" % (word[:-len(unit)].replace("_", " ").capitalize(), unit[1:])
    return word.replace("_", " ").capitalize()


class SweepFigure:
    """Measures against the first swept coordinate: mean and standard error over the others."""

    WIDTH, HEIGHT, LEFT, TOP, GAP = 2.9, 2.2, 0.62, 0.62, 0.75
    PUBLISHED = [("#888888", "s", "--"), ("#b0b0b0", "^", ":")]

    def __init__(self, sweep):
        self.sweep = sweep
        varying = sweep.varying()
        numbers = [key for key in varying if key in sweep.numeric]
        self.x_key = numbers[0] if numbers else "network.seed"
        if self.x_key not in sweep.keys:
            raise Problem("no swept key has numbers to draw against")
        together = self.same_axis(self.x_key)
        self.others = [key for key in varying if key != self.x_key and key not in together]
        self.measures = sweep.measures()
        if not self.measures:
            raise Problem("holds no correlation and no loss to draw")

    def same_axis(self, key):
        """Keys that only go along with this one."""
        x = self.sweep.values(key)
        along = []
        for other in self.sweep.varying():
            y = self.sweep.values(other)
            if all(len(np.unique(y[x == value])) == 1 for value in np.unique(x)):
                along.append(other)
        return along

    def draw(self):
        count = len(self.measures)
        width = self.LEFT + count * self.WIDTH + (count - 1) * self.GAP + 0.2
        self.figure = plt.figure(figsize=(width, self.TOP + self.HEIGHT + 0.55))
        names = letters()
        for k, measure in enumerate(self.measures):
            axes = axes_at(self.figure, self.LEFT + k * (self.WIDTH + self.GAP), self.TOP,
                           self.WIDTH, self.HEIGHT)
            self.draw_measure(axes, next(names), *measure, with_reference=k == 0)
        failed = int((self.sweep.state == FAILED).sum())
        words = "%s: %d networks" % (self.sweep.name, len(self.sweep.state))
        if failed:
            words += ", %d failed and are left out" % failed
        text_at(self.figure, 0.1, 0.2, words, fontsize=9, fontweight="bold", va="center")
        return self.figure

    def curves(self):
        """[(label, mask of networks)]: one for each combination of the other keys."""
        done = self.sweep.state == DONE
        if not self.others:
            return [("", done)]
        columns = [self.sweep.values(key) for key in self.others]
        combinations = sorted(set(zip(*[list(c) for c in columns])), key=str)
        label = ", ".join
        return [(label("%s %s" % (key.split(".")[-1], "%g" % v if key in self.sweep.numeric else v)
                       for key, v in zip(self.others, values)),
                 done & np.all([c == v for c, v in zip(columns, values)], axis=0))
                for values in combinations]

    def draw_measure(self, axes, letter, title, label, values, with_reference):
        x = self.sweep.values(self.x_key)
        curves = self.curves()
        colours = [BLUE] if len(curves) == 1 else plt.get_cmap("viridis")(
            np.linspace(0, 0.85, len(curves)))
        published = self.sweep.reference() if with_reference else None
        if published:
            for (name, (px, py, sd)), (colour, marker, line) in zip(published[1].items(),
                                                                    self.PUBLISHED):
                axes.errorbar(px, py, yerr=sd, color=colour, marker=marker, linestyle=line,
                              markersize=3.5, linewidth=0.8, capsize=1.5, elinewidth=0.6,
                              label=name, zorder=1)
        for (name, mask), colour in zip(curves, colours):
            mask = mask & np.isfinite(values)
            at = np.unique(x[mask])
            groups = [values[mask & (x == one)] for one in at]
            mean = np.array([g.mean() for g in groups])
            error = np.array([g.std() / np.sqrt(len(g)) for g in groups])
            most = max((len(g) for g in groups), default=0)
            if published and not name:
                name = "here, mean of %d" % most
            axes.errorbar(at, mean, yerr=error if most > 1 else None, color=colour, marker="o",
                          markersize=3.5, linewidth=1.1, capsize=1.5, elinewidth=0.8,
                          label=name or None, zorder=3)
        if is_log_spaced(x):
            axes.set_xscale("log")
        if label.startswith("R"):
            axes.set_ylim(-0.03, 1.05)
        else:
            log_axis(axes, values[np.isfinite(values)])
        head(axes, letter, title)
        axes.set_xlabel(short(self.x_key))
        label_y(axes, label)
        if published or len(curves) > 1:
            axes.legend(frameon=False, fontsize=6 if len(curves) > 4 else 7, loc="best")


# ---- command line --------------------------------------------------------------------------------

def draw_sweep(paths, folder, formats):
    sweep = Sweep(paths)
    prepare_folder(folder)
    stem = os.path.splitext(os.path.basename(paths[0]))[0]
    save(SweepFigure(sweep).draw(), folder, stem + "-sweep", formats)


def draw_all(path, folder, formats, network):
    results = Results(path, network)
    prepare_folder(folder)
    stem = os.path.splitext(os.path.basename(path))[0]
    if results.count > 1:
        stem += "-network%d" % network
    written = 0
    for task in results.tasks:
        drawing = TrainingFigure(results, task)
        if not drawing.empty():
            one = "" if len(results.tasks) == 1 else "-" + task.name
            save(drawing.draw(), folder, "%s-training%s" % (stem, one), formats)
            written += 1
    drawing = PlaneFigure(results)
    if not drawing.empty():
        save(drawing.draw(), folder, stem + "-plane", formats)
        written += 1
    if not written:
        raise Problem("holds nothing to draw: no rates, readouts or losses")


def is_sweep(path):
    with open_results(path) as file:
        return file["state"].shape[0] > 1


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
    parser.add_argument("--network", type=int, metavar="N",
                        help="draw one network of a sweep: its row in the file, from 0")
    args = parser.parse_args()
    try:
        formats = formats_of(args.format)
        import_packages()
    except Problem as problem:
        return complain(problem)
    try:
        folder = args.output or os.path.dirname(args.files[0]) or "."
        if args.network is None and (len(args.files) > 1 or is_sweep(args.files[0])):
            draw_sweep(args.files, folder, formats)
        elif len(args.files) > 1:
            raise Problem("--network wants one file")
        else:
            draw_all(args.files[0], folder, formats, args.network or 0)
    except Problem as problem:
        return complain("%s: %s" % (args.files[0], problem))
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # a damaged file can fail anywhere: one line, no traceback
        if os.environ.get("TAME_DEBUG"):
            raise
        words = " ".join(str(error).split())
        return complain("%s: damaged, or not of this format: %s: %s" % (
            args.files[0], type(error).__name__, words))
    return 0


def complain(problem):
    print("tame plot: %s" % problem, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
