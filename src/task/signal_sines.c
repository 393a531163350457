/* Signal `sines`: a sum of sine waves. */
#include "task/tables.h"

#include <math.h>

typedef struct sines_params {
  int64_t channel;
  double start_ms, duration_ms; /* duration NaN: to the end of the trial */
  tame_reals amplitudes, frequencies_hz, phases_rad;
} sines_params;

#define AT(member) .offset = offsetof(sines_params, member)
static const tame_field fields[] = {
    TAME_FIELD_CHANNEL(sines_params, "which one"),
    {"start_ms", TAME_REAL, AT(start_ms), .fallback = "0", .max = 1e12,
     .doc = "first moment, where t of the sines is 0"},
    {"duration_ms", TAME_REAL, AT(duration_ms), .fallback = "", .min = 1e-6, .max = 1e12,
     .doc = "length; default: to the end of the trial"},
    {"amplitudes", TAME_REALS, AT(amplitudes), .doc = "A_k"},
    {"frequencies_hz", TAME_REALS, AT(frequencies_hz), .doc = "f_k"},
    {"phases_rad", TAME_REALS, AT(phases_rad), .fallback = "", .doc = "phi_k; default: 0"},
    {0}};
#undef AT

static tame_status check_count(const tame_reals *list, int64_t want)
{
  if (list->count == want) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "found %lld numbers, want %lld, one for each amplitude",
                   (long long)list->count, (long long)want);
}

static tame_status check(const void *params, double dt_ms, const tame_samples *shape,
                         const char **key)
{
  const sines_params *p = params;
  *key = "channel";
  tame_status status = tame_check_channel(p->channel, shape);
  if (status != TAME_OK) return status;
  *key = "start_ms";
  status = tame_check_span(p->start_ms, isnan(p->duration_ms) ? 0 : p->duration_ms, dt_ms, shape);
  if (status != TAME_OK) return status;
  *key = "frequencies_hz";
  status = check_count(&p->frequencies_hz, p->amplitudes.count);
  if (status != TAME_OK || p->phases_rad.count == 0) return status;
  *key = "phases_rad";
  return check_count(&p->phases_rad, p->amplitudes.count);
}

static void sample(const void *params, double dt_ms, const tame_samples *out)
{
  const sines_params *p = params;
  const int64_t first = tame_task_steps(p->start_ms, dt_ms);
  const int64_t last = isnan(p->duration_ms) ? out->steps
                                             : tame_task_steps(p->start_ms + p->duration_ms, dt_ms);
  for (int64_t t = first; t < last; t++) {
    const double seconds = ((double)t * dt_ms - p->start_ms) * 1e-3;
    for (int64_t k = 0; k < p->amplitudes.count; k++) {
      const double phase = p->phases_rad.count ? p->phases_rad.at[k] : 0;
      out->at[t * out->channels + p->channel] +=
          p->amplitudes.at[k] *
          sin(2 * 3.14159265358979323846 * p->frequencies_hz.at[k] * seconds + phase);
    }
  }
}

extern const tame_signal tame_signal_sines;
const tame_signal tame_signal_sines = {
    .head = {.name = "sines",
             .doc = "sum over k of A_k sin(2 pi f_k (t - start) + phi_k)",
             .params = {.size = sizeof(sines_params), .fields = fields}},
    .check = check,
    .sample = sample,
};
