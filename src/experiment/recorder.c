/* The layout of a results file, and what goes into it when. README.md describes the format. */
#include "base/memory.h"
#include "experiment/inside.h"
#include "network/inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tame_recorder {
  const tame_experiment *e;    /* borrowed */
  const tame_network *network; /* borrowed */
  tame_results *results;       /* owned, until finished */
  tame_type real;
  int64_t synapses, first_synapse;    /* of all ranks; of those before this one */
  int64_t first_recorded, n_recorded; /* which of the recorded neurons are ours */

  /* the trial that runs */
  int64_t phase, task;
  int64_t rates_every, readout_every; /* 0: not kept */
  void *rates;                        /* [n_recorded][samples] */
  void *readout;                      /* [outputs][samples] */
  void *initial_state;                /* [n_local] */
};

enum { PATH = 512 };

/* ---- planning ------------------------------------------------------------------------------- */

static int64_t samples(int64_t steps, int64_t every)
{
  return (steps + every - 1) / every;
}

static void add(tame_recorder *rec, const char *path, tame_type type, const char *dims,
                const char *units, int axes, const int64_t *shape)
{
  tame_dataset set = {.path = path, .type = type, .axes = axes, .dims = dims, .units = units};
  memcpy(set.shape, shape, (size_t)axes * sizeof *shape);
  tame_results_add(rec->results, &set);
}

/* A time series [network, ..., time]. */
static void add_series(tame_recorder *rec, const char *path, tame_type type, const char *dims,
                       int axes, const int64_t *shape, int64_t every)
{
  tame_dataset set = {.path = path,
                      .type = type,
                      .axes = axes,
                      .dims = dims,
                      .units = "1",
                      .step_ms = (double)every * rec->e->network.dt_ms};
  memcpy(set.shape, shape, (size_t)axes * sizeof *shape);
  tame_results_add(rec->results, &set);
}

static void plan_files(tame_recorder *rec, const char *task, const char *list,
                       const tame_list *signals)
{
  for (int64_t k = 0; k < signals->count; k++) {
    const tame_samples *data = tame_signal_data((const tame_variant *)signals->at + k);
    char path[PATH];
    if (!data) continue;
    snprintf(path, sizeof path, "tasks/%s/files/%s/%lld", task, list, (long long)k);
    add(rec, path, TAME_TYPE_F64, "network, row, column", "1", 3,
        (int64_t[]){1, data->steps, data->channels});
  }
}

static void plan_task(tame_recorder *rec, int64_t k)
{
  const tame_experiment *e = rec->e;
  const tame_task *task = tame_task_at(e, k);
  const tame_script *script = &e->scripts[k];
  char path[PATH];
  snprintf(path, sizeof path, "tasks/%s/input", task->name);
  add_series(rec, path, TAME_TYPE_F64, "network, channel, time", 3,
             (int64_t[]){1, e->network.inputs, script->steps}, 1);
  if (script->perturbed.at) {
    snprintf(path, sizeof path, "tasks/%s/perturbation", task->name);
    add_series(rec, path, TAME_TYPE_F64, "network, channel, time", 3,
               (int64_t[]){1, e->network.inputs, script->steps}, 1);
  }
  if (script->target.at) {
    snprintf(path, sizeof path, "tasks/%s/target", task->name);
    add_series(rec, path, TAME_TYPE_F64, "network, output, time", 3,
               (int64_t[]){1, e->network.outputs, script->steps}, 1);
  }
  plan_files(rec, task->name, "inputs", &task->inputs);
  plan_files(rec, task->name, "targets", &task->targets);
  plan_files(rec, task->name, "perturbation", &task->perturbation);
  snprintf(path, sizeof path, "tasks/%s", task->name);
  tame_results_whole(rec->results, path, "index", k);
  tame_results_number(rec->results, path, "duration_ms", task->duration_ms);
  tame_results_number(rec->results, path, "window_start_ms", script->window_ms[0]);
  tame_results_number(rec->results, path, "window_end_ms", script->window_ms[1]);
}

/* Does a phase of this kind tell a loss of this task? */
static bool has_loss(const tame_experiment *e, int64_t phase, int64_t task)
{
  const tame_phase_kind kind = tame_phase_kind_at(e, phase);
  return kind == TAME_PHASE_TRAIN ||
         (kind != TAME_PHASE_RECORD && e->scripts[task].target.at != NULL);
}

