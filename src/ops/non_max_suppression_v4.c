/* ops/non_max_suppression_v4.c - NON_MAX_SUPPRESSION_V4: the best boxes that do not lie over each
 * other.
 * Depends: ops/boxes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/boxes.h"

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    return mwi_suppression_run(ctx, call, 0, call->out[0].data, NULL, call->out[1].data);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_non_max_suppression_v4__ref",
     .types = "f32,f32,i32,f32,f32>i32,i32",
     .prepare = mwi_suppression_prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_non_max_suppression_v4 = {
    .name = "NON_MAX_SUPPRESSION_V4",
    .tflite_code = 120,
    .options_type = 95,
    .min_in = 5,
    .max_in = 5,
    .min_out = 2,
    .max_out = 2,
    .kernels = kernels,
    .infer = mwi_suppression_infer,
};
