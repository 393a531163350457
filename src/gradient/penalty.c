/* Penalties and clipping; see tame/gradient.h. */
#include "tame/gradient.h"

#include <math.h>

static const char *const ons[] = {"weights", "all", NULL};

#define AT(member) .offset = offsetof(tame_penalties, member)
static const tame_field fields[] = {
    {"weights_l1", TAME_REAL, AT(weights_l1), .fallback = "0", .min = 0, .max = 1e9,
     .doc = "factor of the sum of |weight|"},
    {"weights_l2", TAME_REAL, AT(weights_l2), .fallback = "0", .min = 0, .max = 1e9,
     .doc = "factor of the sum of weight^2"},
    {"on", TAME_CHOICE, AT(on), .fallback = "weights", .choices = ons,
     .doc = "what those are summed over: weights of synapses, or all parameters"},
    {"rates_l1", TAME_REAL, AT(rates_l1), .fallback = "0", .min = 0, .max = 1e9,
     .doc = "factor of the sum of |rate| of all layers but the last, in the mean of steps and "
            "samples"},
    {"rates_l2", TAME_REAL, AT(rates_l2), .fallback = "0", .min = 0, .max = 1e9,
     .doc = "the same for rate^2"},
    {0}};
const tame_schema tame_penalties_schema = {sizeof(tame_penalties), fields};

static double penalize(const tame_penalties *p, int64_t n, const double *theta, double *gradient)
{
  double sum = 0;
  for (int64_t k = 0; k < n; k++) {
    const double w = theta[k];
    sum += p->weights_l1 * fabs(w) + p->weights_l2 * w * w;
    if (gradient) gradient[k] += p->weights_l1 * ((w > 0) - (w < 0)) + 2 * p->weights_l2 * w;
  }
  return sum;
}

double tame_penalties_weights(const tame_penalties *p, const tame_model *model, const double *slab,
                              double *gradient)
{
  const tame_view *view;
  const int64_t views = tame_model_views(model, &view);
  double sum = 0;
  if (p->weights_l1 == 0 && p->weights_l2 == 0) return 0;
  for (int64_t k = 0; k < views; k++)
    if (p->on == 1 || view[k].weight)
      sum += penalize(p, view[k].count, slab + view[k].first,
                      gradient ? gradient + view[k].first : NULL);
  return sum;
}

void tame_penalties_product(const tame_penalties *p, const tame_model *model, const double *v,
                            double *out)
{
  const tame_view *view;
  const int64_t views = tame_model_views(model, &view);
  for (int64_t k = 0; k < views && p->weights_l2 != 0; k++)
    for (int64_t i = view[k].first; i < view[k].first + view[k].count; i++)
      if (p->on == 1 || view[k].weight) out[i] += 2 * p->weights_l2 * v[i];
}

/* ---- clipping -------------------------------------------------------------------------------- */

static const tame_field clipping_fields[] = {
    {"value", TAME_REAL, .offset = offsetof(tame_clipping, value), .fallback = "", .min = 0,
     .max = 1e300, .doc = "limit of each number's size; none: no limit"},
    {"norm", TAME_REAL, .offset = offsetof(tame_clipping, norm), .fallback = "", .min = 0,
     .max = 1e300, .doc = "limit of the gradient's norm; none: no limit"},
    {0}};
const tame_schema tame_clipping_schema = {sizeof(tame_clipping), clipping_fields};

double tame_clip(const tame_clipping *clipping, int64_t count, double *gradient)
{
  double before = 0, after = 0;
  for (int64_t k = 0; k < count; k++) {
    before += gradient[k] * gradient[k];
    if (!isnan(clipping->value))
      gradient[k] = fmin(fmax(gradient[k], -clipping->value), clipping->value);
    after += gradient[k] * gradient[k];
  }
  const double factor = clipping->norm / (sqrt(after) + 1e-6);
  if (factor < 1) /* not so for NaN */
    for (int64_t k = 0; k < count; k++) gradient[k] *= factor;
  return sqrt(before);
}
