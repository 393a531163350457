/* ranks: 1 2 3 */
/* Bidirectional layers: against PyTorch's own (tests/golden/bidirectional.py), and against their
 * definition, cells that are alone and hear the sequence flipped; what cannot be had is refused. That
 * gradients are differences, and the same bits on any layout, is in test_bptt.c. */
#include "support.h"

#include "base/memory.h"
#include "experiment/yaml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 2, T = 6 };

static double fill(int64_t k)
{
  double whole;
  return modf((double)k * 0.6180339887498949, &whole);
}

static tame_status make(tame_model **model, const char *yaml)
{
  tame_model_params p;
  tame_status status = tame_yaml_load(&tame_model_schema, &p, "test", yaml, NULL, 0, NULL);
  if (status != TAME_OK) return status;
  status = tame_model_create(model, &p);
  tame_schema_release(&tame_model_schema, &p);
  return status;
}

static tame_model *model_of(const char *yaml)
{
  tame_model *model;
  if (make(&model, yaml) != TAME_OK) fail_msg("%s: %s", yaml, tame_message());
  return model;
}

static double *numbers(int64_t count)
{
  double *at = tame_zeroed(count, sizeof *at, "a test");
  assert_non_null(at);
  return at;
}

/* ---- a sequence ------------------------------------------------------------------------------ */

/* Both samples are one micro-batch: arrays are those of the sequence. */
typedef struct sequence {
  const tame_model *model;
  double elapsed[T * BATCH];
  double *seen; /* outputs, on the rank that has them */
} sequence;

static void fetch(const void *context, int64_t first, int64_t count, double *x, double *target,
                  double *elapsed)
{
  const sequence *s = context;
  (void)first;
  for (int64_t k = 0; k < T * count * tame_model_inputs(s->model); k++)
    x[k] = sin(1 + 0.7 * (double)k);
  for (int64_t k = 0; k < T * count * tame_model_outputs(s->model); k++)
    target[k] = sin(0.4 + 1.3 * (double)k);
  if (elapsed) memcpy(elapsed, s->elapsed, sizeof s->elapsed);
}

static void see(const void *context, int64_t first, int64_t count, const double *y)
{
  const sequence *s = context;
  (void)first;
  memcpy(s->seen, y, (size_t)(T * count * tame_model_outputs(s->model)) * sizeof *y);
}

/* Loss, gradient unless NULL, and outputs on every rank. */
static double run(const sequence *s, bool has_elapsed, double *gradient)
{
  tame_bptt_params p = {.micro_batch = BATCH};
  tame_bptt *b;
  tame_batch_result r;
  const tame_batch batch = {.samples = BATCH,
                            .steps = T,
                            .fetch = fetch,
                            .see = see,
                            .context = s,
                            .has_elapsed = has_elapsed};
  tame_model *m = (tame_model *)(uintptr_t)s->model;
  assert_all(tame_variant_set(&p.loss, &tame_losses, "mse") == TAME_OK);
  assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, m, &p, BATCH, T) == TAME_OK);
  assert_all(tame_bptt_run(b, tame_model_slab(m), &batch, &r, gradient) == TAME_OK);
  MPI_Allreduce(MPI_IN_PLACE, s->seen, T * BATCH * (int)tame_model_outputs(m), MPI_DOUBLE, MPI_SUM,
                MPI_COMM_WORLD); /* one rank's; zeros of the others */
  tame_bptt_free(&b);
  free(p.loss.params);
  return r.loss;
}

/* ---- PyTorch --------------------------------------------------------------------------------- */

