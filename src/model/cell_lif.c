/* Cells `lif` and `alif`: leaky integrate-and-fire neurons behind exponential synapses; alif's
 * threshold rises with its own spikes. With decays p_. = exp(-elapsed / tau_.) a step is
 *   g <- p_s g + W x + b (+ W_rec s),   v <- p_m v + (1 - p_m) g,   s <- 1 if v >= v_th + beta a,
 *   else 0, soft reset: v <- v - (v_th - v_reset) s;  hard: v <- v + s (v_reset - v);   a <- p_a a
 *   + s,
 * and the output is s. Backwards ds/dv is a surrogate; see surrogate.h. Neftci, Mostafa & Zenke
 * (2019), doi:10.1109/MSP.2019.2931595; Bellec et al. (2020), doi:10.1038/s41467-020-17236-y. */
#include "model/layer.h"
#include "model/surrogate.h"

#include <math.h>
#include <string.h>

typedef struct lif_params {
  int64_t units;
  bool recurrent, detach;
  double tau_syn, tau, v_th, v_reset, alpha, width;
  int reset, spike, surrogate;
  tame_weight_params weights;
  double tau_adapt, beta; /* alif */
} lif_params;

static const char *const resets[] = {"soft", "hard", NULL};
static const char *const spikes[] = {"step", "smooth", NULL};

#define AT(member) .offset = offsetof(lif_params, member)
#define LIF_FIELDS                                                                                 \
  {"units", TAME_INT, AT(units), .min = 1, .max = 1 << 20, .doc = "neurons"},                      \
      {"recurrent", TAME_BOOL, AT(recurrent), .fallback = "off",                                   \
       .doc = "do neurons hear each other's last spikes"},                                         \
      {"tau_syn",                                                                                  \
       TAME_REAL,                                                                                  \
       AT(tau_syn),                                                                                \
       .fallback = "10",                                                                           \
       .min = 1e-9,                                                                                \
       .max = 1e9,                                                                                 \
       .doc = "time constant of synapses, in the unit of the elapsed time"},                       \
      {"tau",                                                                                      \
       TAME_REAL,                                                                                  \
       AT(tau),                                                                                    \
       .fallback = "10",                                                                           \
       .min = 1e-9,                                                                                \
       .max = 1e9,                                                                                 \
       .doc = "time constant of the membrane"},                                                    \
      {"v_th", TAME_REAL, AT(v_th), .fallback = "1", .min = -1e6, .max = 1e6, .doc = "threshold"}, \
      {"v_reset",                                                                                  \
       TAME_REAL,                                                                                  \
       AT(v_reset),                                                                                \
       .fallback = "0",                                                                            \
       .min = -1e6,                                                                                \
       .max = 1e6,                                                                                 \
       .doc = "where a spike resets to"},                                                          \
      {"reset",           TAME_CHOICE,                                                             \
       AT(reset),         .fallback = "soft",                                                      \
       .choices = resets, .doc = "v_th - v_reset is taken off, or v becomes v_reset"},             \
      {"detach", TAME_BOOL, AT(detach), .fallback = "off",                                         \
       .doc = "are gradients kept from passing through the reset"},                                \
      {"spike",                                                                                    \
       TAME_CHOICE,                                                                                \
       AT(spike),                                                                                  \
       .fallback = "step",                                                                         \
       .choices = spikes,                                                                          \
       .doc = "a step, or the integral of the surrogate, to check gradients with"},                \
      {"surrogate",                                                                                \
       TAME_CHOICE,                                                                                \
       AT(surrogate),                                                                              \
       .fallback = "inverse_square",                                                               \
       .choices = tame_surrogate_names,                                                            \
       .doc = "what stands for ds/dv"},                                                            \
      {"alpha",                                                                                    \
       TAME_REAL,                                                                                  \
       AT(alpha),                                                                                  \
       .fallback = "",                                                                             \
       .min = 1e-9,                                                                                \
       .max = 1e9,                                                                                 \
       .doc = "its steepness, or height; none: 100, 4, 0.3, 2, 0.3"},                              \
      {"width",                                                                                    \
       TAME_REAL,                                                                                  \
       AT(width),                                                                                  \
       .fallback = "1",                                                                            \
       .min = 1e-9,                                                                                \
       .max = 1e9,                                                                                 \
       .doc = "where triangle and relu_grad end"},                                                 \
      TAME_WEIGHT_FIELDS(lif_params, weights)

static const tame_field lif_fields[] = {LIF_FIELDS, {0}};
static const tame_field alif_fields[] = {LIF_FIELDS,
                                         {"tau_adapt", TAME_REAL, AT(tau_adapt), .fallback = "200",
                                          .min = 1e-9, .max = 1e9,
                                          .doc = "time constant of the threshold"},
                                         {"beta", TAME_REAL, AT(beta), .fallback = "0.1", .min = 0,
                                          .max = 1e6, .doc = "by how much a spike raises it"},
                                         {0}};

