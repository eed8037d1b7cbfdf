/* ops/non_max_suppression_v5.c - NON_MAX_SUPPRESSION_V5: the best boxes; scores decay with the
 * overlap (soft suppression).
 * Depends: ops/boxes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/boxes.h"

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    return mwi_suppression_run(ctx, call, *(const float *)call->in[5].data, call->out[0].data,
                               call->out[1].data, call->out[2].data);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_non_max_suppression_v5__ref",
     .types = "f32,f32,i32,f32,f32,f32>i32,f32,i32",
     .prepare = mwi_suppression_prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_non_max_suppression_v5 = {
    .name = "NON_MAX_SUPPRESSION_V5",
    .tflite_code = 121,
    .options_type = 96,
    .min_in = 6,
    .max_in = 6,
    .min_out = 3,
    .max_out = 3,
    .kernels = kernels,
    .infer = mwi_suppression_infer,
};
