/* tame run: an experiment, with its progress on the terminal or in a log. */
#include "cli/cli.h"
#include "tame/tame.h"

#include <argp.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct options {
  const char *experiment, *output;
  const char **sets;
  int n_sets;
  bool force, quiet;
} options;

static const struct argp_option table[] = {
    {"output", 'o', "FILE", 0, "Results file (HDF5); default: the experiment's name with .h5", 0},
    {"set", 's', "KEY=VALUE", 0,
     "Override a key, as in --set network.gain=1.5 or --set 'phases[3].train.trials=20'; "
     "repeatable",
     0},
    {"force", 'f', NULL, 0, "Replace an existing results file", 0},
    {"quiet", 'q', NULL, 0, "Say nothing but errors", 0},
    {0}};

static error_t parse(int key, char *argument, struct argp_state *state)
{
  options *o = state->input;
  switch (key) {
    case 'o': o->output = argument; break;
    case 's': o->sets[o->n_sets++] = argument; break;
    case 'f': o->force = true; break;
    case 'q': o->quiet = true; break;
    case ARGP_KEY_ARG:
      if (state->arg_num > 0) argp_error(state, "one experiment at a time");
      o->experiment = argument;
      break;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which experiment? Give a YAML file"); break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

/* ---- progress ------------------------------------------------------------------------------- */

/* A run that is told to end takes its unfinished file along. */
static char unfinished[4096];

static void end_by_signal(int number)
{
  if (*unfinished) unlink(unfinished);
  _exit(128 + number);
}

typedef struct screen {
  bool quiet;
  const char *output; /* results file */
  bool live;          /* a terminal: one line, written over and over */
  bool line_open;     /* something stands on it */
  double printed;     /* when a plain line was last written */
} screen;

static void duration(double seconds, char *text, size_t size)
{
  const long s = isnan(seconds) ? 0 : lround(seconds);
  if (isnan(seconds)) snprintf(text, size, "?");
  else if (s >= 3600) snprintf(text, size, "%ld h %02ld min", s / 3600, s / 60 % 60);
  else if (s >= 60) snprintf(text, size, "%ld min %02ld s", s / 60, s % 60);
  else if (seconds < 9.5) snprintf(text, size, "%.2g s", seconds);
  else snprintf(text, size, "%ld s", s);
}

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
  char left[32], loss[48] = "", speed[48] = "", line[256];
  duration(p->seconds_left, left, sizeof left);
  if (!isnan(p->loss)) snprintf(loss, sizeof loss, ", loss %.3g", p->loss);
  if (p->updates_per_second > 0)
    snprintf(speed, sizeof speed, ", %.0f updates/s", p->updates_per_second);
  snprintf(line, sizeof line, "%3.0f %% %s, %s: trial %lld of %lld%s%s, %s left", 100 * p->share,
           p->phase, p->task, (long long)p->trial + 1, (long long)p->trials, loss, speed, left);
  const double now = MPI_Wtime();
  if (s->live) {
    fprintf(stderr, "\r%.*s\033[K", columns() - 1, line);
    s->line_open = true;
    if (p->trial_ended && p->trial + 1 == p->trials) fprintf(stderr, "\n"), s->line_open = false;
  } else if ((p->trial_ended && p->trial + 1 == p->trials) || now - s->printed > 10) {
    fprintf(stderr, "%s\n", line);
    s->printed = now;
  }
  fflush(stderr);
}

static void show_note(const char *line, void *context)
{
  screen *s = context;
  if (!*unfinished && s->output) { /* the first note comes once the file is there, and ours */
    snprintf(unfinished, sizeof unfinished, "%s.partial", s->output);
    const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t k = 0; k < sizeof signals / sizeof *signals; k++)
      if (signal(signals[k], SIG_IGN) != SIG_IGN) /* nohup wants it ignored */
        signal(signals[k], end_by_signal);
  }
  if (s->quiet) return;
  fprintf(stderr, "%s%s\n", s->line_open ? "\n" : "", line);
  s->line_open = false;
}

/* ---- the command ---------------------------------------------------------------------------- */

static void tell_end(const tame_experiment *e, const options *o, double seconds)
{
  char time[32];
  struct stat file;
  const char *path = o->output ? o->output : tame_experiment_output(e);
  duration(seconds, time, sizeof time);
  const double bytes = stat(path, &file) == 0 ? (double)file.st_size : NAN;
  printf("wrote %s, %.3g MB, in %s\n", path, bytes / 1e6, time);
}

static tame_status run(const options *o, int rank)
{
  const double began = MPI_Wtime();
  screen s = {.live = isatty(STDERR_FILENO) != 0, .printed = began};
  tame_experiment *e = NULL;
  tame_status status = tame_experiment_load(&e, MPI_COMM_WORLD, o->experiment, o->sets, o->n_sets);
  if (status == TAME_OK) {
    s.quiet = o->quiet;
    s.output = o->output ? o->output : tame_experiment_output(e);
    const tame_run_options how = {.output = o->output,
                                  .force = o->force,
                                  .progress = o->quiet ? NULL : show_progress,
                                  .note = show_note,
                                  .context = &s};
    status = tame_experiment_run(e, MPI_COMM_WORLD, &how);
  }
  unfinished[0] = 0; /* by now it has its name, or is gone */
  if (rank == 0 && s.line_open) fprintf(stderr, "\n");
  if (rank == 0 && status != TAME_OK) fprintf(stderr, "tame: %s\n", tame_message());
  if (rank == 0 && status == TAME_OK && !o->quiet) tell_end(e, o, MPI_Wtime() - began);
  tame_experiment_free(&e);
  return status;
}

/* The rank by which a launcher started us, before MPI can tell; 0 if none says so. */
static int started_rank(void)
{
  static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                      "SLURM_PROCID"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    const char *rank = getenv(names[k]);
    if (rank) return (int)strtol(rank, NULL, 10);
  }
  return 0;
}

/* Standard error into nowhere; what brings it back, -1 for nothing. One rank speaks for all. */
static int silence_if(bool silent)
{
  if (!silent) return -1;
  const int kept = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);
  if (kept >= 0 && nowhere >= 0) dup2(nowhere, STDERR_FILENO);
  if (nowhere >= 0) close(nowhere);
  return kept;
}

static void speak_again(int kept)
{
  if (kept < 0) return;
  dup2(kept, STDERR_FILENO);
  close(kept);
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
                                   "Threads a rank: OMP_NUM_THREADS, or the cores it has.",
                                   NULL,
                                   NULL,
                                   NULL};
  options o = {0};
  o.sets = calloc((size_t)argc, sizeof *o.sets);
  if (!o.sets) return TAME_ERR_NOMEM;
  const int silenced = silence_if(started_rank() > 0);
  argp_parse(&argp, argc, argv, 0, NULL, &o); /* exits on errors, alike on every rank */
  speak_again(silenced);
  /* Rates are short messages, sent every few microseconds: within a node Open MPI's copies by the kernel
   * take three times as long as those through shared memory. Who sets it otherwise is obeyed. */
  setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
  int provided, rank;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const tame_status status = run(&o, rank);
  MPI_Finalize();
  free(o.sets);
  return (int)status;
}
