/* Every kernel, eight numbers at a time, for one precision. Included by avx2.c and avx512.c, first
 * for double, then for float, with REAL and NAME(f), which puts the precision behind f. simd.h has,
 * for each precision:
 *   part              a vector register of REAL
 *   part_splat(a)     a in every lane
 *   part_fma(a,b,c)   a b + c, rounded once;  part_fnma: c - a b;  real_fma: for one number
 *   part_pick(r,j)    r[j[0]], r[j[1]], ...
 *   part_joined(mask,a,b)  of a where the mask is -1, else of b; first[] has the masks
 *   part_wide(from)   as many reals as part_f64 holds, as doubles
 *   sum8(part,out)    out[c] = the sum of all lanes of part[c], c < 8; sum_parts: c < at_once
 * and the file of the instruction set:
 *   tanh8(x), exp8(x) x[p] = tanh(x[p]), exp(x[p]) for the parts p of eight reals
 *   wide              a register of doubles; normals(z, pair, key): see simd_noise.h
 *   wide_add(y,z)     y[l] += (REAL)z[l] for the lanes of a `wide`
 *
 * Results may not depend on where a range is cut or aligned. So loads and stores take any address,
 * and tails are done either by the same vector code on padded copies, or by scalar code that rounds
 * as the vectors do, once an operation. */

#define EIGHT NAME(eight)
#define PART NAME(part)
enum {
  NAME(lanes) = sizeof(PART) / sizeof(REAL),
  NAME(parts) = TAME_TILE / NAME(lanes),
  NAME(at_once) = 8 / NAME(parts), /* rows of a dense matrix: eight sums hide the time of each */
};
typedef PART NAME(part_at) __attribute__((aligned(1), may_alias)); /* anywhere in memory */

/** Eight reals: a column of a tile, eight terms of a sum. */
typedef struct EIGHT {
  PART at[NAME(parts)];
} EIGHT;
#define EACH_PART(p) UNROLL for (int p = 0; p < NAME(parts); p++)

/* ---- eight reals -------------------------------------------------------------------------- */

INLINE EIGHT NAME(load)(const REAL *from)
{
  EIGHT v;
  EACH_PART(p) v.at[p] = *(const NAME(part_at) *)(from + p * NAME(lanes));
  return v;
}

INLINE void NAME(store)(REAL *to, EIGHT v)
{
  EACH_PART(p) *(NAME(part_at) *)(to + p * NAME(lanes)) = v.at[p];
}

/** from[j[0]], from[j[1]], ... */
INLINE EIGHT NAME(pick)(const REAL *from, const int32_t *j)
{
  EIGHT v;
  EACH_PART(p) v.at[p] = NAME(part_pick)(from, j + p * NAME(lanes));
  return v;
}

INLINE EIGHT NAME(zero)(void)
{
  EIGHT v;
  EACH_PART(p) v.at[p] = NAME(part_splat)(0);
  return v;
}

/** a b + c, lane by lane. */
INLINE EIGHT NAME(fma)(EIGHT a, EIGHT b, EIGHT c)
{
  EACH_PART(p) c.at[p] = NAME(part_fma)(a.at[p], b.at[p], c.at[p]);
  return c;
}

/** a b + c and c - a b, with the same a in all lanes. */
INLINE EIGHT NAME(fma1)(PART a, EIGHT b, EIGHT c)
{
  EACH_PART(p) c.at[p] = NAME(part_fma)(a, b.at[p], c.at[p]);
  return c;
}

INLINE EIGHT NAME(fnma1)(PART a, EIGHT b, EIGHT c)
{
  EACH_PART(p) c.at[p] = NAME(part_fnma)(a, b.at[p], c.at[p]);
  return c;
}

INLINE EIGHT NAME(scaled)(EIGHT v, PART a)
{
  EACH_PART(p) v.at[p] *= a;
  return v;
}

INLINE EIGHT NAME(add)(EIGHT a, EIGHT b)
{
  EACH_PART(p) a.at[p] += b.at[p];
  return a;
}

