/* The cells and wirings there are: what the YAML accepts and `tame list` prints. */
#include "network/tables.h"

extern const tame_cell tame_cell_rate, tame_cell_leaky, tame_cell_nvar;
extern const tame_wiring tame_wiring_random, tame_wiring_fixed, tame_wiring_cosine,
    tame_wiring_given, tame_wiring_none;

static const tame_row *const cells[] = {&tame_cell_rate.head, &tame_cell_leaky.head,
                                        &tame_cell_nvar.head, NULL};
static const tame_row *const wirings[] = {&tame_wiring_random.head, &tame_wiring_fixed.head,
                                          &tame_wiring_cosine.head, &tame_wiring_given.head,
                                          &tame_wiring_none.head,   NULL};

const tame_table tame_cells = {"cells", cells};
const tame_table tame_wirings = {"wirings", wirings};
