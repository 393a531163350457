/** @file tables.h
 * What an analysis must offer. To add one: a file with its row, and the row's name in analysis.c. */
#ifndef TAME_ANALYSIS_TABLES_H
#define TAME_ANALYSIS_TABLES_H

#include "network/inside.h"
#include "tame/analysis.h"

/** An analysis' own structure begins with tame_analysis; create allocates it, and on failure leaves in *out what
 *  free must free. Functions as in tame/analysis.h, but that create and end are agreed on by the caller, so that
 *  they may return their own rank's view, and foresee leaves out what results take. Results are put into
 *  head.values, which is NULL on all ranks but 0. */
typedef struct tame_analysis_row {
  tame_row head;
  /** NULL: nothing to check. */
  tame_status (*check)(const void *params, const tame_analysis_about *about, const char **key);
  void (*foresee)(const void *params, const tame_analysis_about *about, int ranks,
                  tame_analysis_plan *plan);
  tame_status (*create)(tame_analysis **out, const void *params, const tame_analysis_about *about,
                        tame_network *network);
  void (*free)(tame_analysis *analysis);
  void (*begin)(tame_analysis *analysis);                                 /**< NULL: nothing */
  void (*step)(tame_analysis *analysis, const double *input, bool noise); /**< NULL: nothing */
  tame_status (*end)(tame_analysis *analysis);
  void (*state)(tame_analysis *analysis, tame_state *state); /**< NULL: nothing */
  void (*restored)(tame_analysis *analysis);                 /**< NULL: nothing */
} tame_analysis_row;

struct tame_analysis {
  const tame_analysis_row *row;
  tame_network *network; /* borrowed */
  tame_analysis_about about;
  double *values[TAME_ANALYSIS_RESULTS]; /* of rank 0, owned */
};

/** Add a result to a plan: of two axes, of one (columns 0), or a number (both 0). */
void tame_analysis_add(tame_analysis_plan *plan, const char *name, const char *dims,
                       const char *units, int64_t rows, int64_t columns);

/** Expected inputs of a neuron. */
double tame_analysis_inputs(const tame_analysis_about *about);

/** Refuse a number that is larger than that of the neurons. TAME_OK or TAME_ERR_INPUT. */
tame_status tame_analysis_at_most_neurons(int64_t found, const tame_analysis_about *about);

/** Intervals of `every` steps that the window has room for, after those that settle_ms takes. */
typedef struct tame_analysis_intervals {
  int64_t every, settle, samples; /**< steps of one; that settle; that count */
} tame_analysis_intervals;
tame_analysis_intervals tame_analysis_cut(int64_t every, double settle_ms,
                                          const tame_analysis_about *about);
/** Refuse a window without one that counts. */
tame_status tame_analysis_check_cut(int64_t every, double settle_ms,
                                    const tame_analysis_about *about);
/** Add the result `running`, with a sample at the end of each that counts; rows 0: of one quantity. */
void tame_analysis_add_running(tame_analysis_plan *plan, const tame_analysis_intervals *cut,
                               const tame_analysis_about *about, int64_t rows);
/** The piece of such a result in a state. */
tame_piece tame_analysis_running_piece(const tame_analysis *analysis, const char *name, int result,
                                       int64_t total);

#endif
