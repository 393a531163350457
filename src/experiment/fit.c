/* The run of a model: its phases, epochs, updates; see fit.h. */
#include "experiment/fit_run.h"

#include "base/memory.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef tame_fit_run_state run;

static double now(void)
{
  return MPI_Wtime();
}

/* ---- judging --------------------------------------------------------------------------------- */

/* The order of an epoch: Fisher and Yates, of numbers that are functions of (seed, phase, epoch, place). */
static void shuffle(const run *r)
{
  const int64_t n = r->learns.shape.samples;
  const uint64_t seed = (uint64_t)r->e->model.seed;
  for (int64_t i = 0; i < n; i++) r->order[i] = i;
  for (int64_t i = n - 1; i > 0; i--) {
    const double u = tame_uniform(seed, TAME_DRAW_ORDER, (uint32_t)i, (uint32_t)r->epoch,
                                  (uint32_t)r->phase);
    const int64_t j = (int64_t)(u * (double)(i + 1)), kept = r->order[i];
    r->order[i] = r->order[j];
    r->order[j] = kept;
  }
}

/* Loss of all samples, as targets ask it; share of targets that are hit, NaN where there are no classes. Collective. */
tame_status tame_fit_judge(run *r, double *loss, double *hits)
{
  tame_fit_source *s = &r->judges;
  tame_batch batch = tame_fit_source_batch(s, s->shape.samples);
  tame_batch_result result;
  const int threads = omp_get_max_threads();
  int64_t sums[2] = {0};
  if (tame_loss_has_classes(s->loss)) batch.see = tame_fit_source_see;
  for (int k = 0; k < threads; k++) s->hits[k] = s->asked[k] = 0;
  const tame_status status = tame_bptt_run(r->judge, tame_model_slab(r->model), &batch, &result,
                                           NULL);
  if (status != TAME_OK) return status;
  for (int k = 0; k < threads; k++) sums[0] += s->hits[k], sums[1] += s->asked[k];
  MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_INT64_T, MPI_SUM, r->member->comm);
  *loss = result.targets > 0 ? result.data : (double)NAN;
  *hits = batch.see ? (double)sums[0] / (double)sums[1] : NAN;
  return TAME_OK;
}

/* ---- progress -------------------------------------------------------------------------------- */

static double share_done(const void *run_)
{
  const run *r = run_;
  return r->work_all > 0 ? r->work_done / r->work_all : 0;
}

/* What is done by where we stand. */
static void count_work(run *r)
{
  r->work_all = r->work_done = 0;
  for (int64_t k = 0; k < r->e->phases.count; k++) {
    const double work = tame_fit_work(r->e, k);
    r->work_all += work;
    if (k < r->phase) r->work_done += work;
    if (k == r->phase && tame_fit_learns(r->e, k))
      r->work_done += work * (double)r->epoch / (double)tame_fit_at(r->e, k)->epochs;
    if (k == r->phase && tame_fit_condenses(r->e, k))
      r->work_done += work * (double)r->merges / (double)tame_condense_most(r->e, k);
  }
  r->work_before = r->work_done;
}

void tame_fit_report(run *r, bool ended)
{
  const tame_run_options *o = r->member->options;
  const bool learns = tame_fit_learns(r->e, r->phase),
             condenses = tame_fit_condenses(r->e, r->phase);
  const double at = now();
  if (r->course.rank > 0 || !o->progress || (!ended && at - r->course.reported < 0.1)) return;
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  const double made = r->work_done - r->work_before;
  const tame_progress progress = {
      .networks = r->member->networks,
      .ended = tame_queue_ended(r->member->queue),
      .network = r->member->network,
      .phase = fit->name,
      .task = tame_data_at(r->e, tame_fit_find_data(r->e, fit->data))->name,
      .trial = learns ? r->epoch : r->merges,
      .trials = learns      ? fit->epochs
                : condenses ? tame_condense_most(r->e, r->phase)
                            : 1,
      .loss = r->course.last_loss,
      .updates_per_second = r->learning_seconds > 0 ? (double)r->updates / r->learning_seconds : 0,
      .share = share_done(r),
      .seconds_left = made > 0 ? (at - r->course.began) * (r->work_all - r->work_done) / made
                               : (double)NAN,
      .trial_ended = ended,
      .unit = learns      ? "epoch"
              : condenses ? "merge"
                          : "round",
  };
  o->progress(&progress, o->context);
  r->course.reported = at;
}

