/* Float BATCH_MATMUL: every row against the reference row, over odd sizes, broadcasts and
 * transposed operands, computed and constant.   SPDX-License-Identifier: Apache-2.0 */
#include "kernel_rows.h"
#include "support.h"

static void set_bool(const mwi_op *op, const char *name, bool value)
{
    *(bool *)(void *)((char *)op->attr + mwi_op_field(op->desc, name)->offset) = value;
}

typedef struct shape {
    int32_t batch_x[2], batch_y[2], rows, depth, columns;
    bool packs; /* a computed second operand, too, is worth packing */
} shape;

static const shape shapes[] = {
    {{1, 1}, {1, 1}, 1, 1, 1, false},    {{1, 1}, {1, 1}, 64, 64, 100, true},
    {{1, 3}, {1, 3}, 5, 7, 17, true},    {{2, 3}, {1, 3}, 49, 33, 65, true},
    {{2, 1}, {1, 3}, 4, 16, 8, true},    {{1, 1}, {2, 2}, 97, 5, 129, true},
    {{1, 1}, {1, 1}, 10, 64, 784, true}, {{1, 1}, {1, 1}, 3, 31, 40, false},
    {{1, 1}, {1, 1}, 64, 300, 10, true},
};

static size_t check(const shape *s, bool adj_x, bool adj_y, bool is_constant)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t dims_x[] = {s->batch_x[0], s->batch_x[1], adj_x ? s->depth : s->rows,
                              adj_x ? s->rows : s->depth};
    const int32_t dims_y[] = {s->batch_y[0], s->batch_y[1], adj_y ? s->columns : s->depth,
                              adj_y ? s->depth : s->columns};
    const int32_t x = builder_value(&b, 4, dims_x);
    const int32_t y = is_constant ? builder_random(&b, 4, dims_y, 3) : builder_value(&b, 4, dims_y);
    const int32_t out = builder_value(&b, DIMS(1, 1));
    mwi_op *const op = builder_op(&b, "BATCH_MATMUL", TENSORS(x, y), &out, 1);

    set_bool(op, "adj_x", adj_x);
    set_bool(op, "adj_y", adj_y);
    const size_t n = kernel_rows_agree(&b, op, 5e-5, (uint64_t)s->columns);
    mw_model_destroy(b.model);
    mw_ctx_destroy(ctx);
    return n;
}

static void rows_agree(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int way = 0; way < 4; way++) {
            const bool adj_x = (way & 1) != 0, adj_y = (way & 2) != 0;
            const size_t constant = check(&shapes[i], adj_x, adj_y, true);
            const size_t computed = check(&shapes[i], adj_x, adj_y, false);
            assert_int_equal(computed, shapes[i].packs ? constant : 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
