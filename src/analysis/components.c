/* Principal components; see components.h. */
#include "analysis/components.h"

#include "linalg/eigen.h"

#include <math.h>

void tame_components_order(int64_t n, double samples, double *variance)
{
  for (int64_t i = 0; i < n / 2; i++) {
    const double other = variance[n - 1 - i];
    variance[n - 1 - i] = variance[i];
    variance[i] = other;
  }
  for (int64_t i = 0; i < n; i++)
    variance[i] = fmax(variance[i], 0) / samples; /* below 0 only by rounding */
}

tame_status tame_components_solve(int64_t n, double *A, double samples, double *variance)
{
  const tame_status status = tame_eigen(n, A, variance);
  if (status == TAME_OK) tame_components_order(n, samples, variance);
  return status;
}

void tame_components_take(int64_t n, const double *A, int64_t k, double *out)
{
  const double *v = A + (n - 1 - k) * n;
  int64_t largest = 0;
  for (int64_t i = 1; i < n; i++)
    if (fabs(v[i]) > fabs(v[largest])) largest = i;
  const double sign = v[largest] < 0 ? -1 : 1;
  for (int64_t i = 0; i < n; i++) out[i] = sign * v[i];
}

double tame_components_participation(int64_t n, const double *variance)
{
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < n; i++) {
    sum += variance[i];
    squares += variance[i] * variance[i];
  }
  return squares > 0 ? sum * sum / squares : 0;
}

int64_t tame_components_count(int64_t n, const double *variance, double share)
{
  double sum = 0, so_far = 0;
  int64_t k = 0;
  for (int64_t i = 0; i < n; i++) sum += variance[i];
  while (k < n && so_far < share * sum) so_far += variance[k++];
  return k;
}
