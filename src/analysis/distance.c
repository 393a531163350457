/* Solutions that are alike; see tame/distance.h. */
#include "tame/distance.h"

#include "analysis/components.h"
#include "base/memory.h"
#include "linalg/regress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* out = A'B, [p][q]. */
static void cross(int64_t rows, int64_t p, const double *A, int64_t q, const double *B, double *out)
{
  memset(out, 0, (size_t)(p * q) * sizeof *out);
  tame_add_product(p, q, rows, A, p, B, q, out, q);
}

static double squares(int64_t n, const double *a)
{
  double sum = 0;
  for (int64_t k = 0; k < n; k++) sum += a[k] * a[k];
  return sum;
}

static tame_status centre(tame_solution *s, const double *x)
{
  const int64_t p = s->columns;
  for (int64_t j = 0; j < p; j++) {
    double mean = 0, largest = 0, off = 0;
    for (int64_t i = 0; i < s->rows; i++) mean += x[i * p + j] / (double)s->rows;
    for (int64_t i = 0; i < s->rows; i++) {
      s->x[i * p + j] = x[i * p + j] - mean;
      largest = fmax(largest, fabs(x[i * p + j]));
      off = fmax(off, fabs(s->x[i * p + j]));
    }
    if (off <= 1e-13 * largest) /* that is rounding */
      for (int64_t i = 0; i < s->rows; i++) s->x[i * p + j] = 0;
    if (!isfinite(mean)) return tame_fail(TAME_ERR_NUMERIC, "found signals that are not finite");
  }
  return TAME_OK;
}

/* scores = X V / |X v|, the components in rows of `vectors`. */
static void take_scores(tame_solution *s, const double *vectors, const double *variance)
{
  for (int64_t i = 0; i < s->rows; i++)
    for (int64_t k = 0; k < s->components; k++) {
      double sum = 0;
      for (int64_t j = 0; j < s->columns; j++)
        sum += s->x[i * s->columns + j] * vectors[k * s->columns + j];
      s->scores[i * s->components + k] = sum / sqrt(variance[k]);
    }
}

static tame_status find_components(tame_solution *s, double share, double *A, double *vectors,
                                   double *variance)
{
  const int64_t p = s->columns;
  cross(s->rows, p, s->x, p, s->x, A);
  s->norm = sqrt(squares(p * p, A));
  const tame_status status = tame_components_solve(p, A, 1, variance);
  if (status != TAME_OK || !(s->norm > 0)) return status;
  s->components = tame_components_count(p, variance, share);
  while (s->components > 1 && !(variance[s->components - 1] > 1e-13 * variance[0]))
    s->components--; /* what is less is rounding */
  for (int64_t k = 0; k < s->components; k++) tame_components_take(p, A, k, vectors + k * p);
  s->scores = tame_zeroed(s->rows * s->components, sizeof *s->scores, "signals");
  if (!s->scores) return TAME_ERR_NOMEM;
  take_scores(s, vectors, variance);
  return TAME_OK;
}

tame_status tame_solution_create(tame_solution *s, int64_t rows, int64_t columns, const double *x,
                                 double share)
{
  *s = (tame_solution){.rows = rows, .columns = columns};
  s->x = tame_untouched(rows * columns, sizeof *s->x, "signals");
  double *A = tame_untouched(columns * columns, sizeof *A, "signals"),
         *vectors = tame_untouched(columns * columns, sizeof *vectors, "signals"),
         *variance = tame_untouched(columns, sizeof *variance, "signals");
  tame_status status = s->x && A && vectors && variance ? TAME_OK : TAME_ERR_NOMEM;
  tame_blas_alone();
  if (status == TAME_OK) status = centre(s, x);
  if (status == TAME_OK) status = find_components(s, share, A, vectors, variance);
  free(A);
  free(vectors);
  free(variance);
  return status;
}

void tame_solution_free(tame_solution *s)
{
  free(s->x);
  free(s->scores);
  *s = (tame_solution){0};
}

double tame_solution_bytes(int64_t rows, int64_t columns)
{
  return 8. * (3. * (double)rows + 5. * (double)columns) * (double)columns;
}

double tame_solution_cka(const tame_solution *a, const tame_solution *b, double *work)
{
  if (!(a->norm > 0 && b->norm > 0)) return NAN;
  cross(a->rows, a->columns, a->x, b->columns, b->x, work);
  return squares(a->columns * b->columns, work) / (a->norm * b->norm);
}

double tame_solution_overlap(const tame_solution *a, const tame_solution *b, double *work)
{
  const int64_t p = a->components, q = b->components;
  if (!(a->norm > 0 && b->norm > 0)) return NAN;
  cross(a->rows, p, a->scores, q, b->scores, work);
  return squares(p * q, work) / (double)(p < q ? p : q);
}
