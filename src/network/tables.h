/** @file tables.h
 * What a row of the tables of this room must offer. To add a cell or a wiring: one file with its row,
 * and the row's name in tables.c. */
#ifndef TAME_NETWORK_TABLES_H
#define TAME_NETWORK_TABLES_H

#include "kernels/kernels.h"
#include "tame/network.h"

/** Of cells whose units are functions of what has driven the network, v: [channels], rather than of each other.
 *  What they need of the past is `memory`, the same on every rank, zero at the start of a trial. */
typedef struct tame_features {
  /** How many units there are; INT64_MAX where they are too many to be numbered. */
  int64_t (*units)(const void *params, int64_t channels);
  /** Doubles of memory. */
  int64_t (*memory)(const void *params, int64_t channels);
  /** A step: take in v, NULL being zeros. */
  void (*remember)(const void *params, int64_t channels, const double *v, double *memory);
  /** Units [first, first + n) as they follow from the memory, each by itself, so that any rank may ask for any. */
  void (*values)(const void *params, int64_t channels, const double *memory, int64_t first,
                 int64_t n, double *out);
  /** What a unit is, in words: "x0(t) x1(t-5)". Cut if it does not fit. */
  void (*name)(const void *params, int64_t channels, int64_t unit, char *text, size_t size);
} tame_features;

/** How a unit moves. Arrays are of the kernels' reals, [n], one block of neurons. */
typedef struct tame_cell {
  tame_row head;
  const tame_features *features; /**< instead of `step` and `rates`; else NULL */
  /** Parameters that fit together and fit dt; else TAME_ERR_INPUT and *key = the parameter. */
  tame_status (*check)(const void *params, double dt_ms, const char **key);
  /** One step: from the current h = W r + W_in u + bias + noise and the states x to new x and rates r. */
  void (*step)(const tame_kernels *kernels, const void *params, double dt_ms, size_t n,
               const void *h, void *x, void *r);
  /** Rates that belong to states, for the start of a trial. */
  void (*rates)(const tame_kernels *kernels, size_t n, const void *x, void *r);
  /** Derivatives of a step from states whose rates are r, with currents h, to such with rates `after`: a small
   *  displacement moves by dx <- keep dx + take dh, where dh = W dr, and dr = slope dx before the step. NULL: it
   *  has none. */
  void (*tangent)(const void *params, double dt_ms, size_t n, const double *h, const double *r,
                  const double *after, double *keep, double *take, double *slope);
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
  /** Of wirings that say what the weights are, W[target][source], where there is a synapse; then neither gain nor
   *  scaling has a meaning. NULL: they are drawn. */
  double (*weight)(const void *params, int64_t n, int64_t target, int64_t source);
} tame_wiring;

/** Are the rows of W kept without a list of their sources? They are where the wiring is all-to-all, unless the
 *  plastic synapses of a row have to be put before the others. */
bool tame_network_is_dense(const tame_network_params *params);

/** Bytes that rank 0 needs for a while, as the network is made, to scale W. */
double tame_network_scaling_bytes(const tame_network_params *params);

#endif
