/* Units that are alike, and a layer without some of them; see tame/condense.h. */
#include "tame/condense.h"

#include "analysis/components.h"
#include "base/memory.h"
#include "linalg/regress.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- moments --------------------------------------------------------------------------------- */

tame_status tame_moments_create(tame_moments *m, int64_t n)
{
  *m = (tame_moments){.units = n};
  m->mean = tame_zeroed(n, sizeof *m->mean, "moments");
  m->covariance = tame_zeroed(n * n, sizeof *m->covariance, "moments");
  m->within = tame_zeroed(n * n, sizeof *m->within, "moments");
  m->slopes = tame_zeroed(n * n, sizeof *m->slopes, "moments");
  m->time = tame_zeroed(n, sizeof *m->time, "moments");
  return m->mean && m->covariance && m->within && m->slopes && m->time ? TAME_OK : TAME_ERR_NOMEM;
}

void tame_moments_free(tame_moments *m)
{
  free(m->mean);
  free(m->covariance);
  free(m->within);
  free(m->slopes);
  free(m->time);
  *m = (tame_moments){0};
}

/* Sums of samples, one after the other: products of rates about the samples' own means, of those means, of slopes,
 * [n][n] each; means, slopes, [n] each. */
int64_t tame_moments_length(int64_t n)
{
  return 3 * n * n + 2 * n;
}

int64_t tame_moments_work(int64_t n, int64_t lanes)
{
  return 2 * lanes * n;
}

/* Sum of (t - mean)^2 over steps t = 0, 1, ...; 1 for a single step, whose slope is 0. */
static double time_square(int64_t steps)
{
  const double t = (double)steps;
  return steps > 1 ? t * (t * t - 1) / 12 : 1;
}

/* A sample's mean and slope, [n] each; r is left about its own mean. */
static void take_sample(int64_t n, int64_t steps, const double *origin, double *r, double *mean,
                        double *slope)
{
  const double middle = 0.5 * (double)(steps - 1), length = sqrt(time_square(steps));
  memset(mean, 0, (size_t)n * sizeof *mean);
  memset(slope, 0, (size_t)n * sizeof *slope);
  for (int64_t t = 0; t < steps; t++)
    for (int64_t i = 0; i < n; i++) mean[i] += (r[t * n + i] -= origin[i]);
  for (int64_t i = 0; i < n; i++) mean[i] /= (double)steps;
  for (int64_t t = 0; t < steps; t++)
    for (int64_t i = 0; i < n; i++) {
      r[t * n + i] -= mean[i];
      slope[i] += ((double)t - middle) / length * r[t * n + i];
    }
}

void tame_moments_block(int64_t n, int64_t steps, int64_t lanes, int64_t count,
                        const double *origin, double *r, double *work, double *out)
{
  double *means = work, *slopes = work + lanes * n, *single = out + 3 * n * n;
  memset(out, 0, (size_t)tame_moments_length(n) * sizeof *out);
  memset(work, 0, (size_t)tame_moments_work(n, lanes) * sizeof *work);
  for (int64_t k = 0; k < count; k++)
    take_sample(n, steps, origin, r + k * steps * n, means + k * n, slopes + k * n);
  memset(r + count * steps * n, 0, (size_t)((lanes - count) * steps * n) * sizeof *r);
  tame_add_product(n, n, lanes * steps, r, n, r, n, out, n);
  tame_add_product(n, n, lanes, means, n, means, n, out + n * n, n);
  tame_add_product(n, n, lanes, slopes, n, slopes, n, out + 2 * n * n, n);
  for (int64_t k = 0; k < count; k++)
    for (int64_t i = 0; i < n; i++) {
      single[i] += means[k * n + i];
      single[n + i] += slopes[k * n + i];
    }
}

