/* Models: layers one upon the other; see tame/model.h. A layer's state is a block of the model's
 * state, in the order of layers; its tape likewise, followed by its outputs, which are the inputs
 * of the next. A run's layers are seen as a model, of which everything but its slab is part of the
 * whole's. */
#include "tame/model.h"

#include "base/memory.h"
#include "model/layer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const tame_cell_kind tame_cell_dense, tame_cell_rnn, tame_cell_gru, tame_cell_lstm,
    tame_cell_ltc, tame_cell_cfc, tame_cell_lif, tame_cell_alif, tame_cell_integrator,
    tame_cell_bidirectional;

static const tame_row *const kinds[] = {&tame_cell_dense.head,
                                        &tame_cell_rnn.head,
                                        &tame_cell_gru.head,
                                        &tame_cell_lstm.head,
                                        &tame_cell_ltc.head,
                                        &tame_cell_cfc.head,
                                        &tame_cell_lif.head,
                                        &tame_cell_alif.head,
                                        &tame_cell_integrator.head,
                                        &tame_cell_bidirectional.head,
                                        NULL};
const tame_table tame_model_cells = {"model cells", kinds};

static const tame_field fields[] = {
    {"inputs", TAME_INT, .offset = offsetof(tame_model_params, inputs), .min = 1, .max = 1 << 20,
     .doc = "numbers that go in at each step"},
    {"layers", TAME_VARIANTS, .offset = offsetof(tame_model_params, layers),
     .table = &tame_model_cells, .doc = "cells, each of which hears the one before"},
    {"seed", TAME_INT, .offset = offsetof(tame_model_params, seed), .fallback = "1", .min = 0,
     .max = 9e15, .doc = "root of the first weights"},
    {"train_start", TAME_BOOL, .offset = offsetof(tame_model_params, train_start),
     .fallback = "off", .doc = "is the state at step 0 learnt; off: it is 0"},
    {0}};
const tame_schema tame_model_schema = {sizeof(tame_model_params), fields};

struct tame_model {
  int64_t inputs, outputs;
  int n_layers;
  tame_layer **layer;                                  /* [n_layers] */
  int64_t state, tape, work, work_once, spare, widest; /* as those of layers; widest output */
  int64_t count, start; /* parameters; the first of the start states, or -1 */
  tame_view *view;      /* [n_views] */
  int n_views;
  tame_state_part *part; /* [n_parts] */
  int n_parts;
  double *slab;

  /* of the whole */
  tame_model_run *run; /* [n_runs] */
  tame_model *stack;   /* their layers; these models own nothing */
  int n_runs;
  int64_t between; /* numbers of a step of a sample in signals between runs */
};

/* ---- layers ---------------------------------------------------------------------------------- */

tame_status tame_layer_create_bare(tame_layer **out, const tame_cell_kind *kind, const void *params,
                                   int64_t inputs)
{
  tame_layer *layer = *out = tame_zeroed(1, kind->size, "a layer");
  if (!layer) return TAME_ERR_NOMEM;
  layer->kind = kind;
  layer->name = kind->head.name;
  layer->inputs = inputs;
  layer->kernels = tame_kernels_pick(TAME_DOUBLE);
  if (!layer->kernels)
    return tame_fail(TAME_ERR_INPUT, "TAME_KERNEL=%s: no such kernels here", getenv("TAME_KERNEL"));
  return kind->create(layer, params);
}

tame_status tame_layer_create(tame_layer **out, const tame_variant *cell, int64_t inputs)
{
  const tame_cell_kind *kind = (const tame_cell_kind *)cell->row;
  const bool has_memory = kind->has_memory && kind->has_memory(cell->params);
  const char *key = NULL;
  tame_status status = tame_schema_check(&kind->head.params, cell->params, &key);
  if (status != TAME_OK) return tame_fail(status, "%s: %s", key, tame_message());
  status = tame_layer_create_bare(out, kind, cell->params, inputs);
  if (status == TAME_OK && has_memory) {
    tame_layer *inner = *out;
    status = tame_memory_create(out, inner);
  }
  return status;
}

void tame_layer_free(tame_layer **layer)
{
  if (*layer && (*layer)->kind->free) (*layer)->kind->free(*layer);
  free(*layer);
  *layer = NULL;
}

/* ---- making models --------------------------------------------------------------------------- */

static void set_place(tame_layer *layer, int64_t number, bool half, bool reverse)
{
  layer->half = half;
  layer->reverse = reverse;
  snprintf(layer->label, sizeof layer->label, "%lld.%s%s", (long long)number, layer->name,
           reverse ? "_reverse" : "");
}

