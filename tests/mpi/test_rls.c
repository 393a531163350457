/* Recursive least squares does what its equations say, on any number of ranks to the last bit. */
/* ranks: 1 2 3 4 7 */
#include "support.h"

#include "base/memory.h"
#include "learn/rls.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tame_variant rls_of(double delta, double forgetting)
{
  tame_variant rule = {0};
  if (tame_variant_set(&rule, &tame_learners, "rls") != TAME_OK) abort();
  ((double *)rule.params)[0] = delta;
  ((double *)rule.params)[1] = forgetting;
  return rule;
}

static tame_network *make_network(MPI_Comm comm, const tame_network_params *p)
{
  tame_network *net;
  assert_all(tame_network_create(&net, comm, p) == TAME_OK);
  return net;
}

static tame_learner *make_learner(const tame_variant *rule, tame_network *net, tame_weights weights)
{
  tame_learner *learner;
  assert_all(tame_learner_create(&learner, rule, net, weights) == TAME_OK);
  return learner;
}

/* Errors that any rank can make up for its neurons: fixed pseudo-random numbers. */
static void make_errors(const tame_network *net, int step, double *error)
{
  for (int64_t i = 0; i < net->n_local; i++)
    error[i] = 0.1 *
               tame_normal(99, TAME_DRAW_NOISE, (uint32_t)(net->first + i), (uint32_t)step, 0);
}

/* ---- against the closed form ---------------------------------------------------------------- */

/* A P and weights as the sums define them, for one unit. */
typedef struct sums {
  int64_t n;
  double *A; /* lambda^t delta I + sum of lambda^(t - s) r r' */
} sums;

static sums sums_of(int64_t n, double delta)
{
  sums s = {n, calloc((size_t)(n * n), sizeof(double))};
  if (!s.A) abort();
  for (int64_t i = 0; i < n; i++) s.A[i * n + i] = delta;
  return s;
}

static void add_rates(sums *s, double lambda, const double *r)
{
  for (int64_t i = 0; i < s->n; i++)
    for (int64_t j = 0; j < s->n; j++)
      s->A[i * s->n + j] = lambda * s->A[i * s->n + j] + r[i] * r[j];
}

/* Largest |P - A^-1|. */
static double distance(const sums *s, const double *P)
{
  double *inverse = malloc((size_t)(s->n * s->n) * sizeof *inverse), most = 0;
  if (!inverse) abort();
  invert(s->n, s->A, inverse);
  for (int64_t k = 0; k < s->n * s->n; k++) most = fmax(most, fabs(P[k] - inverse[k]));
  free(inverse);
  return most;
}

static void recurrent_p_is_the_inverse_of_its_sums(double density, double delta, double lambda)
{
  tame_network_params p = small_params(40);
  set_wiring(&p, "random", density);
  tame_network *net = make_network(MPI_COMM_WORLD, &p);
  tame_variant rule = rls_of(delta, lambda);
  tame_learner *learner = make_learner(&rule, net, TAME_WEIGHTS_RECURRENT);
  double error[40], r[40], P[40 * 40];
  sums *s = calloc((size_t)net->n_local + 1, sizeof *s);
  for (int64_t i = 0; i < net->n_local; i++) s[i] = sums_of(net->plastic[i], delta);
  for (int t = 0; t < 300; t++) {
    tame_network_step(net, NULL, true);
    make_errors(net, t, error);
    for (int64_t i = 0; i < net->n_local; i++) {
      const double *view = tame_exchange_view(net->exchange);
      for (int64_t m = 0; m < net->plastic[i]; m++) {
        const int64_t source = tame_network_source(net, i, net->start[i] + m);
        r[m] = view[tame_exchange_slot(net->exchange, source)];
      }
      add_rates(&s[i], lambda, r);
    }
    tame_learner_update(learner, error);
  }
  double most = 0;
  bool learning = false;
  for (int64_t i = 0; i < net->n_local; i++) {
    learning = learning || net->plastic[i] > 0;
    assert_int_equal(tame_learner_p(learner, i, NULL), net->plastic[i]);
    tame_learner_p(learner, i, P);
    most = fmax(most, distance(&s[i], P));
    free(s[i].A);
  }
  assert_all(most < 1e-8 && (most > 0 || !learning));
  free(s);
  tame_health health;
  assert_all(tame_learner_health(learner, &health) == TAME_OK);
  assert_all(health.p_min > 0 && health.p_max <= 1.01 / delta / pow(lambda, 300));
  tame_learner_free(&learner);
  tame_network_free(&net);
  free(rule.params);
  free_params(&p);
}

