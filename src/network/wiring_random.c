/* Wiring `random`: every possible synapse is there with probability `density`, independently. */
#include "network/tables.h"

#include <math.h>

typedef struct random_params {
  double density;
  bool self_connections;
} random_params;

static const tame_field fields[] = {
    {"density", TAME_REAL, .offset = offsetof(random_params, density), .fallback = "0.1", .min = 0,
     .max = 1, .doc = "probability of each synapse"},
    {"self_connections", TAME_BOOL, .offset = offsetof(random_params, self_connections),
     .fallback = "off", .doc = "may a neuron connect to itself"},
    {0}};

static tame_status check(const void *params, int64_t n, const char **key)
{
  (void)params, (void)n, (void)key;
  return TAME_OK;
}

static double expected(const void *params, int64_t n)
{
  const random_params *p = params;
  return p->density * (double)n;
}

static bool all_to_all(const void *params, int64_t n)
{
  (void)n;
  return ((const random_params *)params)->density >= 1;
}

/* Rather than n coins, draw the gaps between heads: they are geometric. */
static int64_t draw(const void *params, uint64_t seed, int64_t n, int64_t i, int32_t *sources)
{
  const random_params *p = params;
  const int64_t candidates = p->self_connections ? n : n - 1;
  const double log_none = log1p(-p->density); /* of the probability of no synapse; -inf for all */
  int64_t count = 0, at = -1;
  double u[2] = {0};
  if (p->density <= 0) return 0;
  for (uint32_t m = 0;; m++) {
    if (m % 2 == 0) tame_uniform2(seed, TAME_DRAW_WIRING, (uint32_t)i, m / 2, 0, u);
    const double gap = p->density < 1 ? floor(log(u[m % 2]) / log_none) : 0;
    if (!(gap < (double)(candidates - at - 1))) return count;
    at += 1 + (int64_t)gap;
    sources[count++] = (int32_t)(at + (!p->self_connections && at >= i));
  }
}

extern const tame_wiring tame_wiring_random;
const tame_wiring tame_wiring_random = {
    .head =
        {.name = "random",
         .doc =
             "each synapse with probability `density`, independently; W ~ N(0, gain^2/(density N))",
         .params = {.size = sizeof(random_params), .fields = fields}},
    .check = check,
    .expected = expected,
    .all_to_all = all_to_all,
    .draw = draw,
};
