/* A run: what it needs, the layout, the phases; see tame/experiment.h. */
#include "tame/experiment.h"

#include "base/memory.h"
#include "experiment/inside.h"
#include "network/inside.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What a step does, for the estimate of the time left. */
enum { PLAIN, RECURRENT, READOUT, KINDS };

typedef struct run {
  tame_experiment *e;
  const tame_run_options *options;
  MPI_Comm comm;
  int rank;
  tame_layout layout;
  tame_network *network;
  tame_recorder *recorder;
  void **innate; /* [phases * tasks]: rates a record phase keeps for training, [window][n_local] */

  /* the trial that runs */
  int64_t phase, task, trial;
  tame_learner *learner;    /* of this phase, or NULL */
  int64_t first, last;      /* steps of the window */
  const void *target_rates; /* for recurrent weights: from step target_first on */
  int64_t target_first;
  void *kept; /* where rates of this trial are kept as a target, or NULL; in these steps */
  int64_t kept_first, kept_last;
  double *error, *squares; /* [n_local] */
  double *z, *z_error;     /* [outputs] */
  double loss_sum;         /* of readout errors */
  int64_t loss_count;
  double last_loss;

  /* progress, on rank 0 */
  double began, reported;
  int64_t steps_left[KINDS], steps_done[KINDS];
  double seconds[KINDS];
  double learning_seconds;
  int64_t updates;
} run;

static double now(void)
{
  return MPI_Wtime();
}

