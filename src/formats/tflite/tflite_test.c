/* formats/tflite/tflite_test.c - the reader against bytes that lie, the writer against the reader,
 * both against a failing allocator.
 * Depends: formats/tflite, tests/data/tflite.   SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "formats/tflite/schema.h"
#include "formats/tflite/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const char *const data_files[] = {"features",      "outside",        "old_code",
                                         "no_identifier", "odd_identifier", "unknown_op"};

static void map_data(mw_ctx *ctx, const char *name, mwi_mapping *out)
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/tests/data/tflite/%s.tflite", test_source_dir(), name);
    assert_ok(ctx, mwi_file_map(ctx, path, out));
}

static void load_data(mw_ctx *ctx, const char *name, mwi_mapping *map, mw_model **out)
{
    map_data(ctx, name, map);
    assert_ok(ctx, testing_load(ctx, map->bytes, map->len, out));
}

/* ---- what a file says arrives ---- */

static void check_features_of(const mw_model *m, size_t n_tensors)
{
    const mwi_graph *const g = m->graphs[0];
    const mwi_sparsity *const s = g->tensors[7]->sparsity;
    const mwi_quant *q;

    assert_int_equal(m->n_graphs, 2);
    assert_string_equal(m->graphs[1]->name, "second");
    assert_string_equal(m->description, "every feature");
    assert_int_equal(g->n_tensors, n_tensors);
    assert_int_equal(g->tensors[0]->dims[0], 1);
    assert_int_equal(g->tensors[0]->signature[0], -1);
    assert_int_equal(g->tensors[0]->signature[1], 4);
    q = g->tensors[2]->quant;
    assert_int_equal(q->q.n_scales, 1);
    assert_true(q->q.scales[0] == 0.5f && q->q.zero_points[0] == -3 && q->min[0] == -64.0f &&
                q->max[0] == 63.5f);
    assert_true(g->tensors[2]->data == g->tensors[3]->data); /* one buffer */
    q = g->tensors[3]->quant;
    assert_true(q->q.n_scales == 2 && q->q.axis == 1 && q->q.scales[1] == 0.125f);
    q = g->tensors[4]->quant;
    assert_true(q->q.block_size == 32 && q->block_scales == 5 && q->block_zero_points == -1);
    assert_int_equal(g->tensors[4]->bytes, 64);
    assert_int_equal(g->tensors[6]->bytes, 2);
    assert_int_equal(s->n_dims, 4);
    assert_true(s->traversal_order[3] == 3 && s->block_map[0] == 2);
    assert_true(s->dims[0].format == 1 && s->dims[0].indices[0] == 1 &&
                s->dims[0].segments[1] == 1);
    assert_true(s->dims[1].segments[1] == 1 && s->dims[1].indices[0] == 300);
    assert_true(s->dims[2].segments[1] == 1 && s->dims[2].indices[0] == 1);
    assert_true(s->dims[3].format == 0 && s->dims[3].dense_size == 2);
    assert_true(g->tensors[8]->is_variable);
    assert_true(g->tensors[9]->quant->q.n_scales == 0 && g->tensors[9]->quant->n_max == 1);
    assert_true(mwi_tensor_is_const(g->tensors[10]) && g->tensors[10]->bytes == 0);
    assert_int_equal(*(const int64_t *)g->tensors[11]->data, -5);
    assert_int_equal(g->tensors[14]->bytes, 15);
    assert_int_equal(g->ops[0]->desc->tflite_code, 19);
    assert_string_equal(g->ops[1]->custom_code, "example_op");
    assert_int_equal(g->ops[1]->n_custom_options, 3);
    assert_int_equal(g->ops[1]->custom_options[2], 3);
    assert_int_equal(g->ops[1]->in[7], -1);
    assert_int_equal(g->ops[1]->intermediates[0], 13);
    assert_int_equal(m->n_signatures, 2);
    assert_string_equal(m->signatures[0].key, "serving_default");
    assert_string_equal(m->signatures[0].outputs[1].name, "z");
    assert_int_equal(m->signatures[0].outputs[1].tensor, 1);
    assert_int_equal(m->signatures[1].graph, 1);
    assert_int_equal(m->n_metadata, 2);
    assert_memory_equal(m->metadata[0].data, "1.2.3", 5);
    assert_int_equal(m->metadata[1].bytes, 0);
}

