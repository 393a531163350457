/* What a network will take; see plan.h and tame_experiment_plan(). */
#include "experiment/plan.h"
#include "experiment/fit.h"

#include "base/memory.h"
#include "network/inside.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum {
  SAMPLE = 128,      /* rows drawn to see how long they are */
  OF_FILES = 4500000 /* bytes that HDF5 takes on the rank that opens files */
};

/* A number of neurons that are alike: how many synapses and plastic ones each has, on average. */
typedef struct kind {
  double neurons, inputs, plastic, padded, tiles, cost;
  bool shared; /* all have the same inputs, and so one P on each rank */
} kind;

typedef struct model {
  const tame_experiment *e;
  double n, real;
  kind kinds[2];       /* plastic neurons first, where plasticity is per neuron */
  int64_t *sampled[2]; /* plastic inputs of the sampled rows, [SAMPLE] */
  int64_t n_sampled[2];
} model;

/* ---- cycles, for the order of networks ------------------------------------------------------- */

/* What all trials do, by kind of phase. */
typedef struct work {
  double phases[TAME_WORK_KINDS], trials[TAME_WORK_KINDS], steps[TAME_WORK_KINDS],
      updates[TAME_WORK_KINDS];
  double readouts;             /* steps that need z */
  double observed, worked_out; /* cycles of analyses: along the trials, at their ends on one rank */
} work;

/* Steps t < last with t mod every = 0. */
static int64_t steps_before(int64_t last, int64_t every)
{
  return (last + every - 1) / every;
}

/* Trials of one task in a phase. */
static void count_task(const tame_experiment *e, int64_t p, int64_t t, work *w)
{
  const int k = tame_phase_work(e, p);
  const double trials = (double)tame_phase_trials(e, p);
  const bool judged = tame_phase_judges(e, p, t);
  int64_t first, last, wanted = 0;
  tame_phase_window(e, p, t, &first, &last);
  if (tame_recording_covers(e, &e->output.readout, p))
    wanted = steps_before(e->scripts[t].steps, e->output.readout.every);
  if (judged && wanted < e->scripts[t].steps)
    wanted = last - first > wanted ? last - first : wanted;
  if (tame_phase_free_from(e, p, t) >= 0) wanted = e->scripts[t].steps;
  w->trials[k] += trials;
  w->steps[k] += trials * (double)e->scripts[t].steps;
  w->readouts += trials * (double)wanted;
  if (k == TAME_WORK_ANALYSED) {
    const tame_analysis_plan plan = tame_phase_foresee(e, p, t, 1);
    w->observed += trials * (double)(last - first) * plan.step_cycles;
    w->worked_out += trials * plan.trial_cycles;
  }
  if (k == TAME_WORK_PLAIN || k == TAME_WORK_ANALYSED) return;
  const int64_t every = tame_phase_at(e, p)->every;
  w->updates[k] += trials * (double)(steps_before(last, every) - steps_before(first, every));
}

static work count(const tame_experiment *e)
{
  work w = {.readouts = 0};
  for (int64_t p = 0; p < e->phases.count; p++) {
    w.phases[tame_phase_work(e, p)]++;
    for (int64_t t = 0; t < e->tasks.count; t++)
      if (tame_phase_has_task(e, p, t)) count_task(e, p, t, &w);
  }
  w.readouts += w.updates[TAME_WORK_READOUT];
  return w;
}

double tame_plan_steps(const tame_experiment *e)
{
  const work w = count(e);
  return w.steps[TAME_WORK_PLAIN] + w.steps[TAME_WORK_RECURRENT] + w.steps[TAME_WORK_READOUT] +
         w.steps[TAME_WORK_ANALYSED];
}

