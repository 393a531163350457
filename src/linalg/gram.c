/* Sums over samples by folds; see gram.h. */
#include "linalg/gram.h"

#include "base/memory.h"
#include "linalg/regress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = TAME_SPREAD_BLOCK };

int64_t tame_gram_stride(int64_t length)
{
  return (length + BLOCK - 1) / BLOCK * BLOCK;
}

double tame_gram_bytes(int64_t length, int64_t folds, int ranks)
{
  const int64_t stride = tame_gram_stride(length), blocks = stride / BLOCK;
  const int64_t own = (blocks + ranks - 1) / ranks * BLOCK;
  return (double)folds * (double)own * (double)stride * sizeof(double);
}

tame_status tame_gram_create(tame_gram *g, MPI_Comm comm, int64_t length, int64_t folds)
{
  int ranks;
  MPI_Comm_size(comm, &ranks);
  MPI_Comm_rank(comm, &g->rank);
  g->comm = comm;
  g->length = length;
  g->stride = tame_gram_stride(length);
  g->folds = folds;
  tame_blas_alone();
  if (tame_partition_even(&g->blocks, ranks, g->stride / BLOCK) != TAME_OK) return TAME_ERR_NOMEM;
  g->first = g->blocks.first[g->rank] * BLOCK;
  g->n_rows = g->blocks.first[g->rank + 1] * BLOCK - g->first;
  g->threads = tame_threads_for((double)g->n_rows * (double)g->stride * TAME_DEPTH / 16);
  g->M = tame_zeroed(folds * g->n_rows * g->stride, sizeof *g->M, "sums over samples");
  return g->M ? TAME_OK : TAME_ERR_NOMEM;
}

void tame_gram_free(tame_gram *g)
{
  tame_partition_free(&g->blocks);
  free(g->M);
  g->M = NULL;
}

static double *fold_of(const tame_gram *g, int64_t fold)
{
  return g->M + fold * g->n_rows * g->stride;
}

void tame_gram_add(tame_gram *g, int64_t fold, const double *samples)
{
  const int64_t stride = g->stride;
  double *M = fold_of(g, fold);
#pragma omp parallel for schedule(dynamic, 1) num_threads(g->threads)
  for (int64_t k = 0; k < g->n_rows / BLOCK; k++) {
    const int64_t row = g->first + k * BLOCK;
    tame_add_product(BLOCK, stride - row, TAME_DEPTH, samples + row, stride, samples + row, stride,
                     M + k * BLOCK * stride + row, stride);
  }
}

void tame_gram_state(tame_gram *g, const char *name, tame_state *state)
{
  tame_piece piece = {.type = TAME_TYPE_F64,
                      .total = g->folds * g->stride * g->stride,
                      .count = g->n_rows * g->stride};
  snprintf(piece.name, sizeof piece.name, "%s", name);
  for (int64_t k = 0; k < g->folds; k++) {
    piece.first = (k * g->stride + g->first) * g->stride;
    piece.at = fold_of(g, k);
    tame_state_add(state, &piece);
  }
}

/* ---- normal equations ------------------------------------------------------------------------------ */

/* Our rows of the sum over the folds that are wanted. */
static void add_folds(const tame_gram *g, int64_t only, int64_t without, double *rows)
{
  const int64_t count = g->n_rows * g->stride;
  memset(rows, 0, (size_t)count * sizeof *rows);
  for (int64_t k = 0; k < g->folds; k++) {
    if (only >= 0 ? k != only : k == without) continue;
    const double *M = fold_of(g, k);
    for (int64_t i = 0; i < count; i++) rows[i] += M[i];
  }
}

/* What every rank is to know of all rows: the columns that follow the features, and the diagonal. Collective. */
static void gather_columns(const tame_gram *g, const double *rows, int64_t from, double *own,
                           double *all)
{
  const int64_t count = g->length - from, width = count + 1;
  MPI_Datatype some;
  for (int64_t i = 0; i < g->n_rows; i++) {
    memcpy(own + i * width, rows + i * g->stride + from, (size_t)count * sizeof *own);
    own[i * width + count] = rows[i * g->stride + g->first + i];
  }
  MPI_Type_contiguous((int)(BLOCK * width), MPI_DOUBLE, &some);
  MPI_Type_commit(&some);
  MPI_Allgatherv(own, (int)(g->n_rows / BLOCK), some, all, g->blocks.counts, g->blocks.places, some,
                 g->comm);
  MPI_Type_free(&some);
}

/* Means, q, yy and what is constant, from those columns. varies: [features]. */
static void fill_equations(const double *all, int64_t from, int64_t ones, tame_equations *e,
                           bool *varies)
{
  const int64_t p = e->features, first = e->length - e->targets, count = e->length - from,
                width = count + 1;
  if (ones >= 0) e->samples = all[ones * width + ones - from];
  for (int64_t i = 0; ones >= 0 && i < e->length; i++) {
    const double sum = i <= ones ? all[i * width + ones - from] : all[ones * width + i - from];
    e->means[i] = sum / e->samples;
  }
  for (int64_t i = 0; i < p; i++) {
    const double raw = all[i * width + count],
                 square = raw - e->samples * e->means[i] * e->means[i];
    varies[i] = ones < 0 || square > 1e-13 * raw; /* what is less is rounding */
    e->constant += !varies[i];
  }
  for (int64_t o = 0; o < e->targets; o++) {
    const int64_t y = first + o;
    e->yy[o] = all[y * width + y - from] - e->samples * e->means[y] * e->means[y];
    for (int64_t i = 0; i < p; i++)
      e->q[o * p + i] = varies[i]
                            ? all[i * width + y - from] - e->samples * e->means[i] * e->means[y]
                            : 0;
  }
}

