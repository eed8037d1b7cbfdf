/* compress/optimize/optimize.c - mw_optimize: the passes on a clone, with figures before and
 * after.
 * Depends: passes/, runtime/ (summaries).  Used by: programs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

#include <string.h>

static mw_status optimize(mw_ctx *ctx, const mw_model *model, mw_model *clone,
                          const mw_optimize_options *options, mw_optimize_report *report)
{
    if (report != NULL) MWI_TRY(mw_model_summarize(ctx, model, &report->before));
    MWI_TRY(mwi_passes_run(ctx, clone, MWI_PASS_LOWER | MWI_PASS_OPTIMIZE, options, report));
    if (report != NULL) MWI_TRY(mw_model_summarize(ctx, clone, &report->after));
    return MW_OK;
}

mw_status mw_optimize(mw_ctx *ctx, const mw_model *model, const mw_optimize_options *options,
                      mw_model **out_model, mw_optimize_report *out_report)
{
    mw_model *clone;

    mwi_enter(ctx);
    *out_model = NULL;
    if (out_report != NULL) memset(out_report, 0, sizeof *out_report);
    MWI_TRY(mwi_model_clone(ctx, model, &clone));
    const mw_status st =
        mwi_prefix(ctx, optimize(ctx, model, clone, options, out_report), "%s", model->name);
    if (st == MW_OK)
        *out_model = clone;
    else
        mw_model_destroy(clone);
    return st;
}
