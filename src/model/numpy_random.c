/* NumPy's generators, number for number; see numpy_random.h. */
#include "model/numpy_random.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 624, APART = 397 };

static void swap(int32_t *a, int32_t *b)
{
  const int32_t kept = *a;
  *a = *b;
  *b = kept;
}

static void count_up(int64_t n, int32_t *numbers)
{
  for (int64_t i = 0; i < n; i++) numbers[i] = (int32_t)i;
}

/* ---- MT19937 --------------------------------------------------------------------------------- */

void tame_mt_seed(tame_mt19937 *rng, uint32_t seed)
{
  rng->word[0] = seed;
  for (uint32_t i = 1; i < WORDS; i++) {
    const uint32_t last = rng->word[i - 1];
    rng->word[i] = 1812433253u * (last ^ (last >> 30)) + i;
  }
  rng->at = WORDS;
}

static void twist(uint32_t *word)
{
  for (int i = 0; i < WORDS; i++) {
    const uint32_t y = (word[i] & 0x80000000u) | (word[(i + 1) % WORDS] & 0x7fffffffu);
    word[i] = word[(i + APART) % WORDS] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
  }
}

uint32_t tame_mt_next(tame_mt19937 *rng)
{
  if (rng->at == WORDS) {
    twist(rng->word);
    rng->at = 0;
  }
  uint32_t y = rng->word[rng->at++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

uint32_t tame_mt_bounded(tame_mt19937 *rng, uint32_t most)
{
  uint32_t mask = most, drawn;
  if (most == 0) return 0;
  for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
  do drawn = tame_mt_next(rng) & mask;
  while (drawn > most);
  return drawn;
}

void tame_mt_choose(tame_mt19937 *rng, int64_t n, int64_t k, int32_t *chosen)
{
  assert(0 <= k && k <= n);
  (void)k; /* all are shuffled, whatever is taken */
  count_up(n, chosen);
  for (int64_t i = n - 1; i > 0; i--) swap(&chosen[i], &chosen[tame_mt_bounded(rng, (uint32_t)i)]);
}

/* ---- PCG64 ----------------------------------------------------------------------------------- */

enum { POOL = 4 };

/* One round of the hash of a SeedSequence. */
static uint32_t hashed(uint32_t value, uint32_t *hash, uint32_t multiplier)
{
  value ^= *hash;
  *hash *= multiplier;
  value *= *hash;
  return value ^ (value >> 16);
}

static uint32_t mixed(uint32_t x, uint32_t y)
{
  const uint32_t r = 0xca01f9ddu * x - 0x4973f715u * y;
  return r ^ (r >> 16);
}

static void spread_seed(uint32_t seed, uint64_t out[POOL])
{
  uint32_t pool[POOL], half[2 * POOL], hash = 0x43b0d7e5u;
  for (int i = 0; i < POOL; i++) pool[i] = hashed(i == 0 ? seed : 0, &hash, 0x931e8875u);
  for (int from = 0; from < POOL; from++)
    for (int to = 0; to < POOL; to++)
      if (to != from) pool[to] = mixed(pool[to], hashed(pool[from], &hash, 0x931e8875u));
  hash = 0x8b51f9ddu;
  for (int i = 0; i < 2 * POOL; i++) half[i] = hashed(pool[i % POOL], &hash, 0x58f38dedu);
  for (int i = 0; i < POOL; i++) out[i] = (uint64_t)half[2 * i + 1] << 32 | half[2 * i];
}

static void turn(tame_pcg64 *rng)
{
  const unsigned __int128 multiplier = (unsigned __int128)2549297995355413924u << 64 |
                                       4865540595714422341u;
  rng->state = rng->state * multiplier + rng->increment;
}

void tame_pcg_seed(tame_pcg64 *rng, uint32_t seed)
{
  uint64_t q[POOL];
  spread_seed(seed, q);
  *rng = (tame_pcg64){.increment = ((unsigned __int128)q[2] << 64 | q[3]) << 1 | 1};
  turn(rng);
  rng->state += (unsigned __int128)q[0] << 64 | q[1];
  turn(rng);
}

uint64_t tame_pcg_next(tame_pcg64 *rng)
{
  turn(rng);
  const uint64_t high = (uint64_t)(rng->state >> 64), folded = high ^ (uint64_t)rng->state;
  const unsigned right = (unsigned)(high >> 58);
  return folded >> right | folded << (-right & 63);
}

/* Halves of an output, the lower one first. */
static uint32_t half_of(tame_pcg64 *rng)
{
  rng->has_kept = !rng->has_kept;
  if (!rng->has_kept) return rng->kept;
  const uint64_t both = tame_pcg_next(rng);
  rng->kept = (uint32_t)(both >> 32);
  return (uint32_t)both;
}

/* Lemire's method: the upper half of a product, and again where its lower half would favour
 * some. */
uint32_t tame_pcg_bounded(tame_pcg64 *rng, uint32_t most)
{
  const uint64_t n = (uint64_t)most + 1;
  if (most == 0) return 0;
  if (most == UINT32_MAX) return half_of(rng);
  uint64_t product = half_of(rng) * n;
  if ((uint32_t)product < n) {
    const uint64_t unfair = (UINT32_MAX - (uint64_t)most) % n;
    while ((uint32_t)product < unfair) product = half_of(rng) * n;
  }
  return (uint32_t)(product >> 32);
}

/* Floyd's method: one draw a number, then a shuffle. */
static tame_status choose_few(tame_pcg64 *rng, int64_t n, int64_t k, int32_t *chosen)
{
  bool *taken = tame_zeroed(n, sizeof *taken, "a choice");
  if (!taken) return TAME_ERR_NOMEM;
  for (int64_t j = n - k, i = 0; j < n; j++, i++) {
    const uint32_t drawn = tame_pcg_bounded(rng, (uint32_t)j);
    chosen[i] = taken[drawn] ? (int32_t)j : (int32_t)drawn;
    taken[chosen[i]] = true;
  }
  for (int64_t i = k - 1; i > 0; i--) swap(&chosen[i], &chosen[tame_pcg_bounded(rng, (uint32_t)i)]);
  free(taken);
  return TAME_OK;
}

tame_status tame_pcg_choose(tame_pcg64 *rng, int64_t n, int64_t k, int32_t *chosen)
{
  assert(0 <= k && k <= n);
  if (n <= 10000 || k <= n / 50) return choose_few(rng, n, k, chosen);
  count_up(n, chosen);
  for (int64_t i = n - 1; i >= (n - k > 1 ? n - k : 1); i--)
    swap(&chosen[i], &chosen[tame_pcg_bounded(rng, (uint32_t)i)]);
  memmove(chosen, chosen + (n - k), (size_t)k * sizeof *chosen); /* the last k are the choice */
  return TAME_OK;
}
