/* Analysis `lyapunov`: exponents of the network along the trial; see lyapunov.h. */
#include "analysis/lyapunov.h"
#include "analysis/tables.h"
#include "base/memory.h"
#include "network/tangent.h"

#include <stdlib.h>

typedef struct lyapunov_params {
  int64_t exponents, every;
  double settle_ms;
} lyapunov_params;

#define AT(member) .offset = offsetof(lyapunov_params, member)
static const tame_field fields[] = {
    {"exponents", TAME_INT, AT(exponents), .fallback = "10", .min = 1, .max = 1e6,
     .doc = "how many, the largest ones; time and memory grow with them"},
    {"every", TAME_INT, AT(every), .fallback = "10", .min = 1, .max = 1e9,
     .doc = "steps after which tangent vectors are made orthonormal again"},
    {"settle_ms", TAME_REAL, AT(settle_ms), .fallback = "0", .max = 1e12,
     .doc = "of the window, before growth counts: vectors turn where they belong"},
    {0}};
#undef AT

enum { EXPONENTS, RUNNING, DIMENSION, ENTROPY };

typedef struct lyapunov {
  tame_analysis head;
  const lyapunov_params *params; /* borrowed */
  tame_analysis_intervals cut;
  tame_tangents *tangents;
  tame_lyapunov *core;
  double *exponents; /* [exponents] */
} lyapunov;

static tame_status check(const void *params, const tame_analysis_about *about, const char **key)
{
  const lyapunov_params *p = params;
  const tame_cell *cell = (const tame_cell *)about->network->cell.row;
  *key = "exponents";
  if (!cell->tangent)
    return tame_fail(TAME_ERR_INPUT, "cell %s has no derivatives by which tangent vectors move",
                     cell->head.name);
  const tame_status status = tame_analysis_at_most_neurons(p->exponents, about);
  if (status != TAME_OK) return status;
  *key = "every";
  return tame_analysis_check_cut(p->every, p->settle_ms, about);
}

static void foresee(const void *params, const tame_analysis_about *about, int ranks,
                    tame_analysis_plan *plan)
{
  const lyapunov_params *p = params;
  const tame_network_params *net = about->network;
  const double n = (double)net->neurons, k = (double)p->exponents;
  const tame_analysis_intervals cut = tame_analysis_cut(p->every, p->settle_ms, about);
  double own, all;
  tame_analysis_add(plan, "exponents", "exponent", "1/s", p->exponents, 0);
  tame_analysis_add_running(plan, &cut, about, p->exponents);
  tame_analysis_add(plan, "dimension", "", "1", 0, 0);
  tame_analysis_add(plan, "entropy", "", "1/s", 0, 0);
  tame_lyapunov_need(p->exponents, ranks, &plan->own_bytes, &plan->fixed_bytes);
  tame_tangents_need(p->exponents, ranks, &own, &all);
  plan->own_bytes += own;
  plan->fixed_bytes += n * all;
  plan->step_cycles = n * k * (tame_analysis_inputs(about) / 2 + 4 + 2.5 * k / (double)p->every);
}

static void advance(void *context, double *vectors)
{
  tame_tangents_step(context, vectors);
}

static tame_status create(tame_analysis **out, const void *params, const tame_analysis_about *about,
                          tame_network *net)
{
  lyapunov *l = tame_zeroed(1, sizeof *l, "Lyapunov exponents");
  tame_status status = l ? TAME_OK : TAME_ERR_NOMEM;
  if (l) {
    *out = &l->head;
    l->params = params;
    l->cut = tame_analysis_cut(l->params->every, l->params->settle_ms, about);
    l->exponents = tame_zeroed(l->params->exponents, sizeof *l->exponents, "Lyapunov exponents");
    if (!l->exponents) status = TAME_ERR_NOMEM;
  }
  status = tame_agree(net->comm, status);
  if (status == TAME_OK) status = tame_tangents_create(&l->tangents, net, l->params->exponents);
  if (status != TAME_OK) return status;
  const tame_lyapunov_system system = {net->comm, &net->partition, l->tangents, advance};
  const tame_lyapunov_options options = {.exponents = l->params->exponents,
                                         .every = l->params->every,
                                         .settle = l->cut.settle,
                                         .step_s = net->p.dt_ms / 1000,
                                         .seed = (uint64_t)net->p.seed};
  return tame_lyapunov_create(&l->core, &system, &options);
}

static void release(tame_analysis *analysis)
{
  lyapunov *l = (lyapunov *)analysis;
  tame_lyapunov_free(&l->core);
  tame_tangents_free(&l->tangents);
  free(l->exponents);
  free(l);
}

static void begin(tame_analysis *analysis)
{
  lyapunov *l = (lyapunov *)analysis;
  tame_tangents_begin(l->tangents);
  tame_lyapunov_begin(l->core, analysis->network->trial);
}

static void step(tame_analysis *analysis, const double *input, bool noise)
{
  lyapunov *l = (lyapunov *)analysis;
  (void)input, (void)noise; /* neither is in the derivative */
  if (!tame_lyapunov_step(l->core)) return;
  const int64_t at = tame_lyapunov_samples(l->core) - 1;
  tame_lyapunov_exponents(l->core, l->exponents);
  for (int64_t j = 0; analysis->values[RUNNING] && j < l->params->exponents; j++)
    analysis->values[RUNNING][j * l->cut.samples + at] = l->exponents[j];
}

static tame_status end(tame_analysis *analysis)
{
  lyapunov *l = (lyapunov *)analysis;
  const int64_t k = l->params->exponents;
  tame_status status = tame_lyapunov_verdict(l->core);
  if (status != TAME_OK || analysis->network->rank > 0) return status;
  tame_lyapunov_exponents(l->core, analysis->values[EXPONENTS]);
  *analysis->values[ENTROPY] = tame_entropy_sum(k, analysis->values[EXPONENTS]);
  return tame_kaplan_yorke(analysis->network->p.neurons, k, analysis->values[EXPONENTS],
                           analysis->values[DIMENSION]);
}

static void state(tame_analysis *analysis, tame_state *state)
{
  lyapunov *l = (lyapunov *)analysis;
  const tame_piece running = tame_analysis_running_piece(analysis, "lyapunov", RUNNING,
                                                         l->params->exponents * l->cut.samples);
  tame_lyapunov_state(l->core, state);
  tame_state_add(state, &running);
}

static void restored(tame_analysis *analysis)
{
  tame_tangents_begin(((lyapunov *)analysis)->tangents);
}

extern const tame_analysis_row tame_analysis_lyapunov;
const tame_analysis_row tame_analysis_lyapunov = {
    .head = {.name = "lyapunov",
             .doc = "the largest Lyapunov exponents along the trial, 1/s: tangent vectors and Q R",
             .params = {.size = sizeof(lyapunov_params), .fields = fields}},
    .check = check,
    .foresee = foresee,
    .create = create,
    .free = release,
    .begin = begin,
    .step = step,
    .end = end,
    .state = state,
    .restored = restored,
};
