/* Every table of kernels: against plain arithmetic of this file's own in long double, against
 * "ref" where the contract leaves no choice of rounding, and against itself, cut and shifted. */
#include "kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- arrays of reals, fenced -------------------------------------------------------------- */

enum { FENCE = 64, FENCE_BYTE = 0xA5 }; /* bytes either side; as a real, tiny; as an index, wild */

typedef struct array {
  unsigned char *base, *at; /* at: the numbers, `shift` reals past a boundary of TAME_ALIGN */
  size_t bytes;
} array;

static const size_t sizes[] = {0, 1, 7, 8, 9, 15, 16, 17, 31, 80, 83, 800};
enum { SIZES = sizeof sizes / sizeof *sizes };

static array array_of(size_t count, size_t size, size_t shift)
{
  array a = {.bytes = count * size};
  const size_t all = (2 * FENCE + (shift + count) * size + TAME_ALIGN) / TAME_ALIGN * TAME_ALIGN;
  a.base = aligned_alloc(TAME_ALIGN, all);
  assert_non_null(a.base);
  memset(a.base, FENCE_BYTE, all);
  a.at = a.base + FENCE + shift * size;
  return a;
}

/** Free it; fail if anything was written before or behind it. */
static void release(array *a)
{
  for (size_t i = 0; i < FENCE; i++) assert_int_equal(a->at[a->bytes + i], FENCE_BYTE);
  for (unsigned char *p = a->base; p < a->at; p++) assert_int_equal(*p, FENCE_BYTE);
  free(a->base);
}

