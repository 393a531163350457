/* Rule `rls`: its row, and what its two forms share; the equations stand in tame/learn.h. */
#include "learn/rls.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const tame_field fields[] = {
    {"delta", TAME_REAL, .offset = offsetof(tame_rls_params, delta), .fallback = "1", .min = 1e-12,
     .max = 1e12,
     .doc = "P = I / delta at first; the ridge that pulls weights "
            "to their start"},
    {"forgetting", TAME_REAL, .offset = offsetof(tame_rls_params, forgetting), .fallback = "1",
     .min = 0.5, .max = 1, .doc = "lambda: each update weighs the past by it"},
    {0}};

extern const tame_rule tame_rule_rls;
const tame_rule tame_rule_rls = {
    .head =
        {.name = "rls",
         .doc = "recursive least squares: k = P r, c = 1/(lambda + r.k), P <- (P - c k k')/lambda, "
                "w <- w - c e k",
         .params = {.size = sizeof(tame_rls_params), .fields = fields}},
    .recurrent = &tame_rls_recurrent,
    .readout = &tame_rls_readout,
};

double tame_rls_gain(double lambda, double r_p_r, const tame_network *network, int64_t unit,
                     tame_learn_failure *failure)
{
  if (r_p_r > -1e-3 && isfinite(r_p_r)) return 1 / (lambda + r_p_r); /* NaN fails, too */
  if (!failure->any) *failure = (tame_learn_failure){1, network->step, unit, r_p_r};
  return 0;
}

void tame_rls_diagonal(tame_health *health, double p, double u, double scale)
{
  const double now = (p - u * u) * scale;
  if (!(now >= health->p_min) && !isnan(health->p_min)) health->p_min = now; /* NaN stays */
  if (!(now <= health->p_max) && !isnan(health->p_max)) health->p_max = now;
}

tame_status tame_rls_verdict(const tame_learn_failure *failure, const tame_health *health)
{
  if (failure->any) {
    char unit[64] = "the readout";
    if (failure->unit >= 0) snprintf(unit, sizeof unit, "neuron %lld", (long long)failure->unit);
    return tame_fail(
        TAME_ERR_NUMERIC,
        "step %lld: P of %s %s: r'Pr = %g, want at least 0; a larger delta, a forgetting "
        "nearer to 1, a longer update interval or more precision may help",
        (long long)failure->step - 1, unit,
        isfinite(failure->found) ? "lost positivity" : "is not finite", failure->found);
  }
  if (!(health->p_min > 0) || !isfinite(health->p_max))
    return tame_fail(TAME_ERR_NUMERIC,
                     "P lost positivity: its diagonal runs from %g to %g, want above 0; a larger "
                     "delta or a forgetting nearer to 1 may help",
                     health->p_min, health->p_max);
  return TAME_OK;
}
