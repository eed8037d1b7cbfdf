/* ops/select_v2.c - SELECT_V2: x where the condition holds, else y; all three broadcast.
 * Depends: ops/choose.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/choose.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    int32_t rank = 0, dims[MW_MAX_RANK];

    for (size_t k = 0; k < 3; k++) {
        MWI_TRY(mwi_need_input(ctx, call, k, 0, MW_MAX_RANK));
        if (call->in[k].rank > rank) rank = call->in[k].rank;
    }
    for (int32_t i = 0; i < rank; i++) {
        dims[i] = 1;
        for (size_t k = 0; k < 3; k++) {
            const mwi_view *const v = &call->in[k];
            const int32_t at = i - (rank - v->rank), d = at < 0 ? 1 : v->dims[at];
            if (d != 1 && dims[i] != 1 && d != dims[i])
                return mwi_fail(ctx, MW_EFORMAT, "dimension %d is %d and %d: they do not broadcast",
                                i, dims[i], d);
            if (d != 1) dims[i] = d;
        }
    }
    if (!mwi_choose_keeps_shape(call)) mwi_view_set_dims(&call->out[0], rank, dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    return mwi_choose_run(call, false);
}

static int32_t version(const mwi_shape_call *call)
{
    return call->in[1].dtype == MW_UINT32 ? 2 : 1;
}

static const mwi_kernel kernels[] = {
    {.name = "any_select_v2__ref", .types = "bool," MWI_MOVED ",=1>=1", .run = run},
    {.name = NULL},
};

static const mwi_quant_rule quant = {.quantizable = true,
                                     .weight = -1,
                                     .axis = -1,
                                     .bias = -1,
                                     .flags = MWI_QUANT_INPUTS_SAME,
                                     .data_inputs = {1, 2, -1}};

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    return mwi_gradient_chosen(ctx, call, call->at.op->in[0], 1, 2);
}

const mwi_op_desc mwi_op_select_v2 = {
    .name = "SELECT_V2",
    .tflite_code = 123,
    .options_type = 98,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_PER_SAMPLE,
    .kernels = kernels,
    .quant = &quant,
    .infer = infer,
    .gradient = gradient,
    .version = version,
};
