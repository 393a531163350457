/* Checkpoints: two files a network, written in turn, each with its checksums; see tame/store.h.
 *
 * A file is laid out when its slot is first used, or when the arrays have become others: it is then the older
 * of the two, or none is there yet. Then come the arrays, each rank its share, and when all are on the disk
 * the header, which holds the checksums of the arrays and of itself. */
#include "base/memory.h"
#include "store/hdf5.h"
#include "store/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOTS = 2, CHUNK = 1 << 19 /* numbers verified at a time */ };

static const char magic[8] = "tame-ck";

/* One array of a checkpoint. */
typedef struct entry {
  char name[64];
  int64_t total;
  uint64_t sum;
  uint64_t version; /* of the piece: what the file holds need not be written again */
} entry;

typedef struct header {
  char magic[8];
  uint64_t sum; /* of the rest, and of the entries that follow */
  uint64_t sequence;
  int64_t entries;
  tame_checkpoint_about about;
} header;

typedef struct slot {
  char *path;
  header head;    /* sequence 0: nothing sound in it */
  entry *entries; /* [head.entries], of the file; NULL: there is none that can be written again */
  tame_place *places;
  int64_t n_places;
  int file; /* -1: not open */
  bool damaged;
} slot;

struct tame_checkpoint {
  MPI_Comm comm;
  int rank;
  char *folder;
  slot slots[SLOTS];
  tame_checkpoint_cost cost;
};

/* ---- one rank or many: MPI_COMM_NULL is a process that has no MPI --------------------------------- */

static void find_place(MPI_Comm comm, int *rank, int *size)
{
  *rank = 0;
  *size = 1;
  if (comm == MPI_COMM_NULL) return;
  MPI_Comm_rank(comm, rank);
  MPI_Comm_size(comm, size);
}

static tame_status agree(MPI_Comm comm, tame_status status)
{
  return comm == MPI_COMM_NULL ? status : tame_agree(comm, status);
}

/* ---- headers ---------------------------------------------------------------------------------- */

static uint64_t sum_of_header(const header *h, const entry *entries)
{
  header copy = *h;
  copy.sum = 0;
  memcpy(copy.magic, magic, sizeof magic);
  return tame_checksum(1, TAME_TYPE_U8, &copy, 0, sizeof copy) +
         tame_checksum(2, TAME_TYPE_U8, entries, 0, h->entries * (int64_t)sizeof *entries);
}

static void forget(slot *s)
{
  if (s->file >= 0) close(s->file);
  free(s->entries);
  free(s->places);
  s->entries = NULL;
  s->places = NULL;
  s->n_places = 0;
  s->file = -1;
  s->head.sequence = 0;
}

static tame_status damaged(const slot *s, const char *what)
{
  return tame_fail(TAME_ERR_DIFFERS, "'%s' is damaged: %s", s->path, what);
}

/* Header and entries of an open slot. TAME_ERR_DIFFERS where they are not sound. */
static tame_status read_header(slot *s)
{
  const tame_place *at = tame_layout_find_place(s->places, s->n_places, "header");
  if (!at || at->shape[0] < (int64_t)sizeof s->head) return damaged(s, "it has no header");
  tame_status status = tame_read_at(s->file, s->path, &s->head, sizeof s->head, at->offset);
  if (status != TAME_OK) return damaged(s, "it is too short");
  const int64_t room = at->shape[0] - (int64_t)sizeof s->head;
  if (s->head.magic[0] == 0) return TAME_OK; /* it was not finished */
  if (memcmp(s->head.magic, magic, sizeof magic) != 0 || s->head.entries < 0 ||
      s->head.entries > room / (int64_t)sizeof *s->entries)
    return damaged(s, "its header is not one");
  s->entries = tame_untouched(s->head.entries, sizeof *s->entries, "a checkpoint");
  if (!s->entries) return TAME_ERR_NOMEM;
  status = tame_read_at(s->file, s->path, s->entries, s->head.entries * (int64_t)sizeof *s->entries,
                        at->offset + (int64_t)sizeof s->head);
  if (status != TAME_OK) return damaged(s, "it is too short");
  return sum_of_header(&s->head, s->entries) == s->head.sum ? TAME_OK
                                                            : damaged(s, "its header has changed");
}

