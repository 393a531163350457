/* How long this machine takes for a rank's share of a network: its kernels are run for a second or two on
 * arrays like those of the network, cut to a size that fits. */
#include "base/memory.h"
#include "experiment/plan.h"
#include "kernels/kernels.h"
#include "network/tables.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  MOST_BYTES = 240 << 20, /* of W, and of P: all threads together */
  NORMALS = 20000,        /* drawn */
  CALLS = 1000,           /* at most, of one kernel */
};

/* ---- clocks ------------------------------------------------------------------------------------ */

/* What this thread has worked: other programs on the same cores do not count, as they would with a clock on
 * the wall. */
static double worked(void)
{
  struct timespec t;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0) return omp_get_wtime();
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef void action(void *context, int thread);

/* Seconds for a call with each of `threads` threads at once: of the slowest, the mean of some calls. The first,
 * which warms the caches, does not count. */
static double time_of(action *act, void *context, int threads)
{
  double sum = 0, began = omp_get_wtime();
  int k = -1;
  for (; k < 3 || (k < CALLS && omp_get_wtime() - began < 0.4); k++) {
    double most = 0;
#pragma omp parallel num_threads(threads) reduction(max : most)
    {
#pragma omp barrier
      const double from = worked();
      act(context, omp_get_thread_num());
      most = worked() - from;
    }
    if (k >= 0) sum += most;
  }
  return sum / k;
}

/* ---- what a thread works on ---------------------------------------------------------------------- */

typedef struct bench {
  const tame_kernels *kernels;
  const tame_plan_share *share;
  int threads;     /* that work at once */
  size_t rows;     /* neurons of a step */
  size_t learners; /* P's of an update */
  size_t padded;   /* numbers of the longest u */
  size_t columns, stride, readout_rows;
  size_t p_bytes, longest;
  int64_t *start; /* of rows of W, [rows + 1] */
  int32_t *slot;
  char **w, **h, **x, **r, **view, **P, **u, **k; /* by thread */
  char **states;                                  /* of the neurons of a step, [variables][rows] */
} bench;

static size_t inputs_of(const bench *b, size_t learner)
{
  return b->share->n_inputs ? (size_t)b->share->inputs[learner % (size_t)b->share->n_inputs] : 0;
}

static size_t p_numbers(size_t inputs)
{
  return tame_tiles(inputs) * TAME_TILE * TAME_TILE;
}

/* A thread's neurons. */
static tame_block block_of(const bench *b, int t)
{
  const tame_network_params *p = b->share->network;
  return (tame_block){.kernels = b->kernels,
                      .params = p->cell.params,
                      .dt_ms = p->dt_ms,
                      .units = p->neurons,
                      .n = b->rows,
                      .h = b->h[t],
                      .x = b->states[t],
                      .stride = b->rows,
                      .r = b->r[t]};
}

static void do_step(void *context, int t)
{
  const bench *b = context;
  const tame_noise_key key = {1, 1, 1};
  if (tame_network_is_dense(b->share->network))
    b->kernels->dense_sums(b->rows, (size_t)b->start[1], -1, b->w[t], b->view[t], b->h[t]);
  else b->kernels->row_sums(b->rows, b->start, b->slot, b->w[t], b->view[t], b->h[t]);
  b->kernels->add_noise(b->rows, 0, key, 1e-3, b->h[t]);
  const tame_cell *cell = (const tame_cell *)b->share->network->cell.row;
  const tame_block block = block_of(b, t);
  if (cell->features) b->kernels->rate_step(b->rows, 0.1, b->h[t], b->states[t], b->r[t]);
  else cell->step(&block);
}

static void do_update(void *context, int t)
{
  const bench *b = context;
  const size_t real = b->kernels->real_size;
  char *P = b->P[t];
  for (size_t g = 0; g < b->learners; g++) {
    const size_t m = inputs_of(b, g);
    char *const u = b->u[t] + g * b->padded * real, *const w = b->x[t] + g * b->padded * real;
    b->kernels->gather(m, b->slot, b->view[t], b->r[t]);
    b->kernels->rls_sweep(m, P, u, 1, b->r[t], b->k[t]);
    const double rkr = b->kernels->dot(m, b->r[t], b->k[t]);
    b->kernels->scale(m, 1e-9 * rkr, b->k[t], u);
    b->kernels->add_scaled(m, 1e-9, b->k[t], w);
    P += p_numbers(m) * real;
  }
}

