/* ops/sum_grad.c - SUM_GRAD(dy, x, axes): dy spread over the axes of x that SUM took; of MEAN,
 * divided by their size.
 * Depends: ops/strided.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/reduce.h"

typedef struct attr {
    bool mean;
} attr;

static const mwi_field fields[] = {
    {"mean", offsetof(attr, mean), MWI_FIELD_BOOL, -1, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    MWI_TRY(mwi_reduce_infer_kept(ctx, call, 1, 2, 0));
    mwi_view_set_dims(&call->out[0], call->in[1].rank, call->in[1].dims);
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[1];
    mwi_spread s;

    (void)ctx;
    mwi_spread_plan(&call->in[2], x, &s);
    const float factor =
        ((const attr *)call->attr)->mean && s.n_gone > 0 ? 1.0f / (float)s.n_gone : 1.0f;
    const float *const dy = call->in[0].data;
    float *const dx = call->out[0].data;
    for (size_t i = 0; i < mwi_view_count(x); i++) dx[i] = dy[mwi_spread_place(&s, i)] * factor;
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_sum_grad__ref", .types = "f32,f32,i32>f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_sum_grad = {
    .name = "SUM_GRAD",
    .tflite_code = -1,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
