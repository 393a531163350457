/* Lyapunov exponents of systems that are known: the Lorenz attractor, linear maps; and what follows from them. */
/* timeout: 120 */
#include "support.h"

#include "analysis/lyapunov.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Lorenz ------------------------------------------------------------------------------------ */

enum { MOST = 3 };
static const double SIGMA = 10, RHO = 28, BETA = 8.0 / 3, DT = 0.005;

/* A point and tangent vectors there, [1 + exponents][3]: the derivatives of all. */
static void lorenz(int columns, double (*z)[3], double (*dz)[3])
{
  const double x = z[0][0], y = z[0][1], w = z[0][2];
  dz[0][0] = SIGMA * (y - x);
  dz[0][1] = x * (RHO - w) - y;
  dz[0][2] = x * y - BETA * w;
  for (int c = 1; c <= columns; c++) {
    dz[c][0] = SIGMA * (z[c][1] - z[c][0]);
    dz[c][1] = (RHO - w) * z[c][0] - z[c][1] - x * z[c][2];
    dz[c][2] = y * z[c][0] + x * z[c][1] - BETA * z[c][2];
  }
}

typedef struct point {
  int columns;
  double at[3];
} point;

/* One step of Runge and Kutta's for point and vectors together. */
static void advance_lorenz(void *context, double *vectors)
{
  static const double shares[] = {0, 0.5, 0.5, 1}, weights[] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};
  point *p = context;
  const int columns = p->columns;
  double z[1 + MOST][3], at[1 + MOST][3], slope[1 + MOST][3], sum[1 + MOST][3];
  memcpy(z[0], p->at, sizeof p->at);
  for (int c = 0; c < columns; c++)
    for (int i = 0; i < 3; i++) z[c + 1][i] = vectors[i * columns + c];
  memset(slope, 0, sizeof slope);
  memcpy(sum, z, sizeof sum);
  for (int stage = 0; stage < 4; stage++) {
    for (int c = 0; c <= columns; c++)
      for (int i = 0; i < 3; i++) at[c][i] = z[c][i] + DT * shares[stage] * slope[c][i];
    lorenz(columns, at, slope);
    for (int c = 0; c <= columns; c++)
      for (int i = 0; i < 3; i++) sum[c][i] += DT * weights[stage] * slope[c][i];
  }
  memcpy(p->at, sum[0], sizeof p->at);
  for (int c = 0; c < columns; c++)
    for (int i = 0; i < 3; i++) vectors[i * columns + c] = sum[c + 1][i];
}

static void run_lorenz(int columns, int64_t samples, double *exponents)
{
  point p = {columns, {1, 1, 20}};
  double none[3 * MOST] = {0};
  tame_partition all;
  tame_lyapunov *l;
  assert_int_equal(tame_partition_even(&all, 1, 3), TAME_OK);
  const tame_lyapunov_system system = {MPI_COMM_SELF, &all, &p, advance_lorenz};
  const tame_lyapunov_options options = {
      .exponents = columns, .every = 10, .settle = 200, .step_s = DT, .seed = 1};
  for (int t = 0; t < 10000; t++) advance_lorenz(&p, none); /* onto the attractor */
  assert_int_equal(tame_lyapunov_create(&l, &system, &options), TAME_OK);
  tame_lyapunov_begin(l, 0);
  while (tame_lyapunov_samples(l) < samples) tame_lyapunov_step(l);
  assert_int_equal(tame_lyapunov_verdict(l), TAME_OK);
  tame_lyapunov_exponents(l, exponents);
  tame_lyapunov_free(&l);
  tame_partition_free(&all);
}

/* Sprott (2003), Chaos and Time-Series Analysis: 0.9056, 0, -14.5723; dimension 2.062. Their sum is the divergence
 * of the field, - sigma - 1 - beta, everywhere. */
static void the_lorenz_attractor_has_its_exponents(void **state)
{
  (void)state;
  double found[3], dimension, largest;
  run_lorenz(3, 100000, found);
  print_message("Lorenz: %.4f %.5f %.4f\n", found[0], found[1], found[2]);
  assert_true(fabs(found[0] / 0.9056 - 1) < 0.01);
  assert_true(fabs(found[1]) < 0.005);
  assert_true(fabs(found[2] / -14.5723 - 1) < 0.01);
  assert_true(fabs(found[0] + found[1] + found[2] + SIGMA + 1 + BETA) < 1e-5);
  assert_int_equal(tame_kaplan_yorke(3, 3, found, &dimension), TAME_OK);
  assert_true(fabs(dimension - 2.062) < 0.002);
  run_lorenz(1, 100000, &largest); /* fewer vectors: the same trajectory and first vector */
  assert_true(fabs(largest - found[0]) < 1e-3);
}

