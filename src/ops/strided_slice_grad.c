/* ops/strided_slice_grad.c - STRIDED_SLICE_GRAD(dy, x, begin, end, strides): zeros in the shape
 * of x with dy where STRIDED_SLICE took its elements from. Attributes are STRIDED_SLICE's.
 * Depends: ops/slice_terms.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/slice_terms.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[1];
    mwi_slice_plan p;
    size_t n = 0;

    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    MWI_TRY(mwi_slice_infer(ctx, call, x, 2, &p));
    mwi_view_set_dims(&call->out[0], x->rank, x->dims); /* known in any case */
    const bool unknown = call->unknown;
    call->unknown = false;
    if (!unknown && (!mwi_dims_count(p.out_rank, p.dims, &n) || n != mwi_view_count(&call->in[0])))
        return mwi_fail(ctx, MW_EFORMAT, "%zu gradients for a slice of %zu",
                        mwi_view_count(&call->in[0]), n);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[1];
    const size_t n = mwi_view_count(&call->in[0]);
    mwi_strided s, back;
    int64_t at;

    MWI_TRY(mwi_slice_walk(ctx, call, x, 2, n, &s, &at));
    memset(call->out[0].data, 0, call->out[0].bytes);
    if (n == 0) return MW_OK;
    back = s;
    memcpy(back.in_strides, s.out_strides, sizeof s.out_strides);
    memcpy(back.out_strides, s.in_strides, sizeof s.in_strides);
    mwi_strided_copy(call->pool, &back, call->in[0].data, (float *)call->out[0].data + at,
                     sizeof(float));
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_strided_slice_grad__ref",
     .types = "f32,f32,i32|i64,i32|i64,i32|i64>f32",
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_strided_slice_grad = {
    .name = "STRIDED_SLICE_GRAD",
    .tflite_code = -1,
    .min_in = 5,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(mwi_slice_attr),
    .fields = mwi_slice_fields,
    .kernels = kernels,
    .infer = infer,
};
