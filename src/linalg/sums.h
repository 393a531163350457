/** @file sums.h
 * M = sum of v v' over samples v that all ranks have; its rows are spread over them. Samples wait until there are
 * enough for a product of matrices, in blocks whose shape does not depend on the layout, so that M has the same bits
 * on any. */
#ifndef TAME_LINALG_SUMS_H
#define TAME_LINALG_SUMS_H

#include "tame/parallel.h"

typedef struct tame_sums tame_sums; /* opaque */

/** M = 0, for samples of this length. Collective; comm is borrowed for the life of the sums. TAME_ERR_NOMEM. */
tame_status tame_sums_create(tame_sums **out, MPI_Comm comm, int64_t length);
/** Free *sums and set it to NULL. Local. NULL is fine. */
void tame_sums_free(tame_sums **sums);

/** Where the next sample goes, [length], zeros now; the same values on every rank. Borrowed. Local. */
double *tame_sums_next(tame_sums *sums);
/** It is there. Local. */
void tame_sums_add(tame_sums *sums);

/** Rows of M, and numbers from one to the next: length in whole blocks. Local. */
int64_t tame_sums_stride(int64_t length);
/** All of M, [stride][stride], of which the upper triangle is filled in, into M of rank 0; ignored on others.
 *  Collective. */
void tame_sums_gather(tame_sums *sums, double *M);

/** Append the sums to a state; arrays are named PREFIX.M, ... Local. */
void tame_sums_state(tame_sums *sums, const char *prefix, tame_state *state);
/** Bytes: of M on all ranks together, and of each rank besides. Local. */
void tame_sums_need(int64_t length, double *shared, double *fixed);

#endif
