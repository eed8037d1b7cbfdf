/* ops/strided_slice.c - STRIDED_SLICE: x[begin:end:stride, ..., new axis, index] as NumPy writes
 * it.
 * Depends: ops/strided, ops/rules.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/fixed.h"
#include "ops/rules.h"
#include "ops/strided.h"

#include <inttypes.h>

typedef struct attr {
    int32_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
    bool offset; /* end counts from begin */
} attr;

static const mwi_field fields[] = {
    {"begin_mask", offsetof(attr, begin_mask), MWI_FIELD_I32, 0, 0, 1, 0, NULL},
    {"end_mask", offsetof(attr, end_mask), MWI_FIELD_I32, 1, 0, 1, 0, NULL},
    {"ellipsis_mask", offsetof(attr, ellipsis_mask), MWI_FIELD_I32, 2, 0, 1, 0, NULL},
    {"new_axis_mask", offsetof(attr, new_axis_mask), MWI_FIELD_I32, 3, 0, 1, 0, NULL},
    {"shrink_axis_mask", offsetof(attr, shrink_axis_mask), MWI_FIELD_I32, 4, 0, 1, 0, NULL},
    {"offset", offsetof(attr, offset), MWI_FIELD_BOOL, 5, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

enum { MAX_TERMS = 31 }; /* of the expression in brackets */

/* What the brackets say, and what comes of it: the walk over the input, and the output's
 * dimensions. */
typedef struct plan {
    size_t n;
    int64_t begin[MAX_TERMS], end[MAX_TERMS], stride[MAX_TERMS];
    bool begin_known, end_known; /* before the run they may not be */
    bool unknown;                /* the shape needs what is not known */
    int32_t in_rank, out_rank;
    int64_t starts[MW_MAX_RANK], counts[MW_MAX_RANK],
        strides[MW_MAX_RANK]; /* a dimension of the input each */
    int32_t dims[MW_MAX_RANK];
} plan;

static bool bit(int32_t mask, size_t i) { return ((uint32_t)mask >> i & 1) != 0; }

static int64_t held(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static mw_status add_dim(mw_ctx *ctx, plan *p, int64_t dim)
{
    if (p->out_rank == MW_MAX_RANK)
        return mwi_fail(ctx, MW_ELIMIT, "an output of more than %d dimensions", MW_MAX_RANK);
    p->dims[p->out_rank++] = (int32_t)dim;
    return MW_OK;
}

static mw_status whole(mw_ctx *ctx, plan *p, const mwi_view *x)
{
    const int32_t i = p->in_rank++;

    p->starts[i] = 0;
    p->counts[i] = x->dims[i];
    p->strides[i] = 1;
    return add_dim(ctx, p, x->dims[i]);
}

/* One index: the dimension goes. */
static mw_status pick(mw_ctx *ctx, plan *p, const mwi_view *x, size_t term)
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

static mw_status range(mw_ctx *ctx, plan *p, const attr *a, const mwi_view *x, size_t term)
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

static mw_status make_plan(mw_ctx *ctx, const attr *a, const mwi_view *x, plan *p)
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

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    plan p = {0};
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_param_ints(ctx, call, 1, MAX_TERMS, p.begin, &n));
    p.begin_known = !call->unknown;
    call->unknown = false;
    MWI_TRY(mwi_param_ints(ctx, call, 2, MAX_TERMS, p.end, &n));
    p.end_known = !call->unknown;
    call->unknown = false;
    MWI_TRY(mwi_param_ints(ctx, call, 3, MAX_TERMS, p.stride, &p.n));
    if (call->unknown) return MW_OK;
    if (mwi_view_count(&call->in[1]) != p.n || mwi_view_count(&call->in[2]) != p.n)
        return mwi_fail(ctx, MW_EFORMAT, "%zu begins, %zu ends, %zu strides",
                        mwi_view_count(&call->in[1]), mwi_view_count(&call->in[2]), p.n);
    MWI_TRY(make_plan(ctx, call->attr, &call->in[0], &p));
    call->unknown = p.unknown;
    mwi_view_set_dims(&call->out[0], p.out_rank, p.dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const size_t element = mwi_element_bytes(x);
    plan p = {.begin_known = true, .end_known = true};
    mwi_strided s = {.rank = x->rank};
    int64_t strides[MW_MAX_RANK], at = 0;
    size_t n = 1;

    (void)mwi_run_ints(&call->in[1], p.begin, MAX_TERMS);
    (void)mwi_run_ints(&call->in[2], p.end, MAX_TERMS);
    p.n = mwi_run_ints(&call->in[3], p.stride, MAX_TERMS);
    MWI_TRY(make_plan(ctx, call->attr, x, &p));
    mwi_dense_strides(x->rank, x->dims, strides);
    for (int32_t i = 0; i < x->rank; i++) {
        s.dims[i] = (size_t)p.counts[i];
        s.in_strides[i] = strides[i] * p.strides[i];
        at += strides[i] * p.starts[i];
        n *= s.dims[i];
    }
    if (n != mwi_view_count(out)) /* values that infer did not know */
        return mwi_fail(ctx, MW_EINVAL, "the slice has %zu elements, planned are %zu", n,
                        mwi_view_count(out));
    if (n == 0) return MW_OK;
    int64_t stride = 1;
    for (int32_t i = x->rank - 1; i >= 0; i--) {
        s.out_strides[i] = stride;
        stride *= (int64_t)s.dims[i];
    }
    mwi_strided_copy(call->pool, &s, (const char *)x->data + at * (int64_t)element, out->data,
                     element);
    return MW_OK;
}

static int32_t version(const mwi_shape_call *call)
{
    const attr *const a = call->attr;
    const mw_dtype t = call->in[0].dtype;

    if (a->offset) return 8;
    if (t == MW_UINT32) return 7;
    if (a->ellipsis_mask != 0 || a->new_axis_mask != 0) return 6;
    if (call->in[0].rank > 4) return 4;
    return t == MW_BOOL ? 3 : t == MW_INT8 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_strided_slice__ref", .types = MWI_MOVED ",i32|i64,i32|i64,i32|i64>=", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_strided_slice = {
    .name = "STRIDED_SLICE",
    .tflite_code = 45,
    .options_type = 32,
    .min_in = 4,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .quant = &mwi_quant_same,
    .infer = infer,
    .version = version,
};
