/* Optimizer `lbfgs`: quasi-Newton steps of limited memory, of length `rate` (the first min(1, 1 /
 * |g|_1) rate), without a line search; as PyTorch's LBFGS with one iteration a step. Nocedal
 * (1980), doi:10.1090/S0025-5718-1980-0572855-7. */
#include "gradient/tables.h"

#include <math.h>
#include <string.h>

enum { MOST_HISTORY = 100 };

typedef struct lbfgs_params {
  double rate;
  int64_t history;
} lbfgs_params;

static const tame_field fields[] = {
    {"rate", TAME_REAL, .offset = offsetof(lbfgs_params, rate), .fallback = "1", .min = 0,
     .max = 1e6, .doc = "length of a step"},
    {"history", TAME_INT, .offset = offsetof(lbfgs_params, history), .fallback = "10", .min = 1,
     .max = MOST_HISTORY, .doc = "steps that are remembered"},
    {0}};

/* Arrays: last gradient, last direction, then y and s of each remembered step in a ring. */
typedef struct memory {
  double *g, *d, *y, *s;
} memory;

/* Numbers: steps in memory, where the next one goes, the scale of the first Hessian, the last
 * step's length. */
enum { HELD, NEXT, SCALE, LENGTH, SCALARS };

static void keeps(const void *params, int64_t *slots, int64_t *scalars)
{
  *slots = 2 + 2 * ((const lbfgs_params *)params)->history;
  *scalars = SCALARS;
}

static double dot(int64_t n, const double *a, const double *b)
{
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

static void add(int64_t n, double a, const double *x, double *y)
{
  for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

static memory memory_of(const lbfgs_params *p, const tame_update *u)
{
  memory m = {.g = u->kept, .d = u->kept + u->count, .y = u->kept + 2 * u->count};
  m.s = m.y + p->history * u->count;
  return m;
}

/* The k-th oldest of what is in memory. */
static int64_t place(const lbfgs_params *p, const tame_update *u, int64_t k)
{
  const int64_t held = (int64_t)u->scalars[HELD], next = (int64_t)u->scalars[NEXT];
  return (next - held + k + 2 * p->history) % p->history * u->count;
}

/* The step that led here, if the curvature along it is positive. */
static void remember(const lbfgs_params *p, const tame_update *u, const memory *m)
{
  const int64_t n = u->count, at = (int64_t)u->scalars[NEXT] * n;
  double ys = 0, yy = 0;
  for (int64_t i = 0; i < n; i++) {
    const double y = u->g[i] - m->g[i], s = u->scalars[LENGTH] * m->d[i];
    ys += y * s;
    yy += y * y;
  }
  if (!(ys > 1e-10)) return;
  for (int64_t i = 0; i < n; i++) {
    m->y[at + i] = u->g[i] - m->g[i];
    m->s[at + i] = u->scalars[LENGTH] * m->d[i];
  }
  u->scalars[NEXT] = fmod(u->scalars[NEXT] + 1, (double)p->history);
  if (u->scalars[HELD] < (double)p->history) u->scalars[HELD]++;
  u->scalars[SCALE] = ys / yy;
}

/* d = -H g, by two loops over what is remembered. */
static void direct(const lbfgs_params *p, const tame_update *u, const memory *m)
{
  const int64_t n = u->count, held = (int64_t)u->scalars[HELD];
  double along[MOST_HISTORY] = {0};
  for (int64_t i = 0; i < n; i++) m->d[i] = -u->g[i];
  for (int64_t k = held - 1; k >= 0; k--) {
    const double *y = m->y + place(p, u, k), *s = m->s + place(p, u, k);
    along[k] = dot(n, s, m->d) / dot(n, y, s);
    add(n, -along[k], y, m->d);
  }
  for (int64_t i = 0; i < n; i++) m->d[i] *= u->scalars[SCALE];
  for (int64_t k = 0; k < held; k++) {
    const double *y = m->y + place(p, u, k), *s = m->s + place(p, u, k);
    add(n, along[k] - dot(n, y, m->d) / dot(n, y, s), s, m->d);
  }
}

static void update(const void *params, const tame_update *u)
{
  const lbfgs_params *p = params;
  const memory m = memory_of(p, u);
  const bool first = u->number == 1;
  double size = 0;
  if (first) u->scalars[SCALE] = 1;
  else remember(p, u, &m);
  direct(p, u, &m);
  memcpy(m.g, u->g, (size_t)u->count * sizeof *m.g);
  for (int64_t i = 0; i < u->count; i++) size += fabs(u->g[i]);
  u->scalars[LENGTH] = p->rate * u->factor * (first && size > 1 ? 1 / size : 1);
  add(u->count, u->scalars[LENGTH], m.d, u->theta);
}

extern const tame_optimizer_kind tame_optimizer_lbfgs;
const tame_optimizer_kind tame_optimizer_lbfgs = {
    .head = {.name = "lbfgs",
             .doc = "quasi-Newton steps of limited memory, without a line search",
             .params = {.size = sizeof(lbfgs_params), .fields = fields}},
    .keeps = keeps,
    .update = update,
};
