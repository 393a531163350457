/* ranks: 1 2 3 4 7 */
/* Backpropagation through time: gradients against differences, the same bits on any number of ranks
 * and threads, with tapes in segments; truncation against its definition; failures on all ranks. */
#include "support.h"

#include "base/memory.h"
#include "experiment/yaml.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* ---- sums of vectors ------------------------------------------------------------------------- */

enum { LENGTH = 11 };

static double element(int64_t item, int64_t k)
{
  return sin((double)(item * LENGTH + k)) *
         exp2((double)(item * 7 % 30)); /* every order rounds apart */
}

static void vectors_are_summed_along_the_tree(void **state)
{
  (void)state;
  static const int64_t counts[] = {0, 1, 2, 3, 5, 7, 8, 13, 16, 31, 64, 100};
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    const int64_t n = counts[c];
    tame_partition items;
    tame_vector_sum *sum;
    bool ok = true;
    int64_t *cost = calloc((size_t)n + 1, sizeof *cost);
    for (int64_t i = 0; i < n; i++) cost[i] = 1 + i * i % 5; /* uneven ranges */
    assert_all(tame_partition_balance(&items, world_size(), n, cost) == TAME_OK);
    assert_all(tame_vector_sum_create(&sum, MPI_COMM_WORLD, &items, LENGTH) == TAME_OK);
    for (int again = 0; again < 2; again++) {
      double total[LENGTH], column[100];
      for (int64_t i = items.first[world_rank()]; i < items.first[world_rank() + 1]; i++) {
        double v[LENGTH];
        for (int k = 0; k < LENGTH; k++) v[k] = element(i + again, k);
        tame_vector_sum_add(sum, v);
      }
      tame_vector_sum_finish(sum, total);
      for (int k = 0; k < LENGTH; k++) {
        for (int64_t i = 0; i < n; i++) column[i] = element(i + again, k);
        const double want = tame_tree_sum(column, n);
        ok = ok && memcmp(&want, &total[k], sizeof want) == 0;
      }
    }
    assert_all(ok);
    tame_vector_sum_free(&sum);
    tame_partition_free(&items);
    free(cost);
  }
}

/* ---- a problem ------------------------------------------------------------------------------- */

/* Inputs and targets are functions of (batch, sample, step, channel). */
typedef struct problem {
  tame_model *model;
  tame_bptt_params p;
  int64_t steps, batch; /* which batch */
  bool masked;
  double *seen; /* outputs by sample, [samples][steps * outputs], or NULL */
} problem;

static double number(int64_t batch, int64_t sample, int64_t t, int64_t k, uint32_t what)
{
  return 2 * tame_uniform(what, TAME_DRAW_INPUT, (uint32_t)sample, (uint32_t)t,
                          (uint32_t)(batch * 64 + k)) -
         1;
}

static void fetch(const void *context, int64_t first, int64_t count, double *x, double *target,
                  double *elapsed)
{
  const problem *p = context;
  const int64_t in = tame_model_inputs(p->model), out = tame_model_outputs(p->model);
  int64_t target_steps, width;
  tame_loss_shape(&p->p.loss, p->steps, out, &target_steps, &width);
  for (int64_t t = 0; t < p->steps; t++)
    for (int64_t b = 0; b < count; b++) {
      const int64_t id = first + b;
      for (int64_t i = 0; i < in; i++) x[(t * count + b) * in + i] = number(p->batch, id, t, i, 1);
      if (elapsed) elapsed[t * count + b] = 1.2 + number(p->batch, id, t, 0, 2);
      for (int64_t o = 0; t < target_steps && o < width; o++) {
        const double v = number(p->batch, id, t, o, 3);
        target[(t * count + b) * width + o] = p->masked && v > 0.5 ? NAN
                                              : width == out       ? v
                                                                   : (double)(v > 0);
      }
    }
}

static void see(const void *context, int64_t first, int64_t count, const double *y)
{
  const problem *p = context;
  const int64_t out = tame_model_outputs(p->model);
  for (int64_t t = 0; t < p->steps; t++)
    for (int64_t b = 0; b < count; b++)
      memcpy(p->seen + ((first + b) * p->steps + t) * out, y + (t * count + b) * out,
             (size_t)out * sizeof *y);
}

typedef struct described {
  tame_model_params model;
  tame_bptt_params bptt;
} described;

static const tame_field fields[] = {{"model", TAME_GROUP, .offset = offsetof(described, model),
                                     .group = &tame_model_schema, .doc = "m"},
                                    {"bptt", TAME_GROUP, .offset = offsetof(described, bptt),
                                     .group = &tame_bptt_schema, .doc = "b"},
                                    {0}};
static const tame_schema schema = {sizeof(described), fields};

/* The variant of the loss is owned by the problem: freed with drop(). */
static problem problem_of(const char *yaml, int64_t steps)
{
  described d;
  problem p = {.steps = steps};
  if (tame_yaml_load(&schema, &d, "test", yaml, NULL, 0, NULL) != TAME_OK ||
      tame_model_create(&p.model, &d.model) != TAME_OK)
    fail_msg("%s: %s", yaml, tame_message());
  p.p = d.bptt;
  tame_schema_release(&tame_model_schema, &d.model);
  return p;
}

