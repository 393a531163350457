/* Recursive least squares for recurrent weights: a P for every set of plastic inputs, which with its
 * neurons stays on one rank and one thread. The rank-one update of P is held back and applied in the
 * pass that forms the next product, so that an update reads and writes P once. */
#include "base/memory.h"
#include "learn/rls.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One P, and the neurons it serves: those whose plastic inputs are the same. */
typedef struct group {
  int64_t inputs;       /* K */
  int64_t first, count; /* its members: in `members` */
  int64_t p, u;         /* where its P and u start, in numbers */
} group;

enum { AT_ONCE = 8 }; /* groups whose rates are gathered together */

typedef struct recurrent {
  tame_learner head;
  tame_rls_params params;
  double scale; /* pending with u: 1 / lambda, 1 before the first update */
  group *groups;
  int64_t n_groups;
  int64_t *members;       /* own neurons, by group */
  tame_partition threads; /* of groups */
  void *P, *u;
  void *held; /* rates of all groups, placed as u is; of the next update, if they hold */
  bool holds;
  int64_t widest;     /* numbers of the longest r, padded */
  void **scratch;     /* of each thread: k, and r of AT_ONCE groups, [1 + AT_ONCE][widest] */
  void *before;       /* plastic weights at the last health, by own neuron */
  int64_t *before_at; /* [n_local + 1] */
  tame_learn_failure *failures; /* of each thread */
  struct standing *standings;   /* of groups, once they have been asked for */
  int64_t p_total, u_total;     /* of all ranks */
} recurrent;

/* ---- grouping ------------------------------------------------------------------------------ */

static const tame_network *sorting; /* qsort has no context; one learner is made at a time */

static int by_inputs(const void *a, const void *b)
{
  const int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
  const int order = tame_network_compare_plastic(sorting, i, j);
  return order ? order : (i > j) - (i < j);
}

static int by_first_member(const void *a, const void *b)
{
  const group *x = a, *y = b;
  return (x->u > y->u) - (x->u < y->u); /* u holds the first member until places are given */
}

/* Own plastic neurons by their sets of inputs, into members and groups; groups in the order of their
 * first neurons. members, groups: [n_local] of room. Returns the number of groups. */
static int64_t find_groups(const tame_network *net, int64_t *members, group *groups)
{
  int64_t learning = 0, count = 0;
  for (int64_t i = 0; i < net->n_local; i++)
    if (net->plastic[i] > 0) members[learning++] = i;
  sorting = net;
  qsort(members, (size_t)learning, sizeof *members, by_inputs);
  for (int64_t m = 0; m < learning; m++) {
    if (m == 0 || tame_network_compare_plastic(net, members[m - 1], members[m]))
      groups[count++] = (group){.inputs = net->plastic[members[m]], .first = m, .u = members[m]};
    groups[count - 1].count++;
  }
  qsort(groups, (size_t)count, sizeof *groups, by_first_member);
  return count;
}

static int64_t p_numbers(const group *g)
{
  return (int64_t)tame_tiles((size_t)g->inputs) * TAME_TILE * TAME_TILE;
}

static int64_t padded(int64_t n)
{
  return (int64_t)tame_padded((size_t)n);
}

/* ---- life ---------------------------------------------------------------------------------- */

static int64_t need(const void *params, const tame_network *net)
{
  (void)params;
  int64_t numbers = 0;
  int64_t *members = tame_untouched(net->n_local, sizeof *members, "grouping neurons");
  group *groups = tame_untouched(net->n_local, sizeof *groups, "grouping neurons");
  if (members && groups) {
    const int64_t count = find_groups(net, members, groups);
    for (int64_t g = 0; g < count; g++)
      numbers += p_numbers(&groups[g]) + padded(groups[g].inputs) * (2 + groups[g].count);
  }
  free(groups);
  free(members);
  return numbers * (int64_t)net->real;
}

