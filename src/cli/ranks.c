/* What commands that run under mpirun have in common; see cli.h. */
#include "cli/cli.h"
#include "tame/tame.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

int tame_cli_begin(void)
{
  /* Rates are short messages, sent every few microseconds: within a node Open MPI's copies by the kernel
   * take three times as long as those through shared memory. Who sets it otherwise is obeyed. */
  setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
  int provided, rank;
  MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

bool tame_cli_parse(const struct argp *argp, int argc, char **argv, int rank, void *options)
{
  const int silenced = silence_if(rank > 0);
  const error_t wrong = argp_parse(argp, argc, argv, ARGP_NO_EXIT | ARGP_NO_HELP, NULL, options);
  speak_again(silenced);
  return wrong == 0;
}

error_t tame_cli_help(struct argp_state *state, tame_cli_caller *caller, unsigned what)
{
  caller->helped = true;
  if (caller->first) argp_state_help(state, stdout, what);
  return ECANCELED;
}

void tame_cli_end(void)
{
  MPI_Barrier(MPI_COMM_WORLD); /* the first to leave may have the launcher end the others */
  MPI_Finalize();
}

void tame_cli_duration(double seconds, char *text, size_t size)
{
  const long s = isnan(seconds) ? 0 : lround(seconds);
  if (isnan(seconds)) snprintf(text, size, "?");
  else if (s >= 3600) snprintf(text, size, "%ld h %02ld min", s / 3600, s / 60 % 60);
  else if (s >= 60) snprintf(text, size, "%ld min %02ld s", s / 60, s % 60);
  else if (seconds < 9.5) snprintf(text, size, "%.2g s", seconds);
  else snprintf(text, size, "%ld s", s);
}

void tame_cli_wrote(const char *path, double seconds)
{
  char time[32];
  struct stat file;
  tame_cli_duration(seconds, time, sizeof time);
  const double bytes = stat(path, &file) == 0 ? (double)file.st_size : NAN;
  printf("wrote %s, %.3g MB, in %s\n", path, bytes / 1e6, time);
}
