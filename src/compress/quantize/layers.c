/* compress/quantize/layers.c - weights to integers, with scales that suit their biases.
 * Depends: compress/quantize/job.  Used by: mw_quantize.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/job.h"

#include "base/half.h"

#include <math.h>

const float *mwi_qjob_bias(const mwi_qjob *job, size_t i, size_t *out_n)
{
    const mwi_op *const op = job->fg->ops[i];
    const int32_t at = op->desc->quant == NULL ? -1 : op->desc->quant->bias;

    *out_n = job->ops[i].n_bias;
    if (job->ops[i].bias != NULL) return job->ops[i].bias;
    *out_n = 0;
    if (at < 0 || (size_t)at >= op->n_in || op->in[at] < 0) return NULL;
    const mwi_tensor *const t = job->fg->tensors[op->in[at]];
    if (t->dtype != MW_FLOAT32 || t->data == NULL) return NULL;
    *out_n = t->bytes / sizeof(float);
    return t->data;
}

/* ---- making ---- */

static size_t block_of(const mwi_qjob *job, const mwi_qop *q, const mwi_tensor *t, int32_t axis)
{
    /* Kernels know blocks along the rows of a matrix only. */
    const size_t block = job->scheme->block;
    const bool rows = block > 0 && t->rank == 2 && axis == 0 && (size_t)t->dims[1] % block == 0;
    return (q->hybrid || job->options->keep_layers) && q->bits == 4 && rows ? block : 0;
}

static mw_status create(mw_ctx *ctx, mwi_qjob *job, int32_t tensor, int32_t axis, int bits,
                        size_t block, mwi_qweight **out)
{
    const mwi_tensor *const t = job->fg->tensors[tensor];
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, &job->arena, 1, sizeof(mwi_qweight), &memory));
    mwi_qweight *const w = memory;
    w->tensor = tensor;
    w->axis = axis >= t->rank ? -1 : axis;
    w->bits = bits;
    w->channels = mwi_channels_of(t->rank, t->dims, w->axis);
    w->block = block;
    w->made = -1;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, w->channels.n, 1, &memory));
    w->q = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, w->channels.n_channels, sizeof(float), &memory));
    w->scales = memory;
    if (w->block > 0) {
        MWI_TRY(
            mwi_arena_array(ctx, &job->arena, w->channels.n / w->block, sizeof(uint16_t), &memory));
        w->block_scales = memory;
    }
    *out = w;
    return MW_OK;
}

static mwi_qweight *find(mwi_qweight *list, int32_t axis, int bits, size_t block)
{
    for (mwi_qweight *w = list; w != NULL; w = w->next)
        if (w->axis == axis && w->bits == bits && w->block == block) return w;
    return NULL;
}

/* Hybrid kernels want a scale a channel: one scale for the tensor is the largest, n times. */
static void make_uniform(mwi_qweight *w)
{
    float largest = 0;

    for (size_t k = 0; k < w->channels.n_channels; k++) largest = fmaxf(largest, w->scales[k]);
    for (size_t k = 0; k < w->channels.n_channels; k++) w->scales[k] = largest;
}

/* Fewer bits, so that an integer of 8 bits times the scale is exact in float32 (keras_weights.c).
 */
static void shorten(mwi_qweight *w)
{
    for (size_t k = 0; k < w->channels.n_channels; k++) {
        int exponent;
        const float mantissa = frexpf(w->scales[k], &exponent);
        w->scales[k] = ldexpf(nearbyintf(mantissa * 0x1p16f), exponent - 16);
    }
}

/* Learned ranges are given as shares, which scales that were folded into the weight leave alone. */
static void take_shares(const mwi_qjob *job, size_t i, mwi_qweight *w)
{
    const int32_t at = job->given == NULL || job->given_op == NULL ? -1 : job->given_op[i];
    const float *const shares = at < 0 ? NULL : job->given->shares[at];

    for (size_t k = 0; shares != NULL && k < w->channels.n_channels; k++) w->scales[k] *= shares[k];
}

