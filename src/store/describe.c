/* What is in a results file, in words; see tame/store.h. */
#include "base/memory.h"
#include "store/hdf5.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the visits of HDF5 hand on. */
typedef struct teller {
  FILE *out;
  int64_t row;       /* of the network that is told about */
  const char *phase; /* name and kind of the phase whose tasks are told */
  int index;         /* of the phase that is looked for */
  bool found;
} teller;

/* ---- attributes and datasets ------------------------------------------------------------------ */

static double number(hid_t object, const char *key)
{
  double value = NAN;
  if (H5Aexists(object, key) <= 0) return value;
  const hid_t attribute = H5Aopen(object, key, H5P_DEFAULT);
  H5Aread(attribute, H5T_NATIVE_DOUBLE, &value);
  H5Aclose(attribute);
  return value;
}

static void print_text(FILE *out, hid_t object, const char *before, const char *key,
                       const char *after)
{
  char *text = tame_hdf5_text(object, key);
  fprintf(out, "%s%s%s", before, text ? text : "?", after);
  free(text);
}

/* A dataset in memory: numbers, or texts of one width, without an end. */
typedef struct values {
  double *numbers;
  char *texts;
  int64_t rows, columns; /* of a row: all axes but the first */
  size_t width;
} values;

static void free_values(values *v)
{
  free(v->numbers);
  free(v->texts);
  *v = (values){0};
}

/* A whole dataset; nothing where there is none, or it cannot be read. */
static values read_values(hid_t group, const char *path)
{
  values v = {0};
  hsize_t shape[H5S_MAX_RANK] = {0};
  if (H5Lexists(group, path, H5P_DEFAULT) <= 0) return v;
  const hid_t set = H5Dopen2(group, path, H5P_DEFAULT);
  if (set < 0) return v;
  const hid_t space = H5Dget_space(set), type = H5Dget_type(set);
  const int64_t count = (int64_t)H5Sget_simple_extent_npoints(space);
  const bool text = H5Tget_class(type) == H5T_STRING;
  if (count > 0 && H5Sget_simple_extent_dims(space, shape, NULL) > 0) {
    v = (values){.rows = (int64_t)shape[0], .columns = count / (int64_t)shape[0]};
    v.width = text ? H5Tget_size(type) : 0;
    if (text) v.texts = tame_untouched(count, v.width, "what is in a file");
    else v.numbers = tame_untouched(count, sizeof *v.numbers, "what is in a file");
    void *at = text ? (void *)v.texts : (void *)v.numbers;
    if (!at || H5Dread(set, text ? type : H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, at) < 0)
      free_values(&v);
  }
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(set);
  return v;
}

/* Numbers of a network, of which one row may serve all; NULL: there are none. */
static const double *row_of(const values *v, int64_t row)
{
  if (!v->numbers || (v->rows > 1 && row >= v->rows)) return NULL;
  return v->numbers + (v->rows > 1 ? row : 0) * v->columns;
}

static double number_at(const values *v, int64_t row)
{
  return v->numbers && row < v->rows ? v->numbers[row * v->columns] : NAN;
}

static void text_at(const values *v, int64_t row, char *text, size_t size)
{
  *text = '\0';
  if (v->texts && row < v->rows)
    snprintf(text, size, "%.*s", (int)v->width, v->texts + (size_t)row * v->width);
}

/* ---- phases --------------------------------------------------------------------------------- */

/* Does a phase solve for its weights at the end of a trial, so that the trial's loss is that of those before? */
static bool solves(hid_t phase)
{
  char *learner = tame_hdf5_text(phase, "learner");
  const bool does = learner && strcmp(learner, "rls") != 0;
  free(learner);
  return does;
}

/* How well the readouts of a test follow their targets in its first trial: the worst of them. */
static void print_figures(FILE *out, hid_t phase, const char *task, int64_t row, int64_t trials)
{
  char path[TAME_PATH];
  snprintf(path, sizeof path, "%s/nrmse", task);
  values nrmse = read_values(phase, path);
  snprintf(path, sizeof path, "%s/valid_ms", task);
  values valid = read_values(phase, path);
  const double *errors = row_of(&nrmse, row), *good = row_of(&valid, row);
  double worst = NAN;
  for (int64_t k = 0; errors && k < nrmse.columns / trials; k++) worst = fmax(worst, errors[k]);
  if (isfinite(worst)) fprintf(out, ", nrmse %.3g", worst);
  if (good && isfinite(good[0])) fprintf(out, ", good for %.4g ms", good[0]);
  free_values(&nrmse);
  free_values(&valid);
}

