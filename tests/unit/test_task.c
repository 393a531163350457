/* Signals: their values, files of every kind, and what is refused. */
/* timeout: 60 */
#include "support.h"

#include "task/tables.h"

#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEPS = 100, CHANNELS = 3 };
static double values[STEPS][CHANNELS];
static const tame_samples out = {&values[0][0], STEPS, CHANNELS};

static tame_variant make(const char *row)
{
  tame_variant signal = {0};
  assert_int_equal(tame_variant_set(&signal, &tame_signals, row), TAME_OK);
  return signal;
}

static tame_list list_of(tame_variant *signal)
{
  return (tame_list){signal, 1, NULL};
}

static void *field(const tame_variant *signal, const char *name)
{
  for (const tame_field *f = signal->row->params.fields; f->name; f++)
    if (strcmp(f->name, name) == 0) return (char *)signal->params + f->offset;
  fail_msg("no field %s", name);
  return NULL;
}

static void set(tame_variant *signal, const char *name, double value)
{
  *(double *)field(signal, name) = value;
}

static void set_whole(tame_variant *signal, const char *name, int64_t value)
{
  *(int64_t *)field(signal, name) = value;
}

static void set_channel(tame_variant *signal, int64_t channel)
{
  set_whole(signal, "channel", channel);
}

static void set_list(tame_variant *signal, const char *name, int count, const double *numbers)
{
  tame_reals *reals = field(signal, name);
  free(reals->at);
  reals->at = malloc((size_t)count * sizeof *numbers);
  memcpy(reals->at, numbers, (size_t)count * sizeof *numbers);
  reals->count = count;
}

static void release(tame_variant *signal)
{
  tame_list list = list_of(signal);
  tame_signals_unload(&list);
  tame_schema_release(&signal->row->params, signal->params);
  free(signal->params);
}

static tame_status check(tame_variant *signal, const char **key)
{
  tame_list list = list_of(signal);
  tame_signal_fault fault = {-1, ""};
  const tame_status status = tame_signals_check(&list, 2, &out, &fault);
  if (status != TAME_OK) assert_int_equal(fault.index, 0);
  *key = fault.key;
  return status;
}

/* Sample at dt = 2 ms, which all tests here use; the trial is 200 ms. */
static void sample(tame_variant *signal)
{
  const char *key;
  tame_list list = list_of(signal);
  if (check(signal, &key) != TAME_OK) fail_msg("%s: %s", key, tame_message());
  memset(values, 0, sizeof values);
  tame_signals_sample(&list, 2, &out);
}

static void refuse(tame_variant *signal, const char *key, const char *words)
{
  const char *found;
  assert_int_equal(check(signal, &found), TAME_ERR_INPUT);
  assert_string_equal(found, key);
  if (!strstr(tame_message(), words)) fail_msg("'%s' lacks '%s'", tame_message(), words);
}

static void pulse(void **state)
{
  (void)state;
  tame_variant s = make("pulse");
  set(&s, "start_ms", 20), set(&s, "duration_ms", 6), set(&s, "amplitude", -2), set_channel(&s, 1);
  sample(&s);
  for (int t = 0; t < STEPS; t++)
    for (int c = 0; c < CHANNELS; c++)
      assert_true(values[t][c] == (c == 1 && t >= 10 && t < 13 ? -2 : 0));
  set(&s, "start_ms", 195);
  refuse(&s, "start_ms", "195 to 201 ms");
  set(&s, "start_ms", 194);
  sample(&s);
  set_channel(&s, 3);
  refuse(&s, "channel", "found channel 3, want 0 to 2");
  release(&s);
}

static void peak(void **state)
{
  (void)state;
  tame_variant s = make("peak");
  set(&s, "time_ms", 100), set(&s, "width_ms", 30), set(&s, "amplitude", 0.8);
  set(&s, "baseline", 0.2), set_channel(&s, 2);
  sample(&s);
  for (int t = 0; t < STEPS; t++)
    assert_true(fabs(values[t][2] - 0.2 - 0.8 * exp(-pow((2.0 * t - 100) / 30, 2))) < 1e-15);
  assert_true(values[50][2] == 1 && values[50][0] == 0);
  set(&s, "time_ms", 201);
  refuse(&s, "time_ms", "201");
  release(&s);
}

