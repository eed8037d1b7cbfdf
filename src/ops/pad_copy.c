/* ops/pad_copy.c - see pad.h.
 * Depends: ops/strided.  Used by: ops/pad, ops/padv2.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/pad.h"

#include "ops/gradient.h"

#include <string.h>

static mw_status paddings_of(mw_ctx *ctx, mwi_shape_call *call, int64_t *pads)
{
    const mwi_view *const x = &call->in[0];
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 1, 2 * MW_MAX_RANK, pads, &n));
    if (call->unknown) return MW_OK;
    if (n != 2 * (size_t)x->rank)
        return mwi_fail(ctx, MW_EFORMAT, "%zu paddings for an input of rank %d", n, x->rank);
    for (size_t i = 0; i < n; i++)
        if (pads[i] < 0 || pads[i] > INT32_MAX)
            return mwi_fail(ctx, MW_EFORMAT, "padding %zu is %lld, allowed 0 or more", i,
                            (long long)pads[i]);
    return MW_OK;
}

mw_status mwi_pad_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    int64_t pads[2 * MW_MAX_RANK];
    const mwi_view *const x = &call->in[0];
    int32_t dims[MW_MAX_RANK];

    MWI_TRY(paddings_of(ctx, call, pads));
    if (call->unknown) return MW_OK;
    if (call->n_in > 2 && call->in[2].tensor != NULL && mwi_view_count(&call->in[2]) != 1)
        return mwi_fail(ctx, MW_EFORMAT, "the value to pad with has %zu elements",
                        mwi_view_count(&call->in[2]));
    for (int32_t i = 0; i < x->rank; i++) {
        const int64_t d = x->dims[i] + pads[2 * i] + pads[2 * i + 1];
        if (d > INT32_MAX)
            return mwi_fail(ctx, MW_ELIMIT, "dimension %d would be %lld", i, (long long)d);
        dims[i] = (int32_t)d;
    }
    mwi_view_set_dims(&call->out[0], x->rank, dims);
    return MW_OK;
}

mw_status mwi_pad_prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, 8, &memory));
    call->state = memory;
    const mwi_quant *const q = call->out[0].quant;
    if (q != NULL && q->q.n_scales == 1) {
        const int64_t zero = q->q.zero_points[0];
        memcpy(memory, &zero,
               8); /* little-endian: the low bytes are the value in any integer type */
    }
    return MW_OK;
}

void mwi_fill(void *out, size_t n, const void *value, size_t element)
{
    char *const p = out;

    if (n == 0) return;
    switch (element) {
    case 1: memset(out, *(const uint8_t *)value, n); return;
    case 2:
        for (size_t i = 0; i < n; i++) memcpy(p + 2 * i, value, 2);
        return;
    case 4:
        for (size_t i = 0; i < n; i++) memcpy(p + 4 * i, value, 4);
        return;
    default:
        for (size_t i = 0; i < n; i++) memcpy(p + element * i, value, element);
        return;
    }
}

mw_status mwi_pad_run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const size_t element = mwi_element_bytes(x);
    const bool given = call->n_in > 2 && call->in[2].tensor != NULL;
    int64_t pads[2 * MW_MAX_RANK], out_strides[MW_MAX_RANK], at = 0;
    mwi_strided s = {.rank = x->rank};

    (void)ctx;
    if (element == 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "values of %s", mw_dtype_name(x->dtype));
    mwi_fill(out->data, mwi_view_count(out), given ? call->in[2].data : call->state, element);
    (void)mwi_run_ints(&call->in[1], pads, 2 * MW_MAX_RANK);
    mwi_dense_strides(x->rank, x->dims, s.in_strides);
    mwi_dense_strides(out->rank, out->dims, out_strides);
    for (int32_t i = 0; i < x->rank; i++) {
        s.dims[i] = (size_t)x->dims[i];
        s.out_strides[i] = out_strides[i];
        at += pads[2 * i] * out_strides[i];
    }
    mwi_strided_copy(call->pool, &s, x->data, (char *)out->data + at * (int64_t)element, element);
    return MW_OK;
}

mw_status mwi_pad_gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    int32_t pads[2 * MW_MAX_RANK], v[3][MW_MAX_RANK], t[3], to_end = 0;
    size_t n;

    if (call->at.op->n_in > 2 && call->wanted[2])
        return mwi_fail(ctx, MW_EUNSUPPORTED, "the padding's value has no gradient");
    MWI_TRY(mwi_gradient_ints(ctx, call, 1, 2 * MW_MAX_RANK, pads, &n));
    n /= 2;
    for (size_t i = 0; i < n; i++) {
        v[0][i] = pads[2 * i];
        v[1][i] = -pads[2 * i + 1]; /* from the end, whatever that is */
        v[2][i] = 1;
        if (v[1][i] == 0) to_end |= 1 << i;
    }
    for (size_t k = 0; k < 3; k++) MWI_TRY(mwi_emit_ints(ctx, &call->at, v[k], n, &t[k]));
    return mwi_emit(ctx, &call->at, &mwi_op_strided_slice, MWI_IN(call->d_out[0], t[0], t[1], t[2]),
                    MWI_SET({"end_mask", to_end, NULL}), &call->d_in[0]);
}
