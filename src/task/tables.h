/** @file tables.h
 * What a signal must offer, and a source of sequences. To add one: a file with its row, and the row's
 * name in signals.c or sources.c. */
#ifndef TAME_TASK_TABLES_H
#define TAME_TASK_TABLES_H

#include "tame/task.h"

typedef struct tame_signal {
  tame_row head;
  /** Does it fit a trial of shape->steps x shape->channels; else TAME_ERR_INPUT and *key. */
  tame_status (*check)(const void *params, double dt_ms, const tame_samples *shape,
                       const char **key);
  /** Add it to out. It passed the check. */
  void (*sample)(const void *params, double dt_ms, const tame_samples *out);
  /** For signals that come from files, else NULL: read on this rank; where the result is. */
  tame_status (*load)(void *params, const char *folder, const char **key);
  tame_samples *(*data)(void *params);
  /** Where it ends, in steps, if what follows is silence nobody asked for; NULL: nowhere. */
  int64_t (*end)(const void *params, double dt_ms);
} tame_signal;

/** The field that every signal has: the channel it acts on. */
#define TAME_FIELD_CHANNEL(type, text)                                                             \
  {                                                                                                \
    "channel", TAME_INT, offsetof(type, channel), .fallback = "0", .max = 1e6, .doc = text         \
  }

/** The field of endless series, which give a sample a step, whatever dt_ms is. */
#define TAME_FIELD_SHIFT(type)                                                                     \
  {                                                                                                \
    "shift", TAME_INT, offsetof(type, shift),                                                      \
        .fallback = "0", .min = -1e6, .max = 1e6,                                                  \
        .doc =                                                                                     \
            "steps that it is ahead: 5 gives what comes 5 steps later, -5 what was; 0 before its " \
            "start"                                                                                \
  }

/** The field of sources that ask for an answer at some steps only: what is asked at the others. */
enum { TAME_ELSEWHERE_NONE, TAME_ELSEWHERE_ZERO };
extern const char *const tame_elsewhere[];
#define TAME_FIELD_ELSEWHERE(type, standard)                                                       \
  {                                                                                                \
    "elsewhere", TAME_CHOICE, offsetof(type, elsewhere),                                           \
        .fallback = (standard), .choices = tame_elsewhere,                                         \
        .doc = "targets at all other steps: none, or zero"                                         \
  }

/** TAME_OK if 0 <= channel < shape->channels. */
tame_status tame_check_channel(int64_t channel, const tame_samples *shape);
/** TAME_OK if channels [channel, channel + count) are there. */
tame_status tame_check_channels(int64_t channel, int64_t count, const tame_samples *shape);
/** TAME_OK if [start, start + duration) lies in the trial. */
tame_status tame_check_span(double start_ms, double duration_ms, double dt_ms,
                            const tame_samples *shape);
/** TAME_OK if a part of a sequence is a step long at least; else *key is its name. */
tame_status tame_check_part(const char *name, double ms, double dt_ms, const char **key);

/** Where a sample's random numbers come from. Streams, 0 to 15, keep apart what is drawn for different
 *  ends, so that one may grow longer without changing the others. */
typedef struct tame_draws {
  uint64_t seed;
  int64_t id; /**< of the sample */
} tame_draws;

/** Number k >= 0 of a stream, uniform in (0, 1). */
double tame_draws_uniform(const tame_draws *draws, int stream, int64_t k);
/** Numbers 0 to count - 1 of it, in less time. */
void tame_draws_uniforms(const tame_draws *draws, int stream, int64_t count, double *u);
/** The whole number 0 to n - 1 that it makes. */
int64_t tame_draws_below(const tame_draws *draws, int stream, int64_t k, int64_t n);
/** Standard normal number k of a stream, from uniform numbers 2 k and 2 k + 1 of it. */
double tame_draws_normal(const tame_draws *draws, int stream, int64_t k);

typedef struct tame_source {
  tame_row head;
  /** What samples are like, into a zeroed shape; samples: as many as it has by itself, 0: any number.
   *  TAME_ERR_INPUT and *key, a name in the parameters. */
  tame_status (*shape)(const void *params, tame_data_shape *shape, const char **key);
  /** One sample, as tame_data_draw(), every number of it. The shape was found good. */
  void (*draw)(const void *params, const tame_draws *draws, double *x, double *target,
               double *elapsed);
  /** For sources that read files, else NULL; see tame_data_load(). *key: a name in the parameters,
   *  right on rank 0 whoever failed. Collective. */
  tame_status (*load)(void *params, const char *folder, MPI_Comm comm, const char **key);
  void (*unload)(void *params);
  uint64_t (*checksum)(const void *params);
} tame_source;

/** Path of a file that is named from a folder. Local. */
void tame_array_path(const char *folder, const char *name, char *path, size_t size);
/** Read an array of one or two axes, [steps] or [steps][channels], from HDF5 (dataset given) or CSV
 *  (dataset NULL) into *out, which becomes the caller's. NaN and infinities are refused. Local. */
tame_status tame_array_read(const char *path, const char *dataset, tame_samples *out);
/** The same from a results file: the row of a network, by its index in the sweep; unless they have their `own`,
 *  the one that is there for all, or any. Without its padding. Local. */
tame_status tame_array_read_row(const char *path, const char *dataset, int64_t network, bool own,
                                tame_samples *out);

#endif
