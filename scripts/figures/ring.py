"""The figure `ring`: a bump of activity on a ring of neurons, and the input it follows."""
import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from figures.common import BLUE, ORANGE, QUIET, WIDTH
from figures.pieces import (
    Movie, axes_at, finite_limits, head, label_y, letters, round_ticks, several, text_at)


class RingFigure:
    """Activity over neurons and time with the input's peak; highest and mean; both at the end."""

    LEFT, TOP, TALL, GAP, COURSE, BOTTOM = 0.62, 0.85, 2.5, 0.5, 0.9, 0.48
    FLAT = 1e-9  # what differs less, as a share of the largest, has no peak

    def __init__(self, results, task):
        self.results, self.task = results, task
        self.phase = results.whole(task) if results.wiring() == "cosine" else None
        self.letters = letters()
        if self.phase is None:
            return
        self.rates = self.phase.rates(task, 0)
        self.count = len(self.rates.values)
        self.input = task.series("input")
        reaches = self.input.values.shape[0] == self.count  # one to one: a profile of the ring
        steps = np.minimum(np.searchsorted(self.input.time_ms, self.rates.time_ms - 1e-9),
                           self.input.values.shape[-1] - 1)
        self.drive = self.input.values[:, steps] if reaches else None

    def empty(self):
        return self.phase is None or self.count < 3

    def peaks(self, profiles):
        """Where each profile [neuron][time] is highest, by the angle of its first harmonic; NaN
        where it is flat."""
        turn = np.exp(2j * np.pi * np.arange(self.count) / self.count)
        moment = turn @ profiles
        place = np.angle(moment) / (2 * np.pi) * self.count % self.count
        flat = np.abs(moment) <= self.FLAT * self.count * np.abs(profiles).max(axis=0)
        return np.where(flat, np.nan, place)

    def draw(self):
        self.figure = plt.figure(figsize=(
            WIDTH, self.TOP + self.TALL + self.GAP + self.COURSE + self.BOTTOM))
        text_at(self.figure, 0.2, 0.2, self.results.title_of(self.task), fontsize=9,
                fontweight="bold", va="center")
        profiles, wide, apart = 2 if self.drive is not None else 1, 0.92, 0.42
        image = WIDTH - self.LEFT - 0.65 - 0.15 - profiles * (wide + apart)
        self.draw_image(axes_at(self.figure, self.LEFT, self.TOP, image, self.TALL))
        self.draw_course(axes_at(self.figure, self.LEFT, self.TOP + self.TALL + self.GAP, image,
                                 self.COURSE))
        left = WIDTH - 0.15 - profiles * wide - (profiles - 1) * apart
        self.draw_profile(axes_at(self.figure, left, self.TOP, wide, self.TALL),
                          self.rates.values[:, -1], BLUE, "Rate", "At the end")
        if self.drive is not None:
            self.draw_profile(axes_at(self.figure, left + wide + apart, self.TOP, wide, self.TALL),
                              self.drive[:, -1], ORANGE, "Input", "Its input")
            self.write_lag(left, wide)
        return self.figure

    def ticks(self, axes):
        axes.set_ylim(0, self.count)
        axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5, integer=True))

    def draw_image(self, axes):
        times = self.rates.time_ms
        step = times[1] - times[0] if len(times) > 1 else 1.0
        image = axes.imshow(self.rates.values, aspect="auto", cmap="Blues", origin="lower",
                            interpolation="nearest", vmin=min(0.0, self.rates.values.min()),
                            extent=(times[0], times[-1] + step, 0, self.count))
        if self.drive is not None:
            place = self.peaks(self.drive) + 0.5
            there = np.isfinite(place)
            jumps = 1 + np.flatnonzero(np.abs(np.diff(place)) > self.count / 2)
            axes.plot(np.insert(times + step / 2, jumps, np.nan), np.insert(place, jumps, np.nan),
                      color=ORANGE, linewidth=1.2)  # not across, where it has gone round
            if there.any():
                line = matplotlib.lines.Line2D([], [], color=ORANGE, linewidth=1.2,
                                               label="peak of the input")
                self.figure.legend(handles=[line], loc="center left", borderpad=0, borderaxespad=0,
                                   bbox_to_anchor=(0.2 / WIDTH,
                                                   1 - 0.46 / self.figure.get_figheight()))
        head(axes, next(self.letters), "Rates", "%s, %s" % (
            self.phase.name, several(self.count, "neuron")))
        label_y(axes, "Neuron")
        self.ticks(axes)
        axes.tick_params(labelbottom=False)
        axes.set_xlim(0, self.task.duration_ms)
        box = axes.get_position()
        width, height = self.figure.get_size_inches()
        bar = self.figure.colorbar(image, cax=self.figure.add_axes(
            [box.x1 + 0.07 / width, box.y0, 0.08 / width, box.height]))
        bar.outline.set_visible(False)
        bar.ax.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5))

    def draw_course(self, axes):
        values, times = self.rates.values, self.rates.time_ms
        axes.plot(times, values.max(axis=0), color=BLUE, label="highest")
        axes.plot(times, values.mean(axis=0), color="0.5", label="mean")
        head(axes, next(self.letters), "Height of the bump")
        label_y(axes, "Rate")
        axes.set(xlim=(0, self.task.duration_ms), xlabel="Time (ms)",
                 ylim=(min(0.0, values.min()), finite_limits([values], 0.1)[1]))
        for axis in (axes.xaxis, axes.yaxis):
            round_ticks(axis, 5 if axis is axes.xaxis else 3)
        axes.legend(loc="upper right", bbox_to_anchor=(1, 1.3), ncol=2, borderpad=0,
                    borderaxespad=0, columnspacing=1.2, handlelength=1.5)

    def draw_profile(self, axes, values, colour, words, title):
        axes.plot(values, np.arange(self.count) + 0.5, color=colour, linewidth=1.2)
        low, high = finite_limits([values, np.zeros(1)], 0.06)
        axes.set(xlim=(min(low, 0.0) if values.min() < 0 else 0.0, high), xlabel=words)
        head(axes, next(self.letters), title)
        self.ticks(axes)
        axes.tick_params(labelleft=False)
        round_ticks(axes.xaxis, 3)

    def write_lag(self, left, wide):
        """How far the bump is behind its input, below its profile."""
        ahead = self.peaks(self.drive[:, -1:])[0] - self.tops()[-1]
        if np.isfinite(ahead):
            ahead = (ahead + self.count / 2) % self.count - self.count / 2
            text_at(self.figure, left, self.TOP + self.TALL + 0.62,
                    "the highest is %.0f neurons %s" % (
                        abs(ahead), "behind the input" if ahead >= 0 else "ahead of the input"),
                    fontsize=6.5, color=QUIET)

    def tops(self):
        """The neuron with the highest rate at each time; NaN where all are alike."""
        values = self.rates.values
        flat = np.ptp(values, axis=0) <= self.FLAT * np.abs(values).max()
        return np.where(flat, np.nan, values.argmax(axis=0))

    # ---- the movie -----------------------------------------------------------------------------

    FRAMES = 120

    def movie(self):
        """Rates over the ring as they move, and the input above."""
        driven = self.drive is not None
        above = 1.0 if driven else 0.0
        figure = plt.figure(figsize=(4.6, 0.6 + above + 0.2 + 2.3 + 0.5))
        text_at(figure, 0.2, 0.2, self.results.title_of(self.task), fontsize=9,
                fontweight="bold", va="center")
        clock = text_at(figure, 4.45, 0.2, "", fontsize=8, va="center", ha="right")
        neurons = np.arange(self.count)
        low = min(0.0, self.rates.values.min())
        lower = axes_at(figure, 0.6, 0.5 + above + 0.25 * driven, 3.85, 2.3)
        rates, = lower.plot([], [], color=BLUE, linewidth=2)
        lower.set(xlim=(0, self.count - 1), xlabel="Neuron", ylabel="Rate",
                  ylim=(low, finite_limits([self.rates.values], 0.05)[1]))
        marks = [lower.axvline(0, color=colour, linewidth=1, linestyle=(0, (3, 2)))
                 for colour in (BLUE, ORANGE)]
        if driven:
            upper = axes_at(figure, 0.6, 0.5, 3.85, above)
            drive, = upper.plot([], [], color=ORANGE, linewidth=2)
            upper.set(xlim=lower.get_xlim(), ylabel="Input",
                      ylim=finite_limits([self.drive], 0.08))
            upper.tick_params(labelbottom=False)
            marks.append(upper.axvline(0, color=ORANGE, linewidth=1, linestyle=(0, (3, 2))))
        places = [self.tops()] + 2 * [self.peaks(self.drive) if driven else None]
        steps = len(self.rates.time_ms)
        frames = min(self.FRAMES, steps)

        def show(k):
            at = int(round(k * (steps - 1) / max(frames - 1, 1)))
            rates.set_data(neurons, self.rates.values[:, at])
            if driven:
                drive.set_data(neurons, self.drive[:, at])
            for mark, place in zip(marks, places):
                there = place is not None and np.isfinite(place[at])
                mark.set_visible(bool(there))
                if there:
                    mark.set_xdata([place[at], place[at]])
            clock.set_text("%.*f ms" % (self.decimals(), self.rates.time_ms[at]))
        return Movie(figure, frames, show, [*marks, rates, clock] + ([drive] if driven else []))

    def decimals(self):
        """Of times: as many as tell frames apart."""
        apart = self.task.duration_ms / self.FRAMES
        return max(0, int(np.ceil(-np.log10(apart))))
