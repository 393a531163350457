/* Timings, as rows of a Markdown table: what, ours, what it is measured against in the same run,
 * their ratio, and the ratio wanted. Each ratio is the median over rounds in which both are timed
 * in turn, so that a noisy machine is noisy to both.
 *
 *   tame_bench [NUMPY_DOUBLE_UPDATE_MS NUMPY_DOUBLE_TRIAL_S NUMPY_FLOAT_UPDATE_MS NUMPY_FLOAT_TRIAL_S
 *               [RESERVOIRPY_DENSE_US RESERVOIRPY_SPARSE_US]]
 *   tame_bench readouts         rows of readouts that are solved for alone
 *   tame_bench lasso FOLDER     the problems of tests/bench/sklearn_lasso.py into FOLDER, and our times on them */
#include "tame/tame.h"

#include "linalg/gram.h"
#include "linalg/lapack.h"
#include "linalg/regress.h"

#include <cblas.h>
#include <malloc.h>
#include <math.h>
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

/* Read an array of doubles from end to end, each thread its part. */
static double time_read(const double *a, int64_t n, int count)
{
  typedef double lanes __attribute__((vector_size(32)));
  static double sink; /* so that it is not left out */
  const double began = MPI_Wtime();
  for (int k = 0; k < count; k++) {
#pragma omp parallel reduction(+ : sink)
    {
      const int64_t t = omp_get_thread_num(), size = omp_get_num_threads();
      const int64_t from = n / 32 * t / size * 32, to = n / 32 * (t + 1) / size * 32;
      lanes sum[8] = {{0}};
      for (int64_t i = from; i < to; i += 32)
        for (int q = 0; q < 8; q++) sum[q] += *(const lanes *)(const void *)(a + i + 4 * q);
      for (int q = 0; q < 8; q++) sink += sum[q][0] + sum[q][1] + sum[q][2] + sum[q][3];
    }
  }
  return (MPI_Wtime() - began) / count;
}

/* A network of leaky units as echo state networks have it, every synapse with this probability. */
static tame_network *make_reservoir(tame_network_params *p, int64_t neurons, double density,
                                    bool self)
{
  tame_network *net;
  must(tame_network_defaults(p));
  p->neurons = neurons;
  p->gain = 0.9;
  p->bias_scale = 1;
  must(tame_variant_set(&p->cell, &tame_cells, "leaky"));
  for (const tame_field *f = p->wiring.row->params.fields; f->name; f++) {
    char *at = (char *)p->wiring.params + f->offset;
    if (strcmp(f->name, "density") == 0) *(double *)(void *)at = density;
    if (strcmp(f->name, "self_connections") == 0) *(bool *)(void *)at = self;
  }
  must(tame_network_create(&net, MPI_COMM_WORLD, p));
  return net;
}

static double time_inputs(tame_network *net, int count)
{
  const double began = MPI_Wtime();
  for (int k = 0; k < count; k++) {
    const double input = k % 100 / 100.0;
    tame_network_step(net, &input, false);
  }
  return (MPI_Wtime() - began) / count;
}

/* A step of a dense network against reading an array of W's size. */
static void bench_dense(int64_t neurons, bool self, int count)
{
  double step[ROUNDS], read[ROUNDS], ratio[ROUNDS];
  char what[96], ours[64], theirs[96];
  tame_network_params p;
  tame_network *net = make_reservoir(&p, neurons, 1, self);
  const int64_t numbers = neurons * (neurons - !self);
  const double bytes = 8.0 * (double)numbers;
  double *a = make_stream(numbers);
  for (int k = -1; k < ROUNDS; k++) {
    const double by_memory = time_read(a, numbers, count), by_us = time_inputs(net, count);
    if (k >= 0) read[k] = by_memory, step[k] = by_us, ratio[k] = by_memory / by_us;
  }
  snprintf(what, sizeof what, "step, %lld neurons, dense%s, double", (long long)neurons,
           self ? "" : " but for self connections");
  snprintf(ours, sizeof ours, "%.1f us, %.0f GB/s", 1e6 * median(step), bytes / median(step) / 1e9);
  snprintf(theirs, sizeof theirs, "reading such an array: %.0f GB/s", bytes / median(read) / 1e9);
  row(what, ours, theirs, median(ratio), "0.75");
  free(a);
  tame_network_free(&net);
  tame_schema_release(&tame_network_schema, &p);
}

