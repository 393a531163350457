/* A run of all networks of an experiment: which, by how many ranks each, in what order; one file for all;
 * see tame/experiment.h. */
#include "base/memory.h"
#include "experiment/inside.h"
#include "experiment/plan.h"
#include "network/inside.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WHY = 256 /* of a message in the file */ };

typedef struct study {
  tame_experiment *e;
  const tame_run_options *options;
  MPI_Comm comm, group; /* group: owned */
  int rank, size, group_size;
  tame_layout layout;
  const char *path;
  char *folder;        /* of checkpoints */
  char from[PATH_MAX]; /* where paths of the experiment start */
  int64_t *ids;        /* of the chosen networks, ascending, [rows] */
  int64_t rows;
  double *cycles;       /* each network takes, [rows] */
  double a_step;        /* most cycles that a step takes */
  int fewest;           /* ranks that any network needs, for its memory */
  char (*refused)[WHY]; /* why it cannot run, [rows] */
  int64_t *order;       /* rows to be run, dearest first, [n_order] */
  int64_t n_order;
  tame_blueprint blueprint;
  tame_results *results;
  tame_queue *queue;
  double began, idle_from;
} study;

static double now(void)
{
  return MPI_Wtime();
}

__attribute__((format(printf, 2, 3))) static void note(const study *s, const char *format, ...)
{
  char line[1024];
  if (s->rank > 0 || !s->options->note) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  s->options->note(line, s->options->context);
}

static bool is_sweep(const study *s)
{
  return tame_experiment_networks(s->e) > 1;
}

/* ---- which networks --------------------------------------------------------------------------- */

/* Mark the networks of "3,17-20". */
static tame_status mark_only(const char *only, int64_t networks, char *wanted)
{
  const char *at = only;
  do {
    char *end;
    const bool digit = isdigit((unsigned char)*at);
    const long long first = strtoll(at, &end, 10);
    long long last = first;
    bool good = digit && end != at;
    if (good && *end == '-') {
      at = end + 1;
      good = isdigit((unsigned char)*at);
      last = strtoll(at, &end, 10);
    }
    if (!good || (*end != ',' && *end != '\0'))
      return tame_fail(TAME_ERR_INPUT, "--only %s: want indices and ranges of networks, as 3,17-20",
                       only);
    if (last < first)
      return tame_fail(TAME_ERR_INPUT, "--only %s: found %lld-%lld, want the lower index first",
                       only, first, last);
    if (last >= networks)
      return tame_fail(TAME_ERR_INPUT, "--only %s: found %lld-%lld, want networks from 0 to %lld",
                       only, first, last, (long long)networks - 1);
    memset(wanted + first, 1, (size_t)(last - first + 1));
    at = *end ? end + 1 : end;
  } while (*at);
  return TAME_OK;
}

/* The same on every rank. */
static tame_status choose(study *s)
{
  const tame_run_options *o = s->options;
  const int64_t networks = tame_experiment_networks(s->e);
  if (o->shards < 0 || (o->shards > 0 && (o->shard < 1 || o->shard > o->shards)))
    return tame_fail(TAME_ERR_INPUT, "--shard %lld/%lld: want I/N with 1 <= I <= N",
                     (long long)o->shard, (long long)o->shards);
  if (o->group > s->size)
    return tame_fail(TAME_ERR_INPUT, "--group: found %d, but there %s %d rank%s", o->group,
                     s->size == 1 ? "is" : "are", s->size, s->size == 1 ? "" : "s");
  char *wanted = tame_zeroed(networks, 1, "the list of networks");
  s->ids = tame_untouched(networks, sizeof *s->ids, "the list of networks");
  tame_status status = wanted && s->ids ? TAME_OK : TAME_ERR_NOMEM;
  if (status == TAME_OK && o->only) status = mark_only(o->only, networks, wanted);
  else if (status == TAME_OK) memset(wanted, 1, (size_t)networks);
  for (int64_t k = 0; status == TAME_OK && k < networks; k++)
    if (wanted[k] && (o->shards == 0 || k % o->shards == o->shard - 1)) s->ids[s->rows++] = k;
  if (status == TAME_OK && s->rows == 0)
    status = tame_fail(TAME_ERR_INPUT, "--shard %lld/%lld: leaves none of %lld network%s",
                       (long long)o->shard, (long long)o->shards, (long long)networks,
                       networks == 1 ? "" : "s");
  free(wanted);
  return status;
}