void tame_moments_finish(tame_moments *m, int64_t samples, int64_t steps, const double *origin,
                         const double *all)
{
  const int64_t n = m->units;
  const double *within = all, *between = all + n * n, *slopes = all + 2 * n * n,
               *mean = all + 3 * n * n, *slope = mean + n;
  const double each = (double)samples, taken = each * (double)steps;
  m->samples = samples;
  m->steps = steps;
  for (int64_t i = 0; i < n; i++) {
    m->mean[i] = origin[i] + mean[i] / each;
    m->time[i] = slope[i] * sqrt(time_square(steps)) / taken;
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      const int64_t at = i <= j ? i * n + j : j * n + i; /* two halves of the same bits */
      const double of_means = between[at] - mean[i] * mean[j] / each;
      m->within[i * n + j] = within[at] / taken;
      m->slopes[i * n + j] = slopes[at] / taken;
      m->covariance[i * n + j] = (within[at] + (double)steps * of_means) / taken;
    }
}

tame_status tame_moments_components(const tame_moments *m, double *variance, double *vectors)
{
  const int64_t n = m->units;
  double *A = tame_untouched(n * n, sizeof *A, "principal components");
  if (!A) return TAME_ERR_NOMEM;
  memcpy(A, m->covariance, (size_t)(n * n) * sizeof *A);
  const tame_status status = tame_components_solve(n, A, 1, variance);
  for (int64_t k = 0; status == TAME_OK && k < n; k++)
    tame_components_take(n, A, k, vectors + k * n);
  free(A);
  return status;
}

int64_t tame_components_for(int64_t n, const double *variance, double share)
{
  const int64_t count = tame_components_count(n, variance, share);
  return count > 0 ? count : 1;
}

/* v' A v */
static double form(int64_t n, const double *A, const double *v)
{
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    double row = 0;
    for (int64_t j = 0; j < n; j++) row += A[i * n + j] * v[j];
    sum += v[i] * row;
  }
  return sum;
}

void tame_moments_ramp(const tame_moments *m, const double *v, double *common, double *each)
{
  const int64_t n = m->units;
  const double variance = form(n, m->covariance, v), within = form(n, m->within, v),
               time = time_square(m->steps) / (double)m->steps;
  double with_time = 0;
  for (int64_t i = 0; i < n; i++) with_time += v[i] * m->time[i];
  *common = variance > 0 ? fmin(fabs(with_time) / sqrt(variance * time), 1) : NAN;
  *each = within > 0 ? sqrt(fmin(fmax(form(n, m->slopes, v) / within, 0), 1)) : NAN;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static const double SAME = 1e-12; /* likenesses, or shares of variances, that are equal */

static double variance_of(const tame_moments *m, int64_t i)
{
  return m->covariance[i * m->units + i];
}

/* Is all of a unit's variance rounding? */
static bool is_constant(const tame_moments *m, int64_t i)
{
  double largest = 0;
  for (int64_t k = 0; k < m->units; k++) largest = fmax(largest, variance_of(m, k));
  const double sd = sqrt(fmax(variance_of(m, i), 0));
  return sd <= 1e-13 * (fabs(m->mean[i]) + sqrt(largest));
}

/* |cos| of the angle between two rows of loadings; 0 where one is all zeros. */
static double cosine(int64_t n, int64_t components, const double *vectors, int64_t i, int64_t j)
{
  double ij = 0, ii = 0, jj = 0;
  for (int64_t k = 0; k < components; k++) {
    const double a = vectors[k * n + i], b = vectors[k * n + j];
    ij += a * b, ii += a * a, jj += b * b;
  }
  return ii > 0 && jj > 0 ? fmin(fabs(ij) / sqrt(ii * jj), 1) : 0;
}

static double correlation(const tame_moments *m, int64_t i, int64_t j)
{
  const double covariance = m->covariance[i * m->units + j];
  return fmin(fabs(covariance) / sqrt(variance_of(m, i) * variance_of(m, j)), 1);
}

/* Of units of which one at least does not vary. */
static double likeness_of_constant(const tame_moments *m, tame_merging merging, int64_t i,
                                   int64_t j)
{
  const double a = m->mean[i], b = m->mean[j];
  const double ii = variance_of(m, i) + a * a, jj = variance_of(m, j) + b * b;
  if (merging != TAME_MERGE_PLAIN || (is_constant(m, i) && a == 0) || (is_constant(m, j) && b == 0))
    return 1;
  return fmin(fabs(m->covariance[i * m->units + j] + a * b) / sqrt(ii * jj), 1);
}

void tame_moments_likeness(const tame_moments *m, tame_likeness kind, tame_merging merging,
                           int64_t components, const double *vectors, double *likeness)
{
  const int64_t n = m->units;
  for (int64_t i = 0; i < n; i++) {
    const bool constant = is_constant(m, i);
    for (int64_t j = i; j < n; j++) {
      double *const to = &likeness[i * n + j];
      if (i == j) *to = 1;
      else if (constant || is_constant(m, j)) *to = likeness_of_constant(m, merging, i, j);
      else if (kind == TAME_LIKE_CORRELATION) *to = correlation(m, i, j);
      else *to = cosine(n, components, vectors, i, j);
      likeness[j * n + i] = *to;
    }
  }
}

/* r_j ~ c r_i + d, or c r_i. */
static void fit_pair(const tame_moments *m, tame_merging merging, tame_pair *pair)
{
  const int64_t i = pair->kept, j = pair->removed;
  const bool offset = merging != TAME_MERGE_PLAIN;
  double square = variance_of(m, i), product = m->covariance[i * m->units + j];
  if (offset && is_constant(m, i)) square = product = 0;
  if (!offset) {
    square += m->mean[i] * m->mean[i];
    product += m->mean[i] * m->mean[j];
  }
  pair->c = square > 0 ? product / square : 0;
  pair->d = offset ? m->mean[j] - pair->c * m->mean[i] : 0;
}

tame_pair tame_moments_pair(const tame_moments *m, const double *likeness, tame_merging merging)
{
  const int64_t n = m->units;
  tame_pair pair = {.removed = 1, .likeness = -1};
  assert(n > 1);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i + 1; j < n; j++)
      if (likeness[i * n + j] > pair.likeness + SAME)
        pair = (tame_pair){.kept = i, .removed = j, .likeness = likeness[i * n + j]};
  if (variance_of(m, pair.removed) > variance_of(m, pair.kept) * (1 + SAME)) {
    const int64_t larger = pair.removed;
    pair.removed = pair.kept;
    pair.kept = larger;
  }
  fit_pair(m, merging, &pair);
  return pair;
}

