/* Gates of gru and lstm; see gates.h. */
#include "model/gates.h"

tame_gates tame_gates_add(tame_layer *layer, const tame_weight_params *p, int64_t units, int gates,
                          bool two_biases)
{
  const int64_t width = gates * units;
  tame_gates g = {.units = units, .width = width, .bias_recurrent = -1};
  g.in = tame_map_add(layer, tame_weights_view(p, width, layer->inputs, units, false), "weight_ih",
                      NULL);
  g.recurrent = tame_map_add(layer, tame_weights_view(p, width, units, units, true), "weight_hh",
                             NULL);
  g.bias_in = tame_layer_add(layer, tame_bias_view(p, width, units), "bias_ih");
  if (two_biases)
    g.bias_recurrent = tame_layer_add(layer, tame_bias_view(p, width, units), "bias_hh");
  return g;
}

/* out = bias, or out += bias. */
static void put_bias(const tame_gates *g, const double *slab, int64_t bias, int64_t batch, bool add,
                     double *out)
{
  const double *from = bias < 0 ? NULL : slab + bias;
  if (!add) tame_bias_run(g->width, batch, from, out);
  for (int64_t b = 0; add && from && b < batch; b++)
    for (int64_t k = 0; k < g->width; k++) out[b * g->width + k] += from[k];
}

static void put_biases(const tame_gates *g, const double *slab, int64_t batch, double *from_x,
                       double *from_h)
{
  put_bias(g, slab, g->bias_in, batch, false, from_x);
  put_bias(g, slab, g->bias_recurrent, batch, from_x == from_h, from_h);
}

void tame_gates_run(const tame_gates *g, const tame_step *s, const double *h, double *from_x,
                    double *from_h)
{
  put_biases(g, s->slab, s->batch, from_x, from_h);
  tame_map_run(&g->in, s, s->x, from_x);
  tame_map_run(&g->recurrent, s, h, from_h);
}

void tame_gates_vjp(const tame_gates *g, const tame_step *s, const double *h, const double *dfrom_x,
                    const double *dfrom_h, double *dx, double *dh, double *dslab)
{
  const int64_t batch = s->batch;
  tame_clear(batch * g->units, dh);
  tame_map_back(&g->recurrent, s, dfrom_h, dh);
  tame_map_slope(&g->recurrent, s, h, dfrom_h, dslab);
  tame_map_slope(&g->in, s, s->x, dfrom_x, dslab);
  tame_bias_slope(g->width, batch, dfrom_x, dslab + g->bias_in);
  if (g->bias_recurrent >= 0) tame_bias_slope(g->width, batch, dfrom_h, dslab + g->bias_recurrent);
  tame_clear(batch * g->in.inputs, dx);
  if (dx) tame_map_back(&g->in, s, dfrom_x, dx);
}

void tame_gates_jvp(const tame_gates *g, const tame_step *s, const double *h, const tame_tangent *t,
                    const double *th, double *tfrom_x, double *tfrom_h)
{
  put_biases(g, t->slab, s->batch, tfrom_x, tfrom_h);
  tame_map_run_along(&g->in, s, t->slab, s->x, tfrom_x);
  tame_map_run_along(&g->recurrent, s, t->slab, h, tfrom_h);
  tame_map_run(&g->in, s, t->x, tfrom_x);
  tame_map_run(&g->recurrent, s, th, tfrom_h);
}
