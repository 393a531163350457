/* Batch readouts: each update adds a sample v, of rates, a 1 and targets, to sums or to a triangle; at the end of a
 * trial W_out is solved for. Samples wait until there are TAME_DEPTH of their fold. Stages of a solution: what waits
 * is added; with several alphas each fold is left out in turn, and its errors choose an alpha for each output; then
 * all samples are fitted. */
#include "learn/batch.h"

#include "base/memory.h"
#include "linalg/qr.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what it is ------------------------------------------------------------------------------------ */

static bool by_qr(const tame_batch_params *p)
{
  return p->solver == TAME_SOLVER_QR;
}

static int64_t folds_of(const tame_batch_params *p)
{
  return p->alpha.count > 1 ? p->folds : 1;
}

static int64_t stride_of(const tame_batch_params *p, int64_t length)
{
  return by_qr(p) ? length : tame_gram_stride(length);
}

int tame_batch_ranks(const void *params)
{
  const int edge = ((const tame_batch_params *)params)->solvers + 1;
  return edge * edge;
}

/* Numbers on a rank, while it solves, of the normal equations. */
static double gram_numbers(const tame_batch_params *p, int64_t features, int64_t outputs, int rank)
{
  const int solvers = tame_batch_ranks(p);
  const double share = tame_spread_bytes(features, features, solvers) / sizeof(double);
  const double columns = (double)(p->alpha.count * outputs) * (double)features;
  return (rank < solvers ? (p->alpha.count > 1 ? 4 : 1.25) * share : 0) + 6 * columns;
}

static double qr_numbers(const tame_batch_params *p, int64_t m, int64_t outputs, int rank)
{
  const double columns = (double)(p->alpha.count * outputs) * (double)m;
  return rank > 0 ? columns
                  : 2 * (double)m * (double)m + 2 * columns +
                        tame_qr_ridge_need(m - outputs, outputs, p->alpha.count);
}

double tame_batch_bytes(const void *params, const tame_network_params *network, int rank, int ranks,
                        double *saved)
{
  const tame_batch_params *p = params;
  const int64_t n = network->neurons, outputs = network->outputs, length = n + 1 + outputs,
                folds = folds_of(p), stride = stride_of(p, length);
  const double waiting = (double)(folds * TAME_DEPTH) * (double)stride * sizeof(double);
  double sums, solving;
  if (by_qr(p)) {
    const double each = tame_triangles_bytes(length, folds, TAME_DEPTH);
    sums = rank < tame_batch_ranks(p) ? each : 0;
    solving = qr_numbers(p, length, outputs, rank) * sizeof(double);
    *saved = tame_batch_ranks(p) * (double)folds * (double)length * (double)length * sizeof(double);
  } else {
    const double rows = tame_gram_bytes(length, 1, ranks);
    sums = (double)folds * rows;
    solving = rows + gram_numbers(p, n + 1, outputs, rank) * sizeof(double);
    *saved = (double)folds * (double)stride * (double)stride * sizeof(double);
  }
  *saved += waiting;
  return sums + waiting + solving + (double)(n * outputs) * sizeof(double);
}

tame_status tame_batch_check(const void *params, int64_t updates, const char **key)
{
  const tame_batch_params *p = params;
  const long long folds = p->folds, length = p->fold_length, all = updates;
  *key = "alpha";
  if (p->alpha.count == 0) return tame_fail(TAME_ERR_INPUT, "the list is empty, want numbers");
  for (int64_t k = 0; k < p->alpha.count; k++)
    for (int64_t j = 0; j < k; j++)
      if (p->alpha.at[j] == p->alpha.at[k])
        return tame_fail(TAME_ERR_INPUT, "%g is given twice", p->alpha.at[k]);
  *key = p->folds != 5 ? "folds" : "fold_length";
  if (p->alpha.count == 1 && (p->folds != 5 || p->fold_length != 20))
    return tame_fail(TAME_ERR_INPUT, "there is but one alpha, and nothing to choose by folds");
  *key = "folds";
  if (p->alpha.count > 1 && updates <= (folds - 1) * length)
    return tame_fail(
        TAME_ERR_INPUT,
        "%lld folds of %lld updates in a row, but the first trial has %lld: %lld folds "
        "stay empty; want fewer, or a smaller fold_length",
        folds, length, all, folds - (all + length - 1) / length);
  return TAME_OK;
}

