/* Cells: derivatives of every cell with every option, backwards against differences of the step
 * itself and forwards against backwards; and what is said of surrogates, views, limits and first
 * values. */
#include "support.h"

#include "base/memory.h"
#include "experiment/yaml.h"
#include "model/surrogate.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- models ---------------------------------------------------------------------------------- */

static tame_status try_model(tame_model **model, const char *yaml)
{
  tame_model_params p;
  tame_status status = tame_yaml_load(&tame_model_schema, &p, "test", yaml, NULL, 0, NULL);
  *model = NULL;
  if (status != TAME_OK) return status;
  status = tame_model_create(model, &p);
  tame_schema_release(&tame_model_schema, &p);
  return status;
}

static tame_model *model_of(const char *yaml)
{
  tame_model *model;
  if (try_model(&model, yaml) != TAME_OK) fail_msg("%s: %s", yaml, tame_message());
  return model;
}

/* A model, and room for a step and its derivatives in both directions. */
typedef struct trial {
  tame_model *model;
  int64_t batch, inputs, outputs, state, count;
  tame_step step;
  double *slab, *x, *old;    /* what the step starts from */
  double *dnext, *dy;        /* weights of the loss: L = dnext . next + dy . y */
  double *dslab, *dx, *dold; /* its gradient */
  double *turned;
  double *tslab, *tx, *told, *tnext, *ty; /* a direction, and where it goes */
} trial;

static double *numbers(int64_t count, double low, double high, uint32_t what)
{
  double *at = tame_zeroed(count, sizeof *at, "a test");
  for (int64_t i = 0; i < count; i++)
    at[i] = low + (high - low) * tame_uniform(3, TAME_DRAW_INPUT, (uint32_t)i, what, 0);
  return at;
}

static const double elapsed[] = {0.7, 1, 1.3, 0.2, 0.9};

static void start_trial(trial *t, const char *yaml, int64_t batch)
{
  t->model = model_of(yaml);
  t->batch = batch;
  t->inputs = batch * tame_model_inputs(t->model);
  t->outputs = batch * tame_model_outputs(t->model);
  t->state = batch * tame_model_state_size(t->model);
  t->count = tame_model_count(t->model);
  t->slab = numbers(t->count, -0.1, 0.1, 1);
  for (int64_t i = 0; i < t->count; i++) t->slab[i] += tame_model_slab(t->model)[i];
  t->x = numbers(t->inputs, -1, 1, 2);
  t->old = numbers(t->state, -0.5, 0.8, 3);
  t->dnext = numbers(t->state, -1, 1, 4), t->dy = numbers(t->outputs, -1, 1, 5);
  t->dslab = numbers(t->count, 0, 0, 0), t->dx = numbers(t->inputs, 0, 0, 0);
  t->dold = numbers(t->state, 0, 0, 0);
  t->tslab = numbers(t->count, -1, 1, 6), t->tx = numbers(t->inputs, -1, 1, 7);
  t->told = numbers(t->state, -1, 1, 8);
  t->tnext = numbers(t->state, 0, 0, 0), t->ty = numbers(t->outputs, 0, 0, 0);
  t->step =
      (tame_step){.batch = batch, .elapsed = elapsed, .slab = t->slab, .x = t->x, .state = t->old};
  t->step.next = numbers(t->state, 0, 0, 0), t->step.y = numbers(t->outputs, 0, 0, 0);
  t->turned = numbers(t->count, NAN, NAN, 0);
  t->step.tape = numbers(batch * tame_model_tape_size(t->model), NAN, NAN, 0);
  t->step.work = numbers(tame_model_work_size(t->model, batch), NAN, NAN, 0);
}

static void end_trial(trial *t)
{
  double *const all[] = {t->turned, t->slab, t->x,         t->old,    t->dnext,     t->dy,
                         t->dslab,  t->dx,   t->dold,      t->tslab,  t->tx,        t->told,
                         t->tnext,  t->ty,   t->step.next, t->step.y, t->step.tape, t->step.work};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
  tame_model_free(&t->model);
}

static double dot(int64_t n, const double *a, const double *b)
{
  long double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (long double)a[i] * b[i];
  return (double)sum;
}

static double loss(const trial *t)
{
  if (t->step.turned) tame_model_turn(t->model, t->slab, t->turned);
  tame_model_step(t->model, &t->step);
  return dot(t->state, t->dnext, t->step.next) + dot(t->outputs, t->dy, t->step.y);
}

