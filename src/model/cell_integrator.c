/* Cell `integrator`: leaky integrators behind exponential synapses, to read spikes with:
 *   g <- p_s g + W x + b,   o <- p o + (1 - p) g,   p = exp(-elapsed / tau), p_s likewise; y =
 *   o. */
#include "model/layer.h"

#include <math.h>
#include <string.h>

typedef struct integrator_params {
  int64_t units;
  double tau_syn, tau;
  tame_weight_params weights;
} integrator_params;

static const tame_field fields[] = {
    {"units", TAME_INT, .offset = offsetof(integrator_params, units), .min = 1, .max = 1 << 20,
     .doc = "outputs"},
    {"tau_syn", TAME_REAL, .offset = offsetof(integrator_params, tau_syn), .fallback = "10",
     .min = 1e-9, .max = 1e9, .doc = "time constant of synapses, in the unit of the elapsed time"},
    {"tau", TAME_REAL, .offset = offsetof(integrator_params, tau), .fallback = "5", .min = 1e-9,
     .max = 1e9, .doc = "time constant of the integrators"},
    TAME_WEIGHT_FIELDS(integrator_params, weights),
    {0}};

typedef struct integrator {
  tame_layer head;
  double tau_syn, tau;
  tame_affine in;
} integrator;

static tame_status create(tame_layer *layer, const void *params)
{
  const integrator_params *p = params;
  integrator *r = (integrator *)layer;
  const int64_t n = p->units, in = layer->inputs;
  r->tau_syn = p->tau_syn;
  r->tau = p->tau;
  r->in = tame_affine_add(layer, tame_weights_view(&p->weights, n, in, in, false), "weight", NULL,
                          tame_bias_view(&p->weights, n, in), "bias");
  layer->outputs = n;
  layer->variables = 2;
  layer->variable[0] = "g";
  layer->variable[1] = "o";
  layer->state = 2 * n;
  layer->work = n;
  return TAME_OK;
}

/* From a state and the drive to the next state and the output; linear, so it serves for tangents
 * too. */
static void integrate(const integrator *r, const tame_step *s, const double *state,
                      const double *drive, double *next, double *y)
{
  const int64_t n = r->head.outputs, all = s->batch * n;
  for (int64_t b = 0; b < s->batch; b++) {
    const double d = tame_elapsed(s, b), ps = exp(-d / r->tau_syn), p = exp(-d / r->tau);
    for (int64_t k = b * n; k < (b + 1) * n; k++) {
      next[k] = ps * state[k] + drive[k];
      next[all + k] = p * state[all + k] + (1 - p) * next[k];
    }
  }
  memcpy(y, next + all, (size_t)all * sizeof *y);
}

static void step(const tame_layer *layer, const tame_step *s)
{
  const integrator *r = (const integrator *)layer;
  tame_affine_run(&r->in, s, s->x, s->work);
  integrate(r, s, s->state, s->work, s->next, s->y);
}

static void vjp(const tame_layer *layer, const tame_step *s, const tame_adjoint *a)
{
  const integrator *r = (const integrator *)layer;
  const int64_t n = layer->outputs, all = s->batch * n;
  double *ddrive = s->work;
  for (int64_t b = 0; b < s->batch; b++) {
    const double d = tame_elapsed(s, b), ps = exp(-d / r->tau_syn), p = exp(-d / r->tau);
    for (int64_t k = b * n; k < (b + 1) * n; k++) {
      const double dout = a->next[all + k] + a->y[k];
      ddrive[k] = a->next[k] + (1 - p) * dout;
      a->state[k] = ps * ddrive[k];
      a->state[all + k] = p * dout;
    }
  }
  tame_clear(s->batch * layer->inputs, a->x);
  tame_affine_vjp(&r->in, s, s->x, ddrive, a->x, a->slab);
}

static void jvp(const tame_layer *layer, const tame_step *s, const tame_tangent *t)
{
  const integrator *r = (const integrator *)layer;
  tame_affine_jvp(&r->in, s, s->x, t->slab, t->x, s->work);
  integrate(r, s, t->state, s->work, t->next, t->y);
}

extern const tame_cell_kind tame_cell_integrator;
const tame_cell_kind tame_cell_integrator = {
    .head = {.name = "integrator",
             .doc = "leaky integrators that read spikes: tau do/dt = -o + g",
             .params = {.size = sizeof(integrator_params), .fields = fields}},
    .size = sizeof(integrator),
    .create = create,
    .step = step,
    .vjp = vjp,
    .jvp = jvp,
    .one_way = "it reads spikes, and cells that spike go forwards only",
};
