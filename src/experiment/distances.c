/* How far the solutions of a sweep's networks are apart: from what a test has recorded of a layer's outputs, for all
 * pairs, which the ranks share out; see tame/experiment.h. */
#include "base/memory.h"
#include "experiment/inside.h"
#include "kernels/kernels.h"
#include "tame/distance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct tame_distances_request request;

typedef struct comparing {
  const request *q;
  MPI_Comm comm;
  int rank, ranks;
  tame_layout layout;
  char started[32];
  tame_archive *archive;
  char phase[TAME_PATH], data[TAME_PATH], layer[TAME_PATH]; /* that is compared */
  char path[TAME_PATH], inputs[TAME_PATH];                  /* of its outputs, of what it heard */
  int64_t networks, shape[TAME_AXES];                       /* [network, sample, step, unit] */
  double *ids, *units; /* [networks]; units 0: it failed, or has none */
  int64_t first;       /* network with signals; -1: none yet */
  uint64_t heard;      /* checksum of its inputs */
  tame_solution *signals;
  tame_partition pairs;
  double *own;           /* of this rank's pairs: cka, overlap */
  double *cka, *overlap; /* [networks][networks] */
  char *keys;            /* that are swept, or NULL */
} comparing;

/* ---- what is compared -------------------------------------------------------------------------- */

/* "A/B/C..."; false: it is too long. */
static bool join(char path[TAME_PATH], const char *a, const char *b, const char *c, const char *d)
{
  const int length = snprintf(path, TAME_PATH, "%s/%s%s%s%s%s", a, b, *c ? "/" : "", c,
                              *d ? "/" : "", d);
  return length < TAME_PATH;
}

/* The first layer, or that which is asked for, that a phase has outputs of. */
static bool find_outputs(comparing *c, const char *phase)
{
  char group[TAME_PATH], outputs[TAME_PATH];
  if (!join(group, "phases", phase, "", "")) return false;
  for (int64_t d = 0; tame_archive_child(c->archive, group, d, c->data); d++) {
    if (!join(outputs, "phases", phase, c->data, "outputs") ||
        !tame_archive_has(c->archive, outputs))
      continue;
    for (int64_t l = 0; tame_archive_child(c->archive, outputs, l, c->layer); l++) {
      if (c->q->layer && strcmp(c->layer, c->q->layer) != 0) continue;
      snprintf(c->phase, sizeof c->phase, "%s", phase);
      return join(c->path, outputs, c->layer, "", "") &&
             join(c->inputs, "phases", phase, c->data, "x");
    }
  }
  return false;
}

/* Name of the phase that came k-th. */
static bool phase_at(const comparing *c, int64_t k, char name[TAME_PATH])
{
  char path[TAME_PATH];
  for (int64_t i = 0; tame_archive_child(c->archive, "phases", i, name); i++)
    if (join(path, "phases", name, "", "") && tame_archive_whole(c->archive, path, "index") == k)
      return true;
  return false;
}

/* The phase that is asked for, or the first one that recorded outputs. */
static tame_status choose(comparing *c)
{
  char name[TAME_PATH], group[TAME_PATH];
  const request *q = c->q;
  if (q->phase) {
    if (!join(group, "phases", q->phase, "", "") || !tame_archive_has(c->archive, group))
      return tame_fail(TAME_ERR_INPUT, "'%s' has no phase '%s'", q->results, q->phase);
    if (find_outputs(c, q->phase)) return TAME_OK;
  }
  for (int64_t k = 0; !q->phase && phase_at(c, k, name); k++)
    if (find_outputs(c, name)) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT,
                   "'%s' has no outputs of %s%s%s%s: want a test with states: on, and a layer but "
                   "the last",
                   q->results, q->layer ? "layer " : "any layer", q->layer ? q->layer : "",
                   q->phase ? " in phase " : "", q->phase ? q->phase : "");
}

/* Is the file that is read also the one that would be written? Rank 0. */
static tame_status check_files(const comparing *c)
{
  struct stat in, out;
  if (c->rank > 0 || stat(c->q->results, &in) != 0 || stat(c->q->output, &out) != 0 ||
      in.st_dev != out.st_dev || in.st_ino != out.st_ino)
    return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "'%s' is to be read, want another file for the distances",
                   c->q->output);
}

static int64_t rows_of(const comparing *c)
{
  return c->shape[1] * c->shape[2];
}

/* Units that a network has: columns but for the NaN at the end, by which smaller ones are padded. */
static int64_t units_of(const comparing *c, const double *x)
{
  int64_t units = c->shape[3];
  while (units > 0 && isnan(x[units - 1])) units--;
  return units;
}

