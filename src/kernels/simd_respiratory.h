/* The respiratory oscillator, a register of them at a time: the equations of ref_respiratory.h with four exponentials
 * in place of nine, and three divisions in place of nine, as all exponents of neuron 1 are multiples of V1 / 24.
 * Included by avx2.c and avx512.c, which define `wide`, a register of doubles, wide_exp, wide_fma and wide_splat. */

enum { WIDE = sizeof(wide) / sizeof(double), PAIR = 2 };
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

/** Parameters as a step takes them: all conductances over C, products and inverses made once. */
typedef struct respiratory {
  double leak, leak_E, K_E, E_E, E_I, Na, Na_E, K, AD; /* leak_E = leak times its potential, ... */
  double E[4], E_of[4], a12;
  double onto1[2], onto2[2], onto3[2], onto4[2]; /* inhibition, by the neurons in ascending order */
  double of_h, of_m[3], of_f[3];                 /* dm/dt = of_f f - of_m m */
  bool shared;
} respiratory;

static respiratory prepared(const tame_respiratory *p)
{
  const double C = 1 / p->C, I = p->g_I * C, E = p->g_E * C;
  respiratory q = {.leak = p->g_L * C,
                   .leak_E = p->g_L * C * p->E_L,
                   .K_E = p->E_K,
                   .E_E = p->E_E,
                   .E_I = p->E_I,
                   .Na = p->g_NaP * C,
                   .Na_E = p->E_Na,
                   .K = p->g_K * C,
                   .AD = p->g_AD * C,
                   .a12 = E * p->a12,
                   .onto1 = {I * p->b31, I * p->b41},
                   .onto2 = {I * p->b32, I * p->b42},
                   .onto3 = {I * p->b23, I * p->b43},
                   .onto4 = {I * p->b24, I * p->b34},
                   .of_h = 0.5 / p->tau_h,
                   .shared = p->shared};
  for (int i = 0; i < 4; i++) q.E[i] = E * p->E[i], q.E_of[i] = E * p->E_of[i];
  for (int i = 0; i < 3; i++) q.of_m[i] = 1 / p->tau_AD[i], q.of_f[i] = p->K_AD[i] * q.of_m[i];
  return q;
}

/** a b + c, a the same in all lanes. */
INLINE wide fma1(double a, wide b, wide c)
{
  return wide_fma(wide_splat(a), b, c);
}

/** What depends on V1 alone: its gates, f1, and dh/dt. */
typedef struct first_neuron {
  wide m, n4, f, dh;
} first_neuron;

INLINE first_neuron of_first(const respiratory *p, wide q, wide h)
{
  const double c_m = 0x1.4d9d0239e543ap-10,
               c_n = 0x1.7455fe323fafdp-11;                            /* exp(-40/6), exp(-29/4) */
  const double c_f = 0x1.81509354f0d29p-6, c_h = 0x1.b4c902e273a58p+5; /* exp(-30/8), exp(4) */
  const wide q2 = q * q, q3 = q2 * q, q4 = q2 * q2, q6 = q3 * q3;
  const wide am = q4 + c_m, an = q6 + c_n, af = q3 + c_f, a = c_h * q2; /* exp((V + 48) / 12) */
  const wide left = am * an, right = af * a, all = 1 / (left * right);
  const wide both = right * all, other = left * all; /* 1 / left, 1 / right */
  const wide n = q6 * am * both, n2 = n * n;
  /* (h_inf - h) cosh(.) / tau = (1 / (1 + a^2) - h) (a + 1 / a) / (2 tau) */
  return (first_neuron){.m = q4 * an * both,
                        .n4 = n2 * n2,
                        .f = q3 * a * other,
                        .dh = (1 - h * wide_fma(a, a, wide_splat(1))) * (af * other) * p->of_h};
}

/** dV/dt of a neuron with excitation E, inhibition I, and a conductance g of potential p->K_E for which V is at_K:
 *  sums of conductances, and of currents at V = 0. */
INLINE wide slope_of(const respiratory *p, wide V, wide E, wide I, wide g, wide at_K)
{
  const wide G = p->leak + E + I;
  const wide zero = fma1(p->E_E, E, fma1(p->E_I, I, wide_splat(p->leak_E)));
  return wide_fma(-V, G, wide_fma(g, p->K_E - at_K, zero));
}

/** The exponentials of a register of oscillators. */
INLINE void exponentials(const wide x[TAME_RESPIRATORY], wide e[4])
{
  e[0] = wide_exp(x[0] * (1.0 / 24));
  UNROLL for (int i = 1; i < 4; i++)
  {
    e[i] = wide_exp((x[i] + 30) * -0.25);
  }
}

/** Excitation by input u. */
INLINE void excitation(const respiratory *p, wide u, wide E[4])
{
  UNROLL for (int i = 0; i < 4; i++)
  {
    E[i] = fma1(p->E_of[i], u, wide_splat(p->E[i]));
  }
}

