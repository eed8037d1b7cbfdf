/* base/base_test.c - arena, reader, text, glob, pool, heap accounting.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/arena.h"
#include "base/pool.h"
#include "base/reader.h"
#include "base/text.h"

#include <string.h>

static void arena_gives_aligned_pieces_that_stay(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mwi_arena arena;
    void *pieces[100];

    (void)state;
    mwi_arena_init(ctx, &arena);
    for (size_t i = 0; i < 100; i++) {
        assert_ok(ctx, mwi_arena_alloc(ctx, &arena, 1 + i * 977, &pieces[i]));
        assert_int_equal((uintptr_t)pieces[i] % (1 + i * 977 >= 64 ? 64 : 16), 0);
        memset(pieces[i], (int)i, 1 + i * 977);
    }
    for (size_t i = 0; i < 100; i++)
        for (size_t k = 0; k < 1 + i * 977; k++) assert_int_equal(((uint8_t *)pieces[i])[k], i);
    mwi_arena_deinit(&arena);
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    mw_ctx_destroy(ctx);
}

static void heap_respects_the_memory_limit(void **state)
{
    const mw_ctx_options options = {.limits = {.max_memory_bytes = 1000}};
    mw_ctx *ctx;
    void *a, *b;

    (void)state;
    assert_int_equal(mw_ctx_create(&options, &ctx), MW_OK);
    assert_ok(ctx, mwi_alloc(ctx, 600, &a));
    assert_int_equal(mwi_alloc(ctx, 600, &b), MW_ELIMIT);
    assert_non_null(strstr(mw_ctx_error(ctx), "limit of 1000 bytes"));
    mwi_free(ctx, a, 600);
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    assert_int_equal(mw_ctx_peak_memory_bytes(ctx), 600);
    mw_ctx_destroy(ctx);
}

static void reader_refuses_what_runs_past_the_end(void **state)
{
    static const uint8_t bytes[4] = {1, 2, 3, 4};
    static const struct {
        const char *name;
        uint64_t at, n;
        mw_status want;
    } cases[] = {
        {"all", 0, 4, MW_OK},
        {"nothing at the end", 4, 0, MW_OK},
        {"one too many", 1, 4, MW_EFORMAT},
        {"past the end", 5, 0, MW_EFORMAT},
        {"wraps around", 2, UINT64_MAX, MW_EFORMAT},
        {"far", UINT64_MAX, 1, MW_EFORMAT},
    };
    mw_ctx *const ctx = test_ctx();
    const mwi_reader r = {"file", bytes, sizeof bytes};
    const uint8_t *p;

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        mw_ctx_clear(ctx);
        if (mwi_read_bytes(ctx, &r, cases[i].at, cases[i].n, "field", &p) != cases[i].want)
            fail_msg("%s", cases[i].name);
    }
    mw_ctx_destroy(ctx);
}

static void errors_keep_the_first_and_take_prefixes(void **state)
{
    mw_ctx *const ctx = test_ctx();

    (void)state;
    assert_int_equal(mwi_fail(ctx, MW_EFORMAT, "first %d", 1), MW_EFORMAT);
    assert_int_equal(mwi_fail(ctx, MW_EIO, "second"), MW_EIO);
    assert_int_equal(mwi_prefix(ctx, MW_EFORMAT, "file"), MW_EFORMAT);
    assert_string_equal(mw_ctx_error(ctx), "file: first 1");
    mw_ctx_destroy(ctx);
}

static void glob_matches(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool want;
    } cases[] = {
        {"conv*", "conv2d_1", true},
        {"*dense*", "a/dense/b", true},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"*", "", true},
        {"", "x", false},
        {"*ab*ab", "abxabab", true},
        {"x*y", "xz", false},
    };

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++)
        if (mwi_glob_match(cases[i].pattern, cases[i].name) != cases[i].want)
            fail_msg("%s against %s", cases[i].pattern, cases[i].name);
}

static void add_squares(void *arg, size_t begin, size_t end, uint32_t thread)
{
    uint64_t *const out = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++) out[i] = i * i;
}

static void pool_covers_each_index_once(void **state)
{
    mw_ctx *const ctx = test_ctx();
    static uint64_t out[1000];

    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads++) {
        mwi_pool *pool;
        assert_ok(ctx, mwi_pool_create(ctx, threads, &pool));
        for (int round = 0; round < 200; round++) {
            memset(out, 0, sizeof out);
            mwi_par_for(pool, 1000, 7, add_squares, out);
            for (size_t i = 0; i < 1000; i++) assert_int_equal(out[i], i * i);
        }
        mwi_pool_destroy(pool);
    }
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_aligned_pieces_that_stay),
        cmocka_unit_test(heap_respects_the_memory_limit),
        cmocka_unit_test(reader_refuses_what_runs_past_the_end),
        cmocka_unit_test(errors_keep_the_first_and_take_prefixes),
        cmocka_unit_test(glob_matches),
        cmocka_unit_test(pool_covers_each_index_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
