/* The analyses of a trial, and what they take; see inside.h. */
#include "base/memory.h"
#include "experiment/inside.h"
#include "network/inside.h"

#include <stdlib.h>

struct tame_observer {
  tame_network *network; /* borrowed */
  tame_analysis_about about;
  bool noise;
  int64_t count;
  tame_analysis **analyses; /* [count] */
};

/* ---- foreseeing ------------------------------------------------------------------------------- */

tame_analysis_about tame_phase_about(const tame_experiment *e, int64_t phase, int64_t task)
{
  tame_analysis_about about = {.network = &e->network};
  tame_phase_window(e, phase, task, &about.first, &about.last);
  return about;
}

tame_analysis_plan tame_phase_foresee(const tame_experiment *e, int64_t phase, int64_t task,
                                      int ranks)
{
  const tame_analysis_about about = tame_phase_about(e, phase, task);
  tame_analysis_plan sum = {.count = 0}, one;
  for (int64_t i = 0; i < tame_phase_analyses(e, phase); i++) {
    tame_analysis_foresee(tame_phase_analysis(e, phase, i), &about, ranks, &one);
    sum.own_bytes += one.own_bytes;
    sum.fixed_bytes += one.fixed_bytes;
    sum.root_bytes += one.root_bytes;
    sum.step_cycles += one.step_cycles;
    sum.trial_cycles += one.trial_cycles;
    if (one.solvers > sum.solvers) sum.solvers = one.solvers;
  }
  return sum;
}

double tame_observer_need(const tame_experiment *e, double share, int ranks, bool root)
{
  double most = 0;
  for (int64_t p = 0; p < e->phases.count; p++)
    for (int64_t t = 0; t < e->tasks.count; t++) {
      if (!tame_phase_has_task(e, p, t)) continue;
      const tame_analysis_plan plan = tame_phase_foresee(e, p, t, ranks);
      const double need = plan.own_bytes * share * (double)e->network.neurons + plan.fixed_bytes +
                          (root ? plan.root_bytes : 0);
      if (need > most) most = need;
    }
  return most;
}

/* ---- observing -------------------------------------------------------------------------------- */

tame_status tame_observer_create(tame_observer **out, const tame_experiment *e,
                                 tame_network *network, int64_t phase, int64_t task)
{
  const int64_t count = tame_phase_analyses(e, phase);
  *out = NULL;
  if (count == 0) return TAME_OK;
  tame_observer *o = tame_zeroed(1, sizeof *o, "analyses");
  if (o) {
    o->network = network;
    o->about = tame_phase_about(e, phase, task);
    o->noise = tame_phase_at(e, phase)->noise;
    o->count = count;
    o->analyses = tame_zeroed(count, sizeof(tame_analysis *), "analyses");
  }
  *out = o;
  tame_status status = tame_agree(network->comm, o && o->analyses ? TAME_OK : TAME_ERR_NOMEM);
  for (int64_t i = 0; status == TAME_OK && i < count; i++)
    status = tame_analysis_create(&o->analyses[i], tame_phase_analysis(e, phase, i), &o->about,
                                  network);
  if (status != TAME_OK) tame_observer_free(out);
  return status;
}

void tame_observer_free(tame_observer **observer)
{
  tame_observer *o = *observer;
  if (!o) return;
  for (int64_t i = 0; o->analyses && i < o->count; i++) tame_analysis_free(&o->analyses[i]);
  free(o->analyses);
  free(o);
  *observer = NULL;
}

void tame_observer_before(tame_observer *o, int64_t t)
{
  if (!o || t != o->about.first) return;
  for (int64_t i = 0; i < o->count; i++) tame_analysis_begin(o->analyses[i]);
}

void tame_observer_after(tame_observer *o, int64_t t, const double *input)
{
  if (!o || t < o->about.first || t >= o->about.last) return;
  for (int64_t i = 0; i < o->count; i++) tame_analysis_step(o->analyses[i], input, o->noise);
}

tame_status tame_observer_end(tame_observer *o)
{
  tame_status status = TAME_OK;
  for (int64_t i = 0; o && status == TAME_OK && i < o->count; i++)
    status = tame_analysis_end(o->analyses[i]);
  return status;
}

const double *tame_observer_values(const tame_observer *o, int64_t i, int k)
{
  return tame_analysis_values(o->analyses[i], k);
}

void tame_observer_state(tame_observer *o, tame_state *state)
{
  for (int64_t i = 0; o && i < o->count; i++) tame_analysis_state(o->analyses[i], state);
}

void tame_observer_restored(tame_observer *o, int64_t t)
{
  if (!o || t <= o->about.first || t >= o->about.last) return;
  for (int64_t i = 0; i < o->count; i++) tame_analysis_restored(o->analyses[i]);
}
