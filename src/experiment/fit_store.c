/* What the results hold of a model: weights, wiring, losses, samples; see fit.h. */
#include "base/memory.h"
#include "experiment/fit.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const figures[TAME_FIT_FIGURES] = {
    [TAME_FIT_LOSS] = "loss",
    [TAME_FIT_DATA_LOSS] = "data_loss",
    [TAME_FIT_PENALTY] = "penalty",
    [TAME_FIT_NORM] = "gradient_norm",
    [TAME_FIT_FACTOR] = "factor",
    [TAME_FIT_PASSES] = "passes",
    [TAME_FIT_VALIDATION] = "validation_loss",
    [TAME_FIT_HITS] = "validation_hits",
    [TAME_FIT_SECONDS] = "epoch_s",
    [TAME_FIT_DAMPING] = "damping",
    [TAME_FIT_ITERATIONS] = "iterations",
    [TAME_FIT_REDUCTION] = "reduction",
    [TAME_FIT_STEP] = "step",
};

static const char *const merge_figures[] = {"size", "loss_merged",   "loss", "likeness",      "c",
                                            "d",    "components_95", "ramp", "ramp_by_sample"};

static const char *name_of(const tame_experiment *e, int64_t phase)
{
  return tame_fit_at(e, phase)->name;
}

/* ---- plan ------------------------------------------------------------------------------------ */

__attribute__((format(printf, 6, 7))) static void add(tame_blueprint *b, const char *dims,
                                                      tame_type type, int axes,
                                                      const int64_t *shape, const char *format, ...)
{
  tame_dataset set = {.type = type, .axes = axes, .units = "1"};
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(set.path, sizeof set.path, format, arguments);
  va_end(arguments);
  snprintf(set.dims, sizeof set.dims, "%s", dims);
  memcpy(set.shape, shape, (size_t)axes * sizeof *shape);
  tame_blueprint_add(b, &set);
}

static bool has_figure(const tame_fit *fit, int figure, const tame_variant *loss)
{
  if (figure == TAME_FIT_VALIDATION) return fit->validate != NULL;
  if (figure == TAME_FIT_HITS) return fit->validate && tame_loss_has_classes(loss);
  if (figure > TAME_FIT_SECONDS) return tame_optimizer_searches(&fit->optimizer);
  return true;
}

/* Group of a phase and its data. */
static void group_of(const tame_experiment *e, int64_t phase, char path[TAME_PATH - 16])
{
  const tame_fit *fit = tame_fit_at(e, phase);
  snprintf(path, TAME_PATH - 16, "phases/%s/%s", fit->name,
           tame_data_at(e, tame_fit_find_data(e, fit->data))->name);
}

void tame_fit_path(const tame_experiment *e, int64_t phase, const char *what, char path[TAME_PATH])
{
  char group[TAME_PATH - 16];
  group_of(e, phase, group);
  snprintf(path, TAME_PATH, "%s/%s", group, what);
}

/* "phases/P/D/loss"; "run/phases/P/D/epoch_s". */
static void path_of_figure(const tame_experiment *e, int64_t phase, int figure,
                           char path[TAME_PATH])
{
  char group[TAME_PATH - 16];
  group_of(e, phase, group);
  snprintf(path, TAME_PATH, "%s%s/%s", figure == TAME_FIT_SECONDS ? "run/" : "", group,
           figures[figure]);
}

static void plan_fit(const tame_experiment *e, int64_t phase, tame_blueprint *b)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  char path[TAME_PATH];
  for (int k = 0; k < TAME_FIT_FIGURES; k++) {
    if (!has_figure(fit, k, &fit->gradient.loss)) continue;
    tame_dataset set = {.type = TAME_TYPE_F64,
                        .axes = 2,
                        .shape = {1, fit->epochs},
                        .dims = "network, epoch",
                        .units = "1"};
    path_of_figure(e, phase, k, set.path);
    if (k == TAME_FIT_SECONDS) snprintf(set.units, sizeof set.units, "s");
    tame_blueprint_add(b, &set);
  }
  group_of(e, phase, path);
  add(b, "network", TAME_TYPE_F64, 1, (int64_t[]){1}, "%s/epochs", path);
  tame_blueprint_text(b, path, "loss", fit->gradient.loss.row->name);
  tame_blueprint_text(b, path, "optimizer", fit->optimizer.row->name);
  tame_blueprint_whole(b, path, "batch", tame_fit_batch(e, phase));
  tame_blueprint_whole(b, path, "samples",
                       tame_fit_shape(e, tame_fit_find_data(e, fit->data)).samples);
}

