/* api/errors_test.c - the error record is of the last call alone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "graph_builder.h"

#include <milliwatt/data.h>
#include <milliwatt/model.h>
#include <milliwatt/session.h>

#include <stdio.h>
#include <string.h>

static void check(const mw_ctx *ctx, mw_status got, mw_status want, const char *says)
{
    if (got != want || mw_ctx_error_status(ctx) != want || strstr(mw_ctx_error(ctx), says) == NULL)
        fail_msg("%d (wanted %d), record %d '%s' (wanted '%s')", got, want,
                 mw_ctx_error_status(ctx), mw_ctx_error(ctx), says);
}

static void each_failure_is_told_as_the_last(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *m;
    mw_dataset *ds;

    (void)state;
    check(ctx, mw_model_load(ctx, "/nonexistent/one", NULL, &m), MW_EIO, "/nonexistent/one");
    check(ctx, mw_model_load(ctx, "/nonexistent/two", NULL, &m), MW_EIO, "/nonexistent/two");
    check(ctx, mw_model_load_memory(ctx, "junk", 4, "junk.tflite", NULL, &m), MW_EFORMAT,
          "junk.tflite: not a");
    check(ctx, mw_dataset_open(ctx, "/nonexistent/three", NULL, &ds), MW_EIO, "three");
    mw_ctx_destroy(ctx);
}

static void a_session_that_fails_again_says_the_same(void **state)
{
    const mw_session_options options = {.signature = "nosuch"};
    builder b = builder_open(test_ctx());
    const int32_t x = builder_value(&b, DIMS(1, 4)), y = builder_value(&b, DIMS(1, 4));
    mw_ctx *const ctx = b.ctx;
    mw_session *s;
    mw_buffer buffer;
    char first[512];

    (void)state;
    (void)builder_op(&b, "RELU", &x, 1, &y, 1);
    mw_model *const m = builder_close(&b, &x, 1, &y, 1);
    check(ctx, mw_session_create(ctx, m, &options, &s), MW_EINVAL, "no signature 'nosuch'");
    (void)snprintf(first, sizeof first, "%s", mw_ctx_error(ctx));
    for (int i = 0; i < 4; i++) {
        check(ctx, mw_session_create(ctx, m, &options, &s), MW_EINVAL, "no signature 'nosuch'");
        assert_string_equal(mw_ctx_error(ctx), first);
    }
    /* What succeeds leaves nothing behind, also where it tried something that failed. */
    assert_ok(ctx, mw_session_create(ctx, m, NULL, &s));
    assert_string_equal(mw_ctx_error(ctx), "");
    assert_int_equal(mw_ctx_error_status(ctx), MW_OK);
    check(ctx, mw_session_input(ctx, s, 1, &buffer), MW_EINVAL, "input 1 of 1");
    assert_ok(ctx, mw_session_run(ctx, s));
    assert_string_equal(mw_ctx_error(ctx), "");
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* For every format alike. */
static void the_number_of_input_shapes_is_checked(void **state)
{
    static const struct {
        const char *file, *says;
    } cases[] = {
        {"examples/digits/model.h5", "2 input shapes are given, the model has 1 inputs"},
        {"tests/data/tflite/features.tflite", "2 input shapes are given, the model has 1 inputs"},
    };
    static const mw_shape shapes[2][2] = {{{4, {1, 8, 8, 1}}, {2, {3, 3}}},
                                          {{2, {3, 4}}, {2, {3, 4}}}};
    mw_ctx *const ctx = test_ctx();
    char path[4096];
    mw_model *m;

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const mw_load_options options = {.input_shapes = shapes[i], .n_input_shapes = 2};
        (void)snprintf(path, sizeof path, "%s/%s", test_source_dir(), cases[i].file);
        check(ctx, mw_model_load(ctx, path, &options, &m), MW_EINVAL, cases[i].says);
    }
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failure_is_told_as_the_last),
        cmocka_unit_test(a_session_that_fails_again_says_the_same),
        cmocka_unit_test(the_number_of_input_shapes_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
