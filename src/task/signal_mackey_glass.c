/* Signal `mackey_glass`: dx/dt = beta x(t - tau) / (1 + x(t - tau)^n) - gamma x, chaotic for tau > 16.8.
 * Mackey & Glass (1977), Science 197:287-289, doi:10.1126/science.267326; with tau = 17 the benchmark of
 * Jaeger & Haas (2004), Science 304:78-80, doi:10.1126/science.1091277.
 *
 * By the classical Runge-Kutta method; half a substep after a point of the grid x(t - tau) is that of the cubic
 * through values and slopes at both its ends, so that all of it is of fourth order, kinks at multiples of tau
 * included: they lie on the grid. */
#include "task/tables.h"

#include <math.h>

enum { MOST = 8192 /* substeps in tau */ };

typedef struct mackey_params {
  int64_t channel;
  double tau, beta, gamma, n, start;
  int64_t substeps, transient;
  double scale, offset;
  int64_t shift;
} mackey_params;

#define AT(member) .offset = offsetof(mackey_params, member)
static const tame_field fields[] = {
    TAME_FIELD_CHANNEL(mackey_params, "which one"),
    {"tau", TAME_REAL, AT(tau), .fallback = "17", .min = 1e-3, .max = MOST,
     .doc = "delay, in units of time: whole substeps"},
    {"beta", TAME_REAL, AT(beta), .fallback = "0.2", .doc = "rate of production"},
    {"gamma", TAME_REAL, AT(gamma), .fallback = "0.1", .doc = "rate of decay"},
    {"n", TAME_REAL, AT(n), .fallback = "10", .min = 0, .max = 1000, .doc = "exponent"},
    {"start", TAME_REAL, AT(start), .fallback = "1.2", .min = 0, .max = 1e6,
     .doc = "x up to time 0"},
    {"substeps", TAME_INT, AT(substeps), .fallback = "10", .min = 1, .max = MOST,
     .doc = "of Runge-Kutta in a unit of time, which is the time between samples"},
    {"transient", TAME_INT, AT(transient), .fallback = "1000", .max = 1e6,
     .doc = "units of time that are left out: sample k is x(transient + k)"},
    {"scale", TAME_REAL, AT(scale), .fallback = "1", .doc = "factor on x"},
    {"offset", TAME_REAL, AT(offset), .fallback = "0", .doc = "added after that"},
    TAME_FIELD_SHIFT(mackey_params),
    {0}};
#undef AT

/* The last tau of the series: x and dx/dt at points k - delay to k of the grid, at place k mod (delay + 1). */
typedef struct past {
  double x[MOST + 1], slope[MOST + 1];
} past;

static int64_t delay_of(const mackey_params *p)
{
  return (int64_t)floor(p->tau * (double)p->substeps + 0.5);
}

static double slope(const mackey_params *p, double x, double delayed)
{
  return p->beta * delayed / (1 + pow(delayed, p->n)) - p->gamma * x;
}

/* From point k of the grid, at place `here`, to the next, which takes the place of k - delay. */
static double advance(const mackey_params *p, past *at, int64_t k, int64_t here, int64_t next,
                      int64_t after_next)
{
  const double h = 1 / (double)p->substeps, x = at->x[here], a = at->x[next];
  at->slope[here] = slope(p, x, a);
  const double b = at->x[after_next];
  double middle = (a + b) / 2 + h / 8 * (at->slope[next] - at->slope[after_next]);
  if (k < delay_of(p)) middle = p->start;
  const double k1 = at->slope[here], k2 = slope(p, x + h / 2 * k1, middle),
               k3 = slope(p, x + h / 2 * k2, middle), k4 = slope(p, x + h * k3, b);
  return at->x[next] = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
}

/* Add the series to out, or only look at it where there is no room: the first time at which it is not finite; -1:
 * it always is. */
static int64_t run(const mackey_params *p, const tame_samples *out)
{
  past at = {.x = {0}};
  const int64_t places = delay_of(p) + 1;
  for (int64_t k = 0; k < places; k++) at.x[k] = p->start;
  double x = p->start;
  int64_t here = 0, k = 0;
  for (int64_t time = 0, t; (t = time - p->transient - p->shift) < out->steps; time++) {
    if (!isfinite(x)) return time;
    if (out->at && t >= 0 && time >= p->transient)
      out->at[t * out->channels + p->channel] += p->scale * x + p->offset;
    for (int64_t m = 0; m < p->substeps; m++, k++) {
      const int64_t next = (here + 1) % places;
      x = advance(p, &at, k, here, next, (next + 1) % places);
      here = next;
    }
  }
  return -1;
}

static tame_status check(const void *params, double dt_ms, const tame_samples *shape,
                         const char **key)
{
  const mackey_params *p = params;
  const double delay = p->tau * (double)p->substeps;
  (void)dt_ms;
  *key = "channel";
  const tame_status status = tame_check_channel(p->channel, shape);
  if (status != TAME_OK) return status;
  *key = "tau";
  if (!(fabs(delay - floor(delay + 0.5)) < 1e-9 * delay) || !(delay >= 0.5 && delay <= MOST))
    return tame_fail(TAME_ERR_INPUT,
                     "found %g, %g substeps of 1/%lld, want a whole number of them from 1 to %d",
                     p->tau, delay, (long long)p->substeps, MOST);
  *key = "substeps";
  const int64_t bad = run(p, &(tame_samples){NULL, shape->steps, shape->channels});
  if (bad < 0) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT,
                   "found %lld, with which the series is not finite at time %lld; want more "
                   "substeps, or a positive gamma",
                   (long long)p->substeps, (long long)bad);
}

static void sample(const void *params, double dt_ms, const tame_samples *out)
{
  (void)dt_ms;
  (void)run(params, out);
}

extern const tame_signal tame_signal_mackey_glass;
const tame_signal tame_signal_mackey_glass = {
    .head = {.name = "mackey_glass",
             .doc =
                 "dx/dt = beta x(t - tau) / (1 + x(t - tau)^n) - gamma x, a unit of time a step; "
                 "scale x + offset",
             .params = {.size = sizeof(mackey_params), .fields = fields}},
    .check = check,
    .sample = sample,
};
