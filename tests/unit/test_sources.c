/* Sets of sequences: each source against its definition, statistics of many samples, and samples that are
 * the same in whatever order they are drawn. Bounds of means are five standard errors. */
/* timeout: 60 */
#include "support.h"

#include "experiment/yaml.h"
#include "task/tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

/* A set, and the last sample that was drawn. */
typedef struct set {
  tame_data data;
  tame_data_shape shape;
  double *x, *target, *elapsed;
} set;

enum { UNTOUCHED = 12345 };

static void *field(const set *s, const char *name)
{
  const tame_variant *source = &s->data.source;
  for (const tame_field *f = source->row->params.fields; f->name; f++)
    if (strcmp(f->name, name) == 0) return (char *)source->params + f->offset;
  fail_msg("no field %s", name);
  return NULL;
}

static void set_real(set *s, const char *name, double value)
{
  *(double *)field(s, name) = value;
}

static void set_whole(set *s, const char *name, int64_t value)
{
  *(int64_t *)field(s, name) = value;
}

static void set_choice(set *s, const char *name, const char *choice)
{
  for (const tame_field *f = s->data.source.row->params.fields; f->name; f++)
    for (int k = 0; strcmp(f->name, name) == 0 && f->choices[k]; k++)
      if (strcmp(f->choices[k], choice) == 0) {
        *(int *)field(s, name) = k;
        return;
      }
  fail_msg("no choice %s of %s", choice, name);
}

static void make(set *s, const char *row)
{
  *s = (set){.data = {.samples = 10, .seed = 7}};
  if (tame_variant_set(&s->data.source, &tame_sources, row) != TAME_OK)
    fail_msg("%s", tame_message());
}

static void drop(set *s)
{
  tame_data_unload(&s->data);
  tame_schema_release(&s->data.source.row->params, s->data.source.params);
  free(s->data.source.params);
  free(s->x), free(s->target), free(s->elapsed);
}

/* Find the shape, and make room for samples. */
static void begin(set *s)
{
  const char *key = "";
  const tame_status status = tame_data_shape_of(&s->data, &s->shape, &key);
  if (status != TAME_OK) fail_msg("%s: %s", key, tame_message());
  free(s->x), free(s->target), free(s->elapsed);
  s->x = calloc((size_t)(s->shape.steps * s->shape.inputs), sizeof(double));
  s->target = calloc((size_t)(s->shape.target_steps * s->shape.width), sizeof(double));
  s->elapsed = calloc((size_t)s->shape.steps, sizeof(double));
}

static void draw(set *s, int64_t id)
{
  for (int64_t k = 0; k < s->shape.steps * s->shape.inputs; k++) s->x[k] = UNTOUCHED;
  for (int64_t k = 0; k < s->shape.target_steps * s->shape.width; k++) s->target[k] = UNTOUCHED;
  for (int64_t k = 0; k < s->shape.steps; k++) s->elapsed[k] = UNTOUCHED;
  tame_data_draw(&s->data, id, s->x, s->target, s->elapsed);
}

static void expect_shape(const set *s, int64_t steps, int64_t inputs, int64_t target_steps,
                         int64_t width, int64_t classes, bool has_elapsed)
{
  assert_int_equal(s->shape.steps, steps);
  assert_int_equal(s->shape.inputs, inputs);
  assert_int_equal(s->shape.target_steps, target_steps);
  assert_int_equal(s->shape.width, width);
  assert_int_equal(s->shape.classes, classes);
  assert_int_equal(s->shape.has_elapsed, has_elapsed);
}

static void refuse(const set *s, const char *key, const char *words)
{
  tame_data_shape shape;
  const char *found = "";
  assert_int_equal(tame_data_shape_of(&s->data, &shape, &found), TAME_ERR_INPUT);
  assert_string_equal(found, key);
  if (!strstr(tame_message(), words)) fail_msg("'%s' lacks '%s'", tame_message(), words);
}

static void near(double found, double want, double bound)
{
  if (!(fabs(found - want) <= bound)) fail_msg("%.9g, want %.9g +- %.3g", found, want, bound);
}

