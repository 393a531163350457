/* Definitions of every kernel for one precision; included by ref.c with REAL, NAME(f), FMA, TANH, EXP.
 * What each one computes is said in kernels.h. */

static void NAME(row_sums)(size_t n, const int64_t *start, const int32_t *column, const void *w_,
                           const void *r_, void *y_)
{
  const REAL *w = w_, *r = r_;
  REAL *y = y_;
  for (size_t i = 0; i < n; i++) {
    REAL sum = 0;
    for (int64_t s = start[i]; s < start[i + 1]; s++) sum += w[s] * r[column[s]];
    y[i] = sum;
  }
}

static void NAME(row_products)(size_t n, size_t columns, const int64_t *start,
                               const int32_t *column, const void *w_, const double *r, double *y)
{
  const REAL *w = w_;
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < columns; c++) {
      double sum = 0;
      for (int64_t s = start[i]; s < start[i + 1]; s++)
        sum += (double)w[s] * r[(size_t)column[s] * columns + c];
      y[i * columns + c] = sum;
    }
}

static void NAME(dense_sums)(size_t n, size_t columns, int64_t hole, const void *w_, const void *r_,
                             void *y_)
{
  const REAL *w = w_, *r = r_;
  REAL *y = y_;
  for (size_t i = 0; i < n; i++) {
    const size_t absent = hole < 0 ? columns : (size_t)hole + i;
    REAL sum = 0;
    for (size_t s = 0; s < columns; s++) sum += w[i * columns + s] * r[s + (s >= absent)];
    y[i] = sum;
  }
}

static void NAME(sparse_run)(size_t n, const int64_t *start, const int32_t *column, const void *w_,
                             const void *x_, void *y_)
{
  const REAL *w = w_, *x = x_;
  REAL *y = y_;
  for (size_t i = 0; i < n; i++)
    for (int64_t s = start[i]; s < start[i + 1]; s++)
      for (size_t l = 0; l < TAME_TILE; l++)
        y[i * TAME_TILE + l] = FMA(w[s], x[(size_t)column[s] * TAME_TILE + l],
                                   y[i * TAME_TILE + l]);
}

static void NAME(sparse_back)(size_t n, const int64_t *start, const int32_t *column, const void *w_,
                              const void *dy_, void *dx_)
{
  const REAL *w = w_, *dy = dy_;
  REAL *dx = dx_;
  for (size_t i = 0; i < n; i++)
    for (int64_t s = start[i]; s < start[i + 1]; s++)
      for (size_t l = 0; l < TAME_TILE; l++) {
        REAL *to = &dx[(size_t)column[s] * TAME_TILE + l];
        *to = FMA(w[s], dy[i * TAME_TILE + l], *to);
      }
}

static void NAME(sparse_slope)(size_t n, const int64_t *start, const int32_t *column,
                               const void *dy_, const void *x_, void *dw_)
{
  const REAL *dy = dy_, *x = x_;
  REAL *dw = dw_;
  for (size_t i = 0; i < n; i++)
    for (int64_t s = start[i]; s < start[i + 1]; s++) {
      REAL sum = 0;
      for (size_t l = 0; l < TAME_TILE; l++)
        sum += dy[i * TAME_TILE + l] * x[(size_t)column[s] * TAME_TILE + l];
      dw[s] += sum;
    }
}

