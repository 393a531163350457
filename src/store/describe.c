/* What is in a results file, in words; see tame/store.h. */
#include "base/memory.h"
#include "store/hdf5.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the visits of HDF5 hand on. */
typedef struct teller {
  FILE *out;
  const char *phase; /* name and kind of the phase whose tasks are told */
  int index;         /* of the phase that is looked for */
  bool found;
} teller;

/* ---- attributes ----------------------------------------------------------------------------- */

static double number(hid_t object, const char *key)
{
  double value = NAN;
  if (H5Aexists(object, key) <= 0) return value;
  const hid_t attribute = H5Aopen(object, key, H5P_DEFAULT);
  H5Aread(attribute, H5T_NATIVE_DOUBLE, &value);
  H5Aclose(attribute);
  return value;
}

/* All numbers of a dataset as doubles, at least `least`; NULL if it is not so. */
static double *read_numbers(hid_t group, const char *path, int64_t least)
{
  if (H5Lexists(group, path, H5P_DEFAULT) <= 0) return NULL;
  const hid_t set = H5Dopen2(group, path, H5P_DEFAULT), space = H5Dget_space(set);
  const hid_t type = H5Dget_type(set);
  const int64_t count = (int64_t)H5Sget_simple_extent_npoints(space);
  double *values = NULL;
  if (count >= least && H5Tget_class(type) != H5T_STRING)
    values = tame_untouched(count, sizeof *values, "what is in a file");
  if (values && H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
    free(values);
    values = NULL;
  }
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(set);
  return values;
}

/* Element `row` of a dataset of texts of a fixed width into text. */
static void read_text(hid_t group, const char *path, int64_t row, char *text, size_t size)
{
  *text = '\0';
  if (H5Lexists(group, path, H5P_DEFAULT) <= 0) return;
  const hid_t set = H5Dopen2(group, path, H5P_DEFAULT), space = H5Dget_space(set);
  const hid_t type = H5Dget_type(set);
  const hsize_t start = (hsize_t)row, one = 1;
  const hid_t memory = H5Screate_simple(1, &one, NULL);
  const size_t width = H5Tget_size(type);
  char *whole = H5Tget_class(type) == H5T_STRING ? tame_zeroed((int64_t)width + 1, 1, "a text")
                                                 : NULL;
  H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &one, NULL);
  if (whole && H5Dread(set, type, memory, space, H5P_DEFAULT, whole) >= 0)
    snprintf(text, size, "%s", whole);
  free(whole);
  H5Sclose(memory);
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(set);
}

static void print_text(FILE *out, hid_t object, const char *before, const char *key,
                       const char *after)
{
  char *text = tame_hdf5_text(object, key);
  fprintf(out, "%s%s%s", before, text ? text : "?", after);
  free(text);
}

/* ---- phases --------------------------------------------------------------------------------- */

static int64_t length_of(hid_t set)
{
  hsize_t shape[H5S_MAX_RANK] = {0};
  const hid_t space = H5Dget_space(set);
  const int axes = H5Sget_simple_extent_dims(space, shape, NULL);
  H5Sclose(space);
  return axes == 2 ? (int64_t)shape[1] : 0;
}

/* Losses of the only network. */
static void print_losses(FILE *out, hid_t phase, const char *task)
{
  char path[512];
  snprintf(path, sizeof path, "%s/loss", task);
  if (H5Lexists(phase, path, H5P_DEFAULT) <= 0) return;
  const hid_t set = H5Dopen2(phase, path, H5P_DEFAULT);
  const int64_t trials = length_of(set);
  double *loss = malloc((size_t)(trials ? trials : 1) * sizeof *loss);
  if (loss && trials > 0 &&
      H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, loss) >= 0) {
    fprintf(out, "  %4lld trial%s, loss %.4g", (long long)trials, trials == 1 ? " " : "s", loss[0]);
    if (trials > 1) fprintf(out, " (first), %.4g (last)", loss[trials - 1]);
  }
  free(loss);
  H5Dclose(set);
}

