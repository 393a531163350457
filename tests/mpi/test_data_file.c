/* Sequences from files: what is read, one copy a node, what is refused, the same on every rank. */
/* ranks: 1 2 3 4 */
/* timeout: 60 */
#include "support.h"

#include "base/memory.h"

#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64]; /* the same on every rank, of rank 0 */

/* ---- files ------------------------------------------------------------------------------------ */

/* Rank 0 makes a file in the folder; on others it is -1, and what follows does nothing. */
static hid_t create(const char *name)
{
  char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return world_rank() ? -1 : H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
}

static void put(hid_t file, const char *name, hid_t type, int axes, const hsize_t *shape,
                const double *data)
{
  if (file < 0) return;
  const hid_t space = H5Screate_simple(axes, shape, NULL);
  const hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) abort();
  H5Dclose(set);
  H5Sclose(space);
}

/* As h5py writes booleans. */
static void put_bools(hid_t file, const char *name, int axes, const hsize_t *shape,
                      const signed char *data)
{
  if (file < 0) return;
  const hid_t type = H5Tenum_create(H5T_NATIVE_SCHAR), space = H5Screate_simple(axes, shape, NULL);
  H5Tenum_insert(type, "FALSE", &(signed char){0});
  H5Tenum_insert(type, "TRUE", &(signed char){1});
  const hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) abort();
  H5Dclose(set);
  H5Sclose(space);
  H5Tclose(type);
}

static void put_dims(hid_t file, const char *name, const char *dims, bool variable)
{
  if (file < 0) return;
  const hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, variable ? H5T_VARIABLE : strlen(dims));
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  const hid_t attribute = H5Acreate2(set, "dims", type, space, H5P_DEFAULT, H5P_DEFAULT);
  if (H5Awrite(attribute, type, variable ? (const void *)&dims : dims) < 0) abort();
  H5Aclose(attribute);
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(set);
}

static void finish(hid_t file)
{
  if (file >= 0) H5Fclose(file);
  MPI_Barrier(MPI_COMM_WORLD);
}

/* ---- sets ------------------------------------------------------------------------------------- */

static void *field(const tame_data *data, const char *name)
{
  for (const tame_field *f = data->source.row->params.fields; f->name; f++)
    if (strcmp(f->name, name) == 0) return (char *)data->source.params + f->offset;
  abort();
}

static void set_text(tame_data *data, const char *name, const char *text)
{
  char **at = field(data, name);
  free(*at);
  *at = strdup(text);
}

static void set_rows(tame_data *data, double first, double end)
{
  tame_reals *rows = field(data, "rows");
  free(rows->at);
  rows->at = malloc(2 * sizeof *rows->at);
  rows->at[0] = first, rows->at[1] = end;
  rows->count = 2;
}

static tame_data make_as_it_is(const char *path)
{
  tame_data data = {.seed = 1};
  if (tame_variant_set(&data.source, &tame_sources, "file") != TAME_OK) abort();
  set_text(&data, "path", path);
  return data;
}

/* Without what is read if it is there. */
static tame_data make(const char *path)
{
  tame_data data = make_as_it_is(path);
  set_text(&data, "time", ""), set_text(&data, "elapsed", ""), set_text(&data, "mask", "");
  return data;
}

static void drop(tame_data *data)
{
  tame_data_unload(data);
  tame_schema_release(&data->source.row->params, data->source.params);
  free(data->source.params);
}

static tame_data_shape load(tame_data *data)
{
  const char *key = "";
  tame_data_shape shape = {0};
  tame_status status = tame_data_load(data, folder, MPI_COMM_WORLD, &key);
  if (status == TAME_OK) status = tame_data_shape_of(data, &shape, &key);
  if (status != TAME_OK) print_error("%s: %s\n", key, tame_message());
  assert_all(status == TAME_OK);
  return shape;
}

static bool same_number(double a, double b)
{
  return a == b || (isnan(a) && isnan(b));
}

