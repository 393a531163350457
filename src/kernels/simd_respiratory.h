/* The respiratory oscillator, a register of them at a time: the equations of ref_respiratory.h with four exponentials
 * in place of nine, and three divisions in place of nine, as all exponents of neuron 1 are multiples of V1 / 24.
 * Included by avx2.c and avx512.c, which define `wide`, a register of doubles, and wide_exp. */

enum { WIDE = sizeof(wide) / sizeof(double) };
typedef wide wide_at __attribute__((aligned(1), may_alias)); /* anywhere in memory */

static void boltzmann(size_t n, double half, double slope, const double *x, double *out)
{
  double tail[WIDE] = {0};
  for (size_t i = 0; i < n; i += WIDE) {
    const size_t left = n - i, bytes = (left < WIDE ? left : WIDE) * sizeof(double);
    memcpy(tail, x + i, bytes);
    *(wide_at *)tail = 1 / (1 + wide_exp((half - *(wide_at *)tail) / slope));
    memcpy(out + i, tail, bytes);
  }
}

/** What depends on V1 alone: its gates, f1, and dh/dt. */
typedef struct first_neuron {
  wide m, n4, f, dh;
} first_neuron;

INLINE first_neuron of_first(const tame_respiratory *p, wide V, wide h)
{
  const double c_m = 0x1.4d9d0239e543ap-10 /* exp(-40/6) */, c_n = 0x1.7455fe323fafdp-11;
  const double c_f = 0x1.81509354f0d29p-6 /* exp(-30/8) */, c_h = 0x1.b4c902e273a58p+5;
  const wide q = wide_exp(V * (1.0 / 24)), q2 = q * q, q3 = q2 * q, q4 = q2 * q2, q6 = q3 * q3;
  const wide am = q4 + c_m, an = q6 + c_n; /* c_n = exp(-29/4) */
  const wide af = q3 + c_f, a = c_h * q2;  /* a = exp((V + 48) / 12), c_h = exp(4) */
  const wide both = 1 / (am * an), other = 1 / (af * a);
  const wide n = q6 * am * both, n2 = n * n;
  /* (h_inf - h) cosh(.) / tau = (1 / (1 + a^2) - h) (a + 1 / a) / (2 tau) */
  return (first_neuron){.m = q4 * an * both,
                        .n4 = n2 * n2,
                        .f = q3 * a * other,
                        .dh = (1 - h * (1 + a * a)) * (af * other) * (0.5 / p->tau_h)};
}

/** dx/dt of a register of oscillators. */
INLINE void slopes_of(const tame_respiratory *p, wide u, const wide x[TAME_RESPIRATORY],
                      wide dx[TAME_RESPIRATORY])
{
  const first_neuron one = of_first(p, x[0], x[4]);
  const wide d2 = 1 + wide_exp((x[1] + 30) * -0.25), d3 = 1 + wide_exp((x[2] + 30) * -0.25),
             d4 = 1 + wide_exp((x[3] + 30) * -0.25);
  const wide d23 = d2 * d3, all = 1 / (d23 * d4);
  const wide f2 = d3 * d4 * all, f3 = d2 * d4 * all, f4 = d23 * all;
  const wide inhibition[4] = {p->b31 * f3 + p->b41 * f4, p->b32 * f3 + p->b42 * f4,
                              p->b23 * f2 + p->b43 * f4, p->b24 * f2 + p->b34 * f3};
  const double C = -1 / p->C;
  UNROLL for (int i = 0; i < 4; i++)
  {
    const wide V = x[i], rest = V - p->E_K;
    wide excitation = p->E[i] + p->E_of[i] * u;
    if (i == 1) excitation += p->a12 * one.f;
    wide current = p->g_L * (V - p->E_L) + p->g_E * (V - p->E_E) * excitation +
                   p->g_I * (V - p->E_I) * inhibition[i];
    if (i == 0) current += p->g_NaP * one.m * x[4] * (V - p->E_Na) + p->g_K * one.n4 * rest;
    else current += p->g_AD * x[4 + i] * (p->shared ? x[1] - p->E_K : rest);
    dx[i] = C * current;
  }
  dx[4] = one.dh;
  dx[5] = (p->K_AD[0] * f2 - x[5]) * (1 / p->tau_AD[0]);
  dx[6] = (p->K_AD[1] * f3 - x[6]) * (1 / p->tau_AD[1]);
  dx[7] = (p->K_AD[2] * f4 - x[7]) * (1 / p->tau_AD[2]);
}

#define EACH(k) UNROLL for (size_t k = 0; k < TAME_RESPIRATORY; k++)

static void respiratory_slopes(size_t n, const tame_respiratory *p, const double *u,
                               const double *x, double *dx)
{
  for (size_t i = 0; i < n; i += WIDE) {
    wide here[TAME_RESPIRATORY], slope[TAME_RESPIRATORY];
    EACH(k) here[k] = *(const wide_at *)(x + k * n + i);
    slopes_of(p, *(const wide_at *)(u + i), here, slope);
    EACH(k) * (wide_at *)(dx + k * n + i) = slope[k];
  }
}

INLINE void runge_kutta_step(const tame_respiratory *p, wide u, double dt, wide x[TAME_RESPIRATORY])
{
  wide slope[TAME_RESPIRATORY], sum[TAME_RESPIRATORY], y[TAME_RESPIRATORY];
  slopes_of(p, u, x, slope);
  EACH(k) sum[k] = slope[k];
  for (int stage = 1; stage < 4; stage++) {
    EACH(k) y[k] = x[k] + (stage < 3 ? 0.5 * dt : dt) * slope[k];
    slopes_of(p, u, y, slope);
    EACH(k) sum[k] += (stage < 3 ? 2.0 : 1.0) * slope[k];
  }
  EACH(k) x[k] += dt / 6 * sum[k];
}

static void respiratory_run(size_t n, const tame_respiratory *p, const double *u, bool runge_kutta,
                            double dt, int64_t steps, double *x)
{
  for (size_t i = 0; i < n; i += WIDE) {
    const wide drive = *(const wide_at *)(u + i);
    wide here[TAME_RESPIRATORY], slope[TAME_RESPIRATORY];
    EACH(k) here[k] = *(const wide_at *)(x + k * n + i);
    for (int64_t s = 0; s < steps; s++) {
      if (runge_kutta) {
        runge_kutta_step(p, drive, dt, here);
      } else {
        slopes_of(p, drive, here, slope);
        EACH(k) here[k] += dt * slope[k];
      }
    }
    EACH(k) * (wide_at *)(x + k * n + i) = here[k];
  }
}
#undef EACH
