/* train/trainer_test.c - runs on the digits example: the same bits whatever the threads and stops,
 * what parts and hooks see, what is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include "training_set.h"

#include "ops/emit_op.h"
#include "train/step_graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void assert_same_weights(const mw_model *a, const mw_model *b)
{
    const mwi_graph *const g = a->graphs[0], *const h = b->graphs[0];

    for (size_t i = 0; i < g->n_tensors; i++)
        if (g->tensors[i]->source >= 0)
            assert_memory_equal(g->tensors[i]->data, h->tensors[i]->data, g->tensors[i]->bytes);
}

/* ---- a part: a trained factor of the loss, an input, an output ---- */

typedef struct part {
    size_t param, input, output;
    uint64_t n_updates, n_steps;
    bool finished;
    float seen;
} part;

static mw_status build(void *self, mw_ctx *ctx, mwi_step_graph *g)
{
    part *const p = self;
    static const int32_t dims[] = {-1}, one[] = {1};
    static const float start[] = {0.5f};
    mwi_param *param;
    int32_t weight;

    p->param = g->n_params;
    MWI_TRY(mwi_step_add_param(ctx, g, "pull", 1, one, start, &param));
    MWI_TRY(mwi_step_add_input(ctx, g, "weights", MW_FLOAT32, 1, dims, &weight, &p->input));
    MWI_TRY(mwi_step_add_output(ctx, g, weight, &p->output));
    const mwi_emitter at = {.model = g->model, .graph = g->graph};
    int32_t scalar, shape;
    MWI_TRY(mwi_emit_ints(ctx, &at, NULL, 0, &shape));
    MWI_TRY(mwi_emit(ctx, &at, &mwi_op_reshape, MWI_IN(param->input, shape), NULL, &scalar));
    return mwi_step_add_loss(ctx, g, scalar, 2); /* so its slope is 2 */
}

static mw_status feed_part(void *self, mw_ctx *ctx, mw_trainer *t, const uint64_t *samples,
                           size_t n)
{
    const part *const p = self;
    void *to;
    size_t bytes;

    MWI_TRY(mwi_trainer_input(ctx, t, p->input, &to, &bytes));
    assert_int_equal(bytes, n * sizeof(float));
    for (size_t i = 0; i < n; i++) ((float *)to)[i] = (float)samples[i];
    return MW_OK;
}

static mw_status after_step(void *self, mw_ctx *ctx, mw_trainer *t, uint64_t step)
{
    part *const p = self;
    const void *from;

    MWI_TRY(mwi_trainer_output(ctx, t, p->output, &from, NULL));
    p->seen += *(const float *)from;
    assert_int_equal(step, p->n_steps++);
    assert_true(mwi_trainer_param(t, p->param)->gradient[0] == 2);
    assert_non_null(mwi_trainer_pool(t));
    return MW_OK;
}

static mw_status after_update(void *self, mw_ctx *ctx, mw_trainer *t, uint64_t step)
{
    part *const p = self;

    (void)ctx;
    assert_int_equal(step, p->n_updates++);
    assert_int_equal(mwi_trainer_n_params(t), p->param + 1);
    assert_int_equal(mwi_trainer_n_steps(t), 6);
    return MW_OK;
}

static mw_status finish(void *self, mw_ctx *ctx, mw_trainer *t, mw_model *model)
{
    part *const p = self;

    (void)ctx;
    assert_string_equal(mw_model_format(model), "keras-json");
    assert_true(fabs((double)mwi_trainer_param(t, p->param)->value[0] - (0.5 - 6 * 0.01 * 2)) <
                1e-6);
    p->finished = true;
    return MW_OK;
}

