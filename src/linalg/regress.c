/* Ridge by LAPACK, the elastic net by coordinate descent; see regress.h. */
#include "linalg/regress.h"

#include "base/memory.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* LAPACK, whose matrices are stored by columns: our lower triangle is its upper one. */
/* NOLINTBEGIN(readability-identifier-naming) */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a, const int *lda,
             double *b, const int *ldb, int *info);
void dpstrf_(const char *uplo, const int *n, double *a, const int *lda, int *pivots, int *rank,
             const double *tolerance, double *work, int *info);
void dpocon_(const char *uplo, const int *n, const double *a, const int *lda, const double *norm,
             double *rcond, double *work, int *iwork, int *info);
double dlansy_(const char *norm, const char *uplo, const int *n, const double *a, const int *lda,
               double *work);
/* NOLINTEND(readability-identifier-naming) */

void tame_blas_alone(void)
{
  openblas_set_num_threads(1);
}

void tame_add_product(int64_t rows, int64_t columns, int64_t depth, const double *A,
                      int64_t a_stride, const double *B, int64_t b_stride, double *C,
                      int64_t c_stride)
{
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)rows, (int)columns, (int)depth, 1, A,
              (int)a_stride, B, (int)b_stride, 1, C, (int)c_stride);
}

/* ---- ridge --------------------------------------------------------------------------------------- */

/* Pivots above the rounding of the largest. work: [2 p]; A is overwritten. */
static int rank_of(int p, double *A, int *pivots, double *work)
{
  const double tolerance = -1; /* p eps max A[i][i] */
  int rank = 0, info;
  dpstrf_("U", &p, A, &p, pivots, &rank, &tolerance, work, &info);
  return info == 0 ? p : rank;
}

static tame_status factor(int p, double alpha, double *A, double *copy, double *work, int *whole)
{
  const size_t size = (size_t)p * (size_t)p;
  double rcond = 0;
  int info, after;
  memcpy(copy, A, size * sizeof *A);
  const double norm = dlansy_("1", "U", &p, A, &p, work);
  if (!isfinite(norm)) return tame_fail(TAME_ERR_NUMERIC, "ridge: the sums are not finite");
  dpotrf_("U", &p, A, &p, &info);
  if (info == 0) dpocon_("U", &p, A, &p, &norm, &rcond, work, whole, &after);
  if (info == 0 && rcond > DBL_EPSILON) return TAME_OK;
  return tame_fail(
      TAME_ERR_NUMERIC,
      "ridge: X'X + %g I is singular: effective rank %d of %d; a larger alpha, or more "
      "samples, may help",
      alpha, rank_of(p, copy, whole, work), p);
}

tame_status tame_ridge_solve(int64_t features, int64_t targets, double alpha, double *H,
                             const double *q, double *w)
{
  const int p = (int)features, count = (int)targets;
  double *copy = tame_untouched(features * features, sizeof *copy, "ridge");
  double *work = tame_untouched(3 * features, sizeof *work, "ridge");
  int *whole = tame_untouched(features, sizeof *whole, "ridge"), info;
  tame_blas_alone();
  tame_status status = copy && work && whole ? TAME_OK : TAME_ERR_NOMEM;
  for (int64_t i = 0; status == TAME_OK && i < features; i++) H[i * features + i] += alpha;
  if (status == TAME_OK) status = factor(p, alpha, H, copy, work, whole);
  if (status == TAME_OK) {
    memcpy(w, q, (size_t)(features * targets) * sizeof *w);
    dpotrs_("U", &p, &count, H, &p, w, &p, &info);
  }
  free(copy);
  free(work);
  free(whole);
  return status;
}

/* ---- elastic net ------------------------------------------------------------------------------------ */

static double dot(int64_t n, const double *a, const double *b)
{
  double sum = 0;
  for (int64_t k = 0; k < n; k++) sum += a[k] * b[k];
  return sum;
}

/* l1, l2: n alpha l1_ratio, n alpha (1 - l1_ratio). Hw: H w. */
static double duality_gap(int64_t p, double l1, double l2, const double *q, double yy,
                          const double *w, const double *Hw)
{
  const double residual = yy + dot(p, w, Hw) - 2 * dot(p, q, w), ry = yy - dot(p, q, w),
               ww = dot(p, w, w);
  double dual = 0, norm = 0;
  for (int64_t j = 0; j < p; j++) {
    dual = fmax(dual, fabs(q[j] - Hw[j] - l2 * w[j]));
    norm += fabs(w[j]);
  }
  const double c = dual > l1 ? l1 / dual : 1;
  return residual * (1 + c * c) / 2 + l1 * norm - c * ry + l2 * (1 + c * c) * ww / 2;
}

/* Each coordinate to its minimum in turn; the largest change and the largest w. */
static void sweep(int64_t p, double l1, double l2, const double *H, const double *q, double *w,
                  double *Hw, double *change, double *largest)
{
  *change = *largest = 0;
  for (int64_t j = 0; j < p; j++) {
    const double h = H[j * p + j], old = w[j];
    if (h <= 0) continue; /* a constant feature */
    const double rho = q[j] - Hw[j] + h * old;
    w[j] = copysign(fmax(fabs(rho) - l1, 0), rho) / (h + l2);
    const double step = w[j] - old;
    if (step != 0)
      for (int64_t i = 0; i < p; i++) Hw[i] += step * H[j * p + i];
    *change = fmax(*change, fabs(step));
    *largest = fmax(*largest, fabs(w[j]));
  }
}

tame_status tame_elastic_net(int64_t n, int64_t p, double alpha, double l1_ratio, double tolerance,
                             int64_t max_sweeps, const double *H, const double *q, double yy,
                             double *w, tame_descent *descent)
{
  const double l1 = (double)n * alpha * l1_ratio, l2 = (double)n * alpha * (1 - l1_ratio);
  double *Hw = tame_zeroed(p, sizeof *Hw, "coordinate descent"), change = INFINITY, largest = 0;
  *descent = (tame_descent){.gap = INFINITY, .wanted = tolerance * yy};
  if (!Hw) return TAME_ERR_NOMEM;
  for (int64_t j = 0; j < p; j++)
    for (int64_t i = 0; w[j] != 0 && i < p; i++) Hw[i] += w[j] * H[j * p + i];
  while (descent->sweeps < max_sweeps && !(descent->gap <= descent->wanted)) {
    sweep(p, l1, l2, H, q, w, Hw, &change, &largest);
    descent->sweeps++;
    const bool still = largest == 0 || change <= tolerance * largest;
    if (still || descent->sweeps == max_sweeps) descent->gap = duality_gap(p, l1, l2, q, yy, w, Hw);
  }
  free(Hw);
  if (descent->gap <= descent->wanted) return TAME_OK;
  return tame_fail(TAME_ERR_NUMERIC,
                   "coordinate descent has not converged: after %lld sweeps the duality gap is %g, "
                   "want at most %g; a larger alpha, tolerance or max_sweeps may help",
                   (long long)descent->sweeps, descent->gap, descent->wanted);
}
