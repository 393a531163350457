/* Signal `peak`: a Gaussian bump at a moment, as a timed response. */
#include "task/tables.h"

#include <math.h>

typedef struct peak_params {
  int64_t channel;
  double time_ms, width_ms, amplitude, baseline;
} peak_params;

#define AT(member) .offset = offsetof(peak_params, member)
static const tame_field fields[] = {
    TAME_FIELD_CHANNEL(peak_params, "which one"),
    {"time_ms", TAME_REAL, AT(time_ms), .max = 1e12, .doc = "moment of the peak"},
    {"width_ms", TAME_REAL, AT(width_ms), .fallback = "30", .min = 1e-6, .max = 1e12,
     .doc = "where it has fallen to 1/e"},
    {"amplitude", TAME_REAL, AT(amplitude), .fallback = "1", .doc = "height"},
    {"baseline", TAME_REAL, AT(baseline), .fallback = "0",
     .doc = "value all through the trial, below the peak"},
    {0}};
#undef AT

static tame_status check(const void *params, double dt_ms, const tame_samples *shape,
                         const char **key)
{
  const peak_params *p = params;
  *key = "channel";
  tame_status status = tame_check_channel(p->channel, shape);
  if (status != TAME_OK) return status;
  *key = "time_ms";
  return tame_check_span(p->time_ms, 0, dt_ms, shape);
}

static void sample(const void *params, double dt_ms, const tame_samples *out)
{
  const peak_params *p = params;
  for (int64_t t = 0; t < out->steps; t++) {
    const double d = ((double)t * dt_ms - p->time_ms) / p->width_ms;
    out->at[t * out->channels + p->channel] += p->baseline + p->amplitude * exp(-d * d);
  }
}

extern const tame_signal tame_signal_peak;
const tame_signal tame_signal_peak = {
    .head = {.name = "peak",
             .doc = "baseline + amplitude exp(-((t - time_ms)/width_ms)^2)",
             .params = {.size = sizeof(peak_params), .fields = fields}},
    .check = check,
    .sample = sample,
};
