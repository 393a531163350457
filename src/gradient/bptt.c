/* Backpropagation through time over ranks; see tame/gradient.h. Each micro-batch is one thread's
 * work from its first step to its gradient; gradients are added along the canonical tree over
 * micro-batches, losses along that over samples. A model's runs go through the whole sequence one
 * after the other, and back in the other order; u is a run's own step, t that of the sequence. */
#include "tame/gradient.h"

#include "base/memory.h"
#include "gradient/tables.h"
#include "linalg/regress.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) .offset = offsetof(tame_bptt_params, member)
static const tame_field fields[] = {
    {"loss", TAME_VARIANT, AT(loss), .fallback = "mse", .table = &tame_losses,
     .doc = "what outputs should be near to"},
    {"penalties", TAME_GROUP, AT(penalties), .group = &tame_penalties_schema,
     .doc = "on weights and rates"},
    {"micro_batch", TAME_INT, AT(micro_batch), .fallback = "16", .min = 1, .max = 1 << 20,
     .doc = "samples that are worked on together; ranks and threads share out micro-batches"},
    {"truncate", TAME_INT, AT(truncate), .fallback = "0", .min = 0, .max = 1e12,
     .doc = "gradients do not pass back over steps that are multiples of it; 0: they do"},
    {"segment", TAME_INT, AT(segment), .fallback = "0", .min = 0, .max = 1e12,
     .doc = "steps kept at a time, to save memory: the others are made again; 0: all are kept"},
    {0}};
const tame_schema tame_bptt_schema = {sizeof(tame_bptt_params), fields};

/* Loss and penalty of a sample. */
typedef struct sample_loss {
  double data, rates;
} sample_loss;

/* What one thread works in. */
typedef struct lane {
  double *block;                         /* all that follows, but counts */
  double *x, *target, *elapsed, *y, *dy; /* [steps][batch][.] */
  double *at_segments; /* states where segments begin, [segments][batch * state] */
  double *states;      /* of a segment, [segment + 1][batch * state] */
  double *tapes;       /* of a segment; as the two above, of one run after the other */
  double *between, *dbetween, *tbetween; /* signals between runs, their gradients and tangents */
  double *half, *dx;           /* of a step: outputs of a half; dL/dx before it is added */
  double *dstate;              /* [2][batch * state] */
  double *tstate, *ty, *no_tx; /* tangents of states, [2][.], and of outputs; zeros for inputs */
  double *thidden; /* and of the outputs of layers within runs, [steps][batch * .], run by run */
  double *work, *gradient, *weight, *data, *rates;
  int64_t *counts;
} lane;

struct tame_bptt {
  MPI_Comm comm;
  int rank, size;
  const tame_model *model;
  tame_bptt_params p;
  int64_t samples, steps;                      /* at most */
  int64_t inputs, outputs, state, tape, count; /* of the model */
  const tame_model_run *runs;                  /* [n_runs] */
  int n_runs;
  int64_t between, widest;     /* signals between runs; the widest */
  int64_t target_steps, width; /* of targets */
  int64_t segment, segments;   /* steps in one, and how many */
  lane *lanes;
  int n_lanes;
  int64_t set_up_for;        /* samples, 0 at first: what follows is for so many */
  tame_partition micro, own; /* micro-batches and samples, over ranks */
  tame_vector_sum *sum;
  sample_loss *own_losses, *losses; /* of own samples, of all; [samples] */
  double *column;                   /* [samples] */
  double *turned;                   /* weights of the slab transposed, [count] */
};

/* ---- making ---------------------------------------------------------------------------------- */

static int64_t times(int64_t steps, int64_t batch, int64_t numbers)
{
  return steps * batch * numbers;
}

/* Outputs of all layers but the last of each run, of the runs before this one. */
static int64_t hidden_before(const tame_bptt *b, int run)
{
  int64_t sum = 0;
  for (int k = 0; k < run; k++)
    for (int l = 0; l + 1 < tame_model_layers(b->runs[k].model); l++)
      sum += tame_model_layer_width(b->runs[k].model, l);
  return sum;
}

