/* Are two result files equal, byte for byte; see tame/store.h. */
#include "base/memory.h"
#include "store/hdf5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct comparison {
  hid_t a, b;
  const char *name_a, *name_b;
  int64_t *networks; /* indices in the sweep, the same in both files, [rows] */
  int64_t rows;
  tame_status status;
} comparison;

enum { AT_ONCE = 1 << 22 }; /* numbers compared at a time, or one row of the first long axis */

static void print_value(hid_t type, const void *value, char *text, size_t size)
{
  const size_t width = H5Tget_size(type),
               most = size - 3; /* of a text, which needs not end in NUL */
  if (H5Tget_class(type) == H5T_STRING)
    snprintf(text, size, "'%.*s'", (int)(width < most ? width : most), (const char *)value);
  else if (H5Tequal(type, H5T_NATIVE_DOUBLE) > 0)
    snprintf(text, size, "%.17g", *(const double *)value);
  else if (H5Tequal(type, H5T_NATIVE_FLOAT) > 0)
    snprintf(text, size, "%.9g", (double)*(const float *)value);
  else if (H5Tequal(type, H5T_NATIVE_INT64) > 0)
    snprintf(text, size, "%lld", (long long)*(const int64_t *)value);
  else if (H5Tequal(type, H5T_NATIVE_INT32) > 0)
    snprintf(text, size, "%d", (int)*(const int32_t *)value);
  else snprintf(text, size, "%d", (int)*(const uint8_t *)value);
}

/* The first number in which they differ: where, of which network of a sweep, and both values. */
static tame_status name_difference(const comparison *c, const char *path, hid_t type, int axes,
                                   const hsize_t *shape, hsize_t index, const char *a,
                                   const char *b)
{
  char place[256] = "", left[300], right[300];
  hsize_t below = 1;
  const hsize_t row = index;
  for (int k = 0; k < axes; k++) below *= shape[k];
  for (int k = 0; k < axes; k++) {
    below /= shape[k];
    const size_t used = strlen(place);
    snprintf(place + used, sizeof place - used, "[%llu]", (unsigned long long)(index / below));
    index %= below;
  }
  print_value(type, a, left, sizeof left);
  print_value(type, b, right, sizeof right);
  hsize_t own = 1;
  for (int k = 1; k < axes; k++) own *= shape[k];
  if (c->rows > 1 && shape[0] == (hsize_t)c->rows) {
    const size_t used = strlen(place);
    snprintf(place + used, sizeof place - used, " (network %lld)",
             (long long)c->networks[row / own]);
  }
  return tame_fail(TAME_ERR_DIFFERS, "/%s%s: %s and %s", path, place, left, right);
}

/* Rows [from, from + rows) of axis `lead`, all of the other axes. */
static bool read_rows(hid_t set, hid_t type, int axes, const hsize_t *shape, int lead, hsize_t from,
                      hsize_t rows, void *values)
{
  hsize_t start[H5S_MAX_RANK] = {0}, count[H5S_MAX_RANK], items = 1;
  for (int k = 0; k < axes; k++) count[k] = shape[k];
  start[lead] = from;
  count[lead] = rows;
  for (int k = 0; k < axes; k++) items *= count[k];
  const hid_t space = H5Dget_space(set), memory = H5Screate_simple(1, &items, NULL);
  H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
  const herr_t done = H5Dread(set, type, memory, space, H5P_DEFAULT, values);
  H5Sclose(memory);
  H5Sclose(space);
  return done >= 0;
}

