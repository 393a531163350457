/* Signal `pulse`: a constant for a while. */
#include "task/tables.h"

typedef struct pulse_params {
  int64_t channel;
  double start_ms, duration_ms, amplitude;
} pulse_params;

#define AT(member) .offset = offsetof(pulse_params, member)
static const tame_field fields[] = {
    TAME_FIELD_CHANNEL(pulse_params, "which one"),
    {"start_ms", TAME_REAL, AT(start_ms), .max = 1e12, .doc = "first moment"},
    {"duration_ms", TAME_REAL, AT(duration_ms), .min = 1e-6, .max = 1e12, .doc = "length"},
    {"amplitude", TAME_REAL, AT(amplitude), .fallback = "1", .doc = "value"},
    {0}};
#undef AT

static tame_status check(const void *params, double dt_ms, const tame_samples *shape,
                         const char **key)
{
  const pulse_params *p = params;
  *key = "channel";
  tame_status status = tame_check_channel(p->channel, shape);
  if (status != TAME_OK) return status;
  *key = "start_ms";
  return tame_check_span(p->start_ms, p->duration_ms, dt_ms, shape);
}

static void sample(const void *params, double dt_ms, const tame_samples *out)
{
  const pulse_params *p = params;
  const int64_t first = tame_task_steps(p->start_ms, dt_ms);
  const int64_t last = tame_task_steps(p->start_ms + p->duration_ms, dt_ms);
  for (int64_t t = first; t < last; t++) out->at[t * out->channels + p->channel] += p->amplitude;
}

extern const tame_signal tame_signal_pulse;
const tame_signal tame_signal_pulse = {
    .head = {.name = "pulse",
             .doc = "amplitude for start_ms <= t < start_ms + duration_ms",
             .params = {.size = sizeof(pulse_params), .fields = fields}},
    .check = check,
    .sample = sample,
};
