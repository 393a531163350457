/* Grids of ranks and matrices over them; see grid.h. */
#include "linalg/grid.h"

#include "base/memory.h"
#include "linalg/lapack.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = TAME_SPREAD_BLOCK };
static const int one_ = 1;

void tame_blas_alone(void)
{
  openblas_set_num_threads(1);
}

/* ---- grids ------------------------------------------------------------------------------------ */

void tame_grid_create(tame_grid *grid, MPI_Comm comm, int solvers)
{
  *grid = (tame_grid){.comm = comm, .row = -1, .column = -1, .edge = 1};
  tame_blas_alone();
  MPI_Comm_rank(comm, &grid->rank);
  while ((grid->edge + 1) * (grid->edge + 1) <= solvers) grid->edge++;
  const bool member = grid->rank < grid->edge * grid->edge;
  MPI_Comm_split(comm, member ? 0 : MPI_UNDEFINED, grid->rank, &grid->members);
  if (!member) return;
  grid->row = grid->rank / grid->edge;
  grid->column = grid->rank % grid->edge;
  if (grid->edge == 1) return;
  grid->handle = grid->context = Csys2blacs_handle(grid->members);
  Cblacs_gridinit(&grid->context, "Row", grid->edge, grid->edge);
}

void tame_grid_free(tame_grid *grid)
{
  if (grid->row >= 0 && grid->edge > 1) {
    Cblacs_gridexit(grid->context);
    Cfree_blacs_system_handle(grid->handle); /* not Cblacs_exit(): MPI is not ours to end */
  }
  if (grid->members != MPI_COMM_NULL) MPI_Comm_free(&grid->members);
}

/* ---- matrices --------------------------------------------------------------------------------- */

/* Of n rows, those at place `which` of a row or column of the grid. */
static int64_t share(int64_t n, int which, int edge)
{
  const int whole = (int)n, block = BLOCK, zero = 0;
  return edge == 1 ? n : numroc_(&whole, &block, &which, &zero, &edge);
}

tame_status tame_spread_create(tame_spread *m, const tame_grid *grid, int64_t rows, int64_t columns)
{
  *m = (tame_spread){.grid = grid, .rows = rows, .columns = columns, .stride = 1};
  if (grid->row < 0) return TAME_OK;
  m->own_rows = share(rows, grid->row, grid->edge);
  m->own_columns = share(columns, grid->column, grid->edge);
  if (m->own_rows > 1) m->stride = m->own_rows;
  if (grid->edge > 1) {
    const int n_rows = (int)rows, n_columns = (int)columns, block = BLOCK, zero = 0,
              stride = (int)m->stride;
    int info;
    descinit_(m->descriptor, &n_rows, &n_columns, &block, &block, &zero, &zero, &grid->context,
              &stride, &info);
  }
  m->at = tame_untouched(m->own_columns * m->stride, sizeof *m->at, "a matrix over ranks");
  return m->at ? TAME_OK : TAME_ERR_NOMEM;
}

void tame_spread_free(tame_spread *m)
{
  free(m->at);
  m->at = NULL;
}

double tame_spread_bytes(int64_t rows, int64_t columns, int solvers)
{
  int edge = 1;
  while ((edge + 1) * (edge + 1) <= solvers) edge++;
  return (double)share(rows, 0, edge) * (double)share(columns, 0, edge) * sizeof(double);
}

static int64_t whole_of(int64_t own, int which, int edge)
{
  return (own / BLOCK * edge + which) * BLOCK + own % BLOCK;
}

int64_t tame_spread_row(const tame_spread *m, int64_t own)
{
  return whole_of(own, m->grid->row, m->grid->edge);
}

int64_t tame_spread_column(const tame_spread *m, int64_t own)
{
  return whole_of(own, m->grid->column, m->grid->edge);
}

void tame_spread_fill(tame_spread *m, const double *whole)
{
  for (int64_t j = 0; j < m->own_columns; j++)
    for (int64_t i = 0; i < m->own_rows; i++)
      m->at[j * m->stride + i] = whole[tame_spread_column(m, j) * m->rows + tame_spread_row(m, i)];
}

/* How many of a block there are: the last one may be cut. */
static int64_t cut(int64_t n, int64_t block)
{
  return n - block * BLOCK < BLOCK ? n - block * BLOCK : BLOCK;
}

