/* ops/zeros_like.c - ZEROS_LIKE: zeros of the input's shape.
 * Depends: ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/shapes.h"

#include <string.h>

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    if (call->out[0].bytes > 0) memset(call->out[0].data, 0, call->out[0].bytes);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_zeros_like__ref", .types = "f32>f32", .run = run},
    {.name = "s32_zeros_like__ref", .types = "i32>i32", .run = run},
    {.name = "s64_zeros_like__ref", .types = "i64>i64", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_zeros_like = {
    .name = "ZEROS_LIKE",
    .tflite_code = 93,
    .options_type = 67,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_SHAPE_ONLY,
    .kernels = kernels,
    .infer = mwi_infer_same,
    .gradient = mwi_gradient_none,
};