/* ---- networks --------------------------------------------------------------------------------- */

/* A network's own experiment; of the only one, that of the study, whose data are there already. */
static tame_status take_member(const study *s, int64_t row, MPI_Comm comm, tame_experiment **e)
{
  *e = s->e;
  return is_sweep(s) ? tame_experiment_member(e, s->e, s->ids[row], comm) : TAME_OK;
}

static void leave_member(const study *s, tame_experiment **e)
{
  if (*e != s->e) tame_experiment_free(e);
}

/* ---- a look at each --------------------------------------------------------------------------- */

/* Ranks for a network, if they are not to be chosen; else 0. */
static int ranks_given(const study *s)
{
  if (s->options->group > 0) return s->options->group;
  return s->rows == 1 ? s->size : 0;
}

/* Local: what a network will write, and take. A fault of its own is kept as its message. */
static tame_status look_at(study *s, int64_t row)
{
  tame_experiment *e;
  tame_status status = take_member(s, row, MPI_COMM_SELF, &e);
  if (status == TAME_ERR_INPUT) {
    snprintf(s->refused[row], WHY, "%s", tame_message());
    return TAME_OK;
  }
  if (status != TAME_OK) return status;
  tame_look look = {
      .layout = &s->layout, .given = ranks_given(s), .size = s->size, .blueprint = &s->blueprint};
  status = e->kind->look(e, &look);
  if (look.fewest > s->fewest) s->fewest = look.fewest;
  if (look.a_step > s->a_step) s->a_step = look.a_step;
  s->cycles[row] = look.cycles;
  leave_member(s, &e);
  return status == TAME_OK ? s->blueprint.status : status;
}

/* Each rank looks at some, then all know of all. Collective. */
static tame_status survey(study *s)
{
  s->cycles = tame_zeroed(s->rows, sizeof *s->cycles, "the list of networks");
  s->refused = tame_zeroed(s->rows, WHY, "the list of networks");
  tame_status status = s->cycles && s->refused ? TAME_OK : TAME_ERR_NOMEM;
  for (int64_t row = s->rank; status == TAME_OK && row < s->rows; row += s->size)
    status = look_at(s, row);
  status = tame_agree(s->comm, status);
  if (status != TAME_OK) return status;
  for (int64_t row = 0; row < s->rows; row += 1 << 20) { /* one has it, the others zeros */
    const int count = (int)(s->rows - row < 1 << 20 ? s->rows - row : 1 << 20);
    MPI_Allreduce(MPI_IN_PLACE, s->cycles + row, count, MPI_DOUBLE, MPI_SUM, s->comm);
    MPI_Allreduce(MPI_IN_PLACE, s->refused[row], count * WHY, MPI_BYTE, MPI_BOR, s->comm);
  }
  MPI_Allreduce(MPI_IN_PLACE, &s->a_step, 1, MPI_DOUBLE, MPI_MAX, s->comm);
  MPI_Allreduce(MPI_IN_PLACE, &s->fewest, 1, MPI_INT, MPI_MAX, s->comm);
  for (int64_t row = 0; row < s->rows; row++)
    if (!s->refused[row][0]) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "%s%s", s->rows > 1 ? "no network can run; the first: " : "",
                   s->refused[0]);
}

/* ---- the file ------------------------------------------------------------------------------------ */

static void add(study *s, const char *path, tame_type type, int64_t width, const char *units)
{
  tame_dataset d = {.type = type, .width = width, .axes = 1, .shape = {1}, .dims = "network"};
  snprintf(d.path, sizeof d.path, "%s", path);
  snprintf(d.units, sizeof d.units, "%s", units);
  tame_blueprint_add(&s->blueprint, &d);
}

/* Names of swept keys may be longer than a path, and hold a slash. */
static void coordinate_path(const study *s, int64_t c, char path[TAME_PATH])
{
  snprintf(path, TAME_PATH, "sweep/%s", tame_sweep_name(s->e, c));
  for (char *at = path + 6; *at; at++)
    if (*at == '/') *at = '|';
}

