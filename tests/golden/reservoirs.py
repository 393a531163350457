"""What reservoirs are known to do, asked of results files in a folder: step.h5, force.h5, full-force.h5,
lorenz.h5, mackey-glass.h5. Fails with the numbers."""
import sys

import h5py
import numpy as np

FOLDER = sys.argv[1]


def check(good, words):
    print("%s %s" % ("ok  " if good else "FAIL", words))
    if not good:
        sys.exit(1)


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


lasso()
force()
full_force()
generated("lorenz", 300)
generated("mackey-glass", 300)
