/* What makes an experiment possible: all that no single field's limits can say. Each failure names
 * file, line and key. */
#include "base/memory.h"
#include "experiment/inside.h"
#include "network/inside.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A failure at a key; the message of a deeper room becomes the reason. */
static tame_status bad(const tame_experiment *e, tame_status status, const char *path)
{
  char why[2048];
  snprintf(why, sizeof why, "%s", tame_message());
  if (status != TAME_ERR_INPUT) return status;
  return tame_yaml_fail_at(e->marks, path, "%s", why);
}

/* ---- small questions ------------------------------------------------------------------------ */

static bool contains(const tame_strings *list, const char *word)
{
  for (int64_t k = 0; k < list->count; k++)
    if (strcmp(list->at[k], word) == 0) return true;
  return false;
}

int tame_phase_work(const tame_experiment *e, int64_t phase)
{
  if (tame_phase_kind_at(e, phase) == TAME_PHASE_ANALYSE) return TAME_WORK_ANALYSED;
  if (tame_phase_kind_at(e, phase) != TAME_PHASE_TRAIN) return TAME_WORK_PLAIN;
  return tame_phase_at(e, phase)->weights == TAME_WEIGHTS_RECURRENT ? TAME_WORK_RECURRENT
                                                                    : TAME_WORK_READOUT;
}

bool tame_phase_has_task(const tame_experiment *e, int64_t phase, int64_t task)
{
  const tame_strings *tasks = &tame_phase_at(e, phase)->tasks;
  return tasks->count == 0 || contains(tasks, tame_task_at(e, task)->name);
}

bool tame_recording_covers(const tame_experiment *e, const tame_recording *r, int64_t phase)
{
  if (r->every == 0) return false;
  const tame_phase_kind kind = tame_phase_kind_at(e, phase);
  if (r->phases.count == 0) return kind != TAME_PHASE_TRAIN && kind != TAME_PHASE_ANALYSE;
  return contains(&r->phases, tame_phase_at(e, phase)->name);
}

bool tame_phase_judges(const tame_experiment *e, int64_t phase, int64_t task)
{
  const tame_phase_kind kind = tame_phase_kind_at(e, phase);
  return (kind == TAME_PHASE_TEST || kind == TAME_PHASE_PERTURB) && e->scripts[task].target.at;
}

void tame_phase_window(const tame_experiment *e, int64_t phase, int64_t task, int64_t *first,
                       int64_t *last)
{
  const tame_reals *own = &tame_phase_at(e, phase)->window_ms;
  const double *window = own->count ? own->at : e->scripts[task].window_ms;
  *first = tame_task_steps(window[0], e->network.dt_ms);
  *last = tame_task_steps(window[1], e->network.dt_ms);
}

int64_t tame_phase_target(const tame_experiment *e, int64_t phase)
{
  const char *target = tame_phase_at(e, phase)->target;
  for (int64_t k = 0; target && k < phase; k++)
    if (tame_phase_kind_at(e, k) == TAME_PHASE_RECORD &&
        strcmp(tame_phase_at(e, k)->name, target) == 0)
      return k;
  return -1;
}

int64_t tame_phase_free_from(const tame_experiment *e, int64_t phase, int64_t task)
{
  const tame_phase *p = tame_phase_at(e, phase);
  const int64_t first = tame_task_steps(p->teacher_ms, e->network.dt_ms);
  const bool feeds = e->network.feedback_scale > 0 && e->network.outputs > 0 &&
                     p->feedback == TAME_FEED_READOUT && first < e->scripts[task].steps;
  return feeds ? first : -1;
}

bool tame_phase_has_valid_time(const tame_experiment *e, int64_t phase, int64_t task)
{
  return tame_phase_judges(e, phase, task) && tame_phase_free_from(e, phase, task) >= 0;
}

/* Names become groups of the results file. */
tame_status tame_check_name(const tame_experiment *e, const char *name, const char *path)
{
  bool fine = *name != '\0' && strlen(name) < 100;
  for (const char *c = name; *c; c++)
    fine = fine && (isalnum((unsigned char)*c) || strchr("_-+", *c));
  if (fine) return TAME_OK;
  return tame_yaml_fail_at(e->marks, path,
                           "found '%s', want a name of letters, digits, '_', '-' and '+'", name);
}

