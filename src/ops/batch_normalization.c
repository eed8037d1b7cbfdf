/* ops/batch_normalization.c - BATCH_NORMALIZATION as Keras trains it, at inference:
 * gamma * (x - mean) / sqrt(variance + epsilon) + beta over the last axis. Passes fold it into the
 * layer before it, or write it as MUL and ADD.
 * Inputs: x, gamma?, beta?, moving mean, moving variance.
 * Depends: ops/registry, ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/registry.h"
#include "ops/shapes.h"

#include <math.h>

typedef struct attr {
    float epsilon;
    float momentum;         /* training: moving = moving * momentum + batch * (1 - momentum) */
    bool unbiased_variance; /* training: the batch's variance is that of n - 1 there */
} attr;

static const mwi_field fields[] = {
    {"epsilon", offsetof(attr, epsilon), MWI_FIELD_F32, -1, 1e-3, 0.0, 1e30, NULL},
    {"momentum", offsetof(attr, momentum), MWI_FIELD_F32, -1, 0.99, 1, 0, NULL},
    {"unbiased_variance", offsetof(attr, unbiased_variance), MWI_FIELD_BOOL, -1, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0];

    if (x->rank < 1) return mwi_fail(ctx, MW_EFORMAT, "input of rank 0");
    for (size_t i = 1; i < 5; i++) {
        const mwi_view *const p = &call->in[i];
        if (p->tensor == NULL && i <= 2) continue;
        if (p->tensor == NULL || p->rank != 1 || p->dims[0] != x->dims[x->rank - 1])
            return mwi_fail(ctx, MW_EFORMAT, "parameter %zu does not have %d values", i,
                            x->dims[x->rank - 1]);
    }
    return mwi_infer_same(ctx, call);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0];
    const float *const in = x->data, *const gamma = call->in[1].data,
                       *const beta = call->in[2].data;
    const float *const mean = call->in[3].data, *const variance = call->in[4].data;
    const float epsilon = ((const attr *)call->attr)->epsilon;
    const size_t channels = (size_t)x->dims[x->rank - 1], n = x->bytes / sizeof *in;
    float *const out = call->out[0].data;

    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        const size_t c = i % channels;
        const float scale = (gamma == NULL ? 1.0f : gamma[c]) / sqrtf(variance[c] + epsilon);
        out[i] = in[i] * scale + ((beta == NULL ? 0.0f : beta[c]) - mean[c] * scale);
    }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_batch_normalization__ref", .types = "f32,f32?,f32?,f32,f32>f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_batch_normalization = {
    .name = "BATCH_NORMALIZATION",
    .tflite_code = -1,
    .min_in = 5,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_TRAINING_ONLY | MWI_OP_PER_SAMPLE,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