/** One part from two, where there are two. */
INLINE PART NAME(halved)(EIGHT v)
{
  for (int p = 1; p < NAME(parts); p++) v.at[0] += v.at[p];
  return v.at[0];
}

/** The sum of the lanes. */
INLINE REAL NAME(total)(EIGHT v)
{
  return NAME(part_total)(NAME(halved)(v));
}

/** max(v, 0), and NaN where v is: the bits of v, or none where it is below 0. */
INLINE PART NAME(positive)(PART v)
{
  const PART zero = NAME(part_splat)(0);
  const __typeof__(v < zero) below = v < zero;
  return (PART)((__typeof__(v < zero))v & ~below);
}

/** sum += a b of eight reals at a and at b, in double. */
INLINE eight_f64 NAME(wide_fma)(const REAL *a, const REAL *b, eight_f64 sum)
{
  UNROLL for (int p = 0; p < parts_f64; p++)
  {
    const int at = p * lanes_f64;
    sum.at[p] = part_fma_f64(NAME(part_wide)(a + at), NAME(part_wide)(b + at), sum.at[p]);
  }
  return sum;
}

/* ---- vectors ------------------------------------------------------------------------------ */

/* A row's terms are dealt to eight lanes. Those left over go to the last ones: the last eight terms are taken, and the
 * weights of those that have had their turn set to zero. A row of less than eight terms is added up as it is. */

/** The first `count` <= 8 lanes of a, the others of b. */
INLINE EIGHT NAME(joined)(size_t count, EIGHT a, EIGHT b)
{
  EACH_PART(p)
    a.at[p] = NAME(part_joined)(NAME(first) + TAME_TILE - count + p * NAME(lanes), a.at[p],
                                b.at[p]);
  return a;
}

/** The last `count` <= 8 of the eight reals before `end`, with zeros in front of them. */
INLINE EIGHT NAME(load_last)(const REAL *end, size_t count)
{
  return NAME(joined)(TAME_TILE - count, NAME(zero)(), NAME(load)(end - TAME_TILE));
}

INLINE REAL NAME(sparse_row)(int64_t s, int64_t end, const int32_t *restrict column,
                             const REAL *restrict w, const REAL *restrict r)
{
  const int64_t left = (end - s) % TAME_TILE;
  if (end - s < TAME_TILE) {
    REAL few = 0;
    for (; s < end; s++) few = NAME(real_fma)(w[s], r[column[s]], few);
    return few;
  }
  EIGHT sum = NAME(zero)();
  for (; s + TAME_TILE <= end; s += TAME_TILE)
    sum = NAME(fma)(NAME(load)(w + s), NAME(pick)(r, column + s), sum);
  if (left > 0)
    sum = NAME(fma)(NAME(load_last)(w + end, (size_t)left), NAME(pick)(r, column + end - TAME_TILE),
                    sum);
  return NAME(total)(sum);
}

static void NAME(row_sums)(size_t n, const int64_t *start, const int32_t *column, const void *w,
                           const void *r, void *y_)
{
  REAL *restrict y = y_;
  for (size_t i = 0; i < n; i++) y[i] = NAME(sparse_row)(start[i], start[i + 1], column, w, r);
}

/** Of the lanes s, s + 1, ... of a sum those before `hole` from a, the others from b. */
INLINE EIGHT NAME(around)(size_t s, size_t hole, EIGHT a, EIGHT b)
{
  return NAME(joined)(hole < s ? 0 : hole - s < TAME_TILE ? hole - s : TAME_TILE, a, b);
}

/** sum[k] += eight columns of row k, at w, times v, which the rows share. */
INLINE void NAME(add_shared)(const size_t rows, size_t columns, const REAL *w, EIGHT v, EIGHT *sum)
{
  UNROLL for (size_t k = 0; k < rows; k++)
  {
    sum[k] = NAME(fma)(NAME(load)(w + k * columns), v, sum[k]);
  }
}

