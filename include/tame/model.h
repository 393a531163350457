/** @file tame/model.h
 * Small networks with derivatives: circuits (who connects to whom, with which sign), cells (how a
 * unit moves), and models, which are cells one upon the other. All on batches, in double, local to
 * a process. */
#ifndef TAME_MODEL_H
#define TAME_MODEL_H

#include "tame/base.h"

/* ---- circuits -------------------------------------------------------------------------------- */

/** Synapses as lists by destination: those of unit j are at [start[j], start[j+1]), sources
 *  ascending. */
typedef struct tame_synapses {
  int64_t sources, destinations, count;
  int64_t *start;  /**< [destinations + 1], owned */
  int32_t *source; /**< [count], owned */
  int8_t *sign;    /**< [count], owned: +1 excites, -1 inhibits */
} tame_synapses;

/** Units first <= i < first + count. */
typedef struct tame_circuit_layer {
  int64_t first, count;
} tame_circuit_layer;

/** Who connects to whom. Outputs are units 0 to outputs - 1. Layers are in the order of the
 *  signal. */
typedef struct tame_circuit {
  int64_t units, inputs, outputs;
  tame_synapses inner;   /**< from units to units */
  tame_synapses sensory; /**< from inputs to units */
  int layers;
  tame_circuit_layer layer[3];
} tame_circuit;

/** Rows: full, random, ncp, autoncp (as ncps publishes them, synapse for synapse), small_world,
 *  ring, ei. */
extern const tame_table tame_circuits;

/** Draw a circuit: a function of the row, its parameters and the number of inputs. Local.
 *  @return TAME_ERR_INPUT where parameters are out of their limits or do not fit together;
 *  TAME_ERR_NOMEM; then *out holds nothing */
tame_status tame_circuit_build(tame_circuit *out, const tame_variant *kind, int64_t inputs);
/** Free what the circuit holds. Local. */
void tame_circuit_free(tame_circuit *circuit);
/** Share of the possible synapses among units that are not there: 1 - count / units^2. Local. */
double tame_circuit_sparsity(const tame_circuit *circuit);

/* ---- models ---------------------------------------------------------------------------------- */

/** A model: cells one upon the other, the outputs of each being the inputs of the next. A
 *  bidirectional layer is two cells that hear the same, one from the first step to the last, the
 *  other from the last to the first; its outputs at a step are theirs side by side. Schuster &
 *  Paliwal (1997), doi:10.1109/78.650093; as PyTorch's RNN, LSTM and GRU. */
typedef struct tame_model_params {
  int64_t inputs;
  tame_list layers; /**< of tame_variant: rows of tame_model_cells */
  int64_t seed;     /**< of the first weights */
  bool train_start; /**< is the state at step 0 a parameter, or 0? */
} tame_model_params;

extern const tame_schema tame_model_schema;
/** Rows: dense, rnn, gru, lstm, ltc, cfc, lif, alif, integrator; each tells its equations in its
 *  doc; and bidirectional, which holds one of them. */
extern const tame_table tame_model_cells;

typedef struct tame_model tame_model; /* opaque */

/** What first values are drawn from. */
typedef enum tame_init {
  TAME_INIT_UNIFORM,    /**< from a to b; equal bounds give a constant */
  TAME_INIT_NORMAL,     /**< standard deviation a, cut at two of what it was before the cut */
  TAME_INIT_ORTHOGONAL, /**< rows or columns, the shorter of them, orthonormal */
  TAME_INIT_SIGN,       /**< the sign of the synapse */
} tame_init;

/** What values must keep to; restored after each change of weights by tame_model_constrain(). */
typedef enum tame_limit {
  TAME_LIMIT_NONE,
  TAME_LIMIT_NOT_NEGATIVE, /**< max(0, .) */
  TAME_LIMIT_SIGN,         /**< 0 where the sign is not that of the synapse: Dale's law */
} tame_limit;

/** A named part of the slab that holds all parameters of a model. Row-major, [rows][columns]; with
 *  synapses only the elements of those, in the order of the lists. */
typedef struct tame_view {
  char name[64];        /**< "0.gru.weight_ih", "0.gru_reverse.weight_ih": layer, cell, parameter */
  int64_t first, count; /**< place in the slab, numbers stored */
  int64_t rows, columns;         /**< as published */
  const tame_synapses *synapses; /**< NULL: all elements are there */
  bool rows_are_sources;         /**< of synapses; else rows are destinations */
  bool weight;                   /**< a weight of a synapse, not a bias or a constant of a unit */
  tame_init init;
  double a, b;
  tame_limit limit;
} tame_view;