static int64_t widest(const study *s, int64_t c)
{
  size_t width = 1;
  for (int64_t row = 0; row < s->rows; row++) {
    const size_t length = strlen(tame_sweep_text(s->e, c, s->ids[row]));
    if (length > width) width = length;
  }
  return (int64_t)width;
}

static void plan_sweep(study *s, char *keys, size_t size)
{
  for (int64_t c = 0; c < tame_sweep_coordinates(s->e); c++) {
    char path[TAME_PATH];
    const bool number = tame_sweep_numeric(s->e, c);
    coordinate_path(s, c, path);
    const size_t length = strlen(path);
    const bool ms = length > 3 && strcmp(path + length - 3, "_ms") == 0;
    add(s, path, number ? TAME_TYPE_F64 : TAME_TYPE_TEXT, number ? 0 : widest(s, c),
        ms ? "ms" : "1");
    const size_t used = strlen(keys);
    snprintf(keys + used, size - used, "%s%s", used ? "," : "", path + 6);
  }
  if (*keys) tame_blueprint_text(&s->blueprint, "sweep", "keys", keys);
  const char *reference = tame_sweep_reference(s->e);
  if (reference) tame_blueprint_text(&s->blueprint, "sweep", "reference", reference);
}

/* What there is once, and once for each network; rows of all. Rank 0. */
static void plan_whole(study *s, char *keys, size_t size)
{
  tame_blueprint *b = &s->blueprint;
  char started[32];
  tame_utc(started);
  add(s, "network", TAME_TYPE_I64, 0, "1");
  add(s, "state", TAME_TYPE_U8, 0, "1");
  add(s, "message", TAME_TYPE_TEXT, WHY, "1");
  static const char *const numbers[][2] = {{"progress", "1"},     {"loss", "1"},
                                           {"wall_s", "s"},       {"ranks", "1"},
                                           {"threads", "1"},      {"checkpoints", "1"},
                                           {"checkpoint_s", "s"}, {"checkpoint_mb", "MB"}};
  for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
    char path[TAME_PATH];
    snprintf(path, sizeof path, "run/%s", numbers[k][0]);
    add(s, path, TAME_TYPE_F64, 0, numbers[k][1]);
  }
  add(s, "run/started", TAME_TYPE_TEXT, 24, "1");
  add(s, "run/finished", TAME_TYPE_TEXT, 24, "1");
  plan_sweep(s, keys, size);
  for (int64_t k = 0; k < b->n_sets; k++)
    b->sets[k].shape[0] = s->e->kind->shares(s->e, b->sets[k].path) ? 1 : s->rows;
  tame_blueprint_text(b, "/", "format", "tame-results");
  tame_blueprint_whole(b, "/", "format_version", 2);
  tame_blueprint_text(b, "/", "name", tame_experiment_name(s->e));
  tame_blueprint_text(b, "/", "experiment", tame_experiment_text(s->e));
  tame_blueprint_whole(b, "/", "networks", s->rows);
  tame_blueprint_text(b, "/", "tame_version", tame_version());
  tame_blueprint_text(b, "/", "tame_commit", tame_commit());
  const tame_kernels *kernels = tame_kernels_pick(TAME_DOUBLE);
  tame_blueprint_text(b, "/", "kernels", kernels ? kernels->name : "?");
  tame_blueprint_whole(b, "/", "ranks", s->layout.ranks);
  tame_blueprint_whole(b, "/", "threads", s->layout.threads);
  tame_blueprint_whole(b, "/", "nodes", s->layout.nodes);
  tame_blueprint_text(b, "/", "started", started);
  if (realpath(s->e->source.folder, s->from)) tame_blueprint_text(b, "/", "folder", s->from);
  tame_blueprint_text(b, "state", "meaning", "0 waiting, 1 running, 2 done, 3 failed");
}

static tame_status put_coordinate(study *s, int64_t row, int64_t c)
{
  char path[TAME_PATH];
  coordinate_path(s, c, path);
  if (tame_sweep_numeric(s->e, c)) {
    const double value = tame_sweep_number(s->e, c, s->ids[row]);
    return tame_results_write(s->results, path, TAME_TYPE_F64, &row, (int64_t[]){1}, &value);
  }
  return tame_member_put_text(s->results, path, row, tame_sweep_text(s->e, c, s->ids[row]));
}

