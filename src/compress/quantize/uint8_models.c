/* compress/quantize/uint8_models.c - the asymmetric uint8 models of TFLite's first years become
 * int8 models. Activations keep their scales; zero points move by 128. int8 weights need zero
 * point 0: where every (weight - zero point) of a channel fits into [-127, 127] the integers stay
 * what they were, else the channel gets the scale of least error: its own with the few that are
 * outside cut off, or a larger one, and its bias is rounded to that.
 * Depends: compress/quantize/job.  Used by: mw_quantize.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/job.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static bool is_uint8_value(const mwi_tensor *t)
{
    return t->dtype == MW_UINT8 && t->quant != NULL && t->quant->q.n_scales == 1;
}

bool mwi_model_is_uint8(const mw_model *model)
{
    const mwi_graph *const g = model->graphs[0];

    for (size_t i = 0; i < g->n_ops; i++) {
        const mwi_op *const op = g->ops[i];
        if (op->desc->quant == NULL || !op->desc->quant->quantizable || op->n_out == 0) continue;
        if (is_uint8_value(g->tensors[op->out[0]])) return true;
    }
    return false;
}

static mw_status check(mw_ctx *ctx, const mwi_qjob *job)
{
    const mw_quantize_options *const o = job->options;

    if (o->equalize || o->adaround || o->bias_correction || o->per_tensor)
        return mwi_fail(ctx, MW_EINVAL,
                        "%s: a uint8 model is rewritten with the scales that it has: equalisation, "
                        "AdaRound, bias correction and per-tensor scales need the float model",
                        job->flt->name);
    return MW_OK;
}

/* int8 parameters of every uint8 tensor. */
static void set_params(mwi_qjob *job)
{
    for (size_t i = 0; i < job->fg->n_tensors; i++) {
        const mwi_tensor *const t = job->fg->tensors[i];
        mwi_qvalue *const v = &job->values[i];
        if (!is_uint8_value(t)) continue;
        const float scale = t->quant->q.scales[0];
        const int32_t zero = (int32_t)t->quant->q.zero_points[0];
        v->params = (mwi_params){scale, zero - 128};
        v->range = (mwi_range){(double)scale * -zero, (double)scale * (255 - zero)};
        v->ranged = true;
    }
}

static bool all_quantized(const mwi_qjob *job, const mwi_op *op)
{
    for (size_t k = 0; k < op->n_in; k++)
        if (op->in[k] >= 0 && job->fg->tensors[op->in[k]]->dtype == MW_UINT8 &&
            !is_uint8_value(job->fg->tensors[op->in[k]]))
            return false;
    for (size_t k = 0; k < op->n_out; k++)
        if (job->fg->tensors[op->out[k]]->dtype == MW_UINT8 &&
            !is_uint8_value(job->fg->tensors[op->out[k]]))
            return false;
    return true;
}

/* ---- weights ---- */

/* Largest |weight - zero point| of each channel. */
static void largest_of(const uint8_t *w, int32_t zero, const mwi_channels *c, int32_t *largest)
{
    for (size_t k = 0; k < c->n_channels; k++) largest[k] = 0;
    for (size_t i = 0; i < c->n; i++) {
        int32_t *const at = &largest[mwi_channel(c, i)];
        const int32_t v = abs((int32_t)w[i] - zero);
        *at = v > *at ? v : *at;
    }
}

/* Error of a channel, in steps of the old scale, when 127 stands for `limit` of them: squares, and
 * the square of the sum, which inputs that are mostly positive (after a RELU) add up. */
static double error_of(const uint8_t *w, int32_t zero, const mwi_channels *c, size_t channel,
                       int32_t limit)
{
    const double scale = limit / 127.0;
    const size_t period = c->n_channels * c->inner;
    double squares = 0, sum = 0;

    for (size_t first = channel * c->inner; first < c->n; first += period)
        for (size_t i = first; i < first + c->inner; i++) {
            const double v = w[i] - zero;
            const double q = fmin(fmax(round(v / scale), -127), 127);
            sum += v - q * scale;
            squares += (v - q * scale) * (v - q * scale);
        }
    return squares + sum * sum / 2;
}

/* Of a channel whose largest weight is more than 127 steps: what 127 should stand for. */
static int32_t best_limit(const uint8_t *w, int32_t zero, const mwi_channels *c, size_t channel,
                          int32_t largest)
{
    enum { TRIES = 16 };
    const int32_t step = (largest - 127 + TRIES - 1) / TRIES;
    int32_t best = largest;
    double least = error_of(w, zero, c, channel, largest);

    for (int32_t limit = 127; limit < largest; limit += step) {
        const double e = error_of(w, zero, c, channel, limit);
        if (e < least) least = e, best = limit;
    }
    return best;
}

