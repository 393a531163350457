/** @file rls.h
 * What the two forms of recursive least squares share. */
#ifndef TAME_LEARN_RLS_H
#define TAME_LEARN_RLS_H

#include "learn/tables.h"

typedef struct tame_rls_params {
  double delta, forgetting;
} tame_rls_params;

extern const tame_rule_part tame_rls_recurrent, tame_rls_readout;

/** The gain c = 1 / (lambda + r'Pr) of an update; 0, and *failure set if it is the first, where P is
 *  no longer positive or anything is not a number. Rounding alone may leave r'Pr a little below 0. */
double tame_rls_gain(double lambda, double r_p_r, const tame_network *network, int64_t unit,
                     tame_learn_failure *failure);

/** Extend p_min and p_max of health by a diagonal element of (P - u u') scale. */
void tame_rls_diagonal(tame_health *health, double p, double u, double scale);

/** TAME_OK, or TAME_ERR_NUMERIC with a message about the failure or the smallest diagonal element. */
tame_status tame_rls_verdict(const tame_learn_failure *failure, const tame_health *health);

#endif
