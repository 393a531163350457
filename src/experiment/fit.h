/** @file fit.h
 * Experiments with a model that learns by gradients: their phases, checks, results and run. */
#ifndef TAME_EXPERIMENT_FIT_H
#define TAME_EXPERIMENT_FIT_H

#include "experiment/inside.h"
#include "tame/condense.h"

enum { TAME_FIT_LAST, TAME_FIT_BEST };

/** Parameters of a phase of a model; keys that a kind does not have keep their zeros. */
typedef struct tame_fit {
  char *name, *data; /**< data NULL: the first */
  /* fit */
  int64_t epochs, batch; /**< batch 0: all samples */
  bool shuffle;
  tame_bptt_params gradient;
  double memory_mb;
  tame_variant optimizer;
  tame_list schedules; /**< of tame_variant */
  tame_clipping clip;
  char *validate;
  int64_t patience;
  int weights; /**< TAME_FIT_... */
  /* test */
  tame_variant loss; /**< no row: that of the first fit */
  int64_t record;
  bool states;
  /* condense, with some of those of a fit for its retraining */
  int64_t layer;  /**< as `model.layers` counts; -1: the only rnn */
  int likeness;   /**< a tame_likeness */
  int merging;    /**< a tame_merging */
  double share;   /**< of variance, of the components whose loadings are compared */
  double until;   /**< a loss above so many times that before the first merge is too much */
  double learned; /**< a larger one before it: nothing was learned; NaN: whatever it is */
  int64_t smallest;
  int64_t retrain; /**< updates after each merge */
  char *lessons;   /**< data of those; NULL: as `data` */
} tame_fit;

static inline const tame_fit *tame_fit_at(const tame_experiment *e, int64_t k)
{
  return ((const tame_variant *)e->phases.at)[k].params;
}
/** Does it learn? Does it condense? Else it is a test. */
bool tame_fit_learns(const tame_experiment *e, int64_t phase);
bool tame_fit_condenses(const tame_experiment *e, int64_t phase);
/** Does it make updates: a fit, or a condense phase that retrains? And of which data? Local. */
bool tame_fit_updates(const tame_experiment *e, int64_t phase);
int64_t tame_fit_lessons(const tame_experiment *e, int64_t phase);
static inline tame_data *tame_data_at(const tame_experiment *e, int64_t k)
{
  return (tame_data *)e->data.at + k;
}
/** Which data a name means; NULL: the first; -1: there are none of it. Local. */
int64_t tame_fit_find_data(const tame_experiment *e, const char *name);
/** The loss of a phase, with all else that gradients are made by. Local. */
tame_bptt_params tame_fit_gradient(const tame_experiment *e, int64_t phase);
/** The same, to judge data by a phase's loss: without penalties, and what gradients keep. Local. */
tame_bptt_params tame_fit_judging(const tame_experiment *e, int64_t phase, int64_t data);
/** Samples and steps of a phase's data. Local. */
tame_data_shape tame_fit_shape(const tame_experiment *e, int64_t data);
/** Samples of one update. Local. */
int64_t tame_fit_batch(const tame_experiment *e, int64_t phase);
/** Samples that a test records. Local. */
int64_t tame_fit_recorded(const tame_experiment *e, int64_t phase);
/** Bytes a rank needs for a phase, with its segment chosen to keep below memory_mb, if any can: *segment. Local. */
tame_status tame_fit_need(const tame_experiment *e, const tame_model *model, int64_t phase,
                          int ranks, int threads, int64_t *segment, int64_t *bytes);

/** Check all that no field's limits can say, read the data. Collective. */
tame_status tame_fit_check(tame_experiment *e, MPI_Comm comm);

/* ---- results --------------------------------------------------------------------------------- */