static void sines(void **state)
{
  (void)state;
  tame_variant s = make("sines");
  set_list(&s, "amplitudes", 2, (double[]){1, 0.5});
  set_list(&s, "frequencies_hz", 2, (double[]){5, 20});
  set_list(&s, "phases_rad", 2, (double[]){0.1, 0});
  set(&s, "start_ms", 10), set(&s, "duration_ms", 100);
  sample(&s);
  for (int t = 0; t < STEPS; t++) {
    const double at = (2.0 * t - 10) / 1000, turn = 2 * acos(-1) * at;
    const double want = t < 5 || t >= 55 ? 0 : sin(5 * turn + 0.1) + 0.5 * sin(20 * turn);
    assert_true(fabs(values[t][0] - want) < 1e-14);
  }
  set(&s, "duration_ms", NAN); /* not given: to the end */
  sample(&s);
  assert_true(values[99][0] != 0);
  set_list(&s, "phases_rad", 1, (double[]){0.1});
  refuse(&s, "phases_rad", "found 1 numbers, want 2");
  set_list(&s, "frequencies_hz", 3, (double[]){1, 2, 3});
  refuse(&s, "frequencies_hz", "found 3 numbers, want 2");
  release(&s);
}

static void pen(void **state)
{
  (void)state;
  tame_variant s = make("pen");
  const double points[] = {0, 0, 1, 0, 1, 1, 3, 1};
  set_list(&s, "points", 8, points);
  set(&s, "start_ms", 20), set(&s, "duration_ms", 120), set_channel(&s, 1);
  sample(&s);
  assert_true(values[9][1] == 0 && values[70][1] == 0); /* before and after */
  assert_true(fabs(values[10][1]) < 1e-15 && fabs(values[10][2]) < 1e-15);
  assert_true(fabs(values[69][1] - 3) < 1e-12 && fabs(values[69][2] - 1) < 1e-12);
  double nearest[2] = {9, 9};
  for (int t = 11; t < 70; t++) { /* through the points, never in a jump, at rest at the ends */
    const double step = hypot(values[t][1] - values[t - 1][1], values[t][2] - values[t - 1][2]);
    assert_true(step < 0.2);
    if (t == 11 || t == 69) assert_true(step < 1e-3);
    for (int k = 0; k < 2; k++)
      nearest[k] = fmin(nearest[k],
                        hypot(values[t][1] - points[2 + 2 * k], values[t][2] - points[3 + 2 * k]));
  }
  assert_true(nearest[0] < 0.06 && nearest[1] < 0.06);
  set_channel(&s, 2);
  refuse(&s, "channel", "found channel 3");
  set_channel(&s, 0);
  set_list(&s, "points", 4, (double[]){1, 2, 1, 2});
  refuse(&s, "points", "points 0 and 1 are the same");
  set_list(&s, "points", 5, points);
  refuse(&s, "points", "found 5 numbers");
  release(&s);
}

/* ---- endless series --------------------------------------------------------------------------- */

/* Sample a series of `channels` anew, with its shift set to -7 and to 40, and cut short: the same numbers at
 * other places, none before its start, none past the end. */
static void check_shifts(tame_variant *s, int channels)
{
  static double whole[STEPS][CHANNELS], part[STEPS][CHANNELS];
  const tame_list list = list_of(s);
  set_whole(s, "shift", 0);
  sample(s);
  memcpy(whole, values, sizeof whole);
  set_whole(s, "shift", -7);
  sample(s);
  for (int t = 0; t < STEPS; t++)
    for (int c = 0; c < channels; c++) assert_true(values[t][c] == (t < 7 ? 0 : whole[t - 7][c]));
  set_whole(s, "shift", 40);
  sample(s);
  for (int t = 0; t < STEPS - 40; t++)
    for (int c = 0; c < channels; c++) assert_true(values[t][c] == whole[t + 40][c]);
  assert_true(values[STEPS - 1][0] != 0); /* beyond the trial, and there all the same */
  set_whole(s, "shift", 0);
  memset(part, 0, sizeof part);
  tame_signals_sample(&list, 5, &(tame_samples){&part[0][0], 60, CHANNELS}); /* dt is no matter */
  assert_memory_equal(part, whole, 60 * sizeof part[0]);
  for (int c = 0; c < CHANNELS; c++) assert_true(part[60][c] == 0);
}

