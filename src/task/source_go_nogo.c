/* Source `go_nogo`: one stimulus asks for a response after a delay, another for none. Times and inputs as
 * in NeuroGym (Molano-Mazon et al. 2022, doi:10.31234/osf.io/aqc9n), after Zhang et al. (2019), eLife
 * 8:e43191, doi:10.7554/eLife.43191. */
#include "task/tables.h"

#include <math.h>

enum { FIXATION, NO_GO, GO, INPUTS };

enum { CLASS, VALUE };
static const char *const kinds[] = {"class", "value", NULL};

typedef struct go_params {
  double dt_ms, fixation_ms, stimulus_ms, delay_ms, response_ms, probability;
  int targets, elsewhere;
} go_params;

#define AT(member) .offset = offsetof(go_params, member)
static const tame_field fields[] = {
    {"dt_ms", TAME_REAL, AT(dt_ms), .fallback = "100", .min = 1e-6, .max = 1e9, .doc = "of a step"},
    {"fixation_ms", TAME_REAL, AT(fixation_ms), .fallback = "0", .max = 1e9,
     .doc = "before the stimulus"},
    {"stimulus_ms", TAME_REAL, AT(stimulus_ms), .fallback = "500", .max = 1e9,
     .doc = "while the stimulus is shown, a channel for no-go and one for go"},
    {"delay_ms", TAME_REAL, AT(delay_ms), .fallback = "500", .max = 1e9, .doc = "after it"},
    {"response_ms", TAME_REAL, AT(response_ms), .fallback = "500", .max = 1e9,
     .doc = "the response window: the first channel, 1 until then, is 0"},
    {"probability", TAME_REAL, AT(probability), .fallback = "0.5", .min = 0, .max = 1,
     .doc = "of go"},
    {"targets", TAME_CHOICE, AT(targets), .fallback = "class", .choices = kinds,
     .doc = "1 in the response window of go, 0 in that of no-go: as classes, or as a value"},
    TAME_FIELD_ELSEWHERE(go_params, "zero"),
    {0}};
#undef AT

/* Where the parts end, in steps. */
typedef struct parts {
  int64_t fixation, stimulus, delay, response;
} parts;

static parts parts_of(const go_params *p)
{
  parts end;
  end.fixation = tame_task_steps(p->fixation_ms, p->dt_ms);
  end.stimulus = end.fixation + tame_task_steps(p->stimulus_ms, p->dt_ms);
  end.delay = end.stimulus + tame_task_steps(p->delay_ms, p->dt_ms);
  end.response = end.delay + tame_task_steps(p->response_ms, p->dt_ms);
  return end;
}

static tame_status shape(const void *params, tame_data_shape *out, const char **key)
{
  const go_params *p = params;
  const parts end = parts_of(p);
  tame_status status = tame_check_part("stimulus_ms", p->stimulus_ms, p->dt_ms, key);
  if (status == TAME_OK) status = tame_check_part("response_ms", p->response_ms, p->dt_ms, key);
  if (status != TAME_OK) return status;
  *out = (tame_data_shape){.steps = end.response,
                           .inputs = INPUTS,
                           .target_steps = end.response,
                           .width = 1,
                           .classes = p->targets == CLASS ? 2 : 0};
  return TAME_OK;
}

static void draw(const void *params, const tame_draws *draws, double *x, double *target,
                 double *elapsed)
{
  const go_params *p = params;
  const parts end = parts_of(p);
  const bool go = tame_draws_uniform(draws, 0, 0) < p->probability;
  (void)elapsed;
  for (int64_t t = 0; t < end.response; t++) {
    const bool shown = t >= end.fixation && t < end.stimulus;
    x[t * INPUTS + FIXATION] = t < end.delay;
    x[t * INPUTS + NO_GO] = shown && !go;
    x[t * INPUTS + GO] = shown && go;
    if (t >= end.delay) target[t] = go;
    else target[t] = p->elsewhere == TAME_ELSEWHERE_ZERO ? 0 : NAN;
  }
}

extern const tame_source tame_source_go_nogo;
const tame_source tame_source_go_nogo = {
    .head = {.name = "go_nogo",
             .doc = "a stimulus, a delay, and a window in which to respond if it was go",
             .params = {.size = sizeof(go_params), .fields = fields}},
    .shape = shape,
    .draw = draw,
};
