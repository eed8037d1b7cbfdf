/* ops/broadcast_args.c - BROADCAST_ARGS: the shape to which two shapes broadcast.
 * Depends: ops/strided.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/strided.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 0, 1, 1));
    MWI_TRY(mwi_need_input(ctx, call, 1, 1, 1));
    const int32_t a = call->in[0].dims[0], b = call->in[1].dims[0];
    mwi_view_set_dims(&call->out[0], 1, a > b ? &a : &b);
    return MW_OK;
}

/* The i-th dimension from the back; 1 beyond the front. */
static int64_t back(const mwi_view *v, int32_t i)
{
    const int32_t at = v->dims[0] - 1 - i;

    if (at < 0) return 1;
    return v->dtype == MW_INT64 ? ((const int64_t *)v->data)[at] : ((const int32_t *)v->data)[at];
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const out = &call->out[0];

    for (int32_t i = 0; i < out->dims[0]; i++) {
        const int64_t a = back(&call->in[0], i), b = back(&call->in[1], i), d = a == 1 ? b : a;
        if (a != 1 && b != 1 && a != b)
            return mwi_fail(ctx, MW_EINVAL, "dimensions %lld and %lld do not broadcast",
                            (long long)a, (long long)b);
        const int32_t at = out->dims[0] - 1 - i;
        if (out->dtype == MW_INT64)
            ((int64_t *)out->data)[at] = d;
        else
            ((int32_t *)out->data)[at] = (int32_t)d;
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_broadcast_args__ref", .types = "i32|i64,=>=", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_broadcast_args = {
    .name = "BROADCAST_ARGS",
    .tflite_code = 145,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = infer,
};
