/* ops/stablehlo_pad.c - STABLEHLO_PAD: input 0 with its elements moved apart and padded with input
 * 1, or cut where a padding is negative.
 * Depends: ops/strided, ops/pad.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/pad.h"
#include "ops/strided.h"

#include <string.h>

typedef struct attr {
    mwi_i64s low, high, interior;
} attr;

static const mwi_field fields[] = {
    {"edge_padding_low", offsetof(attr, low), MWI_FIELD_I64S, 0, 0, 1, 0, NULL},
    {"edge_padding_high", offsetof(attr, high), MWI_FIELD_I64S, 1, 0, 1, 0, NULL},
    {"interior_padding", offsetof(attr, interior), MWI_FIELD_I64S, 2, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

static bool is_small(int64_t v) { return v >= -INT32_MAX && v <= INT32_MAX; }

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];
    const attr *const a = call->attr;
    const size_t rank = (size_t)x->rank;
    int32_t dims[MW_MAX_RANK];
    bool empty = false;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    if (a->low.n != rank || a->high.n != rank || a->interior.n != rank ||
        mwi_view_count(&call->in[1]) != 1)
        return mwi_fail(ctx, MW_EFORMAT, "%zu, %zu and %zu paddings for rank %zu, one value",
                        a->low.n, a->high.n, a->interior.n, rank);
    for (size_t i = 0; i < rank; i++) {
        const int64_t low = a->low.v[i], high = a->high.v[i], between = a->interior.v[i];
        if (!is_small(low) || !is_small(high) || !is_small(between) || between < 0)
            return mwi_fail(ctx, MW_EFORMAT, "paddings %zu are %lld, %lld and %lld", i,
                            (long long)low, (long long)high, (long long)between);
        const int64_t gaps = x->dims[i] > 0 ? x->dims[i] - 1 : 0;
        const int64_t dim = x->dims[i] + gaps * between + low + high;
        if (dim > INT32_MAX)
            return mwi_fail(ctx, MW_ELIMIT, "dimension %zu would be %lld", i, (long long)dim);
        dims[i] = (int32_t)(dim < 0 ? 0 : dim);
        empty = empty || dim <= 0;
    }
    if (empty) memset(dims, 0, sizeof dims); /* as LiteRT does */
    mwi_view_set_dims(&call->out[0], x->rank, dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const attr *const a = call->attr;
    const size_t element = mwi_element_bytes(x);
    mwi_strided s = {.rank = x->rank};
    int64_t from = 0, to = 0;

    (void)ctx;
    mwi_fill(out->data, mwi_view_count(out), call->in[1].data, element);
    mwi_dense_strides(x->rank, x->dims, s.in_strides);
    mwi_dense_strides(x->rank, out->dims, s.out_strides);
    for (int32_t k = 0; k < x->rank; k++) {
        const int64_t step = a->interior.v[k] + 1, low = a->low.v[k];
        const int64_t first = low >= 0 ? 0 : (-low + step - 1) / step;
        const int64_t room = out->dims[k] - 1 - low; /* the last place, counted from element 0 */
        int64_t last = room < 0 ? -1 : room / step;
        if (last >= x->dims[k]) last = x->dims[k] - 1;
        if (last < first) return MW_OK; /* nothing of the input is left */
        s.dims[k] = (size_t)(last - first + 1);
        from += first * s.in_strides[k];
        to += (low + first * step) * s.out_strides[k];
        s.out_strides[k] *= step;
    }
    mwi_strided_copy(call->pool, &s, (const char *)x->data + from * (int64_t)element,
                     (char *)out->data + to * (int64_t)element, element);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_stablehlo_pad__ref", .types = MWI_MOVED ",=>=", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_stablehlo_pad = {
    .name = "STABLEHLO_PAD",
    .tflite_code = 195,
    .options2_type = 10,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
