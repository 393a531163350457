/* Writing results; see tame/store.h. */
#include "base/memory.h"
#include "store/hdf5.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct tame_results {
  MPI_Comm comm;
  int rank;
  char *path, *partial; /* final and temporary name */
  hid_t file;           /* while planning and after close: open on rank 0 alone; else on all */
  tame_status status;   /* of planning, on rank 0 */
  bool force;           /* the final name may be taken by now */
  int lock;             /* of the temporary file, on rank 0, held while it is written; -1: none */
  bool measuring;       /* planning for the first time: only add up bytes */
  int64_t bytes;
};

/* ---- names and room ------------------------------------------------------------------------- */

static tame_status look_at(const char *path, bool force)
{
  struct stat there;
  char folder[4096];
  if (!*path) return tame_fail(TAME_ERR_IO, "the name of the results file is empty");
  snprintf(folder, sizeof folder, "%s", path);
  char *slash = strrchr(folder, '/');
  if (slash) slash[slash == folder] = '\0';
  else snprintf(folder, sizeof folder, ".");
  if (access(folder, W_OK | X_OK) != 0)
    return tame_fail(TAME_ERR_IO, "cannot write '%s': folder '%s': %s", path, folder,
                     strerror(errno));
  if (stat(path, &there) != 0) return TAME_OK;
  if (!S_ISREG(there.st_mode)) return tame_fail(TAME_ERR_IO, "'%s' exists and is not a file", path);
  if (!force)
    return tame_fail(TAME_ERR_IO, "'%s' exists; give another name, or --force to replace it", path);
  hid_t file; /* whatever is not ours is not replaced: it may be the experiment */
  if (tame_hdf5_open_results(path, &file) != TAME_OK)
    return tame_fail(TAME_ERR_IO, "'%s' exists and is not a results file; give another name", path);
  H5Fclose(file);
  return TAME_OK;
}

tame_status tame_results_may_write(MPI_Comm comm, const char *path, bool force)
{
  int rank;
  MPI_Comm_rank(comm, &rank);
  return tame_agree(comm, rank == 0 ? look_at(path, force) : TAME_OK);
}

/* Give a file its blocks: a full disk shows here, and not after hours of work, nor in the middle of a
 * library that does not survive it. */
static tame_status reserve(const char *path, int flags, int64_t bytes)
{
  struct stat there;
  const int file = open(path, O_RDWR | flags, 0666);
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

/* ---- planning, on rank 0 -------------------------------------------------------------------- */

/* Two runs must not write one file. A lock dies with its process, so that what a killed run has left
 * behind can be replaced; where the file system knows no locks we go on without. */
static tame_status take_lock(tame_results *results)
{
  const int file = open(results->partial, O_RDWR | O_CREAT, 0666);
  if (file < 0)
    return tame_fail(TAME_ERR_IO, "cannot write '%s': %s", results->partial, strerror(errno));
  if (flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    close(file);
    return tame_fail(TAME_ERR_IO, "another run is writing '%s'", results->partial);
  }
  results->lock = file;
  return TAME_OK;
}

/* How rank 0 opens the file alone: newer format, for attributes above 64 KiB; HDF5's own locks, which
 * would be in the way of ours, off. */
static hid_t alone(void)
{
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access, 0, 1);
#endif
  return access;
}

static tame_status begin(tame_results **out, MPI_Comm comm, const char *path, bool force)
{
  tame_results *results = tame_zeroed(1, sizeof *results, "the results");
  *out = results;
  if (!results) return TAME_ERR_NOMEM;
  results->file = -1;
  results->lock = -1;
  results->force = force;
  results->comm = MPI_COMM_NULL;
  results->path = strdup(path);
  results->partial = tame_zeroed((int64_t)strlen(path) + 16, 1, "a file name");
  if (!results->path || !results->partial) return TAME_ERR_NOMEM;
  snprintf(results->partial, strlen(path) + 16, "%s.partial", path);
  MPI_Comm_rank(comm, &results->rank);
  results->measuring = true;
  return results->rank == 0 ? take_lock(results) : TAME_OK;
}

tame_status tame_results_create(tame_results **out, MPI_Comm comm, const char *path, bool force)
{
  tame_results *results;
  tame_hdf5_quiet();
  const tame_status status = tame_agree(comm, begin(&results, comm, path, force));
  if (status == TAME_OK) MPI_Comm_dup(comm, &results->comm);
  else tame_results_abandon(&results);
  *out = results;
  return status;
}

