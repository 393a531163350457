/** @file lyapunov.h
 * Lyapunov exponents of any system whose small displacements can be moved by a step: tangent vectors are carried
 * along a trajectory and made orthonormal again now and then, V = Q R, and the exponents are the mean growth
 *
 *     lambda_j = <log R_jj> / (time between).
 *
 * Benettin, Galgani, Giorgilli & Strelcyn (1980), Meccanica 15:9-30, doi:10.1007/BF02128236 and
 * doi:10.1007/BF02128237; Geist, Parlitz & Lauterborn (1990), Prog. Theor. Phys. 83:875-893,
 * doi:10.1143/PTP.83.875.
 *
 * Q R is by Cholesky's factor of the scalar products, R'R = V'V, again and again until V is orthonormal
 * (Yamamoto, Nakatsukasa, Yanagisawa & Fukaya, 2015, ETNA 44:306-326): all products of a pass are one sum over the
 * neurons, where Gram and Schmidt need three for each vector. The sums follow the canonical tree, so the exponents
 * have the same bits on any layout. */
#ifndef TAME_ANALYSIS_LYAPUNOV_H
#define TAME_ANALYSIS_LYAPUNOV_H

#include "tame/parallel.h"

/** Tangent vectors, as columns: [n_local][exponents], rows over ranks by the partition. */
typedef struct tame_lyapunov_system {
  MPI_Comm comm;
  const tame_partition *partition; /**< of the system's variables */
  void *context;
  /** Move the vectors by the derivative of the step that the system makes, or has just made. Collective. */
  void (*advance)(void *context, double *vectors);
} tame_lyapunov_system;

typedef struct tame_lyapunov_options {
  int64_t exponents; /**< how many, the largest ones; at most variables */
  int64_t every;     /**< steps between Q R */
  int64_t settle;    /**< Q R's before growth counts, while vectors turn where they belong */
  double step_s;     /**< time of a step */
  uint64_t seed;     /**< of the first vectors */
} tame_lyapunov_options;

typedef struct tame_lyapunov tame_lyapunov; /* opaque */

/** What comm and partition point to must outlive it. Collective. TAME_ERR_NOMEM. */
tame_status tame_lyapunov_create(tame_lyapunov **out, const tame_lyapunov_system *system,
                                 const tame_lyapunov_options *options);
/** Free *lyapunov and set it to NULL. Local. NULL is fine. */
void tame_lyapunov_free(tame_lyapunov **lyapunov);

/** Draw orthonormal vectors, others for each trial, forget all growth. Collective. */
void tame_lyapunov_begin(tame_lyapunov *lyapunov, uint32_t trial);
/** A step. True where it has brought a new sample of the growth. Collective. */
bool tame_lyapunov_step(tame_lyapunov *lyapunov);
/** Exponents over the samples so far, [exponents], 1/s, the same on every rank; NaN before there is one. Local. */
void tame_lyapunov_exponents(const tame_lyapunov *lyapunov, double *exponents);
/** How many samples there are. Local. */
int64_t tame_lyapunov_samples(const tame_lyapunov *lyapunov);
/** TAME_ERR_NUMERIC where vectors had become parallel, or infinite; the same on every rank. Local. */
tame_status tame_lyapunov_verdict(const tame_lyapunov *lyapunov);

/** Append all that it goes on with to a state; arrays are named "lyapunov.". Local. */
void tame_lyapunov_state(tame_lyapunov *lyapunov, tame_state *state);

/** Bytes of a rank: for each variable it owns, and besides. Local. */
void tame_lyapunov_need(int64_t exponents, int ranks, double *own, double *fixed);

/** Dimension of Kaplan and Yorke, j + (lambda_1 + ... + lambda_j) / |lambda_j+1| with the largest j whose sum is
 *  not negative, of the k largest of n exponents, in any order; NaN where k are too few to tell. Local.
 *  TAME_ERR_NOMEM. */
tame_status tame_kaplan_yorke(int64_t n, int64_t k, const double *exponents, double *dimension);
/** The sum of the positive ones, 1/s: an upper bound of the entropy that the system makes, in nats. Local. */
double tame_entropy_sum(int64_t k, const double *exponents);

#endif
