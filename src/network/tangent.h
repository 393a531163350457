/** @file tangent.h
 * Tangent vectors of a network: small displacements dx of its states, which move by the derivative of its step,
 *
 *     dx <- keep dx + take (W + W_fb W_out) slope dx   (cell `rate`: keep 1 - a, take a = dt / tau, slope 1 - r^2),
 *
 * W_fb W_out where the network's own readout was fed back,
 * several at once, in double whatever the network's numbers. */
#ifndef TAME_NETWORK_TANGENT_H
#define TAME_NETWORK_TANGENT_H

#include "network/inside.h"

typedef struct tame_tangents tame_tangents; /* opaque */

/** For `columns` vectors of a network, which must outlive it and whose cell must have derivatives, else
 *  TAME_ERR_INPUT; TAME_ERR_NOMEM. Collective. */
tame_status tame_tangents_create(tame_tangents **out, const tame_network *network, int64_t columns);
/** Free *tangents and set it to NULL. Collective. NULL is fine. */
void tame_tangents_free(tame_tangents **tangents);

/** Take the derivatives at the state the network is in: at the start, and when it has been restored. Local. */
void tame_tangents_begin(tame_tangents *tangents);
/** Move vectors, dx: [n_local][columns], by the step that the network has just made. Collective. */
void tame_tangents_step(tame_tangents *tangents, double *dx);

/** Bytes of one of `ranks` ranks: for each neuron that it owns, and for each of all neurons. Local. */
void tame_tangents_need(int64_t columns, int ranks, double *own, double *all);

#endif
