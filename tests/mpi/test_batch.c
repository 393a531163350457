/* Batch readouts: their sums are those of all updates, whatever the ranks; cross-validation is that of scikit-learn;
 * a state that is saved in the midst of it goes on to the same bits. */
/* ranks: 1 2 3 4 7 */
#include "golden/regress.h"
#include "support.h"

#include "base/schema.h"
#include "learn/batch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 30, OUTPUTS = 2, STEPS = 600 /* two blocks of samples and a part */ };

static tame_variant rule_of(const char *row)
{
  tame_variant rule = {0};
  if (tame_variant_set(&rule, &tame_learners, row) != TAME_OK) abort();
  return rule;
}

static tame_batch_params *params_of(const tame_variant *rule)
{
  return rule->params;
}

static void set_alphas(const tame_variant *rule, const double *values, int64_t count)
{
  tame_reals *alpha = &params_of(rule)->alpha;
  double *at = malloc((size_t)count * sizeof *at);
  if (!at) abort();
  memcpy(at, values, (size_t)count * sizeof *at);
  free(alpha->at);
  *alpha = (tame_reals){at, count};
}

/* Another parameter, by its name. */
static void set_param(const tame_variant *rule, const char *name, const char *value)
{
  for (const tame_field *f = rule->row->params.fields; f->name; f++)
    if (strcmp(f->name, name) == 0 &&
        tame_schema_set(f, value, (char *)rule->params + f->offset) != TAME_OK)
      abort();
}

static void free_rule(tame_variant *rule)
{
  tame_schema_release(&rule->row->params, rule->params);
  free(rule->params);
}

static double target(int t, int o)
{
  return sin(0.1 * t + o) + 0.4 * o;
}

