/* Parameters of a network: their table, checks, and what they will cost; see tame/network.h. */
#include "network/tables.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>

static const char *const precisions[] = {"double", "float", NULL};
static const char *const noise_scalings[] = {"per_step", "sqrt_dt", NULL};
static const char *const distributions[] = {"normal", "uniform", NULL};
static const char *const scalings[] = {"variance", "spectral_radius", NULL};
static const char *const plasticities[] = {"none", "per_neuron", "per_synapse", NULL};

#define AT(member) .offset = offsetof(tame_network_params, member)
static const tame_field fields[] = {
    {"neurons", TAME_INT, AT(neurons), .min = 1, .max = 2e9, .doc = "N, in the whole network"},
    {"inputs", TAME_INT, AT(inputs), .fallback = "1", .max = 1e6,
     .doc = "channels for the tasks' stimuli"},
    {"outputs", TAME_INT, AT(outputs), .fallback = "1", .max = 1e6, .doc = "readouts z = W_out r"},
    {"dt_ms", TAME_REAL, AT(dt_ms), .fallback = "1", .min = 1e-6, .max = 1e6, .doc = "step"},
    {"precision", TAME_CHOICE, AT(precision), .fallback = "double", .choices = precisions,
     .doc = "of weights, states, P and recordings"},
    {"cell", TAME_VARIANT, AT(cell), .fallback = "rate", .table = &tame_cells,
     .doc = "how a unit moves"},
    {"wiring", TAME_VARIANT, AT(wiring), .fallback = "random", .table = &tame_wirings,
     .doc = "who connects to whom"},
    {"gain", TAME_REAL, AT(gain), .fallback = "1.5", .max = 1e6,
     .doc = "g: W ~ N(0, g^2 / K), K the expected number of sources of a neuron; see scaling"},
    {"scaling", TAME_CHOICE, AT(scaling), .fallback = "variance", .choices = scalings,
     .doc = "variance: as gain says; spectral_radius: the largest |eigenvalue| of W is g"},
    {"input_scale", TAME_REAL, AT(input_scale), .fallback = "1", .max = 1e6,
     .doc = "s: W_in ~ N(0, s^2), or U(-s, s)"},
    {"input_weights", TAME_CHOICE, AT(input_weights), .fallback = "normal",
     .choices = distributions, .doc = "their distribution, and that of the bias"},
    {"input_density", TAME_REAL, AT(input_density), .fallback = "1", .max = 1,
     .doc = "probability of each input weight; the others are 0"},
    {"bias_scale", TAME_REAL, AT(bias_scale), .fallback = "0", .max = 1e6,
     .doc = "s: a constant current b_i ~ N(0, s^2), or U(-s, s), of each neuron"},
    {"output_scale", TAME_REAL, AT(output_scale), .fallback = "1", .max = 1e6,
     .doc = "s: W_out ~ N(0, s^2 / N) before training"},
    {"initial_range", TAME_REAL, AT(initial_range), .fallback = "1", .max = 1e6,
     .doc = "a: x(0) ~ U(-a, a), anew for every trial"},
    {"noise", TAME_REAL, AT(noise), .fallback = "0", .max = 1e6,
     .doc = "s: xi ~ N(0, s^2), or U(-s, s): the noise current of each neuron"},
    {"noise_distribution", TAME_CHOICE, AT(noise_distribution), .fallback = "normal",
     .choices = distributions, .doc = "of xi"},
    {"noise_scaling", TAME_CHOICE, AT(noise_scaling), .fallback = "per_step",
     .choices = noise_scalings, .doc = "xi each step, or xi sqrt(dt_ms); the same at 1 ms"},
    {"plasticity", TAME_CHOICE, AT(plasticity), .fallback = "per_neuron", .choices = plasticities,
     .doc =
         "the first plastic_fraction of neurons with all their inputs, or each synapse with that "
         "probability"},
    {"plastic_fraction", TAME_REAL, AT(plastic_fraction), .fallback = "0.6", .max = 1,
     .doc = "of neurons or synapses, see plasticity"},
    {"seed", TAME_INT, AT(seed), .fallback = "1", .max = 9007199254740992.0,
     .doc = "of everything random"},
    {0}};
#undef AT

const tame_schema tame_network_schema = {sizeof(tame_network_params), fields};

tame_status tame_network_defaults(tame_network_params *params)
{
  return tame_defaults(&tame_network_schema, params);
}

tame_status tame_network_check(const tame_network_params *p, const char **key)
{
  static char path[256];
  const tame_cell *cell = (const tame_cell *)p->cell.row;
  const tame_wiring *wiring = (const tame_wiring *)p->wiring.row;
  const char *which = "";
  *key = "cell";
  if (!cell || !wiring) return tame_fail(TAME_ERR_INPUT, "a network needs a cell and a wiring");
  tame_status status = tame_schema_check(&tame_network_schema, p, key);
  if (status != TAME_OK) return status;
  status = cell->check(p->cell.params, p->dt_ms, &which);
  snprintf(path, sizeof path, "cell.%s.%s", cell->head.name, which);
  if (status == TAME_OK) {
    status = wiring->check(p->wiring.params, p->neurons, &which);
    snprintf(path, sizeof path, "wiring.%s.%s", wiring->head.name, which);
  }
  *key = path;
  return status;
}

bool tame_network_is_dense(const tame_network_params *p)
{
  const tame_wiring *wiring = (const tame_wiring *)p->wiring.row;
  const bool mixed = p->plasticity == TAME_PLASTIC_PER_SYNAPSE && p->plastic_fraction > 0 &&
                     p->plastic_fraction < 1;
  return !mixed && wiring->all_to_all && wiring->all_to_all(p->wiring.params, p->neurons);
}

double tame_network_estimate(const tame_network_params *p, int ranks)
{
  const tame_wiring *wiring = (const tame_wiring *)p->wiring.row;
  const double n = (double)p->neurons, real = p->precision == TAME_FLOAT ? 4 : 8;
  const double synapses = n * wiring->expected(p->wiring.params, p->neurons);
  const double channels = (double)p->inputs + (p->bias_scale > 0);
  const double a_neuron = 3 * real + 16 + channels * real; /* x, h, r; start, plastic */
  const double everywhere = n * (2 * real + 8 + (double)p->outputs * real + 9);
  const double drawing = 2.0 * n * omp_get_max_threads() * sizeof(int32_t);
  const double a_synapse = real + (tame_network_is_dense(p) ? 0 : sizeof(int32_t));
  return (synapses * a_synapse + n * a_neuron) / ranks + everywhere +
         fmax(drawing, tame_network_scaling_bytes(p));
}
