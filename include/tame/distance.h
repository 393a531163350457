/** @file tame/distance.h
 * How alike are the solutions of two networks, whose units are not the same, nor as many? What is compared are their
 * signals over the same rows (steps of the same samples). With X, Y centred, [rows][columns] each:
 *
 * - linear CKA, |X'Y|^2 / (|X'X| |Y'Y|), Frobenius norms; Kornblith, Norouzi, Lee & Hinton (2019), ICML, PMLR
 *   97:3519-3529. It does not change where signals are rotated or scaled as a whole.
 * - overlap of the first principal components, |U'V|^2 / min(columns of U, of V), U and V being their orthonormal
 *   scores, as many as make up a share of the variance: the mean of the squared canonical correlations; Raghu, Gilmer,
 *   Yosinski & Sohl-Dickstein (2017), NeurIPS 30. Components count alike, whatever their variance.
 *
 * Both are 1 where solutions are the same, and near 0 where they have nothing in common. All functions are local; the
 * bits depend on the numbers and sizes alone. */
#ifndef TAME_DISTANCE_H
#define TAME_DISTANCE_H

#include "tame/base.h"

/** A network's signals, prepared for comparison. */
typedef struct tame_solution {
  int64_t rows, columns, components;
  double *x;      /**< [rows][columns], centred; owned */
  double *scores; /**< [rows][components], orthonormal; owned */
  double norm;    /**< |X'X|; 0: they do not vary */
} tame_solution;

/** Prepare x: [rows][columns], which is copied. share: of the variance, that components make up. TAME_ERR_NOMEM,
 *  TAME_ERR_NUMERIC where x is not finite; free *out whatever is returned. */
tame_status tame_solution_create(tame_solution *out, int64_t rows, int64_t columns, const double *x,
                                 double share);
void tame_solution_free(tame_solution *signals);
/** Bytes that it will have at most, with what making it takes. */
double tame_solution_bytes(int64_t rows, int64_t columns);

/** Signals of the same rows; NaN where one of them does not vary. work: [a->columns * b->columns]. */
double tame_solution_cka(const tame_solution *a, const tame_solution *b, double *work);
double tame_solution_overlap(const tame_solution *a, const tame_solution *b, double *work);

#endif
