/* model/strings_test.c - string constants: buffers of files that lie, and packing what was
 * unpacked.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/strings.h"

#include "support.h"

#include <stdlib.h>

/* A constant of n strings with these bytes, in a block of its own, so that a sanitizer sees its
 * ends. */
static mw_status check(mw_ctx *ctx, int32_t n, const uint8_t *bytes, size_t n_bytes)
{
    uint8_t *const copy = malloc(n_bytes + (n_bytes == 0));
    mw_model *m;
    mwi_graph *g;
    mwi_tensor *t;

    assert_ok(ctx, mwi_model_create(ctx, "m", &m));
    assert_ok(ctx, mwi_model_add_graph(ctx, m, "main", &g));
    assert_ok(ctx, mwi_graph_add_tensor(ctx, m, g, "t", &t, NULL));
    assert_non_null(copy);
    if (n_bytes > 0) memcpy(copy, bytes, n_bytes);
    t->dtype = MW_STRING;
    t->has_rank = true;
    t->rank = 1;
    t->dims[0] = t->signature[0] = n;
    t->data = copy;
    t->bytes = n_bytes;
    const mw_status st = mwi_model_verify(ctx, m);
    mw_string out[8];
    if (st == MW_OK && n <= 8) { /* what passes can be read to its ends */
        unsigned sum = 0;
        mwi_strings_expand(t, out);
        for (int32_t i = 0; i < n; i++)
            for (size_t k = 0; k < out[i].bytes; k++) sum += (unsigned char)out[i].data[k];
        assert_true(sum < UINT32_MAX);
    }
    mw_model_destroy(m);
    free(copy);
    return st;
}

static void buffers_that_lie_are_refused(void **state)
{
    static const struct {
        const char *name;
        int32_t n;
        uint8_t bytes[24];
        size_t n_bytes;
        const char *says; /* NULL: sound */
    } cases[] = {
        {"two strings",
         2,
         {2, 0, 0, 0, 16, 0, 0, 0, 17, 0, 0, 0, 19, 0, 0, 0, 'a', 'b', 'c'},
         19,
         NULL},
        {"bytes behind the last", 1, {1, 0, 0, 0, 12, 0, 0, 0, 13, 0, 0, 0, 'a', 'b'}, 14, NULL},
        {"none", 0, {0, 0, 0, 0, 8, 0, 0, 0}, 8, NULL},
        {"none, and no buffer", 0, {0}, 0, NULL},
        {"no buffer", 1, {0}, 0, "do not fit a buffer of 0"},
        {"only a number", 1, {1, 0, 0, 0}, 4, "do not fit a buffer of 4"},
        {"offsets are cut", 2, {2, 0, 0, 0, 16, 0, 0, 0, 16, 0, 0, 0}, 12, "do not fit"},
        {"another number", 1, {2, 0, 0, 0, 12, 0, 0, 0, 13, 0, 0, 0, 'a'}, 13, "holds 2 strings"},
        {"a huge number", 1, {255, 255, 255, 255, 12, 0, 0, 0, 13, 0, 0, 0, 'a'}, 13, "4294967295"},
        {"begins in the offsets", 1, {1, 0, 0, 0, 8, 0, 0, 0, 13, 0, 0, 0, 'a'}, 13, "byte 8"},
        {"begins behind the end", 1, {1, 0, 0, 0, 14, 0, 0, 0, 14, 0, 0, 0, 'a'}, 13, "byte 14"},
        {"ends behind the end", 1, {1, 0, 0, 0, 12, 0, 0, 0, 14, 0, 0, 0, 'a'}, 13, "byte 14"},
        {"ends before it begins", 1, {1, 0, 0, 0, 13, 0, 0, 0, 12, 0, 0, 0, 'a'}, 13, "byte 12"},
        {"a negative offset",
         1,
         {1, 0, 0, 0, 252, 255, 255, 255, 13, 0, 0, 0, 'a'},
         13,
         "4294967292"},
        {"more than there can be",
         INT32_MAX,
         {255, 255, 255, 127, 0, 0, 0, 0},
         8,
         "larger than any"},
    };
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const mw_status st = check(ctx, cases[i].n, cases[i].bytes, cases[i].n_bytes);
        if (cases[i].says == NULL ? st == MW_OK
                                  : st != MW_OK && strstr(mw_ctx_error(ctx), cases[i].says) != NULL)
            continue;
        fail_msg("%s: \"%s\"", cases[i].name, mw_ctx_error(ctx));
    }
    mw_ctx_destroy(ctx);
}

static void what_is_packed_comes_out_again(void **state)
{
    const mw_string in[] = {{"red", 3}, {NULL, 0}, {"a\0b", 3}, {"", 0}};
    mwi_tensor t = {.dtype = MW_STRING, .rank = 2, .dims = {2, 2}};
    uint8_t packed[64];
    mw_string out[4];

    (void)state;
    assert_true(mwi_strings_packed_bytes(in, 4, &t.bytes));
    assert_int_equal(t.bytes, 4 * 6 + 6);
    mwi_strings_pack(in, 4, packed);
    t.data = packed;
    mwi_strings_expand(&t, out);
    for (size_t i = 0; i < 4; i++) assert_true(mwi_strings_equal(&in[i], &out[i]));
    const mw_string large[] = {{"", INT32_MAX}, {"", 1}};
    assert_false(mwi_strings_packed_bytes(large, 2, &t.bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_that_lie_are_refused),
        cmocka_unit_test(what_is_packed_comes_out_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
