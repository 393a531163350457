/* Counter-based random numbers; see tame/base.h. */
#include "base/philox.h"
#include "tame/base.h"

#include <math.h>

void tame_uniform2(uint64_t seed, tame_purpose purpose, uint32_t a, uint32_t b, uint32_t c,
                   double u[2])
{
  tame_philox_uniform2(seed, (uint32_t)purpose, a, b, c, u);
}

double tame_uniform(uint64_t seed, tame_purpose purpose, uint32_t a, uint32_t b, uint32_t c)
{
  double u[2];
  tame_uniform2(seed, purpose, a, b, c, u);
  return u[0];
}

double tame_normal(uint64_t seed, tame_purpose purpose, uint32_t a, uint32_t b, uint32_t c)
{
  double u[2];
  tame_uniform2(seed, purpose, a, b, c, u);
  return sqrt(-2 * log(u[0])) * cos(2 * 3.14159265358979323846 * u[1]);
}
