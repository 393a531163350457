/* Cell `ltc`: liquid time-constant neurons with conductance synapses,
 *   cm dv/dt = gleak (vleak - v) + sum_k w_k s_k (e_k - v),  s_k as in conductance.h,
 * over units and inputs. With A and D the sums of what does not and what does multiply v, a step of
 * duration d is `unfolds` (L) steps of
 *   fused:   v <- (c v + A) / (c + D + epsilon),  c = cm / (d / L), half implicit;
 *   euler, rk4:  dv/dt = (A - D v) / cm with steps d / L.
 * Inputs are first mapped, x <- input_w x + input_b, and outputs at last. Hasani et al. (2021),
 * AAAI 35:7657; as ncps has it. */
#include "base/memory.h"
#include "model/conductance.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct ltc_params {
  tame_variant circuit;
  int64_t unfolds;
  double epsilon;
  int solver, constraints, input_map, output_map;
  bool mixed_memory;
  tame_reals gleak, vleak, cm, sigma, mu, w, sensory_sigma, sensory_mu, sensory_w;
} ltc_params;

static const char *const solvers[] = {"fused", "euler", "rk4", NULL};
static const char *const constraint_names[] = {"explicit", "implicit", NULL};
static const char *const map_names[] = {"affine", "linear", "none", NULL};
enum { AFFINE, LINEAR, NONE };

#define AT(member) .offset = offsetof(ltc_params, member)
#define RANGE(member, range, text)                                                                 \
  {                                                                                                \
#member, TAME_REALS, AT(member), .fallback = (range), .min = -1e6, .max = 1e6, .doc = (text)   \
  }
static const tame_field fields[] = {
    {"circuit", TAME_VARIANT, AT(circuit), .table = &tame_circuits, .doc = "who connects to whom"},
    {"unfolds", TAME_INT, AT(unfolds), .fallback = "6", .min = 1, .max = 10000,
     .doc = "steps of the solver in a step of the network"},
    {"epsilon", TAME_REAL, AT(epsilon), .fallback = "1e-8", .min = 0, .max = 1,
     .doc = "added to the denominator of the fused solver"},
    {"solver", TAME_CHOICE, AT(solver), .fallback = "fused", .choices = solvers,
     .doc = "half implicit, explicit Euler, or Runge-Kutta of order 4"},
    {"constraints", TAME_CHOICE, AT(constraints), .fallback = "explicit",
     .choices = constraint_names,
     .doc = "w, cm, gleak >= 0 by cutting after each update, or by softplus where used"},
    {"input_map", TAME_CHOICE, AT(input_map), .fallback = "affine", .choices = map_names,
     .doc = "what inputs pass through"},
    {"output_map", TAME_CHOICE, AT(output_map), .fallback = "affine", .choices = map_names,
     .doc = "what outputs pass through"},
    {"mixed_memory", TAME_BOOL, AT(mixed_memory), .fallback = "off",
     .doc = "an LSTM gives the state that a step starts from"},
    RANGE(gleak, "[0.001, 1]", "range at the start"),
    RANGE(vleak, "[-0.2, 0.2]", "range at the start"),
    RANGE(cm, "[0.4, 0.6]", "range at the start"),
    RANGE(sigma, "[3, 8]", "range at the start"),
    RANGE(mu, "[0.3, 0.8]", "range at the start"),
    RANGE(w, "[0.001, 1]", "range at the start"),
    RANGE(sensory_sigma, "[3, 8]", "range at the start"),
    RANGE(sensory_mu, "[0.3, 0.8]", "range at the start"),
    RANGE(sensory_w, "[0.001, 1]", "range at the start"),
    {0}};

typedef struct ltc {
  tame_layer head;
  tame_circuit circuit;
  int64_t unfolds;
  int stages; /* evaluations in an unfold */
  bool fused, implicit;
  double epsilon;
  int64_t gleak, vleak, cm; /* places in the slab, as below; -1: none */
  tame_conductances inner, sensory;
  int64_t input_w, input_b, output_w, output_b;
} ltc;

