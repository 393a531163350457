/* Recursive least squares for readouts: all outputs see the same rates, so one P serves all. Its rows
 * are spread over the ranks; k = P r is gathered, and every rank then does the same with it. */
#include "base/memory.h"
#include "learn/rls.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct readout {
  tame_learner head;
  tame_rls_params params;
  double scale;                 /* pending with u, as for recurrent weights */
  tame_partition rows, threads; /* of P over ranks; of our rows over threads */
  int64_t first, n_rows, stride;
  void *P;               /* our rows, whole, [n_rows][stride] */
  void *u, *r;           /* [stride], padded with zeros, on every rank */
  void *k_own;           /* [n_rows] */
  tame_exchange *gather; /* of k */
  void *before;          /* W_out at the last health */
} readout;

/* Numbers from row to row of P: whole cache lines. */
static int64_t stride_of(int64_t n, size_t real)
{
  const int64_t line = TAME_ALIGN / (int64_t)real;
  return (n + line - 1) / line * line;
}

static double bytes(const void *params, const tame_network_params *p, int rank, int ranks,
                    double *saved)
{
  (void)params, (void)rank;
  const size_t real = p->precision == TAME_FLOAT ? sizeof(float) : sizeof(double);
  const int64_t n = p->neurons, stride = stride_of(n, real), rows = (n + ranks - 1) / ranks;
  *saved = (double)(n * (n + 2)) * (double)real;
  return (double)((rows + 3 + p->outputs) * stride) * (double)real;
}

static tame_status allocate(readout *out, const tame_network *net)
{
  const int64_t n = net->p.neurons;
  const size_t real = net->real;
  if (tame_partition_even(&out->rows, net->partition.size, n) != TAME_OK) return TAME_ERR_NOMEM;
  out->first = out->rows.first[net->rank];
  out->n_rows = out->rows.first[net->rank + 1] - out->first;
  const int threads = tame_threads_for((double)out->n_rows * (double)n / 2);
  if (tame_partition_even(&out->threads, threads, out->n_rows) != TAME_OK) return TAME_ERR_NOMEM;
  out->stride = stride_of(n, real);
  out->P = tame_untouched(out->n_rows * out->stride, real, "P of the readout");
  out->u = tame_zeroed(out->stride, real, "P of the readout");
  out->r = tame_zeroed(out->stride, real, "P of the readout");
  out->k_own = tame_zeroed(out->n_rows, real, "P of the readout");
  out->before = tame_untouched(net->p.outputs * n, real, "weights before");
  return out->P && out->u && out->r && out->k_own && out->before ? TAME_OK : TAME_ERR_NOMEM;
}

static void reset_p(readout *out, const tame_network *net)
{
#pragma omp parallel for schedule(static, 1) num_threads(out->threads.size)
  for (int t = 0; t < out->threads.size; t++)
    for (int64_t i = out->threads.first[t]; i < out->threads.first[t + 1]; i++) {
      memset(tame_real_from(net, out->P, i * out->stride), 0, (size_t)out->stride * net->real);
      tame_real_put(net, out->P, i * out->stride + out->first + i, 1 / out->params.delta);
    }
  out->scale = 1;
}

static tame_status create(tame_learner **learner, const void *params, tame_network *net)
{
  readout *out = tame_zeroed(1, sizeof *out, "a learner");
  tame_status status = out ? TAME_OK : TAME_ERR_NOMEM;
  if (out) {
    *learner = &out->head;
    out->params = *(const tame_rls_params *)params;
    status = allocate(out, net);
  }
  status = tame_agree(net->comm, status);
  if (status == TAME_OK)
    status = tame_exchange_create(&out->gather, net->comm, &out->rows, NULL, net->p.neurons,
                                  net->real);
  if (status != TAME_OK) return status;
  reset_p(out, net);
  memcpy(out->before, net->w_out, (size_t)(net->p.outputs * net->p.neurons) * net->real);
  return TAME_OK;
}

static void release(tame_learner *learner)
{
  readout *out = (readout *)learner;
  tame_exchange_free(&out->gather);
  tame_partition_free(&out->rows);
  tame_partition_free(&out->threads);
  free(out->P);
  free(out->u);
  free(out->r);
  free(out->k_own);
  free(out->before);
  free(out);
}

