/* Units that are alike: moments against plain loops, likeness of loadings that are known, and units that do the same
 * but for a factor and an offset, which are left out without a trace. */
#include "support.h"

#include "experiment/inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 11, STEPS = 9, LANES = 4, MOST = 16 /* units */ };

/* ---- rates and their moments -------------------------------------------------------------------- */

static double *rates_new(int64_t n)
{
  return calloc((size_t)(SAMPLES * STEPS * n), sizeof(double));
}

static double rate(const double *r, int64_t n, int64_t s, int64_t t, int64_t i)
{
  return r[(s * STEPS + t) * n + i];
}

/* In blocks of so many lanes, the last one with what is left. */
static tame_moments moments_of(int64_t n, const double *r)
{
  tame_moments m;
  const int64_t length = tame_moments_length(n), block = STEPS * n;
  double *all = calloc((size_t)length, sizeof *all), *own = calloc((size_t)length, sizeof *own),
         *lanes = calloc((size_t)(LANES * block), sizeof *lanes),
         *work = calloc((size_t)tame_moments_work(n, LANES), sizeof *work), origin[MOST];
  for (int64_t i = 0; i < n; i++) origin[i] = rate(r, n, 0, STEPS / 2, i);
  for (int64_t first = 0; first < SAMPLES; first += LANES) {
    const int64_t count = SAMPLES - first < LANES ? SAMPLES - first : LANES;
    for (int64_t k = 0; k < LANES * block; k++) lanes[k] = 7; /* what is not there is not seen */
    memcpy(lanes, r + first * block, (size_t)(count * block) * sizeof *lanes);
    tame_moments_block(n, STEPS, LANES, count, origin, lanes, work, own);
    for (int64_t k = 0; k < length; k++) all[k] += own[k];
  }
  assert_int_equal(tame_moments_create(&m, n), TAME_OK);
  tame_moments_finish(&m, SAMPLES, STEPS, origin, all);
  free(all), free(own), free(lanes), free(work);
  return m;
}

static void assert_near(double found, double wanted, double within)
{
  if (!(fabs(found - wanted) <= within)) print_error("found %.17g, want %.17g\n", found, wanted);
  assert_true(fabs(found - wanted) <= within);
}

static double mean_of(const double *r, int64_t n, int64_t i)
{
  double sum = 0;
  for (int64_t s = 0; s < SAMPLES; s++)
    for (int64_t t = 0; t < STEPS; t++) sum += rate(r, n, s, t, i);
  return sum / (SAMPLES * STEPS);
}

static double covariance_of(const double *r, int64_t n, int64_t i, int64_t j)
{
  const double a = mean_of(r, n, i), b = mean_of(r, n, j);
  double sum = 0;
  for (int64_t s = 0; s < SAMPLES; s++)
    for (int64_t t = 0; t < STEPS; t++)
      sum += (rate(r, n, s, t, i) - a) * (rate(r, n, s, t, j) - b);
  return sum / (SAMPLES * STEPS);
}

/* Of unit i: |correlation| with the step; and sample by sample, the squares weighed by variance. */
static void ramp_of(const double *r, int64_t n, int64_t i, double *common, double *each)
{
  const double middle = 0.5 * (STEPS - 1), mean = mean_of(r, n, i);
  double with = 0, time = 0, explained = 0, within = 0;
  for (int64_t s = 0; s < SAMPLES; s++) {
    double own = 0, own_time = 0, own_mean = 0, own_square = 0;
    for (int64_t t = 0; t < STEPS; t++) own_mean += rate(r, n, s, t, i) / STEPS;
    for (int64_t t = 0; t < STEPS; t++) {
      const double x = rate(r, n, s, t, i), late = (double)t - middle;
      with += (x - mean) * late;
      own += (x - own_mean) * late;
      own_time += late * late;
      own_square += (x - own_mean) * (x - own_mean);
    }
    time += own_time;
    explained += own * own / own_time;
    within += own_square;
  }
  *common = fabs(with) / sqrt(time * covariance_of(r, n, i, i) * SAMPLES * STEPS);
  *each = sqrt(explained / within);
}

static double noise(int64_t k, int64_t i)
{
  return tame_normal(3, TAME_DRAW_INPUT, (uint32_t)k, (uint32_t)i, 0);
}