/* Share of the targets that a model's outputs hit. */
static void print_hits(FILE *out, hid_t phase, const char *task, int64_t row)
{
  char path[TAME_PATH];
  snprintf(path, sizeof path, "%s/hits", task);
  values v = read_values(phase, path);
  if (isfinite(number_at(&v, row)))
    fprintf(out, ", %.2f %% of targets hit", 100 * number_at(&v, row));
  free_values(&v);
}

/* The least loss of the validation, and when it was. */
static void print_validation(FILE *out, hid_t phase, const char *task, int64_t row)
{
  char path[TAME_PATH];
  snprintf(path, sizeof path, "%s/validation_loss", task);
  values v = read_values(phase, path);
  const double *loss = row_of(&v, row);
  int64_t best = 0;
  for (int64_t k = 1; loss && k < v.columns; k++)
    if (!(loss[k] >= loss[best])) best = isnan(loss[k]) ? best : k;
  if (loss && isfinite(loss[best]))
    fprintf(out, "; validation %.4g after epoch %lld", loss[best], (long long)best + 1);
  free_values(&v);
}

/* How far a network was condensed; size and loss after each merge, of which the first are before any. */
static void print_merges(FILE *out, hid_t phase, const char *task, int64_t row)
{
  char path[3][TAME_PATH];
  static const char *const names[] = {"merges", "size", "loss"};
  values v[3];
  for (int k = 0; k < 3; k++) {
    snprintf(path[k], sizeof path[k], "%s/%s", task, names[k]);
    v[k] = read_values(phase, path[k]);
  }
  const double merges = number_at(&v[0], row), *size = row_of(&v[1], row),
               *loss = row_of(&v[2], row);
  if (size && loss && merges >= 0 && merges < (double)v[1].columns) {
    const int64_t last = (int64_t)merges;
    fprintf(out, "  %4lld merge%s, %g of %g units are left, loss %.4g (before), %.4g (after)",
            (long long)last, last == 1 ? "" : "s", size[last], size[0], loss[0], loss[last]);
  }
  for (int k = 0; k < 3; k++) free_values(&v[k]);
}

/* Is a phase of this kind? */
static bool is_kind(hid_t phase, const char *wanted)
{
  char *kind = tame_hdf5_text(phase, "kind");
  const bool is = kind && strcmp(kind, wanted) == 0;
  free(kind);
  return is;
}

/* Losses of a network; where it has fewer trials than others, the rest is NaN. */
static void print_losses(FILE *out, hid_t phase, const char *task, int64_t row)
{
  char path[TAME_PATH];
  snprintf(path, sizeof path, "%s/loss", task);
  const bool fits = is_kind(phase, "fit");
  values v = read_values(phase, path);
  const double *loss = row_of(&v, row);
  int64_t trials = loss ? v.columns : 0;
  while (trials > 0 && isnan(loss[trials - 1])) trials--;
  if (trials > 0) {
    fprintf(out, "  %4lld %s%s, loss %.4g", (long long)trials, fits ? "epoch" : "trial",
            trials == 1 ? "" : "s", loss[0]);
    if (trials > 1) fprintf(out, " (first), %.4g (last)", loss[trials - 1]);
    if (solves(phase)) fprintf(out, " before it is solved for");
    print_figures(out, phase, task, row, v.columns);
    print_hits(out, phase, task, row);
    print_validation(out, phase, task, row);
  }
  free_values(&v);
}

/* What an analysis has found in the first trial of a network. */
static void print_finding(const teller *t, hid_t phase, const char *task, const char *analysis,
                          const char *result, const char *words, const char *unit)
{
  char path[TAME_PATH];
  snprintf(path, sizeof path, "%s/%s", task, analysis);
  if (H5Lexists(phase, path, H5P_DEFAULT) <= 0) return;
  snprintf(path, sizeof path, "%s/%s/%s", task, analysis, result);
  values v = read_values(phase, path);
  const double *found = row_of(&v, t->row);
  if (found && isfinite(found[0])) fprintf(t->out, "  %s %.3g%s", words, found[0], unit);
  free_values(&v);
}

