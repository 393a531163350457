"""The figure `condense`: networks whose units are merged, one pair after the other."""
import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from figures.common import BLUE, QUIET, SEEDS, VERMILION, WIDTH
from figures.pieces import (
    axes_at, digits, head, label_y, legend_block, legend_rows, letters, log_axis, round_ticks,
    several, text_at)
from figures.reading import in_order_of, text
from figures.sweep import caption, count_networks, lines_of
from figures.sweeps import Plan


class Course:
    """What a network came to, merge by merge; the last one may be that which was too much."""

    def __init__(self, group, row):
        self.merges = int(group["merges"][row])
        self.until = float(group["until"][row])
        for name in ("size", "loss", "components_95", "ramp", "ramp_by_sample"):
            values = group[name][row]
            setattr(self, name, values[:self.merges + 2])
        tried = np.flatnonzero(np.isfinite(self.size))[-1] + 1
        for name in ("size", "loss", "components_95", "ramp", "ramp_by_sample"):
            setattr(self, name, getattr(self, name)[:tried])
        self.units, self.left = self.size[0], self.size[self.merges]

    @staticmethod
    def all_of(file, row):
        """[(phase, data, course)] of the phases that condense and ended."""
        return [(name, data, Course(one, row)) for name, phase in in_order_of(file["phases"])
                if text(phase.attrs.get("kind", "")) == "condense"
                for data, one in phase.items() if np.isfinite(one["merges"][row])]