static void check_features(const mw_model *m) { check_features_of(m, 15); }

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

    load_data(ctx, name, &map, &m);
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
    for (size_t i = 2; i < MWI_COUNT(data_files); i++) {
        load_data(ctx, data_files[i], &map, &m);
        assert_true(mwi_format_tflite.probe(map.bytes, map.len));
        if (strcmp(data_files[i], "unknown_op") == 0) {
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
    load_data(ctx, "features", &map, &m);
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
    load_data(ctx, "features", &map, &m);
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
    map_data(ctx, "features", &map);
    for (size_t i = 0; i < MWI_COUNT(cases); i++) {
        const mwi_reader r = {"model", map.bytes, map.len};
        const mw_shape shapes[2] = {cases[i].shape, cases[i].shape};
        const mw_load_options options = {shapes, cases[i].n};
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

/* ---- more than 2 GiB ---- */

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
    load_data(ctx, "features", &map, &m);
    add_large(ctx, m, m->graphs[0], zeros);
    add_large(ctx, m, m->graphs[0], zeros + LARGE);
    assert_int_equal(mwi_tfl_save(ctx, m, UINT64_MAX, to_region, &file), MW_ELIMIT);
    mw_ctx_clear(ctx);
    assert_int_equal(file.n, 0);
    assert_ok(ctx, mwi_tfl_save(ctx, m, MWI_TFL_MAX_INLINE_BYTES, to_region, &file));
    assert_true(file.n > 2 * (size_t)LARGE);
    assert_ok(ctx, testing_load(ctx, file.bytes, file.n, &again));
    check_features_of(again, m->graphs[0]->n_tensors);
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
    load_data(ctx, "features", &map, &m);
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
        load_data(ctx, "old_code", &map, &m);
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
    load_data(ctx, "unknown_op", &map, &m);
    assert_ok(ctx, mwi_graph_add_op(ctx, m, m->graphs[0], 0, mwi_op_by_name("DROPOUT"), 1, 1, &op));
    assert_ok(ctx, mwi_graph_add_op(ctx, m, m->graphs[0], 0, mwi_op_by_name("DROPOUT"), 1, 1, &op));
    assert_int_equal(testing_save(ctx, m, UINT64_MAX, &file), MW_EUNSUPPORTED);
    assert_non_null(strstr(mw_ctx_error(ctx), "DROPOUT x2, STABLEHLO_CBRT (builtin 208)"));
    mwi_text_deinit(&file);
    mw_model_destroy(m);
    mwi_file_unmap(&map);
    mw_ctx_destroy(ctx);
}

/* ---- bytes that lie ---- */

/* A model of one RELU; a field that is not 0 replaces what would be right. */
typedef struct lie {
    const char *message; /* part of what the reader must say */
    mw_status status;
    uint32_t version, n_subgraphs, code_index, type, buffer, external, is_variable, details_type;
    uint32_t signature_tensor, options_type;
    int32_t builtin, input, graph_input, block_size;
    bool two_scales, n_points;
    float scale;
    int n_dims;
    int32_t dims[10];
    uint64_t offset, size, options_offset;
} lie;

static void lie_quant(mw_ctx *ctx, mwi_fbb *b, const lie *l, size_t from)
{
    const float scales[2] = {l->scale != 0 ? l->scale : 1.0f, 1.0f};
    const int64_t points[3] = {0, 0, 0};
    mwi_fbb_table t = {0}, d = {0};

    mwi_fbb_ref(&t, TFL_QUANT_SCALE);
    mwi_fbb_ref(&t, TFL_QUANT_ZERO_POINT);
    if (l->details_type != 0) {
        mwi_fbb_u8(&t, TFL_QUANT_DETAILS_TYPE, l->details_type);
        mwi_fbb_ref(&t, TFL_QUANT_DETAILS);
    }
    assert_ok(ctx, mwi_fbb_write(ctx, b, from, &t));
    assert_ok(ctx, mwi_fbb_vector(ctx, b, t.at[TFL_QUANT_SCALE], scales, l->two_scales ? 2 : 1, 4));
    assert_ok(ctx,
              mwi_fbb_vector(ctx, b, t.at[TFL_QUANT_ZERO_POINT], points, l->n_points ? 3 : 1, 8));
    if (l->details_type == 0) return;
    mwi_fbb_i32(&d, TFL_BLOCKWISE_SCALES, 99);
    mwi_fbb_i32(&d, TFL_BLOCKWISE_BLOCK_SIZE, l->block_size);
    assert_ok(ctx, mwi_fbb_write(ctx, b, t.at[TFL_QUANT_DETAILS], &d));
}

static void lie_tensors(mw_ctx *ctx, mwi_fbb *b, const lie *l, size_t from)
{
    static const int32_t right[] = {1, 2};
    size_t first;

    assert_ok(ctx, mwi_fbb_refs(ctx, b, from, 2, &first));
    for (size_t i = 0; i < 2; i++) {
        const bool lying = i == 0 && l->n_dims > 0;
        mwi_fbb_table t = {0};
        mwi_fbb_ref(&t, TFL_TENSOR_SHAPE);
        mwi_fbb_u8(&t, TFL_TENSOR_TYPE, i == 0 ? l->type : 0);
        mwi_fbb_u32(&t, TFL_TENSOR_BUFFER, i == 0 ? l->buffer : 0);
        mwi_fbb_u32(&t, TFL_TENSOR_EXTERNAL_BUFFER, i == 0 ? l->external : 0);
        mwi_fbb_u8(&t, TFL_TENSOR_IS_VARIABLE, i == 0 ? l->is_variable : 0);
        mwi_fbb_ref(&t, TFL_TENSOR_QUANTIZATION);
        assert_ok(ctx, mwi_fbb_write(ctx, b, first + 4 * i, &t));
        assert_ok(ctx, mwi_fbb_vector(ctx, b, t.at[TFL_TENSOR_SHAPE], lying ? l->dims : right,
                                      lying ? (size_t)l->n_dims : 2, 4));
        lie_quant(ctx, b, l, t.at[TFL_TENSOR_QUANTIZATION]);
    }
}

static void lie_op(mw_ctx *ctx, mwi_fbb *b, const lie *l, size_t from)
{
    const int32_t in = l->input, out = 1;
    size_t first;
    mwi_fbb_table t = {0}, options = {0};

    assert_ok(ctx, mwi_fbb_refs(ctx, b, from, 1, &first));
    mwi_fbb_u32(&t, TFL_OP_CODE_INDEX, l->code_index);
    mwi_fbb_ref(&t, TFL_OP_INPUTS);
    mwi_fbb_ref(&t, TFL_OP_OUTPUTS);
    mwi_fbb_u64(&t, TFL_OP_LARGE_OPTIONS_OFFSET, l->options_offset);
    mwi_fbb_u64(&t, TFL_OP_LARGE_OPTIONS_SIZE, 4);
    mwi_fbb_u8(&t, TFL_OP_OPTIONS_TYPE, l->options_type);
    if (l->options_type != 0) mwi_fbb_ref(&t, TFL_OP_OPTIONS);
    assert_ok(ctx, mwi_fbb_write(ctx, b, first, &t));
    assert_ok(ctx, mwi_fbb_vector(ctx, b, t.at[TFL_OP_INPUTS], &in, 1, 4));
    assert_ok(ctx, mwi_fbb_vector(ctx, b, t.at[TFL_OP_OUTPUTS], &out, 1, 4));
    if (l->options_type == 0) return;
    mwi_fbb_f32(&options, 0, 2.0f); /* beta of SOFTMAX */
    assert_ok(ctx, mwi_fbb_write(ctx, b, t.at[TFL_OP_OPTIONS], &options));
}

static void lie_subgraph(mw_ctx *ctx, mwi_fbb *b, const lie *l, size_t from)
{
    const int32_t in = l->graph_input, out = 1;
    size_t first;
    mwi_fbb_table t = {0};

    assert_ok(ctx, mwi_fbb_refs(ctx, b, from, 1, &first));
    for (int slot = TFL_SUBGRAPH_TENSORS; slot <= TFL_SUBGRAPH_OPERATORS; slot++)
        mwi_fbb_ref(&t, slot);
    assert_ok(ctx, mwi_fbb_write(ctx, b, first, &t));
    lie_tensors(ctx, b, l, t.at[TFL_SUBGRAPH_TENSORS]);
    assert_ok(ctx, mwi_fbb_vector(ctx, b, t.at[TFL_SUBGRAPH_INPUTS], &in, 1, 4));
    assert_ok(ctx, mwi_fbb_vector(ctx, b, t.at[TFL_SUBGRAPH_OUTPUTS], &out, 1, 4));
    lie_op(ctx, b, l, t.at[TFL_SUBGRAPH_OPERATORS]);
}

static void lie_signature(mw_ctx *ctx, mwi_fbb *b, const lie *l, size_t from)
{
    size_t first, map;
    mwi_fbb_table t = {0}, e = {0};

    assert_ok(ctx, mwi_fbb_refs(ctx, b, from, 1, &first));
    mwi_fbb_ref(&t, TFL_SIGNATURE_INPUTS);
    assert_ok(ctx, mwi_fbb_write(ctx, b, first, &t));
    assert_ok(ctx, mwi_fbb_refs(ctx, b, t.at[TFL_SIGNATURE_INPUTS], 1, &map));
    mwi_fbb_u32(&e, TFL_MAP_TENSOR, l->signature_tensor);
    assert_ok(ctx, mwi_fbb_write(ctx, b, map, &e));
}

static void lie_model(mw_ctx *ctx, mwi_fbb *b, const lie *l)
{
    const float values[2] = {1, 2};
    size_t first;
    mwi_fbb_table t = {0}, code = {0}, empty = {0}, buffer = {0}, behind = {0};

    assert_ok(ctx, mwi_fbb_start(ctx, b, "TFL3"));
    mwi_fbb_u32(&t, TFL_MODEL_VERSION, l->version != 0 ? l->version : 3);
    for (int slot = TFL_MODEL_OPERATOR_CODES; slot <= TFL_MODEL_BUFFERS; slot++)
        if (slot != TFL_MODEL_DESCRIPTION) mwi_fbb_ref(&t, slot);
    mwi_fbb_ref(&t, TFL_MODEL_SIGNATURE_DEFS);
    assert_ok(ctx, mwi_fbb_write(ctx, b, 0, &t));
    assert_ok(ctx, mwi_fbb_refs(ctx, b, t.at[TFL_MODEL_OPERATOR_CODES], 1, &first));
    mwi_fbb_i32(&code, TFL_CODE_BUILTIN, l->builtin != 0 ? l->builtin : 19);
    if (l->builtin < 0) mwi_fbb_u8(&code, TFL_CODE_DEPRECATED, 0xff);
    assert_ok(ctx, mwi_fbb_write(ctx, b, first, &code));
    if (l->n_subgraphs != 99)
        lie_subgraph(ctx, b, l, t.at[TFL_MODEL_SUBGRAPHS]);
    else
        assert_ok(ctx, mwi_fbb_refs(ctx, b, t.at[TFL_MODEL_SUBGRAPHS], 0, &first));
    lie_signature(ctx, b, l, t.at[TFL_MODEL_SIGNATURE_DEFS]);
    assert_ok(ctx, mwi_fbb_refs(ctx, b, t.at[TFL_MODEL_BUFFERS], 3, &first));
    assert_ok(ctx, mwi_fbb_write(ctx, b, first, &empty));
    mwi_fbb_ref(&buffer, TFL_BUFFER_DATA);
    assert_ok(ctx, mwi_fbb_write(ctx, b, first + 4, &buffer));
    assert_ok(ctx, mwi_fbb_vector(ctx, b, buffer.at[TFL_BUFFER_DATA], values, sizeof values, 1));
    mwi_fbb_u64(&behind, TFL_BUFFER_OFFSET, l->offset);
    mwi_fbb_u64(&behind, TFL_BUFFER_SIZE, l->size);
    assert_ok(ctx, mwi_fbb_write(ctx, b, first + 8, &behind));
}

static void test_lies(void **state)
{
    static const lie lies[] = {
        {.message = "", .status = MW_OK},
        {.message = "", .status = MW_OK, .buffer = 1},
        {.message = "version 4 of the TFLite schema", .status = MW_EUNSUPPORTED, .version = 4},
        {.message = "no subgraph", .status = MW_EFORMAT, .n_subgraphs = 99},
        {.message = "subgraph 0: op 0: operator code 7 of 1",
         .status = MW_EFORMAT,
         .code_index = 7},
        {.message = "operator code 0: code -1", .status = MW_EFORMAT, .builtin = -1},
        {.message = "without a custom code", .status = MW_EFORMAT, .builtin = 32},
        {.message = "number 0 of the inputs is tensor 2 of 2", .status = MW_EFORMAT, .input = 2},
        {.message = "number 0 of the inputs is tensor -2 of 2", .status = MW_EFORMAT, .input = -2},
        {.message = "graph input 0 is tensor 9 of 2", .status = MW_EFORMAT, .graph_input = 9},
        {.message = "graph input 0 is tensor -1 of 2", .status = MW_EFORMAT, .graph_input = -1},
        {.message = "is not made before it", .status = MW_EFORMAT, .graph_input = 1},
        {.message = "(float8_e5m2) is not supported", .status = MW_EUNSUPPORTED, .type = 22},
        {.message = "element type -1", .status = MW_EFORMAT, .type = 255},
        {.message = "tensor 0: 9 dimensions, limit 8", .status = MW_ELIMIT, .n_dims = 9},
        {.message = "dimension 1 is -2", .status = MW_EFORMAT, .n_dims = 2, .dims = {1, -2}},
        {.message = "", .status = MW_OK, .n_dims = 2, .dims = {-1, 2}},
        {.message = "larger than any memory",
         .status = MW_ELIMIT,
         .n_dims = 4,
         .dims = {65536, 65536, 65536, 65536}},
        {.message = "tensor 0: buffer 9 of 3", .status = MW_EFORMAT, .buffer = 9},
        {.message = "constant of 8 bytes, its shape needs 12",
         .status = MW_EFORMAT,
         .buffer = 1,
         .n_dims = 2,
         .dims = {1, 3}},
        {.message = "", .status = MW_OK, .buffer = 1, .n_dims = 2, .dims = {1, 1}},
        {.message = "buffer 2 is 8 bytes at 18446744073709551615",
         .status = MW_EFORMAT,
         .buffer = 2,
         .offset = UINT64_MAX,
         .size = 8},
        {.message = "buffer 2 is 18446744073709551615 bytes at 8",
         .status = MW_EFORMAT,
         .buffer = 2,
         .offset = 8,
         .size = UINT64_MAX},
        {.message = "", .status = MW_OK, .buffer = 2, .offset = 1, .size = UINT64_MAX},
        {.message = "", .status = MW_OK, .buffer = 2, .offset = 9, .size = 8},
        {.message = "another file", .status = MW_EUNSUPPORTED, .external = 1},
        {.message = "a variable with constant data",
         .status = MW_EFORMAT,
         .buffer = 1,
         .is_variable = 1},
        {.message = "2 scales along axis 0 do not fit", .status = MW_EFORMAT, .two_scales = true},
        {.message = "3 zero points for 1 scales", .status = MW_EFORMAT, .n_points = true},
        {.message = "scale 0 is -1", .status = MW_EFORMAT, .scale = -1.0f},
        {.message = "blockwise scales are tensor 99 of 2",
         .status = MW_EFORMAT,
         .details_type = 2,
         .block_size = 32},
        {.message = "block size 0", .status = MW_EFORMAT, .details_type = 2},
        {.message = "along several axes", .status = MW_EUNSUPPORTED, .details_type = 3},
        {.message = "", .status = MW_OK, .details_type = 1},
        {.message = "custom options of 4 bytes at 4294967296",
         .status = MW_EFORMAT,
         .options_offset = (uint64_t)1 << 32},
        {.message = "", .status = MW_OK, .builtin = 25},
        {.message = "", .status = MW_OK, .builtin = 25, .options_type = 9},
        {.message = "op 0: SOFTMAX: options of type 1, SOFTMAX has type 9",
         .status = MW_EFORMAT,
         .builtin = 25,
         .options_type = 1},
        {.message = "", .status = MW_OK, .options_type = 1}, /* RELU reads none */
        {.message = "signature '': input 0 is tensor 5 of 2",
         .status = MW_EFORMAT,
         .signature_tensor = 5},
        {.message = "signature '': input 0 is tensor 2147483647 of 2",
         .status = MW_EFORMAT,
         .signature_tensor = UINT32_MAX},
    };
    mw_ctx *const ctx = test_ctx();
    mw_model *m;

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(lies); i++) {
        mwi_fbb b;
        mwi_fbb_init(ctx, &b);
        lie_model(ctx, &b, &lies[i]);
        const mw_status st = testing_load(ctx, b.bytes, b.n, &m);
        if (st != lies[i].status || strstr(mw_ctx_error(ctx), lies[i].message) == NULL)
            fail_msg("row %zu: wanted %s \"%s\", got %s \"%s\"", i, mw_status_name(lies[i].status),
                     lies[i].message, mw_status_name(st), mw_ctx_error(ctx));
        mw_model_destroy(m);
        mw_ctx_clear(ctx);
        mwi_fbb_deinit(ctx, &b);
    }
    mw_ctx_destroy(ctx);
}

static void test_raw_bytes(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *message;
    } rows[] = {
        {"", 0, "0 bytes are no FlatBuffer"},
        {"\4\0\0\0TFL", 7, "7 bytes are no FlatBuffer"},
        {"\0\0\0\0TFL3", 8, "offset of the root table is 0"},
        {"\377\377\377\177TFL3", 8, "offset of the root table is 2147483647"},
        {"\5\0\0\0TFL3", 8, "the root table runs past the end"},
        {"\10\0\0\0TFL3\20\0\0\0", 12, "the root table: its vtable lies outside"},
        {"\10\0\0\0TFL3\0\0\0\200", 12, "the root table: its vtable lies outside"},
        {"\10\0\0\0TFL3\374\377\377\377\5\0\4\0\0\0", 18, "its vtable has 5 bytes"},
        {"\10\0\0\0TFL3\374\377\377\377\2\0\4\0", 16, "its vtable has 2 bytes"},
        {"\10\0\0\0TFL3\374\377\377\377\10\0\4\0", 16, "its vtable has 8 bytes"},
        {"\10\0\0\0TFL3\374\377\377\377\6\0\4\0\2\0", 18, "the schema's version runs past the end"},
        {"\10\0\0\0TFL3\374\377\377\377\6\0\4\0\20\0", 18,
         "the schema's version runs past the end"},
        {"\10\0\0\0TFL3\374\377\377\377\4\0\4\0", 16, "version 0 of the TFLite schema"},
    };
    mw_ctx *const ctx = test_ctx();
    mw_model *m;

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(rows); i++) {
        assert_int_not_equal(testing_load(ctx, rows[i].bytes, rows[i].n, &m), MW_OK);
        if (strstr(mw_ctx_error(ctx), rows[i].message) == NULL)
            fail_msg("row %zu: wanted \"%s\", got \"%s\"", i, rows[i].message, mw_ctx_error(ctx));
        mw_ctx_clear(ctx);
    }
    mw_ctx_destroy(ctx);
}

