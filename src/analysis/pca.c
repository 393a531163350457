/* Analysis `pca`: principal components of the rates inside the window, from sums of products over ranks, by the
 * eigenvectors of X'X of centred rates, on rank 0 or by several ranks together (ScaLAPACK). Rates are taken relative to those of the first step, so that
 * the covariance does not lose digits to the mean. */
#include "analysis/components.h"
#include "analysis/tables.h"
#include "base/memory.h"
#include "linalg/eigen.h"
#include "linalg/gram.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct pca_params {
  int64_t components;
  bool projections;
  int solvers; /* an index: 1, 4, 9, ... ranks */
} pca_params;

static const char *const solver_counts[] = {"1", "4", "9", "16", "25", NULL};

static const tame_field fields[] = {
    {"components", TAME_INT, .offset = offsetof(pca_params, components), .fallback = "10", .min = 1,
     .max = 1e6, .doc = "of which the vectors are kept; variances are of all"},
    {"projections", TAME_BOOL, .offset = offsetof(pca_params, projections), .fallback = "off",
     .doc = "keep the trial in these components"},
    {"solvers", TAME_CHOICE, .offset = offsetof(pca_params, solvers), .fallback = "1",
     .choices = solver_counts,
     .doc =
         "ranks that solve together, for large networks; of the experiment, as bits depend on it"},
    {0}};

static int solvers_of(const pca_params *p)
{
  return (p->solvers + 1) * (p->solvers + 1);
}

enum { MOST_NEURONS = 32766 /* 2 n^2 + 6 n + 1 is an int */ };
enum { VARIANCE, COMPONENTS, MEAN, PARTICIPATION, COUNT_95, PROJECTIONS };

typedef struct pca {
  tame_analysis head;
  const pca_params *params; /* borrowed */
  tame_gram gram;           /* of (r - origin, 1) */
  double *samples;          /* [TAME_DEPTH][gram.stride], zeros but for those that wait */
  int64_t waiting;          /* samples that are not in the sums yet */
  double *origin;           /* rates of the first step, [n], on every rank */
  double *path;             /* rank 0, with projections: r - origin, [steps][n] */
  int64_t steps, taken;     /* of the window; so far */
} pca;

static tame_status check(const void *params, const tame_analysis_about *about, const char **key)
{
  const pca_params *p = params;
  const tame_status status = tame_analysis_at_most_neurons(p->components, about);
  *key = "components";
  if (status != TAME_OK) return status;
  if (about->network->neurons > MOST_NEURONS)
    return tame_fail(TAME_ERR_INPUT, "%lld neurons are too many for LAPACK, want at most %d",
                     (long long)about->network->neurons, MOST_NEURONS);
  if (about->last - about->first > 1) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "the window is a single step, %lld: there is no variance",
                   (long long)about->first);
}

static void foresee(const void *params, const tame_analysis_about *about, int ranks,
                    tame_analysis_plan *plan)
{
  const pca_params *p = params;
  const int64_t n = about->network->neurons, steps = about->last - about->first;
  const double size = (double)n;
  const double stride = (double)tame_gram_stride(n + 1);
  const double width = TAME_DEPTH + 2 * TAME_SPREAD_BLOCK + 4; /* samples, and rows on their way */
  tame_analysis_add(plan, "variance", "component", "1", n, 0);
  tame_analysis_add(plan, "components", "component, neuron", "1", p->components, n);
  tame_analysis_add(plan, "mean", "neuron", "1", n, 0);
  tame_analysis_add(plan, "participation_ratio", "", "1", 0, 0);
  tame_analysis_add(plan, "components_95", "", "1", 0, 0);
  if (p->projections) {
    tame_analysis_result *r = &plan->results[plan->count];
    tame_analysis_add(plan, "projections", "component, time", "1", p->components, steps);
    r->start_ms = (double)about->first * about->network->dt_ms;
    r->step_ms = about->network->dt_ms;
    plan->root_bytes += (double)steps * size * sizeof(double);
  }
  plan->fixed_bytes = 2 * tame_gram_bytes(n + 1, 1, ranks) + /* sums, and a copy that is centred */
                      (width * (stride + TAME_SPREAD_BLOCK) + size) * sizeof(double);
  /* X'X and what LAPACK takes; or a share of it, of vectors and of what ScaLAPACK takes, and all vectors on rank 0 */
  const int solvers = solvers_of(p);
  if (solvers > 1) plan->fixed_bytes += 5 * tame_spread_bytes(n, n, solvers);
  plan->root_bytes += ((solvers > 1 ? 1 : 3) * size + 9) * size * sizeof(double);
  plan->solvers = solvers;
  plan->step_cycles = size * size / 16;
  plan->trial_cycles = 3 * size * size * size / solvers;
}

