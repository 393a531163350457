/* Experiments with models through the library: stopped after every single update and gone on with, each time on other
 * ranks, one ends with the bytes of one that was left in peace, also where it ends by a failure; an allocation that
 * fails anywhere, on one rank, ends all ranks with one status and leaves no file. */
/* ranks: 1 2 3 */
/* timeout: 300 */
#include "support.h"

#include "base/memory.h"

#include <hdf5.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Three updates an epoch; the rates are such that the validation becomes worse before the epochs are over. */
static const char learns[] =
    "name: small\n"
    "model:\n"
    "  inputs: 1\n"
    "  train_start: on\n"
    "  layers: [gru: {units: 4}, ltc: {circuit: {autoncp: {units: 6, outputs: 1}}}]\n"
    "data:\n"
    "  - {name: waves, from: {irregular: {steps: 6}}, samples: 10}\n"
    "  - {name: unseen, from: {irregular: {steps: 4}}, samples: 5, seed: 2}\n"
    "  - {name: new, from: {irregular: {steps: 5}}, samples: 7, fresh: on}\n"
    "phases:\n"
    "  - test: {name: before, record: 2}\n"
    "  - fit:\n"
    "      name: best\n"
    "      epochs: 12\n"
    "      batch: 4\n"
    "      gradient: {micro_batch: 2, penalties: {weights_l2: 1e-3, rates_l1: 1e-3}}\n"
    "      optimizer: {adam: {rate: 0.2}}\n"
    "      schedules: [warm_up: {every: 4}, exponential: {factor: 0.99}]\n"
    "      clip: {norm: 0.5}\n"
    "      validate: unseen\n"
    "      keep: best\n"
    "      patience: 3\n"
    "  - fit: {name: ball, epochs: 2, batch: 4, gradient: {micro_batch: 2, truncate: 4},\n"
    "          optimizer: {sgd: {rate: 0.05, momentum: 0.9}}}\n"
    "  - fit: {name: newton, data: new, epochs: 5, gradient: {micro_batch: 2, segment: 2},\n"
    "          optimizer: {lbfgs: {rate: 0.3}}}\n"
    "  - test: {name: after, data: unseen, states: on}\n";

/* A search that ends in the midst of an epoch, and the weights of that one are the best. */
static const char ends[] =
    "name: ends\n"
    "model: {inputs: 2, layers: [rnn: {units: 5}, dense: {units: 1}]}\n"
    "data: [{name: addition, from: {addition: {steps: 6}}, samples: 11}]\n"
    "phases:\n"
    "  - fit: {name: newton, epochs: 3, batch: 8, validate: addition, keep: best,\n"
    "          optimizer: {hessian_free: {cg_fewest: 6, cg_most: 12, still: 1e9}}}\n"
    "  - test: {name: after}\n";

/* Updates that are left in the midst of their conjugate gradients. */
static const char searches[] =
    "name: searches\n"
    "model: {inputs: 2, layers: [rnn: {units: 5}, dense: {units: 1}]}\n"
    "data: [{name: addition, from: {addition: {steps: 6}}, samples: 11}]\n"
    "phases:\n"
    "  - fit: {name: newton, epochs: 3, batch: 8, shuffle: on, gradient: {micro_batch: 2},\n"
    "          optimizer: {hessian_free: {structural: 0.03, curvature: 5, cg_fewest: 6,\n"
    "                                     cg_most: 12, lambda: 0.01}}}\n"
    "  - test: {name: after}\n";

/* Weights grow by 10^12 an update: of a dense layer until its loss is no number, of one whose outputs are bounded until
 * they are none themselves. */
static const char diverges[] =
    "name: small\n"
    "model: {inputs: 1, layers: [%s: {units: 1}]}\n"
    "data: [{name: nothing, from: {integration: {steps: 2, bias_mean: 0, bias_sd: 0, noise: 0}},\n"
    "        samples: 3}]\n"
    "phases:\n"
    "  - fit: {name: growth, epochs: 12, batch: 1, optimizer: {sgd: {rate: 1e6, decay: 1e6}}}\n"
    "  - test: {name: after}\n";

/* Merges of a middle layer and of the last but one, with retraining, also on samples that are always new; the second
 * phase ends as its loss is too large. */
