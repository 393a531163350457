/* Timings, as rows of a Markdown table: what, ours, what it is measured against in the same run,
 * their ratio, and the ratio wanted. Each ratio is the median over rounds in which both are timed
 * in turn, so that a noisy machine is noisy to both.
 *
 *   tame_bench [NUMPY_DOUBLE_UPDATE_MS NUMPY_DOUBLE_TRIAL_S NUMPY_FLOAT_UPDATE_MS
 *   NUMPY_FLOAT_TRIAL_S] */
#include "tame/tame.h"

#include <cblas.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 21 };

static int ascending(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(const double *values)
{
  double sorted[ROUNDS];
  memcpy(sorted, values, sizeof sorted);
  qsort(sorted, ROUNDS, sizeof *sorted, ascending);
  return sorted[ROUNDS / 2];
}

static void must(tame_status status)
{
  if (status == TAME_OK) return;
  fprintf(stderr, "tame_bench: %s\n", tame_message());
  MPI_Abort(MPI_COMM_WORLD, status);
}

static void row(const char *what, const char *ours, const char *theirs, double ratio,
                const char *wanted)
{
  printf("| %s | %s | %s | **%.2f** | %s |\n", what, ours, theirs, ratio, wanted);
  fflush(stdout);
}

/* ---- what is timed -------------------------------------------------------------------------- */

typedef struct subject {
  tame_network_params p;
  tame_network *net;
  tame_learner *learner;
  double *error;
  int64_t p_bytes; /* of P as stored */
} subject;

/* Neurons with `inputs` sources each, of which the first `plastic` learn. */
static subject make_subject(int64_t neurons, int64_t inputs, int64_t plastic, int precision)
{
  subject s = {0};
  tame_variant rls = {0};
  must(tame_network_defaults(&s.p));
  s.p.neurons = neurons;
  s.p.precision = precision;
  s.p.gain = 1.8;
  s.p.noise = 0.001;
  s.p.plastic_fraction = (double)plastic / (double)neurons;
  must(tame_variant_set(&s.p.wiring, &tame_wirings, "fixed_inputs"));
  *(int64_t *)s.p.wiring.params = inputs;
  must(tame_network_create(&s.net, MPI_COMM_WORLD, &s.p));
  must(tame_variant_set(&rls, &tame_learners, "rls"));
  must(tame_learner_create(&s.learner, &rls, s.net, TAME_WEIGHTS_RECURRENT));
  free(rls.params);
  const int64_t edge = (inputs + 7) / 8;
  s.p_bytes = plastic * edge * (edge + 1) / 2 * 64 * (precision ? 4 : 8);
  s.error = calloc((size_t)neurons, sizeof *s.error);
  for (int64_t i = 0; s.error && i < neurons; i++) s.error[i] = 0.01;
  return s;
}

static void free_subject(subject *s)
{
  tame_learner_free(&s->learner);
  tame_network_free(&s->net);
  tame_schema_release(&tame_network_schema, &s->p);
  free(s->error);
}

static double time_updates(subject *s, int count)
{
  tame_network_step(s->net, NULL, true);
  const double began = MPI_Wtime();
  for (int k = 0; k < count; k++) tame_learner_update(s->learner, s->error);
  return (MPI_Wtime() - began) / count;
}

/* Read and write an array of doubles from end to end, each thread its part: the limit of memory. */
static double time_stream(double *a, int64_t n, int count)
{
  const double began = MPI_Wtime();
  for (int k = 0; k < count; k++) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) a[i] += 1e-9;
  }
  return (MPI_Wtime() - began) / count;
}

