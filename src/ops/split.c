/* ops/split.c - SPLIT: input 1 in equal parts along axis (input 0).
 * Depends: ops/strided, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/split.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_split_attr *const a = call->attr;
    int64_t axis, sizes[1];
    int32_t at;
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 1, 1, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 0, 1, &axis, &n));
    if (call->unknown) return MW_OK;
    if (n != 1) return mwi_fail(ctx, MW_EFORMAT, "the axis has %zu values", n);
    const mwi_view *const x = &call->in[1];
    MWI_TRY(mwi_axis(ctx, axis, x->rank, &at));
    if ((size_t)a->num_splits != call->n_out || x->dims[at] % a->num_splits != 0)
        return mwi_fail(ctx, MW_EFORMAT, "%d parts for %zu outputs of dimension %d, which is %d",
                        a->num_splits, call->n_out, at, x->dims[at]);
    sizes[0] = x->dims[at] / a->num_splits;
    for (size_t i = 0; i < call->n_out; i++) {
        mwi_view_set_dims(&call->out[i], x->rank, x->dims);
        call->out[i].dims[at] = (int32_t)sizes[0];
    }
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    return mwi_split_run(ctx, call, &call->in[1], &call->in[0]);
}

static int32_t version(const mwi_shape_call *call)
{
    const mw_dtype t = call->in[1].dtype;
    return t == MW_INT16 ? 4 : t == MW_INT32 ? 3 : t == MW_INT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_split__ref", .types = "i32," MWI_MOVED ">=1+", .run = run},
    {.name = NULL},
};

static const mwi_quant_rule quant = {.quantizable = true,
                                     .weight = -1,
                                     .axis = -1,
                                     .bias = -1,
                                     .flags = MWI_QUANT_SAME_SCALE,
                                     .data_inputs = {1, -1}};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_split_gradient(ctx, call, 1, 0);
}

const mwi_op_desc mwi_op_split = {
    .name = "SPLIT",
    .tflite_code = 49,
    .options_type = 35,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = -1,
    .traits = MWI_OP_PER_SAMPLE | MWI_OP_CUTS,
    .attr_size = sizeof(mwi_split_attr),
    .fields = mwi_split_fields,
    .kernels = kernels,
    .quant = &quant,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
