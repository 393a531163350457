/* Triangles of samples by folds and lanes; see triangles.h. */
#include "learn/triangles.h"

#include "base/memory.h"
#include "linalg/qr.h"

#include <stdlib.h>
#include <string.h>

double tame_triangles_bytes(int64_t m, int64_t folds, int64_t depth)
{
  return ((double)folds * (double)m * (double)m + (double)tame_qr_room(m, depth)) * sizeof(double);
}

tame_status tame_triangles_create(tame_triangles *t, MPI_Comm comm, int64_t m, int64_t folds,
                                  int64_t lanes, int64_t depth)
{
  MPI_Comm_rank(comm, &t->rank);
  t->comm = comm;
  t->m = m;
  t->folds = folds;
  t->lanes = lanes;
  tame_blas_alone();
  const bool is_lane = t->rank < lanes;
  t->R = tame_zeroed(is_lane ? folds * m * m : 0, sizeof *t->R, "the triangle of the readout");
  t->room = tame_untouched(is_lane ? tame_qr_room(m, depth) : 0, sizeof *t->room,
                           "the triangle of the readout");
  return t->R && t->room ? TAME_OK : TAME_ERR_NOMEM;
}

void tame_triangles_free(tame_triangles *t)
{
  free(t->R);
  free(t->room);
  t->R = t->room = NULL;
}

void tame_triangles_add(tame_triangles *t, int64_t fold, int64_t block, int64_t depth,
                        const double *samples, int64_t stride)
{
  if (block % t->lanes == t->rank)
    tame_qr_add(t->m, t->R + fold * t->m * t->m, depth, samples, stride, t->room);
}

void tame_triangles_state(tame_triangles *t, tame_state *state)
{
  const int64_t own = t->folds * t->m * t->m;
  const tame_piece piece = {.name = "batch.R",
                            .type = TAME_TYPE_F64,
                            .total = t->lanes * own,
                            .first = t->rank < t->lanes ? t->rank * own : 0,
                            .count = t->rank < t->lanes ? own : 0,
                            .at = t->R};
  tame_state_add(state, &piece);
}

/* One column at a time: the whole may be too long for a message. */
static void fetch(const tame_triangles *t, int64_t fold, int lane, double *other)
{
  const double *own = t->R + fold * t->m * t->m;
  for (int64_t j = 0; j < t->m; j++) {
    const int count = (int)t->m;
    if (t->rank == 0 && lane == 0)
      memcpy(other + j * t->m, own + j * t->m, (size_t)t->m * sizeof *other);
    else if (t->rank == 0)
      MPI_Recv(other + j * t->m, count, MPI_DOUBLE, lane, 0, t->comm, MPI_STATUS_IGNORE);
    else if (t->rank == lane) MPI_Send(own + j * t->m, count, MPI_DOUBLE, 0, 0, t->comm);
  }
}

void tame_triangles_merge(tame_triangles *t, int64_t only, int64_t without, double *R,
                          double *other)
{
  if (t->rank == 0) memset(R, 0, (size_t)(t->m * t->m) * sizeof *R);
  for (int64_t k = 0; k < t->folds; k++)
    for (int lane = 0; lane < t->lanes; lane++) {
      if (only >= 0 ? k != only : k == without) continue;
      fetch(t, k, lane, other);
      if (t->rank == 0) tame_qr_merge(t->m, R, other, t->room);
    }
}
