/** @file inside.h
 * An experiment as read, and the parts of its run. */
#ifndef TAME_EXPERIMENT_INSIDE_H
#define TAME_EXPERIMENT_INSIDE_H

#include "experiment/sweep.h"
#include "experiment/yaml.h"
#include "tame/analysis.h"
#include "tame/experiment.h"
#include "tame/gradient.h"
#include "tame/store.h"

/** What a phase does with a trial. */
typedef enum tame_phase_kind {
  TAME_PHASE_RECORD,
  TAME_PHASE_TEST,
  TAME_PHASE_PERTURB,
  TAME_PHASE_TRAIN,
  TAME_PHASE_ANALYSE,
} tame_phase_kind;

/** A row of tame_phases. */
typedef struct tame_phase_row {
  tame_row head;
  tame_phase_kind kind;
} tame_phase_row;

/** What is fed back to a network that has feedback, and what of it a record phase keeps for training. */
enum { TAME_FEED_READOUT, TAME_FEED_TARGET, TAME_FEED_NONE };
enum { TAME_KEEP_RATES, TAME_KEEP_CURRENTS };

/** Parameters of any phase; keys that a kind does not have keep their zeros. */
typedef struct tame_phase {
  char *name;
  tame_strings tasks; /**< empty: all */
  int64_t trials;
  bool noise;
  bool go_on;        /**< from the state at the end of the last trial */
  int feedback;      /**< TAME_FEED_... */
  double teacher_ms; /**< until then the target is fed back, whatever comes later */
  int keep;          /**< TAME_KEEP_..., of a record phase */
  int weights;       /**< a tame_weights */
  tame_variant learner;
  char *target;         /**< a record phase, for recurrent weights */
  int64_t every;        /**< steps between updates */
  tame_reals window_ms; /**< empty: each task's */
  tame_list by;         /**< of tame_variant, rows of tame_analyses */
} tame_phase;

/** What is recorded of trials. */
typedef struct tame_recording {
  tame_strings variables; /**< of units; empty: none (states only) */
  tame_strings neurons;   /**< "all", "none", or ranges "0-99" (rates and states) */
  int64_t every;          /**< steps between samples; 0: nothing */
  tame_strings phases;    /**< empty: all but training and analyses */
} tame_recording;

/** Ids of recorded neurons, ascending, [count]. */
typedef struct tame_recorded {
  int64_t *ids, count;
} tame_recorded;

enum { TAME_KEEP_NONE, TAME_KEEP_FINAL, TAME_KEEP_BOTH };

typedef struct tame_output {
  tame_recording rates, states, readout;
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
  bool cells;      /**< whose networks have different cells */
} tame_source;

/** What an experiment is about: a network that learns trial by trial, or a model that learns by gradients. */
typedef struct tame_experiment_kind tame_experiment_kind;
struct tame_member;
extern const tame_experiment_kind tame_kind_network, tame_kind_model;

struct tame_experiment {
  const tame_experiment_kind *kind;
  /* what the YAML says */
  char *name;
  tame_network_params network;
  tame_list tasks;  /* of tame_task */
  tame_list phases; /* of tame_variant, rows of tame_phases, or of tame_model_phases */
  tame_output output;
  tame_sweep sweep;
  /* of a model instead of network, tasks and output */
  tame_model_params model;
  tame_list data; /* of tame_data */
  struct tame_first_weights {
    char *path;
    int64_t network;
  } weights; /* of a results file, to begin with; path NULL: drawn */
  int keep;  /* TAME_KEEP_... */
  /* what follows from it */
  tame_source source; /* owned */
  tame_sweep_plan *plan;
  char *reference; /* text of the file of published values */
  tame_yaml_marks *marks;
  char *text, *results;            /* effective text; NAME.h5 */
  tame_script *scripts;            /* [tasks.count] */
  tame_recorded recorded, watched; /* neurons whose rates, and whose states are recorded */
};

/** What study.c wants to know of a network before it runs, for a group of `given` ranks, 0: of as many as are
 *  of use, at most `size`. */
typedef struct tame_look {
  const tame_layout *layout;
  int given, size;
  int fewest;                /**< set: ranks that it needs for its memory */
  double cycles, a_step;     /**< set: it takes, and one of its steps */
  tame_blueprint *blueprint; /**< added to: what it will write */
} tame_look;

