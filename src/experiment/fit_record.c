/* Samples of a test, as a model answers to them; see fit.h. They go through it in blocks of so many, whose shape never
 * changes: what lacks in the last one is made up. So a sample's bits depend on it and its place alone. */
#include "base/memory.h"
#include "experiment/fit.h"
#include "linalg/grid.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 8, LARGEST = 1 << 25 /* numbers of a block, above which it is of one sample */ };

typedef struct recording {
  const tame_experiment *e;
  int64_t phase, row;
  tame_results *results;
  const tame_data *data;
  tame_data_shape s;
  int64_t first_id, samples; /* those that are recorded */
  int64_t lanes;             /* samples of a block */
  tame_model *model;
  int64_t outputs, state, parts;
  const tame_state_part *part;
  bool states; /* of all layers, and their outputs */
} recording;

/* What a thread works in. */
typedef struct block {
  double *all;                            /* what follows */
  double *x, *target, *elapsed, *y;       /* [lanes][steps][.] */
  double *between;                        /* signals between runs, [lanes][steps][width] each */
  double *x_now, *elapsed_now, *y_now;    /* of a step: [lanes][.] */
  double *state_now, *next, *tape, *work; /* of all lanes */
  double *states,
      *layers; /* one part or layer after the other, [lanes][steps][width] each; NULL: not wanted */
} block;

/* ---- room ------------------------------------------------------------------------------------ */

/* All arrays from `at` on, or with NULL as if; returns how many numbers that is. */
static int64_t lay_out(const recording *r, int64_t lanes, double *at, block *b)
{
  const tame_data_shape *s = &r->s;
  const int64_t steps = lanes * s->steps, state = lanes * r->state;
  const tame_model_run *runs;
  const int n_runs = tame_model_runs(r->model, &runs);
  int64_t layers = 0, used = 0, widest = s->inputs > r->outputs ? s->inputs : r->outputs;
  for (int l = 0; l < tame_model_layers(r->model); l++)
    layers += tame_model_layer_width(r->model, l);
  for (int k = 0; k < n_runs; k++)
    if (runs[k].width > widest) widest = runs[k].width;
  const struct {
    double **to;
    int64_t size;
  } arrays[] = {{&b->x, steps * s->inputs},
                {&b->target, lanes * s->target_steps * s->width},
                {&b->elapsed, steps},
                {&b->y, steps * r->outputs},
                {&b->between, steps * tame_model_between(r->model)},
                {&b->x_now, lanes * widest},
                {&b->elapsed_now, lanes},
                {&b->y_now, lanes * widest},
                {&b->state_now, state},
                {&b->next, state},
                {&b->tape, lanes * tame_model_tape_size(r->model)},
                {&b->work, tame_model_work_size(r->model, lanes)},
                {&b->states, r->states ? steps * r->state : 0},
                {&b->layers, r->states ? steps * layers : 0}};
  for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) {
    *arrays[k].to = at ? at + used : NULL;
    used += arrays[k].size;
  }
  if (!r->states) b->states = b->layers = NULL;
  return used;
}

static tame_status make_block(const recording *r, block *b)
{
  b->all = tame_zeroed(lay_out(r, r->lanes, NULL, b), sizeof *b->all, "the samples of a test");
  if (!b->all) return TAME_ERR_NOMEM;
  lay_out(r, r->lanes, b->all, b);
  return TAME_OK;
}

/* ---- a block --------------------------------------------------------------------------------- */

/* Samples first to first + count - 1; where the block has more lanes, zeros. */
static void draw(const recording *r, int64_t first, int64_t count, block *b)
{
  const tame_data_shape *s = &r->s;
  const int64_t x = s->steps * s->inputs;
  memset(b->x, 0, (size_t)(r->lanes * x) * sizeof *b->x);
  for (int64_t k = 0; k < r->lanes * s->steps; k++) b->elapsed[k] = 1;
  for (int64_t k = 0; k < count; k++)
    tame_data_draw(r->data, r->first_id + first + k, b->x + k * x,
                   b->target + k * s->target_steps * s->width,
                   s->has_elapsed ? b->elapsed + k * s->steps : NULL);
}