/* Means over the units that have one. */
static void print_rhythm(const teller *t, hid_t phase, const char *task)
{
  static const char *const results[] = {"count", "period"}, *const words[] = {"rises", "period"},
                           *const units[] = {"", " ms"};
  for (int k = 0; k < 2; k++) {
    char path[TAME_PATH];
    snprintf(path, sizeof path, "%s/rhythm", task);
    if (H5Lexists(phase, path, H5P_DEFAULT) <= 0) return;
    snprintf(path, sizeof path, "%s/rhythm/%s", task, results[k]);
    values v = read_values(phase, path);
    const double *found = row_of(&v, t->row);
    double sum = 0, there = 0;
    for (int64_t i = 0; found && i < v.columns; i++)
      if (isfinite(found[i])) sum += found[i], there++;
    if (there > 0) fprintf(t->out, "  %s %.4g%s a unit", words[k], sum / there, units[k]);
    free_values(&v);
  }
}

static herr_t print_task_of_phase(hid_t phase, const char *task, const H5L_info_t *info,
                                  void *context)
{
  const teller *t = context;
  (void)info;
  fprintf(t->out, "  %-28s %-12s", t->phase, task);
  if (is_kind(phase, "condense")) print_merges(t->out, phase, task, t->row);
  else print_losses(t->out, phase, task, t->row);
  print_finding(t, phase, task, "spectrum", "radius", "radius", "");
  print_finding(t, phase, task, "lyapunov", "exponents", "exponent", "/s");
  print_finding(t, phase, task, "lyapunov", "dimension", "dimension", "");
  print_finding(t, phase, task, "divergence", "exponent", "divergence", "/s");
  print_finding(t, phase, task, "pca", "participation_ratio", "participation", "");
  print_rhythm(t, phase, task);
  fprintf(t->out, "\n");
  return 0;
}

static herr_t print_phase(hid_t phases, const char *name, const H5L_info_t *info, void *context)
{
  teller *w = context;
  (void)info;
  const hid_t phase = H5Gopen2(phases, name, H5P_DEFAULT);
  if (number(phase, "index") == w->index) {
    char title[256];
    char *kind = tame_hdf5_text(phase, "kind");
    snprintf(title, sizeof title, "%s (%s)", name, kind ? kind : "?");
    free(kind);
    w->found = true;
    w->phase = title;
    H5Literate(phase, H5_INDEX_NAME, H5_ITER_INC, NULL, print_task_of_phase, w);
  }
  H5Gclose(phase);
  return w->found;
}

static void print_phases(FILE *out, hid_t file, int64_t row)
{
  const hid_t phases = H5Gopen2(file, "phases", H5P_DEFAULT);
  if (phases < 0) return;
  teller w = {.out = out, .row = row, .found = true};
  for (; w.found; w.index++) {
    w.found = false;
    H5Literate(phases, H5_INDEX_NAME, H5_ITER_INC, NULL, print_phase, &w);
  }
  H5Gclose(phases);
}

static herr_t print_task(hid_t tasks, const char *name, const H5L_info_t *info, void *context)
{
  const teller *t = context;
  (void)info;
  const hid_t task = H5Gopen2(tasks, name, H5P_DEFAULT);
  values durations = read_values(task, "duration_ms"), windows = read_values(task, "window_ms");
  const double *duration = row_of(&durations, t->row), *window = row_of(&windows, t->row);
  if (duration && window && windows.columns == 2)
    fprintf(t->out, "  task %s: %g ms, window %g to %g ms\n", name, duration[0], window[0],
            window[1]);
  free_values(&durations);
  free_values(&windows);
  H5Gclose(task);
  return 0;
}

/* ---- datasets ------------------------------------------------------------------------------- */

static herr_t print_dataset(hid_t file, const char *path, const H5O_info_t *info, void *context)
{
  const teller *t = context;
  if (info->type != H5O_TYPE_DATASET) return 0;
  hsize_t shape[H5S_MAX_RANK] = {0};
  char text[128] = "";
  const hid_t set = H5Dopen2(file, path, H5P_DEFAULT), space = H5Dget_space(set);
  const int axes = H5Sget_simple_extent_dims(space, shape, NULL);
  for (int k = 0; k < axes; k++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "[%llu]",
             (unsigned long long)shape[k]);
  fprintf(t->out, "  /%-44s %-24s", path, text);
  print_text(t->out, set, "", "dims", "");
  print_text(t->out, set, "; ", "units", "\n");
  H5Sclose(space);
  H5Dclose(set);
  return 0;
}

