/* Experiments with a model: what the YAML says, and what makes it possible; see fit.h. */
#include "experiment/fit.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tables --------------------------------------------------------------------------------- */

static const char *const kept_weights[] = {"last", "best", NULL};
static const char *const likenesses[] = {"loadings", "correlation", NULL};
static const char *const mergings[] = {"plain", "offset", "average", NULL};
static const char *const keep_names[] = {"none", "final", "both", NULL};

#define AT(member) .offset = offsetof(tame_fit, member)
#define PHASE_NAME                                                                                 \
  {                                                                                                \
    .name = "name", .kind = TAME_STRING, AT(name), .doc = "of the phase, in the results"           \
  }
#define PHASE_DATA                                                                                 \
  {                                                                                                \
    .name = "data", .kind = TAME_STRING, AT(data), .fallback = "",                                 \
    .doc = "which; default: the first"                                                             \
  }
#define PHASE_BATCH                                                                                \
  {                                                                                                \
    .name = "batch", .kind = TAME_INT, AT(batch), .fallback = "0", .max = 1e9,                     \
    .doc = "samples of one update; 0: all there are"                                               \
  }
#define PHASE_SHUFFLE                                                                              \
  {                                                                                                \
    .name = "shuffle", .kind = TAME_BOOL, AT(shuffle), .fallback = "on",                           \
    .doc = "a new order in each epoch"                                                             \
  }
#define PHASE_MEMORY                                                                               \
  {                                                                                                \
    .name = "memory_mb", .kind = TAME_REAL, AT(memory_mb), .fallback = "", .min = 1e-3,            \
    .max = 1e9,                                                                                    \
    .doc = "of a rank, for what gradients need: fewer steps are kept at a time where that would "  \
           "be more"                                                                               \
  }
#define PHASE_OPTIMIZER(words)                                                                     \
  {                                                                                                \
    .name = "optimizer", .kind = TAME_VARIANT, AT(optimizer), .fallback = "adam",                  \
    .table = &tame_optimizers, .doc = "how weights follow the gradient; it starts afresh " words   \
  }
#define PHASE_SCHEDULES                                                                            \
  {                                                                                                \
    .name = "schedules", .kind = TAME_VARIANTS, AT(schedules), .fallback = "",                     \
    .table = &tame_schedules, .doc = "factors of the optimizer's rate, by updates"                 \
  }
#define PHASE_CLIP                                                                                 \
  {                                                                                                \
    .name = "clip", .kind = TAME_GROUP, AT(clip), .group = &tame_clipping_schema,                  \
    .doc = "limits of the gradient"                                                                \
  }
static const tame_field fit_fields[] = {
    PHASE_NAME,
    PHASE_DATA,
    {"epochs", TAME_INT, AT(epochs), .fallback = "1", .min = 1, .max = 1e7,
     .doc = "times that all samples are gone through"},
    PHASE_BATCH,
    PHASE_SHUFFLE,
    {"loss", TAME_VARIANT, AT(loss), .fallback = "", .table = &tame_losses,
     .doc = "short for gradient.loss"},
    {"gradient", TAME_GROUP, AT(gradient), .group = &tame_bptt_schema,
     .doc = "what is made small, and how its gradient is worked out"},
    PHASE_MEMORY,
    PHASE_OPTIMIZER("in each phase"),
    PHASE_SCHEDULES,
    PHASE_CLIP,
    {"validate", TAME_STRING, AT(validate), .fallback = "",
     .doc = "data whose loss is told after each epoch"},
    {"patience", TAME_INT, AT(patience), .fallback = "0", .max = 1e7,
     .doc = "epochs without a lower loss of the validation, after which the phase ends; 0: it goes "
            "on"},
    {"keep", TAME_CHOICE, AT(weights), .fallback = "last", .choices = kept_weights,
     .doc = "weights to go on with: the last, or those best in the validation"},
    {0}};
