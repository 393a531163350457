/* Analyses of a network: the tangent step against differences of the network's own, exponents against the
 * eigenvalues of a linear network, two methods against each other, components of rates that are known, eigenvalues
 * of matrices that are known; and a state that is saved in the midst of a trial goes on to the same bits. */
/* ranks: 1 2 3 4 7 */
/* timeout: 240 */
#include "support.h"

#include "network/inside.h"
#include "network/tangent.h"
#include "tame/analysis.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double PI = 3.14159265358979323846;

/* ---- small helps ------------------------------------------------------------------------------- */

static tame_network *make_network(const tame_network_params *p)
{
  tame_network *net;
  assert_all(tame_network_create(&net, MPI_COMM_WORLD, p) == TAME_OK);
  return net;
}

/* A row of the table, with a value for some of its parameters; names end with NULL. */
static tame_variant analysis_of(const char *row, const char *const *names, const double *values)
{
  tame_variant which = {0};
  if (tame_variant_set(&which, &tame_analyses, row) != TAME_OK) abort();
  for (; names && *names; names++, values++)
    for (const tame_field *f = which.row->params.fields; f && f->name; f++) {
      char *const at = (char *)which.params + f->offset;
      if (strcmp(f->name, *names) != 0) continue;
      if (f->kind == TAME_INT) *(int64_t *)(void *)at = (int64_t)*values;
      else if (f->kind == TAME_BOOL) *(bool *)(void *)at = *values != 0;
      else if (f->kind == TAME_CHOICE) *(int *)(void *)at = (int)*values;
      else *(double *)(void *)at = *values;
    }
  return which;
}

static const double input[2] = {0.3, -0.2};

/* A step, and its readout fed back if the network has feedback. */
static void step_fed(tame_network *net)
{
  double z[2];
  tame_network_step(net, input, true);
  if (!net->w_fb) return;
  tame_network_readout(net, z);
  tame_network_feed(net, z, true);
}

/* Steps [first, last) of a trial, observed. */
static void run_steps(tame_network *net, tame_analysis **analyses, int count, int64_t first,
                      int64_t last)
{
  for (int64_t t = first; t < last; t++) {
    step_fed(net);
    for (int i = 0; i < count; i++) tame_analysis_step(analyses[i], input, true);
  }
}

/* A whole window of `steps` from the state the network is in. */
static tame_analysis *analyse(tame_network *net, const tame_variant *which, int64_t steps)
{
  const tame_analysis_about about = {&net->p, 0, steps};
  tame_analysis *a;
  const char *key;
  assert_all(tame_analysis_check(which, &about, &key) == TAME_OK);
  assert_all(tame_analysis_create(&a, which, &about, net) == TAME_OK);
  tame_analysis_begin(a);
  run_steps(net, &a, 1, 0, steps);
  assert_all(tame_analysis_end(a) == TAME_OK);
  return a;
}

/* A result on every rank, [count]. */
static void share(const tame_analysis *a, int result, int count, double *values)
{
  if (world_rank() == 0)
    memcpy(values, tame_analysis_values(a, result), (size_t)count * sizeof *values);
  MPI_Bcast(values, count, MPI_DOUBLE, 0, MPI_COMM_WORLD);
}

/* ---- tangents ---------------------------------------------------------------------------------- */

