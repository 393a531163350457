/* Longest first, by groups: known sums; what a plan foresees of a network is what it has. */
#include "support.h"

#include "base/memory.h"
#include "experiment/plan.h"

#include <math.h>
#include <string.h>

static void schedules_are_longest_first(void **state)
{
  (void)state;
  double idle;
  double one[] = {1, 2, 3, 4};
  assert_true(tame_plan_makespan(1, 4, one, &idle) == 10 && idle == 0);
  double two[] = {3, 3, 2, 2, 2};
  assert_true(tame_plan_makespan(2, 5, two, &idle) == 7); /* 3 + 2 + 2 and 3 + 2 */
  assert_true(fabs(idle - (1 - 12.0 / 14)) < 1e-12);
  double few[] = {5, 1};
  assert_true(tame_plan_makespan(4, 2, few, &idle) == 5 && fabs(idle - 0.7) < 1e-12);
  double many[1000], sum = 0;
  for (int k = 0; k < 1000; k++) sum += many[k] = 1 + k % 7;
  const double end = tame_plan_makespan(13, 1000, many, NULL);
  assert_true(end >= sum / 13 && end <= sum / 13 + 7);
}

static void groups_are_as_large_as_they_pay(void **state)
{
  (void)state;
  double same[64];
  for (int k = 0; k < 64; k++) same[k] = 1e9;
  assert_int_equal(tame_plan_group(1, 1, 64, same, 1e6), 1);
  assert_int_equal(tame_plan_group(1, 64, 64, same, 1e6), 1); /* one each */
  assert_int_equal(tame_plan_group(1, 16, 64, same, 1e6), 1); /* whole rounds */
  assert_int_equal(tame_plan_group(1, 64, 1, same, 1e8), 64); /* alone, and large */
  assert_int_equal(tame_plan_group(1, 64, 1, same, 1e3), 1);  /* alone, but too small to divide */
  assert_true(tame_plan_group(1, 64, 4, same, 1e8) > 8);      /* fewer networks than ranks */
  for (int k = 0; k < 64; k++) same[k] = k == 0 ? 1e12 : 1;   /* one would hold up all */
  assert_true(tame_plan_group(1, 16, 64, same, 1e8) > 1);
  for (int k = 0; k < 64; k++) same[k] = 1e9;
  assert_int_equal(tame_plan_group(3, 16, 64, same, 1e6), 3); /* no fewer hold one */
}

static const char text[] =
    "network: {neurons: 300, wiring: {random: {density: 0.2}}}\n"
    "tasks: [{name: t, duration_ms: 50, window_ms: [10, 40], inputs: [pulse: {start_ms: 0, "
    "duration_ms: 5}]}]\n"
    "phases: [record: {name: a}, train: {name: b, weights: recurrent, target: a}]\n";

static void check_memory(const char *experiment)
{
  tame_experiment *e;
  tame_plan plan;
  tame_network *net;
  tame_network_load load;
  const tame_plan_request request = {.ranks = 1,
                                     .nodes = 1,
                                     .threads = 1,
                                     .latency_s = 1e-6,
                                     .bandwidth = 1e9,
                                     .updates_per_second = 100};
  assert_int_equal(tame_experiment_parse(&e, MPI_COMM_SELF, experiment), TAME_OK);
  assert_int_equal(tame_experiment_plan(e, &request, &plan), TAME_OK);
  assert_int_equal(tame_network_create(&net, MPI_COMM_SELF, &e->network), TAME_OK);
  tame_network_measure(net, &load);
  const tame_variant *rule = &tame_phase_at(e, 1)->learner;
  const double P = (double)tame_learner_need(rule, net, TAME_WEIGHTS_RECURRENT);
  assert_true(fabs(plan.synapses / (double)load.synapses - 1) < 0.03);
  assert_true(fabs(plan.most.P / P - 1) < 0.05);
  const double all = plan.most.weights + plan.most.states + plan.most.exchange;
  assert_true(fabs(all / (double)load.bytes - 1) < 0.1);
  assert_true(plan.networks == 1 && plan.group == 1 && plan.most.messages_a_step == 0);
  const double first = tame_network_estimate(&e->network, 1);
  assert_true(first > 0.97 * (double)load.bytes && first < 1.3 * (double)load.bytes);
  tame_network_free(&net);
  tame_experiment_free(&e);
}

/* The text with another wiring. */
static const char *with_wiring(const char *wiring)
{
  static char other[sizeof text + 64];
  const char *at = strstr(text, "density: 0.2");
  snprintf(other, sizeof other, "%.*s%s%s", (int)(at - text), text, wiring,
           at + strlen("density: 0.2"));
  return other;
}

