/* Optimizer `hessian_free`: steps p that make least the model
 *   phi(p) = g'p + 1/2 p'(G + lambda) p,
 * G Gauss and Newton's matrix on a part of the batch, by conjugate gradients; then back along their points to the one
 * of least loss, and a line search. lambda follows the ratio of the loss's fall to phi's (Levenberg, Marquardt); structural
 * damping adds lambda mu |change of the outputs of hidden layers|^2 / 2. Martens (2010), ICML; Martens & Sutskever (2011),
 * ICML; the rules and their constants are those of hfopt-matlab. */
#include "gradient/cg.h"
#include "gradient/tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct hf_params {
  double lambda, lambda_most, structural, tolerance, decay, flat, still;
  int64_t fewest, most, curvature;
  int preconditioner;
} hf_params;

static const char *const preconditioners[] = {"none", "gradient", NULL};

#define AT(member) .offset = offsetof(hf_params, member)
static const tame_field fields[] = {
    {"lambda", TAME_REAL, AT(lambda), .fallback = "1", .min = 1e-300, .max = 1e300,
     .doc = "damping at the start"},
    {"lambda_most", TAME_REAL, AT(lambda_most), .fallback = "1e10", .min = 1e-300, .max = 1e300,
     .doc = "above which it has failed: the phase ends"},
    {"structural", TAME_REAL, AT(structural), .fallback = "0", .min = 0, .max = 1e6,
     .doc = "mu: lambda mu weighs changes of the outputs of hidden layers"},
    {"cg_fewest", TAME_INT, AT(fewest), .fallback = "20", .min = 1, .max = 10000,
     .doc = "iterations of conjugate gradients, at least"},
    {"cg_most", TAME_INT, AT(most), .fallback = "300", .min = 1, .max = 10000, .doc = "at most"},
    {"cg_tolerance", TAME_REAL, AT(tolerance), .fallback = "5e-4", .min = 0, .max = 1,
     .doc = "they stop where the model falls by less than this share an iteration; 0: they do not"},
    {"decay", TAME_REAL, AT(decay), .fallback = "0.95", .min = 0, .max = 1,
     .doc = "share of the last solution that the next one starts from"},
    {"curvature", TAME_INT, AT(curvature), .fallback = "0", .max = 1e9,
     .doc = "samples of the batch that G is of; 0: all"},
    {"preconditioner", TAME_CHOICE, AT(preconditioner), .fallback = "none",
     .choices = preconditioners, .doc = "gradient: (g^2 + lambda)^0.75"},
    {"flat", TAME_REAL, AT(flat), .fallback = "0", .min = 0, .max = 1e300,
     .doc = "norm of the gradient at which the phase ends"},
    {"still", TAME_REAL, AT(still), .fallback = "0", .min = 0, .max = 1e300,
     .doc = "fall of the loss in an update below which the phase ends"},
    {0}};
#undef AT

static tame_status check(const void *params)
{
  const hf_params *p = params;
  if (p->lambda > p->lambda_most)
    return tame_fail(TAME_ERR_INPUT, "hessian_free.lambda: found %g, want at most lambda_most = %g",
                     p->lambda, p->lambda_most);
  if (p->fewest > p->most)
    return tame_fail(TAME_ERR_INPUT,
                     "hessian_free.cg_fewest: found %lld, want at most cg_most = %lld",
                     (long long)p->fewest, (long long)p->most);
  return TAME_OK;
}

/* What is kept: the last solution; lambda, most iterations of the next update. */
enum { LAMBDA, MOST, SCALARS };

static void keeps(const void *params, int64_t *slots, int64_t *scalars)
{
  (void)params;
  *slots = 1;
  *scalars = SCALARS;
}

/* What an update that was left goes on with comes first: numbers of its own (its round; iterations of earlier rounds;
 * losses so far, and in earlier rounds); then of its conjugate gradients their progress, phi, and p, r, d, points. */
enum { UNDER_WAY, ROUND, SPENT, LOSSES, BEFORE, NUMBERS };

static int64_t under_way(const void *params, int64_t count)
{
  const int64_t most = ((const hf_params *)params)->most;
  return NUMBERS + TAME_CG_PROGRESS + most + 1 + (3 + tame_cg_points(most)) * count;
}

static int64_t work(const void *params, int64_t count)
{
  return under_way(params, count) + 6 * count;
}

static int64_t curvature(const void *params)
{
  return ((const hf_params *)params)->curvature;
}

/* Iterations at one and a half gradients each, of part of the batch; a few points and lines at a third; the fewest, as most
 * updates do not take many more. */
static double gradients(const void *params, int64_t batch)
{
  const hf_params *p = params;
  const double share = p->curvature > 0 && p->curvature < batch
                           ? (double)p->curvature / (double)batch
                           : 1;
  return 1 + 1.5 * share * (double)(p->fewest + 1) + 10 / 3.;
}

