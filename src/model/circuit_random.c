/* Circuit `random`: a given number of synapses anywhere; ncps' Random, number for number. */
#include "base/memory.h"
#include "model/numpy_random.h"
#include "model/tables.h"

#include <math.h>
#include <stdlib.h>

typedef struct random_params {
  int64_t units, outputs, seed;
  double sparsity;
} random_params;

static const tame_field fields[] = {
    TAME_CIRCUIT_UNITS(random_params),
    {"sparsity", TAME_REAL, .offset = offsetof(random_params, sparsity), .fallback = "0.5",
     .min = 0, .max = 1, .doc = "share of the possible synapses that are not there, < 1"},
    TAME_CIRCUIT_SEED(random_params, "1111"),
    {0}};

static tame_status plan(const void *params, tame_circuit *circuit)
{
  const random_params *p = params;
  if (!(p->sparsity < 1))
    return tame_fail(TAME_ERR_INPUT, "sparsity: found %g, want less than 1", p->sparsity);
  return tame_circuit_plan_flat(circuit, p->units, p->outputs);
}

static int8_t polarity(tame_pcg64 *rng)
{
  return tame_pcg_bounded(rng, 2) == 0 ? -1 : 1;
}

/* Of `pairs` possible synapses so many as the sparsity leaves; the polarity is that of the last of
 * `draws` draws. */
static tame_status scatter(tame_pcg64 *rng, double sparsity, int64_t pairs, int draws,
                           int8_t *signs)
{
  const int64_t count = (int64_t)rint((double)pairs * (1 - sparsity)); /* half to even */
  int32_t *chosen = tame_untouched(pairs, sizeof *chosen, "the draft of a circuit");
  const tame_status status = chosen ? tame_pcg_choose(rng, pairs, count, chosen) : TAME_ERR_NOMEM;
  for (int64_t k = 0; status == TAME_OK && k < count; k++)
    for (int again = 0; again < draws; again++) signs[chosen[k]] = polarity(rng);
  free(chosen);
  return status;
}

static tame_status draw(const void *params, tame_draft *draft)
{
  const random_params *p = params;
  tame_pcg64 rng;
  tame_pcg_seed(&rng, (uint32_t)p->seed);
  const tame_status status = scatter(&rng, p->sparsity, draft->units * draft->units, 1,
                                     draft->inner);
  if (status != TAME_OK) return status;
  /* ncps draws the polarity of sensory synapses twice; so do we, to have the same circuits. */
  return scatter(&rng, p->sparsity, draft->inputs * draft->units, 2, draft->sensory);
}

extern const tame_circuit_kind tame_circuit_random;
const tame_circuit_kind tame_circuit_random = {
    .head = {.name = "random",
             .doc = "round((1 - sparsity) units^2) synapses anywhere, two of three excitatory; "
                    "ncps' Random",
             .params = {.size = sizeof(random_params), .fields = fields}},
    .plan = plan,
    .draw = draw,
};
