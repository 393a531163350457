/* Cell `cfc`: closed-form continuous-time neurons. From u = [x, h], or what a backbone makes of it,
 * and the elapsed time d:
 *   default:  h' = (1 - s) f1 + s f2,  f1, f2 = tanh of maps ff1 and ff2,  s = logistic(d t_a +
 *   t_b) no_gate:  h' = f1 + s f2
 *   pure:     h' = A - A exp(-d (|w_tau| + |f1|)) f1,  f1 = ff1 itself
 * With a circuit there is one such cell for each of its layers, without a backbone; each hears the
 * layer before by the circuit's synapses (in ff1 and ff2) and itself fully; the last one's first
 * units are the outputs. Hasani et al. (2022), doi:10.1038/s42256-022-00556-7; as ncps' torch
 * cells, or (convention tf) its TensorFlow ones, which have no tanh, and s = logistic(-d t_a +
 * t_b). */
#include "base/memory.h"
#include "model/layer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LAYERS = 8, MOST_PARTS = 3 };

typedef struct cfc_params {
  int64_t units;
  tame_variant circuit;
  int mode, convention, activation;
  int64_t backbone_units, backbone_layers;
  bool mixed_memory;
} cfc_params;

static const char *const modes[] = {"default", "no_gate", "pure", NULL};
enum { DEFAULT, NO_GATE, PURE };
static const char *const conventions[] = {"torch", "tf", NULL};

#define AT(member) .offset = offsetof(cfc_params, member)
static const tame_field fields[] = {
    {"units", TAME_INT, AT(units), .fallback = "0", .min = 0, .max = 1 << 20,
     .doc = "neurons; 0 with a circuit, which has its own number"},
    {"circuit", TAME_VARIANT, AT(circuit), .fallback = "", .table = &tame_circuits,
     .doc = "who connects to whom; none: a backbone"},
    {"mode", TAME_CHOICE, AT(mode), .fallback = "default", .choices = modes,
     .doc = "which closed form"},
    {"convention", TAME_CHOICE, AT(convention), .fallback = "torch", .choices = conventions,
     .doc = "that of ncps for PyTorch, or for TensorFlow"},
    {"backbone_units", TAME_INT, AT(backbone_units), .fallback = "128", .min = 1, .max = 1 << 20,
     .doc = "of each layer of the backbone"},
    {"backbone_layers", TAME_INT, AT(backbone_layers), .fallback = "1", .min = 0,
     .max = MOST_LAYERS, .doc = "of the backbone"},
    {"activation", TAME_CHOICE, AT(activation), .fallback = "lecun_tanh",
     .choices = tame_activations, .doc = "of the backbone"},
    {"mixed_memory", TAME_BOOL, AT(mixed_memory), .fallback = "off",
     .doc = "an LSTM gives the state that a step starts from"},
    {0}};

/* One layer of neurons. */
typedef struct part {
  int64_t inputs, units, column; /* of the state, its first */
  int64_t width;                 /* of what ff1 and the others hear */
  int layers;                    /* of the backbone */
  tame_affine backbone[MOST_LAYERS], ff1, ff2, time_a, time_b;
  int64_t w_tau, A;   /* of the mode pure */
  tame_synapses mask; /* of ff1 and ff2; owned; empty: all */
} part;

typedef struct cfc {
  tame_layer head;
  int64_t units, backbone_units;
  int mode;
  bool tf;
  tame_activation activation;
  tame_circuit circuit;
  part part[MOST_PARTS];
  int parts;
  int64_t widest; /* of what parts hear, and backbones */
} cfc;

/* ---- making ---------------------------------------------------------------------------------- */

/* Weights by Glorot; biases as PyTorch's linear maps have them, or 0. */
static tame_affine add_affine(cfc *c, const char *prefix, const char *name, int64_t out, int64_t in,
                              const tame_synapses *mask)
{
  const tame_weight_params glorot = {.init = TAME_WEIGHTS_XAVIER_UNIFORM, .gain = 1},
                           torch = {.init = TAME_WEIGHTS_TORCH, .gain = 1};
  char weight[64], bias[64];
  snprintf(weight, sizeof weight, "%s%s.weight", prefix, name);
  snprintf(bias, sizeof bias, "%s%s.bias", prefix, name);
  return tame_affine_add(&c->head, tame_weights_view(&glorot, out, in, in, false), weight, mask,
                         tame_bias_view(c->tf ? &glorot : &torch, out, in), bias);
}

