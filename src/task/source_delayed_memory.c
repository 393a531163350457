/* Source `delayed_memory`: a cue to be kept in mind and given back on demand. The delayed response task,
 * Funahashi, Bruce & Goldman-Rakic (1989), J Neurophysiol 61:331-349, doi:10.1152/jn.1989.61.2.331, reduced
 * to cue, delay and response. */
#include "task/tables.h"

#include <math.h>
#include <string.h>

enum { ONE_HOT, REAL };
static const char *const cues[] = {"one_hot", "real", NULL};

enum { VALUE, CLASS };
static const char *const kinds[] = {"value", "class", NULL};

typedef struct memory_params {
  int cue, targets, elsewhere;
  int64_t channels, cue_steps, delay_steps, response_steps;
} memory_params;

#define AT(member) .offset = offsetof(memory_params, member)
static const tame_field fields[] = {
    {"cue", TAME_CHOICE, AT(cue), .fallback = "one_hot", .choices = cues,
     .doc = "one_hot: 1 in a channel drawn at random, 0 in the others; real: uniform in (-1, 1)"},
    {"channels", TAME_INT, AT(channels), .fallback = "4", .min = 1, .max = 1e6,
     .doc = "of the cue; one more tells when to respond"},
    {"cue_steps", TAME_INT, AT(cue_steps), .fallback = "5", .min = 1, .max = 1e8,
     .doc = "while the cue is shown"},
    {"delay_steps", TAME_INT, AT(delay_steps), .fallback = "50", .max = 1e8,
     .doc = "while nothing is shown"},
    {"response_steps", TAME_INT, AT(response_steps), .fallback = "5", .min = 1, .max = 1e8,
     .doc = "while the last channel is 1, and the target is the cue"},
    {"targets", TAME_CHOICE, AT(targets), .fallback = "value", .choices = kinds,
     .doc = "value: the cue, number for number; class: the channel of a one_hot cue"},
    TAME_FIELD_ELSEWHERE(memory_params, "none"),
    {0}};
#undef AT

static tame_status shape(const void *params, tame_data_shape *out, const char **key)
{
  const memory_params *p = params;
  const bool class = p->targets == CLASS;
  const int64_t steps = p->cue_steps + p->delay_steps + p->response_steps;
  *key = "targets";
  if (class && p->cue == REAL)
    return tame_fail(TAME_ERR_INPUT, "found class, but a real cue has none; want value");
  *key = "elsewhere";
  if (class && p->elsewhere == TAME_ELSEWHERE_ZERO)
    return tame_fail(TAME_ERR_INPUT, "found zero, which is a class of its own; want none");
  *key = "";
  *out = (tame_data_shape){.steps = steps,
                           .inputs = p->channels + 1,
                           .target_steps = steps,
                           .width = class ? 1 : p->channels,
                           .classes = class ? p->channels : 0};
  return TAME_OK;
}

static void draw(const void *params, const tame_draws *draws, double *x, double *target,
                 double *elapsed)
{
  const memory_params *p = params;
  const int64_t channels = p->channels, inputs = channels + 1;
  const int64_t go = p->cue_steps + p->delay_steps, steps = go + p->response_steps;
  const int64_t chosen = tame_draws_below(draws, 0, 0, channels);
  const int64_t width = p->targets == CLASS ? 1 : channels;
  (void)elapsed;
  memset(x, 0, (size_t)(steps * inputs) * sizeof *x);
  for (int64_t c = 0; c < channels; c++)
    x[c] = p->cue == REAL ? 2 * tame_draws_uniform(draws, 0, c) - 1 : (double)(c == chosen);
  for (int64_t t = 1; t < p->cue_steps; t++)
    memcpy(x + t * inputs, x, (size_t)channels * sizeof *x);
  for (int64_t k = 0; k < go * width; k++)
    target[k] = p->elsewhere == TAME_ELSEWHERE_ZERO ? 0 : NAN;
  for (int64_t t = go; t < steps; t++) {
    x[t * inputs + channels] = 1;
    if (p->targets == CLASS) target[t] = (double)chosen;
    else memcpy(target + t * channels, x, (size_t)channels * sizeof *x);
  }
}

extern const tame_source tame_source_delayed_memory;
const tame_source tame_source_delayed_memory = {
    .head = {.name = "delayed_memory",
             .doc = "a cue, a delay, and a go signal on which the cue is to be given back",
             .params = {.size = sizeof(memory_params), .fields = fields}},
    .shape = shape,
    .draw = draw,
};
