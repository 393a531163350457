/* What is in a results file, in words; see tame/store.h. */
#include "store/hdf5.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
  fprintf(t->out, "  task %s: %g ms, window %g to %g ms\n", name, number(task, "duration_ms"),
          number(task, "window_start_ms"), number(task, "window_end_ms"));
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

/* ---- the file ------------------------------------------------------------------------------ */

static void describe(hid_t file, const char *path, bool datasets, FILE *out)
{
  teller t = {.out = out};
  struct stat there;
  const double bytes = stat(path, &there) == 0 ? (double)there.st_size : NAN;
  fprintf(out, "%s: ", path);
  print_text(out, file, "", "name", "");
  fprintf(out, ", %.3g MB\n", bytes / 1e6);
  print_text(out, file, "  made ", "finished", "");
  fprintf(out, " in %.3g s", number(file, "wall_s"));
  print_text(out, file, " by tame ", "tame_version", "");
  print_text(out, file, " (", "tame_commit", "),");
  fprintf(out, " ranks %g, threads each %g, nodes %g", number(file, "ranks"),
          number(file, "threads"), number(file, "nodes"));
  print_text(out, file, ", kernels ", "kernels", "\n");
  const hid_t tasks = H5Gopen2(file, "tasks", H5P_DEFAULT);
  if (tasks >= 0) {
    H5Literate(tasks, H5_INDEX_NAME, H5_ITER_INC, NULL, print_task, &t);
    H5Gclose(tasks);
  }
  print_phases(out, file);
  if (datasets) H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, print_dataset, &t);
}

tame_status tame_results_describe(const char *path, bool datasets, FILE *out)
{
  hid_t file;
  const tame_status status = tame_hdf5_open_results(path, &file);
  if (status != TAME_OK) return status;
  describe(file, path, datasets, out);
  H5Fclose(file);
  return TAME_OK;
}
