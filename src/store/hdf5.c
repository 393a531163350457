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

tame_status tame_hdf5_open_results(const char *path, hid_t *file)
{
  tame_hdf5_quiet();
  *file = -1;
  if (access(path, R_OK) != 0)
    return tame_fail(TAME_ERR_INPUT, "cannot read '%s': %s", path, strerror(errno));
  if (H5Fis_hdf5(path) > 0) *file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (*file < 0)
    return tame_fail(TAME_ERR_INPUT, "'%s' is not a results file: %s", path,
                     H5Fis_hdf5(path) > 0 ? "it is damaged or incomplete" : "not HDF5");
  char *format = tame_hdf5_text(*file, "format");
  const bool ours = format && strcmp(format, "tame-results") == 0;
  const bool whole = H5Aexists(*file, "finished") > 0;
  free(format);
  if (ours && whole) return TAME_OK;
  H5Fclose(*file);
  *file = -1;
  if (ours)
    return tame_fail(TAME_ERR_INPUT, "'%s' is incomplete: the run that wrote it has not finished",
                     path);
  return tame_fail(TAME_ERR_INPUT, "'%s' is not a results file: HDF5, but not of this program",
                   path);
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

tame_status tame_results_root_text(const char *path, const char *key, char **text)
{
  hid_t file;
  *text = NULL;
  const tame_status status = tame_hdf5_open_results(path, &file);
  if (status != TAME_OK) return status;
  *text = tame_hdf5_text(file, key);
  H5Fclose(file);
  return *text ? TAME_OK : tame_fail(TAME_ERR_INPUT, "'%s' has no attribute '%s'", path, key);
}