static mw_status convert_weight(mw_ctx *ctx, mwi_qjob *job, int32_t tensor, int32_t axis,
                                mwi_qweight **out)
{
    const mwi_tensor *const t = job->fg->tensors[tensor];
    const int32_t zero = (int32_t)t->quant->q.zero_points[0];
    const float scale = t->quant->q.scales[0];
    mwi_channels c = mwi_channels_of(t->rank, t->dims, axis);
    void *memory, *largest;
    bool exact = true;

    MWI_TRY(mwi_arena_array(ctx, &job->arena, 1, sizeof(mwi_qweight), &memory));
    mwi_qweight *const w = *out = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, c.n_channels, sizeof(int32_t), &largest));
    MWI_TRY(mwi_arena_array(ctx, &job->arena, c.n_channels, sizeof(float), &memory));
    w->scales = memory;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, c.n, 1, &memory));
    w->q = memory;
    largest_of(t->data, zero, &c, largest);
    for (size_t k = 0; k < c.n_channels; k++) exact = exact && ((int32_t *)largest)[k] <= 127;
    if (exact) c = mwi_channels_of(t->rank, t->dims, -1); /* one scale, as it was */
    *w = (mwi_qweight){.tensor = tensor,
                       .made = -1,
                       .axis = exact ? -1 : axis,
                       .bits = 8,
                       .channels = c,
                       .scales = w->scales,
                       .q = w->q};
    for (size_t k = 0; k < c.n_channels; k++) {
        const int32_t m = exact ? 127 : ((int32_t *)largest)[k];
        const int32_t limit = m <= 127 ? 127 : best_limit(t->data, zero, &c, k, m);
        w->scales[k] = limit == 127 ? scale : (float)((double)scale * limit / 127);
    }
    for (size_t i = 0; i < c.n; i++) {
        const double v = ((const uint8_t *)t->data)[i] - zero;
        const double q = round(v * (double)scale / (double)w->scales[mwi_channel(&c, i)]);
        w->q[i] = (int8_t)fmin(fmax(q, -127), 127);
    }
    return MW_OK;
}

/* b * (old scale / new scale): the bias's scale goes with the weight's. */
static mw_status convert_bias(mw_ctx *ctx, mwi_qjob *job, size_t i)
{
    const mwi_op *const op = job->fg->ops[i];
    const int32_t at = op->desc->quant->bias;
    mwi_qop *const q = &job->ops[i];
    void *memory;

    if (at < 0 || (size_t)at >= op->n_in || op->in[at] < 0) return MW_OK;
    const mwi_tensor *const t = job->fg->tensors[op->in[at]];
    const int32_t *const b = t->data;
    const float old = job->fg->tensors[q->weight->tensor]->quant->q.scales[0];
    q->n_bias = t->bytes / sizeof *b;
    MWI_TRY(mwi_arena_array(ctx, &job->arena, q->n_bias, sizeof *b, &memory));
    int32_t *const out = memory;
    for (size_t k = 0; k < q->n_bias; k++) {
        const size_t channel = k < q->weight->channels.n_channels ? k : 0;
        const double v = b[k] * ((double)old / (double)q->weight->scales[channel]);
        out[k] = (int32_t)round(v);
    }
    q->bias_integers = out;
    return MW_OK;
}

static mw_status convert_layer(mw_ctx *ctx, mwi_qjob *job, size_t i)
{
    const mwi_op *const op = job->fg->ops[i];
    const mwi_quant_rule *const rule = op->desc->quant;

    if (rule->weight < 0 || job->fg->tensors[op->in[rule->weight]]->dtype != MW_UINT8) return MW_OK;
    const int32_t tensor = op->in[rule->weight];
    const int32_t axis = rule->axis < job->fg->tensors[tensor]->rank ? rule->axis : -1;
    if (job->weights[tensor] == NULL)
        MWI_TRY(convert_weight(ctx, job, tensor, axis, &job->weights[tensor]));
    job->ops[i].weight = job->weights[tensor];
    return convert_bias(ctx, job, i);
}

mw_status mwi_qjob_uint8(mw_ctx *ctx, mwi_qjob *job)
{
    size_t n = 0;

    MWI_TRY(check(ctx, job));
    MWI_TRY(mwi_qjob_keep(ctx, job));
    set_params(job);
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        mwi_qop *const q = &job->ops[i];
        if (q->reason[0] != '\0') continue;
        if (!all_quantized(job, job->fg->ops[i]))
            q->reason = "has uint8 operands without a scale";
        else
            MWI_TRY(mwi_qjob_why_not_integer(ctx, job, job->fg->ops[i], &q->reason));
        q->integer = q->reason[0] == '\0';
        if (!q->integer) continue;
        MWI_TRY(convert_layer(ctx, job, i));
        n++;
    }
    if (n == 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: no operator to rewrite as int8", job->flt->name);
    MWI_TRY(mwi_model_clone(ctx, job->flt, &job->out));
    return mwi_qjob_rewrite(ctx, job);
}
