/** @file tame/gradient.h
 * Learning by gradients: losses of sequences, optimizers and their schedules, and backpropagation
 * through time over the ranks. For models of tame/model.h. */
#ifndef TAME_GRADIENT_H
#define TAME_GRADIENT_H

#include "tame/model.h"
#include "tame/parallel.h"

/* ---- losses ---------------------------------------------------------------------------------- */

/** Rows: mse, cross_entropy, poisson. */
extern const tame_table tame_losses;

/** Outputs and targets of some sequences. A loss is a sum over targets that are there (not NaN),
 *  each sample's times its weight. */
typedef struct tame_sequences_view {
  int64_t steps, batch, outputs;
  const double *y;      /**< [steps][batch][outputs] */
  const double *target; /**< [target steps][batch][target width], see tame_loss_shape() */
} tame_sequences_view;

/** What targets a loss wants: for how many steps, how many numbers each. mse and poisson: a number
 *  for each output at each step; cross_entropy: a class, 0 to outputs - 1, at each step, or once
 *  for the sequence. Local. */
void tame_loss_shape(const tame_variant *loss, int64_t steps, int64_t outputs,
                     int64_t *target_steps, int64_t *width);
/** Targets that are there, into counts: [batch]. TAME_ERR_INPUT for a class that is none. Local. */
tame_status tame_loss_count(const tame_variant *loss, const tame_sequences_view *view,
                            int64_t *counts);
/** Weight of a sample with `own` targets, of `samples` samples that have any, with `all` targets together: the
 *  loss is a mean over targets, or over samples of their means. Local. */
double tame_loss_weight(const tame_variant *loss, int64_t own, int64_t all, int64_t samples);
/** value: [batch], weight[b] times the sum over the targets of sample b; dy: its gradient, like y.
 *  Local. */
void tame_loss_run(const tame_variant *loss, const tame_sequences_view *view, const double *weight,
                   double *value, double *dy);

/** hits: [batch], targets of each sample whose class is that of the largest output, the first of equal
 *  ones; false for losses without classes. Local. */
bool tame_loss_has_classes(const tame_variant *loss);
bool tame_loss_hits(const tame_variant *loss, const tame_sequences_view *view, int64_t *hits);

/** dy = H ty, H the matrix of second derivatives of the sum of values by the outputs; maxima over
 *  time count as if they stayed where they are. [steps][batch][outputs] both. Local. */
void tame_loss_curve(const tame_variant *loss, const tame_sequences_view *view,
                     const double *weight, const double *ty, double *dy);

/* ---- penalties ------------------------------------------------------------------------------- */

/** l1 |.| + l2 .^2, summed over weights, or all parameters; and over the outputs of all layers but
 *  the last, in the mean of steps and samples. */
typedef struct tame_penalties {
  double weights_l1, weights_l2;
  int on; /**< 0: synaptic weights; 1: all parameters */
  double rates_l1, rates_l2;
} tame_penalties;
extern const tame_schema tame_penalties_schema;

/** The penalty on parameters; its gradient is added, unless NULL. And its second derivatives times v, added
 *  to out. Sums in the order of the slab.
 *  Local. */
void tame_penalties_product(const tame_penalties *p, const tame_model *model, const double *v,
                            double *out);
double tame_penalties_weights(const tame_penalties *p, const tame_model *model, const double *slab,
                              double *gradient);

/* ---- clipping, schedules --------------------------------------------------------------------- */

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

/** The product of the factors that schedules (tame_variant) give for update number c = 0, 1, ....
 *  Local. */
double tame_schedule_factor(const tame_list *schedules, int64_t c);

/* ---- optimizers ------------------------------------------------------------------------------ */

/** Rows: sgd, adam, adamw, rmsprop, adagrad, lbfgs; with PyTorch's equations, but for what they
 *  tell. */
extern const tame_table tame_optimizers;

typedef struct tame_optimizer tame_optimizer; /* opaque */

