/* A network moves alike on any number of ranks: chaos would amplify one wrong bit. */
/* ranks: 1 2 3 4 7 */
#include "support.h"

#include "base/memory.h"
#include "linalg/arnoldi.h"
#include "network/inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Do the rates of `shared` equal those of `alone`, a copy on this rank, to the last bit? */
static bool same_rates(const tame_network *alone, const tame_network *shared)
{
  return memcmp(tame_real_from(alone, alone->r, shared->first), shared->r,
                (size_t)shared->n_local * shared->real) == 0;
}

/* Step both with noise, inputs and what is fed back; compare rates and readouts on the way. */
static void check_same_bits(const tame_network_params *p, int steps)
{
  tame_network *alone, *shared;
  double z[2][2], input[2] = {0};
  bool ok = true;
  assert_all(tame_network_create(&alone, MPI_COMM_SELF, p) == TAME_OK);
  assert_all(tame_network_create(&shared, MPI_COMM_WORLD, p) == TAME_OK);
  for (uint32_t trial = 0; trial < 2; trial++) {
    tame_network_reset(alone, trial);
    tame_network_reset(shared, trial);
    for (int t = 0; t < steps; t++) {
      input[t % 2] = t % 50 == 0 ? 0.5 : 0;
      tame_network_step(alone, input, true);
      tame_network_step(shared, input, true);
      if (t % 40 && p->feedback_scale == 0) continue;
      tame_network_readout(alone, z[0]);
      tame_network_readout(shared, z[1]);
      tame_network_feed(alone, z[0], true);
      tame_network_feed(shared, z[1], true);
      ok = ok && memcmp(z[0], z[1], sizeof z[0]) == 0 && same_rates(alone, shared);
    }
  }
  assert_all(ok);
  tame_network_free(&shared);
  tame_network_free(&alone);
  assert_null(alone);
}

static void same_bits_on_any_number_of_ranks(void **state)
{
  (void)state;
  for (int precision = 0; precision < 2; precision++)
    for (int plasticity = 0; plasticity < 3; plasticity++) {
      tame_network_params p = small_params(150);
      p.precision = precision;
      p.plasticity = plasticity;
      check_same_bits(&p, 800);
      free_params(&p);
    }
}

static void readouts_are_fed_back(void **state)
{
  (void)state;
  for (int precision = 0; precision < 2; precision++) {
    tame_network_params p = small_params(100);
    p.precision = precision;
    p.feedback_scale = 1;
    p.feedback_weights = TAME_UNIFORM;
    check_same_bits(&p, 400);
    free_params(&p);
  }
}

static void a_sparse_network_uses_the_halo(void **state)
{
  (void)state;
  tame_network_params p = small_params(400);
  tame_network *net;
  set_wiring(&p, "fixed_inputs", 2);
  assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_OK);
  if (world_size() > 2) assert_all(tame_exchange_mode_of(net->exchange) == TAME_EXCHANGE_HALO);
  tame_network_free(&net);
  check_same_bits(&p, 300);
  free_params(&p);
}

static void more_ranks_than_neurons(void **state)
{
  (void)state;
  for (int64_t n = 1; n <= 3; n++) {
    tame_network_params p = small_params(n);
    set_wiring(&p, "random", 1);
    check_same_bits(&p, 300);
    free_params(&p);
  }
}

static void set_self(tame_network_params *p, bool on)
{
  const tame_field *f = p->wiring.row->params.fields;
  while (strcmp(f->name, "self_connections") != 0) f++;
  *(bool *)((char *)p->wiring.params + f->offset) = on;
}