static void memory_is_what_a_network_takes(void **state)
{
  (void)state;
  check_memory(text);
  check_memory(with_wiring("density: 1")); /* without a list of sources */
}

/* A network that is too much for one rank is divided over more; shared P's are counted once. */
static void ranks_are_as_many_as_memory_wants(void **state)
{
  (void)state;
  tame_experiment *e;
  int fewest = -1;
  double one, two, need;
  assert_int_equal(tame_experiment_parse(&e, MPI_COMM_SELF, text), TAME_OK);
  assert_int_equal(tame_plan_fewest(e, 1, 6, 1e12, &fewest, &one), TAME_OK);
  assert_int_equal(fewest, 1);
  assert_int_equal(tame_plan_fewest(e, 2, 2, 1e12, &fewest, &two), TAME_OK);
  assert_true(fewest == 2 && two < 0.99 * one);
  assert_int_equal(tame_plan_fewest(e, 1, 6, 0.99 * one, &fewest, &need), TAME_OK);
  assert_true(fewest == 2 && need == two);
  assert_int_equal(tame_plan_fewest(e, 1, 6, two - 1, &fewest, &need), TAME_OK);
  assert_int_equal(fewest, 4);
  assert_int_equal(tame_plan_fewest(e, 1, 6, 1, &fewest, &need), TAME_OK);
  assert_true(fewest == 0 && need > 1 && need < two);
  tame_experiment_free(&e);

  const char *dense = with_wiring("density: 1, self_connections: on");
  assert_int_equal(tame_experiment_parse(&e, MPI_COMM_SELF, dense), TAME_OK);
  assert_int_equal(tame_plan_fewest(e, 1, 1, 1e12, &fewest, &need), TAME_OK);
  tame_network *net;
  assert_int_equal(tame_network_create(&net, MPI_COMM_SELF, &e->network), TAME_OK);
  const tame_variant *rule = &tame_phase_at(e, 1)->learner;
  const double P = (double)tame_learner_need(rule, net, TAME_WEIGHTS_RECURRENT);
  assert_true(P < 0.1 * 180 * 300 * 300 * sizeof(double)); /* 180 neurons that learn, one P */
  assert_true(need > P && need < 2 * P + 8e6);
  tame_network_free(&net);
  tame_experiment_free(&e);
}

static const char analysing[] = "network: {neurons: 400, wiring: {random: {density: 0.2}}}\n"
                                "tasks: [{name: t, duration_ms: 500, window_ms: [10, 400]}]\n"
                                "phases: [analyse: {name: a, by: [spectrum, lyapunov: {exponents: "
                                "40}, divergence, pca: {projections: on}]}]\n";

/* All that is given from the first to the last moment of a trial, which is little more than what is held at once. */
static void memory_of_analyses_is_what_they_take(void **state)
{
  (void)state;
  tame_experiment *e;
  tame_network *net;
  double sum = 0;
  assert_int_equal(tame_experiment_parse(&e, MPI_COMM_SELF, analysing), TAME_OK);
  assert_int_equal(tame_network_create(&net, MPI_COMM_SELF, &e->network), TAME_OK);
  for (int i = 0; i < 4; i++) {
    const tame_analysis_about about = tame_phase_about(e, 0, 0);
    const tame_variant *which = tame_phase_analysis(e, 0, i);
    tame_analysis_plan plan;
    tame_analysis *analysis;
    tame_analysis_foresee(which, &about, 1, &plan);
    const double need = plan.own_bytes * 400 + plan.fixed_bytes + plan.root_bytes;
    const int64_t before = tame_memory_given();
    assert_int_equal(tame_analysis_create(&analysis, which, &about, net), TAME_OK);
    tame_analysis_begin(analysis);
    for (int t = 0; t < 20; t++) tame_analysis_step(analysis, NULL, false);
    assert_int_equal(tame_analysis_end(analysis), TAME_OK);
    const double given = (double)(tame_memory_given() - before);
    print_message("%s: foreseen %.0f, given %.0f\n", which->row->name, need, given);
    assert_true(given <= 1.01 * need + 8192 && given >= 0.6 * need);
    sum += need;
    tame_analysis_free(&analysis);
  }
  assert_true(tame_observer_need(e, 1, 1, true) == sum);
  assert_true(tame_observer_need(e, 0.25, 4, false) < sum / 2);
  tame_network_free(&net);
  tame_experiment_free(&e);
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(schedules_are_longest_first),
      cmocka_unit_test(groups_are_as_large_as_they_pay),
      cmocka_unit_test(memory_is_what_a_network_takes),
      cmocka_unit_test(ranks_are_as_many_as_memory_wants),
      cmocka_unit_test(memory_of_analyses_is_what_they_take),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
