"""The figure `chaos`: what analyses have found."""
import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from figures.common import COLOURS, MOST_TRIALS, WIDTH
from figures.pieces import (
    axes_at, digits, finite_limits, head, label_y, legend_line, letters, round_ticks, text_at)
from figures.reading import coordinate, keys_of, own_part, text


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
    SHOWS = ("spectrum", "lyapunov", "divergence", "pca")  # analyses

    def __init__(self, results):
        self.results = results
        pairs = [(phase, task) for phase in results.phases if phase.kind == "analyse"
                 for task in results.tasks if task.name in phase.group
                 and any(one in phase.group[task.name] for one in self.SHOWS)]
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
        """g of the network, as its experiment says; NaN where its weights are not drawn."""
        key = "network.gain"
        if self.results.wiring() in ("given", "cosine"):
            return np.nan
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
        axes.plot(values[:, 0], values[:, 1], ".", color=course.colour,
                  markersize=2.2 if len(values) > 30 else 6,
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
