/* data/npy_strings_test.c - strings in .npy arrays and CSV files, read and written.
 * SPDX-License-Identifier: Apache-2.0 */
#include "data/source.h"

#include "model/strings.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is(const mw_string *s, const char *text)
{
    return s->bytes == strlen(text) && memcmp(s->data, text, s->bytes) == 0;
}

static void stored_strings_lose_their_filling(void **state)
{
    static const struct {
        mwi_npy_text text;
        uint8_t stored[12];
        const char *says;
    } cases[] = {
        {{3, false}, "abc", "abc"},
        {{4, false}, "ab", "ab"},
        {{3, false}, "", ""},
        {{8, true}, {'a', 0, 0, 0, 0xe9}, "a\xc3\xa9"},
        {{8, true}, {0xac, 0x20, 0, 0, 0x00, 0xf6, 1, 0}, "\xe2\x82\xac\xf0\x9f\x98\x80"},
        {{12, true}, {0, 0xd8, 0, 0, 0xff, 0xff, 0xff, 0xff, 'x'}, "\xef\xbf\xbd\xef\xbf\xbdx"},
    };

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        uint8_t stored[12];
        mw_string out;
        memcpy(stored, cases[i].stored, sizeof stored);
        mwi_npy_strings(&cases[i].text, stored, 1, &out);
        if (!is(&out, cases[i].says)) fail_msg("case %zu: '%.*s'", i, (int)out.bytes, out.data);
    }
    const mw_string nul = {"a\0b", 3};
    uint8_t stored[] = "a\0b";
    mw_string out;
    mwi_npy_strings(&(mwi_npy_text){4, false}, stored, 1, &out);
    assert_true(mwi_strings_equal(&out, &nul));
}

static void arrays_of_strings_round_trip(void **state)
{
    static const mw_string in[] = {{"red", 3}, {NULL, 0}, {"a\0b", 3}, {"longer than others", 18}};
    static const int32_t dims[] = {2, 2}, none[] = {0};
    char folder[] = "/tmp/milliwatt_text_XXXXXX", path[64];
    mw_ctx *const ctx = test_ctx();
    mw_array a;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a.npy", folder);
    assert_ok(ctx, mw_array_save(ctx, path, MW_STRING, 2, dims, in));
    assert_ok(ctx, mw_array_load(ctx, path, &a));
    assert_int_equal(a.dtype, MW_STRING);
    assert_int_equal(a.bytes, sizeof in);
    for (size_t i = 0; i < 4; i++)
        assert_true(mwi_strings_equal(&in[i], (const mw_string *)a.data + i));
    mw_array_free(&a);
    assert_ok(ctx, mw_array_save(ctx, path, MW_STRING, 1, none, NULL));
    assert_ok(ctx, mw_array_load(ctx, path, &a));
    assert_int_equal(a.bytes, 0);
    mw_array_free(&a);
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    (void)unlink(path);
    (void)rmdir(folder);
    mw_ctx_destroy(ctx);
}

/* All samples one after another, "a|b|"; inputs of the model take `rank` dimensions of `width`. */
static const char *read_all(mw_ctx *ctx, const void *bytes, size_t n, int32_t width, char *out,
                            size_t room)
{
    const mwi_reader r = {"x", bytes, n};
    const mw_tensor_info input = {.name = "text",
                                  .dtype = MW_STRING,
                                  .rank = width == 0 ? 1 : 2,
                                  .dims = {1, width},
                                  .signature = {-1, width}};
    const mw_dataset_options options = {.inputs = &input, .n_inputs = 1};
    const size_t per_sample = width == 0 ? 1 : (size_t)width;
    mw_string strings[8];
    mw_dataset *ds;
    size_t used = 0;

    out[0] = '\0';
    if (mwi_dataset_open_bytes(ctx, &r, &options, &ds) != MW_OK) return mw_ctx_error(ctx);
    for (uint64_t i = 0; i < mw_dataset_n_samples(ds); i++) {
        assert_ok(ctx,
                  mw_dataset_read(ctx, ds, 0, i, 1, &input, strings, per_sample * sizeof *strings));
        for (size_t k = 0; k < per_sample; k++)
            used += (size_t)snprintf(out + used, room - used, "%.*s|", (int)strings[k].bytes,
                                     strings[k].data);
    }
    mw_dataset_close(ds);
    return out;
}

static void csv_gives_texts_to_string_inputs(void **state)
{
    static const struct {
        const char *csv;
        int32_t width;
        const char *says;
    } cases[] = {
        {"red\ngreen\n", 0, "red|green|"},
        {"text\nred\r\nlight green\r\n", 0, "red|light green|"},
        {"\"a, b\"\n\"say \"\"no\"\"\"\n\"\"\n12\n", 0, "a, b|say \"no\"||12|"},
        {"a,b\nc, d \n", 2, "a|b|c| d |"},
        {"text,label\n\"x, y\",1\nz,0\n", 0, "x, y|z|"},
        {"good day,1\nbad day,0\n", 0, "good day|bad day|"},
        {"\"open\nb\n", 0, "\"open|b|"},
    };
    char out[256];
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const char *const got =
            read_all(ctx, cases[i].csv, strlen(cases[i].csv), cases[i].width, out, sizeof out);
        if (strcmp(got, cases[i].says) != 0) fail_msg("case %zu: '%s'", i, got);
    }
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    mw_ctx_destroy(ctx);
}

/* A quoted number is a number still. */
static void csv_of_numbers_is_as_before(void **state)
{
    static const char csv[] = "a,b\n\"1\", 2\n 3 ,\"4\"\n";
    const mwi_reader r = {"x", (const uint8_t *)csv, sizeof csv - 1};
    const mw_tensor_info as = {.name = "x", .dtype = MW_FLOAT32, .rank = 2, .dims = {1, 2}};
    mw_ctx *const ctx = test_ctx();
    mw_dataset *ds;
    float out[4];

    (void)state;
    assert_ok(ctx, mwi_dataset_open_bytes(ctx, &r, NULL, &ds));
    assert_ok(ctx, mw_dataset_read(ctx, ds, 0, 0, 2, &as, out, sizeof out));
    assert_memory_equal(out, ((const float[]){1, 2, 3, 4}), sizeof out);
    mw_string text[4]; /* numbers are no strings */
    const mw_tensor_info strings = {.name = "x", .dtype = MW_STRING, .rank = 2, .dims = {1, 2}};
    assert_int_equal(mw_dataset_read(ctx, ds, 0, 0, 2, &strings, text, sizeof text),
                     MW_EUNSUPPORTED);
    mw_dataset_close(ds);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_strings_lose_their_filling),
        cmocka_unit_test(arrays_of_strings_round_trip),
        cmocka_unit_test(csv_gives_texts_to_string_inputs),
        cmocka_unit_test(csv_of_numbers_is_as_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
