"""What reservoirs are known to do, and NumPy's view of the benchmarks, asked of the results of jobs in a folder:
ngrc-lorenz.h5 (with output.rates.neurons=all), esn-narma.h5, esn-memory.h5, step.h5, force.h5, full-force.h5,
lorenz.h5, mackey-glass.h5. Fails with the numbers.

    python3 reservoirs.py FOLDER
"""
import sys
from itertools import combinations_with_replacement

import h5py
import numpy as np

FOLDER = sys.argv[1]


def check(good, words):
    print("%s %s" % ("ok  " if good else "FAIL", words))
    if not good:
        sys.exit(1)


def between(what, found, low, high):
    check(low <= found <= high, f"{what}: {found:.6g}, want {low:g} to {high:g}")


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
        between(f"NumPy's error {horizon:g} ahead", np.mean((X[test] @ W - y[test])**2), *limits[horizon])
        between("loss over that of the readout recorded",
              ours[n] / np.mean((z[test] - y[test])**2), 1 - 1e-12, 1 + 1e-12)
    for mine, horizon in zip(ours, horizons):
        between(f"our error {horizon:g} ahead", mine, *limits[horizon])


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
    between("NARMA-10, best of five", nrmse.min(), 0.18, 0.25)
    between("NARMA-10, worst of five", nrmse.max(), 0.18, 0.25)


def memory(file):
    """Capacity: at most the number of neurons, and the less the larger the input."""
    u, y = file["tasks/memory/input"][0, 0], file["tasks/memory/target"][0]
    for k in range(40):
        assert np.array_equal(y[k, k + 1:], u[:-k - 1]) and not y[k, :k + 1].any(), "delays"
    r2 = file["phases/unseen/memory/correlation"][:, 0]**2
    for capacity, limits in zip(r2.sum(axis=1).reshape(3, 5).mean(axis=1), [(35, 39), (26, 30), (10, 12)]):
        between("memory capacity", capacity, *limits)
    between("r^2 of one sample ago, input 0.01", r2[:5, 0].min(), 0.9999, 1)
    between("r^2 of 40 samples ago, input 1", r2[10:, 39].max(), 0, 0.01)


def lasso():
    """KKT conditions and sparsity of the readouts of jobs/esn-step.yaml, R^2 on the second trial."""
    alpha, sparsity, fits, gaps = 0.001, [], [], []
    with h5py.File(FOLDER + "/step.h5") as f:
        target = f["tasks/step/target"][0, 0]
        for k in range(f["network"].shape[0]):
            X = f["phases/readout/step/rates"][k, 0].T
            w, b = f["weights/final/readout"][k, 0], f["weights/final/readout_bias"][k, 0]
            n = len(X)
            gradient = (X - X.mean(axis=0)).T @ (target - b - X @ w)
            on = w != 0
            worst = np.abs(gradient).max() / (n * alpha)
            off = np.abs(gradient[on] - n * alpha * np.sign(w[on])).max() / (n * alpha)
            gaps.append(max(worst - 1, off))
            sparsity.append(on.sum())
            fits.append(f["phases/second/step/correlation"][k, 0, 0] ** 2)
    check(max(gaps) < 1e-3, "LASSO: KKT conditions to %.1e of n alpha" % max(gaps))
    check(max(sparsity) <= 60, "LASSO: %s weights of 400" % sparsity)
    check(np.median(fits) > 0.6, "LASSO: R^2 on the second trial %s" % np.round(fits, 2))


def force():
    with h5py.File(FOLDER + "/force.h5") as f:
        target = f["tasks/sines/target"][0, 0]
        train, test = (np.mean(np.abs(f["phases/%s/sines/readout" % phase][:, -1, 0] - target), axis=1)
                       for phase in ("force", "after"))
        r = f["phases/after/sines/correlation"][:, 0, 0]
    check(np.median(train) < 0.02, "FORCE: mean error in training %s" % np.round(train, 4))
    check(np.median(test) < 0.2, "FORCE: by itself for 12 periods %s" % np.round(test, 3))
    check(np.median(r) > 0.9, "FORCE: correlation %s" % np.round(r, 4))


def full_force():
    with h5py.File(FOLDER + "/full-force.h5") as f:
        target = f["tasks/oscillation/target"][0, 0]
        before, after = (f["phases/%s/oscillation/readout" % phase][0, -1, 0]
                         for phase in ("before", "after"))
    error = [100 * np.sum((z - target) ** 2) / np.sum(target ** 2) for z in (before, after)]
    check(error[1] < 1, "full-FORCE: error %.3g %% (before: %.3g %%)" % (error[1], error[0]))


def generated(name, steps):
    with h5py.File("%s/%s.h5" % (FOLDER, name)) as f:
        one_step = f["phases/open/unseen/nrmse"][0, 0].max()
        valid = f["phases/free/unseen/valid_ms"][0, 0]
        z, target = f["phases/free/unseen/readout"][0, 0, :, 1000:], f["tasks/unseen/target"][0, :, 1000:]
    spread = z.std(axis=1) / target.std(axis=1)
    check(one_step < 1e-3, "%s: one step ahead, NRMSE %.1e" % (name, one_step))
    check(valid > steps, "%s: by itself, good for %g steps" % (name, valid))
    check(np.all(np.abs(spread - 1) < 0.15), "%s: stays on the attractor, SD %s of the target's" % (
        name, np.round(spread, 3)))


for name, look in (("ngrc-lorenz", forecast), ("esn-narma", narma), ("esn-memory", memory)):
    with h5py.File("%s/%s.h5" % (FOLDER, name)) as results:
        look(results)
lasso()
force()
full_force()
generated("lorenz", 300)
generated("mackey-glass", 300)
