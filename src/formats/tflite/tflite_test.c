/* formats/tflite/tflite_test.c - what a file says arrives, the writer against the reader, both
 * against a failing allocator.
 * Depends: formats/tflite, tests/data/tflite.   SPDX-License-Identifier: Apache-2.0 */
#include "flaky.h"

#include "formats/tflite/schema.h"
#include "tflite_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- what a file says arrives ---- */

static void check_features(const mw_model *m) { testing_check_features(m, 15); }

static void check_outside(const mw_model *m)
{
    const mwi_tensor *const t = m->graphs[0]->tensors[1];

    assert_int_equal((uintptr_t)t->data % sizeof(float), 0);
    assert_true(((const float *)t->data)[0] == 1.5f && ((const float *)t->data)[1] == -2.5f);
    assert_int_equal(m->graphs[0]->ops[0]->n_custom_options, 5);
    assert_memory_equal(m->graphs[0]->ops[0]->custom_options, "large", 5);
}

/* Checks what was read, then the same after writing it, with constants inside and behind. */
static void check_data(const char *name, void (*check)(const mw_model *m))
{
    static const uint64_t max_inline[] = {UINT64_MAX, 0};
    mw_ctx *const ctx = test_ctx();
    mwi_mapping map;
    mw_model *m, *again;
    mwi_text file;

    testing_load_file(ctx, name, &map, &m);
    check(m);
    for (size_t i = 0; i < MWI_COUNT(max_inline); i++) {
        assert_ok(ctx, testing_save(ctx, m, max_inline[i], &file));
        assert_ok(ctx, testing_load(ctx, mwi_text_chars(&file), file.n, &again));
        check(again);
        mw_model_destroy(again);
        mwi_text_deinit(&file);
    }
    mw_model_destroy(m);
    mwi_file_unmap(&map);
    mw_ctx_destroy(ctx);
}

static void test_features(void **state)
{
    (void)state;
    check_data("features", check_features);
}

static void test_outside(void **state)
{
    (void)state;
    check_data("outside", check_outside);
}

static void test_codes_and_identifiers(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mwi_mapping map;
    mw_model *m;

    (void)state;
    for (size_t i = 2; i < MWI_COUNT(testing_files); i++) {
        testing_load_file(ctx, testing_files[i], &map, &m);
        assert_true(mwi_format_tflite.probe(map.bytes, map.len));
        if (strcmp(testing_files[i], "unknown_op") == 0) {
            assert_ptr_equal(m->graphs[0]->ops[0]->desc, &mwi_op_unknown);
            assert_int_equal(m->graphs[0]->ops[0]->code, 208);
            assert_string_equal(mwi_op_name(m->graphs[0]->ops[0]), "STABLEHLO_CBRT");
        } else {
            assert_string_equal(m->graphs[0]->ops[0]->desc->name, "RELU");
        }
        mw_model_destroy(m);
        mwi_file_unmap(&map);
    }
    mw_ctx_destroy(ctx);
}

static void test_sparse_expansion(void **state)
{
    static float dense[2 * 301 * 4];
    mw_ctx *const ctx = test_ctx();
    mwi_mapping map;
    mw_model *m;

    (void)state;
    testing_load_file(ctx, "features", &map, &m);
    assert_ok(ctx, mwi_sparsity_expand(ctx, m->graphs[0]->tensors[7], dense));
    for (size_t i = 0; i < MWI_COUNT(dense); i++)
        assert_true(dense[i] == (i < MWI_COUNT(dense) - 2    ? 0
                                 : i == MWI_COUNT(dense) - 2 ? 1.0f
                                                             : 2.0f));
    mw_model_destroy(m);
    mwi_file_unmap(&map);
    mw_ctx_destroy(ctx);
}