/* Layer `number` of those written: one of the model's, or two. */
static tame_status make_layer(tame_model *m, const tame_variant *cell, int64_t number)
{
  bool half;
  const int64_t inputs = m->outputs;
  tame_status status = tame_layer_unfold(&cell, &half);
  const int ways = half ? 2 : 1;
  for (int k = 0; status == TAME_OK && k < ways; k++) {
    tame_layer **layer = &m->layer[m->n_layers];
    status = tame_layer_create(layer, cell, inputs);
    if (!*layer) break;
    m->n_layers++;
    set_place(*layer, number, half, k > 0);
    m->outputs = (k + 1) * (*layer)->outputs;
  }
  return status;
}

static tame_status make_layers(tame_model *m, const tame_model_params *p)
{
  const tame_variant *cell = p->layers.at;
  m->inputs = m->outputs = p->inputs;
  m->layer = tame_zeroed(2 * p->layers.count, sizeof(tame_layer *), "a model");
  if (!m->layer) return TAME_ERR_NOMEM;
  for (int64_t l = 0; l < p->layers.count; l++) {
    const tame_status status = make_layer(m, &cell[l], l);
    if (status == TAME_ERR_INPUT)
      return tame_fail(status, "layers[%lld]: %s: %s", (long long)l, cell[l].row->name,
                       tame_message());
    if (status != TAME_OK) return status;
  }
  return TAME_OK;
}