/* A share of `count` yeses that should be p. */
static void share(int64_t yeses, int64_t count, double p)
{
  near((double)yeses / (double)count, p, 5 * sqrt(p * (1 - p) / (double)count));
}

/* ---- all sources ------------------------------------------------------------------------------ */

/* Checksums of what was drawn; all of it must have been written, elapsed times where there are such. */
static uint64_t sum_of(const set *s)
{
  const int64_t x = s->shape.steps * s->shape.inputs, y = s->shape.target_steps * s->shape.width;
  for (int64_t k = 0; k < x; k++) assert_true(isfinite(s->x[k]) && s->x[k] != UNTOUCHED);
  for (int64_t k = 0; k < y; k++) assert_true(s->target[k] != UNTOUCHED);
  for (int64_t k = 0; k < s->shape.steps; k++)
    assert_true((s->elapsed[k] == UNTOUCHED) == !s->shape.has_elapsed);
  return tame_checksum(1, TAME_TYPE_F64, s->x, 0, x) +
         tame_checksum(2, TAME_TYPE_F64, s->target, 0, y) +
         tame_checksum(3, TAME_TYPE_F64, s->elapsed, 0, s->shape.steps);
}

static void samples_depend_on_seed_and_id_alone(void **state)
{
  const int64_t ids[] = {0, 1, 2, 9, (int64_t)1 << 32, ((int64_t)1 << 32) + 1, (int64_t)1 << 40};
  enum { IDS = sizeof ids / sizeof *ids };
  (void)state;
  for (const tame_row *const *row = tame_sources.rows; *row; row++) {
    if (strcmp((*row)->name, "file") == 0) continue;
    set s;
    uint64_t sums[IDS];
    const bool constant = strcmp((*row)->name, "sines") == 0;
    make(&s, (*row)->name);
    s.data.fresh = !constant;
    if (constant) s.data.samples = 0;
    begin(&s);
    for (int k = 0; k < IDS; k++) draw(&s, ids[k]), sums[k] = sum_of(&s);
    for (int k = IDS - 1; k >= 0; k--) { /* in another order, and some twice */
      draw(&s, ids[k / 2]);
      assert_true(sum_of(&s) == sums[k / 2]);
      draw(&s, ids[k]);
      assert_true(sum_of(&s) == sums[k]);
    }
    for (int64_t id = 0, same = 0; id < 20 && !constant; id++) { /* go_nogo has but two samples */
      draw(&s, id);
      const uint64_t sum = sum_of(&s);
      draw(&s, id + ((int64_t)1 << 32));
      same += sum_of(&s) == sum;
      assert_true(same < 19);
    }
    for (int64_t id = 0, same = 0; id < 20 && !constant; id++) {
      s.data.seed = 7;
      draw(&s, id);
      const uint64_t sum = sum_of(&s);
      s.data.seed = 8;
      draw(&s, id);
      same += sum_of(&s) == sum;
      assert_true(same < 19);
    }
    assert_true(tame_data_checksum(&s.data) == 0);
    drop(&s);
  }
}

static void numbers_are_those_of_the_counter(void **state)
{
  enum { COUNT = 9 };
  const tame_draws draws = {7, ((int64_t)3 << 32) + 5};
  double many[COUNT], two[2];
  (void)state;
  tame_draws_uniforms(&draws, 11, COUNT, many);
  for (uint32_t k = 0; k < COUNT; k++) {
    tame_uniform2(7, TAME_DRAW_SAMPLE, 5, k / 2, 16 * 3 + 11, two);
    assert_true(many[k] == two[k % 2] && tame_draws_uniform(&draws, 11, k) == two[k % 2]);
    assert_true(tame_draws_below(&draws, 11, k, 1000) == (int64_t)(1000 * many[k]));
    assert_true(tame_draws_normal(&draws, 11, k) ==
                tame_normal(7, TAME_DRAW_SAMPLE, 5, k, 16 * 3 + 11));
  }
}