typedef struct lif {
  tame_layer head;
  lif_params p;
  bool adapts;
  tame_surrogate surrogate;
  tame_affine in;
  tame_map recurrent;
} lif;

static tame_status create_any(tame_layer *layer, const lif_params *p, bool adapts)
{
  lif *l = (lif *)layer;
  const int64_t n = p->units;
  if (p->width != 1 && p->surrogate != TAME_SURROGATE_TRIANGLE &&
      p->surrogate != TAME_SURROGATE_RELU_GRAD)
    return tame_fail(TAME_ERR_INPUT, "width: found %g with surrogate %s, which has none", p->width,
                     tame_surrogate_names[p->surrogate]);
  l->p = *p;
  l->adapts = adapts;
  l->surrogate = (tame_surrogate){(tame_surrogate_kind)p->surrogate, p->alpha, p->width};
  if (isnan(p->alpha)) l->surrogate.alpha = tame_surrogate_alpha(l->surrogate.kind);
  l->in.map = tame_map_add(layer,
                           tame_weights_view(&p->weights, n, layer->inputs, layer->inputs, false),
                           "weight", NULL);
  if (p->recurrent)
    l->recurrent = tame_map_add(layer, tame_weights_view(&p->weights, n, n, n, true), "weight_rec",
                                NULL);
  l->in.bias = tame_layer_add(layer, tame_bias_view(&p->weights, n, layer->inputs), "bias");
  layer->outputs = n;
  layer->variable[layer->variables++] = "g";
  layer->variable[layer->variables++] = "v";
  if (p->recurrent) layer->variable[layer->variables++] = "s";
  if (adapts) layer->variable[layer->variables++] = "a";
  layer->state = layer->variables * n;
  layer->tape = 3 * n;
  layer->work = n;
  return TAME_OK;
}

static tame_status create_lif(tame_layer *layer, const void *params)
{
  return create_any(layer, params, false);
}

static tame_status create_alif(tame_layer *layer, const void *params)
{
  return create_any(layer, params, true);
}

/* The arrays of a state: g, v, and those that are there. */
typedef struct variables {
  double *g, *v, *s, *a;
} variables;

static variables variables_of(const lif *l, const tame_step *step, const double *state)
{
  const int64_t all = step->batch * l->p.units;
  double *at = (double *)(uintptr_t)state;
  variables x = {0};
  x.g = tame_take(&at, all);
  x.v = tame_take(&at, all);
  if (l->p.recurrent) x.s = tame_take(&at, all);
  if (l->adapts) x.a = tame_take(&at, all);
  return x;
}

/* Decays of synapses, membrane and threshold in the time that a sample's step takes. */
typedef struct decays {
  double s, m, a;
} decays;

static decays decays_of(const lif *l, const tame_step *step, int64_t sample)
{
  const double d = tame_elapsed(step, sample);
  return (decays){exp(-d / l->p.tau_syn), exp(-d / l->p.tau),
                  l->adapts ? exp(-d / l->p.tau_adapt) : 0};
}

/* d v / d s of the reset, v being that before it. */
static double reset_by(const lif *l, double v)
{
  return l->p.reset == 0 ? l->p.v_reset - l->p.v_th : l->p.v_reset - v;
}

static double spike(const lif *l, double above)
{
  return l->p.spike == 0 ? above >= 0 : tame_surrogate_smooth(l->surrogate, above);
}

static void step(const tame_layer *layer, const tame_step *st)
{
  const lif *l = (const lif *)layer;
  const int64_t n = l->p.units, all = st->batch * n;
  const variables old = variables_of(l, st, st->state), new = variables_of(l, st, st->next);
  double *at = st->tape, *v = tame_take(&at, all), *above = tame_take(&at, all),
         *s = tame_take(&at, all), *drive = st->work;
  tame_affine_run(&l->in, st, st->x, drive);
  if (l->p.recurrent) tame_map_run(&l->recurrent, st, old.s, drive);
  for (int64_t b = 0; b < st->batch; b++) {
    const decays p = decays_of(l, st, b);
    for (int64_t k = b * n; k < (b + 1) * n; k++) {
      new.g[k] = p.s *old.g[k] + drive[k];
      v[k] = p.m * old.v[k] + (1 - p.m) * new.g[k];
      above[k] = v[k] - l->p.v_th;
      if (l->adapts) above[k] -= l->p.beta * old.a[k];
      s[k] = spike(l, above[k]);
      new.v[k] = v[k] + reset_by(l, v[k]) * s[k];
      if (l->adapts) new.a[k] = p.a *old.a[k] + s[k];
    }
  }
  if (l->p.recurrent) memcpy(new.s, s, (size_t)all * sizeof *s);
  memcpy(st->y, s, (size_t)all * sizeof *s);
}