static tame_status put_states(study *s, int64_t row)
{
  const int64_t one = 1;
  const uint8_t state = s->refused[row][0] ? TAME_NETWORK_FAILED : TAME_NETWORK_WAITING;
  tame_status status = tame_results_write(s->results, "network", TAME_TYPE_I64, &row, &one,
                                          &s->ids[row]);
  for (int64_t c = 0; status == TAME_OK && c < tame_sweep_coordinates(s->e); c++)
    status = put_coordinate(s, row, c);
  if (status == TAME_OK && s->refused[row][0])
    status = tame_member_put_text(s->results, "message", row, s->refused[row]);
  if (status != TAME_OK) return status;
  return tame_results_write(s->results, "state", TAME_TYPE_U8, &row, &one, &state);
}

/* What is known before anything runs. Rank 0. */
static tame_status put_beginning(study *s)
{
  tame_status status = TAME_OK;
  int64_t first = -1;
  for (int64_t row = 0; status == TAME_OK && row < s->rows; row++) {
    status = put_states(s, row);
    if (first < 0 && !s->refused[row][0]) first = row;
  }
  tame_experiment *e = NULL;
  if (status == TAME_OK) status = take_member(s, first, MPI_COMM_SELF, &e);
  if (status == TAME_OK) status = s->e->kind->put_common(s->e, e, s->results);
  leave_member(s, &e);
  return status == TAME_OK ? tame_results_sync(s->results) : status;
}

static tame_status create(study *s)
{
  char *keys = tame_zeroed(1, 1 << 16, "the swept keys");
  tame_status status = tame_agree(s->comm, keys ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) status = tame_blueprint_gather(&s->blueprint, s->comm);
  if (status == TAME_OK && s->rank == 0) plan_whole(s, keys, 1 << 16);
  if (status == TAME_OK) status = tame_agree(s->comm, s->blueprint.status);
  if (status == TAME_OK)
    status = tame_results_create(&s->results, s->comm, s->path, s->options->force, &s->blueprint,
                                 is_sweep(s) || s->e->kind->keeps_failed);
  if (status == TAME_OK) {
    status = tame_agree(s->comm, s->rank == 0 ? put_beginning(s) : TAME_OK);
    /* What an earlier run has left must not be taken for ours. */
    if (status == TAME_OK && s->rank == 0) tame_checkpoint_clear(s->folder);
    if (status == TAME_OK) status = tame_results_begin(s->results);
    if (status != TAME_OK) tame_results_abandon(&s->results);
  }
  free(keys);
  return status;
}

/* Are the networks of the file those that were chosen? */
static tame_status check_choice(study *s, const int64_t *ids, int64_t rows)
{
  const tame_run_options *o = s->options;
  const int64_t networks = tame_experiment_networks(s->e);
  bool same = rows == s->rows;
  for (int64_t k = 0; k < rows; k++)
    if (ids[k] < 0 || ids[k] >= networks || (k > 0 && ids[k] <= ids[k - 1]))
      return tame_fail(TAME_ERR_IO, "'%s.partial' is damaged: its row %lld is of network %lld",
                       s->path, (long long)k, (long long)ids[k]);
  for (int64_t k = 0; same && k < rows; k++) same = ids[k] == s->ids[k];
  if (same) return TAME_OK;
  if (o->only || o->shards)
    return tame_fail(TAME_ERR_INPUT,
                     "--resume: '%s.partial' holds other networks than --only or --shard chooses; "
                     "leave these out",
                     s->path);
  free(s->ids);
  s->ids = tame_untouched(rows, sizeof *s->ids, "the list of networks");
  if (!s->ids) return TAME_ERR_NOMEM;
  memcpy(s->ids, ids, (size_t)rows * sizeof *ids);
  s->rows = rows;
  return TAME_OK;
}