/* dL/d *at, by differences of order 6. */
static double difference(const trial *t, double *at)
{
  static const double share[] = {0, 45 / 60., -9 / 60., 1 / 60.};
  const double kept = *at, h = 3e-4;
  double sum = 0;
  for (int k = 1; k <= 3; k++) {
    *at = kept + k * h;
    sum += share[k] * loss(t);
    *at = kept - k * h;
    sum -= share[k] * loss(t);
  }
  *at = kept;
  return sum / h;
}

static void compare(const char *yaml, const char *what, const trial *t, int64_t n, double *at,
                    const double *gradient, int64_t *zeros)
{
  double scale = 1;
  for (int64_t i = 0; i < n; i++) scale = fmax(scale, fabs(gradient[i]));
  const int64_t stride = n > 400 ? n / 200 | 1 : 1; /* of many, some */
  for (int64_t i = 0; i < n; i += stride) {
    const double want = difference(t, &at[i]);
    if (!(fabs(gradient[i] - want) <= 1e-9 * scale))
      fail_msg("%s: dL/d %s[%d] is %.15g, want %.15g", yaml, what, (int)i, gradient[i], want);
  }
  for (int64_t i = 0; i < n; i++) *zeros += gradient[i] == 0;
}

static void backwards(const char *yaml)
{
  trial t;
  int64_t zeros = 0;
  start_trial(&t, yaml, 3);
  t.step.turned = t.turned;
  loss(&t);
  const tame_adjoint a = {t.dnext, t.dy, t.dold, t.dx, t.dslab, 0, 0};
  tame_model_step_vjp(t.model, &t.step, &a);
  compare(yaml, "slab", &t, t.count, t.slab, t.dslab, &zeros);
  compare(yaml, "x", &t, t.inputs, t.x, t.dx, &zeros);
  compare(yaml, "state", &t, t.state, t.old, t.dold, &zeros);
  if (zeros > (t.count + t.inputs + t.state) / 2) fail_msg("%s: most gradients are 0", yaml);
  end_trial(&t);
}

/* <d, J t> = <J' d, t>; and gradients are added to what the slab's has. */
static void forwards(const char *yaml)
{
  trial t;
  start_trial(&t, yaml, 5);
  loss(&t);
  const tame_adjoint a = {t.dnext, t.dy, t.dold, t.dx, t.dslab, 0, 0};
  const tame_tangent f = {t.tslab, t.tx, t.told, t.tnext, t.ty};
  tame_model_step_vjp(t.model, &t.step, &a);
  tame_model_step_jvp(t.model, &t.step, &f);
  const double ahead = dot(t.state, t.dnext, t.tnext) + dot(t.outputs, t.dy, t.ty);
  const double back = dot(t.count, t.dslab, t.tslab) + dot(t.inputs, t.dx, t.tx) +
                      dot(t.state, t.dold, t.told);
  if (!(fabs(ahead - back) <= 1e-12 * fmax(1, fabs(back))))
    fail_msg("%s: forwards %.17g, backwards %.17g", yaml, ahead, back);

  double *once = t.dslab;
  t.dslab = numbers(t.count, 1, 1, 0);
  const tame_adjoint again = {t.dnext, t.dy, t.dold, NULL, t.dslab, 0, 0};
  tame_model_step_vjp(t.model, &t.step, &again);
  for (int64_t i = 0; i < t.count; i++)
    if (!(fabs(t.dslab[i] - 1 - once[i]) <= 1e-13 * fmax(1, fabs(once[i]))))
      fail_msg("%s: dL/d slab[%d] is not added", yaml, (int)i);
  free(once);
  end_trial(&t);
}

