/* ops/range.c - RANGE: numbers from start (input 0) up to or down to but without limit (1) in
 * steps of delta (2).
 * Depends: ops/strided.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/strided.h"

#include <math.h>

/* Elements from start to limit; -1: none, the step leads away or is 0. */
static int64_t steps(int64_t start, int64_t limit, int64_t delta)
{
    if (delta == 0 || (limit > start && delta < 0) || (limit < start && delta > 0)) return -1;
    if (start == limit) return 0;
    const uint64_t span =
        delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
    const uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
    const uint64_t n = (span - 1) / step + 1;
    return n > INT32_MAX ? -1 : (int64_t)n;
}

static int64_t steps_f32(float start, float limit, float delta)
{
    if (!((start >= limit && delta < 0) || (start <= limit && delta > 0))) return -1;
    const float n = ceilf(fabsf((limit - start) / delta));
    return n >= 0 && n < 2147483648.0f ? (int64_t)n : -1;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const in = call->in;
    int64_t v[3], n;
    size_t count;

    for (size_t i = 0; i < 3; i++) {
        MWI_TRY(mwi_need_input(ctx, call, i, 0, 1));
        if (mwi_view_count(&in[i]) != 1 || in[i].dtype != in[0].dtype)
            return mwi_fail(ctx, MW_EFORMAT,
                            "input %zu: one value of the type of input 0 is allowed", i);
        call->unknown = call->unknown || in[i].data == NULL || in[i].tensor->is_variable;
    }
    if (call->unknown) return MW_OK;
    if (in[0].dtype == MW_FLOAT32) {
        n = steps_f32(*(const float *)in[0].data, *(const float *)in[1].data,
                      *(const float *)in[2].data);
    } else {
        for (size_t i = 0; i < 3; i++) MWI_TRY(mwi_param_ints(ctx, call, i, 1, &v[i], &count));
        n = steps(v[0], v[1], v[2]);
    }
    if (n < 0) return mwi_fail(ctx, MW_EFORMAT, "the steps do not lead from start to limit");
    mwi_view_set_dims(&call->out[0], 1, (const int32_t[1]){(int32_t)n});
    return MW_OK;
}

#define RUN(name, type, sum_type)                                                                  \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        const sum_type delta = (sum_type) * (const type *)call->in[2].data;                        \
        sum_type v = (sum_type) * (const type *)call->in[0].data;                                  \
        type *const out = call->out[0].data;                                                       \
        (void)ctx;                                                                                 \
        for (size_t i = 0, n = mwi_view_count(&call->out[0]); i < n; i++, v += delta)              \
            out[i] = (type)v;                                                                      \
        return MW_OK;                                                                              \
    }
RUN(run_f32, float, float)
RUN(run_i32, int32_t, uint32_t)
RUN(run_i64, int64_t, uint64_t)

static int32_t version(const mwi_shape_call *call) { return call->in[0].dtype == MW_INT64 ? 2 : 1; }

static const mwi_kernel kernels[] = {
    {.name = "f32_range__ref", .types = "f32,f32,f32>f32", .run = run_f32},
    {.name = "s32_range__ref", .types = "i32,i32,i32>i32", .run = run_i32},
    {.name = "s64_range__ref", .types = "i64,i64,i64>i64", .run = run_i64},
    {.name = NULL},
};

const mwi_op_desc mwi_op_range = {
    .name = "RANGE",
    .tflite_code = 96,
    .options_type = 73,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = infer,
    .version = version,
};