static void counts_are_checked(void **state)
{
  set s;
  (void)state;
  make(&s, "spikes");
  begin(&s);
  assert_int_equal(s.shape.samples, 10);
  s.data.samples = 0;
  refuse(&s, "samples", "found 0, want how many 'spikes' is to make");
  s.data.samples = 3;
  set_real(&s, "rate_hz", 1000);
  begin(&s);
  set_real(&s, "rate_hz", 1001);
  refuse(&s, "from.spikes.rate_hz", "found 1001, want at most 1000");
  set_real(&s, "rate_hz", 1000);
  set_whole(&s, "steps", 1 << 20), set_whole(&s, "inputs", 1025);
  refuse(&s, "from.spikes", "1048576 steps of 1025 inputs");
  drop(&s);
  make(&s, "sines");
  s.data.samples = 0;
  begin(&s);
  assert_int_equal(s.shape.samples, 1);
  s.data.samples = 2;
  refuse(&s, "samples", "found 2, but 'sines' has 1");
  s.data.samples = 1;
  s.data.fresh = true;
  refuse(&s, "fresh", "'sines' has always the same");
  drop(&s);
  make(&s, "file");
  refuse(&s, "from.file.path", "not read yet");
  drop(&s);
  tame_data defaults;
  assert_int_equal(tame_defaults(&tame_data_schema, &defaults), TAME_OK);
  assert_true(defaults.samples == 0 && defaults.seed == 1 && !defaults.fresh);
  tame_schema_release(&tame_data_schema, &defaults);
}

static void read_yaml(const char *text, tame_data *data)
{
  if (tame_yaml_load(&tame_data_schema, data, "a.yaml", text, NULL, 0, NULL) != TAME_OK)
    fail_msg("%s\n%s", tame_message(), text);
}

/* What is echoed reads as the same again: a file with all that may lack, and the defaults of each source. */
static void sets_are_read_and_echoed(void **state)
{
  char text[256] = "name: mine\n"
                   "from: {file: {path: a.h5, x: u, y: \"\", time: \"\", rows: [2, 5]}}\n"
                   "samples: 2\n"
                   "fresh: on\n";
  set s = {0};
  (void)state;
  read_yaml(text, &s.data);
  assert_string_equal(s.data.name, "mine");
  assert_string_equal(*(char **)field(&s, "x"), "u");
  assert_null(*(char **)field(&s, "y"));
  assert_null(*(char **)field(&s, "time"));
  assert_true(s.data.samples == 2 && s.data.fresh && s.data.seed == 1);
  tame_schema_release(&tame_data_schema, &s.data);
  for (const tame_row *const *row = tame_sources.rows;; row++) {
    read_yaml(text, &s.data);
    char *echo = tame_yaml_dump(&tame_data_schema, &s.data);
    tame_schema_release(&tame_data_schema, &s.data);
    read_yaml(echo, &s.data);
    char *again = tame_yaml_dump(&tame_data_schema, &s.data);
    tame_schema_release(&tame_data_schema, &s.data);
    assert_string_equal(echo, again);
    free(echo), free(again);
    if (!*row) break;
    const char *path = strcmp((*row)->name, "file") == 0 ? "path: b.h5" : "";
    snprintf(text, sizeof text, "name: %s\nfrom: {%s: {%s}}\n", (*row)->name, (*row)->name, path);
  }
}

/* ---- each of them ----------------------------------------------------------------------------- */

static void sines(void **state)
{
  static const char *const rounds[] = {"none", "targets", "both"};
  set s;
  (void)state;
  make(&s, "sines");
  s.data.samples = 0;
  assert_int_equal(*(int *)field(&s, "round"), 2);
  for (int r = 0; r < 3; r++) {
    set_choice(&s, "round", rounds[r]);
    begin(&s);
    expect_shape(&s, 48, 2, 48, 1, 0, false);
    draw(&s, 0);
    int singles = 0, single_targets = 0;
    for (int k = 0; k < 48; k++) { /* by the sine of a sum: sin 3a = 3 sin a - 4 sin^3 a, ... */
      const double a = pi * k / 47, sine = 3 * sin(a) - 4 * pow(sin(a), 3),
                   cosine = 4 * pow(cos(a), 3) - 3 * cos(a);
      near(s.x[2 * k], sine, r == 2 ? 6e-8 : 1e-14);
      near(s.x[2 * k + 1], cosine, r == 2 ? 6e-8 : 1e-14);
      near(s.target[k], 2 * sine * cosine, r > 0 ? 6e-8 : 1e-14);
      singles += s.x[2 * k] == (double)(float)s.x[2 * k];
      single_targets += s.target[k] == (double)(float)s.target[k];
    }
    assert_true(r == 2 ? singles == 48 : singles < 10);
    assert_true(r > 0 ? single_targets == 48 : single_targets < 10);
  }
  drop(&s);
}

