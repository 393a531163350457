/* Wiring `cosine`: neurons on a ring, whose weights depend on the angle between them. Ben-Yishai, Bar-Or & Sompolinsky
 * (1995), PNAS 92:3844-3848, doi:10.1073/pnas.92.9.3844; Dayan & Abbott (2001), Theoretical Neuroscience, 7.4.
 *
 * Without input, rectified units that hear W r + b, b > 0 above their threshold, keep a bump at any place if
 * w1 > 2 (beyond it the uniform state is unstable) and if w0 is small or negative enough for it not to grow for ever. */
#include "network/tables.h"

#include <math.h>
#include <stdlib.h>

enum { EVEN, AS_PUBLISHED };
static const char *const angles[] = {"even", "as_published", NULL};

typedef struct cosine_params {
  double constant, amplitude;
  int angles;
} cosine_params;

#define AT(member) .offset = offsetof(cosine_params, member)
static const tame_field fields[] = {
    {"constant", TAME_REAL, AT(constant), .fallback = "0", .doc = "w0: the same between all"},
    {"amplitude", TAME_REAL, AT(amplitude), .doc = "w1: of what depends on the angle"},
    {"angles", TAME_CHOICE, AT(angles), .fallback = "even", .choices = angles,
     .doc = "theta_i = 2 pi i / N; as_published: 2 pi i / (N - 1), the last neuron being without "
            "synapses"},
    {0}};
#undef AT

/* Neurons with synapses, which are also how many make a turn. */
static int64_t members(const void *params, int64_t n)
{
  return ((const cosine_params *)params)->angles == AS_PUBLISHED ? n - 1 : n;
}

static tame_status check(const void *params, int64_t n, const char **key)
{
  *key = "angles";
  if (members(params, n) > 0) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT,
                   "found as_published, which leaves no synapse to a single neuron");
}

static double expected(const void *params, int64_t n)
{
  const double m = (double)members(params, n);
  return m * m / (double)n;
}

static bool all_to_all(const void *params, int64_t n)
{
  return members(params, n) == n;
}

static int64_t draw(const void *params, uint64_t seed, int64_t n, int64_t i, int32_t *sources)
{
  const int64_t m = members(params, n);
  (void)seed;
  if (i >= m) return 0;
  for (int64_t j = 0; j < m; j++) sources[j] = (int32_t)j;
  return m;
}

/* The shorter way round, so that all pairs at the same distance have the same bits. */
static double weight(const void *params, int64_t n, int64_t target, int64_t source)
{
  const cosine_params *p = params;
  const int64_t turn = members(params, n), way = llabs(target - source);
  const int64_t steps = 2 * way > turn ? turn - way : way;
  const double angle = 2 * 3.14159265358979323846 * (double)steps / (double)turn;
  return (p->constant + p->amplitude * cos(angle)) / (double)n;
}

extern const tame_wiring tame_wiring_cosine;
const tame_wiring tame_wiring_cosine = {
    .head = {.name = "cosine",
             .doc = "a ring, all to all: W_ij = (w0 + w1 cos(theta_i - theta_j)) / N",
             .params = {.size = sizeof(cosine_params), .fields = fields}},
    .check = check,
    .expected = expected,
    .all_to_all = all_to_all,
    .draw = draw,
    .weight = weight,
};
