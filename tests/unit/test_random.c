/* Random numbers: the published answers of Philox, and the moments of what we make of it. */
#include "support.h"

#include <math.h>

static uint64_t bits52(double u) /* u is (v + 1/2) 2^-52 */
{
  return (uint64_t)floor(ldexp(u, 52));
}

/* philox4x32-10 of the known-answer file that comes with Random123 */
static void philox_gives_the_published_numbers(void **state)
{
  (void)state;
  static const struct {
    uint32_t counter[4];
    uint64_t key;
    uint32_t answer[4];
  } known[] = {
      {{0, 0, 0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       0xffffffffffffffff,
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       0x299f31d0a4093822,
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    const uint32_t *c = known[k].counter, *w = known[k].answer;
    double u[2];
    tame_uniform2(known[k].key, (tame_purpose)c[3], c[0], c[1], c[2], u);
    assert_int_equal(bits52(u[0]), (w[0] | (uint64_t)w[1] << 32) >> 12);
    assert_int_equal(bits52(u[1]), (w[2] | (uint64_t)w[3] << 32) >> 12);
  }
}

static void every_key_matters(void **state)
{
  (void)state;
  const double u = tame_uniform(1, TAME_DRAW_INPUT, 2, 3, 4);
  assert_true(u > 0 && u < 1);
  assert_true(u == tame_uniform(1, TAME_DRAW_INPUT, 2, 3, 4));
  assert_true(u != tame_uniform(2, TAME_DRAW_INPUT, 2, 3, 4));
  assert_true(u != tame_uniform(1ULL << 32 | 1, TAME_DRAW_INPUT, 2, 3, 4));
  assert_true(u != tame_uniform(1, TAME_DRAW_STATE, 2, 3, 4));
  assert_true(u != tame_uniform(1, TAME_DRAW_INPUT, 3, 3, 4));
  assert_true(u != tame_uniform(1, TAME_DRAW_INPUT, 2, 4, 4));
  assert_true(u != tame_uniform(1, TAME_DRAW_INPUT, 2, 3, 5));
}

/* Means of n numbers, each against its value at five standard errors: fixed seed, so no luck. */
static void moments_are_those_of_the_distributions(void **state)
{
  (void)state;
  enum { N = 200000 };
  double u1 = 0, u2 = 0, z1 = 0, z2 = 0, z3 = 0, z4 = 0;
  for (uint32_t i = 0; i < N; i++) {
    const double u = tame_uniform(3, TAME_DRAW_STATE, i, 0, 0);
    const double z = tame_normal(3, TAME_DRAW_RECURRENT, i, 1, 0);
    u1 += u / N, u2 += u * u / N;
    z1 += z / N, z2 += z * z / N, z3 += z * z * z / N, z4 += z * z * z * z / N;
  }
  const double se = 5 / sqrt(N);
  assert_true(fabs(u1 - 1.0 / 2) < se * sqrt(1.0 / 12));
  assert_true(fabs(u2 - 1.0 / 3) < se * sqrt(1.0 / 5 - 1.0 / 9));
  assert_true(fabs(z1) < se);
  assert_true(fabs(z2 - 1) < se * sqrt(2));
  assert_true(fabs(z3) < se * sqrt(15));
  assert_true(fabs(z4 - 3) < se * sqrt(96));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(philox_gives_the_published_numbers),
      cmocka_unit_test(every_key_matters),
      cmocka_unit_test(moments_are_those_of_the_distributions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