static void p_of_recurrent_weights(void **state)
{
  (void)state;
  recurrent_p_is_the_inverse_of_its_sums(0.3, 1, 1);
  recurrent_p_is_the_inverse_of_its_sums(0.3, 0.5, 1);
  recurrent_p_is_the_inverse_of_its_sums(0.3, 2, 0.99);
  recurrent_p_is_the_inverse_of_its_sums(1, 1, 1); /* all but themselves */
}

/* With rates that do not depend on the weights, RLS is ridge regression around the first weights:
 * (sum r r' + delta I)(w - w0) = sum r (f - w0 r). */
static void readouts_are_ridge_regression(void **state)
{
  (void)state;
  enum { N = 37, OUT = 2, STEPS = 400 };
  tame_network_params p = small_params(N);
  tame_network *net = make_network(MPI_COMM_WORLD, &p);
  const double delta = 0.7;
  tame_variant rule = rls_of(delta, 1);
  tame_learner *learner = make_learner(&rule, net, TAME_WEIGHTS_READOUT);
  double first[OUT * N], right[OUT][N] = {{0}}, P[N * N];
  memcpy(first, net->w_out, sizeof first);
  sums s = sums_of(N, delta);
  for (int t = 0; t < STEPS; t++) {
    double z[OUT], error[OUT];
    tame_network_step(net, NULL, true);
    tame_network_readout(net, z);
    const double *r = tame_network_all_rates(net);
    add_rates(&s, 1, r);
    for (int k = 0; k < OUT; k++) {
      const double f = sin(0.01 * t + k);
      double z0 = 0;
      for (int i = 0; i < N; i++) z0 += first[k * N + i] * r[i];
      for (int i = 0; i < N; i++) right[k][i] += r[i] * (f - z0);
      error[k] = z[k] - f;
    }
    tame_learner_update(learner, error);
  }
  tame_learner_p(learner, 0, P);
  assert_all(distance(&s, P) < 1e-8);
  double most = 0, A[N * N];
  for (int k = 0; k < OUT; k++) {
    memcpy(A, s.A, sizeof A);
    solve(N, A, right[k]);
    for (int i = 0; i < N; i++)
      most = fmax(most, fabs(first[k * N + i] + right[k][i] - ((double *)net->w_out)[k * N + i]));
  }
  assert_all(most < 1e-9 && most > 0);
  free(s.A);
  tame_learner_free(&learner);
  tame_network_free(&net);
  free(rule.params);
  free_params(&p);
}

/* With the same inputs for all, one P serves all: the arena is as small as that, and the weights are
 * those of a P for each, which self-connections less force. */
static void neurons_with_the_same_inputs_share_one_p(void **state)
{
  (void)state;
  tame_network_params p = small_params(24);
  set_wiring(&p, "random", 1);
  ((bool *)p.wiring.params)[sizeof(double)] = true; /* self_connections */
  tame_variant rule = rls_of(1, 1);
  tame_network *net = make_network(MPI_COMM_WORLD, &p);
  int64_t learning = 0;
  for (int64_t i = 0; i < net->n_local; i++) learning += net->plastic[i] > 0;
  const int64_t one = 6 * 64, bytes = tame_learner_need(&rule, net, TAME_WEIGHTS_RECURRENT);
  assert_all(bytes == (learning ? (one + 24 * (2 + learning)) * (int64_t)sizeof(double) : 0));
  tame_learner *learner = make_learner(&rule, net, TAME_WEIGHTS_RECURRENT);
  double error[24], P[24 * 24];
  sums s = sums_of(24, 1);
  double *w = calloc(24 * 24, sizeof *w); /* by the rule itself */
  memcpy(w, net->w, (size_t)net->start[net->n_local] * sizeof *w);
  for (int t = 0; t < 50; t++) {
    double k[24], gain = 1, inverse[24 * 24];
    tame_network_step(net, NULL, true);
    make_errors(net, t, error);
    const double *r = tame_network_all_rates(net);
    invert(24, s.A, inverse);
    for (int i = 0; i < 24; i++) {
      k[i] = 0;
      for (int j = 0; j < 24; j++) k[i] += inverse[i * 24 + j] * r[j];
      gain += r[i] * k[i];
    }
    for (int64_t i = 0; i < net->n_local; i++)
      for (int64_t m = 0; m < net->plastic[i]; m++) w[net->start[i] + m] -= error[i] / gain * k[m];
    add_rates(&s, 1, r);
    tame_learner_update(learner, error);
  }
  bool ok = true;
  for (int64_t m = 0; m < net->start[net->n_local]; m++)
    ok = ok && fabs(w[m] - ((double *)net->w)[m]) < 1e-12;
  for (int64_t i = 0; i < net->n_local; i++)
    if (net->plastic[i]) {
      tame_learner_p(learner, i, P);
      ok = ok && distance(&s, P) < 1e-10;
    }
  assert_all(ok);
  free(w);
  free(s.A);
  tame_learner_free(&learner);
  tame_network_free(&net);
  free(rule.params);
  free_params(&p);
}

