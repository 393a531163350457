/* Source `irregular`: a damped wave seen at random moments, those of a Poisson process, as in the toy data
 * of Rubanova, Chen & Duvenaud (2019), arXiv:1907.03907. What is seen is its sine, what is asked its cosine
 * at the same moment, which two sights tell only to those who know the time between them:
 * cos b = (cos(b - a) sin b - sin a) / sin(b - a). So it is for cells that know the time elapsed, as CfC:
 * Hasani et al. (2022), Nature Machine Intelligence 4:992-1003, doi:10.1038/s42256-022-00556-7. */
#include "task/tables.h"

#include <math.h>

enum { PHASE, GAPS }; /* streams */

typedef struct irregular_params {
  int64_t steps;
  double mean_gap, frequency, decay; /* decay NaN: none */
} irregular_params;

#define AT(member) .offset = offsetof(irregular_params, member)
static const tame_field fields[] = {
    {"steps", TAME_INT, AT(steps), .fallback = "32", .min = 2, .max = 1e8, .doc = "of a sequence"},
    {"mean_gap", TAME_REAL, AT(mean_gap), .fallback = "1", .min = 1e-9, .max = 1e9,
     .doc = "mean time from step to step; times are exponentially distributed, the first from 0"},
    {"frequency", TAME_REAL, AT(frequency), .fallback = "0.1", .min = 1e-9, .max = 1e9,
     .doc = "f, in turns per unit of time"},
    {"decay", TAME_REAL, AT(decay), .fallback = "", .min = 1e-9, .max = 1e12,
     .doc = "tau, time in which the wave falls to 1/e; default: it does not"},
    {0}};
#undef AT

static tame_status shape(const void *params, tame_data_shape *out, const char **key)
{
  const irregular_params *p = params;
  (void)key;
  *out = (tame_data_shape){
      .steps = p->steps, .inputs = 1, .target_steps = p->steps, .width = 1, .has_elapsed = true};
  return TAME_OK;
}

static void draw(const void *params, const tame_draws *draws, double *x, double *target,
                 double *elapsed)
{
  const irregular_params *p = params;
  const double turn = 2 * 3.14159265358979323846;
  const double phase = turn * tame_draws_uniform(draws, PHASE, 0);
  double time = 0;
  for (int64_t k = 0; k < p->steps; k++) {
    const double gap = -p->mean_gap * log(tame_draws_uniform(draws, GAPS, k));
    if (elapsed) elapsed[k] = gap;
    time += gap;
    const double size = isnan(p->decay) ? 1 : exp(-time / p->decay);
    x[k] = size * sin(turn * p->frequency * time + phase);
    target[k] = k == 0 ? NAN : size * cos(turn * p->frequency * time + phase);
  }
}

extern const tame_source tame_source_irregular;
const tame_source tame_source_irregular = {
    .head =
        {.name = "irregular",
         .doc = "e^(-t / tau) sin(2 pi f t + phi) at random times; target: the cosine, but for the "
                "first step",
         .params = {.size = sizeof(irregular_params), .fields = fields}},
    .shape = shape,
    .draw = draw,
};