/* An explicit Runge-Kutta method whose stages need only the one before. */
typedef struct method {
  double share[4]; /* of a stage's slope in the step */
  double ahead[4]; /* of the slope before, in where a stage looks */
} method;
static const method euler = {{1}, {0}},
                    runge_kutta = {{1 / 6., 1 / 3., 1 / 3., 1 / 6.}, {0, 0.5, 0.5, 1}};

static const method *method_of(const ltc *l)
{
  return l->stages == 1 ? &euler : &runge_kutta;
}

/* ---- making ---------------------------------------------------------------------------------- */

static tame_status add_range(tame_layer *layer, const char *name, const tame_reals *range,
                             tame_view view, int64_t *place)
{
  if (range->count != 2 || !(range->at[0] <= range->at[1]))
    return tame_fail(TAME_ERR_INPUT, "%s: found %lld numbers, want [low, high]", name,
                     (long long)range->count);
  view.a = range->at[0];
  view.b = range->at[1];
  *place = tame_layer_add(layer, view, name);
  return TAME_OK;
}

static tame_status add_conductances(tame_layer *layer, const char *prefix, const tame_synapses *s,
                                    const tame_reals *const range[3], tame_limit limit,
                                    tame_conductances *out)
{
  char name[32];
  tame_view view = {
      .rows = s->sources, .columns = s->destinations, .synapses = s, .rows_are_sources = true};
  *out = (tame_conductances){.kernels = layer->kernels, .synapses = s};
  snprintf(name, sizeof name, "%ssigma", prefix);
  tame_status status = add_range(layer, name, range[0], view, &out->sigma);
  snprintf(name, sizeof name, "%smu", prefix);
  if (status == TAME_OK) status = add_range(layer, name, range[1], view, &out->mu);
  view.limit = limit;
  view.weight = true;
  snprintf(name, sizeof name, "%sw", prefix);
  if (status == TAME_OK) status = add_range(layer, name, range[2], view, &out->w);
  view.limit = TAME_LIMIT_NONE;
  view.weight = false;
  view.init = TAME_INIT_SIGN;
  snprintf(name, sizeof name, "%serev", prefix);
  out->erev = tame_layer_add(layer, view, name);
  return status;
}

static int64_t add_constant(tame_layer *layer, const char *name, bool there, int64_t n,
                            double value)
{
  const tame_view view = {.rows = 1, .columns = n, .a = value, .b = value};
  return there ? tame_layer_add(layer, view, name) : -1;
}

static tame_status add_views(ltc *l, const ltc_params *p)
{
  tame_layer *layer = &l->head;
  const tame_limit limit = l->implicit ? TAME_LIMIT_NONE : TAME_LIMIT_NOT_NEGATIVE;
  const tame_reals *const inner[] = {&p->sigma, &p->mu, &p->w};
  const tame_reals *const sensory[] = {&p->sensory_sigma, &p->sensory_mu, &p->sensory_w};
  tame_view unit = {.rows = 1, .columns = l->circuit.units, .limit = limit};
  tame_status status = add_range(layer, "gleak", &p->gleak, unit, &l->gleak);
  unit.limit = TAME_LIMIT_NONE;
  if (status == TAME_OK) status = add_range(layer, "vleak", &p->vleak, unit, &l->vleak);
  unit.limit = limit;
  if (status == TAME_OK) status = add_range(layer, "cm", &p->cm, unit, &l->cm);
  if (status == TAME_OK)
    status = add_conductances(layer, "", &l->circuit.inner, inner, limit, &l->inner);
  if (status == TAME_OK)
    status = add_conductances(layer, "sensory_", &l->circuit.sensory, sensory, limit, &l->sensory);
  l->input_w = add_constant(layer, "input_w", p->input_map != NONE, layer->inputs, 1);
  l->input_b = add_constant(layer, "input_b", p->input_map == AFFINE, layer->inputs, 0);
  l->output_w = add_constant(layer, "output_w", p->output_map != NONE, layer->outputs, 1);
  l->output_b = add_constant(layer, "output_b", p->output_map == AFFINE, layer->outputs, 0);
  return status;
}

