/* Cell `respiratory`: the respiratory oscillator of Rubin, Shevtsova, Ermentrout, Smith & Rybak (2009), J. Neurophysiol.
 * 101:2146-2165, doi:10.1152/jn.90958.2008. A unit is one oscillator of four neurons, 1 pre-I, 2 early-I, 3 post-I,
 * 4 aug-E, that inhibit each other; with b_ji inhibition of i by j, f_i = 1 / (1 + exp(-(V_i + 30) / k_i)), k = 8, 4, 4, 4,
 *
 *     C dV_1/dt = -g_NaP m_p h (V_1 - 50) - g_K n^4 (V_1 + 85) - synapses(1)
 *     C dV_i/dt = -g_AD m_i (V_i + 85) - synapses(i)                                   i = 2, 3, 4
 *     synapses(i) = g_L (V_i + 60) + g_E V_i E_i + g_I (V_i + 75) sum over j of b_ji f_j
 *     dh/dt = (h_inf - h) cosh((V_1 + 48) / 12) / tau_h,   tau_i dm_i/dt = K_i f_i - m_i
 *     m_p = 1 / (1 + exp(-(V_1 + 40) / 6)),  n = 1 / (1 + exp(-(V_1 + 29) / 4)),  h_inf = 1 / (1 + exp((V_1 + 48) / 6))
 *     E_i = sum over drives k of c_i[k] d_k, and a12 f_1 for i = 2
 *
 * h of the network adds to one of the drives, d <- max(d + h, 0): excitation is a conductance, which is not negative.
 *
 * r = f_1. Neurons are in blocks that stay in the first-level cache over the solver's steps, in double whatever the
 * precision of the network. */
#include "network/tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { V1, V2, V3, V4, H, M2, M3, M4, EXTRA /* the step, or the currents of the step before */ };
enum { MOST = EXTRA + 1, BLOCK = 64 };
enum { CORRECT, NOTEBOOK };
enum { EULER, RK4, ADAPTIVE };
enum { BY_EQUATIONS, OWN, EARLY };

typedef struct respiratory_params {
  int equations, solver, I_AD_voltage, input_to;
  double step, rtol, atol;
  double C, g_NaP, g_K, g_L, g_AD, g_E, g_I, tau_h, a12, d[3];
  tame_reals tau_AD, K_AD, c[4], V_start;
  double b31, b41, b32, b42, b23, b43, b24, b34, h_start, spread;
} respiratory_params;

static const char *const equations[] = {"correct", "as_published_notebook", NULL};
static const char *const solvers[] = {"euler", "rk4", "adaptive", NULL};
static const char *const voltages[] = {"by_equations", "own", "early_I", NULL};
static const char *const drives[] = {"d1", "d2", "d3", NULL};

#define AT(member) .offset = offsetof(respiratory_params, member)
#define LISTED(name, member, standard, most, what)                                                 \
  {                                                                                                \
    name, TAME_REALS, AT(member), .fallback = standard, .max = most, .doc = what                   \
  }
#define NUMBER(name, member, standard, what)                                                       \
  {                                                                                                \
    name, TAME_REAL, AT(member), .fallback = standard, .max = 1e6, .doc = what                     \
  }