/** Rows of a dense matrix, one or at_once of them, of eight columns at least: what they share of r is loaded
 *  once. Row k meets r before its column hole + k, and past[] from there on. */
INLINE void NAME(dense_rows)(const size_t rows, size_t columns, size_t hole, const REAL *restrict w,
                             const REAL *restrict r, const REAL *restrict past, REAL *restrict y)
{
  const size_t whole = columns / TAME_TILE * TAME_TILE, left = columns - whole;
  const size_t first = hole / TAME_TILE * TAME_TILE, last = tame_padded(hole + rows - 1);
  const size_t from = first < whole ? first : whole, to = last < whole ? last : whole;
  EIGHT sum[NAME(at_once)];
  PART half[NAME(at_once)];
  size_t s = 0;
  UNROLL for (size_t k = 0; k < NAME(at_once); k++) sum[k] = NAME(zero)();
  for (; s < from; s += TAME_TILE) NAME(add_shared)(rows, columns, w + s, NAME(load)(r + s), sum);
  for (; s < to; s += TAME_TILE) {
    const EIGHT a = NAME(load)(r + s), b = NAME(load)(past + s);
    UNROLL for (size_t k = 0; k < rows; k++)
    {
      const EIGHT v = NAME(around)(s, hole + k, a, b);
      sum[k] = NAME(fma)(NAME(load)(w + k * columns + s), v, sum[k]);
    }
  }
  for (; s < whole; s += TAME_TILE)
    NAME(add_shared)(rows, columns, w + s, NAME(load)(past + s), sum);
  if (left > 0) {
    s = columns - TAME_TILE;
    const EIGHT a = NAME(load)(r + s), b = NAME(load)(past + s);
    UNROLL for (size_t k = 0; k < rows; k++)
    {
      const EIGHT v = NAME(around)(s, hole + k, a, b);
      sum[k] = NAME(fma)(NAME(load_last)(w + (k + 1) * columns, left), v, sum[k]);
    }
  }
  UNROLL for (size_t k = 0; k < NAME(at_once); k++) half[k] = NAME(halved)(sum[k]);
  if (rows == 1) {
    *y = NAME(part_total)(half[0]);
  } else {
    NAME(sum_parts)(half, y);
  }
}

/** A row of less than eight columns. */
INLINE REAL NAME(short_row)(size_t columns, size_t hole, const REAL *w, const REAL *r,
                            const REAL *past)
{
  REAL sum = 0;
  for (size_t s = 0; s < columns; s++) sum = NAME(real_fma)(w[s], s < hole ? r[s] : past[s], sum);
  return sum;
}

static void NAME(dense_sums)(size_t n, size_t columns, int64_t hole_, const void *w_,
                             const void *r_, void *y_)
{
  const bool holes = hole_ >= 0;
  const REAL *w = w_, *r = r_, *past = r + holes;
  const size_t hole = holes ? (size_t)hole_ : columns;
  REAL *y = y_;
  size_t i = 0;
  if (columns < TAME_TILE) {
    for (; i < n; i++) y[i] = NAME(short_row)(columns, hole + holes * i, w + i * columns, r, past);
    return;
  }
  for (; i + NAME(at_once) <= n; i += NAME(at_once))
    NAME(dense_rows)(NAME(at_once), columns, hole + holes * i, w + i * columns, r, past, y + i);
  for (; i < n; i++)
    NAME(dense_rows)(1, columns, hole + holes * i, w + i * columns, r, past, y + i);
}

