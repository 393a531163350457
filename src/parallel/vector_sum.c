/* Sums of vectors along the canonical tree; see tame/parallel.h. A node of the tree is a range of
 * items: a power of two of them that begins at a multiple of it, or what n leaves of that. A rank
 * adds up its own whole nodes; their segments then go to the rank that sums a segment over all
 * nodes. */
#include "tame/parallel.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A node that has been summed up, or will be. */
typedef struct node {
  int64_t first, count;
} node;

struct tame_vector_sum {
  MPI_Comm comm;
  const tame_partition *items;
  int rank, size;
  int64_t length;
  tame_partition segments; /* of elements, over ranks */
  int64_t next;            /* own item that comes next */
  node *stack;             /* own nodes, [room] */
  double *vectors;         /* theirs, [room][length] */
  int64_t held, room;
  int64_t *first_node; /* of each rank in `nodes`, [size + 1] */
  node *nodes;         /* of all ranks */
  double *parts;       /* our segment of all nodes, [nodes][own segment] */
  int *counts;         /* of one exchange: sent, received, and from where to where; [4][size] */
};

/* Put an item on a stack of nodes; returns how many pairs must be added up, from the top down. */
static int push(node *stack, int64_t *held, int64_t item)
{
  int merges = 0;
  stack[(*held)++] = (node){item, 1};
  while (*held > 1) {
    node *below = &stack[*held - 2];
    const node *top = below + 1;
    if (below->count != top->count || below->first % (2 * below->count) != 0) break;
    below->count *= 2;
    (*held)--;
    merges++;
  }
  return merges;
}

/* Nodes of a rank in the end, into nodes unless NULL, and how many wait at most. */
static int64_t list_nodes(int64_t first, int64_t end, node *nodes, int64_t *most)
{
  node stack[2 * 64 + 1];
  int64_t held = 0;
  *most = 0;
  for (int64_t item = first; item < end; item++) {
    push(stack, &held, item);
    if (held + 1 > *most) *most = held + 1; /* before it merges */
  }
  if (nodes) memcpy(nodes, stack, (size_t)held * sizeof *nodes);
  return held;
}

static tame_status make(tame_vector_sum *s)
{
  int64_t most;
  const tame_partition *p = s->items;
  tame_status status = tame_partition_even(&s->segments, s->size, s->length);
  s->first_node = tame_zeroed(s->size + 1, sizeof *s->first_node, "a sum of vectors");
  if (status != TAME_OK || !s->first_node) return TAME_ERR_NOMEM;
  for (int k = 0; k < s->size; k++)
    s->first_node[k + 1] = s->first_node[k] + list_nodes(p->first[k], p->first[k + 1], NULL, &most);
  s->nodes = tame_zeroed(s->first_node[s->size], sizeof *s->nodes, "a sum of vectors");
  if (!s->nodes) return TAME_ERR_NOMEM;
  for (int k = 0; k < s->size; k++)
    list_nodes(p->first[k], p->first[k + 1], s->nodes + s->first_node[k], &most);
  list_nodes(p->first[s->rank], p->first[s->rank + 1], NULL, &s->room);
  s->room++;
  s->stack = tame_zeroed(s->room, sizeof *s->stack, "a sum of vectors");
  s->vectors = tame_untouched(s->room * s->length, sizeof *s->vectors, "a sum of vectors");
  s->parts = tame_untouched(s->first_node[s->size] * s->segments.counts[s->rank], sizeof *s->parts,
                            "a sum of vectors");
  s->counts = tame_zeroed(4 * s->size, sizeof *s->counts, "a sum of vectors");
  return s->stack && s->vectors && s->parts && s->counts ? TAME_OK : TAME_ERR_NOMEM;
}

tame_status tame_vector_sum_create(tame_vector_sum **out, MPI_Comm comm,
                                   const tame_partition *items, int64_t length)
{
  tame_vector_sum *s = *out = tame_zeroed(1, sizeof *s, "a sum of vectors");
  tame_status status = TAME_ERR_NOMEM;
  if (s) {
    *s = (tame_vector_sum){.comm = comm, .items = items, .length = length};
    MPI_Comm_rank(comm, &s->rank);
    MPI_Comm_size(comm, &s->size);
    s->next = items->first[s->rank];
    status = make(s);
  }
  status = tame_agree(comm, status);
  if (status != TAME_OK) tame_vector_sum_free(out);
  return status;
}