static bool is_bidirectional(const problem *p)
{
  const tame_model_run *runs;
  return tame_model_runs(p->model, &runs) > 1;
}

static void drop(problem *p)
{
  tame_model_free(&p->model);
  free(p->p.loss.params);
}

static tame_batch batch_of(const problem *p, int64_t samples, bool has_elapsed)
{
  return (tame_batch){.samples = samples,
                      .steps = p->steps,
                      .fetch = fetch,
                      .see = p->seen ? see : NULL,
                      .context = p,
                      .has_elapsed = has_elapsed};
}

/* |rate| has a kink at 0: with this seed none comes within the differences' reach of it. */
static const char *const problems[] = {
    "{model: {inputs: 2, seed: 6, train_start: on, layers: [gru: {units: 5}, dense: {units: 2}]}, "
    "bptt: {micro_batch: 3, penalties: {weights_l2: 0.01, rates_l1: 0.1, rates_l2: 0.2}}}",
    "{model: {inputs: 2, layers: [ltc: {circuit: {autoncp: {units: 8, outputs: 2}}}]}, "
    "bptt: {micro_batch: 3, loss: {mse: {average: samples}}}}",
    "{model: {inputs: 2, layers: [alif: {units: 6, spike: smooth, alpha: 3}, "
    "integrator: {units: 3}]}, bptt: {micro_batch: 3, penalties: {rates_l2: 0.5}, "
    "loss: {cross_entropy: {over: max}}}}",
    "{model: {inputs: 2, train_start: on, layers: [rnn: {units: 70, init: orthogonal}, "
    "dense: {units: 2}]}, bptt: {micro_batch: 3}}",
    "{model: {inputs: 2, layers: [rnn: {circuit: {ei: {units: 20, outputs: 2, density: 0.4}}, "
    "dale: on, tau: 3}]}, bptt: {micro_batch: 3}}",
    "{model: {inputs: 2, seed: 2, train_start: on, layers: [dense: {units: 3, activation: tanh}, "
    "bidirectional: {cell: {gru: {units: 14}}}, bidirectional: {cell: {lstm: {units: 3}}}, "
    "dense: {units: 2}]}, bptt: {micro_batch: 3, penalties: {rates_l2: 0.5}}}",
    "{model: {inputs: 2, layers: [bidirectional: {cell: {ltc: {circuit: {autoncp: {units: 7, "
    "outputs: 2}}}}}, cfc: {units: 3, backbone_units: 4}, "
    "bidirectional: {cell: {cfc: {units: 1, backbone_units: 4}}}]}, bptt: {micro_batch: 3}}",
};
enum { PROBLEMS = sizeof problems / sizeof *problems, SAMPLES = 13, T = 9 };

/* ---- gradients ------------------------------------------------------------------------------- */

static double loss_at(tame_bptt *b, const tame_batch *batch, const double *slab)
{
  tame_batch_result r;
  if (tame_bptt_run(b, slab, batch, &r, NULL) != TAME_OK) return NAN;
  return r.loss;
}

static void gradients_are_differences(void **state)
{
  (void)state;
  for (int k = 0; k < PROBLEMS; k++) {
    problem p = problem_of(problems[k], T);
    tame_bptt *b;
    tame_batch_result r;
    p.masked = true;
    const tame_batch batch = batch_of(&p, SAMPLES, k != 3);
    const int64_t n = tame_model_count(p.model);
    double *slab = tame_model_slab(p.model), *g = calloc((size_t)n, sizeof *g), most = 0;
    assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, SAMPLES, T) == TAME_OK);
    assert_all(tame_bptt_run(b, slab, &batch, &r, g) == TAME_OK);
    assert_all(r.loss == r.data + r.rates + r.weights && r.data > 0);
    assert_all((p.p.penalties.weights_l2 > 0) == (r.weights > 0));
    assert_all((p.p.penalties.rates_l2 > 0) == (r.rates > 0));
    assert_all(loss_at(b, &batch, slab) == r.loss);
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(g[i]));
    assert_all(most > 1e-3);
    const int64_t stride = n > 200 ? n / 40 : n > 60 ? 5 : 1;
    for (int64_t i = 0; i < n; i += stride) {
      const double kept = slab[i], h = 1e-3;
      double sum = 0;
      static const double share[] = {0, 45 / 60., -9 / 60., 1 / 60.};
      for (int d = 1; d <= 3; d++) {
        slab[i] = kept + d * h;
        sum += share[d] * loss_at(b, &batch, slab);
        slab[i] = kept - d * h;
        sum -= share[d] * loss_at(b, &batch, slab);
      }
      slab[i] = kept;
      if (!on_all_ranks(fabs(sum / h - g[i]) < 1e-9 * fmax(1, most)))
        fail_msg("problem %d: dL/d slab[%d] is %.12g, want %.12g", k, (int)i, g[i], sum / h);
    }
    tame_bptt_free(&b);
    free(g);
    drop(&p);
  }
}

