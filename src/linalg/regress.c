/* Ridge by LAPACK or ScaLAPACK, the elastic net by coordinate descent; see regress.h. */
#include "linalg/regress.h"

#include "base/memory.h"
#include "kernels/kernels.h"
#include "linalg/eigen.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void tame_add_product(int64_t rows, int64_t columns, int64_t depth, const double *A,
                      int64_t a_stride, const double *B, int64_t b_stride, double *C,
                      int64_t c_stride)
{
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)rows, (int)columns, (int)depth, 1, A,
              (int)a_stride, B, (int)b_stride, 1, C, (int)c_stride);
}

/* ---- ridge --------------------------------------------------------------------------------------- */

/* Eigenvalues above the rounding of the largest; they ascend. */
static int64_t rank_of(int64_t p, const double *values)
{
  int64_t rank = 0;
  for (int64_t k = 0; k < p; k++) rank += values[k] > (double)p * DBL_EPSILON * fabs(values[p - 1]);
  return rank;
}

static tame_status singular(double alpha)
{
  return tame_fail(TAME_ERR_NUMERIC, "ridge: X'X + %g I is singular", alpha);
}

/* x: p x targets. Collective. */
static tame_status by_cholesky(tame_spread *H, tame_spread *x, double alpha, const double *q,
                               double *w)
{
  bool sound;
  tame_spread_shift(H, alpha);
  tame_spread_factor(H, &sound);
  if (!sound) return singular(alpha);
  tame_spread_fill(x, q);
  tame_spread_solve(H, x);
  tame_spread_collect(x, w);
  return TAME_OK;
}

/* Z' q, [targets][p], on every rank. x: p x targets. Collective. */
static void rotate(const tame_spread *Z, tame_spread *x, tame_spread *rotated, const double *q,
                   double *out)
{
  const int64_t p = Z->rows;
  tame_spread_fill(x, q);
  tame_spread_multiply(true, Z, x, rotated);
  tame_spread_collect(rotated, out);
  for (int64_t o = 0; o < x->columns; o++)
    MPI_Bcast(out + o * p, (int)p, MPI_DOUBLE, 0, Z->grid->comm);
}

/* What follows the eigendecomposition. scaled: [alphas][targets][p], to work with. Collective. */
static tame_status follow_path(const tame_spread *Z, const double *values, int64_t targets,
                               const double *q, int64_t alphas, const double *alpha, double *scaled,
                               double *w)
{
  const tame_grid *g = Z->grid;
  const int64_t p = Z->rows;
  tame_spread x, rotated, path, result;
  const tame_status made[] = {tame_spread_create(&x, g, p, targets),
                              tame_spread_create(&rotated, g, p, targets),
                              tame_spread_create(&path, g, p, alphas * targets),
                              tame_spread_create(&result, g, p, alphas * targets)};
  tame_status status = TAME_OK;
  for (int k = 0; k < 4; k++)
    if (made[k] != TAME_OK) status = made[k];
  status = tame_agree(g->comm, status);
  if (status == TAME_OK) {
    rotate(Z, &x, &rotated, q, scaled);
    for (int64_t a = alphas - 1; a >= 0; a--) /* the first place is read to the end */
      for (int64_t k = 0; k < targets * p; k++)
        scaled[a * targets * p + k] = scaled[k] / (values[k % p] + alpha[a]);
    tame_spread_fill(&path, scaled);
    tame_spread_multiply(false, Z, &path, &result);
    tame_spread_collect(&result, w);
  }
  tame_spread_free(&x);
  tame_spread_free(&rotated);
  tame_spread_free(&path);
  tame_spread_free(&result);
  return status;
}

/* Z: of H's shape. Collective. */
static tame_status by_eigenvectors(tame_spread *H, tame_spread *Z, double *values, int64_t targets,
                                   const double *q, int64_t alphas, const double *alpha,
                                   double *scaled, double *w)
{
  const int64_t last = H->rows - 1;
  const tame_status status = tame_eigen_spread(H, values, Z);
  if (status != TAME_OK) return status;
  for (int64_t a = 0; a < alphas; a++)
    if (!(values[0] + alpha[a] > DBL_EPSILON * (values[last] + alpha[a])))
      return singular(alpha[a]);
  return follow_path(Z, values, targets, q, alphas, alpha, scaled, w);
}

