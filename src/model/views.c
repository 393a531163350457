/* Views of the slab: where numbers are, how they start, what they must keep to; see tame/model.h,
 * layer.h. */
#include "base/memory.h"
#include "model/layer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *const tame_weight_inits[] = {"torch",          "xavier_uniform", "xavier_normal",
                                         "kaiming_normal", "orthogonal",     NULL};

int64_t tame_layer_add(tame_layer *layer, tame_view view, const char *name)
{
  assert(layer->views < TAME_MAX_VIEWS);
  snprintf(view.name, sizeof view.name, "%s", name);
  view.first = layer->count;
  view.count = view.synapses ? view.synapses->count : view.rows * view.columns;
  layer->view[layer->views++] = view;
  layer->count += view.count;
  return view.first;
}

tame_view tame_weights_view(const tame_weight_params *p, int64_t rows, int64_t columns, int64_t n,
                            bool recurrent)
{
  tame_view view = {.rows = rows, .columns = columns};
  const double fans = (double)(rows + columns);
  double bound = sqrt(6 / fans);
  switch ((tame_weight_init)p->init) {
    case TAME_WEIGHTS_TORCH: bound = sqrt(1 / (double)n); break;
    case TAME_WEIGHTS_XAVIER_UNIFORM: break;
    case TAME_WEIGHTS_XAVIER_NORMAL:
      view.init = TAME_INIT_NORMAL;
      view.a = p->gain * sqrt(2 / fans);
      return view;
    case TAME_WEIGHTS_KAIMING_NORMAL:
      view.init = TAME_INIT_NORMAL;
      view.a = p->gain * sqrt(1 / (double)columns);
      return view;
    case TAME_WEIGHTS_ORTHOGONAL:
      if (!recurrent) break;
      view.init = TAME_INIT_ORTHOGONAL;
      view.a = p->gain;
      return view;
  }
  view.a = -bound * p->gain;
  view.b = bound * p->gain;
  return view;
}

tame_view tame_bias_view(const tame_weight_params *p, int64_t count, int64_t n)
{
  const double bound = p->init == TAME_WEIGHTS_TORCH ? sqrt(1 / (double)n) : 0;
  return (tame_view){.rows = 1, .columns = count, .a = -bound, .b = bound};
}

/* The unit that synapse k reaches. */
static int64_t destination(const tame_synapses *s, int64_t k)
{
  int64_t low = 0, high = s->destinations; /* start[low] <= k < start[high] */
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    if (s->start[middle] <= k) low = middle;
    else high = middle;
  }
  return low;
}

void tame_view_place(const tame_view *v, int64_t k, int64_t *row, int64_t *column)
{
  *row = k / v->columns;
  *column = k % v->columns;
  if (!v->synapses) return;
  const int64_t from = v->synapses->source[k], to = destination(v->synapses, k);
  *row = v->rows_are_sources ? from : to;
  *column = v->rows_are_sources ? to : from;
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* Standard deviation of a normal number that is drawn again while it is beyond 2. */
#define CUT_SD 0.87962566103423978

static double cut_normal(uint64_t seed, uint32_t row, uint32_t column, uint32_t which)
{
  for (uint32_t trial = 0; trial < 128; trial++) {
    const double z = tame_normal(seed, TAME_DRAW_PARAMETER, row, column, which + trial);
    if (fabs(z) <= 2) return z / CUT_SD;
  }
  return 0; /* once in 1e171 */
}

/* Columns of a [rows][columns], rows >= columns, made orthonormal one after the other; element (i,
 * j) at [i * down + j * along]. Twice, as the first pass leaves what rounding made. */
static void orthonormalize(int64_t rows, int64_t columns, int64_t down, int64_t along, double *a)
{
  for (int64_t j = 0; j < columns; j++)
    for (int pass = 0; pass < 2; pass++) {
      double square = 0;
      for (int64_t k = 0; k < j; k++) {
        double sum = 0;
        for (int64_t i = 0; i < rows; i++) sum += a[i * down + j * along] * a[i * down + k * along];
        for (int64_t i = 0; i < rows; i++) a[i * down + j * along] -= sum * a[i * down + k * along];
      }
      for (int64_t i = 0; i < rows; i++)
        square += a[i * down + j * along] * a[i * down + j * along];
      for (int64_t i = 0; i < rows; i++) a[i * down + j * along] /= sqrt(square);
    }
}

static void draw_orthogonal(const tame_view *v, double *at)
{
  if (v->rows >= v->columns) orthonormalize(v->rows, v->columns, v->columns, 1, at);
  else orthonormalize(v->columns, v->rows, 1, v->columns, at);
  for (int64_t k = 0; k < v->count; k++) at[k] *= v->a;
}

static double drawn(const tame_view *v, int64_t k, uint64_t seed, uint32_t which)
{
  int64_t i, j;
  tame_view_place(v, k, &i, &j);
  const uint32_t row = (uint32_t)i, column = (uint32_t)j;
  switch (v->init) {
    case TAME_INIT_UNIFORM: break;
    case TAME_INIT_SIGN: return v->synapses->sign[k];
    case TAME_INIT_NORMAL: return v->a * cut_normal(seed, row, column, which);
    case TAME_INIT_ORTHOGONAL: return tame_normal(seed, TAME_DRAW_PARAMETER, row, column, which);
  }
  const double u = tame_uniform(seed, TAME_DRAW_PARAMETER, row, column, which);
  return v->a == v->b ? v->a : v->a + (v->b - v->a) * u;
}

void tame_view_draw(const tame_view *v, uint64_t seed, uint32_t which, double *slab)
{
  double *at = slab + v->first;
  for (int64_t k = 0; k < v->count; k++) at[k] = drawn(v, k, seed, 128 * which);
  if (v->init == TAME_INIT_ORTHOGONAL) draw_orthogonal(v, at);
  for (int64_t k = 0; v->limit == TAME_LIMIT_SIGN && k < v->count; k++)
    at[k] = fabs(at[k]) * v->synapses->sign[k];
}

void tame_view_constrain(const tame_view *v, double *slab)
{
  double *at = slab + v->first;
  if (v->limit == TAME_LIMIT_NONE) return;
  for (int64_t k = 0; k < v->count; k++) {
    const double sign = v->limit == TAME_LIMIT_SIGN ? v->synapses->sign[k] : 1;
    if (at[k] * sign < 0) at[k] = 0;
  }
}
