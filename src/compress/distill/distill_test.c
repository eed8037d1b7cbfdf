/* compress/distill/distill_test.c - the teacher's values by each of their ways, what is refused,
 * and that a student which is its teacher learns little.   SPDX-License-Identifier: Apache-2.0 */
#include "compress/distill/teacher.h"
#include "compress/part.h"
#include "support.h"

#include <milliwatt/milliwatt.h>

#include <math.h>
#include <string.h>

typedef struct fixture {
    mw_ctx *ctx;
    mw_model *model;
    mw_dataset *data;
} fixture;

static fixture open_digits(void)
{
    fixture f = {.ctx = test_ctx()};
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/examples/digits/model.h5", test_source_dir());
    assert_ok(f.ctx, mw_model_load(f.ctx, path, NULL, &f.model));
    (void)snprintf(path, sizeof path, "%s/examples/digits/digits.npz", test_source_dir());
    const mw_dataset_options options = {.role = MW_DATA_TEST, .scale = 1.0 / 16};
    assert_ok(f.ctx, mw_dataset_open(f.ctx, path, &options, &f.data));
    return f;
}

static void close_digits(fixture *f)
{
    mw_dataset_close(f->data);
    mw_model_destroy(f->model);
    mw_ctx_destroy(f->ctx);
}

enum { N = 5, LOGITS = 10, HIDDEN = 96 };

static void values_are_the_same_by_each_way(void **state)
{
    static const char *const names[] = {"fc1"};
    static const uint64_t samples[N] = {70, 3, 0, 66, 3};
    fixture f = open_digits();
    float kept[N * HIDDEN], alone[HIDDEN], scores[LOGITS], batch[N * LOGITS], hidden[N * HIDDEN];
    float image[N * 64];
    mwi_teacher t;
    mw_tensor_info in;
    bool all;

    (void)state;
    assert_ok(f.ctx, mwi_teacher_open(f.ctx, f.model, f.data, names, 1, 1, &t));
    assert_true(t.softmax);
    assert_int_equal(t.n_values, 2);
    assert_int_equal(t.values[0].n, LOGITS);
    assert_int_equal(t.values[1].n, HIDDEN);
    assert_ok(f.ctx, mwi_teacher_keep(f.ctx, &t, 1000, &all));
    assert_false(all);
    assert_ok(f.ctx, mwi_teacher_keep(f.ctx, &t, 1 << 30, &all));
    assert_true(all);
    assert_ok(f.ctx, mwi_teacher_kept(f.ctx, &t, 1, samples, N, kept));
    assert_ok(f.ctx, mw_model_input(f.ctx, f.model, 0, &in));
    for (size_t i = 0; i < N; i++) {
        float *out[] = {scores, alone};
        assert_ok(f.ctx, mwi_teacher_of_sample(f.ctx, &t, samples[i], out));
        assert_memory_equal(alone, kept + i * HIDDEN, sizeof alone);
        assert_ok(f.ctx, mw_dataset_read(f.ctx, f.data, 0, samples[i], 1, &in, image + i * 64,
                                         64 * sizeof *image));
    }
    const void *const given[] = {image};
    float *out[] = {batch, hidden};
    assert_ok(f.ctx, mwi_teacher_of_batch(f.ctx, &t, given, N, out));
    assert_memory_equal(hidden, kept, sizeof kept);
    assert_memory_equal(batch + (N - 1) * LOGITS, scores, sizeof scores);
    const uint64_t beyond = 1u << 30;
    assert_int_equal(mwi_teacher_kept(f.ctx, &t, 0, &beyond, 1, scores), MW_EINVAL);
    mwi_teacher_close(&t);
    close_digits(&f);
}

/* Only dropout, which is at work in the student alone, makes the two differ. */
static void a_student_that_is_its_teacher_learns_little(void **state)
{
    static const char *const match[] = {"conv1"};
    fixture f = open_digits();
    const mw_distill_options distill = {.teacher = f.model, .match = match, .n_match = 1};
    const mw_train_options options = {
        .optimizer = MW_OPTIMIZER_SGD, .learning_rate = 0.001, .batch = 64, .distill = &distill};
    mw_train_report report;
    mw_model *out;

    (void)state;
    assert_ok(f.ctx, mw_train(f.ctx, f.model, f.data, NULL, &options, &out, &report));
    const mwi_graph *const a = f.model->graphs[0], *const b = out->graphs[0];
    double farthest = 0;
    for (size_t i = 0; i < a->n_tensors; i++) {
        if (a->tensors[i]->data == NULL || a->tensors[i]->dtype != MW_FLOAT32) continue;
        const float *const x = a->tensors[i]->data, *const y = b->tensors[i]->data;
        for (size_t k = 0; k < a->tensors[i]->bytes / sizeof *x; k++)
            farthest = fmax(farthest, fabs((double)x[k] - (double)y[k]));
    }
    assert_true(report.n_trained > 0);
    assert_true(report.epochs[0].loss < 1);
    assert_true(farthest < 0.002);
    mw_train_report_free(&report);
    mw_model_destroy(out);
    close_digits(&f);
}

static void refused(void **state)
{
    static const char *const no_layer[] = {"nowhere=conv1"}, *const no_mine[] = {"conv1=nowhere"},
                             *const odd[] = {"conv1=fc1"}, *const half[] = {"conv1="};
    fixture f = open_digits();
    const struct {
        mw_distill_options options;
        const char *message;
    } cases[] = {
        {{.alpha = 0.1}, "distillation: there is no teacher"},
        {{.teacher = f.model, .alpha = 2}, "alpha is 2, allowed 0 to 1"},
        {{.teacher = f.model, .alpha = 1}, "with alpha 1 the teacher does nothing"},
        {{.teacher = f.model, .temperature = -1}, "the temperature is -1"},
        {{.teacher = f.model, .match = no_layer, .n_match = 1}, "has no layer 'nowhere'"},
        {{.teacher = f.model, .match = no_mine, .n_match = 1}, "the student has no layer"},
        {{.teacher = f.model, .match = odd, .n_match = 1}, "differ in more than their channels"},
        {{.teacher = f.model, .match = half, .n_match = 1}, "does not name two layers"},
    };

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const mw_train_options options = {.distill = &cases[i].options};
        mw_model *out;
        assert_int_not_equal(mw_train(f.ctx, f.model, f.data, NULL, &options, &out, NULL), MW_OK);
        assert_null(out);
        if (strstr(mw_ctx_error(f.ctx), cases[i].message) == NULL)
            fail_msg("%zu: %s", i, mw_ctx_error(f.ctx));
    }
    close_digits(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_the_same_by_each_way),
        cmocka_unit_test(a_student_that_is_its_teacher_learns_little),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