static void do_rows(void *context, int t)
{
  const bench *b = context;
  b->kernels->rls_rows(b->readout_rows, b->columns, b->stride, b->P[t], b->u[t], b->u[t], 1,
                       b->r[t], b->k[t]);
}

static void do_dot(void *context, int t)
{
  const bench *b = context;
  const double z = b->kernels->dot(b->columns, b->view[t], b->x[t]);
  memcpy(b->h[t], &z, sizeof z); /* so that it is not left out */
}

/* ---- arrays --------------------------------------------------------------------------------------- */

/* One array a thread, which touches it first. *seconds: how long it took the slowest; may be NULL. */
static char **arrays(const bench *b, size_t numbers, double *seconds)
{
  char **all = tame_zeroed(b->threads, sizeof *all, "calibration");
  double most = 0;
  bool good = all != NULL;
  if (!all) return NULL;
#pragma omp parallel num_threads(b->threads) reduction(max : most) reduction(&& : good)
  {
    const double from = worked();
    char **const mine = &all[omp_get_thread_num()];
    *mine = tame_zeroed((int64_t)numbers, b->kernels->real_size, "calibration");
    good = *mine != NULL;
    most = worked() - from;
  }
  if (seconds) *seconds = most;
  if (good) return all;
  for (int t = 0; t < b->threads; t++) free(all[t]);
  free(all);
  return NULL;
}

static void free_arrays(const bench *b, char **all)
{
  for (int t = 0; all && t < b->threads; t++) free(all[t]);
  free(all);
}

/* Sizes: a thread's part of the share, as much of it as there is room for. */
static void measure(bench *b, const tame_plan_share *s)
{
  const double room = (double)MOST_BYTES / b->threads, real = (double)b->kernels->real_size;
  const double neurons = s->neurons / s->threads, learners = s->learners / s->threads,
               readout = s->readout_rows / s->threads;
  const double a_row = (s->neurons > 0 ? s->synapses / s->neurons + 1 : 1) * (real + 4);
  const size_t line = TAME_ALIGN / b->kernels->real_size;
  double mean = 0;
  for (int64_t k = 0; k < s->n_inputs; k++) {
    mean += (double)p_numbers((size_t)s->inputs[k]) * real / (double)s->n_inputs;
    if (tame_padded((size_t)s->inputs[k]) > b->padded)
      b->padded = tame_padded((size_t)s->inputs[k]);
  }
  b->rows = (size_t)fmax(1, fmin(neurons, room / a_row));
  b->learners = learners > 0 && mean > 0 ? (size_t)fmax(1, fmin(learners, room / mean)) : 0;
  b->columns = (size_t)s->network->neurons;
  b->stride = (b->columns + line - 1) / line * line;
  if (readout > 0)
    b->readout_rows = (size_t)fmax(1, fmin(readout, room / ((double)b->stride * real)));
  b->longest = tame_padded(b->columns) + b->rows + 16;
  for (size_t g = 0; g < b->learners; g++) b->p_bytes += p_numbers(inputs_of(b, g)) * (size_t)real;
  const size_t of_readout = b->readout_rows * b->stride * (size_t)real;
  if (of_readout > b->p_bytes) b->p_bytes = of_readout;
  b->p_bytes += TAME_ALIGN;
}

