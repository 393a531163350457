/** @file inside.h
 * The inside of a network, for the rooms that change or save it: learn, experiment. */
#ifndef TAME_NETWORK_INSIDE_H
#define TAME_NETWORK_INSIDE_H

#include "network/tables.h"

struct tame_network {
  tame_network_params p; /* its variants are borrowed */
  MPI_Comm comm;         /* owned */
  int rank;
  tame_partition partition, threads; /* of all neurons over ranks; of ours over threads */
  int64_t first, n_local;
  const tame_kernels *kernels;
  size_t real; /* bytes of a number */
  const tame_cell *cell;
  int variables;        /* of a unit */
  uint32_t trial, step; /* keys of the noise */

  /* Synapses of our neurons, row by row: the plastic ones first, each part by ascending source. In a dense
   * network these are all neurons, or with holes all but the neuron itself, and a slot is an id. */
  bool dense, holes;
  int64_t *start;   /* [n_local + 1] */
  int64_t *plastic; /* [n_local], plastic synapses of a row */
  int32_t *slot;    /* where in the view the source's rate is; NULL if dense */
  void *w;
  void *w_in;     /* [inputs][n_local] */
  void *w_fb;     /* [outputs][n_local]; NULL: nothing is fed back */
  double *y;      /* [outputs], what is fed back, on every rank */
  int32_t own[2]; /* is it the network's own readout: in the next step, and in the last one? */
  void *bias;     /* [n_local]; NULL: none */
  void *w_out;    /* [outputs][n], on every rank */
  double *b_out;  /* [outputs], on every rank */
  void *x;        /* [variables][n_local] */
  void *h, *r;    /* [n_local] */

  /* Of cells with features, else NULL. */
  int64_t n_memory;
  double *memory; /* what they need of the past, [n_memory], the same on every rank */
  double *v;      /* [channels], what drives them in a step */
  void *all;      /* all rates, [n], where there are other ranks */

  tame_exchange *exchange;   /* of what our synapses read */
  tame_exchange *everything; /* of all rates, for readouts; NULL where exchange serves already */
  uint32_t all_current;      /* the step + 1 whose rates all_rates holds; 0: none */
};

/** TAME_ERR_INPUT where TAME_KERNEL names no kernels, or some that this processor cannot run. Local. */
tame_status tame_kernels_check(void);

/** Rates of all neurons, [n], borrowed until the next step. Collective: an allgather, once a step. */
const void *tame_network_all_rates(tame_network *network);

/** Channels that drive a network of features: inputs, and outputs that are fed back. Local. */
static inline int64_t tame_network_channels(const tame_network_params *params)
{
  return params->inputs + (params->feedback_scale > 0 ? params->outputs : 0);
}
/** Features of the network's cell, NULL where its units hear each other. Local. */
static inline const tame_features *tame_network_features(const tame_network_params *params)
{
  return ((const tame_cell *)params->cell.row)->features;
}

/** W, whole, [n][n], on rank 0; W is NULL elsewhere. Collective. @return TAME_OK or TAME_ERR_NOMEM */
tame_status tame_network_dense(const tame_network *network, double *W);

/** Scale W so that its largest |eigenvalue| is params.gain; r, h and the view are lost. Collective.
 *  @return TAME_ERR_INPUT where that is 0, TAME_ERR_NUMERIC where it was not found, TAME_ERR_NOMEM */
tame_status tame_network_scale(tame_network *network);

/** h[i - from] = sum over j of W[i][j] r[j] for own neurons [from, to), r being those of the view. Local. */
void tame_network_sums(const tame_network *network, int64_t from, int64_t to, void *h);

/** Neuron from which synapse s comes, one of own neuron i: start[i] <= s < start[i + 1]. Local. */
int64_t tame_network_source(const tame_network *network, int64_t i, int64_t s);

/** The rates that the plastic synapses of own neuron i see, [plastic[i]]. Local. */
void tame_network_plastic_rates(const tame_network *network, int64_t i, void *r);

/** An order of own neurons i and j by the sources of their plastic synapses: 0 if they are the same. Local. */
int tame_network_compare_plastic(const tame_network *network, int64_t i, int64_t j);

/** Our neurons over threads, where one costs `times` (`fixed` + its inputs) cycles. TAME_ERR_NOMEM. Local. */
tame_status tame_network_divide(const tame_network *network, int64_t fixed, int64_t times,
                                tame_partition *threads);

/** An exchange like that of the rates, with the same slots, of elements of another size. Collective. */
tame_status tame_network_exchange_like(tame_exchange **out, const tame_network *network,
                                       size_t element);

enum { TAME_VARIABLES = 16 /**< a unit has at most */ };

/** r of the states. Local. */
void tame_network_find_rates(tame_network *network);

/** After x has been changed from outside: its rates, and their exchange. Collective. */
void tame_network_moved(tame_network *network);

/** A second state on the same weights: a network that steps as the first does, and draws the same noise. What it
 *  shares with the first is borrowed. Collective. */
tame_status tame_network_twin(tame_network **out, const tame_network *network);
/** Free *twin and set it to NULL. Collective. NULL is fine. */
void tame_network_twin_free(tame_network **twin);
/** Bring the twin to a state: x, which it then has in common with the first, y, trial and step. Collective. */
void tame_network_twin_follow(tame_network *twin, const tame_network *network);
/** Move the twin by the step that the first has just made. Collective. */
void tame_network_twin_step(tame_network *twin, const tame_network *network, const double *input,
                            bool noise);
/** After the twin's x has been changed: its rates, and what it feeds back. Collective. */
void tame_network_twin_moved(tame_network *twin, const tame_network *network);

/** Element i of an array of the network's numbers. */
static inline double tame_real_at(const tame_network *network, const void *array, int64_t i)
{
  return network->real == sizeof(double) ? ((const double *)array)[i]
                                         : (double)((const float *)array)[i];
}
static inline void tame_real_put(const tame_network *network, void *array, int64_t i, double value)
{
  if (network->real == sizeof(double)) ((double *)array)[i] = value;
  else ((float *)array)[i] = (float)value;
}
/** What the network's numbers are in files. */
static inline tame_type tame_real_type(const tame_network *network)
{
  return network->real == sizeof(double) ? TAME_TYPE_F64 : TAME_TYPE_F32;
}
/** Address of element i. */
static inline void *tame_real_from(const tame_network *network, const void *array, int64_t i)
{
  return (char *)array + (size_t)i * network->real;
}

#endif
