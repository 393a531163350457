/* Optimizers `adam` and `adamw`. With moving averages m of g and v of g^2 and their corrections
 * c1 = 1 - beta1^t, c2 = 1 - beta2^t, one update is
 *   form torch:  theta -= rate (m / c1) / (sqrt(v / c2) + epsilon)
 *   form keras:  theta -= rate sqrt(c2) / c1 m / (sqrt(v) + epsilon)
 * t being the number of the update, of the epoch, or 1 for ever. adam adds decay theta to g, adamw
 * takes rate decay theta off theta. Kingma & Ba (2015), arXiv:1412.6980; Loshchilov & Hutter
 * (2019), arXiv:1711.05101. */
#include "gradient/tables.h"

#include <math.h>

typedef struct adam_params {
  double rate, beta1, beta2, epsilon, decay;
  int form, correction;
} adam_params;

static const char *const forms[] = {"torch", "keras", NULL};
static const char *const corrections[] = {"step", "epoch", "once", NULL};

#define AT(member) .offset = offsetof(adam_params, member)
#define ADAM_FIELDS(default_decay)                                                                 \
  {                                                                                                \
      "rate",                                                                                      \
      TAME_REAL,                                                                                   \
      AT(rate),                                                                                    \
      .fallback = "0.001",                                                                         \
      .min = 0,                                                                                    \
      .max = 1e6,                                                                                  \
      .doc = "learning rate"},                                                                     \
      {"beta1",                                                                                    \
       TAME_REAL,                                                                                  \
       AT(beta1),                                                                                  \
       .fallback = "0.9",                                                                          \
       .min = 0,                                                                                   \
       .max = 1,                                                                                   \
       .doc = "of the average of gradients"},                                                      \
      {"beta2",                                                                                    \
       TAME_REAL,                                                                                  \
       AT(beta2),                                                                                  \
       .fallback = "0.999",                                                                        \
       .min = 0,                                                                                   \
       .max = 1,                                                                                   \
       .doc = "of the average of their squares"},                                                  \
      {"epsilon",                                                                                  \
       TAME_REAL,                                                                                  \
       AT(epsilon),                                                                                \
       .fallback = "1e-8",                                                                         \
       .min = 0,                                                                                   \
       .max = 1e6,                                                                                 \
       .doc = "added to the root"},                                                                \
      {"decay",  TAME_REAL,  AT(decay),          .fallback = (default_decay),                      \
       .min = 0, .max = 1e6, .doc = "of weights"},                                                 \
      {"form",           TAME_CHOICE,                                                              \
       AT(form),         .fallback = "torch",                                                      \
       .choices = forms, .doc = "epsilon beside the corrected root, or beside the root itself"},   \
      {"correction",                                                                               \
       TAME_CHOICE,                                                                                \
       AT(correction),                                                                             \
       .fallback = "step",                                                                         \
       .choices = corrections,                                                                     \
       .doc =                                                                                      \
           "what counts for the corrections: updates; epochs, or one for ever, as BrainPy 2.4"},   \
  {                                                                                                \
    0                                                                                              \
  }

static const tame_field adam_fields[] = {ADAM_FIELDS("0")};
static const tame_field adamw_fields[] = {ADAM_FIELDS("0.01")};

static void keeps(const void *params, int64_t *slots, int64_t *scalars)
{
  (void)params;
  *slots = 2;
  *scalars = 0;
}

static void update(const adam_params *p, const tame_update *u, bool decoupled)
{
  const double age = p->correction == 0   ? (double)u->number
                     : p->correction == 1 ? (double)u->epoch + 1
                                          : 1;
  const double rate = p->rate * u->factor, c1 = 1 - pow(p->beta1, age),
               root_c2 = sqrt(1 - pow(p->beta2, age));
  const double step = p->form == 0 ? rate / c1 : rate * root_c2 / c1;
  const double below = p->form == 0 ? root_c2 : 1; /* of the root */
  double *m = u->kept, *v = u->kept + u->count;
  for (int64_t k = 0; k < u->count; k++) {
    const double g = decoupled ? u->g[k] : u->g[k] + p->decay * u->theta[k];
    if (decoupled) u->theta[k] *= 1 - rate * p->decay;
    m[k] = p->beta1 * m[k] + (1 - p->beta1) * g;
    v[k] = p->beta2 * v[k] + (1 - p->beta2) * g * g;
    u->theta[k] -= step * m[k] / (sqrt(v[k]) / below + p->epsilon);
  }
}

static void update_adam(const void *params, const tame_update *u)
{
  update(params, u, false);
}

static void update_adamw(const void *params, const tame_update *u)
{
  update(params, u, true);
}

extern const tame_optimizer_kind tame_optimizer_adam, tame_optimizer_adamw;
const tame_optimizer_kind tame_optimizer_adam = {
    .head = {.name = "adam",
             .doc = "rate m / (sqrt(v) + epsilon), m and v averages of g and g^2, corrected",
             .params = {.size = sizeof(adam_params), .fields = adam_fields}},
    .keeps = keeps,
    .update = update_adam,
};
const tame_optimizer_kind tame_optimizer_adamw = {
    .head = {.name = "adamw",
             .doc = "adam, with the decay of weights apart from the gradient",
             .params = {.size = sizeof(adam_params), .fields = adamw_fields}},
    .keeps = keeps,
    .update = update_adamw,
};
