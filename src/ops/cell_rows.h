/* ops/cell_rows.h - what recurrent cells share: matrix-vector products in float or hybrid,
 * activations. Hybrid: float values are quantized to 8 bits a row at a time; weights are int8 with
 * one scale; sums and their order are those of TFLite's reference kernels.
 * Depends: ops/fixed.  Used by: LSTM, RNN and SVDF operators.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_CELL_ROWS_H
#define MWI_OPS_CELL_ROWS_H

#include "ops/fixed.h"

/* A row of n values to multiply: floats; hybrid: also minus their zero point and with a scale. */
typedef struct mwi_cell_row {
    const float *f;
    int16_t *q;
    int8_t *narrow;
    float scale;
    size_t n;
    bool zero; /* hybrid: all are 0 */
} mwi_cell_row;

/* Hands out 3 bytes a value for each row from `memory`, aligned to 2 bytes; returns what is behind.
 */
void *mwi_cell_rows_place(mwi_cell_row *const *rows, size_t n_rows, void *memory);
void mwi_cell_row_set(mwi_cell_row *row, const float *values, bool hybrid, bool asymmetric);
/* out[i] += (row i of the weights) * values. A vector of weights is a diagonal, always float. */
void mwi_cell_add_product(mwi_pool *pool, const mwi_cell_row *row, const mwi_view *weights,
                          float weight_scale, size_t n_rows, float *out);

/* n values through a fused activation; through the logistic function. */
void mwi_activate_f32(int32_t activation, float *values, size_t n);
void mwi_logistic_f32(float *values, size_t n);

#endif
