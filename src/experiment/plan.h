/** @file plan.h
 * What a network takes, before anything is drawn: from a sample of its rows, and from a short calibration of
 * the kernels on this machine. */
#ifndef TAME_EXPERIMENT_PLAN_H
#define TAME_EXPERIMENT_PLAN_H

#include "experiment/inside.h"

/** Cycles or so of a network's run on one thread, and the steps of all its trials. Local. */
double tame_plan_cycles(const tame_experiment *e);
double tame_plan_steps(const tame_experiment *e);

/** *solvers: ranks that a network's learners need at least; TAME_ERR_INPUT where that is more than `ranks`. Local. */
tame_status tame_plan_solvers(const tame_experiment *e, int ranks, int *solvers);

/** Fewest ranks, of least, 2 least, 4 least, ... and most, on which no rank needs more than `room` bytes for a
 *  network. *fewest: 0 where none is enough; *need: bytes of the rank that needs most, on `most` ranks in that
 *  case, else on the fewest. Local. @return TAME_ERR_NOMEM without memory to find out */
tame_status tame_plan_fewest(const tame_experiment *e, int least, int most, double room,
                             int *fewest, double *need);

/** Ranks per network by which a sweep ends soonest: networks of these cycles, [rows], of which one step takes
 *  a_step cycles, are taken dearest first by groups of equal size. least to ranks. Local. */
int tame_plan_group(int least, int ranks, int64_t rows, const double *cycles, double a_step);

/** Time until all groups are done, longest first, in units of `cost`; *idle: share of group time spent
 *  waiting at the end, may be NULL. cost: [rows], is sorted. Local. */
double tame_plan_makespan(int groups, int64_t rows, double *cost, double *idle);

/** What a rank works on, to time it. */
typedef struct tame_plan_share {
  const tame_network_params *network;
  int threads;              /**< of the rank */
  double neurons, synapses; /**< of the rank */
  double learners;          /**< P's of the rank */
  const int64_t *inputs;    /**< of some P's, [n_inputs] */
  int64_t n_inputs;
  double readout_rows; /**< of the readout's P; 0: it is not trained */
} tame_plan_share;

/** Time the share, each thread with its part, with `at_once` threads of this machine at work. Local. */
tame_status tame_plan_calibrate(const tame_plan_share *share, int at_once, tame_plan_times *times);

#endif
