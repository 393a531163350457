/* Aligned memory; see memory.h. */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64, HUGE_PAGE = 1 << 21, LARGE = 4 * HUGE_PAGE };

static int64_t fail_at; /* allocations left until the one that fails; 0: none will */

static _Atomic int64_t given; /* bytes */

int64_t tame_memory_given(void)
{
  return given;
}

bool tame_memory_fail_at(int64_t n)
{
  const bool pending = fail_at > 0;
  fail_at = n;
  return pending;
}

void *tame_untouched(int64_t count, size_t size, const char *what)
{
  void *memory = NULL;
  const bool refused = fail_at > 0 && --fail_at == 0;
  const size_t n = (size_t)count;
  if (!refused && count >= 0 && (size == 0 || n <= (SIZE_MAX - ALIGN) / size)) {
    const size_t align = n * size >= LARGE ? HUGE_PAGE : ALIGN;
    const size_t bytes = (n * size + align - 1) / align * align;
    memory = aligned_alloc(align, bytes ? bytes : align);
    /* Large arrays are swept from end to end: fewer pages, fewer misses of their addresses. */
    if (memory && align == HUGE_PAGE) (void)madvise(memory, bytes, MADV_HUGEPAGE);
  }
  if (memory) given += (int64_t)(n * size);
  else
    tame_fail(TAME_ERR_NOMEM, "no memory for %s: %.3g MB", what,
              (double)count * (double)size / 1e6);
  return memory;
}

void *tame_zeroed(int64_t count, size_t size, const char *what)
{
  void *memory = tame_untouched(count, size, what);
  if (memory) memset(memory, 0, (size_t)count * size);
  return memory;
}