static void moments_are_those_of_plain_loops(void **state)
{
  (void)state;
  enum { N = 5 };
  double *r = rates_new(N);
  for (int64_t s = 0; s < SAMPLES; s++) /* ramps up or down, far from 0, each sample on its level */
    for (int64_t t = 0; t < STEPS; t++)
      for (int64_t i = 0; i < N; i++)
        r[(s * STEPS + t) * N + i] = 1000. * (double)(i + 1) + noise(s, i) +
                                     0.3 * noise(s, N + i) * (double)t + 0.5 * (double)(i * t) +
                                     noise(SAMPLES + s * STEPS + t, i);
  tame_moments m = moments_of(N, r);
  for (int64_t i = 0; i < N; i++) {
    double common, each, got_common, got_each, unit[N] = {0};
    assert_near(m.mean[i], mean_of(r, N, i), 1e-11);
    for (int64_t j = 0; j < N; j++)
      assert_near(m.covariance[i * N + j], covariance_of(r, N, i, j), 1e-11);
    unit[i] = 1;
    ramp_of(r, N, i, &common, &each);
    tame_moments_ramp(&m, unit, &got_common, &got_each);
    assert_near(got_common, common, 1e-12);
    assert_near(got_each, each, 1e-12);
    assert_true(each > common + 0.01 && each < 0.99);
  }
  tame_moments_free(&m);
  free(r);
}

/* ---- likeness ------------------------------------------------------------------------------------ */

static void likeness_is_that_of_known_loadings(void **state)
{
  (void)state;
  enum { N = 4 };
  /* Orthonormal columns times cosines, which are orthogonal over a sample's steps: those are the components. */
  static const double u[3][N] = {{0.5, 0.5, 0.5, 0.5},
                                 {0.5, 0.5, -0.5, -0.5},
                                 {0.5, -0.5, 0.5, -0.5}};
  static const double size[3] = {3, 2, 0.5};
  double *r = rates_new(N), variance[N], vectors[N][N], likeness[N][N];
  for (int64_t s = 0; s < SAMPLES; s++)
    for (int64_t t = 0; t < STEPS; t++)
      for (int64_t i = 0; i < N; i++)
        for (int k = 0; k < 3; k++)
          r[(s * STEPS + t) * N + i] +=
              u[k][i] * size[k] * cos(3.14159265358979323846 * (k + 1) * ((double)t + 0.5) / STEPS);
  tame_moments m = moments_of(N, r);
  assert_int_equal(tame_moments_components(&m, variance, vectors[0]), TAME_OK);
  for (int k = 0; k < 3; k++) {
    assert_near(variance[k], size[k] * size[k] / 2, 1e-12);
    for (int i = 0; i < N; i++) assert_near(fabs(vectors[k][i]), 0.5, 1e-12);
  }
  assert_int_equal(tame_components_for(N, variance, 0.6), 1); /* 4.5 + 2 + 0.125 = 6.625 */
  assert_int_equal(tame_components_for(N, variance, 0.95), 2);
  assert_int_equal(tame_components_for(N, variance, 0.99), 3);
  tame_moments_likeness(&m, TAME_LIKE_LOADINGS, TAME_MERGE_OFFSET, 2, vectors[0], likeness[0]);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) assert_near(likeness[i][j], i / 2 == j / 2, 1e-12);
  tame_moments_likeness(&m, TAME_LIKE_LOADINGS, TAME_MERGE_OFFSET, 3, vectors[0], likeness[0]);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) assert_near(likeness[i][j], i == j ? 1 : 1. / 3, 1e-12);
  tame_moments_likeness(&m, TAME_LIKE_CORRELATION, TAME_MERGE_OFFSET, 0, NULL, likeness[0]);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++)
      assert_near(likeness[i][j],
                  fabs(covariance_of(r, N, i, j)) /
                      sqrt(covariance_of(r, N, i, i) * covariance_of(r, N, j, j)),
                  1e-12);
  const tame_pair pair = tame_moments_pair(&m, likeness[0], TAME_MERGE_OFFSET);
  assert_int_equal(pair.kept, 0); /* 0 and 1 are as alike as 2 and 3, and vary as much */
  assert_int_equal(pair.removed, 1);
  tame_moments_free(&m);
  free(r);
}

