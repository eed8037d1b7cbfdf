/* devices/cpu/x86/s8_lstm.h - steps of the integer LSTM cell (ops/lstm_cell.h) without peepholes,
 * projection and normalization, on vectors of cells; equal to the bit to the reference.
 * Depends: ops/lstm_cell.  Used by: the kernels of this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_DEVICES_CPU_X86_S8_LSTM_H
#define MWI_DEVICES_CPU_X86_S8_LSTM_H

#include "ops/lstm_cell.h"

enum { MWI_S8_LSTM_CELLS = 32 }; /* cells of a vector of gates */

/* One matrix of a gate: [16 cells][4 columns] a vector, blocks of cells outside. */
typedef struct mwi_s8_lstm_matrix {
    const int8_t *weights;
    const int32_t *bias; /* of each cell, with what unsigned values add */
    mwi_multiplier multiplier;
} mwi_s8_lstm_matrix;

typedef struct mwi_s8_lstm {
    mwi_s8_lstm_matrix input[MWI_N_GATES], recurrent[MWI_N_GATES];
    size_t n_cell, padded_cells; /* padded to whole vectors */
    size_t input_quads, recurrent_quads;
    mwi_multiplier hidden;
    int32_t hidden_zero, cell_scale_log2, cell_clip;
} mwi_s8_lstm;

/* One step of one batch item. values, state_values: bytes plus 128, padded with anything to whole
 * quads; gates: 4 * padded_cells, scratch; cell: read and written; hidden: the new state. */
void mwi_s8_lstm_step(const mwi_s8_lstm *lstm, const uint8_t *values, const uint8_t *state_values,
                      int16_t *gates, int16_t *cell, int8_t *hidden);
/* n values of ops/fixed16.h's functions; for the step and its test. */
void mwi_s8_lstm_logistic(int16_t *values, size_t n, int integer_bits);
void mwi_s8_lstm_tanh(int16_t *values, size_t n, int integer_bits);

#endif