/* A step of a reservoir with a bias against ReservoirPy's; 0: it is not there. */
static void bench_reservoir(int64_t neurons, double density, int count, double theirs_us)
{
  double step[ROUNDS];
  char what[96], ours[64], theirs[64];
  tame_network_params p;
  tame_network *net = make_reservoir(&p, neurons, density, true);
  for (int k = -1; k < ROUNDS; k++) {
    const double seconds = time_inputs(net, count);
    if (k >= 0) step[k] = seconds;
  }
  snprintf(what, sizeof what, "step of a reservoir, %lld units at %g %%, double",
           (long long)neurons, 100 * density);
  snprintf(ours, sizeof ours, "%.1f us", 1e6 * median(step));
  if (theirs_us > 0) snprintf(theirs, sizeof theirs, "ReservoirPy: %.0f us", theirs_us);
  else snprintf(theirs, sizeof theirs, "ReservoirPy is missing: pip install reservoirpy");
  row(what, ours, theirs, theirs_us / 1e6 / median(step), "3");
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

/* ---- readouts that are solved for --------------------------------------------------------------- */

static double *make_samples(int64_t count)
{
  double *a = make_stream(count);
  for (int64_t k = 0; k < count; k++)
    a[k] = tame_uniform(1, TAME_DRAW_STATE, (uint32_t)k, 0, 0) - 0.5;
  return a;
}

/* Sums over samples as a learner forms them, against one dsyrk over all of them on as many threads. */
static void bench_gram(int64_t length)
{
  enum { BLOCKS = 8 };
  double ours_s[ROUNDS], theirs_s[ROUNDS], ratio[ROUNDS];
  char what[96], ours[64], theirs[64];
  tame_gram gram;
  must(tame_gram_create(&gram, MPI_COMM_SELF, length, 1));
  const int64_t stride = gram.stride, depth = BLOCKS * TAME_DEPTH;
  double *samples = make_samples(depth * stride), *C = make_stream(length * length);
  const double flops = (double)length * (double)length * (double)depth;
  for (int k = -1; k < ROUNDS; k++) {
    openblas_set_num_threads(omp_get_max_threads());
    double began = MPI_Wtime();
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)length, (int)depth, 1, samples,
                (int)stride, 1, C, (int)length);
    const double by_blas = MPI_Wtime() - began;
    openblas_set_num_threads(1);
    began = MPI_Wtime();
    for (int b = 0; b < BLOCKS; b++) tame_gram_add(&gram, 0, samples + b * TAME_DEPTH * stride);
    const double by_us = MPI_Wtime() - began;
    if (k >= 0) ours_s[k] = by_us, theirs_s[k] = by_blas, ratio[k] = by_blas / by_us;
  }
  snprintf(what, sizeof what, "sums over samples, %lld features", (long long)length);
  snprintf(ours, sizeof ours, "%.1f GFLOP/s", flops / median(ours_s) / 1e9);
  snprintf(theirs, sizeof theirs, "dsyrk of all at once: %.1f GFLOP/s",
           flops / median(theirs_s) / 1e9);
  row(what, ours, theirs, median(ratio), "0.70");
  free(samples), free(C);
  tame_gram_free(&gram);
}

