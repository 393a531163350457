/* What will be in a file; see tame/store.h. */
#include "base/memory.h"
#include "tame/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more element; false without memory. */
static bool make_room(void **list, int64_t count, int64_t *room, size_t size)
{
  if (count < *room) return true;
  const int64_t more = *room ? 2 * *room : 64;
  void *bigger = tame_untouched(more, size, "the plan of a file");
  if (!bigger) return false;
  if (count) memcpy(bigger, *list, (size_t)count * size);
  free(*list);
  *list = bigger;
  *room = more;
  return true;
}

static void merge(tame_blueprint *b, tame_dataset *old, const tame_dataset *d)
{
  if (old->axes != d->axes || strcmp(old->dims, d->dims) != 0 ||
      (old->type != d->type && old->type > TAME_TYPE_F32)) {
    b->status = tame_fail(TAME_ERR_INPUT, "dataset %s is [%s] in one network, [%s] in another",
                          d->path, old->dims, d->dims);
    return;
  }
  for (int k = 0; k < d->axes; k++)
    if (d->shape[k] > old->shape[k]) old->shape[k] = d->shape[k];
  if (old->type != d->type) old->type = TAME_TYPE_F64; /* of floats and doubles */
  if (d->width > old->width) old->width = d->width;
  if (old->step_ms != d->step_ms) old->step_ms = NAN;
  if (old->start_ms != d->start_ms) old->start_ms = NAN;
}

void tame_blueprint_add(tame_blueprint *b, const tame_dataset *d)
{
  for (int64_t k = 0; k < b->n_sets; k++)
    if (strcmp(b->sets[k].path, d->path) == 0) {
      merge(b, &b->sets[k], d);
      return;
    }
  if (make_room((void **)&b->sets, b->n_sets, &b->set_room, sizeof *d)) b->sets[b->n_sets++] = *d;
  else b->status = TAME_ERR_NOMEM;
}

static void add_attribute(tame_blueprint *b, const tame_attribute *a)
{
  for (int64_t k = 0; k < b->n_attributes; k++) {
    tame_attribute *old = &b->attributes[k];
    if (strcmp(old->path, a->path) != 0 || strcmp(old->key, a->key) != 0) continue;
    if (old->number != a->number) old->number = NAN;
    return;
  }
  if (make_room((void **)&b->attributes, b->n_attributes, &b->attribute_room, sizeof *a))
    b->attributes[b->n_attributes++] = *a;
  else b->status = TAME_ERR_NOMEM;
}

static tame_attribute attribute(const char *path, const char *key)
{
  tame_attribute a = {.kind = TAME_ATTRIBUTE_TEXT};
  snprintf(a.path, sizeof a.path, "%s", path);
  snprintf(a.key, sizeof a.key, "%s", key);
  return a;
}

void tame_blueprint_text(tame_blueprint *b, const char *path, const char *key, const char *text)
{
  tame_attribute a = attribute(path, key);
  if (strlen(text) < sizeof a.text) snprintf(a.text, sizeof a.text, "%s", text);
  else a.longer = text;
  add_attribute(b, &a);
}

void tame_blueprint_number(tame_blueprint *b, const char *path, const char *key, double value)
{
  tame_attribute a = attribute(path, key);
  a.kind = TAME_ATTRIBUTE_NUMBER;
  a.number = value;
  add_attribute(b, &a);
}

void tame_blueprint_whole(tame_blueprint *b, const char *path, const char *key, int64_t value)
{
  tame_attribute a = attribute(path, key);
  a.kind = TAME_ATTRIBUTE_WHOLE;
  a.whole = value;
  add_attribute(b, &a);
}

/* A list of each rank, one after the other, on rank 0: *all owned by the caller. Collective. */
static tame_status gather_list(MPI_Comm comm, const void *own, int64_t bytes, char **all,
                               int64_t *total)
{
  int rank, size;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  int *counts = tame_zeroed(2 * size, sizeof *counts, "the plan of a file");
  const int mine = rank == 0 ? 0 : (int)bytes;
  *all = NULL;
  *total = 0;
  tame_status status = tame_agree(comm, counts ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) {
    MPI_Gather(&mine, 1, MPI_INT, counts, 1, MPI_INT, 0, comm);
    for (int k = 0; k < size; k++) {
      counts[size + k] = (int)*total;
      *total += counts[k];
    }
    *all = tame_untouched(*total, 1, "the plan of a file");
    status = tame_agree(comm, *all ? TAME_OK : TAME_ERR_NOMEM);
  }
  if (status == TAME_OK)
    MPI_Gatherv(own, mine, MPI_BYTE, *all, counts, counts + size, MPI_BYTE, 0, comm);
  free(counts);
  return status;
}

tame_status tame_blueprint_gather(tame_blueprint *b, MPI_Comm comm)
{
  int rank;
  char *sets = NULL, *attributes = NULL;
  int64_t set_bytes = 0, attribute_bytes = 0;
  MPI_Comm_rank(comm, &rank);
  tame_status status = tame_agree(comm, b->status);
  if (status == TAME_OK)
    status = gather_list(comm, b->sets, b->n_sets * (int64_t)sizeof *b->sets, &sets, &set_bytes);
  if (status == TAME_OK)
    status = gather_list(comm, b->attributes, b->n_attributes * (int64_t)sizeof *b->attributes,
                         &attributes, &attribute_bytes);
  if (status == TAME_OK && rank == 0) {
    for (int64_t at = 0; at < set_bytes; at += (int64_t)sizeof(tame_dataset))
      tame_blueprint_add(b, (const tame_dataset *)(const void *)(sets + at));
    for (int64_t at = 0; at < attribute_bytes; at += (int64_t)sizeof(tame_attribute)) {
      tame_attribute a = *(const tame_attribute *)(const void *)(attributes + at);
      a.longer = NULL;
      add_attribute(b, &a);
    }
    status = b->status;
  }
  free(sets);
  free(attributes);
  return tame_agree(comm, status);
}

void tame_blueprint_free(tame_blueprint *b)
{
  free(b->sets);
  free(b->attributes);
  *b = (tame_blueprint){0};
}
