/* Optimizers `sgd`, `rmsprop` and `adagrad`, with PyTorch's equations. */
#include "gradient/tables.h"

#include <math.h>

/* sgd: b <- momentum b + g;  theta -= rate b, or with Nesterov's look ahead
 * theta -= rate (g + momentum b). */

typedef struct sgd_params {
  double rate, momentum, decay;
  bool nesterov;
} sgd_params;

static const tame_field sgd_fields[] = {
    {"rate", TAME_REAL, .offset = offsetof(sgd_params, rate), .fallback = "0.01", .min = 0,
     .max = 1e6, .doc = "learning rate"},
    {"momentum", TAME_REAL, .offset = offsetof(sgd_params, momentum), .fallback = "0", .min = 0,
     .max = 1, .doc = "what stays of the last direction"},
    {"nesterov", TAME_BOOL, .offset = offsetof(sgd_params, nesterov), .fallback = "off",
     .doc = "look ahead by the momentum"},
    {"decay", TAME_REAL, .offset = offsetof(sgd_params, decay), .fallback = "0", .min = 0,
     .max = 1e6, .doc = "decay theta is added to the gradient"},
    {0}};

static void sgd_keeps(const void *params, int64_t *slots, int64_t *scalars)
{
  *slots = ((const sgd_params *)params)->momentum > 0;
  *scalars = 0;
}

static void sgd_update(const void *params, const tame_update *u)
{
  const sgd_params *p = params;
  const double rate = p->rate * u->factor;
  double *b = u->kept;
  for (int64_t k = 0; k < u->count; k++) {
    double g = u->g[k] + p->decay * u->theta[k];
    if (p->momentum > 0) {
      b[k] = p->momentum * b[k] + g;
      g = p->nesterov ? g + p->momentum * b[k] : b[k];
    }
    u->theta[k] -= rate * g;
  }
}

extern const tame_optimizer_kind tame_optimizer_sgd;
const tame_optimizer_kind tame_optimizer_sgd = {
    .head = {.name = "sgd",
             .doc = "gradient descent, with momentum if wanted",
             .params = {.size = sizeof(sgd_params), .fields = sgd_fields}},
    .keeps = sgd_keeps,
    .update = sgd_update,
};

/* rmsprop: v <- alpha v + (1 - alpha) g^2;  theta -= rate g / (sqrt(v) + epsilon). */

typedef struct rmsprop_params {
  double rate, alpha, epsilon, momentum;
  bool centered;
} rmsprop_params;

static const tame_field rmsprop_fields[] = {
    {"rate", TAME_REAL, .offset = offsetof(rmsprop_params, rate), .fallback = "0.01", .min = 0,
     .max = 1e6, .doc = "learning rate"},
    {"alpha", TAME_REAL, .offset = offsetof(rmsprop_params, alpha), .fallback = "0.99", .min = 0,
     .max = 1, .doc = "of the average of squares"},
    {"epsilon", TAME_REAL, .offset = offsetof(rmsprop_params, epsilon), .fallback = "1e-8",
     .min = 0, .max = 1e6, .doc = "added to the root"},
    {"momentum", TAME_REAL, .offset = offsetof(rmsprop_params, momentum), .fallback = "0", .min = 0,
     .max = 1, .doc = "what stays of the last direction"},
    {"centered", TAME_BOOL, .offset = offsetof(rmsprop_params, centered), .fallback = "off",
     .doc = "take the variance of gradients, not the mean of their squares"},
    {0}};

static void rmsprop_keeps(const void *params, int64_t *slots, int64_t *scalars)
{
  (void)params;
  *slots = 3;
  *scalars = 0;
}

static void rmsprop_update(const void *params, const tame_update *u)
{
  const rmsprop_params *p = params;
  const double rate = p->rate * u->factor;
  double *v = u->kept, *mean = v + u->count, *b = mean + u->count;
  for (int64_t k = 0; k < u->count; k++) {
    const double g = u->g[k];
    v[k] = p->alpha * v[k] + (1 - p->alpha) * g * g;
    if (p->centered) mean[k] = p->alpha * mean[k] + (1 - p->alpha) * g;
    b[k] = p->momentum * b[k] + g / (sqrt(v[k] - mean[k] * mean[k]) + p->epsilon);
    u->theta[k] -= rate * b[k];
  }
}

extern const tame_optimizer_kind tame_optimizer_rmsprop;
const tame_optimizer_kind tame_optimizer_rmsprop = {
    .head = {.name = "rmsprop",
             .doc = "rate g / (sqrt(v) + epsilon), v the average of g^2",
             .params = {.size = sizeof(rmsprop_params), .fields = rmsprop_fields}},
    .keeps = rmsprop_keeps,
    .update = rmsprop_update,
};

/* adagrad: v <- v + g^2;  theta -= rate / (1 + (t - 1) rate_decay) g / (sqrt(v) + epsilon). */

typedef struct adagrad_params {
  double rate, rate_decay, epsilon, first;
} adagrad_params;

static const tame_field adagrad_fields[] = {
    {"rate", TAME_REAL, .offset = offsetof(adagrad_params, rate), .fallback = "0.01", .min = 0,
     .max = 1e6, .doc = "learning rate"},
    {"rate_decay", TAME_REAL, .offset = offsetof(adagrad_params, rate_decay), .fallback = "0",
     .min = 0, .max = 1e6, .doc = "rate / (1 + (t - 1) rate_decay) at update t"},
    {"epsilon", TAME_REAL, .offset = offsetof(adagrad_params, epsilon), .fallback = "1e-10",
     .min = 0, .max = 1e6, .doc = "added to the root"},
    {"first", TAME_REAL, .offset = offsetof(adagrad_params, first), .fallback = "0", .min = 0,
     .max = 1e6, .doc = "v at the start"},
    {0}};

static void adagrad_keeps(const void *params, int64_t *slots, int64_t *scalars)
{
  (void)params;
  *slots = 1;
  *scalars = 0;
}

static void adagrad_update(const void *params, const tame_update *u)
{
  const adagrad_params *p = params;
  const double rate = p->rate * u->factor / (1 + (double)(u->number - 1) * p->rate_decay);
  double *v = u->kept; /* without what it starts from */
  for (int64_t k = 0; k < u->count; k++) {
    v[k] += u->g[k] * u->g[k];
    u->theta[k] -= rate * u->g[k] / (sqrt(p->first + v[k]) + p->epsilon);
  }
}

extern const tame_optimizer_kind tame_optimizer_adagrad;
const tame_optimizer_kind tame_optimizer_adagrad = {
    .head = {.name = "adagrad",
             .doc = "rate g / (sqrt(v) + epsilon), v the sum of g^2",
             .params = {.size = sizeof(adagrad_params), .fields = adagrad_fields}},
    .keeps = adagrad_keeps,
    .update = adagrad_update,
};
