/* Cell `ampa_nmda`: an integrate-and-fire neuron with fast and slow excitation and global inhibition. Tesileanu,
 * Olveczky & Balasubramanian (2017), eLife 6:e20944, doi:10.7554/eLife.20944. In a step
 *
 *     tau_m dV/dt = V_R - V + R (I_AMPA + I_NMDA + I_ext) - V_inh        (forward Euler, from the old values)
 *     V > V_th, or while tau_ref goes on: V = V_R; r = 1 in the step in which V comes above V_th, else 0;
 *     I_AMPA <- exp(-dt/tau_AMPA) I_AMPA + (1 - f) h,   I_NMDA <- exp(-dt/tau_NMDA) I_NMDA + f G(V) h,
 *     V_inh  <- exp(-dt/tau_inh) V_inh + 1000 g_inh / (N tau_inh) * spikes of all units in the step before,
 *     G(V) = 1 / (1 + [Mg] / 3.57 mM * exp(-V / 16.13 mV)).
 *
 * h = W r + W_in u + bias + noise are jumps of the currents, in nA: r are the spikes of the step before. */
#include "network/tables.h"

#include <math.h>
#include <stdio.h>

enum { V, AMPA, NMDA, INHIBITION, REFRACTORY, VARIABLES };

typedef struct an_params {
  double R, rest, threshold, tau, tau_ampa, tau_nmda, tau_inh, refractory, g_inh, f, Mg, I_ext,
      spread;
} an_params;

#define AT(member) .offset = offsetof(an_params, member)
#define TAU(name, member, value, what)                                                             \
  {                                                                                                \
    name, TAME_REAL, AT(member), .fallback = value, .min = 1e-6, .max = 1e9, .doc = what           \
  }
static const tame_field fields[] = {
    {"R_MOhm", TAME_REAL, AT(R), .fallback = "353.23", .max = 1e9, .doc = "membrane's resistance"},
    {"V_R_mV", TAME_REAL, AT(rest), .fallback = "-72.327", .min = -1e6, .max = 1e6,
     .doc = "where V rests, starts, and is after a spike"},
    {"V_th_mV", TAME_REAL, AT(threshold), .fallback = "-48.641", .min = -1e6, .max = 1e6,
     .doc = "threshold"},
    TAU("tau_m_ms", tau, "24.549", "membrane's time constant"),
    TAU("tau_AMPA_ms", tau_ampa, "6.309", "decay of the fast current"),
    TAU("tau_NMDA_ms", tau_nmda, "81.469", "decay of the slow current"),
    TAU("tau_inh_ms", tau_inh, "20", "decay of inhibition"),
    {"tau_ref_ms", TAME_REAL, AT(refractory), .fallback = "1.07", .max = 1e9,
     .doc = "V stays at V_R for as many steps as have begun in it"},
    {"g_inh", TAME_REAL, AT(g_inh), .fallback = "1.802", .max = 1e6,
     .doc = "global inhibition, mV/Hz; 0: none"},
    {"f_NMDA", TAME_REAL, AT(f), .fallback = "0.9", .max = 1,
     .doc = "share of the slow current in each spike that arrives"},
    {"Mg_mM", TAME_REAL, AT(Mg), .fallback = "0.7", .max = 1e6,
     .doc = "magnesium, which blocks it where V is low"},
    {"I_ext_nA", TAME_REAL, AT(I_ext), .fallback = "0", .min = -1e6, .max = 1e6,
     .doc = "constant current"},
    {"V_spread_mV", TAME_REAL, AT(spread), .fallback = "0", .max = 1e6,
     .doc = "V(0) ~ V_R + U(-a, a), anew for every trial"},
    {0}};
#undef TAU
#undef AT

static const tame_variable table[] = {{"V", "mV"},     {"I_AMPA", "nA"},    {"I_NMDA", "nA"},
                                      {"V_inh", "mV"}, {"refractory", "1"}, {NULL, NULL}};

/* Steps that have begun in tau_ref_ms. */
static double refractory_steps(const an_params *p, double dt_ms)
{
  return ceil(p->refractory / dt_ms - 1e-9); /* what is less is rounding */
}

static const tame_variable *variables(const void *params)
{
  (void)params;
  return table;
}

static bool counts(const void *params)
{
  return ((const an_params *)params)->g_inh > 0;
}

static double cycles(const void *params, double dt_ms)
{
  (void)params, (void)dt_ms;
  return 100;
}