/* [lanes][width] of step t into [lanes][steps][width], or out of it. */
static void put_step(const recording *r, int64_t t, int64_t width, const double *now, double *all)
{
  for (int64_t k = 0; k < r->lanes; k++)
    memcpy(all + (k * r->s.steps + t) * width, now + k * width, (size_t)width * sizeof *all);
}

static void get_step(const recording *r, int64_t t, int64_t width, const double *all, double *now)
{
  for (int64_t k = 0; k < r->lanes; k++)
    memcpy(now + k * width, all + (k * r->s.steps + t) * width, (size_t)width * sizeof *all);
}

/* States of a run, and outputs of its layers, after a step; of the whole they begin there. */
static void put_states(const recording *r, const tame_model *model, const tame_step *step,
                       int64_t t, double *states, double *layers)
{
  const tame_state_part *part;
  const int64_t parts = tame_model_state_parts(model, &part);
  const double *now = step->next;
  for (int64_t k = 0; k < parts; k++) {
    put_step(r, t, part[k].width, now, states);
    now += r->lanes * part[k].width;
    states += r->lanes * r->s.steps * part[k].width;
  }
  for (int l = 0; l < tame_model_layers(model); l++) {
    int64_t width;
    const double *y = tame_model_layer_outputs(model, step, l, &width);
    put_step(r, t, width, y, layers);
    layers += r->lanes * r->s.steps * width;
  }
}

static double *signal_at(const recording *r, const block *b, int64_t place, double *end)
{
  return place < 0 ? end : b->between + r->lanes * r->s.steps * place;
}

/* A run of the model through the sequence; outputs of its layers begin at layers. */
static void run_one(const recording *r, const tame_model_run *run, block *b, double *layers)
{
  const tame_model *m = run->model;
  const int64_t steps = r->s.steps, inputs = tame_model_inputs(m);
  const double *slab = tame_model_slab(r->model) + run->slab, *x = signal_at(r, b, run->x, b->x);
  double *y = signal_at(r, b, run->y, b->y),
         *own = b->tape + r->lanes * (tame_model_tape_size(m) - tame_model_outputs(m));
  tame_model_start(m, slab, r->lanes, b->state_now);
  for (int64_t u = 0; u < steps; u++) {
    const int64_t t = tame_run_time(run, steps, u);
    const tame_step step = {.batch = r->lanes,
                            .elapsed = r->s.has_elapsed ? b->elapsed_now : NULL,
                            .slab = slab,
                            .x = b->x_now,
                            .state = b->state_now,
                            .next = b->next,
                            .y = run->half ? own : b->y_now,
                            .tape = b->tape,
                            .work = b->work};
    get_step(r, t, inputs, x, b->x_now);
    get_step(r, tame_run_elapsed(run, steps, u), 1, b->elapsed, b->elapsed_now);
    tame_model_step(m, &step);
    if (run->half) { /* beside the other half's */
      get_step(r, t, run->width, y, b->y_now);
      tame_run_join(run, r->lanes, own, b->y_now);
    }
    put_step(r, t, run->width, b->y_now, y);
    if (b->states) put_states(r, m, &step, t, b->states + r->lanes * steps * run->state, layers);
    double *const swap = b->state_now;
    b->state_now = b->next;
    b->next = swap;
  }
}

