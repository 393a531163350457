/* tame distances: how alike the solutions of a sweep's networks are. */
#include "cli/cli.h"
#include "tame/tame.h"

#include <errno.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct options {
  tame_cli_caller caller;
  bool quiet;
  tame_distances_request what;
} options;

enum { USAGE = 256 };

static const struct argp_option table[] = {
    {"output", 'o', "FILE", 0, "Results file (HDF5); default: distances.h5", 0},
    {"phase", 'p', "NAME", 0,
     "Test whose recorded outputs are compared; default: the first with some", 0},
    {"layer", 'l', "LAYER", 0, "As 0.rnn; default: the first", 0},
    {"share", 's', "SHARE", 0,
     "Of the variance, that the components make up whose overlap is told; default: 0.95", 0},
    {"force", 'f', NULL, 0, "Replace an existing results file", 0},
    {"quiet", 'q', NULL, 0, "Say nothing but errors", 0},
    {"help", '?', NULL, 0, "Give this help list", -1},
    {"usage", USAGE, NULL, 0, "Give a short usage message", -1},
    {0}};

static error_t parse_share(struct argp_state *state, const char *text, double *share)
{
  char *end;
  *share = strtod(text, &end);
  if (end != text && !*end && *share > 0 && *share <= 1) return 0;
  argp_error(state, "--share: found '%s', want a number above 0, at most 1", text);
  return EINVAL;
}

static error_t parse_file(struct argp_state *state, const char *text, options *o)
{
  if (state->arg_num > 0) {
    argp_error(state, "found '%s' after RESULTS", text);
    return EINVAL;
  }
  o->what.results = text;
  return 0;
}

static error_t check_file(struct argp_state *state, const options *o)
{
  if (o->what.results || o->caller.helped) return 0;
  argp_error(state, "want RESULTS, the file of a sweep");
  return EINVAL;
}

/* Nothing in it exits, as in run.c. */
static error_t parse(int key, char *argument, struct argp_state *state)
{
  options *o = state->input;
  switch (key) {
    case 'o': o->what.output = argument; return 0;
    case 'p': o->what.phase = argument; return 0;
    case 'l': o->what.layer = argument; return 0;
    case 's': return parse_share(state, argument, &o->what.share);
    case 'f': o->what.force = true; return 0;
    case 'q': o->quiet = true; return 0;
    case '?': return tame_cli_help(state, &o->caller, ARGP_HELP_STD_HELP);
    case USAGE: return tame_cli_help(state, &o->caller, ARGP_HELP_USAGE);
    case ARGP_KEY_ARG: return parse_file(state, argument, o);
    case ARGP_KEY_END: return check_file(state, o);
    default: return ARGP_ERR_UNKNOWN;
  }
}

static tame_status run(const options *o, int rank)
{
  const double began = MPI_Wtime();
  const tame_status status = tame_experiment_distances(MPI_COMM_WORLD, &o->what);
  if (rank == 0 && status != TAME_OK) fprintf(stderr, "tame: %s\n", tame_message());
  if (rank == 0 && status == TAME_OK && !o->quiet)
    tame_cli_wrote(o->what.output, MPI_Wtime() - began);
  return status;
}

int tame_command_distances(int argc, char **argv)
{
  static const struct argp argp = {
      table,
      parse,
      "RESULTS",
      "Compare the networks of a sweep, pair by pair, by what a test recorded of a layer's outputs "
      "(states: on): linear CKA, and the overlap of the first principal components, both 1 where "
      "solutions are the same.\v"
      "Under mpirun the pairs are shared out; the results are the same, byte for byte.",
      NULL,
      NULL,
      NULL};
  options o = {.what = {.share = 0.95, .output = "distances.h5"}};
  const int rank = tame_cli_begin();
  o.caller.first = rank == 0;
  const bool right = tame_cli_parse(&argp, argc, argv, rank, &o);
  const tame_status status = o.caller.helped ? TAME_OK : right ? run(&o, rank) : TAME_ERR_INPUT;
  tame_cli_end();
  return (int)status;
}