/* Our rows as those of centred data. */
static void centre(const tame_gram *g, const tame_equations *e, const bool *varies, double *rows)
{
  for (int64_t i = 0; i < g->n_rows && g->first + i < e->features; i++)
    for (int64_t j = (g->first + i) / BLOCK * BLOCK; j < e->features; j++) {
      double *at = &rows[i * g->stride + j];
      const double shift = e->samples * e->means[g->first + i] * e->means[j];
      *at = varies[g->first + i] && varies[j] ? *at - shift : 0;
    }
}

static tame_status make_equations(const tame_grid *grid, tame_equations *e)
{
  e->means = tame_zeroed(e->length, sizeof *e->means, "normal equations");
  e->q = tame_untouched(e->features * e->targets, sizeof *e->q, "normal equations");
  e->yy = tame_untouched(e->targets, sizeof *e->yy, "normal equations");
  const tame_status status = tame_spread_create(&e->H, grid, e->features, e->features);
  return e->means && e->q && e->yy ? status : TAME_ERR_NOMEM;
}

tame_status tame_gram_equations(const tame_gram *g, const tame_grid *grid, int64_t only,
                                int64_t without, int64_t ones, int64_t features, int64_t targets,
                                tame_equations *e)
{
  /* v = (features, ..., targets); with a 1 that is no feature, it stands between them */
  const int64_t from = ones >= 0 ? ones : g->length - targets, width = g->length - from + 1;
  *e = (tame_equations){.features = features, .targets = targets, .length = g->length};
  double *rows = tame_untouched(g->n_rows * g->stride, sizeof *rows, "normal equations");
  double *own = tame_untouched(g->n_rows * width, sizeof *own, "normal equations");
  double *all = tame_untouched(g->stride * width, sizeof *all, "normal equations");
  bool *varies = tame_untouched(features, sizeof *varies, "normal equations");
  tame_status status = make_equations(grid, e);
  if (!rows || !own || !all || !varies) status = TAME_ERR_NOMEM;
  status = tame_agree(g->comm, status);
  if (status == TAME_OK) {
    add_folds(g, only, without, rows);
    gather_columns(g, rows, from, own, all);
    fill_equations(all, from, ones, e, varies);
    if (ones >= 0) centre(g, e, varies, rows);
    status = tame_spread_gather(&e->H, &g->blocks, rows, g->stride);
  }
  free(rows);
  free(own);
  free(all);
  free(varies);
  return status;
}

void tame_equations_free(tame_equations *e)
{
  tame_spread_free(&e->H);
  free(e->means);
  free(e->q);
  free(e->yy);
}

/* ---- errors ---------------------------------------------------------------------------------------- */

static double dot(int64_t n, const double *a, const double *b)
{
  double sum = 0;
  for (int64_t k = 0; k < n; k++) sum += a[k] * b[k];
  return sum;
}

/* y'y - 2 w.q + w'H w of data about their own means, and what is left of the means. */
static void square_errors(const tame_equations *e, int64_t alphas, const double *w,
                          const double *Hw, const double *W, int64_t w_stride, bool intercept,
                          double *sums)
{
  const int64_t p = e->features, first = e->length - e->targets;
  for (int64_t k = 0; k < alphas * e->targets; k++) {
    const int64_t o = k % e->targets;
    const double *mine = w + k * p;
    const double off = intercept
                           ? e->means[first + o] - W[k * w_stride + p] - dot(p, mine, e->means)
                           : 0;
    sums[k] = e->yy[o] - 2 * dot(p, mine, e->q + o * p) + dot(p, mine, Hw + k * p) +
              e->samples * off * off;
  }
}

tame_status tame_equations_errors(const tame_equations *e, int64_t alphas, const double *W,
                                  int64_t w_stride, bool intercept, double *sums)
{
  const tame_grid *g = e->H.grid;
  const int64_t p = e->features, columns = alphas * e->targets;
  tame_spread w, Hw;
  double *whole = tame_untouched(2 * p * columns, sizeof *whole, "cross-validation");
  const tame_status first = tame_spread_create(&w, g, p, columns),
                    second = tame_spread_create(&Hw, g, p, columns);
  tame_status status = first == TAME_OK ? second : first;
  status = tame_agree(g->comm, whole ? status : TAME_ERR_NOMEM);
  for (int64_t k = 0; status == TAME_OK && k < columns; k++) {
    if (g->rank == 0) memcpy(whole + k * p, W + k * w_stride, (size_t)p * sizeof *whole);
    MPI_Bcast(whole + k * p, (int)p, MPI_DOUBLE, 0, g->comm);
  }
  if (status == TAME_OK) {
    tame_spread_fill(&w, whole);
    tame_spread_multiply_symmetric(&e->H, &w, &Hw);
    tame_spread_collect(&Hw, whole + p * columns);
    if (g->rank == 0)
      square_errors(e, alphas, whole, whole + p * columns, W, w_stride, intercept, sums);
  }
  tame_spread_free(&w);
  tame_spread_free(&Hw);
  free(whole);
  return status;
}