/* Evaluations of A and D in a step. */
static int64_t evaluations(const ltc *l)
{
  return l->unfolds * l->stages;
}

static tame_status create(tame_layer *layer, const void *params)
{
  const ltc_params *p = params;
  ltc *l = (ltc *)layer;
  if (p->solver != 0 && p->epsilon != 1e-8)
    return tame_fail(TAME_ERR_INPUT, "epsilon: found %g with solver %s, want solver fused for it",
                     p->epsilon, solvers[p->solver]);
  const tame_status status = tame_circuit_build(&l->circuit, &p->circuit, layer->inputs);
  if (status != TAME_OK) return status;
  const int64_t n = l->circuit.units, inner = l->circuit.inner.count,
                sensory = l->circuit.sensory.count;
  layer->circuit = &l->circuit;
  l->unfolds = p->unfolds;
  l->fused = p->solver == 0;
  l->stages = p->solver == 2 ? 4 : 1;
  l->implicit = p->constraints == 1;
  l->epsilon = p->epsilon;
  layer->variables = 1;
  layer->variable[0] = "v";
  layer->state = n;
  layer->outputs = l->circuit.outputs;
  layer->tape = layer->inputs + sensory + 2 * n + evaluations(l) * (3 * n + inner);
  layer->work = 9 * n + 2 * layer->inputs;
  layer->work_once = l->implicit ? 2 * (inner + sensory + 2 * n) : 0;
  return add_views(l, p);
}

static void free_circuit(tame_layer *layer)
{
  tame_circuit_free(&((ltc *)layer)->circuit);
}

static bool has_memory(const void *params)
{
  return ((const ltc_params *)params)->mixed_memory;
}

/* ---- strengths: parameters that are not negative --------------------------------------------- */

/* w, sensory_w, gleak and cm as used, or their gradients or tangents. */
typedef struct strengths {
  double *w, *sensory_w, *gleak, *cm;
} strengths;

static strengths in_slab(const ltc *l, double *slab)
{
  return (strengths){slab + l->inner.w, slab + l->sensory.w, slab + l->gleak, slab + l->cm};
}

static strengths in_block(const ltc *l, double **block)
{
  strengths s;
  s.w = tame_take(block, l->circuit.inner.count);
  s.sensory_w = tame_take(block, l->circuit.sensory.count);
  s.gleak = tame_take(block, l->circuit.units);
  s.cm = tame_take(block, l->circuit.units);
  return s;
}

static void softplus(int64_t n, const double *x, double *out)
{
  for (int64_t i = 0; i < n; i++) out[i] = fmax(x[i], 0) + log1p(exp(-fabs(x[i])));
}

/* out = the logistic function of x, times d; or add that. */
static void through_softplus(int64_t n, const double *x, const double *d, bool add, double *out)
{
  for (int64_t i = 0; i < n; i++) {
    const double v = d[i] / (1 + exp(-x[i]));
    out[i] = add ? out[i] + v : v;
  }
}

static void each_through_softplus(const ltc *l, strengths x, strengths d, bool add, strengths out)
{
  through_softplus(l->circuit.inner.count, x.w, d.w, add, out.w);
  through_softplus(l->circuit.sensory.count, x.sensory_w, d.sensory_w, add, out.sensory_w);
  through_softplus(l->circuit.units, x.gleak, d.gleak, add, out.gleak);
  through_softplus(l->circuit.units, x.cm, d.cm, add, out.cm);
}

/* Strengths of this step; the block is behind what is for samples. The slab is only read. */
static strengths strengths_of(const ltc *l, const tame_step *s)
{
  const strengths raw = in_slab(l, (double *)(uintptr_t)s->slab);
  if (!l->implicit) return raw;
  double *block = s->work + s->batch * l->head.work;
  const strengths own = in_block(l, &block);
  softplus(l->circuit.inner.count, raw.w, own.w);
  softplus(l->circuit.sensory.count, raw.sensory_w, own.sensory_w);
  softplus(l->circuit.units, raw.gleak, own.gleak);
  softplus(l->circuit.units, raw.cm, own.cm);
  return own;
}