/* ---- networks ------------------------------------------------------------------------------- */

enum {
  AT_ONCE = 40,
  MOST_KEYS = 16,
  CELL = 256
}; /* rows shown unless all are asked for; columns */

static const char *const states[] = {"waiting", "running", "done", "failed"};
enum { STATES = sizeof states / sizeof *states };

/* What the file says of its networks. */
typedef struct roster {
  values network, state, message, progress, loss, wall, finished;
  char *keys; /* the names below point into it */
  const char *names[MOST_KEYS];
  values coordinates[MOST_KEYS];
  int n_keys, n_more; /* shown; swept, but too many to be shown */
} roster;

static void read_coordinates(hid_t file, roster *r)
{
  char *rest = NULL;
  if (H5Lexists(file, "sweep", H5P_DEFAULT) <= 0) return;
  const hid_t sweep = H5Gopen2(file, "sweep", H5P_DEFAULT);
  r->keys = tame_hdf5_text(sweep, "keys");
  for (char *key = r->keys ? strtok_r(r->keys, ",", &rest) : NULL; key;
       key = strtok_r(NULL, ",", &rest)) {
    if (r->n_keys == MOST_KEYS) {
      r->n_more++;
      continue;
    }
    r->names[r->n_keys] = key;
    r->coordinates[r->n_keys++] = read_values(sweep, key);
  }
  H5Gclose(sweep);
}

static void read_roster(hid_t file, roster *r)
{
  r->network = read_values(file, "network");
  r->state = read_values(file, "state");
  r->message = read_values(file, "message");
  r->progress = read_values(file, "run/progress");
  r->loss = read_values(file, "run/loss");
  r->wall = read_values(file, "run/wall_s");
  r->finished = read_values(file, "run/finished");
  read_coordinates(file, r);
}

static void free_roster(roster *r)
{
  free_values(&r->network), free_values(&r->state), free_values(&r->message);
  free_values(&r->progress), free_values(&r->loss), free_values(&r->wall);
  free_values(&r->finished);
  for (int k = 0; k < r->n_keys; k++) free_values(&r->coordinates[k]);
  free(r->keys);
}

static int state_of(const roster *r, int64_t row)
{
  const double state = number_at(&r->state, row);
  return state >= 0 && state < STATES ? (int)state : -1;
}

static const char *state_name(int state)
{
  return state < 0 ? "?" : states[state];
}

/* As few digits as tell the number: seeds may be long, and 0.001 is not 0.00099999999999999. */
static void print_number(double value, char *text, size_t size)
{
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(text, size, "%.*g", digits, value);
    if (!(fabs(strtod(text, NULL) - value) > 1e-13 * fabs(value))) return;
  }
}

/* The last part of a swept key, longer where another key ends alike. */
static const char *short_name(const roster *r, int key)
{
  const char *name = r->names[key], *at = name + strlen(name);
  for (bool alone = false; !alone && at > name;) {
    at--;
    while (at > name && at[-1] != '.') at--;
    alone = true;
    for (int k = 0; alone && k < r->n_keys; k++) {
      const size_t length = strlen(r->names[k]), wanted = strlen(at);
      const bool ends = length >= wanted && strcmp(r->names[k] + length - wanted, at) == 0;
      const bool whole = length == wanted || (ends && r->names[k][length - wanted - 1] == '.');
      alone = k == key || !ends || !whole;
    }
  }
  return at;
}

/* Columns of the table: network, swept keys, state, progress, loss, wall s. */
static void print_cell(const roster *r, int64_t row, int column, char *text, size_t size)
{
  const int state = state_of(r, row), after = column - 1 - r->n_keys;
  double value = NAN;
  *text = '\0';
  if (column == 0) {
    snprintf(text, size, "%.0f", number_at(&r->network, row));
  } else if (after < 0) {
    const values *v = &r->coordinates[column - 1];
    if (v->texts) text_at(v, row, text, size);
    else print_number(number_at(v, row), text, size);
  } else if (after == 0) {
    snprintf(text, size, "%s", state_name(state));
  } else if (after == 1) { /* noted now and then only, so not to the last */
    value = state == TAME_NETWORK_DONE ? 1 : number_at(&r->progress, row);
    if (!isfinite(value) && state != TAME_NETWORK_FAILED) value = 0;
    if (isfinite(value)) snprintf(text, size, "%.0f %%", 100 * value);
  } else {
    value = number_at(after == 2 ? &r->loss : &r->wall, row);
    if (isfinite(value)) snprintf(text, size, "%.3g", value);
  }
}

