/* train/feed_batch.c - a batch of samples into a session, and what it computed of them.
 * Depends: train/run.  Used by: train/.     SPDX-License-Identifier: Apache-2.0 */
#include "train/run.h"

#include <string.h>

mw_status mwi_trainer_reserve(mw_ctx *ctx, mw_trainer *t, uint32_t batch)
{
    void *samples, *labels;

    if (batch <= t->room) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, &t->arena, batch, sizeof *t->samples, &samples));
    MWI_TRY(mwi_arena_array(ctx, &t->arena, batch, t->train.label_bytes, &labels));
    if (mwi_augment_any(&t->options.augment)) {
        void *image;
        MWI_TRY(mwi_arena_array(ctx, &t->arena, batch, t->train.inputs[0].bytes, &image));
        t->image = image;
    }
    t->samples = samples;
    t->labels = labels;
    t->room = batch;
    return MW_OK;
}

/* All inputs with a batch get n samples. */
static mw_status plan(mw_ctx *ctx, mw_session *session, const mwi_step_graph *g, uint32_t n)
{
    const size_t n_data = g->original->graphs[0]->n_inputs;
    mw_status st;
    void *memory;

    MWI_TRY(mwi_alloc(ctx, g->graph->n_inputs * sizeof(mw_shape), &memory));
    mw_shape *const shapes = memory;
    for (size_t i = 0; i < g->graph->n_inputs; i++) {
        const mwi_tensor *const t = g->graph->tensors[g->graph->inputs[i]];
        shapes[i].rank = t->rank;
        memcpy(shapes[i].dims, t->dims, sizeof shapes[i].dims);
        if (t->rank > 0 && (i < n_data || t->signature[0] < 0)) shapes[i].dims[0] = (int32_t)n;
    }
    st = mw_session_resize(ctx, session, shapes);
    mwi_free(ctx, memory, g->graph->n_inputs * sizeof(mw_shape));
    return st;
}

typedef struct change {
    const mw_trainer *t;
    float *out;
} change;

static void change_images(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const change *const c = arg;
    const mw_trainer *const t = c->t;
    const size_t n = t->train.inputs[0].bytes / sizeof(float);

    (void)thread;
    for (size_t i = begin; i < end; i++)
        mwi_augment_image(&t->options.augment, t->options.seed, t->at.epoch, t->samples[i],
                          &t->image_shape, t->image + i * n, c->out + i * n);
}

static mw_status fill_input(mw_ctx *ctx, mw_trainer *t, const mwi_feed_call *call, size_t input)
{
    const mwi_samples *const s = call->samples;
    const bool augment = call->augment && t->image != NULL && input == 0;
    mw_buffer buffer;

    MWI_TRY(mw_session_input(ctx, call->session, input, &buffer));
    uint8_t *const to = augment ? (uint8_t *)t->image : buffer.data;
    for (uint32_t i = 0; i < call->n; i++)
        MWI_TRY(mwi_samples_read(ctx, s, input, t->samples[i] - s->first,
                                 to + i * s->inputs[input].bytes));
    if (augment) mwi_par_for(t->pool, call->n, 1, change_images, &(change){t, buffer.data});
    return MW_OK;
}

mw_status mwi_trainer_feed(mw_ctx *ctx, mw_trainer *t, const mwi_feed_call *call)
{
    const mwi_samples *const s = call->samples;
    mw_buffer labels;

    MWI_TRY(mwi_trainer_reserve(ctx, t, call->n));
    MWI_TRY(plan(ctx, call->session, call->graph, call->n));
    for (uint32_t i = 0; i < call->n; i++)
        t->samples[i] =
            s->first + (call->order != NULL ? call->order[call->first + i] : call->first + i);
    for (size_t i = 0; i < s->n_inputs; i++) MWI_TRY(fill_input(ctx, t, call, i));
    for (uint32_t i = 0; i < call->n; i++)
        MWI_TRY(
            mwi_samples_label(ctx, s, t->samples[i] - s->first, t->labels + i * s->label_bytes));
    MWI_TRY(mw_session_input(ctx, call->session, call->graph->labels_place, &labels));
    memcpy(labels.data, t->labels, labels.bytes);
    return MW_OK;
}

mw_status mwi_trainer_add_scores(mw_ctx *ctx, const mw_trainer *t, const mwi_feed_call *call,
                                 mwi_sums *sums)
{
    const size_t rows = call->n * (t->what.n_values / t->what.width);
    mw_buffer scores, loss;

    MWI_TRY(mw_session_output(ctx, call->session, call->graph->loss_place, &loss));
    MWI_TRY(mw_session_output(ctx, call->session, call->graph->scores_place, &scores));
    sums->loss += (double)*(const float *)loss.data * call->n;
    sums->samples += call->n;
    if (t->loss->n_right == NULL) return MW_OK;
    sums->right += t->loss->n_right(scores.data, t->labels, rows, t->what.width);
    sums->n_right += t->loss->each ? rows * t->what.width : rows;
    return MW_OK;
}