/* Loads bytes that may be anything; a copy of the exact size, so that a sanitizer sees overruns. */
static void load_any(mw_ctx *ctx, const uint8_t *bytes, size_t n)
{
    mw_model *m;
    uint8_t *const copy = malloc(n == 0 ? 1 : n);

    assert_non_null(copy);
    if (n != 0) memcpy(copy, bytes, n);
    if (testing_load(ctx, copy, n, &m) != MW_OK) assert_true(mw_ctx_error(ctx)[0] != '\0');
    mw_ctx_clear(ctx);
    mw_model_destroy(m);
    free(copy);
}

static void test_truncated(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mwi_mapping map;

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(data_files); i++) {
        map_data(ctx, data_files[i], &map);
        for (size_t n = 0; n < map.len; n++) load_any(ctx, map.bytes, n);
        mwi_file_unmap(&map);
    }
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    mw_ctx_destroy(ctx);
}

static void test_each_byte_changed(void **state)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    mw_ctx *const ctx = test_ctx();
    mwi_mapping map;

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(data_files); i++) {
        map_data(ctx, data_files[i], &map);
        uint8_t *const copy = malloc(map.len);
        assert_non_null(copy);
        memcpy(copy, map.bytes, map.len);
        for (size_t n = 0; n < map.len; n++) {
            for (size_t k = 0; k < MWI_COUNT(values); k++) {
                copy[n] = values[k];
                load_any(ctx, copy, map.len);
            }
            copy[n] = map.bytes[n];
        }
        free(copy);
        mwi_file_unmap(&map);
    }
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    mw_ctx_destroy(ctx);
}

