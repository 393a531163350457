/* Signal `chirp`: a sine wave whose frequency rises or falls evenly. */
#include "task/tables.h"

#include <math.h>

typedef struct chirp_params {
  int64_t channel;
  double start_ms, duration_ms, amplitude, from_hz, to_hz, phase_rad;
} chirp_params;

#define AT(member) .offset = offsetof(chirp_params, member)
static const tame_field fields[] = {
    TAME_FIELD_CHANNEL(chirp_params, "which one"),
    {"start_ms", TAME_REAL, AT(start_ms), .fallback = "0", .max = 1e12, .doc = "first moment"},
    {"duration_ms", TAME_REAL, AT(duration_ms), .min = 1e-6, .max = 1e12, .doc = "T, its length"},
    {"amplitude", TAME_REAL, AT(amplitude), .fallback = "1", .doc = "A"},
    {"from_hz", TAME_REAL, AT(from_hz), .max = 1e9, .doc = "frequency f at the start"},
    {"to_hz", TAME_REAL, AT(to_hz), .max = 1e9, .doc = "frequency g at the end"},
    {"phase_rad", TAME_REAL, AT(phase_rad), .fallback = "0", .doc = "phi, at the start"},
    {0}};
#undef AT

static tame_status check(const void *params, double dt_ms, const tame_samples *shape,
                         const char **key)
{
  const chirp_params *p = params;
  *key = "channel";
  const tame_status status = tame_check_channel(p->channel, shape);
  if (status != TAME_OK) return status;
  *key = "start_ms";
  return tame_check_span(p->start_ms, p->duration_ms, dt_ms, shape);
}

static void sample(const void *params, double dt_ms, const tame_samples *out)
{
  const chirp_params *p = params;
  const int64_t first = tame_task_steps(p->start_ms, dt_ms);
  const int64_t last = tame_task_steps(p->start_ms + p->duration_ms, dt_ms);
  const double duration = p->duration_ms * 1e-3;
  for (int64_t t = first; t < last; t++) {
    const double s = ((double)t * dt_ms - p->start_ms) * 1e-3;
    const double turns = s * (p->from_hz + (p->to_hz - p->from_hz) * s / (2 * duration));
    out->at[t * out->channels + p->channel] +=
        p->amplitude * sin(2 * 3.14159265358979323846 * turns + p->phase_rad);
  }
}

extern const tame_signal tame_signal_chirp;
const tame_signal tame_signal_chirp = {
    .head = {.name = "chirp",
             .doc = "A sin(2 pi (f s + (g - f) s^2 / (2 T)) + phi), s = t - start",
             .params = {.size = sizeof(chirp_params), .fields = fields}},
    .check = check,
    .sample = sample,
};