static double get(const tame_kernels *k, const void *p, size_t i)
{
  return k->real_size == sizeof(float) ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

static void put(const tame_kernels *k, void *p, size_t i, double value)
{
  if (k->real_size == sizeof(float)) ((float *)p)[i] = (float)value;
  else ((double *)p)[i] = value;
}

/** a, as the precision of k has it. */
static double rounded(const tame_kernels *k, double a)
{
  return k->real_size == sizeof(float) ? (double)(float)a : a;
}

/** Distance of 1 to the next number. */
static double epsilon(const tame_kernels *k)
{
  return k->real_size == sizeof(float) ? (double)FLT_EPSILON : DBL_EPSILON;
}

static double uniform(uint64_t *state) /* in [-1, 1) */
{
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (double)(*state >> 11) * 0x1p-52 - 1;
}

static array reals(const tame_kernels *k, size_t count, size_t shift, uint64_t seed)
{
  array a = array_of(count, k->real_size, shift);
  for (size_t i = 0; i < count; i++) put(k, a.at, i, uniform(&seed));
  return a;
}

static array zeros(const tame_kernels *k, size_t count)
{
  array a = array_of(count, k->real_size, 0);
  memset(a.at, 0, a.bytes);
  return a;
}

/** The same numbers at another shift. */
static array copied(const tame_kernels *k, const array *from, size_t shift)
{
  array a = array_of(from->bytes / k->real_size, k->real_size, shift);
  memcpy(a.at, from->at, from->bytes);
  return a;
}

static void assert_same(const array *a, const array *b)
{
  assert_int_equal(a->bytes, b->bytes);
  assert_memory_equal(a->at, b->at, a->bytes);
}

static void assert_near(double got, long double want, long double tolerance)
{
  const long double error = fabsl((long double)got - want);
  if (!(error <= tolerance)) fail_msg("%.17g, want %.17Lg +- %.3Lg", got, want, tolerance);
}

static const tame_kernels *reference(const tame_kernels *k)
{
  const tame_kernel_set *set = tame_kernel_sets;
  while (strcmp(set->name, "ref") != 0) set++;
  return k->real_size == sizeof(float) ? set->real32 : set->real64;
}

/** Run a test on every table that this processor can use, "ref" among them. */
static void on_all(void (*test)(const tame_kernels *))
{
  for (const tame_kernel_set *set = tame_kernel_sets; set->name; set++)
    if (set->usable()) test(set->real64), test(set->real32);
}

/* ---- choice ------------------------------------------------------------------------------- */

static void a_table_is_picked_by_name_or_the_best(void **state)
{
  (void)state;
  const tame_kernel_set *best = tame_kernel_sets, *last = tame_kernel_sets;
  while (!best->usable()) best++;
  while (last[1].name) last++;
  unsetenv("TAME_KERNEL");
  assert_ptr_equal(tame_kernels_pick(TAME_DOUBLE), best->real64);
  assert_ptr_equal(tame_kernels_pick(TAME_FLOAT), best->real32);
  assert_string_equal(last->name, "ref");
  assert_int_equal(strncmp(tame_kernels_names(), best->name, strlen(best->name)), 0);
  assert_string_equal(strrchr(tame_kernels_names(), 'r'), "ref");
  for (const tame_kernel_set *set = tame_kernel_sets; set->name; set++) {
    setenv("TAME_KERNEL", set->name, 1);
    assert_ptr_equal(tame_kernels_pick(TAME_DOUBLE), set->usable() ? set->real64 : NULL);
    assert_ptr_equal(tame_kernels_pick(TAME_FLOAT), set->usable() ? set->real32 : NULL);
    assert_string_equal(set->real64->name, set->name);
    assert_string_equal(set->real32->name, set->name);
    assert_int_equal(set->real64->real_size, 8);
    assert_int_equal(set->real32->real_size, 4);
  }
  setenv("TAME_KERNEL", "abacus", 1);
  assert_null(tame_kernels_pick(TAME_DOUBLE));
  unsetenv("TAME_KERNEL");
}

/* ---- sums --------------------------------------------------------------------------------- */

enum { COLUMNS = 900 };

/** Rows of all sizes, an empty one first and last. */
static void row_sums_are_right(const tame_kernels *k)
{
  enum { ROWS = SIZES + 1 };
  int64_t start[ROWS + 1] = {3}; /* the first synapses belong to nobody */
  for (size_t i = 0; i < ROWS; i++) start[i + 1] = start[i] + (int64_t)sizes[i % SIZES];
  const size_t count = (size_t)start[ROWS];
  array column = array_of(count, sizeof(int32_t), 1), w = reals(k, count, 1, 1);
  array r = array_of(COLUMNS, k->real_size, 1), y = array_of(ROWS, k->real_size, 3);
  uint64_t seed = 2;
  for (size_t j = 0; j < COLUMNS; j++) put(k, r.at, j, NAN); /* unless named */
  int32_t *named = (int32_t *)(void *)column.at;
  for (size_t s = 0; s < count; s++) {
    named[s] = s < 3 ? -1 : (int32_t)((uniform(&seed) + 1) / 2 * COLUMNS);
    if (s >= 3) put(k, r.at, (size_t)named[s], uniform(&seed));
  }
  k->row_sums(ROWS, start, named, w.at, r.at, y.at);
  for (size_t i = 0; i < ROWS; i++) {
    long double sum = 0, size = 0;
    for (int64_t s = start[i]; s < start[i + 1]; s++) {
      const long double term = (long double)get(k, w.at, (size_t)s) *
                               get(k, r.at, (size_t)named[s]);
      sum += term, size += fabsl(term);
    }
    /* a rounding an addition, and one a product in ref, each of at most the sum of sizes / 2 */
    assert_near(get(k, y.at, i), sum, size * epsilon(k) * (long double)(sizes[i % SIZES] + 1) / 2);
  }
  array one = array_of(ROWS, k->real_size, 0); /* row by row: the same bits */
  for (size_t i = 0; i < ROWS; i++)
    k->row_sums(1, start + i, named, w.at, r.at, one.at + i * k->real_size);
  assert_same(&one, &y);
  k->row_sums(0, NULL, NULL, NULL, NULL, NULL);
  release(&column), release(&w), release(&r), release(&y), release(&one);
}

/* Sparse products for eight samples, against long double; rows of 0 to 19 synapses. */
static void sparse_products_are_right(const tame_kernels *k)
{
  enum { ROWS = 20, SOURCES = 23, COUNT = ROWS * (ROWS - 1) / 2, EIGHT = 8 };
  int64_t start[ROWS + 1] = {0};
  int32_t column[COUNT];
  for (int i = 0; i < ROWS; i++) start[i + 1] = start[i] + i;
  for (int64_t s = 0; s < COUNT; s++) column[s] = (int32_t)(s * 7 % SOURCES);
  array w = reals(k, COUNT, 1, 21), x = reals(k, (size_t)SOURCES * EIGHT, 2, 22),
        y = reals(k, (size_t)ROWS * EIGHT, 3, 23);
  array y0 = copied(k, &y, 1), x0 = copied(k, &x, 1), w0 = copied(k, &w, 1);
  k->sparse_run(ROWS, start, column, w.at, x.at, y.at);
  for (size_t i = 0; i < ROWS; i++)
    for (size_t l = 0; l < EIGHT; l++) {
      long double want = get(k, y0.at, i * EIGHT + l);
      for (int64_t s = start[i]; s < start[i + 1]; s++)
        want += (long double)get(k, w.at, (size_t)s) * get(k, x.at, (size_t)column[s] * EIGHT + l);
      assert_near(get(k, y.at, i * EIGHT + l), want, 32 * epsilon(k));
    }
  k->sparse_slope(ROWS, start, column, y0.at, x.at, w.at);
  for (size_t i = 0; i < ROWS; i++)
    for (int64_t s = start[i]; s < start[i + 1]; s++) {
      long double want = get(k, w0.at, (size_t)s);
      for (size_t l = 0; l < EIGHT; l++)
        want += (long double)get(k, y0.at, i * EIGHT + l) *
                get(k, x.at, (size_t)column[s] * EIGHT + l);
      assert_near(get(k, w.at, (size_t)s), want, 16 * epsilon(k));
    }
  k->sparse_back(ROWS, start, column, w0.at, y0.at, x.at);
  for (int32_t c = 0; c < SOURCES; c++)
    for (size_t l = 0; l < EIGHT; l++) {
      long double want = get(k, x0.at, (size_t)c * EIGHT + l);
      for (size_t i = 0; i < ROWS; i++)
        for (int64_t s = start[i]; s < start[i + 1]; s++)
          if (column[s] == c)
            want += (long double)get(k, w0.at, (size_t)s) * get(k, y0.at, i * EIGHT + l);
      assert_near(get(k, x.at, (size_t)c * EIGHT + l), want, 32 * epsilon(k));
    }
  release(&w), release(&x), release(&y), release(&w0), release(&x0), release(&y0);
}

/** The same row, at other places of w and column. */
static void a_row_sum_depends_on_its_row_alone(const tame_kernels *k)
{
  enum { LENGTH = 83, SHIFTS = 9 };
  array r = reals(k, COLUMNS, 0, 3), row = reals(k, LENGTH, 0, 4),
        y = array_of(SHIFTS, k->real_size, 0);
  for (size_t shift = 0; shift < SHIFTS; shift++) {
    array w = array_of(LENGTH + SHIFTS, k->real_size, 0);
    int32_t column[LENGTH + SHIFTS];
    memcpy(w.at + shift * k->real_size, row.at, row.bytes);
    for (size_t s = 0; s < LENGTH; s++) column[shift + s] = (int32_t)(s * s % COLUMNS);
    const int64_t start[] = {(int64_t)shift, (int64_t)shift + LENGTH};
    k->row_sums(1, start, column, w.at, r.at, y.at + shift * k->real_size);
    assert_memory_equal(y.at, y.at + shift * k->real_size, k->real_size);
    release(&w);
  }
  release(&r), release(&row), release(&y);
}

/** Against the sum in its order, by hand: in double, so that there is one answer; written nowhere else. */
static void row_products_are_right(const tame_kernels *k)
{
  enum { ROWS = SIZES, SOURCES = 50 };
  static const size_t columns[] = {1, 2, 4, 7, 8, 9, 13, 16, 21};
  int64_t start[ROWS + 1] = {2};
  for (size_t i = 0; i < ROWS; i++) start[i + 1] = start[i] + (int64_t)sizes[i];
  const size_t count = (size_t)start[ROWS];
  array column = array_of(count, sizeof(int32_t), 1), w = reals(k, count, 1, 12);
  int32_t *named = (int32_t *)(void *)column.at;
  for (size_t s = 0; s < count; s++) named[s] = s < 2 ? -1 : (int32_t)(s * s % SOURCES);
  for (size_t z = 0; z < sizeof columns / sizeof *columns; z++) {
    const size_t K = columns[z];
    array r = array_of(SOURCES * K, sizeof(double), 1), y = array_of(ROWS * K, sizeof(double), 1);
    double *from = (double *)(void *)r.at, *to = (double *)(void *)y.at;
    uint64_t seed = 13;
    for (size_t j = 0; j < SOURCES * K; j++) from[j] = uniform(&seed);
    k->row_products(ROWS, K, start, named, w.at, from, to);
    for (size_t i = 0; i < ROWS; i++)
      for (size_t c = 0; c < K; c++) {
        volatile double sum = 0;
        for (int64_t s = start[i]; s < start[i + 1]; s++) {
          volatile double term = get(k, w.at, (size_t)s) * from[(size_t)named[s] * K + c];
          sum += term;
        }
        assert_true(to[i * K + c] == sum);
      }
    release(&r), release(&y);
  }
  release(&column), release(&w);
}

/** Rows that lack column first + i, and rows that lack none: what row_sums makes of the same rows, with any rows
 *  before and behind them. */
static void dense_sums_are_row_sums(const tame_kernels *k)
{
  static const size_t widths[] = {0, 1, 2, 7, 8, 9, 31, 40, 83};
  enum { ROWS = 19, MOST = 83 };
  static int32_t column[ROWS * MOST];
  for (size_t z = 0; z < sizeof widths / sizeof *widths; z++)
    for (int64_t first = -1; first < (int64_t)widths[z]; first++) {
      const size_t n = widths[z], columns = n - (first >= 0);
      const size_t rows = first >= 0 && n - (size_t)first < ROWS ? n - (size_t)first : ROWS;
      int64_t start[ROWS + 1] = {0};
      for (size_t i = 0; i < rows; i++) {
        start[i + 1] = start[i] + (int64_t)columns;
        for (size_t s = 0; s < columns; s++)
          column[i * columns + s] = (int32_t)(s + (first >= 0 && s >= (size_t)first + i));
      }
      array w = reals(k, rows * columns, z % 3, z), r = reals(k, n, z % 5, 20);
      array y = array_of(rows, k->real_size, 1), want = array_of(rows, k->real_size, 0),
            cut = array_of(rows, k->real_size, 3);
      k->row_sums(rows, start, column, w.at, r.at, want.at);
      k->dense_sums(rows, columns, first, w.at, r.at, y.at);
      for (size_t i = 0, count = 1; i < rows; i += count, count = count % 6 + 1) {
        if (count > rows - i) count = rows - i;
        k->dense_sums(count, columns, first < 0 ? first : first + (int64_t)i,
                      w.at + i * columns * k->real_size, r.at, cut.at + i * k->real_size);
      }
      assert_same(&y, &want);
      assert_same(&cut, &want);
      release(&w), release(&r), release(&y), release(&want), release(&cut);
    }
}

static void dot_is_right(const tame_kernels *k)
{
  for (size_t z = 0; z < SIZES; z++) {
    const size_t n = sizes[z];
    array a = reals(k, n, 0, 5), b = reals(k, n, 0, 6), a1 = copied(k, &a, 1),
          b3 = copied(k, &b, 3);
    long double sum = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
      const long double term = (long double)get(k, a.at, i) * get(k, b.at, i);
      sum += term, size += fabsl(term);
    }
    const double got = k->dot(n, a.at, b.at), shifted = k->dot(n, a1.at, b3.at);
    assert_near(got, sum, size * DBL_EPSILON * (long double)(n + 1) / 2); /* in double always */
    assert_memory_equal(&got, &shifted, sizeof got);
    release(&a), release(&b), release(&a1), release(&b3);
  }
}