static const char *const smooth[] = {
    "{inputs: 3, layers: [dense: {units: 4}]}",
    "{inputs: 3, layers: [dense: {units: 4, activation: tanh, bias: off}]}",
    "{inputs: 3, layers: [dense: {units: 4, activation: logistic, init: xavier_normal}]}",
    "{inputs: 3, layers: [dense: {units: 20, activation: silu}, dense: {units: 2, activation: "
    "gelu}]}",
    "{inputs: 30, layers: [dense: {units: 200, activation: tanh}]}", /* by BLAS */
    "{inputs: 3, layers: [rnn: {units: 5}]}",
    "{inputs: 3, layers: [rnn: {units: 5, activation: relu}]}",
    "{inputs: 3, layers: [rnn: {units: 5, activation: linear, init: orthogonal}]}",
    "{inputs: 3, layers: [rnn: {units: 5, tau: 4}]}",
    "{inputs: 3, layers: [rnn: {units: 5, form: current}]}",
    "{inputs: 3, layers: [rnn: {units: 5, form: current, tau: 4, activation: lecun_tanh}]}",
    "{inputs: 3, layers: [rnn: {circuit: {ei: {units: 6, outputs: 2, density: 0.5}}, dale: on}]}",
    "{inputs: 3, layers: [rnn: {circuit: {small_world: {units: 9}}, form: current, tau: 3}]}",
    "{inputs: 3, layers: [gru: {units: 5}]}",
    "{inputs: 20, layers: [gru: {units: 40}]}", /* by BLAS */
    "{inputs: 3, layers: [lstm: {units: 5}]}",
    "{inputs: 3, layers: [lstm: {units: 5, two_biases: off, forget_bias: 1, init: orthogonal}]}",
    "{inputs: 2, layers: [ltc: {circuit: {full: {units: 4, outputs: 2}}}]}",
    "{inputs: 2, layers: [ltc: {circuit: {autoncp: {units: 8, outputs: 1}}}]}",
    "{inputs: 2, layers: [ltc: {circuit: {random: {units: 6}}, constraints: implicit}]}",
    "{inputs: 2, layers: [ltc: {circuit: {full: {units: 4}}, solver: euler, unfolds: 3}]}",
    "{inputs: 2, layers: [ltc: {circuit: {full: {units: 4}}, solver: rk4, unfolds: 2}]}",
    "{inputs: 2, layers: [ltc: {circuit: {full: {units: 4}}, solver: rk4, constraints: implicit}]}",
    "{inputs: 2, layers: [ltc: {circuit: {full: {units: 4}}, input_map: linear, output_map: "
    "none}]}",
    "{inputs: 2, layers: [ltc: {circuit: {full: {units: 4}}, input_map: none, output_map: "
    "linear}]}",
    "{inputs: 2, layers: [ltc: {circuit: {full: {units: 4, outputs: 2}}, mixed_memory: on}]}",
    "{inputs: 2, layers: [ltc: {circuit: {full: {units: 4}}, mixed_memory: on, "
    "constraints: implicit}]}",
    "{inputs: 2, layers: [cfc: {units: 4, backbone_units: 5}]}",
    "{inputs: 2, layers: [cfc: {units: 4, backbone_units: 5, backbone_layers: 3, "
    "activation: silu}]}",
    "{inputs: 2, layers: [cfc: {units: 4, backbone_layers: 0}]}",
    "{inputs: 2, layers: [cfc: {units: 4, backbone_units: 5, mode: no_gate}]}",
    "{inputs: 2, layers: [cfc: {units: 4, backbone_units: 5, mode: pure, activation: gelu}]}",
    "{inputs: 2, layers: [cfc: {units: 4, backbone_units: 5, convention: tf}]}",
    "{inputs: 2, layers: [cfc: {units: 4, backbone_units: 5, convention: tf, mode: no_gate}]}",
    "{inputs: 2, layers: [cfc: {units: 4, backbone_units: 5, mixed_memory: on}]}",
    "{inputs: 2, layers: [cfc: {circuit: {autoncp: {units: 10, outputs: 2}}}]}",
    "{inputs: 2, layers: [cfc: {circuit: {autoncp: {units: 10, outputs: 2}}, mode: pure}]}",
    "{inputs: 2, layers: [cfc: {circuit: {random: {units: 7, outputs: 2}}, mixed_memory: on}]}",
    "{inputs: 3, layers: [lif: {units: 4, spike: smooth, alpha: 3}]}",
    "{inputs: 3, layers: [lif: {units: 4, spike: smooth, surrogate: sigmoid, recurrent: on}]}",
    "{inputs: 3, layers: [lif: {units: 4, spike: smooth, surrogate: arctan, reset: hard}]}",
    "{inputs: 3, layers: [lif: {units: 4, spike: smooth, surrogate: sigmoid, reset: hard, "
    "v_reset: -0.3, recurrent: on}]}",
    "{inputs: 3, layers: [alif: {units: 4, spike: smooth, alpha: 3, beta: 0.6, tau_adapt: 3}]}",
    "{inputs: 3, layers: [alif: {units: 4, spike: smooth, surrogate: sigmoid, reset: hard, "
    "recurrent: on, beta: 0.6}]}",
    "{inputs: 3, layers: [integrator: {units: 4}]}",
    "{inputs: 2, layers: [gru: {units: 3}, lstm: {units: 4}, ltc: {circuit: {full: {units: 3}}}, "
    "dense: {units: 2}]}",
    "{inputs: 3, layers: [alif: {units: 6, spike: smooth, alpha: 2}, integrator: {units: 2}]}",
    "{inputs: 12, layers: [gru: {units: 12}, cfc: {units: 12, backbone_units: 16, " /* by BLAS */
    "mixed_memory: on}, dense: {units: 15}]}",
};