/* ---- the course ------------------------------------------------------------------------------ */

enum { AT_PHASE, AT_EPOCH, AT_DONE, AT_STALE, AT_ENDED, AT_UNDER_WAY, AT_MERGES, AT_UPDATES };

static void place(const void *run_, tame_checkpoint_about *about)
{
  const run *r = run_;
  about->at[AT_PHASE] = r->phase;
  about->at[AT_EPOCH] = r->epoch;
  about->at[AT_DONE] = r->done;
  about->at[AT_STALE] = r->stale;
  about->at[AT_ENDED] = r->ended;
  about->at[AT_MERGES] = r->merges;
  about->at[AT_UPDATES] = r->retrained;
  about->at[AT_UNDER_WAY] = r->optimizer && tame_optimizer_is_under_way(r->optimizer);
  const int64_t phase = r->phase < r->e->phases.count ? r->phase : r->phase - 1;
  char merges[32] = "";
  if (tame_fit_condenses(r->e, phase))
    snprintf(merges, sizeof merges, "merge %lld, ", (long long)r->merges);
  snprintf(about->where, sizeof about->where, "phase '%s', %sepoch %lld, sample %lld",
           tame_fit_at(r->e, phase)->name, merges, (long long)r->epoch, (long long)r->done);
}

/* Weights are the same on all ranks: rank 0 answers for them. */
static void gather(void *run_, tame_state *state)
{
  run *r = run_;
  const bool copy = r->course.rank > 0;
  const int64_t n = tame_model_count(r->model);
  const tame_piece pieces[] = {
      {"fit.sums", TAME_TYPE_F64, TAME_SUMS, 0, TAME_SUMS, r->sums, copy, 0},
      {"fit.best_loss", TAME_TYPE_F64, 1, 0, 1, &r->best_loss, copy, 0},
      {"fit.best", TAME_TYPE_F64, n, 0, n, r->best, copy, 0},
      {"fit.previous", TAME_TYPE_F64, n, 0, n, r->previous, copy, 0},
  };
  tame_model_save(r->model, copy, state);
  if (r->optimizer) tame_optimizer_state(r->optimizer, copy, state);
  for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) tame_state_add(state, &pieces[k]);
  if (r->model != r->whole) tame_condense_state(r, copy, state);
}

static tame_status open_phase(run *r);

static tame_status restore(void *run_, const tame_checkpoint_about *about)
{
  run *r = run_;
  r->phase = about->at[AT_PHASE];
  r->epoch = about->at[AT_EPOCH];
  r->done = about->at[AT_DONE];
  r->stale = about->at[AT_STALE];
  r->ended = about->at[AT_ENDED] != 0;
  r->merges = about->at[AT_MERGES];
  r->retrained = about->at[AT_UPDATES];
  r->restored = true;
  const tame_status status = r->phase < r->e->phases.count ? open_phase(r) : TAME_OK;
  if (status == TAME_OK && about->at[AT_UNDER_WAY] != 0) tame_optimizer_set_under_way(r->optimizer);
  return status;
}

static void restored(void *run_)
{
  (void)run_;
}

/* Weights to begin with. Rank 0. */
static tame_status take_weights(const run *r)
{
  char why[2048];
  const tame_status status = tame_fit_take_weights(r->e, r->model);
  if (status != TAME_ERR_INPUT) return status;
  snprintf(why, sizeof why, "%s", tame_message());
  return tame_yaml_fail_at(r->e->marks, "weights.file", "%s", why);
}

/* On all ranks. Collective. */
static tame_status begin_weights(run *r)
{
  const MPI_Comm comm = r->member->comm;
  double *slab = tame_model_slab(r->model);
  const int64_t count = tame_model_count(r->model);
  if (!r->e->weights.path) return TAME_OK;
  const tame_status status = tame_agree(comm, r->course.rank == 0 ? take_weights(r) : TAME_OK);
  if (status == TAME_OK) MPI_Bcast(slab, (int)count, MPI_DOUBLE, 0, comm);
  return status;
}

static tame_status put(void *run_)
{
  run *r = run_;
  const tame_member *m = r->member;
  tame_status status = begin_weights(r);
  if (r->course.rank > 0 || status != TAME_OK) return status;
  status = tame_fit_put_data(r->e, m->results, m->row);
  if (status == TAME_OK) status = tame_fit_put_wiring(r->model, m->results, m->row);
  if (status == TAME_OK)
    status = tame_fit_put_weights(r->model, tame_model_slab(r->model), "initial", m->results,
                                  m->row);
  return status;
}