/* ---- one number at a time ----------------------------------------------------------------- */

static void add_scaled_is_one_fused_operation(const tame_kernels *k)
{
  const double a = 1 / 3.;
  for (size_t z = 0; z < SIZES; z++) {
    const size_t n = sizes[z];
    array x = reals(k, n, z % 5, 7), y = reals(k, n, z % 3, 8), want = copied(k, &y, 0);
    for (size_t i = 0; i < n; i++) {
      const double xi = get(k, x.at, i), yi = get(k, y.at, i);
      put(k, want.at, i,
          k->real_size == 4 ? (double)fmaf((float)a, (float)xi, (float)yi) : fma(a, xi, yi));
    }
    k->add_scaled(n, a, x.at, y.at);
    assert_same(&y, &want);
    release(&x), release(&y), release(&want);
  }
}

static void gather_copies(const tame_kernels *k)
{
  for (size_t z = 0; z < SIZES; z++) {
    const size_t n = sizes[z];
    array index = array_of(n, sizeof(int32_t), 1), in = reals(k, COLUMNS, 1, 9);
    array out = array_of(n, k->real_size, z % 3);
    int32_t *at = (int32_t *)(void *)index.at;
    for (size_t i = 0; i < n; i++) at[i] = (int32_t)(i * 541 % COLUMNS);
    k->gather(n, at, in.at, out.at);
    for (size_t i = 0; i < n; i++) assert_true(get(k, out.at, i) == get(k, in.at, (size_t)at[i]));
    release(&index), release(&in), release(&out);
  }
}