class CondenseFigure:
    """Loss, components and ramps against the number of units that are left, and how many these are
    at the end; of one phase."""

    LEFT, RIGHT, BETWEEN, PANEL, GAP = 0.62, 0.15, 0.72, 1.75, 0.72

    def __init__(self, title, groups, aside="", words=""):
        """groups: [(label, colour, courses)]."""
        self.title, self.aside, self.words = title, aside, words
        self.groups = [one for one in groups if one[2]]
        self.letters = letters()
        starts = [course.units for _, _, courses in self.groups for course in courses]
        self.log = bool(starts) and max(starts) / min(starts) > 3

    @classmethod
    def of_network(cls, results):
        found = Course.all_of(results.file, results.row)[:1]
        return cls(results.title(), [("loss", BLUE, [found[0][2]])] if found else [],
                   results.values())

    @classmethod
    def of_sweep(cls, sweep):
        if not sweep.is_model or not sweep.phases("condense"):
            return cls("", [])
        plan, rows = Plan(sweep), sweep.rows()
        varying = [plan.x_key] + plan.curve_keys
        keys = [key for key in varying if key not in SEEDS]
        found = plan.combinations(keys)
        colours = [BLUE, VERMILION] if len(found) == 2 else plan.colours(keys, len(found))
        groups = [(plan.describe(keys, values), colour,
                   [course for k in np.flatnonzero(mask & sweep.done)
                    for _, _, course in Course.all_of(*rows[k])[:1]])
                  for (values, mask), colour in zip(found, colours)]
        return cls(sweep.name, groups, "", count_networks(sweep) + ". ")

    def empty(self):
        return not self.groups

    def draw(self):
        several_groups = len(self.groups) > 1
        handles = [plt.Line2D([], [], color=colour, linewidth=1.6, label=label)
                   for label, colour, _ in self.groups] if several_groups else []
        top = 0.66 + 0.17 * legend_rows(handles, WIDTH)[1]
        self.figure = plt.figure(figsize=(WIDTH, top + 2 * self.PANEL + self.GAP + 0.95))
        text_at(self.figure, 0.2, 0.2, self.title, fontsize=9, fontweight="bold", va="center")
        text_at(self.figure, WIDTH - self.RIGHT, 0.2, self.aside, ha="right", va="center",
                color=QUIET)
        legend_block(self.figure, handles)
        width = (WIDTH - self.LEFT - self.RIGHT - self.BETWEEN) / 2
        panels = (self.draw_loss, self.draw_components, self.draw_ramp, self.draw_ends)
        for k, panel in enumerate(panels):
            panel(axes_at(self.figure, self.LEFT + k % 2 * (width + self.BETWEEN),
                          top + k // 2 * (self.PANEL + self.GAP), width, self.PANEL))
        caption(self.figure, lines_of(self.describe()))
        return self.figure

    def describe(self):
        most = max(len(courses) for _, _, courses in self.groups)
        words = self.words
        if most > 1:
            words += "Bold: medians over the networks, as far as at least half of them go; thin: " \
                     "single networks. "
        return words + "Dashed: %s times the loss before the first merge%s; a merge beyond it is " \
                       "taken back." % (
                           "/".join(digits(one) for one in sorted(
                               {c.until for _, _, courses in self.groups for c in courses})),
                           ", the median" if most > 1 else "")

    def draw_courses(self, axes, name, until_end=False, style="-"):
        """Single networks and medians against units; all that show. until_end: with the merge
        that was too much."""
        shown = []
        for _, colour, courses in self.groups:
            for course in courses:
                values = getattr(course, name)
                stop = len(values) if until_end else course.merges + 1
                axes.plot(course.size[:stop], values[:stop], color=colour, linestyle=style,
                          linewidth=0.5 if len(courses) > 1 else 1.2,
                          alpha=0.55 if len(courses) > 1 else 1)
                shown.append(values[:stop])
            if len(courses) > 1:
                at, median = self.median(courses, name, until_end)
                axes.plot(at, median, color=colour, linewidth=1.5, linestyle=style, zorder=3)
        return shown

    @staticmethod
    def median(courses, name, until_end):
        sizes = np.unique(np.concatenate([course.size for course in courses]))[::-1]
        table = np.full((len(courses), len(sizes)), np.nan)
        for row, course in zip(table, courses):
            stop = len(course.size) if until_end else course.merges + 1
            row[np.searchsorted(-sizes, -course.size[:stop])] = getattr(course, name)[:stop]
        enough = 2 * np.isfinite(table).sum(axis=0) >= len(courses)
        return sizes[enough], np.nanmedian(table[:, enough], axis=0)

    def finish_x(self, axes):
        """From many units to few."""
        most = max(course.units for _, _, courses in self.groups for course in courses)
        least = min(course.size[-1] for _, _, courses in self.groups for course in courses)
        if self.log:
            axes.set_xscale("log")
            ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
                     if least * 0.9 <= t <= most * 1.1]
            axes.set_xticks(ticks, [str(t) for t in ticks])
            axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
            axes.set_xlim(most * 1.1, least / 1.1)
        else:
            pad = 0.03 * (most - least) or 0.5
            axes.set_xlim(most + pad, least - pad)
            axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(8, steps=[1, 2, 5, 10],
                                                                       integer=True))
        axes.set_xlabel("Units that are left")

    def draw_loss(self, axes):
        shown = self.draw_courses(axes, "loss", until_end=True)
        bounds = [np.median([course.until * course.loss[0] for course in courses])
                  for _, _, courses in self.groups]
        for bound, (_, colour, _) in zip(bounds, self.groups):
            axes.axhline(bound, color=colour if len(set(bounds)) > 1 else "0.5", linewidth=0.7,
                         linestyle=(0, (4, 2)), zorder=1)
        shown.append(np.array(bounds))
        log_axis(axes, shown)
        self.finish_x(axes)
        label_y(axes, "Loss")
        head(axes, next(self.letters), "Loss after each merge")

    def draw_components(self, axes):
        shown = self.draw_courses(axes, "components_95")
        axes.set_ylim(0, max(np.nanmax(one) for one in shown) * 1.15)
        axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5, integer=True))
        self.finish_x(axes)
        label_y(axes, "Components")
        head(axes, next(self.letters), "Components of 95 % of the variance")

    def draw_ramp(self, axes):
        self.draw_courses(axes, "ramp")
        self.draw_courses(axes, "ramp_by_sample", style=(0, (1, 1)))
        axes.set_ylim(-0.04, 1.06)
        round_ticks(axes.yaxis, 5)
        self.finish_x(axes)
        label_y(axes, "|Correlation|")
        head(axes, next(self.letters), "First component and time",
             "dotted: sample by sample")

    def draw_ends(self, axes):
        """Units that are left at the end, of each network."""
        for place, (_, colour, courses) in enumerate(self.groups):
            left = np.array([course.left for course in courses])
            aside = np.linspace(-0.16, 0.16, len(left)) if len(left) > 1 else np.zeros(1)
            axes.plot(place + aside, left, "o", color=colour, markersize=3.2, markeredgewidth=0,
                      alpha=0.7)
            axes.plot([place - 0.28, place + 0.28], [np.median(left)] * 2, color=colour,
                      linewidth=1.5)
            start = np.median([course.units for course in courses])
            axes.plot([place - 0.28, place + 0.28], [start] * 2, color="0.7", linewidth=1)
        axes.set_xlim(-0.6, len(self.groups) - 0.4)
        axes.set_xticks([])
        axes.set_xlabel("Networks, by the colours above" if len(self.groups) > 1 else
                        several(len(self.groups[0][2]), "network"))
        if self.log:
            log_axis(axes, [np.array([course.left, course.units]) for _, _, courses in self.groups
                            for course in courses])
        else:
            axes.set_ylim(0, None)
            round_ticks(axes.yaxis, 5)
        label_y(axes, "Units")
        head(axes, next(self.letters), "Units at the end", "grey: at the start")