/* Steps that are not smooth, and gradients that pass by the reset: no differences, but both
 * directions. */
static const char *const stepped[] = {
    "{inputs: 3, layers: [lif: {units: 9}]}",
    "{inputs: 3, layers: [lif: {units: 9, detach: on, surrogate: triangle}]}",
    "{inputs: 3, layers: [lif: {units: 9, detach: on, reset: hard, surrogate: relu_grad}]}",
    "{inputs: 3, layers: [alif: {units: 9, detach: on, recurrent: on, surrogate: arctan}]}",
    "{inputs: 3, layers: [lif: {units: 9, recurrent: on}, alif: {units: 5}, integrator: {units: "
    "2}]}",
};

static void gradients_are_differences(void **state)
{
  (void)state;
  for (size_t k = 0; k < sizeof smooth / sizeof *smooth; k++) backwards(smooth[k]);
}

static void forwards_and_backwards_agree(void **state)
{
  (void)state;
  for (size_t k = 0; k < sizeof smooth / sizeof *smooth; k++) forwards(smooth[k]);
  for (size_t k = 0; k < sizeof stepped / sizeof *stepped; k++) forwards(stepped[k]);
}

/* A sample's step does not depend on the others'. */
static void samples_are_apart(void **state)
{
  (void)state;
  for (size_t k = 0; k < sizeof smooth / sizeof *smooth; k++) {
    const tame_state_part *parts;
    trial all, one;
    start_trial(&all, smooth[k], 3);
    start_trial(&one, smooth[k], 1);
    loss(&all);
    const int64_t n_parts = tame_model_state_parts(all.model, &parts);
    for (int64_t b = 0; b < 3; b++) {
      double *to = one.old;
      const double *from = all.old;
      one.step.elapsed = elapsed + b;
      memcpy(one.x, all.x + b * one.inputs, (size_t)one.inputs * sizeof(double));
      for (int64_t p = 0; p < n_parts; from += 3 * parts[p].width, to += parts[p].width, p++)
        memcpy(to, from + b * parts[p].width, (size_t)parts[p].width * sizeof(double));
      assert_int_equal(to - one.old, one.state);
      loss(&one);
      for (int64_t i = 0; i < one.outputs; i++) /* products by BLAS may add up in another order */
        if (!(fabs(one.step.y[i] - all.step.y[b * one.outputs + i]) < 1e-14))
          fail_msg("%s: sample %d, output %d", smooth[k], (int)b, (int)i);
    }
    end_trial(&all), end_trial(&one);
  }
}

/* ---- spikes ---------------------------------------------------------------------------------- */

static void surrogates_are_their_formulas(void **state)
{
  (void)state;
  for (int kind = TAME_SURROGATE_INVERSE_SQUARE; kind <= TAME_SURROGATE_RELU_GRAD; kind++) {
    const tame_surrogate s = {(tame_surrogate_kind)kind,
                              tame_surrogate_alpha((tame_surrogate_kind)kind), 0.8};
    for (double x = -1.5; x <= 1.5; x += 0.0371) {
      const double a = s.alpha, e = exp(-a * x);
      const double want[] = {pow(a * fabs(x) + 1, -2), a * e / ((1 + e) * (1 + e)),
                             fabs(x) < 0.8 ? a * (1 - fabs(x) / 0.8) : 0,
                             a / 2 / (1 + pow(acos(-1) / 2 * a * x, 2)),
                             fabs(x) < 0.8 ? a * (0.8 - fabs(x)) : 0};
      assert_true(fabs(tame_surrogate_slope(s, x) - want[kind]) <= 1e-13);
      const double h = 1e-6,
                   rise = tame_surrogate_smooth(s, x + h) - tame_surrogate_smooth(s, x - h);
      assert_true(fabs(rise / (2 * h) - want[kind]) <= 1e-4);
    }
    assert_true(tame_surrogate_slope(s, 0) > 0);
  }
}