/* Places in the arenas; work of each group for the balance of threads. */
static tame_status place_groups(recurrent *rls, int64_t *p_total, int64_t *u_total)
{
  int64_t *cost = tame_untouched(rls->n_groups, sizeof *cost, "balancing threads");
  if (!cost) return TAME_ERR_NOMEM;
  double total = 0;
  for (int64_t g = 0; g < rls->n_groups; g++) {
    group *at = &rls->groups[g];
    at->p = *p_total;
    at->u = *u_total;
    *p_total += p_numbers(at);
    *u_total += padded(at->inputs);
    cost[g] = p_numbers(at) / 2 + 2 * at->count * at->inputs; /* cycles or so */
    total += (double)cost[g];
  }
  const tame_status status = tame_partition_balance(&rls->threads, tame_threads_for(total),
                                                    rls->n_groups, cost);
  free(cost);
  return status;
}

static tame_status allocate_threads(recurrent *rls)
{
  const int count = rls->threads.size;
  rls->scratch = tame_zeroed(count, sizeof *rls->scratch, "scratch of threads");
  rls->failures = tame_zeroed(count, sizeof *rls->failures, "scratch of threads");
  if (!rls->scratch || !rls->failures) return TAME_ERR_NOMEM;
  for (int t = 0; t < count; t++) {
    rls->scratch[t] = tame_zeroed((1 + AT_ONCE) * rls->widest, rls->head.network->real,
                                  "scratch of threads");
    if (!rls->scratch[t]) return TAME_ERR_NOMEM;
  }
  return TAME_OK;
}

/* P = I / delta, u = 0; each thread touches its own first. */
static void reset_p(recurrent *rls)
{
  const tame_network *net = rls->head.network;
#pragma omp parallel for schedule(static, 1) num_threads(rls->threads.size)
  for (int t = 0; t < rls->threads.size; t++)
    for (int64_t g = rls->threads.first[t]; g < rls->threads.first[t + 1]; g++) {
      const group *at = &rls->groups[g];
      const int64_t edge = padded(at->inputs) / TAME_TILE;
      memset(tame_real_from(net, rls->P, at->p), 0, (size_t)p_numbers(at) * net->real);
      memset(tame_real_from(net, rls->u, at->u), 0, (size_t)padded(at->inputs) * net->real);
      int64_t tile = at->p; /* first of its column: the diagonal one */
      for (int64_t i = 0; i < at->inputs; i++) {
        const int64_t inside = i % TAME_TILE;
        if (i > 0 && inside == 0) tile += (edge - i / TAME_TILE + 1) * TAME_TILE * TAME_TILE;
        tame_real_put(net, rls->P, tile + inside * (TAME_TILE + 1), 1 / rls->params.delta);
      }
    }
  rls->scale = 1;
}

/* Is there anything to learn, on any rank? Collective. */
static tame_status check_plastic(const tame_network *net)
{
  int64_t plastic = 0;
  for (int64_t i = 0; i < net->n_local; i++) plastic += net->plastic[i];
  MPI_Allreduce(MPI_IN_PLACE, &plastic, 1, MPI_INT64_T, MPI_SUM, net->comm);
  if (plastic > 0) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "recurrent weights are to learn, but none of the network's "
                                   "synapses is plastic");
}

static tame_status create(tame_learner **out, const void *params, tame_network *net)
{
  if (check_plastic(net) != TAME_OK) return TAME_ERR_INPUT;
  recurrent *rls = tame_zeroed(1, sizeof *rls, "a learner");
  if (!rls) return TAME_ERR_NOMEM;
  *out = &rls->head;
  rls->head.network = net;
  rls->params = *(const tame_rls_params *)params;
  rls->members = tame_untouched(net->n_local, sizeof *rls->members, "grouping neurons");
  rls->groups = tame_untouched(net->n_local, sizeof *rls->groups, "grouping neurons");
  rls->before_at = tame_zeroed(net->n_local + 1, sizeof *rls->before_at, "weights before");
  if (!rls->members || !rls->groups || !rls->before_at) return TAME_ERR_NOMEM;
  rls->n_groups = find_groups(net, rls->members, rls->groups);
  int64_t p_total = 0, u_total = 0;
  if (place_groups(rls, &p_total, &u_total) != TAME_OK) return TAME_ERR_NOMEM;
  for (int64_t i = 0; i < net->n_local; i++) {
    rls->before_at[i + 1] = rls->before_at[i] + net->plastic[i];
    if (padded(net->plastic[i]) > rls->widest) rls->widest = padded(net->plastic[i]);
  }
  rls->P = tame_untouched(p_total, net->real, "P");
  rls->u = tame_untouched(u_total, net->real, "the pending updates of P");
  rls->held = tame_untouched(u_total, net->real, "the rates of an update");
  rls->before = tame_untouched(rls->before_at[net->n_local], net->real, "weights before");
  if (!rls->P || !rls->u || !rls->held || !rls->before) return TAME_ERR_NOMEM;
  if (allocate_threads(rls) != TAME_OK) return TAME_ERR_NOMEM;
  reset_p(rls);
  for (int64_t i = 0; i < net->n_local; i++)
    memcpy(tame_real_from(net, rls->before, rls->before_at[i]),
           tame_real_from(net, net->w, net->start[i]), (size_t)net->plastic[i] * net->real);
  return TAME_OK;
}

