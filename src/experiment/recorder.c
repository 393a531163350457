/* The layout of a results file, and what goes into it when. README.md describes the format. */
#include "base/memory.h"
#include "experiment/inside.h"
#include "network/inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tame_recorder {
  const tame_experiment *e;           /* borrowed */
  const tame_network *network;        /* borrowed */
  tame_results *results;              /* borrowed */
  int64_t row;                        /* of this network in all datasets */
  int64_t first_synapse;              /* of those of the ranks before this one */
  int64_t first_recorded, n_recorded; /* which of the recorded neurons are ours */
  int64_t first_watched, n_watched;   /* ... of those whose states are recorded */
  tame_status status;                 /* of what this rank has written */

  /* the trial that runs */
  int64_t phase, task;
  int64_t rates_every, states_every, readout_every; /* 0: not kept */
  int64_t rates_room, states_room, readout_room;    /* samples of the longest task */
  void *rates;                                      /* [n_recorded][rates_room] */
  void *states;        /* [output.states.variables][n_watched][states_room] */
  void *readout;       /* [outputs][readout_room] */
  void *initial_state; /* [variables][n_local] */
};

/* ---- planning ------------------------------------------------------------------------------- */

typedef struct planner {
  const tame_experiment *e;
  tame_blueprint *blueprint;
  tame_type real;
} planner;

static int64_t samples(int64_t steps, int64_t every)
{
  return (steps + every - 1) / every;
}

static tame_dataset dataset(const char *path, tame_type type, const char *dims, const char *units,
                            int axes, const int64_t *shape)
{
  tame_dataset set = {.type = type, .axes = axes};
  snprintf(set.path, sizeof set.path, "%s", path);
  snprintf(set.dims, sizeof set.dims, "%s", dims);
  snprintf(set.units, sizeof set.units, "%s", units);
  memcpy(set.shape, shape, (size_t)axes * sizeof *shape);
  return set;
}

/* A dataset, of which one network's row is [1, ...]. every: steps between samples of a time series, else
 * 0. */
static void add(const planner *p, const char *path, tame_type type, const char *dims,
                const char *units, int axes, const int64_t *shape, int64_t every)
{
  tame_dataset set = dataset(path, type, dims, units, axes, shape);
  set.step_ms = (double)every * p->e->network.dt_ms;
  tame_blueprint_add(p->blueprint, &set);
}

static void plan_files(const planner *p, const char *task, const char *list,
                       const tame_list *signals)
{
  for (int64_t k = 0; k < signals->count; k++) {
    const tame_samples *data = tame_signal_data((const tame_variant *)signals->at + k);
    char path[TAME_PATH];
    if (!data) continue;
    snprintf(path, sizeof path, "tasks/%s/files/%s/%lld", task, list, (long long)k);
    add(p, path, TAME_TYPE_F64, "network, row, column", "1", 3,
        (int64_t[]){1, data->steps, data->channels}, 0);
  }
}

static void plan_task(const planner *p, int64_t k)
{
  const tame_experiment *e = p->e;
  const tame_task *task = tame_task_at(e, k);
  const tame_script *script = &e->scripts[k];
  char path[TAME_PATH];
  snprintf(path, sizeof path, "tasks/%s/duration_ms", task->name);
  add(p, path, TAME_TYPE_F64, "network", "ms", 1, (int64_t[]){1}, 0);
  snprintf(path, sizeof path, "tasks/%s/window_ms", task->name);
  add(p, path, TAME_TYPE_F64, "network, edge", "ms", 2, (int64_t[]){1, 2}, 0);
  snprintf(path, sizeof path, "tasks/%s/input", task->name);
  add(p, path, TAME_TYPE_F64, "network, channel, time", "1", 3,
      (int64_t[]){1, e->network.inputs, script->steps}, 1);
  if (script->perturbed.at) {
    snprintf(path, sizeof path, "tasks/%s/perturbation", task->name);
    add(p, path, TAME_TYPE_F64, "network, channel, time", "1", 3,
        (int64_t[]){1, e->network.inputs, script->steps}, 1);
  }
  if (script->target.at) {
    snprintf(path, sizeof path, "tasks/%s/target", task->name);
    add(p, path, TAME_TYPE_F64, "network, output, time", "1", 3,
        (int64_t[]){1, e->network.outputs, script->steps}, 1);
  }
  plan_files(p, task->name, "inputs", &task->inputs);
  plan_files(p, task->name, "targets", &task->targets);
  plan_files(p, task->name, "perturbation", &task->perturbation);
  snprintf(path, sizeof path, "tasks/%s", task->name);
  tame_blueprint_whole(p->blueprint, path, "index", k);
}

/* Does a phase tell a loss of this task? */
static bool has_loss(const tame_experiment *e, int64_t phase, int64_t task)
{
  return tame_phase_kind_at(e, phase) == TAME_PHASE_TRAIN || tame_phase_judges(e, phase, task);
}

/* What the analyses of a trial give: [1, trials, ...] each. */
static void plan_analyses(const planner *pl, int64_t p, int64_t t)
{
  const tame_experiment *e = pl->e;
  const tame_analysis_about about = tame_phase_about(e, p, t);
  for (int64_t i = 0; i < tame_phase_analyses(e, p); i++) {
    const tame_variant *which = tame_phase_analysis(e, p, i);
    tame_analysis_plan plan;
    tame_analysis_foresee(which, &about, 1, &plan);
    for (int k = 0; k < plan.count; k++) {
      const tame_analysis_result *r = &plan.results[k];
      tame_dataset set = {.type = TAME_TYPE_F64,
                          .axes = 2 + r->axes,
                          .shape = {1, tame_phase_trials(e, p), r->shape[0], r->shape[1]},
                          .start_ms = r->start_ms,
                          .step_ms = r->step_ms};
      snprintf(set.path, sizeof set.path, "phases/%s/%s/%s/%s", tame_phase_at(e, p)->name,
               tame_task_at(e, t)->name, which->row->name, r->name);
      snprintf(set.dims, sizeof set.dims, "network, trial%s%s", r->axes ? ", " : "", r->dims);
      snprintf(set.units, sizeof set.units, "%s", r->units);
      tame_blueprint_add(pl->blueprint, &set);
    }
  }
}

