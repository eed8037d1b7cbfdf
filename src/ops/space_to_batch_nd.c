/* ops/space_to_batch_nd.c - SPACE_TO_BATCH_ND: pads, then deals pixels out to batches, one a place
 * in a block.
 * Depends: ops/blocks, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/blocks.h"
#include "ops/pad.h"
#include "ops/rules.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    mwi_blocks b;

    MWI_TRY(mwi_blocks_read(ctx, call, &b));
    if (call->unknown) return MW_OK;
    mwi_view_set_dims(&call->out[0], x->rank, x->dims);
    int32_t *const dims = call->out[0].dims;
    for (int32_t i = 0; i < b.n; i++) {
        const int64_t padded = x->dims[i + 1] + b.before[i] + b.after[i],
                      batches = dims[0] * b.shape[i];
        if (padded % b.shape[i] != 0 || padded > INT32_MAX || batches > INT32_MAX)
            return mwi_fail(ctx, MW_EFORMAT, "dimension %d, padded to %lld, in blocks of %lld",
                            i + 1, (long long)padded, (long long)b.shape[i]);
        dims[0] = (int32_t)batches;
        dims[i + 1] = (int32_t)(padded / b.shape[i]);
    }
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    MWI_TRY(mwi_blocks_prepare(ctx, call));
    return mwi_pad_prepare(ctx, call);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const out = &call->out[0];
    mwi_blocks b;

    (void)ctx;
    mwi_blocks_run_read(call, &b);
    mwi_fill(out->data, mwi_view_count(out), call->state, mwi_element_bytes(out));
    mwi_blocks_copy(call->pool, &b, &call->in[0], out, false);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].dtype == MW_INT16) return 4;
    return call->in[0].rank != 4 ? 3 : mwi_version_i8(call);
}

static const mwi_kernel kernels[] = {
    {.name = "any_space_to_batch_nd__ref",
     .types = "f32|i8|u8|i16|i32|i64,i32,i32>=",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    return mwi_emit(ctx, &call->at, &mwi_op_batch_to_space_nd, MWI_IN(call->d_out[0], in[1], in[2]),
                    NULL, &call->d_in[0]);
}

const mwi_op_desc mwi_op_space_to_batch_nd = {
    .name = "SPACE_TO_BATCH_ND",
    .tflite_code = 38,
    .options_type = 25,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_BY_CHANNEL,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