/* Numbers of a lane's block; the lane's pointers are set unless it is NULL. */
static int64_t lay_out(const tame_bptt *b, lane *l)
{
  const int64_t m = b->p.micro_batch, T = b->steps;
  struct {
    double **at;
    int64_t numbers;
  } parts[] = {
      {l ? &l->x : NULL, times(T, m, b->inputs)},
      {l ? &l->target : NULL, times(b->target_steps, m, b->width)},
      {l ? &l->elapsed : NULL, times(T, m, 1)},
      {l ? &l->y : NULL, times(T, m, b->outputs)},
      {l ? &l->dy : NULL, times(T, m, b->outputs)},
      {l ? &l->at_segments : NULL, times(b->segments, m, b->state)},
      {l ? &l->states : NULL, times(b->segment + 1, m, b->state)},
      {l ? &l->tapes : NULL, times(b->segment, m, b->tape)},
      {l ? &l->dstate : NULL, times(2, m, b->state)},
      {l ? &l->tstate : NULL, times(2, m, b->state)},
      {l ? &l->ty : NULL, times(T, m, b->outputs)},
      {l ? &l->no_tx : NULL, times(1, m, b->inputs)},
      {l ? &l->between : NULL, times(T, m, b->between)},
      {l ? &l->dbetween : NULL, times(T, m, b->between)},
      {l ? &l->tbetween : NULL, times(T, m, b->between)},
      {l ? &l->thidden : NULL, b->p.damped ? times(T, m, hidden_before(b, b->n_runs)) : 0},
      {l ? &l->half : NULL, times(1, m, b->widest)},
      {l ? &l->dx : NULL, times(1, m, b->widest)},
      {l ? &l->work : NULL, tame_model_work_size(b->model, m)},
      {l ? &l->gradient : NULL, b->count},
      {l ? &l->weight : NULL, m},
      {l ? &l->data : NULL, m},
      {l ? &l->rates : NULL, m},
  };
  int64_t total = 0;
  for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
    if (l) *parts[k].at = l->block + total;
    total += (parts[k].numbers + 7) / 8 * 8; /* each begins a cache line */
  }
  return total;
}

static tame_status check(const tame_bptt *b)
{
  const char *key = NULL;
  tame_status status = tame_schema_check(&tame_bptt_schema, &b->p, &key);
  if (status == TAME_OK) status = tame_schema_check(&tame_penalties_schema, &b->p.penalties, &key);
  if (status != TAME_OK) return tame_fail(status, "%s: %s", key, tame_message());
  if (!b->p.loss.row) return tame_fail(TAME_ERR_INPUT, "loss: found none, want one");
  if (b->samples < 1 || b->steps < 1)
    return tame_fail(TAME_ERR_INPUT, "found batches of %lld samples and %lld steps, want 1 or more",
                     (long long)b->samples, (long long)b->steps);
  if (b->n_runs > 1 && b->p.truncate > 0)
    return tame_fail(TAME_ERR_INPUT,
                     "truncate: found %lld with a bidirectional layer, want 0: there each step "
                     "hears of all others",
                     (long long)b->p.truncate);
  if ((b->p.penalties.rates_l1 > 0 || b->p.penalties.rates_l2 > 0) && b->between == 0 &&
      tame_model_layers(b->runs[b->n_runs - 1].model) < 2)
    return tame_fail(TAME_ERR_INPUT,
                     "penalties: found one on rates with a model of one layer, want "
                     "two or more: it is on all but the last");
  if (b->count > INT32_MAX)
    return tame_fail(TAME_ERR_INPUT, "found %lld parameters, want less than 2^31",
                     (long long)b->count);
  return TAME_OK;
}

/* Rows of losses own nothing beyond their parameters. */
static tame_status copy_loss(tame_bptt *b, const tame_variant *loss)
{
  const size_t size = loss->row->params.size;
  b->p.loss.params = tame_untouched((int64_t)size, 1, "a loss");
  if (!b->p.loss.params) return TAME_ERR_NOMEM;
  memcpy(b->p.loss.params, loss->params, size);
  return TAME_OK;
}

/* Micro-batches in so many samples; threads that are of use on the rank that has most. */
static int64_t micro_batches(const tame_bptt *b, int64_t samples)
{
  return (samples + b->p.micro_batch - 1) / b->p.micro_batch;
}

