/* Whole experiments through the library: an allocation that fails anywhere, on one rank, ends all ranks
 * with one status and leaves no file; the results do not depend on the ranks; a bad one is refused. */
/* ranks: 1 2 3 */
/* timeout: 300 */
#include "support.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char text[] =
    "name: tiny\n"
    "network: {neurons: 12, outputs: 2, noise: 0.01, wiring: {random: {density: 0.5}}}\n"
    "tasks:\n"
    "  - name: draw\n"
    "    duration_ms: 30\n"
    "    window_ms: [5, 25]\n"
    "    inputs: [pulse: {start_ms: 1, duration_ms: 3}]\n"
    "    targets:\n"
    "      - sines: {amplitudes: [1], frequencies_hz: [20]}\n"
    "      - pen: {duration_ms: 30, points: [0, 0, 1, 1, 2, 0]}\n"
    "    perturbation: [pulse: {start_ms: 10, duration_ms: 2}]\n"
    "phases:\n"
    "  - record: {name: innate}\n"
    "  - train: {name: recurrent, weights: recurrent, target: innate, trials: 2}\n"
    "  - train: {name: readout, weights: readout, every: 2}\n"
    "  - perturb: {name: after}\n"
    "  - analyse:\n"
    "      name: chaos\n"
    "      trials: 2\n"
    "      by:\n"
    "        - spectrum\n"
    "        - lyapunov: {exponents: 3, every: 4}\n"
    "        - divergence: {every: 4}\n"
    "        - pca: {components: 2, projections: on}\n"
    "output: {weights: both, initial_state: on}\n";

static tame_status run_text(MPI_Comm comm, const char *path, double checkpoint_seconds)
{
  tame_experiment *e;
  const tame_run_options options = {.output = path,
                                    .force = true,
                                    .checkpoint_seconds = checkpoint_seconds};
  tame_status status = tame_experiment_parse(&e, comm, text);
  if (status == TAME_OK) status = tame_experiment_run(e, comm, &options);
  tame_experiment_free(&e);
  return status;
}

/* The same answer on all ranks. */
static bool is_left(const char *path)
{
  bool left = world_rank() == 0 && access(path, F_OK) == 0;
  MPI_Bcast(&left, 1, MPI_C_BOOL, 0, MPI_COMM_WORLD);
  return left;
}

static tame_status go_on(const char *path)
{
  tame_experiment *e;
  const tame_run_options options = {.output = path, .resume = true, .force = true};
  tame_status status = tame_experiment_parse(&e, MPI_COMM_WORLD, text);
  if (status == TAME_OK) status = tame_experiment_run(e, MPI_COMM_WORLD, &options);
  tame_experiment_free(&e);
  return status;
}

static void results_do_not_depend_on_the_ranks(void **state)
{
  (void)state;
  bool same = true;
  assert_all(run_text(MPI_COMM_WORLD, "shared.h5", 0) == TAME_OK);
  if (world_rank() == 0) {
    same = run_text(MPI_COMM_SELF, "alone.h5", 1e9) == TAME_OK &&
           tame_results_compare("alone.h5", "shared.h5") == TAME_OK;
    if (!same) print_error("%s\n", tame_message());
    remove("alone.h5"), remove("shared.h5");
  }
  assert_all(same);
}

static void memory_that_runs_out_on_one_rank_fails_all(void **state)
{
  (void)state;
  bool done = false;
  int64_t n = 1;
  for (; !done; n += world_size() > 1 ? 7 : 1) {
    if (world_rank() == n % world_size()) tame_memory_fail_at(1 + n / world_size());
    const tame_status status = run_text(MPI_COMM_WORLD, "failed.h5", 1e9);
    tame_memory_fail_at(0);
    done = status == TAME_OK;
    assert_all(done || (status == TAME_ERR_NOMEM && access("failed.h5", F_OK) != 0));
    MPI_Barrier(MPI_COMM_WORLD);
    if (is_left("failed.h5.partial")) assert_all(go_on("failed.h5") == TAME_OK); /* it was done */
    MPI_Barrier(MPI_COMM_WORLD);
    if (!done && world_rank() == 0) remove("failed.h5");
    MPI_Barrier(MPI_COMM_WORLD);
  }
  assert_all(n > 30); /* that many there are at least */
  MPI_Barrier(MPI_COMM_WORLD);
  if (world_rank() == 0) remove("failed.h5");
}

/* A checkpoint that cannot be made is told and the run goes on; where it does not, what is there can be
 * resumed, on all ranks or on one. */
static void memory_that_runs_out_in_checkpoints_loses_nothing(void **state)
{
  (void)state;
  bool same = true, done = false;
  assert_all(run_text(MPI_COMM_WORLD, "whole.h5", 1e9) == TAME_OK);
  for (int64_t n = 1; !done; n += world_size() > 1 ? 41 : 11) {
    if (world_rank() == n % world_size()) tame_memory_fail_at(1 + n);
    tame_status status = run_text(MPI_COMM_WORLD, "failed.h5", 0);
    done = tame_memory_fail_at(0);
    MPI_Allreduce(MPI_IN_PLACE, &done, 1, MPI_C_BOOL, MPI_LOR, MPI_COMM_WORLD);
    assert_all(status == TAME_OK || status == TAME_ERR_NOMEM);
    if (is_left("failed.h5.partial")) status = go_on("failed.h5");
    if (world_rank() == 0 && status == TAME_OK)
      same = same && tame_results_compare("whole.h5", "failed.h5") == TAME_OK;
    MPI_Barrier(MPI_COMM_WORLD);
  }
  assert_all(same);
  if (world_rank() == 0) remove("whole.h5"), remove("failed.h5");
}

static void a_bad_text_is_refused(void **state)
{
  (void)state;
  tame_experiment *e;
  assert_all(tame_experiment_parse(&e, MPI_COMM_WORLD, "network: {neurons: -1}") == TAME_ERR_INPUT);
  assert_null(e);
  assert_non_null(strstr(tame_message(), "network.neurons: found '-1'"));
}

static int tests(void)
{
  const struct CMUnitTest all[] = {
      cmocka_unit_test(results_do_not_depend_on_the_ranks),
      cmocka_unit_test(memory_that_runs_out_on_one_rank_fails_all),
      cmocka_unit_test(memory_that_runs_out_in_checkpoints_loses_nothing),
      cmocka_unit_test(a_bad_text_is_refused),
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