struct tame_experiment_kind {
  const tame_schema *schema;
  const char *key;  /**< that tells it: "network", "model" */
  const char *seed; /**< the key that repeats count up */
  int64_t (*first_seed)(const tame_experiment *e);
  /** All that no field's limits can say; read what files hold. Collective. */
  tame_status (*check)(tame_experiment *e, MPI_Comm comm);
  /** Free what check() made. Collective where files were read. */
  void (*release)(tame_experiment *e);
  /** Look at a network. Local. @return TAME_ERR_NOMEM where there is too little memory for it */
  tame_status (*look)(const tame_experiment *e, tame_look *look);
  /** Have all networks of a sweep this dataset in common? Local. */
  bool (*shares)(const tame_experiment *e, const char *path);
  /** Write what they have in common. e: a network. Local, by one rank. */
  tame_status (*put_common)(const tame_experiment *study, const tame_experiment *e,
                            tame_results *results);
  /** Are the data that come from files those of a row? TAME_ERR_INPUT where they differ. Local. */
  tame_status (*same)(const tame_experiment *e, const tame_results *results, int64_t row);
  const char *common; /**< path of what same() looks at, to ask shares() */
  /** Run a network, from its newest checkpoint if there is one. Collective over its ranks.
   *  @return TAME_OK; TAME_STOPPED after a checkpoint; TAME_ERR_INPUT or TAME_ERR_NUMERIC, which are the
   *  network's own fault; TAME_ERR_NOMEM or TAME_ERR_IO, the world's */
  tame_status (*run)(const struct tame_member *member);
  bool keeps_failed; /**< results are of use though the only network failed */
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

/** What the steps of a phase do, for estimates of time. */
enum {
  TAME_WORK_PLAIN,
  TAME_WORK_RECURRENT,
  TAME_WORK_READOUT,
  TAME_WORK_ANALYSED,
  TAME_WORK_KINDS
};
int tame_phase_work(const tame_experiment *e, int64_t phase);

/** Is the task part of the phase? */
bool tame_phase_has_task(const tame_experiment *e, int64_t phase, int64_t task);
/** Is a recording made in the phase? */
bool tame_recording_covers(const tame_experiment *e, const tame_recording *r, int64_t phase);
/** Is its readout judged by the task's target? */
bool tame_phase_judges(const tame_experiment *e, int64_t phase, int64_t task);
/** Steps [first, last) in which a phase learns, counts errors, or is analysed, in a task. */
void tame_phase_window(const tame_experiment *e, int64_t phase, int64_t task, int64_t *first,
                       int64_t *last);
/** First step of a trial of a phase and task to which the readout is fed back; -1: none. */
int64_t tame_phase_free_from(const tame_experiment *e, int64_t phase, int64_t task);
/** Does a phase tell for how long a readout that feeds itself follows the task's target? */
bool tame_phase_has_valid_time(const tame_experiment *e, int64_t phase, int64_t task);
/** The record phase that gives the target of a train phase; -1: none. */
int64_t tame_phase_target(const tame_experiment *e, int64_t phase);

/** Read, check and expand an experiment from its source, which is copied. Collective. */
tame_status tame_experiment_build(tame_experiment **out, MPI_Comm comm, const tame_source *source);

/** The words of it alone, nothing checked that no field's limits can say; free *out also if it fails. Local. */
tame_status tame_experiment_read(tame_experiment **out, const tame_source *source);
/** A text, and a word about it, from rank 0 to all, malloc'd. Collective. */
tame_status tame_share_text(MPI_Comm comm, char **text, bool *archived);

/** Names become groups of the results file: TAME_ERR_INPUT at `path` for one that cannot. Local. */
tame_status tame_check_name(const tame_experiment *e, const char *name, const char *path);

/** Check a network's experiment, sample its signals. Collective for files. */
tame_status tame_experiment_check_network(tame_experiment *e, MPI_Comm comm);

/* ---- analyses of a trial --------------------------------------------------------------------- */

/** How many a phase makes of each trial; the i-th of them; and of which steps of a task. Local. */
static inline int64_t tame_phase_analyses(const tame_experiment *e, int64_t k)
{
  return tame_phase_at(e, k)->by.count;
}
static inline const tame_variant *tame_phase_analysis(const tame_experiment *e, int64_t k,
                                                      int64_t i)
{
  return (const tame_variant *)tame_phase_at(e, k)->by.at + i;
}
tame_analysis_about tame_phase_about(const tame_experiment *e, int64_t phase, int64_t task);
/** What all of them together take; it names no results. Local. */
tame_analysis_plan tame_phase_foresee(const tame_experiment *e, int64_t phase, int64_t task,
                                      int ranks);
/** Bytes of the dearest trial's analyses on a rank with a share of the neurons. Local. */
double tame_observer_need(const tame_experiment *e, double share, int ranks, bool root);

/** Those of a trial that runs. */
typedef struct tame_observer tame_observer;

/** At the start of a trial, or where one is gone on with; *out is NULL if the phase has no analyses.
 *  Collective. */
tame_status tame_observer_create(tame_observer **out, const tame_experiment *e,
                                 tame_network *network, int64_t phase, int64_t task);
/** Free *observer and set it to NULL. Collective. Here and below NULL is fine. */
void tame_observer_free(tame_observer **observer);
/** Step t comes next. Collective. */
void tame_observer_before(tame_observer *observer, int64_t t);
/** Step t has been made, with this input. Collective. */
void tame_observer_after(tame_observer *observer, int64_t t, const double *input);
/** The trial is over. Collective. */
tame_status tame_observer_end(tame_observer *observer);
/** Result k of analysis i, on rank 0; NULL elsewhere. Local. */
const double *tame_observer_values(const tame_observer *observer, int64_t i, int k);
/** Append all to a state; and when that has been restored, t being the next step. Collective. */
void tame_observer_state(tame_observer *observer, tame_state *state);
void tame_observer_restored(tame_observer *observer, int64_t t);

/* ---- recording: layout and contents of the results ----------------------------------------- */

typedef struct tame_recorder tame_recorder;

/** Bytes of buffers on a rank that owns a share (0 to 1) of the neurons. Local. */
double tame_recorder_estimate(const tame_experiment *e, double share);

/** Have all networks of a sweep this dataset in common? Local. */
bool tame_recorder_shares(const tame_experiment *e, const char *path);

/** Plan the datasets of a network: of each its row, [1, ...]. Local. */
void tame_recorder_plan(const tame_experiment *e, int64_t synapses, tame_blueprint *blueprint);
/** Write the signals of the tasks, the ids of the recorded neurons, into a row. Local, by one rank. */
tame_status tame_recorder_put_tasks(const tame_experiment *e, tame_results *results, int64_t row);
tame_status tame_recorder_put_recorded(const tame_experiment *e, tame_results *results,
                                       int64_t row);

/** Are the signals of the tasks those of a row? TAME_ERR_INPUT where they differ. Local. */
tame_status tame_recorder_same_tasks(const tame_experiment *e, const tame_results *results,
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
  const double *nrmse;       /**< of readouts, [outputs] */
  double valid_ms;
  tame_health health;
  const tame_observer *observer; /**< whose trial is over; NULL: none */
  const tame_learner *learner;   /**< NULL: none */
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
  const tame_experiment *study; /**< of the sweep */
  int64_t networks;             /**< of the run, for its progress */
  double stop_at;               /**< by MPI_Wtime(); INFINITY: never */
} tame_member;

/** Write a text of a fixed width, cut if it is longer. Local. */
tame_status tame_member_put_text(tame_results *results, const char *path, int64_t row,
                                 const char *text);

/** The time, "2024-05-01T12:00:00Z". Local. */
void tame_utc(char text[32]);

/* ---- its course: what is alike whatever runs -------------------------------------------------- */

/** What a kind of run tells its course. run: as given to tame_course_open(). */
typedef struct tame_course_kind {
  /** Share of its work that is done. Local. */
  double (*share)(const void *run);
  /** Where it stands: about->at and about->where. Local. */
  void (*place)(const void *run, tame_checkpoint_about *about);
  /** All that it goes on with. Collective. */
  void (*gather)(void *run, tame_state *state);
  /** Stand where a checkpoint says, with room for its state; and when that has been read. Collective. */
  tame_status (*restore)(void *run, const tame_checkpoint_about *about);
  void (*restored)(void *run);
  /** Write what is known before it runs. Collective. */
  tame_status (*put)(void *run);
} tame_course_kind;

/** How a network's run stands with the world: checkpoints, requests to stop, what the results say of it. */
typedef struct tame_course {
  const tame_member *member;
  const tame_course_kind *kind;
  void *run;
  int rank;
  tame_checkpoint *checkpoint;
  double last_loss; /**< NaN: none yet; set by the run */
  int64_t interval,
      asked; /**< steps between asking, the same on every rank; and since, counted by the run */
  double asked_at, saved_at;
  double began, reported, noted;
} tame_course;

/** Look for checkpoints. member must outlive it. Collective, as all below but where noted. */
tame_status tame_course_open(tame_course *course, const tame_member *member,
                             const tame_course_kind *kind, void *run);
/** Go on from a checkpoint, or start. */
tame_status tame_course_begin(tame_course *course);
/** Do what is asked for: save; or save and leave, which is TAME_STOPPED. between: at a point where one saves
 *  whenever it is time, be it at each. TAME_ERR_IO: results are lost. */
tame_status tame_course_attend(tame_course *course, bool between);
/** Tell the results how far it is, once a second. Local. */
void tame_course_progress(tame_course *course);
/** Tell the results how it ended, what it took; returns what became of it. prepared: did it come to run? */
tame_status tame_course_end(tame_course *course, tame_status status, bool prepared);
void tame_course_close(tame_course *course);
/** Tell the user. Rank 0 does. Local. */
void tame_course_note(const tame_course *course, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- a network's ----------------------------------------------------------------------------- */

/** Bytes on a rank with a share of the neurons: rates kept as targets, and what is recorded. Local. */
double tame_run_recordings(const tame_experiment *e, double share);
/** TAME_ERR_NOMEM where a rank needs more for `what` than there is; advice: what would help. Local. */
tame_status tame_run_refuse_above(const tame_layout *layout, int ranks, double need,
                                  const char *what, const char *advice);
#define TAME_MORE_ROOM "more nodes, fewer neurons or synapses, or network.precision: float"

/** Run it. Collective over its ranks. */
tame_status tame_network_run(const tame_member *member);

#endif
