/** @file hdf5.h
 * What the files of this room share of HDF5. */
#ifndef TAME_STORE_HDF5_H
#define TAME_STORE_HDF5_H

#include "tame/store.h"

#include <hdf5.h>

/** HDF5 is to say nothing by itself: our messages say it. Local. */
void tame_hdf5_quiet(void);

/** The reason HDF5 and the system give for the last failure, in a few words. Borrowed. */
const char *tame_hdf5_reason(void);

/** How files are opened: newer format, for attributes above 64 KiB; HDF5's own locks, which would be in the
 *  way of ours and which some file systems lack, off. To be closed. */
hid_t tame_hdf5_access(void);

/** Newest version of the results format that is known. */
enum { TAME_FORMAT = 2 };

/** Open a file for reading if it is a results file. TAME_ERR_INPUT otherwise; with NULL for finished
 *  also if it is not finished. */
tame_status tame_hdf5_open_results(const char *path, hid_t *file, bool *finished);

/** Whether every network of an open results file is done or has failed. */
bool tame_hdf5_finished(hid_t file);

/** Text attribute of an object, malloc'd; NULL if there is none. */
char *tame_hdf5_text(hid_t object, const char *key);

#endif