/* Figures of a phase that trains; 0 of others. */
static int figures_of(const tame_experiment *e, int64_t p, tame_figure figures[TAME_FIGURES])
{
  const tame_phase *phase = tame_phase_at(e, p);
  if (tame_phase_kind_at(e, p) != TAME_PHASE_TRAIN) return 0;
  return tame_learner_figures(&phase->learner, (tame_weights)phase->weights, e->network.outputs,
                              figures);
}

static void plan_figures(const planner *pl, int64_t p, const char *folder)
{
  static const char *const dims[] = {"network, trial", "network, trial, output",
                                     "network, trial, output, alpha"};
  tame_figure figures[TAME_FIGURES];
  const int64_t trials = tame_phase_trials(pl->e, p);
  const int count = figures_of(pl->e, p, figures);
  for (int k = 0; k < count; k++) {
    const tame_figure *f = &figures[k];
    char path[TAME_PATH];
    snprintf(path, sizeof path, "%s/%s", folder, f->name);
    add(pl, path, TAME_TYPE_F64, dims[f->axes], f->units, 2 + f->axes,
        (int64_t[]){1, trials, f->shape[0], f->shape[1]}, 0);
  }
}

static const tame_variable *state_at(const tame_experiment *e, int64_t k)
{
  const char *name = e->output.states.variables.at[k];
  return tame_network_variable_at(&e->network, tame_network_variable(&e->network, name));
}

/* Recorded states: [1, trials, neurons, samples] of each variable. */
static void plan_states(const planner *pl, int64_t p, int64_t t)
{
  const tame_experiment *e = pl->e;
  const tame_recording *states = &e->output.states;
  if (!tame_recording_covers(e, states, p) || e->watched.count == 0) return;
  for (int64_t k = 0; k < states->variables.count; k++) {
    const tame_variable *variable = state_at(e, k);
    char path[TAME_PATH];
    snprintf(path, sizeof path, "phases/%s/%s/states/%s", tame_phase_at(e, p)->name,
             tame_task_at(e, t)->name, variable->name);
    add(pl, path, pl->real, "network, trial, neuron, time", variable->units, 4,
        (int64_t[]){1, tame_phase_trials(e, p), e->watched.count,
                    samples(e->scripts[t].steps, states->every)},
        states->every);
  }
}

/* Where x(0) goes, or each of several variables at the start; in a sweep over cells each in any case, as a dataset cannot
 * be a group, too. */
static void name_initial(char path[TAME_PATH], const char *folder, const tame_experiment *e,
                         int variables, int k)
{
  const bool several = variables > 1 || e->source.cells;
  const char *which = several ? tame_network_variable_at(&e->network, k)->name : "";
  snprintf(path, TAME_PATH, "%s/initial_state%s%s", folder, *which ? "/" : "", which);
}

static void plan_initial(const planner *pl, int64_t p, const char *folder)
{
  const tame_experiment *e = pl->e;
  int variables;
  const tame_variable *all = tame_network_variables(&e->network, &variables);
  for (int k = 0; e->output.initial_state && k < variables; k++) {
    char path[TAME_PATH];
    name_initial(path, folder, e, variables, k);
    add(pl, path, pl->real, "network, trial, neuron", all[k].units, 3,
        (int64_t[]){1, tame_phase_trials(e, p), e->network.neurons}, 0);
  }
}

static void plan_trials(const planner *pl, int64_t p, int64_t t)
{
  static const char *const health[] = {"p_min", "p_max", "dw"};
  const tame_experiment *e = pl->e;
  const char *phase = tame_phase_at(e, p)->name, *task = tame_task_at(e, t)->name;
  const int64_t trials = tame_phase_trials(e, p), steps = e->scripts[t].steps;
  const int64_t outputs = e->network.outputs;
  const tame_recording *rates = &e->output.rates, *readout = &e->output.readout;
  char path[TAME_PATH];
  if (has_loss(e, p, t)) {
    snprintf(path, sizeof path, "phases/%s/%s/loss", phase, task);
    add(pl, path, TAME_TYPE_F64, "network, trial", "1", 2, (int64_t[]){1, trials}, 0);
  }
  if (tame_phase_judges(e, p, t)) {
    snprintf(path, sizeof path, "phases/%s/%s/correlation", phase, task);
    add(pl, path, TAME_TYPE_F64, "network, trial, output", "1", 3, (int64_t[]){1, trials, outputs},
        0);
    snprintf(path, sizeof path, "phases/%s/%s/nrmse", phase, task);
    add(pl, path, TAME_TYPE_F64, "network, trial, output", "1", 3, (int64_t[]){1, trials, outputs},
        0);
  }
  if (tame_phase_has_valid_time(e, p, t)) {
    snprintf(path, sizeof path, "phases/%s/%s/valid_ms", phase, task);
    add(pl, path, TAME_TYPE_F64, "network, trial", "ms", 2, (int64_t[]){1, trials}, 0);
  }
  for (int k = 0; tame_phase_kind_at(e, p) == TAME_PHASE_TRAIN && k < 3; k++) {
    snprintf(path, sizeof path, "phases/%s/%s/%s", phase, task, health[k]);
    add(pl, path, TAME_TYPE_F64, "network, trial", "1", 2, (int64_t[]){1, trials}, 0);
  }
  char folder[TAME_PATH - 32];
  snprintf(folder, sizeof folder, "phases/%s/%s", phase, task);
  plan_figures(pl, p, folder);
  if (tame_recording_covers(e, rates, p) && e->recorded.count > 0) {
    snprintf(path, sizeof path, "phases/%s/%s/rates", phase, task);
    add(pl, path, pl->real, "network, trial, neuron, time", "1", 4,
        (int64_t[]){1, trials, e->recorded.count, samples(steps, rates->every)}, rates->every);
  }
  plan_states(pl, p, t);
  if (tame_recording_covers(e, readout, p) && outputs > 0) {
    snprintf(path, sizeof path, "phases/%s/%s/readout", phase, task);
    add(pl, path, pl->real, "network, trial, output, time", "1", 4,
        (int64_t[]){1, trials, outputs, samples(steps, readout->every)}, readout->every);
  }
  plan_analyses(pl, p, t);
  plan_initial(pl, p, folder);
}