static tame_status check_window(const tame_experiment *e, const tame_reals *window, double end,
                                const char *path)
{
  if (window->count == 0) return TAME_OK;
  if (window->count != 2)
    return tame_yaml_fail_at(e->marks, path, "found %lld numbers, want [start, end)",
                             (long long)window->count);
  const double dt = e->network.dt_ms;
  if (window->at[0] < window->at[1] && window->at[1] <= end) {
    if (tame_task_steps(window->at[0], dt) < tame_task_steps(window->at[1], dt)) return TAME_OK;
    return tame_yaml_fail_at(e->marks, path,
                             "found [%g, %g], which is not a single step of dt_ms = %g",
                             window->at[0], window->at[1], dt);
  }
  return tame_yaml_fail_at(e->marks, path,
                           "found [%g, %g], want start < end inside the trial, 0 to %g ms",
                           window->at[0], window->at[1], end);
}

/* ---- tasks ---------------------------------------------------------------------------------- */

static tame_status bad_signal(const tame_experiment *e, tame_status status, int64_t task,
                              const char *list, const tame_list *signals,
                              const tame_signal_fault *fault)
{
  char path[512];
  const tame_variant *signal = (const tame_variant *)signals->at + fault->index;
  snprintf(path, sizeof path, "tasks[%lld].%s[%lld].%s.%s", (long long)task, list,
           (long long)fault->index, signal->row->name, fault->key);
  return bad(e, status, path);
}

/* Load, check and sample one list of signals into out, whose shape is set. Collective. */
static tame_status sample_list(const tame_experiment *e, MPI_Comm comm, int64_t task,
                               const char *list, tame_list *signals, tame_samples *out)
{
  char group[512];
  tame_signal_fault fault = {0};
  snprintf(group, sizeof group, "/tasks/%s/files/%s", tame_task_at(e, task)->name, list);
  const tame_signal_source source = {e->source.folder, e->source.archive, group, e->source.network,
                                     e->source.own};
  tame_status status = tame_signals_load(signals, &source, comm, &fault);
  if (status != TAME_OK) return bad_signal(e, status, task, list, signals, &fault);
  status = tame_signals_check(signals, e->network.dt_ms, out, &fault);
  if (status != TAME_OK) return bad_signal(e, status, task, list, signals, &fault);
  out->at = tame_zeroed(out->steps * out->channels, sizeof *out->at, "the signals of a task");
  status = tame_agree(comm, out->at ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) tame_signals_sample(signals, e->network.dt_ms, out);
  return status;
}

/* A target from a file that ends within the window would be 0 from there on, which nobody means. */
static tame_status check_target_lasts(const tame_experiment *e, int64_t k)
{
  char path[256];
  const tame_task *task = tame_task_at(e, k);
  const double dt = e->network.dt_ms, *window = e->scripts[k].window_ms;
  int64_t which;
  const int64_t end = tame_signals_end(&task->targets, dt, &which);
  if (end >= tame_task_steps(window[1], dt)) return TAME_OK;
  snprintf(path, sizeof path, "tasks[%lld].targets[%lld]", (long long)k, (long long)which);
  return tame_yaml_fail_at(e->marks, path,
                           "the array ends at %g ms, within the window, %g to %g ms: a shorter "
                           "window_ms, or more rows",
                           (double)end * dt, window[0], window[1]);
}

