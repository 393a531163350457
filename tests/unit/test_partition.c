/* Who owns what, and canonical sums. */
#include "support.h"

#include <math.h>
#include <stdlib.h>

/* Ranges tile [0, n), and none costs more than its share by more than the dearest item. */
static void check_balance(int size, int64_t n, const int64_t *cost)
{
  tame_partition p;
  int64_t total = 0, dearest = 0;
  assert_int_equal(tame_partition_balance(&p, size, n, cost), TAME_OK);
  for (int64_t i = 0; i < n; i++) {
    total += cost[i];
    if (cost[i] > dearest) dearest = cost[i];
  }
  assert_int_equal(p.first[0], 0);
  assert_int_equal(p.first[size], n);
  for (int k = 0; k < size; k++) {
    int64_t mine = 0;
    assert_true(p.first[k] <= p.first[k + 1]);
    assert_int_equal(p.counts[k], p.first[k + 1] - p.first[k]);
    assert_int_equal(p.places[k], p.first[k]);
    for (int64_t i = p.first[k]; i < p.first[k + 1]; i++) {
      mine += cost[i];
      assert_int_equal(tame_partition_owner(&p, i), k);
    }
    assert_true(mine * size <= total + dearest * size);
  }
  tame_partition_free(&p);
}

static void balance_follows_cost(void **state)
{
  (void)state;
  int64_t cost[1000];
  for (int64_t i = 0; i < 1000; i++) cost[i] = i < 600 ? 800 + i % 7 * 50 : 90;
  for (int size = 1; size <= 64; size++) check_balance(size, 1000, cost);
  check_balance(7, 3, cost); /* ranks without items */
  check_balance(4, 0, cost);
  const int64_t one[] = {0, 0, 1000000, 0, 0};
  check_balance(3, 5, one);
}

static void even_ranges_differ_by_one_at_most(void **state)
{
  (void)state;
  for (int size = 1; size <= 9; size++)
    for (int64_t n = 0; n <= 40; n++) {
      tame_partition p;
      assert_int_equal(tame_partition_even(&p, size, n), TAME_OK);
      assert_int_equal(p.first[size], n);
      for (int k = 0; k < size; k++)
        assert_in_range(p.first[k + 1] - p.first[k], n / size, n / size + 1);
      tame_partition_free(&p);
    }
}

/* ((a b)(c d))(e f): halves rounded up to a power of two */
static void tree_sum_adds_along_the_tree(void **state)
{
  (void)state;
  const double v[] = {1, 0x1p-53, 0x1p-53, 0x1p-54, 0x1p-54, 3};
  assert_true(tame_tree_sum(v, 0) == 0);
  assert_true(tame_tree_sum(v, 1) == v[0]);
  assert_true(tame_tree_sum(v, 6) == ((v[0] + v[1]) + (v[2] + v[3])) + (v[4] + v[5]));
  assert_true(tame_tree_sum(v, 5) == ((v[0] + v[1]) + (v[2] + v[3])) + v[4]);
  assert_true(tame_tree_sum(v, 5) != v[0] + (v[1] + (v[2] + (v[3] + v[4])))); /* order matters */
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(balance_follows_cost),
      cmocka_unit_test(even_ranges_differ_by_one_at_most),
      cmocka_unit_test(tree_sum_adds_along_the_tree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
