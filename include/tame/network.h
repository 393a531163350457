/** @file tame/network.h
 * A recurrent network: a wiring (who connects to whom), a cell (how a unit moves), inputs, readouts.
 *
 *     tau dx/dt = -x + h,   r = tanh(x)            (cell `rate`, by forward Euler)
 *     r <- (1 - leak) r + leak phi(h)              (cell `leaky`: phi = tanh, linear, rectified)
 *     x = r = features of v(t), v(t - s), ..., v(t - (k - 1) s), v = [u; y]      (cell `nvar`)
 *     h = W r + W_in u + W_fb y + bias + noise,   z = W_out r + b
 *
 * The sum takes r of the previous step, z the new one. y is what is fed back: the readout of the previous step, or
 * a target in its place. Ranks own contiguous blocks of neurons, with the matching rows of W, W_in and W_fb;
 * W_out, small, is on every rank.
 * Laje & Buonomano (2013), Nat. Neurosci. 16:925-933, doi:10.1038/nn.3405. */
#ifndef TAME_NETWORK_H
#define TAME_NETWORK_H

#include "tame/base.h"
#include "tame/parallel.h"

typedef struct tame_network tame_network; /* opaque */

/** Values of the choices below. */
enum { TAME_NOISE_PER_STEP, TAME_NOISE_SQRT_DT };
enum { TAME_NORMAL, TAME_UNIFORM, TAME_ONE_TO_ONE };
enum { TAME_SCALE_VARIANCE, TAME_SCALE_SPECTRAL_RADIUS };
enum { TAME_PLASTIC_NONE, TAME_PLASTIC_PER_NEURON, TAME_PLASTIC_PER_SYNAPSE };

/** All that defines a network. Same on every rank. Fields, units, defaults and limits: `tame list`
 *  or tame_network_schema. */
typedef struct tame_network_params {
  int64_t neurons; /**< 0: as many as the cell says, see tame_network_units() */
  int64_t inputs, outputs;
  double dt_ms;
  int precision;        /**< 0 double, 1 float */
  tame_variant cell;    /**< from tame_cells */
  tame_variant wiring;  /**< from tame_wirings */
  double gain;          /**< W[i][j] ~ N(0, (gain / sqrt(K))^2), K = expected inputs of a neuron;
                             without meaning, and the default, where the wiring says what W is */
  int scaling;          /**< variance: that; spectral_radius: W's largest |eigenvalue| is gain */
  double input_scale;   /**< W_in[i][c] ~ N(0, input_scale^2), or U(-input_scale, input_scale) */
  int input_weights;    /**< normal or uniform; of W_in and of the bias. one_to_one: W_in[i][i] is
                             input_scale, the others 0, and every bias is bias_scale */
  double input_density; /**< each weight of W_in is there with this probability, else it is 0 */
  double bias_scale; /**< b_i ~ N(0, bias_scale^2), or uniform, added to the current; 0: no bias */
  double feedback_scale;  /**< of W_fb[i][k], as input_scale of W_in; 0: nothing is fed back */
  int feedback_weights;   /**< normal or uniform */
  double output_scale;    /**< W_out[k][i] ~ N(0, output_scale^2 / neurons) */
  double initial_mean;    /**< x(0) ~ initial_mean + U(-initial_range, initial_range) ... */
  double initial_range;   /**< ... anew for every trial */
  double noise;           /**< SD of the noise current, or half the width where it is uniform */
  int noise_distribution; /**< of xi: normal or uniform */
  int noise_scaling;      /**< per step: noise * xi; sqrt_dt: noise * xi * sqrt(dt_ms) */
  int plasticity;         /**< per_neuron: the first plastic_fraction of neurons, all their
                               inputs; per_synapse: each synapse with that probability */
  double plastic_fraction;
  int64_t seed; /**< of everything random in this network */
} tame_network_params;

extern const tame_schema tame_network_schema;
extern const tame_table tame_cells, tame_wirings;

