"""The figure `plane`: what two readouts draw."""
import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from figures.common import BLUE, INNATE, PURPLE, QUIET, WIDTH
from figures.pieces import (
    axes_at, finite_limits, label_y, legend_line, letters, round_ticks, several, text_at)


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
