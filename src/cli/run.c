/* tame run: an experiment, with its progress on the terminal or in a log. */
#include "cli/cli.h"
#include "tame/tame.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

typedef struct options {
  const char *experiment;
  const char **sets;
  int n_sets;
  double limit; /* seconds from now; below 0: none given */
  bool quiet;
  tame_cli_caller caller;
  tame_run_options run;
} options;

enum { RESUME = 256, ONLY, SHARD, GROUP, EVERY, GRACE, LIMIT, USAGE }; /* without a letter */

static const struct argp_option table[] = {
    {"output", 'o', "FILE", 0, "Results file (HDF5); default: the experiment's name with .h5", 0},
    {"set", 's', "KEY=VALUE", 0,
     "Override a key, as in --set network.gain=1.5 or --set 'phases[3].train.trials=20'; "
     "repeatable",
     0},
    {"force", 'f', NULL, 0, "Replace an existing results file, or an unfinished run", 0},
    {"quiet", 'q', NULL, 0, "Say nothing but errors", 0},
    {NULL, 0, NULL, 0, "Stopping and going on:", 1},
    {"resume", RESUME, NULL, 0,
     "Go on with an unfinished run, FILE.partial, on any number of ranks and threads", 1},
    {"checkpoint-every", EVERY, "SECONDS", 0,
     "Save what is needed to go on, at most this much work apart (60); 0: after every trial", 1},
    {"time-limit", LIMIT, "TIME", 0,
     "Stop in time by itself: 90 (seconds), 45m, 2h, 1:30:00 or 1-12:00:00 from now; default: "
     "SLURM_JOB_END_TIME, where SLURM sets it",
     1},
    {"grace", GRACE, "SECONDS", 0, "How long before the time limit (30)", 1},
    {NULL, 0, NULL, 0, "Sweeps:", 2},
    {"only", ONLY, "LIST", 0, "Only these networks, as 3,17-20; they count from 0", 2},
    {"shard", SHARD, "I/N", 0, "Only every N-th network, from the I-th on: for job arrays", 2},
    {"group", GROUP, "RANKS", 0, "Ranks that work on one network together", 2},
    {"help", '?', NULL, 0, "Give this help list", -1},
    {"usage", USAGE, NULL, 0, "Give a short usage message", -1},
    {0}};

/* "90", "45m", "2h", "1:30:00", "1-12:00:00" in seconds; NaN: none of them. */
static double seconds_of(const char *text)
{
  char *end;
  double days = 0, sum = 0;
  const char *dash = strchr(text, '-'), *at = text;
  if (dash) {
    days = strtod(text, &end);
    if (end != dash || end == text) return NAN;
    at = dash + 1;
  }
  for (int part = 0; part < 3; part++) {
    const double value = strtod(at, &end);
    if (end == at || !(value >= 0)) return NAN;
    sum = sum * 60 + value;
    if (*end != ':') break;
    at = end + 1;
  }
  if (strcmp(end, "m") == 0 && at == text) return 60 * sum;
  if (strcmp(end, "h") == 0 && at == text) return 3600 * sum;
  if (dash && !strchr(dash, ':')) sum *= 3600; /* 1-12: days and hours */
  return *end == '\0' || (*end == 's' && end[1] == '\0') ? days * 86400 + sum : NAN;
}

static error_t parse_seconds(struct argp_state *state, const char *name, const char *text,
                             double *out)
{
  *out = seconds_of(text);
  if (!isnan(*out)) return 0;
  argp_error(state, "--%s: found '%s', want a time, as 90, 45m or 1:30:00", name, text);
  return EINVAL;
}

static error_t parse_shard(struct argp_state *state, const char *text, tame_run_options *run)
{
  char *slash, *end = NULL;
  run->shard = strtoll(text, &slash, 10);
  if (slash != text && *slash == '/') run->shards = strtoll(slash + 1, &end, 10);
  if (end && end != slash + 1 && !*end && run->shard >= 1 && run->shard <= run->shards) return 0;
  argp_error(state, "--shard: found '%s', want I/N with 1 <= I <= N", text);
  return EINVAL;
}

