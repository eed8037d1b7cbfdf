/* Float FUSED_BATCH_NORM and its gradient: every row against the reference row, over odd sizes and
 * tails, with and without gamma and beta.   SPDX-License-Identifier: Apache-2.0 */
#include "kernel_rows.h"
#include "support.h"

static const int32_t shapes[][4] = {
    {1, 1, 2, 1}, {2, 3, 5, 7}, {9, 28, 28, 32}, {3, 5, 7, 33}, {2, 61, 35, 70}, {64, 1, 1, 10},
};

static void check_forward(const int32_t *dims, bool has_gamma, bool has_beta)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, 4, dims);
    const int32_t gamma = has_gamma ? builder_value(&b, DIMS(dims[3])) : -1;
    const int32_t beta = has_beta ? builder_value(&b, DIMS(dims[3])) : -1;
    const int32_t out[] = {builder_value(&b, DIMS(1)), builder_value(&b, DIMS(1)),
                           builder_value(&b, DIMS(1))};
    const mwi_op *const op = builder_op(&b, "FUSED_BATCH_NORM", TENSORS(x, gamma, beta), out, 3);

    (void)kernel_rows_agree(&b, op, 1e-5, 21);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void check_gradient(const int32_t *dims, bool has_gamma)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t dy = builder_value(&b, 4, dims), x = builder_value(&b, 4, dims);
    const int32_t gamma = has_gamma ? builder_value(&b, DIMS(dims[3])) : -1;
    const int32_t mean = builder_value(&b, DIMS(dims[3]));
    float data[128];
    for (size_t i = 0; i < sizeof data / sizeof *data; i++) data[i] = 0.5f + 0.1f * (float)(i % 9);
    const int32_t variance = builder_floats(&b, DIMS(dims[3]), data);
    const int32_t out[] = {builder_value(&b, DIMS(1)), builder_value(&b, DIMS(1)),
                           builder_value(&b, DIMS(1))};
    const mwi_op *const op =
        builder_op(&b, "FUSED_BATCH_NORM_GRAD", TENSORS(dy, x, gamma, mean, variance), out, 3);

    (void)kernel_rows_agree(&b, op, 1e-5, 22);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
}

static void rows_agree(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int way = 0; way < 4; way++) check_forward(shapes[i], (way & 1) != 0, (way & 2) != 0);
        check_gradient(shapes[i], true);
        check_gradient(shapes[i], false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