/* ---- linear maps ------------------------------------------------------------------------------- */

enum { N = 5 };

/* V <- A V, A upper triangular: what is on its diagonal grows. */
typedef struct map {
  int columns;
  double A[N][N];
} map;

static void advance_map(void *context, double *vectors)
{
  const map *m = context;
  for (int c = 0; c < m->columns; c++) {
    double moved[N] = {0};
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) moved[i] += m->A[i][j] * vectors[j * m->columns + c];
    for (int i = 0; i < N; i++) vectors[i * m->columns + c] = moved[i];
  }
}

static tame_status run_map(map *m, int64_t every, int64_t samples, double *exponents)
{
  tame_partition all;
  tame_lyapunov *l;
  assert_int_equal(tame_partition_even(&all, 1, N), TAME_OK);
  const tame_lyapunov_system system = {MPI_COMM_SELF, &all, m, advance_map};
  const tame_lyapunov_options options = {
      .exponents = m->columns, .every = every, .settle = 200, .step_s = 0.5, .seed = 3};
  assert_int_equal(tame_lyapunov_create(&l, &system, &options), TAME_OK);
  tame_lyapunov_begin(l, 0);
  for (int64_t t = 0; t < (200 + samples) * every; t++) tame_lyapunov_step(l);
  tame_lyapunov_exponents(l, exponents);
  const tame_status status = tame_lyapunov_verdict(l);
  tame_lyapunov_free(&l);
  tame_partition_free(&all);
  return status;
}

static void a_linear_map_has_the_logs_of_its_eigenvalues(void **state)
{
  (void)state;
  static const double diagonal[N] = {0.3, 2.5, -0.9, 1.4, 0.05};
  static const double sorted[N] = {2.5, 1.4, -0.9, 0.3, 0.05};
  for (int columns = 1; columns <= N; columns += 2)
    for (int64_t every = 1; every <= 4; every++) {
      map m = {.columns = columns};
      double found[N];
      for (int i = 0; i < N; i++)
        for (int j = i; j < N; j++) m.A[i][j] = i == j ? diagonal[i] : 0.3 * (i + 1) - 0.2 * j;
      assert_int_equal(run_map(&m, every, 50, found), TAME_OK);
      for (int j = 0; j < columns; j++)
        assert_true(fabs(found[j] - log(fabs(sorted[j])) / 0.5) < 1e-10);
    }
}

static void vectors_that_become_parallel_are_told(void **state)
{
  (void)state;
  map m = {.columns = 2};
  double found[N];
  for (int i = 0; i < N; i++) m.A[0][i] = 1; /* all to one line */
  assert_int_equal(run_map(&m, 3, 10, found), TAME_ERR_NUMERIC);
  assert_non_null(strstr(tame_message(), "parallel, or not finite, after 0 intervals of 3 steps"));
}

/* ---- what follows ------------------------------------------------------------------------------ */

static void dimensions_follow_kaplan_and_yorke(void **state)
{
  (void)state;
  double d;
  assert_int_equal(tame_kaplan_yorke(4, 4, (double[]){-3, 1, 0.5, -1}, &d), TAME_OK);
  assert_true(fabs(d - (3 + 0.5 / 3)) < 1e-15); /* 1 + 0.5 - 1 = 0.5 of 3 */
  assert_int_equal(tame_kaplan_yorke(4, 2, (double[]){-1, -2}, &d), TAME_OK);
  assert_true(d == 0); /* a point */
  assert_int_equal(tame_kaplan_yorke(4, 2, (double[]){1, 0.5}, &d), TAME_OK);
  assert_true(isnan(d)); /* there are too few to tell */
  assert_int_equal(tame_kaplan_yorke(2, 2, (double[]){1, -0.5}, &d), TAME_OK);
  assert_true(d == 2);
  assert_true(tame_entropy_sum(4, (double[]){-3, 1, 0.5, -1}) == 1.5);
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_lorenz_attractor_has_its_exponents),
      cmocka_unit_test(a_linear_map_has_the_logs_of_its_eigenvalues),
      cmocka_unit_test(vectors_that_become_parallel_are_told),
      cmocka_unit_test(dimensions_follow_kaplan_and_yorke),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
