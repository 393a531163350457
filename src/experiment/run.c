/* The run of one network: what it needs, its phases, its checkpoints; see inside.h. */
#include "tame/experiment.h"

#include "base/memory.h"
#include "experiment/inside.h"
#include "network/inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sums over the steps of a trial by which a readout's error and correlation with its target are told. */
typedef struct co_moments {
  double mean_z, mean_f, zz, ff, zf, ee;
} co_moments;

enum { MOMENTS = sizeof(co_moments) / sizeof(double) };

/* A readout that feeds itself is lost once its error is above this many standard deviations of its target,
 * root mean squares over outputs: Pathak et al. (2018), doi:10.1103/PhysRevLett.120.024102. */
static const double lost_at = 0.4;

typedef struct run {
  const tame_member *member;
  const tame_experiment *e;
  const tame_run_options *options;
  MPI_Comm comm;
  int rank;
  tame_layout layout;
  tame_network *network;
  tame_recorder *recorder;
  tame_course course;
  void **innate; /* [phases * tasks]: rates a record phase keeps for training, [window][n_local] */

  /* where it stands; with `step` > 0 in the middle of a trial */
  int64_t phase, task, trial;
  int64_t index;           /* of the trial in the whole run: it keys initial states and noise */
  int64_t step;            /* of the trial, the next one */
  bool restored;           /* the phase goes on from a checkpoint */
  tame_learner *learner;   /* of this phase, or NULL */
  tame_observer *observer; /* of this trial, or NULL */
  bool warned;             /* of what its solutions lack */

  /* the trial that runs */
  int64_t first, last; /* steps of the window */
  const void
      *target_rates; /* for recurrent weights: rates or currents, from step target_first on */
  int64_t target_first;
  void *
      kept; /* where rates or currents of this trial are kept as a target, or NULL; in these steps */
  int64_t kept_first, kept_last;
  double *error, *squares; /* [n_local] */
  double *z, *z_error;     /* [outputs] */
  co_moments *moments;     /* [outputs] */
  double *correlation;     /* [outputs] */
  double *nrmse;           /* [outputs] */
  double spread;           /* sum of the variances of the targets in the window */
  int64_t valid[2];        /* steps that a readout which feeds itself was good for; is it lost? */
  double loss_sum;         /* of readout errors */
  int64_t loss_count;

  /* progress, on rank 0 */
  int64_t steps_all[TAME_WORK_KINDS], steps_left[TAME_WORK_KINDS], steps_done[TAME_WORK_KINDS];
  double seconds[TAME_WORK_KINDS];
  double learning_seconds;
  int64_t updates;
} run;

static double now(void)
{
  return MPI_Wtime();
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

double tame_run_recordings(const tame_experiment *e, double share)
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

tame_status tame_run_refuse_above(const tame_layout *layout, int ranks, double need,
                                  const char *what, const char *advice)
{
  const double available = (double)tame_memory_available(layout->ranks_on_node);
  if (need <= available) return TAME_OK;
  return tame_fail(TAME_ERR_NOMEM,
                   "too little memory: each of %d ranks needs about %.3g GB for %s, and %.3g GB "
                   "are free for it here; use %s",
                   ranks, need / 1e9, what, available / 1e9, advice);
}

/* P is known only once the wiring is: the largest of the training phases. Analyses are made when no P is there. */
static tame_status check_memory_of_phases(const run *r, int64_t *largest)
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
  const int ranks = r->network->partition.size;
  const double analyses = tame_observer_need(r->e, share, ranks, r->rank == 0);
  const double need = fmax((double)*largest, analyses) + tame_run_recordings(r->e, share);
  const char *what = analyses > (double)*largest ? "analyses and recordings" : "P and recordings";
  return tame_agree(r->comm, tame_run_refuse_above(&r->layout, ranks, need, what, TAME_MORE_ROOM));
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
  tame_course_note(
      &r->course,
      "%s: %lld neurons, %lld synapses, %s; %d rank%s x %d thread%s on %d node%s, kernels %s",
      r->e->name, (long long)sum[NEURONS], (long long)sum[SYNAPSES],
      r->network->real == sizeof(double) ? "double" : "float", l->ranks, l->ranks == 1 ? "" : "s",
      l->threads, l->threads == 1 ? "" : "s", l->nodes, l->nodes == 1 ? "" : "s", load.kernels);
  if (l->ranks == 1) tame_course_note(&r->course, "P %.3g MB, no exchange", (double)most[P] / 1e6);
  else
    tame_course_note(
        &r->course,
        "per rank: %lld to %lld neurons, P %.3g to %.3g MB, %s of %.3g to %.3g kB a step",
        (long long)least[NEURONS], (long long)most[NEURONS], (double)least[P] / 1e6,
        (double)most[P] / 1e6, load.mode == TAME_EXCHANGE_GATHER ? "allgather" : "halo",
        (double)least[HALO] / 1e3, (double)most[HALO] / 1e3);
  if (l->oversubscribed)
    tame_course_note(
        &r->course,
        "warning: more threads than cores: %d rank%s x %d thread%s share %d core%s of a node; "
        "expect it to be slow",
        l->ranks_on_node, l->ranks_on_node == 1 ? "" : "s", l->threads, l->threads == 1 ? "" : "s",
        l->cores_on_node, l->cores_on_node == 1 ? "" : "s");
}