/* The ridge solution, with its check of the condition, against plain dposv, both on one thread. */
static void bench_ridge(int64_t p)
{
  double ours_s[ROUNDS], theirs_s[ROUNDS], ratio[ROUNDS];
  char what[96], ours[64], theirs[64];
  const double alpha = 1;
  const int n = (int)p, one = 1;
  tame_grid grid;
  tame_spread H;
  double *X = make_samples(2 * p * p), *A = make_stream(p * p), *q = make_samples(p),
         *w = make_stream(p), *copy = make_stream(p * p);
  tame_grid_create(&grid, MPI_COMM_SELF, 1);
  must(tame_spread_create(&H, &grid, p, p));
  tame_add_product(p, p, 2 * p, X, p, X, p, A, p);
  for (int k = -1; k < ROUNDS; k++) {
    int info;
    memcpy(copy, A, (size_t)(p * p) * sizeof *A);
    for (int64_t i = 0; i < p; i++) copy[i * (p + 1)] += alpha;
    memcpy(w, q, (size_t)p * sizeof *w);
    double began = MPI_Wtime();
    dposv_("L", &n, &one, copy, &n, w, &n, &info);
    const double by_lapack = MPI_Wtime() - began;
    tame_spread_fill(&H, A);
    began = MPI_Wtime();
    must(tame_ridge_solve(&H, 1, q, 1, &alpha, w, NULL));
    const double by_us = MPI_Wtime() - began;
    if (k >= 0) ours_s[k] = by_us, theirs_s[k] = by_lapack, ratio[k] = by_us / by_lapack;
  }
  snprintf(what, sizeof what, "ridge solution, %lld features, one thread", (long long)p);
  snprintf(ours, sizeof ours, "%.1f ms", 1e3 * median(ours_s));
  snprintf(theirs, sizeof theirs, "dposv: %.1f ms", 1e3 * median(theirs_s));
  row(what, ours, theirs, median(ratio), "1.3 at most");
  tame_spread_free(&H);
  tame_grid_free(&grid);
  free(X), free(A), free(q), free(w), free(copy);
}

/* The most memory that this process has taken since its peak was forgotten. */
static double most_resident(void)
{
  char line[256];
  long long kb = 0;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "VmHWM: %lld kB", &kb) == 1) break;
  if (file) fclose(file);
  return 1024 * (double)kb;
}

/* Memory of a ridge readout beyond its sums, with a million samples. */
static void bench_batch_memory(void)
{
  enum { NEURONS = 1000, SAMPLES = 1000000 };
  char ours[64], theirs[64];
  tame_network_params p;
  tame_network *net;
  tame_learner *learner;
  tame_health health;
  tame_variant ridge = {0};
  must(tame_network_defaults(&p));
  p.neurons = NEURONS;
  p.noise = 0.01;
  must(tame_variant_set(&ridge, &tame_learners, "ridge"));
  must(tame_network_create(&net, MPI_COMM_WORLD, &p));
  malloc_trim(0); /* what others have freed is not to be taken again unseen */
  FILE *file = fopen("/proc/self/clear_refs", "w"); /* forget the peak */
  if (!file || fputs("5", file) < 0 || fclose(file) != 0) exit(1);
  const double before = resident();
  must(tame_learner_create(&learner, &ridge, net, TAME_WEIGHTS_READOUT));
  const double began = MPI_Wtime();
  for (int64_t k = 0; k < SAMPLES; k++) {
    if (k % 100 == 0) tame_network_step(net, NULL, true);
    tame_learner_update(learner, (double[]){tame_network_rate(net, k % NEURONS)});
  }
  must(tame_learner_health(learner, &health));
  const double seconds = MPI_Wtime() - began;
  const double sums = tame_gram_bytes(NEURONS + 2, 1, 1), taken = most_resident() - before;
  snprintf(ours, sizeof ours, "%.1f MB, %.0f s", taken / 1e6, seconds);
  snprintf(theirs, sizeof theirs, "its sums: %.1f MB", sums / 1e6);
  printf("| ridge readout of 1,000 rates, a million samples | %s | %s | **%.1f MB beyond** | 100 "
         "MB at "
         "most |\n",
         ours, theirs, (taken - sums) / 1e6);
  tame_learner_free(&learner);
  tame_network_free(&net);
  tame_schema_release(&tame_network_schema, &p);
  tame_schema_release(&ridge.row->params, ridge.params);
  free(ridge.params);
}

