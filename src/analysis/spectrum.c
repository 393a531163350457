/* Analysis `spectrum`: the eigenvalues of W as it is, and its eigenvectors, by LAPACK on rank 0. */
#include "analysis/tables.h"
#include "base/memory.h"
#include "linalg/eigen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EIGENVALUES, RADIUS, REAL, IMAGINARY };
enum { MOST_NEURONS = 46340 /* n^2 is an int */ };

typedef struct spectrum_params {
  bool vectors;
} spectrum_params;

static const tame_field fields[] = {
    {"vectors", TAME_BOOL, .offset = offsetof(spectrum_params, vectors), .fallback = "off",
     .doc = "eigenvectors, too: W v = mu v, of length 1, the last of the largest elements real and "
            "positive"},
    {0}};

typedef struct spectrum {
  tame_analysis head;
  bool vectors;
} spectrum;

static tame_status check(const void *params, const tame_analysis_about *about, const char **key)
{
  (void)params;
  *key = "";
  if (about->network->neurons <= MOST_NEURONS) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "%lld neurons are too many for LAPACK, want at most %d",
                   (long long)about->network->neurons, MOST_NEURONS);
}

static void foresee(const void *params, const tame_analysis_about *about, int ranks,
                    tame_analysis_plan *plan)
{
  const bool vectors = ((const spectrum_params *)params)->vectors;
  const int64_t neurons = about->network->neurons;
  const double n = (double)neurons;
  tame_analysis_add(plan, "eigenvalues", "neuron, part", "1", neurons, 2);
  tame_analysis_add(plan, "radius", "", "1", 0, 0);
  if (vectors) tame_analysis_add(plan, "vectors_real", "vector, neuron", "1", neurons, neurons);
  if (vectors)
    tame_analysis_add(plan, "vectors_imaginary", "vector, neuron", "1", neurons, neurons);
  plan->root_bytes = ((vectors ? 3 : 1) * n + TAME_EIGENVALUES_WORK + 5) * n * sizeof(double);
  plan->own_bytes = ranks > 1 ? n * sizeof(double) : 0; /* our rows of W, on their way */
  plan->trial_cycles = (vectors ? 15 : 5) * n * n * n;
}

static tame_status create(tame_analysis **out, const void *params, const tame_analysis_about *about,
                          tame_network *network)
{
  spectrum *s = tame_zeroed(1, sizeof *s, "a spectrum");
  (void)about, (void)network;
  if (!s) return TAME_ERR_NOMEM;
  s->vectors = ((const spectrum_params *)params)->vectors;
  *out = &s->head;
  return TAME_OK;
}

static void release(tame_analysis *analysis)
{
  free(analysis);
}

/* An eigenvalue, and where it is among those that LAPACK gives. */
typedef struct eigenvalue {
  double part[2];
  int64_t place;
} eigenvalue;

/* By real part, the largest first; of a conjugate pair the one above the axis first. */
static int order(const void *a, const void *b)
{
  const eigenvalue *x = a, *y = b;
  for (int k = 0; k < 2; k++)
    if (x->part[k] != y->part[k]) return (x->part[k] < y->part[k]) - (x->part[k] > y->part[k]);
  return (x->place > y->place) - (x->place < y->place);
}

/* Eigenvalues re and im of LAPACK into the results, and vectors, [2][n][n], NULL where nobody asked. */
static void put(double *const *values, eigenvalue *sorted, int64_t n, const double *re,
                const double *im, const double *vectors)
{
  for (int64_t k = 0; k < n; k++) sorted[k] = (eigenvalue){{re[k], im[k]}, k};
  qsort(sorted, (size_t)n, sizeof *sorted, order);
  *values[RADIUS] = 0;
  for (int64_t k = 0; k < n; k++) {
    const double *part = sorted[k].part;
    memcpy(&values[EIGENVALUES][2 * k], part, 2 * sizeof *part);
    *values[RADIUS] = fmax(*values[RADIUS], hypot(part[0], part[1]));
    for (int which = 0; vectors && which < 2; which++)
      memcpy(&values[REAL + which][k * n], &vectors[(which * n + sorted[k].place) * n],
             (size_t)n * sizeof *vectors);
  }
}

/* W, [n][n], is overwritten. */
static tame_status solve(const spectrum *s, int64_t n, double *W)
{
  double *re = tame_untouched(2 * n, sizeof *re, "a spectrum");
  double *vectors = tame_untouched(s->vectors ? 2 * n * n : 0, sizeof *vectors, "eigenvectors");
  eigenvalue *sorted = tame_untouched(n, sizeof *sorted, "a spectrum");
  tame_status status = re && vectors && sorted ? TAME_OK : TAME_ERR_NOMEM;
  if (status == TAME_OK)
    status = s->vectors ? tame_eigenvectors(n, W, re, re + n, vectors, vectors + n * n)
                        : tame_eigenvalues(n, W, re, re + n);
  if (status == TAME_OK) put(s->head.values, sorted, n, re, re + n, s->vectors ? vectors : NULL);
  free(re);
  free(vectors);
  free(sorted);
  return status;
}

static tame_status end(tame_analysis *a)
{
  tame_network *net = a->network;
  const int64_t n = net->p.neurons;
  double *W = net->rank == 0 ? tame_untouched(n * n, sizeof *W, "a spectrum") : NULL;
  tame_status status = tame_agree(net->comm, net->rank > 0 || W ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) status = tame_network_dense(net, W);
  if (status == TAME_OK && net->rank == 0) status = solve((const spectrum *)a, n, W);
  free(W);
  return status;
}

extern const tame_analysis_row tame_analysis_spectrum;
const tame_analysis_row tame_analysis_spectrum = {
    .head = {.name = "spectrum",
             .doc = "eigenvalues of W, by real part, and the largest modulus",
             .params = {.size = sizeof(spectrum_params), .fields = fields}},
    .check = check,
    .foresee = foresee,
    .create = create,
    .free = release,
    .end = end,
};
