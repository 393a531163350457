/** @file tame/experiment.h
 * An experiment: network, tasks, phases, output, as a YAML file describes them; and its run. */
#ifndef TAME_EXPERIMENT_H
#define TAME_EXPERIMENT_H

#include "tame/base.h"
#include "tame/learn.h"
#include "tame/network.h"
#include "tame/parallel.h"
#include "tame/task.h"

#include <signal.h>

typedef struct tame_experiment tame_experiment; /* opaque */

/** What its YAML may say: with a network that learns trial by trial, or with a model (`model:`) that learns by
 *  gradients. */
extern const tame_schema tame_experiment_schema, tame_model_experiment_schema;
extern const tame_table tame_phases, tame_model_phases;

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

/** Data that a trained model is to answer to. */
typedef struct tame_prediction {
  const char *model; /**< results of an experiment with a model */
  int64_t network;   /**< which of a sweep, by its index; -1: the only one */
  const char *data;  /**< HDF5, as the source `file` reads it */
  const char *x, *y, *time, *elapsed,
      *mask;        /**< datasets of it; NULL: that of the same name, if there is one; "":
                                                  none */
  const char *loss; /**< to judge y by, in YAML; NULL: that of the model's first fit */
  bool states;      /**< record states and outputs of all layers, too */
} tame_prediction;

/** The experiment that has the model, with its final weights, answer to all samples: one phase, `predict`, of data
 *  `data`. Where the model has learned from files these need not be there. As tame_experiment_load(). */
tame_status tame_experiment_predict(tame_experiment **out, MPI_Comm comm,
                                    const tame_prediction *what);
/** Local. NULL is fine. */
void tame_experiment_free(tame_experiment **experiment);

/** The experiment as YAML with all defaults filled in: it reproduces the run by itself. Borrowed. Local. */
const char *tame_experiment_text(const tame_experiment *experiment);
const char *tame_experiment_name(const tame_experiment *experiment);
/** How many networks it has: 1 without a sweep. Local. */
int64_t tame_experiment_networks(const tame_experiment *experiment);
/** Where its results go if no other file is named: NAME.h5. Borrowed. Local. */
const char *tame_experiment_output(const tame_experiment *experiment);

/** How far a run is. */
typedef struct tame_progress {
  int64_t networks, ended; /**< of the sweep; those that are done or have failed */
  int64_t network;         /**< which one the rest is about */
  const char *phase, *task;
  int64_t trial, trials;     /**< of the phase, from 0 */
  const char *unit;          /**< what a trial is: "trial", "epoch", ... */
  double loss;               /**< of the last trial of this phase and task; NaN: none yet */
  double updates_per_second; /**< of the learner, 0 where none learns */
  double share;              /**< of this network, by expected time, 0 to 1 */
  double seconds_left;       /**< for this network; NaN while unknown */
  bool trial_ended;          /**< a trial has just ended; else we are in the middle */
} tame_progress;

typedef struct tame_run_options {
  const char *output;        /**< results file; NULL: tame_experiment_output() */
  bool force;                /**< replace an existing one */
  bool resume;               /**< go on with an unfinished one */
  const char *only;          /**< "3,17-20": these networks; NULL: all */
  int64_t shard, shards;     /**< networks k with k mod shards = shard - 1; shards 0: all */
  int group;                 /**< ranks per network, at most all; 0: chosen */
  double checkpoint_seconds; /**< between checkpoints; 0: one after every trial */
  double grace_seconds;      /**< to be ready before the deadline */
  double deadline;           /**< seconds since 1970 at which the process is ended; 0: never */
  const volatile sig_atomic_t *stop; /**< not 0: stop soon, keep all; NULL: never */
  /** Called on rank 0 only; any may be NULL. */
  void (*progress)(const tame_progress *progress, void *context);
  void (*note)(const char *line, void *context); /**< the layout, warnings */
  void *context;
} tame_run_options;

