/** @file schema.h
 * What readers and printers of field tables share: one value from text, elements of lists, and the
 * words for messages. All functions are local.
 *
 * Two things base.h leaves open. A REAL whose fallback is "" is NaN when not given. A GROUP has no
 * fallback of its own: where it is not given its fields have theirs, so it must be given only if it
 * holds a field that must be. */
#ifndef TAME_SCHEMA_H
#define TAME_SCHEMA_H

#include "tame/base.h"

/** Set an INT, REAL, BOOL, CHOICE or STRING, or choose the row of a VARIANT, from its text. What
 *  the value owned is freed, unless this fails. An empty text makes a STRING NULL, or is refused if
 *  the key must be given.
 *  @return TAME_ERR_INPUT with the message "found '3.5', want a whole number from 1 to 9", which
 *  lacks the place, or TAME_ERR_NOMEM */
tame_status tame_schema_set(const tame_field *field, const char *text, void *value);

/** Fill a value with the field's fallback. Whatever it held is overwritten, not freed. */
tame_status tame_schema_default(const tame_field *field, void *value);

/** Free what a value owns and zero it. */
void tame_schema_clear(const tame_field *field, void *value);

/** The elements of REALS, STRINGS, LIST or VARIANTS, seen alike. */
typedef struct tame_elements {
  tame_field field; /**< what each of them is: REAL, STRING, GROUP or VARIANT; must be given */
  char *at;
  size_t size; /**< of one */
  int64_t count;
  int *lines; /**< NULL for REALS and STRINGS */
} tame_elements;

/** View the elements of a list; a field of another kind has none, size 0. */
tame_elements tame_schema_elements(const tame_field *field, const void *value);

/** Give a list `count` elements, all zero. Whatever it held is overwritten, not freed. */
tame_status tame_schema_allocate(const tame_field *field, int64_t count, void *value);

/** Is there nothing to print: an empty value, where the fallback says it may be empty? */
bool tame_schema_absent(const tame_field *field, const void *value);

/** The i-th name that may be written: a choice, a row, or a key of the group; NULL at the end. */
const char *tame_schema_option(const tame_field *field, int i);
/** All of them, "a, b, c". Cut if they do not fit. */
void tame_schema_options(const tame_field *field, char *text, size_t size);
/** The one that looks most like `name`, NULL if none is near. */
const char *tame_schema_nearest(const tame_field *field, const char *name);

/** What a field wants: "a number from 1 to 9", "one of rate, spike". Cut if it does not fit. */
void tame_schema_want(const tame_field *field, char *text, size_t size);

/** A number in as few digits as read back to the same double. */
void tame_schema_number(double x, char text[32]);

/** Text fit for a message: control characters replaced, long texts cut. Returns `shown`. */
enum { TAME_SHOWN = 80 };
const char *tame_schema_shown(const char *text, char shown[TAME_SHOWN]);

#endif
