/** @file tame/model.h
 * Small networks with derivatives: circuits (who connects to whom, with which sign), cells (how a unit
 * moves), and models, which are cells one upon the other. All on batches, in double, local to a process. */
#ifndef TAME_MODEL_H
#define TAME_MODEL_H

#include "tame/base.h"

/* ---- circuits --------------------------------------------------------------------------------- */

/** Synapses as lists by destination: those of unit j are at [start[j], start[j+1]), sources ascending. */
typedef struct tame_synapses {
  int64_t sources, destinations, count;
  int64_t *start;  /**< [destinations + 1], owned */
  int32_t *source; /**< [count], owned */
  int8_t *sign;    /**< [count], owned: +1 excites, -1 inhibits */
} tame_synapses;

/** Units first <= i < first + count. */
typedef struct tame_circuit_layer {
  int64_t first, count;
} tame_circuit_layer;

/** Who connects to whom. Outputs are units 0 to outputs - 1. Layers are in the order of the signal. */
typedef struct tame_circuit {
  int64_t units, inputs, outputs;
  tame_synapses inner;   /**< from units to units */
  tame_synapses sensory; /**< from inputs to units */
  int layers;
  tame_circuit_layer layer[3];
} tame_circuit;

/** Rows: full, random, ncp, autoncp (as ncps publishes them, synapse for synapse), small_world, ring, ei. */
extern const tame_table tame_circuits;

/** Draw a circuit: a function of the row, its parameters and the number of inputs. Local.
 *  @return TAME_ERR_INPUT where parameters are out of their limits or do not fit together;
 *  TAME_ERR_NOMEM; then *out holds nothing */
tame_status tame_circuit_build(tame_circuit *out, const tame_variant *kind, int64_t inputs);
/** Free what the circuit holds. Local. */
void tame_circuit_free(tame_circuit *circuit);
/** Share of the possible synapses among units that are not there: 1 - count / units^2. Local. */
double tame_circuit_sparsity(const tame_circuit *circuit);

#endif
