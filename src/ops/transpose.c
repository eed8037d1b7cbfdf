/* ops/transpose.c - TRANSPOSE by a permutation (input 1).
 * Depends: ops/strided.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/strided.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    int64_t perm[MW_MAX_RANK];
    int32_t dims[MW_MAX_RANK];
    uint32_t seen = 0;
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 1, MW_MAX_RANK, perm, &n));
    if (call->unknown) return MW_OK;
    if (n != (size_t)x->rank)
        return mwi_fail(ctx, MW_EFORMAT, "a permutation of %zu for rank %d", n, x->rank);
    for (size_t i = 0; i < n; i++) {
        int32_t axis;
        MWI_TRY(mwi_axis(ctx, perm[i], x->rank, &axis));
        if ((seen & 1u << axis) != 0)
            return mwi_fail(ctx, MW_EFORMAT, "the permutation names axis %d twice", axis);
        seen |= 1u << axis;
        dims[i] = x->dims[axis];
    }
    mwi_view_set_dims(&call->out[0], x->rank, dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    int64_t perm[MW_MAX_RANK], strides[MW_MAX_RANK];
    mwi_strided s = {.rank = x->rank};

    (void)ctx;
    (void)mwi_run_ints(&call->in[1], perm, MW_MAX_RANK);
    mwi_dense_strides(x->rank, x->dims, strides);
    mwi_dense_strides(out->rank, out->dims, s.out_strides);
    for (int32_t i = 0; i < x->rank; i++) {
        s.dims[i] = (size_t)out->dims[i];
        s.in_strides[i] = strides[perm[i] < 0 ? perm[i] + x->rank : perm[i]];
    }
    mwi_strided_copy(call->pool, &s, x->data, out->data, mwi_element_bytes(x));
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    if (call->in[0].rank > 5) return 6;
    if (call->in[0].dtype == MW_INT16) return 5;
    if (call->in[0].rank > 4) return 4;
    if (call->in[0].dtype == MW_BOOL) return 3;
    return call->in[0].dtype == MW_INT8 ? 2 : 1;
}

#define ROW(t)                                                                                     \
    {                                                                                              \
        .name = t "_transpose__ref", .types = t ",i32>" t, .run = run                              \
    }
static const mwi_kernel kernels[] = {
    ROW("f32"), ROW("i8"),  ROW("u8"),   ROW("i16"),
    ROW("i32"), ROW("i64"), ROW("bool"), {.name = NULL},
};

/* By the inverse permutation. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    int32_t order[MW_MAX_RANK], inverse[MW_MAX_RANK], t;
    size_t n;

    MWI_TRY(mwi_gradient_ints(ctx, call, 1, MW_MAX_RANK, order, &n));
    for (size_t i = 0; i < n; i++)
        inverse[order[i] < 0 ? order[i] + (int32_t)n : order[i]] = (int32_t)i;
    MWI_TRY(mwi_emit_ints(ctx, &call->at, inverse, n, &t));
    return mwi_emit2(ctx, &call->at, &mwi_op_transpose, call->d_out[0], t, &call->d_in[0]);
}

const mwi_op_desc mwi_op_transpose = {
    .name = "TRANSPOSE",
    .tflite_code = 39,
    .options_type = 26,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE | MWI_OP_PERMUTES,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