static const char condenses[] =
    "name: condensed\n"
    "model: {inputs: 1, train_start: on, layers: [bidirectional: {cell: {gru: {units: 2}}},\n"
    "        rnn: {units: 5, tau: 2}, rnn: {units: 7, form: current}, dense: {units: 1}]}\n"
    "data:\n"
    "  - {name: waves, from: {irregular: {steps: 6}}, samples: 19}\n"
    "  - {name: new, from: {irregular: {steps: 5}}, samples: 7, fresh: on}\n"
    "phases:\n"
    "  - fit: {name: fit, epochs: 12, optimizer: {adam: {rate: 0.1}},\n"
    "         gradient: {micro_batch: 2}}\n"
    "  - condense: {name: first, layer: 1, likeness: correlation, smallest: 3, until: 1e9,\n"
    "               retrain: 3, lessons: new, batch: 4, optimizer: {adam: {rate: 0.02}}}\n"
    "  - condense: {name: second, layer: 2, smallest: 5, until: 1.01, merge: average, retrain: 2, "
    "batch: 10,\n"
    "               optimizer: %s}\n"
    "  - test: {name: after, states: on}\n"
    "  - fit: {name: on, epochs: 1, optimizer: adam}\n";

/* A bit of all, soon over. */
static const char brief[] =
    "name: brief\n"
    "model: {inputs: 1, layers: [gru: {units: 2}, ltc: {circuit: {autoncp: {units: 4, outputs: "
    "1}}}]}\n"
    "data:\n"
    "  - {name: waves, from: {irregular: {steps: 3}}, samples: 3}\n"
    "phases:\n"
    "  - fit: {name: fit, batch: 2, gradient: {micro_batch: 1}, validate: waves, keep: best,\n"
    "          schedules: [warm_up: {every: 2}]}\n"
    "  - fit: {name: search, batch: 2, optimizer: hessian_free}\n"
    "  - test: {name: after, record: 1, states: on}\n";

/* The same of condensing. */
static const char brief_merges[] =
    "name: brief\n"
    "model: {inputs: 1, layers: [rnn: {units: 3}, dense: {units: 1}]}\n"
    "data:\n"
    "  - {name: waves, from: {irregular: {steps: 3}}, samples: 3}\n"
    "phases:\n"
    "  - condense: {name: condense, retrain: 1, until: 1e9}\n";

static tame_status run_text(const char *text, MPI_Comm comm, const tame_run_options *options)
{
  tame_experiment *e;
  tame_status status = tame_experiment_parse(&e, comm, text);
  if (status == TAME_OK) status = tame_experiment_run(e, comm, options);
  tame_experiment_free(&e);
  return status;
}

/* What rank 0 says. */
static bool told(bool mine)
{
  MPI_Bcast(&mine, 1, MPI_C_BOOL, 0, MPI_COMM_WORLD);
  return mine;
}

static bool are_equal(const char *a, const char *b)
{
  const bool equal = world_rank() > 0 || tame_results_compare(a, b) == TAME_OK;
  if (!equal) print_error("%s\n", tame_message());
  return told(equal);
}

static void discard(const char *path)
{
  MPI_Barrier(MPI_COMM_WORLD);
  if (world_rank() == 0) remove(path);
  MPI_Barrier(MPI_COMM_WORLD);
}

/* All ranks, or the first alone: the status is that of rank 0. */
static tame_status run_on(bool all, const char *text, const tame_run_options *options)
{
  int status = TAME_OK;
  if (all) status = (int)run_text(text, MPI_COMM_WORLD, options);
  else if (world_rank() == 0) status = (int)run_text(text, MPI_COMM_SELF, options);
  MPI_Bcast(&status, 1, MPI_INT, 0, MPI_COMM_WORLD);
  return (tame_status)status;
}

/* A run that hears a request to stop from the start makes one update: sessions until it has ended. */
static int run_by_updates(const char *text, const char *path, tame_status *status)
{
  static volatile sig_atomic_t stop = SIGTERM;
  tame_run_options options = {
      .output = path, .force = true, .checkpoint_seconds = 1e9, .stop = &stop};
  int sessions = 0;
  do {
    *status = run_on(sessions % 2 == 0, text, &options);
    options.resume = true;
    sessions++;
  } while (*status == TAME_STOPPED && sessions < 1000);
  return sessions;
}

/* The first number of a dataset. */
static double number_in(const char *file, const char *path)
{
  double *all = NULL, number = NAN;
  if (world_rank() == 0) {
    const hid_t f = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT),
                set = H5Dopen2(f, path, H5P_DEFAULT), space = H5Dget_space(set);
    all = calloc((size_t)H5Sget_simple_extent_npoints(space), sizeof *all);
    if (!all || H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, all) < 0) abort();
    number = all[0];
    free(all);
    H5Sclose(space), H5Dclose(set), H5Fclose(f);
  }
  MPI_Bcast(&number, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  return number;
}

