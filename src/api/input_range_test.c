/* api/input_range_test.c - random inputs stay within what a model can take.
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph_builder.h"
#include "support.h"

static void check(mw_ctx *ctx, const mw_model *m, size_t input, double low, double high)
{
    double a, b;

    assert_ok(ctx, mw_model_input_range(ctx, m, input, &a, &b));
    assert_true(a == low && b == high);
}

/* Indices of a table, straight, by way of a RESHAPE, by CAST of floats, and computed ones. */
static void indices_are_rows(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t flat[] = {6};
    const int32_t table = builder_random(&b, DIMS(50, 4), 1);
    const int32_t i = builder_typed(&b, MW_INT32, DIMS(2, 3)), f = builder_value(&b, DIMS(1, 5)),
                  c = builder_typed(&b, MW_INT32, DIMS(1, 5)),
                  j = builder_typed(&b, MW_INT32, DIMS(4)), x = builder_value(&b, DIMS(1, 4)),
                  k = builder_typed(&b, MW_INT64, DIMS(1)),
                  s = builder_typed(&b, MW_INT64, DIMS(1)),
                  r = builder_typed(&b, MW_INT32, DIMS(6)),
                  sum = builder_typed(&b, MW_INT32, DIMS(4));
    const int32_t one = builder_ints(&b, DIMS(4), (const int32_t[]){1, 1, 1, 1});
    int32_t out[6];
    (void)state;

    (void)builder_op(&b, "RESHAPE", TENSORS(i, builder_ints(&b, DIMS(1), flat)), TENSORS(r));
    out[0] = builder_apply(&b, "GATHER", TENSORS(table, r));
    (void)builder_op(&b, "CAST", TENSORS(f), TENSORS(c));
    out[1] = builder_apply(&b, "GATHER", TENSORS(table, c));
    (void)builder_op(&b, "ADD", TENSORS(j, one), TENSORS(sum));
    out[2] = builder_apply(&b, "EMBEDDING_LOOKUP", TENSORS(sum, table));
    out[3] = builder_apply(&b, "RELU", TENSORS(x));
    (void)builder_op(&b, "ADD", TENSORS(k, k), TENSORS(s));
    out[4] = s;
    mw_model *const m = builder_close(&b, (const int32_t[]){i, f, j, x, k}, 5, out, 5);
    check(ctx, m, 0, 0, 49);
    check(ctx, m, 1, 0, 49);
    check(ctx, m, 2, 0, 0);
    check(ctx, m, 3, -1, 1);
    check(ctx, m, 4, 0, 127);
    double low, high;
    assert_int_equal(mw_model_input_range(ctx, m, 5, &low, &high), MW_EINVAL);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indices_are_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
