/* Phases that condense: units of a layer that are alike are merged, a pair at a time, each time in a model with one
 * unit less, and the network is judged; see fit.h, tame/condense.h. The whole model holds the network of the last merge
 * that went well, with zeros where units were left out: the same function, in the shape that the results have. */
#include "base/memory.h"
#include "experiment/fit_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef tame_fit_run_state run;

/* ---- which layer ------------------------------------------------------------------------------ */

static const tame_variant *cell_at(const tame_experiment *e, int64_t layer)
{
  return (const tame_variant *)e->model.layers.at + layer;
}

/* The layer that is meant, as model.layers counts; -1: there is no single rnn. */
static int64_t layer_meant(const tame_experiment *e, int64_t phase)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  int64_t found = -1;
  if (fit->layer >= 0) return fit->layer;
  for (int64_t k = 0; k < e->model.layers.count; k++) {
    if (strcmp(cell_at(e, k)->row->name, "rnn") != 0) continue;
    if (found >= 0) return -1;
    found = k;
  }
  return found;
}

int tame_condense_layer(const tame_experiment *e, const tame_model *model, int64_t phase)
{
  const int64_t meant = layer_meant(e, phase);
  int layer = 0; /* the first cell of a layer that has two */
  while (layer + 1 < tame_model_layers(model) &&
         strtoll(tame_model_layer_label(model, layer), NULL, 10) != meant)
    layer++;
  return layer;
}

/* A cell's number of units, by its table. */
static int64_t *units_of(const tame_variant *cell, void *params)
{
  const tame_field *field = cell->row->params.fields;
  while (field->name && strcmp(field->name, "units") != 0) field++;
  return field->name ? (int64_t *)((char *)params + field->offset) : NULL;
}

int64_t tame_condense_units(const tame_experiment *e, int64_t phase)
{
  const tame_variant *cell = cell_at(e, layer_meant(e, phase));
  return *units_of(cell, cell->params);
}

int64_t tame_condense_most(const tame_experiment *e, int64_t phase)
{
  return tame_condense_units(e, phase) - tame_fit_at(e, phase)->smallest;
}

tame_status tame_condense_model(tame_model **out, const tame_experiment *e, int64_t phase,
                                int64_t units, bool outputs_of)
{
  const int64_t layer = layer_meant(e, phase);
  const size_t size = cell_at(e, layer)->row->params.size;
  tame_model_params p = e->model;
  tame_variant *layers = tame_zeroed(p.layers.count, sizeof *layers, "a model");
  void *params = tame_zeroed((int64_t)size, 1, "a model");
  tame_status status = layers && params ? TAME_OK : TAME_ERR_NOMEM;
  *out = NULL;
  if (status == TAME_OK) { /* what the parameters own stays the experiment's */
    memcpy(layers, p.layers.at, (size_t)p.layers.count * sizeof *layers);
    memcpy(params, layers[layer].params, size);
    *units_of(&layers[layer], params) = units;
    layers[layer].params = params;
    p.layers.at = layers;
    if (outputs_of) p.layers.count = layer + 1;
    status = tame_model_create(out, &p);
  }
  free(params);
  free(layers);
  return status;
}

/* ---- checks ----------------------------------------------------------------------------------- */

/* Phases that learn would wake units that are left out, where 0 in does not give 0. */
static tame_status check_later(const tame_experiment *e, const tame_model *model, int64_t phase)
{
  bool sleeps;
  const int layer = tame_condense_layer(e, model, phase);
  const tame_status status = tame_condense_sleeps(model, layer, &sleeps);
  for (int64_t k = phase + 1; status == TAME_OK && k < e->phases.count; k++) {
    if (tame_fit_condenses(e, k) && tame_condense_layer(e, model, k) == layer)
      return tame_fail(TAME_ERR_INPUT, "layer %s is condensed again by phase '%s', want once",
                       tame_model_layer_label(model, layer), tame_fit_at(e, k)->name);
    if (!sleeps && tame_fit_updates(e, k))
      return tame_fail(TAME_ERR_INPUT,
                       "phase '%s' learns afterwards, and with an activation that is not 0 at 0 "
                       "units that were left out would come back",
                       tame_fit_at(e, k)->name);
  }
  return status;
}

