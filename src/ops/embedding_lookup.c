/* ops/embedding_lookup.c - EMBEDDING_LOOKUP: the rows of a table (input 1) that input 0 names; rows of integers of 8, 4 or 2 bits
 * become floats by a scale for all or for each.
 * Depends: ops/fixed, ops/indices.  Used by: the list of operators only.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/fixed.h"
#include "ops/indices.h"
#include "ops/strided.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const table = &call->in[1];

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, 1));
    MWI_TRY(mwi_need_input(ctx, call, 1, 2, MW_MAX_RANK));
    mwi_view_set_dims(&call->out[0], table->rank, table->dims);
    call->out[0].dims[0] = call->in[0].dims[0];
    return MW_OK;
}

static mw_status run_same(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const table = &call->in[1];
    const int64_t n = table->dims[0];
    const size_t row = n == 0 ? 0 : table->bytes / (size_t)n;

    for (size_t i = 0; i < (size_t)call->in[0].dims[0]; i++) {
        const int64_t at = mwi_index_at(&call->in[0], i);
        if (at < 0 || at >= n) return mwi_index_fail(ctx, at, n);
        if (row > 0) memcpy((char *)call->out[0].data + i * row, (const char *)table->data + (size_t)at * row, row);
    }
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_view *const table = &call->in[1];

    MWI_TRY(mwi_need_scales(ctx, table, "table", (size_t)table->dims[0]));
    const mw_quantization *const q = &table->quant->q;
    if (q->n_scales > 1 && q->axis != 0) return mwi_fail(ctx, MW_EUNSUPPORTED, "the table has scales along axis %d", q->axis);
    for (size_t i = 0; i < q->n_scales; i++)
        if (q->zero_points[i] != 0)
            return mwi_fail(ctx, MW_EUNSUPPORTED, "zero point %lld of the table, allowed 0", (long long)q->zero_points[i]);
    return MW_OK;
}

/* Element i of a packed table. */
static int32_t value_at(const mwi_view *table, size_t i)
{
    const uint8_t *const p = table->data;

    switch (table->dtype) {
    case MW_INT8: return (int8_t)p[i];
    case MW_UINT8: return p[i];
    case MW_INT4: return (int8_t)(p[i / 2] << (i % 2 == 0 ? 4 : 0)) >> 4;
    default: return (int8_t)(uint8_t)(p[i / 4] << (6 - 2 * (i % 4))) >> 6;
    }
}

static mw_status run_scaled(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const table = &call->in[1];
    const mw_quantization *const q = &table->quant->q;
    const int64_t n = table->dims[0];
    float *to = call->out[0].data;
    size_t row = 1;

    for (int32_t i = 1; i < table->rank; i++) row *= (size_t)table->dims[i];
    for (size_t i = 0; i < (size_t)call->in[0].dims[0]; i++, to += row) {
        const int64_t at = mwi_index_at(&call->in[0], i);
        if (at < 0 || at >= n) return mwi_index_fail(ctx, at, n);
        const float scale = q->scales[q->n_scales > 1 ? at : 0];
        for (size_t k = 0; k < row; k++) to[k] = (float)value_at(table, (size_t)at * row + k) * scale;
    }
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const mwi_view *const table = &call->in[1];

    if (table->dtype == MW_INT4 || table->dtype == MW_INT2) return 4;
    return mwi_is_quantized(table) && table->quant->q.n_scales > 1 ? 3 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_embedding_lookup__ref", .types = "i32," MWI_MOVED ">=1", .run = run_same},
    {.name = "s8_embedding_lookup_f32__ref", .types = "i32,i8|u8|i4|i2>f32", .prepare = prepare, .run = run_scaled},
    {.name = NULL},
};

const mwi_op_desc mwi_op_embedding_lookup = {
    .name = "EMBEDDING_LOOKUP",
    .tflite_code = 7,
    .min_in = 2, .max_in = 2, .min_out = 1, .max_out = 1,
    .kernels = kernels,
    .infer = infer,
    .version = version,
};
