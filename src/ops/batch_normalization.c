/* ops/batch_normalization.c - BATCH_NORMALIZATION as Keras trains it, at inference:
 * gamma * (x - mean) / sqrt(variance + epsilon) + beta over the last axis. Passes fold it into the
 * layer before it, or write it as MUL and ADD.
 * Inputs: x, gamma?, beta?, moving mean, moving variance.
 * Depends: ops/registry, ops/shapes.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
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

/* With the statistics as they are: x_hat = (x - mean) / sqrt(variance + epsilon), y = gamma * x_hat
 * + beta. */
typedef struct parts {
    int32_t inverse, x_hat, scale; /* 1 / sqrt(variance + epsilon), and gamma times it */
} parts;

static mw_status forward(mw_ctx *ctx, const mwi_gradient_call *call, parts *p)
{
    const mwi_emitter *const at = &call->at;
    const int32_t *const in = at->op->in;
    int32_t t;

    MWI_TRY(mwi_emit_float(ctx, at, (double)((const attr *)at->op->attr)->epsilon, &t));
    MWI_TRY(mwi_emit2(ctx, at, &mwi_op_add, in[4], t, &t));
    MWI_TRY(mwi_emit1(ctx, at, &mwi_op_rsqrt, t, &p->inverse));
    MWI_TRY(mwi_emit2(ctx, at, &mwi_op_sub, in[0], in[3], &t));
    MWI_TRY(mwi_emit2(ctx, at, &mwi_op_mul, t, p->inverse, &p->x_hat));
    p->scale = p->inverse;
    return in[1] < 0 ? MW_OK : mwi_emit2(ctx, at, &mwi_op_mul, in[1], p->inverse, &p->scale);
}

/* What the statistics get: -sum(dy) * scale; -sum(dy * x_hat) * scale * inverse / 2. */
static mw_status of_statistics(mw_ctx *ctx, mwi_gradient_call *call, const parts *p, int32_t sum,
                               int32_t product)
{
    int32_t t;

    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, sum, p->scale, &t));
    MWI_TRY(mwi_emit1(ctx, &call->at, &mwi_op_neg, t, &call->d_in[3]));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, product, p->scale, &t));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, t, p->inverse, &t));
    return mwi_emit_scaled(ctx, &call->at, t, -0.5, &call->d_in[4]);
}

static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t dy = call->d_out[0];
    int32_t t, sum, product;
    parts p;

    MWI_TRY(forward(ctx, call, &p));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, dy, p.scale, &call->d_in[0]));
    MWI_TRY(mwi_emit1(ctx, &call->at, &mwi_op_bias_grad, dy, &sum));
    MWI_TRY(mwi_emit2(ctx, &call->at, &mwi_op_mul, dy, p.x_hat, &t));
    MWI_TRY(mwi_emit1(ctx, &call->at, &mwi_op_bias_grad, t, &product));
    call->d_in[1] = product;
    call->d_in[2] = sum;
    return of_statistics(ctx, call, &p, sum, product);
}

const mwi_op_desc mwi_op_batch_normalization = {
    .name = "BATCH_NORMALIZATION",
    .tflite_code = -1,
    .min_in = 5,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_INPLACE | MWI_OP_TRAINING_ONLY | MWI_OP_PER_SAMPLE | MWI_OP_BY_CHANNEL,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
    .gradient = gradient,
};
