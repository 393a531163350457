/* ranks: 3 */
/* timeout: 300 */
/* What published trainings show, in short: an RNN that integrates noise and a spiking classifier
 * (BrainPy's tutorial), and liquid time-constant networks on three wirings (ncps' tutorial). */
#include "support.h"

#include "experiment/yaml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct study {
  tame_model_params model;
  tame_bptt_params bptt;
  tame_variant optimizer;
  tame_list schedules;
} study;

#define AT(member) .offset = offsetof(study, member)
static const tame_field fields[] = {
    {"model", TAME_GROUP, AT(model), .group = &tame_model_schema, .doc = "m"},
    {"bptt", TAME_GROUP, AT(bptt), .group = &tame_bptt_schema, .doc = "b"},
    {"optimizer", TAME_VARIANT, AT(optimizer), .fallback = "adam", .table = &tame_optimizers,
     .doc = "o"},
    {"schedules", TAME_VARIANTS, AT(schedules), .fallback = "", .table = &tame_schedules,
     .doc = "s"},
    {0}};
static const tame_schema schema = {sizeof(study), fields};

/* A training while it runs. */
typedef struct training {
  study s;
  tame_model *model;
  tame_bptt *bptt;
  tame_optimizer *optimizer;
  double *gradient;
  tame_batch batch;
} training;

static void start(training *t, const char *yaml, int64_t seed, tame_batch batch)
{
  t->batch = batch;
  if (tame_yaml_load(&schema, &t->s, "test", yaml, NULL, 0, NULL) != TAME_OK)
    fail_msg("%s", tame_message());
  t->s.model.seed = seed;
  if (tame_model_create(&t->model, &t->s.model) != TAME_OK) fail_msg("%s", tame_message());
  const int64_t n = tame_model_count(t->model);
  assert_all(tame_optimizer_create(&t->optimizer, &t->s.optimizer, n) == TAME_OK);
  assert_all(tame_bptt_create(&t->bptt, MPI_COMM_WORLD, t->model, &t->s.bptt, batch.samples,
                              batch.steps) == TAME_OK);
  t->gradient = malloc((size_t)n * sizeof *t->gradient);
}

static tame_batch_result update(training *t, int64_t epoch)
{
  tame_batch_result r;
  double *slab = tame_model_slab(t->model);
  const int64_t c = tame_optimizer_updates(t->optimizer);
  if (tame_bptt_run(t->bptt, slab, &t->batch, &r, t->gradient) != TAME_OK)
    fail_msg("%s", tame_message());
  tame_optimizer_step(t->optimizer, tame_schedule_factor(&t->s.schedules, c), epoch, t->gradient,
                      slab);
  tame_model_constrain(t->model, slab);
  return r;
}

static void stop(training *t)
{
  tame_bptt_free(&t->bptt);
  tame_optimizer_free(&t->optimizer);
  tame_model_free(&t->model);
  tame_schema_release(&schema, &t->s);
  free(t->gradient);
}

static int ascending(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *v, int n)
{
  qsort(v, (size_t)n, sizeof *v, ascending);
  return v[n / 2];
}

/* ---- white noise integrated ------------------------------------------------------------------ */

enum { NOISE_STEPS = 25, NOISE_SAMPLES = 128, BATCHES = 100 };

/* A new batch each time: which one is the context. */
static void fetch_noise(const void *context, int64_t first, int64_t count, double *x,
                        double *target, double *elapsed)
{
  const uint32_t batch = *(const uint32_t *)context;
  (void)elapsed;
  for (int64_t b = 0; b < count; b++) {
    const uint32_t id = (uint32_t)(first + b);
    const double bias = 0.05 * (tame_normal(99, TAME_DRAW_NOISE, id, 1000, batch) - 0.5);
    double sum = 0;
    for (uint32_t t = 0; t < NOISE_STEPS; t++) {
      const double u = bias + 0.01 / sqrt(0.04) * tame_normal(99, TAME_DRAW_NOISE, id, t, batch);
      sum += u;
      x[t * count + b] = u;
      target[t * count + b] = sum;
    }
  }
}

#define INTEGRATOR(start, correction)                                                              \
  "{model: {inputs: 1, train_start: " start ", layers: [rnn: {units: 100, activation: relu, "      \
  "init: xavier_normal}, dense: {units: 1, init: xavier_normal}]}, "                               \
  "bptt: {micro_batch: 32, penalties: {weights_l2: 2e-4, on: all}}, "                              \
  "optimizer: {adam: {rate: 0.025, epsilon: 0.1, form: keras, correction: " correction "}}, "      \
  "schedules: [exponential: {factor: 0.99975}]}"