/** Row and column of a view's k-th number. Local. */
void tame_view_place(const tame_view *view, int64_t k, int64_t *row, int64_t *column);

/** Make a model, weights drawn. params are not needed afterwards. Local.
 *  @param[out] out  owned by the caller, tame_model_free(); NULL on failure
 *  @return TAME_ERR_INPUT where layers do not fit together; TAME_ERR_NOMEM */
tame_status tame_model_create(tame_model **out, const tame_model_params *params);
/** Free *model and set it to NULL. NULL is fine. Local. */
void tame_model_free(tame_model **model);

/** Sizes. For one sample: numbers of its state; those that a step keeps for its derivatives (the
 *  tape). A bidirectional layer counts as two. Local. */
int tame_model_layers(const tame_model *model);
/** A layer's place and cell, "0.gru" or "0.gru_reverse"; how many outputs it has; its circuit, NULL
 *  if it has none. Borrowed. */
const char *tame_model_layer_label(const tame_model *model, int layer);
int64_t tame_model_layer_width(const tame_model *model, int layer);
const tame_circuit *tame_model_circuit(const tame_model *model, int layer);
int64_t tame_model_inputs(const tame_model *model);
int64_t tame_model_outputs(const tame_model *model);
int64_t tame_model_state_size(const tame_model *model);
int64_t tame_model_tape_size(const tame_model *model);
/** Numbers of scratch space that a call below wants for a batch. */
int64_t tame_model_work_size(const tame_model *model, int64_t batch);

/** The slab: all parameters, [tame_model_count()], aligned to a cache line. Owned by the model.
 *  Local. */
double *tame_model_slab(tame_model *model);
int64_t tame_model_count(const tame_model *model);
/** Append the slab to a state, "model.slab". copy: another rank answers for it. */
void tame_model_save(tame_model *model, bool copy, tame_state *state);
/** How many there are as published, with the elements that have no synapse: ncps' size of a
 *  model. */
int64_t tame_model_count_published(const tame_model *model);
/** Views in the order of the slab, which they tile. Borrowed. */
int64_t tame_model_views(const tame_model *model, const tame_view **views);
/** Draw all parameters: each a function of (seed, view, row, column). */
void tame_model_draw(tame_model *model, uint64_t seed);
/** Bring parameters (a slab of the model's) back into their limits. */
void tame_model_constrain(const tame_model *model, double *slab);

/** A variable of a layer's state, width numbers for a sample. */
typedef struct tame_state_part {
  char name[64]; /**< "0.lstm.c": layer, cell, variable */
  int64_t width;
} tame_state_part;

/** The arrays, [batch][width], that a state of the model is made of, one after the other.
 *  Borrowed. */
int64_t tame_model_state_parts(const tame_model *model, const tame_state_part **parts);

/* ---- runs ------------------------------------------------------------------------------------ */

/** A part of a model that goes through a sequence in one direction: ordinary layers that follow
 *  each other, or one cell of a bidirectional layer. It hears a signal, [steps][batch][width], and
 *  fills another, or its own columns of it. */
typedef struct tame_model_run {
  /** Its layers, as a model for tame_model_step() and all that follows here. Borrowed. */
  const tame_model *model;
  bool reverse; /**< from the last step to the first */
  bool half; /**< a cell of a bidirectional layer: the last numbers of its tape are its outputs */
  /** Place of the signals heard and filled among those between runs: numbers of a step of a sample
   *  before them; -1: the inputs of the whole model, its outputs. */
  int64_t x, y;
  int64_t width, column;     /**< of the signal it fills; its first column of it */
  int64_t slab, state, tape; /**< numbers before its own in those of the whole */
} tame_model_run;

/** In the order of layers, in which each hears what earlier ones fill. A model without bidirectional
 *  layers is one run, and may be used as that itself. Borrowed. Local. */
int tame_model_runs(const tame_model *model, const tame_model_run **runs);
/** Numbers of a step of a sample in all signals between runs. Local. */
int64_t tame_model_between(const tame_model *model);
/** Which step of the sequence is a run's u-th; which step's elapsed time is the one between it and the
 *  run's step before. The first of a run back in time takes that of step 0. Local. */
