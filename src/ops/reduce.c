/* ops/reduce.c - see reduce.h.
 * Depends: ops/strided.  Used by: reductions.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/reduce.h"

#include <string.h>

const mwi_field mwi_reduce_fields[] = {
    {"keep_dims", offsetof(mwi_reduce_attr, keep_dims), MWI_FIELD_BOOL, 0, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

enum { MAX_AXES = 64 }; /* axes may be named more than once */

mw_status mwi_reduce_axes(mw_ctx *ctx, mwi_shape_call *call, size_t i, int32_t rank,
                          bool gone[MW_MAX_RANK])
{
    int64_t axes[MAX_AXES];
    size_t n;

    memset(gone, 0, MW_MAX_RANK * sizeof *gone);
    MWI_TRY(mwi_param_ints(ctx, call, i, MAX_AXES, axes, &n));
    for (size_t k = 0; k < n; k++) {
        int32_t axis;
        MWI_TRY(mwi_axis(ctx, axes[k], rank, &axis));
        gone[axis] = true;
    }
    return MW_OK;
}

mw_status mwi_reduce_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_reduce_attr *const a = call->attr;
    const mwi_view *const x = &call->in[0];
    int32_t dims[MW_MAX_RANK], rank = 0;
    bool gone[MW_MAX_RANK];

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_reduce_axes(ctx, call, 1, x->rank, gone));
    if (call->unknown) return MW_OK;
    for (int32_t i = 0; i < x->rank; i++) {
        if (!gone[i])
            dims[rank++] = x->dims[i];
        else if (a->keep_dims)
            dims[rank++] = 1;
    }
    mwi_view_set_dims(&call->out[0], rank, dims);
    return MW_OK;
}

mw_status mwi_reduce_infer_kept(mw_ctx *ctx, mwi_shape_call *call, size_t x, size_t axes,
                                size_t kept)
{
    const mwi_view *const v = &call->in[x];
    bool gone[MW_MAX_RANK];
    size_t n = 1;

    MWI_TRY(mwi_reduce_axes(ctx, call, axes, v->rank, gone));
    if (call->unknown) return MW_OK;
    for (int32_t i = 0; i < v->rank; i++)
        if (!gone[i]) n *= (size_t)v->dims[i];
    if (mwi_view_count(&call->in[kept]) != n)
        return mwi_fail(ctx, MW_EFORMAT, "input %zu has %zu values, not %zu", kept,
                        mwi_view_count(&call->in[kept]), n);
    return MW_OK;
}

static void run_axes(const mwi_view *axes, int32_t rank, bool gone[MW_MAX_RANK])
{
    int64_t v[MAX_AXES];
    const size_t n = mwi_run_ints(axes, v, MAX_AXES);

    memset(gone, 0, MW_MAX_RANK * sizeof *gone);
    for (size_t i = 0; i < n; i++) gone[v[i] < 0 ? v[i] + rank : v[i]] = true;
}

void mwi_spread_plan(const mwi_view *axes, const mwi_view *x, mwi_spread *s)
{
    bool gone[MW_MAX_RANK];
    size_t stride = 1;

    run_axes(axes, x->rank, gone);
    *s = (mwi_spread){.rank = x->rank, .n_gone = 1};
    for (int32_t i = x->rank - 1; i >= 0; i--) {
        s->dims[i] = (size_t)x->dims[i];
        s->strides[i] = gone[i] ? 0 : stride;
        if (gone[i])
            s->n_gone *= s->dims[i];
        else
            stride *= s->dims[i];
    }
}

/* One dimension of the input, from the innermost out. */
static void add_dim(mwi_reduce *r, size_t dim, size_t stride, bool gone, bool *last_gone)
{
    int32_t *const rank = gone ? &r->gone_rank : &r->kept_rank;
    size_t *const dims = gone ? r->gone_dims : r->kept_dims;
    size_t *const strides = gone ? r->gone_strides : r->kept_strides;

    if (r->gone_rank + r->kept_rank > 0 && *last_gone == gone) {
        dims[*rank - 1] *= dim;
        return;
    }
    dims[*rank] = dim;
    strides[(*rank)++] = stride;
    *last_gone = gone;
}

static void reverse(size_t *v, int32_t n)
{
    for (int32_t i = 0; i < n / 2; i++) {
        const size_t t = v[i];
        v[i] = v[n - 1 - i];
        v[n - 1 - i] = t;
    }
}

