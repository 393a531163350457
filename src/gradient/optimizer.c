/* Optimizers: the table, and what is common to all; see tame/gradient.h. */
#include "tame/gradient.h"

#include "base/memory.h"
#include "gradient/tables.h"

#include <stdlib.h>
#include <string.h>

extern const tame_optimizer_kind tame_optimizer_sgd, tame_optimizer_adam, tame_optimizer_adamw,
    tame_optimizer_rmsprop, tame_optimizer_adagrad, tame_optimizer_lbfgs,
    tame_optimizer_hessian_free, tame_optimizer_conjugate_gradient;

static const tame_row *const kinds[] = {&tame_optimizer_sgd.head,
                                        &tame_optimizer_adam.head,
                                        &tame_optimizer_adamw.head,
                                        &tame_optimizer_rmsprop.head,
                                        &tame_optimizer_adagrad.head,
                                        &tame_optimizer_lbfgs.head,
                                        &tame_optimizer_hessian_free.head,
                                        &tame_optimizer_conjugate_gradient.head,
                                        NULL};
const tame_table tame_optimizers = {"optimizers", kinds};

struct tame_optimizer {
  const tame_optimizer_kind *kind;
  void *params; /* a copy; rules own nothing beyond it */
  int64_t count, slots, n_scalars, updates;
  double *kept, *scalars, *work;
};

static tame_status make(tame_optimizer *o, const tame_variant *rule, int64_t count)
{
  const tame_optimizer_kind *kind = o->kind = (const tame_optimizer_kind *)rule->row;
  const char *key = NULL;
  tame_status status = tame_schema_check(&rule->row->params, rule->params, &key);
  if (status != TAME_OK)
    return tame_fail(status, "%s: %s: %s", rule->row->name, key, tame_message());
  status = kind->check ? kind->check(rule->params) : TAME_OK;
  if (status != TAME_OK) return status;
  o->count = count;
  o->params = tame_untouched((int64_t)rule->row->params.size, 1, "an optimizer");
  if (!o->params) return TAME_ERR_NOMEM;
  memcpy(o->params, rule->params, rule->row->params.size);
  o->kind->keeps(o->params, &o->slots, &o->n_scalars);
  o->kept = tame_zeroed(o->slots * count, sizeof *o->kept, "what an optimizer keeps");
  o->scalars = tame_zeroed(o->n_scalars, sizeof *o->scalars, "what an optimizer keeps");
  const int64_t work = o->kind->work ? o->kind->work(o->params, count) : 0;
  if (work) o->work = tame_zeroed(work, sizeof *o->work, "what an optimizer works with");
  return o->kept && o->scalars && (o->work || !work) ? TAME_OK : TAME_ERR_NOMEM;
}

tame_status tame_optimizer_create(tame_optimizer **out, const tame_variant *rule, int64_t count)
{
  *out = tame_zeroed(1, sizeof **out, "an optimizer");
  const tame_status status = *out ? make(*out, rule, count) : TAME_ERR_NOMEM;
  if (status != TAME_OK) tame_optimizer_free(out);
  return status;
}

int64_t tame_optimizer_need(const tame_variant *rule, int64_t count)
{
  const tame_optimizer_kind *kind = (const tame_optimizer_kind *)rule->row;
  int64_t slots, scalars;
  kind->keeps(rule->params, &slots, &scalars);
  return slots * count + scalars + (kind->work ? kind->work(rule->params, count) : 0);
}

void tame_optimizer_free(tame_optimizer **optimizer)
{
  tame_optimizer *o = *optimizer;
  if (!o) return;
  free(o->params);
  free(o->kept);
  free(o->scalars);
  free(o->work);
  free(o);
  *optimizer = NULL;
}

void tame_optimizer_step(tame_optimizer *o, double factor, int64_t epoch, const double *gradient,
                         double *slab)
{
  o->updates++;
  const tame_update update = {.count = o->count,
                              .number = o->updates,
                              .epoch = epoch,
                              .factor = factor,
                              .g = gradient,
                              .theta = slab,
                              .kept = o->kept,
                              .scalars = o->scalars};
  o->kind->update(o->params, &update);
}

bool tame_optimizer_searches(const tame_variant *rule)
{
  return ((const tame_optimizer_kind *)rule->row)->search != NULL;
}

double tame_optimizer_gradients(const tame_variant *rule, int64_t batch)
{
  const tame_optimizer_kind *kind = (const tame_optimizer_kind *)rule->row;
  return kind->gradients ? kind->gradients(rule->params, batch) : 1;
}

int64_t tame_optimizer_saves(const tame_variant *rule, int64_t count)
{
  const tame_optimizer_kind *kind = (const tame_optimizer_kind *)rule->row;
  int64_t slots, scalars;
  kind->keeps(rule->params, &slots, &scalars);
  return slots * count + scalars + 1 + (kind->under_way ? kind->under_way(rule->params, count) : 0);
}

int64_t tame_optimizer_curvature(const tame_variant *rule)
{
  const tame_optimizer_kind *kind = (const tame_optimizer_kind *)rule->row;
  return kind->curvature ? kind->curvature(rule->params) : -1;
}

tame_status tame_optimizer_search(tame_optimizer *o, const tame_problem *problem, double *slab,
                                  tame_search_report *report)
{
  const tame_search search = {.problem = problem,
                              .theta = slab,
                              .kept = o->kept,
                              .scalars = o->scalars,
                              .work = o->work,
                              .report = report};
  const tame_status status = o->kind->search(o->params, &search);
  if (status == TAME_OK) o->updates++;
  return status;
}

bool tame_optimizer_is_under_way(const tame_optimizer *o)
{
  return o->kind->under_way && o->work[0] != 0;
}

void tame_optimizer_set_under_way(tame_optimizer *o)
{
  o->work[0] = 1;
}

int64_t tame_optimizer_updates(const tame_optimizer *o)
{
  return o->updates;
}

void tame_optimizer_state(tame_optimizer *o, bool copy, tame_state *state)
{
  const int64_t n = o->slots * o->count;
  const tame_piece pieces[] = {
      {"optimizer.kept", TAME_TYPE_F64, n, 0, n, o->kept, copy, 0},
      {"optimizer.scalars", TAME_TYPE_F64, o->n_scalars, 0, o->n_scalars, o->scalars, copy, 0},
      {"optimizer.updates", TAME_TYPE_I64, 1, 0, 1, &o->updates, copy, 0},
  };
  for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) tame_state_add(state, &pieces[k]);
  if (!tame_optimizer_is_under_way(o)) return;
  const int64_t work = o->kind->under_way(o->params, o->count);
  const tame_piece search = {"optimizer.search", TAME_TYPE_F64, work, 0, work, o->work, copy, 0};
  tame_state_add(state, &search);
}
