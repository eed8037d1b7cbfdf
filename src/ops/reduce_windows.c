/* ops/reduce_windows.c - see reduce_windows.h.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/reduce_windows.h"

#include "base/checked.h"

#include <string.h>

/* Numbers of this size cannot overflow an int64 below. */
static bool is_small(int64_t v) { return v >= -INT32_MAX && v <= INT32_MAX; }

/* *cells: of the spread and padded input so far, which bound what a run looks at. */
static mw_status infer_dim(mw_ctx *ctx, const mwi_nd_windows *w, int32_t k, int32_t dim,
                           size_t *cells, int32_t *out)
{
    if (w->size[k] < 1 || w->stride[k] < 1 || w->dilation[k] < 1 || w->base[k] < 1 ||
        !is_small(w->size[k]) || !is_small(w->stride[k]) || !is_small(w->dilation[k]) ||
        !is_small(w->base[k]) || !is_small(w->low[k]) || !is_small(w->high[k]))
        return mwi_fail(ctx, MW_EFORMAT,
                        "dimension %d: window %lld, stride %lld, dilations %lld and %lld, allowed "
                        "1 to 2147483647",
                        k, (long long)w->size[k], (long long)w->stride[k],
                        (long long)w->dilation[k], (long long)w->base[k]);
    const int64_t spread = dim == 0 ? 0 : (dim - 1) * w->base[k] + 1;
    const int64_t padded = spread + w->low[k] + w->high[k];
    const int64_t window = (w->size[k] - 1) * w->dilation[k] + 1;
    const int64_t n = padded < window ? 0 : (padded - window) / w->stride[k] + 1;
    if (padded < 0 || n > INT32_MAX)
        return mwi_fail(ctx, MW_EFORMAT, "dimension %d would be %lld", k,
                        (long long)(padded < 0 ? padded : n));
    if (!mwi_mul(*cells, padded > 0 ? (size_t)padded : 1, cells) ||
        *cells > mwi_limits(ctx)->max_memory_bytes)
        return mwi_fail(ctx, MW_ELIMIT, "the padded input is larger than any memory");
    *out = (int32_t)n;
    return MW_OK;
}

mw_status mwi_nd_windows_infer(mw_ctx *ctx, mwi_shape_call *call, const mwi_nd_windows *w)
{
    const mwi_view *const x = &call->in[0];
    int32_t dims[MW_MAX_RANK];
    size_t cells = 1;

    if (mwi_view_count(&call->in[1]) != 1)
        return mwi_fail(ctx, MW_EFORMAT, "the initial value has %zu elements",
                        mwi_view_count(&call->in[1]));
    for (int32_t k = 0; k < x->rank; k++)
        MWI_TRY(infer_dim(ctx, w, k, x->dims[k], &cells, &dims[k]));
    mwi_view_set_dims(&call->out[0], x->rank, dims);
    return MW_OK;
}

/* The input's element under cell `at` of the window of output `o`; the initial value for cells of
 * no element. */
static const char *cell(const mwi_run_call *call, const mwi_nd_windows *w, const int64_t *o,
                        const int64_t *at, size_t element)
{
    const mwi_view *const x = &call->in[0];
    size_t place = 0;

    for (int32_t k = 0; k < x->rank; k++) {
        const int64_t p = o[k] * w->stride[k] + at[k] * w->dilation[k] - w->low[k];
        if (p < 0 || p % w->base[k] != 0 || p / w->base[k] >= x->dims[k]) return call->in[1].data;
        place = place * (size_t)x->dims[k] + (size_t)(p / w->base[k]);
    }
    return (const char *)x->data + place * element;
}

/* The next coordinates in order of memory; false after the last. */
static bool next(int64_t *at, int32_t rank, const int64_t *limits)
{
    for (int32_t k = rank; k-- > 0;) {
        if (++at[k] < limits[k]) return true;
        at[k] = 0;
    }
    return false;
}

void mwi_nd_windows_run(const mwi_run_call *call, const mwi_nd_windows *w, mwi_combine_fn combine)
{
    const mwi_view *const out = &call->out[0];
    const size_t element = mw_dtype_bits(out->dtype) / 8, n = mwi_view_count(out);
    int64_t o[MW_MAX_RANK] = {0}, limits[MW_MAX_RANK];

    for (int32_t k = 0; k < out->rank; k++) limits[k] = out->dims[k];
    for (size_t i = 0; i < n; i++, (void)next(o, out->rank, limits)) {
        char *const acc = (char *)out->data + i * element;
        int64_t at[MW_MAX_RANK] = {0};
        memcpy(acc, call->in[1].data, element);
        do combine(acc, cell(call, w, o, at, element));
        while (next(at, out->rank, w->size));
    }
}
