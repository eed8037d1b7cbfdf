/* ops/reduce.c - see reduce.h.
 * Depends: ops/strided.  Used by: reductions.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/reduce.h"

#include <string.h>

const mwi_field mwi_reduce_fields[] = {
    {"keep_dims", offsetof(mwi_reduce_attr, keep_dims), MWI_FIELD_BOOL, 0, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

enum { MAX_AXES = 64 }; /* axes may be named more than once */

mw_status mwi_reduce_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_reduce_attr *const a = call->attr;
    const mwi_view *const x = &call->in[0];
    int64_t axes[MAX_AXES];
    int32_t dims[MW_MAX_RANK], rank = 0;
    bool gone[MW_MAX_RANK] = {false};
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 1, MAX_AXES, axes, &n));
    if (call->unknown) return MW_OK;
    for (size_t i = 0; i < n; i++) {
        int32_t axis;
        MWI_TRY(mwi_axis(ctx, axes[i], x->rank, &axis));
        gone[axis] = true;
    }
    for (int32_t i = 0; i < x->rank; i++) {
        if (!gone[i]) dims[rank++] = x->dims[i];
        else if (a->keep_dims) dims[rank++] = 1;
    }
    mwi_view_set_dims(&call->out[0], rank, dims);
    return MW_OK;
}

void mwi_reduce_plan(const mwi_run_call *call, mwi_reduce *r)
{
    const mwi_view *const x = &call->in[0];
    int64_t axes[MAX_AXES], strides[MW_MAX_RANK];
    bool gone[MW_MAX_RANK] = {false};
    const size_t n = mwi_run_ints(&call->in[1], axes, MAX_AXES);

    memset(r, 0, sizeof *r);
    r->n_out = r->n_in = 1;
    mwi_dense_strides(x->rank, x->dims, strides);
    for (size_t i = 0; i < n; i++) gone[axes[i] < 0 ? axes[i] + x->rank : axes[i]] = true;
    for (int32_t i = 0; i < x->rank; i++) {
        const size_t d = (size_t)x->dims[i];
        if (gone[i]) {
            r->in_dims[r->in_rank] = d;
            r->in_strides[r->in_rank++] = (size_t)strides[i];
            r->n_in *= d;
        } else {
            r->out_dims[r->out_rank] = d;
            r->out_strides[r->out_rank++] = (size_t)strides[i];
            r->n_out *= d;
        }
    }
}

static size_t unravel(int32_t rank, const size_t *dims, const size_t *strides, size_t index)
{
    size_t at = 0;

    for (int32_t i = rank - 1; i >= 0; i--) {
        at += index % dims[i] * strides[i];
        index /= dims[i];
    }
    return at;
}

size_t mwi_reduce_base(const mwi_reduce *r, size_t o)
{
    return unravel(r->out_rank, r->out_dims, r->out_strides, o);
}

size_t mwi_reduce_offset(const mwi_reduce *r, size_t k)
{
    if (r->in_rank == 1) return k * r->in_strides[0];
    return unravel(r->in_rank, r->in_dims, r->in_strides, k);
}

/* ---- quantized sums ---- */

mw_status mwi_mean_prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    float in_scale, out_scale;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_mean_state), &memory));
    mwi_mean_state *const s = call->state = memory;
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, &s->in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &s->out_zero));
    mwi_type_range(call->out[0].dtype, &s->low, &s->high);
    s->m = mwi_multiplier_of((double)in_scale / (double)out_scale);
    return MW_OK;
}

static int32_t value_at(const mwi_view *x, size_t i)
{
    switch (x->dtype) {
    case MW_INT8: return ((const int8_t *)x->data)[i];
    case MW_UINT8: return ((const uint8_t *)x->data)[i];
    default: return ((const int16_t *)x->data)[i];
    }
}

mw_status mwi_mean_run(mw_ctx *ctx, const mwi_run_call *call, bool mean)
{
    const mwi_mean_state *const s = call->state;
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    mwi_multiplier m = s->m;
    mwi_reduce r;

    (void)ctx;
    mwi_reduce_plan(call, &r);
    if (r.n_in == 0 || r.n_out == 0) {
        memset(out->data, 0, out->bytes);
        return MW_OK;
    }
    if (mean) {
        int32_t shift = 63 - __builtin_clzll((uint64_t)r.n_in);
        if (shift > 32) shift = 32;
        if (shift > 31 + m.shift) shift = 31 + m.shift;
        m.multiplier = (int32_t)(((int64_t)m.multiplier << shift) / (int64_t)r.n_in);
        m.shift -= shift;
    }
    for (size_t o = 0; o < r.n_out; o++) {
        const size_t base = mwi_reduce_base(&r, o);
        int32_t sum = 0;
        for (size_t k = 0; k < r.n_in; k++) sum += value_at(x, base + mwi_reduce_offset(&r, k));
        const int32_t shifted = (int32_t)((int64_t)sum - (int64_t)s->in_zero * (int64_t)r.n_in);
        const int32_t q = mwi_clamp(mwi_scale(shifted, m) + s->out_zero, s->low, s->high);
        if (out->dtype == MW_INT16) ((int16_t *)out->data)[o] = (int16_t)q;
        else ((uint8_t *)out->data)[o] = (uint8_t)q; /* the same byte for int8 */
    }
    return MW_OK;
}
