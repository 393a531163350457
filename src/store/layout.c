/* HDF5 files laid out once, then written raw; see layout.h. */
#include "store/layout.h"

#include "base/memory.h"
#include "store/hdf5.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- making ----------------------------------------------------------------------------------- */

/* Give a file its blocks: a full disk shows here, and not after hours of work, nor in the middle of a
 * library that does not survive it. */
static tame_status reserve(const char *path, int flags, int64_t bytes)
{
  struct stat there;
  const int file = open(path, O_RDWR | O_CLOEXEC | flags, 0666);
  int error = file < 0 ? errno : 0;
  if (!error && fstat(file, &there) != 0) error = errno;
  if (!error && there.st_size > bytes) bytes = there.st_size;
  if (!error && bytes > 0) error = posix_fallocate(file, 0, bytes);
  if (file >= 0) close(file);
  if (!error) return TAME_OK;
  if (error == ENOSPC)
    return tame_fail(TAME_ERR_IO, "the disk is full: '%s' needs %.3g MB", path,
                     (double)bytes / 1e6);
  return tame_fail(TAME_ERR_IO, "cannot write '%s': %s", path, strerror(error));
}

/* The type in the file, to be closed. */
static hid_t type_of(tame_type type, int64_t width)
{
  const hid_t types[] = {H5T_NATIVE_DOUBLE, H5T_NATIVE_FLOAT, H5T_NATIVE_INT64, H5T_NATIVE_INT32,
                         H5T_NATIVE_UINT8};
  if (type != TAME_TYPE_TEXT) return H5Tcopy(types[type]);
  const hid_t text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, width > 0 ? (size_t)width : 1);
  H5Tset_cset(text, H5T_CSET_UTF8);
  H5Tset_strpad(text, H5T_STR_NULLPAD); /* the last byte may be one of the text */
  return text;
}

static int64_t width_of(const tame_dataset *d)
{
  return d->type == TAME_TYPE_TEXT ? (d->width > 0 ? d->width : 1)
                                   : (int64_t)tame_type_size(d->type);
}

/* What all takes: numbers, and some metadata. */
static int64_t bytes_of(const tame_blueprint *b)
{
  int64_t sum = 0;
  for (int64_t k = 0; k < b->n_sets; k++) {
    int64_t bytes = width_of(&b->sets[k]);
    for (int j = 0; j < b->sets[k].axes; j++) bytes *= b->sets[k].shape[j];
    sum += bytes + 2048;
  }
  for (int64_t k = 0; k < b->n_attributes; k++)
    sum += 256 + (int64_t)(b->attributes[k].longer ? strlen(b->attributes[k].longer) : 0);
  return sum;
}

static bool put_attribute(hid_t file, const char *path, const char *key, hid_t type,
                          const void *value)
{
  const hid_t object = H5Oopen(file, path, H5P_DEFAULT);
  const hid_t space = H5Screate(H5S_SCALAR);
  const hid_t attribute = H5Acreate2(object, key, type, space, H5P_DEFAULT, H5P_DEFAULT);
  const bool done = attribute >= 0 && H5Awrite(attribute, type, value) >= 0;
  if (attribute >= 0) H5Aclose(attribute);
  H5Sclose(space);
  if (object >= 0) H5Oclose(object);
  return done;
}

static bool put_text(hid_t file, const char *path, const char *key, const char *text)
{
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  const bool done = put_attribute(file, path, key, type, &text);
  H5Tclose(type);
  return done;
}

static bool make_group(hid_t file, const char *path)
{
  if (strcmp(path, "/") == 0 || H5Lexists(file, path, H5P_DEFAULT) > 0) return true;
  const hid_t links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  const hid_t group = H5Gcreate2(file, path, links, H5P_DEFAULT, H5P_DEFAULT);
  if (group >= 0) H5Gclose(group);
  H5Pclose(links);
  return group >= 0;
}

