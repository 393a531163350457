/* Sequences in an HDF5 file; see sequences.h. */
#include "task/sequences.h"

#include "base/memory.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLAB = 1 << 20 /* numbers */, LONGEST = 1 << 30 /* numbers of a sample */ };

/* ---- datasets and their shapes ---------------------------------------------------------------- */

/* "[12][30]" into text. */
static const char *shape_text(int axes, const int64_t *shape, char text[128])
{
  int at = 0;
  text[0] = '\0';
  for (int k = 0; k < axes && k < 3; k++)
    at += snprintf(text + at, 128 - (size_t)at, "[%lld]", (long long)shape[k]);
  return text;
}

static tame_status misshapen(const tame_sequences_file *f, const tame_sequences_array *a,
                             const char *want)
{
  char text[128];
  return tame_fail(TAME_ERR_INPUT, "'%s' %s: found shape %s, want %s", f->wish.path, a->name,
                   shape_text(a->axes, a->shape, text), want);
}

/* What the `dims` of a dataset say; only results files have it. */
static void read_dims(hid_t set, char *text, size_t size)
{
  char *found = NULL;
  text[0] = '\0';
  if (H5Aexists(set, "dims") <= 0) return;
  const hid_t attribute = H5Aopen(set, "dims", H5P_DEFAULT), type = H5Aget_type(attribute);
  const hid_t memory = H5Tcopy(H5T_C_S1);
  if (H5Tis_variable_str(type) > 0) {
    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(type));
    if (H5Aread(attribute, memory, (void *)&found) >= 0 && found) snprintf(text, size, "%s", found);
    if (found) H5free_memory(found);
  } else if (H5Tget_class(type) == H5T_STRING) {
    H5Tset_size(memory, size);
    H5Tset_cset(memory, H5Tget_cset(type));
    if (H5Aread(attribute, memory, text) < 0) text[0] = '\0';
  }
  H5Tclose(memory);
  H5Tclose(type);
  H5Aclose(attribute);
}

/* Axes and their lengths, without that of networks. */
static tame_status find_shape(tame_sequences_file *f, tame_sequences_array *a, const char **key)
{
  char dims[256];
  hsize_t shape[H5S_MAX_RANK] = {0};
  const hid_t space = H5Dget_space(a->set), type = H5Dget_type(a->set);
  const H5T_class_t kind = H5Tget_class(type);
  const int axes = H5Sget_simple_extent_dims(space, shape, NULL);
  H5Sclose(space);
  H5Tclose(type);
  read_dims(a->set, dims, sizeof dims);
  const bool led = strncmp(dims, "network, ", 9) == 0 && axes > 0;
  const size_t length = strlen(dims);
  a->whole = kind == H5T_INTEGER || kind == H5T_ENUM;
  a->axes = axes - led;
  for (int k = 0; k < a->axes && k < 3; k++) a->shape[k] = (int64_t)shape[k + led];
  a->turned = led && a->axes == 3 && length > 6 && strcmp(dims + length - 6, ", time") == 0;
  a->row = -1;
  if (!a->whole && kind != H5T_FLOAT)
    return tame_fail(TAME_ERR_INPUT, "'%s' %s does not hold numbers", f->wish.path, a->name);
  if (a->axes < 1 || a->axes > 3)
    return tame_fail(TAME_ERR_INPUT, "'%s' %s: found %d axes, want 1 to 3, samples first",
                     f->wish.path, a->name, a->axes);
  if (a->turned) {
    const int64_t steps = a->shape[2];
    a->shape[2] = a->shape[1];
    a->shape[1] = steps;
  }
  *key = "network";
  const int64_t network = f->wish.network < 0 ? 0 : f->wish.network;
  if (led) a->row = tame_array_row_of(f->file, network);
  if (led && a->row < 0)
    return tame_fail(TAME_ERR_INPUT, "'%s' does not hold network %lld", f->wish.path,
                     (long long)network);
  if (!led && f->wish.network >= 0)
    return tame_fail(TAME_ERR_INPUT,
                     "found %lld, but '%s' %s is not of a results file, which has networks",
                     (long long)network, f->wish.path, a->name);
  return TAME_OK;
}

static bool wanted(const char *name)
{
  return name && *name;
}

static bool is_there(const tame_sequences_file *f, const char *name)
{
  return H5Lexists(f->file, name, H5P_DEFAULT) > 0;
}

/* A name that was not chosen, of what need not be there. */
static bool may_lack(const tame_sequences_file *f, const tame_sequences_array *a)
{
  return a != &f->x && strcmp(a->name, a->key) == 0;
}

