/* train/trainer.c - a run: opening, epochs, early stopping, checkpoints, the trained model.
 * Depends: train/run.  Used by: api/, compress/.
 * Holds:   (1) a step changes everything or nothing: a run stops between steps;  (2) all that later
 *          steps depend on is in a checkpoint.     SPDX-License-Identifier: Apache-2.0 */
#include "train/run.h"

#include "base/clock.h"
#include "formats/keras/trainees.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what parts and hooks ask ---- */

size_t mwi_trainer_n_params(const mw_trainer *t) { return t->graph.n_params; }
mwi_param *mwi_trainer_param(mw_trainer *t, size_t index) { return t->graph.params[index]; }
mwi_pool *mwi_trainer_pool(mw_trainer *t) { return t->pool; }

static uint64_t steps_for(uint64_t samples, uint32_t batch)
{
    return (samples + batch - 1) / batch;
}

uint64_t mwi_trainer_n_steps(const mw_trainer *t)
{
    const uint64_t per_epoch = steps_for(t->train.n, t->at.batch);

    if (t->at.epoch >= t->options.epochs) return t->at.step;
    return t->at.step + steps_for(t->train.n - t->at.sample, t->at.batch) +
           (t->options.epochs - t->at.epoch - 1) * per_epoch;
}

double mwi_trainer_progress(const mw_trainer *t)
{
    return ((double)t->at.epoch * (double)t->train.n + (double)t->at.sample) /
           ((double)t->options.epochs * (double)t->train.n);
}

void mw_trainer_set_batch(mw_trainer *t, uint32_t batch)
{
    t->at.batch = batch < 1 ? 1 : batch > t->train.n ? (uint32_t)t->train.n : batch;
}

/* ---- opening ---- */

static mw_status open_data(mw_ctx *ctx, mw_trainer *t, mw_dataset *train, mw_dataset *validation)
{
    const uint64_t n = mw_dataset_n_samples(train);
    mwi_samples_options s = {.model = t->original};

    if (t->options.validation_split > 0 && validation != NULL)
        return mwi_fail(ctx, MW_EINVAL, "there is a validation set: a split does nothing");
    s.n = t->options.validation_split > 0
              ? (uint64_t)floor((double)n * (1 - t->options.validation_split))
              : n;
    t->validates = validation != NULL || s.n < n;
    t->what.n_labels = mw_dataset_label_size(train, &t->what.integers);
    MWI_TRY(mwi_loss_choose(ctx, &t->options, &t->what, &t->loss));
    s.what = t->what;
    s.loss = t->loss;
    MWI_TRY(mwi_samples_open(ctx, train, &t->arena, &s, &t->train));
    if (!t->validates) return MW_OK;
    if (validation == NULL) {
        validation = train;
        s.first = s.n;
        s.n = n - s.n;
    } else {
        s.n = mw_dataset_n_samples(validation);
        if (mw_dataset_label_size(validation, NULL) != t->what.n_labels)
            return mwi_fail(ctx, MW_EINVAL,
                            "a sample of the validation set has %zu labels, of the training set "
                            "%zu",
                            mw_dataset_label_size(validation, NULL), t->what.n_labels);
    }
    return mwi_prefix(ctx, mwi_samples_open(ctx, validation, &t->arena, &s, &t->validation),
                      "validation set");
}

static mw_status open_images(mw_ctx *ctx, mw_trainer *t)
{
    const mw_tensor_info *const in = &t->train.inputs[0].info;

    if (!mwi_augment_any(&t->options.augment)) return MW_OK;
    if (in->rank != 4 || in->dtype != MW_FLOAT32)
        return mwi_fail(ctx, MW_EINVAL,
                        "images are changed while training: input '%s' is no float image "
                        "[batch, height, width, channels]",
                        in->name);
    if (t->train.labels == NULL)
        return mwi_fail(ctx, MW_EINVAL,
                        "images are not changed while training where they are the labels too");
    t->image_shape = (mwi_image_shape){in->dims[1], in->dims[2], in->dims[3]};
    return MW_OK;
}

static mw_status open_graph(mw_ctx *ctx, mw_trainer *t)
{
    const mw_session_options options = {.n_threads = t->options.n_threads};
    mwi_step_graph *const g = &t->graph;

    g->original = t->original;
    g->arena = &t->arena;
    g->options = &t->options;
    g->training = true;
    MWI_TRY(mwi_step_open(ctx, g, t->loss));
    for (size_t i = 0; i < t->n_parts; i++)
        if (t->parts[i].build != NULL)
            MWI_TRY(mwi_prefix(ctx, t->parts[i].build(t->parts[i].self, ctx, g), "%s",
                               t->parts[i].name));
    MWI_TRY(mwi_step_close(ctx, g));
    return mw_session_create(ctx, g->model, &options, &t->session);
}