static void plan_phase(const planner *pl, int64_t p)
{
  const tame_experiment *e = pl->e;
  const tame_phase *phase = tame_phase_at(e, p);
  const tame_row *row = ((const tame_variant *)e->phases.at)[p].row;
  char path[TAME_PATH];
  snprintf(path, sizeof path, "phases/%s", phase->name);
  for (int64_t t = 0; t < e->tasks.count; t++)
    if (tame_phase_has_task(e, p, t)) plan_trials(pl, p, t);
  tame_blueprint_whole(pl->blueprint, path, "index", p);
  tame_blueprint_text(pl->blueprint, path, "kind", row->name);
  tame_blueprint_whole(pl->blueprint, path, "noise", phase->noise);
  if (e->network.feedback_scale > 0) {
    static const char *const feedback[] = {"readout", "target", "none"};
    tame_blueprint_text(pl->blueprint, path, "feedback", feedback[phase->feedback]);
    tame_blueprint_number(pl->blueprint, path, "teacher_ms", phase->teacher_ms);
  }
  if (tame_phase_kind_at(e, p) != TAME_PHASE_TRAIN) return;
  const bool recurrent = phase->weights == TAME_WEIGHTS_RECURRENT;
  tame_blueprint_text(pl->blueprint, path, "weights", recurrent ? "recurrent" : "readout");
  tame_blueprint_text(pl->blueprint, path, "learner", phase->learner.row->name);
  tame_blueprint_whole(pl->blueprint, path, "every", phase->every);
  if (recurrent) tame_blueprint_text(pl->blueprint, path, "target", phase->target);
}

static void plan_wiring(const planner *p, int64_t synapses)
{
  const int64_t n = p->e->network.neurons;
  add(p, "weights/row_start", TAME_TYPE_I64, "network, row", "1", 2, (int64_t[]){1, n + 1}, 0);
  add(p, "weights/column", TAME_TYPE_I32, "network, synapse", "1", 2, (int64_t[]){1, synapses}, 0);
  add(p, "weights/plastic", TAME_TYPE_U8, "network, synapse", "1", 2, (int64_t[]){1, synapses}, 0);
  add(p, "weights/input", p->real, "network, neuron, channel", "1", 3,
      (int64_t[]){1, n, p->e->network.inputs}, 0);
  if (p->e->network.feedback_scale > 0)
    add(p, "weights/feedback", p->real, "network, neuron, output", "1", 3,
        (int64_t[]){1, n, p->e->network.outputs}, 0);
  if (p->e->network.bias_scale > 0)
    add(p, "weights/bias", p->real, "network, neuron", "1", 2, (int64_t[]){1, n}, 0);
}

static void plan_weights(const planner *p, int64_t synapses)
{
  const tame_experiment *e = p->e;
  const int64_t n = e->network.neurons;
  const int keep = e->output.weights;
  const bool wired = !tame_network_features(&e->network);
  if (keep == TAME_KEEP_NONE) return;
  if (wired) plan_wiring(p, synapses);
  for (int k = keep == TAME_KEEP_BOTH ? 0 : 1; k < 2; k++) {
    if (wired)
      add(p, k ? "weights/final/recurrent" : "weights/initial/recurrent", p->real,
          "network, synapse", "1", 2, (int64_t[]){1, synapses}, 0);
    add(p, k ? "weights/final/readout" : "weights/initial/readout", p->real,
        "network, output, neuron", "1", 3, (int64_t[]){1, e->network.outputs, n}, 0);
    add(p, k ? "weights/final/readout_bias" : "weights/initial/readout_bias", TAME_TYPE_F64,
        "network, output", "1", 2, (int64_t[]){1, e->network.outputs}, 0);
  }
}

static void name_feature(const tame_network_params *p, int64_t unit, char text[TAME_PATH])
{
  tame_network_features(p)->name(p->cell.params, tame_network_channels(p), unit, text, TAME_PATH);
}

/* What the neurons are, in words as wide as the longest. */
static void plan_features(const planner *p)
{
  const tame_network_params *net = &p->e->network;
  if (!tame_network_features(net)) return;
  tame_dataset set = dataset("features", TAME_TYPE_TEXT, "network, neuron", "1", 2,
                             (int64_t[]){1, net->neurons});
  for (int64_t i = 0; i < net->neurons; i++) {
    char text[TAME_PATH];
    name_feature(net, i, text);
    if ((int64_t)strlen(text) > set.width) set.width = (int64_t)strlen(text);
  }
  tame_blueprint_add(p->blueprint, &set);
}

static int64_t longest(const tame_experiment *e, int64_t every)
{
  int64_t most = 0;
  for (int64_t k = 0; every > 0 && k < e->tasks.count; k++) {
    const int64_t count = samples(e->scripts[k].steps, every);
    if (count > most) most = count;
  }
  return most;
}