/* All-to-all, with and without self connections: no list of sources, the same bits, the equation's step. */
static void a_dense_network_lists_no_sources(void **state)
{
  (void)state;
  for (int kind = 0; kind < 8; kind++) {
    const int64_t n = kind & 4 ? 83 : 5; /* fewer neurons than ranks, too */
    const bool self = kind & 1;
    tame_network_params p = small_params(n);
    tame_network *net;
    if (kind & 2) set_wiring(&p, "fixed_inputs", (double)(self ? n : n - 1));
    else set_wiring(&p, "random", 1);
    set_self(&p, self);
    p.gain = 1.8;
    assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_OK);
    assert_all(net->dense && !net->slot && tame_network_is_dense(&p));
    double r[83];
    bool ok = true;
    memcpy(r, tame_network_all_rates(net), (size_t)n * sizeof *r);
    double *x = malloc((size_t)net->n_local * sizeof *x + 1);
    memcpy(x, net->x, (size_t)net->n_local * sizeof *x);
    tame_network_step(net, NULL, false);
    for (int64_t i = 0; i < net->n_local; i++) {
      double h = 0;
      int64_t source = 0;
      for (int64_t s = net->start[i]; s < net->start[i + 1]; s++, source++) {
        source += !self && source == net->first + i;
        ok = ok && tame_network_source(net, i, s) == source;
        h += ((double *)net->w)[s] * r[source];
      }
      ok = ok && source + (!self && source == net->first + i) == n;
      const double want = x[i] + p.dt_ms / 10 * (h - x[i]);
      ok = ok && fabs(((double *)net->x)[i] - want) < 1e-14;
    }
    assert_all(ok);
    free(x);
    tame_network_free(&net);
    p.noise = 0.01;
    check_same_bits(&p, 300);
    p.precision = 1;
    check_same_bits(&p, 300);
    free_params(&p);
  }
  tame_network_params p = small_params(20);
  set_wiring(&p, "random", 1);
  p.plasticity = TAME_PLASTIC_PER_SYNAPSE; /* plastic ones come first: a list is wanted */
  assert_false(tame_network_is_dense(&p));
  check_same_bits(&p, 300);
  p.plastic_fraction = 1;
  assert_true(tame_network_is_dense(&p));
  free_params(&p);
}

/* W scaled by its spectral radius, by LAPACK and by products: what was asked for, with the same bits. */
static void the_spectral_radius_is_as_asked(void **state)
{
  (void)state;
  for (int kind = 0; kind < 6; kind++) {
    const int64_t n = kind < 3 ? 90 : 510;
    tame_network_params p = small_params(n);
    tame_network *alone, *shared;
    set_wiring(&p, "random", kind % 3 == 1 ? 1 : 0.05);
    p.gain = 0.7;
    p.scaling = TAME_SCALE_SPECTRAL_RADIUS;
    p.precision = kind % 3 == 2;
    assert_all(tame_network_create(&alone, MPI_COMM_SELF, &p) == TAME_OK);
    assert_all(tame_network_create(&shared, MPI_COMM_WORLD, &p) == TAME_OK);
    double *W[2], radius = 0;
    for (int k = 0; k < 2; k++) W[k] = malloc((size_t)(n * n) * sizeof(double));
    assert_int_equal(tame_network_dense(alone, W[0]), TAME_OK);
    assert_all(tame_network_dense(shared, world_rank() == 0 ? W[1] : NULL) == TAME_OK);
    bool ok = true;
    for (int64_t i = 0; i < alone->n_local; i++)
      for (int64_t s = alone->start[i]; s < alone->start[i + 1]; s++)
        ok = ok &&
             W[0][i * n + tame_network_source(alone, i, s)] == tame_real_at(alone, alone->w, s);
    if (world_rank() == 0) {
      ok = ok && memcmp(W[0], W[1], (size_t)(n * n) * sizeof(double)) == 0;
      ok = ok && tame_dense_eigenvalue(n, W[0], &radius) == TAME_OK;
      ok = ok && fabs(radius / 0.7 - 1) < (p.precision ? 1e-5 : 1e-8);
    }
    assert_all(ok);
    free(W[0]), free(W[1]);
    tame_network_free(&alone), tame_network_free(&shared);
    check_same_bits(&p, 50);
    free_params(&p);
  }
}

