/* The definitions: plain, for any processor, never tuned. */
#include "kernels/tables.h"

#include "base/philox.h"
#include "tame/base.h"

#include <math.h>
#include <sleef.h>

/* SLEEF's "cinz" functions in plain C: no fused multiply-add, the same bits on any machine. */

/** Number of tile (I, J), I >= J, when tiles are counted down the columns of a lower triangle of
 *  edge x edge tiles: columns 0 to J-1 hold edge, edge - 1, ... tiles. */
static size_t tile_number(size_t edge, size_t I, size_t J)
{
  return J * edge - J * (J - 1) / 2 + (I - J);
}

/** Standard normal number of a neuron. */
static double normal(int64_t neuron, tame_noise_key key)
{
  double u[2];
  tame_philox_uniform2(key.seed, TAME_DRAW_NOISE, (uint32_t)(neuron / 2), key.step, key.trial, u);
  const Sleef_double_2 turn = Sleef_cinz_sincospid1_u05purec(2 * u[1]); /* .x sine, .y cosine */
  return sqrt(-2 * Sleef_cinz_logd1_u10purec(u[0])) * (neuron % 2 == 0 ? turn.y : turn.x);
}

#include "kernels/ref_respiratory.h"

#define REAL double
#define NAME(f) f##_f64
#define FMA fma
#define TANH Sleef_cinz_tanhd1_u10purec
#define EXP Sleef_cinz_expd1_u10purec
#include "kernels/ref.tmpl.h"
#undef REAL
#undef NAME
#undef FMA
#undef TANH
#undef EXP

#define REAL float
#define NAME(f) f##_f32
#define FMA fmaf
#define TANH Sleef_cinz_tanhf1_u10purec
#define EXP Sleef_cinz_expf1_u10purec
#include "kernels/ref.tmpl.h"
