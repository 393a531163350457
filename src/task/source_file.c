/* Source `file`: sequences of the user's own, from HDF5. Rank 0 reads slab by slab into memory that the
 * ranks of its node share, and sends each slab to one rank of every other node, into its place too: so
 * the ranks that load it together have one copy a node. */
#include "base/memory.h"
#include "tame/parallel.h"
#include "task/sequences.h"
#include "task/tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What was read. */
typedef struct sequences {
  tame_data_shape shape;
  uint64_t checksum;
  MPI_Win window;          /* of the node; MPI_WIN_NULL: none */
  double *x, *y, *elapsed; /* [samples][...], in the window */
} sequences;

typedef struct file_params {
  char *path, *x, *y, *time, *elapsed, *mask;
  double first_elapsed; /* NaN: not given */
  int64_t classes, network;
  tame_reals rows;
  sequences *data; /* owned; NULL: not loaded */
} file_params;

#define AT(member) .offset = offsetof(file_params, member)
static const tame_field fields[] = {
    {"path", TAME_STRING, AT(path), .doc = "HDF5, from the folder of the experiment file"},
    {"x", TAME_STRING, AT(x), .fallback = "x", .doc = "dataset [sample][step][input]"},
    {"y", TAME_STRING, AT(y), .fallback = "y",
     .doc =
         "dataset [sample][step][width] or [sample][step]; for one target a sequence [sample] or "
         "[sample][1]; NaN: no target; without a dataset y there are none"},
    {"time", TAME_STRING, AT(time), .fallback = "time",
     .doc = "dataset [sample][step] of time stamps, for cells that know the time between steps"},
    {"elapsed", TAME_STRING, AT(elapsed), .fallback = "elapsed",
     .doc = "dataset [sample][step] of times since the step before, instead"},
    {"first_elapsed", TAME_REAL, AT(first_elapsed), .fallback = "", .min = 1e-12, .max = 1e12,
     .doc = "with time stamps: time before the first step; default: 1"},
    {"mask", TAME_STRING, AT(mask), .fallback = "mask",
     .doc = "(as time and elapsed: if it is there, '' for not) dataset [sample][step], or [sample] "
            "for one target a sequence; 0: no target"},
    {"classes", TAME_INT, AT(classes), .fallback = "-1", .min = -1, .max = 1e9,
     .doc = "n: targets are classes 0 to n - 1; 0: they are numbers; -1: classes if y holds "
            "integers, one a step: as many as the largest of them says"},
    {"rows", TAME_REALS, AT(rows), .fallback = "", .max = 1e15,
     .doc = "[first, end): these samples only, from 0; default: all"},
    {"network", TAME_INT, AT(network), .fallback = "-1", .min = -1, .max = 1e15,
     .doc = "in a results file: whose arrays, by its index in the sweep; default -1: 0"},
    {0}};
#undef AT

/* ---- what to read ----------------------------------------------------------------------------- */

static bool given(const char *name)
{
  return name && *name;
}

static tame_status check_keys(const file_params *p, const char **key)
{
  const double *rows = p->rows.at;
  *key = "elapsed";
  const bool two = given(p->time) && given(p->elapsed) && strcmp(p->time, "time") != 0 &&
                   strcmp(p->elapsed, "elapsed") != 0;
  if (two)
    return tame_fail(TAME_ERR_INPUT, "found '%s', but time is given too; want one of them",
                     p->elapsed);
  *key = "first_elapsed";
  if (!given(p->time) && !isnan(p->first_elapsed))
    return tame_fail(TAME_ERR_INPUT, "found %g, but there are no time stamps", p->first_elapsed);
  *key = "x";
  if (!given(p->x)) return tame_fail(TAME_ERR_INPUT, "found nothing, want the name of a dataset");
  *key = "rows";
  if (p->rows.count == 0) return TAME_OK;
  if (p->rows.count != 2 || rows[0] != floor(rows[0]) || rows[1] != floor(rows[1]) ||
      !(rows[0] >= 0 && rows[0] < rows[1]))
    return tame_fail(TAME_ERR_INPUT, "want two whole numbers, [first, end) with 0 <= first < end");
  return TAME_OK;
}

static tame_sequences_wish wish_of(const file_params *p, const char *path)
{
  return (tame_sequences_wish){
      .path = path,
      .x = p->x,
      .y = p->y,
      .time = p->time,
      .elapsed = p->elapsed,
      .mask = p->mask,
      .first = p->rows.count ? (int64_t)p->rows.at[0] : 0,
      .end = p->rows.count ? (int64_t)p->rows.at[1] : -1,
      .network = p->network,
      .classes = p->classes,
      .first_elapsed = isnan(p->first_elapsed) ? 1 : p->first_elapsed,
  };
}

