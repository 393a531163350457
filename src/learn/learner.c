/* Learners of any rule; see tame/learn.h. */
#include "tame/learn.h"

#include "learn/tables.h"

#include <limits.h>
#include <math.h>

extern const tame_rule tame_rule_rls, tame_rule_ridge, tame_rule_lasso, tame_rule_elastic_net;

static const tame_row *const rules[] = {&tame_rule_rls.head, &tame_rule_ridge.head,
                                        &tame_rule_lasso.head, &tame_rule_elastic_net.head, NULL};
const tame_table tame_learners = {"learners", rules};

static const tame_rule_part *part_of(const tame_variant *rule, tame_weights weights)
{
  const tame_rule *row = (const tame_rule *)rule->row;
  return weights == TAME_WEIGHTS_RECURRENT ? row->recurrent : row->readout;
}

bool tame_learner_can(const tame_variant *rule, tame_weights weights)
{
  return part_of(rule, weights) != NULL;
}

tame_status tame_learner_check(const tame_variant *rule, tame_weights weights, int64_t updates,
                               const char **key)
{
  const tame_rule_part *part = part_of(rule, weights);
  return part->check ? part->check(rule->params, updates, key) : TAME_OK;
}

int tame_learner_ranks(const tame_variant *rule, tame_weights weights)
{
  const tame_rule_part *part = part_of(rule, weights);
  return part->ranks ? part->ranks(rule->params) : 1;
}

double tame_learner_estimate(const tame_variant *rule, const tame_network_params *network, int rank,
                             int ranks, double *saved)
{
  return part_of(rule, TAME_WEIGHTS_READOUT)->bytes(rule->params, network, rank, ranks, saved);
}

int64_t tame_learner_need(const tame_variant *rule, const tame_network *network,
                          tame_weights weights)
{
  const tame_rule_part *part = part_of(rule, weights);
  double saved;
  if (part->need) return part->need(rule->params, network);
  return (int64_t)part->bytes(rule->params, &network->p, network->rank, network->partition.size,
                              &saved);
}

int tame_learner_figures(const tame_variant *rule, tame_weights weights, int64_t outputs,
                         tame_figure figures[TAME_FIGURES])
{
  const tame_rule_part *part = part_of(rule, weights);
  return part->figures ? part->figures(rule->params, outputs, figures) : 0;
}

const double *tame_learner_figure(const tame_learner *learner, int id)
{
  return learner->part->figure(learner, id);
}

const char *tame_learner_warning(const tame_learner *learner)
{
  return learner->part->warning ? learner->part->warning(learner) : NULL;
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

void tame_learner_hold(tame_learner *learner)
{
  learner->part->hold(learner);
}

void tame_learner_update(tame_learner *learner, const double *error)
{
  learner->part->update(learner, error);
}

/* The first failure of all ranks, on all of them. Collective. */
static void share_failure(tame_learner *learner)
{
  MPI_Comm comm = learner->network->comm;
  tame_learn_failure *f = &learner->failure;
  if (learner->part->collect) learner->part->collect(learner);
  const int64_t mine = f->any ? f->step << 32 | (f->unit + 1) : INT64_MAX;
  int64_t first;
  MPI_Allreduce(&mine, &first, 1, MPI_INT64_T, MPI_MIN, comm);
  if (first == INT64_MAX) return;
  const int claim = mine == first ? learner->network->rank : INT_MAX;
  int owner;
  MPI_Allreduce(&claim, &owner, 1, MPI_INT, MPI_MIN, comm);
  MPI_Bcast(f, (int)sizeof *f, MPI_BYTE, owner, comm);
}

tame_status tame_learner_health(tame_learner *learner, tame_health *health)
{
  MPI_Comm comm = learner->network->comm;
  const tame_status status = learner->part->health(learner, health); /* the same on every rank */
  if (status != TAME_OK) return status;
  double extremes[2] = {-health->p_min, health->p_max}; /* largest of each: no rounding */
  double nan = isnan(health->p_min) || isnan(health->p_max);
  MPI_Allreduce(MPI_IN_PLACE, &nan, 1, MPI_DOUBLE, MPI_MAX, comm);
  MPI_Allreduce(MPI_IN_PLACE, extremes, 2, MPI_DOUBLE, MPI_MAX, comm);
  health->p_min = nan > 0 ? NAN : -extremes[0];
  health->p_max = nan > 0 ? NAN : extremes[1];
  share_failure(learner);
  const tame_learn_failure failure = learner->failure;
  learner->failure = (tame_learn_failure){0};
  return learner->part->verdict ? learner->part->verdict(&failure, health) : TAME_OK;
}

void tame_learner_state(tame_learner *learner, tame_state *state)
{
  const bool copy = learner->network->rank > 0;
  share_failure(learner);
  tame_learn_failure *f = &learner->failure;
  const tame_piece failure = {"learner.failure", TAME_TYPE_I64, 3, 0, 3, &f->any, copy, 0};
  const tame_piece found = {"learner.found", TAME_TYPE_F64, 1, 0, 1, &f->found, copy, 0};
  tame_state_add(state, &failure);
  tame_state_add(state, &found);
  learner->part->state(learner, state);
}

int64_t tame_learner_p(tame_learner *learner, int64_t i_local, double *P)
{
  return learner->part->p ? learner->part->p(learner, i_local, P) : 0;
}