static tame_status create_file(tame_results *results)
{
  if (results->rank > 0) return TAME_OK;
  const tame_status status = reserve(results->partial, O_TRUNC, results->bytes);
  if (status != TAME_OK) return status;
  const hid_t access = alone();
  errno = 0;
  results->file = H5Fcreate(results->partial, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Pclose(access);
  if (results->file < 0)
    return tame_fail(TAME_ERR_IO, "cannot write '%s': %s", results->partial, tame_hdf5_reason());
  return TAME_OK;
}

tame_status tame_results_lay_out(tame_results *results)
{
  results->measuring = false;
  return tame_agree(results->comm, create_file(results));
}

static void planned(tame_results *results, bool done, const char *path)
{
  if (!done && results->status == TAME_OK)
    results->status = tame_fail(TAME_ERR_IO, "cannot lay out %s in '%s': %s", path,
                                results->partial, tame_hdf5_reason());
}

static hid_t type_of(tame_type type)
{
  const hid_t types[] = {H5T_NATIVE_DOUBLE, H5T_NATIVE_FLOAT, H5T_NATIVE_INT64, H5T_NATIVE_INT32,
                         H5T_NATIVE_UINT8};
  return types[type];
}

/* What a dataset takes: its numbers, and some metadata. */
static int64_t bytes_of(const tame_dataset *d)
{
  int64_t bytes = (int64_t)H5Tget_size(type_of(d->type));
  for (int k = 0; k < d->axes; k++) bytes *= d->shape[k];
  return bytes + 2048;
}

void tame_results_add(tame_results *results, const tame_dataset *d)
{
  if (results->measuring) results->bytes += bytes_of(d);
  if (results->rank > 0 || results->measuring) return;
  hsize_t shape[TAME_AXES];
  for (int k = 0; k < d->axes; k++) shape[k] = (hsize_t)d->shape[k];
  const hid_t space = H5Screate_simple(d->axes, shape, NULL);
  const hid_t groups = H5Pcreate(H5P_LINK_CREATE), layout = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_create_intermediate_group(groups, 1);
  H5Pset_obj_track_times(layout, 0);
  H5Pset_alloc_time(layout, H5D_ALLOC_TIME_EARLY); /* later writes touch raw data only */
  H5Pset_fill_time(layout, H5D_FILL_TIME_NEVER);
  const hid_t set = H5Dcreate2(results->file, d->path, type_of(d->type), space, groups, layout,
                               H5P_DEFAULT);
  planned(results, set >= 0, d->path);
  if (set >= 0) {
    H5Dclose(set);
    tame_results_text(results, d->path, "dims", d->dims);
    tame_results_text(results, d->path, "units", d->units);
    if (d->step_ms > 0) {
      tame_results_number(results, d->path, "start_ms", d->start_ms);
      tame_results_number(results, d->path, "step_ms", d->step_ms);
    }
  }
  H5Pclose(layout);
  H5Pclose(groups);
  H5Sclose(space);
}

void tame_results_group(tame_results *results, const char *path)
{
  if (results->rank > 0 || results->measuring) return;
  const hid_t links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  const hid_t group = H5Gcreate2(results->file, path, links, H5P_DEFAULT, H5P_DEFAULT);
  planned(results, group >= 0, path);
  if (group >= 0) H5Gclose(group);
  H5Pclose(links);
}

static void put_attribute(tame_results *results, const char *path, const char *key, hid_t type,
                          const void *value)
{
  if (results->rank > 0 || results->file < 0) return;
  const hid_t object = H5Oopen(results->file, path, H5P_DEFAULT);
  const hid_t space = H5Screate(H5S_SCALAR);
  const hid_t attribute = H5Acreate2(object, key, type, space, H5P_DEFAULT, H5P_DEFAULT);
  planned(results, attribute >= 0 && H5Awrite(attribute, type, value) >= 0, path);
  if (attribute >= 0) H5Aclose(attribute);
  H5Sclose(space);
  if (object >= 0) H5Oclose(object);
}

void tame_results_text(tame_results *results, const char *path, const char *key, const char *text)
{
  if (results->measuring) results->bytes += (int64_t)strlen(text);
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  put_attribute(results, path, key, type, &text);
  H5Tclose(type);
}

void tame_results_number(tame_results *results, const char *path, const char *key, double value)
{
  put_attribute(results, path, key, H5T_NATIVE_DOUBLE, &value);
}

void tame_results_whole(tame_results *results, const char *path, const char *key, int64_t value)
{
  put_attribute(results, path, key, H5T_NATIVE_INT64, &value);
}

/* ---- writing, on all ------------------------------------------------------------------------ */

static tame_status end_planning(tame_results *results)
{
  if (results->rank > 0) return TAME_OK;
  const herr_t closed = H5Fclose(results->file);
  results->file = -1;
  if (results->status != TAME_OK) return results->status;
  if (closed < 0)
    return tame_fail(TAME_ERR_IO, "cannot write '%s': %s", results->partial, tame_hdf5_reason());
  return reserve(results->partial, 0, 0);
}

tame_status tame_results_open(tame_results *results)
{
  tame_status status = tame_agree(results->comm, end_planning(results));
  if (status != TAME_OK) return status;
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_mpio(access, results->comm, MPI_INFO_NULL);
  H5Pset_all_coll_metadata_ops(access, 1);
  results->file = H5Fopen(results->partial, H5F_ACC_RDWR, access);
  H5Pclose(access);
  if (results->file < 0)
    status = tame_fail(TAME_ERR_IO, "cannot open '%s' on all ranks: %s", results->partial,
                       tame_hdf5_reason());
  return tame_agree(results->comm, status);
}

/* Select the block in the dataset; the memory that holds it. */
static hid_t select_block(hid_t space, const int64_t *start, const int64_t *count)
{
  hsize_t from[TAME_AXES], size[TAME_AXES], items = 1;
  const int axes = H5Sget_simple_extent_ndims(space);
  for (int k = 0; k < axes; k++) {
    from[k] = (hsize_t)start[k];
    size[k] = (hsize_t)count[k];
    items *= size[k];
  }
  const hid_t memory = H5Screate_simple(1, &items, NULL);
  if (items > 0) {
    H5Sselect_hyperslab(space, H5S_SELECT_SET, from, NULL, size, NULL);
  } else {
    H5Sselect_none(space);
    H5Sselect_none(memory);
  }
  return memory;
}

static bool write_block(hid_t set, hid_t space, const int64_t *start, const int64_t *count,
                        const void *data)
{
  if (H5Sget_simple_extent_npoints(space) == 0) return true; /* it has no place in the file */
  const hid_t memory = select_block(space, start, count), type = H5Dget_type(set);
  const hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
  H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE);
  const herr_t written = H5Dwrite(set, type, memory, space, transfer, data);
  H5Pclose(transfer);
  H5Tclose(type);
  H5Sclose(memory);
  return written >= 0;
}

