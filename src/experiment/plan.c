/* What a network will take; see plan.h and tame_experiment_plan(). */
#include "experiment/plan.h"

#include "base/memory.h"
#include "network/tables.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE = 128 /* rows drawn to see how long they are */ };

/* A number of neurons that are alike: how many synapses and plastic ones each has, on average. */
typedef struct kind {
  double neurons, inputs, plastic, padded, tiles, cost;
} kind;

typedef struct model {
  const tame_experiment *e;
  double n, real;
  kind kinds[2];       /* plastic neurons first, where plasticity is per neuron */
  int64_t *sampled[2]; /* plastic inputs of the sampled rows, [SAMPLE] */
  int64_t n_sampled[2];
} model;

/* ---- cycles, for the order of networks ------------------------------------------------------- */

enum { PLAIN, RECURRENT, READOUT, KINDS };

static int kind_of_phase(const tame_experiment *e, int64_t p)
{
  if (tame_phase_kind_at(e, p) != TAME_PHASE_TRAIN) return PLAIN;
  return tame_phase_at(e, p)->weights == TAME_WEIGHTS_RECURRENT ? RECURRENT : READOUT;
}

/* Steps of all trials by kind of phase, and updates. */
static void count(const tame_experiment *e, double steps[KINDS], double updates[KINDS],
                  double *readouts)
{
  memset(steps, 0, KINDS * sizeof *steps);
  memset(updates, 0, KINDS * sizeof *updates);
  *readouts = 0;
  for (int64_t p = 0; p < e->phases.count; p++)
    for (int64_t t = 0; t < e->tasks.count; t++) {
      if (!tame_phase_has_task(e, p, t)) continue;
      const int k = kind_of_phase(e, p);
      const double trials = (double)tame_phase_trials(e, p);
      int64_t first, last;
      tame_phase_window(e, p, t, &first, &last);
      steps[k] += trials * (double)e->scripts[t].steps;
      if (k != PLAIN)
        updates[k] += trials * (double)(last - first) / (double)tame_phase_at(e, p)->every;
      if (tame_recording_covers(e, &e->output.readout, p))
        *readouts += trials * (double)e->scripts[t].steps / (double)e->output.readout.every;
    }
  *readouts += updates[READOUT];
}

double tame_plan_steps(const tame_experiment *e)
{
  double steps[KINDS], updates[KINDS], readouts;
  count(e, steps, updates, &readouts);
  return steps[PLAIN] + steps[RECURRENT] + steps[READOUT];
}

double tame_plan_cycles(const tame_experiment *e)
{
  double steps[KINDS], updates[KINDS], readouts;
  count(e, steps, updates, &readouts);
  const double n = (double)e->network.neurons;
  const tame_wiring *wiring = (const tame_wiring *)e->network.wiring.row;
  const double k = wiring->expected(e->network.wiring.params, e->network.neurons);
  const bool by_synapse = e->network.plasticity == TAME_PLASTIC_PER_SYNAPSE;
  const double f = e->network.plastic_fraction, learns = by_synapse ? k * f : k;
  return tame_plan_steps(e) * n * (40 + k) +
         updates[RECURRENT] * n * (by_synapse ? 1 : f) * learns * learns / 2 +
         updates[READOUT] * n * n / 2;
}

/* ---- groups ------------------------------------------------------------------------------------- */

