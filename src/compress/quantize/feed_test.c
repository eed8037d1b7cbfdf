/* compress/quantize/feed_test.c - samples that do not fill a run, state from one run to
 * the next.
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph_builder.h"
#include "support.h"

#include "compress/quantize/feed.h"
#include "compress/quantize/readers.h"

#include <stdio.h>
#include <unistd.h>

static void each_sample_is_fed(void **state)
{
    /* Samples held, those that are asked for (0: all), runs of 4, and what the last run gets. */
    static const struct {
        int32_t held;
        uint64_t most, runs, n;
        float last[4];
    } cases[] = {{8, 0, 2, 8, {4, 5, 6, 7}}, {6, 0, 2, 6, {4, 5, 0, 1}},
                 {5, 0, 2, 5, {4, 0, 1, 2}}, {3, 0, 1, 3, {0, 1, 2, 0}},
                 {1, 0, 1, 1, {0, 0, 0, 0}}, {8, 6, 2, 6, {4, 5, 0, 1}}};
    static const float x[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t in = builder_value(&b, DIMS(4, 1)), y = builder_apply(&b, "ABS", &in, 1);
    mw_model *const m = builder_close(&b, &in, 1, &y, 1);
    char path[64];

    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/feed_test_%ld.npy", (long)getpid());
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        mw_dataset *set;
        mwi_feed feed;
        mw_buffer out;
        assert_ok(ctx, mw_array_save(ctx, path, MW_FLOAT32, 2, (int32_t[]){cases[i].held, 1}, x));
        assert_ok(ctx, mw_dataset_open(ctx, path, NULL, &set));
        assert_ok(ctx, mwi_feed_open(ctx, m, set, cases[i].most, 1, &feed));
        assert_int_equal(feed.n_runs, cases[i].runs);
        assert_int_equal(feed.n_samples, cases[i].n);
        for (uint64_t r = 0; r < feed.n_runs; r++) assert_ok(ctx, mwi_feed_run(ctx, &feed, r));
        assert_ok(ctx, mw_session_output(ctx, feed.session, 0, &out));
        assert_memory_equal(out.data, cases[i].last, sizeof cases[i].last);
        mwi_feed_close(&feed);
        mw_dataset_close(set);
    }
    (void)unlink(path);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* The first output value of one run. */
static float run_once(mw_ctx *ctx, mwi_feed *feed, uint64_t run)
{
    mw_buffer out;

    assert_ok(ctx, mwi_feed_run(ctx, feed, run));
    assert_ok(ctx, mw_session_output(ctx, feed->session, 0, &out));
    return *(const float *)out.data;
}

static void state_builds_up_from_run_0(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *m;
    mwi_feed feed;
    char path[4096];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/data/keras/stateful_lstm/keras3_zip/model.keras",
                   test_source_dir());
    assert_ok(ctx, mw_model_load(ctx, path, NULL, &m));
    assert_ok(ctx, mwi_feed_open(ctx, m, NULL, 0, 1, &feed));
    const float alone = run_once(ctx, &feed, 1), first = run_once(ctx, &feed, 0),
                after = run_once(ctx, &feed, 1);
    assert_true(after != alone); /* the first value is of a fresh session, the last of a state */
    assert_true(run_once(ctx, &feed, 0) == first);
    mwi_feed_close(&feed);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void readers_are_found(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(1, 2)), y = builder_apply(&b, "ADD", TENSORS(x, x));
    const int32_t z = builder_apply(&b, "MUL", TENSORS(x, y));
    mw_model *const m = builder_close(&b, &x, 1, &z, 1);
    mwi_arena arena;
    mwi_readers r;

    (void)state;
    mwi_arena_init(ctx, &arena);
    assert_ok(ctx, mwi_readers_find(ctx, m->graphs[0], &arena, &r));
    assert_int_equal(r.first[x + 1] - r.first[x], 3);
    assert_int_equal(r.ops[r.first[x]], 0);
    assert_int_equal(r.ops[r.first[x] + 1], 0);
    assert_int_equal(r.ops[r.first[x] + 2], 1);
    assert_int_equal(r.first[y + 1] - r.first[y], 1);
    assert_int_equal(r.ops[r.first[y]], 1);
    assert_int_equal(r.first[z + 1] - r.first[z], 0);
    mwi_arena_deinit(&arena);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sample_is_fed),
        cmocka_unit_test(state_builds_up_from_run_0),
        cmocka_unit_test(readers_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