static double dot(int64_t n, const double *a, const double *b)
{
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* All outputs of a batch on every rank, [samples][steps * outputs]. */
static void all_outputs(tame_bptt *b, problem *p, const tame_batch *batch, const double *slab,
                        double *y)
{
  const int64_t n = SAMPLES * T * tame_model_outputs(p->model);
  tame_batch with = *batch;
  tame_batch_result r;
  memset(y, 0, (size_t)n * sizeof *y);
  p->seen = y;
  with.see = see;
  assert_all(tame_bptt_run(b, slab, &with, &r, NULL) == TAME_OK);
  MPI_Allreduce(MPI_IN_PLACE, y, (int)n, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  p->seen = NULL;
}

/* G = J'HJ: for squares with all targets there u'Gv = 2 / n (Ju)'(Jv), with J by differences.
 * Symmetric; the same bits alone and on all ranks; with segments too. */
static void products_are_gauss_newtons(void **state)
{
  (void)state;
  for (int k = 0; k < PROBLEMS; k++) {
    problem p = problem_of(problems[k], T);
    p.p.penalties = (tame_penalties){0};
    tame_bptt *b, *alone;
    const tame_batch batch = batch_of(&p, SAMPLES, true);
    const int64_t n = tame_model_count(p.model), outputs = tame_model_outputs(p.model);
    const int64_t m = SAMPLES * T * outputs;
    double *slab = tame_model_slab(p.model), *moved = malloc((size_t)n * 8),
           *v[2] = {malloc((size_t)n * 8), malloc((size_t)n * 8)},
           *G[2] = {malloc((size_t)n * 8), malloc((size_t)n * 8)},
           *J[2] = {calloc((size_t)m, 8), calloc((size_t)m, 8)}, *y = malloc((size_t)m * 8);
    assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, SAMPLES, T) == TAME_OK);
    p.p.segment = 2;
    assert_all(tame_bptt_create(&alone, MPI_COMM_SELF, p.model, &p.p, SAMPLES, T) == TAME_OK);
    for (int d = 0; d < 2; d++) {
      static const double share[] = {0, 45 / 60., -9 / 60., 1 / 60.};
      for (int64_t i = 0; i < n; i++) v[d][i] = number(d, i, 0, 0, 9);
      assert_all(tame_bptt_product(b, slab, &batch, 0, v[d], G[d]) == TAME_OK);
      for (int e = -3; e <= 3; e++) {
        const double h = 1e-3 / sqrt((double)n);
        for (int64_t i = 0; i < n; i++) moved[i] = slab[i] + e * h * v[d][i];
        all_outputs(b, &p, &batch, moved, y);
        for (int64_t i = 0; i < m; i++) J[d][i] += (e < 0 ? -1 : 1) * share[abs(e)] * y[i] / h;
      }
    }
    const double uGv = dot(n, v[0], G[1]), scale = fmax(1e-3, dot(n, v[1], G[1]));
    assert_all(fabs(uGv - dot(n, v[1], G[0])) <= 1e-12 * scale);
    assert_all(dot(n, v[0], G[0]) > 0);
    if (k == 0 || k >= 3)
      assert_all(fabs(uGv - 2 * dot(m, J[0], J[1]) / (double)m) <= 1e-8 * scale);
    assert_all(tame_bptt_product(alone, slab, &batch, 0, v[0], moved) == TAME_OK);
    assert_all(memcmp(moved, G[0], (size_t)n * 8) == 0);
    tame_bptt_free(&b), tame_bptt_free(&alone);
    p.p.truncate = is_bidirectional(&p) ? 0 : 3; /* those refuse it anyway */
    assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, SAMPLES, T) == TAME_OK);
    assert_all(tame_bptt_product(b, slab, &batch, 0, v[0], moved) ==
               (p.p.truncate ? TAME_ERR_INPUT : TAME_OK));
    tame_bptt_free(&b);
    free(moved), free(v[0]), free(v[1]), free(G[0]), free(G[1]), free(J[0]), free(J[1]), free(y);
    drop(&p);
  }
}

/* What structural damping adds is structural / samples J_h'J_h, J_h by differences, of the outputs of a model that lacks
 * the last layer. */
