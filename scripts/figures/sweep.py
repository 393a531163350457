"""The figures `sweep` and `map`: measures of networks against what was swept."""
import itertools
import textwrap

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from figures.common import FAILED, QUIET, SEEDS, WIDTH, Problem
from figures.pieces import (
    axes_at, digits, finite_limits, head, label_y, legend_block, legend_rows, letters,
    log_axis, round_ticks, several, some_of, text_at)
from figures.sweeps import Plan, axis_name, is_log_spaced, name_of


def caption(figure, words, bottom=0.12):
    """Small print along the lower edge, already in lines."""
    figure.text(0.2 / figure.get_figwidth(), bottom / figure.get_figheight(), words, fontsize=6.5,
                color=QUIET, va="bottom", ha="left", linespacing=1.35)


def lines_of(words, width=150):
    return "\n".join(textwrap.wrap(words, width))


def count_networks(sweep):
    """'27 networks', and how many of them failed."""
    failed = int((sweep.state == FAILED).sum())
    words = several(len(sweep.state), "network")
    return words + (", of which %d failed and are left out" % failed if failed else "")


def between(low, high):
    return "%d" % low if low == high else "%d to %d" % (low, high)


def bars(axes, x, y, error, color, width, zorder):
    """Error bars where there are errors."""
    known = np.isfinite(error)
    if known.any():
        axes.errorbar(x[known], y[known], yerr=error[known], fmt="none", ecolor=color, capsize=1.5,
                      capthick=width, elinewidth=width, zorder=zorder)


