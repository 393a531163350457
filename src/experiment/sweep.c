/* The networks of a sweep; see sweep.h. */
#include "experiment/sweep.h"

#include "base/memory.h"
#include "base/schema.h"
#include "experiment/inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1000000 /* networks */ };

static const tame_field sweep_fields[] = {
    {"axes", TAME_YAML, .offset = offsetof(tame_sweep, axes), .fallback = "",
     .doc = "list of axes, the networks are their product: {key: values, ...}, keys of one axis go "
            "together; values: a list, or {from, to, step | count, scale: linear | log}; "
            "label.NAME: a coordinate only"},
    {"repeats", TAME_INT, .offset = offsetof(tame_sweep, repeats), .fallback = "1", .min = 1,
     .max = MOST, .doc = "of each, with network.seed or model.seed, that + 1, ..."},
    {"reference", TAME_STRING, .offset = offsetof(tame_sweep, reference), .fallback = "",
     .doc = "CSV of published values, to be drawn beside ours: coordinate, NAME, NAME error, ..."},
    {0}};
const tame_schema tame_sweep_schema = {sizeof(tame_sweep), sweep_fields};

typedef struct range {
  double from, to, step;
  int64_t count;
  int scale;
} range;

static const char *const scales[] = {"linear", "log", NULL};
#define AT(member) .offset = offsetof(range, member)
static const tame_field range_fields[] = {
    {"from", TAME_REAL, AT(from), .doc = "first value"},
    {"to", TAME_REAL, AT(to), .fallback = "", .doc = "last value"},
    {"step", TAME_REAL, AT(step), .fallback = "", .doc = "between values; default 1"},
    {"count", TAME_INT, AT(count), .fallback = "0", .max = MOST, .doc = "of values"},
    {"scale", TAME_CHOICE, AT(scale), .fallback = "linear", .choices = scales, .doc = "of values"},
    {0}};
#undef AT
static const tame_schema range_schema = {sizeof(range), range_fields};

/* A swept key. */
typedef struct swept {
  char *name; /* as written, with "label." */
  bool label, numeric, is_range;
  char **values; /* [count of the axis], YAML */
  const tame_yaml_node *node;
} swept;

typedef struct axis {
  swept *keys;
  int64_t n_keys, count;
} axis;

struct tame_sweep_plan {
  axis *axes;
  int64_t n_axes, n_coordinates;
  int64_t networks;
};

/* ---- values ----------------------------------------------------------------------------------- */

static tame_status fail_key(const tame_experiment *e, const swept *k, const char *why)
{
  char path[300];
  snprintf(path, sizeof path, "sweep: %s", k->name);
  return tame_yaml_fail_node(e->marks, k->node, path, "%s", why);
}

static double value_of(const range *r, int64_t i)
{
  if (isnan(r->to)) return r->from + (double)i * (isnan(r->step) ? 1 : r->step);
  if (r->count == 0) return r->from + (double)i * (isnan(r->step) ? 1 : r->step);
  if (i == 0 || r->count == 1) return r->from;
  if (i == r->count - 1) return r->to;
  const double share = (double)i / (double)(r->count - 1);
  return r->scale == 0 ? r->from + share * (r->to - r->from)
                       : r->from * pow(r->to / r->from, share);
}

/* How many values a range has; 0, and why not. */
static int64_t count_of(const range *r, const char **why)
{
  const double step = isnan(r->step) ? 1 : r->step;
  *why = NULL;
  if (isnan(r->to) && r->count == 0) *why = "the range has no end: want `to` or `count`";
  else if (!isnan(r->to) && r->count > 0 && !isnan(r->step))
    *why = "found `to`, `step` and `count`, want two of them";
  else if (r->scale == 1 && (isnan(r->to) || r->count == 0))
    *why = "a log range wants `to` and `count`";
  else if (r->scale == 1 && !(r->from * r->to > 0))
    *why = "a log range cannot reach 0, or change sign";
  else if (r->count == 0 && step == 0) *why = "found step 0";
  else if (r->count == 0 && isnan(r->step) && fabs(r->to - r->from) < 1 && r->to != r->from)
    *why = "the range is shorter than the default step, 1: want `step` or `count`";
  else if (r->count == 0 && (r->to - r->from) / step < 0)
    *why = "the range is empty: its step leads away from `to`";
  else if (r->count == 0 && (r->to - r->from) / step >= MOST) *why = "more than 10^6 values";
  if (*why) return 0;
  return r->count ? r->count : (int64_t)((r->to - r->from) / step + 1e-9) + 1;
}