static void parts_take_part(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = testing_model(ctx), *trained;
    part p = {0};
    const mwi_train_part parts[] = {{.name = "pull",
                                     .self = &p,
                                     .build = build,
                                     .feed = feed_part,
                                     .after_step = after_step,
                                     .after_update = after_update,
                                     .finish = finish}};
    const mw_train_options o = {.epochs = 2,
                                .batch = 8,
                                .optimizer = MW_OPTIMIZER_SGD,
                                .learning_rate = 0.01,
                                .keep_order = true};
    testing_set s;

    (void)state;
    testing_open(ctx, &s, m, NULL);
    assert_ok(ctx, mwi_train(ctx, m, s.data, NULL, &o, parts, 1, &trained, NULL));
    assert_int_equal(p.n_steps, 6);
    assert_int_equal(p.n_updates, 7);
    assert_true(p.seen == 2 * (0 + 8 + 16)); /* first samples of the batches of two epochs */
    assert_true(p.finished);
    mw_model_destroy(trained);
    testing_close(&s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* ---- the same bits ---- */

static const mw_train_options plain = {.epochs = 3,
                                       .batch = 8,
                                       .seed = 5,
                                       .validation_split = 0.2,
                                       .keep_best = true,
                                       .augment = {.shift = 0.1, .rotate = 5, .noise = 0.01}};

static void threads_change_nothing(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = testing_model(ctx), *one, *three, *other;
    mw_train_options o = plain;
    testing_set s;

    (void)state;
    testing_open(ctx, &s, m, NULL);
    assert_ok(ctx, mw_train(ctx, m, s.data, NULL, &o, &one, NULL));
    o.n_threads = 3;
    assert_ok(ctx, mw_train(ctx, m, s.data, NULL, &o, &three, NULL));
    assert_same_weights(one, three);
    o.seed++;
    assert_ok(ctx, mw_train(ctx, m, s.data, NULL, &o, &other, NULL));
    assert_memory_not_equal(one->graphs[0]->tensors[1]->data, other->graphs[0]->tensors[1]->data,
                            64);
    mw_model_destroy(other);
    mw_model_destroy(three);
    mw_model_destroy(one);
    testing_close(&s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* Lets so many steps begin. */
static bool stop_after(void *self, const char *what, uint64_t done, uint64_t total)
{
    int *const left = self;

    (void)done, (void)total;
    return strncmp(what, "epoch", 5) != 0 || (*left)-- > 0;
}

static void assert_same_epochs(const mw_train_report *a, const mw_train_report *b)
{
    assert_int_equal(a->n_epochs, b->n_epochs);
    assert_int_equal(a->best_epoch, b->best_epoch);
    for (size_t i = 0; i < a->n_epochs; i++) {
        assert_true(a->epochs[i].loss == b->epochs[i].loss);
        assert_true(a->epochs[i].accuracy == b->epochs[i].accuracy);
        assert_true(a->epochs[i].val_loss == b->epochs[i].val_loss);
        assert_int_equal(a->epochs[i].samples, b->epochs[i].samples);
    }
}

/* Stopped before each step in turn, and gone on from there. */
static void a_stop_changes_nothing(void **state)
{
    enum { STEPS = 6 };
    mw_ctx *const ctx = test_ctx(), *stopping;
    mw_model *const m = testing_model(ctx), *whole, *half, *rest;
    mw_train_options o = plain;
    mw_train_report whole_report, half_report, rest_report;
    char checkpoint[64];
    testing_set s;

    (void)state;
    testing_path(checkpoint, sizeof checkpoint, "ckpt");
    testing_open(ctx, &s, m, NULL);
    assert_ok(ctx, mw_train(ctx, m, s.data, NULL, &o, &whole, &whole_report));
    assert_int_equal(whole_report.n_epochs, 3);
    o.checkpoint = checkpoint;
    o.resume = true;
    for (int steps = 0; steps < STEPS; steps++) {
        int left = steps;
        const mw_ctx_options options = {.progress = stop_after, .progress_self = &left};
        (void)unlink(checkpoint);
        assert_int_equal(mw_ctx_create(&options, &stopping), MW_OK);
        assert_ok(stopping, mw_train(stopping, m, s.data, NULL, &o, &half, &half_report));
        assert_true(half_report.cancelled);
        assert_ok(ctx, mw_train(ctx, m, s.data, NULL, &o, &rest, &rest_report));
        assert_false(rest_report.cancelled);
        assert_same_weights(whole, rest);
        assert_same_epochs(&whole_report, &rest_report);
        mw_train_report_free(&rest_report);
        mw_train_report_free(&half_report);
        mw_model_destroy(rest);
        mw_model_destroy(half);
        mw_ctx_destroy(stopping);
    }
    (void)unlink(checkpoint);
    mw_train_report_free(&whole_report);
    mw_model_destroy(whole);
    testing_close(&s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* ---- what is refused before the first step, or in it ---- */

static void refuse(const char *label, const mw_train_options *o, mw_status want, const char *says)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = testing_model(ctx), *trained;
    testing_set s;

    testing_open(ctx, &s, m, label);
    const mw_status st = mw_train(ctx, m, s.data, NULL, o, &trained, NULL);
    if (st != want || strstr(mw_ctx_error(ctx), says) == NULL)
        fail_msg("status %d, wanted %d '%s': %s", (int)st, (int)want, says, mw_ctx_error(ctx));
    assert_null(trained);
    testing_close(&s);
    mw_model_destroy(m);
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    mw_ctx_destroy(ctx);
}

static void mistakes_are_refused(void **state)
{
    static const char *const nothing[] = {"nothing*"}, *const all[] = {"*"};
    static const struct {
        const char *label;
        mw_train_options o;
        mw_status want;
        const char *says;
    } cases[] = {
        {"3", {.epochs = 1}, MW_EINVAL, "the label of sample 5 is 3, net.json has classes 0 to 2"},
        {"-1", {.epochs = 1}, MW_EINVAL, "the label of sample 5 is -1"},
        {NULL, {.loss = MW_LOSS_MSE}, MW_EINVAL, "takes a value for each"},
        {NULL, {.loss = 77}, MW_EINVAL, "no loss 77"},
        {NULL, {.optimizer = 77}, MW_EINVAL, "no optimizer 77"},
        {NULL, {.schedule = 77}, MW_EINVAL, "no schedule 77"},
        {NULL, {.learning_rate = -1}, MW_EINVAL, "the learning rate is -1"},
        {NULL, {.learning_rate = (double)NAN}, MW_EINVAL, "the learning rate is"},
        {NULL, {.momentum = 0.9}, MW_EINVAL, "belongs to the optimizer sgd"},
        {NULL, {.clip_norm = 1, .clip_value = 1}, MW_EINVAL, "in one way"},
        {NULL, {.freeze = nothing, .n_freeze = 1}, MW_EINVAL, "'nothing*' matches no layer"},
        {NULL, {.freeze = all, .n_freeze = 1}, MW_EINVAL, "nothing to train"},
        {NULL, {.augment = {.rotate = 200}}, MW_EINVAL, "rotate is 200"},
        {NULL, {.validation_split = 1}, MW_EINVAL, "the validation split is 1"},
        {NULL, {.validation_split = 0.99}, MW_EINVAL, "the data have no samples"},
        {NULL, {.resume = true}, MW_EINVAL, "the name of a checkpoint"},
        {NULL,
         {.epochs = 50, .optimizer = MW_OPTIMIZER_SGD, .learning_rate = 1e6},
         MW_EFORMAT,
         "take a smaller learning rate"},
    };

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++)
        refuse(cases[i].label, &cases[i].o, cases[i].want, cases[i].says);
}

/* ---- hooks, frozen layers, early stopping ---- */

typedef struct watch {
    uint64_t n;
    uint32_t batches[64];
} watch;

static void before_step(void *self, mw_trainer *trainer, const mw_step_state *step)
{
    watch *const w = self;

    assert_int_equal(step->step, w->n);
    assert_true(isnan(step->loss) == (w->n == 0));
    if (w->n == 1) mw_trainer_set_batch(trainer, 4);
    if (w->n == 4) mw_trainer_set_batch(trainer, 1000);
}

static void after_step_hook(void *self, mw_trainer *trainer, const mw_step_state *step)
{
    watch *const w = self;

    (void)trainer;
    assert_true(isfinite(step->loss) && step->step_us > 0 && step->learning_rate == 0.001);
    w->batches[w->n++] = step->batch;
}

static void the_batch_can_change(void **state)
{
    static const uint32_t want[] = {8, 4, 4, 4, 1, 21};
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = testing_model(ctx), *trained;
    watch w = {0};
    const mw_train_hooks hooks = {before_step, after_step_hook, &w};
    const mw_train_options o = {.epochs = 2, .batch = 8, .hooks = &hooks};
    testing_set s;

    (void)state;
    testing_open(ctx, &s, m, NULL);
    assert_ok(ctx, mw_train(ctx, m, s.data, NULL, &o, &trained, NULL));
    assert_int_equal(w.n, MWI_COUNT(want));
    assert_memory_equal(w.batches, want, sizeof want);
    mw_model_destroy(trained);
    testing_close(&s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void frozen_layers_stay(void **state)
{
    static const char *const freeze[] = {"conv", "n?rm"};
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = testing_model(ctx), *trained;
    const mw_train_options o = {.epochs = 2, .freeze = freeze, .n_freeze = 2};
    testing_set s;

    (void)state;
    testing_open(ctx, &s, m, NULL);
    assert_ok(ctx, mw_train(ctx, m, s.data, NULL, &o, &trained, NULL));
    for (size_t i = 0; i < m->graphs[0]->n_tensors; i++) {
        const mwi_tensor *const a = m->graphs[0]->tensors[i], *const b =
                                                                  trained->graphs[0]->tensors[i];
        if (a->source < 0) continue;
        assert_int_equal(memcmp(a->data, b->data, a->bytes) == 0, strncmp(a->name, "fc", 2) != 0);
    }
    mw_model_destroy(trained);
    testing_close(&s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void patience_ends_a_run(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = testing_model(ctx), *trained;
    mw_train_options o = {.epochs = 200, .patience = 3, .learning_rate = 0.1, .keep_best = true};
    mw_train_report r;
    testing_set s;

    (void)state;
    testing_open(ctx, &s, m, NULL);
    o.validation_split = 0.4;
    assert_ok(ctx, mw_train(ctx, m, s.data, NULL, &o, &trained, &r));
    assert_true(r.stopped_early && r.n_epochs < 200);
    assert_int_equal(r.best_epoch + 1 + 3, r.n_epochs);
    for (size_t i = 0; i < r.n_epochs; i++)
        assert_true(r.epochs[i].val_loss >= r.epochs[r.best_epoch].val_loss);
    mw_train_report_free(&r);
    mw_model_destroy(trained);
    testing_close(&s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_take_part),        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(a_stop_changes_nothing), cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(the_batch_can_change),   cmocka_unit_test(frozen_layers_stay),
        cmocka_unit_test(patience_ends_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
