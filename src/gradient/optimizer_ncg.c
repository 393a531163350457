/* Optimizer `conjugate_gradient`: nonlinear conjugate gradients, s <- -g + beta s, with Polak and Ribiere's
 *   beta = (g'g - g'g_before) / g_before'g_before,
 * and a line search for Wolfe and Powell's conditions: a loss below loss_0 + 0.01 step slope_0, and a slope of half the
 * size at most. A direction that does not lead down, or along which nothing is found, is given up for -g. An update is one
 * line. Nocedal & Wright (2006), Numerical Optimization, 3.5 and 5.2; the constants are those of Rasmussen's minimize. */
#include "gradient/cg.h"
#include "gradient/tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct ncg_params {
  double first, falls, flattens;
  int64_t most;
  bool plus;
} ncg_params;

#define AT(member) .offset = offsetof(ncg_params, member)
static const tame_field fields[] = {
    {"first", TAME_REAL, AT(first), .fallback = "1", .min = 1e-300, .max = 1e300,
     .doc = "the first step is first / (1 + |g|^2)"},
    {"falls", TAME_REAL, AT(falls), .fallback = "0.01", .min = 1e-12, .max = 0.5,
     .doc = "share of the slope by which the loss must fall"},
    {"flattens", TAME_REAL, AT(flattens), .fallback = "0.5", .min = 1e-12, .max = 1,
     .doc = "share of the slope that may be left"},
    {"evaluations", TAME_INT, AT(most), .fallback = "20", .min = 1, .max = 1000,
     .doc = "of a line, at most"},
    {"plus", TAME_BOOL, AT(plus), .fallback = "off", .doc = "no beta below 0 (PR+)"},
    {0}};
#undef AT

/* Arrays: direction, gradient. Numbers: step and slope of the last line; is there one? */
enum { STEP, SLOPE, THERE, SCALARS };

static void keeps(const void *params, int64_t *slots, int64_t *scalars)
{
  (void)params;
  *slots = 2;
  *scalars = SCALARS;
}

static int64_t work(const void *params, int64_t count)
{
  (void)params;
  return 4 * count;
}

/* The first, and of a line some. */
static double gradients(const void *params, int64_t batch)
{
  (void)params, (void)batch;
  return 4;
}

/* A place on the line. */
typedef struct spot {
  double step, loss, slope;
} spot;

typedef struct line {
  const ncg_params *p;
  const tame_search *s;
  const double *d; /* direction */
  double *at, *g;  /* the place that was looked at last, and its gradient */
  spot start, low; /* low: the best one that is too steep still */
  spot high;       /* beyond a minimum; step infinite: none is known */
  int64_t looked;
} line;

static tame_status look(line *l, double step, spot *out)
{
  const tame_problem *problem = l->s->problem;
  const int64_t n = problem->count;
  memcpy(l->at, l->s->theta, (size_t)n * sizeof *l->at);
  tame_cg_add(n, step, l->d, l->at);
  l->looked++;
  *out = (spot){step, INFINITY, INFINITY};
  const tame_status status = problem->gradient(problem->context, l->at, &out->loss, l->g);
  if (status == TAME_ERR_NUMERIC) return TAME_OK;
  if (status == TAME_OK) out->slope = tame_cg_dot(n, l->g, l->d);
  return status;
}

/* Where the cubic through two places with their slopes is least; NaN: nowhere. */
static double least_of_cubic(spot a, spot b)
{
  const double w = b.step - a.step, z = 3 * (a.loss - b.loss) / w + a.slope + b.slope,
               root = sqrt(z * z - a.slope * b.slope);
  return b.step - w * (b.slope + root - z) / (b.slope - a.slope + 2 * root);
}

/* The next step to look at. */
static double choose(const line *l)
{
  const spot *low = &l->low, *high = &l->high;
  if (isinf(high->step)) { /* onwards, three times as far at most */
    const double reach = low->step > 0 ? low->step : l->start.step;
    return 3 * reach;
  }
  const double width = high->step - low->step;
  double step = least_of_cubic(*low, *high);
  if (!isfinite(high->loss) || !isfinite(step)) step = low->step + width / 2;
  step = fmax(step, low->step + 0.1 * width);
  return fmin(step, high->step - 0.1 * width);
}

