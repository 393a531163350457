/* Synapses of liquid time-constant cells; see conductance.h. */
#include "model/conductance.h"

void tame_conductances_run(const tame_conductances *c, const double *slab, const double *w,
                           int64_t batch, const double *v, double *s, double *num, double *den)
{
  const tame_synapses *y = c->synapses;
  const double *sigma = slab + c->sigma, *mu = slab + c->mu, *erev = slab + c->erev;
  for (int64_t b = 0; b < batch; b++)
    for (int64_t k = 0; k < y->count; k++)
      s[b * y->count + k] = sigma[k] * (v[b * y->sources + y->source[k]] - mu[k]);
  c->kernels->logistic((size_t)(batch * y->count), s, s);
  for (int64_t b = 0; b < batch; b++, s += y->count)
    for (int64_t j = 0; j < y->destinations; j++) {
      double driven = 0, open = 0;
      for (int64_t k = y->start[j]; k < y->start[j + 1]; k++) {
        const double a = w[k] * s[k];
        driven += a * erev[k];
        open += a;
      }
      num[b * y->destinations + j] += driven;
      den[b * y->destinations + j] += open;
    }
}

void tame_conductances_vjp(const tame_conductances *c, const double *slab, const double *w,
                           int64_t batch, const double *v, const double *s, const double *dnum,
                           const double *dden, double *dv, double *dslab, double *dw)
{
  const tame_synapses *y = c->synapses;
  const double *sigma = slab + c->sigma, *mu = slab + c->mu, *erev = slab + c->erev;
  double *dsigma = dslab + c->sigma, *dmu = dslab + c->mu, *derev = dslab + c->erev;
  for (int64_t b = 0; b < batch; b++, s += y->count, v += y->sources, dv += y->sources)
    for (int64_t j = 0; j < y->destinations; j++) {
      const double dn = dnum[b * y->destinations + j], dd = dden[b * y->destinations + j];
      for (int64_t k = y->start[j]; k < y->start[j + 1]; k++) {
        const int32_t i = y->source[k];
        const double da = dn * erev[k] + dd, dz = da * w[k] * s[k] * (1 - s[k]);
        derev[k] += dn * w[k] * s[k];
        dw[k] += da * s[k];
        dsigma[k] += dz * (v[i] - mu[k]);
        dmu[k] -= dz * sigma[k];
        dv[i] += dz * sigma[k];
      }
    }
}

void tame_conductances_jvp(const tame_conductances *c, const double *slab, const double *w,
                           int64_t batch, const double *v, const double *s, const double *tslab,
                           const double *tw, const double *tv, double *tnum, double *tden)
{
  const tame_synapses *y = c->synapses;
  const double *sigma = slab + c->sigma, *mu = slab + c->mu, *erev = slab + c->erev;
  const double *tsigma = tslab + c->sigma, *tmu = tslab + c->mu, *terev = tslab + c->erev;
  for (int64_t b = 0; b < batch; b++, s += y->count, v += y->sources, tv += y->sources)
    for (int64_t j = 0; j < y->destinations; j++)
      for (int64_t k = y->start[j]; k < y->start[j + 1]; k++) {
        const int32_t i = y->source[k];
        const double tz = tsigma[k] * (v[i] - mu[k]) + sigma[k] * (tv[i] - tmu[k]);
        const double ta = tw[k] * s[k] + w[k] * s[k] * (1 - s[k]) * tz;
        tnum[b * y->destinations + j] += ta * erev[k] + w[k] * s[k] * terev[k];
        tden[b * y->destinations + j] += ta;
      }
}