static int64_t add_row(cfc *c, const char *prefix, const char *name, int64_t n)
{
  const tame_weight_params glorot = {.init = TAME_WEIGHTS_XAVIER_UNIFORM, .gain = 1};
  char full[64];
  snprintf(full, sizeof full, "%s%s", prefix, name);
  return tame_layer_add(&c->head, tame_weights_view(&glorot, 1, n, n, false), full);
}

static void add_part_views(cfc *c, part *p, const char *prefix)
{
  const tame_synapses *mask = p->mask.start ? &p->mask : NULL;
  char name[32];
  p->width = p->inputs + p->units;
  for (int k = 0; k < p->layers; k++) {
    snprintf(name, sizeof name, "backbone.%d", 2 * k); /* as in torch's list, activations between */
    p->backbone[k] = add_affine(c, prefix, name, c->backbone_units, p->width, NULL);
    p->width = c->backbone_units;
  }
  p->ff1 = add_affine(c, prefix, "ff1", p->units, p->width, mask);
  if (c->mode == PURE) {
    p->w_tau = add_row(c, prefix, "w_tau", p->units);
    p->A = add_row(c, prefix, "A", p->units);
  } else {
    p->ff2 = add_affine(c, prefix, "ff2", p->units, p->width, mask);
    p->time_a = add_affine(c, prefix, "time_a", p->units, p->width, NULL);
    p->time_b = add_affine(c, prefix, "time_b", p->units, p->width, NULL);
  }
}

/* Who a layer of the circuit hears: the layer before, or the inputs, by synapses; itself fully.
 * Counts, or fills in. */
static int64_t list_mask(const tame_synapses *from, tame_circuit_layer before,
                         tame_circuit_layer own, int64_t destination, int32_t *sources)
{
  int64_t count = 0;
  const int64_t j = own.first + destination;
  for (int64_t k = from->start[j]; k < from->start[j + 1]; k++) {
    const int64_t i = from->source[k] - before.first;
    if (i < 0 || i >= before.count) continue;
    if (sources) sources[count] = (int32_t)i;
    count++;
  }
  for (int64_t i = 0; i < own.count; i++, count++)
    if (sources) sources[count] = (int32_t)(before.count + i);
  return count;
}

static tame_status make_mask(const cfc *c, int number, part *p)
{
  const tame_circuit *w = &c->circuit;
  const tame_synapses *from = number == 0 ? &w->sensory : &w->inner;
  const tame_circuit_layer own = w->layer[number], before = number == 0
                                                                ? (tame_circuit_layer){0, w->inputs}
                                                                : w->layer[number - 1];
  tame_synapses *m = &p->mask;
  m->sources = before.count + own.count;
  m->destinations = own.count;
  m->start = tame_zeroed(own.count + 1, sizeof *m->start, "a layer");
  if (!m->start) return TAME_ERR_NOMEM;
  for (int64_t j = 0; j < own.count; j++)
    m->start[j + 1] = m->start[j] + list_mask(from, before, own, j, NULL);
  m->count = m->start[own.count];
  m->source = tame_zeroed(m->count, sizeof *m->source, "a layer");
  if (!m->source) return TAME_ERR_NOMEM;
  for (int64_t j = 0; j < own.count; j++) list_mask(from, before, own, j, m->source + m->start[j]);
  return TAME_OK;
}

static tame_status make_wired(cfc *c, const cfc_params *params)
{
  tame_status status = tame_circuit_build(&c->circuit, &params->circuit, c->head.inputs);
  if (status != TAME_OK) return status;
  c->head.circuit = &c->circuit;
  c->units = c->circuit.units;
  c->head.outputs = c->circuit.outputs;
  for (int k = 0; k < c->circuit.layers && status == TAME_OK; k++) {
    char prefix[32];
    part *p = &c->part[c->parts++];
    p->inputs = k == 0 ? c->head.inputs : c->part[k - 1].units;
    p->units = c->circuit.layer[k].count;
    p->column = k == 0 ? 0 : c->part[k - 1].column + c->part[k - 1].units;
    status = make_mask(c, k, p);
    snprintf(prefix, sizeof prefix, "layer_%d.", k);
    if (status == TAME_OK) add_part_views(c, p, prefix);
  }
  return status;
}