double tame_plan_cycles(const tame_experiment *e)
{
  const work w = count(e);
  const double n = (double)e->network.neurons;
  const tame_wiring *wiring = (const tame_wiring *)e->network.wiring.row;
  const double k = wiring->expected(e->network.wiring.params, e->network.neurons);
  const bool by_synapse = e->network.plasticity == TAME_PLASTIC_PER_SYNAPSE;
  const double f = e->network.plastic_fraction, learns = by_synapse ? k * f : k;
  return tame_plan_steps(e) * n * (tame_network_cycles(&e->network) + k) +
         w.updates[TAME_WORK_RECURRENT] * n * (by_synapse ? 1 : f) * learns * learns / 2 +
         w.updates[TAME_WORK_READOUT] * n * n / 2 + w.observed + w.worked_out;
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
  if (idle) *idle = last > 0 ? fmax(0, 1 - sum / (last * groups)) : 0;
  free(busy);
  return last;
}

/* How much faster `ranks` ranks make a step: what each computes gets less, the exchange does not. */
static double speedup(int ranks, double a_step)
{
  const double exchange = ranks == 1 ? 0 : 6000 * log2((double)ranks); /* cycles: 2 us or so */
  return a_step / (a_step / ranks + exchange);
}

/* The next larger group to be tried. */
static int larger(int group, int most)
{
  return group < most && 2 * group > most ? most : 2 * group;
}