/* Against (F(x + e d) - F(x - e d)) / 2 e, of a network that moves, with input, noise and its readout fed back. */
static void compare_tangents(double feedback, const char *cell, const char *activation,
                             double density)
{
  enum { COLUMNS = 3, N = 40 };
  const double e = 1e-5;
  tame_network_params p = small_params(N);
  p.feedback_scale = feedback;
  set_wiring(&p, "random", density);
  if (tame_variant_set(&p.cell, &tame_cells, cell) != TAME_OK) abort();
  for (const tame_field *f = p.cell.row->params.fields; f->name && activation; f++) {
    void *const at = (char *)p.cell.params + f->offset;
    if (strcmp(f->name, "leak") == 0) *(double *)at = 0.3;
    if (strcmp(f->name, "threshold") == 0 && strcmp(activation, "relu") == 0) *(double *)at = -0.2;
    for (int c = 0; f->choices && f->choices[c]; c++)
      if (strcmp(f->choices[c], activation) == 0) *(int *)at = c;
  }
  tame_network *net = make_network(&p), *twins[2];
  tame_tangents *tangents;
  const int64_t n = net->n_local;
  double *dx = calloc((size_t)(n * COLUMNS) + 1, sizeof *dx), *d = calloc((size_t)n + 1, sizeof *d),
         worst = 0, largest = 0;
  if (!dx || !d) abort();
  for (int k = 0; k < 2; k++) assert_all(tame_network_twin(&twins[k], net) == TAME_OK);
  assert_all(tame_tangents_create(&tangents, net, COLUMNS) == TAME_OK);
  for (int64_t k = 0; k < n * COLUMNS; k++)
    dx[k] = tame_normal(5, TAME_DRAW_TANGENT, (uint32_t)(net->first * COLUMNS + k), 0, 0);
  for (int t = 0; t < 5; t++) step_fed(net);
  for (int t = 0; t < 20; t++) { /* one column after the other is compared */
    const int c = t % COLUMNS;
    for (int64_t i = 0; i < n; i++) d[i] = dx[i * COLUMNS + c];
    for (int k = 0; k < 2; k++) {
      tame_network_twin_follow(twins[k], net);
      for (int64_t i = 0; i < n; i++)
        tame_real_put(twins[k], twins[k]->x, i, tame_real_at(net, net->x, i) + (k ? -e : e) * d[i]);
      tame_network_twin_moved(twins[k], net);
      tame_network_step(twins[k], input, true);
    }
    tame_tangents_begin(tangents);
    step_fed(net);
    tame_tangents_step(tangents, dx);
    for (int64_t i = 0; i < n; i++) {
      const double moved = tame_real_at(net, twins[0]->x, i) - tame_real_at(net, twins[1]->x, i);
      worst = fmax(worst, fabs(moved / (2 * e) - dx[i * COLUMNS + c]));
      largest = fmax(largest, fabs(dx[i * COLUMNS + c]));
    }
  }
  assert_all(worst < 1e-8);
  MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  assert_all(largest > 0.1);
  for (int k = 0; k < 2; k++) tame_network_twin_free(&twins[k]);
  tame_tangents_free(&tangents);
  tame_network_free(&net);
  free(dx), free(d);
  free_params(&p);
}

static void tangents_are_differences_of_steps(void **state)
{
  (void)state;
  compare_tangents(0, "rate", NULL, 0.1);
  compare_tangents(1.5, "rate", NULL, 0.1);
  compare_tangents(1.5, "leaky", "tanh", 0.2);
  compare_tangents(0.1, "leaky", "linear", 0.2);
  compare_tangents(0.1, "leaky", "relu", 0.2);
  compare_tangents(0, "rate", NULL, 1); /* dense, without lists of sources */
}

/* Give W the values of a matrix, where it has synapses. */
static void set_weights(tame_network *net, double (*of)(int64_t i, int64_t j))
{
  for (int64_t i = 0; i < net->n_local; i++)
    for (int64_t s = net->start[i]; s < net->start[i + 1]; s++)
      tame_real_put(net, net->w, s, of(net->first + i, tame_network_source(net, i, s)));
}

/* At rest, x = 0, a network is linear: x <- (1 - a) x + a W x. */
static tame_network_params resting_params(int64_t neurons)
{
  tame_network_params p = small_params(neurons);
  p.gain = 0.9;
  p.inputs = 0;
  p.noise = 0;
  p.initial_range = 0;
  set_wiring(&p, "random", 1);
  *(bool *)(void *)((char *)p.wiring.params + p.wiring.row->params.fields[1].offset) = true;
  return p;
}

enum { RESTING = 16 };
static double eigenvalue(int64_t i)
{
  return 0.8 - 0.05 * (double)(i * 7 % RESTING); /* 0.8, 0.75, ... in another order */
}
static double triangular(int64_t i, int64_t j)
{
  return i == j ? eigenvalue(i) : i > j ? 0.3 * sin((double)(3 * i + 5 * j)) : 0;
}