static const tame_field fields[] = {
    {"equations", TAME_CHOICE, AT(equations), .fallback = "correct", .choices = equations,
     .doc = "those of the paper, or of a published notebook whose slips nearly cancel: g_NaP 0, "
            "K_AD of "
            "3 and 4 changed, I_AD by V2, dh wrong, currents a step late; start values of its own"},
    {"solver", TAME_CHOICE, AT(solver), .fallback = "rk4", .choices = solvers,
     .doc = "forward Euler, Runge-Kutta of order 4, or Dormand-Prince 5(4), each unit with its own "
            "step"},
    {"step_ms", TAME_REAL, AT(step), .fallback = "0", .max = 1e6,
     .doc = "of the solver, a whole number of them in dt_ms; 0: dt_ms. adaptive: the first one "
            "tried; 0: 0.1 or dt_ms"},
    {"rtol", TAME_REAL, AT(rtol), .fallback = "", .min = 1e-13, .max = 0.1,
     .doc = "adaptive: relative error of a step; default: 1e-6"},
    {"atol", TAME_REAL, AT(atol), .fallback = "", .min = 1e-15, .max = 0.1,
     .doc = "adaptive: ... and absolute one, of mV and of gates; default: 1e-8"},
    {"input_to", TAME_CHOICE, AT(input_to), .fallback = "d3", .choices = drives,
     .doc = "to which drive d h = W r + W_in u + bias + noise adds: max(d + h, 0)"},
    LISTED("V_start_mV", V_start, "[]", 0,
           "V1 to V4 at the start; default: -60 each, of the notebook near the end of its run"),
    {"h_start", TAME_REAL, AT(h_start), .fallback = "", .max = 1,
     .doc = "h at the start; default: 0.35, of the notebook 0"},
    NUMBER("V_spread_mV", spread, "0", "a: U(-a, a) added to each V at the start of each trial"),
    {"C_pF", TAME_REAL, AT(C), .fallback = "20", .min = 1e-6, .max = 1e6, .doc = "capacity"},
    {"g_NaP_nS", TAME_REAL, AT(g_NaP), .fallback = "", .max = 1e6,
     .doc = "persistent sodium, of neuron 1; default: 5, of the notebook 0"},
    NUMBER("g_K_nS", g_K, "5", "potassium, of neuron 1"),
    NUMBER("g_L_nS", g_L, "2.8", "leak"),
    NUMBER("g_AD_nS", g_AD, "10", "adaptation, of neurons 2 to 4"),
    NUMBER("g_E_nS", g_E, "10", "excitation"),
    NUMBER("g_I_nS", g_I, "60", "inhibition"),
    {"I_AD_voltage", TAME_CHOICE, AT(I_AD_voltage), .fallback = "by_equations", .choices = voltages,
     .doc = "which V drives adaptation currents: each its own, which is correct, or V2"},
    {"tau_h_ms", TAME_REAL, AT(tau_h), .fallback = "6000", .min = 1e-6, .max = 1e9,
     .doc = "largest time constant of h"},
    {"tau_AD_ms", TAME_REALS, AT(tau_AD), .fallback = "[2000, 1000, 2000]", .min = 1e-6, .max = 1e9,
     .doc = "of adaptation of 2, 3, 4"},
    LISTED("K_AD", K_AD, "[]", 1e6,
           "its strength; default: 0.9, 1.3, 0.9, of the notebook 0.9, 0.9, 1.3"),
    NUMBER("d1", d[0], "1", "drive from the pons"),
    NUMBER("d2", d[1], "1", "drive from the retrotrapezoid nucleus"),
    NUMBER("d3", d[2], "1", "drive from the raphe"),
    LISTED("c1", c[0], "[0.115, 0.07, 0.025]", 1e6, "weights of the drives onto 1"),
    LISTED("c2", c[1], "[0.3, 0.3, 0]", 1e6, "... onto 2"),
    LISTED("c3", c[2], "[0.63, 0, 0]", 1e6, "... onto 3"),
    LISTED("c4", c[3], "[0.33, 0.4, 0]", 1e6, "... onto 4"),
    NUMBER("a12", a12, "0.4", "excitation of 2 by 1"),
    NUMBER("b31", b31, "0.3", "inhibition of 1 by 3"),
    NUMBER("b41", b41, "0.2", "inhibition of 1 by 4"),
    NUMBER("b32", b32, "0.05", "inhibition of 2 by 3"),
    NUMBER("b42", b42, "0.35", "inhibition of 2 by 4"),
    NUMBER("b23", b23, "0.25", "inhibition of 3 by 2"),
    NUMBER("b43", b43, "0.1", "inhibition of 3 by 4"),
    NUMBER("b24", b24, "0.35", "inhibition of 4 by 2"),
    NUMBER("b34", b34, "0.35", "inhibition of 4 by 3"),
    {0}};
#undef NUMBER
#undef LISTED
#undef AT

/* ---- what the parameters come to ------------------------------------------------------------------ */