static void update(tame_learner *learner, const double *error)
{
  readout *out = (readout *)learner;
  tame_network *net = out->head.network;
  const tame_kernels *kernels = net->kernels;
  const size_t n = (size_t)net->p.neurons;
  memcpy(out->r, tame_network_all_rates(net), n * net->real);
#pragma omp parallel for schedule(static, 1) num_threads(out->threads.size)
  for (int t = 0; t < out->threads.size; t++) {
    const int64_t from = out->threads.first[t], rows = out->threads.first[t + 1] - from;
    kernels->rls_rows((size_t)rows, n, (size_t)out->stride,
                      tame_real_from(net, out->P, from * out->stride),
                      tame_real_from(net, out->u, out->first + from), out->u, out->scale, out->r,
                      tame_real_from(net, out->k_own, from));
  }
  tame_exchange_run(out->gather, out->k_own);
  const void *k = tame_exchange_view(out->gather);
  const double c = tame_rls_gain(out->params.forgetting, kernels->dot(n, out->r, k), net, -1,
                                 &out->head.failure);
  kernels->scale(n, sqrt(c), k, out->u);
  for (int64_t o = 0; o < net->p.outputs; o++)
    kernels->add_scaled(n, -c * error[o], k, tame_real_from(net, net->w_out, o * net->p.neurons));
  out->scale = 1 / out->params.forgetting;
}

static tame_status health(tame_learner *learner, tame_health *health)
{
  readout *out = (readout *)learner;
  const tame_network *net = out->head.network;
  double squares = 0;
  *health = (tame_health){.p_min = INFINITY, .p_max = -INFINITY};
  for (int64_t i = 0; i < out->n_rows; i++)
    tame_rls_diagonal(health, tame_real_at(net, out->P, i * out->stride + out->first + i),
                      tame_real_at(net, out->u, out->first + i), out->scale);
  for (int64_t s = 0; s < net->p.outputs * net->p.neurons; s++) {
    const double now = tame_real_at(net, net->w_out, s);
    const double change = now - tame_real_at(net, out->before, s);
    squares += change * change;
    tame_real_put(net, out->before, s, now);
  }
  health->dw = sqrt(squares);
  return TAME_OK;
}

static void state(tame_learner *learner, tame_state *state)
{
  readout *out = (readout *)learner;
  const tame_network *net = out->head.network;
  const int64_t n = net->p.neurons, weights = net->p.outputs * n, stride = out->stride;
  const bool copy = net->rank > 0;
  const tame_type real = tame_real_type(net);
  const tame_piece pieces[] = {
      {"readout.P", real, n * stride, out->first * stride, out->n_rows * stride, out->P, false, 0},
      {"readout.u", real, stride, 0, stride, out->u, copy, 0},
      {"readout.scale", TAME_TYPE_F64, 1, 0, 1, &out->scale, copy, 0},
      {"readout.before", real, weights, 0, weights, out->before, copy, 0},
  };
  for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) tame_state_add(state, &pieces[k]);
}

static int64_t unpack(tame_learner *learner, int64_t i_local, double *P)
{
  const readout *out = (readout *)learner;
  const tame_network *net = out->head.network;
  const int64_t n = net->p.neurons;
  (void)i_local;
  if (!P) return n;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      double p = 0;
      const int64_t row = i - out->first;
      if (row >= 0 && row < out->n_rows)
        p = (tame_real_at(net, out->P, row * out->stride + j) -
             tame_real_at(net, out->u, i) * tame_real_at(net, out->u, j)) *
            out->scale;
      P[i * n + j] = p;
    }
  for (int64_t i = 0; i < n; i++) /* one term each: no rounding */
    MPI_Allreduce(MPI_IN_PLACE, P + i * n, (int)n, MPI_DOUBLE, MPI_SUM, net->comm);
  return n;
}

const tame_rule_part tame_rls_readout = {.bytes = bytes,
                                         .create = create,
                                         .update = update,
                                         .health = health,
                                         .p = unpack,
                                         .verdict = tame_rls_verdict,
                                         .state = state,
                                         .free = release};