tame_status tame_results_write(tame_results *results, const char *path, const int64_t *start,
                               const int64_t *count, const void *data)
{
  const hid_t set = H5Dopen2(results->file, path, H5P_DEFAULT);
  const hid_t space = H5Dget_space(set);
  int found = set >= 0; /* on all, or the collective write below would wait for ever */
  MPI_Allreduce(MPI_IN_PLACE, &found, 1, MPI_INT, MPI_LAND, results->comm);
  errno = 0;
  tame_status status = TAME_OK;
  if (!found || !write_block(set, space, start, count, data))
    status = tame_fail(TAME_ERR_IO, "cannot write %s to '%s': %s", path, results->partial,
                       tame_hdf5_reason());
  H5Sclose(space);
  H5Dclose(set);
  return tame_agree(results->comm, status);
}

tame_status tame_results_close(tame_results *results)
{
  tame_status status = TAME_OK;
  if (results->file >= 0 && H5Fclose(results->file) < 0)
    status = tame_fail(TAME_ERR_IO, "cannot finish '%s': %s", results->partial, tame_hdf5_reason());
  results->file = -1;
  status = tame_agree(results->comm, status);
  if (status != TAME_OK) return status;
  if (results->rank == 0) {
    const hid_t access = alone();
    results->file = H5Fopen(results->partial, H5F_ACC_RDWR, access);
    H5Pclose(access);
    if (results->file < 0)
      status = tame_fail(TAME_ERR_IO, "cannot finish '%s': %s", results->partial,
                         tame_hdf5_reason());
  }
  return tame_agree(results->comm, status);
}

/* The final name, which nobody else's file may lose unless --force said so. */
static tame_status rename_to_final(const tame_results *results)
{
  int failed = renameat2(AT_FDCWD, results->partial, AT_FDCWD, results->path,
                         results->force ? 0 : RENAME_NOREPLACE);
  if (failed && (errno == EINVAL || errno == ENOSYS)) /* the file system cannot */
    failed = rename(results->partial, results->path);
  if (!failed) return TAME_OK;
  return tame_fail(TAME_ERR_IO, "cannot name the results '%s': %s; they are in '%s'", results->path,
                   strerror(errno), results->partial);
}

static tame_status publish(tame_results *results, bool *whole)
{
  if (results->rank > 0) return TAME_OK;
  errno = 0;
  const herr_t closed = results->file < 0 ? 0 : H5Fclose(results->file);
  results->file = -1;
  if (results->status != TAME_OK) return results->status;
  if (closed < 0 || fsync(results->lock) != 0)
    return tame_fail(TAME_ERR_IO, "cannot finish '%s': %s", results->path, strerror(errno));
  *whole = true;
  return rename_to_final(results);
}

static void release(tame_results **out)
{
  tame_results *results = *out;
  if (results->comm != MPI_COMM_NULL) MPI_Comm_free(&results->comm);
  if (results->lock >= 0) close(results->lock);
  free(results->path);
  free(results->partial);
  free(results);
  *out = NULL;
}

tame_status tame_results_finish(tame_results **out)
{
  bool whole = false;
  const tame_status status = tame_agree((*out)->comm, publish(*out, &whole));
  if (status == TAME_OK || whole) release(out); /* a whole file that lacks but its name is kept */
  else tame_results_abandon(out);
  return status;
}

void tame_results_abandon(tame_results **out)
{
  tame_results *results = *out;
  if (!results) return;
  if (results->file >= 0) H5Fclose(results->file);
  if (results->lock >= 0) unlink(results->partial); /* it is ours */
  release(out);
}