static void structural_damping_is_of_hidden_outputs(void **state)
{
  (void)state;
  problem p = problem_of("{model: {inputs: 2, layers: [gru: {units: 5}, lstm: {units: 3}, dense: "
                         "{units: 2}]}, bptt: {micro_batch: 3, penalties: {weights_l2: 0.1}}}",
                         T);
  problem h[2] = {problem_of("{model: {inputs: 2, layers: [gru: {units: 5}]}, bptt: {}}", T),
                  problem_of("{model: {inputs: 2, layers: [gru: {units: 5}, lstm: {units: 3}]}, "
                             "bptt: {}}",
                             T)};
  static const double share[] = {0, 45 / 60., -9 / 60., 1 / 60.};
  const double structural = 0.7, step = 1e-3;
  const int64_t n = tame_model_count(p.model);
  const tame_batch batch = batch_of(&p, SAMPLES, true);
  double *slab = tame_model_slab(p.model), *v[2], *G[2], *with[2], want = 0;
  tame_bptt *b;
  assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, SAMPLES, T) == TAME_OK);
  for (int d = 0; d < 2; d++) {
    v[d] = malloc((size_t)n * 8), G[d] = malloc((size_t)n * 8), with[d] = malloc((size_t)n * 8);
    for (int64_t i = 0; i < n; i++) v[d][i] = number(d, i, 0, 0, 9);
    assert_all(tame_bptt_product(b, slab, &batch, 0, v[d], G[d]) == TAME_OK);
  }
  assert_all(tame_bptt_product(b, slab, &batch, structural, v[0], with[0]) == TAME_ERR_INPUT);
  tame_bptt_free(&b);
  p.p.damped = true, p.p.segment = 4;
  assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, SAMPLES, T) == TAME_OK);
  for (int d = 0; d < 2; d++)
    assert_all(tame_bptt_product(b, slab, &batch, structural, v[d], with[d]) == TAME_OK);
  tame_bptt_free(&b);
  for (int k = 0; k < 2; k++) {
    const int64_t own = tame_model_count(h[k].model),
                  m = SAMPLES * T * tame_model_outputs(h[k].model);
    const tame_batch hidden = batch_of(&h[k], SAMPLES, true);
    double *J[2] = {calloc((size_t)m, 8), calloc((size_t)m, 8)}, *y = malloc((size_t)m * 8),
           *moved = malloc((size_t)own * 8);
    assert_all(memcmp(tame_model_slab(h[k].model), slab, (size_t)own * 8) == 0);
    assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, h[k].model, &h[k].p, SAMPLES, T) == TAME_OK);
    for (int d = 0; d < 2; d++)
      for (int e = -3; e <= 3; e++) {
        for (int64_t i = 0; i < own; i++) moved[i] = slab[i] + e * step * v[d][i];
        all_outputs(b, &h[k], &hidden, moved, y);
        for (int64_t i = 0; i < m; i++) J[d][i] += (e < 0 ? -1 : 1) * share[abs(e)] * y[i] / step;
      }
    want += structural / SAMPLES * dot(m, J[0], J[1]);
    tame_bptt_free(&b);
    free(J[0]), free(J[1]), free(y), free(moved);
  }
  const double got = dot(n, v[0], with[1]) - dot(n, v[0], G[1]);
  assert_all(fabs(got - want) < 1e-7 * fabs(want) && fabs(want) > 1e-2);
  assert_all(fabs(dot(n, v[0], with[1]) - dot(n, v[1], with[0])) < 1e-12 * fabs(want) + 1e-12);
  for (int d = 0; d < 2; d++) free(v[d]), free(G[d]), free(with[d]);
  drop(&p), drop(&h[0]), drop(&h[1]);
}

/* Training: 20 updates of batches of several sizes, by Adam; the weights after it. */
static double *train(problem *p, MPI_Comm comm, bool has_elapsed)
{
  static const int64_t sizes[] = {SAMPLES, 1, 7, SAMPLES, 12};
  tame_bptt *b;
  tame_optimizer *adam;
  tame_variant rule = {0};
  tame_batch_result r;
  const int64_t n = tame_model_count(p->model);
  double *slab = malloc((size_t)(n + 20) * sizeof *slab), *g = malloc((size_t)n * sizeof *g);
  bool ok = tame_variant_set(&rule, &tame_optimizers, "adam") == TAME_OK &&
            tame_optimizer_create(&adam, &rule, n) == TAME_OK;
  assert_all(ok);
  memcpy(slab, tame_model_slab(p->model), (size_t)n * sizeof *slab);
  assert_all(tame_bptt_create(&b, comm, p->model, &p->p, SAMPLES, T) == TAME_OK);
  for (int u = 0; u < 20; u++) {
    p->batch = u;
    const tame_batch batch = batch_of(p, sizes[u % 5], has_elapsed);
    assert_all(tame_bptt_run(b, slab, &batch, &r, g) == TAME_OK);
    tame_optimizer_step(adam, 3, 0, g, slab);
    tame_model_constrain(p->model, slab);
    slab[n + u] = r.loss;
  }
  tame_bptt_free(&b);
  tame_optimizer_free(&adam);
  free(rule.params);
  free(g);
  return slab;
}

static void layouts_give_the_same_bits(void **state)
{
  (void)state;
  for (int k = 0; k < PROBLEMS; k++) {
    problem p = problem_of(problems[k], T);
    const size_t bytes = (size_t)(tame_model_count(p.model) + 20) * sizeof(double);
    omp_set_num_threads(1);
    double *alone = train(&p, MPI_COMM_SELF, true);
    assert_all(memcmp(alone, tame_model_slab(p.model), bytes - 20 * sizeof *alone) != 0);
    for (int threads = 1; threads <= 3; threads++) {
      omp_set_num_threads(threads);
      double *shared = train(&p, MPI_COMM_WORLD, true);
      assert_all(memcmp(alone, shared, bytes) == 0);
      free(shared);
    }
    omp_set_num_threads(2);
    double *threaded = train(&p, MPI_COMM_SELF, true);
    assert_all(memcmp(alone, threaded, bytes) == 0);
    free(threaded);
    free(alone);
    drop(&p);
  }
}

