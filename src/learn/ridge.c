/* Rule `ridge`: readouts by least squares with a penalty on their size. */
#include "base/memory.h"
#include "learn/batch.h"
#include "linalg/qr.h"
#include "linalg/regress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct ridge_params {
  tame_batch_params batch;
} ridge_params;

static const char *const intercepts[] = {"on", "off", "penalized", NULL};
static const char *const solver_names[] = {"gram", "qr", NULL};
static const char *const solver_counts[] = {"1", "4", "9", "16", "25", NULL};

#define AT(member) .offset = offsetof(ridge_params, batch.member)
static const tame_field fields[] = {
    {"alpha", TAME_REALS, AT(alpha), .fallback = "1e-6", .max = 1e300,
     .doc = "penalty: |y - X w|^2 + alpha |w|^2, a sum over the updates; of several, "
            "cross-validation chooses"},
    {"intercept", TAME_CHOICE, AT(intercept), .fallback = "on", .choices = intercepts,
     .doc = "z = W_out r + b: b without penalty, none, or with the penalty of all weights"},
    {"solver", TAME_CHOICE, AT(solver), .fallback = "gram", .choices = solver_names,
     .doc = "from X'X, or by QR of X, slower, where X'X loses too many digits"},
    {"solvers", TAME_CHOICE, AT(solvers), .fallback = "1", .choices = solver_counts,
     .doc =
         "ranks that solve together, for large networks; of the experiment, as bits depend on it"},
    TAME_BATCH_FIELDS(ridge_params),
    {0}};
#undef AT

/* ---- from sums --------------------------------------------------------------------------------------- */

/* Why it cannot be solved: H, which is gone, anew. Collective. */
static tame_status explain(const tame_batch_learner *b, int64_t without)
{
  char why[256], constant[64] = "";
  int64_t rank;
  tame_equations e;
  snprintf(why, sizeof why, "%s", tame_message());
  tame_status status = tame_batch_equations(b, -1, without, &e);
  if (status == TAME_OK) status = tame_ridge_rank(&e.H, &rank);
  if (status == TAME_OK && e.constant > 0)
    snprintf(constant, sizeof constant, ", %lld features do not vary", (long long)e.constant);
  if (status == TAME_OK)
    status =
        tame_fail(TAME_ERR_NUMERIC,
                  "%s: effective rank of X'X %lld of %lld, from %.0f samples%s; a larger alpha, "
                  "more samples, or `solver: qr` may help",
                  why, (long long)rank, (long long)e.features, e.samples, constant);
  tame_equations_free(&e);
  return status;
}

static tame_status fit_sums(tame_batch_learner *b, int64_t without, const int64_t *last, double *W)
{
  const tame_network *net = b->head.network;
  const int64_t p = tame_batch_features(b), columns = b->alphas * b->outputs;
  double *const rank = last ? b->figures[TAME_BATCH_RANK] : NULL;
  double *w = tame_untouched(net->rank == 0 ? p * columns : 0, sizeof *w, "solving the readout");
  tame_equations e;
  tame_status status = tame_batch_equations(b, -1, without, &e);
  if (status == TAME_OK) status = tame_agree(net->comm, w ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK)
    status = tame_ridge_solve(&e.H, b->outputs, e.q, b->alphas, b->params->alpha.at, w, rank);
  for (int64_t k = 0; status == TAME_OK && net->rank == 0 && k < columns; k++)
    tame_batch_put(b, &e, k / b->outputs, k % b->outputs, w + k * p, W);
  tame_equations_free(&e);
  free(w);
  return status == TAME_ERR_NUMERIC ? explain(b, without) : status;
}

/* ---- from a triangle ----------------------------------------------------------------------------------- */

/* Features of a triangle, the 1 before the rates where it is one of them, to places of W. */
static void place(const tame_batch_learner *b, const double *R, int64_t o, const double *w,
                  double *to)
{
  const int64_t m = b->length, y = b->n + 1 + o;
  const int intercept = b->params->intercept;
  const bool penalized = intercept == TAME_INTERCEPT_PENALIZED;
  double bias = penalized ? w[0] : 0;
  memcpy(to, w + penalized, (size_t)b->n * sizeof *w);
  if (intercept == TAME_INTERCEPT_ON) { /* R[0][0] b + sum of R[0][j] w[j] = R[0][y] */
    bias = R[y * m];
    for (int64_t j = 0; j < b->n; j++) bias -= R[(j + 1) * m] * w[j];
    bias /= R[0];
  }
  to[b->n] = bias;
}

/* Rank 0 does it. R: [m][m]. */
static tame_status solve_triangle(const tame_batch_learner *b, const double *R, double *rank,
                                  double *W)
{
  const int64_t p = tame_batch_features(b), m = b->length, columns = b->alphas * b->outputs,
                first = b->params->intercept == TAME_INTERCEPT_PENALIZED ? 0 : 1;
  double *w = tame_untouched(p * columns, sizeof *w, "solving the readout");
  if (!w) return TAME_ERR_NOMEM;
  const tame_status status = tame_qr_ridge(p, b->outputs, R + first * (m + 1), m, b->alphas,
                                           b->params->alpha.at, w, rank);
  for (int64_t k = 0; status == TAME_OK && k < columns; k++)
    place(b, R, k % b->outputs, w + k * p, W + k * (b->n + 1));
  free(w);
  return status;
}

static tame_status fit_triangle(tame_batch_learner *b, int64_t without, const int64_t *last,
                                double *W)
{
  const tame_network *net = b->head.network;
  const int64_t m = b->length, room = net->rank == 0 ? 2 * m * m : 0;
  double *R = tame_untouched(room, sizeof *R, "solving the readout"), rank = NAN;
  tame_status status = tame_agree(net->comm, R ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) {
    tame_triangles_merge(&b->triangles, -1, without, R, R + m * m);
    status = tame_agree(net->comm, net->rank == 0 ? solve_triangle(b, R, &rank, W) : TAME_OK);
  }
  if (status == TAME_OK && net->rank == 0 && last && b->figures[TAME_BATCH_RANK])
    *b->figures[TAME_BATCH_RANK] = rank;
  free(R);
  return status;
}

static tame_status fit(tame_batch_learner *b, int64_t without, const int64_t *last, double *W)
{
  return b->params->solver == TAME_SOLVER_QR ? fit_triangle(b, without, last, W)
                                             : fit_sums(b, without, last, W);
}

static const tame_batch_rule rule = {.fit = fit};

static tame_status create(tame_learner **out, const void *params, tame_network *network)
{
  return tame_batch_create(out, params, network, &rule);
}

static int figures(const void *params, int64_t outputs, tame_figure *out)
{
  return tame_batch_figures(params, false, outputs, out);
}

static const tame_rule_part readout = TAME_BATCH_PART(create, figures);

extern const tame_rule tame_rule_ridge;
const tame_rule tame_rule_ridge = {
    .head = {.name = "ridge",
             .doc =
                 "readouts only, at the end of each trial: W_out = Y X' (X X' + alpha I)^-1 over "
                 "all updates",
             .params = {.size = sizeof(ridge_params), .fields = fields}},
    .readout = &readout,
};