static void stopped_after_every_update_it_ends_the_same(void **state)
{
  (void)state;
  tame_status status;
  const tame_run_options whole = {.output = "whole.h5", .force = true, .checkpoint_seconds = 1e9};
  assert_all(run_on(false, learns, &whole) == TAME_OK);
  const int sessions = run_by_updates(learns, "pieces.h5", &status);
  assert_all(status == TAME_OK);
  const double epochs = number_in("whole.h5", "phases/best/waves/epochs");
  assert_true(epochs > 4 && epochs < 12); /* patience had an end, and the best was not the last */
  assert_int_equal(sessions, 3 * (int)epochs + 2 * 3 + 5 + 1 + 4); /* and between phases */
  assert_true(are_equal("whole.h5", "pieces.h5"));
  discard("whole.h5");
  discard("pieces.h5");
}

/* Units that are left are so many, and the others have no weights, but for what comes with the last phase. */
static void stopped_between_and_amid_merges_it_ends_the_same(void **state)
{
  (void)state;
  char text[sizeof condenses + 64];
  tame_status status;
  const tame_run_options whole = {.output = "whole.h5", .force = true, .checkpoint_seconds = 1e9};
  snprintf(text, sizeof text, condenses, "{sgd: {rate: 0.001, momentum: 0.9}}");
  assert_all(run_on(false, text, &whole) == TAME_OK);
  const int sessions = run_by_updates(text, "pieces.h5", &status);
  assert_all(status == TAME_OK);
  assert_int_equal(number_in("whole.h5", "phases/first/waves/merges"), 2);
  const double merges = number_in("whole.h5", "phases/second/waves/merges");
  assert_true(merges == 1); /* it was too much, and what it came from goes on */
  assert_true(number_in("whole.h5", "phases/after/waves/loss") <=
              1.01 * number_in("whole.h5", "phases/second/waves/loss"));
  assert_int_equal(sessions, 12 + 2 * (3 + 1) + (2 + 1) + 2 + 1 + 5); /* updates, merges, phases */
  assert_true(are_equal("whole.h5", "pieces.h5"));
  discard("whole.h5");
  discard("pieces.h5");
}

static void stopped_in_every_search_it_ends_the_same(void **state)
{
  (void)state;
  tame_status status;
  const tame_run_options whole = {.output = "whole.h5", .force = true, .checkpoint_seconds = 1e9};
  assert_all(run_on(true, searches, &whole) == TAME_OK);
  const int sessions = run_by_updates(searches, "pieces.h5", &status);
  assert_all(status == TAME_OK);
  assert_true(sessions > 6 * 5); /* six updates of six iterations and more */
  const double lambda = number_in("whole.h5", "phases/newton/addition/damping"),
               iterations = number_in("whole.h5", "phases/newton/addition/iterations"),
               passes = number_in("whole.h5", "phases/newton/addition/passes");
  assert_true(fabs(lambda / 0.01 - 1) < 1e-9 || fabs(lambda / 0.015 - 1) < 1e-9 ||
              fabs(lambda * 1.5 / 0.01 - 1) < 1e-9); /* of the second update */
  assert_in_range((int)iterations, 6, 12);
  /* Gradients and losses of 8 and 3 samples, products of 5 and 3, of 11: a gradient, a start, six iterations, two losses */
  assert_true(passes >= (3 * 11 + 7 * 8) / 11. && passes < 30);
  assert_true(number_in("whole.h5", "run/phases/newton/addition/epoch_s") > 0);
  assert_true(are_equal("whole.h5", "pieces.h5"));
  discard("whole.h5");
  discard("pieces.h5");
}

/* Stopped in mid-search, too; a rule that searches but must make an update whole, on one rank and on all. */
static void retrained_by_searching_it_ends_the_same(void **state)
{
  (void)state;
  char text[sizeof condenses + 64];
  tame_status status;
  tame_run_options options = {.output = "whole.h5", .force = true, .checkpoint_seconds = 1e9};
  snprintf(text, sizeof text, condenses, "{hessian_free: {cg_fewest: 2, cg_most: 5}}");
  assert_all(run_on(true, text, &options) == TAME_OK);
  assert_true(run_by_updates(text, "pieces.h5", &status) > 12 + 2 * (3 + 1) + 2 * (2 + 1) + 5);
  assert_all(status == TAME_OK);
  assert_true(are_equal("whole.h5", "pieces.h5"));
  assert_true(number_in("whole.h5", "phases/second/waves/merges") > 0);
  snprintf(text, sizeof text, condenses, "conjugate_gradient");
  assert_all(run_on(true, text, &options) == TAME_OK);
  options.output = "pieces.h5";
  assert_all(run_on(false, text, &options) == TAME_OK);
  assert_true(are_equal("whole.h5", "pieces.h5"));
  discard("whole.h5");
  discard("pieces.h5");
}