static int lanes_for(const tame_bptt *b, int threads)
{
  const int64_t most = (micro_batches(b, b->samples) + b->size - 1) / b->size;
  return most < threads ? (int)most : threads;
}

static tame_status make_lanes(tame_bptt *b)
{
  const int64_t numbers = lay_out(b, NULL), m = b->p.micro_batch;
  b->n_lanes = lanes_for(b, omp_get_max_threads());
  b->lanes = tame_zeroed(b->n_lanes, sizeof *b->lanes, "micro-batches");
  if (!b->lanes) return TAME_ERR_NOMEM;
  for (int k = 0; k < b->n_lanes; k++) {
    lane *l = &b->lanes[k];
    l->block = tame_zeroed(numbers, sizeof *l->block, "the states of a micro-batch");
    l->counts = tame_zeroed(m, sizeof *l->counts, "the targets of a micro-batch");
    if (!l->block || !l->counts) return TAME_ERR_NOMEM;
    lay_out(b, l);
  }
  b->own_losses = tame_zeroed(b->samples, sizeof *b->own_losses, "losses");
  b->losses = tame_zeroed(b->samples, sizeof *b->losses, "losses");
  b->column = tame_zeroed(b->samples, sizeof *b->column, "losses");
  b->turned = tame_zeroed(b->count, sizeof *b->turned, "weights transposed");
  return b->own_losses && b->losses && b->column && b->turned ? TAME_OK : TAME_ERR_NOMEM;
}

/* All sizes. params are borrowed. */
static tame_status measure(tame_bptt *b, const tame_model *model, const tame_bptt_params *params,
                           int64_t samples, int64_t steps)
{
  b->model = model;
  b->p = *params;
  b->samples = samples;
  b->steps = steps;
  b->inputs = tame_model_inputs(model);
  b->outputs = tame_model_outputs(model);
  b->state = tame_model_state_size(model);
  b->tape = tame_model_tape_size(model);
  b->count = tame_model_count(model);
  b->n_runs = tame_model_runs(model, &b->runs);
  b->between = tame_model_between(model);
  for (int r = 0; b->n_runs > 1 && r < b->n_runs; r++)
    if (b->runs[r].width > b->widest) b->widest = b->runs[r].width;
  const tame_status status = check(b);
  if (status != TAME_OK) return status;
  tame_loss_shape(&b->p.loss, b->steps, b->outputs, &b->target_steps, &b->width);
  b->segment = b->p.segment > 0 && b->p.segment < b->steps ? b->p.segment : b->steps;
  b->segments = (b->steps + b->segment - 1) / b->segment;
  return TAME_OK;
}

tame_status tame_bptt_create(tame_bptt **out, MPI_Comm comm, const tame_model *model,
                             const tame_bptt_params *params, int64_t samples, int64_t steps)
{
  tame_bptt *b = *out = tame_zeroed(1, sizeof *b, "backpropagation");
  tame_status status = TAME_ERR_NOMEM;
  tame_blas_alone();
  if (b) {
    b->comm = comm;
    MPI_Comm_rank(comm, &b->rank);
    MPI_Comm_size(comm, &b->size);
    status = measure(b, model, params, samples, steps);
    b->p.loss.params = NULL; /* until it is a copy */
    if (status == TAME_OK) status = copy_loss(b, &params->loss);
    if (status == TAME_OK) status = make_lanes(b);
  }
  status = tame_agree(comm, status);
  if (status != TAME_OK) tame_bptt_free(out);
  return status;
}

tame_status tame_bptt_need(const tame_model *model, const tame_bptt_params *params, int64_t samples,
                           int64_t steps, int ranks, int threads, int64_t *bytes)
{
  tame_bptt b = {.size = ranks};
  tame_partition micro;
  tame_status status = measure(&b, model, params, samples, steps);
  if (status == TAME_OK) status = tame_partition_even(&micro, ranks, micro_batches(&b, samples));
  if (status != TAME_OK) return status;
  *bytes = b.count * (int64_t)sizeof(double) +
           lanes_for(&b, threads) * (lay_out(&b, NULL) + b.p.micro_batch) *
               (int64_t)sizeof(double) +
           samples * (int64_t)(2 * sizeof(sample_loss) + sizeof(double)) +
           tame_vector_sum_need(&micro, b.count);
  tame_partition_free(&micro);
  return TAME_OK;
}