static void of_a_pair_the_one_that_varies_more_is_kept(void **state)
{
  (void)state;
  enum { N = 4 };
  double *r = rates_new(N), likeness[N][N];
  for (int64_t k = 0; k < SAMPLES * STEPS; k++) {
    r[k * N + 0] = noise(k, 0);
    r[k * N + 1] = noise(k, 1) + 5;
    r[k * N + 2] = noise(k, 2);
    r[k * N + 3] = -2 * noise(k, 1) + 0.01 * noise(k, 3) + 1;
  }
  tame_moments m = moments_of(N, r);
  tame_moments_likeness(&m, TAME_LIKE_CORRELATION, TAME_MERGE_OFFSET, 0, NULL, likeness[0]);
  tame_pair pair = tame_moments_pair(&m, likeness[0], TAME_MERGE_OFFSET);
  assert_int_equal(pair.kept, 3);
  assert_int_equal(pair.removed, 1);
  const double c = covariance_of(r, N, 1, 3) / covariance_of(r, N, 3, 3);
  assert_near(pair.c, c, 1e-12);
  assert_near(pair.d, mean_of(r, N, 1) - c * mean_of(r, N, 3), 1e-12);
  pair = tame_moments_pair(&m, likeness[0], TAME_MERGE_PLAIN);
  double product = 0, square = 0;
  for (int64_t k = 0; k < SAMPLES * STEPS; k++) {
    product += r[k * N + 1] * r[k * N + 3];
    square += r[k * N + 3] * r[k * N + 3];
  }
  assert_near(pair.c, product / square, 1e-12);
  assert_true(pair.d == 0);
  tame_moments_free(&m);
  free(r);
}

static void a_unit_that_does_not_vary_is_an_offset(void **state)
{
  (void)state;
  enum { N = 3 };
  double *r = rates_new(N), variance[N], vectors[N][N], likeness[N][N];
  for (int64_t k = 0; k < SAMPLES * STEPS; k++) {
    r[k * N + 0] = 0.1; /* no dyadic number: its mean is rounded */
    r[k * N + 1] = noise(k, 1);
    r[k * N + 2] = noise(k, 2);
  }
  tame_moments m = moments_of(N, r);
  assert_int_equal(tame_moments_components(&m, variance, vectors[0]), TAME_OK);
  for (int kind = 0; kind < 2; kind++) {
    tame_moments_likeness(&m, (tame_likeness)kind, TAME_MERGE_OFFSET, 2, vectors[0], likeness[0]);
    assert_true(likeness[0][1] == 1 && likeness[0][2] == 1 && likeness[1][2] < 0.9);
    const tame_pair pair = tame_moments_pair(&m, likeness[0], TAME_MERGE_OFFSET);
    assert_int_equal(pair.kept, 1);
    assert_int_equal(pair.removed, 0);
    assert_near(pair.d + pair.c * mean_of(r, N, 1), 0.1, 1e-15);
    assert_near(pair.c, 0, 1e-13);
  }
  tame_moments_free(&m);
  free(r);
}

/* ---- models -------------------------------------------------------------------------------------- */

static tame_model *model_of(const char *layers)
{
  char text[1024];
  tame_experiment *e;
  tame_model *model;
  snprintf(text, sizeof text,
           "model: {inputs: 2, train_start: on, layers: [%s]}\n"
           "data: [{name: d, from: {flip_flop: {bits: 2, steps: 3}}, samples: 1}]\n"
           "phases: [test: {name: t, loss: poisson}]\n",
           layers);
  const tame_status status = tame_experiment_parse(&e, MPI_COMM_SELF, text);
  if (status != TAME_OK) print_error("%s\n", tame_message());
  assert_int_equal(status, TAME_OK);
  assert_int_equal(tame_model_create(&model, &e->model), TAME_OK);
  tame_experiment_free(&e);
  return model;
}

/* A view of the slab, by name. */
static double *weights(tame_model *model, const char *name)
{
  const tame_view *view;
  const int64_t views = tame_model_views(model, &view);
  for (int64_t k = 0; k < views; k++)
    if (strcmp(view[k].name, name) == 0) return tame_model_slab(model) + view[k].first;
  fail_msg("no view %s", name);
  return NULL;
}