/* ---- life ------------------------------------------------------------------------------------------ */

/* Places of the alphas from the largest down. */
static void sort_alphas(tame_batch_learner *b)
{
  const double *alpha = b->params->alpha.at;
  for (int64_t k = 0; k < b->alphas; k++) {
    int64_t at = k;
    for (; at > 0 && alpha[b->order[at - 1]] < alpha[k]; at--) b->order[at] = b->order[at - 1];
    b->order[at] = k;
  }
}

static tame_status make_figures(tame_batch_learner *b)
{
  tame_figure figures[TAME_FIGURES];
  const int count = tame_batch_figures(b->params, b->rule->sparse, b->outputs, figures);
  for (int k = 0; k < count; k++) {
    const tame_figure *f = &figures[k];
    double **at = &b->figures[f->id];
    const int64_t size = (f->axes > 0 ? f->shape[0] : 1) * (f->axes > 1 ? f->shape[1] : 1);
    *at = tame_zeroed(size, sizeof **at, "figures of the readout");
    if (!*at) return TAME_ERR_NOMEM;
  }
  return TAME_OK;
}

static tame_status allocate(tame_batch_learner *b, const tame_network *net)
{
  const int64_t weights = b->outputs * b->n;
  b->samples = tame_zeroed(b->folds * TAME_DEPTH * b->stride, sizeof *b->samples,
                           "the sums of the readout");
  b->waiting = tame_zeroed(b->folds, sizeof *b->waiting, "the sums of the readout");
  b->blocks = tame_zeroed(b->folds, sizeof *b->blocks, "the sums of the readout");
  b->order = tame_zeroed(b->alphas, sizeof *b->order, "the sums of the readout");
  b->chosen = tame_zeroed(b->outputs, sizeof *b->chosen, "the sums of the readout");
  b->before = tame_untouched(weights, sizeof *b->before, "weights before");
  if (!b->samples || !b->waiting || !b->blocks || !b->order || !b->chosen || !b->before)
    return TAME_ERR_NOMEM;
  for (int64_t k = 0; k < weights; k++) b->before[k] = tame_real_at(net, net->w_out, k);
  sort_alphas(b);
  const tame_status status = make_figures(b);
  if (status != TAME_OK) return status;
  if (by_qr(b->params))
    return tame_triangles_create(&b->triangles, net->comm, b->length, b->folds,
                                 tame_batch_ranks(b->params), TAME_DEPTH);
  return tame_gram_create(&b->gram, net->comm, b->length, b->folds);
}

tame_status tame_batch_create(tame_learner **learner, const void *params, tame_network *net,
                              const tame_batch_rule *rule)
{
  const int ranks = tame_batch_ranks(params);
  tame_batch_learner *b = tame_zeroed(1, sizeof *b, "a learner");
  if (!b) return TAME_ERR_NOMEM;
  *learner = &b->head;
  b->params = params;
  b->rule = rule;
  b->n = net->p.neurons;
  b->outputs = net->p.outputs;
  b->alphas = b->params->alpha.count;
  b->folds = folds_of(params);
  b->length = b->n + 1 + b->outputs;
  b->stride = stride_of(params, b->length);
  if (net->partition.size < ranks)
    return tame_fail(TAME_ERR_INPUT, "solvers: %d ranks are to solve together, and there %s %d",
                     ranks, net->partition.size == 1 ? "is" : "are", net->partition.size);
  return allocate(b, net);
}

void tame_batch_free(tame_learner *learner)
{
  tame_batch_learner *b = (tame_batch_learner *)learner;
  tame_gram_free(&b->gram);
  tame_triangles_free(&b->triangles);
  for (int k = 0; k < TAME_BATCH_FIGURES; k++) free(b->figures[k]);
  free(b->samples);
  free(b->waiting);
  free(b->blocks);
  free(b->order);
  free(b->chosen);
  free(b->before);
  free(b);
}

/* ---- sums ------------------------------------------------------------------------------------------- */

