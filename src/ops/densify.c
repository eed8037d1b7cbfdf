/* ops/densify.c - DENSIFY: a sparse constant as a dense tensor.
 * Depends: ops/shapes.  Used by: the list of operators only.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"

#include <string.h>

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const mwi_tensor *const t = call->in[0].tensor;

    if (t->sparsity == NULL || t->data == NULL) return mwi_fail(ctx, MW_EFORMAT, "the input is not a sparse constant");
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    return mwi_sparsity_expand(ctx, call->in[0].tensor, call->out[0].data);
}

static const mwi_kernel kernels[] = {
    {.name = "any_densify__ref", .types = "f32|f16|i8>=", .prepare = prepare, .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_densify = {
    .name = "DENSIFY",
    .tflite_code = 124,
    .options_type = 99,
    .min_in = 1, .max_in = 1, .min_out = 1, .max_out = 1,
    .kernels = kernels,
    .infer = mwi_infer_same,
};