static void NAME(row_products)(size_t n, size_t columns, const int64_t *start,
                               const int32_t *column, const void *w_, const double *r, double *y)
{
  const REAL *w = w_;
  for (size_t i = 0; i < n; i++, y += columns) {
    size_t c = 0;
    for (; c + TAME_TILE <= columns; c += TAME_TILE) {
      eight_f64 sum = zero_f64();
      for (int64_t s = start[i]; s < start[i + 1]; s++)
        sum = add_f64(sum, scaled_f64(load_f64(r + (size_t)column[s] * columns + c),
                                      part_splat_f64((double)w[s])));
      store_f64(y + c, sum);
    }
    for (; c + lanes_f64 <= columns; c += lanes_f64) {
      part_f64 sum = part_splat_f64(0);
      for (int64_t s = start[i]; s < start[i + 1]; s++)
        sum += *(const part_at_f64 *)(r + (size_t)column[s] * columns + c) *
               part_splat_f64((double)w[s]);
      *(part_at_f64 *)(y + c) = sum;
    }
    for (; c < columns; c++) {
      double sum = 0;
      for (int64_t s = start[i]; s < start[i + 1]; s++)
        sum += r[(size_t)column[s] * columns + c] * (double)w[s];
      y[c] = sum;
    }
  }
}

static void NAME(sparse_run)(size_t n, const int64_t *start, const int32_t *column, const void *w_,
                             const void *x_, void *y_)
{
  const REAL *restrict w = w_, *restrict x = x_;
  REAL *restrict y = y_;
  for (size_t i = 0; i < n; i++) {
    EIGHT sum = NAME(load)(y + i * TAME_TILE);
    for (int64_t s = start[i]; s < start[i + 1]; s++)
      sum = NAME(fma1)(NAME(part_splat)(w[s]), NAME(load)(x + (size_t)column[s] * TAME_TILE), sum);
    NAME(store)(y + i * TAME_TILE, sum);
  }
}

static void NAME(sparse_back)(size_t n, const int64_t *start, const int32_t *column, const void *w_,
                              const void *dy_, void *dx_)
{
  const REAL *restrict w = w_, *restrict dy = dy_;
  REAL *restrict dx = dx_;
  for (size_t i = 0; i < n; i++) {
    const EIGHT d = NAME(load)(dy + i * TAME_TILE);
    for (int64_t s = start[i]; s < start[i + 1]; s++) {
      REAL *to = dx + (size_t)column[s] * TAME_TILE;
      NAME(store)(to, NAME(fma1)(NAME(part_splat)(w[s]), d, NAME(load)(to)));
    }
  }
}

/** Eight synapses at a time, so that their sums over lanes are made together. */
static void NAME(sparse_slope)(size_t n, const int64_t *start, const int32_t *column,
                               const void *dy_, const void *x_, void *dw_)
{
  const REAL *restrict dy = dy_, *restrict x = x_;
  REAL *restrict dw = dw_;
  for (size_t i = 0; i < n; i++) {
    const EIGHT d = NAME(load)(dy + i * TAME_TILE);
    for (int64_t s = start[i]; s < start[i + 1]; s += TAME_TILE) {
      const int64_t left = start[i + 1] - s, now = left < TAME_TILE ? left : TAME_TILE;
      PART product[TAME_TILE];
      REAL sum[TAME_TILE];
      for (int64_t c = 0; c < TAME_TILE; c++) { /* a whole one, the last if there are no more */
        const EIGHT v = NAME(load)(x + (size_t)column[s + (c < now ? c : now - 1)] * TAME_TILE);
        product[c] = d.at[0] * v.at[0];
        for (int p = 1; p < NAME(parts); p++)
          product[c] = NAME(part_fma)(d.at[p], v.at[p], product[c]);
      }
      NAME(sum8)(product, sum);
      for (int64_t c = 0; c < now; c++) dw[s + c] += sum[c];
    }
  }
}

