/* What this library is; see tame/base.h. */
#include "base/version.h"
#include "tame/base.h"

const char *tame_version(void)
{
  return TAME_VERSION;
}

const char *tame_commit(void)
{
  return TAME_COMMIT;
}
