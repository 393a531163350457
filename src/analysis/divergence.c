/* Analysis `divergence`: the largest Lyapunov exponent by a second trajectory, displaced by epsilon, with the same
 * input and noise, and brought back to that distance now and then. Benettin, Galgani & Strelcyn (1976), Phys. Rev. A
 * 14:2338-2345, doi:10.1103/PhysRevA.14.2338. */
#include "analysis/tables.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

typedef struct divergence_params {
  double epsilon;
  int64_t every;
  double settle_ms;
} divergence_params;

#define AT(member) .offset = offsetof(divergence_params, member)
static const tame_field fields[] = {
    {"epsilon", TAME_REAL, AT(epsilon), .fallback = "1e-6", .min = 1e-12, .max = 1,
     .doc = "distance of the second trajectory: |dx| over all neurons"},
    {"every", TAME_INT, AT(every), .fallback = "10", .min = 1, .max = 1e9,
     .doc = "steps after which it is brought back to that distance"},
    {"settle_ms", TAME_REAL, AT(settle_ms), .fallback = "0", .max = 1e12,
     .doc = "of the window, before growth counts"},
    {0}};
#undef AT

enum { EXPONENT, RUNNING };

enum { STEPS /* since it was brought back */, RESCALED /* how often */, FAILED };

typedef struct divergence {
  tame_analysis head;
  const divergence_params *params; /* borrowed */
  tame_analysis_intervals cut;
  tame_network *twin;
  tame_tree *tree;

  /* what it goes on with, beside the twin; the same on every rank */
  double sums[2]; /* distance at the last rescaling; growth, a sum of logarithms */
  int64_t progress[3];
} divergence;

enum { DISTANCE, GROWTH };

static tame_status check(const void *params, const tame_analysis_about *about, const char **key)
{
  const divergence_params *p = params;
  *key = "every";
  if (tame_network_features(about->network))
    return tame_fail(TAME_ERR_INPUT, "units of cell %s do not hear each other: nothing can diverge",
                     about->network->cell.row->name);
  if (((const tame_cell *)about->network->cell.row)->variables)
    return tame_fail(TAME_ERR_INPUT,
                     "units of cell %s have several variables, between which there is no distance",
                     about->network->cell.row->name);
  *key = "epsilon";
  if (about->network->precision == TAME_FLOAT && p->epsilon < 1e-3)
    return tame_fail(TAME_ERR_INPUT,
                     "found %g, want at least 0.001 where network.precision is float", p->epsilon);
  *key = "every";
  return tame_analysis_check_cut(p->every, p->settle_ms, about);
}

static void foresee(const void *params, const tame_analysis_about *about, int ranks,
                    tame_analysis_plan *plan)
{
  const divergence_params *p = params;
  const tame_network_params *net = about->network;
  const double n = (double)net->neurons, real = net->precision == TAME_FLOAT ? 4 : 8;
  const tame_analysis_intervals cut = tame_analysis_cut(p->every, p->settle_ms, about);
  tame_analysis_add(plan, "exponent", "", "1/s", 0, 0);
  tame_analysis_add_running(plan, &cut, about, 0);
  plan->own_bytes = 4 * real;
  plan->fixed_bytes = (ranks == 1 ? 2 : 1) * n * real; /* on one rank, rates to read and to write */
  plan->step_cycles = n * (40 + tame_analysis_inputs(about) + 20 / (double)p->every);
}

static tame_status create(tame_analysis **out, const void *params, const tame_analysis_about *about,
                          tame_network *net)
{
  divergence *d = tame_zeroed(1, sizeof *d, "divergence");
  if (d) {
    *out = &d->head;
    d->params = params;
    d->cut = tame_analysis_cut(d->params->every, d->params->settle_ms, about);
  }
  tame_status status = tame_agree(net->comm, d ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) status = tame_network_twin(&d->twin, net);
  if (status == TAME_OK) status = tame_tree_create(&d->tree, net->comm, &net->partition, 1);
  return status;
}

static void release(tame_analysis *analysis)
{
  divergence *d = (divergence *)analysis;
  tame_network_twin_free(&d->twin);
  tame_tree_free(&d->tree);
  free(d);
}

static double difference(const divergence *d, int64_t i)
{
  return tame_real_at(d->twin, d->twin->x, i) -
         tame_real_at(d->head.network, d->head.network->x, i);
}