int tame_plan_group(int least, int ranks, int64_t rows, const double *cycles, double a_step)
{
  int best = least;
  double soonest = INFINITY;
  double *cost = tame_untouched(rows, sizeof *cost, "a plan");
  for (int g = least; cost && g <= ranks; g = larger(g, ranks)) {
    for (int64_t k = 0; k < rows; k++) cost[k] = cycles[k] / speedup(g, a_step);
    const double end = tame_plan_makespan(ranks / g, rows, cost, NULL);
    if (end < 0.98 * soonest) soonest = end, best = g;
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
  int32_t *two_rows = tame_untouched(2 * p->neurons, sizeof *two_rows, "a row of the wiring");
  m->sampled[which] = tame_zeroed(SAMPLE, sizeof(int64_t), "a row of the wiring");
  if (!two_rows || !m->sampled[which]) {
    free(two_rows);
    return TAME_ERR_NOMEM;
  }
  int64_t before = -1;
  k->shared = true;
  const int64_t rows = last - first < SAMPLE ? last - first : SAMPLE;
  for (int64_t s = 0; s < rows; s++) {
    const int64_t i = first + (last - first) * s / rows;
    int32_t *const row = two_rows + s % 2 * p->neurons;
    const int64_t inputs = wiring->draw(p->wiring.params, (uint64_t)p->seed, p->neurons, i, row);
    int64_t learns = 0;
    if (p->plasticity == TAME_PLASTIC_PER_SYNAPSE)
      learns = (int64_t)floor(p->plastic_fraction * (double)inputs + 0.5);
    else if (p->plasticity == TAME_PLASTIC_PER_NEURON && which == 0) learns = inputs;
    k->inputs += (double)inputs / (double)rows;
    k->plastic += (double)learns / (double)rows;
    k->padded += (double)tame_padded((size_t)learns) / (double)rows;
    k->tiles += (double)tame_tiles((size_t)learns) / (double)rows;
    if (before >= 0 && (learns != before ||
                        memcmp(two_rows, two_rows + p->neurons, (size_t)learns * sizeof *row) != 0))
      k->shared = false;
    before = learns;
    m->sampled[which][m->n_sampled[which]++] = learns;
  }
  free(two_rows);
  k->cost = tame_network_cycles(p) + k->inputs + 24 * k->tiles;
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

/* P's of a kind on a rank that has some of its neurons. */
static double learners_of(const kind *k, double neurons)
{
  if (k->tiles <= 0) return 0;
  return k->shared ? fmin(neurons, 1) : neurons;
}

/* Numbers of all P and u, and of the plastic weights beside them. */
static double p_numbers(const model *m, const double neurons[2])
{
  double sum = sum_of(m, neurons, plastic_of);
  for (int which = 0; which < 2; which++) {
    const kind *k = &m->kinds[which];
    sum += learners_of(k, neurons[which]) * (k->tiles * TAME_TILE * TAME_TILE + 2 * k->padded);
  }
  return sum;
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

/* Of the learners of readouts the one that takes most on rank k of g; *saved: in a checkpoint. */
static double readout_bytes(const tame_experiment *e, int k, int g, double *saved)
{
  double most = 0;
  *saved = 0;
  for (int64_t p = 0; p < e->phases.count; p++) {
    double kept;
    const tame_phase *phase = tame_phase_at(e, p);
    if (tame_phase_kind_at(e, p) != TAME_PHASE_TRAIN || phase->weights != TAME_WEIGHTS_READOUT)
      continue;
    most = fmax(most, tame_learner_estimate(&phase->learner, &e->network, k, g, &kept));
    *saved = fmax(*saved, kept);
  }
  return most;
}

/* What a network of features keeps of the past, on every rank. */
static double memory_bytes(const tame_network_params *p)
{
  const tame_features *features = tame_network_features(p);
  return features ? 8.0 * (double)features->memory(p->cell.params, tame_network_channels(p)) : 0;
}

/* Rank k of g. */
static void plan_rank(const model *m, int k, int g, tame_plan_rank *out)
{
  double neurons[2];
  share_of(m, k, g, neurons);
  const tame_network_params *p = &m->e->network;
  const double own = neurons[0] + neurons[1], real = m->real, n = m->n;
  const double synapses = sum_of(m, neurons, inputs_of);
  const double mean = own > 0 ? synapses / own : 0;
  const double seen = n * (1 - pow(1 - fmin(1, mean / n), own)); /* different sources */
  *out = (tame_plan_rank){.neurons = own};
  const double fed = p->feedback_scale > 0 ? own : 0;
  out->weights = synapses * (real + (tame_network_is_dense(p) ? 0 : 4)) +
                 own * ((double)p->inputs + (p->bias_scale > 0)) * real +
                 (double)p->outputs * (n + fed) * real;
  int variables;
  (void)tame_network_variables(p, &variables);
  out->states = own * ((2 + variables) * real + 16 + 2 * 8) + memory_bytes(p);
  const double remote = fmin(seen, n - own);
  const bool gather = g > 1 && remote >= (n - own) / 2;
  out->gathers = gather;
  if (g > 1) {
    out->exchange = n * real * (gather ? 1 : 2) + n * 4;
    out->bytes_a_step = (gather ? n - own : remote) * real;
    out->messages_a_step = gather ? ceil(log2(g)) : remote > 0 ? g - 1 : 0;
  } else {
    out->exchange = n * (2 * real + 4);
  }
  if (trains(m->e, TAME_WEIGHTS_RECURRENT)) out->P = p_numbers(m, neurons) * real;
  double saved;
  out->P = fmax(out->P, readout_bytes(m->e, k, g, &saved));
  out->analyses = tame_observer_need(m->e, own / n, g, k == 0);
  out->recordings = tame_run_recordings(m->e, own / n);
  out->files = k == 0 ? OF_FILES : 0;
  const double scaling = k == 0 ? tame_network_scaling_bytes(p) : 0; /* before there is a P */
  const double later = fmax(out->P, out->analyses) +
                       out->recordings; /* no analysis while there is a P */
  out->total = out->weights + out->states + out->exchange + fmax(later, scaling) + out->files;
}

/* The rank of g that holds most. */
static tame_plan_rank neediest_rank(const model *m, int g)
{
  tame_plan_rank most, rank;
  plan_rank(m, 0, g, &most);
  for (int k = 1; k < g; k++) {
    plan_rank(m, k, g, &rank);
    if (rank.total > most.total) most = rank;
  }
  return most;
}

/* Ranks that a phase wants for what is solved for together. */
static int solvers_of(const tame_experiment *e, int64_t p)
{
  const tame_phase *phase = tame_phase_at(e, p);
  if (tame_phase_kind_at(e, p) == TAME_PHASE_TRAIN)
    return tame_learner_ranks(&phase->learner, (tame_weights)phase->weights);
  int most = 1;
  for (int64_t t = 0; tame_phase_analyses(e, p) > 0 && t < e->tasks.count; t++) {
    const int want = tame_phase_has_task(e, p, t) ? tame_phase_foresee(e, p, t, 1).solvers : 1;
    if (want > most) most = want;
  }
  return most;
}

tame_status tame_plan_solvers(const tame_experiment *e, int ranks, int *solvers)
{
  *solvers = 1;
  for (int64_t p = 0; p < e->phases.count; p++) {
    const int want = solvers_of(e, p);
    if (want > ranks)
      return tame_fail(TAME_ERR_INPUT,
                       "phase '%s': %d ranks are to solve together (solvers), and a network has "
                       "%d; use more ranks, or fewer solvers, which changes the bits",
                       tame_phase_at(e, p)->name, want, ranks);
    if (want > *solvers) *solvers = want;
  }
  return TAME_OK;
}

tame_status tame_plan_fewest(const tame_experiment *e, int least, int most, double room,
                             int *fewest, double *need)
{
  model m;
  const tame_status status = make_model(&m, e);
  *fewest = 0;
  for (int g = least; status == TAME_OK && *fewest == 0 && g <= most; g = larger(g, most)) {
    *need = neediest_rank(&m, g).total;
    if (*need <= room) *fewest = g;
  }
  free_model(&m);
  return status;
}

/* Bytes or so that a network takes, to find the one of a sweep that takes most. */
static double bytes_about(const tame_experiment *e)
{
  const tame_network_params *p = &e->network;
  const double n = (double)p->neurons, real = p->precision == TAME_FLOAT ? 4 : 8;
  const double k = ((const tame_wiring *)p->wiring.row)->expected(p->wiring.params, p->neurons);
  const bool by_synapse = p->plasticity == TAME_PLASTIC_PER_SYNAPSE;
  const double f = p->plastic_fraction, learns = by_synapse ? k * f : k;
  double P = 0, saved;
  if (trains(e, TAME_WEIGHTS_RECURRENT)) P = n * (by_synapse ? 1 : f) * learns * learns / 2 * real;
  P = fmax(P, readout_bytes(e, 0, 1, &saved));
  return n * k * (real + (tame_network_is_dense(p) ? 0 : 4)) +
         fmax(P, tame_observer_need(e, 1, 1, true)) + tame_run_recordings(e, 1);
}

/* ---- all ------------------------------------------------------------------------------------------- */

/* Time for the exchange of a rank: per step, and for all rates, which readouts need. */
static double exchange_seconds(const tame_plan_request *q, const tame_plan_rank *rank)
{
  return rank->messages_a_step * q->latency_s + rank->bytes_a_step / q->bandwidth;
}

/* Of the results of all networks, the one planned being like the others. */
static double bytes_of(const tame_experiment *study, const tame_blueprint *b)
{
  const double networks = (double)tame_experiment_networks(study);
  double sum = 0;
  for (int64_t k = 0; k < b->n_sets; k++) {
    double bytes = study->kind->shares(study, b->sets[k].path) ? 1 : networks;
    bytes *= b->sets[k].type == TAME_TYPE_TEXT ? (double)b->sets[k].width
                                               : (double)tame_type_size(b->sets[k].type);
    for (int j = 0; j < b->sets[k].axes; j++) bytes *= (double)b->sets[k].shape[j];
    sum += bytes;
  }
  return sum;
}

/* Files: results of all networks, and two checkpoints of one. */
static void plan_files(const model *m, const tame_experiment *study, tame_plan *out)
{
  const tame_experiment *e = m->e;
  const double all[2] = {m->kinds[0].neurons, m->kinds[1].neurons},
               outputs = (double)e->network.outputs;
  tame_blueprint b = {0};
  const double synapses = sum_of(m, all, inputs_of);
  int variables;
  (void)tame_network_variables(&e->network, &variables);
  tame_recorder_plan(e, (int64_t)synapses, &b);
  out->results_bytes = bytes_of(study, &b);
  tame_blueprint_free(&b);
  double P = 0, saved;
  if (trains(e, TAME_WEIGHTS_RECURRENT)) P = p_numbers(m, all) * m->real;
  (void)readout_bytes(e, 0, out->group, &saved);
  P = fmax(P, saved);
  /* of analyses at most: not all is kept */
  const double changes = fmax(P, tame_observer_need(e, 1, 1, true));
  out->checkpoint_bytes = 2 * (changes + sum_of(m, all, plastic_of) * m->real +
                               m->n * ((1 + variables) * m->real + 8) + outputs * m->n * m->real +
                               tame_run_recordings(e, 1));
  out->synapses = synapses;
  out->p_bytes = P;
}

/* By LAPACK, or by some hundred products and as many vectors to be kept orthogonal. */
static double scaling_seconds(const model *m, double product)
{
  if (m->e->network.scaling != TAME_SCALE_SPECTRAL_RADIUS) return 0;
  return fmin(2e-9 * m->n * m->n * m->n, 300 * (product + 3e-7 * m->n));
}

/* Until the first trial: the wiring is drawn once by one rank, to count, and three times by each; weights, their
 * slots, the file. And after the last one. The constants here and below are rough, of things that are small
 * beside the rest. */
static double begin_seconds(const model *m, const tame_plan_request *q, const tame_plan *p)
{
  const tame_plan_times *t = &p->times;
  const double each = p->synapses / p->group, outputs = (double)m->e->network.outputs;
  const bool kept = m->e->output.weights != TAME_KEEP_NONE;
  const double drawn = (3 * each + (kept ? p->synapses : 0)) * t->draw + each * t->normal;
  const double slots = each * (p->group > 1 ? 12e-9 : 4e-9), written = kept ? each * 30e-9 : 0;
  return 2e-3 + drawn / q->threads + outputs * m->n * t->normal + slots + written +
         p->most.weights * t->touch / q->threads + scaling_seconds(m, t->step);
}

/* Until there is a program, or there are some. */
static double start_seconds(const tame_plan_request *q)
{
  return q->ranks > 1 ? 0.3 : 0.1;
}

/* What a trial takes beside its steps: the state it starts from, health of P, the change of weights. */
static double trial_seconds(const model *m, const tame_plan *p, int which)
{
  const double all[2] = {m->kinds[0].neurons, m->kinds[1].neurons},
               plastic = sum_of(m, all, plastic_of);
  double seconds = 1e-4 + p->most_neurons * p->times.normal;
  if (which == TAME_WORK_RECURRENT) seconds += plastic / p->group * 12e-9 + m->n * 5e-9;
  if (which == TAME_WORK_READOUT) seconds += m->n / p->group * 10e-9;
  return seconds;
}

static double seconds_of(const model *m, const tame_plan_request *q, tame_plan *p)
{
  const work w = count(m->e);
  const tame_plan_times *t = &p->times;
  const double between = exchange_seconds(q, &p->most), step = t->step + between;
  const double all[2] = {m->kinds[0].neurons, m->kinds[1].neurons};
  const double a_cycle = t->step /
                         (40 * m->n + sum_of(m, all, inputs_of)); /* of all ranks together */
  p->begin_seconds = begin_seconds(m, q, p) + (p->networks == 1 ? start_seconds(q) : 0);
  p->parts[TAME_WORK_PLAIN] = w.readouts * (t->readout + (p->most.gathers ? 0 : between));
  p->parts[TAME_WORK_RECURRENT] = w.updates[TAME_WORK_RECURRENT] * t->update;
  p->parts[TAME_WORK_READOUT] = w.updates[TAME_WORK_READOUT] * (t->readout_update + between);
  p->parts[TAME_WORK_ANALYSED] = w.observed * a_cycle +
                                 w.worked_out * a_cycle * p->group * q->threads;
  double sum = p->begin_seconds;
  for (int k = 0; k < TAME_WORK_KINDS; k++) {
    p->parts[k] += w.steps[k] * step + w.trials[k] * trial_seconds(m, p, k);
    if (k == TAME_WORK_RECURRENT || k == TAME_WORK_READOUT)
      p->parts[k] += w.phases[k] * p->p_bytes / p->group * t->touch / q->threads;
    sum += p->parts[k];
  }
  return sum;
}

/* Of a sweep: the network that takes longest, the one that needs most memory, which may be the same; cycles of
 * all. */
typedef struct extremes {
  double *cycles; /* [networks] */
  tame_experiment *dearest, *neediest;
} extremes;

/* Which they are, and cycles of all. */
static tame_status look_at_all(const tame_experiment *study, tame_plan *out, double *cycles)
{
  double longest = -1, largest = -1;
  for (int64_t k = 0; k < out->networks; k++) {
    tame_experiment *e;
    const tame_status status = tame_experiment_member(&e, study, k, MPI_COMM_SELF);
    if (status == TAME_ERR_INPUT) out->refused++;
    else if (status != TAME_OK) return status;
    if (status != TAME_OK) continue;
    if (!*out->caution) {
      tame_network_caution(&e->network, out->caution, sizeof out->caution);
      out->cautioned = k;
    }
    const double bytes = bytes_about(e);
    cycles[k] = tame_plan_cycles(e);
    if (cycles[k] > longest) longest = cycles[k], out->dearest = k;
    if (bytes > largest) largest = bytes, out->neediest = k;
    tame_experiment_free(&e);
  }
  return longest >= 0 ? TAME_OK : tame_fail(TAME_ERR_INPUT, "no network can run");
}

static tame_status find_extremes(const tame_experiment *study, tame_plan *out, extremes *x)
{
  x->cycles = tame_zeroed(out->networks, sizeof *x->cycles, "a plan");
  if (!x->cycles) return TAME_ERR_NOMEM;
  tame_status status = look_at_all(study, out, x->cycles);
  if (status == TAME_OK)
    status = tame_experiment_member(&x->dearest, study, out->dearest, MPI_COMM_SELF);
  if (status != TAME_OK) return status;
  x->neediest = x->dearest;
  if (out->neediest == out->dearest) return TAME_OK;
  return tame_experiment_member(&x->neediest, study, out->neediest, MPI_COMM_SELF);
}

static void free_extremes(extremes *x)
{
  if (x->neediest == x->dearest) x->neediest = NULL;
  tame_experiment_free(&x->dearest);
  tame_experiment_free(&x->neediest);
  free(x->cycles);
}

/* Ranks per network, as a run chooses them. */
static tame_status choose_group(const tame_plan_request *q, const extremes *x, tame_plan *out)
{
  const int per_node = (q->ranks + q->nodes - 1) / q->nodes;
  const double room = q->memory > 0 ? q->memory / per_node - q->program : INFINITY;
  const double a_step = x->cycles[out->dearest] / fmax(1, tame_plan_steps(x->dearest));
  double need;
  int fewest = 1, solvers;
  out->group = q->group ? q->group : q->ranks;
  const tame_status enough = tame_plan_solvers(x->neediest, out->group, &solvers);
  if (enough != TAME_OK) return enough;
  if (!q->group && out->networks > 1) {
    double *cycles = tame_untouched(out->networks, sizeof *cycles, "a plan");
    if (!cycles) return TAME_ERR_NOMEM;
    memcpy(cycles, x->cycles, (size_t)out->networks * sizeof *cycles);
    const tame_status status = tame_plan_fewest(x->neediest, solvers, q->ranks, room, &fewest,
                                                &need);
    if (status == TAME_OK && fewest > 0)
      out->group = tame_plan_group(fewest, q->ranks, out->networks, cycles, a_step);
    free(cycles);
    if (status != TAME_OK) return status;
  }
  out->groups = q->ranks / out->group;
  return TAME_OK;
}

/* The memory of the neediest network, the layout of the dearest. */
static tame_status plan_layout(const model *dearest, const tame_experiment *neediest,
                               tame_plan *out)
{
  for (int k = 0; k < out->group; k++) {
    tame_plan_rank rank;
    plan_rank(dearest, k, out->group, &rank);
    if (k == 0 || rank.neurons < out->least_neurons) out->least_neurons = rank.neurons;
    if (k == 0 || rank.neurons > out->most_neurons) out->most_neurons = rank.neurons;
  }
  out->most = neediest_rank(dearest, out->group);
  out->needs = out->most;
  if (neediest == dearest->e) return TAME_OK;
  model m;
  const tame_status status = make_model(&m, neediest);
  if (status == TAME_OK) out->needs = neediest_rank(&m, out->group);
  free_model(&m);
  return status;
}

/* Work of a rank in a step, in cycles or so. */
static double step_of(const model *m, int k, int g)
{
  double neurons[2];
  share_of(m, k, g, neurons);
  return sum_of(m, neurons, inputs_of) + 40 * (neurons[0] + neurons[1]);
}

/* Steps are timed with the share of rank 0, which may have the fewest neurons, though it has as much of P as any:
 * all wait for the rank that has most. */
static double slowest_of(const model *m, int g)
{
  const double first = step_of(m, 0, g);
  double most = first;
  for (int k = 1; k < g; k++) most = fmax(most, step_of(m, k, g));
  return first > 0 ? most / first : 1;
}

/* Times of rank 0's share, but for the step. */
static tame_status fill_times(const model *m, const tame_plan_request *q, tame_plan *out)
{
  double neurons[2];
  const int per_node = (q->ranks + q->nodes - 1) / q->nodes, cores = omp_get_num_procs();
  const int at_once = q->threads * per_node < cores ? q->threads * per_node : cores;
  share_of(m, 0, out->group, neurons);
  const int which = neurons[0] > 0 ? 0 : 1;
  const bool learns = trains(m->e, TAME_WEIGHTS_RECURRENT);
  const tame_plan_share share = {
      .network = &m->e->network,
      .threads = q->threads,
      .neurons = neurons[0] + neurons[1],
      .synapses = sum_of(m, neurons, inputs_of),
      .learners = learns ? learners_of(&m->kinds[which], neurons[which]) : 0,
      .inputs = m->sampled[which],
      .n_inputs = m->n_sampled[which],
      .readout_rows = trains(m->e, TAME_WEIGHTS_READOUT) ? ceil(m->n / out->group) : 0};
  tame_plan_times *t = &out->times;
  const tame_status status = tame_plan_calibrate(&share, at_once, t);
  t->step *= slowest_of(m, out->group);
  if (status != TAME_OK || q->updates_per_second <= 0) return status;
  const double here = t->update > 0 ? t->update : t->readout_update;
  if (here <= 0) return tame_fail(TAME_ERR_INPUT, "updates per second are given, but none learns");
  const double slower = 1 / q->updates_per_second / here; /* than this machine */
  double *const all[] = {&t->step, &t->update, &t->readout_update, &t->readout,
                         &t->draw, &t->normal, &t->touch};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) *all[k] *= slower;
  return TAME_OK;
}

tame_status tame_experiment_plan(const tame_experiment *study, const tame_plan_request *request,
                                 tame_plan *out)
{
  const tame_plan_request *q = request;
  extremes x = {.cycles = NULL};
  model m = {0};
  *out = (tame_plan){.networks = tame_experiment_networks(study)};
  if (study->kind == &tame_kind_model) return tame_fit_foresee(study, request, out);
  tame_status status = find_extremes(study, out, &x);
  if (status == TAME_OK) status = choose_group(q, &x, out);
  if (status == TAME_OK) status = make_model(&m, x.dearest);
  if (status == TAME_OK) status = plan_layout(&m, x.neediest, out);
  if (status == TAME_OK) {
    plan_files(&m, study, out);
    status = fill_times(&m, q, out);
  }
  if (status == TAME_OK) {
    const double base = x.cycles[out->dearest];
    out->seconds = seconds_of(&m, q, out);
    for (int64_t k = 0; k < out->networks; k++) x.cycles[k] *= base > 0 ? out->seconds / base : 0;
    out->wall_seconds = tame_plan_makespan(out->groups, out->networks, x.cycles, &out->idle) +
                        start_seconds(q);
  }
  free_model(&m);
  free_extremes(&x);
  return status;
}
