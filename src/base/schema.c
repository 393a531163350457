/* Field tables: defaults, values from text, words for messages; see schema.h and tame/base.h. */
#include "base/schema.h"

#include <ctype.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

/* ---- words for messages ------------------------------------------------------------------- */

const char *tame_schema_shown(const char *text, char shown[TAME_SHOWN])
{
  size_t n = strlen(text);
  const bool cut = n > TAME_SHOWN - 4;
  if (cut)
    for (n = TAME_SHOWN - 4; n && ((unsigned char)text[n] & 0xC0) == 0x80;) n--; /* whole UTF-8 */
  for (size_t i = 0; i < n; i++) shown[i] = iscntrl((unsigned char)text[i]) ? ' ' : text[i];
  strcpy(shown + n, cut ? "..." : "");
  return shown;
}

void tame_schema_number(double x, char text[32])
{
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, 32, "%.*g", digits, x);
    if (strtod(text, NULL) == x) return;
  }
}

const char *tame_schema_option(const tame_field *field, int i)
{
  switch (field->kind) {
    case TAME_CHOICE: return field->choices[i];
    case TAME_GROUP:
    case TAME_LIST: return field->group->fields ? field->group->fields[i].name : NULL;
    case TAME_VARIANT:
    case TAME_VARIANTS: return field->table->rows[i] ? field->table->rows[i]->name : NULL;
    default: return NULL;
  }
}

void tame_schema_options(const tame_field *field, char *text, size_t size)
{
  const char *name;
  size_t n = 0;
  *text = '\0';
  for (int i = 0; (name = tame_schema_option(field, i)) && n < size; i++)
    n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "", name);
}

/* Place of a name among the options, -1 if it is none of them. */
static int find_option(const tame_field *field, const char *name)
{
  const char *option;
  for (int i = 0; (option = tame_schema_option(field, i)); i++)
    if (strcmp(option, name) == 0) return i;
  return -1;
}

enum { LONGEST = 48 }; /* of names that are compared for likeness */

static int least(int a, int b)
{
  return a < b ? a : b;
}

/* Letters to insert, drop, change, or swap with a neighbour to make b of a; case does not count.
 * Damerau-Levenshtein distance in its "optimal string alignment" form. */
