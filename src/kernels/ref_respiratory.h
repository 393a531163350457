/* The respiratory oscillator, as its equations are written; included by ref.c. See kernels.h. */

static double gate(double x, double half, double slope)
{
  return 1 / (1 + Sleef_cinz_expd1_u10purec(-(x - half) / slope));
}

static void boltzmann(size_t n, double half, double slope, const double *x, double *out)
{
  for (size_t i = 0; i < n; i++) out[i] = gate(x[i], half, slope);
}

/* Of one oscillator. */
static void slopes_of(const tame_respiratory *p, double u, const double x[TAME_RESPIRATORY],
                      double dx[TAME_RESPIRATORY])
{
  static const double k[4] = {8, 4, 4, 4};
  const double *V = x, h = x[4], *m = x + 5;
  double f[4];
  for (int i = 0; i < 4; i++) f[i] = gate(V[i], -30, k[i]);
  const double inhibition[4] = {p->b31 * f[2] + p->b41 * f[3], p->b32 * f[2] + p->b42 * f[3],
                                p->b23 * f[1] + p->b43 * f[3], p->b24 * f[1] + p->b34 * f[2]};
  for (int i = 0; i < 4; i++) {
    const double excitation = p->E[i] + p->E_of[i] * u + (i == 1 ? p->a12 * f[0] : 0);
    const double adapting = p->shared ? V[1] : V[i];
    double current = p->g_L * (V[i] - p->E_L) + p->g_E * (V[i] - p->E_E) * excitation +
                     p->g_I * (V[i] - p->E_I) * inhibition[i];
    if (i == 0) {
      const double n = gate(V[0], -29, 4);
      current += p->g_NaP * gate(V[0], -40, 6) * h * (V[0] - p->E_Na) +
                 p->g_K * n * n * n * n * (V[0] - p->E_K);
    } else {
      current += p->g_AD * m[i - 1] * (adapting - p->E_K);
    }
    dx[i] = -current / p->C;
  }
  const double a = Sleef_cinz_expd1_u10purec((V[0] + 48) / 12), cosh = (a + 1 / a) / 2;
  dx[4] = (gate(V[0], -48, -6) - h) / (p->tau_h / cosh);
  for (int i = 0; i < 3; i++) dx[5 + i] = (p->K_AD[i] * f[i + 1] - m[i]) / p->tau_AD[i];
}

static void respiratory_slopes(size_t n, const tame_respiratory *p, const double *u,
                               const double *x, double *dx)
{
  for (size_t i = 0; i < n; i++) {
    double one[TAME_RESPIRATORY], slope[TAME_RESPIRATORY];
    for (size_t k = 0; k < TAME_RESPIRATORY; k++) one[k] = x[k * n + i];
    slopes_of(p, u[i], one, slope);
    for (size_t k = 0; k < TAME_RESPIRATORY; k++) dx[k * n + i] = slope[k];
  }
}

/* x += dt (dx + 2 (dx at x + dt/2 dx) + ...) / 6, the classical method. */
static void runge_kutta_step(const tame_respiratory *p, double u, double dt,
                             double x[TAME_RESPIRATORY])
{
  static const double at[4] = {0, 0.5, 0.5, 1}, weight[4] = {1, 2, 2, 1};
  double slope[TAME_RESPIRATORY] = {0}, sum[TAME_RESPIRATORY] = {0}, y[TAME_RESPIRATORY];
  for (int stage = 0; stage < 4; stage++) {
    for (int k = 0; k < TAME_RESPIRATORY; k++) y[k] = x[k] + at[stage] * dt * slope[k];
    slopes_of(p, u, y, slope);
    for (int k = 0; k < TAME_RESPIRATORY; k++) sum[k] += weight[stage] * slope[k];
  }
  for (int k = 0; k < TAME_RESPIRATORY; k++) x[k] += dt / 6 * sum[k];
}

static void respiratory_run(size_t n, const tame_respiratory *p, const double *u, bool runge_kutta,
                            double dt, int64_t steps, double *x)
{
  for (size_t i = 0; i < n; i++) {
    double one[TAME_RESPIRATORY], slope[TAME_RESPIRATORY];
    for (size_t k = 0; k < TAME_RESPIRATORY; k++) one[k] = x[k * n + i];
    for (int64_t s = 0; s < steps; s++) {
      if (runge_kutta) {
        runge_kutta_step(p, u[i], dt, one);
      } else {
        slopes_of(p, u[i], one, slope);
        for (int k = 0; k < TAME_RESPIRATORY; k++) one[k] += dt * slope[k];
      }
    }
    for (size_t k = 0; k < TAME_RESPIRATORY; k++) x[k * n + i] = one[k];
  }
}
