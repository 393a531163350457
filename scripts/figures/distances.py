"""The figure `distances`: how alike the solutions of a sweep's networks are."""
import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from figures.common import QUIET, WIDTH, Problem
from figures.pieces import axes_at, head, letters, several, text_at
from figures.reading import open_results, text
from figures.sweep import caption, lines_of


def classical_scaling(distance):
    """Places in the plane whose distances are nearest to these, by the two largest eigenvalues of
    -1/2 J D^2 J (Torgerson 1952); and their share of all that are above 0."""
    n = len(distance)
    centre = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-0.5 * centre @ distance ** 2 @ centre)
    values, vectors = values[::-1], vectors[:, ::-1]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(n)])
    positive = np.maximum(values, 0)
    share = positive[:2].sum() / positive.sum() if positive.sum() > 0 else np.nan
    return vectors[:, :2] * np.sqrt(positive[:2]), share


class DistancesFigure:
    """Matrices of likeness, networks ordered by their size; below, each network a place in the
    plane, by the angles whose cosines these are."""

    LEFT, RIGHT, BETWEEN, GAP, BAR = 0.62, 0.15, 1.05, 0.75, 0.08
    KINDS = (("cka", "Linear CKA"), ("overlap", "Overlap of components"))

    def __init__(self, path):
        file = open_results(path)
        group = file["distances"]
        self.title = text(file.attrs["name"])
        self.what = "layer %s, %s, %s" % tuple(text(group.attrs[key])
                                               for key in ("layer", "phase", "data"))
        self.share = float(group.attrs["share"])
        units, cka = file["units"][:], group["cka"][:]
        good = np.isfinite(cka).sum(axis=1) > 1
        order = np.flatnonzero(good)[np.argsort(units[good], kind="stable")]
        if len(order) < 2:
            raise Problem("holds no two networks that can be compared")
        self.left_out = len(units) - len(order)
        self.units = units[order]
        self.matrices = {kind: group[kind][:][np.ix_(order, order)] for kind, _ in self.KINDS}
        self.letters = letters()

    def draw(self):
        width = (WIDTH - self.LEFT - self.RIGHT - self.BETWEEN - 0.3) / 2
        self.figure = plt.figure(figsize=(WIDTH, 0.75 + 2 * width + self.GAP + 0.95))
        text_at(self.figure, 0.2, 0.2, self.title, fontsize=9, fontweight="bold", va="center")
        text_at(self.figure, WIDTH - self.RIGHT, 0.2, self.what, ha="right", va="center",
                color=QUIET)
        for k, (kind, title) in enumerate(self.KINDS):
            left = self.LEFT + k * (width + self.BETWEEN)
            self.draw_matrix(axes_at(self.figure, left, 0.75, width, width),
                             axes_at(self.figure, left + width + 0.08, 0.75, self.BAR, width),
                             self.matrices[kind], title)
        sizes = np.unique(self.units)
        colours = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(sizes)))
        for k, (kind, _) in enumerate(self.KINDS):
            self.draw_plane(axes_at(self.figure, self.LEFT + k * (width + self.BETWEEN),
                                    0.75 + width + self.GAP, width, width),
                            self.matrices[kind], sizes, colours, k == 0)
        caption(self.figure, lines_of(
            "%s%s. Components: as many as make up %g of the variance; their overlap is the mean "
            "of the squared canonical correlations. Below: classical scaling of the angles whose "
            "cosines are above." % (several(len(self.units), "network"), "" if not self.left_out
                                    else ", %d left out" % self.left_out, self.share)))
        return self.figure

    def draw_matrix(self, axes, bar, matrix, title):
        image = axes.imshow(matrix, vmin=0, vmax=1, cmap="magma", interpolation="nearest")
        self.figure.colorbar(image, cax=bar, ticks=[0, 0.5, 1])
        bar.tick_params(length=2)
        starts = np.flatnonzero(np.diff(self.units)) + 1
        for at in starts:
            axes.axhline(at - 0.5, color="white", linewidth=0.6)
            axes.axvline(at - 0.5, color="white", linewidth=0.6)
        edges = np.concatenate([[0], starts, [len(self.units)]])
        middles = (edges[:-1] + edges[1:] - 1) / 2
        names = ["%d" % self.units[at] for at in edges[:-1]]
        if len(names) > 12:
            keep = np.linspace(0, len(names) - 1, 12).round().astype(int)
            middles, names = middles[keep], [names[k] for k in keep]
        axes.set_xticks(middles, names)
        axes.set_yticks(middles, names)
        axes.tick_params(length=0)
        axes.set_xlabel("Networks, by units")
        axes.set_ylabel("Networks, by units")
        for spine in axes.spines.values():
            spine.set_visible(False)
        head(axes, next(self.letters), title)

    def draw_plane(self, axes, matrix, sizes, colours, legend):
        places, share = classical_scaling(np.arccos(np.clip(matrix, -1, 1)))
        for size, colour in zip(sizes, colours):
            mine = self.units == size
            axes.plot(places[mine, 0], places[mine, 1], "o", color=colour, markersize=4,
                      markeredgewidth=0, alpha=0.85, label="%d" % size)
        reach = 1.1 * np.abs(places).max() or 1
        axes.set_xlim(-reach, reach)
        axes.set_ylim(-reach, reach)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(matplotlib.ticker.MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.set_xlabel("Angle (rad)")
        axes.set_ylabel("Angle (rad)")
        if legend and len(sizes) <= 12:
            axes.legend(title="Units", loc="best", handletextpad=0.2, borderpad=0.2,
                        labelspacing=0.25, title_fontsize=6.5)
        head(axes, next(self.letters), "Networks in the plane",
             "%.0f %% of the squares" % (100 * share))