static bool put(hid_t file, const tame_attribute *a)
{
  switch (a->kind) {
    case TAME_ATTRIBUTE_NUMBER:
      return put_attribute(file, a->path, a->key, H5T_NATIVE_DOUBLE, &a->number);
    case TAME_ATTRIBUTE_WHOLE:
      return put_attribute(file, a->path, a->key, H5T_NATIVE_INT64, &a->whole);
    default: return put_text(file, a->path, a->key, a->longer ? a->longer : a->text);
  }
}

/* Numbers that nobody will write. */
static void set_fill(hid_t layout, tame_type type)
{
  const double nan = NAN;
  const int64_t none = -1;
  if (type <= TAME_TYPE_F32) H5Pset_fill_value(layout, H5T_NATIVE_DOUBLE, &nan);
  else if (type <= TAME_TYPE_I32) H5Pset_fill_value(layout, H5T_NATIVE_INT64, &none);
}

static bool make_dataset(hid_t file, const tame_dataset *d, bool fill)
{
  hsize_t shape[TAME_AXES];
  for (int k = 0; k < d->axes; k++) shape[k] = (hsize_t)d->shape[k];
  const hid_t space = H5Screate_simple(d->axes, shape, NULL), type = type_of(d->type, d->width);
  const hid_t links = H5Pcreate(H5P_LINK_CREATE), layout = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  H5Pset_obj_track_times(layout, 0);
  H5Pset_alloc_time(layout, H5D_ALLOC_TIME_EARLY); /* so that it has its place */
  H5Pset_fill_time(layout, fill ? H5D_FILL_TIME_ALLOC : H5D_FILL_TIME_NEVER);
  if (fill) set_fill(layout, d->type);
  const hid_t set = H5Dcreate2(file, d->path, type, space, links, layout, H5P_DEFAULT);
  bool done = set >= 0;
  if (done) H5Dclose(set);
  done = done && (!*d->dims || put_text(file, d->path, "dims", d->dims));
  done = done && (!*d->units || put_text(file, d->path, "units", d->units));
  if (done && d->step_ms != 0)
    done = put_attribute(file, d->path, "start_ms", H5T_NATIVE_DOUBLE, &d->start_ms) &&
           put_attribute(file, d->path, "step_ms", H5T_NATIVE_DOUBLE, &d->step_ms);
  H5Pclose(layout);
  H5Pclose(links);
  H5Tclose(type);
  H5Sclose(space);
  return done;
}

tame_status tame_layout_make(const char *path, const tame_blueprint *b, bool fill)
{
  tame_hdf5_quiet();
  tame_status status = reserve(path, O_CREAT | O_TRUNC, bytes_of(b));
  if (status != TAME_OK) return status;
  const char *what = path;
  const hid_t access = tame_hdf5_access();
  errno = 0;
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Pclose(access);
  bool done = file >= 0;
  for (int64_t k = 0; done && k < b->n_sets; k++)
    done = make_dataset(file, &b->sets[k], fill), what = b->sets[k].path;
  for (int64_t k = 0; done && k < b->n_attributes; k++)
    done = make_group(file, b->attributes[k].path) && put(file, &b->attributes[k]),
    what = b->attributes[k].path;
  if (!done)
    status = tame_fail(TAME_ERR_IO, "cannot lay out %s in '%s': %s", what, path,
                       tame_hdf5_reason());
  if (file >= 0 && H5Fclose(file) < 0 && status == TAME_OK)
    status = tame_fail(TAME_ERR_IO, "cannot write '%s': %s", path, tame_hdf5_reason());
  return status == TAME_OK ? reserve(path, 0, 0) : status;
}

/* ---- finding ---------------------------------------------------------------------------------- */

typedef struct finder {
  tame_place *places;
  int64_t count, room;
  bool failed;
} finder;

static tame_type type_in_file(hid_t type)
{
  static const tame_type types[] = {TAME_TYPE_F64, TAME_TYPE_F32, TAME_TYPE_I64, TAME_TYPE_I32,
                                    TAME_TYPE_U8};
  if (H5Tget_class(type) == H5T_STRING) return TAME_TYPE_TEXT;
  for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
    const hid_t known = type_of(types[k], 0);
    const bool same = H5Tequal(type, known) > 0;
    H5Tclose(known);
    if (same) return types[k];
  }
  return TAME_TYPE_U8;
}