static tame_status sample_task(tame_experiment *e, MPI_Comm comm, int64_t k)
{
  tame_task *task = (tame_task *)e->tasks.at + k;
  tame_script *script = &e->scripts[k];
  script->steps = tame_task_steps(task->duration_ms, e->network.dt_ms);
  script->window_ms[1] = task->duration_ms;
  if (task->window_ms.count == 2) memcpy(script->window_ms, task->window_ms.at, 2 * sizeof(double));
  script->input.steps = script->perturbation.steps = script->target.steps = script->steps;
  script->input.channels = script->perturbation.channels = e->network.inputs;
  script->target.channels = e->network.outputs;
  tame_status status = sample_list(e, comm, k, "inputs", &task->inputs, &script->input);
  if (status == TAME_OK && task->targets.count)
    status = sample_list(e, comm, k, "targets", &task->targets, &script->target);
  if (status == TAME_OK) status = check_target_lasts(e, k);
  if (status != TAME_OK || task->perturbation.count == 0) return status;
  status = sample_list(e, comm, k, "perturbation", &task->perturbation, &script->perturbation);
  if (status != TAME_OK) return status;
  const int64_t count = script->steps * e->network.inputs;
  script->perturbed = script->perturbation;
  script->perturbed.at = tame_zeroed(count, sizeof(double), "the signals of a task");
  status = tame_agree(comm, script->perturbed.at ? TAME_OK : TAME_ERR_NOMEM);
  for (int64_t s = 0; status == TAME_OK && s < count; s++)
    script->perturbed.at[s] = script->input.at[s] + script->perturbation.at[s];
  return status;
}

static tame_status check_task(const tame_experiment *e, int64_t k)
{
  char path[256];
  const tame_task *task = tame_task_at(e, k);
  snprintf(path, sizeof path, "tasks[%lld].name", (long long)k);
  tame_status status = tame_check_name(e, task->name, path);
  for (int64_t j = 0; status == TAME_OK && j < k; j++)
    if (strcmp(task->name, tame_task_at(e, j)->name) == 0)
      status = tame_yaml_fail_at(e->marks, path, "there is a task '%s' already", task->name);
  if (status != TAME_OK) return status;
  snprintf(path, sizeof path, "tasks[%lld].duration_ms", (long long)k);
  const double steps = task->duration_ms / e->network.dt_ms;
  if (!(steps >= 0.5 && steps < 2e9))
    return tame_yaml_fail_at(e->marks, path, "found %g, want one to 2e9 steps of dt_ms = %g",
                             task->duration_ms, e->network.dt_ms);
  snprintf(path, sizeof path, "tasks[%lld].window_ms", (long long)k);
  return check_window(e, &task->window_ms, task->duration_ms, path);
}

/* ---- phases --------------------------------------------------------------------------------- */

static int64_t find_task(const tame_experiment *e, const char *name)
{
  for (int64_t k = 0; k < e->tasks.count; k++)
    if (strcmp(tame_task_at(e, k)->name, name) == 0) return k;
  return -1;
}

/* Where a key of a phase stands. */
static const char *phase_path(const tame_experiment *e, int64_t k, const char *key)
{
  static char path[256];
  snprintf(path, sizeof path, "phases[%lld].%s.%s", (long long)k,
           ((const tame_variant *)e->phases.at)[k].row->name, key);
  return path;
}

static tame_status check_recurrent(const tame_experiment *e, int64_t k)
{
  const tame_phase *phase = tame_phase_at(e, k);
  const int64_t target = tame_phase_target(e, k);
  if (tame_network_features(&e->network))
    return tame_yaml_fail_at(e->marks, phase_path(e, k, "weights"),
                             "recurrent weights are to learn, but cell %s has none",
                             e->network.cell.row->name);
  if (!tame_learner_can(&phase->learner, TAME_WEIGHTS_RECURRENT))
    return tame_yaml_fail_at(e->marks, phase_path(e, k, "learner"),
                             "%s trains readouts, not recurrent weights", phase->learner.row->name);
  if (e->network.plasticity == TAME_PLASTIC_NONE || !(e->network.plastic_fraction > 0))
    return tame_yaml_fail_at(e->marks, phase_path(e, k, "weights"),
                             "recurrent weights are to learn, but network.plasticity leaves none");
  if (!phase->target)
    return tame_yaml_fail_at(e->marks, phase_path(e, k, "target"),
                             "recurrent weights need a target: the name of a record phase");
  if (target < 0)
    return tame_yaml_fail_at(e->marks, phase_path(e, k, "target"),
                             "found '%s', want the name of a record phase before this one",
                             phase->target);
  for (int64_t t = 0; t < e->tasks.count; t++)
    if (tame_phase_has_task(e, k, t) && !tame_phase_has_task(e, target, t))
      return tame_yaml_fail_at(e->marks, phase_path(e, k, "target"),
                               "phase '%s' does not record task '%s', which learns here",
                               phase->target, tame_task_at(e, t)->name);
  return TAME_OK;
}