static tame_status allocate(bench *b, double *touch)
{
  const tame_plan_share *s = b->share;
  const double each = s->neurons > 0 ? s->synapses / s->neurons : 0;
  b->start = tame_zeroed((int64_t)b->rows + 1, sizeof *b->start, "calibration");
  if (!b->start) return TAME_ERR_NOMEM;
  for (size_t i = 0; i < b->rows; i++) b->start[i + 1] = b->start[i] + (int64_t)(each + 0.5);
  const int64_t slots = b->start[b->rows] + (int64_t)b->columns;
  b->slot = tame_untouched(slots, sizeof *b->slot, "calibration");
  for (int64_t k = 0; b->slot && k < slots; k++)
    b->slot[k] = (int32_t)((uint64_t)k * 2654435761u % (uint64_t)b->columns);
  const size_t of_u = b->learners * b->padded > b->longest ? b->learners * b->padded : b->longest;
  const size_t of_P = b->p_bytes / b->kernels->real_size;
  bool good = b->slot && (b->P = arrays(b, of_P, touch)) &&
              (b->w = arrays(b, (size_t)b->start[b->rows] + 8, NULL)) &&
              (b->u = arrays(b, of_u, NULL)) && (b->x = arrays(b, of_u, NULL));
  *touch /= (double)b->p_bytes;
  good = good && (b->h = arrays(b, b->longest, NULL)) && (b->r = arrays(b, b->longest, NULL)) &&
         (b->k = arrays(b, b->longest, NULL)) && (b->view = arrays(b, b->longest, NULL));
  int variables;
  (void)tame_network_variables(s->network, &variables);
  good = good && (b->states = arrays(b, b->rows * (size_t)variables, NULL));
  const tame_cell *cell = (const tame_cell *)s->network->cell.row;
  for (int t = 0; good && cell->start && t < b->threads; t++) {
    const tame_block block = block_of(b, t);
    cell->start(&block);
  }
  return good ? TAME_OK : TAME_ERR_NOMEM;
}

static void release(bench *b)
{
  char **const all[] = {b->w, b->h, b->x, b->r, b->view, b->P, b->u, b->k, b->states};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) free_arrays(b, all[k]);
  free(b->slot);
  free(b->start);
}

/* ---- all ------------------------------------------------------------------------------------------- */

/* A synapse of the wiring, from rows all over the network; and its weight. */
static tame_status time_drawing(const tame_network_params *p, tame_plan_times *times)
{
  const tame_wiring *wiring = (const tame_wiring *)p->wiring.row;
  int32_t *row = tame_untouched(p->neurons, sizeof *row, "calibration");
  if (!row) return TAME_ERR_NOMEM;
  double synapses = 0, sum = 0, began = worked();
  for (int64_t i = 0; i < p->neurons && worked() - began < 0.1; i += p->neurons / 500 + 1)
    synapses += (double)wiring->draw(p->wiring.params, (uint64_t)p->seed, p->neurons, i, row);
  times->draw = synapses > 0 ? (worked() - began) / synapses : 0;
  free(row);
  began = worked();
  for (uint32_t k = 0; k < NORMALS; k++)
    sum += tame_normal((uint64_t)p->seed, TAME_DRAW_RECURRENT, k, 0, 0);
  times->normal = (worked() - began) / NORMALS + 0 * sum;
  return TAME_OK;
}

tame_status tame_plan_calibrate(const tame_plan_share *share, int at_once, tame_plan_times *times)
{
  const tame_network_params *p = share->network;
  bench b = {.kernels = tame_kernels_pick((tame_precision)p->precision),
             .share = share,
             .threads = at_once};
  if (!b.kernels)
    return tame_fail(TAME_ERR_INPUT, "TAME_KERNEL: want one of %s", tame_kernels_names());
  measure(&b, share);
  tame_status status = allocate(&b, &times->touch);
  if (status == TAME_OK) {
    const double threads = share->threads;
    times->step = time_of(do_step, &b, at_once) * share->neurons / threads / (double)b.rows;
    if (b.learners)
      times->update = time_of(do_update, &b, at_once) * share->learners / threads /
                      (double)b.learners;
    if (b.readout_rows)
      times->readout_update = time_of(do_rows, &b, at_once) * share->readout_rows / threads /
                              (double)b.readout_rows;
    times->readout = time_of(do_dot, &b, at_once) * (double)p->outputs;
    status = time_drawing(p, times);
  }
  release(&b);
  return status;
}
