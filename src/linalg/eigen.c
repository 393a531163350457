/* Eigenproblems; see eigen.h. */
#include "linalg/eigen.h"

#include "base/memory.h"
#include "linalg/lapack.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 32766 /* rows: LAPACK wants 1 + 6 n + 2 n^2 numbers, and counts them in 32 bits */ };

static tame_status failed(int64_t n, int info)
{
  return tame_fail(TAME_ERR_NUMERIC,
                   "the eigenvalues of a matrix of %lld rows cannot be found: %s (info %d)",
                   (long long)n, info < 0 ? "it is not finite" : "no convergence", info);
}

/* dsyevd where work is NULL only tells how much it wants. */
static int solve_alone(int n, double *A, int stride, double *values, double *work, int *room,
                       int *whole, int *whole_room)
{
  double wanted = 0;
  int info, want_whole = 0;
  const int ask = -1;
  if (!work) {
    dsyevd_("V", "L", &n, A, &stride, values, &wanted, &ask, &want_whole, &ask, &info);
    *room = (int)wanted;
    *whole_room = want_whole;
  } else {
    dsyevd_("V", "L", &n, A, &stride, values, work, room, whole, whole_room, &info);
  }
  return info;
}

tame_status tame_eigen(int64_t n, double *A, double *values)
{
  if (n > MOST)
    return tame_fail(TAME_ERR_NUMERIC,
                     "the eigenvalues of a matrix of %lld rows are beyond LAPACK's 32-bit sizes, "
                     "want at most %d; several ranks together may find them (solvers)",
                     (long long)n, MOST);
  int room = 0, whole_room = 0, info = 0;
  if (n == 0) return TAME_OK;
  tame_blas_alone();
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i; j < n; j++)
      if (!isfinite(A[i * n + j])) return failed(n, -1);
  (void)solve_alone((int)n, A, (int)n, values, NULL, &room, NULL, &whole_room);
  double *work = tame_untouched(room, sizeof *work, "eigenvectors");
  int *whole = tame_untouched(whole_room, sizeof *whole, "eigenvectors");
  if (work && whole) info = solve_alone((int)n, A, (int)n, values, work, &room, whole, &whole_room);
  const bool room_was = work && whole;
  free(work);
  free(whole);
  if (!room_was) return TAME_ERR_NOMEM;
  return info == 0 ? TAME_OK : failed(n, info);
}

static tame_status check_finite(const tame_spread *A)
{
  for (int64_t j = 0; j < A->own_columns; j++)
    for (int64_t i = 0; i < A->own_rows; i++)
      if (tame_spread_row(A, i) >= tame_spread_column(A, j) && !isfinite(A->at[j * A->stride + i]))
        return failed(A->rows, -1);
  return TAME_OK;
}

/* pdsyevd, by the ranks of a grid. */
static tame_status solve_together(tame_spread *A, double *values, tame_spread *vectors)
{
  const int n = (int)A->rows, one = 1, ask = -1;
  int info = 0, want_whole = 0, room, whole_room;
  double wanted = 0;
  pdsyevd_("V", "L", &n, A->at, &one, &one, A->descriptor, values, vectors->at, &one, &one,
           vectors->descriptor, &wanted, &ask, &want_whole, &ask, &info);
  room = (int)wanted + 8 * TAME_SPREAD_BLOCK * TAME_SPREAD_BLOCK; /* its answer is short at times */
  whole_room = want_whole + 8 * n;
  double *work = tame_untouched(room, sizeof *work, "eigenvectors");
  int *whole = tame_untouched(whole_room, sizeof *whole, "eigenvectors");
  tame_status status = tame_agree(A->grid->members, work && whole ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) {
    pdsyevd_("V", "L", &n, A->at, &one, &one, A->descriptor, values, vectors->at, &one, &one,
             vectors->descriptor, work, &room, whole, &whole_room, &info);
    if (info != 0) status = failed(A->rows, info);
  }
  free(work);
  free(whole);
  return status;
}

tame_status tame_eigen_spread(tame_spread *A, double *values, tame_spread *vectors)
{
  const tame_grid *g = A->grid;
  tame_status status = tame_agree(g->comm, check_finite(A));
  if (status != TAME_OK) return status;
  if (g->row >= 0 && g->edge == 1) {
    status = tame_eigen(A->rows, A->at, values);
    double *const at = A->at; /* it has the vectors */
    A->at = vectors->at;
    vectors->at = at;
  } else if (g->row >= 0) {
    status = solve_together(A, values, vectors);
  }
  status = tame_agree(g->comm, status);
  if (status == TAME_OK) MPI_Bcast(values, (int)A->rows, MPI_DOUBLE, 0, g->comm);
  return status;
}

/* left: LAPACK's left eigenvectors, as it packs them; NULL: none. */
static tame_status solve_general(int64_t n, double *A, double *re, double *im, double *left)
{
  const int size = (int)n, one = 1,
            room = TAME_EIGENVALUES_WORK * size; /* so that its blocks are fixed */
  int info;
  if (n == 0) return TAME_OK;
  tame_blas_alone();
  for (int64_t k = 0; k < n * n; k++)
    if (!isfinite(A[k])) return failed(n, -1);
  double *work = tame_untouched(room, sizeof *work, "eigenvalues");
  if (!work) return TAME_ERR_NOMEM;
  dgeev_(left ? "V" : "N", "N", &size, A, &size, re, im, left, left ? &size : &one, NULL, &one,
         work, &room, &info);
  free(work);
  return info == 0 ? TAME_OK : failed(n, info);
}

/* Give a vector its length and the phase that eigen.h says. */
static void normalize(int64_t n, double *re, double *im)
{
  double largest = 0, sum = 0;
  int64_t last = 0;
  for (int64_t i = 0; i < n; i++) {
    largest = fmax(largest, hypot(re[i], im[i]));
    sum += re[i] * re[i] + im[i] * im[i];
  }
  for (int64_t i = 0; i < n; i++)
    if (hypot(re[i], im[i]) >= largest * (1 - 1e-9)) last = i;
  const double size = hypot(re[last], im[last]) * sqrt(sum), c = re[last] / size,
               s = im[last] / size;
  for (int64_t i = 0; i < n; i++) {
    const double x = re[i];
    re[i] = x * c + im[i] * s;
    im[i] = im[i] * c - x * s;
  }
  im[last] = 0;
}

tame_status tame_eigenvalues(int64_t n, double *A, double *re, double *im)
{
  return solve_general(n, A, re, im, NULL);
}

/* LAPACK sees A', whose left eigenvectors are the conjugates of A's right ones; of a pair it gives the real part of
 * the first, and then its imaginary part. */
tame_status tame_eigenvectors(int64_t n, double *A, double *re, double *im, double *real,
                              double *imaginary)
{
  const tame_status status = solve_general(n, A, re, im, real);
  for (int64_t k = 0; status == TAME_OK && k < n; k++) {
    double *x = real + k * n, *y = imaginary + k * n;
    const bool pair = im[k] > 0;
    for (int64_t i = 0; i < n; i++) y[i] = pair ? -x[n + i] : 0;
    normalize(n, x, y);
    if (!pair) continue;
    for (int64_t i = 0; i < n; i++) x[n + i] = x[i], y[n + i] = -y[i];
    k++;
  }
  return status;
}