static tame_status create(tame_analysis **out, const void *params, const tame_analysis_about *about,
                          tame_network *net)
{
  const int64_t n = net->p.neurons;
  const int solvers = solvers_of(params);
  if (net->partition.size < solvers)
    return tame_fail(TAME_ERR_INPUT, "pca.solvers: %d ranks are to solve together, and there %s %d",
                     solvers, net->partition.size == 1 ? "is" : "are", net->partition.size);
  pca *c = tame_zeroed(1, sizeof *c, "principal components");
  if (!c) return TAME_ERR_NOMEM;
  *out = &c->head;
  c->params = params;
  c->steps = about->last - about->first;
  const bool keeps = c->params->projections && net->rank == 0;
  c->samples = tame_zeroed(TAME_DEPTH * tame_gram_stride(n + 1), sizeof *c->samples,
                           "principal components");
  c->origin = tame_zeroed(n, sizeof *c->origin, "principal components");
  if (keeps) c->path = tame_zeroed(c->steps * n, sizeof *c->path, "the trial for its projections");
  if (!c->samples || !c->origin || (keeps && !c->path)) return TAME_ERR_NOMEM;
  return tame_gram_create(&c->gram, net->comm, n + 1, 1);
}

static void release(tame_analysis *analysis)
{
  pca *c = (pca *)analysis;
  tame_gram_free(&c->gram);
  free(c->samples);
  free(c->origin);
  free(c->path);
  free(c);
}

static void add_samples(pca *c)
{
  tame_gram_add(&c->gram, 0, c->samples);
  memset(c->samples, 0, (size_t)(TAME_DEPTH * c->gram.stride) * sizeof *c->samples);
  c->waiting = 0;
}

static void step(tame_analysis *analysis, const double *input, bool noise)
{
  pca *c = (pca *)analysis;
  tame_network *net = analysis->network;
  const int64_t n = net->p.neurons;
  const void *r = tame_network_all_rates(net);
  double *v = c->samples + c->waiting * c->gram.stride;
  (void)input, (void)noise;
  for (int64_t i = 0; i < n && c->taken == 0; i++) c->origin[i] = tame_real_at(net, r, i);
  for (int64_t i = 0; i < n; i++) v[i] = tame_real_at(net, r, i) - c->origin[i];
  v[n] = 1;
  if (c->path) memcpy(c->path + c->taken * n, v, (size_t)n * sizeof *v);
  if (++c->waiting == TAME_DEPTH) add_samples(c);
  c->taken++;
}

/* ---- at the end, on rank 0 ---------------------------------------------------------------------- */

/* (r - mean) . component, for all steps: [components][steps]. */
static void project(const pca *c, int64_t n, const double *mean, const double *components,
                    double *out)
{
  const int64_t k = c->params->components;
  for (int64_t t = 0; t < c->steps; t++)
    for (int64_t i = 0; i < n; i++) c->path[t * n + i] -= mean[i];
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)k, (int)c->steps, (int)n, 1, components,
              (int)n, c->path, (int)n, 0, out, (int)c->steps);
}