static tame_status compare_values(const comparison *c, const char *path, hid_t a, hid_t b,
                                  hid_t type, int axes, const hsize_t *shape)
{
  const size_t size = H5Tget_size(type);
  int lead = 0;
  while (lead < axes - 1 && shape[lead] == 1) lead++;
  hsize_t row = 1;
  for (int k = lead + 1; k < axes; k++) row *= shape[k];
  if (row == 0 || shape[lead] == 0) return TAME_OK;
  const hsize_t at_once = row < AT_ONCE ? AT_ONCE / row : 1;
  char *left = tame_untouched((int64_t)(at_once * row), size, "comparing");
  char *right = tame_untouched((int64_t)(at_once * row), size, "comparing");
  tame_status status = left && right ? TAME_OK : TAME_ERR_NOMEM;
  for (hsize_t from = 0; status == TAME_OK && from < shape[lead]; from += at_once) {
    const hsize_t rows = shape[lead] - from < at_once ? shape[lead] - from : at_once;
    if (!read_rows(a, type, axes, shape, lead, from, rows, left) ||
        !read_rows(b, type, axes, shape, lead, from, rows, right))
      status = tame_fail(TAME_ERR_INPUT, "cannot read /%s: %s", path, tame_hdf5_reason());
    for (hsize_t i = 0; status == TAME_OK && i < rows * row; i++)
      if (memcmp(left + i * size, right + i * size, size) != 0)
        status = name_difference(c, path, type, axes, shape, from * row + i, left + i * size,
                                 right + i * size);
  }
  free(left);
  free(right);
  return status;
}

static tame_status compare_datasets(const comparison *c, const char *path, hid_t a, hid_t b)
{
  hsize_t shape_a[H5S_MAX_RANK] = {0}, shape_b[H5S_MAX_RANK] = {0};
  const hid_t type = H5Dget_type(a), type_b = H5Dget_type(b);
  const hid_t space_a = H5Dget_space(a), space_b = H5Dget_space(b);
  const int axes = H5Sget_simple_extent_dims(space_a, shape_a, NULL);
  const int axes_b = H5Sget_simple_extent_dims(space_b, shape_b, NULL);
  tame_status status = TAME_OK;
  if (H5Tequal(type, type_b) <= 0) status = tame_fail(TAME_ERR_DIFFERS, "/%s: types differ", path);
  else if (axes != axes_b || memcmp(shape_a, shape_b, sizeof shape_a) != 0)
    status = tame_fail(TAME_ERR_DIFFERS, "/%s: shapes differ", path);
  else if (axes > 0) status = compare_values(c, path, a, b, type, axes, shape_a);
  H5Sclose(space_a);
  H5Sclose(space_b);
  H5Tclose(type);
  H5Tclose(type_b);
  return status;
}

/* ---- attributes ----------------------------------------------------------------------------- */

typedef struct attribute_pair {
  const char *path;
  hid_t other;
  tame_status status;
} attribute_pair;

static bool same_text(hid_t a, hid_t b, const char *key)
{
  char *left = tame_hdf5_text(a, key), *right = tame_hdf5_text(b, key);
  const bool same = left && right && strcmp(left, right) == 0;
  free(left);
  free(right);
  return same;
}

static bool same_number(hid_t a, hid_t b, const char *key)
{
  char left[64] = {0}, right[64] = {0};
  const hid_t in_a = H5Aopen(a, key, H5P_DEFAULT), in_b = H5Aopen(b, key, H5P_DEFAULT);
  const hid_t type = H5Aget_type(in_a), type_b = H5Aget_type(in_b);
  const bool fits = H5Tequal(type, type_b) > 0 && H5Tget_size(type) <= sizeof left;
  const bool same = fits && H5Aread(in_a, type, left) >= 0 && H5Aread(in_b, type, right) >= 0 &&
                    memcmp(left, right, sizeof left) == 0;
  H5Tclose(type);
  H5Tclose(type_b);
  H5Aclose(in_a);
  H5Aclose(in_b);
  return same;
}

static herr_t compare_attribute(hid_t a, const char *key, const H5A_info_t *info, void *context)
{
  attribute_pair *pair = context;
  (void)info;
  const hid_t attribute = H5Aopen(a, key, H5P_DEFAULT), type = H5Aget_type(attribute);
  const bool text = H5Tis_variable_str(type) > 0;
  H5Tclose(type);
  H5Aclose(attribute);
  const bool there = H5Aexists(pair->other, key) > 0;
  if (there && (text ? same_text(a, pair->other, key) : same_number(a, pair->other, key))) return 0;
  pair->status = tame_fail(TAME_ERR_DIFFERS, "/%s: attribute '%s' %s", pair->path, key,
                           there ? "differs" : "is missing in one file");
  return 1;
}

