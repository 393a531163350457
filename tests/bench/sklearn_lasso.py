#!/usr/bin/env python3
"""Time scikit-learn's lasso_path on the problems that `tame_bench lasso FOLDER` has written: 50 alphas, from the
largest down to a thousandth of it, each until the duality gap is below 1e-4 |y|^2; the better of a precomputed Gram
matrix and none.

    python3 tests/bench/sklearn_lasso.py FOLDER NAME SAMPLES FEATURES

prints one line, `seconds=... gap=... version=...`, the gap being the largest of the path as a share of |y|^2; or
`missing`, where there is no scikit-learn.
"""
import signal
import sys
import time
import warnings

try:
    import numpy as np
    import sklearn
    from sklearn.linear_model import lasso_path
except ImportError:
    print("missing")
    sys.exit()

folder, name, n, p = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
data = np.fromfile("%s/%s.bin" % (folder, name))
X, y = np.asfortranarray(data[: n * p].reshape(n, p)), data[n * p :]
alphas = np.max(np.abs(X.T @ y)) / n * np.power(1e-3, np.arange(50) / 49)
warnings.simplefilter("ignore")  # of alphas that do not converge: the gap tells


class TooSlow(Exception):
    pass


def give_up(*_):
    raise TooSlow


def run(precompute, limit):
    """Seconds and the largest gap, or infinity where it takes longer than the limit."""
    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, limit)
    began = time.perf_counter()
    try:
        gaps = lasso_path(X, y, alphas=alphas, precompute=precompute, tol=1e-4, max_iter=100000)[2]
    except TooSlow:
        return np.inf, np.nan
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return time.perf_counter() - began, np.max(gaps) * n / (y @ y)


best = run(True, 600)
for precompute in (False, True):
    best = min(best, run(precompute, 2 * best[0]))
print("seconds=%.4f gap=%.2e version=%s" % (*best, sklearn.__version__))