void mwi_reduce_plan(const mwi_view *in, mwi_reduce *r)
{
    const mwi_view *const x = &in[0];
    bool gone[MW_MAX_RANK], last_gone = false;
    size_t stride = 1;

    memset(r, 0, sizeof *r);
    run_axes(&in[1], x->rank, gone);
    for (int32_t i = x->rank - 1; i >= 0; i--) {
        const size_t d = (size_t)x->dims[i];
        if (d != 1) add_dim(r, d, stride, gone[i], &last_gone);
        stride *= d;
    }
    r->lanes = r->run = r->n_steps = r->n_in = 1;
    /* The innermost dimension leaves the lists. */
    if (r->gone_rank > 0 && r->gone_strides[0] == 1) {
        r->run = r->n_in = r->gone_dims[0];
        r->gone_rank--;
        memmove(r->gone_dims, r->gone_dims + 1, (size_t)r->gone_rank * sizeof *r->gone_dims);
        memmove(r->gone_strides, r->gone_strides + 1,
                (size_t)r->gone_rank * sizeof *r->gone_strides);
    } else if (r->kept_rank > 0 && r->kept_strides[0] == 1) {
        r->lanes = r->kept_dims[0];
        r->kept_rank--;
        memmove(r->kept_dims, r->kept_dims + 1, (size_t)r->kept_rank * sizeof *r->kept_dims);
        memmove(r->kept_strides, r->kept_strides + 1,
                (size_t)r->kept_rank * sizeof *r->kept_strides);
    }
    reverse(r->gone_dims, r->gone_rank);
    reverse(r->gone_strides, r->gone_rank);
    reverse(r->kept_dims, r->kept_rank);
    reverse(r->kept_strides, r->kept_rank);
    for (int32_t i = 0; i < r->gone_rank; i++) r->n_steps *= r->gone_dims[i];
    r->n_in *= r->n_steps;
    if (r->n_in == 0) r->n_steps = 0;
    r->n_blocks = (r->lanes + MWI_REDUCE_LANES - 1) / MWI_REDUCE_LANES;
    r->n_pieces = r->n_blocks;
    for (int32_t i = 0; i < r->kept_rank; i++) r->n_pieces *= r->kept_dims[i];
}

size_t mwi_reduce_base(const mwi_reduce *r, size_t piece, size_t *out_first, size_t *out_n)
{
    const size_t lane = piece % r->n_blocks * MWI_REDUCE_LANES;
    size_t outer = piece / r->n_blocks, at = lane;

    *out_first = outer * r->lanes + lane;
    *out_n = r->lanes - lane < MWI_REDUCE_LANES ? r->lanes - lane : MWI_REDUCE_LANES;
    for (int32_t i = r->kept_rank - 1; i >= 0; i--) {
        at += outer % r->kept_dims[i] * r->kept_strides[i];
        outer /= r->kept_dims[i];
    }
    return at;
}

size_t mwi_reduce_grain(const mwi_reduce *r)
{
    const size_t lanes = r->lanes < MWI_REDUCE_LANES ? r->lanes : MWI_REDUCE_LANES;
    const size_t work = (r->n_in == 0 ? 1 : r->n_in) * (lanes == 0 ? 1 : lanes);
    return work >= 16384 ? 1 : 16384 / work;
}

/* ---- quantized sums ---- */

mw_status mwi_mean_prepare(mw_ctx *ctx, mwi_prepare_call *call, bool mean)
{
    float in_scale, out_scale;
    int32_t in_zero;
    mwi_reduce r;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_mean_state), &memory));
    mwi_mean_state *const s = call->state = memory;
    MWI_TRY(mwi_need_quant(ctx, &call->in[0], "input", &in_scale, &in_zero));
    MWI_TRY(mwi_need_quant(ctx, &call->out[0], "output", &out_scale, &s->out_zero));
    mwi_type_range(call->out[0].dtype, &s->low, &s->high);
    mwi_reduce_plan(call->in, &r);
    s->m = mwi_multiplier_of((double)in_scale / (double)out_scale);
    s->in_sum = (int32_t)((int64_t)in_zero * (int64_t)r.n_in);
    s->empty = r.n_in == 0;
    if (!mean || s->empty) return MW_OK;
    int32_t shift = 63 - __builtin_clzll((uint64_t)r.n_in);
    if (shift > 32) shift = 32;
    if (shift > 31 + s->m.shift) shift = 31 + s->m.shift;
    s->m.multiplier = (int32_t)(((int64_t)s->m.multiplier << shift) / (int64_t)r.n_in);
    s->m.shift -= shift;
    return MW_OK;
}

mw_status mwi_reduce_same_quant(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_need_same_quant(ctx, &call->in[0], &call->out[0]);
}