static void utc(char text[32])
{
  const time_t t = time(NULL);
  struct tm parts;
  gmtime_r(&t, &parts);
  strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

__attribute__((format(printf, 2, 3))) static void note(const run *r, const char *format, ...)
{
  char line[1024];
  if (r->rank > 0 || !r->options->note) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  r->options->note(line, r->options->context);
}

/* ---- what it needs -------------------------------------------------------------------------- */

/* Is a record phase the target of training? */
static bool is_target(const tame_experiment *e, int64_t phase)
{
  for (int64_t k = phase + 1; k < e->phases.count; k++)
    if (tame_phase_kind_at(e, k) == TAME_PHASE_TRAIN && tame_phase_target(e, k) == phase)
      return true;
  return false;
}

/* Steps [*first, *last) that some training on this recording needs. */
static void target_window(const tame_experiment *e, int64_t phase, int64_t task, int64_t *first,
                          int64_t *last)
{
  *first = INT64_MAX;
  *last = 0;
  for (int64_t k = phase + 1; k < e->phases.count; k++) {
    if (tame_phase_kind_at(e, k) != TAME_PHASE_TRAIN || tame_phase_target(e, k) != phase ||
        !tame_phase_has_task(e, k, task))
      continue;
    int64_t from, to;
    tame_phase_window(e, k, task, &from, &to);
    if (from < *first) *first = from;
    if (to > *last) *last = to;
  }
  if (*first > *last) *first = *last;
}

/* Bytes on a rank with a share of the neurons: rates kept as targets, and what is recorded. */
static double recordings(const tame_experiment *e, double share)
{
  const double real = e->network.precision == TAME_FLOAT ? sizeof(float) : sizeof(double);
  double bytes = tame_recorder_estimate(e, share);
  for (int64_t p = 0; p < e->phases.count; p++)
    for (int64_t t = 0; is_target(e, p) && t < e->tasks.count; t++) {
      int64_t first, last;
      target_window(e, p, t, &first, &last);
      bytes += (double)(last - first) * (double)e->network.neurons * share * real;
    }
  return bytes;
}

static tame_status refuse_above(const run *r, double need, const char *what)
{
  const double available = (double)tame_memory_available(r->layout.ranks_on_node);
  tame_status status = TAME_OK;
  if (need > available)
    status =
        tame_fail(TAME_ERR_NOMEM,
                  "too little memory: each of %d ranks needs about %.3g GB for %s, and %.3g GB "
                  "are free for it here; use more nodes, fewer neurons or synapses, or "
                  "network.precision: float",
                  r->layout.ranks, need / 1e9, what, available / 1e9);
  return tame_agree(r->comm, status);
}

static tame_status check_memory_before(const run *r)
{
  const double share = 1.0 / r->layout.ranks;
  return refuse_above(r,
                      tame_network_estimate(&r->e->network, r->layout.ranks) +
                          recordings(r->e, share),
                      "the network and recordings");
}

/* P is known only once the wiring is: the largest of the training phases. */
static tame_status check_memory_of_learners(const run *r, int64_t *largest)
{
  const double share = (double)r->network->n_local / (double)r->e->network.neurons;
  *largest = 0;
  for (int64_t p = 0; p < r->e->phases.count; p++) {
    if (tame_phase_kind_at(r->e, p) != TAME_PHASE_TRAIN) continue;
    const tame_phase *phase = tame_phase_at(r->e, p);
    const int64_t need = tame_learner_need(&phase->learner, r->network,
                                           (tame_weights)phase->weights);
    if (need > *largest) *largest = need;
  }
  return refuse_above(r, (double)*largest + recordings(r->e, share), "P and recordings");
}

/* ---- layout --------------------------------------------------------------------------------- */

static void tell_layout(const run *r, int64_t p_bytes)
{
  enum { NEURONS, SYNAPSES, P, HALO, FIGURES };
  tame_network_load load;
  tame_network_measure(r->network, &load);
  const int64_t mine[FIGURES] = {load.neurons, load.synapses, p_bytes, load.exchange_bytes};
  int64_t least[FIGURES], most[FIGURES], sum[FIGURES];
  MPI_Reduce(mine, least, FIGURES, MPI_INT64_T, MPI_MIN, 0, r->comm);
  MPI_Reduce(mine, most, FIGURES, MPI_INT64_T, MPI_MAX, 0, r->comm);
  MPI_Reduce(mine, sum, FIGURES, MPI_INT64_T, MPI_SUM, 0, r->comm);
  if (r->rank > 0) return;
  const tame_layout *l = &r->layout;
  note(r, "%s: %lld neurons, %lld synapses, %s; %d rank%s x %d thread%s on %d node%s, kernels %s",
       r->e->name, (long long)sum[NEURONS], (long long)sum[SYNAPSES],
       r->network->real == sizeof(double) ? "double" : "float", l->ranks, l->ranks == 1 ? "" : "s",
       l->threads, l->threads == 1 ? "" : "s", l->nodes, l->nodes == 1 ? "" : "s", load.kernels);
  if (l->ranks == 1) note(r, "P %.3g MB, no exchange", (double)most[P] / 1e6);
  else
    note(r, "per rank: %lld to %lld neurons, P %.3g to %.3g MB, %s of %.3g to %.3g kB a step",
         (long long)least[NEURONS], (long long)most[NEURONS], (double)least[P] / 1e6,
         (double)most[P] / 1e6, load.mode == TAME_EXCHANGE_GATHER ? "allgather" : "halo",
         (double)least[HALO] / 1e3, (double)most[HALO] / 1e3);
  if (l->oversubscribed)
    note(r,
         "warning: more threads than cores: %d rank%s x %d thread%s share %d core%s of a node; "
         "expect it to be slow",
         l->ranks_on_node, l->ranks_on_node == 1 ? "" : "s", l->threads, l->threads == 1 ? "" : "s",
         l->cores_on_node, l->cores_on_node == 1 ? "" : "s");
}

/* ---- progress ------------------------------------------------------------------------------- */

static int kind_of_phase(const tame_experiment *e, int64_t p)
{
  if (tame_phase_kind_at(e, p) != TAME_PHASE_TRAIN) return PLAIN;
  return tame_phase_at(e, p)->weights == TAME_WEIGHTS_RECURRENT ? RECURRENT : READOUT;
}

static void count_steps(run *r)
{
  for (int64_t p = 0; p < r->e->phases.count; p++)
    for (int64_t t = 0; t < r->e->tasks.count; t++)
      if (tame_phase_has_task(r->e, p, t))
        r->steps_left[kind_of_phase(r->e, p)] += r->e->scripts[t].steps *
                                                 tame_phase_trials(r->e, p);
}

/* Seconds a step of a kind takes, as measured, or guessed from plain ones. */
static double seconds_per_step(const run *r, int kind)
{
  if (r->steps_done[kind] > 0) return r->seconds[kind] / (double)r->steps_done[kind];
  if (r->steps_done[PLAIN] == 0) return NAN;
  return (kind == PLAIN ? 1 : 8) * r->seconds[PLAIN] / (double)r->steps_done[PLAIN];
}

static void report(run *r, bool trial_ended)
{
  if (r->rank > 0 || !r->options->progress) return;
  double left = 0, done = 0;
  for (int k = 0; k < KINDS; k++) {
    left += r->steps_left[k] ? (double)r->steps_left[k] * seconds_per_step(r, k) : 0;
    done += r->seconds[k];
  }
  const tame_progress progress = {
      .phase = tame_phase_at(r->e, r->phase)->name,
      .task = tame_task_at(r->e, r->task)->name,
      .trial = r->trial,
      .trials = tame_phase_trials(r->e, r->phase),
      .loss = r->last_loss,
      .updates_per_second = r->learning_seconds > 0 ? (double)r->updates / r->learning_seconds : 0,
      .share = isnan(left) ? 0 : done / (done + left),
      .seconds_left = left,
      .trial_ended = trial_ended,
  };
  r->options->progress(&progress, r->options->context);
  r->reported = now();
}

/* ---- a trial -------------------------------------------------------------------------------- */

static void learn_recurrent(run *r, int64_t t)
{
  const tame_network *net = r->network;
  const void *target = tame_real_from(net, r->target_rates, (t - r->target_first) * net->n_local);
  for (int64_t i = 0; i < net->n_local; i++) {
    r->error[i] = tame_real_at(net, net->r, i) - tame_real_at(net, target, i);
    r->squares[i] += r->error[i] * r->error[i];
  }
  r->loss_count++;
  tame_learner_update(r->learner, r->error);
}

/* Errors of the readouts against the task's target. */
static void readout_error(run *r, int64_t t)
{
  const tame_samples *target = &r->e->scripts[r->task].target;
  for (int64_t k = 0; k < target->channels; k++) {
    r->z_error[k] = r->z[k] - target->at[t * target->channels + k];
    r->loss_sum += r->z_error[k] * r->z_error[k];
  }
  r->loss_count++;
}

static void keep_rates(run *r, int64_t t)
{
  const tame_network *net = r->network;
  if (!r->kept || t < r->kept_first || t >= r->kept_last) return;
  memcpy(tame_real_from(net, r->kept, (t - r->kept_first) * net->n_local), net->r,
         (size_t)net->n_local * net->real);
}

/* All that happens after step t, but for the step itself. */
static void after_step(run *r, int64_t t)
{
  const tame_experiment *e = r->e;
  const tame_phase *phase = tame_phase_at(e, r->phase);
  const tame_phase_kind kind = tame_phase_kind_at(e, r->phase);
  const bool inside = t >= r->first && t < r->last;
  const bool learns = kind == TAME_PHASE_TRAIN && inside && t % phase->every == 0;
  const bool recurrent = kind == TAME_PHASE_TRAIN && phase->weights == TAME_WEIGHTS_RECURRENT;
  const bool judged = inside && e->scripts[r->task].target.at && !recurrent &&
                      (learns || kind == TAME_PHASE_TEST || kind == TAME_PHASE_PERTURB);
  const bool wanted = tame_recorder_wants_readout(r->recorder, t);
  if (judged || wanted) tame_network_readout(r->network, r->z);
  tame_recorder_step(r->recorder, t, wanted ? r->z : NULL);
  keep_rates(r, t);
  if (judged) readout_error(r, t);
  if (!learns) return;
  const double began = now();
  if (recurrent) learn_recurrent(r, t);
  else tame_learner_update(r->learner, r->z_error);
  r->learning_seconds += now() - began;
  r->updates++;
}

static void steps_of_trial(run *r)
{
  const tame_experiment *e = r->e;
  const tame_script *script = &e->scripts[r->task];
  const bool perturbed = tame_phase_kind_at(e, r->phase) == TAME_PHASE_PERTURB;
  const double *input = perturbed ? script->perturbed.at : script->input.at;
  const int kind = kind_of_phase(e, r->phase);
  double last = now();
  for (int64_t t = 0; t < script->steps; t++) {
    tame_network_step(r->network, input + t * e->network.inputs, tame_phase_at(e, r->phase)->noise);
    after_step(r, t);
    if (t % 16 != 15 && t != script->steps - 1) continue;
    const double at = now();
    const int64_t done = t % 16 + 1;
    r->seconds[kind] += at - last;
    r->steps_done[kind] += done;
    r->steps_left[kind] -= done;
    last = at;
    if (at - r->reported > 0.1) report(r, false);
  }
}

/* Loss of the trial: mean square over updates, or steps of the window, and neurons or outputs. */
static tame_status loss_of_trial(run *r, double *loss)
{
  const tame_network *net = r->network;
  tame_status status = TAME_OK;
  double sum = r->loss_sum, units = (double)r->e->network.outputs;
  if (kind_of_phase(r->e, r->phase) == RECURRENT) {
    status = tame_canonical_sum(r->comm, &net->partition, r->squares, &sum);
    units = (double)net->p.neurons;
  }
  *loss = r->loss_count ? sum / ((double)r->loss_count * units) : NAN;
  return status;
}

static tame_status check_finite(const run *r)
{
  const tame_network *net = r->network;
  tame_status status = TAME_OK;
  for (int64_t i = 0; status == TAME_OK && i < net->n_local; i++)
    if (!isfinite(tame_real_at(net, net->x, i)))
      status = tame_fail(TAME_ERR_NUMERIC, "the network diverged: x of neuron %lld is %g",
                         (long long)(net->first + i), tame_real_at(net, net->x, i));
  return tame_agree(r->comm, status);
}

/* Figures are the same on every rank, so that all come to the same verdict. Local. */
static tame_status check_figures(const run *r, const tame_trial_figures *figures)
{
  if (r->loss_count && !isfinite(figures->loss))
    return tame_fail(TAME_ERR_NUMERIC, "the loss is %g", figures->loss);
  if (r->learner && !isfinite(figures->health.dw))
    return tame_fail(TAME_ERR_NUMERIC, "the change of the weights is %g", figures->health.dw);
  return TAME_OK;
}

/* Put phase, task and trial before a message. */
static tame_status place_failure(const run *r, tame_status status)
{
  char why[2048];
  if (status != TAME_ERR_NUMERIC) return status;
  snprintf(why, sizeof why, "%s", tame_message());
  return tame_fail(status, "phase '%s', task '%s', trial %lld: %s",
                   tame_phase_at(r->e, r->phase)->name, tame_task_at(r->e, r->task)->name,
                   (long long)r->trial, why);
}

/* Windows, and the rates kept for training or by it. */
static void prepare_trial(run *r)
{
  const tame_experiment *e = r->e;
  const int64_t target = tame_phase_target(e, r->phase);
  int64_t last;
  tame_phase_window(e, r->phase, r->task, &r->first, &r->last);
  r->target_rates = target < 0 ? NULL : r->innate[target * e->tasks.count + r->task];
  if (target >= 0) target_window(e, target, r->task, &r->target_first, &last);
  r->kept = r->innate[r->phase * e->tasks.count + r->task];
  if (r->kept) target_window(e, r->phase, r->task, &r->kept_first, &r->kept_last);
}

static tame_status run_trial(run *r, int64_t index)
{
  tame_trial_figures figures = {.loss = NAN};
  prepare_trial(r);
  r->loss_sum = 0;
  r->loss_count = 0;
  memset(r->squares, 0, (size_t)r->network->n_local * sizeof *r->squares);
  tame_network_reset(r->network, (uint32_t)index);
  tame_recorder_start(r->recorder, r->phase, r->task);
  steps_of_trial(r);
  tame_status status = check_finite(r);
  if (r->learner && status == TAME_OK) status = tame_learner_health(r->learner, &figures.health);
  if (status == TAME_OK) status = loss_of_trial(r, &figures.loss);
  if (status == TAME_OK) status = check_figures(r, &figures);
  r->last_loss = figures.loss;
  if (status == TAME_OK) status = tame_recorder_end(r->recorder, r->trial, &figures);
  report(r, true);
  return place_failure(r, status);
}

/* ---- phases --------------------------------------------------------------------------------- */

static tame_status run_phase(run *r, int64_t p, int64_t *index)
{
  const tame_phase *phase = tame_phase_at(r->e, p);
  tame_status status = TAME_OK;
  r->phase = p;
  r->last_loss = NAN;
  r->learning_seconds = 0;
  r->updates = 0;
  if (tame_phase_kind_at(r->e, p) == TAME_PHASE_TRAIN)
    status = tame_learner_create(&r->learner, &phase->learner, r->network,
                                 (tame_weights)phase->weights);
  for (r->trial = 0; status == TAME_OK && r->trial < tame_phase_trials(r->e, p); r->trial++)
    for (r->task = 0; status == TAME_OK && r->task < r->e->tasks.count; r->task++)
      if (tame_phase_has_task(r->e, p, r->task)) status = run_trial(r, (*index)++);
  tame_learner_free(&r->learner);
  return status;
}

static tame_status allocate(run *r)
{
  const tame_experiment *e = r->e;
  const int64_t n = r->network->n_local;
  r->innate = tame_zeroed(e->phases.count * e->tasks.count, sizeof *r->innate, "the run");
  r->error = tame_zeroed(n, sizeof *r->error, "errors");
  r->squares = tame_zeroed(n, sizeof *r->squares, "errors");
  r->z = tame_zeroed(e->network.outputs, sizeof *r->z, "readouts");
  r->z_error = tame_zeroed(e->network.outputs, sizeof *r->z_error, "readouts");
  if (!r->innate || !r->error || !r->squares || !r->z || !r->z_error) return TAME_ERR_NOMEM;
  for (int64_t p = 0; p < e->phases.count; p++)
    for (int64_t t = 0; is_target(e, p) && t < e->tasks.count; t++) {
      int64_t first, last;
      target_window(e, p, t, &first, &last);
      void **innate = &r->innate[p * e->tasks.count + t];
      *innate = tame_zeroed((last - first) * n, r->network->real, "the innate trajectory");
      if (!*innate) return TAME_ERR_NOMEM;
    }
  return TAME_OK;
}

static void release(run *r)
{
  tame_recorder_free(&r->recorder);
  tame_learner_free(&r->learner);
  tame_network_free(&r->network);
  for (int64_t k = 0; r->innate && k < r->e->phases.count * r->e->tasks.count; k++)
    free(r->innate[k]);
  free(r->innate);
  free(r->error);
  free(r->squares);
  free(r->z);
  free(r->z_error);
}

static tame_status prepare(run *r, const char *path)
{
  int64_t p_bytes = 0;
  tame_status status = tame_results_may_write(r->comm, path, r->options->force);
  if (status == TAME_OK) status = check_memory_before(r);
  if (status == TAME_OK) status = tame_network_create(&r->network, r->comm, &r->e->network);
  if (status == TAME_OK) status = check_memory_of_learners(r, &p_bytes);
  if (status == TAME_OK) status = tame_agree(r->comm, allocate(r));
  if (status == TAME_OK)
    status = tame_recorder_create(&r->recorder, r->e, r->network, path, r->options->force);
  if (status == TAME_OK) tell_layout(r, p_bytes);
  return status;
}

tame_status tame_experiment_run(tame_experiment *e, MPI_Comm comm, const tame_run_options *options)
{
  run r = {.e = e, .options = options, .comm = comm, .began = now()};
  tame_provenance provenance = {0};
  const char *path = options->output ? options->output : e->results;
  utc(provenance.started);
  MPI_Comm_rank(comm, &r.rank);
  tame_layout_find(comm, &r.layout);
  count_steps(&r);
  tame_status status = prepare(&r, path);
  int64_t index = 0; /* of the trial in the whole run: it keys initial states and noise */
  for (int64_t p = 0; status == TAME_OK && p < e->phases.count; p++)
    status = run_phase(&r, p, &index);
  if (status == TAME_OK) {
    provenance.layout = r.layout;
    provenance.seconds = now() - r.began;
    utc(provenance.finished);
    status = tame_recorder_finish(r.recorder, &provenance);
  }
  release(&r);
  return status;
}