/* Where no neuron reaches itself all eigenvalues are 0: by no synapse, or by few. */
static void no_eigenvalue_but_zero_is_refused(void **state)
{
  (void)state;
  const double density[] = {0, 0.01, 0, 0.0005};
  for (int kind = 0; kind < 4; kind++) {
    tame_network_params p = small_params(kind < 2 ? 30 : 600);
    tame_network *net;
    set_wiring(&p, "random", density[kind]);
    p.scaling = TAME_SCALE_SPECTRAL_RADIUS;
    assert_true(kind % 2 == 0 || tame_network_synapses(&p) > 0);
    assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_ERR_INPUT && net == NULL);
    assert_string_equal(tame_message(),
                        "network.scaling: spectral_radius: W has no eigenvalue but 0");
    free_params(&p);
  }
}

static void no_synapses_at_all(void **state)
{
  (void)state;
  tame_network_params p = small_params(9);
  set_wiring(&p, "random", 0);
  check_same_bits(&p, 100);
  free_params(&p);
}

/* Density, no self connections, ascending sources, SD of the weights, the plastic part. */
static void wiring_is_as_asked(void **state)
{
  (void)state;
  tame_network_params p = small_params(600);
  tame_network *net;
  assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_OK);
  double count = 0, squares = 0;
  bool ok = true;
  for (int64_t i = 0; i < net->n_local; i++) {
    const bool learns = net->first + i < 360;
    ok = ok && net->plastic[i] == (learns ? net->start[i + 1] - net->start[i] : 0);
    for (int64_t s = net->start[i]; s < net->start[i + 1]; s++) {
      const int64_t source = tame_network_source(net, i, s);
      const double w = tame_real_at(net, net->w, s);
      ok = ok && source != net->first + i;
      ok = ok && (s == net->start[i] || tame_network_source(net, i, s - 1) < source);
      count++, squares += w * w;
    }
  }
  double sums[2] = {count, squares};
  MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  const double candidates = 600.0 * 599, want = p.gain * p.gain / 60;
  assert_all(ok);
  assert_all(fabs(sums[0] - 0.1 * candidates) < 5 * sqrt(0.09 * candidates));
  assert_all(fabs(sums[1] / sums[0] - want) < 5 * want * sqrt(2 / sums[0]));
  tame_network_free(&net);
  free_params(&p);
}

static void fixed_inputs_are_fixed(void **state)
{
  (void)state;
  tame_network_params p = small_params(40);
  tame_network *net;
  for (int k = 0; k <= 39; k += 13) {
    set_wiring(&p, "fixed_inputs", k);
    assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_OK);
    bool ok = true;
    for (int64_t i = 0; i < net->n_local; i++) ok = ok && net->start[i + 1] - net->start[i] == k;
    assert_all(ok);
    tame_network_free(&net);
  }
  free_params(&p);
}

/* One step by the equation itself, from weights read back. */
static void a_step_is_the_equation(void **state)
{
  (void)state;
  tame_network_params p = small_params(30);
  tame_network *net;
  double x[30], r[30], input[2] = {0.3, -2}, y[2] = {-0.7, 1.1};
  p.feedback_scale = 0.5;
  assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_OK);
  memcpy(r, tame_network_all_rates(net), sizeof r);
  bool ok = true;
  for (int64_t i = 0; i < net->n_local; i++) {
    double h = 0;
    for (int64_t s = net->start[i]; s < net->start[i + 1]; s++)
      h += ((double *)net->w)[s] * r[tame_network_source(net, i, s)];
    for (int c = 0; c < 2; c++) h += ((double *)net->w_in)[c * net->n_local + i] * input[c];
    for (int o = 0; o < 2; o++) h += ((double *)net->w_fb)[o * net->n_local + i] * y[o];
    x[i] = ((double *)net->x)[i] + 0.1 * (-((double *)net->x)[i] + h);
  }
  tame_network_feed(net, y, false);
  tame_network_step(net, input, false);
  for (int64_t i = 0; i < net->n_local; i++)
    ok = ok && fabs(x[i] - ((double *)net->x)[i]) < 1e-14 &&
         fabs(tanh(x[i]) - tame_network_rate(net, i)) < 1e-14;
  assert_all(ok);
  tame_network_free(&net);
  free_params(&p);
}