/* What a sparse tensor of shape {4, 6} may not say. */
static void test_sparse_lies(void **state)
{
    static const int32_t order[] = {0, 1, 2}, twice[] = {0, 1, 1}, map[] = {1}, far[] = {2};
    static const int32_t segments[] = {0, 1, 1, 2, 2}, falling[] = {0, 2, 1, 2, 2},
                         longer[] = {0, 1, 1, 2, 3};
    static const int32_t indices[] = {2, 0}, beyond[] = {3, 0};
    static const float data[4] = {0};
#define LEVELS(dense, seg, n_seg, idx, block)                                                      \
    {                                                                                              \
        {0, dense, 0, 0, NULL, NULL}, {1, 0, n_seg, 2, seg, idx}, { 0, block, 0, 0, NULL, NULL }   \
    }
    static const struct {
        const int32_t *order, *map;
        mwi_dim_metadata dims[3];
        size_t bytes;
        const char *message;
    } rows[] = {
        {order, map, LEVELS(4, segments, 5, indices, 2), 16, NULL},
        {order, map, LEVELS(4, segments, 5, indices, 2), 15, "4 elements, the data have 15 bytes"},
        {twice, map, LEVELS(4, segments, 5, indices, 2), 16, "traversal order 2 is 1"},
        {order, far, LEVELS(4, segments, 5, indices, 2), 16, "does not cut dimension 2"},
        {order, map, LEVELS(4, segments, 5, indices, 4), 16,
         "a block of 4 does not cut dimension 1"},
        {order, map, LEVELS(3, segments, 5, indices, 2), 16, "dense size 3, the shape says 4"},
        {order, map, LEVELS(4, segments, 4, indices, 2), 16, "4 segments for 4 nodes"},
        {order, map, LEVELS(4, falling, 5, indices, 2), 16, "segment 2 is 1 after 2"},
        {order, map, LEVELS(4, longer, 5, indices, 2), 16, "segments end at 3"},
        {order, map, LEVELS(4, segments, 5, beyond, 2), 16, "index 0 is 3 of 3"},
    };
#undef LEVELS
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(rows); i++) {
        const mwi_sparsity s = {3, 1, 3, rows[i].order, rows[i].map, rows[i].dims};
        const mwi_tensor t = {
            .rank = 2, .dims = {4, 6}, .sparsity = &s, .data = data, .bytes = rows[i].bytes};
        const mw_status st = mwi_sparsity_check(ctx, &t);
        if (rows[i].message == NULL)
            assert_ok(ctx, st);
        else if (st != MW_EFORMAT || strstr(mw_ctx_error(ctx), rows[i].message) == NULL)
            fail_msg("row %zu: wanted \"%s\", got \"%s\"", i, rows[i].message, mw_ctx_error(ctx));
        mw_ctx_clear(ctx);
    }
    mw_ctx_destroy(ctx);
}

/* Constants start at multiples of 16 bytes from the start of the file, and stay in it when it is
 * read. */
static void test_zero_copy(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mwi_mapping map;
    mw_model *m, *again;
    mwi_text file;
    void *copy;

    (void)state;
    testing_load_file(ctx, "features", &map, &m);
    assert_ok(ctx, testing_save(ctx, m, UINT64_MAX, &file));
    assert_int_equal(posix_memalign(&copy, 64, file.n), 0);
    memcpy(copy, mwi_text_chars(&file), file.n);
    assert_ok(ctx, testing_load(ctx, copy, file.n, &again));
    for (size_t i = 0; i < again->graphs[0]->n_tensors; i++) {
        const mwi_tensor *const t = again->graphs[0]->tensors[i];
        assert_int_equal((uintptr_t)t->data % 16, 0);
        if (t->bytes != 0)
            assert_true((const char *)t->data > (const char *)copy &&
                        (const char *)t->data < (const char *)copy + file.n);
    }
    mw_model_destroy(again);
    mw_model_destroy(m);
    free(copy);
    mwi_text_deinit(&file);
    mwi_file_unmap(&map);
    mw_ctx_destroy(ctx);
}

static void test_input_shapes(void **state)
{
    static const struct {
        mw_shape shape;
        size_t n;
        mw_status status;
    } cases[] = {
        {{2, {3, 4}}, 1, MW_OK}, {{2, {3, 5}}, 1, MW_EINVAL},  {{1, {4}}, 1, MW_EINVAL},
        {{2, {3, 4}}, 2, MW_OK}, {{2, {-1, 4}}, 1, MW_EINVAL}, {{2, {0, 4}}, 1, MW_OK},
    };
    mw_ctx *const ctx = test_ctx();
    mwi_mapping map;
    mw_model *m;

    (void)state;
    testing_map_file(ctx, "features", &map);
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const mwi_reader r = {"model", map.bytes, map.len};
        const mw_shape shapes[2] = {cases[i].shape, cases[i].shape};
        const mw_load_options options = {.input_shapes = shapes, .n_input_shapes = cases[i].n};
        assert_ok(ctx, mwi_model_create(ctx, "model", &m));
        assert_int_equal(mwi_format_tflite.load(ctx, &r, &options, m), cases[i].status);
        if (cases[i].status == MW_OK)
            assert_int_equal(m->graphs[0]->tensors[0]->dims[0], cases[i].shape.dims[0]);
        mw_ctx_clear(ctx);
        mw_model_destroy(m);
    }
    mwi_file_unmap(&map);
    mw_ctx_destroy(ctx);
}