static void plan_trials(tame_recorder *rec, int64_t p, int64_t t)
{
  static const char *const health[] = {"p_min", "p_max", "dw"};
  const tame_experiment *e = rec->e;
  const char *phase = tame_phase_at(e, p)->name, *task = tame_task_at(e, t)->name;
  const int64_t trials = tame_phase_trials(e, p), steps = e->scripts[t].steps;
  const tame_recording *rates = &e->output.rates, *readout = &e->output.readout;
  char path[PATH];
  if (has_loss(e, p, t)) {
    snprintf(path, sizeof path, "phases/%s/%s/loss", phase, task);
    add(rec, path, TAME_TYPE_F64, "network, trial", "1", 2, (int64_t[]){1, trials});
  }
  for (int k = 0; tame_phase_kind_at(e, p) == TAME_PHASE_TRAIN && k < 3; k++) {
    snprintf(path, sizeof path, "phases/%s/%s/%s", phase, task, health[k]);
    add(rec, path, TAME_TYPE_F64, "network, trial", "1", 2, (int64_t[]){1, trials});
  }
  if (tame_recording_covers(e, rates, p) && e->n_recorded > 0) {
    snprintf(path, sizeof path, "phases/%s/%s/rates", phase, task);
    add_series(rec, path, rec->real, "network, trial, neuron, time", 4,
               (int64_t[]){1, trials, e->n_recorded, samples(steps, rates->every)}, rates->every);
  }
  if (tame_recording_covers(e, readout, p) && e->network.outputs > 0) {
    snprintf(path, sizeof path, "phases/%s/%s/readout", phase, task);
    add_series(rec, path, rec->real, "network, trial, output, time", 4,
               (int64_t[]){1, trials, e->network.outputs, samples(steps, readout->every)},
               readout->every);
  }
  if (e->output.initial_state) {
    snprintf(path, sizeof path, "phases/%s/%s/initial_state", phase, task);
    add(rec, path, rec->real, "network, trial, neuron", "1", 3,
        (int64_t[]){1, trials, e->network.neurons});
  }
}

static void plan_phase(tame_recorder *rec, int64_t p)
{
  const tame_experiment *e = rec->e;
  const tame_phase *phase = tame_phase_at(e, p);
  const tame_row *row = ((const tame_variant *)e->phases.at)[p].row;
  char path[PATH];
  snprintf(path, sizeof path, "phases/%s", phase->name);
  tame_results_group(rec->results, path);
  for (int64_t t = 0; t < e->tasks.count; t++)
    if (tame_phase_has_task(e, p, t)) plan_trials(rec, p, t);
  tame_results_whole(rec->results, path, "index", p);
  tame_results_text(rec->results, path, "kind", row->name);
  tame_results_whole(rec->results, path, "noise", phase->noise);
  if (tame_phase_kind_at(e, p) != TAME_PHASE_TRAIN) return;
  const bool recurrent = phase->weights == TAME_WEIGHTS_RECURRENT;
  tame_results_text(rec->results, path, "weights", recurrent ? "recurrent" : "readout");
  tame_results_text(rec->results, path, "learner", phase->learner.row->name);
  tame_results_whole(rec->results, path, "every", phase->every);
  if (recurrent) tame_results_text(rec->results, path, "target", phase->target);
}

static void plan_weights(tame_recorder *rec)
{
  const tame_experiment *e = rec->e;
  const int64_t n = e->network.neurons;
  const int keep = e->output.weights;
  if (keep == TAME_KEEP_NONE) return;
  add(rec, "weights/row_start", TAME_TYPE_I64, "network, row", "1", 2, (int64_t[]){1, n + 1});
  add(rec, "weights/column", TAME_TYPE_I32, "network, synapse", "1", 2,
      (int64_t[]){1, rec->synapses});
  add(rec, "weights/plastic", TAME_TYPE_U8, "network, synapse", "1", 2,
      (int64_t[]){1, rec->synapses});
  add(rec, "weights/input", rec->real, "network, neuron, channel", "1", 3,
      (int64_t[]){1, n, e->network.inputs});
  for (int k = keep == TAME_KEEP_BOTH ? 0 : 1; k < 2; k++) {
    add(rec, k ? "weights/final/recurrent" : "weights/initial/recurrent", rec->real,
        "network, synapse", "1", 2, (int64_t[]){1, rec->synapses});
    add(rec, k ? "weights/final/readout" : "weights/initial/readout", rec->real,
        "network, output, neuron", "1", 3, (int64_t[]){1, e->network.outputs, n});
  }
}