static double *make_stream(int64_t n)
{
  double *a = aligned_alloc(64, (size_t)(n + 8) / 8 * 64);
  if (!a) exit(1);
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < n; i++) a[i] = 0;
  return a;
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* An update against streaming through an array of P's size; float against double. */
static void bench_updates(int64_t neurons, int64_t inputs, int64_t plastic, int count)
{
  double update[2][ROUNDS], stream[2][ROUNDS], ratio[ROUNDS];
  char what[128], ours[64], theirs[96];
  subject s[2] = {make_subject(neurons, inputs, plastic, 0),
                  make_subject(neurons, inputs, plastic, 1)};
  double *a = make_stream(s[0].p_bytes / 8);
  for (int k = -1; k < ROUNDS; k++) /* round -1 warms up */
    for (int f = 0; f < 2; f++) {
      const double by_memory = time_stream(a, s[f].p_bytes / 8, count);
      const double by_us = time_updates(&s[f], count);
      if (k >= 0) stream[f][k] = by_memory, update[f][k] = by_us;
    }
  for (int f = 0; f < 2; f++) {
    for (int k = 0; k < ROUNDS; k++) ratio[k] = stream[f][k] / update[f][k];
    const double bytes = 2 * (double)s[f].p_bytes;
    snprintf(what, sizeof what, "RLS update, %lld neurons x %lld inputs, %s, P %.3g MB",
             (long long)plastic, (long long)inputs, f ? "float" : "double", bytes / 2e6);
    snprintf(ours, sizeof ours, "%.3f ms, %.0f GB/s", 1e3 * median(update[f]),
             bytes / median(update[f]) / 1e9);
    snprintf(theirs, sizeof theirs, "read + write of such an array: %.0f GB/s",
             bytes / median(stream[f]) / 1e9);
    row(what, ours, theirs, median(ratio), f ? "" : "0.75");
  }
  for (int k = 0; k < ROUNDS; k++) ratio[k] = update[0][k] / update[1][k];
  snprintf(what, sizeof what, "the same, float against double");
  snprintf(ours, sizeof ours, "%.3f ms", 1e3 * median(update[1]));
  snprintf(theirs, sizeof theirs, "%.3f ms", 1e3 * median(update[0]));
  row(what, ours, theirs, median(ratio), "1.7");
  free(a);
  free_subject(&s[0]), free_subject(&s[1]);
}

static double time_steps(tame_network *net, int count)
{
  const double began = MPI_Wtime();
  for (int k = 0; k < count; k++) tame_network_step(net, NULL, true);
  return (MPI_Wtime() - began) / count;
}

/* A plain step of figure 1's network against a dense matrix times a vector. */
static void bench_step(int precision)
{
  enum { N = 800, COUNT = 300 };
  double step[ROUNDS], dense[ROUNDS], ratio[ROUNDS];
  char ours[64], theirs[64];
  tame_network_params p;
  tame_network *net;
  must(tame_network_defaults(&p));
  p.neurons = N;
  p.gain = 1.8;
  p.noise = 0.001;
  p.precision = precision;
  must(tame_network_create(&net, MPI_COMM_WORLD, &p));
  float *A = calloc((size_t)N * N, sizeof *A), *x = calloc(N, sizeof *x), *y = calloc(N, sizeof *y);
  if (!A || !x || !y) exit(1);
  openblas_set_num_threads(omp_get_max_threads());
  for (int k = -1; k < ROUNDS; k++) {
    const double began = MPI_Wtime();
    for (int c = 0; c < COUNT; c++)
      cblas_sgemv(CblasRowMajor, CblasNoTrans, N, N, 1, A, N, x, 1, 0, y, 1);
    const double by_blas = (MPI_Wtime() - began) / COUNT, by_us = time_steps(net, COUNT);
    if (k >= 0) dense[k] = by_blas, step[k] = by_us, ratio[k] = by_blas / by_us;
  }
  snprintf(ours, sizeof ours, "%.1f us", 1e6 * median(step));
  snprintf(theirs, sizeof theirs, "dense sgemv: %.1f us", 1e6 * median(dense));
  row(precision ? "plain step with noise, 800 neurons at 10 %, float"
                : "plain step with noise, 800 neurons at 10 %, double",
      ours, theirs, median(ratio), "25 us at most, and 1.0");
  openblas_set_num_threads(1);
  free(A), free(x), free(y);
  tame_network_free(&net);
  tame_schema_release(&tame_network_schema, &p);
}

