/* compress/quantize/index_values.c - floats that are indices: what CAST makes integers of (Keras
 * feeds Embedding so). Rounding to a scale would pick other rows, so what carries them stays float.
 * Depends: compress/quantize/job.  Used by: decide.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/job.h"

static bool is_real(const mwi_qjob *job, int32_t tensor)
{
    return tensor >= 0 && job->fg->tensors[tensor]->dtype == job->source &&
           !mwi_tensor_is_const(job->fg->tensors[tensor]);
}

/* Whether an operator makes nothing of its floats but indices: a CAST, or one without a weight
 * whose results carry indices alone. */
static bool carries(const mwi_qjob *job, const mwi_uses *uses, const mwi_op *op,
                    const uint32_t *n_index_uses)
{
    const mwi_quant_rule *const rule = op->desc->quant;

    if (op->desc == mwi_op_by_name("CAST"))
        return !is_real(job, op->out[0]) && job->fg->tensors[op->out[0]]->dtype != MW_FLOAT32;
    if (op->n_out == 0 || (rule != NULL && rule->weight >= 0)) return false;
    for (size_t k = 0; k < op->n_out; k++)
        if (!is_real(job, op->out[k]) || uses->n_uses[op->out[k]] == 0 ||
            n_index_uses[op->out[k]] != uses->n_uses[op->out[k]])
            return false;
    return true;
}

/* A comparison of indices, for a mask. */
static bool compares(const mwi_qjob *job, const mwi_op *op)
{
    for (size_t k = 0; k < op->n_out; k++)
        if (job->fg->tensors[op->out[k]]->dtype != MW_BOOL) return false;
    for (size_t k = 0; k < op->n_in; k++)
        if (op->in[k] >= 0 && job->values[op->in[k]].index) return op->n_out > 0;
    return false;
}

mw_status mwi_qjob_indices(mw_ctx *ctx, mwi_qjob *job)
{
    mwi_uses uses;
    void *memory;

    MWI_TRY(mwi_graph_uses(ctx, job->fg, &job->arena, &uses));
    MWI_TRY(mwi_arena_array(ctx, &job->arena, job->fg->n_tensors, sizeof(uint32_t), &memory));
    uint32_t *const n_index_uses = memory;
    for (size_t i = job->fg->n_ops; i-- > 0;) {
        const mwi_op *const op = job->fg->ops[i];
        if (!carries(job, &uses, op, n_index_uses)) continue;
        if (job->ops[i].reason[0] == '\0') job->ops[i].reason = "carries indices";
        for (size_t k = 0; k < op->n_in; k++) {
            if (!is_real(job, op->in[k])) continue;
            n_index_uses[op->in[k]]++;
            job->values[op->in[k]].index = true;
        }
    }
    for (size_t i = 0; i < job->fg->n_ops; i++)
        if (job->ops[i].reason[0] == '\0' && compares(job, job->fg->ops[i]))
            job->ops[i].reason = "compares indices";
    return MW_OK;
}