static const tame_field test_fields[] = {
    PHASE_NAME,
    PHASE_DATA,
    {"loss", TAME_VARIANT, AT(loss), .fallback = "", .table = &tame_losses,
     .doc = "default: that of the first fit, or mse"},
    {"record", TAME_INT, AT(record), .fallback = "8", .min = -1, .max = 1e9,
     .doc = "samples, from the first on, whose inputs, targets and outputs are in the results; -1: "
            "all"},
    {"states", TAME_BOOL, AT(states), .fallback = "off",
     .doc = "record states and outputs of all layers, too"},
    {0}};
static const tame_field condense_fields[] = {
    PHASE_NAME,
    {"data", TAME_STRING, AT(data), .fallback = "",
     .doc = "whose rates are compared, and by whose loss merges are judged; default: the first"},
    {"loss", TAME_VARIANT, AT(loss), .fallback = "", .table = &tame_losses,
     .doc = "default: that of the first fit, or mse"},
    {"layer", TAME_INT, AT(layer), .fallback = "-1", .min = -1, .max = 1e6,
     .doc = "whose units are merged, an rnn, as model.layers counts from 0; -1: the only rnn"},
    {"likeness", TAME_CHOICE, AT(likeness), .fallback = "loadings", .choices = likenesses,
     .doc = "of two units: |cos| of their loadings on principal components, or |correlation|"},
    {"components", TAME_REAL, AT(share), .fallback = "0.95", .min = 1e-6, .max = 0.999999,
     .doc = "share of the variance that those components make up"},
    {"merge", TAME_CHOICE, AT(merging), .fallback = "offset", .choices = mergings,
     .doc = "the unit left out is c times the other, or c times it plus an offset; average: and "
            "the other's inputs become the mean of both"},
    {"until", TAME_REAL, AT(until), .fallback = "2", .min = 1, .max = 1e9,
     .doc = "a merge after which the loss is more than so many times that before the first one is "
            "taken back, and ends the phase"},
    {"smallest", TAME_INT, AT(smallest), .fallback = "2", .min = 2, .max = 1 << 20,
     .doc = "units with which it ends at the latest"},
    {"learned", TAME_REAL, AT(learned), .fallback = "", .max = 1e300,
     .doc = "a loss above it before the first merge says that nothing was learned, and the network "
            "fails; default: any will do"},
    {"retrain", TAME_INT, AT(retrain), .fallback = "0", .max = 1e9,
     .doc = "updates after each merge, of all weights that are left, by the loss and penalties of "
            "the first fit; by its own loss where there is none"},
    {"lessons", TAME_STRING, AT(lessons), .fallback = "",
     .doc = "data of those updates; default: those by which merges are judged"},
    PHASE_BATCH,
    PHASE_SHUFFLE,
    PHASE_MEMORY,
    PHASE_OPTIMIZER("after each merge"),
    PHASE_SCHEDULES,
    PHASE_CLIP,
    {0}};

static const tame_row row_fit = {"fit",
                                 "weights follow the gradient of a loss",
                                 {sizeof(tame_fit), fit_fields}};
static const tame_row row_test = {"test",
                                  "the loss of data, without learning",
                                  {sizeof(tame_fit), test_fields}};
static const tame_row row_condense = {"condense",
                                      "units that are alike are merged, one pair after the other",
                                      {sizeof(tame_fit), condense_fields}};
static const tame_row *const rows[] = {&row_fit, &row_test, &row_condense, NULL};
const tame_table tame_model_phases = {"model phases", rows};

static const tame_field weights_fields[] = {
    {"file", TAME_STRING, .offset = offsetof(struct tame_first_weights, path), .fallback = "",
     .doc = "results whose final weights to begin with, or HDF5 with matrices of the same names; "
            "default: they are drawn"},
    {"network", TAME_INT, .offset = offsetof(struct tame_first_weights, network), .fallback = "0",
     .max = 1e6, .doc = "which one there, by its index in the sweep"},
    {0}};
