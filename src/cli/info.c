/* tame info: what is in a results file. */
#include "cli/cli.h"
#include "experiment/sweep.h"
#include "tame/tame.h"

#include <argp.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 256 };

typedef struct options {
  bool yaml;
  tame_describe_options tell;
  char *files[MOST];
  int count;
} options;

static const struct argp_option table[] = {
    {"yaml", 'y', NULL, 0, "Print the experiment alone, all defaults filled in", 0},
    {"datasets", 'd', NULL, 0, "List every dataset: shape, axes, units", 0},
    {"networks", 'n', NULL, 0, "List all networks of a sweep, however many", 0},
    {"network", 'k', "K", 0,
     "Only this network of a sweep, by its index: its tasks, phases and losses; with --yaml, its "
     "own "
     "experiment",
     0},
    {0}};

static void parse_network(struct argp_state *state, const char *text, int64_t *network)
{
  char *end;
  *network = strtoll(text, &end, 10);
  if (end == text || *end || *network < 0)
    argp_error(state, "--network: found '%s', want the index of a network, from 0", text);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
  options *o = state->input;
  switch (key) {
    case 'y': o->yaml = true; break;
    case 'd': o->tell.datasets = true; break;
    case 'n': o->tell.networks = true; break;
    case 'k': parse_network(state, argument, &o->tell.network); break;
    case ARGP_KEY_ARG:
      if (o->count == MOST) argp_error(state, "at most %d files at a time", MOST);
      else o->files[o->count++] = argument;
      break;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which file?"); break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static tame_status print_yaml(const char *path)
{
  char *text = NULL;
  const tame_status status = tame_results_text(path, "/", "experiment", &text);
  if (text) printf("%s", text);
  free(text);
  return status;
}

/* The experiment of one network of a sweep. Needs MPI. */
static tame_status print_yaml_of(const char *path, int64_t network)
{
  tame_experiment *study = NULL, *one = NULL;
  tame_status status = tame_experiment_load(&study, MPI_COMM_SELF, path, NULL, 0);
  const int64_t networks = status == TAME_OK ? tame_experiment_networks(study) : 0;
  if (status == TAME_OK && network >= networks)
    status = tame_fail(TAME_ERR_INPUT, "'%s' has no network %lld, but %lld from 0", path,
                       (long long)network, (long long)networks);
  if (status == TAME_OK) status = tame_experiment_member(&one, study, network, MPI_COMM_SELF);
  if (status == TAME_OK) printf("%s", tame_experiment_text(one));
  tame_experiment_free(&one);
  tame_experiment_free(&study);
  return status;
}

static tame_status tell(const options *o, const char *path)
{
  if (!o->yaml) return tame_results_describe(path, &o->tell, stdout);
  return o->tell.network < 0 ? print_yaml(path) : print_yaml_of(path, o->tell.network);
}

int tame_command_info(int argc, char **argv)
{
  static const struct argp argp = {
      table,
      parse,
      "FILE...",
      "Tell what is in results files: how they were made, tasks, phases and losses, the networks "
      "of "
      "a sweep; of an unfinished run how far it is, and whether its checkpoints are sound.",
      NULL,
      NULL,
      NULL};
  options o = {.tell = {.network = -1}};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  const bool loads = o.yaml && o.tell.network >= 0;
  if (loads) MPI_Init(NULL, NULL);
  tame_status first = TAME_OK;
  for (int k = 0; k < o.count; k++) {
    const tame_status status = tell(&o, o.files[k]);
    fflush(stdout); /* before the message about it */
    if (status != TAME_OK) fprintf(stderr, "tame: %s\n", tame_message());
    if (first == TAME_OK) first = status;
  }
  if (loads) MPI_Finalize();
  return (int)first;
}
