/* Sums along the canonical tree without gathering what is summed; see tame/parallel.h.
 *
 * The tree over [0, n) is made of nodes [first, first + 2^level), cut at n, first being a multiple of 2^level. A
 * range of neurons is a row of whole nodes, at most two of each level. Each thread sums the nodes of its range,
 * each rank puts those together to the nodes of its own, these few travel, and every rank adds them up to the
 * root. */
#include "tame/parallel.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { LEVELS = 32 /* n < 2^31 */ };

typedef struct node {
  int64_t first;
  int level;
} node;

/* Nodes side by side, and their sums. */
typedef struct row {
  node *at;
  int64_t count, room;
  double *sums; /* [count][numbers] */
} row;

struct tame_tree {
  MPI_Comm comm; /* borrowed */
  int rank, size;
  int64_t n, first; /* neurons in all; our first */
  int64_t most;     /* numbers at once */
  int threads;
  int64_t *thread_nodes; /* where each thread's nodes begin, [threads + 1] */
  row parts, own, all;   /* nodes of our threads; of this rank; of all ranks */
  int64_t own_first;     /* where our nodes are among all */
  int *counts, *places;  /* of the nodes of each rank: numbers, [size] */
  double *spare;         /* [threads][LEVELS][most] */
};

/* ---- the tree ------------------------------------------------------------------------------------ */

/* The nodes of [first, last), as large as they come; at NULL: how many. */
static int64_t list_nodes(int64_t first, int64_t last, node *at)
{
  int64_t count = 0;
  while (first < last) {
    int level = 0;
    while (first % ((int64_t)2 << level) == 0 && first + ((int64_t)2 << level) <= last) level++;
    if (at) at[count] = (node){first, level};
    count++;
    first += (int64_t)1 << level;
  }
  return count;
}

static void add_to(int64_t count, const double *from, double *to)
{
  for (int64_t k = 0; k < count; k++) to[k] += from[k];
}

/* A node of our own, from its leaves. spare: [level][count] */
static void sum_leaves(const tame_tree *tree, node which, int64_t count, tame_terms *terms,
                       const void *context, double *spare, double *sums)
{
  if (which.level == 0) {
    terms(context, which.first - tree->first, sums);
    return;
  }
  const int level = which.level - 1;
  const node left = {which.first, level}, right = {which.first + ((int64_t)1 << level), level};
  sum_leaves(tree, left, count, terms, context, spare, sums);
  sum_leaves(tree, right, count, terms, context, spare + count, spare);
  add_to(count, spare, sums);
}

/* A node from the smaller ones of a row, from *next on. */
static void sum_nodes(const tame_tree *tree, const row *from, int64_t *next, node which,
                      int64_t count, double *spare, double *sums)
{
  const node *found = &from->at[*next];
  if (found->first == which.first && found->level == which.level) {
    memcpy(sums, from->sums + *next * count, (size_t)count * sizeof *sums);
    ++*next;
    return;
  }
  const int level = which.level - 1;
  const node left = {which.first, level}, right = {which.first + ((int64_t)1 << level), level};
  sum_nodes(tree, from, next, left, count, spare, sums);
  if (right.first >= tree->n) return;
  sum_nodes(tree, from, next, right, count, spare + count, spare);
  add_to(count, spare, sums);
}

void tame_tree_sums(tame_tree *tree, int64_t count, tame_terms *terms, const void *context,
                    double *sums)
{
  const int64_t each = LEVELS * tree->most;
#pragma omp parallel for schedule(static, 1) num_threads(tree->threads)
  for (int t = 0; t < tree->threads; t++)
    for (int64_t k = tree->thread_nodes[t]; k < tree->thread_nodes[t + 1]; k++)
      sum_leaves(tree, tree->parts.at[k], count, terms, context, tree->spare + t * each,
                 tree->parts.sums + k * count);
  int64_t next = 0;
  for (int64_t k = 0; k < tree->own.count; k++)
    sum_nodes(tree, &tree->parts, &next, tree->own.at[k], count, tree->spare,
              tree->own.sums + k * count);
  int place = 0;
  for (int k = 0; k < tree->size; k++) { /* counts hold nodes between calls */
    tree->counts[k] *= (int)count;
    tree->places[k] = place;
    place += tree->counts[k];
  }
  MPI_Allgatherv(tree->own.sums, tree->counts[tree->rank], MPI_DOUBLE, tree->all.sums, tree->counts,
                 tree->places, MPI_DOUBLE, tree->comm);
  for (int k = 0; k < tree->size; k++) tree->counts[k] /= (int)count;
  node root = {0, 0};
  while ((int64_t)1 << root.level < tree->n) root.level++;
  next = 0;
  sum_nodes(tree, &tree->all, &next, root, count, tree->spare, sums);
}