/* Means of an epoch's losses. */
static tame_batch_result epoch_of(training *t, uint32_t *batch, int epoch)
{
  tame_batch_result mean = {0};
  for (int k = 0; k < BATCHES; k++, ++*batch) {
    const tame_batch_result r = update(t, epoch);
    mean.loss += r.loss / BATCHES;
    mean.data += r.data / BATCHES;
    mean.weights += r.weights / BATCHES;
  }
  return mean;
}

static int epochs_wanted(void) /* TAME_TEST_EPOCHS=30: the whole training */
{
  const char *given = getenv("TAME_TEST_EPOCHS");
  return given ? (int)strtol(given, NULL, 10) : 8;
}

static void noise_is_integrated(void **state)
{
  (void)state;
  static const char *const kinds[] = {INTEGRATOR("off", "epoch"), INTEGRATOR("on", "step")};
  for (int k = 0; k < 2; k++) {
    training t;
    uint32_t batch = 0;
    tame_batch_result last = {0};
    start(&t, kinds[k], 1 + k,
          (tame_batch){.samples = NOISE_SAMPLES,
                       .steps = NOISE_STEPS,
                       .fetch = fetch_noise,
                       .context = &batch,
                       .targets = NOISE_SAMPLES * NOISE_STEPS});
    assert_all(tame_model_count(t.model) == (k == 0 ? 10301 : 10401));
    for (int epoch = 0; epoch < epochs_wanted(); epoch++) {
      last = epoch_of(&t, &batch, epoch);
      if (getenv("TAME_TEST_EPOCHS") && world_rank() == 0)
        print_message("epoch %d: %g, data %g, weights %g\n", epoch, last.loss, last.data,
                      last.weights);
    }
    assert_all(last.loss < 0.035 && last.weights > 0.01 && last.data < 0.01);
    if (epochs_wanted() >= 30)
      assert_all(k == 0 ? last.loss > 0.0195 && last.loss < 0.022 && last.data < 5e-4
                        : last.loss < 0.0175 && last.data < 5e-4);
    stop(&t);
  }
}

/* ---- spikes classified ----------------------------------------------------------------------- */

enum { SPIKE_STEPS = 100, SPIKE_SAMPLES = 256, SPIKE_INPUTS = 100 };

static uint32_t spike_seed;
static int labels_right; /* on this rank */

static int label_of(int64_t id)
{
  return tame_uniform(spike_seed, TAME_DRAW_STATE, (uint32_t)id, 0, 0) < 0.5;
}

static void fetch_spikes(const void *context, int64_t first, int64_t count, double *x,
                         double *target, double *elapsed)
{
  (void)context, (void)elapsed;
  for (int64_t b = 0; b < count; b++) {
    target[b] = label_of(first + b);
    for (int64_t t = 0; t < SPIKE_STEPS; t++)
      for (int64_t i = 0; i < SPIKE_INPUTS; i++)
        x[(t * count + b) * SPIKE_INPUTS + i] = tame_uniform(spike_seed, TAME_DRAW_INPUT,
                                                             (uint32_t)(first + b), (uint32_t)t,
                                                             (uint32_t)i) < 0.01;
  }
}

static void see_labels(const void *context, int64_t first, int64_t count, const double *y)
{
  (void)context;
  for (int64_t b = 0; b < count; b++) {
    double most[2] = {-INFINITY, -INFINITY};
    for (int64_t t = 0; t < SPIKE_STEPS; t++)
      for (int o = 0; o < 2; o++) most[o] = fmax(most[o], y[(t * count + b) * 2 + o]);
    const int right = (most[1] > most[0]) == label_of(first + b);
#pragma omp atomic
    labels_right += right;
  }
}

/* The memory of inputs: drawn once. */
static double *drawn_spikes;

static void fetch_drawn(const void *context, int64_t first, int64_t count, double *x,
                        double *target, double *elapsed)
{
  (void)context, (void)elapsed;
  for (int64_t b = 0; b < count; b++) target[b] = label_of(first + b);
  for (int64_t t = 0; t < SPIKE_STEPS; t++)
    memcpy(x + t * count * SPIKE_INPUTS, drawn_spikes + (t * SPIKE_SAMPLES + first) * SPIKE_INPUTS,
           (size_t)(count * SPIKE_INPUTS) * sizeof *x);
}

