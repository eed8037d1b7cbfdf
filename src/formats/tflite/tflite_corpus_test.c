/* formats/tflite/tflite_corpus_test.c - the reader and writer over the shared corpus: every legal file
 * loads, verifies, dumps, and reads the same after it was written; broken files are refused in words.
 * Depends: formats/tflite.   SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/text.h"
#include "formats/format.h"
#include "formats/tflite/write.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

extern const mwi_format_desc mwi_format_tflite;

typedef struct piece_sink {
    mw_ctx *ctx;
    mwi_text text;
} piece_sink;

static void dump_piece(void *self, const char *text, size_t n)
{
    piece_sink *const s = self;

    assert_ok(s->ctx, mwi_text_append(s->ctx, &s->text, text, n));
}

static mw_status save_piece(void *self, mw_ctx *ctx, const void *data, size_t bytes)
{
    return mwi_text_append(ctx, &((piece_sink *)self)->text, data, bytes);
}

static mw_status load(mw_ctx *ctx, const mwi_reader *r, mw_model **out)
{
    MWI_TRY(mwi_model_create(ctx, r->name, out));
    const mw_status st = mwi_format_tflite.load(ctx, r, NULL, *out);
    if (st != MW_OK) {
        mw_model_destroy(*out);
        *out = NULL;
    }
    return st;
}

static void dump(mw_ctx *ctx, const mw_model *m, piece_sink *s)
{
    s->ctx = ctx;
    mwi_text_init(ctx, &s->text, (size_t)256 << 20);
    assert_ok(ctx, mw_model_dump(ctx, m, dump_piece, s));
}

/* Whether the model could be written; then it must read the same. */
static bool round_trip(mw_ctx *ctx, const mw_model *m, uint64_t max_inline)
{
    piece_sink file = {.ctx = ctx}, before, after;
    mw_model *again;

    mwi_text_init(ctx, &file.text, (size_t)256 << 20);
    const mw_status st = mwi_tfl_save(ctx, m, max_inline, save_piece, &file);
    if (st == MW_EUNSUPPORTED) {
        mw_ctx_clear(ctx);
        mwi_text_deinit(&file.text);
        return false;
    }
    assert_ok(ctx, st);
    const mwi_reader r = {"again", (const uint8_t *)mwi_text_chars(&file.text), file.text.n};
    assert_ok(ctx, load(ctx, &r, &again));
    dump(ctx, m, &before);
    dump(ctx, again, &after);
    assert_string_equal(mwi_text_chars(&before.text), mwi_text_chars(&after.text));
    mw_model_destroy(again);
    mwi_text_deinit(&file.text);
    mwi_text_deinit(&before.text);
    mwi_text_deinit(&after.text);
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
    const mwi_reader r = {path, map.bytes, map.len};
    t->files++;
    const mw_status st = load(ctx, &r, &m);
    if (must_load) {
        assert_true(mwi_format_tflite.probe(map.bytes, map.len));
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
        if (S_ISDIR(info.st_mode) && depth > 0) walk(path, depth - 1, must_load, t);
        else if (n > 7 && strcmp(e->d_name + n - 7, ".tflite") == 0) check_file(path, must_load, t);
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
    print_message("%s: %zu files, %zu loaded, %zu written and read again\n", name, t.files, t.loaded,
                  t.written);
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