tame_status tame_condense_check_phase(const tame_experiment *e, const tame_model *model,
                                      int64_t phase, const char **key)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  const int64_t layer = layer_meant(e, phase), layers = e->model.layers.count;
  *key = "layer";
  if (layer < 0)
    return tame_fail(TAME_ERR_INPUT, "not given, and the model has no rnn, or several: want its "
                                     "place in model.layers, from 0");
  if (layer >= layers)
    return tame_fail(TAME_ERR_INPUT, "found %lld, and model.layers are 0 to %lld", (long long)layer,
                     (long long)layers - 1);
  tame_status status = tame_condense_check(model, tame_condense_layer(e, model, phase),
                                           (tame_merging)fit->merging);
  if (status == TAME_OK) status = check_later(e, model, phase);
  if (status != TAME_OK) return status;
  *key = "smallest";
  if (tame_condense_most(e, phase) < 1)
    return tame_fail(TAME_ERR_INPUT, "found %lld, and layer %s has %lld units, want fewer",
                     (long long)fit->smallest,
                     tame_model_layer_label(model, tame_condense_layer(e, model, phase)),
                     (long long)tame_condense_units(e, phase));
  return TAME_OK;
}

/* ---- room ------------------------------------------------------------------------------------- */

/* Units after the merges that went well. */
static int64_t size_of(const run *r)
{
  return tame_condense_units(r->e, r->phase) - r->merges;
}

static int layer_of(const run *r)
{
  return tame_condense_layer(r->e, r->whole, r->phase);
}

static void drop_model(run *r)
{
  if (r->model != r->whole) tame_model_free(&r->model);
  r->model = r->whole;
}

/* Work on a model of so many units from now on, and judge it. Collective. */
static tame_status change_model(run *r, int64_t units)
{
  tame_model *model;
  tame_bptt_free(&r->judge);
  tame_fit_source_close(&r->judges);
  const tame_status status = tame_agree(r->member->comm,
                                        tame_condense_model(&model, r->e, r->phase, units, false));
  if (status != TAME_OK) return status;
  drop_model(r);
  r->model = model;
  return tame_fit_open_judge(r, tame_fit_find_data(r->e, tame_fit_at(r->e, r->phase)->data), false);
}

tame_status tame_condense_open(run *r)
{
  const int64_t units = tame_condense_units(r->e, r->phase);
  const bool tries = r->retrained >= 0;
  r->first_loss = NAN;
  r->units = tame_untouched(units, sizeof *r->units, "units");
  for (int64_t i = 0; r->units && i < units; i++) r->units[i] = i;
  tame_status status = tame_agree(r->member->comm, r->units ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) status = change_model(r, size_of(r) - tries);
  if (status == TAME_OK && !r->restored)
    memcpy(tame_model_slab(r->model), tame_model_slab(r->whole),
           (size_t)tame_model_count(r->whole) * sizeof(double));
  if (status == TAME_OK && tame_fit_updates(r->e, r->phase)) status = tame_fit_open_lessons(r);
  if (status == TAME_OK && tries) status = tame_fit_open_updates(r);
  return status;
}

void tame_condense_close(run *r)
{
  drop_model(r);
  free(r->units);
  r->units = NULL;
}

void tame_condense_state(run *r, bool copy, tame_state *state)
{
  const int64_t n = tame_condense_units(r->e, r->phase), count = tame_model_count(r->whole);
  const tame_piece pieces[] = {
      {"condense.whole", TAME_TYPE_F64, count, 0, count, tame_model_slab(r->whole), copy, 0},
      {"condense.units", TAME_TYPE_I64, n, 0, n, r->units, copy, 0},
      {"condense.removed", TAME_TYPE_I64, 1, 0, 1, &r->removed, copy, 0},
      {"condense.first_loss", TAME_TYPE_F64, 1, 0, 1, &r->first_loss, copy, 0},
  };
  for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) tame_state_add(state, &pieces[k]);
}