static void set_scales(const mwi_qjob *job, mwi_qweight *w)
{
    const mwi_tensor *const t = job->fg->tensors[w->tensor];
    const mwi_weight_range how = job->method->weights ? MWI_WEIGHT_MSE : MWI_WEIGHT_MAX;

    if (w->block > 0)
        mwi_block_scales(t->data, (size_t)t->dims[0], (size_t)t->dims[1], w->block, w->bits, how,
                         w->block_scales);
    else
        mwi_weight_scales(t->data, &w->channels, w->bits, how, w->scales);
    if (job->options->per_tensor && w->block == 0) make_uniform(w);
    if (job->options->keep_layers && w->block == 0) shorten(w);
}

/* The bias is an integer of scale input * weight: raises weight scales until it fits with room to
 * spare, as TensorFlow's converter does; gives a channel of zeros a scale at which its bias is
 * exact enough. */
static void fit_bias(const mwi_qjob *job, size_t i)
{
    const mwi_op *const op = job->fg->ops[i];
    mwi_qweight *const w = job->ops[i].weight;
    const int32_t in = mwi_rule_main_input(job->fg, op);
    size_t n;
    const float *const bias = mwi_qjob_bias(job, i, &n);

    if (in < 0 || !job->ops[i].integer) return;
    const double in_scale = (double)mwi_qjob_params(job, in).scale;
    for (size_t k = 0; k < w->channels.n_channels; k++) {
        double b = 0;
        if (bias != NULL && w->channels.n_channels == 1)
            for (size_t j = 0; j < n; j++) b = fmax(b, fabs((double)bias[j]));
        else if (bias != NULL && k < n)
            b = fabs((double)bias[k]);
        const double least = 2 * b / (INT32_MAX * in_scale);
        if (w->scales[k] == 0 && b > 0) w->scales[k] = (float)(b / in_scale / (1 << 24));
        if (job->act == MW_INT8 && (double)w->scales[k] < least) w->scales[k] = (float)least;
    }
}

static void finish(const mwi_qjob *job, mwi_qweight *w)
{
    const mwi_tensor *const t = job->fg->tensors[w->tensor];

    if (w->block > 0) {
        mwi_block_round(t->data, (size_t)t->dims[0], (size_t)t->dims[1], w->block, w->bits,
                        w->block_scales, w->q);
        return;
    }
    for (size_t k = 0; k < w->channels.n_channels; k++)
        if (w->scales[k] == 0) w->scales[k] = 1;
    mwi_weight_round(t->data, &w->channels, w->bits, w->scales, w->q);
}

static bool all_finite(const mwi_tensor *t)
{
    const float *const x = t->data;
    for (size_t i = 0; i < t->bytes / sizeof *x; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

mw_status mwi_qjob_layers(mw_ctx *ctx, mwi_qjob *job)
{
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        mwi_qop *const q = &job->ops[i];
        const mwi_op *const op = job->fg->ops[i];
        const mwi_quant_rule *const rule = op->desc->quant;
        if (!(q->integer || q->hybrid || q->behind) || rule->weight < 0) continue;
        const int32_t tensor = op->in[rule->weight];
        const mwi_tensor *const t = job->fg->tensors[tensor];
        if (t->dtype != MW_FLOAT32) continue;
        if (!all_finite(t))
            return mwi_fail(ctx, MW_EINVAL, "%s: weight '%s' has a value that is not finite",
                            job->flt->name, t->name);
        const bool whole = job->options->per_tensor && q->integer;
        const int32_t axis = whole || rule->axis >= t->rank ? -1 : rule->axis;
        const size_t block = block_of(job, q, t, axis);
        q->weight = find(job->weights[tensor], axis, q->bits, block);
        if (q->weight == NULL) {
            MWI_TRY(create(ctx, job, tensor, axis, q->bits, block, &q->weight));
            q->weight->next = job->weights[tensor];
            job->weights[tensor] = q->weight;
            set_scales(job, q->weight);
            take_shares(job, i, q->weight);
        }
        fit_bias(job, i);
    }
    for (size_t t = 0; t < job->fg->n_tensors; t++)
        for (mwi_qweight *w = job->weights[t]; w != NULL; w = w->next) finish(job, w);
    return MW_OK;
}

void mwi_qweight_floats(const mwi_qweight *w, float *out)
{
    for (size_t i = 0; i < w->channels.n; i++) {
        const float scale = w->block > 0 ? mwi_half_to_float(w->block_scales[i / w->block])
                                         : w->scales[mwi_channel(&w->channels, i)];
        out[i] = (float)w->q[i] * scale;
    }
}