/* Other instructions give other bits, and so may another program. */
static tame_status check_origin(const study *s, const tame_origin *origin)
{
  const char *here = tame_kernels_pick(TAME_DOUBLE)->name;
  const tame_status status = tame_experiment_same(s->e, origin->experiment);
  if (status != TAME_OK) return status;
  if (strcmp(origin->commit, tame_commit()) != 0)
    note(s, "warning: begun by tame of commit %s, and this is %s: the bits may differ",
         origin->commit, tame_commit());
  if (strcmp(origin->kernels, here) == 0) return TAME_OK;
  return tame_fail(
      TAME_ERR_INPUT,
      "--resume: the run began with kernels %s, and here they are %s, whose bits differ: "
      "TAME_KERNEL=%s, or a processor that has them",
      origin->kernels, here, origin->kernels);
}

/* Are the signals of a network those that its row was begun with? A file of theirs may have changed. Rank 0. */
static tame_status check_signals(const study *s, int64_t row)
{
  tame_experiment *e = NULL;
  tame_status status = take_member(s, row, MPI_COMM_SELF, &e);
  if (status == TAME_ERR_INPUT) return TAME_OK; /* it will be said when its turn comes */
  if (status == TAME_OK)
    status = e->kind->same(e, s->results, s->e->kind->shares(s->e, e->kind->common) ? 0 : row);
  leave_member(s, &e);
  return status;
}

/* The networks that have begun, or one of them for all. Rank 0. */
static tame_status check_all_signals(const study *s)
{
  const bool shared = s->e->kind->shares(s->e, s->e->kind->common);
  uint8_t *states = tame_zeroed(s->rows, 1, "the states of networks");
  const int64_t start[TAME_AXES] = {0}, count[TAME_AXES] = {s->rows};
  tame_status status = states ? TAME_OK : TAME_ERR_NOMEM;
  if (status == TAME_OK) status = tame_results_read(s->results, "state", start, count, states);
  for (int64_t row = 0; status == TAME_OK && row < s->rows; row++) {
    const bool can = states[row] != TAME_NETWORK_FAILED;
    if (can && (shared || states[row] == TAME_NETWORK_RUNNING)) status = check_signals(s, row);
    if (can && shared) break;
  }
  free(states);
  return status;
}

/* Open what another run has left; its networks are ours. Collective. */
static tame_status resume(study *s)
{
  tame_origin origin;
  int64_t shape[TAME_AXES] = {0}, start[TAME_AXES] = {0};
  tame_status status = tame_results_resume(&s->results, s->comm, s->path, s->options->force,
                                           &origin);
  if (status == TAME_OK) status = check_origin(s, &origin);
  if (status == TAME_OK && tame_results_shape(s->results, "network", shape) != 1)
    status = tame_fail(TAME_ERR_IO, "'%s.partial' is damaged: it has no list of networks", s->path);
  int64_t *ids = status == TAME_OK ? tame_untouched(shape[0], sizeof *ids, "the list of networks")
                                   : NULL;
  if (status == TAME_OK && !ids) status = TAME_ERR_NOMEM;
  if (status == TAME_OK) status = tame_results_read(s->results, "network", start, shape, ids);
  if (status == TAME_OK) status = check_choice(s, ids, shape[0]);
  if (status == TAME_OK && s->rank == 0) status = check_all_signals(s);
  free(ids);
  tame_origin_free(&origin);
  return tame_agree(s->comm, status);
}

/* ---- layout ------------------------------------------------------------------------------------- */

static void divide(study *s)
{
  const int given = ranks_given(s), fewest = s->fewest > 1 ? s->fewest : 1;
  s->group_size = given ? given : tame_plan_group(fewest, s->size, s->rows, s->cycles, s->a_step);
  const int groups = s->size / s->group_size;
  const int mine = s->rank / s->group_size;
  MPI_Comm_split(s->comm, mine < groups ? mine : groups - 1, s->rank, &s->group);
}

static const double *sorting; /* qsort has no context */

static int by_cost(const void *a, const void *b)
{
  const int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
  if (sorting[i] != sorting[j]) return sorting[i] > sorting[j] ? -1 : 1;
  return (i > j) - (i < j);
}