/** Default parameters: everything but the number of neurons, which is 0. Free what they own with
 *  tame_schema_release(&tame_network_schema, params). Local. */
tame_status tame_network_defaults(tame_network_params *params);

/** Check what no single field's limits can say. TAME_OK or TAME_ERR_INPUT; *key then names the
 *  parameter, "wiring.random.density", until the next call. Local. */
tame_status tame_network_check(const tame_network_params *params, const char **key);

/** The number of neurons: params->neurons, or what the cell makes of the inputs where that is 0; of parameters
 *  that have been checked. Local. */
int64_t tame_network_units(const tame_network_params *params);

/** Bytes that a rank which owns its fair share of the network will need for W, states and exchange,
 *  before anything is drawn. Local. */
double tame_network_estimate(const tame_network_params *params, int ranks);

/** Draw a network and balance it over the ranks: a neuron costs what its synapses and, where plastic,
 *  its P take. State: trial 0, see tame_network_reset(). MPI must be up, with MPI_THREAD_FUNNELED at
 *  least. Collective; comm is duplicated, params are copied, but the parameters their variants point to
 *  must outlive the network.
 *  @param[out] out owned by the caller, NULL on failure
 *  @return TAME_OK, TAME_ERR_INPUT, TAME_ERR_NOMEM, or TAME_ERR_NUMERIC where the spectral radius was not
 *          found; the same on every rank */
tame_status tame_network_create(tame_network **out, MPI_Comm comm,
                                const tame_network_params *params);
/** Free *network and set it to NULL. Collective. NULL is fine. */
void tame_network_free(tame_network **network);

/** Draw x(0) of trial `trial`, an index that also keys the trial's noise; y = 0. Collective. */
void tame_network_reset(tame_network *network, uint32_t trial);
/** Begin a trial where the last one ended: x, r and y stay. Local. */
void tame_network_go_on(tame_network *network, uint32_t trial);
/** What the next step feeds back: y, [outputs], the same on every rank, copied. own: it is the network's readout, so
 *  that what is displaced in the network is displaced in y. Local. */
void tame_network_feed(tame_network *network, const double *y, bool own);
/** Advance by dt. input: u, [inputs], the same on every rank, borrowed; NULL is zero. Collective: one
 *  exchange of rates. */
void tame_network_step(tame_network *network, const double *input, bool noise);
/** z = W_out r + b of the current rates, [outputs], on every rank. Collective: gathers all rates. */
void tame_network_readout(tame_network *network, double *z);

/** Append what changes in a network to a state: x, r, y, the inputs it remembers, plastic weights, W_out, b,
 *  trial and step. Collective; a failure shows in state->failed. */
void tame_network_state(tame_network *network, tame_state *state);
/** After those have been restored: exchange the rates. Collective. */
void tame_network_restored(tame_network *network);

/** Synapses of the network that these parameters would draw. Takes as long as drawing the wiring does; -1
 *  where there is no memory. Local. */
int64_t tame_network_synapses(const tame_network_params *params);

/** This rank's neurons: first <= i < first + n_local. Local. */
int64_t tame_network_first(const tame_network *network);
int64_t tame_network_n_local(const tame_network *network);
/** Rates and states of this rank's neurons, [n_local] float or double as params.precision says;
 *  borrowed, valid until the next step. Local. */
const void *tame_network_rates(const tame_network *network);
const void *tame_network_states(const tame_network *network);
/** Rate of one of this rank's neurons, as double. Local. */
double tame_network_rate(const tame_network *network, int64_t i_local);

/** What a rank holds, for the layout line of a run. Local. */
typedef struct tame_network_load {
  int64_t neurons, synapses;
  int64_t exchange_bytes; /**< received each step */
  tame_exchange_mode mode;
  int64_t bytes; /**< of W, W_in, W_out, states and exchange */
  const char *kernels;
} tame_network_load;
/** Local. */
void tame_network_measure(const tame_network *network, tame_network_load *load);

#endif
