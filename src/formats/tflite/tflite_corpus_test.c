/* formats/tflite/tflite_corpus_test.c - the reader and writer over the shared corpus: every legal
 * file loads, verifies, dumps, and reads the same after it was written; broken files are refused
 * in words.
 * Depends: formats/tflite.   SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "formats/tflite/testing.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Whether the model could be written; then it must read the same. */
static bool round_trip(mw_ctx *ctx, const mw_model *m, uint64_t max_inline_bytes)
{
    mwi_text file, before, after;
    mw_model *again;
    const mw_status st = testing_save(ctx, m, max_inline_bytes, &file);

    if (st == MW_EUNSUPPORTED) {
        mw_ctx_clear(ctx);
        mwi_text_deinit(&file);
        return false;
    }
    assert_ok(ctx, st);
    assert_ok(ctx, testing_load(ctx, mwi_text_chars(&file), file.n, &again));
    assert_ok(ctx, testing_dump(ctx, m, &before));
    assert_ok(ctx, testing_dump(ctx, again, &after));
    assert_string_equal(mwi_text_chars(&before), mwi_text_chars(&after));
    mw_model_destroy(again);
    mwi_text_deinit(&file);
    mwi_text_deinit(&before);
    mwi_text_deinit(&after);
    return true;
}

typedef struct tally {
    size_t files, loaded, written;
} tally;

static void check_file(const char *path, bool must_load, tally *t)
{
    mw_ctx *const ctx = test_ctx();
    mwi_mapping map;
    mw_model *m;

    assert_ok(ctx, mwi_file_map(ctx, path, &map));
    t->files++;
    const mw_status st = testing_load(ctx, map.bytes, map.len, &m);
    if (must_load) {
        assert_true(mwi_format_tflite.probe(map.bytes, map.len));
        if (st != MW_OK) print_error("%s\n", path);
        assert_ok(ctx, st);
    }
    if (st == MW_OK) {
        t->loaded++;
        assert_ok(ctx, mwi_model_verify(ctx, m));
        t->written += round_trip(ctx, m, UINT64_MAX);
        (void)round_trip(ctx, m, 0);
        mw_model_destroy(m);
    } else {
        assert_true(mw_ctx_error(ctx)[0] != '\0');
    }
    mwi_file_unmap(&map);
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    mw_ctx_destroy(ctx);
}

static void walk(const char *folder, int depth, bool must_load, tally *t)
{
    char path[4096];
    DIR *const dir = opendir(folder);

    if (dir == NULL) return;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        const size_t n = strlen(e->d_name);
        struct stat info;
        if (e->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (stat(path, &info) != 0) continue;
        if (S_ISDIR(info.st_mode) && depth > 0)
            walk(path, depth - 1, must_load, t);
        else if (n > 7 && strcmp(e->d_name + n - 7, ".tflite") == 0)
            check_file(path, must_load, t);
    }
    (void)closedir(dir);
}

static void walk_shared(const char *name, int depth, bool must_load)
{
    const char *const shared = test_shared_dir();
    char folder[4096];
    tally t = {0};

    if (shared == NULL) test_skip("no shared folder");
    (void)snprintf(folder, sizeof folder, "%s/%s", shared, name);
    walk(folder, depth, must_load, &t);
    print_message("%s: %zu files, %zu loaded, %zu written and read again\n", name, t.files,
                  t.loaded, t.written);
    assert_true(t.files > 0);
}

static void test_models(void **state)
{
    (void)state;
    walk_shared("models", 1, true);
}

static void test_ops(void **state)
{
    (void)state;
    walk_shared("corpus/ops", 2, true);
}

static void test_keras_counterparts(void **state)
{
    (void)state;
    walk_shared("corpus/keras", 3, true);
}

static void test_hostile(void **state)
{
    (void)state;
    walk_shared("corpus/hostile", 0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_ops),
        cmocka_unit_test(test_keras_counterparts),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