/* What is left to do, dearest first; the same on every rank. Local. */
static tame_status arrange(study *s)
{
  uint8_t *states = tame_zeroed(s->rows, 1, "the states of networks");
  const int64_t start[TAME_AXES] = {0}, count[TAME_AXES] = {s->rows};
  s->order = tame_untouched(s->rows, sizeof *s->order, "the order of networks");
  tame_status status = states && s->order ? TAME_OK : TAME_ERR_NOMEM;
  if (status == TAME_OK) status = tame_results_read(s->results, "state", start, count, states);
  for (int64_t row = 0; status == TAME_OK && row < s->rows; row++)
    if (states[row] == TAME_NETWORK_WAITING || states[row] == TAME_NETWORK_RUNNING)
      s->order[s->n_order++] = row;
  sorting = s->cycles;
  if (status == TAME_OK) qsort(s->order, (size_t)s->n_order, sizeof *s->order, by_cost);
  free(states);
  return status;
}

static void tell(const study *s)
{
  const tame_layout *l = &s->layout;
  const int groups = s->size / s->group_size;
  int64_t refused = 0;
  for (int64_t row = 0; row < s->rows; row++) refused += s->refused[row][0] != 0;
  if (!is_sweep(s)) return;
  note(s, "%s: %lld networks, %lld to run; %d group%s of %d rank%s x %d thread%s on %d node%s",
       tame_experiment_name(s->e), (long long)s->rows, (long long)s->n_order, groups,
       groups == 1 ? "" : "s", s->group_size, s->group_size == 1 ? "" : "s", l->threads,
       l->threads == 1 ? "" : "s", l->nodes, l->nodes == 1 ? "" : "s");
  for (int64_t row = 0, told = 0; row < s->rows && told < 5; row++)
    if (s->refused[row][0]) note(s, "warning: %s, so it cannot run", s->refused[row]), told++;
  const int useful = tame_threads_for(s->a_step);
  if (s->size == 1 && useful < l->threads && s->n_order > 1)
    note(s, "networks this small use %d of %d threads: `mpirun -n %d` would run as many at a time",
         useful, l->threads, l->threads / useful);
  if (refused > 5) note(s, "warning: ... and %lld more cannot run", (long long)refused - 5);
  if (l->oversubscribed)
    note(s,
         "warning: more threads than cores: %d rank%s x %d thread%s share %d core%s of a node; "
         "expect it to be slow",
         l->ranks_on_node, l->ranks_on_node == 1 ? "" : "s", l->threads, l->threads == 1 ? "" : "s",
         l->cores_on_node, l->cores_on_node == 1 ? "" : "s");
}

/* ---- running ------------------------------------------------------------------------------------ */

/* A network that could be at the start but cannot be now, as a file of its has gone, say. Collective over the
 * group. */
static tame_status mark_refused(study *s, int64_t row)
{
  const uint8_t state = TAME_NETWORK_FAILED;
  char why[WHY];
  int rank;
  MPI_Comm_rank(s->group, &rank);
  snprintf(why, sizeof why, "%s", tame_message());
  tame_status status = TAME_OK;
  if (rank == 0) status = tame_member_put_text(s->results, "message", row, why);
  if (rank == 0 && status == TAME_OK)
    status = tame_results_write(s->results, "state", TAME_TYPE_U8, &row, (int64_t[]){1}, &state);
  status = tame_agree(s->group, status);
  return status == TAME_OK ? tame_fail(TAME_ERR_INPUT, "%s", why) : status;
}

static tame_status run_one(study *s, int64_t row, const tame_run_options *options, double stop_at)
{
  tame_experiment *e;
  tame_status status = take_member(s, row, s->group, &e);
  if (status == TAME_ERR_INPUT) return mark_refused(s, row);
  if (status != TAME_OK) return status;
  tame_member m = {.e = e,
                   .network = s->ids[row],
                   .row = row,
                   .comm = s->group,
                   .layout = s->layout,
                   .results = s->results,
                   .queue = s->queue,
                   .options = options,
                   .folder = s->folder,
                   .fresh = !s->options->resume,
                   .tell_layout = !is_sweep(s),
                   .study = s->e,
                   .networks = s->rows,
                   .stop_at = stop_at};
  status = e->kind->run(&m);
  leave_member(s, &e);
  return status;
}