static void plan_samples(const tame_experiment *e, const tame_model *model, int64_t phase,
                         const char *path, tame_blueprint *b)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  const tame_data_shape s = tame_fit_shape(e, tame_fit_find_data(e, fit->data));
  const int64_t n = tame_fit_recorded(e, phase);
  const char *const dims = "network, sample, step, channel";
  const tame_state_part *part;
  const tame_model_run *runs;
  const int n_runs = tame_model_runs(model, &runs),
            last = runs[n_runs - 1].half ? 2 : 1; /* layers whose outputs are y */
  if (n == 0) return;
  add(b, dims, TAME_TYPE_F64, 4, (int64_t[]){1, n, s.steps, s.inputs}, "%s/x", path);
  add(b, dims, TAME_TYPE_F64, 4, (int64_t[]){1, n, s.steps, tame_model_outputs(model)}, "%s/y",
      path);
  if (s.target_steps > 0)
    add(b, dims, TAME_TYPE_F64, 4, (int64_t[]){1, n, s.target_steps, s.width}, "%s/target", path);
  if (s.has_elapsed)
    add(b, "network, sample, step", TAME_TYPE_F64, 3, (int64_t[]){1, n, s.steps}, "%s/elapsed",
        path);
  for (int64_t k = 0; fit->states && k < tame_model_state_parts(model, &part); k++)
    add(b, dims, TAME_TYPE_F64, 4, (int64_t[]){1, n, s.steps, part[k].width}, "%s/states/%s", path,
        part[k].name);
  for (int l = 0; fit->states && l + last < tame_model_layers(model); l++)
    add(b, dims, TAME_TYPE_F64, 4, (int64_t[]){1, n, s.steps, tame_model_layer_width(model, l)},
        "%s/outputs/%s", path, tame_model_layer_label(model, l));
}

static void plan_test(const tame_experiment *e, const tame_model *model, int64_t phase,
                      tame_blueprint *b)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  const int64_t data = tame_fit_find_data(e, fit->data);
  const tame_bptt_params p = tame_fit_gradient(e, phase);
  char path[TAME_PATH - 16];
  group_of(e, phase, path);
  if (tame_fit_shape(e, data).target_steps > 0) {
    add(b, "network", TAME_TYPE_F64, 1, (int64_t[]){1}, "%s/loss", path);
    if (tame_loss_has_classes(&p.loss))
      add(b, "network", TAME_TYPE_F64, 1, (int64_t[]){1}, "%s/hits", path);
  }
  plan_samples(e, model, phase, path, b);
  tame_blueprint_text(b, path, "loss", p.loss.row->name);
}

/* Number 0 of the axis `merge` is the network before the first one. */
static void plan_condense(const tame_experiment *e, const tame_model *model, int64_t phase,
                          tame_blueprint *b)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  const int64_t shape[] = {1, tame_condense_most(e, phase) + 1},
                units[] = {1, tame_condense_units(e, phase)}, one[] = {1};
  const tame_bptt_params p = tame_fit_gradient(e, phase);
  const char *const dims = "network, merge";
  char path[TAME_PATH - 16];
  group_of(e, phase, path);
  for (int k = 0; k < TAME_CONDENSE_FIGURES; k++)
    add(b, dims, TAME_TYPE_F64, 2, shape, "%s/%s", path, merge_figures[k]);
  add(b, dims, TAME_TYPE_I64, 2, shape, "%s/kept", path);
  add(b, dims, TAME_TYPE_I64, 2, shape, "%s/removed", path);
  add(b, "network", TAME_TYPE_F64, 1, one, "%s/merges", path);
  add(b, "network", TAME_TYPE_F64, 1, one, "%s/until", path);
  add(b, "network, unit", TAME_TYPE_I64, 2, units, "%s/left", path);
  tame_blueprint_text(b, path, "loss", p.loss.row->name);
  tame_blueprint_text(b, path, "layer",
                      tame_model_layer_label(model, tame_condense_layer(e, model, phase)));
  if (fit->retrain > 0) tame_blueprint_text(b, path, "optimizer", fit->optimizer.row->name);
}

static void plan_wiring(const tame_model *model, int layer, tame_blueprint *b)
{
  const tame_circuit *c = tame_model_circuit(model, layer);
  char path[TAME_PATH - 16];
  if (!c) return;
  snprintf(path, sizeof path, "wiring/%s", tame_model_layer_label(model, layer));
  add(b, "network, source, unit", TAME_TYPE_F32, 3, (int64_t[]){1, c->units, c->units}, "%s/inner",
      path);
  add(b, "network, source, unit", TAME_TYPE_F32, 3, (int64_t[]){1, c->inputs, c->units},
      "%s/sensory", path);
  add(b, "network, layer, part", TAME_TYPE_I64, 3, (int64_t[]){1, 3, 2}, "%s/layers", path);
  add(b, "network", TAME_TYPE_F64, 1, (int64_t[]){1}, "%s/sparsity", path);
  tame_blueprint_whole(b, path, "outputs", c->outputs);
}

