/* Sweeps: products, keys that go together, ranges, repeats, labels; a network is what its keys say. */
#include "support.h"

#include "experiment/inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BASE                                                                                       \
  "network: {neurons: 20, gain: 1.1}\n"                                                            \
  "tasks: [{name: t, duration_ms: 50, window_ms: [10, 40]}]\n"                                     \
  "phases: [record: {name: a}]\n"

static tame_experiment *load(const char *sweep)
{
  char text[2048];
  tame_experiment *e;
  snprintf(text, sizeof text, BASE "sweep:\n%s\n", sweep);
  if (tame_experiment_parse(&e, MPI_COMM_SELF, text) != TAME_OK)
    print_error("%s\n", tame_message());
  return e;
}

static void a_product_of_axes(void **state)
{
  (void)state;
  tame_experiment *e = load("  axes:\n"
                            "    - network.gain: [0.5, 1, 2]\n"
                            "    - {label.x: [a, b], network.noise: [0, 0.1]}\n"
                            "  repeats: 2\n");
  assert_non_null(e);
  assert_true(tame_experiment_networks(e) == 12 && tame_sweep_coordinates(e) == 4);
  assert_string_equal(tame_sweep_name(e, 1), "x");
  assert_true(tame_sweep_numeric(e, 0) && !tame_sweep_numeric(e, 1));
  assert_true(tame_sweep_number(e, 0, 4) == 1 && isnan(tame_sweep_number(e, 1, 4)));
  assert_string_equal(tame_sweep_text(e, 1, 6), "b");
  tame_experiment *k;
  assert_int_equal(tame_experiment_member(&k, e, 7, MPI_COMM_SELF), TAME_OK);
  assert_true(k->network.gain == 1 && k->network.noise == 0.1 && k->network.seed == 2);
  assert_true(tame_experiment_networks(k) == 1 && !strstr(tame_experiment_text(k), "axes"));
  assert_true(tame_sweep_touches(e, "network.gain") && tame_sweep_touches(e, "network"));
  assert_true(tame_sweep_touches(e, "network.seed") && !tame_sweep_touches(e, "network.gai"));
  assert_true(!tame_sweep_touches(e, "tasks"));
  tame_experiment_free(&k);
  tame_experiment_free(&e);
}

static void check_range(const char *range, int64_t count, const double *values)
{
  char text[256];
  snprintf(text, sizeof text, "  axes: [network.gain: %s]", range);
  tame_experiment *e = load(text);
  assert_non_null(e);
  assert_int_equal(tame_experiment_networks(e), count);
  for (int64_t k = 0; k < count; k++)
    assert_true(fabs(tame_sweep_number(e, 0, k) - values[k]) <= 1e-12 * fabs(values[k]));
  tame_experiment_free(&e);
}

static void ranges(void **state)
{
  (void)state;
  check_range("{from: 1, to: 3}", 3, (double[]){1, 2, 3});
  check_range("{from: 0.1, to: 0.45, step: 0.1}", 4, (double[]){0.1, 0.2, 0.3, 0.4});
  check_range("{from: 1.2, to: 1.8, step: 0.2}", 4, (double[]){1.2, 1.4, 1.6, 1.8});
  check_range("{from: 3, to: 1, step: -1}", 3, (double[]){3, 2, 1});
  check_range("{from: 5, count: 2}", 2, (double[]){5, 6});
  check_range("{from: 1, to: 2, count: 5}", 5, (double[]){1, 1.25, 1.5, 1.75, 2});
  check_range("{from: 0.01, to: 100, count: 5, scale: log}", 5, (double[]){0.01, 0.1, 1, 10, 100});
  check_range("{from: 2, to: 2}", 1, (double[]){2});
}

static void any_value(void **state)
{
  (void)state;
  tame_experiment *e = load("  axes:\n"
                            "    - tasks[0].inputs: [[], [pulse: {start_ms: 5, duration_ms: 2}]]\n"
                            "    - network.wiring: [random, {fixed_inputs: {inputs: 3}}]\n");
  assert_non_null(e);
  tame_experiment *k;
  assert_int_equal(tame_experiment_member(&k, e, 3, MPI_COMM_SELF), TAME_OK);
  assert_string_equal(k->network.wiring.row->name, "fixed_inputs");
  assert_int_equal(tame_task_at(k, 0)->inputs.count, 1);
  tame_experiment_free(&k);
  /* its text is that of the same file with these values set */
  const char *sets[] = {"tasks[0].inputs=[]", "network.wiring=random"};
  tame_experiment *by_hand;
  char name[] = "experiment", folder[] = ".", text[] = BASE;
  const tame_source source = {
      .name = name, .text = text, .folder = folder, .sets = (char **)sets, .n_sets = 2};
  assert_int_equal(tame_experiment_build(&by_hand, MPI_COMM_SELF, &source), TAME_OK);
  assert_int_equal(tame_experiment_member(&k, e, 0, MPI_COMM_SELF), TAME_OK);
  assert_string_equal(tame_experiment_text(k), tame_experiment_text(by_hand));
  tame_experiment_free(&by_hand);
  tame_experiment_free(&k);
  tame_experiment_free(&e);
}

static void a_combination_that_cannot_be(void **state)
{
  (void)state;
  tame_experiment *e = load("  axes:\n    - tasks[0].duration_ms: [50, 30]\n"), *k;
  assert_non_null(e);
  assert_int_equal(tame_experiment_member(&k, e, 0, MPI_COMM_SELF), TAME_OK);
  tame_experiment_free(&k);
  assert_int_equal(tame_experiment_member(&k, e, 1, MPI_COMM_SELF), TAME_ERR_INPUT);
  assert_null(k);
  assert_non_null(strstr(tame_message(), "network 1: "));
  assert_non_null(strstr(tame_message(), "window_ms"));
  tame_experiment_free(&e);
}

static void the_text_is_its_own(void **state)
{
  (void)state;
  tame_experiment *e = load("  axes: [network.gain: [1, 2], label.s: [\"a b\", -x]]\n  repeats: 3"),
                  *f;
  assert_non_null(e);
  assert_string_equal(tame_sweep_text(e, 1, 0), "a b"); /* a label is words, without quotes */
  assert_string_equal(tame_sweep_text(e, 1, 3), "-x");
  assert_int_equal(tame_experiment_parse(&f, MPI_COMM_SELF, tame_experiment_text(e)), TAME_OK);
  assert_string_equal(tame_experiment_text(e), tame_experiment_text(f));
  assert_int_equal(tame_experiment_networks(f), 12);
  assert_int_equal(tame_experiment_same(e, tame_experiment_text(f)), TAME_OK);
  tame_experiment_free(&f);
  assert_int_equal(tame_experiment_parse(&f, MPI_COMM_SELF, BASE), TAME_OK);
  assert_int_equal(tame_experiment_same(f, tame_experiment_text(e)), TAME_ERR_INPUT);
  assert_non_null(strstr(tame_message(), "sweep.repeats: 3 and 1"));
  tame_experiment_free(&f);
  tame_experiment_free(&e);
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_product_of_axes),   cmocka_unit_test(ranges),
      cmocka_unit_test(any_value),           cmocka_unit_test(a_combination_that_cannot_be),
      cmocka_unit_test(the_text_is_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
