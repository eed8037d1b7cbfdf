/* train/trainer_test.c - runs on the digits example: the same bits whatever the threads and stops,
 * what parts and hooks see, what is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/file.h"
#include "base/rng.h"
#include "data/source.h"
#include "ops/emit_op.h"
#include "train/step_graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAMPLES = 21, PIXELS = 64, CLASSES = 10 };

/* ---- a small set: noise with a label ---- */

typedef struct set {
    mwi_text text;
    mw_dataset *data;
} set;

static void open_set(mw_ctx *ctx, set *s, const mw_model *model, int wrong_label)
{
    mw_tensor_info input;
    mwi_rng rng = {7};

    mwi_text_init(ctx, &s->text, 1 << 20);
    assert_ok(ctx, mwi_text_printf(ctx, &s->text, "label"));
    for (int k = 0; k < PIXELS; k++) assert_ok(ctx, mwi_text_printf(ctx, &s->text, ",p%d", k));
    for (int i = 0; i < SAMPLES; i++) {
        assert_ok(ctx, mwi_text_printf(ctx, &s->text, "\n%d",
                                       i == 5 && wrong_label != 0 ? wrong_label : i % CLASSES));
        for (int k = 0; k < PIXELS; k++)
            assert_ok(ctx, mwi_text_printf(ctx, &s->text, ",%.3f", mwi_rng_uniform(&rng)));
    }
    assert_ok(ctx, mwi_text_printf(ctx, &s->text, "\n"));
    assert_ok(ctx, mw_model_input(ctx, model, 0, &input));
    const mw_dataset_options o = {.inputs = &input, .n_inputs = 1};
    const mwi_reader r = {"set.csv", (const uint8_t *)s->text.chars, s->text.n};
    assert_ok(ctx, mwi_dataset_open_bytes(ctx, &r, &o, &s->data));
}

static void close_set(set *s)
{
    mw_dataset_close(s->data);
    mwi_text_deinit(&s->text);
}

static mw_model *load(mw_ctx *ctx)
{
    mw_model *m;
    assert_ok(ctx, mw_model_load(ctx, "examples/digits/model.h5", NULL, &m));
    return m;
}

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
    assert_string_equal(mw_model_format(model), "keras-h5");
    assert_true(fabs((double)mwi_trainer_param(t, p->param)->value[0] - (0.5 - 6 * 0.01 * 2)) <
                1e-6);
    p->finished = true;
    return MW_OK;
}

static void parts_take_part(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = load(ctx), *trained;
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
    set s;

    (void)state;
    open_set(ctx, &s, m, 0);
    assert_ok(ctx, mwi_train(ctx, m, s.data, NULL, &o, parts, 1, &trained, NULL));
    assert_int_equal(p.n_steps, 6);
    assert_int_equal(p.n_updates, 7);
    assert_true(p.seen == 2 * (0 + 8 + 16)); /* first samples of the batches of two epochs */
    assert_true(p.finished);
    mw_model_destroy(trained);
    close_set(&s);
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
    mw_model *const m = load(ctx), *one, *three, *other;
    mw_train_options o = plain;
    set s;

    (void)state;
    open_set(ctx, &s, m, 0);
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
    close_set(&s);
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

static void temporary_name(char *name, size_t n, const char *what)
{
    (void)snprintf(name, n, "/tmp/milliwatt_%s_%ld", what, (long)getpid());
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
    mw_model *const m = load(ctx), *whole, *half, *rest;
    mw_train_options o = plain;
    mw_train_report whole_report, half_report, rest_report;
    char checkpoint[64];
    set s;

    (void)state;
    temporary_name(checkpoint, sizeof checkpoint, "ckpt");
    open_set(ctx, &s, m, 0);
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
    close_set(&s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_take_part),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(a_stop_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