/* Time stamps or elapsed times. */
static void choose_time(tame_sequences_file *f)
{
  const tame_sequences_wish *w = &f->wish;
  const bool elapsed = wanted(w->elapsed) &&
                       (strcmp(w->elapsed, "elapsed") != 0 || is_there(f, w->elapsed));
  if (elapsed && (!wanted(w->time) || strcmp(w->time, "time") == 0)) f->wish.time = NULL;
  const bool stamps = wanted(f->wish.time);
  f->time = (tame_sequences_array){.key = stamps ? "time" : "elapsed",
                                   .name = stamps ? w->time : w->elapsed,
                                   .set = -1};
}

static tame_status open_array(tame_sequences_file *f, tame_sequences_array *a, const char **key)
{
  if (!wanted(a->name) || (may_lack(f, a) && !is_there(f, a->name))) return TAME_OK;
  if (a == &f->mask && may_lack(f, a) && f->y.set < 0) return TAME_OK; /* nothing to mask */
  *key = a->key;
  a->set = H5Dopen2(f->file, a->name, H5P_DEFAULT);
  if (a->set >= 0) return find_shape(f, a, key);
  return tame_fail(TAME_ERR_INPUT, "'%s' has no dataset '%s'", f->wish.path, a->name);
}

/* The shape of samples from those of x and y. */
static tame_status check_targets(tame_sequences_file *f)
{
  const tame_sequences_array *y = &f->y;
  tame_data_shape *s = &f->shape;
  char want[256];
  if (y->set < 0) return TAME_OK;
  s->target_steps = y->axes > 1 ? y->shape[1] : 1;
  s->width = y->axes > 2 ? y->shape[2] : 1;
  const bool fits = s->target_steps == 1 || s->target_steps == s->steps;
  snprintf(want, sizeof want, "[%lld] or [%lld][1 or %lld] or [%lld][1 or %lld][width], as x has",
           (long long)f->x.shape[0], (long long)f->x.shape[0], (long long)s->steps,
           (long long)f->x.shape[0], (long long)s->steps);
  if (y->shape[0] != f->x.shape[0] || !fits || s->width < 1) return misshapen(f, y, want);
  if ((double)s->target_steps * (double)s->width > LONGEST)
    return misshapen(f, y, "at most 2^30 numbers in a sample");
  s->classes = f->wish.classes;
  if (s->classes < 0 && !(y->whole && s->width == 1)) s->classes = 0;
  if (s->classes > 0 && s->width != 1)
    return misshapen(f, y, "one number a step, as they are to be classes");
  return TAME_OK;
}

/* Times and mask: [samples][steps]; a mask may also be [samples]. */
static tame_status check_sides(tame_sequences_file *f, const char **key)
{
  char want[256];
  const tame_data_shape *s = &f->shape;
  const tame_sequences_array *t = &f->time, *m = &f->mask;
  const int64_t samples = f->x.shape[0];
  *key = t->key;
  snprintf(want, sizeof want, "[%lld][%lld], as x has", (long long)samples, (long long)s->steps);
  if (t->set >= 0 && (t->axes != 2 || t->shape[0] != samples || t->shape[1] != s->steps))
    return misshapen(f, t, want);
  if (m->set < 0) return TAME_OK;
  *key = m->key;
  if (f->y.set < 0)
    return tame_fail(TAME_ERR_INPUT, "found '%s', but there are no targets for it to mask",
                     m->name);
  const int64_t steps = m->axes > 1 ? m->shape[1] : 1;
  snprintf(want, sizeof want, "[%lld][%lld], as targets have", (long long)samples,
           (long long)s->target_steps);
  if (m->axes > 2 || m->shape[0] != samples || steps != s->target_steps)
    return misshapen(f, m, want);
  return TAME_OK;
}

static tame_status check_rows(tame_sequences_file *f, const char **key)
{
  const int64_t samples = f->x.shape[0];
  *key = "rows";
  if (f->wish.end < 0) f->wish.end = samples;
  if (f->wish.end > samples)
    return tame_fail(TAME_ERR_INPUT, "found [%lld, %lld], but '%s' %s has %lld samples",
                     (long long)f->wish.first, (long long)f->wish.end, f->wish.path, f->x.name,
                     (long long)samples);
  f->shape.samples = f->wish.end - f->wish.first;
  return TAME_OK;
}

static tame_status check_shapes(tame_sequences_file *f, const char **key)
{
  const tame_sequences_array *x = &f->x;
  *key = x->key;
  if (x->axes != 3 || x->shape[0] < 1 || x->shape[1] < 1 || x->shape[2] < 1)
    return misshapen(f, x, "[sample][step][input]");
  if ((double)x->shape[1] * (double)x->shape[2] > LONGEST)
    return misshapen(f, x, "at most 2^30 numbers in a sample");
  f->shape = (tame_data_shape){.steps = x->shape[1],
                               .inputs = x->shape[2],
                               .has_elapsed = f->time.set >= 0};
  *key = f->y.key;
  tame_status status = check_targets(f);
  if (status == TAME_OK) status = check_sides(f, key);
  return status == TAME_OK ? check_rows(f, key) : status;
}