/* A file whose subgraphs are all the same table: small bytes must not become endless work. */
static void test_overlap_is_bounded(void **state)
{
    enum { SUBGRAPHS = 20000, OPERANDS = 20000 };
    static const int32_t operands[OPERANDS];
    mw_ctx *const ctx = test_ctx();
    mwi_fbb b;
    mwi_fbb_table t = {0}, subgraph = {0};
    size_t first;
    mw_model *m;

    (void)state;
    mwi_fbb_init(ctx, &b);
    assert_ok(ctx, mwi_fbb_start(ctx, &b, "TFL3"));
    mwi_fbb_u32(&t, TFL_MODEL_VERSION, 3);
    mwi_fbb_ref(&t, TFL_MODEL_SUBGRAPHS);
    assert_ok(ctx, mwi_fbb_write(ctx, &b, 0, &t));
    assert_ok(ctx, mwi_fbb_refs(ctx, &b, t.at[TFL_MODEL_SUBGRAPHS], SUBGRAPHS, &first));
    mwi_fbb_ref(&subgraph, TFL_SUBGRAPH_OUTPUTS);
    assert_ok(ctx, mwi_fbb_write(ctx, &b, first, &subgraph));
    for (size_t i = 1; i < SUBGRAPHS; i++)
        mwi_fbb_point(&b, first + 4 * i, subgraph.at[TFL_SUBGRAPH_OUTPUTS] - 4);
    assert_ok(ctx,
              mwi_fbb_vector(ctx, &b, subgraph.at[TFL_SUBGRAPH_OUTPUTS], operands, OPERANDS, 4));
    assert_int_equal(testing_load(ctx, b.bytes, b.n, &m), MW_ELIMIT);
    assert_non_null(strstr(mw_ctx_error(ctx), "overlap"));
    mwi_fbb_deinit(ctx, &b);
    mw_ctx_destroy(ctx);
}