static void release(tame_learner *learner)
{
  recurrent *rls = (recurrent *)learner;
  for (int t = 0; rls->scratch && t < rls->threads.size; t++) free(rls->scratch[t]);
  tame_partition_free(&rls->threads);
  void *const owned[] = {rls->groups,    rls->members,  rls->P,       rls->u,         rls->before,
                         rls->before_at, rls->failures, rls->scratch, rls->standings, rls->held};
  for (size_t k = 0; k < sizeof owned / sizeof *owned; k++) free(owned[k]);
  free(rls);
}

/* ---- learning ------------------------------------------------------------------------------ */

/* The rates that a group sees, padded with zeros. */
static void gather_rates(const recurrent *rls, const group *at, void *r)
{
  const tame_network *net = rls->head.network;
  tame_network_plastic_rates(net, rls->members[at->first], r);
  memset(tame_real_from(net, r, at->inputs), 0,
         (size_t)(padded(at->inputs) - at->inputs) * net->real);
}

static void hold(tame_learner *learner)
{
  recurrent *rls = (recurrent *)learner;
  rls->holds = true;
#pragma omp parallel for schedule(static, 1) num_threads(rls->threads.size)
  for (int t = 0; t < rls->threads.size; t++)
    for (int64_t g = rls->threads.first[t]; g < rls->threads.first[t + 1]; g++)
      gather_rates(rls, &rls->groups[g],
                   tame_real_from(rls->head.network, rls->held, rls->groups[g].u));
}

static void update_group(recurrent *rls, const group *at, const void *r, void *k,
                         tame_learn_failure *failure, const double *error)
{
  tame_network *net = rls->head.network;
  const tame_kernels *kernels = net->kernels;
  const int64_t *members = rls->members + at->first;
  const size_t n = (size_t)at->inputs;
  void *const u = tame_real_from(net, rls->u, at->u);
  kernels->rls_sweep(n, tame_real_from(net, rls->P, at->p), u, rls->scale, r, k);
  const double c = tame_rls_gain(rls->params.forgetting, kernels->dot(n, r, k), net,
                                 net->first + members[0], failure);
  kernels->scale(n, sqrt(c), k, u); /* so that u u' = c k k', symmetric to the last bit */
  for (int64_t m = 0; m < at->count; m++)
    kernels->add_scaled(n, -c * error[members[m]], k,
                        tame_real_from(net, net->w, net->start[members[m]]));
}

/* Rates are gathered for several groups at a time: between two sweeps, P would have driven them out of
 * the nearest cache, and gathering would take as long as a fifth of the sweep. */
static void update_thread(recurrent *rls, int t, const double *error)
{
  const tame_network *net = rls->head.network;
  void *const k = rls->scratch[t];
  for (int64_t g = rls->threads.first[t]; rls->holds && g < rls->threads.first[t + 1]; g++)
    update_group(rls, &rls->groups[g], tame_real_from(net, rls->held, rls->groups[g].u), k,
                 &rls->failures[t], error);
  const int64_t from = rls->holds ? rls->threads.first[t + 1] : rls->threads.first[t];
  for (int64_t g = from; g < rls->threads.first[t + 1]; g += AT_ONCE) {
    const int64_t left = rls->threads.first[t + 1] - g, count = left < AT_ONCE ? left : AT_ONCE;
    for (int64_t b = 0; b < count; b++)
      gather_rates(rls, &rls->groups[g + b], tame_real_from(net, k, (b + 1) * rls->widest));
    for (int64_t b = 0; b < count; b++)
      update_group(rls, &rls->groups[g + b], tame_real_from(net, k, (b + 1) * rls->widest), k,
                   &rls->failures[t], error);
  }
}