/* log |1 - a + a mu| / dt, of each eigenvalue mu of W. */
static void exponents_at_rest_are_those_of_the_eigenvalues(void **state)
{
  (void)state;
  static const char *const names[] = {"exponents", "settle_ms", NULL};
  tame_network_params p = resting_params(RESTING);
  tame_network *net = make_network(&p);
  tame_variant which = analysis_of("lyapunov", names, (double[]){RESTING, 8000});
  set_weights(net, triangular);
  tame_analysis *a = analyse(net, &which, 8200);
  double found[RESTING], worst = 0;
  share(a, 0, RESTING, found);
  for (int k = 0; k < RESTING; k++)
    worst = fmax(worst, fabs(found[k] - log(0.9 + 0.1 * (0.8 - 0.05 * k)) / 0.001));
  assert_all(worst < 1e-8);
  tame_analysis_free(&a);
  free(which.params);
  tame_network_free(&net);
  free_params(&p);
}

/* Of any W, the sum of all exponents is the shrinking of volume, from the first step on. */
static void all_exponents_add_up_to_the_volume(void **state)
{
  (void)state;
  enum { N = 24 };
  static const char *const names[] = {"exponents", NULL};
  tame_network_params p = resting_params(N);
  tame_network *net = make_network(&p);
  tame_variant lyapunov = analysis_of("lyapunov", names, (double[]){N}),
               spectrum = analysis_of("spectrum", NULL, NULL);
  tame_analysis *a = analyse(net, &lyapunov, 200), *b = analyse(net, &spectrum, 1);
  double found[N], mu[2 * N], volume = 0, sum = 0;
  share(a, 0, N, found);
  share(b, 0, 2 * N, mu);
  for (int k = 0; k < N; k++) {
    volume += log(hypot(0.9 + 0.1 * mu[2 * k], 0.1 * mu[2 * k + 1])) / 0.001;
    sum += found[k];
  }
  assert_all(fabs(sum / volume - 1) < 1e-11 && volume < -1000);
  tame_analysis_free(&a), tame_analysis_free(&b);
  free(lyapunov.params), free(spectrum.params);
  tame_network_free(&net);
  free_params(&p);
}

/* ---- chaos ------------------------------------------------------------------------------------- */

/* Tangents and a second trajectory: the same number for one network along one trial, noise and input in it. */
static void compare_methods(double feedback)
{
  enum { STEPS = 3000 };
  tame_network_params p = small_params(150);
  p.gain = 3;
  p.feedback_scale = feedback;
  static const char *const exponents[] = {"exponents", NULL}, *const every[] = {"every", NULL};
  tame_variant rows[2] = {analysis_of("lyapunov", exponents, (double[]){4}),
                          analysis_of("divergence", every, (double[]){20})};
  double found[2];
  for (int k = 0; k < 2; k++) {
    tame_network *net = make_network(&p);
    tame_analysis *a = analyse(net, &rows[k], STEPS);
    share(a, 0, 1, &found[k]);
    tame_analysis_free(&a);
    tame_network_free(&net);
    free(rows[k].params);
  }
  if (world_rank() == 0) print_message("largest exponent: %.5f and %.5f 1/s\n", found[0], found[1]);
  assert_all(found[0] > 1); /* it is chaotic */
  assert_all(fabs(found[0] - found[1]) < 1e-3);
  free_params(&p);
}

static void both_methods_agree(void **state)
{
  (void)state;
  compare_methods(0);
  compare_methods(1);
}

/* Sompolinsky, Crisanti & Sommers (1988), Phys. Rev. Lett. 61:259: below g = 1 all dies away, at the rate of the
 * linear network, (g - 1) / tau; above it there is chaos. */
static void chaos_begins_at_gain_one(void **state)
{
  (void)state;
  static const char *const names[] = {"exponents", "settle_ms", NULL};
  static const double gains[] = {0.8, 1.5};
  double found[2];
  for (int k = 0; k < 2; k++) {
    tame_network_params p = small_params(1000);
    p.gain = gains[k];
    p.inputs = 0;
    p.noise = 0;
    tame_network *net = make_network(&p);
    tame_variant which = analysis_of("lyapunov", names, (double[]){1, 500});
    tame_analysis *a = analyse(net, &which, 2000);
    share(a, 0, 1, &found[k]);
    tame_analysis_free(&a);
    tame_network_free(&net);
    free(which.params);
    free_params(&p);
  }
  if (world_rank() == 0) print_message("g 0.8: %.2f, g 1.5: %.2f 1/s\n", found[0], found[1]);
  assert_all(found[0] < 0 && fabs(found[0] / -20 - 1) < 0.15);
  assert_all(found[1] > 0.5);
}

