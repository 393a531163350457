/** @file conductance.h
 * Synapses of liquid time-constant cells: synapse k from unit i to unit j is open by
 *   s_k = logistic(sigma_k (v_i - mu_k)),  and adds  w_k s_k e_k to num_j,  w_k s_k to den_j.
 * v: [batch][sources]; s: [batch][count]; num, den: [batch][destinations]. w comes apart, as it may
 * be a function of a parameter. */
#ifndef TAME_MODEL_CONDUCTANCE_H
#define TAME_MODEL_CONDUCTANCE_H

#include "model/layer.h"

/** Synapses, and where their parameters are in the layer's part of the slab. */
typedef struct tame_conductances {
  const tame_kernels *kernels;
  const tame_synapses *synapses;
  int64_t sigma, mu, w, erev;
} tame_conductances;

/** Set s; add to num and den. */
void tame_conductances_run(const tame_conductances *c, const double *slab, const double *w,
                           int64_t batch, const double *v, double *s, double *num, double *den);

/** For dL/dnum and dL/dden: add to dL/dv, to the slab's sigma, mu and erev, and to dw. */
void tame_conductances_vjp(const tame_conductances *c, const double *slab, const double *w,
                           int64_t batch, const double *v, const double *s, const double *dnum,
                           const double *dden, double *dv, double *dslab, double *dw);

/** Add to the derivatives of num and den along the direction (tslab, tw, tv). */
void tame_conductances_jvp(const tame_conductances *c, const double *slab, const double *w,
                           int64_t batch, const double *v, const double *s, const double *tslab,
                           const double *tw, const double *tv, double *tnum, double *tden);

#endif
