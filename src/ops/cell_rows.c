/* ops/cell_rows.c - see cell_rows.h.
 * Depends: ops/fixed, ops/dot.  Used by: LSTM, RNN and SVDF operators.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/cell_rows.h"

#include "ops/dot.h"

#include <math.h>

void *mwi_cell_rows_place(mwi_cell_row *const *rows, size_t n_rows, void *memory)
{
    int16_t *wide = memory;

    for (size_t i = 0; i < n_rows; wide += rows[i++]->n) rows[i]->q = wide;
    int8_t *narrow = (int8_t *)wide;
    for (size_t i = 0; i < n_rows; narrow += rows[i++]->n) rows[i]->narrow = narrow;
    return narrow;
}

void mwi_cell_row_set(mwi_cell_row *row, const float *values, bool hybrid, bool asymmetric)
{
    int32_t zero = 0;

    row->f = values;
    if (!hybrid) return;
    row->scale = asymmetric ? mwi_quantize_asymmetric(values, row->n, row->narrow, &zero)
                            : mwi_quantize_symmetric(values, row->n, row->narrow);
    row->zero = true;
    for (size_t i = 0; i < row->n; i++) {
        row->zero = row->zero && values[i] == 0;
        row->q[i] = (int16_t)(row->narrow[i] - zero);
    }
}

typedef struct product {
    const mwi_cell_row *row;
    const void *matrix;
    float scale;
    bool hybrid;
    float *out;
} product;

static void product_rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const product *const p = arg;
    const size_t n = p->row->n;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        if (p->hybrid)
            p->out[i] +=
                (float)mwi_dot_s16_s8(p->row->q, (const int8_t *)p->matrix + i * n, n) * p->scale;
        else
            p->out[i] = mwi_dot_f32(p->row->f, (const float *)p->matrix + i * n, n) + p->out[i];
    }
}

void mwi_cell_add_product(mwi_pool *pool, const mwi_cell_row *row, const mwi_view *weights,
                          float weight_scale, size_t n_rows, float *out)
{
    const bool hybrid = weights->dtype != MW_FLOAT32;
    product p = {.row = row,
                 .matrix = weights->data,
                 .scale = row->scale * weight_scale,
                 .hybrid = hybrid,
                 .out = out};

    if (hybrid && row->zero) return;
    if (weights->rank == 1) {
        for (size_t i = 0; i < n_rows; i++) out[i] += ((const float *)weights->data)[i] * row->f[i];
        return;
    }
    mwi_par_for(pool, n_rows, 1 + 65536 / (row->n + 1), product_rows, &p);
}

void mwi_logistic_f32(float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) values[i] = 1.0f / (1.0f + expf(-values[i]));
}

static float clip(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

void mwi_activate_f32(int32_t activation, float *values, size_t n)
{
    switch (activation) {
    case MWI_ACT_RELU:
        for (size_t i = 0; i < n; i++) values[i] = values[i] < 0 ? 0 : values[i];
        return;
    case MWI_ACT_RELU_N1_TO_1:
        for (size_t i = 0; i < n; i++) values[i] = clip(values[i], -1, 1);
        return;
    case MWI_ACT_RELU6:
        for (size_t i = 0; i < n; i++) values[i] = clip(values[i], 0, 6);
        return;
    case MWI_ACT_TANH:
        for (size_t i = 0; i < n; i++) values[i] = tanhf(values[i]);
        return;
    case MWI_ACT_SIGN_BIT:
        for (size_t i = 0; i < n; i++) values[i] = signbit(values[i]) ? 1 : 0;
        return;
    default: return;
    }
}
