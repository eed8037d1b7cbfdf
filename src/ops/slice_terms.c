/* ops/slice_terms.c - see slice_terms.h.
 * Depends: ops/strided.  Used by: STRIDED_SLICE and its gradient.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/slice_terms.h"

#include "ops/fixed.h"

#include <inttypes.h>

const mwi_field mwi_slice_fields[] = {
    {"begin_mask", offsetof(mwi_slice_attr, begin_mask), MWI_FIELD_I32, 0, 0, 1, 0, NULL},
    {"end_mask", offsetof(mwi_slice_attr, end_mask), MWI_FIELD_I32, 1, 0, 1, 0, NULL},
    {"ellipsis_mask", offsetof(mwi_slice_attr, ellipsis_mask), MWI_FIELD_I32, 2, 0, 1, 0, NULL},
    {"new_axis_mask", offsetof(mwi_slice_attr, new_axis_mask), MWI_FIELD_I32, 3, 0, 1, 0, NULL},
    {"shrink_axis_mask", offsetof(mwi_slice_attr, shrink_axis_mask), MWI_FIELD_I32, 4, 0, 1, 0,
     NULL},
    {"offset", offsetof(mwi_slice_attr, offset), MWI_FIELD_BOOL, 5, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static bool bit(int32_t mask, size_t i) { return ((uint32_t)mask >> i & 1) != 0; }

static int64_t held(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static mw_status add_dim(mw_ctx *ctx, mwi_slice_plan *p, int64_t dim)
{
    if (p->out_rank == MW_MAX_RANK)
        return mwi_fail(ctx, MW_ELIMIT, "an output of more than %d dimensions", MW_MAX_RANK);
    p->dims[p->out_rank++] = (int32_t)dim;
    return MW_OK;
}

static mw_status whole(mw_ctx *ctx, mwi_slice_plan *p, const mwi_view *x)
{
    const int32_t i = p->in_rank++;

    p->starts[i] = 0;
    p->counts[i] = x->dims[i];
    p->strides[i] = 1;
    return add_dim(ctx, p, x->dims[i]);
}

/* One index: the dimension goes. */
static mw_status pick(mw_ctx *ctx, mwi_slice_plan *p, const mwi_view *x, size_t term)
{
    const int32_t i = p->in_rank++;
    const int64_t dim = x->dims[i];
    const int64_t at = !p->begin_known      ? 0
                       : p->begin[term] < 0 ? p->begin[term] + dim
                                            : p->begin[term];

    if (p->begin_known && (at < 0 || at >= dim))
        return mwi_fail(ctx, MW_EFORMAT, "index %" PRId64 " of dimension %d, which is %" PRId64,
                        p->begin[term], i, dim);
    p->starts[i] = at;
    p->counts[i] = p->strides[i] = 1;
    return MW_OK;
}

static mw_status range(mw_ctx *ctx, mwi_slice_plan *p, const mwi_slice_attr *a, const mwi_view *x,
                       size_t term)
{
    const int32_t i = p->in_rank++;
    const int64_t dim = x->dims[i], stride = p->stride[term];
    const bool from_start = bit(a->begin_mask, term), to_end = bit(a->end_mask, term),
               up = stride > 0;

    p->unknown = p->unknown || (!from_start && !p->begin_known && (to_end || !a->offset)) ||
                 (!to_end && !p->end_known);
    const int64_t least = up ? 0 : -1, most = up ? dim : dim - 1;
    int64_t begin = up ? 0 : dim - 1, end = up ? dim : -1;
    if (!from_start)
        begin = held(p->begin[term] < 0 ? p->begin[term] + dim : p->begin[term], least, most);
    if (!to_end && a->offset) {
        end = mwi_add64(begin, p->end[term]);
        if (p->begin_known && (end < least || end > most))
            return mwi_fail(ctx, MW_EFORMAT,
                            "%" PRId64 " elements from %" PRId64
                            " of dimension %d, which is %" PRId64,
                            p->end[term], begin, i, dim);
    } else if (!to_end) {
        end = held(p->end[term] < 0 ? p->end[term] + dim : p->end[term], least, most);
    }
    const int64_t span = up ? mwi_sub64(end, begin) : mwi_sub64(begin, end);
    const int64_t step = up ? stride : stride == INT64_MIN ? INT64_MAX : -stride;
    p->starts[i] = begin;
    p->counts[i] = span <= 0 ? 0 : (span - 1) / step + 1;
    p->strides[i] = p->counts[i] > 1 ? stride : 1; /* one element has no next one, at any stride */
    if (p->counts[i] > dim && !p->unknown)
        return mwi_fail(ctx, MW_EFORMAT, "%" PRId64 " elements of dimension %d, which is %" PRId64,
                        p->counts[i], i, dim);
    return add_dim(ctx, p, p->counts[i]);
}