double tame_recorder_estimate(const tame_experiment *e, double share)
{
  const double real = e->network.precision == TAME_FLOAT ? sizeof(float) : sizeof(double);
  const double rates = (double)longest(e, e->output.rates.every) * (double)e->recorded.count *
                       share;
  const double states = (double)longest(e, e->output.states.every) * (double)e->watched.count *
                        (double)e->output.states.variables.count * share;
  const double readout = (double)longest(e, e->output.readout.every) * (double)e->network.outputs;
  int variables;
  (void)tame_network_variables(&e->network, &variables);
  const double initial = e->output.initial_state ? variables * (double)e->network.neurons * share
                                                 : 0;
  return real * (rates + states + readout + initial);
}

bool tame_recorder_shares(const tame_experiment *e, const char *path)
{
  if (strncmp(path, "tasks/", 6) == 0)
    return !tame_sweep_touches(e, "tasks") && !tame_sweep_touches(e, "network.dt_ms") &&
           !tame_sweep_touches(e, "network.inputs") && !tame_sweep_touches(e, "network.outputs");
  if (strcmp(path, "recorded_neurons") == 0 || strcmp(path, "recorded_states") == 0)
    return !tame_sweep_touches(e, "output") && !tame_sweep_touches(e, "network.neurons") &&
           !(tame_network_features(&e->network) &&
             (tame_sweep_touches(e, "network.cell") || tame_sweep_touches(e, "network.inputs")));
  return false;
}

void tame_recorder_plan(const tame_experiment *e, int64_t synapses, tame_blueprint *blueprint)
{
  const planner p = {e, blueprint,
                     e->network.precision == TAME_FLOAT ? TAME_TYPE_F32 : TAME_TYPE_F64};
  add(&p, "recorded_neurons", TAME_TYPE_I64, "network, neuron", "1", 2,
      (int64_t[]){1, e->recorded.count}, 0);
  if (e->watched.count > 0)
    add(&p, "recorded_states", TAME_TYPE_I64, "network, neuron", "1", 2,
        (int64_t[]){1, e->watched.count}, 0);
  for (int64_t k = 0; k < e->tasks.count; k++) plan_task(&p, k);
  for (int64_t k = 0; k < e->phases.count; k++) plan_phase(&p, k);
  plan_features(&p);
  plan_weights(&p, synapses);
}

/* ---- tasks, the same from the first trial on ---------------------------------------------------- */

/* [steps][channels] as [channels, steps] of a row. Local. */
static tame_status put_samples(tame_results *results, int64_t row, const char *path,
                               const tame_samples *s)
{
  double *turned = tame_untouched(s->steps * s->channels, sizeof *turned, "the signals of a task");
  if (!turned) return TAME_ERR_NOMEM;
  for (int64_t t = 0; t < s->steps; t++)
    for (int64_t c = 0; c < s->channels; c++) turned[c * s->steps + t] = s->at[t * s->channels + c];
  const tame_status status = tame_results_write(results, path, TAME_TYPE_F64,
                                                (int64_t[TAME_AXES]){row},
                                                (int64_t[TAME_AXES]){1, s->channels, s->steps},
                                                turned);
  free(turned);
  return status;
}

static tame_status put_files(tame_results *results, int64_t row, const char *task, const char *list,
                             const tame_list *signals)
{
  tame_status status = TAME_OK;
  for (int64_t k = 0; status == TAME_OK && k < signals->count; k++) {
    const tame_samples *data = tame_signal_data((const tame_variant *)signals->at + k);
    char path[TAME_PATH];
    if (!data) continue;
    snprintf(path, sizeof path, "tasks/%s/files/%s/%lld", task, list, (long long)k);
    status = tame_results_write(results, path, TAME_TYPE_F64, (int64_t[TAME_AXES]){row},
                                (int64_t[TAME_AXES]){1, data->steps, data->channels}, data->at);
  }
  return status;
}

static tame_status put_task(const tame_experiment *e, tame_results *results, int64_t row, int64_t k)
{
  const tame_task *task = tame_task_at(e, k);
  const tame_script *script = &e->scripts[k];
  const int64_t start[TAME_AXES] = {row}, one[TAME_AXES] = {1, 2};
  char path[TAME_PATH];
  snprintf(path, sizeof path, "tasks/%s/duration_ms", task->name);
  tame_status status = tame_results_write(results, path, TAME_TYPE_F64, start, one,
                                          &task->duration_ms);
  snprintf(path, sizeof path, "tasks/%s/window_ms", task->name);
  if (status == TAME_OK)
    status = tame_results_write(results, path, TAME_TYPE_F64, start, one, script->window_ms);
  snprintf(path, sizeof path, "tasks/%s/input", task->name);
  if (status == TAME_OK) status = put_samples(results, row, path, &script->input);
  snprintf(path, sizeof path, "tasks/%s/perturbation", task->name);
  if (status == TAME_OK && script->perturbed.at)
    status = put_samples(results, row, path, &script->perturbation);
  snprintf(path, sizeof path, "tasks/%s/target", task->name);
  if (status == TAME_OK && script->target.at)
    status = put_samples(results, row, path, &script->target);
  const char *name = task->name;
  if (status == TAME_OK) status = put_files(results, row, name, "inputs", &task->inputs);
  if (status == TAME_OK) status = put_files(results, row, name, "targets", &task->targets);
  if (status == TAME_OK)
    status = put_files(results, row, name, "perturbation", &task->perturbation);
  return status;
}

tame_status tame_recorder_put_tasks(const tame_experiment *e, tame_results *results, int64_t row)
{
  tame_status status = TAME_OK;
  for (int64_t k = 0; status == TAME_OK && k < e->tasks.count; k++)
    status = put_task(e, results, row, k);
  return status;
}

