/* Sums of products over samples; see sums.h. */
#include "linalg/sums.h"

#include "base/memory.h"
#include "linalg/regress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 /* rows of M, and samples, that are worked on together */ };

struct tame_sums {
  MPI_Comm comm; /* borrowed */
  int rank, threads;
  int64_t length, stride;
  tame_partition blocks; /* of rows of M, over ranks */
  int64_t first, n_rows; /* our rows */
  double *M;             /* [n_rows][stride], right of the diagonal block at least */
  double *samples;       /* [BLOCK][stride] */
  int64_t waiting;       /* samples that M has not got */
};

int64_t tame_sums_stride(int64_t length)
{
  return (length + BLOCK - 1) / BLOCK * BLOCK;
}

void tame_sums_need(int64_t length, double *shared, double *fixed)
{
  const double stride = (double)tame_sums_stride(length);
  *shared = stride * stride * sizeof(double);
  *fixed = 2 * BLOCK * stride * sizeof(double); /* samples, and a block more than a fair share */
}

static tame_status begin(tame_sums **out, MPI_Comm comm, int64_t length)
{
  int size;
  tame_sums *s = *out = tame_zeroed(1, sizeof *s, "sums over samples");
  if (!s) return TAME_ERR_NOMEM;
  tame_blas_alone();
  s->comm = comm;
  MPI_Comm_rank(comm, &s->rank);
  MPI_Comm_size(comm, &size);
  s->length = length;
  s->stride = tame_sums_stride(length);
  if (tame_partition_even(&s->blocks, size, s->stride / BLOCK) != TAME_OK) return TAME_ERR_NOMEM;
  s->first = s->blocks.first[s->rank] * BLOCK;
  s->n_rows = s->blocks.first[s->rank + 1] * BLOCK - s->first;
  s->threads = tame_threads_for((double)s->n_rows * (double)s->stride * BLOCK / 16);
  s->M = tame_zeroed(s->n_rows * s->stride, sizeof *s->M, "sums over samples");
  s->samples = tame_zeroed(BLOCK * s->stride, sizeof *s->samples, "sums over samples");
  return s->M && s->samples ? TAME_OK : TAME_ERR_NOMEM;
}

tame_status tame_sums_create(tame_sums **out, MPI_Comm comm, int64_t length)
{
  const tame_status status = tame_agree(comm, begin(out, comm, length));
  if (status != TAME_OK) tame_sums_free(out);
  return status;
}

void tame_sums_free(tame_sums **sums)
{
  tame_sums *s = *sums;
  if (!s) return;
  tame_partition_free(&s->blocks);
  free(s->M);
  free(s->samples);
  free(s);
  *sums = NULL;
}

/* What waits, into M; the places of samples that are not there hold zeros. */
static void flush(tame_sums *s)
{
  const int64_t stride = s->stride, own = s->n_rows / BLOCK;
#pragma omp parallel for schedule(dynamic, 1) num_threads(s->threads)
  for (int64_t k = 0; k < own; k++) {
    const int64_t row = s->first + k * BLOCK;
    tame_add_product(BLOCK, stride - row, BLOCK, s->samples + row, stride, s->samples + row, stride,
                     s->M + k * BLOCK * stride + row, stride);
  }
  memset(s->samples, 0, (size_t)(BLOCK * stride) * sizeof *s->samples);
  s->waiting = 0;
}

double *tame_sums_next(tame_sums *s)
{
  return s->samples + s->waiting * s->stride;
}

void tame_sums_add(tame_sums *s)
{
  if (++s->waiting == BLOCK) flush(s);
}

void tame_sums_gather(tame_sums *s, double *M)
{
  MPI_Datatype rows;
  if (s->waiting) flush(s);
  MPI_Type_contiguous((int)(BLOCK * s->stride), MPI_DOUBLE, &rows);
  MPI_Type_commit(&rows);
  MPI_Gatherv(s->M, (int)(s->n_rows / BLOCK), rows, M, s->blocks.counts, s->blocks.places, rows, 0,
              s->comm);
  MPI_Type_free(&rows);
}

void tame_sums_state(tame_sums *s, const char *prefix, tame_state *state)
{
  const int64_t all = BLOCK * s->stride;
  const bool copy = s->rank > 0;
  tame_piece pieces[] = {
      {"M", TAME_TYPE_F64, s->stride * s->stride, s->first * s->stride, s->n_rows * s->stride, s->M,
       false, 0},
      {"samples", TAME_TYPE_F64, all, 0, all, s->samples, copy, 0},
      {"waiting", TAME_TYPE_I64, 1, 0, 1, &s->waiting, copy, 0},
  };
  for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
    char name[sizeof pieces[k].name];
    snprintf(name, sizeof name, "%.32s.%.16s", prefix, pieces[k].name);
    memcpy(pieces[k].name, name, sizeof name);
    tame_state_add(state, &pieces[k]);
  }
}