/* numerics of the reference program, printed with 12 digits */
static void lorenz(void **state)
{
  (void)state;
  static const struct {
    int t;
    double x[3];
  } golden[] = {{0, {7.434660869062, 3.053391460147, 1.128101849541}},
                {1, {7.110670004318, 4.953998706802, 1.385513899844}},
                {9, {10.323438246175, 19.163856943173, 8.523539982931}},
                {99, {-7.537149330197, -6.433106740660, 27.330282596494}}};
  tame_variant s = make("lorenz");
  sample(&s);
  for (size_t k = 0; k < sizeof golden / sizeof *golden; k++)
    for (int c = 0; c < 3; c++)
      assert_true(fabs(values[golden[k].t][c] - golden[k].x[c]) < 0.501e-12);
  check_shifts(&s, 3);
  set(&s, "scale", 0.5), set(&s, "offset", -1);
  sample(&s);
  assert_true(fabs(values[99][2] - (0.5 * 27.330282596494 - 1)) < 1e-12);
  set(&s, "rho", 0), set(&s, "sigma", 0), set(&s, "step", 0.1); /* x rests, y and z decay */
  set_list(&s, "start", 3, (double[]){0, 1, 1}), set(&s, "scale", 1), set(&s, "offset", 0);
  sample(&s);
  for (int t = 0; t < STEPS; t++) {
    assert_true(values[t][0] == 0 && fabs(values[t][1] - exp(-0.1 * (t + 1))) < 1e-6);
    assert_true(fabs(values[t][2] - exp(-0.8 / 3 * (t + 1))) < 2e-5);
  }
  set(&s, "step", 8);
  refuse(&s, "step", "is not finite from sample");
  set_list(&s, "start", 2, (double[]){1, 2});
  refuse(&s, "start", "found 2 numbers, want x, y and z");
  set_channel(&s, 1);
  refuse(&s, "channel", "found 1, which needs channels 1 to 3; there are 3");
  release(&s);
}

/* x(t) up to 2 tau in closed form: production is constant up to tau, and up to 2 tau a function of t alone, whose
 * integral Simpson's rule gives. */
static double mackey_glass_at(double t)
{
  const double level = 0.2 * 1.2 / (1 + pow(1.2, 10)) / 0.1;
  if (t <= 17) return level + (1.2 - level) * exp(-0.1 * t);
  const int n = 2000;
  const double h = (t - 17) / n;
  double sum = 0;
  for (int k = 0; k <= n; k++) {
    const double before = mackey_glass_at(k * h);
    const double f = 0.2 * before / (1 + pow(before, 10)) * exp(-0.1 * (t - 17 - k * h));
    sum += (k == 0 || k == n ? 1 : k % 2 ? 4 : 2) * f;
  }
  return mackey_glass_at(17) * exp(-0.1 * (t - 17)) + sum * h / 3;
}

