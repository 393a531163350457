/** @file tame/parallel.h
 * Ranks: who owns which neurons, how their rates travel, and sums that do not depend on either. */
#ifndef TAME_PARALLEL_H
#define TAME_PARALLEL_H

#include "tame/base.h"

/** Contiguous ranges of items (neurons, say), one a rank: rank k owns first[k] <= i < first[k+1].
 *  Ranges may be empty; n < 2^31. */
typedef struct tame_partition {
  int size;
  int64_t n;
  int64_t *first;       /**< [size + 1], owned */
  int *counts, *places; /**< the same for MPI: how many, from where; [size], in first's memory */
} tame_partition;

/** Cut cost[0..n) into `size` contiguous ranges of nearly equal total: boundary k stands where the
 *  running total is nearest to k / size of the whole. TAME_OK or TAME_ERR_NOMEM. Local. */
tame_status tame_partition_balance(tame_partition *out, int size, int64_t n, const int64_t *cost);
/** Ranges of nearly equal count. Local. */
tame_status tame_partition_even(tame_partition *out, int size, int64_t n);
/** Local. */
void tame_partition_free(tame_partition *p);
/** The rank that owns item i. Local. */
int tame_partition_owner(const tame_partition *p, int64_t i);

/** Exchange of one number per neuron and step. Each rank keeps a `view`: the values it needs, its own
 *  included, at places given by tame_exchange_slot(). */
typedef struct tame_exchange tame_exchange;

/** How values travel; the same on all ranks of an exchange. */
typedef enum tame_exchange_mode {
  TAME_EXCHANGE_HALO,   /**< persistent messages with exactly what the receiver needs */
  TAME_EXCHANGE_GATHER, /**< one allgather, where the halo would be nearly everything anyway */
} tame_exchange_mode;

/** Plan an exchange of elements of `element` bytes. needed: global ids this rank reads, ascending,
 *  [n_needed], borrowed during the call; its own may be among them; NULL: the first n_needed.
 *  Collective; comm and the partition are borrowed for the life of the exchange. */
tame_status tame_exchange_create(tame_exchange **out, MPI_Comm comm,
                                 const tame_partition *partition, const int64_t *needed,
                                 int64_t n_needed, size_t element);
/** Free *exchange and set it to NULL. Collective. NULL is fine. */
void tame_exchange_free(tame_exchange **exchange);

/** Send own values, [n_local], to those who need them and fill the view. Collective. */
void tame_exchange_run(tame_exchange *exchange, const void *own);
/** The same in two halves, for values that several threads make: each puts its own, `count` from the
 *  first-th of this rank on (Local); when all are put they are shown, as tame_exchange_run() would
 *  (Collective). Until then the view stays as it is. Where there is one rank, no thread copies another's values. */
void tame_exchange_put(tame_exchange *exchange, const void *own, int64_t first, int64_t count);
void tame_exchange_show(tame_exchange *exchange, const void *own);
/** Values this rank can read, at the slots below. Borrowed; changes, its place too, at the next run. Local. */
void *tame_exchange_view(const tame_exchange *exchange);
/** Place of a needed (or own) id in the view. Local. */
int32_t tame_exchange_slot(const tame_exchange *exchange, int64_t id);
/** The id whose value is at a place. Local. */
int64_t tame_exchange_id(const tame_exchange *exchange, int32_t slot);
/** How many values the view has, and how they travel. Local. */
int64_t tame_exchange_view_count(const tame_exchange *exchange);
tame_exchange_mode tame_exchange_mode_of(const tame_exchange *exchange);
/** Bytes this rank receives in one run. Local. */
int64_t tame_exchange_bytes(const tame_exchange *exchange);

/** All values of all ranks, [n] in global order, to every rank. Collective. */
void tame_gather_all(MPI_Comm comm, const tame_partition *partition, const void *own, void *all,
                     size_t element);

/** Sum of v[0..n) along the canonical binary tree over indices: halves, rounded up to a power of
 *  two, first. The order depends on n alone. Local. */
double tame_tree_sum(const double *v, int64_t n);
/** Sum over all neurons of one number each, own: [n_local]; the same bits on every rank, whatever the
 *  partition. Collective. */
tame_status tame_canonical_sum(MPI_Comm comm, const tame_partition *partition, const double *own,
                               double *sum);

/** Such sums of many numbers at once, again and again: along the same tree, but what neurons have stays where it
 *  is, and only a few partial sums of each rank travel. */
typedef struct tame_tree tame_tree;

