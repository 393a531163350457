#!/usr/bin/env python3
"""Golden numbers of tests/unit/test_distance.c: CKA and overlap by numpy, from whole matrices.

    python3 tests/golden/distance.py
"""
import numpy as np

ROWS = 40


def signals(columns, seed):
    """A matrix that C makes with the same operations."""
    i, j = np.meshgrid(np.arange(ROWS), np.arange(columns), indexing="ij")
    return np.sin(0.3 * i * (1 + 0.1 * j) + seed) + 0.1 * j * np.cos(1.7 * i + j * seed)


def centred(x):
    return x - x.mean(0)


def cka(x, y):
    kx, ky = (centred(one) @ centred(one).T for one in (x, y))
    return (kx * ky).sum() / np.sqrt((kx * kx).sum() * (ky * ky).sum())


def overlap(x, y, share):
    scores = []
    for one in (x, y):
        u, s, _ = np.linalg.svd(centred(one), full_matrices=False)
        k = 1 + int(np.searchsorted(np.cumsum(s**2), share * (s**2).sum()))
        scores.append(u[:, :k])
    canonical = np.linalg.svd(scores[0].T @ scores[1], compute_uv=False)
    return (canonical**2).mean(), scores[0].shape[1], scores[1].shape[1]


a, b = signals(5, 1), signals(7, 2)
print("cka %.17g" % cka(a, b))
for wanted in (0.8, 0.99):
    print("overlap of %g: %.17g, of %d and %d" % ((wanted,) + overlap(a, b, wanted)))