static const double k[4] = {8, 4, 4, 4}; /* of f */

/* The number, or what stands for it where it is not given. */
static double given_or(double number, double standard)
{
  return isnan(number) ? standard : number;
}

/* The equations, with which drive the input goes. */
static tame_respiratory resolve(const respiratory_params *p)
{
  static const double correct[3] = {0.9, 1.3, 0.9}, notebook[3] = {0.9, 0.9, 1.3};
  const bool slips = p->equations == NOTEBOOK;
  tame_respiratory q = {.C = p->C,
                        .g_NaP = given_or(p->g_NaP, slips ? 0 : 5),
                        .g_K = p->g_K,
                        .g_L = p->g_L,
                        .g_AD = p->g_AD,
                        .g_E = p->g_E,
                        .g_I = p->g_I,
                        .E_Na = 50,
                        .E_K = -85,
                        .E_L = -60,
                        .E_E = 0,
                        .E_I = -75,
                        .tau_h = p->tau_h,
                        .a12 = p->a12,
                        .b31 = p->b31,
                        .b41 = p->b41,
                        .b32 = p->b32,
                        .b42 = p->b42,
                        .b23 = p->b23,
                        .b43 = p->b43,
                        .b24 = p->b24,
                        .b34 = p->b34,
                        .shared = p->I_AD_voltage == BY_EQUATIONS ? slips
                                                                  : p->I_AD_voltage == EARLY};
  memcpy(q.tau_AD, p->tau_AD.at, sizeof q.tau_AD);
  memcpy(q.K_AD, p->K_AD.count ? p->K_AD.at : slips ? notebook : correct, sizeof q.K_AD);
  for (int i = 0; i < 4; i++) {
    for (int drive = 0; drive < 3; drive++) q.E[i] += p->c[i].at[drive] * p->d[drive];
    q.E_of[i] = p->c[i].at[p->input_to];
  }
  return q;
}

/* Steps of the solver in one of the network; of a step_ms that has been checked. */
static int64_t steps_of(const respiratory_params *p, double dt_ms)
{
  return p->step > 0 ? (int64_t)floor(dt_ms / p->step + 0.5) : 1;
}

/* C / g of the neuron with the largest conductance g it can have: its time constant is not below. */
static double fastest_neuron(const tame_respiratory *q)
{
  const double inhibition[4] = {q->b31 + q->b41, q->b32 + q->b42, q->b23 + q->b43, q->b24 + q->b34};
  double most = 0;
  for (int i = 0; i < 4; i++) {
    const double own = i == 0 ? q->g_NaP + q->g_K : q->g_AD * q->K_AD[i - 1];
    const double g = own + q->g_L + q->g_E * (q->E[i] + (i == 1 ? q->a12 : 0)) +
                     q->g_I * inhibition[i];
    most = fmax(most, g);
  }
  return most > 0 ? q->C / most : INFINITY;
}

static double fastest_adaptation(const respiratory_params *p)
{
  return fmin(p->tau_AD.at[0], fmin(p->tau_AD.at[1], p->tau_AD.at[2]));
}

/* The least time constant of all that moves, and which it is. That of h is least at V1 = 0 of -85 to 0 mV; the
 * notebook's h has none. */
static double fastest(const respiratory_params *p, const char **which)
{
  const tame_respiratory q = resolve(p);
  const double neuron = fastest_neuron(&q), adaptation = fastest_adaptation(p);
  const double h = p->equations == NOTEBOOK ? INFINITY : p->tau_h / cosh(48.0 / 12);
  const double least = fmin(neuron, fmin(adaptation, h));
  *which = least == neuron       ? "C / g"
           : least == adaptation ? "tau_AD_ms"
                                 : "tau_h_ms / cosh((V1 + 48) / 12) at V1 = 0 mV";
  return least;
}

/* ---- what it says of itself ----------------------------------------------------------------------- */

#define EIGHT                                                                                      \
  {"V1", "mV"}, {"V2", "mV"}, {"V3", "mV"}, {"V4", "mV"}, {"h", "1"}, {"m2", "1"}, {"m3", "1"},    \
  {                                                                                                \
    "m4", "1"                                                                                      \
  }