static void plan(tame_recorder *rec)
{
  const tame_experiment *e = rec->e;
  tame_results_text(rec->results, "/", "format", "tame-results");
  tame_results_whole(rec->results, "/", "format_version", 1);
  tame_results_text(rec->results, "/", "name", e->name);
  tame_results_text(rec->results, "/", "experiment", e->text);
  add(rec, "recorded_neurons", TAME_TYPE_I64, "network, neuron", "1", 2,
      (int64_t[]){1, e->n_recorded});
  for (int64_t k = 0; k < e->tasks.count; k++) plan_task(rec, k);
  for (int64_t k = 0; k < e->phases.count; k++) plan_phase(rec, k);
  plan_weights(rec);
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool is_root(const tame_recorder *rec)
{
  return rec->network->rank == 0;
}

/* All of a dataset from rank 0. Collective. */
static tame_status put_whole(tame_recorder *rec, const char *path, const int64_t *shape,
                             const void *data)
{
  static const int64_t zeros[TAME_AXES] = {0};
  return tame_results_write(rec->results, path, zeros, is_root(rec) ? shape : zeros, data);
}

/* [steps][channels] as [1, channels, steps]. Collective. */
static tame_status put_samples(tame_recorder *rec, const char *path, const tame_samples *s)
{
  double *turned = tame_untouched(s->steps * s->channels, sizeof *turned, "the signals of a task");
  const tame_status status = tame_agree(rec->network->comm, turned ? TAME_OK : TAME_ERR_NOMEM);
  if (status != TAME_OK) return status;
  for (int64_t t = 0; t < s->steps; t++)
    for (int64_t c = 0; c < s->channels; c++) turned[c * s->steps + t] = s->at[t * s->channels + c];
  const tame_status written = put_whole(rec, path, (int64_t[TAME_AXES]){1, s->channels, s->steps},
                                        turned);
  free(turned);
  return written;
}

static tame_status put_files(tame_recorder *rec, const char *task, const char *list,
                             const tame_list *signals)
{
  tame_status status = TAME_OK;
  for (int64_t k = 0; status == TAME_OK && k < signals->count; k++) {
    const tame_samples *data = tame_signal_data((const tame_variant *)signals->at + k);
    char path[PATH];
    if (!data) continue;
    snprintf(path, sizeof path, "tasks/%s/files/%s/%lld", task, list, (long long)k);
    status = put_whole(rec, path, (int64_t[TAME_AXES]){1, data->steps, data->channels}, data->at);
  }
  return status;
}

static tame_status put_task(tame_recorder *rec, int64_t k)
{
  const tame_task *task = tame_task_at(rec->e, k);
  const tame_script *script = &rec->e->scripts[k];
  char path[PATH];
  snprintf(path, sizeof path, "tasks/%s/input", task->name);
  tame_status status = put_samples(rec, path, &script->input);
  snprintf(path, sizeof path, "tasks/%s/perturbation", task->name);
  if (status == TAME_OK && script->perturbed.at)
    status = put_samples(rec, path, &script->perturbation);
  snprintf(path, sizeof path, "tasks/%s/target", task->name);
  if (status == TAME_OK && script->target.at) status = put_samples(rec, path, &script->target);
  if (status == TAME_OK) status = put_files(rec, task->name, "inputs", &task->inputs);
  if (status == TAME_OK) status = put_files(rec, task->name, "targets", &task->targets);
  if (status == TAME_OK) status = put_files(rec, task->name, "perturbation", &task->perturbation);
  return status;
}

/* Synapse of a row that comes next by source: the row has two ascending parts, plastic and fixed, of
 * which p and f are taken already. */
static int64_t next_synapse(const tame_network *net, int64_t i, int64_t *p, int64_t *f)
{
  const int64_t start = net->start[i], middle = start + net->plastic[i], end = net->start[i + 1];
  const bool plastic_left = start + *p < middle, fixed_left = middle + *f < end;
  if (plastic_left && (!fixed_left || tame_network_source(net, net->slot[start + *p]) <
                                          tame_network_source(net, net->slot[middle + *f])))
    return start + (*p)++;
  return middle + (*f)++;
}

/* What is written of each synapse, in the order of the file. */
enum synapse_part { COLUMN, PLASTIC, VALUE };

static tame_status put_synapses(tame_recorder *rec, const char *path, enum synapse_part part)
{
  const tame_network *net = rec->network;
  const int64_t count = net->start[net->n_local];
  const size_t size = part == COLUMN ? sizeof(int32_t) : part == PLASTIC ? 1 : net->real;
  void *values = tame_untouched(count, size, "writing the synapses");
  tame_status status = tame_agree(net->comm, values ? TAME_OK : TAME_ERR_NOMEM);
  if (status != TAME_OK) return status;
  for (int64_t i = 0; i < net->n_local; i++) {
    int64_t p = 0, f = 0;
    for (int64_t at = net->start[i]; at < net->start[i + 1]; at++) {
      const int64_t s = next_synapse(net, i, &p, &f);
      if (part == COLUMN) ((int32_t *)values)[at] = (int32_t)tame_network_source(net, net->slot[s]);
      else if (part == PLASTIC) ((uint8_t *)values)[at] = s < net->start[i] + net->plastic[i];
      else tame_real_put(net, values, at, tame_real_at(net, net->w, s));
    }
  }
  status = tame_results_write(rec->results, path, (int64_t[TAME_AXES]){0, rec->first_synapse},
                              (int64_t[TAME_AXES]){1, count}, values);
  free(values);
  return status;
}

static tame_status put_row_starts(tame_recorder *rec)
{
  const tame_network *net = rec->network;
  const bool last = net->first + net->n_local == net->p.neurons && net->n_local > 0;
  int64_t *starts = tame_untouched(net->n_local + 1, sizeof *starts, "writing the synapses");
  tame_status status = tame_agree(net->comm, starts ? TAME_OK : TAME_ERR_NOMEM);
  if (status != TAME_OK) return status;
  for (int64_t i = 0; i <= net->n_local; i++) starts[i] = rec->first_synapse + net->start[i];
  status = tame_results_write(rec->results, "weights/row_start",
                              (int64_t[TAME_AXES]){0, net->first},
                              (int64_t[TAME_AXES]){1, net->n_local + last}, starts);
  free(starts);
  return status;
}

static tame_status put_input_weights(tame_recorder *rec)
{
  const tame_network *net = rec->network;
  const int64_t channels = net->p.inputs, n = net->n_local;
  void *values = tame_untouched(n * channels, net->real, "writing W_in");
  tame_status status = tame_agree(net->comm, values ? TAME_OK : TAME_ERR_NOMEM);
  if (status != TAME_OK) return status;
  for (int64_t i = 0; i < n; i++)
    for (int64_t c = 0; c < channels; c++)
      tame_real_put(net, values, i * channels + c, tame_real_at(net, net->w_in, c * n + i));
  status = tame_results_write(rec->results, "weights/input", (int64_t[TAME_AXES]){0, net->first, 0},
                              (int64_t[TAME_AXES]){1, n, channels}, values);
  free(values);
  return status;
}

static tame_status put_weights(tame_recorder *rec, bool final)
{
  const tame_network *net = rec->network;
  const tame_status status =
      put_synapses(rec, final ? "weights/final/recurrent" : "weights/initial/recurrent", VALUE);
  if (status != TAME_OK) return status;
  return put_whole(rec, final ? "weights/final/readout" : "weights/initial/readout",
                   (int64_t[TAME_AXES]){1, net->p.outputs, net->p.neurons}, net->w_out);
}

static tame_status put_beginning(tame_recorder *rec)
{
  const tame_experiment *e = rec->e;
  const int keep = e->output.weights;
  tame_status status = put_whole(rec, "recorded_neurons", (int64_t[TAME_AXES]){1, e->n_recorded},
                                 e->recorded);
  for (int64_t k = 0; status == TAME_OK && k < e->tasks.count; k++) status = put_task(rec, k);
  if (status != TAME_OK || keep == TAME_KEEP_NONE) return status;
  status = put_row_starts(rec);
  if (status == TAME_OK) status = put_synapses(rec, "weights/column", COLUMN);
  if (status == TAME_OK) status = put_synapses(rec, "weights/plastic", PLASTIC);
  if (status == TAME_OK) status = put_input_weights(rec);
  if (status == TAME_OK && keep == TAME_KEEP_BOTH) status = put_weights(rec, false);
  return status;
}

/* ---- life ----------------------------------------------------------------------------------- */

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
  const double rates = (double)longest(e, e->output.rates.every) * (double)e->n_recorded * share;
  const double readout = (double)longest(e, e->output.readout.every) * (double)e->network.outputs;
  return real * (rates + readout);
}