static void mackey_glass(void **state)
{
  (void)state;
  double end[3];
  tame_variant s = make("mackey_glass");
  set_whole(&s, "transient", 0);
  sample(&s);
  for (int t = 0; t <= 34; t++) assert_true(fabs(values[t][0] - mackey_glass_at(t)) < 1e-8);
  for (int k = 0; k < 3; k++) { /* half the step, a sixteenth of the error */
    set_whole(&s, "substeps", 5 << k);
    sample(&s);
    end[k] = values[99][0];
  }
  const double ratio = (end[0] - end[1]) / (end[1] - end[2]);
  if (!(ratio > 12 && ratio < 20)) fail_msg("not of fourth order: %g", ratio);
  set_whole(&s, "substeps", 10), set_whole(&s, "transient", 30);
  sample(&s);
  for (int t = 0; t <= 4; t++) assert_true(fabs(values[t][0] - mackey_glass_at(30 + t)) < 1e-8);
  check_shifts(&s, 1);
  set(&s, "scale", 2), set(&s, "offset", -1), set_channel(&s, 2);
  sample(&s);
  assert_true(fabs(values[0][2] - (2 * mackey_glass_at(30) - 1)) < 2e-8 && values[0][0] == 0);
  set(&s, "start", 1); /* where it would rest for ever */
  sample(&s);
  for (int t = 0; t < STEPS; t++) assert_true(fabs(values[t][2] - 1) < 1e-14);
  set(&s, "tau", 17.05);
  refuse(&s, "tau", "found 17.05, 170.5 substeps of 1/10, want a whole number");
  set(&s, "tau", 8000);
  refuse(&s, "tau", "from 1 to 8192");
  set(&s, "tau", 17), set(&s, "gamma", -100);
  refuse(&s, "substeps", "is not finite at time");
  set_channel(&s, 3);
  refuse(&s, "channel", "found channel 3, want 0 to 2");
  release(&s);
}

static void random_numbers(void **state)
{
  (void)state;
  tame_variant s = make("random");
  set_whole(&s, "seed", 5), set_whole(&s, "series", 2);
  set(&s, "low", 2), set(&s, "high", 6);
  sample(&s);
  for (uint32_t t = 0; t < STEPS; t++)
    assert_true(values[t][0] == 2 + 4 * tame_uniform(5, TAME_DRAW_SIGNAL, 2, t, 0));
  set_whole(&s, "hold", 3);
  sample(&s);
  for (uint32_t t = 0; t < STEPS; t++)
    assert_true(values[t][0] == 2 + 4 * tame_uniform(5, TAME_DRAW_SIGNAL, 2, t / 3, 0));
  check_shifts(&s, 1);
  set_whole(&s, "delays", 3); /* by 1, 2 and 3 numbers, which are 3, 6 and 9 steps */
  sample(&s);
  for (int t = 0; t < STEPS; t++)
    for (int d = 1; d <= 3; d++) {
      const uint32_t k = (uint32_t)(t / 3 - d);
      const double want = t < 3 * d ? 0 : 2 + 4 * tame_uniform(5, TAME_DRAW_SIGNAL, 2, k, 0);
      assert_true(values[t][d - 1] == want);
    }
  /* the same, of a trial of 7 steps that begins after 10 */
  set(&s, "start_ms", 20), set(&s, "duration_ms", 14);
  sample(&s);
  for (int t = 0; t < STEPS; t++)
    for (int d = 1; d <= 3; d++) {
      const bool there = t >= 10 + 3 * d && t < 17;
      const double u = tame_uniform(5, TAME_DRAW_SIGNAL, 2, (uint32_t)((t - 10) / 3 - d), 0);
      assert_true(values[t][d - 1] == (there ? 2 + 4 * u : 0));
    }
  set(&s, "duration_ms", 182);
  refuse(&s, "start_ms", "found 20 to 202 ms, want it inside the trial, 0 to 200 ms");
  set(&s, "start_ms", 0), set(&s, "duration_ms", NAN);
  set_channel(&s, 1);
  refuse(&s, "channel", "found 1, which needs channels 1 to 3; there are 3");
  set_channel(&s, 0), set(&s, "low", 6);
  refuse(&s, "high", "found low = 6 and high = 6, want low < high");
  *(int *)field(&s, "distribution") = 1;
  refuse(&s, "low", "found 6, but the other distribution is chosen");
  set(&s, "low", NAN), set(&s, "high", NAN), set(&s, "mean", 3), set(&s, "sd", 0.5);
  set_whole(&s, "delays", 0), set_whole(&s, "hold", 1);
  sample(&s);
  for (uint32_t t = 0; t < STEPS; t++)
    assert_true(values[t][0] == 3 + 0.5 * tame_normal(5, TAME_DRAW_SIGNAL, 2, t, 0));
  release(&s);
}

