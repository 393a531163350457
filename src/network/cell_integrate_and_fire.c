/* Cell `integrate_and_fire`: a neuron that integrates random currents and inhibition, drawn anew in each step, and spikes
 * at a threshold. In step i, V and j of the step before being the old ones:
 *
 *     a spike begins where V > V_threshold, j = 0: V <- V_spike + w u, j = 1;
 *     its after-potential goes on while 0 < j <= after_steps: V <- V_after + j + w u, j <- j + 1;
 *     else V <- V + dt/tau (V_rest - V + R (I + h) - inh), j = 0,
 *
 * u ~ U(0, 1), I ~ U(I_min, I_max), inh ~ U(0, inhibition). r is 1 in the step in which a spike begins, else 0. */
#include "network/tables.h"

#include <stdio.h>

enum { V, J, VARIABLES };

typedef struct if_params {
  double tau, rest, threshold, R, I_min, I_max, inhibition, spike, after, spread;
  int64_t after_steps;
} if_params;

#define AT(member) .offset = offsetof(if_params, member)
static const tame_field fields[] = {
    {"tau_ms", TAME_REAL, AT(tau), .fallback = "24.5", .min = 1e-6, .max = 1e9,
     .doc = "membrane's time constant"},
    {"V_rest_mV", TAME_REAL, AT(rest), .fallback = "-72.3", .min = -1e6, .max = 1e6,
     .doc = "where V rests, and starts"},
    {"V_threshold_mV", TAME_REAL, AT(threshold), .fallback = "-48.6", .min = -1e6, .max = 1e6,
     .doc = "above it a spike begins"},
    {"R_MOhm", TAME_REAL, AT(R), .fallback = "353", .max = 1e9, .doc = "membrane's resistance"},
    {"I_min_nA", TAME_REAL, AT(I_min), .fallback = "-0.3", .min = -1e6, .max = 1e6,
     .doc = "least of the random current, anew in each step"},
    {"I_max_nA", TAME_REAL, AT(I_max), .fallback = "0.7", .min = -1e6, .max = 1e6,
     .doc = "largest of it"},
    {"inhibition_mV", TAME_REAL, AT(inhibition), .fallback = "100", .max = 1e6,
     .doc = "largest random inhibition, anew in each step"},
    {"V_spike_mV", TAME_REAL, AT(spike), .fallback = "50", .min = -1e6, .max = 1e6,
     .doc = "least V of a spike, of one step"},
    {"V_after_mV", TAME_REAL, AT(after), .fallback = "-92.3", .min = -1e6, .max = 1e6,
     .doc = "of the after-potential, which rises by 1 mV a step"},
    {"spread_mV", TAME_REAL, AT(spread), .fallback = "25", .max = 1e6,
     .doc = "w: width of what is random in both"},
    {"after_steps", TAME_INT, AT(after_steps), .fallback = "9", .min = 1, .max = 1e6,
     .doc = "steps of the after-potential, by which V comes down"},
    {0}};
#undef AT

static const tame_variable table[] = {{"V", "mV"}, {"spike_step", "1"}, {NULL, NULL}};

static const tame_variable *variables(const void *params)
{
  (void)params;
  return table;
}

static double cycles(const void *params, double dt_ms)
{
  (void)params, (void)dt_ms;
  return 150; /* most of them draw */
}

static tame_status check(const void *params, double dt_ms, const char **key)
{
  const if_params *p = params;
  *key = "tau_ms";
  if (!(dt_ms <= p->tau))
    return tame_fail(TAME_ERR_INPUT,
                     "found %g, want at least dt_ms = %g: forward Euler is unstable", p->tau,
                     dt_ms);
  *key = "I_max_nA";
  if (!(p->I_min <= p->I_max))
    return tame_fail(TAME_ERR_INPUT, "found %g, want at least I_min_nA = %g", p->I_max, p->I_min);
  *key = "V_after_mV"; /* else the after-potential would begin a spike of its own */
  if (!(p->after + (double)p->after_steps + p->spread <= p->threshold))
    return tame_fail(TAME_ERR_INPUT,
                     "found %g, by which the after-potential may come to %g, above V_threshold_mV "
                     "= %g",
                     p->after, p->after + (double)p->after_steps + p->spread, p->threshold);
  return TAME_OK;
}

static void caution(const void *params, double dt_ms, char *text, size_t size)
{
  const if_params *p = params;
  if (dt_ms > p->tau / 2)
    snprintf(text, size, "dt_ms = %g is more than half of tau_ms = %g: want at most %g", dt_ms,
             p->tau, p->tau / 2);
}

static void start(const tame_block *b)
{
  const if_params *p = b->params;
  for (size_t i = 0; i < b->n; i++) {
    tame_block_put(b, b->x, V * b->stride + i, p->rest);
    tame_block_put(b, b->x, J * b->stride + i, 0);
  }
}

static void rates(const tame_block *b)
{
  for (size_t i = 0; i < b->n; i++) /* in the step in which a spike began */
    tame_block_put(b, b->r, i, tame_block_at(b, b->x, J * b->stride + i) == 1);
}

/* Two numbers in (0, 1), of this step or of this sample of a spike. */
static void draw(const tame_block *b, size_t i, bool spike, double u[2])
{
  tame_uniform2(b->seed, TAME_DRAW_CELL, (uint32_t)(b->first + (int64_t)i), b->step,
                2 * b->trial + spike, u);
}

static double integrated(const tame_block *b, size_t i, double v)
{
  const if_params *p = b->params;
  double u[2];
  draw(b, i, false, u);
  const double I = p->I_min + (p->I_max - p->I_min) * u[0] + tame_block_at(b, b->h, i);
  return v + b->dt_ms / p->tau * (p->rest - v + p->R * I - p->inhibition * u[1]);
}

static void step(const tame_block *b)
{
  const if_params *p = b->params;
  for (size_t i = 0; i < b->n; i++) {
    const double v = tame_block_at(b, b->x, V * b->stride + i);
    const double j = tame_block_at(b, b->x, J * b->stride + i);
    const bool begins = j == 0 && v > p->threshold, after = j > 0 && j <= (double)p->after_steps;
    double u[2] = {0};
    if (begins || after) draw(b, i, true, u);
    const double low = begins ? p->spike : p->after + j;
    tame_block_put(b, b->x, V * b->stride + i,
                   begins || after ? low + p->spread * u[0] : integrated(b, i, v));
    tame_block_put(b, b->x, J * b->stride + i, begins || after ? j + 1 : 0);
    tame_block_put(b, b->r, i, begins);
  }
}

extern const tame_cell tame_cell_integrate_and_fire;
const tame_cell tame_cell_integrate_and_fire = {
    .head = {.name = "integrate_and_fire",
             .doc = "tau dV/dt = V_rest - V + R (I + h) - inh, I and inh random; spikes with an "
                    "after-potential, r = 1 where one begins; h in nA; variables V, spike_step",
             .params = {.size = sizeof(if_params), .fields = fields}},
    .variables = variables,
    .cycles = cycles,
    .check = check,
    .caution = caution,
    .start = start,
    .step = step,
    .rates = rates,
};
