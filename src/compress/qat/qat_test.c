/* compress/qat/qat_test.c - quantization-aware training of the digits example: the run measures
 * what the integer model does, whatever the threads and stops; what is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include <milliwatt/milliwatt.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/text.h"
#include "data/source.h"
#include "model/op_desc.h"
#include "support.h"

enum { SAMPLES = 96, PIXELS = 64, CLASSES = 10 };

/* ---- data: for each class a pattern under noise ---- */

typedef struct set {
    mwi_text text;
    mw_dataset *data;
} set;

static double pixel(int class, int k, mwi_rng *rng)
{
    mwi_rng pattern = {(uint64_t) class + 1};
    double v = 0;

    for (int i = 0; i <= k; i++) v = mwi_rng_uniform(&pattern);
    return 0.42 * v + 0.58 * mwi_rng_uniform(rng);
}

static void open_set(mw_ctx *ctx, set *s, const mw_model *model, uint64_t seed)
{
    mw_tensor_info input;
    mwi_rng rng = {seed};

    mwi_text_init(ctx, &s->text, 1 << 20);
    assert_ok(ctx, mwi_text_printf(ctx, &s->text, "label"));
    for (int k = 0; k < PIXELS; k++) assert_ok(ctx, mwi_text_printf(ctx, &s->text, ",p%d", k));
    for (int i = 0; i < SAMPLES; i++) {
        assert_ok(ctx, mwi_text_printf(ctx, &s->text, "\n%d", i % CLASSES));
        for (int k = 0; k < PIXELS; k++)
            assert_ok(ctx, mwi_text_printf(ctx, &s->text, ",%.3f", pixel(i % CLASSES, k, &rng)));
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

static mw_model *through_file(mw_ctx *ctx, const mw_model *model, const char *suffix)
{
    char path[80];
    mw_model *m;

    (void)snprintf(path, sizeof path, "/tmp/milliwatt_qat_test_%ld%s", (long)getpid(), suffix);
    assert_ok(ctx, mw_model_save(ctx, model, path));
    assert_ok(ctx, mw_model_load(ctx, path, NULL, &m));
    (void)unlink(path);
    return m;
}

/* ---- what is trained is what is saved ---- */

static const struct {
    const char *name;
    mw_qat_options qat;
    mw_dtype input, weight;
} cases[] = {
    {"int8", {.scheme = MW_QUANT_INT8}, MW_INT8, MW_INT8},
    {"int8, learned", {.scheme = MW_QUANT_INT8, .learn_ranges = true}, MW_INT8, MW_INT8},
    {"int4", {.scheme = MW_QUANT_INT4}, MW_INT8, MW_INT4},
    {"int4, learned, later",
     {.scheme = MW_QUANT_INT4, .learn_ranges = true, .start = 0.4},
     MW_INT8,
     MW_INT4},
    {"int16x8", {.scheme = MW_QUANT_INT16X8}, MW_INT16, MW_INT8},
};

static double accuracy(mw_ctx *ctx, const mw_model *m, mw_dataset *data)
{
    const mw_evaluate_options options = {0};
    mw_evaluation e;

    assert_ok(ctx, mw_evaluate(ctx, m, data, &options, &e));
    return e.top1;
}

static const mwi_tensor *first_weight(const mw_model *m)
{
    const mwi_graph *const g = m->graphs[0];
    for (size_t i = 0; i < g->n_ops; i++)
        if (strcmp(mwi_op_name(g->ops[i]), "CONV_2D") == 0) return g->tensors[g->ops[i]->in[1]];
    return NULL;
}

static void the_run_measures_the_integer_model(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = load(ctx), *trained;
    set s, v;
    (void)state;

    open_set(ctx, &s, m, 1);
    open_set(ctx, &v, m, 2);
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const mw_train_options o = {
            .epochs = 16, .batch = 16, .learning_rate = 0.003, .qat = &cases[i].qat};
        mw_train_report report;
        mw_tensor_info in;
        assert_ok(ctx, mw_train(ctx, m, s.data, v.data, &o, &trained, &report));
        mw_model *const integer = through_file(ctx, trained, ".tflite");
        mw_model *const keras = through_file(ctx, trained, ".h5");
        const double measured = report.epochs[report.n_epochs - 1].val_accuracy;
        const double is = accuracy(ctx, integer, v.data);
        print_message("%s: %.4f in the run, %.4f as integers, %.4f as floats\n", cases[i].name,
                      measured, is, accuracy(ctx, keras, v.data));
        assert_true(is > 0.6 && is < 0.995 && fabs(is - measured) < 1.5 / SAMPLES);
        assert_ok(ctx, mw_model_input(ctx, integer, 0, &in));
        assert_int_equal(in.dtype, cases[i].input);
        assert_int_equal(first_weight(integer)->dtype, cases[i].weight);
        assert_ok(ctx, mw_model_input(ctx, keras, 0, &in));
        assert_int_equal(in.dtype, MW_FLOAT32);
        mw_train_report_free(&report);
        mw_model_destroy(keras);
        mw_model_destroy(integer);
        mw_model_destroy(trained);
    }
    close_set(&v);
    close_set(&s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* Learned ranges are others than those that follow, and serve the integers. */
static void learned_ranges_are_used(void **state)
{
    static const mw_qat_options follows = {.scheme = MW_QUANT_INT4},
                                learns = {.scheme = MW_QUANT_INT4, .learn_ranges = true};
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = load(ctx), *a, *b;
    mw_train_options o = {.epochs = 4, .batch = 16, .learning_rate = 0.01, .qat = &follows};
    size_t limits[2] = {0};
    set s;
    (void)state;

    open_set(ctx, &s, m, 1);
    assert_ok(ctx, mw_train(ctx, m, s.data, NULL, &o, &a, NULL));
    o.qat = &learns;
    assert_ok(ctx, mw_train(ctx, m, s.data, NULL, &o, &b, NULL));
    for (int k = 0; k < 2; k++) {
        const mwi_tensor *const w = first_weight((k == 0 ? a : b)->integer);
        for (size_t i = 0; i < w->bytes; i++) {
            const int low = (int)(((const uint8_t *)w->data)[i] & 15);
            limits[k] += low == 7 || low == 9; /* 7 and -7 */
        }
    }
    assert_true(limits[0] > 0);          /* the largest of a channel */
    assert_true(limits[1] != limits[0]); /* ranges are no longer the largest */
    mw_model_destroy(b);
    mw_model_destroy(a);
    close_set(&s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* ---- the same bits ---- */

static void assert_same_integers(const mw_model *a, const mw_model *b)
{
    const mwi_graph *const g = a->integer->graphs[0], *const h = b->integer->graphs[0];

    assert_int_equal(g->n_tensors, h->n_tensors);
    for (size_t i = 0; i < g->n_tensors; i++) {
        const mwi_tensor *const t = g->tensors[i], *const u = h->tensors[i];
        if (t->data != NULL) assert_memory_equal(t->data, u->data, t->bytes);
        if (t->quant != NULL)
            assert_memory_equal(t->quant->q.scales, u->quant->q.scales,
                                t->quant->q.n_scales * sizeof(float));
    }
}

/* Lets so many steps begin. */
static bool stop_after(void *self, const char *what, uint64_t done, uint64_t total)
{
    int *const left = self;

    (void)done, (void)total;
    return *left > 0 && (strncmp(what, "epoch", 5) != 0 || (*left)-- > 0);
}

static void threads_and_stops_change_nothing(void **state)
{
    static const mw_qat_options qat = {.scheme = MW_QUANT_INT8, .learn_ranges = true, .start = 0.3};
    mw_ctx *const ctx = test_ctx(), *stopping;
    mw_model *const m = load(ctx), *whole, *half, *rest;
    mw_train_options o = {.epochs = 2, .batch = 32, .seed = 3, .keep_best = true, .qat = &qat};
    char checkpoint[64];
    set s;
    (void)state;

    (void)snprintf(checkpoint, sizeof checkpoint, "/tmp/milliwatt_qat_ckpt_%ld", (long)getpid());
    open_set(ctx, &s, m, 1);
    assert_ok(ctx, mw_train(ctx, m, s.data, NULL, &o, &whole, NULL));
    o.n_threads = 3;
    o.checkpoint = checkpoint;
    o.resume = true;
    for (int steps = 1; steps < 6; steps++) {
        int left = steps;
        const mw_ctx_options options = {.progress = stop_after, .progress_self = &left};
        (void)unlink(checkpoint);
        assert_int_equal(mw_ctx_create(&options, &stopping), MW_OK);
        assert_ok(stopping, mw_train(stopping, m, s.data, NULL, &o, &half, NULL));
        assert_non_null(half->integer); /* a stop gives the integers so far, too */
        assert_ok(ctx, mw_train(ctx, m, s.data, NULL, &o, &rest, NULL));
        assert_same_integers(whole, rest);
        mw_model_destroy(rest);
        mw_model_destroy(half);
        mw_ctx_destroy(stopping);
    }
    (void)unlink(checkpoint);
    mw_model_destroy(whole);
    close_set(&s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* ---- refused ---- */

static void mistakes_are_told(void **state)
{
    static const char *const nothing[] = {"nowhere*"};
    static const struct {
        mw_qat_options qat;
        const char *says;
    } wrong[] = {
        {{.scheme = MW_QUANT_DYNAMIC}, "cannot be trained for"},
        {{.scheme = 77}, "cannot be trained for"},
        {{.start = 1}, "rounding begins"},
        {{.start = -0.5}, "rounding begins"},
        {{.keep = nothing, .n_keep = 1}, "matches no layer"},
    };
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = load(ctx), *trained;
    set s;
    (void)state;

    open_set(ctx, &s, m, 1);
    for (size_t i = 0; i < MWI_COUNT(wrong); i++) {
        const mw_train_options o = {.qat = &wrong[i].qat};
        assert_int_equal(mw_train(ctx, m, s.data, NULL, &o, &trained, NULL), MW_EINVAL);
        assert_non_null(strstr(mw_ctx_error(ctx), wrong[i].says));
    }
    close_set(&s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_run_measures_the_integer_model),
        cmocka_unit_test(learned_ranges_are_used),
        cmocka_unit_test(threads_and_stops_change_nothing),
        cmocka_unit_test(mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
