/* Rule `ridge`: readouts by least squares with a penalty on their size. */
#include "learn/batch.h"
#include "linalg/regress.h"

typedef struct ridge_params {
  tame_batch_params batch;
  double alpha;
} ridge_params;

static const tame_field fields[] = {
    {"alpha", TAME_REAL, .offset = offsetof(ridge_params, alpha), .fallback = "1e-6", .max = 1e300,
     .doc = "penalty: |y - X w|^2 + alpha |w|^2, a sum over the updates"},
    {"intercept", TAME_BOOL, .offset = offsetof(ridge_params, batch.intercept), .fallback = "on",
     .doc = "z = W_out r + b, b without penalty"},
    {0}};

static tame_status solve(const void *params, tame_normal_equations *e)
{
  return tame_ridge_solve(e->features, e->targets, ((const ridge_params *)params)->alpha, e->H,
                          e->q, e->w);
}

static tame_status create(tame_learner **out, const void *params, tame_network *network)
{
  return tame_batch_create(out, params, network, solve);
}

static const tame_rule_part readout = TAME_BATCH_PART(create);

extern const tame_rule tame_rule_ridge;
const tame_rule tame_rule_ridge = {
    .head = {.name = "ridge",
             .doc =
                 "readouts only, at the end of each trial: W_out = Y X' (X X' + alpha I)^-1 over "
                 "all updates",
             .params = {.size = sizeof(ridge_params), .fields = fields}},
    .readout = &readout,
};
