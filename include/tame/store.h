/** @file tame/store.h
 * Files: results, one self-describing HDF5 file per experiment, and checkpoints.
 *
 * Axis 0 of every dataset of results is the network; each dataset says its `units` and `dims`. A file is
 * planned and laid out in full by one rank, its space on disk reserved. From then on every rank writes raw
 * data only, at places it knows, and waits for no other; results get their final name when complete. */
#ifndef TAME_STORE_H
#define TAME_STORE_H

#include "tame/base.h"

#include <stdio.h>

enum {
  TAME_AXES = 4,   /**< most axes a dataset may have */
  TAME_PATH = 256, /**< of a dataset, with its end */
};

/* ---- what will be in a file ------------------------------------------------------------------- */

/** A dataset to be. */
typedef struct tame_dataset {
  char path[TAME_PATH]; /**< "phases/before/timing/rates" */
  tame_type type;
  int64_t width; /**< of a text */
  int axes;
  int64_t shape[TAME_AXES];
  char dims[64];            /**< "network, trial, neuron, time" */
  char units[16];           /**< "1", "ms", ... */
  double start_ms, step_ms; /**< of the time axis; step_ms 0: there is none, NaN: networks differ */
} tame_dataset;

/** An attribute to be, of a group, dataset or the root ("/"). */
typedef struct tame_attribute {
  char path[TAME_PATH], key[32];
  enum { TAME_ATTRIBUTE_TEXT, TAME_ATTRIBUTE_NUMBER, TAME_ATTRIBUTE_WHOLE } kind;
  char text[TAME_PATH];
  const char *longer; /**< a text of any length, borrowed; NULL: `text` */
  double number;
  int64_t whole;
} tame_attribute;

typedef struct tame_blueprint {
  tame_dataset *sets;
  tame_attribute *attributes;
  int64_t n_sets, n_attributes;
  int64_t set_room, attribute_room;
  tame_status status; /**< of what was added */
} tame_blueprint;

/** Add a dataset; if it is there already it grows to hold both. Failures are kept in `status`: no memory,
 *  or datasets of one name and different axes. Local. */
void tame_blueprint_add(tame_blueprint *blueprint, const tame_dataset *dataset);
/** Add an attribute; groups on its path come by themselves. Of different numbers NaN is kept, of different
 *  texts the first. A text longer than a path is borrowed, and not gathered. Local. */
void tame_blueprint_text(tame_blueprint *blueprint, const char *path, const char *key,
                         const char *text);
void tame_blueprint_number(tame_blueprint *blueprint, const char *path, const char *key,
                           double value);
void tame_blueprint_whole(tame_blueprint *blueprint, const char *path, const char *key,
                          int64_t value);
/** What all ranks have added, on rank 0. Collective. */
tame_status tame_blueprint_gather(tame_blueprint *blueprint, MPI_Comm comm);
void tame_blueprint_free(tame_blueprint *blueprint);

/* ---- results ------------------------------------------------------------------------------------ */

typedef struct tame_results tame_results; /* opaque */

/** What /state says of a network. */
enum { TAME_NETWORK_WAITING, TAME_NETWORK_RUNNING, TAME_NETWORK_DONE, TAME_NETWORK_FAILED };

/** Whether `path` may become a results file: TAME_ERR_IO where its folder cannot be written, it exists
 *  (only a results file, and only with force, may be replaced), or an unfinished run stands in its
 *  way. Collective: rank 0 looks. */
tame_status tame_results_may_write(MPI_Comm comm, const char *path, bool force);

/** Whether a run is writing this file: false where there is none, or where the file system knows no locks. Local. */
bool tame_results_busy(const char *path);

/** Lay out a file and open it, under a name that no run goes on with until tame_results_begin(). blueprint:
 *  of rank 0. TAME_ERR_IO where it does not fit on the disk, or another run is writing it. force: see above;
 *  fill: see README.md, what no network has. Collective; comm is duplicated. */
tame_status tame_results_create(tame_results **out, MPI_Comm comm, const char *path, bool force,
                                const tame_blueprint *blueprint, bool fill);
/** What is known beforehand has been written: the file is PATH.partial from now on, until it is finished.
 *  Collective. */
tame_status tame_results_begin(tame_results *results);