static const tame_course_kind kind_of_run = {share_done, place, gather, restore, restored, put};

/* ---- learning -------------------------------------------------------------------------------- */

/* Put where we are before a message; weights whose numbers are not finite give way to those before. */
tame_status tame_fit_place_failure(const run *r, tame_status status)
{
  char why[2048];
  if (status != TAME_ERR_NUMERIC && status != TAME_ERR_INPUT) return status;
  snprintf(why, sizeof why, "%s", tame_message());
  if (status == TAME_ERR_NUMERIC)
    memcpy(tame_model_slab(r->model), r->previous,
           (size_t)tame_model_count(r->model) * sizeof *r->previous);
  if (!r->optimizer)
    return tame_fail(status, "phase '%s': %s", tame_fit_at(r->e, r->phase)->name, why);
  return tame_fail(status, "phase '%s', epoch %lld, update %lld: %s",
                   tame_fit_at(r->e, r->phase)->name, (long long)r->epoch,
                   (long long)tame_optimizer_updates(r->optimizer), why);
}

/* Samples of the update that comes. */
static int64_t samples_of_update(const run *r)
{
  const int64_t left = r->learns.shape.samples - r->done, most = tame_fit_batch(r->e, r->phase);
  return left < most ? left : most;
}

/* An update has been made. */
static void count_update(run *r, int64_t samples, const tame_batch_result *result, double norm,
                         double factor, double seen, double began)
{
  const double targets = (double)result->targets;
  r->sums[TAME_SUM_LOSS] += targets * result->loss;
  r->sums[TAME_SUM_DATA] += targets * result->data;
  r->sums[TAME_SUM_NORM] += targets * norm;
  r->sums[TAME_SUM_TARGETS] += targets;
  r->sums[TAME_SUM_FACTOR] = factor;
  r->sums[TAME_SUM_SEEN] += seen;
  r->done += samples;
  r->work_done += 3 * (double)samples * (double)r->learns.shape.steps *
                  tame_optimizer_gradients(&tame_fit_at(r->e, r->phase)->optimizer,
                                           tame_fit_batch(r->e, r->phase));
  r->learning_seconds += now() - began;
  r->updates++;
}

/* Weights in their limits again, if they are numbers. */
static tame_status settle(const run *r)
{
  double *slab = tame_model_slab(r->model);
  tame_model_constrain(r->model, slab);
  for (int64_t k = 0; k < tame_model_count(r->model); k++)
    if (!isfinite(slab[k]))
      return tame_fail(TAME_ERR_NUMERIC, "found a weight of %g after it, want finite ones",
                       slab[k]);
  return TAME_OK;
}

/* An update along the gradient. Collective. */
static tame_status step(run *r)
{
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  const int64_t samples = samples_of_update(r), n = tame_model_count(r->model);
  double *slab = tame_model_slab(r->model);
  const double began = now();
  tame_batch_result result;
  const tame_batch batch = tame_fit_source_batch(&r->learns, samples);
  tame_status status = tame_bptt_run(r->bptt, slab, &batch, &result, r->gradient);
  double norm = 0;
  if (status == TAME_OK) {
    norm = tame_clip(&fit->clip, n, r->gradient);
    if (!isfinite(norm)) status = tame_fail(TAME_ERR_NUMERIC, "the gradient's norm is %g", norm);
  }
  if (status != TAME_OK) return tame_fit_place_failure(r, status);
  memcpy(r->previous, slab, (size_t)n * sizeof *slab);
  const double factor = tame_schedule_factor(&fit->schedules, tame_optimizer_updates(r->optimizer));
  tame_optimizer_step(r->optimizer, factor, r->epoch, r->gradient, slab);
  status = settle(r);
  if (status != TAME_OK) return tame_fit_place_failure(r, status);
  count_update(r, samples, &result, norm, factor, (double)samples, began);
  return TAME_OK;
}

enum {
  ON_THE_WAY = 4 /* the evaluation by which an update that was left has come further than it was */
};

/* Before an evaluation of an update that searches: as nothing has changed yet, one may save, and leave. Collective. */
static tame_status between(run *r)
{
  tame_fit_report(r, false);
  if (++r->evaluations < ON_THE_WAY || ++r->course.asked < r->course.interval) return TAME_OK;
  return tame_course_attend(&r->course, false);
}

