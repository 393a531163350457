/* Parameters of a network: their table, checks, and what they will cost; see tame/network.h. */
#include "network/inside.h"

#include "base/schema.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

static const char *const precisions[] = {"double", "float", NULL};
static const char *const noise_scalings[] = {"per_step", "sqrt_dt", NULL};
static const char *const distributions[] = {"normal", "uniform", NULL};
static const char *const input_weights[] = {"normal", "uniform", "one_to_one", NULL};
static const char *const scalings[] = {"variance", "spectral_radius", NULL};
static const char *const plasticities[] = {"none", "per_neuron", "per_synapse", NULL};

#define AT(member) .offset = offsetof(tame_network_params, member)
static const tame_field fields[] = {
    {"neurons", TAME_INT, AT(neurons), .fallback = "0", .max = 2e9,
     .doc = "N, in the whole network; 0: as many as the cell has features"},
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
     .doc =
         "g: W ~ N(0, g^2 / K), K the expected number of sources of a neuron; see scaling. Not of "
         "wirings that say what W is"},
    {"scaling", TAME_CHOICE, AT(scaling), .fallback = "variance", .choices = scalings,
     .doc = "variance: as gain says; spectral_radius: the largest |eigenvalue| of W is g"},
    {"input_scale", TAME_REAL, AT(input_scale), .fallback = "1", .max = 1e6,
     .doc = "s: W_in ~ N(0, s^2), or U(-s, s)"},
    {"input_weights", TAME_CHOICE, AT(input_weights), .fallback = "normal",
     .choices = input_weights,
     .doc = "their distribution, and that of the bias; one_to_one: input c reaches neuron c, by s; "
            "each bias is its s"},
    {"input_density", TAME_REAL, AT(input_density), .fallback = "1", .max = 1,
     .doc = "probability of each input weight; the others are 0"},
    {"bias_scale", TAME_REAL, AT(bias_scale), .fallback = "0", .max = 1e6,
     .doc = "s: a constant current b_i ~ N(0, s^2), or U(-s, s), of each neuron"},
    {"feedback_scale", TAME_REAL, AT(feedback_scale), .fallback = "0", .max = 1e6,
     .doc = "s: W_fb ~ N(0, s^2), or U(-s, s), by which readouts are fed back; 0: they are not. Of "
            "nvar: features are also of s y"},
    {"feedback_weights", TAME_CHOICE, AT(feedback_weights), .fallback = "normal",
     .choices = distributions, .doc = "their distribution"},
    {"output_scale", TAME_REAL, AT(output_scale), .fallback = "1", .max = 1e6,
     .doc = "s: W_out ~ N(0, s^2 / N) before training"},
    {"initial_mean", TAME_REAL, AT(initial_mean), .fallback = "0", .min = -1e6, .max = 1e6,
     .doc = "c: x(0) ~ c + U(-a, a)"},
    {"initial_range", TAME_REAL, AT(initial_range), .fallback = "1", .max = 1e6,
     .doc = "a: x(0) ~ c + U(-a, a), anew for every trial"},
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

/* Keys, of numbers or choices, that have no meaning here: they must have their defaults. */
static tame_status check_unused(const tame_network_params *p, const char *const *unused,
                                const char *why, const char **key)
{
  for (const tame_field *f = fields; f->name; f++)
    for (size_t k = 0; unused[k]; k++) {
      union {
        double real;
        int choice;
      } standard;
      const size_t size = f->kind == TAME_REAL ? sizeof standard.real : sizeof standard.choice;
      if (strcmp(f->name, unused[k]) != 0) continue;
      *key = f->name;
      const tame_status status = tame_schema_default(f, &standard);
      if (status != TAME_OK) return status;
      if (memcmp(&standard, (const char *)p + f->offset, size) != 0)
        return tame_fail(TAME_ERR_INPUT, "has no meaning for %s; leave it out", why);
    }
  return TAME_OK;
}

/* Nothing is drawn, and nothing moves by itself. */
static tame_status check_features(const tame_network_params *p, const char **key)
{
  static const char *const unused[] = {"gain",
                                       "scaling",
                                       "input_scale",
                                       "input_weights",
                                       "input_density",
                                       "bias_scale",
                                       "feedback_weights",
                                       "initial_mean",
                                       "initial_range",
                                       "noise",
                                       "noise_scaling",
                                       "plasticity",
                                       "plastic_fraction",
                                       "noise_distribution",
                                       NULL};
  char why[128];
  snprintf(why, sizeof why, "cell %s, whose units are features of the inputs", p->cell.row->name);
  return check_unused(p, unused, why, key);
}

