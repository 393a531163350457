/* Rules `lasso` and `elastic_net`: readouts with few weights that are not zero. */
#include "learn/batch.h"
#include "linalg/regress.h"

typedef struct net_params {
  tame_batch_params batch;
  double alpha, l1_ratio, tolerance;
  int64_t max_sweeps;
} net_params;

#define AT(member) .offset = offsetof(net_params, member)
#define ALPHA                                                                                      \
  {                                                                                                \
    "alpha", TAME_REAL, AT(alpha), .fallback = "0.001", .max = 1e300,                              \
                                   .doc = "penalty, beside |y - X w|^2 / (2 n) for n updates"      \
  }
#define OTHERS                                                                                     \
  {"intercept", TAME_BOOL, AT(batch.intercept), .fallback = "on",                                  \
   .doc = "z = W_out r + b, b without penalty"},                                                   \
      {"tolerance",                                                                                \
       TAME_REAL,                                                                                  \
       AT(tolerance),                                                                              \
       .fallback = "1e-4",                                                                         \
       .min = 1e-15,                                                                               \
       .max = 1,                                                                                   \
       .doc = "stop where the duality gap is below tolerance |y|^2"},                              \
  {                                                                                                \
    "max_sweeps", TAME_INT, AT(max_sweeps), .fallback = "10000", .min = 1, .max = 1e9,             \
                                            .doc = "over all weights"                              \
  }
static const tame_field lasso_fields[] = {ALPHA, OTHERS, {0}};
static const tame_field net_fields[] = {
    ALPHA,
    {"l1_ratio", TAME_REAL, AT(l1_ratio), .fallback = "0.5", .max = 1,
     .doc = "share of |w|_1 in the penalty; the rest is |w|^2 / 2"},
    OTHERS,
    {0}};
#undef ALPHA
#undef OTHERS
#undef AT

static tame_status solve(const net_params *p, double l1_ratio, tame_normal_equations *e)
{
  tame_status status = TAME_OK;
  tame_descent descent;
  for (int64_t o = 0; status == TAME_OK && o < e->targets; o++)
    status = tame_elastic_net(e->samples, e->features, p->alpha, l1_ratio, p->tolerance,
                              p->max_sweeps, e->H, e->q + o * e->features, e->yy[o],
                              e->w + o * e->features, &descent);
  return status;
}

static tame_status solve_lasso(const void *params, tame_normal_equations *e)
{
  return solve(params, 1, e);
}

static tame_status solve_net(const void *params, tame_normal_equations *e)
{
  return solve(params, ((const net_params *)params)->l1_ratio, e);
}

static tame_status create_lasso(tame_learner **out, const void *params, tame_network *network)
{
  return tame_batch_create(out, params, network, solve_lasso);
}

static tame_status create_net(tame_learner **out, const void *params, tame_network *network)
{
  return tame_batch_create(out, params, network, solve_net);
}

static const tame_rule_part lasso = TAME_BATCH_PART(create_lasso);
static const tame_rule_part elastic = TAME_BATCH_PART(create_net);

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
