/* Wiring `given`: the weights are in the experiment. */
#include "network/tables.h"

#include <math.h>

typedef struct given_params {
  tame_reals weights;
} given_params;

static const tame_field fields[] = {
    {"weights", TAME_REALS, .offset = offsetof(given_params, weights), .fallback = NULL,
     .doc = "W, row after row, [target][source]: N x N numbers; 0: no synapse"},
    {0}};

static double weight(const void *params, int64_t n, int64_t target, int64_t source)
{
  return ((const given_params *)params)->weights.at[target * n + source];
}

static tame_status check(const void *params, int64_t n, const char **key)
{
  const given_params *p = params;
  const double found = (double)p->weights.count, want = (double)n * (double)n;
  *key = "weights";
  if (found == want) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT,
                   "found %.0f numbers, want %lld x %lld = %.0f: a row of weights for each neuron",
                   found, (long long)n, (long long)n, want);
}

/* Synapses from others; self[0], [1]: neurons without and with one to themselves. */
static int64_t count(const void *params, int64_t n, int64_t self[2])
{
  int64_t others = 0;
  self[0] = self[1] = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      const bool there = weight(params, n, i, j) != 0;
      if (i == j) self[there]++;
      else others += there;
    }
  return others;
}

static double expected(const void *params, int64_t n)
{
  int64_t self[2];
  const int64_t others = count(params, n, self);
  return (double)(others + self[1]) / (double)n;
}

static bool all_to_all(const void *params, int64_t n)
{
  int64_t self[2];
  return count(params, n, self) == n * (n - 1) && (self[0] == 0 || self[1] == 0);
}

static int64_t draw(const void *params, uint64_t seed, int64_t n, int64_t i, int32_t *sources)
{
  int64_t found = 0;
  (void)seed;
  for (int64_t j = 0; j < n; j++)
    if (weight(params, n, i, j) != 0) sources[found++] = (int32_t)j;
  return found;
}

extern const tame_wiring tame_wiring_given;
const tame_wiring tame_wiring_given = {
    .head = {.name = "given",
             .doc = "W as it is written here, for small networks",
             .params = {.size = sizeof(given_params), .fields = fields}},
    .check = check,
    .expected = expected,
    .all_to_all = all_to_all,
    .draw = draw,
    .weight = weight,
};
