/* Signal `pen`: a pen that draws a smooth curve through points in the plane.
 *
 * Between points a Catmull-Rom spline with centripetal parameters, which never loops or overshoots
 * (Yuksel et al. 2011, doi:10.1016/j.cad.2010.08.008). The pen starts and ends at rest: its parameter
 * follows the minimum-jerk profile 10 s^3 - 15 s^4 + 6 s^5 (Flash & Hogan 1985). */
#include "task/tables.h"

#include <math.h>

typedef struct pen_params {
  int64_t channel;
  double start_ms, duration_ms;
  tame_reals points;
} pen_params;

#define AT(member) .offset = offsetof(pen_params, member)
static const tame_field fields[] = {
    TAME_FIELD_CHANNEL(pen_params, "of x; the next one is y"),
    {"start_ms", TAME_REAL, AT(start_ms), .fallback = "0", .max = 1e12, .doc = "first moment"},
    {"duration_ms", TAME_REAL, AT(duration_ms), .min = 1e-6, .max = 1e12,
     .doc = "length; 0 before and after"},
    {"points", TAME_REALS, AT(points),
     .doc = "[x0, y0, x1, y1, ...], at least two points, no two neighbours the same"},
    {0}};
#undef AT

static tame_status check(const void *params, double dt_ms, const tame_samples *shape,
                         const char **key)
{
  const pen_params *p = params;
  *key = "channel";
  tame_status status = tame_check_channel(p->channel, shape);
  if (status == TAME_OK) status = tame_check_channel(p->channel + 1, shape);
  if (status != TAME_OK) return status;
  *key = "start_ms";
  status = tame_check_span(p->start_ms, p->duration_ms, dt_ms, shape);
  if (status != TAME_OK) return status;
  *key = "points";
  if (p->points.count < 4 || p->points.count % 2)
    return tame_fail(TAME_ERR_INPUT, "found %lld numbers, want x and y of at least two points",
                     (long long)p->points.count);
  for (int64_t k = 2; k < p->points.count; k += 2)
    if (p->points.at[k] == p->points.at[k - 2] && p->points.at[k + 1] == p->points.at[k - 1])
      return tame_fail(TAME_ERR_INPUT, "points %lld and %lld are the same", (long long)(k / 2 - 1),
                       (long long)(k / 2));
  return TAME_OK;
}

typedef struct point {
  double x, y;
} point;

/* Point k; beyond the ends the mirror image of the neighbour, so that end tangents point along. */
static point point_at(const pen_params *p, int64_t k)
{
  const int64_t last = p->points.count / 2 - 1;
  const int64_t inside = k < 0 ? 0 : k > last ? last : k;
  const point at = {p->points.at[2 * inside], p->points.at[2 * inside + 1]};
  if (inside == k) return at;
  const point next = point_at(p, k < 0 ? 1 : last - 1);
  return (point){2 * at.x - next.x, 2 * at.y - next.y};
}

/* Parameter between two points: the square root of their distance. */
static double knot(point a, point b)
{
  return sqrt(hypot(b.x - a.x, b.y - a.y));
}

static point mix(point a, point b, double from, double to, double t)
{
  const double s = (t - from) / (to - from);
  return (point){a.x + s * (b.x - a.x), a.y + s * (b.y - a.y)};
}

/* The curve between points k and k + 1 at parameter t past point k (Barry and Goldman's pyramid). */
static point curve(const pen_params *p, int64_t k, double t)
{
  const point a = point_at(p, k - 1), b = point_at(p, k), c = point_at(p, k + 1),
              d = point_at(p, k + 2);
  const double ta = -knot(a, b), tc = knot(b, c), td = tc + knot(c, d);
  const point ab = mix(a, b, ta, 0, t), bc = mix(b, c, 0, tc, t), cd = mix(c, d, tc, td, t);
  return mix(mix(ab, bc, ta, tc, t), mix(bc, cd, 0, td, t), 0, tc, t);
}

static void sample(const void *params, double dt_ms, const tame_samples *out)
{
  const pen_params *p = params;
  const int64_t first = tame_task_steps(p->start_ms, dt_ms);
  const int64_t steps = tame_task_steps(p->start_ms + p->duration_ms, dt_ms) - first;
  const int64_t segments = p->points.count / 2 - 1;
  double length = 0;
  for (int64_t k = 0; k < segments; k++) length += knot(point_at(p, k), point_at(p, k + 1));
  int64_t k = 0;
  double before = 0; /* parameter at point k */
  for (int64_t t = 0; t < steps; t++) {
    const double s = steps > 1 ? (double)t / (double)(steps - 1) : 0;
    const double at = length * s * s * s * (10 - 15 * s + 6 * s * s);
    while (k < segments - 1 && at > before + knot(point_at(p, k), point_at(p, k + 1))) {
      before += knot(point_at(p, k), point_at(p, k + 1));
      k++;
    }
    const point pen = curve(p, k, at - before);
    double *row = out->at + (first + t) * out->channels + p->channel;
    row[0] += pen.x;
    row[1] += pen.y;
  }
}

extern const tame_signal tame_signal_pen;
const tame_signal tame_signal_pen = {
    .head = {.name = "pen",
             .doc = "x and y of a pen on a smooth curve through points, at rest at both ends",
             .params = {.size = sizeof(pen_params), .fields = fields}},
    .check = check,
    .sample = sample,
};
