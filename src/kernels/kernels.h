/** @file kernels.h
 * The hot loops: pointers and sizes in, no MPI, no allocation, no failure. One table of functions
 * per instruction set and precision; network and learn hold a table and never ask which it is.
 * `real` below is float or double, as the table's real_size says; all arrays of reals, except where
 * noted, have any alignment and any length, zero included. A result never depends on alignment, nor
 * on how a range is cut into calls: element i is computed alike whether it falls into a whole vector
 * or a tail. That is what makes runs byte-equal on any number of ranks and threads.
 *
 * To add an instruction set: one file that gives the operations of simd.h and instantiates simd.tmpl.h,
 * one row in kernels.c. */
#ifndef TAME_KERNELS_H
#define TAME_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  TAME_ALIGN = 64, /**< bytes: a cache line, and the widest vector */
  TAME_TILE = 8,   /**< edge of a tile of P */
};

/** Noise of one step: which numbers, see TAME_DRAW_NOISE. */
typedef struct tame_noise_key {
  uint64_t seed;
  uint32_t step, trial;
} tame_noise_key;

/** Tiles of the lower triangle of an n x n symmetric matrix, edges rounded up to tiles. */
static inline size_t tame_tiles(size_t n)
{
  const size_t edge = (n + TAME_TILE - 1) / TAME_TILE;
  return edge * (edge + 1) / 2;
}
/** n rounded up to whole tiles. */
static inline size_t tame_padded(size_t n)
{
  return (n + TAME_TILE - 1) / TAME_TILE * TAME_TILE;
}

typedef struct tame_kernels {
  const char *name; /**< "avx512", "avx2", "ref" */
  size_t real_size; /**< 4 or 8 */

  /** y[i] = sum over s in [start[i], start[i+1]) of w[s] * r[column[s]], 0 <= i < n. In one order
   *  that depends on the length of the row alone. start is not offset: w and column are the whole
   *  arrays. Reads of r: only the named elements. */
  void (*row_sums)(size_t n, const int64_t *start, const int32_t *column, const void *w,
                   const void *r, void *y);

  /** The same sums where rows hold all columns, w: [n][columns]: y[i] = sum over s of w[i][s] * r[s]. With
   *  hole >= 0, row i lacks column hole + i, so that r[s + 1] is taken where s >= hole + i: neurons that are
   *  not connected to themselves. The very bits of row_sums. */
  void (*dense_sums)(size_t n, size_t columns, int64_t hole, const void *w, const void *r, void *y);

  /** The same for several vectors at once, in double whatever the reals: y[i][c] = sum over s of w[s] *
   *  r[column[s]][c], 0 <= c < columns, r and y being rows of `columns` doubles. Terms are added in the order of s,
   *  product and sum rounded each, so that all tables give the same bits. */
  void (*row_products)(size_t n, size_t columns, const int64_t *start, const int32_t *column,
                       const void *w, const double *r, double *y);

  /** Sparse products for eight samples at a time, lanes of [.][8]; rows as in row_sums:
   *  y[i] += sum over s of w[s] x[column[s]], in the order of s;  dx[column[s]] += w[s] dy[i];
   *  dw[s] += sum over lanes of dy[i] x[column[s]], in one order. */
  void (*sparse_run)(size_t n, const int64_t *start, const int32_t *column, const void *w,
                     const void *x, void *y);
  void (*sparse_back)(size_t n, const int64_t *start, const int32_t *column, const void *w,
                      const void *dy, void *dx);
  void (*sparse_slope)(size_t n, const int64_t *start, const int32_t *column, const void *dy,
                       const void *x, void *dw);

  /** sum of a[i] * b[i], in one order that depends on n alone; added up in double. */
  double (*dot)(size_t n, const void *a, const void *b);

  /** y[i] += a * x[i]; a is rounded to real first. One fused multiply-add each (ref: fma). */
  void (*add_scaled)(size_t n, double a, const void *x, void *y);

  /** y[i] = a * x[i]; a is rounded to real first. */
  void (*scale)(size_t n, double a, const void *x, void *y);

  /** out[i] = in[index[i]] for i < n. */
  void (*gather)(size_t n, const int32_t *index, const void *in, void *out);

  /** y[i] += scale * xi(first + i): standard normal numbers of neurons first to first + n - 1 at
   *  this key, computed in double (Box-Muller: even neuron of a pair cosine, odd one sine), then
   *  rounded to real. first may be odd; pairs are by global id. */
  void (*add_noise)(size_t n, int64_t first, tame_noise_key key, double scale, void *y);

  /** Leaky rate units, forward Euler: x[i] += a (h[i] - x[i]); r[i] = tanh(x[i]). a = dt / tau. */
  void (*rate_step)(size_t n, double a, const void *h, void *x, void *r);

  /** Leaky units whose state is their rate: x[i] = r[i] = (1 - a) x[i] + a tanh(h[i]). */
  void (*leaky_step)(size_t n, double a, const void *h, void *x, void *r);

  /** The same with other functions of h: x[i] = r[i] = (1 - a) x[i] + a h[i]; and with max(h[i] - threshold, 0),
   *  which is NaN where h is. */
  void (*linear_step)(size_t n, double a, const void *h, void *x, void *r);
  void (*relu_step)(size_t n, double a, double threshold, const void *h, void *x, void *r);

  /** out[i] = tanh(x[i]), the very tanh of rate_step; exp(x[i]); 1 / (1 + exp(-x[i])), each operation
   *  rounded. x may be out. */
  void (*tanh)(size_t n, const void *x, void *out);
  void (*exp)(size_t n, const void *x, void *out);
  void (*logistic)(size_t n, const void *x, void *out);

  /** One pass over a symmetric P, [n][n], n = m padded to tiles: apply the rank-one update still
   *  pending, and form the next product,
   *      P <- (P - u u') * scale,   k = P r.
   *  P: lower triangle in tiles of 8 x 8, by columns of tiles: (0,0) (1,0) ... (e-1,0) (1,1) (2,1)
   *  ...; in a tile column by column, so element (i, j) of a tile is at [j*8 + i]; diagonal tiles
   *  are whole and stay exactly symmetric. P, u, r, k: aligned to eight numbers, padded with zeros to
   *  n, k != r != u. scale = 1 costs nothing. */
  void (*rls_sweep)(size_t m, void *P, const void *u, double scale, const void *r, void *k);

  /** The same for rows [0, rows) of a full P kept by rows: row i of P has n reals at P + i*stride,
   *  and the pending update takes u_rows[i] * u[j] from it; k[i] = P[i] . r.
   *  P and stride * real_size: aligned to TAME_ALIGN. Every (i, j) is rounded as (j, i) would be. */
  void (*rls_rows)(size_t rows, size_t n, size_t stride, void *P, const void *u_rows, const void *u,
                   double scale, const void *r, void *k);
} tame_kernels;

typedef enum tame_precision { TAME_DOUBLE, TAME_FLOAT } tame_precision;

/** A table for this processor: the best one, or the one that the environment variable TAME_KERNEL
 *  names. NULL if that names none, or one that this processor cannot run. */
const tame_kernels *tame_kernels_pick(tame_precision precision);

/** Names of the tables this processor can run, "avx512, avx2, ref". Local; borrowed. */
const char *tame_kernels_names(void);

/** Every table compiled in, best first, "ref" last; usable() tells whether this processor runs it. */
typedef struct tame_kernel_set {
  const char *name;
  bool (*usable)(void);
  const tame_kernels *real64, *real32;
} tame_kernel_set;
extern const tame_kernel_set tame_kernel_sets[]; /* a row without a name ends it */

#endif