tame_status tame_recorder_put_recorded(const tame_experiment *e, tame_results *results, int64_t row)
{
  const int64_t start[TAME_AXES] = {row};
  const tame_recorded *rates = &e->recorded, *states = &e->watched;
  const tame_status status = tame_results_write(results, "recorded_neurons", TAME_TYPE_I64, start,
                                                (int64_t[TAME_AXES]){1, rates->count}, rates->ids);
  if (status != TAME_OK || states->count == 0) return status;
  return tame_results_write(results, "recorded_states", TAME_TYPE_I64, start,
                            (int64_t[TAME_AXES]){1, states->count}, states->ids);
}

/* [steps][channels], and [channels][steps] of a row. Local. */
static tame_status same_samples(const tame_results *results, int64_t row, const char *path,
                                const tame_samples *s)
{
  const int64_t count = s->steps * s->channels, start[TAME_AXES] = {row};
  const int64_t block[TAME_AXES] = {1, s->channels, s->steps};
  double *turned = tame_untouched(count, sizeof *turned, "the signals of a task");
  if (!turned) return TAME_ERR_NOMEM;
  tame_status status = tame_results_read(results, path, start, block, turned);
  for (int64_t k = 0; status == TAME_OK && k < count; k++)
    if (turned[k] != s->at[k % s->steps * s->channels + k / s->steps])
      status = tame_fail(TAME_ERR_INPUT,
                         "--resume: %s is not what the run began with: has a file changed?", path);
  free(turned);
  return status;
}

