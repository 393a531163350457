/* Lists of what must be saved, and checksums that add up; see tame/base.h. */
#include "base/memory.h"
#include "tame/base.h"

#include <stdlib.h>
#include <string.h>

size_t tame_type_size(tame_type type)
{
  static const size_t sizes[] = {8, 4, 8, 4, 1, 1};
  return sizes[type];
}

static bool touches(const tame_piece *a, const tame_piece *b)
{
  return a->type == b->type && a->copy == b->copy && a->first + a->count == b->first &&
         (char *)a->at + (size_t)a->count * tame_type_size(a->type) == (char *)b->at &&
         strcmp(a->name, b->name) == 0;
}

void tame_state_add(tame_state *s, const tame_piece *piece)
{
  if (s->count > 0 && touches(&s->at[s->count - 1], piece)) {
    s->at[s->count - 1].count += piece->count;
    return;
  }
  if (s->count == s->room) {
    const int64_t room = s->room ? 2 * s->room : 64;
    tame_piece *more = tame_untouched(room, sizeof *more, "the list of what to save");
    if (!more) {
      s->failed = true;
      return;
    }
    if (s->count) memcpy(more, s->at, (size_t)s->count * sizeof *more);
    free(s->at);
    s->at = more;
    s->room = room;
  }
  s->at[s->count++] = *piece;
}

void tame_state_free(tame_state *s)
{
  free(s->at);
  *s = (tame_state){0};
}

/* One element with its place: both halves of a product, so that every bit counts. */
static uint64_t fold(uint64_t value, uint64_t place)
{
  const unsigned __int128 product = (unsigned __int128)(value ^ place) * 0x9E3779B97F4A7C15u;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#define SUM_OF(number)                                                                             \
  for (int64_t i = 0; i < count; i++, place += STRIDE) sum += fold(((const number *)data)[i], place)

uint64_t tame_checksum(uint64_t seed, tame_type type, const void *data, int64_t first,
                       int64_t count)
{
  const size_t element = tame_type_size(type);
  const uint64_t STRIDE = 0xD1342543DE82EF95u;
  uint64_t sum = 0, place = (uint64_t)first * STRIDE + seed;
  if (element == 8) SUM_OF(uint64_t);
  else if (element == 4) SUM_OF(uint32_t);
  else SUM_OF(uint8_t);
  return sum;
}
