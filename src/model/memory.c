/* Mixed memory: an LSTM (h, c) before a cell whose state is h. In a step the LSTM hears x and h,
 * and its new h is the state that the cell starts from; c goes its own way. Lechner & Hasani
 * (2020), arXiv:2006.04418, as ncps' torch cells have it: forget bias 1, one bias, recurrent
 * weights orthogonal. */
#include "model/cell_lstm.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct memory {
  tame_layer head;
  tame_layer *lstm, *inner; /* owned */
} memory;

static void free_parts(tame_layer *layer)
{
  memory *m = (memory *)layer;
  tame_layer_free(&m->lstm);
  tame_layer_free(&m->inner);
}

static int64_t larger(int64_t a, int64_t b)
{
  return a > b ? a : b;
}

static void add_views(tame_layer *layer, const tame_layer *part, const char *prefix)
{
  char name[64];
  for (int k = 0; k < part->views; k++) {
    snprintf(name, sizeof name, "%s%s", prefix, part->view[k].name);
    tame_layer_add(layer, part->view[k], name);
  }
}

/* What a step keeps and needs beside what its parts do. */
typedef struct kept {
  double *state, *y;    /* of the LSTM after the step: h, c; its output, h again */
  double *lstm, *inner; /* tapes */
} kept;

static kept kept_of(const memory *m, const tame_step *s)
{
  const int64_t all = s->batch * m->inner->state;
  double *at = s->tape;
  kept k;
  k.state = tame_take(&at, 2 * all);
  k.y = tame_take(&at, all);
  k.lstm = tame_take(&at, s->batch * m->lstm->tape);
  k.inner = at;
  return k;
}

/* The steps of the parts, with `own` numbers of scratch for each sample set aside. */
static tame_step lstm_step(const memory *m, const tame_step *s, const kept *k, int64_t own)
{
  tame_step of = *s;
  of.next = k->state;
  of.y = k->y;
  of.tape = k->lstm;
  of.work = s->work + s->batch * own;
  (void)m;
  return of;
}

static tame_step inner_step(const memory *m, const tame_step *s, const kept *k, int64_t own)
{
  tame_step of = *s;
  of.slab = s->slab + m->lstm->count;
  if (s->turned) of.turned = s->turned + m->lstm->count;
  of.state = k->state;
  of.tape = k->inner;
  of.work = s->work + s->batch * own;
  return of;
}

static int64_t own_work(const memory *m)
{
  return 3 * m->inner->state + m->inner->inputs;
}

static void step(const tame_layer *layer, const tame_step *s)
{
  const memory *m = (const memory *)layer;
  const int64_t all = s->batch * m->inner->state;
  const kept k = kept_of(m, s);
  const tame_step first = lstm_step(m, s, &k, own_work(m)),
                  then = inner_step(m, s, &k, own_work(m));
  m->lstm->kind->step(m->lstm, &first);
  m->inner->kind->step(m->inner, &then);
  memcpy(s->next + all, k.state + all, (size_t)all * sizeof *s->next);
}

static void vjp(const tame_layer *layer, const tame_step *s, const tame_adjoint *a)
{
  const memory *m = (const memory *)layer;
  const int64_t all = s->batch * m->inner->state, in = s->batch * layer->inputs;
  const kept k = kept_of(m, s);
  const tame_step first = lstm_step(m, s, &k, own_work(m)),
                  then = inner_step(m, s, &k, own_work(m));
  double *work = s->work, *dstate = tame_take(&work, 2 * all), *zero = tame_take(&work, all),
         *dx = tame_take(&work, in);
  const tame_adjoint of_inner = {.next = a->next,
                                 .y = a->y,
                                 .state = dstate,
                                 .x = a->x ? dx : NULL,
                                 .slab = a->slab + m->lstm->count};
  m->inner->kind->vjp(m->inner, &then, &of_inner);
  memcpy(dstate + all, a->next + all, (size_t)all * sizeof *dstate);
  memset(zero, 0, (size_t)all * sizeof *zero);
  const tame_adjoint of_lstm = {
      .next = dstate, .y = zero, .state = a->state, .x = a->x, .slab = a->slab};
  m->lstm->kind->vjp(m->lstm, &first, &of_lstm);
  for (int64_t i = 0; a->x && i < in; i++) a->x[i] += dx[i];
}

static void jvp(const tame_layer *layer, const tame_step *s, const tame_tangent *t)
{
  const memory *m = (const memory *)layer;
  const int64_t all = s->batch * m->inner->state;
  const kept k = kept_of(m, s);
  const tame_step first = lstm_step(m, s, &k, own_work(m)),
                  then = inner_step(m, s, &k, own_work(m));
  double *work = s->work, *tstate = tame_take(&work, 2 * all), *ty = tame_take(&work, all);
  const tame_tangent of_lstm = {
      .slab = t->slab, .x = t->x, .state = t->state, .next = tstate, .y = ty};
  const tame_tangent of_inner = {
      .slab = t->slab + m->lstm->count, .x = t->x, .state = tstate, .next = t->next, .y = t->y};
  m->lstm->kind->jvp(m->lstm, &first, &of_lstm);
  m->inner->kind->jvp(m->inner, &then, &of_inner);
  memcpy(t->next + all, tstate + all, (size_t)all * sizeof *t->next);
}

static const tame_cell_kind kind = {
    .head = {.name = "memory", .doc = "an LSTM before another cell"},
    .size = sizeof(memory),
    .step = step,
    .vjp = vjp,
    .jvp = jvp,
    .free = free_parts,
};

tame_status tame_memory_create(tame_layer **out, tame_layer *inner)
{
  const tame_lstm_params params = {.units = inner->state,
                                   .forget_bias = 1,
                                   .weights = {.init = TAME_WEIGHTS_ORTHOGONAL, .gain = 1}};
  memory *m = tame_zeroed(1, sizeof *m, "a layer");
  if (!m) return TAME_ERR_NOMEM; /* inner is still in *out */
  tame_layer *layer = *out = &m->head;
  layer->kind = &kind;
  layer->name = inner->name;
  layer->kernels = inner->kernels;
  m->inner = inner;
  const tame_status status = tame_layer_create_bare(&m->lstm, &tame_cell_lstm, &params,
                                                    inner->inputs);
  if (status != TAME_OK) return status;
  tame_view *bias = &m->lstm->view[m->lstm->views - 1]; /* ncps draws it, too */
  bias->a = -0.1;
  bias->b = 0.1;
  layer->inputs = inner->inputs;
  layer->outputs = inner->outputs;
  layer->variables = 2;
  layer->variable[0] = inner->variable[0];
  layer->variable[1] = "c";
  layer->state = 2 * inner->state;
  layer->tape = 3 * inner->state + m->lstm->tape + inner->tape;
  layer->work = own_work(m) + larger(m->lstm->work, inner->work);
  layer->work_once = larger(m->lstm->work_once, inner->work_once);
  layer->spare = larger(m->lstm->spare, inner->spare);
  add_views(layer, m->lstm, "memory.");
  add_views(layer, inner, "");
  return TAME_OK;
}