static void rate_step_is_an_euler_step(const tame_kernels *k)
{
  const double a = 0.1, eps = epsilon(k);
  for (size_t z = 0; z < SIZES; z++) {
    const size_t n = sizes[z];
    array h = reals(k, n, z % 3, 10), x = reals(k, n, z % 5, 11), was = copied(k, &x, 0);
    array r = array_of(n, k->real_size, 1), want_r = array_of(n, k->real_size, 0);
    k->rate_step(n, a, h.at, x.at, r.at);
    for (size_t i = 0; i < n; i++) {
      const long double hi = get(k, h.at, i), xi = get(k, was.at, i);
      /* three roundings: of h - x <= 2 and of its product with a <= 0.2, of the sum <= 1.2 */
      assert_near(get(k, x.at, i), xi + (long double)rounded(k, a) * (hi - xi),
                  (a * 2 + 0.2 + 1.2) / 2 * eps);
    }
    k->tanh(n, x.at, want_r.at);
    assert_same(&r, &want_r);
    release(&h), release(&x), release(&was), release(&r), release(&want_r);
  }
}

static void leaky_step_is_as_defined(const tame_kernels *k)
{
  const double eps = epsilon(k);
  for (int which = 0; which < 2; which++)
    for (size_t z = 0; z < SIZES; z++) {
      const double a = which ? 1 : 0.3;
      const size_t n = sizes[z];
      array h = reals(k, n, z % 3, 10), x = reals(k, n, z % 5, 11), was = copied(k, &x, 0);
      array r = array_of(n, k->real_size, 1), t = array_of(n, k->real_size, 0);
      k->leaky_step(n, a, h.at, x.at, r.at);
      k->tanh(n, h.at, t.at);
      for (size_t i = 0; i < n; i++) {
        const long double ti = get(k, t.at, i), xi = get(k, was.at, i);
        /* three roundings, of 0.7 x, 0.3 t and their sum, each of a number of at most 1 */
        assert_near(get(k, r.at, i), rounded(k, 1 - a) * xi + (long double)rounded(k, a) * ti,
                    1.5 * eps);
      }
      if (a == 1) assert_same(&r, &t); /* nothing of the old is left */
      array end = copied(k, &x, 1);
      assert_same(&r, &end);
      release(&h), release(&x), release(&was), release(&r), release(&t), release(&end);
    }
}

/* The linear and the rectified step, where and where not the unit is above its threshold, and of NaN. */
static void linear_and_relu_step_are_as_defined(const tame_kernels *k)
{
  const double a = 0.3, threshold = 0.2, eps = epsilon(k);
  for (size_t z = 0; z < SIZES; z++) {
    const size_t n = sizes[z];
    array h = reals(k, n, z % 3, 30), x = reals(k, n, z % 5, 31), was = copied(k, &x, 0);
    array x2 = copied(k, &x, 3), r = array_of(n, k->real_size, 1),
          r2 = array_of(n, k->real_size, 2);
    if (n > 2) put(k, h.at, 1, NAN), put(k, h.at, 2, threshold);
    k->linear_step(n, a, h.at, x.at, r.at);
    k->relu_step(n, a, threshold, h.at, x2.at, r2.at);
    for (size_t i = 0; i < n; i++) {
      const long double kept = (long double)rounded(k, 1 - a) * get(k, was.at, i);
      const double hi = get(k, h.at, i), above = rounded(k, hi - rounded(k, threshold));
      if (n > 2 && i == 1) {
        assert_true(isnan(get(k, r.at, i)) && isnan(get(k, r2.at, i)));
        continue;
      }
      assert_near(get(k, r.at, i), kept + (long double)rounded(k, a) * hi, 1.5 * eps);
      assert_near(get(k, r2.at, i), kept + (long double)rounded(k, a) * fmax(above, 0), 1.5 * eps);
    }
    array end = copied(k, &x, 1), end2 = copied(k, &x2, 1);
    assert_same(&r, &end), assert_same(&r2, &end2);
    release(&h), release(&x), release(&was), release(&x2), release(&r), release(&r2);
    release(&end), release(&end2);
  }
}

/** Whole, against pieces of 1, 2, 3, ... elements; and at other alignments. */
static void elements_do_not_depend_on_the_cut(const tame_kernels *k)
{
  enum { N = 800 };
  const size_t size = k->real_size;
  const tame_noise_key key = {.seed = 12, .step = 3, .trial = 4};
  for (size_t shift = 0; shift < 9; shift += 3) {
    array h = reals(k, N, 0, 13), x = reals(k, N, 0, 14), x1 = copied(k, &x, shift);
    array r = array_of(N, size, 0), r1 = array_of(N, size, shift + 1);
    array t = array_of(N, size, 0), t1 = array_of(N, size, shift + 2);
    k->tanh(N, h.at, t.at);
    k->rate_step(N, 0.3, h.at, x.at, r.at);
    k->leaky_step(N, 0.3, h.at, x.at, r.at);
    k->linear_step(N, 0.3, h.at, x.at, r.at);
    k->relu_step(N, 0.3, 0.1, h.at, x.at, r.at);
    k->add_scaled(N, 0.7, h.at, x.at);
    k->add_noise(N, 5, key, 0.01, x.at);
    for (size_t at = 0, n = 1; at < N; at += n, n++) {
      if (n > N - at) n = N - at;
      k->tanh(n, h.at + at * size, t1.at + at * size);
      k->rate_step(n, 0.3, h.at + at * size, x1.at + at * size, r1.at + at * size);
      k->leaky_step(n, 0.3, h.at + at * size, x1.at + at * size, r1.at + at * size);
      k->linear_step(n, 0.3, h.at + at * size, x1.at + at * size, r1.at + at * size);
      k->relu_step(n, 0.3, 0.1, h.at + at * size, x1.at + at * size, r1.at + at * size);
      k->add_scaled(n, 0.7, h.at + at * size, x1.at + at * size);
      k->add_noise(n, 5 + (int64_t)at, key, 0.01, x1.at + at * size);
    }
    assert_same(&x, &x1), assert_same(&r, &r1), assert_same(&t, &t1);
    release(&h), release(&x), release(&x1), release(&r), release(&r1), release(&t), release(&t1);
  }
}