static double NAME(dot)(size_t n, const void *a_, const void *b_)
{
  const REAL *a = a_, *b = b_;
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

static void NAME(add_scaled)(size_t n, double a_, const void *x_, void *y_)
{
  const REAL a = (REAL)a_, *x = x_;
  REAL *y = y_;
  for (size_t i = 0; i < n; i++) y[i] = FMA(a, x[i], y[i]);
}

static void NAME(scale)(size_t n, double a_, const void *x_, void *y_)
{
  const REAL a = (REAL)a_, *restrict x = x_;
  REAL *restrict y = y_;
  for (size_t i = 0; i < n; i++) y[i] = a * x[i];
}

static void NAME(gather)(size_t n, const int32_t *index, const void *in_, void *out_)
{
  const REAL *in = in_;
  REAL *out = out_;
  for (size_t i = 0; i < n; i++) out[i] = in[index[i]];
}

static void NAME(add_noise)(size_t n, int64_t first, tame_noise_key key, double scale, void *y_)
{
  REAL *y = y_;
  for (size_t i = 0; i < n; i++) y[i] += (REAL)(scale * normal(first + (int64_t)i, key));
}

static void NAME(tanh)(size_t n, const void *x_, void *out_)
{
  const REAL *x = x_;
  REAL *out = out_;
  for (size_t i = 0; i < n; i++) out[i] = TANH(x[i]);
}

static void NAME(exp)(size_t n, const void *x_, void *out_)
{
  const REAL *x = x_;
  REAL *out = out_;
  for (size_t i = 0; i < n; i++) out[i] = EXP(x[i]);
}

static void NAME(logistic)(size_t n, const void *x_, void *out_)
{
  const REAL *x = x_;
  REAL *out = out_;
  for (size_t i = 0; i < n; i++) out[i] = 1 / (1 + EXP(-x[i]));
}

static void NAME(rate_step)(size_t n, double a_, const void *h_, void *x_, void *r)
{
  const REAL a = (REAL)a_, *h = h_;
  REAL *x = x_;
  for (size_t i = 0; i < n; i++) x[i] += a * (h[i] - x[i]);
  NAME(tanh)(n, x, r);
}

static void NAME(leaky_step)(size_t n, double a_, const void *h_, void *x_, void *r_)
{
  const REAL a = (REAL)a_, kept = (REAL)(1 - a_), *h = h_;
  REAL *x = x_, *r = r_;
  for (size_t i = 0; i < n; i++) r[i] = x[i] = kept * x[i] + a * TANH(h[i]);
}

static void NAME(linear_step)(size_t n, double a_, const void *h_, void *x_, void *r_)
{
  const REAL a = (REAL)a_, kept = (REAL)(1 - a_), *h = h_;
  REAL *x = x_, *r = r_;
  for (size_t i = 0; i < n; i++) r[i] = x[i] = kept * x[i] + a * h[i];
}

static void NAME(relu_step)(size_t n, double a_, double threshold_, const void *h_, void *x_,
                            void *r_)
{
  const REAL a = (REAL)a_, kept = (REAL)(1 - a_), threshold = (REAL)threshold_, *h = h_;
  REAL *x = x_, *r = r_;
  for (size_t i = 0; i < n; i++) {
    const REAL above = h[i] - threshold;
    r[i] = x[i] = kept * x[i] + a * (above < 0 ? 0 : above);
  }
}

/** One element of P after the update, rounded alike for (i, j) and (j, i): the product commutes,
 *  and is not rounded before the difference is. */
static REAL NAME(updated)(REAL p, REAL ui, REAL uj, REAL scale)
{
  return FMA(-ui, uj, p) * scale;
}

static void NAME(rls_sweep)(size_t m, void *P_, const void *u_, double scale, const void *r_,
                            void *k_)
{
  const size_t edge = tame_padded(m) / TAME_TILE;
  const REAL *u = u_, *r = r_;
  REAL *P = P_, *k = k_;
  for (size_t i = 0; i < edge * TAME_TILE; i++) k[i] = 0;
  for (size_t J = 0; J < edge; J++)
    for (size_t I = J; I < edge; I++) {
      REAL *tile = P + tile_number(edge, I, J) * TAME_TILE * TAME_TILE;
      for (size_t c = 0; c < TAME_TILE; c++)
        for (size_t b = 0; b < TAME_TILE; b++) {
          const size_t i = I * TAME_TILE + b, j = J * TAME_TILE + c;
          REAL *p = &tile[c * TAME_TILE + b];
          *p = NAME(updated)(*p, u[i], u[j], (REAL)scale);
          k[i] += *p * r[j];
          if (I != J) k[j] += *p * r[i]; /* the mirror image, which is not stored */
        }
    }
}

static void NAME(rls_rows)(size_t rows, size_t n, size_t stride, void *P_, const void *u_rows_,
                           const void *u_, double scale, const void *r_, void *k_)
{
  const REAL *u_rows = u_rows_, *u = u_, *r = r_;
  REAL *P = P_, *k = k_;
  for (size_t i = 0; i < rows; i++) {
    REAL *row = P + i * stride, sum = 0;
    for (size_t j = 0; j < n; j++) {
      row[j] = NAME(updated)(row[j], u_rows[i], u[j], (REAL)scale);
      sum += row[j] * r[j];
    }
    k[i] = sum;
  }
}

const tame_kernels NAME(tame_kernels_ref) = {
    .name = "ref",
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
    .rls_sweep = NAME(rls_sweep),
    .rls_rows = NAME(rls_rows),
};
