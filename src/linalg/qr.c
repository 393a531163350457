/* Streaming QR; see qr.h. */
#include "linalg/qr.h"

#include "base/memory.h"
#include "linalg/lapack.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PANEL = 32 /* columns that LAPACK takes at once */ };

static int panel_of(int64_t m)
{
  return m < PANEL ? (int)m : PANEL;
}

int64_t tame_qr_room(int64_t m, int64_t depth)
{
  return m * (depth + 2 * PANEL);
}

void tame_qr_add(int64_t m, double *R, int64_t depth, const double *rows, int64_t stride,
                 double *room)
{
  double *const B = room, *const T = B + m * depth, *const work = T + m * PANEL;
  const int n = (int)m, rows_ = (int)depth, none = 0, panel = panel_of(m);
  int info;
  if (m == 0 || depth == 0) return;
  for (int64_t j = 0; j < m; j++)
    for (int64_t i = 0; i < depth; i++) B[j * depth + i] = rows[i * stride + j];
  dtpqrt_(&rows_, &n, &none, &panel, R, &n, B, &rows_, T, &panel, work, &info);
}

void tame_qr_merge(int64_t m, double *R, double *other, double *room)
{
  double *const T = room, *const work = T + m * PANEL;
  const int n = (int)m, panel = panel_of(m);
  int info;
  if (m > 0) dtpqrt_(&n, &n, &n, &panel, R, &n, other, &n, T, &panel, work, &info);
}

double tame_qr_square(int64_t m, const double *R, double *u)
{
  cblas_dtrmv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, (int)m, R, (int)m, u, 1);
  return cblas_ddot((int)m, u, 1, u, 1);
}

/* ---- ridge --------------------------------------------------------------------------------------- */

/* Of how many numbers each array has. */
typedef struct sizes {
  int64_t A, B, T, work, values, whole;
} sizes;

enum { MOST = 23000 /* features: 4 p^2 + 8 p numbers are counted in 32 bits */ };

static sizes sizes_of(int64_t p, int64_t targets, int64_t alphas)
{
  const int64_t more = targets > PANEL ? targets : PANEL, svd = 4 * p * p + 8 * p;
  return (sizes){.A = p * p,
                 .B = alphas > 1 ? 2 * p * p : p * p + p * targets,
                 .T = PANEL * p,
                 .work = alphas > 1 ? svd : 3 * p + PANEL * (p + more),
                 .values = p,
                 .whole = 8 * p};
}

double tame_qr_ridge_need(int64_t p, int64_t targets, int64_t alphas)
{
  const sizes s = sizes_of(p, targets, alphas);
  return (double)(s.A + s.B + s.T + s.work + s.values + s.whole);
}

static tame_status singular(int64_t p, double alpha, int64_t rank)
{
  return tame_fail(TAME_ERR_NUMERIC,
                   "ridge: [X; %g I] is singular: effective rank %lld of %lld; a larger alpha, or "
                   "more samples, may help",
                   sqrt(alpha), (long long)rank, (long long)p);
}

static int64_t rank_of(int64_t p, const double *values)
{
  int64_t rank = 0;
  for (int64_t k = 0; k < p; k++) rank += values[k] > (double)p * DBL_EPSILON * values[0];
  return rank;
}

/* Singular values, descending. With vectors, A and B become U and V' of A = U diag(values) V'. */
static tame_status decompose(int64_t p, double *A, double *values, double *UV, double *work,
                             int64_t room, int *whole)
{
  const int n = (int)p, work_room = (int)room;
  double *const U = UV, *const V = UV ? UV + p * p : NULL;
  double nothing = 0;
  int info;
  for (int64_t k = 0; k < p * p; k++)
    if (!isfinite(A[k])) return tame_fail(TAME_ERR_NUMERIC, "ridge: the sums are not finite");
  dgesdd_(UV ? "A" : "N", &n, &n, A, &n, values, UV ? U : &nothing, &n, UV ? V : &nothing, &n, work,
          &work_room, whole, &info);
  if (info == 0) return TAME_OK;
  return tame_fail(TAME_ERR_NUMERIC, "ridge: no singular values: no convergence (info %d)", info);
}