/* One neuron at a known potential: dL/dx by hand. */
static void spikes_let_gradients_through(void **state)
{
  (void)state;
  static const struct {
    const char *options;
    double through; /* ds/dv + what the reset gives, for dL = dy s + dnext v */
  } known[] = {
      {"", 1}, {"detach: on", 1}, {"reset: hard, v_reset: 0.2", 1}, {"detach: on, reset: hard", 1}};
  for (size_t k = 0; k < 4; k++) {
    char yaml[200];
    trial t;
    snprintf(yaml, sizeof yaml, "{inputs: 1, layers: [lif: {units: 1, %s}]}", known[k].options);
    start_trial(&t, yaml, 1);
    t.step.elapsed = NULL;
    t.old[0] = 0.4, t.old[1] = 1.1, t.x[0] = 1;
    t.slab[0] = 0.5, t.slab[1] = 0.3;
    loss(&t);
    const tame_adjoint a = {t.dnext, t.dy, t.dold, t.dx, t.dslab, 0, 0};
    tame_model_step_vjp(t.model, &t.step, &a);
    const double p = exp(-0.1), g = 0.4 * p + 0.8, v = 1.1 * p + (1 - p) * g, s = v >= 1;
    const double slope = pow(100 * fabs(v - 1) + 1, -2), v_reset = k == 2 ? 0.2 : 0;
    const double jump = k < 2 ? -1 : v_reset - v;
    assert_true(s == 1 && slope > 1e-4);
    assert_true(fabs(t.step.y[0] - s) == 0);
    assert_true(fabs(t.step.next[1] - (v + jump * s)) < 1e-15);
    double dv = t.dnext[1] * (k < 2 ? 1 : 1 - s) + t.dy[0] * slope;
    if (k == 0 || k == 2) dv += t.dnext[1] * jump * slope;
    const double dg = t.dnext[0] + (1 - p) * dv;
    assert_true(fabs(t.dslab[0] - dg) < 1e-14); /* x = 1 */
    assert_true(fabs(t.dx[0] - 0.5 * dg) < 1e-14);
    assert_true(fabs(t.dold[1] - p * dv) < 1e-14);
    end_trial(&t);
  }
}

/* ---- parameters ------------------------------------------------------------------------------ */

static const tame_view *view_named(const tame_model *model, const char *name)
{
  const tame_view *views;
  const int64_t count = tame_model_views(model, &views);
  for (int64_t k = 0; k < count; k++)
    if (strcmp(views[k].name, name) == 0) return &views[k];
  fail_msg("no view %s", name);
  return NULL;
}

static void views_tile_the_slab(void **state)
{
  (void)state;
  for (size_t k = 0; k < sizeof smooth / sizeof *smooth; k++) {
    const tame_view *views;
    tame_model *m = model_of(smooth[k]);
    const int64_t count = tame_model_views(m, &views);
    int64_t at = 0;
    for (int64_t v = 0; v < count; v++) {
      assert_int_equal(views[v].first, at);
      at += views[v].count;
      for (int64_t i = 0; i < views[v].count; i++) { /* every number has a place of its own */
        int64_t row, column, last_row = -1, last_column = -1;
        tame_view_place(&views[v], i, &row, &column);
        assert_true(0 <= row && row < views[v].rows && 0 <= column && column < views[v].columns);
        if (i > 0) tame_view_place(&views[v], i - 1, &last_row, &last_column);
        assert_true(row != last_row || column != last_column);
      }
    }
    assert_int_equal(at, tame_model_count(m));
    assert_int_equal((uintptr_t)tame_model_slab(m) % 64, 0);
    tame_model_free(&m);
  }
}