void tame_fit_plan(const tame_experiment *e, const tame_model *model, tame_blueprint *b)
{
  const tame_view *view;
  const int64_t views = tame_model_views(model, &view);
  for (int64_t k = 0; k < e->data.count; k++)
    add(b, "network", TAME_TYPE_I64, 1, (int64_t[]){1}, "data/%s/checksum",
        tame_data_at(e, k)->name);
  add(b, "network", TAME_TYPE_I64, 1, (int64_t[]){1}, "model/parameters");
  add(b, "network", TAME_TYPE_I64, 1, (int64_t[]){1}, "model/parameters_published");
  for (int l = 0; l < tame_model_layers(model); l++) plan_wiring(model, l, b);
  for (int64_t k = 0; k < e->phases.count; k++) {
    char path[TAME_PATH];
    const tame_row *row = ((const tame_variant *)e->phases.at)[k].row;
    if (tame_fit_learns(e, k)) plan_fit(e, k, b);
    else if (tame_fit_condenses(e, k)) plan_condense(e, model, k, b);
    else plan_test(e, model, k, b);
    snprintf(path, sizeof path, "phases/%s", name_of(e, k));
    tame_blueprint_whole(b, path, "index", k);
    tame_blueprint_text(b, path, "kind", row->name);
  }
  for (int when = e->keep == TAME_KEEP_FINAL; e->keep != TAME_KEEP_NONE && when < 2; when++)
    for (int64_t k = 0; k < views; k++)
      add(b, "network, row, column", TAME_TYPE_F64, 3,
          (int64_t[]){1, view[k].rows, view[k].columns}, "weights/%s/%s",
          when ? "final" : "initial", view[k].name);
}

/* ---- put ------------------------------------------------------------------------------------- */

/* One whole row of a dataset. */
static tame_status put(tame_results *results, int64_t row, tame_type type, const void *data,
                       const char *path)
{
  int64_t shape[TAME_AXES] = {0}, start[TAME_AXES] = {row};
  tame_results_shape(results, path, shape);
  shape[0] = 1;
  return tame_results_write(results, path, type, start, shape, data);
}

tame_status tame_fit_put_data(const tame_experiment *e, tame_results *results, int64_t row)
{
  tame_status status = TAME_OK;
  for (int64_t k = 0; status == TAME_OK && k < e->data.count; k++) {
    char path[TAME_PATH];
    const int64_t sum = (int64_t)tame_data_checksum(tame_data_at(e, k));
    snprintf(path, sizeof path, "data/%s/checksum", tame_data_at(e, k)->name);
    status = put(results, row, TAME_TYPE_I64, &sum, path);
  }
  return status;
}

/* Signs of synapses as a matrix [sources][units] of a dataset [.., ..] that may be larger. */
static tame_status put_synapses(const tame_synapses *s, tame_results *results, int64_t row,
                                const char *path)
{
  float *matrix = tame_zeroed(s->sources * s->destinations, sizeof *matrix, "a wiring");
  if (!matrix) return TAME_ERR_NOMEM;
  for (int64_t j = 0; j < s->destinations; j++)
    for (int64_t k = s->start[j]; k < s->start[j + 1]; k++)
      matrix[s->source[k] * s->destinations + j] = s->sign[k] > 0 ? 1 : -1;
  const int64_t start[TAME_AXES] = {row}, count[TAME_AXES] = {1, s->sources, s->destinations};
  const tame_status status = tame_results_write(results, path, TAME_TYPE_F32, start, count, matrix);
  free(matrix);
  return status;
}