static const tame_variable plain[] = {EIGHT, {NULL, NULL}};
static const tame_variable with_step[] = {EIGHT, {"step", "ms"}, {NULL, NULL}};
static const tame_variable with_lag[] = {EIGHT, {"I_late", "pA"}, {NULL, NULL}};
static const tame_variable outputs[] = {{"f1", "1"},
                                        {"f2", "1"},
                                        {"f3", "1"},
                                        {"f4", "1"},
                                        {NULL, NULL}};

static const tame_variable *variables(const void *params)
{
  const respiratory_params *p = params;
  if (p->equations == NOTEBOOK) return with_lag;
  return p->solver == ADAPTIVE ? with_step : plain;
}

static double derive(const tame_kernels *kernels, const void *params, int which, const double *x)
{
  double f;
  (void)params;
  kernels->boltzmann(1, -30, k[which], &x[which], &f);
  return f;
}

static double cycles(const void *params, double dt_ms)
{
  const respiratory_params *p = params;
  const double slopes = 40; /* cycles or so of a unit's derivatives */
  if (p->solver == ADAPTIVE) return 7 * slopes * (1 + dt_ms);
  return slopes * (double)steps_of(p, dt_ms) * (p->solver == RK4 ? 4 : 1);
}

static tame_status check_count(const tame_reals *list, int64_t count, const char *name,
                               const char **key)
{
  *key = name;
  if (list->count == count) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "found %lld numbers, want %lld", (long long)list->count,
                   (long long)count);
}

static tame_status check_lists(const respiratory_params *p, const char **key)
{
  static const char *const names[] = {"c1", "c2", "c3", "c4"};
  tame_status status = check_count(&p->tau_AD, 3, "tau_AD_ms", key);
  for (int i = 0; status == TAME_OK && i < 4; i++) status = check_count(&p->c[i], 3, names[i], key);
  if (status == TAME_OK && p->K_AD.count) status = check_count(&p->K_AD, 3, "K_AD", key);
  if (status == TAME_OK && p->V_start.count)
    status = check_count(&p->V_start, 4, "V_start_mV", key);
  return status;
}

/* A million steps in dt_ms at most: a run looks up for signals in between steps of the network. */
static tame_status check_step(const respiratory_params *p, double dt_ms)
{
  if (p->step == 0) return TAME_OK;
  if (p->step < 1e-6 * dt_ms)
    return tame_fail(TAME_ERR_INPUT, "found %g, want 0, or at least a millionth of dt_ms = %g",
                     p->step, dt_ms);
  if (p->solver == ADAPTIVE && p->step <= dt_ms) return TAME_OK;
  const int64_t steps = steps_of(p, dt_ms);
  if (steps < 1 || fabs((double)steps * p->step - dt_ms) > 1e-9 * dt_ms)
    return tame_fail(TAME_ERR_INPUT, "found %g, of which no whole number makes dt_ms = %g", p->step,
                     dt_ms);
  return TAME_OK;
}

static tame_status check(const void *params, double dt_ms, const char **key)
{
  const respiratory_params *p = params;
  const tame_status status = check_lists(p, key);
  if (status != TAME_OK) return status;
  *key = "solver";
  if (p->equations == NOTEBOOK && p->solver != EULER)
    return tame_fail(TAME_ERR_INPUT, "found %s, but equations as_published_notebook want euler",
                     solvers[p->solver]);
  *key = isnan(p->rtol) ? "atol" : "rtol";
  if (p->solver != ADAPTIVE && !(isnan(p->rtol) && isnan(p->atol)))
    return tame_fail(TAME_ERR_INPUT, "found %g, which has no meaning for solver %s",
                     given_or(p->rtol, p->atol), solvers[p->solver]);
  *key = "step_ms";
  const tame_status fits = check_step(p, dt_ms);
  if (fits != TAME_OK || p->solver != EULER) return fits;
  *key = "tau_AD_ms";
  const double step = dt_ms / (double)steps_of(p, dt_ms), least = fastest_adaptation(p);
  if (step <= least) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT,
                   "found %g, want at least the solver's step, %g ms: forward Euler is unstable",
                   least, step);
}