static const tame_schema weights_schema = {sizeof(struct tame_first_weights), weights_fields};

typedef struct tame_keep {
  int weights;
} tame_keep;
static const tame_field output_fields[] = {
    {"weights", TAME_CHOICE, .offset = offsetof(tame_keep, weights), .fallback = "both",
     .choices = keep_names, .doc = "before and after training"},
    {0}};
static const tame_schema output_schema = {sizeof(tame_keep), output_fields};

#define EXPERIMENT(member) .offset = offsetof(tame_experiment, member)
static const tame_field experiment_fields[] = {
    {"name", TAME_STRING, EXPERIMENT(name), .fallback = "experiment", .doc = "of the experiment"},
    {"model", TAME_GROUP, EXPERIMENT(model), .group = &tame_model_schema, .doc = "what learns"},
    {"weights", TAME_GROUP, EXPERIMENT(weights), .group = &weights_schema,
     .doc = "what the model begins with"},
    {"data", TAME_LIST, EXPERIMENT(data), .group = &tame_data_schema,
     .doc = "sequences to learn from"},
    {"phases", TAME_VARIANTS, EXPERIMENT(phases), .table = &tame_model_phases,
     .doc = "what happens, in this order"},
    {"output", TAME_GROUP, EXPERIMENT(keep), .group = &output_schema, .doc = "what is kept"},
    {"sweep", TAME_GROUP, EXPERIMENT(sweep), .group = &tame_sweep_schema,
     .doc = "many models, which differ in some keys"},
    {0}};
const tame_schema tame_model_experiment_schema = {sizeof(tame_experiment), experiment_fields};

static const double MOST_FRESH = 1099511627776.; /* samples of a phase: ids, see fit.h */

/* ---- small questions ------------------------------------------------------------------------ */

bool tame_fit_learns(const tame_experiment *e, int64_t phase)
{
  return ((const tame_variant *)e->phases.at)[phase].row == &row_fit;
}

bool tame_fit_condenses(const tame_experiment *e, int64_t phase)
{
  return ((const tame_variant *)e->phases.at)[phase].row == &row_condense;
}

bool tame_fit_updates(const tame_experiment *e, int64_t phase)
{
  return tame_fit_learns(e, phase) ||
         (tame_fit_condenses(e, phase) && tame_fit_at(e, phase)->retrain > 0);
}

int64_t tame_fit_lessons(const tame_experiment *e, int64_t phase)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  return tame_fit_find_data(e, fit->lessons ? fit->lessons : fit->data);
}

int64_t tame_fit_find_data(const tame_experiment *e, const char *name)
{
  if (!name) return 0;
  for (int64_t k = 0; k < e->data.count; k++)
    if (strcmp(tame_data_at(e, k)->name, name) == 0) return k;
  return -1;
}

tame_bptt_params tame_fit_gradient(const tame_experiment *e, int64_t phase)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  tame_bptt_params p = {.micro_batch = 16};
  if (tame_fit_learns(e, phase)) {
    p = fit->gradient;
    p.damped = tame_optimizer_curvature(&fit->optimizer) >= 0;
    return p;
  }
  for (int64_t k = e->phases.count - 1; k >= 0; k--)
    if (tame_fit_learns(e, k)) p = tame_fit_at(e, k)->gradient;
  if (tame_fit_updates(
          e, phase)) { /* as the first fit did; its own loss is to judge by, if there is one */
    if (!p.loss.row) p.loss = fit->loss;
    p.damped = tame_optimizer_curvature(&fit->optimizer) >= 0;
    return p;
  }
  if (fit->loss.row) p.loss = fit->loss;
  p.penalties = (tame_penalties){0};
  p.truncate = 0;
  return p;
}

