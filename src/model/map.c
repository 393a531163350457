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
  const int64_t spare = synapses ? TAME_TILE * (map.inputs + map.outputs) : 0;
  if (spare > layer->spare) layer->spare = spare;
  return map;
}

/* Does BLAS have it? */
static bool is_large(const tame_map *m, int64_t batch)
{
  return !m->synapses && batch * m->inputs * m->outputs >= SMALL;
}

/* ---- eight samples at a time, for sparse maps ------------------------------------------------ */

/* to[i][lane] = from[lane][i], zeros where there is no such sample. */
static void into_lanes(int64_t n, int64_t samples, const double *from, double *to)
{
  for (int64_t i = 0; i < n; i++)
    for (int64_t lane = 0; lane < TAME_TILE; lane++)
      to[i * TAME_TILE + lane] = lane < samples ? from[lane * n + i] : 0;
}

static void add_from_lanes(int64_t n, int64_t samples, const double *from, double *to)
{
  for (int64_t lane = 0; lane < samples; lane++)
    for (int64_t i = 0; i < n; i++) to[lane * n + i] += from[i * TAME_TILE + lane];
}

/* Room for eight samples, and how many of them there are from `first` on. */
typedef struct lanes {
  int64_t samples;
  double *x, *y; /* [inputs][8], [outputs][8] */
} lanes;

static lanes lanes_of(const tame_map *m, const tame_step *s, int64_t first)
{
  const int64_t left = s->batch - first;
  return (lanes){left < TAME_TILE ? left : TAME_TILE, s->spare, s->spare + TAME_TILE * m->inputs};
}

static void sparse_run(const tame_map *m, const tame_step *s, const double *w, const double *x,
                       double *y)
{
  for (int64_t b = 0; b < s->batch; b += TAME_TILE) {
    const lanes l = lanes_of(m, s, b);
    into_lanes(m->inputs, l.samples, x + b * m->inputs, l.x);
    tame_clear(TAME_TILE * m->outputs, l.y);
    m->kernels->sparse_run((size_t)m->outputs, m->synapses->start, m->synapses->source, w, l.x,
                           l.y);
    add_from_lanes(m->outputs, l.samples, l.y, y + b * m->outputs);
  }
}

static void sparse_back(const tame_map *m, const tame_step *s, const double *w, const double *dy,
                        double *dx)
{
  for (int64_t b = 0; b < s->batch; b += TAME_TILE) {
    const lanes l = lanes_of(m, s, b);
    into_lanes(m->outputs, l.samples, dy + b * m->outputs, l.y);
    tame_clear(TAME_TILE * m->inputs, l.x);
    m->kernels->sparse_back((size_t)m->outputs, m->synapses->start, m->synapses->source, w, l.y,
                            l.x);
    add_from_lanes(m->inputs, l.samples, l.x, dx + b * m->inputs);
  }
}

static void sparse_slope(const tame_map *m, const tame_step *s, const double *x, const double *dy,
                         double *dw)
{
  for (int64_t b = 0; b < s->batch; b += TAME_TILE) {
    const lanes l = lanes_of(m, s, b);
    into_lanes(m->inputs, l.samples, x + b * m->inputs, l.x);
    into_lanes(m->outputs, l.samples, dy + b * m->outputs, l.y);
    m->kernels->sparse_slope((size_t)m->outputs, m->synapses->start, m->synapses->source, l.y, l.x,
                             dw);
  }
}

/* ---- y += x W' ------------------------------------------------------------------------------- */

static double product(const tame_map *m, const double *w, const double *x)
{
  if (m->inputs >= 16) return m->kernels->dot((size_t)m->inputs, w, x);
  double sum = 0;
  for (int64_t i = 0; i < m->inputs; i++) sum += w[i] * x[i];
  return sum;
}

/* w_turned: [inputs][outputs], or NULL. */
static void run(const tame_map *m, const tame_step *s, const double *w, const double *w_turned,
                const double *x, double *y)
{
  const int in = (int)m->inputs, out = (int)m->outputs;
  if (is_large(m, s->batch)) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, w_turned ? CblasNoTrans : CblasTrans, (int)s->batch,
                out, in, 1, x, in, w_turned ? w_turned : w, w_turned ? out : in, 1, y, out);
  } else if (m->synapses) {
    sparse_run(m, s, w, x, y);
  } else {
    for (int64_t b = 0; b < s->batch; b++)
      for (int64_t o = 0; o < out; o++) y[b * out + o] += product(m, w + o * in, x + b * in);
  }
}

void tame_map_run(const tame_map *m, const tame_step *s, const double *x, double *y)
{
  run(m, s, s->slab + m->first, s->turned ? s->turned + m->first : NULL, x, y);
}

void tame_map_run_along(const tame_map *m, const tame_step *s, const double *slab, const double *x,
                        double *y)
{
  run(m, s, slab + m->first, NULL, x, y);
}

/* ---- dx += dy W ------------------------------------------------------------------------------ */

void tame_map_back(const tame_map *m, const tame_step *s, const double *dy, double *dx)
{
  const double *w = s->slab + m->first;
  const int in = (int)m->inputs, out = (int)m->outputs;
  if (is_large(m, s->batch)) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)s->batch, in, out, 1, dy, out, w,
                in, 1, dx, in);
  } else if (m->synapses) {
    sparse_back(m, s, w, dy, dx);
  } else {
    for (int64_t b = 0; b < s->batch; b++)
      for (int64_t o = 0; o < out; o++)
        m->kernels->add_scaled((size_t)in, dy[b * out + o], w + o * in, dx + b * in);
  }
}

/* ---- dslab += dy' x -------------------------------------------------------------------------- */

void tame_map_slope(const tame_map *m, const tame_step *s, const double *x, const double *dy,
                    double *dslab)
{
  double *dw = dslab + m->first;
  const int in = (int)m->inputs, out = (int)m->outputs;
  if (is_large(m, s->batch)) {
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, out, in, (int)s->batch, 1, dy, out, x, in,
                1, dw, in);
  } else if (m->synapses) {
    sparse_slope(m, s, x, dy, dw);
  } else {
    for (int64_t b = 0; b < s->batch; b++)
      for (int64_t o = 0; o < out; o++)
        m->kernels->add_scaled((size_t)in, dy[b * out + o], x + b * in, dw + o * in);
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
  tame_map_slope(&a->map, s, x, dy, dslab);
  if (a->bias >= 0) tame_bias_slope(a->map.outputs, s->batch, dy, dslab + a->bias);
  if (dx) tame_map_back(&a->map, s, dy, dx);
}

void tame_affine_jvp(const tame_affine *a, const tame_step *s, const double *x, const double *tslab,
                     const double *tx, double *ty)
{
  tame_bias_run(a->map.outputs, s->batch, a->bias < 0 ? NULL : tslab + a->bias, ty);
  tame_map_run_along(&a->map, s, tslab, x, ty);
  tame_map_run(&a->map, s, tx, ty);
}

void tame_clear(int64_t n, double *x)
{
  if (x) memset(x, 0, (size_t)n * sizeof *x);
}
