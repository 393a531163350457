/** @file gates.h
 * What gru and lstm share: for each sample, `gates` blocks of `units` numbers from inputs and from
 * states,
 *   from_x = W_ih x + b_ih,  from_h = W_hh h + b_hh,  both [batch][gates * units]. */
#ifndef TAME_MODEL_GATES_H
#define TAME_MODEL_GATES_H

#include "model/layer.h"

typedef struct tame_gates {
  int64_t units, width; /* width = gates * units */
  tame_map in, recurrent;
  int64_t bias_in, bias_recurrent; /* places; the second may be -1: none */
} tame_gates;

/** Add weight_ih, weight_hh, bias_ih and, if wanted, bias_hh to a layer. */
tame_gates tame_gates_add(tame_layer *layer, const tame_weight_params *p, int64_t units, int gates,
                          bool two_biases);
/** Set from_x, of the step's inputs, and from_h, of h; they may be the same array, which then gets
 *  the sum. */
void tame_gates_run(const tame_gates *g, const tame_step *step, const double *h, double *from_x,
                    double *from_h);
/** Set dL/dx (unless NULL) and dL/dh, add to the slab's. */
void tame_gates_vjp(const tame_gates *g, const tame_step *step, const double *h,
                    const double *dfrom_x, const double *dfrom_h, double *dx, double *dh,
                    double *dslab);
/** Set the derivatives of from_x and from_h along a direction; they may be the same array. */
void tame_gates_jvp(const tame_gates *g, const tame_step *step, const double *h,
                    const tame_tangent *tangent, const double *th, double *tfrom_x,
                    double *tfrom_h);

#endif
