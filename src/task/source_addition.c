/* Source `addition`: add two numbers that were marked long before. Hochreiter & Schmidhuber (1997), Neural
 * Computation 9:1735-1780, doi:10.1162/neco.1997.9.8.1735; in the form of Arjovsky, Shah & Bengio (2016),
 * arXiv:1511.06464, with numbers in (0, 1), one marker in each half, and sequences of equal length. To say
 * 1 always has a mean squared error of 1/6. */
#include "task/tables.h"

#include <math.h>

enum { VALUES, MARKERS }; /* streams */

typedef struct addition_params {
  int64_t steps;
} addition_params;

static const tame_field fields[] = {
    {"steps", TAME_INT, .offset = offsetof(addition_params, steps), .fallback = "100", .min = 2,
     .max = 1e8, .doc = "T: one marker among the first floor(T / 2), one among the others"},
    {0}};

static tame_status shape(const void *params, tame_data_shape *out, const char **key)
{
  const addition_params *p = params;
  (void)key;
  *out = (tame_data_shape){.steps = p->steps, .inputs = 2, .target_steps = p->steps, .width = 1};
  return TAME_OK;
}

static void draw(const void *params, const tame_draws *draws, double *x, double *target,
                 double *elapsed)
{
  const addition_params *p = params;
  const int64_t half = p->steps / 2;
  const int64_t one = tame_draws_below(draws, MARKERS, 0, half);
  const int64_t other = half + tame_draws_below(draws, MARKERS, 1, p->steps - half);
  (void)elapsed;
  for (int64_t t = 0; t < p->steps; t++) {
    x[2 * t] = tame_draws_uniform(draws, VALUES, t);
    x[2 * t + 1] = t == one || t == other;
    target[t] = NAN;
  }
  target[p->steps - 1] = x[2 * one] + x[2 * other];
}

extern const tame_source tame_source_addition;
const tame_source tame_source_addition = {
    .head =
        {.name = "addition",
         .doc = "numbers in (0, 1), and a channel that marks two of them; target: at the last step "
                "their sum",
         .params = {.size = sizeof(addition_params), .fields = fields}},
    .shape = shape,
    .draw = draw,
};