static double NAME(dot)(size_t n, const void *a_, const void *b_)
{
  const REAL *a = a_, *b = b_;
  eight_f64 sum[4] = {zero_f64(), zero_f64(), zero_f64(), zero_f64()};
  REAL a_tail[TAME_TILE] = {0}, b_tail[TAME_TILE] = {0};
  size_t i = 0;
  for (; i + 4 * TAME_TILE <= n; i += 4 * TAME_TILE) {
    UNROLL for (size_t q = 0; q < 4; q++)
    {
      const size_t at = i + q * TAME_TILE;
      sum[q] = NAME(wide_fma)(a + at, b + at, sum[q]);
    }
  }
  for (; i + TAME_TILE <= n; i += TAME_TILE) sum[0] = NAME(wide_fma)(a + i, b + i, sum[0]);
  if (i < n) {
    memcpy(a_tail, a + i, (n - i) * sizeof(REAL));
    memcpy(b_tail, b + i, (n - i) * sizeof(REAL));
    sum[1] = NAME(wide_fma)(a_tail, b_tail, sum[1]);
  }
  return total_f64(add_f64(add_f64(sum[0], sum[1]), add_f64(sum[2], sum[3])));
}

static void NAME(add_scaled)(size_t n, double a_, const void *x_, void *y_)
{
  const REAL a = (REAL)a_, *restrict x = x_;
  REAL *restrict y = y_;
  for (size_t i = 0; i < n; i++) y[i] = NAME(real_fma)(a, x[i], y[i]); /* the compiler's vectors */
}

static void NAME(scale)(size_t n, double a_, const void *x_, void *y_)
{
  const REAL a = (REAL)a_, *restrict x = x_;
  REAL *restrict y = y_;
  for (size_t i = 0; i < n; i++) y[i] = a * x[i];
}

static void NAME(gather)(size_t n, const int32_t *index, const void *in_, void *out_)
{
  const REAL *restrict in = in_;
  REAL *restrict out = out_;
  size_t i = 0;
  for (; i + TAME_TILE <= n; i += TAME_TILE) NAME(store)(out + i, NAME(pick)(in, index + i));
  for (; i < n; i++) out[i] = in[index[i]];
}

/* ---- units -------------------------------------------------------------------------------- */

static void NAME(add_noise)(size_t n, int64_t first, tame_noise_key key, double scale, void *y_)
{
  enum { LANES = sizeof(wide) / sizeof(double), BLOCK = 2 * LANES };
  const int64_t end = (int64_t)n;
  int64_t pair = first / 2, i = -(first % 2); /* y[i], not there if -1, is the even one of a pair */
  REAL *y = y_;
  for (; i < end; i += BLOCK, pair += LANES) {
    wide z[2];
    normals(z, pair, key);
    if (i >= 0 && i + BLOCK <= end) {
      NAME(wide_add)(y + i, scale * z[0]);
      NAME(wide_add)(y + i + LANES, scale * z[1]);
    } else {
      const int64_t from = i < 0 ? 0 : i, to = i + BLOCK < end ? i + BLOCK : end;
      const size_t bytes = (size_t)(to - from) * sizeof(REAL);
      REAL some[BLOCK] = {0};
      memcpy(some + (from - i), y + from, bytes);
      NAME(wide_add)(some, scale * z[0]);
      NAME(wide_add)(some + LANES, scale * z[1]);
      memcpy(y + from, some + (from - i), bytes);
    }
  }
}

INLINE void NAME(tanh_eight)(EIGHT x, REAL *out)
{
  NAME(tanh8)(x.at);
  NAME(store)(out, x);
}

/** What all units of a step share. */
typedef struct NAME(shared) {
  PART a, kept, threshold; /* kept = 1 - a */
} NAME(shared);

INLINE void NAME(rate_eight)(NAME(shared) s, const REAL *h, REAL *x, REAL *r)
{
  EIGHT v = NAME(load)(x);
  const EIGHT drive = NAME(load)(h);
  EACH_PART(p) v.at[p] = NAME(part_fma)(s.a, drive.at[p] - v.at[p], v.at[p]);
  NAME(store)(x, v);
  NAME(tanh_eight)(v, r);
}

/** x = r = (1 - a) x + a drive. */
INLINE void NAME(leak_eight)(NAME(shared) s, EIGHT drive, REAL *x, REAL *r)
{
  EIGHT v = NAME(load)(x);
  EACH_PART(p) v.at[p] = NAME(part_fma)(s.a, drive.at[p], s.kept * v.at[p]);
  NAME(store)(x, v);
  NAME(store)(r, v);
}

