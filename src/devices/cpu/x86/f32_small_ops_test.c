/* Elementwise and pooling operators: every row against the reference row, over odd sizes, tails,
 * broadcasts and borders.   SPDX-License-Identifier: Apache-2.0 */
#include "kernel_rows.h"
#include "support.h"

static void run_binary(const char *name, int32_t rank_a, const int32_t *a, int32_t rank_b,
                       const int32_t *b_dims, int32_t activation)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, rank_a, a), z = builder_value(&b, rank_b, b_dims);
    const int32_t y = builder_value(&b, DIMS(1, 1, 1, 1));
    mwi_op *const op = builder_op(&b, name, TENSORS(x, z), &y, 1);

    mwi_op_set_i32(op, "fused_activation_function", activation);
    (void)kernel_rows_agree(&b, op, 0, 5);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void arithmetic_agrees(void **unused)
{
    static const char *const names[] = {"ADD", "SUB", "MUL"};

    (void)unused;
    for (int32_t i = 0; i < 3; i++) {
        run_binary(names[i], DIMS(1), DIMS(1), 0);
        run_binary(names[i], DIMS(5, 7), DIMS(5, 7), 1);
        run_binary(names[i], DIMS(1, 8, 9, 16), DIMS(16), 3);
        run_binary(names[i], DIMS(1), DIMS(3, 37), 2);
        run_binary(names[i], DIMS(3, 37), DIMS(1), 0);
        run_binary(names[i], DIMS(2, 1, 5, 17), DIMS(1, 4, 1, 17), 1);
        run_binary(names[i], DIMS(4, 9, 1), DIMS(4, 1, 21), 0);
        run_binary(names[i], DIMS(40001), DIMS(40001), 3);
    }
}

static void run_pool(const char *name, mw_dtype dtype, const int32_t *dims, int32_t filter_h,
                     int32_t filter_w, int32_t stride, int32_t padding, int32_t activation)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_typed(&b, dtype, 4, dims);
    const int32_t y = builder_typed(&b, dtype, DIMS(1, 1, 1, 1));
    mwi_op *const op = builder_op(&b, name, &x, 1, &y, 1);

    if (dtype != MW_FLOAT32) {
        assert_ok(ctx, mwi_quant_per_tensor(ctx, b.model, 0.05f, 7, &b.graph->tensors[x]->quant));
        assert_ok(ctx, mwi_quant_per_tensor(ctx, b.model, 0.05f, 7, &b.graph->tensors[y]->quant));
    }
    mwi_op_set_i32(op, "filter_height", filter_h);
    mwi_op_set_i32(op, "filter_width", filter_w);
    mwi_op_set_i32(op, "stride_h", stride);
    mwi_op_set_i32(op, "stride_w", stride);
    mwi_op_set_i32(op, "padding", padding);
    mwi_op_set_i32(op, "fused_activation_function", activation);
    (void)kernel_rows_agree(&b, op, 0, (uint64_t)filter_h);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void pooling_agrees(void **unused)
{
    static const char *const names[] = {"AVERAGE_POOL_2D", "MAX_POOL_2D"};
    static const mw_dtype types[] = {MW_FLOAT32, MW_INT8, MW_UINT8};

    (void)unused;
    for (size_t n = 0; n < 2; n++)
        for (size_t t = 0; t < 3; t++) {
            run_pool(names[n], types[t], (const int32_t[]){1, 7, 7, 70}, 7, 7, 1, 1, 0);
            run_pool(names[n], types[t], (const int32_t[]){2, 9, 11, 3}, 3, 2, 2, 0, 1);
            run_pool(names[n], types[t], (const int32_t[]){1, 25, 5, 64}, 25, 5, 1, 1, 3);
            run_pool(names[n], types[t], (const int32_t[]){1, 6, 5, 17}, 3, 3, 1, 0, 2);
            run_pool(names[n], types[t], (const int32_t[]){1, 4, 4, 131}, 2, 2, 2, 1, 0);
        }
}

static void run_unary(const char *name, int32_t rank, const int32_t *dims, double tolerance)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, rank, dims), y = builder_value(&b, DIMS(1));
    mwi_op *const op = builder_op(&b, name, &x, 1, &y, 1);

    if (mwi_op_field(op->desc, "beta") != NULL)
        *(float *)(void *)((char *)op->attr + mwi_op_field(op->desc, "beta")->offset) = 1.5f;
    (void)kernel_rows_agree(&b, op, tolerance, 9);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void functions_agree(void **unused)
{
    static const struct {
        const char *name;
        double tolerance;
    } all[] = {{"RELU", 0},        {"RELU6", 0},   {"HARD_SWISH", 1e-7},
               {"LOGISTIC", 3e-7}, {"TANH", 3e-7}, {"SOFTMAX", 1e-6}};

    (void)unused;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        run_unary(all[i].name, DIMS(1), all[i].tolerance);
        run_unary(all[i].name, DIMS(3, 5), all[i].tolerance);
        run_unary(all[i].name, DIMS(7, 33), all[i].tolerance);
        run_unary(all[i].name, DIMS(20000), all[i].tolerance);
        run_unary(all[i].name, DIMS(9, 16, 130), all[i].tolerance);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(arithmetic_agrees),
                                       cmocka_unit_test(pooling_agrees),
                                       cmocka_unit_test(functions_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
