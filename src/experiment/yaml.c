/* YAML by field tables; see yaml.h. Stages: libyaml composes a document; build() copies it to a
 * tree in which aliases are expanded; apply() puts an override into the tree; convert() fills the
 * structure from it. The tree is kept, as it knows the place of everything. */
#include "experiment/yaml.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/memory.h"
#include "base/schema.h"

enum {
  MAX_DEPTH = 100,     /* of nesting; an alias inside its own anchor would have no end */
  MAX_BYTES = 64 << 20 /* of the tree; aliases of aliases could grow it without end */
};

typedef enum { NOTHING, WORD, SEQUENCE, MAPPING } node_kind; /* NOTHING: no value, ~ or null */

typedef struct node {
  node_kind shape;
  int line;         /* of the key; of an element, where it starts */
  int set;          /* came from override set - 1; 0: from the text */
  const char *key;  /* in a mapping, else "" */
  const char *text; /* of a WORD, else "" */
  struct node *child, *next;
} node; /* its texts follow in the same block */

struct tame_yaml_marks {
  char *file_name;
  char **sets;
  int n_sets;
  node *root;
  size_t bytes; /* of the tree */
};

/* ---- messages ----------------------------------------------------------------------------- */

/* "place: path: message" */
static tame_status fail_in(const tame_yaml_marks *m, int set, int line, const char *path,
                           const char *format, va_list arguments)
{
  char shown[TAME_SHOWN], place[TAME_SHOWN + 16] = "", message[3072];
  vsnprintf(message, sizeof message, format, arguments);
  const char *file = "";
  if (m && set)
    snprintf(place, sizeof place, "--set %s: ", tame_schema_shown(m->sets[set - 1], shown));
  else if (m) file = m->file_name, snprintf(place, sizeof place, ":%d: ", line);
  return tame_fail(TAME_ERR_INPUT, "%s%s%s%s%s", file, place, path, *path ? ": " : "", message);
}

__attribute__((format(printf, 4, 5))) static tame_status fail_text(const tame_yaml_marks *m,
                                                                   int set, int line,
                                                                   const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  const tame_status status = fail_in(m, set, line, "", format, arguments);
  va_end(arguments);
  return status;
}

/* "a list", say, after "found" */
static const char *found(const node *n, char text[TAME_SHOWN + 2])
{
  char shown[TAME_SHOWN];
  if (n->shape == WORD) snprintf(text, TAME_SHOWN + 2, "'%s'", tame_schema_shown(n->text, shown));
  else
    strcpy(text, n->shape == NOTHING ? "no value" : n->shape == SEQUENCE ? "a list" : "a mapping");
  return text;
}

/* ---- tree --------------------------------------------------------------------------------- */

static void free_tree(node *n)
{
  while (n) {
    node *next = n->next;
    free_tree(n->child);
    free(n);
    n = next;
  }
}

/* key and text have their lengths, and no NUL inside */
static tame_status make_node(tame_yaml_marks *m, node **out, node_kind shape, const char *key,
                             size_t key_length, const char *text, size_t text_length)
{
  const size_t bytes = sizeof(node) + key_length + text_length + 2;
  node *n = tame_zeroed(1, bytes, "the experiment's text");
  if (!n) return TAME_ERR_NOMEM;
  char *texts = (char *)(n + 1);
  memcpy(texts, key, key_length);
  memcpy(texts + key_length + 1, text, text_length);
  n->shape = shape, n->key = texts, n->text = texts + key_length + 1;
  m->bytes += bytes;
  *out = n;
  return TAME_OK;
}

static bool has_key(const node *n, const char *key, size_t length)
{
  return strncmp(n->key, key, length) == 0 && n->key[length] == '\0';
}

static const node *find(const node *first, const char *key)
{
  while (first && strcmp(first->key, key) != 0) first = first->next;
  return first;
}

static int64_t count_nodes(const node *first)
{
  int64_t n = 0;
  for (; first; first = first->next) n++;
  return n;
}

/* ---- from libyaml's document -------------------------------------------------------------- */