/* This rank's part of an array's checksum: an even share of it. */
static tame_status sum_share(const slot *s, const tame_place *at, int64_t from, int64_t to,
                             uint64_t *sum)
{
  char *buffer = tame_untouched(CHUNK, 8, "verifying a checkpoint");
  tame_status status = buffer ? TAME_OK : TAME_ERR_NOMEM;
  for (int64_t i = from; status == TAME_OK && i < to; i += CHUNK) {
    const int64_t count = to - i < CHUNK ? to - i : CHUNK;
    status = tame_read_at(s->file, s->path, buffer, count * at->width, at->offset + i * at->width);
    if (status == TAME_OK) *sum += tame_checksum(0, at->type, buffer, i, count);
    else status = TAME_ERR_DIFFERS;
  }
  free(buffer);
  return status;
}

/* Do all arrays have the sums of the header? The same on every rank. Collective. */
static tame_status verify(const slot *s, MPI_Comm comm)
{
  int rank, size;
  find_place(comm, &rank, &size);
  tame_status status = TAME_OK;
  for (int64_t k = 0; k < s->head.entries; k++) {
    const entry *e = &s->entries[k];
    const tame_place *at = tame_layout_find_place(s->places, s->n_places, e->name);
    if (!at || at->shape[0] != e->total)
      return agree(comm, status == TAME_OK ? damaged(s, "an array is missing") : status);
    uint64_t sum = 0;
    const int64_t from = e->total / size * rank,
                  to = rank == size - 1 ? e->total : e->total / size * (rank + 1);
    if (status == TAME_OK) status = sum_share(s, at, from, to, &sum);
    if (comm != MPI_COMM_NULL) MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_UINT64_T, MPI_SUM, comm);
    if (status == TAME_OK && sum != e->sum)
      status = tame_fail(TAME_ERR_DIFFERS, "'%s' is damaged: array %s has changed", s->path,
                         e->name);
  }
  return agree(comm, status);
}

/* ---- opening ---------------------------------------------------------------------------------- */

/* Open a slot's file, if there is one. Local. */
static tame_status open_slot(slot *s)
{
  s->file = open(s->path, O_RDWR | O_CLOEXEC);
  if (s->file < 0) s->file = open(s->path, O_RDONLY | O_CLOEXEC);
  if (s->file < 0 && errno == ENOENT) return TAME_OK;
  if (s->file < 0)
    return tame_fail(TAME_ERR_DIFFERS, "cannot read '%s': %s", s->path, strerror(errno));
  tame_status status = tame_layout_read(s->path, &s->places, &s->n_places);
  if (status == TAME_ERR_IO) status = TAME_ERR_DIFFERS;
  if (status == TAME_OK) status = read_header(s);
  return status;
}

/* Open a slot on all ranks and verify it; without a sound checkpoint it is forgotten. Collective. */
static tame_status look_into(slot *s, MPI_Comm comm)
{
  tame_status status = agree(comm, open_slot(s));
  int there = s->file >= 0;
  if (comm != MPI_COMM_NULL) MPI_Allreduce(MPI_IN_PLACE, &there, 1, MPI_INT, MPI_LAND, comm);
  if (status == TAME_OK && (!there || s->head.sequence == 0)) {
    forget(s);
    return TAME_OK;
  }
  if (status == TAME_OK) status = verify(s, comm);
  s->damaged = status == TAME_ERR_DIFFERS;
  if (status == TAME_OK) return TAME_OK;
  forget(s);
  return s->damaged ? TAME_OK : status;
}