/* What waits of a fold, into its sums; the places of samples that are not there hold zeros. */
static void add_samples(tame_batch_learner *b, int64_t fold)
{
  double *samples = b->samples + fold * TAME_DEPTH * b->stride;
  if (by_qr(b->params))
    tame_triangles_add(&b->triangles, fold, b->blocks[fold], b->waiting[fold], samples, b->stride);
  else tame_gram_add(&b->gram, fold, samples);
  memset(samples, 0, (size_t)(TAME_DEPTH * b->stride) * sizeof *samples);
  b->waiting[fold] = 0;
  b->blocks[fold]++;
}

void tame_batch_update(tame_learner *learner, const double *error)
{
  tame_batch_learner *b = (tame_batch_learner *)learner;
  tame_network *net = b->head.network;
  const int64_t n = b->n, fold = b->seen / b->params->fold_length % b->folds;
  const bool ones_first = by_qr(b->params); /* so that R has centred data in it */
  const void *r = tame_network_all_rates(net);
  double *v = b->samples + (fold * TAME_DEPTH + b->waiting[fold]) * b->stride;
  v[ones_first ? 0 : n] = b->params->intercept != TAME_INTERCEPT_OFF;
  for (int64_t i = 0; i < n; i++) v[ones_first + i] = tame_real_at(net, r, i);
  for (int64_t o = 0; o < b->outputs; o++) /* f = z - e */
    v[n + 1 + o] = net->kernels->dot((size_t)n, tame_real_from(net, net->w_out, o * n), r) +
                   net->b_out[o] - error[o];
  b->seen++;
  if (++b->waiting[fold] == TAME_DEPTH) add_samples(b, fold);
}

int64_t tame_batch_count(const tame_batch_learner *b, int64_t only, int64_t without)
{
  const int64_t length = b->params->fold_length, turn = length * b->folds;
  int64_t count = 0;
  for (int64_t k = 0; k < b->folds; k++) {
    if (only >= 0 ? k != only : k == without) continue;
    const int64_t rest = b->seen % turn - k * length;
    count += b->seen / turn * length + (rest < 0 ? 0 : rest < length ? rest : length);
  }
  return count;
}

/* ---- for the rules ----------------------------------------------------------------------------------- */

tame_status tame_batch_equations(const tame_batch_learner *b, int64_t only, int64_t without,
                                 tame_equations *e)
{
  const int64_t ones = b->params->intercept == TAME_INTERCEPT_ON ? b->n : -1;
  const tame_status status = tame_gram_equations(&b->gram, b->grid, only, without, ones,
                                                 tame_batch_features(b), b->outputs, e);
  e->samples = (double)tame_batch_count(b, only, without);
  return status;
}

void tame_batch_put(const tame_batch_learner *b, const tame_equations *e, int64_t a, int64_t o,
                    const double *w, double *W)
{
  double *to = W + (a * b->outputs + o) * (b->n + 1), *const bias = to + b->n;
  *bias = 0;
  memcpy(to, w, (size_t)e->features * sizeof *w);
  if (b->params->intercept != TAME_INTERCEPT_ON) return;
  *bias = e->means[b->n + 1 + o];
  for (int64_t i = 0; i < b->n; i++) *bias -= w[i] * e->means[i];
}

/* ---- cross-validation -------------------------------------------------------------------------------- */

/* Sums of squared errors in a fold by its triangle: [alphas][outputs], on rank 0. Collective. */
static tame_status errors_by_triangle(tame_batch_learner *b, int64_t fold, const double *W,
                                      double *sums)
{
  const int64_t m = b->length, room = b->head.network->rank == 0 ? m * (2 * m + 1) : 0;
  double *R = tame_untouched(room, sizeof *R, "cross-validation");
  const tame_status status = tame_agree(b->head.network->comm, R ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) tame_triangles_merge(&b->triangles, fold, -1, R, R + m * m);
  for (int64_t k = 0; status == TAME_OK && room > 0 && k < b->alphas * b->outputs; k++) {
    const double *w = W + k * (b->n + 1);
    double *const u = R + 2 * m * m;
    memset(u, 0, (size_t)m * sizeof *u);
    u[0] = w[b->n];
    memcpy(u + 1, w, (size_t)b->n * sizeof *u);
    u[b->n + 1 + k % b->outputs] = -1;
    sums[k] = tame_qr_square(m, R, u);
  }
  free(R);
  return status;
}