/** What the results tell of each epoch of a fit, [network, epoch]. */
enum {
  TAME_FIT_LOSS,      /**< of all updates, before each */
  TAME_FIT_DATA_LOSS, /**< the part that targets ask */
  TAME_FIT_PENALTY,   /**< the rest */
  TAME_FIT_NORM,      /**< of the gradient, before it was clipped: the mean */
  TAME_FIT_FACTOR,    /**< of the rate, in the last update */
  TAME_FIT_PASSES, /**< how often all samples were gone through, for losses, gradients and products */
  TAME_FIT_VALIDATION, /**< the data's part, after the epoch */
  TAME_FIT_HITS,       /**< share of the validation's targets that are hit */
  TAME_FIT_SECONDS, /**< that it took in the session that ended it: below /run, not of the results proper */
  /* of optimizers that search, in the last update: */
  TAME_FIT_DAMPING,    /**< lambda */
  TAME_FIT_ITERATIONS, /**< of conjugate gradients, or evaluations along a line */
  TAME_FIT_REDUCTION,  /**< fall of the loss by that of the model; 0: no step was found */
  TAME_FIT_STEP,       /**< length along the direction */
  TAME_FIT_FIGURES
};

/** Plan the datasets of a network. Local. */
void tame_fit_plan(const tame_experiment *e, const tame_model *model, tame_blueprint *blueprint);
/** Write checksums of files; the wiring; all weights, "initial" or "final". Rank 0's. Local. */
tame_status tame_fit_put_data(const tame_experiment *e, tame_results *results, int64_t row);
tame_status tame_fit_put_wiring(const tame_model *model, tame_results *results, int64_t row);
tame_status tame_fit_put_weights(const tame_model *model, const double *slab, const char *when,
                                 tame_results *results, int64_t row);
/** Write an epoch's figures, NaN where there is none. Rank 0's. Local. */
tame_status tame_fit_put_epoch(const tame_experiment *e, int64_t phase, int64_t epoch,
                               const double figures[TAME_FIT_FIGURES], tame_results *results,
                               int64_t row);
/** Write what a test came to, where its data have targets, and classes. Rank 0's. Local. */
tame_status tame_fit_put_test(const tame_experiment *e, int64_t phase, double loss, double hits,
                              tame_results *results, int64_t row);
/** Path of a dataset of a phase. Local. */
void tame_fit_path(const tame_experiment *e, int64_t phase, const char *what, char path[TAME_PATH]);
/** Write samples of a test, as the model answers to them: this rank's share of them, by all its threads. What a
 *  sample comes to depends on it and its place alone. Local. */
tame_status tame_fit_record(const tame_experiment *e, int64_t phase, tame_model *model,
                            tame_results *results, int64_t row, MPI_Comm comm);
/** Moments of a model's outputs over all samples of a phase's data; made here, to be freed whatever is returned.
 *  Collective. TAME_ERR_NOMEM. */
tame_status tame_fit_moments(const tame_experiment *e, int64_t phase, tame_model *model,
                             MPI_Comm comm, tame_moments *out);
/** Bytes a rank needs for that. Local. */
int64_t tame_fit_moments_need(const tame_experiment *e, int64_t phase, tame_model *model, int ranks,
                              int threads);
/** Take weights from a file of e->weights: all views, of the same names and shapes, and nothing else.
 *  TAME_ERR_INPUT where they are of another model, or not finite. Rank 0's. Local. */
tame_status tame_fit_take_weights(const tame_experiment *e, tame_model *model);

/** Sample ids of a phase begin at such a place in data that are always new: no two phases see the same ones. */
static inline int64_t tame_fit_first_id(const tame_experiment *e, int64_t data, int64_t phase,
                                        bool validation)
{
  return tame_data_at(e, data)->fresh ? (2 * phase + validation) << 40 : 0;
}

/* ---- samples --------------------------------------------------------------------------------- */

/** Samples of batches: those that places first, first + 1, ... of an order name. */
typedef struct tame_fit_source {
  const tame_data *data;
  tame_data_shape shape;
  int64_t first_id;     /**< of the epoch, or the test */
  const int64_t *order; /**< [shape.samples]; NULL: as they are */
  int64_t first;        /**< place of the batch's first sample */
  double *scratch; /**< of a thread: a sample, and outputs, [threads][stride + steps * outputs] */
  double *drawn;   /**< all samples, [samples][stride], where they can be kept; else NULL */
  int64_t stride;
  const tame_variant *loss;
  int64_t outputs;
  int64_t *hits, *asked; /**< of targets, by thread */
} tame_fit_source;

