/* The queue: every item goes to one group, once, in order; a stop reaches all, whoever asks. */
/* ranks: 1 2 3 5 */
#include "support.h"

#include <stdlib.h>

/* Ranks in groups of `size`, the last one larger. */
static MPI_Comm group_of(int size)
{
  MPI_Comm group;
  const int groups = world_size() / size, mine = world_rank() / size;
  MPI_Comm_split(MPI_COMM_WORLD, mine < groups ? mine : groups - 1, world_rank(), &group);
  return group;
}

static void each_item_once(void **state)
{
  (void)state;
  for (int size = 1; size <= world_size(); size++) {
    enum { ITEMS = 200 };
    int64_t taken[ITEMS] = {0}, item, last = -1;
    int rank;
    bool ascending = true;
    MPI_Comm group = group_of(size);
    tame_queue *queue;
    MPI_Comm_rank(group, &rank);
    assert_all(tame_queue_create(&queue, MPI_COMM_WORLD, group, ITEMS) == TAME_OK);
    while ((item = tame_queue_next(queue)) >= 0) {
      ascending = ascending && item > last;
      last = item;
      if (rank == 0) taken[item]++;
      tame_queue_tend(queue);
    }
    assert_all(tame_queue_close(queue) == 0);
    if (world_rank() == 0) assert_all(tame_queue_ended(queue) <= ITEMS);
    else assert_all(true);
    MPI_Allreduce(MPI_IN_PLACE, taken, ITEMS, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
    for (int k = 0; k < ITEMS; k++) ascending = ascending && taken[k] == 1;
    assert_all(ascending);
    tame_queue_free(&queue);
    MPI_Comm_free(&group);
  }
}

static void a_stop_reaches_all(void **state)
{
  (void)state;
  for (int who = 0; who < world_size(); who++) {
    int64_t item, mine = 0, all;
    MPI_Comm group = group_of(1);
    tame_queue *queue;
    assert_all(tame_queue_create(&queue, MPI_COMM_WORLD, group, 1000000000) == TAME_OK);
    while ((item = tame_queue_next(queue)) >= 0) /* nobody would come to the end */
      if (++mine == 10 && world_rank() == who) tame_queue_stop(queue, 7);
    assert_all(tame_queue_close(queue) == 7);
    MPI_Allreduce(&mine, &all, 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
    assert_all(all >= 10);
    tame_queue_free(&queue);
    MPI_Comm_free(&group);
  }
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_item_once),
      cmocka_unit_test(a_stop_reaches_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
