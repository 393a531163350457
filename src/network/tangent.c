/* How small displacements move with a network; see tangent.h. */
#include "network/tangent.h"

#include "base/memory.h"

#include <stdlib.h>

enum { ROWS = 16 /* neurons whose sums are formed together, while they are in the cache */ };

struct tame_tangents {
  const tame_network *network; /* borrowed */
  int64_t columns;
  tame_partition threads; /* of our neurons */
  tame_exchange *exchange;
  tame_tree *tree;                                        /* for dy; NULL: nothing is fed back */
  double *dr;                                             /* [n_local][columns] */
  double *dy;                                             /* [outputs][columns] */
  double *sums;                                           /* [threads][ROWS][columns] */
  double *currents, *rates, *after, *keep, *take, *slope; /* [n_local], in one array */
  int32_t *column; /* of a dense network: sources of ROWS neurons, [threads][ROWS][n]; else NULL */
};

void tame_tangents_need(int64_t columns, int ranks, double *own, double *all)
{
  const double row = (double)columns * sizeof(double);
  *own = 2 * row + 6 * sizeof(double); /* dr, and what is packed of it to be sent */
  *all = ranks == 1 ? 2 * row : row;   /* one to read, one to write */
}

static tame_status begin(tame_tangents **out, const tame_network *net, int64_t columns)
{
  const int64_t n = net->n_local;
  *out = NULL;
  if (!net->cell->tangent)
    return tame_fail(TAME_ERR_INPUT, "cell %s has no derivatives", net->cell->head.name);
  tame_tangents *t = *out = tame_zeroed(1, sizeof *t, "tangent vectors");
  if (!t) return TAME_ERR_NOMEM;
  t->network = net;
  t->columns = columns;
  if (tame_network_divide(net, 4, columns, &t->threads) != TAME_OK) return TAME_ERR_NOMEM;
  t->dr = tame_zeroed(n * columns, sizeof *t->dr, "tangent vectors");
  t->dy = tame_zeroed(net->p.outputs * columns, sizeof *t->dy, "tangent vectors");
  t->sums = tame_zeroed(t->threads.size * ROWS * columns, sizeof *t->sums, "tangent vectors");
  t->currents = tame_zeroed(6 * n, sizeof *t->currents, "tangent vectors");
  t->column = tame_untouched(net->dense ? t->threads.size * ROWS * net->p.neurons : 0,
                             sizeof *t->column, "tangent vectors");
  if (!t->dr || !t->dy || !t->sums || !t->currents || !t->column) return TAME_ERR_NOMEM;
  t->rates = t->currents + n, t->after = t->currents + 2 * n, t->keep = t->currents + 3 * n;
  t->take = t->currents + 4 * n, t->slope = t->currents + 5 * n;
  return TAME_OK;
}

tame_status tame_tangents_create(tame_tangents **out, const tame_network *net, int64_t columns)
{
  tame_status status = tame_agree(net->comm, begin(out, net, columns));
  if (status == TAME_OK)
    status = tame_network_exchange_like(&(*out)->exchange, net, (size_t)columns * sizeof(double));
  if (status == TAME_OK && net->w_fb)
    status = tame_tree_create(&(*out)->tree, net->comm, &net->partition, net->p.outputs * columns);
  if (status != TAME_OK) tame_tangents_free(out);
  return status;
}

void tame_tangents_free(tame_tangents **tangents)
{
  tame_tangents *t = *tangents;
  if (!t) return;
  tame_exchange_free(&t->exchange);
  tame_partition_free(&t->threads);
  tame_tree_free(&t->tree);
  free(t->dr);
  free(t->dy);
  free(t->sums);
  free(t->currents);
  free(t->column);
  free(t);
  *tangents = NULL;
}

void tame_tangents_begin(tame_tangents *t)
{
  const tame_network *net = t->network;
  for (int64_t i = 0; i < net->n_local; i++) t->rates[i] = tame_real_at(net, net->r, i);
}

/* Of the step that the network has just made. */
static void take_derivatives(tame_tangents *t)
{
  const tame_network *net = t->network;
  for (int64_t i = 0; i < net->n_local; i++) {
    t->currents[i] = tame_real_at(net, net->h, i);
    t->after[i] = tame_real_at(net, net->r, i);
  }
  net->cell->tangent(net->p.cell.params, net->p.dt_ms, (size_t)net->n_local, t->currents, t->rates,
                     t->after, t->keep, t->take, t->slope);
}