/* ---- models: which views have units in them ---------------------------------------------------- */

/* A layer's label, "1.gru_reverse": its number, and its cell without the direction. */
static int64_t number_of(const char *label)
{
  return strtoll(label, NULL, 10);
}

static bool is_cell(const char *label, const char *cell)
{
  const char *at = strchr(label, '.') + 1;
  const size_t length = strlen(cell);
  return strncmp(at, cell, length) == 0 && (!at[length] || strcmp(at + length, "_reverse") == 0);
}

/* The parameter of a view if it is of this layer, "weight_ih"; else NULL. */
static const char *parameter_of(const tame_view *view, const char *label)
{
  const size_t length = strlen(label);
  return strncmp(view->name, label, length) == 0 && view->name[length] == '.'
             ? view->name + length + 1
             : NULL;
}

/* The layer of a view; -1 for none. */
static int layer_of(const tame_model *model, const tame_view *view)
{
  for (int l = 0; l < tame_model_layers(model); l++)
    if (parameter_of(view, tame_model_layer_label(model, l))) return l;
  return -1;
}

static bool is_next(const tame_model *model, int layer, int other)
{
  return number_of(tame_model_layer_label(model, other)) ==
         number_of(tame_model_layer_label(model, layer)) + 1;
}

/* Does a view have a row, or a column, for each unit of a layer? */
typedef struct axes {
  bool rows, columns;
  int of; /* the layer it belongs to */
} axes;

static axes axes_of(const tame_model *model, int layer, const tame_view *view)
{
  axes a = {.of = layer_of(model, view)};
  if (layer < 0) return a;
  const char *what = a.of < 0 ? "" : parameter_of(view, tame_model_layer_label(model, a.of));
  if (a.of == layer) {
    a.rows = strncmp(what, "weight_", 7) == 0;
    a.columns = strcmp(what, "weight_ih") != 0;
  } else if (a.of >= 0 && is_next(model, layer, a.of)) {
    a.columns = strcmp(what, "weight") == 0 || strcmp(what, "weight_ih") == 0;
  }
  return a;
}

