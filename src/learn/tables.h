/** @file tables.h
 * What a learner must offer. To add one: a file with its row, and the row's name in learner.c. */
#ifndef TAME_LEARN_TABLES_H
#define TAME_LEARN_TABLES_H

#include "network/inside.h"
#include "tame/learn.h"

/** One way to train one kind of weights. A learner's own structure begins with tame_learner; create
 *  allocates it, and on failure leaves in *out what free must free. Functions as in tame/learn.h;
 *  create and health are agreed on by the caller, so that they return their own rank's view. */
typedef struct tame_rule_part {
  int64_t (*need)(const void *params, const tame_network *network);
  tame_status (*create)(tame_learner **out, const void *params, tame_network *network);
  void (*update)(tame_learner *learner, const double *error);
  tame_status (*health)(tame_learner *learner, tame_health *health);
  int64_t (*p)(tame_learner *learner, int64_t i_local, double *P);
  void (*free)(tame_learner *learner);
} tame_rule_part;

typedef struct tame_rule {
  tame_row head;
  const tame_rule_part *recurrent, *readout; /**< NULL: cannot train those */
} tame_rule;

struct tame_learner {
  const tame_rule_part *part;
  tame_network *network; /* borrowed */
};

#endif