/* Ours among the recorded neurons, which are as contiguous as our neurons are. */
static void find_recorded(tame_recorder *rec)
{
  const tame_network *net = rec->network;
  for (int64_t m = 0; m < rec->e->n_recorded; m++) {
    const int64_t id = rec->e->recorded[m];
    rec->first_recorded += id < net->first;
    rec->n_recorded += id >= net->first && id < net->first + net->n_local;
  }
}

static tame_status allocate(tame_recorder *rec)
{
  const tame_experiment *e = rec->e;
  const size_t real = rec->network->real;
  const int64_t rates = longest(e, e->output.rates.every);
  const int64_t readout = longest(e, e->output.readout.every);
  rec->rates = tame_zeroed(rec->n_recorded * rates, real, "recorded rates");
  rec->readout = tame_zeroed(e->network.outputs * readout, real, "recorded readouts");
  if (e->output.initial_state)
    rec->initial_state = tame_zeroed(rec->network->n_local, real, "initial states");
  return rec->rates && rec->readout && (rec->initial_state || !e->output.initial_state)
             ? TAME_OK
             : TAME_ERR_NOMEM;
}

static tame_status begin(tame_recorder **out, const tame_experiment *e, const tame_network *network)
{
  tame_recorder *rec = tame_zeroed(1, sizeof *rec, "the recorder");
  *out = rec;
  if (!rec) return TAME_ERR_NOMEM;
  rec->e = e;
  rec->network = network;
  rec->real = network->real == sizeof(double) ? TAME_TYPE_F64 : TAME_TYPE_F32;
  find_recorded(rec);
  return allocate(rec);
}

