/* Rules `lasso` and `elastic_net`: readouts with few weights that are not zero. */
#include "base/memory.h"
#include "learn/batch.h"
#include "linalg/regress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct net_params {
  tame_batch_params batch;
  double l1_ratio, tolerance;
  int64_t max_sweeps;
} net_params;

static const char *const intercepts[] = {"on", "off", NULL};

#define AT(member) .offset = offsetof(net_params, member)
#define ALPHA                                                                                      \
  {                                                                                                \
    "alpha", TAME_REALS, AT(batch.alpha),                                                          \
        .fallback = "0.001", .min = 1e-12, .max = 1e300,                                           \
        .doc = "penalty, beside |y - X w|^2 / (2 n) for n "                                        \
               "updates; of several, cross-validation chooses; for 0 take ridge"                   \
  }
#define OTHERS                                                                                     \
  {"intercept",      TAME_CHOICE,           AT(batch.intercept),                                   \
   .fallback = "on", .choices = intercepts, .doc = "z = W_out r + b: b without penalty, or none"}, \
      {"tolerance",                                                                                \
       TAME_REAL,                                                                                  \
       AT(tolerance),                                                                              \
       .fallback = "1e-4",                                                                         \
       .min = 1e-15,                                                                               \
       .max = 1,                                                                                   \
       .doc = "stop where the duality gap is below tolerance |y|^2"},                              \
      {"max_sweeps",                                                                               \
       TAME_INT,                                                                                   \
       AT(max_sweeps),                                                                             \
       .fallback = "10000",                                                                        \
       .min = 1,                                                                                   \
       .max = 1e9,                                                                                 \
       .doc = "for each output and alpha; where they do not suffice, a warning"},                  \
      TAME_BATCH_FIELDS(net_params)
static const tame_field lasso_fields[] = {ALPHA, OTHERS, {0}};
static const tame_field net_fields[] = {
    ALPHA,
    {"l1_ratio", TAME_REAL, AT(l1_ratio), .fallback = "0.5", .min = 0.01, .max = 1,
     .doc = "share of |w|_1 in the penalty; the rest is |w|^2 / 2; for 0 take ridge"},
    OTHERS,
    {0}};
#undef ALPHA
#undef OTHERS
#undef AT

static void tell(tame_batch_learner *b, int64_t o, const double *w, const tame_descent *d)
{
  int64_t nonzero = 0;
  for (int64_t i = 0; i < b->n; i++) nonzero += w[i] != 0;
  b->figures[TAME_BATCH_NONZERO][o] = (double)nonzero;
  b->figures[TAME_BATCH_GAP][o] = d->gap;
  b->figures[TAME_BATCH_GAP_WANTED][o] = d->wanted;
  b->figures[TAME_BATCH_SWEEPS][o] = (double)d->sweeps;
  if (d->gap <= d->wanted || b->warning[0]) return;
  snprintf(b->warning, sizeof b->warning,
           "coordinate descent of output %lld has not converged: after %lld sweeps the duality gap "
           "is %g, want at most %g; a larger alpha, tolerance or max_sweeps may help",
           (long long)o, (long long)d->sweeps, d->gap, d->wanted);
}

/* Down the path of alphas, the first from no weights, each other from those of the one before. w: [features]. Rank
 * 0. */
static tame_status descend(tame_batch_learner *b, double l1_ratio, const tame_equations *e,
                           int64_t o, const int64_t *last, double *w, double *W)
{
  const net_params *p = (const net_params *)b->params;
  const int64_t n = e->features, steps = last ? last[o] + 1 : b->alphas;
  tame_descent d = {0};
  tame_status status = TAME_OK;
  memset(w, 0, (size_t)n * sizeof *w);
  for (int64_t k = 0; status == TAME_OK && k < steps; k++) {
    const int64_t a = b->order[k];
    status = tame_elastic_net((int64_t)e->samples, n, p->batch.alpha.at[a], l1_ratio, p->tolerance,
                              p->max_sweeps, e->H.at, e->q + o * n, e->yy[o], w, &d);
    if (status == TAME_OK) tame_batch_put(b, e, a, o, w, W);
  }
  if (status == TAME_OK && last) tell(b, o, w, &d);
  return status;
}

static tame_status fit(tame_batch_learner *b, double l1_ratio, int64_t without, const int64_t *last,
                       double *W)
{
  const tame_network *net = b->head.network;
  double *w = tame_untouched(b->n, sizeof *w, "solving the readout");
  tame_equations e;
  tame_status status = tame_batch_equations(b, -1, without, &e);
  if (status == TAME_OK && !w) status = TAME_ERR_NOMEM;
  if (status == TAME_OK && net->rank == 0) tame_spread_mirror(&e.H);
  for (int64_t o = 0; status == TAME_OK && net->rank == 0 && o < b->outputs; o++)
    status = descend(b, l1_ratio, &e, o, last, w, W);
  tame_equations_free(&e);
  free(w);
  return tame_agree(net->comm, status);
}

static tame_status fit_lasso(tame_batch_learner *b, int64_t without, const int64_t *last, double *W)
{
  return fit(b, 1, without, last, W);
}

static tame_status fit_net(tame_batch_learner *b, int64_t without, const int64_t *last, double *W)
{
  return fit(b, ((const net_params *)b->params)->l1_ratio, without, last, W);
}

static const tame_batch_rule lasso_rule = {.fit = fit_lasso, .sparse = true},
                             net_rule = {.fit = fit_net, .sparse = true};

static tame_status create_lasso(tame_learner **out, const void *params, tame_network *network)
{
  return tame_batch_create(out, params, network, &lasso_rule);
}

static tame_status create_net(tame_learner **out, const void *params, tame_network *network)
{
  return tame_batch_create(out, params, network, &net_rule);
}

static int figures(const void *params, int64_t outputs, tame_figure *out)
{
  return tame_batch_figures(params, true, outputs, out);
}

static const tame_rule_part lasso = TAME_BATCH_PART(create_lasso, figures);
static const tame_rule_part elastic = TAME_BATCH_PART(create_net, figures);

extern const tame_rule tame_rule_lasso, tame_rule_elastic_net;
const tame_rule tame_rule_lasso = {
    .head = {.name = "lasso",
             .doc =
                 "readouts only, at the end of each trial: |y - X w|^2 / (2 n) + alpha |w|_1, by "
                 "coordinate descent",
             .params = {.size = sizeof(net_params), .fields = lasso_fields}},
    .readout = &lasso,
};
const tame_rule tame_rule_elastic_net = {
    .head = {.name = "elastic_net",
             .doc = "as lasso, with alpha (l1_ratio |w|_1 + (1 - l1_ratio) |w|^2 / 2)",
             .params = {.size = sizeof(net_params), .fields = net_fields}},
    .readout = &elastic,
};
