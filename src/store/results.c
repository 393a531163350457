/* Results: laid out by rank 0, written by all; see tame/store.h. */
#include "base/memory.h"
#include "store/hdf5.h"
#include "store/layout.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct tame_results {
  MPI_Comm comm;
  int rank;
  char *path, *partial; /* final and temporary name */
  bool force;           /* the final name may be taken by now */
  int lock;             /* of the temporary file, on rank 0, held while it is written; -1: none */
  int file;             /* raw, on every rank; -1: not open */
  tame_place *places;   /* of its datasets, sorted; on every rank */
  int64_t n_places;
};

/* ---- names and locks ------------------------------------------------------------------------ */

static char *with_end(const char *path, const char *end)
{
  const size_t size = strlen(path) + strlen(end) + 1;
  char *name = tame_zeroed((int64_t)size, 1, "a file name");
  if (name) snprintf(name, size, "%s%s", path, end);
  return name;
}

bool tame_results_busy(const char *path)
{
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  const bool busy = file >= 0 && flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (file >= 0) close(file);
  return busy;
}

/* Who asks whether a file is locked has it locked for an instant. */
static bool lock_at_once(int file)
{
  const struct timespec instant = {.tv_nsec = 20 * 1000 * 1000};
  for (int attempt = 0; flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK; attempt++) {
    if (attempt == 3) return false;
    nanosleep(&instant, NULL);
  }
  return true;
}

/* Two runs must not write one file. A lock dies with its process, so that what a killed run has left
 * behind can be taken; where the file system knows no locks we go on without. *lock -1: no file. */
static tame_status take_lock(const char *path, int flags, int *lock)
{
  *lock = open(path, O_RDWR | O_CLOEXEC | flags, 0666);
  if (*lock < 0 && errno == ENOENT && !(flags & O_CREAT)) return TAME_OK;
  if (*lock < 0) return tame_fail(TAME_ERR_IO, "cannot write '%s': %s", path, strerror(errno));
  if (!lock_at_once(*lock)) {
    close(*lock);
    *lock = -1;
    return tame_fail(TAME_ERR_IO, "another run is writing '%s'", path);
  }
  return TAME_OK;
}

/* Is there an unfinished run under the temporary name, of this program? */
static bool holds_run(const char *partial)
{
  hid_t file;
  bool finished;
  if (tame_hdf5_open_results(partial, &file, &finished) != TAME_OK) return false;
  H5Fclose(file);
  return true;
}

/* An unfinished run is not thrown away by chance. Rank 0. */
static tame_status look_at_partial(const char *path, bool force)
{
  int lock = -1;
  char *partial = with_end(path, ".partial");
  tame_status status = partial ? take_lock(partial, 0, &lock) : TAME_ERR_NOMEM;
  if (status == TAME_OK && lock >= 0 && !force && holds_run(partial))
    status = tame_fail(TAME_ERR_IO,
                       "'%s' holds an unfinished run: --resume goes on with it, --force begins "
                       "anew",
                       partial);
  if (lock >= 0) close(lock);
  free(partial);
  return status;
}

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
  if (stat(path, &there) != 0) return look_at_partial(path, force);
  if (!S_ISREG(there.st_mode)) return tame_fail(TAME_ERR_IO, "'%s' exists and is not a file", path);
  if (!force)
    return tame_fail(TAME_ERR_IO, "'%s' exists; give another name, or --force to replace it", path);
  hid_t file; /* whatever is not ours is not replaced: it may be the experiment */
  bool finished;
  if (tame_hdf5_open_results(path, &file, &finished) != TAME_OK)
    return tame_fail(TAME_ERR_IO, "'%s' exists and is not a results file; give another name", path);
  H5Fclose(file);
  return look_at_partial(path, force);
}

tame_status tame_results_may_write(MPI_Comm comm, const char *path, bool force)
{
  int rank;
  MPI_Comm_rank(comm, &rank);
  return tame_agree(comm, rank == 0 ? look_at(path, force) : TAME_OK);
}

/* ---- opening -------------------------------------------------------------------------------- */

static tame_status begin(tame_results **out, MPI_Comm comm, const char *path, bool force)
{
  tame_results *results = tame_zeroed(1, sizeof *results, "the results");
  *out = results;
  if (!results) return TAME_ERR_NOMEM;
  results->file = results->lock = -1;
  results->force = force;
  results->comm = MPI_COMM_NULL;
  results->path = strdup(path);
  results->partial = with_end(path, ".partial");
  MPI_Comm_rank(comm, &results->rank);
  return results->path && results->partial ? TAME_OK : TAME_ERR_NOMEM;
}

