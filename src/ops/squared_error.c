/* ops/squared_error.c - SQUARED_ERROR(values, labels): the mean over the last axis of their squared
 * difference, and its derivative.
 * Depends: ops/loss.  Used by: training.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/loss.h"

static double sample(const void *pa, const float *x, const float *labels, size_t n, float *d)
{
    double loss = 0;

    (void)pa;
    for (size_t i = 0; i < n; i++) {
        const double e = (double)x[i] - (double)labels[i];
        loss += e * e;
        d[i] = (float)(2 * e / (double)n);
    }
    return loss / (double)n;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_loss_run(call, sample);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_squared_error__ref", .types = "f32,f32>f32,f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_squared_error = {
    .name = "SQUARED_ERROR",
    .tflite_code = -1,
    .min_in = 2,
    .max_in = 2,
    .min_out = 2,
    .max_out = 2,
    .traits = MWI_OP_TRAINING_ONLY,
    .kernels = kernels,
    .infer = mwi_loss_infer,
    .gradient = mwi_loss_gradient,
};
