/** @file tame/experiment.h
 * An experiment: network, tasks, phases, output, as a YAML file describes them; and its run. */
#ifndef TAME_EXPERIMENT_H
#define TAME_EXPERIMENT_H

#include "tame/base.h"
#include "tame/learn.h"
#include "tame/network.h"
#include "tame/parallel.h"
#include "tame/task.h"

typedef struct tame_experiment tame_experiment; /* opaque */

extern const tame_schema tame_experiment_schema;
extern const tame_table tame_phases;

/** Read and check an experiment; rank 0 reads files, all ranks get the outcome.
 *  @param path a YAML file, or a results file, whose experiment is then repeated
 *  @param sets overrides, "network.gain=1.5", [n_sets]
 *  @param[out] out owned by the caller; NULL on failure
 *  @return TAME_OK; TAME_ERR_INPUT with file, line, key, what was found and what is wanted;
 *  TAME_ERR_IO, TAME_ERR_NOMEM. Collective. */
tame_status tame_experiment_load(tame_experiment **out, MPI_Comm comm, const char *path,
                                 const char *const *sets, int n_sets);
/** The same from a text, which is the same on every rank. Relative paths start in the working folder.
 *  Collective. */
tame_status tame_experiment_parse(tame_experiment **out, MPI_Comm comm, const char *text);
/** Local. NULL is fine. */
void tame_experiment_free(tame_experiment **experiment);

/** The experiment as YAML with all defaults filled in: it reproduces the run by itself. Borrowed. Local. */
const char *tame_experiment_text(const tame_experiment *experiment);
const char *tame_experiment_name(const tame_experiment *experiment);
/** Where its results go if no other file is named: NAME.h5. Borrowed. Local. */
const char *tame_experiment_output(const tame_experiment *experiment);

/** How far a run is. */
typedef struct tame_progress {
  const char *phase, *task;
  int64_t trial, trials;     /**< of the phase, from 0 */
  double loss;               /**< of the last trial of this phase and task; NaN: none yet */
  double updates_per_second; /**< of the learner, 0 where none learns */
  double share;              /**< of the whole run, by expected time, 0 to 1 */
  double seconds_left;       /**< NaN while unknown */
  bool trial_ended;          /**< a trial has just ended; else we are in the middle */
} tame_progress;

typedef struct tame_run_options {
  const char *output; /**< results file; NULL: tame_experiment_output() */
  bool force;         /**< replace an existing one */
  /** Called on rank 0 only; any may be NULL. */
  void (*progress)(const tame_progress *progress, void *context);
  void (*note)(const char *line, void *context); /**< the layout, warnings */
  void *context;
} tame_run_options;

/** Run all phases and write the results. Collective. On failure nothing is left under the final name.
 *  @return TAME_OK, TAME_ERR_INPUT, TAME_ERR_NOMEM, TAME_ERR_IO or TAME_ERR_NUMERIC, the same on
 *  every rank */
tame_status tame_experiment_run(tame_experiment *experiment, MPI_Comm comm,
                                const tame_run_options *options);

#endif