tame_bptt_params tame_fit_judging(const tame_experiment *e, int64_t phase, int64_t data)
{
  tame_bptt_params p = tame_fit_gradient(e, phase);
  if (tame_fit_at(e, phase)->loss.row) p.loss = tame_fit_at(e, phase)->loss;
  p.penalties = (tame_penalties){0};
  p.truncate = 0;
  p.damped = false;
  p.segment = (int64_t)ceil(sqrt((double)tame_fit_shape(e, data).steps)); /* the least memory */
  return p;
}

tame_data_shape tame_fit_shape(const tame_experiment *e, int64_t data)
{
  tame_data_shape shape = {0};
  const char *key;
  (void)tame_data_shape_of(tame_data_at(e, data), &shape, &key); /* it was checked */
  return shape;
}

int64_t tame_fit_batch(const tame_experiment *e, int64_t phase)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  return fit->batch ? fit->batch : tame_fit_shape(e, tame_fit_lessons(e, phase)).samples;
}

int64_t tame_fit_recorded(const tame_experiment *e, int64_t phase)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  const int64_t samples = tame_fit_shape(e, tame_fit_find_data(e, fit->data)).samples;
  return fit->record >= 0 && fit->record < samples ? fit->record : samples;
}

/* What judging data takes. */
static tame_status need_judge(const tame_experiment *e, const tame_model *model, int64_t phase,
                              int64_t data, int ranks, int threads, int64_t *bytes)
{
  const tame_data_shape shape = tame_fit_shape(e, data);
  const tame_bptt_params p = tame_fit_judging(e, phase, data);
  const tame_status status = tame_bptt_need(model, &p, shape.samples, shape.steps, ranks, threads,
                                            bytes);
  *bytes += tame_fit_source_need(e, model, data, phase, threads);
  return status;
}

/* What learning takes but for its gradients: the validation, its own samples, their order. */
static tame_status need_beside(const tame_experiment *e, const tame_model *model, int64_t phase,
                               int ranks, int threads, int64_t *bytes)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  const int64_t data = tame_fit_lessons(e, phase);
  tame_status status = TAME_OK;
  *bytes = 0;
  if (fit->validate)
    status = need_judge(e, model, phase, tame_fit_find_data(e, fit->validate), ranks, threads,
                        bytes);
  *bytes += tame_fit_source_need(e, model, data, phase, threads) +
            tame_fit_shape(e, data).samples * (int64_t)sizeof(int64_t);
  return status;
}

/* What gradients take, with those of products. */
static tame_status need_gradients(const tame_experiment *e, const tame_model *model, int64_t phase,
                                  const tame_bptt_params *p, int ranks, int threads, int64_t *bytes)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  const int64_t steps = tame_fit_shape(e, tame_fit_lessons(e, phase)).steps,
                batch = tame_fit_batch(e, phase), some = tame_optimizer_curvature(&fit->optimizer);
  int64_t products = 0;
  tame_status status = tame_bptt_need(model, p, batch, steps, ranks, threads, bytes);
  if (status == TAME_OK && some > 0 && some < batch)
    status = tame_bptt_need(model, p, some, steps, ranks, threads, &products);
  *bytes += products;
  return status;
}

/* What a phase takes but for updates: its judging; and to condense, moments of rates. */
static tame_status need_round(const tame_experiment *e, const tame_model *model, int64_t phase,
                              int ranks, int threads, int64_t *bytes)
{
  const int64_t data = tame_fit_find_data(e, tame_fit_at(e, phase)->data);
  tame_model *rates = NULL;
  *bytes = 0;
  if (tame_fit_learns(e, phase)) return TAME_OK;
  tame_status status = need_judge(e, model, phase, data, ranks, threads, bytes);
  if (status != TAME_OK || !tame_fit_condenses(e, phase)) return status;
  status = tame_condense_model(&rates, e, phase, tame_condense_units(e, phase), true);
  if (status == TAME_OK) *bytes += tame_fit_moments_need(e, phase, rates, ranks, threads);
  tame_model_free(&rates);
  /* and the model that is worked on */
  *bytes += tame_model_count(model) * (int64_t)sizeof(double);
  return status;
}