static void print_title(const roster *r, int column, char *text, size_t size)
{
  static const char *const after[] = {"state", "progress", "loss", "wall s"};
  if (column == 0) snprintf(text, size, "network");
  else if (column <= r->n_keys) snprintf(text, size, "%s", short_name(r, column - 1));
  else snprintf(text, size, "%s", after[column - 1 - r->n_keys]);
}

/* Why a network failed. Its index, with which messages begin, is known here. */
static void print_why(FILE *out, const roster *r, int64_t row, const char *before)
{
  char text[1024], own[64];
  text_at(&r->message, row, text, sizeof text);
  const int length = snprintf(own, sizeof own, "network %.0f: ", number_at(&r->network, row));
  const bool begins = strncmp(text, own, (size_t)length) == 0;
  if (*text) fprintf(out, "%s%s", before, text + (begins ? length : 0));
}

static void print_rows(FILE *out, const roster *r, int64_t rows)
{
  const int columns = 5 + r->n_keys;
  int widths[5 + MOST_KEYS];
  char text[CELL];
  for (int c = 0; c < columns; c++) {
    print_title(r, c, text, sizeof text);
    widths[c] = (int)strlen(text);
    for (int64_t row = 0; row < rows; row++) {
      print_cell(r, row, c, text, sizeof text);
      if ((int)strlen(text) > widths[c]) widths[c] = (int)strlen(text);
    }
  }
  for (int64_t row = -1; row < rows; row++) {
    int behind = 0; /* blanks to come, unless the line ends here */
    for (int c = 0; c < columns; c++) {
      if (row < 0) print_title(r, c, text, sizeof text);
      else print_cell(r, row, c, text, sizeof text);
      const int length = (int)strlen(text), blanks = widths[c] - length;
      const bool left = c == r->n_keys + 1;
      behind += 2 + (left ? 0 : blanks);
      if (length > 0) {
        fprintf(out, "%*s%s", behind, "", text);
        behind = 0;
      }
      if (left) behind += blanks;
    }
    if (row >= 0) {
      char before[CELL];
      snprintf(before, sizeof before, "%*s", behind + 2, "");
      print_why(out, r, row, before);
    }
    fprintf(out, "\n");
  }
}

static void print_table(FILE *out, const roster *r, bool all)
{
  static const int order[STATES] = {TAME_NETWORK_DONE, TAME_NETWORK_FAILED, TAME_NETWORK_RUNNING,
                                    TAME_NETWORK_WAITING};
  const int64_t rows = r->state.rows, shown = all || rows < AT_ONCE ? rows : AT_ONCE;
  int64_t counts[STATES] = {0}, hidden = 0;
  for (int64_t row = 0; row < rows; row++) {
    const int state = state_of(r, row);
    if (state >= 0) counts[state]++;
    hidden += state == TAME_NETWORK_FAILED && row >= shown;
  }
  fprintf(out, "  %lld network%s:", (long long)rows, rows == 1 ? "" : "s");
  const char *comma = "";
  for (int k = 0; k < STATES; k++) {
    if (!counts[order[k]]) continue;
    fprintf(out, "%s %lld %s", comma, (long long)counts[order[k]], states[order[k]]);
    comma = ",";
  }
  for (int k = 0; k < r->n_keys; k++) fprintf(out, "%s%s", k ? ", " : "\n  swept: ", r->names[k]);
  if (r->n_more) fprintf(out, " and %d more", r->n_more);
  fprintf(out, "\n\n");
  print_rows(out, r, shown);
  if (shown == rows) return;
  fprintf(out, "  ... and %lld more", (long long)(rows - shown));
  if (hidden) fprintf(out, ", %lld of them failed", (long long)hidden);
  fprintf(out, ": --networks shows all\n");
}