/* The bias of what a layer hears; NULL: it has none. */
static const tame_view *bias_of(const tame_model *model, int layer)
{
  const tame_view *view;
  const int64_t views = tame_model_views(model, &view);
  const char *label = tame_model_layer_label(model, layer);
  for (int64_t k = 0; k < views; k++) {
    const char *what = parameter_of(&view[k], label);
    if (what && (strcmp(what, "bias") == 0 || strcmp(what, "bias_ih") == 0)) return &view[k];
  }
  return NULL;
}

/* ---- models: what is possible ------------------------------------------------------------------ */

static tame_status check_next(const tame_model *model, int next, tame_merging merging)
{
  const char *label = tame_model_layer_label(model, next);
  const bool fits = (is_cell(label, "dense") || is_cell(label, "rnn") || is_cell(label, "gru") ||
                     is_cell(label, "lstm")) &&
                    !tame_model_circuit(model, next);
  if (!fits)
    return tame_fail(TAME_ERR_INPUT,
                     "layer %s hears its units, want dense, rnn without a circuit, gru or lstm",
                     label);
  if (merging != TAME_MERGE_PLAIN && !bias_of(model, next))
    return tame_fail(TAME_ERR_INPUT,
                     "layer %s hears its units and has no bias for an offset, want one, or "
                     "merge: plain",
                     label);
  return TAME_OK;
}

tame_status tame_condense_check(const tame_model *model, int layer, tame_merging merging)
{
  const int layers = tame_model_layers(model);
  const char *label = tame_model_layer_label(model, layer);
  bool heard = false, twin = false;
  tame_status status = TAME_OK;
  for (int l = 0; l < layers; l++)
    twin = twin || (l != layer && number_of(tame_model_layer_label(model, l)) == number_of(label));
  if (twin)
    return tame_fail(TAME_ERR_INPUT, "layer %s is bidirectional, want an rnn that hears one way",
                     label);
  if (!is_cell(label, "rnn"))
    return tame_fail(TAME_ERR_INPUT, "layer %s is no rnn, and no other can be condensed", label);
  if (tame_model_circuit(model, layer))
    return tame_fail(TAME_ERR_INPUT, "layer %s has a circuit, want an rnn without one", label);
  for (int l = 0; status == TAME_OK && l < layers; l++) {
    if (!is_next(model, layer, l)) continue;
    heard = true;
    status = check_next(model, l, merging);
  }
  if (status == TAME_OK && !heard)
    return tame_fail(TAME_ERR_INPUT, "layer %s is the last, so that its units are the outputs",
                     label);
  return status;
}

/* The run that a layer is part of; its number there. */
static const tame_model *run_of(const tame_model *model, int *layer)
{
  const tame_model_run *run;
  (void)tame_model_runs(model, &run);
  while (*layer >= tame_model_layers(run->model)) *layer -= tame_model_layers((run++)->model);
  return run->model;
}

tame_status tame_condense_sleeps(const tame_model *whole, int layer, bool *sleeps)
{
  const tame_model *model = run_of(whole, &layer);
  const int64_t sizes[] = {tame_model_count(model),       tame_model_inputs(model),
                           tame_model_state_size(model),  tame_model_state_size(model),
                           tame_model_outputs(model),     tame_model_tape_size(model),
                           tame_model_work_size(model, 1)};
  enum { ARRAYS = sizeof sizes / sizeof *sizes };
  double *array[ARRAYS];
  bool there = true;
  for (int k = 0; k < ARRAYS; k++) {
    array[k] = tame_zeroed(sizes[k], sizeof(double), "a step of a model");
    there = there && array[k];
  }
  *sleeps = there;
  if (there) {
    const tame_step step = {.batch = 1,
                            .slab = array[0],
                            .x = array[1],
                            .state = array[2],
                            .next = array[3],
                            .y = array[4],
                            .tape = array[5],
                            .work = array[6]};
    int64_t width;
    tame_model_step(model, &step);
    const double *y = tame_model_layer_outputs(model, &step, layer, &width);
    for (int64_t i = 0; i < width; i++) *sleeps = *sleeps && y[i] == 0;
  }
  for (int k = 0; k < ARRAYS; k++) free(array[k]);
  return there ? TAME_OK : TAME_ERR_NOMEM;
}