/* A bump over a ring of channels stands, turns either way, and is rolled by whole channels as it was published. */
static void cosine(void **state)
{
  (void)state;
  tame_variant s = make("cosine");
  set(&s, "constant", 2), set(&s, "amplitude", 0.5), set(&s, "position", 1);
  sample(&s);
  for (int t = 0; t < STEPS; t++)
    for (int k = 0; k < 3; k++)
      assert_true(fabs(values[t][k] - (2 + 0.5 * cos(2 * acos(-1) * (k - 1) / 3))) < 1e-14);
  set(&s, "channels_per_ms", -0.15), set(&s, "start_ms", 40), set(&s, "duration_ms", 60);
  sample(&s);
  for (int t = 0; t < STEPS; t++)
    for (int k = 0; k < 3; k++) {
      const double want = 2 + 0.5 * cos(2 * acos(-1) * (k - 1 + 0.3 * (t - 20)) / 3);
      assert_true(fabs(values[t][k] - (t >= 20 && t < 50 ? want : 0)) < 1e-13);
    }
  *(int *)field(&s, "angles") = 1;
  set(&s, "channels_per_ms", 0.175), set(&s, "position", 0);
  sample(&s);
  for (int t = 20; t < 50; t++)
    for (int k = 0; k < 3; k++) {
      const int from = (k + 300 - (int)floor(0.35 * (t - 20) + 0.5)) % 3; /* theta = 0, pi, 2 pi */
      assert_true(fabs(values[t][k] - (2 + (from == 1 ? -0.5 : 0.5))) < 1e-14);
    }
  set_channel(&s, 1), set_whole(&s, "channels", 2);
  sample(&s);
  assert_true(values[20][0] == 0 && values[20][1] == 2.5 && values[20][2] == 2.5);
  set_whole(&s, "channels", 3);
  refuse(&s, "channels", "found 3 from channel 1 on, want at most 2: there are 3 channels");
  set_whole(&s, "channels", 0), set_channel(&s, 2);
  refuse(&s, "channels", "a ring of one channel; want two at least");
  set_channel(&s, 3);
  refuse(&s, "channel", "found channel 3, want 0 to 2");
  set_channel(&s, 0), set(&s, "duration_ms", 162);
  refuse(&s, "start_ms", "found 40 to 202 ms, want it inside the trial, 0 to 200 ms");
  release(&s);
}

/* The recursion as it is written, with all of its past at hand. */
static void narma_by_hand(int n, const double *c, bool squash, const double *u, double *y)
{
  for (int k = 0; k < STEPS; k++) {
    double sum = 0;
    for (int i = 0; i < n && i < k; i++) sum += y[k - 1 - i];
    const double now = k ? y[k - 1] : 0, then = k - n + 1 < 0 ? 0 : u[k - n + 1];
    const double x = c[0] * now + c[1] * now * sum + c[2] * then * u[k] + c[3];
    y[k] = squash ? tanh(x) : x;
  }
}

static void narma(void **state)
{
  (void)state;
  static const double usual[] = {0.3, 0.05, 1.5, 0.1}, other[] = {0.3, 0.05, 1.5, 0.01};
  double u[STEPS], y[STEPS];
  tame_variant s = make("narma"), drive = make("random");
  set(&drive, "low", 0), set(&drive, "high", 0.5);
  sample(&drive);
  for (int t = 0; t < STEPS; t++) u[t] = values[t][0];
  for (int n = 1; n <= 30; n += 3 + (n == 1) * 6) { /* 1, 10, 13, ... */
    const double *c = n > 10 ? other : usual;
    set_whole(&s, "order", n), set_list(&s, "coefficients", 4, c);
    *(bool *)field(&s, "tanh") = n > 10;
    narma_by_hand(n, c, n > 10, u, y);
    sample(&s);
    for (int t = 0; t < STEPS; t++) assert_true(fabs(values[t][0] - y[t]) < 1e-14);
  }
  check_shifts(&s, 1);
  set_whole(&s, "hold", 4);
  sample(&s);
  for (int t = 0; t < STEPS; t++) assert_true(fabs(values[t][0] - y[t / 4]) < 1e-14);
  set_whole(&s, "hold", 1), set(&s, "high", 2), set_list(&s, "coefficients", 4, usual);
  sample(&s); /* bounded by tanh */
  *(bool *)field(&s, "tanh") = false;
  refuse(&s, "order", "with which y diverges at number");
  set(&s, "low", 2);
  refuse(&s, "high", "found low = 2 and high = 2");
  set_list(&s, "coefficients", 3, usual);
  refuse(&s, "coefficients", "found 3 numbers, want a, b, c and d");
  set_channel(&s, -1);
  refuse(&s, "channel", "found channel -1");
  release(&s), release(&drive);
}