/* One network of several, or the only one of an unfinished file. */
static void print_network(FILE *out, const roster *r, int64_t row)
{
  char text[CELL], title[CELL];
  for (int c = 0; c < 5 + r->n_keys; c++) {
    print_cell(r, row, c, text, sizeof text);
    if (c > 0 && c <= r->n_keys) snprintf(title, sizeof title, "%s", r->names[c - 1]);
    else print_title(r, c, title, sizeof title);
    if (c == 0) fprintf(out, "  %s %s: ", title, text);
    else if (c == r->n_keys + 1) fprintf(out, "%s%s", r->n_keys ? "; " : "", text);
    else if (*text) fprintf(out, "%s%s %s", c == 1 ? "" : ", ", title, text);
  }
  print_why(out, r, row, ": ");
  fprintf(out, "\n");
}

/* ---- checkpoints ------------------------------------------------------------------------------ */

static int by_number(const void *a, const void *b)
{
  const int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
  return (i > j) - (i < j);
}

/* NNNNNN.0.h5 or NNNNNN.1.h5: the network; else -1. */
static int64_t network_of(const char *name)
{
  char *end;
  if (!isdigit((unsigned char)*name)) return -1;
  const int64_t network = strtoll(name, &end, 10);
  return strcmp(end, ".0.h5") == 0 || strcmp(end, ".1.h5") == 0 ? network : -1;
}

/* Networks that have checkpoints in a folder, ascending, owned by the caller. */
static tame_status list_checkpoints(const char *folder, int64_t **networks, int64_t *count)
{
  int64_t room = 0;
  *networks = NULL;
  *count = 0;
  DIR *all = opendir(folder);
  if (!all) return TAME_OK;
  for (struct dirent *one = readdir(all); one; one = readdir(all)) {
    const int64_t network = network_of(one->d_name);
    if (network < 0) continue;
    if (*count == room) {
      room = room ? 2 * room : 64;
      int64_t *more = realloc(*networks, (size_t)room * sizeof *more);
      if (!more) {
        closedir(all);
        return tame_fail(TAME_ERR_NOMEM, "no memory for the list of checkpoints");
      }
      *networks = more;
    }
    (*networks)[(*count)++] = network;
  }
  closedir(all);
  if (*count == 0) return TAME_OK;
  qsort(*networks, (size_t)*count, sizeof **networks, by_number);
  int64_t kept = 0;
  for (int64_t k = 1; k < *count; k++)
    if ((*networks)[k] != (*networks)[kept]) (*networks)[++kept] = (*networks)[k];
  *count = kept + 1;
  return TAME_OK;
}

/* When the checkpoints of a network were last written, so that it can be told whether they are. */
static void times_of(const char *folder, int64_t network, struct timespec times[2])
{
  for (int k = 0; k < 2; k++) {
    char path[4096 + 64];
    struct stat there;
    snprintf(path, sizeof path, "%s/%06lld.%d.h5", folder, (long long)network, k);
    times[k] = stat(path, &there) == 0 ? there.st_mtim : (struct timespec){0};
  }
}

/* Verify the checkpoints of a network. What a run writes while we read is not damaged: look again. */
static tame_status look(const char *folder, int64_t network, tame_checkpoint_report *report)
{
  tame_status status = TAME_OK;
  for (int tries = 0; tries < 20; tries++) {
    struct timespec before[2], after[2];
    times_of(folder, network, before);
    status = tame_checkpoint_look(folder, network, report);
    times_of(folder, network, after);
    bool still = true;
    for (int k = 0; k < 2; k++)
      still = still && before[k].tv_sec == after[k].tv_sec && before[k].tv_nsec == after[k].tv_nsec;
    if (status != TAME_OK || report->damaged == 0 || still) return status;
    usleep(50000);
  }
  return status;
}