static const struct {
  const char *cell;
  bool start;
  /* loss; outputs: of step 0 its first forwards, its first back in time, the last of all; norm of
   * the gradient, gradient times fill */
  double loss, forwards, reverse, last, norm, share;
} known[] = {
    {"rnn", false, 0.708208345637948, 0.137257010897894, 0.0614301247940484, 0.671775289332888,
     0.544381665625291, 0.454277622443759},
    {"gru", false, 0.551730515259391, -0.19118104348612, 0.0655978116757365, -0.077177703724012,
     0.157306516837778, 0.0939152759418339},
    {"gru", true, 0.58416593762815, 0.345458232014055, -0.0936537115247818, -0.402552121910291,
     0.176732587877923, 0.155307849239524},
    {"lstm", false, 0.525872681949526, -0.110998670037013, 0.0196721579106099, 0.00663101483265747,
     0.058788101837015, 0.0760915881938176},
    {"lstm", true, 0.51078563382536, -0.00934459599361273, -0.163997615740582, 0.0259277133679162,
     0.0375431509563759, 0.0289759450832979},
};

static void layers_are_those_of_pytorch(void **state)
{
  (void)state;
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    char yaml[256];
    snprintf(yaml, sizeof yaml,
             "{inputs: 3, train_start: %s, layers: [bidirectional: {cell: {%s: {units: 4}}}, "
             "bidirectional: {cell: {%s: {units: 4}}}]}",
             known[k].start ? "on" : "off", known[k].cell, known[k].cell);
    tame_model *m = model_of(yaml);
    const int64_t n = tame_model_count(m), outputs = tame_model_outputs(m);
    assert_all(outputs == 8);
    const sequence s = {.model = m, .seen = numbers(T * BATCH * outputs)};
    double *g = numbers(n), *slab = tame_model_slab(m), norm = 0, share = 0;
    for (int64_t i = 0; i < n; i++) slab[i] = fill(i + 1) - 0.5;
    const double loss = run(&s, false, g);
    for (int64_t i = 0; i < n; i++) norm += g[i] * g[i], share += g[i] * fill(i + 1);
    const double got[] = {loss,       s.seen[0], s.seen[4], s.seen[T * BATCH * outputs - 1],
                          sqrt(norm), share},
                 want[] = {known[k].loss, known[k].forwards, known[k].reverse,
                           known[k].last, known[k].norm,     known[k].share};
    for (int f = 0; f < 6; f++)
      if (!on_all_ranks(fabs(got[f] - want[f]) < 1e-14))
        fail_msg("%s, figure %d: found %.15g, want %.15g", yaml, f, got[f], want[f]);
    free(s.seen), free(g);
    tame_model_free(&m);
  }
}

/* ---- the definition -------------------------------------------------------------------------- */

/* An ordinary model of one cell through the sequence, its parameters taken from a slab. */
static void run_alone(const char *yaml, const double **slab, const double *elapsed, const double *x,
                      double *y)
{
  tame_model *m = model_of(yaml);
  const int64_t in = BATCH * tame_model_inputs(m), out = BATCH * tame_model_outputs(m),
                n = BATCH * tame_model_state_size(m);
  double *h[2] = {numbers(n + 1), numbers(n + 1)}, *tape = numbers(BATCH * tame_model_tape_size(m)),
         *work = numbers(tame_model_work_size(m, BATCH));
  tame_model_start(m, *slab, BATCH, h[0]);
  for (int t = 0; t < T; t++) {
    const tame_step s = {.batch = BATCH,
                         .elapsed = elapsed + t * BATCH,
                         .slab = *slab,
                         .x = x + t * in,
                         .state = h[t % 2],
                         .next = h[(t + 1) % 2],
                         .y = y + t * out,
                         .tape = tape,
                         .work = work};
    tame_model_step(m, &s);
  }
  *slab += tame_model_count(m);
  free(h[0]), free(h[1]), free(tape), free(work);
  tame_model_free(&m);
}

/* Steps of a sequence in the other order. */
static void flip(int64_t width, const double *from, double *to)
{
  for (int t = 0; t < T; t++)
    memcpy(to + t * width, from + (T - 1 - t) * width, (size_t)width * sizeof *to);
}

/* Both cells, the second on the sequence flipped, its outputs flipped back; the time between two
 * steps is the same both ways. */
