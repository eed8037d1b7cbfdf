/* ops/where.c - WHERE: the coordinates of the elements that are not zero, a row each. How many
 * there are only the data tell.
 * Depends: ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"

static bool is_set(const mwi_view *v, size_t i)
{
    switch (v->dtype) {
    case MW_FLOAT32: return ((const float *)v->data)[i] != 0;
    case MW_INT64: return ((const int64_t *)v->data)[i] != 0;
    case MW_INT32:
    case MW_UINT32: return ((const uint32_t *)v->data)[i] != 0;
    default: return ((const uint8_t *)v->data)[i] != 0; /* bool, int8, uint8 */
    }
}

static bool takes(mw_dtype dtype)
{
    return dtype == MW_FLOAT32 || dtype == MW_INT64 || dtype == MW_INT32 || dtype == MW_UINT32 ||
           dtype == MW_BOOL || dtype == MW_INT8 || dtype == MW_UINT8;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    size_t n = 0;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    call->out[0].dtype = MW_INT64;
    if (!takes(x->dtype)) /* no kernel will be found */
        return mwi_fail(ctx, MW_EUNSUPPORTED, "a condition of %s", mw_dtype_name(x->dtype));
    call->unknown = x->data == NULL || x->tensor->is_variable;
    if (call->unknown) return MW_OK;
    for (size_t i = 0, count = mwi_view_count(x); i < count; i++) n += is_set(x, i);
    if (n > INT32_MAX) return mwi_fail(ctx, MW_ELIMIT, "%zu elements are set", n);
    mwi_view_set_dims(&call->out[0], 2, (const int32_t[2]){(int32_t)n, x->rank});
    return MW_OK;
}

/* The next coordinates in order of memory. */
static void step(int64_t *at, const mwi_view *x)
{
    for (int32_t k = x->rank; k-- > 0;) {
        if (++at[k] < x->dims[k]) return;
        at[k] = 0;
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0];
    const size_t count = mwi_view_count(x), rank = (size_t)x->rank;
    const size_t rows = (size_t)call->out[0].dims[0];
    int64_t *const out = call->out[0].data, at[MW_MAX_RANK] = {0};
    size_t n = 0;

    for (size_t i = 0; i < count; i++, step(at, x)) {
        if (!is_set(x, i)) continue;
        if (n == rows) return mwi_fail(ctx, MW_EINVAL, "more than %zu elements are set", rows);
        for (size_t k = 0; k < rank; k++) out[n * rank + k] = at[k];
        n++;
    }
    return n == rows ? MW_OK : mwi_fail(ctx, MW_EINVAL, "%zu elements are set, not %zu", n, rows);
}

static int32_t version(const mwi_shape_call *call) { return call->in[0].dtype == MW_BOOL ? 1 : 2; }

static const mwi_kernel kernels[] = {
    {.name = "any_where__ref", .types = "bool|f32|i64|i32|i8|u8|u32>i64", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_where = {
    .name = "WHERE",
    .tflite_code = 109,
    .options_type = 85,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = infer,
    .version = version,
};
