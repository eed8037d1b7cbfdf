/* ops/shape.c - SHAPE: the dimensions of the input.
 * Depends: ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/shapes.h"

typedef struct attr {
    int32_t out_type;
} attr;

static const mwi_field fields[] = {
    {"out_type", offsetof(attr, out_type), MWI_FIELD_ENUM, 0, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const int32_t type = ((const attr *)call->attr)->out_type;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    mwi_view_set_dims(&call->out[0], 1, &call->in[0].rank);
    if (type == MW_INT32 || type == MW_INT64) call->out[0].dtype = (mw_dtype)type;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];

    (void)ctx;
    for (int32_t i = 0; i < x->rank; i++) {
        if (out->dtype == MW_INT64)
            ((int64_t *)out->data)[i] = x->dims[i];
        else
            ((int32_t *)out->data)[i] = x->dims[i];
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_shape__ref", .types = "*|str>i32|i64", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_shape = {
    .name = "SHAPE",
    .tflite_code = 77,
    .options_type = 55,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_SHAPE_ONLY,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
    .gradient = mwi_gradient_none,
};