/* One recurrent training trial of figure 1, as `tame run` does it: 2950 steps, 1075 updates. */
static double time_trial(int precision)
{
  subject s = make_subject(800, 80, 480, precision);
  const double began = MPI_Wtime();
  for (int t = 0; t < 2950; t++) {
    tame_network_step(s.net, NULL, true);
    if (t < 250 || t >= 2400 || t % 2) continue;
    for (int64_t i = 0; i < 800; i++) s.error[i] = tame_network_rate(s.net, i) - 0.5;
    tame_learner_update(s.learner, s.error);
  }
  const double seconds = MPI_Wtime() - began;
  free_subject(&s);
  return seconds;
}

static void bench_numpy(int precision, double numpy_update, double numpy_trial)
{
  double update[ROUNDS], trial[ROUNDS];
  char ours[64], theirs[64], what[96];
  subject s = make_subject(800, 80, 480, precision);
  time_updates(&s, 50);
  for (int k = 0; k < ROUNDS; k++) update[k] = time_updates(&s, 50);
  free_subject(&s);
  for (int k = 0; k < ROUNDS; k++) trial[k] = k < 5 ? time_trial(precision) : trial[k % 5];
  snprintf(what, sizeof what, "RLS update of figure 1, %s", precision ? "float" : "double");
  snprintf(ours, sizeof ours, "%.3f ms", 1e3 * median(update));
  snprintf(theirs, sizeof theirs, "NumPy: %.2f ms", numpy_update);
  row(what, ours, theirs, numpy_update / 1e3 / median(update), precision ? "100" : "60");
  snprintf(what, sizeof what, "recurrent trial of figure 1, %s", precision ? "float" : "double");
  snprintf(ours, sizeof ours, "%.3f s", median(trial));
  snprintf(theirs, sizeof theirs, "NumPy: %.2f s", numpy_trial);
  row(what, ours, theirs, numpy_trial / median(trial), precision ? "60" : "40");
}

static double resident(void)
{
  long long pages = 0, rss = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%lld %lld", &pages, &rss) != 2) rss = 0;
  if (file) fclose(file);
  return (double)rss * (double)sysconf(_SC_PAGESIZE);
}

/* Memory that a network and its learner take against what they need by their own account. */
static void bench_memory(void)
{
  char ours[64], theirs[64];
  tame_network_load load;
  tame_variant rls = {0};
  must(tame_variant_set(&rls, &tame_learners, "rls"));
  const double before = resident();
  subject s = make_subject(1000, 800, 232, 0);
  time_updates(&s, 2);
  tame_network_measure(s.net, &load);
  const double need = (double)(load.bytes + tame_learner_need(&rls, s.net, TAME_WEIGHTS_RECURRENT));
  const double taken = resident() - before;
  snprintf(ours, sizeof ours, "%.1f MB", taken / 1e6);
  snprintf(theirs, sizeof theirs, "P, W and states: %.1f MB", need / 1e6);
  row("memory taken, 232 neurons x 800 inputs", ours, theirs, taken / need, "1.10 at most");
  free_subject(&s);
  free(rls.params);
}

/* ---- gradients ------------------------------------------------------------------------------ */

enum { GRU_IN = 64, GRU_UNITS = 512, GRU_OUT = 10, GRU_BATCH = 64, GRU_STEPS = 20 };

static void fetch_zeros(const void *context, int64_t first, int64_t count, double *x,
                        double *target, double *elapsed)
{
  (void)context, (void)first, (void)elapsed;
  memset(x, 0, (size_t)(GRU_STEPS * count * GRU_IN) * sizeof *x);
  memset(target, 0, (size_t)(GRU_STEPS * count * GRU_OUT) * sizeof *target);
}

static void choose_cell(tame_variant *cell, const char *name, int64_t units)
{
  must(tame_variant_set(cell, &tame_model_cells, name));
  *(int64_t *)cell->params = units; /* the first of their parameters */
}

/* The products of matrices that a gradient takes at least, `steps` times: out = x W', dx = dout W,
 * dW += dout' x. */