/* ---- components -------------------------------------------------------------------------------- */

/* Rates that move in a plane: m + a sin + b cos, a and b at a right angle, whole periods. */
static void components_are_those_of_a_plane(void **state)
{
  (void)state;
  enum { N = 70, STEPS = 300, COMPONENTS = 3 }; /* more than are added together */
  static const char *const names[] = {"components", "projections", NULL};
  tame_network_params p = small_params(N);
  tame_network *net = make_network(&p);
  tame_variant which = analysis_of("pca", names, (double[]){COMPONENTS, 1});
  const tame_analysis_about about = {&p, 0, STEPS};
  tame_analysis *c;
  double a[N], b[N], aa = 0, bb = 0;
  for (int i = 0; i < N; i++) {
    a[i] = i % 2 ? 0 : 0.5 - 0.01 * i;
    b[i] = i % 2 ? 0.005 * i : 0;
    aa += a[i] * a[i], bb += b[i] * b[i];
  }
  assert_all(tame_analysis_create(&c, &which, &about, net) == TAME_OK);
  tame_analysis_begin(c);
  for (int t = 0; t < STEPS; t++) {
    for (int64_t i = 0; i < net->n_local; i++) {
      const int64_t id = net->first + i;
      tame_real_put(net, net->r, i,
                    0.3 + 0.002 * (double)id + a[id] * sin(2 * PI * t / 50) +
                        b[id] * cos(2 * PI * t / 25));
    }
    tame_network_restored(net);
    tame_analysis_step(c, NULL, false);
  }
  assert_all(tame_analysis_end(c) == TAME_OK);
  static double variance[N], vectors[COMPONENTS * N], mean[N], path[COMPONENTS * STEPS];
  double ratio, count, worst = 0;
  share(c, 0, N, variance);
  share(c, 1, COMPONENTS * N, vectors);
  share(c, 2, N, mean);
  share(c, 3, 1, &ratio);
  share(c, 4, 1, &count);
  share(c, 5, COMPONENTS * STEPS, path);
  const double first = fmax(aa, bb) / 2, second = fmin(aa, bb) / 2;
  const double *const large = aa > bb ? a : b, *const small = aa > bb ? b : a;
  assert_all(fabs(variance[0] - first) < 1e-13 && fabs(variance[1] - second) < 1e-13);
  for (int k = 2; k < N; k++) worst = fmax(worst, fabs(variance[k]));
  int largest[2] = {0, 0}; /* entry, which is to be positive */
  for (int i = 0; i < N; i++) {
    if (fabs(large[i]) > fabs(large[largest[0]])) largest[0] = i;
    if (fabs(small[i]) > fabs(small[largest[1]])) largest[1] = i;
  }
  for (int i = 0; i < N; i++) {
    const double sign[2] = {copysign(1, large[largest[0]]), copysign(1, small[largest[1]])};
    worst = fmax(worst, fabs(vectors[i] - sign[0] * large[i] / sqrt(2 * first)));
    worst = fmax(worst, fabs(vectors[N + i] - sign[1] * small[i] / sqrt(2 * second)));
    worst = fmax(worst, fabs(mean[i] - 0.3 - 0.002 * i));
  }
  for (int t = 0; t < STEPS; t++) {
    const double along = (aa > bb ? sin(2 * PI * t / 50) : cos(2 * PI * t / 25)) * sqrt(2 * first);
    worst = fmax(worst, fabs(fabs(path[t]) - fabs(along)));
    worst = fmax(worst, fabs(path[2 * STEPS + t])); /* nothing moves off the plane */
  }
  assert_all(worst < 1e-12);
  assert_all(fabs(ratio - pow(first + second, 2) / (first * first + second * second)) < 1e-12);
  assert_all(count == (first >= 0.95 * (first + second) ? 1 : 2));
  tame_analysis_free(&c);
  free(which.params);
  tame_network_free(&net);
  free_params(&p);
}

