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
    if (net->dense) memset(reads, 1, (size_t)n);
    for (int64_t i = 0; !net->dense && i < net->n_local; i++)
      for (int64_t s = net->start[i]; s < net->start[i + 1]; s++)
        reads[tame_network_source(net, i, s)] = 1;
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
  tame_network_find_rates(net);
  tame_network_restored(net);
}

/* Its own states; NULL or zero what freeing it must not touch. Local. */
static tame_status begin(tame_network **out, const tame_network *net)
{
  tame_network *twin = *out = tame_untouched(1, sizeof *twin, "a twin of the network");
  if (!twin) return TAME_ERR_NOMEM;
  *twin = *net;
  twin->exchange = twin->everything = NULL;
  twin->y = tame_zeroed(net->p.outputs, sizeof *twin->y, "what is fed back");
  twin->x = tame_zeroed(net->variables * net->n_local, net->real, "states");
  twin->h = tame_zeroed(net->n_local, net->real, "states");
  twin->r = tame_zeroed(net->n_local, net->real, "rates");
  return twin->y && twin->x && twin->h && twin->r ? TAME_OK : TAME_ERR_NOMEM;
}

tame_status tame_network_twin(tame_network **out, const tame_network *net)
{
  tame_status status = tame_agree(net->comm, begin(out, net));
  if (status == TAME_OK) status = tame_network_exchange_like(&(*out)->exchange, net, net->real);
  if (status == TAME_OK && net->everything && net->w_fb) /* for its readout */
    status = tame_exchange_create(&(*out)->everything, net->comm, &net->partition, NULL,
                                  net->p.neurons, net->real);
  if (status == TAME_OK) tame_network_twin_follow(*out, net);
  else tame_network_twin_free(out);
  return status;
}

void tame_network_twin_free(tame_network **twin)
{
  if (!*twin) return;
  tame_exchange_free(&(*twin)->exchange);
  tame_exchange_free(&(*twin)->everything);
  free((*twin)->y);
  free((*twin)->x);
  free((*twin)->h);
  free((*twin)->r);
  free(*twin);
  *twin = NULL;
}

void tame_network_twin_follow(tame_network *twin, const tame_network *net)
{
  memcpy(twin->x, net->x, (size_t)(net->variables * net->n_local) * net->real);
  memcpy(twin->y, net->y, (size_t)net->p.outputs * sizeof *net->y);
  twin->trial = net->trial;
  twin->step = net->step;
  tame_network_moved(twin);
}

/* What the twin feeds back next: what the first does, or its own readout where the first does that. */
static void feed(tame_network *twin, const tame_network *net)
{
  if (net->w_fb && net->own[0]) tame_network_readout(twin, twin->y);
  else memcpy(twin->y, net->y, (size_t)net->p.outputs * sizeof *net->y);
}

void tame_network_twin_step(tame_network *twin, const tame_network *net, const double *input,
                            bool noise)
{
  tame_network_step(twin, input, noise);
  feed(twin, net);
}

void tame_network_twin_moved(tame_network *twin, const tame_network *net)
{
  tame_network_moved(twin);
  feed(twin, net);
}
