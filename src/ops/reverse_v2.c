/* ops/reverse_v2.c - REVERSE_V2: backwards along the axes in input 1.
 * Depends: ops/strided, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/strided.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    int64_t axes[MW_MAX_RANK];
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 1, MW_MAX_RANK, axes, &n));
    for (size_t i = 0; i < n; i++) {
        int32_t axis;
        MWI_TRY(mwi_axis(ctx, axes[i], call->in[0].rank, &axis));
    }
    call->unknown = false; /* the shape does not depend on the axes */
    return mwi_infer_same(ctx, call);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const size_t element = mwi_element_bytes(x), n = mwi_view_count(&call->in[1]);
    int64_t axes[MW_MAX_RANK], at = 0;
    mwi_strided s = {.rank = x->rank};
    bool back[MW_MAX_RANK] = {false};

    if (x->bytes == 0) return MW_OK;
    (void)mwi_run_ints(&call->in[1], axes, MW_MAX_RANK);
    for (size_t i = 0; i < n; i++) {
        int32_t axis;
        MWI_TRY(mwi_axis(ctx, axes[i], x->rank, &axis));
        back[axis] = true;
    }
    mwi_dense_strides(x->rank, x->dims, s.in_strides);
    mwi_dense_strides(out->rank, out->dims, s.out_strides);
    for (int32_t i = 0; i < x->rank; i++) {
        s.dims[i] = (size_t)x->dims[i];
        if (!back[i]) continue;
        at += s.in_strides[i] * (x->dims[i] - 1);
        s.in_strides[i] = -s.in_strides[i];
    }
    mwi_strided_copy(call->pool, &s, (const char *)x->data + at * (int64_t)element, out->data,
                     element);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    return call->in[0].dtype == MW_INT8 ? 3 : call->in[0].dtype == MW_BOOL ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_reverse_v2__ref", .types = MWI_MOVED ",i32>=", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_reverse_v2 = {
    .name = "REVERSE_V2",
    .tflite_code = 105,
    .options_type = 81,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = mwi_gradient_itself,
    .version = version,
};