/* ---- memory that a node shares ---------------------------------------------------------------- */

/* The ranks of this node, and the first ranks of all nodes, on others MPI_COMM_NULL. */
typedef struct ranks {
  MPI_Comm all, node, leaders;
} ranks;

static ranks ranks_of(MPI_Comm comm)
{
  int node_rank, rank;
  ranks r = {.all = comm};
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &r.node);
  MPI_Comm_rank(r.node, &node_rank);
  MPI_Comm_split(comm, node_rank == 0 ? 0 : MPI_UNDEFINED, rank, &r.leaders);
  MPI_Comm_set_errhandler(r.node, MPI_ERRORS_RETURN);
  return r;
}

static void free_ranks(ranks *r)
{
  MPI_Comm_free(&r->node);
  if (r->leaders != MPI_COMM_NULL) MPI_Comm_free(&r->leaders);
}

static tame_status check_memory(const char *path, double bytes)
{
  const double available = (double)tame_memory_available(1);
  if (bytes <= available) return TAME_OK;
  return tame_fail(TAME_ERR_NOMEM, "no memory for '%s': found %.3g MB, want %.3g MB on each node",
                   path, available / 1e6, bytes / 1e6);
}

/* The window, and where things are in it. Collective. */
static tame_status share_memory(sequences *data, const ranks *r, const char *path)
{
  int rank, unit;
  double *at = NULL;
  const tame_data_shape *s = &data->shape;
  const int64_t x = s->samples * s->steps * s->inputs, y = s->samples * s->target_steps * s->width,
                elapsed = s->has_elapsed ? s->samples * s->steps : 0;
  const MPI_Aint size = (MPI_Aint)((x + y + elapsed) * (int64_t)sizeof *at);
  MPI_Aint found = 0;
  tame_status status = tame_agree(r->all, check_memory(path, (double)size));
  if (status != TAME_OK) return status;
  MPI_Comm_rank(r->node, &rank);
  if (MPI_Win_allocate_shared(rank == 0 ? size : 0, (int)sizeof *at, MPI_INFO_NULL, r->node, &at,
                              &data->window) != MPI_SUCCESS) {
    data->window = MPI_WIN_NULL;
    status = tame_fail(TAME_ERR_NOMEM, "no shared memory for '%s': want %.3g MB on each node", path,
                       (double)size / 1e6);
  }
  status = tame_agree(r->all, status);
  if (status != TAME_OK) return status;
  MPI_Win_shared_query(data->window, 0, &found, &unit, &at);
  data->x = at;
  data->y = at + x;
  data->elapsed = at + x + y;
  return TAME_OK;
}

