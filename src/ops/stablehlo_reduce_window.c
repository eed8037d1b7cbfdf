/* ops/stablehlo_reduce_window.c - STABLEHLO_REDUCE_WINDOW: what a subgraph of one operator does,
 * over windows of input 0, spread and padded, from the value in input 1.
 * Depends: ops/reduce_windows.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/reduce_windows.h"

typedef struct attr {
    mwi_i64s size, stride, base, dilation, padding;
    int32_t body;
} attr;

static const mwi_field fields[] = {
    {"window_dimensions", offsetof(attr, size), MWI_FIELD_I64S, 0, 0, 1, 0, NULL},
    {"window_strides", offsetof(attr, stride), MWI_FIELD_I64S, 1, 0, 1, 0, NULL},
    {"base_dilations", offsetof(attr, base), MWI_FIELD_I64S, 2, 0, 1, 0, NULL},
    {"window_dilations", offsetof(attr, dilation), MWI_FIELD_I64S, 3, 0, 1, 0, NULL},
    {"padding", offsetof(attr, padding), MWI_FIELD_I64S, 4, 0, 1, 0, NULL},
    {"body_subgraph_index", offsetof(attr, body), MWI_FIELD_I32, 5, 0, 0, INT32_MAX, NULL},
    MWI_FIELDS_END,
};

/* A list that is not there is all `otherwise`. */
static mw_status put(mw_ctx *ctx, const mwi_i64s *list, size_t rank, int64_t otherwise,
                     const char *what, int64_t *out)
{
    if (list->n != 0 && list->n != rank)
        return mwi_fail(ctx, MW_EFORMAT, "%s has %zu numbers for rank %zu", what, list->n, rank);
    for (size_t i = 0; i < rank; i++) out[i] = list->n == 0 ? otherwise : list->v[i];
    return MW_OK;
}

static mw_status windows_of(mw_ctx *ctx, const attr *a, int32_t of_rank, mwi_nd_windows *w)
{
    const size_t rank = (size_t)of_rank;
    int64_t padding[2 * MW_MAX_RANK];

    MWI_TRY(put(ctx, &a->size, rank, 0, "window_dimensions", w->size));
    MWI_TRY(put(ctx, &a->stride, rank, 1, "window_strides", w->stride));
    MWI_TRY(put(ctx, &a->base, rank, 1, "base_dilations", w->base));
    MWI_TRY(put(ctx, &a->dilation, rank, 1, "window_dilations", w->dilation));
    MWI_TRY(put(ctx, &a->padding, 2 * rank, 0, "padding", padding));
    for (size_t i = 0; i < rank; i++) {
        w->low[i] = padding[2 * i];
        w->high[i] = padding[2 * i + 1];
    }
    return MW_OK;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    mwi_nd_windows w;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    MWI_TRY(windows_of(ctx, call->attr, call->in[0].rank, &w));
    return mwi_nd_windows_infer(ctx, call, &w);
}

typedef struct state {
    mwi_nd_windows windows;
    mwi_combine_fn combine;
} state;

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const attr *const a = call->attr;
    int32_t function;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(state), &call->state));
    state *const s = call->state;
    MWI_TRY(windows_of(ctx, a, call->in[0].rank, &s->windows));
    MWI_TRY(mwi_combine_of(ctx, call->host, a->body, &function));
    s->combine = mwi_combine(function, call->in[0].dtype);
    if (s->combine != NULL && function != MWI_COMBINE_UPDATE) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED, "its body does not reduce values of %s",
                    mw_dtype_name(call->in[0].dtype));
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const state *const s = call->state;

    (void)ctx;
    mwi_nd_windows_run(call, &s->windows, s->combine);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_stablehlo_reduce_window__ref",
     .types = "bool|i8|i16|i32|i64|u8|f32|f64,=>=",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_stablehlo_reduce_window = {
    .name = "STABLEHLO_REDUCE_WINDOW",
    .tflite_code = 198,
    .options2_type = 13,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_STATEFUL, /* a subgraph says what it does */
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