/* The checksum of what a network heard; 0: it is not known. */
static tame_status read_inputs(const comparing *c, int64_t k, uint64_t *sum)
{
  int64_t shape[TAME_AXES], width, count = 1;
  const int axes = tame_archive_shape(c->archive, c->inputs, shape, &width);
  *sum = 0;
  for (int a = 1; a < axes; a++) count *= shape[a];
  if (axes == 0) return TAME_OK;
  double *x = tame_untouched(count, sizeof *x, "recorded inputs");
  const tame_status status = x ? tame_archive_read(c->archive, c->inputs, k, x) : TAME_ERR_NOMEM;
  if (status == TAME_OK) *sum = tame_checksum(1, TAME_TYPE_F64, x, 0, count);
  free(x);
  return status;
}

/* Samples must be the same. */
static tame_status check_inputs(comparing *c, int64_t k)
{
  uint64_t sum;
  const tame_status status = read_inputs(c, k, &sum);
  if (status != TAME_OK) return status;
  if (c->first < 0) c->first = k, c->heard = sum;
  if (sum == c->heard) return TAME_OK;
  return tame_fail(
      TAME_ERR_INPUT,
      "'%s': %s of networks %g and %g differ: want the same samples, in the same order",
      c->q->results, c->inputs, c->ids[c->first], c->ids[k]);
}

static tame_status read_signals(comparing *c, int64_t k, double *x)
{
  double state;
  const int64_t rows = rows_of(c), all = c->shape[3];
  tame_status status = tame_archive_read(c->archive, "state", k, &state);
  if (status == TAME_OK) status = tame_archive_read(c->archive, "network", k, &c->ids[k]);
  if (status != TAME_OK || state != TAME_NETWORK_DONE) return status;
  status = tame_archive_read(c->archive, c->path, k, x);
  const int64_t units = units_of(c, x);
  if (status == TAME_OK && units > 0) status = check_inputs(c, k);
  if (status != TAME_OK || units == 0) return status;
  for (int64_t i = 0; i < rows; i++) memmove(x + i * units, x + i * all, (size_t)units * sizeof *x);
  c->units[k] = (double)units;
  status = tame_solution_create(&c->signals[k], rows, units, x, c->q->share);
  if (status == TAME_ERR_NUMERIC)
    return tame_fail(TAME_ERR_INPUT,
                     "'%s': %s of network %g is not finite all over: samples of different lengths, "
                     "in a sweep of data?",
                     c->q->results, c->path, c->ids[k]);
  return status;
}

/* All of them, on each rank. */
static tame_status read_all(comparing *c)
{
  int64_t width;
  if (tame_archive_shape(c->archive, c->path, c->shape, &width) != 4)
    return tame_fail(TAME_ERR_INPUT, "'%s': %s is not [network, sample, step, unit]", c->q->results,
                     c->path);
  c->networks = c->shape[0];
  c->first = -1;
  const double n = (double)c->networks;
  const double need = n * tame_solution_bytes(rows_of(c), c->shape[3]) + 32 * n * n,
               room = (double)tame_memory_available(c->layout.ranks_on_node);
  if (need > room)
    return tame_fail(TAME_ERR_NOMEM,
                     "%lld networks of %lld samples and steps take %.3g MB on a rank, and %.3g MB "
                     "are free: fewer samples (record), or fewer ranks on a node",
                     (long long)c->networks, (long long)rows_of(c), need / 1e6, room / 1e6);
  c->ids = tame_zeroed(c->networks, sizeof *c->ids, "networks");
  c->units = tame_zeroed(c->networks, sizeof *c->units, "networks");
  c->signals = tame_zeroed(c->networks, sizeof *c->signals, "networks");
  double *x = tame_untouched(rows_of(c) * c->shape[3], sizeof *x, "recorded outputs");
  tame_status status = c->ids && c->units && c->signals && x ? TAME_OK : TAME_ERR_NOMEM;
  for (int64_t k = 0; status == TAME_OK && k < c->networks; k++) status = read_signals(c, k, x);
  free(x);
  return status;
}

/* ---- pairs -------------------------------------------------------------------------------------- */

/* Pairs i < j are in the order of rows: pair number k; and the next one. */
static void pair_at(int64_t n, int64_t k, int64_t *i, int64_t *j)
{
  *i = 0;
  for (int64_t left = n - 1; k >= left; left--) {
    k -= left;
    ++*i;
  }
  *j = *i + 1 + k;
}

static void next_pair(int64_t n, int64_t *i, int64_t *j)
{
  if (++*j < n) return;
  ++*i;
  *j = *i + 1;
}

