/* ops/log_softmax_grad.c - LOG_SOFTMAX_GRAD(y, dy): dy - exp(y) * sum(dy) over the last axis.
 * Depends: ops/shapes.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"

#include <math.h>

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_need_same_shapes(ctx, call, 0, 1));
    return mwi_infer_same(ctx, call);
}

static void rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const mwi_view *const v = &call->in[0];
    const size_t depth = (size_t)v->dims[v->rank - 1];

    (void)thread;
    for (size_t r = begin; r < end; r++) {
        const float *const y = (const float *)v->data + r * depth;
        const float *const dy = (const float *)call->in[1].data + r * depth;
        float *const dx = (float *)call->out[0].data + r * depth;
        double sum = 0;
        for (size_t c = 0; c < depth; c++) sum += (double)dy[c];
        for (size_t c = 0; c < depth; c++) dx[c] = (float)((double)dy[c] - exp((double)y[c]) * sum);
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_run_rows(call, &call->in[0], rows);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_log_softmax_grad__ref", .types = "f32,f32>f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_log_softmax_grad = {
    .name = "LOG_SOFTMAX_GRAD",
    .tflite_code = -1,
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY | MWI_OP_INPLACE,
    .kernels = kernels,
    .infer = infer,
};