/* The same text on every rank. */
static bool same_text(const char *text)
{
  char first[512];
  snprintf(first, sizeof first, "%s", text);
  MPI_Bcast(first, (int)sizeof first, MPI_CHAR, 0, MPI_COMM_WORLD);
  return strncmp(first, text, sizeof first - 1) == 0;
}

/* ---- a small file with everything ------------------------------------------------------------- */

enum { SAMPLES = 6, STEPS = 4, INPUTS = 3, WIDTH = 2 };
static const hsize_t x_shape[] = {SAMPLES, STEPS, INPUTS}, y_shape[] = {SAMPLES, STEPS, WIDTH},
                     label_shape[] = {SAMPLES, 1};

static double x_of(int s, int t, int c)
{
  return 100 * s + 10 * t + c + 0.5;
}

static double y_of(int s, int t, int c)
{
  return s == 2 && t == 1 && c == 0 ? NAN : -x_of(s, t, c);
}

static double stamp_of(int s, int t)
{
  return s + 0.25 * t * t + t;
}

static bool masked(int s, int t)
{
  return (s + t) % 3 == 0;
}

typedef struct arrays {
  double x[SAMPLES][STEPS][INPUTS], y[SAMPLES][STEPS][WIDTH], stamps[SAMPLES][STEPS],
      gaps[SAMPLES][STEPS], labels[SAMPLES], step_labels[SAMPLES][STEPS];
  signed char mask[SAMPLES][STEPS];
} arrays;

static arrays numbers(void)
{
  arrays a;
  for (int s = 0; s < SAMPLES; s++) {
    a.labels[s] = (s * 2) % 5;
    for (int t = 0; t < STEPS; t++) {
      for (int c = 0; c < INPUTS; c++) a.x[s][t][c] = x_of(s, t, c);
      for (int c = 0; c < WIDTH; c++) a.y[s][t][c] = y_of(s, t, c);
      a.stamps[s][t] = stamp_of(s, t);
      a.gaps[s][t] = s + t + 1;
      a.step_labels[s][t] = (s + t) % 3;
      a.mask[s][t] = !masked(s, t);
    }
  }
  return a;
}

static void write_all(const char *name, const arrays *a)
{
  const hid_t file = create(name);
  put(file, "x", H5T_IEEE_F64LE, 3, x_shape, &a->x[0][0][0]);
  put(file, "y", H5T_IEEE_F64LE, 3, y_shape, &a->y[0][0][0]);
  put(file, "stamps", H5T_IEEE_F64LE, 2, x_shape, &a->stamps[0][0]);
  put(file, "gaps", H5T_STD_I32LE, 2, x_shape, &a->gaps[0][0]);
  put(file, "labels", H5T_STD_U8LE, 1, label_shape, a->labels);
  put(file, "labels2", H5T_STD_I64LE, 2, label_shape, a->labels);
  put(file, "step_labels", H5T_IEEE_F32LE, 2, x_shape, &a->step_labels[0][0]);
  put(file, "seven", H5T_IEEE_F64LE, 1, (hsize_t[]){7}, a->labels);
  put(file, "five_steps", H5T_IEEE_F64LE, 2, (hsize_t[]){SAMPLES, 5}, &a->x[0][0][0]);
  put_bools(file, "mask", 2, x_shape, &a->mask[0][0]);
  put(file, "one_mask", H5T_IEEE_F64LE, 1, label_shape, a->labels);
  finish(file);
}

