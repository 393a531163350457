/** @file sweep.h
 * A sweep: the networks of an experiment that differ in some of its keys.
 *
 * `sweep.axes` is a list of axes, whose product the networks are, the last axis fastest. An axis is a mapping
 * of keys to values, one list or range each; the keys of one axis go together. `label.NAME` is no key of
 * the experiment, but a coordinate of that name. `sweep.repeats` is one more axis, the fastest:
 * network.seed, network.seed + 1, ... */
#ifndef TAME_EXPERIMENT_SWEEP_H
#define TAME_EXPERIMENT_SWEEP_H

#include "tame/experiment.h"

/** What the YAML says. */
typedef struct tame_sweep {
  char *axes;
  int64_t repeats;
  char *reference; /**< a CSV file of published values */
} tame_sweep;

extern const tame_schema tame_sweep_schema;

typedef struct tame_sweep_plan tame_sweep_plan; /* opaque: the axes, as read */

/** Read the axes, check each value by itself against its key. TAME_ERR_INPUT names file, line and key.
 *  The experiment has been read, and keeps its source. Local. */
tame_status tame_sweep_expand(tame_experiment *e);
void tame_sweep_free(tame_sweep_plan **plan);

/** The experiment of network k alone, without a sweep; owned by the caller, NULL on failure. Collective over
 *  comm, as files may be read. TAME_ERR_INPUT where the combination of values cannot be. */
tame_status tame_experiment_member(tame_experiment **out, const tame_experiment *study, int64_t k,
                                   MPI_Comm comm);

/** Its words alone, as tame_experiment_read(). Local. */
tame_status tame_experiment_read_member(tame_experiment **out, const tame_experiment *study,
                                        int64_t k);

/** Swept keys and labels; their names, "network.gain" or a label's; whether all values are numbers. */
int64_t tame_sweep_coordinates(const tame_experiment *e);
const char *tame_sweep_name(const tame_experiment *e, int64_t c);
bool tame_sweep_numeric(const tame_experiment *e, int64_t c);
/** Value of a coordinate for network k: as a number, NaN if it is none; as YAML, borrowed. */
double tame_sweep_number(const tame_experiment *e, int64_t c, int64_t k);
const char *tame_sweep_text(const tame_experiment *e, int64_t c, int64_t k);

/** Does a swept key lie on this path, below it, or above it? */
bool tame_sweep_touches(const tame_experiment *e, const char *path);
/** Text of the file of published values, NULL if there is none. Borrowed. */
const char *tame_sweep_reference(const tame_experiment *e);

/** TAME_ERR_INPUT if an effective text is not this experiment's; the message tells which keys differ. */
tame_status tame_experiment_same(const tame_experiment *e, const char *text);

#endif