static void bench_readouts(void)
{
  bench_batch_memory();
  bench_gram(400);
  bench_gram(1000);
  bench_gram(2000);
  bench_ridge(400);
  bench_ridge(1000);
}

/* ---- a path of LASSO, for scikit-learn to be measured on the same ---------------------------------- */

enum { PATH = 50, PATH_TIMES = 5 };

/* Rates of an echo state network, and a step long after its input. X: [n][p], y: [n] */
static void make_echo(int64_t n, int64_t p, double *X, double *y)
{
  tame_network_params params;
  tame_network *net;
  must(tame_network_defaults(&params));
  params.neurons = p;
  params.inputs = 1;
  params.gain = 1.5;
  params.noise = 0.01;
  *(double *)params.cell.params = 30; /* tau_ms */
  must(tame_network_create(&net, MPI_COMM_WORLD, &params));
  for (int64_t t = 0; t < n; t++) {
    const double u = t >= 100 && t < 200;
    tame_network_step(net, &u, true);
    for (int64_t j = 0; j < p; j++) X[t * p + j] = tame_network_rate(net, j);
    y[t] = t >= 2 * n / 3 && t < 5 * n / 6;
  }
  tame_network_free(&net);
  tame_schema_release(&tame_network_schema, &params);
}

static void make_noise(int64_t n, int64_t p, double *X, double *y)
{
  for (int64_t t = 0; t < n; t++) {
    y[t] = tame_normal(1, TAME_DRAW_STATE, (uint32_t)t, 0, 0);
    for (int64_t j = 0; j < p; j++) {
      X[t * p + j] = tame_normal(2, TAME_DRAW_STATE, (uint32_t)t, (uint32_t)j, 0);
      if (j < 50) y[t] += X[t * p + j];
    }
  }
}

static void centre(int64_t n, int64_t p, double *X)
{
  for (int64_t j = 0; j < p; j++) {
    double mean = 0;
    for (int64_t t = 0; t < n; t++) mean += X[t * p + j] / (double)n;
    for (int64_t t = 0; t < n; t++) X[t * p + j] -= mean;
  }
}

/* Sums and the path from them; *gap: the largest, as a share of |y|^2. */
static double time_path(int64_t n, int64_t p, const double *X, const double *y, double *gap)
{
  tame_gram gram;
  tame_grid grid;
  tame_equations e;
  double *w = make_stream(p), most = 0;
  const double began = MPI_Wtime();
  tame_grid_create(&grid, MPI_COMM_SELF, 1);
  must(tame_gram_create(&gram, MPI_COMM_SELF, p + 1, 1));
  double *samples = make_stream(TAME_DEPTH * gram.stride);
  for (int64_t t = 0; t < n; t += TAME_DEPTH) {
    memset(samples, 0, (size_t)(TAME_DEPTH * gram.stride) * sizeof *samples);
    for (int64_t k = t; k < n && k < t + TAME_DEPTH; k++) {
      memcpy(samples + (k - t) * gram.stride, X + k * p, (size_t)p * sizeof *X);
      samples[(k - t) * gram.stride + p] = y[k];
    }
    tame_gram_add(&gram, 0, samples);
  }
  must(tame_gram_equations(&gram, &grid, -1, -1, -1, p, 1, &e));
  tame_spread_mirror(&e.H);
  for (int64_t j = 0; j < p; j++) most = fmax(most, fabs(e.q[j]) / (double)n);
  *gap = 0;
  for (int k = 0; k < PATH; k++) {
    tame_descent d;
    must(tame_elastic_net(n, p, most * pow(1e-3, k / (PATH - 1.0)), 1, 1e-4, 100000, e.H.at, e.q,
                          *e.yy, w, &d));
    *gap = fmax(*gap, d.gap / *e.yy);
  }
  const double seconds = MPI_Wtime() - began;
  tame_equations_free(&e);
  tame_gram_free(&gram);
  tame_grid_free(&grid);
  free(samples), free(w);
  return seconds;
}