/* A bias that is left out is not listed as -1, which LiteRT's convolutions refuse. */
static void test_missing_inputs_at_the_end(void **state)
{
    static const char *const names[] = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "RELU"};
    mw_ctx *const ctx = test_ctx();
    mwi_mapping map;
    mw_model *m, *again;
    mwi_text file;
    mwi_op *op;

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(names); i++) {
        testing_load_file(ctx, "old_code", &map, &m);
        mwi_graph *const g = m->graphs[0];
        mwi_graph_remove_op(g, 0);
        const mwi_op_desc *const d = mwi_op_by_name(names[i]);
        assert_ok(ctx, mwi_graph_add_op(ctx, m, g, 0, d, (size_t)d->max_in, 1, &op));
        for (int k = 0; k < d->min_in; k++) op->in[k] = 0;
        op->out[0] = 1;
        mwi_op_set_i32(op, "stride_w", 1);
        mwi_op_set_i32(op, "stride_h", 1);
        assert_ok(ctx, testing_save(ctx, m, UINT64_MAX, &file));
        assert_ok(ctx, testing_load(ctx, mwi_text_chars(&file), file.n, &again));
        assert_int_equal(again->graphs[0]->ops[0]->n_in, d->min_in);
        mw_model_destroy(again);
        mwi_text_deinit(&file);
        mw_model_destroy(m);
        mwi_file_unmap(&map);
    }
    mw_ctx_destroy(ctx);
}

/* ---- what cannot be written ---- */

static void test_refuses_to_write(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mwi_mapping map;
    mw_model *m;
    mwi_op *op;
    mwi_text file;

    (void)state;
    testing_load_file(ctx, "unknown_op", &map, &m);
    assert_ok(ctx, mwi_graph_add_op(ctx, m, m->graphs[0], 0, mwi_op_by_name("DROPOUT"), 1, 1, &op));
    assert_ok(ctx, mwi_graph_add_op(ctx, m, m->graphs[0], 0, mwi_op_by_name("DROPOUT"), 1, 1, &op));
    assert_int_equal(testing_save(ctx, m, UINT64_MAX, &file), MW_EUNSUPPORTED);
    assert_non_null(strstr(mw_ctx_error(ctx), "DROPOUT x2, STABLEHLO_CBRT (builtin 208)"));
    mwi_text_deinit(&file);
    mw_model_destroy(m);
    mwi_file_unmap(&map);
    mw_ctx_destroy(ctx);
}

/* ---- memory that runs out ---- */

static mw_status load_and_save(mw_ctx *ctx, const mwi_mapping *map)
{
    mwi_text file = {0};
    mw_model *m = NULL;
    mw_status st = testing_load(ctx, map->bytes, map->len, &m);

    if (st == MW_OK) st = testing_save(ctx, m, UINT64_MAX, &file);
    mwi_text_deinit(&file);
    mw_model_destroy(m);
    return st;
}

static void test_each_allocation_fails(void **state)
{
    mw_ctx *const outer = test_ctx();
    mwi_mapping map;
    mw_status st = MW_ENOMEM;

    (void)state;
    testing_map_file(outer, "features", &map);
    for (size_t n = 0; st != MW_OK; n++) {
        flaky f = {.left = n};
        const mw_allocator allocator = flaky_allocator(&f);
        const mw_ctx_options options = {.allocator = &allocator};
        mw_ctx *ctx;
        assert_true(n < 10000);
        st = mw_ctx_create(&options, &ctx);
        if (st == MW_OK) {
            st = load_and_save(ctx, &map);
            mw_ctx_destroy(ctx);
        }
        assert_true(st == MW_OK || st == MW_ENOMEM);
        assert_int_equal(f.live, 0);
    }
    mwi_file_unmap(&map);
    mw_ctx_destroy(outer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_outside),
        cmocka_unit_test(test_codes_and_identifiers),
        cmocka_unit_test(test_sparse_expansion),
        cmocka_unit_test(test_sparse_lies),
        cmocka_unit_test(test_zero_copy),
        cmocka_unit_test(test_input_shapes),
        cmocka_unit_test(test_missing_inputs_at_the_end),
        cmocka_unit_test(test_refuses_to_write),
        cmocka_unit_test(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