tame_status tame_fit_need(const tame_experiment *e, const tame_model *model, int64_t phase,
                          int ranks, int threads, int64_t *segment, int64_t *bytes)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  tame_bptt_params p = tame_fit_gradient(e, phase);
  int64_t beside, round, now = 0;
  *segment = *bytes = 0;
  tame_status status = need_round(e, model, phase, ranks, threads, &round);
  if (status != TAME_OK || !tame_fit_updates(e, phase)) {
    *bytes = round;
    return status;
  }
  status = need_beside(e, model, phase, ranks, threads, &beside);
  beside += round;
  if (status == TAME_OK) status = need_gradients(e, model, phase, &p, ranks, threads, bytes);
  *segment = p.segment;
  int64_t s = p.segment ? p.segment : tame_fit_shape(e, tame_fit_lessons(e, phase)).steps;
  while (status == TAME_OK && (double)(*bytes + beside) > fit->memory_mb * 1e6 && s > 1) {
    p.segment = s /= 2; /* the best of T, T/2, T/4, ... steps */
    status = need_gradients(e, model, phase, &p, ranks, threads, &now);
    if (now < *bytes) *bytes = now, *segment = s;
  }
  *bytes += beside;
  return status;
}

/* ---- checks --------------------------------------------------------------------------------- */

/* Where a key of a phase stands. */
static const char *phase_path(const tame_experiment *e, int64_t k, const char *key)
{
  static char path[256];
  snprintf(path, sizeof path, "phases[%lld].%s.%s", (long long)k,
           ((const tame_variant *)e->phases.at)[k].row->name, key);
  return path;
}

/* A failure at a key; the message of a deeper room becomes the reason. */
static tame_status bad(const tame_experiment *e, tame_status status, const char *path)
{
  char why[2048];
  if (status != TAME_ERR_INPUT) return status;
  snprintf(why, sizeof why, "%s", tame_message());
  return tame_yaml_fail_at(e->marks, path, "%s", why);
}

static tame_status no_data(const tame_experiment *e, const char *path, const char *name)
{
  char all[256] = "";
  for (int64_t k = 0; k < e->data.count; k++) {
    const size_t used = strlen(all);
    snprintf(all + used, sizeof all - used, "%s'%s'", k ? ", " : "", tame_data_at(e, k)->name);
  }
  return tame_yaml_fail_at(e->marks, path, "there are no data '%s', but %s", name, all);
}

/* Read data, see what they are like. Collective. */
static tame_status check_data(tame_experiment *e, MPI_Comm comm, int64_t k)
{
  tame_data *data = tame_data_at(e, k);
  tame_data_shape shape = {0};
  const char *key = "name";
  char path[256];
  snprintf(path, sizeof path, "data[%lld].name", (long long)k);
  tame_status status = tame_check_name(e, data->name, path);
  for (int64_t j = 0; status == TAME_OK && j < k; j++)
    if (strcmp(data->name, tame_data_at(e, j)->name) == 0)
      return tame_yaml_fail_at(e->marks, path, "there are data '%s' already", data->name);
  if (status != TAME_OK) return status;
  status = tame_data_load(data, e->source.folder, comm, &key);
  if (status == TAME_OK) status = tame_data_shape_of(data, &shape, &key);
  snprintf(path, sizeof path, "data[%lld].%s", (long long)k, key);
  if (status != TAME_OK) return bad(e, status, path);
  if (shape.samples > INT32_MAX)
    return tame_yaml_fail_at(e->marks, path, "'%s' has %lld samples, want less than 2^31 an epoch",
                             data->name, (long long)shape.samples);
  if (shape.inputs == e->model.inputs) return TAME_OK;
  snprintf(path, sizeof path, "data[%lld]", (long long)k);
  return tame_yaml_fail_at(e->marks, path,
                           "'%s' has samples [%lld steps][%lld inputs], and "
                           "model.inputs is %lld",
                           data->name, (long long)shape.steps, (long long)shape.inputs,
                           (long long)e->model.inputs);
}

