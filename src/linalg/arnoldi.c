/* A basis V of a Krylov space grows to BASIS vectors, A V = V H + beta v e'; H = Q T Q' is brought to real Schur
 * form, its larger eigenvalues first; V Q of these is the basis that the next one grows from. See arnoldi.h. */
#include "linalg/arnoldi.h"

#include "base/memory.h"
#include "linalg/eigen.h"
#include "linalg/lapack.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  BASIS = 100, /* vectors before a restart */
  BLOCK = 256, /* elements of them that are combined at a time */
  WORK = 64,   /* numbers of LAPACK's for each row */
};

/* Matrices are stored by columns, as LAPACK has them. */
typedef struct krylov {
  int n, most; /* most: vectors of a full basis */
  int size;    /* of them there are, but for the one to come */
  double *V;   /* [most + 1][n] */
  double *H;   /* most x most */
  double beta; /* of the residual beta v e', v the vector to come */
  double *T, *Q, *wr, *wi, *block, *work, *h;
  int *select;
} krylov;

static tame_status allocate(krylov *k)
{
  const int64_t n = k->n, m = k->most;
  k->V = tame_untouched((m + 1) * n, sizeof *k->V, "the search for an eigenvalue");
  k->H = tame_zeroed(3 * m * m, sizeof *k->H, "the search for an eigenvalue");
  k->h = tame_zeroed((4 + WORK + BLOCK) * m, sizeof *k->h, "the search for an eigenvalue");
  k->select = tame_zeroed(m, sizeof *k->select, "the search for an eigenvalue");
  if (!k->V || !k->H || !k->h || !k->select) return TAME_ERR_NOMEM;
  k->T = k->H + m * m;
  k->Q = k->T + m * m;
  k->wr = k->h + 2 * m;
  k->wi = k->wr + m;
  k->work = k->wi + m;
  k->block = k->work + WORK * m;
  return TAME_OK;
}

static double *vector(const krylov *k, int j)
{
  return k->V + (int64_t)j * k->n;
}

/* w, [n], less its part in the first `count` vectors, which is added to h. */
static void project(const krylov *k, int count, double *w, double *h)
{
  double *part = k->h + k->most;
  cblas_dgemv(CblasColMajor, CblasTrans, k->n, count, 1, k->V, k->n, w, 1, 0, part, 1);
  cblas_dgemv(CblasColMajor, CblasNoTrans, k->n, count, -1, k->V, k->n, part, 1, 1, w, 1);
  for (int i = 0; i < count; i++) h[i] += part[i];
}

/* One more vector, orthogonalized twice. False where there is none: the basis spans an invariant space. */
static bool grow(krylov *k, tame_product *product, void *context)
{
  const int j = k->size++;
  double *w = vector(k, j + 1), *h = k->H + (int64_t)j * k->most;
  product(context, vector(k, j), w);
  const double before = cblas_dnrm2(k->n, w, 1);
  memset(k->h, 0, (size_t)k->most * sizeof *k->h);
  project(k, j + 1, w, k->h);
  project(k, j + 1, w, k->h);
  memcpy(h, k->h, (size_t)(j + 1) * sizeof *h);
  k->beta = cblas_dnrm2(k->n, w, 1);
  if (!(k->beta > 10 * DBL_EPSILON * before)) return false;
  cblas_dscal(k->n, 1 / k->beta, w, 1);
  if (j + 1 < k->most) h[j + 1] = k->beta;
  return true;
}

static double modulus(const krylov *k, int i)
{
  return hypot(k->wr[i], k->wi[i]);
}

/* The `count` largest eigenvalues to the front of T, or one more where that would part a pair; how many. */
static int bring_forward(krylov *k, int count)
{
  int moved = 0, info;
  const int lwork = WORK * k->most, one = 1;
  double s, sep;
  int iwork;
  for (int i = 0; i < k->size; i++) {
    int larger = 0;
    for (int j = 0; j < k->size; j++)
      larger += modulus(k, j) > modulus(k, i) || (modulus(k, j) == modulus(k, i) && j < i);
    k->select[i] = larger < count;
  }
  dtrsen_("N", "V", k->select, &k->size, k->T, &k->most, k->Q, &k->most, k->wr, k->wi, &moved, &s,
          &sep, k->work, &lwork, &iwork, &one, &info);
  return moved;
}

