/** @file cli.h
 * The commands of the program: one file each. A command gets its own arguments, argv[0] being
 * "tame run", and returns the exit code. */
#ifndef TAME_CLI_H
#define TAME_CLI_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

int tame_command_run(int argc, char **argv);
int tame_command_predict(int argc, char **argv);
int tame_command_distances(int argc, char **argv);
int tame_command_list(int argc, char **argv);
int tame_command_info(int argc, char **argv);
int tame_command_compare(int argc, char **argv);
int tame_command_plot(int argc, char **argv);
int tame_command_plan(int argc, char **argv);

/* ---- of those that run under mpirun ------------------------------------------------------------ */

/** Who asks: part of the options of such a command. */
typedef struct tame_cli_caller {
  bool first;  /**< of the ranks, it speaks for all */
  bool helped; /**< help was all that was wanted */
} tame_cli_caller;

/** What `parse` returns for --help and --usage: they are told once, to the standard output. what: ARGP_HELP_... */
error_t tame_cli_help(struct argp_state *state, tame_cli_caller *caller, unsigned what);
/** Start MPI; returns the rank. */
int tame_cli_begin(void);
/** Options from the arguments; rank 0 speaks for all, and nothing exits: no rank may end before it has said what is
 *  wrong. Are they right? */
bool tame_cli_parse(const struct argp *argp, int argc, char **argv, int rank, void *options);
/** Wait for all ranks, end MPI. */
void tame_cli_end(void);
/** Seconds in words. */
void tame_cli_duration(double seconds, char *text, size_t size);
/** Tell that a file was written, and how long it took. */
void tame_cli_wrote(const char *path, double seconds);

#endif