/* Are the targets of data such as a loss wants? */
static tame_status check_targets(const tame_experiment *e, const tame_model *model, int64_t phase,
                                 int64_t data, const char *path)
{
  const tame_data_shape shape = tame_fit_shape(e, data);
  const tame_bptt_params p = tame_fit_gradient(e, phase);
  const char *name = tame_data_at(e, data)->name;
  const int64_t outputs = tame_model_outputs(model);
  int64_t steps, width;
  tame_loss_shape(&p.loss, shape.steps, outputs, &steps, &width);
  const bool by_class = tame_loss_has_classes(&p.loss);
  if (shape.target_steps == 0)
    return tame_fit_learns(e, phase) || tame_fit_condenses(e, phase)
               ? tame_yaml_fail_at(e->marks, path, "'%s' has no targets to %s", name,
                                   tame_fit_learns(e, phase) ? "learn" : "judge merges by")
               : TAME_OK;
  if (by_class != (shape.classes > 0))
    return tame_yaml_fail_at(e->marks, path, "the targets of '%s' are %s, and the loss %s wants %s",
                             name, shape.classes ? "classes" : "numbers", p.loss.row->name,
                             by_class ? "classes" : "numbers");
  if (steps != shape.target_steps || width != shape.width)
    return tame_yaml_fail_at(e->marks, path,
                             "the targets of '%s' are [%lld][%lld] a sample, and the loss %s wants "
                             "[%lld][%lld] of a model with %lld output%s and %lld steps%s",
                             name, (long long)shape.target_steps, (long long)shape.width,
                             p.loss.row->name, (long long)steps, (long long)width,
                             (long long)outputs, outputs == 1 ? "" : "s", (long long)shape.steps,
                             shape.target_steps == 1
                                 ? by_class ? "; one a sequence: {cross_entropy: {over: last}}, "
                                              "or max, or mean"
                                            : "; of one a sequence the other steps want NaN"
                                 : "");
  if (shape.classes > outputs)
    return tame_yaml_fail_at(e->marks, path, "'%s' has %lld classes, and the model %lld outputs",
                             name, (long long)shape.classes, (long long)outputs);
  return TAME_OK;
}

/* What a phase with updates says of them. */
static tame_status check_updates(const tame_experiment *e, int64_t k)
{
  const tame_fit *fit = tame_fit_at(e, k);
  const int64_t data = tame_fit_lessons(e, k), samples = tame_fit_shape(e, data).samples;
  const bool fresh = tame_data_at(e, data)->fresh, learns = tame_fit_learns(e, k),
             searches = tame_optimizer_searches(&fit->optimizer);
  const int64_t truncate = tame_fit_gradient(e, k).truncate;
  double epochs = (double)fit->epochs;
  tame_optimizer *spare = NULL;
  if (fit->batch > samples)
    return tame_yaml_fail_at(e->marks, phase_path(e, k, "batch"),
                             "found %lld, and '%s' has %lld sample%s", (long long)fit->batch,
                             tame_data_at(e, data)->name, (long long)samples,
                             samples == 1 ? "" : "s");
  if (!learns)
    epochs = (double)tame_condense_most(e, k) *
             ceil((double)fit->retrain * (double)tame_fit_batch(e, k) / (double)samples + 1);
  if (fresh && epochs * (double)samples > MOST_FRESH)
    return tame_yaml_fail_at(
        e->marks, phase_path(e, k, learns ? "epochs" : "retrain"),
        "found %lld, and '%s' has %lld new samples in each: want 2^40 in all at most",
        (long long)(learns ? fit->epochs : fit->retrain), tame_data_at(e, data)->name,
        (long long)samples);
  tame_status status = tame_optimizer_create(&spare, &fit->optimizer, 1);
  tame_optimizer_free(&spare);
  if (status != TAME_OK) return bad(e, status, phase_path(e, k, "optimizer"));
  if (tame_optimizer_curvature(&fit->optimizer) >= 0 && truncate > 0)
    return tame_yaml_fail_at(e->marks, phase_path(e, k, learns ? "gradient.truncate" : "optimizer"),
                             "found %lld%s, want 0 with %s, whose products go back over all steps",
                             (long long)truncate, learns ? "" : " as truncate of the first fit",
                             fit->optimizer.row->name);
  if (searches && fit->schedules.count > 0)
    return tame_yaml_fail_at(e->marks, phase_path(e, k, "schedules"),
                             "found some with %s, which chooses its steps by itself",
                             fit->optimizer.row->name);
  if (searches && !(isnan(fit->clip.value) && isnan(fit->clip.norm)))
    return tame_yaml_fail_at(e->marks, phase_path(e, k, "clip"),
                             "found a limit with %s, which chooses its steps by itself",
                             fit->optimizer.row->name);
  return TAME_OK;
}

