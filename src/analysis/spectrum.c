/* Analysis `spectrum`: the eigenvalues of W as it is, by LAPACK on rank 0. */
#include "analysis/tables.h"
#include "base/memory.h"
#include "linalg/eigen.h"

#include <math.h>
#include <stdlib.h>

enum { EIGENVALUES, RADIUS };
enum { MOST_NEURONS = 46340 /* n^2 is an int */ };

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
  const double n = (double)about->network->neurons;
  (void)params;
  tame_analysis_add(plan, "eigenvalues", "neuron, part", "1", about->network->neurons, 2);
  tame_analysis_add(plan, "radius", "", "1", 0, 0);
  plan->root_bytes = (n + TAME_EIGENVALUES_WORK + 2) * n * sizeof(double);
  plan->own_bytes = ranks > 1 ? n * sizeof(double) : 0; /* our rows of W, on their way */
  plan->trial_cycles = 5 * n * n * n;
}

static tame_status create(tame_analysis **out, const void *params, const tame_analysis_about *about,
                          tame_network *network)
{
  (void)params, (void)about, (void)network;
  *out = tame_zeroed(1, sizeof **out, "a spectrum");
  return *out ? TAME_OK : TAME_ERR_NOMEM;
}

static void release(tame_analysis *analysis)
{
  free(analysis);
}

/* By real part, the largest first; of a conjugate pair the one above the axis first. */
static int order(const void *a, const void *b)
{
  const double *x = a, *y = b;
  for (int part = 0; part < 2; part++)
    if (x[part] != y[part]) return (x[part] < y[part]) - (x[part] > y[part]);
  return 0;
}

/* W, [n][n], is overwritten. */
static tame_status solve(int64_t n, double *W, double *values, double *radius)
{
  double *re = tame_untouched(2 * n, sizeof *re, "a spectrum");
  if (!re) return TAME_ERR_NOMEM;
  double *const im = re + n;
  const tame_status status = tame_eigenvalues(n, W, re, im);
  *radius = 0;
  for (int64_t k = 0; status == TAME_OK && k < n; k++) {
    values[2 * k] = re[k];
    values[2 * k + 1] = im[k];
    *radius = fmax(*radius, hypot(re[k], im[k]));
  }
  free(re);
  if (status == TAME_OK) qsort(values, (size_t)n, 2 * sizeof *values, order);
  return status;
}

static tame_status end(tame_analysis *a)
{
  tame_network *net = a->network;
  const int64_t n = net->p.neurons;
  double *W = net->rank == 0 ? tame_untouched(n * n, sizeof *W, "a spectrum") : NULL;
  tame_status status = tame_agree(net->comm, net->rank > 0 || W ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) status = tame_network_dense(net, W);
  if (status == TAME_OK && net->rank == 0)
    status = solve(n, W, a->values[EIGENVALUES], a->values[RADIUS]);
  free(W);
  return status;
}

extern const tame_analysis_row tame_analysis_spectrum;
const tame_analysis_row tame_analysis_spectrum = {
    .head = {.name = "spectrum", .doc = "eigenvalues of W, by real part, and the largest modulus"},
    .check = check,
    .foresee = foresee,
    .create = create,
    .free = release,
    .end = end,
};