/* One update at work. */
typedef struct hf {
  const hf_params *p;
  const tame_search *s;
  double lambda;
  double *numbers; /* [NUMBERS] */
  double *g, *b, *inverse, *trial;
  tame_cg cg;
} hf;

/* (G + lambda) v. */
static tame_status damped(void *context, const double *v, double *out)
{
  const hf *h = context;
  const tame_problem *problem = h->s->problem;
  const tame_status status = problem->product(problem->context, h->s->theta,
                                              h->lambda * h->p->structural, v, out);
  if (status == TAME_OK) tame_cg_add(problem->count, h->lambda, v, out);
  return status;
}

/* The loss at theta + c p; infinite where it is not finite. */
static tame_status loss_at(hf *h, double c, const double *p, double *value)
{
  const tame_problem *problem = h->s->problem;
  const int64_t n = problem->count;
  h->numbers[LOSSES]++;
  memcpy(h->trial, h->s->theta, (size_t)n * sizeof *h->trial);
  tame_cg_add(n, c, p, h->trial);
  const tame_status status = problem->loss(problem->context, h->trial, value);
  if (status == TAME_ERR_NUMERIC || (status == TAME_OK && !isfinite(*value))) {
    *value = INFINITY;
    return TAME_OK;
  }
  return status;
}

static void prepare(hf *h)
{
  const tame_search *s = h->s;
  const int64_t n = s->problem->count;
  double *at = s->work;
  h->lambda = s->scalars[LAMBDA] == 0 ? h->p->lambda : s->scalars[LAMBDA];
  h->numbers = at, at += NUMBERS;
  h->cg = (tame_cg){.count = n, .product = damped, .context = h, .fewest = h->p->fewest};
  h->cg.progress = at, at += TAME_CG_PROGRESS;
  h->cg.phi = at, at += h->p->most + 1;
  h->cg.p = at, at += n;
  h->cg.r = at, at += n;
  h->cg.d = at, at += n;
  h->cg.points = at, at += tame_cg_points(h->p->most) * n;
  h->g = at, at += n;
  h->b = at, at += n;
  h->inverse = at, at += n;
  h->trial = at, at += n;
  h->cg.y = at, at += n;
  h->cg.q = at;
  h->cg.b = h->b;
  if (h->numbers[UNDER_WAY] != 0) return;
  for (int k = 0; k < NUMBERS; k++) h->numbers[k] = 0;
  memset(h->cg.progress, 0, TAME_CG_PROGRESS * sizeof *h->cg.progress);
  memcpy(h->cg.p, s->kept, (size_t)n * sizeof *h->cg.p);
}

static void make_system(hf *h)
{
  const int64_t n = h->s->problem->count;
  for (int64_t i = 0; i < n; i++) h->b[i] = -h->g[i];
  h->cg.inverse = h->p->preconditioner ? h->inverse : NULL;
  for (int64_t i = 0; h->p->preconditioner && i < n; i++)
    h->inverse[i] = pow(h->g[i] * h->g[i] + h->lambda, -0.75);
}

static const double *point(const hf *h, int64_t k)
{
  return h->cg.points + k * h->cg.count;
}

/* From the last point back, until the loss rises. *best: the point of least loss. */
static tame_status backtrack(hf *h, int64_t *best, double *loss)
{
  *best = h->cg.n_points - 1;
  tame_status status = loss_at(h, 1, point(h, *best), loss);
  for (int64_t k = *best - 1; status == TAME_OK && k >= 0; k--) {
    double value;
    status = loss_at(h, 1, point(h, k), &value);
    if (status != TAME_OK || value > *loss) break;
    *loss = value;
    *best = k;
  }
  return status;
}

/* Iterations, and how little they may bring, of a round; each is twice as long as the one before. */
static void make_round(hf *h)
{
  const double first = h->s->scalars[LAMBDA] == 0 ? (double)h->p->fewest : h->s->scalars[MOST];
  const double most = ldexp(first, (int)h->numbers[ROUND]);
  h->cg.most = most < (double)h->p->most ? (int64_t)most : h->p->most;
  h->cg.tolerance = ldexp(h->p->tolerance, -(int)h->numbers[ROUND]);
}

/* Conjugate gradients, and back along their points. Where the loss is above that before but falls still at the last
 * point, they go on from there. *best: the point of least loss. */
static tame_status solve(hf *h, double before, int64_t *best, double *after)
{
  for (;;) {
    make_round(h);
    h->numbers[UNDER_WAY] = 1;
    h->numbers[LOSSES] = h->numbers[BEFORE];
    tame_status status = tame_cg_solve(&h->cg);
    if (status != TAME_OK || h->cg.n_points == 0) return status;
    status = backtrack(h, best, after);
    if (status != TAME_OK || *after < before) return status;
    const bool falls = *best == h->cg.n_points - 1 && *best > 0 && isfinite(*after);
    if (!falls || h->cg.most == h->p->most) return TAME_OK;
    h->numbers[ROUND]++;
    h->numbers[SPENT] += (double)h->cg.iterations;
    h->numbers[BEFORE] = h->numbers[LOSSES];
    memset(h->cg.progress, 0, TAME_CG_PROGRESS * sizeof *h->cg.progress);
  }
}