static double accuracy(training *t)
{
  tame_batch_result r;
  tame_batch batch = t->batch;
  batch.see = see_labels;
  labels_right = 0;
  assert_all(tame_bptt_run(t->bptt, tame_model_slab(t->model), &batch, &r, NULL) == TAME_OK);
  MPI_Allreduce(MPI_IN_PLACE, &labels_right, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  return (double)labels_right / SPIKE_SAMPLES;
}

static void spikes_are_classified(void **state)
{
  (void)state;
  const char *yaml =
      "{model: {inputs: 100, layers: [lif: {units: 10, tau_syn: 10, tau: 10, init: kaiming_normal, "
      "gain: 4.47213595499958}, integrator: {units: 2, tau_syn: 10, tau: 5, init: kaiming_normal, "
      "gain: 4.47213595499958}]}, bptt: {micro_batch: 64, loss: {cross_entropy: {over: max}}}, "
      "optimizer: {adam: {rate: 4e-3, form: keras, correction: once}}}";
  const char *given = getenv("TAME_TEST_SEEDS"); /* 5: and 1000 steps, the whole training */
  const int seeds = given ? (int)strtol(given, NULL, 10) : 1, steps = given ? 1000 : 200;
  int good = 0;
  drawn_spikes = malloc(sizeof *drawn_spikes * SPIKE_STEPS * SPIKE_SAMPLES * SPIKE_INPUTS);
  for (int seed = 1; seed <= seeds; seed++) {
    training t;
    double at_100 = 0, last = 0, targets[SPIKE_SAMPLES];
    spike_seed = (uint32_t)seed;
    fetch_spikes(NULL, 0, SPIKE_SAMPLES, drawn_spikes, targets, NULL);
    start(&t, yaml, seed,
          (tame_batch){.samples = SPIKE_SAMPLES,
                       .steps = SPIKE_STEPS,
                       .fetch = fetch_drawn,
                       .targets = SPIKE_SAMPLES});
    assert_all(tame_model_count(t.model) == 1032);
    for (int k = 1; k <= steps; k++) {
      last = update(&t, 0).loss;
      if (k == 100) at_100 = last;
      if (given && k % 100 == 0 && world_rank() == 0) print_message("step %d: %g\n", k, last);
    }
    const double right = accuracy(&t);
    if (given && world_rank() == 0) print_message("seed %d: accuracy %g\n", seed, right);
    assert_all(at_100 > 0.25 && at_100 < 0.7 && last < at_100 && right > 0.85);
    good += last < 0.25 && right > 0.9;
    stop(&t);
  }
  if (given) assert_all(good >= seeds * 4 / 5);
  free(drawn_spikes);
}

/* ---- ncps' tutorial -------------------------------------------------------------------------- */

enum { N = 48 };

static void fetch_sines(const void *context, int64_t first, int64_t count, double *x,
                        double *target, double *elapsed)
{
  const double pi = acos(-1);
  (void)context, (void)elapsed, (void)first, (void)count;
  for (int t = 0; t < N; t++) {
    x[2 * t] = sin(3 * pi * t / 47.);
    x[2 * t + 1] = cos(3 * pi * t / 47.);
    target[t] = sin(6 * pi * t / 47.);
  }
}

static void wirings_learn_as_published(void **state)
{
  (void)state;
  static const struct {
    const char *circuit;
    double above, below; /* of the median loss at epoch 400 */
  } known[] = {{"full: {units: 8, outputs: 1}", 0, 0.003},
               {"autoncp: {units: 8, outputs: 1}", 0, 0.005},
               {"random: {units: 8, outputs: 1, sparsity: 0.75}", 0.3, 1}};
  enum { SEEDS = 7 };
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    double losses[SEEDS];
    for (int seed = 0; seed < SEEDS; seed++) {
      training t;
      char yaml[300];
      double loss = 0;
      snprintf(yaml, sizeof yaml,
               "{model: {inputs: 2, layers: [ltc: {circuit: {%s}}]}, bptt: {micro_batch: 1}, "
               "optimizer: {adam: {rate: 0.01, epsilon: 1e-7, form: keras}}}",
               known[k].circuit);
      start(&t, yaml, seed,
            (tame_batch){.samples = 1, .steps = N, .fetch = fetch_sines, .targets = N});
      for (int epoch = 1; epoch <= 400; epoch++) {
        loss = update(&t, 0).loss;
        if (epoch == 1) assert_all(loss > 0.4 && loss < 1.4);
      }
      losses[seed] = loss;
      stop(&t);
    }
    const double middle = median(losses, SEEDS);
    if (!(middle > known[k].above && middle < known[k].below))
      fail_msg("%s: the median loss is %g", known[k].circuit, middle);
  }
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(noise_is_integrated),
      cmocka_unit_test(spikes_are_classified),
      cmocka_unit_test(wirings_learn_as_published),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