/* ---- progress ------------------------------------------------------------------------------- */

/* Steps of all phases, and of those that are left from where we are. */
static void count_steps(run *r)
{
  for (int64_t p = 0; p < r->e->phases.count; p++)
    for (int64_t t = 0; t < r->e->tasks.count; t++) {
      if (!tame_phase_has_task(r->e, p, t)) continue;
      const int kind = tame_phase_work(r->e, p);
      const int64_t steps = r->e->scripts[t].steps, trials = tame_phase_trials(r->e, p);
      int64_t done = p < r->phase ? steps * trials : 0;
      if (p == r->phase) done = steps * (r->trial + (t < r->task)) + (t == r->task ? r->step : 0);
      r->steps_all[kind] += steps * trials;
      r->steps_left[kind] += steps * trials - done;
    }
}

/* Seconds a step of a kind takes, as measured, or guessed from plain ones. */
static double seconds_per_step(const run *r, int kind)
{
  if (r->steps_done[kind] > 0) return r->seconds[kind] / (double)r->steps_done[kind];
  if (r->steps_done[TAME_WORK_PLAIN] == 0) return NAN;
  return (kind == TAME_WORK_PLAIN ? 1 : 8) * r->seconds[TAME_WORK_PLAIN] /
         (double)r->steps_done[TAME_WORK_PLAIN];
}

static void report(run *r, bool trial_ended)
{
  if (r->rank > 0 || !r->options->progress) return;
  double left = 0, done = 0;
  for (int k = 0; k < TAME_WORK_KINDS; k++) {
    left += r->steps_left[k] ? (double)r->steps_left[k] * seconds_per_step(r, k) : 0;
    done += r->seconds[k];
  }
  const tame_progress progress = {
      .networks = r->member->networks,
      .ended = tame_queue_ended(r->member->queue),
      .network = r->member->network,
      .phase = tame_phase_at(r->e, r->phase)->name,
      .task = tame_task_at(r->e, r->task)->name,
      .trial = r->trial,
      .trials = tame_phase_trials(r->e, r->phase),
      .loss = r->course.last_loss,
      .updates_per_second = r->learning_seconds > 0 ? (double)r->updates / r->learning_seconds : 0,
      .share = isnan(left) ? 0 : done / (done + left),
      .seconds_left = left,
      .trial_ended = trial_ended,
      .unit = "trial",
  };
  r->options->progress(&progress, r->options->context);
  r->course.reported = now();
}

/* ---- a step --------------------------------------------------------------------------------- */

/* What a record phase keeps: r, or h. */
static const void *kept_of(const run *r, int64_t record)
{
  const bool currents = tame_phase_at(r->e, record)->keep == TAME_KEEP_CURRENTS;
  return currents ? r->network->h : r->network->r;
}

