/* tame plan: memory, traffic and time of an experiment, before it is run. */
#include "cli/cli.h"
#include "tame/tame.h"

#include <argp.h>
#include <limits.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

typedef struct options {
  const char *experiment;
  const char **sets;
  int n_sets;
  bool here; /* memory of a node: what this machine has free */
  tame_plan_request request;
} options;

enum { RANKS = 256, NODES, THREADS, MEMORY, GROUP, LATENCY, BANDWIDTH, UPDATES };

static const struct argp_option table[] = {
    {"ranks", RANKS, "N", 0, "MPI ranks (1)", 0},
    {"nodes", NODES, "N", 0, "Nodes they are spread over (1)", 0},
    {"threads", THREADS, "N", 0, "Threads a rank; default: the cores here, divided by the ranks",
     0},
    {"memory-per-node", MEMORY, "SIZE", 0,
     "In bytes, or as 256G (K, M, G, T: powers of 1024); default: what this machine has free", 0},
    {"group", GROUP, "RANKS", 0, "Ranks per network of a sweep; default: what ends soonest", 0},
    {"latency-us", LATENCY, "US", 0, "Of a message between ranks (2)", 0},
    {"bandwidth-GBs", BANDWIDTH, "GB/S", 0, "Between ranks (5)", 0},
    {"updates-per-second", UPDATES, "X", 0,
     "Of the learner, as tame run shows them on the machine in question; default: measured here, a "
     "second or two",
     0},
    {"set", 's', "KEY=VALUE", 0, "Override a key, as in tame run; repeatable", 0},
    {0}};

static double positive(struct argp_state *state, const char *name, const char *text)
{
  char *end;
  const double value = strtod(text, &end);
  if (end == text || *end || !(value > 0) || !isfinite(value))
    argp_error(state, "--%s: found '%s', want a number above 0", name, text);
  return value;
}

static int count(struct argp_state *state, const char *name, const char *text)
{
  char *end;
  const long value = strtol(text, &end, 10);
  if (end == text || *end || value < 1 || value > 10000000)
    argp_error(state, "--%s: found '%s', want a whole number from 1 to 10000000", name, text);
  return (int)value;
}

/* "256G", "1.5T", "4096M" in bytes. */
static double size_of(struct argp_state *state, const char *text)
{
  static const char units[] = "KMGT";
  char *end;
  double value = strtod(text, &end);
  const char *unit = *end ? strchr(units, *end) : NULL;
  for (long k = unit ? unit - units + 1 : 0; k > 0; k--) value *= 1024;
  if (unit) end++;
  if (end == text || (*end && strcmp(end, "B") != 0 && strcmp(end, "iB") != 0) || !(value > 0))
    argp_error(state, "--memory-per-node: found '%s', want a size, as 256G", text);
  return value;
}