static void counts_are_the_published_ones(void **state)
{
  (void)state;
  static const struct {
    const char *yaml;
    int64_t published, stored;
  } known[] = {
      {"{inputs: 2, layers: [ltc: {circuit: {full: {units: 8, outputs: 1}}}]}", 350, 350},
      {"{inputs: 2, layers: [ltc: {circuit: {autoncp: {units: 8, outputs: 1}}}]}", 350, 98},
      {"{inputs: 1, train_start: on, layers: [rnn: {units: 100}, dense: {units: 1}]}", 10401,
       10401},
      {"{inputs: 100, layers: [lif: {units: 10}, integrator: {units: 2}]}", 1032, 1032},
      {"{inputs: 2, layers: [cfc: {units: 3}]}", 5 * 128 + 128 + 4 * (128 * 3 + 3), 2316},
      {"{inputs: 7, layers: [gru: {units: 5}]}", 3 * 5 * (7 + 5 + 2), 210},
      {"{inputs: 7, layers: [lstm: {units: 5}]}", 4 * 5 * (7 + 5 + 2), 280},
  };
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    tame_model *m = model_of(known[k].yaml);
    assert_int_equal(tame_model_count_published(m), known[k].published);
    assert_int_equal(tame_model_count(m), known[k].stored);
    tame_model_free(&m);
  }
}

/* Mean and standard deviation of a view's numbers. */
static void moments(const tame_model *m, const char *name, double *mean, double *sd, double *most)
{
  const tame_view *v = view_named(m, name);
  const double *at = tame_model_slab((tame_model *)(uintptr_t)m) + v->first;
  double sum = 0, squares = 0;
  *most = 0;
  for (int64_t i = 0; i < v->count; i++) {
    sum += at[i];
    squares += at[i] * at[i];
    *most = fmax(*most, fabs(at[i]));
  }
  *mean = sum / (double)v->count;
  *sd = sqrt(squares / (double)v->count - *mean * *mean);
}

static void first_values_have_their_distributions(void **state)
{
  (void)state;
  static const struct {
    const char *init;
    double sd, most; /* of [80][120], n = 80 */
  } known[] = {
      {"torch", 1 / sqrt(240), 1 / sqrt(80)},
      {"xavier_uniform", sqrt(2 / 200.), sqrt(6 / 200.)},
      {"xavier_normal", sqrt(2 / 200.), 2 * sqrt(2 / 200.) / 0.87962566103423978},
      {"kaiming_normal, gain: 3", 3 / sqrt(120), 6 / sqrt(120) / 0.87962566103423978},
  };
  double mean, sd, most;
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    char yaml[160];
    snprintf(yaml, sizeof yaml, "{inputs: 120, layers: [rnn: {units: 80, init: %s}]}",
             known[k].init);
    tame_model *m = model_of(yaml);
    moments(m, "0.rnn.weight_ih", &mean, &sd, &most);
    assert_true(fabs(mean) < 4 * known[k].sd / sqrt(9600));
    assert_true(fabs(sd / known[k].sd - 1) < 0.03);
    assert_true(most <= known[k].most && most > 0.97 * known[k].most);
    moments(m, "0.rnn.bias", &mean, &sd, &most);
    assert_true(k == 0 ? most > 0.08 && most < 1 / sqrt(80) : most == 0);
    tame_model_free(&m);
  }
}

static void orthogonal_is_orthonormal(void **state)
{
  (void)state;
  tame_model *m = model_of("{inputs: 2, layers: [lstm: {units: 12, init: orthogonal, gain: 2}]}");
  const tame_view *v = view_named(m, "0.lstm.weight_hh"); /* [48][12] */
  const double *w = tame_model_slab(m) + v->first;
  for (int64_t i = 0; i < 12; i++)
    for (int64_t j = 0; j < 12; j++) {
      double sum = 0;
      for (int64_t k = 0; k < 48; k++) sum += w[k * 12 + i] * w[k * 12 + j];
      assert_true(fabs(sum - (i == j ? 4 : 0)) < 1e-13);
    }
  tame_model_free(&m);
}

