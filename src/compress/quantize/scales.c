/* compress/quantize/scales.c - one scale and zero point for each activation: rules of the
 * operators' rows.
 * Depends: compress/quantize/job.  Used by: mw_quantize. Values that a rule ties together form a
 * group (union-find); the group's range holds all of theirs. Where two rules contradict each
 * other, the values stay apart and the rewrite puts a QUANTIZE between.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/job.h"

#include <math.h>

int32_t mwi_qjob_root(const mwi_qjob *job, int32_t tensor)
{
    while (job->values[tensor].group != tensor) tensor = job->values[tensor].group;
    return tensor;
}

mwi_params mwi_qjob_params(const mwi_qjob *job, int32_t tensor)
{
    return job->values[mwi_qjob_root(job, tensor)].params;
}

static bool same_params(mwi_params a, mwi_params b)
{
    return a.scale == b.scale && a.zero_point == b.zero_point;
}

static void join(mwi_qjob *job, int32_t a, int32_t b)
{
    mwi_qvalue *const into = &job->values[mwi_qjob_root(job, a)];
    mwi_qvalue *const from = &job->values[mwi_qjob_root(job, b)];

    if (into == from || (into->fixed && from->fixed && !same_params(into->params, from->params)))
        return;
    if (from->fixed) into->params = from->params;
    into->fixed |= from->fixed;
    into->symmetric |= from->symmetric;
    if (from->ranged) {
        into->range.min = into->ranged ? fmin(into->range.min, from->range.min) : from->range.min;
        into->range.max = into->ranged ? fmax(into->range.max, from->range.max) : from->range.max;
        into->ranged = true;
    }
    from->group = (int32_t)(into - job->values);
}

static bool is_activation(const mwi_graph *g, int32_t tensor)
{
    return tensor >= 0 && g->tensors[tensor]->dtype == MW_FLOAT32 &&
           !mwi_tensor_is_const(g->tensors[tensor]);
}

static void fix_outputs(mwi_qjob *job, const mwi_op *op)
{
    const mwi_quant_rule *const rule = op->desc->quant;
    const mwi_fixed_quant f = job->act == MW_INT16 ? rule->fixed_int16 : rule->fixed_int8;

    if ((rule->flags & MWI_QUANT_FIXED_OUTPUT) == 0 || f.scale <= 0) return;
    for (size_t k = 0; k < op->n_out; k++) {
        mwi_qvalue *const v = &job->values[op->out[k]];
        v->fixed = true;
        v->params = (mwi_params){f.scale, f.zero_point};
    }
}

/* A rule on several inputs ties an input to the output only when nobody else reads it: others would
 * lose resolution for it. A value with fixed parameters stays as it is: its range is not the
 * output's. */
static void tie(mwi_qjob *job, const mwi_uses *uses, const mwi_op *op)
{
    const mwi_quant_rule *const rule = op->desc->quant;
    const bool all = (rule->flags & MWI_QUANT_INPUTS_SAME) != 0;
    const bool same = (rule->flags & MWI_QUANT_SAME_SCALE) != 0;

    for (size_t i = 0; i < op->n_in && (all || same); i++) {
        if (!is_activation(job->fg, op->in[i]) || !mwi_rule_is_data(rule, i)) continue;
        const bool fixed = job->values[mwi_qjob_root(job, op->in[i])].fixed;
        if (all && (uses->n_uses[op->in[i]] > 1 || fixed)) continue;
        for (size_t k = 0; k < op->n_out; k++)
            if (is_activation(job->fg, op->out[k])) join(job, op->out[k], op->in[i]);
        if (!all) break;
    }
    if ((rule->flags & MWI_QUANT_SYMMETRIC_IN) == 0) return;
    for (size_t i = 0; i < op->n_in; i++)
        if (is_activation(job->fg, op->in[i]) && mwi_rule_is_data(rule, i))
            job->values[mwi_qjob_root(job, op->in[i])].symmetric = true;
}

/* The steps of a recurrent network written out: many layers of one weight. One scale for what they
 * read gives them one bias, too. */
static void tie_steps(mwi_qjob *job)
{
    enum { STEPS = 4 };
    const mwi_graph *const g = job->fg;

    for (size_t t = 0; t < g->n_tensors; t++) {
        int32_t first = -1;
        size_t n = 0;
        if (g->tensors[t]->data == NULL || g->tensors[t]->rank < 2) continue;
        for (int pass = 0; pass < 2 && (pass == 0 || n >= STEPS); pass++)
            for (size_t i = 0; i < g->n_ops; i++) {
                const mwi_op *const op = g->ops[i];
                if (!job->ops[i].integer || op->desc->quant->weight < 0) continue;
                if (op->in[op->desc->quant->weight] != (int32_t)t) continue;
                const int32_t in = mwi_rule_main_input(g, op);
                if (pass == 0)
                    n++, first = first < 0 ? in : first;
                else if (in >= 0 && is_activation(g, in) && is_activation(g, first))
                    join(job, first, in);
            }
    }
}

static bool is_known(const mwi_qjob *job, int32_t tensor)
{
    return job->values[mwi_qjob_root(job, tensor)].ranged;
}

/* An activation that no run computed, like all others of its group, has no range: the operators at
 * it stay float. */
static void drop_unseen(mwi_qjob *job)
{
    for (size_t i = 0; i < job->fg->n_ops; i++) {
        const mwi_op *const op = job->fg->ops[i];
        bool seen = true;
        if (!job->ops[i].integer) continue;
        for (size_t k = 0; k < op->n_in; k++)
            if (is_activation(job->fg, op->in[k]) && mwi_rule_is_data(op->desc->quant, k))
                seen = seen && is_known(job, op->in[k]);
        for (size_t k = 0; k < op->n_out; k++)
            if (is_activation(job->fg, op->out[k])) seen = seen && is_known(job, op->out[k]);
        if (seen) continue;
        job->ops[i].integer = false;
        job->ops[i].reason = "its values were not seen in calibration";
    }
}

mw_status mwi_qjob_groups(mw_ctx *ctx, mwi_qjob *job)
{
    mwi_uses uses;

    MWI_TRY(mwi_graph_uses(ctx, job->fg, &job->arena, &uses));
    for (size_t i = 0; i < job->fg->n_ops; i++)
        if (job->ops[i].integer) fix_outputs(job, job->fg->ops[i]);
    for (size_t i = 0; i < job->fg->n_ops; i++)
        if (job->ops[i].integer) tie(job, &uses, job->fg->ops[i]);
    tie_steps(job);
    return MW_OK;
}

mw_status mwi_qjob_scales(mw_ctx *ctx, mwi_qjob *job)
{
    MWI_TRY(mwi_qjob_groups(ctx, job));
    drop_unseen(job);
    for (size_t i = 0; i < job->fg->n_tensors; i++) {
        mwi_qvalue *const v = &job->values[i];
        if (v->group == (int32_t)i && v->ranged && !v->fixed)
            v->params = mwi_params_from_range(job->act, v->symmetric, v->range.min, v->range.max);
    }
    mwi_qjob_bound_scales(job);
    return MW_OK;
}
