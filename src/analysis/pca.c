/* Analysis `pca`: principal components of the rates inside the window. Sums of products over ranks, the
 * eigenvectors of the covariance by LAPACK on rank 0. Rates are taken relative to those of the first step, so that
 * the covariance does not lose digits to the mean. */
#include "analysis/tables.h"
#include "base/memory.h"
#include "linalg/regress.h"
#include "linalg/sums.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTBEGIN(readability-identifier-naming) */
void dsyevd_(const char *job, const char *uplo, const int *n, double *a, const int *lda, double *w,
             double *work, const int *lwork, int *iwork, const int *liwork, int *info);
/* NOLINTEND(readability-identifier-naming) */

typedef struct pca_params {
  int64_t components;
  bool projections;
} pca_params;

static const tame_field fields[] = {
    {"components", TAME_INT, .offset = offsetof(pca_params, components), .fallback = "10", .min = 1,
     .max = 1e6, .doc = "of which the vectors are kept; variances are of all"},
    {"projections", TAME_BOOL, .offset = offsetof(pca_params, projections), .fallback = "off",
     .doc = "keep the trial in these components"},
    {0}};

enum { MOST_NEURONS = 32766 /* 2 n^2 + 6 n + 1 is an int */ };
enum { VARIANCE, COMPONENTS, MEAN, PARTICIPATION, COUNT_95, PROJECTIONS };

typedef struct pca {
  tame_analysis head;
  const pca_params *params; /* borrowed */
  tame_sums *sums;          /* of (r - origin, 1) */
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
  double shared, fixed;
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
  tame_sums_need(n + 1, &shared, &fixed);
  plan->fixed_bytes = shared / ranks + fixed + size * sizeof(double);
  plan->root_bytes += shared +
                      (2 * size + 12) * size * sizeof(double); /* M, and what LAPACK takes */
  plan->step_cycles = size * size / 16;
  plan->trial_cycles = 3 * size * size * size;
}

static tame_status create(tame_analysis **out, const void *params, const tame_analysis_about *about,
                          tame_network *net)
{
  const int64_t n = net->p.neurons;
  pca *c = tame_zeroed(1, sizeof *c, "principal components");
  tame_status status = c ? TAME_OK : TAME_ERR_NOMEM;
  if (c) {
    *out = &c->head;
    c->params = params;
    c->steps = about->last - about->first;
    c->origin = tame_zeroed(n, sizeof *c->origin, "principal components");
    const bool keeps = c->params->projections && net->rank == 0;
    if (keeps)
      c->path = tame_zeroed(c->steps * n, sizeof *c->path, "the trial for its projections");
    if (!c->origin || (keeps && !c->path)) status = TAME_ERR_NOMEM;
  }
  status = tame_agree(net->comm, status);
  return status == TAME_OK ? tame_sums_create(&c->sums, net->comm, n + 1) : status;
}

static void release(tame_analysis *analysis)
{
  pca *c = (pca *)analysis;
  tame_sums_free(&c->sums);
  free(c->origin);
  free(c->path);
  free(c);
}

static void step(tame_analysis *analysis, const double *input, bool noise)
{
  pca *c = (pca *)analysis;
  tame_network *net = analysis->network;
  const int64_t n = net->p.neurons;
  const void *r = tame_network_all_rates(net);
  double *v = tame_sums_next(c->sums);
  (void)input, (void)noise;
  for (int64_t i = 0; i < n && c->taken == 0; i++) c->origin[i] = tame_real_at(net, r, i);
  for (int64_t i = 0; i < n; i++) v[i] = tame_real_at(net, r, i) - c->origin[i];
  v[n] = 1;
  if (c->path) memcpy(c->path + c->taken * n, v, (size_t)n * sizeof *v);
  tame_sums_add(c->sums);
  c->taken++;
}

/* ---- at the end, on rank 0 ---------------------------------------------------------------------- */

/* Eigenvalues, ascending, and vectors of a symmetric A, [n][n], whose upper triangle is given; it becomes its
 * vectors, one a row. */