/* Is step t one after which recurrent weights learn, in this trial? */
static bool learns_recurrent(const run *r, int64_t t)
{
  const tame_phase *phase = tame_phase_at(r->e, r->phase);
  return tame_phase_kind_at(r->e, r->phase) == TAME_PHASE_TRAIN && t >= r->first && t < r->last &&
         t % phase->every == 0 && phase->weights == TAME_WEIGHTS_RECURRENT;
}

/* ... and learn the currents, which come of the rates before the step? */
static bool learns_currents(const run *r, int64_t t)
{
  return learns_recurrent(r, t) &&
         tame_phase_at(r->e, tame_phase_target(r->e, r->phase))->keep == TAME_KEEP_CURRENTS;
}

static void learn_recurrent(run *r, int64_t t)
{
  const tame_network *net = r->network;
  const void *target = tame_real_from(net, r->target_rates, (t - r->target_first) * net->n_local);
  const void *here = kept_of(r, tame_phase_target(r->e, r->phase));
  for (int64_t i = 0; i < net->n_local; i++) {
    r->error[i] = tame_real_at(net, here, i) - tame_real_at(net, target, i);
    r->squares[i] += r->error[i] * r->error[i];
  }
  r->loss_count++;
  tame_learner_update(r->learner, r->error);
}

/* The n-th pair: Welford's update, which does not lose digits as sums of squares do. */
static void add_moments(co_moments *m, int64_t n, double z, double f)
{
  const double dz = z - m->mean_z, df = f - m->mean_f;
  m->mean_z += dz / (double)n;
  m->mean_f += df / (double)n;
  m->zz += dz * (z - m->mean_z);
  m->ff += df * (f - m->mean_f);
  m->zf += dz * (f - m->mean_f);
  m->ee += (z - f) * (z - f);
}

/* Of each readout and its target: Pearson's r, and the root mean square error in standard deviations. */
static void judge(run *r)
{
  for (int64_t k = 0; k < r->e->network.outputs; k++) {
    const co_moments *m = &r->moments[k];
    r->correlation[k] = m->zz > 0 && m->ff > 0 ? m->zf / sqrt(m->zz * m->ff) : NAN;
    r->nrmse[k] = m->ff > 0 ? sqrt(m->ee / m->ff) : NAN;
  }
}

/* Sum of the variances of a trial's targets over its window. */
static double spread_of(const run *r)
{
  const tame_samples *target = &r->e->scripts[r->task].target;
  double sum = 0;
  for (int64_t k = 0; target->at && k < target->channels; k++) {
    co_moments m = {0};
    for (int64_t t = r->first; t < r->last; t++) {
      const double f = target->at[t * target->channels + k];
      add_moments(&m, t - r->first + 1, f, f);
    }
    sum += m.ff / (double)(r->last - r->first);
  }
  return sum;
}

/* Is the readout that feeds itself still where its target is? */
static void follow(run *r, int64_t t)
{
  double squares = 0;
  if (t < tame_phase_free_from(r->e, r->phase, r->task) || r->valid[1]) return;
  for (int64_t k = 0; k < r->e->network.outputs; k++) squares += r->z_error[k] * r->z_error[k];
  if (squares <= lost_at * lost_at * r->spread) r->valid[0]++;
  else r->valid[1] = 1;
}

/* Errors of the readouts against the task's target. */
static void readout_error(run *r, int64_t t)
{
  const tame_samples *target = &r->e->scripts[r->task].target;
  for (int64_t k = 0; k < target->channels; k++) {
    const double f = target->at[t * target->channels + k];
    r->z_error[k] = r->z[k] - f;
    r->loss_sum += r->z_error[k] * r->z_error[k];
    add_moments(&r->moments[k], r->loss_count + 1, r->z[k], f);
  }
  r->loss_count++;
}

