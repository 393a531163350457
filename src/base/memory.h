/** @file memory.h
 * Aligned memory that the thread which will use it touches first. */
#ifndef TAME_MEMORY_H
#define TAME_MEMORY_H

#include "tame/base.h"

/** count * size bytes, aligned to a cache line and zeroed; never NULL for count 0. On failure NULL,
 *  and the message says what could not be had. Owned by the caller, free(). Local. */
void *tame_zeroed(int64_t count, size_t size, const char *what);
/** The same, untouched: pages belong to nobody until written. */
void *tame_untouched(int64_t count, size_t size, const char *what);

/** For tests: let the n-th allocation from now on this process fail, as if memory had run out; 0
 *  switches it off. Returns whether one that was asked for before is still to come. */
bool tame_memory_fail_at(int64_t n);

/** For tests: bytes given out by this process so far, whether freed or not. */
int64_t tame_memory_given(void);

#endif
