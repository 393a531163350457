/* Ranks that solve together: what LAPACK finds, and the same bits however many ranks look on. */
/* ranks: 1 4 7 */
#include "support.h"

#include "linalg/eigen.h"
#include "linalg/regress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { P = 200 /* four blocks, the last one cut */, TARGETS = 3, ALPHAS = 4, STRIDE = 256 };

static const double alphas[ALPHAS] = {10, 1, 0.1, 0};

static double draw(uint32_t *x)
{
  *x = (1103515245U * *x + 12345U) % (1U << 31);
  return (double)*x / (double)(1U << 31) - 0.5;
}

/* H = X'X of 300 samples, whole, [P][STRIDE]; q: [TARGETS][P] */
static void make(double *H, double *q)
{
  static double X[300][P];
  uint32_t x = 1;
  for (int t = 0; t < 300; t++)
    for (int j = 0; j < P; j++) X[t][j] = draw(&x) + (j ? 0.7 * X[t][j - 1] : 0);
  for (int k = 0; k < TARGETS * P; k++) q[k] = draw(&x);
  memset(H, 0, P * STRIDE * sizeof *H);
  for (int i = 0; i < P; i++)
    for (int j = 0; j < P; j++)
      for (int t = 0; t < 300; t++) H[i * STRIDE + j] += X[t][i] * X[t][j];
}

typedef struct answer {
  double one[TARGETS * P], path[ALPHAS * TARGETS * P], rank, values[P];
} answer;

/* Its rows spread over comm, solved by `solvers` of its ranks; the answer is on rank 0. */
static tame_status answer_of(MPI_Comm comm, int solvers, answer *a)
{
  static double H[P * STRIDE], q[TARGETS * P], vectors[P * P], product[P * P];
  tame_partition blocks;
  tame_grid grid;
  tame_spread A, Z, C;
  int size;
  make(H, q);
  MPI_Comm_size(comm, &size);
  tame_grid_create(&grid, comm, solvers);
  tame_status status = tame_partition_even(&blocks, size, STRIDE / TAME_SPREAD_BLOCK);
  const double *rows = H + blocks.first[grid.rank] * TAME_SPREAD_BLOCK * STRIDE;
  if (!status) status = tame_spread_create(&A, &grid, P, P);
  if (!status) status = tame_spread_create(&Z, &grid, P, P);
  if (!status) status = tame_spread_create(&C, &grid, P, P);
  if (!status) status = tame_spread_gather(&A, &blocks, rows, STRIDE);
  if (!status) status = tame_ridge_solve(&A, TARGETS, q, 1, &alphas[1], a->one, NULL);
  if (!status) status = tame_spread_gather(&A, &blocks, rows, STRIDE);
  if (!status) status = tame_ridge_solve(&A, TARGETS, q, ALPHAS, alphas, a->path, &a->rank);
  if (!status) status = tame_spread_gather(&A, &blocks, rows, STRIDE);
  if (!status) status = tame_eigen_spread(&A, a->values, &Z);
  if (!status) status = tame_spread_gather(&A, &blocks, rows, STRIDE);
  if (!status) {
    tame_spread_collect(&Z, vectors);
    tame_spread_multiply_symmetric(&A, &Z, &C);
    tame_spread_collect(&C, product); /* A z = value z */
    for (int k = 0; grid.rank == 0 && k < P; k++)
      for (int i = 0; i < P; i++)
        if (fabs(product[k * P + i] - a->values[k] * vectors[k * P + i]) > 1e-10)
          status = tame_fail(TAME_ERR_NUMERIC, "vector %d is none", k);
    tame_spread_multiply(true, &Z, &Z, &C);
    tame_spread_collect(&C, product); /* Z'Z = I */
    for (int k = 0; grid.rank == 0 && k < P * P; k++)
      if (fabs(product[k] - (k % (P + 1) == 0)) > 1e-12)
        status = tame_fail(TAME_ERR_NUMERIC, "vectors are not orthonormal");
  }
  tame_spread_free(&A);
  tame_spread_free(&Z);
  tame_spread_free(&C);
  tame_partition_free(&blocks);
  tame_grid_free(&grid);
  return status;
}

static double largest(const double *a, const double *b, int count)
{
  double most = 0;
  for (int k = 0; k < count; k++) most = fmax(most, fabs(a[k] - b[k]));
  return most;
}

static void many_find_what_one_finds(void **state)
{
  (void)state;
  static answer alone, together;
  assert_all(answer_of(MPI_COMM_WORLD, 1, &alone) == TAME_OK && alone.rank == P);
  if (world_size() < 4) return;
  assert_all(answer_of(MPI_COMM_WORLD, 4, &together) == TAME_OK);
  const bool looks_on = world_rank() > 0;
  assert_all(together.rank == P);
  assert_all(looks_on || largest(alone.one, together.one, TARGETS * P) < 1e-10);
  assert_all(looks_on || largest(alone.path, together.path, ALPHAS * TARGETS * P) < 1e-10);
  assert_all(looks_on || largest(alone.one, together.path + TARGETS * P, TARGETS * P) < 1e-10);
  assert_all(looks_on || largest(alone.values, together.values, P) < 1e-10);
  /* Other grids, other bits: one that followed the ranks would break the first promise. */
  assert_all(looks_on || memcmp(alone.one, together.one, sizeof alone.one) != 0);
}

static void bits_do_not_depend_on_who_looks_on(void **state)
{
  (void)state;
  static answer first, again;
  for (int size = 4; size <= world_size(); size++) {
    MPI_Comm some;
    const bool in = world_rank() < size;
    MPI_Comm_split(MPI_COMM_WORLD, in ? 0 : MPI_UNDEFINED, world_rank(), &some);
    const bool solved = !in || answer_of(some, 4, size == 4 ? &first : &again) == TAME_OK;
    if (in) MPI_Comm_free(&some);
    assert_all(solved);
    assert_all(world_rank() > 0 || size == 4 || memcmp(&first, &again, sizeof first) == 0);
  }
}

static void all_hear_that_it_is_singular(void **state)
{
  (void)state;
  static double H[STRIDE * STRIDE], q[P], w[P];
  const int solvers = world_size() < 4 ? 1 : 4;
  const double none = 0;
  int64_t rank;
  tame_partition blocks;
  tame_grid grid;
  tame_spread A;
  for (int k = 0; k < 150; k++) H[k * (STRIDE + 1)] = 1 + k;
  tame_grid_create(&grid, MPI_COMM_WORLD, solvers);
  assert_all(tame_partition_even(&blocks, world_size(), STRIDE / TAME_SPREAD_BLOCK) == TAME_OK);
  assert_all(tame_spread_create(&A, &grid, P, P) == TAME_OK);
  const double *rows = H + blocks.first[grid.rank] * TAME_SPREAD_BLOCK * STRIDE;
  assert_all(tame_spread_gather(&A, &blocks, rows, STRIDE) == TAME_OK);
  assert_all(tame_ridge_solve(&A, 1, q, 1, &none, w, NULL) == TAME_ERR_NUMERIC);
  assert_all(strstr(tame_message(), "X'X + 0 I is singular") != NULL);
  assert_all(tame_spread_gather(&A, &blocks, rows, STRIDE) == TAME_OK);
  assert_all(tame_ridge_rank(&A, &rank) == TAME_OK && rank == 150);
  tame_spread_free(&A);
  tame_partition_free(&blocks);
  tame_grid_free(&grid);
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(many_find_what_one_finds),
      cmocka_unit_test(bits_do_not_depend_on_who_looks_on),
      cmocka_unit_test(all_hear_that_it_is_singular),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