static error_t parse_group(struct argp_state *state, const char *text, tame_run_options *run)
{
  char *end;
  const long group = strtol(text, &end, 10);
  run->group = (int)group;
  if (end != text && !*end && group >= 1 && group <= INT_MAX) return 0;
  argp_error(state, "--group: found '%s', want a number of ranks", text);
  return EINVAL;
}

/* A run that is to stop before it has begun. */
static error_t check_limit(struct argp_state *state, const options *o)
{
  if (o->limit < 0 && o->run.deadline > 0 && o->run.deadline <= (double)time(NULL)) {
    argp_error(state, "SLURM_JOB_END_TIME: found %.0f, which is past: --time-limit overrides it",
               o->run.deadline);
    return EINVAL;
  }
  if (o->limit < 0 || o->limit > o->run.grace_seconds) return 0;
  argp_error(state, "--time-limit: found %g s, want more than the %g s of --grace before it",
             o->limit, o->run.grace_seconds);
  return EINVAL;
}

static error_t parse_experiment(struct argp_state *state, char *text, options *o)
{
  o->experiment = text;
  if (state->arg_num == 0) return 0;
  argp_error(state, "one experiment at a time");
  return EINVAL;
}

/* Nothing in it exits: no rank may end before rank 0 has said what is wrong, as its launcher then ends all. */
static error_t parse(int key, char *argument, struct argp_state *state)
{
  options *o = state->input;
  tame_run_options *run = &o->run;
  switch (key) {
    case 'o': run->output = argument; return 0;
    case 's': o->sets[o->n_sets++] = argument; return 0;
    case 'f': run->force = true; return 0;
    case 'q': o->quiet = true; return 0;
    case '?': return tame_cli_help(state, &o->caller, ARGP_HELP_STD_HELP);
    case USAGE: return tame_cli_help(state, &o->caller, ARGP_HELP_USAGE);
    case RESUME: run->resume = true; return 0;
    case ONLY: run->only = argument; return 0;
    case SHARD: return parse_shard(state, argument, run);
    case GROUP: return parse_group(state, argument, run);
    case EVERY: return parse_seconds(state, "checkpoint-every", argument, &run->checkpoint_seconds);
    case GRACE: return parse_seconds(state, "grace", argument, &run->grace_seconds);
    case LIMIT: return parse_seconds(state, "time-limit", argument, &o->limit);
    case ARGP_KEY_ARG: return parse_experiment(state, argument, o);
    case ARGP_KEY_NO_ARGS: argp_error(state, "which experiment? Give a YAML file"); return EINVAL;
    case ARGP_KEY_SUCCESS: return check_limit(state, o);
    default: return ARGP_ERR_UNKNOWN;
  }
}

/* ---- signals -------------------------------------------------------------------------------- */

static volatile sig_atomic_t stop_asked;

/* The run keeps all and ends by itself; whoever asks a second time from the keyboard is in a hurry. */
static void ask_to_stop(int number)
{
  if (number == SIGINT && stop_asked == SIGINT) _exit(128 + SIGINT);
  stop_asked = number;
}

static void hear_signals(void)
{
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
  for (size_t k = 0; k < sizeof signals / sizeof *signals; k++) {
    struct sigaction now, then = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
    sigaction(signals[k], NULL, &now);
    if (now.sa_handler != SIG_IGN) sigaction(signals[k], &then, NULL); /* nohup wants it ignored */
  }
}

/* ---- progress ------------------------------------------------------------------------------- */

typedef struct screen {
  bool quiet;
  bool live;      /* a terminal: one line, written over and over */
  bool line_open; /* something stands on it */
  double printed; /* when a plain line was last written */
} screen;

/* Width of the terminal now; a longer line would wrap and scroll. */
static int columns(void)
{
  struct winsize size;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1) return size.ws_col;
  return 80;
}

