/* Arrays from files: HDF5 and CSV; see tables.h. */
#include "base/memory.h"
#include "task/sequences.h"
#include "task/tables.h"

#include <ctype.h>
#include <errno.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- CSV ------------------------------------------------------------------------------------ */

static bool separates(char c)
{
  return c == ',' || c == ';' || isspace((unsigned char)c);
}

/* Numbers of a line into row, [most] of room; their count, or -1 where *bad points at something that
 * is none. A '#' starts a comment. */
static int64_t numbers_of(const char *line, double *row, int64_t most, const char **bad)
{
  int64_t count = 0;
  for (const char *at = line;;) {
    int marks = 0; /* commas and semicolons before the next number: one at most, none at first */
    for (; separates(*at); at++) marks += *at == ',' || *at == ';';
    if (*at == '\0' || *at == '#') return count;
    *bad = ","; /* an empty cell */
    if (marks > (count > 0)) return -1;
    *bad = ";"; /* commas and semicolons: decimal commas, perhaps */
    if (strchr(line, ',') && strchr(line, ';')) return -1;
    char *end;
    const double value = strtod(at, &end);
    *bad = at;
    if (end == at || (*end && *end != '#' && !separates(*end))) return -1;
    if (count < most) row[count] = value;
    count++;
    at = end;
  }
}

/* Room for one more row; doubles as needed. */
static tame_status grow(tame_samples *out, int64_t *room)
{
  if (out->steps < *room) return TAME_OK;
  const int64_t more = *room ? 2 * *room : 1024;
  double *at = tame_untouched(more * out->channels, sizeof *at, "an array from a file");
  if (!at) return TAME_ERR_NOMEM;
  if (out->steps) memcpy(at, out->at, (size_t)(out->steps * out->channels) * sizeof *at);
  free(out->at);
  out->at = at;
  *room = more;
  return TAME_OK;
}

/* Words, none of which begins as a number: the names of columns. */
static bool is_header(const char *line)
{
  for (const char *at = line; *at;) {
    while (separates(*at)) at++;
    if (*at == '+' || *at == '-' || *at == '.' || isdigit((unsigned char)*at)) return false;
    while (*at && !separates(*at)) at++;
  }
  return true;
}

static tame_status bad_word(const char *path, int64_t number, const char *bad)
{
  const int length = (int)strcspn(bad, ",; \t\r\n");
  if (*bad == ';')
    return tame_fail(
        TAME_ERR_INPUT,
        "%s:%lld: found commas and semicolons, want one of them; decimals take a point", path,
        (long long)number);
  if (length == 0)
    return tame_fail(TAME_ERR_INPUT, "%s:%lld: found an empty cell, want a number", path,
                     (long long)number);
  return tame_fail(TAME_ERR_INPUT, "%s:%lld: found '%.*s', want a number", path, (long long)number,
                   length < 40 ? length : 40, bad);
}

/* One line: the first with numbers sets the columns; one of words before it is a header. */
static tame_status read_line(const char *path, int64_t number, const char *line, tame_samples *out,
                             int64_t *room, bool *header)
{
  const char *bad = line;
  if (out->channels == 0) {
    const int64_t count = numbers_of(line, NULL, 0, &bad);
    if (count < 0 && (*header || !is_header(line))) return bad_word(path, number, bad);
    if (count < 0) *header = true;
    if (count <= 0) return TAME_OK;
    out->channels = count;
  }
  if (grow(out, room) != TAME_OK) return TAME_ERR_NOMEM;
  double *row = out->at + out->steps * out->channels;
  const int64_t count = numbers_of(line, row, out->channels, &bad);
  if (count < 0) return bad_word(path, number, bad);
  if (count == 0) return TAME_OK;
  if (count != out->channels)
    return tame_fail(TAME_ERR_INPUT, "%s:%lld: found %lld columns, want %lld as above", path,
                     (long long)number, (long long)count, (long long)out->channels);
  for (int64_t c = 0; c < count; c++)
    if (!isfinite(row[c]))
      return tame_fail(TAME_ERR_INPUT, "%s:%lld: found %g in column %lld, want a finite number",
                       path, (long long)number, row[c], (long long)c);
  out->steps++;
  return TAME_OK;
}

