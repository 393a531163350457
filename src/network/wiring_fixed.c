/* Wiring `fixed_inputs`: every neuron has exactly `inputs` sources, all sets being equally likely. */
#include "network/tables.h"

#include <stdlib.h>

typedef struct fixed_params {
  int64_t inputs;
  bool self_connections;
} fixed_params;

static const tame_field fields[] = {
    {"inputs", TAME_INT, .offset = offsetof(fixed_params, inputs), .fallback = NULL, .min = 0,
     .max = 2e9, .doc = "sources of every neuron"},
    {"self_connections", TAME_BOOL, .offset = offsetof(fixed_params, self_connections),
     .fallback = "off", .doc = "may a neuron connect to itself"},
    {0}};

static int64_t candidates_of(const fixed_params *p, int64_t n)
{
  return p->self_connections ? n : n - 1;
}

static tame_status check(const void *params, int64_t n, const char **key)
{
  const fixed_params *p = params;
  const int64_t most = candidates_of(p, n);
  *key = "inputs";
  if (p->inputs > most)
    return tame_fail(TAME_ERR_INPUT, "found %lld, want at most %lld in a network of %lld neurons",
                     (long long)p->inputs, (long long)most, (long long)n);
  return TAME_OK;
}

static double expected(const void *params, int64_t n)
{
  (void)n;
  return (double)((const fixed_params *)params)->inputs;
}

static bool all_to_all(const void *params, int64_t n)
{
  const fixed_params *p = params;
  return p->inputs == candidates_of(p, n);
}

static int ascending(const void *a, const void *b)
{
  const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

/* The first cards of a shuffled deck (Fisher and Yates, cut short), sorted. */
static int64_t draw(const void *params, uint64_t seed, int64_t n, int64_t i, int32_t *sources)
{
  const fixed_params *p = params;
  const int64_t candidates = candidates_of(p, n);
  for (int64_t c = 0; c < candidates; c++)
    sources[c] = (int32_t)(c + (!p->self_connections && c >= i));
  for (int64_t m = 0; m < p->inputs && m < candidates; m++) {
    const double u = tame_uniform(seed, TAME_DRAW_WIRING, (uint32_t)i, (uint32_t)m, 0);
    const int64_t pick = m + (int64_t)(u * (double)(candidates - m));
    const int32_t card = sources[pick];
    sources[pick] = sources[m];
    sources[m] = card;
  }
  qsort(sources, (size_t)p->inputs, sizeof *sources, ascending);
  return p->inputs;
}

extern const tame_wiring tame_wiring_fixed;
const tame_wiring tame_wiring_fixed = {
    .head = {.name = "fixed_inputs",
             .doc = "exactly `inputs` sources for every neuron; W ~ N(0, gain^2/inputs)",
             .params = {.size = sizeof(fixed_params), .fields = fields}},
    .check = check,
    .expected = expected,
    .all_to_all = all_to_all,
    .draw = draw,
};