static void update(tame_learner *learner, const double *error)
{
  recurrent *rls = (recurrent *)learner;
#pragma omp parallel for schedule(static, 1) num_threads(rls->threads.size)
  for (int t = 0; t < rls->threads.size; t++) update_thread(rls, t, error);
  rls->holds = false;
  rls->scale = 1 / rls->params.forgetting;
}

static bool earlier(const tame_learn_failure *a, const tame_learn_failure *b)
{
  return a->any && (!b->any || a->step < b->step || (a->step == b->step && a->unit < b->unit));
}

/* The earliest failure of all threads, of the lowest neuron. */
static void collect(tame_learner *learner)
{
  recurrent *rls = (recurrent *)learner;
  for (int t = 0; t < rls->threads.size; t++)
    if (earlier(&rls->failures[t], &learner->failure)) learner->failure = rls->failures[t];
  memset(rls->failures, 0, (size_t)rls->threads.size * sizeof *rls->failures);
}

static void extremes(const recurrent *rls, tame_health *health)
{
  const tame_network *net = rls->head.network;
  *health = (tame_health){.p_min = INFINITY, .p_max = -INFINITY};
  for (int64_t g = 0; g < rls->n_groups; g++) {
    const group *at = &rls->groups[g];
    const int64_t edge = padded(at->inputs) / TAME_TILE;
    int64_t tile = at->p;
    for (int64_t i = 0; i < at->inputs; i++) {
      const int64_t inside = i % TAME_TILE;
      if (i > 0 && inside == 0) tile += (edge - i / TAME_TILE + 1) * TAME_TILE * TAME_TILE;
      tame_rls_diagonal(health, tame_real_at(net, rls->P, tile + inside * (TAME_TILE + 1)),
                        tame_real_at(net, rls->u, at->u + i), rls->scale);
    }
  }
}

/* |W - W before|^2 of each neuron, summed in canonical order. Collective. */
static tame_status weight_change(recurrent *rls, double *dw)
{
  const tame_network *net = rls->head.network;
  double *squares = tame_zeroed(net->n_local, sizeof *squares, "the change of weights");
  tame_status status = tame_agree(net->comm, squares ? TAME_OK : TAME_ERR_NOMEM);
  for (int64_t i = 0; status == TAME_OK && i < net->n_local; i++)
    for (int64_t s = 0; s < net->plastic[i]; s++) {
      const double now = tame_real_at(net, net->w, net->start[i] + s);
      const double change = now - tame_real_at(net, rls->before, rls->before_at[i] + s);
      squares[i] += change * change;
      tame_real_put(net, rls->before, rls->before_at[i] + s, now);
    }
  if (status == TAME_OK) status = tame_canonical_sum(net->comm, &net->partition, squares, dw);
  *dw = sqrt(*dw);
  free(squares);
  return status;
}

static tame_status health(tame_learner *learner, tame_health *out)
{
  recurrent *rls = (recurrent *)learner;
  double dw = 0;
  const tame_status status = weight_change(rls, &dw); /* the same on every rank */
  if (status != TAME_OK) return status;
  extremes(rls, out);
  out->dw = dw;
  return TAME_OK;
}

/* ---- keeping -------------------------------------------------------------------------------- */

/* What tells groups apart on all ranks: those of the same inputs are one, and its first neuron's rank
 * answers for its P. */
typedef struct identity {
  uint64_t hash[2]; /* of the inputs' ids */
  int64_t first;    /* neuron */
  int64_t inputs;
} identity;

/* Where the P and u of each of our groups stand among all, by first neuron. */
typedef struct standing {
  int64_t p, u;
  bool copy; /* of another rank's */
} standing;

static int by_hash(const void *a, const void *b)
{
  const identity *x = a, *y = b;
  const int order = memcmp(x->hash, y->hash, sizeof x->hash);
  return order ? order : (x->first > y->first) - (x->first < y->first);
}

