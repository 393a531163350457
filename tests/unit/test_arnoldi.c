/* The largest eigenvalue, by products and by LAPACK: closed forms, each against the other, and what fails. */
#include "linalg/arnoldi.h"

#include "base/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 600 };

typedef struct matrix {
  int64_t n;
  double *at; /* [n][n] */
  int64_t products;
} matrix;

static matrix zeros(int64_t n)
{
  matrix A = {n, calloc((size_t)(n * n), sizeof(double)), 0};
  assert_non_null(A.at);
  return A;
}

static void multiply(void *context, const double *x, double *y)
{
  matrix *A = context;
  A->products++;
  for (int64_t i = 0; i < A->n; i++) {
    y[i] = 0;
    for (int64_t j = 0; j < A->n; j++) y[i] += A->at[i * A->n + j] * x[j];
  }
}

static tame_status by_products(matrix *A, int64_t max_products, tame_arnoldi *out)
{
  double start[MOST];
  for (int64_t i = 0; i < A->n; i++) start[i] = tame_uniform(1, 1000, (uint32_t)i, 0, 0) - 0.5;
  A->products = 0;
  const tame_status status = tame_largest_eigenvalue(A->n, multiply, A, start, 1e-12, max_products,
                                                     out);
  assert_int_equal(out->products, A->products);
  return status;
}

/* Both ways; A is freed. */
static void check(matrix A, double want, double tolerance)
{
  tame_arnoldi found;
  double modulus;
  assert_int_equal(by_products(&A, 20000, &found), TAME_OK);
  if (!(fabs(found.modulus - want) <= tolerance * want))
    fail_msg("%.17g by products, want %.17g", found.modulus, want);
  assert_int_equal(tame_dense_eigenvalue(A.n, A.at, &modulus), TAME_OK);
  if (!(fabs(modulus - want) <= tolerance * want)) fail_msg("%.17g, want %.17g", modulus, want);
  free(A.at);
}

/* Cycles whose weights have the products c_k: the eigenvalues are all their roots, the moduli c_k^(1/length). */
static void weighted_permutations(void **state)
{
  (void)state;
  for (int64_t n = 1; n <= 90; n += 13) {
    matrix A = zeros(n);
    for (int64_t i = 0; i < n; i++) A.at[(i + 1) % n * n + i] = i % 2 ? 0.5 : -3;
    check(A, pow(3, (double)((n + 1) / 2) / (double)n) * pow(0.5, (double)(n / 2) / (double)n),
          1e-12);
  }
}

/* Blocks of scaled rotations, hidden by a reflection I - 2 v v' on either side: the largest scale. */
static void rotations(void **state)
{
  (void)state;
  for (int64_t n = 2; n <= MOST; n = 3 * n + 2) {
    matrix A = zeros(n);
    double v[MOST], image[MOST], sum = 0;
    for (int64_t b = 0; b < n / 2; b++) {
      const double scale = b == n / 4 ? 1.7 : 1.5 * (double)b / (double)n, angle = 1 + (double)b;
      double *a = A.at + 2 * b * (n + 1);
      a[0] = a[n + 1] = scale * cos(angle);
      a[n] = scale * sin(angle);
      a[1] = -a[n];
    }
    for (int64_t i = 0; i < n; i++)
      v[i] = tame_uniform(2, 1000, (uint32_t)i, 0, 0), sum += v[i] * v[i];
    for (int side = 0; side < 2; side++) {
      for (int64_t j = 0; j < n; j++) { /* A <- ((I - 2 v v') A)' */
        image[j] = 0;
        for (int64_t i = 0; i < n; i++) image[j] += v[i] * A.at[i * n + j];
      }
      for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) A.at[i * n + j] -= 2 * v[i] * image[j] / sum;
      for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
          const double a = A.at[i * n + j];
          A.at[i * n + j] = A.at[j * n + i];
          A.at[j * n + i] = a;
        }
    }
    check(A, 1.7, 1e-12);
  }
}

static matrix random_matrix(int64_t n)
{
  matrix A = zeros(n);
  for (int64_t i = 0; i < n * n; i++)
    A.at[i] = tame_normal(3, 1000, (uint32_t)i, 0, 0) / sqrt((double)n);
  return A;
}

/* A full random matrix, where nothing is told but that both ways agree; twice the same bits. */
static void random_matrices(void **state)
{
  (void)state;
  const int64_t sizes[] = {3, 99, 100, 101, 300};
  for (int k = 0; k < 5; k++) {
    matrix A = random_matrix(sizes[k]);
    tame_arnoldi first, second;
    double modulus;
    assert_int_equal(by_products(&A, 20000, &first), TAME_OK);
    assert_int_equal(by_products(&A, 20000, &second), TAME_OK);
    assert_memory_equal(&first, &second, sizeof first);
    assert_true(sizes[k] < 300 || first.products > 100);
    assert_int_equal(tame_dense_eigenvalue(A.n, A.at, &modulus), TAME_OK);
    assert_true(fabs(first.modulus / modulus - 1) < 1e-9 && modulus > 0.1);
    free(A.at);
  }
}

/* The start lies in a small invariant space: the search ends there, with what it holds. */
static void an_invariant_space_ends_it(void **state)
{
  (void)state;
  matrix A = zeros(300);
  for (int64_t i = 0; i < 300; i++) A.at[i * 301] = i < 290 ? 0 : 1 + 0.1 * (double)i;
  tame_arnoldi found;
  assert_int_equal(by_products(&A, 20000, &found), TAME_OK);
  assert_true(found.products <= 13 && fabs(found.modulus - 30.9) < 1e-11);
  free(A.at);
  A = zeros(300); /* of zeros alone */
  assert_int_equal(by_products(&A, 20000, &found), TAME_OK);
  assert_true(found.products == 1 && found.modulus == 0);
  free(A.at);
}

/* All eigenvalues of a long cycle are of one modulus: none stands out. */
static void what_does_not_converge_is_told(void **state)
{
  (void)state;
  matrix A = zeros(500);
  for (int64_t i = 0; i < 500; i++) A.at[(i + 1) % 500 * 500 + i] = 1;
  tame_arnoldi found;
  assert_int_equal(by_products(&A, 1000, &found), TAME_ERR_NUMERIC);
  assert_non_null(strstr(tame_message(), "has not converged: after 10"));
  assert_non_null(strstr(tame_message(), "want at most 1e-12"));
  assert_true(found.residual > 1e-12 && found.products >= 1000 && found.products < 1100);
  free(A.at);
}

static void memory_that_runs_out(void **state)
{
  (void)state;
  matrix A = random_matrix(20);
  double modulus;
  tame_arnoldi found;
  tame_status status = TAME_ERR_NOMEM;
  int64_t k = 0;
  while (status == TAME_ERR_NOMEM) {
    tame_memory_fail_at(++k);
    status = by_products(&A, 1000, &found);
    tame_memory_fail_at(0);
  }
  assert_true(status == TAME_OK && k == 5);
  tame_memory_fail_at(1);
  assert_int_equal(tame_dense_eigenvalue(20, A.at, &modulus), TAME_ERR_NOMEM);
  tame_memory_fail_at(0);
  free(A.at);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(weighted_permutations),
      cmocka_unit_test(rotations),
      cmocka_unit_test(random_matrices),
      cmocka_unit_test(an_invariant_space_ends_it),
      cmocka_unit_test(what_does_not_converge_is_told),
      cmocka_unit_test(memory_that_runs_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