/* A: [p][p], R; [A; sqrt(alpha) I] = Q R', w = R'^-1 Q' y. */
static tame_status solve_one(int64_t p, int64_t targets, double alpha, const double *R,
                             int64_t stride, double *A, double *B, double *T, double *work,
                             double *values, int *whole, int64_t room, double *w)
{
  const int n = (int)p, columns = (int)targets, panel = panel_of(p);
  double *const below = B + p * p, rcond = 0;
  int info;
  memset(B, 0, (size_t)(p * p + p * targets) * sizeof *B);
  for (int64_t j = 0; j < p; j++) B[j * p + j] = sqrt(alpha);
  for (int64_t o = 0; o < targets; o++)
    memcpy(w + o * p, R + (p + o) * stride, (size_t)p * sizeof *w);
  dtpqrt_(&n, &n, &n, &panel, A, &n, B, &n, T, &panel, work, &info);
  dtpmqrt_("L", "T", &n, &columns, &n, &n, &panel, B, &n, T, &panel, w, &n, below, &n, work, &info);
  dtrcon_("1", "U", "N", &n, A, &n, &rcond, work, whole, &info);
  if (!(rcond > DBL_EPSILON)) {
    const tame_status status = decompose(p, A, values, NULL, work, room, whole);
    return status == TAME_OK ? singular(p, alpha, rank_of(p, values)) : status;
  }
  cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, n, columns, 1, A, n,
              w, n);
  return TAME_OK;
}

/* w = V diag(s / (s^2 + alpha)) U' y. T: room for U'y and a solution of one target, 2 p of PANEL p numbers. */
static tame_status solve_path(int64_t p, int64_t targets, int64_t alphas, const double *alpha,
                              const double *R, int64_t stride, const double *UV, double *T,
                              const double *values, double *w)
{
  const double *const U = UV, *const V = UV + p * p;
  const int n = (int)p;
  for (int64_t a = 0; a < alphas; a++) {
    const double least = values[p - 1] * values[p - 1] + alpha[a],
                 most = values[0] * values[0] + alpha[a];
    if (!(sqrt(least) > DBL_EPSILON * sqrt(most))) return singular(p, alpha[a], rank_of(p, values));
  }
  for (int64_t o = 0; o < targets; o++) {
    cblas_dgemv(CblasColMajor, CblasTrans, n, n, 1, U, n, R + (p + o) * stride, 1, 0, T, 1);
    for (int64_t a = 0; a < alphas; a++) {
      double *const scaled = T + p;
      for (int64_t k = 0; k < p; k++)
        scaled[k] = T[k] * (values[k] / (values[k] * values[k] + alpha[a]));
      cblas_dgemv(CblasColMajor, CblasTrans, n, n, 1, V, n, scaled, 1, 0, w + (a * targets + o) * p,
                  1);
    }
  }
  return TAME_OK;
}

tame_status tame_qr_ridge(int64_t p, int64_t targets, const double *R, int64_t stride,
                          int64_t alphas, const double *alpha, double *w, double *rank)
{
  if (p > MOST)
    return tame_fail(TAME_ERR_NUMERIC,
                     "%lld features are beyond LAPACK's 32-bit sizes, want at most %d: "
                     "solver gram, with solvers",
                     (long long)p, MOST);
  const sizes s = sizes_of(p, targets, alphas);
  double *A = tame_zeroed(s.A, sizeof *A, "ridge"), *B = tame_untouched(s.B, sizeof *B, "ridge"),
         *T = tame_untouched(s.T, sizeof *T, "ridge"),
         *work = tame_untouched(s.work, sizeof *work, "ridge"),
         *values = tame_untouched(s.values, sizeof *values, "ridge");
  int *whole = tame_untouched(s.whole, sizeof *whole, "ridge");
  tame_status status = A && B && T && work && values && whole ? TAME_OK : TAME_ERR_NOMEM;
  *rank = NAN;
  for (int64_t j = 0; status == TAME_OK && j < p; j++)
    memcpy(A + j * p, R + j * stride, (size_t)(j + 1) * sizeof *A);
  if (status == TAME_OK && alphas == 1) {
    status = solve_one(p, targets, *alpha, R, stride, A, B, T, work, values, whole, s.work, w);
  } else if (status == TAME_OK) {
    status = decompose(p, A, values, B, work, s.work, whole);
    if (status == TAME_OK) *rank = (double)rank_of(p, values);
    if (status == TAME_OK)
      status = solve_path(p, targets, alphas, alpha, R, stride, B, T, values, w);
  }
  free(A);
  free(B);
  free(T);
  free(work);
  free(values);
  free(whole);
  return status;
}