static int by_first_neuron(const void *a, const void *b)
{
  const identity *x = a, *y = b;
  return (x->first > y->first) - (x->first < y->first);
}

static identity identify(const recurrent *rls, const group *at)
{
  const tame_network *net = rls->head.network;
  const int64_t first = rls->members[at->first];
  identity id = {.first = net->first + first, .inputs = at->inputs};
  for (int64_t i = 0; i < at->inputs; i++) {
    const int64_t source = tame_network_source(net, first, net->start[first] + i);
    for (int h = 0; h < 2; h++)
      id.hash[h] += tame_checksum((uint64_t)h, TAME_TYPE_I64, &source, i, 1);
  }
  return id;
}

/* Every different set of inputs once, by its first neuron. Returns their number. */
static int64_t merge(identity *all, int64_t count)
{
  int64_t kept = 0;
  qsort(all, (size_t)count, sizeof *all, by_hash);
  for (int64_t k = 0; k < count; k++)
    if (k == 0 || memcmp(all[k].hash, all[kept - 1].hash, sizeof all[k].hash) != 0)
      all[kept++] = all[k];
  return kept;
}

/* The groups of all ranks, merged, into *all, owned by the caller; NULL without memory. Collective. */
static int64_t gather_identities(const recurrent *rls, identity **all)
{
  const tame_network *net = rls->head.network;
  const int size = net->partition.size;
  const int own = (int)(rls->n_groups * (int64_t)sizeof(identity));
  int *counts = tame_zeroed(2 * size, sizeof *counts, "the list of groups"), sum = 0;
  identity *mine = tame_untouched(rls->n_groups, sizeof *mine, "the list of groups");
  *all = NULL;
  if (tame_agree(net->comm, counts && mine ? TAME_OK : TAME_ERR_NOMEM) == TAME_OK) {
    MPI_Allgather(&own, 1, MPI_INT, counts, 1, MPI_INT, net->comm);
    for (int k = 0; k < size; sum += counts[k++]) counts[size + k] = sum;
    *all = tame_untouched(sum, 1, "the list of groups");
    if (tame_agree(net->comm, *all ? TAME_OK : TAME_ERR_NOMEM) != TAME_OK) free(*all), *all = NULL;
  }
  if (*all) {
    for (int64_t g = 0; g < rls->n_groups; g++) mine[g] = identify(rls, &rls->groups[g]);
    MPI_Allgatherv(mine, own, MPI_BYTE, *all, counts, counts + size, MPI_BYTE, net->comm);
  }
  free(counts);
  free(mine);
  return *all ? merge(*all, sum / (int64_t)sizeof(identity)) : 0;
}

static int64_t p_numbers_of(int64_t inputs)
{
  const group g = {.inputs = inputs};
  return p_numbers(&g);
}

/* Where each of our groups stands: at[n_groups]; totals of P and u. */
static void find_standings(recurrent *rls, identity *all, int64_t count)
{
  standing *const at = rls->standings;
  for (int64_t g = 0; g < rls->n_groups; g++) { /* by hash: who answers */
    const identity mine = identify(rls, &rls->groups[g]);
    int64_t low = 0, high = count - 1;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (memcmp(all[middle].hash, mine.hash, sizeof mine.hash) < 0) low = middle + 1;
      else high = middle;
    }
    at[g] = (standing){.p = all[low].first, .copy = all[low].first != mine.first};
  }
  qsort(all, (size_t)count, sizeof *all, by_first_neuron);
  for (int64_t g = 0; g < rls->n_groups; g++) { /* by first neuron: after whom */
    int64_t low = 0, high = count - 1;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (all[middle].first < at[g].p) low = middle + 1;
      else high = middle;
    }
    at[g].u = low;
  }
  for (int64_t k = 0; k < count; k++) { /* their number gives way to what stands before them */
    const int64_t inputs = all[k].inputs;
    all[k].hash[0] = (uint64_t)rls->p_total;
    all[k].hash[1] = (uint64_t)rls->u_total;
    rls->p_total += p_numbers_of(inputs);
    rls->u_total += padded(inputs);
  }
  for (int64_t g = 0; g < rls->n_groups; g++) {
    const identity *id = &all[at[g].u];
    at[g].p = (int64_t)id->hash[0];
    at[g].u = (int64_t)id->hash[1];
  }
}

