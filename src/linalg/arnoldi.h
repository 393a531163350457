/** @file arnoldi.h
 * The largest eigenvalue, by modulus, of a real matrix of which only products are known: Arnoldi's method,
 * restarted as Krylov and Schur. Stewart (2001), SIAM J. Matrix Anal. Appl. 23:601-614,
 * doi:10.1137/S0895479800371529. Nothing outlives a call, so that the answer depends on the arguments alone;
 * ARPACK keeps a random state between calls, which it asks where it meets an invariant subspace. */
#ifndef TAME_LINALG_ARNOLDI_H
#define TAME_LINALG_ARNOLDI_H

#include "tame/base.h"

/** y = A x, [n] each. */
typedef void tame_product(void *context, const double *x, double *y);

/** How the search went. */
typedef struct tame_arnoldi {
  double modulus;  /**< of the largest eigenvalue */
  double residual; /**< |A v - lambda v| / |lambda| for its Schur vector */
  int64_t products;
} tame_arnoldi;

/** Largest |eigenvalue| of A, [n][n], by products until the residual is at most `tolerance` or they are
 *  max_products. start: [n], any vector that has a part of the eigenvector; a random one. By BLAS on one
 *  thread. Local, but for what product() is.
 *  @return TAME_ERR_NUMERIC if it has not converged, *out telling how far it came; TAME_ERR_NOMEM */
tame_status tame_largest_eigenvalue(int64_t n, tame_product *product, void *context,
                                    const double *start, double tolerance, int64_t max_products,
                                    tame_arnoldi *out);
/** Bytes it takes. Local. */
double tame_largest_eigenvalue_bytes(int64_t n);

/** The same of a matrix in memory, A: [n][n], which is overwritten, by tame_eigenvalues(). Local.
 *  @return TAME_ERR_NUMERIC if that failed; TAME_ERR_NOMEM */
tame_status tame_dense_eigenvalue(int64_t n, double *A, double *modulus);

#endif
