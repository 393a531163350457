/** @file cli.h
 * The commands of the program: one file each. A command gets its own arguments, argv[0] being
 * "tame run", and returns the exit code. */
#ifndef TAME_CLI_H
#define TAME_CLI_H

int tame_command_run(int argc, char **argv);
int tame_command_list(int argc, char **argv);
int tame_command_info(int argc, char **argv);
int tame_command_compare(int argc, char **argv);
int tame_command_plot(int argc, char **argv);
int tame_command_plan(int argc, char **argv);

#endif
