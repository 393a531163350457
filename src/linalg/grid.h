/** @file grid.h
 * Ranks that solve together: the first edge x edge ranks of a communicator, and matrices spread over them in square
 * blocks, by turns in rows and in columns (ScaLAPACK; a grid of one rank is LAPACK itself). The order of sums in
 * ScaLAPACK follows the grid; so the grid is chosen by the experiment, never by how many ranks there are, and the
 * bits of a solution do not depend on the layout. BLAS runs on one thread.
 *
 * Functions are Collective over the grid's communicator where not said otherwise; ranks outside the grid pass. */
#ifndef TAME_LINALG_GRID_H
#define TAME_LINALG_GRID_H

#include "tame/base.h"
#include "tame/parallel.h"

enum { TAME_SPREAD_BLOCK = 64 /**< edge of the blocks */ };

/** Keep BLAS to one thread from now on: others of ours may call it at the same time. Local. */
void tame_blas_alone(void);

typedef struct tame_grid {
  MPI_Comm comm;    /**< all ranks; borrowed */
  MPI_Comm members; /**< those of the grid; MPI_COMM_NULL on others */
  int rank, edge;   /**< in comm; edge * edge ranks solve */
  int row, column;  /**< ours in the grid; -1: outside */
  int handle, context;
} tame_grid;

/** solvers: 1, 4, 9, ..., at most the ranks of comm, which is borrowed. */
void tame_grid_create(tame_grid *out, MPI_Comm comm, int solvers);
void tame_grid_free(tame_grid *grid);

/** A matrix over a grid. */
typedef struct tame_spread {
  const tame_grid *grid; /**< borrowed */
  int64_t rows, columns; /**< of the whole */
  int64_t own_rows, own_columns, stride;
  double *at; /**< our blocks, by columns, [own_columns][stride]; owned */
  int descriptor[9];
} tame_spread;

/** Not filled. TAME_ERR_NOMEM on this rank: the caller agrees. Local. */
tame_status tame_spread_create(tame_spread *out, const tame_grid *grid, int64_t rows,
                               int64_t columns);
void tame_spread_free(tame_spread *matrix);
/** Bytes on a rank of a grid of `solvers`, at most. Local. */
double tame_spread_bytes(int64_t rows, int64_t columns, int solvers);

/** From a whole matrix, [columns][rows], the same on each rank of the grid. Local. */
void tame_spread_fill(tame_spread *matrix, const double *whole);
/** To rank 0: whole, [columns][rows], there. */
void tame_spread_collect(const tame_spread *matrix, double *whole);
/** A symmetric n x n matrix whose rows are spread in blocks of TAME_SPREAD_BLOCK over all ranks: ours are rows,
 *  [...][stride], right of the diagonal block at least. Its lower triangle, as LAPACK sees it, comes to be in
 *  `matrix`. TAME_ERR_NOMEM, the same on every rank. */
tame_status tame_spread_gather(tame_spread *matrix, const tame_partition *blocks,
                               const double *rows, int64_t stride);

/** The upper triangle of a symmetric matrix from its lower one, on a grid of one. Local. */
void tame_spread_mirror(tame_spread *matrix);

/** d added to the diagonal. Local. */
void tame_spread_shift(tame_spread *matrix, double d);

/** Cholesky of the lower triangle, in place; *sound: are all pivots above the rounding of the largest element, n eps
 *  max A[i][i]? The same on all ranks of comm. */
void tame_spread_factor(tame_spread *A, bool *sound);
/** B <- A^-1 B with the factor of A. */
void tame_spread_solve(const tame_spread *A, tame_spread *B);

/** C <- A B, or A' B. */
void tame_spread_multiply(bool transposed, const tame_spread *A, const tame_spread *B,
                          tame_spread *C);
/** C <- A B for a symmetric A, of which the lower triangle is read. */
void tame_spread_multiply_symmetric(const tame_spread *A, const tame_spread *B, tame_spread *C);

/** Global column of an own column, global row of an own row. Local. */
int64_t tame_spread_column(const tame_spread *matrix, int64_t own);
int64_t tame_spread_row(const tame_spread *matrix, int64_t own);

#endif
