#!/usr/bin/env python3
"""Time NumPy programs for a population of respiratory oscillators (Rubin et al. 2009, doi:10.1152/jn.90958.2008): the
yardsticks for ours. Forward Euler with steps of 0.1 ms, vectorised over the population; the four neurons of all
oscillators are the rows of one array, so that a line of Python works on 400,000 numbers. One program has the equations
as they are written; the other one shares exponentials and works in place, as who knows NumPy well may do.

    python3 tests/bench/numpy_respiratory.py [--oscillators 100000] [--steps 50]

prints one line, `plain_ms=... tuned_ms=...`: the median times of a step.
"""
import argparse
import statistics
import sys
import time

try:
    import numpy as np
except ImportError:
    sys.exit("numpy_respiratory.py: Python package 'numpy' is missing (Debian: python3-numpy)")

DT, C = 0.1, 20.0
G_NAP, G_K, G_L, G_AD, G_E, G_I = 5.0, 5.0, 2.8, 10.0, 10.0, 60.0
E_NA, E_K, E_L, E_I = 50.0, -85.0, -60.0, -75.0
SLOPE = np.array([[8.0], [4.0], [4.0], [4.0]])
TAU_AD, K_AD = np.array([[2000.0], [1000.0], [2000.0]]), np.array([[0.9], [1.3], [0.9]])
INHIBITION = np.array([[0, 0, 0.3, 0.2], [0, 0, 0.05, 0.35], [0, 0.25, 0, 0.1], [0, 0.35, 0.35, 0]])


def plain_step(V, h, m, E):
    """One step of all oscillators in place. V, E: [4, n]; h: [n]; m: [3, n]."""
    f = 1 / (1 + np.exp(-(V + 30) / SLOPE))
    m_p = 1 / (1 + np.exp(-(V[0] + 40) / 6))
    n = 1 / (1 + np.exp(-(V[0] + 29) / 4))
    h_inf = 1 / (1 + np.exp((V[0] + 48) / 6))
    tau_h = 6000 / np.cosh((V[0] + 48) / 12)
    excitation = E.copy()
    excitation[1] += 0.4 * f[0]
    current = G_L * (V - E_L) + G_E * V * excitation + G_I * (V - E_I) * (INHIBITION @ f)
    current[0] += G_NAP * m_p * h * (V[0] - E_NA) + G_K * n**4 * (V[0] - E_K)
    current[1:] += G_AD * m * (V[1:] - E_K)
    h += DT * (h_inf - h) / tau_h
    m += DT * (K_AD * f[1:] - m) / TAU_AD
    V -= DT * current / C


def tuned_step(V, h, m, E):
    """The same with fewer exponentials and temporary arrays."""
    f = 1 / (1 + np.exp((V + 30) / -SLOPE))
    n = 1 / (1 + np.exp((V[0] + 29) / -4))
    n *= n
    n *= n
    q = np.exp((V[0] + 48) / 12)  # serves h_inf and the hyperbolic cosine
    current = G_L * (V - E_L) + G_E * V * E + G_I * (V - E_I) * (INHIBITION @ f)
    current[0] += G_NAP * h / (1 + np.exp((V[0] + 40) / -6)) * (V[0] - E_NA) + G_K * n * (V[0] - E_K)
    current[1] += G_E * 0.4 * V[1] * f[0]
    current[1:] += G_AD * m * (V[1:] - E_K)
    h += DT / 12000 * (q + 1 / q) * (1 / (1 + q * q) - h)
    m += DT / TAU_AD * (K_AD * f[1:] - m)
    V -= DT / C * current


def check(step):
    """One oscillator after 100 steps."""
    V, h, m = np.full((4, 1), -60.0), np.full(1, 0.35), np.zeros((3, 1))
    for _ in range(100):
        step(V, h, m, np.array([[0.21], [0.6], [0.63], [0.73]]))
    wanted = [-28.881086548, -18.198192858, -52.599643691, -55.215888672]
    if np.abs(V[:, 0] - wanted).max() > 1e-8:
        sys.exit("numpy_respiratory.py: it does not compute the oscillator")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--oscillators", type=int, default=100000)
    parser.add_argument("--steps", type=int, default=50)
    args = parser.parse_args()
    n = args.oscillators
    found = []
    for name, step in (("plain", plain_step), ("tuned", tuned_step)):
        check(step)
        V, h, m = np.full((4, n), -60.0), np.full(n, 0.35), np.zeros((3, n))
        E = np.repeat([[0.21], [0.6], [0.63], [0.73]], n, axis=1)
        E[0] += 0.025 * np.random.default_rng(1).uniform(-1, 1, n)
        times = []
        for _ in range(args.steps):
            began = time.perf_counter()
            step(V, h, m, E)
            times.append(1e3 * (time.perf_counter() - began))
        found.append(f"{name}_ms={statistics.median(times):.3f}")
    print(*found)


if __name__ == "__main__":
    main()
