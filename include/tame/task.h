/** @file tame/task.h
 * What a network is asked to do in one trial: stimuli, and targets for its readouts. Both are sums of
 * signals, each a row of tame_signals with its parameters, sampled once a step: sample t is the value
 * at time t * dt_ms. */
#ifndef TAME_TASK_H
#define TAME_TASK_H

#include "tame/base.h"

extern const tame_table tame_signals;

/** One task, as in the YAML. */
typedef struct tame_task {
  char *name;
  double duration_ms;
  tame_reals window_ms; /**< [start, end): where errors count and learning happens */
  tame_list inputs;     /**< of tame_variant: rows of tame_signals */
  tame_list targets;
  tame_list perturbation; /**< inputs added in `perturb` phases */
} tame_task;

extern const tame_schema tame_task_schema;

/** Samples of channels over a trial: [steps][channels], owned by whoever made them. */
typedef struct tame_samples {
  double *at;
  int64_t steps, channels;
} tame_samples;

/** Steps in `ms`: rounded to the nearest. Local. */
int64_t tame_task_steps(double ms, double dt_ms);

/** Where signals find their files. */
typedef struct tame_signal_source {
  const char *folder;  /**< relative paths start here */
  const char *archive; /**< a results file that holds copies of them, or NULL */
  const char *group;   /**< in the archive: signal i is dataset group/i */
  int64_t network;     /**< whose row of it, by its index in the sweep */
  bool own;            /**< each network has a row of its own; else a single row is for all */
} tame_signal_source;

/** Where something is wrong with signals: which of the list, and which of its keys. */
typedef struct tame_signal_fault {
  int64_t index;
  const char *key;
} tame_signal_fault;

/** Read what the signals need from files, so that sampling cannot fail on input later. Rank 0 reads,
 *  all get the samples, which tame_signals_unload() frees. Collective.
 *  @return TAME_OK, TAME_ERR_INPUT (a bad file, shape, NaN), TAME_ERR_IO or TAME_ERR_NOMEM */
tame_status tame_signals_load(tame_list *signals, const tame_signal_source *source, MPI_Comm comm,
                              tame_signal_fault *fault);
void tame_signals_unload(tame_list *signals);

/** What a signal has read from its file; NULL for one that needs none. Borrowed. Local. */
const tame_samples *tame_signal_data(const tame_variant *signal);

/** Check signals against the task: channels exist, times lie in the trial. Local. */
tame_status tame_signals_check(const tame_list *signals, double dt_ms, const tame_samples *shape,
                               tame_signal_fault *fault);

/** Where the first signal that ends before the others do comes to its end, in steps; INT64_MAX: none does. *which:
 *  its place in the list. Local. */
int64_t tame_signals_end(const tame_list *signals, double dt_ms, int64_t *which);

/** Add up signals: out must be zeroed or hold what they are added to. Local. */
void tame_signals_sample(const tame_list *signals, double dt_ms, const tame_samples *out);

#endif
