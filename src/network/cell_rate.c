/* Cell `rate`: tau dx/dt = -x + h, r = tanh(x), forward Euler. Laje & Buonomano (2013). */
#include "network/tables.h"

typedef struct rate_params {
  double tau_ms;
} rate_params;

static const tame_field fields[] = {{"tau_ms", TAME_REAL, .offset = offsetof(rate_params, tau_ms),
                                     .fallback = "10", .min = 1e-6, .max = 1e9,
                                     .doc = "time constant tau"},
                                    {0}};

static tame_status check(const void *params, double dt_ms, const char **key)
{
  const rate_params *p = params;
  *key = "tau_ms";
  if (!(dt_ms <= p->tau_ms))
    return tame_fail(TAME_ERR_INPUT,
                     "found %g, want at least dt_ms = %g: forward Euler is unstable", p->tau_ms,
                     dt_ms);
  return TAME_OK;
}

static void step(const tame_kernels *kernels, const void *params, double dt_ms, size_t n,
                 const void *h, void *x, void *r)
{
  const rate_params *p = params;
  kernels->rate_step(n, dt_ms / p->tau_ms, h, x, r);
}

static void rates(const tame_kernels *kernels, size_t n, const void *x, void *r)
{
  kernels->tanh(n, x, r);
}

static void tangent(const void *params, double dt_ms, size_t n, const double *h, const double *r,
                    const double *after, double *keep, double *take, double *slope)
{
  (void)h, (void)after;
  const double a = dt_ms / ((const rate_params *)params)->tau_ms;
  for (size_t i = 0; i < n; i++) {
    keep[i] = 1 - a;
    take[i] = a;
    slope[i] = 1 - r[i] * r[i];
  }
}

extern const tame_cell tame_cell_rate;
const tame_cell tame_cell_rate = {
    .head = {.name = "rate",
             .doc = "tau dx/dt = -x + W r + W_in u + bias + noise, r = tanh(x); forward Euler",
             .params = {.size = sizeof(rate_params), .fields = fields}},
    .check = check,
    .step = step,
    .rates = rates,
    .tangent = tangent,
};
