/** @file inside.h
 * An experiment as read, and the parts of its run. */
#ifndef TAME_EXPERIMENT_INSIDE_H
#define TAME_EXPERIMENT_INSIDE_H

#include "experiment/sweep.h"
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

/** Where an experiment came from; enough to read it again. */
typedef struct tame_source {
  char *name;    /**< of the file, for messages */
  char *text;    /**< of it */
  char *folder;  /**< where relative paths start */
  char *archive; /**< a results file with copies of what was read from files, or NULL */
  char **sets;   /**< overrides, [n_sets] */
  int n_sets;
  int64_t network; /**< index in a sweep */
  bool own;        /**< whose networks have different tasks */
} tame_source;

struct tame_experiment {
  /* what the YAML says */
  char *name;
  tame_network_params network;
  tame_list tasks;  /* of tame_task */
  tame_list phases; /* of tame_variant, rows of tame_phases */
  tame_output output;
  tame_sweep sweep;
  /* what follows from it */
  tame_source source; /* owned */
  tame_sweep_plan *plan;
  char *reference; /* text of the file of published values */
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

/** Read, check and expand an experiment from its source, which is copied. Collective. */
tame_status tame_experiment_build(tame_experiment **out, MPI_Comm comm, const tame_source *source);

/** Check all that no field's limits can say, sample the signals. Collective for files. */
tame_status tame_experiment_check(tame_experiment *e, MPI_Comm comm);

/* ---- recording: layout and contents of the results ----------------------------------------- */

typedef struct tame_recorder tame_recorder;

/** Bytes of buffers on a rank that owns a share (0 to 1) of the neurons. Local. */
double tame_recorder_estimate(const tame_experiment *e, double share);

/** Have all networks of a sweep this dataset in common? Local. */
bool tame_experiment_shares(const tame_experiment *e, const char *path);

/** Plan the datasets of a network: of each its row, [1, ...]. Local. */
void tame_recorder_plan(const tame_experiment *e, int64_t synapses, tame_blueprint *blueprint);
/** Write the signals of the tasks, the ids of the recorded neurons, into a row. Local, by one rank. */
tame_status tame_recorder_put_tasks(const tame_experiment *e, tame_results *results, int64_t row);
tame_status tame_recorder_put_recorded(const tame_experiment *e, tame_results *results,
                                       int64_t row);

/** The recorder of a network, which writes a row of all datasets. The experiment, network and results must
 *  outlive it. Collective over the network's ranks. */
tame_status tame_recorder_create(tame_recorder **out, const tame_experiment *e,
                                 const tame_network *network, tame_results *results, int64_t row);
/** Local. NULL is fine. */
void tame_recorder_free(tame_recorder **recorder);
/** Write the weights before training. Local. */
tame_status tame_recorder_begin(tame_recorder *recorder);

/** A trial starts, or is gone on with. Local. */
void tame_recorder_start(tame_recorder *recorder, int64_t phase, int64_t task);
/** Keep the state that the trial starts from. Local. */
void tame_recorder_keep_initial(tame_recorder *recorder);
/** Is z to be kept of step t of this trial? Local. */
bool tame_recorder_wants_readout(const tame_recorder *recorder, int64_t t);
/** Keep what is asked of the state after step t. z: [outputs], or NULL where not wanted. Local. */
void tame_recorder_step(tame_recorder *recorder, int64_t t, const double *z);
/** Append what was kept of this trial to a state. Local. */
void tame_recorder_state(tame_recorder *recorder, tame_state *state);

/** Figures of a trial that has ended, the same on every rank. */
typedef struct tame_trial_figures {
  double loss;               /**< NaN: none */
  const double *correlation; /**< of readouts and targets, [outputs] */
  tame_health health;
  const tame_learner *learner; /**< NULL: none */
} tame_trial_figures;

/** Write the trial. Local. */
tame_status tame_recorder_end(tame_recorder *recorder, int64_t trial,
                              const tame_trial_figures *figures);
/** Write the weights after training, force all to the disk. Local. */
tame_status tame_recorder_finish(tame_recorder *recorder);

/* ---- the run of one network ------------------------------------------------------------------ */

/** What one network's run needs of the whole. */
typedef struct tame_member {
  const tame_experiment *e; /**< its own */
  int64_t network, row;     /**< index in the sweep; row in the results */
  MPI_Comm comm;            /**< the ranks that work on it */
  tame_layout layout;
  tame_results *results;
  tame_queue *queue;
  const tame_run_options *options;
  const char *folder;           /**< of checkpoints */
  bool fresh;                   /**< start from the beginning, whatever checkpoints there are */
  bool tell_layout;             /**< there is but this one */
  bool put_tasks, put_recorded; /**< signals and ids of recorded neurons are its own */
  int64_t networks;             /**< of the run, for its progress */
  double stop_at;               /**< by MPI_Wtime(); INFINITY: never */
} tame_member;

/** Write a text of a fixed width, cut if it is longer. Local. */
tame_status tame_member_put_text(tame_results *results, const char *path, int64_t row,
                                 const char *text);
/** Bytes on a rank with a share of the neurons: rates kept as targets, and what is recorded. Local. */
double tame_run_recordings(const tame_experiment *e, double share);
/** TAME_ERR_NOMEM where a rank needs more than there is for it. Local. */
tame_status tame_run_refuse_above(const tame_layout *layout, int ranks, double need,
                                  const char *what);

/** Run a network, from its newest checkpoint if there is one. Collective over its ranks.
 *  @return TAME_OK; TAME_STOPPED after a checkpoint; TAME_ERR_INPUT or TAME_ERR_NUMERIC, which are the
 *  network's own fault; TAME_ERR_NOMEM or TAME_ERR_IO, the world's */
tame_status tame_member_run(const tame_member *member);

#endif