/* The leaky integrator with a bias, of which the state is the rate: by its equation. */
static void a_leaky_step_is_the_equation(void **state)
{
  (void)state;
  const double leak = 0.3, input[2] = {0.3, -2};
  tame_network_params p = small_params(30);
  tame_network *net;
  double r[30], want[30];
  assert_int_equal(tame_variant_set(&p.cell, &tame_cells, "leaky"), TAME_OK);
  *(double *)p.cell.params = leak;
  p.bias_scale = 0.5;
  assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_OK);
  bool ok = true;
  for (int t = 0; t < 3; t++) {
    memcpy(r, tame_network_all_rates(net), sizeof r);
    for (int64_t i = 0; i < net->n_local; i++) {
      double h = 0.5 * tame_normal(7, TAME_DRAW_BIAS, (uint32_t)(net->first + i), 0, 0);
      for (int64_t s = net->start[i]; s < net->start[i + 1]; s++)
        h += ((double *)net->w)[s] * r[tame_network_source(net, i, s)];
      for (int c = 0; c < 2; c++) h += ((double *)net->w_in)[c * net->n_local + i] * input[c];
      want[i] = (1 - leak) * r[net->first + i] + leak * tanh(h);
    }
    tame_network_step(net, input, false);
    for (int64_t i = 0; i < net->n_local; i++)
      ok = ok && fabs(want[i] - tame_network_rate(net, i)) < 1e-14 &&
           tame_network_rate(net, i) == ((double *)net->x)[i];
  }
  assert_all(ok);
  tame_network_free(&net);
  for (int k = 0; k < 4; k++) {
    p.precision = k % 2;
    p.input_weights = k / 2;
    check_same_bits(&p, 200);
  }
  *(double *)p.cell.params = 0;
  assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_ERR_INPUT);
  assert_non_null(strstr(tame_message(), "network.cell.leaky.leak: found 0, want"));
  free_params(&p);
}

/* A field of the cell or the wiring. */
static void *field(const tame_variant *variant, const char *name)
{
  const tame_field *f = variant->row->params.fields;
  while (strcmp(f->name, name) != 0) f++;
  return (char *)variant->params + f->offset;
}

/* What a network with these parameters is refused for. */
static void refuse(const tame_network_params *p, const char *words)
{
  tame_network *net;
  assert_all(tame_network_create(&net, MPI_COMM_WORLD, p) == TAME_ERR_INPUT);
  if (!strstr(tame_message(), words)) fail_msg("'%s' does not say '%s'", tame_message(), words);
}

/* Leaky units of each kind, with a time constant, inputs one to one, the same bias for all, and a mean at the start. */
static void linear_and_rectified_steps_are_the_equation(void **state)
{
  (void)state;
  const double a = 1 / 2.5, input[2] = {0.3, -2};
  for (int activation = 1; activation < 3; activation++) {
    tame_network_params p = small_params(30);
    tame_network *net;
    double r[30];
    bool ok = true;
    assert_int_equal(tame_variant_set(&p.cell, &tame_cells, "leaky"), TAME_OK);
    *(double *)field(&p.cell, "tau_ms") = 2.5;
    *(int *)field(&p.cell, "activation") = activation;
    if (activation == 2) *(double *)field(&p.cell, "threshold") = 0.3;
    p.input_weights = TAME_ONE_TO_ONE, p.input_scale = 1.5, p.bias_scale = 0.5;
    p.initial_mean = 0.7, p.initial_range = 0.1;
    assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_OK);
    for (int64_t i = 0; i < net->n_local; i++) {
      const double u = tame_uniform(7, TAME_DRAW_STATE, (uint32_t)(net->first + i), 0, 0);
      ok = ok && fabs(((double *)net->x)[i] - (0.7 + 0.1 * (2 * u - 1))) < 1e-15;
    }
    for (int t = 0; t < 3; t++) {
      double want[30];
      memcpy(r, tame_network_all_rates(net), sizeof r);
      for (int64_t i = 0; i < net->n_local; i++) {
        const int64_t id = net->first + i;
        double h = 0.5 + (id < 2 ? 1.5 * input[id] : 0);
        for (int64_t s = net->start[i]; s < net->start[i + 1]; s++)
          h += ((double *)net->w)[s] * r[tame_network_source(net, i, s)];
        want[i] = (1 - a) * r[id] + a * (activation == 2 ? fmax(h - 0.3, 0) : h);
      }
      tame_network_step(net, input, false);
      for (int64_t i = 0; i < net->n_local; i++)
        ok = ok && fabs(want[i] - tame_network_rate(net, i)) < 1e-14 &&
             tame_network_rate(net, i) == ((double *)net->x)[i];
    }
    assert_all(ok);
    tame_network_free(&net);
    p.gain = 0.9;
    for (p.precision = 0; p.precision < 2; p.precision++) check_same_bits(&p, 200);
    p.precision = 0, p.inputs = 31;
    refuse(&p, "network.input_weights: found one_to_one with 31 inputs, want 1 to 30");
    p.inputs = 2, p.input_density = 0.5;
    refuse(&p, "network.input_density: has no meaning for input_weights: one_to_one");
    free_params(&p);
  }
}

