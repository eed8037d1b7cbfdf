/* compress/quantize/keep.c - operators that the user wants in float, by name or pattern.
 * Depends: compress/quantize/job.  Used by: mw_quantize.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/quantize/job.h"

static size_t mark(mwi_qjob *job, const char *pattern)
{
    size_t n = 0;

    for (size_t i = 0; i < job->fg->n_ops; i++) {
        if (!mwi_op_matches(job->fg, job->fg->ops[i], pattern)) continue;
        job->ops[i].reason = "kept by name";
        n++;
    }
    return n;
}

mw_status mwi_qjob_keep(mw_ctx *ctx, mwi_qjob *job)
{
    const mw_quantize_options *const o = job->options;

    for (size_t p = 0; p < o->n_keep; p++) {
        size_t n = mark(job, o->keep[p]);
        for (size_t i = 0; i < job->n_others; i++) n += mark(&job->others[i], o->keep[p]);
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
