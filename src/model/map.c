/* Linear maps on batches, dense and sparse; see layer.h. Large products are BLAS's, on one thread
 * and on shapes that the caller keeps from depending on the layout; small ones are sums of our own,
 * without its overhead. */
#include "model/layer.h"

#include <cblas.h>
#include <string.h>

enum { SMALL = 512 /* products, below which a call of BLAS costs more than it gives */ };

tame_map tame_map_add(tame_layer *layer, tame_view view, const char *name,
                      const tame_synapses *synapses)
{
  view.synapses = synapses;
  view.weight = true;
  const tame_map map = {.kernels = layer->kernels,
                        .synapses = synapses,
                        .inputs = view.columns,
                        .outputs = view.rows,
                        .first = tame_layer_add(layer, view, name)};
  return map;
}

static bool is_small(const tame_map *m, int64_t batch)
{
  return batch * m->inputs * m->outputs < SMALL;
}

/* ---- y += x W' ------------------------------------------------------------------------------- */

static double product(const tame_map *m, const double *w, const double *x)
{
  if (m->inputs >= 16) return m->kernels->dot((size_t)m->inputs, w, x);
  double sum = 0;
  for (int64_t i = 0; i < m->inputs; i++) sum += w[i] * x[i];
  return sum;
}

static void run_sparse(const tame_map *m, const double *w, const double *x, double *y)
{
  const tame_synapses *s = m->synapses;
  for (int64_t j = 0; j < m->outputs; j++) {
    double sum = 0;
    for (int64_t k = s->start[j]; k < s->start[j + 1]; k++) sum += w[k] * x[s->source[k]];
    y[j] += sum;
  }
}

/* w_turned: [inputs][outputs], or NULL. */
static void run(const tame_map *m, const double *w, const double *w_turned, int64_t batch,
                const double *x, double *y)
{
  const int in = (int)m->inputs, out = (int)m->outputs;
  if (!m->synapses && !is_small(m, batch)) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, w_turned ? CblasNoTrans : CblasTrans, (int)batch, out,
                in, 1, x, in, w_turned ? w_turned : w, w_turned ? out : in, 1, y, out);
    return;
  }
  for (int64_t b = 0; b < batch; b++, x += in, y += out) {
    if (m->synapses) run_sparse(m, w, x, y);
    else
      for (int64_t o = 0; o < out; o++) y[o] += product(m, w + o * in, x);
  }
}

void tame_map_run(const tame_map *m, const tame_step *s, const double *x, double *y)
{
  run(m, s->slab + m->first, s->turned ? s->turned + m->first : NULL, s->batch, x, y);
}

void tame_map_run_along(const tame_map *m, const double *slab, int64_t batch, const double *x,
                        double *y)
{
  run(m, slab + m->first, NULL, batch, x, y);
}

/* ---- dx += dy W ------------------------------------------------------------------------------ */

static void back_sparse(const tame_map *m, const double *w, const double *dy, double *dx)
{
  const tame_synapses *s = m->synapses;
  for (int64_t j = 0; j < m->outputs; j++)
    for (int64_t k = s->start[j]; k < s->start[j + 1]; k++) dx[s->source[k]] += w[k] * dy[j];
}

void tame_map_back(const tame_map *m, const double *slab, int64_t batch, const double *dy,
                   double *dx)
{
  const double *w = slab + m->first;
  const int in = (int)m->inputs, out = (int)m->outputs;
  if (!m->synapses && !is_small(m, batch)) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)batch, in, out, 1, dy, out, w, in,
                1, dx, in);
    return;
  }
  for (int64_t b = 0; b < batch; b++, dy += out, dx += in) {
    if (m->synapses) back_sparse(m, w, dy, dx);
    else
      for (int64_t o = 0; o < out; o++) m->kernels->add_scaled((size_t)in, dy[o], w + o * in, dx);
  }
}

/* ---- slab += dy' x --------------------------------------------------------------------------- */

static void slope_sparse(const tame_map *m, const double *x, const double *dy, double *dw)
{
  const tame_synapses *s = m->synapses;
  for (int64_t j = 0; j < m->outputs; j++)
    for (int64_t k = s->start[j]; k < s->start[j + 1]; k++) dw[k] += dy[j] * x[s->source[k]];
}

void tame_map_slope(const tame_map *m, int64_t batch, const double *x, const double *dy,
                    double *slab)
{
  double *dw = slab + m->first;
  const int in = (int)m->inputs, out = (int)m->outputs;
  if (!m->synapses && !is_small(m, batch)) {
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, out, in, (int)batch, 1, dy, out, x, in, 1,
                dw, in);
    return;
  }
  for (int64_t b = 0; b < batch; b++, x += in, dy += out) {
    if (m->synapses) slope_sparse(m, x, dy, dw);
    else
      for (int64_t o = 0; o < out; o++) m->kernels->add_scaled((size_t)in, dy[o], x, dw + o * in);
  }
}

/* ---- biases ---------------------------------------------------------------------------------- */

void tame_bias_run(int64_t n, int64_t batch, const double *bias, double *y)
{
  const size_t bytes = (size_t)n * sizeof *y;
  for (int64_t b = 0; b < batch; b++) {
    if (bias) memcpy(y + b * n, bias, bytes);
    else memset(y + b * n, 0, bytes);
  }
}

void tame_bias_slope(int64_t n, int64_t batch, const double *dy, double *bias)
{
  for (int64_t b = 0; b < batch; b++)
    for (int64_t i = 0; i < n; i++) bias[i] += dy[b * n + i];
}

/* ---- affine maps ----------------------------------------------------------------------------- */

tame_affine tame_affine_add(tame_layer *layer, tame_view weights, const char *weights_name,
                            const tame_synapses *synapses, tame_view bias, const char *bias_name)
{
  tame_affine a = {.map = tame_map_add(layer, weights, weights_name, synapses), .bias = -1};
  if (bias.columns > 0) a.bias = tame_layer_add(layer, bias, bias_name);
  return a;
}

void tame_affine_run(const tame_affine *a, const tame_step *s, const double *x, double *y)
{
  tame_bias_run(a->map.outputs, s->batch, a->bias < 0 ? NULL : s->slab + a->bias, y);
  tame_map_run(&a->map, s, x, y);
}

void tame_affine_vjp(const tame_affine *a, const tame_step *s, const double *x, const double *dy,
                     double *dx, double *dslab)
{
  tame_map_slope(&a->map, s->batch, x, dy, dslab);
  if (a->bias >= 0) tame_bias_slope(a->map.outputs, s->batch, dy, dslab + a->bias);
  if (dx) tame_map_back(&a->map, s->slab, s->batch, dy, dx);
}

void tame_affine_jvp(const tame_affine *a, const tame_step *s, const double *x, const double *tslab,
                     const double *tx, double *ty)
{
  tame_bias_run(a->map.outputs, s->batch, a->bias < 0 ? NULL : tslab + a->bias, ty);
  tame_map_run_along(&a->map, tslab, s->batch, x, ty);
  tame_map_run(&a->map, s, tx, ty);
}

void tame_clear(int64_t n, double *x)
{
  if (x) memset(x, 0, (size_t)n * sizeof *x);
}
