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

static void *field(tame_variant *rule, const char *name)
{
  const tame_field *f = rule->row->params.fields;
  while (strcmp(f->name, name) != 0) f++;
  return (char *)rule->params + f->offset;
}

/* What an optimizer is to be saved as into another one, as checkpoints do it. */
static void move(tame_optimizer **o, const tame_variant *rule)
{
  tame_optimizer *other;
  tame_state from = {0}, to = {0};
  assert_int_equal(tame_optimizer_create(&other, rule, 2), TAME_OK);
  tame_optimizer_state(*o, false, &from);
  if (tame_optimizer_is_under_way(*o)) tame_optimizer_set_under_way(other);
  tame_optimizer_state(other, false, &to);
  assert_int_equal(from.count, to.count);
  for (int64_t k = 0; k < from.count; k++) {
    assert_string_equal(from.at[k].name, to.at[k].name);
    memcpy(to.at[k].at, from.at[k].at, (size_t)from.at[k].count * sizeof(double));
  }
  tame_state_free(&from), tame_state_free(&to);
  tame_optimizer_free(o);
  *o = other;
}

/* An update that is left has not changed anything; what it goes on with may be moved to another optimizer, which makes
 * no product twice but the one that was left. */
static void a_left_update_goes_on(void **state)
{
  (void)state;
  tame_variant rule = {0};
  double ends[4][2];
  tame_search_report reports[4];
  int products[4];
  assert_int_equal(tame_variant_set(&rule, &tame_optimizers, "hessian_free"), TAME_OK);
  for (int left = 0; left < 4; left++) {
    valley w = {0};
    const tame_problem problem = {2, loss, gradient, product, &w};
    tame_optimizer *o;
    double *x = ends[left];
    x[0] = -1.2, x[1] = 1;
    assert_int_equal(tame_optimizer_create(&o, &rule, 2), TAME_OK);
    for (int k = 0; k < 6; k++) {
      if (left > 0 && k == 3) {
        const double kept[2] = {x[0], x[1]};
        w.stop_at = w.products + left; /* the first product, or that of an iteration */
        assert_int_equal(tame_optimizer_search(o, &problem, x, &reports[left]), TAME_STOPPED);
        assert_memory_equal(kept, x, sizeof kept);
        move(&o, &rule);
      }
      assert_int_equal(tame_optimizer_search(o, &problem, x, &reports[left]), TAME_OK);
      assert_false(tame_optimizer_is_under_way(o));
    }
    products[left] = w.products;
    tame_optimizer_free(&o);
  }
  for (int left = 1; left < 4; left++) {
    assert_memory_equal(ends[0], ends[left], sizeof ends[0]);
    assert_int_equal(reports[left].products, reports[0].products);
    assert_int_equal(products[left], products[0] + 1);
  }
  free(rule.params);
}

/* ---- a loss that rises before it falls ------------------------------------------------------------ */

/* 1/2 x'Dx - b'x, D as above and b = 1, above a wall: nothing is better than the start at first, but the further conjugate
 * gradients come the better. */
enum { WALLS = 40 };
typedef struct wall {
  double height;
  int losses, products;
} wall;

static double bowl(const double *x)
{
  double sum = 0;
  for (int i = 0; i < WALLS; i++) sum += (1 + i * i) * x[i] * x[i] / 2 - x[i];
  return sum;
}

static tame_status wall_loss(void *context, const double *x, double *value)
{
  wall *w = context;
  double far = 0;
  w->losses++;
  for (int i = 0; i < WALLS; i++) far += x[i] * x[i];
  *value = bowl(x) + (far > 0 ? w->height : 0);
  return TAME_OK;
}

static tame_status wall_gradient(void *context, const double *x, double *value, double *g)
{
  for (int i = 0; i < WALLS; i++) g[i] = (1 + i * i) * x[i] - 1;
  const tame_status status = wall_loss(context, x, value);
  ((wall *)context)->losses--;
  return status;
}

static tame_status wall_product(void *context, const double *x, double structural, const double *v,
                                double *out)
{
  (void)x, (void)structural;
  ((wall *)context)->products++;
  for (int i = 0; i < WALLS; i++) out[i] = (1 + i * i) * v[i];
  return TAME_OK;
}