/* Copies of all pieces of a state, end to end, or back from there; returns their bytes. */
static size_t copy_pieces(tame_model *m, tame_optimizer *o, char *kept, bool back)
{
  tame_state state = {0};
  size_t at = 0;
  tame_model_save(m, false, &state);
  tame_optimizer_state(o, false, &state);
  for (int64_t k = 0; k < state.count; k++) {
    const size_t bytes = (size_t)state.at[k].count * tame_type_size(state.at[k].type);
    if (kept && back) memcpy(state.at[k].at, kept + at, bytes);
    else if (kept) memcpy(kept + at, state.at[k].at, bytes);
    at += bytes;
  }
  tame_state_free(&state);
  return at;
}

static void some_updates(problem *p, tame_bptt *b, tame_optimizer *o, int first, int end)
{
  double *slab = tame_model_slab(p->model),
         *g = malloc((size_t)tame_model_count(p->model) * sizeof *g);
  tame_batch_result r;
  for (p->batch = first; p->batch < end; p->batch++) {
    const tame_batch batch = batch_of(p, SAMPLES, true);
    assert_all(tame_bptt_run(b, slab, &batch, &r, g) == TAME_OK);
    tame_optimizer_step(o, 3, 0, g, slab);
    tame_model_constrain(p->model, slab);
  }
  free(g);
}

/* Ten updates on all ranks, saved; ten more there, and ten more from what was saved on each rank
 * alone. */
static void training_can_be_resumed(void **state)
{
  (void)state;
  static const char *const rules[] = {"adam", "sgd", "lbfgs"};
  for (int k = 0; k < 3; k++) {
    problem p = problem_of(problems[k], T), again = problem_of(problems[k], T);
    const size_t weights = (size_t)tame_model_count(p.model) * sizeof(double);
    tame_bptt *b, *alone;
    tame_variant rule = {0};
    tame_optimizer *first, *second;
    assert_all(tame_variant_set(&rule, &tame_optimizers, rules[k]) == TAME_OK &&
               tame_optimizer_create(&first, &rule, (int64_t)(weights / 8)) == TAME_OK &&
               tame_optimizer_create(&second, &rule, (int64_t)(weights / 8)) == TAME_OK);
    assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, SAMPLES, T) == TAME_OK);
    assert_all(tame_bptt_create(&alone, MPI_COMM_SELF, again.model, &p.p, SAMPLES, T) == TAME_OK);
    some_updates(&p, b, first, 0, 10);
    char *kept = malloc(copy_pieces(p.model, first, NULL, false));
    copy_pieces(p.model, first, kept, false);
    some_updates(&p, b, first, 10, 20);
    assert_all(memcmp(tame_model_slab(p.model), tame_model_slab(again.model), weights) != 0);
    copy_pieces(again.model, second, kept, true);
    some_updates(&again, alone, second, 10, 20);
    assert_all(memcmp(tame_model_slab(p.model), tame_model_slab(again.model), weights) == 0);
    tame_bptt_free(&b), tame_bptt_free(&alone);
    tame_optimizer_free(&first), tame_optimizer_free(&second);
    free(kept), free(rule.params);
    drop(&p), drop(&again);
  }
}

static void segments_give_the_same_bits(void **state)
{
  (void)state;
  static const int64_t segments[] = {1, 2, 4, 8, 9, 50};
  for (int k = 0; k < PROBLEMS; k++)
    for (int cut = 0; cut <= 3; cut += 3) {
      problem p = problem_of(problems[k], T);
      const size_t bytes_of_all = (size_t)(tame_model_count(p.model) + 20) * sizeof(double);
      int64_t least = 0;
      p.p.truncate = is_bidirectional(&p) ? 0 : cut;
      double *kept = train(&p, MPI_COMM_WORLD, false);
      for (size_t s = 0; s < sizeof segments / sizeof *segments; s++) {
        int64_t bytes;
        p.p.segment = segments[s];
        double *again = train(&p, MPI_COMM_WORLD, false);
        assert_all(memcmp(kept, again, bytes_of_all) == 0);
        free(again);
        assert_all(tame_bptt_need(p.model, &p.p, SAMPLES, 400, 1, 1, &bytes) == TAME_OK);
        if (s == 0) least = bytes; /* a state a step, but one tape */
        p.p.segment = 0;
        assert_all(tame_bptt_need(p.model, &p.p, SAMPLES, 400, 1, 1, &bytes) == TAME_OK);
        assert_all(least < bytes * 3 / 4);
      }
      free(kept);
      drop(&p);
    }
}

