/* ops/reshape_like.c - RESHAPE_LIKE: the values of input 0 in the shape of input 1, whatever that
 * is when the plan is made.
 * Depends: ops/view_op.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/view_op.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    const mwi_view *const x = &call->in[0], *const like = &call->in[1];
    if (mwi_view_count(x) != mwi_view_count(like))
        return mwi_fail(ctx, MW_EFORMAT, "%zu values for a shape of %zu", mwi_view_count(x),
                        mwi_view_count(like));
    mwi_view_set_dims(&call->out[0], like->rank, like->dims);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_reshape_like__ref", .types = "f32,f32>f32", .run = mwi_view_op_run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_reshape_like = {
    .name = "RESHAPE_LIKE",
    .tflite_code = -1,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY | MWI_OP_INPLACE | MWI_OP_VIEW,
    .kernels = kernels,
    .infer = infer,
};
