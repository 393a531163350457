/* What avx2.c and avx512.c share beside simd.tmpl.h: registers of four doubles or eight floats.
 * They serve with AVX-512 too: a tile of P needs its 32 registers, but where wider ones are worked
 * on by halves (Zen 4) it is 10 % faster in these, and elsewhere memory is the limit. So the two
 * tables give the same bits. Where wider registers pay, tanh and noise, the files differ. */
#include "kernels/tables.h"

#include "tame/base.h"

#include <immintrin.h>
#include <sleef.h>
#include <string.h>

/* SLEEF's functions named "finz" give one result whatever the width and the other lanes. */

#define JOIN(a, b) JOIN_(a, b) /* after expanding them */
#define JOIN_(a, b) a##b
#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/** Two indices, the first one in the lower half: a load less. With them, plain loads of what they
 *  name are 1.5 times as fast as gather instructions (Zen 4). */
INLINE uint64_t two(const int32_t *j)
{
  uint64_t pair;
  memcpy(&pair, j, sizeof pair);
  return pair;
}
#define FIRST(pair) ((uint32_t)(pair))
#define SECOND(pair) ((pair) >> 32)

/* ---- four doubles ------------------------------------------------------------------------- */

typedef double part_f64 __attribute__((vector_size(32)));

/** Eight from [8 - count] on: -1 in the first `count` lanes. */
static const int64_t first_f64[2 * TAME_TILE] = {-1, -1, -1, -1, -1, -1, -1, -1};
static const int32_t first_f32[2 * TAME_TILE] = {-1, -1, -1, -1, -1, -1, -1, -1};

INLINE part_f64 part_splat_f64(double a)
{
  return _mm256_set1_pd(a);
}

INLINE part_f64 part_fma_f64(part_f64 a, part_f64 b, part_f64 c)
{
  return _mm256_fmadd_pd(a, b, c);
}

INLINE part_f64 part_fnma_f64(part_f64 a, part_f64 b, part_f64 c)
{
  return _mm256_fnmadd_pd(a, b, c);
}

INLINE double real_fma_f64(double a, double b, double c)
{
  return __builtin_fma(a, b, c);
}

INLINE part_f64 part_pick_f64(const double *r, const int32_t *j)
{
  const uint64_t a = two(j), b = two(j + 2);
  return (part_f64){r[FIRST(a)], r[SECOND(a)], r[FIRST(b)], r[SECOND(b)]};
}

/** a in the lanes where `mask` is -1, b in those where it is 0. */
INLINE part_f64 part_joined_f64(const int64_t *mask, part_f64 a, part_f64 b)
{
  return _mm256_blendv_pd(b, a, _mm256_loadu_pd((const double *)(const void *)mask));
}

INLINE part_f64 part_wide_f64(const double *from)
{
  return _mm256_loadu_pd(from);
}

INLINE part_f64 part_wide_f32(const float *from)
{
  return _mm256_cvtps_pd(_mm_loadu_ps(from));
}

/** The sum of the lanes, in the order of sum4 and sum8. */
INLINE double part_total_f64(part_f64 v)
{
  return (v[0] + v[1]) + (v[2] + v[3]);
}

INLINE void sum4_f64(const part_f64 part[4], double out[4])
{
  const __m256d low = _mm256_hadd_pd(part[0], part[1]), high = _mm256_hadd_pd(part[2], part[3]);
  _mm256_storeu_pd(out, _mm256_permute2f128_pd(low, high, 0x20) +
                            _mm256_permute2f128_pd(low, high, 0x31));
}

INLINE void sum_parts_f64(const part_f64 *part, double *out)
{
  sum4_f64(part, out);
}

INLINE void sum8_f64(const part_f64 part[8], double out[8])
{
  sum4_f64(part, out);
  sum4_f64(part + 4, out + 4);
}

/* ---- eight floats ------------------------------------------------------------------------- */

typedef float part_f32 __attribute__((vector_size(32)));

INLINE part_f32 part_splat_f32(float a)
{
  return _mm256_set1_ps(a);
}

INLINE part_f32 part_fma_f32(part_f32 a, part_f32 b, part_f32 c)
{
  return _mm256_fmadd_ps(a, b, c);
}

INLINE part_f32 part_fnma_f32(part_f32 a, part_f32 b, part_f32 c)
{
  return _mm256_fnmadd_ps(a, b, c);
}

INLINE float real_fma_f32(float a, float b, float c)
{
  return __builtin_fmaf(a, b, c);
}

INLINE part_f32 part_pick_f32(const float *r, const int32_t *j)
{
  const uint64_t a = two(j), b = two(j + 2), c = two(j + 4), d = two(j + 6);
  return (part_f32){r[FIRST(a)], r[SECOND(a)], r[FIRST(b)], r[SECOND(b)],
                    r[FIRST(c)], r[SECOND(c)], r[FIRST(d)], r[SECOND(d)]};
}

INLINE part_f32 part_joined_f32(const int32_t *mask, part_f32 a, part_f32 b)
{
  return _mm256_blendv_ps(b, a, _mm256_loadu_ps((const float *)(const void *)mask));
}

INLINE float part_total_f32(part_f32 v)
{
  return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
}

INLINE void sum8_f32(const part_f32 part[8], float out[8])
{
  const __m256 s01 = _mm256_hadd_ps(part[0], part[1]), s23 = _mm256_hadd_ps(part[2], part[3]);
  const __m256 s45 = _mm256_hadd_ps(part[4], part[5]), s67 = _mm256_hadd_ps(part[6], part[7]);
  const __m256 low = _mm256_hadd_ps(s01, s23), high = _mm256_hadd_ps(s45, s67);
  _mm256_storeu_ps(out, _mm256_permute2f128_ps(low, high, 0x20) +
                            _mm256_permute2f128_ps(low, high, 0x31));
}

INLINE void sum_parts_f32(const part_f32 *part, float *out)
{
  sum8_f32(part, out);
}

INLINE void tanh8_f32(part_f32 x[1])
{
  x[0] = Sleef_finz_tanhf8_u10avx2(x[0]);
}

INLINE void exp8_f32(part_f32 x[1])
{
  x[0] = Sleef_finz_expf8_u10avx2(x[0]);
}