/* Of a network's own rates: variances and vectors make the covariance again, as it is by hand; solvers: an index. */
static void check_covariance(int solvers)
{
  enum { N = 70, STEPS = 150 }; /* more than a block of a grid */
  static double rates[STEPS][N], found[N], vectors[N * N], mean[N];
  static const char *const names[] = {"components", "solvers", NULL};
  tame_network_params p = small_params(N);
  tame_network *net = make_network(&p);
  tame_variant which = analysis_of("pca", names, (double[]){N, solvers});
  tame_analysis *c = analyse(net, &which, STEPS);
  share(c, 0, N, found);
  share(c, 1, N * N, vectors);
  tame_network_reset(net, 0);
  memset(mean, 0, sizeof mean);
  for (int t = 0; t < STEPS; t++) {
    tame_network_step(net, input, true);
    memcpy(rates[t], tame_network_all_rates(net), sizeof rates[t]);
    for (int i = 0; i < N; i++) mean[i] += rates[t][i] / STEPS;
  }
  double worst = 0, largest = 0;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      double by_hand = 0, again = 0;
      for (int t = 0; t < STEPS; t++)
        by_hand += (rates[t][i] - mean[i]) * (rates[t][j] - mean[j]) / STEPS;
      for (int k = 0; k < N; k++) again += found[k] * vectors[k * N + i] * vectors[k * N + j];
      worst = fmax(worst, fabs(by_hand - again));
      largest = fmax(largest, fabs(by_hand));
    }
  assert_all(worst < 1e-14 && largest > 1e-3);
  for (int k = 1; k < N; k++) assert_all(found[k] <= found[k - 1] && found[k] >= 0);
  tame_analysis_free(&c);
  free(which.params);
  tame_network_free(&net);
  free_params(&p);
}

static void components_make_the_covariance(void **state)
{
  (void)state;
  check_covariance(0);
  if (world_size() >= 4) check_covariance(1);
}

/* Four ranks that are to solve together, and too few of them. */
static void solvers_must_be_there(void **state)
{
  (void)state;
  static const char *const names[] = {"solvers", NULL};
  if (world_size() >= 4) return;
  tame_network_params p = small_params(20);
  tame_network *net = make_network(&p);
  tame_variant which = analysis_of("pca", names, (double[]){1});
  const tame_analysis_about about = {&p, 0, 10};
  tame_analysis *c;
  assert_all(tame_analysis_create(&c, &which, &about, net) == TAME_ERR_INPUT && !c);
  assert_all(strstr(tame_message(), "pca.solvers: 4 ranks are to solve together") != NULL);
  free(which.params);
  tame_network_free(&net);
  free_params(&p);
}

/* ---- spectrum ---------------------------------------------------------------------------------- */

enum { RING = 6 };
static double ring(int64_t i, int64_t j)
{
  return 2 * (double)((i + 1) % RING == j);
}

/* A shift round a ring, twice: 2 exp(2 pi i k / 6), sorted by real part, then imaginary part. */
static void eigenvalues_of_a_ring_are_roots_of_unity(void **state)
{
  (void)state;
  static const int turns[RING] = {0, 1, 5, 2, 4, 3};
  tame_network_params p = small_params(RING);
  p.plasticity = TAME_PLASTIC_NONE;
  set_wiring(&p, "fixed_inputs", RING - 1);
  tame_network *net = make_network(&p);
  tame_variant which = analysis_of("spectrum", NULL, NULL);
  set_weights(net, ring);
  tame_analysis *a = analyse(net, &which, 1);
  double found[2 * RING], radius, worst = 0;
  share(a, 0, 2 * RING, found);
  share(a, 1, 1, &radius);
  for (int k = 0; k < RING; k++) {
    worst = fmax(worst, fabs(found[2 * k] - 2 * cos(2 * PI * turns[k] / RING)));
    worst = fmax(worst, fabs(found[2 * k + 1] - 2 * sin(2 * PI * turns[k] / RING)));
  }
  assert_all(fabs(radius - 2) < 1e-13);
  assert_all(worst < 1e-13);
  tame_analysis_free(&a);
  free(which.params);
  tame_network_free(&net);
  free_params(&p);
}

