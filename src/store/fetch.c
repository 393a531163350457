/* Matrices of another run's results, or of a plain file; see tame/store.h. */
#include "base/memory.h"
#include "store/hdf5.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An open group with matrices: of results, in which they are [network][rows][columns], or the root of another file. */
typedef struct source {
  const char *path, *group;
  hid_t file, at;
  int64_t row, networks; /* of the network; row -1: not results */
} source;

/* ---- shapes ---------------------------------------------------------------------------------- */

/* Rows and columns of a dataset; axes: how many it has besides that of networks. */
typedef struct extent {
  int axes;
  long long rows, columns;
} extent;

static extent shape_of(const source *s, hid_t set)
{
  hsize_t shape[H5S_MAX_RANK] = {0};
  const int led = s->row >= 0;
  const hid_t space = H5Dget_space(set);
  const int axes = H5Sget_simple_extent_dims(space, shape, NULL) - led;
  H5Sclose(space);
  return (extent){axes, axes > 0 ? (long long)shape[led] : 1,
                  axes > 1 ? (long long)shape[led + 1] : 1};
}

static herr_t read_block(const source *s, hid_t set, long long rows, long long columns, double *to)
{
  const int led = s->row >= 0;
  const hsize_t start[3] = {led ? (hsize_t)s->row : 0, 0, 0},
                count[3] = {1, (hsize_t)rows, (hsize_t)columns};
  const hid_t space = H5Dget_space(set), memory = H5Screate_simple(2, count + 1, NULL);
  H5Sselect_hyperslab(space, H5S_SELECT_SET, start + !led, NULL, count + !led, NULL);
  const herr_t code = H5Dread(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, to);
  H5Sclose(memory);
  H5Sclose(space);
  return code;
}

/* Without the last rows and columns that are NaN: in a sweep datasets are as large as the largest network needs. */
static extent trimmed(const source *s, hid_t set, extent e)
{
  extent in = {e.axes, 0, 0};
  double *all = tame_untouched(e.rows * e.columns, sizeof *all, "a matrix");
  if (!all || read_block(s, set, e.rows, e.columns, all) < 0) in = e;
  for (long long k = 0; all && k < e.rows * e.columns; k++) {
    if (isnan(all[k])) continue;
    in.rows = k / e.columns + 1;
    if (k % e.columns >= in.columns) in.columns = k % e.columns + 1;
  }
  free(all);
  return in;
}

static extent extent_of(const source *s, hid_t set)
{
  const extent e = shape_of(s, set);
  return s->row >= 0 && s->networks > 1 && e.axes == 2 ? trimmed(s, set, e) : e;
}

static const char *words(extent e, char text[64])
{
  if (e.axes == 2) snprintf(text, 64, "[%lld][%lld]", e.rows, e.columns);
  else if (e.axes == 1) snprintf(text, 64, "[%lld]", e.rows);
  else snprintf(text, 64, "of %d axes", e.axes);
  return text;
}

/* ---- what is there ---------------------------------------------------------------------------- */

/* Of the names in a group: those that are wanted, and those that are not, as words. */
typedef struct roll {
  const source *s;
  const tame_matrix *wanted;
  int64_t n, others;
  char text[1024 + 8];
} roll;

static herr_t look(hid_t at, const char *name, const H5L_info_t *info, void *roll_)
{
  roll *r = roll_;
  char shape[64];
  (void)info;
  for (int64_t k = 0; k < r->n; k++)
    if (strcmp(r->wanted[k].name, name) == 0) return 0;
  const hid_t set = H5Dopen2(at, name, H5P_DEFAULT);
  if (set < 0) return 0; /* a group: of no matter */
  const extent e = extent_of(r->s, set);
  const size_t used = strlen(r->text);
  if (e.rows == 0) { /* other networks of the sweep have it */
    H5Dclose(set);
    return 0;
  }
  if (r->others++ < 8)
    snprintf(r->text + used, 1024 - used, "%s%s %s", used ? ", " : "", name, words(e, shape));
  H5Dclose(set);
  return 0;
}

/* TAME_ERR_INPUT where there are others than those that are wanted. lacks: one that is wanted and not there, or
 * NULL. */
static tame_status compare_names(const source *s, int64_t n, const tame_matrix *wanted,
                                 const tame_matrix *lacks)
{
  roll r = {.s = s, .wanted = wanted, .n = n};
  hsize_t from = 0;
  H5Literate(s->at, H5_INDEX_NAME, H5_ITER_INC, &from, look, &r);
  if (r.others > 8) memcpy(r.text + strlen(r.text), ", ...", 6);
  if (lacks && r.others == 0)
    return tame_fail(TAME_ERR_INPUT, "'%s' lacks %s [%lld][%lld]%s", s->path, lacks->name,
                     (long long)lacks->rows, (long long)lacks->columns,
                     s->row >= 0 ? " of this network: did it fail?" : "");
  if (lacks)
    return tame_fail(TAME_ERR_INPUT, "'%s' is of another model: want %s [%lld][%lld], found %s",
                     s->path, lacks->name, (long long)lacks->rows, (long long)lacks->columns,
                     r.text);
  if (r.others == 0) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "'%s' is of another model: found %s, which this one has not",
                   s->path, r.text);
}