static void make_plain(cfc *c, const cfc_params *params)
{
  part *p = &c->part[c->parts++];
  c->units = c->head.outputs = params->units;
  p->inputs = c->head.inputs;
  p->units = params->units;
  p->layers = (int)params->backbone_layers;
  add_part_views(c, p, "");
}

/* Numbers that a part keeps of a step, for a sample: u, the backbone's z and f, and four arrays of
 * units. */
static int64_t part_tape(const cfc *c, const part *p)
{
  return p->inputs + p->units + p->layers * 2 * c->backbone_units + 4 * p->units;
}

static tame_status create(tame_layer *layer, const void *params)
{
  const cfc_params *p = params;
  cfc *c = (cfc *)layer;
  const bool wired = p->circuit.row != NULL;
  if (wired == (p->units > 0))
    return tame_fail(TAME_ERR_INPUT, "units: found %lld %s a circuit, want one of the two",
                     (long long)p->units, wired ? "and" : "without");
  if (wired &&
      (p->backbone_units != 128 || p->backbone_layers != 1 || p->activation != TAME_LECUN_TANH))
    return tame_fail(TAME_ERR_INPUT, "circuit: found one, and parameters of a backbone, which it "
                                     "has not");
  c->mode = p->mode;
  c->tf = p->convention == 1;
  c->activation = (tame_activation)p->activation;
  c->backbone_units = p->backbone_units;
  if (wired) {
    const tame_status status = make_wired(c, p);
    if (status != TAME_OK) return status;
  } else {
    make_plain(c, p);
  }
  layer->variables = 1;
  layer->variable[0] = "h";
  layer->state = c->units;
  c->widest = c->backbone_units;
  for (int k = 0; k < c->parts; k++) {
    const int64_t wide = c->part[k].inputs + c->part[k].units;
    layer->tape += part_tape(c, &c->part[k]);
    if (wide > c->widest) c->widest = wide;
  }
  layer->work = 3 * c->widest + 5 * c->units;
  return TAME_OK;
}

static void free_parts(tame_layer *layer)
{
  cfc *c = (cfc *)layer;
  for (int k = 0; k < c->parts; k++) {
    free(c->part[k].mask.start);
    free(c->part[k].mask.source);
  }
  tame_circuit_free(&c->circuit);
}

static bool has_memory(const void *params)
{
  return ((const cfc_params *)params)->mixed_memory;
}

/* ---- a step ---------------------------------------------------------------------------------- */

/* What a part keeps, [batch][.]: u; z and f of the backbone's layers; f1, f2, s (pure: f1, the
 * power, -); h'. */
typedef struct tape {
  double *u, *backbone, *f1, *f2, *s, *h;
} tape;

static tape tape_of(const cfc *c, const tame_step *st, int number)
{
  double *at = st->tape;
  for (int k = 0; k < number; k++) at += st->batch * part_tape(c, &c->part[k]);
  const part *p = &c->part[number];
  tape t;
  t.u = tame_take(&at, st->batch * (p->inputs + p->units));
  t.backbone = tame_take(&at, st->batch * p->layers * 2 * c->backbone_units);
  t.f1 = tame_take(&at, st->batch * p->units);
  t.f2 = tame_take(&at, st->batch * p->units);
  t.s = tame_take(&at, st->batch * p->units);
  t.h = tame_take(&at, st->batch * p->units);
  return t;
}

/* z of a layer of the backbone; f is behind it. */
static double *backbone_z(const cfc *c, const tame_step *st, const tape *t, int k)
{
  return t->backbone + st->batch * 2 * c->backbone_units * k;
}

/* What ff1 and the others hear. */
static const double *heard(const cfc *c, const tame_step *st, const part *p, const tape *t)
{
  if (p->layers == 0) return t->u;
  return backbone_z(c, st, t, p->layers - 1) + st->batch * c->backbone_units;
}

/* n numbers of each sample, from columns of one array to those of another. */
static void copy_columns(int64_t batch, int64_t n, const double *from, int64_t from_stride,
                         double *to, int64_t to_stride)
{
  for (int64_t b = 0; b < batch; b++)
    memcpy(to + b * to_stride, from + b * from_stride, (size_t)n * sizeof *to);
}

/* u = [x, the part's columns of the state] */
static void join(const cfc *c, const part *p, int64_t batch, const double *x, const double *state,
                 double *u)
{
  const int64_t wide = p->inputs + p->units;
  copy_columns(batch, p->inputs, x, p->inputs, u, wide);
  copy_columns(batch, p->units, state + p->column, c->units, u + p->inputs, wide);
}

