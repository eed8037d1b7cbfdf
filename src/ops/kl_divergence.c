/* ops/kl_divergence.c - KL_DIVERGENCE(logits, teacher's logits): for each row of the last axis
 * T^2 * sum(p log(p / q)), with q = softmax(logits / T) and p = softmax(teacher / T), T the
 * temperature; and its derivative T * (q - p). The T^2 keeps the size of gradients (Hinton).
 * Depends: ops/loss.  Used by: distillation.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/loss.h"

#include <math.h>

typedef struct attr {
    float temperature;
} attr;

static const mwi_field fields[] = {
    {"temperature", offsetof(attr, temperature), MWI_FIELD_F32, -1, 1, 1e-3, 1e30, NULL},
    MWI_FIELDS_END,
};

static double sample(const void *pa, const float *x, const float *teacher, size_t n, float *d)
{
    const double t = (double)((const attr *)pa)->temperature;
    const double all = mwi_log_sum_exp(x, n, 1 / t), all_p = mwi_log_sum_exp(teacher, n, 1 / t);
    double loss = 0;

    for (size_t i = 0; i < n; i++) {
        const double log_q = (double)x[i] / t - all, log_p = (double)teacher[i] / t - all_p;
        loss += exp(log_p) * (log_p - log_q);
        d[i] = (float)(t * (exp(log_q) - exp(log_p)));
    }
    return t * t * loss;
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_loss_run(call, sample);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_kl_divergence__ref", .types = "f32,f32>f32,f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_kl_divergence = {
    .name = "KL_DIVERGENCE",
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
