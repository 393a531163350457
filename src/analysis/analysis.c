/* Analyses of any kind; see tame/analysis.h. */
#include "tame/analysis.h"

#include "analysis/tables.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

extern const tame_analysis_row tame_analysis_spectrum, tame_analysis_lyapunov,
    tame_analysis_divergence, tame_analysis_pca, tame_analysis_rhythm;

static const tame_row *const rows[] = {&tame_analysis_spectrum.head,   &tame_analysis_lyapunov.head,
                                       &tame_analysis_divergence.head, &tame_analysis_pca.head,
                                       &tame_analysis_rhythm.head,     NULL};
const tame_table tame_analyses = {"analyses", rows};

/* ---- what rows share --------------------------------------------------------------------------- */

void tame_analysis_add(tame_analysis_plan *plan, const char *name, const char *dims,
                       const char *units, int64_t rows_, int64_t columns)
{
  tame_analysis_result *r = &plan->results[plan->count++];
  *r = (tame_analysis_result){.name = name, .dims = dims, .units = units};
  r->axes = (rows_ > 0) + (columns > 0);
  r->shape[0] = rows_;
  r->shape[1] = columns;
}

double tame_analysis_inputs(const tame_analysis_about *about)
{
  const tame_network_params *p = about->network;
  return ((const tame_wiring *)p->wiring.row)->expected(p->wiring.params, p->neurons);
}

tame_status tame_analysis_at_most_neurons(int64_t found, const tame_analysis_about *about)
{
  if (found <= about->network->neurons) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "found %lld, want at most network.neurons = %lld",
                   (long long)found, (long long)about->network->neurons);
}

tame_analysis_intervals tame_analysis_cut(int64_t every, double settle_ms,
                                          const tame_analysis_about *about)
{
  const int64_t all = (about->last - about->first) / every;
  const double settle = ceil(settle_ms / about->network->dt_ms / (double)every - 1e-9);
  tame_analysis_intervals cut = {.every = every,
                                 .settle = settle < (double)all ? (int64_t)settle : all};
  cut.samples = all - cut.settle;
  return cut;
}

tame_status tame_analysis_check_cut(int64_t every, double settle_ms,
                                    const tame_analysis_about *about)
{
  if (tame_analysis_cut(every, settle_ms, about).samples > 0) return TAME_OK;
  return tame_fail(
      TAME_ERR_INPUT,
      "found %lld steps, of which the window, steps %lld to %lld, has no whole interval "
      "after settle_ms = %g",
      (long long)every, (long long)about->first, (long long)about->last, settle_ms);
}

void tame_analysis_add_running(tame_analysis_plan *plan, const tame_analysis_intervals *cut,
                               const tame_analysis_about *about, int64_t rows_)
{
  const double dt = about->network->dt_ms;
  tame_analysis_result *r = &plan->results[plan->count];
  if (rows_ > 0) tame_analysis_add(plan, "running", "exponent, time", "1/s", rows_, cut->samples);
  else tame_analysis_add(plan, "running", "time", "1/s", cut->samples, 0);
  r->step_ms = (double)cut->every * dt;
  r->start_ms = (double)about->first * dt + (double)(cut->settle + 1) * r->step_ms;
}

tame_piece tame_analysis_running_piece(const tame_analysis *a, const char *name, int result,
                                       int64_t total)
{
  tame_piece piece = {.type = TAME_TYPE_F64, .total = total, .at = a->values[result]};
  snprintf(piece.name, sizeof piece.name, "%s.running", name);
  piece.count = piece.at ? total : 0;
  return piece;
}

static int64_t numbers_of(const tame_analysis_result *r)
{
  int64_t numbers = 1;
  for (int k = 0; k < r->axes; k++) numbers *= r->shape[k];
  return numbers;
}

/* ---- public ------------------------------------------------------------------------------------ */

tame_status tame_analysis_check(const tame_variant *which, const tame_analysis_about *about,
                                const char **key)
{
  const tame_analysis_row *row = (const tame_analysis_row *)which->row;
  return row->check ? row->check(which->params, about, key) : TAME_OK;
}

void tame_analysis_foresee(const tame_variant *which, const tame_analysis_about *about, int ranks,
                           tame_analysis_plan *plan)
{
  *plan = (tame_analysis_plan){.count = 0};
  ((const tame_analysis_row *)which->row)->foresee(which->params, about, ranks, plan);
  for (int k = 0; k < plan->count; k++)
    plan->root_bytes += (double)numbers_of(&plan->results[k]) * (double)sizeof(double);
}

/* Room for the results, on rank 0. */
static tame_status make_room(tame_analysis *a, const tame_variant *which)
{
  tame_analysis_plan plan;
  tame_analysis_foresee(which, &a->about, a->network->partition.size, &plan);
  for (int k = 0; k < plan.count && a->network->rank == 0; k++) {
    a->values[k] = tame_zeroed(numbers_of(&plan.results[k]), sizeof(double), which->row->name);
    if (!a->values[k]) return TAME_ERR_NOMEM;
  }
  return TAME_OK;
}

tame_status tame_analysis_create(tame_analysis **out, const tame_variant *which,
                                 const tame_analysis_about *about, tame_network *network)
{
  const tame_analysis_row *row = (const tame_analysis_row *)which->row;
  *out = NULL;
  tame_status status = row->create(out, which->params, about, network);
  if (*out) {
    (*out)->row = row;
    (*out)->network = network;
    (*out)->about = *about;
  }
  if (status == TAME_OK) status = make_room(*out, which);
  status = tame_agree(network->comm, status);
  if (status != TAME_OK) tame_analysis_free(out);
  return status;
}

void tame_analysis_free(tame_analysis **analysis)
{
  tame_analysis *a = *analysis;
  if (!a) return;
  for (int k = 0; k < TAME_ANALYSIS_RESULTS; k++) free(a->values[k]);
  a->row->free(a);
  *analysis = NULL;
}

void tame_analysis_begin(tame_analysis *a)
{
  if (a->row->begin) a->row->begin(a);
}

void tame_analysis_step(tame_analysis *a, const double *input, bool noise)
{
  if (a->row->step) a->row->step(a, input, noise);
}

tame_status tame_analysis_end(tame_analysis *a)
{
  return tame_agree(a->network->comm, a->row->end(a));
}

const double *tame_analysis_values(const tame_analysis *a, int k)
{
  return a->values[k];
}

void tame_analysis_state(tame_analysis *a, tame_state *state)
{
  if (a->row->state) a->row->state(a, state);
}

void tame_analysis_restored(tame_analysis *a)
{
  if (a->row->restored) a->row->restored(a);
}
