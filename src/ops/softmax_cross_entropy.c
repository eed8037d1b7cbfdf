/* ops/softmax_cross_entropy.c - SOFTMAX_CROSS_ENTROPY(logits, labels): for each row of the last
 * axis -sum(p log softmax(logits)), and its derivative softmax(logits) * sum(p) - p. Labels are
 * probabilities p of the logits' shape, or class numbers (int32, int64) of one dimension less;
 * label_smoothing s makes them p * (1 - s) + s / classes.
 * Depends: ops/loss.  Used by: training.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/loss.h"

#include <math.h>
#include <string.h>

typedef struct attr {
    float label_smoothing;
} attr;

static const mwi_field fields[] = {
    {"label_smoothing", offsetof(attr, label_smoothing), MWI_FIELD_F32, -1, 0, 0, 1, NULL},
    MWI_FIELDS_END,
};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_loss_infer_outputs(ctx, call));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    if (call->in[1].dtype == MW_FLOAT32) return mwi_loss_infer(ctx, call);
    if (!mwi_view_same_dims(&call->in[1], &call->out[0]))
        return mwi_fail(ctx, MW_EFORMAT, "%zu class numbers for %zu rows",
                        mwi_view_count(&call->in[1]), mwi_view_count(&call->out[0]));
    return MW_OK;
}

static double sample(const void *pa, const float *x, const float *labels, size_t n, float *d)
{
    const double s = (double)((const attr *)pa)->label_smoothing, all = mwi_log_sum_exp(x, n, 1);
    double loss = 0, total = 0;

    for (size_t c = 0; c < n; c++) {
        const double p = (double)labels[c] * (1 - s) + s / (double)n;
        loss -= p * ((double)x[c] - all);
        total += p;
    }
    for (size_t c = 0; c < n; c++)
        d[c] = (float)(exp((double)x[c] - all) * total -
                       ((double)labels[c] * (1 - s) + s / (double)n));
    return loss;
}

static mw_status run_dense(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_loss_run(call, sample);
    return MW_OK;
}

/* ---- class numbers ---- */

static int64_t class_of(const mwi_view *labels, size_t i)
{
    return labels->dtype == MW_INT64 ? ((const int64_t *)labels->data)[i]
                                     : ((const int32_t *)labels->data)[i];
}

static void samples(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const mwi_view *const v = &call->in[0];
    const size_t n = (size_t)v->dims[v->rank - 1];
    const double s = (double)((const attr *)call->attr)->label_smoothing;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const float *const x = (const float *)v->data + i * n;
        float *const d = (float *)call->out[1].data + i * n;
        const size_t label = (size_t)class_of(&call->in[1], i);
        const double all = mwi_log_sum_exp(x, n, 1);
        double sum = 0;
        for (size_t c = 0; c < n; c++) {
            sum += (double)x[c] - all;
            d[c] = (float)(exp((double)x[c] - all) - s / (double)n - (c == label ? 1 - s : 0));
        }
        ((float *)call->out[0].data)[i] =
            (float)(-(1 - s) * ((double)x[label] - all) - s / (double)n * sum);
    }
}

static mw_status run_sparse(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const x = &call->in[0];
    const size_t n = mwi_view_count(&call->in[1]);
    const int64_t classes = x->dims[x->rank - 1];

    for (size_t i = 0; i < n; i++) {
        const int64_t c = class_of(&call->in[1], i);
        if (c < 0 || c >= classes)
            return mwi_fail(ctx, MW_EINVAL, "label %lld, allowed 0 to %lld", (long long)c,
                            (long long)classes - 1);
    }
    mwi_par_for(call->pool, n, 64, samples, (void *)(uintptr_t)call);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_softmax_cross_entropy__ref", .types = "f32,f32>f32,f32", .run = run_dense},
    {.name = "f32_softmax_cross_entropy_sparse__ref",
     .types = "f32,i32|i64>f32,f32",
     .run = run_sparse},
    {.name = NULL},
};

const mwi_op_desc mwi_op_softmax_cross_entropy = {
    .name = "SOFTMAX_CROSS_ENTROPY",
    .tflite_code = -1,
    .min_in = 2,
    .max_in = 2,
    .min_out = 2,
    .max_out = 2,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .infer = infer,
    .gradient = mwi_loss_gradient,
};
