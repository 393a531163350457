/* Loss `cross_entropy`: log sum exp(m) - m[class], m the outputs at each step, or of the whole
 * sequence their maxima over time, means, or those of the last step. The gradient of a maximum goes
 * to the steps that have it, in equal parts. */
#include "gradient/tables.h"

#include <math.h>

typedef struct cross_params {
  tame_loss_params loss;
  int over;
} cross_params;

static const char *const overs[] = {"steps", "max", "mean", "last", NULL};
enum { STEPS, MAX, MEAN, LAST };

static const tame_field fields[] = {
    {"over", TAME_CHOICE, .offset = offsetof(cross_params, over), .fallback = "steps",
     .choices = overs,
     .doc = "a class at each step, or one for the maximum, the mean or the last of all steps"},
    TAME_LOSS_AVERAGE(cross_params),
    {0}};

static void shape(const void *params, int64_t steps, int64_t outputs, int64_t *target_steps,
                  int64_t *width)
{
  (void)outputs;
  *target_steps = ((const cross_params *)params)->over == STEPS ? steps : 1;
  *width = 1;
}

static bool is_class(int64_t outputs, double target)
{
  return target >= 0 && target < (double)outputs && floor(target) == target;
}

/* Steps and values of one output of one sample: y[t * stride]. */
static double pool(int over, int64_t steps, int64_t stride, const double *y)
{
  double m = over == MEAN ? 0 : y[0];
  if (over == LAST) return y[(steps - 1) * stride];
  for (int64_t t = 0; t < steps; t++) {
    if (over == MEAN) m += y[t * stride];
    else if (y[t * stride] > m) m = y[t * stride];
  }
  return over == MEAN ? m / (double)steps : m;
}

static void pool_vjp(int over, int64_t steps, int64_t stride, const double *y, double m, double dm,
                     double *dy)
{
  int64_t ties = 0;
  for (int64_t t = 0; t < steps; t++) ties += over == MAX && y[t * stride] == m;
  for (int64_t t = 0; t < steps; t++) {
    if (over == MAX) dy[t * stride] = y[t * stride] == m ? dm / (double)ties : 0;
    else if (over == MEAN) dy[t * stride] = dm / (double)steps;
    else dy[t * stride] = t + 1 == steps ? dm : 0;
  }
}

/* A class for `steps` steps of one sample; the loss without its weight. */
static double run_one(int over, const tame_sequences_view *v, int64_t steps, const double *y,
                      double class, double weight, double *dy)
{
  const int64_t stride = v->batch * v->outputs, n = v->outputs;
  const bool there = is_class(n, class); /* others have been refused, or are not there */
  double most = -INFINITY, sum = 0;
  for (int64_t o = 0; o < n; o++) most = fmax(most, pool(over, steps, stride, y + o));
  for (int64_t o = 0; o < n; o++) sum += exp(pool(over, steps, stride, y + o) - most);
  for (int64_t o = 0; o < n; o++) {
    const double m = pool(over, steps, stride, y + o), share = exp(m - most) / sum;
    const double dm = there ? weight * (share - (o == (int64_t) class)) : 0;
    pool_vjp(over, steps, stride, y + o, m, dm, dy + o);
  }
  return there ? most + log(sum) - pool(over, steps, stride, y + (int64_t) class) : 0;
}

static void run(const void *params, const tame_sequences_view *v, const double *weight,
                double *value, double *dy)
{
  const int over = ((const cross_params *)params)->over;
  const int64_t times = over == STEPS ? v->steps : 1, steps = over == STEPS ? 1 : v->steps;
  for (int64_t b = 0; b < v->batch; b++) {
    value[b] = 0;
    for (int64_t t = 0; t < times; t++) {
      const int64_t at = (t * v->batch + b) * v->outputs;
      value[b] += run_one(over == STEPS ? LAST : over, v, steps, v->y + at,
                          v->target[t * v->batch + b], weight[b], dy + at);
    }
    value[b] *= weight[b];
  }
}

/* Is a class that of the largest output? */
static bool hit(int over, const tame_sequences_view *v, int64_t steps, const double *y,
                double class)
{
  const int64_t stride = v->batch * v->outputs;
  int64_t best = 0;
  for (int64_t o = 1; o < v->outputs; o++)
    if (pool(over, steps, stride, y + o) > pool(over, steps, stride, y + best)) best = o;
  return class == (double)best;
}

static void count_hits(const void *params, const tame_sequences_view *v, int64_t *hits)
{
  const int over = ((const cross_params *)params)->over;
  const int64_t times = over == STEPS ? v->steps : 1, steps = over == STEPS ? 1 : v->steps;
  for (int64_t b = 0; b < v->batch; b++) {
    hits[b] = 0;
    for (int64_t t = 0; t < times; t++)
      hits[b] += hit(over == STEPS ? LAST : over, v, steps, v->y + (t * v->batch + b) * v->outputs,
                     v->target[t * v->batch + b]);
  }
}

/* The derivative of pool() along ty. */
static double pool_jvp(int over, int64_t steps, int64_t stride, const double *y, double m,
                       const double *ty)
{
  int64_t ties = 0;
  double sum = 0;
  if (over == LAST) return ty[(steps - 1) * stride];
  for (int64_t t = 0; t < steps; t++) {
    if (over == MAX && y[t * stride] != m) continue;
    sum += ty[t * stride];
    ties++;
  }
  return sum / (double)ties;
}

/* dm = w (p tm - p (p . tm)), p the shares of the classes. */
static void curve_one(int over, const tame_sequences_view *v, int64_t steps, const double *y,
                      double weight, const double *ty, double *dy)
{
  const int64_t stride = v->batch * v->outputs, n = v->outputs;
  double most = -INFINITY, sum = 0, along = 0;
  for (int64_t o = 0; o < n; o++) most = fmax(most, pool(over, steps, stride, y + o));
  for (int64_t o = 0; o < n; o++) {
    const double m = pool(over, steps, stride, y + o), power = exp(m - most);
    sum += power;
    along += power * pool_jvp(over, steps, stride, y + o, m, ty + o);
  }
  for (int64_t o = 0; o < n; o++) {
    const double m = pool(over, steps, stride, y + o), share = exp(m - most) / sum,
                 tm = pool_jvp(over, steps, stride, y + o, m, ty + o);
    pool_vjp(over, steps, stride, y + o, m, weight * share * (tm - along / sum), dy + o);
  }
}

static void curve(const void *params, const tame_sequences_view *v, const double *weight,
                  const double *ty, double *dy)
{
  const int over = ((const cross_params *)params)->over;
  const int64_t times = over == STEPS ? v->steps : 1, steps = over == STEPS ? 1 : v->steps;
  for (int64_t b = 0; b < v->batch; b++)
    for (int64_t t = 0; t < times; t++) {
      const int64_t at = (t * v->batch + b) * v->outputs;
      const bool there = is_class(v->outputs, v->target[t * v->batch + b]);
      curve_one(over == STEPS ? LAST : over, v, steps, v->y + at, there ? weight[b] : 0, ty + at,
                dy + at);
    }
}

extern const tame_loss_kind tame_loss_cross_entropy;
const tame_loss_kind tame_loss_cross_entropy = {
    .head = {.name = "cross_entropy",
             .doc = "mean of log sum exp(y) - y[class], at each step or over all of them",
             .params = {.size = sizeof(cross_params), .fields = fields}},
    .shape = shape,
    .may_be = is_class,
    .run = run,
    .curve = curve,
    .hits = count_hits,
};
