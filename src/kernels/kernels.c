/* Choice of a table; see kernels.h. */
#include "kernels/kernels.h"
#include "kernels/tables.h"

#include <stdlib.h>
#include <string.h>

static bool any_cpu(void)
{
  return true;
}

#ifdef TAME_HAVE_X86
static bool has_avx2(void)
{
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#endif

const tame_kernel_set tame_kernel_sets[] = {
#ifdef TAME_HAVE_X86
    {"avx512", has_avx512, &tame_kernels_avx512_f64, &tame_kernels_avx512_f32},
    {"avx2", has_avx2, &tame_kernels_avx2_f64, &tame_kernels_avx2_f32},
#endif
    {"ref", any_cpu, &tame_kernels_ref_f64, &tame_kernels_ref_f32},
    {NULL, NULL, NULL, NULL},
};

const tame_kernels *tame_kernels_pick(tame_precision precision)
{
  const char *wanted = getenv("TAME_KERNEL");
  for (const tame_kernel_set *set = tame_kernel_sets; set->name; set++)
    if ((!wanted || !*wanted || strcmp(wanted, set->name) == 0) && set->usable())
      return precision == TAME_FLOAT ? set->real32 : set->real64;
  return NULL;
}

const char *tame_kernels_names(void)
{
  static char names[64];
  names[0] = '\0';
  for (const tame_kernel_set *set = tame_kernel_sets; set->name; set++)
    if (set->usable()) {
      if (*names) strcat(names, ", ");
      strcat(names, set->name);
    }
  return names;
}