/* A second block of them, zeroed. */
static strengths other_strengths(const ltc *l, const tame_step *s)
{
  double *block = s->work + s->batch * l->head.work + l->head.work_once / 2;
  memset(block, 0, (size_t)(l->head.work_once / 2) * sizeof *block);
  return in_block(l, &block);
}

/* ---- a step ---------------------------------------------------------------------------------- */

/* What a step keeps, [batch][.] each. */
typedef struct tape {
  double *x, *open, *A, *D; /* mapped inputs; sensory s; what inputs add to A and D */
  double *first;            /* evaluations one after the other */
} tape;

/* One evaluation: v where it looked, s of the synapses, and the sums. */
typedef struct look {
  double *v, *open, *A, *D;
} look;

static tape tape_of(const ltc *l, const tame_step *s)
{
  double *at = s->tape;
  tape t;
  t.x = tame_take(&at, s->batch * l->head.inputs);
  t.open = tame_take(&at, s->batch * l->circuit.sensory.count);
  t.A = tame_take(&at, s->batch * l->circuit.units);
  t.D = tame_take(&at, s->batch * l->circuit.units);
  t.first = at;
  return t;
}

static look look_of(const ltc *l, const tame_step *s, const tape *t, int64_t e)
{
  const int64_t n = l->circuit.units, inner = l->circuit.inner.count;
  double *at = t->first + e * s->batch * (3 * n + inner);
  look k;
  k.v = tame_take(&at, s->batch * n);
  k.open = tame_take(&at, s->batch * inner);
  k.A = tame_take(&at, s->batch * n);
  k.D = tame_take(&at, s->batch * n);
  return k;
}

static void map_inputs(const ltc *l, const tame_step *s, double *x)
{
  const int64_t n = l->head.inputs;
  for (int64_t k = 0; k < s->batch * n; k++) {
    x[k] = s->x[k];
    if (l->input_w >= 0) x[k] *= s->slab[l->input_w + k % n];
    if (l->input_b >= 0) x[k] += s->slab[l->input_b + k % n];
  }
}

static void map_outputs(const ltc *l, const tame_step *s)
{
  const int64_t n = l->circuit.units, out = l->head.outputs;
  for (int64_t k = 0; k < s->batch * out; k++) {
    s->y[k] = s->next[k / out * n + k % out];
    if (l->output_w >= 0) s->y[k] *= s->slab[l->output_w + k % out];
    if (l->output_b >= 0) s->y[k] += s->slab[l->output_b + k % out];
  }
}

/* What inputs add, and the leak: the same in all evaluations. */
static void sense(const ltc *l, const tame_step *s, strengths g, const tape *t)
{
  const int64_t n = l->circuit.units;
  const double *vleak = s->slab + l->vleak;
  map_inputs(l, s, t->x);
  for (int64_t k = 0; k < s->batch * n; k++) {
    t->A[k] = g.gleak[k % n] * vleak[k % n];
    t->D[k] = g.gleak[k % n];
  }
  tame_conductances_run(&l->sensory, s->slab, g.sensory_w, s->batch, t->x, t->open, t->A, t->D);
}

/* Look at k.v: s, A and D. */
static void evaluate(const ltc *l, const tame_step *s, strengths g, const tape *t, look k)
{
  const size_t bytes = (size_t)(s->batch * l->circuit.units) * sizeof *k.A;
  memcpy(k.A, t->A, bytes);
  memcpy(k.D, t->D, bytes);
  tame_conductances_run(&l->inner, s->slab, g.w, s->batch, k.v, k.open, k.A, k.D);
}

/* cm / (duration of an unfold), and the duration. */
static double per_unfold(const ltc *l, const tame_step *s, int64_t sample)
{
  return tame_elapsed(s, sample) / (double)l->unfolds;
}

