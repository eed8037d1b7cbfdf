/* Gradients of float CONV_2D: every row against the reference row, over odd sizes, tails, borders,
 * strides and dilations.   SPDX-License-Identifier: Apache-2.0 */
#include "kernel_rows.h"
#include "support.h"

typedef struct shape {
    int32_t batch, h, w, in_c, out_c, kh, kw, stride_h, stride_w, dilation, padding;
} shape;

static const shape shapes[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0},    {1, 5, 7, 3, 1, 3, 3, 1, 1, 1, 0},
    {2, 9, 11, 16, 16, 3, 3, 1, 1, 1, 0}, {1, 16, 15, 32, 33, 3, 3, 2, 2, 1, 0},
    {1, 8, 8, 64, 65, 3, 3, 1, 1, 1, 0},  {1, 12, 9, 5, 130, 3, 2, 1, 1, 1, 1},
    {1, 17, 19, 8, 17, 3, 3, 1, 1, 2, 0}, {1, 17, 19, 9, 7, 3, 5, 1, 1, 3, 0},
    {3, 20, 6, 12, 48, 5, 5, 3, 2, 1, 0}, {1, 3, 3, 10, 20, 7, 7, 1, 1, 1, 0},
    {1, 6, 6, 16, 31, 6, 6, 1, 1, 1, 1},  {2, 24, 24, 3, 8, 3, 3, 2, 2, 1, 0},
    {9, 28, 28, 1, 32, 3, 3, 1, 1, 1, 0}, {1, 10, 10, 8, 40, 3, 3, 1, 1, 5, 0},
    {17, 8, 8, 1, 4, 3, 3, 1, 1, 1, 0},   {2, 15, 13, 33, 12, 1, 1, 2, 3, 1, 0},
    {1, 7, 9, 17, 35, 3, 3, 1, 1, 1, 1},  {5, 14, 14, 32, 64, 3, 3, 1, 1, 1, 0},
    {1, 23, 9, 16, 9, 5, 3, 4, 3, 3, 1},  {2, 11, 12, 6, 5, 4, 3, 2, 2, 2, 1},
    {13, 4, 4, 7, 3, 3, 3, 2, 1, 1, 0},
};

static void check(const shape *s, bool is_input, uint64_t seed)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(s->batch, s->h, s->w, s->in_c));
    const int32_t f = builder_value(&b, DIMS(s->out_c, s->kh, s->kw, s->in_c));
    const int32_t reach_h = (s->kh - 1) * s->dilation, reach_w = (s->kw - 1) * s->dilation;
    const int32_t h = s->padding == MWI_PADDING_SAME ? s->h : s->h - reach_h;
    const int32_t w = s->padding == MWI_PADDING_SAME ? s->w : s->w - reach_w;
    const int32_t dy = builder_value(&b, DIMS(s->batch, (h + s->stride_h - 1) / s->stride_h,
                                              (w + s->stride_w - 1) / s->stride_w, s->out_c));
    const int32_t out = builder_value(&b, DIMS(1, 1, 1, 1));
    mwi_op *const op = is_input
                           ? builder_op(&b, "CONV_2D_BACKPROP_INPUT", TENSORS(dy, f, x), &out, 1)
                           : builder_op(&b, "CONV_2D_BACKPROP_FILTER", TENSORS(x, dy, f), &out, 1);

    mwi_op_set_i32(op, "padding", s->padding);
    mwi_op_set_i32(op, "stride_h", s->stride_h);
    mwi_op_set_i32(op, "stride_w", s->stride_w);
    mwi_op_set_i32(op, "dilation_h_factor", s->dilation);
    mwi_op_set_i32(op, "dilation_w_factor", s->dilation);
    (void)kernel_rows_agree(&b, op, 5e-5, seed);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void input_gradients_agree(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i], true, i);
}

static void filter_gradients_agree(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i], false, i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(input_gradients_agree),
                                       cmocka_unit_test(filter_gradients_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