/* Take networks from the queue until there are no more, or all must stop. Collective. */
static tame_status run_all(study *s)
{
  tame_run_options options = *s->options;
  int in_first = s->rank == 0; /* the group of rank 0 tells how it goes */
  MPI_Bcast(&in_first, 1, MPI_INT, 0, s->group);
  if (!in_first) options.progress = NULL;
  const double stop_at = options.deadline > 0 ? now() + (options.deadline - (double)time(NULL)) -
                                                    options.grace_seconds
                                              : INFINITY;
  tame_status status = TAME_OK, own = TAME_OK;
  int64_t item;
  while (status == TAME_OK && (item = tame_queue_next(s->queue)) >= 0) {
    own = run_one(s, s->order[item], &options, stop_at);
    const bool its_own = own == TAME_ERR_INPUT || own == TAME_ERR_NUMERIC;
    if (own != TAME_OK && !(its_own && is_sweep(s))) status = own;
    if (status != TAME_OK) tame_queue_stop(s->queue, (int)status);
  }
  s->idle_from = now();
  const int stop = tame_queue_close(s->queue);
  status = tame_agree(s->comm, status);
  const tame_status worse = tame_agree(s->comm,
                                       own == TAME_ERR_NOMEM || own == TAME_ERR_IO ? own : TAME_OK);
  if (worse != TAME_OK) return worse;
  return status == TAME_OK && stop ? TAME_STOPPED : status;
}

/* Time that ranks have waited for the last ones. Collective. */
static void tell_idle(const study *s)
{
  double sums[2] = {now() - s->idle_from, now() - s->began};
  MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, s->comm);
  if (is_sweep(s) && s->size / s->group_size > 1)
    note(s, "ranks waited at the end for %.1f %% of the time", 100 * sums[0] / sums[1]);
}

/* All networks have ended. Collective. */
static tame_status finish(study *s)
{
  uint8_t *states = tame_zeroed(s->rows, 1, "the states of networks");
  const int64_t start[TAME_AXES] = {0}, count[TAME_AXES] = {s->rows};
  tame_status status = states ? TAME_OK : TAME_ERR_NOMEM;
  if (status == TAME_OK) status = tame_results_read(s->results, "state", start, count, states);
  int64_t failed = 0;
  for (int64_t row = 0; status == TAME_OK && row < s->rows; row++)
    failed += states[row] == TAME_NETWORK_FAILED;
  free(states);
  status = tame_agree(s->comm, status);
  if (status == TAME_OK && s->rank == 0) tame_checkpoint_clear(s->folder);
  if (status == TAME_OK) status = tame_results_finish(&s->results);
  if (status == TAME_OK && failed)
    status = tame_fail(TAME_ERR_PART, "%lld of %lld networks failed; `tame info %s` says why",
                       (long long)failed, (long long)s->rows, s->path);
  return status;
}

/* Had the only network begun when it failed? The same on every rank. Collective. */
static bool has_begun(const study *s)
{
  const int64_t start[TAME_AXES] = {0}, one[TAME_AXES] = {1};
  char when[64] = "";
  if (s->rank == 0 && s->results && !is_sweep(s) &&
      tame_results_width(s->results, "run/started") < (int64_t)sizeof when)
    (void)tame_results_read(s->results, "run/started", start, one, when);
  MPI_Bcast(when, 1, MPI_CHAR, 0, s->comm);
  return when[0] != '\0';
}

/* The only network has failed, and what it has written is of use. Collective. */
static tame_status keep_failed(study *s, tame_status failure)
{
  char why[1024];
  snprintf(why, sizeof why, "%s", tame_message());
  const tame_status status = tame_results_finish(&s->results);
  if (status != TAME_OK) return status;
  return tame_fail(failure, "%s; '%s' has what came before", why, s->path);
}

/* By what, as far as this rank knows. */
static const char *stopped_by(const study *s)
{
  const tame_run_options *o = s->options;
  if (o->stop && *o->stop) return strsignal(*o->stop);
  return o->deadline > 0 && (double)time(NULL) + o->grace_seconds >= o->deadline - 1
             ? "the time limit"
             : "another rank";
}