/** For a slab of `count` numbers. The rule is copied. TAME_ERR_INPUT, TAME_ERR_NOMEM. Local. */
tame_status tame_optimizer_create(tame_optimizer **out, const tame_variant *rule, int64_t count);
/** Numbers that it will hold. Local. */
int64_t tame_optimizer_need(const tame_variant *rule, int64_t count);
/** Free *optimizer and set it to NULL. NULL is fine. Local. */
void tame_optimizer_free(tame_optimizer **optimizer);

/** One update of the slab: the rule's rate times `factor`; epoch from 0, for rules that know of it.
 *  Where the gradient is the same on all ranks, so is the slab. Local. */
void tame_optimizer_step(tame_optimizer *optimizer, double factor, int64_t epoch,
                         const double *gradient, double *slab);
/** What rules that search by themselves (hessian_free, conjugate_gradient) work with: a loss as a function of the slab,
 *  the same on every rank. Collective. Whatever these fail with ends an update as if it had not begun, but that losses
 *  which are not finite (TAME_ERR_NUMERIC) are taken for infinite. */
typedef struct tame_problem {
  int64_t count;
  tame_status (*loss)(void *context, const double *slab, double *value);
  tame_status (*gradient)(void *context, const double *slab, double *value, double *gradient);
  /** out = (G + structural S) v, see tame_bptt_product(). */
  tame_status (*product)(void *context, const double *slab, double structural, const double *v,
                         double *out);
  void *context;
} tame_problem;

/** What an update came to. */
typedef struct tame_search_report {
  double loss, norm;  /**< before it, and the gradient's */
  double lambda;      /**< damping */
  int64_t iterations; /**< of conjugate gradients, or evaluations along a line */
  double
      reduction; /**< fall of the loss by that of the model; 0: the update has failed; NaN: there is none */
  double step;                         /**< length along the direction; 0: none */
  int64_t gradients, losses, products; /**< that it took */
  bool ended;                          /**< nothing more is to be gained, because: */
  char why[96];
} tame_search_report;

/** Does the rule search by itself? Then it wants tame_optimizer_search() for tame_optimizer_step(). Local. */
bool tame_optimizer_searches(const tame_variant *rule);
/** How many gradients of a batch an update costs, about. Local. */
double tame_optimizer_gradients(const tame_variant *rule, int64_t batch);
/** Numbers that tame_optimizer_state() adds at most. Local. */
int64_t tame_optimizer_saves(const tame_variant *rule, int64_t count);
/** Samples of a batch that its products are of; 0: all; -1: it wants no products. Local. */
int64_t tame_optimizer_curvature(const tame_variant *rule);
/** One update. Where it fails, or is left by what the problem returns, the slab is as before; a hessian_free update that
 *  was left goes on, the next time, with the conjugate gradients that it had made, and comes to the same bits. Collective. */
tame_status tame_optimizer_search(tame_optimizer *optimizer, const tame_problem *problem,
                                  double *slab, tame_search_report *report);
/** Updates so far. Local. */
int64_t tame_optimizer_updates(const tame_optimizer *optimizer);
/** Has it been left in the midst of an update? And: so it will be, once tame_optimizer_state() is restored. Local. */
bool tame_optimizer_is_under_way(const tame_optimizer *optimizer);
void tame_optimizer_set_under_way(tame_optimizer *optimizer);
/** Append all that it keeps to a state. copy: another rank answers for it. Local. */
void tame_optimizer_state(tame_optimizer *optimizer, bool copy, tame_state *state);

/* ---- backpropagation through time ------------------------------------------------------------ */

/** How gradients are made. */
typedef struct tame_bptt_params {
  tame_variant loss; /**< a row of tame_losses */
  tame_penalties penalties;
  /** Samples that are worked on together, by global id. Results depend on it by rounding; on ranks
   *  and threads they do not. */
  int64_t micro_batch;
  int64_t truncate; /**< gradients do not pass back over steps that are its multiples; 0: they do.
                         Not with bidirectional layers */
  int64_t segment;  /**< steps that are kept, others being made again when wanted; 0: all */
  bool damped;      /**< products may be damped structurally, and know penalties on rates */
} tame_bptt_params;
extern const tame_schema tame_bptt_schema;

