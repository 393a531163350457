/* Circuits `ring` and `small_world`: units on a ring hear their neighbours. All inputs reach all
 * units. */
#include "model/tables.h"

#include <stdlib.h>
#include <string.h>

static void all_inputs_excite(tame_draft *draft)
{
  memset(draft->sensory, 1, (size_t)(draft->inputs * draft->units));
}

static tame_status check_reach(int64_t reach, int64_t units)
{
  if (2 * reach < units) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "reach: found %lld, want less than half of units = %lld",
                   (long long)reach, (long long)units);
}

/* ---- ring ------------------------------------------------------------------------------------ */

typedef struct ring_params {
  int64_t units, outputs, reach, excite;
} ring_params;

static const tame_field ring_fields[] = {
    TAME_CIRCUIT_UNITS(ring_params),
    {"reach", TAME_INT, .offset = offsetof(ring_params, reach), .fallback = "2", .min = 0,
     .max = 16000, .doc = "neighbours on either side that a unit hears, and itself"},
    {"excite", TAME_INT, .offset = offsetof(ring_params, excite), .fallback = "1", .min = -1,
     .max = 16000, .doc = "synapses no longer than this excite, longer ones inhibit"},
    {0}};

static tame_status ring_plan(const void *params, tame_circuit *circuit)
{
  const ring_params *p = params;
  const tame_status status = check_reach(p->reach, p->units);
  return status != TAME_OK ? status : tame_circuit_plan_flat(circuit, p->units, p->outputs);
}

static tame_status ring_draw(const void *params, tame_draft *draft)
{
  const ring_params *p = params;
  const int64_t n = draft->units;
  for (int64_t j = 0; j < n; j++)
    for (int64_t d = -p->reach; d <= p->reach; d++)
      draft->inner[(j + d + n) % n * n + j] = llabs(d) <= p->excite ? 1 : -1;
  all_inputs_excite(draft);
  return TAME_OK;
}

extern const tame_circuit_kind tame_circuit_ring;
const tame_circuit_kind tame_circuit_ring = {
    .head = {.name = "ring",
             .doc = "units on a ring; near neighbours excite each other, far ones inhibit",
             .params = {.size = sizeof(ring_params), .fields = ring_fields}},
    .plan = ring_plan,
    .draw = ring_draw,
};

/* ---- small world ----------------------------------------------------------------------------- */

typedef struct world_params {
  int64_t units, outputs, reach, seed;
  double rewire, excitatory;
} world_params;

static const tame_field world_fields[] = {
    TAME_CIRCUIT_UNITS(world_params),
    {"reach", TAME_INT, .offset = offsetof(world_params, reach), .fallback = "2", .min = 1,
     .max = 16000, .doc = "neighbours on either side that a unit hears at first"},
    {"rewire", TAME_REAL, .offset = offsetof(world_params, rewire), .fallback = "0.1", .min = 0,
     .max = 1, .doc = "probability that a synapse comes from anywhere instead"},
    {"excitatory", TAME_REAL, .offset = offsetof(world_params, excitatory),
     .fallback = "0.6666666666666666", .min = 0, .max = 1,
     .doc = "probability that a synapse excites"},
    TAME_CIRCUIT_SEED(world_params, "1"),
    {0}};

static tame_status world_plan(const void *params, tame_circuit *circuit)
{
  const world_params *p = params;
  const tame_status status = check_reach(p->reach, p->units);
  return status != TAME_OK ? status : tame_circuit_plan_flat(circuit, p->units, p->outputs);
}

/* A source for unit j that is not j and not taken, or `near` if chance does not find one. */
static int64_t elsewhere(const world_params *p, const tame_draft *draft, int64_t j, int64_t k,
                         int64_t near)
{
  const int64_t n = draft->units;
  for (uint32_t trial = 0; trial < 1000; trial++) {
    const double u = tame_uniform((uint64_t)p->seed, TAME_DRAW_WIRING, (uint32_t)j, (uint32_t)k,
                                  trial + 1);
    const int64_t i = (int64_t)(u * (double)n);
    if (i != j && draft->inner[i * n + j] == 0) return i;
  }
  return near;
}

/* Watts & Strogatz (1998), for directed synapses: first all, then unit by unit those that move. */
static tame_status world_draw(const void *params, tame_draft *draft)
{
  const world_params *p = params;
  const int64_t n = draft->units;
  for (int64_t j = 0; j < n; j++) {
    for (int64_t d = 1; d <= p->reach; d++)
      draft->inner[(j + d) % n * n + j] = draft->inner[(j - d + n) % n * n + j] = 1;
    for (int64_t k = 0; k < 2 * p->reach; k++) {
      const int64_t d = k / 2 + 1, near = (k % 2 == 0 ? j + d : j - d + n) % n;
      double u[2];
      tame_uniform2((uint64_t)p->seed, TAME_DRAW_WIRING, (uint32_t)j, (uint32_t)k, 0, u);
      const int64_t i = u[0] < p->rewire ? elsewhere(p, draft, j, k, near) : near;
      draft->inner[near * n + j] = 0;
      draft->inner[i * n + j] = u[1] < p->excitatory ? 1 : -1;
    }
  }
  all_inputs_excite(draft);
  return TAME_OK;
}

extern const tame_circuit_kind tame_circuit_small_world;
const tame_circuit_kind tame_circuit_small_world = {
    .head = {.name = "small_world",
             .doc = "a ring of neighbours, some synapses of which come from anywhere; Watts & "
                    "Strogatz (1998)",
             .params = {.size = sizeof(world_params), .fields = world_fields}},
    .plan = world_plan,
    .draw = world_draw,
};