static void all_arrays_are_read(void **state)
{
  (void)state;
  const arrays a = numbers();
  write_all("all.h5", &a);
  tame_data data = make("all.h5");
  set_text(&data, "time", "stamps"), set_text(&data, "mask", "mask");
  set_rows(&data, 1, 5);
  data.samples = 3;
  const tame_data_shape shape = load(&data);
  assert_all(shape.samples == 3 && shape.steps == STEPS && shape.inputs == INPUTS &&
             shape.target_steps == STEPS && shape.width == WIDTH && shape.classes == 0 &&
             shape.has_elapsed);
  double x[STEPS][INPUTS], y[STEPS][WIDTH], elapsed[STEPS];
  bool good = true;
  for (int s = 0; s < 3; s++) {
    tame_data_draw(&data, s, &x[0][0], &y[0][0], elapsed);
    for (int t = 0; t < STEPS; t++) {
      for (int c = 0; c < INPUTS; c++) good = good && x[t][c] == x_of(s + 1, t, c);
      for (int c = 0; c < WIDTH; c++)
        good = good && same_number(y[t][c], masked(s + 1, t) ? NAN : y_of(s + 1, t, c));
      good = good && elapsed[t] == (t ? stamp_of(s + 1, t) - stamp_of(s + 1, t - 1) : 1);
    }
  }
  assert_all(good);
  tame_data_draw(&data, 0, &x[0][0], &y[0][0], NULL);
  drop(&data);

  data = make("all.h5");
  set_text(&data, "elapsed", "gaps");
  assert_all(load(&data).samples == SAMPLES);
  tame_data_draw(&data, 5, &x[0][0], &y[0][0], elapsed);
  assert_all(elapsed[0] == 6 && elapsed[3] == 9);
  tame_data_unload(&data), tame_data_unload(&data); /* and again from the start */
  set_text(&data, "elapsed", ""), set_text(&data, "time", "stamps");
  *(double *)field(&data, "first_elapsed") = 0.125;
  load(&data);
  tame_data_draw(&data, 5, &x[0][0], &y[0][0], elapsed);
  assert_all(elapsed[0] == 0.125 && elapsed[1] == 1.25);
  drop(&data);
}

/* A mask of that very name is read without being asked for. */
static void what_is_there_is_read(void **state)
{
  (void)state;
  const arrays a = numbers();
  write_all("all.h5", &a);
  tame_data data = make_as_it_is("all.h5");
  const tame_data_shape shape = load(&data);
  double x[STEPS][INPUTS], y[STEPS][WIDTH];
  bool good = !shape.has_elapsed; /* the stamps there have another name */
  for (int s = 0; s < shape.samples; s++) {
    tame_data_draw(&data, s, &x[0][0], &y[0][0], NULL);
    for (int t = 0; t < STEPS; t++)
      good = good && same_number(y[t][0], masked(s, t) ? NAN : y_of(s, t, 0));
  }
  assert_all(good);
  drop(&data);
}

static void targets_may_be_classes_or_lack(void **state)
{
  double x[STEPS][INPUTS], y[STEPS];
  static const char *const once[] = {"labels", "labels2"};
  (void)state;
  tame_data data = make("all.h5");
  for (int k = 0; k < 2; k++) {
    set_text(&data, "y", once[k]), set_text(&data, "mask", "one_mask");
    const tame_data_shape shape = load(&data);
    assert_all(shape.target_steps == 1 && shape.width == 1 && shape.classes == 5 &&
               !shape.has_elapsed);
    bool good = true;
    for (int s = 0; s < SAMPLES; s++) { /* the mask is 0 where the label is */
      tame_data_draw(&data, s, &x[0][0], y, NULL);
      good = good && same_number(y[0], s % 5 ? (double)(s * 2 % 5) : NAN);
    }
    assert_all(good);
    tame_data_unload(&data);
  }
  *(int64_t *)field(&data, "classes") = 9;
  assert_all(load(&data).classes == 9);
  tame_data_unload(&data);
  *(int64_t *)field(&data, "classes") = 0;
  assert_all(load(&data).classes == 0);
  tame_data_unload(&data);
  set_text(&data, "y", "step_labels"), set_text(&data, "mask", "mask");
  assert_all(load(&data).classes == 0 && tame_data_checksum(&data) != 0);
  tame_data_unload(&data);
  *(int64_t *)field(&data, "classes") = 3;
  const tame_data_shape shape = load(&data);
  assert_all(shape.classes == 3 && shape.target_steps == STEPS && shape.width == 1);
  tame_data_draw(&data, 4, &x[0][0], y, NULL);
  assert_all(y[0] == 1 && y[1] == 2 && isnan(y[2]) && y[3] == 1);
  drop(&data);

  const arrays a = numbers();
  const hid_t file = create("inputs.h5");
  put(file, "x", H5T_IEEE_F32LE, 3, x_shape, &a.x[0][0][0]);
  finish(file);
  data = make("inputs.h5");
  assert_all(load(&data).target_steps == 0);
  tame_data_draw(&data, 5, &x[0][0], NULL, NULL);
  assert_all(x[3][2] == x_of(5, 3, 2));
  drop(&data);
  data = make("all.h5"); /* there is a y, which is not wanted */
  set_text(&data, "y", "");
  assert_all(load(&data).target_steps == 0);
  drop(&data);
}

