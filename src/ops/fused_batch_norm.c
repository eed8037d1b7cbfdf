/* ops/fused_batch_norm.c - FUSED_BATCH_NORM(x, gamma?, beta?): batch normalisation as it is
 * trained, over all dimensions but the last: y = gamma * (x - mean) / sqrt(variance + epsilon) +
 * beta, and the mean and variance (divided by n) of this batch.
 * Depends: ops/shapes, ops/gradient.  Used by: training.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/gradient.h"
#include "ops/shapes.h"

#include <math.h>

typedef struct attr {
    float epsilon;
} attr;

static const mwi_field fields[] = {
    {"epsilon", offsetof(attr, epsilon), MWI_FIELD_F32, -1, 1e-3, 0.0, 1e30, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    const mwi_view *const x = &call->in[0];
    const int32_t *const channels = &x->dims[x->rank - 1];
    for (size_t i = 1; i < 3; i++)
        if (call->in[i].tensor != NULL &&
            (call->in[i].rank != 1 || call->in[i].dims[0] != *channels))
            return mwi_fail(ctx, MW_EFORMAT, "input %zu does not have %d values", i, *channels);
    if (mwi_view_count(x) == 0) return mwi_fail(ctx, MW_EFORMAT, "no values to take the mean of");
    mwi_view_set_dims(&call->out[0], x->rank, x->dims);
    mwi_view_set_dims(&call->out[1], 1, channels);
    mwi_view_set_dims(&call->out[2], 1, channels);
    return MW_OK;
}

static void channels(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const size_t step = (size_t)call->out[1].dims[0], n = mwi_view_count(&call->in[0]);
    const float *const x = call->in[0].data, *const gamma = call->in[1].data,
                       *const beta = call->in[2].data;
    const double epsilon = (double)((const attr *)call->attr)->epsilon;
    float *const y = call->out[0].data;

    (void)thread;
    for (size_t c = begin; c < end; c++) {
        double mean = 0, variance = 0;
        for (size_t i = c; i < n; i += step) mean += (double)x[i];
        mean /= (double)(n / step);
        for (size_t i = c; i < n; i += step)
            variance += ((double)x[i] - mean) * ((double)x[i] - mean);
        variance /= (double)(n / step);
        const double scale = (gamma == NULL ? 1 : (double)gamma[c]) / sqrt(variance + epsilon);
        const double shift = beta == NULL ? 0 : (double)beta[c];
        for (size_t i = c; i < n; i += step) y[i] = (float)(((double)x[i] - mean) * scale + shift);
        ((float *)call->out[1].data)[c] = (float)mean;
        ((float *)call->out[2].data)[c] = (float)variance;
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_par_for(call->pool, (size_t)call->out[1].dims[0], 4, channels, (void *)(uintptr_t)call);
    return MW_OK;
}

/* Mean and variance go to moving averages: nothing flows through them. */
static mw_status gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const mwi_op *const op = call->at.op;
    int32_t d[3];

    if (call->d_out[1] >= 0 || call->d_out[2] >= 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "the loss depends on the batch's mean or variance");
    MWI_TRY(mwi_emit_n(ctx, &call->at, &mwi_op_fused_batch_norm_grad,
                       MWI_IN(call->d_out[0], op->in[0], op->in[1], op->out[1], op->out[2]),
                       mwi_same_settings, d, 3));
    for (size_t i = 0; i < 3; i++)
        if (op->in[i] >= 0 && call->wanted[i]) call->d_in[i] = d[i];
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_fused_batch_norm__ref", .types = "f32,f32?,f32?>f32,f32,f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_fused_batch_norm = {
    .name = "FUSED_BATCH_NORM",
    .tflite_code = -1,
    .min_in = 3,
    .max_in = 3,
    .min_out = 3,
    .max_out = 3,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
    .gradient = gradient,
};
