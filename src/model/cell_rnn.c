/* Cell `rnn`: the plain recurrent network, discrete or leaky, dense or wired by a circuit. With a =
 * elapsed / tau, or 1:
 *   form rate:     h' = (1 - a) h + a f(W_ih x + W_hh h + b),       y = h'
 *   form current:  h' = (1 - a) h + a (W_ih x + W_hh f(h) + b),     y = f(h') */
#include "model/layer.h"

#include <math.h>
#include <string.h>

typedef struct rnn_params {
  int64_t units;
  tame_variant circuit;
  bool dale;
  int activation, form;
  double tau;
  tame_weight_params weights;
} rnn_params;

static const char *const forms[] = {"rate", "current", NULL};
static const tame_field fields[] = {
    {"units", TAME_INT, .offset = offsetof(rnn_params, units), .fallback = "0", .min = 0,
     .max = 1 << 20, .doc = "neurons; 0 with a circuit, which has its own number"},
    {"circuit", TAME_VARIANT, .offset = offsetof(rnn_params, circuit), .fallback = "",
     .table = &tame_circuits, .doc = "who connects to whom; none: all to all"},
    {"dale", TAME_BOOL, .offset = offsetof(rnn_params, dale), .fallback = "off",
     .doc = "do weights keep the signs of the circuit"},
    {"activation", TAME_CHOICE, .offset = offsetof(rnn_params, activation), .fallback = "tanh",
     .choices = tame_activations, .doc = "f"},
    {"form", TAME_CHOICE, .offset = offsetof(rnn_params, form), .fallback = "rate",
     .choices = forms, .doc = "does f act on the sum (rate) or on the state (current)"},
    {"tau", TAME_REAL, .offset = offsetof(rnn_params, tau), .fallback = "", .min = 1e-9, .max = 1e9,
     .doc = "time constant, in the unit of the elapsed time; none: a = 1"},
    TAME_WEIGHT_FIELDS(rnn_params, weights),
    {0}};

typedef struct rnn {
  tame_layer head;
  int64_t units;
  bool of_current;
  double tau; /* NaN: a = 1 */
  tame_activation activation;
  tame_circuit circuit; /* empty: dense */
  tame_affine in;
  tame_map recurrent;
} rnn;

/* Keep the signs of synapses: a matter of views that are there. */
static void add_maps(rnn *r, const rnn_params *p)
{
  tame_layer *layer = &r->head;
  const int64_t n = r->units;
  const bool wired = r->circuit.units > 0;
  tame_view in = tame_weights_view(&p->weights, n, layer->inputs, n, false);
  tame_view recurrent = tame_weights_view(&p->weights, n, n, n, true);
  if (p->dale) in.limit = recurrent.limit = TAME_LIMIT_SIGN;
  r->in.map = tame_map_add(layer, in, "weight_ih", wired ? &r->circuit.sensory : NULL);
  r->recurrent = tame_map_add(layer, recurrent, "weight_hh", wired ? &r->circuit.inner : NULL);
  r->in.bias = tame_layer_add(layer, tame_bias_view(&p->weights, n, n), "bias");
}

static tame_status create(tame_layer *layer, const void *params)
{
  const rnn_params *p = params;
  rnn *r = (rnn *)layer;
  const bool wired = p->circuit.row != NULL;
  if (wired == (p->units > 0))
    return tame_fail(TAME_ERR_INPUT, "units: found %lld %s a circuit, want one of the two",
                     (long long)p->units, wired ? "and" : "without");
  if (p->dale && !wired) return tame_fail(TAME_ERR_INPUT, "dale: found on, want a circuit with it");
  if (wired && p->weights.init == TAME_WEIGHTS_ORTHOGONAL)
    return tame_fail(TAME_ERR_INPUT, "init: found orthogonal, want another one with a circuit");
  if (wired) {
    const tame_status status = tame_circuit_build(&r->circuit, &p->circuit, layer->inputs);
    if (status != TAME_OK) return status;
    layer->circuit = &r->circuit;
  }
  r->units = wired ? r->circuit.units : p->units;
  r->of_current = p->form == 1;
  r->tau = p->tau;
  r->activation = (tame_activation)p->activation;
  add_maps(r, p);
  layer->variables = 1;
  layer->variable[0] = "h";
  layer->state = r->units;
  layer->outputs = wired ? r->circuit.outputs : r->units;
  layer->tape = 4 * r->units;
  layer->work = 3 * r->units;
  return TAME_OK;
}

