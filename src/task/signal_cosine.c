/* Signal `cosine`: a bump over channels that are angles on a ring, which may turn. Ben-Yishai, Bar-Or & Sompolinsky
 * (1995), PNAS 92:3844-3848, doi:10.1073/pnas.92.9.3844. */
#include "task/tables.h"

#include <math.h>

enum { EVEN, AS_PUBLISHED };
static const char *const angles[] = {"even", "as_published", NULL};

typedef struct cosine_params {
  int64_t channel, channels;
  double constant, amplitude, position, channels_per_ms;
  double start_ms, duration_ms; /* duration NaN: to the end of the trial */
  int angles;
} cosine_params;

#define AT(member) .offset = offsetof(cosine_params, member)
static const tame_field fields[] = {
    TAME_FIELD_CHANNEL(cosine_params, "the first of the ring"),
    {"channels", TAME_INT, AT(channels), .fallback = "0", .max = 1e6,
     .doc = "N, of the ring; 0: all from the first on"},
    {"constant", TAME_REAL, AT(constant), .fallback = "0", .doc = "h0"},
    {"amplitude", TAME_REAL, AT(amplitude), .doc = "h1"},
    {"position", TAME_REAL, AT(position), .fallback = "0", .max = 1e6,
     .doc = "p: where the peak is at first, in channels from the first"},
    {"channels_per_ms", TAME_REAL, AT(channels_per_ms), .fallback = "0",
     .doc = "v: by which the peak moves on"},
    {"start_ms", TAME_REAL, AT(start_ms), .fallback = "0", .max = 1e12, .doc = "first moment"},
    {"duration_ms", TAME_REAL, AT(duration_ms), .fallback = "", .min = 1e-6, .max = 1e12,
     .doc = "length; default: to the end of the trial"},
    {"angles", TAME_CHOICE, AT(angles), .fallback = "even", .choices = angles,
     .doc =
         "theta_k = 2 pi k / N; as_published: 2 pi (k mod N) / (N - 1), moved by whole channels"},
    {0}};
#undef AT

/* Channels of the ring. */
static int64_t count(const cosine_params *p, int64_t channels)
{
  return p->channels > 0 ? p->channels : channels - p->channel;
}

static tame_status check(const void *params, double dt_ms, const tame_samples *shape,
                         const char **key)
{
  const cosine_params *p = params;
  *key = "channel";
  tame_status status = tame_check_channel(p->channel, shape);
  if (status != TAME_OK) return status;
  *key = "channels";
  if (p->channel + p->channels > shape->channels)
    return tame_fail(TAME_ERR_INPUT,
                     "found %lld from channel %lld on, want at most %lld: there are %lld channels",
                     (long long)p->channels, (long long)p->channel,
                     (long long)(shape->channels - p->channel), (long long)shape->channels);
  if (count(p, shape->channels) < 2)
    return tame_fail(TAME_ERR_INPUT, "a ring of one channel; want two at least");
  *key = "start_ms";
  return tame_check_span(p->start_ms, isnan(p->duration_ms) ? 0 : p->duration_ms, dt_ms, shape);
}

/* cos(theta_(k - shift)) of a ring of n. */
static double cosine(const cosine_params *p, int64_t n, int64_t k, double shift)
{
  const double whole = (double)n;
  double place = (double)k - (p->angles == AS_PUBLISHED ? floor(shift + 0.5) : shift);
  place -= whole * floor(place / whole);
  return cos(2 * 3.14159265358979323846 * place / (p->angles == AS_PUBLISHED ? whole - 1 : whole));
}

static void sample(const void *params, double dt_ms, const tame_samples *out)
{
  const cosine_params *p = params;
  const int64_t n = count(p, out->channels), first = tame_task_steps(p->start_ms, dt_ms);
  const int64_t last = isnan(p->duration_ms) ? out->steps
                                             : tame_task_steps(p->start_ms + p->duration_ms, dt_ms);
  for (int64_t t = first; t < last; t++) {
    const double shift = p->position + p->channels_per_ms * dt_ms * (double)(t - first);
    double *at = &out->at[t * out->channels + p->channel];
    for (int64_t k = 0; k < n; k++) at[k] += p->constant + p->amplitude * cosine(p, n, k, shift);
  }
}

extern const tame_signal tame_signal_cosine;
const tame_signal tame_signal_cosine = {
    .head = {.name = "cosine",
             .doc =
                 "a bump on a ring of channels, which may turn: h0 + h1 cos(theta_(k - p - v t))",
             .params = {.size = sizeof(cosine_params), .fields = fields}},
    .check = check,
    .sample = sample,
};
