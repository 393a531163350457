/** @file qr.h
 * Least squares by QR of samples that pass by: of all rows seen so far only the triangle R is kept, R'R = A'A, m x m,
 * upper, by columns. Where A'A loses half the digits of A, R keeps them. With A = [1 X Y] and the ones first, R
 * without its first row and column is that of centred data. Demmel, Grigori, Hoemmen & Langou (2012), SIAM J. Sci.
 * Comput. 34(1), doi:10.1137/080731992. BLAS on one thread. Local, all of it. */
#ifndef TAME_LINALG_QR_H
#define TAME_LINALG_QR_H

#include "tame/base.h"

/** Numbers of room that the functions below want for m columns and at most `depth` rows. */
int64_t tame_qr_room(int64_t m, int64_t depth);

/** R of [R; rows]. R: [m][m], zeros at first; rows: [depth][stride], m of each. */
void tame_qr_add(int64_t m, double *R, int64_t depth, const double *rows, int64_t stride,
                 double *room);
/** R of [R; other], two triangles; other is overwritten. */
void tame_qr_merge(int64_t m, double *R, double *other, double *room);

/** Ridge, w minimizes |y - X w|^2 + alpha |w|^2 for each alpha, [alphas]: for one by QR of [R; sqrt(alpha) I], for
 *  several from one singular value decomposition. R: of [X Y] from its first column on, p features, then targets,
 *  with `stride` from column to column; w: [alphas][targets][p]. *rank: singular values above rounding where
 *  there are several alphas, else NAN.
 *  @return TAME_ERR_NUMERIC where it is singular; TAME_ERR_NOMEM */
tame_status tame_qr_ridge(int64_t p, int64_t targets, const double *R, int64_t stride,
                          int64_t alphas, const double *alpha, double *w, double *rank);

/** Numbers that tame_qr_ridge() takes for itself. */
double tame_qr_ridge_need(int64_t p, int64_t targets, int64_t alphas);

/** |R u|^2. R: [m][m]; u: [m], overwritten. */
double tame_qr_square(int64_t m, const double *R, double *u);

#endif
