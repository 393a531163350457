/* tame info: what is in a results file. */
#include "cli/cli.h"
#include "tame/tame.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 256 };

typedef struct options {
  bool yaml, datasets, networks;
  char *files[MOST];
  int count;
} options;

static const struct argp_option table[] = {
    {"yaml", 'y', NULL, 0, "Print the experiment alone, all defaults filled in", 0},
    {"datasets", 'd', NULL, 0, "List every dataset: shape, axes, units", 0},
    {"networks", 'n', NULL, 0, "List all networks of a sweep, however many", 0},
    {0}};

static error_t parse(int key, char *argument, struct argp_state *state)
{
  options *o = state->input;
  switch (key) {
    case 'y': o->yaml = true; break;
    case 'd': o->datasets = true; break;
    case 'n': o->networks = true; break;
    case ARGP_KEY_ARG:
      if (o->count == MOST) argp_error(state, "at most %d files at a time", MOST);
      else o->files[o->count++] = argument;
      break;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which file?"); break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

int tame_command_info(int argc, char **argv)
{
  static const struct argp argp = {
      table,
      parse,
      "FILE...",
      "Tell what is in results files: how they were made, tasks, phases and losses, "
      "the networks of a sweep; of an unfinished run how far it is, and whether its checkpoints "
      "are "
      "sound.",
      NULL,
      NULL,
      NULL};
  options o = {0};
  argp_parse(&argp, argc, argv, 0, NULL, &o);
  tame_status first = TAME_OK;
  for (int k = 0; k < o.count; k++) {
    char *text = NULL;
    const tame_status status = o.yaml ? tame_results_text(o.files[k], "/", "experiment", &text)
                                      : tame_results_describe(o.files[k], o.datasets, o.networks,
                                                              stdout);
    if (text) printf("%s", text);
    free(text);
    if (status != TAME_OK) fprintf(stderr, "tame: %s\n", tame_message());
    if (first == TAME_OK) first = status;
  }
  return (int)first;
}