/* Where everything is, from rank 0; then each opens the file for itself. Collective. */
static tame_status open_everywhere(tame_results *r)
{
  tame_status status = TAME_OK;
  if (r->rank == 0) status = tame_layout_read(r->partial, &r->places, &r->n_places);
  status = tame_agree(r->comm, status);
  if (status != TAME_OK) return status;
  MPI_Bcast(&r->n_places, 1, MPI_INT64_T, 0, r->comm);
  if (r->rank > 0)
    r->places = tame_untouched(r->n_places, sizeof *r->places, "the places of datasets");
  r->file = open(r->partial, O_RDWR | O_CLOEXEC);
  if (!r->places) status = TAME_ERR_NOMEM;
  else if (r->file < 0)
    status = tame_fail(TAME_ERR_IO, "cannot open '%s': %s", r->partial, strerror(errno));
  status = tame_agree(r->comm, status);
  if (status != TAME_OK) return status;
  MPI_Bcast(r->places, (int)(r->n_places * (int64_t)sizeof *r->places), MPI_BYTE, 0, r->comm);
  return TAME_OK;
}

/* Under a third name, so that what has the second is whole. Rank 0. */
static tame_status make(tame_results *r, const tame_blueprint *blueprint, bool fill)
{
  int old = -1;
  char *fresh = with_end(r->partial, ".new");
  tame_status status = fresh ? take_lock(r->partial, 0, &old) : TAME_ERR_NOMEM;
  if (status == TAME_OK) status = take_lock(fresh, O_CREAT, &r->lock);
  if (status == TAME_OK) {
    status = tame_layout_make(fresh, blueprint, fill);
    if (status == TAME_OK && rename(fresh, r->partial) != 0)
      status = tame_fail(TAME_ERR_IO, "cannot write '%s': %s", r->partial, strerror(errno));
    if (status != TAME_OK) {
      unlink(fresh);
      close(r->lock);
      r->lock = -1;
    }
  }
  if (old >= 0) close(old);
  free(fresh);
  return status;
}

tame_status tame_results_create(tame_results **out, MPI_Comm comm, const char *path, bool force,
                                const tame_blueprint *blueprint, bool fill)
{
  tame_results *results;
  tame_status status = tame_agree(comm, begin(&results, comm, path, force));
  if (status == TAME_OK) {
    MPI_Comm_dup(comm, &results->comm);
    status = tame_agree(comm, results->rank == 0 ? make(results, blueprint, fill) : TAME_OK);
  }
  if (status == TAME_OK) status = open_everywhere(results);
  if (status != TAME_OK) tame_results_abandon(&results);
  *out = results;
  return status;
}

/* Rank 0: the lock, and the experiment's text. */
static tame_status take_over(tame_results *r, char **experiment)
{
  hid_t file;
  bool finished;
  tame_status status = take_lock(r->partial, 0, &r->lock);
  if (status != TAME_OK) return status;
  if (r->lock < 0 && access(r->path, F_OK) == 0)
    return tame_fail(TAME_ERR_INPUT, "nothing to resume: '%s' is there, whole", r->path);
  if (r->lock < 0)
    return tame_fail(TAME_ERR_INPUT, "nothing to resume: there is no '%s'", r->partial);
  status = tame_hdf5_open_results(r->partial, &file, &finished);
  if (status != TAME_OK) return status;
  *experiment = tame_hdf5_text(file, "experiment");
  H5Fclose(file);
  if (*experiment) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "'%s' is damaged: it has no experiment", r->partial);
}

static tame_status share_text(tame_results *r, char **text)
{
  int64_t size = r->rank == 0 ? (int64_t)strlen(*text) + 1 : 0;
  MPI_Bcast(&size, 1, MPI_INT64_T, 0, r->comm);
  if (r->rank > 0) *text = tame_untouched(size, 1, "the experiment");
  const tame_status status = tame_agree(r->comm, *text ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) MPI_Bcast(*text, (int)size, MPI_CHAR, 0, r->comm);
  return status;
}

tame_status tame_results_resume(tame_results **out, MPI_Comm comm, const char *path, bool force,
                                char **experiment)
{
  tame_results *results;
  *experiment = NULL;
  tame_status status = tame_agree(comm, begin(&results, comm, path, force));
  if (status == TAME_OK) {
    MPI_Comm_dup(comm, &results->comm);
    status = tame_agree(comm, results->rank == 0 ? take_over(results, experiment) : TAME_OK);
  }
  if (status == TAME_OK) status = share_text(results, experiment);
  if (status == TAME_OK) status = open_everywhere(results);
  if (status != TAME_OK) {
    free(*experiment);
    *experiment = NULL;
    tame_results_leave(&results);
  }
  *out = results;
  return status;
}

/* ---- raw data ------------------------------------------------------------------------------- */

static const tame_place *place_of(const tame_results *r, const char *path)
{
  return tame_layout_find_place(r->places, r->n_places, path);
}