static void results_have_networks_and_time_last(void **state)
{
  enum { NETWORKS = 2, OUTPUTS = 2 };
  const double ids[] = {3, 5};
  double rates[NETWORKS][SAMPLES][INPUTS][STEPS], readout[NETWORKS][SAMPLES][OUTPUTS][STEPS];
  double x[STEPS][INPUTS], y[STEPS][OUTPUTS];
  (void)state;
  for (int n = 0; n < NETWORKS; n++)
    for (int s = 0; s < SAMPLES; s++)
      for (int t = 0; t < STEPS; t++) {
        for (int c = 0; c < INPUTS; c++) rates[n][s][c][t] = x_of(s, t, c) + 0.125 * n;
        for (int c = 0; c < OUTPUTS; c++) readout[n][s][c][t] = y_of(s, t, c);
      }
  const hid_t file = create("results.h5");
  put(file, "network", H5T_STD_I64LE, 1, (hsize_t[]){NETWORKS}, ids);
  put(file, "rates", H5T_IEEE_F32LE, 4, (hsize_t[]){NETWORKS, SAMPLES, INPUTS, STEPS},
      &rates[0][0][0][0]);
  put_dims(file, "rates", "network, trial, neuron, time", false);
  put(file, "readout", H5T_IEEE_F64LE, 4, (hsize_t[]){NETWORKS, SAMPLES, OUTPUTS, STEPS},
      &readout[0][0][0][0]);
  put_dims(file, "readout", "network, trial, output, time", true);
  finish(file);
  tame_data data = make("results.h5");
  set_text(&data, "x", "rates"), set_text(&data, "y", "readout");
  *(int64_t *)field(&data, "network") = 5;
  const tame_data_shape shape = load(&data);
  assert_all(shape.samples == SAMPLES && shape.steps == STEPS && shape.inputs == INPUTS &&
             shape.width == OUTPUTS);
  bool good = true;
  for (int s = 0; s < SAMPLES; s++) {
    tame_data_draw(&data, s, &x[0][0], &y[0][0], NULL);
    for (int t = 0; t < STEPS; t++) {
      for (int c = 0; c < INPUTS; c++) good = good && x[t][c] == x_of(s, t, c) + 0.125;
      for (int c = 0; c < OUTPUTS; c++) good = good && same_number(y[t][c], y_of(s, t, c));
    }
  }
  assert_all(good);
  drop(&data);
}

/* ---- many samples ----------------------------------------------------------------------------- */

/* Bytes of this process, pages that it shares counted in parts; -1: the system does not tell. */
static double proportional_bytes(void)
{
  FILE *file = fopen("/proc/self/smaps_rollup", "r");
  char line[256];
  long long found = -1;
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "Pss: %lld kB", &found) == 1) break;
  if (file) fclose(file);
  return found < 0 ? -1 : 1024.0 * (double)found;
}

