/* Cell `leaky`: the leaky integrator of echo state networks, whose state is its rate. Jaeger, Lukosevicius,
 * Popovici & Siewert (2007), Neural Networks 20:335-352, doi:10.1016/j.neunet.2007.04.016. */
#include "network/tables.h"

#include <string.h>

typedef struct leaky_params {
  double leak;
} leaky_params;

static const tame_field fields[] = {{"leak", TAME_REAL, .offset = offsetof(leaky_params, leak),
                                     .fallback = "1", .min = 0, .max = 1,
                                     .doc = "a: share of the new in each step, above 0"},
                                    {0}};

static tame_status check(const void *params, double dt_ms, const char **key)
{
  const leaky_params *p = params;
  (void)dt_ms;
  *key = "leak";
  if (!(p->leak > 0 && p->leak <= 1))
    return tame_fail(TAME_ERR_INPUT, "found %g, want a number above 0 and at most 1", p->leak);
  return TAME_OK;
}

static void step(const tame_block *b)
{
  const leaky_params *p = b->params;
  b->kernels->leaky_step(b->n, p->leak, b->h, b->x, b->r);
}

static void rates(const tame_block *b)
{
  memcpy(b->r, b->x, b->n * b->kernels->real_size);
}

/* The step made is a tanh(h) = after - (1 - a) r. */
static void tangent(const void *params, double dt_ms, size_t n, const double *r,
                    const double *after, double *keep, double *take, double *slope)
{
  const double a = ((const leaky_params *)params)->leak;
  (void)dt_ms;
  for (size_t i = 0; i < n; i++) {
    const double t = (after[i] - (1 - a) * r[i]) / a;
    keep[i] = 1 - a;
    take[i] = a * (1 - t * t);
    slope[i] = 1;
  }
}

extern const tame_cell tame_cell_leaky;
const tame_cell tame_cell_leaky = {
    .head = {.name = "leaky",
             .doc = "r <- (1 - a) r + a tanh(W r + W_in u + bias + noise); the state x is r",
             .params = {.size = sizeof(leaky_params), .fields = fields}},
    .check = check,
    .step = step,
    .rates = rates,
    .tangent = tangent,
};