/* The part's columns of the state = h. */
static void put_columns(const cfc *c, const part *p, int64_t batch, const double *h, double *state)
{
  copy_columns(batch, p->units, h, p->units, state + p->column, c->units);
}

/* y = the first units of the last part's h. */
static void put_outputs(const cfc *c, int64_t batch, const double *h, double *y)
{
  copy_columns(batch, c->head.outputs, h, c->part[c->parts - 1].units, y, c->head.outputs);
}

/* s = logistic(+-d t_a + t_b), from t_a in s and t_b in room. */
static void gate(const cfc *c, const tame_step *st, const part *p, double *s, const double *t_b)
{
  for (int64_t b = 0; b < st->batch; b++) {
    const double d = c->tf ? -tame_elapsed(st, b) : tame_elapsed(st, b);
    for (int64_t k = b * p->units; k < (b + 1) * p->units; k++) s[k] = s[k] * d + t_b[k];
  }
  c->head.kernels->logistic((size_t)(st->batch * p->units), s, s);
}

static void close_default(const cfc *c, const tame_step *st, const part *p, const tape *t,
                          const double *x)
{
  const size_t all = (size_t)(st->batch * p->units);
  tame_affine_run(&p->ff2, st, x, t->f2);
  if (!c->tf) c->head.kernels->tanh(all, t->f1, t->f1);
  if (!c->tf) c->head.kernels->tanh(all, t->f2, t->f2);
  tame_affine_run(&p->time_a, st, x, t->s);
  tame_affine_run(&p->time_b, st, x, t->h); /* room: h is set below */
  gate(c, st, p, t->s, t->h);
  for (size_t k = 0; k < all; k++)
    t->h[k] = (c->mode == DEFAULT ? (1 - t->s[k]) * t->f1[k] : t->f1[k]) + t->s[k] * t->f2[k];
}

static void close_pure(const tame_step *st, const part *p, const tape *t)
{
  const double *w_tau = st->slab + p->w_tau, *A = st->slab + p->A;
  for (int64_t k = 0; k < st->batch * p->units; k++) {
    const int64_t i = k % p->units;
    t->f2[k] = exp(-tame_elapsed(st, k / p->units) * (fabs(w_tau[i]) + fabs(t->f1[k])));
    t->h[k] = A[i] - A[i] * t->f2[k] * t->f1[k];
  }
}

static void step(const tame_layer *layer, const tame_step *st)
{
  const cfc *c = (const cfc *)layer;
  const double *x = st->x;
  for (int number = 0; number < c->parts; number++) {
    const part *p = &c->part[number];
    const tape t = tape_of(c, st, number);
    join(c, p, st->batch, x, st->state, t.u);
    const double *in = t.u;
    for (int k = 0; k < p->layers; k++) {
      const int64_t all = st->batch * c->backbone_units;
      double *z = backbone_z(c, st, &t, k);
      tame_affine_run(&p->backbone[k], st, in, z);
      tame_activate(c->activation, layer->kernels, all, z, z + all);
      in = z + all;
    }
    tame_affine_run(&p->ff1, st, in, t.f1);
    if (c->mode == PURE) close_pure(st, p, &t);
    else close_default(c, st, p, &t, in);
    put_columns(c, p, st->batch, t.h, st->next);
    x = t.h;
  }
  const part *last = &c->part[c->parts - 1];
  for (int64_t b = 0; b < st->batch; b++)
    memcpy(st->y + b * layer->outputs, x + b * last->units, (size_t)layer->outputs * sizeof *st->y);
}

/* ---- backwards ------------------------------------------------------------------------------- */

/* From dL/dh' to dL/d of what was heard, dx, which is added to. room: [4][batch][units]. */
static void close_default_vjp(const cfc *c, const tame_step *st, const part *p, const tape *t,
                              const double *x, const double *dh, double *room, double *dslab,
                              double *dx)
{
  const int64_t n = p->units, all = st->batch * n;
  double *d1 = tame_take(&room, all), *d2 = tame_take(&room, all), *da = tame_take(&room, all),
         *db = tame_take(&room, all);
  for (int64_t k = 0; k < all; k++) {
    const double f1 = t->f1[k], f2 = t->f2[k], s = t->s[k], elapsed = tame_elapsed(st, k / n);
    const double ds = c->mode == DEFAULT ? f2 - f1 : f2;
    d1[k] = dh[k] * (c->mode == DEFAULT ? 1 - s : 1) * (c->tf ? 1 : 1 - f1 * f1);
    d2[k] = dh[k] * s * (c->tf ? 1 : 1 - f2 * f2);
    db[k] = dh[k] * ds * s * (1 - s);
    da[k] = db[k] * (c->tf ? -elapsed : elapsed);
  }
  tame_affine_vjp(&p->ff1, st, x, d1, dx, dslab);
  tame_affine_vjp(&p->ff2, st, x, d2, dx, dslab);
  tame_affine_vjp(&p->time_a, st, x, da, dx, dslab);
  tame_affine_vjp(&p->time_b, st, x, db, dx, dslab);
}

