/* Source `flip_flop`: bits that remember their last pulse. Sussillo & Barak (2013), Neural Computation
 * 25:626-649, doi:10.1162/NECO_a_00409; pulses as in Golub & Sussillo (2018), J Open Source Software 3:1003,
 * doi:10.21105/joss.01003: all bits have one at the first step, so that there is always something to hold. */
#include "task/tables.h"

enum { PULSES, SIGNS }; /* streams */

typedef struct flip_flop_params {
  int64_t bits, steps;
  double probability;
} flip_flop_params;

#define AT(member) .offset = offsetof(flip_flop_params, member)
static const tame_field fields[] = {
    {"bits", TAME_INT, AT(bits), .fallback = "3", .min = 1, .max = 1e6,
     .doc = "each with an input and a target of its own"},
    {"steps", TAME_INT, AT(steps), .fallback = "64", .min = 1, .max = 1e8, .doc = "of a sequence"},
    {"probability", TAME_REAL, AT(probability), .fallback = "0.2", .min = 0, .max = 1,
     .doc = "of a pulse in a bit and step after the first; it is 1 or -1, each as likely"},
    {0}};
#undef AT

static tame_status shape(const void *params, tame_data_shape *out, const char **key)
{
  const flip_flop_params *p = params;
  (void)key;
  *out = (tame_data_shape){
      .steps = p->steps, .inputs = p->bits, .target_steps = p->steps, .width = p->bits};
  return TAME_OK;
}

static void draw(const void *params, const tame_draws *draws, double *x, double *target,
                 double *elapsed)
{
  const flip_flop_params *p = params;
  (void)elapsed;
  for (int64_t k = 0; k < p->steps * p->bits; k++) {
    const bool pulse = k < p->bits || tame_draws_uniform(draws, PULSES, k) < p->probability;
    x[k] = 0;
    if (pulse) x[k] = tame_draws_uniform(draws, SIGNS, k) < 0.5 ? -1 : 1;
    target[k] = pulse ? x[k] : target[k - p->bits];
  }
}

extern const tame_source tame_source_flip_flop;
const tame_source tame_source_flip_flop = {
    .head = {.name = "flip_flop",
             .doc = "pulses of 1 and -1 on some channels; targets: the last pulse of each",
             .params = {.size = sizeof(flip_flop_params), .fields = fields}},
    .shape = shape,
    .draw = draw,
};