static mw_status open_slots(mw_ctx *ctx, mw_trainer *t)
{
    const int n = t->optimizer->n_slots(&t->options);
    void *memory;

    for (size_t i = 0; i < t->graph.n_params; i++) {
        mwi_param *const p = t->graph.params[i];
        for (int k = 0; k < n && p->has_gradient; k++) {
            MWI_TRY(mwi_arena_array(ctx, &t->arena, p->n, sizeof *p->value, &memory));
            p->slots[k] = memory;
        }
    }
    if (!t->options.keep_best) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, &t->arena, t->graph.n_params, sizeof *t->best, &memory));
    t->best = memory;
    for (size_t i = 0; i < t->graph.n_params; i++) {
        const mwi_param *const p = t->graph.params[i];
        MWI_TRY(mwi_arena_copy(ctx, &t->arena, p->value, p->n * sizeof *p->value, &memory));
        t->best[i] = memory;
    }
    return MW_OK;
}

static mw_status open_run(mw_ctx *ctx, mw_trainer *t, mw_dataset *train, mw_dataset *validation)
{
    void *memory;

    MWI_TRY(mwi_keras_check_training(ctx, t->original));
    MWI_TRY(mwi_step_look(ctx, t->original, &t->what));
    MWI_TRY(open_data(ctx, t, train, validation));
    MWI_TRY(open_images(ctx, t));
    MWI_TRY(mwi_pool_create(ctx, t->options.n_threads, &t->pool));
    MWI_TRY(open_graph(ctx, t));
    if (t->validates) MWI_TRY(mwi_trainer_open_validation(ctx, t));
    MWI_TRY(open_slots(ctx, t));
    MWI_TRY(mwi_arena_array(ctx, &t->arena, (size_t)t->train.n, sizeof *t->order, &memory));
    t->order = memory;
    t->at.best = t->at.last_loss = (double)NAN;
    mw_trainer_set_batch(t, t->options.batch);
    return MW_OK;
}

static mw_status start(mw_ctx *ctx, mw_trainer *t)
{
    const mw_train_options *const o = &t->options;

    if (o->resume && mwi_file_exists(o->checkpoint)) MWI_TRY(mwi_checkpoint_load(ctx, t));
    for (size_t i = 0; i < t->n_parts && t->at.step == 0; i++)
        if (t->parts[i].after_update != NULL)
            MWI_TRY(t->parts[i].after_update(t->parts[i].self, ctx, t, 0));
    return MW_OK;
}

/* ---- epochs ---- */

static void tell(mw_trainer *t, bool before, uint32_t batch, double step_us)
{
    const mw_train_hooks *const h = t->options.hooks;
    const mw_step_state state = {.epoch = t->at.epoch,
                                 .step = t->at.step - (before ? 0 : 1),
                                 .steps_per_epoch = steps_for(t->train.n, t->at.batch),
                                 .batch = batch,
                                 .learning_rate = t->at.last_rate,
                                 .loss = t->at.last_loss,
                                 .step_us = step_us};

    if (h == NULL) return;
    if (before && h->before_step != NULL) h->before_step(h->self, t, &state);
    if (!before && h->after_step != NULL) h->after_step(h->self, t, &state);
}

static uint32_t next_batch(const mw_trainer *t)
{
    const uint64_t left = t->train.n - t->at.sample;
    return left < t->at.batch ? (uint32_t)left : t->at.batch;
}

static mw_status show_progress(mw_ctx *ctx, const mw_trainer *t)
{
    char what[120];
    const mwi_sums *const s = &t->at.sums;
    const double n = s->samples > 0 ? (double)s->samples : (double)NAN;

    if (s->n_right > 0)
        (void)snprintf(
            what, sizeof what, "epoch %" PRIu64 "/%" PRIu64 ", loss %.4f, accuracy %.4f, sample",
            t->at.epoch + 1, t->options.epochs, s->loss / n, (double)s->right / (double)s->n_right);
    else
        (void)snprintf(what, sizeof what, "epoch %" PRIu64 "/%" PRIu64 ", loss %.4g, sample",
                       t->at.epoch + 1, t->options.epochs, s->loss / n);
    return mwi_progress(ctx, what, t->at.sample, t->train.n);
}

