/* Circuit `ei`: excitatory and inhibitory units. All synapses of a unit have its sign: Dale's
 * law. */
#include "model/tables.h"

#include <math.h>
#include <string.h>

typedef struct ei_params {
  int64_t units, outputs, seed;
  double excitatory, density;
  bool self_connections;
} ei_params;

static const tame_field fields[] = {
    TAME_CIRCUIT_UNITS(ei_params),
    {"excitatory", TAME_REAL, .offset = offsetof(ei_params, excitatory), .fallback = "0.8",
     .min = 0, .max = 1, .doc = "share of the units that excite; they come first"},
    {"density", TAME_REAL, .offset = offsetof(ei_params, density), .fallback = "1", .min = 0,
     .max = 1, .doc = "probability of each synapse"},
    {"self_connections", TAME_BOOL, .offset = offsetof(ei_params, self_connections),
     .fallback = "off", .doc = "may a unit connect to itself"},
    TAME_CIRCUIT_SEED(ei_params, "1"),
    {0}};

static tame_status plan(const void *params, tame_circuit *circuit)
{
  const ei_params *p = params;
  return tame_circuit_plan_flat(circuit, p->units, p->outputs);
}

static tame_status draw(const void *params, tame_draft *draft)
{
  const ei_params *p = params;
  const int64_t n = draft->units, excitatory = (int64_t)rint(p->excitatory * (double)n);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      const double u = tame_uniform((uint64_t)p->seed, TAME_DRAW_WIRING, (uint32_t)j, (uint32_t)i,
                                    0);
      if (u < p->density && (i != j || p->self_connections))
        draft->inner[i * n + j] = i < excitatory ? 1 : -1;
    }
  memset(draft->sensory, 1, (size_t)(draft->inputs * n));
  return TAME_OK;
}

extern const tame_circuit_kind tame_circuit_ei;
const tame_circuit_kind tame_circuit_ei = {
    .head = {.name = "ei",
             .doc = "excitatory units first, then inhibitory ones; synapses with a probability; "
                    "Dale's law",
             .params = {.size = sizeof(ei_params), .fields = fields}},
    .plan = plan,
    .draw = draw,
};
