/* ops/densify.c - DENSIFY: a sparse constant as dense values. Views of sparse constants are dense
 * already, so that nothing is left to do.
 * Depends: ops/shapes, ops/view_op.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"
#include "ops/view_op.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_infer_same(ctx, call));
    call->out[0].dtype = call->in[0].dtype;
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_densify__ref", .types = "f32|f16|i8>=", .run = mwi_view_op_run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_densify = {
    .name = "DENSIFY",
    .tflite_code = 124,
    .options_type = 99,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_VIEW,
    .kernels = kernels,
    .infer = infer,
};
