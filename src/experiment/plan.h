/** @file plan.h
 * What a network takes, before anything is drawn: from a sample of its rows, and from a short calibration of
 * the kernels on this machine. */
#ifndef TAME_EXPERIMENT_PLAN_H
#define TAME_EXPERIMENT_PLAN_H

#include "experiment/inside.h"

/** Cycles or so of a network's run on one thread, and the steps of all its trials. Local. */
double tame_plan_cycles(const tame_experiment *e);
double tame_plan_steps(const tame_experiment *e);

/** Ranks per network by which a sweep ends soonest: networks of these cycles, [rows], of which one step takes
 *  a_step cycles, are taken dearest first by groups of equal size. 1 to ranks. Local. */
int tame_plan_group(int ranks, int64_t rows, const double *cycles, double a_step);

/** Time until all groups are done, longest first, in units of `cost`; *idle: share of group time spent
 *  waiting at the end, may be NULL. cost: [rows], is sorted. Local. */
double tame_plan_makespan(int groups, int64_t rows, double *cost, double *idle);

#endif
