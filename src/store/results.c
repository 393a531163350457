/* Results: laid out by rank 0, written by all; see tame/store.h. */
#include "base/memory.h"
#include "store/hdf5.h"
#include "store/layout.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* That a file is ours to write: a lock on it, which dies with its process; or, where the file system knows no
 * locks, a file beside the results that names host, process and job. */
typedef struct lock {
  int file;     /* -1: not open */
  char *marker; /* NULL: none */
} lock;

static const lock not_locked = {.file = -1};

struct tame_results {
  MPI_Comm comm;
  int rank;
  char *path, *partial, *fresh; /* final and temporary name, and that of a file in the making */
  const char *at;               /* its name now */
  bool force;                   /* the final name may be taken by now */
  lock lock;                    /* of the file, on rank 0, held while it is written */
  int file;                     /* raw, on every rank; -1: not open */
  tame_place *places;           /* of its datasets, sorted; on every rank */
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

static bool is_locked(const lock *l)
{
  return l->file >= 0;
}

static void release_lock(lock *l)
{
  if (l->marker) unlink(l->marker);
  free(l->marker);
  if (l->file >= 0) close(l->file);
  *l = not_locked;
}

/* Who writes: host, process, job. */
typedef struct owner {
  char host[256], job[64];
  long process;
} owner;

static owner myself(void)
{
  owner me = {.process = (long)getpid(), .job = "-"};
  const char *job = getenv("SLURM_JOB_ID");
  gethostname(me.host, sizeof me.host - 1);
  if (job && *job) snprintf(me.job, sizeof me.job, "%s", job);
  return me;
}

/* Is it certain that the owner of a marker is gone? Dead here, or an earlier turn of the job that we are. */
static bool is_gone(const owner *other)
{
  const owner me = myself();
  if (strcmp(other->host, me.host) == 0)
    return kill((pid_t)other->process, 0) != 0 && errno == ESRCH;
  return strcmp(me.job, "-") != 0 && strcmp(me.job, other->job) == 0;
}

static bool read_marker(const char *marker, owner *other)
{
  FILE *file = fopen(marker, "r");
  if (!file) return false;
  char process[32];
  const bool whole = fscanf(file, "%255s %31s %63s", other->host, process, other->job) == 3;
  fclose(file);
  if (whole) other->process = strtol(process, NULL, 10);
  return whole;
}

static bool is_mine(const owner *other)
{
  const owner me = myself();
  return strcmp(other->host, me.host) == 0 && other->process == me.process;
}

/* Make it, with our name in it. */
static bool make_marker(const char *marker)
{
  const owner me = myself();
  const int file = open(marker, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) return false;
  dprintf(file, "%s %ld %s\n", me.host, me.process, me.job);
  close(file);
  return true;
}

/* For file systems without locks: one marker for all names that results have in turn. */
static tame_status take_marker(const char *path, lock *l)
{
  owner other = {.host = "?", .job = "?"};
  l->marker = with_end(path, ".lock");
  if (!l->marker) return TAME_ERR_NOMEM;
  bool made = make_marker(l->marker);
  const int reason = errno;
  const bool known = !made && reason == EEXIST && read_marker(l->marker, &other);
  if (known && !is_mine(&other) && is_gone(&other)) {
    unlink(l->marker);
    made = make_marker(l->marker);
  }
  if (made) return TAME_OK;
  tame_status status = TAME_OK;
  if (reason != EEXIST)
    status = tame_fail(TAME_ERR_IO, "cannot write '%s': %s", l->marker, strerror(reason));
  else if (!known || !is_mine(&other))
    status = tame_fail(TAME_ERR_IO,
                       "another run is writing '%s': process %ld on %s, job %s; if it is dead, "
                       "remove '%s'",
                       path, other.process, other.host, other.job, l->marker);
  free(l->marker);
  l->marker = NULL;
  return status;
}

bool tame_results_busy(const char *path)
{
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  const bool busy = file >= 0 && flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (file >= 0) close(file);
  return busy;
}

/* Who asks whether a file is locked has it locked for an instant. 0, or errno. */
static int lock_at_once(int file)
{
  const struct timespec instant = {.tv_nsec = 20 * 1000 * 1000};
  for (int attempt = 0; flock(file, LOCK_EX | LOCK_NB) != 0; attempt++) {
    if (errno != EWOULDBLOCK || attempt == 3) return errno;
    nanosleep(&instant, NULL);
  }
  return 0;
}

/* Two runs must not write one file; what a killed run has left behind can be taken. Not locked: no file.
 * results: its final name. */
static tame_status take_lock(const char *path, const char *results, int flags, lock *l)
{
  *l = not_locked;
  l->file = open(path, O_RDWR | O_CLOEXEC | flags, 0666);
  if (l->file < 0 && errno == ENOENT && !(flags & O_CREAT)) return TAME_OK;
  if (l->file < 0) return tame_fail(TAME_ERR_IO, "cannot write '%s': %s", path, strerror(errno));
  const int failed = lock_at_once(l->file);
  tame_status status = TAME_OK;
  if (failed == EWOULDBLOCK) status = tame_fail(TAME_ERR_IO, "another run is writing '%s'", path);
  else if (failed) status = take_marker(results, l);
  if (status != TAME_OK) release_lock(l);
  return status;
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
  lock ours = not_locked;
  char *partial = with_end(path, ".partial");
  tame_status status = partial ? take_lock(partial, path, 0, &ours) : TAME_ERR_NOMEM;
  if (status == TAME_OK && is_locked(&ours) && !force && holds_run(partial))
    status = tame_fail(TAME_ERR_IO,
                       "'%s' holds an unfinished run: --resume goes on with it, --force begins "
                       "anew",
                       partial);
  release_lock(&ours);
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
  results->file = -1;
  results->lock = not_locked;
  results->force = force;
  results->comm = MPI_COMM_NULL;
  results->path = strdup(path);
  results->partial = with_end(path, ".partial");
  results->fresh = with_end(path, ".partial.new");
  results->at = results->partial;
  MPI_Comm_rank(comm, &results->rank);
  return results->path && results->partial && results->fresh ? TAME_OK : TAME_ERR_NOMEM;
}

/* Where everything is, from rank 0; then each opens the file for itself. Collective. */
static tame_status open_everywhere(tame_results *r)
{
  tame_status status = TAME_OK;
  if (r->rank == 0) status = tame_layout_read(r->at, &r->places, &r->n_places);
  status = tame_agree(r->comm, status);
  if (status != TAME_OK) return status;
  MPI_Bcast(&r->n_places, 1, MPI_INT64_T, 0, r->comm);
  if (r->rank > 0)
    r->places = tame_untouched(r->n_places, sizeof *r->places, "the places of datasets");
  r->file = open(r->at, O_RDWR | O_CLOEXEC);
  if (!r->places) status = TAME_ERR_NOMEM;
  else if (r->file < 0)
    status = tame_fail(TAME_ERR_IO, "cannot open '%s': %s", r->at, strerror(errno));
  status = tame_agree(r->comm, status);
  if (status != TAME_OK) return status;
  MPI_Bcast(r->places, (int)(r->n_places * (int64_t)sizeof *r->places), MPI_BYTE, 0, r->comm);
  return TAME_OK;
}

/* Under a third name, so that what has the second is whole. Rank 0. */
static tame_status make(tame_results *r, const tame_blueprint *blueprint, bool fill)
{
  lock old = not_locked;
  tame_status status = take_lock(r->partial, r->path, 0, &old);
  if (status == TAME_OK) status = take_lock(r->fresh, r->path, O_CREAT, &r->lock);
  if (status == TAME_OK) status = tame_layout_make(r->fresh, blueprint, fill);
  if (!r->lock.marker) { /* it was ours already */
    r->lock.marker = old.marker;
    old.marker = NULL;
  }
  release_lock(&old);
  return status;
}

tame_status tame_results_create(tame_results **out, MPI_Comm comm, const char *path, bool force,
                                const tame_blueprint *blueprint, bool fill)
{
  tame_results *results;
  tame_status status = tame_agree(comm, begin(&results, comm, path, force));
  if (status == TAME_OK) {
    MPI_Comm_dup(comm, &results->comm);
    results->at = results->fresh;
    status = tame_agree(comm, results->rank == 0 ? make(results, blueprint, fill) : TAME_OK);
  }
  if (status == TAME_OK) status = open_everywhere(results);
  if (status != TAME_OK) tame_results_abandon(&results);
  *out = results;
  return status;
}

tame_status tame_results_begin(tame_results *r)
{
  tame_status status = tame_agree(r->comm, tame_results_sync(r));
  if (status != TAME_OK) return status;
  if (r->rank == 0 && rename(r->fresh, r->partial) != 0)
    status = tame_fail(TAME_ERR_IO, "cannot write '%s': %s", r->partial, strerror(errno));
  status = tame_agree(r->comm, status);
  if (status == TAME_OK) r->at = r->partial;
  return status;
}

/* Rank 0: the lock, and what the file says of its beginning. */
static tame_status take_over(tame_results *r, tame_origin *origin)
{
  hid_t file;
  bool finished;
  tame_status status = take_lock(r->partial, r->path, 0, &r->lock);
  if (status != TAME_OK) return status;
  const bool taken = access(r->path, F_OK) == 0;
  if (!is_locked(&r->lock) && taken)
    return tame_fail(TAME_ERR_INPUT, "nothing to resume: '%s' is there, whole", r->path);
  if (!is_locked(&r->lock))
    return tame_fail(TAME_ERR_INPUT, "nothing to resume: there is no '%s'", r->partial);
  if (taken && !r->force)
    return tame_fail(TAME_ERR_IO, "'%s' exists beside '%s': --force replaces it in the end",
                     r->path, r->partial);
  status = tame_hdf5_open_results(r->partial, &file, &finished);
  if (status != TAME_OK) return status;
  origin->experiment = tame_hdf5_text(file, "experiment");
  origin->kernels = tame_hdf5_text(file, "kernels");
  origin->commit = tame_hdf5_text(file, "tame_commit");
  H5Fclose(file);
  if (origin->experiment && origin->kernels && origin->commit) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "'%s' is damaged: it does not say how it began", r->partial);
}