static void free_circuit(tame_layer *layer)
{
  tame_circuit_free(&((rnn *)layer)->circuit);
}

static double rate_of(const rnn *r, const tame_step *s, int64_t sample)
{
  return isnan(r->tau) ? 1 : tame_elapsed(s, sample) / r->tau;
}

/* out = (1 - a) old + a new, for each sample its own a. */
static void leak(const rnn *r, const tame_step *s, const double *old, const double *new,
                 double *out)
{
  const int64_t n = r->units;
  for (int64_t b = 0; b < s->batch; b++) {
    const double a = rate_of(r, s, b);
    for (int64_t i = b * n; i < (b + 1) * n; i++) out[i] = (1 - a) * old[i] + a * new[i];
  }
}

/* The first outputs of each sample's units. */
static void pick(const rnn *r, const tame_step *s, const double *of_units, double *y)
{
  for (int64_t b = 0; b < s->batch; b++)
    memcpy(y + b * r->head.outputs, of_units + b * r->units, (size_t)r->head.outputs * sizeof *y);
}

/* What a step keeps: z and f(z), z being what f acted on in this step; for currents f(h) too. */
typedef struct tape {
  double *z, *f, *before, *before_f;
} tape;

static tape tape_of(const rnn *r, const tame_step *s)
{
  const int64_t all = s->batch * r->units;
  double *at = s->tape;
  tape t;
  t.z = tame_take(&at, all);
  t.f = tame_take(&at, all);
  t.before = tame_take(&at, all);
  t.before_f = tame_take(&at, all);
  return t;
}

static void step(const tame_layer *layer, const tame_step *s)
{
  const rnn *r = (const rnn *)layer;
  const int64_t n = r->units, all = s->batch * n;
  const tape t = tape_of(r, s);
  const double *rates = s->state;
  if (r->of_current) {
    memcpy(t.before, s->state, (size_t)all * sizeof *t.before);
    tame_activate(r->activation, layer->kernels, all, s->state, t.before_f);
    rates = t.before_f;
  }
  tame_affine_run(&r->in, s, s->x, t.z);
  tame_map_run(&r->recurrent, s, rates, t.z);
  if (r->of_current) {
    leak(r, s, s->state, t.z, s->next);
    memcpy(t.z, s->next, (size_t)all * sizeof *t.z);
    tame_activate(r->activation, layer->kernels, all, t.z, t.f);
    pick(r, s, t.f, s->y);
  } else {
    tame_activate(r->activation, layer->kernels, all, t.z, t.f);
    leak(r, s, s->state, t.f, s->next);
    pick(r, s, s->next, s->y);
  }
}

static void rates(const tame_layer *layer, const double *state, double *y)
{
  const rnn *r = (const rnn *)layer;
  memcpy(y, state, (size_t)layer->outputs * sizeof *y);
  if (r->of_current) tame_activate(r->activation, layer->kernels, layer->outputs, y, y);
}

/* Through the maps: dz is known, rates went in; drates is set. */
static void maps_vjp(const rnn *r, const tame_step *s, const double *rates, const double *dz,
                     const tame_adjoint *a, double *drates)
{
  tame_clear(s->batch * r->units, drates);
  tame_map_back(&r->recurrent, s, dz, drates);
  tame_map_slope(&r->recurrent, s, rates, dz, a->slab);
  tame_clear(s->batch * r->head.inputs, a->x);
  tame_affine_vjp(&r->in, s, s->x, dz, a->x, a->slab);
}

