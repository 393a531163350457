/* A recurrent network over ranks: drawn in place, stepped with one exchange of rates; see
 * tame/network.h. */
#include "tame/network.h"

#include "base/memory.h"
#include "network/inside.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- drawing ------------------------------------------------------------------------------- */

static bool is_plastic(const tame_network_params *p, int64_t source, int64_t target)
{
  switch (p->plasticity) {
    case TAME_PLASTIC_PER_NEURON:
      return (double)target < floor(p->plastic_fraction * (double)p->neurons + 0.5);
    case TAME_PLASTIC_PER_SYNAPSE:
      return tame_uniform((uint64_t)p->seed, TAME_DRAW_PLASTIC, (uint32_t)source, (uint32_t)target,
                          0) < p->plastic_fraction;
    default: return false;
  }
}

/* Sources of neuron i into row, [n] of room; plastic ones first if split, by ascending id in each
 * part. Returns their number, *plastic that of the plastic ones. spare: [n], or NULL to only count. */
static int64_t draw_row(const tame_network_params *p, int64_t i, int32_t *row, int32_t *spare,
                        int64_t *plastic)
{
  const tame_wiring *wiring = (const tame_wiring *)p->wiring.row;
  const int64_t count = wiring->draw(p->wiring.params, (uint64_t)p->seed, p->neurons, i, row);
  int64_t fixed = 0, first = 0;
  for (int64_t s = 0; s < count; s++) {
    const bool learns = is_plastic(p, row[s], i);
    if (!learns && spare) spare[fixed] = row[s];
    if (learns && spare) row[first] = row[s];
    first += learns;
    fixed += !learns;
  }
  if (spare && fixed) memcpy(row + first, spare, (size_t)fixed * sizeof *row);
  *plastic = first;
  return count;
}

enum { STEP = 40 /* cycles or so of a neuron's step; each input takes one more */ };

/* Of a step, and of P where there is an update. */
static int64_t cost_of(int64_t inputs, int64_t plastic)
{
  return STEP + inputs + 24 * (int64_t)tame_tiles((size_t)plastic);
}

/* For each neuron in [first, last): inputs and plastic inputs. scratch: [threads][n]. */
static void count_rows(const tame_network_params *p, int64_t first, int64_t last, int32_t *scratch,
                       int64_t *inputs, int64_t *plastic)
{
#pragma omp parallel
  {
    int32_t *row = scratch + (int64_t)omp_get_thread_num() * p->neurons;
#pragma omp for schedule(dynamic, 16)
    for (int64_t i = first; i < last; i++)
      inputs[i - first] = draw_row(p, i, row, NULL, &plastic[i - first]);
  }
}

/* Who owns whom: each rank counts an even share, all balance by the same costs. */
static tame_status divide(tame_network *net, int32_t *scratch)
{
  const tame_network_params *p = &net->p;
  tame_partition even = {0};
  int size;
  MPI_Comm_size(net->comm, &size);
  int64_t *cost = tame_untouched(3 * p->neurons, sizeof *cost, "the costs of neurons");
  tame_status status = cost ? tame_partition_even(&even, size, p->neurons) : TAME_ERR_NOMEM;
  status = tame_agree(net->comm, status);
  if (status == TAME_OK) {
    const int64_t first = even.first[net->rank], last = even.first[net->rank + 1];
    int64_t *const inputs = cost + p->neurons, *const plastic = inputs + p->neurons;
    count_rows(p, first, last, scratch, inputs, plastic);
    for (int64_t i = 0; i < last - first; i++) inputs[i] = cost_of(inputs[i], plastic[i]);
    tame_gather_all(net->comm, &even, inputs, cost, sizeof *cost);
    status = tame_partition_balance(&net->partition, size, p->neurons, cost);
    status = tame_agree(net->comm, status);
  }
  if (status == TAME_OK) {
    net->first = net->partition.first[net->rank];
    net->n_local = net->partition.first[net->rank + 1] - net->first;
  }
  tame_partition_free(&even);
  free(cost);
  return status;
}