static void squared_difference(const void *context, int64_t i, double *square)
{
  const double dx = difference(context, i);
  *square = dx * dx;
}

static double distance(const divergence *d)
{
  double sum;
  tame_tree_sums(d->tree, 1, squared_difference, d, &sum);
  return sqrt(sum);
}

/* Stretch the difference by a factor; with float it does not come out exactly, so it is measured again. */
static void rescale(divergence *d, double factor)
{
  const tame_network *net = d->head.network;
  for (int64_t i = 0; i < net->n_local; i++)
    tame_real_put(d->twin, d->twin->x, i, tame_real_at(net, net->x, i) + factor * difference(d, i));
  tame_network_twin_moved(d->twin, net);
  d->sums[DISTANCE] = distance(d);
  if (!(d->sums[DISTANCE] > 0) || !isfinite(d->sums[DISTANCE])) d->progress[FAILED] = 1;
}

static void begin(tame_analysis *analysis)
{
  divergence *d = (divergence *)analysis;
  const tame_network *net = analysis->network;
  tame_network_twin_follow(d->twin, net);
  for (int64_t i = 0; i < net->n_local; i++) {
    const double off = tame_normal((uint64_t)net->p.seed, TAME_DRAW_TANGENT,
                                   (uint32_t)(net->first + i), 0, net->trial);
    tame_real_put(d->twin, d->twin->x, i, tame_real_at(net, net->x, i) + off);
  }
  rescale(d, d->params->epsilon / distance(d));
}

static void step(tame_analysis *analysis, const double *input, bool noise)
{
  divergence *d = (divergence *)analysis;
  if (d->progress[FAILED]) return;
  tame_network_twin_step(d->twin, analysis->network, input, noise);
  if (++d->progress[STEPS] < d->params->every) return;
  d->progress[STEPS] = 0;
  const double now = distance(d), growth = log(now / d->sums[DISTANCE]);
  rescale(d, d->params->epsilon / now);
  if (++d->progress[RESCALED] <= d->cut.settle || d->progress[FAILED]) return;
  const int64_t samples = d->progress[RESCALED] - d->cut.settle;
  d->sums[GROWTH] += growth;
  const double time = (double)(samples * d->cut.every) * analysis->network->p.dt_ms / 1000;
  if (analysis->values[RUNNING]) analysis->values[RUNNING][samples - 1] = d->sums[GROWTH] / time;
}

static tame_status end(tame_analysis *analysis)
{
  const divergence *d = (const divergence *)analysis;
  if (d->progress[FAILED])
    return tame_fail(TAME_ERR_NUMERIC,
                     "divergence: the two trajectories have met, or one is not finite, after %lld "
                     "intervals; a larger epsilon may help",
                     (long long)d->progress[RESCALED]);
  if (analysis->values[RUNNING])
    *analysis->values[EXPONENT] = analysis->values[RUNNING][d->cut.samples - 1];
  return TAME_OK;
}

static void state(tame_analysis *analysis, tame_state *state)
{
  divergence *d = (divergence *)analysis;
  const tame_network *net = analysis->network;
  const bool copy = net->rank > 0;
  const tame_piece pieces[] = {
      {"divergence.x", tame_real_type(net), net->p.neurons, net->first, net->n_local, d->twin->x,
       false, 0},
      {"divergence.y", TAME_TYPE_F64, net->p.outputs, 0, net->p.outputs, d->twin->y, copy, 0},
      {"divergence.sums", TAME_TYPE_F64, 2, 0, 2, d->sums, copy, 0},
      {"divergence.progress", TAME_TYPE_I64, 3, 0, 3, d->progress, copy, 0},
      tame_analysis_running_piece(analysis, "divergence", RUNNING, d->cut.samples),
  };
  for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) tame_state_add(state, &pieces[k]);
}

static void restored(tame_analysis *analysis)
{
  divergence *d = (divergence *)analysis;
  d->twin->trial = analysis->network->trial;
  d->twin->step = analysis->network->step;
  tame_network_moved(d->twin);
}

extern const tame_analysis_row tame_analysis_divergence;
const tame_analysis_row tame_analysis_divergence = {
    .head = {.name = "divergence",
             .doc = "the largest Lyapunov exponent, 1/s, by a second trajectory close to the first",
             .params = {.size = sizeof(divergence_params), .fields = fields}},
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
