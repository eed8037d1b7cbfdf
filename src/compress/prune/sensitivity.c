/* compress/prune/sensitivity.c - how much each layer can be pruned: one layer at a time, measured
 * on data.
 * Depends: compress/prune/, evaluate through milliwatt/evaluate.h.  Used by: programs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/prune/prune_weights.h"
#include "compress/prune/sparse.h"

#include <milliwatt/evaluate.h>

#include <math.h>
#include <string.h>

static const double usual[] = {0.5, 0.6, 0.7, 0.8, 0.9, 0.95};

struct job {
    const mw_model *model; /* dense */
    const mw_prune_options *options;
    mw_dataset *data;
    uint32_t n_threads;
    const double *sparsities;
    size_t n_sparsities;
    mwi_arena *arena; /* of the report */
};

/* Weight `only` of a clone is pruned, then measured against the model as it is. */
static mw_status measure_clone(mw_ctx *ctx, const struct job *j, mw_model *clone, size_t only,
                               double sparsity, mw_evaluation *out)
{
    const mw_evaluate_options how = {.against = j->model, .n_threads = j->n_threads};
    mw_prune_options o = *j->options;
    mwi_layer_weight *weights;
    mwi_arena scratch;
    size_t n;
    mw_status st;

    o.sparsity = sparsity;
    mwi_arena_init(ctx, &scratch);
    MWI_GOTO(mwi_layer_weights_find(ctx, clone, NULL, 0, &scratch, &weights, &n));
    for (size_t i = 0; i < n; i++)
        if (i != only) weights[i].reason = "is not the one that is measured";
    MWI_GOTO(mwi_prune_weights(ctx, clone, &o, weights, n, &scratch));
    st = mw_evaluate(ctx, clone, j->data, &how, out);
out:
    mwi_arena_deinit(&scratch);
    return st;
}

static mw_status measure(mw_ctx *ctx, const struct job *j, const mwi_layer_weight *w, size_t only,
                         double sparsity, mw_sensitivity *out)
{
    const mwi_structure_desc *const s = mwi_structure_find(j->options->structure);
    mw_evaluation e;
    mw_model *clone;

    MWI_TRY(mwi_model_clone(ctx, j->model, &clone));
    const mw_status st = measure_clone(ctx, j, clone, only, sparsity, &e);
    mw_model_destroy(clone);
    MWI_TRY(st);
    *out = (mw_sensitivity){.sparsity = s->of > 0 ? 1 - (double)s->keep / (double)s->of : sparsity,
                            .top1 = e.top1,
                            .sqnr_db = e.sqnr_db};
    return mwi_arena_printf(ctx, j->arena, &out->name, "%s", w->name);
}

static bool takes_part(const struct job *j, const mwi_layer_weight *w)
{
    return w->reason[0] == '\0' &&
           mwi_structure_fits(mwi_structure_find(j->options->structure), &w->axes);
}

static mw_status measure_all(mw_ctx *ctx, const struct job *j, const mwi_layer_weight *weights,
                             size_t n, mw_sensitivity_report *out)
{
    void *memory;
    size_t n_rows = 0;

    for (size_t i = 0; i < n; i++) n_rows += takes_part(j, &weights[i]) ? j->n_sparsities : 0;
    if (n_rows == 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED, "%s: no kernel to prune", j->model->name);
    MWI_TRY(mwi_arena_array(ctx, j->arena, n_rows, sizeof *out->rows, &memory));
    out->rows = memory;
    for (size_t i = 0; i < n; i++) {
        if (!takes_part(j, &weights[i])) continue;
        for (size_t k = 0; k < j->n_sparsities; k++) {
            MWI_TRY(mwi_progress(ctx, "measure", out->n_rows, n_rows));
            MWI_TRY(measure(ctx, j, &weights[i], i, j->sparsities[k], &out->rows[out->n_rows]));
            out->n_rows++;
        }
    }
    return MW_OK;
}

static mw_status find_and_measure(mw_ctx *ctx, struct job *j, mw_model *dense,
                                  mw_sensitivity_report *out)
{
    const mw_evaluate_options how = {.n_threads = j->n_threads};
    mwi_layer_weight *weights;
    mw_evaluation e;
    mwi_arena scratch;
    size_t n;
    mw_status st;

    mwi_arena_init(ctx, &scratch);
    MWI_GOTO(mwi_densify(ctx, dense));
    MWI_GOTO(mwi_layer_weights_find(ctx, dense, j->options->skip, j->options->n_skip, &scratch,
                                    &weights, &n));
    MWI_GOTO(mw_evaluate(ctx, dense, j->data, &how, &e));
    out->top1 = e.top1;
    st = measure_all(ctx, j, weights, n, out);
out:
    mwi_arena_deinit(&scratch);
    return st;
}

static mw_status check(mw_ctx *ctx, const struct job *j)
{
    const mwi_structure_desc *const s = mwi_structure_find(j->options->structure);

    for (size_t i = 0; i < j->n_sparsities; i++) {
        mw_prune_options o = *j->options;
        o.sparsity = j->sparsities[i];
        MWI_TRY(mwi_prune_check(ctx, j->model, &o));
    }
    if (s->block_in == 0)
        return mwi_fail(ctx, MW_EUNSUPPORTED,
                        "%s: sensitivity is measured for zeros among weights, not for '%s'",
                        j->model->name, s->name);
    return MW_OK;
}

mw_status mw_prune_sensitivity(mw_ctx *ctx, const mw_model *model, const mw_prune_options *options,
                               mw_dataset *data, const double *sparsities, size_t n,
                               uint32_t n_threads, mw_sensitivity_report *out_report)
{
    struct job j = {.model = model,
                    .options = options,
                    .data = data,
                    .n_threads = n_threads,
                    .sparsities = sparsities == NULL ? usual : sparsities,
                    .n_sparsities = sparsities == NULL ? MWI_COUNT(usual) : n};
    void *memory;
    mw_model *dense;
    mwi_arena arena;

    mwi_enter(ctx);
    memset(out_report, 0, sizeof *out_report);
    MWI_TRY(check(ctx, &j));
    if (mwi_structure_find(options->structure)->of > 0 && sparsities == NULL) j.n_sparsities = 1;
    MWI_TRY(mwi_model_clone(ctx, model, &dense));
    mwi_arena_init(ctx, &arena);
    j.model = dense;
    j.arena = &arena;
    mw_status st = mwi_arena_alloc(ctx, &arena, sizeof arena, &memory);
    if (st == MW_OK) st = find_and_measure(ctx, &j, dense, out_report);
    mw_model_destroy(dense);
    if (st != MW_OK) {
        mwi_arena_deinit(&arena);
        memset(out_report, 0, sizeof *out_report);
        return st;
    }
    out_report->arena = memory; /* the arena lies in itself */
    *out_report->arena = arena;
    return MW_OK;
}

void mw_sensitivity_report_free(mw_sensitivity_report *report)
{
    if (report == NULL || report->arena == NULL) return;
    mwi_arena arena = *report->arena;
    mwi_arena_deinit(&arena);
    memset(report, 0, sizeof *report);
}
