/* ops/broadcast_to.c - BROADCAST_TO the shape that input 1 holds.
 * Depends: ops/strided, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/strided.h"

#include <inttypes.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    int64_t shape[MW_MAX_RANK];
    int32_t dims[MW_MAX_RANK];
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 1, MW_MAX_RANK, shape, &n));
    if (call->unknown) return MW_OK;
    if (n < (size_t)x->rank)
        return mwi_fail(ctx, MW_EFORMAT, "a shape of %zu for an input of rank %d", n, x->rank);
    for (size_t i = 0; i < n; i++) {
        const int32_t from = i < n - (size_t)x->rank ? 1 : x->dims[i - (n - (size_t)x->rank)];
        if (shape[i] < 0 || shape[i] > INT32_MAX || (from != 1 && from != shape[i]))
            return mwi_fail(ctx, MW_EFORMAT, "dimension %zu of %d does not broadcast to %" PRId64,
                            i, from, shape[i]);
        dims[i] = (int32_t)shape[i];
    }
    mwi_view_set_dims(&call->out[0], (int32_t)n, dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const int32_t added = out->rank - x->rank;
    int64_t strides[MW_MAX_RANK];
    mwi_strided s = {.rank = out->rank};

    (void)ctx;
    mwi_dense_strides(x->rank, x->dims, strides);
    mwi_dense_strides(out->rank, out->dims, s.out_strides);
    for (int32_t i = 0; i < out->rank; i++) {
        s.dims[i] = (size_t)out->dims[i];
        s.in_strides[i] = i < added || x->dims[i - added] == 1 ? 0 : strides[i - added];
    }
    mwi_strided_copy(call->pool, &s, x->data, out->data, mwi_element_bytes(x));
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    return call->in[0].dtype == MW_INT8 || call->in[0].dtype == MW_INT16 ? 3 : 2;
}

static const mwi_kernel kernels[] = {
    {.name = "any_broadcast_to__ref", .types = MWI_MOVED ",i32|i64>=", .run = run},
    {.name = NULL},
};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_gradient_to_input(ctx, call, 0, call->d_out[0]);
}

const mwi_op_desc mwi_op_broadcast_to = {
    .name = "BROADCAST_TO",
    .tflite_code = 130,
    .options_type = 104,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
