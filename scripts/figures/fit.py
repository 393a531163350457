"""The figure `fit`: models that learn by gradients."""
import functools
import itertools
import textwrap

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from figures.common import (
    BEFORE, BLUE, COLOURS, GREEN, MOST_OUTPUTS, ORANGE, QUIET, SEEDS, SKY, VERMILION, WIDTH)
from figures.pieces import (
    axes_at, finite_limits, head, label_y, legend_block, legend_rows, letters, log_axis,
    power_of_ten, round_ticks, several, some_of, text_at)
from figures.reading import in_order_of, own_part, row_of, text
from figures.sweep import SweepFigure, count_networks
from figures.sweeps import Plan


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
            single = np.isfinite(target).sum() == 1
            axes.plot(times[-target.size:] if single else times[:target.size], target, color="black",
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
