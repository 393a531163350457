/* Source `sines`: two waves, and one of twice their frequency to make of them: the first example of ncps.
 * Lechner et al. (2020), Nature Machine Intelligence 2:642-652, doi:10.1038/s42256-020-00237-3. */
#include "task/tables.h"

#include <math.h>

enum { NONE, TARGETS, BOTH };
static const char *const roundings[] = {"none", "targets", "both", NULL};

typedef struct sines_params {
  int64_t steps;
  int round;
} sines_params;

#define AT(member) .offset = offsetof(sines_params, member)
static const tame_field fields[] = {
    {"steps", TAME_INT, AT(steps), .fallback = "48", .min = 2, .max = 1e8, .doc = "N"},
    {"round", TAME_CHOICE, AT(round), .fallback = "both", .choices = roundings,
     .doc = "to single precision, as published: both inputs and targets, targets alone, or none"},
    {0}};
#undef AT

static tame_status shape(const void *params, tame_data_shape *out, const char **key)
{
  const sines_params *p = params;
  (void)key;
  *out = (tame_data_shape){
      .samples = 1, .steps = p->steps, .inputs = 2, .target_steps = p->steps, .width = 1};
  return TAME_OK;
}

/* A loop of its own: GCC 12 leaves out a conversion there and back that is made beside sin() and cos(). */
static void round_all(double *at, int64_t count)
{
  for (int64_t k = 0; k < count; k++) at[k] = (double)(float)at[k];
}

static void draw(const void *params, const tame_draws *draws, double *x, double *target,
                 double *elapsed)
{
  const sines_params *p = params;
  const double pi = 3.14159265358979323846;
  (void)draws;
  (void)elapsed;
  for (int64_t k = 0; k < p->steps; k++) {
    const double phase = (double)k / (double)(p->steps - 1);
    x[2 * k] = sin(3 * pi * phase);
    x[2 * k + 1] = cos(3 * pi * phase);
    target[k] = sin(6 * pi * phase);
  }
  if (p->round == BOTH) round_all(x, 2 * p->steps);
  if (p->round != NONE) round_all(target, p->steps);
}

extern const tame_source tame_source_sines;
const tame_source tame_source_sines = {
    .head = {.name = "sines",
             .doc = "one sequence: sin 3 pi p and cos 3 pi p give sin 6 pi p, p = k / (N - 1)",
             .params = {.size = sizeof(sines_params), .fields = fields}},
    .shape = shape,
    .draw = draw,
};
