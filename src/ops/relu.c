/* ops/relu.c - RELU: max(0, x). The smallest row: start here to add an operator.
 * Depends: ops/registry, ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/registry.h"
#include "ops/shapes.h"

static mw_status run_f32(mw_ctx *ctx, const mwi_run_call *call)
{
    const float *const in = call->in[0].data;
    float *const out = call->out[0].data;
    const size_t n = call->in[0].bytes / sizeof *in;

    (void)ctx;
    for (size_t i = 0; i < n; i++) out[i] = in[i] < 0.0f ? 0.0f : in[i];
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_relu__ref", .types = "f32>f32", .run = run_f32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_relu = {
    .name = "RELU",
    .tflite_code = 19,
    .min_in = 1, .max_in = 1, .min_out = 1, .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_POINTWISE,
    .kernels = kernels,
    .infer = mwi_infer_same,
};