/* What is said to be needed is what is taken. */
static void need_is_taken(const char *layers)
{
  char yaml[512];
  snprintf(yaml, sizeof yaml,
           "{model: {inputs: 4, layers: [%s]}, bptt: {micro_batch: 5, segment: 7}}", layers);
  problem p = problem_of(yaml, T);
  tame_bptt *b;
  tame_batch_result r;
  int64_t need;
  const tame_batch batch = batch_of(&p, 64, false);
  double *g = malloc((size_t)tame_model_count(p.model) * sizeof *g);
  assert_all(tame_bptt_need(p.model, &p.p, 64, 50, world_size(), omp_get_max_threads(), &need) ==
             TAME_OK);
  const int64_t before = tame_memory_given();
  assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, 64, 50) == TAME_OK);
  assert_all(tame_bptt_run(b, tame_model_slab(p.model), &batch, &r, g) == TAME_OK);
  double taken = (double)(tame_memory_given() - before);
  assert_all(taken < 1.05 * (double)need);
  MPI_Allreduce(MPI_IN_PLACE, &taken, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  assert_all(taken > 0.95 * (double)need);
  tame_bptt_free(&b);
  free(g);
  drop(&p);
}

static void need_is_what_is_taken(void **state)
{
  (void)state;
  need_is_taken("gru: {units: 60}, dense: {units: 2}");
  need_is_taken("bidirectional: {cell: {gru: {units: 40}}}, bidirectional: {cell: {lstm: {units: "
                "30}}}, dense: {units: 2}");
}

/* ---- truncation ------------------------------------------------------------------------------ */

/* The definition: steps from one multiple of `cut` to the next by themselves, from states that are
 * no functions of the parameters. One sample. */
static void by_windows(const problem *p, int64_t cut, double *gradient)
{
  const tame_model *m = p->model;
  const int64_t in = tame_model_inputs(m), out = tame_model_outputs(m),
                n = tame_model_state_size(m);
  const int64_t tape = tame_model_tape_size(m);
  double *x = calloc((size_t)(T * in), 8), *target = calloc((size_t)(T * out), 8),
         *h = calloc((size_t)((T + 1) * n), 8), *y = calloc((size_t)(T * out), 8),
         *tapes = calloc((size_t)(T * tape), 8), *dy = calloc((size_t)(T * out), 8),
         *work = calloc((size_t)tame_model_work_size(m, 1), 8), *d = calloc((size_t)(2 * n), 8);
  const double weight = 1 / (double)(T * out);
  double value;
  const tame_sequences_view view = {T, 1, out, y, target};
  tame_step s[T];
  fetch(p, 0, 1, x, target, NULL);
  tame_model_start(m, tame_model_slab(p->model), 1, h);
  for (int t = 0; t < T; t++) {
    s[t] = (tame_step){.batch = 1,
                       .slab = tame_model_slab(p->model),
                       .x = x + t * in,
                       .state = h + t * n,
                       .next = h + (t + 1) * n,
                       .y = y + t * out,
                       .tape = tapes + t * tape,
                       .work = work};
    tame_model_step(m, &s[t]);
  }
  tame_loss_run(&p->p.loss, &view, &weight, &value, dy);
  for (int64_t start = 0; start < T; start += cut) {
    double *next = d, *before = d + n;
    memset(d, 0, (size_t)(2 * n) * sizeof *d);
    for (int64_t t = (start + cut < T ? start + cut : T) - 1; t >= start; t--) {
      const tame_adjoint a = {.next = next, .y = dy + t * out, .state = before, .slab = gradient};
      tame_model_step_vjp(m, &s[t], &a);
      double *const swapped = next;
      next = before;
      before = swapped;
    }
    if (start == 0) tame_model_start_vjp(m, 1, next, gradient);
  }
  double *const all[] = {x, target, h, y, tapes, dy, work, d};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
}

static void truncation_is_by_windows(void **state)
{
  (void)state;
  problem p = problem_of("{model: {inputs: 2, train_start: on, layers: [lstm: {units: 4}, "
                         "dense: {units: 2}]}, bptt: {micro_batch: 2}}",
                         T);
  const int64_t n = tame_model_count(p.model);
  double *want = malloc((size_t)n * sizeof *want), *got = malloc((size_t)n * sizeof *got);
  for (int64_t cut = 1; cut <= T; cut++) {
    tame_bptt *b;
    tame_batch_result r;
    const tame_batch batch = batch_of(&p, 1, false);
    double apart = 0;
    p.p.truncate = cut;
    memset(want, 0, (size_t)n * sizeof *want);
    by_windows(&p, cut, want);
    assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, SAMPLES, T) == TAME_OK);
    assert_all(tame_bptt_run(b, tame_model_slab(p.model), &batch, &r, got) == TAME_OK);
    for (int64_t i = 0; i < n; i++) apart = fmax(apart, fabs(got[i] - want[i]));
    assert_all(apart < 1e-15);
    tame_bptt_free(&b);
  }
  free(want), free(got);
  drop(&p);
}

