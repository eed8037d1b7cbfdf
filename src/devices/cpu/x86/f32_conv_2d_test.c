/* Float CONV_2D: every row against the reference row, over odd sizes, tails and borders,
 * with constant and with computed weights.
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_rows.h"
#include "support.h"

typedef struct shape {
    int32_t batch, h, w, in_c, out_c, kh, kw, stride, dilation, padding, activation;
} shape;

static const shape shapes[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0},     {1, 5, 7, 3, 1, 3, 3, 1, 1, 0, 1},
    {1, 49, 10, 1, 64, 10, 4, 2, 1, 0, 1}, {1, 25, 5, 64, 64, 1, 1, 1, 1, 0, 1},
    {2, 9, 11, 16, 16, 3, 3, 1, 1, 0, 0},  {1, 16, 15, 32, 33, 3, 3, 2, 1, 0, 3},
    {1, 8, 8, 64, 65, 3, 3, 1, 1, 0, 2},   {1, 12, 9, 5, 130, 3, 2, 1, 1, 1, 0},
    {1, 17, 19, 8, 17, 3, 3, 1, 2, 0, 0},  {1, 17, 19, 9, 7, 3, 5, 1, 3, 0, 1},
    {3, 20, 6, 12, 48, 5, 5, 3, 1, 0, 0},  {1, 3, 3, 10, 20, 7, 7, 1, 1, 0, 0},
    {1, 6, 6, 16, 31, 6, 6, 1, 1, 1, 0},   {1, 24, 24, 3, 8, 3, 3, 2, 1, 0, 1},
    {1, 2, 40, 8, 24, 1, 9, 1, 1, 0, 0},   {1, 10, 10, 8, 40, 3, 3, 1, 5, 0, 0},
    {1, 4, 4, 256, 256, 1, 1, 1, 1, 1, 1}, {1, 96, 5, 16, 9, 31, 3, 1, 1, 0, 0},
    {1, 7, 9, 17, 35, 3, 3, 1, 1, 0, 1},   {2, 32, 31, 16, 16, 3, 3, 1, 1, 1, 0},
    {1, 4, 40, 70, 130, 3, 3, 1, 1, 0, 3},
};

static int32_t operand(builder *b, bool is_constant, int32_t rank, const int32_t *dims,
                       uint64_t seed)
{
    return is_constant ? builder_random(b, rank, dims, seed) : builder_value(b, rank, dims);
}

static void check(const shape *s, bool has_bias, bool is_constant, uint64_t seed)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(s->batch, s->h, s->w, s->in_c));
    const int32_t f = operand(&b, is_constant, DIMS(s->out_c, s->kh, s->kw, s->in_c), seed + 1);
    const int32_t bias = has_bias ? operand(&b, is_constant, DIMS(s->out_c), seed + 2) : -1;
    const int32_t y = builder_value(&b, DIMS(1, 1, 1, 1));
    mwi_op *const op = builder_op(&b, "CONV_2D", TENSORS(x, f, bias), &y, 1);

    mwi_op_set_i32(op, "padding", s->padding);
    mwi_op_set_i32(op, "stride_h", s->stride);
    mwi_op_set_i32(op, "stride_w", s->stride);
    mwi_op_set_i32(op, "dilation_h_factor", s->dilation);
    mwi_op_set_i32(op, "dilation_w_factor", s->dilation);
    mwi_op_set_i32(op, "fused_activation_function", s->activation);
    (void)kernel_rows_agree(&b, op, 5e-5, seed);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void rows_agree(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check(&shapes[i], true, true, i);
        check(&shapes[i], false, true, 100 + i);
        check(&shapes[i], true, false, 200 + i);
        check(&shapes[i], false, false, 300 + i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