/** |got - tanh(x)| in units of the last place of tanh(x). */
static double ulps(const tame_kernels *k, double x, double got)
{
  const long double want = tanhl(x);
  const int digits = k->real_size == 4 ? FLT_MANT_DIG : DBL_MANT_DIG;
  const int least = k->real_size == 4 ? FLT_MIN_EXP : DBL_MIN_EXP;
  int exponent;
  frexpl(want, &exponent);
  return (double)(fabsl(got - want) / ldexpl(1, (exponent < least ? least : exponent) - digits));
}

static void tanh_is_accurate(const tame_kernels *k)
{
  enum { N = 40003 };
  array x = array_of(N, k->real_size, 1), y = array_of(N, k->real_size, 0);
  const double top = k->real_size == 4 ? 127 : 1023;
  uint64_t seed = 15;
  for (size_t i = 0; i < N; i++) { /* half of them over all magnitudes, half where tanh bends */
    const double v = uniform(&seed), w = uniform(&seed);
    put(k, x.at, i, i % 2 ? 20 * v : (v < 0 ? -1 : 1) * exp2(top * w));
  }
  k->tanh(N, x.at, y.at);
  double worst = 0;
  for (size_t i = 0; i < N; i++) worst = fmax(worst, ulps(k, get(k, x.at, i), get(k, y.at, i)));
  /* what SLEEF says of u10, and 2^-11 ulp for the last place of tanhl */
  if (!(worst <= 1.001)) fail_msg("tanh of %s is off by %.9g ulp", k->name, worst);
  release(&x), release(&y);
}

static void tanh_of_the_odd_ones(const tame_kernels *k)
{
  const double in[] = {0, -0.0, INFINITY, -INFINITY, NAN, 1e30, -1e30, 5e-324, 1};
  enum { N = sizeof in / sizeof *in };
  array x = array_of(N, k->real_size, 0), y = array_of(N, k->real_size, 0);
  for (size_t i = 0; i < N; i++) put(k, x.at, i, in[i]);
  k->tanh(N, x.at, y.at);
  for (size_t i = 0; i < N; i++) {
    const double xi = get(k, x.at, i), got = get(k, y.at, i), want = tanh(xi);
    if (isnan(want)) assert_true(isnan(got));
    else assert_near(got, want, fabs(want) * epsilon(k));
    if (xi == 0) assert_int_equal(!signbit(got), !signbit(xi));
  }
  release(&x), release(&y);
}

/* exp and the logistic function: near those of long double, at the ends what they should be, and the same
 * bits wherever a range is cut. */
static void exp_and_logistic_are_right(const tame_kernels *k)
{
  enum { N = 4003, ODD = 6 };
  const double odd[ODD] = {0, -0.0, INFINITY, -INFINITY, NAN, -1e5},
               top = k->real_size == 4 ? 80 : 700;
  array x = array_of(N, k->real_size, 1), y = array_of(N, k->real_size, 0);
  array z = array_of(N, k->real_size, 2), one = array_of(N, k->real_size, 0);
  uint64_t seed = 16;
  for (size_t i = 0; i < N; i++) put(k, x.at, i, i < ODD ? odd[i] : top * uniform(&seed));
  k->exp(N, x.at, y.at);
  k->logistic(N, x.at, z.at);
  for (size_t i = 0; i < N; i++) {
    const long double xi = get(k, x.at, i), power = expl(xi), share = 1 / (1 + expl(-xi));
    if (isnan(xi)) {
      assert_true(isnan(get(k, y.at, i)) && isnan(get(k, z.at, i)));
    } else if (isinf(power)) {
      assert_true(get(k, y.at, i) == INFINITY && get(k, z.at, i) == 1);
    } else { /* the last place of exp; and three roundings more */
      assert_near(get(k, y.at, i), power, 1.001 * epsilon(k) * (double)power);
      assert_near(get(k, z.at, i), share, 3 * epsilon(k) * (double)share);
    }
  }
  for (size_t i = 0; i < N; i++) k->exp(1, x.at + i * k->real_size, one.at + i * k->real_size);
  assert_memory_equal(one.at, y.at, N * k->real_size);
  for (size_t i = 0; i < N; i++) k->logistic(1, x.at + i * k->real_size, one.at + i * k->real_size);
  assert_memory_equal(one.at, z.at, N * k->real_size);
  release(&x), release(&y), release(&z), release(&one);
}

/* ---- noise -------------------------------------------------------------------------------- */

/** Philox4x32-10 from the paper, section 3.3. */
static void philox(uint32_t c[4], uint32_t k0, uint32_t k1)
{
  for (int round = 0; round < 10; round++, k0 += 0x9E3779B9, k1 += 0xBB67AE85) {
    const uint64_t a = (uint64_t)0xD2511F53 * c[0], b = (uint64_t)0xCD9E8D57 * c[2];
    const uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k0, (uint32_t)b,
                              (uint32_t)(a >> 32) ^ c[3] ^ k1, (uint32_t)a};
    memcpy(c, next, sizeof next);
  }
}