static tame_status errors_by_equations(tame_batch_learner *b, int64_t fold, const double *W,
                                       double *sums)
{
  tame_equations e;
  tame_status status = tame_batch_equations(b, fold, -1, &e);
  if (status == TAME_OK)
    status = tame_equations_errors(&e, b->alphas, W, b->n + 1,
                                   b->params->intercept == TAME_INTERCEPT_ON, sums);
  tame_equations_free(&e);
  return status;
}

/* The alpha of least error for each output, of equal ones the largest. Rank 0. */
static void choose(tame_batch_learner *b, const double *errors)
{
  double *told = b->figures[TAME_BATCH_CV_ERROR];
  for (int64_t o = 0; o < b->outputs; o++) {
    b->chosen[o] = 0;
    for (int64_t a = 0; a < b->alphas; a++)
      told[o * b->alphas + a] = errors[a * b->outputs + o] / (double)b->seen;
    for (int64_t k = 1; k < b->alphas; k++)
      if (told[o * b->alphas + b->order[k]] < told[o * b->alphas + b->order[b->chosen[o]]])
        b->chosen[o] = k;
  }
}

static tame_status check_folds(const tame_batch_learner *b)
{
  int64_t filled = 0;
  for (int64_t k = 0; k < b->folds; k++) filled += tame_batch_count(b, k, -1) > 0;
  if (filled == b->folds) return TAME_OK;
  return tame_fail(TAME_ERR_NUMERIC,
                   "cross-validation: %lld samples fill %lld of %lld folds, %lld in a row; fewer "
                   "folds or a smaller fold_length may help",
                   (long long)b->seen, (long long)filled, (long long)b->folds,
                   (long long)b->params->fold_length);
}

/* W: [alphas][outputs][n + 1] on rank 0, to work with. Collective. */
static tame_status cross_validate(tame_batch_learner *b, double *W)
{
  const tame_network *net = b->head.network;
  const int64_t count = b->alphas * b->outputs;
  double *errors = tame_zeroed(2 * count, sizeof *errors, "cross-validation");
  tame_status status = check_folds(b);
  if (status == TAME_OK && !errors) status = TAME_ERR_NOMEM;
  status = tame_agree(net->comm, status);
  for (int64_t k = 0; status == TAME_OK && k < b->folds; k++) {
    status = b->rule->fit(b, k, NULL, W);
    if (status == TAME_OK)
      status = by_qr(b->params) ? errors_by_triangle(b, k, W, errors + count)
                                : errors_by_equations(b, k, W, errors + count);
    for (int64_t j = 0; status == TAME_OK && j < count; j++) errors[j] += errors[count + j];
  }
  if (status == TAME_OK && net->rank == 0) choose(b, errors);
  if (status == TAME_OK) MPI_Bcast(b->chosen, (int)b->outputs, MPI_INT64_T, 0, net->comm);
  free(errors);
  return status;
}

/* ---- solving ------------------------------------------------------------------------------------------ */

/* W of the chosen alphas in the first places, [outputs][n + 1], on every rank. Collective. */
static void share_weights(tame_batch_learner *b, double *W)
{
  const int64_t each = b->n + 1;
  const tame_network *net = b->head.network;
  double *told = b->figures[TAME_BATCH_ALPHA];
  if (net->rank == 0 && b->alphas > 1) {
    double *const picked = W + b->alphas * b->outputs * each;
    for (int64_t o = 0; o < b->outputs; o++)
      memcpy(picked + o * each, W + (b->order[b->chosen[o]] * b->outputs + o) * each,
             (size_t)each * sizeof *W);
    memcpy(W, picked, (size_t)(b->outputs * each) * sizeof *W);
  }
  for (int64_t o = 0; o < b->outputs; o++) {
    told[o] = b->params->alpha.at[b->order[b->chosen[o]]];
    MPI_Bcast(W + o * each, (int)each, MPI_DOUBLE, 0, net->comm);
  }
}

/* Into the network; returns |change|. */
static double put_weights(tame_batch_learner *b, const double *W)
{
  tame_network *net = b->head.network;
  double squares = 0;
  for (int64_t o = 0; o < b->outputs; o++) {
    for (int64_t i = 0; i < b->n; i++) {
      const double w = W[o * (b->n + 1) + i];
      double *const before = &b->before[o * b->n + i];
      squares += (w - *before) * (w - *before);
      *before = w;
      tame_real_put(net, net->w_out, o * b->n + i, w);
    }
    net->b_out[o] = W[o * (b->n + 1) + b->n];
  }
  return sqrt(squares);
}