/* Samples of noise through the model: rates of layer 0, [SAMPLES][STEPS][n], and outputs; each may be NULL. */
static void run_model(tame_model *model, double *rates, double *outputs)
{
  const int64_t n = tame_model_layer_width(model, 0), out = tame_model_outputs(model);
  double *state = calloc((size_t)tame_model_state_size(model), sizeof *state),
         *next = calloc((size_t)tame_model_state_size(model), sizeof *next),
         *tape = calloc((size_t)tame_model_tape_size(model), sizeof *tape),
         *work = calloc((size_t)tame_model_work_size(model, 1), sizeof *work), y[MOST];
  for (int64_t s = 0; s < SAMPLES; s++) {
    tame_model_start(model, tame_model_slab(model), 1, state);
    for (int64_t t = 0; t < STEPS; t++) {
      const double x[] = {noise(s * STEPS + t, 7), noise(s * STEPS + t, 8)};
      const tame_step step = {.batch = 1,
                              .slab = tame_model_slab(model),
                              .x = x,
                              .state = state,
                              .next = next,
                              .y = y,
                              .tape = tape,
                              .work = work};
      int64_t width;
      tame_model_step(model, &step);
      if (rates)
        memcpy(rates + (s * STEPS + t) * n, tame_model_layer_outputs(model, &step, 0, &width),
               (size_t)n * sizeof *rates);
      if (outputs) memcpy(outputs + (s * STEPS + t) * out, y, (size_t)out * sizeof *outputs);
      memcpy(state, next, (size_t)tame_model_state_size(model) * sizeof *state);
    }
  }
  free(state), free(next), free(tape), free(work);
}

/* Let unit `to` of the rnn, layer 0, do what unit `from` does, times c, as its inputs are; and plus d, where f is
 * linear. */
static void copy_unit(tame_model *model, int64_t n, int64_t from, int64_t to, double c, double d)
{
  double *in = weights(model, "0.rnn.weight_ih"), *hh = weights(model, "0.rnn.weight_hh"),
         *bias = weights(model, "0.rnn.bias"), *start = weights(model, "0.rnn.h.start");
  for (int64_t k = 0; k < 2; k++) in[to * 2 + k] = c * in[from * 2 + k];
  for (int64_t k = 0; k < n; k++) hh[to * n + k] = c * hh[from * n + k];
  bias[to] = c * bias[from] + d;
  start[to] = c * start[from] + d;
}

/* The most alike two of a layer, found, merged, and left out: what becomes of the outputs. */
static tame_pair condense(const char *rnn, const char *others, int64_t n, int64_t from, int64_t to,
                          double c, double d, tame_likeness kind, tame_merging merging,
                          double *difference)
{
  char layers[256];
  snprintf(layers, sizeof layers, rnn, (int)n);
  strcat(strcat(layers, ", "), others);
  tame_model *large = model_of(layers);
  snprintf(layers, sizeof layers, rnn, (int)n - 1);
  strcat(strcat(layers, ", "), others);
  tame_model *small = model_of(layers);
  const int64_t all = SAMPLES * STEPS * tame_model_outputs(large);
  double *r = rates_new(n), *before = calloc((size_t)all, sizeof *before),
         *after = calloc((size_t)all, sizeof *after), *slab = tame_model_slab(large),
         variance[MOST], vectors[MOST * MOST], likeness[MOST * MOST];
  for (int64_t i = 0; i < n; i++) { /* biases such that none is silent */
    weights(large, "0.rnn.h.start")[i] = 0.3 * noise(i, 9);
    weights(large, "0.rnn.bias")[i] = 0.6 + 0.2 * noise(i, 10);
  }
  copy_unit(large, n, from, to, c, d);
  run_model(large, r, before);
  tame_moments m = moments_of(n, r);
  assert_int_equal(tame_moments_components(&m, variance, vectors), TAME_OK);
  const int64_t components = tame_components_for(n, variance, 0.9999);
  assert_true(components > 1 &&
              components < n); /* rows of all of them are orthogonal, of one all the same */
  tame_moments_likeness(&m, kind, merging, components, vectors, likeness);
  const tame_pair pair = tame_moments_pair(&m, likeness, merging);
  assert_int_equal(tame_condense_check(large, 0, merging), TAME_OK);
  tame_condense_merge(large, slab, 0, &pair, merging);
  int64_t units[MOST], count = 0;
  for (int64_t i = 0; i < n; i++)
    if (i != pair.removed) units[count++] = i;
  tame_condense_pick(large, slab, 0, units, small, tame_model_slab(small));
  run_model(small, NULL, after);
  *difference = 0;
  for (int64_t k = 0; k < all; k++) *difference = fmax(*difference, fabs(after[k] - before[k]));
  double *again = calloc((size_t)tame_model_count(large), sizeof *again);
  tame_condense_spread(small, tame_model_slab(small), 0, units, large, again);
  assert_memory_equal(again, slab, (size_t)tame_model_count(large) * sizeof *slab);
  run_model(large, NULL, after); /* the large one without that unit is the same function, too */
  for (int64_t k = 0; k < all; k++) *difference = fmax(*difference, fabs(after[k] - before[k]));
  tame_moments_free(&m);
  tame_model_free(&large), tame_model_free(&small);
  free(r), free(before), free(after), free(again);
  return pair;
}