/* ---- what is found ---------------------------------------------------------------------------- */

/* What rank 0 finds in the moments, as numbers that travel. */
typedef struct finding {
  double kept, removed, likeness, c, d; /* the pair, by places */
  double components, ramp, ramps;
} finding;

/* Rank 0. */
static tame_status find_pair(const run *r, const tame_moments *m, finding *out)
{
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  const int64_t n = m->units;
  double *variance = tame_zeroed(n, sizeof *variance, "principal components"),
         *vectors = tame_zeroed(n * n, sizeof *vectors, "principal components"),
         *likeness = tame_zeroed(n * n, sizeof *likeness, "the likeness of units");
  tame_status status = variance && vectors && likeness ? TAME_OK : TAME_ERR_NOMEM;
  if (status == TAME_OK) status = tame_moments_components(m, variance, vectors);
  if (status == TAME_OK) {
    tame_moments_likeness(m, (tame_likeness)fit->likeness, (tame_merging)fit->merging,
                          tame_components_for(n, variance, fit->share), vectors, likeness);
    const tame_pair p = tame_moments_pair(m, likeness, (tame_merging)fit->merging);
    *out = (finding){(double)p.kept, (double)p.removed, p.likeness, p.c, p.d, 0, 0, 0};
    out->components = (double)tame_components_for(n, variance, 0.95);
    tame_moments_ramp(m, vectors, &out->ramp, &out->ramps);
  }
  free(variance);
  free(vectors);
  free(likeness);
  return status;
}

/* The pair that is most alike in the network as it is, and more of its rates. Collective. */
static tame_status look(const run *r, finding *out)
{
  const MPI_Comm comm = r->member->comm;
  tame_model *rates = NULL;
  tame_moments m = {0};
  tame_status status = tame_agree(comm,
                                  tame_condense_model(&rates, r->e, r->phase, size_of(r), true));
  if (status == TAME_OK) {
    tame_condense_pick(r->model, tame_model_slab(r->model), -1, NULL, rates,
                       tame_model_slab(rates));
    status = tame_fit_moments(r->e, r->phase, rates, comm, &m);
  }
  if (status == TAME_OK)
    status = tame_agree(comm, r->course.rank == 0 ? find_pair(r, &m, out) : TAME_OK);
  if (status == TAME_OK) MPI_Bcast(out, sizeof *out / sizeof(double), MPI_DOUBLE, 0, comm);
  tame_moments_free(&m);
  tame_model_free(&rates);
  return status;
}

/* ---- merges ----------------------------------------------------------------------------------- */

/* Places of all units of the network as it is, but the one that is left out; or their ids in the whole. */
static void list_others(const run *r, bool ids, int64_t *out)
{
  for (int64_t i = 0; i < size_of(r); i++)
    if (i != r->removed) *out++ = ids ? r->units[i] : i;
}

/* The pair becomes one: a model with one unit less, of which r->removed is told. Collective. */
static tame_status merge(run *r, const finding *f)
{
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  const tame_pair pair = {(int64_t)f->kept, (int64_t)f->removed, f->likeness, f->c, f->d};
  const int64_t n = size_of(r);
  tame_model *before = r->model;
  int64_t *others = tame_untouched(n, sizeof *others, "units");
  tame_status status = tame_agree(r->member->comm, others ? TAME_OK : TAME_ERR_NOMEM);
  r->removed = pair.removed;
  if (status == TAME_OK) {
    list_others(r, false, others);
    tame_condense_merge(before, tame_model_slab(before), layer_of(r), &pair,
                        (tame_merging)fit->merging);
    r->model = r->whole; /* so that the one before outlives the change */
    status = change_model(r, n - 1);
    if (status == TAME_OK)
      tame_condense_pick(before, tame_model_slab(before), layer_of(r), others, r->model,
                         tame_model_slab(r->model));
    tame_model_free(&before);
  }
  free(others);
  return status;
}

