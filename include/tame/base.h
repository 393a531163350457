/** @file tame/base.h
 * The ground floor: status and agreement between ranks, counter-based random numbers, and the
 * field tables by which parameters get their names, units, defaults and limits. */
#ifndef TAME_BASE_H
#define TAME_BASE_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- status ------------------------------------------------------------------------------- */

/** What a function came to. The values are also the exit codes of the program. */
typedef enum tame_status {
  TAME_OK = 0,
  TAME_ERR_DIFFERS = 1, /**< `tame compare`: the files differ */
  TAME_ERR_INPUT = 2,   /**< bad argument, experiment or data */
  TAME_ERR_NOMEM = 3,   /**< memory: refused beforehand, or not given */
  TAME_ERR_IO = 4,      /**< a file could not be read or written */
  TAME_ERR_NUMERIC = 5, /**< the network diverged, or P lost positivity */
  TAME_ERR_PART = 6,    /**< some networks of a sweep failed; the others are done */
  TAME_STOPPED = 75,    /**< asked to stop: all is kept, the run can be resumed */
} tame_status;

/** Set this rank's message, printf-style, and return code, so that `return tame_fail(...)` reads
 *  well. Messages hold the numbers: what was found, what is wanted. Local, one message a process. */
tame_status tame_fail(tame_status code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Message of the last failure on this rank; after tame_agree(), of the failure agreed on. Never
 *  NULL. Borrowed, valid until the next failure. Local. */
const char *tame_message(void);

/** Status and message of the lowest rank that failed, TAME_OK if none did; the same on every
 *  rank. Do local work first, agree once, then communicate. Collective. */
tame_status tame_agree(MPI_Comm comm, tame_status mine);

/** Version of the library, "0.1.0", and the commit it was built from or "unknown". Local. */
const char *tame_version(void);
const char *tame_commit(void);

/* ---- random numbers ----------------------------------------------------------------------- */

/** Every random number is a pure function of (seed, purpose, a, b, c): Philox4x32-10 with key =
 *  seed and counter = (a, b, c, purpose). Salmon et al. (2011), SC '11, doi:10.1145/2063384.2063405.
 *  So no draw depends on the number of ranks or threads, nor on what was drawn before. */
typedef enum tame_purpose {
  TAME_DRAW_WIRING = 1,    /**< a = target neuron, b = draw in its row */
  TAME_DRAW_RECURRENT = 2, /**< a = source neuron, b = target neuron */
  TAME_DRAW_PLASTIC = 3,   /**< a = source neuron, b = target neuron */
  TAME_DRAW_INPUT = 4,     /**< a = neuron, b = input channel; c = 0: its weight, 1: is there one */
  TAME_DRAW_READOUT = 5,   /**< a = neuron, b = output */
  TAME_DRAW_STATE = 6,     /**< a = neuron, b = state variable, c = trial */
  TAME_DRAW_NOISE = 7,     /**< a = neuron / 2, b = step, c = trial; even and odd neuron share it */
  TAME_DRAW_FEEDBACK = 8,  /**< a = neuron, b = output */
  TAME_DRAW_SIGNAL = 9,    /**< a = series, b = number in it; the seed is the signal's own */
  TAME_DRAW_TANGENT = 10,  /**< a = neuron, b = tangent vector, c = trial */
  TAME_DRAW_BIAS = 11,     /**< a = neuron */
  TAME_DRAW_START = 12,    /**< a = neuron: where the search for W's largest eigenvalue starts */
  TAME_DRAW_PARAMETER = 13, /**< of a model: a = row, b = column, c = 128 view + trial */
  TAME_DRAW_SAMPLE =
      14,               /**< of a data set: a = sample, low 32 bits of its id; b = number / 2 in its
                              stream; c = 16 (id / 2^32) + stream; the seed is the set's own */
  TAME_DRAW_ORDER = 15, /**< of samples: a = place, b = epoch, c = phase */
  TAME_DRAW_CELL = 16, /**< by a cell as it moves: a = neuron, b = step, c = 2 trial + which pair */
} tame_purpose;

/** Two uniform doubles in (0, 1), odd multiples of 2^-53. Local. */
void tame_uniform2(uint64_t seed, tame_purpose purpose, uint32_t a, uint32_t b, uint32_t c,
                   double u[2]);
/** The first of them. Local. */
double tame_uniform(uint64_t seed, tame_purpose purpose, uint32_t a, uint32_t b, uint32_t c);
/** Standard normal by Box and Muller: sqrt(-2 ln u[0]) cos(2 pi u[1]). Local. */
double tame_normal(uint64_t seed, tame_purpose purpose, uint32_t a, uint32_t b, uint32_t c);

/* ---- state -------------------------------------------------------------------------------- */

/** Kinds of numbers in files. */
typedef enum tame_type {
  TAME_TYPE_F64,
  TAME_TYPE_F32,
  TAME_TYPE_I64,
  TAME_TYPE_I32,
  TAME_TYPE_U8,
  TAME_TYPE_TEXT, /**< UTF-8 of a fixed width, padded with NUL */
} tame_type;

/** Bytes of a number; 1 for a text. Local. */
size_t tame_type_size(tame_type type);

/** A part of an array of a state that must outlive the process. The array has `total` elements, in an
 *  order that does not depend on the layout; this rank holds `count` of them from `first` on. */
typedef struct tame_piece {
  char name[64]; /**< of the array */
  tame_type type;
  int64_t total, first, count;
  void *at;
  bool copy;        /**< another rank answers for it: it is restored here, not saved */
  uint32_t version; /**< not 0: the array is the same as ever where this is the same */
} tame_piece;

/** Pieces of all that is to be saved. Each rank names every array, be its count 0, in the same order;
 *  the pieces of one array follow each other. */
typedef struct tame_state {
  tame_piece *at;
  int64_t count, room;
  bool failed; /**< no memory for the list */
} tame_state;

/** Append a piece, or lengthen the last one if they touch in the array and in memory. Local. */
void tame_state_add(tame_state *state, const tame_piece *piece);
/** Free the list, not what it points to. Local. */
void tame_state_free(tame_state *state);

/** Checksum of numbers that start at place `first` of their array: those of its parts add up to that of
 *  the whole, however it is cut. `seed` tells arrays apart. Local. */
uint64_t tame_checksum(uint64_t seed, tame_type type, const void *data, int64_t first,
                       int64_t count);

/* ---- field tables ------------------------------------------------------------------------- */

/** What a parameter may hold, and the C type it is stored as. */
typedef enum tame_kind {
  TAME_INT,      /**< int64_t */
  TAME_REAL,     /**< double, finite */
  TAME_BOOL,     /**< bool; `on`/`off`, `yes`/`no`, `true`/`false` */
  TAME_CHOICE,   /**< int, an index into `choices` */
  TAME_STRING,   /**< char *, owned by the structure */
  TAME_REALS,    /**< tame_reals, a list of finite numbers; one number stands for a list of one */
  TAME_STRINGS,  /**< tame_strings, a list of words; one word stands for a list of one */
  TAME_GROUP,    /**< a structure in place, described by `group` */
  TAME_LIST,     /**< tame_list of structures described by `group` */
  TAME_VARIANT,  /**< tame_variant: one row of `table` and its parameters; YAML `row: {...}` */
  TAME_VARIANTS, /**< tame_list of tame_variant */
  TAME_YAML,     /**< char *, any value, kept as YAML on one line; owned by the structure */
} tame_kind;

typedef struct tame_reals {
  double *at;
  int64_t count;
} tame_reals;

typedef struct tame_strings {
  char **at;
  int64_t count;
} tame_strings;

/** Elements of equal size, one after the other. `lines[i]` is where element i stood, 0 if nowhere. */
typedef struct tame_list {
  void *at;
  int64_t count;
  int *lines;
} tame_list;

/** One parameter: a row of a field table, which ends with a row whose name is NULL. */
typedef struct tame_field {
  const char *name; /**< key; with its unit, as in tau_ms */
  tame_kind kind;
  size_t offset; /**< in the structure */
  const char
      *fallback;   /**< default, as YAML text; NULL: the key must be given; "": empty, which for
                             a REAL is NaN, a STRING NULL, a VARIANT no row. A GROUP has none */
  double min, max; /**< closed limits of INT, REAL, and each of REALS; both 0: none */
  const char *doc; /**< one line */
  const char *const *choices;      /**< of CHOICE: names, NULL at the end */
  const struct tame_schema *group; /**< of GROUP and LIST */
  const struct tame_table *table;  /**< of VARIANT and VARIANTS */
} tame_field;

/** A structure that can be read from YAML. */
typedef struct tame_schema {
  size_t size; /**< of the structure */
  const tame_field *fields;
} tame_schema;

/** A named kind of thing (a cell, say): the head of every row of every table. A room's own row type
 *  begins with it and adds functions. */
typedef struct tame_row {
  const char *name;
  const char *doc;    /**< one line; the equation where there is one */
  tame_schema params; /**< fields NULL: no parameters */
} tame_row;

/** The rows a YAML key may choose from; NULL at the end of rows. This is what `tame list` prints. */
typedef struct tame_table {
  const char *title; /**< "cells" */
  const tame_row *const *rows;
} tame_table;

/** A chosen row with its parameters, [row->params.size] bytes, owned. */
typedef struct tame_variant {
  const tame_row *row;
  void *params;
} tame_variant;

/** Fill a structure with the defaults of its fields; fields without one become 0 or NULL. Whatever
 *  it held is overwritten, not freed. TAME_OK, TAME_ERR_NOMEM, or TAME_ERR_INPUT if a table's own
 *  default is wrong; if it fails the structure is zero. Local. */
tame_status tame_defaults(const tame_schema *schema, void *structure);

/** Choose a row by name, with default parameters. The variant must be zero or hold a row; what it held
 *  is freed. TAME_ERR_INPUT if there is no such row: unchanged. Local. */
tame_status tame_variant_set(tame_variant *variant, const tame_table *table, const char *name);

/** Check numbers and choices against the limits of their fields, for structures that were not read from
 *  YAML; not the parameters of variants. TAME_ERR_INPUT, and *key is the field's name. Local. */
tame_status tame_schema_check(const tame_schema *schema, const void *structure, const char **key);

/** Free all that the fields own, not the structure itself, and zero it. Local. */
void tame_schema_release(const tame_schema *schema, void *structure);

#endif
