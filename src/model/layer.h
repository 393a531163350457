/** @file layer.h
 * What a cell must offer, and what cells are built of: views of the slab, linear maps, activations.
 * To add a cell: a file with its row, and the row's name in model.c. */
#ifndef TAME_MODEL_LAYER_H
#define TAME_MODEL_LAYER_H

#include "kernels/kernels.h"
#include "tame/model.h"

typedef struct tame_layer tame_layer;

/** Functions as those of tame/model.h, on one layer: slab is the layer's own part of it. A state is
 *  arrays [batch][.] one after the other. */
typedef struct tame_cell_kind {
  tame_row head;
  size_t size; /**< of the layer's own structure, which begins with tame_layer */
  /** Sizes and views; `inputs` is set. What it made is freed by free() even if it fails. */
  tame_status (*create)(tame_layer *layer, const void *params);
  void (*step)(const tame_layer *layer, const tame_step *step);
  void (*vjp)(const tame_layer *layer, const tame_step *step, const tame_adjoint *adjoint);
  void (*jvp)(const tame_layer *layer, const tame_step *step, const tame_tangent *tangent);
  /** Outputs that belong to a state of one sample; NULL: they do not follow from it alone. */
  void (*rates)(const tame_layer *layer, const double *state, double *y);
  void (*free)(tame_layer *layer);        /**< what is its own; NULL: nothing */
  bool (*has_memory)(const void *params); /**< an LSTM before it, see memory.c; NULL: never */
  const char *one_way; /**< why it has no place in a bidirectional layer; NULL: it has */
} tame_cell_kind;

enum { TAME_MAX_VIEWS = 64 };

struct tame_layer {
  const tame_cell_kind *kind;
  const char *name; /* as in the table */
  const tame_kernels *kernels;
  int64_t inputs, outputs;
  int64_t state, tape, work; /* numbers for a sample */
  int variables;             /* that the state is made of: so many arrays of equal width */
  const char *variable[4];   /* their names */
  int64_t work_once;         /* more scratch, for all samples */
  int64_t spare;             /* and that of sparse maps, step->spare */
  int64_t count;             /* parameters */
  tame_view view[TAME_MAX_VIEWS];
  int views;
  const tame_circuit *circuit; /* NULL: none; borrowed from the cell */

  /* its place in a model, of which the cell does not know */
  char label[48];     /* "0.gru" */
  bool half, reverse; /* is it a cell of a bidirectional layer; the one back in time */
};

/** A layer of this kind and these parameters; *out is freed by tame_layer_free() whatever
 *  happens. */
tame_status tame_layer_create(tame_layer **out, const tame_variant *cell, int64_t inputs);
/** The same without memory before it. */
tame_status tame_layer_create_bare(tame_layer **out, const tame_cell_kind *kind, const void *params,
                                   int64_t inputs);
void tame_layer_free(tame_layer **layer);
/** If a layer is bidirectional, put the cell that it holds in its place, and say so in *half.
 *  TAME_ERR_INPUT for a cell that does not fit in. */
tame_status tame_layer_unfold(const tame_variant **cell, bool *half);
/** An LSTM whose output is the state that the cell `inner`, owned from now on, starts a step
 *  from. */
tame_status tame_memory_create(tame_layer **out, tame_layer *inner);

/** Append a view; its count, weight and place are filled in here. Returns the place of its first
 *  number in the layer's part of the slab. */
int64_t tame_layer_add(tame_layer *layer, tame_view view, const char *name);

/** Draw a view's numbers, those of view number `which` of the model; bring them into their
 *  limits. */
void tame_view_draw(const tame_view *view, uint64_t seed, uint32_t which, double *slab);
void tame_view_constrain(const tame_view *view, double *slab);

/** The next n numbers of a block of memory. */
static inline double *tame_take(double **block, int64_t n)
{
  double *const taken = *block;
  *block += n;
  return taken;
}

/* ---- how weights start ----------------------------------------------------------------------- */

/** Ways that cells offer. */
typedef enum tame_weight_init {
  TAME_WEIGHTS_TORCH, /**< U(-1/sqrt(n), 1/sqrt(n)), n units (or inputs, for dense); biases too */
  TAME_WEIGHTS_XAVIER_UNIFORM,
  TAME_WEIGHTS_XAVIER_NORMAL,
  TAME_WEIGHTS_KAIMING_NORMAL,
  TAME_WEIGHTS_ORTHOGONAL, /**< recurrent ones; the others Xavier, uniform */
} tame_weight_init;

typedef struct tame_weight_params {
  int init;
  double gain;
} tame_weight_params;