static mw_status make_plan(mw_ctx *ctx, const mwi_slice_attr *a, const mwi_view *x,
                           mwi_slice_plan *p)
{
    bool ellipsis = false;
    int32_t named = 0; /* dimensions of the input that terms name */

    for (size_t i = 0; i < p->n; i++) {
        if (p->stride[i] == 0) return mwi_fail(ctx, MW_EFORMAT, "stride %zu is 0", i);
        named += !bit(a->ellipsis_mask, i) && !bit(a->new_axis_mask, i);
    }
    if (named > x->rank)
        return mwi_fail(ctx, MW_EFORMAT, "%d terms for an input of rank %d", named, x->rank);
    for (size_t i = 0; i < p->n; i++) {
        if (bit(a->ellipsis_mask, i)) {
            if (ellipsis) return mwi_fail(ctx, MW_EFORMAT, "more than one ellipsis");
            ellipsis = true;
            for (int32_t k = named; k < x->rank; k++) MWI_TRY(whole(ctx, p, x));
        } else if (bit(a->new_axis_mask, i)) {
            MWI_TRY(add_dim(ctx, p, 1));
        } else if (bit(a->shrink_axis_mask, i)) {
            MWI_TRY(pick(ctx, p, x, i));
        } else {
            MWI_TRY(range(ctx, p, a, x, i));
        }
    }
    while (p->in_rank < x->rank) MWI_TRY(whole(ctx, p, x));
    return MW_OK;
}

mw_status mwi_slice_infer(mw_ctx *ctx, mwi_shape_call *call, const mwi_view *x, size_t first,
                          mwi_slice_plan *p)
{
    size_t n;

    *p = (mwi_slice_plan){0};
    MWI_TRY(mwi_param_ints(ctx, call, first, MWI_SLICE_TERMS, p->begin, &n));
    p->begin_known = !call->unknown;
    call->unknown = false;
    MWI_TRY(mwi_param_ints(ctx, call, first + 1, MWI_SLICE_TERMS, p->end, &n));
    p->end_known = !call->unknown;
    call->unknown = false;
    MWI_TRY(mwi_param_ints(ctx, call, first + 2, MWI_SLICE_TERMS, p->stride, &p->n));
    if (call->unknown) return MW_OK;
    const size_t begins = mwi_view_count(&call->in[first]),
                 ends = mwi_view_count(&call->in[first + 1]);
    if (begins != p->n || ends != p->n)
        return mwi_fail(ctx, MW_EFORMAT, "%zu begins, %zu ends, %zu strides", begins, ends, p->n);
    MWI_TRY(make_plan(ctx, call->attr, x, p));
    call->unknown = p->unknown;
    return MW_OK;
}

mw_status mwi_slice_walk(mw_ctx *ctx, const mwi_run_call *call, const mwi_view *x, size_t first,
                         size_t planned, mwi_strided *out, int64_t *start)
{
    mwi_slice_plan p = {.begin_known = true, .end_known = true};
    int64_t strides[MW_MAX_RANK], dense = 1;
    size_t n = 1;

    (void)mwi_run_ints(&call->in[first], p.begin, MWI_SLICE_TERMS);
    (void)mwi_run_ints(&call->in[first + 1], p.end, MWI_SLICE_TERMS);
    p.n = mwi_run_ints(&call->in[first + 2], p.stride, MWI_SLICE_TERMS);
    MWI_TRY(make_plan(ctx, call->attr, x, &p));
    mwi_dense_strides(x->rank, x->dims, strides);
    *out = (mwi_strided){.rank = x->rank};
    *start = 0;
    for (int32_t i = x->rank - 1; i >= 0; i--) {
        out->dims[i] = (size_t)p.counts[i];
        out->in_strides[i] = strides[i] * p.strides[i];
        out->out_strides[i] = dense;
        *start += strides[i] * p.starts[i];
        dense *= p.counts[i];
        n *= out->dims[i];
    }
    if (n == planned) return MW_OK;
    return mwi_fail(ctx, MW_EINVAL, "the slice has %zu elements, planned are %zu", n, planned);
}
