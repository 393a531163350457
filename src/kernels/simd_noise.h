/* Normal numbers, a register at a time: Philox4x32-10 as in base/philox.h, then Box and Muller.
 * Included by avx2.c and avx512.c, which define
 *   wide, bits              a register of doubles, and one of 64-bit integers
 *   bits_splat, bits_lanes  one number in all lanes; the numbers of the pairs in their lanes
 *   bits_multiply           product of the lower halves of the lanes
 *   wide_unit               base/philox.h's (v + 1/2) 2^-52 of the upper 52 bits
 *   wide_box_muller         sqrt(-2 ln u0) times cos, sin (2 pi u1)
 *   wide_zip                of (cosines, sines): to alternating ones in order, two registers */

/** The ten rounds on counters (c0, c1, c2, c3), one a lane. Only the lower half of a lane counts
 *  between the rounds: the multiplication ignores the upper one, so nothing need be masked. */
INLINE void philox(bits c[4], uint64_t seed)
{
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  UNROLL for (int round = 0; round < 10; round++)
  {
    const bits even = bits_multiply(bits_splat(0xD2511F53), c[0]);
    const bits odd = bits_multiply(bits_splat(0xCD9E8D57), c[2]);
    c[0] = (odd >> 32) ^ c[1] ^ bits_splat(k0);
    c[1] = odd;
    c[2] = (even >> 32) ^ c[3] ^ bits_splat(k1);
    c[3] = even;
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
}

/** The two words as one number of 64 bits. */
INLINE bits joined(bits low, bits high)
{
  return (low & bits_splat(0xFFFFFFFF)) | high << 32;
}

/** Numbers of the neurons 2 pair, 2 pair + 1, ...: two registers of them, in order. */
INLINE void normals(wide z[2], int64_t pair, tame_noise_key key)
{
  bits c[4] = {bits_splat((uint64_t)pair) + bits_lanes(), bits_splat(key.step),
               bits_splat(key.trial), bits_splat(TAME_DRAW_NOISE)};
  philox(c, key.seed);
  const wide u0 = wide_unit(joined(c[0], c[1])), u1 = wide_unit(joined(c[2], c[3]));
  wide turn[2]; /* cosines, sines */
  wide_box_muller(turn, u0, u1);
  wide_zip(z, turn);
}
