/* Circuits: the table, and lists from drafts; see tame/model.h. */
#include "tame/model.h"

#include "base/memory.h"
#include "model/tables.h"

#include <stdlib.h>

extern const tame_circuit_kind tame_circuit_full, tame_circuit_random, tame_circuit_ncp,
    tame_circuit_autoncp, tame_circuit_small_world, tame_circuit_ring, tame_circuit_ei;

static const tame_row *const kinds[] = {&tame_circuit_full.head,        &tame_circuit_random.head,
                                        &tame_circuit_ncp.head,         &tame_circuit_autoncp.head,
                                        &tame_circuit_small_world.head, &tame_circuit_ring.head,
                                        &tame_circuit_ei.head,          NULL};
const tame_table tame_circuits = {"circuits", kinds};

tame_status tame_circuit_plan_flat(tame_circuit *circuit, int64_t units, int64_t outputs)
{
  if (outputs > units)
    return tame_fail(TAME_ERR_INPUT, "outputs: found %lld, want at most units = %lld",
                     (long long)outputs, (long long)units);
  circuit->units = units;
  circuit->outputs = outputs > 0 ? outputs : units;
  circuit->layers = 1;
  circuit->layer[0] = (tame_circuit_layer){0, units};
  return TAME_OK;
}

/* The signs of [sources][destinations] as lists by destination. */
static tame_status list(tame_synapses *out, int64_t sources, int64_t destinations,
                        const int8_t *signs)
{
  int64_t count = 0;
  for (int64_t k = 0; k < sources * destinations; k++) count += signs[k] != 0;
  *out = (tame_synapses){.sources = sources, .destinations = destinations, .count = count};
  out->start = tame_zeroed(destinations + 1, sizeof *out->start, "a circuit");
  out->source = tame_zeroed(count, sizeof *out->source, "a circuit");
  out->sign = tame_zeroed(count, sizeof *out->sign, "a circuit");
  if (!out->start || !out->source || !out->sign) return TAME_ERR_NOMEM;
  int64_t s = 0;
  for (int64_t j = 0; j < destinations; j++) {
    for (int64_t i = 0; i < sources; i++)
      if (signs[i * destinations + j]) {
        out->source[s] = (int32_t)i;
        out->sign[s++] = signs[i * destinations + j];
      }
    out->start[j + 1] = s;
  }
  return TAME_OK;
}

tame_status tame_circuit_build(tame_circuit *out, const tame_variant *kind, int64_t inputs)
{
  const tame_circuit_kind *row = (const tame_circuit_kind *)kind->row;
  const char *key = NULL;
  *out = (tame_circuit){.inputs = inputs};
  tame_status status = tame_schema_check(&row->head.params, kind->params, &key);
  if (status != TAME_OK)
    return tame_fail(status, "circuit %s: %s: %s", row->head.name, key, tame_message());
  if (!(inputs >= 1 && inputs <= 32000))
    return tame_fail(TAME_ERR_INPUT, "circuit %s: found %lld inputs, want 1 to 32000",
                     row->head.name, (long long)inputs);
  status = row->plan(kind->params, out);
  if (status != TAME_OK) return tame_fail(status, "circuit %s: %s", row->head.name, tame_message());
  tame_draft draft = {.units = out->units, .inputs = inputs};
  draft.inner = tame_zeroed(out->units * out->units, 1, "the draft of a circuit");
  draft.sensory = tame_zeroed(inputs * out->units, 1, "the draft of a circuit");
  status = draft.inner && draft.sensory ? row->draw(kind->params, &draft) : TAME_ERR_NOMEM;
  if (status == TAME_OK) status = list(&out->inner, out->units, out->units, draft.inner);
  if (status == TAME_OK) status = list(&out->sensory, inputs, out->units, draft.sensory);
  free(draft.inner);
  free(draft.sensory);
  if (status != TAME_OK) tame_circuit_free(out);
  return status;
}

static void free_synapses(tame_synapses *s)
{
  free(s->start);
  free(s->source);
  free(s->sign);
}

void tame_circuit_free(tame_circuit *circuit)
{
  free_synapses(&circuit->inner);
  free_synapses(&circuit->sensory);
  *circuit = (tame_circuit){0};
}

double tame_circuit_sparsity(const tame_circuit *circuit)
{
  const double n = (double)circuit->units;
  return 1 - (double)circuit->inner.count / (n * n);
}