tame_status tame_network_divide(const tame_network *net, int64_t fixed, int64_t times,
                                tame_partition *threads)
{
  int64_t *cost = tame_untouched(net->n_local, sizeof *cost, "the costs of neurons");
  double total = 0;
  for (int64_t i = 0; cost && i < net->n_local; i++) {
    cost[i] = (fixed + net->start[i + 1] - net->start[i]) * times;
    total += (double)cost[i];
  }
  const tame_status status = cost ? tame_partition_balance(threads, tame_threads_for(total),
                                                           net->n_local, cost)
                                  : TAME_ERR_NOMEM;
  free(cost);
  return status;
}

/* What features need. Local. */
static tame_status allocate_memory(tame_network *net)
{
  const tame_network_params *p = &net->p;
  const int64_t others = net->partition.size > 1 ? p->neurons : 0;
  net->n_memory = net->cell->features->memory(p->cell.params, tame_network_channels(p));
  net->memory = tame_zeroed(net->n_memory, sizeof *net->memory, "past inputs");
  net->v = tame_zeroed(tame_network_channels(p), sizeof *net->v, "inputs");
  net->all = tame_zeroed(others, net->real, "rates");
  return net->memory && net->v && net->all ? TAME_OK : TAME_ERR_NOMEM;
}

/* Room for the synapses, pages untouched until their threads fill them. Local. */
static tame_status allocate(tame_network *net, int32_t *scratch)
{
  const tame_network_params *p = &net->p;
  const int64_t m = net->n_local;
  net->start = tame_zeroed(m + 1, sizeof *net->start, "the rows of W");
  net->plastic = tame_zeroed(m, sizeof *net->plastic, "the rows of W");
  if (!net->start || !net->plastic) return TAME_ERR_NOMEM;
  count_rows(p, net->first, net->first + m, scratch, net->start + 1, net->plastic);
  for (int64_t i = 0; i < m; i++) net->start[i + 1] += net->start[i];
  if (tame_network_divide(net, STEP, 1, &net->threads) != TAME_OK) return TAME_ERR_NOMEM;
  net->dense = tame_network_is_dense(p);
  net->holes = net->dense && m > 0 && net->start[1] < p->neurons;
  if (!net->dense)
    net->slot = tame_untouched(net->start[m], sizeof *net->slot, "the sources of synapses");
  net->w = tame_untouched(net->start[m], net->real, "W");
  const bool features = net->cell->features != NULL, feeds = p->feedback_scale > 0 && !features;
  net->w_in = tame_zeroed(features ? 0 : p->inputs * m, net->real, "W_in");
  if (feeds) net->w_fb = tame_zeroed(p->outputs * m, net->real, "W_fb");
  net->y = tame_zeroed(p->outputs, sizeof *net->y, "W_fb");
  if (p->bias_scale > 0) net->bias = tame_zeroed(m, net->real, "biases");
  net->w_out = tame_zeroed(p->outputs * p->neurons, net->real, "W_out");
  net->b_out = tame_zeroed(p->outputs, sizeof *net->b_out, "W_out");
  net->x = tame_zeroed(m, net->real, "states");
  net->h = tame_zeroed(m, net->real, "states");
  net->r = tame_zeroed(m, net->real, "rates");
  const bool inputs = net->w_in && net->y && (net->w_fb || !feeds) &&
                      (net->bias || p->bias_scale <= 0);
  const bool weights = (net->slot || net->dense) && net->w && net->w_out && net->b_out;
  if (!weights || !inputs || !net->x || !net->h || !net->r) return TAME_ERR_NOMEM;
  return features ? allocate_memory(net) : TAME_OK;
}

