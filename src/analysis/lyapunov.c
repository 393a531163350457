/* Exponents of any system; see lyapunov.h. */
#include "analysis/lyapunov.h"

#include "base/memory.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum {
  AT_ONCE = 512, /* scalar products, or as many as one vector has, if it has more */
  PASSES = 5,    /* two do, unless vectors are nearly parallel */
};

struct tame_lyapunov {
  tame_lyapunov_system system;
  tame_lyapunov_options options;
  int rank;
  int64_t n, first, n_local;
  int threads; /* for our rows */
  tame_tree *tree;
  double *vectors; /* [n_local][k] */
  double *gram;    /* V'V, then R, lower triangle by rows: [k (k + 1) / 2] */
  double *inverse; /* 1 / R_jj, [k] */
  double *logs;    /* of R_jj of all passes, [k] */

  /* what it goes on with, beside the vectors; the same on every rank */
  double *growth;      /* sums of logs over the samples, [k] */
  int64_t progress[3]; /* see below */
};

enum { STEPS /* since Q R */, QRS /* so far */, FAILED /* Q R that failed, from 1; 0: none */ };

/* ---- Q R --------------------------------------------------------------------------------------- */

/* Rows [from, to) of the lower triangle, whose elements are added up together. */
typedef struct rows {
  const tame_lyapunov *l;
  int64_t from, to;
} rows;

static int64_t triangle(int64_t k)
{
  return k * (k + 1) / 2;
}

/* A neuron's part in the scalar products. */
static void products(const void *context, int64_t i_local, double *numbers)
{
  const rows *which = context;
  const double *v = which->l->vectors + i_local * which->l->options.exponents;
  for (int64_t a = which->from; a < which->to; a++)
    for (int64_t b = 0; b <= a; b++) *numbers++ = v[a] * v[b];
}

static int64_t most_at_once(int64_t k)
{
  return k > AT_ONCE ? k : triangle(k) < AT_ONCE ? triangle(k) : AT_ONCE;
}

static void form_gram(tame_lyapunov *l)
{
  const int64_t k = l->options.exponents, most = most_at_once(k);
  rows which = {.l = l};
  while (which.from < k) {
    which.to = which.from + 1;
    while (which.to < k && triangle(which.to + 1) - triangle(which.from) <= most) which.to++;
    tame_tree_sums(l->tree, triangle(which.to) - triangle(which.from), products, &which,
                   l->gram + triangle(which.from));
    which.from = which.to;
  }
}

/* How far the vectors are from orthonormal: NaN counts as far. */
static double distance(const tame_lyapunov *l)
{
  double most = 0;
  for (int64_t a = 0, at = 0; a < l->options.exponents; a++)
    for (int64_t b = 0; b <= a; b++, at++) {
      const double off = fabs(l->gram[at] - (a == b));
      if (!(off <= most)) most = off;
    }
  return most;
}

/* gram: L L' -> L, R = L'. False where it is not positive: vectors are parallel up to rounding. */
static bool factor(tame_lyapunov *l)
{
  const int64_t k = l->options.exponents;
  for (int64_t a = 0; a < k; a++) {
    double *const row = l->gram + triangle(a);
    const double squared = row[a];
    for (int64_t b = 0; b < a; b++) {
      const double *const other = l->gram + triangle(b);
      for (int64_t c = 0; c < b; c++) row[b] -= row[c] * other[c];
      row[b] *= l->inverse[b];
      row[a] -= row[b] * row[b];
    }
    if (!(row[a] > 1e-15 * (double)k * squared) || !isfinite(row[a])) return false;
    row[a] = sqrt(row[a]);
    l->inverse[a] = 1 / row[a];
    l->logs[a] += log(row[a]);
  }
  return true;
}

/* V <- V R^-1, each row by itself. */
static void divide_rows(tame_lyapunov *l)
{
  const int64_t k = l->options.exponents;
#pragma omp parallel for schedule(static) num_threads(l->threads)
  for (int64_t i = 0; i < l->n_local; i++) {
    double *const v = l->vectors + i * k;
    for (int64_t a = 0; a < k; a++) {
      const double *const row = l->gram + triangle(a);
      for (int64_t b = 0; b < a; b++) v[a] -= row[b] * v[b];
      v[a] *= l->inverse[a];
    }
  }
}

/* Make the vectors orthonormal; logs: of the diagonal of R. All sums are the same on every rank, and so is what
 * follows from them. Collective. */
static bool orthonormalize(tame_lyapunov *l)
{
  memset(l->logs, 0, (size_t)l->options.exponents * sizeof *l->logs);
  for (int pass = 0; pass < PASSES; pass++) {
    form_gram(l);
    if (pass > 0 && distance(l) < 1e-12) return true;
    if (!factor(l)) return false;
    divide_rows(l);
  }
  form_gram(l);
  return distance(l) < 1e-8;
}

/* ---- life -------------------------------------------------------------------------------------- */

void tame_lyapunov_need(int64_t k, int ranks, double *own, double *fixed)
{
  *own = (double)k * sizeof(double);
  const int nodes = 40 * (ranks + 1) + 96 * omp_get_max_threads(); /* of the tree, or so */
  *fixed = (double)sizeof(double) *
           ((double)(triangle(k) + 3 * k) + (double)most_at_once(k) * nodes);
}