int64_t tame_vector_sum_need(const tame_partition *items, int64_t length)
{
  int64_t nodes = 0, most = 0, room;
  for (int k = 0; k < items->size; k++) {
    nodes += list_nodes(items->first[k], items->first[k + 1], NULL, &room);
    if (room + 1 > most) most = room + 1;
  }
  const int64_t segment = (length + items->size - 1) / items->size;
  return (most * length + nodes * segment) * (int64_t)sizeof(double);
}

void tame_vector_sum_free(tame_vector_sum **sum)
{
  tame_vector_sum *s = *sum;
  if (!s) return;
  tame_partition_free(&s->segments);
  free(s->first_node);
  free(s->nodes);
  free(s->stack);
  free(s->vectors);
  free(s->parts);
  free(s->counts);
  free(s);
  *sum = NULL;
}

static void add(int64_t n, const double *from, double *to)
{
  for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

void tame_vector_sum_add(tame_vector_sum *s, const double *vector)
{
  assert(s->next < s->items->first[s->rank + 1] && s->held < s->room);
  memcpy(s->vectors + s->held * s->length, vector, (size_t)s->length * sizeof *vector);
  int64_t top = s->held;
  const int merges = push(s->stack, &s->held, s->next++);
  for (int k = 0; k < merges; k++, top--)
    add(s->length, s->vectors + top * s->length, s->vectors + (top - 1) * s->length);
}

/* Our segment of the k-th node of every rank that has so many. */
static void exchange(const tame_vector_sum *s, int64_t k)
{
  int *const out = s->counts, *const in = out + s->size, *const from = in + s->size,
             *const to = from + s->size;
  const bool has = k < s->held;
  MPI_Datatype segment;
  MPI_Type_contiguous(s->segments.counts[s->rank], MPI_DOUBLE, &segment);
  MPI_Type_commit(&segment);
  for (int q = 0; q < s->size; q++) {
    const bool it_has = k < s->first_node[q + 1] - s->first_node[q];
    out[q] = has ? s->segments.counts[q] : 0;
    from[q] = s->segments.places[q];
    in[q] = it_has && s->segments.counts[s->rank] > 0;
    to[q] = it_has ? (int)(s->first_node[q] + k) : 0;
  }
  MPI_Alltoallv(has ? s->vectors + k * s->length : NULL, out, from, MPI_DOUBLE, s->parts, in, to,
                segment, s->comm);
  MPI_Type_free(&segment);
}

/* The sum of items first to end - 1, in the place of the first of their nodes. */
static double *reduce(const tame_vector_sum *s, int64_t *at, int64_t first, int64_t end)
{
  const int64_t n = s->segments.counts[s->rank];
  const node *next = &s->nodes[*at];
  if (next->first == first && next->count == end - first) return s->parts + (*at)++ * n;
  int64_t half = 1; /* the largest power of two below their number */
  while (2 * half < end - first) half *= 2;
  double *left = reduce(s, at, first, first + half);
  add(n, reduce(s, at, first + half, end), left);
  return left;
}

void tame_vector_sum_finish(tame_vector_sum *s, double *total)
{
  int64_t most = 0, at = 0;
  assert(s->next == s->items->first[s->rank + 1]);
  for (int q = 0; q < s->size; q++)
    if (s->first_node[q + 1] - s->first_node[q] > most)
      most = s->first_node[q + 1] - s->first_node[q];
  for (int64_t k = 0; k < most; k++) exchange(s, k);
  if (s->items->n > 0)
    tame_gather_all(s->comm, &s->segments, reduce(s, &at, 0, s->items->n), total, sizeof *total);
  else memset(total, 0, (size_t)s->length * sizeof *total);
  s->held = 0;
  s->next = s->items->first[s->rank];
}
