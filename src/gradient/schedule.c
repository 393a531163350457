/* Schedules: factors of the learning rate, by the number c = 0, 1, ... of the update. */
#include "gradient/tables.h"

#include <math.h>

typedef struct schedule_params {
  double factor;
  int64_t every;
} schedule_params;

#define EVERY(text, most)                                                                          \
  {                                                                                                \
    "every", TAME_INT, .offset = offsetof(schedule_params, every), .fallback = (most), .min = 1,   \
                       .max = 1e12, .doc = (text)                                                  \
  }
#define FACTOR(default_factor, text)                                                               \
  {                                                                                                \
    "factor", TAME_REAL, .offset = offsetof(schedule_params, factor),                              \
                         .fallback = (default_factor), .min = 0, .max = 1, .doc = (text)           \
  }
static const tame_field decay_fields[] = {FACTOR("0.9", "by which the rate falls"),
                                          EVERY("updates in which it does", "1"),
                                          {0}};
static const tame_field cosine_fields[] = {FACTOR("0", "of the rate in the end"),
                                           EVERY("updates until then", "1000"),
                                           {0}};
static const tame_field warm_fields[] = {EVERY("updates until the rate is whole", "100"), {0}};

static double exponential(const void *params, double c)
{
  const schedule_params *p = params;
  return pow(p->factor, c / (double)p->every);
}

static double step(const void *params, double c)
{
  const schedule_params *p = params;
  return pow(p->factor, floor(c / (double)p->every));
}

static double cosine(const void *params, double c)
{
  const schedule_params *p = params;
  const double part = fmin(c / (double)p->every, 1);
  return p->factor + (1 - p->factor) * 0.5 * (1 + cos(3.14159265358979323846 * part));
}

static double warm_up(const void *params, double c)
{
  return fmin((c + 1) / (double)((const schedule_params *)params)->every, 1);
}

#define KIND(id, text, table)                                                                      \
  static const tame_schedule_kind kind_##id = {                                                    \
      .head = {.name = #id,                                                                        \
               .doc = (text),                                                                      \
               .params = {.size = sizeof(schedule_params), .fields = (table)}},                    \
      .factor = (id),                                                                              \
  }
KIND(exponential, "factor^(c / every)", decay_fields);
KIND(step, "factor^floor(c / every)", decay_fields);
KIND(cosine, "from 1 to factor along half a cosine, in `every` updates", cosine_fields);
KIND(warm_up, "(c + 1) / every, at most 1", warm_fields);

static const tame_row *const kinds[] = {&kind_exponential.head, &kind_step.head, &kind_cosine.head,
                                        &kind_warm_up.head, NULL};
const tame_table tame_schedules = {"schedules", kinds};

double tame_schedule_factor(const tame_list *schedules, int64_t c)
{
  const tame_variant *at = schedules->at;
  double factor = 1;
  for (int64_t k = 0; k < schedules->count; k++)
    factor *= ((const tame_schedule_kind *)at[k].row)->factor(at[k].params, (double)c);
  return factor;
}