/* Shorter steps along p while the loss falls by a hundredth at least. */
static tame_status search_line(hf *h, const double *p, double *c, double *loss)
{
  tame_status status = TAME_OK;
  double best = *loss, next = 0.98;
  bool goes_on = true;
  *c = 1;
  while (status == TAME_OK && goes_on && next > 0) {
    double value;
    status = loss_at(h, next, p, &value);
    if (status != TAME_OK || !(value < best)) break;
    goes_on = value < 0.99 * best;
    best = value;
    *c = next;
    next = 1 - 1.5 * (1 - next);
  }
  *loss = best;
  return status;
}

/* Damping for the next update, by how far the model is to be trusted. */
static void adapt(hf *h, double ratio)
{
  if (ratio > 0 && ratio < 0.25) h->lambda *= 1.5;
  if (ratio > 0.75) h->lambda /= 1.5;
}

static void succeed(hf *h, int64_t best, double c, double before, double after)
{
  const tame_search *s = h->s;
  const int64_t n = s->problem->count, at = h->cg.point_at[best];
  const double phi = h->cg.phi[at], ratio = (after - before) / phi;
  tame_cg_add(n, c, point(h, best), s->theta);
  for (int64_t i = 0; i < n; i++) s->kept[i] = h->p->decay * h->cg.p[i];
  const double most = fmax(ceil(1.3 * (double)at), (double)h->p->fewest);
  s->scalars[MOST] = fmin(most, (double)h->p->most);
  s->report->reduction = ratio;
  s->report->step = c;
  adapt(h, ratio);
}

static void fail(hf *h)
{
  const tame_search *s = h->s;
  memset(s->kept, 0, (size_t)s->problem->count * sizeof *s->kept);
  s->scalars[MOST] = (double)h->p->fewest;
  h->lambda *= 1.5;
}

/* What it took; a round begins with a product. */
static void tell_cost(const hf *h)
{
  tame_search_report *report = h->s->report;
  report->iterations = (int64_t)h->numbers[SPENT] + h->cg.iterations;
  report->losses = (int64_t)h->numbers[LOSSES];
  report->products = report->iterations + (int64_t)h->numbers[ROUND] + 1;
}

/* Is that all? Then why. */
static void conclude(hf *h, double fall)
{
  tame_search_report *report = h->s->report;
  report->ended = true;
  if (h->lambda > h->p->lambda_most)
    snprintf(report->why, sizeof report->why, "lambda is %.3g, above lambda_most = %g", h->lambda,
             h->p->lambda_most);
  else if (report->norm <= h->p->flat)
    snprintf(report->why, sizeof report->why, "the gradient's norm is %.3g", report->norm);
  else if (report->step > 0 && fall < h->p->still)
    snprintf(report->why, sizeof report->why, "the loss fell by %.3g", fall);
  else report->ended = false;
}

static tame_status search(const void *params, const tame_search *s)
{
  hf h = {.p = params, .s = s};
  const tame_problem *problem = s->problem;
  double before, after, c = 1;
  int64_t best = 0;
  prepare(&h);
  *s->report = (tame_search_report){.lambda = h.lambda};
  tame_status status = problem->gradient(problem->context, s->theta, &before, h.g);
  if (status != TAME_OK) return status;
  s->report->gradients = 1;
  s->report->loss = after = before;
  s->report->norm = sqrt(tame_cg_dot(problem->count, h.g, h.g));
  if (s->report->norm > h.p->flat) {
    make_system(&h);
    status = solve(&h, before, &best, &after);
    if (status == TAME_OK && after < before) status = search_line(&h, point(&h, best), &c, &after);
    if (status != TAME_OK) return status; /* theta has not changed */
    if (after < before) succeed(&h, best, c, before, after);
    else fail(&h);
    s->scalars[LAMBDA] = h.lambda;
    tell_cost(&h);
  }
  h.numbers[UNDER_WAY] = 0;
  conclude(&h, before - after);
  return TAME_OK;
}

extern const tame_optimizer_kind tame_optimizer_hessian_free;
const tame_optimizer_kind tame_optimizer_hessian_free = {
    .head = {.name = "hessian_free",
             .doc = "steps by conjugate gradients on Gauss and Newton's model of the loss, damped",
             .params = {.size = sizeof(hf_params), .fields = fields}},
    .check = check,
    .keeps = keeps,
    .search = search,
    .work = work,
    .under_way = under_way,
    .curvature = curvature,
    .gradients = gradients,
};
