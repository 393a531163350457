/** @file tables.h
 * What a learner must offer. To add one: a file with its row, and the row's name in learner.c. */
#ifndef TAME_LEARN_TABLES_H
#define TAME_LEARN_TABLES_H

#include "network/inside.h"
#include "tame/learn.h"

/** The first update that was not sound: of all units, that of the earliest step and the lowest unit. */
typedef struct tame_learn_failure {
  int64_t any, step; /**< 0 or 1; which step */
  int64_t unit;      /**< neuron, or -1: the readout */
  double found;      /**< what should have been positive */
} tame_learn_failure;

/** One way to train one kind of weights. A learner's own structure begins with tame_learner; create
 *  allocates it, and on failure leaves in *out what free must free. Functions as in tame/learn.h;
 *  create is agreed on by the caller, so that it returns its own rank's view; health tells p_min and p_max
 *  of this rank, infinities if it has no P, and dw of all. */
typedef struct tame_rule_part {
  /** Of recurrent weights, whose P follow from the wiring; of readouts, tame_learner_estimate(). */
  int64_t (*need)(const void *params, const tame_network *network);
  double (*bytes)(const void *params, const tame_network_params *network, int rank, int ranks,
                  double *saved);
  int (*ranks)(const void *params); /**< NULL: one will do */
  tame_status (*check)(const void *params, int64_t updates, const char **key); /**< NULL: none */
  tame_status (*create)(tame_learner **out, const void *params, tame_network *network);
  void (*hold)(tame_learner *learner); /**< NULL for readouts */
  void (*update)(tame_learner *learner, const double *error);
  tame_status (*health)(tame_learner *learner, tame_health *health);
  int64_t (*p)(tame_learner *learner, int64_t i_local, double *P); /**< NULL: it has none */
  /** The first failure of this rank into the head, and forget it elsewhere. Local. NULL: it is there. */
  void (*collect)(tame_learner *learner);
  /** What becomes of a failure, the same on every rank, and of the extremes of P. Local. NULL: nothing. */
  tame_status (*verdict)(const tame_learn_failure *failure, const tame_health *health);
  int (*figures)(const void *params, int64_t outputs, tame_figure *figures); /**< NULL: none */
  const double *(*figure)(const tame_learner *learner, int id);
  const char *(*warning)(const tame_learner *learner); /**< NULL: it has none */
  void (*state)(tame_learner *learner, tame_state *state);
  void (*free)(tame_learner *learner);
} tame_rule_part;

typedef struct tame_rule {
  tame_row head;
  const tame_rule_part *recurrent, *readout; /**< NULL: cannot train those */
} tame_rule;

struct tame_learner {
  const tame_rule_part *part;
  tame_network *network;      /* borrowed */
  tame_learn_failure failure; /* since the last health */
};

#endif
