/* Ridge, lasso and elastic net from sums: against scikit-learn's answers, the conditions of the optimum, and what
 * cannot be solved. */
#include "golden/regress.h"
#include "support.h"

#include "base/memory.h"
#include "linalg/eigen.h"
#include "linalg/qr.h"
#include "linalg/regress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = WIDEST, ROWS = 90 };

/* Sums over centred data, as a learner has them. */
typedef struct problem {
  int64_t n, p;
  double X[ROWS][MOST + 1]; /* and y */
  double H[MOST * MOST], q[MOST], yy;
} problem;

/* Uniform in [-1/2, 1/2), as in Python. */
static double draw(uint32_t *x)
{
  *x = (1103515245U * *x + 12345U) % (1U << 31);
  return (double)*x / (double)(1U << 31) - 0.5;
}

/* The problems of tests/golden/regress.py. */
static problem make(int64_t n, int64_t p, bool collinear)
{
  problem out = {.n = n, .p = p};
  uint32_t x = 1, noise = 2;
  for (int64_t t = 0; t < n; t++)
    for (int64_t j = 0; j < p; j++) out.X[t][j] = draw(&x);
  for (int64_t t = 0; t < n; t++) {
    const double near = draw(&noise);
    if (collinear) out.X[t][p - 1] = out.X[t][0] - 0.5 * out.X[t][1] + 0.01 * near;
  }
  for (int64_t t = 0; t < n; t++)
    out.X[t][p] = out.X[t][0] - 2 * out.X[t][2] + 0.3 + 0.2 * draw(&noise);
  for (int64_t j = 0; j <= p; j++) {
    double mean = 0;
    for (int64_t t = 0; t < n; t++) mean += out.X[t][j] / (double)n;
    for (int64_t t = 0; t < n; t++) out.X[t][j] -= mean;
  }
  for (int64_t t = 0; t < n; t++)
    for (int64_t i = 0; i < p; i++) {
      for (int64_t j = 0; j < p; j++) out.H[i * p + j] += out.X[t][i] * out.X[t][j];
      out.q[i] += out.X[t][i] * out.X[t][p];
    }
  for (int64_t t = 0; t < n; t++) out.yy += out.X[t][p] * out.X[t][p];
  return out;
}

/* Ridge on a grid of one. */
static tame_status ridge(const problem *s, int64_t targets, const double *q, int64_t count,
                         const double *alpha, double *w, double *rank)
{
  tame_grid grid;
  tame_spread H;
  tame_grid_create(&grid, MPI_COMM_SELF, 1);
  assert_int_equal(tame_spread_create(&H, &grid, s->p, s->p), TAME_OK);
  tame_spread_fill(&H, s->H);
  const tame_status status = tame_ridge_solve(&H, targets, q, count, alpha, w, rank);
  tame_spread_free(&H);
  tame_grid_free(&grid);
  return status;
}

/* R of [X y], in blocks of rows. */
static void triangle(const problem *s, int64_t depth, double *R)
{
  const int64_t m = s->p + 1;
  double *room = malloc((size_t)tame_qr_room(m, ROWS) * sizeof *room);
  memset(R, 0, (size_t)(m * m) * sizeof *R);
  for (int64_t t = 0; t < s->n; t += depth)
    tame_qr_add(m, R, t + depth < s->n ? depth : s->n - t, s->X[t], MOST + 1, room);
  free(room);
}

static void close_to(const double *w, const double *want, int64_t p)
{
  for (int64_t j = 0; j < p; j++) assert_true(fabs(w[j] - want[j]) < 1e-8);
}

/* To rounding. */
static void descend(const problem *s, double alpha, double l1_ratio, double *w, const double *want)
{
  tame_descent d;
  assert_int_equal(
      tame_elastic_net(s->n, s->p, alpha, l1_ratio, 0, 200000, s->H, s->q, s->yy, w, &d), TAME_OK);
  close_to(w, want, s->p);
}