/* As the wiring says, or drawn. */
static double weight_of(const tame_network_params *p, int64_t source, int64_t target, double scale)
{
  const tame_wiring *wiring = (const tame_wiring *)p->wiring.row;
  if (wiring->weight) return wiring->weight(p->wiring.params, p->neurons, target, source);
  return scale *
         tame_normal((uint64_t)p->seed, TAME_DRAW_RECURRENT, (uint32_t)source, (uint32_t)target, 0);
}

/* Sources (not yet slots) and weights of our synapses, each thread its own rows. */
static void draw_synapses(tame_network *net, int32_t *scratch)
{
  const tame_network_params *p = &net->p;
  const tame_wiring *wiring = (const tame_wiring *)p->wiring.row;
  const double expected = wiring->expected(p->wiring.params, p->neurons);
  const double gain = p->scaling == TAME_SCALE_VARIANCE ? p->gain : 1;
  const double scale = expected > 0 ? gain / sqrt(expected) : 0;
#pragma omp parallel for schedule(static, 1) num_threads(net->threads.size)
  for (int t = 0; t < net->threads.size; t++) {
    int32_t *row = scratch + 2 * t * p->neurons, *spare = row + p->neurons;
    for (int64_t i = net->threads.first[t]; i < net->threads.first[t + 1]; i++) {
      const int64_t target = net->first + i, at = net->start[i];
      const int64_t count = draw_row(p, target, row, spare, &net->plastic[i]);
      for (int64_t s = 0; s < count; s++) {
        if (!net->dense) net->slot[at + s] = row[s];
        tame_real_put(net, net->w, at + s, weight_of(p, row[s], target, scale));
      }
    }
  }
}

/* To neuron a from channel b: N(0, 1), U(-1, 1), or 1 for its own; a bias is everybody's own. */
static double draw(int distribution, uint64_t seed, tame_purpose purpose, uint32_t a, uint32_t b)
{
  if (distribution == TAME_ONE_TO_ONE) return a == b || purpose == TAME_DRAW_BIAS;
  if (distribution == TAME_UNIFORM) return 2 * tame_uniform(seed, purpose, a, b, 0) - 1;
  return tame_normal(seed, purpose, a, b, 0);
}

/* Weights from channels to our neurons, [channels][n_local]; each is there with probability `density`. */
static void draw_channels(const tame_network *net, void *w, int64_t channels, double scale,
                          int distribution, double density, tame_purpose purpose)
{
  const uint64_t seed = (uint64_t)net->p.seed;
  for (int64_t c = 0; c < channels; c++)
    for (int64_t i = 0; i < net->n_local; i++) {
      const uint32_t id = (uint32_t)(net->first + i), channel = (uint32_t)c;
      if (density < 1 && !(tame_uniform(seed, purpose, id, channel, 1) < density)) continue;
      tame_real_put(net, w, c * net->n_local + i,
                    scale * draw(distribution, seed, purpose, id, channel));
    }
}

static void draw_input_and_readout(tame_network *net)
{
  const tame_network_params *p = &net->p;
  const uint64_t seed = (uint64_t)p->seed;
  if (!net->cell->features)
    draw_channels(net, net->w_in, p->inputs, p->input_scale, p->input_weights, p->input_density,
                  TAME_DRAW_INPUT);
  if (net->w_fb)
    draw_channels(net, net->w_fb, p->outputs, p->feedback_scale, p->feedback_weights, 1,
                  TAME_DRAW_FEEDBACK);
  if (net->bias)
    draw_channels(net, net->bias, 1, p->bias_scale, p->input_weights, 1, TAME_DRAW_BIAS);
  const double scale = p->output_scale / sqrt((double)p->neurons);
  for (int64_t k = 0; k < p->outputs; k++)
    for (int64_t i = 0; i < p->neurons; i++)
      tame_real_put(net, net->w_out, k * p->neurons + i,
                    scale * tame_normal(seed, TAME_DRAW_READOUT, (uint32_t)i, (uint32_t)k, 0));
}

