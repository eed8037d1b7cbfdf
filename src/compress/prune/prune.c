/* compress/prune/prune.c - mw_prune: the smallest weights become zero, once.
 * Depends: compress/prune/, runtime/ (summaries).  Used by: programs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/prune/channels.h"
#include "compress/prune/prune_weights.h"
#include "compress/prune/report.h"
#include "compress/prune/sparse.h"

#include <string.h>

mw_status mwi_prune_check(mw_ctx *ctx, const mw_model *model, const mw_prune_options *o)
{
    if (mwi_structure_find(o->structure) == NULL)
        return mwi_fail(ctx, MW_EINVAL, "structure %d, allowed are the numbers of mw_list's rows",
                        o->structure);
    if (!(o->sparsity >= 0 && o->sparsity < 1))
        return mwi_fail(ctx, MW_EINVAL, "%s: sparsity %g, allowed 0 up to but not including 1",
                        model->name, o->sparsity);
    return MW_OK;
}

/* ---- the weights of a model ---- */

static mw_status zero_one(mw_ctx *ctx, mw_model *model, const mwi_layer_weight *w,
                          const mwi_mask *mask, mwi_arena *scratch)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, scratch, w->axes.n, sizeof(float), &memory));
    float *const values = memory;
    for (size_t i = 0; i < w->axes.n; i++) values[i] = mask->keep[i] != 0 ? mask->values[i] : 0.0f;
    return mwi_layer_weight_set(ctx, model, w, MWI_UNIT_REAL, values);
}

mw_status mwi_prune_weights(mw_ctx *ctx, mw_model *model, const mw_prune_options *o,
                            mwi_layer_weight *weights, size_t n, mwi_arena *scratch)
{
    const mwi_structure_desc *const s = mwi_structure_find(o->structure);
    size_t n_masks = 0;
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, scratch, n, sizeof(mwi_mask), &memory));
    mwi_mask *const masks = memory;
    for (size_t i = 0; i < n; i++) {
        if (weights[i].reason[0] == '\0' && !mwi_structure_fits(s, &weights[i].axes))
            weights[i].reason = "has one input channel for each output";
        if (weights[i].reason[0] != '\0') continue;
        mwi_mask *const m = &masks[n_masks++];
        m->axes = &weights[i].axes;
        MWI_TRY(mwi_layer_weight_get(ctx, &weights[i], MWI_UNIT_REAL, scratch, &m->values));
        MWI_TRY(mwi_arena_array(ctx, scratch, m->axes->n, 1, &memory));
        m->keep = memory;
    }
    if (n_masks == 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: no kernel to prune%s%s", model->name,
                        n > 0 ? "; the first " : "", n > 0 ? weights[0].reason : "");
    MWI_TRY(mwi_masks_choose(ctx, s, o->sparsity, o->global, masks, n_masks));
    for (size_t i = 0, k = 0; i < n; i++)
        if (weights[i].reason[0] == '\0')
            MWI_TRY(zero_one(ctx, model, &weights[i], &masks[k++], scratch));
    return MW_OK;
}

/* ---- the call ---- */

static mw_status prune_clone(mw_ctx *ctx, const mw_model *model, mw_model *clone,
                             const mw_prune_options *o, mw_prune_report *report)
{
    mwi_layer_weight *weights;
    mwi_arena scratch;
    size_t n;
    mw_status st;

    mwi_arena_init(ctx, &scratch);
    MWI_GOTO(mwi_densify(ctx, clone));
    MWI_GOTO(mwi_layer_weights_find(ctx, clone, o->skip, o->n_skip, &scratch, &weights, &n));
    MWI_GOTO(mwi_prune_weights(ctx, clone, o, weights, n, &scratch));
    MWI_GOTO(mwi_model_verify(ctx, clone));
    if (report != NULL)
        st =
            mwi_prune_report_fill(ctx, model, clone, weights, n, NULL, MWI_COUNT_NO_VALUES, report);
out:
    mwi_arena_deinit(&scratch);
    return st;
}

mw_status mw_prune(mw_ctx *ctx, const mw_model *model, const mw_prune_options *options,
                   mw_model **out_model, mw_prune_report *out_report)
{
    mw_model *clone;

    mwi_enter(ctx);
    *out_model = NULL;
    if (out_report != NULL) memset(out_report, 0, sizeof *out_report);
    MWI_TRY(mwi_prune_check(ctx, model, options));
    if (options->structure == MW_STRUCTURE_CHANNEL)
        return mwi_prune_channels(ctx, model, options, out_model, out_report);
    MWI_TRY(mwi_model_clone(ctx, model, &clone));
    const mw_status st = prune_clone(ctx, model, clone, options, out_report);
    if (st == MW_OK)
        *out_model = clone;
    else
        mw_model_destroy(clone);
    return st;
}