static tame_status stopped(const study *s)
{
  uint8_t *states = tame_zeroed(s->rows, 1, "the states of networks");
  const int64_t start[TAME_AXES] = {0}, count[TAME_AXES] = {s->rows};
  int64_t done = 0, failed = 0;
  char also[48] = "";
  if (states && tame_results_read(s->results, "state", start, count, states) == TAME_OK)
    for (int64_t row = 0; row < s->rows; row++) {
      done += states[row] == TAME_NETWORK_DONE;
      failed += states[row] == TAME_NETWORK_FAILED;
    }
  free(states);
  if (failed) snprintf(also, sizeof also, ", %lld failed", (long long)failed);
  return tame_fail(TAME_STOPPED, "stopped by %s, %lld of %lld network%s done%s; --resume goes on",
                   stopped_by(s), (long long)done, (long long)s->rows, s->rows == 1 ? "" : "s",
                   also);
}

/* Is there anything to go on with? The same on every rank. Collective. */
static bool worth_keeping(const study *s)
{
  uint8_t *states = tame_zeroed(s->rows, 1, "the states of networks");
  const int64_t start[TAME_AXES] = {0}, count[TAME_AXES] = {s->rows};
  int kept = s->options->resume || access(s->folder, F_OK) == 0;
  if (states && s->results &&
      tame_results_read(s->results, "state", start, count, states) == TAME_OK)
    for (int64_t row = 0; row < s->rows; row++) kept |= states[row] == TAME_NETWORK_DONE;
  free(states);
  MPI_Bcast(&kept, 1, MPI_INT, 0, s->comm);
  return kept != 0;
}

/* Everything until the first network runs. Collective. */
static tame_status prepare(study *s)
{
  const size_t size = strlen(s->path) + 16;
  s->folder = tame_zeroed((int64_t)size, 1, "a file name");
  if (s->folder) snprintf(s->folder, size, "%s.checkpoints", s->path);
  tame_status status = s->folder ? tame_kernels_check() : TAME_ERR_NOMEM;
  if (status == TAME_OK) status = choose(s);
  status = tame_agree(s->comm, status);
  if (status == TAME_OK && s->options->resume) status = resume(s);
  else if (status == TAME_OK) status = tame_results_may_write(s->comm, s->path, s->options->force);
  if (status == TAME_OK) status = survey(s);
  if (status == TAME_OK) divide(s);
  if (status == TAME_OK && !s->options->resume) status = create(s);
  if (status == TAME_OK) status = tame_agree(s->comm, arrange(s));
  if (status == TAME_OK) status = tame_queue_create(&s->queue, s->comm, s->group, s->n_order);
  return status;
}

static void release(study *s)
{
  tame_queue_free(&s->queue);
  tame_results_leave(&s->results);
  tame_blueprint_free(&s->blueprint);
  if (s->group != MPI_COMM_NULL) MPI_Comm_free(&s->group);
  free(s->folder);
  free(s->ids);
  free(s->cycles);
  free(s->refused);
  free(s->order);
}

tame_status tame_experiment_run(tame_experiment *e, MPI_Comm comm, const tame_run_options *options)
{
  study s = {.e = e,
             .options = options,
             .comm = comm,
             .group = MPI_COMM_NULL,
             .path = options->output ? options->output : e->results,
             .began = now()};
  MPI_Comm_rank(comm, &s.rank);
  MPI_Comm_size(comm, &s.size);
  tame_layout_find(comm, &s.layout);
  tame_status status = prepare(&s);
  if (status == TAME_OK) {
    tell(&s);
    status = run_all(&s);
    tell_idle(&s);
    if (status == TAME_OK) status = finish(&s);
    else if (status == TAME_STOPPED) status = stopped(&s);
    const bool own = (status == TAME_ERR_INPUT && !options->resume) || status == TAME_ERR_NUMERIC;
    if (own && e->kind->keeps_failed && has_begun(&s)) status = keep_failed(&s, status);
    const bool world = status == TAME_ERR_NOMEM || status == TAME_ERR_IO;
    if (own || (world && !worth_keeping(&s))) tame_results_abandon(&s.results);
    if (own && s.rank == 0) tame_checkpoint_clear(s.folder);
  }
  release(&s);
  return status;
}