static void answers_are_those_of_scikit_learn(void **state)
{
  (void)state;
  for (size_t k = 0; k < sizeof golden_paths / sizeof *golden_paths; k++) {
    const struct golden_path *a = &golden_paths[k];
    const problem s = make(a->n, a->p, a->collinear != 0);
    double w[MOST], path[2][MOST] = {{0}}, all[ALPHAS * MOST], R[(MOST + 1) * (MOST + 1)], rank;
    triangle(&s, 7, R);
    for (int j = 0; j < ALPHAS; j++) { /* downwards */
      memset(w, 0, sizeof w);
      descend(&s, alphas[j], 1, w, a->w[1][j]); /* from nothing, and from the one before */
      descend(&s, alphas[j], 1, path[0], a->w[1][j]);
      descend(&s, alphas[j], 0.3, path[1], a->w[2][j]);
      assert_int_equal(ridge(&s, 1, s.q, 1, &alphas[j], w, NULL), TAME_OK);
      close_to(w, a->w[0][j], s.p);
      assert_int_equal(tame_qr_ridge(s.p, 1, R, s.p + 1, 1, &alphas[j], w, &rank), TAME_OK);
      close_to(w, a->w[0][j], s.p);
    }
    assert_int_equal(ridge(&s, 1, s.q, ALPHAS, alphas, all, &rank), TAME_OK);
    for (int j = 0; j < ALPHAS; j++) close_to(all + j * s.p, a->w[0][j], s.p);
    assert_true(rank == (double)(s.n > s.p ? s.p : s.n - 1));
    assert_int_equal(tame_qr_ridge(s.p, 1, R, s.p + 1, ALPHAS, alphas, all, &rank), TAME_OK);
    for (int j = 0; j < ALPHAS; j++) close_to(all + j * s.p, a->w[0][j], s.p);
    assert_true(rank == (double)(s.n > s.p ? s.p : s.n - 1));
  }
}

