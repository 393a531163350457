/* tame compare: are two results files equal. */
#include "cli/cli.h"
#include "tame/tame.h"

#include <argp.h>
#include <stdio.h>

static error_t parse(int key, char *argument, struct argp_state *state)
{
  char **files = state->input;
  switch (key) {
    case ARGP_KEY_ARG:
      if (state->arg_num > 1) argp_error(state, "two files, no more");
      files[state->arg_num] = argument;
      break;
    case ARGP_KEY_END:
      if (state->arg_num < 2) argp_error(state, "which two files?");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

int tame_command_compare(int argc, char **argv)
{
  static const struct argp argp = {
      NULL,
      parse,
      "A B",
      "Say whether all data of two results files are equal, byte for byte. How they were made "
      "(/run "
      "and the attributes of the root) may differ. Exit code 0 if equal, 1 if not.",
      NULL,
      NULL,
      NULL};
  char *files[2] = {0};
  argp_parse(&argp, argc, argv, 0, NULL, files);
  const tame_status status = tame_results_compare(files[0], files[1]);
  if (status == TAME_OK)
    printf("equal: all data of '%s' and '%s' are the same\n", files[0], files[1]);
  else if (status == TAME_ERR_DIFFERS) printf("different: %s\n", tame_message());
  else fprintf(stderr, "tame: %s\n", tame_message());
  return (int)status;
}