/** The numbers, [count], of a rank's own neuron; called by several threads at once. */
typedef void tame_terms(const void *context, int64_t i_local, double *numbers);

/** For at most `most` numbers at once. The partition is borrowed during the call only, comm for the tree's life.
 *  TAME_OK or TAME_ERR_NOMEM. Collective. */
tame_status tame_tree_create(tame_tree **out, MPI_Comm comm, const tame_partition *partition,
                             int64_t most);
/** Free *tree and set it to NULL. Local. NULL is fine. */
void tame_tree_free(tame_tree **tree);
/** sums: [count], the same bits on every rank, whatever the partition and the threads. Collective. */
void tame_tree_sums(tame_tree *tree, int64_t count, tame_terms *terms, const void *context,
                    double *sums);

/** Sum of vectors, one for each of n items, along that tree: the order depends on n alone, element by element. A rank
 *  adds those of its own items, in their order, then all finish together. */
typedef struct tame_vector_sum tame_vector_sum;

/** For vectors of `length` < 2^31 numbers. Room for what waits to be added, some 2 log2(n) vectors at most, is taken
 *  here. comm and the partition of the items are borrowed for the life of the sum. Collective. */
tame_status tame_vector_sum_create(tame_vector_sum **out, MPI_Comm comm,
                                   const tame_partition *items, int64_t length);
/** Bytes that it takes on the rank that wants most. Local. */
int64_t tame_vector_sum_need(const tame_partition *items, int64_t length);
/** Free *sum and set it to NULL. Local. NULL is fine. */
void tame_vector_sum_free(tame_vector_sum **sum);
/** The vector of this rank's next item, [length], borrowed during the call. Local. */
void tame_vector_sum_add(tame_vector_sum *sum, const double *vector);
/** The sum, [length], the same bits on every rank; n 0 gives zeros. The next sum may begin. Each rank adds up a part of
 *  the elements of all and passes it on. Collective. */
void tame_vector_sum_finish(tame_vector_sum *sum, double *total);

/** Items 0 to items - 1, each given once to one of several groups of ranks, in this order. Rank 0 of comm
 *  gives them out while it works itself: it answers when it calls any of these functions. */
typedef struct tame_queue tame_queue;

/** group: the ranks that work together, this one among them; both communicators are duplicated. Rank 0 of
 *  comm must be the first of its group. Collective over comm. */
tame_status tame_queue_create(tame_queue **out, MPI_Comm comm, MPI_Comm group, int64_t items);
/** The next item, -1 if none is left or a stop was asked for. Collective over the group. */
int64_t tame_queue_next(tame_queue *queue);
/** Answer others, hear from them; to be called every few milliseconds, by the first rank of each group at
 *  least. Returns the reason for which somebody asked all to stop, or 0; known to first ranks. Local. */
int tame_queue_tend(tame_queue *queue);
/** Ask all groups to stop, for a reason > 0; by the first rank of a group, ignored of others. Local. */
void tame_queue_stop(tame_queue *queue, int reason);
/** Items that are done with, as far as this rank knows: rank 0 of comm knows best. Local. */
int64_t tame_queue_ended(const tame_queue *queue);
/** No more items are wanted here; goes on giving until no group wants any. Returns the reason of a stop,
 *  or 0, on every rank. Collective over comm. */
int tame_queue_close(tame_queue *queue);
/** Free *queue and set it to NULL; after tame_queue_close(). Collective. NULL is fine. */
void tame_queue_free(tame_queue **queue);

/** Where this process stands. */
typedef struct tame_layout {
  int ranks, nodes, ranks_on_node, threads;
  int cores;           /**< that this process may use, by its affinity */
  int cores_on_node;   /**< that the processes of this node may use together */
  bool oversubscribed; /**< somewhere, more threads than cores; the same on every rank */
} tame_layout;

/** Find the layout and set the number of OpenMP threads: OMP_NUM_THREADS if the user set it, else the
 *  cores of this process divided by the ranks that share them. Collective. */
void tame_layout_find(MPI_Comm comm, tame_layout *layout);

/** Threads worth starting for work of so many cycles each time: waking and joining them takes a
 *  microsecond or two, so none gets much less than that to do; in cycles 10,000, or what the environment variable
 *  TAME_THREAD_GRAIN says (tests say 1). 1 to omp_get_max_threads(). Local. */
int tame_threads_for(double cycles);

/** Bytes that this process may still take: its share of what the node, or the control group, has
 *  free, and no more than the limits of the process allow. Local. */
int64_t tame_memory_available(int ranks_on_node);

#endif