int64_t tame_run_time(const tame_model_run *run, int64_t steps, int64_t u);
int64_t tame_run_elapsed(const tame_model_run *run, int64_t steps, int64_t u);
/** Copy a half's outputs, [batch][.], into its columns of a step of a signal, [batch][width]; and
 *  back. Local. */
void tame_run_join(const tame_model_run *run, int64_t batch, const double *own, double *signal);
void tame_run_part(const tame_model_run *run, int64_t batch, const double *signal, double *own);

/* ---- steps ----------------------------------------------------------------------------------- */

/** One step of a batch, of a model that is one run. Arrays of samples are [batch][.], row-major; states as
 *  tame_model_state_parts() says. Outputs may not overlap inputs. */
typedef struct tame_step {
  int64_t batch;
  const double *elapsed; /**< [batch]; NULL: 1 for all */
  const double *slab;    /**< parameters */
  const double *turned;  /**< tame_model_turn() of them, for speed; NULL: none */
  const double *x;       /**< inputs */
  const double *state;   /**< before */
  double *next, *y;      /**< state after, outputs */
  double *tape;          /**< what derivatives will need: written by the step, then read only */
  double *work;          /**< scratch, tame_model_work_size() */
  double *spare;         /**< set by the model: more of it */
} tame_step;

/** A loss L seen backwards through a step. */
typedef struct tame_adjoint {
  const double *next, *y; /**< dL/d next, without what comes by y; dL/dy */
  double *state, *x;      /**< dL/d state, dL/dx: set; x NULL: not wanted */
  double *slab;           /**< dL/d parameters: added to */
  /** L has these times |.| and .^2 of the outputs of all layers but the last. */
  double rates_l1, rates_l2;
  const double *hidden; /**< and so many times these, like tame_tangent's, times them; NULL: no */
  double hidden_times;
} tame_adjoint;

/** A direction seen forwards through a step: the derivatives of next and y along (slab, x,
 *  state). */
typedef struct tame_tangent {
  const double *slab, *x, *state;
  double *next, *y; /**< set */
  /** Set: derivatives of the outputs of all layers but the last, [batch][width], one after the other; NULL: not
   *  wanted. */
  double *hidden;
} tame_tangent;

/** The state at step 0: of the parameters, or 0; [batch * state size]. Local, as all below. */
void tame_model_start(const tame_model *model, const double *slab, int64_t batch, double *state);
/** Add dL/d slab for dL/d state at step 0. */
void tame_model_start_vjp(const tame_model *model, int64_t batch, const double *state,
                          double *slab);
/** The derivative of the state at step 0 along a direction of the slab. */
void tame_model_start_jvp(const tame_model *model, const double *slab, int64_t batch,
                          double *state);

/** Dense weights of a slab transposed, each view in its place; the rest is not written.
 *  turned: [tame_model_count()]. Products with them are faster by a quarter to a half, and round in
 *  their own way. */
void tame_model_turn(const tame_model *model, const double *slab, double *turned);

/** From the state before and the inputs to the state after and the outputs. As with its
 *  derivatives, nothing is allocated and nothing fails; sums over a batch are in an order that
 *  depends on the number of samples alone. Several threads may work on one model. */
void tame_model_step(const tame_model *model, const tame_step *step);
/** After tame_model_step() with the same step, whose tape it reads. */
void tame_model_step_vjp(const tame_model *model, const tame_step *step,
                         const tame_adjoint *adjoint);
/** Likewise. */
void tame_model_step_jvp(const tame_model *model, const tame_step *step,
                         const tame_tangent *tangent);
/** Outputs that the last layer's own units hear in step 0 if that starts from this state, of one sample: [outputs].
 *  False: they do not follow from a state; of the cells that are not rnn. */
bool tame_model_start_outputs(const tame_model *model, const double *state, double *y);
/** Outputs of a layer in a step that was made, [batch][*width]. Borrowed from the step. */
const double *tame_model_layer_outputs(const tame_model *model, const tame_step *step, int layer,
                                       int64_t *width);
/** Add to value: [batch] l1 |.| + l2 .^2 over the outputs of all layers but the last, in a step
 *  that was made. */
void tame_model_rates(const tame_model *model, const tame_step *step, double l1, double l2,
                      double *value);
/** The same over y: [batch][n]. And its derivative, added to dy: [count]. */
void tame_rates_run(int64_t batch, int64_t n, const double *y, double l1, double l2, double *value);
void tame_rates_vjp(int64_t count, const double *y, double l1, double l2, double *dy);

#endif