static tame_status compare_own(comparing *c)
{
  const int64_t n = c->networks, first = c->pairs.first[c->rank], end = c->pairs.first[c->rank + 1];
  double *work = tame_untouched(c->shape[3] * c->shape[3], sizeof *work, "products of signals");
  if (!work) return TAME_ERR_NOMEM;
  int64_t i, j;
  pair_at(n, first, &i, &j);
  for (int64_t k = first; k < end; k++, next_pair(n, &i, &j)) {
    c->own[2 * (k - first)] = tame_solution_cka(&c->signals[i], &c->signals[j], work);
    c->own[2 * (k - first) + 1] = tame_solution_overlap(&c->signals[i], &c->signals[j], work);
  }
  free(work);
  return TAME_OK;
}

/* All pairs, on every rank; a network is like itself. Collective. */
static tame_status compare_all(comparing *c)
{
  const int64_t n = c->networks, pairs = n * (n - 1) / 2;
  tame_status status = pairs < INT32_MAX
                           ? tame_partition_even(&c->pairs, c->ranks, pairs)
                           : tame_fail(TAME_ERR_INPUT, "%lld networks are too many", (long long)n);
  double *all = tame_untouched(2 * pairs, sizeof *all, "pairs of networks");
  c->cka = tame_zeroed(n * n, sizeof *c->cka, "pairs of networks");
  c->overlap = tame_zeroed(n * n, sizeof *c->overlap, "pairs of networks");
  c->own = status == TAME_OK
               ? tame_untouched(2 * c->pairs.counts[c->rank], sizeof *c->own, "pairs of networks")
               : NULL;
  if (status == TAME_OK && !(all && c->cka && c->overlap && c->own)) status = TAME_ERR_NOMEM;
  if (status == TAME_OK) status = compare_own(c);
  status = tame_agree(c->comm, status);
  if (status == TAME_OK) tame_gather_all(c->comm, &c->pairs, c->own, all, 2 * sizeof *all);
  int64_t i = 0, j = 1;
  for (int64_t k = 0; status == TAME_OK && k < pairs; k++, next_pair(n, &i, &j)) {
    c->cka[i * n + j] = c->cka[j * n + i] = all[2 * k];
    c->overlap[i * n + j] = c->overlap[j * n + i] = all[2 * k + 1];
  }
  for (i = 0; status == TAME_OK && i < n; i++)
    c->cka[i * n + i] = c->overlap[i * n + i] = c->signals[i].norm > 0 ? 1 : (double)NAN;
  free(all);
  return status;
}

/* ---- the file ------------------------------------------------------------------------------------ */

static void add(tame_blueprint *b, const char *path, tame_type type, int64_t width, int axes,
                int64_t n, const char *dims)
{
  tame_dataset set = {.type = type, .width = width, .axes = axes, .shape = {n, n}, .units = "1"};
  snprintf(set.path, sizeof set.path, "%s", path);
  snprintf(set.dims, sizeof set.dims, "%s", dims);
  tame_blueprint_add(b, &set);
}

/* The k-th swept key; false: there are no more. */
static bool key_at(const comparing *c, int64_t k, char path[TAME_PATH])
{
  const char *at = c->keys;
  for (; at && k > 0; k--) at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL;
  if (!at || !*at) return false;
  snprintf(path, TAME_PATH, "sweep/%.*s", (int)strcspn(at, ","), at);
  return true;
}

static void plan(const comparing *c, tame_blueprint *b)
{
  char path[TAME_PATH];
  char *name = tame_archive_text(c->archive, "/", "name");
  add(b, "network", TAME_TYPE_I64, 0, 1, c->networks, "network");
  add(b, "state", TAME_TYPE_U8, 0, 1, c->networks, "network");
  add(b, "units", TAME_TYPE_I64, 0, 1, c->networks, "network");
  add(b, "distances/cka", TAME_TYPE_F64, 0, 2, c->networks, "network, other");
  add(b, "distances/overlap", TAME_TYPE_F64, 0, 2, c->networks, "network, other");
  for (int64_t k = 0; key_at(c, k, path); k++) {
    int64_t shape[TAME_AXES], width;
    if (tame_archive_shape(c->archive, path, shape, &width) != 1) continue;
    add(b, path, width ? TAME_TYPE_TEXT : TAME_TYPE_F64, width, 1, c->networks, "network");
  }
  tame_blueprint_text(b, "/", "format", "tame-results");
  tame_blueprint_whole(b, "/", "format_version", 2);
  tame_blueprint_text(b, "/", "name", name ? name : "");
  tame_blueprint_whole(b, "/", "networks", c->networks);
  tame_blueprint_text(b, "/", "tame_version", tame_version());
  tame_blueprint_text(b, "/", "tame_commit", tame_commit());
  const tame_kernels *kernels = tame_kernels_pick(TAME_DOUBLE);
  tame_blueprint_text(b, "/", "kernels", kernels ? kernels->name : "?");
  tame_blueprint_text(b, "/", "started", c->started);
  tame_blueprint_whole(b, "/", "ranks", c->layout.ranks);
  tame_blueprint_whole(b, "/", "threads", c->layout.threads);
  tame_blueprint_whole(b, "/", "nodes", c->layout.nodes);
  tame_blueprint_text(b, "distances", "phase", c->phase);
  tame_blueprint_text(b, "distances", "data", c->data);
  tame_blueprint_text(b, "distances", "layer", c->layer);
  tame_blueprint_number(b, "distances", "share", c->q->share);
  if (c->keys) tame_blueprint_text(b, "sweep", "keys", c->keys);
  free(name);
}

