/* ops/batch_to_space_nd.c - BATCH_TO_SPACE_ND: interleaves batches into space, then crops.
 * Depends: ops/blocks, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/blocks.h"
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
        const int64_t d = x->dims[i + 1] * b.shape[i] - b.before[i] - b.after[i];
        if (dims[0] % b.shape[i] != 0 || d < 0 || d > INT32_MAX)
            return mwi_fail(ctx, MW_EFORMAT,
                            "%d batches in blocks of %lld, dimension %d would be %lld", dims[0],
                            (long long)b.shape[i], i + 1, (long long)d);
        dims[0] = (int32_t)(dims[0] / b.shape[i]);
        dims[i + 1] = (int32_t)d;
    }
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    mwi_blocks b;

    (void)ctx;
    mwi_blocks_run_read(call, &b);
    mwi_blocks_copy(call->pool, &b, &call->out[0], &call->in[0], true);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].dtype == MW_INT16) return 4;
    return call->in[0].rank != 4 ? 3 : mwi_version_i8(call);
}

static const mwi_kernel kernels[] = {
    {.name = "any_batch_to_space_nd__ref",
     .types = "f32|i8|u8|i16|i32|i64,i32,i32>=",
     .prepare = mwi_blocks_prepare,
     .run = run},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    return mwi_emit(ctx, &call->at, &mwi_op_space_to_batch_nd, MWI_IN(call->d_out[0], in[1], in[2]),
                    NULL, &call->d_in[0]);
}

const mwi_op_desc mwi_op_batch_to_space_nd = {
    .name = "BATCH_TO_SPACE_ND",
    .tflite_code = 37,
    .options_type = 24,
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
