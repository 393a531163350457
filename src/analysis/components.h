/** @file components.h
 * Principal components from a matrix of products. Local. */
#ifndef TAME_ANALYSIS_COMPONENTS_H
#define TAME_ANALYSIS_COMPONENTS_H

#include "tame/base.h"

/** Eigenvalues, ascending, of a matrix of products become variances, descending: divided by `samples`; below 0, which is
 *  rounding, they are 0. */
void tame_components_order(int64_t n, double samples, double *variance);
/** A: [n][n], of which the upper triangle is read, becomes its eigenvectors, one a row, in ascending order;
 *  variance: [n], eigenvalues so ordered. TAME_ERR_NUMERIC,
 *  TAME_ERR_NOMEM. */
tame_status tame_components_solve(int64_t n, double *A, double samples, double *variance);
/** Vector k by variance out of that A, its largest entry positive, which of two equal ones is the first. */
void tame_components_take(int64_t n, const double *A, int64_t k, double *out);
/** Dimensions that variances fill: (sum)^2 / sum of squares; 0 where nothing varies. */
double tame_components_participation(int64_t n, const double *variance);
/** How many of the first make up a share of the sum. */
int64_t tame_components_count(int64_t n, const double *variance, double share);

#endif