static tame_status begin(tame_lyapunov **out, const tame_lyapunov_system *system,
                         const tame_lyapunov_options *options)
{
  tame_lyapunov *l = *out = tame_zeroed(1, sizeof *l, "Lyapunov exponents");
  const int64_t k = options->exponents;
  if (!l) return TAME_ERR_NOMEM;
  l->system = *system;
  l->options = *options;
  MPI_Comm_rank(system->comm, &l->rank);
  l->n = system->partition->n;
  l->first = system->partition->first[l->rank];
  l->n_local = system->partition->first[l->rank + 1] - l->first;
  l->threads = tame_threads_for((double)(l->n_local * triangle(k)));
  l->vectors = tame_zeroed(l->n_local * k, sizeof *l->vectors, "tangent vectors");
  l->gram = tame_zeroed(triangle(k), sizeof *l->gram, "tangent vectors");
  l->inverse = tame_zeroed(3 * k, sizeof *l->inverse, "tangent vectors");
  if (!l->vectors || !l->gram || !l->inverse) return TAME_ERR_NOMEM;
  l->logs = l->inverse + k;
  l->growth = l->inverse + 2 * k;
  return TAME_OK;
}

tame_status tame_lyapunov_create(tame_lyapunov **out, const tame_lyapunov_system *system,
                                 const tame_lyapunov_options *options)
{
  tame_status status = tame_agree(system->comm, begin(out, system, options));
  if (status == TAME_OK)
    status = tame_tree_create(&(*out)->tree, system->comm, system->partition,
                              most_at_once(options->exponents));
  if (status != TAME_OK) tame_lyapunov_free(out);
  return status;
}

void tame_lyapunov_free(tame_lyapunov **lyapunov)
{
  tame_lyapunov *l = *lyapunov;
  if (!l) return;
  tame_tree_free(&l->tree);
  free(l->vectors);
  free(l->gram);
  free(l->inverse);
  free(l);
  *lyapunov = NULL;
}

/* ---- moving ------------------------------------------------------------------------------------ */

static void fail_at(tame_lyapunov *l)
{
  if (!l->progress[FAILED]) l->progress[FAILED] = l->progress[QRS] + 1;
}

void tame_lyapunov_begin(tame_lyapunov *l, uint32_t trial)
{
  const int64_t k = l->options.exponents;
  for (int64_t i = 0; i < l->n_local; i++)
    for (int64_t j = 0; j < k; j++)
      l->vectors[i * k + j] = tame_normal(l->options.seed, TAME_DRAW_TANGENT,
                                          (uint32_t)(l->first + i), (uint32_t)j, trial);
  memset(l->growth, 0, (size_t)k * sizeof *l->growth);
  memset(l->progress, 0, sizeof l->progress);
  if (!orthonormalize(l)) fail_at(l);
}

bool tame_lyapunov_step(tame_lyapunov *l)
{
  if (l->progress[FAILED]) return false;
  l->system.advance(l->system.context, l->vectors);
  if (++l->progress[STEPS] < l->options.every) return false;
  l->progress[STEPS] = 0;
  if (!orthonormalize(l)) fail_at(l);
  l->progress[QRS]++;
  if (l->progress[FAILED] || l->progress[QRS] <= l->options.settle) return false;
  for (int64_t j = 0; j < l->options.exponents; j++) l->growth[j] += l->logs[j];
  return true;
}

int64_t tame_lyapunov_samples(const tame_lyapunov *l)
{
  return l->progress[QRS] > l->options.settle ? l->progress[QRS] - l->options.settle : 0;
}

void tame_lyapunov_exponents(const tame_lyapunov *l, double *exponents)
{
  const double time = (double)(tame_lyapunov_samples(l) * l->options.every) * l->options.step_s;
  for (int64_t j = 0; j < l->options.exponents; j++) exponents[j] = l->growth[j] / time;
}

tame_status tame_lyapunov_verdict(const tame_lyapunov *l)
{
  if (!l->progress[FAILED]) return TAME_OK;
  return tame_fail(
      TAME_ERR_NUMERIC,
      "tangent vectors are parallel, or not finite, after %lld intervals of %lld steps; want "
      "fewer exponents, or fewer steps between",
      (long long)l->progress[FAILED] - 1, (long long)l->options.every);
}

void tame_lyapunov_state(tame_lyapunov *l, tame_state *state)
{
  const int64_t k = l->options.exponents;
  const bool copy = l->rank > 0;
  const tame_piece pieces[] = {
      {"lyapunov.vectors", TAME_TYPE_F64, l->n * k, l->first * k, l->n_local * k, l->vectors, false,
       0},
      {"lyapunov.growth", TAME_TYPE_F64, k, 0, k, l->growth, copy, 0},
      {"lyapunov.progress", TAME_TYPE_I64, 3, 0, 3, l->progress, copy, 0},
  };
  for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) tame_state_add(state, &pieces[p]);
}

/* ---- what follows from exponents ----------------------------------------------------------------- */

static int descending(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

tame_status tame_kaplan_yorke(int64_t n, int64_t k, const double *exponents, double *dimension)
{
  double *sorted = tame_untouched(k, sizeof *sorted, "Lyapunov exponents"), sum = 0;
  int64_t j = 0;
  if (!sorted) return TAME_ERR_NOMEM;
  memcpy(sorted, exponents, (size_t)k * sizeof *sorted);
  qsort(sorted, (size_t)k, sizeof *sorted, descending);
  while (j < k && sum + sorted[j] >= 0) sum += sorted[j++];
  if (j < k) *dimension = (double)j + sum / -sorted[j];
  else *dimension = k == n ? (double)n : NAN;
  free(sorted);
  return TAME_OK;
}

double tame_entropy_sum(int64_t k, const double *exponents)
{
  double sum = 0;
  for (int64_t j = 0; j < k; j++) sum += exponents[j] > 0 ? exponents[j] : 0;
  return sum;
}