class SweepFigure:
    """A panel for each measure: mean and standard error over networks against a coordinate."""

    LEFT, RIGHT, BETWEEN, PANEL, GAP, COLUMNS = 0.62, 0.15, 0.62, 1.75, 0.72, 3
    MOST_CURVES, MOST_SHIFTED = 12, 6  # in the legend; apart from each other
    OPEN = {"markersize": 3.2, "markerfacecolor": "white", "markeredgewidth": 0.7, "linewidth": 0.8}
    PUBLISHED = ({"color": "0.35", "marker": "s", "linestyle": (0, (4, 2))},
                 {"color": "0.55", "marker": "^", "linestyle": (0, (1, 1.5))},
                 {"color": "0.45", "marker": "D", "linestyle": (0, (3, 1, 1, 1))},
                 {"color": "0.65", "marker": "v", "linestyle": "-"})

    def __init__(self, sweep):
        self.sweep, self.plan = sweep, Plan(sweep)
        self.measures = sweep.measures()
        if not self.measures:
            raise Problem("holds no correlation, loss or exponent of a network that is done")
        self.curves = self.plan.combinations(self.plan.curve_keys)
        self.colours = self.plan.colours(self.plan.curve_keys, len(self.curves))
        has_r2 = any(measure.kind == "R2" for measure in self.measures)
        self.published = sweep.reference(self.plan.x_key) if has_r2 else []
        self.counts = []  # networks of each point
        self.dots = False  # single networks are shown
        self.undefined = 0
        self.moved = False  # curves stand a little aside

    def draw(self):
        columns = min(self.COLUMNS, len(self.measures))
        rows = -(-len(self.measures) // columns)
        width = (WIDTH - self.LEFT - self.RIGHT - (columns - 1) * self.BETWEEN) / columns
        width = min(width, 3.2)
        whole = WIDTH if columns > 1 else max(self.LEFT + width + self.RIGHT, 4.6)
        handles = self.legend_handles()
        top = 0.62 + 0.17 * legend_rows(handles, whole)[1]
        body = rows * self.PANEL + (rows - 1) * self.GAP
        self.figure = plt.figure(figsize=(whole, top + body + 0.95))
        text_at(self.figure, 0.2, 0.2, self.sweep.name, fontsize=9, fontweight="bold", va="center")
        legend_block(self.figure, handles)
        names = letters()
        for k, measure in enumerate(self.measures):
            axes = axes_at(self.figure, self.LEFT + (k % columns) * (width + self.BETWEEN),
                           top + (k // columns) * (self.PANEL + self.GAP), width, self.PANEL)
            self.draw_measure(axes, measure)
            head(axes, next(names), measure.title)
        caption(self.figure, lines_of(self.caption(), 150 if whole == WIDTH else 92))
        return self.figure

    def legend_handles(self):
        line = matplotlib.lines.Line2D
        handles = []
        for (values, _), colour in some_of(list(zip(self.curves, self.colours)), self.MOST_CURVES):
            words = self.plan.describe(self.plan.curve_keys, values)
            if words or self.published:
                handles.append(line([], [], color=colour, marker="o", markersize=3.2, linewidth=1.1,
                                    markeredgewidth=0, label=words or "this run"))
        for (name, _, _, _, is_sd), style in zip(self.published, itertools.cycle(self.PUBLISHED)):
            handles.append(line([], [], label=name + (" (bars: SD)" if is_sd else ""),
                                **self.OPEN, **style))
        return handles

    def draw_measure(self, axes, measure):
        good = self.sweep.done & np.isfinite(measure.values)
        if measure.kind == "R2":
            self.undefined += int((self.sweep.done & ~np.isfinite(measure.values)).sum())
            for (_, x, y, error, _), style in zip(self.published, itertools.cycle(self.PUBLISHED)):
                bars(axes, x, y, error, color=style["color"], width=0.6, zorder=2)
                axes.plot(x, y, zorder=2.1, **self.OPEN, **style)
        extent = []
        for place, ((_, mask), colour) in enumerate(zip(self.curves, self.colours)):
            extent += self.draw_curve(axes, measure, good & mask, colour, place)
        self.finish_x(axes)
        if measure.kind in ("R2", "share"):
            axes.set_ylim(-0.04, 1.06)
            axes.set_yticks(np.linspace(0, 1, 6))
        elif measure.kind == "time":
            axes.set_ylim(0, finite_limits(extent, 0.08)[1])
            round_ticks(axes.yaxis, 6)
        elif measure.kind in ("exponent", "period"):
            if measure.kind == "exponent":
                axes.axhline(0, color="0.6", linewidth=0.6, linestyle=(0, (2, 2)), zorder=0)
            axes.set_ylim(finite_limits(extent, 0.08))
            round_ticks(axes.yaxis, 6)
        else:
            log_axis(axes, [values[values > 0] for values in extent])
        label_y(axes, measure.label)

    def shifted(self, x, curve):
        """Places of a curve, a little aside, so that no error bar hides another's."""
        count = len(self.curves)
        known = np.unique(self.plan.x[self.sweep.done])
        if not 1 < count <= self.MOST_SHIFTED or max(self.counts) < 2 or len(known) < 2:
            return x
        self.moved = True
        scale, back = (np.log, np.exp) if is_log_spaced(known) else (np.array, np.array)
        extent = np.ptp(scale(known))
        step = min(0.012 * extent, 0.5 * np.diff(scale(known)).min() / count)
        return back(scale(x) + (curve - (count - 1) / 2) * step)

    def draw_curve(self, axes, measure, mask, colour, place):
        """Mean and standard error, and where there is one curve each network; all y that show."""
        x, y = self.plan.x[mask], measure.values[mask]
        at = np.unique(x)
        if not at.size:
            return []
        groups = [y[x == one] for one in at]
        mean = np.array([group.mean() for group in groups])
        error = np.array([group.std() / np.sqrt(len(group)) for group in groups])
        self.counts += [len(group) for group in groups]
        repeated = max(len(group) for group in groups) > 1
        shown = [mean, mean + error, mean - error]
        if len(self.curves) == 1 and repeated:
            axes.plot(x, y, "o", color=colour, markersize=1.8, markeredgewidth=0, alpha=0.35,
                      zorder=2.5)
            self.dots = True
            shown.append(y)
        error[[len(group) == 1 for group in groups]] = np.nan  # one network has no spread
        in_no_order = self.plan.categories or self.plan.x_key in SEEDS
        at = self.shifted(at, place)
        bars(axes, at, mean, error, color=colour, width=0.8, zorder=3)
        axes.plot(at, mean, color=colour, marker="o", markersize=3.6, markeredgewidth=0,
                  linewidth=1.1, linestyle="none" if in_no_order else "-", zorder=3.1)
        return shown

    def finish_x(self, axes):
        axes.set_xlabel(axis_name(self.plan.x_key))
        if self.plan.categories:
            names = [textwrap.shorten(str(one), 18, placeholder="\u2026")
                     for one in self.plan.categories]
            turned = sum(map(len, names)) > 24
            axes.set_xticks(range(len(names)), names, rotation=20 if turned else 0,
                            ha="right" if turned else "center")
            axes.set_xlim(-0.5, len(names) - 0.5)
            return
        if is_log_spaced(self.plan.x[self.sweep.done]):
            axes.set_xscale("log")
            values = np.unique(self.plan.x[self.sweep.done])
            if values[-1] / values[0] < 200 and len(values) <= 7:  # the values themselves
                axes.set_xticks(values, [digits(one) for one in values])
                axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
            return
        whole = bool(np.all(self.plan.x == np.round(self.plan.x)))
        axes.xaxis.set_major_locator(
            matplotlib.ticker.MaxNLocator(5, steps=[1, 2, 5, 10], integer=whole))

    def caption(self):
        most = max(self.counts, default=0)
        words = count_networks(self.sweep) + ". "
        if most > 1:
            words += "Mean \u00b1 standard error (population SD / \u221an), n = %s networks a " \
                     "point" % between(min(self.counts), most)
            words += "; small dots: single networks" if self.dots else ""
            words += "; curves are shifted sideways a little" if self.moved else ""
            words += ". "
        elif len(self.sweep.state) > 1:
            words += "One network a point. "
        for mean_of in [m.mean_of for m in self.measures if m.kind == "R2"][:1]:
            if mean_of is None:
                words += "R\u00b2 of a network: the mean over its trials and outputs. "
            elif mean_of != (1, 1):
                words += "R\u00b2 of a network: the mean of its %s. " % " x ".join(
                    several(count, what) for count, what in zip(mean_of, ("trial", "output"))
                    if count > 1)
        if self.undefined:
            words += "R\u00b2 is undefined where a readout or target is constant: %s left out. " % (
                several(self.undefined, "network"))
        if len(self.curves) > self.MOST_CURVES:
            words += "%d curves, of which the legend names some. " % len(self.curves)
        if self.published:
            words += "Open symbols: published values, with errors where these are given. "
        return words.strip()


class MapFigure:
    """Measures over two coordinates: a column for each, a row for each value of any others."""

    LEFT, RIGHT, BETWEEN, TOP, GAP, BAR, MOST_ROWS = 0.62, 0.5, 0.98, 0.72, 0.72, 0.08, 6

    def __init__(self, sweep):
        self.sweep, self.plan = sweep, Plan(sweep)
        self.keys = self.plan.map_keys()
        self.measures = sweep.measures()
        self.rest = [key for key in self.plan.curve_keys if key not in self.keys]

    def empty(self):
        return not self.keys or not self.measures

    def draw(self):
        rows = self.plan.combinations(self.rest)
        shown = rows[:self.MOST_ROWS]
        across = len(self.measures)
        width = min((WIDTH - self.LEFT - self.RIGHT - (across - 1) * self.BETWEEN) / across, 2.4)
        x, y = (np.unique(self.sweep.values[key]) for key in self.keys)
        tall = min(max(width * len(y) / len(x), 0.8 * width), 1.3 * width)
        above = 0.2 if self.rest else 0.0  # for the values of the others
        pitch = tall + self.GAP + above
        whole = max(self.LEFT + across * width + (across - 1) * self.BETWEEN + self.RIGHT, 4.6)
        height = self.TOP + above + (len(shown) - 1) * pitch + tall + 0.9
        self.figure = plt.figure(figsize=(whole, height))
        text_at(self.figure, 0.2, 0.2, self.sweep.name, fontsize=9, fontweight="bold", va="center")
        tables = [[self.table(measure, mask, x, y) for _, mask in shown]
                  for measure in self.measures]
        names = letters()
        for row, (values, _) in enumerate(shown):
            top = self.TOP + above + row * pitch
            text_at(self.figure, 0.2, top - 0.36, self.plan.describe(self.rest, values),
                    va="center", fontsize=7.5, fontweight="bold", color=QUIET)
            for column, measure in enumerate(self.measures):
                axes = axes_at(self.figure, self.LEFT + column * (width + self.BETWEEN), top, width,
                               tall)
                every = np.stack([table for table, _ in tables[column]])
                self.draw_map(axes, measure, tables[column][row][0], every, x, y)
                head(axes, next(names), measure.title)
        counts = np.concatenate([members.ravel() for column in tables for _, members in column])
        holes, counts = int((counts == 0).sum()), counts[counts > 0]
        words = count_networks(self.sweep) + ". "
        if counts.max(initial=0) > 1:
            words += "Mean over n = %s networks a cell. " % between(counts.min(), counts.max())
        words += "Hatched: no network. " if holes else ""
        if len(rows) > len(shown):
            words += "The first %d of %d combinations of %s. " % (
                len(shown), len(rows), ", ".join(name_of(key)[0] for key in self.rest))
        caption(self.figure, lines_of(words.strip(), 150 if whole > 6 else 92))
        return self.figure

    def table(self, measure, mask, x, y):
        """Means [y][x], NaN where there is no network; how many there are."""
        mask = mask & self.sweep.done & np.isfinite(measure.values)
        column = np.searchsorted(x, self.sweep.values[self.keys[0]][mask])
        row = np.searchsorted(y, self.sweep.values[self.keys[1]][mask])
        sums, members = np.zeros((len(y), len(x))), np.zeros((len(y), len(x)), int)
        np.add.at(sums, (row, column), measure.values[mask])
        np.add.at(members, (row, column), 1)
        return np.where(members > 0, sums / np.maximum(members, 1), np.nan), members

    def draw_map(self, axes, measure, table, every, x, y):
        """every: all tables of the measure, which share their colours."""
        axes.set_facecolor("0.93")
        edges = matplotlib.patches.Rectangle((0, 0), 1, 1, transform=axes.transAxes, hatch="////",
                                             facecolor="none", edgecolor="0.75", linewidth=0,
                                             zorder=0)
        axes.add_patch(edges)
        how = {"cmap": "viridis", "vmin": 0, "vmax": 1}
        good = every[np.isfinite(every) & (every > 0)]
        if measure.kind == "exponent":
            most = np.abs(every[np.isfinite(every)]).max(initial=0) or 1
            how = {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
        elif measure.kind == "time":
            how = {"cmap": "viridis", "vmin": 0}
        elif measure.kind == "loss":
            how = {"cmap": "magma_r"}
            if good.size and good.max() > good.min():
                how["norm"] = matplotlib.colors.LogNorm(good.min(), good.max())
        image = axes.pcolormesh(np.arange(len(x) + 1), np.arange(len(y) + 1),
                                np.ma.masked_invalid(table), zorder=1, **how)
        for axis, values in ((axes.xaxis, x), (axes.yaxis, y)):
            every = -(-len(values) // 8)
            axis.set_ticks(np.arange(len(values))[::every] + 0.5,
                           [digits(one) for one in values[::every]])
            axis.set_tick_params(length=0, pad=3)
        axes.spines[:].set_visible(False)
        axes.set_xlabel(axis_name(self.keys[0]))
        label_y(axes, axis_name(self.keys[1]))
        box = axes.get_position()
        wide = self.figure.get_figwidth()
        bar = self.figure.add_axes([box.x1 + 0.07 / wide, box.y0, self.BAR / wide, box.height])
        self.figure.colorbar(image, cax=bar)
        names = {"R2": "R\u00b2", "loss": "Loss", "exponent": "\u03bb (1/s)", "time": "ms",
                 "period": "ms", "share": "Share"}
        bar.set_title(names[measure.kind], fontsize=6.5, pad=4)
        bar.tick_params(length=1.5, labelsize=6)
        bar.tick_params(which="minor", length=1, labelsize=5.5)
        bar.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