static tame_status make_parts(tame_model *m)
{
  int64_t count = 0;
  for (int l = 0; l < m->n_layers; l++) count += m->layer[l]->variables;
  m->part = tame_zeroed(count, sizeof *m->part, "a model");
  if (!m->part) return TAME_ERR_NOMEM;
  for (int l = 0; l < m->n_layers; l++) {
    const tame_layer *layer = m->layer[l];
    for (int v = 0; v < layer->variables; v++) {
      tame_state_part *part = &m->part[m->n_parts++];
      snprintf(part->name, sizeof part->name, "%s.%s", layer->label, layer->variable[v]);
      part->width = layer->state / layer->variables;
    }
  }
  return TAME_OK;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static int64_t larger(int64_t a, int64_t b)
{
  return a > b ? a : b;
}

/* The layers from number l on that are one run; parts of their states begin at `part`. */
static void stack_up(tame_model *s, const tame_model *m, int l, int part)
{
  s->layer = m->layer + l;
  s->part = m->part + part;
  s->inputs = s->layer[0]->inputs;
  for (bool more = true; more;) {
    const tame_layer *layer = s->layer[s->n_layers++];
    more = !layer->half && l + s->n_layers < m->n_layers && !s->layer[s->n_layers]->half;
    s->n_parts += layer->variables;
    s->count += layer->count;
    s->state += layer->state;
    s->tape += layer->tape + (more || layer->half ? layer->outputs : 0);
    s->work = larger(s->work, layer->work);
    s->work_once = larger(s->work_once, layer->work_once);
    s->spare = larger(s->spare, layer->spare);
    s->widest = larger(s->widest, layer->outputs);
    s->outputs = layer->outputs;
  }
}

/* The whole has what its runs have together, and scratch for any of them. */
static void add_run(tame_model *m, const tame_model *s)
{
  const tame_layer *layer = s->layer[0];
  const tame_model_run *before = m->n_runs > 0 ? &m->run[m->n_runs - 1] : NULL;
  tame_model_run *run = &m->run[m->n_runs++];
  *run = (tame_model_run){.model = s,
                          .reverse = layer->reverse,
                          .half = layer->half,
                          .x = before ? before->y : -1,
                          .y = m->between,
                          .width = (layer->half ? 2 : 1) * s->outputs,
                          .column = layer->reverse ? s->outputs : 0,
                          .slab = m->count,
                          .state = m->state,
                          .tape = m->tape};
  if (layer->reverse) run->x = before->x, run->y = before->y;
  else m->between += run->width;
  m->count += s->count;
  m->state += s->state;
  m->tape += s->tape;
  m->work = larger(m->work, s->work);
  m->work_once = larger(m->work_once, s->work_once);
  m->spare = larger(m->spare, s->spare);
  m->widest = larger(m->widest, s->widest);
}

static tame_status make_runs(tame_model *m, bool train_start)
{
  int part = 0;
  m->stack = tame_zeroed(m->n_layers, sizeof *m->stack, "a model");
  m->run = tame_zeroed(m->n_layers, sizeof *m->run, "a model");
  if (!m->stack || !m->run) return TAME_ERR_NOMEM;
  for (int l = 0; l < m->n_layers;) {
    tame_model *s = &m->stack[m->n_runs];
    stack_up(s, m, l, part);
    s->start = train_start ? s->count : -1;
    if (train_start) s->count += s->state;
    add_run(m, s);
    l += s->n_layers;
    part += s->n_parts;
  }
  const tame_model_run last = m->run[m->n_runs - 1]; /* what it fills is not between runs */
  for (int k = 0; k < m->n_runs; k++)
    if (m->run[k].y == last.y) m->run[k].y = -1;
  m->between -= last.width;
  m->start = m->stack[0].start;
  return TAME_OK;
}

/* Views of layers, then those of the state at step 0; run by run. */
static tame_status make_views(tame_model *m)
{
  int64_t count = m->n_parts, first = 0;
  for (int l = 0; l < m->n_layers; l++) count += m->layer[l]->views;
  m->view = tame_zeroed(count, sizeof *m->view, "a model");
  if (!m->view) return TAME_ERR_NOMEM;
  for (int r = 0; r < m->n_runs; r++) {
    const tame_model *s = &m->stack[r];
    for (int l = 0; l < s->n_layers; first += s->layer[l++]->count)
      for (int k = 0; k < s->layer[l]->views; k++) {
        tame_view *v = &m->view[m->n_views++];
        *v = s->layer[l]->view[k];
        snprintf(v->name, sizeof v->name, "%s.%s", s->layer[l]->label, s->layer[l]->view[k].name);
        v->first += first;
      }
    for (int k = 0; s->start >= 0 && k < s->n_parts; first += s->part[k++].width) {
      const int64_t n = s->part[k].width;
      tame_view *v = &m->view[m->n_views++];
      *v = (tame_view){.first = first, .count = n, .rows = 1, .columns = n};
      snprintf(v->name, sizeof v->name, "%.50s.start", s->part[k].name);
    }
  }
  return TAME_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static tame_status make(tame_model *m, const tame_model_params *p)
{
  const char *key = NULL;
  tame_status status = tame_schema_check(&tame_model_schema, p, &key);
  if (status != TAME_OK) return tame_fail(status, "%s: %s", key, tame_message());
  if (p->layers.count < 1) return tame_fail(TAME_ERR_INPUT, "layers: found none, want 1 or more");
  status = make_layers(m, p);
  if (status == TAME_OK) status = make_parts(m);
  if (status == TAME_OK) status = make_runs(m, p->train_start);
  if (status == TAME_OK) status = make_views(m);
  if (status != TAME_OK) return status;
  m->slab = tame_zeroed(m->count, sizeof *m->slab, "the parameters of a model");
  if (!m->slab) return TAME_ERR_NOMEM;
  tame_model_draw(m, (uint64_t)p->seed);
  return TAME_OK;
}

tame_status tame_model_create(tame_model **out, const tame_model_params *params)
{
  tame_model *m = *out = tame_zeroed(1, sizeof *m, "a model");
  const tame_status status = m ? make(m, params) : TAME_ERR_NOMEM;
  if (status != TAME_OK) tame_model_free(out);
  return status;
}

void tame_model_free(tame_model **model)
{
  tame_model *m = *model;
  if (!m) return;
  for (int l = 0; l < m->n_layers; l++) tame_layer_free(&m->layer[l]);
  free(m->layer);
  free(m->part);
  free(m->view);
  free(m->slab);
  free(m->run);
  free(m->stack);
  free(m);
  *model = NULL;
}

/* ---- what it has ----------------------------------------------------------------------------- */

int tame_model_layers(const tame_model *m)
{
  return m->n_layers;
}

const char *tame_model_layer_label(const tame_model *m, int layer)
{
  return m->layer[layer]->label;
}

int64_t tame_model_layer_width(const tame_model *m, int layer)
{
  return m->layer[layer]->outputs;
}

const tame_circuit *tame_model_circuit(const tame_model *m, int layer)
{
  return m->layer[layer]->circuit;
}

int64_t tame_model_inputs(const tame_model *m)
{
  return m->inputs;
}

int64_t tame_model_outputs(const tame_model *m)
{
  return m->outputs;
}

int64_t tame_model_state_size(const tame_model *m)
{
  return m->state;
}

int64_t tame_model_tape_size(const tame_model *m)
{
  return m->tape;
}

int64_t tame_model_work_size(const tame_model *m, int64_t batch)
{
  return (m->work + 2 * m->widest) * batch + m->work_once + m->spare;
}

double *tame_model_slab(tame_model *m)
{
  return m->slab;
}

int64_t tame_model_count(const tame_model *m)
{
  return m->count;
}

void tame_model_save(tame_model *m, bool copy, tame_state *state)
{
  const tame_piece slab = {"model.slab", TAME_TYPE_F64, m->count, 0, m->count, m->slab, copy, 0};
  tame_state_add(state, &slab);
}

int64_t tame_model_count_published(const tame_model *m)
{
  int64_t count = 0;
  for (int k = 0; k < m->n_views; k++) count += m->view[k].rows * m->view[k].columns;
  return count;
}

int64_t tame_model_views(const tame_model *m, const tame_view **views)
{
  *views = m->view;
  return m->n_views;
}

int64_t tame_model_state_parts(const tame_model *m, const tame_state_part **parts)
{
  *parts = m->part;
  return m->n_parts;
}

void tame_model_draw(tame_model *m, uint64_t seed)
{
  for (int k = 0; k < m->n_views; k++) tame_view_draw(&m->view[k], seed, (uint32_t)k, m->slab);
}

void tame_model_constrain(const tame_model *m, double *slab)
{
  for (int k = 0; k < m->n_views; k++) tame_view_constrain(&m->view[k], slab);
}

/* ---- what runs do ---------------------------------------------------------------------------- */

int tame_model_runs(const tame_model *m, const tame_model_run **runs)
{
  *runs = m->run;
  return m->n_runs;
}

int64_t tame_model_between(const tame_model *m)
{
  return m->between;
}

int64_t tame_run_time(const tame_model_run *run, int64_t steps, int64_t u)
{
  return run->reverse ? steps - 1 - u : u;
}

int64_t tame_run_elapsed(const tame_model_run *run, int64_t steps, int64_t u)
{
  return run->reverse && u > 0 ? steps - u : u;
}

void tame_run_join(const tame_model_run *run, int64_t batch, const double *own, double *signal)
{
  const int64_t n = run->model->outputs;
  for (int64_t b = 0; b < batch; b++)
    memcpy(signal + b * run->width + run->column, own + b * n, (size_t)n * sizeof *own);
}

void tame_run_part(const tame_model_run *run, int64_t batch, const double *signal, double *own)
{
  const int64_t n = run->model->outputs;
  for (int64_t b = 0; b < batch; b++)
    memcpy(own + b * n, signal + b * run->width + run->column, (size_t)n * sizeof *own);
}

/* ---- the start ------------------------------------------------------------------------------- */

void tame_model_start(const tame_model *m, const double *slab, int64_t batch, double *state)
{
  assert(m->n_runs <= 1);
  memset(state, 0, (size_t)(batch * m->state) * sizeof *state);
  if (m->start < 0) return;
  slab += m->start;
  for (int k = 0; k < m->n_parts; slab += m->part[k++].width)
    for (int64_t b = 0; b < batch; b++, state += m->part[k].width)
      memcpy(state, slab, (size_t)m->part[k].width * sizeof *state);
}

void tame_model_start_vjp(const tame_model *m, int64_t batch, const double *state, double *slab)
{
  if (m->start < 0) return;
  slab += m->start;
  for (int k = 0; k < m->n_parts; slab += m->part[k++].width)
    for (int64_t b = 0; b < batch; b++, state += m->part[k].width)
      for (int64_t i = 0; i < m->part[k].width; i++) slab[i] += state[i];
}

void tame_model_start_jvp(const tame_model *m, const double *slab, int64_t batch, double *state)
{
  tame_model_start(m, slab, batch, state);
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* Where a layer's share of everything begins. */
typedef struct place {
  tame_step step;
  int64_t slab, state; /* offsets */
} place;

static place first_place(const tame_model *m, const tame_step *step)
{
  assert(m->n_runs <= 1);
  place p = {.step = *step};
  p.step.spare = step->work + 2 * m->widest * step->batch; /* after gradients of outputs */
  p.step.work = p.step.spare + m->spare;
  return p;
}

/* Complete the place of layer l: its outputs. */
static void set_outputs(const tame_model *m, const tame_step *step, place *p, int l)
{
  p->step.y = l + 1 < m->n_layers ? p->step.tape + step->batch * m->layer[l]->tape : step->y;
}

static void next_place(const tame_model *m, const tame_step *step, place *p, int l)
{
  const tame_layer *layer = m->layer[l];
  p->slab += layer->count;
  p->state += step->batch * layer->state;
  p->step.slab += layer->count;
  if (step->turned) p->step.turned += layer->count;
  p->step.state += step->batch * layer->state;
  p->step.next += step->batch * layer->state;
  p->step.tape += step->batch * (layer->tape + layer->outputs);
  p->step.x = p->step.y;
}

static place place_of(const tame_model *m, const tame_step *step, int l)
{
  place p = first_place(m, step);
  for (int k = 0; k < l; k++) {
    set_outputs(m, step, &p, k);
    next_place(m, step, &p, k);
  }
  set_outputs(m, step, &p, l);
  return p;
}

bool tame_model_start_outputs(const tame_model *m, const double *state, double *y)
{
  const tame_layer *last = m->layer[m->n_layers - 1];
  assert(m->n_runs <= 1);
  if (!last->kind->rates) return false;
  last->kind->rates(last, state + m->state - last->state, y);
  return true;
}

void tame_model_turn(const tame_model *m, const double *slab, double *turned)
{
  for (int k = 0; k < m->n_views; k++) {
    const tame_view *v = &m->view[k];
    if (!v->weight || v->synapses) continue;
    const double *from = slab + v->first;
    double *to = turned + v->first;
    for (int64_t i = 0; i < v->rows; i++)
      for (int64_t j = 0; j < v->columns; j++) to[j * v->rows + i] = from[i * v->columns + j];
  }
}

void tame_model_step(const tame_model *m, const tame_step *step)
{
  for (int l = 0; l < m->n_layers; l++) {
    const place p = place_of(m, step, l);
    m->layer[l]->kind->step(m->layer[l], &p.step);
  }
}

void tame_model_step_vjp(const tame_model *m, const tame_step *step, const tame_adjoint *adjoint)
{
  const double *dy = adjoint->y, *hidden = adjoint->hidden;
  for (int l = 0; hidden && l + 1 < m->n_layers; l++) hidden += step->batch * m->layer[l]->outputs;
  for (int l = m->n_layers - 1; l >= 0; l--) {
    const place p = place_of(m, step, l);
    const int64_t inputs = step->batch * m->layer[l]->inputs;
    double *dx = l > 0 ? step->work + l % 2 * m->widest * step->batch : adjoint->x;
    const tame_adjoint own = {.next = adjoint->next + p.state,
                              .y = dy,
                              .state = adjoint->state + p.state,
                              .x = dx,
                              .slab = adjoint->slab + p.slab};
    m->layer[l]->kind->vjp(m->layer[l], &p.step, &own);
    if (l > 0) tame_rates_vjp(inputs, p.step.x, adjoint->rates_l1, adjoint->rates_l2, dx);
    if (l > 0 && hidden) {
      hidden -= inputs;
      for (int64_t i = 0; i < inputs; i++) dx[i] += adjoint->hidden_times * hidden[i];
    }
    dy = dx;
  }
}

void tame_model_step_jvp(const tame_model *m, const tame_step *step, const tame_tangent *tangent)
{
  const double *tx = tangent->x;
  double *hidden = tangent->hidden;
  for (int l = 0; l < m->n_layers; l++) {
    const place p = place_of(m, step, l);
    const bool last = l + 1 == m->n_layers;
    double *ty = last ? tangent->y : step->work + l % 2 * m->widest * step->batch;
    const tame_tangent own = {.slab = tangent->slab + p.slab,
                              .x = tx,
                              .state = tangent->state + p.state,
                              .next = tangent->next + p.state,
                              .y = ty};
    m->layer[l]->kind->jvp(m->layer[l], &p.step, &own);
    if (hidden && !last) {
      memcpy(hidden, ty, (size_t)(step->batch * m->layer[l]->outputs) * sizeof *hidden);
      hidden += step->batch * m->layer[l]->outputs;
    }
    tx = ty;
  }
}

const double *tame_model_layer_outputs(const tame_model *m, const tame_step *step, int layer,
                                       int64_t *width)
{
  *width = m->layer[layer]->outputs;
  return place_of(m, step, layer).step.y;
}

void tame_rates_run(int64_t batch, int64_t n, const double *y, double l1, double l2, double *value)
{
  for (int64_t b = 0; b < batch; b++)
    for (int64_t i = b * n; i < (b + 1) * n; i++) value[b] += l1 * fabs(y[i]) + l2 * y[i] * y[i];
}

void tame_rates_vjp(int64_t count, const double *y, double l1, double l2, double *dy)
{
  if (l1 == 0 && l2 == 0) return;
  for (int64_t i = 0; i < count; i++) dy[i] += l1 * ((y[i] > 0) - (y[i] < 0)) + 2 * l2 * y[i];
}

void tame_model_rates(const tame_model *m, const tame_step *step, double l1, double l2,
                      double *value)
{
  for (int l = 0; l + 1 < m->n_layers; l++)
    tame_rates_run(step->batch, m->layer[l]->outputs, place_of(m, step, l).step.y, l1, l2, value);
}
