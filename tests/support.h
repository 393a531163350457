/** @file support.h
 * What the test programs share. cmocka leaves a failed test by longjmp: a rank that left alone would
 * let the others hang, so ranks pool their verdicts and fail as one. */
#ifndef TAME_TESTS_SUPPORT_H
#define TAME_TESTS_SUPPORT_H

#include "tame/tame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/** True if it is true on every rank. Collective. */
bool on_all_ranks(bool ok);
#define assert_all(ok) assert_true(on_all_ranks(ok))

int world_rank(void);
int world_size(void);

/** Parameters of a small chaotic network; free with free_params(). */
tame_network_params small_params(int64_t neurons);
void free_params(tame_network_params *params);
/** Set parameters of the wiring: a choice of row and its first parameter, density or inputs. */
void set_wiring(tame_network_params *params, const char *row, double value);

/** Choose the cell, with its default parameters, and set one of these from its text; lists have three numbers, with
 *  spaces between them. */
void set_cell(tame_network_params *params, const char *row);
void set_of_cell(tame_network_params *params, const char *key, const char *text);

/** Solve A x = b, A symmetric positive definite [n][n], by Cholesky; A and b are overwritten, b by x. */
void solve(int64_t n, double *A, double *b);
/** Inverse of a symmetric positive definite matrix, [n][n]. */
void invert(int64_t n, const double *A, double *inverse);

/** Run tests in a new folder that all ranks share; how many failed, one more if something is left in it. Collective. */
int run_in_new_folder(int (*tests)(void));

/** cmocka's runner between MPI_Init and MPI_Finalize; the number of failed tests. */
int run_group(int (*group)(void), int *argc, char ***argv);

#endif
