/* Kernels with AVX-512 F, DQ, VL, BW: 32 registers, and eight doubles in one for tanh and noise. */
#include "kernels/simd.h"

typedef double wide __attribute__((vector_size(64)));
typedef uint64_t bits __attribute__((vector_size(64)));

INLINE void tanh8_f64(part_f64 x[2])
{
  const __m512d whole = _mm512_insertf64x4(_mm512_castpd256_pd512(x[0]), x[1], 1);
  const __m512d y = Sleef_finz_tanhd8_u10avx512f(whole);
  x[0] = _mm512_castpd512_pd256(y);
  x[1] = _mm512_extractf64x4_pd(y, 1);
}

INLINE void exp8_f64(part_f64 x[2])
{
  const __m512d whole = _mm512_insertf64x4(_mm512_castpd256_pd512(x[0]), x[1], 1);
  const __m512d y = Sleef_finz_expd8_u10avx512f(whole);
  x[0] = _mm512_castpd512_pd256(y);
  x[1] = _mm512_extractf64x4_pd(y, 1);
}

INLINE void wide_add_f64(double *y, wide z)
{
  _mm512_storeu_pd(y, _mm512_loadu_pd(y) + z);
}

INLINE void wide_add_f32(float *y, wide z)
{
  _mm256_storeu_ps(y, _mm256_loadu_ps(y) + _mm512_cvtpd_ps(z));
}

INLINE bits bits_splat(uint64_t a)
{
  return (bits){a, a, a, a, a, a, a, a};
}

/** Pairs 0 to 3 in even lanes, 4 to 7 in odd ones: zipping is then done within quarters. */
INLINE bits bits_lanes(void)
{
  return (bits){0, 4, 1, 5, 2, 6, 3, 7};
}

INLINE bits bits_multiply(bits a, bits b)
{
  return (bits)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}

INLINE wide wide_unit(bits v)
{
  return (_mm512_cvtepu64_pd((__m512i)(v >> 12)) + 0.5) * 0x1p-52;
}

INLINE void wide_box_muller(wide turn[2], wide u0, wide u1)
{
  const wide radius = _mm512_sqrt_pd(-2 * Sleef_finz_logd8_u35avx512f(u0));
  const Sleef___m512d_2 sine_cosine = Sleef_finz_sincospid8_u35avx512f(2 * u1);
  turn[0] = radius * sine_cosine.y;
  turn[1] = radius * sine_cosine.x;
}

INLINE void wide_zip(wide z[2], const wide turn[2])
{
  z[0] = _mm512_unpacklo_pd(turn[0], turn[1]);
  z[1] = _mm512_unpackhi_pd(turn[0], turn[1]);
}

INLINE wide wide_exp(wide x)
{
  return Sleef_finz_expd8_u10avx512f(x);
}

INLINE wide wide_splat(double a)
{
  return _mm512_set1_pd(a);
}

INLINE wide wide_fma(wide a, wide b, wide c)
{
  return _mm512_fmadd_pd(a, b, c);
}

#include "kernels/simd_noise.h"
#include "kernels/simd_respiratory.h"

#define ISA "avx512"
#define TABLE tame_kernels_avx512

#define REAL double
#define NAME(f) JOIN(f, _f64)
#include "kernels/simd.tmpl.h"

#define REAL float
#define NAME(f) JOIN(f, _f32)
#include "kernels/simd.tmpl.h"