static int descending(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

/* Times at which groups are free, as a heap: the root has grown, move it down. */
static void sift(double *heap, int count)
{
  int at = 0;
  for (int child = 1; child < count; child = 2 * at + 1) {
    if (child + 1 < count && heap[child + 1] < heap[child]) child++;
    if (heap[at] <= heap[child]) return;
    const double parent = heap[at];
    heap[at] = heap[child];
    heap[child] = parent;
    at = child;
  }
}

double tame_plan_makespan(int groups, int64_t rows, double *cost, double *idle)
{
  double *busy = tame_zeroed(groups, sizeof *busy, "a plan"), last = 0, sum = 0;
  if (!busy) return NAN;
  qsort(cost, (size_t)rows, sizeof *cost, descending);
  for (int64_t k = 0; k < rows; k++) {
    busy[0] += cost[k]; /* the first to be free takes it */
    sum += cost[k];
    if (busy[0] > last) last = busy[0];
    sift(busy, groups);
  }
  if (idle) *idle = last > 0 ? 1 - sum / (last * groups) : 0;
  free(busy);
  return last;
}

/* How much faster `ranks` ranks make a step: what each computes gets less, the exchange does not. */
static double speedup(int ranks, double a_step)
{
  const double exchange = ranks == 1 ? 0 : 6000 * log2((double)ranks); /* cycles: 2 us or so */
  return a_step / (a_step / ranks + exchange);
}

int tame_plan_group(int ranks, int64_t rows, const double *cycles, double a_step)
{
  int best = 1;
  double least = INFINITY;
  double *cost = tame_untouched(rows, sizeof *cost, "a plan");
  for (int g = 1; cost && g <= ranks; g = g < ranks && 2 * g > ranks ? ranks : 2 * g) {
    for (int64_t k = 0; k < rows; k++) cost[k] = cycles[k] / speedup(g, a_step);
    const double end = tame_plan_makespan(ranks / g, rows, cost, NULL);
    if (end < 0.98 * least) least = end, best = g;
  }
  free(cost);
  return best;
}

/* ---- what a network is made of -------------------------------------------------------------------- */

/* Draw some rows of [first, last), evenly spaced, and count. */
static tame_status sample(model *m, int which, int64_t first, int64_t last)
{
  const tame_network_params *p = &m->e->network;
  const tame_wiring *wiring = (const tame_wiring *)p->wiring.row;
  kind *k = &m->kinds[which];
  k->neurons = (double)(last - first);
  if (last == first) return TAME_OK;
  int32_t *row = tame_untouched(p->neurons, sizeof *row, "a row of the wiring");
  m->sampled[which] = tame_zeroed(SAMPLE, sizeof(int64_t), "a row of the wiring");
  if (!row || !m->sampled[which]) {
    free(row);
    return TAME_ERR_NOMEM;
  }
  const int64_t rows = last - first < SAMPLE ? last - first : SAMPLE;
  for (int64_t s = 0; s < rows; s++) {
    const int64_t i = first + (last - first) * s / rows;
    const int64_t inputs = wiring->draw(p->wiring.params, (uint64_t)p->seed, p->neurons, i, row);
    int64_t learns = 0;
    if (p->plasticity == TAME_PLASTIC_PER_SYNAPSE)
      learns = (int64_t)floor(p->plastic_fraction * (double)inputs + 0.5);
    else if (p->plasticity == TAME_PLASTIC_PER_NEURON && which == 0) learns = inputs;
    k->inputs += (double)inputs / (double)rows;
    k->plastic += (double)learns / (double)rows;
    k->padded += (double)tame_padded((size_t)learns) / (double)rows;
    k->tiles += (double)tame_tiles((size_t)learns) / (double)rows;
    m->sampled[which][m->n_sampled[which]++] = learns;
  }
  free(row);
  k->cost = 40 + k->inputs + 24 * k->tiles;
  return TAME_OK;
}

static tame_status make_model(model *m, const tame_experiment *e)
{
  const tame_network_params *p = &e->network;
  *m = (model){.e = e, .n = (double)p->neurons, .real = p->precision == TAME_FLOAT ? 4 : 8};
  int64_t plastic = 0;
  if (p->plasticity == TAME_PLASTIC_PER_NEURON)
    plastic = (int64_t)floor(p->plastic_fraction * m->n + 0.5);
  else if (p->plasticity == TAME_PLASTIC_PER_SYNAPSE) plastic = p->neurons;
  const tame_status status = sample(m, 0, 0, plastic);
  return status == TAME_OK ? sample(m, 1, plastic, p->neurons) : status;
}

static void free_model(model *m)
{
  free(m->sampled[0]);
  free(m->sampled[1]);
}

/* Neurons of each kind on rank k of g, balanced by cost as the network balances. */
static void share_of(const model *m, int k, int g, double neurons[2])
{
  const double a = m->kinds[0].neurons * m->kinds[0].cost,
               b = m->kinds[1].neurons * m->kinds[1].cost;
  const double from = (a + b) * k / g, to = (a + b) * (k + 1) / g;
  const double in_a = fmax(0, fmin(to, a) - fmin(from, a)), in_b = to - from - in_a;
  neurons[0] = m->kinds[0].cost > 0 ? in_a / m->kinds[0].cost : 0;
  neurons[1] = m->kinds[1].cost > 0 ? in_b / m->kinds[1].cost : 0;
}

static double sum_of(const model *m, const double neurons[2], double (*of)(const kind *))
{
  return neurons[0] * of(&m->kinds[0]) + neurons[1] * of(&m->kinds[1]);
}
static double inputs_of(const kind *k)
{
  return k->inputs;
}
static double plastic_of(const kind *k)
{
  return k->plastic;
}
static double padded_of(const kind *k)
{
  return k->padded;
}
static double tiles_of(const kind *k)
{
  return k->tiles;
}

static bool trains(const tame_experiment *e, tame_weights weights)
{
  for (int64_t p = 0; p < e->phases.count; p++)
    if (tame_phase_kind_at(e, p) == TAME_PHASE_TRAIN &&
        tame_phase_at(e, p)->weights == (int)weights)
      return true;
  return false;
}

/* ---- memory --------------------------------------------------------------------------------------- */

static void plan_rank(const model *m, int g, const double neurons[2], tame_plan_rank *out)
{
  const tame_network_params *p = &m->e->network;
  const double own = neurons[0] + neurons[1], real = m->real, n = m->n;
  const double synapses = sum_of(m, neurons, inputs_of);
  const double mean = own > 0 ? synapses / own : 0;
  const double seen = n * (1 - pow(1 - fmin(1, mean / n), own)); /* different sources */
  *out = (tame_plan_rank){.neurons = own};
  out->weights = synapses * (real + 4) + own * (double)p->inputs * real +
                 (double)p->outputs * n * real;
  out->states = own * (3 * real + 16 + 2 * 8);
  const double remote = fmin(seen, n - own);
  const bool gather = g > 1 && remote >= (n - own) / 2;
  out->gathers = gather;
  if (g > 1) {
    out->exchange = n * real * (gather ? 1 : 2) + n * 4;
    out->bytes_a_step = (gather ? n - own : remote) * real;
    out->messages_a_step = gather ? ceil(log2(g)) : g - 1;
  } else {
    out->exchange = n * (real + 4);
  }
  if (trains(m->e, TAME_WEIGHTS_RECURRENT))
    out->P = (sum_of(m, neurons, tiles_of) * TAME_TILE * TAME_TILE + sum_of(m, neurons, padded_of) +
              sum_of(m, neurons, plastic_of)) *
             real;
  const double readout = (ceil(n / g) + 4) * n * real;
  if (trains(m->e, TAME_WEIGHTS_READOUT) && readout > out->P) out->P = readout;
  out->recordings = tame_run_recordings(m->e, own / n);
  out->total = out->weights + out->states + out->exchange + out->P + out->recordings;
}

/* ---- calibration ---------------------------------------------------------------------------------- */

/* Seconds for a call of work with each of `threads` threads at once, the mean of some: what else the machine
 * does will go on. The first, which touches the memory, does not count. */
typedef void work(void *context, int thread);

static double time_of(work *do_it, void *context, int threads)
{
  double sum = 0, began = omp_get_wtime();
  int k = -1;
  for (; k < 3 || (k < 1000 && omp_get_wtime() - began < 0.4); k++) {
    double most = 0;
#pragma omp parallel num_threads(threads) reduction(max : most)
    {
#pragma omp barrier
      const double from = omp_get_wtime();
      do_it(context, omp_get_thread_num());
      most = omp_get_wtime() - from;
    }
    if (k >= 0) sum += most;
  }
  return sum / k;
}

/* What one thread of one rank works on, cut to a size that fits. */
typedef struct bench {
  const tame_kernels *kernels;
  size_t rows, width, groups; /* neurons of a step; columns; P's of an update */
  int64_t *start, *inputs;    /* rows of W; inputs of each P */
  size_t longest;
  int32_t *slot;
  char **w, **h, **x, **r, **view, **P, **u, **k; /* by thread */
  double a;
  size_t stride;
} bench;

static void do_step(void *context, int t)
{
  const bench *b = context;
  const tame_noise_key key = {1, 1, 1};
  b->kernels->row_sums(b->rows, b->start, b->slot, b->w[t], b->view[t], b->h[t]);
  b->kernels->add_noise(b->rows, 0, key, 1e-3, b->h[t]);
  b->kernels->rate_step(b->rows, 0.1, b->h[t], b->x[t], b->r[t]);
}

static void do_update(void *context, int t)
{
  const bench *b = context;
  const size_t real = b->kernels->real_size;
  char *P = b->P[t];
  for (size_t g = 0; g < b->groups; g++) {
    const size_t m = (size_t)b->inputs[g % SAMPLE];
    b->kernels->gather(m, b->slot, b->view[t], b->r[t]);
    b->kernels->rls_sweep(m, P, b->u[t], 1, b->r[t], b->k[t]);
    const double rkr = b->kernels->dot(m, b->r[t], b->k[t]);
    b->kernels->scale(m, 1e-9 * rkr, b->k[t], b->u[t]);
    b->kernels->add_scaled(m, 1e-9, b->k[t], b->x[t]);
    P += tame_tiles(m) * TAME_TILE * TAME_TILE * real;
  }
}

static void do_rows(void *context, int t)
{
  const bench *b = context;
  b->kernels->rls_rows(b->groups, b->width, b->stride, b->P[t], b->u[t], b->u[t], 1, b->r[t],
                       b->k[t]);
}

static void do_dot(void *context, int t)
{
  const bench *b = context;
  const double z = b->kernels->dot(b->width, b->view[t], b->x[t]);
  memcpy(b->h[t], &z, sizeof z); /* so that it is not left out */
}

static char **arrays(int threads, size_t bytes)
{
  char **all = tame_zeroed(threads, sizeof *all, "calibration");
  for (int t = 0; all && t < threads; t++) all[t] = tame_zeroed((int64_t)bytes, 1, "calibration");
  return all;
}

static void free_arrays(char **all, int threads)
{
  for (int t = 0; all && t < threads; t++) free(all[t]);
  free(all);
}

static bool whole(char **all, int threads)
{
  bool good = all != NULL;
  for (int t = 0; good && t < threads; t++) good = all[t] != NULL;
  return good;
}

enum { MOST_BYTES = 192 << 20 /* for calibration, all threads together */ };

/* Times of a rank's step, updates and readout, each thread with its part of the work. threads: of a rank; at_once:
 * threads of this machine that work at the same time. */
static tame_status calibrate(const model *m, const double neurons[2], int g, int threads,
                             int at_once, tame_plan_times *times)
{
  const tame_network_params *p = &m->e->network;
  bench b = {.kernels = tame_kernels_pick((tame_precision)p->precision)};
  if (!b.kernels)
    return tame_fail(TAME_ERR_INPUT, "TAME_KERNEL: want one of %s", tame_kernels_names());
  const double own = (neurons[0] + neurons[1]) / threads, room = MOST_BYTES / (double)at_once;
  const double synapses = sum_of(m, neurons, inputs_of) / threads;
  const double each = own > 0 ? synapses / own : 0;
  const size_t real = b.kernels->real_size;
  b.rows = (size_t)fmax(1, fmin(own, room / ((each + 1) * (double)(real + 4))));
  b.width = (size_t)p->neurons;
  const double tiles = sum_of(m, neurons, tiles_of) / threads;
  const int which = neurons[0] > 0 ? 0 : 1;
  const int64_t n_sampled = m->n_sampled[which];
  const double a_tile = m->kinds[which].tiles * TAME_TILE * TAME_TILE * (double)real;
  const double learners = m->kinds[which].tiles > 0 ? tiles / m->kinds[which].tiles : 0;
  b.groups = learners > 0 ? (size_t)fmax(1, fmin(learners, room / a_tile)) : 0;
  b.start = tame_zeroed((int64_t)b.rows + 1, sizeof *b.start, "calibration");
  b.inputs = tame_zeroed(SAMPLE, sizeof *b.inputs, "calibration");
  tame_status status = b.start && b.inputs ? TAME_OK : TAME_ERR_NOMEM;
  size_t p_bytes = 0;
  for (size_t i = 0; status == TAME_OK && i < b.rows; i++)
    b.start[i + 1] = b.start[i] + (int64_t)(each + 0.5);
  for (int64_t s = 0; status == TAME_OK && s < SAMPLE; s++)
    b.inputs[s] = n_sampled ? m->sampled[which][s % n_sampled] : 0;
  for (size_t k = 0; status == TAME_OK && k < b.groups; k++)
    p_bytes += tame_tiles((size_t)b.inputs[k % SAMPLE]) * TAME_TILE * TAME_TILE * real;
  const int64_t slots = status == TAME_OK ? b.start[b.rows] : 0;
  size_t longest = tame_padded((size_t)p->neurons) + b.rows + 16;
  b.stride = (b.width * real + TAME_ALIGN - 1) / TAME_ALIGN * TAME_ALIGN / real;
  const double readout_rows = ceil(m->n / g) / threads;
  const size_t rows = (size_t)fmax(1, fmin(readout_rows, room / (double)(b.stride * real)));
  if (trains(m->e, TAME_WEIGHTS_READOUT) && rows * b.stride * real > p_bytes)
    p_bytes = rows * b.stride * real;
  b.slot = tame_untouched(slots + p->neurons, sizeof *b.slot, "calibration");
  for (int64_t s = 0; b.slot && s < slots + p->neurons; s++)
    b.slot[s] = (int32_t)((uint64_t)s * 2654435761u % (uint64_t)p->neurons);
  b.w = arrays(at_once, (size_t)(slots + 8) * real);
  b.P = arrays(at_once, p_bytes + TAME_ALIGN);
  b.h = arrays(at_once, longest * real), b.x = arrays(at_once, longest * real);
  b.r = arrays(at_once, longest * real), b.view = arrays(at_once, longest * real);
  b.u = arrays(at_once, longest * real), b.k = arrays(at_once, longest * real);
  if (!b.slot || !whole(b.w, at_once) || !whole(b.P, at_once) || !whole(b.h, at_once) ||
      !whole(b.x, at_once) || !whole(b.r, at_once) || !whole(b.view, at_once) ||
      !whole(b.u, at_once) || !whole(b.k, at_once))
    status = TAME_ERR_NOMEM;
  if (status == TAME_OK) {
    times->step = time_of(do_step, &b, at_once) * own / (double)b.rows;
    if (b.groups) times->update = time_of(do_update, &b, at_once) * learners / (double)b.groups;
    if (trains(m->e, TAME_WEIGHTS_READOUT)) {
      b.groups = rows;
      times->readout_update = time_of(do_rows, &b, at_once) * readout_rows / (double)rows;
    }
    times->readout = time_of(do_dot, &b, at_once) * (double)p->outputs;
  }
  char **const all[] = {b.w, b.P, b.h, b.x, b.r, b.view, b.u, b.k};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) free_arrays(all[k], at_once);
  free(b.slot), free(b.start), free(b.inputs);
  return status;
}