static void show_progress(const tame_progress *p, void *context)
{
  screen *s = context;
  char left[32], loss[48] = "", speed[48] = "", line[512];
  tame_cli_duration(p->seconds_left, left, sizeof left);
  if (!isnan(p->loss)) snprintf(loss, sizeof loss, ", loss %.3g", p->loss);
  if (p->updates_per_second > 0)
    snprintf(speed, sizeof speed, ", %.0f updates/s", p->updates_per_second);
  char which[64] = "";
  if (p->networks > 1)
    snprintf(which, sizeof which, "%lld of %lld networks ended; %lld: ", (long long)p->ended,
             (long long)p->networks, (long long)p->network);
  snprintf(line, sizeof line, "%s%3.0f %% %s, %s: %s %lld of %lld%s%s, %s left", which,
           100 * p->share, p->phase, p->task, p->unit, (long long)p->trial + 1,
           (long long)p->trials, loss, speed, left);
  const double now = MPI_Wtime();
  const bool phase_ended = p->trial_ended && p->trial + 1 == p->trials && p->networks == 1;
  if (s->live) {
    fprintf(stderr, "\r%.*s\033[K", columns() - 1, line);
    s->line_open = true;
    if (phase_ended) fprintf(stderr, "\n"), s->line_open = false;
  } else if (phase_ended || now - s->printed > 10) {
    fprintf(stderr, "%s\n", line);
    s->printed = now;
  }
  fflush(stderr);
}

static void show_note(const char *line, void *context)
{
  screen *s = context;
  if (s->quiet) return;
  fprintf(stderr, "%s%s\n", s->line_open ? "\n" : "", line);
  s->line_open = false;
}

/* ---- the command ---------------------------------------------------------------------------- */

static tame_status run(const options *o, int rank)
{
  const double began = MPI_Wtime();
  screen s = {.live = isatty(STDERR_FILENO) != 0, .printed = began};
  tame_experiment *e = NULL;
  tame_status status = tame_experiment_load(&e, MPI_COMM_WORLD, o->experiment, o->sets, o->n_sets);
  if (status == TAME_OK) {
    s.quiet = o->quiet;
    tame_run_options how = o->run;
    how.progress = o->quiet ? NULL : show_progress;
    how.note = show_note;
    how.context = &s;
    how.stop = &stop_asked;
    status = tame_experiment_run(e, MPI_COMM_WORLD, &how);
  }
  if (rank == 0 && s.line_open) fprintf(stderr, "\n");
  if (rank == 0 && status != TAME_OK) fprintf(stderr, "tame: %s\n", tame_message());
  const bool whole = status == TAME_OK || status == TAME_ERR_PART;
  if (rank == 0 && whole && !o->quiet)
    tame_cli_wrote(o->run.output ? o->run.output : tame_experiment_output(e), MPI_Wtime() - began);
  tame_experiment_free(&e);
  return status;
}

int tame_command_run(int argc, char **argv)
{
  static const struct argp argp = {table,
                                   parse,
                                   "EXPERIMENT",
                                   "Run the experiment of a YAML file, or repeat that of a results "
                                   "file, and write the results.\v"
                                   "Under mpirun the network is divided over the ranks; the "
                                   "results are the same, byte for byte. "
                                   "Threads a rank: OMP_NUM_THREADS, or the cores it has. The "
                                   "networks of a sweep are given to groups of ranks.\n\n"
                                   "SIGTERM, SIGUSR1, SIGHUP and SIGINT stop it as the time limit "
                                   "does: all is kept, the exit code is 75, and --resume goes on. "
                                   "A second SIGINT stops at once.",
                                   NULL,
                                   NULL,
                                   NULL};
  options o = {.limit = -1, .run = {.checkpoint_seconds = 60, .grace_seconds = 30}};
  const char *end = getenv("SLURM_JOB_END_TIME");
  if (end) o.run.deadline = strtod(end, NULL);
  o.sets = calloc((size_t)argc, sizeof *o.sets);
  if (!o.sets) return TAME_ERR_NOMEM;
  hear_signals();
  const int rank = tame_cli_begin();
  o.caller.first = rank == 0;
  const bool right = tame_cli_parse(&argp, argc, argv, rank, &o);
  if (o.limit >= 0) o.run.deadline = (double)time(NULL) + o.limit;
  hear_signals(); /* MPI may have set its own */
  const tame_status status = o.caller.helped ? TAME_OK : right ? run(&o, rank) : TAME_ERR_INPUT;
  tame_cli_end();
  free(o.sets);
  return (int)status;
}
