"""The figure `prediction`: a readout and the fast target that it follows."""
import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from figures.common import BLUE, MOST_PIXELS, QUIET, VERMILION, WIDTH
from figures.pieces import (
    axes_at, error_of, finite_limits, head, label_y, legend_line, letters, log_axis,
    round_ticks, text_at)
from figures.reading import Series


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
        text_at(self.figure, 0.2, 0.2, self.results.title_of(self.task), fontsize=9,
                fontweight="bold", va="center")
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
