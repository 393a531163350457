/* Bidirectional layers: what the YAML says of them. They have no step of their own, as model.c makes
 * two layers of each; see tame/model.h. */
#include "model/layer.h"

typedef struct bidirectional_params {
  tame_variant cell;
} bidirectional_params;

static const tame_field fields[] = {
    {"cell", TAME_VARIANT, .offset = offsetof(bidirectional_params, cell),
     .table = &tame_model_cells, .doc = "each way: rnn, gru, lstm, ltc or cfc"},
    {0}};

extern const tame_cell_kind tame_cell_bidirectional;
const tame_cell_kind tame_cell_bidirectional = {
    .head = {.name = "bidirectional",
             .doc = "two cells with weights of their own, one from the last step to the first: "
                    "y = [y_forward, y_reverse]; as PyTorch's; not with gradient.truncate",
             .params = {.size = sizeof(bidirectional_params), .fields = fields}},
    .one_way = "it is of two directions itself",
};

tame_status tame_layer_unfold(const tame_variant **cell, bool *half)
{
  *half = (*cell)->row == &tame_cell_bidirectional.head;
  if (!*half) return TAME_OK;
  const tame_variant *within = &((const bidirectional_params *)(*cell)->params)->cell;
  const tame_cell_kind *kind = (const tame_cell_kind *)within->row;
  if (!kind) return tame_fail(TAME_ERR_INPUT, "cell: found none, want one");
  *cell = within;
  if (!kind->one_way) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "cell: found %s, want rnn, gru, lstm, ltc or cfc: %s",
                   kind->head.name, kind->one_way);
}
