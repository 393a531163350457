/** @file surrogate.h
 * What stands for the derivative of a spike, s = 1 where x >= 0. */
#ifndef TAME_MODEL_SURROGATE_H
#define TAME_MODEL_SURROGATE_H

typedef enum tame_surrogate_kind {
  TAME_SURROGATE_INVERSE_SQUARE, /**< 1 / (alpha |x| + 1)^2 */
  TAME_SURROGATE_SIGMOID,        /**< alpha s (1 - s), s = logistic(alpha x) */
  TAME_SURROGATE_TRIANGLE,       /**< alpha max(0, 1 - |x| / width) */
  TAME_SURROGATE_ARCTAN,         /**< (alpha / 2) / (1 + (pi alpha x / 2)^2) */
  TAME_SURROGATE_RELU_GRAD,      /**< alpha max(0, width - |x|) */
} tame_surrogate_kind;

typedef struct tame_surrogate {
  tame_surrogate_kind kind;
  double alpha, width;
} tame_surrogate;

extern const char *const tame_surrogate_names[]; /* in this order */

/** alpha where none is given: 100, 4, 0.3, 2, 0.3. */
double tame_surrogate_alpha(tame_surrogate_kind kind);
/** The stand-in for ds/dx. */
double tame_surrogate_slope(tame_surrogate s, double x);
/** A smooth step whose derivative that is, to check gradients with. */
double tame_surrogate_smooth(tame_surrogate s, double x);

#endif