/* ---- currents ------------------------------------------------------------------------------- */

/* After an update about the current h = W r of a step, that step made again gives the error e c, c = 1 / (1 + r'r / delta). */
static void held_rates_are_those_of_the_current(void **state)
{
  (void)state;
  for (int density = 1; density <= 4; density += 3) { /* sparse, and dense */
    tame_network_params p = small_params(40);
    set_wiring(&p, "random", density / 4.0);
    tame_network *net = make_network(MPI_COMM_WORLD, &p);
    tame_variant rule = rls_of(0.5, 1);
    tame_learner *learner = make_learner(&rule, net, TAME_WEIGHTS_RECURRENT);
    const int64_t n = net->n_local;
    double *error = calloc((size_t)n + 1, sizeof *error), *c = calloc((size_t)n + 1, sizeof *c),
           r[40];
    bool ok = true;
    for (int64_t i = 0; i < n; i++) {
      double rr = 0;
      tame_network_plastic_rates(net, i, r);
      for (int64_t s = 0; s < net->plastic[i]; s++) rr += r[s] * r[s];
      c[i] = net->plastic[i] ? 1 / (1 + rr / 0.5) : 1;
    }
    tame_learner_hold(learner);
    tame_network_step(net, NULL, false);
    for (int64_t i = 0; i < n; i++) error[i] = ((double *)net->h)[i] - 0.3;
    tame_learner_update(learner, error);
    tame_network_reset(net, 0);
    tame_network_step(net, NULL, false);
    for (int64_t i = 0; i < n; i++)
      ok = ok && fabs(((double *)net->h)[i] - 0.3 - error[i] * c[i]) < 1e-13;
    assert_all(ok);
    free(error), free(c);
    tame_learner_free(&learner);
    tame_network_free(&net);
    free(rule.params);
    free_params(&p);
  }
}

/* ---- the same bits -------------------------------------------------------------------------- */

/* Train both kinds of weights with feedback through the network's own motion. */
static void train(tame_network *net, const tame_variant *rule, tame_weights weights,
                  tame_health *health)
{
  tame_learner *learner = make_learner(rule, net, weights);
  double *error = calloc((size_t)net->n_local + 2, sizeof *error);
  tame_network_reset(net, 5);
  for (int t = 0; t < 200; t++) {
    double z[2];
    tame_network_step(net, NULL, true);
    if (weights == TAME_WEIGHTS_READOUT) {
      tame_network_readout(net, z);
      for (int k = 0; k < 2; k++) z[k] -= sin(0.05 * t + k);
      tame_learner_update(learner, z);
    } else {
      make_errors(net, t, error);
      tame_learner_update(learner, error);
    }
  }
  assert_all(tame_learner_health(learner, health) == TAME_OK);
  free(error);
  tame_learner_free(&learner);
}

static void same_bits_on_any_number_of_ranks(void **state)
{
  (void)state;
  for (int variant = 0; variant < 8; variant++) {
    tame_network_params p = small_params(variant == 5 ? 3 : 90);
    p.precision = variant % 2;
    p.plasticity = variant == 4 || variant == 5 ? TAME_PLASTIC_PER_SYNAPSE
                                                : TAME_PLASTIC_PER_NEURON;
    if (variant >= 6) set_wiring(&p, "random", 1);
    else if (variant >= 2) set_wiring(&p, "fixed_inputs", variant == 5 ? 1 : 4);
    tame_variant rule = rls_of(1, variant == 1 ? 0.999 : 1);
    tame_network *alone = make_network(MPI_COMM_SELF, &p);
    tame_network *shared = make_network(MPI_COMM_WORLD, &p);
    for (int weights = 0; weights < 2; weights++) {
      tame_health a, b;
      train(alone, &rule, (tame_weights)weights, &a);
      train(shared, &rule, (tame_weights)weights, &b);
      assert_all(memcmp(&a, &b, sizeof a) == 0 && a.dw > 0);
    }
    const int64_t first = shared->first, n = shared->n_local;
    const size_t count = (size_t)shared->start[n] * shared->real;
    assert_all(memcmp(shared->w, tame_real_from(alone, alone->w, alone->start[first]), count) == 0);
    assert_all(memcmp(shared->w_out, alone->w_out, (size_t)(2 * p.neurons) * shared->real) == 0);
    tame_network_free(&shared);
    tame_network_free(&alone);
    free(rule.params);
    free_params(&p);
  }
}

