/* Networks of features: how many there are, what they are called, their values; alike on any number of ranks. */
/* ranks: 1 2 3 4 7 */
#include "support.h"

#include "base/memory.h"
#include "network/inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *field(const tame_variant *variant, const char *name)
{
  for (const tame_field *f = variant->row->params.fields; f->name; f++)
    if (strcmp(f->name, name) == 0) return (char *)variant->params + f->offset;
  fail_msg("no field %s", name);
  return NULL;
}

/* orders: [n], copied. */
static tame_network_params nvar(int64_t inputs, int64_t delay, int64_t stride, int n,
                                const double *orders, bool constant)
{
  tame_network_params p;
  assert_int_equal(tame_network_defaults(&p), TAME_OK);
  p.inputs = inputs, p.outputs = 2;
  assert_int_equal(tame_variant_set(&p.cell, &tame_cells, "nvar"), TAME_OK);
  assert_int_equal(tame_variant_set(&p.wiring, &tame_wirings, "none"), TAME_OK);
  *(int64_t *)field(&p.cell, "delay") = delay;
  *(int64_t *)field(&p.cell, "stride") = stride;
  *(bool *)field(&p.cell, "constant") = constant;
  tame_reals *list = field(&p.cell, "orders");
  free(list->at);
  *list = (tame_reals){malloc((size_t)(n + 1) * sizeof *orders), n};
  memcpy(list->at, orders, (size_t)n * sizeof *orders);
  return p;
}

/* The input of step t: anything without a pattern. */
static void draw_input(int64_t t, int64_t channels, double *v)
{
  for (int64_t c = 0; c < channels; c++)
    v[c] = tame_normal(3, TAME_DRAW_SIGNAL, (uint32_t)c, (uint32_t)t, 0);
}

/* Do ours among the units have these rates? */
static bool has_rates(const tame_network *net, const double *want)
{
  bool same = true;
  for (int64_t i = 0; i < net->n_local; i++)
    same = same && tame_network_rate(net, i) == want[net->first + i];
  return same;
}

static void counts(void **state)
{
  (void)state;
  static const struct {
    int64_t inputs, delay;
    int n;
    double orders[2];
    bool constant;
    int64_t want;
  } cases[] = {{3, 4, 1, {2}, false, 12 + 78},     {3, 4, 1, {2}, true, 1 + 12 + 78},
               {3, 4, 2, {2, 3}, false, 454},      {3, 4, 0, {0}, false, 12},
               {1, 1, 2, {8, 2}, true, 4},         {2, 1, 1, {8}, false, 2 + 9},
               {1, 10000, 1, {2}, false, 50015000}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    tame_network_params p = nvar(cases[k].inputs, cases[k].delay, 5, cases[k].n, cases[k].orders,
                                 cases[k].constant);
    const char *key;
    assert_int_equal(tame_network_check(&p, &key), TAME_OK);
    assert_int_equal(tame_network_units(&p), cases[k].want);
    free_params(&p);
  }
}

static void names(void **state)
{
  (void)state;
  static const char *const want[] = {"x0(t)",           "x1(t)",         "x0(t-3)",
                                     "x1(t-3)",         "x0(t)^2",       "x0(t) x1(t)",
                                     "x0(t) x0(t-3)",   "x0(t) x1(t-3)", "x1(t)^2",
                                     "x1(t) x0(t-3)",   "x1(t) x1(t-3)", "x0(t-3)^2",
                                     "x0(t-3) x1(t-3)", "x1(t-3)^2",     "x0(t)^3",
                                     "x0(t)^2 x1(t)"};
  char text[64];
  tame_network_params p = nvar(2, 2, 3, 2, (double[]){2, 3}, false);
  const tame_features *features = tame_network_features(&p);
  for (int k = 0; k < 16; k++) {
    features->name(p.cell.params, 2, k, text, sizeof text);
    assert_string_equal(text, want[k]);
  }
  features->name(p.cell.params, 2, 33, text, sizeof text);
  assert_string_equal(text, "x1(t-3)^3");
  *(bool *)field(&p.cell, "constant") = true;
  features->name(p.cell.params, 2, 0, text, sizeof text);
  assert_string_equal(text, "1");
  features->name(p.cell.params, 2, 6, text, sizeof text);
  assert_string_equal(text, "x0(t) x1(t)");
  features->name(p.cell.params, 2, 6, text, 8); /* cut */
  assert_string_equal(text, "x0(t) x");
  free_params(&p);
}

