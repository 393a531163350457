/* Cells with several variables move alike on any number of ranks. */
/* ranks: 1 2 3 5 */
#include "support.h"

#include "network/inside.h"

#include <string.h>

static bool same_states(const tame_network *alone, const tame_network *shared)
{
  const size_t bytes = (size_t)shared->n_local * shared->real;
  bool same = memcmp(tame_real_from(alone, alone->r, shared->first), shared->r, bytes) == 0;
  for (int64_t k = 0; k < shared->variables; k++)
    same = same && memcmp(tame_real_from(alone, alone->x, k * alone->n_local + shared->first),
                          tame_real_from(shared, shared->x, k * shared->n_local), bytes) == 0;
  return same;
}

static void check_same_bits(const tame_network_params *p, int steps)
{
  tame_network *alone, *shared;
  bool ok = true;
  double spikes = 0;
  assert_all(tame_network_create(&alone, MPI_COMM_SELF, p) == TAME_OK);
  assert_all(tame_network_create(&shared, MPI_COMM_WORLD, p) == TAME_OK);
  for (uint32_t trial = 0; trial < 2; trial++) {
    tame_network_reset(alone, trial);
    tame_network_reset(shared, trial);
    ok = ok && same_states(alone, shared);
    for (int t = 0; t < steps; t++) {
      const double input[2] = {t % 5 == 0, 0.1};
      tame_network_step(alone, input, true);
      tame_network_step(shared, input, true);
      for (int64_t i = 0; i < alone->n_local; i++) spikes += tame_network_rate(alone, i);
      ok = ok && same_states(alone, shared);
    }
  }
  assert_all(ok);
  assert_all(spikes > 0);
  tame_network_free(&shared);
  tame_network_free(&alone);
}

static void same_bits_on_any_number_of_ranks(void **state)
{
  (void)state;
  for (int kind = 0; kind < 12; kind++) {
    static const char *const cells[] = {"integrate_and_fire", "ampa_nmda", "respiratory"};
    static const char *const solvers[] = {"euler", "rk4", "adaptive"};
    const int cell = kind < 6 ? kind / 2 : 2;
    tame_network_params p = small_params(kind % 2 ? 3 : 150);
    set_cell(&p, cells[cell]);
    p.precision = kind % 2;
    p.gain = p.input_scale = 0.1;
    if (cell == 1) set_of_cell(&p, "V_spread_mV", "20"), set_of_cell(&p, "I_ext_nA", "0.08");
    if (cell == 2)
      set_of_cell(&p, "V_spread_mV", "20"), set_of_cell(&p, "solver", solvers[kind / 2 % 3]);
    if (cell == 2 && kind / 2 == 3)
      set_of_cell(&p, "step_ms", "0.25"), set_of_cell(&p, "equations", "as_published_notebook");
    check_same_bits(&p, cell == 2 ? 60 : 300);
    free_params(&p);
  }
}

static int group(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits_on_any_number_of_ranks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
