/* Results that are read, network by network; see tame/store.h. */
#include "base/memory.h"
#include "store/hdf5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tame_archive {
  char *path;
  hid_t file;
};

tame_status tame_archive_open(tame_archive **out, const char *path)
{
  tame_archive *a = *out = tame_zeroed(1, sizeof *a, "a results file");
  if (!a) return TAME_ERR_NOMEM;
  a->file = -1;
  a->path = strdup(path);
  const tame_status status = a->path ? tame_hdf5_open_results(path, &a->file, NULL)
                                     : tame_fail(TAME_ERR_NOMEM, "no memory for a path");
  if (status != TAME_OK) tame_archive_close(out);
  return status;
}

void tame_archive_close(tame_archive **archive)
{
  tame_archive *a = *archive;
  if (!a) return;
  if (a->file >= 0) H5Fclose(a->file);
  free(a->path);
  free(a);
  *archive = NULL;
}

bool tame_archive_has(const tame_archive *a, const char *path)
{
  char part[TAME_PATH];
  snprintf(part, sizeof part, "%s", path);
  for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    const bool there = H5Lexists(a->file, part, H5P_DEFAULT) > 0;
    *slash = '/';
    if (!there) return false;
  }
  return H5Lexists(a->file, part, H5P_DEFAULT) > 0;
}

bool tame_archive_child(const tame_archive *a, const char *group, int64_t k, char name[TAME_PATH])
{
  H5G_info_t info;
  if (!tame_archive_has(a, group) || H5Gget_info_by_name(a->file, group, &info, H5P_DEFAULT) < 0 ||
      k >= (int64_t)info.nlinks)
    return false;
  return H5Lget_name_by_idx(a->file, group, H5_INDEX_NAME, H5_ITER_INC, (hsize_t)k, name, TAME_PATH,
                            H5P_DEFAULT) > 0;
}

char *tame_archive_text(const tame_archive *a, const char *group, const char *key)
{
  const hid_t object = H5Oopen(a->file, group, H5P_DEFAULT);
  char *text = object >= 0 ? tame_hdf5_text(object, key) : NULL;
  if (object >= 0) H5Oclose(object);
  return text;
}

int64_t tame_archive_whole(const tame_archive *a, const char *group, const char *key)
{
  int64_t value = -1;
  const hid_t attribute = H5Aopen_by_name(a->file, group, key, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0) return -1;
  if (H5Aread(attribute, H5T_NATIVE_INT64, &value) < 0) value = -1;
  H5Aclose(attribute);
  return value;
}

int tame_archive_shape(const tame_archive *a, const char *path, int64_t shape[TAME_AXES],
                       int64_t *width)
{
  hsize_t sizes[H5S_MAX_RANK] = {0};
  const hid_t set = H5Dopen2(a->file, path, H5P_DEFAULT);
  *width = 0;
  if (set < 0) return 0;
  const hid_t space = H5Dget_space(set), type = H5Dget_type(set);
  const int axes = H5Sget_simple_extent_dims(space, sizes, NULL);
  for (int k = 0; k < axes && k < TAME_AXES; k++) shape[k] = (int64_t)sizes[k];
  if (H5Tget_class(type) == H5T_STRING) *width = (int64_t)H5Tget_size(type);
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(set);
  return axes;
}

tame_status tame_archive_read(const tame_archive *a, const char *path, int64_t row, void *data)
{
  hsize_t start[H5S_MAX_RANK] = {(hsize_t)row}, count[H5S_MAX_RANK] = {0};
  const hid_t set = H5Dopen2(a->file, path, H5P_DEFAULT);
  if (set < 0) return tame_fail(TAME_ERR_IO, "'%s' has no %s", a->path, path);
  const hid_t space = H5Dget_space(set), type = H5Dget_type(set);
  const int axes = H5Sget_simple_extent_dims(space, count, NULL);
  if (count[0] == 1) start[0] = 0; /* one for all networks */
  count[0] = 1;
  const hid_t memory = H5Screate_simple(axes, count, NULL);
  H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
  const bool is_text = H5Tget_class(type) == H5T_STRING;
  const herr_t code = H5Dread(set, is_text ? type : H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT,
                              data);
  H5Sclose(memory);
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(set);
  if (code >= 0) return TAME_OK;
  return tame_fail(TAME_ERR_IO, "'%s': cannot read %s: %s", a->path, path, tame_hdf5_reason());
}