static void a_search_that_ends_ends_its_epoch(void **state)
{
  (void)state;
  tame_status status;
  const tame_run_options whole = {.output = "whole.h5", .force = true, .checkpoint_seconds = 1e9};
  assert_all(run_on(true, ends, &whole) == TAME_OK);
  assert_int_equal((int)number_in("whole.h5", "phases/newton/addition/epochs"), 1);
  (void)run_by_updates(ends, "pieces.h5", &status);
  assert_all(status == TAME_OK);
  assert_true(are_equal("whole.h5", "pieces.h5"));
  discard("whole.h5");
  discard("pieces.h5");
}

/* words: of the message. */
static void fail_in_pieces(const char *layer, const char *words, int epoch, double least)
{
  char text[sizeof diverges + 16];
  tame_status status;
  const tame_run_options whole = {.output = "whole.h5", .force = true, .checkpoint_seconds = 1e9};
  snprintf(text, sizeof text, diverges, layer);
  assert_all(run_on(false, text, &whole) == TAME_ERR_NUMERIC);
  const bool said = strstr(tame_message(), words) != NULL;
  if (world_rank() == 0 && !said) print_error("%s\n", tame_message());
  assert_true(told(said));
  assert_true(run_by_updates(text, "pieces.h5", &status) > 10);
  assert_all(status == TAME_ERR_NUMERIC);
  char path[64];
  snprintf(path, sizeof path, "weights/final/0.%s.bias", layer);
  const double weight = number_in("whole.h5", path);
  assert_true(isfinite(weight) && fabs(weight) > least); /* the last good one, not the first */
  assert_int_equal(number_in("whole.h5", "phases/growth/nothing/epochs"), epoch);
  assert_true(isnan(number_in("whole.h5", "phases/after/nothing/loss")));
  assert_true(are_equal("whole.h5", "pieces.h5"));
  discard("whole.h5");
  discard("pieces.h5");
}

static void one_that_fails_ends_the_same(void **state)
{
  (void)state;
  fail_in_pieces("dense", "phase 'growth', epoch 4, update 13: found a loss of inf", 4, 1e130);
  fail_in_pieces("rnn", "phase 'growth', epoch 8, update 26: found a weight of ", 8, 1e280);
}

/* least: allocations that there are. */
static void run_out_of_memory(const char *text, int64_t least)
{
  const tame_run_options options = {.output = "failed.h5",
                                    .force = true,
                                    .checkpoint_seconds = 1e9};
  bool done = false;
  int64_t n = 1;
  for (; !done; n += world_size() > 1 ? 7 : 1) {
    if (world_rank() == n % world_size()) tame_memory_fail_at(1 + n / world_size());
    const tame_status status = run_text(text, MPI_COMM_WORLD, &options);
    tame_memory_fail_at(0);
    done = status == TAME_OK;
    assert_all(done || (status == TAME_ERR_NOMEM && access("failed.h5", F_OK) != 0));
    MPI_Barrier(MPI_COMM_WORLD);
    const bool left = told(access("failed.h5.partial", F_OK) == 0);
    if (left) { /* it was done, all but the end */
      tame_run_options again = options;
      again.resume = true;
      assert_all(run_text(text, MPI_COMM_WORLD, &again) == TAME_OK);
    }
    if (!done) discard("failed.h5");
  }
  assert_all(n > least);
  discard("failed.h5");
}

static void memory_that_runs_out_on_one_rank_fails_all(void **state)
{
  (void)state;
  run_out_of_memory(brief, 100);
  run_out_of_memory(brief_merges, 100);
}

static int tests(void)
{
  const struct CMUnitTest all[] = {
      cmocka_unit_test(stopped_after_every_update_it_ends_the_same),
      cmocka_unit_test(stopped_between_and_amid_merges_it_ends_the_same),
      cmocka_unit_test(retrained_by_searching_it_ends_the_same),
      cmocka_unit_test(stopped_in_every_search_it_ends_the_same),
      cmocka_unit_test(a_search_that_ends_ends_its_epoch),
      cmocka_unit_test(one_that_fails_ends_the_same),
      cmocka_unit_test(memory_that_runs_out_on_one_rank_fails_all),
  };
  return cmocka_run_group_tests(all, NULL, NULL);
}

static int group(void)
{
  return run_in_new_folder(tests);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