/* Of a few steps that are looked at, which would be lost: not to be left. */
static tame_status loss_at(void *context, const double *slab, double *value)
{
  run *r = context;
  tame_batch_result result = {0};
  const tame_batch batch = tame_fit_source_batch(&r->learns, samples_of_update(r));
  tame_fit_report(r, false);
  const tame_status status = tame_bptt_run(r->bptt, slab, &batch, &result, NULL);
  if (status == TAME_OK) *value = result.loss;
  return status;
}

static tame_status gradient_at(void *context, const double *slab, double *value, double *gradient)
{
  run *r = context;
  const tame_batch batch = tame_fit_source_batch(&r->learns, samples_of_update(r));
  tame_batch_result result = {0};
  tame_status status = between(r);
  if (status == TAME_OK) status = tame_bptt_run(r->bptt, slab, &batch, &result, gradient);
  if (status != TAME_OK) return status;
  if (r->starts) r->result = result; /* where the update begins */
  r->starts = false;
  *value = result.loss;
  return TAME_OK;
}

/* Samples that products are of. */
static int64_t samples_of_product(const run *r)
{
  const int64_t all = samples_of_update(r),
                some = tame_optimizer_curvature(&tame_fit_at(r->e, r->phase)->optimizer);
  return some > 0 && some < all ? some : all;
}

static tame_status product_at(void *context, const double *slab, double structural, const double *v,
                              double *out)
{
  run *r = context;
  const int64_t samples = samples_of_product(r);
  const tame_batch batch = tame_fit_source_batch(&r->learns, samples);
  const tame_status status = between(r);
  if (status != TAME_OK) return status;
  return tame_bptt_product(samples < samples_of_update(r) ? r->curve : r->bptt, slab, &batch,
                           structural, v, out);
}

static bool has_products(const run *r)
{
  return tame_optimizer_curvature(&tame_fit_at(r->e, r->phase)->optimizer) >= 0;
}

/* An update that searches. Collective. */
static tame_status search(run *r)
{
  const int64_t samples = samples_of_update(r), some = samples_of_product(r);
  const double began = now();
  const tame_problem problem = {tame_model_count(r->model), loss_at, gradient_at, product_at, r};
  double *slab = tame_model_slab(r->model);
  r->starts = true;
  r->evaluations = 0;
  memcpy(r->previous, slab, (size_t)problem.count * sizeof *slab);
  tame_status status = tame_optimizer_search(r->optimizer, &problem, slab, &r->found);
  if (status == TAME_OK) status = settle(r);
  if (status != TAME_OK) return tame_fit_place_failure(r, status);
  const double seen = (double)(samples * (r->found.gradients + r->found.losses) +
                               some * r->found.products);
  count_update(r, samples, &r->result, r->found.norm, 1, seen, began);
  /* Another batch may show the way where one does not; damping that has failed stays. */
  r->ended = r->found.ended && (has_products(r) || samples == r->learns.shape.samples);
  return TAME_OK;
}

/* One update. Collective. */
tame_status tame_fit_update(run *r)
{
  r->learns.first = r->done;
  return tame_optimizer_searches(&tame_fit_at(r->e, r->phase)->optimizer) ? search(r) : step(r);
}

