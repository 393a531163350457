/* All of W on one rank; see inside.h. */
#include "network/inside.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 64 /* that travel together */ };

/* Rows [from, from + rows) of ours, [rows][n]. */
static void unfold(const tame_network *net, int64_t from, int64_t rows, double *out)
{
  const int64_t n = net->p.neurons;
  memset(out, 0, (size_t)(rows * n) * sizeof *out);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t s = net->start[from + i]; s < net->start[from + i + 1]; s++)
      out[i * n + tame_network_source(net, net->slot[s])] = tame_real_at(net, net->w, s);
}

/* Rank 0 takes them as they come in order: a pair of ranks knows how many there are. */
static void receive(const tame_network *net, double *W)
{
  const int64_t n = net->p.neurons;
  for (int rank = 1; rank < net->partition.size; rank++)
    for (int64_t i = net->partition.first[rank]; i < net->partition.first[rank + 1]; i += ROWS) {
      const int64_t left = net->partition.first[rank + 1] - i, rows = left < ROWS ? left : ROWS;
      MPI_Recv(W + i * n, (int)(rows * n), MPI_DOUBLE, rank, 1, net->comm, MPI_STATUS_IGNORE);
    }
}

tame_status tame_network_dense(tame_network *net, double *W)
{
  const int64_t n = net->p.neurons;
  double *block = net->rank > 0 ? tame_untouched(ROWS * n, sizeof *block, "W as a whole") : NULL;
  const tame_status status = tame_agree(net->comm,
                                        net->rank == 0 || block ? TAME_OK : TAME_ERR_NOMEM);
  for (int64_t i = 0; status == TAME_OK && net->rank > 0 && i < net->n_local; i += ROWS) {
    const int64_t rows = net->n_local - i < ROWS ? net->n_local - i : ROWS;
    unfold(net, i, rows, block);
    MPI_Send(block, (int)(rows * n), MPI_DOUBLE, 0, 1, net->comm);
  }
  if (status == TAME_OK && net->rank == 0) {
    unfold(net, 0, net->n_local, W);
    receive(net, W);
  }
  free(block);
  return status;
}
