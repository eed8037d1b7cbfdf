/* ops/squeeze.c - SQUEEZE: drops dimensions of 1, all or those named.
 * Depends: ops/view_op.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/strided.h"
#include "ops/view_op.h"

typedef struct attr {
    mwi_i32s squeeze_dims;
} attr;

static const mwi_field fields[] = {
    {"squeeze_dims", offsetof(attr, squeeze_dims), MWI_FIELD_I32S, 0, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const mwi_view *const x = &call->in[0];
    bool drop[MW_MAX_RANK] = {false};
    int32_t dims[MW_MAX_RANK], rank = 0;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    for (size_t i = 0; i < a->squeeze_dims.n; i++) {
        int32_t axis;
        MWI_TRY(mwi_axis(ctx, a->squeeze_dims.v[i], x->rank, &axis));
        if (x->dims[axis] != 1)
            return mwi_fail(ctx, MW_EFORMAT, "dimension %d is %d, not 1", axis, x->dims[axis]);
        drop[axis] = true;
    }
    for (int32_t i = 0; i < x->rank; i++)
        if (a->squeeze_dims.n == 0 ? x->dims[i] != 1 : !drop[i]) dims[rank++] = x->dims[i];
    mwi_view_set_dims(&call->out[0], rank, dims);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    return call->in[0].dtype == MW_STRING ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_squeeze__ref", .types = "*>*", .run = mwi_view_op_run},
    {.name = "str_squeeze__ref", .types = "str>str", .run = mwi_view_op_run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_squeeze = {
    .name = "SQUEEZE",
    .tflite_code = 43,
    .options_type = 30,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_VIEW,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = mwi_gradient_reshape,
    .version = version,
};