/* Many features, few of which have weights: the conditions of the optimum hold for all, whatever was swept. */
static void working_sets_reach_the_optimum(void **state)
{
  (void)state;
  enum { P = 300, N = 120 };
  static double X[N][P + 1], H[P * P], q[P], w[P];
  double yy = 0;
  uint32_t x = 1;
  memset(H, 0, sizeof H), memset(q, 0, sizeof q), memset(w, 0, sizeof w);
  for (int t = 0; t < N; t++) {
    X[t][P] = draw(&x);
    for (int j = 0; j < P; j++) {
      X[t][j] = draw(&x) + (j ? 0.5 * X[t][j - 1] : 0);
      if (j % 50 == 0) X[t][P] += (j - 100) * 0.02 * X[t][j];
    }
    yy += X[t][P] * X[t][P];
    for (int i = 0; i < P; i++) {
      q[i] += X[t][i] * X[t][P];
      for (int j = 0; j < P; j++) H[i * P + j] += X[t][j] * X[t][i];
    }
  }
  for (int k = 0; k < 3; k++) { /* downwards, more and more weights */
    const double alpha[] = {0.2, 0.05, 0.005}, l1 = N * alpha[k];
    int nonzero = 0;
    tame_descent d;
    assert_int_equal(tame_elastic_net(N, P, alpha[k], 1, 1e-12, 100000, H, q, yy, w, &d), TAME_OK);
    assert_true(d.gap <= d.wanted && d.gap > -1e-12 * yy);
    for (int j = 0; j < P; j++) {
      double g = q[j];
      for (int i = 0; i < P; i++) g -= H[i * P + j] * w[i];
      nonzero += w[j] != 0;
      assert_true(fabs(g) <= l1 * (1 + 1e-4));
      assert_true(w[j] == 0 || fabs(g - copysign(l1, w[j])) < 1e-4 * l1);
    }
    assert_true(nonzero > 0 && nonzero < N);
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
  const double none = 0, some = 0.1, few[] = {0.1, 0};
  double w[2 * MOST] = {0}, R[9 * 9], rank;
  tame_descent d;
  assert_int_equal(tame_elastic_net(s.n, s.p, 1e-6, 1, 1e-12, 3, s.H, s.q, s.yy, w, &d), TAME_OK);
  assert_true(d.sweeps == 3 && d.gap > d.wanted && isfinite(d.gap)); /* it is told */
  triangle(&s, 6, R);
  assert_int_equal(ridge(&s, 1, s.q, 1, &none, w, NULL), TAME_ERR_NUMERIC);
  assert_non_null(strstr(tame_message(), "X'X + 0 I is singular"));
  assert_int_equal(ridge(&s, 1, s.q, 2, few, w, &rank), TAME_ERR_NUMERIC);
  assert_true(strstr(tame_message(), "X'X + 0 I is singular") && rank == 5);
  assert_int_equal(tame_qr_ridge(8, 1, R, 9, 1, &none, w, &rank), TAME_ERR_NUMERIC);
  assert_non_null(strstr(tame_message(), "is singular: effective rank 5 of 8"));
  assert_int_equal(tame_qr_ridge(8, 1, R, 9, 2, few, w, &rank), TAME_ERR_NUMERIC);
  s = make(60, 5, false);
  s.H[7] = s.H[11] = NAN;
  assert_int_equal(ridge(&s, 1, s.q, 1, &some, w, NULL), TAME_ERR_NUMERIC);
  assert_int_equal(ridge(&s, 1, s.q, 2, few, w, NULL), TAME_ERR_NUMERIC);
  memset(w, 0, sizeof w);
  assert_int_equal(tame_elastic_net(s.n, s.p, 1e-3, 1, 1e-4, 100, s.H, s.q, s.yy, w, &d),
                   TAME_ERR_NUMERIC);
}

/* Several targets at once, and products, against loops. */
static void products_and_targets(void **state)
{
  (void)state;
  double A[7 * 9], C[5 * 6], want[5 * 6];
  uint32_t seed = 1;
  for (int k = 0; k < 7 * 9; k++) A[k] = draw(&seed);
  for (int k = 0; k < 5 * 6; k++) C[k] = want[k] = k;
  for (int i = 0; i < 5; i++)
    for (int j = 0; j < 4; j++)
      for (int t = 0; t < 7; t++) want[i * 6 + j] += A[t * 9 + i] * A[t * 9 + 3 + j];
  tame_add_product(5, 4, 7, A, 9, A + 3, 9, C, 6);
  for (int k = 0; k < 5 * 6; k++) assert_true(fabs(C[k] - want[k]) < 1e-13);
  const problem s = make(60, 5, false);
  const double alpha = 0.1;
  double q[10], two[10], one[5];
  for (int j = 0; j < 5; j++) q[j] = s.q[j], q[5 + j] = -3 * s.q[j];
  assert_int_equal(ridge(&s, 2, q, 1, &alpha, two, NULL), TAME_OK);
  assert_int_equal(ridge(&s, 1, s.q, 1, &alpha, one, NULL), TAME_OK);
  for (int j = 0; j < 5; j++)
    assert_true(fabs(two[j] - one[j]) < 1e-14 && fabs(two[5 + j] + 3 * one[j]) < 1e-13);
}

/* Next-generation reservoir of the Lorenz system (Gauthier et al. 2021, doi:10.1038/s41467-021-25801-2), as in
 * BrainPy's tutorial: 12 delayed coordinates, their 78 products and a 1 that is penalized like the rest. */
enum { STEPS = 10000, TAPS = 12, ALL = 1 + TAPS + TAPS * (TAPS + 1) / 2, COLUMNS = ALL + 3 };

static void slope(const double s[3], double out[3])
{
  out[0] = 10 * (s[1] - s[0]);
  out[1] = s[0] * (28 - s[2]) - s[1];
  out[2] = s[0] * s[1] - 8.0 / 3 * s[2];
}

/* Runge and Kutta's step of 0.01. */
static void advance(double s[3])
{
  double k[4][3], at[3];
  const double h = 0.01;
  slope(s, k[0]);
  for (int j = 1; j < 4; j++) {
    for (int c = 0; c < 3; c++) at[c] = s[c] + h * (j < 3 ? 0.5 : 1) * k[j - 1][c];
    slope(at, k[j]);
  }
  for (int c = 0; c < 3; c++) s[c] += h / 6 * (k[0][c] + 2 * k[1][c] + 2 * k[2][c] + k[3][c]);
}

/* 1, coordinates at lags of 0, 5, 10 and 15 steps, their products; where they are `ahead` steps later. */
static void features(double (*series)[3], int t, int ahead, double row[COLUMNS])
{
  int at = 0;
  row[at++] = 1;
  for (int lag = 0; lag < 20; lag += 5)
    for (int c = 0; c < 3; c++) row[at++] = t >= lag ? series[t - lag][c] : 0;
  for (int i = 1; i <= TAPS; i++)
    for (int j = i; j <= TAPS; j++) row[at++] = row[i] * row[j];
  for (int c = 0; c < 3; c++) row[at++] = series[t + ahead][c];
}

/* Mean square error of a prediction, from what was never fitted. */
static double test_error(double (*series)[3], int ahead, const double *w)
{
  double sum = 0, row[COLUMNS];
  for (int t = 8000; t < STEPS - ahead; t++) {
    features(series, t, ahead, row);
    for (int o = 0; o < 3; o++) {
      double error = row[ALL + o];
      for (int j = 0; j < ALL; j++) error -= w[o * ALL + j] * row[j];
      sum += error * error;
    }
  }
  return sum / (3.0 * (STEPS - ahead - 8000));
}

/* sigma_max(X'X) is 3e10 beside alpha 1e-6: X'X is singular to rounding, which is said, and QR keeps the digits.
 * Published: 5.36e-10; least squares of [X; sqrt(alpha) I] with NumPy: 6.0e-12. */
static void triangles_keep_the_digits(void **state)
{
  (void)state;
  static double series[STEPS][3], rows[64][COLUMNS], R[COLUMNS * COLUMNS], A[ALL * ALL];
  const double alpha = 1e-6, wanted[] = {1e-11, 0.02, 60};
  const int ahead[] = {1, 10, 100};
  double at[3] = {8, 1, 1}, w[3 * ALL], q[3 * ALL], rank, error = 0,
         *room = malloc((size_t)tame_qr_room(COLUMNS, 64) * sizeof *room);
  for (int t = 0; t < STEPS; t++) {
    advance(at);
    memcpy(series[t], at, sizeof at);
  }
  assert_true(fabs(series[9][1] - 19.163856943173) < 1e-11); /* of the reference */
  for (int k = 0; k < 3; k++) {
    memset(R, 0, sizeof R), memset(A, 0, sizeof A), memset(q, 0, sizeof q);
    for (int t = 2000; t < 8000; t += 60) {
      for (int i = 0; i < 60; i++) features(series, t + i, ahead[k], rows[i]);
      tame_qr_add(COLUMNS, R, 60, rows[0], COLUMNS, room);
      tame_add_product(ALL, ALL, 60, rows[0], COLUMNS, rows[0], COLUMNS, A, ALL);
      tame_add_product(3, ALL, 60, rows[0] + ALL, COLUMNS, rows[0], COLUMNS, q, ALL);
    }
    assert_int_equal(tame_qr_ridge(ALL, 3, R, COLUMNS, 1, &alpha, w, &rank), TAME_OK);
    const double before = error;
    error = test_error(series, ahead[k], w);
    assert_true(error < wanted[k] && error > 100 * before);
    if (k > 0) continue;
    tame_grid grid;
    tame_spread H;
    tame_grid_create(&grid, MPI_COMM_SELF, 1);
    assert_int_equal(tame_spread_create(&H, &grid, ALL, ALL), TAME_OK);
    tame_spread_fill(&H, A);
    assert_int_equal(tame_ridge_solve(&H, 3, q, 1, &alpha, w, NULL), TAME_ERR_NUMERIC);
    tame_spread_free(&H);
    tame_grid_free(&grid);
  }
  free(room);
}

static void eigenvectors_are_those(void **state)
{
  (void)state;
  const problem s = make(60, 5, false);
  double Z[25], values[5], most = 0;
  memcpy(Z, s.H, sizeof Z);
  assert_int_equal(tame_eigen(5, Z, values), TAME_OK);
  for (int k = 0; k < 5; k++)
    for (int i = 0; i < 5; i++) {
      double sum = -values[k] * Z[k * 5 + i], same = -(double)(i == k);
      for (int j = 0; j < 5; j++) {
        sum += s.H[i * 5 + j] * Z[k * 5 + j];
        same += Z[k * 5 + j] * Z[i * 5 + j];
      }
      most = fmax(most, fmax(fabs(sum), fabs(same)));
      assert_true(k == 0 || values[k] > values[k - 1]);
    }
  assert_true(most < 1e-12);
  Z[3] = NAN;
  assert_int_equal(tame_eigen(5, Z, values), TAME_ERR_NUMERIC);
}

/* (1 +- 2 i), 3 and (-2 +- 0.5 i), in blocks on the diagonal, and something to one side of it. */
static void eigenvalues_are_those(void **state)
{
  (void)state;
  static const double all[25] = {1, -2, 0.3, 4, 0.1, 2,  1, 0.2, -3, 1, 0,     0, 3,
                                 1, 5,  0,   0, 0,   -2, 1, 0,   0,  0, -0.25, -2},
                      want[5][2] = {{1, 2}, {1, -2}, {3, 0}, {-2, 0.5}, {-2, -0.5}};
  double A[25], re[5], im[5];
  memcpy(A, all, sizeof A);
  assert_int_equal(tame_eigenvalues(5, A, re, im), TAME_OK);
  for (int k = 0; k < 5; k++) {
    double nearest = INFINITY;
    for (int j = 0; j < 5; j++)
      nearest = fmin(nearest, hypot(re[j] - want[k][0], im[j] - want[k][1]));
    assert_true(nearest < 1e-13);
    assert_true(!(im[k] > 0) || (re[k + 1] == re[k] && im[k + 1] == -im[k]));
  }
  memcpy(A, all, sizeof A);
  tame_memory_fail_at(1);
  assert_int_equal(tame_eigenvalues(5, A, re, im), TAME_ERR_NOMEM);
  tame_memory_fail_at(0);
  A[20] = INFINITY;
  assert_int_equal(tame_eigenvalues(5, A, re, im), TAME_ERR_NUMERIC);
  assert_non_null(strstr(tame_message(), "5 rows"));
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_are_those_of_scikit_learn),
      cmocka_unit_test(working_sets_reach_the_optimum),
      cmocka_unit_test(orthonormal_features_are_thresholded),
      cmocka_unit_test(what_cannot_be_solved_is_said),
      cmocka_unit_test(products_and_targets),
      cmocka_unit_test(triangles_keep_the_digits),
      cmocka_unit_test(eigenvectors_are_those),
      cmocka_unit_test(eigenvalues_are_those),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
