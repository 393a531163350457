/* Cell `nvar`: nonlinear vector autoregression, the network of next-generation reservoir computing. Units are
 * monomials of the last inputs: with l = (v(t), v(t - s), ..., v(t - (k - 1) s)), all channels of the latest
 * input first, they are, in this order,
 *
 *     1 (with `constant`);  l_0, l_1, ...;  for each order n all l_i l_j ... of n factors, i <= j <= ...
 *
 * lexicographically. Inputs before the trial are 0. Gauthier, Bollt, Griffith & Barbosa (2021), Nat. Commun.
 * 12:5564, doi:10.1038/s41467-021-25801-2. */
#include "network/tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ORDER = 8 };
static const double MOST_UNITS = 2e9;

typedef struct nvar_params {
  int64_t delay, stride;
  tame_reals orders;
  bool constant;
} nvar_params;

#define AT(member) .offset = offsetof(nvar_params, member)
static const tame_field fields[] = {
    {"delay", TAME_INT, AT(delay), .fallback = "2", .min = 1, .max = 1e4,
     .doc = "k: inputs that the features are made of, the current one included"},
    {"stride", TAME_INT, AT(stride), .fallback = "1", .min = 1, .max = 1e6,
     .doc = "s: steps from one of them to the next"},
    {"orders", TAME_REALS, AT(orders), .fallback = "[2]", .min = 2, .max = MOST_ORDER,
     .doc = "n: how many factors products have, whole numbers; []: only the inputs themselves"},
    {"constant", TAME_BOOL, AT(constant), .fallback = "off", .doc = "a first unit that is 1"},
    {0}};
#undef AT

static tame_status check(const void *params, double dt_ms, const char **key)
{
  const nvar_params *p = params;
  (void)dt_ms;
  *key = "orders";
  for (int64_t a = 0; a < p->orders.count; a++) {
    const double order = p->orders.at[a];
    if (!(order >= 2 && order <= MOST_ORDER) || order != floor(order))
      return tame_fail(TAME_ERR_INPUT, "found %g, want whole numbers from 2 to %d", order,
                       MOST_ORDER);
    for (int64_t b = 0; b < a; b++)
      if (p->orders.at[b] == order)
        return tame_fail(TAME_ERR_INPUT, "found %g twice, want each order once", order);
  }
  return TAME_OK;
}

/* ---- monomials ------------------------------------------------------------------------------------ */

/* One of them: l[at[0]] l[at[1]] ... of `degree` factors, at[] ascending. Those of a degree are a block. */
typedef struct monomial {
  int64_t block;
  int degree;
  int64_t at[MOST_ORDER];
} monomial;

static int64_t linear(const nvar_params *p, int64_t channels)
{
  return p->delay * channels;
}

static int64_t blocks(const nvar_params *p)
{
  return p->constant + 1 + p->orders.count;
}

static int degree_of(const nvar_params *p, int64_t block)
{
  if (block < p->constant) return 0;
  return block == p->constant ? 1 : (int)p->orders.at[block - p->constant - 1];
}

/* Monomials of a degree in so many variables: C(variables + degree - 1, degree); exact up to MOST_UNITS. */
static double count_of(int64_t variables, int degree)
{
  double count = 1;
  for (int i = 0; i < degree; i++) count = count * (double)(variables + i) / (i + 1);
  return count;
}

static int64_t units(const void *params, int64_t channels)
{
  const nvar_params *p = params;
  double sum = 0;
  for (int64_t b = 0; b < blocks(p); b++) sum += count_of(linear(p, channels), degree_of(p, b));
  return sum <= MOST_UNITS ? (int64_t)sum : INT64_MAX;
}

/* The monomial of a unit. */
static monomial find(const nvar_params *p, int64_t channels, int64_t unit)
{
  const int64_t n = linear(p, channels);
  monomial m = {.degree = degree_of(p, 0)};
  int64_t left = unit, count;
  while (left >= (count = (int64_t)count_of(n, m.degree))) {
    left -= count;
    m.degree = degree_of(p, ++m.block);
  }
  for (int i = 0; i < m.degree; i++) { /* those that go on with a smaller factor come before */
    m.at[i] = i > 0 ? m.at[i - 1] : 0;
    while (left >= (count = (int64_t)count_of(n - m.at[i], m.degree - i - 1))) {
      left -= count;
      m.at[i]++;
    }
  }
  return m;
}

/* The next one, if there is any. */
static void go_on(const nvar_params *p, int64_t channels, monomial *m)
{
  const int64_t last = linear(p, channels) - 1;
  int i = m->degree - 1;
  while (i >= 0 && m->at[i] == last) i--;
  if (i >= 0) {
    const int64_t next = m->at[i] + 1;
    for (; i < m->degree; i++) m->at[i] = next;
  } else if (++m->block < blocks(p)) {
    m->degree = degree_of(p, m->block);
    memset(m->at, 0, sizeof m->at);
  }
}

/* ---- inputs and their features ------------------------------------------------------------------- */

static int64_t window(const nvar_params *p)
{
  return 1 + (p->delay - 1) * p->stride;
}

static int64_t memory(const void *params, int64_t channels)
{
  return window(params) * channels;
}

/* memory: [window][channels], the latest first. */
static void remember(const void *params, int64_t channels, const double *v, double *memory)
{
  const size_t row = (size_t)channels * sizeof *v;
  memmove(memory + channels, memory, (size_t)(window(params) - 1) * row);
  if (v) memcpy(memory, v, row);
  else memset(memory, 0, row);
}

static void values(const void *params, int64_t channels, const double *memory, int64_t first,
                   int64_t n, double *out)
{
  const nvar_params *p = params;
  monomial m = find(p, channels, first);
  for (int64_t k = 0; k < n; k++, go_on(p, channels, &m)) {
    out[k] = 1;
    for (int i = 0; i < m.degree; i++) {
      const int64_t lag = m.at[i] / channels * p->stride;
      out[k] *= memory[lag * channels + m.at[i] % channels];
    }
  }
}

/* "x0(t)", "x2(t-5)^2 x1(t-10)" */
static void name(const void *params, int64_t channels, int64_t unit, char *text, size_t size)
{
  const nvar_params *p = params;
  const monomial m = find(p, channels, unit);
  size_t used = (size_t)snprintf(text, size, "%s", m.degree == 0 ? "1" : "");
  for (int i = 0, same; i < m.degree && used < size; i += same) {
    const long long lag = m.at[i] / channels * p->stride, channel = m.at[i] % channels;
    char power[16] = "", delay[32] = "";
    for (same = 1; i + same < m.degree && m.at[i + same] == m.at[i];) same++;
    if (same > 1) snprintf(power, sizeof power, "^%d", same);
    if (lag > 0) snprintf(delay, sizeof delay, "-%lld", lag);
    used += (size_t)snprintf(text + used, size - used, "%sx%lld(t%s)%s", i > 0 ? " " : "", channel,
                             delay, power);
  }
}

static const tame_features features = {
    .units = units,
    .memory = memory,
    .remember = remember,
    .values = values,
    .name = name,
};

extern const tame_cell tame_cell_nvar;
const tame_cell tame_cell_nvar = {
    .head = {.name = "nvar",
             .doc =
                 "features of the last inputs, which are the rates: v(t), v(t - s), ... and their "
                 "products; no W, `wiring: none`",
             .params = {.size = sizeof(nvar_params), .fields = fields}},
    .check = check,
    .features = &features,
};
