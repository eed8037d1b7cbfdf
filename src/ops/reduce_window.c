/* ops/reduce_window.c - REDUCE_WINDOW: a function over windows (their shape, strides and dilations
 * in inputs 2 to 4) of input 0, from the value in input 1.
 * Depends: ops/reduce_windows, ops/strided.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/reduce_windows.h"
#include "ops/strided.h"

typedef struct attr {
    int32_t function;
} attr;

static const char *const names[] = {"UNSUPPORTED", "ADD", "MUL", "MINIMUM",
                                    "MAXIMUM",     "ALL", "ANY"};
static const mwi_field fields[] = {
    {"reduce_function", offsetof(attr, function), MWI_FIELD_ENUM, 0, 0, 0, 6, names},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    mwi_nd_windows w = {.size = {0}};
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    int64_t *const lists[] = {w.size, w.stride, w.dilation};
    for (size_t i = 0; i < MWI_COUNT(lists); i++) {
        MWI_TRY(mwi_need_input(ctx, call, i + 2, 1, 1));
        if (call->in[i + 2].dims[0] != call->in[0].rank)
            return mwi_fail(ctx, MW_EFORMAT, "input %zu has %d numbers for rank %d", i + 2,
                            call->in[i + 2].dims[0], call->in[0].rank);
        MWI_TRY(mwi_param_ints(ctx, call, i + 2, MW_MAX_RANK, lists[i], &n));
        if (call->unknown) return MW_OK;
    }
    for (int32_t k = 0; k < call->in[0].rank; k++) w.base[k] = 1;
    return mwi_nd_windows_infer(ctx, call, &w);
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    const int32_t function = ((const attr *)call->attr)->function;

    if (mwi_combine(function, call->in[0].dtype) != NULL) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED, "function %s", names[function]);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    mwi_nd_windows w = {.size = {0}};

    (void)ctx;
    (void)mwi_run_ints(&call->in[2], w.size, MW_MAX_RANK);
    (void)mwi_run_ints(&call->in[3], w.stride, MW_MAX_RANK);
    (void)mwi_run_ints(&call->in[4], w.dilation, MW_MAX_RANK);
    for (int32_t k = 0; k < call->in[0].rank; k++) w.base[k] = 1;
    mwi_nd_windows_run(call, &w,
                       mwi_combine(((const attr *)call->attr)->function, call->in[0].dtype));
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "any_reduce_window__ref",
     .types = "bool|i8|i16|i32|i64|u8|f32|f64,=,i64,i64,i64>=",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_reduce_window = {
    .name = "REDUCE_WINDOW",
    .tflite_code = 205,
    .options2_type = 20,
    .min_in = 5,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
