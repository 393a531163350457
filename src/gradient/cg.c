/* Conjugate gradients; see cg.h. */
#include "gradient/cg.h"

#include <math.h>
#include <string.h>

double tame_cg_dot(int64_t n, const double *a, const double *b)
{
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

void tame_cg_add(int64_t n, double a, const double *x, double *y)
{
  for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

/* Is the point after iteration i kept? *next: 5 times 1.3 for each that was. */
static bool is_kept(int64_t i, double *next)
{
  if (i != 1 && i != 3 && i != 5 && i != (int64_t)ceil(*next)) return false;
  *next *= 1.3;
  return true;
}

int64_t tame_cg_points(int64_t most)
{
  double next = 5;
  int64_t count = 1; /* the last one */
  for (int64_t i = 1; i <= most; i++) count += is_kept(i, &next);
  return count < TAME_CG_POINTS ? count : TAME_CG_POINTS;
}

static void keep(tame_cg *cg, int64_t i)
{
  if (cg->n_points > 0 && cg->point_at[cg->n_points - 1] == i) return;
  if (cg->n_points == TAME_CG_POINTS) cg->n_points--;
  memcpy(cg->points + cg->n_points * cg->count, cg->p, (size_t)cg->count * sizeof *cg->p);
  cg->point_at[cg->n_points++] = i;
}

/* y = M^-1 r. */
static void precondition(const tame_cg *cg)
{
  for (int64_t i = 0; i < cg->count; i++)
    cg->y[i] = cg->inverse ? cg->inverse[i] * cg->r[i] : cg->r[i];
}

/* phi = (r - b)'p / 2, r = A p - b. */
static double phi_of(const tame_cg *cg)
{
  double sum = 0;
  for (int64_t i = 0; i < cg->count; i++) sum += (cg->r[i] - cg->b[i]) * cg->p[i];
  return sum / 2;
}

/* Has phi fallen too little of late? */
static bool is_slow(const tame_cg *cg, int64_t i)
{
  const int64_t k = i < 100 ? 10 : (i + 9) / 10;
  if (i <= k || i < cg->fewest || !(cg->phi[i - k] < 0)) return false;
  return (cg->phi[i] - cg->phi[i - k]) / cg->phi[i] < (double)k * cg->tolerance;
}

/* From p to the next point; false: there is no curvature along d. */
static tame_status iterate(tame_cg *cg, double *ry, bool *went)
{
  const int64_t n = cg->count;
  const tame_status status = cg->product(cg->context, cg->d, cg->q);
  if (status != TAME_OK) return status;
  const double curvature = tame_cg_dot(n, cg->d, cg->q);
  *went = curvature > 0;
  if (!*went) return TAME_OK;
  const double alpha = *ry / curvature;
  tame_cg_add(n, alpha, cg->d, cg->p);
  tame_cg_add(n, alpha, cg->q, cg->r);
  precondition(cg);
  const double next = tame_cg_dot(n, cg->r, cg->y), beta = next / *ry;
  for (int64_t i = 0; i < n; i++) cg->d[i] = beta * cg->d[i] - cg->y[i];
  *ry = next;
  return TAME_OK;
}

/* Of progress. */
enum { BEGUN, ITERATIONS, RY, POINTS, POINT };

static void save(const tame_cg *cg, double ry)
{
  double *to = cg->progress;
  if (!to) return;
  to[BEGUN] = 1;
  to[ITERATIONS] = (double)cg->iterations;
  to[RY] = ry;
  to[POINTS] = (double)cg->n_points;
  for (int64_t k = 0; k < cg->n_points; k++) to[POINT + k] = (double)cg->point_at[k];
}

/* Where it was left; *next as it has become by the points that were kept. */
static void go_on(tame_cg *cg, double *ry, double *next)
{
  const double *from = cg->progress;
  cg->iterations = (int64_t)from[ITERATIONS];
  *ry = from[RY];
  cg->n_points = (int64_t)from[POINTS];
  for (int64_t k = 0; k < cg->n_points; k++) cg->point_at[k] = (int64_t)from[POINT + k];
  for (int64_t i = 1; i <= cg->iterations; i++) (void)is_kept(i, next);
}

static tame_status begin(tame_cg *cg, double *ry)
{
  cg->n_points = cg->iterations = 0;
  const tame_status status = cg->product(cg->context, cg->p, cg->r);
  if (status != TAME_OK) return status;
  tame_cg_add(cg->count, -1, cg->b, cg->r);
  precondition(cg);
  for (int64_t i = 0; i < cg->count; i++) cg->d[i] = -cg->y[i];
  *ry = tame_cg_dot(cg->count, cg->r, cg->y);
  cg->phi[0] = phi_of(cg);
  return TAME_OK;
}

tame_status tame_cg_solve(tame_cg *cg)
{
  double next = 5, ry = 0;
  bool went = true;
  tame_status status = TAME_OK;
  if (cg->progress && cg->progress[BEGUN] != 0) go_on(cg, &ry, &next);
  else status = begin(cg, &ry);
  while (status == TAME_OK && cg->iterations < cg->most && ry > 0 && !is_slow(cg, cg->iterations)) {
    save(cg, ry);
    status = iterate(cg, &ry, &went);
    if (status != TAME_OK || !went) break;
    const int64_t i = ++cg->iterations;
    cg->phi[i] = phi_of(cg);
    if (is_kept(i, &next)) keep(cg, i);
  }
  cg->flat = !went;
  if (status != TAME_OK) return status;
  if (cg->iterations > 0) keep(cg, cg->iterations);
  save(cg, went ? ry : 0); /* 0: there is nothing more to be done */
  return TAME_OK;
}