/* The figures of an epoch that has ended; is it the best so far? Collective. */
static tame_status end_epoch(run *r)
{
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  const double targets = r->sums[TAME_SUM_TARGETS];
  double *slab = tame_model_slab(r->model);
  double figures[TAME_FIT_FIGURES] = {[TAME_FIT_LOSS] = r->sums[TAME_SUM_LOSS] / targets,
                                      [TAME_FIT_DATA_LOSS] = r->sums[TAME_SUM_DATA] / targets,
                                      [TAME_FIT_NORM] = r->sums[TAME_SUM_NORM] / targets,
                                      [TAME_FIT_FACTOR] = r->sums[TAME_SUM_FACTOR],
                                      [TAME_FIT_PASSES] = r->sums[TAME_SUM_SEEN] /
                                                          (double)r->learns.shape.samples,
                                      [TAME_FIT_VALIDATION] = NAN,
                                      [TAME_FIT_HITS] = NAN,
                                      [TAME_FIT_SECONDS] = now() - r->epoch_began,
                                      [TAME_FIT_DAMPING] = r->found.lambda,
                                      [TAME_FIT_ITERATIONS] = (double)r->found.iterations,
                                      [TAME_FIT_REDUCTION] = r->found.reduction,
                                      [TAME_FIT_STEP] = r->found.step};
  if (targets == 0)
    return tame_fit_place_failure(r, tame_fail(TAME_ERR_INPUT, "no sample of '%s' has a target",
                                               r->learns.data->name));
  figures[TAME_FIT_PENALTY] = figures[TAME_FIT_LOSS] - figures[TAME_FIT_DATA_LOSS];
  tame_status status = TAME_OK;
  if (fit->validate) {
    status = tame_fit_judge(r, &figures[TAME_FIT_VALIDATION], &figures[TAME_FIT_HITS]);
    if (status != TAME_OK) return tame_fit_place_failure(r, status);
    r->work_done += (double)r->judges.shape.samples * (double)r->judges.shape.steps;
    if (figures[TAME_FIT_VALIDATION] < r->best_loss) {
      r->best_loss = figures[TAME_FIT_VALIDATION];
      r->stale = 0;
      memcpy(r->best, slab, (size_t)tame_model_count(r->model) * sizeof *slab);
    } else {
      r->stale++;
    }
  }
  r->course.last_loss = figures[TAME_FIT_LOSS];
  if (r->course.rank == 0)
    status = tame_fit_put_epoch(r->e, r->phase, r->epoch, figures, r->member->results,
                                r->member->row);
  tame_fit_report(r, true);
  tame_course_progress(&r->course);
  r->epoch++;
  r->done = 0;
  memset(r->sums, 0, sizeof r->sums);
  return tame_agree(r->member->comm, status);
}

/* Has the validation not become better for too long? */
static bool is_stale(const run *r)
{
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  return fit->patience > 0 && r->stale >= fit->patience;
}

void tame_fit_begin_epoch(run *r)
{
  r->epoch_began = now();
  const bool fresh = r->learns.data->fresh;
  const int64_t first = tame_fit_first_id(r->e, r->learns.data - tame_data_at(r->e, 0), r->phase,
                                          tame_fit_condenses(r->e, r->phase));
  r->learns.first_id = fresh ? first + r->epoch * r->learns.shape.samples : 0;
  r->learns.order = NULL;
  if (fresh || !tame_fit_at(r->e, r->phase)->shuffle) return;
  r->learns.order = r->order;
  shuffle(r);
}

static tame_status run_epoch(run *r)
{
  tame_status status = TAME_OK;
  tame_fit_begin_epoch(r);
  while (status == TAME_OK) {
    status = tame_fit_update(r);
    if (status != TAME_OK) return status;
    tame_fit_report(r, false);
    r->course.asked++;
    if (r->ended || r->done == r->learns.shape.samples) break; /* the epoch's end comes first */
    if (r->course.asked >= r->course.interval) status = tame_course_attend(&r->course, false);
  }
  if (status == TAME_OK) status = end_epoch(r);
  return status == TAME_OK ? tame_course_attend(&r->course, true) : status;
}

/* Why a fit has ended, and with which weights. */
static void tell_end(const run *r)
{
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  char kept[128] = "", why[128] = "";
  if (!r->member->tell_layout) return;
  if (r->ended && r->found.ended) snprintf(why, sizeof why, ": %s", r->found.why);
  if (fit->validate)
    snprintf(kept, sizeof kept, "; validation %.4g after epoch %lld%s", r->best_loss,
             (long long)(r->epoch - r->stale),
             fit->weights == TAME_FIT_BEST ? ", whose weights are kept" : "");
  tame_course_note(&r->course, "phase '%s': ended after %lld of %lld epochs%s%s%s", fit->name,
                   (long long)r->epoch, (long long)fit->epochs,
                   r->ended      ? ", as the optimizer finds nothing more"
                   : is_stale(r) ? ", as its patience has ended"
                                 : "",
                   why, kept);
}

static tame_status run_fit(run *r)
{
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  tame_status status = TAME_OK;
  while (status == TAME_OK && r->epoch < fit->epochs && !r->ended && !is_stale(r))
    status = run_epoch(r);
  if (status != TAME_OK) return status;
  if (r->epoch < fit->epochs || fit->weights == TAME_FIT_BEST) tell_end(r);
  r->work_done = r->work_before_phase + tame_fit_work(r->e, r->phase);
  if (fit->weights == TAME_FIT_BEST)
    memcpy(tame_model_slab(r->model), r->best,
           (size_t)tame_model_count(r->model) * sizeof *r->best);
  return TAME_OK;
}