/* Plan what travels, and turn sources into slots of the view. A rank of a dense network reads all rates, even
 * where it has no neuron: so all travel together, and stand in the view by id. Collective. */
static tame_status connect(tame_network *net)
{
  const int64_t n = net->p.neurons, listed = net->dense ? 0 : net->start[net->n_local];
  char *reads = tame_zeroed(n, 1, "the list of sources");
  int64_t *needed = tame_untouched(n, sizeof *needed, "the list of sources");
  tame_status status = tame_agree(net->comm, reads && needed ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) {
    int64_t count = 0;
    for (int64_t s = 0; s < listed; s++) reads[net->slot[s]] = 1;
    for (int64_t j = 0; j < n; j++)
      if (net->dense || reads[j]) needed[count++] = j;
    status = tame_exchange_create(&net->exchange, net->comm, &net->partition, needed, count,
                                  net->real);
  }
  if (status == TAME_OK) {
    for (int64_t s = 0; s < listed; s++)
      net->slot[s] = tame_exchange_slot(net->exchange, net->slot[s]);
    if (net->partition.size > 1 && !net->all &&
        tame_exchange_mode_of(net->exchange) != TAME_EXCHANGE_GATHER)
      status = tame_exchange_create(&net->everything, net->comm, &net->partition, NULL, n,
                                    net->real);
  }
  free(needed);
  free(reads);
  return status;
}

static tame_status check(const tame_network_params *params)
{
  const char *key;
  char why[1024];
  const tame_status status = tame_network_check(params, &key);
  if (status == TAME_OK) return TAME_OK;
  snprintf(why, sizeof why, "%s", tame_message());
  return tame_fail(status, "network.%s: %s", key, why);
}

tame_status tame_kernels_check(void)
{
  if (tame_kernels_pick(TAME_DOUBLE)) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "TAME_KERNEL: found '%s', want one of %s", getenv("TAME_KERNEL"),
                   tame_kernels_names());
}

static tame_status begin(tame_network **out, const tame_network_params *params, int32_t **scratch)
{
  *out = NULL;
  tame_status status = check(params);
  if (status != TAME_OK) return status;
  tame_network *net = tame_zeroed(1, sizeof *net, "a network");
  if (!net) return TAME_ERR_NOMEM;
  *out = net;
  net->p = *params;
  net->p.neurons = tame_network_units(params);
  net->comm = MPI_COMM_NULL;
  net->cell = (const tame_cell *)params->cell.row;
  net->kernels = tame_kernels_pick((tame_precision)params->precision);
  if (!net->kernels) return tame_kernels_check();
  net->real = net->kernels->real_size;
  *scratch = tame_untouched(2 * net->p.neurons * omp_get_max_threads(), sizeof **scratch,
                            "drawing the wiring");
  return *scratch ? TAME_OK : TAME_ERR_NOMEM;
}

tame_status tame_network_create(tame_network **out, MPI_Comm comm,
                                const tame_network_params *params)
{
  tame_network *net;
  int32_t *scratch = NULL;
  tame_status status = tame_agree(comm, begin(&net, params, &scratch));
  if (status == TAME_OK) {
    MPI_Comm_dup(comm, &net->comm);
    MPI_Comm_rank(net->comm, &net->rank);
    status = divide(net, scratch);
    if (status == TAME_OK) status = tame_agree(net->comm, allocate(net, scratch));
    if (status == TAME_OK) {
      draw_synapses(net, scratch);
      draw_input_and_readout(net);
      status = connect(net);
      if (status == TAME_OK && params->scaling == TAME_SCALE_SPECTRAL_RADIUS)
        status = tame_network_scale(net);
    }
  }
  free(scratch);
  if (status == TAME_OK) tame_network_reset(net, 0);
  else tame_network_free(&net);
  *out = net;
  return status;
}

