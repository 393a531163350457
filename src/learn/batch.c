/* Batch readouts: each update adds a sample v = (r, f, 1) to M = sum of v v', whose rows are spread over the
 * ranks; at the end of a trial rank 0 solves for W_out. Samples wait until there are enough for one product of
 * matrices: 64 at a time, in blocks of 64 rows of M that do not depend on the layout. */
#include "learn/batch.h"

#include "base/memory.h"
#include "linalg/regress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 /* rows of M, and samples, that are worked on together */ };

typedef struct batch {
  tame_learner head;
  const void *params; /* borrowed; begin with tame_batch_params */
  tame_batch_solve *solve;
  int64_t length, stride; /* of v: n + outputs + 1; padded to whole blocks */
  tame_partition blocks;  /* of rows of M, over ranks */
  int64_t first, n_rows;  /* our rows */
  int threads;            /* that add samples */
  double *M;              /* [n_rows][stride], right of the diagonal block at least */
  double *samples;        /* [BLOCK][stride], on every rank */
  int64_t waiting;        /* samples that M has not got */
  double *before;         /* W_out at the last health, [outputs][n] */
} batch;

static int64_t length_of(const tame_network *net)
{
  return net->p.neurons + net->p.outputs + 1;
}

static int64_t stride_of(const tame_network *net)
{
  return (length_of(net) + BLOCK - 1) / BLOCK * BLOCK;
}

int64_t tame_batch_need(const void *params, const tame_network *net)
{
  (void)params;
  const int64_t stride = stride_of(net), blocks = stride / BLOCK, size = net->partition.size;
  const int64_t own = (blocks + size - 1) / size * BLOCK * stride, n = net->p.neurons;
  const int64_t solving = net->rank == 0 ? 3 * stride * stride : 0;
  return (own + BLOCK * stride + solving + n * net->p.outputs) * (int64_t)sizeof(double);
}

tame_status tame_batch_create(tame_learner **learner, const void *params, tame_network *net,
                              tame_batch_solve *solve)
{
  batch *b = tame_zeroed(1, sizeof *b, "a learner");
  if (!b) return TAME_ERR_NOMEM;
  *learner = &b->head;
  tame_blas_alone();
  b->params = params;
  b->solve = solve;
  b->length = length_of(net);
  b->stride = stride_of(net);
  if (tame_partition_even(&b->blocks, net->partition.size, b->stride / BLOCK) != TAME_OK)
    return TAME_ERR_NOMEM;
  b->first = b->blocks.first[net->rank] * BLOCK;
  b->n_rows = b->blocks.first[net->rank + 1] * BLOCK - b->first;
  b->threads = tame_threads_for((double)b->n_rows * (double)b->stride * BLOCK / 16);
  b->M = tame_zeroed(b->n_rows * b->stride, sizeof *b->M, "the sums of the readout");
  b->samples = tame_zeroed(BLOCK * b->stride, sizeof *b->samples, "the sums of the readout");
  const int64_t weights = net->p.outputs * net->p.neurons;
  b->before = tame_untouched(weights, sizeof *b->before, "weights before");
  if (!b->M || !b->samples || !b->before) return TAME_ERR_NOMEM;
  for (int64_t k = 0; k < weights; k++) b->before[k] = tame_real_at(net, net->w_out, k);
  return TAME_OK;
}

void tame_batch_free(tame_learner *learner)
{
  batch *b = (batch *)learner;
  tame_partition_free(&b->blocks);
  free(b->M);
  free(b->samples);
  free(b->before);
  free(b);
}

/* ---- sums ------------------------------------------------------------------------------------------- */

/* What waits, into M; the places of samples that are not there hold zeros. */
static void add_samples(batch *b)
{
  const int64_t stride = b->stride, own = b->n_rows / BLOCK;
#pragma omp parallel for schedule(dynamic, 1) num_threads(b->threads)
  for (int64_t k = 0; k < own; k++) {
    const int64_t row = b->first + k * BLOCK;
    tame_add_product(BLOCK, stride - row, BLOCK, b->samples + row, stride, b->samples + row, stride,
                     b->M + k * BLOCK * stride + row, stride);
  }
  memset(b->samples, 0, (size_t)(BLOCK * stride) * sizeof *b->samples);
  b->waiting = 0;
}

void tame_batch_update(tame_learner *learner, const double *error)
{
  batch *b = (batch *)learner;
  tame_network *net = b->head.network;
  const int64_t n = net->p.neurons;
  const void *r = tame_network_all_rates(net);
  double *v = b->samples + b->waiting * b->stride;
  for (int64_t i = 0; i < n; i++) v[i] = tame_real_at(net, r, i);
  for (int64_t o = 0; o < net->p.outputs; o++) /* f = z - e */
    v[n + o] = net->kernels->dot((size_t)n, tame_real_from(net, net->w_out, o * n), r) +
               net->b_out[o] - error[o];
  v[n + net->p.outputs] = 1;
  if (++b->waiting == BLOCK) add_samples(b);
}

/* ---- solving ------------------------------------------------------------------------------------------ */