/* W is what is written: with no self-connection or all of them nothing is listed, else the zeros are left out. */
static void weights_are_as_given(void **state)
{
  (void)state;
  static const double rows[4][9] = {{0, 1, -2, 3, 0, 4, -5, 6, 0},
                                    {1, 2, 3, 4, 5, 6, 7, 8, 9},
                                    {1, 2, 3, 4, 0, 6, 7, 8, 9},
                                    {0, 0, 0, 2, 0, 0, 0, -1, 0}};
  for (int k = 0; k < 4; k++) {
    tame_network_params p = small_params(3);
    tame_network *net;
    double W[9] = {0};
    p.gain = 1.5, p.plasticity = TAME_PLASTIC_NONE;
    assert_int_equal(tame_variant_set(&p.wiring, &tame_wirings, "given"), TAME_OK);
    tame_reals *weights = field(&p.wiring, "weights");
    weights->at = malloc(sizeof rows[k]);
    memcpy(weights->at, rows[k], sizeof rows[k]);
    weights->count = 9;
    assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_OK);
    assert_all(net->dense == (k < 2));
    assert_all(tame_network_dense(net, world_rank() == 0 ? W : NULL) == TAME_OK);
    assert_all(world_rank() > 0 || memcmp(W, rows[k], sizeof W) == 0);
    tame_network_free(&net);
    check_same_bits(&p, 100);
    p.gain = 1;
    refuse(&p, "network.gain: has no meaning for wiring given, which says what the weights are");
    p.gain = 1.5, p.scaling = TAME_SCALE_SPECTRAL_RADIUS;
    refuse(&p, "network.scaling: has no meaning for wiring given");
    p.scaling = TAME_SCALE_VARIANCE, weights->count = 8;
    refuse(&p, "network.wiring.given.weights: found 8 numbers, want 3 x 3 = 9");
    free_params(&p);
  }
}

/* W_ij = (w0 + w1 cos(theta_i - theta_j)) / N; as published, the last neuron hears and tells nothing. */
static void a_ring_of_cosines(void **state)
{
  (void)state;
  enum { N = 20 };
  static double W[N][N];
  for (int published = 0; published < 2; published++) {
    tame_network_params p = small_params(N);
    tame_network *net;
    double worst = 0;
    bool same = true;
    p.gain = 1.5, p.plasticity = TAME_PLASTIC_NONE;
    assert_int_equal(tame_variant_set(&p.wiring, &tame_wirings, "cosine"), TAME_OK);
    *(double *)field(&p.wiring, "constant") = -0.4;
    *(double *)field(&p.wiring, "amplitude") = 3;
    *(int *)field(&p.wiring, "angles") = published;
    assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_OK);
    assert_all(net->dense == !published);
    assert_all(tame_network_dense(net, world_rank() == 0 ? &W[0][0] : NULL) == TAME_OK);
    const int m = N - published;
    for (int i = 0; i < N && world_rank() == 0; i++)
      for (int j = 0; j < N; j++) {
        const double angle = 2 * acos(-1) * (i - j) / m;
        const double want = i < m && j < m ? (-0.4 + 3 * cos(angle)) / N : 0;
        worst = fmax(worst, fabs(W[i][j] - want));
        same = same && (i >= m || j >= m || W[i][j] == W[0][(j - i + m) % m]);
      }
    assert_all(worst < 1e-15 && same);
    tame_network_free(&net);
    check_same_bits(&p, 100);
    free_params(&p);
  }
}

