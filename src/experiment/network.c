/* Experiments with a network that learns trial by trial: what study.c must know of them; see inside.h. */
#include "experiment/inside.h"
#include "experiment/plan.h"
#include "network/inside.h"

#include <stdlib.h>

/* The fewest ranks that hold the network; refused where all together cannot. A first look goes by W alone, as rows of
 * a wiring that is far too large cannot be drawn. */
static tame_status find_fewest(const tame_experiment *e, tame_look *look)
{
  const int most = look->given ? look->given : look->size;
  const double room = (double)tame_memory_available(look->layout->ranks_on_node);
  double need = tame_network_estimate(&e->network, most) + tame_run_recordings(e, 1.0 / most) +
                tame_observer_need(e, 1.0 / most, most, true);
  int solvers;
  tame_status status = tame_plan_solvers(e, most, &solvers);
  if (status == TAME_OK && need <= room)
    status = tame_plan_fewest(e, look->given ? look->given : solvers, most, room, &look->fewest,
                              &need);
  if (status != TAME_OK || look->fewest > 0) return status;
  return tame_run_refuse_above(look->layout, most, need, "the network, P, analyses and recordings",
                               TAME_MORE_ROOM);
}

static tame_status look_at(const tame_experiment *e, tame_look *look)
{
  tame_status status = find_fewest(e, look);
  const bool counts = status == TAME_OK && e->output.weights != TAME_KEEP_NONE;
  const int64_t synapses = counts ? tame_network_synapses(&e->network) : 0;
  if (synapses < 0) status = TAME_ERR_NOMEM;
  look->cycles = tame_plan_cycles(e);
  const double steps = tame_plan_steps(e);
  look->a_step = steps > 0 ? look->cycles / steps : 0;
  if (status == TAME_OK) tame_recorder_plan(e, synapses, look->blueprint);
  return status;
}

static tame_status put_common(const tame_experiment *study, const tame_experiment *e,
                              tame_results *results)
{
  tame_status status = TAME_OK;
  if (tame_recorder_shares(study, "tasks/")) status = tame_recorder_put_tasks(e, results, 0);
  if (status == TAME_OK && tame_recorder_shares(study, "recorded_neurons"))
    status = tame_recorder_put_recorded(e, results, 0);
  return status;
}

static void release_task(tame_task *task, tame_script *script)
{
  tame_signals_unload(&task->inputs);
  tame_signals_unload(&task->targets);
  tame_signals_unload(&task->perturbation);
  if (!script) return;
  free(script->input.at);
  free(script->perturbation.at);
  free(script->perturbed.at);
  free(script->target.at);
}

static void release(tame_experiment *e)
{
  for (int64_t k = 0; k < e->tasks.count; k++)
    release_task((tame_task *)e->tasks.at + k, e->scripts ? &e->scripts[k] : NULL);
  free(e->scripts);
  free(e->recorded.ids);
  free(e->watched.ids);
}

static int64_t first_seed(const tame_experiment *e)
{
  return e->network.seed;
}

const tame_experiment_kind tame_kind_network = {
    .schema = &tame_experiment_schema,
    .key = "network",
    .seed = "network.seed",
    .first_seed = first_seed,
    .check = tame_experiment_check_network,
    .release = release,
    .look = look_at,
    .shares = tame_recorder_shares,
    .put_common = put_common,
    .same = tame_recorder_same_tasks,
    .common = "tasks/",
    .run = tame_network_run,
};
