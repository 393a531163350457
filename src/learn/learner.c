/* Learners of any rule; see tame/learn.h. */
#include "tame/learn.h"

#include "learn/tables.h"

extern const tame_rule tame_rule_rls;

static const tame_row *const rules[] = {&tame_rule_rls.head, NULL};
const tame_table tame_learners = {"learners", rules};

static const tame_rule_part *part_of(const tame_variant *rule, tame_weights weights)
{
  const tame_rule *row = (const tame_rule *)rule->row;
  return weights == TAME_WEIGHTS_RECURRENT ? row->recurrent : row->readout;
}

int64_t tame_learner_need(const tame_variant *rule, const tame_network *network,
                          tame_weights weights)
{
  return part_of(rule, weights)->need(rule->params, network);
}

tame_status tame_learner_create(tame_learner **out, const tame_variant *rule, tame_network *network,
                                tame_weights weights)
{
  const tame_rule_part *part = part_of(rule, weights);
  *out = NULL;
  tame_status status = part ? part->create(out, rule->params, network)
                            : tame_fail(TAME_ERR_INPUT, "%s cannot train these weights",
                                        rule->row->name);
  if (*out) {
    (*out)->part = part;
    (*out)->network = network;
  }
  status = tame_agree(network->comm, status);
  if (status != TAME_OK) tame_learner_free(out);
  return status;
}

void tame_learner_free(tame_learner **learner)
{
  if (*learner) (*learner)->part->free(*learner);
  *learner = NULL;
}

void tame_learner_update(tame_learner *learner, const double *error)
{
  learner->part->update(learner, error);
}

tame_status tame_learner_health(tame_learner *learner, tame_health *health)
{
  MPI_Comm comm = learner->network->comm;
  const tame_status status = tame_agree(comm, learner->part->health(learner, health));
  if (status != TAME_OK) return status;
  double extremes[2] = {-health->p_min, health->p_max}; /* largest of each: no rounding */
  MPI_Allreduce(MPI_IN_PLACE, extremes, 2, MPI_DOUBLE, MPI_MAX, comm);
  health->p_min = -extremes[0];
  health->p_max = extremes[1];
  return TAME_OK;
}

int64_t tame_learner_p(tame_learner *learner, int64_t i_local, double *P)
{
  return learner->part->p(learner, i_local, P);
}