/* W v = mu v, |v| = 1, and of the largest elements the last is real and positive. Of a ring every element is as large as
 * the others, of a random W one is the largest. */
static void eigenvectors_are_of_their_eigenvalues(void **state)
{
  (void)state;
  static const char *const names[] = {"vectors", NULL};
  for (int drawn = 0; drawn < 2; drawn++) {
    tame_network_params p = small_params(RING);
    p.plasticity = TAME_PLASTIC_NONE;
    set_wiring(&p, "fixed_inputs", RING - 1);
    tame_network *net = make_network(&p);
    tame_variant which = analysis_of("spectrum", names, (double[]){1});
    if (!drawn) set_weights(net, ring);
    tame_analysis *a = analyse(net, &which, 1);
    double W[RING][RING], mu[RING][2], v[2][RING][RING], worst = 0;
    int complex_ones = 0;
    share(a, 0, 2 * RING, &mu[0][0]);
    share(a, 2, RING * RING, &v[0][0][0]);
    share(a, 3, RING * RING, &v[1][0][0]);
    assert_all(tame_network_dense(net, &W[0][0]) == TAME_OK);
    MPI_Bcast(W, RING * RING, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    for (int k = 0; k < RING; k++) {
      double size = 0, largest = 0;
      int last = 0;
      for (int i = 0; i < RING; i++) {
        double re = mu[k][1] * v[1][k][i] - mu[k][0] * v[0][k][i];
        double im = -mu[k][1] * v[0][k][i] - mu[k][0] * v[1][k][i];
        for (int j = 0; j < RING; j++) re += W[i][j] * v[0][k][j], im += W[i][j] * v[1][k][j];
        worst = fmax(worst, hypot(re, im));
        const double modulus = hypot(v[0][k][i], v[1][k][i]);
        size += modulus * modulus;
        if (modulus > largest - 1e-9) last = i;
        largest = fmax(largest, modulus);
      }
      worst = fmax(worst, fabs(size - 1));
      assert_all(v[1][k][last] == 0 && v[0][k][last] > 0.3);
      complex_ones += mu[k][1] != 0;
    }
    assert_all(worst < 1e-13);
    assert_all(complex_ones >= 2 && complex_ones < RING);
    tame_analysis_free(&a);
    free(which.params);
    tame_network_free(&net);
    free_params(&p);
  }
}

/* Sum of eigenvalues and of their squares: traces of W and W W, of a matrix that is gathered from all ranks. */
static void eigenvalues_add_up_to_traces(void **state)
{
  (void)state;
  enum { N = 150 };
  static double W[N * N], found[2 * N];
  tame_network_params p = small_params(N);
  p.plasticity = TAME_PLASTIC_PER_SYNAPSE;
  *(bool *)(void *)((char *)p.wiring.params + p.wiring.row->params.fields[1].offset) = true;
  tame_network *net = make_network(&p);
  tame_variant which = analysis_of("spectrum", NULL, NULL);
  tame_analysis *a = analyse(net, &which, 1);
  double trace = 0, square = 0, sum = 0, squares = 0, imaginary = 0;
  share(a, 0, 2 * N, found);
  assert_all(tame_network_dense(net, W) == TAME_OK);
  MPI_Bcast(W, N * N, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  bool same = true;
  for (int64_t i = 0; i < net->n_local; i++) { /* W is what its owners say, and else zero */
    const double *row = &W[(net->first + i) * N];
    int64_t left = net->start[i + 1] - net->start[i];
    for (int64_t s = net->start[i]; s < net->start[i + 1]; s++)
      same = same && row[tame_network_source(net, i, s)] == tame_real_at(net, net->w, s);
    for (int j = 0; j < N; j++) left -= row[j] != 0;
    same = same && left == 0;
  }
  assert_all(same);
  for (int i = 0; i < N; i++) {
    trace += W[i * N + i];
    for (int j = 0; j < N; j++) square += W[i * N + j] * W[j * N + i];
    sum += found[2 * i];
    imaginary += found[2 * i + 1];
    squares += found[2 * i] * found[2 * i] - found[2 * i + 1] * found[2 * i + 1];
  }
  assert_all(fabs(trace - sum) < 1e-11 && fabs(trace) > 1e-3 && imaginary == 0);
  assert_all(fabs(square - squares) < 1e-10);
  tame_analysis_free(&a);
  free(which.params);
  tame_network_free(&net);
  free_params(&p);
}

/* ---- layouts and states ------------------------------------------------------------------------ */

enum { ALL = 4, SIZE = 60, FIRST = 20, LAST = 300, NUMBERS = 6000 };
static const char *const all_rows[ALL] = {"spectrum", "lyapunov", "divergence", "pca"};

static void make_all(tame_network *net, const tame_variant *rows, const tame_analysis_about *about,
                     tame_analysis **out)
{
  for (int i = 0; i < ALL; i++)
    assert_all(tame_analysis_create(&out[i], &rows[i], about, net) == TAME_OK);
}

/* All results, end to end; of the root, on the root. */
static int64_t collect(const tame_variant *rows, const tame_analysis_about *about,
                       tame_analysis **analyses, double *numbers)
{
  int64_t at = 0;
  for (int i = 0; i < ALL; i++) {
    tame_analysis_plan plan;
    tame_analysis_foresee(&rows[i], about, 1, &plan);
    for (int k = 0; k < plan.count; k++) {
      const tame_analysis_result *r = &plan.results[k];
      const int64_t count = (r->axes > 0 ? r->shape[0] : 1) * (r->axes > 1 ? r->shape[1] : 1);
      const double *values = tame_analysis_values(analyses[i], k);
      if (values) memcpy(numbers + at, values, (size_t)count * sizeof *values);
      at += count;
    }
  }
  assert_true(at <= NUMBERS);
  return at;
}

static int64_t copy_state(const tame_state *state, char *kept, bool back)
{
  int64_t at = 0;
  for (int64_t k = 0; k < state->count; k++) {
    const tame_piece *piece = &state->at[k];
    const size_t bytes = (size_t)piece->count * tame_type_size(piece->type);
    if (kept && bytes && back) memcpy(piece->at, kept + at, bytes);
    if (kept && bytes && !back) memcpy(kept + at, piece->at, bytes);
    at += (int64_t)bytes;
  }
  return at;
}

static void gather_state(tame_network *net, tame_analysis **analyses, tame_state *state)
{
  memset(state, 0, sizeof *state);
  tame_network_state(net, state);
  for (int i = 0; i < ALL; i++) tame_analysis_state(analyses[i], state);
  assert_all(!state->failed);
}

/* Steps [from, to) of a trial, in which the analyses have their window. */
static void run_trial(tame_network *net, tame_analysis **analyses, int64_t from, int64_t to)
{
  for (int64_t t = from; t < to; t++) {
    for (int i = 0; i < ALL && t == FIRST; i++) tame_analysis_begin(analyses[i]);
    if (t < FIRST) tame_network_step(net, input, true);
    else run_steps(net, analyses, ALL, t, t + 1);
  }
}

/* A trial on `comm`; where `stop` > 0, saved there and gone on with by others, from another state. */
static void run_window(MPI_Comm comm, const tame_network_params *p, int64_t stop, double *numbers)
{
  static const char *const names[] = {"exponents", "components", "projections",
                                      "every",     "epsilon",    NULL};
  const double values[] = {7, 4, 1, 6, 1e-3};
  tame_variant rows[ALL];
  tame_network *net;
  tame_analysis *analyses[ALL];
  const tame_analysis_about about = {p, FIRST, LAST};
  assert_true(tame_network_create(&net, comm, p) == TAME_OK);
  tame_network_reset(net, 5);
  for (int i = 0; i < ALL; i++) {
    rows[i] = analysis_of(all_rows[i], names, values);
    assert_true(tame_analysis_create(&analyses[i], &rows[i], &about, net) == TAME_OK);
  }
  run_trial(net, analyses, 0, stop ? stop : LAST);
  if (stop) {
    tame_state state;
    gather_state(net, analyses, &state);
    char *kept = malloc((size_t)copy_state(&state, NULL, false) + 1);
    if (!kept) abort();
    copy_state(&state, kept, false);
    tame_state_free(&state);
    for (int i = 0; i < ALL; i++) tame_analysis_free(&analyses[i]);
    tame_network_reset(net, 3);
    make_all(net, rows, &about, analyses);
    gather_state(net, analyses, &state);
    copy_state(&state, kept, true);
    tame_state_free(&state);
    free(kept);
    tame_network_restored(net);
    for (int i = 0; i < ALL && stop > FIRST; i++) tame_analysis_restored(analyses[i]);
    run_trial(net, analyses, stop, LAST);
  }
  for (int i = 0; i < ALL; i++) assert_true(tame_analysis_end(analyses[i]) == TAME_OK);
  collect(rows, &about, analyses, numbers);
  for (int i = 0; i < ALL; i++) {
    tame_analysis_free(&analyses[i]);
    free(rows[i].params);
  }
  tame_network_free(&net);
}

static void results_depend_neither_on_layouts_nor_on_stops(void **state)
{
  (void)state;
  static double alone[NUMBERS], shared[NUMBERS];
  /* never, before, ..., when samples have gone into sums */
  static const int64_t stops[] = {0, FIRST - 7, FIRST, FIRST + 263};
  setenv("TAME_THREAD_GRAIN", "1", 1);
  for (int precision = 0; precision < 2; precision++)
    for (int inputs = 2; inputs < SIZE; inputs += SIZE - 3)
      for (size_t k = 0; k < sizeof stops / sizeof *stops; k++) {
        tame_network_params p = small_params(SIZE);
        p.precision = precision;
        p.feedback_scale = precision;
        set_wiring(&p, "fixed_inputs", inputs); /* a halo, and an allgather */
        memset(alone, 0, sizeof alone), memset(shared, 0, sizeof shared);
        omp_set_num_threads(1);
        if (world_rank() == 0) run_window(MPI_COMM_SELF, &p, 0, alone);
        omp_set_num_threads(3);
        run_window(MPI_COMM_WORLD, &p, stops[k], shared);
        assert_all(world_rank() > 0 || memcmp(alone, shared, sizeof alone) == 0);
        assert_all(world_rank() > 0 || alone[0] != 0);
        free_params(&p);
      }
  unsetenv("TAME_THREAD_GRAIN");
}

/* ---- what cannot be ---------------------------------------------------------------------------- */

static void a_cell_without_derivatives_is_refused(void **state)
{
  (void)state;
  tame_network_params p = small_params(20);
  tame_cell still = *(const tame_cell *)p.cell.row;
  tame_variant which = analysis_of("lyapunov", NULL, NULL);
  const tame_analysis_about about = {&p, 0, 100};
  const char *key = "";
  assert_all(tame_analysis_check(&which, &about, &key) == TAME_OK);
  still.tangent = NULL;
  still.head.name = "still";
  p.cell.row = &still.head;
  assert_all(tame_analysis_check(&which, &about, &key) == TAME_ERR_INPUT);
  assert_non_null(strstr(tame_message(), "cell still has no derivatives"));
  free(which.params);
  free_params(&p);
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tangents_are_differences_of_steps),
      cmocka_unit_test(exponents_at_rest_are_those_of_the_eigenvalues),
      cmocka_unit_test(all_exponents_add_up_to_the_volume),
      cmocka_unit_test(both_methods_agree),
      cmocka_unit_test(chaos_begins_at_gain_one),
      cmocka_unit_test(components_are_those_of_a_plane),
      cmocka_unit_test(components_make_the_covariance),
      cmocka_unit_test(solvers_must_be_there),
      cmocka_unit_test(eigenvalues_of_a_ring_are_roots_of_unity),
      cmocka_unit_test(eigenvectors_are_of_their_eigenvalues),
      cmocka_unit_test(eigenvalues_add_up_to_traces),
      cmocka_unit_test(results_depend_neither_on_layouts_nor_on_stops),
      cmocka_unit_test(a_cell_without_derivatives_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