/* TAME_ERR_IO if one is damaged. */
static tame_status print_checkpoints(FILE *out, const char *folder)
{
  int64_t *networks, count, damaged = 0, lost = 0;
  char why[512] = "";
  tame_status status = list_checkpoints(folder, &networks, &count);
  for (int64_t k = 0; status == TAME_OK && k < count; k++) {
    tame_checkpoint_report report;
    status = look(folder, networks[k], &report);
    if (status != TAME_OK || report.slots == 0) continue; /* the network was done meanwhile */
    fprintf(out, "  checkpoints of network %lld: %d of %d sound, %.3g MB", (long long)networks[k],
            report.sound, report.slots, report.bytes / 1e6);
    if (report.sound) fprintf(out, "; %.0f %%, %s", 100 * report.about.share, report.about.where);
    if (report.sound && report.about.network != networks[k])
      fprintf(out, "; it is of network %lld and left aside", (long long)report.about.network);
    if (report.damaged) fprintf(out, "; %d DAMAGED: %s", report.damaged, report.why);
    else if (report.sound < report.slots) fprintf(out, "; the other was not finished");
    fprintf(out, "\n");
    if (report.damaged && !*why) snprintf(why, sizeof why, "%s", report.why);
    damaged += report.damaged;
    lost += report.damaged && !report.sound;
  }
  free(networks);
  if (status != TAME_OK || damaged == 0) return status;
  const char *what = lost == 0 ? "--resume takes the other one"
                               : "--resume begins a network that has no other anew";
  if (damaged == 1) return tame_fail(TAME_ERR_IO, "a checkpoint is damaged, %s: %s", what, why);
  return tame_fail(TAME_ERR_IO, "%lld checkpoints are damaged, %s; the first: %s",
                   (long long)damaged, what, why);
}

/* ---- the file ------------------------------------------------------------------------------- */

static void print_duration(FILE *out, double seconds)
{
  const long s = lround(seconds);
  if (s >= 3600) fprintf(out, "%ld h %02ld min", s / 3600, s / 60 % 60);
  else if (s >= 60) fprintf(out, "%ld min %02ld s", s / 60, s % 60);
  else fprintf(out, "%.3g s", seconds);
}

/* Of what `tame distances` wrote. */
static void print_compared(hid_t file, FILE *out)
{
  if (H5Lexists(file, "distances", H5P_DEFAULT) <= 0) return;
  const hid_t group = H5Gopen2(file, "distances", H5P_DEFAULT);
  print_text(out, group, "  compared by the outputs of layer ", "layer", "");
  print_text(out, group, " in phase ", "phase", "");
  print_text(out, group, ", ", "data", "\n");
  H5Gclose(group);
}

static void print_head(hid_t file, const char *path, bool finished, const roster *r, FILE *out)
{
  struct stat there;
  const double bytes = stat(path, &there) == 0 ? (double)there.st_size : NAN;
  double wall = 0;
  char last[64] = "", one[64];
  for (int64_t row = 0; row < r->state.rows; row++) {
    const double own = number_at(&r->wall, row);
    wall += isfinite(own) ? own : 0;
    text_at(&r->finished, row, one, sizeof one);
    if (strcmp(one, last) > 0) snprintf(last, sizeof last, "%s", one);
  }
  fprintf(out, "%s: ", path);
  print_text(out, file, "", "name", "");
  fprintf(out, ", %.3g MB%s\n", bytes / 1e6,
          finished                  ? ""
          : tame_results_busy(path) ? ", being written"
                                    : ", unfinished: --resume goes on with it");
  print_text(out, file, "  begun ", "started", "");
  if (finished && *last) fprintf(out, ", made %s", last);
  fprintf(out, r->state.rows > 1 ? "; all networks took " : ", in ");
  print_duration(out, wall);
  print_text(out, file, ", by tame ", "tame_version", "");
  print_text(out, file, " (", "tame_commit", "),");
  fprintf(out, " ranks %g, threads each %g, nodes %g", number(file, "ranks"),
          number(file, "threads"), number(file, "nodes"));
  print_text(out, file, ", kernels ", "kernels", "\n");
  print_compared(file, out);
}

/* A layer of a model that has a wiring. */
static herr_t print_wiring(hid_t wirings, const char *name, const H5L_info_t *info, void *context)
{
  const teller *t = context;
  char path[TAME_PATH];
  static const char *const parts[] = {"inner", "sensory"};
  long long synapses[2] = {0};
  (void)info;
  for (int k = 0; k < 2; k++) {
    snprintf(path, sizeof path, "%s/%s", name, parts[k]);
    values v = read_values(wirings, path);
    const double *signs = row_of(&v, t->row);
    for (int64_t i = 0; signs && i < v.columns; i++) synapses[k] += fabs(signs[i]) > 0;
    free_values(&v);
  }
  snprintf(path, sizeof path, "%s/sparsity", name);
  values v = read_values(wirings, path);
  fprintf(t->out, "  wiring of %s: %lld synapses, %lld from inputs, sparsity %.4f %%\n", name,
          synapses[0], synapses[1], 100 * number_at(&v, t->row));
  free_values(&v);
  return 0;
}

