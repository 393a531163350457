/* Sums of signals, and the table of them; see tame/task.h. */
#include "tame/task.h"

#include "base/memory.h"
#include "task/tables.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

extern const tame_signal tame_signal_pulse, tame_signal_peak, tame_signal_sines, tame_signal_chirp,
    tame_signal_cosine, tame_signal_pen, tame_signal_lorenz, tame_signal_mackey_glass,
    tame_signal_random, tame_signal_narma, tame_signal_file;

static const tame_row *const rows[] = {&tame_signal_pulse.head,  &tame_signal_peak.head,
                                       &tame_signal_sines.head,  &tame_signal_chirp.head,
                                       &tame_signal_cosine.head, &tame_signal_pen.head,
                                       &tame_signal_lorenz.head, &tame_signal_mackey_glass.head,
                                       &tame_signal_random.head, &tame_signal_narma.head,
                                       &tame_signal_file.head,   NULL};
const tame_table tame_signals = {"signals", rows};

#define AT(member) .offset = offsetof(tame_task, member)
static const tame_field fields[] = {
    {"name", TAME_STRING, AT(name), .doc = "of the task, for phases and results"},
    {"duration_ms", TAME_REAL, AT(duration_ms), .min = 1e-6, .max = 1e12, .doc = "of a trial"},
    {"window_ms", TAME_REALS, AT(window_ms), .fallback = "", .max = 1e12,
     .doc = "[start, end): where errors count and learning happens; default: the whole trial"},
    {"inputs", TAME_VARIANTS, AT(inputs), .fallback = "", .table = &tame_signals,
     .doc = "stimuli, added up; channels are the network's inputs"},
    {"targets", TAME_VARIANTS, AT(targets), .fallback = "", .table = &tame_signals,
     .doc = "what the readouts should do; channels are the network's outputs"},
    {"perturbation", TAME_VARIANTS, AT(perturbation), .fallback = "", .table = &tame_signals,
     .doc = "inputs that perturb phases add"},
    {0}};
#undef AT

const tame_schema tame_task_schema = {sizeof(tame_task), fields};

int64_t tame_task_steps(double ms, double dt_ms)
{
  return (int64_t)floor(ms / dt_ms + 0.5);
}

static tame_variant *signal_at(const tame_list *signals, int64_t i)
{
  return (tame_variant *)signals->at + i;
}

static const tame_signal *row_of(const tame_variant *signal)
{
  return (const tame_signal *)signal->row;
}

static tame_samples *data_of(const tame_variant *signal)
{
  return row_of(signal)->data ? row_of(signal)->data(signal->params) : NULL;
}

static tame_status read_one(tame_variant *signal, const tame_signal_source *source, int64_t i,
                            const char **key)
{
  char dataset[512];
  if (!source->archive) return row_of(signal)->load(signal->params, source->folder, key);
  snprintf(dataset, sizeof dataset, "%s/%lld", source->group, (long long)i);
  return tame_array_read_row(source->archive, dataset, source->network, source->own,
                             data_of(signal));
}

/* Samples of rank 0 to all. Collective. */
static tame_status share(tame_samples *data, MPI_Comm comm)
{
  int rank;
  MPI_Comm_rank(comm, &rank);
  int64_t shape[2] = {data->steps, data->channels};
  MPI_Bcast(shape, 2, MPI_INT64_T, 0, comm);
  if (rank > 0) {
    *data = (tame_samples){NULL, shape[0], shape[1]};
    data->at = tame_untouched(shape[0] * shape[1], sizeof *data->at, "a signal");
  }
  const tame_status status = tame_agree(comm, data->at ? TAME_OK : TAME_ERR_NOMEM);
  const int64_t at_once = shape[1] < 1 << 24 ? (1 << 24) / (shape[1] > 0 ? shape[1] : 1) : 1;
  for (int64_t t = 0; status == TAME_OK && t < shape[0]; t += at_once) {
    const int64_t steps = shape[0] - t < at_once ? shape[0] - t : at_once;
    MPI_Bcast(data->at + t * shape[1], (int)(steps * shape[1]), MPI_DOUBLE, 0, comm);
  }
  return status;
}

