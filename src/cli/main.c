/* tame: trains recurrent neural networks. Finds the command and hands over. */
#include "base/schema.h"
#include "cli/cli.h"
#include "tame/tame.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct command {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *arguments, *doc;
} command;

static const command commands[] = {
    {"run", tame_command_run, "EXPERIMENT", "run an experiment, write a results file"},
    {"plan", tame_command_plan, "EXPERIMENT", "memory, traffic and time it will take"},
    {"predict", tame_command_predict, "MODEL DATA", "have a trained model answer to data"},
    {"distances", tame_command_distances, "RESULTS", "how alike the solutions of a sweep are"},
    {"list", tame_command_list, "[TABLE...]", "what an experiment file may say: tables and keys"},
    {"info", tame_command_info, "FILE...", "what is in a results file"},
    {"compare", tame_command_compare, "A B", "are all data of two results files byte-equal"},
    {"plot", tame_command_plot, "FILE...", "draw the figures of a results file"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *out)
{
  fprintf(out,
          "Usage: tame COMMAND [OPTION...] ARGUMENT...\n"
          "       mpirun -n RANKS tame run [OPTION...] EXPERIMENT\n\n"
          "Trains recurrent neural networks, on one core or on a cluster, with the same bits.\n\n"
          "Commands:\n");
  for (int k = 0; k < COMMANDS; k++) {
    char left[64];
    snprintf(left, sizeof left, "%s %s", commands[k].name, commands[k].arguments);
    fprintf(out, "  %-18s %s\n", left, commands[k].doc);
  }
  fprintf(out, "\n`tame COMMAND --help` tells a command's options, `man tame` the rest.\n\n"
               "Environment: OMP_NUM_THREADS (threads a rank), TAME_KERNEL (ref, avx2, avx512),\n"
               "TAME_PYTHON (for plot).\n"
               "Exit codes: 0 fine, 1 compare found a difference, 2 usage, experiment or data,\n"
               "3 memory, 4 file, 5 the network diverged, 6 some networks of a sweep failed,\n"
               "75 stopped with all kept: run again with --resume.\n");
}

static int unknown(const char *name)
{
  const char *names[COMMANDS + 1] = {NULL};
  for (int k = 0; k < COMMANDS; k++) names[k] = commands[k].name;
  const tame_field choice = {"command", TAME_CHOICE, .choices = names};
  const char *near = tame_schema_nearest(&choice, name);
  fprintf(stderr, "tame: '%s' is not a command", name);
  if (near) fprintf(stderr, "; did you mean '%s'?", near);
  fprintf(stderr, "\nTry `tame --help`.\n");
  return TAME_ERR_INPUT;
}

/* Threads that spin for each other cost dearly where other programs are at work. How long they do libgomp reads
 * before main(): on a busy machine we start once more with less of it. Whoever sets it is obeyed. */
static void wait_politely(char **argv)
{
  double load[1];
  if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT") || getenv("OMP_NUM_THREADS")) return;
  if (getloadavg(load, 1) < 1 || load[0] < 0.5 * (double)sysconf(_SC_NPROCESSORS_ONLN)) return;
  if (setenv("GOMP_SPINCOUNT", "1000", 0) == 0) execv("/proc/self/exe", argv); /* else go on */
}

int main(int argc, char **argv)
{
  wait_politely(argv);
  argp_err_exit_status = TAME_ERR_INPUT;
  if (argc < 2) {
    usage(stderr);
    return TAME_ERR_INPUT;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
      strcmp(argv[1], "help") == 0) {
    usage(stdout);
    return TAME_OK;
  }
  if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
    printf("tame %s (%s)\n", tame_version(), tame_commit());
    return TAME_OK;
  }
  for (int k = 0; k < COMMANDS; k++) {
    char name[64];
    if (strcmp(argv[1], commands[k].name) != 0) continue;
    snprintf(name, sizeof name, "tame %s", commands[k].name);
    argv[1] = name;
    return commands[k].run(argc - 1, argv + 1);
  }
  return unknown(argv[1]);
}
