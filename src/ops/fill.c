/* ops/fill.c - FILL: a tensor of the shape in input 0, of the value in input 1.
 * Depends: ops/strided, ops/pad.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/pad.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    int64_t shape[MW_MAX_RANK];
    int32_t dims[MW_MAX_RANK];
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    if (mwi_view_count(&call->in[1]) != 1)
        return mwi_fail(ctx, MW_EFORMAT, "the value has %zu elements, allowed 1",
                        mwi_view_count(&call->in[1]));
    MWI_TRY(mwi_param_ints(ctx, call, 0, MW_MAX_RANK, shape, &n));
    if (call->unknown) return MW_OK;
    for (size_t i = 0; i < n; i++) {
        if (shape[i] < 0 || shape[i] > INT32_MAX)
            return mwi_fail(ctx, MW_EFORMAT, "dimension %zu is %lld", i, (long long)shape[i]);
        dims[i] = (int32_t)shape[i];
    }
    mwi_view_set_dims(&call->out[0], (int32_t)n, dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const out = &call->out[0];

    (void)ctx;
    mwi_fill(out->data, mwi_view_count(out), call->in[1].data, mwi_element_bytes(out));
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const mw_dtype t = call->in[1].dtype;
    return t == MW_FLOAT16                  ? 4
           : t == MW_INT8 || t == MW_INT16  ? 3
           : t == MW_BOOL || t == MW_STRING ? 2
                                            : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_fill__ref", .types = "i32|i64," MWI_MOVED "|str>=1", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_fill = {
    .name = "FILL",
    .tflite_code = 94,
    .options_type = 68,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = infer,
    .version = version,
};