static double sign(double x)
{
  return (x > 0) - (x < 0);
}

static void close_pure_vjp(const tame_step *st, const part *p, const tape *t, const double *x,
                           const double *dh, double *d1, double *dslab, double *dx)
{
  const double *w_tau = st->slab + p->w_tau, *A = st->slab + p->A;
  for (int64_t k = 0; k < st->batch * p->units; k++) {
    const int64_t i = k % p->units;
    const double f = t->f1[k], power = t->f2[k], d = tame_elapsed(st, k / p->units);
    dslab[p->A + i] += dh[k] * (1 - power * f);
    dslab[p->w_tau + i] += dh[k] * A[i] * power * f * d * sign(w_tau[i]);
    d1[k] = -dh[k] * A[i] * power * (1 - d * fabs(f));
  }
  tame_affine_vjp(&p->ff1, st, x, d1, dx, dslab);
}

/* What is wanted of a part's h': by the next step, and by the part after it, whose du is given, or
 * the outputs. */
static void gather(const cfc *c, const tame_step *st, const tame_adjoint *a, int number,
                   const double *du, double *dh)
{
  const part *p = &c->part[number], *after = number + 1 < c->parts ? p + 1 : NULL;
  const int64_t out = c->head.outputs;
  for (int64_t b = 0; b < st->batch; b++)
    for (int64_t i = 0; i < p->units; i++) {
      double d = a->next[b * c->units + p->column + i];
      if (after) d += du[b * (after->inputs + after->units) + i];
      else if (i < out) d += a->y[b * out + i];
      dh[b * p->units + i] = d;
    }
}

/* dx: of the backbone's outputs at first, of its inputs at last. */
static void backbone_vjp(const cfc *c, const tame_step *st, const part *p, const tape *t,
                         double *dslab, double *dx, double *dz)
{
  const int64_t all = st->batch * c->backbone_units;
  for (int k = p->layers - 1; k >= 0; k--) {
    const double *z = backbone_z(c, st, t, k);
    tame_activation_slope(c->activation, c->head.kernels, all, z, z + all, dz);
    for (int64_t i = 0; i < all; i++) dz[i] *= dx[i];
    tame_clear(st->batch * p->backbone[k].map.inputs, dx);
    tame_affine_vjp(&p->backbone[k], st, k > 0 ? backbone_z(c, st, t, k - 1) + all : t->u, dz, dx,
                    dslab);
  }
}

static void vjp(const tame_layer *layer, const tame_step *st, const tame_adjoint *a)
{
  const cfc *c = (const cfc *)layer;
  const int64_t units = st->batch * c->units, wide = st->batch * c->widest;
  double *work = st->work, *dh = tame_take(&work, units), *room = tame_take(&work, 4 * units),
         *du = tame_take(&work, wide), *dx = tame_take(&work, wide), *dz = tame_take(&work, wide);
  for (int number = c->parts - 1; number >= 0; number--) {
    const part *p = &c->part[number];
    const tape t = tape_of(c, st, number);
    const double *in = heard(c, st, p, &t);
    gather(c, st, a, number, du, dh);
    tame_clear(st->batch * p->width, dx);
    if (c->mode == PURE) close_pure_vjp(st, p, &t, in, dh, room, a->slab, dx);
    else close_default_vjp(c, st, p, &t, in, dh, room, a->slab, dx);
    backbone_vjp(c, st, p, &t, a->slab, dx, dz);
    double *const swapped = du;
    du = dx;
    dx = swapped;
    copy_columns(st->batch, p->units, du + p->inputs, p->inputs + p->units, a->state + p->column,
                 c->units);
  }
  const part *first = &c->part[0];
  if (a->x)
    copy_columns(st->batch, first->inputs, du, first->inputs + first->units, a->x, first->inputs);
}

