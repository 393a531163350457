/* Cell `gru`, with the equations and the names of PyTorch; gates in the order r, z, n:
 *   r = s(x_r + h_r),  z = s(x_z + h_z),  n = tanh(x_n + r h_n),  h' = (1 - z) n + z h,
 * x_. = W_i. x + b_i., h_. = W_h. h + b_h., s the logistic function. Cho et al. (2014),
 * arXiv:1406.1078. */
#include "model/gates.h"

#include <string.h>

typedef struct gru_params {
  int64_t units;
  tame_weight_params weights;
} gru_params;

static const tame_field fields[] = {{"units", TAME_INT, .offset = offsetof(gru_params, units),
                                     .min = 1, .max = 1 << 20, .doc = "neurons"},
                                    TAME_WEIGHT_FIELDS(gru_params, weights),
                                    {0}};

typedef struct gru {
  tame_layer head;
  tame_gates gates;
} gru;

static tame_status create(tame_layer *layer, const void *params)
{
  const gru_params *p = params;
  layer->outputs = layer->state = p->units;
  layer->variables = 1;
  layer->variable[0] = "h";
  layer->tape = 4 * p->units; /* r, z, n, h_n */
  layer->work = 6 * p->units; /* two sets of gates */
  ((gru *)layer)->gates = tame_gates_add(layer, &p->weights, p->units, 3, true);
  return TAME_OK;
}

static void step(const tame_layer *layer, const tame_step *s)
{
  const tame_gates *g = &((const gru *)layer)->gates;
  const int64_t n = g->units, all = s->batch * n;
  double *work = s->work, *from_x = tame_take(&work, 3 * all), *from_h = tame_take(&work, 3 * all);
  double *at = s->tape, *r = tame_take(&at, all), *z = tame_take(&at, all),
         *new = tame_take(&at, all), *hn = tame_take(&at, all);
  tame_gates_run(g, s, s->state, from_x, from_h);
  for (int64_t b = 0; b < s->batch; b++)
    for (int64_t i = 0; i < n; i++) {
      const double *px = from_x + b * 3 * n + i, *ph = from_h + b * 3 * n + i;
      r[b * n + i] = px[0] + ph[0];
      z[b * n + i] = px[n] + ph[n];
      new[b * n + i] = px[2 * n];
      hn[b * n + i] = ph[2 * n];
    }
  layer->kernels->logistic((size_t)(2 * all), r, r); /* and z */
  for (int64_t k = 0; k < all; k++) new[k] += r[k] * hn[k];
  layer->kernels->tanh((size_t)all, new, new);
  for (int64_t k = 0; k < all; k++) s->next[k] = (1 - z[k]) * new[k] + z[k] * s->state[k];
  memcpy(s->y, s->next, (size_t)all * sizeof *s->y);
}

static void vjp(const tame_layer *layer, const tame_step *s, const tame_adjoint *a)
{
  const tame_gates *g = &((const gru *)layer)->gates;
  const int64_t n = g->units, all = s->batch * n;
  double *work = s->work, *dx = tame_take(&work, 3 * all), *dh = tame_take(&work, 3 * all);
  const double *r = s->tape, *z = r + all, *new = z + all, *hn = new + all;
  for (int64_t b = 0; b < s->batch; b++)
    for (int64_t i = 0; i < n; i++) {
      const int64_t k = b * n + i;
      double *px = dx + b * 3 * n + i, *ph = dh + b * 3 * n + i;
      const double d = a->next[k] + a->y[k];
      const double dn = d * (1 - z[k]) * (1 - new[k] * new[k]);
      px[0] = ph[0] = dn * hn[k] * r[k] * (1 - r[k]);
      px[n] = ph[n] = d * (s->state[k] - new[k]) * z[k] * (1 - z[k]);
      px[2 * n] = dn;
      ph[2 * n] = dn * r[k];
    }
  tame_gates_vjp(g, s, s->state, dx, dh, a->x, a->state, a->slab);
  for (int64_t k = 0; k < all; k++) a->state[k] += (a->next[k] + a->y[k]) * z[k];
}

static void jvp(const tame_layer *layer, const tame_step *s, const tame_tangent *t)
{
  const tame_gates *g = &((const gru *)layer)->gates;
  const int64_t n = g->units, all = s->batch * n;
  double *work = s->work, *tx = tame_take(&work, 3 * all), *th = tame_take(&work, 3 * all);
  const double *r = s->tape, *z = r + all, *new = z + all, *hn = new + all;
  tame_gates_jvp(g, s, s->state, t, t->state, tx, th);
  for (int64_t b = 0; b < s->batch; b++)
    for (int64_t i = 0; i < n; i++) {
      const int64_t k = b * n + i;
      const double *px = tx + b * 3 * n + i, *ph = th + b * 3 * n + i;
      const double tr = (px[0] + ph[0]) * r[k] * (1 - r[k]);
      const double tz = (px[n] + ph[n]) * z[k] * (1 - z[k]);
      const double tn = (px[2 * n] + tr * hn[k] + r[k] * ph[2 * n]) * (1 - new[k] * new[k]);
      t->next[k] = (1 - z[k]) * tn + z[k] * t->state[k] + tz * (s->state[k] - new[k]);
    }
  memcpy(t->y, t->next, (size_t)all * sizeof *t->y);
}

extern const tame_cell_kind tame_cell_gru;
const tame_cell_kind tame_cell_gru = {
    .head = {.name = "gru",
             .doc = "h' = (1 - z) n + z h, gates r and z, n = tanh(x_n + r h_n); as PyTorch's",
             .params = {.size = sizeof(gru_params), .fields = fields}},
    .size = sizeof(gru),
    .create = create,
    .step = step,
    .vjp = vjp,
    .jvp = jvp,
};