/* A layer that doubles its input: the penalty is known. */
static void rates_are_means(void **state)
{
  (void)state;
  problem p =
      problem_of("{model: {inputs: 1, layers: [dense: {units: 1, bias: off}, dense: {units: 1}]}, "
                 "bptt: {micro_batch: 3, penalties: {rates_l1: 0.3, rates_l2: 0.7}}}",
                 T);
  tame_bptt *b;
  tame_batch_result r;
  const tame_batch batch = batch_of(&p, SAMPLES, false);
  double want = 0;
  tame_model_slab(p.model)[0] = 2;
  for (int s = 0; s < SAMPLES; s++)
    for (int t = 0; t < T; t++) {
      const double y = 2 * number(0, s, t, 0, 1);
      want += (0.3 * fabs(y) + 0.7 * y * y) / (SAMPLES * T);
    }
  assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, SAMPLES, T) == TAME_OK);
  assert_all(tame_bptt_run(b, tame_model_slab(p.model), &batch, &r, NULL) == TAME_OK);
  assert_all(fabs(r.rates - want) < 1e-14);
  tame_bptt_free(&b);
  drop(&p);
}

/* States between windows of one sequence, on each rank those of its samples: arrays
 * [SAMPLES][STATE]. */
enum { UNITS = 4, STATE = 2 * UNITS };
static double carried[STATE * SAMPLES];

static void move_states(int64_t first, int64_t count, double *state, bool out)
{
  for (int64_t v = 0; v < 2; v++) /* h, c */
    for (int64_t b = 0; b < count; b++) {
      double *const mine = state + (v * count + b) * UNITS;
      double *const kept = carried + (v * SAMPLES + first + b) * UNITS;
      memcpy(out ? kept : mine, out ? mine : kept, UNITS * sizeof *mine);
    }
}

static bool resume(const void *context, int64_t first, int64_t count, double *state)
{
  (void)context;
  move_states(first, count, state, false);
  return true;
}

static void leave(const void *context, int64_t first, int64_t count, const double *state)
{
  (void)context;
  move_states(first, count, (double *)(uintptr_t)state, true);
}

static const problem *whole; /* whose window is fetched */
static int64_t window;

static void fetch_window(const void *context, int64_t first, int64_t count, double *x,
                         double *target, double *elapsed)
{
  double *all_x = malloc((size_t)(2 * T * count) * 8), *all = malloc((size_t)(2 * T * count) * 8);
  (void)context;
  fetch(whole, first, count, all_x, all, elapsed);
  memcpy(x, all_x + window * 3 * count * 2, (size_t)(3 * count * 2) * sizeof *x);
  memcpy(target, all + window * 3 * count * 2, (size_t)(3 * count * 2) * sizeof *x);
  free(all_x), free(all);
}

/* Three windows of three steps, each from the state that the one before left: as one run that is
 * cut there. */
static void windows_carry_states(void **state)
{
  (void)state;
  problem p = problem_of("{model: {inputs: 2, train_start: on, layers: [lstm: {units: 4}, "
                         "dense: {units: 2}]}, bptt: {micro_batch: 2, truncate: 3}}",
                         T);
  const int64_t n = tame_model_count(p.model);
  double *want = malloc((size_t)n * 8), *got = malloc((size_t)n * 8), *sum = calloc((size_t)n, 8);
  double loss = 0, apart = 0;
  tame_bptt *b;
  tame_batch_result r;
  const tame_batch batch = batch_of(&p, SAMPLES, false);
  assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, SAMPLES, T) == TAME_OK);
  assert_all(tame_bptt_run(b, tame_model_slab(p.model), &batch, &r, want) == TAME_OK);
  whole = &p;
  for (window = 0; window < 3; window++) {
    tame_batch_result part;
    tame_batch some = {.samples = SAMPLES, .steps = 3, .fetch = fetch_window, .leave = leave};
    if (window > 0) some.resume = resume;
    assert_all(tame_bptt_run(b, tame_model_slab(p.model), &some, &part, got) == TAME_OK);
    loss += part.loss / 3;
    for (int64_t i = 0; i < n; i++) sum[i] += got[i] / 3;
  }
  for (int64_t i = 0; i < n; i++) apart = fmax(apart, fabs(sum[i] - want[i]));
  assert_all(fabs(loss - r.loss) < 1e-15 && apart < 1e-15);
  tame_bptt_free(&b);
  free(want), free(got), free(sum);
  drop(&p);
}

/* ---- outputs, failures ----------------------------------------------------------------------- */

