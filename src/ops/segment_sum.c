/* ops/segment_sum.c - SEGMENT_SUM: the sum of the rows of each segment; segments start at 0 and do
 * not descend or skip.
 * Depends: ops/segments.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/segments.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0], *const ids = &call->in[1];
    int64_t last = -1;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 1, 1));
    if (ids->dims[0] != x->dims[0] || ids->dtype != MW_INT32)
        return mwi_fail(ctx, MW_EFORMAT, "%d segments of %s for %d rows", ids->dims[0],
                        mw_dtype_name(ids->dtype), x->dims[0]);
    if (ids->data == NULL || ids->tensor->is_variable) {
        call->unknown = true;
        return MW_OK;
    }
    for (size_t i = 0; i < (size_t)ids->dims[0]; i++) {
        const int64_t id = mwi_index_at(ids, i);
        if (id < 0 || id < last || id > last + 1)
            return mwi_fail(ctx, MW_EFORMAT, "segment %zu is %lld after %lld", i, (long long)id,
                            (long long)last);
        last = id;
    }
    mwi_view_set_dims(&call->out[0], x->rank, x->dims);
    call->out[0].dims[0] = (int32_t)(last + 1);
    return MW_OK;
}

MWI_SEGMENTS_RUN(run_f32, float, float, 0, acc += v)
MWI_SEGMENTS_RUN(run_i32, int32_t, uint32_t, 0, acc += v)

static const mwi_kernel kernels[] = {
    {.name = "f32_segment_sum__ref", .types = "f32,i32>f32", .run = run_f32},
    {.name = "s32_segment_sum__ref", .types = "i32,i32>i32", .run = run_i32},
    {.name = NULL},
};

const mwi_op_desc mwi_op_segment_sum = {
    .name = "SEGMENT_SUM",
    .tflite_code = 125,
    .options_type = 100,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = infer,
};
