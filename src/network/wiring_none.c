/* Wiring `none`: no synapses, W = 0. */
#include "network/tables.h"

static tame_status check(const void *params, int64_t n, const char **key)
{
  (void)params, (void)n, (void)key;
  return TAME_OK;
}

static double expected(const void *params, int64_t n)
{
  (void)params, (void)n;
  return 0;
}

static int64_t draw(const void *params, uint64_t seed, int64_t n, int64_t i, int32_t *sources)
{
  (void)params, (void)seed, (void)n, (void)i, (void)sources;
  return 0;
}

extern const tame_wiring tame_wiring_none;
const tame_wiring tame_wiring_none = {
    .head = {.name = "none", .doc = "no synapses: units that only hear the inputs"},
    .check = check,
    .expected = expected,
    .draw = draw,
};
