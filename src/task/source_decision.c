/* Source `decision`: which of two noisy channels is the stronger? Motion of random dots: Britten, Shadlen,
 * Newsome & Movshon (1992), J Neurosci 12:4745-4765, doi:10.1523/JNEUROSCI.12-12-04745.1992. Times, levels
 * and noise as in NeuroGym (Molano-Mazon et al. 2022, doi:10.31234/osf.io/aqc9n): evidence is
 * 1/2 + coherence / 200 in the channel of the choice and 1/2 - coherence / 200 in the other, plus noise. */
#include "task/tables.h"

#include <math.h>
#include <string.h>

enum { CHOICE, NOISE }; /* streams */

enum { FIXATION, EVIDENCE, CHOICES = 2, INPUTS = EVIDENCE + CHOICES };

enum { PERIOD, END };
static const char *const places[] = {"period", "end", NULL};

typedef struct decision_params {
  double dt_ms, fixation_ms, stimulus_ms, delay_ms, decision_ms, noise;
  tame_reals coherences;
  int targets;
} decision_params;

#define AT(member) .offset = offsetof(decision_params, member)
static const tame_field fields[] = {
    {"dt_ms", TAME_REAL, AT(dt_ms), .fallback = "100", .min = 1e-6, .max = 1e9, .doc = "of a step"},
    {"fixation_ms", TAME_REAL, AT(fixation_ms), .fallback = "100", .max = 1e9,
     .doc = "before the stimulus"},
    {"stimulus_ms", TAME_REAL, AT(stimulus_ms), .fallback = "2000", .max = 1e9,
     .doc = "while there is evidence, in two channels"},
    {"delay_ms", TAME_REAL, AT(delay_ms), .fallback = "0", .max = 1e9, .doc = "after it"},
    {"decision_ms", TAME_REAL, AT(decision_ms), .fallback = "100", .max = 1e9,
     .doc = "when the choice is to be told: the first channel, 1 until then, is 0"},
    {"coherences", TAME_REALS, AT(coherences), .fallback = "[0, 6.4, 12.8, 25.6, 51.2]", .max = 100,
     .doc = "in percent; each as likely, as is each choice"},
    {"noise", TAME_REAL, AT(noise), .fallback = "1", .max = 1e300,
     .doc = "sigma; noise of the evidence has SD sigma / sqrt(dt_ms)"},
    {"targets", TAME_CHOICE, AT(targets), .fallback = "period", .choices = places,
     .doc = "the choice, class 0 or 1: period: at steps of the decision; end: once a sequence"},
    {0}};
#undef AT

/* Where the parts end, in steps. */
typedef struct parts {
  int64_t fixation, stimulus, delay, decision;
} parts;

static parts parts_of(const decision_params *p)
{
  parts end;
  end.fixation = tame_task_steps(p->fixation_ms, p->dt_ms);
  end.stimulus = end.fixation + tame_task_steps(p->stimulus_ms, p->dt_ms);
  end.delay = end.stimulus + tame_task_steps(p->delay_ms, p->dt_ms);
  end.decision = end.delay + tame_task_steps(p->decision_ms, p->dt_ms);
  return end;
}

static tame_status shape(const void *params, tame_data_shape *out, const char **key)
{
  const decision_params *p = params;
  const parts end = parts_of(p);
  *key = "coherences";
  if (p->coherences.count == 0) return tame_fail(TAME_ERR_INPUT, "found none, want one at least");
  tame_status status = tame_check_part("stimulus_ms", p->stimulus_ms, p->dt_ms, key);
  if (status == TAME_OK) status = tame_check_part("decision_ms", p->decision_ms, p->dt_ms, key);
  if (status != TAME_OK) return status;
  *out = (tame_data_shape){.steps = end.decision,
                           .inputs = INPUTS,
                           .target_steps = p->targets == END ? 1 : end.decision,
                           .width = 1,
                           .classes = CHOICES};
  return TAME_OK;
}

static void draw(const void *params, const tame_draws *draws, double *x, double *target,
                 double *elapsed)
{
  const decision_params *p = params;
  const parts end = parts_of(p);
  const int64_t choice = tame_draws_below(draws, CHOICE, 0, CHOICES);
  const int64_t level = tame_draws_below(draws, CHOICE, 1, p->coherences.count);
  const double strength = p->coherences.at[level] / 200, noise = p->noise / sqrt(p->dt_ms);
  (void)elapsed;
  memset(x, 0, (size_t)(end.decision * INPUTS) * sizeof *x);
  for (int64_t t = 0; t < end.delay; t++) x[t * INPUTS + FIXATION] = 1;
  for (int64_t t = end.fixation; t < end.stimulus; t++)
    for (int64_t c = 0; c < CHOICES; c++)
      x[t * INPUTS + EVIDENCE + c] = 0.5 + (c == choice ? strength : -strength) +
                                     noise * tame_draws_normal(draws, NOISE, t * CHOICES + c);
  if (p->targets == END) target[0] = (double)choice;
  else
    for (int64_t t = 0; t < end.decision; t++) target[t] = t < end.delay ? NAN : (double)choice;
}

extern const tame_source tame_source_decision;
const tame_source tame_source_decision = {
    .head = {.name = "decision",
             .doc = "noisy evidence in two channels for some time; target: the one with more of it",
             .params = {.size = sizeof(decision_params), .fields = fields}},
    .shape = shape,
    .draw = draw,
};
