/* Activations and their slopes; see layer.h. */
#include "model/layer.h"

#include <math.h>
#include <string.h>

const char *const tame_activations[] = {"linear",     "tanh", "relu", "logistic",
                                        "lecun_tanh", "silu", "gelu", NULL};

#define LECUN_A 1.7159
#define LECUN_B 0.666
static const double root_half = 0.70710678118654752440, root_2_pi = 2.50662827463100050242;

void tame_activate(tame_activation kind, const tame_kernels *kernels, int64_t n, const double *z,
                   double *f)
{
  const size_t count = (size_t)n;
  switch (kind) {
    case TAME_LINEAR: memmove(f, z, count * sizeof *f); break;
    case TAME_TANH: kernels->tanh(count, z, f); break;
    case TAME_LOGISTIC: kernels->logistic(count, z, f); break;
    case TAME_RELU:
      for (int64_t i = 0; i < n; i++) f[i] = z[i] > 0 ? z[i] : 0;
      break;
    case TAME_LECUN_TANH:
      kernels->scale(count, LECUN_B, z, f);
      kernels->tanh(count, f, f);
      for (int64_t i = 0; i < n; i++) f[i] *= LECUN_A;
      break;
    case TAME_SILU:
      kernels->logistic(count, z, f);
      for (int64_t i = 0; i < n; i++) f[i] *= z[i];
      break;
    case TAME_GELU:
      for (int64_t i = 0; i < n; i++) f[i] = z[i] * (0.5 * (1 + erf(z[i] * root_half)));
      break;
  }
}

/* d/dz z / (1 + exp(-z)), s the logistic function of z. */
static double silu_slope(double z, double s)
{
  return s * (1 + z * (1 - s));
}

void tame_activation_slope(tame_activation kind, const tame_kernels *kernels, int64_t n,
                           const double *z, const double *f, double *slope)
{
  double s;
  for (int64_t i = 0; i < n; i++) {
    switch (kind) {
      case TAME_LINEAR: slope[i] = 1; break;
      case TAME_TANH: slope[i] = 1 - f[i] * f[i]; break;
      case TAME_LOGISTIC: slope[i] = f[i] * (1 - f[i]); break;
      case TAME_RELU: slope[i] = z[i] > 0; break;
      case TAME_LECUN_TANH:
        s = f[i] / LECUN_A;
        slope[i] = LECUN_A * LECUN_B * (1 - s * s);
        break;
      case TAME_SILU:
        kernels->logistic(1, z + i, &s);
        slope[i] = silu_slope(z[i], s);
        break;
      case TAME_GELU:
        slope[i] = 0.5 * (1 + erf(z[i] * root_half)) + z[i] * exp(-0.5 * z[i] * z[i]) / root_2_pi;
        break;
    }
  }
}
