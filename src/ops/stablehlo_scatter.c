/* ops/stablehlo_scatter.c - STABLEHLO_SCATTER: input 0 with the updates (input 2) put, added, ...
 * where the vectors of input 1 say; what falls outside is left out.
 * Depends: ops/window_index, ops/combine.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/combine.h"
#include "ops/window_index.h"

#include <string.h>

typedef struct attr {
    bool sorted;
    mwi_i64s window_dims, inserted, map;
    int64_t vector_dim;
    bool unique;
    int32_t body;
} attr;

static const mwi_field fields[] = {
    {"indices_are_sorted", offsetof(attr, sorted), MWI_FIELD_BOOL, 0, 0, 1, 0, NULL},
    {"update_window_dims", offsetof(attr, window_dims), MWI_FIELD_I64S, 1, 0, 1, 0, NULL},
    {"inserted_window_dims", offsetof(attr, inserted), MWI_FIELD_I64S, 2, 0, 1, 0, NULL},
    {"scatter_dims_to_operand_dims", offsetof(attr, map), MWI_FIELD_I64S, 3, 0, 1, 0, NULL},
    {"index_vector_dim", offsetof(attr, vector_dim), MWI_FIELD_I64, 4, 0, 1, 0, NULL},
    {"unique_indices", offsetof(attr, unique), MWI_FIELD_BOOL, 5, 0, 1, 0, NULL},
    {"update_computation_subgraph_index", offsetof(attr, body), MWI_FIELD_I32, 6, 0, 0, INT32_MAX,
     NULL},
    MWI_FIELDS_END,
};

static mwi_window_index index_of(const attr *a)
{
    return (mwi_window_index){&a->window_dims, &a->inserted, &a->map, a->vector_dim};
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0], *const indices = &call->in[1],
                          *const updates = &call->in[2];
    const attr *const a = call->attr;
    const mwi_window_index w = index_of(a);
    int32_t rank, from_indices = 0;

    for (size_t i = 0; i < 3; i++) MWI_TRY(mwi_need_input(ctx, call, i, 0, MW_MAX_RANK));
    MWI_TRY(mwi_window_index_check(ctx, &w, x->rank, indices, &rank));
    if (updates->rank != rank)
        return mwi_fail(ctx, MW_EFORMAT, "updates of rank %d, allowed %d", updates->rank, rank);
    for (int32_t d = 0; d < rank; d++) {
        if (mwi_is_in(&a->window_dims, d)) continue;
        if (from_indices == a->vector_dim) from_indices++;
        if (updates->dims[d] != indices->dims[from_indices++])
            return mwi_fail(ctx, MW_EFORMAT, "dimension %d of the updates is %d, the indices' %d",
                            d, updates->dims[d], indices->dims[from_indices - 1]);
    }
    return mwi_infer_same(ctx, call);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    int32_t function;

    MWI_TRY(mwi_combine_of(ctx, call->host, ((const attr *)call->attr)->body, &function));
    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_combine_fn), &call->state));
    *(mwi_combine_fn *)call->state = mwi_combine(function, call->in[0].dtype);
    if (*(mwi_combine_fn *)call->state != NULL) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED, "its body does not combine values of %s",
                    mw_dtype_name(call->in[0].dtype));
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0], *const updates = &call->in[2],
                          *const out = &call->out[0];
    const mwi_combine_fn combine = *(const mwi_combine_fn *)call->state;
    const mwi_window_index w = index_of(call->attr);
    const size_t element = mw_dtype_bits(x->dtype) / 8, n = mwi_view_count(updates);
    int64_t at[MW_MAX_RANK] = {0}, start[MW_MAX_RANK], inside[MW_MAX_RANK];

    (void)ctx;
    if (x->bytes > 0) memcpy(out->data, x->data, x->bytes);
    for (size_t i = 0; i < n; i++) {
        size_t place = 0;
        bool is_in = true;
        mwi_window_index_at(&w, x->rank, &call->in[1], at, updates->rank, start, inside);
        for (int32_t k = 0; k < x->rank; k++) {
            is_in = is_in && start[k] >= -inside[k] && start[k] < x->dims[k] - inside[k];
            place = place * (size_t)x->dims[k] + (size_t)start[k] + (size_t)inside[k];
        }
        if (is_in)
            combine((char *)out->data + place * element, (const char *)updates->data + i * element);
        for (int32_t k = updates->rank; k-- > 0;) {
            if (++at[k] < updates->dims[k]) break;
            at[k] = 0;
        }
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_stablehlo_scatter__ref",
     .types = "f16|f32|f64|i8|i16|i32|i64|u8|u16|u32|u64|bool,i32|i64,=>=",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_stablehlo_scatter = {
    .name = "STABLEHLO_SCATTER",
    .tflite_code = 190,
    .options2_type = 7,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_STATEFUL, /* a subgraph says what it does */
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