/* From variances and vectors, ascending, [n][n]. */
static void put(const pca *c, const tame_equations *e, const double *A)
{
  const int64_t n = c->head.network->p.neurons;
  double *const *values = c->head.values, *const variance = values[VARIANCE],
                *const mean = values[MEAN];
  for (int64_t k = 0; k < c->params->components; k++)
    tame_components_take(n, A, k, values[COMPONENTS] + k * n);
  memcpy(mean, e->means, (size_t)n * sizeof *mean);
  *values[PARTICIPATION] = tame_components_participation(n, variance);
  *values[COUNT_95] = (double)tame_components_count(n, variance, 0.95);
  if (c->path) project(c, n, mean, values[COMPONENTS], values[PROJECTIONS]);
  for (int64_t i = 0; i < n; i++) mean[i] += c->origin[i];
}

/* On rank 0. */
static tame_status solve(const pca *c, const tame_equations *e)
{
  const tame_status status = tame_components_solve(c->head.network->p.neurons, e->H.at, e->samples,
                                                   c->head.values[VARIANCE]);
  if (status == TAME_OK) put(c, e, e->H.at);
  return status;
}

/* By the ranks of a grid. Collective. */
static tame_status solve_together(const pca *c, const tame_grid *grid, tame_equations *e)
{
  const tame_network *net = c->head.network;
  const int64_t n = net->p.neurons;
  tame_spread vectors = {0};
  double *variance = tame_untouched(n, sizeof *variance, "principal components"),
         *whole = tame_untouched(net->rank == 0 ? n * n : 0, sizeof *whole, "principal components");
  tame_status status = tame_spread_create(&vectors, grid, n, n);
  if (!variance || !whole) status = TAME_ERR_NOMEM;
  status = tame_agree(net->comm, status);
  if (status == TAME_OK) status = tame_eigen_spread(&e->H, variance, &vectors);
  if (status == TAME_OK) tame_spread_collect(&vectors, whole);
  if (status == TAME_OK && net->rank == 0) {
    tame_components_order(n, e->samples, variance);
    memcpy(c->head.values[VARIANCE], variance, (size_t)n * sizeof *variance);
    put(c, e, whole);
  }
  tame_spread_free(&vectors);
  free(variance);
  free(whole);
  return status;
}

static tame_status end(tame_analysis *analysis)
{
  pca *c = (pca *)analysis;
  const tame_network *net = analysis->network;
  const int64_t n = net->p.neurons;
  const int solvers = solvers_of(c->params);
  tame_grid grid;
  tame_equations e;
  if (c->waiting > 0) add_samples(c);
  tame_grid_create(&grid, net->comm, solvers);
  tame_status status = tame_gram_equations(&c->gram, &grid, -1, -1, n, n, 0, &e);
  if (status == TAME_OK && solvers > 1) status = solve_together(c, &grid, &e);
  else if (status == TAME_OK && net->rank == 0) status = solve(c, &e);
  tame_equations_free(&e);
  tame_grid_free(&grid);
  return status;
}

static void state(tame_analysis *analysis, tame_state *state)
{
  pca *c = (pca *)analysis;
  const int64_t n = analysis->network->p.neurons, all = TAME_DEPTH * c->gram.stride,
                path = c->params->projections ? c->steps * n : 0;
  const bool copy = analysis->network->rank > 0;
  const tame_piece pieces[] = {
      {"pca.samples", TAME_TYPE_F64, all, 0, all, c->samples, copy, 0},
      {"pca.waiting", TAME_TYPE_I64, 1, 0, 1, &c->waiting, copy, 0},
      {"pca.origin", TAME_TYPE_F64, n, 0, n, c->origin, copy, 0},
      {"pca.taken", TAME_TYPE_I64, 1, 0, 1, &c->taken, copy, 0},
      {"pca.path", TAME_TYPE_F64, path, 0, copy ? 0 : path, c->path, false, 0},
  };
  tame_gram_state(&c->gram, "pca.M", state);
  for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++)
    if (pieces[k].total > 0) tame_state_add(state, &pieces[k]);
}

extern const tame_analysis_row tame_analysis_pca;
const tame_analysis_row tame_analysis_pca = {
    .head = {.name = "pca",
             .doc = "principal components of the rates, by their covariance over the window",
             .params = {.size = sizeof(pca_params), .fields = fields}},
    .check = check,
    .foresee = foresee,
    .create = create,
    .free = release,
    .step = step,
    .end = end,
    .state = state,
};
