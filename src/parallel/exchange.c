/* How rates travel; see tame/parallel.h. */
#include "tame/parallel.h"

#include "base/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct tame_exchange {
  MPI_Comm comm;                   /* borrowed */
  const tame_partition *partition; /* borrowed */
  int rank;
  int64_t first, n_local;
  size_t element;
  MPI_Datatype type; /* of an element */
  tame_exchange_mode mode;
  void *view; /* halo: own values, then remote ones by id; gather: all values by id */
  char *
      next; /* one rank only: the view to come, so that it can be written while the other is read */

  /* halo only */
  int64_t *remote, n_remote; /* ids received, ascending */
  int32_t *send_index;       /* own neurons to send, by destination, [n_send] */
  int64_t n_send;
  char *packed; /* their values */
  MPI_Request *requests;
  int n_requests;
};

static MPI_Datatype type_of(size_t element)
{
  MPI_Datatype type;
  MPI_Type_contiguous((int)element, MPI_BYTE, &type);
  MPI_Type_commit(&type);
  return type;
}

void tame_gather_all(MPI_Comm comm, const tame_partition *partition, const void *own, void *all,
                     size_t element)
{
  int rank;
  MPI_Comm_rank(comm, &rank);
  MPI_Datatype type = type_of(element);
  MPI_Allgatherv(own, partition->counts[rank], type, all, partition->counts, partition->places,
                 type, comm);
  MPI_Type_free(&type);
}

/* ---- planning ------------------------------------------------------------------------------ */

static bool is_own(const tame_exchange *x, int64_t id)
{
  return id >= x->first && id < x->first + x->n_local;
}

static tame_status list_remote(tame_exchange *x, const int64_t *needed, int64_t n_needed)
{
  for (int64_t k = 0; k < n_needed; k++) x->n_remote += !is_own(x, needed ? needed[k] : k);
  x->remote = tame_untouched(x->n_remote, sizeof *x->remote, "the halo");
  if (!x->remote) return TAME_ERR_NOMEM;
  int64_t m = 0;
  for (int64_t k = 0; k < n_needed; k++) {
    const int64_t id = needed ? needed[k] : k;
    if (!is_own(x, id)) x->remote[m++] = id;
  }
  return TAME_OK;
}

/* A halo that carries half of everything or more gains nothing over one allgather. */
static tame_exchange_mode choose_mode(const tame_exchange *x)
{
  int64_t carried = x->n_remote;
  MPI_Allreduce(MPI_IN_PLACE, &carried, 1, MPI_INT64_T, MPI_SUM, x->comm);
  const int64_t most = x->partition->n * (x->partition->size - 1);
  return most > 0 && 2 * carried >= most ? TAME_EXCHANGE_GATHER : TAME_EXCHANGE_HALO;
}

static tame_status plan_gather(tame_exchange *x)
{
  x->view = tame_zeroed(x->partition->n, x->element, "all rates");
  return x->view ? TAME_OK : TAME_ERR_NOMEM;
}

/* Tell each owner which of its neurons we need: ask[k], wanted[k] ids to and from rank k. */
static tame_status plan_halo(tame_exchange *x)
{
  const int size = x->partition->size;
  int *ask = tame_zeroed(4 * size, sizeof *ask, "the halo plan");
  int64_t *ids = NULL;
  tame_status status = ask ? TAME_OK : TAME_ERR_NOMEM;
  status = tame_agree(x->comm, status);
  if (status != TAME_OK) {
    free(ask);
    return status;
  }
  int *const wanted = ask + size, *const ask_at = ask + 2 * size, *const wanted_at = ask + 3 * size;
  for (int64_t m = 0; m < x->n_remote; m++) ask[tame_partition_owner(x->partition, x->remote[m])]++;
  MPI_Alltoall(ask, 1, MPI_INT, wanted, 1, MPI_INT, x->comm);
  int neighbours = 0;
  for (int k = 0; k < size; k++) {
    if (k > 0) ask_at[k] = ask_at[k - 1] + ask[k - 1];
    if (k > 0) wanted_at[k] = wanted_at[k - 1] + wanted[k - 1];
    x->n_send += wanted[k];
    neighbours += (ask[k] > 0) + (wanted[k] > 0);
  }
  ids = tame_untouched(x->n_send, sizeof *ids, "the halo plan");
  x->send_index = tame_untouched(x->n_send, sizeof *x->send_index, "the halo plan");
  x->packed = tame_zeroed(x->n_send, x->element, "the halo buffer");
  x->requests = tame_zeroed(neighbours, sizeof(MPI_Request), "the halo plan");
  x->view = tame_zeroed(x->n_local + x->n_remote, x->element, "the view of rates");
  if (size == 1) x->next = tame_zeroed(x->n_local, x->element, "the view of rates");
  if ((size == 1 && !x->next) || !ids || !x->send_index || !x->packed || !x->requests || !x->view)
    status = TAME_ERR_NOMEM;
  status = tame_agree(x->comm, status);
  if (status == TAME_OK) {
    MPI_Alltoallv(x->remote, ask, ask_at, MPI_INT64_T, ids, wanted, wanted_at, MPI_INT64_T,
                  x->comm);
    for (int64_t m = 0; m < x->n_send; m++) x->send_index[m] = (int32_t)(ids[m] - x->first);
    char *const halo = (char *)x->view + (size_t)x->n_local * x->element;
    for (int k = 0; k < size; k++)
      if (ask[k] > 0)
        MPI_Recv_init(halo + (size_t)ask_at[k] * x->element, ask[k], x->type, k, 0, x->comm,
                      &x->requests[x->n_requests++]);
    for (int k = 0; k < size; k++)
      if (wanted[k] > 0)
        MPI_Send_init(x->packed + (size_t)wanted_at[k] * x->element, wanted[k], x->type, k, 0,
                      x->comm, &x->requests[x->n_requests++]);
  }
  free(ids);
  free(ask);
  return status;
}