static void philox_is_the_published_one(void **state)
{
  (void)state; /* known answers that come with Random123 */
  uint32_t zero[4] = {0}, pi[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
  const uint32_t want_zero[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  const uint32_t want_pi[4] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
  philox(zero, 0, 0), philox(pi, 0xa4093822, 0x299f31d0);
  assert_memory_equal(zero, want_zero, sizeof zero);
  assert_memory_equal(pi, want_pi, sizeof pi);
}

/** The number of a neuron, and the radius it came from. */
static long double normal(int64_t neuron, tame_noise_key key, long double *radius)
{
  uint32_t c[4] = {(uint32_t)(neuron / 2), key.step, key.trial, 7};
  philox(c, (uint32_t)key.seed, (uint32_t)(key.seed >> 32));
  double u[2];
  for (int i = 0; i < 2; i++)
    u[i] = ((double)(((uint64_t)c[2 * i + 1] << 32 | c[2 * i]) >> 12) + 0.5) / 0x1p52;
  const long double angle = 2 * acosl(-1) * u[1];
  *radius = sqrtl(-2 * logl(u[0]));
  return *radius * (neuron % 2 == 0 ? cosl(angle) : sinl(angle));
}

static void noise_is_keyed_by_neuron(const tame_kernels *k)
{
  const int64_t firsts[] = {0, 1, 6, 7, ((int64_t)1 << 32) - 3, ((int64_t)1 << 33) - 9};
  const tame_noise_key key = {.seed = 0xFEDCBA9876543210, .step = 0x89ABCDEF, .trial = 0xFFFFFFFE};
  for (size_t f = 0; f < sizeof firsts / sizeof *firsts; f++)
    for (size_t z = 0; z < SIZES; z++) {
      const size_t n = sizes[z];
      array y = array_of(n, k->real_size, z % 3);
      memset(y.at, 0, y.bytes);
      k->add_noise(n, firsts[f], key, 1, y.at);
      for (size_t i = 0; i < n; i++) {
        long double radius;
        const long double want = normal(firsts[f] + (int64_t)i, key, &radius);
        /* sine, cosine and logarithm to 3.5 ulp each, of the radius at most; rounding to real */
        assert_near(get(k, y.at, i), want, radius * 8 * DBL_EPSILON + fabsl(want) * epsilon(k) / 2);
      }
      release(&y);
    }
}

static void noise_is_added_scaled(const tame_kernels *k)
{
  enum { N = 83 };
  const tame_noise_key key = {.seed = 16};
  array z = zeros(k, N), y = reals(k, N, 1, 17), was = copied(k, &y, 0);
  k->add_noise(N, 3, key, 1, z.at);
  k->add_noise(N, 3, key, 0.25, y.at); /* a power of two: scaling does not round */
  for (size_t i = 0; i < N; i++)
    assert_true(get(k, y.at, i) == rounded(k, get(k, was.at, i) + 0.25 * get(k, z.at, i)));
  release(&z), release(&y), release(&was);
}

/** Within five standard errors of the moments of a standard normal. */
static void noise_is_normal(const tame_kernels *k)
{
  enum { N = 1 << 18 };
  array y = zeros(k, N);
  const tame_noise_key key = {.seed = 18, .step = 19};
  k->add_noise(N, 0, key, 1, y.at);
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0, twins = 0;
  for (size_t i = 0; i < N; i++) {
    const double z = get(k, y.at, i), zz = z * z;
    m1 += z / N, m2 += zz / N, m3 += z * zz / N, m4 += zz * zz / N;
    if (i % 2) twins += z * get(k, y.at, i - 1) / (N / 2);
  }
  const double root = sqrt(N);
  assert_near(m1, 0, 5 / root);
  assert_near(m2, 1, 5 * sqrt(2) / root);
  assert_near(m3, 0, 5 * sqrt(15) / root);
  assert_near(m4, 3, 5 * sqrt(96) / root);
  assert_near(twins, 0, 5 * sqrt(2) / root);
  release(&y);
}

/* ---- recursive least squares -------------------------------------------------------------- */

/** Where element (i, j) of P is kept: tiles down the columns of the lower triangle. */
static size_t tile_place(size_t m, size_t i, size_t j)
{
  const size_t edge = tame_padded(m) / TAME_TILE;
  size_t tile = 0;
  for (size_t J = 0; J < j / TAME_TILE; J++) tile += edge - J;
  tile += i / TAME_TILE - j / TAME_TILE;
  return tile * TAME_TILE * TAME_TILE + j % TAME_TILE * TAME_TILE + i % TAME_TILE;
}

static const double scales[] = {1, 1 / 0.99};
enum { UPDATES = 6 };

/** P and k after updates, by its definition; want: [m][m]. u shrinks so that P stays near 1. */
static void dense_update(const tame_kernels *k, size_t m, long double *P, const array *u,
                         double scale, const array *r, long double *want)
{
  for (size_t i = 0; i < m; i++) {
    want[i] = 0;
    for (size_t j = 0; j < m; j++) {
      const long double uu = (long double)get(k, u->at, i) * get(k, u->at, j);
      P[i * m + j] = (P[i * m + j] - uu) * (long double)rounded(k, scale);
      want[i] += P[i * m + j] * get(k, r->at, j);
    }
  }
}

static void random_padded(const tame_kernels *k, array *a, size_t m, uint64_t seed)
{
  for (size_t i = 0; i < m; i++) put(k, a->at, i, uniform(&seed));
}

static void check_sweep(const tame_kernels *k, size_t m, double scale)
{
  const size_t n = tame_padded(m);
  array P = zeros(k, tame_tiles(m) * TAME_TILE * TAME_TILE), P_ref = copied(k, &P, 0);
  array u = zeros(k, n), r = zeros(k, n), got = zeros(k, n), by_ref = zeros(k, n);
  long double *dense = calloc(m * m + 1, sizeof *dense), *want = calloc(m + 1, sizeof *want);
  assert_true(dense && want);
  /* |P| < 9: at most 1.1 (1 + 6). A rounding or two of it an update; then a sum of n products */
  const double eps = epsilon(k), largest = 9;
  for (size_t i = 0; i < m; i++) {
    dense[i * m + i] = 1;
    put(k, P.at, tile_place(m, i, i), 1), put(k, P_ref.at, tile_place(m, i, i), 1);
  }
  for (uint64_t t = 0; t < UPDATES; t++) {
    random_padded(k, &u, m, 20 + t), random_padded(k, &r, m, 40 + t);
    memset(got.at, FENCE_BYTE, got.bytes); /* k is overwritten, whatever it held */
    k->rls_sweep(m, P.at, u.at, scale, r.at, got.at);
    reference(k)->rls_sweep(m, P_ref.at, u.at, scale, r.at, by_ref.at);
    assert_same(&P, &P_ref); /* one fused operation and one product: no choice of rounding */
    dense_update(k, m, dense, &u, scale, &r, want);
    for (size_t i = 0; i < m; i++)
      assert_near(get(k, got.at, i), want[i], largest * eps * (double)m * (double)(UPDATES + m));
    for (size_t i = m; i < n; i++) assert_true(get(k, got.at, i) == 0);
  }
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j <= i; j++)
      assert_near(get(k, P.at, tile_place(m, i, j)), dense[i * m + j], largest * eps * UPDATES);
  for (size_t i = 0; i < n; i++) /* within a diagonal tile both triangles are there */
    for (size_t j = i / TAME_TILE * TAME_TILE; j < i; j++) {
      const size_t low = tile_place(m, i, j), high = tile_place(m, j, i);
      assert_memory_equal(P.at + low * k->real_size, P.at + high * k->real_size, k->real_size);
    }
  free(dense), free(want);
  release(&P), release(&P_ref), release(&u), release(&r), release(&got), release(&by_ref);
}

static void sweep_is_right(const tame_kernels *k)
{
  const size_t edges[] = {0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 80, 83, 200};
  for (size_t e = 0; e < sizeof edges / sizeof *edges; e++)
    for (size_t s = 0; s < 2; s++) check_sweep(k, edges[e], scales[s]);
}

/** By rows, whole and in blocks: the elements of the sweep bit for bit, hence symmetric; k too. */
static void check_rows(const tame_kernels *k, size_t n, double scale)
{
  const size_t stride = tame_padded(n) + TAME_ALIGN / k->real_size, size = k->real_size;
  array P = array_of(n * stride, size, 0), cut = array_of(n * stride, size, 0);
  array tiles = zeros(k, tame_tiles(n) * TAME_TILE * TAME_TILE);
  array u = zeros(k, tame_padded(n)), r = zeros(k, tame_padded(n)),
        by_tiles = zeros(k, tame_padded(n));
  array got = array_of(n, size, 1), got_cut = array_of(n, size, 3);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) put(k, P.at, i * stride + j, i == j);
    put(k, tiles.at, tile_place(n, i, i), 1);
  }
  memcpy(cut.at, P.at, P.bytes);
  for (uint64_t t = 0; t < UPDATES; t++) {
    random_padded(k, &u, n, 60 + t), random_padded(k, &r, n, 80 + t);
    array u1 = array_of(n, size, 1), r3 = array_of(n, size, 3); /* not padded, not aligned */
    memcpy(u1.at, u.at, n * size), memcpy(r3.at, r.at, n * size);
    k->rls_rows(n, n, stride, P.at, u1.at, u1.at, scale, r3.at, got.at);
    for (size_t at = 0, rows = 1; at < n; at += rows, rows++) {
      if (rows > n - at) rows = n - at;
      k->rls_rows(rows, n, stride, cut.at + at * stride * size, u.at + at * size, u.at, scale, r.at,
                  got_cut.at + at * size);
    }
    assert_same(&P, &cut), assert_same(&got, &got_cut);
    k->rls_sweep(n, tiles.at, u.at, scale, r.at, by_tiles.at);
    for (size_t i = 0; i < n; i++) /* both are sums of n products of |P| < 9, |r| < 1 */
      assert_near(get(k, got.at, i), get(k, by_tiles.at, i),
                  9 * epsilon(k) * (double)n * (double)n);
    release(&u1), release(&r3);
  }
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j <= i; j++) {
      const unsigned char *low = P.at + (i * stride + j) * size,
                          *high = P.at + (j * stride + i) * size;
      assert_memory_equal(low, high, size);
      assert_memory_equal(low, tiles.at + tile_place(n, i, j) * size, size);
    }
    for (size_t b = n * size; b < stride * size; b++) /* between the rows nothing is written */
      assert_int_equal(P.at[i * stride * size + b], FENCE_BYTE);
  }
  release(&P), release(&cut), release(&tiles), release(&u), release(&r), release(&by_tiles);
  release(&got), release(&got_cut);
}