static tame_status eigen(int64_t n, double *A, double *values)
{
  const int size = (int)n, whole = 3 + 5 * size;
  const int64_t numbers = 1 + 6 * n + 2 * n * n;
  double *work = tame_untouched(numbers, sizeof *work, "principal components");
  int *iwork = tame_untouched(whole, sizeof *iwork, "principal components"), info = 0;
  tame_status status = work && iwork ? TAME_OK : TAME_ERR_NOMEM;
  if (status == TAME_OK) {
    const int room = (int)numbers;
    tame_blas_alone();
    dsyevd_("V", "L", &size, A, &size, values, work, &room, iwork, &whole, &info);
    if (info)
      status = tame_fail(TAME_ERR_NUMERIC, "pca: LAPACK finds no eigenvectors (dsyevd: %d)", info);
  }
  free(work);
  free(iwork);
  return status;
}

/* M, [stride][stride], becomes the covariance, [n][n]: rows move up, none is read after it is written. */
static void covariance(int64_t n, int64_t stride, double *M, double *mean)
{
  const double count = M[n * stride + n];
  for (int64_t i = 0; i < n; i++) mean[i] = M[i * stride + n] / count;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i; j < n; j++) M[i * n + j] = M[i * stride + j] / count - mean[i] * mean[j];
}

/* Vector k by variance, its largest entry positive, which of two equal ones is the first. */
static void put_component(int64_t n, const double *vectors, int64_t k, double *out)
{
  const double *v = vectors + (n - 1 - k) * n;
  int64_t largest = 0;
  for (int64_t i = 1; i < n; i++)
    if (fabs(v[i]) > fabs(v[largest])) largest = i;
  const double sign = v[largest] < 0 ? -1 : 1;
  for (int64_t i = 0; i < n; i++) out[i] = sign * v[i];
}

/* Dimensions that the variances, descending, fill. */
static void count_dimensions(int64_t n, const double *variance, double *participation,
                             double *components)
{
  double sum = 0, squares = 0, so_far = 0;
  int64_t k = 0;
  for (int64_t i = 0; i < n; i++) {
    sum += variance[i];
    squares += variance[i] * variance[i];
  }
  while (k < n && so_far < 0.95 * sum) so_far += variance[k++];
  *participation = squares > 0 ? sum * sum / squares : 0;
  *components = (double)k;
}

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

static tame_status solve(const pca *c, double *M)
{
  const int64_t n = c->head.network->p.neurons, stride = tame_sums_stride(n + 1);
  double *const *values = c->head.values, *const variance = values[VARIANCE],
                *const mean = values[MEAN];
  covariance(n, stride, M, mean);
  const tame_status status = eigen(n, M, variance);
  if (status != TAME_OK) return status;
  for (int64_t i = 0; i < n / 2; i++) {
    const double other = variance[n - 1 - i];
    variance[n - 1 - i] = variance[i];
    variance[i] = other;
  }
  for (int64_t i = 0; i < n; i++)
    variance[i] = fmax(variance[i], 0); /* below it only by rounding */
  for (int64_t k = 0; k < c->params->components; k++)
    put_component(n, M, k, values[COMPONENTS] + k * n);
  count_dimensions(n, variance, values[PARTICIPATION], values[COUNT_95]);
  if (c->path) project(c, n, mean, values[COMPONENTS], values[PROJECTIONS]);
  for (int64_t i = 0; i < n; i++) mean[i] += c->origin[i];
  return TAME_OK;
}

static tame_status end(tame_analysis *analysis)
{
  pca *c = (pca *)analysis;
  const tame_network *net = analysis->network;
  const int64_t stride = tame_sums_stride(net->p.neurons + 1);
  double *M = net->rank == 0 ? tame_untouched(stride * stride, sizeof *M, "principal components")
                             : NULL;
  tame_status status = tame_agree(net->comm, net->rank > 0 || M ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) tame_sums_gather(c->sums, M);
  if (status == TAME_OK && net->rank == 0) status = solve(c, M);
  free(M);
  return status;
}

static void state(tame_analysis *analysis, tame_state *state)
{
  pca *c = (pca *)analysis;
  const int64_t n = analysis->network->p.neurons, all = c->steps * n;
  const bool copy = analysis->network->rank > 0;
  const tame_piece origin = {"pca.origin", TAME_TYPE_F64, n, 0, n, c->origin, copy, 0};
  const tame_piece taken = {"pca.taken", TAME_TYPE_I64, 1, 0, 1, &c->taken, copy, 0};
  const tame_piece path = {"pca.path", TAME_TYPE_F64, all, 0, copy ? 0 : all, c->path, false, 0};
  tame_sums_state(c->sums, "pca", state);
  tame_state_add(state, &origin);
  tame_state_add(state, &taken);
  if (c->params->projections) tame_state_add(state, &path);
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