static void integration(void **state)
{
  enum { SAMPLES = 4000, STEPS = 25 };
  double first = 0, second = 0, steps = 0;
  int64_t beyond = 0;
  set s;
  (void)state;
  make(&s, "integration");
  begin(&s);
  expect_shape(&s, STEPS, 1, STEPS, 1, 0, false);
  for (int id = 0; id < SAMPLES; id++) {
    double sum = 0;
    draw(&s, id);
    for (int t = 0; t < STEPS; t++) {
      sum += s.x[t];
      assert_true(s.target[t] == sum);
    }
    const double mean = sum / STEPS + 0.025;
    first += mean / SAMPLES, second += mean * mean / SAMPLES;
    for (int t = 1; t < STEPS; t++) steps += pow(s.x[t] - s.x[t - 1], 2) / (SAMPLES * (STEPS - 1));
    beyond += fabs(mean) > sqrt(0.0025 + 0.0025 / STEPS);
  }
  const double variance = 0.0025 + 0.0025 / STEPS; /* of a mean: bias, and 25 times noise */
  near(first, 0, 5 * sqrt(variance / SAMPLES));
  near(second, variance, 5 * variance * sqrt(2.0 / SAMPLES));
  near(steps, 2 * 0.0025, 5 * 0.005 * sqrt(3.0 / (SAMPLES * (STEPS - 1)))); /* neighbours overlap */
  share(beyond, SAMPLES, 0.3173105); /* of a normal number beyond one SD */
  draw(&s, 3);
  const double plain = s.target[STEPS - 1];
  *(bool *)field(&s, "times_dt") = true;
  draw(&s, 3);
  near(s.target[STEPS - 1], 0.04 * plain, 1e-16);
  set_real(&s, "noise", 0), set_real(&s, "bias_sd", 0), set_real(&s, "bias_mean", 3);
  draw(&s, 3);
  near(s.target[STEPS - 1], 3, 1e-14);
  drop(&s);
}

static void spikes(void **state)
{
  enum { SAMPLES = 500, CELLS = 100 * 100 };
  const int64_t far = ((int64_t)3 << 32) + 5;
  int64_t ones = 0, labels[3] = {0}, pairs = 0;
  set s;
  (void)state;
  make(&s, "spikes");
  s.data.fresh = true;
  begin(&s);
  expect_shape(&s, 100, 100, 1, 1, 2, false);
  draw(&s, far);
  for (int k = 0; k < CELLS; k++) { /* the counter as tame/base.h has it */
    double u[2];
    tame_uniform2(7, TAME_DRAW_SAMPLE, 5, (uint32_t)k / 2, 16 * 3 + 1, u);
    assert_true(s.x[k] == (u[k % 2] < 10 * 1e-3));
  }
  set_whole(&s, "classes", 3), set_real(&s, "rate_hz", 25), set_real(&s, "dt_ms", 4);
  begin(&s);
  for (int id = 0; id < SAMPLES; id++) {
    draw(&s, id);
    for (int k = 0; k < CELLS; k++) ones += s.x[k] != 0;
    for (int k = 100; k < CELLS; k++) pairs += s.x[k] != 0 && s.x[k - 100] != 0;
    for (int k = 0; k < 3; k++) labels[k] += s.target[0] == k;
  }
  share(ones, (int64_t)SAMPLES * CELLS, 0.1);
  near((double)pairs / (SAMPLES * 9900.0), 0.01, 5 * 0.1 / sqrt(SAMPLES * 9900.0) * 1.1);
  for (int k = 0; k < 3; k++) share(labels[k], SAMPLES, 1.0 / 3);
  assert_int_equal(labels[0] + labels[1] + labels[2], SAMPLES);
  set_whole(&s, "steps", 3), set_whole(&s, "inputs", 3); /* an odd count of numbers */
  set_real(&s, "rate_hz", 250);
  begin(&s);
  draw(&s, 1);
  for (int k = 0; k < 9; k++) assert_true(s.x[k] == 1);
  drop(&s);
}

