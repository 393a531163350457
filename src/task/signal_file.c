/* Signal `file`: any array of the user's own, from HDF5 or CSV. */
#include "task/tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct file_params {
  char *path, *dataset;
  int64_t channel;
  double start_ms, sample_ms, scale; /* sample_ms NaN: one row a step */
  tame_reals rows;                   /* [first, end), of those in the file; empty: all */
  int64_t column;                    /* -1: all */
  tame_samples data;                 /* what was read, owned */
} file_params;

#define AT(member) .offset = offsetof(file_params, member)
static const tame_field fields[] = {
    {"path", TAME_STRING, AT(path),
     .doc = "CSV (numbers, perhaps a header line) or HDF5, from the folder of the experiment file"},
    {"dataset", TAME_STRING, AT(dataset), .fallback = "",
     .doc = "in an HDF5 file: an array [time] or [time][channel]"},
    TAME_FIELD_CHANNEL(file_params, "of the first column"),
    {"start_ms", TAME_REAL, AT(start_ms), .fallback = "0", .max = 1e12,
     .doc = "time of the first row; 0 before and after the array"},
    {"sample_ms", TAME_REAL, AT(sample_ms), .fallback = "", .min = 1e-6, .max = 1e12,
     .doc = "time between rows, linear in between; default: dt_ms"},
    {"rows", TAME_REALS, AT(rows), .fallback = "", .max = 1e15,
     .doc = "[first, end): these rows of the array only, from 0; default: all"},
    {"column", TAME_INT, AT(column), .fallback = "-1", .min = -1, .max = 1e9,
     .doc = "this column only, from 0; default -1: all"},
    {"scale", TAME_REAL, AT(scale), .fallback = "1", .doc = "factor on all values"},
    {0}};
#undef AT

static double interval(const file_params *p, double dt_ms)
{
  return isnan(p->sample_ms) ? dt_ms : p->sample_ms;
}

/* Steps that the array covers: all rows where rows are steps, else up to the last row. */
static int64_t covered(const file_params *p, double dt_ms)
{
  if (isnan(p->sample_ms)) return p->data.steps;
  return (int64_t)floor((double)(p->data.steps - 1) * p->sample_ms / dt_ms + 1e-9) + 1;
}

static tame_status check(const void *params, double dt_ms, const tame_samples *shape,
                         const char **key)
{
  const file_params *p = params;
  const int64_t last = p->channel + p->data.channels;
  *key = "path";
  if (p->data.steps == 0) return tame_fail(TAME_ERR_INPUT, "'%s' has no rows", p->path);
  if (last > shape->channels)
    return tame_fail(TAME_ERR_INPUT,
                     "'%s' has shape [%lld][%lld], which from channel %lld needs %lld channels; "
                     "there are %lld",
                     p->path, (long long)p->data.steps, (long long)p->data.channels,
                     (long long)p->channel, (long long)last, (long long)shape->channels);
  const int64_t first = tame_task_steps(p->start_ms, dt_ms), steps = covered(p, dt_ms);
  if (first + steps > shape->steps)
    return tame_fail(
        TAME_ERR_INPUT,
        "'%s' has shape [%lld][%lld], %g ms at %g ms a row, which from %g ms runs past "
        "the trial's end at %g ms",
        p->path, (long long)p->data.steps, (long long)p->data.channels, (double)steps * dt_ms,
        interval(p, dt_ms), p->start_ms, (double)shape->steps * dt_ms);
  return TAME_OK;
}

