/* ops/stablehlo_gather.c - STABLEHLO_GATHER: windows of input 0 that start where the vectors of
 * input 1 say, moved back inside where they would reach out.
 * Depends: ops/window_index, ops/strided.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/strided.h"
#include "ops/window_index.h"

#include <string.h>

typedef struct attr {
    mwi_i64s offset_dims, collapsed, map;
    int64_t vector_dim;
    mwi_i64s sizes;
    bool sorted;
} attr;

static const mwi_field fields[] = {
    {"offset_dims", offsetof(attr, offset_dims), MWI_FIELD_I64S, 0, 0, 1, 0, NULL},
    {"collapsed_slice_dims", offsetof(attr, collapsed), MWI_FIELD_I64S, 1, 0, 1, 0, NULL},
    {"start_index_map", offsetof(attr, map), MWI_FIELD_I64S, 2, 0, 1, 0, NULL},
    {"index_vector_dim", offsetof(attr, vector_dim), MWI_FIELD_I64, 3, 0, 1, 0, NULL},
    {"slice_sizes", offsetof(attr, sizes), MWI_FIELD_I64S, 4, 0, 1, 0, NULL},
    {"indices_are_sorted", offsetof(attr, sorted), MWI_FIELD_BOOL, 5, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};

static mwi_window_index index_of(const attr *a)
{
    return (mwi_window_index){&a->offset_dims, &a->collapsed, &a->map, a->vector_dim};
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0], *const indices = &call->in[1];
    const attr *const a = call->attr;
    const mwi_window_index w = index_of(a);
    int32_t rank, dims[MW_MAX_RANK], from_slice = 0, from_indices = 0;

    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    MWI_TRY(mwi_window_index_check(ctx, &w, x->rank, indices, &rank));
    if (a->sizes.n != (size_t)x->rank)
        return mwi_fail(ctx, MW_EFORMAT, "%zu slice sizes for rank %d", a->sizes.n, x->rank);
    for (int32_t k = 0; k < x->rank; k++)
        if (a->sizes.v[k] < 0 || a->sizes.v[k] > x->dims[k] ||
            (mwi_is_in(&a->collapsed, k) && a->sizes.v[k] != 1))
            return mwi_fail(ctx, MW_EFORMAT, "slice size %d is %lld of %d%s", k,
                            (long long)a->sizes.v[k], x->dims[k],
                            mwi_is_in(&a->collapsed, k) ? ", allowed 1" : "");
    for (int32_t d = 0; d < rank; d++) {
        if (mwi_is_in(&a->offset_dims, d)) {
            while (mwi_is_in(&a->collapsed, from_slice)) from_slice++;
            dims[d] = (int32_t)a->sizes.v[from_slice++];
        } else {
            if (from_indices == a->vector_dim) from_indices++;
            dims[d] = indices->dims[from_indices++];
        }
    }
    mwi_view_set_dims(&call->out[0], rank, dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const attr *const a = call->attr;
    const mwi_window_index w = index_of(a);
    const size_t element = mwi_element_bytes(x), n = mwi_view_count(out);
    int64_t at[MW_MAX_RANK] = {0}, start[MW_MAX_RANK], inside[MW_MAX_RANK];

    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        size_t place = 0;
        mwi_window_index_at(&w, x->rank, &call->in[1], at, out->rank, start, inside);
        for (int32_t k = 0; k < x->rank; k++) {
            const int64_t last = x->dims[k] - a->sizes.v[k];
            const int64_t s = start[k] < 0 ? 0 : start[k] > last ? last : start[k];
            place = place * (size_t)x->dims[k] + (size_t)(s + inside[k]);
        }
        memcpy((char *)out->data + i * element, (const char *)x->data + place * element, element);
        for (int32_t k = out->rank; k-- > 0;) {
            if (++at[k] < out->dims[k]) break;
            at[k] = 0;
        }
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_stablehlo_gather__ref", .types = MWI_MOVED ",i32|i64>=", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_stablehlo_gather = {
    .name = "STABLEHLO_GATHER",
    .tflite_code = 201,
    .options2_type = 16,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
