/* tests/strings_hostile_test.c - models with strings and tables (tests/data/strings), each word of
 * the file changed in turn to what a liar would write: they are refused with a message, or run
 * inside their buffers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/reader.h"
#include "support.h"

#include <milliwatt/milliwatt.h>

#include <stdlib.h>
#include <string.h>

typedef struct tally {
    size_t refused, planned, ran;
} tally;

/* The outputs are read to their ends, so that a wrong address shows under a sanitizer. */
static unsigned read_outputs(mw_ctx *ctx, mw_session *s)
{
    unsigned sum = 0;
    mw_buffer b;

    for (size_t i = 0; i < mw_session_n_outputs(s); i++) {
        assert_ok(ctx, mw_session_output(ctx, s, i, &b));
        for (size_t k = 0; k < b.bytes / sizeof(mw_string) && b.info.dtype == MW_STRING; k++) {
            const mw_string *const text = (const mw_string *)b.data + k;
            for (size_t c = 0; c < text->bytes; c++) sum += (unsigned char)text->data[c];
        }
    }
    return sum;
}

static unsigned run(mw_ctx *ctx, mw_session *s, mwi_rng *rng, tally *t)
{
    unsigned sum = 0;
    mw_buffer b;

    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < mw_session_n_inputs(s); i++) {
            assert_ok(ctx, mw_session_input(ctx, s, i, &b));
            test_fill_any(b.info.dtype, b.data, b.bytes, rng);
            if (turn == 0 && b.info.dtype != MW_STRING && b.bytes > 0) memset(b.data, 0, b.bytes);
        }
        if (mw_session_run(ctx, s) == MW_OK) t->ran++;
        sum += read_outputs(ctx, s);
    }
    return sum;
}

static unsigned try_bytes(const void *bytes, size_t n, tally *t)
{
    const mw_ctx_options options = {
        .limits = {.max_memory_bytes = 64 << 20, .max_loop_iterations = 1000}};
    mwi_rng rng = {1};
    unsigned sum = 0;
    mw_model *m = NULL;
    mw_ctx *ctx;

    assert_int_equal(mw_ctx_create(&options, &ctx), MW_OK);
    if (mw_model_load_memory(ctx, bytes, n, "changed", NULL, &m) != MW_OK) {
        assert_true(*mw_ctx_error(ctx) != '\0');
        t->refused++;
    }
    for (size_t i = 0; m != NULL && i < 4; i++) {
        const mw_session_options o = {.signature = mw_model_signature_key(m, i)};
        mw_session *s = NULL;
        if (i > 0 && o.signature == NULL) break;
        if (mw_session_create(ctx, m, &o, &s) == MW_OK) {
            t->planned++;
            sum += run(ctx, s, &rng, t);
        }
        mw_session_destroy(s);
    }
    mw_model_destroy(m);
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    mw_ctx_destroy(ctx);
    return sum;
}

static void try_file(const char *name, tally *t)
{
    char path[4096];
    mw_ctx *const ctx = test_ctx();
    mwi_mapping file;
    unsigned sum = 0;

    (void)snprintf(path, sizeof path, "%s/tests/data/strings/%s.tflite", test_source_dir(), name);
    assert_ok(ctx, mwi_file_map(ctx, path, &file));
    uint8_t *const bytes = malloc(file.len);
    assert_non_null(bytes);
    for (size_t at = 0; at + 4 <= file.len; at += 4) {
        const uint32_t was = mwi_le32(file.bytes + at);
        const uint32_t lies[] = {was + 1, was - 1, 0x7fffffff, 0xffffffff, (uint32_t)file.len};
        for (size_t i = 0; i < MWI_COUNT(lies); i++) {
            memcpy(bytes, file.bytes, file.len);
            memcpy(bytes + at, &lies[i], sizeof lies[i]); /* little-endian */
            sum += try_bytes(bytes, file.len, t);
        }
    }
    free(bytes);
    mwi_file_unmap(&file);
    mw_ctx_destroy(ctx);
    assert_true(sum < UINT32_MAX);
}

static void changed_files_are_refused_or_run(void **state)
{
    tally t = {0};

    (void)state;
    try_file("tables", &t);
    try_file("text", &t);
    print_message("%zu refused, %zu sessions, %zu runs\n", t.refused, t.planned, t.ran);
    assert_true(t.refused > 1000 && t.ran > 1000); /* both ways are tried */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(changed_files_are_refused_or_run)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