INLINE void NAME(leaky_eight)(NAME(shared) s, const REAL *h, REAL *x, REAL *r)
{
  EIGHT drive = NAME(load)(h);
  NAME(tanh8)(drive.at);
  NAME(leak_eight)(s, drive, x, r);
}

INLINE void NAME(linear_eight)(NAME(shared) s, const REAL *h, REAL *x, REAL *r)
{
  NAME(leak_eight)(s, NAME(load)(h), x, r);
}

INLINE void NAME(relu_eight)(NAME(shared) s, const REAL *h, REAL *x, REAL *r)
{
  EIGHT drive = NAME(load)(h);
  EACH_PART(p) drive.at[p] = NAME(positive)(drive.at[p] - s.threshold);
  NAME(leak_eight)(s, drive, x, r);
}

/** All units, eight at a time. */
INLINE void NAME(move)(void (*eight)(NAME(shared), const REAL *, REAL *, REAL *), size_t n,
                       double a, double threshold, const REAL *h, REAL *x, REAL *r)
{
  const NAME(shared) s = {NAME(part_splat)((REAL)a), NAME(part_splat)((REAL)(1 - a)),
                          NAME(part_splat)((REAL)threshold)};
  size_t i = 0;
  for (; i + TAME_TILE <= n; i += TAME_TILE) eight(s, h + i, x + i, r + i);
  if (i < n) {
    REAL h_tail[TAME_TILE] = {0}, x_tail[TAME_TILE] = {0}, r_tail[TAME_TILE];
    const size_t bytes = (n - i) * sizeof(REAL);
    memcpy(h_tail, h + i, bytes), memcpy(x_tail, x + i, bytes);
    eight(s, h_tail, x_tail, r_tail);
    memcpy(x + i, x_tail, bytes), memcpy(r + i, r_tail, bytes);
  }
}

static void NAME(rate_step)(size_t n, double a, const void *h, void *x, void *r)
{
  NAME(move)(NAME(rate_eight), n, a, 0, h, x, r);
}

static void NAME(leaky_step)(size_t n, double a, const void *h, void *x, void *r)
{
  NAME(move)(NAME(leaky_eight), n, a, 0, h, x, r);
}

static void NAME(linear_step)(size_t n, double a, const void *h, void *x, void *r)
{
  NAME(move)(NAME(linear_eight), n, a, 0, h, x, r);
}

static void NAME(relu_step)(size_t n, double a, double threshold, const void *h, void *x, void *r)
{
  NAME(move)(NAME(relu_eight), n, a, threshold, h, x, r);
}

INLINE void NAME(logistic8)(PART x[NAME(parts)])
{
  const PART one = NAME(part_splat)(1);
  EACH_PART(p) x[p] = -x[p];
  NAME(exp8)(x);
  EACH_PART(p) x[p] = one / (one + x[p]);
}