tame_status tame_recorder_same_tasks(const tame_experiment *e, const tame_results *results,
                                     int64_t row)
{
  tame_status status = TAME_OK;
  for (int64_t k = 0; status == TAME_OK && k < e->tasks.count; k++) {
    const tame_script *script = &e->scripts[k];
    const tame_samples *const parts[] = {&script->input, &script->perturbation, &script->target};
    static const char *const names[] = {"input", "perturbation", "target"};
    for (int j = 0; status == TAME_OK && j < 3; j++) {
      char path[TAME_PATH];
      if (!parts[j]->at) continue;
      snprintf(path, sizeof path, "tasks/%s/%s", tame_task_at(e, k)->name, names[j]);
      status = same_samples(results, row, path, parts[j]);
    }
  }
  return status;
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool is_root(const tame_recorder *rec)
{
  return rec->network->rank == 0;
}

/* This rank's block of a dataset; the first failure is kept. */
static void put(tame_recorder *rec, const char *path, tame_type type, const int64_t *start,
                const int64_t *count, const void *data)
{
  if (rec->status == TAME_OK)
    rec->status = tame_results_write(rec->results, path, type, start, count, data);
}

/* The numbers of the network. */
static tame_type real_of(const tame_recorder *rec)
{
  return tame_real_type(rec->network);
}

/* Synapse of a row that comes next by source: the row has two ascending parts, plastic and fixed, of
 * which p and f are taken already. */
static int64_t next_synapse(const tame_network *net, int64_t i, int64_t *p, int64_t *f)
{
  const int64_t start = net->start[i], middle = start + net->plastic[i], end = net->start[i + 1];
  const bool plastic_left = start + *p < middle, fixed_left = middle + *f < end;
  if (plastic_left && (!fixed_left || tame_network_source(net, i, start + *p) <
                                          tame_network_source(net, i, middle + *f)))
    return start + (*p)++;
  return middle + (*f)++;
}

/* What is written of each synapse, in the order of the file. */
enum synapse_part { COLUMN, PLASTIC, VALUE };

static void put_synapses(tame_recorder *rec, const char *path, enum synapse_part part)
{
  static const tame_type types[] = {TAME_TYPE_I32, TAME_TYPE_U8};
  const tame_network *net = rec->network;
  const int64_t count = net->start[net->n_local];
  const tame_type type = part == VALUE ? real_of(rec) : types[part];
  void *values = tame_untouched(count, tame_type_size(type), "writing the synapses");
  if (!values) {
    rec->status = TAME_ERR_NOMEM;
    return;
  }
  for (int64_t i = 0; i < net->n_local; i++) {
    int64_t p = 0, f = 0;
    for (int64_t at = net->start[i]; at < net->start[i + 1]; at++) {
      const int64_t s = next_synapse(net, i, &p, &f);
      if (part == COLUMN) ((int32_t *)values)[at] = (int32_t)tame_network_source(net, i, s);
      else if (part == PLASTIC) ((uint8_t *)values)[at] = s < net->start[i] + net->plastic[i];
      else tame_real_put(net, values, at, tame_real_at(net, net->w, s));
    }
  }
  put(rec, path, type, (int64_t[TAME_AXES]){rec->row, rec->first_synapse},
      (int64_t[TAME_AXES]){1, count}, values);
  free(values);
}

static void put_row_starts(tame_recorder *rec)
{
  const tame_network *net = rec->network;
  const bool last = net->first + net->n_local == net->p.neurons && net->n_local > 0;
  int64_t *starts = tame_untouched(net->n_local + 1, sizeof *starts, "writing the synapses");
  if (!starts) {
    rec->status = TAME_ERR_NOMEM;
    return;
  }
  for (int64_t i = 0; i <= net->n_local; i++) starts[i] = rec->first_synapse + net->start[i];
  put(rec, "weights/row_start", TAME_TYPE_I64, (int64_t[TAME_AXES]){rec->row, net->first},
      (int64_t[TAME_AXES]){1, net->n_local + last}, starts);
  free(starts);
}

/* W_in or W_fb, [channels][n_local], as [neuron, channel]. */
static void put_channels(tame_recorder *rec, const char *path, const void *w, int64_t channels)
{
  const tame_network *net = rec->network;
  const int64_t n = net->n_local;
  void *values = tame_untouched(n * channels, net->real, "writing W_in");
  if (!values) {
    rec->status = TAME_ERR_NOMEM;
    return;
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t c = 0; c < channels; c++)
      tame_real_put(net, values, i * channels + c, tame_real_at(net, w, c * n + i));
  put(rec, path, real_of(rec), (int64_t[TAME_AXES]){rec->row, net->first},
      (int64_t[TAME_AXES]){1, n, channels}, values);
  free(values);
}

static void put_features(tame_recorder *rec)
{
  const int64_t n = rec->network->p.neurons, width = tame_results_width(rec->results, "features");
  char *names = tame_zeroed(n, (size_t)width, "the names of features");
  if (!names) {
    rec->status = TAME_ERR_NOMEM;
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    char text[TAME_PATH] = ""; /* zeros to its end, which lies beyond that of the longest name */
    name_feature(&rec->network->p, i, text);
    memcpy(names + i * width, text, (size_t)width);
  }
  put(rec, "features", TAME_TYPE_TEXT, (int64_t[TAME_AXES]){rec->row}, (int64_t[TAME_AXES]){1, n},
      names);
  free(names);
}

static void put_bias(tame_recorder *rec)
{
  const tame_network *net = rec->network;
  put(rec, "weights/bias", real_of(rec), (int64_t[TAME_AXES]){rec->row, net->first},
      (int64_t[TAME_AXES]){1, net->n_local}, net->bias);
}

static void put_weights(tame_recorder *rec, bool final)
{
  const tame_network *net = rec->network;
  if (!net->cell->features)
    put_synapses(rec, final ? "weights/final/recurrent" : "weights/initial/recurrent", VALUE);
  if (!is_root(rec)) return;
  put(rec, final ? "weights/final/readout" : "weights/initial/readout", real_of(rec),
      (int64_t[TAME_AXES]){rec->row}, (int64_t[TAME_AXES]){1, net->p.outputs, net->p.neurons},
      net->w_out);
  put(rec, final ? "weights/final/readout_bias" : "weights/initial/readout_bias", TAME_TYPE_F64,
      (int64_t[TAME_AXES]){rec->row}, (int64_t[TAME_AXES]){1, net->p.outputs}, net->b_out);
}

tame_status tame_recorder_begin(tame_recorder *rec)
{
  const int keep = rec->e->output.weights;
  const bool wired = !rec->network->cell->features;
  if (!wired && is_root(rec)) put_features(rec);
  if (wired && keep != TAME_KEEP_NONE) {
    put_row_starts(rec);
    put_synapses(rec, "weights/column", COLUMN);
    put_synapses(rec, "weights/plastic", PLASTIC);
    put_channels(rec, "weights/input", rec->network->w_in, rec->network->p.inputs);
    if (rec->network->w_fb)
      put_channels(rec, "weights/feedback", rec->network->w_fb, rec->network->p.outputs);
    if (rec->network->bias) put_bias(rec);
  }
  if (keep == TAME_KEEP_BOTH) put_weights(rec, false);
  return rec->status;
}

/* ---- life ----------------------------------------------------------------------------------- */

/* Ours among recorded neurons, which are as contiguous as our neurons are: *count of them from *first on. */
static void find_own(const tame_network *net, const tame_recorded *all, int64_t *first,
                     int64_t *count)
{
  for (int64_t m = 0; m < all->count; m++) {
    const int64_t id = all->ids[m];
    *first += id < net->first;
    *count += id >= net->first && id < net->first + net->n_local;
  }
}

static tame_status begin(tame_recorder **out, const tame_experiment *e, const tame_network *network,
                         tame_results *results, int64_t row)
{
  tame_recorder *rec = tame_zeroed(1, sizeof *rec, "the recorder");
  *out = rec;
  if (!rec) return TAME_ERR_NOMEM;
  rec->e = e;
  rec->network = network;
  rec->results = results;
  rec->row = row;
  find_own(network, &e->recorded, &rec->first_recorded, &rec->n_recorded);
  find_own(network, &e->watched, &rec->first_watched, &rec->n_watched);
  rec->rates_room = longest(e, e->output.rates.every);
  rec->states_room = longest(e, e->output.states.every);
  rec->readout_room = longest(e, e->output.readout.every);
  rec->rates = tame_zeroed(rec->n_recorded * rec->rates_room, network->real, "recorded rates");
  rec->states = tame_zeroed(e->output.states.variables.count * rec->n_watched * rec->states_room,
                            network->real, "recorded states");
  rec->readout = tame_zeroed(e->network.outputs * rec->readout_room, network->real,
                             "recorded readouts");
  if (e->output.initial_state)
    rec->initial_state = tame_zeroed(network->variables * network->n_local, network->real,
                                     "initial states");
  return rec->rates && rec->states && rec->readout &&
                 (rec->initial_state || !e->output.initial_state)
             ? TAME_OK
             : TAME_ERR_NOMEM;
}

tame_status tame_recorder_create(tame_recorder **out, const tame_experiment *e,
                                 const tame_network *network, tame_results *results, int64_t row)
{
  tame_recorder *rec;
  const tame_status status = tame_agree(network->comm, begin(&rec, e, network, results, row));
  if (status == TAME_OK) {
    const int64_t own = network->start[network->n_local];
    MPI_Exscan(&own, &rec->first_synapse, 1, MPI_INT64_T, MPI_SUM, network->comm);
  } else {
    tame_recorder_free(&rec);
  }
  *out = rec;
  return status;
}

void tame_recorder_free(tame_recorder **recorder)
{
  tame_recorder *rec = *recorder;
  if (!rec) return;
  free(rec->rates);
  free(rec->states);
  free(rec->readout);
  free(rec->initial_state);
  free(rec);
  *recorder = NULL;
}

/* ---- trials --------------------------------------------------------------------------------- */

void tame_recorder_start(tame_recorder *rec, int64_t phase, int64_t task)
{
  const tame_experiment *e = rec->e;
  const bool rates = tame_recording_covers(e, &e->output.rates, phase) && e->recorded.count > 0;
  const bool states = tame_recording_covers(e, &e->output.states, phase) && e->watched.count > 0;
  const bool readout = tame_recording_covers(e, &e->output.readout, phase) &&
                       e->network.outputs > 0;
  rec->phase = phase;
  rec->task = task;
  rec->rates_every = rates ? e->output.rates.every : 0;
  rec->states_every = states ? e->output.states.every : 0;
  rec->readout_every = readout ? e->output.readout.every : 0;
}

void tame_recorder_keep_initial(tame_recorder *rec)
{
  const tame_network *net = rec->network;
  if (rec->initial_state)
    memcpy(rec->initial_state, net->x, (size_t)(net->variables * net->n_local) * net->real);
}

/* [variables][all recorded neurons][room] in a checkpoint. */
static void add_states(tame_recorder *rec, tame_state *state)
{
  const int64_t variables = rec->e->output.states.variables.count, room = rec->states_room;
  const int64_t all = rec->e->watched.count * room, own = rec->n_watched * room;
  for (int64_t k = 0; k < variables; k++) {
    const tame_piece piece = {.name = "recorded.states",
                              .type = real_of(rec),
                              .total = variables * all,
                              .first = k * all + rec->first_watched * room,
                              .count = own,
                              .at = tame_real_from(rec->network, rec->states, k * own)};
    tame_state_add(state, &piece);
  }
}

/* The same of the states that the trial began with. */
static void add_initial(tame_recorder *rec, tame_state *state)
{
  const tame_network *net = rec->network;
  for (int64_t k = 0; rec->initial_state && k < net->variables; k++) {
    const tame_piece piece = {.name = "recorded.initial_state",
                              .type = real_of(rec),
                              .total = net->variables * net->p.neurons,
                              .first = k * net->p.neurons + net->first,
                              .count = net->n_local,
                              .at = tame_real_from(net, rec->initial_state, k * net->n_local)};
    tame_state_add(state, &piece);
  }
}

void tame_recorder_state(tame_recorder *rec, tame_state *state)
{
  const tame_network *net = rec->network;
  const tame_type real = real_of(rec);
  const int64_t readouts = net->p.outputs * rec->readout_room;
  const tame_piece rates = {"recorded.rates",
                            real,
                            rec->e->recorded.count * rec->rates_room,
                            rec->first_recorded * rec->rates_room,
                            rec->n_recorded * rec->rates_room,
                            rec->rates,
                            false,
                            0};
  const tame_piece readout = {"recorded.readout", real,         readouts,      0,
                              readouts,           rec->readout, !is_root(rec), 0};
  tame_state_add(state, &rates);
  tame_state_add(state, &readout);
  add_states(rec, state);
  add_initial(rec, state);
}

bool tame_recorder_wants_readout(const tame_recorder *rec, int64_t t)
{
  return rec->readout_every > 0 && t % rec->readout_every == 0;
}

static void keep_states(tame_recorder *rec, int64_t t)
{
  const tame_network *net = rec->network;
  if (rec->states_every == 0 || t % rec->states_every != 0) return;
  const tame_strings *variables = &rec->e->output.states.variables;
  const int64_t *ids = rec->e->watched.ids + rec->first_watched;
  for (int64_t k = 0; k < variables->count; k++) {
    const int which = tame_network_variable(&net->p, variables->at[k]);
    for (int64_t m = 0; m < rec->n_watched; m++)
      tame_real_put(net, rec->states,
                    (k * rec->n_watched + m) * rec->states_room + t / rec->states_every,
                    tame_network_value(net, which, ids[m] - net->first));
  }
}

void tame_recorder_step(tame_recorder *rec, int64_t t, const double *z)
{
  const tame_network *net = rec->network;
  if (rec->rates_every > 0 && t % rec->rates_every == 0) {
    const int64_t at = t / rec->rates_every;
    const int64_t *ids = rec->e->recorded.ids + rec->first_recorded;
    for (int64_t m = 0; m < rec->n_recorded; m++)
      memcpy(tame_real_from(net, rec->rates, m * rec->rates_room + at),
             tame_real_from(net, net->r, ids[m] - net->first), net->real);
  }
  keep_states(rec, t);
  if (z && tame_recorder_wants_readout(rec, t)) {
    const int64_t at = t / rec->readout_every;
    for (int64_t k = 0; k < net->p.outputs; k++)
      tame_real_put(net, rec->readout, k * rec->readout_room + at, z[k]);
  }
}

/* The first `count` numbers of rows of `room`, moved together. */
static const void *compact(const tame_recorder *rec, void *rows, int64_t n, int64_t room,
                           int64_t count)
{
  const tame_network *net = rec->network;
  for (int64_t k = 1; count < room && k < n; k++)
    memmove(tame_real_from(net, rows, k * count), tame_real_from(net, rows, k * room),
            (size_t)count * net->real);
  return rows;
}

/* Numbers of a trial that all ranks know, [count]. */
static void put_figures(tame_recorder *rec, const char *folder, const char *name, int64_t trial,
                        int64_t count, const double *values)
{
  char path[TAME_PATH];
  if (!is_root(rec)) return;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  put(rec, path, TAME_TYPE_F64, (int64_t[TAME_AXES]){rec->row, trial},
      (int64_t[TAME_AXES]){1, 1, count}, values);
}

/* What the analyses of a trial have come to. */
static void put_analyses(tame_recorder *rec, int64_t trial, const tame_observer *observer)
{
  const tame_experiment *e = rec->e;
  const tame_analysis_about about = tame_phase_about(e, rec->phase, rec->task);
  for (int64_t i = 0; observer && is_root(rec) && i < tame_phase_analyses(e, rec->phase); i++) {
    const tame_variant *which = tame_phase_analysis(e, rec->phase, i);
    tame_analysis_plan plan;
    tame_analysis_foresee(which, &about, 1, &plan);
    for (int k = 0; k < plan.count; k++) {
      const tame_analysis_result *r = &plan.results[k];
      char path[TAME_PATH];
      snprintf(path, sizeof path, "phases/%s/%s/%s/%s", tame_phase_at(e, rec->phase)->name,
               tame_task_at(e, rec->task)->name, which->row->name, r->name);
      put(rec, path, TAME_TYPE_F64, (int64_t[TAME_AXES]){rec->row, trial},
          (int64_t[TAME_AXES]){1, 1, r->shape[0], r->shape[1]},
          tame_observer_values(observer, i, k));
    }
  }
}

/* What the learner tells of a trial. */
static void put_learner(tame_recorder *rec, const char *folder, int64_t trial,
                        const tame_learner *learner)
{
  tame_figure figures[TAME_FIGURES];
  const int count = is_root(rec) ? figures_of(rec->e, rec->phase, figures) : 0;
  for (int k = 0; k < count; k++) {
    char path[TAME_PATH];
    snprintf(path, sizeof path, "%s/%s", folder, figures[k].name);
    put(rec, path, TAME_TYPE_F64, (int64_t[TAME_AXES]){rec->row, trial},
        (int64_t[TAME_AXES]){1, 1, figures[k].shape[0], figures[k].shape[1]},
        tame_learner_figure(learner, figures[k].id));
  }
}

static void put_states(tame_recorder *rec, const char *folder, int64_t trial)
{
  const int64_t variables = rec->states_every > 0 ? rec->e->output.states.variables.count : 0;
  const int64_t own = rec->n_watched * rec->states_room;
  for (int64_t k = 0; k < variables; k++) {
    const int64_t count = samples(rec->e->scripts[rec->task].steps, rec->states_every);
    void *rows = tame_real_from(rec->network, rec->states, k * own);
    char path[TAME_PATH];
    snprintf(path, sizeof path, "%s/states/%s", folder, state_at(rec->e, k)->name);
    put(rec, path, real_of(rec), (int64_t[TAME_AXES]){rec->row, trial, rec->first_watched},
        (int64_t[TAME_AXES]){1, 1, rec->n_watched, count},
        compact(rec, rows, rec->n_watched, rec->states_room, count));
  }
}

static void put_initial(tame_recorder *rec, const char *folder, int64_t trial)
{
  const tame_network *net = rec->network;
  for (int k = 0; rec->initial_state && k < net->variables; k++) {
    char path[TAME_PATH];
    name_initial(path, folder, rec->e, net->variables, k);
    put(rec, path, real_of(rec), (int64_t[TAME_AXES]){rec->row, trial, net->first},
        (int64_t[TAME_AXES]){1, 1, net->n_local},
        tame_real_from(net, rec->initial_state, k * net->n_local));
  }
}

tame_status tame_recorder_end(tame_recorder *rec, int64_t trial, const tame_trial_figures *figures)
{
  const tame_network *net = rec->network;
  const tame_experiment *e = rec->e;
  const int64_t steps = e->scripts[rec->task].steps;
  const tame_health *health = &figures->health;
  char folder[TAME_PATH - 32], path[TAME_PATH];
  snprintf(folder, sizeof folder, "phases/%s/%s", tame_phase_at(e, rec->phase)->name,
           tame_task_at(e, rec->task)->name);
  if (has_loss(e, rec->phase, rec->task))
    put_figures(rec, folder, "loss", trial, 1, &figures->loss);
  if (tame_phase_judges(e, rec->phase, rec->task)) {
    put_figures(rec, folder, "correlation", trial, net->p.outputs, figures->correlation);
    put_figures(rec, folder, "nrmse", trial, net->p.outputs, figures->nrmse);
  }
  if (tame_phase_has_valid_time(e, rec->phase, rec->task))
    put_figures(rec, folder, "valid_ms", trial, 1, &figures->valid_ms);
  if (tame_phase_kind_at(e, rec->phase) == TAME_PHASE_TRAIN) {
    put_figures(rec, folder, "p_min", trial, 1, &health->p_min);
    put_figures(rec, folder, "p_max", trial, 1, &health->p_max);
    put_figures(rec, folder, "dw", trial, 1, &health->dw);
    put_learner(rec, folder, trial, figures->learner);
  }
  if (rec->rates_every > 0) {
    const int64_t count = samples(steps, rec->rates_every);
    snprintf(path, sizeof path, "%s/rates", folder);
    put(rec, path, real_of(rec), (int64_t[TAME_AXES]){rec->row, trial, rec->first_recorded},
        (int64_t[TAME_AXES]){1, 1, rec->n_recorded, count},
        compact(rec, rec->rates, rec->n_recorded, rec->rates_room, count));
  }
  put_states(rec, folder, trial);
  if (rec->readout_every > 0 && is_root(rec)) {
    const int64_t count = samples(steps, rec->readout_every);
    snprintf(path, sizeof path, "%s/readout", folder);
    put(rec, path, real_of(rec), (int64_t[TAME_AXES]){rec->row, trial},
        (int64_t[TAME_AXES]){1, 1, net->p.outputs, count},
        compact(rec, rec->readout, net->p.outputs, rec->readout_room, count));
  }
  put_analyses(rec, trial, figures->observer);
  put_initial(rec, folder, trial);
  return rec->status;
}

tame_status tame_recorder_finish(tame_recorder *rec)
{
  if (rec->e->output.weights != TAME_KEEP_NONE) put_weights(rec, true);
  return rec->status == TAME_OK ? tame_results_sync(rec->results) : rec->status;
}