static void sample(const void *params, double dt_ms, const tame_samples *out)
{
  const file_params *p = params;
  const int64_t first = tame_task_steps(p->start_ms, dt_ms), columns = p->data.channels;
  const double rows_a_step = isnan(p->sample_ms) ? 1 : dt_ms / p->sample_ms;
  for (int64_t t = 0; t < covered(p, dt_ms); t++) {
    const double place = (double)t * rows_a_step;
    int64_t row = (int64_t)place;
    if (row > p->data.steps - 1) row = p->data.steps - 1;
    const int64_t next = row + 1 < p->data.steps ? row + 1 : row;
    const double share = place - (double)row;
    for (int64_t c = 0; c < columns; c++) {
      const double a = p->data.at[row * columns + c], b = p->data.at[next * columns + c];
      out->at[(first + t) * out->channels + p->channel + c] += p->scale * (a + share * (b - a));
    }
  }
}

static int64_t end(const void *params, double dt_ms)
{
  const file_params *p = params;
  return tame_task_steps(p->start_ms, dt_ms) + covered(p, dt_ms);
}

/* Keep the rows and the column that are asked for. */
static tame_status choose(file_params *p, const char **key)
{
  tame_samples *d = &p->data;
  const double *rows = p->rows.at;
  const bool whole = p->rows.count == 2 && rows[0] == floor(rows[0]) && rows[1] == floor(rows[1]);
  *key = "rows";
  if (p->rows.count > 0 &&
      (!whole || rows[0] < 0 || rows[0] >= rows[1] || rows[1] > (double)d->steps))
    return tame_fail(TAME_ERR_INPUT,
                     "want two whole numbers, [first, end) with 0 <= first < end <= %lld",
                     (long long)d->steps);
  *key = "column";
  if (p->column >= d->channels)
    return tame_fail(TAME_ERR_INPUT, "found %lld, want 0 to %lld, the columns of '%s'",
                     (long long)p->column, (long long)(d->channels - 1), p->path);
  const int64_t first = p->rows.count ? (int64_t)rows[0] : 0;
  const int64_t last = p->rows.count ? (int64_t)rows[1] : d->steps;
  const int64_t columns = p->column < 0 ? d->channels : 1, from = p->column < 0 ? 0 : p->column;
  for (int64_t t = first; t < last; t++)
    memmove(d->at + (t - first) * columns, d->at + t * d->channels + from,
            (size_t)columns * sizeof *d->at);
  d->steps = last - first;
  d->channels = columns;
  return TAME_OK;
}

static bool is_hdf5(const char *path)
{
  unsigned char head[8] = {0};
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  const bool whole = fread(head, 1, sizeof head, file) == sizeof head;
  fclose(file);
  return whole && memcmp(head, "\211HDF\r\n\032\n", sizeof head) == 0;
}

static tame_status read(void *params, const char *folder, const char **key)
{
  file_params *p = params;
  char path[4096];
  *key = "path";
  tame_array_path(folder, p->path, path, sizeof path);
  if (!is_hdf5(path)) {
    if (!p->dataset) return tame_array_read(path, NULL, &p->data);
    FILE *file = fopen(path, "rb");
    if (!file) return tame_array_read(path, NULL, &p->data); /* says why */
    fclose(file);
    *key = "dataset";
    return tame_fail(TAME_ERR_INPUT, "'%s' is not an HDF5 file, so it has no dataset '%s'", path,
                     p->dataset);
  }
  *key = "dataset";
  if (!p->dataset)
    return tame_fail(TAME_ERR_INPUT, "'%s' is an HDF5 file: name the dataset in it", path);
  return tame_array_read(path, p->dataset, &p->data);
}

static tame_status load(void *params, const char *folder, const char **key)
{
  const tame_status status = read(params, folder, key);
  return status == TAME_OK ? choose(params, key) : status;
}

static tame_samples *data(void *params)
{
  return &((file_params *)params)->data;
}

extern const tame_signal tame_signal_file;
const tame_signal tame_signal_file = {
    .head = {.name = "file",
             .doc = "an array [time] or [time][channel] from a CSV or HDF5 file",
             .params = {.size = sizeof(file_params), .fields = fields}},
    .check = check,
    .sample = sample,
    .load = load,
    .data = data,
    .end = end,
};
