/* Work handed out to groups of ranks by the first rank, which works itself; see tame/parallel.h. */
#include "base/memory.h"
#include "tame/parallel.h"

#include <stdlib.h>
#include <time.h>

struct tame_queue {
  MPI_Comm comm, group; /* owned: first ranks of the groups speak over comm */
  int rank;             /* in comm */
  bool leads;           /* the first of its group */
  int64_t items;
  int stop; /* reason, 0: none */
  /* on rank 0 */
  int64_t given, ended;
  int leaders, gone; /* groups, and those that have left */
  char *role;        /* [size]: of ranks */
};

enum {
  MEMBER,
  WAITS,
  WORKS,
  GONE
}; /* roles: not first in its group; first, without an item; with one */

enum { ASK = 1, ITEM, STOP, LEAVE, FAREWELL }; /* tags */

tame_status tame_queue_create(tame_queue **out, MPI_Comm comm, MPI_Comm group, int64_t items)
{
  int rank, size, group_rank;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  MPI_Comm_rank(group, &group_rank);
  tame_queue *q = *out = tame_zeroed(1, sizeof *q, "the queue of networks");
  char *leaders = tame_zeroed(size, 1, "the queue of networks");
  const tame_status status = tame_agree(comm, q && leaders ? TAME_OK : TAME_ERR_NOMEM);
  if (status != TAME_OK) {
    free(q);
    free(leaders);
    *out = NULL;
    return status;
  }
  *q = (tame_queue){.rank = rank, .leads = group_rank == 0, .items = items, .role = leaders};
  MPI_Comm_dup(comm, &q->comm);
  MPI_Comm_dup(group, &q->group);
  const char leads = q->leads;
  MPI_Gather(&leads, 1, MPI_CHAR, leaders, 1, MPI_CHAR, 0, comm);
  for (int k = 0; rank == 0 && k < size; k++) q->leaders += leaders[k];
  return TAME_OK;
}

/* The next item for a first rank, which is done with the one before. */
static int64_t take(tame_queue *q, int rank)
{
  const int64_t item = q->stop || q->given == q->items ? -1 : q->given++;
  q->ended += q->role[rank] == WORKS;
  q->role[rank] = item >= 0 ? WORKS : WAITS;
  return item;
}

/* Rank 0 has heard of a reason to stop: all others hear of it, but those who have left. */
static void spread_stop(tame_queue *q, int reason, int from)
{
  int size;
  if (q->stop) return;
  q->stop = reason;
  MPI_Comm_size(q->comm, &size);
  for (int k = 1; k < size; k++)
    if (k != from && (q->role[k] == WAITS || q->role[k] == WORKS))
      MPI_Send(&q->stop, 1, MPI_INT, k, STOP, q->comm);
}

/* Answer one message, if there is one. */
static bool answer(tame_queue *q)
{
  int waiting, reason = 0;
  MPI_Status about;
  MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, q->comm, &waiting, &about);
  if (!waiting) return false;
  const int from = about.MPI_SOURCE;
  MPI_Recv(&reason, 1, MPI_INT, from, about.MPI_TAG, q->comm, MPI_STATUS_IGNORE);
  switch (about.MPI_TAG) {
    case ASK: {
      const int64_t item = take(q, from);
      MPI_Send(&item, 1, MPI_INT64_T, from, ITEM, q->comm);
      break;
    }
    case LEAVE:
      q->role[from] = GONE;
      q->gone++;
      MPI_Send(&reason, 1, MPI_INT, from, FAREWELL, q->comm);
      break;
    default: spread_stop(q, reason, from);
  }
  return true;
}

int tame_queue_tend(tame_queue *q)
{
  int waiting = 0;
  if (!q->leads) return 0;
  if (q->rank == 0) {
    while (answer(q)) continue;
  } else if (!q->stop) {
    MPI_Iprobe(0, STOP, q->comm, &waiting, MPI_STATUS_IGNORE);
    if (waiting) MPI_Recv(&q->stop, 1, MPI_INT, 0, STOP, q->comm, MPI_STATUS_IGNORE);
  }
  return q->stop;
}

void tame_queue_stop(tame_queue *q, int reason)
{
  if (!q->leads || q->stop) return;
  if (q->rank == 0) {
    spread_stop(q, reason, 0);
  } else {
    q->stop = reason;
    MPI_Send(&q->stop, 1, MPI_INT, 0, STOP, q->comm);
  }
}

int64_t tame_queue_next(tame_queue *q)
{
  int64_t item = -1;
  if (tame_queue_tend(q)) item = -1;
  else if (q->leads && q->rank == 0) item = take(q, 0);
  else if (q->leads) {
    const int nothing = 0;
    MPI_Send(&nothing, 1, MPI_INT, 0, ASK, q->comm);
    MPI_Recv(&item, 1, MPI_INT64_T, 0, ITEM, q->comm, MPI_STATUS_IGNORE);
  }
  MPI_Bcast(&item, 1, MPI_INT64_T, 0, q->group);
  return item;
}

/* The farewell comes after every stop that was sent before: nothing is left unreceived. */
static void leave(tame_queue *q)
{
  int nothing = 0;
  MPI_Status about = {.MPI_TAG = 0};
  MPI_Send(&nothing, 1, MPI_INT, 0, LEAVE, q->comm);
  while (about.MPI_TAG != FAREWELL) {
    MPI_Recv(&nothing, 1, MPI_INT, 0, MPI_ANY_TAG, q->comm, &about);
    if (about.MPI_TAG == STOP) q->stop = nothing;
  }
}

int64_t tame_queue_ended(const tame_queue *q)
{
  return q->ended;
}

int tame_queue_close(tame_queue *q)
{
  const struct timespec pause = {.tv_nsec = 100000};
  if (q->rank == 0)
    while (q->gone < q->leaders - 1)
      if (!answer(q)) nanosleep(&pause, NULL);
  if (q->leads && q->rank > 0) leave(q);
  int stop = q->stop;
  MPI_Allreduce(MPI_IN_PLACE, &stop, 1, MPI_INT, MPI_MAX, q->comm);
  return stop;
}

void tame_queue_free(tame_queue **queue)
{
  tame_queue *q = *queue;
  if (!q) return;
  MPI_Comm_free(&q->comm);
  MPI_Comm_free(&q->group);
  free(q->role);
  free(q);
  *queue = NULL;
}