void tame_spread_collect(const tame_spread *m, double *whole)
{
  const tame_grid *g = m->grid;
  double packed[BLOCK * BLOCK];
  for (int64_t bj = 0; bj * BLOCK < m->columns; bj++)
    for (int64_t bi = 0; bi * BLOCK < m->rows; bi++) {
      const int row = (int)(bi % g->edge), column = (int)(bj % g->edge);
      const int owner = row * g->edge + column;
      if (g->rank != 0 && g->rank != owner) continue;
      const int64_t rows = cut(m->rows, bi), columns = cut(m->columns, bj);
      const double *from = m->at + bj / g->edge * BLOCK * m->stride + bi / g->edge * BLOCK;
      for (int64_t j = 0; g->rank == owner && j < columns; j++)
        memcpy(packed + j * rows, from + j * m->stride, (size_t)rows * sizeof *packed);
      const int count = (int)(rows * columns);
      if (g->rank != 0) MPI_Send(packed, count, MPI_DOUBLE, 0, 0, g->comm);
      else if (owner != 0)
        MPI_Recv(packed, count, MPI_DOUBLE, owner, 0, g->comm, MPI_STATUS_IGNORE);
      for (int64_t j = 0; g->rank == 0 && j < columns; j++)
        memcpy(whole + (bj * BLOCK + j) * m->rows + bi * BLOCK, packed + j * rows,
               (size_t)rows * sizeof *packed);
    }
}

/* Of rows of one block of rows of a symmetric matrix, what goes to place `row` of its column of the grid. Returns how
 * many numbers; to NULL only that. */
static int64_t pack(const tame_spread *m, int64_t block, int row, const double *rows,
                    int64_t stride, double *to)
{
  int64_t count = 0;
  for (int64_t i = 0; i < cut(m->rows, block); i++)
    for (int64_t b = block; b * BLOCK < m->rows; b++) {
      if (b % m->grid->edge != row) continue;
      const int64_t some = cut(m->rows, b);
      if (to) memcpy(to + count, rows + i * stride + b * BLOCK, (size_t)some * sizeof *to);
      count += some;
    }
  return count;
}

/* ... and where it goes there: row i of the whole is column i of the lower triangle. */
static void unpack(tame_spread *m, int64_t block, const double *from)
{
  const int edge = m->grid->edge;
  int64_t count = 0;
  for (int64_t i = 0; i < cut(m->rows, block); i++)
    for (int64_t b = block; b * BLOCK < m->rows; b++) {
      if (b % edge != m->grid->row) continue;
      const int64_t some = cut(m->rows, b);
      memcpy(m->at + (block / edge * BLOCK + i) * m->stride + b / edge * BLOCK, from + count,
             (size_t)some * sizeof *from);
      count += some;
    }
}

/* One block of rows from its owner to a column of the grid. */
static void send_block(tame_spread *m, int64_t block, int owner, const double *rows, int64_t stride,
                       double *out, double *in)
{
  const tame_grid *g = m->grid;
  const int column = (int)(block % g->edge);
  for (int row = 0; row < g->edge; row++) {
    const int to = row * g->edge + column;
    const int64_t count = pack(m, block, row, NULL, stride, NULL);
    if (g->rank == owner) pack(m, block, row, rows, stride, g->rank == to ? in : out);
    if (owner != to && g->rank == owner) MPI_Send(out, (int)count, MPI_DOUBLE, to, 0, g->comm);
    if (owner != to && g->rank == to)
      MPI_Recv(in, (int)count, MPI_DOUBLE, owner, 0, g->comm, MPI_STATUS_IGNORE);
    if (g->rank == to) unpack(m, block, in);
  }
}

tame_status tame_spread_gather(tame_spread *m, const tame_partition *blocks, const double *rows,
                               int64_t stride)
{
  const tame_grid *g = m->grid;
  double *packed = tame_untouched(2 * BLOCK * (m->rows + BLOCK), sizeof *packed,
                                  "a matrix over ranks");
  const tame_status status = tame_agree(g->comm, packed ? TAME_OK : TAME_ERR_NOMEM);
  for (int64_t b = 0; status == TAME_OK && b * BLOCK < m->rows; b++) {
    const int owner = tame_partition_owner(blocks, b);
    send_block(m, b, owner, rows + (b - blocks->first[g->rank]) * BLOCK * stride, stride, packed,
               packed + BLOCK * (m->rows + BLOCK));
  }
  free(packed);
  return status;
}

