"""Reference values in tests/golden/regress.h: scikit-learn's answers to problems that are tall, wide and collinear:
single fits, paths over alphas, and what cross-validation chooses. Not part of any test: wants scikit-learn, from PyPI.

    python3 tests/golden/regress.py > tests/golden/regress.h
"""

import numpy as np
import sklearn
from sklearn.linear_model import ElasticNet, Lasso, Ridge

ALPHAS = (1.0, 0.1, 0.03, 0.01, 0.004)
FOLDS, FOLD_LENGTH = 5, 7
SHARP = {"tol": 0, "max_iter": 10**6}  # to rounding
MODELS = (
    ("ridge", lambda alpha: Ridge(alpha=alpha, solver="svd")),
    ("lasso", lambda alpha: Lasso(alpha=alpha, **SHARP)),
    ("net", lambda alpha: ElasticNet(alpha=alpha, l1_ratio=0.3, **SHARP)),
)
PROBLEMS = (("tall", 60, 5, 0), ("wide", 6, 8, 0), ("collinear", 40, 6, 1), ("noisy", 90, 12, 1))


def draws(count, seed):
    """Uniform in [-1/2, 1/2), the same to the last bit in C."""
    out, x = np.zeros(count), seed
    for k in range(count):
        x = (1103515245 * x + 12345) % 2**31
        out[k] = x / 2**31 - 0.5
    return out


def problem(n, p, collinear):
    X = draws(n * p, 1).reshape(n, p)
    noise = draws(2 * n, 2)
    if collinear:
        X[:, -1] = X[:, 0] - 0.5 * X[:, 1] + 0.01 * noise[:n]
    y = X[:, 0] - 2 * X[:, 2] + 0.3 + 0.2 * noise[n:]
    return X, y


def second(X):
    """A target that the features say little of."""
    return 0.2 * X[:, 1] + draws(len(X), 3)


def numbers(values):
    return "{" + ", ".join("%.17g" % v for v in np.ravel(values)) + "}"


def paths():
    for name, n, p, collinear in PROBLEMS:
        X, y = problem(n, p, collinear)
        rows = []
        for _, model in MODELS:
            coefs = np.zeros((len(ALPHAS), 12))
            for k, alpha in enumerate(ALPHAS):
                coefs[k, :p] = model(alpha).fit(X, y).coef_
            rows.append("{" + ",\n      ".join(numbers(c) for c in coefs) + "}")
        print('    {"%s", %d, %d, %d,\n     {%s}},' % (name, n, p, collinear, ",\n      ".join(rows)))


def cross_validation():
    X, y = problem(90, 12, 1)
    fold = np.arange(len(X)) // FOLD_LENGTH % FOLDS
    for name, model in MODELS:
        for target in (y, second(X)):
            errors = np.zeros(len(ALPHAS))
            for a, alpha in enumerate(ALPHAS):
                for k in range(FOLDS):
                    fit = model(alpha).fit(X[fold != k], target[fold != k])
                    errors[a] += np.sum((target[fold == k] - fit.predict(X[fold == k])) ** 2)
            errors /= len(X)
            best = ALPHAS[int(np.argmin(errors))]
            fit = model(best).fit(X, target)
            print('    {"%s", %g,\n     %s,\n     %s, %.17g},' % (
                name, best, numbers(errors), numbers(fit.coef_), fit.intercept_))


print("/* Written by tests/golden/regress.py with scikit-learn %s. */" % sklearn.__version__)
print("/* clang-format off */")
print("enum { ALPHAS = %d, FOLDS = %d, FOLD_LENGTH = %d, WIDEST = 12 };" % (len(ALPHAS), FOLDS, FOLD_LENGTH))
print("static const double alphas[ALPHAS] = %s;" % numbers(ALPHAS))
print("/* coefficients: of ridge, lasso, elastic net with l1_ratio 0.3; by alphas */")
print("static const struct golden_path {\n  const char *name;\n  int n, p, collinear;\n"
      "  double w[3][ALPHAS][WIDEST];\n} golden_paths[] = {")
paths()
print("};\n/* of the last problem, two targets each */")
print("static const struct golden_choice {\n  const char *rule;\n  double alpha, errors[ALPHAS], "
      "w[WIDEST], bias;\n} golden_choices[] = {")
cross_validation()
print("};")
