/* A matrix of another run's results; see tame/store.h. */
#include "store/hdf5.h"

#include <string.h>

static tame_status read_row(hid_t set, const char *path, const char *dataset, int64_t row,
                            int64_t rows, int64_t columns, double *out)
{
  hsize_t shape[TAME_AXES] = {0};
  const hid_t space = H5Dget_space(set);
  const int axes = H5Sget_simple_extent_ndims(space);
  if (axes >= 0 && axes <= TAME_AXES) H5Sget_simple_extent_dims(space, shape, NULL);
  const hsize_t start[3] = {(hsize_t)row, 0, 0}, count[3] = {1, (hsize_t)rows, (hsize_t)columns};
  tame_status status = TAME_OK;
  if (axes != 3 || shape[1] != count[1] || shape[2] != count[2])
    status = tame_fail(TAME_ERR_INPUT, "'%s': %s is [%llu][%llu] a network, want [%lld][%lld]",
                       path, dataset, (unsigned long long)shape[1], (unsigned long long)shape[2],
                       (long long)rows, (long long)columns);
  else if ((hsize_t)row >= shape[0])
    status = tame_fail(TAME_ERR_INPUT, "'%s' has no network %lld: there are %llu", path,
                       (long long)row, (unsigned long long)shape[0]);
  else {
    const hid_t memory = H5Screate_simple(3, count, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    if (H5Dread(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, out) < 0)
      status = tame_fail(TAME_ERR_IO, "'%s': cannot read %s: %s", path, dataset,
                         tame_hdf5_reason());
    H5Sclose(memory);
  }
  H5Sclose(space);
  return status;
}

/* The row of a network, by its index in the sweep. */
static int64_t row_of(hid_t file, int64_t network)
{
  int64_t row = -1;
  const hid_t set = H5Dopen2(file, "network", H5P_DEFAULT);
  if (set < 0) return -1;
  const hid_t space = H5Dget_space(set);
  const int64_t n = (int64_t)H5Sget_simple_extent_npoints(space);
  for (int64_t k = 0; k < n && row < 0; k++) {
    int64_t id = -1;
    const hsize_t at = (hsize_t)k, one = 1;
    const hid_t memory = H5Screate_simple(1, &one, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, &at, NULL, &one, NULL);
    if (H5Dread(set, H5T_NATIVE_INT64, memory, space, H5P_DEFAULT, &id) >= 0 && id == network)
      row = k;
    H5Sclose(memory);
  }
  H5Sclose(space);
  H5Dclose(set);
  return row;
}

tame_status tame_results_fetch(const char *path, const char *dataset, int64_t network, int64_t rows,
                               int64_t columns, double *out)
{
  hid_t file = H5I_INVALID_HID;
  tame_hdf5_quiet();
  tame_status status = tame_hdf5_open_results(path, &file, NULL);
  if (status != TAME_OK) return status;
  const int64_t row = row_of(file, network);
  const hid_t set = row < 0 ? H5I_INVALID_HID : H5Dopen2(file, dataset, H5P_DEFAULT);
  if (row < 0)
    status = tame_fail(TAME_ERR_INPUT, "'%s' has no network %lld", path, (long long)network);
  else if (set < 0)
    status = tame_fail(TAME_ERR_INPUT, "'%s' has no %s: want results of such a model", path,
                       dataset);
  else status = read_row(set, path, dataset, row, rows, columns, out);
  if (set >= 0) H5Dclose(set);
  H5Fclose(file);
  return status;
}
