/* Reading HDF5; see hdf5.h. */
#include "store/hdf5.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void tame_hdf5_quiet(void)
{
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static herr_t keep_deepest(unsigned n, const H5E_error2_t *error, void *kept)
{
  (void)n;
  if (error->desc && *error->desc) *(const char **)kept = error->desc;
  return 0;
}

const char *tame_hdf5_reason(void)
{
  static char reason[256];
  const char *deepest = NULL;
  const int system = errno;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_deepest, &deepest);
  strncpy(reason,
          deepest  ? deepest
          : system ? strerror(system)
                   : "unknown reason",
          sizeof reason - 1);
  return reason;
}

hid_t tame_hdf5_access(void)
{
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access, 0, 1);
#endif
  return access;
}

static bool open_in(hid_t file, const char *path, hid_t *set, int64_t *count)
{
  *set = H5Lexists(file, path, H5P_DEFAULT) > 0 ? H5Dopen2(file, path, H5P_DEFAULT) : -1;
  if (*set < 0) return false;
  const hid_t space = H5Dget_space(*set);
  *count = (int64_t)H5Sget_simple_extent_npoints(space);
  H5Sclose(space);
  return *count > 0;
}

bool tame_hdf5_finished(hid_t file)
{
  hid_t set;
  int64_t count = 0, ended = 0;
  const bool there = open_in(file, "state", &set, &count);
  unsigned char *states = there ? malloc((size_t)count) : NULL;
  if (states && H5Dread(set, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, states) >= 0)
    for (int64_t k = 0; k < count; k++)
      ended += states[k] == TAME_NETWORK_DONE || states[k] == TAME_NETWORK_FAILED;
  free(states);
  if (set >= 0) H5Dclose(set);
  return there && ended == count;
}

/* What keeps a file of ours from being read; TAME_OK: nothing. */
static tame_status check_format(const char *path, hid_t file)
{
  int64_t version = 0;
  char *format = tame_hdf5_text(file, "format");
  const bool ours = format && strcmp(format, "tame-results") == 0;
  free(format);
  if (!ours)
    return tame_fail(TAME_ERR_INPUT, "'%s' is not a results file: HDF5, but not of this program",
                     path);
  if (H5Aexists(file, "format_version") > 0) {
    const hid_t attribute = H5Aopen(file, "format_version", H5P_DEFAULT);
    H5Aread(attribute, H5T_NATIVE_INT64, &version);
    H5Aclose(attribute);
  }
  if (version == TAME_FORMAT) return TAME_OK;
  if (version > TAME_FORMAT)
    return tame_fail(TAME_ERR_INPUT, "'%s': format version %lld, this program reads up to %d", path,
                     (long long)version, TAME_FORMAT);
  return tame_fail(TAME_ERR_INPUT, "'%s': format version %lld, this program reads version %d only",
                   path, (long long)version, TAME_FORMAT);
}

tame_status tame_hdf5_open_results(const char *path, hid_t *file, bool *finished)
{
  tame_hdf5_quiet();
  *file = -1;
  if (access(path, R_OK) != 0)
    return tame_fail(TAME_ERR_INPUT, "cannot read '%s': %s", path, strerror(errno));
  const hid_t access_list = tame_hdf5_access();
  const bool hdf5 = H5Fis_hdf5(path) > 0;
  if (hdf5) *file = H5Fopen(path, H5F_ACC_RDONLY, access_list);
  H5Pclose(access_list);
  if (*file < 0)
    return tame_fail(TAME_ERR_INPUT, "'%s' is not a results file: %s", path,
                     hdf5 ? "it is damaged or incomplete" : "not HDF5");
  tame_status status = check_format(path, *file);
  const bool whole = status == TAME_OK && tame_hdf5_finished(*file);
  if (finished) *finished = whole;
  else if (status == TAME_OK && !whole)
    status = tame_fail(TAME_ERR_INPUT, "'%s' is incomplete: the run that wrote it has not finished",
                       path);
  if (status == TAME_OK) return TAME_OK;
  H5Fclose(*file);
  *file = -1;
  return status;
}

char *tame_hdf5_text(hid_t object, const char *key)
{
  char *copy = NULL, *text = NULL;
  if (H5Aexists(object, key) <= 0) return NULL;
  const hid_t attribute = H5Aopen(object, key, H5P_DEFAULT);
  const hid_t type = H5Aget_type(attribute);
  if (H5Tis_variable_str(type) > 0) {
    const hid_t memory = H5Tcopy(H5T_C_S1);
    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(type));
    if (H5Aread(attribute, memory, &text) >= 0 && text) {
      copy = strdup(text);
      H5free_memory(text);
    }
    H5Tclose(memory);
  }
  H5Tclose(type);
  H5Aclose(attribute);
  return copy;
}

tame_status tame_results_text(const char *path, const char *group, const char *key, char **text)
{
  hid_t file;
  *text = NULL;
  const tame_status status = tame_hdf5_open_results(path, &file, NULL);
  if (status != TAME_OK) return status;
  const bool there = strcmp(group, "/") == 0 || H5Lexists(file, group, H5P_DEFAULT) > 0;
  const hid_t object = there ? H5Oopen(file, group, H5P_DEFAULT) : -1;
  if (object >= 0) {
    *text = tame_hdf5_text(object, key);
    H5Oclose(object);
  }
  H5Fclose(file);
  return *text ? TAME_OK
               : tame_fail(TAME_ERR_INPUT, "'%s' has no attribute '%s' of %s", path, key, group);
}