static void drop_plan(tame_bptt *b)
{
  tame_vector_sum_free(&b->sum);
  tame_partition_free(&b->micro);
  tame_partition_free(&b->own);
  b->set_up_for = 0;
}

void tame_bptt_free(tame_bptt **bptt)
{
  tame_bptt *b = *bptt;
  if (!b) return;
  drop_plan(b);
  for (int k = 0; b->lanes && k < b->n_lanes; k++) {
    free(b->lanes[k].block);
    free(b->lanes[k].counts);
  }
  free(b->lanes);
  free(b->own_losses);
  free(b->losses);
  free(b->column);
  free(b->turned);
  free(b->p.loss.params);
  free(b);
  *bptt = NULL;
}

/* Who works on which samples, for batches of this size. Collective. */
static tame_status plan(tame_bptt *b, int64_t samples)
{
  if (b->set_up_for == samples) return TAME_OK;
  drop_plan(b);
  tame_status status = tame_partition_even(&b->micro, b->size, micro_batches(b, samples));
  if (status == TAME_OK) status = tame_partition_even(&b->own, b->size, samples);
  status = tame_agree(b->comm, status);
  if (status != TAME_OK) return status;
  for (int k = 0; k <= b->size; k++) { /* samples go with their micro-batches */
    const int64_t first = b->micro.first[k] * b->p.micro_batch;
    b->own.first[k] = first < samples ? first : samples;
  }
  for (int k = 0; k < b->size; k++) {
    b->own.places[k] = (int)b->own.first[k];
    b->own.counts[k] = (int)(b->own.first[k + 1] - b->own.first[k]);
  }
  status = tame_vector_sum_create(&b->sum, b->comm, &b->micro, b->count);
  if (status == TAME_OK) b->set_up_for = samples;
  return status;
}

/* ---- one micro-batch ------------------------------------------------------------------------- */

/* A micro-batch while it is worked on. */
typedef struct job {
  const tame_bptt *b;
  const tame_batch *batch;
  const double *slab;
  lane *l;
  int64_t first, count;      /* samples */
  const double *v;           /* a direction of the slab: a product is wanted; NULL: the gradient */
  double damping;            /* of the squares of tangents of hidden outputs, in a product */
  bool resumed;              /* the state at step 0 is no parameter */
  const tame_model_run *run; /* that is worked on */
} job;

static job job_of(const tame_bptt *b, const tame_batch *batch, const double *slab, lane *l,
                  int64_t micro)
{
  const int64_t m = b->p.micro_batch, first = micro * m, left = batch->samples - first;
  return (job){b, batch, slab, l, first, left < m ? left : m, NULL, 0, false, b->runs};
}

static void fetch(const job *j)
{
  lane *l = j->l;
  j->batch->fetch(j->batch->context, j->first, j->count, l->x, l->target,
                  j->batch->has_elapsed ? l->elapsed : NULL);
}

static tame_sequences_view view_of(const job *j)
{
  return (tame_sequences_view){j->batch->steps, j->count, j->b->outputs, j->l->y, j->l->target};
}

/* Step t of a signal between runs. */
static double *between_at(const job *j, int64_t place, double *between, int64_t width, int64_t t)
{
  return between + times(j->b->steps, j->b->p.micro_batch, place) + times(t, j->count, width);
}

/* The same, or of the signal at the ends, if place is -1. */
static double *signal_at(const job *j, int64_t place, double *between, double *end, int64_t width,
                         int64_t t)
{
  return place < 0 ? end + times(t, j->count, width) : between_at(j, place, between, width, t);
}

static int64_t time_of(const job *j, int64_t u)
{
  return tame_run_time(j->run, j->batch->steps, u);
}

/* States of the run where segments begin. */
static double *at_segment(const job *j, int64_t segment)
{
  const tame_bptt *b = j->b;
  return j->l->at_segments + times(b->segments, b->p.micro_batch, j->run->state) +
         times(segment, j->count, tame_model_state_size(j->run->model));
}

