/* Losses `mse` and `poisson`: a target for each output at each step. */
#include "gradient/tables.h"

#include <math.h>

typedef struct pointwise_params {
  tame_loss_params loss;
} pointwise_params;

static const tame_field fields[] = {TAME_LOSS_AVERAGE(pointwise_params), {0}};

static void shape(const void *params, int64_t steps, int64_t outputs, int64_t *target_steps,
                  int64_t *width)
{
  (void)params;
  *target_steps = steps;
  *width = outputs;
}

/* The loss of one output, and its derivative. */
typedef double at_one(double y, double target, double *dy);

static void run(const tame_sequences_view *v, const double *weight, at_one *one, double *value,
                double *dy)
{
  const int64_t n = v->outputs;
  for (int64_t b = 0; b < v->batch; b++) {
    value[b] = 0;
    for (int64_t t = 0; t < v->steps; t++)
      for (int64_t o = 0; o < n; o++) {
        const int64_t at = (t * v->batch + b) * n + o;
        dy[at] = 0;
        if (isnan(v->target[at])) continue;
        value[b] += one(v->y[at], v->target[at], &dy[at]);
        dy[at] *= weight[b];
      }
    value[b] *= weight[b];
  }
}

static double square(double y, double target, double *dy)
{
  const double e = y - target;
  *dy = 2 * e;
  return e * e;
}

static double poisson(double y, double target, double *dy)
{
  const double rate = exp(y);
  *dy = rate - target;
  return rate - target * y;
}

static void run_mse(const void *params, const tame_sequences_view *view, const double *weight,
                    double *value, double *dy)
{
  (void)params;
  run(view, weight, square, value, dy);
}

static void run_poisson(const void *params, const tame_sequences_view *view, const double *weight,
                        double *value, double *dy)
{
  (void)params;
  run(view, weight, poisson, value, dy);
}

static void curve_mse(const void *params, const tame_sequences_view *v, const double *weight,
                      const double *ty, double *dy)
{
  (void)params;
  for (int64_t k = 0; k < v->steps * v->batch * v->outputs; k++)
    dy[k] = isnan(v->target[k]) ? 0 : weight[k / v->outputs % v->batch] * 2 * ty[k];
}

static void curve_poisson(const void *params, const tame_sequences_view *v, const double *weight,
                          const double *ty, double *dy)
{
  (void)params;
  for (int64_t k = 0; k < v->steps * v->batch * v->outputs; k++)
    dy[k] = isnan(v->target[k]) ? 0 : weight[k / v->outputs % v->batch] * exp(v->y[k]) * ty[k];
}

static bool is_count(int64_t outputs, double target)
{
  (void)outputs;
  return target >= 0 && !isinf(target);
}

extern const tame_loss_kind tame_loss_mse, tame_loss_poisson;
const tame_loss_kind tame_loss_mse = {
    .head = {.name = "mse",
             .doc = "mean of (y - target)^2",
             .params = {.size = sizeof(pointwise_params), .fields = fields}},
    .shape = shape,
    .run = run_mse,
    .curve = curve_mse,
};
const tame_loss_kind tame_loss_poisson = {
    .head = {.name = "poisson",
             .doc = "mean of exp(y) - target y: y is the logarithm of a rate, the target a count",
             .params = {.size = sizeof(pointwise_params), .fields = fields}},
    .shape = shape,
    .may_be = is_count,
    .run = run_poisson,
    .curve = curve_poisson,
};