static tame_status compare_attributes(const char *path, hid_t a, hid_t b)
{
  attribute_pair pair = {path, b, TAME_OK};
  if (H5Aiterate2(a, H5_INDEX_NAME, H5_ITER_INC, NULL, compare_attribute, &pair) < 0)
    return tame_fail(TAME_ERR_INPUT, "/%s: its attributes are damaged", path);
  if (pair.status == TAME_OK && H5Aget_num_attrs(a) != H5Aget_num_attrs(b))
    return tame_fail(TAME_ERR_DIFFERS, "/%s: one file has more attributes", path);
  return pair.status;
}

/* ---- networks ------------------------------------------------------------------------------- */

/* The indices of the networks of a file, ascending; NULL, with a status, on failure. */
static int64_t *read_networks(hid_t file, const char *name, int64_t *rows, tame_status *status)
{
  const bool there = H5Lexists(file, "network", H5P_DEFAULT) > 0;
  const hid_t set = there ? H5Dopen2(file, "network", H5P_DEFAULT) : -1;
  int64_t *networks = NULL;
  *rows = 0;
  if (set >= 0) {
    const hid_t space = H5Dget_space(set);
    *rows = (int64_t)H5Sget_simple_extent_npoints(space);
    H5Sclose(space);
    networks = tame_untouched(*rows, sizeof *networks, "the list of networks");
    if (!networks) *status = TAME_ERR_NOMEM;
  }
  if (networks && H5Dread(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, networks) < 0) {
    free(networks);
    networks = NULL;
  }
  if (set >= 0) H5Dclose(set);
  if (!networks && *status == TAME_OK)
    *status = tame_fail(TAME_ERR_INPUT, "'%s' is damaged: it lists no networks", name);
  return networks;
}

/* Those of the ascending list a that b lacks, as "3, 17-20", the first few; how many there are. */
static int64_t list_missing(const int64_t *a, int64_t rows_a, const int64_t *b, int64_t rows_b,
                            char *text, size_t size)
{
  int64_t missing = 0, j = 0;
  int ranges = 0;
  *text = '\0';
  for (int64_t i = 0; i < rows_a;) {
    while (j < rows_b && b[j] < a[i]) j++;
    if (j < rows_b && b[j] == a[i]) {
      i++;
      continue;
    }
    int64_t last = i;
    while (last + 1 < rows_a && a[last + 1] == a[last] + 1 && (j == rows_b || b[j] > a[last + 1]))
      last++;
    const size_t used = strlen(text);
    if (ranges == 5) snprintf(text + used, size - used, ", ...");
    else if (ranges < 5 && last > i)
      snprintf(text + used, size - used, "%s%lld-%lld", ranges ? ", " : "", (long long)a[i],
               (long long)a[last]);
    else if (ranges < 5)
      snprintf(text + used, size - used, "%s%lld", ranges ? ", " : "", (long long)a[i]);
    ranges++;
    missing += last - i + 1;
    i = last + 1;
  }
  return missing;
}

/* Do both files hold the same networks? Theirs are then kept, to name them by. */
static tame_status compare_networks(comparison *c)
{
  tame_status status = TAME_OK;
  int64_t rows = 0;
  char only_a[256], only_b[256], parts[2][1024] = {"", ""};
  c->networks = read_networks(c->a, c->name_a, &c->rows, &status);
  int64_t *networks = status == TAME_OK ? read_networks(c->b, c->name_b, &rows, &status) : NULL;
  if (status == TAME_OK) {
    const int64_t in_a = list_missing(c->networks, c->rows, networks, rows, only_a, sizeof only_a);
    const int64_t in_b = list_missing(networks, rows, c->networks, c->rows, only_b, sizeof only_b);
    if (in_a)
      snprintf(parts[0], sizeof parts[0], "%s (%lld) only in '%s'", only_a, (long long)in_a,
               c->name_a);
    if (in_b)
      snprintf(parts[1], sizeof parts[1], "%s (%lld) only in '%s'", only_b, (long long)in_b,
               c->name_b);
    if (in_a || in_b)
      status = tame_fail(TAME_ERR_DIFFERS, "other networks: %s%s%s", parts[0],
                         in_a && in_b ? "; " : "", parts[1]);
  }
  free(networks);
  return status;
}