static void keep_rates(run *r, int64_t t)
{
  const tame_network *net = r->network;
  if (!r->kept || t < r->kept_first || t >= r->kept_last) return;
  memcpy(tame_real_from(net, r->kept, (t - r->kept_first) * net->n_local), kept_of(r, r->phase),
         (size_t)net->n_local * net->real);
}

/* What the step after t feeds back. */
static void feed_back(run *r, int64_t t, bool readout)
{
  const tame_samples *target = &r->e->scripts[r->task].target;
  const int feedback = tame_phase_at(r->e, r->phase)->feedback;
  if (!(r->e->network.feedback_scale > 0) || feedback == TAME_FEED_NONE) return;
  tame_network_feed(r->network, readout ? r->z : target->at + t * target->channels, readout);
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
  const bool judged = inside && ((learns && !recurrent) || tame_phase_judges(e, r->phase, r->task));
  const bool wanted = tame_recorder_wants_readout(r->recorder, t);
  const int64_t free_from = tame_phase_free_from(e, r->phase, r->task);
  const bool fed = free_from >= 0 && t + 1 >= free_from;
  if (judged || wanted || fed) tame_network_readout(r->network, r->z);
  feed_back(r, t, fed);
  tame_recorder_step(r->recorder, t, wanted ? r->z : NULL);
  keep_rates(r, t);
  if (judged) readout_error(r, t);
  if (judged && tame_phase_has_valid_time(e, r->phase, r->task)) follow(r, t);
  if (!learns) return;
  const double began = now();
  if (recurrent) learn_recurrent(r, t);
  else tame_learner_update(r->learner, r->z_error);
  r->learning_seconds += now() - began;
  r->updates++;
}

/* The learner of a phase that trains. Collective. */
static tame_status make_learner(run *r)
{
  const tame_phase *phase = tame_phase_at(r->e, r->phase);
  if (tame_phase_kind_at(r->e, r->phase) != TAME_PHASE_TRAIN) return TAME_OK;
  return tame_learner_create(&r->learner, &phase->learner, r->network,
                             (tame_weights)phase->weights);
}

/* The analyses of a trial. Collective. */
static tame_status observe(run *r)
{
  return tame_observer_create(&r->observer, r->e, r->network, r->phase, r->task);
}

/* ---- checkpoints ------------------------------------------------------------------------------ */

/* What becomes of where we are in a checkpoint. */
enum { AT_PHASE, AT_TASK, AT_TRIAL, AT_INDEX, AT_STEP, AT_LOSS_COUNT };

/* The rates kept as targets: all that there are by now; whole once their trial is over. */
static void add_innate(run *r, tame_state *state)
{
  const tame_network *net = r->network;
  const int64_t n = net->p.neurons, tasks = r->e->tasks.count;
  for (int64_t p = 0; p <= r->phase && p < r->e->phases.count; p++)
    for (int64_t t = 0; t < tasks; t++) {
      const bool past = p < r->phase || r->trial > 0 || t < r->task;
      const void *kept = r->innate[p * tasks + t];
      int64_t first, last;
      if (!kept || !(past || (t == r->task && r->step > 0))) continue;
      target_window(r->e, p, t, &first, &last);
      tame_piece piece = {.type = tame_real_type(net), .version = past};
      snprintf(piece.name, sizeof piece.name, "innate.%lld.%lld", (long long)p, (long long)t);
      piece.total = (last - first) * n;
      for (int64_t k = 0; k < last - first; k++) {
        piece.first = k * n + net->first;
        piece.count = net->n_local;
        piece.at = tame_real_from(net, kept, k * net->n_local);
        tame_state_add(state, &piece);
      }
      if (last == first) tame_state_add(state, &piece);
    }
}