/* ---- all ------------------------------------------------------------------------------------------- */

/* Time for the exchange of a rank: per step, and for all rates, which readouts need. */
static double exchange_seconds(const tame_plan_request *q, const tame_plan_rank *rank)
{
  return rank->messages_a_step * q->latency_s + rank->bytes_a_step / q->bandwidth;
}

static double bytes_of(const tame_blueprint *b)
{
  double sum = 0;
  for (int64_t k = 0; k < b->n_sets; k++) {
    double bytes = b->sets[k].type == TAME_TYPE_TEXT ? (double)b->sets[k].width
                                                     : (double)tame_type_size(b->sets[k].type);
    for (int j = 0; j < b->sets[k].axes; j++) bytes *= (double)b->sets[k].shape[j];
    sum += bytes;
  }
  return sum;
}

/* Files: results of a network, and its two checkpoints. */
static void plan_files(const model *m, tame_plan *out)
{
  const tame_experiment *e = m->e;
  const double all[2] = {m->kinds[0].neurons, m->kinds[1].neurons},
               outputs = (double)e->network.outputs;
  tame_blueprint b = {0};
  const double synapses = sum_of(m, all, inputs_of);
  tame_recorder_plan(e, (int64_t)synapses, &b);
  out->results_bytes = bytes_of(&b);
  tame_blueprint_free(&b);
  double P = 0;
  if (trains(e, TAME_WEIGHTS_RECURRENT))
    P = (sum_of(m, all, tiles_of) * TAME_TILE * TAME_TILE + sum_of(m, all, padded_of) +
         sum_of(m, all, plastic_of)) *
        m->real;
  if (trains(e, TAME_WEIGHTS_READOUT)) P = fmax(P, m->n * (m->n + 2) * m->real);
  out->checkpoint_bytes = 2 * (P + sum_of(m, all, plastic_of) * m->real + m->n * (2 * m->real + 8) +
                               outputs * m->n * m->real + tame_run_recordings(e, 1));
  out->synapses = synapses;
  out->p_bytes = P;
}