/* ---- files ---------------------------------------------------------------------------------- */

static void write_text(const char *path, const char *text)
{
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void write_hdf5(const char *path, const char *set_name, int axes, const hsize_t *shape,
                       hid_t type, const void *data)
{
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(axes, shape, NULL);
  const hid_t set_id = H5Dcreate2(file, set_name, type, space, H5P_DEFAULT, H5P_DEFAULT,
                                  H5P_DEFAULT);
  assert_true(H5Dwrite(set_id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
  H5Dclose(set_id), H5Sclose(space), H5Fclose(file);
}

static void set_text(tame_variant *signal, const char *name, const char *text)
{
  char **at = field(signal, name);
  free(*at);
  *at = text ? strdup(text) : NULL;
}

static tame_status load(tame_variant *signal, const char **key)
{
  tame_list list = list_of(signal);
  const tame_signal_source source = {.folder = "."};
  tame_signal_fault fault;
  tame_signals_unload(&list);
  const tame_status status = tame_signals_load(&list, &source, MPI_COMM_WORLD, &fault);
  *key = fault.key;
  return status;
}

static void accept_file(tame_variant *signal)
{
  const char *key;
  if (load(signal, &key) != TAME_OK) fail_msg("%s", tame_message());
}

static void refuse_file(tame_variant *signal, const char *key, const char *words)
{
  const char *found;
  assert_true(load(signal, &found) != TAME_OK);
  assert_string_equal(found, key);
  if (!strstr(tame_message(), words)) fail_msg("'%s' lacks '%s'", tame_message(), words);
}

static void csv(void **state)
{
  (void)state;
  tame_variant s = make("file");
  set_text(&s, "path", "a.csv");
  write_text("a.csv", "x, y\r\n1, 2\r\n\r\n# a comment\n3\t4\n 5 6 # done\n1e-3\t-7");
  accept_file(&s);
  set(&s, "start_ms", 4), set(&s, "scale", 10), set_channel(&s, 1);
  sample(&s);
  const double want[4][2] = {{10, 20}, {30, 40}, {50, 60}, {0.01, -70}};
  for (int t = 0; t < STEPS; t++)
    for (int c = 0; c < 2; c++)
      assert_true(values[t][1 + c] == (t >= 2 && t < 6 ? want[t - 2][c] : 0));
  set(&s, "sample_ms", 8); /* four steps a row */
  sample(&s);
  assert_true(values[2][1] == 10 && values[3][1] == 15 && values[6][1] == 30 && values[5][2] == 35);
  assert_true(values[14][2] == -70 && values[15][2] == 0);
  set(&s, "sample_ms", 80);
  refuse(&s, "path", "[4][2]");
  set(&s, "sample_ms", NAN), set_channel(&s, 2);
  refuse(&s, "path", "needs 4 channels; there are 3");
  write_text("a.csv", "1 2\n3\n");
  refuse_file(&s, "path", "a.csv:2: found 1 columns, want 2");
  write_text("a.csv", "1,2\n3,4x\n");
  refuse_file(&s, "path", "a.csv:2: found '4x', want a number");
  write_text("a.csv", "x,y\nz,y\n");
  refuse_file(&s, "path", "a.csv:2: found 'z'");
  write_text("a.csv", "1,2\n3,nan\n");
  refuse_file(&s, "path", "a.csv:2: found nan in column 1");
  write_text("a.csv", "1.0,2.0x\n3,4\n"); /* not a header */
  refuse_file(&s, "path", "a.csv:1: found '2.0x'");
  write_text("a.csv", "0,5;0,6\n");
  refuse_file(&s, "path", "a.csv:1: found commas and semicolons");
  write_text("a.csv", "1,2,3\n3,,4\n");
  refuse_file(&s, "path", "a.csv:2: found an empty cell");
  write_text("a.csv", "1,2\n,4\n");
  refuse_file(&s, "path", "a.csv:2: found an empty cell");
  write_text("a.csv", "# nothing\n\n");
  refuse_file(&s, "path", "holds no numbers");
  set_text(&s, "path", "no-such.csv");
  refuse_file(&s, "path", "No such file");
  set_text(&s, "path", "a.csv"), set_text(&s, "dataset", "x");
  refuse_file(&s, "dataset", "not an HDF5 file");
  release(&s);
}

static void csv_of_many_rows(void **state)
{
  (void)state;
  tame_variant s = make("file");
  FILE *file = fopen("long.csv", "w");
  for (int t = 0; t < 5000; t++) fprintf(file, "%d\n", t);
  fclose(file);
  set_text(&s, "path", "long.csv");
  accept_file(&s);
  const tame_samples *data = tame_signal_data(&s);
  assert_true(data->steps == 5000 && data->channels == 1 && data->at[4999] == 4999);
  release(&s);
}

static void hdf5(void **state)
{
  (void)state;
  tame_variant s = make("file");
  const float flat[] = {1, 2, 3};
  const int whole[] = {1, 2, 3, 4, 5, 6};
  const double bad[] = {1, INFINITY};
  set_text(&s, "path", "a.h5"), set_text(&s, "dataset", "x");
  write_hdf5("a.h5", "x", 1, (hsize_t[]){3}, H5T_NATIVE_FLOAT, flat);
  accept_file(&s);
  sample(&s);
  assert_true(values[0][0] == 1 && values[2][0] == 3 && values[3][0] == 0 && values[0][1] == 0);
  write_hdf5("a.h5", "x", 2, (hsize_t[]){2, 3}, H5T_NATIVE_INT, whole);
  accept_file(&s);
  sample(&s);
  assert_true(values[1][0] == 4 && values[1][2] == 6);
  write_hdf5("a.h5", "x", 3, (hsize_t[]){1, 2, 3}, H5T_NATIVE_INT, whole);
  accept_file(&s);
  write_hdf5("a.h5", "x", 3, (hsize_t[]){3, 1, 2}, H5T_NATIVE_INT, whole);
  refuse_file(&s, "dataset", "3 axes");
  write_hdf5("a.h5", "x", 1, (hsize_t[]){2}, H5T_NATIVE_DOUBLE, bad);
  refuse_file(&s, "dataset", "found inf at [1][0]");
  write_hdf5("a.h5", "y", 1, (hsize_t[]){2}, H5T_NATIVE_DOUBLE, bad);
  refuse_file(&s, "dataset", "no dataset 'x'");
  set_text(&s, "dataset", NULL);
  refuse_file(&s, "dataset", "name the dataset");
  assert_int_equal(truncate("a.h5", 600), 0);
  set_text(&s, "dataset", "y");
  refuse_file(&s, "dataset", "cannot read");
  release(&s);
}

static int group(void)
{
  char folder[] = "/tmp/tame-task-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder) != 0) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pulse),        cmocka_unit_test(peak),
      cmocka_unit_test(sines),        cmocka_unit_test(pen),
      cmocka_unit_test(csv),          cmocka_unit_test(csv_of_many_rows),
      cmocka_unit_test(hdf5),         cmocka_unit_test(lorenz),
      cmocka_unit_test(mackey_glass), cmocka_unit_test(random_numbers),
      cmocka_unit_test(cosine),       cmocka_unit_test(narma),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  remove("a.csv"), remove("a.h5"), remove("long.csv");
  return rmdir(folder) == 0 ? failed : 1;
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
