/** @file gram.h
 * Sums of v v' over samples v = (x, y), by folds: the rows of each sum are spread over the ranks in blocks. Samples are
 * added TAME_DEPTH at a time, in products of matrices whose shapes do not depend on the layout. */
#ifndef TAME_LINALG_GRAM_H
#define TAME_LINALG_GRAM_H

#include "linalg/grid.h"

enum { TAME_DEPTH = 256 /* samples that are added together */ };

typedef struct tame_gram {
  MPI_Comm comm; /**< borrowed */
  int rank, threads;
  int64_t length, stride; /**< of v; padded to whole blocks */
  int64_t folds;
  tame_partition blocks; /**< of rows, over ranks */
  int64_t first, n_rows; /**< ours */
  double *M;             /**< [folds][n_rows][stride], right of the diagonal block at least */
} tame_gram;

/** Length of v, padded to whole blocks. Local. */
int64_t tame_gram_stride(int64_t length);
/** Bytes on a rank. Local. */
double tame_gram_bytes(int64_t length, int64_t folds, int ranks);

/** This rank's view of a failure, TAME_ERR_NOMEM. Local. */
tame_status tame_gram_create(tame_gram *out, MPI_Comm comm, int64_t length, int64_t folds);
/** What it has; one that is all zeros is fine. Local. */
void tame_gram_free(tame_gram *gram);

/** Add samples, [TAME_DEPTH][stride], the same on every rank; those that are not there are zeros. Local. */
void tame_gram_add(tame_gram *gram, int64_t fold, const double *samples);
/** Append the sums to a state, by this name. Local. */
void tame_gram_state(tame_gram *gram, const char *name, tame_state *state);

/** Normal equations of some of the samples: v = (features, the rest of x, targets). */
typedef struct tame_equations {
  int64_t features, targets, length;
  double samples;
  double *means;    /**< [length], of v; zeros where data are not centred */
  double *q;        /**< X'Y, [targets][features], on every rank */
  double *yy;       /**< y'y, [targets] */
  int64_t constant; /**< features that do not vary: their H and q are 0 */
  tame_spread H;    /**< X'X, the lower triangle */
} tame_equations;

/** Of all folds but `without` (-1: of all), or of fold `only` (-1: see without) alone. ones: where v has a 1, if
 *  data are to be centred by their means, else -1. Free what *out has with tame_equations_free(), whatever is
 *  returned. Collective. TAME_ERR_NOMEM, the same on every rank. */
tame_status tame_gram_equations(const tame_gram *gram, const tame_grid *grid, int64_t only,
                                int64_t without, int64_t ones, int64_t features, int64_t targets,
                                tame_equations *out);
void tame_equations_free(tame_equations *equations);

/** Sums of (y - b - x . w)^2, [alphas][targets], into sums on rank 0. W: [alphas][targets][features + 1], b last if
 *  `intercept`; on rank 0. Collective. TAME_ERR_NOMEM. */
tame_status tame_equations_errors(const tame_equations *equations, int64_t alphas, const double *W,
                                  int64_t w_stride, bool intercept, double *sums);

#endif