/* H = Q T Q', the largest eigenvalue first; it and its residual. */
static tame_status decompose(krylov *k, tame_arnoldi *out)
{
  const int lwork = WORK * k->most;
  int none, info;
  memcpy(k->T, k->H, (size_t)k->most * (size_t)k->most * sizeof *k->T);
  dgees_("V", "N", NULL, &k->size, k->T, &k->most, &none, k->wr, k->wi, k->Q, &k->most, k->work,
         &lwork, NULL, &info);
  if (info != 0)
    return tame_fail(TAME_ERR_NUMERIC, "the QR algorithm failed on a matrix of %d rows (%d)",
                     k->size, info);
  const int leading = bring_forward(k, 1);
  const double *last = k->Q + k->size - 1; /* the last row of Q */
  out->modulus = modulus(k, 0);
  out->residual = k->beta * hypot(last[0], leading > 1 ? last[k->most] : 0) / out->modulus;
  return TAME_OK;
}

/* V <- V Q of the larger half of the eigenvalues, with H and the vector to come. */
static void shrink(krylov *k)
{
  const int old = k->size, kept = bring_forward(k, old / 2);
  for (int from = 0; from < k->n; from += BLOCK) {
    const int rows = k->n - from < BLOCK ? k->n - from : BLOCK;
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, rows, kept, old, 1, k->V + from, k->n,
                k->Q, k->most, 0, k->block, BLOCK);
    for (int j = 0; j < kept; j++)
      memcpy(vector(k, j) + from, k->block + (int64_t)j * BLOCK, (size_t)rows * sizeof *k->V);
  }
  memmove(vector(k, kept), vector(k, old), (size_t)k->n * sizeof *k->V);
  memset(k->H, 0, (size_t)k->most * (size_t)k->most * sizeof *k->H);
  for (int j = 0; j < kept; j++) {
    double *column = k->H + (int64_t)j * k->most;
    memcpy(column, k->T + (int64_t)j * k->most, (size_t)kept * sizeof *column);
    column[kept] = k->beta * k->Q[(int64_t)j * k->most + old - 1];
  }
  k->size = kept;
}

static tame_status search(krylov *k, tame_product *product, void *context, double tolerance,
                          int64_t max_products, tame_arnoldi *out)
{
  for (bool more = true;;) {
    for (; more && k->size < k->most; out->products++) more = grow(k, product, context);
    const tame_status status = decompose(k, out);
    if (status != TAME_OK || !more || out->residual <= tolerance) return status;
    if (out->products >= max_products)
      return tame_fail(
          TAME_ERR_NUMERIC,
          "the largest eigenvalue has not converged: after %lld products it is %g, with a "
          "residual of %g, want at most %g",
          (long long)out->products, out->modulus, out->residual, tolerance);
    shrink(k);
  }
}

tame_status tame_largest_eigenvalue(int64_t n, tame_product *product, void *context,
                                    const double *start, double tolerance, int64_t max_products,
                                    tame_arnoldi *out)
{
  krylov k = {.n = (int)n, .most = n < BASIS ? (int)n : BASIS};
  *out = (tame_arnoldi){.residual = INFINITY};
  tame_blas_alone();
  tame_status status = allocate(&k);
  if (status == TAME_OK) {
    memcpy(k.V, start, (size_t)n * sizeof *k.V);
    cblas_dscal(k.n, 1 / cblas_dnrm2(k.n, k.V, 1), k.V, 1);
    status = search(&k, product, context, tolerance, max_products, out);
  }
  free(k.V);
  free(k.H);
  free(k.h);
  free(k.select);
  return status;
}

double tame_largest_eigenvalue_bytes(int64_t n)
{
  const double m = n < BASIS ? (double)n : BASIS;
  return 8 * ((m + 1) * (double)n + 3 * m * m + (4 + WORK + BLOCK) * m);
}

tame_status tame_dense_eigenvalue(int64_t n, double *A, double *modulus)
{
  double *re = tame_untouched(2 * n, sizeof *re, "eigenvalues");
  *modulus = 0;
  if (!re) return TAME_ERR_NOMEM;
  double *const im = re + n;
  const tame_status status = tame_eigenvalues(n, A, re, im);
  for (int64_t i = 0; status == TAME_OK && i < n; i++)
    *modulus = fmax(*modulus, hypot(re[i], im[i]));
  free(re);
  return status;
}
