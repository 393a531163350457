/** @file regress.h
 * Linear regression from sums over samples, so that no sample is kept: with X the n samples of p features,
 * y the targets, H = X'X and q = X'y, both of centred data where there is an intercept. */
#ifndef TAME_LINALG_REGRESS_H
#define TAME_LINALG_REGRESS_H

#include "tame/base.h"

/** Keep BLAS to one thread from now on: others of ours may call it at the same time. Local. */
void tame_blas_alone(void);

/** C += A' B for A: [depth][rows], B: [depth][columns], C: [rows][columns], with these distances from row to
 *  row. By BLAS on one thread: the bits depend on the shape alone. Local. */
void tame_add_product(int64_t rows, int64_t columns, int64_t depth, const double *A,
                      int64_t a_stride, const double *B, int64_t b_stride, double *C,
                      int64_t c_stride);

/** Ridge: w minimizes |y - X w|^2 + alpha |w|^2, by Cholesky of H + alpha I. H: [p][p], its lower triangle; it
 *  is overwritten. q, w: [targets][p]. Local.
 *  @return TAME_ERR_NUMERIC where H + alpha I is singular, with its effective rank; TAME_ERR_NOMEM */
tame_status tame_ridge_solve(int64_t p, int64_t targets, double alpha, double *H, const double *q,
                             double *w);

/** How coordinate descent went. */
typedef struct tame_descent {
  int64_t sweeps;
  double gap, wanted; /**< duality gap of |y - Xw|^2 / 2 + ..., and what it should come below */
} tame_descent;

/** Elastic net: w minimizes |y - X w|^2 / (2 n) + alpha l1_ratio |w|_1 + alpha (1 - l1_ratio) |w|^2 / 2, by cyclic
 *  coordinate descent from the w given, until the duality gap is below tolerance |y|^2. H: [p][p], whole; q,
 *  w: [p]; yy = y'y. Lasso: l1_ratio 1. Friedman, Hastie & Tibshirani (2010), J. Stat. Softw. 33(1),
 *  doi:10.18637/jss.v033.i01. Local.
 *  @return TAME_ERR_NUMERIC where max_sweeps do not suffice, w being the last; TAME_ERR_NOMEM */
tame_status tame_elastic_net(int64_t n, int64_t p, double alpha, double l1_ratio, double tolerance,
                             int64_t max_sweeps, const double *H, const double *q, double yy,
                             double *w, tame_descent *descent);

#endif