tame_status tame_recorder_create(tame_recorder **out, const tame_experiment *e,
                                 const tame_network *network, const char *path, bool force)
{
  tame_recorder *rec;
  tame_status status = tame_agree(network->comm, begin(&rec, e, network));
  if (status == TAME_OK) {
    const int64_t own = network->start[network->n_local];
    MPI_Exscan(&own, &rec->first_synapse, 1, MPI_INT64_T, MPI_SUM, network->comm);
    MPI_Allreduce(&own, &rec->synapses, 1, MPI_INT64_T, MPI_SUM, network->comm);
    status = tame_results_create(&rec->results, network->comm, path, force);
  }
  if (status == TAME_OK) {
    plan(rec); /* to measure it */
    status = tame_results_lay_out(rec->results);
  }
  if (status == TAME_OK) {
    plan(rec);
    status = tame_results_open(rec->results);
  }
  if (status == TAME_OK) status = put_beginning(rec);
  if (status != TAME_OK) tame_recorder_free(&rec);
  *out = rec;
  return status;
}

void tame_recorder_free(tame_recorder **recorder)
{
  tame_recorder *rec = *recorder;
  if (!rec) return;
  tame_results_abandon(&rec->results);
  free(rec->rates);
  free(rec->readout);
  free(rec->initial_state);
  free(rec);
  *recorder = NULL;
}

/* ---- trials --------------------------------------------------------------------------------- */

void tame_recorder_start(tame_recorder *rec, int64_t phase, int64_t task)
{
  const tame_experiment *e = rec->e;
  const tame_network *net = rec->network;
  const bool rates = tame_recording_covers(e, &e->output.rates, phase) && e->n_recorded > 0;
  const bool readout = tame_recording_covers(e, &e->output.readout, phase) &&
                       e->network.outputs > 0;
  rec->phase = phase;
  rec->task = task;
  rec->rates_every = rates ? e->output.rates.every : 0;
  rec->readout_every = readout ? e->output.readout.every : 0;
  if (rec->initial_state) memcpy(rec->initial_state, net->x, (size_t)net->n_local * net->real);
}

bool tame_recorder_wants_readout(const tame_recorder *rec, int64_t t)
{
  return rec->readout_every > 0 && t % rec->readout_every == 0;
}

