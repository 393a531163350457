/* Losses: the table, and what is common to all; see tame/gradient.h. */
#include "gradient/tables.h"

#include <math.h>

extern const tame_loss_kind tame_loss_mse, tame_loss_cross_entropy, tame_loss_poisson;

static const tame_row *const kinds[] = {&tame_loss_mse.head, &tame_loss_cross_entropy.head,
                                        &tame_loss_poisson.head, NULL};
const tame_table tame_losses = {"losses", kinds};

const char *const tame_loss_averages[] = {"targets", "samples", NULL};

static const tame_loss_kind *kind_of(const tame_variant *loss)
{
  return (const tame_loss_kind *)loss->row;
}

void tame_loss_shape(const tame_variant *loss, int64_t steps, int64_t outputs,
                     int64_t *target_steps, int64_t *width)
{
  kind_of(loss)->shape(loss->params, steps, outputs, target_steps, width);
}

int64_t tame_loss_tally(const tame_variant *loss, const tame_sequences_view *v, int64_t *counts)
{
  int64_t steps, width;
  tame_loss_shape(loss, v->steps, v->outputs, &steps, &width);
  for (int64_t b = 0; b < v->batch; b++) counts[b] = 0;
  for (int64_t k = 0; k < steps * v->batch * width; k++) {
    if (isnan(v->target[k])) continue;
    if (kind_of(loss)->may_be && !kind_of(loss)->may_be(v->outputs, v->target[k])) return k;
    counts[k / width % v->batch]++;
  }
  return -1;
}

tame_status tame_loss_count(const tame_variant *loss, const tame_sequences_view *v, int64_t *counts)
{
  int64_t steps, width;
  const int64_t bad = tame_loss_tally(loss, v, counts);
  if (bad < 0) return TAME_OK;
  tame_loss_shape(loss, v->steps, v->outputs, &steps, &width);
  return tame_fail(TAME_ERR_INPUT, "%s: found target %g at step %lld, with %lld outputs",
                   loss->row->name, v->target[bad], (long long)(bad / (v->batch * width)),
                   (long long)v->outputs);
}

double tame_loss_weight(const tame_variant *loss, int64_t own, int64_t all, int64_t samples)
{
  const tame_loss_params *p = loss->params;
  if (own == 0) return 0;
  return p->average == 0 ? 1 / (double)all : 1 / ((double)own * (double)samples);
}

void tame_loss_run(const tame_variant *loss, const tame_sequences_view *view, const double *weight,
                   double *value, double *dy)
{
  kind_of(loss)->run(loss->params, view, weight, value, dy);
}

bool tame_loss_has_classes(const tame_variant *loss)
{
  return kind_of(loss)->hits != NULL;
}

bool tame_loss_hits(const tame_variant *loss, const tame_sequences_view *view, int64_t *hits)
{
  if (!kind_of(loss)->hits) return false;
  kind_of(loss)->hits(loss->params, view, hits);
  return true;
}

void tame_loss_curve(const tame_variant *loss, const tame_sequences_view *view,
                     const double *weight, const double *ty, double *dy)
{
  kind_of(loss)->curve(loss->params, view, weight, ty, dy);
}
