/* ops/huber.c - HUBER(values, labels): the mean over the last axis of e^2 / 2 where the
 * difference |e| is at most delta, else delta * |e| - delta^2 / 2; and its derivative.
 * Depends: ops/loss.  Used by: training.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/loss.h"

#include <math.h>

typedef struct attr {
    float delta;
} attr;

static const mwi_field fields[] = {
    {"delta", offsetof(attr, delta), MWI_FIELD_F32, -1, 1, 0, 1e30, NULL},
    MWI_FIELDS_END,
};

static double sample(const void *pa, const float *x, const float *labels, size_t n, float *d)
{
    const double delta = (double)((const attr *)pa)->delta;
    double loss = 0;

    for (size_t i = 0; i < n; i++) {
        const double e = (double)x[i] - (double)labels[i], size = fabs(e);
        loss += size <= delta ? e * e / 2 : delta * size - delta * delta / 2;
        d[i] = (float)(fmax(-delta, fmin(delta, e)) / (double)n);
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
    {.name = "f32_huber__ref", .types = "f32,f32>f32,f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_huber = {
    .name = "HUBER",
    .tflite_code = -1,
    .min_in = 2,
    .max_in = 2,
    .min_out = 2,
    .max_out = 2,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = mwi_loss_infer,
    .gradient = mwi_loss_gradient,
};
