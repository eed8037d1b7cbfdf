/* base/base_test.c - arena, reader, text, numbers, files, glob, pool, heap accounting.
 * SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/pool.h"
#include "base/reader.h"
#include "base/rng.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static void errors_keep_the_last_and_take_prefixes(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mwi_error saved;

    (void)state;
    assert_int_equal(mwi_fail(ctx, MW_EFORMAT, "first %d", 1), MW_EFORMAT);
    assert_int_equal(mwi_fail(ctx, MW_EIO, "second"), MW_EIO);
    assert_int_equal(mwi_prefix(ctx, MW_EIO, "file"), MW_EIO);
    assert_string_equal(mw_ctx_error(ctx), "file: second");
    assert_int_equal(mw_ctx_error_status(ctx), MW_EIO);
    /* What is tried and forgotten leaves no trace. */
    mwi_error_save(ctx, &saved);
    assert_string_equal(mw_ctx_error(ctx), "");
    assert_int_equal(mwi_fail(ctx, MW_ELIMIT, "third"), MW_ELIMIT);
    mwi_error_restore(ctx, &saved);
    assert_string_equal(mw_ctx_error(ctx), "file: second");
    /* A message may quote the one before it. */
    assert_int_equal(mwi_fail(ctx, MW_EINVAL, "why: %s", mw_ctx_error(ctx)), MW_EINVAL);
    assert_string_equal(mw_ctx_error(ctx), "why: file: second");
    /* A status without a record of its own does not take another's. */
    assert_int_equal(mwi_prefix(ctx, MW_ENOMEM, "model"), MW_ENOMEM);
    assert_string_equal(mw_ctx_error(ctx), "model: out of memory");
    assert_int_equal(mw_ctx_error_status(ctx), MW_ENOMEM);
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

static void decimal_text_is_the_nearest_double(void **state)
{
    static const struct {
        const char *text;
        double want;
    } cases[] = {
        {"0", 0},
        {"-1.5", -1.5},
        {"+.5", 0.5},
        {"5.", 5},
        {"1e22", 1e22},
        {"1e23", 1e23},
        {"00012.50e-1", 1.25},
        {"0.1000000000000000055511151231257827", 0.1},
        {"9007199254740993", 9007199254740992.0},
        {"9007199254740993.00000000000000000001", 9007199254740994.0},
        {"123456789012345678901234567890", 123456789012345678901234567890.0},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"2.2250738585072011e-308", 2.2250738585072011e-308},
        {"4.9e-324", 4.9e-324},
        {"2.4703282292062327e-324", 0},
        {"2.4703282292062328e-324", 4.9e-324},
        {"1e-99999999999999999999", 0},
        {"0e99999999999999999999", 0},
    };
    static const char *const none[] = {"",    "-",    ".",     "e5",  "1e",  "1e+",
                                       "0x1", "inf",  "nan",   " 1",  "1 ",  "1,5",
                                       "--1", "1.2.", "1e309", "1_0", "-inf"};
    double v;

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        if (!mwi_text_to_double(cases[i].text, strlen(cases[i].text), &v) || v != cases[i].want)
            fail_msg("%s", cases[i].text);
        if (v != strtod(cases[i].text, NULL)) fail_msg("%s: unlike strtod", cases[i].text);
    }
    for (size_t i = 0; i < MWI_COUNT(none); i++)
        if (mwi_text_to_double(none[i], strlen(none[i]), &v)) fail_msg("'%s' is a number", none[i]);
}

/* Random doubles of any exponent in 1 to 40 digits, as the C library prints and reads them. */
static void decimal_text_agrees_with_strtod(void **state)
{
    mwi_rng rng = {7};
    char text[128];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        const uint64_t bits = mwi_rng_next(&rng);
        double d, v = 0;
        memcpy(&d, &bits, sizeof d);
        if (!isfinite(d)) continue;
        (void)snprintf(text, sizeof text, "%.*e", (int)mwi_rng_below(&rng, 40), d);
        const double want = strtod(text, NULL);
        if (mwi_text_to_double(text, strlen(text), &v) != isfinite(want) ||
            (isfinite(want) && v != want))
            fail_msg("%s: %.17g, not %.17g", text, v, want);
    }
}

static void random_numbers_below_n_are_the_high_half_of_the_product(void **state)
{
    static const struct {
        uint64_t n, want[3];
    } cases[] = {
        {10, {5, 7, 9}},
        {UINT64_MAX, {10451216379200822464u, 13757245211066428518u, 17911839290282890589u}},
    };
    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        mwi_rng rng = {1};
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(mwi_rng_below(&rng, cases[i].n), cases[i].want[k]);
    }
}

/* ---- files ---- */

static void write_file(mw_ctx *ctx, const char *path, const char *text)
{
    mwi_output *out;
    assert_ok(ctx, mwi_output_open(ctx, path, &out));
    assert_ok(ctx, mwi_output_write(ctx, out, text, strlen(text)));
    assert_ok(ctx, mwi_output_commit(ctx, out));
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 07777;
}

static void a_new_file_gets_the_umask_and_a_replaced_one_its_mode(void **state)
{
    char folder[] = "/tmp/milliwatt_file_XXXXXX", path[64];
    mw_ctx *const ctx = test_ctx();
    const mode_t before = umask(027);

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/x", folder);
    write_file(ctx, path, "one");
    assert_int_equal(mode_of(path), 0640);
    assert_int_equal(chmod(path, 06600), 0);
    write_file(ctx, path, "two");
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(umask(before), 027);
    (void)unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing is left beside it */
    mw_ctx_destroy(ctx);
}

/* The bytes of a mapping that was cut short could not be read: the process would be killed. */
static void a_small_file_stays_when_it_is_cut_short(void **state)
{
    char path[] = "/tmp/milliwatt_cut_XXXXXX";
    mw_ctx *const ctx = test_ctx();
    mwi_mapping m;

    (void)state;
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    write_file(ctx, path, "all of this stays");
    assert_ok(ctx, mwi_file_map(ctx, path, &m));
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(m.len, 17);
    assert_memory_equal(m.bytes, "all of this stays", 17);
    mwi_file_unmap(&m);
    assert_ok(ctx, mwi_file_map(ctx, path, &m));
    assert_int_equal(m.len, 0);
    mwi_file_unmap(&m);
    (void)close(fd);
    (void)unlink(path);
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    mw_ctx_destroy(ctx);
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
        cmocka_unit_test(errors_keep_the_last_and_take_prefixes),
        cmocka_unit_test(glob_matches),
        cmocka_unit_test(decimal_text_is_the_nearest_double),
        cmocka_unit_test(decimal_text_agrees_with_strtod),
        cmocka_unit_test(random_numbers_below_n_are_the_high_half_of_the_product),
        cmocka_unit_test(a_new_file_gets_the_umask_and_a_replaced_one_its_mode),
        cmocka_unit_test(a_small_file_stays_when_it_is_cut_short),
        cmocka_unit_test(pool_covers_each_index_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