tame_status tame_ridge_solve(tame_spread *H, int64_t targets, const double *q, int64_t alphas,
                             const double *alpha, double *w, double *rank)
{
  const tame_grid *g = H->grid;
  const int64_t p = H->rows;
  const bool path = alphas > 1;
  tame_spread other; /* the vectors, or the solution */
  double *values = tame_zeroed(path ? p : 0, sizeof *values, "ridge");
  double *scaled = tame_untouched(path ? p * alphas * targets : 0, sizeof *scaled, "ridge");
  tame_status status = tame_spread_create(&other, g, p, path ? p : targets);
  status = tame_agree(g->comm, values && scaled ? status : TAME_ERR_NOMEM);
  if (rank) *rank = NAN;
  if (status == TAME_OK && !path) {
    status = by_cholesky(H, &other, *alpha, q, w);
  } else if (status == TAME_OK) {
    status = by_eigenvectors(H, &other, values, targets, q, alphas, alpha, scaled, w);
    if (rank) *rank = (double)rank_of(p, values);
  }
  tame_spread_free(&other);
  free(values);
  free(scaled);
  return status;
}

tame_status tame_ridge_rank(tame_spread *H, int64_t *rank)
{
  tame_spread Z;
  double *values = tame_zeroed(H->rows, sizeof *values, "ridge");
  tame_status status = tame_spread_create(&Z, H->grid, H->rows, H->rows);
  status = tame_agree(H->grid->comm, values ? status : TAME_ERR_NOMEM);
  if (status == TAME_OK) status = tame_eigen_spread(H, values, &Z);
  if (status == TAME_OK) *rank = rank_of(H->rows, values);
  tame_spread_free(&Z);
  free(values);
  return status;
}

/* ---- elastic net ------------------------------------------------------------------------------------ */

enum { SET = 32 /* features by which a working set grows at least */ };

/* A problem, over all features or a working set of them. */
typedef struct net {
  int64_t p;
  double l1, l2; /* n alpha l1_ratio, n alpha (1 - l1_ratio) */
  const double *H, *q;
  double yy;
  double *w, *Hw; /* [p] */
  const tame_kernels *kernels;
} net;

static double duality_gap(const net *e)
{
  const size_t p = (size_t)e->p;
  const double qw = e->kernels->dot(p, e->q, e->w), ww = e->kernels->dot(p, e->w, e->w);
  const double residual = e->yy + e->kernels->dot(p, e->w, e->Hw) - 2 * qw, ry = e->yy - qw;
  double dual = 0, norm = 0;
  for (int64_t j = 0; j < e->p; j++) {
    dual = fmax(dual, fabs(e->q[j] - e->Hw[j] - e->l2 * e->w[j]));
    norm += fabs(e->w[j]);
  }
  const double c = dual > e->l1 ? e->l1 / dual : 1;
  return residual * (1 + c * c) / 2 + e->l1 * norm - c * ry + e->l2 * (1 + c * c) * ww / 2;
}

/* Each coordinate to its minimum in turn. Is the largest change below tolerance times the largest w? */
static bool sweep(const net *e, double tolerance)
{
  double change = 0, largest = 0;
  for (int64_t j = 0; j < e->p; j++) {
    const double h = e->H[j * e->p + j], old = e->w[j];
    if (h <= 0) continue; /* a constant feature */
    const double rho = e->q[j] - e->Hw[j] + h * old, size = fabs(rho) - e->l1;
    e->w[j] = size <= 0 ? 0 : copysign(size, rho) / (h + e->l2); /* NaN stays NaN */
    const double step = e->w[j] - old;
    if (step != 0) e->kernels->add_scaled((size_t)e->p, step, e->H + j * e->p, e->Hw);
    change = fmax(change, fabs(step));
    largest = fmax(largest, fabs(e->w[j]));
  }
  return largest == 0 || change <= tolerance * largest;
}

/* H w anew. */
static void multiply(const net *e)
{
  memset(e->Hw, 0, (size_t)e->p * sizeof *e->Hw);
  for (int64_t j = 0; j < e->p; j++)
    if (e->w[j] != 0) e->kernels->add_scaled((size_t)e->p, e->w[j], e->H + j * e->p, e->Hw);
}

/* A feature and by how much it breaks the conditions of the optimum. */
typedef struct breach {
  double by;
  int64_t feature;
} breach;

static int worst_first(const void *a, const void *b)
{
  const breach *x = a, *y = b;
  if (x->by != y->by) return x->by < y->by ? 1 : -1;
  return (x->feature > y->feature) - (x->feature < y->feature);
}

