/* Status and agreement; see tame/base.h. */
#include "tame/base.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

static char message[4096] = "no failure"; /* of the last failure on this rank */

tame_status tame_fail(tame_status code, const char *format, ...)
{
  char text[sizeof message]; /* apart, as an argument may be the message itself */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  snprintf(message, sizeof message, "%s", text);
  return code;
}

const char *tame_message(void)
{
  return message;
}

tame_status tame_agree(MPI_Comm comm, tame_status mine)
{
  int rank, first, code = (int)mine;
  MPI_Comm_rank(comm, &rank);
  const int claim = mine == TAME_OK ? INT_MAX : rank;
  MPI_Allreduce(&claim, &first, 1, MPI_INT, MPI_MIN, comm);
  if (first == INT_MAX) return TAME_OK;
  MPI_Bcast(&code, 1, MPI_INT, first, comm);
  MPI_Bcast(message, (int)sizeof message, MPI_CHAR, first, comm);
  return (tame_status)code;
}