static tame_network *make_network(tame_network_params *p, MPI_Comm comm)
{
  tame_network *net;
  *p = small_params(N);
  p->outputs = OUTPUTS;
  if (tame_network_create(&net, comm, p) != TAME_OK) abort();
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

/* (X'X + alpha I)^-1 X'Y of centred data, or of data as they are, by the textbook. */
static void by_the_book(double (*rates)[N], int steps, double alpha, bool centred,
                        double w[OUTPUTS][N], double b[OUTPUTS])
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
  if (!centred) memset(means, 0, sizeof means), memset(b, 0, OUTPUTS * sizeof *b);
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

/* How far a rule is from the textbook. */
static double off_the_book(const tame_variant *rule, double alpha)
{
  static double rates[STEPS][N];
  const bool centred = params_of(rule)->intercept == TAME_INTERCEPT_ON;
  tame_network_params p;
  tame_network *net = make_network(&p, MPI_COMM_WORLD);
  tame_learner *learner;
  tame_health health;
  double w[OUTPUTS][N], b[OUTPUTS], most = 0;
  set_alphas(rule, &alpha, 1);
  assert_all(tame_learner_create(&learner, rule, net, TAME_WEIGHTS_READOUT) == TAME_OK);
  assert_all(!tame_learner_can(rule, TAME_WEIGHTS_RECURRENT));
  for (int t = 0; t < STEPS; t++) {
    learn(net, learner, t, rates[t]);
    if (t == 99) assert_all(tame_learner_health(learner, &health) == TAME_OK); /* a trial ends */
  }
  assert_all(tame_learner_health(learner, &health) == TAME_OK && health.dw > 0);
  by_the_book(rates, STEPS, alpha, centred, w, b);
  for (int o = 0; o < OUTPUTS; o++) {
    most = fmax(most, fabs(net->b_out[o] - b[o]));
    for (int i = 0; i < N; i++)
      most = fmax(most, fabs(tame_real_at(net, net->w_out, o * N + i) - w[o][i]));
  }
  tame_learner_free(&learner);
  tame_network_free(&net);
  free_params(&p);
  return most;
}

static void ridge_is_its_closed_form(void **state)
{
  (void)state;
  for (int k = 0; k < 8; k++) {
    tame_variant rule = rule_of("ridge");
    params_of(&rule)->solver = k % 2 ? TAME_SOLVER_QR : TAME_SOLVER_GRAM;
    params_of(&rule)->intercept = k / 2 % 2 ? TAME_INTERCEPT_OFF : TAME_INTERCEPT_ON;
    params_of(&rule)->solvers = k >= 4 && world_size() >= 4; /* 4 */
    const double off = off_the_book(&rule, 1e-4);
    assert_all(off < 1e-8 && off > 0);
    free_rule(&rule);
  }
}

/* Rates as in a golden problem, not as the network would have them. */
static void impose(tame_network *net, const double *x)
{
  double *r = net->r;
  for (int64_t i = 0; i < net->n_local; i++) r[i] = x[net->first + i];
  tame_exchange_run(net->exchange, r);
  net->step++;
}

static double draw(uint32_t *x)
{
  *x = (1103515245U * *x + 12345U) % (1U << 31);
  return (double)*x / (double)(1U << 31) - 0.5;
}

/* The last problem of tests/golden/regress.py, with two targets. */
enum { SAMPLES = 90 };

static void make_problem(double X[SAMPLES][WIDEST], double y[SAMPLES][2])
{
  uint32_t x = 1, noise = 2, other = 3;
  for (int t = 0; t < SAMPLES; t++)
    for (int j = 0; j < WIDEST; j++) X[t][j] = draw(&x);
  for (int t = 0; t < SAMPLES; t++)
    X[t][WIDEST - 1] = X[t][0] - 0.5 * X[t][1] + 0.01 * draw(&noise);
  for (int t = 0; t < SAMPLES; t++) {
    y[t][0] = X[t][0] - 2 * X[t][2] + 0.3 + 0.2 * draw(&noise);
    y[t][1] = 0.2 * X[t][1] + draw(&other);
  }
}

/* The problem, learnt by a rule; then the last health. */
static void learn_problem(const tame_variant *rule, tame_network **net, tame_learner **learner,
                          tame_network_params *p)
{
  static double X[SAMPLES][WIDEST], y[SAMPLES][2];
  tame_health health;
  double z[2];
  make_problem(X, y);
  *p = small_params(WIDEST);
  assert_all(tame_network_create(net, MPI_COMM_WORLD, p) == TAME_OK);
  assert_all(tame_learner_create(learner, rule, *net, TAME_WEIGHTS_READOUT) == TAME_OK);
  for (int t = 0; t < SAMPLES; t++) {
    impose(*net, X[t]);
    tame_network_readout(*net, z);
    tame_learner_update(*learner, (double[]){z[0] - y[t][0], z[1] - y[t][1]});
  }
  assert_all(tame_learner_health(*learner, &health) == TAME_OK);
}

/* Is all of a learner as scikit-learn has it? On rank 0. */
static bool is_golden(const tame_network *net, const tame_learner *learner, int first)
{
  bool same = true;
  const double *errors = tame_learner_figure(learner, TAME_BATCH_CV_ERROR),
               *alpha = tame_learner_figure(learner, TAME_BATCH_ALPHA);
  for (int o = 0; o < 2; o++) {
    const struct golden_choice *want = &golden_choices[first + o];
    for (int a = 0; a < ALPHAS; a++)
      same = same && fabs(errors[o * ALPHAS + a] - want->errors[a]) < 1e-8;
    for (int i = 0; i < WIDEST; i++)
      same = same && fabs(tame_real_at(net, net->w_out, o * WIDEST + i) - want->w[i]) < 1e-8;
    same = same && alpha[o] == want->alpha && fabs(net->b_out[o] - want->bias) < 1e-8;
  }
  return same;
}

static void choices_are_those_of_scikit_learn(void **state)
{
  (void)state;
  static const struct {
    const char *rule;
    int solver, solvers, first; /* of the golden choices */
  } cases[] = {{"ridge", TAME_SOLVER_GRAM, 0, 0},
               {"ridge", TAME_SOLVER_QR, 0, 0},
               {"ridge", TAME_SOLVER_GRAM, 1, 0},
               {"ridge", TAME_SOLVER_QR, 1, 0},
               {"lasso", 0, 0, 2},
               {"elastic_net", 0, 0, 4}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    tame_variant rule = rule_of(cases[k].rule);
    tame_batch_params *batch = params_of(&rule);
    tame_network_params p;
    tame_network *net;
    tame_learner *learner;
    batch->folds = FOLDS;
    batch->fold_length = FOLD_LENGTH;
    batch->solver = cases[k].solver;
    batch->solvers = world_size() < 4 ? 0 : cases[k].solvers;
    set_alphas(&rule, alphas, ALPHAS);
    set_param(&rule, "tolerance", "1e-15");
    set_param(&rule, "l1_ratio", "0.3");
    set_param(&rule, "max_sweeps", "1000000");
    learn_problem(&rule, &net, &learner, &p);
    assert_all(world_rank() > 0 || is_golden(net, learner, cases[k].first));
    tame_learner_free(&learner);
    tame_network_free(&net);
    free_params(&p);
    free_rule(&rule);
  }
}

/* The bias as one feature among others, in both solvers: X with a column of ones. */
static void biases_may_be_penalized(void **state)
{
  (void)state;
  enum { ALL = WIDEST + 1 };
  static double X[SAMPLES][WIDEST], y[SAMPLES][2];
  double A[ALL * ALL] = {0}, inverse[ALL * ALL], most = 0;
  const double alpha = 0.5;
  make_problem(X, y);
  for (int t = 0; t < SAMPLES; t++)
    for (int i = 0; i < ALL; i++)
      for (int j = 0; j < ALL; j++)
        A[i * ALL + j] += (i < WIDEST ? X[t][i] : 1) * (j < WIDEST ? X[t][j] : 1);
  for (int i = 0; i < ALL; i++) A[i * ALL + i] += alpha;
  invert(ALL, A, inverse);
  for (int solver = 0; solver < 2; solver++) {
    tame_variant rule = rule_of("ridge");
    tame_network_params p;
    tame_network *net;
    tame_learner *learner;
    params_of(&rule)->intercept = TAME_INTERCEPT_PENALIZED;
    params_of(&rule)->solver = solver;
    set_alphas(&rule, &alpha, 1);
    learn_problem(&rule, &net, &learner, &p);
    for (int o = 0; o < 2; o++)
      for (int i = 0; i < ALL; i++) {
        double w = 0;
        for (int t = 0; t < SAMPLES; t++)
          for (int j = 0; j < ALL; j++)
            w += inverse[i * ALL + j] * (j < WIDEST ? X[t][j] : 1) * y[t][o];
        const double ours = i < WIDEST ? tame_real_at(net, net->w_out, o * WIDEST + i)
                                       : net->b_out[o];
        most = fmax(most, fabs(ours - w));
      }
    assert_all(most < 1e-12 && fabs(net->b_out[0]) > 0.1);
    tame_learner_free(&learner);
    tame_network_free(&net);
    free_params(&p);
    free_rule(&rule);
  }
}

/* What is not converged is told, and told of; what is constant gets no weight. */
static void figures_and_warnings_are_told(void **state)
{
  (void)state;
  tame_variant rule = rule_of("lasso");
  tame_network_params p;
  tame_network *net;
  tame_learner *learner;
  const double alpha = 1e-4;
  set_alphas(&rule, &alpha, 1);
  set_param(&rule, "tolerance", "1e-12");
  set_param(&rule, "max_sweeps", "3");
  learn_problem(&rule, &net, &learner, &p);
  const char *warning = tame_learner_warning(learner);
  const double gap = tame_learner_figure(learner, TAME_BATCH_GAP)[0],
               wanted = tame_learner_figure(learner, TAME_BATCH_GAP_WANTED)[0],
               sweeps = tame_learner_figure(learner, TAME_BATCH_SWEEPS)[0],
               told = tame_learner_figure(learner, TAME_BATCH_NONZERO)[0];
  const bool root = world_rank() == 0;
  int64_t nonzero = 0;
  for (int i = 0; i < WIDEST; i++) nonzero += tame_real_at(net, net->w_out, i) != 0;
  assert_all(!root || (warning && strstr(warning, "output 0 has not converged: after 3 sweeps")));
  assert_all(!root || (gap > wanted && wanted > 0 && sweeps == 3 && told == (double)nonzero));
  tame_learner_free(&learner);
  tame_network_free(&net);
  free_params(&p);
  free_rule(&rule);
}

static void what_cannot_be_is_said(void **state)
{
  (void)state;
  const double none = 0;
  tame_variant rule = rule_of("ridge");
  tame_network_params p = small_params(WIDEST);
  tame_network *net;
  tame_learner *learner;
  tame_health health;
  const char *key;
  double x[WIDEST] = {0.3}; /* all but one are always 0, and that one is always 0.3 */
  set_alphas(&rule, &none, 1);
  assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_OK);
  assert_all(tame_learner_create(&learner, &rule, net, TAME_WEIGHTS_READOUT) == TAME_OK);
  for (int t = 0; t < 50; t++) {
    x[1] = sin(t);
    impose(net, x);
    tame_learner_update(learner, (double[]){sin(0.5 * t), 1});
  }
  assert_all(tame_learner_health(learner, &health) == TAME_ERR_NUMERIC);
  assert_all(strstr(tame_message(), "effective rank of X'X 1 of 12") != NULL);
  assert_all(strstr(tame_message(), "from 50 samples, 11 features do not vary; a larger") != NULL);
  tame_learner_free(&learner);
  params_of(&rule)->solvers = 4; /* 25 */
  assert_all(tame_learner_create(&learner, &rule, net, TAME_WEIGHTS_READOUT) == TAME_ERR_INPUT);
  assert_all(strstr(tame_message(), "solvers: 25 ranks are to solve together") != NULL);
  assert_all(tame_learner_ranks(&rule, TAME_WEIGHTS_READOUT) == 25);
  params_of(&rule)->solvers = 0;
  set_alphas(&rule, alphas, ALPHAS);
  assert_all(tame_learner_check(&rule, TAME_WEIGHTS_READOUT, 81, &key) == TAME_OK);
  assert_all(tame_learner_check(&rule, TAME_WEIGHTS_READOUT, 80, &key) == TAME_ERR_INPUT);
  assert_all(strcmp(key, "folds") == 0 && strstr(tame_message(), "1 folds stay empty") != NULL);
  assert_all(tame_learner_create(&learner, &rule, net, TAME_WEIGHTS_READOUT) == TAME_OK);
  impose(net, x);
  tame_learner_update(learner, x);
  assert_all(tame_learner_health(learner, &health) == TAME_ERR_NUMERIC);
  assert_all(strstr(tame_message(), "1 samples fill 1 of 5 folds, 20 in a row") != NULL);
  tame_learner_free(&learner);
  tame_network_free(&net);
  free_params(&p);
  free_rule(&rule);
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
  static const char *const rules[] = {"ridge", "lasso", "elastic_net", "ridge"};
  static const double few[] = {1, 1e-3, 1e-2};
  for (int k = 0; k < 8; k++) { /* with one alpha, and with some; the last ridge by QR */
    tame_network_params p;
    tame_network *net = make_network(&p, MPI_COMM_WORLD);
    tame_variant rule = rule_of(rules[k % 4]);
    tame_learner *learner, *second;
    tame_health health;
    tame_state state;
    double first[OUTPUTS * (N + 1)];
    if (k >= 4) set_alphas(&rule, few, 3);
    params_of(&rule)->solver = k % 4 == 3 ? TAME_SOLVER_QR : TAME_SOLVER_GRAM;
    params_of(&rule)->solvers = k % 4 % 3 == 0 && world_size() >= 4;
    assert_all(tame_learner_create(&learner, &rule, net, TAME_WEIGHTS_READOUT) == TAME_OK);
    for (int t = 0; t < 400; t++) learn(net, learner, t, NULL);
    gather_state(net, learner, &state);
    char *kept = malloc((size_t)copy_state(&state, NULL, false) + 1);
    copy_state(&state, kept, false);
    tame_state_free(&state);
    for (int t = 400; t < STEPS; t++) learn(net, learner, t, NULL);
    assert_all(tame_learner_health(learner, &health) == TAME_OK);
    memcpy(first, net->w_out, OUTPUTS * N * sizeof(double));
    memcpy(first + OUTPUTS * N, net->b_out, OUTPUTS * sizeof(double));

    assert_all(tame_learner_create(&second, &rule, net, TAME_WEIGHTS_READOUT) == TAME_OK);
    gather_state(net, second, &state);
    copy_state(&state, kept, true);
    tame_state_free(&state);
    tame_network_restored(net);
    for (int t = 400; t < STEPS; t++) learn(net, second, t, NULL);
    assert_all(tame_learner_health(second, &health) == TAME_OK);
    assert_all(memcmp(first, net->w_out, OUTPUTS * N * sizeof(double)) == 0);
    assert_all(memcmp(first + OUTPUTS * N, net->b_out, OUTPUTS * sizeof(double)) == 0);
    free(kept);
    tame_learner_free(&learner);
    tame_learner_free(&second);
    tame_network_free(&net);
    free_rule(&rule);
    free_params(&p);
  }
}