tame_status tame_batch_health(tame_learner *learner, tame_health *health)
{
  tame_batch_learner *b = (tame_batch_learner *)learner;
  tame_network *net = b->head.network;
  const int64_t sets = net->rank == 0 && b->alphas > 1 ? b->alphas + 1 : 1;
  double *W = tame_zeroed(sets * b->outputs * (b->n + 1), sizeof *W, "solving the readout");
  *health = (tame_health){.p_min = NAN, .p_max = NAN};
  tame_status status = tame_agree(net->comm, W ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) {
    tame_grid grid;
    b->warning[0] = '\0';
    for (int64_t k = 0; k < b->folds; k++)
      if (b->waiting[k]) add_samples(b, k);
    tame_grid_create(&grid, net->comm, by_qr(b->params) ? 1 : tame_batch_ranks(b->params));
    b->grid = &grid;
    if (b->folds > 1) status = cross_validate(b, W);
    if (status == TAME_OK) status = b->rule->fit(b, -1, b->chosen, W);
    if (status == TAME_OK) share_weights(b, W);
    if (status == TAME_OK) health->dw = put_weights(b, W);
    b->grid = NULL;
    tame_grid_free(&grid);
  }
  free(W);
  return status;
}

/* ---- figures and state -------------------------------------------------------------------------------- */

int tame_batch_figures(const void *params, bool sparse, int64_t outputs, tame_figure *figures)
{
  const int64_t alphas = ((const tame_batch_params *)params)->alpha.count;
  const bool path = alphas > 1;
  const tame_figure all[] = {
      {TAME_BATCH_ALPHA, "alpha", "1", 1, {outputs, 0}},
      {TAME_BATCH_CV_ERROR, "cv_error", "1", path ? 2 : -1, {outputs, alphas}},
      {TAME_BATCH_RANK, "effective_rank", "1", path && !sparse ? 0 : -1, {0, 0}},
      {TAME_BATCH_NONZERO, "nonzero", "1", sparse ? 1 : -1, {outputs, 0}},
      {TAME_BATCH_GAP, "gap", "1", sparse ? 1 : -1, {outputs, 0}},
      {TAME_BATCH_GAP_WANTED, "gap_wanted", "1", sparse ? 1 : -1, {outputs, 0}},
      {TAME_BATCH_SWEEPS, "sweeps", "1", sparse ? 1 : -1, {outputs, 0}},
  };
  int count = 0;
  for (size_t k = 0; k < sizeof all / sizeof *all; k++)
    if (all[k].axes >= 0) figures[count++] = all[k];
  return count;
}

const double *tame_batch_figure_of(const tame_learner *learner, int id)
{
  return ((const tame_batch_learner *)learner)->figures[id];
}

const char *tame_batch_warning(const tame_learner *learner)
{
  const char *text = ((const tame_batch_learner *)learner)->warning;
  return *text ? text : NULL;
}

void tame_batch_state(tame_learner *learner, tame_state *state)
{
  tame_batch_learner *b = (tame_batch_learner *)learner;
  const int64_t all = b->folds * TAME_DEPTH * b->stride, weights = b->outputs * b->n;
  const bool copy = b->head.network->rank > 0;
  const tame_piece pieces[] = {
      {"batch.samples", TAME_TYPE_F64, all, 0, all, b->samples, copy, 0},
      {"batch.seen", TAME_TYPE_I64, 1, 0, 1, &b->seen, copy, 0},
      {"batch.waiting", TAME_TYPE_I64, b->folds, 0, b->folds, b->waiting, copy, 0},
      {"batch.blocks", TAME_TYPE_I64, b->folds, 0, b->folds, b->blocks, copy, 0},
      {"batch.before", TAME_TYPE_F64, weights, 0, weights, b->before, copy, 0},
  };
  if (by_qr(b->params)) tame_triangles_state(&b->triangles, state);
  else tame_gram_state(&b->gram, "batch.M", state);
  for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) tame_state_add(state, &pieces[k]);
}
