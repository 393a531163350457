/** @file tables.h
 * The tables of each instruction set; kernels.c chooses among them. */
#ifndef TAME_KERNELS_TABLES_H
#define TAME_KERNELS_TABLES_H

#include "kernels/kernels.h"

extern const tame_kernels tame_kernels_ref_f64, tame_kernels_ref_f32;
#ifdef TAME_HAVE_X86 /* set by the build where avx2.c and avx512.c are compiled */
extern const tame_kernels tame_kernels_avx2_f64, tame_kernels_avx2_f32;
extern const tame_kernels tame_kernels_avx512_f64, tame_kernels_avx512_f32;
#endif

#endif