/* The state's gradients but for that of the last spikes; dL/d drive. */
static void vjp_units(const lif *l, const tame_step *st, const tame_adjoint *a, double *ddrive)
{
  const int64_t n = l->p.units, all = st->batch * n;
  const variables d = variables_of(l, st, a->next), out = variables_of(l, st, a->state);
  const double *v = st->tape, *above = v + all, *s = above + all;
  for (int64_t b = 0; b < st->batch; b++) {
    const decays p = decays_of(l, st, b);
    for (int64_t k = b * n; k < (b + 1) * n; k++) {
      double ds = a->y[k], dv = d.v[k];
      if (l->p.recurrent) ds += d.s[k];
      if (l->adapts) ds += d.a[k];
      if (!l->p.detach) ds += d.v[k] * reset_by(l, v[k]);
      if (l->p.reset == 1) dv *= 1 - s[k];
      const double dabove = ds * tame_surrogate_slope(l->surrogate, above[k]);
      dv += dabove;
      ddrive[k] = d.g[k] + (1 - p.m) * dv;
      out.g[k] = p.s * ddrive[k];
      out.v[k] = p.m * dv;
      if (l->adapts) out.a[k] = p.a * d.a[k] - l->p.beta * dabove;
    }
  }
}

static void vjp(const tame_layer *layer, const tame_step *st, const tame_adjoint *a)
{
  const lif *l = (const lif *)layer;
  double *ddrive = st->work;
  vjp_units(l, st, a, ddrive);
  tame_clear(st->batch * layer->inputs, a->x);
  tame_affine_vjp(&l->in, st, st->x, ddrive, a->x, a->slab);
  if (!l->p.recurrent) return;
  double *ds = variables_of(l, st, a->state).s;
  tame_clear(st->batch * l->p.units, ds);
  tame_map_back(&l->recurrent, st, ddrive, ds);
  tame_map_slope(&l->recurrent, st, variables_of(l, st, st->state).s, ddrive, a->slab);
}

static void jvp(const tame_layer *layer, const tame_step *st, const tame_tangent *t)
{
  const lif *l = (const lif *)layer;
  const int64_t n = l->p.units, all = st->batch * n;
  const variables old = variables_of(l, st, st->state), told = variables_of(l, st, t->state),
                  tnew = variables_of(l, st, t->next);
  const double *v = st->tape, *above = v + all, *s = above + all;
  double *tdrive = st->work;
  tame_affine_jvp(&l->in, st, st->x, t->slab, t->x, tdrive);
  if (l->p.recurrent) {
    tame_map_run_along(&l->recurrent, st, t->slab, old.s, tdrive);
    tame_map_run(&l->recurrent, st, told.s, tdrive);
  }
  for (int64_t b = 0; b < st->batch; b++) {
    const decays p = decays_of(l, st, b);
    for (int64_t k = b * n; k < (b + 1) * n; k++) {
      tnew.g[k] = p.s * told.g[k] + tdrive[k];
      const double tv = p.m * told.v[k] + (1 - p.m) * tnew.g[k];
      const double tabove = tv - (l->adapts ? l->p.beta * told.a[k] : 0);
      const double ts = tabove * tame_surrogate_slope(l->surrogate, above[k]);
      tnew.v[k] = l->p.reset == 1 ? tv * (1 - s[k]) : tv;
      if (!l->p.detach) tnew.v[k] += reset_by(l, v[k]) * ts;
      if (l->p.recurrent) tnew.s[k] = ts;
      if (l->adapts) tnew.a[k] = p.a * told.a[k] + ts;
      t->y[k] = ts;
    }
  }
}

extern const tame_cell_kind tame_cell_lif, tame_cell_alif;
const tame_cell_kind tame_cell_lif = {
    .head = {.name = "lif",
             .doc = "leaky integrate-and-fire: tau dv/dt = -v + g, spikes out; surrogate gradients",
             .params = {.size = sizeof(lif_params), .fields = lif_fields}},
    .size = sizeof(lif),
    .create = create_lif,
    .step = step,
    .vjp = vjp,
    .jvp = jvp,
    .one_way = "it spikes",
};
const tame_cell_kind tame_cell_alif = {
    .head = {.name = "alif",
             .doc = "lif whose threshold v_th + beta a rises with its own spikes",
             .params = {.size = sizeof(lif_params), .fields = alif_fields}},
    .size = sizeof(lif),
    .create = create_alif,
    .step = step,
    .vjp = vjp,
    .jvp = jvp,
    .one_way = "it spikes",
};