static tame_status check_fit(const tame_experiment *e, const tame_model *model, int64_t k)
{
  const tame_fit *fit = tame_fit_at(e, k);
  const tame_status status = check_updates(e, k);
  if (status != TAME_OK) return status;
  if (!fit->validate && (fit->patience || fit->weights == TAME_FIT_BEST))
    return tame_yaml_fail_at(e->marks, phase_path(e, k, fit->patience ? "patience" : "keep"),
                             "want `validate`: data to judge the weights by");
  if (!fit->validate) return TAME_OK;
  const int64_t judge = tame_fit_find_data(e, fit->validate);
  if (judge < 0) return no_data(e, phase_path(e, k, "validate"), fit->validate);
  return check_targets(e, model, k, judge, phase_path(e, k, "validate"));
}

static tame_status check_condense(const tame_experiment *e, const tame_model *model, int64_t k)
{
  const tame_fit *fit = tame_fit_at(e, k);
  const char *key = "layer";
  tame_status status = tame_condense_check_phase(e, model, k, &key);
  status = bad(e, status, phase_path(e, k, key));
  if (status != TAME_OK) return status;
  const int64_t lessons = tame_fit_lessons(e, k);
  if (lessons < 0) return no_data(e, phase_path(e, k, "lessons"), fit->lessons);
  if (!tame_fit_updates(e, k)) return TAME_OK;
  status = check_targets(e, model, k, lessons, phase_path(e, k, "lessons"));
  return status == TAME_OK ? check_updates(e, k) : status;
}

static tame_status check_phase(const tame_experiment *e, const tame_model *model, int64_t k)
{
  const tame_fit *fit = tame_fit_at(e, k);
  const int64_t data = tame_fit_find_data(e, fit->data);
  int64_t segment, bytes;
  tame_status status = tame_check_name(e, fit->name, phase_path(e, k, "name"));
  for (int64_t j = 0; status == TAME_OK && j < k; j++)
    if (strcmp(fit->name, tame_fit_at(e, j)->name) == 0)
      status = tame_yaml_fail_at(e->marks, phase_path(e, k, "name"),
                                 "there is a phase '%s' already", fit->name);
  if (status != TAME_OK) return status;
  if (data < 0) return no_data(e, phase_path(e, k, "data"), fit->data);
  status = check_targets(e, model, k, data, phase_path(e, k, "data"));
  if (status == TAME_OK && tame_fit_learns(e, k)) status = check_fit(e, model, k);
  if (status == TAME_OK && tame_fit_condenses(e, k)) status = check_condense(e, model, k);
  if (status != TAME_OK) return status;
  status = tame_fit_need(e, model, k, 1, 1, &segment, &bytes);
  return bad(e, status, phase_path(e, k, tame_fit_learns(e, k) ? "gradient" : "loss"));
}