static double seconds_of(const tame_experiment *e, const tame_plan_request *q, const tame_plan *p,
                         double parts[3])
{
  double steps[KINDS], updates[KINDS], readouts;
  count(e, steps, updates, &readouts);
  const tame_plan_times *t = &p->times;
  const double between = exchange_seconds(q, &p->most);
  const double step = t->step + between;
  parts[0] = steps[PLAIN] * step + readouts * (t->readout + (p->most.gathers ? 0 : between));
  parts[1] = steps[RECURRENT] * step + updates[RECURRENT] * t->update;
  parts[2] = steps[READOUT] * step + updates[READOUT] * (t->readout_update + between);
  return parts[0] + parts[1] + parts[2];
}

/* The dearest network of a sweep; cycles of all. */
static tame_status find_dearest(const tame_experiment *study, tame_plan *out, double **cycles,
                                tame_experiment **dearest)
{
  const int64_t rows = tame_experiment_networks(study);
  *cycles = tame_zeroed(rows, sizeof **cycles, "a plan");
  tame_status status = *cycles ? TAME_OK : TAME_ERR_NOMEM;
  double most = -1;
  for (int64_t k = 0; status == TAME_OK && k < rows; k++) {
    tame_experiment *e;
    status = tame_experiment_member(&e, study, k, MPI_COMM_SELF);
    if (status == TAME_ERR_INPUT) {
      out->refused++;
      status = TAME_OK;
      continue;
    }
    if (status != TAME_OK) break;
    (*cycles)[k] = tame_plan_cycles(e);
    if ((*cycles)[k] > most) {
      most = (*cycles)[k];
      tame_experiment_free(dearest);
      *dearest = e;
      out->dearest = k;
    } else {
      tame_experiment_free(&e);
    }
  }
  if (status == TAME_OK && !*dearest) return tame_fail(TAME_ERR_INPUT, "no network can run");
  return status;
}

