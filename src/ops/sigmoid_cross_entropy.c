/* ops/sigmoid_cross_entropy.c - SIGMOID_CROSS_ENTROPY(logits, labels): the mean over the last axis
 * of
 * -(p log q + (1 - p) log(1 - q)) for q = logistic(logits), and its derivative. label_smoothing s
 * makes the labels p * (1 - s) + s / 2.
 * Depends: ops/loss.  Used by: training.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/loss.h"

#include <math.h>

typedef struct attr {
    float label_smoothing;
} attr;

static const mwi_field fields[] = {
    {"label_smoothing", offsetof(attr, label_smoothing), MWI_FIELD_F32, -1, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static double sample(const void *pa, const float *x, const float *labels, size_t n, float *d)
{
    const double s = (double)((const attr *)pa)->label_smoothing;
    double loss = 0;

    for (size_t i = 0; i < n; i++) {
        const double v = (double)x[i], p = (double)labels[i] * (1 - s) + s / 2;
        const double e = exp(-fabs(v)); /* of log(1 + exp(v)) without overflow */
        loss += fmax(v, 0) - v * p + log1p(e);
        d[i] = (float)(((v >= 0 ? 1 : e) / (1 + e) - p) / (double)n);
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
    {.name = "f32_sigmoid_cross_entropy__ref", .types = "f32,f32>f32,f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_sigmoid_cross_entropy = {
    .name = "SIGMOID_CROSS_ENTROPY",
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
