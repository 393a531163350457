/** @file tables.h
 * What a row of the tables of this room must offer. To add a circuit: one file with its row, and
 * the row's name in circuit.c; a cell: one file with its row, and the row's name in model.c. */
#ifndef TAME_MODEL_TABLES_H
#define TAME_MODEL_TABLES_H

#include "tame/model.h"

/* ---- circuits -------------------------------------------------------------------------------- */

/** A circuit while it is drawn: -1, 0, +1 for every pair, so that drawing a synapse twice
 *  overwrites. */
typedef struct tame_draft {
  int64_t units, inputs;
  int8_t *inner;   /**< [source][destination], [units][units], zeros at first */
  int8_t *sensory; /**< [input][destination], [inputs][units] */
} tame_draft;

typedef struct tame_circuit_kind {
  tame_row head;
  /** Units, outputs and layers into the circuit; its inputs are set. TAME_ERR_INPUT with a message
   *  that begins with the parameter where parameters do not fit together. */
  tame_status (*plan)(const void *params, tame_circuit *circuit);
  /** All synapses. TAME_ERR_NOMEM. */
  tame_status (*draw)(const void *params, tame_draft *draft);
} tame_circuit_kind;

/** One layer of all units, the first `outputs` of which are seen outside; outputs 0: all. */
tame_status tame_circuit_plan_flat(tame_circuit *circuit, int64_t units, int64_t outputs);

/** The fields that most circuits begin with. */
#define TAME_CIRCUIT_UNITS(type)                                                                   \
  {"units", TAME_INT, .offset = offsetof(type, units), .min = 1, .max = 32000, .doc = "neurons"},  \
  {                                                                                                \
    "outputs", TAME_INT, .offset = offsetof(type, outputs), .fallback = "0", .min = 0,             \
                         .max = 32000,                                                             \
                         .doc = "how many of them, from the first on, are outputs; 0: all"         \
  }
#define TAME_CIRCUIT_SEED(type, default_seed)                                                      \
  {                                                                                                \
    "seed", TAME_INT, .offset = offsetof(type, seed), .fallback = default_seed, .min = 0,          \
                      .max = 4294967295, .doc = "root of the random numbers"                       \
  }

#endif