static bool is_null(const yaml_node_t *n)
{
  static const char *const words[] = {"", "~", "null", "Null", "NULL"};
  if (n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return false;
  for (int i = 0; i < 5; i++)
    if (strcmp((const char *)n->data.scalar.value, words[i]) == 0) return true;
  return false;
}

static tame_status check_node(const tame_yaml_marks *m, int set, const yaml_node_t *n, bool is_key)
{
  const int line = (int)n->start_mark.line + 1;
  static const char *const tags[] = {[YAML_SCALAR_NODE] = YAML_DEFAULT_SCALAR_TAG,
                                     [YAML_SEQUENCE_NODE] = YAML_DEFAULT_SEQUENCE_TAG,
                                     [YAML_MAPPING_NODE] = YAML_DEFAULT_MAPPING_TAG};
  char shown[TAME_SHOWN];
  if (is_key && n->type != YAML_SCALAR_NODE)
    return fail_text(m, set, line, "found a %s as a key, want a name",
                     n->type == YAML_SEQUENCE_NODE ? "list" : "mapping");
  if (strcmp((const char *)n->tag, tags[n->type]) != 0)
    return fail_text(m, set, line, "found the tag '%s', want none",
                     tame_schema_shown((const char *)n->tag, shown));
  if (n->type == YAML_SCALAR_NODE && memchr(n->data.scalar.value, '\0', n->data.scalar.length))
    return fail_text(m, set, line, "found a NUL character in a text");
  return TAME_OK;
}

static tame_status build(tame_yaml_marks *m, int set, yaml_document_t *document, int index,
                         const yaml_node_t *key, int depth, node **out);

/* What a list or mapping holds. */
static tame_status build_children(tame_yaml_marks *m, int set, yaml_document_t *document,
                                  const yaml_node_t *from, int depth, node **tail)
{
  tame_status status = TAME_OK;
  if (from->type == YAML_SEQUENCE_NODE) {
    for (const int *i = from->data.sequence.items.start;
         i < from->data.sequence.items.top && status == TAME_OK; i++, tail = &(*tail)->next)
      if ((status = build(m, set, document, *i, NULL, depth, tail)) != TAME_OK) break;
  } else if (from->type == YAML_MAPPING_NODE) {
    for (const yaml_node_pair_t *p = from->data.mapping.pairs.start;
         p < from->data.mapping.pairs.top; p++, tail = &(*tail)->next) {
      const yaml_node_t *key = yaml_document_get_node(document, p->key);
      if ((status = check_node(m, set, key, true)) != TAME_OK) break;
      if ((status = build(m, set, document, p->value, key, depth, tail)) != TAME_OK) break;
    }
  }
  return status;
}

static tame_status build(tame_yaml_marks *m, int set, yaml_document_t *document, int index,
                         const yaml_node_t *key, int depth, node **out)
{
  const yaml_node_t *from = yaml_document_get_node(document, index);
  const int line = (int)(key ? key : from)->start_mark.line + 1;
  const bool scalar = from->type == YAML_SCALAR_NODE;
  if (depth > MAX_DEPTH)
    return fail_text(m, set, line, "nested deeper than %d levels; is an alias inside its anchor?",
                     MAX_DEPTH);
  if (m->bytes > MAX_BYTES)
    return fail_text(m, set, line, "larger than %d MB; do aliases multiply?", MAX_BYTES >> 20);
  tame_status status = check_node(m, set, from, false);
  if (status != TAME_OK) return status;
  const node_kind shape = !scalar ? (from->type == YAML_SEQUENCE_NODE ? SEQUENCE : MAPPING)
                                  : (is_null(from) ? NOTHING : WORD);
  status = make_node(m, out, shape, key ? (const char *)key->data.scalar.value : "",
                     key ? key->data.scalar.length : 0,
                     scalar ? (const char *)from->data.scalar.value : "",
                     scalar ? from->data.scalar.length : 0);
  if (status != TAME_OK) return status;
  (*out)->line = line, (*out)->set = set;
  return build_children(m, set, document, from, depth + 1, &(*out)->child);
}

/* ---- syntax ------------------------------------------------------------------------------- */

/* What libyaml has to say. It gives no line for bytes that are not UTF-8, but their offset. */
static tame_status syntax_error(const tame_yaml_marks *m, int set, const yaml_parser_t *parser,
                                const char *text)
{
  int line = (int)parser->problem_mark.line + 1, at = 1;
  if (parser->error == YAML_MEMORY_ERROR ||
      !parser->problem) /* NULL: only where it found no memory */
    return tame_fail(TAME_ERR_NOMEM, "no memory for YAML");
  if (parser->error == YAML_READER_ERROR) {
    line = 1;
    for (size_t i = 0; i < parser->problem_offset && text[i]; i++) line += text[i] == '\n';
  }
  const char *start = text; /* of the line */
  for (; at < line && strchr(start, '\n'); at++) start = strchr(start, '\n') + 1;
  const bool tab = memchr(start, '\t', strspn(start, " \t")) != NULL;
  char since[32] = "";
  if (!set && parser->context && parser->context_mark.line != parser->problem_mark.line)
    snprintf(since, sizeof since, " from line %d", (int)parser->context_mark.line + 1);
  return fail_text(m, set, line, "%s%s%s%s%s", parser->context ? parser->context : "", since,
                   parser->context ? ": " : "", parser->problem,
                   tab ? "; indent with spaces, not tabs" : "");
}

/* The next document as a tree, *out NULL if there is none. With `only`, it must not be there. */
static tame_status parse_one(tame_yaml_marks *m, int set, yaml_parser_t *parser, const char *text,
                             bool only, node **out)
{
  yaml_document_t document;
  tame_status status = TAME_OK;
  if (!yaml_parser_load(parser, &document)) return syntax_error(m, set, parser, text);
  if (yaml_document_get_root_node(&document)) {
    if (only)
      status = fail_text(m, set, (int)document.start_mark.line + 1,
                         "a second document begins, want one alone");
    else status = build(m, set, &document, 1, NULL, 0, out);
  }
  yaml_document_delete(&document);
  return status;
}

/* A whole text; *out may be set even if this fails. */
static tame_status parse(tame_yaml_marks *m, int set, const char *text, node **out)
{
  yaml_parser_t parser;
  *out = NULL;
  if (!yaml_parser_initialize(&parser)) return tame_fail(TAME_ERR_NOMEM, "no memory for YAML");
  yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
  tame_status status = parse_one(m, set, &parser, text, false, out);
  if (status == TAME_OK) status = parse_one(m, set, &parser, text, true, NULL);
  yaml_parser_delete(&parser);
  return status;
}

/* ---- paths -------------------------------------------------------------------------------- */

/* One step of a path: a key, or an index if key is NULL. */
typedef struct step {
  const char *key;
  size_t length;
  int64_t index;
} step;

/* Take the step at *path and move on; false where there is none. Paths end at '\0' or '='. */
static bool take_step(const char **path, bool first, step *s)
{
  const char *p = *path;
  *s = (step){0};
  if (*p == '[' && !first) {
    char *end;
    if (!isdigit((unsigned char)p[1])) return false;
    s->index = strtoll(p + 1, &end, 10); /* one too large becomes INT64_MAX */
    *path = end + 1;
    return *end == ']';
  }
  if (!first && *p++ != '.') return false;
  s->key = p, s->length = strcspn(p, ".[]= ");
  *path = p + s->length;
  return s->length > 0;
}

static bool at_end(const char *path)
{
  return *path == '\0' || *path == '=';
}

/* The link that leads from a list or mapping on to a step, NULL if the node is of the wrong shape.
 * What is not there yet has the link after the last. */
static node **follow(node *from, const step *s)
{
  node **link = &from->child;
  if (from->shape != (s->key ? MAPPING : SEQUENCE)) return NULL;
  if (!s->key)
    for (int64_t i = 0; i < s->index && *link; i++) link = &(*link)->next;
  else
    while (*link && !has_key(*link, s->key, s->length)) link = &(*link)->next;
  return link;
}

static bool is_word(const node *n, const step *s)
{
  return n->shape == WORD && s->key && strlen(n->text) == s->length &&
         memcmp(n->text, s->key, s->length) == 0;
}

/* ---- overrides ---------------------------------------------------------------------------- */

/* So that a step can follow, make a mapping of no value, and a mapping `row:` of a word `row`. */
static tame_status open_mapping(tame_yaml_marks *m, node *n, const step *s)
{
  tame_status status = TAME_OK;
  if (s->key && n->shape == NOTHING) {
    n->shape = MAPPING;
  } else if (is_word(n, s)) {
    n->shape = MAPPING;
    status = make_node(m, &n->child, NOTHING, s->key, s->length, "", 0);
    if (status == TAME_OK) n->child->line = n->line, n->child->set = n->set;
  }
  return status;
}

/* Why no step can be taken from n, whose path ends at `end`. */
static tame_status cannot_follow(const tame_yaml_marks *m, int set, const node *n, const char *end,
                                 const step *s)
{
  const char *path = m->sets[set - 1];
  const int length = end - path > 200 ? 200 : (int)(end - path);
  const int64_t count = n->shape == SEQUENCE ? count_nodes(n->child) : 0;
  char text[TAME_SHOWN + 2];
  if (!s->key && (n->shape == SEQUENCE || n->shape == NOTHING))
    return fail_text(m, set, 0,
                     "%.*s: found %" PRId64 " elements, numbered from 0; none is number %" PRId64,
                     length, path, count, s->index);
  return fail_text(m, set, 0, "%.*s: found %s, want %s", length, path, found(n, text),
                   !s->key                ? "a list"
                   : n->shape == SEQUENCE ? "an index, as in [0]"
                                          : "a mapping");
}

/* The link to where the path of override set - 1 leads; nodes that lack on the way are made. */
static tame_status reach(tame_yaml_marks *m, int set, node ***out)
{
  const char *path = m->sets[set - 1];
  node **link = &m->root;
  step s;
  do {
    const char *end = path;
    if (!take_step(&path, link == &m->root, &s))
      return fail_text(m, set, 0, "want a path like network.gain or tasks[0].name before '='");
    tame_status status = open_mapping(m, *link, &s);
    if (status != TAME_OK) return status;
    node **next = follow(*link, &s);
    if (!next || (!s.key && !*next)) return cannot_follow(m, set, *link, end, &s);
    if (!*next) {
      status = make_node(m, next, NOTHING, s.key, s.length, "", 0);
      if (status != TAME_OK) return status;
      (*next)->set = set;
    }
    link = next;
  } while (!at_end(path));
  *out = link;
  return TAME_OK;
}

/* Put `value`, whose children are taken, in the place of what is there. */
static tame_status replace(tame_yaml_marks *m, int set, node **link, node *value)
{
  node *new, *old = *link;
  const tame_status status = make_node(m, &new, value ? value->shape : NOTHING, old->key,
                                       strlen(old->key), value ? value->text : "",
                                       value ? strlen(value->text) : 0);
  if (status != TAME_OK) return status;
  new->set = set;
  new->next = old->next, old->next = NULL;
  if (value) new->child = value->child, value->child = NULL;
  *link = new;
  free_tree(old);
  return TAME_OK;
}

static tame_status apply(tame_yaml_marks *m, int set)
{
  const char *equals = strchr(m->sets[set - 1], '=');
  node **link = NULL, *value = NULL;
  if (!equals) return fail_text(m, set, 0, "want a path, '=' and a value: network.gain=1.5");
  tame_status status = reach(m, set, &link);
  if (status == TAME_OK) status = parse(m, set, equals + 1, &value);
  if (status == TAME_OK) status = replace(m, set, link, value);
  free_tree(value);
  return status;
}

/* ---- any value ----------------------------------------------------------------------------- */

static void print_text(FILE *out, const char *text);

/* A word as it reads back: a number, or true, as it is. */
static void print_word(FILE *out, const char *text)
{
  const char *at = text;
  while (isalnum((unsigned char)*at) || (*at && strchr("+-._", *at))) at++;
  const bool dash = *text == '-' && !isdigit((unsigned char)text[1]) && text[1] != '.';
  if (*text && *at == '\0' && !dash) fputs(text, out);
  else print_text(out, text);
}

static void print_node(FILE *out, const node *n)
{
  const bool list = n->shape == SEQUENCE;
  switch (n->shape) {
    case NOTHING: putc('~', out); break;
    case WORD: print_word(out, n->text); break;
    default:
      putc(list ? '[' : '{', out);
      for (const node *child = n->child; child; child = child->next) {
        if (!list) print_text(out, child->key), fputs(": ", out);
        print_node(out, child);
        if (child->next) fputs(", ", out);
      }
      putc(list ? ']' : '}', out);
  }
}

void tame_yaml_print(FILE *out, const char *text)
{
  print_text(out, text);
}

char *tame_yaml_words(const tame_yaml_node *n)
{
  if (n->shape != WORD) return tame_yaml_flow(n);
  char *text = strdup(n->text);
  if (!text) tame_fail(TAME_ERR_NOMEM, "no memory for a value");
  return text;
}

char *tame_yaml_flow(const tame_yaml_node *n)
{
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  if (out) print_node(out, n);
  if (!out || fclose(out) != 0) {
    free(text);
    tame_fail(TAME_ERR_NOMEM, "no memory for a value");
    return NULL;
  }
  return text;
}

/* ---- conversion --------------------------------------------------------------------------- */

typedef struct reader {
  const tame_yaml_marks *marks;
  char path[512]; /* of what is being read */
  size_t length;
} reader;

/* Go on to a key, or to an element if key is NULL; returns what leave() needs. */
static size_t enter(reader *r, const char *key, int64_t index)
{
  const size_t before = r->length, room = sizeof r->path - before;
  if (key) snprintf(r->path + before, room, "%s%s", before ? "." : "", key);
  else snprintf(r->path + before, room, "[%" PRId64 "]", index);
  r->length = strlen(r->path);
  return before;
}

static void leave(reader *r, size_t before)
{
  r->length = before;
  r->path[before] = '\0';
}

__attribute__((format(printf, 3, 4))) static tame_status fail(const reader *r, const node *n,
                                                              const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  const tame_status status = fail_in(r->marks, n->set, n->line, r->path, format, arguments);
  va_end(arguments);
  return status;
}

static tame_status unwanted(const reader *r, const node *n, const tame_field *f)
{
  char text[TAME_SHOWN + 2], want[1200];
  tame_schema_want(f, want, sizeof want);
  return fail(r, n, "found %s, want %s", found(n, text), want);
}

static tame_status unknown_key(reader *r, const tame_field *keys, const node *n)
{
  char shown[TAME_SHOWN], known[1024];
  const char *near = tame_schema_nearest(keys, n->key);
  enter(r, tame_schema_shown(n->key, shown), 0);
  if (strcmp(n->key, "<<") == 0)
    return fail(r, n, "merge keys are not known; an alias stands for a whole value");
  if (near) return fail(r, n, "unknown key, did you mean '%s'?", near);
  tame_schema_options(keys, known, sizeof known);
  return fail(r, n, "unknown key; known here: %s", *known ? known : "none");
}

static tame_status check_key(reader *r, const tame_schema *schema, const node *first, const node *n)
{
  const tame_field keys = {.kind = TAME_GROUP, .group = schema};
  const tame_field *f = schema->fields;
  while (f && f->name && strcmp(f->name, n->key) != 0) f++;
  if (!f || !f->name) return unknown_key(r, &keys, n);
  const node *twin = find(first, n->key);
  if (twin == n) return TAME_OK;
  enter(r, n->key, 0);
  return twin->set ? fail(r, n, "given twice, also by --set")
                   : fail(r, n, "given twice, first on line %d", twin->line);
}

static tame_status read_value(reader *r, const tame_field *f, const node *n, void *value);

/* The keys of a structure, which holds its defaults. `place` is what they stand in. */
static tame_status read_fields(reader *r, const node *first, const node *place,
                               const tame_schema *schema, void *structure)
{
  tame_status status = TAME_OK;
  for (const node *n = first; n && status == TAME_OK; n = n->next)
    status = check_key(r, schema, first, n);
  for (const tame_field *f = schema->fields; f && f->name && status == TAME_OK; f++) {
    const node *n = find(first, f->name);
    void *value = (char *)structure + f->offset;
    if (!n && !f->fallback && f->kind != TAME_GROUP)
      return fail(r, place, "required key '%s' is missing", f->name);
    const size_t before = enter(r, f->name, 0);
    if (n) status = read_value(r, f, n, value);
    else if (f->kind == TAME_GROUP) status = read_fields(r, NULL, place, f->group, value);
    leave(r, before);
  }
  return status;
}

static tame_status read_group(reader *r, const tame_field *f, const node *n, void *structure)
{
  if (n->shape != MAPPING && n->shape != NOTHING) return unwanted(r, n, f);
  return read_fields(r, n->child, n, f->group, structure);
}

/* From its text: a word, or the name of a row. */
static tame_status read_text(reader *r, const tame_field *f, const node *n, const char *text,
                             void *value)
{
  const tame_status status = tame_schema_set(f, text, value);
  return status == TAME_ERR_INPUT ? fail(r, n, "%s", tame_message()) : status;
}

/* `row`, `row:` or `row: {parameters}` */
static tame_status read_variant(reader *r, const tame_field *f, const node *n, tame_variant *value)
{
  const node *row = n->shape == MAPPING ? n->child : NULL;
  if (n->shape != WORD && !row) return unwanted(r, n, f);
  if (row && row->next)
    return fail(r, row->next, "found both '%.40s' and '%.40s', want only one", row->key,
                row->next->key);
  tame_status status = read_text(r, f, row ? row : n, row ? row->key : n->text, value);
  if (status != TAME_OK) return status;
  const tame_field params = {.kind = TAME_GROUP, .group = &value->row->params};
  const size_t before = enter(r, value->row->name, 0);
  status = row ? read_group(r, &params, row, value->params)
               : read_fields(r, NULL, n, params.group, value->params);
  leave(r, before);
  return status;
}

static tame_status read_list(reader *r, const tame_field *f, const node *n, void *value)
{
  const bool word = n->shape == WORD && (f->kind == TAME_STRINGS || f->kind == TAME_REALS);
  if (n->shape != SEQUENCE && !word) return unwanted(r, n, f);
  tame_status status = tame_schema_allocate(f, word ? 1 : count_nodes(n->child), value);
  if (status != TAME_OK) return status;
  const tame_elements e = tame_schema_elements(f, value);
  char *at = e.at;
  if (word) return read_text(r, &e.field, n, n->text, at);
  int64_t i = 0;
  for (n = n->child; n && status == TAME_OK; n = n->next, i++, at += e.size) {
    const size_t before = enter(r, NULL, i);
    if (e.lines) e.lines[i] = n->set ? 0 : n->line;
    if (f->kind == TAME_LIST) status = tame_defaults(f->group, at);
    if (status == TAME_OK) status = read_value(r, &e.field, n, at);
    leave(r, before);
  }
  return status;
}

static tame_status read_value(reader *r, const tame_field *f, const node *n, void *value)
{
  if (f->kind == TAME_GROUP) return read_group(r, f, n, value);
  tame_schema_clear(f, value);
  if (n->shape == NOTHING && f->fallback && !*f->fallback) return tame_schema_default(f, value);
  switch (f->kind) {
    case TAME_REALS:
    case TAME_STRINGS:
    case TAME_LIST:
    case TAME_VARIANTS: return read_list(r, f, n, value);
    case TAME_VARIANT: return read_variant(r, f, n, value);
    case TAME_YAML:
      free(*(char **)value);
      *(char **)value = tame_yaml_flow(n);
      return *(char **)value ? TAME_OK : TAME_ERR_NOMEM;
    default: return n->shape == WORD ? read_text(r, f, n, n->text, value) : unwanted(r, n, f);
  }
}

/* ---- loading ------------------------------------------------------------------------------ */

static tame_status copy_text(char **copy, const char *text)
{
  const size_t size = strlen(text) + 1;
  *copy = tame_zeroed((int64_t)size, 1, "a text");
  if (!*copy) return TAME_ERR_NOMEM;
  memcpy(*copy, text, size);
  return TAME_OK;
}

static tame_status make_marks(tame_yaml_marks **out, const char *file_name, const char *const *sets,
                              int n_sets)
{
  tame_yaml_marks *m = *out = tame_zeroed(1, sizeof *m, "the experiment's text");
  if (!m) return TAME_ERR_NOMEM;
  tame_status status = copy_text(&m->file_name, file_name);
  if (status != TAME_OK) return status;
  m->sets = tame_zeroed(n_sets, sizeof *m->sets, "overrides");
  if (!m->sets) return TAME_ERR_NOMEM;
  m->n_sets = n_sets;
  for (int i = 0; i < n_sets && status == TAME_OK; i++) status = copy_text(&m->sets[i], sets[i]);
  return status;
}

static tame_status make_tree(tame_yaml_marks *m, const char *text)
{
  tame_status status = parse(m, 0, text, &m->root);
  if (status == TAME_OK && (!m->root || m->root->shape == NOTHING))
    status = fail_text(m, 0, 1, "there is nothing in this file");
  for (int i = 0; i < m->n_sets && status == TAME_OK; i++) status = apply(m, i + 1);
  return status;
}

static tame_status convert(const tame_yaml_marks *m, const tame_schema *schema, void *structure)
{
  const tame_field whole = {.kind = TAME_GROUP, .group = schema};
  reader r = {.marks = m};
  tame_status status = tame_defaults(schema, structure);
  if (status == TAME_OK) status = read_group(&r, &whole, m->root, structure);
  if (status != TAME_OK) tame_schema_release(schema, structure);
  return status;
}

tame_status tame_yaml_load(const tame_schema *schema, void *structure, const char *file_name,
                           const char *text, const char *const *sets, int n_sets,
                           tame_yaml_marks **marks)
{
  tame_yaml_marks *m = NULL;
  if (schema->size) memset(structure, 0, schema->size);
  tame_status status = make_marks(&m, file_name, sets, n_sets);
  if (status == TAME_OK) status = make_tree(m, text);
  if (status == TAME_OK) status = convert(m, schema, structure);
  if (status != TAME_OK || !marks) tame_yaml_free(&m);
  if (marks) *marks = m;
  return status;
}

tame_status tame_yaml_has(const char *text, const char *const *sets, int n_sets, const char *key,
                          bool *has)
{
  tame_yaml_marks *m = NULL;
  tame_status status = make_marks(&m, "", sets, n_sets);
  if (status == TAME_OK) status = make_tree(m, text);
  *has = status == TAME_OK && m->root->shape == MAPPING && find(m->root->child, key);
  tame_yaml_free(&m);
  return status == TAME_ERR_NOMEM ? status : TAME_OK;
}

void tame_yaml_free(tame_yaml_marks **marks)
{
  tame_yaml_marks *m = *marks;
  if (!m) return;
  for (int i = 0; i < m->n_sets; i++) free(m->sets[i]);
  free(m->sets), free(m->file_name);
  free_tree(m->root);
  free(m);
  *marks = NULL;
}

/* The node a path leads to, or the last on the way there; *given tells which. */
static const node *look_up(const tame_yaml_marks *m, const char *path, bool *given)
{
  node *n = m->root;
  step s;
  *given = true;
  for (bool first = true; *path && take_step(&path, first, &s); first = false) {
    node **next = follow(n, &s);
    if (!next && (is_word(n, &s) || (n->shape == WORD && !s.key))) continue; /* `row`, one word */
    if (!next || !*next) {
      *given = false;
      break;
    }
    n = *next;
  }
  return n;
}

const tame_yaml_node *tame_yaml_find(const tame_yaml_marks *m, const char *path)
{
  bool given;
  const node *n = look_up(m, path, &given);
  return given && n->shape != NOTHING ? n : NULL;
}

const tame_yaml_node *tame_yaml_first(const tame_yaml_node *n)
{
  return n->child;
}

const tame_yaml_node *tame_yaml_next(const tame_yaml_node *n)
{
  return n->next;
}

const char *tame_yaml_key(const tame_yaml_node *n)
{
  return n->key;
}

bool tame_yaml_is_list(const tame_yaml_node *n)
{
  return n->shape == SEQUENCE;
}

bool tame_yaml_is_mapping(const tame_yaml_node *n)
{
  return n->shape == MAPPING;
}

tame_status tame_yaml_read(const tame_yaml_marks *m, const tame_yaml_node *n, const char *path,
                           const tame_schema *schema, void *structure)
{
  const tame_field whole = {.kind = TAME_GROUP, .group = schema};
  reader r = {.marks = m};
  enter(&r, path, 0);
  tame_status status = tame_defaults(schema, structure);
  if (status == TAME_OK) status = read_group(&r, &whole, n, structure);
  if (status != TAME_OK) tame_schema_release(schema, structure);
  return status;
}

tame_status tame_yaml_fail_node(const tame_yaml_marks *m, const tame_yaml_node *n, const char *path,
                                const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  const tame_status status = fail_in(m, n->set, n->line, path, format, arguments);
  va_end(arguments);
  return status;
}

tame_status tame_yaml_fail_at(const tame_yaml_marks *marks, const char *path, const char *format,
                              ...)
{
  bool given = true;
  const node *n = marks ? look_up(marks, path, &given) : NULL;
  char where[600];
  va_list arguments;
  snprintf(where, sizeof where, "%.500s%s", path, given ? "" : " (default)");
  va_start(arguments, format);
  const tame_status status = fail_in(marks, n ? n->set : 0, n ? n->line : 0, where, format,
                                     arguments);
  va_end(arguments);
  return status;
}

/* ---- printing ----------------------------------------------------------------------------- */

/* A word that no YAML reader takes for a number, a truth value or syntax. */
static bool is_plain(const char *text)
{
  static const char *const taken[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  if (!isalpha((unsigned char)*text)) return false;
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
    if (strcasecmp(text, taken[i]) == 0) return false;
  for (; *text; text++)
    if (!isalnum((unsigned char)*text) && !strchr("_-./+", *text)) return false;
  return true;
}

/* Decode one character of UTF-8 and move on; a byte that is none stands for itself. */
static uint32_t take_character(const char **text)
{
  const unsigned char *p = (const unsigned char *)*text;
  const int more = p[0] >= 0xF0 ? 3 : p[0] >= 0xE0 ? 2 : p[0] >= 0xC0 ? 1 : 0;
  uint32_t c = more ? p[0] & (0x3Fu >> more) : p[0];
  for (int i = 1; i <= more; i++) {
    if ((p[i] & 0xC0) != 0x80) return *(*text)++ & 0xFF;
    c = c << 6 | (p[i] & 0x3Fu);
  }
  *text += more + 1;
  return c;
}

static void print_text(FILE *out, const char *text)
{
  if (is_plain(text)) {
    fputs(text, out);
    return;
  }
  putc('"', out);
  while (*text) {
    const char *from = text;
    const uint32_t c = take_character(&text);
    if (c == '"' || c == '\\') fprintf(out, "\\%c", (int)c);
    else if (c == '\n') fputs("\\n", out);
    else if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0xFEFF ||
             c == 0xFFFE || c == 0xFFFF) /* YAML breaks lines at some, forbids others */
      fprintf(out, "\\U%08" PRIX32, c);
    else fwrite(from, 1, (size_t)(text - from), out);
  }
  putc('"', out);
}

static void print_value(FILE *out, const tame_field *f, const void *value);

static bool has_fields(const tame_schema *schema, const void *structure)
{
  for (const tame_field *f = schema->fields; f && f->name; f++)
    if (!tame_schema_absent(f, (const char *)structure + f->offset)) return true;
  return false;
}

/* {key: value, key: value} */
static void print_fields(FILE *out, const tame_schema *schema, const void *structure)
{
  const char *comma = "";
  putc('{', out);
  for (const tame_field *f = schema->fields; f && f->name; f++) {
    const void *value = (const char *)structure + f->offset;
    if (tame_schema_absent(f, value)) continue;
    fprintf(out, "%s%s: ", comma, f->name);
    print_value(out, f, value);
    comma = ", ";
  }
  putc('}', out);
}

static void print_variant(FILE *out, const tame_variant *variant)
{
  if (!variant->row) {
    putc('~', out);
  } else if (!has_fields(&variant->row->params, variant->params)) {
    fputs(variant->row->name, out);
  } else {
    fprintf(out, "{%s: ", variant->row->name);
    print_fields(out, &variant->row->params, variant->params);
    putc('}', out);
  }
}

/* A value within a line. */
static void print_value(FILE *out, const tame_field *f, const void *value)
{
  const tame_elements e = tame_schema_elements(f, value);
  char number[32];
  switch (f->kind) {
    case TAME_INT: fprintf(out, "%" PRId64, *(const int64_t *)value); break;
    case TAME_REAL:
      tame_schema_number(*(const double *)value, number);
      fputs(number, out);
      break;
    case TAME_BOOL: fputs(*(const bool *)value ? "true" : "false", out); break;
    case TAME_CHOICE: print_text(out, f->choices[*(const int *)value]); break;
    case TAME_STRING: print_text(out, *(char *const *)value ? *(char *const *)value : ""); break;
    case TAME_YAML: fputs(*(char *const *)value ? *(char *const *)value : "~", out); break;
    case TAME_GROUP: print_fields(out, f->group, value); break;
    case TAME_VARIANT: print_variant(out, value); break;
    default:
      putc('[', out);
      for (int64_t i = 0; i < e.count; i++) {
        fputs(i ? ", " : "", out);
        print_value(out, &e.field, e.at + (size_t)i * e.size);
      }
      putc(']', out);
  }
}

/* One line for each key, the first of which may begin with the dash of a list element. */
static void print_block(FILE *out, const tame_schema *schema, const void *structure, int indent,
                        bool dash)
{
  for (const tame_field *f = schema->fields; f && f->name; f++) {
    const void *value = (const char *)structure + f->offset;
    const tame_elements e = tame_schema_elements(f, value);
    if (tame_schema_absent(f, value)) continue;
    fprintf(out, "%*s%s:", indent, dash ? "- " : "", f->name);
    dash = false;
    if (f->kind == TAME_GROUP && has_fields(f->group, value)) {
      putc('\n', out);
      print_block(out, f->group, value, indent + 2, false);
    } else if (e.lines) {
      putc('\n', out);
      for (int64_t i = 0; i < e.count; i++) {
        const void *element = e.at + (size_t)i * e.size;
        if (f->kind == TAME_LIST && has_fields(f->group, element)) {
          print_block(out, f->group, element, indent + 4, true);
        } else {
          fprintf(out, "%*s", indent + 4, "- ");
          print_value(out, &e.field, element);
          putc('\n', out);
        }
      }
    } else {
      putc(' ', out);
      print_value(out, f, value);
      putc('\n', out);
    }
  }
}

char *tame_yaml_dump(const tame_schema *schema, const void *structure)
{
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  if (out && has_fields(schema, structure)) print_block(out, schema, structure, 0, false);
  else if (out) fputs("{}\n", out);
  const bool failed = !out || ferror(out);
  if ((out && fclose(out) != 0) || failed) {
    free(text);
    text = NULL;
    tame_fail(TAME_ERR_NOMEM, "no memory to print an experiment");
  }
  return text;
}

/* ---- comparing ---------------------------------------------------------------------------- */

typedef struct comparison {
  FILE *words;
  int64_t count;
} comparison;

enum { NAMED = 5 }; /* differences told in words */

static void tell_difference(comparison *c, const char *path, const node *a, const node *b)
{
  if (c->count++ >= NAMED) return;
  fprintf(c->words, "%s%s: ", c->count > 1 ? "; " : "", path);
  if (a) print_node(c->words, a);
  else fputs("nothing", c->words);
  fputs(" and ", c->words);
  if (b) print_node(c->words, b);
  else fputs("nothing", c->words);
}

static const node *element(const node *n, int64_t i)
{
  for (n = n->child; n && i > 0; i--) n = n->next;
  return n;
}

static void compare(comparison *c, reader *r, const node *a, const node *b)
{
  if (a->shape != b->shape || (a->shape == WORD && strcmp(a->text, b->text) != 0)) {
    tell_difference(c, r->path, a, b);
    return;
  }
  const bool list = a->shape == SEQUENCE;
  if (list && count_nodes(a->child) != count_nodes(b->child)) {
    tell_difference(c, r->path, a, b);
    return;
  }
  int64_t i = 0;
  for (const node *x = a->child; x; x = x->next, i++) {
    const size_t before = enter(r, list ? NULL : x->key, i);
    const node *y = list ? element(b, i) : find(b->child, x->key);
    if (y) compare(c, r, x, y);
    else tell_difference(c, r->path, x, NULL);
    leave(r, before);
  }
  for (const node *y = list ? NULL : b->child; y; y = y->next) {
    if (find(a->child, y->key)) continue;
    const size_t before = enter(r, y->key, 0);
    tell_difference(c, r->path, NULL, y);
    leave(r, before);
  }
}

int64_t tame_yaml_differences(const char *a, const char *b, char *words, size_t size)
{
  tame_yaml_marks *x = NULL, *y = NULL;
  comparison c = {.count = -1};
  tame_status status = make_marks(&x, "a", NULL, 0);
  if (status == TAME_OK) status = make_marks(&y, "b", NULL, 0);
  if (status == TAME_OK) status = make_tree(x, a);
  if (status == TAME_OK) status = make_tree(y, b);
  if (status == TAME_OK) c.words = fmemopen(words, size, "w");
  if (c.words) {
    reader r = {.marks = x};
    c.count = 0;
    compare(&c, &r, x->root, y->root);
    fclose(c.words);
    words[size - 1] = '\0';
  }
  tame_yaml_free(&x);
  tame_yaml_free(&y);
  return c.count;
}
