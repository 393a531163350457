#!/usr/bin/env python3
"""Make the pen curves of two handwritten words, targets for networks with two outputs.

    python3 make_words.py [--out DIR] [--draw FILE.png]

writes chaos.csv (1322 rows) and neuron.csv (1234 rows): pen position x,y, one row per ms. The words
are those of Laje & Buonomano (2013), doi:10.1038/nn.3405, figure 2, but the curves are our own:
each letter is a list of points below, laid down by hand; a cubic spline through all of them is one
joined stroke. The pen starts and ends at rest, and slows down where it turns. Durations, starting
points and the ranges that hold the curves are those of the published task. Only --draw needs more
than NumPy: matplotlib.
"""
import argparse
import os

import numpy as np

# Points (x, y) of joined letters: baseline y = 0, height of a small letter 1, of a tall one 1.5.
# (width, points): a letter goes on where the one before ended, and the next begins at its width.
LETTERS = {
    "c": (0.92, [(1.01, 1.03), (0.89, 1.15), (0.64, 1.18), (0.33, 1.03), (0.13, 0.58),
                 (0.26, 0.14), (0.54, 0.00), (0.84, 0.12)]),
    "h": (1.00, [(0.20, 0.60), (0.38, 1.08), (0.43, 1.39), (0.34, 1.53), (0.22, 1.39),
                 (0.17, 1.00), (0.15, 0.50), (0.14, 0.02), (0.18, 0.40), (0.33, 0.80),
                 (0.53, 0.97), (0.71, 0.84), (0.74, 0.45), (0.78, 0.12), (0.91, 0.00),
                 (1.05, 0.12)]),
    "a": (1.04, [(0.20, 0.48), (0.44, 0.90), (0.72, 0.90), (0.52, 1.01), (0.24, 0.86),
                 (0.10, 0.45), (0.22, 0.05), (0.44, 0.05), (0.66, 0.42), (0.78, 0.97),
                 (0.76, 0.55), (0.79, 0.14), (0.91, 0.00), (1.05, 0.12)]),
    "o": (0.98, [(0.18, 0.48), (0.38, 0.90), (0.62, 0.95), (0.44, 1.02), (0.18, 0.86),
                 (0.06, 0.45), (0.20, 0.06), (0.42, 0.00), (0.66, 0.20), (0.76, 0.60),
                 (0.62, 0.94), (0.52, 0.84), (0.66, 0.74), (0.88, 0.82)]),
    "s": (0.80, [(0.24, 1.00), (0.46, 1.08), (0.62, 0.98), (0.52, 1.05), (0.26, 1.00),
                 (0.16, 0.78), (0.36, 0.55), (0.58, 0.30), (0.46, 0.04), (0.18, 0.02),
                 (0.02, 0.16)]),
    "n_first": (1.02, [(0.10, 1.00), (0.09, 0.50), (0.08, 0.02), (0.12, 0.40), (0.28, 0.82),
                       (0.48, 0.99), (0.68, 0.86), (0.71, 0.45), (0.75, 0.12), (0.88, 0.00),
                       (1.02, 0.12)]),
    "e": (0.86, [(0.28, 0.36), (0.56, 0.62), (0.58, 0.88), (0.40, 1.00), (0.18, 0.82),
                 (0.10, 0.42), (0.24, 0.06), (0.50, 0.00), (0.76, 0.14)]),
    "u": (1.02, [(0.06, 0.55), (0.16, 0.98), (0.13, 0.50), (0.20, 0.08), (0.40, 0.00),
                 (0.62, 0.30), (0.74, 0.98), (0.72, 0.50), (0.77, 0.10), (0.90, 0.00),
                 (1.04, 0.12)]),
    "r": (0.86, [(0.06, 0.55), (0.16, 1.00), (0.13, 0.50), (0.12, 0.02), (0.16, 0.45),
                 (0.30, 0.82), (0.50, 0.99), (0.64, 0.94), (0.74, 0.80)]),
    "o_high": (0.98, [(0.14, 0.84), (0.32, 0.92), (0.60, 0.95), (0.42, 1.02), (0.18, 0.86),
                      (0.06, 0.45), (0.20, 0.06), (0.42, 0.00), (0.66, 0.20), (0.76, 0.60),
                      (0.62, 0.94), (0.52, 0.84), (0.66, 0.74), (0.88, 0.82)]),
    "n_high": (1.02, [(0.17, 1.00), (0.14, 0.50), (0.13, 0.02), (0.17, 0.40), (0.32, 0.82),
                      (0.52, 0.99), (0.70, 0.86), (0.73, 0.45), (0.77, 0.12), (0.90, 0.00),
                      (1.04, 0.12)]),
}

# letters, slant, fall of the baseline, duration in ms, range of x, range of y, starting point. The
# curve starts at that point exactly and is as large as the ranges allow.
WORDS = {
    "chaos": (["c", "h", "a", "o", "s"], 0.22, 0.165, 1322,
              (-0.406, 0.368), (-0.140, 0.255), (-0.225, 0.172)),
    "neuron": (["n_first", "e", "u", "r", "o_high", "n_high"], 0.30, 0.20, 1234,
               (-0.547, 0.509), (-0.159, 0.303), (-0.436, 0.303)),
}
FASTEST = 0.015  # per ms, nowhere exceeded
RAMP_MS = 100    # to come to full speed, and to stop
SMOOTH_MS = 6    # SD of the filter that rounds the turns


