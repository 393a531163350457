/** @file batch.h
 * Readouts that are solved for at the end of each trial, from sums over all updates of the phase. */
#ifndef TAME_LEARN_BATCH_H
#define TAME_LEARN_BATCH_H

#include "learn/tables.h"

/** The normal equations of a phase: features are the rates, targets those of the outputs. */
typedef struct tame_normal_equations {
  int64_t samples, features, targets;
  double *H;        /**< X'X, [features][features]; may be overwritten */
  const double *q;  /**< X'Y, [targets][features] */
  const double *yy; /**< y'y, [targets] */
  double *w;        /**< [targets][features]: holds the last solution, gets the new one */
} tame_normal_equations;

/** What all batch rules have in their tables, first of all. */
typedef struct tame_batch_params {
  bool intercept; /**< solve for centred data, b = mean y - w . mean x */
} tame_batch_params;

/** Fill in w. On rank 0. TAME_ERR_NUMERIC, TAME_ERR_NOMEM. Local. */
typedef tame_status tame_batch_solve(const void *params, tame_normal_equations *equations);

/** A tame_rule_part whose create is given: it calls tame_batch_create() with who solves. */
#define TAME_BATCH_PART(create_it)                                                                 \
  {                                                                                                \
    .need = tame_batch_need, .create = (create_it), .update = tame_batch_update,                   \
    .health = tame_batch_health, .state = tame_batch_state, .free = tame_batch_free                \
  }

/** Functions of the part, see learn/tables.h; params must outlive the learner. */
int64_t tame_batch_need(const void *params, const tame_network *network);
tame_status tame_batch_create(tame_learner **out, const void *params, tame_network *network,
                              tame_batch_solve *solve);
void tame_batch_update(tame_learner *learner, const double *error);
tame_status tame_batch_health(tame_learner *learner, tame_health *health);
void tame_batch_state(tame_learner *learner, tame_state *state);
void tame_batch_free(tame_learner *learner);

#endif
