/* Signal `lorenz`: the chaotic flow of Lorenz (1963), J. Atmos. Sci. 20:130-141,
 * doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2, by the classical Runge-Kutta method.
 *
 * Errors grow as e^(0.9 t): after 40 units of time or so another compiler's series is another one. */
#include "task/tables.h"

#include <math.h>

typedef struct lorenz_params {
  int64_t channel;
  double sigma, rho, beta;
  tame_reals start;
  double step, scale, offset;
  int64_t shift;
} lorenz_params;

#define AT(member) .offset = offsetof(lorenz_params, member)
static const tame_field fields[] = {
    TAME_FIELD_CHANNEL(lorenz_params, "of x; the next two are y and z"),
    {"sigma", TAME_REAL, AT(sigma), .fallback = "10", .doc = "dx/dt = sigma (y - x)"},
    {"rho", TAME_REAL, AT(rho), .fallback = "28", .doc = "dy/dt = x (rho - z) - y"},
    {"beta", TAME_REAL, AT(beta), .fallback = "2.6666666666666665",
     .doc = "dz/dt = x y - beta z; default: 8/3"},
    {"start", TAME_REALS, AT(start), .fallback = "[8, 1, 1]",
     .doc = "x, y, z before the first sample, which is the state after one step"},
    {"step", TAME_REAL, AT(step), .fallback = "0.01", .min = 1e-9, .max = 10,
     .doc = "time of the system between samples, one step of Runge-Kutta"},
    {"scale", TAME_REAL, AT(scale), .fallback = "1", .doc = "factor on x, y and z"},
    {"offset", TAME_REAL, AT(offset), .fallback = "0", .doc = "added to each after that"},
    TAME_FIELD_SHIFT(lorenz_params),
    {0}};
#undef AT

typedef struct state {
  double x, y, z;
} state;

static state slope(const lorenz_params *p, state s)
{
  return (state){p->sigma * (s.y - s.x), s.x * (p->rho - s.z) - s.y, s.x * s.y - p->beta * s.z};
}

/* s + h d */
static state along(state s, double h, state d)
{
  return (state){s.x + h * d.x, s.y + h * d.y, s.z + h * d.z};
}

static state advance(const lorenz_params *p, state s)
{
  const double h = p->step;
  const state a = slope(p, s), b = slope(p, along(s, h / 2, a)), c = slope(p, along(s, h / 2, b)),
              d = slope(p, along(s, h, c));
  return (state){s.x + h / 6 * (a.x + 2 * b.x + 2 * c.x + d.x),
                 s.y + h / 6 * (a.y + 2 * b.y + 2 * c.y + d.y),
                 s.z + h / 6 * (a.z + 2 * b.z + 2 * c.z + d.z)};
}

/* Add the series to out, or only look at it where there is no room: the first sample that is not finite; -1:
 * all are. */
static int64_t run(const lorenz_params *p, const tame_samples *out)
{
  state s = {p->start.at[0], p->start.at[1], p->start.at[2]};
  for (int64_t t = -p->shift; t < out->steps; t++) {
    s = advance(p, s);
    if (!isfinite(s.x) || !isfinite(s.y) || !isfinite(s.z)) return t + p->shift;
    if (!out->at || t < 0) continue;
    double *at = out->at + t * out->channels + p->channel;
    at[0] += p->scale * s.x + p->offset;
    at[1] += p->scale * s.y + p->offset;
    at[2] += p->scale * s.z + p->offset;
  }
  return -1;
}

static tame_status check(const void *params, double dt_ms, const tame_samples *shape,
                         const char **key)
{
  const lorenz_params *p = params;
  (void)dt_ms;
  *key = "channel";
  const tame_status status = tame_check_channels(p->channel, 3, shape);
  if (status != TAME_OK) return status;
  *key = "start";
  if (p->start.count != 3)
    return tame_fail(TAME_ERR_INPUT, "found %lld numbers, want x, y and z",
                     (long long)p->start.count);
  *key = "step";
  const int64_t bad = run(p, &(tame_samples){NULL, shape->steps, shape->channels});
  if (bad < 0) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT,
                   "found %g, with which the series is not finite from sample %lld on; want a "
                   "smaller step",
                   p->step, (long long)bad);
}

static void sample(const void *params, double dt_ms, const tame_samples *out)
{
  (void)dt_ms;
  (void)run(params, out);
}

extern const tame_signal tame_signal_lorenz;
const tame_signal tame_signal_lorenz = {
    .head = {.name = "lorenz",
             .doc = "x, y, z of the Lorenz system, a sample a step; scale (x, y, z) + offset",
             .params = {.size = sizeof(lorenz_params), .fields = fields}},
    .check = check,
    .sample = sample,
};
