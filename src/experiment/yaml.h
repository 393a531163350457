/** @file yaml.h
 * Structures from YAML text and back, by their field tables. Every problem becomes one message with
 * its place, "jobs/x.yaml:12: network.gian: unknown key, did you mean 'gain'?". A part of the text
 * that came from an override is placed by that: "--set network.gian=1: network.gian: ...".
 * Nothing here communicates. */
#ifndef TAME_YAML_H
#define TAME_YAML_H

#include "tame/base.h"

#include <stdio.h>

/** Where each part of a text stood, for checks made after loading; opaque. */
typedef struct tame_yaml_marks tame_yaml_marks;

/** Fill a structure: defaults, then the text, one document of UTF-8, with overrides applied to it
 *  in their order before anything is converted. What the structure held is overwritten, not freed.
 *
 *  An override is "path=value": a path like network.gain or phases[3].train.trials, whose elements
 *  are there, and a value in YAML. What lacks on the way to a key is made: with `cell: rate`, or no
 *  cell, network.cell.rate.tau_ms=20 makes `cell: {rate: {tau_ms: 20}}`.
 *
 *  `key:` without a value, or with ~ or null, is refused unless the fallback is "", or the key is
 *  that of a group or of a row, which then has its defaults.
 *  @param file_name  for messages
 *  @param[out] marks  owned by the caller, tame_yaml_free(); may be NULL
 *  @return TAME_OK, TAME_ERR_INPUT or TAME_ERR_NOMEM; if it fails the structure is zero */
tame_status tame_yaml_load(const tame_schema *schema, void *structure, const char *file_name,
                           const char *text, const char *const *sets, int n_sets,
                           tame_yaml_marks **marks);

/** Does the document, a mapping, have this key, overrides applied? *has: false where it is not YAML, of which
 *  tame_yaml_load() tells. TAME_OK, TAME_ERR_NOMEM. */
tame_status tame_yaml_has(const char *text, const char *const *sets, int n_sets, const char *key,
                          bool *has);

/** Fail with TAME_ERR_INPUT and "place: path: message". A path is like
 *  tasks[1].targets[0].pen.points; "" is the whole document. What the text does not give has the
 *  place of what is around it, and the path is followed by "(default)". With NULL marks there is no
 *  place. */
tame_status tame_yaml_fail_at(const tame_yaml_marks *marks, const char *path, const char *format,
                              ...) __attribute__((format(printf, 3, 4)));

/** A value in the text, as it is after the overrides; opaque, borrowed from the marks. */
typedef struct node tame_yaml_node;

/** The value at a path, NULL if it is not given. */
const tame_yaml_node *tame_yaml_find(const tame_yaml_marks *marks, const char *path);
/** The first of what a list or mapping holds, and the next of its kind; NULL: none. */
const tame_yaml_node *tame_yaml_first(const tame_yaml_node *node);
const tame_yaml_node *tame_yaml_next(const tame_yaml_node *node);
/** Its key in a mapping, else "". */
const char *tame_yaml_key(const tame_yaml_node *node);
bool tame_yaml_is_list(const tame_yaml_node *node);
bool tame_yaml_is_mapping(const tame_yaml_node *node);
/** A text as a value, quoted where it has to be. */
void tame_yaml_print(FILE *out, const char *text);
/** The value as YAML on one line; owned by the caller, free(); NULL without memory. */
char *tame_yaml_flow(const tame_yaml_node *node);
/** The same, of a word without quotes: for reading, not for YAML. */
char *tame_yaml_words(const tame_yaml_node *node);
/** Fill a structure from a mapping: defaults, then its keys. path is for messages. */
tame_status tame_yaml_read(const tame_yaml_marks *marks, const tame_yaml_node *node,
                           const char *path, const tame_schema *schema, void *structure);
/** Fail with TAME_ERR_INPUT at a value: "place: path: message". */
tame_status tame_yaml_fail_node(const tame_yaml_marks *marks, const tame_yaml_node *node,
                                const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** Compare two texts value by value: how many differ, and the first of them in words, "network.gain: 1.8
 *  and 1.5". -1: no memory, or not YAML. */
int64_t tame_yaml_differences(const char *a, const char *b, char *words, size_t size);

/** Free *marks and set it to NULL. NULL is fine. */
void tame_yaml_free(tame_yaml_marks **marks);

/** A structure as text that loads to an equal one: every field in the order of the table, but for
 *  values that are empty and whose fallback is "". Owned by the caller, free(); NULL if there is no
 *  memory. */
char *tame_yaml_dump(const tame_schema *schema, const void *structure);

#endif