static tame_status read_range(const tame_experiment *e, swept *k, int64_t *count)
{
  range r;
  char path[300];
  const char *why;
  snprintf(path, sizeof path, "sweep: %s", k->name);
  tame_status status = tame_yaml_read(e->marks, k->node, path, &range_schema, &r);
  if (status != TAME_OK) return status;
  *count = count_of(&r, &why);
  if (why) return fail_key(e, k, why);
  k->values = tame_zeroed(*count, sizeof *k->values, "the values of a sweep");
  if (!k->values) return TAME_ERR_NOMEM;
  k->is_range = k->numeric = true;
  for (int64_t i = 0; i < *count; i++) {
    char number[32];
    double value = value_of(&r, i);
    /* Sums of steps like 0.1 are told as they are meant. */
    if (r.scale == 0) {
      snprintf(number, sizeof number, "%.12g", value);
      value = strtod(number, NULL);
    }
    tame_schema_number(value, number);
    k->values[i] = strdup(number);
    if (!k->values[i]) return tame_fail(TAME_ERR_NOMEM, "no memory for a sweep");
  }
  return TAME_OK;
}

static bool is_number(const char *text)
{
  char *end;
  const double value = strtod(text, &end);
  return end != text && *end == '\0' && isfinite(value);
}

static tame_status read_list(const tame_experiment *e, swept *k, int64_t *count)
{
  *count = 0;
  for (const tame_yaml_node *n = tame_yaml_first(k->node); n; n = tame_yaml_next(n)) ++*count;
  if (*count == 0) return fail_key(e, k, "the list is empty, want at least one value");
  k->values = tame_zeroed(*count, sizeof *k->values, "the values of a sweep");
  if (!k->values) return TAME_ERR_NOMEM;
  k->numeric = true;
  int64_t i = 0;
  for (const tame_yaml_node *n = tame_yaml_first(k->node); n; n = tame_yaml_next(n), i++) {
    k->values[i] = k->label ? tame_yaml_words(n) : tame_yaml_flow(n);
    if (!k->values[i]) return TAME_ERR_NOMEM;
    k->numeric = k->numeric && is_number(k->values[i]);
  }
  return TAME_OK;
}

/* ---- checks ----------------------------------------------------------------------------------- */

/* Is `path` the same as `key`, or below it? */
static bool lies_below(const char *path, const char *key)
{
  const size_t length = strlen(key);
  return strncmp(path, key, length) == 0 &&
         (path[length] == '\0' || path[length] == '.' || path[length] == '[');
}

/* Read the text with one value of one key, for its key and its limits. */
static tame_status try_value(const tame_experiment *e, const swept *k, const char *value)
{
  const int n = e->source.n_sets;
  const size_t size = strlen(k->name) + strlen(value) + 2;
  tame_experiment spare;
  char why[2048], *set = tame_zeroed((int64_t)size, 1, "a value of a sweep");
  const char **sets = tame_zeroed(n + 1, sizeof *sets, "a value of a sweep");
  tame_status status = set && sets ? TAME_OK : TAME_ERR_NOMEM;
  if (status == TAME_OK) {
    snprintf(set, size, "%s=%s", k->name, value);
    for (int i = 0; i < n; i++) sets[i] = e->source.sets[i];
    sets[n] = set;
    status = tame_yaml_load(e->kind->schema, &spare, e->source.name, e->source.text, sets, n + 1,
                            NULL);
    if (status == TAME_OK) tame_schema_release(e->kind->schema, &spare);
  }
  free(sets);
  free(set);
  if (status != TAME_ERR_INPUT) return status;
  const char *message = tame_message(), *rest = strstr(message, ": ");
  snprintf(why, sizeof why, "%s", strncmp(message, "--set ", 6) == 0 && rest ? rest + 2 : message);
  return fail_key(e, k, why);
}

