/** @file layout.h
 * HDF5 files that are laid out once, in full, and then only get raw data: each rank writes its share at the
 * place where the dataset stands in the file, without a word to any other. So no metadata is ever in
 * flight, and a process may die at any instant. */
#ifndef TAME_STORE_LAYOUT_H
#define TAME_STORE_LAYOUT_H

#include "tame/store.h"

/** Where a dataset stands in a file. */
typedef struct tame_place {
  char path[TAME_PATH];
  tame_type type;
  int64_t width; /**< bytes of an element */
  int64_t offset;
  int axes;
  int64_t shape[TAME_AXES];
} tame_place;

/** Make a file with all datasets and attributes, its disk space reserved. fill: numbers that nobody
 *  writes are NaN, -1 or 0; else they are undefined. TAME_ERR_IO where it does not fit. Local. */
tame_status tame_layout_make(const char *path, const tame_blueprint *blueprint, bool fill);

/** Find all datasets of a file, sorted by path; owned by the caller. Local. */
tame_status tame_layout_read(const char *path, tame_place **places, int64_t *count);

/** A place by its path, NULL if there is none. Local. */
const tame_place *tame_layout_find_place(const tame_place *places, int64_t count, const char *path);

/** Write or read all bytes at an offset of a file; name is for the message. Local. */
tame_status tame_write_at(int file, const char *name, const void *data, int64_t bytes,
                          int64_t offset);
tame_status tame_read_at(int file, const char *name, void *data, int64_t bytes, int64_t offset);

/** Force what was written to the disk; name is for the message. Local. */
tame_status tame_write_sync(int file, const char *name);

#endif