/* Some input weights are not there; those that are, are those of a full W_in. Biases have their spread. */
static void input_weights_are_as_asked(void **state)
{
  (void)state;
  tame_network_params p = small_params(500), q = p;
  tame_network *full, *thin;
  q.input_density = 0.2, q.bias_scale = 2, q.input_weights = p.input_weights = TAME_UNIFORM;
  assert_all(tame_network_create(&full, MPI_COMM_WORLD, &p) == TAME_OK);
  assert_all(tame_network_create(&thin, MPI_COMM_WORLD, &q) == TAME_OK);
  double sums[4] = {0}; /* weights there, their squares, biases, their squares */
  bool ok = !full->bias && (thin->bias || thin->n_local == 0);
  for (int64_t s = 0; s < 2 * thin->n_local; s++) {
    const double a = ((double *)full->w_in)[s], b = ((double *)thin->w_in)[s];
    ok = ok && a != 0 && (b == 0 || b == a);
    sums[0] += b != 0, sums[1] += b * b;
  }
  for (int64_t i = 0; i < thin->n_local; i++) {
    const double b = ((double *)thin->bias)[i];
    ok = ok && fabs(b) < 2;
    sums[2] += b, sums[3] += b * b;
  }
  MPI_Allreduce(MPI_IN_PLACE, sums, 4, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  assert_all(ok);
  assert_all(fabs(sums[0] - 200) < 5 * sqrt(1000 * 0.2 * 0.8));
  assert_all(fabs(sums[1] / sums[0] - 1 / 3.) < 0.1);
  assert_all(fabs(sums[2] / 500) < 5 * 2 / sqrt(3 * 500.));
  assert_all(fabs(sums[3] / 500 - 4 / 3.) < 0.3);
  tame_network_free(&full), tame_network_free(&thin);
  free_params(&p);
}

/* xi of a neuron, by the convention of TAME_DRAW_NOISE. */
static double xi(const tame_network_params *p, int64_t neuron, uint32_t step, uint32_t trial)
{
  double u[2];
  tame_uniform2((uint64_t)p->seed, TAME_DRAW_NOISE, (uint32_t)(neuron / 2), step, trial, u);
  const double radius = sqrt(-2 * log(u[0])), angle = 2 * acos(-1) * u[1];
  return radius * (neuron % 2 ? sin(angle) : cos(angle));
}

/* The third step with noise less the one without, from the same state: dt/tau noise xi, and that times
 * the root of dt where asked for. */
static void noise_is_what_is_drawn(void **state)
{
  (void)state;
  for (int scaling = 0; scaling < 2; scaling++) {
    tame_network_params p = small_params(11);
    p.dt_ms = 0.25;
    p.noise_scaling = scaling;
    tame_network *with, *without;
    assert_all(tame_network_create(&with, MPI_COMM_WORLD, &p) == TAME_OK);
    assert_all(tame_network_create(&without, MPI_COMM_WORLD, &p) == TAME_OK);
    tame_network_reset(with, 4), tame_network_reset(without, 4);
    for (int t = 0; t < 3; t++) {
      tame_network_step(with, NULL, t == 2);
      tame_network_step(without, NULL, false);
    }
    bool ok = true;
    const double size = 0.25 / 10 * p.noise * (scaling == TAME_NOISE_SQRT_DT ? 0.5 : 1);
    for (int64_t i = 0; i < with->n_local; i++) {
      const double kick = ((double *)with->x)[i] - ((double *)without->x)[i];
      ok = ok && kick != 0 && fabs(kick - size * xi(&p, with->first + i, 2, 4)) < 1e-15;
    }
    assert_all(ok);
    tame_network_free(&with), tame_network_free(&without);
    free_params(&p);
  }
}

static void one_bad_rank_fails_all(void **state)
{
  (void)state;
  tame_network_params p = small_params(20);
  tame_network *net;
  if (world_rank() == world_size() - 1) p.dt_ms = 100;
  assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_ERR_INPUT && net == NULL);
  assert_non_null(strstr(tame_message(), "cell.rate.tau_ms"));
  free_params(&p);
}

