"""The figure `pair`: two trials of the same network, and how they part."""
import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from figures.common import COLOURS, ORANGE, QUIET, WIDTH
from figures.pieces import (
    axes_at, finite_limits, head, label_y, legend_line, letters, log_axis, mark_times,
    round_ticks, text_at)
from figures.reading import text


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