void tame_recorder_step(tame_recorder *rec, int64_t t, const double *z)
{
  const tame_network *net = rec->network;
  const int64_t steps = rec->e->scripts[rec->task].steps;
  if (rec->rates_every > 0 && t % rec->rates_every == 0) {
    const int64_t count = samples(steps, rec->rates_every), at = t / rec->rates_every;
    const int64_t *ids = rec->e->recorded + rec->first_recorded;
    for (int64_t m = 0; m < rec->n_recorded; m++)
      memcpy(tame_real_from(net, rec->rates, m * count + at),
             tame_real_from(net, net->r, ids[m] - net->first), net->real);
  }
  if (z && tame_recorder_wants_readout(rec, t)) {
    const int64_t count = samples(steps, rec->readout_every), at = t / rec->readout_every;
    for (int64_t k = 0; k < net->p.outputs; k++)
      tame_real_put(net, rec->readout, k * count + at, z[k]);
  }
}

static tame_status put_figure(tame_recorder *rec, const char *folder, const char *name,
                              int64_t trial, double value)
{
  char path[PATH];
  const int64_t count = is_root(rec);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return tame_results_write(rec->results, path, (int64_t[TAME_AXES]){0, trial},
                            (int64_t[TAME_AXES]){count, count}, &value);
}

static tame_status put_figures(tame_recorder *rec, const char *folder, int64_t trial,
                               const tame_trial_figures *figures)
{
  tame_status status = TAME_OK;
  if (has_loss(rec->e, rec->phase, rec->task))
    status = put_figure(rec, folder, "loss", trial, figures->loss);
  if (status != TAME_OK || tame_phase_kind_at(rec->e, rec->phase) != TAME_PHASE_TRAIN)
    return status;
  status = put_figure(rec, folder, "p_min", trial, figures->health.p_min);
  if (status == TAME_OK) status = put_figure(rec, folder, "p_max", trial, figures->health.p_max);
  if (status == TAME_OK) status = put_figure(rec, folder, "dw", trial, figures->health.dw);
  return status;
}

tame_status tame_recorder_end(tame_recorder *rec, int64_t trial, const tame_trial_figures *figures)
{
  const tame_network *net = rec->network;
  const int64_t steps = rec->e->scripts[rec->task].steps;
  char folder[PATH - 32], path[PATH];
  snprintf(folder, sizeof folder, "phases/%s/%s", tame_phase_at(rec->e, rec->phase)->name,
           tame_task_at(rec->e, rec->task)->name);
  tame_status status = put_figures(rec, folder, trial, figures);
  if (status == TAME_OK && rec->rates_every > 0) {
    const int64_t count = samples(steps, rec->rates_every);
    snprintf(path, sizeof path, "%s/rates", folder);
    status = tame_results_write(rec->results, path,
                                (int64_t[TAME_AXES]){0, trial, rec->first_recorded, 0},
                                (int64_t[TAME_AXES]){1, 1, rec->n_recorded, count}, rec->rates);
  }
  if (status == TAME_OK && rec->readout_every > 0) {
    const int64_t count = samples(steps, rec->readout_every), one = is_root(rec);
    snprintf(path, sizeof path, "%s/readout", folder);
    status = tame_results_write(rec->results, path, (int64_t[TAME_AXES]){0, trial, 0, 0},
                                (int64_t[TAME_AXES]){one, one, one * net->p.outputs, one * count},
                                rec->readout);
  }
  if (status == TAME_OK && rec->initial_state) {
    snprintf(path, sizeof path, "%s/initial_state", folder);
    status = tame_results_write(rec->results, path, (int64_t[TAME_AXES]){0, trial, net->first},
                                (int64_t[TAME_AXES]){1, 1, net->n_local}, rec->initial_state);
  }
  return status;
}

tame_status tame_recorder_finish(tame_recorder *rec, const tame_provenance *provenance)
{
  const tame_layout *layout = &provenance->layout;
  tame_status status = rec->e->output.weights == TAME_KEEP_NONE ? TAME_OK : put_weights(rec, true);
  if (status == TAME_OK) status = tame_results_close(rec->results);
  if (status != TAME_OK) return status;
  tame_results_text(rec->results, "/", "tame_version", tame_version());
  tame_results_text(rec->results, "/", "tame_commit", tame_commit());
  tame_results_text(rec->results, "/", "kernels", rec->network->kernels->name);
  tame_results_whole(rec->results, "/", "ranks", layout->ranks);
  tame_results_whole(rec->results, "/", "threads", layout->threads);
  tame_results_whole(rec->results, "/", "nodes", layout->nodes);
  tame_results_text(rec->results, "/", "started", provenance->started);
  tame_results_text(rec->results, "/", "finished", provenance->finished);
  tame_results_number(rec->results, "/", "wall_s", provenance->seconds);
  return tame_results_finish(&rec->results);
}
