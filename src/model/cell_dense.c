/* Cell `dense`: y = f(W x + b), without a state; a readout, say. */
#include "model/layer.h"

#include <string.h>

typedef struct dense_params {
  int64_t units;
  int activation;
  bool bias;
  tame_weight_params weights;
} dense_params;

static const tame_field fields[] = {{"units", TAME_INT, .offset = offsetof(dense_params, units),
                                     .min = 1, .max = 1 << 20, .doc = "outputs"},
                                    {"activation", TAME_CHOICE,
                                     .offset = offsetof(dense_params, activation),
                                     .fallback = "linear", .choices = tame_activations, .doc = "f"},
                                    {"bias", TAME_BOOL, .offset = offsetof(dense_params, bias),
                                     .fallback = "on", .doc = "is there a b"},
                                    TAME_WEIGHT_FIELDS(dense_params, weights),
                                    {0}};

typedef struct dense {
  tame_layer head;
  tame_activation activation;
  tame_affine affine;
} dense;

static tame_status create(tame_layer *layer, const void *params)
{
  const dense_params *p = params;
  dense *d = (dense *)layer;
  const int64_t n = p->units, in = layer->inputs;
  d->activation = (tame_activation)p->activation;
  d->affine = tame_affine_add(layer, tame_weights_view(&p->weights, n, in, in, false), "weight",
                              NULL, tame_bias_view(&p->weights, p->bias ? n : 0, in), "bias");
  layer->outputs = n;
  layer->tape = 2 * n; /* z, f(z) */
  layer->work = n;
  return TAME_OK;
}

static void step(const tame_layer *layer, const tame_step *s)
{
  const dense *d = (const dense *)layer;
  const int64_t all = s->batch * layer->outputs;
  double *z = s->tape, *f = z + all;
  tame_affine_run(&d->affine, s, s->x, z);
  tame_activate(d->activation, layer->kernels, all, z, f);
  memcpy(s->y, f, (size_t)all * sizeof *f);
}

static void vjp(const tame_layer *layer, const tame_step *s, const tame_adjoint *a)
{
  const dense *d = (const dense *)layer;
  const int64_t all = s->batch * layer->outputs;
  const double *z = s->tape, *f = z + all;
  double *dz = s->work;
  tame_activation_slope(d->activation, layer->kernels, all, z, f, dz);
  for (int64_t i = 0; i < all; i++) dz[i] *= a->y[i];
  tame_clear(s->batch * layer->inputs, a->x);
  tame_affine_vjp(&d->affine, s, s->x, dz, a->x, a->slab);
}

static void jvp(const tame_layer *layer, const tame_step *s, const tame_tangent *t)
{
  const dense *d = (const dense *)layer;
  const int64_t all = s->batch * layer->outputs;
  const double *z = s->tape, *f = z + all;
  double *slope = s->work;
  tame_affine_jvp(&d->affine, s, s->x, t->slab, t->x, t->y);
  tame_activation_slope(d->activation, layer->kernels, all, z, f, slope);
  for (int64_t i = 0; i < all; i++) t->y[i] *= slope[i];
}

extern const tame_cell_kind tame_cell_dense;
const tame_cell_kind tame_cell_dense = {
    .head = {.name = "dense",
             .doc = "y = f(W x + b), no state",
             .params = {.size = sizeof(dense_params), .fields = fields}},
    .size = sizeof(dense),
    .create = create,
    .step = step,
    .vjp = vjp,
    .jvp = jvp,
    .one_way = "it has no state, so that both directions would be the same",
};
