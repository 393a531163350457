"""Benchmarks of reservoirs, checked against NumPy.

    python3 reservoirs.py NGRC NARMA MEMORY

results of the jobs ngrc-lorenz (with output.rates.neurons=all), esn-narma and esn-memory.
"""
import sys
from itertools import combinations_with_replacement

import h5py
import numpy as np


def check(what, found, low, high):
    print(f"{what}: {found:.6g}, want {low:g} to {high:g}")
    if not low <= found <= high:
        sys.exit(f"FAILED: {what}")


def features(u, delay, stride):
    """Names and values [time, feature] of the linear and quadratic features of inputs [time, channel]."""
    lags = [(d * stride, c) for d in range(delay) for c in range(u.shape[1])]
    names = [f"x{c}(t-{lag})" if lag else f"x{c}(t)" for lag, c in lags]
    past = np.zeros((len(u), len(lags)))
    for k, (lag, c) in enumerate(lags):
        past[lag:, k] = u[:len(u) - lag, c]
    pairs = list(combinations_with_replacement(range(len(lags)), 2))
    names += [f"{names[i]}^2" if i == j else f"{names[i]} {names[j]}" for i, j in pairs]
    return names, np.hstack([past] + [(past[:, i] * past[:, j])[:, None] for i, j in pairs])


def forecast(file):
    """Features and readouts of Lorenz forecasts; and by least squares, which does not square the condition of X, the
    mean square errors of the published example."""
    limits = {1: (5.9e-12, 6.2e-12), 10: (0.0139, 0.0143), 100: (44.5, 45.5)}
    ours, horizons = file["phases/forecast/lorenz/loss"][:, 0], file["sweep/horizon"][:]
    for n, horizon in enumerate(horizons):
        u, y = file["tasks/lorenz/input"][n].T, file["tasks/lorenz/target"][n].T
        rates, z = file["phases/forecast/lorenz/rates"][n, 0].T, file["phases/forecast/lorenz/readout"][n, 0].T
        names, wanted = features(u, 4, 5)
        assert [name.decode() for name in file["features"][n]] == names, "names"
        assert np.array_equal(rates, wanted), "features are not products of past inputs, to the last bit"
        assert np.array_equal(y[:-int(horizon)], u[int(horizon):]), "the target is not what comes later"
        X, train, test = np.hstack([np.ones((len(u), 1)), rates]), slice(2000, 8000), slice(8000, 9900)
        A = np.vstack([X[train], 1e-3 * np.eye(91)])
        W = np.linalg.lstsq(A, np.vstack([y[train], np.zeros((91, 3))]), rcond=None)[0]
        check(f"NumPy's error {horizon:g} ahead", np.mean((X[test] @ W - y[test])**2), *limits[horizon])
        check("loss over that of the readout recorded",
              ours[n] / np.mean((z[test] - y[test])**2), 1 - 1e-12, 1 + 1e-12)
    check("our error 1 ahead", ours[0], 5e-12, 1e-10)
    check("our error 10 ahead", ours[1], 0.01, 0.05)
    check("our error 100 ahead", ours[2], 40, 50)


def narma(file):
    """The target is the recursion on the input; the network follows it as well as such networks do."""
    u, y = file["tasks/narma/input"][0, 0], file["tasks/narma/target"][0, 0]
    assert 0 <= u.min() < 0.001 and 0.499 < u.max() <= 0.5
    want = np.zeros(len(u) + 1)
    for t in range(len(u)):
        want[t + 1] = (0.3 * want[t] + 0.05 * want[t] * want[max(0, t - 9):t + 1].sum()
                       + 1.5 * (u[t - 9] if t >= 9 else 0) * u[t] + 0.1)
    assert np.allclose(y, want[1:], rtol=1e-10, atol=0), "the target is not NARMA-10 of the input"
    nrmse = np.sqrt(file["phases/unseen/narma/loss"][:, 0] / y[4200:].var())
    check("NARMA-10, best of five", nrmse.min(), 0.18, 0.25)
    check("NARMA-10, worst of five", nrmse.max(), 0.18, 0.25)


def memory(file):
    """Capacity: at most the number of neurons, and the less the larger the input."""
    u, y = file["tasks/memory/input"][0, 0], file["tasks/memory/target"][0]
    for k in range(40):
        assert np.array_equal(y[k, k + 1:], u[:-k - 1]) and not y[k, :k + 1].any(), "delays"
    r2 = file["phases/unseen/memory/correlation"][:, 0]**2
    for capacity, limits in zip(r2.sum(axis=1).reshape(3, 5).mean(axis=1), [(35, 39), (26, 30), (10, 12)]):
        check("memory capacity", capacity, *limits)
    check("r^2 of one sample ago, input 0.01", r2[:5, 0].min(), 0.9999, 1)
    check("r^2 of 40 samples ago, input 1", r2[10:, 39].max(), 0, 0.01)


for path, look in zip(sys.argv[1:], (forecast, narma, memory)):
    with h5py.File(path) as results:
        look(results)