void tame_network_free(tame_network **network)
{
  tame_network *net = *network;
  if (!net) return;
  tame_exchange_free(&net->exchange);
  tame_exchange_free(&net->everything);
  tame_partition_free(&net->partition);
  tame_partition_free(&net->threads);
  void *const owned[] = {net->start, net->plastic, net->slot,  net->w,     net->w_in, net->w_fb,
                         net->y,     net->bias,    net->w_out, net->b_out, net->x,    net->h,
                         net->r,     net->memory,  net->v,     net->all};
  for (size_t k = 0; k < sizeof owned / sizeof *owned; k++) free(owned[k]);
  if (net->comm != MPI_COMM_NULL) MPI_Comm_free(&net->comm);
  free(net);
  *network = NULL;
}

/* ---- features ------------------------------------------------------------------------------ */

enum { AT_ONCE = 64 /* features that are put where they belong */ };

/* Of units [first, last), into an array of the network's numbers. */
static void put_features(const tame_network *net, int64_t first, int64_t last, void *array)
{
  const int64_t blocks = (last - first + AT_ONCE - 1) / AT_ONCE;
#pragma omp parallel for schedule(static)                                                          \
    num_threads(tame_threads_for(10.0 * (double)(last - first)))
  for (int64_t b = 0; b < blocks; b++) {
    const int64_t from = first + b * AT_ONCE, left = last - from,
                  n = left < AT_ONCE ? left : AT_ONCE;
    double values[AT_ONCE];
    net->cell->features->values(net->p.cell.params, tame_network_channels(&net->p), net->memory,
                                from, n, values);
    for (int64_t k = 0; k < n; k++) tame_real_put(net, array, from - first + k, values[k]);
  }
}

/* Our units from the memory: rates are states. */
static void move_features(tame_network *net)
{
  put_features(net, net->first, net->first + net->n_local, net->x);
  memcpy(net->r, net->x, (size_t)net->n_local * net->real);
}

/* From v = [u; feedback_scale y]. */
static void step_features(tame_network *net, const double *input)
{
  const int64_t inputs = net->p.inputs, channels = tame_network_channels(&net->p);
  for (int64_t c = 0; c < inputs; c++) net->v[c] = input ? input[c] : 0;
  for (int64_t k = inputs; k < channels; k++)
    net->v[k] = net->p.feedback_scale * net->y[k - inputs];
  net->cell->features->remember(net->p.cell.params, channels, net->v, net->memory);
  move_features(net);
  net->step++;
}

/* Everybody remembers the same, so that none needs to hear of the others' units. */
static const void *all_features(tame_network *net)
{
  if (net->partition.size == 1) return net->r;
  if (net->all_current != net->step + 1) put_features(net, 0, net->p.neurons, net->all);
  net->all_current = net->step + 1;
  return net->all;
}

/* ---- moving -------------------------------------------------------------------------------- */

void tame_network_go_on(tame_network *net, uint32_t trial)
{
  net->trial = trial;
  net->step = 0;
  net->all_current = 0;
}

void tame_network_feed(tame_network *net, const double *y, bool own)
{
  memcpy(net->y, y, (size_t)net->p.outputs * sizeof *y);
  net->own[0] = own;
}

void tame_network_reset(tame_network *net, uint32_t trial)
{
  const double range = net->p.initial_range;
  tame_network_go_on(net, trial);
  memset(net->y, 0, (size_t)net->p.outputs * sizeof *net->y);
  memset(net->own, 0, sizeof net->own);
  if (net->cell->features) {
    memset(net->memory, 0, (size_t)net->n_memory * sizeof *net->memory);
    move_features(net);
    return;
  }
  for (int64_t i = 0; i < net->n_local; i++) {
    const double u = tame_uniform((uint64_t)net->p.seed, TAME_DRAW_STATE,
                                  (uint32_t)(net->first + i), 0, trial);
    tame_real_put(net, net->x, i, net->p.initial_mean + range * (2 * u - 1));
  }
  net->cell->rates(net->kernels, (size_t)net->n_local, net->x, net->r);
  tame_exchange_run(net->exchange, net->r);
}