/* All that a run goes on with. Collective. */
static void gather_state(void *run_, tame_state *state)
{
  run *r = run_;
  const tame_network *net = r->network;
  const int64_t n = net->p.neurons, moments = net->p.outputs * MOMENTS;
  const bool copy = r->rank > 0;
  const tame_piece pieces[] = {
      {"trial.loss_sum", TAME_TYPE_F64, 1, 0, 1, &r->loss_sum, copy, 0},
      {"trial.moments", TAME_TYPE_F64, moments, 0, moments, r->moments, copy, 0},
      {"trial.valid", TAME_TYPE_I64, 2, 0, 2, r->valid, copy, 0},
      {"trial.squares", TAME_TYPE_F64, n, net->first, net->n_local, r->squares, false, 0},
  };
  tame_network_state(r->network, state);
  if (r->learner) tame_learner_state(r->learner, state);
  tame_observer_state(r->observer, state);
  for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) tame_state_add(state, &pieces[k]);
  tame_recorder_state(r->recorder, state);
  add_innate(r, state);
}

/* Share of the network's work that is done, by steps and what they take. */
static double share_done(const void *run_)
{
  const run *r = run_;
  double left = 0, done = 0;
  for (int k = 0; k < TAME_WORK_KINDS; k++) {
    const double each = r->steps_done[k] > 0 ? r->seconds[k] / (double)r->steps_done[k]
                                             : (k == TAME_WORK_PLAIN ? 1 : 8) * 1e-4;
    left += (double)r->steps_left[k] * each;
    done += (double)(r->steps_all[k] - r->steps_left[k]) * each;
  }
  return done + left > 0 ? done / (done + left) : 0;
}

/* Where we are, in words too. */
static void place(const void *run_, tame_checkpoint_about *about)
{
  const run *r = run_;
  about->at[AT_PHASE] = r->phase;
  about->at[AT_TASK] = r->task;
  about->at[AT_TRIAL] = r->trial;
  about->at[AT_INDEX] = r->index;
  about->at[AT_STEP] = r->step;
  about->at[AT_LOSS_COUNT] = r->loss_count;
  const int64_t task = r->task < r->e->tasks.count ? r->task : r->task - 1;
  snprintf(about->where, sizeof about->where, "phase '%s', task '%s', trial %lld, step %lld",
           tame_phase_at(r->e, r->phase)->name, tame_task_at(r->e, task)->name, (long long)r->trial,
           (long long)r->step);
}

/* Phases before this one are over. Collective. */
static tame_status restore(void *run_, const tame_checkpoint_about *about)
{
  run *r = run_;
  r->phase = about->at[AT_PHASE];
  r->task = about->at[AT_TASK];
  r->trial = about->at[AT_TRIAL];
  r->index = about->at[AT_INDEX];
  r->step = about->at[AT_STEP];
  r->loss_count = about->at[AT_LOSS_COUNT];
  r->restored = true;
  const tame_status status = make_learner(r);
  return status == TAME_OK && r->step > 0 ? observe(r) : status;
}

static void restored(void *run_)
{
  run *r = run_;
  tame_network_restored(r->network);
  tame_observer_restored(r->observer, r->step);
}

/* What is known before the first trial. Local. */
static tame_status put(void *run_)
{
  run *r = run_;
  const tame_member *m = r->member;
  tame_status status = tame_recorder_begin(r->recorder);
  if (r->rank == 0 && status == TAME_OK && !tame_recorder_shares(m->study, "tasks/"))
    status = tame_recorder_put_tasks(r->e, m->results, m->row);
  if (r->rank == 0 && status == TAME_OK && !tame_recorder_shares(m->study, "recorded_neurons"))
    status = tame_recorder_put_recorded(r->e, m->results, m->row);
  return status;
}

static const tame_course_kind kind_of_run = {share_done, place,    gather_state,
                                             restore,    restored, put};

/* ---- a trial ------------------------------------------------------------------------------------ */

