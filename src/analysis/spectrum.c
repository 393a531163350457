/* Analysis `spectrum`: the eigenvalues of W as it is, by LAPACK on rank 0. */
#include "analysis/tables.h"
#include "base/memory.h"
#include "linalg/regress.h"

#include <math.h>
#include <stdlib.h>

/* NOLINTBEGIN(readability-identifier-naming) */
void dgeev_(const char *left, const char *right, const int *n, double *a, const int *lda,
            double *re, double *im, double *vl, const int *ldvl, double *vr, const int *ldvr,
            double *work, const int *lwork, int *info);
/* NOLINTEND(readability-identifier-naming) */

enum { EIGENVALUES, RADIUS };
enum { MOST_NEURONS = 46340 /* n^2 is an int */ };
enum { WORK = 64 /* numbers a row for LAPACK; fixed, so that its blocks are */ };

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
  plan->root_bytes = (n + WORK + 2) * n * sizeof(double);
  plan->fixed_bytes = ranks > 1 ? 64 * n * sizeof(double) : 0; /* rows on their way */
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

/* W, [n][n], whose eigenvalues are those of its transpose, which LAPACK takes it for; it is overwritten. */
static tame_status solve(int64_t n, double *W, double *values, double *radius)
{
  const int size = (int)n, one = 1, room = WORK * size;
  double *re = tame_untouched((2 + WORK) * n, sizeof *re, "a spectrum"), none;
  int info;
  if (!re) return TAME_ERR_NOMEM;
  double *const im = re + n, *const work = im + n;
  tame_blas_alone();
  dgeev_("N", "N", &size, W, &size, re, im, &none, &one, &none, &one, work, &room, &info);
  *radius = 0;
  for (int64_t k = 0; k < n; k++) {
    values[2 * k] = re[k];
    values[2 * k + 1] = im[k];
    *radius = fmax(*radius, hypot(re[k], im[k]));
  }
  free(re);
  if (info)
    return tame_fail(TAME_ERR_NUMERIC, "spectrum: LAPACK finds no eigenvalues of W (dgeev: %d)",
                     info);
  qsort(values, (size_t)n, 2 * sizeof *values, order);
  return TAME_OK;
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