static void caution(const void *params, double dt_ms, char *text, size_t size)
{
  const respiratory_params *p = params;
  const char *which;
  const double step = dt_ms / (double)steps_of(p, dt_ms), least = fastest(p, &which);
  if (p->solver != ADAPTIVE && step > least / 2)
    snprintf(text, size,
             "a step of %g ms is more than half of the fastest time constant, %s = %.3g ms: "
             "want a step_ms of at most %.2g",
             step, which, least, least / 2);
}

/* ---- starting --------------------------------------------------------------------------------------- */

static void start(const tame_block *b)
{
  static const double correct[4] = {-60, -60, -60, -60};
  static const double notebook[4] = {-50.82041612, -36.22710468, -36.83931196, -41.83978807};
  const respiratory_params *p = b->params;
  const double *V = p->V_start.count           ? p->V_start.at
                    : p->equations == NOTEBOOK ? notebook
                                               : correct;
  double first[MOST] = {V[0], V[1], V[2], V[3],
                        given_or(p->h_start, p->equations == NOTEBOOK ? 0 : 0.35)};
  int count = 0;
  while (variables(p)[count].name) count++;
  if (p->solver == ADAPTIVE) first[EXTRA] = p->step > 0 ? p->step : fmin(0.1, b->dt_ms);
  for (int v = 0; v < count; v++)
    for (size_t i = 0; i < b->n; i++) {
      const uint32_t id = (uint32_t)(b->first + (int64_t)i);
      double x = first[v];
      if (v < 4 && p->spread > 0)
        x += p->spread *
             (2 * tame_uniform(b->seed, TAME_DRAW_STATE, id, (uint32_t)v, b->trial) - 1);
      tame_block_put(b, b->x, (size_t)v * b->stride + i, x);
    }
}

static void rates(const tame_block *b)
{
  double V[BLOCK];
  for (size_t from = 0; from < b->n; from += BLOCK) {
    const size_t n = b->n - from < BLOCK ? b->n - from : BLOCK;
    tame_block_load(b, b->x, from, n, V);
    b->kernels->boltzmann(n, -30, k[0], V, V);
    tame_block_store(b, b->r, from, n, V);
  }
}

/* ---- the notebook's steps ---------------------------------------------------------------------------- */

/* Forward Euler with its slips. x: [9][n]. In a step adaptation comes first, its currents are of the new m, those of
 * potassium and sodium of the step before, and h becomes dt h_inf / tau. */
static void run_notebook(const tame_kernels *kernels, const tame_respiratory *q, const double *u,
                         size_t n, double dt, int64_t steps, double *x)
{
  double f[4][BLOCK], gates[3][BLOCK];
  for (int64_t s = 0; s < steps; s++) {
    for (int i = 0; i < 4; i++) kernels->boltzmann(n, -30, k[i], x + (size_t)i * n, f[i]);
    kernels->boltzmann(n, -40, 6, x, gates[0]);
    kernels->boltzmann(n, -29, 4, x, gates[1]);
    kernels->boltzmann(n, -48, -6, x, gates[2]);
    for (size_t j = 0; j < n; j++) {
      const double V[4] = {x[j], x[n + j], x[2 * n + j], x[3 * n + j]};
      const double inhibition[4] = {q->b31 * f[2][j] + q->b41 * f[3][j],
                                    q->b32 * f[2][j] + q->b42 * f[3][j],
                                    q->b23 * f[1][j] + q->b43 * f[3][j],
                                    q->b24 * f[1][j] + q->b34 * f[2][j]};
      for (size_t i = 0; i < 3; i++) {
        double *const m = &x[(M2 + i) * n + j];
        *m += dt / q->tau_AD[i] * (q->K_AD[i] * f[i + 1][j] - *m);
      }
      for (size_t i = 0; i < 4; i++) {
        const double E = q->E[i] + q->E_of[i] * u[j] + (i == 1 ? q->a12 * f[0][j] : 0);
        const double own = i == 0 ? x[EXTRA * n + j]
                                  : q->g_AD * x[(M2 + i - 1) * n + j] *
                                        ((q->shared ? V[1] : V[i]) - q->E_K);
        x[i * n + j] -= dt / q->C *
                        (own + q->g_L * (V[i] - q->E_L) + q->g_E * (V[i] - q->E_E) * E +
                         q->g_I * (V[i] - q->E_I) * inhibition[i]);
      }
      const double g = gates[1][j], h_inf = gates[2][j];
      x[EXTRA * n + j] = q->g_NaP * gates[0][j] * x[H * n + j] * (V[0] - q->E_Na) +
                         q->g_K * g * g * g * g * (V[0] - q->E_K);
      x[H * n + j] = dt / q->tau_h * cosh((V[0] + 48) / 12) * h_inf;
    }
  }
}

