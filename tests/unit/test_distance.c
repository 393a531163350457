/* Solutions that are alike: against numpy (tests/golden/distance.py), rotations, independent noise. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 40, LONG = 4000 };

static double noise(int64_t i, int64_t j)
{
  return tame_normal(4, TAME_DRAW_INPUT, (uint32_t)i, (uint32_t)j, 0);
}

/* As tests/golden/distance.py. */
static void fill(int64_t columns, double seed, double *x)
{
  for (int64_t i = 0; i < ROWS; i++)
    for (int64_t j = 0; j < columns; j++) {
      const double a = (double)i, b = (double)j;
      x[i * columns + j] = sin(0.3 * a * (1 + 0.1 * b) + seed) + 0.1 * b * cos(1.7 * a + b * seed);
    }
}

static tame_solution prepare(int64_t rows, int64_t columns, const double *x, double share)
{
  tame_solution s;
  assert_int_equal(tame_solution_create(&s, rows, columns, x, share), TAME_OK);
  return s;
}

static void they_are_those_of_numpy(void **state)
{
  (void)state;
  double x[ROWS * 5], y[ROWS * 7], work[35];
  static const double shares[] = {0.8, 0.99}, wanted[] = {0.74655227322831519, 0.91511232659519592};
  static const int64_t components[][2] = {{2, 3}, {3, 6}};
  fill(5, 1, x);
  fill(7, 2, y);
  for (int k = 0; k < 2; k++) {
    tame_solution a = prepare(ROWS, 5, x, shares[k]), b = prepare(ROWS, 7, y, shares[k]);
    assert_int_equal(a.components, components[k][0]);
    assert_int_equal(b.components, components[k][1]);
    assert_true(fabs(tame_solution_cka(&a, &b, work) - 0.63387830578154447) < 1e-13);
    assert_true(fabs(tame_solution_cka(&b, &a, work) - 0.63387830578154447) < 1e-13);
    assert_true(fabs(tame_solution_overlap(&a, &b, work) - wanted[k]) < 1e-12);
    assert_true(fabs(tame_solution_overlap(&b, &a, work) - wanted[k]) < 1e-12);
    tame_solution_free(&a), tame_solution_free(&b);
  }
}

/* Rotated, scaled and moved: reflections at a plane, I - 2 v v' / v'v. */
static void a_rotation_is_the_same(void **state)
{
  (void)state;
  enum { N = 7 };
  double x[ROWS * N], y[ROWS * N], v[N], square = 0, work[N * N];
  fill(N, 3, x);
  for (int64_t j = 0; j < N; j++) {
    v[j] = noise(j, 99);
    square += v[j] * v[j];
  }
  for (int64_t i = 0; i < ROWS; i++) {
    double along = 0;
    for (int64_t j = 0; j < N; j++) along += x[i * N + j] * v[j];
    for (int64_t j = 0; j < N; j++)
      y[i * N + j] = -3 * (x[i * N + j] - 2 * along * v[j] / square) + (double)j;
  }
  tame_solution a = prepare(ROWS, N, x, 0.9), b = prepare(ROWS, N, y, 0.9);
  assert_true(fabs(tame_solution_cka(&a, &b, work) - 1) < 1e-13);
  assert_true(fabs(tame_solution_overlap(&a, &b, work) - 1) < 1e-12);
  assert_true(fabs(tame_solution_cka(&a, &a, work) - 1) < 1e-13);
  tame_solution_free(&a), tame_solution_free(&b);
}

/* Of independent signals CKA is about sqrt(p q) / rows. */
static void independent_noise_has_nothing_in_common(void **state)
{
  (void)state;
  enum { P = 5, Q = 9 };
  double *x = calloc((size_t)(LONG * P), sizeof *x), *y = calloc((size_t)(LONG * Q), sizeof *y),
         work[P * Q];
  for (int64_t k = 0; k < LONG * P; k++) x[k] = noise(k, 1);
  for (int64_t k = 0; k < LONG * Q; k++) y[k] = noise(k, 2);
  tame_solution a = prepare(LONG, P, x, 0.99), b = prepare(LONG, Q, y, 0.99);
  const double wanted = sqrt(P * Q) / LONG, found = tame_solution_cka(&a, &b, work);
  assert_true(found > wanted / 3 && found < 3 * wanted);
  assert_true(tame_solution_overlap(&a, &b, work) < 0.01);
  tame_solution_free(&a), tame_solution_free(&b);
  free(x), free(y);
}

static void what_does_not_vary_has_no_distance(void **state)
{
  (void)state;
  double x[ROWS * 2], y[ROWS * 2], work[4];
  for (int k = 0; k < ROWS * 2; k++) x[k] = 0.5, y[k] = noise(k, 5);
  tame_solution a = prepare(ROWS, 2, x, 0.9), b = prepare(ROWS, 2, y, 0.9);
  assert_true(isnan(tame_solution_cka(&a, &b, work)) && isnan(tame_solution_overlap(&b, &a, work)));
  tame_solution_free(&a), tame_solution_free(&b);
  y[3] = NAN;
  assert_int_equal(tame_solution_create(&b, ROWS, 2, y, 0.9), TAME_ERR_NUMERIC);
  tame_solution_free(&b);
}

static int group(void)
{
  const struct CMUnitTest all[] = {
      cmocka_unit_test(they_are_those_of_numpy),
      cmocka_unit_test(a_rotation_is_the_same),
      cmocka_unit_test(independent_noise_has_nothing_in_common),
      cmocka_unit_test(what_does_not_vary_has_no_distance),
  };
  return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
