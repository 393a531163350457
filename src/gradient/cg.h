/** @file cg.h
 * Linear conjugate gradients that keep some of the points they come by, and stop where progress does: Martens (2010),
 * Deep learning via Hessian-free optimization, ICML, with the rules of hfopt-matlab. */
#ifndef TAME_GRADIENT_CG_H
#define TAME_GRADIENT_CG_H

#include "tame/base.h"

enum {
  TAME_CG_POINTS = 64, /**< that are kept, at most */
  TAME_CG_PROGRESS = 4 + TAME_CG_POINTS,
};

/** A p = b for a symmetric A without negative eigenvalues, from p on. Arrays are [count], the caller's. */
typedef struct tame_cg {
  int64_t count;
  /** out = A v; whatever it fails with ends the search. Collective, perhaps. */
  tame_status (*product)(void *context, const double *v, double *out);
  void *context;
  const double *b;
  const double *inverse; /**< diagonal of M^-1, or NULL: 1 */
  int64_t fewest, most;  /**< iterations */
  double tolerance;      /**< stop where phi falls by less than k times this in k iterations */
  double *p;             /**< where it starts, then the last point */
  double *r, *y, *d, *q; /**< work */
  double *points;        /**< [tame_cg_points(most)][count]: kept points */
  double *phi;           /**< [most + 1]: 1/2 p'Ap - b'p of each point, the start being the first */
  /** [TAME_CG_PROGRESS], zeros at first: with it, p, r, d, points and phi, as they are in any product, the search
   *  goes on from the last iteration. NULL: it need not. */
  double *progress;
  /* set: */
  int64_t n_points, point_at[TAME_CG_POINTS]; /**< how many were kept, after which iterations */
  int64_t iterations;
  bool flat; /**< a direction without curvature was met */
} tame_cg;

/** Points kept of so many iterations: those after 1, 3, 5 iterations, then ever fewer, and the last. Local. */
int64_t tame_cg_points(int64_t most);
/** Same data, same bits. @return what product() fails with, else TAME_OK */
tame_status tame_cg_solve(tame_cg *cg);

/** Products in the order of the elements; y += a x. Local. */
double tame_cg_dot(int64_t n, const double *a, const double *b);
void tame_cg_add(int64_t n, double a, const double *x, double *y);

#endif
