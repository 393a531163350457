/** @file regress.h
 * Linear regression from sums over samples, so that no sample is kept: with X the n samples of p features,
 * y the targets, H = X'X and q = X'y, both of centred data where there is an intercept. */
#ifndef TAME_LINALG_REGRESS_H
#define TAME_LINALG_REGRESS_H

#include "linalg/grid.h"

/** C += A' B for A: [depth][rows], B: [depth][columns], C: [rows][columns], with these distances from row to
 *  row. By BLAS on one thread: the bits depend on the shape alone. Local. */
void tame_add_product(int64_t rows, int64_t columns, int64_t depth, const double *A,
                      int64_t a_stride, const double *B, int64_t b_stride, double *C,
                      int64_t c_stride);

/** Ridge: w minimizes |y - X w|^2 + alpha |w|^2 for each alpha, [alphas]: for one by Cholesky of H + alpha I, for
 *  several from one eigendecomposition, H = Z diag(l) Z', w = Z diag(1 / (l + alpha)) Z' q. H: p x p, its lower
 *  triangle; it is overwritten. q: [targets][p], on all ranks of H's grid; w: [alphas][targets][p], on rank 0.
 *  *rank: eigenvalues of H above rounding, where there are several alphas, else NAN; NULL: not wanted. Collective
 *  over the grid's comm.
 *  @return TAME_ERR_NUMERIC where H + alpha I is singular; TAME_ERR_NOMEM; the same on every rank */
tame_status tame_ridge_solve(tame_spread *H, int64_t targets, const double *q, int64_t alphas,
                             const double *alpha, double *w, double *rank);

/** Eigenvalues of H, p x p, its lower triangle, above rounding; it is overwritten. Collective over the grid's comm.
 *  @return TAME_ERR_NUMERIC where it is not finite; TAME_ERR_NOMEM; the same on every rank */
tame_status tame_ridge_rank(tame_spread *H, int64_t *rank);

/** How coordinate descent went. */
typedef struct tame_descent {
  int64_t sweeps;
  double gap, wanted; /**< duality gap of |y - Xw|^2 / 2 + ..., and what it should come below */
} tame_descent;

/** Elastic net: w minimizes |y - X w|^2 / (2 n) + alpha l1_ratio |w|_1 + alpha (1 - l1_ratio) |w|^2 / 2, by cyclic
 *  coordinate descent from the w given, until the duality gap is below tolerance |y|^2 or max_sweeps are done:
 *  *descent tells. Sweeps run over a working set that grows by the features that break the conditions of the
 *  optimum most; gap and conditions are those of all features. H: [p][p], whole; q, w: [p]; yy = y'y. Lasso:
 *  l1_ratio 1. Friedman, Hastie & Tibshirani (2010), J. Stat. Softw. 33(1), doi:10.18637/jss.v033.i01; Massias,
 *  Gramfort & Salmon (2018), ICML, arXiv:1802.07481. Local.
 *  @return TAME_ERR_NUMERIC where the numbers are not finite; TAME_ERR_NOMEM */
tame_status tame_elastic_net(int64_t n, int64_t p, double alpha, double l1_ratio, double tolerance,
                             int64_t max_sweeps, const double *H, const double *q, double yy,
                             double *w, tame_descent *descent);

#endif