static void plan_layout(const model *m, tame_plan *out)
{
  for (int k = 0; k < out->group; k++) {
    double neurons[2];
    tame_plan_rank rank;
    share_of(m, k, out->group, neurons);
    plan_rank(m, out->group, neurons, &rank);
    if (k == 0 || rank.neurons < out->least_neurons) out->least_neurons = rank.neurons;
    if (k == 0 || rank.neurons > out->most_neurons) out->most_neurons = rank.neurons;
    if (k == 0 || rank.total > out->most.total) out->most = rank;
  }
}

static tame_status fill_times(const model *m, const tame_plan_request *q, tame_plan *out)
{
  double neurons[2];
  const int per_node = (q->ranks + q->nodes - 1) / q->nodes;
  int at_once = q->threads * per_node;
  if (at_once > omp_get_num_procs()) at_once = omp_get_num_procs();
  share_of(m, 0, out->group, neurons);
  if (q->updates_per_second > 0) { /* as given, the step in proportion */
    out->times.update = 1 / q->updates_per_second;
    out->times.readout_update = out->times.update;
    out->times.step = out->times.update * 0.1;
    return TAME_OK;
  }
  return calibrate(m, neurons, out->group, q->threads, at_once, &out->times);
}

tame_status tame_experiment_plan(const tame_experiment *study, const tame_plan_request *request,
                                 tame_plan *out)
{
  double *cycles = NULL, base = 0;
  tame_experiment *e = NULL;
  const tame_plan_request *q = request;
  model m = {0};
  *out = (tame_plan){.networks = tame_experiment_networks(study)};
  tame_status status = find_dearest(study, out, &cycles, &e);
  if (status == TAME_OK) {
    base = cycles[out->dearest];
    out->group = q->group ? q->group
                          : tame_plan_group(q->ranks, out->networks, cycles,
                                            base / fmax(1, tame_plan_steps(e)));
    out->groups = q->ranks / out->group;
    status = make_model(&m, e);
  }
  if (status == TAME_OK) {
    plan_layout(&m, out);
    plan_files(&m, out);
    status = fill_times(&m, q, out);
  }
  if (status == TAME_OK) {
    out->seconds = seconds_of(e, q, out, out->parts);
    out->results_bytes *= (double)out->networks;
    for (int64_t k = 0; k < out->networks; k++) cycles[k] *= base > 0 ? out->seconds / base : 0;
    out->wall_seconds = tame_plan_makespan(out->groups, out->networks, cycles, &out->idle);
  }
  free_model(&m);
  free(cycles);
  tame_experiment_free(&e);
  return status;
}