static mw_status train_epoch(mw_ctx *ctx, mw_trainer *t)
{
    if (t->options.keep_order)
        for (uint64_t i = 0; i < t->train.n; i++) t->order[i] = (uint32_t)i;
    else
        mwi_samples_shuffle(t->options.seed, t->at.epoch, t->train.n, t->order);
    while (t->at.sample < t->train.n) {
        MWI_TRY(show_progress(ctx, t));
        tell(t, true, next_batch(t), 0);
        const uint32_t batch = next_batch(t); /* the hook may have changed it */
        const uint64_t begin = mwi_now_ns();
        MWI_TRY(mwi_trainer_step(ctx, t, batch));
        const double ns = (double)(mwi_now_ns() - begin);
        t->at.seconds += ns / 1e9;
        tell(t, false, batch, ns / 1e3);
    }
    return MW_OK;
}

/* The last step's update is looked at here, so that no checkpoint holds what cannot be gone on
 * from. */
static mw_status check_weights(mw_ctx *ctx, const mw_trainer *t)
{
    for (size_t k = 0; k < t->graph.n_params; k++) {
        const mwi_param *const p = t->graph.params[k];
        for (size_t i = 0; i < p->n; i++)
            if (!isfinite(p->value[i]))
                return mwi_fail(ctx, MW_EFORMAT,
                                "weight '%s' is %g after step %" PRIu64 " (epoch %" PRIu64
                                "): take a smaller learning rate (it is %g), or clip gradients",
                                p->name, (double)p->value[i], t->at.step, t->at.epoch + 1,
                                t->at.last_rate);
    }
    return MW_OK;
}

static mw_status add_epoch(mw_ctx *ctx, mw_trainer *t, const mw_epoch *e)
{
    MWI_TRY(mwi_arena_grow(ctx, &t->arena, &t->epochs, t->n_epochs, &t->epochs_capacity,
                           sizeof *t->epochs));
    t->epochs[t->n_epochs++] = *e;
    return MW_OK;
}

static void judge(mw_trainer *t, const mw_epoch *e)
{
    const double measure = t->validates ? e->val_loss : e->loss;

    if (isnan(t->at.best) || measure < t->at.best) {
        t->at.best = measure;
        t->at.best_epoch = e->epoch;
        t->at.waited = 0;
        for (size_t i = 0; t->best != NULL && i < t->graph.n_params; i++)
            memcpy(t->best[i], t->graph.params[i]->value,
                   t->graph.params[i]->n * sizeof *t->best[i]);
        return;
    }
    t->at.waited++;
    t->at.stopped = t->options.patience > 0 && t->at.waited >= t->options.patience;
}

/* The figures of the epoch that has all its steps; then the next one begins. */
static mw_status end_epoch(mw_ctx *ctx, mw_trainer *t)
{
    const mwi_sums *const s = &t->at.sums;
    mw_epoch e = {.epoch = t->at.epoch,
                  .loss = s->loss / (double)s->samples,
                  .accuracy = s->n_right > 0 ? (double)s->right / (double)s->n_right : (double)NAN,
                  .val_loss = (double)NAN,
                  .val_accuracy = (double)NAN,
                  .learning_rate = t->at.last_rate,
                  .seconds = t->at.seconds,
                  .samples = s->samples};

    MWI_TRY(check_weights(ctx, t));
    if (t->validates) MWI_TRY(mwi_trainer_validate(ctx, t, &e));
    MWI_TRY(add_epoch(ctx, t, &e));
    judge(t, &e);
    t->at.epoch++;
    t->at.sample = 0;
    t->at.seconds = 0;
    t->at.sums = (mwi_sums){0};
    if (t->options.on_epoch != NULL) t->options.on_epoch(t->options.on_epoch_self, &e);
    return t->options.checkpoint == NULL ? MW_OK : mwi_checkpoint_save(ctx, t);
}

static mw_status run(mw_ctx *ctx, mw_trainer *t)
{
    while (t->at.epoch < t->options.epochs && !t->at.stopped) {
        mw_status st = train_epoch(ctx, t);
        if (st == MW_OK) st = end_epoch(ctx, t);
        if (st == MW_OK) continue;
        if (st != MW_ECANCELLED) return st;
        if (t->options.checkpoint != NULL) MWI_TRY(mwi_checkpoint_save(ctx, t));
        return MW_ECANCELLED;
    }
    return MW_OK;
}

/* ---- results ---- */

