/* ops/posenet_decoder_test.c - options of PosenetDecoderOp, grids that it refuses, numbers that are
 * none. Results are in tests/data/ops/poses.txt.
 * SPDX-License-Identifier: Apache-2.0 */
#include "op_case.h"
#include "ops/registry.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* {"max_detections": 10, "nms_radius": 20.5, "score_threshold": 0.25, "stride": 16} */
static const uint8_t options[] = {
    109, 97,  120, 95,  100, 101, 116, 101, 99,  116, 105, 111, 110, 115, 0,   115, 99,  111, 114,
    101, 95,  116, 104, 114, 101, 115, 104, 111, 108, 100, 0,   115, 116, 114, 105, 100, 101, 0,
    110, 109, 115, 95,  114, 97,  100, 105, 117, 115, 0,   4,   50,  13,  37,  22,  0,   0,   6,
    0,   0,   0,   1,   0,   0,   0,   4,   0,   0,   0,   10,  0,   0,   0,   0,   0,   164, 65,
    0,   0,   128, 62,  16,  0,   0,   0,   6,   14,  14,  6,   20,  38,  1};

static void options_are_read(void **state)
{
    const mwi_op_desc *const d = &mwi_op_posenet_decoder;
    mw_ctx *const ctx = test_ctx();
    void *const attr = calloc(1, d->attr_size);

    (void)state;
    assert_non_null(attr);
    assert_ok(ctx, d->parse_custom(ctx, NULL, options, sizeof options, attr));
    assert_ok(ctx, mwi_attr_check(ctx, d, attr));
    const char *const a = attr;
    assert_int_equal(*(const int32_t *)(const void *)(a + d->fields[0].offset), 10);
    assert_int_equal(*(const int32_t *)(const void *)(a + d->fields[1].offset), 16);
    assert_true(*(const float *)(const void *)(a + d->fields[2].offset) == 0.25f);
    assert_true(*(const float *)(const void *)(a + d->fields[3].offset) == 20.5f);
    for (size_t n = 0; n < sizeof options;
         n++) /* cut: refused, or numbers that the check refuses */
        if (d->parse_custom(ctx, NULL, options, n, attr) == MW_OK)
            assert_int_equal(mwi_attr_check(ctx, d, attr), MW_EFORMAT);
    free(attr);
    mw_ctx_destroy(ctx);
}

static void grids_that_do_not_fit_are_refused(void **state)
{
    static const op_case cases[] = {
        {"PosenetDecoderOp: f32[1,2,3,17] f32[1,2,3,34] f32[1,3,3,64] > f32 f32 f32 f32",
         "3 by 3, allowed 2 by 3"},
        {"PosenetDecoderOp: f32[1,2,3,17] f32[1,2,3,34] f32[1,2,3,32] > f32 f32 f32 f32",
         "32 channels, allowed 1 and 64"},
        {"PosenetDecoderOp: f32[2,2,3,17] f32[1,2,3,34] f32[1,2,3,64] > f32 f32 f32 f32",
         "batch 2"},
        {"PosenetDecoderOp: f32[1,2,3,17] f32[1,2,3,34] f32[1,2,3,64] f32[1,2,3,34] > f32 f32 f32 "
         "f32 f32",
         "allowed 33 by 33"},
        {"PosenetDecoderOp: f32[1,2,3,17] f32[1,2,3,34] f32[1,2,3,64] > f32 f32 f32 f32 f32",
         "3 inputs and 5 outputs"},
        {"PosenetDecoderOp max_detections=10001: f32[1,2,3,17] f32[1,2,3,34] f32[1,2,3,64] > f32 "
         "f32 f32 f32",
         "max_detections is 10001"},
    };
    (void)state;
    op_cases_run(cases, MWI_COUNT(cases));
}

/* Offsets that are no numbers lead to the edge of the grid, not out of it. */
static void odd_numbers_stay_on_the_grid(void **state)
{
    static const int32_t channels[] = {17, 34, 64};
    static const float odd[] = {(float)NAN, INFINITY, -INFINITY, 1e30f, -1e30f};
    mw_ctx *const ctx = test_ctx();
    mwi_arena arena;
    mwi_shape_call call;
    mw_model *m;
    mwi_graph *g;
    mwi_op *op;

    (void)state;
    for (size_t o = 0; o < MWI_COUNT(odd); o++) {
        assert_ok(ctx, mwi_model_create(ctx, "m", &m));
        assert_ok(ctx, mwi_model_add_graph(ctx, m, "main", &g));
        assert_ok(ctx, mwi_graph_add_op(ctx, m, g, 0, &mwi_op_posenet_decoder, 3, 4, &op));
        for (size_t i = 0; i < 3; i++) {
            float data[9 * 64];
            const int32_t dims[] = {1, 3, 3, channels[i]};
            for (size_t k = 0; k < MWI_COUNT(data); k++) data[k] = i == 0 ? 4 : odd[o];
            assert_ok(ctx,
                      mwi_graph_add_const(ctx, m, g, "c", MW_FLOAT32, 4, dims, data, &op->in[i]));
        }
        for (size_t i = 0; i < 4; i++)
            assert_ok(ctx, mwi_graph_add_value(ctx, m, g, "v", MW_FLOAT32, 0, NULL, &op->out[i]));
        mwi_arena_init(ctx, &arena);
        assert_ok(ctx, mwi_op_views(ctx, g, op, &arena, &call));
        assert_ok(ctx, mwi_op_eval(ctx, &call, &arena));
        assert_true(*(const float *)call.out[3].data == 1);
        for (size_t k = 0; k < 34; k++) {
            const float v = ((const float *)call.out[0].data)[k];
            assert_true(v >= 0 && v <= 32);
        }
        mwi_arena_deinit(&arena);
        mw_model_destroy(m);
    }
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read),
        cmocka_unit_test(grids_that_do_not_fit_are_refused),
        cmocka_unit_test(odd_numbers_stay_on_the_grid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
