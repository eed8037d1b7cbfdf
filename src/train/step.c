/* train/step.c - one step: the batch and the weights go into the graph; gradients and statistics
 * come out; the optimizer changes the weights.
 * Depends: train/run.  Used by: train/trainer.     SPDX-License-Identifier: Apache-2.0 */
#include "train/run.h"

#include "train/schedule.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { GRAIN = 16384 }; /* weights that a thread updates at a time */

mw_status mwi_trainer_input(mw_ctx *ctx, mw_trainer *t, size_t index, void **out, size_t *out_bytes)
{
    mw_buffer b;

    MWI_TRY(mw_session_input(ctx, t->session, index, &b));
    *out = b.data;
    if (out_bytes != NULL) *out_bytes = b.bytes;
    return MW_OK;
}

mw_status mwi_trainer_output(mw_ctx *ctx, mw_trainer *t, size_t index, const void **out,
                             size_t *out_bytes)
{
    mw_buffer b;

    MWI_TRY(mw_session_output(ctx, t->session, index, &b));
    *out = b.data;
    if (out_bytes != NULL) *out_bytes = b.bytes;
    return MW_OK;
}

static mw_status put_params(mw_ctx *ctx, mw_trainer *t)
{
    const int32_t step[] = {(int32_t)(uint32_t)t->options.seed, (int32_t)(uint32_t)t->at.step};
    void *to;

    for (size_t i = 0; i < t->graph.n_params; i++) {
        const mwi_param *const p = t->graph.params[i];
        if (p->input < 0) continue;
        MWI_TRY(mwi_trainer_input(ctx, t, p->input_place, &to, NULL));
        memcpy(to, p->value, p->n * sizeof *p->value);
    }
    MWI_TRY(mwi_trainer_input(ctx, t, t->graph.step_place, &to, NULL));
    memcpy(to, step, sizeof step);
    return MW_OK;
}

/* Gradients lie in the session's memory, where they may be changed until the next run. */
static mw_status find_gradients(mw_ctx *ctx, mw_trainer *t)
{
    mw_buffer b;

    for (size_t i = 0; i < t->graph.n_params; i++) {
        mwi_param *const p = t->graph.params[i];
        p->gradient = NULL;
        if (!p->has_gradient) continue;
        MWI_TRY(mw_session_output(ctx, t->session, p->gradient_place, &b));
        p->gradient = b.data;
    }
    return MW_OK;
}

/* ---- moving averages ---- */

static mw_status move(mw_ctx *ctx, mw_trainer *t, size_t place, float momentum, float factor,
                      mwi_param *p)
{
    const void *data;

    MWI_TRY(mwi_trainer_output(ctx, t, place, &data, NULL));
    for (size_t i = 0; i < p->n; i++)
        p->value[i] = p->value[i] * momentum + ((const float *)data)[i] * factor * (1 - momentum);
    return MW_OK;
}

static mw_status move_statistics(mw_ctx *ctx, mw_trainer *t, uint32_t batch)
{
    for (size_t i = 0; i < t->graph.n_norms; i++) {
        const mwi_step_norm *const n = &t->graph.norms[i];
        const mwi_tensor *const x = t->graph.graph->tensors[n->x];
        double count = batch; /* values of a channel */
        for (int32_t k = 1; k + 1 < x->rank; k++) count *= x->dims[k];
        const float unbiased = n->unbiased && count > 1 ? (float)(count / (count - 1)) : 1.0f;
        MWI_TRY(move(ctx, t, n->mean_place, n->momentum, 1, n->mean));
        MWI_TRY(move(ctx, t, n->variance_place, n->momentum, unbiased, n->variance));
    }
    return MW_OK;
}

/* ---- weights ---- */

typedef struct update {
    const mwi_optimizer_desc *optimizer;
    mwi_update u;
} update;

static void update_range(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const update *const u = arg;

    (void)thread;
    u->optimizer->update(&u->u, begin, end);
}

static void update_params(mw_trainer *t, double rate)
{
    for (size_t i = 0; i < t->graph.n_params; i++) {
        const mwi_param *const p = t->graph.params[i];
        update u = {t->optimizer,
                    {.value = p->value,
                     .gradient = p->gradient,
                     .learning_rate = (float)(rate * p->learning_rate),
                     .step = t->at.step + 1,
                     .options = &t->options}};
        if (p->gradient == NULL) continue;
        memcpy(u.u.slots, p->slots, sizeof p->slots);
        mwi_par_for(t->pool, p->n, GRAIN, update_range, &u);
    }
}

/* ---- the step ---- */

static mw_status run_graph(mw_ctx *ctx, mw_trainer *t, const mwi_feed_call *call)
{
    MWI_TRY(mwi_trainer_feed(ctx, t, call));
    MWI_TRY(put_params(ctx, t));
    for (size_t i = 0; i < t->n_parts; i++)
        if (t->parts[i].feed != NULL)
            MWI_TRY(t->parts[i].feed(t->parts[i].self, ctx, t, t->samples, call->n));
    MWI_TRY(mw_session_run(ctx, t->session));
    return find_gradients(ctx, t);
}

static mw_status fail_loss(mw_ctx *ctx, const mw_trainer *t, double loss)
{
    return mwi_fail(ctx, MW_EFORMAT,
                    "the loss is %g in step %" PRIu64 " (epoch %" PRIu64
                    "): take a smaller learning rate (it is %g), clip gradients, or look for "
                    "values in the data that are not finite or very large",
                    loss, t->at.step + 1, t->at.epoch + 1, t->at.last_rate);
}

mw_status mwi_trainer_step(mw_ctx *ctx, mw_trainer *t, uint32_t batch)
{
    const mwi_feed_call call = {.session = t->session,
                                .graph = &t->graph,
                                .samples = &t->train,
                                .order = t->order,
                                .first = t->at.sample,
                                .n = batch,
                                .augment = true};
    mwi_sums sums = {0};
    double penalty;

    t->at.last_rate = t->options.learning_rate *
                      mwi_schedule_factor(&t->options, mwi_trainer_progress(t), t->at.step);
    MWI_TRY(run_graph(ctx, t, &call));
    MWI_TRY(mwi_trainer_add_scores(ctx, t, &call, &sums));
    mwi_gradients_finish(t, &penalty);
    t->at.last_loss = sums.loss / batch + penalty;
    if (!isfinite(t->at.last_loss)) return fail_loss(ctx, t, t->at.last_loss);
    for (size_t i = 0; i < t->n_parts; i++)
        if (t->parts[i].after_step != NULL)
            MWI_TRY(t->parts[i].after_step(t->parts[i].self, ctx, t, t->at.step));
    update_params(t, t->at.last_rate);
    MWI_TRY(move_statistics(ctx, t, batch));
    t->at.step++;
    t->at.sample += batch;
    t->at.sums.loss += sums.loss + penalty * batch;
    t->at.sums.right += sums.right;
    t->at.sums.n_right += sums.n_right;
    t->at.sums.samples += batch;
    for (size_t i = 0; i < t->n_parts; i++)
        if (t->parts[i].after_update != NULL)
            MWI_TRY(t->parts[i].after_update(t->parts[i].self, ctx, t, t->at.step));
    return MW_OK;
}