/* scale times U(-1, 1) to n of our neurons from `from` on; an even one shares its draw with the next. */
static void add_uniform_noise(const tame_network *net, int64_t from, int64_t n, double scale,
                              void *h)
{
  for (int64_t i = 0; i < n; i++) {
    const int64_t id = net->first + from + i;
    double u[2];
    tame_uniform2((uint64_t)net->p.seed, TAME_DRAW_NOISE, (uint32_t)(id / 2), net->step, net->trial,
                  u);
    tame_real_put(net, h, i, tame_real_at(net, h, i) + scale * (2 * u[id % 2] - 1));
  }
}

/* h += w v for neurons [from, from + n) of ours; w: [channels][n_local]. */
static void add_channels(const tame_network *net, int64_t from, size_t n, const void *w,
                         int64_t channels, const double *v, void *h)
{
  for (int64_t c = 0; c < channels; c++)
    if (v[c] != 0)
      net->kernels->add_scaled(n, v[c], tame_real_from(net, w, c * net->n_local + from), h);
}

void tame_network_sums(const tame_network *net, int64_t from, int64_t to, void *h)
{
  const size_t n = (size_t)(to - from);
  const void *r = tame_exchange_view(net->exchange);
  if (net->dense)
    net->kernels->dense_sums(n, (size_t)(net->p.neurons - net->holes),
                             net->holes ? net->first + from : -1,
                             tame_real_from(net, net->w, net->start[from]), r, h);
  else net->kernels->row_sums(n, net->start + from, net->slot, net->w, r, h);
}

/* Neurons [from, to) of ours: h = W r + W_in u + W_fb y + bias + noise, then the cell. */
static void step_range(const tame_network *net, int64_t from, int64_t to, const double *input,
                       double noise)
{
  const tame_kernels *k = net->kernels;
  const size_t n = (size_t)(to - from);
  void *const h = tame_real_from(net, net->h, from);
  tame_network_sums(net, from, to, h);
  if (input) add_channels(net, from, n, net->w_in, net->p.inputs, input, h);
  if (net->w_fb) add_channels(net, from, n, net->w_fb, net->p.outputs, net->y, h);
  if (net->bias) k->add_scaled(n, 1, tame_real_from(net, net->bias, from), h);
  if (noise != 0 && net->p.noise_distribution == TAME_UNIFORM) {
    add_uniform_noise(net, from, to - from, noise, h);
  } else if (noise != 0) {
    const tame_noise_key key = {(uint64_t)net->p.seed, net->step, net->trial};
    k->add_noise(n, net->first + from, key, noise, h);
  }
  net->cell->step(k, net->p.cell.params, net->p.dt_ms, n, h, tame_real_from(net, net->x, from),
                  tame_real_from(net, net->r, from));
  tame_exchange_put(net->exchange, net->r, from, to - from);
}

void tame_network_step(tame_network *net, const double *input, bool noise)
{
  net->own[1] = net->own[0];
  if (net->cell->features) {
    step_features(net, input);
    return;
  }
  const double sd = net->p.noise_scaling == TAME_NOISE_SQRT_DT ? net->p.noise * sqrt(net->p.dt_ms)
                                                               : net->p.noise;
#pragma omp parallel for schedule(static, 1) num_threads(net->threads.size)
  for (int t = 0; t < net->threads.size; t++)
    step_range(net, net->threads.first[t], net->threads.first[t + 1], input, noise ? sd : 0);
  tame_exchange_show(net->exchange, net->r);
  net->step++;
}

