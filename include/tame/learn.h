/** @file tame/learn.h
 * Learners: rules that change the weights of a network towards targets, step by step.
 *
 * Recursive least squares (`rls`), for each trained unit with plastic inputs B, rates r_B, error e:
 *     k = P r_B,  c = 1 / (lambda + r_B . k),  P <- (P - c k k') / lambda,  w_B <- w_B - c e k,
 * P = I / delta at first, kept from trial to trial. All units of a step use errors from before any
 * weight changes. Sussillo & Abbott (2009), Neuron 63:544-557, doi:10.1016/j.neuron.2009.07.018;
 * Laje & Buonomano (2013), Nat. Neurosci. 16:925-933, doi:10.1038/nn.3405.
 *
 * Batch rules for readouts (`ridge`, `lasso`, `elastic_net`): an update adds a sample (r, f) to sums, and the end
 * of a trial solves for W_out and b over all updates so far; until then z is that of the weights before. Of several
 * alphas each output gets the one of least error by cross-validation: sample s, counted over the phase, belongs to
 * fold (s / fold_length) mod folds; what is left of a fold's error is the mean square of y - b - x . w over its
 * samples, with w and b from the other folds. */
#ifndef TAME_LEARN_H
#define TAME_LEARN_H

#include "tame/network.h"

/** Which weights are learnt. */
typedef enum tame_weights {
  TAME_WEIGHTS_RECURRENT, /**< the plastic synapses; one error per own neuron */
  TAME_WEIGHTS_READOUT,   /**< all of W_out; one error per output; one P for all outputs */
} tame_weights;

typedef struct tame_learner tame_learner; /* opaque */

extern const tame_table tame_learners;

/** How learning goes, since the last call of tame_learner_health(). */
typedef struct tame_health {
  double p_min, p_max; /**< smallest and largest diagonal element of P; NaN where there is none */
  double dw;           /**< |W now - W then|, Frobenius norm over the learnt weights */
} tame_health;

/** Can the rule train these weights? Local. */
bool tame_learner_can(const tame_variant *rule, tame_weights weights);

/** Check what no single field's limits can say, for a first trial with so many updates. TAME_ERR_INPUT; *key then
 *  names the parameter, "alpha". Local. */
tame_status tame_learner_check(const tame_variant *rule, tame_weights weights, int64_t updates,
                               const char **key);

/** Ranks that the rule needs at least, as they solve together. Local. */
int tame_learner_ranks(const tame_variant *rule, tame_weights weights);

/** Bytes that rank `rank` of `ranks` will need for a learner of readouts, before there is a network; *saved: of its
 *  part of a checkpoint. Local. */
double tame_learner_estimate(const tame_variant *rule, const tame_network_params *network, int rank,
                             int ranks, double *saved);

/** Bytes that this rank will need for the learner: P, or sums and what it takes to solve from them, and what is small
 *  beside it. Local. */
int64_t tame_learner_need(const tame_variant *rule, const tame_network *network,
                          tame_weights weights);

/** Make a learner of a row of tame_learners for these weights of a network; both must outlive it.
 *  Collective. TAME_ERR_INPUT where there is nothing to learn; TAME_ERR_NOMEM. */
tame_status tame_learner_create(tame_learner **out, const tame_variant *rule, tame_network *network,
                                tame_weights weights);
/** Free *learner and set it to NULL. Collective. NULL is fine. */
void tame_learner_free(tame_learner **learner);

/** The next update is about the currents of the step to come: keep the rates that drive it. For recurrent weights.
 *  Local. */
void tame_learner_hold(tame_learner *learner);

/** One update with the network's current rates, or with those that were held. error: r - R of this rank's neurons, [n_local], or
 *  z - f, [outputs] and the same on every rank; in double; borrowed. A failure (P not positive, NaN)
 *  is kept for tame_learner_health(), so that no rank leaves the time loop alone. Collective. */
void tame_learner_update(tame_learner *learner, const double *error);

/** Bring P up to date and report. TAME_ERR_NUMERIC, the same on every rank, if an update since the
 *  last call, or P as it stands, is not sound. Collective. */
tame_status tame_learner_health(tame_learner *learner, tame_health *health);

/** What a rule tells of each trial beside its health. */
typedef struct tame_figure {
  int id; /**< the rule's own */
  const char *name, *units;
  int axes; /**< 0: a number a trial; 1: [outputs]; 2: [outputs][alphas] */
  int64_t shape[2];
} tame_figure;

enum { TAME_FIGURES = 8 /**< most of them */ };

/** Figures of a rule for a network with so many outputs; returns how many. Local. */
int tame_learner_figures(const tame_variant *rule, tame_weights weights, int64_t outputs,
                         tame_figure figures[TAME_FIGURES]);
/** Values of one of them as the last health found them, on rank 0. Borrowed. Local. */
const double *tame_learner_figure(const tame_learner *learner, int id);
/** What is not as it should be with the solution of the last health, though it is one: a sentence, on rank 0; NULL:
 *  nothing. Borrowed. Local. */
const char *tame_learner_warning(const tame_learner *learner);

/** Append what changes in a learner to a state: P with its pending update, weights at the last health,
 *  failures. Collective; a failure shows in state->failed. */
void tame_learner_state(tame_learner *learner, tame_state *state);

/** For tests and tools: P of own neuron i_local (recurrent), or of the readout (i_local ignored), up
 *  to date and unpacked as doubles, into P: [K][K]. Returns K, 0 for a rule without P; P NULL: only that. Local for recurrent
 *  weights, Collective for readouts. */
int64_t tame_learner_p(tame_learner *learner, int64_t i_local, double *P);

#endif