/* The run's step u, which is number u % segment of what is kept. */
static tame_step step_at(const job *j, int64_t u)
{
  const tame_bptt *b = j->b;
  const lane *l = j->l;
  const tame_model_run *r = j->run;
  const int64_t n = j->count, m = b->p.micro_batch, k = u % b->segment, t = time_of(j, u),
                state = tame_model_state_size(r->model), tape = tame_model_tape_size(r->model);
  double *states = l->states + times(b->segment + 1, m, r->state),
         *own = l->tapes + times(b->segment, m, r->tape) + times(k, n, tape);
  return (tame_step){.batch = n,
                     .elapsed = j->batch->has_elapsed
                                    ? l->elapsed + tame_run_elapsed(r, j->batch->steps, u) * n
                                    : NULL,
                     .slab = j->slab + r->slab,
                     .turned = b->turned + r->slab,
                     .x = signal_at(j, r->x, l->between, l->x, tame_model_inputs(r->model), t),
                     .state = states + times(k, n, state),
                     .next = states + times(k + 1, n, state),
                     .y = r->half ? own + times(1, n, tape - tame_model_outputs(r->model))
                                  : signal_at(j, r->y, l->between, l->y, r->width, t),
                     .tape = own,
                     .work = l->work};
}

static int64_t segments_of(const job *j)
{
  return (j->batch->steps + j->b->segment - 1) / j->b->segment;
}

static int64_t end_of_segment(const job *j, int64_t segment)
{
  const int64_t end = (segment + 1) * j->b->segment;
  return end < j->batch->steps ? end : j->batch->steps;
}

/* Numbers of the run's state of all samples. */
static int64_t whole_state(const job *j)
{
  return j->count * tame_model_state_size(j->run->model);
}

/* Of a penalty on rates, for each step of each sample. */
static double share_of(const job *j)
{
  return 1 / ((double)j->batch->samples * (double)j->batch->steps);
}

/* Tangents of hidden outputs after the run's step u; NULL: they are not kept. */
static double *hidden_at(const job *j, int64_t u)
{
  const tame_bptt *b = j->b;
  const int run = (int)(j->run - b->runs);
  const int64_t before = hidden_before(b, run), own = hidden_before(b, run + 1) - before;
  if (!b->p.damped || !j->v) return NULL;
  return j->l->thidden + times(b->steps, b->p.micro_batch, before) + times(u, j->count, own);
}

/* Along v through a step that was made. */
static void follow(const job *j, int64_t u, const tame_step *s)
{
  lane *l = j->l;
  const tame_model_run *r = j->run;
  const int64_t whole = whole_state(j), t = time_of(j, u);
  double *const ty = signal_at(j, r->y, l->tbetween, l->ty, r->width, t);
  const tame_tangent along = {
      .slab = j->v + r->slab,
      .x = r->x < 0 ? l->no_tx : between_at(j, r->x, l->tbetween, tame_model_inputs(r->model), t),
      .state = l->tstate + u % 2 * whole,
      .next = l->tstate + (u + 1) % 2 * whole,
      .y = r->half ? l->half : ty,
      .hidden = hidden_at(j, u)};
  tame_model_step_jvp(r->model, s, &along);
  if (r->half) tame_run_join(r, j->count, l->half, ty);
}

/* All steps of a segment, from the state where it begins. */
static void run_segment(const job *j, int64_t segment, bool first_time)
{
  const tame_bptt *b = j->b;
  const tame_penalties *p = &b->p.penalties;
  const tame_model_run *r = j->run;
  lane *l = j->l;
  const int64_t end = end_of_segment(j, segment);
  const size_t bytes = (size_t)whole_state(j) * sizeof *l->states;
  const bool penalized = first_time && (p->rates_l1 != 0 || p->rates_l2 != 0);
  memcpy(l->states + times(b->segment + 1, b->p.micro_batch, r->state), at_segment(j, segment),
         bytes);
  for (int64_t u = segment * b->segment; u < end; u++) {
    const tame_step s = step_at(j, u);
    tame_model_step(r->model, &s);
    if (r->half)
      tame_run_join(r, j->count, s.y,
                    signal_at(j, r->y, l->between, l->y, r->width, time_of(j, u)));
    if (first_time && j->v) follow(j, u, &s);
    if (penalized)
      tame_model_rates(r->model, &s, p->rates_l1 * share_of(j), p->rates_l2 * share_of(j),
                       l->rates);
    if (first_time && u + 1 == end && end < j->batch->steps)
      memcpy(at_segment(j, segment + 1), s.next, bytes);
  }
}

