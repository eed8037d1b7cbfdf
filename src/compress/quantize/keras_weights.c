/* compress/quantize/keras_weights.c - a Keras model stays as Keras knows it; its weights become an
 * integer times a scale an output channel. Scales have few enough bits that each product is exact
 * in float32: the largest weight divided by 127 gives the scale back to the bit, so that
 * quantizing the saved model again gives the same integers.
 * Depends: compress/quantize/job.  Used by: mw_quantize.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/job.h"

#include "base/half.h"

static mw_status set_floats(mw_ctx *ctx, mwi_qjob *job, const mwi_qweight *w)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &job->out->arena, w->channels.n, sizeof(float), &memory));
    mwi_qweight_floats(w, memory);
    job->out->graphs[job->graph]->tensors[w->tensor]->data = memory;
    return MW_OK;
}

static mw_status set_bias(mw_ctx *ctx, mwi_qjob *job, size_t i)
{
    const mwi_op *const op = job->fg->ops[i];
    mwi_tensor *t;
    void *memory;

    if (job->ops[i].bias == NULL)
        return MW_OK; /* operators without a quantization rule never have one */
    const int32_t at = op->desc->quant->bias;
    if (at < 0 || (size_t)at >= op->n_in || op->in[at] < 0) return MW_OK;
    t = job->out->graphs[job->graph]->tensors[op->in[at]];
    MWI_TRY(mwi_arena_copy(ctx, &job->out->arena, job->ops[i].bias,
                           job->ops[i].n_bias * sizeof(float), &memory));
    t->data = memory;
    return MW_OK;
}

/* Weights as float16 holds them. */
static mw_status halve(mw_ctx *ctx, mwi_qjob *job, mwi_tensor *t)
{
    const float *const x = t->data;
    const size_t n = t->bytes / sizeof *x;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &job->out->arena, n, sizeof *x, &memory));
    float *const out = memory;
    for (size_t i = 0; i < n; i++) {
        const float h = mwi_half_to_float(mwi_float_to_half(x[i]));
        out[i] = h - h == 0 ? h : x[i]; /* what float16 cannot hold stays */
    }
    t->data = out;
    return MW_OK;
}

static mw_status halve_all(mw_ctx *ctx, mwi_qjob *job)
{
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        const mwi_op *const op = job->out->graphs[job->graph]->ops[i];
        if (job->ops[i].reason[0] != '\0') continue;
        for (size_t k = 0; k < op->n_in; k++) {
            mwi_tensor *const t =
                op->in[k] < 0 ? NULL : job->out->graphs[job->graph]->tensors[op->in[k]];
            if (t == NULL || t->dtype != MW_FLOAT32 || t->data == NULL || t->sparsity != NULL ||
                t->source < 0)
                continue;
            MWI_TRY(halve(ctx, job, t));
            job->ops[i].behind = true;
        }
    }
    return MW_OK;
}

mw_status mwi_qjob_keras(mw_ctx *ctx, mwi_qjob *job)
{
    mwi_graph *const g = job->out->graphs[job->graph];

    if (job->scheme->weight_bits == 16) MWI_TRY(halve_all(ctx, job));
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        if (job->ops[i].weight != NULL) MWI_TRY(set_floats(ctx, job, job->ops[i].weight));
        MWI_TRY(set_bias(ctx, job, i));
        job->made_ops[i] = g->ops[i];
    }
    for (size_t i = 0; i < job->fg->n_tensors; i++)
        if (!mwi_tensor_is_const(job->fg->tensors[i])) job->made[i] = g->tensors[i];
    return MW_OK;
}
