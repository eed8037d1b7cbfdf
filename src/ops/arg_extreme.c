/* ops/arg_extreme.c - see arg_extreme.h.
 * Depends: ops/strided.  Used by: ops/arg_max, ops/arg_min.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/arg_extreme.h"

const mwi_field mwi_arg_fields[] = {
    {"output_type", offsetof(mwi_arg_attr, output_type), MWI_FIELD_ENUM, 0, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

mw_status mwi_arg_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    const int32_t type = ((const mwi_arg_attr *)call->attr)->output_type;
    int32_t axis, dims[MW_MAX_RANK], rank = 0;
    int64_t value = 0;
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 1, 1, &value, &n));
    if (call->unknown) return MW_OK;
    if (n != 1) return mwi_fail(ctx, MW_EFORMAT, "the axis has %zu values", n);
    MWI_TRY(mwi_axis(ctx, value, x->rank, &axis));
    for (int32_t i = 0; i < x->rank; i++)
        if (i != axis) dims[rank++] = x->dims[i];
    if (x->dims[axis] == 0) return mwi_fail(ctx, MW_EFORMAT, "axis %d has no elements", axis);
    mwi_view_set_dims(&call->out[0], rank, dims);
    if (type == MW_INT32 || type == MW_INT64) call->out[0].dtype = (mw_dtype)type;
    return MW_OK;
}

int32_t mwi_arg_version(const mwi_shape_call *call)
{
    return call->in[0].dtype == MW_BOOL ? 3 : call->in[0].dtype == MW_INT8 ? 2 : 1;
}

mw_status mwi_arg_plan(mw_ctx *ctx, const mwi_run_call *call, mwi_arg_walk *out)
{
    const mwi_view *const x = &call->in[0];
    int64_t value = 0;
    int32_t axis;

    (void)mwi_run_ints(&call->in[1], &value, 1);
    MWI_TRY(mwi_axis(ctx, value, x->rank, &axis));
    *out = (mwi_arg_walk){1, (size_t)x->dims[axis], 1};
    for (int32_t i = 0; i < axis; i++) out->outer *= (size_t)x->dims[i];
    for (int32_t i = axis + 1; i < x->rank; i++) out->inner *= (size_t)x->dims[i];
    return MW_OK;
}

void mwi_arg_store(const mwi_view *out, size_t at, size_t index)
{
    if (out->dtype == MW_INT64)
        ((int64_t *)out->data)[at] = (int64_t)index;
    else
        ((int32_t *)out->data)[at] = (int32_t)index;
}
