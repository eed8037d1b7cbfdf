/* ops/cumsum.c - CUMSUM along an axis (input 1), from either end, with or without the element
 * itself.
 * Depends: ops/strided.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/strided.h"

typedef struct attr {
    bool exclusive, reverse;
} attr;

static const mwi_field fields[] = {
    {"exclusive", offsetof(attr, exclusive), MWI_FIELD_BOOL, 0, 0, 0, 1, NULL},
    {"reverse", offsetof(attr, reverse), MWI_FIELD_BOOL, 1, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    int64_t value = 0;
    int32_t axis;
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 1, 1, &value, &n));
    if (!call->unknown) MWI_TRY(mwi_axis(ctx, value, call->in[0].rank, &axis));
    if (mwi_view_count(&call->in[1]) != 1)
        return mwi_fail(ctx, MW_EFORMAT, "the axis has %zu values", mwi_view_count(&call->in[1]));
    call->unknown = false; /* the shape does not depend on the axis */
    return mwi_infer_same(ctx, call);
}

#define RUN(name, type, sum_type)                                                                  \
    static mw_status name(mw_ctx *ctx, const mwi_run_call *call)                                   \
    {                                                                                              \
        const attr *const a = call->attr;                                                          \
        const mwi_view *const x = &call->in[0];                                                    \
        size_t outer = 1, inner = 1;                                                               \
        int64_t value = 0;                                                                         \
        int32_t axis;                                                                              \
        (void)mwi_run_ints(&call->in[1], &value, 1);                                               \
        MWI_TRY(mwi_axis(ctx, value, x->rank, &axis));                                             \
        for (int32_t i = 0; i < axis; i++) outer *= (size_t)x->dims[i];                            \
        for (int32_t i = axis + 1; i < x->rank; i++) inner *= (size_t)x->dims[i];                  \
        const size_t n = (size_t)x->dims[axis];                                                    \
        for (size_t o = 0; o < outer; o++)                                                         \
            for (size_t i = 0; i < inner; i++) {                                                   \
                const type *const in = (const type *)x->data + o * n * inner + i;                  \
                type *const out = (type *)call->out[0].data + o * n * inner + i;                   \
                sum_type sum = 0;                                                                  \
                for (size_t k = 0; k < n; k++) {                                                   \
                    const size_t at = (a->reverse ? n - 1 - k : k) * inner;                        \
                    const sum_type v = (sum_type)in[at];                                           \
                    out[at] = (type)(a->exclusive ? sum : sum + v);                                \
                    sum += v;                                                                      \
                }                                                                                  \
            }                                                                                      \
        return MW_OK;                                                                              \
    }
RUN(run_f32, float, float)
RUN(run_i32, int32_t, uint32_t)
RUN(run_i64, int64_t, uint64_t)

static const mwi_kernel kernels[] = {
    {.name = "f32_cumsum__ref", .types = "f32,i32>f32", .run = run_f32},
    {.name = "s32_cumsum__ref", .types = "i32,i32>i32", .run = run_i32},
    {.name = "s64_cumsum__ref", .types = "i64,i32>i64", .run = run_i64},
    {.name = NULL},
};

/* The sum from the other end. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const attr *const a = call->at.op->attr;
    return mwi_emit(ctx, &call->at, &mwi_op_cumsum, MWI_IN(call->d_out[0], call->at.op->in[1]),
                    MWI_SET({"exclusive", a->exclusive, NULL}, {"reverse", !a->reverse, NULL}),
                    &call->d_in[0]);
}

const mwi_op_desc mwi_op_cumsum = {
    .name = "CUMSUM",
    .tflite_code = 128,
    .options_type = 102,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
    .gradient = gradient,
};