static tame_status check_readout(const tame_experiment *e, int64_t k)
{
  if (e->network.outputs == 0)
    return tame_yaml_fail_at(e->marks, phase_path(e, k, "weights"),
                             "readout weights are to learn, but network.outputs = 0");
  if (tame_phase_at(e, k)->target)
    return tame_yaml_fail_at(e->marks, phase_path(e, k, "target"),
                             "found '%s', but readouts learn the tasks' targets",
                             tame_phase_at(e, k)->target);
  for (int64_t t = 0; t < e->tasks.count; t++)
    if (tame_phase_has_task(e, k, t) && tame_task_at(e, t)->targets.count == 0)
      return tame_yaml_fail_at(e->marks, phase_path(e, k, "weights"),
                               "readout weights are to learn, but task '%s' has no targets",
                               tame_task_at(e, t)->name);
  return TAME_OK;
}

/* Updates in the first trial of a phase. */
static int64_t first_updates(const tame_experiment *e, int64_t k)
{
  const int64_t every = tame_phase_at(e, k)->every;
  for (int64_t t = 0; t < e->tasks.count; t++) {
    int64_t first, last;
    if (!tame_phase_has_task(e, k, t)) continue;
    tame_phase_window(e, k, t, &first, &last);
    return (last + every - 1) / every - (first + every - 1) / every;
  }
  return 0;
}

static tame_status check_learner(const tame_experiment *e, int64_t k)
{
  const tame_phase *phase = tame_phase_at(e, k);
  const char *key;
  char path[512];
  const tame_status status = tame_learner_check(&phase->learner, (tame_weights)phase->weights,
                                                first_updates(e, k), &key);
  if (status == TAME_OK) return TAME_OK;
  snprintf(path, sizeof path, "%s.%s.%s", phase_path(e, k, "learner"), phase->learner.row->name,
           key);
  return bad(e, status, path);
}

static tame_status check_training(const tame_experiment *e, int64_t k)
{
  const tame_phase *phase = tame_phase_at(e, k);
  tame_status status = phase->weights == TAME_WEIGHTS_RECURRENT ? check_recurrent(e, k)
                                                                : check_readout(e, k);
  for (int64_t t = 0; status == TAME_OK && t < e->tasks.count; t++) {
    if (!tame_phase_has_task(e, k, t)) continue;
    status = check_window(e, &phase->window_ms, tame_task_at(e, t)->duration_ms,
                          phase_path(e, k, "window_ms"));
    if (status != TAME_OK) break;
    int64_t first, last;
    tame_phase_window(e, k, t, &first, &last);
    if ((first + phase->every - 1) / phase->every * phase->every >= last)
      status = tame_yaml_fail_at(e->marks, phase_path(e, k, "every"),
                                 "found %lld, which gives no update in the window of task '%s', "
                                 "steps %lld to %lld",
                                 (long long)phase->every, tame_task_at(e, t)->name,
                                 (long long)first, (long long)last);
  }
  return status == TAME_OK ? check_learner(e, k) : status;
}

/* Feedback: is there any, and is there a target where it is to be fed back? */
static tame_status check_feedback(const tame_experiment *e, int64_t k)
{
  const tame_phase *phase = tame_phase_at(e, k);
  const bool forced = phase->feedback == TAME_FEED_TARGET || phase->teacher_ms > 0;
  const char *path = phase_path(e, k, phase->teacher_ms > 0 ? "teacher_ms" : "feedback");
  if (!(e->network.feedback_scale > 0) && (forced || phase->feedback == TAME_FEED_NONE))
    return tame_yaml_fail_at(e->marks, path, "nothing is fed back, as network.feedback_scale = 0");
  if (phase->teacher_ms > 0 && phase->feedback != TAME_FEED_READOUT)
    return tame_yaml_fail_at(e->marks, path,
                             "found %g, but the readout is never fed back in this phase",
                             phase->teacher_ms);
  for (int64_t t = 0; forced && t < e->tasks.count; t++) {
    const tame_task *task = tame_task_at(e, t);
    if (!tame_phase_has_task(e, k, t)) continue;
    if (task->targets.count == 0)
      return tame_yaml_fail_at(e->marks, path, "task '%s' has no targets to be fed back",
                               task->name);
    const double end = e->scripts[t].window_ms[1];
    if (phase->teacher_ms >= end)
      return tame_yaml_fail_at(e->marks, path,
                               "found %g, but the window of task '%s' ends at %g ms: the readout "
                               "would never be judged by itself",
                               phase->teacher_ms, task->name, end);
  }
  return TAME_OK;
}