/* Where nothing is learned, no fit tells what tests without a loss of their own are judged by. */
static tame_status set_losses(tame_experiment *e)
{
  tame_status status = TAME_OK;
  for (int64_t k = 0; k < e->phases.count; k++)
    if (tame_fit_learns(e, k)) return TAME_OK;
  for (int64_t k = 0; status == TAME_OK && k < e->phases.count; k++) {
    tame_fit *fit = ((tame_variant *)e->phases.at)[k].params;
    if (!fit->loss.row) status = tame_variant_set(&fit->loss, &tame_losses, "mse");
  }
  return status;
}

/* A fit's own `loss` is that of its gradient. */
static tame_status take_loss(tame_experiment *e, int64_t k)
{
  tame_fit *fit = ((tame_variant *)e->phases.at)[k].params;
  if (!tame_fit_learns(e, k) || !fit->loss.row) return TAME_OK;
  if (tame_yaml_find(e->marks, phase_path(e, k, "gradient.loss")))
    return tame_yaml_fail_at(e->marks, phase_path(e, k, "loss"),
                             "found one, and gradient.loss as well: want one of them");
  const tame_variant given = fit->loss;
  fit->loss = fit->gradient.loss; /* freed with the phase */
  fit->gradient.loss = given;
  return TAME_OK;
}

/* The word before ": ", and what follows; NULL where there is none. */
static const char *take_word(const char *at, int *length)
{
  *length = (int)strspn(at, "abcdefghijklmnopqrstuvwxyz_0123456789[]");
  return *length > 0 && strncmp(at + *length, ": ", 2) == 0 ? at + *length + 2 : NULL;
}

/* A fault of the model, "layers[1]: gru: units: found ...", at the key that it names. */
static tame_status bad_model(const tame_experiment *e, tame_status status)
{
  char message[2048], path[512];
  int layer, cell = 0, key = 0;
  snprintf(message, sizeof message, "%s", tame_message());
  const char *at_cell = take_word(message, &layer),
             *at_key = at_cell ? take_word(at_cell, &cell) : NULL,
             *why = at_key ? take_word(at_key, &key) : NULL;
  if (status != TAME_ERR_INPUT || !why || strncmp(message, "layers[", 7) != 0)
    return bad(e, status, "model");
  snprintf(path, sizeof path, "model.%.*s.%.*s.%.*s", layer, message, cell, at_cell, key, at_key);
  return tame_yaml_fail_at(e->marks, path, "%s", why);
}

tame_status tame_fit_check(tame_experiment *e, MPI_Comm comm)
{
  tame_model *model = NULL;
  tame_status status = tame_check_name(e, e->name, "name");
  if (status == TAME_OK && e->data.count == 0)
    status = tame_yaml_fail_at(e->marks, "data", "the list is empty, want at least one");
  if (status == TAME_OK && e->phases.count == 0)
    status = tame_yaml_fail_at(e->marks, "phases", "the list is empty, want at least one phase");
  if (status == TAME_OK && e->model.layers.count == 0)
    status = tame_yaml_fail_at(e->marks, "model.layers", "the list is empty, want at least one");
  if (status == TAME_OK) status = bad_model(e, tame_model_create(&model, &e->model));
  for (int64_t k = 0; status == TAME_OK && k < e->phases.count; k++) status = take_loss(e, k);
  if (status == TAME_OK) status = set_losses(e);
  status = tame_agree(comm, status);
  for (int64_t k = 0; status == TAME_OK && k < e->data.count; k++) status = check_data(e, comm, k);
  for (int64_t k = 0; status == TAME_OK && k < e->phases.count; k++)
    status = check_phase(e, model, k);
  tame_model_free(&model);
  return tame_agree(comm, status);
}