/* What the sweep says of a network, as it was. */
static tame_status put_coordinates(const comparing *c, tame_results *results, int64_t row)
{
  char path[TAME_PATH];
  tame_status status = TAME_OK;
  for (int64_t k = 0; status == TAME_OK && key_at(c, k, path); k++) {
    int64_t shape[TAME_AXES], width;
    if (tame_archive_shape(c->archive, path, shape, &width) != 1) continue;
    double *value = tame_zeroed(width + 1, sizeof *value, "a swept key");
    status = value ? tame_archive_read(c->archive, path, row, value) : TAME_ERR_NOMEM;
    if (status == TAME_OK)
      status = tame_results_write(results, path, width ? TAME_TYPE_TEXT : TAME_TYPE_F64, &row,
                                  (int64_t[]){1}, value);
    free(value);
  }
  return status;
}

/* Rank 0. */
static tame_status put_network(const comparing *c, tame_results *results, int64_t row)
{
  const int64_t n = c->networks, id = (int64_t)c->ids[row], units = (int64_t)c->units[row], one = 1;
  const int64_t start[TAME_AXES] = {row}, count[TAME_AXES] = {1, n};
  const uint8_t state = units > 0 ? TAME_NETWORK_DONE : TAME_NETWORK_FAILED;
  tame_status status = tame_results_write(results, "network", TAME_TYPE_I64, &row, &one, &id);
  if (status == TAME_OK)
    status = tame_results_write(results, "units", TAME_TYPE_I64, &row, &one, &units);
  if (status == TAME_OK)
    status = tame_results_write(results, "distances/cka", TAME_TYPE_F64, start, count,
                                c->cka + row * n);
  if (status == TAME_OK)
    status = tame_results_write(results, "distances/overlap", TAME_TYPE_F64, start, count,
                                c->overlap + row * n);
  if (status == TAME_OK) status = put_coordinates(c, results, row);
  if (status != TAME_OK) return status;
  return tame_results_write(results, "state", TAME_TYPE_U8, &row, &one, &state);
}

/* Collective. */
static tame_status write_all(const comparing *c)
{
  tame_results *results = NULL;
  tame_blueprint b = {0};
  if (c->rank == 0) plan(c, &b);
  tame_status status = tame_agree(c->comm, b.status);
  if (status == TAME_OK)
    status = tame_results_create(&results, c->comm, c->q->output, c->q->force, &b, true);
  tame_blueprint_free(&b);
  if (status != TAME_OK) return status;
  status = tame_results_begin(results);
  for (int64_t k = 0; status == TAME_OK && c->rank == 0 && k < c->networks; k++)
    status = put_network(c, results, k);
  status = tame_agree(c->comm, status);
  if (status == TAME_OK) return tame_results_finish(&results);
  tame_results_abandon(&results);
  return status;
}

static void forget(comparing *c)
{
  tame_archive_close(&c->archive);
  for (int64_t k = 0; c->signals && k < c->networks; k++) tame_solution_free(&c->signals[k]);
  tame_partition_free(&c->pairs);
  free(c->signals);
  free(c->ids);
  free(c->units);
  free(c->own);
  free(c->cka);
  free(c->overlap);
  free(c->keys);
}

tame_status tame_experiment_distances(MPI_Comm comm, const tame_distances_request *q)
{
  comparing c = {.q = q, .comm = comm};
  MPI_Comm_rank(comm, &c.rank);
  MPI_Comm_size(comm, &c.ranks);
  tame_layout_find(comm, &c.layout);
  tame_utc(c.started);
  tame_status status = tame_archive_open(&c.archive, q->results);
  if (status == TAME_OK) status = choose(&c);
  if (status == TAME_OK) status = check_files(&c);
  status = tame_agree(comm, status);
  if (status == TAME_OK) status = tame_results_may_write(comm, q->output, q->force);
  if (status == TAME_OK) {
    c.keys = tame_archive_text(c.archive, "sweep", "keys");
    status = tame_agree(comm, read_all(&c));
  }
  if (status == TAME_OK) status = compare_all(&c);
  if (status == TAME_OK) status = write_all(&c);
  forget(&c);
  return status;
}