/* ---- failing -------------------------------------------------------------------------------- */

static void p_without_positivity_stops_all_ranks(void **state)
{
  (void)state;
  for (int weights = 0; weights < 2; weights++) {
    tame_network_params p = small_params(40);
    tame_network *net = make_network(MPI_COMM_WORLD, &p);
    tame_variant rule = rls_of(1e-3, 1);
    tame_learner *learner = make_learner(&rule, net, (tame_weights)weights);
    double error[40] = {0};
    tame_health health;
    tame_network_step(net, NULL, false);
    tame_learner_update(learner, error);
    assert_all(tame_learner_health(learner, &health) == TAME_OK);
    if (net->n_local > 0) tame_real_put(net, net->r, 0, NAN); /* a rate goes bad on every rank */
    tame_exchange_run(net->exchange, net->r);
    net->all_current = 0;
    tame_learner_update(learner, error);
    assert_all(tame_learner_health(learner, &health) == TAME_ERR_NUMERIC);
    assert_non_null(strstr(tame_message(), "is not finite"));
    tame_learner_free(&learner);
    tame_network_free(&net);
    free(rule.params);
    free_params(&p);
  }
}

/* What no sound update gives: r'Pr below rounding, or a diagonal element that is not positive. */
static void a_negative_p_is_found(void **state)
{
  (void)state;
  tame_network_params p = small_params(5);
  tame_network *net = make_network(MPI_COMM_SELF, &p);
  tame_learn_failure failure = {0};
  tame_health health = {.p_min = INFINITY, .p_max = -INFINITY};
  assert_true(tame_rls_gain(1, 3, net, 2, &failure) == 0.25 && !failure.any);
  assert_true(tame_rls_gain(1, -1e-9, net, 2, &failure) > 1 && !failure.any); /* rounding */
  assert_true(tame_rls_gain(1, -0.01, net, 2, &failure) == 0 && failure.any);
  assert_true(tame_rls_gain(1, NAN, net, 3, &failure) == 0 && failure.unit == 2); /* the first */
  tame_rls_diagonal(&health, 1, 0.5, 1);
  assert_true(health.p_min == 0.75 && health.p_max == 0.75);
  assert_int_equal(tame_rls_verdict(&failure, &health), TAME_ERR_NUMERIC);
  assert_non_null(strstr(tame_message(), "neuron 2 lost positivity"));
  failure.any = false;
  assert_int_equal(tame_rls_verdict(&failure, &health), TAME_OK);
  tame_rls_diagonal(&health, 1, 2, 1);
  assert_int_equal(tame_rls_verdict(&failure, &health), TAME_ERR_NUMERIC);
  health = (tame_health){.p_min = 1, .p_max = 1};
  tame_rls_diagonal(&health, NAN, 0, 1);
  tame_rls_diagonal(&health, 1, 0, 1);
  assert_true(isnan(health.p_min) && isnan(health.p_max));
  assert_int_equal(tame_rls_verdict(&failure, &health), TAME_ERR_NUMERIC);
  tame_network_free(&net);
  free_params(&p);
}

static void memory_that_runs_out_on_one_rank_fails_all(void **state)
{
  (void)state;
  tame_network_params p = small_params(20);
  tame_network *net = make_network(MPI_COMM_WORLD, &p);
  tame_variant rule = rls_of(1, 1);
  for (int weights = 0; weights < 2; weights++) {
    bool made = false;
    for (int64_t n = 1; !made; n++) {
      tame_learner *learner;
      if (world_rank() == world_size() - 1) tame_memory_fail_at(n);
      const tame_status status = tame_learner_create(&learner, &rule, net, (tame_weights)weights);
      tame_memory_fail_at(0);
      made = status == TAME_OK;
      assert_all(made || (status == TAME_ERR_NOMEM && learner == NULL));
      assert_all(n < 100);
      tame_learner_free(&learner);
    }
  }
  tame_network_free(&net);
  free(rule.params);
  free_params(&p);
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(p_of_recurrent_weights),
      cmocka_unit_test(readouts_are_ridge_regression),
      cmocka_unit_test(neurons_with_the_same_inputs_share_one_p),
      cmocka_unit_test(held_rates_are_those_of_the_current),
      cmocka_unit_test(same_bits_on_any_number_of_ranks),
      cmocka_unit_test(p_without_positivity_stops_all_ranks),
      cmocka_unit_test(a_negative_p_is_found),
      cmocka_unit_test(memory_that_runs_out_on_one_rank_fails_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