static void add_before(recurrent *rls, tame_state *state)
{
  const tame_network *net = rls->head.network;
  const int64_t own = rls->before_at[net->n_local];
  int64_t first = 0, all = 0;
  MPI_Exscan(&own, &first, 1, MPI_INT64_T, MPI_SUM, net->comm);
  MPI_Allreduce(&own, &all, 1, MPI_INT64_T, MPI_SUM, net->comm);
  const tame_piece before = {
      "recurrent.before", tame_real_type(net), all, first, own, rls->before, false, 0};
  const tame_piece scale = {"recurrent.scale", TAME_TYPE_F64, 1, 0, 1,
                            &rls->scale,       net->rank > 0, 0};
  tame_state_add(state, &before);
  tame_state_add(state, &scale);
}

static void state(tame_learner *learner, tame_state *state)
{
  recurrent *rls = (recurrent *)learner;
  const tame_network *net = rls->head.network;
  if (!rls->standings) {
    identity *all;
    const int64_t count = gather_identities(rls, &all);
    rls->standings = tame_untouched(rls->n_groups, sizeof *rls->standings, "the list of groups");
    const bool whole = all && rls->standings;
    if (tame_agree(net->comm, whole ? TAME_OK : TAME_ERR_NOMEM) == TAME_OK) {
      find_standings(rls, all, count);
    } else {
      free(rls->standings);
      rls->standings = NULL;
    }
    free(all);
  }
  const standing *at = rls->standings;
  state->failed |= !at;
  tame_piece P = {"recurrent.P", tame_real_type(net), rls->p_total, 0, 0, rls->P, false, 0};
  tame_piece u = {"recurrent.u", tame_real_type(net), rls->u_total, 0, 0, rls->u, false, 0};
  tame_state_add(state, &P);
  for (int64_t g = 0; at && g < rls->n_groups; g++) {
    P.first = at[g].p, P.count = p_numbers(&rls->groups[g]), P.copy = at[g].copy;
    P.at = tame_real_from(net, rls->P, rls->groups[g].p);
    tame_state_add(state, &P);
  }
  tame_state_add(state, &u);
  for (int64_t g = 0; at && g < rls->n_groups; g++) {
    u.first = at[g].u, u.count = padded(rls->groups[g].inputs), u.copy = at[g].copy;
    u.at = tame_real_from(net, rls->u, rls->groups[g].u);
    tame_state_add(state, &u);
  }
  add_before(rls, state);
}

static int64_t unpack(tame_learner *learner, int64_t i_local, double *P)
{
  const recurrent *rls = (recurrent *)learner;
  const tame_network *net = rls->head.network;
  for (int64_t g = 0; g < rls->n_groups; g++) {
    const group *at = &rls->groups[g];
    bool mine = false;
    for (int64_t m = 0; m < at->count; m++) mine |= rls->members[at->first + m] == i_local;
    if (!mine) continue;
    const int64_t n = at->inputs, edge = padded(n) / TAME_TILE;
    for (int64_t j = 0; P && j < n; j++)
      for (int64_t i = j; i < n; i++) {
        const int64_t column = j / TAME_TILE, row = i / TAME_TILE;
        const int64_t tiles = column * edge - column * (column - 1) / 2 + row - column;
        const int64_t inside = j % TAME_TILE * TAME_TILE + i % TAME_TILE;
        const double p = tame_real_at(net, rls->P, at->p + tiles * TAME_TILE * TAME_TILE + inside);
        const double u = tame_real_at(net, rls->u, at->u + i) *
                         tame_real_at(net, rls->u, at->u + j);
        P[i * n + j] = P[j * n + i] = (p - u) * rls->scale;
      }
    return n;
  }
  return 0;
}

const tame_rule_part tame_rls_recurrent = {.need = need,
                                           .create = create,
                                           .hold = hold,
                                           .update = update,
                                           .health = health,
                                           .p = unpack,
                                           .collect = collect,
                                           .verdict = tame_rls_verdict,
                                           .state = state,
                                           .free = release};