static void outputs_are_seen(void **state)
{
  (void)state;
  problem p = problem_of(problems[1], T);
  tame_bptt *b;
  tame_batch_result r;
  double seen[SAMPLES * T * 2], sum = 0;
  int64_t own = 0;
  for (int k = 0; k < SAMPLES * T * 2; k++) seen[k] = NAN;
  p.seen = seen;
  const tame_batch batch = batch_of(&p, SAMPLES, true);
  assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, SAMPLES, T) == TAME_OK);
  assert_all(tame_bptt_run(b, tame_model_slab(p.model), &batch, &r, NULL) == TAME_OK);
  for (int s = 0; s < SAMPLES; s++) {
    if (isnan(seen[s * T * 2])) continue; /* another rank's */
    own++;
    for (int t = 0; t < T; t++)
      for (int o = 0; o < 2; o++) {
        const double e = seen[(s * T + t) * 2 + o] - number(0, s, t, o, 3);
        sum += e * e / (SAMPLES * T * 2);
      }
  }
  MPI_Allreduce(MPI_IN_PLACE, &own, 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  assert_all(own == SAMPLES && fabs(sum - r.loss) < 1e-14);
  tame_bptt_free(&b);
  drop(&p);
}

static int64_t bad_sample = -1;

static void fetch_bad(const void *context, int64_t first, int64_t count, double *x, double *target,
                      double *elapsed)
{
  fetch(context, first, count, x, target, elapsed);
  if (first <= bad_sample && bad_sample < first + count) target[bad_sample - first] = 7;
}

static void failures_are_shared(void **state)
{
  (void)state;
  problem p = problem_of(problems[2], T);
  tame_bptt *b;
  tame_batch_result r;
  tame_batch batch = batch_of(&p, SAMPLES, true);
  double *g = malloc((size_t)tame_model_count(p.model) * sizeof *g);
  double *slab = tame_model_slab(p.model);
  assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, SAMPLES, T) == TAME_OK);
  batch.fetch = fetch_bad;
  bad_sample = SAMPLES - 2; /* one rank has it */
  assert_all(tame_bptt_run(b, slab, &batch, &r, g) == TAME_ERR_INPUT);
  assert_all(strstr(tame_message(), "found target 7 at step 0, with 3 outputs") != NULL);
  batch.targets = SAMPLES; /* not counted beforehand */
  assert_all(tame_bptt_run(b, slab, &batch, &r, g) == TAME_ERR_NUMERIC);
  bad_sample = -1;
  assert_all(tame_bptt_run(b, slab, &batch, &r, g) == TAME_OK);
  slab[0] = NAN;
  assert_all(tame_bptt_run(b, slab, &batch, &r, g) == TAME_ERR_NUMERIC);
  batch.samples = SAMPLES + 1;
  assert_all(tame_bptt_run(b, slab, &batch, &r, g) == TAME_ERR_INPUT);
  tame_bptt_free(&b);
  problem single = problem_of(problems[1], T);
  single.p.penalties.rates_l1 = 0.1;
  assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, single.model, &single.p, SAMPLES, T) ==
             TAME_ERR_INPUT);
  assert_all(strstr(tame_message(), "want two or more") != NULL);
  drop(&single);
  p.p.micro_batch = 0;
  assert_all(tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, SAMPLES, T) == TAME_ERR_INPUT);
  assert_all(b == NULL);
  free(g);
  drop(&p);
}

static void memory_may_lack_on_one_rank(void **state)
{
  (void)state;
  problem p = problem_of(problems[0], T);
  double *g = malloc((size_t)tame_model_count(p.model) * sizeof *g);
  const int culprit = world_size() - 1;
  bool all = false;
  for (int at = 1; !all && at < 60; at++) {
    tame_bptt *b;
    tame_batch_result r;
    const tame_batch batch = batch_of(&p, SAMPLES, false);
    if (world_rank() == culprit) tame_memory_fail_at(at);
    tame_status status = tame_bptt_create(&b, MPI_COMM_WORLD, p.model, &p.p, SAMPLES, T);
    if (status == TAME_OK) status = tame_bptt_run(b, tame_model_slab(p.model), &batch, &r, g);
    int left = world_rank() == culprit && tame_memory_fail_at(0);
    MPI_Bcast(&left, 1, MPI_INT, culprit, MPI_COMM_WORLD);
    assert_all(status == (left ? TAME_OK : TAME_ERR_NOMEM));
    if (!left && b) { /* it serves, once there is memory */
      status = tame_bptt_run(b, tame_model_slab(p.model), &batch, &r, g);
      assert_all(status == TAME_OK);
    }
    tame_bptt_free(&b);
    all = left;
  }
  assert_all(all);
  free(g);
  drop(&p);
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(vectors_are_summed_along_the_tree),
      cmocka_unit_test(gradients_are_differences),
      cmocka_unit_test(products_are_gauss_newtons),
      cmocka_unit_test(structural_damping_is_of_hidden_outputs),
      cmocka_unit_test(layouts_give_the_same_bits),
      cmocka_unit_test(training_can_be_resumed),
      cmocka_unit_test(segments_give_the_same_bits),
      cmocka_unit_test(need_is_what_is_taken),
      cmocka_unit_test(truncation_is_by_windows),
      cmocka_unit_test(windows_carry_states),
      cmocka_unit_test(rates_are_means),
      cmocka_unit_test(outputs_are_seen),
      cmocka_unit_test(failures_are_shared),
      cmocka_unit_test(memory_may_lack_on_one_rank),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