/* All of M, [stride][stride], on rank 0; NULL elsewhere. Collective. */
static tame_status gather(const batch *b, double **M)
{
  const tame_network *net = b->head.network;
  *M = net->rank == 0 ? tame_untouched(b->stride * b->stride, sizeof **M, "solving the readout")
                      : NULL;
  const tame_status status = tame_agree(net->comm, net->rank > 0 || *M ? TAME_OK : TAME_ERR_NOMEM);
  if (status != TAME_OK) return status;
  MPI_Datatype rows;
  MPI_Type_contiguous((int)(BLOCK * b->stride), MPI_DOUBLE, &rows);
  MPI_Type_commit(&rows);
  MPI_Gatherv(b->M, (int)(b->n_rows / BLOCK), rows, *M, b->blocks.counts, b->blocks.places, rows, 0,
              net->comm);
  MPI_Type_free(&rows);
  return TAME_OK;
}

/* M as normal equations of (possibly centred) data: H over M's own first rows, whole. */
static void unpack(const batch *b, bool centred, double *M, tame_normal_equations *e, double *q,
                   double *yy, double *means)
{
  const int64_t n = e->features, last = b->length - 1, stride = b->stride;
  const double count = M[last * stride + last];
  e->samples = (int64_t)count;
  for (int64_t i = 0; i < last; i++) means[i] = centred ? M[i * stride + last] / count : 0;
  for (int64_t o = 0; o < e->targets; o++) {
    const int64_t at = n + o;
    yy[o] = M[at * stride + at] - count * means[at] * means[at];
    for (int64_t i = 0; i < n; i++)
      q[o * n + i] = M[i * stride + at] - count * means[i] * means[at];
  }
  for (int64_t i = 0; i < n; i++) /* rows move up: none is read after it is written */
    for (int64_t j = i; j < n; j++)
      e->H[i * n + j] = M[i * stride + j] - count * means[i] * means[j];
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++) e->H[i * n + j] = e->H[j * n + i];
}

/* Rank 0: the new weights and intercepts, [outputs][n] and [outputs], in one array. */
static tame_status solve(const batch *b, double *M, double *weights)
{
  const tame_network *net = b->head.network;
  const int64_t n = net->p.neurons, outputs = net->p.outputs;
  const bool centred = ((const tame_batch_params *)b->params)->intercept;
  double *q = tame_untouched(outputs * (n + 1) + b->length, sizeof *q, "solving the readout");
  double *H = tame_untouched(n * n, sizeof *H, "solving the readout");
  tame_status status = q && H ? TAME_OK : TAME_ERR_NOMEM;
  if (status == TAME_OK) {
    double *const yy = q + outputs * n, *const means = yy + outputs;
    tame_normal_equations e = {0, n, outputs, H, q, yy, weights};
    for (int64_t k = 0; k < outputs * n; k++) weights[k] = b->before[k];
    unpack(b, centred, M, &e, q, yy, means);
    status = b->solve(b->params, &e);
    for (int64_t o = 0; status == TAME_OK && o < outputs; o++) {
      double *const bias = &weights[outputs * n + o];
      *bias = means[n + o];
      for (int64_t i = 0; i < n; i++) *bias -= weights[o * n + i] * means[i];
    }
  }
  free(q);
  free(H);
  return status;
}

tame_status tame_batch_health(tame_learner *learner, tame_health *health)
{
  batch *b = (batch *)learner;
  tame_network *net = b->head.network;
  const int64_t n = net->p.neurons, outputs = net->p.outputs, count = outputs * (n + 1);
  double squares = 0, *M, *weights = tame_zeroed(count, sizeof *weights, "solving the readout");
  *health = (tame_health){.p_min = NAN, .p_max = NAN};
  tame_status status = tame_agree(net->comm, weights ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK && b->waiting) add_samples(b);
  if (status == TAME_OK) {
    status = gather(b, &M);
    if (status == TAME_OK) {
      status = tame_agree(net->comm, net->rank == 0 ? solve(b, M, weights) : TAME_OK);
      free(M);
    }
  }
  for (int64_t o = 0; status == TAME_OK && o <= outputs; o++) /* the last: intercepts */
    MPI_Bcast(weights + o * n, (int)(o < outputs ? n : outputs), MPI_DOUBLE, 0, net->comm);
  for (int64_t k = 0; status == TAME_OK && k < outputs * n; k++) {
    squares += (weights[k] - b->before[k]) * (weights[k] - b->before[k]);
    b->before[k] = weights[k];
    tame_real_put(net, net->w_out, k, weights[k]);
  }
  if (status == TAME_OK)
    memcpy(net->b_out, weights + outputs * n, (size_t)outputs * sizeof(double));
  health->dw = sqrt(squares);
  free(weights);
  return status;
}

void tame_batch_state(tame_learner *learner, tame_state *state)
{
  batch *b = (batch *)learner;
  const tame_network *net = b->head.network;
  const int64_t stride = b->stride, all = BLOCK * stride, weights = net->p.outputs * net->p.neurons;
  const bool copy = net->rank > 0;
  const tame_piece pieces[] = {
      {"batch.M", TAME_TYPE_F64, stride * stride, b->first * stride, b->n_rows * stride, b->M,
       false, 0},
      {"batch.samples", TAME_TYPE_F64, all, 0, all, b->samples, copy, 0},
      {"batch.waiting", TAME_TYPE_I64, 1, 0, 1, &b->waiting, copy, 0},
      {"batch.before", TAME_TYPE_F64, weights, 0, weights, b->before, copy, 0},
  };
  for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) tame_state_add(state, &pieces[k]);
}