/* total = dL/d next + the share of y, times slope where y = f(next). */
static void join(const rnn *r, const tame_step *s, const tame_adjoint *a, const double *slope,
                 double *total)
{
  const int64_t n = r->units, out = r->head.outputs;
  for (int64_t b = 0; b < s->batch; b++)
    for (int64_t i = 0; i < n; i++) {
      const int64_t at = b * n + i;
      const double dy = i < out ? a->y[b * out + i] : 0;
      total[at] = a->next[at] + (slope ? dy * slope[at] : dy);
    }
}

static void vjp(const tame_layer *layer, const tame_step *s, const tame_adjoint *a)
{
  const rnn *r = (const rnn *)layer;
  const int64_t n = r->units, all = s->batch * n;
  const tape t = tape_of(r, s);
  double *work = s->work, *slope = tame_take(&work, all), *total = tame_take(&work, all),
         *dz = tame_take(&work, all);
  tame_activation_slope(r->activation, layer->kernels, all, t.z, t.f, slope);
  join(r, s, a, r->of_current ? slope : NULL, total);
  for (int64_t b = 0; b < s->batch; b++)
    for (int64_t i = b * n; i < (b + 1) * n; i++)
      dz[i] = rate_of(r, s, b) * total[i] * (r->of_current ? 1 : slope[i]);
  maps_vjp(r, s, r->of_current ? t.before_f : s->state, dz, a, a->state);
  if (r->of_current) {
    tame_activation_slope(r->activation, layer->kernels, all, t.before, t.before_f, slope);
    for (int64_t i = 0; i < all; i++) a->state[i] *= slope[i];
  }
  for (int64_t b = 0; b < s->batch; b++)
    for (int64_t i = b * n; i < (b + 1) * n; i++) a->state[i] += (1 - rate_of(r, s, b)) * total[i];
}

static void jvp(const tame_layer *layer, const tame_step *s, const tame_tangent *t)
{
  const rnn *r = (const rnn *)layer;
  const int64_t n = r->units, all = s->batch * n;
  const tape kept = tape_of(r, s);
  double *work = s->work, *slope = tame_take(&work, all), *trates = tame_take(&work, all),
         *tz = tame_take(&work, all);
  const double *rates = s->state;
  memcpy(trates, t->state, (size_t)all * sizeof *trates);
  if (r->of_current) {
    rates = kept.before_f;
    tame_activation_slope(r->activation, layer->kernels, all, kept.before, kept.before_f, slope);
    for (int64_t i = 0; i < all; i++) trates[i] *= slope[i];
  }
  tame_affine_jvp(&r->in, s, s->x, t->slab, t->x, tz);
  tame_map_run_along(&r->recurrent, s, t->slab, rates, tz);
  tame_map_run(&r->recurrent, s, trates, tz);
  tame_activation_slope(r->activation, layer->kernels, all, kept.z, kept.f, slope);
  if (!r->of_current)
    for (int64_t i = 0; i < all; i++) tz[i] *= slope[i];
  leak(r, s, t->state, tz, t->next);
  for (int64_t i = 0; i < all; i++) trates[i] = t->next[i] * (r->of_current ? slope[i] : 1);
  pick(r, s, trates, t->y);
}

extern const tame_cell_kind tame_cell_rnn;
const tame_cell_kind tame_cell_rnn = {
    .head = {.name = "rnn",
             .doc = "h' = (1 - a) h + a f(W_ih x + W_hh h + b), or f on the state; a = elapsed/tau "
                    "or 1",
             .params = {.size = sizeof(rnn_params), .fields = fields}},
    .size = sizeof(rnn),
    .create = create,
    .step = step,
    .vjp = vjp,
    .jvp = jvp,
    .rates = rates,
    .free = free_circuit,
};
