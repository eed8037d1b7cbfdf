/* ops/embedding_lookup.c - EMBEDDING_LOOKUP: the rows of input 1 that input 0 names; integer rows
 * may come out as floats, by one scale or a scale a row.
 * Depends: ops/fixed, ops/indices.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/fixed.h"
#include "ops/indices.h"
#include "ops/strided.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    int32_t dims[MW_MAX_RANK];

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, 1));
    MWI_TRY(mwi_need_input(ctx, call, 1, 2, MW_MAX_RANK));
    memcpy(dims, call->in[1].dims, sizeof dims);
    dims[0] = call->in[0].dims[0];
    mwi_view_set_dims(&call->out[0], call->in[1].rank, dims);
    return MW_OK;
}

static mw_status run_copy(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const table = &call->in[1];
    const int32_t rows = table->dims[0];
    const size_t row = rows > 0 ? table->bytes / (size_t)rows : 0;

    for (size_t i = 0; i < (size_t)call->in[0].dims[0]; i++) {
        const int64_t at = mwi_index_at(&call->in[0], i);
        if (at < 0 || at >= rows) return mwi_index_fail(ctx, at, rows);
        if (row > 0)
            memcpy((char *)call->out[0].data + i * row,
                   (const char *)table->data + (size_t)at * row, row);
    }
    return MW_OK;
}

static mw_status prepare_hybrid(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const table = &call->in[1];

    MWI_TRY(mwi_need_scales(ctx, table, "table", (size_t)table->dims[0]));
    const mw_quantization *const q = &table->quant->q;
    if (q->n_scales > 1 && q->axis != 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "the table is quantized along axis %d, allowed 0",
                        q->axis);
    if (q->zero_points[0] != 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "the table has zero point %d, allowed 0",
                        (int)q->zero_points[0]);
    return MW_OK;
}

/* Element i of a table of int8, int4 or int2; uint8 tables of old files hold int8 too. */
static int8_t element(const mwi_view *table, size_t i)
{
    const uint8_t *const p = table->data;

    if (table->dtype == MW_INT4)
        return (int8_t)((int8_t)(uint8_t)(p[i / 2] << (4 - 4 * (i % 2))) >> 4);
    if (table->dtype == MW_INT2)
        return (int8_t)((int8_t)(uint8_t)(p[i / 4] << (6 - 2 * (i % 4))) >> 6);
    return (int8_t)p[i];
}

static mw_status run_hybrid(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const table = &call->in[1];
    const mw_quantization *const q = &table->quant->q;
    const size_t n = (size_t)call->in[0].dims[0],
                 row = n > 0 ? mwi_view_count(&call->out[0]) / n : 0;
    float *out = call->out[0].data;

    for (size_t i = 0; i < n; i++) {
        const int64_t at = mwi_index_at(&call->in[0], i);
        if (at < 0 || at >= table->dims[0]) return mwi_index_fail(ctx, at, table->dims[0]);
        const float scale = q->scales[q->n_scales > 1 ? (size_t)at : 0];
        for (size_t k = 0; k < row; k++)
            *out++ = (float)element(table, (size_t)at * row + k) * scale;
    }
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const mwi_view *const table = &call->in[1];

    if (table->dtype == MW_INT4 || (table->quant != NULL && table->quant->q.n_scales > 1)) return 4;
    return table->dtype == MW_INT2 ? 5 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_embedding_lookup__ref",
     .types = "i32,i8|u8|i4|i2>f32",
     .prepare = prepare_hybrid,
     .run = run_hybrid},
    {.name = "any_embedding_lookup__ref", .types = "i32," MWI_MOVED ">=1", .run = run_copy},
    {.name = NULL},
};

static const mwi_quant_rule quant = {.quantizable = true,
                                     .weight = 1,
                                     .axis = 0,
                                     .bias = -1,
                                     .flags = MWI_QUANT_SAME_SCALE,
                                     .data_inputs = {1, -1}};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    return mwi_emit(ctx, &call->at, &mwi_op_gather_grad, MWI_IN(call->d_out[0], in[1], in[0]), NULL,
                    &call->d_in[1]);
}

const mwi_op_desc mwi_op_embedding_lookup = {
    .name = "EMBEDDING_LOOKUP",
    .tflite_code = 7,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .quant = &quant,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
