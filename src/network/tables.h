/** @file tables.h
 * What a row of the tables of this room must offer. To add a cell or a wiring: one file with its row,
 * and the row's name in tables.c. */
#ifndef TAME_NETWORK_TABLES_H
#define TAME_NETWORK_TABLES_H

#include "kernels/kernels.h"
#include "tame/network.h"

/** How a unit moves. Arrays are of the kernels' reals, [n], one block of neurons. */
typedef struct tame_cell {
  tame_row head;
  /** Parameters that fit together and fit dt; else TAME_ERR_INPUT and *key = the parameter. */
  tame_status (*check)(const void *params, double dt_ms, const char **key);
  /** One step: from the current h = W r + W_in u + bias + noise and the states x to new x and rates r. */
  void (*step)(const tame_kernels *kernels, const void *params, double dt_ms, size_t n,
               const void *h, void *x, void *r);
  /** Rates that belong to states, for the start of a trial. */
  void (*rates)(const tame_kernels *kernels, size_t n, const void *x, void *r);
} tame_cell;

/** Who connects to whom: each neuron's inputs, a pure function of (seed, i). */
typedef struct tame_wiring {
  tame_row head;
  tame_status (*check)(const void *params, int64_t n, const char **key);
  /** K, the expected number of inputs of a neuron, by which weights are scaled. */
  double (*expected)(const void *params, int64_t n);
  /** Has every neuron all neurons as sources, or all but itself? Then they need not be listed. NULL: never. */
  bool (*all_to_all)(const void *params, int64_t n);
  /** Sources of neuron i, ascending, into sources: [n] of room, all of which may be written.
   *  Returns how many there are. */
  int64_t (*draw)(const void *params, uint64_t seed, int64_t n, int64_t i, int32_t *sources);
} tame_wiring;

/** Are the rows of W kept without a list of their sources? They are where the wiring is all-to-all, unless the
 *  plastic synapses of a row have to be put before the others. */
bool tame_network_is_dense(const tame_network_params *params);

/** Bytes that rank 0 needs for a while, as the network is made, to scale W. */
double tame_network_scaling_bytes(const tame_network_params *params);

#endif
