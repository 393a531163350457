/* Conjugate gradients on systems whose solution is known; the optimizers that search by themselves, on functions whose
 * minimum is. */
#include "support.h"

#include "gradient/cg.h"
#include "tame/gradient.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 12 };

static double number(int64_t i, int64_t j)
{
  return 2 * tame_uniform(5, TAME_DRAW_INPUT, (uint32_t)i, (uint32_t)j, 0) - 1;
}

/* A = B'B + 0.1 I. */
static void make_matrix(double a[N][N])
{
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      a[i][j] = i == j ? 0.1 : 0;
      for (int k = 0; k < N; k++) a[i][j] += number(k, i) * number(k, j);
    }
}

static tame_status times_matrix(void *context, const double *v, double *out)
{
  double(*a)[N] = context;
  for (int i = 0; i < N; i++) {
    out[i] = 0;
    for (int j = 0; j < N; j++) out[i] += a[i][j] * v[j];
  }
  return TAME_OK;
}

typedef struct room {
  double p[N], r[N], y[N], d[N], q[N], points[TAME_CG_POINTS][N], phi[401];
} room;

static tame_cg cg_in(room *m, double a[N][N], const double *b)
{
  memset(m, 0, sizeof *m);
  return (tame_cg){.count = N,
                   .product = times_matrix,
                   .context = a,
                   .b = b,
                   .fewest = 1,
                   .most = 400,
                   .p = m->p,
                   .r = m->r,
                   .y = m->y,
                   .d = m->d,
                   .q = m->q,
                   .points = m->points[0],
                   .phi = m->phi};
}

static void conjugate_gradients_solve(void **state)
{
  (void)state;
  for (int with = 0; with < 2; with++) {
    double a[N][N], b[N], inverse[N], residual[N];
    room m;
    make_matrix(a);
    for (int i = 0; i < N; i++) b[i] = number(i, 99), inverse[i] = 1 / a[i][i];
    tame_cg cg = cg_in(&m, a, b);
    cg.most = N + 2; /* rounding */
    cg.inverse = with ? inverse : NULL;
    assert_int_equal(tame_cg_solve(&cg), TAME_OK);
    times_matrix(a, m.p, residual);
    for (int i = 0; i < N; i++) assert_true(fabs(residual[i] - b[i]) < 1e-10);
    for (int64_t k = 1; k <= cg.iterations; k++) assert_true(m.phi[k] <= m.phi[k - 1] + 1e-13);
    assert_true(fabs(m.phi[cg.iterations] + tame_cg_dot(N, m.p, b) / 2) < 1e-12);
  }
}

enum { LONG = 60 };

static tame_status diagonal(void *context, const double *v, double *out)
{
  (void)context;
  for (int i = 0; i < LONG; i++) out[i] = (1 + i * i) * v[i]; /* many different eigenvalues */
  return TAME_OK;
}

/* Points are kept after 1, 3, 5, then 11, 15, 19, ... iterations, and the last. */
static void points_are_kept(void **state)
{
  (void)state;
  static double p[LONG], r[LONG], y[LONG], d[LONG], q[LONG], points[TAME_CG_POINTS * LONG], phi[41];
  static const int64_t want[] = {1, 3, 5, 11, 15, 19, 25, 32, 40};
  double b[LONG];
  tame_cg cg = {.count = LONG,
                .product = diagonal,
                .b = b,
                .fewest = 1,
                .most = 40,
                .p = p,
                .r = r,
                .y = y,
                .d = d,
                .q = q,
                .points = points,
                .phi = phi};
  for (int i = 0; i < LONG; i++) b[i] = 1;
  assert_int_equal(tame_cg_solve(&cg), TAME_OK);
  assert_int_equal(cg.n_points, sizeof want / sizeof *want);
  assert_true(cg.n_points <= tame_cg_points(40));
  for (int64_t k = 0; k < cg.n_points; k++) assert_int_equal(cg.point_at[k], want[k]);
  assert_memory_equal(points + (cg.n_points - 1) * LONG, p, sizeof p);
}

/* Where phi hardly falls any more they stop, not before the fewest. */
static void slow_progress_ends(void **state)
{
  (void)state;
  double a[N][N], b[N];
  room m;
  make_matrix(a);
  for (int i = 0; i < N; i++) b[i] = number(i, 99);
  tame_cg cg = cg_in(&m, a, b);
  cg.tolerance = 5e-4;
  assert_int_equal(tame_cg_solve(&cg), TAME_OK);
  assert_in_range(cg.iterations, 11, 30);
  cg = cg_in(&m, a, b);
  cg.tolerance = 5e-4;
  cg.fewest = 35;
  assert_int_equal(tame_cg_solve(&cg), TAME_OK);
  assert_true(cg.iterations >= 35 || cg.flat);
}