const void *tame_network_all_rates(tame_network *net)
{
  if (net->cell->features) return all_features(net);
  if (!net->everything) return tame_exchange_view(net->exchange);
  if (net->all_current != net->step + 1) tame_exchange_run(net->everything, net->r);
  net->all_current = net->step + 1;
  return tame_exchange_view(net->everything);
}

void tame_network_readout(tame_network *net, double *z)
{
  const void *r = tame_network_all_rates(net);
  for (int64_t k = 0; k < net->p.outputs; k++)
    z[k] = net->kernels->dot((size_t)net->p.neurons,
                             tame_real_from(net, net->w_out, k * net->p.neurons), r) +
           net->b_out[k];
}

/* ---- keeping ------------------------------------------------------------------------------- */

int64_t tame_network_synapses(const tame_network_params *p)
{
  int64_t sum = 0;
  int32_t *scratch = tame_untouched(p->neurons * omp_get_max_threads(), sizeof *scratch,
                                    "drawing the wiring");
  const tame_wiring *wiring = (const tame_wiring *)p->wiring.row;
  if (!scratch) return -1;
#pragma omp parallel for schedule(dynamic, 16) reduction(+ : sum)
  for (int64_t i = 0; i < p->neurons; i++)
    sum += wiring->draw(p->wiring.params, (uint64_t)p->seed, p->neurons, i,
                        scratch + (int64_t)omp_get_thread_num() * p->neurons);
  free(scratch);
  return sum;
}

/* Plastic weights of a neuron lie together, those of the next touch them where nothing is fixed. */
static void add_plastic(tame_network *net, tame_state *state)
{
  int64_t before = 0, own = 0, all = 0;
  for (int64_t i = 0; i < net->n_local; i++) own += net->plastic[i];
  MPI_Exscan(&own, &before, 1, MPI_INT64_T, MPI_SUM, net->comm);
  MPI_Allreduce(&own, &all, 1, MPI_INT64_T, MPI_SUM, net->comm);
  tame_piece piece = {"network.plastic", tame_real_type(net), all, before, 0, net->w, false, 0};
  tame_state_add(state, &piece);
  for (int64_t i = 0; i < net->n_local; i++, piece.first += piece.count) {
    piece.count = net->plastic[i];
    piece.at = tame_real_from(net, net->w, net->start[i]);
    if (piece.count > 0) tame_state_add(state, &piece);
  }
}

void tame_network_state(tame_network *net, tame_state *state)
{
  const int64_t n = net->p.neurons, m = net->n_local, outputs = net->p.outputs * n;
  const bool copy = net->rank > 0;
  const tame_type real = tame_real_type(net);
  const tame_piece pieces[] = {
      {"network.trial", TAME_TYPE_I32, 1, 0, 1, &net->trial, copy, 0},
      {"network.step", TAME_TYPE_I32, 1, 0, 1, &net->step, copy, 0},
      {"network.x", real, n, net->first, m, net->x, false, 0},
      {"network.r", real, n, net->first, m, net->r, false, 0},
      {"network.y", TAME_TYPE_F64, net->p.outputs, 0, net->p.outputs, net->y, copy, 0},
      {"network.own", TAME_TYPE_I32, 2, 0, 2, net->own, copy, 0},
      {"network.readout", real, outputs, 0, outputs, net->w_out, copy, 0},
      {"network.bias", TAME_TYPE_F64, net->p.outputs, 0, net->p.outputs, net->b_out, copy, 0},
  };
  for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) tame_state_add(state, &pieces[k]);
  const tame_piece memory = {"network.memory", TAME_TYPE_F64, net->n_memory, 0,
                             net->n_memory,    net->memory,   copy,          0};
  if (net->memory) tame_state_add(state, &memory);
  add_plastic(net, state);
}

void tame_network_restored(tame_network *net)
{
  net->all_current = 0;
  if (!net->cell->features) tame_exchange_run(net->exchange, net->r);
}

/* ---- looking ------------------------------------------------------------------------------- */