static void both_ways(const char *cell, int64_t inputs, int64_t units, const double **slab,
                      const double *elapsed, const double *x, double *joined)
{
  char yaml[256];
  double *flipped = numbers(T * BATCH * inputs), *own[3];
  double back[T * BATCH];
  for (int k = 0; k < 3; k++) own[k] = numbers(T * BATCH * units);
  snprintf(yaml, sizeof yaml, "{inputs: %d, train_start: on, layers: [%s]}", (int)inputs, cell);
  for (int u = 0; u < T; u++)
    for (int b = 0; b < BATCH; b++)
      back[u * BATCH + b] = u == 0 ? elapsed[b] : elapsed[(T - u) * BATCH + b];
  run_alone(yaml, slab, elapsed, x, own[0]);
  flip(BATCH * inputs, x, flipped);
  run_alone(yaml, slab, back, flipped, own[1]);
  flip(BATCH * units, own[1], own[2]);
  for (int k = 0; k < T * BATCH; k++)
    for (int64_t i = 0; i < units; i++) {
      joined[k * 2 * units + i] = own[0][k * units + i];
      joined[k * 2 * units + units + i] = own[2][k * units + i];
    }
  free(flipped), free(own[0]), free(own[1]), free(own[2]);
}

static const char *const cells[] = {
    "rnn: {units: 3, tau: 2}",
    "gru: {units: 3}",
    "lstm: {units: 3}",
    "cfc: {units: 3, backbone_units: 4, mixed_memory: on}",
    "ltc: {circuit: {autoncp: {units: 8, outputs: 3}}}",
};

static void layers_are_two_cells(void **state)
{
  (void)state;
  for (size_t k = 0; k < sizeof cells / sizeof *cells; k++) {
    char yaml[512];
    snprintf(yaml, sizeof yaml,
             "{inputs: 2, train_start: on, seed: 4, layers: [dense: {units: 5, activation: tanh}, "
             "bidirectional: {cell: {%s}}, bidirectional: {cell: {%s}}, dense: {units: 2}]}",
             cells[k], cells[k]);
    tame_model *m = model_of(yaml);
    sequence s = {.model = m, .seen = numbers(T * BATCH * 2)};
    double *x = numbers(T * BATCH * 2), *first = numbers(T * BATCH * 5),
           *a = numbers(T * BATCH * 6), *b = numbers(T * BATCH * 6), *y = numbers(T * BATCH * 2),
           *slab = tame_model_slab(m);
    for (int i = 0; i < T * BATCH; i++) s.elapsed[i] = 0.5 + fill(i + 3);
    for (int64_t i = 0; i < tame_model_count(m); i++)
      if (slab[i] == 0) slab[i] = fill(i + 1) - 0.5; /* starts, biases */
    const double *at = slab;
    fetch(&s, 0, BATCH, x, y, NULL);
    run_alone("{inputs: 2, layers: [dense: {units: 5, activation: tanh}]}", &at, s.elapsed, x,
              first);
    both_ways(cells[k], 5, 3, &at, s.elapsed, first, a);
    both_ways(cells[k], 6, 3, &at, s.elapsed, a, b);
    run_alone("{inputs: 6, layers: [dense: {units: 2}]}", &at, s.elapsed, b, y);
    assert_all(at == slab + tame_model_count(m));
    run(&s, true, NULL);
    for (int i = 0; i < T * BATCH * 2; i++)
      if (!on_all_ranks(fabs(s.seen[i] - y[i]) < 1e-14))
        fail_msg("%s, output %d: found %.15g, want %.15g", cells[k], i, s.seen[i], y[i]);
    free(s.seen), free(x), free(first), free(a), free(b), free(y);
    tame_model_free(&m);
  }
}

/* ---- names ----------------------------------------------------------------------------------- */

