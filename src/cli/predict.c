/* tame predict: data through a trained model. */
#include "cli/cli.h"
#include "tame/tame.h"

#include <errno.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
  tame_cli_caller caller;
  bool quiet;
  tame_prediction what;
  tame_run_options run;
} options;

enum { STATES = 256, X, Y, TIME, ELAPSED, MASK, USAGE }; /* without a letter */

static const struct argp_option table[] = {
    {"output", 'o', "FILE", 0,
     "Results file (HDF5); default: the name of the model's experiment with -predict.h5", 0},
    {"network", 'k', "K", 0, "Of a sweep this network, by its index", 0},
    {"loss", 'l', "LOSS", 0, "To judge y by, as cross_entropy; default: what the model learned by",
     0},
    {"states", STATES, NULL, 0, "Record states and outputs of all layers, too", 0},
    {"force", 'f', NULL, 0, "Replace an existing results file", 0},
    {"quiet", 'q', NULL, 0, "Say nothing but errors", 0},
    {NULL, 0, NULL, 0, "Datasets of DATA; without a word each of its own name, if it is there:", 1},
    {"x", X, "NAME", 0, "Inputs [sample][step][input]", 1},
    {"y", Y, "NAME", 0, "Targets; '' for none", 1},
    {"elapsed", ELAPSED, "NAME", 0, "Time since the step before, [sample][step]", 1},
    {"time", TIME, "NAME", 0, "Time stamps instead, [sample][step]", 1},
    {"mask", MASK, "NAME", 0, "0 where there is no target, [sample][step]", 1},
    {"help", '?', NULL, 0, "Give this help list", -1},
    {"usage", USAGE, NULL, 0, "Give a short usage message", -1},
    {0}};

static error_t parse_network(struct argp_state *state, const char *text, int64_t *network)
{
  char *end;
  *network = strtoll(text, &end, 10);
  if (end != text && !*end && *network >= 0) return 0;
  argp_error(state, "--network: found '%s', want the index of a network, from 0", text);
  return EINVAL;
}

static error_t parse_file(struct argp_state *state, const char *text, tame_prediction *what)
{
  if (state->arg_num > 1) {
    argp_error(state, "found '%s' after MODEL and DATA", text);
    return EINVAL;
  }
  *(state->arg_num == 0 ? &what->model : &what->data) = text;
  return 0;
}

static error_t check_files(struct argp_state *state, const options *o)
{
  if (o->what.data || o->caller.helped) return 0;
  argp_error(state, "want MODEL, a results file, and DATA, an HDF5 file with inputs");
  return EINVAL;
}

/* Nothing in it exits, as in run.c. */
static error_t parse(int key, char *argument, struct argp_state *state)
{
  options *o = state->input;
  switch (key) {
    case 'o': o->run.output = argument; return 0;
    case 'k': return parse_network(state, argument, &o->what.network);
    case 'l': o->what.loss = argument; return 0;
    case 'f': o->run.force = true; return 0;
    case 'q': o->quiet = true; return 0;
    case STATES: o->what.states = true; return 0;
    case X: o->what.x = argument; return 0;
    case Y: o->what.y = argument; return 0;
    case TIME: o->what.time = argument; return 0;
    case ELAPSED: o->what.elapsed = argument; return 0;
    case MASK: o->what.mask = argument; return 0;
    case '?': return tame_cli_help(state, &o->caller, ARGP_HELP_STD_HELP);
    case USAGE: return tame_cli_help(state, &o->caller, ARGP_HELP_USAGE);
    case ARGP_KEY_ARG: return parse_file(state, argument, &o->what);
    case ARGP_KEY_END: return check_files(state, o);
    default: return ARGP_ERR_UNKNOWN;
  }
}

static void show_note(const char *line, void *context)
{
  const options *o = context;
  if (!o->quiet) fprintf(stderr, "%s\n", line);
}

static tame_status run(options *o, int rank)
{
  const double began = MPI_Wtime();
  tame_experiment *e = NULL;
  char output[4096];
  tame_status status = tame_experiment_predict(&e, MPI_COMM_WORLD, &o->what);
  if (status == TAME_OK) {
    snprintf(output, sizeof output, "%s-predict.h5", tame_experiment_name(e));
    if (!o->run.output) o->run.output = output;
    o->run.note = show_note;
    o->run.context = o;
    status = tame_experiment_run(e, MPI_COMM_WORLD, &o->run);
  }
  if (rank == 0 && status != TAME_OK) fprintf(stderr, "tame: %s\n", tame_message());
  if (rank == 0 && status == TAME_OK && !o->quiet)
    tame_cli_wrote(o->run.output, MPI_Wtime() - began);
  tame_experiment_free(&e);
  return status;
}

int tame_command_predict(int argc, char **argv)
{
  static const struct argp argp = {
      table,
      parse,
      "MODEL DATA",
      "Have the model of a results file, with its final weights, answer to all samples of an HDF5 "
      "file; the results hold the outputs, /phases/predict/data/y, and the loss where there are "
      "targets.\v"
      "Under mpirun the samples are shared out; the results are the same, byte for byte.",
      NULL,
      NULL,
      NULL};
  options o = {.what.network = -1, .run.checkpoint_seconds = 60};
  const int rank = tame_cli_begin();
  o.caller.first = rank == 0;
  const bool right = tame_cli_parse(&argp, argc, argv, rank, &o);
  const tame_status status = o.caller.helped ? TAME_OK : right ? run(&o, rank) : TAME_ERR_INPUT;
  tame_cli_end();
  return (int)status;
}