/* ---- numbers ---------------------------------------------------------------------------------- */

/* Samples first to first + count - 1 of those in the file, in its own order of axes. */
static tame_status read_plain(const tame_sequences_file *f, const tame_sequences_array *a,
                              int64_t first, int64_t count, double *out)
{
  const int led = a->row >= 0, t = a->turned;
  hsize_t from[4] = {(hsize_t)a->row}, shape[4] = {1}, items = 1;
  from[led] = (hsize_t)first;
  shape[led] = (hsize_t)count;
  for (int k = 1; k < a->axes; k++) shape[led + k] = (hsize_t)a->shape[t ? 3 - k : k];
  for (int k = 0; k < led + a->axes; k++) items *= shape[k];
  const hid_t space = H5Dget_space(a->set), memory = H5Screate_simple(1, &items, NULL);
  H5Sselect_hyperslab(space, H5S_SELECT_SET, from, NULL, shape, NULL);
  const herr_t code = H5Dread(a->set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, out);
  H5Sclose(memory);
  H5Sclose(space);
  if (code >= 0) return TAME_OK;
  return tame_fail(TAME_ERR_IO, "cannot read '%s' %s", f->wish.path, a->name);
}

static tame_status read_array(const tame_sequences_file *f, const tame_sequences_array *a,
                              int64_t first, int64_t count, double *out)
{
  if (!a->turned) return read_plain(f, a, first, count, out);
  const int64_t steps = a->shape[1], channels = a->shape[2];
  for (int64_t k = 0; k < count; k++) {
    const tame_status status = read_plain(f, a, first + k, 1, f->scratch);
    if (status != TAME_OK) return status;
    for (int64_t t = 0; t < steps; t++)
      for (int64_t c = 0; c < channels; c++)
        out[(k * steps + t) * channels + c] = f->scratch[c * steps + t];
  }
  return TAME_OK;
}

/* A number that is not as it should be, `at` in a slab with so many steps of so many numbers. */
static tame_status bad_number(const tame_sequences_file *f, const tame_sequences_array *a,
                              int64_t first, int64_t at, int64_t steps, int64_t width, double found,
                              const char *want)
{
  return tame_fail(TAME_ERR_INPUT,
                   "'%s' %s: found %g at sample %lld, step %lld, place %lld; want %s", f->wish.path,
                   a->name, found, (long long)(first + at / (steps * width)),
                   (long long)(at / width % steps), (long long)(at % width), want);
}

static tame_status read_inputs(const tame_sequences_file *f, int64_t first, int64_t count,
                               double *x)
{
  const int64_t steps = f->shape.steps, width = f->shape.inputs;
  const tame_status status = read_array(f, &f->x, first, count, x);
  for (int64_t k = 0; status == TAME_OK && k < count * steps * width; k++)
    if (!isfinite(x[k]))
      return bad_number(f, &f->x, first, k, steps, width, x[k], "finite numbers");
  return status;
}

/* Where the mask is 0 there is no target. */
static tame_status cover(const tame_sequences_file *f, int64_t first, int64_t count, double *y)
{
  const int64_t steps = f->shape.target_steps, width = f->shape.width;
  if (f->mask.set < 0) return TAME_OK;
  const tame_status status = read_plain(f, &f->mask, first, count, f->scratch);
  for (int64_t t = 0; status == TAME_OK && t < count * steps; t++) {
    if (isnan(f->scratch[t]))
      return bad_number(f, &f->mask, first, t, steps, 1, NAN, "0 for no target, or another number");
    for (int64_t c = 0; c < width && f->scratch[t] == 0; c++) y[t * width + c] = NAN;
  }
  return status;
}

static tame_status check_class(tame_sequences_file *f, int64_t first, int64_t at, double found)
{
  char want[64] = "whole numbers from 0 on";
  const int64_t classes = f->shape.classes;
  const double end = classes > 0 ? (double)classes : 0x1p52;
  if (classes > 0)
    snprintf(want, sizeof want, "whole numbers, 0 to %lld", (long long)(classes - 1));
  if (!(found >= 0 && found < end && found == floor(found)))
    return bad_number(f, &f->y, first, at, f->shape.target_steps, 1, found, want);
  if ((int64_t)found > f->most) f->most = (int64_t)found;
  return TAME_OK;
}

static tame_status read_targets(tame_sequences_file *f, int64_t first, int64_t count, double *y)
{
  const int64_t steps = f->shape.target_steps, width = f->shape.width;
  tame_status status = read_array(f, &f->y, first, count, y);
  if (status == TAME_OK) status = cover(f, first, count, y);
  for (int64_t k = 0; status == TAME_OK && k < count * steps * width; k++) {
    if (isnan(y[k])) continue;
    if (isinf(y[k]))
      status = bad_number(f, &f->y, first, k, steps, width, y[k],
                          "finite numbers, or NaN for no target");
    else if (f->shape.classes != 0) status = check_class(f, first, k, y[k]);
  }
  return status;
}