/* The network that was tried is the one to go on with. */
static void accept(run *r, double loss)
{
  r->course.last_loss = loss;
  list_others(r, true, r->units); /* in place: ids move down */
  r->merges++;
  r->retrained = -1;
  tame_condense_spread(r->model, tame_model_slab(r->model), layer_of(r), r->units, r->whole,
                       tame_model_slab(r->whole));
}

/* ---- retraining ------------------------------------------------------------------------------- */

/* Each pass through the lessons is an epoch, whose samples come once; a retraining begins with one of its own. */
static void next_pass(run *r)
{
  r->epoch++;
  r->done = 0;
}

static tame_status retrain(run *r)
{
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  tame_status status = TAME_OK;
  tame_fit_begin_epoch(r);
  while (status == TAME_OK && r->retrained < fit->retrain && !r->ended) {
    if (r->done == r->learns.shape.samples) {
      next_pass(r);
      tame_fit_begin_epoch(r);
    }
    status = tame_fit_update(r);
    if (status != TAME_OK) break;
    r->retrained++;
    tame_fit_report(r, false);
    if (++r->course.asked >= r->course.interval) status = tame_course_attend(&r->course, false);
  }
  return status;
}

/* What went wrong in a network that was tried counts as a loss without bound. */
static tame_status excuse(tame_status status, double *loss)
{
  if (status != TAME_ERR_NUMERIC) return status;
  *loss = INFINITY;
  return TAME_OK;
}

static tame_status judge(run *r, double *loss)
{
  double hits;
  return excuse(tame_fit_judge(r, loss, &hits), loss);
}

/* ---- the course of it -------------------------------------------------------------------------- */

static void clear(double figures[TAME_CONDENSE_FIGURES])
{
  for (int k = 0; k < TAME_CONDENSE_FIGURES; k++) figures[k] = NAN;
}

/* Rank 0 writes; no other rank fails. */
static tame_status put(const run *r, int64_t at, const double figures[TAME_CONDENSE_FIGURES])
{
  const tame_member *m = r->member;
  return tame_agree(m->comm, r->course.rank > 0 ? TAME_OK
                                                : tame_condense_put(r->e, r->phase, at, figures,
                                                                    m->results, m->row));
}

/* The network before any merge. Collective. */
static tame_status begin(run *r)
{
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  double figures[TAME_CONDENSE_FIGURES], loss = NAN, hits;
  clear(figures);
  tame_status status = tame_fit_place_failure(r, tame_fit_judge(r, &loss, &hits));
  if (status != TAME_OK) return status;
  if (isnan(loss))
    return tame_fit_place_failure(r, tame_fail(TAME_ERR_INPUT, "no sample of '%s' has a target",
                                               r->judges.data->name));
  figures[TAME_CONDENSE_SIZE] = (double)size_of(r);
  figures[TAME_CONDENSE_LOSS] = figures[TAME_CONDENSE_MERGED] = loss;
  r->course.last_loss = loss;
  status = put(r, 0, figures);
  if (status == TAME_OK && loss > fit->learned)
    return tame_fit_place_failure(
        r, tame_fail(TAME_ERR_NUMERIC,
                     "the network has not learned what it would have to keep: its loss on '%s' is "
                     "%.4g, and learned: %g",
                     r->judges.data->name, loss, fit->learned));
  r->first_loss = loss;
  return status;
}

