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

static void step(const tame_block *b)
{
  const rate_params *p = b->params;
  b->kernels->rate_step(b->n, b->dt_ms / p->tau_ms, b->h, b->x, b->r);
}

static void rates(const tame_block *b)
{
  b->kernels->tanh(b->n, b->x, b->r);
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
    .head =
        {.name = "rate",
         .doc =
             "tau dx/dt = -x + W r + W_in u + bias + noise, r = tanh(x); forward Euler; variable x",
         .params = {.size = sizeof(rate_params), .fields = fields}},
    .check = check,
    .step = step,
    .rates = rates,
    .tangent = tangent,
};
