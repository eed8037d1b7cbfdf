/* formats/tflite/tflite_large_test.c - models whose constants lie outside the FlatBuffer: more than
 * 2 GiB.
 * Depends: formats/tflite, tests/data/tflite.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/tflite/schema.h"
#include "tflite_files.h"

#include <string.h>
#include <sys/mman.h>

enum { LARGE = 1200 << 20, LARGE_FILE_ROOM = 1 << 20 };

typedef struct region {
    uint8_t *bytes;
    size_t n;
} region;

/* Large constants are zeros here, and so is fresh memory: they need not be copied. */
static mw_status to_region(void *self, mw_ctx *ctx, const void *data, size_t bytes)
{
    region *const r = self;

    (void)ctx;
    if (bytes < LARGE_FILE_ROOM) memcpy(r->bytes + r->n, data, bytes);
    r->n += bytes;
    return MW_OK;
}

static void add_large(mw_ctx *ctx, mw_model *m, mwi_graph *g, const uint8_t *data)
{
    static const int32_t dims[] = {LARGE};
    int32_t index;

    assert_ok(ctx, mwi_graph_add_value(ctx, m, g, "large", MW_INT8, 1, dims, &index));
    g->tensors[index]->data = data;
    g->tensors[index]->bytes = LARGE;
}

static void test_large_file(void **state)
{
    const size_t room = 2 * (size_t)LARGE + LARGE_FILE_ROOM;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    mw_ctx *const ctx = test_ctx();
    uint8_t *const zeros = mmap(NULL, room, PROT_READ, flags, -1, 0);
    region file = {mmap(NULL, room, PROT_READ | PROT_WRITE, flags, -1, 0), 0};
    mwi_mapping map;
    mw_model *m, *again;

    (void)state;
    if (zeros == MAP_FAILED || file.bytes == MAP_FAILED) test_skip("no address space");
    testing_load_file(ctx, "features", &map, &m);
    add_large(ctx, m, m->graphs[0], zeros);
    add_large(ctx, m, m->graphs[0], zeros + LARGE);
    assert_int_equal(mwi_tfl_save(ctx, m, UINT64_MAX, to_region, &file), MW_ELIMIT);
    mw_ctx_clear(ctx);
    assert_int_equal(file.n, 0);
    assert_ok(ctx, mwi_tfl_save(ctx, m, MWI_TFL_MAX_INLINE_BYTES, to_region, &file));
    assert_true(file.n > 2 * (size_t)LARGE);
    assert_ok(ctx, testing_load(ctx, file.bytes, file.n, &again));
    testing_check_features(again, m->graphs[0]->n_tensors);
    for (size_t i = 15; i < 17; i++) {
        assert_int_equal(again->graphs[0]->tensors[i]->bytes, LARGE);
        assert_true(again->graphs[0]->tensors[i]->data > (const void *)file.bytes);
    }
    mw_model_destroy(again);
    mw_model_destroy(m);
    mwi_file_unmap(&map);
    (void)munmap(zeros, room);
    (void)munmap(file.bytes, room);
    mw_ctx_destroy(ctx);
}

static void test_large_custom_options(void **state)
{
    static uint8_t options[100000];
    mw_ctx *const ctx = test_ctx();
    mwi_mapping map;
    mw_model *m, *again;
    mwi_text file;

    (void)state;
    for (size_t i = 0; i < sizeof options; i++) options[i] = (uint8_t)(i * 7);
    testing_load_file(ctx, "features", &map, &m);
    m->graphs[0]->ops[1]->custom_options = options;
    m->graphs[0]->ops[1]->n_custom_options = sizeof options;
    for (uint64_t max_inline = 0; max_inline < 2 * sizeof options;
         max_inline += 2 * sizeof options - 1) {
        assert_ok(ctx, testing_save(ctx, m, max_inline, &file));
        assert_ok(ctx, testing_load(ctx, mwi_text_chars(&file), file.n, &again));
        assert_int_equal(again->graphs[0]->ops[1]->n_custom_options, sizeof options);
        assert_memory_equal(again->graphs[0]->ops[1]->custom_options, options, sizeof options);
        mw_model_destroy(again);
        mwi_text_deinit(&file);
    }
    mw_model_destroy(m);
    mwi_file_unmap(&map);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_file),
        cmocka_unit_test(test_large_custom_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