static void discard(sequences **data)
{
  if (!*data) return;
  if ((*data)->window != MPI_WIN_NULL) MPI_Win_free(&(*data)->window);
  free(*data);
  *data = NULL;
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* A slab of an array whose samples have `size` numbers: from rank 0 to the other nodes, and its part of
 * the checksum. Collective over leaders. */
static void pass_on(sequences *data, MPI_Comm leaders, uint64_t seed, double *at, int64_t size,
                    int64_t first, int64_t count)
{
  MPI_Bcast(at + first * size, (int)(count * size), MPI_DOUBLE, 0, leaders);
  data->checksum += tame_checksum(seed, TAME_TYPE_F64, at + first * size, first * size,
                                  count * size);
}

/* All slabs, by rank 0 for the leaders. file: on rank 0. Collective over leaders. */
static tame_status read_slabs(sequences *data, tame_sequences_file *file, int64_t at_once,
                              MPI_Comm leaders, const char **key)
{
  int rank;
  const tame_data_shape *s = &data->shape;
  const int64_t x = s->steps * s->inputs, y = s->target_steps * s->width;
  const int64_t elapsed = s->has_elapsed ? s->steps : 0;
  MPI_Comm_rank(leaders, &rank);
  for (int64_t k = 0; k < s->samples; k += at_once) {
    const int64_t count = s->samples - k < at_once ? s->samples - k : at_once;
    tame_status status = TAME_OK;
    if (rank == 0)
      status = tame_sequences_read(file, k, count, data->x + k * x, data->y + k * y,
                                   data->elapsed + k * elapsed, key);
    int code = (int)status;
    MPI_Bcast(&code, 1, MPI_INT, 0, leaders);
    if (code != TAME_OK) return (tame_status)code;
    pass_on(data, leaders, 1, data->x, x, k, count);
    pass_on(data, leaders, 2, data->y, y, k, count);
    pass_on(data, leaders, 3, data->elapsed, elapsed, k, count);
  }
  return TAME_OK;
}

/* What rank 0 knows and others do not, before they can make room, and after all was read. */
typedef struct plan {
  tame_data_shape shape;
  int64_t at_once;
  uint64_t checksum;
} plan;

static tame_status make_room(sequences **out, const plan *found, const ranks *r, const char *path)
{
  sequences *data = tame_zeroed(1, sizeof *data, "sequences from a file");
  if (data) *data = (sequences){.shape = found->shape, .window = MPI_WIN_NULL};
  *out = data;
  const tame_status status = tame_agree(r->all, data ? TAME_OK : TAME_ERR_NOMEM);
  return status == TAME_OK ? share_memory(data, r, path) : status;
}

/* From the file, open on rank 0 and NULL on others, into shared memory. Collective. */
static tame_status fill(sequences **out, tame_sequences_file *file, plan *found, const ranks *r,
                        const char *path, const char **key)
{
  tame_status status = make_room(out, found, r, path);
  sequences *data = *out;
  if (status != TAME_OK) return status;
  MPI_Win_fence(0, data->window);
  if (r->leaders != MPI_COMM_NULL) status = read_slabs(data, file, found->at_once, r->leaders, key);
  MPI_Win_fence(0, data->window); /* what the first rank wrote, the others see */
  status = tame_agree(r->all, status);
  if (status != TAME_OK) return status;
  if (file) {
    const tame_data_shape *s = &found->shape;
    const int64_t lengths[] = {s->samples, s->steps, s->inputs, s->target_steps, s->width};
    found->checksum = data->checksum + tame_checksum(4, TAME_TYPE_I64, lengths, 0, 5);
    if (s->classes < 0) found->shape.classes = file->most < 0 ? 1 : file->most + 1;
  }
  MPI_Bcast(found, (int)sizeof *found, MPI_BYTE, 0, r->all);
  data->shape = found->shape;
  data->checksum = found->checksum;
  return TAME_OK;
}

static tame_status load(void *params, const char *folder, MPI_Comm comm, const char **key)
{
  file_params *p = params;
  tame_sequences_file file;
  plan found = {0};
  int rank;
  char path[4096];
  tame_array_path(folder, p->path, path, sizeof path);
  tame_status status = check_keys(p, key);
  if (status != TAME_OK) return status;
  MPI_Comm_rank(comm, &rank);
  const tame_sequences_wish wish = wish_of(p, path);
  if (rank == 0) {
    status = tame_sequences_open(&file, &wish, key);
    found = (plan){.shape = file.shape, .at_once = file.at_once};
  }
  status = tame_agree(comm, status);
  if (status == TAME_OK) {
    MPI_Bcast(&found, (int)sizeof found, MPI_BYTE, 0, comm);
    ranks r = ranks_of(comm);
    *key = "path";
    status = fill(&p->data, rank == 0 ? &file : NULL, &found, &r, path, key);
    if (status != TAME_OK) discard(&p->data);
    free_ranks(&r);
  }
  if (rank == 0) tame_sequences_close(&file);
  return status;
}

/* ---- the row ---------------------------------------------------------------------------------- */

static void unload(void *params)
{
  discard(&((file_params *)params)->data);
}

static uint64_t checksum(const void *params)
{
  const file_params *p = params;
  return p->data ? p->data->checksum : 0;
}

static tame_status shape(const void *params, tame_data_shape *out, const char **key)
{
  const file_params *p = params;
  *key = "path";
  if (!p->data) return tame_fail(TAME_ERR_INPUT, "'%s' is not read yet", p->path);
  *key = "";
  *out = p->data->shape;
  return TAME_OK;
}

static void draw(const void *params, const tame_draws *draws, double *x, double *target,
                 double *elapsed)
{
  const sequences *d = ((const file_params *)params)->data;
  const tame_data_shape *s = &d->shape;
  const int64_t inputs = s->steps * s->inputs, targets = s->target_steps * s->width;
  memcpy(x, d->x + draws->id * inputs, (size_t)inputs * sizeof *x);
  if (targets) memcpy(target, d->y + draws->id * targets, (size_t)targets * sizeof *target);
  if (s->has_elapsed && elapsed)
    memcpy(elapsed, d->elapsed + draws->id * s->steps, (size_t)s->steps * sizeof *elapsed);
}

extern const tame_source tame_source_file;
const tame_source tame_source_file = {
    .head = {.name = "file",
             .doc = "sequences of one's own: arrays of an HDF5 file, of results too",
             .params = {.size = sizeof(file_params), .fields = fields}},
    .shape = shape,
    .draw = draw,
    .load = load,
    .unload = unload,
    .checksum = checksum,
};
