/** @file tame/gradient.h
 * Learning by gradients: losses of sequences, optimizers and their schedules, and backpropagation through time over
 * the ranks. For models of tame/model.h. */
#ifndef TAME_GRADIENT_H
#define TAME_GRADIENT_H

#include "tame/model.h"

/* ---- losses ----------------------------------------------------------------------------------- */

/** Rows: mse, cross_entropy, poisson. */
extern const tame_table tame_losses;

/** Outputs and targets of some sequences. A loss is a sum over targets that are there (not NaN), each sample's times
 *  its weight. */
typedef struct tame_sequences_view {
  int64_t steps, batch, outputs;
  const double *y;      /**< [steps][batch][outputs] */
  const double *target; /**< [target steps][batch][target width], see tame_loss_shape() */
} tame_sequences_view;

/** What targets a loss wants: for how many steps, how many numbers each. mse and poisson: a number for each output at
 *  each step; cross_entropy: a class, 0 to outputs - 1, at each step, or once for the sequence. Local. */
void tame_loss_shape(const tame_variant *loss, int64_t steps, int64_t outputs,
                     int64_t *target_steps, int64_t *width);
/** Targets that are there, into counts: [batch]. TAME_ERR_INPUT for a class that is none. Local. */
tame_status tame_loss_count(const tame_variant *loss, const tame_sequences_view *view,
                            int64_t *counts);
/** Weight of a sample with `own` targets, of `samples` samples with `all` targets together: the loss is a mean over
 *  targets, or over samples of their means. Local. */
double tame_loss_weight(const tame_variant *loss, int64_t own, int64_t all, int64_t samples);
/** value: [batch], weight[b] times the sum over the targets of sample b; dy: its gradient, like y. Local. */
void tame_loss_run(const tame_variant *loss, const tame_sequences_view *view, const double *weight,
                   double *value, double *dy);

/* ---- penalties -------------------------------------------------------------------------------- */

/** l1 |.| + l2 .^2, summed over weights, or all parameters; and over the outputs of all layers but the last, in the
 *  mean of steps and samples. */
typedef struct tame_penalties {
  double weights_l1, weights_l2;
  int on; /**< 0: synaptic weights; 1: all parameters */
  double rates_l1, rates_l2;
} tame_penalties;
extern const tame_schema tame_penalties_schema;

/** The penalty on parameters; its gradient is added. Sums in the order of the slab. Local. */
double tame_penalties_weights(const tame_penalties *p, const tame_model *model, const double *slab,
                              double *gradient);

/* ---- clipping, schedules ------------------------------------------------------------------------ */

/** What to do to a gradient before it is used; NaN: nothing. First values, then the norm. */
typedef struct tame_clipping {
  double value; /**< each number into [-value, value] */
  double norm;  /**< times norm / (|gradient| + 1e-6), if that is below 1 */
} tame_clipping;
extern const tame_schema tame_clipping_schema;

/** Returns the norm as it was before. In the order of the slab. Local. */
double tame_clip(const tame_clipping *clipping, int64_t count, double *gradient);

/** Rows: exponential, step, cosine, warm_up. */
extern const tame_table tame_schedules;

/** The product of the factors that schedules (tame_variant) give for update number c = 0, 1, .... Local. */
double tame_schedule_factor(const tame_list *schedules, int64_t c);

/* ---- optimizers --------------------------------------------------------------------------------- */

/** Rows: sgd, adam, adamw, rmsprop, adagrad, lbfgs; with PyTorch's equations, but for what they tell. */
extern const tame_table tame_optimizers;

typedef struct tame_optimizer tame_optimizer; /* opaque */

/** For a slab of `count` numbers. The rule is copied. TAME_ERR_INPUT, TAME_ERR_NOMEM. Local. */
tame_status tame_optimizer_create(tame_optimizer **out, const tame_variant *rule, int64_t count);
/** Free *optimizer and set it to NULL. NULL is fine. Local. */
void tame_optimizer_free(tame_optimizer **optimizer);

/** One update of the slab: the rule's rate times `factor`; epoch from 0, for rules that know of it. Where the
 *  gradient is the same on all ranks, so is the slab. Local. */
void tame_optimizer_step(tame_optimizer *optimizer, double factor, int64_t epoch,
                         const double *gradient, double *slab);
/** Updates so far. Local. */
int64_t tame_optimizer_updates(const tame_optimizer *optimizer);
/** Append all that it keeps to a state. copy: another rank answers for it. Local. */
void tame_optimizer_state(tame_optimizer *optimizer, bool copy, tame_state *state);

#endif