int tame_results_shape(const tame_results *r, const char *path, int64_t shape[TAME_AXES])
{
  const tame_place *p = place_of(r, path);
  if (p) memcpy(shape, p->shape, sizeof p->shape);
  return p ? p->axes : 0;
}

int64_t tame_results_width(const tame_results *r, const char *path)
{
  const tame_place *p = place_of(r, path);
  return p ? p->width : 0;
}

/* A block as runs of neighbours in the file: axes from `inner` on are whole, or the last to be cut. */
typedef struct runs {
  int inner;
  int64_t length, count; /* elements of a run; runs */
} runs;

static runs runs_of(const tame_place *p, const int64_t *count)
{
  runs r = {.inner = p->axes, .length = 1, .count = 1};
  while (r.inner > 0) {
    r.inner--;
    r.length *= count[r.inner];
    if (count[r.inner] != p->shape[r.inner]) break;
  }
  for (int k = 0; k < r.inner; k++) r.count *= count[k];
  return r;
}

/* Where a run starts, in elements. */
static int64_t start_of(const tame_place *p, const runs *r, const int64_t *start,
                        const int64_t *count, int64_t run)
{
  int64_t at[TAME_AXES] = {0}, place = 0;
  for (int k = r->inner - 1; k >= 0; k--) {
    at[k] = start[k] + run % count[k];
    run /= count[k];
  }
  for (int k = 0; k < p->axes; k++) place = place * p->shape[k] + (k < r->inner ? at[k] : start[k]);
  return place;
}

/* Floats for a dataset of doubles; NULL without memory. */
static double *widened(const float *data, int64_t count)
{
  double *wide = tame_untouched(count, sizeof *wide, "writing floats as doubles");
  for (int64_t i = 0; wide && i < count; i++) wide[i] = (double)data[i];
  return wide;
}

tame_status tame_results_write(tame_results *results, const char *path, tame_type type,
                               const int64_t *start, const int64_t *count, const void *data)
{
  const tame_place *p = place_of(results, path);
  if (!p)
    return tame_fail(TAME_ERR_IO, "'%s' is of another version: it has no %s", results->partial,
                     path);
  const runs r = runs_of(p, count);
  const int64_t items = r.count * r.length;
  if (items == 0) return TAME_OK;
  for (int k = 0; k < p->axes; k++) assert(start[k] + count[k] <= p->shape[k]);
  const bool widen = type == TAME_TYPE_F32 && p->type == TAME_TYPE_F64;
  assert(widen || type == p->type);
  double *wide = widen ? widened(data, items) : NULL;
  tame_status status = widen && !wide ? TAME_ERR_NOMEM : TAME_OK;
  const char *from = widen ? (const char *)wide : data;
  for (int64_t k = 0; status == TAME_OK && k < r.count; k++)
    status = tame_write_at(results->file, results->partial, from + k * r.length * p->width,
                           r.length * p->width,
                           p->offset + start_of(p, &r, start, count, k) * p->width);
  free(wide);
  return status;
}

tame_status tame_results_read(const tame_results *results, const char *path, const int64_t *start,
                              const int64_t *count, void *data)
{
  const tame_place *p = place_of(results, path);
  if (!p)
    return tame_fail(TAME_ERR_IO, "'%s' is of another version: it has no %s", results->partial,
                     path);
  const runs r = runs_of(p, count);
  tame_status status = TAME_OK;
  for (int64_t k = 0; status == TAME_OK && k < r.count; k++)
    status = tame_read_at(results->file, results->partial, (char *)data + k * r.length * p->width,
                          r.length * p->width,
                          p->offset + start_of(p, &r, start, count, k) * p->width);
  return status;
}

tame_status tame_results_sync(const tame_results *results)
{
  return tame_write_sync(results->file, results->partial);
}

/* ---- the end -------------------------------------------------------------------------------- */

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

void tame_results_leave(tame_results **out)
{
  tame_results *results = *out;
  if (!results) return;
  if (results->file >= 0) close(results->file);
  if (results->comm != MPI_COMM_NULL) MPI_Comm_free(&results->comm);
  if (results->lock >= 0) close(results->lock);
  free(results->places);
  free(results->path);
  free(results->partial);
  free(results);
  *out = NULL;
}

tame_status tame_results_finish(tame_results **out)
{
  tame_results *results = *out;
  tame_status status = tame_agree(results->comm, tame_results_sync(results));
  if (status == TAME_OK)
    status = tame_agree(results->comm, results->rank == 0 ? rename_to_final(results) : TAME_OK);
  tame_results_leave(out);
  return status;
}

void tame_results_abandon(tame_results **out)
{
  if (!*out) return;
  if ((*out)->lock >= 0) unlink((*out)->partial); /* it is ours */
  tame_results_leave(out);
}