/* All features of two channels at t, t - 3 and t - 6, by loops over them: constant, linear, cubic, quadratic. */
static int by_hand(int64_t t, const double (*u)[2], double *want)
{
  double l[6];
  int n = 0;
  for (int lag = 0; lag < 3; lag++)
    for (int c = 0; c < 2; c++) l[2 * lag + c] = t - 3 * lag < 0 ? 0 : u[t - 3 * lag][c];
  want[n++] = 1;
  for (int i = 0; i < 6; i++) want[n++] = l[i];
  for (int i = 0; i < 6; i++)
    for (int j = i; j < 6; j++)
      for (int k = j; k < 6; k++) want[n++] = l[i] * l[j] * l[k];
  for (int i = 0; i < 6; i++)
    for (int j = i; j < 6; j++) want[n++] = l[i] * l[j];
  return n;
}

static void values_are_products_of_past_inputs(void **state)
{
  (void)state;
  enum { STEPS = 12 };
  tame_network_params p = nvar(2, 3, 3, 2, (double[]){3, 2}, true);
  tame_network *net;
  double u[STEPS][2], want[1 + 6 + 56 + 21];
  assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_OK);
  assert_int_equal(net->p.neurons, 1 + 6 + 56 + 21);
  for (uint32_t trial = 0; trial < 2; trial++) { /* the second remembers nothing of the first */
    bool ok = true;
    tame_network_reset(net, trial);
    memset(want, 0, sizeof want);
    want[0] = 1;
    ok = ok && has_rates(net, want);
    for (int64_t t = 0; t < STEPS; t++) {
      draw_input(t + 100 * trial, 2, u[t]);
      if (t == 5) u[t][0] = u[t][1] = 0;
      tame_network_step(net, t == 5 ? NULL : u[t], true);
      assert_int_equal(by_hand(t, (const double(*)[2])u, want), net->p.neurons);
      ok = ok && has_rates(net, want);
      const double *all = tame_network_all_rates(net);
      ok = ok && memcmp(all, want, sizeof want) == 0;
    }
    assert_all(ok);
  }
  tame_network_free(&net);
  free_params(&p);
}

static void same_bits_on_any_number_of_ranks(void **state)
{
  (void)state;
  for (int precision = 0; precision < 2; precision++)
    for (int64_t delay = 1; delay < 30; delay *= 5) { /* 2, 65, 1325 units */
      tame_network_params p = nvar(1, delay, 2, 1, (double[]){delay == 5 ? 3 : 2}, delay == 5);
      p.precision = precision;
      tame_network *alone, *shared;
      bool ok = true;
      assert_all(tame_network_create(&alone, MPI_COMM_SELF, &p) == TAME_OK);
      assert_all(tame_network_create(&shared, MPI_COMM_WORLD, &p) == TAME_OK);
      for (int64_t t = 0; t < 80; t++) {
        double v, z[2][2];
        draw_input(t, 1, &v);
        tame_network_step(alone, &v, false), tame_network_step(shared, &v, false);
        tame_network_readout(alone, z[0]), tame_network_readout(shared, z[1]);
        ok = ok && memcmp(z[0], z[1], sizeof z[0]) == 0;
        ok = ok && memcmp(tame_real_from(alone, alone->r, shared->first), shared->r,
                          (size_t)shared->n_local * shared->real) == 0;
      }
      assert_all(ok);
      tame_network_free(&alone), tame_network_free(&shared);
      free_params(&p);
    }
}

/* What a state holds of one network is put into another: both go on alike. */
static void a_state_holds_the_past(void **state)
{
  (void)state;
  tame_network_params p = nvar(2, 3, 3, 1, (double[]){2}, false);
  tame_network *from, *to;
  tame_state saved = {0}, restored = {0};
  bool ok = true;
  assert_all(tame_network_create(&from, MPI_COMM_WORLD, &p) == TAME_OK);
  assert_all(tame_network_create(&to, MPI_COMM_WORLD, &p) == TAME_OK);
  for (int64_t t = 0; t < 24; t++) {
    double v[2], z[2][2];
    draw_input(t, 2, v);
    tame_network_step(from, v, false);
    if (t == 10) {
      tame_network_state(from, &saved), tame_network_state(to, &restored);
      assert_all(saved.count == restored.count && !saved.failed);
      for (int64_t k = 0; k < saved.count; k++)
        memcpy(restored.at[k].at, saved.at[k].at,
               (size_t)saved.at[k].count * tame_type_size(saved.at[k].type));
      tame_network_restored(to);
    }
    if (t < 10) continue;
    if (t > 10) tame_network_step(to, v, false);
    tame_network_readout(from, z[0]), tame_network_readout(to, z[1]);
    ok = ok && memcmp(z[0], z[1], sizeof z[0]) == 0;
  }
  assert_all(ok);
  tame_state_free(&saved), tame_state_free(&restored);
  tame_network_free(&from), tame_network_free(&to);
  free_params(&p);
}

