/* ops/rank.c - RANK: the number of dimensions of the input.
 * Depends: ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/shapes.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    mwi_view_set_dims(&call->out[0], 0, NULL);
    call->out[0].dtype = MW_INT32;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    *(int32_t *)call->out[0].data = call->in[0].rank;
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_rank__ref", .types = "*|str>i32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_rank = {
    .name = "RANK",
    .tflite_code = 110,
    .options_type = 86,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_SHAPE_ONLY,
    .kernels = kernels,
    .infer = infer,
    .gradient = mwi_gradient_none,
};