static mw_status make_model(mw_ctx *ctx, mw_trainer *t, mw_model **out)
{
    mw_status st = MW_OK;

    for (size_t i = 0; t->best != NULL && t->n_epochs > 0 && i < t->graph.n_params; i++)
        memcpy(t->graph.params[i]->value, t->best[i], t->graph.params[i]->n * sizeof *t->best[i]);
    MWI_TRY(mwi_model_clone(ctx, t->original, out));
    st = mwi_trainer_bake(ctx, t, *out);
    for (size_t i = 0; i < t->n_parts && st == MW_OK; i++)
        if (t->parts[i].finish != NULL) st = t->parts[i].finish(t->parts[i].self, ctx, t, *out);
    if (st == MW_OK) return MW_OK;
    mw_model_destroy(*out);
    *out = NULL;
    return st;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static mw_status median_speed(mw_ctx *ctx, mw_trainer *t, double *out)
{
    void *memory;

    *out = (double)NAN;
    if (t->n_epochs == 0) return MW_OK;
    MWI_TRY(mwi_arena_array(ctx, &t->arena, t->n_epochs, sizeof(double), &memory));
    double *const v = memory;
    for (size_t i = 0; i < t->n_epochs; i++)
        v[i] = (double)t->epochs[i].samples / t->epochs[i].seconds;
    qsort(v, t->n_epochs, sizeof *v, compare);
    *out = (v[(t->n_epochs - 1) / 2] + v[t->n_epochs / 2]) / 2;
    return MW_OK;
}

static mw_status make_report(mw_ctx *ctx, mw_trainer *t, mw_train_report *out)
{
    void *memory;

    MWI_TRY(median_speed(ctx, t, &out->samples_per_second));
    MWI_TRY(mwi_alloc(ctx, t->n_epochs * sizeof *t->epochs, &memory));
    if (t->n_epochs > 0) memcpy(memory, t->epochs, t->n_epochs * sizeof *t->epochs);
    out->epochs = memory;
    out->n_epochs = t->n_epochs;
    out->heap = mwi_heap_retain(ctx);
    out->best_epoch =
        t->options.keep_best || t->n_epochs == 0 ? (size_t)t->at.best_epoch : t->n_epochs - 1;
    for (size_t i = 0; i < t->graph.n_params; i++)
        if (t->graph.params[i]->has_gradient) out->n_trained += t->graph.params[i]->n;
    out->stopped_early = t->at.stopped;
    return MW_OK;
}

void mw_train_report_free(mw_train_report *report)
{
    if (report == NULL || report->heap == NULL) return;
    mwi_heap_free(report->heap, report->epochs, report->n_epochs * sizeof *report->epochs);
    mwi_heap_release(report->heap);
    *report = (mw_train_report){0};
}

static void close_run(mw_trainer *t)
{
    mw_session_destroy(t->session);
    mwi_pool_destroy(t->pool);
    mw_model_destroy(t->graph.model);
    mw_model_destroy(t->validation_graph.model);
    mwi_arena_deinit(&t->arena);
}

mw_status mwi_train(mw_ctx *ctx, const mw_model *model, mw_dataset *train, mw_dataset *validation,
                    const mw_train_options *options, const mwi_train_part *parts, size_t n_parts,
                    mw_model **out_model, mw_train_report *out_report)
{
    static const mw_train_options none;
    mw_trainer t = {.original = model, .parts = parts, .n_parts = n_parts};
    mw_train_report report = {0};
    mw_model *fresh = NULL;
    mw_status st;

    *out_model = NULL;
    mwi_arena_init(ctx, &t.arena);
    MWI_GOTO(mwi_trainer_set_options(ctx, &t, options == NULL ? &none : options));
    if (t.options.initialize) {
        MWI_GOTO(mwi_keras_reinitialize(ctx, model, t.options.seed, &fresh));
        t.original = fresh;
    }
    MWI_GOTO(open_run(ctx, &t, train, validation));
    MWI_GOTO(start(ctx, &t));
    st = run(ctx, &t);
    report.cancelled = st == MW_ECANCELLED;
    if (st != MW_OK && !report.cancelled) goto out;
    mw_ctx_clear(ctx);
    MWI_GOTO(make_report(ctx, &t, &report));
    st = make_model(ctx, &t, out_model);
out:
    if (st == MW_OK && out_report != NULL)
        *out_report = report;
    else
        mw_train_report_free(&report);
    close_run(&t);
    mw_model_destroy(fresh); /* the trained one retains it */
    return st;
}