/* Along the line until both conditions hold: true in *found. */
static tame_status search_line(line *l, double step, spot *found, bool *is_found)
{
  const double slope = l->start.slope;
  l->low = l->start;
  l->low.step = 0;
  l->high = (spot){INFINITY, INFINITY, INFINITY};
  *is_found = false;
  while (l->looked < l->p->most) {
    spot here;
    const tame_status status = look(l, step, &here);
    if (status != TAME_OK) return status;
    const bool fell = here.loss <= l->start.loss + l->p->falls * step * slope;
    if (fell && fabs(here.slope) <= -l->p->flattens * slope) {
      *found = here;
      *is_found = true;
      return TAME_OK;
    }
    if (!fell || here.loss > l->low.loss || here.slope > 0) l->high = here;
    else l->low = here;
    l->start.step = step;
    step = choose(l);
  }
  return TAME_OK;
}

/* Direction of the next line, from the gradient here and there; its slope. */
static double turn(const ncg_params *p, int64_t n, const double *g, const double *before, double *d)
{
  const double gg = tame_cg_dot(n, g, g);
  double beta = (gg - tame_cg_dot(n, g, before)) / tame_cg_dot(n, before, before);
  if (p->plus && beta < 0) beta = 0;
  for (int64_t i = 0; i < n; i++) d[i] = beta * d[i] - g[i];
  const double slope = tame_cg_dot(n, g, d);
  if (slope < 0) return slope;
  for (int64_t i = 0; i < n; i++) d[i] = -g[i];
  return -gg;
}

static tame_status search(const void *params, const tame_search *s)
{
  const ncg_params *p = params;
  const tame_problem *problem = s->problem;
  const int64_t n = problem->count;
  double *g = s->work, *d = g + n, loss;
  *s->report = (tame_search_report){.lambda = NAN, .reduction = NAN};
  tame_status status = problem->gradient(problem->context, s->theta, &loss, g);
  if (status != TAME_OK) return status;
  const double gg = tame_cg_dot(n, g, g);
  s->report->loss = loss;
  s->report->norm = sqrt(gg);
  s->report->gradients = 1;
  if (gg == 0) {
    s->report->ended = true;
    snprintf(s->report->why, sizeof s->report->why, "the gradient is 0");
    return TAME_OK;
  }
  double slope = -gg, step = p->first / (1 + gg);
  memcpy(d, s->kept, (size_t)n * sizeof *d);
  if (s->scalars[THERE] != 0) {
    slope = turn(p, n, g, s->kept + n, d);
    step = s->scalars[STEP] * fmin(100, s->scalars[SLOPE] / slope);
  } else {
    for (int64_t i = 0; i < n; i++) d[i] = -g[i];
  }
  bool found = false;
  spot end = {0};
  for (int again = 0; status == TAME_OK && !found && again < 2; again++) {
    line l = {.p = p, .s = s, .d = d, .at = d + n, .g = d + 2 * n, .start = {step, loss, slope}};
    status = search_line(&l, step, &end, &found);
    s->report->iterations += l.looked;
    if (found || status != TAME_OK) break;
    for (int64_t i = 0; i < n; i++) d[i] = -g[i];
    slope = -gg;
    step = p->first / (1 + gg);
  }
  if (status != TAME_OK) return status;
  s->report->gradients += s->report->iterations;
  s->report->ended = !found;
  if (!found) {
    snprintf(s->report->why, sizeof s->report->why,
             "no step is found along the gradient, in %lld places",
             (long long)s->report->iterations);
    return TAME_OK;
  }
  tame_cg_add(n, end.step, d, s->theta);
  memcpy(s->kept, d, (size_t)n * sizeof *d);
  memcpy(s->kept + n, g, (size_t)n * sizeof *g);
  s->scalars[STEP] = end.step;
  s->scalars[SLOPE] = slope;
  s->scalars[THERE] = 1;
  s->report->step = end.step;
  return TAME_OK;
}

extern const tame_optimizer_kind tame_optimizer_conjugate_gradient;
const tame_optimizer_kind tame_optimizer_conjugate_gradient = {
    .head = {.name = "conjugate_gradient",
             .doc = "lines along conjugate directions, each searched for its minimum",
             .params = {.size = sizeof(ncg_params), .fields = fields}},
    .keeps = keeps,
    .search = search,
    .work = work,
    .gradients = gradients,
};