static void limits_are_kept(void **state)
{
  (void)state;
  tame_model *m = model_of("{inputs: 2, layers: [ltc: {circuit: {random: {units: 6}}}, "
                           "rnn: {circuit: {ei: {units: 10}}, dale: on}]}");
  double *slab = tame_model_slab(m);
  const tame_view *w = view_named(m, "1.rnn.weight_hh"), *cm = view_named(m, "0.ltc.cm");
  const tame_view *mu = view_named(m, "0.ltc.mu");
  for (int64_t i = 0; i < w->count; i++) {
    int64_t row, column;
    tame_view_place(w, i, &row, &column); /* 8 of 10 units excite */
    assert_true(column < 8 ? slab[w->first + i] > 0 : slab[w->first + i] < 0);
  }
  for (int64_t i = 0; i < tame_model_count(m); i++) slab[i] = i % 2 ? 1 : -1;
  tame_model_constrain(m, slab);
  for (int64_t i = 0; i < w->count; i++) {
    int64_t row, column;
    tame_view_place(w, i, &row, &column);
    const bool fits = ((w->first + i) % 2 != 0) == (column < 8);
    assert_true(slab[w->first + i] == (fits ? (column < 8 ? 1 : -1) : 0));
  }
  for (int64_t i = 0; i < cm->count; i++)
    assert_true(slab[cm->first + i] == ((cm->first + i) % 2 ? 1 : 0));
  for (int64_t i = 0; i < mu->count; i++) assert_true(fabs(slab[mu->first + i]) == 1);
  tame_model_free(&m);
}

static void start_is_a_parameter(void **state)
{
  (void)state;
  tame_model *m = model_of(
      "{inputs: 2, train_start: on, layers: [lstm: {units: 3}, gru: {units: 2}]}");
  const int64_t n = tame_model_state_size(m), count = tame_model_count(m);
  double *slab = tame_model_slab(m), h[2 * 8], gradient[1000] = {0};
  assert_int_equal(n, 8);
  for (int64_t i = 0; i < count; i++) slab[i] = (double)i;
  tame_model_start(m, slab, 2, h);
  const tame_view *lstm = view_named(m, "0.lstm.h.start"), *gru = view_named(m, "1.gru.h.start");
  for (int v = 0; v < 2; v++) /* h of both samples, then c */
    for (int b = 0; b < 2; b++)
      for (int i = 0; i < 3; i++)
        assert_true(h[(v * 2 + b) * 3 + i] == (double)(lstm->first + v * 3 + i));
  for (int b = 0; b < 2; b++)
    for (int i = 0; i < 2; i++) assert_true(h[12 + b * 2 + i] == (double)(gru->first + i));
  for (int i = 0; i < 16; i++) h[i] = i + 1;
  tame_model_start_vjp(m, 2, h, gradient);
  assert_true(gradient[lstm->first] == 1 + 4 && gradient[lstm->first + 3] == 7 + 10);
  assert_true(gradient[gru->first + 1] == 14 + 16 && gradient[lstm->first - 1] == 0);
  tame_model_free(&m);
}

/* A model's layers show what each comes to by itself, of what the one below it shows. */
static void layers_show_their_outputs(void **unused)
{
  (void)unused;
  enum { B = 3 };
  static const char *const layers[] = {"gru: {units: 5}",
                                       "ltc: {circuit: {autoncp: {units: 6, outputs: 2}}}",
                                       "dense: {units: 4}"};
  static const int64_t inputs[] = {2, 5, 2}, outputs[] = {5, 2, 4};
  char yaml[256];
  trial whole, own;
  int64_t width, at = 0, state = 0;
  snprintf(yaml, sizeof yaml, "{inputs: 2, layers: [%s, %s, %s]}", layers[0], layers[1], layers[2]);
  start_trial(&whole, yaml, B);
  tame_model_step(whole.model, &whole.step);
  const double *below = whole.x;
  for (int l = 0; l < 3; l++) {
    snprintf(yaml, sizeof yaml, "{inputs: %d, layers: [%s]}", (int)inputs[l], layers[l]);
    start_trial(&own, yaml, B);
    own.step.slab = whole.slab + at; /* parameters and states are in the order of the layers */
    own.step.x = below;
    own.step.state = whole.old + state;
    tame_model_step(own.model, &own.step);
    below = tame_model_layer_outputs(whole.model, &whole.step, l, &width);
    assert_int_equal(width, outputs[l]);
    assert_int_equal(width, tame_model_layer_width(whole.model, l));
    assert_memory_equal(below, own.step.y, (size_t)(B * width) * sizeof *below);
    at += own.count;
    state += own.state;
    end_trial(&own);
  }
  assert_memory_equal(below, whole.step.y, (size_t)whole.outputs * sizeof *below);
  assert_int_equal(at, whole.count);
  end_trial(&whole);
}