/* W dr of neurons [from, from + rows) of ours; column: [ROWS][n], for sources that no list tells. */
static void sum_rows(const tame_tangents *t, int64_t from, int64_t rows, int32_t *column,
                     double *sums)
{
  const tame_network *net = t->network;
  const double *view = tame_exchange_view(t->exchange);
  if (!net->dense) {
    net->kernels->row_products((size_t)rows, (size_t)t->columns, net->start + from, net->slot,
                               net->w, view, sums);
    return;
  }
  int64_t start[ROWS + 1] = {0};
  for (int64_t k = 0; k < rows; k++) {
    const int64_t first = net->start[from + k], count = net->start[from + k + 1] - first;
    start[k + 1] = start[k] + count;
    for (int64_t s = 0; s < count; s++)
      column[start[k] + s] = (int32_t)tame_network_source(net, from + k, first + s);
  }
  net->kernels->row_products((size_t)rows, (size_t)t->columns, start, column,
                             tame_real_from(net, net->w, net->start[from]), view, sums);
}

/* What a neuron adds to dy = W_out dr. */
static void add_to_readout(const void *context, int64_t i, double *numbers)
{
  const tame_tangents *t = context;
  const tame_network *net = t->network;
  for (int64_t o = 0; o < net->p.outputs; o++) {
    const double w = tame_real_at(net, net->w_out, o * net->p.neurons + net->first + i);
    for (int64_t c = 0; c < t->columns; c++)
      numbers[o * t->columns + c] = w * t->dr[i * t->columns + c];
  }
}

/* W_fb dy of neuron i, onto its sums. */
static void add_feedback(const tame_tangents *t, int64_t i, double *sums)
{
  const tame_network *net = t->network;
  for (int64_t o = 0; o < net->p.outputs; o++) {
    const double w = tame_real_at(net, net->w_fb, o * net->n_local + i);
    for (int64_t c = 0; c < t->columns; c++) sums[c] += w * t->dy[o * t->columns + c];
  }
}

/* Neurons [from, to) of ours. sums: [ROWS][columns] */
static void move(const tame_tangents *t, int64_t from, int64_t to, int32_t *column, double *sums,
                 double *dx)
{
  const tame_network *net = t->network;
  const int64_t columns = t->columns;
  for (int64_t i = from; i < to; i += ROWS) {
    const int64_t rows = to - i < ROWS ? to - i : ROWS;
    sum_rows(t, i, rows, column, sums);
    for (int64_t k = 0; net->w_fb && net->own[1] && k < rows; k++)
      add_feedback(t, i + k, sums + k * columns);
    for (int64_t k = 0; k < rows; k++)
      for (int64_t c = 0; c < columns; c++) {
        double *const at = &dx[(i + k) * columns + c];
        *at = t->keep[i + k] * *at + t->take[i + k] * sums[k * columns + c];
      }
  }
}

void tame_tangents_step(tame_tangents *t, double *dx)
{
  const int64_t columns = t->columns, most = t->network->dense ? ROWS * t->network->p.neurons : 0;
  take_derivatives(t);
#pragma omp parallel for schedule(static, 1) num_threads(t->threads.size)
  for (int k = 0; k < t->threads.size; k++)
    for (int64_t i = t->threads.first[k]; i < t->threads.first[k + 1]; i++)
      for (int64_t c = 0; c < columns; c++)
        t->dr[i * columns + c] = t->slope[i] * dx[i * columns + c];
  tame_exchange_run(t->exchange, t->dr);
  if (t->tree && t->network->own[1])
    tame_tree_sums(t->tree, t->network->p.outputs * columns, add_to_readout, t, t->dy);
#pragma omp parallel for schedule(static, 1) num_threads(t->threads.size)
  for (int k = 0; k < t->threads.size; k++)
    move(t, t->threads.first[k], t->threads.first[k + 1], t->column + k * most,
         t->sums + k * ROWS * columns, dx);
  tame_tangents_begin(t);
}