/* All features with weights, and of the others, with h > 0, those that break the conditions most: as many again,
 * SET at least; of most of them, all. set: [p], ascending; returns how many. in: [p], to work with. */
static int64_t choose_set(const net *e, breach *breaches, bool *in, int64_t *set)
{
  int64_t support = 0, count = 0, size = 0;
  for (int64_t j = 0; j < e->p; j++) {
    const double by = fabs(e->q[j] - e->Hw[j]) - e->l1;
    in[j] = e->w[j] != 0;
    support += in[j];
    if (!in[j] && !(by <= 0) && !(e->H[j * e->p + j] <= 0)) breaches[count++] = (breach){by, j};
  }
  qsort(breaches, (size_t)count, sizeof *breaches, worst_first);
  const int64_t grow = support > SET ? support : SET, more = count < grow ? count : grow;
  for (int64_t k = 0; k < more; k++) in[breaches[k].feature] = true;
  const bool most = 2 * (support + more) > e->p; /* copying them would not pay */
  for (int64_t j = 0; j < e->p; j++)
    if (in[j] || most) set[size++] = j;
  return size;
}

/* The problem of the features in the set, in memory of its own, [size][size] and [3][size]; of all, itself. */
static net restrict_to(const net *e, int64_t size, const int64_t *set, double *memory,
                       double *vectors)
{
  net sub = *e;
  if (size == e->p) return sub;
  double *const q = vectors;
  sub.p = size;
  sub.w = q + size;
  sub.Hw = sub.w + size;
  for (int64_t a = 0; a < size; a++) {
    q[a] = e->q[set[a]];
    sub.w[a] = e->w[set[a]];
    sub.Hw[a] = e->Hw[set[a]];
    for (int64_t b = 0; b < size; b++) memory[a * size + b] = e->H[set[a] * e->p + set[b]];
  }
  sub.H = memory;
  sub.q = q;
  return sub;
}

/* Sweeps over one working set until its own gap is small enough; at the end, where that is what is wanted, until
 * weights rest, too. */
static void descend(const net *sub, double tolerance, double enough, double wanted,
                    int64_t max_sweeps, int64_t *sweeps)
{
  bool done = false;
  while (!done && *sweeps < max_sweeps) {
    const bool rests = sweep(sub, tolerance);
    done = (rests || enough > wanted) && duality_gap(sub) <= enough;
    (*sweeps)++;
  }
}

tame_status tame_elastic_net(int64_t n, int64_t p, double alpha, double l1_ratio, double tolerance,
                             int64_t max_sweeps, const double *H, const double *q, double yy,
                             double *w, tame_descent *descent)
{
  double *vectors = tame_zeroed(4 * p, sizeof *vectors, "coordinate descent");
  double *memory = tame_untouched(p * p / 4, sizeof *memory, "coordinate descent");
  breach *breaches = tame_untouched(p, sizeof *breaches, "coordinate descent");
  int64_t *set = tame_untouched(p, sizeof *set, "coordinate descent");
  bool *in = tame_untouched(p, sizeof *in, "coordinate descent");
  const bool room = vectors && memory && breaches && set && in;
  net e = {p,       (double)n * alpha * l1_ratio,  (double)n * alpha * (1 - l1_ratio), H, q, yy, w,
           vectors, tame_kernels_pick(TAME_DOUBLE)};
  *descent = (tame_descent){.gap = INFINITY, .wanted = tolerance * yy};
  if (room) {
    multiply(&e);
    descent->gap = duality_gap(&e);
  }
  while (room && descent->sweeps < max_sweeps && isfinite(descent->gap) &&
         (descent->sweeps == 0 || descent->gap > descent->wanted)) {
    const int64_t size = choose_set(&e, breaches, in, set);
    const net sub = restrict_to(&e, size, set, memory, vectors + p);
    /* The set may grow: it need not be solved to the end. */
    const double enough = fmax(descent->wanted, 0.3 * descent->gap);
    descend(&sub, tolerance, enough, descent->wanted, max_sweeps, &descent->sweeps);
    for (int64_t a = 0; a < sub.p; a++) w[set[a]] = sub.w[a];
    multiply(&e);
    descent->gap = duality_gap(&e);
  }
  free(vectors);
  free(memory);
  free(breaches);
  free(set);
  free(in);
  if (!room) return TAME_ERR_NOMEM;
  if (isfinite(descent->gap)) return TAME_OK;
  return tame_fail(TAME_ERR_NUMERIC, "coordinate descent: the sums are not finite");
}
