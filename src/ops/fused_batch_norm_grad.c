/* ops/fused_batch_norm_grad.c - FUSED_BATCH_NORM_GRAD(dy, x, gamma?, mean, variance): the
 * gradients of FUSED_BATCH_NORM's x, gamma and beta; mean and variance depend on x.
 * Depends: ops/shapes.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
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
    MWI_TRY(mwi_need_same_shapes(ctx, call, 0, 1));
    MWI_TRY(mwi_need_input(ctx, call, 1, 1, MW_MAX_RANK));
    const mwi_view *const x = &call->in[1];
    const int32_t *const channels = &x->dims[x->rank - 1];
    for (size_t i = 2; i < 5; i++) {
        if (i == 2 && call->in[i].tensor == NULL) continue;
        MWI_TRY(mwi_need_input(ctx, call, i, 1, 1));
        if (call->in[i].dims[0] != *channels)
            return mwi_fail(ctx, MW_EFORMAT, "input %zu does not have %d values", i, *channels);
    }
    mwi_view_set_dims(&call->out[0], x->rank, x->dims);
    mwi_view_set_dims(&call->out[1], 1, channels);
    mwi_view_set_dims(&call->out[2], 1, channels);
    return MW_OK;
}

static void channels(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const size_t step = (size_t)call->out[1].dims[0], n = mwi_view_count(&call->in[0]);
    const float *const dy = call->in[0].data, *const x = call->in[1].data,
                       *const gamma = call->in[2].data, *const means = call->in[3].data,
                       *const variances = call->in[4].data;
    const double epsilon = (double)((const attr *)call->attr)->epsilon;

    (void)thread;
    for (size_t c = begin; c < end; c++) {
        const double mean = (double)means[c], inverse = 1 / sqrt((double)variances[c] + epsilon);
        const double scale = (gamma == NULL ? 1 : (double)gamma[c]) * inverse;
        const double count = (double)(n / step);
        double sum = 0, product = 0; /* of dy, of dy and the normalised x */
        for (size_t i = c; i < n; i += step) {
            sum += (double)dy[i];
            product += (double)dy[i] * ((double)x[i] - mean) * inverse;
        }
        for (size_t i = c; i < n; i += step)
            ((float *)call->out[0].data)[i] =
                (float)(scale * ((double)dy[i] - sum / count -
                                 ((double)x[i] - mean) * inverse * product / count));
        ((float *)call->out[1].data)[c] = (float)product;
        ((float *)call->out[2].data)[c] = (float)sum;
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_par_for(call->pool, (size_t)call->out[1].dims[0], 4, channels, (void *)(uintptr_t)call);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_fused_batch_norm_grad__ref",
     .types = "f32,f32,f32?,f32,f32>f32,f32,f32",
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_fused_batch_norm_grad = {
    .name = "FUSED_BATCH_NORM_GRAD",
    .tflite_code = -1,
    .min_in = 5,
    .max_in = 5,
    .min_out = 3,
    .max_out = 3,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
};
