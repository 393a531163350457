/* What a model will take: memory from the sizes of its parts, time from one micro-batch of each phase, on one thread of
 * this machine; see fit.h. */
#include "experiment/fit.h"

#include "base/memory.h"
#include "experiment/plan.h"

#include <math.h>
#include <stdlib.h>

/* Most merges that there can be, each of which records, judges, retrains, judges; a model has half its units on
 * average. */
static double condense_work(const tame_experiment *e, int64_t phase, double all)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  double each = 2 * all;
  if (fit->retrain > 0) {
    const double steps = (double)tame_fit_shape(e, tame_fit_lessons(e, phase)).steps;
    each += all + 3 * (double)fit->retrain * (double)tame_fit_batch(e, phase) * steps *
                      tame_optimizer_gradients(&fit->optimizer, tame_fit_batch(e, phase));
  }
  return 2 * all + 0.5 * (double)tame_condense_most(e, phase) * each;
}

double tame_fit_work(const tame_experiment *e, int64_t phase)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  const tame_data_shape s = tame_fit_shape(e, tame_fit_find_data(e, fit->data));
  const double all = (double)s.samples * (double)s.steps;
  if (tame_fit_condenses(e, phase)) return condense_work(e, phase, all);
  if (!tame_fit_learns(e, phase)) return all;
  double epoch = 3 * all * tame_optimizer_gradients(&fit->optimizer, tame_fit_batch(e, phase));
  if (fit->validate) {
    const tame_data_shape v = tame_fit_shape(e, tame_fit_find_data(e, fit->validate));
    epoch += (double)v.samples * (double)v.steps;
  }
  return epoch * (double)fit->epochs;
}

/* Cycles of an update that micro-batches share out; 1 where there is but one. */
static double shared(const tame_experiment *e, int64_t phase, int64_t parameters)
{
  if (!tame_fit_updates(e, phase) ||
      tame_fit_batch(e, phase) <= tame_fit_gradient(e, phase).micro_batch)
    return 1;
  const int64_t steps = tame_fit_shape(e, tame_fit_lessons(e, phase)).steps;
  return 6 * (double)tame_fit_batch(e, phase) * (double)steps * (double)parameters;
}

tame_status tame_fit_survey(const tame_experiment *e, int ranks, int threads, tame_fit_load *out)
{
  tame_model *model = NULL;
  *out = (tame_fit_load){.shared = 1};
  tame_status status = tame_model_create(&model, &e->model);
  for (int64_t k = 0; status == TAME_OK && k < e->phases.count; k++) {
    int64_t segment, bytes;
    status = tame_fit_need(e, model, k, ranks, threads, &segment, &bytes);
    if ((double)bytes > out->bytes) out->bytes = (double)bytes;
    out->work += tame_fit_work(e, k);
    out->shared = fmax(out->shared, shared(e, k, tame_model_count(model)));
  }
  if (status == TAME_OK) {
    out->parameters = tame_model_count(model);
    for (int64_t k = 0; k < e->phases.count; k++)
      if (tame_fit_updates(e, k))
        out->optimizer = fmax(out->optimizer,
                              8 * (double)tame_optimizer_need(&tame_fit_at(e, k)->optimizer,
                                                              out->parameters));
    /* the slab, its gradient, those before and best */
    out->weights = 4 * 8 * (double)out->parameters + out->optimizer;
  }
  tame_model_free(&model);
  return status;
}

/* ---- time ------------------------------------------------------------------------------------- */

/* Seconds that a micro-batch of samples takes a thread, with its gradient or without: the least of some. */
static tame_status time_micro(const tame_experiment *e, tame_model *model, int64_t phase,
                              int64_t data, bool learns, double *seconds)
{
  tame_bptt_params p = learns ? tame_fit_gradient(e, phase) : tame_fit_judging(e, phase, data);
  int64_t bytes;
  const tame_variant *loss = &p.loss;
  tame_fit_source source;
  tame_bptt *bptt = NULL;
  tame_batch_result result;
  double *gradient = tame_zeroed(tame_model_count(model), sizeof *gradient, "a gradient");
  *seconds = INFINITY;
  tame_status status = tame_fit_source_open(&source, e, model, data, phase, !learns, loss);
  if (!gradient) status = TAME_ERR_NOMEM;
  if (status == TAME_OK && learns)
    status = tame_fit_need(e, model, phase, 1, 1, &p.segment, &bytes);
  const int64_t samples = source.shape.samples < p.micro_batch ? source.shape.samples
                                                               : p.micro_batch;
  if (status == TAME_OK)
    status = tame_bptt_create(&bptt, MPI_COMM_SELF, model, &p, samples, source.shape.steps);
  const tame_batch batch = tame_fit_source_batch(&source, samples);
  const double began = MPI_Wtime();
  for (int k = 0; status == TAME_OK && (k < 3 || MPI_Wtime() - began < 0.1) && k < 1000; k++) {
    const double at = MPI_Wtime();
    status = tame_bptt_run(bptt, tame_model_slab(model), &batch, &result, learns ? gradient : NULL);
    const double own = MPI_Wtime() - at;
    if (k > 0 && own < *seconds) *seconds = own;
    if (own > 1) break;
  }
  if (isinf(*seconds)) *seconds = MPI_Wtime() - began;
  tame_bptt_free(&bptt);
  tame_fit_source_close(&source);
  free(gradient);
  return status;
}

