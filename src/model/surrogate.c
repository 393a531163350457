/* Stand-ins for the derivative of a spike; see surrogate.h. */
#include "model/surrogate.h"

#include <math.h>
#include <stddef.h>

const char *const tame_surrogate_names[] = {"inverse_square", "sigmoid",   "triangle",
                                            "arctan",         "relu_grad", NULL};

static const double half_pi = 1.57079632679489661923;

double tame_surrogate_alpha(tame_surrogate_kind kind)
{
  static const double alpha[] = {100, 4, 0.3, 2, 0.3};
  return alpha[kind];
}

static double logistic(double x)
{
  return 1 / (1 + exp(-x));
}

double tame_surrogate_slope(tame_surrogate s, double x)
{
  const double a = s.alpha, far = a * fabs(x) + 1, step = logistic(a * x), bent = half_pi * a * x;
  switch (s.kind) {
    case TAME_SURROGATE_INVERSE_SQUARE: return 1 / (far * far);
    case TAME_SURROGATE_SIGMOID: return a * step * (1 - step);
    case TAME_SURROGATE_TRIANGLE: return a * fmax(0, 1 - fabs(x) / s.width);
    case TAME_SURROGATE_ARCTAN: return a / 2 / (1 + bent * bent);
    case TAME_SURROGATE_RELU_GRAD: return a * fmax(0, s.width - fabs(x));
  }
  return 0;
}

/* The integral of max(0, width - |x|) from 0. */
static double tent(double width, double x)
{
  const double y = fmin(fabs(x), width);
  return copysign(width * y - y * y / 2, x);
}

double tame_surrogate_smooth(tame_surrogate s, double x)
{
  const double a = s.alpha;
  switch (s.kind) {
    case TAME_SURROGATE_INVERSE_SQUARE: return 0.5 + x / (1 + a * fabs(x));
    case TAME_SURROGATE_SIGMOID: return logistic(a * x);
    case TAME_SURROGATE_TRIANGLE: return 0.5 + a / s.width * tent(s.width, x);
    case TAME_SURROGATE_ARCTAN: return 0.5 + atan(half_pi * a * x) / (2 * half_pi);
    case TAME_SURROGATE_RELU_GRAD: return 0.5 + a * tent(s.width, x);
  }
  return 0;
}