static tame_status check_name(const tame_experiment *e, const tame_sweep_plan *plan, const swept *k)
{
  if (k->label && !k->name[6]) return fail_key(e, k, "want a name after `label.`");
  if (lies_below(k->name, "sweep") || lies_below(k->name, "name"))
    return fail_key(e, k, "this key cannot be swept");
  if (e->sweep.repeats > 1 && lies_below(k->name, e->kind->seed))
    return fail_key(e, k, "swept, while sweep.repeats changes it, too: leave one of them out");
  for (int64_t a = 0; a < plan->n_axes; a++)
    for (int64_t j = 0; j < plan->axes[a].n_keys; j++) {
      const swept *other = &plan->axes[a].keys[j];
      if (other == k) return TAME_OK;
      if (lies_below(k->name, other->name) || lies_below(other->name, k->name)) {
        char why[512];
        snprintf(why, sizeof why, "swept already, as '%.200s'", other->name);
        return fail_key(e, k, why);
      }
    }
  return TAME_OK;
}

static tame_status check_values(const tame_experiment *e, const swept *k, int64_t count)
{
  tame_status status = TAME_OK;
  for (int64_t i = 0; !k->label && status == TAME_OK && i < count; i++) {
    if (k->is_range && i > 0 && i < count - 1) continue; /* what is between them is fine as well */
    status = try_value(e, k, k->values[i]);
  }
  return status;
}

/* ---- axes ------------------------------------------------------------------------------------- */

static tame_status read_key(tame_experiment *e, tame_sweep_plan *plan, axis *a, swept *k,
                            const tame_yaml_node *node)
{
  int64_t count = 0;
  char why[256];
  k->node = node;
  k->name = strdup(tame_yaml_key(node));
  if (!k->name) return tame_fail(TAME_ERR_NOMEM, "no memory for a sweep");
  k->label = strncmp(k->name, "label.", 6) == 0;
  tame_status status = check_name(e, plan, k);
  if (status != TAME_OK) return status;
  if (tame_yaml_is_list(node)) status = read_list(e, k, &count);
  else if (tame_yaml_is_mapping(node)) status = read_range(e, k, &count);
  else status = fail_key(e, k, "want a list of values, or a range {from: 1, to: 10}");
  if (status != TAME_OK) return status;
  if (a->count > 0 && a->count != count) {
    snprintf(why, sizeof why, "found %lld values, but '%.100s' of the same axis has %lld",
             (long long)count, a->keys[0].name, (long long)a->count);
    /* what was read has another length than the axis */
    for (int64_t i = 0; i < count; i++) free(k->values[i]);
    free(k->values);
    k->values = NULL;
    return fail_key(e, k, why);
  }
  a->count = count;
  return check_values(e, k, count);
}

/* Have values i and j of an axis the same keys and labels? */
static bool are_equal(const axis *a, int64_t i, int64_t j)
{
  for (int64_t k = 0; k < a->n_keys; k++)
    if (strcmp(a->keys[k].values[i], a->keys[k].values[j]) != 0) return false;
  return true;
}

/* Twice the same values would be twice the same network. Ranges have none; long lists come from programs, and
 * a square of their length is too much. */
static tame_status check_different(const tame_experiment *e, const axis *a)
{
  char why[256];
  for (int64_t j = 1; !a->keys[0].is_range && a->count <= 2000 && j < a->count; j++)
    for (int64_t i = 0; i < j; i++)
      if (are_equal(a, i, j)) {
        snprintf(why, sizeof why,
                 "found %.100s twice: values %lld and %lld of the axis are the same",
                 a->keys[0].values[j], (long long)i, (long long)j);
        return fail_key(e, &a->keys[0], why);
      }
  return TAME_OK;
}