/* A run from its first step to its last. */
static void run_forwards(job *j)
{
  const tame_batch *batch = j->batch;
  const tame_model_run *r = j->run;
  lane *l = j->l;
  tame_model_start(r->model, j->slab + r->slab, j->count, at_segment(j, 0));
  j->resumed = batch->resume && batch->resume(batch->context, j->first, j->count, at_segment(j, 0));
  if (j->v && j->resumed) memset(l->tstate, 0, (size_t)whole_state(j) * sizeof *l->tstate);
  else if (j->v) tame_model_start_jvp(r->model, j->v + r->slab, j->count, l->tstate);
  for (int64_t s = 0; s < segments_of(j); s++) run_segment(j, s, true);
  if (batch->leave)
    batch->leave(batch->context, j->first, j->count, step_at(j, batch->steps - 1).next);
}

/* The penalty on rates of the signal between runs that the run fills. */
static void rate_signal(const job *j)
{
  const tame_penalties *p = &j->b->p.penalties;
  const tame_model_run *r = j->run;
  lane *l = j->l;
  if (r->y < 0 || r->column > 0 || (p->rates_l1 == 0 && p->rates_l2 == 0)) return;
  for (int64_t t = 0; t < j->batch->steps; t++)
    tame_rates_run(j->count, r->width, between_at(j, r->y, l->between, r->width, t),
                   p->rates_l1 * share_of(j), p->rates_l2 * share_of(j), l->rates);
}

static void forwards(job *j)
{
  const tame_bptt *b = j->b;
  memset(j->l->rates, 0, (size_t)j->count * sizeof *j->l->rates);
  for (j->run = b->runs; j->run < b->runs + b->n_runs; j->run++) run_forwards(j);
  for (j->run = b->runs; j->run < b->runs + b->n_runs; j->run++) rate_signal(j);
}

/* dL/dx, if it is wanted, to the signal that the run hears. */
static void add_dx(const job *j, int64_t t)
{
  const tame_model_run *r = j->run;
  const int64_t inputs = tame_model_inputs(r->model);
  if (r->x < 0) return;
  double *const dsignal = between_at(j, r->x, j->l->dbetween, inputs, t);
  for (int64_t i = 0; i < j->count * inputs; i++) dsignal[i] += j->l->dx[i];
}

/* The run's step u, from dL/dy of its signal and dL/d next to the lane's gradient, dL/d state and
 * dL/dx. */
static void step_backwards(const job *j, int64_t u, const double *next, double *state)
{
  const tame_penalties *p = &j->b->p.penalties;
  const tame_model_run *r = j->run;
  lane *l = j->l;
  const int64_t t = time_of(j, u);
  const tame_step s = step_at(j, u);
  const double *dy = signal_at(j, r->y, l->dbetween, l->dy, r->width, t);
  if (r->half) tame_run_part(r, j->count, dy, l->half);
  const tame_adjoint a = {.next = next,
                          .y = r->half ? l->half : dy,
                          .state = state,
                          .x = r->x < 0 ? NULL : l->dx,
                          .slab = l->gradient + r->slab,
                          .rates_l1 = j->v ? 0 : p->rates_l1 * share_of(j),
                          .rates_l2 = j->v ? 0 : p->rates_l2 * share_of(j),
                          .hidden = hidden_at(j, u),
                          .hidden_times = j->damping};
  tame_model_step_vjp(r->model, &s, &a);
  add_dx(j, t);
}

/* A run from its last step to its first. */
static void run_backwards(const job *j)
{
  const tame_bptt *b = j->b;
  const tame_model_run *r = j->run;
  lane *l = j->l;
  const int64_t whole = whole_state(j), cut = b->p.truncate;
  double *next = l->dstate, *state = l->dstate + whole;
  memset(next, 0, (size_t)whole * sizeof *next);
  for (int64_t segment = segments_of(j) - 1; segment >= 0; segment--) {
    if (segment + 1 < segments_of(j)) run_segment(j, segment, false); /* the last one is there */
    for (int64_t u = end_of_segment(j, segment) - 1; u >= segment * b->segment; u--) {
      step_backwards(j, u, next, state);
      if (cut > 0 && u > 0 && u % cut == 0) memset(state, 0, (size_t)whole * sizeof *state);
      double *const swapped = next;
      next = state;
      state = swapped;
    }
  }
  if (!j->resumed) tame_model_start_vjp(r->model, j->count, next, l->gradient + r->slab);
}