/* The arrays of a state, put together from all ranks of comm, into those of another layout. */
static void move_state(MPI_Comm comm, const tame_state *from, const tame_state *to)
{
  for (int64_t k = 0, j = 0; k < from->count;) {
    const char *name = from->at[k].name;
    const size_t size = tame_type_size(from->at[k].type);
    const int bytes = (int)from->at[k].total * (int)size;
    char *whole = calloc((size_t)bytes + 1, 1);
    for (; k < from->count && strcmp(from->at[k].name, name) == 0; k++)
      if (!from->at[k].copy)
        memcpy(whole + (size_t)from->at[k].first * size, from->at[k].at,
               (size_t)from->at[k].count * size);
    MPI_Allreduce(MPI_IN_PLACE, whole, bytes, MPI_BYTE, MPI_BOR, comm);
    for (; j < to->count && strcmp(to->at[j].name, name) == 0; j++)
      memcpy(to->at[j].at, whole + (size_t)to->at[j].first * size, (size_t)to->at[j].count * size);
    free(whole);
  }
}

/* Learnt on all ranks up to the midst of a trial, then both there and on the ranks of `few`. */
static bool same_on_few(const tame_variant *rule, MPI_Comm few)
{
  tame_network_params p[2];
  tame_network *net[2] = {make_network(&p[0], MPI_COMM_WORLD), make_network(&p[1], few)};
  tame_learner *learner[2];
  tame_health health;
  tame_state state[2];
  bool same = true;
  for (int k = 0; k < 2; k++)
    if (tame_learner_create(&learner[k], rule, net[k], TAME_WEIGHTS_READOUT) != TAME_OK) abort();
  for (int t = 0; t < 300; t++) learn(net[0], learner[0], t, NULL);
  same = tame_learner_health(learner[0], &health) == TAME_OK;
  for (int t = 300; t < 400; t++) learn(net[0], learner[0], t, NULL);
  for (int k = 0; k < 2; k++) gather_state(net[k], learner[k], &state[k]);
  move_state(MPI_COMM_WORLD, &state[0], &state[1]);
  tame_network_restored(net[1]);
  for (int k = 0; k < 2; k++) {
    tame_state_free(&state[k]);
    for (int t = 400; t < STEPS; t++) learn(net[k], learner[k], t, NULL);
    same = tame_learner_health(learner[k], &health) == TAME_OK && same;
  }
  same = same && memcmp(net[0]->w_out, net[1]->w_out, OUTPUTS * N * sizeof(double)) == 0 &&
         memcmp(net[0]->b_out, net[1]->b_out, OUTPUTS * sizeof(double)) == 0;
  for (int k = 0; k < 2; k++) {
    tame_learner_free(&learner[k]);
    tame_network_free(&net[k]);
    free_params(&p[k]);
  }
  return same;
}

static void another_layout_goes_on_to_the_same_bits(void **state)
{
  (void)state;
  static const char *const rules[] = {"ridge", "lasso", "elastic_net", "ridge"};
  static const double several[] = {1, 1e-3, 1e-2};
  for (int k = 0; k < 8; k++) { /* of `solvers`: test_grid.c */
    tame_variant rule = rule_of(rules[k % 4]);
    if (k >= 4) set_alphas(&rule, several, 3);
    params_of(&rule)->solver = k % 4 == 3 ? TAME_SOLVER_QR : TAME_SOLVER_GRAM;
    assert_all(same_on_few(&rule, MPI_COMM_SELF));
    free_rule(&rule);
  }
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ridge_is_its_closed_form),
      cmocka_unit_test(choices_are_those_of_scikit_learn),
      cmocka_unit_test(biases_may_be_penalized),
      cmocka_unit_test(figures_and_warnings_are_told),
      cmocka_unit_test(what_cannot_be_is_said),
      cmocka_unit_test(states_hold_all),
      cmocka_unit_test(another_layout_goes_on_to_the_same_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
