/* Float FULLY_CONNECTED: every row against the reference row, over odd sizes, with constant and
 * with computed weights.   SPDX-License-Identifier: Apache-2.0 */
#include "kernel_rows.h"
#include "support.h"

static void check(int32_t batch, int32_t in, int32_t out, bool has_bias, bool is_constant)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(batch, in));
    const int32_t f =
        is_constant ? builder_random(&b, DIMS(out, in), 1) : builder_value(&b, DIMS(out, in));
    const int32_t bias = !has_bias     ? -1
                         : is_constant ? builder_random(&b, DIMS(out), 2)
                                       : builder_value(&b, DIMS(out));
    const int32_t y = builder_value(&b, DIMS(1, 1));
    mwi_op *const op = builder_op(&b, "FULLY_CONNECTED", TENSORS(x, f, bias), &y, 1);

    mwi_op_set_i32(op, "fused_activation_function", in % 4);
    (void)kernel_rows_agree(&b, op, 5e-5, (uint64_t)in);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void rows_agree(void **unused)
{
    static const int32_t sizes[][3] = {{1, 1, 1},   {1, 7, 3},    {1, 640, 128}, {1, 129, 9},
                                       {1, 64, 65}, {5, 33, 17},  {25, 100, 70}, {2, 31, 8},
                                       {1, 8, 128}, {3, 500, 33}, {1, 1025, 7},  {49, 16, 12}};

    (void)unused;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int way = 0; way < 4; way++)
            check(sizes[i][0], sizes[i][1], sizes[i][2], (way & 1) != 0, (way & 2) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