static void refuse(const tame_network_params *p, const char *words)
{
  tame_network *net;
  assert_all(tame_network_create(&net, MPI_COMM_WORLD, p) == TAME_ERR_INPUT && net == NULL);
  if (!strstr(tame_message(), words)) fail_msg("'%s' lacks '%s'", tame_message(), words);
}

static void what_cannot_be_is_refused(void **state)
{
  (void)state;
  const double twice[] = {2, 2}, broken[] = {2.5}, high[] = {8};
  tame_network_params p = nvar(3, 4, 5, 1, (double[]){2}, false);
  tame_learner *learner;
  tame_variant rls = {0};
  tame_network *net;
  p.neurons = 90;
  assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_OK);
  assert_int_equal(tame_variant_set(&rls, &tame_learners, "rls"), TAME_OK);
  assert_all(tame_learner_create(&learner, &rls, net, TAME_WEIGHTS_RECURRENT) == TAME_ERR_INPUT);
  tame_network_free(&net);
  free(rls.params);
  p.neurons = 91;
  refuse(&p,
         "network.neurons: found 91, want 0 or 90, as many as cell nvar has features of 3 chan");
  p.neurons = 0, p.noise = 0.1;
  refuse(&p, "network.noise: has no meaning for cell nvar");
  p.noise = 0, p.plasticity = TAME_PLASTIC_NONE;
  refuse(&p, "network.plasticity: has no meaning for cell nvar");
  free_params(&p);
  p = nvar(3, 4, 5, 2, twice, false);
  refuse(&p, "network.cell.nvar.orders: found 2 twice");
  free_params(&p);
  p = nvar(3, 4, 5, 1, broken, false);
  refuse(&p, "network.cell.nvar.orders: found 2.5, want whole numbers from 2 to 8");
  free_params(&p);
  p = nvar(3, 1000, 5, 1, high, false);
  refuse(&p, "network.cell: nvar has more than 2e+09 features of 3 channels");
  free_params(&p);
  p = nvar(0, 4, 5, 1, high, true);
  refuse(&p, "network.inputs: found 0, of which cell nvar has no features");
  free_params(&p);
  p = nvar(3, 4, 5, 1, high, false);
  assert_int_equal(tame_variant_set(&p.wiring, &tame_wirings, "random"), TAME_OK);
  refuse(&p, "network.wiring: found random, but units of cell nvar have no synapses: want none");
  free_params(&p);
  p = small_params(0);
  refuse(&p, "network.neurons: found 0, want a whole number from 1");
  free_params(&p);
}

static void memory_that_runs_out_on_one_rank_fails_all(void **state)
{
  (void)state;
  tame_network_params p = nvar(2, 2, 1, 1, (double[]){2}, false);
  bool made = false;
  for (int64_t n = 1; !made; n++) {
    tame_network *net;
    if (world_rank() == 0) tame_memory_fail_at(n);
    const tame_status status = tame_network_create(&net, MPI_COMM_WORLD, &p);
    tame_memory_fail_at(0);
    made = status == TAME_OK;
    assert_all(made || (status == TAME_ERR_NOMEM && net == NULL));
    assert_all(n < 100);
    tame_network_free(&net);
  }
  free_params(&p);
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts),
      cmocka_unit_test(names),
      cmocka_unit_test(values_are_products_of_past_inputs),
      cmocka_unit_test(same_bits_on_any_number_of_ranks),
      cmocka_unit_test(a_state_holds_the_past),
      cmocka_unit_test(what_cannot_be_is_refused),
      cmocka_unit_test(memory_that_runs_out_on_one_rank_fails_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
