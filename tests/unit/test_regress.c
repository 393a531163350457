/* Ridge, lasso and elastic net from sums: against scikit-learn's answers, the conditions of the optimum, and what
 * cannot be solved. */
#include "support.h"

#include "linalg/regress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 8, ROWS = 60 };

/* Sums over centred data, as a learner has them. */
typedef struct problem {
  int64_t n, p;
  double H[MOST * MOST], q[MOST], yy;
} problem;

static double fill(int64_t k)
{
  double whole;
  return modf((double)k * 0.6180339887498949, &whole);
}

/* The problems of tests/golden/regress.py. */
static problem make(int64_t n, int64_t p, bool collinear)
{
  problem out = {.n = n, .p = p};
  double X[ROWS][MOST + 1] = {{0}};
  for (int64_t t = 0; t < n; t++) {
    for (int64_t j = 0; j < p; j++) X[t][j] = sin(37 * fill(t * p + j + 1));
    if (collinear) X[t][p - 1] = X[t][0] - 0.5 * X[t][1] + 1e-3 * sin(11 * fill(t + 6));
    X[t][p] = X[t][0] - 2 * X[t][2] + 0.3 + 0.1 * cos(23 * fill(t + 8));
  }
  for (int64_t j = 0; j <= p; j++) {
    double mean = 0;
    for (int64_t t = 0; t < n; t++) mean += X[t][j] / (double)n;
    for (int64_t t = 0; t < n; t++) X[t][j] -= mean;
  }
  for (int64_t t = 0; t < n; t++)
    for (int64_t i = 0; i < p; i++) {
      for (int64_t j = 0; j < p; j++) out.H[i * p + j] += X[t][i] * X[t][j];
      out.q[i] += X[t][i] * X[t][p];
    }
  for (int64_t t = 0; t < n; t++) out.yy += X[t][p] * X[t][p];
  return out;
}

typedef struct answer {
  int64_t n, p;
  bool collinear;
  double ridge[MOST], lasso[MOST], net[MOST];
} answer;

static const answer answers[] = {
    {60,
     5,
     false,
     {0.82713267521385059, -0.084306605162539072, -1.7619920865617202, 0.14064571295909634,
      0.41996536655449668},
     {0.90207634598822162, 0, -2.030155401919941, 0, 0},
     {0.87543043937956877, 0, -1.6929471603376467, 0.18185552838216507, 0.40092823269711741}},
    {6,
     8,
     false,
     {0.57302645629851101, 0.20077067628814349, -0.56573038536191023, 0.21234520311630917,
      0.40524327972065366, -0.52455970356320825, -0.30406069576623751, 0.59660843667552066},
     {0.4353674990784796, 0, 0, 0, 0.20935597109408691, 0, 0, 2.2312435673354218},
     {0.64052158526939618, 0.1063023988875804, -0.65862892100655124, 0, 0.3498107436686419,
      -0.54045966649834987, -0.18754462162560331, 0.70820725184650479}},
    {40,
     6,
     true,
     {0.6906362201103019, 0.22445530246550638, -1.6198703401773016, -0.12251293856176367,
      0.18590143836564749, 0.57705723584884838},
     {0.9802970637706846, 0, -1.9760090296336661, 0, 0, 0},
     {0.71086484635250957, 0.15714361923797163, -1.6423824706415835, 0, 0.24669286794651774,
      0.41664837323948473}},
};

static void close_to(const double *w, const double *want, int64_t p)
{
  for (int64_t j = 0; j < p; j++) assert_true(fabs(w[j] - want[j]) < 1e-8);
}

static void answers_are_those_of_scikit_learn(void **state)
{
  (void)state;
  for (size_t k = 0; k < sizeof answers / sizeof *answers; k++) {
    const answer *a = &answers[k];
    problem s = make(a->n, a->p, a->collinear);
    double w[MOST] = {0};
    tame_descent d;
    assert_int_equal(tame_elastic_net(s.n, s.p, 0.02, 1, 1e-14, 10000000, s.H, s.q, s.yy, w, &d),
                     TAME_OK);
    assert_true(d.gap <= d.wanted && d.sweeps > 1);
    close_to(w, a->lasso, s.p);
    memset(w, 0, sizeof w);
    assert_int_equal(tame_elastic_net(s.n, s.p, 0.02, 0.3, 1e-14, 10000000, s.H, s.q, s.yy, w, &d),
                     TAME_OK);
    close_to(w, a->net, s.p);
    assert_int_equal(tame_ridge_solve(s.p, 1, 0.5, s.H, s.q, w), TAME_OK); /* H is gone */
    close_to(w, a->ridge, s.p);
  }
}

