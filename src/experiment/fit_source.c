/* Samples of a phase, as batches; see fit.h. */
#include "base/memory.h"
#include "experiment/fit.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DRAWN = 1 << 25 }; /* numbers: 256 MiB of a rank */

typedef tame_fit_source source;

static int64_t id_of(const source *s, int64_t place)
{
  return s->first_id + (s->order ? s->order[s->first + place] : s->first + place);
}

static double *scratch_of(const source *s)
{
  return s->scratch + omp_get_thread_num() * (s->stride + s->shape.steps * s->outputs);
}

/* A sample's inputs; what follows them. */
typedef struct sample {
  double *x, *target, *elapsed;
} sample;

static sample sample_at(const source *s, double *x)
{
  double *const target = x + s->shape.steps * s->shape.inputs;
  return (sample){x, target, target + s->shape.target_steps * s->shape.width};
}

static void draw_into(const source *s, int64_t id, sample to)
{
  tame_data_draw(s->data, id, to.x, to.target, s->shape.has_elapsed ? to.elapsed : NULL);
}

/* The sample at a place of the batch, perhaps in this thread's scratch. */
static sample draw(const source *s, int64_t place)
{
  const int64_t id = id_of(s, place);
  if (s->drawn) return sample_at(s, s->drawn + id * s->stride);
  const sample own = sample_at(s, scratch_of(s));
  draw_into(s, id, own);
  return own;
}

/* Numbers of a sample. */
static int64_t stride_of(const tame_data_shape *s)
{
  return s->steps * (s->inputs + 1) + s->target_steps * s->width;
}

/* Are all samples drawn once? Where they are always the same and not too many: of memory_mb they take no more than an
 * eighth. */
static bool draws_all(const tame_experiment *e, int64_t phase, const tame_data *data,
                      const tame_data_shape *s)
{
  const double mb = tame_fit_at(e, phase)->memory_mb,
               all = (double)s->samples * (double)stride_of(s);
  if (data->fresh || tame_data_checksum(data) != 0 || all > MOST_DRAWN) return false;
  return !(mb > 0) || all * sizeof(double) <= mb * 1e6 / 8;
}

static tame_status draw_all(source *s)
{
  s->drawn = tame_untouched(s->shape.samples * s->stride, sizeof *s->drawn, "samples");
  if (!s->drawn) return TAME_ERR_NOMEM;
#pragma omp parallel for schedule(static)
  for (int64_t k = 0; k < s->shape.samples; k++)
    draw_into(s, k, sample_at(s, s->drawn + k * s->stride));
  return TAME_OK;
}

/* Sample b of `count`: [steps][width] into [steps][count][width]. */
static void scatter(const double *from, int64_t steps, int64_t width, int64_t b, int64_t count,
                    double *to)
{
  for (int64_t t = 0; t < steps; t++)
    memcpy(to + (t * count + b) * width, from + t * width, (size_t)width * sizeof *to);
}

static void fetch(const void *context, int64_t first, int64_t count, double *x, double *target,
                  double *elapsed)
{
  const source *s = context;
  for (int64_t b = 0; b < count; b++) {
    const sample one = draw(s, first + b);
    scatter(one.x, s->shape.steps, s->shape.inputs, b, count, x);
    scatter(one.target, s->shape.target_steps, s->shape.width, b, count, target);
    if (elapsed) scatter(one.elapsed, s->shape.steps, 1, b, count, elapsed);
  }
}

/* Count targets, and those that outputs hit. */
void tame_fit_source_see(const void *context, int64_t first, int64_t count, const double *y)
{
  const source *s = context;
  const int64_t steps = s->shape.steps, outputs = s->outputs;
  const int thread = omp_get_thread_num();
  for (int64_t b = 0; b < count; b++) {
    const sample one = draw(s, first + b);
    double *own = scratch_of(s) + s->stride; /* outputs of this sample alone */
    int64_t hits, asked;
    for (int64_t t = 0; t < steps; t++)
      memcpy(own + t * outputs, y + (t * count + b) * outputs, (size_t)outputs * sizeof *own);
    const tame_sequences_view view = {steps, 1, outputs, own, one.target};
    tame_loss_hits(s->loss, &view, &hits);
    (void)tame_loss_count(s->loss, &view, &asked); /* the loss has seen them */
    s->hits[thread] += hits;
    s->asked[thread] += asked;
  }
}

tame_status tame_fit_source_open(tame_fit_source *s, const tame_experiment *e,
                                 const tame_model *model, int64_t data, int64_t phase,
                                 bool validation, const tame_variant *loss)
{
  const int threads = omp_get_max_threads();
  const int64_t outputs = tame_model_outputs(model);
  *s = (source){.data = tame_data_at(e, data),
                .shape = tame_fit_shape(e, data),
                .first_id = tame_fit_first_id(e, data, phase, validation),
                .loss = loss,
                .outputs = outputs};
  s->stride = stride_of(&s->shape);
  s->scratch = tame_zeroed(threads * (s->stride + s->shape.steps * outputs), sizeof *s->scratch,
                           "samples");
  s->hits = tame_zeroed(threads, sizeof *s->hits, "hits");
  s->asked = tame_zeroed(threads, sizeof *s->asked, "hits");
  if (!s->scratch || !s->hits || !s->asked) return TAME_ERR_NOMEM;
  return draws_all(e, phase, s->data, &s->shape) ? draw_all(s) : TAME_OK;
}

int64_t tame_fit_source_need(const tame_experiment *e, const tame_model *model, int64_t data,
                             int64_t phase, int threads)
{
  const tame_data_shape s = tame_fit_shape(e, data);
  const int64_t scratch = threads * (stride_of(&s) + s.steps * tame_model_outputs(model));
  const bool all = draws_all(e, phase, tame_data_at(e, data), &s);
  return (scratch + (all ? s.samples * stride_of(&s) : 0)) * (int64_t)sizeof(double);
}

void tame_fit_source_close(tame_fit_source *s)
{
  free(s->scratch);
  free(s->drawn);
  free(s->hits);
  free(s->asked);
  *s = (source){0};
}

tame_batch tame_fit_source_batch(const tame_fit_source *s, int64_t samples)
{
  return (tame_batch){.samples = samples,
                      .steps = s->shape.steps,
                      .fetch = fetch,
                      .context = s,
                      .has_elapsed = s->shape.has_elapsed};
}