static void units_that_do_the_same_merge_without_a_trace(void **state)
{
  (void)state;
  static const struct {
    const char *rnn, *others;
    double c, d;
    tame_merging merging;
  } cases[] = {
      {"rnn: {units: %d, activation: relu, tau: 3}", "dense: {units: 2}", 0.7, 0, TAME_MERGE_PLAIN},
      {"rnn: {units: %d, activation: relu}", "dense: {units: 2}", 1.9, 0, TAME_MERGE_OFFSET},
      {"rnn: {units: %d, activation: linear, tau: 2, gain: 0.9}", "dense: {units: 2}", -0.7, 0.4,
       TAME_MERGE_OFFSET},
      {"rnn: {units: %d, activation: linear, form: current, tau: 2, gain: 0.9}",
       "gru: {units: 3}, dense: {units: 2}", 1.3, -0.2, TAME_MERGE_OFFSET},
      {"rnn: {units: %d}", "rnn: {units: 3}, dense: {units: 2}", -1, 0, TAME_MERGE_AVERAGE},
      {"rnn: {units: %d, form: current}", "lstm: {units: 3}, dense: {units: 2}", 1, 0,
       TAME_MERGE_AVERAGE},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (int kind = 0; kind < 2; kind++) {
      double difference;
      const tame_pair pair = condense(cases[k].rnn, cases[k].others, 7, 2, 5, cases[k].c,
                                      cases[k].d, (tame_likeness)kind, cases[k].merging,
                                      &difference);
      const bool grows = fabs(cases[k].c) > 1;
      if (fabs(cases[k].c) != 1) {
        assert_int_equal(pair.kept, grows ? 5 : 2);
        assert_int_equal(pair.removed, grows ? 2 : 5);
      }
      assert_true(pair.kept + pair.removed == 7);
      assert_near(pair.likeness, 1, 1e-12);
      const double c = pair.removed == 5 ? cases[k].c : 1 / cases[k].c;
      assert_near(pair.c, c, 1e-12);
      assert_near(pair.d, pair.removed == 5 ? cases[k].d : -cases[k].d / cases[k].c, 1e-12);
      assert_near(difference, 0, 1e-12);
    }
}

static void units_that_differ_leave_a_trace(void **state)
{
  (void)state;
  double difference; /* the copies differ by an offset, which `plain` does not know of */
  (void)condense("rnn: {units: %d, activation: linear, gain: 0.9}", "dense: {units: 2}", 7, 2, 5,
                 0.7, 0.4, TAME_LIKE_CORRELATION, TAME_MERGE_PLAIN, &difference);
  assert_true(difference > 1e-3);
}

/* Both directions of what hears the units lose the column. */
static void both_directions_hear_what_is_left(void **state)
{
  (void)state;
  tame_model *model = model_of("rnn: {units: 3}, bidirectional: {cell: {gru: {units: 2}}}, "
                               "dense: {units: 2}");
  const tame_pair pair = {.kept = 0, .removed = 2, .c = 2, .d = 3};
  static const char *const names[][2] = {{"1.gru.weight_ih", "1.gru.bias_ih"},
                                         {"1.gru_reverse.weight_ih", "1.gru_reverse.bias_ih"}};
  double w[2][18], b[2][6];
  for (int k = 0; k < 2; k++) {
    memcpy(w[k], weights(model, names[k][0]), sizeof w[k]);
    memcpy(b[k], weights(model, names[k][1]), sizeof b[k]);
  }
  assert_int_equal(tame_condense_check(model, 0, TAME_MERGE_OFFSET), TAME_OK);
  tame_condense_merge(model, tame_model_slab(model), 0, &pair, TAME_MERGE_OFFSET);
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < 6; i++) {
      const double *row = weights(model, names[k][0]) + 3 * (int64_t)i;
      assert_near(row[0], w[k][3 * i] + 2 * w[k][3 * i + 2], 1e-15);
      assert_true(row[1] == w[k][3 * i + 1] && row[2] == 0);
      assert_near(weights(model, names[k][1])[i], b[k][i] + 3 * w[k][3 * i + 2], 1e-15);
    }
  tame_model_free(&model);
}