/* ---- forwards -------------------------------------------------------------------------------- */

static void close_default_jvp(const cfc *c, const tame_step *st, const part *p, const tape *t,
                              const double *tslab, const double *x, const double *tx, double *room,
                              double *th)
{
  const int64_t n = p->units, all = st->batch * n;
  double *t1 = tame_take(&room, all), *t2 = tame_take(&room, all), *ta = tame_take(&room, all),
         *tb = tame_take(&room, all);
  tame_affine_jvp(&p->ff1, st, x, tslab, tx, t1);
  tame_affine_jvp(&p->ff2, st, x, tslab, tx, t2);
  tame_affine_jvp(&p->time_a, st, x, tslab, tx, ta);
  tame_affine_jvp(&p->time_b, st, x, tslab, tx, tb);
  for (int64_t k = 0; k < all; k++) {
    const double f1 = t->f1[k], f2 = t->f2[k], s = t->s[k], elapsed = tame_elapsed(st, k / n);
    const double ts = s * (1 - s) * (ta[k] * (c->tf ? -elapsed : elapsed) + tb[k]);
    const double tf1 = c->tf ? t1[k] : t1[k] * (1 - f1 * f1),
                 tf2 = c->tf ? t2[k] : t2[k] * (1 - f2 * f2);
    th[k] = c->mode == DEFAULT ? (1 - s) * tf1 + s * tf2 + ts * (f2 - f1) : tf1 + s * tf2 + ts * f2;
  }
}

static void close_pure_jvp(const tame_step *st, const part *p, const tape *t, const double *tslab,
                           const double *x, const double *tx, double *t1, double *th)
{
  const double *w_tau = st->slab + p->w_tau, *A = st->slab + p->A;
  tame_affine_jvp(&p->ff1, st, x, tslab, tx, t1);
  for (int64_t k = 0; k < st->batch * p->units; k++) {
    const int64_t i = k % p->units;
    const double f = t->f1[k], power = t->f2[k], d = tame_elapsed(st, k / p->units);
    th[k] = tslab[p->A + i] * (1 - power * f) +
            tslab[p->w_tau + i] * A[i] * power * f * d * sign(w_tau[i]) -
            t1[k] * A[i] * power * (1 - d * fabs(f));
  }
}

static void jvp(const tame_layer *layer, const tame_step *st, const tame_tangent *t)
{
  const cfc *c = (const cfc *)layer;
  const int64_t units = st->batch * c->units, wide = st->batch * c->widest;
  double *work = st->work, *th = tame_take(&work, units), *room = tame_take(&work, 4 * units),
         *tu = tame_take(&work, wide), *tz = tame_take(&work, wide),
         *slope = tame_take(&work, wide);
  const double *tx = t->x;
  for (int number = 0; number < c->parts; number++) {
    const part *p = &c->part[number];
    const tape kept = tape_of(c, st, number);
    join(c, p, st->batch, tx, t->state, tu);
    const double *in = kept.u;
    for (int k = 0; k < p->layers; k++) {
      const int64_t all = st->batch * c->backbone_units;
      const double *z = backbone_z(c, st, &kept, k);
      tame_affine_jvp(&p->backbone[k], st, in, t->slab, tu, tz);
      tame_activation_slope(c->activation, layer->kernels, all, z, z + all, slope);
      for (int64_t i = 0; i < all; i++) tz[i] *= slope[i];
      double *const swapped = tu;
      tu = tz;
      tz = swapped;
      in = z + all;
    }
    if (c->mode == PURE) close_pure_jvp(st, p, &kept, t->slab, in, tu, room, th);
    else close_default_jvp(c, st, p, &kept, t->slab, in, tu, room, th);
    put_columns(c, p, st->batch, th, t->next);
    tx = th;
  }
  put_outputs(c, st->batch, tx, t->y);
}

extern const tame_cell_kind tame_cell_cfc;
const tame_cell_kind tame_cell_cfc = {
    .head = {.name = "cfc",
             .doc = "h' = (1 - s) tanh(ff1 u) + s tanh(ff2 u), s = logistic(elapsed t_a + t_b), "
                    "u = [x, h]; as ncps'",
             .params = {.size = sizeof(cfc_params), .fields = fields}},
    .size = sizeof(cfc),
    .create = create,
    .step = step,
    .vjp = vjp,
    .jvp = jvp,
    .free = free_parts,
    .has_memory = has_memory,
};