/** How a run that is gone on with began: attributes of the root, owned by the caller. */
typedef struct tame_origin {
  char *experiment, *kernels, *commit;
} tame_origin;
void tame_origin_free(tame_origin *origin);

/** Open PATH.partial, which a run has left, to go on with it. *origin: on every rank. TAME_ERR_INPUT where
 *  there is none; TAME_ERR_IO where another run is writing it, or PATH is taken and may not be replaced.
 *  Collective. */
tame_status tame_results_resume(tame_results **out, MPI_Comm comm, const char *path, bool force,
                                tame_origin *origin);

/** Write or read the block of `count` from `start` of a dataset, a count of zeros being nothing. data: C
 *  order, borrowed; of numbers of `type`, which may be F32 where the dataset is F64. Local. */
tame_status tame_results_write(tame_results *results, const char *path, tame_type type,
                               const int64_t *start, const int64_t *count, const void *data);
tame_status tame_results_read(const tame_results *results, const char *path, const int64_t *start,
                              const int64_t *count, void *data);
/** Is there such a dataset? Its shape, [axes]; 0 if there is none. Local. */
int tame_results_shape(const tame_results *results, const char *path, int64_t shape[TAME_AXES]);
/** Bytes of an element of a dataset, 0 if there is none: the width of texts. Local. */
int64_t tame_results_width(const tame_results *results, const char *path);
/** Force this rank's data to the disk. Local. */
tame_status tame_results_sync(const tame_results *results);

/** Give the file its final name, free *results. Collective. */
tame_status tame_results_finish(tame_results **results);
/** Leave what was written, to be resumed, free *results. Collective. NULL is fine. */
void tame_results_leave(tame_results **results);
/** Throw away what was written, free *results. Collective. NULL is fine. */
void tame_results_abandon(tame_results **results);

/* ---- results that are read ------------------------------------------------------------------------ */

/** A finished results file, read on one rank. Local, all of them. */
typedef struct tame_archive tame_archive; /* opaque */

/** TAME_ERR_INPUT where it is no results file, or not finished; *out is NULL then. */
tame_status tame_archive_open(tame_archive **out, const char *path);
/** Free *archive and set it to NULL. NULL is fine. */
void tame_archive_close(tame_archive **archive);
/** Is there such a dataset or group? */
bool tame_archive_has(const tame_archive *archive, const char *path);
/** Name of the k-th member of a group, by the alphabet; false: there is none. */
bool tame_archive_child(const tame_archive *archive, const char *group, int64_t k,
                        char name[TAME_PATH]);
/** A text attribute, malloc'd; NULL: there is none. And one that is a whole number; -1: there is none. */
char *tame_archive_text(const tame_archive *archive, const char *group, const char *key);
int64_t tame_archive_whole(const tame_archive *archive, const char *group, const char *key);
/** Number of axes of a dataset, 0: there is none; its shape; *width: bytes of a text, 0: it holds numbers. */
int tame_archive_shape(const tame_archive *archive, const char *path, int64_t shape[TAME_AXES],
                       int64_t *width);
/** What a network has of a dataset: numbers as doubles; or a text of that width. TAME_ERR_IO. */
tame_status tame_archive_read(const tame_archive *archive, const char *path, int64_t row,
                              void *data);

/* ---- checkpoints ---------------------------------------------------------------------------------- */

/** What a checkpoint is of. */
typedef struct tame_checkpoint_about {
  int64_t network;     /**< index in the sweep */
  uint64_t experiment; /**< checksum of its text */
  int64_t at[8];       /**< where it stands, as the caller likes */
  double share;        /**< of its work done, 0 to 1 */
  double loss;         /**< of the last trial */
  char where[TAME_PATH];
} tame_checkpoint_about;

/** The checkpoints of one network: FOLDER/NNNNNN.0.h5 and .1.h5, written in turn. */
typedef struct tame_checkpoint tame_checkpoint; /* opaque */

/** Look for checkpoints of a network and verify them; the folder and they need not be there. With `fresh`
 *  they are removed. Damaged ones, and those of another experiment, are left aside. Collective; comm is
 *  duplicated. TAME_OK, TAME_ERR_NOMEM. */