static void test_limits(void **state)
{
    static const mw_limits limits[] = {
        {.max_tensors = 16}, {.max_ops = 2}, {.max_memory_bytes = 9000}};
    mwi_mapping map;
    mw_model *m;
    mw_ctx *ctx;

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(limits); i++) {
        const mw_ctx_options options = {.limits = limits[i]};
        assert_int_equal(mw_ctx_create(&options, &ctx), MW_OK);
        map_data(ctx, "features", &map); /* 17 tensors, 3 operators in two subgraphs */
        assert_int_equal(testing_load(ctx, map.bytes, map.len, &m), MW_ELIMIT);
        mwi_file_unmap(&map);
        mw_ctx_destroy(ctx);
    }
}

/* ---- memory that runs out ---- */

typedef struct failing {
    size_t left, live;
} failing;

static void *failing_alloc(void *self, size_t bytes, size_t align)
{
    failing *const f = self;
    void *p;

    if (f->left == 0) return NULL;
    f->left--;
    if (posix_memalign(&p, align < sizeof(void *) ? sizeof(void *) : align, bytes) != 0)
        return NULL;
    f->live++;
    return p;
}

static void failing_free(void *self, void *ptr, size_t bytes)
{
    (void)bytes;
    ((failing *)self)->live--;
    free(ptr);
}

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
    map_data(outer, "features", &map);
    for (size_t n = 0; st != MW_OK; n++) {
        failing f = {.left = n};
        const mw_allocator allocator = {failing_alloc, failing_free, &f};
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
        cmocka_unit_test(test_large_file),
        cmocka_unit_test(test_large_custom_options),
        cmocka_unit_test(test_missing_inputs_at_the_end),
        cmocka_unit_test(test_refuses_to_write),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_raw_bytes),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_each_byte_changed),
        cmocka_unit_test(test_overlap_is_bounded),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