static double slope_of(const double *cm, look k, int64_t at, int64_t unit)
{
  return (k.A[at] - k.D[at] * k.v[at]) / cm[unit];
}

/* v <- v after one unfold. */
static void advance_fused(const ltc *l, const tame_step *s, strengths g, look k, double *v)
{
  const int64_t n = l->circuit.units;
  for (int64_t b = 0; b < s->batch; b++)
    for (int64_t i = 0; i < n; i++) {
      const int64_t at = b * n + i;
      const double c = g.cm[i] / per_unfold(l, s, b);
      v[at] = (c * v[at] + k.A[at]) / (c + k.D[at] + l->epsilon);
    }
}

static void advance_explicit(const ltc *l, const tame_step *s, strengths g, const tape *t,
                             int64_t first, double *v)
{
  const int64_t n = l->circuit.units, all = s->batch * n;
  const method *m = method_of(l);
  for (int stage = 0; stage < l->stages; stage++) { /* the first one has been evaluated */
    const look k = look_of(l, s, t, first + stage);
    if (stage > 0) {
      const look before = look_of(l, s, t, first + stage - 1), start = look_of(l, s, t, first);
      for (int64_t at = 0; at < all; at++)
        k.v[at] = start.v[at] +
                  per_unfold(l, s, at / n) * m->ahead[stage] * slope_of(g.cm, before, at, at % n);
      evaluate(l, s, g, t, k);
    }
    for (int64_t at = 0; at < all; at++)
      v[at] += per_unfold(l, s, at / n) * m->share[stage] * slope_of(g.cm, k, at, at % n);
  }
}

static void step(const tame_layer *layer, const tame_step *s)
{
  const ltc *l = (const ltc *)layer;
  const strengths g = strengths_of(l, s);
  const tape t = tape_of(l, s);
  const size_t bytes = (size_t)(s->batch * l->circuit.units) * sizeof(double);
  double *v = s->next;
  sense(l, s, g, &t);
  memcpy(v, s->state, bytes);
  for (int64_t u = 0; u < l->unfolds; u++) {
    const look k = look_of(l, s, &t, u * l->stages);
    memcpy(k.v, v, bytes);
    evaluate(l, s, g, &t, k);
    if (l->fused) advance_fused(l, s, g, k, v);
    else advance_explicit(l, s, g, &t, u * l->stages, v);
  }
  map_outputs(l, s);
}

/* ---- backwards ------------------------------------------------------------------------------- */

typedef struct backward {
  strengths g, dg;       /* strengths, and their gradients */
  double *dv;            /* dL/dv after what is undone next */
  double *before;        /* the same before it, being made */
  double *look, *slope;  /* dL/d of where a stage looked, of its slope */
  double *dA, *dD;       /* of one evaluation */
  double *sum_A, *sum_D; /* of all: what the inputs' share gets */
  double *dx;            /* of mapped inputs */
} backward;

static backward backward_of(const ltc *l, const tame_step *s, const tame_adjoint *a)
{
  const int64_t all = s->batch * l->circuit.units;
  double *work = s->work;
  backward w = {.g = strengths_of(l, s)};
  double **const arrays[] = {&w.dv, &w.before, &w.look, &w.slope, &w.dA, &w.dD, &w.sum_A, &w.sum_D};
  for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) *arrays[k] = tame_take(&work, all);
  w.dx = tame_take(&work, s->batch * l->head.inputs);
  w.dg = l->implicit ? other_strengths(l, s) : in_slab(l, a->slab);
  memset(w.sum_A, 0, (size_t)all * sizeof *w.sum_A);
  memset(w.sum_D, 0, (size_t)all * sizeof *w.sum_D);
  memset(w.dx, 0, (size_t)(s->batch * l->head.inputs) * sizeof *w.dx);
  return w;
}

/* dA and dD are set: into synapses, dv of where it looked, and the sums. */
static void evaluate_vjp(const ltc *l, const tame_step *s, const tame_adjoint *a, backward *w,
                         look k, double *dv)
{
  const int64_t all = s->batch * l->circuit.units;
  for (int64_t at = 0; at < all; at++) {
    w->sum_A[at] += w->dA[at];
    w->sum_D[at] += w->dD[at];
  }
  tame_conductances_vjp(&l->inner, s->slab, w->g.w, s->batch, k.v, k.open, w->dA, w->dD, dv,
                        a->slab, w->dg.w);
}