static tame_status steps_of_trial(run *r)
{
  const tame_experiment *e = r->e;
  const tame_script *script = &e->scripts[r->task];
  const bool perturbed = tame_phase_kind_at(e, r->phase) == TAME_PHASE_PERTURB;
  const double *input = perturbed ? script->perturbed.at : script->input.at;
  const int kind = tame_phase_work(e, r->phase);
  double last = now();
  int64_t since = r->step;
  while (r->step < script->steps) {
    const int64_t t = r->step;
    const double *u = input + t * e->network.inputs;
    tame_observer_before(r->observer, t);
    if (learns_currents(r, t)) tame_learner_hold(r->learner);
    tame_network_step(r->network, u, tame_phase_at(e, r->phase)->noise);
    after_step(r, t);
    tame_observer_after(r->observer, t, u); /* knows by now what is fed back next */
    r->step++;
    r->course.asked++;
    if (r->step % 16 == 0 || r->step == script->steps) {
      const double at = now();
      r->seconds[kind] += at - last;
      r->steps_done[kind] += r->step - since;
      r->steps_left[kind] -= r->step - since;
      since = r->step;
      last = at;
      if (at - r->course.reported > 0.1) report(r, false);
    }
    if (r->course.asked < r->course.interval || r->step == script->steps) continue;
    const tame_status status = tame_course_attend(&r->course, false);
    if (status != TAME_OK) return status;
  }
  return TAME_OK;
}

