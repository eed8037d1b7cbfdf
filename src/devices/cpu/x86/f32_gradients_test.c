/* Gradients of float clamps, biases and pooling: every row against the reference row, over odd
 * sizes, tails, borders, and windows that overlap or leave pixels out.
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_rows.h"
#include "support.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

static void set_float(const mwi_op *op, const char *name, float value)
{
    *(float *)(void *)((char *)op->attr + mwi_op_field(op->desc, name)->offset) = value;
}

static void check_relu(int32_t rank, const int32_t *dims, float low, float high)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t y = builder_value(&b, rank, dims), dy = builder_value(&b, rank, dims);
    const int32_t out = builder_value(&b, DIMS(1));
    mwi_op *const op = builder_op(&b, "RELU_GRAD", TENSORS(y, dy), &out, 1);

    set_float(op, "low", low);
    set_float(op, "high", high);
    (void)kernel_rows_agree(&b, op, 0, 11);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void clamps_agree(void **unused)
{
    (void)unused;
    check_relu(DIMS(1), 0, HUGE_VALF);
    check_relu(DIMS(3, 7), -1, 1);
    check_relu(DIMS(2, 5, 31), 0, 1.5f);
    check_relu(DIMS(40001), -HUGE_VALF, 0.5f);
}

static void check_bias(int32_t rank, const int32_t *dims)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t dy = builder_value(&b, rank, dims), out = builder_value(&b, DIMS(1));
    const mwi_op *const op = builder_op(&b, "BIAS_GRAD", TENSORS(dy), &out, 1);

    (void)kernel_rows_agree(&b, op, 1e-5, 12);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void biases_agree(void **unused)
{
    (void)unused;
    check_bias(DIMS(5));
    check_bias(DIMS(64, 10));
    check_bias(DIMS(3, 67, 33));
    check_bias(DIMS(9, 28, 28, 32));
    check_bias(DIMS(2, 61, 70, 131));
}

/* Few values, so that many of x are equal, and equal to some of y. */
static int32_t levels(builder *b, const int32_t *dims, uint64_t seed)
{
    mwi_rng rng = {seed};
    size_t n = 0;

    assert_true(mwi_dims_count(4, dims, &n));
    float *const data = malloc(n * sizeof *data + 1);
    assert_non_null(data);
    for (size_t i = 0; i < n; i++) data[i] = (float)mwi_rng_below(&rng, 5);
    const int32_t t = builder_floats(b, 4, dims, data);
    free(data);
    return t;
}

typedef struct pool {
    int32_t dims[4], filter_h, filter_w, stride_h, stride_w, padding;
} pool;

static void check_pool(const pool *p, bool is_max)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = levels(&b, p->dims, 1);
    const bool is_same = p->padding == MWI_PADDING_SAME;
    const int32_t h = p->dims[1] - (is_same ? 0 : p->filter_h - 1);
    const int32_t w = p->dims[2] - (is_same ? 0 : p->filter_w - 1);
    const int32_t dims[] = {p->dims[0], (h + p->stride_h - 1) / p->stride_h,
                            (w + p->stride_w - 1) / p->stride_w, p->dims[3]};
    const int32_t y = levels(&b, dims, 2), dy = builder_value(&b, 4, dims);
    const int32_t out = builder_value(&b, DIMS(1));
    mwi_op *const op = is_max ? builder_op(&b, "MAX_POOL_GRAD", TENSORS(x, y, dy), &out, 1)
                              : builder_op(&b, "AVG_POOL_GRAD", TENSORS(dy, x), &out, 1);

    mwi_op_set_i32(op, "filter_height", p->filter_h);
    mwi_op_set_i32(op, "filter_width", p->filter_w);
    mwi_op_set_i32(op, "stride_h", p->stride_h);
    mwi_op_set_i32(op, "stride_w", p->stride_w);
    mwi_op_set_i32(op, "padding", p->padding);
    (void)kernel_rows_agree(&b, op, 1e-6, 13);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void pools_agree(void **unused)
{
    static const pool pools[] = {
        {{2, 14, 14, 64}, 2, 2, 2, 2, 1}, {{1, 7, 9, 33}, 2, 2, 2, 2, 1},
        {{3, 9, 11, 3}, 3, 2, 2, 1, 0},   {{1, 6, 5, 17}, 3, 3, 1, 1, 0},
        {{2, 7, 7, 40}, 7, 7, 1, 1, 1},   {{1, 10, 10, 5}, 2, 2, 3, 3, 1},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        check_pool(&pools[i], true);
        check_pool(&pools[i], false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(clamps_agree),
                                       cmocka_unit_test(biases_agree),
                                       cmocka_unit_test(pools_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