static tame_search_report climb(double height, int64_t most, wall *w)
{
  tame_variant rule = {0};
  tame_optimizer *o;
  tame_search_report report;
  double x[WALLS] = {0};
  const tame_problem problem = {WALLS, wall_loss, wall_gradient, wall_product, w};
  *w = (wall){.height = height};
  assert_int_equal(tame_variant_set(&rule, &tame_optimizers, "hessian_free"), TAME_OK);
  *(double *)field(&rule, "lambda") = 1e-6;
  *(double *)field(&rule, "lambda_most") = 1.2e-6;
  *(double *)field(&rule, "cg_tolerance") = 0;
  *(int64_t *)field(&rule, "cg_fewest") = 4;
  *(int64_t *)field(&rule, "cg_most") = most;
  assert_int_equal(tame_optimizer_create(&o, &rule, WALLS), TAME_OK);
  assert_int_equal(tame_optimizer_search(o, &problem, x, &report), TAME_OK);
  tame_optimizer_free(&o);
  free(rule.params);
  return report;
}

/* Its minimum is -sum 1 / (2 (1 + i^2)); four iterations come nine tenths of the way, which a wall of 0.97 of it hides. */
static void it_goes_on_where_the_loss_still_falls(void **state)
{
  (void)state;
  wall w;
  double depth = 0;
  for (int i = 0; i < WALLS; i++) depth += 0.5 / (1 + i * i);
  tame_search_report report = climb(0.97 * depth, 300, &w);
  assert_true(report.step > 0);
  assert_in_range(report.iterations, 5, 120);
  assert_int_equal(report.losses, w.losses);
  assert_int_equal(report.products, w.products);
  report = climb(0.97 * depth, 4, &w); /* no more are allowed: it has failed */
  assert_true(report.step == 0 && report.iterations == 4);
  report = climb(1.1 * depth, 300, &w); /* never better */
  assert_true(report.step == 0 && report.iterations >= 5);
  assert_true(report.ended && strstr(report.why, "lambda is 1.5e-06, above lambda_most = 1.2e-06"));
}

/* ---- ends ---------------------------------------------------------------------------------------- */

static tame_search_report first_update(const char *key, double value, double x0, double x1)
{
  tame_variant rule = {0};
  tame_optimizer *o;
  tame_search_report report;
  valley w = {0};
  const tame_problem problem = {2, loss, gradient, product, &w};
  double x[2] = {x0, x1};
  assert_int_equal(tame_variant_set(&rule, &tame_optimizers, "hessian_free"), TAME_OK);
  *(double *)field(&rule, key) = value;
  assert_int_equal(tame_optimizer_create(&o, &rule, 2), TAME_OK);
  assert_int_equal(tame_optimizer_search(o, &problem, x, &report), TAME_OK);
  tame_optimizer_free(&o);
  free(rule.params);
  return report;
}

static void it_ends_and_says_why(void **state)
{
  (void)state;
  tame_search_report report = first_update("flat", 1e3, -1.2, 1);
  assert_true(report.ended && strstr(report.why, "norm is 116"));
  assert_int_equal(report.products, 0);
  report = first_update("still", 1e3, -1.2, 1);
  assert_true(report.ended && strstr(report.why, "the loss fell by"));
  report = first_update("still", 1e-3, -1.2, 1);
  assert_false(report.ended);
  report = first_update("lambda", 1, 1, 1); /* the minimum */
  assert_true(report.ended && strstr(report.why, "norm is 0"));
}

static void impossible_parameters_are_refused(void **state)
{
  (void)state;
  tame_variant rule = {0};
  tame_optimizer *o;
  assert_int_equal(tame_variant_set(&rule, &tame_optimizers, "hessian_free"), TAME_OK);
  *(double *)field(&rule, "lambda") = 1e11;
  assert_int_equal(tame_optimizer_create(&o, &rule, 2), TAME_ERR_INPUT);
  assert_string_equal(tame_message(),
                      "hessian_free.lambda: found 1e+11, want at most lambda_most = 1e+10");
  assert_null(o);
  free(rule.params);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(conjugate_gradients_solve),
      cmocka_unit_test(points_are_kept),
      cmocka_unit_test(slow_progress_ends),
      cmocka_unit_test(the_valley_is_followed),
      cmocka_unit_test(a_left_update_goes_on),
      cmocka_unit_test(it_goes_on_where_the_loss_still_falls),
      cmocka_unit_test(it_ends_and_says_why),
      cmocka_unit_test(impossible_parameters_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
