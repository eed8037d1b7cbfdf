/* formats/tflite/tflite_hostile_test.c - the reader against bytes that lie.
 * Depends: formats/tflite, tests/data/tflite.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/tflite/schema.h"
#include "tflite_files.h"

#include <stdlib.h>
#include <string.h>

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
    for (size_t i = 0; i < MWI_COUNT(testing_files); i++) {
        testing_map_file(ctx, testing_files[i], &map);
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
    for (size_t i = 0; i < MWI_COUNT(testing_files); i++) {
        testing_map_file(ctx, testing_files[i], &map);
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
        testing_map_file(ctx, "features", &map); /* 17 tensors, 3 operators in two subgraphs */
        assert_int_equal(testing_load(ctx, map.bytes, map.len, &m), MW_ELIMIT);
        mwi_file_unmap(&map);
        mw_ctx_destroy(ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_raw_bytes),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_each_byte_changed),
        cmocka_unit_test(test_overlap_is_bounded),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
