/** @file fit_run.h
 * The run of a model as its phases see it. Functions are Collective where not said otherwise. */
#ifndef TAME_EXPERIMENT_FIT_RUN_H
#define TAME_EXPERIMENT_FIT_RUN_H

#include "experiment/fit.h"

/** Sums over the updates of an epoch, weighed by their targets; those; the last factor; samples that were gone
 *  through. */
enum {
  TAME_SUM_LOSS,
  TAME_SUM_DATA,
  TAME_SUM_NORM,
  TAME_SUM_TARGETS,
  TAME_SUM_FACTOR,
  TAME_SUM_SEEN,
  TAME_SUMS
};

typedef struct tame_fit_run_state {
  const tame_member *member;
  const tame_experiment *e;
  tame_course course;
  tame_model *whole; /**< as the experiment says; owned */
  tame_model
      *model; /**< what phases work on: the whole, or while units are merged, one with fewer */
  double *gradient, *previous,
      *best; /**< like the whole slab: before the last update; best by validation */

  /* where it stands */
  int64_t phase, epoch;
  int64_t done;  /**< samples of this epoch */
  int64_t stale; /**< epochs since the best one */
  bool ended;    /**< the optimizer finds nothing more */
  double sums[TAME_SUMS], best_loss;
  bool restored;     /**< the phase goes on from a checkpoint */
  int64_t merges;    /**< that went well */
  int64_t retrained; /**< updates since the one that is being tried; -1: none is */
  int64_t removed;   /**< which unit that left out, by its place among those before it */
  double first_loss; /**< before the first merge; NaN: not known yet */
  int64_t *units;    /**< that were left after the merges that went well, [units of the whole] */

  /* the phase that runs */
  tame_optimizer *optimizer;
  tame_bptt *bptt, *curve,
      *judge;               /**< of updates; of products; of the test's, or validation's, samples */
  tame_batch_result result; /**< where the last update that searched began */
  bool starts;              /**< the next gradient is that one */
  int64_t evaluations;      /**< that it has asked for, in this session */
  tame_search_report found; /**< of the last update that searched */
  tame_fit_source learns, judges;
  int64_t *order;     /**< [samples] */
  double epoch_began; /**< in this session */

  /* progress */
  double work_all, work_done; /**< sample steps, those with gradients counted three times */
  double work_before;         /**< done before this session */
  double work_before_phase;   /**< of all phases before this one */
  int64_t updates;
  double learning_seconds;
} tame_fit_run_state;

/** Loss of all samples, as targets ask it; share of targets that are hit, NaN where there are no classes. */
tame_status tame_fit_judge(tame_fit_run_state *r, double *loss, double *hits);
/** Tell the user how far it is. Local. */
void tame_fit_report(tame_fit_run_state *r, bool ended);
/** Put where we are before a message; weights whose numbers are not finite give way to those before. Local. */
tame_status tame_fit_place_failure(const tame_fit_run_state *r, tame_status status);
/** The samples of an epoch, in their order. Local. */
void tame_fit_begin_epoch(tame_fit_run_state *r);
/** One update. */
tame_status tame_fit_update(tame_fit_run_state *r);

/** What judges data by the loss of a phase; what its updates learn from; what makes them, for r->model. All are closed
 *  with the phase, or before. */
tame_status tame_fit_open_judge(tame_fit_run_state *r, int64_t data, bool validation);
tame_status tame_fit_open_lessons(tame_fit_run_state *r);
tame_status tame_fit_open_updates(tame_fit_run_state *r);
/** Local. */
void tame_fit_close_updates(tame_fit_run_state *r);

/** A phase that condenses: room for it where the run stands; its run; what a checkpoint keeps of it besides; its end,
 *  where r->model is the whole again (Local; of other phases nothing). */
tame_status tame_condense_open(tame_fit_run_state *r);
tame_status tame_condense_run(tame_fit_run_state *r);
void tame_condense_state(tame_fit_run_state *r, bool copy, tame_state *state);
void tame_condense_close(tame_fit_run_state *r);

#endif