void tame_spread_mirror(tame_spread *m)
{
  const int64_t n = m->own_columns, stride = m->stride;
  for (int64_t bj = 0; bj < n; bj += BLOCK) /* by blocks: rows and columns stay in the cache */
    for (int64_t bi = bj; bi < n; bi += BLOCK)
      for (int64_t j = bj; j < n && j < bj + BLOCK; j++)
        for (int64_t i = bi > j ? bi : j + 1; i < n && i < bi + BLOCK; i++)
          m->at[i * stride + j] = m->at[j * stride + i];
}

/* Our element of the diagonal in own column j; NULL: it is another's. */
static double *diagonal(const tame_spread *m, int64_t j)
{
  const int edge = m->grid->edge;
  const int64_t k = tame_spread_column(m, j), block = k / BLOCK;
  if (block % edge != m->grid->row) return NULL;
  return m->at + j * m->stride + block / edge * BLOCK + k % BLOCK;
}

void tame_spread_shift(tame_spread *m, double d)
{
  for (int64_t j = 0; j < m->own_columns; j++) {
    double *at = diagonal(m, j);
    if (at) *at += d;
  }
}

/* ---- algebra ------------------------------------------------------------------------------------ */

void tame_spread_factor(tame_spread *A, bool *sound)
{
  enum { LARGEST, LEAST, FAILED, EXTREMES }; /* the least as its negative; maxima are not rounded */
  const tame_grid *g = A->grid;
  const int n = (int)A->rows, stride = (int)A->stride;
  double most[EXTREMES] = {0, -INFINITY, 0};
  int info = 0;
  for (int64_t j = 0; j < A->own_columns; j++) {
    const double *at = diagonal(A, j);
    if (at) most[LARGEST] = fmax(most[LARGEST], *at);
  }
  if (g->row >= 0 && g->edge == 1) dpotrf_("L", &n, A->at, &stride, &info);
  else if (g->row >= 0) pdpotrf_("L", &n, A->at, &one_, &one_, A->descriptor, &info);
  most[FAILED] = info != 0;
  for (int64_t j = 0; j < A->own_columns; j++) {
    const double *at = diagonal(A, j);
    if (at && !(*at > 0)) most[FAILED] = 1; /* NaN, too */
    if (at) most[LEAST] = fmax(most[LEAST], -*at * *at);
  }
  MPI_Allreduce(MPI_IN_PLACE, most, EXTREMES, MPI_DOUBLE, MPI_MAX, g->comm);
  *sound = !(most[FAILED] > 0) && -most[LEAST] > n * DBL_EPSILON * most[LARGEST];
}

void tame_spread_solve(const tame_spread *A, tame_spread *B)
{
  const int n = (int)A->rows, columns = (int)B->columns, stride = (int)A->stride,
            b_stride = (int)B->stride;
  int info;
  if (A->grid->row < 0) return;
  if (A->grid->edge == 1) dpotrs_("L", &n, &columns, A->at, &stride, B->at, &b_stride, &info);
  else
    pdpotrs_("L", &n, &columns, A->at, &one_, &one_, A->descriptor, B->at, &one_, &one_,
             B->descriptor, &info);
}

void tame_spread_multiply(bool transposed, const tame_spread *A, const tame_spread *B,
                          tame_spread *C)
{
  const int m = (int)C->rows, n = (int)C->columns, k = (int)B->rows;
  const double one = 1, zero = 0;
  if (A->grid->row < 0) return;
  if (A->grid->edge == 1)
    cblas_dgemm(CblasColMajor, transposed ? CblasTrans : CblasNoTrans, CblasNoTrans, m, n, k, 1,
                A->at, (int)A->stride, B->at, (int)B->stride, 0, C->at, (int)C->stride);
  else
    pdgemm_(transposed ? "T" : "N", "N", &m, &n, &k, &one, A->at, &one_, &one_, A->descriptor,
            B->at, &one_, &one_, B->descriptor, &zero, C->at, &one_, &one_, C->descriptor);
}

void tame_spread_multiply_symmetric(const tame_spread *A, const tame_spread *B, tame_spread *C)
{
  const int m = (int)C->rows, n = (int)C->columns;
  const double one = 1, zero = 0;
  if (A->grid->row < 0) return;
  if (A->grid->edge == 1)
    cblas_dsymm(CblasColMajor, CblasLeft, CblasLower, m, n, 1, A->at, (int)A->stride, B->at,
                (int)B->stride, 0, C->at, (int)C->stride);
  else
    pdsymm_("L", "L", &m, &n, &one, A->at, &one_, &one_, A->descriptor, B->at, &one_, &one_,
            B->descriptor, &zero, C->at, &one_, &one_, C->descriptor);
}