tame_status tame_signals_load(tame_list *signals, const tame_signal_source *source, MPI_Comm comm,
                              tame_signal_fault *fault)
{
  int rank;
  MPI_Comm_rank(comm, &rank);
  for (int64_t i = 0; i < signals->count; i++) {
    tame_variant *signal = signal_at(signals, i);
    *fault = (tame_signal_fault){i, "path"};
    if (!row_of(signal)->load) continue;
    tame_status status = rank == 0 ? read_one(signal, source, i, &fault->key) : TAME_OK;
    status = tame_agree(comm, status);
    if (status == TAME_OK) status = share(data_of(signal), comm);
    if (status != TAME_OK) return status;
  }
  return TAME_OK;
}

void tame_signals_unload(tame_list *signals)
{
  for (int64_t i = 0; i < signals->count; i++) {
    tame_samples *data = data_of(signal_at(signals, i));
    if (!data) continue;
    free(data->at);
    *data = (tame_samples){0};
  }
}

const tame_samples *tame_signal_data(const tame_variant *signal)
{
  return data_of(signal);
}

tame_status tame_signals_check(const tame_list *signals, double dt_ms, const tame_samples *shape,
                               tame_signal_fault *fault)
{
  for (int64_t i = 0; i < signals->count; i++) {
    const tame_variant *signal = signal_at(signals, i);
    *fault = (tame_signal_fault){i, ""};
    const tame_status status = row_of(signal)->check(signal->params, dt_ms, shape, &fault->key);
    if (status != TAME_OK) return status;
  }
  return TAME_OK;
}

int64_t tame_signals_end(const tame_list *signals, double dt_ms, int64_t *which)
{
  int64_t first = INT64_MAX;
  for (int64_t i = 0; i < signals->count; i++) {
    const tame_variant *signal = signal_at(signals, i);
    const int64_t end = row_of(signal)->end ? row_of(signal)->end(signal->params, dt_ms)
                                            : INT64_MAX;
    if (end < first) first = end, *which = i;
  }
  return first;
}

void tame_signals_sample(const tame_list *signals, double dt_ms, const tame_samples *out)
{
  for (int64_t i = 0; i < signals->count; i++)
    row_of(signal_at(signals, i))->sample(signal_at(signals, i)->params, dt_ms, out);
}

tame_status tame_check_channel(int64_t channel, const tame_samples *shape)
{
  if (channel >= 0 && channel < shape->channels) return TAME_OK;
  if (shape->channels == 0)
    return tame_fail(TAME_ERR_INPUT, "found channel %lld, but the network has none of that kind",
                     (long long)channel);
  return tame_fail(TAME_ERR_INPUT, "found channel %lld, want 0 to %lld", (long long)channel,
                   (long long)(shape->channels - 1));
}

tame_status tame_check_channels(int64_t channel, int64_t count, const tame_samples *shape)
{
  if (count < 2 || channel + count <= shape->channels) return tame_check_channel(channel, shape);
  return tame_fail(TAME_ERR_INPUT, "found %lld, which needs channels %lld to %lld; there are %lld",
                   (long long)channel, (long long)channel, (long long)(channel + count - 1),
                   (long long)shape->channels);
}

tame_status tame_check_span(double start_ms, double duration_ms, double dt_ms,
                            const tame_samples *shape)
{
  const double end = (double)shape->steps * dt_ms;
  if (duration_ms > 0 &&
      tame_task_steps(start_ms, dt_ms) == tame_task_steps(start_ms + duration_ms, dt_ms))
    return tame_fail(TAME_ERR_INPUT, "found %g to %g ms, which is not a single step of dt_ms = %g",
                     start_ms, start_ms + duration_ms, dt_ms);
  if (start_ms >= 0 && tame_task_steps(start_ms + duration_ms, dt_ms) <= shape->steps)
    return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "found %g to %g ms, want it inside the trial, 0 to %g ms",
                   start_ms, start_ms + duration_ms, end);
}