int64_t tame_network_first(const tame_network *net)
{
  return net->first;
}

int64_t tame_network_n_local(const tame_network *net)
{
  return net->n_local;
}

const void *tame_network_rates(const tame_network *net)
{
  return net->r;
}

const void *tame_network_states(const tame_network *net)
{
  return net->x;
}

tame_status tame_network_dense(const tame_network *net, double *W)
{
  const int64_t n = net->p.neurons, m = net->n_local;
  const tame_partition *p = &net->partition;
  double *rows = W ? W : tame_untouched(m * n, sizeof *rows, "rows of W"); /* rank 0's come first */
  const tame_status status = tame_agree(net->comm, rows ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) {
    MPI_Datatype row;
    MPI_Type_contiguous((int)n, MPI_DOUBLE, &row);
    MPI_Type_commit(&row);
    for (int64_t k = 0; k < m * n; k++) rows[k] = 0;
    for (int64_t i = 0; i < m; i++)
      for (int64_t s = net->start[i]; s < net->start[i + 1]; s++)
        rows[i * n + tame_network_source(net, i, s)] = tame_real_at(net, net->w, s);
    MPI_Gatherv(net->rank == 0 ? MPI_IN_PLACE : rows, (int)m, row, W, p->counts, p->places, row, 0,
                net->comm);
    MPI_Type_free(&row);
  }
  if (rows != W) free(rows);
  return status;
}

int64_t tame_network_source(const tame_network *net, int64_t i, int64_t s)
{
  if (!net->dense) return tame_exchange_id(net->exchange, net->slot[s]);
  const int64_t place = s - net->start[i];
  return place + (net->holes && place >= net->first + i);
}

void tame_network_plastic_rates(const tame_network *net, int64_t i, void *r)
{
  const void *view = tame_exchange_view(net->exchange);
  const int64_t count = net->plastic[i];
  if (net->dense) {
    const int64_t before = net->holes && net->first + i < count ? net->first + i : count;
    memcpy(r, view, (size_t)before * net->real);
    memcpy(tame_real_from(net, r, before), tame_real_from(net, view, before + 1),
           (size_t)(count - before) * net->real);
  } else {
    net->kernels->gather((size_t)count, net->slot + net->start[i], view, r);
  }
}

int tame_network_compare_plastic(const tame_network *net, int64_t i, int64_t j)
{
  const int64_t m = net->plastic[i], n = net->plastic[j];
  if (m != n) return m < n ? -1 : 1;
  if (net->dense) return net->holes && m > 0 ? (i > j) - (i < j) : 0;
  return memcmp(net->slot + net->start[i], net->slot + net->start[j],
                (size_t)m * sizeof *net->slot);
}

double tame_network_rate(const tame_network *net, int64_t i_local)
{
  return tame_real_at(net, net->r, i_local);
}

void tame_network_measure(const tame_network *net, tame_network_load *load)
{
  const tame_network_params *p = &net->p;
  const int64_t synapses = net->start[net->n_local], real = (int64_t)net->real;
  *load = (tame_network_load){.neurons = net->n_local,
                              .synapses = synapses,
                              .exchange_bytes = tame_exchange_bytes(net->exchange),
                              .mode = tame_exchange_mode_of(net->exchange),
                              .kernels = net->kernels->name};
  load->bytes = synapses * (real + (net->dense ? 0 : (int64_t)sizeof *net->slot)) +
                net->n_local * (3 * real + (p->inputs + (net->bias != NULL)) * real + 16) +
                p->outputs * (p->neurons + (net->w_fb ? net->n_local : 0)) * real +
                tame_exchange_view_count(net->exchange) * real *
                    (net->partition.size == 1 ? 2 : 1); /* one to read, one to write */
  load->bytes += net->n_memory * (int64_t)sizeof *net->memory;
  if (net->everything || net->all) load->bytes += p->neurons * real;
}
