/* Cell `lstm`, with the equations and the names of PyTorch; gates in the order i, f, g, o:
 *   c' = s(f) c + s(i) tanh(g),  h' = s(o) tanh(c'),  all from W_ih x + b_ih + W_hh h + b_hh.
 * The state is h, then c. Hochreiter & Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735. */
#include "model/cell_lstm.h"
#include "model/gates.h"

#include <string.h>

static const tame_field fields[] = {
    {"units", TAME_INT, .offset = offsetof(tame_lstm_params, units), .min = 1, .max = 1 << 20,
     .doc = "neurons"},
    {"forget_bias", TAME_REAL, .offset = offsetof(tame_lstm_params, forget_bias), .fallback = "0",
     .min = -100, .max = 100, .doc = "constant added to what the forget gate gets"},
    {"two_biases", TAME_BOOL, .offset = offsetof(tame_lstm_params, two_biases), .fallback = "on",
     .doc = "b_ih and b_hh, or b_ih alone"},
    TAME_WEIGHT_FIELDS(tame_lstm_params, weights),
    {0}};

typedef struct lstm {
  tame_layer head;
  tame_gates gates;
  double forget_bias;
} lstm;

static tame_status create(tame_layer *layer, const void *params)
{
  const tame_lstm_params *p = params;
  lstm *l = (lstm *)layer;
  layer->outputs = p->units;
  layer->state = 2 * p->units;
  layer->variables = 2;
  layer->variable[0] = "h";
  layer->variable[1] = "c";
  layer->tape = 5 * p->units; /* i, f, g, o for each sample; tanh(c') */
  layer->work = 4 * p->units;
  l->forget_bias = p->forget_bias;
  l->gates = tame_gates_add(layer, &p->weights, p->units, 4, p->two_biases);
  return TAME_OK;
}

static void step(const tame_layer *layer, const tame_step *s)
{
  const lstm *l = (const lstm *)layer;
  const tame_kernels *kernels = layer->kernels;
  const int64_t n = l->gates.units, all = s->batch * n;
  double *at = s->tape, *gates = tame_take(&at, 4 * all), *tanh_c = tame_take(&at, all);
  const double *c = s->state + all;
  double *c_next = s->next + all;
  tame_gates_run(&l->gates, s, s->state, gates, gates);
  for (int64_t b = 0; b < s->batch; b++) {
    double *p = gates + b * 4 * n;
    for (int64_t i = n; i < 2 * n; i++) p[i] += l->forget_bias;
    kernels->logistic((size_t)(2 * n), p, p);
    kernels->tanh((size_t)n, p + 2 * n, p + 2 * n);
    kernels->logistic((size_t)n, p + 3 * n, p + 3 * n);
    for (int64_t i = 0; i < n; i++)
      c_next[b * n + i] = p[n + i] * c[b * n + i] + p[i] * p[2 * n + i];
  }
  kernels->tanh((size_t)all, c_next, tanh_c);
  for (int64_t b = 0; b < s->batch; b++)
    for (int64_t i = 0; i < n; i++)
      s->next[b * n + i] = gates[b * 4 * n + 3 * n + i] * tanh_c[b * n + i];
  memcpy(s->y, s->next, (size_t)all * sizeof *s->y);
}

static void vjp(const tame_layer *layer, const tame_step *s, const tame_adjoint *a)
{
  const lstm *l = (const lstm *)layer;
  const int64_t n = l->gates.units, all = s->batch * n;
  const double *gates = s->tape, *tanh_c = gates + 4 * all, *c = s->state + all;
  double *d = s->work, *dc_before = a->state + all;
  for (int64_t b = 0; b < s->batch; b++)
    for (int64_t i = 0; i < n; i++) {
      const int64_t k = b * n + i;
      const double *p = gates + b * 4 * n + i;
      double *q = d + b * 4 * n + i;
      const double dh = a->next[k] + a->y[k], in = p[0], forget = p[n], g = p[2 * n], o = p[3 * n];
      const double dc = a->next[all + k] + dh * o * (1 - tanh_c[k] * tanh_c[k]);
      q[0] = dc * g * in * (1 - in);
      q[n] = dc * c[k] * forget * (1 - forget);
      q[2 * n] = dc * in * (1 - g * g);
      q[3 * n] = dh * tanh_c[k] * o * (1 - o);
      dc_before[k] = dc * forget;
    }
  tame_gates_vjp(&l->gates, s, s->state, d, d, a->x, a->state, a->slab);
}

static void jvp(const tame_layer *layer, const tame_step *s, const tame_tangent *t)
{
  const lstm *l = (const lstm *)layer;
  const int64_t n = l->gates.units, all = s->batch * n;
  const double *gates = s->tape, *tanh_c = gates + 4 * all, *c = s->state + all;
  double *d = s->work;
  tame_gates_jvp(&l->gates, s, s->state, t, t->state, d, d);
  for (int64_t b = 0; b < s->batch; b++)
    for (int64_t i = 0; i < n; i++) {
      const int64_t k = b * n + i;
      const double *p = gates + b * 4 * n + i, *q = d + b * 4 * n + i;
      const double in = p[0], forget = p[n], g = p[2 * n], o = p[3 * n];
      const double tc = q[n] * forget * (1 - forget) * c[k] + forget * t->state[all + k] +
                        q[0] * in * (1 - in) * g + in * q[2 * n] * (1 - g * g);
      t->next[all + k] = tc;
      t->next[k] = q[3 * n] * o * (1 - o) * tanh_c[k] + o * tc * (1 - tanh_c[k] * tanh_c[k]);
    }
  memcpy(t->y, t->next, (size_t)all * sizeof *t->y);
}

const tame_cell_kind tame_cell_lstm = {
    .head = {.name = "lstm",
             .doc = "c' = s(f) c + s(i) tanh(g), h' = s(o) tanh(c'); as PyTorch's",
             .params = {.size = sizeof(tame_lstm_params), .fields = fields}},
    .size = sizeof(lstm),
    .create = create,
    .step = step,
    .vjp = vjp,
    .jvp = jvp,
};