static tame_status begin(tame_checkpoint **out, MPI_Comm comm, const char *folder, int64_t network)
{
  tame_checkpoint *c = *out = tame_zeroed(1, sizeof *c, "checkpoints");
  if (!c) return TAME_ERR_NOMEM;
  int size_of_comm;
  find_place(comm, &c->rank, &size_of_comm);
  c->comm = MPI_COMM_NULL;
  c->folder = strdup(folder);
  for (int k = 0; k < SLOTS; k++) {
    const size_t size = strlen(folder) + 48;
    c->slots[k].file = -1;
    c->slots[k].path = tame_zeroed((int64_t)size, 1, "a file name");
    if (!c->slots[k].path || !c->folder) return TAME_ERR_NOMEM;
    snprintf(c->slots[k].path, size, "%s/%06lld.%d.h5", folder, (long long)network, k);
  }
  return TAME_OK;
}

static void free_local(tame_checkpoint **out)
{
  tame_checkpoint *c = *out;
  for (int k = 0; c && k < SLOTS; k++) {
    forget(&c->slots[k]);
    free(c->slots[k].path);
  }
  if (c) free(c->folder);
  free(c);
  *out = NULL;
}

tame_status tame_checkpoint_open(tame_checkpoint **out, MPI_Comm comm, const char *folder,
                                 int64_t network, uint64_t experiment, bool fresh)
{
  tame_checkpoint *c;
  tame_status status = tame_agree(comm, begin(&c, comm, folder, network));
  if (status == TAME_OK) MPI_Comm_dup(comm, &c->comm);
  if (status == TAME_OK && fresh) tame_checkpoint_remove(c);
  for (int k = 0; status == TAME_OK && !fresh && k < SLOTS; k++) {
    slot *s = &c->slots[k];
    status = look_into(s, c->comm);
    const tame_checkpoint_about *about = &s->head.about;
    if (status == TAME_OK && s->head.sequence > 0 &&
        (about->experiment != experiment || about->network != network))
      forget(s);
  }
  if (status != TAME_OK) tame_checkpoint_close(&c);
  *out = c;
  return status;
}

/* The slot of the newest sound checkpoint; NULL: none. */
static slot *newest(const tame_checkpoint *c)
{
  const slot *a = &c->slots[0], *b = &c->slots[1];
  const slot *last = a->head.sequence > b->head.sequence ? a : b;
  return last->head.sequence ? (slot *)last : NULL;
}

const tame_checkpoint_about *tame_checkpoint_found(const tame_checkpoint *c)
{
  const slot *s = newest(c);
  return s ? &s->head.about : NULL;
}

int tame_checkpoint_damaged(const tame_checkpoint *c)
{
  return c->slots[0].damaged + c->slots[1].damaged;
}

/* ---- saving ----------------------------------------------------------------------------------- */

/* The arrays of a state, in its order; owned by the caller. */
static entry *list_entries(const tame_state *state, int64_t *count)
{
  entry *list = tame_zeroed(state->count, sizeof *list, "a checkpoint");
  *count = 0;
  for (int64_t k = 0; list && k < state->count; k++) {
    const tame_piece *p = &state->at[k];
    if (*count > 0 && strcmp(list[*count - 1].name, p->name) == 0) continue;
    entry *e = &list[(*count)++];
    memcpy(e->name, p->name, sizeof e->name);
    e->total = p->total;
    e->version = p->version;
  }
  return list;
}

static bool same_arrays(const slot *s, const entry *list, int64_t count)
{
  if (!s->entries || s->head.entries != count) return false;
  for (int64_t k = 0; k < count; k++)
    if (strcmp(s->entries[k].name, list[k].name) != 0 || s->entries[k].total != list[k].total)
      return false;
  return true;
}

