/** @file batch.h
 * Readouts that are solved for at the end of each trial, from sums over all updates of the phase; where there are
 * several alphas, by folds, so that cross-validation chooses among them for each output. */
#ifndef TAME_LEARN_BATCH_H
#define TAME_LEARN_BATCH_H

#include "learn/tables.h"
#include "learn/triangles.h"
#include "linalg/gram.h"

enum { TAME_INTERCEPT_ON, TAME_INTERCEPT_OFF, TAME_INTERCEPT_PENALIZED };
enum { TAME_SOLVER_GRAM, TAME_SOLVER_QR };

/** What all batch rules have in their tables, first of all. */
typedef struct tame_batch_params {
  tame_reals alpha;
  int intercept;
  int64_t folds, fold_length; /**< samples in a row that go to one fold; the folds take turns */
  int solver;                 /**< of sums, or of a triangle */
  int solvers;                /**< an index: 1, 4, 9, ... ranks solve together */
} tame_batch_params;

/** Fields that all batch rules have, but for alpha and intercept. */
#define TAME_BATCH_FIELDS(type)                                                                    \
  {"folds",                                                                                        \
   TAME_INT,                                                                                       \
   .offset = offsetof(type, batch.folds),                                                          \
   .fallback = "5",                                                                                \
   .min = 2,                                                                                       \
   .max = 1000,                                                                                    \
   .doc = "of cross-validation, by which each output gets one of several alphas"},                 \
  {                                                                                                \
    "fold_length", TAME_INT, .offset = offsetof(type, batch.fold_length), .fallback = "20",        \
                             .min = 1, .max = 1e9,                                                 \
                             .doc = "updates in a row that go to one fold; the folds take turns"   \
  }

/** Figures of batch rules. */
enum tame_batch_figure {
  TAME_BATCH_ALPHA,
  TAME_BATCH_CV_ERROR,
  TAME_BATCH_RANK,
  TAME_BATCH_NONZERO,
  TAME_BATCH_GAP,
  TAME_BATCH_GAP_WANTED,
  TAME_BATCH_SWEEPS,
  TAME_BATCH_FIGURES
};

typedef struct tame_batch_learner tame_batch_learner;

/** A rule of this kind. */
typedef struct tame_batch_rule {
  /** Weights for each alpha from all folds but `without` (-1: from all), [alphas][outputs][n + 1], the bias last,
   *  into W on rank 0. last: [outputs], how far down b->order each output needs them; then figures are wanted
   *  too; NULL: all, and none. Collective. */
  tame_status (*fit)(tame_batch_learner *batch, int64_t without, const int64_t *last, double *W);
  bool sparse; /**< it tells of TAME_BATCH_NONZERO and so on */
} tame_batch_rule;

struct tame_batch_learner {
  tame_learner head;
  const tame_batch_params *params; /**< borrowed; others of the rule follow */
  const tame_batch_rule *rule;
  int64_t n, outputs;
  int64_t alphas, folds;  /**< folds: 1 where there is but one alpha */
  int64_t length, stride; /**< of v, a sample: rates and a 1 and targets */
  int64_t seen;           /**< samples in all */
  int64_t *waiting;       /**< [folds], samples that are not in the sums yet */
  int64_t *blocks;        /**< [folds], blocks that are */
  double *samples;        /**< [folds][TAME_DEPTH][stride], on every rank */
  tame_gram gram;         /**< solver: gram */
  tame_triangles triangles;
  tame_grid *grid;                     /**< while it solves */
  int64_t *order;                      /**< [alphas], places of the alphas from the largest down */
  int64_t *chosen;                     /**< [outputs], place in `order`; on every rank */
  double *before;                      /**< W_out at the last health, [outputs][n] */
  double *figures[TAME_BATCH_FIGURES]; /**< of the last trial, on rank 0; NULL: not told */
  char warning[256];
};

/** Features: the rates, and the 1 where it is penalized like them. Local. */
static inline int64_t tame_batch_features(const tame_batch_learner *b)
{
  return b->n + (b->params->intercept == TAME_INTERCEPT_PENALIZED);
}
/** Samples of a fold; of all but `without` where only = -1. Local. */
int64_t tame_batch_count(const tame_batch_learner *batch, int64_t only, int64_t without);
/** Normal equations; see tame_gram_equations(). Collective. */
tame_status tame_batch_equations(const tame_batch_learner *batch, int64_t only, int64_t without,
                                 tame_equations *out);
/** Weights of one alpha and output, [features], into their place of W with the bias. Local. */
void tame_batch_put(const tame_batch_learner *batch, const tame_equations *equations, int64_t a,
                    int64_t o, const double *w, double *W);

/** A tame_rule_part whose create is given: it calls tame_batch_create() with the rule. */
#define TAME_BATCH_PART(create_it, figures_of)                                                     \
  {                                                                                                \
    .bytes = tame_batch_bytes, .ranks = tame_batch_ranks, .check = tame_batch_check,               \
    .create = (create_it), .update = tame_batch_update, .health = tame_batch_health,               \
    .figures = (figures_of), .figure = tame_batch_figure_of, .warning = tame_batch_warning,        \
    .state = tame_batch_state, .free = tame_batch_free                                             \
  }

/** Functions of the part, see learn/tables.h; params must outlive the learner. */
double tame_batch_bytes(const void *params, const tame_network_params *network, int rank, int ranks,
                        double *saved);
int tame_batch_ranks(const void *params);
tame_status tame_batch_check(const void *params, int64_t updates, const char **key);
tame_status tame_batch_create(tame_learner **out, const void *params, tame_network *network,
                              const tame_batch_rule *rule);
void tame_batch_update(tame_learner *learner, const double *error);
tame_status tame_batch_health(tame_learner *learner, tame_health *health);
int tame_batch_figures(const void *params, bool sparse, int64_t outputs, tame_figure *figures);
const double *tame_batch_figure_of(const tame_learner *learner, int k);
const char *tame_batch_warning(const tame_learner *learner);
void tame_batch_state(tame_learner *learner, tame_state *state);
void tame_batch_free(tame_learner *learner);

#endif
