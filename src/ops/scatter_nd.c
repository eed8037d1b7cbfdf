/* ops/scatter_nd.c - SCATTER_ND: zeros of a shape (input 2) to which updates (1) are added at
 * index vectors (0).
 * Depends: ops/strided, ops/indices.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/indices.h"
#include "ops/strided.h"

#include <string.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const indices = &call->in[0], *const updates = &call->in[1];
    int64_t shape[MW_MAX_RANK];
    int32_t dims[MW_MAX_RANK];
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 2, MW_MAX_RANK, shape, &n));
    if (call->unknown) return MW_OK;
    const int32_t outer = indices->rank - 1, depth = indices->dims[outer];
    if (depth > (int32_t)n || updates->rank - outer != (int32_t)n - depth)
        return mwi_fail(ctx, MW_EFORMAT, "updates of rank %d at %d indices for a shape of %zu",
                        updates->rank, depth, n);
    for (int32_t i = 0; i < outer; i++)
        if (indices->dims[i] != updates->dims[i])
            return mwi_fail(ctx, MW_EFORMAT, "dimension %d is %d of the indices, %d of the updates",
                            i, indices->dims[i], updates->dims[i]);
    for (int32_t i = 0; i < (int32_t)n; i++) {
        if (shape[i] < 0 || shape[i] > INT32_MAX ||
            (i >= depth && shape[i] != updates->dims[outer + i - depth]))
            return mwi_fail(ctx, MW_EFORMAT, "dimension %d of the shape is %lld", i,
                            (long long)shape[i]);
        dims[i] = (int32_t)shape[i];
    }
    mwi_view_set_dims(&call->out[0], (int32_t)n, dims);
    return MW_OK;
}

#define RUN(name, type, sum_type)                                                                  \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        const mwi_view *const indices = &call->in[0], *const out = &call->out[0];                  \
        const size_t depth = (size_t)indices->dims[indices->rank - 1];                             \
        const type *from = call->in[1].data;                                                       \
        size_t inner = 1;                                                                          \
        if (out->bytes > 0) memset(out->data, 0, out->bytes);                                      \
        for (int32_t i = (int32_t)depth; i < out->rank; i++) inner *= (size_t)out->dims[i];        \
        for (size_t i = 0, n = inner == 0 ? 0 : mwi_view_count(&call->in[1]) / inner; i < n;       \
             i++, from += inner) {                                                                 \
            size_t at;                                                                             \
            MWI_TRY(mwi_index_vector(ctx, indices, i *depth, depth, out->dims, &at));              \
            type *const to = (type *)out->data + at * inner;                                       \
            for (size_t k = 0; k < inner; k++)                                                     \
                to[k] = (type)((sum_type)to[k] + (sum_type)from[k]);                               \
        }                                                                                          \
        return MW_OK;                                                                              \
    }
RUN(run_f32, float, float)
RUN(run_i8, int8_t, int32_t)
RUN(run_u8, uint8_t, int32_t)
RUN(run_i32, int32_t, uint32_t)
RUN(run_i64, int64_t, uint64_t)
RUN(run_bool, bool, int32_t)

static const mwi_kernel kernels[] = {
    {.name = "f32_scatter_nd__ref", .types = "i32,f32,i32>f32", .run = run_f32},
    {.name = "s8_scatter_nd__ref", .types = "i32,i8,i32>i8", .run = run_i8},
    {.name = "u8_scatter_nd__ref", .types = "i32,u8,i32>u8", .run = run_u8},
    {.name = "s32_scatter_nd__ref", .types = "i32,i32,i32>i32", .run = run_i32},
    {.name = "s64_scatter_nd__ref", .types = "i32,i64,i32>i64", .run = run_i64},
    {.name = "bool_scatter_nd__ref", .types = "i32,bool,i32>bool", .run = run_bool},
    {.name = NULL},
};

const mwi_op_desc mwi_op_scatter_nd = {
    .name = "SCATTER_ND",
    .tflite_code = 122,
    .options_type = 97,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .kernels = kernels,
    .infer = infer,
};
