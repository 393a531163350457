/** @file philox.h
 * Two uniform numbers from one Philox4x32-10 block; the convention of tame/base.h in one place, for
 * base and for the kernels. Key = (seed low, seed high), counter = (a, b, c, purpose); output words
 * 0 and 1 make the first number, 2 and 3 the second, low word first. */
#ifndef TAME_BASE_PHILOX_H
#define TAME_BASE_PHILOX_H

#include <Random123/philox.h>
#include <stdint.h>

/** The upper 52 bits v of 64 random ones, as (v + 1/2) 2^-52: exact, and never 0 or 1. */
static inline double tame_philox_unit(uint32_t low, uint32_t high)
{
  const uint64_t bits = (uint64_t)high << 32 | low;
  return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

static inline void tame_philox_uniform2(uint64_t seed, uint32_t purpose, uint32_t a, uint32_t b,
                                        uint32_t c, double u[2])
{
  const philox4x32_ctr_t counter = {{a, b, c, purpose}};
  const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
  const philox4x32_ctr_t word = philox4x32(counter, key);
  u[0] = tame_philox_unit(word.v[0], word.v[1]);
  u[1] = tame_philox_unit(word.v[2], word.v[3]);
}

#endif
