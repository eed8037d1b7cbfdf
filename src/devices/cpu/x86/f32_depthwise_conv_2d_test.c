/* Float DEPTHWISE_CONV_2D: every row against the reference row, over odd sizes, tails and borders,
 * with constant and with computed weights.
 * SPDX-License-Identifier: Apache-2.0 */
#include "kernel_rows.h"
#include "support.h"

typedef struct shape {
    int32_t batch, h, w, in_c, out_c, kh, kw, stride, dilation, padding, activation;
} shape;

static const shape shapes[] = {
    /* out_c is the multiplier */
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0},    {1, 25, 5, 64, 1, 3, 3, 1, 1, 0, 1},
    {1, 24, 23, 8, 1, 3, 3, 2, 1, 0, 1},  {1, 25, 24, 8, 1, 3, 3, 1, 1, 0, 3},
    {2, 9, 11, 17, 1, 3, 3, 1, 1, 0, 0},  {1, 9, 11, 33, 1, 3, 3, 2, 1, 1, 2},
    {1, 13, 14, 24, 1, 5, 5, 1, 1, 0, 1}, {1, 13, 14, 31, 1, 5, 5, 2, 1, 0, 0},
    {1, 2, 2, 40, 1, 5, 5, 1, 1, 0, 0},   {1, 17, 19, 12, 1, 3, 3, 1, 2, 0, 0},
    {1, 17, 19, 9, 1, 7, 4, 3, 1, 0, 0},  {1, 49, 10, 1, 8, 10, 8, 2, 1, 0, 1},
    {1, 7, 9, 3, 5, 3, 3, 1, 1, 0, 0},    {3, 6, 6, 16, 2, 3, 3, 2, 1, 1, 0},
    {1, 3, 3, 256, 1, 3, 3, 1, 1, 0, 1},  {1, 30, 4, 20, 1, 9, 1, 1, 3, 0, 0},
    {1, 10, 10, 8, 1, 3, 3, 1, 9, 0, 0},
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
    const int32_t f = operand(&b, is_constant, DIMS(1, s->kh, s->kw, s->in_c * s->out_c), seed + 1);
    const int32_t bias =
        has_bias ? operand(&b, is_constant, DIMS(s->in_c * s->out_c), seed + 2) : -1;
    const int32_t y = builder_value(&b, DIMS(1, 1, 1, 1));
    mwi_op *const op = builder_op(&b, "DEPTHWISE_CONV_2D", TENSORS(x, f, bias), &y, 1);

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
