"""The figure `trajectory`: two neurons, their inputs and their way through the plane."""
import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from figures.common import BLUE, COLOURS, ORANGE, QUIET, VERMILION, WIDTH
from figures.pieces import (
    Movie, axes_at, digits, finite_limits, head, label_y, legend_line, letters, round_ticks,
    text_at)

NEURONS = (BLUE, VERMILION)
DASHES = ("-", (0, (3, 1.5)))
FAINT = "0.82"


class TrajectoryFigure:
    """Inputs and rates over time, the rates against each other, and the eigenvectors of W."""

    LEFT, TOP, PLANE, GAP, BOTTOM = 0.62, 0.78, 2.9, 0.5, 0.48

    def __init__(self, results, task):
        self.results, self.task = results, task
        self.phase = results.whole(task) if results.size() == 2 else None
        self.letters = letters()
        if self.phase is None:
            return
        self.rates = self.phase.rates(task, 0)
        self.input = task.series("input")
        self.modes = self.eigenvectors()
        low, high = finite_limits([self.rates.values], 0.12)
        self.limits = (min(low, -0.12 * high), max(high, -0.12 * low))

    def empty(self):
        return self.phase is None

    def eigenvectors(self):
        """[(eigenvalue, vector)] as an analysis found them, those that are real."""
        name, task = "spectrum/vectors_real", self.task
        found = [phase for phase in self.results.phases if phase.has(task, name)]
        if not found:
            return []
        values = found[-1].data(task, "spectrum/eigenvalues")[self.results.row, 0]
        vectors = found[-1].data(task, name)[self.results.row, 0]
        return [(value[0], vector) for value, vector in zip(values, vectors) if value[1] == 0]

    def episodes(self):
        """Indices [from, to) of the rates: from an input to the next."""
        times = self.rates.time_ms
        starts = np.searchsorted(times, [start for start, _ in self.task.pulses])
        if not len(starts):
            return [(0, len(times))]
        return list(zip(starts, list(starts[1:]) + [len(times)]))

    def draw(self):
        wide = WIDTH - self.LEFT - 0.15 - self.PLANE - 0.72
        tall = (self.PLANE - self.GAP) / 2
        self.figure = plt.figure(figsize=(WIDTH, self.TOP + self.PLANE + self.BOTTOM))
        text_at(self.figure, 0.2, 0.2, self.results.title_of(self.task), fontsize=9,
                fontweight="bold", va="center")
        line, patch = matplotlib.lines.Line2D, matplotlib.patches.Patch
        handles = [line([], [], color=colour, linestyle=dashes, label="neuron %d" % neuron)
                   for neuron, (colour, dashes) in enumerate(zip(NEURONS, DASHES))]
        if self.task.pulses:
            handles.append(patch(color=ORANGE, alpha=0.6, linewidth=0, label="input"))
        legend_line(self.figure, handles)
        above = axes_at(self.figure, self.LEFT, self.TOP, wide, tall)
        self.draw_input(above)
        below = axes_at(self.figure, self.LEFT, self.TOP + tall + self.GAP, wide, tall)
        self.draw_rates(below)
        plane = axes_at(self.figure, WIDTH - 0.15 - self.PLANE, self.TOP, self.PLANE, self.PLANE)
        self.draw_plane(plane)
        return self.figure

    def plot_input(self, axes):
        """In the neurons' colours, if there is one for each."""
        pair = len(self.input.values) == 2
        for channel, values in enumerate(self.input.values):
            axes.plot(self.input.time_ms, values, drawstyle="steps-post",
                      color=NEURONS[channel] if pair else "0.3",
                      linestyle=DASHES[channel] if pair else "-")

    def finish_time(self, axes, words, title, aside=""):
        head(axes, next(self.letters), title, aside)
        label_y(axes, words)
        axes.set_xlim(0, self.task.duration_ms)
        round_ticks(axes.xaxis, 5)
        round_ticks(axes.yaxis, 4)

    def draw_input(self, axes):
        self.plot_input(axes)
        self.finish_time(axes, "Input", "Inputs", "" if len(self.input.values) else "none")
        axes.tick_params(labelbottom=False)
        axes.set_ylim(finite_limits([self.input.values], 0.3))
        for k, (start, end) in enumerate(self.task.pulses):
            axes.annotate("%d" % (k + 1), ((start + end) / 2, 1), (0, -1), va="top", ha="center",
                          xycoords=axes.get_xaxis_transform(), textcoords="offset points",
                          fontsize=6.5, color=self.colour(k), fontweight="bold")

    def draw_rates(self, axes):
        for start, end in self.task.pulses:
            axes.axvspan(start, end, color=ORANGE, alpha=0.45, linewidth=0, zorder=0.5)
        for neuron, (values, colour) in enumerate(zip(self.rates.values, NEURONS)):
            axes.plot(self.rates.time_ms, values, color=colour, linestyle=DASHES[neuron])
        self.finish_time(axes, "Rate", "Rates")
        axes.set_ylim(self.limits)
        axes.set_xlabel("Time (ms)")

    @staticmethod
    def colour(k):
        return (COLOURS + ("black", "0.5"))[k % (len(COLOURS) + 2)]

    def draw_ground(self, axes):
        """Axes of equal scale with the directions of the eigenvectors."""
        axes.set(xlim=self.limits, ylim=self.limits, aspect="equal", xlabel="Rate of neuron 0")
        axes.set_ylabel("Rate of neuron 1", labelpad=2)
        for axis in (axes.xaxis, axes.yaxis):
            round_ticks(axis, 5)
        for value, vector in self.modes:
            axes.axline((0, 0), tuple(vector), color="0.6", linewidth=0.7, dashes=(4, 2), zorder=0)
            self.label_mode(axes, value, vector)

    def label_mode(self, axes, value, vector):
        """The eigenvalue, in small print along the direction, beside its upper end."""
        up = vector if vector[1] > 0 else -vector
        reach = min(max(self.limits[v > 0] / v, 1e-12) for v in up if abs(v) > 1e-9)
        right = up[0] > 0
        turn = up if right else -up
        axes.annotate("eigenvalue %s" % digits(round(value, 12)), 0.94 * reach * up,
                      8 * np.array([abs(turn[1]), -turn[0] * np.sign(turn[1])]),
                      textcoords="offset points", fontsize=6.5,
                      color=QUIET, rotation=np.degrees(np.arctan2(turn[1], turn[0])),
                      rotation_mode="anchor", ha="right" if right else "left", va="center")

    def draw_plane(self, axes):
        head(axes, next(self.letters), "Both rates")
        self.draw_ground(axes)
        for k, (start, end) in enumerate(self.episodes()):
            x, y = self.rates.values[:, max(start - 1, 0):end]
            axes.plot(x, y, color=self.colour(k), linewidth=0.9)
            if self.task.pulses:
                far = np.argmax(np.hypot(x, y))
                away = np.array([x[far], y[far]]) / (np.hypot(x[far], y[far]) or 1)
                axes.annotate("%d" % (k + 1), (x[far], y[far]), 7 * away, color=self.colour(k),
                              textcoords="offset points", fontsize=7, fontweight="bold",
                              ha="center", va="center")
        axes.plot(0, 0, "o", color="black", markersize=2.5)

    # ---- the movie -----------------------------------------------------------------------------

    SIDE, STRIP, FRAMES, TRAIL = 3.4, 0.55, 160, 60

    def movie(self):
        """The point, what it has left behind it, and the input that pulls at it; time below."""
        figure = plt.figure(figsize=(self.SIDE + 0.8, 0.5 + self.SIDE + 0.75 + self.STRIP + 0.5))
        text_at(figure, 0.2, 0.2, self.results.title_of(self.task), fontsize=9,
                fontweight="bold", va="center")
        plane = axes_at(figure, 0.6, 0.45, self.SIDE, self.SIDE)
        self.draw_ground(plane)
        plane.plot(*self.rates.values, color=FAINT, linewidth=0.8, zorder=1)
        strip = axes_at(figure, 0.6, 0.45 + self.SIDE + 0.65, self.SIDE, self.STRIP)
        self.plot_input(strip)
        strip.set(xlim=(0, self.task.duration_ms), xlabel="Time (ms)", yticks=[])
        strip.set_ylabel("Input")
        strip.spines["left"].set_visible(False)
        trail, = plane.plot([], [], color=BLUE, linewidth=1.6, zorder=2)
        point, = plane.plot([], [], "o", color=BLUE, markersize=6, zorder=4)
        pull = plane.annotate("", (0, 0), (0, 0), zorder=3, arrowprops={
            "arrowstyle": "-|>", "color": ORANGE, "linewidth": 2, "shrinkA": 0, "shrinkB": 0})
        now = strip.axvline(0, color="black", linewidth=0.9)
        steps = self.rates.values.shape[-1]
        frames = min(self.FRAMES, steps)
        if len(self.input.values) == 2:
            plane.plot([], [], color=ORANGE, linewidth=2, label="input")
        plane.plot([], [], color=BLUE, linewidth=1.6, label="rates")
        plane.legend(loc="lower right", borderpad=0)

        def show(k):
            at = int(round(k * (steps - 1) / max(frames - 1, 1)))
            x, y = self.rates.values[:, :at + 1]
            trail.set_data(x[-self.TRAIL:], y[-self.TRAIL:])
            point.set_data(x[-1:], y[-1:])
            time = self.rates.time_ms[at]
            u = self.input.values[:, np.searchsorted(self.input.time_ms, time - 1e-9)]
            pull.set_visible(len(u) == 2 and bool(np.any(u != 0)))
            if len(u) == 2:  # one for each neuron: a vector in the plane
                pull.xy = (x[-1] + 0.5 * u[0], y[-1] + 0.5 * u[1])
            pull.set_position((x[-1], y[-1]))
            now.set_xdata([time, time])
        return Movie(figure, frames, show, (trail, pull, point, now))