static void slabs_can_be_saved(void **unused)
{
  (void)unused;
  tame_model *m = model_of("{inputs: 2, layers: [gru: {units: 3}]}");
  tame_state state = {0};
  tame_model_save(m, true, &state);
  assert_int_equal(state.count, 1);
  assert_string_equal(state.at[0].name, "model.slab");
  assert_true(state.at[0].at == tame_model_slab(m) && state.at[0].copy);
  assert_true(state.at[0].total == tame_model_count(m) && state.at[0].count == state.at[0].total);
  tame_state_free(&state);
  tame_model_free(&m);
}

static void bad_models_are_refused(void **state)
{
  (void)state;
  static const struct {
    const char *yaml, *says;
  } bad[] = {
      {"{inputs: 2, layers: []}", "layers"},
      {"{inputs: 2, layers: [rnn: {}]}", "layers[0]: rnn: units: found 0 without a circuit"},
      {"{inputs: 2, layers: [gru: {units: 2}, rnn: {units: 2, circuit: {ring: {units: 5}}}]}",
       "layers[1]: rnn: units: found 2 and a circuit"},
      {"{inputs: 2, layers: [rnn: {units: 2, dale: on}]}", "dale"},
      {"{inputs: 2, layers: [rnn: {circuit: {ring: {units: 5}}, init: orthogonal}]}", "orthogonal"},
      {"{inputs: 2, layers: [ltc: {circuit: {ring: {units: 5}}, w: [1]}]}",
       "layers[0]: ltc: w: found 1 numbers, want [low, high]"},
      {"{inputs: 2, layers: [ltc: {circuit: {autoncp: {units: 5, outputs: 4}}}]}",
       "outputs: found 4, want less than units - 2 = 3"},
      {"{inputs: 2, layers: [cfc: {units: 0}]}", "units: found 0 without a circuit"},
      {"{inputs: 2, layers: [cfc: {circuit: {ring: {units: 5}}, backbone_layers: 2}]}",
       "circuit: found one, and parameters of a backbone"},
      {"{inputs: 2, layers: [ltc: {circuit: {ring: {units: 5}}, solver: rk4, epsilon: 0.1}]}",
       "epsilon: found 0.1 with solver rk4"},
      {"{inputs: 2, layers: [alif: {units: 5, width: 2}]}",
       "width: found 2 with surrogate inverse_square, which has none"},
  };
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    tame_model *m;
    assert_int_equal(try_model(&m, bad[k].yaml), TAME_ERR_INPUT);
    if (!strstr(tame_message(), bad[k].says)) fail_msg("%s: %s", bad[k].yaml, tame_message());
    assert_null(m);
  }
}

static void no_memory_is_told(void **state)
{
  (void)state;
  const char *yaml = "{inputs: 2, layers: [ltc: {circuit: {autoncp: {units: 8, outputs: 2}}, "
                     "mixed_memory: on}, bidirectional: {cell: {cfc: {circuit: {autoncp: {units: "
                     "8, outputs: 2}}}}}]}";
  tame_model_params p;
  assert_int_equal(tame_yaml_load(&tame_model_schema, &p, "test", yaml, NULL, 0, NULL), TAME_OK);
  for (int64_t at = 1;; at++) {
    tame_model *m;
    tame_memory_fail_at(at);
    const tame_status status = tame_model_create(&m, &p);
    if (tame_memory_fail_at(0)) {
      assert_int_equal(status, TAME_OK);
      assert_true(at > 20);
      tame_model_free(&m);
      break;
    }
    assert_int_equal(status, TAME_ERR_NOMEM);
    assert_null(m);
  }
  tame_schema_release(&tame_model_schema, &p);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradients_are_differences),
      cmocka_unit_test(forwards_and_backwards_agree),
      cmocka_unit_test(samples_are_apart),
      cmocka_unit_test(surrogates_are_their_formulas),
      cmocka_unit_test(spikes_let_gradients_through),
      cmocka_unit_test(views_tile_the_slab),
      cmocka_unit_test(counts_are_the_published_ones),
      cmocka_unit_test(first_values_have_their_distributions),
      cmocka_unit_test(orthogonal_is_orthonormal),
      cmocka_unit_test(limits_are_kept),
      cmocka_unit_test(start_is_a_parameter),
      cmocka_unit_test(layers_show_their_outputs),
      cmocka_unit_test(slabs_can_be_saved),
      cmocka_unit_test(bad_models_are_refused),
      cmocka_unit_test(no_memory_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
