/** @file tame/task.h
 * What a network is asked to do. In one trial: stimuli, and targets for its readouts. Both are sums of
 * signals, each a row of tame_signals with its parameters, sampled once a step: sample t is the value
 * at time t * dt_ms. Where models learn by gradients: sets of sequences, each from a row of
 * tame_sources. */
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

/* ---- sequences to learn from ------------------------------------------------------------------ */

/** Rows: sines, integration, spikes, delayed_memory, addition, flip_flop, go_nogo, decision,
 *  irregular, file. */
extern const tame_table tame_sources;

/** A set of sequences, as in the YAML. */
typedef struct tame_data {
  char *name;
  tame_variant source; /**< key `from`: a row of tame_sources */
  int64_t samples; /**< 0: as many as the source has by itself, if it has; else the first so many */
  int64_t seed;    /**< of all that is drawn */
  bool fresh;      /**< new samples in each epoch; else the same ones */
} tame_data;

extern const tame_schema tame_data_schema;

/** What samples are like. */
typedef struct tame_data_shape {
  int64_t samples, steps, inputs;
  int64_t target_steps, width; /**< of targets, [target_steps][width]; 1 or steps; 0: no targets */
  int64_t classes;  /**< > 0: targets are class numbers, 0 to classes - 1, and width is 1 */
  bool has_elapsed; /**< each step knows the time since the step before */
} tame_data_shape;

/** Read what the source needs from files, relative paths from `folder`: rank 0 reads, and the ranks of a
 *  node share one copy. To be unloaded before it is loaded again. Collective.
 *  @param[out] key  if it fails: what is at fault, as "from.file.path"; valid until the next failure
 *  @return TAME_OK, TAME_ERR_INPUT (a bad file, dataset, shape, number), TAME_ERR_IO or
 *  TAME_ERR_NOMEM; the same on every rank, as is the key, and then nothing is held */
tame_status tame_data_load(tame_data *data, const char *folder, MPI_Comm comm, const char **key);
/** Give back what was read; fine where nothing was. Collective over the comm it was loaded on. */
void tame_data_unload(tame_data *data);

/** Check the set and say what its samples are like; after tame_data_load(). *key as there. TAME_OK or
 *  TAME_ERR_INPUT. Local. */
tame_status tame_data_shape_of(const tame_data *data, tame_data_shape *shape, const char **key);

/** Sample `id`, 0 <= id < shape.samples, or < 2^60 where fresh. x: [steps][inputs]; target:
 *  [target_steps][width], NaN where there is none; elapsed: [steps] or NULL, not touched unless
 *  has_elapsed. A pure function of (data, id): no draw depends on another. For data whose shape was
 *  found good; several threads may draw at once. Local. */
void tame_data_draw(const tame_data *data, int64_t id, double *x, double *target, double *elapsed);

/** Checksum of what was read from files, to see whether it is what it was; 0 where nothing was. The
 *  same on every rank. Local. */
uint64_t tame_data_checksum(const tame_data *data);

#endif