/* What penalties on rates ask of signals between runs: where their gradients begin. */
static void begin_signal(const job *j)
{
  const tame_penalties *p = &j->b->p.penalties;
  const tame_model_run *r = j->run;
  lane *l = j->l;
  const int64_t count = times(j->batch->steps, j->count, r->width);
  if (r->y < 0 || r->column > 0) return;
  double *const dsignal = between_at(j, r->y, l->dbetween, r->width, 0);
  memset(dsignal, 0, (size_t)count * sizeof *dsignal);
  if (j->v && j->damping != 0) {
    const double *tangent = between_at(j, r->y, l->tbetween, r->width, 0);
    for (int64_t i = 0; i < count; i++) dsignal[i] = j->damping * tangent[i];
  }
  if (!j->v)
    tame_rates_vjp(count, between_at(j, r->y, l->between, r->width, 0), p->rates_l1 * share_of(j),
                   p->rates_l2 * share_of(j), dsignal);
}

/* From dL/dy to the lane's gradient. */
static void backwards(job *j)
{
  const tame_bptt *b = j->b;
  memset(j->l->gradient, 0, (size_t)b->count * sizeof *j->l->gradient);
  for (j->run = b->runs; j->run < b->runs + b->n_runs; j->run++) begin_signal(j);
  for (int r = b->n_runs - 1; r >= 0; r--) {
    j->run = &b->runs[r];
    run_backwards(j);
  }
}

/* losses: of the samples of this micro-batch. */
static void work_on(job *j, const int64_t targets[2], sample_loss *losses, bool with_gradient)
{
  lane *l = j->l;
  const tame_sequences_view view = view_of(j);
  const tame_variant *loss = &j->b->p.loss;
  fetch(j);
  const bool sound = tame_loss_tally(loss, &view, l->counts) < 0;
  for (int64_t i = 0; i < j->count; i++)
    l->weight[i] = tame_loss_weight(loss, l->counts[i], targets[0], targets[1]);
  forwards(j);
  tame_loss_run(loss, &view, l->weight, l->data, l->dy);
  if (j->v) tame_loss_curve(loss, &view, l->weight, l->ty, l->dy);
  if (with_gradient) backwards(j);
  if (j->batch->see) j->batch->see(j->batch->context, j->first, j->count, l->y);
  for (int64_t i = 0; i < j->count; i++)
    losses[i] = (sample_loss){sound ? l->data[i] : NAN, l->rates[i]};
}

/* ---- a batch --------------------------------------------------------------------------------- */

/* Targets of all samples, fit to be used, and samples that have any. Collective. */
static tame_status count_targets(tame_bptt *b, const tame_batch *batch, int64_t targets[2])
{
  int64_t own[2] = {0};
  tame_status status = TAME_OK;
  targets[0] = batch->targets;
  targets[1] = batch->samples;
  if (batch->targets > 0) return TAME_OK;
  for (int64_t k = b->micro.first[b->rank]; k < b->micro.first[b->rank + 1]; k++) {
    const job j = job_of(b, batch, NULL, &b->lanes[0], k);
    const tame_sequences_view view = view_of(&j);
    fetch(&j);
    status = tame_loss_count(&b->p.loss, &view, j.l->counts);
    if (status != TAME_OK) break;
    for (int64_t i = 0; i < j.count; i++) {
      own[0] += j.l->counts[i];
      own[1] += j.l->counts[i] > 0;
    }
  }
  status = tame_agree(b->comm, status);
  if (status == TAME_OK) MPI_Allreduce(own, targets, 2, MPI_INT64_T, MPI_SUM, b->comm);
  return status;
}

