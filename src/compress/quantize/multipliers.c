/* compress/quantize/multipliers.c - scales that LiteRT can work with. Some of its kernels end the
 * process when a ratio of scales is out of bounds (an ADD whose result is far smaller than its
 * operands, as a value that was always 0). Such scales are moved before they are used, and nothing
 * is written that breaks a bound.
 * Depends: compress/quantize/job.  Used by: scales, rewrite, mw_quantize.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/job.h"

#include <math.h>
#include <string.h>

/* Bounds are kept with this to spare: LiteRT computes them in float. */
#define MARGIN 1.01

typedef enum bound {
    OUT_ABOVE_SUM,    /* 2 max(in) / 2^shift < out */
    OUT_ABOVE_SQUARE, /* (2 max(in))^2 / 2^14 < out */
    IN_ABOVE,         /* beta * in > 2^-26, of 8 bits */
    IN_BELOW_ONE,     /* in < 1, of 8 bits: at 1 LiteRT ends, above it compares wrongly */
} bound;

static const struct {
    const char *op;
    bound kind;
} rows[] = {
    {"ADD", OUT_ABOVE_SUM},
    {"SUB", OUT_ABOVE_SUM},
    {"SQUARED_DIFFERENCE", OUT_ABOVE_SQUARE},
    {"SOFTMAX", IN_ABOVE},
    {"LOG_SOFTMAX", IN_ABOVE},
    {"EQUAL", IN_BELOW_ONE},
    {"NOT_EQUAL", IN_BELOW_ONE},
    {"GREATER", IN_BELOW_ONE},
    {"GREATER_EQUAL", IN_BELOW_ONE},
    {"LESS", IN_BELOW_ONE},
    {"LESS_EQUAL", IN_BELOW_ONE},
};

static int find(const mwi_op *op)
{
    for (size_t i = 0; i < MWI_COUNT(rows); i++)
        if (strcmp(op->desc->name, rows[i].op) == 0) return (int)i;
    return -1;
}

/* Least scale of the output, or of the input for IN_ABOVE. `largest`: of the inputs' scales. */
static double least_of(bound kind, const mwi_op *op, mw_dtype dtype, double largest)
{
    switch (kind) {
    case OUT_ABOVE_SUM: return 2 * largest / (dtype == MW_INT16 ? 0x1p15 : 0x1p20);
    case OUT_ABOVE_SQUARE: return 4 * largest * largest / 0x1p14;
    case IN_ABOVE: {
        const mwi_field *const beta = mwi_op_field(op->desc, "beta");
        const double b = beta == NULL ? 1 : (double)*(float *)((char *)op->attr + beta->offset);
        return dtype == MW_INT16 || !(b > 0) ? 0 : 0x1p-26 / b;
    }
    default: return 0;
    }
}

/* ---- moving scales ---- */

static bool is_activation(const mwi_qjob *job, int32_t tensor)
{
    return tensor >= 0 && job->fg->tensors[tensor]->dtype == MW_FLOAT32 &&
           !mwi_tensor_is_const(job->fg->tensors[tensor]);
}

static mwi_qvalue *root_of(const mwi_qjob *job, int32_t tensor)
{
    return &job->values[mwi_qjob_root(job, tensor)];
}

static bool is_zero(const mwi_qvalue *v)
{
    return !v->fixed && !v->settled && v->ranged && v->range.min == 0 && v->range.max == 0;
}

static bool all_zero(const mwi_tensor *constant)
{
    const float *const x = constant->data;

    for (size_t i = 0; i < constant->bytes / sizeof *x; i++)
        if (x[i] != 0) return false;
    return true;
}

/* Largest scale of the operands of an operator that mean anything; 0: none does. Constants whose
 * scale is still to be chosen are seen as it will be. */
static float largest_in(const mwi_qjob *job, const mwi_op *op)
{
    float largest = 0;

    for (size_t k = 0; k < op->n_in; k++) {
        const int32_t t = op->in[k];
        if (t < 0 || job->fg->tensors[t]->dtype != MW_FLOAT32) continue;
        if (!mwi_rule_is_data(op->desc->quant, k)) continue;
        const mwi_params none = {0, 0};
        if (!mwi_tensor_is_const(job->fg->tensors[t]))
            largest = fmaxf(largest, is_zero(root_of(job, t)) ? 0 : root_of(job, t)->params.scale);
        else if (!all_zero(job->fg->tensors[t]))
            largest = fmaxf(largest, mwi_qjob_const_params(job, t, false, none).scale);
    }
    return largest;
}

/* A value that was always 0 has the scale of what it meets. */
static void adopt(mwi_qvalue *v, float scale)
{
    if (!is_zero(v) || scale <= 0) return;
    v->params.scale = scale;
    v->settled = true; /* others may adopt from it */
}

static void settle_zeros(mwi_qjob *job)
{
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        const mwi_op *const op = job->fg->ops[i];
        if (!job->ops[i].integer) continue;
        for (size_t k = 0; k < op->n_out; k++)
            if (is_activation(job, op->out[k]))
                adopt(root_of(job, op->out[k]), largest_in(job, op));
    }
    for (size_t i = job->fg->n_ops; i-- > 0;) {
        const mwi_op *const op = job->fg->ops[i];
        if (!job->ops[i].integer || op->n_out == 0 || !is_activation(job, op->out[0])) continue;
        const mwi_qvalue *const out = root_of(job, op->out[0]);
        for (size_t k = 0; k < op->n_in; k++)
            if (is_activation(job, op->in[k]) && !is_zero(out))
                adopt(root_of(job, op->in[k]), fmaxf(largest_in(job, op), out->params.scale));
    }
}

