/* ops/dilate.c - DILATE: input 0 with its elements moved apart by the factors in input 1; between
 * them stands input 2.
 * Depends: ops/strided, ops/pad.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/pad.h"
#include "ops/strided.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    int64_t factors[MW_MAX_RANK];
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 1, 1));
    MWI_TRY(mwi_need_input(ctx, call, 2, 0, MW_MAX_RANK));
    if (call->in[1].dims[0] != x->rank || mwi_view_count(&call->in[2]) != 1)
        return mwi_fail(ctx, MW_EFORMAT, "%d factors for rank %d and %zu padding values",
                        call->in[1].dims[0], x->rank, mwi_view_count(&call->in[2]));
    MWI_TRY(mwi_param_ints(ctx, call, 1, MW_MAX_RANK, factors, &n));
    if (call->unknown) return MW_OK;
    mwi_view_set_dims(&call->out[0], x->rank, x->dims);
    for (size_t i = 0; i < n; i++) {
        if (factors[i] < 1)
            return mwi_fail(ctx, MW_EFORMAT,
                            "the factor of dimension %zu is %lld, allowed 1 and above", i,
                            (long long)factors[i]);
        const int64_t dim = x->dims[i] == 0 ? 0 : (x->dims[i] - 1) * factors[i] + 1;
        if (dim > INT32_MAX)
            return mwi_fail(ctx, MW_ELIMIT, "dimension %zu would be %lld", i, (long long)dim);
        call->out[0].dims[i] = (int32_t)dim;
    }
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const size_t element = mwi_element_bytes(x);
    mwi_strided s = {.rank = x->rank};
    int64_t factors[MW_MAX_RANK];

    (void)ctx;
    (void)mwi_run_ints(&call->in[1], factors, MW_MAX_RANK);
    mwi_fill(out->data, mwi_view_count(out), call->in[2].data, element);
    mwi_dense_strides(x->rank, x->dims, s.in_strides);
    mwi_dense_strides(x->rank, out->dims, s.out_strides);
    for (int32_t i = 0; i < x->rank; i++) {
        s.dims[i] = (size_t)x->dims[i];
        s.out_strides[i] *= factors[i];
    }
    mwi_strided_copy(call->pool, &s, x->data, out->data, element);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_dilate__ref", .types = MWI_MOVED ",i32,=>=", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_dilate = {
    .name = "DILATE",
    .tflite_code = 203,
    .options2_type = 18,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = infer,
};
