/* train/validate.c - loss and accuracy of the present weights on the validation set: a copy of the
 * model with the values as its constants, in inference form.
 * Depends: train/run.  Used by: train/trainer.     SPDX-License-Identifier: Apache-2.0 */
#include "train/run.h"

#include <string.h>

mw_status mwi_trainer_open_validation(mw_ctx *ctx, mw_trainer *t)
{
    mwi_step_graph *const g = &t->validation_graph;

    g->original = t->original;
    g->arena = &t->arena;
    g->options = &t->options;
    MWI_TRY(mwi_step_open(ctx, g, t->loss));
    for (size_t i = 0; i < t->n_parts; i++)
        if (t->parts[i].build_validation != NULL)
            MWI_TRY(mwi_prefix(ctx, t->parts[i].build_validation(t->parts[i].self, ctx, g), "%s",
                               t->parts[i].name));
    return mwi_step_close(ctx, g);
}

mw_status mwi_trainer_bake(mw_ctx *ctx, const mw_trainer *t, mw_model *model)
{
    void *memory;

    for (size_t i = 0; i < t->graph.n_params; i++) {
        const mwi_param *const p = t->graph.params[i];
        if (p->tensor < 0) continue;
        mwi_tensor *const to = model->graphs[0]->tensors[p->tensor];
        MWI_TRY(mwi_arena_copy(ctx, &model->arena, p->value, p->n * sizeof *p->value, &memory));
        to->data = memory;
        to->bytes = p->n * sizeof *p->value;
    }
    return MW_OK;
}

static mw_status bake_parts(mw_ctx *ctx, mw_trainer *t, mw_model *model)
{
    for (size_t i = 0; i < t->n_parts; i++)
        if (t->parts[i].bake != NULL) MWI_TRY(t->parts[i].bake(t->parts[i].self, ctx, t, model));
    return MW_OK;
}

static mw_status walk(mw_ctx *ctx, mw_trainer *t, mw_session *session, mwi_sums *sums)
{
    const mwi_samples *const s = &t->validation;

    for (uint64_t at = 0; at < s->n; at += t->options.batch) {
        const uint32_t n = s->n - at < t->options.batch ? (uint32_t)(s->n - at) : t->options.batch;
        const mwi_feed_call call = {
            .session = session, .graph = &t->validation_graph, .samples = s, .first = at, .n = n};
        MWI_TRY(mwi_progress(ctx, "validate", at, s->n));
        MWI_TRY(mwi_trainer_feed(ctx, t, &call));
        MWI_TRY(mw_session_run(ctx, session));
        MWI_TRY(mwi_trainer_add_scores(ctx, t, &call, sums));
    }
    return MW_OK;
}

mw_status mwi_trainer_validate(mw_ctx *ctx, mw_trainer *t, mw_epoch *out)
{
    const mw_session_options options = {.n_threads = t->options.n_threads};
    mw_session *session = NULL;
    mw_model *model;
    mwi_sums sums = {0};
    mw_status st;

    MWI_TRY(mwi_model_clone(ctx, t->validation_graph.model, &model));
    MWI_GOTO(mwi_trainer_bake(ctx, t, model));
    MWI_GOTO(bake_parts(ctx, t, model));
    MWI_GOTO(mw_session_create(ctx, model, &options, &session));
    MWI_GOTO(walk(ctx, t, session, &sums));
    out->val_loss = sums.loss / (double)sums.samples + mwi_gradients_penalty(t);
    if (sums.n_right > 0) out->val_accuracy = (double)sums.right / (double)sums.n_right;
out:
    mw_session_destroy(session);
    mw_model_destroy(model);
    return st;
}
