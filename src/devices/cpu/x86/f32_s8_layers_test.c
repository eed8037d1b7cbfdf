/* Layers of float values and int8 weights: every row equal to the reference row, bit for bit.
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_rows.h"
#include "support.h"

#include "base/rng.h"

#include <stdlib.h>

/* int8 constants; n_scales 1 or more, all the same when `is_one`. */
static int32_t weights(builder *b, int32_t rank, const int32_t *dims, size_t n_scales, bool is_one)
{
    mwi_rng rng = {7};
    size_t n = 0;
    int32_t t = -1;
    void *memory;

    assert_true(mwi_dims_count(rank, dims, &n));
    assert_ok(b->ctx, mwi_arena_array(b->ctx, &b->model->arena, n + 1, 1, &memory));
    int8_t *const data = memory;
    for (size_t i = 0; i < n; i++) data[i] = (int8_t)((int)mwi_rng_below(&rng, 255) - 127);
    assert_ok(b->ctx,
              mwi_graph_add_const(b->ctx, b->model, b->graph, "w", MW_INT8, rank, dims, data, &t));
    assert_ok(b->ctx, mwi_arena_array(b->ctx, &b->model->arena, n_scales, sizeof(float), &memory));
    float *const scales = memory;
    for (size_t i = 0; i < n_scales; i++) scales[i] = is_one ? 0.01f : 0.01f + 0.001f * (float)i;
    assert_ok(b->ctx,
              mwi_arena_array(b->ctx, &b->model->arena, n_scales, sizeof(int64_t), &memory));
    const int64_t *const zeros = memory;
    assert_ok(b->ctx, mwi_arena_array(b->ctx, &b->model->arena, 1, sizeof(mwi_quant), &memory));
    mwi_quant *const q = memory;
    q->q.scales = scales;
    q->q.zero_points = zeros;
    q->q.n_scales = n_scales;
    q->block_scales = q->block_zero_points = -1;
    b->graph->tensors[t]->quant = q;
    return t;
}

typedef struct shape {
    int32_t batch, h, w, in_c, out_c, kh, kw, stride, dilation, padding;
} shape;

static void check_conv(const shape *s, int way)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(s->batch, s->h, s->w, s->in_c));
    const int32_t f = weights(&b, DIMS(s->out_c, s->kh, s->kw, s->in_c),
                              way == 0 ? 1 : (size_t)s->out_c, way == 1);
    const int32_t bias = way == 1 ? -1 : builder_random(&b, DIMS(s->out_c), 2);
    const int32_t y = builder_value(&b, DIMS(1, 1, 1, 1));
    mwi_op *const op = builder_op(&b, "CONV_2D", TENSORS(x, f, bias), &y, 1);

    mwi_op_set_i32(op, "padding", s->padding);
    mwi_op_set_i32(op, "stride_h", s->stride);
    mwi_op_set_i32(op, "stride_w", s->stride);
    mwi_op_set_i32(op, "dilation_h_factor", s->dilation);
    mwi_op_set_i32(op, "dilation_w_factor", s->dilation);
    mwi_op_set_i32(op, "fused_activation_function", way);
    (void)kernel_rows_agree(&b, op, 0, (uint64_t)way);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void convolutions_agree(void **unused)
{
    static const shape shapes[] = {
        {1, 1, 1, 1, 1, 1, 1, 1, 1, 0},   {1, 49, 10, 1, 64, 10, 4, 2, 1, 0},
        {2, 5, 7, 3, 17, 3, 3, 1, 1, 0},  {1, 25, 5, 64, 64, 1, 1, 1, 1, 0},
        {1, 9, 11, 5, 33, 3, 2, 2, 1, 1}, {1, 12, 9, 6, 130, 3, 3, 1, 2, 0},
        {3, 6, 6, 16, 48, 5, 5, 1, 1, 0},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int way = 0; way < 3; way++) check_conv(&shapes[i], way);
}

static void check_connected(int32_t batch, int32_t in, int32_t out, int way)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(batch, in));
    const int32_t f = weights(&b, DIMS(out, in), way % 2 == 0 ? 1 : (size_t)out, false);
    const int32_t bias = way == 3 ? -1 : builder_random(&b, DIMS(out), 2);
    const int32_t y = builder_value(&b, DIMS(1, 1));
    mwi_op *const op = builder_op(&b, "FULLY_CONNECTED", TENSORS(x, f, bias), &y, 1);
    const mwi_field *const field = mwi_op_field(op->desc, "asymmetric_quantize_inputs");

    *(bool *)(void *)((char *)op->attr + field->offset) = way >= 2;
    (void)kernel_rows_agree(&b, op, 0, (uint64_t)way);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void fully_connected_agrees(void **unused)
{
    static const int32_t sizes[][3] = {{1, 1, 1}, {1, 7, 3}, {2, 129, 70}, {5, 64, 17}};

    (void)unused;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int way = 0; way < 4; way++)
            check_connected(sizes[i][0], sizes[i][1], sizes[i][2], way);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(convolutions_agree),
                                       cmocka_unit_test(fully_connected_agrees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