static tame_status check(const void *params, double dt_ms, const char **key)
{
  const an_params *p = params;
  *key = "tau_m_ms";
  if (!(dt_ms <= p->tau))
    return tame_fail(TAME_ERR_INPUT,
                     "found %g, want at least dt_ms = %g: forward Euler is unstable", p->tau,
                     dt_ms);
  *key = "V_R_mV";
  if (!(p->rest < p->threshold))
    return tame_fail(TAME_ERR_INPUT, "found %g, want less than V_th_mV = %g", p->rest,
                     p->threshold);
  *key = "tau_ref_ms"; /* which are counted down in numbers of the precision */
  if (refractory_steps(p, dt_ms) > 1 << 24)
    return tame_fail(TAME_ERR_INPUT, "found %g, which is %g steps of dt_ms = %g; want at most %d",
                     p->refractory, refractory_steps(p, dt_ms), dt_ms, 1 << 24);
  return TAME_OK;
}

static void caution(const void *params, double dt_ms, char *text, size_t size)
{
  const an_params *p = params;
  const double least = fmin(fmin(p->tau, p->tau_ampa), fmin(p->tau_nmda, p->tau_inh));
  if (dt_ms > least / 2)
    snprintf(text, size,
             "dt_ms = %g is more than half of the fastest time constant, %g ms: want at most %g",
             dt_ms, least, least / 2);
}

static void start(const tame_block *b)
{
  const an_params *p = b->params;
  for (int k = 0; k < VARIABLES; k++)
    for (size_t i = 0; i < b->n; i++) {
      const double u = tame_uniform(b->seed, TAME_DRAW_STATE, (uint32_t)(b->first + (int64_t)i), 0,
                                    b->trial);
      tame_block_put(b, b->x, (size_t)k * b->stride + i,
                     k == V ? p->rest + p->spread * (2 * u - 1) : 0);
    }
}

static void rates(const tame_block *b)
{
  for (size_t i = 0; i < b->n; i++) tame_block_put(b, b->r, i, 0);
}

static void step(const tame_block *b)
{
  const an_params *p = b->params;
  const double dt = b->dt_ms, ampa = exp(-dt / p->tau_ampa), nmda = exp(-dt / p->tau_nmda),
               inh = exp(-dt / p->tau_inh), rest = refractory_steps(p, dt);
  const double jump = 1000 * p->g_inh / ((double)b->units * p->tau_inh) * (double)b->active;
  for (size_t i = 0; i < b->n; i++) {
    double x[VARIABLES];
    for (int k = 0; k < VARIABLES; k++) x[k] = tame_block_at(b, b->x, (size_t)k * b->stride + i);
    const double h = tame_block_at(b, b->h, i);
    const double G = 1 / (1 + p->Mg / 3.57 * exp(-x[V] / 16.13));
    const bool rests = x[REFRACTORY] > 0;
    double v = rests ? p->rest
                     : x[V] + dt / p->tau *
                                  (p->rest - x[V] + p->R * (x[AMPA] + x[NMDA] + p->I_ext) -
                                   x[INHIBITION]);
    const bool spikes = v > p->threshold;
    if (spikes) v = p->rest;
    const double after[VARIABLES] = {v, ampa * x[AMPA] + (1 - p->f) * h,
                                     nmda * x[NMDA] + p->f * G * h, inh * x[INHIBITION] + jump,
                                     spikes  ? rest
                                     : rests ? x[REFRACTORY] - 1
                                             : 0};
    for (int k = 0; k < VARIABLES; k++)
      tame_block_put(b, b->x, (size_t)k * b->stride + i, after[k]);
    tame_block_put(b, b->r, i, spikes);
  }
}

extern const tame_cell tame_cell_ampa_nmda;
const tame_cell tame_cell_ampa_nmda = {
    .head = {.name = "ampa_nmda",
             .doc =
                 "tau_m dV/dt = V_R - V + R (I_AMPA + I_NMDA + I_ext) - V_inh, spikes r at V_th; "
                 "arriving spikes h (nA) add to both currents, all spikes to V_inh; variables "
                 "V, I_AMPA, I_NMDA, V_inh, refractory (steps that are left)",
             .params = {.size = sizeof(an_params), .fields = fields}},
    .variables = variables,
    .counts = counts,
    .cycles = cycles,
    .check = check,
    .caution = caution,
    .start = start,
    .step = step,
    .rates = rates,
};