/* With orthonormal features each weight is its own soft threshold. */
static void orthonormal_features_are_thresholded(void **state)
{
  (void)state;
  const double H[] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, q[] = {0.9, -0.4, 0.05};
  double w[3] = {0};
  tame_descent d;
  assert_int_equal(tame_elastic_net(10, 3, 0.01, 1, 1e-15, 100, H, q, 1, w, &d), TAME_OK);
  const double want[] = {0.8, -0.3, 0};
  for (int j = 0; j < 3; j++) assert_true(fabs(w[j] - want[j]) < 1e-15);
  const double dead[] = {1, 0, 0, 0, 0, 0, 0, 0, 1}; /* a constant feature gets nothing */
  memset(w, 0, sizeof w);
  assert_int_equal(tame_elastic_net(10, 3, 0.01, 1, 1e-15, 100, dead, (double[]){0.9, 0, 0.05}, 1,
                                    w, &d),
                   TAME_OK);
  assert_true(w[1] == 0 && fabs(w[0] - 0.8) < 1e-15);
}

static void what_cannot_be_solved_is_said(void **state)
{
  (void)state;
  problem s = make(6, 8, false);
  double w[MOST] = {0};
  tame_descent d;
  assert_int_equal(tame_elastic_net(s.n, s.p, 1e-6, 1, 1e-12, 3, s.H, s.q, s.yy, w, &d),
                   TAME_ERR_NUMERIC);
  assert_non_null(strstr(tame_message(), "has not converged: after 3 sweeps the duality gap is"));
  assert_true(d.sweeps == 3 && d.gap > d.wanted);
  assert_int_equal(tame_ridge_solve(s.p, 1, 0, s.H, s.q, w), TAME_ERR_NUMERIC);
  assert_non_null(strstr(tame_message(), "is singular: effective rank 4 of 8"));
  s = make(60, 5, false);
  s.H[7] = s.H[11] = NAN;
  assert_int_equal(tame_ridge_solve(s.p, 1, 0.1, s.H, s.q, w), TAME_ERR_NUMERIC);
  assert_int_equal(tame_elastic_net(s.n, s.p, 0.1, 1, 1e-4, 100, s.H, s.q, s.yy, w, &d),
                   TAME_ERR_NUMERIC);
}

/* Several targets at once, and products, against loops. */
static void products_and_targets(void **state)
{
  (void)state;
  double A[7 * 9], C[5 * 6], want[5 * 6];
  for (int k = 0; k < 7 * 9; k++) A[k] = fill(k + 1);
  for (int k = 0; k < 5 * 6; k++) C[k] = want[k] = k;
  for (int i = 0; i < 5; i++)
    for (int j = 0; j < 4; j++)
      for (int t = 0; t < 7; t++) want[i * 6 + j] += A[t * 9 + i] * A[t * 9 + 3 + j];
  tame_add_product(5, 4, 7, A, 9, A + 3, 9, C, 6);
  for (int k = 0; k < 5 * 6; k++) assert_true(fabs(C[k] - want[k]) < 1e-13);
  problem s = make(60, 5, false), again = s;
  double q[10], two[10], one[5];
  for (int j = 0; j < 5; j++) q[j] = s.q[j], q[5 + j] = -3 * s.q[j];
  assert_int_equal(tame_ridge_solve(5, 2, 0.1, s.H, q, two), TAME_OK);
  assert_int_equal(tame_ridge_solve(5, 1, 0.1, again.H, s.q, one), TAME_OK);
  for (int j = 0; j < 5; j++)
    assert_true(fabs(two[j] - one[j]) < 1e-14 && fabs(two[5 + j] + 3 * one[j]) < 1e-13);
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_are_those_of_scikit_learn),
      cmocka_unit_test(orthonormal_features_are_thresholded),
      cmocka_unit_test(what_cannot_be_solved_is_said),
      cmocka_unit_test(products_and_targets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