/** Samples of a phase, or of its validation. Local, as all below; tame_fit_source_close() even where it fails. */
tame_status tame_fit_source_open(tame_fit_source *s, const tame_experiment *e,
                                 const tame_model *model, int64_t data, int64_t phase,
                                 bool validation, const tame_variant *loss);
void tame_fit_source_close(tame_fit_source *s);
/** Bytes it holds, with so many threads. */
int64_t tame_fit_source_need(const tame_experiment *e, const tame_model *model, int64_t data,
                             int64_t phase, int threads);
/** So many of them from s->first on, as a batch whose context is s. */
tame_batch tame_fit_source_batch(const tame_fit_source *s, int64_t samples);
/** A batch's `see`: count targets, and those that outputs hit. */
void tame_fit_source_see(const void *context, int64_t first, int64_t count, const double *y);

/* ---- what it takes --------------------------------------------------------------------------- */

/** Steps of samples that a phase goes through, those with gradients counted three times. Local. */
double tame_fit_work(const tame_experiment *e, int64_t phase);

/** What a model needs on a rank, bytes; and all of its work. */
typedef struct tame_fit_load {
  double weights, bytes; /**< all that is like its parameters; what gradients need besides */
  double optimizer;      /**< of weights: what the largest optimizer holds */
  double work;
  double shared; /**< cycles of the largest update, if ranks can share it out; else 1 */
  int64_t parameters;
} tame_fit_load;
tame_status tame_fit_survey(const tame_experiment *e, int ranks, int threads, tame_fit_load *out);

/** Foresee a run; as tame_experiment_plan(). */
tame_status tame_fit_foresee(const tame_experiment *study, const tame_plan_request *request,
                             tame_plan *plan);

/* ---- condensing ------------------------------------------------------------------------------ */

/** What the results tell after each merge, [network, merge]; number 0 is the network before the first. */
enum {
  TAME_CONDENSE_SIZE,       /**< units */
  TAME_CONDENSE_MERGED,     /**< loss, before retraining */
  TAME_CONDENSE_LOSS,       /**< loss, after it, by which it stops */
  TAME_CONDENSE_LIKENESS,   /**< of the pair */
  TAME_CONDENSE_FACTOR,     /**< c */
  TAME_CONDENSE_OFFSET,     /**< d */
  TAME_CONDENSE_COMPONENTS, /**< that make up 95 % of the variance */
  TAME_CONDENSE_RAMP,       /**< of the first one, over all samples; see tame_moments_ramp() */
  TAME_CONDENSE_RAMPS,      /**< sample by sample */
  TAME_CONDENSE_FIGURES
};

/** Check the phase by the model, whose phases before it were checked. Local. */
tame_status tame_condense_check_phase(const tame_experiment *e, const tame_model *model,
                                      int64_t phase, const char **key);
/** The layer of the model; how many units it has; the most merges that are possible. Local. */
int tame_condense_layer(const tame_experiment *e, const tame_model *model, int64_t phase);
int64_t tame_condense_units(const tame_experiment *e, int64_t phase);
int64_t tame_condense_most(const tame_experiment *e, int64_t phase);
/** A model whose layer has so many units; outputs_of: and of which it is the last. Local. */
tame_status tame_condense_model(tame_model **out, const tame_experiment *e, int64_t phase,
                                int64_t units, bool outputs_of);
/** Write some of the figures, NaN: not this one; units that a merge has to do with. Rank 0's. Local. */
tame_status tame_condense_put(const tame_experiment *e, int64_t phase, int64_t merge,
                              const double figures[TAME_CONDENSE_FIGURES], tame_results *results,
                              int64_t row);
tame_status tame_condense_put_pair(const tame_experiment *e, int64_t phase, int64_t merge,
                                   int64_t kept, int64_t removed, tame_results *results,
                                   int64_t row);
/** Write how it ended: merges that went well, and the units that are left. Rank 0's. Local. */
tame_status tame_condense_put_end(const tame_experiment *e, int64_t phase, int64_t merges,
                                  const int64_t *units, tame_results *results, int64_t row);

/** Run a model's phases; as the kinds of experiments say. */
tame_status tame_fit_run(const tame_member *member);

#endif