static double time_products(int batch, int in, int out, int steps, bool with_dx)
{
  double *x = calloc((size_t)(batch * in), sizeof *x),
         *y = calloc((size_t)(batch * out), sizeof *y), *W = calloc((size_t)(in * out), sizeof *W);
  if (!x || !y || !W) exit(1);
  const double began = MPI_Wtime();
  for (int t = 0; t < steps; t++) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, batch, out, in, 1, x, in, W, out, 1, y,
                out);
    if (with_dx)
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, batch, in, out, 1, y, out, W, in, 1, x,
                  in);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, out, in, batch, 1, y, out, x, in, 1, W,
                in);
  }
  const double seconds = MPI_Wtime() - began;
  free(x), free(y), free(W);
  return seconds;
}

/* Loss and gradient of a gated network on one core against its products of matrices alone. */
static void bench_gradient(void)
{
  double ours[ROUNDS], products[ROUNDS], ratio[ROUNDS];
  char text[64], theirs[64];
  tame_variant cells[2] = {0};
  tame_bptt_params p;
  tame_model *model;
  tame_bptt *bptt;
  tame_batch_result result;
  choose_cell(&cells[0], "gru", GRU_UNITS), choose_cell(&cells[1], "dense", GRU_OUT);
  const tame_model_params params = {.inputs = GRU_IN, .layers = {.at = cells, .count = 2}};
  const tame_batch batch = {.samples = GRU_BATCH,
                            .steps = GRU_STEPS,
                            .fetch = fetch_zeros,
                            .targets = GRU_BATCH * GRU_STEPS * GRU_OUT};
  must(tame_defaults(&tame_bptt_schema, &p));
  p.micro_batch = GRU_BATCH;
  must(tame_model_create(&model, &params));
  must(tame_bptt_create(&bptt, MPI_COMM_SELF, model, &p, GRU_BATCH, GRU_STEPS));
  double *gradient = calloc((size_t)tame_model_count(model), sizeof *gradient);
  for (int k = -1; k < ROUNDS; k++) {
    const double by_blas = time_products(GRU_BATCH, GRU_UNITS, 3 * GRU_UNITS, GRU_STEPS, true) +
                           time_products(GRU_BATCH, GRU_IN, 3 * GRU_UNITS, GRU_STEPS, false) +
                           time_products(GRU_BATCH, GRU_UNITS, GRU_OUT, GRU_STEPS, true);
    const double began = MPI_Wtime();
    must(tame_bptt_run(bptt, tame_model_slab(model), &batch, &result, gradient));
    const double by_us = MPI_Wtime() - began;
    if (k >= 0) products[k] = by_blas, ours[k] = by_us, ratio[k] = by_blas / by_us;
  }
  snprintf(text, sizeof text, "%.0f ms", 1e3 * median(ours));
  snprintf(theirs, sizeof theirs, "its matrix products alone: %.0f ms", 1e3 * median(products));
  row("gradient of a GRU, 512 units, 64 samples x 20 steps, one core", text, theirs, median(ratio),
      "0.75");
  free(gradient);
  tame_bptt_free(&bptt);
  tame_model_free(&model);
  tame_schema_release(&tame_bptt_schema, &p);
  free(cells[0].params), free(cells[1].params);
}

int main(int argc, char **argv)
{
  tame_layout layout;
  MPI_Init(&argc, &argv);
  tame_layout_find(MPI_COMM_WORLD, &layout);
  tame_network_params p;
  tame_network_load load;
  tame_network *net;
  must(tame_network_defaults(&p));
  p.neurons = 10;
  must(tame_network_create(&net, MPI_COMM_WORLD, &p));
  tame_network_measure(net, &load);
  printf("%d threads, kernels %s.\n\n", layout.threads, load.kernels);
  tame_network_free(&net);
  tame_schema_release(&tame_network_schema, &p);
  printf("| what | ours | against | ratio | wanted |\n|---|---|---|---|---|\n");
  bench_memory();
  bench_updates(800, 80, 480, 50);
  bench_updates(1000, 800, 232, 2);
  bench_step(0);
  bench_step(1);
  bench_gradient();
  if (argc == 5) {
    bench_numpy(0, atof(argv[1]), atof(argv[2]));
    bench_numpy(1, atof(argv[3]), atof(argv[4]));
  }
  MPI_Finalize();
  return 0;
}
