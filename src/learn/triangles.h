/** @file triangles.h
 * Triangles R of samples v = (1, x, y), R'R = sum of v v', by folds and lanes: blocks of samples go to the lanes of
 * their fold in turn, lane k being rank k. How many lanes there are, not how many ranks, sets the order of sums. */
#ifndef TAME_LEARN_TRIANGLES_H
#define TAME_LEARN_TRIANGLES_H

#include "linalg/grid.h"

typedef struct tame_triangles {
  MPI_Comm comm; /**< borrowed */
  int rank;
  int64_t m, folds, lanes;
  double *R;    /**< [folds][m][m] on the ranks that are lanes */
  double *room; /**< for tame_qr_add() and tame_qr_merge() */
} tame_triangles;

/** Bytes on a lane. Local. */
double tame_triangles_bytes(int64_t m, int64_t folds, int64_t depth);
/** lanes: at most the ranks of comm; depth: most rows that are added at a time. This rank's view of a failure,
 *  TAME_ERR_NOMEM. Local. */
tame_status tame_triangles_create(tame_triangles *out, MPI_Comm comm, int64_t m, int64_t folds,
                                  int64_t lanes, int64_t depth);
void tame_triangles_free(tame_triangles *triangles);

/** Add a block of a fold, its number `block` from 0 on. samples: [depth][stride], the same on every rank. Local. */
void tame_triangles_add(tame_triangles *triangles, int64_t fold, int64_t block, int64_t depth,
                        const double *samples, int64_t stride);
/** Append them to a state. Local. */
void tame_triangles_state(tame_triangles *triangles, tame_state *state);
/** R of all folds but `without` (-1: of all), or of fold `only` (-1: see without) alone, on rank 0: [m][m]; it and
 *  `other`, as large, need be there only. Collective. */
void tame_triangles_merge(tame_triangles *triangles, int64_t only, int64_t without, double *R,
                          double *other);

#endif
