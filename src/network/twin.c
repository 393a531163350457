/* What is made like a network: exchanges, and a second state on the same weights; see inside.h. */
#include "network/inside.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

tame_status tame_network_exchange_like(tame_exchange **out, const tame_network *net, size_t element)
{
  const int64_t n = net->p.neurons;
  char *reads = tame_zeroed(n, 1, "the list of sources");
  int64_t *needed = tame_untouched(n, sizeof *needed, "the list of sources"), count = 0;
  *out = NULL;
  tame_status status = tame_agree(net->comm, reads && needed ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) {
    for (int64_t s = 0; s < net->start[net->n_local]; s++)
      reads[tame_network_source(net, net->slot[s])] = 1;
    for (int64_t j = 0; j < n; j++)
      if (reads[j]) needed[count++] = j;
    status = tame_exchange_create(out, net->comm, &net->partition, needed, count, element);
  }
  free(reads);
  free(needed);
  return status;
}

void tame_network_moved(tame_network *net)
{
  net->cell->rates(net->kernels, (size_t)net->n_local, net->x, net->r);
  tame_network_restored(net);
}

/* Its own states; NULL or zero what freeing it must not touch. Local. */
static tame_status begin(tame_network **out, const tame_network *net)
{
  tame_network *twin = *out = tame_untouched(1, sizeof *twin, "a twin of the network");
  if (!twin) return TAME_ERR_NOMEM;
  *twin = *net;
  twin->exchange = twin->everything = NULL;
  twin->x = tame_zeroed(net->n_local, net->real, "states");
  twin->h = tame_zeroed(net->n_local, net->real, "states");
  twin->r = tame_zeroed(net->n_local, net->real, "rates");
  return twin->x && twin->h && twin->r ? TAME_OK : TAME_ERR_NOMEM;
}

tame_status tame_network_twin(tame_network **out, const tame_network *net)
{
  tame_status status = tame_agree(net->comm, begin(out, net));
  if (status == TAME_OK) status = tame_network_exchange_like(&(*out)->exchange, net, net->real);
  if (status == TAME_OK) tame_network_twin_follow(*out, net);
  else tame_network_twin_free(out);
  return status;
}

void tame_network_twin_free(tame_network **twin)
{
  if (!*twin) return;
  tame_exchange_free(&(*twin)->exchange);
  free((*twin)->x);
  free((*twin)->h);
  free((*twin)->r);
  free(*twin);
  *twin = NULL;
}

void tame_network_twin_follow(tame_network *twin, const tame_network *net)
{
  memcpy(twin->x, net->x, (size_t)net->n_local * net->real);
  twin->trial = net->trial;
  twin->step = net->step;
  tame_network_moved(twin);
}