static tame_status run_test(run *r)
{
  const tame_member *m = r->member;
  double loss = NAN, hits = NAN;
  tame_status status = TAME_OK;
  if (r->judges.shape.target_steps > 0) {
    status = tame_fit_place_failure(r, tame_fit_judge(r, &loss, &hits));
    if (status == TAME_OK && r->course.rank == 0)
      status = tame_fit_put_test(r->e, r->phase, loss, hits, m->results, m->row);
    r->course.last_loss = loss;
  }
  if (status == TAME_OK)
    status = tame_fit_record(r->e, r->phase, r->model, m->results, m->row, m->comm);
  r->work_done += tame_fit_work(r->e, r->phase);
  tame_fit_report(r, true);
  return tame_agree(m->comm, status);
}

/* ---- phases ---------------------------------------------------------------------------------- */

void tame_fit_close_updates(run *r)
{
  tame_optimizer_free(&r->optimizer);
  tame_bptt_free(&r->bptt);
  tame_bptt_free(&r->curve);
}

static void close_phase(run *r)
{
  tame_fit_close_updates(r);
  tame_bptt_free(&r->judge);
  tame_fit_source_close(&r->learns);
  tame_fit_source_close(&r->judges);
  free(r->order);
  r->order = NULL;
  tame_condense_close(r);
}

/* What a phase judges by; borrowed. */
static const tame_variant *loss_of(const tame_experiment *e, int64_t phase)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  const tame_variant *loss = &fit->loss;
  if (tame_fit_learns(e, phase)) return &fit->gradient.loss;
  for (int64_t k = e->phases.count - 1; !fit->loss.row && k >= 0; k--)
    if (tame_fit_learns(e, k)) loss = &tame_fit_at(e, k)->gradient.loss;
  return loss;
}

/* What judges data by the loss of a phase. Collective. */
tame_status tame_fit_open_judge(run *r, int64_t data, bool validation)
{
  const tame_bptt_params p = tame_fit_judging(r->e, r->phase, data);
  tame_status status = tame_agree(r->member->comm,
                                  tame_fit_source_open(&r->judges, r->e, r->whole, data, r->phase,
                                                       validation, loss_of(r->e, r->phase)));
  if (status != TAME_OK || r->judges.shape.target_steps == 0) return status;
  return tame_bptt_create(&r->judge, r->member->comm, r->model, &p, r->judges.shape.samples,
                          r->judges.shape.steps);
}

tame_status tame_fit_open_updates(run *r)
{
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  int ranks;
  int64_t bytes;
  MPI_Comm_size(r->member->comm, &ranks);
  tame_bptt_params p = tame_fit_gradient(r->e, r->phase);
  tame_status status = tame_fit_need(r->e, r->whole, r->phase, ranks, r->member->layout.threads,
                                     &p.segment, &bytes);
  if (status == TAME_OK)
    status = tame_optimizer_create(&r->optimizer, &fit->optimizer, tame_model_count(r->model));
  status = tame_agree(r->member->comm, status);
  if (status == TAME_OK)
    status = tame_bptt_create(&r->bptt, r->member->comm, r->model, &p,
                              tame_fit_batch(r->e, r->phase), r->learns.shape.steps);
  const int64_t some = tame_optimizer_curvature(&fit->optimizer);
  if (status == TAME_OK && some > 0 && some < tame_fit_batch(r->e, r->phase))
    status = tame_bptt_create(&r->curve, r->member->comm, r->model, &p, some,
                              r->learns.shape.steps);
  return status;
}

/* What updates learn from. Collective. */
tame_status tame_fit_open_lessons(run *r)
{
  tame_status status = tame_fit_source_open(&r->learns, r->e, r->whole,
                                            tame_fit_lessons(r->e, r->phase), r->phase,
                                            tame_fit_condenses(r->e, r->phase),
                                            loss_of(r->e, r->phase));
  if (status == TAME_OK) {
    r->order = tame_untouched(r->learns.shape.samples, sizeof *r->order, "the order of samples");
    if (!r->order) status = TAME_ERR_NOMEM;
  }
  return tame_agree(r->member->comm, status);
}

static tame_status open_fit(run *r)
{
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  tame_status status = tame_fit_open_lessons(r);
  if (status == TAME_OK) status = tame_fit_open_updates(r);
  if (status == TAME_OK && fit->validate)
    status = tame_fit_open_judge(r, tame_fit_find_data(r->e, fit->validate), true);
  return status;
}