/** dx/dt of them, from these and the excitation. */
INLINE void slopes_of(const respiratory *p, const wide E[4], const wide x[TAME_RESPIRATORY],
                      const wide e[4], wide dx[TAME_RESPIRATORY])
{
  const first_neuron one = of_first(p, e[0], x[4]);
  const wide d2 = 1 + e[1], d3 = 1 + e[2], d4 = 1 + e[3];
  const wide d23 = d2 * d3, all = 1 / (d23 * d4);
  const wide f2 = d3 * d4 * all, f3 = d2 * d4 * all, f4 = d23 * all;
  const wide by3 = p->shared ? x[1] : x[2], by4 = p->shared ? x[1] : x[3];
  dx[0] = slope_of(p, x[0], E[0], fma1(p->onto1[0], f3, p->onto1[1] * f4), p->K * one.n4, x[0]);
  dx[0] = wide_fma(p->Na * one.m * x[4], p->Na_E - x[0], dx[0]);
  dx[1] = slope_of(p, x[1], fma1(p->a12, one.f, E[1]), fma1(p->onto2[0], f3, p->onto2[1] * f4),
                   p->AD * x[5], x[1]);
  dx[2] = slope_of(p, x[2], E[2], fma1(p->onto3[0], f2, p->onto3[1] * f4), p->AD * x[6], by3);
  dx[3] = slope_of(p, x[3], E[3], fma1(p->onto4[0], f2, p->onto4[1] * f3), p->AD * x[7], by4);
  dx[4] = one.dh;
  dx[5] = fma1(p->of_f[0], f2, -p->of_m[0] * x[5]);
  dx[6] = fma1(p->of_f[1], f3, -p->of_m[1] * x[6]);
  dx[7] = fma1(p->of_f[2], f4, -p->of_m[2] * x[7]);
}

#define EACH(k) UNROLL for (size_t k = 0; k < TAME_RESPIRATORY; k++)

/** `count` registers of oscillators at once, which hide the time of each other's divisions and exponentials: slopes at
 *  x + h dx, into dx. */
INLINE void slopes_at(const int count, const respiratory *p, const wide E[][4], double h,
                      const wide x[][TAME_RESPIRATORY], wide dx[][TAME_RESPIRATORY])
{
  wide y[PAIR][TAME_RESPIRATORY], e[PAIR][4];
  UNROLL for (int v = 0; v < count; v++)
  {
    EACH(k) y[v][k] = h == 0 ? x[v][k] : fma1(h, dx[v][k], x[v][k]);
    exponentials(y[v], e[v]);
  }
  UNROLL for (int v = 0; v < count; v++)
  {
    slopes_of(p, E[v], y[v], e[v], dx[v]);
  }
}

static void respiratory_slopes(size_t n, const tame_respiratory *p, const double *u,
                               const double *x, double *dx)
{
  const respiratory q = prepared(p);
  for (size_t i = 0; i < n; i += WIDE) {
    wide here[1][TAME_RESPIRATORY], slope[1][TAME_RESPIRATORY], E[1][4];
    excitation(&q, *(const wide_at *)(u + i), E[0]);
    EACH(k) here[0][k] = *(const wide_at *)(x + k * n + i);
    slopes_at(1, &q, E, 0, here, slope);
    EACH(k) * (wide_at *)(dx + k * n + i) = slope[0][k];
  }
}

/** `count` registers of oscillators at x, n to a row, over all steps. */
INLINE void run_some(const int count, size_t n, const respiratory *p, const double *u,
                     bool runge_kutta, double dt, int64_t steps, double *x)
{
  wide here[PAIR][TAME_RESPIRATORY], slope[PAIR][TAME_RESPIRATORY], sum[PAIR][TAME_RESPIRATORY];
  wide E[PAIR][4];
  UNROLL for (int v = 0; v < count; v++)
  {
    excitation(p, *(const wide_at *)(u + v * WIDE), E[v]);
    EACH(k) here[v][k] = *(const wide_at *)(x + k * n + (size_t)v * WIDE);
  }
  for (int64_t s = 0; s < steps; s++) {
    slopes_at(count, p, E, 0, here, slope);
    if (runge_kutta) {
      UNROLL for (int v = 0; v < count; v++)
      {
        EACH(k) sum[v][k] = slope[v][k];
      }
      for (int stage = 1; stage < 4; stage++) {
        slopes_at(count, p, E, stage < 3 ? 0.5 * dt : dt, here, slope);
        UNROLL for (int v = 0; v < count; v++)
        {
          EACH(k) sum[v][k] = fma1(stage < 3 ? 2 : 1, slope[v][k], sum[v][k]);
        }
      }
      UNROLL for (int v = 0; v < count; v++)
      {
        EACH(k) here[v][k] = fma1(dt / 6, sum[v][k], here[v][k]);
      }
    } else {
      UNROLL for (int v = 0; v < count; v++)
      {
        EACH(k) here[v][k] = fma1(dt, slope[v][k], here[v][k]);
      }
    }
  }
  UNROLL for (int v = 0; v < count; v++)
  {
    EACH(k) * (wide_at *)(x + k * n + (size_t)v * WIDE) = here[v][k];
  }
}

static void respiratory_run(size_t n, const tame_respiratory *p, const double *u, bool runge_kutta,
                            double dt, int64_t steps, double *x)
{
  const respiratory q = prepared(p);
  size_t i = 0;
  for (; i + PAIR * WIDE <= n; i += PAIR * WIDE)
    run_some(PAIR, n, &q, u + i, runge_kutta, dt, steps, x + i);
  for (; i < n; i += WIDE) run_some(1, n, &q, u + i, runge_kutta, dt, steps, x + i);
}
#undef EACH
