/* Signal `random`: independent random numbers. Number k of a series is a pure function of (seed, series, k), so
 * that a target may repeat or foresee an input: both name the same seed and series.
 *
 * Memory capacity, the sum over delays of r^2 of readout and delayed input, needs such targets: Jaeger (2001),
 * Short term memory in echo state networks, GMD report 152. */
#include "task/tables.h"

#include <math.h>

enum { UNIFORM, NORMAL };
static const char *const distributions[] = {"uniform", "normal", NULL};

typedef struct random_params {
  int64_t channel, seed, series;
  int distribution;
  double low, high, mean, sd; /* NaN: not given */
  int64_t hold, shift, delays;
  double start_ms, duration_ms; /* duration NaN: to the end of the trial */
} random_params;

#define AT(member) .offset = offsetof(random_params, member)
static const tame_field fields[] = {
    TAME_FIELD_CHANNEL(random_params, "which one; with delays the first of them"),
    {"seed", TAME_INT, AT(seed), .fallback = "1", .max = 9007199254740992.0,
     .doc = "its own, whatever the network's is"},
    {"series", TAME_INT, AT(series), .fallback = "0", .max = 1e9,
     .doc = "of that seed: others are independent, the same one is the same on any channel"},
    {"distribution", TAME_CHOICE, AT(distribution), .fallback = "uniform", .choices = distributions,
     .doc = "of each number"},
    {"low", TAME_REAL, AT(low), .fallback = "", .doc = "of uniform; default: -1"},
    {"high", TAME_REAL, AT(high), .fallback = "", .doc = "of uniform; default: 1"},
    {"mean", TAME_REAL, AT(mean), .fallback = "", .doc = "of normal; default: 0"},
    {"sd", TAME_REAL, AT(sd), .fallback = "", .max = 1e300, .doc = "of normal; default: 1"},
    {"hold", TAME_INT, AT(hold), .fallback = "1", .min = 1, .max = 1e9,
     .doc = "steps that each number lasts"},
    TAME_FIELD_SHIFT(random_params),
    {"delays", TAME_INT, AT(delays), .fallback = "0", .max = 1e6,
     .doc = "K: K channels, with the series delayed by 1 to K numbers; 0: the series itself"},
    {"start_ms", TAME_REAL, AT(start_ms), .fallback = "0", .max = 1e12,
     .doc = "first moment, of number 0"},
    {"duration_ms", TAME_REAL, AT(duration_ms), .fallback = "", .min = 1e-6, .max = 1e12,
     .doc = "length; default: to the end of the trial"},
    {0}};
#undef AT

static double or_else(double given, double standard)
{
  return isnan(given) ? standard : given;
}

static double number(const random_params *p, int64_t k)
{
  const uint64_t seed = (uint64_t)p->seed;
  const uint32_t a = (uint32_t)p->series, b = (uint32_t)k;
  if (p->distribution == NORMAL)
    return or_else(p->mean, 0) + or_else(p->sd, 1) * tame_normal(seed, TAME_DRAW_SIGNAL, a, b, 0);
  const double low = or_else(p->low, -1), high = or_else(p->high, 1);
  return low + (high - low) * tame_uniform(seed, TAME_DRAW_SIGNAL, a, b, 0);
}

/* A parameter of the other distribution would have no effect. */
static tame_status refuse(double given, const char *name, const char **key)
{
  *key = name;
  if (isnan(given)) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "found %g, but the other distribution is chosen", given);
}

static tame_status check(const void *params, double dt_ms, const tame_samples *shape,
                         const char **key)
{
  const random_params *p = params;
  const bool normal = p->distribution == NORMAL;
  *key = "channel";
  tame_status status = tame_check_channels(p->channel, p->delays, shape);
  if (status == TAME_OK) status = refuse(normal ? p->low : p->mean, normal ? "low" : "mean", key);
  if (status == TAME_OK) status = refuse(normal ? p->high : p->sd, normal ? "high" : "sd", key);
  if (status != TAME_OK) return status;
  const double low = or_else(p->low, -1), high = or_else(p->high, 1);
  *key = isnan(p->high) ? "low" : "high";
  if (!normal && !(low < high))
    return tame_fail(TAME_ERR_INPUT, "found low = %g and high = %g, want low < high", low, high);
  *key = "start_ms";
  return tame_check_span(p->start_ms, isnan(p->duration_ms) ? 0 : p->duration_ms, dt_ms, shape);
}

static void sample(const void *params, double dt_ms, const tame_samples *out)
{
  const random_params *p = params;
  const int64_t least = p->delays > 0, most = p->delays, longest = p->shift - most * p->hold;
  const int64_t first = tame_task_steps(p->start_ms, dt_ms);
  const int64_t last = isnan(p->duration_ms) ? out->steps
                                             : tame_task_steps(p->start_ms + p->duration_ms, dt_ms);
  for (int64_t s = longest > 0 ? longest : 0; s < last - first + p->shift; s++) {
    const double x = number(p, s / p->hold); /* of step s of the series, for all who look at it */
    for (int64_t d = least; d <= most; d++) {
      const int64_t t = first + s - p->shift + d * p->hold;
      if (t >= first && t < last) out->at[t * out->channels + p->channel + d - least] += x;
    }
  }
}

extern const tame_signal tame_signal_random;
const tame_signal tame_signal_random = {
    .head = {.name = "random",
             .doc = "independent random numbers, or the same series delayed by 1 to K of them",
             .params = {.size = sizeof(random_params), .fields = fields}},
    .check = check,
    .sample = sample,
};