static double over_ranks(double mine)
{
  MPI_Allreduce(MPI_IN_PLACE, &mine, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  return mine;
}

enum { MANY = 4001, T = 50, IN = 20 }; /* 32 MB; a slab has 1048 samples */

/* Numbers 0, 1, ..., but the first two of these samples exchanged. */
static void write_many(int one, int other)
{
  const double bytes = 8.0 * MANY * T * IN;
  const hid_t file = create("many.h5");
  if (file >= 0) {
    double *all = malloc((size_t)bytes), *labels = malloc(MANY * sizeof *labels);
    for (int k = 0; k < MANY * T * IN; k++) all[k] = k;
    all[one * T * IN] = other * T * IN;
    all[other * T * IN] = one * T * IN;
    for (int s = 0; s < MANY; s++) labels[s] = s % 7;
    put(file, "x", H5T_IEEE_F32LE, 3, (hsize_t[]){MANY, T, IN}, all);
    put(file, "y", H5T_STD_I32LE, 1, (hsize_t[]){MANY}, labels);
    free(all), free(labels);
  }
  finish(file);
}

/* Several slabs, the last one cut: all arrive, on all ranks, in one copy. */
static void a_node_has_one_copy(void **state)
{
  const double bytes = 8.0 * MANY * T * IN;
  static double x[T * IN], label[1];
  (void)state;
  write_many(0, 0);
  tame_data data = make("many.h5");
  const double before = over_ranks(proportional_bytes());
  const tame_data_shape shape = load(&data);
  assert_all(shape.samples == MANY && shape.classes == 7);
  bool good = true;
  for (int s = 0; s < MANY; s++) {
    tame_data_draw(&data, s, x, label, NULL);
    for (int k = 0; k < T * IN; k++) good = good && x[k] == (double)(float)(s * T * IN + k);
    good = good && label[0] == s % 7;
  }
  assert_all(good);
  MPI_Barrier(MPI_COMM_WORLD); /* all have seen all pages */
  const double after = proportional_bytes();
  MPI_Barrier(MPI_COMM_WORLD);
  const double taken = over_ranks(after) - before;
  if (!on_all_ranks(after >= 0)) print_message("shares of memory are not told here\n");
  else if (!(taken > 0.9 * bytes && taken < 1.6 * bytes))
    fail_msg("%g MB taken for %g MB", taken / 1e6, bytes / 1e6);
  const uint64_t sum = tame_data_checksum(&data);
  tame_data_unload(&data);
  write_many(0, 2 * 1048); /* of different slabs */
  load(&data);
  assert_all(tame_data_checksum(&data) != sum);
  drop(&data);
}

static void checksums_tell_files_apart(void **state)
{
  uint64_t sums[4];
  (void)state;
  for (int k = 0; k < 4; k++) {
    arrays a = numbers();
    if (k == 1) a.x[5][3][2] += 1e-13;
    if (k == 2) a.y[0][1][0] = 0;
    write_all("sums.h5", &a);
    tame_data data = make("sums.h5");
    assert_all(tame_data_checksum(&data) == 0);
    load(&data);
    sums[k] = tame_data_checksum(&data);
    uint64_t first = sums[k];
    MPI_Bcast(&first, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
    assert_all(first == sums[k]);
    drop(&data);
  }
  assert_all(sums[0] == sums[3] && sums[0] != sums[1] && sums[0] != sums[2] && sums[1] != sums[2]);
}

/* ---- what is refused -------------------------------------------------------------------------- */

static void refuse(tame_data *data, const char *key, const char *words)
{
  const char *found = "";
  tame_data_shape shape;
  const tame_status status = tame_data_load(data, folder, MPI_COMM_WORLD, &found);
  if (status != TAME_ERR_INPUT || strcmp(found, key) != 0 || !strstr(tame_message(), words))
    print_error("%d %s: '%s', want %s: '%s'\n", (int)status, found, tame_message(), key, words);
  assert_all(status == TAME_ERR_INPUT && strcmp(found, key) == 0 && strstr(tame_message(), words) &&
             same_text(tame_message()));
  assert_all(tame_data_shape_of(data, &shape, &found) == TAME_ERR_INPUT); /* nothing is held */
  drop(data);
}

/* all.h5 with texts for up to three keys. */
static void refuse_keys(const char *const *texts, const char *key, const char *words)
{
  tame_data data = make("all.h5");
  for (; *texts; texts += 2) set_text(&data, texts[0], texts[1]);
  refuse(&data, key, words);
}
#define REFUSE(key, words, ...)                                                                    \
  refuse_keys((const char *const[]){__VA_ARGS__, NULL}, "from.file." key, words)

static void shapes_and_names_are_checked(void **state)
{
  (void)state;
  tame_data data = make("nowhere.h5");
  refuse(&data, "from.file.path", "nowhere.h5': No such file");
  if (world_rank() == 0) {
    char path[128];
    snprintf(path, sizeof path, "%s/text.h5", folder);
    FILE *file = fopen(path, "w");
    fputs("no HDF5\n", file);
    fclose(file);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  data = make("text.h5");
  refuse(&data, "from.file.path", "text.h5' as HDF5");
  REFUSE("x", "all.h5' has no dataset 'z'", "x", "z");
  REFUSE("x", "found nothing", "x", "");
  REFUSE("x", "stamps: found shape [6][4], want [sample][step][input]", "x", "stamps");
  REFUSE("y", "has no dataset 'z'", "y", "z");
  REFUSE("y", "seven: found shape [7], want [6] or [6][1 or 4]", "y", "seven");
  REFUSE("y", "five_steps: found shape [6][5]", "y", "five_steps");
  REFUSE("time", "labels: found shape [6], want [6][4]", "time", "labels");
  REFUSE("elapsed", "five_steps: found shape [6][5], want [6][4]", "elapsed", "five_steps");
  REFUSE("elapsed", "time is given too", "time", "stamps", "elapsed", "gaps");
  REFUSE("mask", "labels: found shape [6], want [6][4]", "mask", "labels");
  REFUSE("mask", "mask: found shape [6][4], want [6][1]", "mask", "mask", "y", "labels");
  REFUSE("mask", "no targets", "mask", "one_mask", "y", "");
  data = make("all.h5");
  *(double *)field(&data, "first_elapsed") = 2;
  refuse(&data, "from.file.first_elapsed", "no time stamps");
  data = make("all.h5");
  set_rows(&data, 2, 7);
  refuse(&data, "from.file.rows", "found [2, 7], but");
  data = make("all.h5");
  set_rows(&data, 2.5, 5);
  refuse(&data, "from.file.rows", "two whole numbers");
  data = make("all.h5");
  *(int64_t *)field(&data, "network") = 1;
  refuse(&data, "from.file.network", "not of a results file");
  data = make("all.h5");
  *(int64_t *)field(&data, "classes") = 5;
  refuse(&data, "from.file.y", "y: found shape [6][4][2], want one number a step");
  data = make("results.h5");
  set_text(&data, "x", "rates"), set_text(&data, "y", "");
  *(int64_t *)field(&data, "network") = 4;
  refuse(&data, "from.file.network", "does not hold network 4");
}

/* One number of one array is changed. */
static void refuse_number(double *at, double value, arrays *a, int64_t classes, const char *y,
                          const char *key, const char *words)
{
  const double was = *at;
  *at = value;
  write_all("bad.h5", a);
  *at = was;
  tame_data data = make("bad.h5");
  *(int64_t *)field(&data, "classes") = classes;
  set_text(&data, "y", y);
  set_text(&data, strcmp(key, "from.file.elapsed") == 0 ? "elapsed" : "time",
           strcmp(key, "from.file.elapsed") == 0 ? "gaps" : "stamps");
  set_rows(&data, 1, SAMPLES);
  refuse(&data, key, words);
}

static void numbers_are_checked(void **state)
{
  (void)state;
  arrays a = numbers();
  refuse_number(&a.x[4][2][1], NAN, &a, -1, "y", "from.file.x",
                "x: found nan at sample 4, step 2, place 1; want finite numbers");
  refuse_number(&a.x[4][2][1], -INFINITY, &a, -1, "y", "from.file.x", "x: found -inf at sample 4");
  refuse_number(&a.y[5][3][1], INFINITY, &a, -1, "y", "from.file.y",
                "y: found inf at sample 5, step 3, place 1; want finite numbers, or NaN");
  refuse_number(&a.step_labels[3][2], 1.5, &a, 3, "step_labels", "from.file.y",
                "step_labels: found 1.5 at sample 3, step 2, place 0; want whole numbers, 0 to 2");
  refuse_number(&a.step_labels[3][2], 3, &a, 3, "step_labels", "from.file.y",
                "found 3 at sample 3");
  refuse_number(&a.labels[1], -1, &a, -1, "labels2", "from.file.y",
                "labels2: found -1 at sample 1, step 0, place 0; want whole numbers from 0 on");
  refuse_number(&a.stamps[2][3], a.stamps[2][2], &a, -1, "y", "from.file.time",
                "stamps: found 5 at sample 2, step 3, place 0; want finite numbers that increase");
  refuse_number(&a.stamps[2][0], NAN, &a, -1, "y", "from.file.time",
                "found nan at sample 2, step 0");
  refuse_number(&a.gaps[2][0], 0, &a, -1, "y", "from.file.elapsed",
                "gaps: found 0 at sample 2, step 0, place 0; want finite numbers above 0");
}

static void memory_that_runs_out_fails_all(void **state)
{
  (void)state;
  for (int culprit = 0; culprit < world_size(); culprit++) {
    int left = 0;
    for (int at = 1; !left; at++) {
      const char *key = "";
      tame_data data = make("all.h5");
      set_text(&data, "mask", "mask");
      if (world_rank() == culprit) tame_memory_fail_at(at);
      const tame_status status = tame_data_load(&data, folder, MPI_COMM_WORLD, &key);
      left = world_rank() == culprit && tame_memory_fail_at(0);
      MPI_Bcast(&left, 1, MPI_INT, culprit, MPI_COMM_WORLD);
      assert_all(at > 1 || !left); /* each rank asks for some */
      assert_all(status == (left ? TAME_OK : TAME_ERR_NOMEM));
      assert_all(left || (strcmp(key, "from.file.path") == 0 && strstr(tame_message(), "memory")));
      if (!left) load(&data); /* it serves, once there is memory */
      drop(&data);
    }
  }
}

static int begin(void **state)
{
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/tame-data-XXXXXX");
  if (world_rank() == 0 && !mkdtemp(folder)) return -1;
  MPI_Bcast(folder, (int)sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  return 0;
}

static int end(void **state)
{
  static const char *const names[] = {"all.h5",  "inputs.h5", "results.h5", "many.h5",
                                      "sums.h5", "text.h5",   "bad.h5"};
  (void)state;
  MPI_Barrier(MPI_COMM_WORLD);
  for (size_t k = 0; world_rank() == 0 && k < sizeof names / sizeof *names; k++) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, names[k]);
    unlink(path);
  }
  return world_rank() == 0 ? rmdir(folder) : 0;
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_arrays_are_read),
      cmocka_unit_test(what_is_there_is_read),
      cmocka_unit_test(targets_may_be_classes_or_lack),
      cmocka_unit_test(results_have_networks_and_time_last),
      cmocka_unit_test(a_node_has_one_copy),
      cmocka_unit_test(checksums_tell_files_apart),
      cmocka_unit_test(shapes_and_names_are_checked),
      cmocka_unit_test(numbers_are_checked),
      cmocka_unit_test(memory_that_runs_out_fails_all),
  };
  return cmocka_run_group_tests(tests, begin, end);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
