/* ops/one_hot.c - ONE_HOT: on (input 2) where the new axis meets the index, off (input 3)
 * elsewhere.
 * Depends: ops/strided, ops/indices, ops/pad.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/indices.h"
#include "ops/pad.h"
#include "ops/strided.h"

#include <string.h>

typedef struct attr {
    int32_t axis;
} attr;

static const mwi_field fields[] = {
    {"axis", offsetof(attr, axis), MWI_FIELD_I32, 0, 0, -1, MW_MAX_RANK, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    int32_t axis = ((const attr *)call->attr)->axis, dims[MW_MAX_RANK];
    int64_t depth = 0;
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK - 1));
    MWI_TRY(mwi_param_ints(ctx, call, 1, 1, &depth, &n));
    if (call->unknown) return MW_OK;
    if (axis == -1) axis = x->rank;
    if (axis < 0 || axis > x->rank)
        return mwi_fail(ctx, MW_EFORMAT, "axis %d for indices of rank %d", axis, x->rank);
    if (n != 1 || depth < 0 || depth > INT32_MAX)
        return mwi_fail(ctx, MW_EFORMAT, "depth %lld", (long long)depth);
    for (size_t i = 2; i < 4; i++)
        if (mwi_view_count(&call->in[i]) != 1)
            return mwi_fail(ctx, MW_EFORMAT, "input %zu has %zu values, allowed 1", i,
                            mwi_view_count(&call->in[i]));
    for (int32_t i = 0; i <= x->rank; i++)
        dims[i] = i < axis ? x->dims[i] : i == axis ? (int32_t)depth : x->dims[i - 1];
    mwi_view_set_dims(&call->out[0], x->rank + 1, dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const int32_t given = ((const attr *)call->attr)->axis, axis = given == -1 ? x->rank : given;
    const size_t element = mwi_element_bytes(out), depth = (size_t)out->dims[axis];
    size_t inner = 1;

    (void)ctx;
    if (out->bytes == 0) return MW_OK;
    for (int32_t i = axis; i < x->rank; i++) inner *= (size_t)x->dims[i];
    mwi_fill(out->data, mwi_view_count(out), call->in[3].data, element);
    for (size_t i = 0, n = mwi_view_count(x); i < n; i++) {
        const int32_t at = (int32_t)mwi_index_at(x, i);
        if (at < 0 || (size_t)at >= depth) continue;
        const size_t place = (i / inner * depth + (size_t)at) * inner + i % inner;
        memcpy((char *)out->data + place * element, call->in[2].data, element);
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_one_hot__ref",
     .types = "i32|i64,i32,f32|i8|u8|i16|i32|i64|bool,=2>=2",
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_one_hot = {
    .name = "ONE_HOT",
    .tflite_code = 85,
    .options_type = 61,
    .min_in = 4,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
