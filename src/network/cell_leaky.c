/* Cell `leaky`: the leaky integrator, whose state is its rate. With tanh it is that of echo state networks: Jaeger,
 * Lukosevicius, Popovici & Siewert (2007), Neural Networks 20:335-352, doi:10.1016/j.neunet.2007.04.016; linear or
 * rectified, by tau dr/dt = -r + phi(h), that of rate models: Dayan & Abbott (2001), Theoretical Neuroscience, 7.4. */
#include "network/tables.h"

#include <math.h>
#include <string.h>

enum { LINEAR = 1, RELU }; /* beside tanh */
static const char *const activations[] = {"tanh", "linear", "relu", NULL};

typedef struct leaky_params {
  double leak, tau_ms, threshold; /* NaN: not given */
  int activation;
} leaky_params;

#define AT(member) .offset = offsetof(leaky_params, member)
static const tame_field fields[] = {
    {"leak", TAME_REAL, AT(leak), .fallback = "", .min = 0, .max = 1,
     .doc = "a: share of the new in each step, above 0; default: 1, or dt_ms / tau_ms"},
    {"tau_ms", TAME_REAL, AT(tau_ms), .fallback = "", .min = 1e-6, .max = 1e9,
     .doc = "time constant, instead of leak: forward Euler of tau dr/dt = -r + phi(h)"},
    {"activation", TAME_CHOICE, AT(activation), .fallback = "tanh", .choices = activations,
     .doc = "phi: tanh(h), h, or max(h - threshold, 0)"},
    {"threshold", TAME_REAL, AT(threshold), .fallback = "", .doc = "of relu; default: 0"},
    {0}};
#undef AT

static double share(const leaky_params *p, double dt_ms)
{
  if (!isnan(p->tau_ms)) return dt_ms / p->tau_ms;
  return isnan(p->leak) ? 1 : p->leak;
}

static double threshold(const leaky_params *p)
{
  return isnan(p->threshold) ? 0 : p->threshold;
}

static tame_status check(const void *params, double dt_ms, const char **key)
{
  const leaky_params *p = params;
  *key = "leak";
  if (!isnan(p->leak) && !(p->leak > 0 && p->leak <= 1))
    return tame_fail(TAME_ERR_INPUT, "found %g, want a number above 0 and at most 1", p->leak);
  *key = "tau_ms";
  if (!isnan(p->leak) && !isnan(p->tau_ms))
    return tame_fail(TAME_ERR_INPUT, "found %g, but leak = %g is given, too: want one of them",
                     p->tau_ms, p->leak);
  if (dt_ms > p->tau_ms)
    return tame_fail(TAME_ERR_INPUT,
                     "found %g, want at least dt_ms = %g: forward Euler is unstable", p->tau_ms,
                     dt_ms);
  *key = "threshold";
  if (!isnan(p->threshold) && p->activation != RELU)
    return tame_fail(TAME_ERR_INPUT, "found %g, but activation %s has none, only relu",
                     p->threshold, activations[p->activation]);
  return TAME_OK;
}

static void step(const tame_block *b)
{
  const leaky_params *p = b->params;
  const double a = share(p, b->dt_ms);
  switch (p->activation) {
    case LINEAR: b->kernels->linear_step(b->n, a, b->h, b->x, b->r); break;
    case RELU: b->kernels->relu_step(b->n, a, threshold(p), b->h, b->x, b->r); break;
    default: b->kernels->leaky_step(b->n, a, b->h, b->x, b->r);
  }
}

static void rates(const tame_block *b)
{
  memcpy(b->r, b->x, b->n * b->kernels->real_size);
}

/* d phi / d h, where phi(h) = phi. */
static double derivative(const leaky_params *p, double h, double phi)
{
  switch (p->activation) {
    case LINEAR: return 1;
    case RELU: return h > threshold(p);
    default: return 1 - phi * phi;
  }
}

/* The step made is a phi(h) = after - (1 - a) r. */
static void tangent(const void *params, double dt_ms, size_t n, const double *h, const double *r,
                    const double *after, double *keep, double *take, double *slope)
{
  const leaky_params *p = params;
  const double a = share(p, dt_ms);
  for (size_t i = 0; i < n; i++) {
    const double phi = (after[i] - (1 - a) * r[i]) / a;
    keep[i] = 1 - a;
    take[i] = a * derivative(p, h[i], phi);
    slope[i] = 1;
  }
}

extern const tame_cell tame_cell_leaky;
const tame_cell tame_cell_leaky = {
    .head = {.name = "leaky",
             .doc = "r <- (1 - a) r + a phi(W r + W_in u + bias + noise); the variable x is r",
             .params = {.size = sizeof(leaky_params), .fields = fields}},
    .check = check,
    .step = step,
    .rates = rates,
    .tangent = tangent,
};
