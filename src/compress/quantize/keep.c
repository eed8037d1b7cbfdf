/* compress/quantize/keep.c - operators that the user wants in float, by name or pattern.
 * Depends: compress/quantize/job.  Used by: mw_quantize.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/job.h"

#include "base/text.h"

static bool matches(const mwi_graph *g, const mwi_op *op, const char *pattern)
{
    if (mwi_glob_match(pattern, mwi_op_name(op))) return true;
    if (op->layer != NULL && mwi_glob_match(pattern, op->layer)) return true;
    for (size_t k = 0; k < op->n_out; k++)
        if (mwi_glob_match(pattern, g->tensors[op->out[k]]->name)) return true;
    return false;
}

mw_status mwi_qjob_keep(mw_ctx *ctx, mwi_qjob *job)
{
    const mw_quantize_options *const o = job->options;

    for (size_t p = 0; p < o->n_keep; p++) {
        size_t n = 0;
        for (size_t i = 0; i < job->fg->n_ops; i++) {
            if (!matches(job->fg, job->fg->ops[i], o->keep[p])) continue;
            job->ops[i].reason = "kept by name";
            n++;
        }
        if (n == 0)
            return mwi_fail(ctx, MW_EINVAL,
                            "%s: '%s' matches no layer, tensor or operator of the optimised "
                            "model; its layers are '%s' and so on, see the dump of the model",
                            job->flt->name, o->keep[p],
                            job->fg->n_ops > 0 && job->fg->ops[0]->n_out > 0
                                ? job->fg->tensors[job->fg->ops[0]->out[0]]->name
                                : "");
    }
    return MW_OK;
}
