/** @file tame/analysis.h
 * Analyses: what a trial of a network says of its dynamics, and its weights of themselves.
 *
 * - `spectrum`: eigenvalues of W, and the largest |eigenvalue|; eigenvectors, where they are asked for.
 * - `lyapunov`: the k largest Lyapunov exponents along the trial, by tangent vectors, see analysis/lyapunov.h.
 * - `divergence`: the largest one by a second trajectory that starts close by: an independent check.
 * - `pca`: principal components of the rates, and how many dimensions they fill.
 * - `rhythm`: how often each unit's rate rises above a level, and the mean time between.
 *
 * An analysis is of one trial. It observes the steps inside a window, from begin to end, and changes nothing. What it
 * gives, and what it takes, is known before anything is drawn. Exponents are per second: times tau_ms / 1000 they
 * are per time constant. They are those of the trajectory inside the window, input included, not the limit of
 * infinite time. */
#ifndef TAME_ANALYSIS_H
#define TAME_ANALYSIS_H

#include "tame/network.h"

typedef struct tame_analysis tame_analysis; /* opaque */

extern const tame_table tame_analyses;

/** What is to be analysed. */
typedef struct tame_analysis_about {
  const tame_network_params *network;
  int64_t first, last; /**< window, steps first <= t < last of the trial */
} tame_analysis_about;

enum {
  TAME_ANALYSIS_AXES = 2,    /**< most axes that a result may have */
  TAME_ANALYSIS_RESULTS = 8, /**< most results of an analysis */
};

/** An array of doubles that a trial gives; a single number has no axes. */
typedef struct tame_analysis_result {
  const char *name;  /**< "eigenvalues" */
  const char *dims;  /**< "neuron, part"; "" for a number */
  const char *units; /**< "1", "1/s" */
  int axes;
  int64_t shape[TAME_ANALYSIS_AXES];
  double start_ms, step_ms; /**< of an axis `time`, which is the last; 0: there is none */
} tame_analysis_result;

/** What an analysis gives and takes. */
typedef struct tame_analysis_plan {
  tame_analysis_result results[TAME_ANALYSIS_RESULTS];
  int count;
  double own_bytes;    /**< of a rank, for each neuron that it owns */
  double fixed_bytes;  /**< of every rank */
  double root_bytes;   /**< of rank 0 besides; results are among them */
  double step_cycles;  /**< or so: of a step in the window, all neurons together */
  double trial_cycles; /**< at its end, of rank 0 alone */
  int solvers;         /**< ranks that solve together, and must be there; 0: one is enough */
} tame_analysis_plan;

/** Check what no single field's limits can say. TAME_OK or TAME_ERR_INPUT; *key is then the parameter, or "". Local. */
tame_status tame_analysis_check(const tame_variant *which, const tame_analysis_about *about,
                                const char **key);
/** What it gives and takes on so many ranks; it must have been checked. Local. */
void tame_analysis_foresee(const tame_variant *which, const tame_analysis_about *about, int ranks,
                           tame_analysis_plan *plan);

/** Make an analysis of a trial of a network, which must outlive it, as must what `which` and `about` point to.
 *  Collective. TAME_ERR_NOMEM. */
tame_status tame_analysis_create(tame_analysis **out, const tame_variant *which,
                                 const tame_analysis_about *about, tame_network *network);
/** Free *analysis and set it to NULL. Collective. NULL is fine. */
void tame_analysis_free(tame_analysis **analysis);

/** The first step of the window comes next. Collective. */
void tame_analysis_begin(tame_analysis *analysis);
/** The network has made a step inside the window, with this input and with noise or not. Collective. */
void tame_analysis_step(tame_analysis *analysis, const double *input, bool noise);
/** The trial is over: work out the results. TAME_ERR_NUMERIC, TAME_ERR_NOMEM; the same on every rank.
 *  Collective. */
tame_status tame_analysis_end(tame_analysis *analysis);
/** Result k of the plan, after the end: on rank 0, NULL elsewhere. Borrowed. Local. */
const double *tame_analysis_values(const tame_analysis *analysis, int k);

/** Append what it goes on with in the midst of a trial to a state. Collective. */
void tame_analysis_state(tame_analysis *analysis, tame_state *state);
/** After that, and the network, have been restored inside the window. Collective. */
void tame_analysis_restored(tame_analysis *analysis);

#endif