static tame_status check_perturbations(const tame_experiment *e, int64_t k)
{
  for (int64_t t = 0; t < e->tasks.count; t++)
    if (tame_phase_has_task(e, k, t) && tame_task_at(e, t)->perturbation.count == 0)
      return tame_yaml_fail_at(e->marks, phase_path(e, k, "tasks"), "task '%s' has no perturbation",
                               tame_task_at(e, t)->name);
  return TAME_OK;
}

/* Each analysis on its own, of each task. */
static tame_status check_analyses(const tame_experiment *e, int64_t k)
{
  char key[128];
  const char *which;
  for (int64_t i = 0; i < tame_phase_analyses(e, k); i++) {
    const tame_variant *analysis = tame_phase_analysis(e, k, i);
    const char *name = analysis->row->name;
    snprintf(key, sizeof key, "by[%lld].%s", (long long)i, name);
    for (int64_t j = 0; j < i; j++)
      if (tame_phase_analysis(e, k, j)->row == analysis->row)
        return tame_yaml_fail_at(
            e->marks, phase_path(e, k, key),
            "%s is made in this phase already; another phase can make it again", name);
    for (int64_t t = 0; t < e->tasks.count; t++) {
      if (!tame_phase_has_task(e, k, t)) continue;
      const tame_analysis_about about = tame_phase_about(e, k, t);
      const tame_status status = tame_analysis_check(analysis, &about, &which);
      if (status == TAME_OK) continue;
      snprintf(key, sizeof key, "by[%lld].%s%s%s", (long long)i, name, *which ? "." : "", which);
      return bad(e, status, phase_path(e, k, key));
    }
  }
  return TAME_OK;
}

static tame_status check_analysis(const tame_experiment *e, int64_t k)
{
  if (tame_phase_analyses(e, k) == 0)
    return tame_yaml_fail_at(e->marks, phase_path(e, k, "by"),
                             "the list is empty, want at least one analysis");
  for (int64_t t = 0; t < e->tasks.count; t++) {
    if (!tame_phase_has_task(e, k, t)) continue;
    const tame_status status = check_window(e, &tame_phase_at(e, k)->window_ms,
                                            tame_task_at(e, t)->duration_ms,
                                            phase_path(e, k, "window_ms"));
    if (status != TAME_OK) return status;
  }
  return check_analyses(e, k);
}

static tame_status check_phase(const tame_experiment *e, int64_t k)
{
  const tame_phase *phase = tame_phase_at(e, k);
  tame_status status = tame_check_name(e, phase->name, phase_path(e, k, "name"));
  for (int64_t j = 0; status == TAME_OK && j < k; j++)
    if (strcmp(phase->name, tame_phase_at(e, j)->name) == 0)
      status = tame_yaml_fail_at(e->marks, phase_path(e, k, "name"),
                                 "there is a phase '%s' already", phase->name);
  for (int64_t t = 0; status == TAME_OK && t < phase->tasks.count; t++)
    if (find_task(e, phase->tasks.at[t]) < 0)
      status = tame_yaml_fail_at(e->marks, phase_path(e, k, "tasks"), "there is no task '%s'",
                                 phase->tasks.at[t]);
  if (status == TAME_OK) status = check_feedback(e, k);
  if (status != TAME_OK) return status;
  switch (tame_phase_kind_at(e, k)) {
    case TAME_PHASE_TRAIN: return check_training(e, k);
    case TAME_PHASE_PERTURB: return check_perturbations(e, k);
    case TAME_PHASE_ANALYSE: return check_analysis(e, k);
    default: return TAME_OK;
  }
}

