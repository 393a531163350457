/* Source `integration`: white noise to be summed up, as in the integrator of the book of BrainPy and of
 * Sussillo's tutorial at Google: https://github.com/google-research/computation-thru-dynamics. There each
 * sequence has a bias of its own, 0.05 (s - 1/2) with s standard normal, and the sum is not times dt. */
#include "task/tables.h"

#include <math.h>

enum { BIAS, NOISE }; /* streams */

typedef struct integration_params {
  int64_t steps;
  double dt, bias_mean, bias_sd, noise;
  bool times_dt;
} integration_params;

#define AT(member) .offset = offsetof(integration_params, member)
static const tame_field fields[] = {
    {"steps", TAME_INT, AT(steps), .fallback = "25", .min = 1, .max = 1e8, .doc = "of a sequence"},
    {"dt", TAME_REAL, AT(dt), .fallback = "0.04", .min = 1e-9, .max = 1e9,
     .doc = "time of a step, where a sequence lasts 1"},
    {"bias_mean", TAME_REAL, AT(bias_mean), .fallback = "-0.025", .doc = "of sequences' biases"},
    {"bias_sd", TAME_REAL, AT(bias_sd), .fallback = "0.05", .max = 1e300,
     .doc = "of sequences' biases, which are normal"},
    {"noise", TAME_REAL, AT(noise), .fallback = "0.01", .max = 1e300,
     .doc = "sigma; a step's noise is normal with SD sigma / sqrt(dt)"},
    {"times_dt", TAME_BOOL, AT(times_dt), .fallback = "off",
     .doc = "targets are sums times dt, which are integrals; as published they are not"},
    {0}};
#undef AT

static tame_status shape(const void *params, tame_data_shape *out, const char **key)
{
  const integration_params *p = params;
  (void)key;
  *out = (tame_data_shape){.steps = p->steps, .inputs = 1, .target_steps = p->steps, .width = 1};
  return TAME_OK;
}

static void draw(const void *params, const tame_draws *draws, double *x, double *target,
                 double *elapsed)
{
  const integration_params *p = params;
  const double bias = p->bias_mean + p->bias_sd * tame_draws_normal(draws, BIAS, 0);
  const double noise = p->noise / sqrt(p->dt);
  double sum = 0;
  (void)elapsed;
  for (int64_t t = 0; t < p->steps; t++) {
    x[t] = bias + noise * tame_draws_normal(draws, NOISE, t);
    sum += x[t];
    target[t] = p->times_dt ? sum * p->dt : sum;
  }
}

extern const tame_source tame_source_integration;
const tame_source tame_source_integration = {
    .head = {.name = "integration",
             .doc =
                 "x_t = bias + sigma / sqrt(dt) xi_t, a bias for each sequence; target: sum of x",
             .params = {.size = sizeof(integration_params), .fields = fields}},
    .shape = shape,
    .draw = draw,
};
