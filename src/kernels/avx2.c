/* Kernels with AVX2 and FMA: 16 registers of four doubles. */
#include "kernels/simd.h"

typedef double wide __attribute__((vector_size(32)));
typedef uint64_t bits __attribute__((vector_size(32)));

INLINE void tanh8_f64(part_f64 x[2])
{
  x[0] = Sleef_finz_tanhd4_u10avx2(x[0]);
  x[1] = Sleef_finz_tanhd4_u10avx2(x[1]);
}

INLINE void exp8_f64(part_f64 x[2])
{
  x[0] = Sleef_finz_expd4_u10avx2(x[0]);
  x[1] = Sleef_finz_expd4_u10avx2(x[1]);
}

INLINE void wide_add_f64(double *y, wide z)
{
  _mm256_storeu_pd(y, _mm256_loadu_pd(y) + z);
}

INLINE void wide_add_f32(float *y, wide z)
{
  _mm_storeu_ps(y, _mm_loadu_ps(y) + _mm256_cvtpd_ps(z));
}

INLINE bits bits_splat(uint64_t a)
{
  return (bits){a, a, a, a};
}

/** Pairs 0 and 1 in even lanes, 2 and 3 in odd ones: zipping is then done within halves. */
INLINE bits bits_lanes(void)
{
  return (bits){0, 2, 1, 3};
}

INLINE bits bits_multiply(bits a, bits b)
{
  return (bits)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}

/** Exact for 53 bits: the halves of the number become the lower bits of 2^84 and of 2^52, which are
 *  then taken off. */
INLINE wide wide_unit(bits v)
{
  const wide one = _mm256_set1_pd(0x1p52); /* in its last 52 bits an integer can stand */
  return ((wide)((bits)one | v >> 12) - one + 0.5) * 0x1p-52;
}

INLINE void wide_box_muller(wide turn[2], wide u0, wide u1)
{
  const wide radius = _mm256_sqrt_pd(-2 * Sleef_finz_logd4_u35avx2(u0));
  const Sleef___m256d_2 sine_cosine = Sleef_finz_sincospid4_u35avx2(2 * u1);
  turn[0] = radius * sine_cosine.y;
  turn[1] = radius * sine_cosine.x;
}

INLINE void wide_zip(wide z[2], const wide turn[2])
{
  z[0] = _mm256_unpacklo_pd(turn[0], turn[1]);
  z[1] = _mm256_unpackhi_pd(turn[0], turn[1]);
}

INLINE wide wide_exp(wide x)
{
  return Sleef_finz_expd4_u10avx2(x);
}

INLINE wide wide_splat(double a)
{
  return _mm256_set1_pd(a);
}

INLINE wide wide_fma(wide a, wide b, wide c)
{
  return _mm256_fmadd_pd(a, b, c);
}

#include "kernels/simd_noise.h"
#include "kernels/simd_respiratory.h"

#define ISA "avx2"
#define TABLE tame_kernels_avx2

#define REAL double
#define NAME(f) JOIN(f, _f64)
#include "kernels/simd.tmpl.h"

#define REAL float
#define NAME(f) JOIN(f, _f32)
#include "kernels/simd.tmpl.h"