/* ---- output --------------------------------------------------------------------------------- */

static tame_status check_recording(const tame_experiment *e, const tame_recording *r,
                                   const char *path)
{
  for (int64_t k = 0; k < r->phases.count; k++) {
    bool known = false;
    for (int64_t p = 0; p < e->phases.count; p++)
      known = known || strcmp(tame_phase_at(e, p)->name, r->phases.at[k]) == 0;
    if (!known) return tame_yaml_fail_at(e->marks, path, "there is no phase '%s'", r->phases.at[k]);
  }
  return TAME_OK;
}

/* Named variables that no phase would record. */
static tame_status check_states_kept(const tame_experiment *e)
{
  const tame_recording *r = &e->output.states;
  char names[256] = "";
  if (r->variables.count == 0) return TAME_OK;
  for (int64_t p = 0; p < e->phases.count; p++) {
    const size_t used = strlen(names);
    if (tame_recording_covers(e, r, p)) return TAME_OK;
    snprintf(names + used, sizeof names - used, "%s%s", p ? ", " : "", tame_phase_at(e, p)->name);
  }
  return tame_yaml_fail_at(e->marks, "output.states.phases",
                           "variables are named, but no phase records them: phases that train or "
                           "analyse do if they are named here; there are %s",
                           names);
}

static tame_status mark_range(const tame_experiment *e, const char *range, const char *path,
                              char *wanted)
{
  char *end;
  const long long n = e->network.neurons, first = strtoll(range, &end, 10);
  const bool number = end != range;
  const char *second = number && *end == '-' ? end + 1 : NULL;
  const long long last = second ? strtoll(second, &end, 10) : first;
  if (!number || end == second || *end != '\0')
    return tame_yaml_fail_at(e->marks, path,
                             "found '%s', want `all`, `none`, an id or a range such as 0-99",
                             range);
  if (first < 0 || last < first || last >= n)
    return tame_yaml_fail_at(e->marks, path, "found %s, want ids from 0 to %lld", range, n - 1);
  memset(wanted + first, 1, (size_t)(last - first + 1));
  return TAME_OK;
}

static tame_status list_recorded(const tame_experiment *e, const tame_strings *neurons,
                                 const char *path, tame_recorded *out)
{
  const int64_t n = e->network.neurons;
  char *wanted = tame_zeroed(n, 1, "the list of recorded neurons");
  tame_status status = wanted ? TAME_OK : TAME_ERR_NOMEM;
  if (status == TAME_OK && neurons->count == 0) memset(wanted, 1, (size_t)(n < 100 ? n : 100));
  for (int64_t k = 0; status == TAME_OK && k < neurons->count; k++) {
    if (strcmp(neurons->at[k], "all") == 0) memset(wanted, 1, (size_t)n);
    else if (strcmp(neurons->at[k], "none") != 0)
      status = mark_range(e, neurons->at[k], path, wanted);
  }
  for (int64_t i = 0; status == TAME_OK && i < n; i++) out->count += wanted[i];
  if (status == TAME_OK) {
    out->ids = tame_untouched(out->count, sizeof *out->ids, "the list of recorded neurons");
    if (!out->ids) status = TAME_ERR_NOMEM;
  }
  for (int64_t i = 0, m = 0; status == TAME_OK && i < n; i++)
    if (wanted[i]) out->ids[m++] = i;
  free(wanted);
  return status;
}

/* The variables a cell has, "V, f1". Cut if they do not fit. */
static void name_variables(const tame_network_params *p, char *text, size_t size)
{
  int count, all;
  const tame_variable *derived = ((const tame_cell *)p->cell.row)->derived;
  (void)tame_network_variables(p, &count);
  for (all = count; derived && derived[all - count].name;) all++;
  size_t used = 0;
  *text = '\0';
  for (int k = 0; k < all && used < size; k++)
    used += (size_t)snprintf(text + used, size - used, "%s%s", k ? ", " : "",
                             tame_network_variable_at(p, k)->name);
}