static int edits(const char *a, const char *b)
{
  const int n = (int)strlen(a), m = (int)strlen(b);
  int d[LONGEST + 1][LONGEST + 1];
  if (n > LONGEST || m > LONGEST) return LONGEST;
  for (int i = 0; i <= n; i++) d[i][0] = i;
  for (int j = 0; j <= m; j++) d[0][j] = j;
  for (int i = 1; i <= n; i++)
    for (int j = 1; j <= m; j++) {
      const bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
      d[i][j] = least(d[i - 1][j - 1] + !same, least(d[i - 1][j], d[i][j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[n][m];
}

/* Near is: a third of the letters wrong at most, or only the unit forgotten, tau for tau_ms. */
const char *tame_schema_nearest(const tame_field *field, const char *name)
{
  const char *option, *nearest = NULL;
  const size_t n = strlen(name);
  int fewest = least((int)(n < LONGEST ? n + 2 : LONGEST) / 3, (int)n - 1) + 1;
  for (int i = 0; (option = tame_schema_option(field, i)); i++) {
    const bool unit = n > 0 && strncmp(option, name, n) == 0 && option[n] == '_';
    const int distance = unit ? 0 : edits(name, option);
    if (distance < fewest) fewest = distance, nearest = option;
  }
  return nearest;
}

static bool has_limits(const tame_field *field)
{
  return field->min != 0 || field->max != 0;
}

/* " from 1 to 9", or nothing where there are no limits */
static void limits(const tame_field *field, char text[80])
{
  char min[32], max[32];
  tame_schema_number(field->min, min), tame_schema_number(field->max, max);
  if (!has_limits(field)) *text = '\0';
  else if (field->max >= DBL_MAX) snprintf(text, 80, " of at least %s", min);
  else if (field->min <= -DBL_MAX) snprintf(text, 80, " of at most %s", max);
  else snprintf(text, 80, " from %s to %s", min, max);
}

void tame_schema_want(const tame_field *field, char *text, size_t size)
{
  static const char *const formats[] = {[TAME_INT] = "a whole number%s",
                                        [TAME_REAL] = "a number%s",
                                        [TAME_BOOL] = "on or off%s",
                                        [TAME_CHOICE] = "one of %s",
                                        [TAME_STRING] = "a text%s",
                                        [TAME_REALS] = "a list of numbers%s",
                                        [TAME_STRINGS] = "a list of words%s",
                                        [TAME_GROUP] = "a mapping",
                                        [TAME_LIST] = "a list of mappings",
                                        [TAME_VARIANT] = "one of %s",
                                        [TAME_VARIANTS] = "a list with any of %s",
                                        [TAME_YAML] = "a value%s"};
  char what[1024];
  if (tame_schema_option(field, 0)) tame_schema_options(field, what, sizeof what);
  else limits(field, what);
  snprintf(text, size, formats[field->kind], what);
}

/* ---- numbers ------------------------------------------------------------------------------ */

static size_t digits(const char *text)
{
  return strspn(text, "0123456789");
}

/* Length of the decimal number that text begins with, 0 if there is none. */
static size_t decimal(const char *text)
{
  size_t n = strspn(text, "+-") == 1;
  const size_t whole = digits(text + n);
  n += whole;
  const size_t fraction = text[n] == '.' ? digits(text + n + 1) : 0;
  if (text[n] == '.' && whole + fraction > 0) n += 1 + fraction;
  if (whole + fraction == 0) return 0;
  if (text[n] == 'e' || text[n] == 'E') {
    const size_t sign = text[n + 1] == '+' || text[n + 1] == '-';
    const size_t exponent = digits(text + n + 1 + sign);
    if (exponent) n += 1 + sign + exponent;
  }
  return n;
}

/* Why a text is no number, as the end of a message; NULL if it is one. YAML 1.1 reads 010 as eight,
 * 1.2 as ten, so neither that nor 0x10 nor 1_000 is taken. */
static const char *not_a_number(const char *text)
{
  const size_t n = decimal(text), sign = strspn(text, "+-") == 1;
  const char *tail = text + n;
  const char *word = text + strspn(text, "+-.");
  if (!strcasecmp(word, "inf") || !strcasecmp(word, "infinity") || !strcasecmp(word, "nan"))
    return ": it must be finite";
  if (n == 0) return "";
  const bool zero = text[sign] == '0', lone = n == sign + 1;
  if (*tail == '_' || (zero && lone && *tail && strchr("xXoObB", *tail)) ||
      (zero && isdigit((unsigned char)text[sign + 1])))
    return ", in plain decimal digits";
  if (*tail == '\0') return NULL;
  if (*tail == ' ' || *tail == '%' || isalpha((unsigned char)*tail) || (unsigned char)*tail >= 0x80)
    return ": the number alone, any unit is in the key";
  return "";
}

/* Exact value of a decimal number, 1e3 say; otherwise why not, as the end of a message. Zeros wait
 * until another digit follows, so that 1.50e1 is whole; adding up below zero reaches INT64_MIN. */
static const char *whole_number(const char *text, int64_t *value)
{
  static const char too_large[] = " that fits 64 bits";
  const bool negative = *text == '-';
  int64_t v = 0;
  long scale = 0, zeros = 0;
  bool point = false;
  for (; *text && *text != 'e' && *text != 'E'; text++) {
    if (*text == '.') point = true;
    if (!isdigit((unsigned char)*text)) continue;
    scale -= point;
    zeros++;
    if (*text == '0') continue;
    for (; zeros > 0; zeros--)
      if (__builtin_mul_overflow(v, 10, &v)) return too_large;
    if (__builtin_sub_overflow(v, *text - '0', &v)) return too_large;
  }
  const long huge = 1000000000, e = *text ? strtol(text + 1, NULL, 10) : 0;
  scale += zeros + (e > huge ? huge : e < -huge ? -huge : e);
  if (v != 0 && scale < 0) return "";
  for (; v != 0 && scale > 0; scale--)
    if (__builtin_mul_overflow(v, 10, &v)) return too_large;
  if (!negative && v == INT64_MIN) return too_large;
  *value = negative ? v : -v;
  return NULL;
}

/* ---- one value from text ------------------------------------------------------------------ */

static tame_status refuse(const tame_field *field, const char *text, const char *why)
{
  char shown[TAME_SHOWN], want[1200];
  tame_schema_want(field, want, sizeof want);
  return tame_fail(TAME_ERR_INPUT, "found '%s', want %s%s", tame_schema_shown(text, shown), want,
                   why);
}

static bool within(const tame_field *field, double x)
{
  return !has_limits(field) || (x >= field->min && x <= field->max);
}

static tame_status set_int(const tame_field *field, const char *text, int64_t *value)
{
  const char *why = not_a_number(text);
  int64_t v = 0;
  if (!why) why = whole_number(text, &v);
  if (!why && !within(field, (double)v)) why = "";
  if (why) return refuse(field, text, why);
  *value = v;
  return TAME_OK;
}

static tame_status set_real(const tame_field *field, const char *text, double *value)
{
  const char *why = not_a_number(text);
  char *end;
  const double v = strtod(text, &end);
  if (!why && !isfinite(v)) why = ": it must be finite";
  if (!why && (*end || !within(field, v))) why = "";
  if (why) return refuse(field, text, why);
  *value = v;
  return TAME_OK;
}

static tame_status set_bool(const tame_field *field, const char *text, bool *value)
{
  static const char *const words[] = {"off", "on", "no", "yes", "false", "true"};
  for (int i = 0; i < 6; i++)
    if (strcasecmp(text, words[i]) == 0) {
      *value = i % 2;
      return TAME_OK;
    }
  return refuse(field, text, "");
}

static tame_status set_string(const tame_field *field, const char *text, char **value)
{
  if (!*text && !field->fallback) return refuse(field, text, " that is not empty");
  const size_t size = strlen(text) + 1;
  char *copy = *text ? tame_zeroed((int64_t)size, 1, "a text") : NULL;
  if (*text && !copy) return TAME_ERR_NOMEM;
  if (copy) memcpy(copy, text, size);
  free(*value);
  *value = copy;
  return TAME_OK;
}

static tame_status choose(const tame_field *field, const char *text, int *chosen)
{
  char hint[LONGEST + 32] = "";
  const int i = find_option(field, text);
  const char *near = i < 0 ? tame_schema_nearest(field, text) : NULL;
  if (near) snprintf(hint, sizeof hint, "; did you mean '%s'?", near);
  if (i < 0) return refuse(field, text, hint);
  *chosen = i;
  return TAME_OK;
}

static tame_status set_variant(const tame_field *field, const char *text, tame_variant *value)
{
  int i = 0;
  tame_status status = choose(field, text, &i);
  if (status != TAME_OK) return status;
  const tame_row *row = field->table->rows[i];
  void *params = tame_zeroed(1, row->params.size, row->name);
  status = params ? tame_defaults(&row->params, params) : TAME_ERR_NOMEM;
  if (status != TAME_OK) {
    free(params);
    return status;
  }
  tame_schema_clear(field, value);
  *value = (tame_variant){.row = row, .params = params};
  return TAME_OK;
}

tame_status tame_schema_set(const tame_field *field, const char *text, void *value)
{
  switch (field->kind) {
    case TAME_INT: return set_int(field, text, value);
    case TAME_REAL: return set_real(field, text, value);
    case TAME_BOOL: return set_bool(field, text, value);
    case TAME_CHOICE: return choose(field, text, value);
    case TAME_STRING: return set_string(field, text, value);
    case TAME_VARIANT: return set_variant(field, text, value);
    default: return refuse(field, text, "");
  }
}

/* ---- lists -------------------------------------------------------------------------------- */

tame_elements tame_schema_elements(const tame_field *field, const void *value)
{
  tame_elements e = {.field = *field};
  e.field.fallback = NULL;
  if (field->kind == TAME_REALS) {
    const tame_reals *list = value;
    e.field.kind = TAME_REAL;
    e.at = (char *)list->at, e.count = list->count, e.size = sizeof *list->at;
  } else if (field->kind == TAME_STRINGS) {
    const tame_strings *list = value;
    e.field.kind = TAME_STRING;
    e.at = (char *)list->at, e.count = list->count, e.size = sizeof *list->at;
  } else if (field->kind == TAME_LIST || field->kind == TAME_VARIANTS) {
    const tame_list *list = value;
    e.field.kind = field->kind == TAME_LIST ? TAME_GROUP : TAME_VARIANT;
    e.at = list->at, e.count = list->count, e.lines = list->lines;
    e.size = field->kind == TAME_LIST ? field->group->size : sizeof(tame_variant);
  }
  return e;
}

tame_status tame_schema_allocate(const tame_field *field, int64_t count, void *value)
{
  const size_t size = tame_schema_elements(field, value).size;
  const bool keeps_lines = field->kind == TAME_LIST || field->kind == TAME_VARIANTS;
  void *at = count ? tame_zeroed(count, size, field->name) : NULL;
  int *lines = at && keeps_lines ? tame_zeroed(count, sizeof *lines, field->name) : NULL;
  if (count && (!at || (keeps_lines && !lines))) {
    free(at);
    return TAME_ERR_NOMEM;
  }
  if (field->kind == TAME_REALS) *(tame_reals *)value = (tame_reals){.at = at, .count = count};
  else if (field->kind == TAME_STRINGS)
    *(tame_strings *)value = (tame_strings){.at = at, .count = count};
  else *(tame_list *)value = (tame_list){.at = at, .count = count, .lines = lines};
  return TAME_OK;
}

/* A fallback is "[a, b]" or a single word: no quotes, nothing nested. */
static tame_status default_list(const tame_field *field, void *value)
{
  const char *text = field->fallback + (*field->fallback == '[');
  int64_t count = strspn(text, " ]") < strlen(text);
  for (const char *c = text; *c; c++) count += *c == ',';
  tame_status status = tame_schema_allocate(field, count, value);
  const tame_elements e = tame_schema_elements(field, value);
  for (int64_t i = 0; i < count && status == TAME_OK; i++) {
    char word[64];
    text += strspn(text, " ,");
    const size_t n = strcspn(text, " ,]");
    snprintf(word, sizeof word, "%.*s", (int)n, text);
    status = tame_schema_set(&e.field, word, e.at + (size_t)i * e.size);
    text += n;
  }
  if (status != TAME_OK) tame_schema_clear(field, value);
  return status;
}

/* ---- whole structures --------------------------------------------------------------------- */

/* Bytes of a value that is neither a list nor a group. */
static size_t value_size(const tame_field *field)
{
  static const size_t sizes[] = {[TAME_INT] = sizeof(int64_t),
                                 [TAME_REAL] = sizeof(double),
                                 [TAME_BOOL] = sizeof(bool),
                                 [TAME_CHOICE] = sizeof(int),
                                 [TAME_STRING] = sizeof(char *),
                                 [TAME_VARIANT] = sizeof(tame_variant),
                                 [TAME_VARIANTS] = 0,
                                 [TAME_YAML] = sizeof(char *)};
  return sizes[field->kind];
}

tame_status tame_schema_default(const tame_field *field, void *value)
{
  const bool list = tame_schema_elements(field, value).size > 0;
  if (field->kind == TAME_GROUP) return tame_defaults(field->group, value);
  if (list) tame_schema_allocate(field, 0, value);
  memset(value, 0, value_size(field));
  if (!field->fallback) return TAME_OK;
  tame_status status = TAME_OK;
  if (!*field->fallback && field->kind == TAME_REAL) *(double *)value = (double)NAN;
  else if (*field->fallback)
    status = list ? default_list(field, value) : tame_schema_set(field, field->fallback, value);
  if (status != TAME_ERR_INPUT) return status;
  return tame_fail(status, "default of %s in its table: %s", field->name, tame_message());
}

void tame_schema_clear(const tame_field *field, void *value)
{
  const tame_elements e = tame_schema_elements(field, value);
  for (int64_t i = 0; i < e.count; i++) tame_schema_clear(&e.field, e.at + (size_t)i * e.size);
  if (e.size > 0) {
    free(e.at), free(e.lines);
    tame_schema_allocate(field, 0, value);
  } else if (field->kind == TAME_GROUP) {
    tame_schema_release(field->group, value);
  } else if (field->kind == TAME_STRING || field->kind == TAME_YAML) {
    free(*(char **)value);
  } else if (field->kind == TAME_VARIANT) {
    tame_variant *variant = value;
    if (variant->row) tame_schema_release(&variant->row->params, variant->params);
    free(variant->params);
  }
  memset(value, 0, value_size(field));
}

bool tame_schema_absent(const tame_field *field, const void *value)
{
  if (field->kind == TAME_GROUP || !field->fallback || *field->fallback) return false;
  switch (field->kind) {
    case TAME_REAL: return isnan(*(const double *)value);
    case TAME_YAML:
    case TAME_STRING: return !*(char *const *)value || !**(char *const *)value;
    case TAME_VARIANT: return !((const tame_variant *)value)->row;
    default:
      return tame_schema_elements(field, value).size > 0 &&
             tame_schema_elements(field, value).count == 0;
  }
}

tame_status tame_defaults(const tame_schema *schema, void *structure)
{
  tame_status status = TAME_OK;
  if (schema->size) memset(structure, 0, schema->size);
  for (const tame_field *f = schema->fields; f && f->name && status == TAME_OK; f++)
    status = tame_schema_default(f, (char *)structure + f->offset);
  if (status != TAME_OK) tame_schema_release(schema, structure);
  return status;
}

tame_status tame_variant_set(tame_variant *variant, const tame_table *table, const char *name)
{
  const tame_field field = {.name = table->title, .kind = TAME_VARIANT, .table = table};
  return tame_schema_set(&field, name, variant);
}

void tame_schema_release(const tame_schema *schema, void *structure)
{
  for (const tame_field *f = schema->fields; f && f->name; f++)
    tame_schema_clear(f, (char *)structure + f->offset);
  if (schema->size) memset(structure, 0, schema->size);
}

static bool is_choice(const tame_field *f, int value)
{
  int count = 0;
  while (f->choices[count]) count++;
  return value >= 0 && value < count;
}

tame_status tame_schema_check(const tame_schema *schema, const void *structure, const char **key)
{
  for (const tame_field *f = schema->fields; f && f->name; f++) {
    const char *at = (const char *)structure + f->offset;
    bool fine = true;
    char found[32] = "", want[256];
    if (f->kind == TAME_INT) {
      const int64_t value = *(const int64_t *)(const void *)at;
      fine = within(f, (double)value);
      snprintf(found, sizeof found, "%lld", (long long)value);
    } else if (f->kind == TAME_REAL) {
      const double value = *(const double *)(const void *)at;
      const bool absent = f->fallback && !*f->fallback && isnan(value);
      fine = absent || (isfinite(value) && within(f, value));
      tame_schema_number(value, found);
    } else if (f->kind == TAME_CHOICE) {
      const int value = *(const int *)(const void *)at;
      fine = is_choice(f, value);
      snprintf(found, sizeof found, "%d", value);
    }
    if (fine) continue;
    *key = f->name;
    tame_schema_want(f, want, sizeof want);
    return tame_fail(TAME_ERR_INPUT, "found %s, want %s", found, want);
  }
  return TAME_OK;
}