/** The samples of a batch, as functions of their ids, 0 to samples - 1; called by several threads
 *  at once. */
typedef struct tame_batch {
  int64_t samples, steps;
  /** Samples first to first + count - 1: x: [steps][count][inputs], target: see tame_loss_shape(),
   *  elapsed: [steps][count], NULL unless has_elapsed. */
  void (*fetch)(const void *context, int64_t first, int64_t count, double *x, double *target,
                double *elapsed);
  /** Outputs of those samples, [steps][count][outputs]; NULL: not wanted. */
  void (*see)(const void *context, int64_t first, int64_t count, const double *y);
  /** For sequences that go on where others ended: put the states of those samples, arrays
   *  [count][width] as tame_model_state_parts() says, in place of the model's own start, and say
   *  true; or false. They are constants. NULL: the model's start. And: take the states after the
   *  last step; NULL: not wanted. Not with bidirectional layers. */
  bool (*resume)(const void *context, int64_t first, int64_t count, double *state);
  void (*leave)(const void *context, int64_t first, int64_t count, const double *state);
  const void *context;
  bool has_elapsed;
  /** Targets that are there, of all samples; 0: to be counted, by fetching all twice. */
  int64_t targets;
} tame_batch;

/** What a batch came to. */
typedef struct tame_batch_result {
  double loss;                 /**< all of it, the sum of: */
  double data, rates, weights; /**< what targets ask, and penalties */
  int64_t targets;             /**< that are there */
} tame_batch_result;

typedef struct tame_bptt tame_bptt; /* opaque */

/** For batches of at most so many samples and steps. Micro-batches are shared out over the ranks of
 *  comm, and over threads. The model is borrowed, the same on every rank; params are copied.
 *  Collective.
 *  @return TAME_ERR_INPUT, TAME_ERR_NOMEM; the same on every rank */
tame_status tame_bptt_create(tame_bptt **out, MPI_Comm comm, const tame_model *model,
                             const tame_bptt_params *params, int64_t samples, int64_t steps);
/** Free *bptt and set it to NULL. Local. NULL is fine. */
void tame_bptt_free(tame_bptt **bptt);
/** Bytes that a rank will need at most, with so many ranks and threads each. TAME_ERR_INPUT for
 *  what tame_bptt_create() refuses too, TAME_ERR_NOMEM. Local. */
tame_status tame_bptt_need(const tame_model *model, const tame_bptt_params *params, int64_t samples,
                           int64_t steps, int ranks, int threads, int64_t *bytes);

/** The loss of a batch at these parameters, and its gradient, [tame_model_count()], the same bits
 *  on every rank whatever their number and that of threads; gradient NULL: the loss alone.
 *  Collective.
 *  @return TAME_ERR_INPUT (a bad target), TAME_ERR_NUMERIC (a loss that is not finite); the same on
 *  every rank */
tame_status tame_bptt_run(tame_bptt *bptt, const double *slab, const tame_batch *batch,
                          tame_batch_result *result, double *gradient);

/** Gauss-Newton product, out = (J' H J + structural / samples J_h' J_h) v: J the derivative of all outputs by the
 *  parameters, H that of tame_loss_curve(), J_h that of the outputs of all layers but the last at all steps; with
 *  the second derivatives of the squares among the penalties. structural, and rates_l2, want params.damped.
 *  v, out: [tame_model_count()]. The same bits on every
 *  rank whatever their number. Schraudolph (2002), doi:10.1162/08997660260028683. Collective.
 *  @return as tame_bptt_run(); TAME_ERR_INPUT where gradients are truncated: J' would not be J's */
tame_status tame_bptt_product(tame_bptt *bptt, const double *slab, const tame_batch *batch,
                              double structural, const double *v, double *out);

#endif