/* Merge the pair that is most alike, and see what it costs. Collective. */
static tame_status try_pair(run *r, const finding *f)
{
  const tame_member *m = r->member;
  const int64_t kept = r->units[(int64_t)f->kept], removed = r->units[(int64_t)f->removed];
  double figures[TAME_CONDENSE_FIGURES], loss = NAN;
  clear(figures);
  tame_status status = merge(r, f);
  if (status == TAME_OK) status = judge(r, &loss);
  if (status != TAME_OK) return status;
  figures[TAME_CONDENSE_SIZE] = (double)size_of(r) - 1;
  figures[TAME_CONDENSE_MERGED] = loss;
  figures[TAME_CONDENSE_LIKENESS] = f->likeness;
  figures[TAME_CONDENSE_FACTOR] = f->c;
  figures[TAME_CONDENSE_OFFSET] = f->d;
  status = put(r, r->merges + 1, figures);
  if (status == TAME_OK && r->course.rank == 0)
    status = tame_condense_put_pair(r->e, r->phase, r->merges + 1, kept, removed, m->results,
                                    m->row);
  status = tame_agree(m->comm, status);
  r->retrained = 0;
  r->ended = false;
  if (status != TAME_OK || !tame_fit_updates(r->e, r->phase)) return status;
  if (r->done > 0) next_pass(r);
  memcpy(r->previous, tame_model_slab(r->model),
         (size_t)tame_model_count(r->model) * sizeof *r->previous);
  return tame_fit_open_updates(r);
}

/* The rest of a merge that was tried: retraining, the verdict. Collective. */
static tame_status finish_pair(run *r, double *after, bool *good)
{
  double figures[TAME_CONDENSE_FIGURES], loss = 0;
  tame_status status = TAME_OK;
  clear(figures);
  if (tame_fit_updates(r->e, r->phase)) {
    status = excuse(retrain(r), &loss);
    tame_fit_close_updates(r);
  }
  if (status == TAME_OK && !isinf(loss)) status = judge(r, &loss);
  if (status != TAME_OK) return status;
  figures[TAME_CONDENSE_LOSS] = *after = loss;
  status = put(r, r->merges + 1, figures);
  *good = loss <= tame_fit_at(r->e, r->phase)->until * r->first_loss;
  return status;
}

/* What a network's rates are like, before the next merge. Collective. */
static tame_status put_finding(run *r, const finding *f)
{
  double figures[TAME_CONDENSE_FIGURES];
  clear(figures);
  figures[TAME_CONDENSE_COMPONENTS] = f->components;
  figures[TAME_CONDENSE_RAMP] = f->ramp;
  figures[TAME_CONDENSE_RAMPS] = f->ramps;
  return put(r, r->merges, figures);
}

/* loss: of the merge that was not good. */
static void tell_end(const run *r, bool good, double loss)
{
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  if (!r->member->tell_layout) return;
  char why[128] = "as many as are possible";
  if (!good)
    snprintf(why, sizeof why, "the next one has a loss of %.4g, more than %g times %.4g", loss,
             fit->until, r->first_loss);
  tame_course_note(&r->course, "phase '%s': %lld merges, %lld units are left; %s", fit->name,
                   (long long)r->merges, (long long)size_of(r), why);
}

tame_status tame_condense_run(run *r)
{
  const tame_member *m = r->member;
  bool good = true;
  double loss = NAN;
  tame_status status = isnan(r->first_loss) ? begin(r) : TAME_OK;
  while (status == TAME_OK && good) {
    finding f = {0};
    if (r->retrained < 0) {
      status = look(r, &f);
      if (status == TAME_OK) status = put_finding(r, &f);
      if (status != TAME_OK || r->merges == tame_condense_most(r->e, r->phase)) break;
      status = try_pair(r, &f);
    }
    if (status == TAME_OK) status = finish_pair(r, &loss, &good);
    if (status != TAME_OK || !good) break;
    accept(r, loss);
    r->work_done = r->work_before_phase + tame_fit_work(r->e, r->phase) * (double)r->merges /
                                              (double)tame_condense_most(r->e, r->phase);
    tame_fit_report(r, true);
    tame_course_progress(&r->course);
    status = tame_course_attend(&r->course, true);
  }
  if (status != TAME_OK) return status;
  tell_end(r, good, loss);
  r->work_done = r->work_before_phase + tame_fit_work(r->e, r->phase);
  if (r->course.rank == 0)
    status = tame_condense_put_end(r->e, r->phase, r->merges, r->units, m->results, m->row);
  return tame_agree(m->comm, status);
}