/* ---- public -------------------------------------------------------------------------------- */

tame_status tame_exchange_create(tame_exchange **out, MPI_Comm comm,
                                 const tame_partition *partition, const int64_t *needed,
                                 int64_t n_needed, size_t element)
{
  *out = NULL;
  tame_exchange *x = tame_zeroed(1, sizeof *x, "an exchange");
  tame_status status = TAME_ERR_NOMEM;
  if (x) {
    x->comm = comm;
    x->partition = partition;
    x->element = element;
    x->type = type_of(element);
    MPI_Comm_rank(comm, &x->rank);
    x->first = partition->first[x->rank];
    x->n_local = partition->first[x->rank + 1] - x->first;
    status = list_remote(x, needed, n_needed);
  }
  status = tame_agree(comm, status);
  if (status == TAME_OK) {
    x->mode = choose_mode(x);
    status = x->mode == TAME_EXCHANGE_GATHER ? plan_gather(x) : plan_halo(x);
    status = tame_agree(comm, status);
  }
  if (status != TAME_OK) tame_exchange_free(&x);
  *out = x;
  return status;
}

void tame_exchange_free(tame_exchange **exchange)
{
  tame_exchange *x = *exchange;
  if (!x) return;
  for (int k = 0; k < x->n_requests; k++) MPI_Request_free(&x->requests[k]);
  free(x->requests);
  free(x->view);
  free(x->next);
  free(x->remote);
  free(x->send_index);
  free(x->packed);
  MPI_Type_free(&x->type);
  free(x);
  *exchange = NULL;
}

static void pack(const tame_exchange *x, const void *own)
{
  if (x->element == sizeof(double)) {
    const double *from = own;
    double *to = (double *)(void *)x->packed;
    for (int64_t m = 0; m < x->n_send; m++) to[m] = from[x->send_index[m]];
  } else {
    for (int64_t m = 0; m < x->n_send; m++)
      memcpy(x->packed + (size_t)m * x->element,
             (const char *)own + (size_t)x->send_index[m] * x->element, x->element);
  }
}

void tame_exchange_run(tame_exchange *x, const void *own)
{
  if (x->mode == TAME_EXCHANGE_GATHER) {
    const tame_partition *p = x->partition;
    MPI_Allgatherv(own, p->counts[x->rank], x->type, x->view, p->counts, p->places, x->type,
                   x->comm);
    return;
  }
  pack(x, own);
  if (x->n_requests) MPI_Startall(x->n_requests, x->requests);
  memcpy(x->view, own, (size_t)x->n_local * x->element);
  if (x->n_requests) MPI_Waitall(x->n_requests, x->requests, MPI_STATUSES_IGNORE);
}

void tame_exchange_put(tame_exchange *x, const void *own, int64_t first, int64_t count)
{
  const size_t at = (size_t)first * x->element;
  if (x->next) memcpy(x->next + at, (const char *)own + at, (size_t)count * x->element);
}

void tame_exchange_show(tame_exchange *x, const void *own)
{
  if (!x->next) {
    tame_exchange_run(x, own);
    return;
  }
  char *const shown = x->next;
  x->next = x->view;
  x->view = shown;
}

void *tame_exchange_view(const tame_exchange *x)
{
  return x->view;
}

int32_t tame_exchange_slot(const tame_exchange *x, int64_t id)
{
  if (x->mode == TAME_EXCHANGE_GATHER) return (int32_t)id;
  if (is_own(x, id)) return (int32_t)(id - x->first);
  int64_t low = 0, high = x->n_remote;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    if (x->remote[middle] <= id) low = middle;
    else high = middle;
  }
  return (int32_t)(x->n_local + low);
}

int64_t tame_exchange_id(const tame_exchange *x, int32_t slot)
{
  if (x->mode == TAME_EXCHANGE_GATHER) return slot;
  return slot < x->n_local ? x->first + slot : x->remote[slot - x->n_local];
}

int64_t tame_exchange_view_count(const tame_exchange *x)
{
  return x->mode == TAME_EXCHANGE_GATHER ? x->partition->n : x->n_local + x->n_remote;
}

tame_exchange_mode tame_exchange_mode_of(const tame_exchange *x)
{
  return x->mode;
}

int64_t tame_exchange_bytes(const tame_exchange *x)
{
  const int64_t values = x->mode == TAME_EXCHANGE_GATHER ? x->partition->n - x->n_local
                                                         : x->n_remote;
  return values * (int64_t)x->element;
}