static void lasso_problem(const char *folder, const char *name, int64_t n, int64_t p,
                          void (*make)(int64_t, int64_t, double *, double *))
{
  char path[1024];
  double best = INFINITY, gap = 0;
  double *X = make_stream(n * p), *y = make_stream(n);
  make(n, p, X, y);
  centre(n, p, X), centre(n, 1, y);
  snprintf(path, sizeof path, "%s/%s.bin", folder, name);
  FILE *file = fopen(path, "wb");
  if (!file ||
      fwrite(X, sizeof *X, (size_t)(n * p), file) + fwrite(y, sizeof *y, (size_t)n, file) !=
          (size_t)(n * p + n))
    exit(1);
  fclose(file);
  for (int k = 0; k < PATH_TIMES; k++) best = fmin(best, time_path(n, p, X, y, &gap));
  printf("%s %lld %lld %.4f %.2e\n", name, (long long)n, (long long)p, best, gap);
  free(X), free(y);
}

/* ---- gradients ------------------------------------------------------------------------------ */

enum { GRU_IN = 64, GRU_UNITS = 512, GRU_OUT = 10, GRU_BATCH = 64, GRU_STEPS = 20 };

/* A model of one cell and a dense layer, and what its gradients are made of. */
typedef struct lesson {
  int64_t inputs, outputs, steps;
  tame_variant cells[2];
  tame_bptt_params p;
  tame_model *model;
  tame_bptt *bptt;
  tame_batch batch;
  double *gradient, *product;
} lesson;

static void fetch_waves(const void *context, int64_t first, int64_t count, double *x,
                        double *target, double *elapsed)
{
  const lesson *l = context;
  (void)first, (void)elapsed;
  for (int64_t k = 0; k < l->steps * count * l->inputs; k++) x[k] = sin(0.1 * (double)k);
  memset(target, 0, (size_t)(l->steps * count * l->outputs) * sizeof *target);
}

static void choose_cell(tame_variant *cell, const char *name, int64_t units)
{
  must(tame_variant_set(cell, &tame_model_cells, name));
  *(int64_t *)cell->params = units; /* the first of their parameters */
}

static void make_lesson(lesson *l, const char *cell, int64_t units, int64_t samples)
{
  choose_cell(&l->cells[0], cell, units), choose_cell(&l->cells[1], "dense", l->outputs);
  const tame_model_params params = {.inputs = l->inputs, .layers = {.at = l->cells, .count = 2}};
  l->batch = (tame_batch){.samples = samples,
                          .steps = l->steps,
                          .fetch = fetch_waves,
                          .context = l,
                          .targets = samples * l->steps * l->outputs};
  must(tame_defaults(&tame_bptt_schema, &l->p));
  l->p.micro_batch = samples < 64 ? samples : 64;
  must(tame_model_create(&l->model, &params));
  must(tame_bptt_create(&l->bptt, MPI_COMM_SELF, l->model, &l->p, samples, l->steps));
  const size_t n = (size_t)tame_model_count(l->model);
  l->gradient = calloc(n, sizeof *l->gradient), l->product = calloc(n, sizeof *l->product);
  if (!l->gradient || !l->product) exit(1);
}

static void free_lesson(lesson *l)
{
  free(l->gradient), free(l->product);
  tame_bptt_free(&l->bptt);
  tame_model_free(&l->model);
  tame_schema_release(&tame_bptt_schema, &l->p);
  free(l->cells[0].params), free(l->cells[1].params);
}

