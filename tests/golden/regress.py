"""Reference values in tests/unit/test_regress.c: scikit-learn's answers to problems that are tall, wide and
collinear. Not part of any test: wants scikit-learn, from PyPI.

    python3 tests/golden/regress.py
"""

import numpy as np
from sklearn.linear_model import ElasticNet, Lasso, Ridge


def fill(n, start=0):
    return np.modf((np.arange(1, n + 1) + start) * 0.6180339887498949)[0]


def problem(n, p, collinear):
    X = np.sin(37.0 * fill(n * p)).reshape(n, p)
    if collinear:
        X[:, -1] = X[:, 0] - 0.5 * X[:, 1] + 1e-3 * np.sin(11.0 * fill(n, 5))
    y = X[:, 0] - 2 * X[:, 2] + 0.3 + 0.1 * np.cos(23.0 * fill(n, 7))
    return X, y


for name, n, p, c in (("tall", 60, 5, 0), ("wide", 6, 8, 0), ("collinear", 40, 6, 1)):
    X, y = problem(n, p, c)
    for model, solver in (
        ("ridge", Ridge(alpha=0.5, solver="cholesky")),
        ("lasso", Lasso(alpha=0.02, tol=1e-14, max_iter=10**7)),
        ("net", ElasticNet(alpha=0.02, l1_ratio=0.3, tol=1e-14, max_iter=10**7)),
    ):
        solver.fit(X, y)
        print(name, model, ", ".join("%.17g" % v for v in solver.coef_))