/** Run all networks and write the results. Collective. Results get their name when all networks are done or
 *  have failed; a single network that fails leaves nothing, a single model what it had come to.
 *  @return TAME_OK; TAME_ERR_PART if some networks of a sweep failed, the rest being done;
 *  TAME_STOPPED after checkpoints, on options->stop or before the deadline; TAME_ERR_INPUT,
 *  TAME_ERR_NOMEM, TAME_ERR_IO or TAME_ERR_NUMERIC; the same on every rank */
tame_status tame_experiment_run(tame_experiment *experiment, MPI_Comm comm,
                                const tame_run_options *options);

/* ---- planning ------------------------------------------------------------------------------- */

/** What a plan is for. */
typedef struct tame_plan_request {
  int ranks, nodes, threads; /**< threads: of a rank */
  int group;                 /**< ranks per network; 0: chosen */
  double latency_s;          /**< of a message */
  double bandwidth;          /**< bytes per second between ranks */
  double
      updates_per_second; /**< of the dearest network's learner: all times are scaled to it; 0: none */
  double memory;          /**< bytes of a node; 0: enough */
  double program;         /**< bytes of a process without a network */
} tame_plan_request;

/** What a rank holds and hears, bytes. */
typedef struct tame_plan_rank {
  double neurons, weights, states, exchange, recordings;
  double P, analyses; /**< never at the same time */
  double files;       /**< what the one that opens files needs for it */
  double total;
  double bytes_a_step, messages_a_step;
  bool gathers; /**< all rates to all, not only what is needed */
} tame_plan_rank;

/** Seconds that a rank takes for its share of a step (the one with the largest), of an update, and for a
 *  readout; a thread for a synapse of the wiring, a normal number, and to touch a byte first. */
typedef struct tame_plan_times {
  double step, update, readout_update, readout;
  double draw, normal, touch;
} tame_plan_times;

/** The dearest network of an experiment, which takes longest, on a group of ranks; and all of them. */
typedef struct tame_plan {
  int64_t networks, dearest, refused; /**< refused: those that cannot run */
  int64_t neediest;                   /**< the network that needs most memory */
  int64_t cautioned;                  /**< the first network of which a run will warn */
  char caution[256];                  /**< by these words; "": none */
  int group, groups;
  double synapses, p_bytes;           /**< of the dearest network */
  double least_neurons, most_neurons; /**< of a rank */
  tame_plan_rank most, needs;         /**< the rank that holds most; of the neediest network */
  double results_bytes;               /**< of all networks */
  double checkpoint_bytes;            /**< of a network that runs */
  tame_plan_times times;
  double begin_seconds; /**< the dearest network: drawing, files */
  double parts[4],
      seconds; /**< phases that do not learn, recurrent, readout, analyses; all, with the beginning */
  double wall_seconds, idle; /**< of all; share of group time waited at the end */
  double
      parameters; /**< of the dearest model: needs.weights and .recordings (what gradients need), .total,
                          most.bytes_a_step (of an update) and times.update are of it; 0: a network */
} tame_plan;

/** Foresee a run: nothing of its size is allocated; kernels are timed for a second or two. Memory is
 *  without that of the process itself. Local, outside of any run. */
tame_status tame_experiment_plan(const tame_experiment *experiment,
                                 const tame_plan_request *request, tame_plan *plan);

/* ---- distances ------------------------------------------------------------------------------- */

/** What solutions are compared by. */
typedef struct tame_distances_request {
  const char *results; /**< of a sweep of models, with a test that recorded states */
  const char *phase;   /**< that test; NULL: the first that did */
  const char *layer;   /**< "0.rnn"; NULL: the first */
  double share;        /**< of variance, of the components whose overlap is told: 0 to 1 */
  const char *output;  /**< the file to write */
  bool force;          /**< replace it */
} tame_distances_request;

/** Compare all pairs of a sweep's networks, see tame/distance.h, and write them as results: distances/cka and
 *  distances/overlap, [network, other], NaN for networks that failed; `units`, and the swept keys. Pairs are shared out
 *  over the ranks; each holds all signals. Collective.
 *  @return TAME_ERR_INPUT, TAME_ERR_NOMEM, TAME_ERR_IO; the same on every rank */
tame_status tame_experiment_distances(MPI_Comm comm, const tame_distances_request *request);

#endif