def spline(points, samples):
    """Natural cubic spline through points, its parameter the square root of the chord length, which
    keeps close points from making loops. Returns [samples][2]."""
    chord = np.hypot(*np.diff(points, axis=0).T)
    knots = np.concatenate([[0], np.cumsum(np.sqrt(chord))])
    h = np.diff(knots)
    n = len(points)
    system, right = np.eye(n), np.zeros((n, 2))
    slopes = np.diff(points, axis=0) / h[:, None]
    for i in range(1, n - 1):
        system[i, i - 1:i + 2] = h[i - 1], 2 * (h[i - 1] + h[i]), h[i]
        right[i] = 6 * (slopes[i] - slopes[i - 1])
    bend = np.linalg.solve(system, right)
    at = np.linspace(0, knots[-1], samples)
    i = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, n - 2)
    a, b, w = (knots[i + 1] - at)[:, None], (at - knots[i])[:, None], h[i][:, None]
    return (bend[i] * a ** 3 + bend[i + 1] * b ** 3) / (6 * w) + \
        (points[i] / w - bend[i] * w / 6) * a + (points[i + 1] / w - bend[i + 1] * w / 6) * b


def shape(letters, slant, fall, x_range, y_range, start):
    """The word's curve, finely sampled, placed and sized."""
    points, left = [], 0.0
    for letter in letters:
        width, own = LETTERS[letter]
        points += [(left + x, y) for x, y in own]
        left += width
    x, y = np.array(points).T
    curve = spline(np.column_stack([x + slant * y, y - fall * x]), 40001)
    curve -= curve[0]
    for axis, (low, high) in enumerate((x_range, y_range)):
        room = [(low - start[axis]) / curve[:, axis].min() if curve[:, axis].min() < 0 else np.inf,
                (high - start[axis]) / curve[:, axis].max() if curve[:, axis].max() > 0 else np.inf]
        curve[:, axis] *= min(room)
    return curve + start


def tempo(curve):
    """Time at each point of the curve, from 0 to 1, as a hand would take it: speed falls with the
    cube root of the curvature (Lacquaniti et al. 1983, doi:10.1016/0001-6918(83)90027-6)."""
    step = np.hypot(*np.diff(curve, axis=0).T)
    along = np.concatenate([[0], np.cumsum(step)])
    even = np.linspace(0, along[-1], len(curve))
    path = np.column_stack([np.interp(even, along, axis) for axis in curve.T])
    window = np.hanning(401)  # evens out the curvature over about 1 % of the path
    direction = np.unwrap(np.arctan2(*np.gradient(path, axis=0).T[::-1]))
    curvature = np.abs(np.gradient(direction, even))
    curvature = np.convolve(np.pad(curvature, 200, mode="edge"), window / window.sum(), "valid")
    slowness = np.cbrt(curvature + 10)
    passed = np.concatenate([[0], np.cumsum((slowness[1:] + slowness[:-1]) / 2)])
    return path, passed / passed[-1]


def smooth(pen):
    """Gaussian filter over time that leaves both ends where they are."""
    reach = 4 * SMOOTH_MS
    weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SMOOTH_MS) ** 2)
    longer = np.pad(pen, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    return np.column_stack([np.convolve(axis, weight / weight.sum(), "valid") for axis in longer.T])


def word(letters, slant, fall, duration, x_range, y_range, start):
    """Pen position once a ms, [duration][2]."""
    path, passed = tempo(shape(letters, slant, fall, x_range, y_range, start))
    t = np.arange(duration - 1) + 0.5
    rise = np.clip(np.minimum(t, duration - 1 - t) / RAMP_MS, 0, 1)
    progress = np.concatenate([[0], np.cumsum(rise ** 2 * (3 - 2 * rise))])
    progress /= progress[-1]
    pen = np.column_stack([np.interp(progress, passed, axis) for axis in path.T])
    pen = smooth(pen)
    fastest = np.hypot(*np.diff(pen, axis=0).T).max()
    assert fastest <= FASTEST, "speed %.4f per ms" % fastest
    return pen


def draw(pens, path):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(pens), figsize=(5 * len(pens), 5),
                                gridspec_kw={"height_ratios": (3, 1)}, constrained_layout=True)
    for (name, pen), (plane, time) in zip(pens.items(), axes.T):
        plane.plot(*pen.T, color="black", linewidth=1.5)
        plane.plot(*pen[0], "o", color="black")
        plane.set(title=name, xlabel="x", ylabel="y", aspect="equal")
        time.plot(1e3 * np.hypot(*np.diff(pen, axis=0).T), color="black", linewidth=1)
        time.set(xlabel="Time (ms)", ylabel="Speed (1/s)")
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=os.path.dirname(os.path.abspath(__file__)),
                        help="folder for the CSV files; default: this program's")
    parser.add_argument("--draw", metavar="FILE", help="draw the words, too")
    args = parser.parse_args()
    pens = {name: word(*how) for name, how in WORDS.items()}
    for name, pen in pens.items():
        np.savetxt(os.path.join(args.out, name + ".csv"), pen, fmt="%.5f", delimiter=",",
                   header="x,y", comments="")
    if args.draw:
        draw(pens, args.draw)


if __name__ == "__main__":
    main()
