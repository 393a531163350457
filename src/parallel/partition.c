/* Who owns what, and sums that do not depend on it; see tame/parallel.h. */
#include "tame/parallel.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static tame_status allocate(tame_partition *out, int size, int64_t n)
{
  *out = (tame_partition){.size = size, .n = n};
  out->first = tame_zeroed(2 * size + 1, sizeof *out->first, "a partition");
  if (!out->first) return TAME_ERR_NOMEM;
  out->counts = (int *)(void *)(out->first + size + 1);
  out->places = out->counts + size;
  return TAME_OK;
}

static void fill_counts(tame_partition *p)
{
  for (int k = 0; k < p->size; k++) {
    p->counts[k] = (int)(p->first[k + 1] - p->first[k]);
    p->places[k] = (int)p->first[k];
  }
}

tame_status tame_partition_balance(tame_partition *out, int size, int64_t n, const int64_t *cost)
{
  if (allocate(out, size, n) != TAME_OK) return TAME_ERR_NOMEM;
  double total = 0; /* whole numbers, exact up to 2^53 */
  for (int64_t i = 0; i < n; i++) total += (double)cost[i];
  int64_t i = 0;
  double before = 0; /* total of [0, i) */
  for (int k = 1; k < size; k++) {
    const double want = total * k / size;
    while (i < n && before + (double)cost[i] / 2 < want) before += (double)cost[i++];
    out->first[k] = i;
  }
  out->first[size] = n;
  fill_counts(out);
  return TAME_OK;
}

tame_status tame_partition_even(tame_partition *out, int size, int64_t n)
{
  if (allocate(out, size, n) != TAME_OK) return TAME_ERR_NOMEM;
  for (int k = 0; k <= size; k++) out->first[k] = n / size * k + (n % size) * k / size;
  fill_counts(out);
  return TAME_OK;
}

void tame_partition_free(tame_partition *p)
{
  free(p->first);
  *p = (tame_partition){0};
}

int tame_partition_owner(const tame_partition *p, int64_t i)
{
  int low = 0, high = p->size; /* first[low] <= i < first[high] */
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    if (p->first[middle] <= i) low = middle;
    else high = middle;
  }
  return low;
}

double tame_tree_sum(const double *v, int64_t n)
{
  if (n <= 0) return 0;
  if (n == 1) return v[0];
  int64_t half = 1; /* the largest power of two below n */
  while (2 * half < n) half *= 2;
  return tame_tree_sum(v, half) + tame_tree_sum(v + half, n - half);
}

tame_status tame_canonical_sum(MPI_Comm comm, const tame_partition *partition, const double *own,
                               double *sum)
{
  double *all = tame_untouched(partition->n, sizeof *all, "a sum over neurons");
  const tame_status status = tame_agree(comm, all ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) {
    tame_gather_all(comm, partition, own, all, sizeof *all);
    *sum = tame_tree_sum(all, partition->n);
  }
  free(all);
  return status;
}