static tame_status read_axis(tame_experiment *e, tame_sweep_plan *plan, axis *a,
                             const tame_yaml_node *node)
{
  int64_t count = 0;
  if (!tame_yaml_is_mapping(node) || !tame_yaml_first(node))
    return tame_yaml_fail_node(e->marks, node, "sweep.axes",
                               "an axis is a mapping of keys to values: {network.gain: [1, 2]}");
  for (const tame_yaml_node *n = tame_yaml_first(node); n; n = tame_yaml_next(n)) count++;
  a->keys = tame_zeroed(count, sizeof *a->keys, "an axis of a sweep");
  if (!a->keys) return TAME_ERR_NOMEM;
  tame_status status = TAME_OK;
  for (const tame_yaml_node *n = tame_yaml_first(node); n && status == TAME_OK;
       n = tame_yaml_next(n))
    status = read_key(e, plan, a, &a->keys[a->n_keys++], n);
  plan->n_coordinates += a->n_keys;
  return status == TAME_OK ? check_different(e, a) : status;
}

/* network.seed, network.seed + 1, ... */
static tame_status add_repeats(const tame_experiment *e, tame_sweep_plan *plan)
{
  axis *a = &plan->axes[plan->n_axes++];
  const int64_t count = e->sweep.repeats, first = e->kind->first_seed(e);
  a->keys = tame_zeroed(1, sizeof *a->keys, "an axis of a sweep");
  if (!a->keys) return TAME_ERR_NOMEM;
  a->n_keys = 1;
  a->count = count;
  swept *k = &a->keys[0];
  k->name = strdup(e->kind->seed);
  k->values = tame_zeroed(count, sizeof *k->values, "the values of a sweep");
  k->numeric = k->is_range = true;
  if (!k->name || !k->values) return tame_fail(TAME_ERR_NOMEM, "no memory for a sweep");
  for (int64_t i = 0; i < count; i++) {
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)(first + i));
    k->values[i] = strdup(number);
    if (!k->values[i]) return tame_fail(TAME_ERR_NOMEM, "no memory for a sweep");
  }
  plan->n_coordinates++;
  return TAME_OK;
}

static tame_status multiply(const tame_experiment *e, tame_sweep_plan *plan)
{
  plan->networks = 1;
  for (int64_t a = 0; a < plan->n_axes; a++) {
    if (plan->axes[a].count > MOST / plan->networks)
      return tame_yaml_fail_at(e->marks, "sweep", "more than 10^6 networks");
    plan->networks *= plan->axes[a].count;
  }
  return TAME_OK;
}

/* An override of what each network gets from the sweep would have no effect. */
static tame_status check_overrides(const tame_experiment *e, const tame_sweep_plan *plan)
{
  for (int i = 0; i < e->source.n_sets; i++) {
    char key[512];
    const char *set = e->source.sets[i];
    snprintf(key, sizeof key, "%.*s", (int)strcspn(set, "="), set);
    for (int64_t a = 0; a < plan->n_axes; a++)
      for (int64_t j = 0; j < plan->axes[a].n_keys; j++) {
        const swept *k = &plan->axes[a].keys[j];
        if (!k->label && lies_below(key, k->name))
          return tame_fail(TAME_ERR_INPUT,
                           "--set %s: the sweep gives %s its values; override sweep.axes, or leave "
                           "this out",
                           set, k->name);
      }
  }
  return TAME_OK;
}