/* Lay out the file of a slot. Rank 0. */
static tame_status make_slot(const tame_checkpoint *c, const slot *s, const tame_state *state,
                             int64_t entries)
{
  tame_blueprint b = {0};
  tame_dataset d = {.path = "header", .type = TAME_TYPE_U8, .axes = 1, .dims = "byte"};
  d.shape[0] = (int64_t)sizeof(header) + entries * (int64_t)sizeof(entry);
  tame_blueprint_add(&b, &d);
  for (int64_t k = 0; k < state->count; k++) {
    const tame_piece *p = &state->at[k];
    if (k > 0 && strcmp(state->at[k - 1].name, p->name) == 0) continue;
    d = (tame_dataset){.type = p->type, .axes = 1, .shape = {p->total}, .dims = "number"};
    memcpy(d.path, p->name, sizeof p->name);
    tame_blueprint_add(&b, &d);
  }
  tame_blueprint_text(&b, "/", "format", "tame-checkpoint");
  tame_blueprint_whole(&b, "/", "format_version", TAME_FORMAT);
  const size_t size = strlen(s->path) + 8;
  char *fresh = tame_zeroed((int64_t)size, 1, "a file name");
  tame_status status = fresh ? b.status : TAME_ERR_NOMEM;
  if (status == TAME_OK) snprintf(fresh, size, "%s.new", s->path);
  unlink(s->path); /* its room may be needed */
  if (status == TAME_OK && mkdir(c->folder, 0777) != 0 && errno != EEXIST)
    status = tame_fail(TAME_ERR_IO, "cannot make the folder '%s': %s", c->folder, strerror(errno));
  if (status == TAME_OK) status = tame_layout_make(fresh, &b, false);
  if (status == TAME_OK && rename(fresh, s->path) != 0)
    status = tame_fail(TAME_ERR_IO, "cannot write '%s': %s", s->path, strerror(errno));
  if (status != TAME_OK && fresh) unlink(fresh);
  free(fresh);
  tame_blueprint_free(&b);
  return status;
}

/* A slot whose file has room for these arrays, open on all ranks. Collective. */
static tame_status prepare_slot(tame_checkpoint *c, slot *s, const tame_state *state,
                                int64_t entries)
{
  forget(s);
  tame_status status = c->rank == 0 ? make_slot(c, s, state, entries) : TAME_OK;
  status = tame_agree(c->comm, status);
  if (status != TAME_OK) return status;
  s->file = open(s->path, O_RDWR | O_CLOEXEC);
  if (s->file < 0)
    status = tame_fail(TAME_ERR_IO, "cannot open '%s': %s", s->path, strerror(errno));
  if (status == TAME_OK) status = tame_layout_read(s->path, &s->places, &s->n_places);
  return tame_agree(c->comm, status);
}

enum { GATHERED = 1 << 20 }; /* bytes of small pieces written at once */

/* Small neighbours are gathered, large ones written as they are. */
typedef struct writer {
  const slot *s;
  char *buffer;
  int64_t used, offset;
  tame_status status;
} writer;

static void flush(writer *w)
{
  if (w->status == TAME_OK && w->used > 0)
    w->status = tame_write_at(w->s->file, w->s->path, w->buffer, w->used, w->offset);
  w->used = 0;
}

static void write_piece(writer *w, const void *data, int64_t bytes, int64_t offset)
{
  if (w->used > 0 && (w->offset + w->used != offset || w->used + bytes > GATHERED)) flush(w);
  if (bytes > GATHERED / 4) {
    flush(w);
    if (w->status == TAME_OK)
      w->status = tame_write_at(w->s->file, w->s->path, data, bytes, offset);
    return;
  }
  if (w->used == 0) w->offset = offset;
  memcpy(w->buffer + w->used, data, (size_t)bytes);
  w->used += bytes;
}

/* Is what the file holds of an array what is to be written? */
static bool unchanged(const slot *s, const entry *e, int64_t k)
{
  return s->entries && e->version != 0 && s->entries[k].version == e->version;
}

