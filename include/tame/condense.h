/** @file tame/condense.h
 * Condensing a trained network: which of its units are alike, and how one takes over what another did, so that the
 * other can be left out. Units are the outputs of a layer `rnn` of a model (tame/model.h); what they do is known from
 * the moments of their rates r_i over samples s and steps t, that before the first step, which the units hear in
 * it, among them. All functions are local.
 *
 * With r_j ~ c r_i + d in the least squares, unit i is kept, and j removed:
 *   W[:,i] += c W[:,j],  b += d W[:,j]
 * for the layer's own recurrent weights W and for those of the layer that hears it. Where r_j = c r_i + d holds, the
 * outputs stay what they were. */
#ifndef TAME_CONDENSE_H
#define TAME_CONDENSE_H

#include "tame/model.h"

/* ---- moments --------------------------------------------------------------------------------- */

/** What rates of n units were like over samples of so many steps. Matrices [units][units], symmetric. */
typedef struct tame_moments {
  int64_t units, samples, steps;
  double *mean;       /**< [units], over samples and steps; owned, with all that follows */
  double *covariance; /**< about that mean, divided by samples * steps */
  double *within;     /**< about each sample's own mean, likewise */
  double *
      slopes; /**< of each sample's straight line in time, likewise: the part of `within` that lines make */
  double *time; /**< [units], covariance with the number of the step */
} tame_moments;

tame_status tame_moments_create(tame_moments *out, int64_t units);
void tame_moments_free(tame_moments *moments);

/** Numbers of a block's sums, and of the scratch that it takes. */
int64_t tame_moments_length(int64_t units);
int64_t tame_moments_work(int64_t units, int64_t lanes);
/** Sums of a block of `lanes` samples, of which `count` are there: blocks add up, element by element. origin: [units],
 *  close to the mean, so that no digits are lost to it; the same for all blocks. r: [lanes][steps][units], overwritten.
 *  sums: [tame_moments_length()], set. Nothing is allocated; the bits depend on the sizes and numbers alone. */
void tame_moments_block(int64_t units, int64_t steps, int64_t lanes, int64_t count,
                        const double *origin, double *r, double *work, double *sums);
/** From the sums of all blocks. */
void tame_moments_finish(tame_moments *moments, int64_t samples, int64_t steps,
                         const double *origin, const double *sums);

/** Principal components of the covariance: variances descending, [units]; vector k in row k of `vectors`,
 *  [units][units], its largest entry positive. TAME_ERR_NUMERIC, TAME_ERR_NOMEM. */
tame_status tame_moments_components(const tame_moments *moments, double *variance, double *vectors);
/** How many of them make up a share of the variance, at least 1. */
int64_t tame_components_for(int64_t n, const double *variance, double share);

/** How much the component v, [units], is a ramp. *common: |correlation| with the number of the step over all samples
 *  and steps. *each: every sample may have a slope of its own; the root of the share that straight lines have of the
 *  variance within samples, so that |.| of correlations is averaged in the squares, weighed by variance. 0 to 1; NaN
 *  where nothing varies. */
void tame_moments_ramp(const tame_moments *moments, const double *v, double *common, double *each);

/* ---- pairs ----------------------------------------------------------------------------------- */

typedef enum tame_likeness {
  TAME_LIKE_LOADINGS, /**< |cos| of the units' rows in the matrix of the first components: of one of them it is 1
                              for all pairs, of all 0 */
  TAME_LIKE_CORRELATION, /**< |Pearson's correlation| of rates */
} tame_likeness;

/** How the outgoing weights of a pair come together. */
typedef enum tame_merging {
  TAME_MERGE_PLAIN,  /**< d = 0 */
  TAME_MERGE_OFFSET, /**< c and d */
  TAME_MERGE_AVERAGE, /**< that, and the incoming weights and bias of i become the mean of its own and sgn(c) times
                           those of j */
} tame_merging;

/** Likeness of all pairs, [units][units], 0 to 1. components: of the first so many, [components][units]; not read for
 *  correlations. A unit that does not vary is an offset to others: with any of them its likeness is 1; where merges
 *  are plain it is |cos| about 0, and 1 only if the unit is silent. */
void tame_moments_likeness(const tame_moments *moments, tame_likeness kind, tame_merging merging,
                           int64_t components, const double *vectors, double *likeness);

/** Unit `removed` is c times unit `kept` and d, about. */
typedef struct tame_pair {
  int64_t kept, removed;
  double likeness, c, d;
} tame_pair;

/** The pair of the largest likeness; what differs by less than 1e-12 is equal, and of equal ones the first by its
 *  smaller unit, then its larger, is taken. Of the two, the one of the larger variance is kept, which leaves the
 *  smaller error, of equal ones (to 1e-12 again) the first. Two units at least. */
tame_pair tame_moments_pair(const tame_moments *moments, const double *likeness,
                            tame_merging merging);

/* ---- models ---------------------------------------------------------------------------------- */

/** Can units of this layer be left out? It must be of cell `rnn` without a circuit, and the next one `dense`, `rnn`
 *  without a circuit, `gru` or `lstm`, which with an offset must have a bias. TAME_ERR_INPUT and why not. */
tame_status tame_condense_check(const tame_model *model, int layer, tame_merging merging);

/** Let `kept` take over from `removed`, whose weights and start become 0: in a slab of this model. */
void tame_condense_merge(const tame_model *model, double *slab, int layer, const tame_pair *pair,
                         tame_merging merging);

/** Between slabs of two models that differ in the units of a layer alone, of which the small one has those of the
 *  large one that units, ascending, names. Back, what the small one lacks becomes 0. The small one may lack layers at
 *  the end, too; layer -1: nothing else. */
void tame_condense_pick(const tame_model *large, const double *slab, int layer,
                        const int64_t *units, const tame_model *small, double *out);
void tame_condense_spread(const tame_model *small, const double *slab, int layer,
                          const int64_t *units, const tame_model *large, double *out);

/** Does a unit of the layer without any weights give 0 at all times, so that no gradient wakes it? TAME_ERR_NOMEM. */
tame_status tame_condense_sleeps(const tame_model *model, int layer, bool *sleeps);

#endif