static tame_status read_elapsed(const tame_sequences_file *f, int64_t first, int64_t count,
                                double *elapsed)
{
  const int64_t steps = f->shape.steps;
  const bool stamps = wanted(f->wish.time);
  const tame_status status = read_plain(f, &f->time, first, count, elapsed);
  for (int64_t k = 0; status == TAME_OK && k < count * steps; k++) {
    const bool grows = k % steps == 0 || elapsed[k] > elapsed[k - 1];
    if (stamps ? !isfinite(elapsed[k]) || !grows : !(elapsed[k] > 0 && isfinite(elapsed[k])))
      return bad_number(f, &f->time, first, k, steps, 1, elapsed[k],
                        stamps ? "finite numbers that increase from step to step"
                               : "finite numbers above 0");
  }
  for (int64_t k = count * steps - 1; stamps && status == TAME_OK && k >= 0; k--)
    elapsed[k] = k % steps == 0 ? f->wish.first_elapsed : elapsed[k] - elapsed[k - 1];
  return status;
}

/* ---- the file --------------------------------------------------------------------------------- */

static tame_status open_file(tame_sequences_file *f, const char **key)
{
  *key = "path";
  FILE *seen = fopen(f->wish.path, "rb");
  if (!seen)
    return tame_fail(TAME_ERR_INPUT, "cannot read '%s': %s", f->wish.path, strerror(errno));
  fclose(seen);
  f->file = H5Fopen(f->wish.path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (f->file < 0) return tame_fail(TAME_ERR_INPUT, "cannot read '%s' as HDF5", f->wish.path);
  choose_time(f);
  tame_status status = open_array(f, &f->x, key);
  if (status == TAME_OK) status = open_array(f, &f->y, key);
  if (status == TAME_OK) status = open_array(f, &f->time, key);
  if (status == TAME_OK) status = open_array(f, &f->mask, key);
  return status == TAME_OK ? check_shapes(f, key) : status;
}

/* Room for the mask of a slab, and for a sample that is to be turned. */
static tame_status make_scratch(tame_sequences_file *f)
{
  const tame_data_shape *s = &f->shape;
  const int64_t x = s->steps * s->inputs, y = s->target_steps * s->width;
  const int64_t larger = x > y ? x : y;
  f->at_once = larger < SLAB ? SLAB / larger : 1;
  const int64_t masks = f->mask.set >= 0 ? f->at_once * s->target_steps : 0;
  const int64_t turned = f->x.turned || f->y.turned ? larger : 0;
  f->scratch = tame_untouched(masks > turned ? masks : turned, sizeof *f->scratch,
                              "reading sequences");
  return f->scratch ? TAME_OK : TAME_ERR_NOMEM;
}

tame_status tame_sequences_open(tame_sequences_file *f, const tame_sequences_wish *wish,
                                const char **key)
{
  *f = (tame_sequences_file){.wish = *wish, .file = -1, .most = -1};
  f->x = (tame_sequences_array){.key = "x", .name = wish->x, .set = -1};
  f->y = (tame_sequences_array){.key = "y", .name = wish->y, .set = -1};
  f->time = (tame_sequences_array){.key = "time", .set = -1};
  f->mask = (tame_sequences_array){.key = "mask", .name = wish->mask, .set = -1};
  H5Eget_auto2(H5E_DEFAULT, &f->report, &f->report_context);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  const tame_status status = open_file(f, key);
  if (status != TAME_OK) return status;
  *key = "path";
  return make_scratch(f);
}

tame_status tame_sequences_read(tame_sequences_file *f, int64_t first, int64_t count, double *x,
                                double *y, double *elapsed, const char **key)
{
  first += f->wish.first;
  *key = f->x.key;
  tame_status status = read_inputs(f, first, count, x);
  if (status == TAME_OK && f->y.set >= 0) {
    *key = f->y.key;
    status = read_targets(f, first, count, y);
  }
  if (status == TAME_OK && f->time.set >= 0) {
    *key = f->time.key;
    status = read_elapsed(f, first, count, elapsed);
  }
  return status;
}

void tame_sequences_close(tame_sequences_file *f)
{
  const hid_t sets[] = {f->x.set, f->y.set, f->time.set, f->mask.set};
  for (int k = 0; k < 4; k++)
    if (sets[k] >= 0) H5Dclose(sets[k]);
  if (f->file >= 0) H5Fclose(f->file);
  H5Eset_auto2(H5E_DEFAULT, f->report, f->report_context);
  free(f->scratch);
}