tame_status tame_sweep_expand(tame_experiment *e)
{
  const tame_yaml_node *axes = tame_yaml_find(e->marks, "sweep.axes");
  int64_t count = 0;
  if (!axes && e->sweep.repeats == 1) return TAME_OK;
  if (axes && (!tame_yaml_is_list(axes) || !tame_yaml_first(axes)))
    return tame_yaml_fail_node(e->marks, axes, "sweep.axes", "want a list of axes, at least one");
  for (const tame_yaml_node *n = axes ? tame_yaml_first(axes) : NULL; n; n = tame_yaml_next(n))
    count++;
  tame_sweep_plan *plan = e->plan = tame_zeroed(1, sizeof *plan, "a sweep");
  if (!plan) return TAME_ERR_NOMEM;
  plan->axes = tame_zeroed(count + 1, sizeof *plan->axes, "a sweep");
  tame_status status = plan->axes ? TAME_OK : TAME_ERR_NOMEM;
  for (const tame_yaml_node *n = axes ? tame_yaml_first(axes) : NULL; n && status == TAME_OK;
       n = tame_yaml_next(n))
    status = read_axis(e, plan, &plan->axes[plan->n_axes++], n);
  if (status == TAME_OK) status = check_overrides(e, plan);
  if (status == TAME_OK && e->sweep.repeats > 1) status = add_repeats(e, plan);
  return status == TAME_OK ? multiply(e, plan) : status;
}

void tame_sweep_free(tame_sweep_plan **out)
{
  tame_sweep_plan *plan = *out;
  for (int64_t a = 0; plan && a < plan->n_axes; a++) {
    axis *x = &plan->axes[a];
    for (int64_t k = 0; k < x->n_keys; k++) {
      for (int64_t i = 0; x->keys[k].values && i < x->count; i++) free(x->keys[k].values[i]);
      free(x->keys[k].values);
      free(x->keys[k].name);
    }
    free(x->keys);
  }
  if (plan) free(plan->axes);
  free(plan);
  *out = NULL;
}

/* ---- networks --------------------------------------------------------------------------------- */

int64_t tame_experiment_networks(const tame_experiment *e)
{
  return e->plan ? e->plan->networks : 1;
}

/* Which value of axis a network k has. */
static int64_t place_on(const tame_sweep_plan *plan, int64_t a, int64_t k)
{
  for (int64_t b = plan->n_axes - 1; b > a; b--) k /= plan->axes[b].count;
  return k % plan->axes[a].count;
}

/* Coordinate c: its key, and its axis. */
static const swept *coordinate(const tame_experiment *e, int64_t c, int64_t *on)
{
  for (*on = 0; c >= e->plan->axes[*on].n_keys; ++*on) c -= e->plan->axes[*on].n_keys;
  return &e->plan->axes[*on].keys[c];
}

int64_t tame_sweep_coordinates(const tame_experiment *e)
{
  return e->plan ? e->plan->n_coordinates : 0;
}

const char *tame_sweep_name(const tame_experiment *e, int64_t c)
{
  int64_t on;
  const swept *k = coordinate(e, c, &on);
  return k->label ? k->name + 6 : k->name;
}

bool tame_sweep_numeric(const tame_experiment *e, int64_t c)
{
  int64_t on;
  return coordinate(e, c, &on)->numeric;
}

const char *tame_sweep_text(const tame_experiment *e, int64_t c, int64_t k)
{
  int64_t on;
  const swept *key = coordinate(e, c, &on);
  return key->values[place_on(e->plan, on, k)];
}

double tame_sweep_number(const tame_experiment *e, int64_t c, int64_t k)
{
  const char *text = tame_sweep_text(e, c, k);
  return is_number(text) ? strtod(text, NULL) : (double)NAN;
}

bool tame_sweep_touches(const tame_experiment *e, const char *path)
{
  for (int64_t c = 0; c < tame_sweep_coordinates(e); c++) {
    int64_t on;
    const swept *k = coordinate(e, c, &on);
    if (!k->label && (lies_below(k->name, path) || lies_below(path, k->name))) return true;
  }
  return false;
}

const char *tame_sweep_reference(const tame_experiment *e)
{
  return e->reference;
}