static herr_t find_one(hid_t file, const char *path, const H5O_info_t *info, void *context)
{
  finder *f = context;
  if (info->type != H5O_TYPE_DATASET) return 0;
  if (f->count == f->room) {
    const int64_t room = f->room ? 2 * f->room : 64;
    tame_place *more = realloc(f->places, (size_t)room * sizeof *more);
    if (!more) return -1;
    f->places = more;
    f->room = room;
  }
  tame_place *at = &f->places[f->count++];
  hsize_t shape[H5S_MAX_RANK] = {0};
  const hid_t set = H5Dopen2(file, path, H5P_DEFAULT);
  const hid_t space = H5Dget_space(set), type = H5Dget_type(set);
  *at = (tame_place){.width = (int64_t)H5Tget_size(type), .type = type_in_file(type)};
  snprintf(at->path, sizeof at->path, "%s", path);
  const haddr_t offset = H5Dget_offset(set);
  const hssize_t items = H5Sget_simple_extent_npoints(space);
  at->offset = offset == HADDR_UNDEF ? 0 : (int64_t)offset;
  at->axes = H5Sget_simple_extent_dims(space, shape, NULL);
  for (int k = 0; k < at->axes && k < TAME_AXES; k++) at->shape[k] = (int64_t)shape[k];
  f->failed |= at->axes > TAME_AXES || (items > 0 && offset == HADDR_UNDEF) || items < 0;
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(set);
  return 0;
}

static int by_path(const void *a, const void *b)
{
  return strcmp(((const tame_place *)a)->path, ((const tame_place *)b)->path);
}

tame_status tame_layout_read(const char *path, tame_place **places, int64_t *count)
{
  finder f = {0};
  tame_hdf5_quiet();
  const hid_t access = tame_hdf5_access();
  errno = 0;
  const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
  const bool found = file >= 0 && H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, find_one, &f) >= 0;
  tame_status status = TAME_OK;
  if (!found || f.failed) /* the next call of HDF5 forgets why */
    status = tame_fail(TAME_ERR_IO, "'%s' is damaged: %s", path, tame_hdf5_reason());
  if (file >= 0) H5Fclose(file);
  H5Pclose(access);
  if (status != TAME_OK) free(f.places), f = (finder){0};
  if (f.count) qsort(f.places, (size_t)f.count, sizeof *f.places, by_path);
  *places = f.places;
  *count = f.count;
  return status;
}

const tame_place *tame_layout_find_place(const tame_place *places, int64_t count, const char *path)
{
  tame_place key = {.offset = 0};
  snprintf(key.path, sizeof key.path, "%s", path);
  return count ? bsearch(&key, places, (size_t)count, sizeof key, by_path) : NULL;
}

/* ---- raw data --------------------------------------------------------------------------------- */

tame_status tame_write_at(int file, const char *name, const void *data, int64_t bytes,
                          int64_t offset)
{
  const char *at = data;
  while (bytes > 0) {
    const ssize_t done = pwrite(file, at, (size_t)bytes, (off_t)offset);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0)
      return tame_fail(TAME_ERR_IO, "cannot write '%s': %s", name,
                       done < 0 ? strerror(errno) : "the disk takes no more");
    at += done, bytes -= done, offset += done;
  }
  return TAME_OK;
}

tame_status tame_read_at(int file, const char *name, void *data, int64_t bytes, int64_t offset)
{
  char *at = data;
  while (bytes > 0) {
    const ssize_t done = pread(file, at, (size_t)bytes, (off_t)offset);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0)
      return tame_fail(TAME_ERR_IO, "cannot read '%s': %s", name,
                       done < 0 ? strerror(errno) : "it is too short");
    at += done, bytes -= done, offset += done;
  }
  return TAME_OK;
}

tame_status tame_write_sync(int file, const char *name)
{
  if (fdatasync(file) == 0 || errno == EINVAL || errno == ENOSYS) return TAME_OK;
  return tame_fail(TAME_ERR_IO, "cannot write '%s': %s", name, strerror(errno));
}
