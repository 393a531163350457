/** @file eigen.h
 * All eigenvalues and eigenvectors of a symmetric matrix, by divide and conquer (LAPACK dsyevd, ScaLAPACK pdsyevd), and
 * all eigenvalues of any real one, by the QR algorithm (LAPACK dgeev), on one BLAS thread a rank: the bits depend on
 * the matrix and the grid alone. */
#ifndef TAME_LINALG_EIGEN_H
#define TAME_LINALG_EIGEN_H

#include "linalg/grid.h"

/** A: [n][n], of which the upper triangle is read; it is overwritten by the vectors, orthonormal, vector k in row k.
 *  values: [n], ascending. Local. TAME_ERR_NUMERIC where A is not finite, or the method fails; TAME_ERR_NOMEM. */
tame_status tame_eigen(int64_t n, double *A, double *values);

/** Over a grid: the lower triangle of A, as LAPACK sees it, is read, and A overwritten; vector k becomes column k of
 *  `vectors`, which has the shape of A. values: [n], on every rank of comm. Collective over the grid's comm; errors
 *  as above, the same on every rank. */
tame_status tame_eigen_spread(tame_spread *A, double *values, tame_spread *vectors);

enum { TAME_EIGENVALUES_WORK = 64 /**< numbers a row that tame_eigenvalues() takes for itself */ };

/** All eigenvalues, re[k] + i im[k], of any A: [n][n], which is overwritten. re, im: [n]; in no order, but that the
 *  two of a pair follow each other, the one above the axis first. Local. TAME_ERR_NUMERIC where A is not finite, or
 *  the method fails; TAME_ERR_NOMEM. */
tame_status tame_eigenvalues(int64_t n, double *A, double *re, double *im);

/** The same with the vectors v of A v = (re[k] + i im[k]) v: vector k in row k of real and imaginary, [n][n] each. Of
 *  length 1; and turned so that of the elements whose modulus is the largest one, but for rounding, the last is
 *  real and positive. */
tame_status tame_eigenvectors(int64_t n, double *A, double *re, double *im, double *real,
                              double *imaginary);

#endif