static void fused_vjp(const ltc *l, const tame_step *s, const tame_adjoint *a, backward *w, look k,
                      const double *after)
{
  const int64_t n = l->circuit.units;
  for (int64_t at = 0; at < s->batch * n; at++) {
    const double duration = per_unfold(l, s, at / n), c = w->g.cm[at % n] / duration;
    const double den = c + k.D[at] + l->epsilon;
    w->dA[at] = w->dv[at] / den;
    w->dD[at] = -w->dv[at] * after[at] / den;
    w->before[at] = w->dA[at] * c;
    w->dg.cm[at % n] += (w->dA[at] * k.v[at] + w->dD[at]) / duration;
  }
  evaluate_vjp(l, s, a, w, k, w->before);
}

static void explicit_vjp(const ltc *l, const tame_step *s, const tame_adjoint *a, backward *w,
                         const tape *t, int64_t first)
{
  const int64_t n = l->circuit.units, all = s->batch * n;
  const method *m = method_of(l);
  memcpy(w->before, w->dv, (size_t)all * sizeof *w->before);
  for (int stage = l->stages - 1; stage >= 0; stage--) {
    const look k = look_of(l, s, t, first + stage);
    const bool last = stage + 1 == l->stages;
    for (int64_t at = 0; at < all; at++) {
      const double duration = per_unfold(l, s, at / n), cm = w->g.cm[at % n];
      const double d = duration * (m->share[stage] * w->dv[at] +
                                   (last ? 0 : m->ahead[stage + 1] * w->look[at]));
      w->dA[at] = d / cm;
      w->dD[at] = -d * k.v[at] / cm;
      w->slope[at] = -d * k.D[at] / cm;
      w->dg.cm[at % n] -= d * slope_of(w->g.cm, k, at, at % n) / cm;
    }
    evaluate_vjp(l, s, a, w, k, w->slope); /* slope: now dL/d of where it looked */
    memcpy(w->look, w->slope, (size_t)all * sizeof *w->look);
    for (int64_t at = 0; at < all; at++) w->before[at] += w->look[at];
  }
}

/* Leak, inputs. */
static void sense_vjp(const ltc *l, const tame_step *s, const tame_adjoint *a, backward *w,
                      const tape *t)
{
  const int64_t n = l->circuit.units, in = l->head.inputs;
  const double *vleak = s->slab + l->vleak;
  for (int64_t k = 0; k < s->batch * n; k++) {
    w->dg.gleak[k % n] += w->sum_A[k] * vleak[k % n] + w->sum_D[k];
    a->slab[l->vleak + k % n] += w->sum_A[k] * w->g.gleak[k % n];
  }
  tame_conductances_vjp(&l->sensory, s->slab, w->g.sensory_w, s->batch, t->x, t->open, w->sum_A,
                        w->sum_D, w->dx, a->slab, w->dg.sensory_w);
  for (int64_t k = 0; k < s->batch * in; k++) {
    if (l->input_w >= 0) a->slab[l->input_w + k % in] += w->dx[k] * s->x[k];
    if (l->input_b >= 0) a->slab[l->input_b + k % in] += w->dx[k];
    if (a->x) a->x[k] = w->dx[k] * (l->input_w >= 0 ? s->slab[l->input_w + k % in] : 1);
  }
}

/* dv = dL/d next with the outputs' share. */
static void outputs_vjp(const ltc *l, const tame_step *s, const tame_adjoint *a, double *dv)
{
  const int64_t n = l->circuit.units, out = l->head.outputs;
  memcpy(dv, a->next, (size_t)(s->batch * n) * sizeof *dv);
  for (int64_t k = 0; k < s->batch * out; k++) {
    const int64_t at = k / out * n + k % out;
    if (l->output_w >= 0) a->slab[l->output_w + k % out] += a->y[k] * s->next[at];
    if (l->output_b >= 0) a->slab[l->output_b + k % out] += a->y[k];
    dv[at] += a->y[k] * (l->output_w >= 0 ? s->slab[l->output_w + k % out] : 1);
  }
}

