/* ADD, SUB and MUL of 8-bit values: every row equal to the reference row, with broadcast, tails
 * and scales near and far.   SPDX-License-Identifier: Apache-2.0 */
#include "kernel_rows.h"
#include "support.h"

typedef struct shapes {
    int32_t rank_a, a[4], rank_b, b[4];
} shapes;

static int32_t value(builder *b, mw_dtype dtype, int32_t rank, const int32_t *dims, float scale,
                     int64_t zero)
{
    const int32_t t = builder_typed(b, dtype, rank, dims);
    assert_ok(b->ctx,
              mwi_quant_per_tensor(b->ctx, b->model, scale, zero, &b->graph->tensors[t]->quant));
    return t;
}

static size_t check(const char *name, mw_dtype dtype, const shapes *s, const float *scales,
                    int32_t activation)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int64_t zero = dtype == MW_INT8 ? -3 : 126;
    const int32_t x = value(&b, dtype, s->rank_a, s->a, scales[0], zero);
    const int32_t z = value(&b, dtype, s->rank_b, s->b, scales[1], zero + 5);
    const int32_t y = value(&b, dtype, DIMS(1, 1, 1, 1), scales[2], zero - 7);
    mwi_op *const op = builder_op(&b, name, TENSORS(x, z), &y, 1);

    mwi_op_set_i32(op, "fused_activation_function", activation);
    const size_t n = kernel_rows_agree(&b, op, 0, 3);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
    return n;
}

static void rows_agree(void **unused)
{
    static const char *const names[] = {"ADD", "SUB", "MUL"};
    static const shapes all[] = {
        {1, {1}, 1, {1}},
        {2, {5, 7}, 2, {5, 7}},
        {4, {1, 8, 8, 16}, 1, {16}},
        {2, {3, 33}, 1, {1}},
        {1, {1}, 3, {2, 3, 19}},
        {4, {2, 1, 5, 17}, 4, {1, 4, 1, 17}},
        {3, {4, 9, 1}, 3, {4, 1, 21}},
        {1, {40000}, 1, {40000}},
    };
    static const float scales[][3] = {
        {0.1f, 0.1f, 0.1f},  {0.02f, 0.013f, 0.031f}, {0.5f, 0.001f, 0.4f},   {1e-4f, 3e-3f, 2.0f},
        {3.0f, 2.0f, 0.01f}, {0.9f, 0.9f, 1e-7f},     {0.25f, 0.125f, 0.25f},
    };

    (void)unused;
    for (size_t n = 0; n < 3; n++)
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
                (void)check(names[n], MW_INT8, &all[i], scales[k], (int32_t)(k % 4));
                (void)check(names[n], MW_UINT8, &all[i], scales[k], (int32_t)(i % 4));
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
