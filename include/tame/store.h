/** @file tame/store.h
 * Results: one self-describing HDF5 file per experiment. Axis 0 of every dataset is the network; each
 * dataset says its `units` and `dims`. The file is planned and laid out in full by rank 0, its space on
 * disk reserved; then all ranks write raw data only, in parallel; it gets its final name when it is
 * complete. */
#ifndef TAME_STORE_H
#define TAME_STORE_H

#include "tame/base.h"

#include <stdio.h>

enum { TAME_AXES = 4 }; /**< most axes a dataset may have */

typedef enum tame_type {
  TAME_TYPE_F64,
  TAME_TYPE_F32,
  TAME_TYPE_I64,
  TAME_TYPE_I32,
  TAME_TYPE_U8
} tame_type;

/** A dataset to be. */
typedef struct tame_dataset {
  const char *path; /**< "phases/before/timing/rates" */
  tame_type type;
  int axes;
  int64_t shape[TAME_AXES];
  const char *dims;         /**< "network, trial, neuron, time" */
  const char *units;        /**< "1", "ms", ... */
  double start_ms, step_ms; /**< of the time axis; step_ms 0: there is none */
} tame_dataset;

typedef struct tame_results tame_results; /* opaque */

/** Whether `path` may become a results file: TAME_ERR_IO where its folder cannot be written, or it
 *  exists (only a results file, and only with force, may be replaced). Collective: rank 0 looks. */
tame_status tame_results_may_write(MPI_Comm comm, const char *path, bool force);

/** Begin a file under a temporary name beside `path`. It is planned twice: the first time only adds up
 *  what it will take, the second, after tame_results_lay_out(), makes it. TAME_ERR_IO where another
 *  run is writing it. force: see tame_results_may_write(). Collective; comm is duplicated. */
tame_status tame_results_create(tame_results **out, MPI_Comm comm, const char *path, bool force);

/** Plan a dataset; groups on its path come by themselves. The same on every rank; Local. Failures are
 *  kept for tame_results_open(). */
void tame_results_add(tame_results *results, const tame_dataset *dataset);
/** Plan a group, which may stay empty. Local. */
void tame_results_group(tame_results *results, const char *path);
/** Attributes of a group, dataset or the root ("/"), which must have been planned. Local. */
void tame_results_text(tame_results *results, const char *path, const char *key, const char *text);
void tame_results_number(tame_results *results, const char *path, const char *key, double value);
void tame_results_whole(tame_results *results, const char *path, const char *key, int64_t value);

/** End measuring: TAME_ERR_IO where the file would not fit on the disk. Collective. */
tame_status tame_results_lay_out(tame_results *results);
/** End planning: reserve the disk space, open for all. Collective. TAME_ERR_IO where it does not fit. */
tame_status tame_results_open(tame_results *results);

/** Write the block of `count` from `start` of a dataset; a rank without a share passes a count of
 *  zeros. data: C order, of the dataset's type, borrowed. Collective. */
tame_status tame_results_write(tame_results *results, const char *path, const int64_t *start,
                               const int64_t *count, const void *data);

/** End writing; attributes may be added again by rank 0. Collective. */
tame_status tame_results_close(tame_results *results);
/** Give the file its final name, free *results. Collective. */
tame_status tame_results_finish(tame_results **results);
/** Throw away what was written, free *results. Collective. NULL is fine. */
void tame_results_abandon(tame_results **results);

/** Text attribute of the root of a results file, malloc'd; TAME_ERR_INPUT where `path` is not one.
 *  Local. */
tame_status tame_results_root_text(const char *path, const char *key, char **text);

/** Tell what is in a results file, in words: how it was made, tasks, phases, losses; each dataset too,
 *  if asked. TAME_OK, or TAME_ERR_INPUT where `path` is not one. Local. */
tame_status tame_results_describe(const char *path, bool datasets, FILE *out);

/** Whether all data of two result files are equal byte for byte: shapes, types, values, attributes
 *  other than the root's. TAME_OK; TAME_ERR_DIFFERS with a message that names the first difference;
 *  TAME_ERR_INPUT. Local. */
tame_status tame_results_compare(const char *a, const char *b);

#endif