/* ---- models: what is done ---------------------------------------------------------------------- */

/* What hears unit j comes to hear unit i instead: W[:,i] += c W[:,j], b += d W[:,j]. */
static void pass_on(const tame_view *weights, const tame_view *bias, const tame_pair *p,
                    double *slab)
{
  for (int64_t k = 0; k < weights->rows; k++) {
    double *row = slab + weights->first + k * weights->columns;
    row[p->kept] += p->c * row[p->removed];
    if (bias) slab[bias->first + k] += p->d * row[p->removed];
    row[p->removed] = 0;
  }
}

/* Unit j's own, `stride` numbers from one to the next; with `mean` unit i becomes what the two have in common. */
static void let_go(double *own, double *other, int64_t count, bool mean, double sign)
{
  for (int64_t k = 0; k < count; k++) {
    if (mean) own[k] = 0.5 * (own[k] + sign * other[k]);
    other[k] = 0;
  }
}

void tame_condense_merge(const tame_model *model, double *slab, int layer, const tame_pair *pair,
                         tame_merging merging)
{
  const tame_view *view;
  const int64_t views = tame_model_views(model, &view);
  const double sign = pair->c < 0 ? -1 : 1;
  for (int64_t k = 0; k < views; k++) { /* first what they give, then what they get */
    const axes a = axes_of(model, layer, &view[k]);
    if (a.columns && view[k].weight) pass_on(&view[k], bias_of(model, a.of), pair, slab);
  }
  for (int64_t k = 0; k < views; k++) {
    const tame_view *v = &view[k];
    const axes a = axes_of(model, layer, v);
    const bool starts = a.of == layer && strstr(v->name, ".start") != NULL,
               means = merging == TAME_MERGE_AVERAGE && !starts;
    double *at = slab + v->first;
    if (a.rows)
      let_go(at + pair->kept * v->columns, at + pair->removed * v->columns, v->columns, means,
             sign);
    else if (a.of == layer && a.columns)
      let_go(at + pair->kept, at + pair->removed, 1, means, sign);
  }
}

static const tame_view *same_view(const tame_model *model, const char *name)
{
  const tame_view *view;
  const int64_t views = tame_model_views(model, &view);
  for (int64_t k = 0; k < views; k++)
    if (strcmp(view[k].name, name) == 0) return &view[k];
  return NULL;
}

/* Where the large model has the k-th number of a view of the small one. */
static int64_t place_in(const tame_view *large, const tame_view *small, axes a,
                        const int64_t *units, int64_t k)
{
  if (!a.rows && !a.columns) return large->first + k; /* synapses or not: they are alike */
  const int64_t i = k / small->columns, j = k % small->columns;
  return large->first + (a.rows ? units[i] : i) * large->columns + (a.columns ? units[j] : j);
}

void tame_condense_pick(const tame_model *large, const double *slab, int layer,
                        const int64_t *units, const tame_model *small, double *out)
{
  const tame_view *view;
  const int64_t views = tame_model_views(small, &view);
  for (int64_t v = 0; v < views; v++) {
    const tame_view *other = same_view(large, view[v].name);
    const axes a = axes_of(small, layer, &view[v]);
    for (int64_t k = 0; k < view[v].count; k++)
      out[view[v].first + k] = slab[place_in(other, &view[v], a, units, k)];
  }
}

void tame_condense_spread(const tame_model *small, const double *slab, int layer,
                          const int64_t *units, const tame_model *large, double *out)
{
  const tame_view *view;
  const int64_t views = tame_model_views(small, &view);
  memset(out, 0, (size_t)tame_model_count(large) * sizeof *out);
  for (int64_t v = 0; v < views; v++) {
    const tame_view *other = same_view(large, view[v].name);
    const axes a = axes_of(small, layer, &view[v]);
    for (int64_t k = 0; k < view[v].count; k++)
      out[place_in(other, &view[v], a, units, k)] = slab[view[v].first + k];
  }
}