/* This rank's share of all arrays; their checksums into the list. Local. */
static tame_status write_arrays(const slot *s, const tame_state *state, entry *list)
{
  writer w = {.s = s, .buffer = tame_untouched(GATHERED, 1, "writing a checkpoint")};
  if (!w.buffer) return TAME_ERR_NOMEM;
  int64_t at = -1;
  const tame_place *place = NULL;
  for (int64_t k = 0; w.status == TAME_OK && k < state->count; k++) {
    const tame_piece *p = &state->at[k];
    if (at < 0 || strcmp(list[at].name, p->name) != 0) {
      at++;
      place = tame_layout_find_place(s->places, s->n_places, p->name);
    }
    if (p->copy || p->count == 0 || unchanged(s, &list[at], at)) continue;
    list[at].sum += tame_checksum(0, p->type, p->at, p->first, p->count);
    write_piece(&w, p->at, p->count * place->width, place->offset + p->first * place->width);
  }
  flush(&w);
  free(w.buffer);
  return w.status == TAME_OK ? tame_write_sync(s->file, s->path) : w.status;
}

/* The sums of all ranks; where nothing was written, those of before. Collective. */
static void add_sums(const tame_checkpoint *c, const slot *s, entry *list, int64_t count)
{
  for (int64_t k = 0; k < count; k++) {
    MPI_Allreduce(MPI_IN_PLACE, &list[k].sum, 1, MPI_UINT64_T, MPI_SUM, c->comm);
    if (unchanged(s, &list[k], k)) list[k].sum = s->entries[k].sum;
  }
}

static tame_status write_header(const slot *s, const header *head, const entry *list)
{
  const tame_place *at = tame_layout_find_place(s->places, s->n_places, "header");
  const int64_t bytes = (int64_t)sizeof *head + head->entries * (int64_t)sizeof *list;
  char *whole = tame_untouched(bytes, 1, "writing a checkpoint");
  if (!whole) return TAME_ERR_NOMEM;
  memcpy(whole, head, sizeof *head);
  memcpy(whole + sizeof *head, list, (size_t)head->entries * sizeof *list);
  tame_status status = tame_write_at(s->file, s->path, whole, bytes, at->offset);
  if (status == TAME_OK) status = tame_write_sync(s->file, s->path);
  free(whole);
  return status;
}

static tame_status clear_header(const slot *s)
{
  static const header nothing;
  const tame_place *at = tame_layout_find_place(s->places, s->n_places, "header");
  return tame_write_at(s->file, s->path, &nothing, sizeof nothing, at->offset);
}

static tame_status save(tame_checkpoint *c, slot *s, const tame_state *state,
                        const tame_checkpoint_about *about, entry *list, int64_t count)
{
  const slot *last = newest(c);
  header head = {.sequence = last ? last->head.sequence + 1 : 1, .entries = count};
  head.about = *about;
  memcpy(head.magic, magic, sizeof magic);
  tame_status status = TAME_OK;
  if (!same_arrays(s, list, count)) status = prepare_slot(c, s, state, count);
  s->head.sequence = 0; /* from here on it is not sound, here as in the file */
  if (status == TAME_OK && c->rank == 0) status = clear_header(s);
  if (status == TAME_OK) status = write_arrays(s, state, list);
  status = tame_agree(c->comm, status);
  if (status != TAME_OK) return status;
  add_sums(c, s, list, count);
  head.sum = sum_of_header(&head, list);
  status = tame_agree(c->comm, c->rank == 0 ? write_header(s, &head, list) : TAME_OK);
  if (status == TAME_OK) s->head = head;
  return status;
}

tame_status tame_checkpoint_save(tame_checkpoint *c, const tame_state *state,
                                 const tame_checkpoint_about *about)
{
  const double began = MPI_Wtime();
  slot *s = newest(c) == &c->slots[0] ? &c->slots[1] : &c->slots[0];
  int64_t count = 0;
  entry *list = state->failed ? NULL : list_entries(state, &count);
  tame_status status = tame_agree(c->comm, list ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) status = save(c, s, state, about, list, count);
  if (status == TAME_OK) {
    free(s->entries);
    s->entries = list;
    c->cost.count++;
    c->cost.seconds += MPI_Wtime() - began;
    for (int64_t k = 0; k < s->n_places; k++)
      c->cost.bytes += (double)s->places[k].shape[0] * (double)s->places[k].width;
    return TAME_OK;
  }
  free(list);
  forget(s);
  return status;
}