tame_status tame_fit_put_wiring(const tame_model *model, tame_results *results, int64_t row)
{
  const int64_t count = tame_model_count(model), published = tame_model_count_published(model);
  tame_status status = put(results, row, TAME_TYPE_I64, &count, "model/parameters");
  if (status == TAME_OK)
    status = put(results, row, TAME_TYPE_I64, &published, "model/parameters_published");
  for (int l = 0; status == TAME_OK && l < tame_model_layers(model); l++) {
    const tame_circuit *c = tame_model_circuit(model, l);
    const double sparsity = c ? tame_circuit_sparsity(c) : 0;
    char path[TAME_PATH];
    int64_t layers[3][2] = {{0}};
    if (!c) continue;
    for (int k = 0; k < c->layers; k++) {
      layers[k][0] = c->layer[k].first;
      layers[k][1] = c->layer[k].count;
    }
    snprintf(path, sizeof path, "wiring/%s/inner", tame_model_layer_label(model, l));
    status = put_synapses(&c->inner, results, row, path);
    snprintf(path, sizeof path, "wiring/%s/sensory", tame_model_layer_label(model, l));
    if (status == TAME_OK) status = put_synapses(&c->sensory, results, row, path);
    snprintf(path, sizeof path, "wiring/%s/layers", tame_model_layer_label(model, l));
    if (status == TAME_OK) status = put(results, row, TAME_TYPE_I64, layers, path);
    snprintf(path, sizeof path, "wiring/%s/sparsity", tame_model_layer_label(model, l));
    if (status == TAME_OK) status = put(results, row, TAME_TYPE_F64, &sparsity, path);
  }
  return status;
}

static tame_status put_view(const tame_view *view, const double *slab, const char *path,
                            tame_results *results, int64_t row)
{
  double *matrix = tame_zeroed(view->rows * view->columns, sizeof *matrix, "weights");
  if (!matrix) return TAME_ERR_NOMEM;
  for (int64_t k = 0; k < view->count; k++) {
    int64_t r, c;
    tame_view_place(view, k, &r, &c);
    matrix[r * view->columns + c] = slab[view->first + k];
  }
  const int64_t start[TAME_AXES] = {row}, count[TAME_AXES] = {1, view->rows, view->columns};
  const tame_status status = tame_results_write(results, path, TAME_TYPE_F64, start, count, matrix);
  free(matrix);
  return status;
}

tame_status tame_fit_put_weights(const tame_model *model, const double *slab, const char *when,
                                 tame_results *results, int64_t row)
{
  const tame_view *view;
  const int64_t views = tame_model_views(model, &view);
  tame_status status = TAME_OK;
  for (int64_t k = 0; status == TAME_OK && k < views; k++) {
    char path[TAME_PATH];
    snprintf(path, sizeof path, "weights/%s/%s", when, view[k].name);
    if (tame_results_width(results, path) > 0)
      status = put_view(&view[k], slab, path, results, row);
  }
  return status;
}

tame_status tame_fit_put_epoch(const tame_experiment *e, int64_t phase, int64_t epoch,
                               const double values[TAME_FIT_FIGURES], tame_results *results,
                               int64_t row)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  const int64_t start[TAME_AXES] = {row, epoch}, one[TAME_AXES] = {1, 1};
  const double done = (double)epoch + 1;
  char path[TAME_PATH];
  tame_status status = TAME_OK;
  for (int k = 0; status == TAME_OK && k < TAME_FIT_FIGURES; k++) {
    if (!has_figure(fit, k, &fit->gradient.loss)) continue;
    path_of_figure(e, phase, k, path);
    status = tame_results_write(results, path, TAME_TYPE_F64, start, one, &values[k]);
  }
  tame_fit_path(e, phase, "epochs", path);
  if (status != TAME_OK || isnan(values[TAME_FIT_LOSS])) return status;
  return tame_results_write(results, path, TAME_TYPE_F64, start, one, &done);
}

tame_status tame_fit_put_test(const tame_experiment *e, int64_t phase, double loss, double hits,
                              tame_results *results, int64_t row)
{
  const char *const names[] = {"loss", "hits"};
  const double values[] = {loss, hits};
  tame_status status = TAME_OK;
  for (int k = 0; status == TAME_OK && k < 2; k++) {
    char path[TAME_PATH];
    tame_fit_path(e, phase, names[k], path);
    if (tame_results_width(results, path) > 0)
      status = put(results, row, TAME_TYPE_F64, &values[k], path);
  }
  return status;
}

tame_status tame_condense_put(const tame_experiment *e, int64_t phase, int64_t merge,
                              const double values[TAME_CONDENSE_FIGURES], tame_results *results,
                              int64_t row)
{
  const int64_t start[TAME_AXES] = {row, merge}, one[TAME_AXES] = {1, 1};
  tame_status status = TAME_OK;
  for (int k = 0; status == TAME_OK && k < TAME_CONDENSE_FIGURES; k++) {
    char path[TAME_PATH];
    if (isnan(values[k])) continue;
    tame_fit_path(e, phase, merge_figures[k], path);
    status = tame_results_write(results, path, TAME_TYPE_F64, start, one, &values[k]);
  }
  return status;
}