/* A larger scale with the same zero point. True when it was too small. */
static bool raise(mwi_qvalue *v, double least)
{
    if (v->fixed || (double)v->params.scale >= least * MARGIN) return false;
    v->params.scale = (float)(least * MARGIN * MARGIN);
    return true;
}

static bool keep_bounds(mwi_qjob *job, const mwi_op *op, bound kind)
{
    const double least = least_of(kind, op, job->act, (double)largest_in(job, op));
    bool moved = false;

    if (kind == OUT_ABOVE_SUM || kind == OUT_ABOVE_SQUARE)
        return is_activation(job, op->out[0]) && raise(root_of(job, op->out[0]), least);
    for (size_t k = 0; k < op->n_in && kind == IN_ABOVE; k++)
        if (is_activation(job, op->in[k])) moved = raise(root_of(job, op->in[k]), least) || moved;
    return moved;
}

/* A comparison gives no value with a scale, so nothing else changes when it stays float. */
static void drop_coarse_comparisons(mwi_qjob *job)
{
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        const int row = job->ops[i].integer ? find(job->fg->ops[i]) : -1;
        if (row < 0 || rows[row].kind != IN_BELOW_ONE || largest_in(job, job->fg->ops[i]) < 1)
            continue;
        job->ops[i].integer = false;
        job->ops[i].reason = "LiteRT compares values with scales from 1 wrongly";
    }
}

void mwi_qjob_bound_scales(mwi_qjob *job)
{
    enum { ROUNDS = 16 }; /* a raised scale may make the next one too small */
    bool moved = true;

    settle_zeros(job);
    for (int round = 0; round < ROUNDS && moved; round++) {
        moved = false;
        for (size_t i = 0; i < job->fg->n_ops; i++) {
            const int row = job->ops[i].integer ? find(job->fg->ops[i]) : -1;
            if (row >= 0) moved = keep_bounds(job, job->fg->ops[i], rows[row].kind) || moved;
        }
    }
    drop_coarse_comparisons(job);
}

mwi_params mwi_qjob_const_params(const mwi_qjob *job, int32_t tensor, bool symmetric,
                                 mwi_params otherwise)
{
    const mwi_tensor *const t = job->fg->tensors[tensor];
    const float *const x = t->data;
    double low = 0, high = 0;

    for (size_t i = 0; i < t->bytes / sizeof *x; i++) {
        low = (double)x[i] < low ? (double)x[i] : low;
        high = (double)x[i] > high ? (double)x[i] : high;
    }
    mwi_params p = mwi_params_from_range(job->act, symmetric, low, high);
    if (low == 0 && high == 0)
        p = (mwi_params){otherwise.scale > 0 ? otherwise.scale : 0.5f,
                         symmetric ? 0 : otherwise.zero_point};
    return p;
}

/* ---- proving ---- */

static double scale_of(const mwi_tensor *t)
{
    const bool known = t->quant != NULL && t->quant->q.n_scales == 1 &&
                       (t->dtype == MW_INT8 || t->dtype == MW_UINT8 || t->dtype == MW_INT16);
    return known ? (double)t->quant->q.scales[0] : 0;
}

static mw_status check_op(mw_ctx *ctx, const mwi_graph *g, const mwi_op *op, bound kind)
{
    const mwi_tensor *const out = g->tensors[op->out[0]];
    double largest = 0;
    bool one = false;

    for (size_t k = 0; k < op->n_in; k++) {
        const double s = op->in[k] < 0 ? 0 : scale_of(g->tensors[op->in[k]]);
        largest = fmax(largest, s);
        one = one || s == 1;
    }
    if (largest == 0) return MW_OK;
    const double least = least_of(kind, op, g->tensors[op->in[0]]->dtype, largest);
    const bool of_input = kind == IN_ABOVE || kind == IN_BELOW_ONE;
    const double s = of_input ? largest : scale_of(out);
    if (s > least && !(kind == IN_BELOW_ONE && one)) return MW_OK;
    return mwi_fail(ctx, MW_EUNSUPPORTED,
                    "%s '%s': LiteRT ends the process on the scale %g of its %s, where it needs "
                    "more than %g; keep the layer float (keep)",
                    mwi_op_name(op), out->name, s, of_input ? "input" : "output", least);
}

mw_status mwi_qjob_check_multipliers(mw_ctx *ctx, const mw_model *model)
{
    for (size_t i = 0; i < model->n_graphs; i++) {
        const mwi_graph *const g = model->graphs[i];
        for (size_t k = 0; k < g->n_ops; k++) {
            const int row = find(g->ops[k]);
            if (row < 0 || g->ops[k]->n_out == 0 || g->ops[k]->n_in == 0) continue;
            MWI_TRY(check_op(ctx, g, g->ops[k], rows[row].kind));
        }
    }
    return MW_OK;
}
