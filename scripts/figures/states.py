"""The figure `states`: variables of units over time, spikes, phases, a population's rhythms."""
import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from figures.common import (
    BLUE, COLOURS, GREEN, MOST_PIXELS, ORANGE, QUIET, SKY, VERMILION, WIDTH)
from figures.pieces import (
    axes_at, digits, finite_limits, head, label_y, legend_line, letters, round_ticks, several,
    text_at)
from figures.reading import Series, own_part, row_of, text


def periods_of(values, step_ms):
    """Mean time in ms between upward crossings of the middle level, by interpolation, in the second
    half; NaN where there are not two, or where the series hardly moves. values: [unit][time]"""
    found = np.full(len(values), np.nan)
    for k, whole in enumerate(values):
        series = whole[len(whole) // 2:]
        low, high = series.min(), series.max()
        if not high - low > 0.02 * max(abs(high), 1e-12):
            continue
        level = (low + high) / 2
        at = np.flatnonzero((series[:-1] < level) & (series[1:] >= level))
        if len(at) > 1:
            times = at + (level - series[at]) / (series[at + 1] - series[at])
            found[k] = step_ms * (times[-1] - times[0]) / (len(at) - 1)
    return found


def ids_of(row):
    """Without the -1 by which lists of smaller networks are padded."""
    return row[row >= 0]


class Scene:
    """What a network recorded of its units in the last trial phase that did."""

    def __init__(self, results, task, phase):
        self.results, self.task, self.phase = results, task, phase
        self.group = phase.group[task.name]["states"]
        self.neurons = ids_of(row_of(results.file["recorded_states"], results.row))
        words = re.search(r"variables: *\[([^\]]*)\]", text(results.file.attrs["experiment"]))
        order = [word.strip() for word in words.group(1).split(",")] if words else []
        self.names = sorted(self.group, key=lambda n: (order.index(n) if n in order else 99, n))
        self.names = [name for name in self.names
                      if np.isfinite(self.group[name][results.row, 0, 0, 0])]
        self.many = len(self.neurons) >= StatesFigure.MANY

    @staticmethod
    def of(results):
        """The last one of the network, or None."""
        found = [(task, phase) for task in results.tasks for phase in results.phases
                 if phase.kind != "train" and task.name in phase.group
                 and "states" in phase.group[task.name]]
        found = [Scene(results, *one) for one in found]
        found = [scene for scene in found if scene.names]
        return found[-1] if found else None

    def series(self, name):
        """Series of values [neuron][time]"""
        data = self.group[name]
        values = own_part(data[self.results.row, 0].astype(float))
        return Series(values, float(data.attrs.get("start_ms", 0)),
                      self.phase.step_of(self.task, data, values))

    def shown(self):
        """Which of the recorded units are lines."""
        count, most = len(self.neurons), StatesFigure.LINES
        return np.linspace(0, count - 1, most).astype(int) if self.many else \
            np.arange(min(count, most))

    def label(self, name):
        units = text(self.group[name].attrs["units"])
        base, _, index = name.partition("_")
        shown = "%s$_{%s}$" % (base, index) if index else re.sub(r"(\d)$", r"$_\1$", name)
        return shown if units == "1" else "%s (%s)" % (shown, units)

    def rates(self):
        """(0 or 1 [neuron][time], step in ms) where rates are spikes; else None"""
        if self.results.neurons is None or not self.phase.trials(self.task, "rates"):
            return None
        data = self.phase.data(self.task, "rates")
        values = own_part(data[self.results.row, 0].astype(float))
        if not np.isin(values, (0, 1)).all():
            return None
        return values, self.phase.step_of(self.task, data, values)

    def spikes(self):
        """(ids, [times in ms of each]) where rates are spikes, and of every step; else None"""
        values, step = self.rates() or (None, np.inf)
        if step > 1.001 * self.task.dt_ms:
            return None
        return ids_of(self.results.neurons), [step * np.flatnonzero(one) for one in values]

    def counted(self, units):
        """How many spikes of these an analysis found in its window; None if there was none."""
        count = self.phase.group[self.task.name].get("rhythm/count")
        if count is None or not self.rates():
            return None
        return int(count[self.results.row, 0][units].sum())

    def dominance(self):
        """[(start, end, which of f2, f3, f4)] in ms: who of them is nearest to its largest, for
        100 ms at least: there is a blip of f4 as inspiration ends."""
        if self.many or not {"f2", "f3", "f4"} <= set(self.names):
            return []
        series = [self.series(name) for name in ("f2", "f3", "f4")]
        late = [one.values[0][one.values.shape[-1] // 5:] for one in series]
        leads = np.argmax([one.values[0] / part.max() for one, part in zip(series, late)], axis=0)
        edges = np.concatenate([[0], np.flatnonzero(np.diff(leads)) + 1, [len(leads)]])
        step = series[0].time_ms[1] - series[0].time_ms[0]
        spans, since = [], 0
        for start, end in zip(step * edges[:-1], step * edges[1:]):
            which = leads[int(round(start / step))]
            if end - start < 100:
                continue  # it is the next one's
            if spans and spans[-1][2] == which:
                since = spans.pop()[0]
            spans.append((since, end, which))
            since = end
        return spans

    def size(self):
        """Units of the whole network; where its cell makes them of the inputs, as an analysis counted."""
        count = self.phase.group[self.task.name].get("rhythm/count")
        return self.results.size() or (
            len(self.neurons) if count is None else len(own_part(count[self.results.row, 0])))

    def periods(self):
        """Of all units, in ms, if they were analysed; else of the recorded ones."""
        group = self.phase.group[self.task.name]
        if "rhythm/period" in group:
            return group["rhythm/period"][self.results.row, 0][:self.size()]
        series = self.series(self.main())
        return periods_of(series.values, series.time_ms[1] - series.time_ms[0])

    def bias(self):
        """Of these units; None where the file has it not."""
        file = self.results.file
        if "weights/bias" not in file:
            return None
        bias = own_part(row_of(file["weights/bias"], self.results.row))
        return bias if "rhythm/period" in self.phase.group[self.task.name] else bias[self.neurons]

    def main(self):
        """The variable that stands for a population."""
        return "f1" if "f1" in self.names else self.names[0]


class StatesFigure:
    """A column per network. Few recorded units: a panel per variable; many: one variable as an
    image, three units, and the distribution of periods. Spikes of all, if rates are spikes."""

    LEFT, RIGHT, TOP, BOTTOM, BETWEEN, GAP, MOST = 0.62, 0.15, 1.12, 0.48, 0.3, 0.32, 4
    MANY, LINES, POINTS, DOTS = 12, 3, 20000, 5000
    PHASES = ((SKY, "inspiration (f2)"), (ORANGE, "post-inspiration (f3)"),
              (GREEN, "late expiration (f4)"))

    def __init__(self, networks):
        scenes = [Scene.of(results) for results in networks]
        self.scenes = [scene for scene in scenes if scene][:self.MOST]
        self.letters = letters()

    def empty(self):
        return not self.scenes

    def rows(self):
        """(draw, height, name) of each; over time."""
        rows = []
        if any(scene.spikes() and len(scene.spikes()[0]) >= 5 for scene in self.scenes):
            rows.append((self.raster, 1.1, None))
        if any(scene.many for scene in self.scenes):
            main = self.scenes[0].main()
            rows += [(self.image, 1.8, main), (self.lines, 1.0, main)]
        else:
            names = []
            for scene in self.scenes:
                names += [name for name in scene.names if name not in names]
            tall = 1.6 if len(names) == 1 else 0.62 if len(names) > 4 else 0.85
            rows += [(self.lines, tall, name) for name in names]
        return rows

    def periods(self):
        """Of each scene with many units the periods of these, if they have some."""
        found = [scene.periods() if scene.many else np.zeros(0) for scene in self.scenes]
        return found if any(np.isfinite(one).sum() >= self.MANY for one in found) else []

    def draw(self):
        columns, rows, periods = len(self.scenes), self.rows(), self.periods()
        self.top = self.TOP if columns > 1 else 0.84 if self.handles() else 0.6
        self.seconds = max(scene.task.duration_ms for scene in self.scenes) >= 4000
        width = (WIDTH - self.LEFT - self.RIGHT - (columns - 1) * self.BETWEEN) / columns
        below = 0.34 + 1.5 if periods else 0
        height = self.top + sum(tall + self.GAP for _, tall, _ in rows) - self.GAP + self.BOTTOM + \
            (below + self.GAP if periods else 0)
        self.figure = plt.figure(figsize=(WIDTH, height))
        name = self.scenes[0].results.title() if columns == 1 else \
            text(self.scenes[0].results.file.attrs.get("name", "")) or "results"
        text_at(self.figure, 0.2, 0.2, name, fontsize=9, fontweight="bold", va="center")
        if self.handles():
            legend_line(self.figure, self.handles())
        axes = {}
        for column, scene in enumerate(self.scenes):
            left, top = self.LEFT + column * (width + self.BETWEEN), self.top
            if columns > 1:
                self.name_column(scene, left + width / 2)
            for row, (draw, tall, which) in enumerate(rows):
                axes[row, column] = axes_at(self.figure, left, top, width, tall)
                self.frame(axes[row, column], scene, column, row == len(rows) - 1)
                draw(axes[row, column], scene, which, column)
                top += tall + self.GAP
        for row, (draw, _, which) in enumerate(rows):
            if draw == self.lines:
                self.level([axes[row, column] for column in range(columns)])
        if periods:
            self.draw_periods(periods, top + 0.34)
        return self.figure

    def handles(self):
        """Of the legend."""
        patch = matplotlib.patches.Patch
        handles = []
        if any(scene.dominance() for scene in self.scenes):
            handles += [patch(color=colour, alpha=0.35, linewidth=0, label=label)
                        for colour, label in self.PHASES]
        if any(scene.task.pulses for scene in self.scenes):
            handles.append(patch(color=ORANGE, alpha=0.6, linewidth=0, label="input"))
        if any(len(scene.neurons) > 1 and not scene.many for scene in self.scenes):
            line = matplotlib.lines.Line2D
            handles += [line([], [], color=COLOURS[k], label="unit %d" % unit)
                        for k, unit in enumerate(self.scenes[0].neurons[:self.LINES])]
        return handles

    def name_column(self, scene, middle):
        """What tells this network from the others: values of swept keys."""
        words = []
        for part in scene.results.values().split(", "):
            key, _, value = part.partition(" ")
            words.append("%s: %s" % (key.rpartition(".")[2], value))
        text_at(self.figure, middle, self.top - 0.32, "\n".join(words).replace("_", " "),
                fontsize=7, fontweight="bold", ha="center", va="center", color=QUIET,
                linespacing=1.3)

    def scale(self, ms):
        return np.asarray(ms) / 1000 if self.seconds else np.asarray(ms)

    def frame(self, axes, scene, column, last):
        axes.set_xlim(0, self.scale(scene.task.duration_ms))
        round_ticks(axes.xaxis, 4 if len(self.scenes) > 2 else 8)
        axes.tick_params(labelbottom=last, labelleft=column == 0)
        if last:
            axes.set_xlabel("Time (s)" if self.seconds else "Time (ms)")

    def head(self, axes, title, aside, column):
        """Letters stand for rows."""
        head(axes, next(self.letters) if column == 0 else "", title, aside)

    def mark_input(self, axes, scene):
        """As a ground; lines where it is too short to be seen."""
        for start, end in scene.task.pulses:
            short = end - start < 0.004 * scene.task.duration_ms
            axes.axvspan(self.scale(start), self.scale(end), color=ORANGE, alpha=0.45,
                         linewidth=0.6 if short else 0, zorder=0.5)

    @staticmethod
    def level(row):
        """The same limits in a row."""
        low, high = min(one.get_ylim()[0] for one in row), max(one.get_ylim()[1] for one in row)
        for one in row:
            one.set_ylim(low - 0.03 * (high - low), high)

    def lines(self, axes, scene, name, column):
        """A variable of up to three units; times of their spikes above."""
        if name not in scene.names:
            axes.set_visible(False)
            return
        series = scene.series(name)
        stride = max(1, series.values.shape[-1] // self.POINTS)
        shown = series.values[scene.shown()]
        single = len(shown) == 1
        for k, values in enumerate(shown):
            colour = self.colour_of(name) if single else COLOURS[k]
            axes.plot(self.scale(series.time_ms[::stride]), values[::stride], color=colour,
                      linewidth=0.7 if values.shape[-1] > 2000 else 0.9)
        for start, end, which in scene.dominance():
            axes.axvspan(self.scale(start), self.scale(end), color=self.PHASES[which][0],
                         alpha=0.3, linewidth=0, zorder=0)
        self.mark_input(axes, scene)
        round_ticks(axes.yaxis, 4)
        axes.set_ylim(finite_limits([shown], 0.08))
        aside = self.mark_spikes(axes, scene) if name == "V" else ""
        if single and name == "f1":
            period = periods_of(series.values[:1], series.time_ms[1] - series.time_ms[0])[0]
            aside = "period %.0f ms" % period if np.isfinite(period) else "no rhythm"
        title = "Three units" if scene.many else scene.label(name).split(" (")[0]
        self.head(axes, title, aside, column)
        if column == 0:
            label_y(axes, scene.label(name))

    @staticmethod
    def colour_of(name):
        return {"f1": BLUE, "f2": BLUE, "f3": VERMILION, "f4": GREEN}.get(name, "black")

    def mark_spikes(self, axes, scene):
        """Ticks above the panel of V; how many there are."""
        units = scene.neurons[scene.shown()]
        spikes, counted = scene.spikes(), scene.counted(units)
        if not spikes:
            return "" if counted is None else several(counted, "spike") + " in the window"
        ids, times = spikes
        known = {int(unit): one for unit, one in zip(ids, times)}
        count = 0
        for k, unit in enumerate(units):
            at = known.get(int(unit), np.zeros(0))
            count += len(at)
            colour = "black" if len(scene.neurons) == 1 else COLOURS[k]
            axes.plot(self.scale(at), np.full(len(at), 1.0 - 0.05 * k), "|", color=colour,
                      transform=axes.get_xaxis_transform(), markersize=4, markeredgewidth=0.6,
                      clip_on=False)
        return several(count, "spike")

    def raster(self, axes, scene, _, column):
        if not scene.spikes():
            axes.set_visible(False)
            return
        ids, times = scene.spikes()
        for unit, at in zip(ids, times):
            axes.plot(self.scale(at), np.full(len(at), unit), "|", color="black", markersize=2,
                      markeredgewidth=0.5)
        self.mark_input(axes, scene)
        axes.set_ylim(ids.min() - 1, ids.max() + 1)
        round_ticks(axes.yaxis, 4)
        self.head(axes, "Spikes", several(sum(len(one) for one in times), "spike"), column)
        if column == 0:
            label_y(axes, "Unit")

    def image(self, axes, scene, name, column):
        """A row per unit, by period, the slowest on top."""
        if name not in scene.names:
            axes.set_visible(False)
            return
        series = scene.series(name)
        order = np.argsort(np.nan_to_num(periods_of(series.values, 1.0)), kind="stable")
        stride = max(1, series.values.shape[-1] // MOST_PIXELS)
        every = max(1, len(order) // MOST_PIXELS)
        values = series.values[order[::every], ::stride]
        picture = axes.imshow(values, origin="lower", aspect="auto", interpolation="nearest",
                              cmap="viridis", extent=(0, self.scale(scene.task.duration_ms), 0,
                                                      len(order)))
        axes.set_yticks([])
        box = axes.get_position()
        bar = axes.figure.add_axes([box.x0 + 0.86 * box.width, box.y1 + 0.04 * box.height,
                                    0.14 * box.width, 0.04 * box.height])
        axes.figure.colorbar(picture, cax=bar, orientation="horizontal")
        bar.xaxis.set_ticks_position("top")
        bar.tick_params(labelsize=5.5, length=1.5, pad=1)
        low, high = picture.get_clim()
        bar.set_xticks([low, high], [("%.3g" if abs(low) >= 1 else "%.1g") % low, "%.2g" % high])
        self.head(axes, "%s of %d of %d units" % (
            scene.label(name), len(series.values), scene.size()), "", column)
        if column == 0:
            label_y(axes, "Units, by period")

    def draw_periods(self, periods, top):
        """Their distribution; and against the bias, if the file has it."""
        scene, values = next((s, p) for s, p in zip(self.scenes, periods) if np.isfinite(p).any())
        width = (WIDTH - self.LEFT - self.RIGHT - 0.62) / 2
        unit, ms = ("s", 1000) if max(np.nanmax(one, initial=0) for one in periods) >= 1000 else \
            ("ms", 1)
        axes = axes_at(self.figure, self.LEFT, top, width, 1.5)
        for one, colour in zip(periods, COLOURS):
            axes.hist(one[np.isfinite(one)] / ms, bins=40, color=colour, linewidth=0,
                      alpha=1 if len(periods) == 1 else 0.5)
        without = int(np.isnan(values).sum())
        head(axes, next(self.letters), "Periods", "%d without" % without if without else
             several(len(values), "unit"))
        axes.set_xlabel("Period (%s)" % unit)
        label_y(axes, "Units")
        round_ticks(axes.xaxis, 6)
        round_ticks(axes.yaxis, 4)
        bias = scene.bias()
        if bias is None:
            return
        some = np.linspace(0, len(bias) - 1, min(len(bias), self.DOTS)).astype(int)
        axes = axes_at(self.figure, self.LEFT + width + 0.62, top, width, 1.5)
        axes.plot(bias[some], values[some] / ms, ".", color=BLUE, markersize=1.6,
                  markeredgewidth=0)
        head(axes, next(self.letters), "Period against the bias of a unit",
             "mean %s %s" % (digits(float("%.3g" % (np.nanmean(values) / ms))), unit))
        axes.set_xlabel("Bias")
        label_y(axes, "Period (%s)" % unit)
        round_ticks(axes.xaxis, 6)
        round_ticks(axes.yaxis, 4)