/* ---- files ---------------------------------------------------------------------------------- */

/* The root's attributes and /run tell how it was done, not what came out. */
static bool is_about_the_run(const char *path)
{
  return strcmp(path, ".") == 0 || strcmp(path, "run") == 0 || strncmp(path, "run/", 4) == 0;
}

static herr_t compare_object(hid_t a, const char *path, const H5O_info_t *info, void *context)
{
  comparison *c = context;
  if (is_about_the_run(path)) return 0;
  if (H5Lexists(c->b, path, H5P_DEFAULT) <= 0) {
    c->status = tame_fail(TAME_ERR_DIFFERS, "/%s: only in '%s'", path, c->name_a);
    return 1;
  }
  const hid_t left = H5Oopen(a, path, H5P_DEFAULT), right = H5Oopen(c->b, path, H5P_DEFAULT);
  if (H5Iget_type(left) != H5Iget_type(right))
    c->status = tame_fail(TAME_ERR_DIFFERS, "/%s: a group in one file, a dataset in the other",
                          path);
  else if (info->type == H5O_TYPE_DATASET) c->status = compare_datasets(c, path, left, right);
  if (c->status == TAME_OK) c->status = compare_attributes(path, left, right);
  H5Oclose(left);
  H5Oclose(right);
  return c->status != TAME_OK;
}

static herr_t find_extra(hid_t b, const char *path, const H5O_info_t *info, void *context)
{
  comparison *c = context;
  (void)b, (void)info;
  if (is_about_the_run(path) || H5Lexists(c->a, path, H5P_DEFAULT) > 0) return 0;
  c->status = tame_fail(TAME_ERR_DIFFERS, "/%s: only in '%s'", path, c->name_b);
  return 1;
}

/* Where the experiments differ, too, their first different lines, after the message. */
static tame_status add_experiments(hid_t a, hid_t b)
{
  char difference[1024], *left = tame_hdf5_text(a, "experiment"),
                         *right = tame_hdf5_text(b, "experiment");
  snprintf(difference, sizeof difference, "%s", tame_message());
  if (left && right && strcmp(left, right) != 0) {
    const char *l = left, *r = right;
    while (strcspn(l, "\n") == strcspn(r, "\n") && strncmp(l, r, strcspn(l, "\n")) == 0 && *l && *r)
      l += strcspn(l, "\n") + 1, r += strcspn(r, "\n") + 1;
    l += strspn(l, " "), r += strspn(r, " ");
    tame_fail(TAME_ERR_DIFFERS, "%s; the experiments differ: '%.*s' and '%.*s'", difference,
              (int)strcspn(l, "\n"), l, (int)strcspn(r, "\n"), r);
  }
  free(left);
  free(right);
  return TAME_ERR_DIFFERS;
}

tame_status tame_results_compare(const char *a, const char *b)
{
  comparison c = {.a = -1, .b = -1, .name_a = a, .name_b = b};
  c.status = tame_hdf5_open_results(a, &c.a, NULL);
  if (c.status == TAME_OK) c.status = tame_hdf5_open_results(b, &c.b, NULL);
  if (c.status == TAME_OK) c.status = compare_networks(&c);
  if (c.status == TAME_OK && H5Ovisit(c.a, H5_INDEX_NAME, H5_ITER_INC, compare_object, &c) < 0)
    c.status = tame_fail(TAME_ERR_INPUT, "'%s' is damaged", a);
  if (c.status == TAME_OK && H5Ovisit(c.b, H5_INDEX_NAME, H5_ITER_INC, find_extra, &c) < 0)
    c.status = tame_fail(TAME_ERR_INPUT, "'%s' is damaged", b);
  if (c.status == TAME_ERR_DIFFERS) c.status = add_experiments(c.a, c.b);
  free(c.networks);
  if (c.a >= 0) H5Fclose(c.a);
  if (c.b >= 0) H5Fclose(c.b);
  return c.status;
}
