/* compress/prune/channels.c - mw_prune with whole channels: ties, choice, the smaller model.
 * Depends: compress/prune/channels, formats/keras/narrow.  Used by: prune.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/prune/channels.h"

#include "compress/prune/report.h"
#include "compress/prune/sparse.h"
#include "formats/keras/narrow.h"

#include <string.h>

struct job {
    const mw_model *model;
    const mw_prune_options *options;
    mwi_channel_goal goal;
    mw_model *dense; /* a clone, its constants dense: indices of tensors are of its main graph */
    mw_model *result;
    mwi_channel_ties ties;
    mwi_layer_weight *weights; /* of dense */
    size_t n_weights;
    uint64_t *n_before; /* by weight */
    mwi_arena arena;
};

/* Constants that a layer's config gives, not its weights, cannot change. */
static void fix_constants_of_configs(struct job *j)
{
    const mwi_graph *const g = j->dense->graphs[0];

    for (size_t i = 0; i < g->n_ops; i++) {
        const mwi_op *const op = g->ops[i];
        for (size_t k = 0; k < op->n_in; k++) {
            const mwi_tensor *const t = op->in[k] < 0 ? NULL : g->tensors[op->in[k]];
            if (t != NULL && t->data != NULL && t->source < 0 && op->desc->linear == NULL)
                mwi_fix_tensor(&j->ties, op->in[k]);
        }
    }
}

static mw_status find_ties(mw_ctx *ctx, struct job *j)
{
    const mwi_graph *const g = j->dense->graphs[0];
    void *memory;

    MWI_TRY(mwi_channel_ties_find(ctx, g, &j->arena, &j->ties));
    if (!mwi_keras_has_layers(j->model)) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, &j->arena, g->n_tensors, sizeof(bool), &memory));
    const bool *const fixed = memory;
    MWI_TRY(mwi_keras_fixed_values(ctx, j->dense, memory));
    for (size_t t = 0; t < g->n_tensors; t++)
        if (fixed[t]) mwi_fix_tensor(&j->ties, (int32_t)t);
    fix_constants_of_configs(j);
    return MW_OK;
}

/* Layers of other subgraphs do not take part. */
static mw_status find_weights(mw_ctx *ctx, struct job *j)
{
    mwi_layer_weight *all;
    void *memory;
    size_t n;

    MWI_TRY(mwi_layer_weights_find(ctx, j->dense, j->options->skip, j->options->n_skip, &j->arena,
                                   &all, &n));
    j->weights = all;
    for (size_t i = 0; i < n; i++)
        if (all[i].graph == j->dense->graphs[0]) all[j->n_weights++] = all[i];
    MWI_TRY(mwi_arena_array(ctx, &j->arena, n, sizeof *j->n_before, &memory));
    j->n_before = memory;
    for (size_t i = 0; i < j->n_weights; i++) j->n_before[i] = j->weights[i].axes.n;
    return MW_OK;
}

static bool stays(const void *self, int32_t tensor, int32_t axis, int32_t index)
{
    return !mwi_channel_is_gone(self, tensor, axis, index);
}

static mw_status make_smaller(mw_ctx *ctx, struct job *j)
{
    const mwi_keras_kept kept = {stays, &j->ties};
    mw_model *smaller;
    mw_status st;

    MWI_TRY(mwi_model_clone(ctx, j->dense, &smaller));
    st = mwi_channels_remove(ctx, smaller, &j->ties);
    if (st == MW_OK && mwi_keras_has_layers(j->model)) {
        st = mwi_keras_narrow(ctx, j->dense, &kept, smaller, &j->result);
        mw_model_destroy(smaller);
        return st;
    }
    if (st == MW_OK)
        j->result = smaller;
    else
        mw_model_destroy(smaller);
    return st;
}

/* Layers keep their order, so that weights before and after stand beside each other. */
static mw_status report(mw_ctx *ctx, struct job *j, mw_prune_report *out)
{
    mwi_layer_weight *after;
    size_t n;

    if (out == NULL) return MW_OK;
    MWI_TRY(mwi_layer_weights_find(ctx, j->result, NULL, 0, &j->arena, &after, &n));
    for (size_t i = 0; i < n && i < j->n_weights; i++) after[i].reason = j->weights[i].reason;
    return mwi_prune_report_fill(ctx, j->model, j->result, after,
                                 n < j->n_weights ? n : j->n_weights, j->n_before,
                                 MWI_COUNT_NO_VALUES, out);
}

static mw_status prune(mw_ctx *ctx, struct job *j, mw_prune_report *out_report)
{
    mw_model_summary summary;

    MWI_TRY(mwi_model_clone(ctx, j->model, &j->dense));
    MWI_TRY(mwi_densify(ctx, j->dense));
    MWI_TRY(find_ties(ctx, j));
    MWI_TRY(find_weights(ctx, j));
    MWI_TRY(mw_model_summarize(ctx, j->dense, &summary));
    MWI_TRY(mwi_channels_choose(ctx, &j->ties, j->weights, j->n_weights, summary.macs, &j->goal,
                                &j->arena));
    MWI_TRY(make_smaller(ctx, j));
    return report(ctx, j, out_report);
}

static mw_status run(mw_ctx *ctx, struct job *j, mw_model **out_model, mw_prune_report *out_report)
{
    mwi_arena_init(ctx, &j->arena);
    const mw_status st = mwi_prefix(ctx, prune(ctx, j, out_report), "%s", j->model->name);
    mwi_arena_deinit(&j->arena);
    mw_model_destroy(j->dense);
    if (st == MW_OK)
        *out_model = j->result;
    else
        mw_model_destroy(j->result);
    return st;
}

mw_status mwi_prune_channels(mw_ctx *ctx, const mw_model *model, const mw_prune_options *options,
                             mw_model **out_model, mw_prune_report *out_report)
{
    struct job j = {.model = model,
                    .options = options,
                    .goal = {.share = options->sparsity, .global = options->global}};

    return run(ctx, &j, out_model, out_report);
}

mw_status mwi_thin_channels(mw_ctx *ctx, const mw_model *model, double width, mw_model **out_model)
{
    static const mw_prune_options none;
    struct job j = {.model = model, .options = &none, .goal = {.width = width}};

    return run(ctx, &j, out_model, NULL);
}
