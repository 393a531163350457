/* What the test programs share; see support.h. */
#include "support.h"

#include "base/schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool on_all_ranks(bool ok)
{
  int all = ok;
  MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_LAND, MPI_COMM_WORLD);
  return all != 0;
}

int world_rank(void)
{
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

int world_size(void)
{
  int size;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

tame_network_params small_params(int64_t neurons)
{
  tame_network_params p;
  if (tame_network_defaults(&p) != TAME_OK) abort();
  p.neurons = neurons;
  p.inputs = 2;
  p.outputs = 2;
  p.gain = 1.8;
  p.noise = 0.01;
  p.seed = 7;
  return p;
}

void free_params(tame_network_params *params)
{
  tame_schema_release(&tame_network_schema, params);
}

void set_wiring(tame_network_params *params, const char *row, double value)
{
  if (tame_variant_set(&params->wiring, &tame_wirings, row) != TAME_OK) abort();
  const tame_field *first = params->wiring.row->params.fields;
  char *at = (char *)params->wiring.params + first->offset;
  if (first->kind == TAME_INT) *(int64_t *)(void *)at = (int64_t)value;
  else *(double *)(void *)at = value;
}

void set_cell(tame_network_params *params, const char *row)
{
  if (tame_variant_set(&params->cell, &tame_cells, row) != TAME_OK) abort();
}

void set_of_cell(tame_network_params *params, const char *key, const char *text)
{
  const tame_field *f = params->cell.row->params.fields;
  while (strcmp(f->name, key) != 0) f++;
  char *const at = (char *)params->cell.params + f->offset;
  if (f->kind != TAME_REALS) {
    if (tame_schema_set(f, text, at) != TAME_OK) abort();
    return;
  }
  tame_schema_clear(f, at);
  if (tame_schema_allocate(f, 3, at) != TAME_OK) abort();
  double *const x = ((tame_reals *)(void *)at)->at;
  if (sscanf(text, "%lf %lf %lf", &x[0], &x[1], &x[2]) != 3) abort();
}

void solve(int64_t n, double *A, double *b)
{
  for (int64_t j = 0; j < n; j++) { /* A = L L', L in the lower triangle */
    for (int64_t k = 0; k < j; k++)
      for (int64_t i = j; i < n; i++) A[i * n + j] -= A[i * n + k] * A[j * n + k];
    const double root = sqrt(A[j * n + j]);
    for (int64_t i = j; i < n; i++) A[i * n + j] /= root;
  }
  for (int64_t i = 0; i < n; i++) {
    for (int64_t k = 0; k < i; k++) b[i] -= A[i * n + k] * b[k];
    b[i] /= A[i * n + i];
  }
  for (int64_t i = n - 1; i >= 0; i--) {
    for (int64_t k = i + 1; k < n; k++) b[i] -= A[k * n + i] * b[k];
    b[i] /= A[i * n + i];
  }
}

void invert(int64_t n, const double *A, double *inverse)
{
  double *copy = malloc((size_t)(n * n) * sizeof *copy),
         *column = calloc((size_t)n, sizeof *column);
  if (!copy || !column) abort();
  for (int64_t j = 0; j < n; j++) {
    memcpy(copy, A, (size_t)(n * n) * sizeof *copy);
    for (int64_t i = 0; i < n; i++) column[i] = i == j;
    solve(n, copy, column);
    for (int64_t i = 0; i < n; i++) inverse[i * n + j] = column[i];
  }
  free(copy);
  free(column);
}

int run_in_new_folder(int (*tests)(void))
{
  char folder[] = "/tmp/tame-test-XXXXXX";
  if (world_rank() == 0 && !mkdtemp(folder)) return 1;
  MPI_Bcast(folder, (int)sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  if (chdir(folder) != 0) return 1;
  const int failed = tests();
  MPI_Barrier(MPI_COMM_WORLD);
  return failed + (world_rank() == 0 && rmdir(folder) != 0);
}

int run_group(int (*group)(void), int *argc, char ***argv)
{
  int provided;
  MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
  const int failed = group();
  MPI_Finalize();
  return failed;
}
