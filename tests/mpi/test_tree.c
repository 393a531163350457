/* Sums along the canonical tree: those of tame_tree_sum() over all neurons, to the last bit, whatever the ranks and
 * the threads. */
/* ranks: 1 2 3 4 7 */
#include "support.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

enum { NUMBERS = 5 };

typedef struct values {
  int64_t first;
} values;

/* Of sizes that make the order of the sum tell. */
static double value(int64_t i, int64_t c)
{
  const double u = tame_uniform(1, TAME_DRAW_STATE, (uint32_t)i, (uint32_t)c, 0);
  return (u - 0.4) * exp2((double)((i * 7 + c) % 30));
}

static void terms(const void *context, int64_t i_local, double *numbers)
{
  const values *v = context;
  for (int64_t c = 0; c < NUMBERS; c++) numbers[c] = value(v->first + i_local, c);
}

/* Shares that are far from even, some of nothing. */
static void divide(tame_partition *p, int64_t n, int which)
{
  int64_t *cost = calloc((size_t)n + 1, sizeof *cost);
  if (!cost) abort();
  for (int64_t i = 0; i < n; i++)
    cost[i] = which == 0 ? 1 : which == 1 ? i * i : i == n / 3 ? 1000000 : 1;
  assert_all(tame_partition_balance(p, world_size(), n, cost) == TAME_OK);
  free(cost);
}

static void sums_are_those_of_the_tree(void **state)
{
  (void)state;
  static const int64_t sizes[] = {1, 2, 3, 5, 8, 64, 100, 127, 1000, 4097};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (int which = 0; which < 3; which++) {
      const int64_t n = sizes[s];
      tame_partition p;
      tame_tree *tree;
      double sums[NUMBERS];
      divide(&p, n, which);
      double *all = calloc((size_t)n, sizeof *all);
      if (!all) abort();
      const values mine = {p.first[world_rank()]};
      omp_set_num_threads(1 + which);
      assert_all(tame_tree_create(&tree, MPI_COMM_WORLD, &p, NUMBERS) == TAME_OK);
      for (int again = 0; again < 2; again++) tame_tree_sums(tree, NUMBERS, terms, &mine, sums);
      bool same = true;
      for (int c = 0; c < NUMBERS; c++) {
        for (int64_t i = 0; i < n; i++) all[i] = value(i, c);
        same = same && sums[c] == tame_tree_sum(all, n);
      }
      assert_all(same);
      tame_tree_free(&tree);
      tame_partition_free(&p);
      free(all);
    }
}

static int group(void)
{
  setenv("TAME_THREAD_GRAIN", "1", 1);
  const struct CMUnitTest tests[] = {cmocka_unit_test(sums_are_those_of_the_tree)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
