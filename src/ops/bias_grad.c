/* ops/bias_grad.c - BIAS_GRAD: the sum over all dimensions but the last: the gradient of a bias.
 * Depends: ops/shapes.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    const mwi_view *const x = &call->in[0];
    mwi_view_set_dims(&call->out[0], 1, &x->dims[x->rank - 1]);
    return MW_OK;
}

static void channels(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const size_t n_channels = (size_t)call->out[0].dims[0], n = mwi_view_count(&call->in[0]);
    const float *const in = call->in[0].data;

    (void)thread;
    for (size_t c = begin; c < end; c++) {
        double sum = 0;
        for (size_t i = c; i < n; i += n_channels) sum += (double)in[i];
        ((float *)call->out[0].data)[c] = (float)sum;
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_par_for(call->pool, (size_t)call->out[0].dims[0], 16, channels, (void *)(uintptr_t)call);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_bias_grad__ref", .types = "f32>f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_bias_grad = {
    .name = "BIAS_GRAD",
    .tflite_code = -1,
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY,
    .kernels = kernels,
    .infer = infer,
};
