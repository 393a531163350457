/* Source `spikes`: random spikes with random labels, to be learnt by heart. Zenke & Ganguli (2018), Neural
 * Computation 30:1514-1541, doi:10.1162/neco_a_01086; this form: Zenke's tutorial SpyTorch, and BrainPy's
 * example of surrogate gradients, whose numbers are the defaults. */
#include "task/tables.h"

enum { LABEL, SPIKES }; /* streams */

typedef struct spikes_params {
  int64_t steps, inputs, classes;
  double rate_hz, dt_ms;
} spikes_params;

#define AT(member) .offset = offsetof(spikes_params, member)
static const tame_field fields[] = {
    {"steps", TAME_INT, AT(steps), .fallback = "100", .min = 1, .max = 1e8, .doc = "of a sequence"},
    {"inputs", TAME_INT, AT(inputs), .fallback = "100", .min = 1, .max = 1e8, .doc = "channels"},
    {"rate_hz", TAME_REAL, AT(rate_hz), .fallback = "10", .max = 1e9,
     .doc = "of spikes in each channel: one in a step with probability rate_hz dt_ms / 1000"},
    {"dt_ms", TAME_REAL, AT(dt_ms), .fallback = "1", .min = 1e-6, .max = 1e9, .doc = "of a step"},
    {"classes", TAME_INT, AT(classes), .fallback = "2", .min = 2, .max = 1e6,
     .doc = "labels, one a sequence, each as likely as the others"},
    {0}};
#undef AT

static double chance(const spikes_params *p)
{
  return p->rate_hz * p->dt_ms * 1e-3;
}

static tame_status shape(const void *params, tame_data_shape *out, const char **key)
{
  const spikes_params *p = params;
  *key = "rate_hz";
  if (!(chance(p) <= 1))
    return tame_fail(TAME_ERR_INPUT, "found %g, want at most %g, a spike in each step of %g ms",
                     p->rate_hz, 1e3 / p->dt_ms, p->dt_ms);
  *key = "";
  *out = (tame_data_shape){
      .steps = p->steps, .inputs = p->inputs, .target_steps = 1, .width = 1, .classes = p->classes};
  return TAME_OK;
}

static void draw(const void *params, const tame_draws *draws, double *x, double *target,
                 double *elapsed)
{
  const spikes_params *p = params;
  const double limit = chance(p);
  (void)elapsed;
  tame_draws_uniforms(draws, SPIKES, p->steps * p->inputs, x);
  for (int64_t k = 0; k < p->steps * p->inputs; k++) x[k] = x[k] < limit;
  target[0] = (double)tame_draws_below(draws, LABEL, 0, p->classes);
}

extern const tame_source tame_source_spikes;
const tame_source tame_source_spikes = {
    .head = {.name = "spikes",
             .doc = "independent random spikes, and a random class for each sequence",
             .params = {.size = sizeof(spikes_params), .fields = fields}},
    .shape = shape,
    .draw = draw,
};