/* Weights that are not drawn. */
static tame_status check_weights(const tame_network_params *p, const char **key)
{
  static const char *const scales[] = {"gain", "scaling", NULL}, *const density[] = {
                                                                     "input_density", NULL};
  char why[128];
  tame_status status = TAME_OK;
  snprintf(why, sizeof why, "wiring %s, which says what the weights are", p->wiring.row->name);
  if (((const tame_wiring *)p->wiring.row)->weight) status = check_unused(p, scales, why, key);
  if (status != TAME_OK || p->input_weights != TAME_ONE_TO_ONE) return status;
  status = check_unused(p, density, "input_weights: one_to_one", key);
  if (status != TAME_OK) return status;
  *key = "input_weights";
  if (p->inputs < 1 || p->inputs > p->neurons)
    return tame_fail(TAME_ERR_INPUT,
                     "found one_to_one with %lld inputs, want 1 to %lld, for the first neurons",
                     (long long)p->inputs, (long long)p->neurons);
  return TAME_OK;
}

/* How many neurons: by the cell, or by the one who asks for them. */
static tame_status check_neurons(const tame_network_params *p, const char **key)
{
  const tame_features *features = tame_network_features(p);
  *key = "neurons";
  if (!features && p->neurons > 0) return TAME_OK;
  if (!features)
    return tame_fail(TAME_ERR_INPUT,
                     "found 0, want a whole number from 1 to 2e+09: how many neurons cell %s has "
                     "must be given",
                     p->cell.row->name);
  const int64_t channels = tame_network_channels(p),
                want = features->units(p->cell.params, channels);
  if (p->neurons > 0 && p->neurons != want && want < INT64_MAX)
    return tame_fail(TAME_ERR_INPUT,
                     "found %lld, want 0 or %lld, as many as cell %s has features of %lld channels",
                     (long long)p->neurons, (long long)want, p->cell.row->name,
                     (long long)channels);
  *key = "inputs";
  if (channels < 1)
    return tame_fail(TAME_ERR_INPUT, "found 0, of which cell %s has no features",
                     p->cell.row->name);
  *key = "cell";
  if (want == INT64_MAX)
    return tame_fail(TAME_ERR_INPUT, "%s has more than 2e+09 features of %lld channels",
                     p->cell.row->name, (long long)channels);
  *key = "wiring";
  if (strcmp(p->wiring.row->name, "none") != 0)
    return tame_fail(TAME_ERR_INPUT, "found %s, but units of cell %s have no synapses: want none",
                     p->wiring.row->name, p->cell.row->name);
  return check_features(p, key);
}

int64_t tame_network_units(const tame_network_params *p)
{
  if (p->neurons > 0) return p->neurons;
  return tame_network_features(p)->units(p->cell.params, tame_network_channels(p));
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
  *key = "feedback_scale";
  if (p->feedback_scale > 0 && p->outputs == 0)
    return tame_fail(TAME_ERR_INPUT, "found %g, but network.outputs = 0", p->feedback_scale);
  status = cell->check(p->cell.params, p->dt_ms, &which);
  snprintf(path, sizeof path, "cell.%s.%s", cell->head.name, which);
  if (status == TAME_OK) {
    status = check_neurons(p, &which);
    if (status == TAME_OK) status = check_weights(p, &which);
    snprintf(path, sizeof path, "%s", which);
  }
  if (status == TAME_OK) {
    status = wiring->check(p->wiring.params, tame_network_units(p), &which);
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
  const tame_features *features = tame_network_features(p);
  const int64_t units = tame_network_units(p);
  const double n = (double)units, real = p->precision == TAME_FLOAT ? 4 : 8;
  const double synapses = n * wiring->expected(p->wiring.params, units);
  const double channels = (double)p->inputs + (p->bias_scale > 0) +
                          (p->feedback_scale > 0 ? (double)p->outputs : 0);
  const double a_neuron = 3 * real + 16 + channels * real; /* x, h, r; start, plastic */
  double everywhere = n * (2 * real + 8 + (double)p->outputs * real + 9);
  if (features)
    everywhere += 8 * (double)features->memory(p->cell.params, tame_network_channels(p));
  const double drawing = 2.0 * n * omp_get_max_threads() * sizeof(int32_t);
  const double a_synapse = real + (tame_network_is_dense(p) ? 0 : sizeof(int32_t));
  return (synapses * a_synapse + n * a_neuron) / ranks + everywhere +
         fmax(drawing, tame_network_scaling_bytes(p));
}