static void parameters_set_by_hand_are_checked(void **state)
{
  (void)state;
  tame_network *net;
  for (int k = 0; k < 5; k++) {
    tame_network_params p = small_params(20);
    const char *const words[] = {"network.outputs: found -1", "network.dt_ms: found -1",
                                 "network.neurons: found 3000000000", "network.precision: found 2",
                                 "network.gain: found nan"};
    if (k == 0) p.outputs = -1;
    if (k == 1) p.dt_ms = -1;
    if (k == 2) p.neurons = 3000000000;
    if (k == 3) p.precision = 2;
    if (k == 4) p.gain = NAN;
    assert_all(tame_network_create(&net, MPI_COMM_WORLD, &p) == TAME_ERR_INPUT && net == NULL);
    if (!strstr(tame_message(), words[k])) fail_msg("'%s' lacks '%s'", tame_message(), words[k]);
    free_params(&p);
  }
}

/* Whichever allocation fails on one rank, all ranks end with the same status and nothing leaks. */
static void memory_that_runs_out_on_one_rank_fails_all(void **state)
{
  (void)state;
  for (int kind = 0; kind < 3; kind++) { /* as it is; scaled, by LAPACK and by products */
    tame_network_params p = small_params(kind < 2 ? 20 : 510);
    p.scaling = kind ? TAME_SCALE_SPECTRAL_RADIUS : TAME_SCALE_VARIANCE;
    p.bias_scale = kind;
    if (kind == 2) set_wiring(&p, "random", 0.02);
    bool made = false;
    for (int64_t n = 1; !made; n++) {
      tame_network *net;
      if (world_rank() == 0) tame_memory_fail_at(n);
      const tame_status status = tame_network_create(&net, MPI_COMM_WORLD, &p);
      tame_memory_fail_at(0);
      made = status == TAME_OK;
      assert_all(made || (status == TAME_ERR_NOMEM && net == NULL));
      assert_all(n < 100);
      tame_network_free(&net);
    }
    free_params(&p);
  }
}

static int group(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(same_bits_on_any_number_of_ranks),
      cmocka_unit_test(readouts_are_fed_back),
      cmocka_unit_test(a_sparse_network_uses_the_halo),
      cmocka_unit_test(more_ranks_than_neurons),
      cmocka_unit_test(a_dense_network_lists_no_sources),
      cmocka_unit_test(the_spectral_radius_is_as_asked),
      cmocka_unit_test(no_eigenvalue_but_zero_is_refused),
      cmocka_unit_test(no_synapses_at_all),
      cmocka_unit_test(wiring_is_as_asked),
      cmocka_unit_test(fixed_inputs_are_fixed),
      cmocka_unit_test(a_step_is_the_equation),
      cmocka_unit_test(a_leaky_step_is_the_equation),
      cmocka_unit_test(linear_and_rectified_steps_are_the_equation),
      cmocka_unit_test(weights_are_as_given),
      cmocka_unit_test(a_ring_of_cosines),
      cmocka_unit_test(input_weights_are_as_asked),
      cmocka_unit_test(noise_is_what_is_drawn),
      cmocka_unit_test(one_bad_rank_fails_all),
      cmocka_unit_test(parameters_set_by_hand_are_checked),
      cmocka_unit_test(memory_that_runs_out_on_one_rank_fails_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
  return run_group(group, &argc, &argv);
}