static void delayed_memory(void **state)
{
  enum { CHANNELS = 4, INPUTS = 5, CUE = 5, GO = 55, STEPS = 60 };
  int64_t chosen[CHANNELS] = {0};
  double mean = 0, square = 0;
  set s, c;
  (void)state;
  make(&s, "delayed_memory"), make(&c, "delayed_memory");
  set_choice(&c, "targets", "class");
  begin(&s), begin(&c);
  expect_shape(&s, STEPS, INPUTS, STEPS, CHANNELS, 0, false);
  expect_shape(&c, STEPS, INPUTS, STEPS, 1, CHANNELS, false);
  for (int id = 0; id < 1000; id++) {
    draw(&s, id), draw(&c, id);
    assert_memory_equal(s.x, c.x, STEPS * INPUTS * sizeof *s.x);
    for (int t = 0; t < STEPS; t++) {
      double ones = 0;
      for (int k = 0; k < CHANNELS; k++) {
        const double cue = s.x[k], *y = &s.target[t * CHANNELS + k];
        ones += cue;
        assert_true((cue == 0 || cue == 1) && s.x[t * INPUTS + k] == (t < CUE ? cue : 0));
        assert_true(t < GO ? isnan(*y) : *y == cue);
        chosen[k] += t == 0 && cue == 1;
      }
      assert_true(ones == 1 && s.x[t * INPUTS + CHANNELS] == (t >= GO));
      assert_true(t < GO ? isnan(c.target[t]) : s.x[(int)c.target[t]] == 1);
    }
  }
  for (int k = 0; k < CHANNELS; k++) share(chosen[k], 1000, 0.25);
  set_choice(&c, "elsewhere", "zero");
  refuse(&c, "from.delayed_memory.elsewhere", "a class of its own");
  set_choice(&c, "cue", "real");
  refuse(&c, "from.delayed_memory.targets", "a real cue has none");
  set_choice(&s, "elsewhere", "zero"), set_choice(&s, "cue", "real");
  for (int id = 0; id < 1000; id++) {
    draw(&s, id);
    for (int k = 0; k < CHANNELS; k++) {
      mean += s.x[k] / 4000, square += s.x[k] * s.x[k] / 4000;
      assert_true(fabs(s.x[k]) < 1 && s.x[(CUE - 1) * INPUTS + k] == s.x[k]);
      assert_true(s.target[(GO - 1) * CHANNELS + k] == 0 && s.target[GO * CHANNELS + k] == s.x[k]);
    }
  }
  near(mean, 0, 5 * sqrt(1.0 / 3 / 4000));
  near(square, 1.0 / 3, 5 * sqrt((1.0 / 5 - 1.0 / 9) / 4000)); /* of U(-1, 1) */
  drop(&s), drop(&c);
}

static void addition(void **state)
{
  enum { SAMPLES = 5000, STEPS = 7 };
  double error = 0;
  int64_t at[STEPS] = {0};
  set s;
  (void)state;
  make(&s, "addition");
  begin(&s);
  expect_shape(&s, 100, 2, 100, 1, 0, false);
  set_whole(&s, "steps", STEPS);
  begin(&s);
  for (int id = 0; id < SAMPLES; id++) {
    double sum = 0;
    int early = 0, late = 0;
    draw(&s, id);
    for (int t = 0; t < STEPS; t++) {
      const double value = s.x[2 * t], marker = s.x[2 * t + 1];
      assert_true(value > 0 && value < 1 && (marker == 0 || marker == 1));
      assert_true(t == STEPS - 1 || isnan(s.target[t]));
      sum += value * marker;
      at[t] += marker == 1;
      *(t < 3 ? &early : &late) += marker == 1;
    }
    assert_true(early == 1 && late == 1);
    near(s.target[STEPS - 1], sum, 1e-15);
    error += pow(s.target[STEPS - 1] - 1, 2) / SAMPLES;
  }
  near(error, 1.0 / 6, 5 * sqrt(7.0 / 180 / SAMPLES)); /* E d^4 = 1/15, for a triangle on (-1, 1) */
  for (int t = 0; t < STEPS; t++) share(at[t], SAMPLES, t < 3 ? 1.0 / 3 : 1.0 / 4);
  drop(&s);
}