static void run(const recording *r, block *b)
{
  const tame_model_run *runs;
  const int n = tame_model_runs(r->model, &runs);
  double *layers = b->layers;
  for (int k = 0; k < n; k++) {
    run_one(r, &runs[k], b, layers);
    for (int l = 0; layers && l < tame_model_layers(runs[k].model); l++)
      layers += r->lanes * r->s.steps * tame_model_layer_width(runs[k].model, l);
  }
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Where samples are written. */
typedef struct place {
  const recording *r;
  int64_t first, count;
} place;

static tame_status put(const place *at, const char *what, const double *data, int64_t steps,
                       int64_t width)
{
  const recording *r = at->r;
  char path[TAME_PATH];
  const int64_t start[TAME_AXES] = {r->row, at->first},
                count[TAME_AXES] = {1, at->count, steps, width};
  tame_fit_path(r->e, r->phase, what, path);
  if (steps == 0 || tame_results_width(r->results, path) == 0) return TAME_OK;
  return tame_results_write(r->results, path, TAME_TYPE_F64, start, count, data);
}

static tame_status put_block(const place *at, const block *b)
{
  const recording *r = at->r;
  const tame_data_shape *s = &r->s;
  char what[96];
  const double *from = b->states;
  tame_status status = put(at, "x", b->x, s->steps, s->inputs);
  if (status == TAME_OK) status = put(at, "y", b->y, s->steps, r->outputs);
  if (status == TAME_OK) status = put(at, "target", b->target, s->target_steps, s->width);
  if (status == TAME_OK) status = put(at, "elapsed", b->elapsed, s->steps, 1);
  for (int64_t k = 0; from && status == TAME_OK && k < r->parts; k++) {
    snprintf(what, sizeof what, "states/%s", r->part[k].name);
    status = put(at, what, from, s->steps, r->part[k].width);
    from += r->lanes * s->steps * r->part[k].width;
  }
  from = b->layers;
  for (int l = 0; from && status == TAME_OK && l < tame_model_layers(r->model); l++) {
    const int64_t width = tame_model_layer_width(r->model, l);
    snprintf(what, sizeof what, "outputs/%s", tame_model_layer_label(r->model, l));
    status = put(at, what, from, s->steps, width);
    from += r->lanes * s->steps * width;
  }
  return status;
}

static tame_status record_block(const recording *r, int64_t first, block *b)
{
  const int64_t left = r->samples - first, count = left < r->lanes ? left : r->lanes;
  tame_status status;
  draw(r, first, count, b);
  run(r, b);
#pragma omp critical(tame_record) /* failures have one message */
  status = put_block(&(place){r, first, count}, b);
  return status;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Block k of all is rank k mod ranks'. A thread's failure is everyone's. */
static tame_status record_share(const recording *r, block *blocks, int rank, int ranks)
{
  const int64_t stride = r->lanes * ranks;
  int failed = TAME_OK;
#pragma omp parallel for schedule(dynamic)
  for (int64_t first = r->lanes * rank; first < r->samples; first += stride) {
    int before;
#pragma omp atomic read
    before = failed;
    if (before != TAME_OK) continue;
    const tame_status status = record_block(r, first, &blocks[omp_get_thread_num()]);
    if (status == TAME_OK) continue;
#pragma omp atomic write
    failed = (int)status;
  }
  return (tame_status)failed;
}

static recording recording_of(const tame_experiment *e, int64_t phase, tame_model *model)
{
  const tame_fit *fit = tame_fit_at(e, phase);
  const int64_t data = tame_fit_find_data(e, fit->data);
  recording r = {.e = e,
                 .phase = phase,
                 .data = tame_data_at(e, data),
                 .s = tame_fit_shape(e, data),
                 .first_id = tame_fit_first_id(e, data, phase, false),
                 .samples = tame_fit_recorded(e, phase),
                 .model = model,
                 .outputs = tame_model_outputs(model),
                 .state = tame_model_state_size(model),
                 .states = fit->states};
  block nothing;
  r.parts = tame_model_state_parts(model, &r.part);
  r.lanes = lay_out(&r, LANES, NULL, &nothing) > LARGEST ? 1 : LANES;
  return r;
}

/* ---- moments --------------------------------------------------------------------------------- */

/* What threads work in, and the sum over blocks; the model's outputs are the rates. Those before the first step, which
 * it hears, count as a step, so that units that differ in these alone are not taken for the same. */
typedef struct gathering {
  recording r;
  int threads;
  block *blocks;      /* [threads] */
  double *rates;      /* of a block, [threads][lanes][1 + steps][outputs] */
  double *own, *work; /* sums of a block, and what they take, [threads][.] */
  double *start;      /* rates before the first step, [outputs] */
  double *origin;     /* [outputs] */
  double *all;        /* the sums of all blocks */
  tame_partition items;
  tame_vector_sum *sum;
} gathering;

static int64_t blocks_of(const recording *r)
{
  return (r->samples + r->lanes - 1) / r->lanes;
}

static int64_t numbers_of(const recording *r)
{
  return r->lanes * (1 + r->s.steps) * r->outputs;
}

static recording rates_of(const tame_experiment *e, int64_t phase, tame_model *model)
{
  recording r = recording_of(e, phase, model);
  r.samples = r.s.samples;
  return r;
}

static tame_status make_gathering(gathering *g, int ranks)
{
  const int64_t n = g->r.outputs, length = tame_moments_length(n);
  g->threads = omp_get_max_threads();
  g->blocks = tame_zeroed(g->threads, sizeof *g->blocks, "moments of rates");
  g->own = tame_zeroed(g->threads * length, sizeof *g->own, "moments of rates");
  g->work = tame_zeroed(g->threads * tame_moments_work(n, g->r.lanes), sizeof *g->work,
                        "moments of rates");
  g->rates = tame_zeroed(g->threads * numbers_of(&g->r), sizeof *g->rates, "moments of rates");
  g->start = tame_zeroed(n, sizeof *g->start, "moments of rates");
  g->origin = tame_zeroed(n, sizeof *g->origin, "moments of rates");
  g->all = tame_zeroed(length, sizeof *g->all, "moments of rates");
  if (!g->blocks || !g->own || !g->work || !g->rates || !g->start || !g->origin || !g->all)
    return TAME_ERR_NOMEM;
  tame_status status = tame_partition_even(&g->items, ranks, blocks_of(&g->r));
  for (int k = 0; status == TAME_OK && k < g->threads; k++)
    status = make_block(&g->r, &g->blocks[k]);
  return status;
}

static void free_gathering(gathering *g)
{
  tame_vector_sum_free(&g->sum);
  tame_partition_free(&g->items);
  for (int k = 0; g->blocks && k < g->threads; k++) free(g->blocks[k].all);
  free(g->blocks);
  free(g->own);
  free(g->work);
  free(g->rates);
  free(g->start);
  free(g->origin);
  free(g->all);
}

/* Mean rates of the first sample: near enough to all of them; each rank finds it for itself. */
static void find_origin(gathering *g)
{
  const recording *r = &g->r;
  const int64_t n = r->outputs, steps = r->s.steps;
  draw(r, 0, 1, &g->blocks[0]);
  run(r, &g->blocks[0]);
  for (int64_t t = 0; t < steps; t++)
    for (int64_t i = 0; i < n; i++) g->origin[i] += g->blocks[0].y[t * n + i] / (double)steps;
}

/* By the last run, which the layer ends. */
static void find_start(gathering *g)
{
  const tame_model_run *run;
  const int n = tame_model_runs(g->r.model, &run);
  run += n - 1;
  tame_model_start(run->model, tame_model_slab(g->r.model) + run->slab, 1, g->blocks[0].state_now);
  (void)tame_model_start_outputs(run->model, g->blocks[0].state_now, g->start);
}

/* A block's rates, those before the first step first. */
static double *join_rates(const gathering *g, int thread)
{
  const recording *r = &g->r;
  const int64_t n = r->outputs, steps = r->s.steps;
  double *to = g->rates + thread * numbers_of(r);
  for (int64_t lane = 0; lane < r->lanes; lane++) {
    double *own = to + lane * (1 + steps) * n;
    memcpy(own, g->start, (size_t)n * sizeof *own);
    memcpy(own + n, g->blocks[thread].y + lane * steps * n, (size_t)(steps * n) * sizeof *own);
  }
  return to;
}

static void gather_block(const gathering *g, int64_t k, int thread)
{
  const recording *r = &g->r;
  const int64_t n = r->outputs, first = k * r->lanes, left = r->samples - first,
                count = left < r->lanes ? left : r->lanes;
  block *b = &g->blocks[thread];
  draw(r, first, count, b);
  run(r, b);
  tame_moments_block(n, 1 + r->s.steps, r->lanes, count, g->origin, join_rates(g, thread),
                     g->work + thread * tame_moments_work(n, r->lanes),
                     g->own + thread * tame_moments_length(n));
}

/* Collective. */
static void gather_all(gathering *g, int rank)
{
  const int64_t end = g->items.first[rank + 1], length = tame_moments_length(g->r.outputs);
  for (int64_t k = g->items.first[rank]; k < end; k += g->threads) {
    const int now = end - k < g->threads ? (int)(end - k) : g->threads;
#pragma omp parallel for schedule(static, 1) num_threads(now)
    for (int i = 0; i < now; i++) gather_block(g, k + i, i);
    for (int i = 0; i < now; i++) tame_vector_sum_add(g->sum, g->own + i * length);
  }
  tame_vector_sum_finish(g->sum, g->all);
}

tame_status tame_fit_moments(const tame_experiment *e, int64_t phase, tame_model *model,
                             MPI_Comm comm, tame_moments *out)
{
  int rank, ranks;
  gathering g = {.r = rates_of(e, phase, model)};
  const int64_t n = g.r.outputs;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &ranks);
  tame_blas_alone();
  tame_status status = tame_moments_create(out, n);
  if (status == TAME_OK) status = make_gathering(&g, ranks);
  status = tame_agree(comm, status);
  if (status == TAME_OK)
    status = tame_vector_sum_create(&g.sum, comm, &g.items, tame_moments_length(n));
  if (status == TAME_OK) {
    find_start(&g);
    find_origin(&g);
    gather_all(&g, rank);
    tame_moments_finish(out, g.r.samples, 1 + g.r.s.steps, g.origin, g.all);
  }
  free_gathering(&g);
  return status;
}

int64_t tame_fit_moments_need(const tame_experiment *e, int64_t phase, tame_model *model, int ranks,
                              int threads)
{
  block nothing;
  tame_partition items;
  const recording r = rates_of(e, phase, model);
  const int64_t n = r.outputs, length = tame_moments_length(n);
  int64_t sum = 0;
  if (tame_partition_even(&items, ranks, blocks_of(&r)) == TAME_OK) {
    sum = tame_vector_sum_need(&items, length);
    tame_partition_free(&items);
  }
  const int64_t each = lay_out(&r, r.lanes, NULL, &nothing) + numbers_of(&r) + length +
                       tame_moments_work(n, r.lanes);
  return sum + (threads * each + length + 6 * n * n) *
                   (int64_t)sizeof(double); /* and vectors, likeness */
}

/* ---- samples --------------------------------------------------------------------------------- */

tame_status tame_fit_record(const tame_experiment *e, int64_t phase, tame_model *model,
                            tame_results *results, int64_t row, MPI_Comm comm)
{
  int rank, ranks;
  const int threads = omp_get_max_threads();
  recording r = recording_of(e, phase, model);
  r.results = results;
  r.row = row;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &ranks);
  if (r.samples == 0) return TAME_OK;
  tame_blas_alone();
  block *blocks = tame_zeroed(threads, sizeof *blocks, "the samples of a test");
  tame_status status = blocks ? TAME_OK : TAME_ERR_NOMEM;
  for (int k = 0; status == TAME_OK && k < threads; k++) status = make_block(&r, &blocks[k]);
  if (status == TAME_OK) status = record_share(&r, blocks, rank, ranks);
  for (int k = 0; blocks && k < threads; k++) free(blocks[k].all);
  free(blocks);
  return status;
}
