/* Scaling of W by its largest |eigenvalue|: that of a small network by LAPACK on rank 0, of a larger one by products
 * in which all ranks take part as in a step, the vectors staying on rank 0. So it is the same on any layout. */
#include "network/inside.h"

#include "base/memory.h"
#include "linalg/arnoldi.h"

#include <stdio.h>
#include <stdlib.h>

enum {
  SMALL = 500,          /* neurons, for which LAPACK takes a moment */
  MOST_PRODUCTS = 20000 /* several times as many as random networks have been seen to need */
};

/* ---- can it be? ---------------------------------------------------------------------------- */

/* Own neurons that have a source among `from`, [n]. */
static void reach(const tame_network *net, const char *from, char *to)
{
  for (int64_t i = 0; i < net->n_local; i++) {
    to[i] = 0;
    for (int64_t s = net->start[i]; s < net->start[i + 1] && !to[i]; s++)
      to[i] = from[tame_network_source(net, i, s)];
  }
}

/* Does any neuron reach itself? Without that all eigenvalues are 0, though rounding would not say so. Those at the
 * end of a path of k synapses get fewer with k, until none is left, or the same ones for ever. Collective. */
static tame_status find_cycle(const tame_network *net, bool *found)
{
  const int64_t n = net->p.neurons;
  char *all = tame_untouched(n, 1, "the search for cycles");
  char *own = tame_untouched(net->n_local, 1, "the search for cycles");
  const tame_status status = tame_agree(net->comm, all && own ? TAME_OK : TAME_ERR_NOMEM);
  int64_t before = -1, count = n;
  for (int64_t j = 0; status == TAME_OK && j < n; j++) all[j] = 1;
  while (status == TAME_OK && count > 0 && count != before) {
    before = count;
    count = 0;
    reach(net, all, own);
    tame_gather_all(net->comm, &net->partition, own, all, 1);
    for (int64_t j = 0; j < n; j++) count += all[j];
  }
  *found = count > 0;
  free(all);
  free(own);
  return status;
}

/* ---- products ------------------------------------------------------------------------------- */

typedef struct shared {
  tame_network *net;
  double *own; /* [n_local], of a vector */
} shared;

/* y = W x, both [n] on rank 0: by the sums of a step, in r and h. Collective. */
static void multiply(shared *s, const double *x, double *y)
{
  tame_network *net = s->net;
  const tame_partition *p = &net->partition;
  const int own = p->counts[net->rank];
  MPI_Scatterv(x, p->counts, p->places, MPI_DOUBLE, s->own, own, MPI_DOUBLE, 0, net->comm);
  for (int64_t i = 0; i < own; i++) tame_real_put(net, net->r, i, s->own[i]);
  tame_exchange_run(net->exchange, net->r);
#pragma omp parallel for schedule(static, 1) num_threads(net->threads.size)
  for (int t = 0; t < net->threads.size; t++)
    tame_network_sums(net, net->threads.first[t], net->threads.first[t + 1],
                      tame_real_from(net, net->h, net->threads.first[t]));
  for (int64_t i = 0; i < own; i++) s->own[i] = tame_real_at(net, net->h, i);
  MPI_Gatherv(s->own, own, MPI_DOUBLE, y, p->counts, p->places, MPI_DOUBLE, 0, net->comm);
}

static void call_for_product(void *context, const double *x, double *y)
{
  shared *s = context;
  int wanted = 1;
  MPI_Bcast(&wanted, 1, MPI_INT, 0, s->net->comm);
  multiply(s, x, y);
}

static void serve(shared *s)
{
  int wanted = 1;
  while (MPI_Bcast(&wanted, 1, MPI_INT, 0, s->net->comm), wanted) multiply(s, NULL, NULL);
}

static tame_status by_products(tame_network *net, double *modulus)
{
  const int64_t n = net->p.neurons;
  const double tolerance = net->p.precision == TAME_FLOAT ? 1e-5 : 1e-11;
  const bool root = net->rank == 0;
  shared s = {net, tame_untouched(net->n_local, sizeof *s.own, "the spectral radius")};
  double *start = root ? tame_untouched(n, sizeof *start, "the spectral radius") : NULL;
  tame_status status = tame_agree(net->comm, s.own && (start || !root) ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK && root) {
    tame_arnoldi found;
    int wanted = 0;
    for (int64_t i = 0; i < n; i++)
      start[i] = 2 * tame_uniform((uint64_t)net->p.seed, TAME_DRAW_START, (uint32_t)i, 0, 0) - 1;
    status = tame_largest_eigenvalue(n, call_for_product, &s, start, tolerance, MOST_PRODUCTS,
                                     &found);
    MPI_Bcast(&wanted, 1, MPI_INT, 0, net->comm);
    *modulus = found.modulus;
  } else if (status == TAME_OK) {
    serve(&s);
  }
  free(start);
  free(s.own);
  return status;
}

/* ---- all at once ------------------------------------------------------------------------------ */

static tame_status by_lapack(tame_network *net, double *modulus)
{
  const int64_t n = net->p.neurons;
  const bool root = net->rank == 0;
  double *W = root ? tame_untouched(n * n, sizeof *W, "the spectral radius") : NULL;
  tame_status status = tame_agree(net->comm, W || !root ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) status = tame_network_dense(net, W);
  if (status == TAME_OK && root) status = tame_dense_eigenvalue(n, W, modulus);
  free(W);
  return status;
}

static tame_status no_eigenvalue(void)
{
  return tame_fail(TAME_ERR_INPUT, "W has no eigenvalue but 0");
}

static tame_status find_radius(tame_network *net, double *radius)
{
  bool cycle;
  tame_status status = find_cycle(net, &cycle);
  if (status != TAME_OK) return status;
  if (!cycle) return no_eigenvalue();
  status = net->p.neurons <= SMALL ? by_lapack(net, radius) : by_products(net, radius);
  if (status == TAME_OK && net->rank == 0 && !(*radius > 0)) status = no_eigenvalue();
  return status;
}

tame_status tame_network_scale(tame_network *net)
{
  double radius = 0;
  char why[512];
  tame_status status = find_radius(net, &radius);
  if (status != TAME_OK) {
    snprintf(why, sizeof why, "%s", tame_message());
    tame_fail(status, "network.scaling: spectral_radius: %s", why);
  }
  status = tame_agree(net->comm, status);
  if (status != TAME_OK) return status;
  MPI_Bcast(&radius, 1, MPI_DOUBLE, 0, net->comm);
  const double factor = net->p.gain / radius;
  for (int64_t s = 0; s < net->start[net->n_local]; s++)
    tame_real_put(net, net->w, s, factor * tame_real_at(net, net->w, s));
  return TAME_OK;
}

double tame_network_scaling_bytes(const tame_network_params *p)
{
  const double n = (double)p->neurons;
  if (p->scaling != TAME_SCALE_SPECTRAL_RADIUS) return 0;
  return p->neurons <= SMALL ? 8 * n * n : tame_largest_eigenvalue_bytes(p->neurons) + 16 * n;
}
