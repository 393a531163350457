/* Batch readouts: their sums are those of all updates, whatever the ranks; a state that is saved in the midst of it
 * goes on to the same bits. */
/* ranks: 1 2 3 4 7 */
#include "support.h"

#include "learn/tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 30, OUTPUTS = 2, STEPS = 150 /* two blocks of samples and a part */ };

static tame_variant rule_of(const char *row)
{
  tame_variant rule = {0};
  if (tame_variant_set(&rule, &tame_learners, row) != TAME_OK) abort();
  return rule;
}

static double target(int t, int o)
{
  return sin(0.1 * t + o) + 0.4 * o;
}

static tame_network *make_network(tame_network_params *p)
{
  tame_network *net;
  *p = small_params(N);
  p->outputs = OUTPUTS;
  assert_all(tame_network_create(&net, MPI_COMM_WORLD, p) == TAME_OK);
  return net;
}

/* Step t and its update; the rates, if they are wanted. */
static void learn(tame_network *net, tame_learner *learner, int t, double rates[N])
{
  double z[OUTPUTS];
  tame_network_step(net, NULL, true);
  tame_network_readout(net, z);
  for (int o = 0; o < OUTPUTS; o++) z[o] -= target(t, o);
  tame_learner_update(learner, z);
  const double *all = tame_network_all_rates(net);
  if (rates) memcpy(rates, all, N * sizeof *rates);
}

/* (X'X + alpha I)^-1 X'Y of centred data, by the textbook. */
static void by_the_book(double (*rates)[N], int steps, double alpha, double w[OUTPUTS][N],
                        double b[OUTPUTS])
{
  static double A[N * N], inverse[N * N];
  double means[N] = {0}, q[OUTPUTS][N] = {{0}};
  memset(A, 0, sizeof A);
  for (int t = 0; t < steps; t++)
    for (int i = 0; i < N; i++) means[i] += rates[t][i] / steps;
  for (int o = 0; o < OUTPUTS; o++) {
    b[o] = 0;
    for (int t = 0; t < steps; t++) b[o] += target(t, o) / steps;
  }
  for (int t = 0; t < steps; t++)
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++)
        A[i * N + j] += (rates[t][i] - means[i]) * (rates[t][j] - means[j]);
      for (int o = 0; o < OUTPUTS; o++) q[o][i] += (rates[t][i] - means[i]) * (target(t, o) - b[o]);
    }
  for (int i = 0; i < N; i++) A[i * N + i] += alpha;
  invert(N, A, inverse);
  for (int o = 0; o < OUTPUTS; o++)
    for (int i = 0; i < N; i++) {
      w[o][i] = 0;
      for (int j = 0; j < N; j++) w[o][i] += inverse[i * N + j] * q[o][j];
      b[o] -= w[o][i] * means[i];
    }
}

static void ridge_is_its_closed_form(void **state)
{
  (void)state;
  static double rates[STEPS][N];
  tame_network_params p;
  tame_network *net = make_network(&p);
  tame_variant rule = rule_of("ridge");
  tame_learner *learner;
  tame_health health;
  double w[OUTPUTS][N], b[OUTPUTS], most = 0;
  assert_all(tame_learner_create(&learner, &rule, net, TAME_WEIGHTS_READOUT) == TAME_OK);
  assert_all(!tame_learner_can(&rule, TAME_WEIGHTS_RECURRENT));
  for (int t = 0; t < STEPS; t++) {
    learn(net, learner, t, rates[t]);
    if (t == 99) assert_all(tame_learner_health(learner, &health) == TAME_OK); /* a trial ends */
  }
  assert_all(tame_learner_health(learner, &health) == TAME_OK && health.dw > 0);
  by_the_book(rates, STEPS, 1e-6, w, b);
  for (int o = 0; o < OUTPUTS; o++) {
    most = fmax(most, fabs(net->b_out[o] - b[o]));
    for (int i = 0; i < N; i++)
      most = fmax(most, fabs(tame_real_at(net, net->w_out, o * N + i) - w[o][i]));
  }
  assert_all(most < 1e-6 && most > 0); /* weights of some 10, a condition of 1e6 */
  tame_learner_free(&learner);
  tame_network_free(&net);
  free(rule.params);
  free_params(&p);
}

/* Copies of all pieces, end to end; or back from there. */
static int64_t copy_state(const tame_state *state, char *kept, bool back)
{
  int64_t at = 0;
  for (int64_t k = 0; k < state->count; k++) {
    const tame_piece *piece = &state->at[k];
    const size_t bytes = (size_t)piece->count * tame_type_size(piece->type);
    if (kept && back) memcpy(piece->at, kept + at, bytes);
    if (kept && !back) memcpy(kept + at, piece->at, bytes);
    at += (int64_t)bytes;
  }
  return at;
}

static void gather_state(tame_network *net, tame_learner *learner, tame_state *state)
{
  memset(state, 0, sizeof *state);
  tame_network_state(net, state);
  tame_learner_state(learner, state);
  assert_all(!state->failed);
}

static void states_hold_all(void **unused)
{
  (void)unused;
  static const char *const rules[] = {"ridge", "lasso", "elastic_net"};
  for (int k = 0; k < 3; k++) {
    tame_network_params p;
    tame_network *net = make_network(&p);
    tame_variant rule = rule_of(rules[k]);
    tame_learner *learner, *second;
    tame_health health;
    tame_state state;
    double first[OUTPUTS * (N + 1)];
    assert_all(tame_learner_create(&learner, &rule, net, TAME_WEIGHTS_READOUT) == TAME_OK);
    for (int t = 0; t < 100; t++) learn(net, learner, t, NULL);
    gather_state(net, learner, &state);
    char *kept = malloc((size_t)copy_state(&state, NULL, false) + 1);
    copy_state(&state, kept, false);
    tame_state_free(&state);
    for (int t = 100; t < STEPS; t++) learn(net, learner, t, NULL);
    assert_all(tame_learner_health(learner, &health) == TAME_OK);
    memcpy(first, net->w_out, OUTPUTS * N * sizeof(double));
    memcpy(first + OUTPUTS * N, net->b_out, OUTPUTS * sizeof(double));

    assert_all(tame_learner_create(&second, &rule, net, TAME_WEIGHTS_READOUT) == TAME_OK);
    gather_state(net, second, &state);
    copy_state(&state, kept, true);
    tame_state_free(&state);
    tame_network_restored(net);
    for (int t = 100; t < STEPS; t++) learn(net, second, t, NULL);
    assert_all(tame_learner_health(second, &health) == TAME_OK);
    assert_all(memcmp(first, net->w_out, OUTPUTS * N * sizeof(double)) == 0);
    assert_all(memcmp(first + OUTPUTS * N, net->b_out, OUTPUTS * sizeof(double)) == 0);
    free(kept);
    tame_learner_free(&learner);
    tame_learner_free(&second);
    tame_network_free(&net);
    free(rule.params);
    free_params(&p);
  }
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ridge_is_its_closed_form),
      cmocka_unit_test(states_hold_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