/* ---- reading ---------------------------------------------------------------------------------- */

static tame_status read_matrix(const source *s, hid_t set, const tame_matrix *m)
{
  const extent found = extent_of(s, set);
  char text[64];
  if (found.axes != 2 || found.rows != m->rows || found.columns != m->columns)
    return tame_fail(TAME_ERR_INPUT, "'%s' is of another model: %s is %s, want [%lld][%lld]",
                     s->path, m->name, words(found, text), (long long)m->rows,
                     (long long)m->columns);
  if (read_block(s, set, m->rows, m->columns, m->at) >= 0) return TAME_OK;
  return tame_fail(TAME_ERR_IO, "'%s': cannot read %s: %s", s->path, m->name, tame_hdf5_reason());
}

static tame_status read_all(const source *s, int64_t n, const tame_matrix *wanted)
{
  tame_status status = TAME_OK;
  for (int64_t k = 0; status == TAME_OK && k < n; k++) {
    const bool there = H5Lexists(s->at, wanted[k].name, H5P_DEFAULT) > 0;
    const hid_t set = there ? H5Dopen2(s->at, wanted[k].name, H5P_DEFAULT) : -1;
    const bool has = set >= 0 && extent_of(s, set).rows > 0;
    status = has ? read_matrix(s, set, &wanted[k]) : compare_names(s, n, wanted, &wanted[k]);
    if (set >= 0) H5Dclose(set);
  }
  return status == TAME_OK ? compare_names(s, n, wanted, NULL) : status;
}

/* ---- opening ---------------------------------------------------------------------------------- */

/* The row of a network, by its index in the sweep. */
static int64_t row_of(hid_t file, int64_t network, int64_t *networks)
{
  int64_t row = -1;
  *networks = 0;
  const hid_t set = H5Dopen2(file, "network", H5P_DEFAULT);
  if (set < 0) return -1;
  const hid_t space = H5Dget_space(set);
  const int64_t n = (int64_t)H5Sget_simple_extent_npoints(space);
  int64_t *ids = n > 0 ? malloc((size_t)n * sizeof *ids) : NULL;
  if (ids && H5Dread(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, ids) >= 0)
    for (int64_t k = 0; k < n && row < 0; k++)
      if (ids[k] == network) row = k;
  *networks = n;
  free(ids);
  H5Sclose(space);
  H5Dclose(set);
  return row;
}

/* HDF5, and not of this program? */
static bool is_plain(const char *path)
{
  if (access(path, R_OK) != 0 || H5Fis_hdf5(path) <= 0) return false;
  const hid_t access_list = tame_hdf5_access(), file = H5Fopen(path, H5F_ACC_RDONLY, access_list);
  H5Pclose(access_list);
  if (file < 0) return false;
  char *format = tame_hdf5_text(file, "format");
  const bool plain = !format || strcmp(format, "tame-results") != 0;
  free(format);
  H5Fclose(file);
  return plain;
}

static tame_status open_plain(source *s, int64_t network)
{
  const hid_t access_list = tame_hdf5_access();
  s->row = -1;
  s->group = "/";
  s->file = H5Fopen(s->path, H5F_ACC_RDONLY, access_list);
  H5Pclose(access_list);
  if (s->file < 0)
    return tame_fail(TAME_ERR_IO, "cannot read '%s': %s", s->path, tame_hdf5_reason());
  if (network == 0) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "'%s' has no network %lld, as it is not a results file", s->path,
                   (long long)network);
}

static tame_status open_source(source *s, int64_t network)
{
  tame_status status;
  tame_hdf5_quiet();
  const bool plain = is_plain(s->path);
  if (plain) status = open_plain(s, network);
  else status = tame_hdf5_open_results(s->path, &s->file, NULL);
  if (status != TAME_OK) return status;
  if (!plain) s->row = row_of(s->file, network, &s->networks);
  if (!plain && s->row < 0)
    return tame_fail(TAME_ERR_INPUT, "'%s' has no network %lld", s->path, (long long)network);
  s->at = H5Gopen2(s->file, s->group, H5P_DEFAULT);
  if (s->at >= 0) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT,
                   "'%s' has no %s: want results with a model, and its weights kept", s->path,
                   s->group);
}

tame_status tame_matrices_fetch(const char *path, const char *group, int64_t network, int64_t n,
                                const tame_matrix *wanted)
{
  source s = {.path = path, .group = group, .file = -1, .at = -1};
  tame_status status = open_source(&s, network);
  if (status == TAME_OK) status = read_all(&s, n, wanted);
  if (s.at >= 0) H5Gclose(s.at);
  if (s.file >= 0) H5Fclose(s.file);
  return status;
}

bool tame_hdf5_has(const char *path, const char *dataset)
{
  tame_hdf5_quiet();
  if (access(path, R_OK) != 0 || H5Fis_hdf5(path) <= 0) return false;
  const hid_t access_list = tame_hdf5_access(), file = H5Fopen(path, H5F_ACC_RDONLY, access_list);
  H5Pclose(access_list);
  const bool has = file >= 0 && H5Lexists(file, dataset, H5P_DEFAULT) > 0;
  if (file >= 0) H5Fclose(file);
  return has;
}