static void rows_are_right(const tame_kernels *k)
{
  for (size_t z = 0; z + 1 < SIZES; z++)
    for (size_t s = 0; s < 2; s++) check_rows(k, sizes[z], scales[s]);
}

static void scale_is_right(const tame_kernels *k)
{
  for (size_t z = 0; z < SIZES; z++) {
    const size_t n = sizes[z];
    array x = reals(k, n, z % 3, 92), y = reals(k, n, 1, 93);
    k->scale(n, 1 / 7., x.at, y.at);
    for (size_t i = 0; i < n; i++) { /* one product in the numbers' own precision */
      const double a = k->real_size == sizeof(double) ? 1 / 7. : (double)(float)(1 / 7.);
      const double product = a * get(k, x.at, i);
      assert_true(get(k, y.at, i) ==
                  (k->real_size == sizeof(double) ? product : (double)(float)product));
    }
    release(&x), release(&y);
  }
}

/* ---- the fast tables among themselves ----------------------------------------------------- */

/** A little of everything, in one array. */
static array medley(const tame_kernels *k)
{
  enum { M = 83, N = 88 };
  array x = reals(k, N, 0, 100), r = zeros(k, N), u = zeros(k, N), y = zeros(k, N);
  array P = zeros(k, tame_tiles(M) * TAME_TILE * TAME_TILE), R = zeros(k, N * N);
  const tame_noise_key key = {.seed = 101, .step = 1, .trial = 2};
  int64_t start[N + 1] = {0};
  int32_t column[N * N];
  for (size_t s = 0; s < N * N; s++) column[s] = (int32_t)(s * 31 % N);
  for (size_t i = 0; i < N; i++) start[i + 1] = start[i] + (int64_t)i;
  for (int t = 0; t < 50; t++) {
    k->add_noise(N, 1, key, 1, x.at);
    k->rate_step(N, 0.1, u.at, x.at, r.at);
    k->leaky_step(N, 0.9, u.at, x.at, r.at);
    k->linear_step(N, 0.1, u.at, x.at, r.at);
    k->relu_step(N, 0.1, -0.1, u.at, x.at, r.at);
    for (size_t i = M; i < N; i++) put(k, r.at, i, 0);
    k->rls_sweep(M, P.at, r.at, 1 / 0.99, u.at, y.at);
    k->add_scaled(N, 1e-3, y.at, x.at);
    k->rls_rows(N, N, N, R.at, r.at, r.at, 1, u.at, y.at);
    k->dense_sums(M, M - 1, 0, R.at, x.at, y.at);
    k->add_scaled(M, 1e-6, y.at, x.at);
    k->row_sums(N, start, column, R.at, x.at, y.at);
    k->add_scaled(N, 1e-6 * k->dot(M, r.at, r.at), y.at, x.at);
    k->logistic(N, y.at, y.at);
    k->add_scaled(N, 1e-6, y.at, x.at);
    memcpy(u.at, r.at, r.bytes);
  }
  release(&r), release(&u), release(&y), release(&P), release(&R);
  return x;
}