static void what_cannot_be_condensed_is_told(void **state)
{
  (void)state;
  static const struct {
    const char *layers, *words;
    int layer;
  } cases[] = {
      {"gru: {units: 3}, dense: {units: 2}", "layer 0.gru is no rnn", 0},
      {"rnn: {units: 3}, dense: {units: 2}", "layer 1.dense is no rnn", 1},
      {"dense: {units: 3}, rnn: {units: 2}", "layer 1.rnn is the last", 1},
      {"bidirectional: {cell: {rnn: {units: 3}}}, dense: {units: 2}",
       "layer 0.rnn is bidirectional", 0},
      {"rnn: {circuit: {full: {units: 4, outputs: 3}}}, dense: {units: 2}",
       "layer 0.rnn has a circuit", 0},
      {"rnn: {units: 3}, rnn: {circuit: {full: {units: 4, outputs: 2}}}",
       "layer 1.rnn hears its units, want dense", 0},
      {"rnn: {units: 3}, dense: {units: 2, bias: off}", "has no bias for an offset", 0},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    tame_model *model = model_of(cases[k].layers);
    assert_int_equal(tame_condense_check(model, cases[k].layer, TAME_MERGE_OFFSET), TAME_ERR_INPUT);
    if (!strstr(tame_message(), cases[k].words)) print_error("%s\n", tame_message());
    assert_non_null(strstr(tame_message(), cases[k].words));
    if (strstr(cases[k].words, "no bias"))
      assert_int_equal(tame_condense_check(model, 0, TAME_MERGE_PLAIN), TAME_OK);
    tame_model_free(&model);
  }
}

static void a_unit_without_weights_sleeps_where_0_gives_0(void **state)
{
  (void)state;
  static const char *const activations[] = {"tanh", "relu", "logistic"};
  for (int k = 0; k < 3; k++) {
    char layers[128];
    bool sleeps;
    snprintf(layers, sizeof layers, "rnn: {units: 3, activation: %s}, dense: {units: 2}",
             activations[k]);
    tame_model *model = model_of(layers);
    assert_int_equal(tame_condense_sleeps(model, 0, &sleeps), TAME_OK);
    assert_int_equal(sleeps, k < 2);
    tame_model_free(&model);
  }
}

static int group(void)
{
  const struct CMUnitTest all[] = {
      cmocka_unit_test(moments_are_those_of_plain_loops),
      cmocka_unit_test(likeness_is_that_of_known_loadings),
      cmocka_unit_test(of_a_pair_the_one_that_varies_more_is_kept),
      cmocka_unit_test(a_unit_that_does_not_vary_is_an_offset),
      cmocka_unit_test(units_that_do_the_same_merge_without_a_trace),
      cmocka_unit_test(units_that_differ_leave_a_trace),
      cmocka_unit_test(both_directions_hear_what_is_left),
      cmocka_unit_test(what_cannot_be_condensed_is_told),
      cmocka_unit_test(a_unit_without_weights_sleeps_where_0_gives_0),
  };
  return cmocka_run_group_tests(all, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