/* What OpenMP would use. */
static int cores(void)
{
  return omp_get_num_procs();
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
  options *o = state->input;
  tame_plan_request *q = &o->request;
  switch (key) {
    case 's': o->sets[o->n_sets++] = argument; break;
    case RANKS: q->ranks = count(state, "ranks", argument); break;
    case NODES: q->nodes = count(state, "nodes", argument); break;
    case THREADS: q->threads = count(state, "threads", argument); break;
    case GROUP: q->group = count(state, "group", argument); break;
    case MEMORY: q->memory = size_of(state, argument); break;
    case LATENCY: q->latency_s = 1e-6 * positive(state, "latency-us", argument); break;
    case BANDWIDTH: q->bandwidth = 1e9 * positive(state, "bandwidth-GBs", argument); break;
    case UPDATES: q->updates_per_second = positive(state, "updates-per-second", argument); break;
    case ARGP_KEY_ARG:
      if (state->arg_num > 0) argp_error(state, "one experiment at a time");
      o->experiment = argument;
      break;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which experiment? Give a YAML file"); break;
    case ARGP_KEY_END:
      if (q->group > q->ranks)
        argp_error(state, "--group: found %d, but there are %d ranks", q->group, q->ranks);
      if (q->threads == 0) q->threads = q->ranks < cores() ? cores() / q->ranks : 1;
      if (q->nodes > q->ranks)
        argp_error(state, "--nodes: found %d, but there are %d ranks", q->nodes, q->ranks);
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

/* ---- the answer ------------------------------------------------------------------------------- */

static const char *bytes(double value, char text[32])
{
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  int k = 0;
  for (; value >= 999.5 && k < 5; k++) value /= 1000;
  snprintf(text, 32, "%.3g %s", value, units[k]);
  return text;
}

static const char *duration(double s, char text[32])
{
  if (s < 9.95) snprintf(text, 32, "%.2g s", s);
  else if (s < 120) snprintf(text, 32, "%.0f s", s);
  else if (s < 7200) snprintf(text, 32, "%.0f min", s / 60);
  else if (s < 48 * 3600) snprintf(text, 32, "%.1f h", s / 3600);
  else snprintf(text, 32, "%.1f days", s / 86400);
  return text;
}

static void print_network(const tame_experiment *e, const tame_plan *p)
{
  char a[32];
  printf("%s: ", tame_experiment_name(e));
  if (p->networks > 1) {
    printf("%lld networks", (long long)p->networks);
    if (p->refused) printf(", %lld of which cannot run", (long long)p->refused);
    printf("; the one that takes longest, %lld: ", (long long)p->dearest);
  }
  if (p->parameters > 0) printf("%.0f parameters\n", p->parameters);
  else printf("%.3g synapses, P %s\n", p->synapses, bytes(p->p_bytes, a));
}

/* Memory that a process has by itself: this one has it, too. */
static double of_process(void)
{
  struct rusage use;
  const double now = getrusage(RUSAGE_SELF, &use) == 0 ? 1024 * (double)use.ru_maxrss : 0;
  return now + 2e6; /* what messages and threads come to need besides */
}

static void print_rank(const tame_plan *p, double process)
{
  char a[32], b[32], c[32], d[32], f[32], g[32];
  const tame_plan_rank *r = &p->needs;
  char which[48] = "", analyses[64] = "";
  if (p->neediest != p->dearest)
    snprintf(which, sizeof which, " (network %lld)", (long long)p->neediest);
  if (r->analyses > 0)
    snprintf(analyses, sizeof analyses, " (then analyses %s)", bytes(r->analyses, a));
  printf("  neurons a rank    %.0f to %.0f\n", p->least_neurons, p->most_neurons);
  printf(
      "  memory a rank     %s%s: W %s, P %s%s, recordings %s, exchange and states %s, program %s\n",
      bytes(r->total + process, a), which, bytes(r->weights, b), bytes(r->P, c), analyses,
      bytes(r->recordings, d), bytes(r->exchange + r->states, f), bytes(process + r->files, g));
  r = &p->most;
  if (p->group > 1)
    printf("  traffic a rank    %s a step in %.0f message%s (%s)\n", bytes(r->bytes_a_step, a),
           r->messages_a_step, r->messages_a_step == 1 ? "" : "s",
           r->gathers ? "allgather" : "halo");
  else printf("  traffic a rank    none: each rank has its own network\n");
  printf("  files             results %s; checkpoints %s for each network that runs\n",
         bytes(p->results_bytes, a), bytes(p->checkpoint_bytes, b));
}

static void print_model(const tame_plan *p, double process)
{
  char a[32], b[32], c[32], d[32];
  printf("  memory a rank     %s: weights and what is like them %s, gradients %s, program %s\n",
         bytes(p->needs.total + process, a), bytes(p->needs.weights, b),
         bytes(p->needs.recordings, c), bytes(process, d));
  if (p->group > 1) printf("  traffic a rank    %s an update\n", bytes(p->most.bytes_a_step, a));
  else printf("  traffic a rank    none: each rank has its own model\n");
  printf("  files             results %s; checkpoints %s for each model that runs\n",
         bytes(p->results_bytes, a), bytes(p->checkpoint_bytes, b));
  if (p->times.update > 0) printf("  speed             %.3g updates/s\n", 1 / p->times.update);
  printf("  time a model      %s\n", duration(p->seconds, a));
}

static void print_all(const tame_plan *p)
{
  char a[32];
  if (p->networks > 1)
    printf("  time for all      %s by %d group%s of %d rank%s; ranks wait at the end for %.0f %% "
           "of it\n",
           duration(p->wall_seconds, a), p->groups, p->groups == 1 ? "" : "s", p->group,
           p->group == 1 ? "" : "s", 100 * p->idle);
}

/* What a run will warn of. */
static void print_caution(const tame_plan *p)
{
  if (!*p->caution) return;
  printf("  warning           ");
  if (p->networks > 1) printf("network %lld: ", (long long)p->cautioned);
  printf("network.cell: %s\n", p->caution);
}

static void print_times(const tame_plan *p, const tame_plan_request *q)
{
  char a[32], b[32], c[32], d[32], f[32], g[32];
  const tame_plan_times *t = &p->times;
  printf("  speed             %.3g steps/s", 1 / t->step);
  if (t->update > 0) printf(", %.3g recurrent updates/s", 1 / (t->update));
  if (t->readout_update > 0) printf(", %.3g readout updates/s", 1 / t->readout_update);
  printf(q->updates_per_second > 0 ? " (as given)\n" : " (measured here, all cores at work)\n");
  printf("  time a network    %s: recurrent %s, readout %s, analyses %s, drawing and files %s, the "
         "rest %s\n",
         duration(p->seconds, a), duration(p->parts[1], b), duration(p->parts[2], c),
         duration(p->parts[3], g), duration(p->begin_seconds, f), duration(p->parts[0], d));
}

/* Does it fit? What would, if not. */
static tame_status judge(const options *o, const tame_plan *p)
{
  char a[32], b[32];
  const tame_plan_request *q = &o->request;
  const tame_plan_rank *r = &p->needs;
  const int per_node = (q->ranks + q->nodes - 1) / q->nodes;
  const double need = (r->total + q->program) * per_node, there = q->memory;
  printf("  memory a node     %s of %s%s\n", bytes(need, a), bytes(there, b),
         o->here ? " that are free here" : "");
  if (need <= there) return TAME_OK;
  const double shared = r->total - r->exchange; /* what more ranks make less */
  const double each = there / per_node - q->program - r->exchange;
  if (each > 0 && p->networks == 1)
    return tame_fail(TAME_ERR_NOMEM, "it does not fit: want about %.0f nodes of this size",
                     ceil(shared / each * q->nodes * 1.05));
  if (p->networks > 1 && q->ranks > p->group)
    return tame_fail(TAME_ERR_NOMEM,
                     "it does not fit: more ranks a network (--group %d), fewer ranks a node, or "
                     "more memory",
                     2 * p->group <= q->ranks ? 2 * p->group : q->ranks);
  return tame_fail(TAME_ERR_NOMEM,
                   "it does not fit: want nodes with more memory, fewer ranks on each, "
                   "or network.precision: float");
}

static void suggest(const options *o, const tame_plan *p)
{
  const tame_plan_request *q = &o->request;
  char group[32] = "";
  if (p->networks > 1) snprintf(group, sizeof group, " --group %d", p->group);
  if (q->nodes > 1)
    printf("  run it            OMP_NUM_THREADS=%d srun --nodes=%d --ntasks=%d --cpus-per-task=%d "
           "tame run %s%s",
           q->threads, q->nodes, q->ranks, q->threads, o->experiment, group);
  else if (q->ranks > 1)
    printf("  run it            OMP_NUM_THREADS=%d mpirun -n %d tame run %s%s", q->threads,
           q->ranks, o->experiment, group);
  else printf("  run it            OMP_NUM_THREADS=%d tame run %s", q->threads, o->experiment);
  for (int k = 0; k < o->n_sets; k++) printf(" --set '%s'", o->sets[k]);
  printf("\n");
}

static tame_status plan(options *o)
{
  tame_experiment *e = NULL;
  tame_plan p;
  tame_status status = tame_experiment_load(&e, MPI_COMM_SELF, o->experiment, o->sets, o->n_sets);
  o->request.program = of_process();
  o->here = o->request.memory <= 0;
  if (o->here) o->request.memory = (double)tame_memory_available(1);
  if (status == TAME_OK) status = tame_experiment_plan(e, &o->request, &p);
  if (status == TAME_OK) {
    print_network(e, &p);
    printf("  layout            %d rank%s x %d thread%s on %d node%s, %d rank%s a network\n",
           o->request.ranks, o->request.ranks == 1 ? "" : "s", o->request.threads,
           o->request.threads == 1 ? "" : "s", o->request.nodes, o->request.nodes == 1 ? "" : "s",
           p.group, p.group == 1 ? "" : "s");
    if (p.parameters > 0) print_model(&p, o->request.program);
    else print_rank(&p, o->request.program), print_times(&p, &o->request);
    print_all(&p);
    print_caution(&p);
    status = judge(o, &p);
    if (status == TAME_OK) suggest(o, &p);
  }
  fflush(stdout);
  if (status != TAME_OK) fprintf(stderr, "tame: %s\n", tame_message());
  tame_experiment_free(&e);
  return status;
}

int tame_command_plan(int argc, char **argv)
{
  static const struct argp argp = {table,
                                   parse,
                                   "EXPERIMENT",
                                   "Tell what an experiment will take: memory, traffic, files and "
                                   "time for each rank, and whether it "
                                   "fits. Nothing of its size is allocated.\v"
                                   "Times come from a calibration of the kernels on this machine, "
                                   "with as many threads at work as a "
                                   "node would have, as far as there are cores here; traffic from "
                                   "the latency and bandwidth given. "
                                   "Exit code 3: it does not fit.",
                                   NULL,
                                   NULL,
                                   NULL};
  options o = {.request = {.ranks = 1, .nodes = 1, .latency_s = 2e-6, .bandwidth = 5e9}};
  o.sets = calloc((size_t)argc, sizeof *o.sets);
  if (!o.sets) return TAME_ERR_NOMEM;
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  int provided;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  const tame_status status = plan(&o);
  MPI_Finalize();
  free(o.sets);
  return (int)status;
}
