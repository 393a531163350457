/* tame info: what is in a results file. */
#include "cli/cli.h"
#include "store/hdf5.h"
#include "tame/tame.h"

#include <argp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST = 256 };

typedef struct options {
  bool yaml, datasets;
  char *files[MOST];
  int count;
} options;

static const struct argp_option table[] = {
    {"yaml", 'y', NULL, 0, "Print the experiment alone, all defaults filled in", 0},
    {"datasets", 'd', NULL, 0, "List every dataset: shape, axes, units", 0},
    {0}};

static error_t parse(int key, char *argument, struct argp_state *state)
{
  options *o = state->input;
  switch (key) {
    case 'y': o->yaml = true; break;
    case 'd': o->datasets = true; break;
    case ARGP_KEY_ARG:
      if (o->count == MOST) argp_error(state, "at most %d files at a time", MOST);
      else o->files[o->count++] = argument;
      break;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which file?"); break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

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

static void print_text(hid_t object, const char *before, const char *key, const char *after)
{
  char *text = tame_hdf5_text(object, key);
  printf("%s%s%s", before, text ? text : "?", after);
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

static void print_losses(hid_t phase, const char *task)
{
  char path[512];
  snprintf(path, sizeof path, "%s/loss", task);
  if (H5Lexists(phase, path, H5P_DEFAULT) <= 0) return;
  const hid_t set = H5Dopen2(phase, path, H5P_DEFAULT);
  const int64_t trials = length_of(set);
  double *loss = malloc((size_t)(trials ? trials : 1) * sizeof *loss);
  if (loss && trials > 0 &&
      H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, loss) >= 0) {
    printf("  %4lld trial%s, loss %.4g", (long long)trials, trials == 1 ? " " : "s", loss[0]);
    if (trials > 1) printf(" to %.4g", loss[trials - 1]);
  }
  free(loss);
  H5Dclose(set);
}

static herr_t print_task_of_phase(hid_t phase, const char *task, const H5L_info_t *info,
                                  void *context)
{
  (void)info;
  printf("  %-18s %-12s", (const char *)context, task);
  print_losses(phase, task);
  printf("\n");
  return 0;
}

typedef struct wanted {
  int index;
  bool found;
} wanted;

static herr_t print_phase(hid_t phases, const char *name, const H5L_info_t *info, void *context)
{
  wanted *w = context;
  (void)info;
  const hid_t phase = H5Gopen2(phases, name, H5P_DEFAULT);
  if (number(phase, "index") == w->index) {
    char title[256];
    char *kind = tame_hdf5_text(phase, "kind");
    snprintf(title, sizeof title, "%s (%s)", name, kind ? kind : "?");
    free(kind);
    w->found = true;
    H5Literate(phase, H5_INDEX_NAME, H5_ITER_INC, NULL, print_task_of_phase, title);
  }
  H5Gclose(phase);
  return w->found;
}

static void print_phases(hid_t file)
{
  const hid_t phases = H5Gopen2(file, "phases", H5P_DEFAULT);
  if (phases < 0) return;
  wanted w = {0, true};
  for (; w.found; w.index++) {
    w.found = false;
    H5Literate(phases, H5_INDEX_NAME, H5_ITER_INC, NULL, print_phase, &w);
  }
  H5Gclose(phases);
}

static herr_t print_task(hid_t tasks, const char *name, const H5L_info_t *info, void *context)
{
  (void)info, (void)context;
  const hid_t task = H5Gopen2(tasks, name, H5P_DEFAULT);
  printf("  task %s: %g ms, window %g to %g ms\n", name, number(task, "duration_ms"),
         number(task, "window_start_ms"), number(task, "window_end_ms"));
  H5Gclose(task);
  return 0;
}

/* ---- datasets ------------------------------------------------------------------------------- */

static herr_t print_dataset(hid_t file, const char *path, const H5O_info_t *info, void *context)
{
  (void)context;
  if (info->type != H5O_TYPE_DATASET) return 0;
  hsize_t shape[H5S_MAX_RANK] = {0};
  char text[128] = "";
  const hid_t set = H5Dopen2(file, path, H5P_DEFAULT), space = H5Dget_space(set);
  const int axes = H5Sget_simple_extent_dims(space, shape, NULL);
  for (int k = 0; k < axes; k++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "[%llu]",
             (unsigned long long)shape[k]);
  printf("  /%-44s %-24s", path, text);
  print_text(set, "", "dims", "");
  print_text(set, "; ", "units", "\n");
  H5Sclose(space);
  H5Dclose(set);
  return 0;
}

/* ---- the command ---------------------------------------------------------------------------- */

static void describe(hid_t file, const char *path, bool datasets)
{
  struct stat there;
  const double bytes = stat(path, &there) == 0 ? (double)there.st_size : NAN;
  printf("%s: ", path);
  print_text(file, "", "name", "");
  printf(", %.3g MB\n", bytes / 1e6);
  print_text(file, "  made ", "finished", "");
  printf(" in %.3g s", number(file, "wall_s"));
  print_text(file, " by tame ", "tame_version", "");
  print_text(file, " (", "tame_commit", "),");
  printf(" %g rank(s) x %g thread(s) on %g node(s)", number(file, "ranks"), number(file, "threads"),
         number(file, "nodes"));
  print_text(file, ", kernels ", "kernels", "\n");
  const hid_t tasks = H5Gopen2(file, "tasks", H5P_DEFAULT);
  if (tasks >= 0) {
    H5Literate(tasks, H5_INDEX_NAME, H5_ITER_INC, NULL, print_task, NULL);
    H5Gclose(tasks);
  }
  print_phases(file);
  if (datasets) H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, print_dataset, NULL);
}

int tame_command_info(int argc, char **argv)
{
  static const struct argp argp = {
      table,     parse,
      "FILE...", "Tell what is in results files: how they were made, tasks, phases and losses.",
      NULL,      NULL,
      NULL};
  options o = {0};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  tame_status first = TAME_OK;
  for (int k = 0; k < o.count; k++) {
    hid_t file;
    const tame_status status = tame_hdf5_open_results(o.files[k], &file);
    if (status != TAME_OK) {
      fprintf(stderr, "tame: %s\n", tame_message());
      if (first == TAME_OK) first = status;
      continue;
    }
    if (o.yaml) print_text(file, "", "experiment", "");
    else describe(file, o.files[k], o.datasets);
    H5Fclose(file);
  }
  return (int)first;
}