static herr_t print_task_of_phase(hid_t phase, const char *task, const H5L_info_t *info,
                                  void *context)
{
  const teller *t = context;
  (void)info;
  fprintf(t->out, "  %-28s %-12s", t->phase, task);
  print_losses(t->out, phase, task);
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

static void print_phases(FILE *out, hid_t file)
{
  const hid_t phases = H5Gopen2(file, "phases", H5P_DEFAULT);
  if (phases < 0) return;
  teller w = {.out = out, .found = true};
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
  double *duration = read_numbers(task, "duration_ms", 1),
         *window = read_numbers(task, "window_ms", 2);
  if (duration && window)
    fprintf(t->out, "  task %s: %g ms, window %g to %g ms\n", name, duration[0], window[0],
            window[1]);
  free(duration);
  free(window);
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

enum { AT_ONCE = 40, MOST_KEYS = 16 }; /* rows shown unless all are asked for; columns */

static const char *const states[] = {"waiting", "running", "done", "failed"};

/* What the table of networks is made of. */
typedef struct table {
  int64_t rows;
  double *state, *network, *progress, *loss, *wall;
  char *keys[MOST_KEYS];
  double *values[MOST_KEYS]; /* NULL: texts */
  int n_keys;
} table;

static void read_keys(hid_t file, table *t)
{
  if (H5Lexists(file, "sweep", H5P_DEFAULT) <= 0) return;
  const hid_t sweep = H5Gopen2(file, "sweep", H5P_DEFAULT);
  char *keys = tame_hdf5_text(sweep, "keys"), *rest = NULL;
  for (char *key = keys ? strtok_r(keys, ",", &rest) : NULL; key && t->n_keys < MOST_KEYS;
       key = strtok_r(NULL, ",", &rest)) {
    t->keys[t->n_keys] = strdup(key);
    t->values[t->n_keys++] = read_numbers(sweep, key, t->rows);
  }
  free(keys);
  H5Gclose(sweep);
}

static void print_row(FILE *out, hid_t file, const table *t, int64_t row)
{
  const int state = (int)t->state[row];
  const bool ended = state == TAME_NETWORK_DONE || state == TAME_NETWORK_FAILED;
  char text[512];
  fprintf(out, "  %7.0f  %-7s", t->network[row], state >= 0 && state < 4 ? states[state] : "?");
  if (ended) fprintf(out, " %8s", "");
  else
    fprintf(out, " %6.0f %%",
            t->progress && isfinite(t->progress[row]) ? 100 * t->progress[row] : 0);
  if (t->loss && isfinite(t->loss[row])) fprintf(out, " %9.3g", t->loss[row]);
  else fprintf(out, " %9s", "");
  if (t->wall && isfinite(t->wall[row])) fprintf(out, " %8.3g", t->wall[row]);
  else fprintf(out, " %8s", "");
  for (int k = 0; k < t->n_keys; k++) {
    char path[TAME_PATH];
    snprintf(path, sizeof path, "sweep/%s", t->keys[k]);
    if (t->values[k]) snprintf(text, sizeof text, "%g", t->values[k][row]);
    else read_text(file, path, row, text, sizeof text);
    fprintf(out, "  %*s", (int)strlen(t->keys[k]), text);
  }
  read_text(file, "message", row, text, sizeof text);
  fprintf(out, "%s%s\n", *text ? "  " : "", text);
}

static void print_table(FILE *out, hid_t file, const table *t, bool all)
{
  int64_t counts[4] = {0};
  for (int64_t k = 0; k < t->rows; k++)
    if (t->state[k] >= 0 && t->state[k] < 4) counts[(int)t->state[k]]++;
  fprintf(out, "  %lld networks:", (long long)t->rows);
  const char *comma = "";
  for (int k = 3; k >= 0; k--) {
    const int state = (int[]){TAME_NETWORK_WAITING, TAME_NETWORK_RUNNING, TAME_NETWORK_FAILED,
                              TAME_NETWORK_DONE}[k];
    if (!counts[state]) continue;
    fprintf(out, "%s %lld %s", comma, (long long)counts[state], states[state]);
    comma = ",";
  }
  fprintf(out, "\n\n  network  state   progress      loss   wall s");
  for (int k = 0; k < t->n_keys; k++) fprintf(out, "  %s", t->keys[k]);
  fprintf(out, "\n");
  for (int64_t row = 0; row < t->rows; row++)
    if (all || row < AT_ONCE) print_row(out, file, t, row);
  if (!all && t->rows > AT_ONCE)
    fprintf(out, "  ... and %lld more: --networks shows all\n", (long long)t->rows - AT_ONCE);
}

/* Verify the checkpoints of networks that run; TAME_ERR_IO if one is damaged. */
static tame_status print_checkpoints(FILE *out, const char *folder, const table *t)
{
  tame_status status = TAME_OK;
  for (int64_t row = 0; row < t->rows; row++) {
    tame_checkpoint_report report;
    const int64_t network = (int64_t)t->network[row];
    if (t->state[row] != TAME_NETWORK_RUNNING) continue;
    const tame_status looked = tame_checkpoint_look(folder, network, &report);
    if (looked != TAME_OK) return looked;
    if (report.slots == 0) continue;
    fprintf(out, "  checkpoints of network %lld: %d of %d sound, %.3g MB", (long long)network,
            report.sound, report.slots, report.bytes / 1e6);
    if (report.sound) fprintf(out, "; %.0f %%, %s", 100 * report.about.share, report.about.where);
    fprintf(out, "\n");
    if (report.damaged)
      status = tame_fail(TAME_ERR_IO, "%s%s",
                         report.sound
                             ? "a checkpoint is damaged; --resume takes the other: "
                             : "a network's checkpoints are damaged; --resume begins it anew: ",
                         report.why);
  }
  return status;
}

/* ---- the file ------------------------------------------------------------------------------ */

static void print_head(hid_t file, const char *path, bool finished, const table *t, FILE *out)
{
  struct stat there;
  const double bytes = stat(path, &there) == 0 ? (double)there.st_size : NAN;
  double wall = 0;
  char last[64] = "", one[64];
  for (int64_t row = 0; row < t->rows; row++) {
    wall += t->wall && isfinite(t->wall[row]) ? t->wall[row] : 0;
    read_text(file, "run/finished", row, one, sizeof one);
    if (strcmp(one, last) > 0) snprintf(last, sizeof last, "%s", one);
  }
  fprintf(out, "%s: ", path);
  print_text(out, file, "", "name", "");
  fprintf(out, ", %.3g MB%s\n", bytes / 1e6, finished ? "" : ", unfinished: --resume goes on");
  print_text(out, file, "  begun ", "started", "");
  if (finished) fprintf(out, ", made %s", last);
  fprintf(out, ", %.3g s", wall);
  if (t->rows > 1) fprintf(out, " for all networks");
  print_text(out, file, ", by tame ", "tame_version", "");
  print_text(out, file, " (", "tame_commit", "),");
  fprintf(out, " ranks %g, threads each %g, nodes %g", number(file, "ranks"),
          number(file, "threads"), number(file, "nodes"));
  print_text(out, file, ", kernels ", "kernels", "\n");
}

static tame_status describe(hid_t file, const char *path, bool finished, bool datasets, bool all,
                            FILE *out)
{
  teller w = {.out = out};
  table t = {.state = read_numbers(file, "state", 1), .network = read_numbers(file, "network", 1)};
  tame_status status = t.state && t.network
                           ? TAME_OK
                           : tame_fail(TAME_ERR_INPUT, "'%s' is damaged: it lists no networks",
                                       path);
  if (status == TAME_OK) {
    const hid_t set = H5Dopen2(file, "state", H5P_DEFAULT), space = H5Dget_space(set);
    t.rows = (int64_t)H5Sget_simple_extent_npoints(space);
    H5Sclose(space);
    H5Dclose(set);
    t.progress = read_numbers(file, "run/progress", t.rows);
    t.loss = read_numbers(file, "run/loss", t.rows);
    t.wall = read_numbers(file, "run/wall_s", t.rows);
    read_keys(file, &t);
    print_head(file, path, finished, &t, out);
    if (t.rows > 1) {
      print_table(out, file, &t, all);
    } else {
      const hid_t tasks = H5Gopen2(file, "tasks", H5P_DEFAULT);
      if (tasks >= 0) {
        H5Literate(tasks, H5_INDEX_NAME, H5_ITER_INC, NULL, print_task, &w);
        H5Gclose(tasks);
      }
      if (finished) print_phases(out, file);
    }
    if (datasets) H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, print_dataset, &w);
    if (!finished) {
      char folder[4096];
      const size_t length = strlen(path), end = strlen(".partial");
      const bool partial = length > end && strcmp(path + length - end, ".partial") == 0;
      snprintf(folder, sizeof folder, "%.*s.checkpoints", (int)(partial ? length - end : length),
               path);
      status = print_checkpoints(out, folder, &t);
    }
  }
  free(t.state), free(t.network), free(t.progress), free(t.loss), free(t.wall);
  for (int k = 0; k < t.n_keys; k++) free(t.keys[k]), free(t.values[k]);
  return status;
}

tame_status tame_results_describe(const char *path, bool datasets, bool networks, FILE *out)
{
  hid_t file;
  bool finished;
  char partial[4096];
  snprintf(partial, sizeof partial, "%s.partial", path);
  if (access(path, F_OK) != 0 && access(partial, F_OK) == 0) path = partial;
  tame_status status = tame_hdf5_open_results(path, &file, &finished);
  if (status != TAME_OK) return status;
  status = describe(file, path, finished, datasets, networks, out);
  H5Fclose(file);
  return status;
}