static void parts_have_names(void **state)
{
  (void)state;
  static const char *const views[] = {"0.dense.weight",
                                      "0.dense.bias",
                                      "1.rnn.weight_ih",
                                      "1.rnn.weight_hh",
                                      "1.rnn.bias",
                                      "1.rnn.h.start",
                                      "1.rnn_reverse.weight_ih",
                                      "1.rnn_reverse.weight_hh",
                                      "1.rnn_reverse.bias",
                                      "1.rnn_reverse.h.start"};
  const tame_view *view;
  const tame_state_part *part;
  tame_model *m = model_of("{inputs: 2, train_start: on, layers: [dense: {units: 3}, "
                           "bidirectional: {cell: {rnn: {units: 4}}}]}");
  int64_t first = 0;
  assert_all(tame_model_views(m, &view) == 10);
  for (int k = 0; k < 10; k++) {
    assert_string_equal(view[k].name, views[k]);
    assert_all(view[k].first == first);
    first += view[k].count;
  }
  assert_all(first == tame_model_count(m));
  /* each number is drawn by its view's place in the whole */
  assert_all(memcmp(tame_model_slab(m) + view[2].first, tame_model_slab(m) + view[6].first,
                    (size_t)view[2].count * sizeof(double)) != 0);
  assert_all(tame_model_state_parts(m, &part) == 2);
  assert_string_equal(part[0].name, "1.rnn.h");
  assert_string_equal(part[1].name, "1.rnn_reverse.h");
  assert_string_equal(tame_model_layer_label(m, 2), "1.rnn_reverse");
  tame_model_free(&m);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void refusals_tell_why(void **state)
{
  (void)state;
  static const struct {
    const char *cell, *why;
  } refused[] = {
      {"dense: {units: 2}", "layers[1]: bidirectional: cell: found dense, want rnn, gru, lstm, ltc "
                            "or cfc: it has no state"},
      {"lif: {units: 2}", "found lif, want rnn, gru, lstm, ltc or cfc: it spikes"},
      {"alif: {units: 2}", "found alif, want rnn, gru, lstm, ltc or cfc: it spikes"},
      {"integrator: {units: 2}", "it reads spikes"},
      {"bidirectional: {cell: {gru: {units: 2}}}", "it is of two directions itself"},
      {"gru: {units: 2, gain: -1}", "gain"},
      {"rnn: {}", "layers[1]: bidirectional: "},
  };
  for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
    char yaml[256];
    tame_model *m = NULL;
    snprintf(yaml, sizeof yaml,
             "{inputs: 2, layers: [gru: {units: 3}, bidirectional: {cell: {%s}}]}",
             refused[k].cell);
    assert_all(make(&m, yaml) == TAME_ERR_INPUT && m == NULL);
    if (!strstr(tame_message(), refused[k].why))
      fail_msg("found '%s', want '%s'", tame_message(), refused[k].why);
  }
}

static bool resume(const void *context, int64_t first, int64_t count, double *state)
{
  (void)context, (void)first, (void)count, (void)state;
  return false;
}

static void sequences_are_whole(void **state)
{
  (void)state;
  tame_model *m = model_of("{inputs: 2, layers: [bidirectional: {cell: {gru: {units: 1}}}]}");
  tame_bptt_params p = {.micro_batch = 2, .truncate = 3};
  tame_bptt *b;
  tame_batch_result r;
  const sequence s = {.model = m};
  const tame_batch batch = {
      .samples = BATCH, .steps = T, .fetch = fetch, .context = &s, .resume = resume};
  assert_all(tame_variant_set(&p.loss, &tame_losses, "mse") == TAME_OK);
  assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, m, &p, BATCH, T) == TAME_ERR_INPUT);
  assert_all(strstr(tame_message(), "truncate: found 3 with a bidirectional layer") != NULL);
  p.truncate = 0;
  p.penalties.rates_l1 = 0.1;
  assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, m, &p, BATCH, T) == TAME_ERR_INPUT);
  assert_all(strstr(tame_message(), "want two or more") != NULL);
  p.penalties.rates_l1 = 0;
  assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, m, &p, BATCH, T) == TAME_OK);
  assert_all(tame_bptt_run(b, tame_model_slab(m), &batch, &r, NULL) == TAME_ERR_INPUT);
  assert_all(strstr(tame_message(), "from both ends") != NULL);
  tame_bptt_free(&b);
  free(p.loss.params);
  tame_model_free(&m);
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(layers_are_those_of_pytorch),
      cmocka_unit_test(layers_are_two_cells),
      cmocka_unit_test(parts_have_names),
      cmocka_unit_test(refusals_tell_why),
      cmocka_unit_test(sequences_are_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