/* Rounds in which lanes work off micro-batches. */
static double rounds(int64_t samples, int64_t micro, int lanes)
{
  return ceil(ceil((double)samples / (double)micro) / lanes);
}

static tame_status time_judging(const tame_experiment *e, tame_model *model, int64_t phase,
                                int64_t data, int lanes, double *seconds)
{
  double micro = 0;
  const tame_data_shape s = tame_fit_shape(e, data);
  *seconds = 0;
  if (s.target_steps == 0) return TAME_OK;
  const tame_status status = time_micro(e, model, phase, data, false, &micro);
  *seconds = micro * rounds(s.samples, tame_fit_gradient(e, phase).micro_batch, lanes);
  return status;
}

/* A fit: the time of an update, and of all of it. */
static tame_status time_fit(const tame_experiment *e, tame_model *model, int64_t phase,
                            const tame_plan_request *q, tame_plan *out, double *seconds)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  const int64_t data = tame_fit_find_data(e, fit->data), batch = tame_fit_batch(e, phase),
                samples = tame_fit_shape(e, data).samples;
  const double bytes = 8 * (double)tame_model_count(model),
               updates = ceil((double)samples / (double)batch);
  double micro, judging = 0;
  tame_status status = time_micro(e, model, phase, data, true, &micro);
  if (status == TAME_OK && fit->validate)
    status = time_judging(e, model, phase, tame_fit_find_data(e, fit->validate),
                          out->group * q->threads, &judging);
  double update = micro * rounds(batch, fit->gradient.micro_batch, out->group * q->threads) *
                  tame_optimizer_gradients(&fit->optimizer, tame_fit_batch(e, phase));
  if (out->group > 1) update += 2 * bytes / q->bandwidth + 2 * log2(out->group) * q->latency_s;
  if (q->updates_per_second > 0) update = 1 / q->updates_per_second;
  *seconds = (double)fit->epochs * (updates * update + judging);
  out->times.update = update;
  return status;
}

/* The most that condensing can take, half of the units being there on average. */
static tame_status time_condense(const tame_experiment *e, tame_model *model, int64_t phase,
                                 const tame_plan_request *q, const tame_plan *out, double *seconds)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  const int lanes = out->group * q->threads;
  const int64_t data = tame_fit_find_data(e, fit->data);
  double micro = 0, judging = 0;
  tame_status status = time_judging(e, model, phase, data, lanes, &judging);
  double each = 2 * judging;
  if (status == TAME_OK && fit->retrain > 0) {
    status = time_micro(e, model, phase, tame_fit_lessons(e, phase), true, &micro);
    each += judging +
            (double)fit->retrain * micro *
                rounds(tame_fit_batch(e, phase), tame_fit_gradient(e, phase).micro_batch, lanes) *
                tame_optimizer_gradients(&fit->optimizer, tame_fit_batch(e, phase));
  }
  *seconds = 2 * judging + 0.5 * (double)tame_condense_most(e, phase) * each;
  return status;
}

static tame_status time_phases(const tame_experiment *e, const tame_plan_request *q, tame_plan *out)
{
  tame_model *model = NULL;
  tame_status status = tame_model_create(&model, &e->model);
  for (int64_t k = 0; status == TAME_OK && k < e->phases.count; k++) {
    double seconds = 0;
    if (tame_fit_learns(e, k)) status = time_fit(e, model, k, q, out, &seconds);
    else if (tame_fit_condenses(e, k)) status = time_condense(e, model, k, q, out, &seconds);
    else
      status = time_judging(e, model, k, tame_fit_find_data(e, tame_fit_at(e, k)->data),
                            out->group * q->threads, &seconds);
    out->seconds += seconds;
  }
  tame_model_free(&model);
  return status;
}

