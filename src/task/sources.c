/* Sets of sequences, and the table of their sources; see tame/task.h. */
#include "task/tables.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

extern const tame_source tame_source_sines, tame_source_integration, tame_source_spikes,
    tame_source_delayed_memory, tame_source_addition, tame_source_flip_flop, tame_source_go_nogo,
    tame_source_decision, tame_source_irregular, tame_source_file;

static const tame_row *const rows[] = {&tame_source_sines.head,
                                       &tame_source_integration.head,
                                       &tame_source_spikes.head,
                                       &tame_source_delayed_memory.head,
                                       &tame_source_addition.head,
                                       &tame_source_flip_flop.head,
                                       &tame_source_go_nogo.head,
                                       &tame_source_decision.head,
                                       &tame_source_irregular.head,
                                       &tame_source_file.head,
                                       NULL};
const tame_table tame_sources = {"sources", rows};

#define AT(member) .offset = offsetof(tame_data, member)
static const tame_field fields[] = {
    {"name", TAME_STRING, AT(name), .doc = "of the set"},
    {"from", TAME_VARIANT, AT(source), .table = &tame_sources,
     .doc = "where its sequences come from"},
    {"samples", TAME_INT, AT(samples), .fallback = "0", .max = 1e15,
     .doc = "how many; 0: as many as the source has by itself, else the first so many of them"},
    {"seed", TAME_INT, AT(seed), .fallback = "1", .max = 9007199254740992.0,
     .doc = "of all that is drawn: sample k depends on it and on k alone"},
    {"fresh", TAME_BOOL, AT(fresh), .fallback = "off",
     .doc = "new samples in each epoch; off: the same ones"},
    {0}};
#undef AT

const tame_schema tame_data_schema = {sizeof(tame_data), fields};

enum { LONGEST = 1 << 30 }; /* numbers of a sample */

static const tame_source *row_of(const tame_data *data)
{
  return (const tame_source *)data->source.row;
}

/* "from.file.path"; as with messages there is one a process. */
static const char *key_in(const tame_data *data, const char *name)
{
  static char key[160];
  snprintf(key, sizeof key, "from.%s%s%s", row_of(data)->head.name, *name ? "." : "", name);
  return key;
}

/* How many samples there are, of a source that has `own` by itself. */
static tame_status settle(const tame_data *data, int64_t own, tame_data_shape *shape,
                          const char **key)
{
  const char *source = row_of(data)->head.name;
  *key = "samples";
  if (own == 0 && data->samples == 0)
    return tame_fail(TAME_ERR_INPUT, "found 0, want how many '%s' is to make", source);
  if (own > 0 && data->samples > own)
    return tame_fail(TAME_ERR_INPUT, "found %lld, but '%s' has %lld", (long long)data->samples,
                     source, (long long)own);
  *key = "fresh";
  if (own > 0 && data->fresh)
    return tame_fail(TAME_ERR_INPUT, "found on, but '%s' has always the same samples", source);
  shape->samples = data->samples ? data->samples : own;
  return TAME_OK;
}

tame_status tame_data_load(tame_data *data, const char *folder, MPI_Comm comm, const char **key)
{
  const tame_source *row = row_of(data);
  const char *name = "";
  *key = "";
  if (!row->load) return TAME_OK;
  const tame_status status = row->load(data->source.params, folder, comm, &name);
  if (status == TAME_OK) return TAME_OK;
  char shared[64];
  snprintf(shared, sizeof shared, "%s", name);
  MPI_Bcast(shared, (int)sizeof shared, MPI_CHAR, 0, comm);
  *key = key_in(data, shared);
  return status;
}

void tame_data_unload(tame_data *data)
{
  if (row_of(data) && row_of(data)->unload) row_of(data)->unload(data->source.params);
}

tame_status tame_data_shape_of(const tame_data *data, tame_data_shape *shape, const char **key)
{
  const char *name = "";
  *shape = (tame_data_shape){0};
  *key = "";
  tame_status status = row_of(data)->shape(data->source.params, shape, &name);
  const double size = (double)shape->steps * (double)shape->inputs;
  if (status == TAME_OK && size > LONGEST)
    status = tame_fail(TAME_ERR_INPUT, "found %lld steps of %lld inputs, want at most %d numbers",
                       (long long)shape->steps, (long long)shape->inputs, LONGEST);
  if (status == TAME_OK) return settle(data, shape->samples, shape, key);
  *key = key_in(data, name);
  return status;
}

void tame_data_draw(const tame_data *data, int64_t id, double *x, double *target, double *elapsed)
{
  const tame_draws draws = {(uint64_t)data->seed, id};
  assert(id >= 0 && id < (int64_t)1 << 60);
  row_of(data)->draw(data->source.params, &draws, x, target, elapsed);
}

uint64_t tame_data_checksum(const tame_data *data)
{
  return row_of(data)->checksum ? row_of(data)->checksum(data->source.params) : 0;
}

/* ---- what sources share ----------------------------------------------------------------------- */

const char *const tame_elsewhere[] = {"none", "zero", NULL};

tame_status tame_check_part(const char *name, double ms, double dt_ms, const char **key)
{
  *key = name;
  if (tame_task_steps(ms, dt_ms) > 0) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "found %g ms, which is not a single step of dt_ms = %g", ms,
                   dt_ms);
}

/* ---- random numbers of a sample --------------------------------------------------------------- */

/* Numbers 2 block and 2 block + 1 of a stream. */
static void two_of(const tame_draws *draws, int stream, int64_t block, double u[2])
{
  tame_uniform2(draws->seed, TAME_DRAW_SAMPLE, (uint32_t)draws->id, (uint32_t)block,
                (uint32_t)(draws->id >> 32) << 4 | (uint32_t)stream, u);
}

double tame_draws_uniform(const tame_draws *draws, int stream, int64_t k)
{
  double u[2];
  two_of(draws, stream, k / 2, u);
  return u[k % 2];
}

void tame_draws_uniforms(const tame_draws *draws, int stream, int64_t count, double *u)
{
  for (int64_t k = 0; k + 1 < count; k += 2) two_of(draws, stream, k / 2, u + k);
  if (count % 2) u[count - 1] = tame_draws_uniform(draws, stream, count - 1);
}

int64_t tame_draws_below(const tame_draws *draws, int stream, int64_t k, int64_t n)
{
  const int64_t drawn = (int64_t)(tame_draws_uniform(draws, stream, k) * (double)n);
  return drawn < n ? drawn : n - 1; /* a product rounded up */
}

double tame_draws_normal(const tame_draws *draws, int stream, int64_t k)
{
  double u[2];
  two_of(draws, stream, k, u);
  return sqrt(-2 * log(u[0])) * cos(2 * 3.14159265358979323846 * u[1]);
}