/* Every rank gets all samples' losses, and adds them up along the tree. Collective. */
static void sum_losses(tame_bptt *b, int64_t samples, tame_batch_result *r)
{
  tame_gather_all(b->comm, &b->own, b->own_losses, b->losses, sizeof *b->losses);
  for (int64_t i = 0; i < samples; i++) b->column[i] = b->losses[i].data;
  r->data = tame_tree_sum(b->column, samples);
  for (int64_t i = 0; i < samples; i++) b->column[i] = b->losses[i].rates;
  r->rates = tame_tree_sum(b->column, samples);
}

static void work_on_all(tame_bptt *b, const tame_batch *batch, const double *slab,
                        const int64_t targets[2], const double *v, double structural,
                        bool with_gradient)
{
  const int64_t end = b->micro.first[b->rank + 1];
  for (int64_t k = b->micro.first[b->rank]; k < end; k += b->n_lanes) {
    const int now = end - k < b->n_lanes ? (int)(end - k) : b->n_lanes;
#pragma omp parallel for schedule(static, 1) num_threads(now)
    for (int i = 0; i < now; i++) {
      job j = job_of(b, batch, slab, &b->lanes[i], k + i);
      j.v = v;
      j.damping = structural / (double)batch->samples + 2 * b->p.penalties.rates_l2 * share_of(&j);
      work_on(&j, targets, b->own_losses + (j.first - b->own.first[b->rank]), with_gradient);
    }
    for (int i = 0; with_gradient && i < now; i++)
      tame_vector_sum_add(b->sum, b->lanes[i].gradient);
  }
}

/* What a batch comes to, and its gradient or, along v, product. */
static tame_status run(tame_bptt *b, const double *slab, const tame_batch *batch, const double *v,
                       double structural, tame_batch_result *result, double *out)
{
  int64_t targets[2];
  *result = (tame_batch_result){0};
  if (batch->samples < 1 || batch->samples > b->samples || batch->steps < 1 ||
      batch->steps > b->steps) /* the same on every rank */
    return tame_fail(TAME_ERR_INPUT,
                     "found a batch of %lld samples and %lld steps, want 1 to %lld and 1 to %lld",
                     (long long)batch->samples, (long long)batch->steps, (long long)b->samples,
                     (long long)b->steps);
  if (b->n_runs > 1 && (batch->resume || batch->leave))
    return tame_fail(TAME_ERR_INPUT, "found sequences that go on, with a bidirectional layer: it "
                                     "must hear each from both ends");
  tame_status status = plan(b, batch->samples);
  if (status == TAME_OK) status = count_targets(b, batch, targets);
  if (status != TAME_OK) return status;
  tame_model_turn(b->model, slab, b->turned);
  work_on_all(b, batch, slab, targets, v, structural, out != NULL);
  sum_losses(b, batch->samples, result);
  result->targets = targets[0];
  if (out) tame_vector_sum_finish(b->sum, out);
  if (!isfinite(result->data + result->rates))
    return tame_fail(TAME_ERR_NUMERIC, "found a loss of %g, want a finite one",
                     result->data + result->rates);
  return TAME_OK;
}

tame_status tame_bptt_run(tame_bptt *b, const double *slab, const tame_batch *batch,
                          tame_batch_result *result, double *gradient)
{
  const tame_status status = run(b, slab, batch, NULL, 0, result, gradient);
  if (status != TAME_OK) return status;
  result->weights = tame_penalties_weights(&b->p.penalties, b->model, slab, gradient);
  result->loss = result->data + result->rates + result->weights;
  return TAME_OK;
}

tame_status tame_bptt_product(tame_bptt *b, const double *slab, const tame_batch *batch,
                              double structural, const double *v, double *out)
{
  tame_batch_result result;
  if (b->p.truncate > 0)
    return tame_fail(TAME_ERR_INPUT, "truncate: found %lld, want 0 for Gauss-Newton products",
                     (long long)b->p.truncate);
  if (!b->p.damped && (structural != 0 || b->p.penalties.rates_l2 != 0))
    return tame_fail(TAME_ERR_INPUT, "damped: found off, want on for structural damping of "
                                     "products, and for penalties on rates");
  const tame_status status = run(b, slab, batch, v, structural, &result, out);
  if (status == TAME_OK) tame_penalties_product(&b->p.penalties, b->model, v, out);
  return status;
}
