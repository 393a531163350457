/** @file tables.h
 * What rows of this room must offer. To add one: a file with its row, and the row's name in loss.c,
 * schedule.c or optimizer.c. */
#ifndef TAME_GRADIENT_TABLES_H
#define TAME_GRADIENT_TABLES_H

#include "tame/gradient.h"

/** A loss; functions as in tame/gradient.h. Its parameters begin with tame_loss_params. */
typedef struct tame_loss_kind {
  tame_row head;
  void (*shape)(const void *params, int64_t steps, int64_t outputs, int64_t *target_steps,
                int64_t *width);
  /** May such a target be? NULL: any. */
  bool (*may_be)(int64_t outputs, double target);
  void (*run)(const void *params, const tame_sequences_view *view, const double *weight,
              double *value, double *dy);
  void (*curve)(const void *params, const tame_sequences_view *view, const double *weight,
                const double *ty, double *dy);
  void (*hits)(const void *params, const tame_sequences_view *view, int64_t *hits); /**< or NULL */
} tame_loss_kind;

typedef struct tame_loss_params {
  int average;
} tame_loss_params;

extern const char *const tame_loss_averages[];
#define TAME_LOSS_AVERAGE(type)                                                                    \
  {                                                                                                \
    "average", TAME_CHOICE,                                                                        \
        .offset = offsetof(type, loss.average), .fallback = "targets",                             \
        .choices = tame_loss_averages,                                                             \
        .doc = "a mean over all targets, or over samples of the means of their own"                \
  }

/** tame_loss_count() without a message, for threads: the place of a target that cannot be, or
 *  -1. */
int64_t tame_loss_tally(const tame_variant *loss, const tame_sequences_view *view, int64_t *counts);

typedef struct tame_schedule_kind {
  tame_row head;
  double (*factor)(const void *params, double c);
} tame_schedule_kind;

/** One update, as a rule sees it. */
typedef struct tame_update {
  int64_t count;
  int64_t number;  /**< 1, 2, ... */
  int64_t epoch;   /**< 0, 1, ... */
  double factor;   /**< of the rate */
  const double *g; /**< gradient */
  double *theta;   /**< the slab */
  double *kept;    /**< [slots][count], zeros at first */
  double *scalars; /**< [scalars], zeros at first */
} tame_update;

/** One update of a rule that asks for losses by itself. What it keeps, theta too, is changed at the end only, so that
 *  an update that fails, or is left, has not begun, or goes on with its work. */
typedef struct tame_search {
  const tame_problem *problem;
  double *theta, *kept, *scalars; /**< as above */
  double *
      work; /**< as many as work() says; what under_way() says is as it was where the update was left */
  tame_search_report *report;
} tame_search;

typedef struct tame_optimizer_kind {
  tame_row head;
  tame_status (*check)(const void *params); /**< that they fit together; NULL: they do */
  /** Arrays like the slab, and numbers, that the rule keeps. */
  void (*keeps)(const void *params, int64_t *slots, int64_t *scalars);
  /** One of the two: */
  void (*update)(const void *params, const tame_update *update);
  tame_status (*search)(const void *params, const tame_search *search);
  int64_t (*work)(const void *params, int64_t count); /**< of search(): numbers */
  /** So many of them, at the beginning, an update that is left goes on with; of which the first is not 0 where there is
   *  one. NULL: it begins anew. */
  int64_t (*under_way)(const void *params, int64_t count);
  int64_t (*curvature)(const void *params); /**< samples of its products; NULL: none */
  double (*gradients)(const void *params,
                      int64_t batch); /**< that an update costs, about; NULL: 1 */
} tame_optimizer_kind;

#endif