tame_status tame_condense_put_pair(const tame_experiment *e, int64_t phase, int64_t merge,
                                   int64_t kept, int64_t removed, tame_results *results,
                                   int64_t row)
{
  const int64_t start[TAME_AXES] = {row, merge}, one[TAME_AXES] = {1, 1};
  char path[TAME_PATH];
  tame_fit_path(e, phase, "kept", path);
  const tame_status status = tame_results_write(results, path, TAME_TYPE_I64, start, one, &kept);
  tame_fit_path(e, phase, "removed", path);
  return status == TAME_OK ? tame_results_write(results, path, TAME_TYPE_I64, start, one, &removed)
                           : status;
}

tame_status tame_condense_put_end(const tame_experiment *e, int64_t phase, int64_t merges,
                                  const int64_t *units, tame_results *results, int64_t row)
{
  const int64_t n = tame_condense_units(e, phase), start[TAME_AXES] = {row},
                count[TAME_AXES] = {1, n};
  const double made = (double)merges;
  char path[TAME_PATH];
  int64_t *left = tame_zeroed(n, sizeof *left, "units");
  if (!left) return TAME_ERR_NOMEM;
  for (int64_t i = 0; i < n - merges; i++) left[units[i]] = 1;
  tame_fit_path(e, phase, "left", path);
  tame_status status = tame_results_write(results, path, TAME_TYPE_I64, start, count, left);
  tame_fit_path(e, phase, "merges", path);
  if (status == TAME_OK) status = put(results, row, TAME_TYPE_F64, &made, path);
  tame_fit_path(e, phase, "until", path);
  if (status == TAME_OK)
    status = put(results, row, TAME_TYPE_F64, &tame_fit_at(e, phase)->until, path);
  free(left);
  return status;
}

/* ---- take ------------------------------------------------------------------------------------ */

/* A matrix into its view. What the view has no synapse for must be 0: else the file is of another wiring. */
static tame_status take_view(const char *file, const tame_view *view, double *matrix, double *slab)
{
  for (int64_t k = 0; k < view->rows * view->columns; k++)
    if (!isfinite(matrix[k]))
      return tame_fail(TAME_ERR_INPUT, "'%s': %s[%lld][%lld] is %g, want finite numbers", file,
                       view->name, (long long)(k / view->columns), (long long)(k % view->columns),
                       matrix[k]);
  for (int64_t k = 0; k < view->count; k++) {
    int64_t r, c;
    tame_view_place(view, k, &r, &c);
    slab[view->first + k] = matrix[r * view->columns + c];
    matrix[r * view->columns + c] = 0;
  }
  for (int64_t k = 0; k < view->rows * view->columns; k++)
    if (matrix[k] != 0)
      return tame_fail(TAME_ERR_INPUT,
                       "'%s' is of another wiring: %s[%lld][%lld] is %g, where the model has no "
                       "synapse",
                       file, view->name, (long long)(k / view->columns),
                       (long long)(k % view->columns), matrix[k]);
  return TAME_OK;
}

/* As the file of weights has them: one matrix after the other in a block, which is the caller's. */
static tame_status fetch_views(const char *file, int64_t network, int64_t views,
                               const tame_view *view, tame_matrix *wanted, double **block)
{
  int64_t all = 0;
  for (int64_t k = 0; k < views; k++) all += view[k].rows * view[k].columns;
  double *at = *block = tame_untouched(all, sizeof *at, "weights");
  if (!at) return TAME_ERR_NOMEM;
  for (int64_t k = 0; k < views; k++) {
    wanted[k] = (tame_matrix){view[k].name, view[k].rows, view[k].columns, at};
    at += view[k].rows * view[k].columns;
  }
  return tame_matrices_fetch(file, "weights/final", network, views, wanted);
}

tame_status tame_fit_take_weights(const tame_experiment *e, tame_model *model)
{
  const tame_view *view;
  const int64_t views = tame_model_views(model, &view);
  const char *name = e->weights.path;
  char file[4096];
  double *block = NULL;
  snprintf(file, sizeof file, "%s%s%s", *name == '/' ? "" : e->source.folder,
           *name == '/' ? "" : "/", name);
  tame_matrix *wanted = tame_zeroed(views, sizeof *wanted, "weights");
  tame_status status = wanted ? fetch_views(file, e->weights.network, views, view, wanted, &block)
                              : TAME_ERR_NOMEM;
  for (int64_t k = 0; status == TAME_OK && k < views; k++)
    status = take_view(file, &view[k], wanted[k].at, tame_model_slab(model));
  free(block);
  free(wanted);
  return status;
}
