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

/** Open a file for reading if it is a results file. TAME_ERR_INPUT otherwise. */
tame_status tame_hdf5_open_results(const char *path, hid_t *file);

/** Text attribute of an object, malloc'd; NULL if there is none. */
char *tame_hdf5_text(hid_t object, const char *key);

#endif