static void print_model(FILE *out, hid_t file, int64_t row)
{
  teller t = {.out = out, .row = row};
  values there = read_values(file, "model/parameters"),
         all = read_values(file, "model/parameters_published");
  if (there.numbers && all.numbers) {
    fprintf(out, "  model of %.0f parameters", number_at(&all, row));
    if (number_at(&all, row) != number_at(&there, row))
      fprintf(out, ", of which %.0f have a synapse or are of units", number_at(&there, row));
    fprintf(out, "\n");
  }
  free_values(&there);
  free_values(&all);
  if (H5Lexists(file, "wiring", H5P_DEFAULT) <= 0) return;
  const hid_t wirings = H5Gopen2(file, "wiring", H5P_DEFAULT);
  H5Literate(wirings, H5_INDEX_NAME, H5_ITER_INC, NULL, print_wiring, &t);
  H5Gclose(wirings);
}

static void print_one(FILE *out, hid_t file, const roster *r, int64_t row)
{
  teller t = {.out = out, .row = row};
  const int state = state_of(r, row);
  if (r->n_keys > 0 || state != TAME_NETWORK_DONE) print_network(out, r, row);
  if (state == TAME_NETWORK_WAITING || state == TAME_NETWORK_FAILED) return;
  const hid_t tasks = H5Gopen2(file, "tasks", H5P_DEFAULT);
  if (tasks >= 0) {
    H5Literate(tasks, H5_INDEX_NAME, H5_ITER_INC, NULL, print_task, &t);
    H5Gclose(tasks);
  }
  if (H5Lexists(file, "model", H5P_DEFAULT) > 0) print_model(out, file, row);
  if (state == TAME_NETWORK_DONE) print_phases(out, file, row);
}

/* The row of a network by its index in the sweep. */
static tame_status find_network(const char *path, const roster *r, int64_t network, int64_t *row)
{
  for (*row = 0; *row < r->network.rows; ++*row)
    if (number_at(&r->network, *row) == (double)network) return TAME_OK;
  const int64_t rows = r->network.rows;
  const double first = number_at(&r->network, 0), last = number_at(&r->network, rows - 1);
  if (rows == 1)
    return tame_fail(TAME_ERR_INPUT, "'%s' has no network %lld, but only network %.0f", path,
                     (long long)network, first);
  return tame_fail(TAME_ERR_INPUT, "'%s' has no network %lld, but %lld from %.0f to %.0f", path,
                   (long long)network, (long long)rows, first, last);
}

/* FILE.checkpoints of FILE.partial. */
static void name_folder(const char *path, char *folder, size_t size)
{
  const size_t length = strlen(path), end = strlen(".partial");
  const bool partial = length > end && strcmp(path + length - end, ".partial") == 0;
  snprintf(folder, size, "%.*s.checkpoints", (int)(partial ? length - end : length), path);
}

static tame_status describe(hid_t file, const char *path, bool finished,
                            const tame_describe_options *o, const roster *r, FILE *out)
{
  int64_t row = 0;
  if (r->state.rows < 1 || r->network.rows != r->state.rows || !r->state.numbers ||
      !r->network.numbers)
    return tame_fail(TAME_ERR_INPUT, "'%s' is damaged: it lists no networks", path);
  tame_status status = o->network < 0 ? TAME_OK : find_network(path, r, o->network, &row);
  if (status != TAME_OK) return status;
  print_head(file, path, finished, r, out);
  if (r->state.rows > 1 && o->network < 0) print_table(out, r, o->networks);
  else print_one(out, file, r, row);
  teller t = {.out = out};
  if (o->datasets) H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, print_dataset, &t);
  if (finished) return TAME_OK;
  char folder[4096];
  name_folder(path, folder, sizeof folder);
  return print_checkpoints(out, folder);
}

tame_status tame_results_describe(const char *path, const tame_describe_options *options, FILE *out)
{
  hid_t file;
  bool finished;
  char partial[4096];
  roster r = {.n_keys = 0};
  snprintf(partial, sizeof partial, "%s.partial", path);
  if (access(path, F_OK) != 0 && access(partial, F_OK) == 0) path = partial;
  tame_status status = tame_hdf5_open_results(path, &file, &finished);
  if (status != TAME_OK) return status;
  read_roster(file, &r);
  status = describe(file, path, finished, options, &r, out);
  free_roster(&r);
  H5Fclose(file);
  return status;
}