/* Room for a phase. Collective. */
static tame_status open_phase(run *r)
{
  const tame_fit *fit = tame_fit_at(r->e, r->phase);
  const size_t size = (size_t)tame_model_count(r->model) * sizeof *r->best;
  r->learning_seconds = 0;
  r->updates = 0;
  r->work_before_phase = 0;
  for (int64_t k = 0; k < r->phase; k++) r->work_before_phase += tame_fit_work(r->e, k);
  memcpy(r->previous, tame_model_slab(r->model), size);
  memcpy(r->best, tame_model_slab(r->model), size);
  if (tame_fit_learns(r->e, r->phase)) return open_fit(r);
  if (tame_fit_condenses(r->e, r->phase)) return tame_condense_open(r);
  return tame_fit_open_judge(r, tame_fit_find_data(r->e, fit->data), false);
}

static tame_status run_phase(run *r)
{
  const bool begins = !r->restored;
  tame_status status = TAME_OK;
  if (begins) {
    r->epoch = r->done = r->stale = 0;
    r->ended = false;
    r->merges = r->removed = 0;
    r->retrained = -1;
    r->best_loss = INFINITY;
    memset(r->sums, 0, sizeof r->sums);
    r->course.last_loss = NAN;
    status = open_phase(r);
  }
  r->restored = false;
  if (status == TAME_OK && begins && r->phase > 0) status = tame_course_attend(&r->course, true);
  if (status != TAME_OK) return close_phase(r), status;
  if (tame_fit_learns(r->e, r->phase)) status = run_fit(r);
  else status = tame_fit_condenses(r->e, r->phase) ? tame_condense_run(r) : run_test(r);
  close_phase(r);
  return status;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void tell_model(const run *r)
{
  const tame_layout *l = &r->member->layout;
  char there[64] = "";
  if (tame_model_count(r->model) != tame_model_count_published(r->model))
    snprintf(there, sizeof there, ", of which %lld are there",
             (long long)tame_model_count(r->model));
  tame_course_note(&r->course, "%s: %lld parameters%s; %d rank%s x %d thread%s on %d node%s",
                   r->e->name, (long long)tame_model_count_published(r->model), there, l->ranks,
                   l->ranks == 1 ? "" : "s", l->threads, l->threads == 1 ? "" : "s", l->nodes,
                   l->nodes == 1 ? "" : "s");
  for (int k = 0; k < tame_model_layers(r->model); k++) {
    const tame_circuit *c = tame_model_circuit(r->model, k);
    if (c)
      tame_course_note(&r->course,
                       "layer %s: %lld units, %lld synapses and %lld from inputs, sparsity "
                       "%.4f %%",
                       tame_model_layer_label(r->model, k), (long long)c->units,
                       (long long)c->inner.count, (long long)c->sensory.count,
                       100 * tame_circuit_sparsity(c));
  }
  for (int64_t k = 0; k < r->e->phases.count; k++) {
    if (!tame_fit_updates(r->e, k)) continue;
    const int64_t batch = tame_fit_batch(r->e, k), micro = tame_fit_gradient(r->e, k).micro_batch,
                  parts = (batch + micro - 1) / micro;
    int64_t segment, bytes;
    if (tame_fit_need(r->e, r->model, k, l->ranks, l->threads, &segment, &bytes) == TAME_OK &&
        (double)bytes > 1e6 * tame_fit_at(r->e, k)->memory_mb)
      tame_course_note(
          &r->course,
          "warning: phase '%s': memory_mb is %g, and %.3g MB is the least that it can do with",
          tame_fit_at(r->e, k)->name, tame_fit_at(r->e, k)->memory_mb, (double)bytes / 1e6);
    if (parts < l->ranks)
      tame_course_note(
          &r->course,
          "warning: phase '%s': batches of %lld samples are %lld micro-batch%s of %lld, "
          "so %lld of %d ranks have nothing to do",
          tame_fit_at(r->e, k)->name, (long long)batch, (long long)parts, parts == 1 ? "" : "es",
          (long long)micro, (long long)(l->ranks - parts), l->ranks);
  }
  if (l->oversubscribed)
    tame_course_note(&r->course,
                     "warning: more threads than cores of the node: expect it to be slow");
}

static tame_status allocate(run *r)
{
  const int64_t n = tame_model_count(r->model);
  r->gradient = tame_zeroed(n, sizeof *r->gradient, "a gradient");
  r->previous = tame_zeroed(n, sizeof *r->previous, "weights");
  r->best = tame_zeroed(n, sizeof *r->best, "weights");
  return r->gradient && r->previous && r->best ? TAME_OK : TAME_ERR_NOMEM;
}

static tame_status prepare(run *r)
{
  const MPI_Comm comm = r->member->comm;
  tame_status status = tame_model_create(&r->whole, &r->e->model);
  r->model = r->whole;
  if (status == TAME_OK) status = allocate(r);
  return tame_agree(comm, status);
}

tame_status tame_fit_run(const tame_member *m)
{
  run r = {.member = m, .e = m->e};
  tame_status status = tame_course_open(&r.course, m, &kind_of_run, &r);
  if (status == TAME_OK) status = prepare(&r);
  const bool prepared = status == TAME_OK;
  if (prepared && m->tell_layout) tell_model(&r);
  if (status == TAME_OK) status = tame_course_begin(&r.course);
  if (prepared) count_work(&r);
  while (status == TAME_OK && r.phase < r.e->phases.count) {
    status = run_phase(&r);
    if (status == TAME_OK) r.phase++;
  }
  const bool ended = status == TAME_OK || status == TAME_ERR_NUMERIC || status == TAME_ERR_INPUT;
  tame_status written = TAME_OK;
  if (prepared && ended && r.course.rank == 0 && written == TAME_OK)
    written = tame_fit_put_weights(r.whole, tame_model_slab(r.whole), "final", m->results, m->row);
  if (ended && written == TAME_OK) written = tame_results_sync(m->results); /* of all ranks */
  if (ended) written = tame_agree(m->comm, written);
  if (status == TAME_OK) status = written;
  status = tame_course_end(&r.course, status, prepared);
  close_phase(&r);
  tame_course_close(&r.course);
  free(r.gradient);
  free(r.previous);
  free(r.best);
  tame_model_free(&r.whole);
  return status;
}

/* ---- what study.c must know ------------------------------------------------------------------ */

static int64_t first_seed(const tame_experiment *e)
{
  return e->model.seed;
}

static void release(tame_experiment *e)
{
  for (int64_t k = 0; k < e->data.count; k++) tame_data_unload(tame_data_at(e, k));
}

/* Micro-batches can be shared out, not a model: one rank must hold it, or none can. */
static tame_status look_at(const tame_experiment *e, tame_look *look)
{
  const int ranks = look->given ? look->given : 1; /* of a sweep, where groups are not known yet */
  tame_fit_load load;
  tame_model *model = NULL;
  tame_status status = tame_fit_survey(e, ranks, look->layout->threads, &load);
  if (status == TAME_OK)
    status = tame_run_refuse_above(look->layout, ranks, load.bytes + load.weights,
                                   "the model and its gradients",
                                   "a smaller micro_batch, fewer threads, or memory_mb");
  if (status == TAME_OK) status = tame_model_create(&model, &e->model);
  if (status == TAME_OK) tame_fit_plan(e, model, look->blueprint);
  tame_model_free(&model);
  look->fewest = 1;
  look->cycles = 6 * load.work * (double)load.parameters;
  look->a_step = load.shared;
  return status;
}

static bool shares(const tame_experiment *e, const char *path)
{
  (void)e, (void)path;
  return false;
}

static tame_status put_common(const tame_experiment *study, const tame_experiment *e,
                              tame_results *results)
{
  (void)study, (void)e, (void)results;
  return TAME_OK;
}

static tame_status same(const tame_experiment *e, const tame_results *results, int64_t row)
{
  for (int64_t k = 0; k < e->data.count; k++) {
    char path[TAME_PATH];
    int64_t before = 0;
    const int64_t start[TAME_AXES] = {row}, one[TAME_AXES] = {1};
    snprintf(path, sizeof path, "data/%s/checksum", tame_data_at(e, k)->name);
    const tame_status status = tame_results_read(results, path, start, one, &before);
    if (status != TAME_OK) return status;
    if (before != (int64_t)tame_data_checksum(tame_data_at(e, k)))
      return tame_fail(TAME_ERR_INPUT,
                       "--resume: the file of data '%s' has changed since the run began",
                       tame_data_at(e, k)->name);
  }
  return TAME_OK;
}

const tame_experiment_kind tame_kind_model = {
    .schema = &tame_model_experiment_schema,
    .key = "model",
    .seed = "model.seed",
    .first_seed = first_seed,
    .check = tame_fit_check,
    .release = release,
    .look = look_at,
    .shares = shares,
    .put_common = put_common,
    .same = same,
    .common = "data/",
    .run = tame_fit_run,
    .keeps_failed = true,
};