static tame_status read_csv(const char *path, tame_samples *out)
{
  FILE *file = fopen(path, "r");
  if (!file) return tame_fail(TAME_ERR_INPUT, "cannot read '%s': %s", path, strerror(errno));
  char *line = NULL;
  size_t size = 0;
  int64_t room = 0;
  bool header = false;
  tame_status status = TAME_OK;
  for (int64_t number = 1; status == TAME_OK && getline(&line, &size, file) >= 0; number++)
    status = read_line(path, number, line, out, &room, &header);
  if (status == TAME_OK && ferror(file))
    status = tame_fail(TAME_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
  if (status == TAME_OK && out->steps == 0)
    status = tame_fail(TAME_ERR_INPUT, "'%s' holds no numbers", path);
  free(line);
  fclose(file);
  return status;
}

/* ---- HDF5 ----------------------------------------------------------------------------------- */

static tame_status check_finite(const char *path, const char *dataset, const tame_samples *out)
{
  for (int64_t k = 0; k < out->steps * out->channels; k++)
    if (!isfinite(out->at[k]))
      return tame_fail(TAME_ERR_INPUT, "'%s' %s: found %g at [%lld][%lld], want finite numbers",
                       path, dataset, out->at[k], (long long)(k / out->channels),
                       (long long)(k % out->channels));
  return TAME_OK;
}

/* Where its index stands in /network. */
int64_t tame_array_row_of(hid_t file, int64_t network)
{
  if (H5Lexists(file, "network", H5P_DEFAULT) <= 0) return 0;
  const hid_t set = H5Dopen2(file, "network", H5P_DEFAULT), space = H5Dget_space(set);
  const int64_t count = (int64_t)H5Sget_simple_extent_npoints(space);
  int64_t *ids = tame_untouched(count, sizeof *ids, "the list of networks"), row = -1;
  if (ids && H5Dread(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, ids) >= 0)
    for (int64_t k = 0; row < 0 && k < count; k++)
      if (ids[k] == network) row = k;
  free(ids);
  H5Sclose(space);
  H5Dclose(set);
  return row;
}

/* Results pad rows and columns with NaN, which arrays never hold, where networks differ. */
static void trim(tame_samples *s)
{
  int64_t steps = s->steps, channels = s->channels;
  while (steps > 0 && isnan(s->at[(steps - 1) * s->channels])) steps--;
  while (channels > 0 && steps > 0 && isnan(s->at[channels - 1])) channels--;
  for (int64_t t = 1; t < steps && channels < s->channels; t++)
    memmove(s->at + t * channels, s->at + t * s->channels, (size_t)channels * sizeof *s->at);
  s->steps = steps;
  s->channels = channels;
}

/* Axis 0 of a results file has a row for each network, or, unless they have their own, one for all.
 * network < 0: any other file. */
static tame_status read_dataset(hid_t file, const char *path, const char *dataset, int64_t network,
                                bool own, tame_samples *out)
{
  hsize_t shape[3] = {1, 0, 1}, from[3] = {0}; /* a leading axis of one is fine */
  const hid_t set = H5Dopen2(file, dataset, H5P_DEFAULT);
  if (set < 0) return tame_fail(TAME_ERR_INPUT, "'%s' has no dataset '%s'", path, dataset);
  const hid_t space = H5Dget_space(set), type = H5Dget_type(set);
  const int axes = H5Sget_simple_extent_ndims(space);
  const H5T_class_t kind = H5Tget_class(type);
  tame_status status = TAME_OK;
  if (axes >= 1 && axes <= 3) H5Sget_simple_extent_dims(space, axes == 3 ? shape : shape + 1, NULL);
  int64_t row = network >= 0 && (shape[0] > 1 || own) ? tame_array_row_of(file, network) : 0;
  if (row < 0 && !own) row = 0; /* of what a sweep starts from, which is only looked at */
  if (axes < 1 || axes > 3 || (network < 0 && shape[0] != 1))
    status = tame_fail(TAME_ERR_INPUT, "'%s' %s has %d axes, want [time] or [time][channel]", path,
                       dataset, axes);
  else if (kind != H5T_FLOAT && kind != H5T_INTEGER)
    status = tame_fail(TAME_ERR_INPUT, "'%s' %s does not hold numbers", path, dataset);
  else if (row < 0)
    status = tame_fail(TAME_ERR_INPUT, "'%s' does not hold network %lld", path, (long long)network);
  if (status == TAME_OK) {
    *out = (tame_samples){NULL, (int64_t)shape[1], (int64_t)shape[2]};
    out->at = tame_untouched(out->steps * out->channels, sizeof *out->at, "an array from a file");
    if (!out->at) status = TAME_ERR_NOMEM;
  }
  if (status == TAME_OK) {
    const hsize_t items = shape[1] * shape[2];
    const hid_t memory = H5Screate_simple(1, &items, NULL);
    from[0] = (hsize_t)row;
    shape[0] = 1;
    H5Sselect_hyperslab(space, H5S_SELECT_SET, axes == 3 ? from : from + 1, NULL,
                        axes == 3 ? shape : shape + 1, NULL);
    if (H5Dread(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, out->at) < 0)
      status = tame_fail(TAME_ERR_IO, "cannot read '%s' %s", path, dataset);
    H5Sclose(memory);
  }
  if (status == TAME_OK && network >= 0) trim(out);
  if (status == TAME_OK) status = check_finite(path, dataset, out);
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(set);
  return status;
}

static tame_status read_hdf5(const char *path, const char *dataset, int64_t network, bool own,
                             tame_samples *out)
{
  H5E_auto2_t report;
  void *context;
  H5Eget_auto2(H5E_DEFAULT, &report, &context);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  tame_status status;
  const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) {
    status = tame_fail(TAME_ERR_INPUT, "cannot read '%s' as HDF5", path);
  } else {
    status = read_dataset(file, path, dataset, network, own, out);
    H5Fclose(file);
  }
  H5Eset_auto2(H5E_DEFAULT, report, context);
  return status;
}

static tame_status read_array(const char *path, const char *dataset, int64_t network, bool own,
                              tame_samples *out)
{
  *out = (tame_samples){0};
  const tame_status status = dataset ? read_hdf5(path, dataset, network, own, out)
                                     : read_csv(path, out);
  if (status != TAME_OK) {
    free(out->at);
    *out = (tame_samples){0};
  }
  return status;
}

void tame_array_path(const char *folder, const char *name, char *path, size_t size)
{
  const bool absolute = name[0] == '/';
  snprintf(path, size, "%s%s%s", absolute ? "" : folder, absolute ? "" : "/", name);
}

tame_status tame_array_read(const char *path, const char *dataset, tame_samples *out)
{
  return read_array(path, dataset, -1, false, out);
}

tame_status tame_array_read_row(const char *path, const char *dataset, int64_t network, bool own,
                                tame_samples *out)
{
  return read_array(path, dataset, network, own, out);
}