/** out[i] = f(x[i]), eight at a time; padded, where there are fewer. */
#define ON_EACH(f)                                                                                 \
  static void NAME(f)(size_t n, const void *x_, void *out_)                                        \
  {                                                                                                \
    const REAL *x = x_;                                                                            \
    REAL *out = out_, tail[TAME_TILE] = {0};                                                       \
    size_t i = 0;                                                                                  \
    for (; i + TAME_TILE <= n; i += TAME_TILE) {                                                   \
      EIGHT v = NAME(load)(x + i);                                                                 \
      NAME(f##8)(v.at);                                                                            \
      NAME(store)(out + i, v);                                                                     \
    }                                                                                              \
    if (i < n) {                                                                                   \
      memcpy(tail, x + i, (n - i) * sizeof(REAL));                                                 \
      EIGHT v = NAME(load)(tail);                                                                  \
      NAME(f##8)(v.at);                                                                            \
      NAME(store)(tail, v);                                                                        \
      memcpy(out + i, tail, (n - i) * sizeof(REAL));                                               \
    }                                                                                              \
  }
ON_EACH(tanh)
ON_EACH(exp)
ON_EACH(logistic)
#undef ON_EACH

/* ---- recursive least squares -------------------------------------------------------------- */

/** What one column of tiles needs all along, in registers: of its eight columns c, u and r; and the
 *  sum over its tiles T of column c of T times r_I, lane by lane. */
typedef struct NAME(column) {
  PART u[TAME_TILE], r[TAME_TILE], sum[TAME_TILE], scale;
} NAME(column);

/** One tile T, of row I and column J: T <- (T - u_I u_J') scale, k_I += T r_J; and where it is not
 *  on the diagonal, for its mirror image, which is not stored, k_J += T' r_I. T passes through the
 *  registers once, a column at a time. 24 vector operations on 8 numbers. */
INLINE void NAME(sweep_tile)(REAL *restrict T, NAME(column) *restrict J, const REAL *restrict u,
                             const REAL *restrict r, REAL *restrict k, const bool scaled,
                             const bool diagonal)
{
  const EIGHT uI = NAME(load)(u), rI = NAME(load)(r);
  EIGHT even = NAME(load)(k), odd = NAME(zero)(); /* two chains, half as long */
  UNROLL for (int c = 0; c < TAME_TILE; c++)
  {
    EIGHT t = NAME(fnma1)(J->u[c], uI, NAME(load)(T + c * TAME_TILE));
    if (scaled) t = NAME(scaled)(t, J->scale);
    NAME(store)(T + c * TAME_TILE, t);
    if (c % 2 == 0) even = NAME(fma1)(J->r[c], t, even);
    else if (c == 1) odd = NAME(scaled)(t, J->r[c]);
    else odd = NAME(fma1)(J->r[c], t, odd);
    if (!diagonal)
      EACH_PART(p) J->sum[c] = NAME(part_fma)(t.at[p], rI.at[p], J->sum[c]);
  }
  NAME(store)(k, NAME(add)(even, odd));
}

/** One column of tiles, `count` of them: the diagonal one, where u, r, k begin, and those below. */
INLINE void NAME(sweep_column)(size_t count, REAL *restrict T, const REAL *restrict u, REAL scale,
                               const REAL *restrict r, REAL *restrict k, const bool scaled)
{
  NAME(column) J;
  REAL sum[TAME_TILE];
  J.scale = NAME(part_splat)(scale);
  UNROLL for (int c = 0; c < TAME_TILE; c++)
  {
    J.u[c] = NAME(part_splat)(u[c]);
    J.r[c] = NAME(part_splat)(r[c]);
    J.sum[c] = NAME(part_splat)(0);
  }
  NAME(sweep_tile)(T, &J, u, r, k, scaled, true);
  for (size_t i = TAME_TILE; i < count * TAME_TILE; i += TAME_TILE)
    NAME(sweep_tile)(T + i * TAME_TILE, &J, u + i, r + i, k + i, scaled, false);
  NAME(sum8)(J.sum, sum);
  NAME(store)(k, NAME(add)(NAME(load)(k), NAME(load)(sum)));
}

INLINE void NAME(sweep)(size_t edge, REAL *P, const REAL *u, REAL scale, const REAL *r, REAL *k,
                        const bool scaled)
{
  for (size_t I = 0; I < edge; I++) NAME(store)(k + I * TAME_TILE, NAME(zero)());
  for (size_t J = 0; J < edge; J++) {
    const size_t at = J * TAME_TILE;
    NAME(sweep_column)(edge - J, P, u + at, scale, r + at, k + at, scaled);
    P += (edge - J) * TAME_TILE * TAME_TILE;
  }
}

static void NAME(rls_sweep)(size_t m, void *P, const void *u, double scale, const void *r, void *k)
{
  const size_t edge = tame_padded(m) / TAME_TILE;
  if (scale == 1) NAME(sweep)(edge, P, u, 1, r, k, false);
  else NAME(sweep)(edge, P, u, (REAL)scale, r, k, true);
}

/** Eight elements of a row of P, at p: update them; sum += their products with r. */
INLINE EIGHT NAME(row_eight)(REAL *p, PART ui, const REAL *u, PART scale, const REAL *r, EIGHT sum,
                             const bool scaled)
{
  EIGHT v = NAME(fnma1)(ui, NAME(load)(u), NAME(load)(p));
  if (scaled) v = NAME(scaled)(v, scale);
  NAME(store)(p, v);
  return NAME(fma)(v, NAME(load)(r), sum);
}

INLINE REAL NAME(row)(size_t n, REAL *restrict p, REAL ui_, const REAL *restrict u, REAL scale_,
                      const REAL *restrict r, const bool scaled)
{
  const PART ui = NAME(part_splat)(ui_), scale = NAME(part_splat)(scale_);
  EIGHT sum[4] = {NAME(zero)(), NAME(zero)(), NAME(zero)(), NAME(zero)()};
  size_t j = 0;
  for (; j + 4 * TAME_TILE <= n; j += 4 * TAME_TILE) {
    UNROLL for (size_t q = 0; q < 4; q++)
    {
      const size_t at = j + q * TAME_TILE;
      sum[q] = NAME(row_eight)(p + at, ui, u + at, scale, r + at, sum[q], scaled);
    }
  }
  for (; j + TAME_TILE <= n; j += TAME_TILE)
    sum[0] = NAME(row_eight)(p + j, ui, u + j, scale, r + j, sum[0], scaled);
  if (j < n) {
    REAL p_tail[TAME_TILE] = {0}, u_tail[TAME_TILE] = {0}, r_tail[TAME_TILE] = {0};
    const size_t bytes = (n - j) * sizeof(REAL);
    memcpy(p_tail, p + j, bytes), memcpy(u_tail, u + j, bytes), memcpy(r_tail, r + j, bytes);
    sum[1] = NAME(row_eight)(p_tail, ui, u_tail, scale, r_tail, sum[1], scaled);
    memcpy(p + j, p_tail, bytes);
  }
  return NAME(total)(NAME(add)(NAME(add)(sum[0], sum[1]), NAME(add)(sum[2], sum[3])));
}

static void NAME(rls_rows)(size_t rows, size_t n, size_t stride, void *P_, const void *u_rows_,
                           const void *u, double scale, const void *r, void *k_)
{
  const REAL *u_rows = u_rows_;
  REAL *P = P_, *k = k_;
  if (scale == 1)
    for (size_t i = 0; i < rows; i++)
      k[i] = NAME(row)(n, P + i * stride, u_rows[i], u, 1, r, false);
  else
    for (size_t i = 0; i < rows; i++)
      k[i] = NAME(row)(n, P + i * stride, u_rows[i], u, (REAL)scale, r, true);
}

const tame_kernels NAME(TABLE) = {
    .name = ISA,
    .real_size = sizeof(REAL),
    .row_sums = NAME(row_sums),
    .row_products = NAME(row_products),
    .dense_sums = NAME(dense_sums),
    .sparse_run = NAME(sparse_run),
    .sparse_back = NAME(sparse_back),
    .sparse_slope = NAME(sparse_slope),
    .dot = NAME(dot),
    .add_scaled = NAME(add_scaled),
    .scale = NAME(scale),
    .gather = NAME(gather),
    .add_noise = NAME(add_noise),
    .rate_step = NAME(rate_step),
    .leaky_step = NAME(leaky_step),
    .linear_step = NAME(linear_step),
    .relu_step = NAME(relu_step),
    .tanh = NAME(tanh),
    .exp = NAME(exp),
    .logistic = NAME(logistic),
    .respiratory_slopes = respiratory_slopes,
    .respiratory_run = respiratory_run,
    .boltzmann = boltzmann,
    .rls_sweep = NAME(rls_sweep),
    .rls_rows = NAME(rls_rows),
};

#undef EIGHT
#undef PART
#undef EACH_PART
#undef REAL
#undef NAME
