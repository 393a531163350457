/* Analysis `rhythm`: how often the rate of each unit rises above a level inside the window, and the mean time between:
 * spikes and their intervals, or the period of an oscillator. */
#include "analysis/tables.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

typedef struct rhythm_params {
  double level;
} rhythm_params;

static const tame_field fields[] = {{"level", TAME_REAL, .offset = offsetof(rhythm_params, level),
                                     .fallback = "0.5", .min = -1e300, .max = 1e300,
                                     .doc = "of the rate, from below it to this or above"},
                                    {0}};

enum { COUNT, PERIOD };

typedef struct rhythm {
  tame_analysis head;
  double level;
  /* of our units, [n_local] each, in one array */
  double *before; /* rates before the step */
  double *first,
      *last; /* crossing, in steps since the window began, between two by interpolation */
  double *count;
  int64_t steps; /* made inside the window */
} rhythm;

static void foresee(const void *params, const tame_analysis_about *about, int ranks,
                    tame_analysis_plan *plan)
{
  const int64_t n = about->network->neurons;
  (void)params, (void)ranks;
  tame_analysis_add(plan, "count", "neuron", "1", n, 0);
  tame_analysis_add(plan, "period", "neuron", "ms", n, 0);
  plan->own_bytes = 4 * sizeof(double);
  plan->step_cycles = 3 * (double)n;
}

static tame_status create(tame_analysis **out, const void *params, const tame_analysis_about *about,
                          tame_network *net)
{
  (void)about;
  rhythm *y = tame_zeroed(1, sizeof *y, "rhythms");
  if (!y) return TAME_ERR_NOMEM;
  *out = &y->head;
  y->level = ((const rhythm_params *)params)->level;
  y->before = tame_zeroed(4 * net->n_local, sizeof *y->before, "rhythms");
  if (!y->before) return TAME_ERR_NOMEM;
  y->first = y->before + net->n_local, y->last = y->before + 2 * net->n_local;
  y->count = y->before + 3 * net->n_local;
  return TAME_OK;
}

static void release(tame_analysis *analysis)
{
  free(((rhythm *)analysis)->before);
  free(analysis);
}

static void begin(tame_analysis *analysis)
{
  rhythm *y = (rhythm *)analysis;
  const tame_network *net = analysis->network;
  for (int64_t i = 0; i < net->n_local; i++) y->before[i] = tame_real_at(net, net->r, i);
}

static void step(tame_analysis *analysis, const double *input, bool noise)
{
  rhythm *y = (rhythm *)analysis;
  const tame_network *net = analysis->network;
  (void)input, (void)noise;
  for (int64_t i = 0; i < net->n_local; i++) {
    const double from = y->before[i], to = tame_real_at(net, net->r, i);
    if (from < y->level && to >= y->level) {
      y->last[i] = (double)y->steps + (y->level - from) / (to - from);
      if (y->count[i] == 0) y->first[i] = y->last[i];
      y->count[i]++;
    }
    y->before[i] = to;
  }
  y->steps++;
}

/* [n_local] of each rank to [n] on rank 0. */
static void gather(const tame_network *net, const double *own, double *all)
{
  const tame_partition *p = &net->partition;
  MPI_Gatherv(own, p->counts[net->rank], MPI_DOUBLE, all, p->counts, p->places, MPI_DOUBLE, 0,
              net->comm);
}

static tame_status end(tame_analysis *analysis)
{
  rhythm *y = (rhythm *)analysis;
  const tame_network *net = analysis->network;
  double *const period = y->before; /* which is not needed any more */
  for (int64_t i = 0; i < net->n_local; i++)
    period[i] = y->count[i] > 1 ? net->p.dt_ms * (y->last[i] - y->first[i]) / (y->count[i] - 1)
                                : NAN;
  gather(net, y->count, analysis->values[COUNT]);
  gather(net, period, analysis->values[PERIOD]);
  return TAME_OK;
}

static void state(tame_analysis *analysis, tame_state *state)
{
  rhythm *y = (rhythm *)analysis;
  const tame_network *net = analysis->network;
  double *const parts[] = {y->before, y->first, y->last, y->count};
  for (int64_t k = 0; k < 4; k++) {
    const tame_piece piece = {.name = "rhythm.units",
                              .type = TAME_TYPE_F64,
                              .total = 4 * net->p.neurons,
                              .first = k * net->p.neurons + net->first,
                              .count = net->n_local,
                              .at = parts[k]};
    tame_state_add(state, &piece);
  }
  const tame_piece steps = {"rhythm.steps", TAME_TYPE_I64, 1, 0, 1, &y->steps, net->rank > 0, 0};
  tame_state_add(state, &steps);
}

extern const tame_analysis_row tame_analysis_rhythm;
const tame_analysis_row tame_analysis_rhythm = {
    .head = {.name = "rhythm",
             .doc = "how often each unit's rate rises above a level, and the mean time between: "
                    "spikes, periods",
             .params = {.size = sizeof(rhythm_params), .fields = fields}},
    .foresee = foresee,
    .create = create,
    .free = release,
    .begin = begin,
    .step = step,
    .end = end,
    .state = state,
};