static void vjp(const tame_layer *layer, const tame_step *s, const tame_adjoint *a)
{
  const ltc *l = (const ltc *)layer;
  const tape t = tape_of(l, s);
  backward w = backward_of(l, s, a);
  outputs_vjp(l, s, a, w.dv);
  for (int64_t u = l->unfolds - 1; u >= 0; u--) {
    const look k = look_of(l, s, &t, u * l->stages);
    const double *after = u + 1 < l->unfolds ? look_of(l, s, &t, (u + 1) * l->stages).v : s->next;
    if (l->fused) fused_vjp(l, s, a, &w, k, after);
    else explicit_vjp(l, s, a, &w, &t, u * l->stages);
    double *const swapped = w.dv;
    w.dv = w.before;
    w.before = swapped;
  }
  memcpy(a->state, w.dv, (size_t)(s->batch * l->circuit.units) * sizeof *a->state);
  sense_vjp(l, s, a, &w, &t);
  if (l->implicit)
    each_through_softplus(l, in_slab(l, (double *)(uintptr_t)s->slab), w.dg, true,
                          in_slab(l, a->slab));
}

/* ---- forwards -------------------------------------------------------------------------------- */

typedef struct forward {
  strengths g, tg;         /* strengths, and their tangents */
  double *tA, *tD;         /* of the inputs' share */
  double *look_A, *look_D; /* of one evaluation */
  double *tv, *slope, *x;  /* of where it looked, of its slope, of mapped inputs */
} forward;

static forward forward_of(const ltc *l, const tame_step *s, const tame_tangent *t)
{
  const int64_t all = s->batch * l->circuit.units;
  double *work = s->work;
  forward f = {.g = strengths_of(l, s), .tg = in_slab(l, (double *)(uintptr_t)t->slab)};
  double **const arrays[] = {&f.tA, &f.tD, &f.look_A, &f.look_D, &f.tv, &f.slope};
  for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) *arrays[k] = tame_take(&work, all);
  f.x = tame_take(&work, s->batch * l->head.inputs);
  if (l->implicit) {
    const strengths raw = f.tg;
    f.tg = other_strengths(l, s);
    each_through_softplus(l, in_slab(l, (double *)(uintptr_t)s->slab), raw, false, f.tg);
  }
  return f;
}

static void sense_jvp(const ltc *l, const tame_step *s, const tame_tangent *t, forward *f,
                      const tape *kept)
{
  const int64_t n = l->circuit.units, in = l->head.inputs;
  for (int64_t k = 0; k < s->batch * in; k++) {
    f->x[k] = t->x[k];
    if (l->input_w >= 0)
      f->x[k] = t->x[k] * s->slab[l->input_w + k % in] + s->x[k] * t->slab[l->input_w + k % in];
    if (l->input_b >= 0) f->x[k] += t->slab[l->input_b + k % in];
  }
  for (int64_t k = 0; k < s->batch * n; k++) {
    const int64_t i = k % n;
    f->tA[k] = f->tg.gleak[i] * s->slab[l->vleak + i] + f->g.gleak[i] * t->slab[l->vleak + i];
    f->tD[k] = f->tg.gleak[i];
  }
  tame_conductances_jvp(&l->sensory, s->slab, f->g.sensory_w, s->batch, kept->x, kept->open,
                        t->slab, f->tg.sensory_w, f->x, f->tA, f->tD);
}

static void evaluate_jvp(const ltc *l, const tame_step *s, const tame_tangent *t, forward *f,
                         look k)
{
  const size_t bytes = (size_t)(s->batch * l->circuit.units) * sizeof(double);
  memcpy(f->look_A, f->tA, bytes);
  memcpy(f->look_D, f->tD, bytes);
  tame_conductances_jvp(&l->inner, s->slab, f->g.w, s->batch, k.v, k.open, t->slab, f->tg.w, f->tv,
                        f->look_A, f->look_D);
}