/* The user's overrides, those of the network, and no sweep. */
static tame_status list_sets(const tame_experiment *e, int64_t k, char ***out, int *n)
{
  const tame_source *source = &e->source;
  const int64_t most = source->n_sets + tame_sweep_coordinates(e) + 1;
  char **sets = *out = tame_zeroed(most, sizeof *sets, "the overrides of a network");
  *n = 0;
  if (!sets) return TAME_ERR_NOMEM;
  for (int i = 0; i < source->n_sets; i++) sets[(*n)++] = strdup(source->sets[i]);
  for (int64_t c = 0; c < tame_sweep_coordinates(e); c++) {
    int64_t on;
    const swept *key = coordinate(e, c, &on);
    if (key->label) continue;
    const char *value = key->values[place_on(e->plan, on, k)];
    const size_t size = strlen(key->name) + strlen(value) + 2;
    sets[*n] = tame_zeroed((int64_t)size, 1, "the overrides of a network");
    if (sets[*n]) snprintf(sets[*n], size, "%s=%s", key->name, value);
    ++*n;
  }
  if (e->plan || e->sweep.reference) sets[(*n)++] = strdup("sweep=~");
  for (int i = 0; i < *n; i++)
    if (!sets[i]) return tame_fail(TAME_ERR_NOMEM, "no memory for a network of a sweep");
  return TAME_OK;
}

static void free_sets(char **sets, int n)
{
  for (int i = 0; sets && i < n; i++) free(sets[i]);
  free(sets);
}

/* Which cell, not only its parameters. */
static bool sweeps_cells(const tame_experiment *e)
{
  for (int64_t c = 0; c < tame_sweep_coordinates(e); c++) {
    int64_t on;
    const swept *k = coordinate(e, c, &on);
    if (!k->label && lies_below("network.cell", k->name)) return true;
  }
  return false;
}

static tame_source source_of(const tame_experiment *study, int64_t k, char **sets, int n)
{
  tame_source source = study->source;
  source.sets = sets;
  source.n_sets = n;
  source.network = k;
  source.own = tame_sweep_touches(study, "tasks");
  source.cells = sweeps_cells(study);
  return source;
}

tame_status tame_experiment_read_member(tame_experiment **out, const tame_experiment *study,
                                        int64_t k)
{
  char **sets;
  int n;
  *out = NULL;
  tame_status status = list_sets(study, k, &sets, &n);
  const tame_source source = source_of(study, k, sets, n);
  if (status == TAME_OK) status = tame_experiment_read(out, &source);
  free_sets(sets, n);
  return status;
}

tame_status tame_experiment_member(tame_experiment **out, const tame_experiment *study, int64_t k,
                                   MPI_Comm comm)
{
  char **sets, why[2048];
  int n;
  *out = NULL;
  tame_status status = tame_agree(comm, list_sets(study, k, &sets, &n));
  if (status == TAME_OK) {
    const tame_source source = source_of(study, k, sets, n);
    status = tame_experiment_build(out, comm, &source);
  }
  free_sets(sets, n);
  if (status != TAME_ERR_INPUT || !study->plan) return status;
  const bool by_set = strncmp(tame_message(), "--set ", 6) == 0;
  snprintf(why, sizeof why, "%s", tame_message() + (by_set ? 6 : 0));
  return tame_fail(status, "network %lld: %s", (long long)k, why);
}

tame_status tame_experiment_same(const tame_experiment *e, const char *text)
{
  char words[1024] = "";
  if (strcmp(e->text, text) == 0) return TAME_OK;
  const int64_t count = tame_yaml_differences(text, e->text, words, sizeof words);
  if (count < 0) return TAME_ERR_NOMEM;
  if (count > 5)
    return tame_fail(TAME_ERR_INPUT,
                     "the unfinished run is of another experiment; in the file and here: %s; and "
                     "%lld more",
                     words, (long long)count - 5);
  return tame_fail(TAME_ERR_INPUT,
                   "the unfinished run is of another experiment; in the file and here: %s", words);
}