/* ---- the plan --------------------------------------------------------------------------------- */

/* The network of the sweep that takes longest; the one that needs most. */
static tame_status find_extremes(const tame_experiment *study, const tame_plan_request *q,
                                 tame_plan *out, double *work, tame_fit_load *most)
{
  tame_status status = TAME_OK;
  double longest = -1;
  const int ranks = q->group ? q->group : out->networks == 1 ? q->ranks : 1;
  for (int64_t k = 0; status == TAME_OK && k < out->networks; k++) {
    tame_experiment *e = NULL;
    tame_fit_load load;
    status = tame_experiment_member(&e, study, k, MPI_COMM_SELF);
    if (status == TAME_ERR_INPUT && out->networks > 1) {
      out->refused++;
      status = TAME_OK;
      continue;
    }
    if (status == TAME_OK) status = tame_fit_survey(e, ranks, q->threads, &load);
    tame_experiment_free(&e);
    if (status != TAME_OK) break;
    work[k] = load.work * (double)load.parameters;
    if (load.bytes + load.weights > most->bytes + most->weights) *most = load, out->neediest = k;
    if (work[k] > longest) longest = work[k], out->dearest = k;
  }
  if (status == TAME_OK && longest < 0)
    status = tame_fail(TAME_ERR_INPUT, "none of %lld networks can run", (long long)out->networks);
  return status;
}

static void plan_files(const tame_experiment *e, const tame_model *model, tame_plan *out)
{
  tame_blueprint b = {0};
  double bytes = 0;
  tame_fit_plan(e, model, &b);
  for (int64_t k = 0; k < b.n_sets; k++) {
    double own = (double)tame_type_size(b.sets[k].type);
    for (int j = 0; j < b.sets[k].axes; j++) own *= (double)b.sets[k].shape[j];
    bytes += own;
  }
  out->results_bytes = bytes * (double)out->networks;
  tame_blueprint_free(&b);
}

/* Of a checkpoint: the slab, those before and best; what the optimizer keeps; the whole model, where it is condensed. */
static double saved_numbers(const tame_experiment *e, int64_t parameters)
{
  double most = 0;
  for (int64_t k = 0; k < e->phases.count; k++) {
    double own = tame_fit_condenses(e, k) ? (double)parameters : 0;
    if (tame_fit_updates(e, k))
      own += (double)tame_optimizer_saves(&tame_fit_at(e, k)->optimizer, parameters);
    most = fmax(most, own);
  }
  return 3 * (double)parameters + most;
}

/* Of the dearest network, on the group. */
static tame_status plan_dearest(const tame_experiment *study, const tame_plan_request *q,
                                tame_plan *out)
{
  tame_experiment *e = NULL;
  tame_model *model = NULL;
  tame_status status = tame_experiment_member(&e, study, out->dearest, MPI_COMM_SELF);
  if (status == TAME_OK) status = tame_model_create(&model, &e->model);
  if (status == TAME_OK) {
    out->parameters = (double)tame_model_count(model);
    out->checkpoint_bytes = 2 * 8 * saved_numbers(e, tame_model_count(model));
    out->most.bytes_a_step = out->group > 1 ? 2 * 8 * out->parameters : 0;
    plan_files(e, model, out);
    status = time_phases(e, q, out);
  }
  tame_model_free(&model);
  tame_experiment_free(&e);
  return status;
}

tame_status tame_fit_foresee(const tame_experiment *study, const tame_plan_request *q,
                             tame_plan *out)
{
  tame_fit_load most = {.shared = 1};
  double *work = tame_zeroed(out->networks, sizeof *work, "the list of networks");
  tame_status status = work ? find_extremes(study, q, out, work, &most) : TAME_ERR_NOMEM;
  if (status == TAME_OK) {
    out->group = q->group ? q->group
                 : out->networks == 1
                     ? q->ranks
                     : tame_plan_group(1, q->ranks, out->networks, work, most.shared);
    out->groups = q->ranks / out->group;
    out->needs.weights = most.weights;
    out->needs.recordings = most.bytes;
    out->needs.total = most.weights + most.bytes;
    const double base = work[out->dearest];
    status = plan_dearest(study, q, out);
    for (int64_t k = 0; k < out->networks; k++) work[k] *= base > 0 ? out->seconds / base : 0;
  }
  if (status == TAME_OK)
    out->wall_seconds = tame_plan_makespan(out->groups, out->networks, work, &out->idle);
  free(work);
  return status;
}