void tame_origin_free(tame_origin *origin)
{
  free(origin->experiment);
  free(origin->kernels);
  free(origin->commit);
  *origin = (tame_origin){0};
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
                                tame_origin *origin)
{
  tame_results *results;
  *origin = (tame_origin){0};
  tame_status status = tame_agree(comm, begin(&results, comm, path, force));
  if (status == TAME_OK) {
    MPI_Comm_dup(comm, &results->comm);
    status = tame_agree(comm, results->rank == 0 ? take_over(results, origin) : TAME_OK);
  }
  if (status == TAME_OK) status = share_text(results, &origin->experiment);
  if (status == TAME_OK) status = share_text(results, &origin->kernels);
  if (status == TAME_OK) status = share_text(results, &origin->commit);
  if (status == TAME_OK) status = open_everywhere(results);
  if (status != TAME_OK) {
    tame_origin_free(origin);
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
    return tame_fail(TAME_ERR_IO, "'%s' is of another version: it has no %s", results->at, path);
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
    status = tame_write_at(results->file, results->at, from + k * r.length * p->width,
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
    return tame_fail(TAME_ERR_IO, "'%s' is of another version: it has no %s", results->at, path);
  const runs r = runs_of(p, count);
  tame_status status = TAME_OK;
  for (int64_t k = 0; status == TAME_OK && k < r.count; k++)
    status = tame_read_at(results->file, results->at, (char *)data + k * r.length * p->width,
                          r.length * p->width,
                          p->offset + start_of(p, &r, start, count, k) * p->width);
  return status;
}

tame_status tame_results_sync(const tame_results *results)
{
  return tame_write_sync(results->file, results->at);
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
  release_lock(&results->lock);
  free(results->places);
  free(results->path);
  free(results->partial);
  free(results->fresh);
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
  if (is_locked(&(*out)->lock)) unlink((*out)->at); /* it is ours */
  tame_results_leave(out);
}
