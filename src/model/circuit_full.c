/* Circuit `full`: every unit to every unit; ncps' FullyConnected, number for number. */
#include "model/numpy_random.h"
#include "model/tables.h"

typedef struct full_params {
  int64_t units, outputs, seed;
  bool self_connections;
} full_params;

static const tame_field fields[] = {TAME_CIRCUIT_UNITS(full_params),
                                    {"self_connections", TAME_BOOL,
                                     .offset = offsetof(full_params, self_connections),
                                     .fallback = "on", .doc = "does a unit connect to itself"},
                                    TAME_CIRCUIT_SEED(full_params, "1111"),
                                    {0}};

static tame_status plan(const void *params, tame_circuit *circuit)
{
  const full_params *p = params;
  return tame_circuit_plan_flat(circuit, p->units, p->outputs);
}

static tame_status draw(const void *params, tame_draft *draft)
{
  const full_params *p = params;
  const int64_t n = draft->units;
  tame_pcg64 rng;
  tame_pcg_seed(&rng, (uint32_t)p->seed);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      if (i != j || p->self_connections)
        draft->inner[i * n + j] = tame_pcg_bounded(&rng, 2) == 0 ? -1 : 1;
  for (int64_t k = 0; k < draft->inputs * n; k++)
    draft->sensory[k] = tame_pcg_bounded(&rng, 2) == 0 ? -1 : 1;
  return TAME_OK;
}

extern const tame_circuit_kind tame_circuit_full;
const tame_circuit_kind tame_circuit_full = {
    .head = {.name = "full",
             .doc = "every unit to every unit, two of three synapses excitatory; ncps' "
                    "FullyConnected",
             .params = {.size = sizeof(full_params), .fields = fields}},
    .plan = plan,
    .draw = draw,
};
