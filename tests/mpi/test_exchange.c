/* Rates travel: every rank sees what it asked for, by halo or allgather, step after step. */
/* ranks: 1 2 3 4 7 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 50 };

static double value(int64_t id, int step)
{
  return (double)id + 1000 * step;
}

/* Items with weights that leave some ranks of many without any. */
static tame_partition uneven(int64_t n)
{
  int64_t cost[N];
  tame_partition p;
  for (int64_t i = 0; i < n; i++) cost[i] = i == 3 ? 100 : 1;
  assert_all(tame_partition_balance(&p, world_size(), n, cost) == TAME_OK);
  return p;
}

/* needed: NULL: the first n_needed */
static void check_exchange(int64_t n, const int64_t *needed, int64_t n_needed, size_t element)
{
  tame_partition p = uneven(n);
  tame_exchange *x;
  assert_all(tame_exchange_create(&x, MPI_COMM_WORLD, &p, needed, n_needed, element) == TAME_OK);
  const int64_t first = p.first[world_rank()], n_local = p.first[world_rank() + 1] - first;
  bool ok = true;
  for (int step = 0; step < 5; step++) {
    double own[N];
    float own_float[N];
    for (int64_t i = 0; i < n_local; i++) {
      own[i] = value(first + i, step);
      own_float[i] = (float)own[i];
    }
    const void *mine = element == sizeof(double) ? (void *)own : (void *)own_float;
    if (step % 3 == 0) {
      tame_exchange_run(x, mine);
    } else { /* by parts, which do not show before all are there */
      const size_t bytes = (size_t)tame_exchange_view_count(x) * element;
      char before[N * sizeof(double)];
      memcpy(before, tame_exchange_view(x), bytes);
      tame_exchange_put(x, mine, n_local / 3, n_local - n_local / 3);
      tame_exchange_put(x, mine, 0, n_local / 3);
      ok = ok && memcmp(before, tame_exchange_view(x), bytes) == 0;
      tame_exchange_show(x, mine);
    }
    for (int64_t k = 0; k < n_needed; k++) {
      const int64_t id = needed ? needed[k] : k;
      const int32_t slot = tame_exchange_slot(x, id);
      const void *view = tame_exchange_view(x);
      const double got = element == sizeof(double) ? ((const double *)view)[slot]
                                                   : (double)((const float *)view)[slot];
      ok = ok && got == value(id, step) && tame_exchange_id(x, slot) == id &&
           slot < tame_exchange_view_count(x);
    }
  }
  assert_all(ok);
  tame_exchange_free(&x);
  assert_null(x);
  tame_partition_free(&p);
}

static void everyone_sees_what_it_needs(void **state)
{
  (void)state;
  for (int64_t n = 1; n <= N; n += 7)
    for (int64_t stride = 1; stride <= 9; stride += 4) {
      int64_t needed[N], count = 0;
      for (int64_t i = world_rank() % 3; i < n; i += stride) needed[count++] = i;
      check_exchange(n, needed, count, sizeof(double));
      check_exchange(n, needed, count, sizeof(float));
      check_exchange(n, NULL, n / stride, sizeof(double));
    }
}

static void nothing_is_needed(void **state)
{
  (void)state;
  check_exchange(10, NULL, 0, sizeof(double));
}

static void few_wants_go_by_halo_and_many_by_allgather(void **state)
{
  (void)state;
  tame_partition p = uneven(N);
  tame_exchange *few, *all;
  int64_t ids[N];
  for (int64_t i = 0; i < N; i++) ids[i] = i;
  assert_all(tame_exchange_create(&few, MPI_COMM_WORLD, &p, ids, 2, sizeof(double)) == TAME_OK);
  assert_all(tame_exchange_create(&all, MPI_COMM_WORLD, &p, ids, N, sizeof(double)) == TAME_OK);
  assert_all(tame_exchange_mode_of(few) == TAME_EXCHANGE_HALO);
  assert_all(tame_exchange_bytes(few) <= 2 * (int64_t)sizeof(double));
  if (world_size() > 1) assert_all(tame_exchange_mode_of(all) == TAME_EXCHANGE_GATHER);
  tame_exchange_free(&few);
  tame_exchange_free(&all);
  tame_partition_free(&p);
}

static void canonical_sums_do_not_depend_on_the_ranks(void **state)
{
  (void)state;
  tame_partition p = uneven(N), whole;
  double own[N], all[N], sum;
  for (int64_t i = 0; i < N; i++) all[i] = tame_normal(1, TAME_DRAW_STATE, (uint32_t)i, 0, 0);
  const int64_t first = p.first[world_rank()];
  for (int64_t i = first; i < p.first[world_rank() + 1]; i++) own[i - first] = all[i];
  assert_all(tame_canonical_sum(MPI_COMM_WORLD, &p, own, &sum) == TAME_OK);
  assert_all(sum == tame_tree_sum(all, N));
  assert_all(tame_partition_even(&whole, 1, N) == TAME_OK);
  double alone;
  assert_all(tame_canonical_sum(MPI_COMM_SELF, &whole, all, &alone) == TAME_OK);
  assert_all(alone == sum);
  tame_partition_free(&whole);
  tame_partition_free(&p);
}

static void lowest_failing_rank_speaks_for_all(void **state)
{
  (void)state;
  tame_status mine = TAME_OK;
  assert_all(tame_agree(MPI_COMM_WORLD, mine) == TAME_OK);
  if (world_rank() >= world_size() / 2)
    mine = tame_fail(TAME_ERR_IO, "rank %d broke", world_rank());
  char want[64];
  snprintf(want, sizeof want, "rank %d broke", world_size() / 2);
  assert_all(tame_agree(MPI_COMM_WORLD, mine) == TAME_ERR_IO);
  assert_string_equal(tame_message(), want);
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(everyone_sees_what_it_needs),
      cmocka_unit_test(nothing_is_needed),
      cmocka_unit_test(few_wants_go_by_halo_and_many_by_allgather),
      cmocka_unit_test(canonical_sums_do_not_depend_on_the_ranks),
      cmocka_unit_test(lowest_failing_rank_speaks_for_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
