/** @file cell_lstm.h
 * Parameters of the cell `lstm`, for those that build on it. */
#ifndef TAME_MODEL_CELL_LSTM_H
#define TAME_MODEL_CELL_LSTM_H

#include "model/layer.h"

typedef struct tame_lstm_params {
  int64_t units;
  double forget_bias;
  bool two_biases;
  tame_weight_params weights;
} tame_lstm_params;

extern const tame_cell_kind tame_cell_lstm;

#endif