/* Seconds of a gradient. */
static double time_gradient(lesson *l)
{
  tame_batch_result result;
  const double began = MPI_Wtime();
  must(tame_bptt_run(l->bptt, tame_model_slab(l->model), &l->batch, &result, l->gradient));
  return MPI_Wtime() - began;
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
  lesson l = {.inputs = GRU_IN, .outputs = GRU_OUT, .steps = GRU_STEPS};
  make_lesson(&l, "gru", GRU_UNITS, GRU_BATCH);
  for (int k = -1; k < ROUNDS; k++) {
    const double by_blas = time_products(GRU_BATCH, GRU_UNITS, 3 * GRU_UNITS, GRU_STEPS, true) +
                           time_products(GRU_BATCH, GRU_IN, 3 * GRU_UNITS, GRU_STEPS, false) +
                           time_products(GRU_BATCH, GRU_UNITS, GRU_OUT, GRU_STEPS, true);
    const double by_us = time_gradient(&l);
    if (k >= 0) products[k] = by_blas, ours[k] = by_us, ratio[k] = by_blas / by_us;
  }
  snprintf(text, sizeof text, "%.0f ms", 1e3 * median(ours));
  snprintf(theirs, sizeof theirs, "its matrix products alone: %.0f ms", 1e3 * median(products));
  row("gradient of a GRU, 512 units, 64 samples x 20 steps, one core", text, theirs, median(ratio),
      "0.75");
  free_lesson(&l);
}

/* A Gauss-Newton product against a gradient of the same samples. */
static void bench_product(const char *cell, int64_t units, int64_t samples, int64_t steps)
{
  double ours[ROUNDS], gradients[ROUNDS], ratio[ROUNDS];
  char what[128], text[64], theirs[64];
  lesson l = {.inputs = 2, .outputs = 1, .steps = steps};
  make_lesson(&l, cell, units, samples);
  for (int k = -1; k < ROUNDS; k++) {
    const double gradient = time_gradient(&l), began = MPI_Wtime();
    must(tame_bptt_product(l.bptt, tame_model_slab(l.model), &l.batch, 0, l.gradient, l.product));
    const double product = MPI_Wtime() - began;
    if (k >= 0) ours[k] = product, gradients[k] = gradient, ratio[k] = product / gradient;
  }
  snprintf(what, sizeof what, "Gauss-Newton product, %s of %lld units, %lld x %lld steps", cell,
           (long long)units, (long long)samples, (long long)steps);
  snprintf(text, sizeof text, "%.1f ms", 1e3 * median(ours));
  snprintf(theirs, sizeof theirs, "a gradient: %.1f ms", 1e3 * median(gradients));
  row(what, text, theirs, median(ratio), "at most 2.5");
  free_lesson(&l);
}

static void bench_products(void)
{
  bench_product("rnn", 100, 400, 100);
  bench_product("gru", 100, 100, 50);
  bench_product("lstm", 100, 100, 50);
}

int main(int argc, char **argv)
{
  tame_layout layout;
  MPI_Init(&argc, &argv);
  tame_layout_find(MPI_COMM_WORLD, &layout);
  if (argc == 2 && strcmp(argv[1], "readouts") == 0) {
    bench_readouts();
    MPI_Finalize();
    return 0;
  }
  if (argc == 2 && strcmp(argv[1], "products") == 0) {
    bench_products();
    MPI_Finalize();
    return 0;
  }
  if (argc == 3 && strcmp(argv[1], "lasso") == 0) {
    tame_blas_alone();
    lasso_problem(argv[2], "echo", 3000, 400, make_echo);
    lasso_problem(argv[2], "noise", 2000, 1000, make_noise);
    MPI_Finalize();
    return 0;
  }
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
  bench_dense(400, false, 500);
  bench_dense(400, true, 500);
  bench_dense(2000, false, 10);
  bench_dense(2000, true, 10);
  bench_reservoir(400, 1, 500, argc == 7 ? atof(argv[5]) : 0);
  bench_reservoir(10000, 0.01, 20, argc == 7 ? atof(argv[6]) : 0);
  bench_readouts();
  bench_gradient();
  bench_products();
  if (argc >= 5) {
    bench_numpy(0, atof(argv[1]), atof(argv[2]));
    bench_numpy(1, atof(argv[3]), atof(argv[4]));
  }
  MPI_Finalize();
  return 0;
}
