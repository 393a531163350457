"""The figure `search`: optimizers that choose their steps by themselves, and what they cost."""
import matplotlib.pyplot as plt
import numpy as np

from figures.common import BLUE, QUIET, WIDTH
from figures.fit import FitFigure
from figures.pieces import (
    axes_at, head, label_y, legend_block, legend_rows, letters, log_axis, round_ticks, some_of,
    text_at)
from figures.sweep import SweepFigure


class SearchFigure:
    """Loss against passes over the data, of all networks; damping, iterations, reduction and step
    of each update, of those that search."""

    LEFT, RIGHT, BETWEEN, GAP, AXIS, BOTTOM = 0.62, 0.15, 0.72, 0.3, 0.46, 0.16
    COURSE, SMALL = 2.1, 1.05  # inches
    PANELS = (("damping", "Damping", "\u03bb"), ("iterations", "Search", "Iterations"),
              ("reduction", "Reduction ratio", "\u03c1"), ("step", "Line search", "Step length"))

    def __init__(self, title, groups, aside=""):
        """groups: [(label, colour, learners)]."""
        self.title, self.groups, self.aside = title, groups, aside
        self.letters = letters()
        self.panels = [panel for panel in self.PANELS if any(
            fit.has(panel[0]) for _, _, learners in groups for one in learners for fit in one.fits)]

    @classmethod
    def of_network(cls, results):
        fit = FitFigure.of_network(results)
        return cls(fit.title, [("loss", BLUE, fit.learners)] if fit.learners else [], fit.aside)

    @classmethod
    def of_sweep(cls, sweep):
        fit = FitFigure.of_sweep(sweep)
        return cls(fit.title, fit.groups, fit.aside.split(";")[0])

    def empty(self):
        return not self.panels

    def draw(self):
        handles = [] if len(self.groups) == 1 else \
            [plt.Line2D([], [], color=colour, linewidth=1.6, label=label)
             for label, colour, _ in some_of(self.groups, SweepFigure.MOST_CURVES)]
        top = 0.66 + 0.17 * legend_rows(handles, WIDTH)[1]
        rows = (len(self.panels) + 1) // 2
        height = top + self.COURSE + self.AXIS + self.BOTTOM + \
            rows * (self.SMALL + self.AXIS + self.GAP)
        self.figure = plt.figure(figsize=(WIDTH, height))
        text_at(self.figure, 0.2, 0.2, self.title, fontsize=9, fontweight="bold", va="center")
        text_at(self.figure, WIDTH - self.RIGHT, 0.2, self.aside, ha="right", va="center",
                color=QUIET)
        legend_block(self.figure, handles)
        self.draw_losses(top)
        wide = (WIDTH - self.LEFT - self.RIGHT - self.BETWEEN) / 2
        for k, panel in enumerate(self.panels):
            self.draw_panel(self.LEFT + k % 2 * (wide + self.BETWEEN),
                            top + self.COURSE + self.AXIS + self.GAP +
                            k // 2 * (self.SMALL + self.AXIS + self.GAP), wide, *panel)
        return self.figure

    def draw_losses(self, top):
        axes = axes_at(self.figure, self.LEFT, top, WIDTH - self.LEFT - self.RIGHT, self.COURSE)
        shown = []
        for _, colour, learners in self.groups:
            for one in learners:
                loss, passes = one.history("loss"), self.passes(one)
                axes.plot(passes, loss, color=colour, linewidth=0.8,
                          marker="." if len(loss) < 100 else "", markersize=2.5)
                shown.append(loss)
        log_axis(axes, np.concatenate(shown))
        axes.set_xscale("log")
        head(axes, next(self.letters), "Loss in training", "each dot: an epoch")
        axes.set_xlabel("Passes over the data, for losses, gradients and products")
        label_y(axes, "Loss")

    @staticmethod
    def passes(learner):
        """When the loss of an epoch was known: at its end, or, where it is one update that
        searches, by the first gradient."""
        each = learner.history("passes")
        alone = np.concatenate([np.full(fit.values("loss").size, fit.has("step") and
                                        fit.group.attrs.get("batch", 0) == fit.group.attrs.get("samples", -1))
                                for fit in learner.fits])
        return np.cumsum(each) - np.where(alone, each - 1, 0)

    def draw_panel(self, left, top, wide, name, title, label):
        axes = axes_at(self.figure, left, top, wide, self.SMALL)
        values = []
        for _, colour, learners in self.groups:
            for one in learners:
                history = one.history(name)
                if np.isfinite(history).any():
                    axes.plot(np.arange(1, len(history) + 1), history, color=colour, linewidth=0.8)
                    values.append(history)
        if name == "damping":
            log_axis(axes, np.concatenate(values))
        if name == "reduction":
            self.bound_ratio(axes, values)
        head(axes, next(self.letters), title, "0: no step was found" if name == "reduction" else "")
        round_ticks(axes.xaxis, 5)
        axes.set_xlabel("Epoch")
        label_y(axes, label)

    @staticmethod
    def bound_ratio(axes, values):
        """The damping rises where the ratio is below 1/4, and falls where it is above 3/4."""
        for bound in (0.25, 0.75):
            axes.axhline(bound, color="0.6", linewidth=0.6, linestyle=(0, (2, 2)), zorder=0)
        every = np.concatenate(values)
        high = np.nanpercentile(every, 98)
        axes.set_ylim(min(0, np.nanmin(every)) - 0.05, max(1.1, min(high, 4)) * 1.05)