static void fast_tables_give_the_same_bits(void **state)
{
  (void)state;
  const tame_kernel_set *set = tame_kernel_sets;
  while (!set->usable()) set++;
  for (const tame_kernel_set *next = set + 1; next->name && strcmp(next->name, "ref") != 0;
       next++) {
    array a = medley(set->real64), b = medley(next->real64);
    array c = medley(set->real32), d = medley(next->real32);
    assert_same(&a, &b), assert_same(&c, &d);
    for (size_t i = 0; i < 88; i++) assert_true(isfinite(get(set->real64, a.at, i)));
    release(&a), release(&b), release(&c), release(&d);
  }
}

#define ON_ALL(test)                                                                               \
  static void all_##test(void **state)                                                             \
  {                                                                                                \
    (void)state;                                                                                   \
    on_all(test);                                                                                  \
  }
ON_ALL(row_sums_are_right)
ON_ALL(row_products_are_right)
ON_ALL(dense_sums_are_row_sums)
ON_ALL(a_row_sum_depends_on_its_row_alone)
ON_ALL(sparse_products_are_right)
ON_ALL(dot_is_right)
ON_ALL(add_scaled_is_one_fused_operation)
ON_ALL(gather_copies)
ON_ALL(rate_step_is_an_euler_step)
ON_ALL(leaky_step_is_as_defined)
ON_ALL(linear_and_relu_step_are_as_defined)
ON_ALL(elements_do_not_depend_on_the_cut)
ON_ALL(tanh_is_accurate)
ON_ALL(tanh_of_the_odd_ones)
ON_ALL(exp_and_logistic_are_right)
ON_ALL(noise_is_keyed_by_neuron)
ON_ALL(noise_is_added_scaled)
ON_ALL(noise_is_normal)
ON_ALL(sweep_is_right)
ON_ALL(scale_is_right)
ON_ALL(rows_are_right)

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_table_is_picked_by_name_or_the_best),
      cmocka_unit_test(all_row_sums_are_right),
      cmocka_unit_test(all_row_products_are_right),
      cmocka_unit_test(all_dense_sums_are_row_sums),
      cmocka_unit_test(all_a_row_sum_depends_on_its_row_alone),
      cmocka_unit_test(all_sparse_products_are_right),
      cmocka_unit_test(all_dot_is_right),
      cmocka_unit_test(all_add_scaled_is_one_fused_operation),
      cmocka_unit_test(all_gather_copies),
      cmocka_unit_test(all_rate_step_is_an_euler_step),
      cmocka_unit_test(all_leaky_step_is_as_defined),
      cmocka_unit_test(all_linear_and_relu_step_are_as_defined),
      cmocka_unit_test(all_elements_do_not_depend_on_the_cut),
      cmocka_unit_test(all_tanh_is_accurate),
      cmocka_unit_test(all_tanh_of_the_odd_ones),
      cmocka_unit_test(all_exp_and_logistic_are_right),
      cmocka_unit_test(philox_is_the_published_one),
      cmocka_unit_test(all_noise_is_keyed_by_neuron),
      cmocka_unit_test(all_noise_is_added_scaled),
      cmocka_unit_test(all_noise_is_normal),
      cmocka_unit_test(all_sweep_is_right),
      cmocka_unit_test(all_scale_is_right),
      cmocka_unit_test(all_rows_are_right),
      cmocka_unit_test(fast_tables_give_the_same_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
