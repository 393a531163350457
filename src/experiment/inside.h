/** @file inside.h
 * An experiment as read, and the parts of its run. */
#ifndef TAME_EXPERIMENT_INSIDE_H
#define TAME_EXPERIMENT_INSIDE_H

#include "experiment/yaml.h"
#include "tame/experiment.h"
#include "tame/store.h"

/** What a phase does with a trial. */
typedef enum tame_phase_kind {
  TAME_PHASE_RECORD,
  TAME_PHASE_TEST,
  TAME_PHASE_PERTURB,
  TAME_PHASE_TRAIN,
} tame_phase_kind;

/** A row of tame_phases. */
typedef struct tame_phase_row {
  tame_row head;
  tame_phase_kind kind;
} tame_phase_row;

/** Parameters of any phase; keys that a kind does not have keep their zeros. */
typedef struct tame_phase {
  char *name;
  tame_strings tasks; /**< empty: all */
  int64_t trials;
  bool noise;
  int weights; /**< a tame_weights */
  tame_variant learner;
  char *target;         /**< a record phase, for recurrent weights */
  int64_t every;        /**< steps between updates */
  tame_reals window_ms; /**< empty: each task's */
} tame_phase;

/** What is recorded of trials. */
typedef struct tame_recording {
  tame_strings neurons; /**< "all", "none", or ranges "0-99" (rates only) */
  int64_t every;        /**< steps between samples; 0: nothing */
  tame_strings phases;  /**< empty: all but training */
} tame_recording;

enum { TAME_KEEP_NONE, TAME_KEEP_FINAL, TAME_KEEP_BOTH };

typedef struct tame_output {
  tame_recording rates, readout;
  int weights;
  bool initial_state;
} tame_output;

/** A task with its signals sampled: [steps][channels] each; at NULL where there are no signals. */
typedef struct tame_script {
  int64_t steps;
  double window_ms[2];
  tame_samples input, perturbation, target;
  tame_samples perturbed; /**< input and perturbation together */
} tame_script;

struct tame_experiment {
  /* what the YAML says */
  char *name;
  tame_network_params network;
  tame_list tasks;  /* of tame_task */
  tame_list phases; /* of tame_variant, rows of tame_phases */
  tame_output output;
  /* what follows from it */
  tame_yaml_marks *marks;
  char *text, *results; /* effective text; NAME.h5 */
  tame_script *scripts; /* [tasks.count] */
  int64_t *recorded;    /* ids of the recorded neurons, ascending, [n_recorded] */
  int64_t n_recorded;
};

static inline const tame_task *tame_task_at(const tame_experiment *e, int64_t k)
{
  return (const tame_task *)e->tasks.at + k;
}
static inline const tame_phase *tame_phase_at(const tame_experiment *e, int64_t k)
{
  return ((const tame_variant *)e->phases.at)[k].params;
}
static inline tame_phase_kind tame_phase_kind_at(const tame_experiment *e, int64_t k)
{
  return ((const tame_phase_row *)((const tame_variant *)e->phases.at)[k].row)->kind;
}

/** Trials of each task of a phase. */
static inline int64_t tame_phase_trials(const tame_experiment *e, int64_t k)
{
  return tame_phase_kind_at(e, k) == TAME_PHASE_RECORD ? 1 : tame_phase_at(e, k)->trials;
}

/** Is the task part of the phase? */
bool tame_phase_has_task(const tame_experiment *e, int64_t phase, int64_t task);
/** Is a recording made in the phase? */
bool tame_recording_covers(const tame_experiment *e, const tame_recording *r, int64_t phase);
/** Steps [first, last) in which a phase learns, or counts errors, in a task. */
void tame_phase_window(const tame_experiment *e, int64_t phase, int64_t task, int64_t *first,
                       int64_t *last);
/** The record phase that gives the target of a train phase; -1: none. */
int64_t tame_phase_target(const tame_experiment *e, int64_t phase);

/** Check all that no field's limits can say, sample the signals. Collective for files. */
tame_status tame_experiment_check(tame_experiment *e, MPI_Comm comm, const char *folder,
                                  const char *archive);

/* ---- recording: layout and contents of the results ----------------------------------------- */

typedef struct tame_recorder tame_recorder;

/** Bytes of buffers on a rank that owns a share (0 to 1) of the neurons. Local. */
double tame_recorder_estimate(const tame_experiment *e, double share);

/** Plan the results file, open it, write what is known before the first trial. The experiment and the
 *  network must outlive the recorder. Collective. */
tame_status tame_recorder_create(tame_recorder **out, const tame_experiment *e,
                                 const tame_network *network, const char *path, bool force);
/** Throw the file away if it is not finished. Collective. NULL is fine. */
void tame_recorder_free(tame_recorder **recorder);

/** A trial starts, from the network's state. Local. */
void tame_recorder_start(tame_recorder *recorder, int64_t phase, int64_t task);
/** Is z to be kept of step t of this trial? Local. */
bool tame_recorder_wants_readout(const tame_recorder *recorder, int64_t t);
/** Keep what is asked of the state after step t. z: [outputs], or NULL where not wanted. Local. */
void tame_recorder_step(tame_recorder *recorder, int64_t t, const double *z);

/** Figures of a trial that has ended. */
typedef struct tame_trial_figures {
  double loss; /**< NaN: none */
  tame_health health;
} tame_trial_figures;

/** Write the trial. Collective. */
tame_status tame_recorder_end(tame_recorder *recorder, int64_t trial,
                              const tame_trial_figures *figures);

/** How a run was made, for the root of the file. */
typedef struct tame_provenance {
  tame_layout layout;
  double seconds;
  char started[32], finished[32]; /**< UTC, "2026-01-31T12:00:00Z" */
} tame_provenance;

/** Write weights after training and provenance, give the file its name. Collective. */
tame_status tame_recorder_finish(tame_recorder *recorder, const tame_provenance *provenance);

#endif