static void flip_flop(void **state)
{
  enum { SAMPLES = 500, STEPS = 64, BITS = 3 };
  int64_t pulses = 0, ups = 0;
  set s;
  (void)state;
  make(&s, "flip_flop");
  begin(&s);
  expect_shape(&s, STEPS, BITS, STEPS, BITS, 0, false);
  for (int id = 0; id < SAMPLES; id++) {
    draw(&s, id);
    for (int b = 0; b < BITS; b++) {
      double held = 0;
      for (int t = 0; t < STEPS; t++) {
        const double u = s.x[t * BITS + b];
        assert_true(u == 0 || u == 1 || u == -1);
        if (u != 0) held = u;
        assert_true(held != 0 && s.target[t * BITS + b] == held);
        pulses += t > 0 && u != 0, ups += t > 0 && u == 1;
      }
    }
  }
  share(pulses, (int64_t)SAMPLES * (STEPS - 1) * BITS, 0.2);
  share(ups, pulses, 0.5);
  drop(&s);
}

static void go_nogo(void **state)
{
  enum { SAMPLES = 1000, STEPS = 5 + 10 + 10 + 10 };
  int64_t gos = 0;
  set s;
  (void)state;
  make(&s, "go_nogo");
  begin(&s);
  expect_shape(&s, 15, 3, 15, 1, 2, false);
  set_real(&s, "dt_ms", 50), set_real(&s, "fixation_ms", 250), set_real(&s, "probability", 0.3);
  begin(&s);
  expect_shape(&s, STEPS, 3, STEPS, 1, 2, false);
  for (int id = 0; id < SAMPLES; id++) {
    draw(&s, id);
    const bool go = s.x[5 * 3 + 2] == 1;
    for (int t = 0; t < STEPS; t++) {
      const bool shown = t >= 5 && t < 15, window = t >= 25;
      assert_true(s.x[3 * t] == !window && s.x[3 * t + 1] == (shown && !go));
      assert_true(s.x[3 * t + 2] == (shown && go) && s.target[t] == (window && go));
    }
    gos += go;
  }
  share(gos, SAMPLES, 0.3);
  set_choice(&s, "elsewhere", "none"), set_choice(&s, "targets", "value");
  begin(&s);
  expect_shape(&s, STEPS, 3, STEPS, 1, 0, false);
  draw(&s, 0);
  for (int t = 0; t < STEPS; t++) assert_true(isnan(s.target[t]) == (t < 25));
  set_real(&s, "response_ms", 20);
  refuse(&s, "from.go_nogo.response_ms", "found 20 ms, which is not a single step of dt_ms = 50");
  drop(&s);
}