/* ---- life ------------------------------------------------------------------------------------------ */

static tame_status make_room(row *r, int64_t nodes, int64_t numbers)
{
  r->room = nodes;
  r->at = tame_zeroed(nodes, sizeof *r->at, "a sum over neurons");
  r->sums = tame_untouched(nodes * numbers, sizeof *r->sums, "a sum over neurons");
  return r->at && r->sums ? TAME_OK : TAME_ERR_NOMEM;
}

static void add_range(row *r, int64_t first, int64_t last)
{
  r->count += list_nodes(first, last, r->at + r->count);
}

/* Of our range, each thread gets an even part. */
static tame_status list_parts(tame_tree *tree, const tame_partition *p)
{
  tame_partition threads;
  const int64_t n = p->first[tree->rank + 1] - tree->first;
  if (tame_partition_even(&threads, tree->threads, n) != TAME_OK) return TAME_ERR_NOMEM;
  tree->thread_nodes = tame_zeroed(tree->threads + 1, sizeof *tree->thread_nodes,
                                   "a sum over neurons");
  tame_status status = tree->thread_nodes ? TAME_OK : TAME_ERR_NOMEM;
  if (status == TAME_OK) status = make_room(&tree->parts, 2 * LEVELS * tree->threads, tree->most);
  for (int t = 0; status == TAME_OK && t < tree->threads; t++) {
    add_range(&tree->parts, tree->first + threads.first[t], tree->first + threads.first[t + 1]);
    tree->thread_nodes[t + 1] = tree->parts.count;
  }
  tame_partition_free(&threads);
  return status;
}

static tame_status list_ranks(tame_tree *tree, const tame_partition *p)
{
  int64_t nodes = 0;
  tree->counts = tame_zeroed(2 * tree->size, sizeof *tree->counts, "a sum over neurons");
  if (!tree->counts) return TAME_ERR_NOMEM;
  tree->places = tree->counts + tree->size;
  for (int k = 0; k < tree->size; k++) {
    tree->counts[k] = (int)list_nodes(p->first[k], p->first[k + 1], NULL);
    nodes += tree->counts[k];
  }
  if (make_room(&tree->own, tree->counts[tree->rank], tree->most) != TAME_OK ||
      make_room(&tree->all, nodes, tree->most) != TAME_OK)
    return TAME_ERR_NOMEM;
  add_range(&tree->own, tree->first, p->first[tree->rank + 1]);
  for (int k = 0; k < tree->size; k++) add_range(&tree->all, p->first[k], p->first[k + 1]);
  return TAME_OK;
}

static tame_status begin(tame_tree **out, MPI_Comm comm, const tame_partition *p, int64_t most)
{
  tame_tree *tree = *out = tame_zeroed(1, sizeof *tree, "a sum over neurons");
  if (!tree) return TAME_ERR_NOMEM;
  tree->comm = comm;
  tree->n = p->n;
  tree->most = most;
  tree->size = p->size;
  MPI_Comm_rank(comm, &tree->rank);
  tree->first = p->first[tree->rank];
  tree->threads = tame_threads_for((double)p->counts[tree->rank] * (double)most);
  tree->spare = tame_untouched(tree->threads * LEVELS * most, sizeof *tree->spare,
                               "a sum over neurons");
  if (!tree->spare || list_parts(tree, p) != TAME_OK) return TAME_ERR_NOMEM;
  return list_ranks(tree, p);
}

tame_status tame_tree_create(tame_tree **out, MPI_Comm comm, const tame_partition *partition,
                             int64_t most)
{
  const tame_status status = tame_agree(comm, begin(out, comm, partition, most));
  if (status != TAME_OK) tame_tree_free(out);
  return status;
}

static void free_row(row *r)
{
  free(r->at);
  free(r->sums);
}

void tame_tree_free(tame_tree **tree)
{
  if (!*tree) return;
  free_row(&(*tree)->parts);
  free_row(&(*tree)->own);
  free_row(&(*tree)->all);
  free((*tree)->thread_nodes);
  free((*tree)->counts);
  free((*tree)->spare);
  free(*tree);
  *tree = NULL;
}