static tame_status check_states(const tame_experiment *e)
{
  const tame_recording *r = &e->output.states;
  const char *const path = "output.states.variables";
  char known[256];
  name_variables(&e->network, known, sizeof known);
  if (r->variables.count == 0 && (r->neurons.count > 0 || r->phases.count > 0 || r->every != 1))
    return tame_yaml_fail_at(e->marks, path, "none are named; cell %s has %s",
                             e->network.cell.row->name, known);
  for (int64_t k = 0; k < r->variables.count; k++) {
    const char *name = r->variables.at[k];
    if (tame_network_variable(&e->network, name) < 0)
      return tame_yaml_fail_at(e->marks, path, "cell %s has no variable '%s'; it has %s",
                               e->network.cell.row->name, name, known);
    for (int64_t j = 0; j < k; j++)
      if (strcmp(r->variables.at[j], name) == 0)
        return tame_yaml_fail_at(e->marks, path, "found '%s' twice", name);
  }
  return TAME_OK;
}

/* Signals are sampled on every rank, before anything else is allocated. */
static tame_status check_signals_fit(const tame_experiment *e)
{
  double numbers = 0;
  for (int64_t k = 0; k < e->tasks.count; k++)
    numbers += tame_task_at(e, k)->duration_ms / e->network.dt_ms *
               (double)(3 * e->network.inputs + e->network.outputs);
  const double need = numbers * sizeof(double), free = (double)tame_memory_available(1);
  if (need <= free) return TAME_OK;
  return tame_fail(
      TAME_ERR_NOMEM,
      "too little memory: each rank needs about %.3g GB for the signals of the tasks, and "
      "%.3g GB are free here; use shorter tasks or fewer channels",
      need / 1e9, free / 1e9);
}

/* ---- all ------------------------------------------------------------------------------------ */

static tame_status check_network(const tame_experiment *e)
{
  const char *key;
  char path[512];
  const tame_status status = tame_network_check(&e->network, &key);
  if (status == TAME_OK) return TAME_OK;
  snprintf(path, sizeof path, "network.%s", key);
  return bad(e, status, path);
}

/* The same on every rank, as the text is. */
static tame_status check_words(tame_experiment *e)
{
  tame_status status = check_network(e);
  if (status == TAME_OK) e->network.neurons = tame_network_units(&e->network);
  if (status == TAME_OK) status = tame_check_name(e, e->name, "name");
  if (status == TAME_OK && e->tasks.count == 0)
    status = tame_yaml_fail_at(e->marks, "tasks", "the list is empty, want at least one task");
  if (status == TAME_OK && e->phases.count == 0)
    status = tame_yaml_fail_at(e->marks, "phases", "the list is empty, want at least one phase");
  for (int64_t k = 0; status == TAME_OK && k < e->tasks.count; k++) status = check_task(e, k);
  if (status == TAME_OK) status = check_signals_fit(e);
  if (status == TAME_OK) {
    e->scripts = tame_zeroed(e->tasks.count, sizeof *e->scripts, "the tasks");
    if (!e->scripts) status = TAME_ERR_NOMEM;
  }
  if (status == TAME_OK)
    status = list_recorded(e, &e->output.rates.neurons, "output.rates.neurons", &e->recorded);
  if (status == TAME_OK) status = check_states(e);
  if (status == TAME_OK && e->output.states.variables.count > 0)
    status = list_recorded(e, &e->output.states.neurons, "output.states.neurons", &e->watched);
  return status;
}

tame_status tame_experiment_check_network(tame_experiment *e, MPI_Comm comm)
{
  tame_status status = tame_agree(comm, check_words(e));
  for (int64_t k = 0; status == TAME_OK && k < e->tasks.count; k++)
    status = sample_task(e, comm, k);
  for (int64_t k = 0; status == TAME_OK && k < e->phases.count; k++) status = check_phase(e, k);
  if (status == TAME_OK) status = check_recording(e, &e->output.rates, "output.rates.phases");
  if (status == TAME_OK) status = check_recording(e, &e->output.states, "output.states.phases");
  if (status == TAME_OK) status = check_states_kept(e);
  if (status == TAME_OK) status = check_recording(e, &e->output.readout, "output.readout.phases");
  return status;
}