/* ---- loading ---------------------------------------------------------------------------------- */

static tame_status load(const slot *s, const tame_state *state)
{
  for (int64_t k = 0; k < state->count; k++) {
    const tame_piece *p = &state->at[k];
    const tame_place *at = tame_layout_find_place(s->places, s->n_places, p->name);
    if (!at || at->shape[0] != p->total)
      return tame_fail(TAME_ERR_IO, "'%s' is of another version: it has no %s of length %lld",
                       s->path, p->name, (long long)p->total);
    const tame_status status = tame_read_at(s->file, s->path, p->at, p->count * at->width,
                                            at->offset + p->first * at->width);
    if (status != TAME_OK) return status;
  }
  return TAME_OK;
}

tame_status tame_checkpoint_load(tame_checkpoint *c, const tame_state *state)
{
  const slot *s = newest(c);
  tame_status status = state->failed ? TAME_ERR_NOMEM : TAME_OK;
  if (status == TAME_OK) status = load(s, state);
  return tame_agree(c->comm, status);
}

/* ---- the rest --------------------------------------------------------------------------------- */

void tame_checkpoint_remove(tame_checkpoint *c)
{
  for (int k = 0; k < SLOTS; k++) {
    char fresh[4096]; /* a process that was killed may have left one in the making */
    forget(&c->slots[k]);
    snprintf(fresh, sizeof fresh, "%s.new", c->slots[k].path);
    if (c->rank > 0) continue;
    unlink(c->slots[k].path);
    unlink(fresh);
  }
  MPI_Barrier(c->comm);
}

/* NNNNNN.0.h5, NNNNNN.1.h5, or one of them in the making. */
static bool is_slot(const char *name)
{
  const size_t digits = strspn(name, "0123456789");
  const char *end = name + digits;
  if (digits < 6 || end[0] != '.' || (end[1] != '0' && end[1] != '1')) return false;
  return strcmp(end + 2, ".h5") == 0 || strcmp(end + 2, ".h5.new") == 0;
}

void tame_checkpoint_clear(const char *folder)
{
  DIR *files = opendir(folder);
  const struct dirent *file;
  while (files && (file = readdir(files)) != NULL)
    if (is_slot(file->d_name)) unlinkat(dirfd(files), file->d_name, 0);
  if (files) closedir(files);
  (void)rmdir(folder);
}

tame_checkpoint_cost tame_checkpoint_cost_of(const tame_checkpoint *c)
{
  return c->cost;
}

void tame_checkpoint_close(tame_checkpoint **checkpoint)
{
  if (!*checkpoint) return;
  if ((*checkpoint)->comm != MPI_COMM_NULL) MPI_Comm_free(&(*checkpoint)->comm);
  free_local(checkpoint);
}

tame_status tame_checkpoint_look(const char *folder, int64_t network,
                                 tame_checkpoint_report *report)
{
  tame_checkpoint *c;
  *report = (tame_checkpoint_report){.slots = 0};
  tame_status status = begin(&c, MPI_COMM_NULL, folder, network);
  for (int k = 0; status == TAME_OK && k < SLOTS; k++) {
    struct stat there;
    if (stat(c->slots[k].path, &there) != 0) continue;
    report->slots++;
    report->bytes += (double)there.st_size;
    status = look_into(&c->slots[k], MPI_COMM_NULL);
    report->sound += c->slots[k].head.sequence > 0;
    if (!c->slots[k].damaged) continue;
    report->damaged++;
    snprintf(report->why, sizeof report->why, "%s", tame_message());
  }
  if (status == TAME_OK && newest(c)) report->about = newest(c)->head.about;
  free_local(&c);
  return status;
}