static void fused_jvp(const ltc *l, const tame_step *s, const forward *f, look k,
                      const double *after, double *tv)
{
  const int64_t n = l->circuit.units;
  for (int64_t at = 0; at < s->batch * n; at++) {
    const double duration = per_unfold(l, s, at / n), c = f->g.cm[at % n] / duration,
                 tc = f->tg.cm[at % n] / duration;
    tv[at] = (tc * k.v[at] + c * tv[at] + f->look_A[at] - after[at] * (tc + f->look_D[at])) /
             (c + k.D[at] + l->epsilon);
  }
}

static void explicit_jvp(const ltc *l, const tame_step *s, const tame_tangent *t, forward *f,
                         const tape *kept, int64_t first, double *tv)
{
  const int64_t n = l->circuit.units, all = s->batch * n;
  const method *m = method_of(l);
  double *start = f->x; /* inputs are done with; they and what follows are room for it */
  start += s->batch * l->head.inputs;
  memcpy(start, tv, (size_t)all * sizeof *start);
  for (int stage = 0; stage < l->stages; stage++) {
    const look k = look_of(l, s, kept, first + stage);
    if (stage > 0) {
      for (int64_t at = 0; at < all; at++)
        f->tv[at] = start[at] + per_unfold(l, s, at / n) * m->ahead[stage] * f->slope[at];
      evaluate_jvp(l, s, t, f, k);
    }
    for (int64_t at = 0; at < all; at++) {
      f->slope[at] = (f->look_A[at] - f->look_D[at] * k.v[at] - k.D[at] * f->tv[at] -
                      slope_of(f->g.cm, k, at, at % n) * f->tg.cm[at % n]) /
                     f->g.cm[at % n];
      tv[at] += per_unfold(l, s, at / n) * m->share[stage] * f->slope[at];
    }
  }
}

static void jvp(const tame_layer *layer, const tame_step *s, const tame_tangent *t)
{
  const ltc *l = (const ltc *)layer;
  const int64_t n = l->circuit.units, out = l->head.outputs;
  const size_t bytes = (size_t)(s->batch * n) * sizeof(double);
  const tape kept = tape_of(l, s);
  forward f = forward_of(l, s, t);
  sense_jvp(l, s, t, &f, &kept);
  memcpy(t->next, t->state, bytes);
  for (int64_t u = 0; u < l->unfolds; u++) {
    const look k = look_of(l, s, &kept, u * l->stages);
    const double *after = u + 1 < l->unfolds ? look_of(l, s, &kept, (u + 1) * l->stages).v
                                             : s->next;
    memcpy(f.tv, t->next, bytes);
    evaluate_jvp(l, s, t, &f, k);
    if (l->fused) fused_jvp(l, s, &f, k, after, t->next);
    else explicit_jvp(l, s, t, &f, &kept, u * l->stages, t->next);
  }
  for (int64_t k = 0; k < s->batch * out; k++) {
    const int64_t at = k / out * n + k % out;
    t->y[k] = t->next[at];
    if (l->output_w >= 0)
      t->y[k] = t->next[at] * s->slab[l->output_w + k % out] +
                s->next[at] * t->slab[l->output_w + k % out];
    if (l->output_b >= 0) t->y[k] += t->slab[l->output_b + k % out];
  }
}

extern const tame_cell_kind tame_cell_ltc;
const tame_cell_kind tame_cell_ltc = {
    .head = {.name = "ltc",
             .doc =
                 "cm dv/dt = gleak (vleak - v) + sum w s(sigma (v_pre - mu)) (erev - v); as ncps'",
             .params = {.size = sizeof(ltc_params), .fields = fields}},
    .size = sizeof(ltc),
    .create = create,
    .step = step,
    .vjp = vjp,
    .jvp = jvp,
    .free = free_circuit,
    .has_memory = has_memory,
};
