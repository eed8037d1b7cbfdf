/* ops/expand_dims.c - EXPAND_DIMS: puts a dimension of 1 before axis (input 1).
 * Depends: ops/view_op.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/strided.h"
#include "ops/view_op.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    int32_t axis, dims[MW_MAX_RANK];
    int64_t value = 0;
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK - 1));
    MWI_TRY(mwi_param_ints(ctx, call, 1, 1, &value, &n));
    if (call->unknown) return MW_OK;
    if (n != 1) return mwi_fail(ctx, MW_EFORMAT, "the axis has %zu values", n);
    MWI_TRY(mwi_axis(ctx, value, x->rank + 1, &axis));
    for (int32_t i = 0; i <= x->rank; i++)
        dims[i] = i < axis ? x->dims[i] : i == axis ? 1 : x->dims[i - 1];
    mwi_view_set_dims(&call->out[0], x->rank + 1, dims);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_expand_dims__ref", .types = "*,i32>*", .run = mwi_view_op_run},
    {.name = "any_expand_dims_i64__ref", .types = "*,i64>*", .run = mwi_view_op_run},
    {.name = "str_expand_dims__ref", .types = "str,i32|i64>str", .run = mwi_view_op_run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_expand_dims = {
    .name = "EXPAND_DIMS",
    .tflite_code = 70,
    .options_type = 52,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_VIEW,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = mwi_gradient_reshape,
};
