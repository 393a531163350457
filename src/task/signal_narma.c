/* Signal `narma`: nonlinear autoregressive moving average of the series that `random` gives with the same seed,
 * series, limits and hold,
 *
 *     y(k+1) = f(a y(k) + b y(k) sum_{i<n} y(k-i) + c u(k-n+1) u(k) + d),   f(x) = x or tanh(x),
 *
 * y and u being 0 up to time 0; sample k is y(k+1), what u(k) has led to. Atiya & Parlos (2000), IEEE Trans. Neural
 * Netw. 11:697-709, doi:10.1109/72.846741. Without tanh it may diverge, the sooner the longer the series and the
 * higher the order: that is refused. */
#include "task/tables.h"

#include <math.h>

enum { MOST = 100 /* order */ };

typedef struct narma_params {
  int64_t channel, order;
  tame_reals coefficients;
  bool tanh;
  double low, high;
  int64_t seed, series, hold, shift;
} narma_params;

#define AT(member) .offset = offsetof(narma_params, member)
static const tame_field fields[] = {
    TAME_FIELD_CHANNEL(narma_params, "which one"),
    {"order", TAME_INT, AT(order), .fallback = "10", .min = 1, .max = MOST, .doc = "n"},
    {"coefficients", TAME_REALS, AT(coefficients), .fallback = "[0.3, 0.05, 1.5, 0.1]",
     .doc = "a, b, c, d; for order 20 [0.3, 0.05, 1.5, 0.01] is usual, and tanh"},
    {"tanh", TAME_BOOL, AT(tanh), .fallback = "off", .doc = "f = tanh, which keeps y bounded"},
    {"low", TAME_REAL, AT(low), .fallback = "0", .doc = "least u"},
    {"high", TAME_REAL, AT(high), .fallback = "0.5", .doc = "largest u"},
    {"seed", TAME_INT, AT(seed), .fallback = "1", .max = 9007199254740992.0, .doc = "of u"},
    {"series", TAME_INT, AT(series), .fallback = "0", .max = 1e9, .doc = "of u"},
    {"hold", TAME_INT, AT(hold), .fallback = "1", .min = 1, .max = 1e9,
     .doc = "steps that each number of u and y lasts"},
    TAME_FIELD_SHIFT(narma_params),
    {0}};
#undef AT

/* The last n numbers, that of k at place k mod n. */
typedef struct past {
  double u[MOST], y[MOST];
} past;

/* y(k+1), with u(k) drawn and both kept. */
static double advance(const narma_params *p, past *at, int64_t k)
{
  const double *c = p->coefficients.at;
  const int64_t n = p->order;
  const double y = at->y[k % n];
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += at->y[(k + n - i) % n];
  at->u[k % n] = p->low + (p->high - p->low) * tame_uniform((uint64_t)p->seed, TAME_DRAW_SIGNAL,
                                                            (uint32_t)p->series, (uint32_t)k, 0);
  const double x = c[0] * y + c[1] * y * sum + c[2] * at->u[(k + 1) % n] * at->u[k % n] + c[3];
  return at->y[(k + 1) % n] = p->tanh ? tanh(x) : x;
}

/* Add the series to out, or only look at it where there is no room: the first number that is beyond all bounds;
 * -1: none is. */
static int64_t run(const narma_params *p, const tame_samples *out)
{
  past at = {.u = {0}};
  double y = 0;
  for (int64_t t = -p->shift; t < out->steps; t++) {
    const int64_t step = t + p->shift;
    if (step % p->hold == 0) y = advance(p, &at, step / p->hold);
    if (!(fabs(y) < 1e6)) return step / p->hold;
    if (out->at && t >= 0) out->at[t * out->channels + p->channel] += y;
  }
  return -1;
}

static tame_status check(const void *params, double dt_ms, const tame_samples *shape,
                         const char **key)
{
  const narma_params *p = params;
  (void)dt_ms;
  *key = "channel";
  const tame_status status = tame_check_channel(p->channel, shape);
  if (status != TAME_OK) return status;
  *key = "coefficients";
  if (p->coefficients.count != 4)
    return tame_fail(TAME_ERR_INPUT, "found %lld numbers, want a, b, c and d",
                     (long long)p->coefficients.count);
  *key = "high";
  if (!(p->low < p->high))
    return tame_fail(TAME_ERR_INPUT, "found low = %g and high = %g, want low < high", p->low,
                     p->high);
  *key = "order";
  const int64_t bad = run(p, &(tame_samples){NULL, shape->steps, shape->channels});
  if (bad < 0) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT,
                   "found %lld, with which y diverges at number %lld; `tanh: on` keeps it bounded, "
                   "another seed or smaller coefficients may help",
                   (long long)p->order, (long long)bad);
}

static void sample(const void *params, double dt_ms, const tame_samples *out)
{
  (void)dt_ms;
  (void)run(params, out);
}

extern const tame_signal tame_signal_narma;
const tame_signal tame_signal_narma = {
    .head = {.name = "narma",
             .doc = "y(k+1) = a y(k) + b y(k) sum_{i<n} y(k-i) + c u(k-n+1) u(k) + d, u being "
                    "`random` of the same seed",
             .params = {.size = sizeof(narma_params), .fields = fields}},
    .check = check,
    .sample = sample,
};