/* ---- optimizers ------------------------------------------------------------------------------- */

/* Rosenbrock's function, the sum of squares of 10 (x1 - x0^2) and 1 - x0; its minimum, 0, at (1, 1). */
typedef struct valley {
  int losses, gradients, products;
  int stop_at; /* product number after which one leaves; 0: never */
} valley;

static void residuals(const double *x, double e[2])
{
  e[0] = 10 * (x[1] - x[0] * x[0]);
  e[1] = 1 - x[0];
}

static tame_status loss(void *context, const double *x, double *value)
{
  double e[2];
  ((valley *)context)->losses++;
  residuals(x, e);
  *value = (e[0] * e[0] + e[1] * e[1]) / 2;
  return TAME_OK;
}

static tame_status gradient(void *context, const double *x, double *value, double *g)
{
  double e[2];
  ((valley *)context)->gradients++;
  residuals(x, e);
  *value = (e[0] * e[0] + e[1] * e[1]) / 2;
  g[0] = -20 * x[0] * e[0] - e[1];
  g[1] = 10 * e[0];
  return TAME_OK;
}

static tame_status product(void *context, const double *x, double structural, const double *v,
                           double *out)
{
  valley *w = context;
  (void)structural;
  if (++w->products == w->stop_at) return TAME_STOPPED;
  const double along[2] = {10 * v[1] - 20 * x[0] * v[0], -v[0]}; /* J v */
  out[0] = -20 * x[0] * along[0] - along[1];
  out[1] = 10 * along[0];
  return TAME_OK;
}

static int updates_to_minimum(const char *name, valley *w, double *largest, double *least)
{
  tame_variant rule = {0};
  tame_optimizer *o;
  tame_search_report report;
  const tame_problem problem = {2, loss, gradient, product, w};
  double x[2] = {-1.2, 1}, before = INFINITY;
  int count = 0;
  assert_int_equal(tame_variant_set(&rule, &tame_optimizers, name), TAME_OK);
  assert_true(tame_optimizer_searches(&rule));
  assert_int_equal(tame_optimizer_create(&o, &rule, 2), TAME_OK);
  *largest = 0, *least = INFINITY;
  for (; count < 500; count++) {
    assert_int_equal(tame_optimizer_search(o, &problem, x, &report), TAME_OK);
    assert_true(report.loss <= before); /* no update makes it worse */
    before = report.loss;
    *largest = fmax(*largest, report.lambda);
    *least = fmin(*least, report.lambda);
    if (report.loss < 1e-16 || report.ended) break;
  }
  assert_true(fabs(x[0] - 1) < 1e-6 && fabs(x[1] - 1) < 1e-6);
  assert_int_equal(tame_optimizer_updates(o), count + 1);
  tame_optimizer_free(&o);
  free(rule.params);
  return count;
}

static void the_valley_is_followed(void **state)
{
  (void)state;
  valley w = {0};
  double largest, least;
  assert_in_range(updates_to_minimum("hessian_free", &w, &largest, &least), 5, 300);
  assert_true(largest >= 1 && least < 0.1); /* the damping has moved */
  w = (valley){0};
  assert_in_range(updates_to_minimum("conjugate_gradient", &w, &largest, &least), 5, 200);
  assert_int_equal(w.products, 0);
}

/* An update that is left has not begun: what follows is as if it never had. */
static void a_left_update_has_not_begun(void **state)
{
  (void)state;
  tame_variant rule = {0};
  tame_search_report report;
  double ends[2][2];
  assert_int_equal(tame_variant_set(&rule, &tame_optimizers, "hessian_free"), TAME_OK);
  for (int left = 0; left < 2; left++) {
    valley w = {0};
    const tame_problem problem = {2, loss, gradient, product, &w};
    tame_optimizer *o;
    double *x = ends[left];
    x[0] = -1.2, x[1] = 1;
    assert_int_equal(tame_optimizer_create(&o, &rule, 2), TAME_OK);
    for (int k = 0; k < 6; k++) {
      if (left && k == 3) {
        const double kept[2] = {x[0], x[1]};
        w.stop_at = w.products + 2;
        assert_int_equal(tame_optimizer_search(o, &problem, x, &report), TAME_STOPPED);
        assert_memory_equal(kept, x, sizeof kept);
      }
      assert_int_equal(tame_optimizer_search(o, &problem, x, &report), TAME_OK);
    }
    tame_optimizer_free(&o);
  }
  assert_memory_equal(ends[0], ends[1], sizeof ends[0]);
  free(rule.params);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(conjugate_gradients_solve),   cmocka_unit_test(points_are_kept),
      cmocka_unit_test(slow_progress_ends),          cmocka_unit_test(the_valley_is_followed),
      cmocka_unit_test(a_left_update_has_not_begun),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