tame_status tame_checkpoint_open(tame_checkpoint **out, MPI_Comm comm, const char *folder,
                                 int64_t network, uint64_t experiment, bool fresh);
/** The newest sound one; NULL: there is none. Borrowed. Local. */
const tame_checkpoint_about *tame_checkpoint_found(const tame_checkpoint *checkpoint);
/** How many there are that were found damaged. Local. */
int tame_checkpoint_damaged(const tame_checkpoint *checkpoint);
/** Save a state into the older slot. On failure the newer one is as it was. Collective. */
tame_status tame_checkpoint_save(tame_checkpoint *checkpoint, const tame_state *state,
                                 const tame_checkpoint_about *about);
/** Restore a state from the one found: the same arrays of the same lengths. Collective. */
tame_status tame_checkpoint_load(tame_checkpoint *checkpoint, const tame_state *state);
/** Remove them: the network is done. Collective. */
void tame_checkpoint_remove(tame_checkpoint *checkpoint);
/** Remove all checkpoints in a folder, and the folder if nothing else is in it. Local. */
void tame_checkpoint_clear(const char *folder);
/** How many were saved, seconds, bytes; since it was opened. Local. */
typedef struct tame_checkpoint_cost {
  int64_t count;
  double seconds, bytes;
} tame_checkpoint_cost;
tame_checkpoint_cost tame_checkpoint_cost_of(const tame_checkpoint *checkpoint);
/** Free *checkpoint and set it to NULL; the files stay. Collective. NULL is fine. */
void tame_checkpoint_close(tame_checkpoint **checkpoint);

/** For those who look from outside. */
typedef struct tame_checkpoint_report {
  tame_checkpoint_about about; /**< of the newest sound one */
  int slots, sound, damaged;   /**< files there are; those whose checksums hold, or do not */
  char why[512];               /**< what is damaged */
  double bytes;                /**< of all */
} tame_checkpoint_report;
/** Verify the checkpoints of a network. Local. */
tame_status tame_checkpoint_look(const char *folder, int64_t network,
                                 tame_checkpoint_report *report);

/* ---- looking -------------------------------------------------------------------------------------- */

/** Text attribute of a group of a results file, "/" being the root, malloc'd; TAME_ERR_INPUT where `path`
 *  is not one. Local. */
tame_status tame_results_text(const char *path, const char *group, const char *key, char **text);

/** A matrix that is wanted of a file: its name, its shape, where it goes. */
typedef struct tame_matrix {
  const char *name;
  int64_t rows, columns;
  double *at; /**< [rows][columns] */
} tame_matrix;

/** All datasets of a group of finished results, [network][rows][columns], by the network's index in the sweep;
 *  or all [rows][columns] at the root of an HDF5 file of another program, whose only network is 0.
 *  TAME_ERR_INPUT where they are not the n that are wanted: with names and both shapes. Local. */
tame_status tame_matrices_fetch(const char *path, const char *group, int64_t network, int64_t n,
                                const tame_matrix *wanted);

/** Is there such a dataset or group? false also where `path` is no HDF5 file. Local. */
bool tame_hdf5_has(const char *path, const char *dataset);

/** What is to be told of a results file. */
typedef struct tame_describe_options {
  bool datasets;   /**< each dataset too: shape, axes, units */
  bool networks;   /**< of a sweep all networks, not the first of them only */
  int64_t network; /**< only this one, by its index in the sweep; -1: all */
} tame_describe_options;

/** Tell what is in a results file, or in PATH.partial where only that is there, in words: how it was made,
 *  tasks, phases, losses; of a sweep a table of its networks; of an unfinished run its checkpoints,
 *  verified. TAME_ERR_INPUT where `path` is not one, or has no such network; TAME_ERR_IO where a
 *  checkpoint is damaged. Local. */
tame_status tame_results_describe(const char *path, const tame_describe_options *options,
                                  FILE *out);

/** Whether all data of two result files are equal byte for byte: networks, shapes, types, values,
 *  attributes; not what tells how they were made, /run and the attributes of the root. TAME_OK;
 *  TAME_ERR_DIFFERS with a message that names the first difference; TAME_ERR_INPUT. Local. */
tame_status tame_results_compare(const char *a, const char *b);

#endif
