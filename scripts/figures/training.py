"""The figure `training`: a network before and after training, and how that went."""
import itertools

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from figures.common import (
    BLUE, COLOURS, INNATE, MOST_OUTPUTS, MOST_PIXELS, ORANGE, PURPLE, QUIET, VERMILION, WIDTH)
from figures.pieces import (
    axes_at, error_of, finite_limits, head, label_y, legend_line, letters, log_axis,
    mark_times, number, round_ticks, several, strip, text_at)


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
        text_at(self.figure, 0.2, 0.2, self.results.title_of(self.task), fontsize=9,
                fontweight="bold", va="center")
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