/* Loss of the trial: mean square over updates, or steps of the window, and neurons or outputs. */
static tame_status loss_of_trial(run *r, double *loss)
{
  const tame_network *net = r->network;
  tame_status status = TAME_OK;
  double sum = r->loss_sum, units = (double)r->e->network.outputs;
  if (tame_phase_work(r->e, r->phase) == TAME_WORK_RECURRENT) {
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
  for (int k = 0; k < net->variables; k++)
    for (int64_t i = 0; status == TAME_OK && i < net->n_local; i++)
      if (!isfinite(tame_network_value(net, k, i)))
        status = tame_fail(TAME_ERR_NUMERIC, "the network diverged: %s of neuron %lld is %g",
                           tame_network_variable_at(&net->p, k)->name, (long long)(net->first + i),
                           tame_network_value(net, k, i));
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

/* What a solution lacks, once a phase. */
static void warn(run *r)
{
  const char *warning = r->learner ? tame_learner_warning(r->learner) : NULL;
  if (!warning || r->warned) return;
  r->warned = true;
  tame_course_note(&r->course, "warning: phase '%s', task '%s', trial %lld: %s",
                   tame_phase_at(r->e, r->phase)->name, tame_task_at(r->e, r->task)->name,
                   (long long)r->trial, warning);
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
  r->spread = spread_of(r);
}

static tame_status begin_trial(run *r)
{
  const int64_t outputs = r->e->network.outputs;
  r->loss_sum = 0;
  r->loss_count = 0;
  memset(r->squares, 0, (size_t)r->network->n_local * sizeof *r->squares);
  memset(r->moments, 0, (size_t)outputs * sizeof *r->moments);
  memset(r->valid, 0, sizeof r->valid);
  if (tame_phase_at(r->e, r->phase)->go_on) tame_network_go_on(r->network, (uint32_t)r->index);
  else tame_network_reset(r->network, (uint32_t)r->index);
  tame_recorder_keep_initial(r->recorder);
  return observe(r);
}

static tame_status end_trial(run *r)
{
  tame_trial_figures figures = {.loss = NAN,
                                .correlation = r->correlation,
                                .nrmse = r->nrmse,
                                .valid_ms = (double)r->valid[0] * r->e->network.dt_ms,
                                .observer = r->observer,
                                .learner = r->learner};
  tame_status status = check_finite(r);
  if (status == TAME_OK) status = tame_observer_end(r->observer);
  if (r->learner && status == TAME_OK) status = tame_learner_health(r->learner, &figures.health);
  if (status == TAME_OK) status = loss_of_trial(r, &figures.loss);
  if (status == TAME_OK) status = check_figures(r, &figures);
  judge(r);
  warn(r);
  r->course.last_loss = figures.loss;
  if (status == TAME_OK)
    status = tame_agree(r->comm, tame_recorder_end(r->recorder, r->trial, &figures));
  tame_observer_free(&r->observer);
  report(r, true);
  return place_failure(r, status);
}

static tame_status run_trial(run *r)
{
  prepare_trial(r);
  tame_recorder_start(r->recorder, r->phase, r->task);
  tame_status status = r->step == 0 ? begin_trial(r) : TAME_OK;
  if (status == TAME_OK) status = steps_of_trial(r);
  if (status == TAME_OK) status = end_trial(r);
  if (status != TAME_OK) return status;
  tame_course_progress(&r->course);
  r->index++;
  r->step = 0;
  r->task++;
  return tame_course_attend(&r->course, true);
}

/* ---- phases --------------------------------------------------------------------------------- */

static tame_status run_phase(run *r)
{
  tame_status status = TAME_OK;
  if (!r->restored) {
    r->trial = r->task = 0;
    r->course.last_loss = NAN;
    status = make_learner(r);
  }
  r->restored = r->warned = false;
  r->learning_seconds = 0;
  r->updates = 0;
  const int64_t trials = tame_phase_trials(r->e, r->phase), tasks = r->e->tasks.count;
  while (status == TAME_OK && r->trial < trials) {
    if (r->task == tasks) r->task = 0, r->trial++;
    else if (tame_phase_has_task(r->e, r->phase, r->task)) status = run_trial(r);
    else r->task++;
  }
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
  r->moments = tame_zeroed(e->network.outputs, sizeof *r->moments, "readouts");
  r->correlation = tame_zeroed(e->network.outputs, sizeof *r->correlation, "readouts");
  r->nrmse = tame_zeroed(e->network.outputs, sizeof *r->nrmse, "readouts");
  if (!r->innate || !r->error || !r->squares || !r->z || !r->z_error || !r->moments ||
      !r->correlation || !r->nrmse)
    return TAME_ERR_NOMEM;
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
  tame_course_close(&r->course);
  tame_observer_free(&r->observer);
  tame_learner_free(&r->learner);
  tame_network_free(&r->network);
  for (int64_t k = 0; r->innate && k < r->e->phases.count * r->e->tasks.count; k++)
    free(r->innate[k]);
  free(r->innate);
  free(r->error);
  free(r->squares);
  free(r->z);
  free(r->z_error);
  free(r->moments);
  free(r->correlation);
  free(r->nrmse);
}

/* Of what is allowed, and yet may not be meant. */
static void tell_caution(const run *r)
{
  char text[256];
  tame_network_caution(&r->e->network, text, sizeof text);
  if (r->rank > 0 || !*text) return;
  if (r->member->tell_layout) tame_course_note(&r->course, "warning: network.cell: %s", text);
  else
    tame_course_note(&r->course, "warning: network %lld: network.cell: %s",
                     (long long)r->member->network, text);
}

static tame_status prepare(run *r)
{
  const tame_member *m = r->member;
  int64_t p_bytes = 0;
  tame_status status = tame_network_create(&r->network, r->comm, &r->e->network);
  if (status == TAME_OK) status = check_memory_of_phases(r, &p_bytes);
  if (status == TAME_OK) status = tame_agree(r->comm, allocate(r));
  if (status == TAME_OK)
    status = tame_recorder_create(&r->recorder, r->e, r->network, m->results, m->row);
  if (status == TAME_OK && m->tell_layout) tell_layout(r, p_bytes);
  if (status == TAME_OK) tell_caution(r);
  return status;
}

tame_status tame_network_run(const tame_member *m)
{
  run r = {.member = m, .e = m->e, .options = m->options, .comm = m->comm, .layout = m->layout};
  MPI_Comm_rank(m->comm, &r.rank);
  tame_status status = tame_course_open(&r.course, m, &kind_of_run, &r);
  if (status == TAME_OK) status = prepare(&r);
  if (status == TAME_OK) status = tame_course_begin(&r.course);
  if (status == TAME_OK) count_steps(&r);
  for (; status == TAME_OK && r.phase < r.e->phases.count; r.phase++) status = run_phase(&r);
  if (status == TAME_OK) status = tame_agree(r.comm, tame_recorder_finish(r.recorder));
  status = tame_course_end(&r.course, status, r.recorder != NULL);
  release(&r);
  return status;
}
