/** @file numpy_random.h
 * The two generators of NumPy that published wirings are drawn with, number for number: the legacy
 * MT19937 of `RandomState(seed)` and the PCG64 of `default_rng(seed)`. For these wirings alone; all
 * else is drawn by the counters of tame/base.h.
 * Matsumoto & Nishimura (1998), doi:10.1145/272991.272995; O'Neill (2014), HMC-CS-2014-0905. */
#ifndef TAME_MODEL_NUMPY_RANDOM_H
#define TAME_MODEL_NUMPY_RANDOM_H

#include "tame/base.h"

/** `numpy.random.RandomState(seed)`. */
typedef struct tame_mt19937 {
  uint32_t word[624];
  int at; /**< next word to give; 624: none is left */
} tame_mt19937;

void tame_mt_seed(tame_mt19937 *rng, uint32_t seed);
uint32_t tame_mt_next(tame_mt19937 *rng);
/** A whole number from 0 to most, as `choice` draws it. */
uint32_t tame_mt_bounded(tame_mt19937 *rng, uint32_t most);
/** k of 0..n-1 without replacement, in the order of `choice(n, k, replace=False)`, to the front of
 *  chosen, [n]. */
void tame_mt_choose(tame_mt19937 *rng, int64_t n, int64_t k, int32_t *chosen);

/** `numpy.random.default_rng(seed)`. */
typedef struct tame_pcg64 {
  unsigned __int128 state, increment;
  uint32_t kept; /**< the upper half of the last output, if it is still to be given */
  bool has_kept;
} tame_pcg64;

void tame_pcg_seed(tame_pcg64 *rng, uint32_t seed);
uint64_t tame_pcg_next(tame_pcg64 *rng);
/** A whole number from 0 to most. */
uint32_t tame_pcg_bounded(tame_pcg64 *rng, uint32_t most);
/** As tame_mt_choose(): k numbers to the front of chosen, [n]; TAME_ERR_NOMEM. */
tame_status tame_pcg_choose(tame_pcg64 *rng, int64_t n, int64_t k, int32_t *chosen);

#endif
