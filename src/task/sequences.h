/** @file sequences.h
 * Sequences in an HDF5 file: read in slabs, straight to where they are to be. One rank does it. */
#ifndef TAME_TASK_SEQUENCES_H
#define TAME_TASK_SEQUENCES_H

#include "tame/task.h"

#include <hdf5.h>

/** What to read. Datasets that are NULL or "" are not wanted; y, time, elapsed and mask that have those very names may
 *  lack, and of time and elapsed the latter is taken. */
typedef struct tame_sequences_wish {
  const char *path, *x, *y, *time, *elapsed, *mask;
  int64_t first, end;   /**< of the samples; end -1: all */
  int64_t network;      /**< whose row in a results file; -1: not said */
  int64_t classes;      /**< y: -1: classes if whole numbers, as many as there are; 0: numbers */
  double first_elapsed; /**< at the first step, where there are time stamps */
} tame_sequences_wish;

/** A dataset of it. Results files have an axis of networks before those that count here. */
typedef struct tame_sequences_array {
  const char *key, *name;
  hid_t set; /**< < 0: there is none */
  int axes;
  int64_t shape[3];
  int64_t row; /**< in the axis of networks; -1: there is none */
  bool turned; /**< time is the last axis, as in results files, not the one after samples */
  bool whole;  /**< whole numbers */
} tame_sequences_array;

/** An open file. */
typedef struct tame_sequences_file {
  tame_sequences_wish wish; /**< texts borrowed */
  tame_data_shape shape;    /**< classes: -1: not known until all is read */
  int64_t at_once;          /**< samples of a slab, at most */
  int64_t most;             /**< the largest class that was read; -1: none */
  hid_t file;
  tame_sequences_array x, y, time, mask; /**< time: stamps or elapsed times */
  double *scratch;
  H5E_auto2_t report; /**< of HDF5, which is silent meanwhile */
  void *report_context;
} tame_sequences_file;

/** Open it and check all shapes. *key: what is at fault. To be closed, also if it failed. Local. */
tame_status tame_sequences_open(tame_sequences_file *file, const tame_sequences_wish *wish,
                                const char **key);
/** Samples first to first + count - 1 of those wanted, count <= at_once, and check each number:
 *  x: [count][steps][inputs], y: [count][target_steps][width], elapsed: [count][steps]. Local. */
tame_status tame_sequences_read(tame_sequences_file *file, int64_t first, int64_t count, double *x,
                                double *y, double *elapsed, const char **key);
/** Local. */
void tame_sequences_close(tame_sequences_file *file);

/** Place of a network in the axis of networks of a results file; -1: not there; any file that does not say has one,
 *  0. Local. */
int64_t tame_array_row_of(hid_t file, int64_t network);

#endif