/* ---- steps that adapt --------------------------------------------------------------------------------- */

/* Dormand & Prince (1980), J. Comput. Appl. Math. 6:19-26: seven stages, the last at the solution of order 5, whose
 * slopes are the first of the next step; weights of the error are those of order 5 less those of order 4. */
enum { STAGES = 7, LANES = TAME_TILE, NUMBERS = TAME_RESPIRATORY * LANES };
static const double tableau[STAGES][STAGES - 1] = {
    {0},
    {1.0 / 5},
    {3.0 / 40, 9.0 / 40},
    {44.0 / 45, -56.0 / 15, 32.0 / 9},
    {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
    {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
    {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}};
static const double error_of[STAGES] = {71.0 / 57600,      0,          -71.0 / 16695, 71.0 / 1920,
                                        -17253.0 / 339200, 22.0 / 525, -1.0 / 40};

typedef struct stages {
  double slope[STAGES][NUMBERS]; /* [8][LANES] each */
  double y[NUMBERS];             /* where the last of them is */
} stages;

/* Of a step h[l] of each lane from x. */
static void try_step(const tame_kernels *kernels, const tame_respiratory *q, const double *u,
                     const double h[LANES], const double *x, stages *s)
{
  for (int stage = 1; stage < STAGES; stage++) {
    double sum[NUMBERS] = {0};
    for (int j = 0; j < stage; j++)
      for (int a = 0; a < NUMBERS; a++) sum[a] += tableau[stage][j] * s->slope[j][a];
    for (int a = 0; a < NUMBERS; a++) s->y[a] = x[a] + h[a % LANES] * sum[a];
    kernels->respiratory_slopes(LANES, q, u, s->y, s->slope[stage]);
  }
}

/* Root mean square error of lane l, in units of what is allowed. */
static double error_in(const respiratory_params *p, const double *x, const stages *s, double h,
                       int l)
{
  double squares = 0;
  for (int v = 0; v < TAME_RESPIRATORY; v++) {
    const int a = v * LANES + l;
    double error = 0;
    for (int j = 0; j < STAGES; j++) error += error_of[j] * s->slope[j][a];
    error *= h /
             (given_or(p->atol, 1e-8) + given_or(p->rtol, 1e-6) * fmax(fabs(x[a]), fabs(s->y[a])));
    squares += error * error;
  }
  return sqrt(squares / TAME_RESPIRATORY);
}

/* By how much the next step is to be longer. */
static double growth(double error)
{
  if (!(error > 1e-10)) return error >= 0 ? 5 : 0.2; /* NaN: the step went nowhere */
  return fmin(5, fmax(0.2, 0.9 * pow(error, -0.2)));
}

/* LANES units over dt, each by steps of its own, whose length is kept in x[EXTRA]; a unit that has arrived makes steps
 * of 0. x: [9][LANES]. A step that has come to nothing, and a unit that needs more than a million of them, leave NaN,
 * which is found as any divergence is. */
static void run_adaptive(const respiratory_params *p, const tame_kernels *kernels,
                         const tame_respiratory *q, const double *u, double dt, double *x)
{
  double *const wanted = x + NUMBERS, done[LANES] = {0}, h[LANES];
  stages s;
  kernels->respiratory_slopes(LANES, q, u, x, s.slope[0]);
  bool any = true;
  for (int64_t left = 1000000; any; left--) {
    for (int l = 0; l < LANES; l++) {
      if (done[l] < dt && (left == 0 || wanted[l] < 1e-12 * dt)) x[l] = NAN, done[l] = dt;
      h[l] = fmin(wanted[l], dt - done[l]);
    }
    try_step(kernels, q, u, h, x, &s);
    any = false;
    for (int l = 0; l < LANES; l++) {
      if (!(h[l] > 0)) continue;
      const double error = error_in(p, x, &s, h[l], l), next = h[l] * growth(error);
      const bool last = h[l] < wanted[l] || h[l] == dt - done[l];
      if (error <= 1) {
        done[l] = last ? dt : done[l] + h[l];
        for (int v = 0; v < TAME_RESPIRATORY; v++) {
          x[v * LANES + l] = s.y[v * LANES + l];
          s.slope[0][v * LANES + l] = s.slope[STAGES - 1][v * LANES + l];
        }
        wanted[l] = last ? fmax(wanted[l], next)
                         : next; /* a step cut short says nothing against it */
      } else {
        wanted[l] = next;
      }
      any = any || done[l] < dt;
    }
  }
}

/* ---- steps of blocks ------------------------------------------------------------------------------------ */

/* n units from the array on; x: [variables][room], where units up to room are like the last one. u: their input, which
 * takes from a drive at most what it is. */
static void fetch(const tame_block *b, size_t from, size_t n, size_t room, size_t variables,
                  double *x, double *u)
{
  const respiratory_params *p = b->params;
  const double least = -p->d[p->input_to];
  tame_block_load(b, b->h, from, n, u);
  for (size_t i = 0; i < n; i++) u[i] = u[i] < least ? least : u[i]; /* NaN stays */
  for (size_t i = n; i < room; i++) u[i] = u[n - 1];
  for (size_t v = 0; v < variables; v++) {
    double *const row = x + v * room;
    tame_block_load(b, b->x, v * b->stride + from, n, row);
    for (size_t i = n; i < room; i++) row[i] = row[n - 1];
  }
}

static void put(const tame_block *b, size_t from, size_t n, size_t room, size_t variables,
                const double *x)
{
  for (size_t v = 0; v < variables; v++)
    tame_block_store(b, b->x, v * b->stride + from, n, x + v * room);
}

static void step(const tame_block *b)
{
  const respiratory_params *p = b->params;
  const tame_respiratory q = resolve(p);
  const int64_t steps = steps_of(p, b->dt_ms);
  const double dt = b->dt_ms / (double)steps;
  const bool notebook = p->equations == NOTEBOOK, adaptive = p->solver == ADAPTIVE;
  const size_t variables = TAME_RESPIRATORY + (notebook || adaptive);
  const size_t most = adaptive ? LANES : BLOCK;
  double x[MOST * BLOCK], u[BLOCK];
  for (size_t from = 0; from < b->n; from += most) {
    const size_t n = b->n - from < most ? b->n - from : most, room = tame_padded(n);
    fetch(b, from, n, room, variables, x, u);
    if (notebook) run_notebook(b->kernels, &q, u, room, dt, steps, x);
    else if (adaptive) run_adaptive(p, b->kernels, &q, u, b->dt_ms, x);
    else b->kernels->respiratory_run(room, &q, u, p->solver == RK4, dt, steps, x);
    put(b, from, n, room, variables, x);
  }
  rates(b);
}

extern const tame_cell tame_cell_respiratory;
const tame_cell tame_cell_respiratory = {
    .head = {.name = "respiratory",
             .doc =
                 "an oscillator of four neurons that breathes (Rubin et al. 2009), r = f1; "
                 "variables V1 to V4, h, m2 to m4, f1 to f4; of solver adaptive also step, of the "
                 "notebook I_late",
             .params = {.size = sizeof(respiratory_params), .fields = fields}},
    .variables = variables,
    .derived = outputs,
    .derive = derive,
    .cycles = cycles,
    .check = check,
    .caution = caution,
    .start = start,
    .step = step,
    .rates = rates,
};