extern const char *const tame_weight_inits[];
#define TAME_WEIGHT_FIELDS(type, member)                                                           \
  {"init",                                                                                         \
   TAME_CHOICE,                                                                                    \
   .offset = offsetof(type, member.init),                                                          \
   .fallback = "torch",                                                                            \
   .choices = tame_weight_inits,                                                                   \
   .doc = "torch: U(+-1/sqrt(n)); xavier: variance 2/(fan_in + fan_out); kaiming: 1/fan_in; "      \
          "orthogonal: recurrent weights, others xavier_uniform; biases 0 but for torch"},         \
  {                                                                                                \
    "gain", TAME_REAL, .offset = offsetof(type, member.gain), .fallback = "1", .min = 0,           \
                       .max = 1e6, .doc = "factor of the weights at the start"                     \
  }

/** A view [rows][columns] of weights, rows destinations; n as for `torch`. */
tame_view tame_weights_view(const tame_weight_params *p, int64_t rows, int64_t columns, int64_t n,
                            bool recurrent);
/** A view [1][n] of biases. */
tame_view tame_bias_view(const tame_weight_params *p, int64_t count, int64_t n);

/* ---- linear maps ----------------------------------------------------------------------------- */

/** y = W x, W: [outputs][inputs] in the layer's part of the slab, from `first` on; with synapses
 *  only those. */
typedef struct tame_map {
  const tame_kernels *kernels;
  const tame_synapses *synapses;
  int64_t inputs, outputs, first;
} tame_map;

/** Add a view of weights to a layer, and get the map; synapses NULL: dense. */
tame_map tame_map_add(tame_layer *layer, tame_view view, const char *name,
                      const tame_synapses *synapses);

/** y += x W', x: [batch][inputs], y: [batch][outputs], W of the step. */
void tame_map_run(const tame_map *map, const tame_step *step, const double *x, double *y);
/** The same with W of another slab: a direction, say. */
void tame_map_run_along(const tame_map *map, const tame_step *step, const double *slab,
                        const double *x, double *y);
/** dx += dy W. */
void tame_map_back(const tame_map *map, const tame_step *step, const double *dy, double *dx);
/** dslab += dy' x, in an order of samples that depends on their number alone. */
void tame_map_slope(const tame_map *map, const tame_step *step, const double *x, const double *dy,
                    double *dslab);

/** y[b] = bias, [n]; 0 where bias is NULL. */
void tame_bias_run(int64_t n, int64_t batch, const double *bias, double *y);
/** bias += sum over samples of dy. */
void tame_bias_slope(int64_t n, int64_t batch, const double *dy, double *bias);

/* ---- affine maps ----------------------------------------------------------------------------- */

/** y = W x + b. */
typedef struct tame_affine {
  tame_map map;
  int64_t bias; /**< place of b, or -1: none */
} tame_affine;

/** Add both views to a layer; a bias without columns is none. */
tame_affine tame_affine_add(tame_layer *layer, tame_view weights, const char *weights_name,
                            const tame_synapses *synapses, tame_view bias, const char *bias_name);
/** y = x W' + b. */
void tame_affine_run(const tame_affine *a, const tame_step *step, const double *x, double *y);
/** For dL/dy: add to the slab's, and to dL/dx unless NULL. */
void tame_affine_vjp(const tame_affine *a, const tame_step *step, const double *x, const double *dy,
                     double *dx, double *dslab);
/** ty = the derivative of y along (tslab, tx). */
void tame_affine_jvp(const tame_affine *a, const tame_step *step, const double *x,
                     const double *tslab, const double *tx, double *ty);

/** n zeros; NULL is fine. */
void tame_clear(int64_t n, double *x);

/* ---- activations ----------------------------------------------------------------------------- */

typedef enum tame_activation {
  TAME_LINEAR,
  TAME_TANH,
  TAME_RELU,
  TAME_LOGISTIC,
  TAME_LECUN_TANH, /**< 1.7159 tanh(0.666 x) */
  TAME_SILU,       /**< x / (1 + exp(-x)) */
  TAME_GELU,       /**< x Phi(x), Phi the normal distribution */
} tame_activation;

extern const char *const tame_activations[]; /* their names, in this order */

/** f[i] = f(z[i]). */
void tame_activate(tame_activation kind, const tame_kernels *kernels, int64_t n, const double *z,
                   double *f);
/** slope[i] = f'(z[i]), from z and f. slope may be either. */
void tame_activation_slope(tame_activation kind, const tame_kernels *kernels, int64_t n,
                           const double *z, const double *f, double *slope);

/* ---- elapsed time ---------------------------------------------------------------------------- */

static inline double tame_elapsed(const tame_step *step, int64_t sample)
{
  return step->elapsed ? step->elapsed[sample] : 1;
}

#endif