static void decision(void **state)
{
  enum { SAMPLES = 2000, FROM = 5, TO = 105, STEPS = 112 };
  const double levels[] = {0, 40}, sd = 1 / sqrt(20);
  int64_t right = 0, strong = 0;
  double sum = 0, square = 0;
  set s;
  (void)state;
  make(&s, "decision");
  begin(&s);
  expect_shape(&s, 22, 3, 22, 1, 2, false);
  tame_reals *coherences = field(&s, "coherences");
  assert_int_equal(coherences->count, 5);
  assert_true(coherences->at[4] == 51.2);
  memcpy(coherences->at, levels, sizeof levels), coherences->count = 2;
  set_real(&s, "dt_ms", 20), set_real(&s, "delay_ms", 40);
  begin(&s);
  expect_shape(&s, STEPS, 3, STEPS, 1, 2, false);
  for (int id = 0; id < SAMPLES; id++) {
    draw(&s, id);
    const int choice = (int)s.target[STEPS - 1];
    double difference = 0;
    for (int t = 0; t < STEPS; t++) {
      const double *x = s.x + 3 * t;
      const bool shown = t >= FROM && t < TO;
      assert_true(x[0] == (t < TO + 2) && (shown || (x[1] == 0 && x[2] == 0)));
      assert_true(t < TO + 2 ? isnan(s.target[t]) : s.target[t] == choice);
      if (!shown) continue;
      difference += x[1 + choice] - x[2 - choice];
      sum += (x[1] + x[2] - 1) / (SAMPLES * (TO - FROM));
      square += pow(x[1] + x[2] - 1, 2) / (SAMPLES * (TO - FROM));
    }
    right += choice;
    /* Of 100 steps the mean difference is 0 or 0.4, its SD 0.032: 0.2 is six of them from both. */
    strong += difference / (TO - FROM) > 0.2;
    assert_true(fabs(difference / (TO - FROM)) < 0.2 || fabs(difference / (TO - FROM) - 0.4) < 0.2);
  }
  share(right, SAMPLES, 0.5), share(strong, SAMPLES, 0.5);
  near(sum, 0, 5 * sqrt(2) * sd / sqrt(SAMPLES * (TO - FROM)));
  near(square, 2 * sd * sd, 5 * 2 * sd * sd * sqrt(2.0 / (SAMPLES * (TO - FROM))));
  draw(&s, 4);
  const double choice = s.target[STEPS - 1];
  set_choice(&s, "targets", "end");
  begin(&s);
  expect_shape(&s, STEPS, 3, 1, 1, 2, false);
  draw(&s, 4);
  assert_true(s.target[0] == choice);
  coherences->count = 0;
  refuse(&s, "from.decision.coherences", "found none");
  coherences->count = 2;
  set_real(&s, "stimulus_ms", 0);
  refuse(&s, "from.decision.stimulus_ms", "not a single step");
  drop(&s);
}

static void irregular(void **state)
{
  enum { SAMPLES = 1000, STEPS = 32 };
  double mean = 0;
  int64_t longer = 0, up = 0;
  set s;
  (void)state;
  make(&s, "irregular");
  set_real(&s, "mean_gap", 2), set_real(&s, "decay", 50);
  begin(&s);
  expect_shape(&s, STEPS, 1, STEPS, 1, 0, true);
  for (int id = 0; id < SAMPLES; id++) {
    double time = 0;
    draw(&s, id);
    assert_true(isnan(s.target[0]));
    for (int k = 0; k < STEPS; k++) {
      assert_true(s.elapsed[k] > 0);
      mean += s.elapsed[k] / (SAMPLES * STEPS), longer += s.elapsed[k] > 2;
      time += s.elapsed[k];
      if (k == 0) continue;
      const double *y = s.target + k, turn = 2 * pi * 0.1 * s.elapsed[k];
      near(hypot(s.x[k], *y), exp(-time / 50), 1e-13); /* on a circle that shrinks, */
      near(s.x[k - 1] * exp(-s.elapsed[k] / 50), s.x[k] * cos(turn) - *y * sin(turn), 1e-13);
    } /* turned by what the time between says */
    up += s.x[0] > 0;
  }
  near(mean, 2, 5 * 2 / sqrt(SAMPLES * STEPS));
  share(longer, (int64_t)SAMPLES * STEPS, exp(-1));
  share(up, SAMPLES, 0.5);
  const double x = s.x[STEPS - 1];
  tame_data_draw(&s.data, SAMPLES - 1, s.x, s.target, NULL);
  assert_true(s.x[STEPS - 1] == x);
  drop(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(samples_depend_on_seed_and_id_alone),
      cmocka_unit_test(numbers_are_those_of_the_counter),
      cmocka_unit_test(counts_are_checked),
      cmocka_unit_test(sets_are_read_and_echoed),
      cmocka_unit_test(sines),
      cmocka_unit_test(integration),
      cmocka_unit_test(spikes),
      cmocka_unit_test(delayed_memory),
      cmocka_unit_test(addition),
      cmocka_unit_test(flip_flop),
      cmocka_unit_test(go_nogo),
      cmocka_unit_test(decision),
      cmocka_unit_test(irregular),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
