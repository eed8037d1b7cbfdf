/* runtime/batch_test.c - batches give what single runs give; planned only where that is proven.
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph_builder.h"
#include "support.h"

#include "base/rng.h"
#include "runtime/session.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ENDS = 24 };

static void count_run(void *self, mw_session *s) { (void)s, ++*(size_t *)self; }

/* Runs `n` random samples alone and as a batch: the same bytes. Returns how many runs the batch
 * took. */
static size_t runs_of_batch(mw_ctx *ctx, const mw_model *m, size_t n, uint32_t n_threads)
{
    mw_session *s;
    void *in[MAX_ENDS] = {NULL}, *alone[MAX_ENDS] = {NULL}, *batched[MAX_ENDS] = {NULL};
    mwi_rng rng = {n};
    size_t runs = 0;
    mw_buffer b;

    assert_ok(ctx, mw_session_create(ctx, m, &(mw_session_options){.n_threads = n_threads}, &s));
    const size_t n_in = mw_session_n_inputs(s), n_out = mw_session_n_outputs(s);
    for (size_t i = 0; i < n_in; i++) {
        const size_t bytes = mw_session_input_sample_bytes(s, i);
        in[i] = malloc(n * bytes);
        for (size_t k = 0; k < n * bytes / 4; k++)
            ((float *)in[i])[k] = (float)mwi_rng_uniform(&rng) - 0.25f;
    }
    for (size_t i = 0; i < n_out; i++) {
        alone[i] = malloc(n * mw_session_output_sample_bytes(s, i) + 1);
        batched[i] = malloc(n * mw_session_output_sample_bytes(s, i) + 1);
    }
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < n_in; i++) {
            assert_ok(ctx, mw_session_input(ctx, s, i, &b));
            memcpy(b.data, (char *)in[i] + k * b.bytes, b.bytes);
        }
        assert_ok(ctx, mw_session_run(ctx, s));
        for (size_t i = 0; i < n_out; i++) {
            assert_ok(ctx, mw_session_output(ctx, s, i, &b));
            memcpy((char *)alone[i] + k * b.bytes, b.data, b.bytes);
        }
    }
    assert_ok(ctx, mw_session_reset(ctx, s));
    mw_session_set_hooks(s, &(mw_session_hooks){.before_run = count_run, .self = &runs});
    assert_ok(ctx, mw_session_run_batch(ctx, s, n, (const void *const *)in, batched));
    for (size_t i = 0; i < n_out; i++)
        assert_memory_equal(alone[i], batched[i], n * mw_session_output_sample_bytes(s, i));
    for (size_t i = 0; i < MAX_ENDS; i++) free(in[i]), free(alone[i]), free(batched[i]);
    mw_session_destroy(s);
    return runs;
}

/* Closes the graph, checks the runs that batches take, destroys it. `planned`: by pieces of up
 * to 64. */
static void check(builder *b, const int32_t *in, size_t n_in, const int32_t *out, size_t n_out,
                  bool planned)
{
    static const size_t sizes[] = {1, 2, 3, 7, 64, 130};
    mw_model *const m = builder_close(b, in, n_in, out, n_out);

    for (size_t i = 0; i < MWI_COUNT(sizes); i++) {
        const size_t n = sizes[i], piece = n < 64 ? n : 64;
        assert_int_equal(runs_of_batch(b->ctx, m, n, 1), planned ? n / piece + n % piece : n);
    }
    assert_int_equal(runs_of_batch(b->ctx, m, 7, 3), planned ? 1 : 7);
    mw_model_destroy(m);
    assert_int_equal(mw_ctx_memory_bytes(b->ctx), 0);
    mw_ctx_destroy(b->ctx);
}

static void layers_are_planned(void **state)
{
    builder b = builder_open(test_ctx());
    const int32_t x = builder_value(&b, DIMS(1, 6, 5, 2)),
                  filter = builder_random(&b, DIMS(3, 3, 3, 2), 1);
    const int32_t c = builder_value(&b, DIMS(1, 6, 5, 3)), flat = builder_value(&b, DIMS(1, 90));
    const int32_t shape = builder_ints(&b, DIMS(2), (const int32_t[]){-1, 90}),
                  w = builder_random(&b, DIMS(4, 90), 2);
    const int32_t d = builder_value(&b, DIMS(1, 4)), add = builder_random(&b, DIMS(1, 4), 3);

    (void)state;
    mwi_op *const conv = builder_op(&b, "CONV_2D", TENSORS(x, filter, -1), &c, 1);
    mwi_op_set_i32(conv, "stride_w", 1);
    mwi_op_set_i32(conv, "stride_h", 1);
    const int32_t r = builder_apply(&b, "RELU", &c, 1);
    (void)builder_op(&b, "RESHAPE", TENSORS(r, shape), &flat, 1);
    (void)builder_op(&b, "FULLY_CONNECTED", TENSORS(flat, w, -1), &d, 1);
    const int32_t sum = builder_apply(&b, "ADD", TENSORS(d, add));
    const int32_t y = builder_apply(&b, "SOFTMAX", &sum, 1);
    check(&b, &x, 1, TENSORS(y, x, y), true);
}

static void many_inputs_are_planned(void **state)
{
    builder b = builder_open(test_ctx());
    int32_t x[MAX_ENDS], y;

    (void)state;
    for (size_t i = 0; i < MAX_ENDS; i++) x[i] = builder_value(&b, DIMS(1, 3));
    y = x[0];
    for (size_t i = 1; i < MAX_ENDS; i++) y = builder_apply(&b, "ADD", TENSORS(y, x[i]));
    check(&b, x, MAX_ENDS, &y, 1, true);
}

static void a_shape_computed_from_the_input_is_planned(void **state)
{
    builder b = builder_open(test_ctx());
    const int32_t x = builder_value(&b, DIMS(1, 6)), shape = builder_typed(&b, MW_INT32, DIMS(2));
    const int32_t from = builder_ints(&b, DIMS(1), (const int32_t[]){0}),
                  one = builder_ints(&b, DIMS(1), (const int32_t[]){1});
    const int32_t n = builder_typed(&b, MW_INT32, DIMS(0)),
                  three = builder_ints(&b, 0, NULL, (const int32_t[]){3});
    const int32_t two = builder_ints(&b, 0, NULL, (const int32_t[]){2});
    const int32_t want = builder_typed(&b, MW_INT32, DIMS(3)), y = builder_value(&b, DIMS(1, 3, 2));

    (void)state;
    (void)builder_op(&b, "SHAPE", &x, 1, &shape, 1);
    mwi_op_set_i32(b.graph->ops[0], "out_type", MW_INT32);
    mwi_op *const slice = builder_op(&b, "STRIDED_SLICE", TENSORS(shape, from, one, one), &n, 1);
    mwi_op_set_i32(slice, "shrink_axis_mask", 1);
    mwi_op *const pack = builder_op(&b, "PACK", TENSORS(n, three, two), &want, 1);
    mwi_op_set_i32(pack, "values_count", 3);
    (void)builder_op(&b, "RESHAPE", TENSORS(x, want), &y, 1);
    const int32_t z = builder_apply(&b, "NEG", &y, 1);
    check(&b, &x, 1, &z, 1, true);
}

static void a_fixed_shape_runs_one_by_one(void **state)
{
    builder b = builder_open(test_ctx());
    const int32_t x = builder_value(&b, DIMS(1, 6)), y = builder_value(&b, DIMS(1, 3, 2));
    const int32_t shape = builder_ints(&b, DIMS(3), (const int32_t[]){1, 3, 2});

    (void)state;
    (void)builder_op(&b, "RESHAPE", TENSORS(x, shape), &y, 1);
    check(&b, &x, 1, &y, 1, false);
}

static void state_runs_one_by_one(void **state)
{
    builder b = builder_open(test_ctx());
    const int32_t x = builder_value(&b, DIMS(1, 4)), sum = builder_state(&b, DIMS(1, 4));

    (void)state;
    (void)builder_op(&b, "ADD", TENSORS(x, sum), &sum, 1);
    const int32_t y = builder_apply(&b, "NEG", &sum, 1);
    check(&b, &x, 1, &y, 1, false);
}

static void operators_that_mix_samples_run_one_by_one(void **state)
{
    builder b = builder_open(test_ctx());
    const int32_t x = builder_value(&b, DIMS(1, 4)),
                  zero = builder_ints(&b, 0, NULL, (const int32_t[]){0});

    (void)state;
    const int32_t y = builder_apply(&b, "CUMSUM", TENSORS(x, zero));
    check(&b, &x, 1, &y, 1, false);

    b = builder_open(test_ctx());
    const int32_t u = builder_value(&b, DIMS(1, 4)),
                  first = builder_ints(&b, DIMS(1), (const int32_t[]){0});
    const int32_t v = builder_apply(&b, "REVERSE_V2", TENSORS(u, first));
    check(&b, &u, 1, &v, 1, false);

    /* The last axis of a vector is its batch. */
    b = builder_open(test_ctx());
    const int32_t p = builder_value(&b, DIMS(1)), q = builder_apply(&b, "SOFTMAX", &p, 1);
    check(&b, &p, 1, &q, 1, false);

    /* A batch of three would broadcast along the columns. */
    b = builder_open(test_ctx());
    const int32_t r = builder_value(&b, DIMS(1)), s = builder_value(&b, DIMS(1, 3));
    const int32_t sum = builder_value(&b, DIMS(1, 3));
    (void)builder_op(&b, "ADD", TENSORS(r, s), &sum, 1);
    check(&b, TENSORS(r, s), &sum, 1, false);
}

static void an_output_without_a_batch_is_given_for_each_sample(void **state)
{
    builder b = builder_open(test_ctx());
    const int32_t x = builder_value(&b, DIMS(1, 4)), y = builder_value(&b, DIMS(4)),
                  shape = builder_ints(&b, DIMS(1), (const int32_t[]){4});

    (void)state;
    (void)builder_op(&b, "RESHAPE", TENSORS(x, shape), &y, 1);
    check(&b, &x, 1, &y, 1, false);
}

static void models_declared_for_several_samples(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(3, 4)),
                  zero = builder_ints(&b, 0, NULL, (const int32_t[]){0});
    const int32_t y = builder_apply(&b, "SQUARE", &x, 1);
    float in[7 * 4], out[7 * 4];
    const void *const ins[] = {in};
    void *const outs[] = {out};
    mw_session *s;

    (void)state;
    for (int i = 0; i < 28; i++) in[i] = (float)i;
    mw_model *const apart = builder_close(&b, &x, 1, &y, 1);
    assert_ok(ctx, mw_session_create(ctx, apart, NULL, &s));
    assert_int_equal(mw_session_input_sample_bytes(s, 0), 16);
    assert_int_equal(mw_session_input_sample_bytes(s, 1), 0);
    assert_ok(ctx, mw_session_run_batch(ctx, s, 7, ins, outs)); /* 3, 3 and a part */
    for (int i = 0; i < 28; i++) assert_true(out[i] == (float)(i * i));
    assert_ok(ctx, mw_session_run_batch(ctx, s, 0, ins, outs));
    mw_session_destroy(s);
    mw_model_destroy(apart);

    b = builder_open(ctx);
    const int32_t u = builder_value(&b, DIMS(3, 4));
    assert_int_equal(zero, 1);
    const int32_t axis = builder_ints(&b, 0, NULL, (const int32_t[]){0});
    const int32_t v = builder_apply(&b, "CUMSUM", TENSORS(u, axis));
    mw_model *const mixed = builder_close(&b, &u, 1, &v, 1);
    assert_ok(ctx, mw_session_create(ctx, mixed, NULL, &s));
    assert_ok(ctx, mw_session_run_batch(ctx, s, 6, ins, outs));
    assert_true(out[8] == 0 + 4 + 8 && out[20] == 12 + 16 + 20);
    assert_int_equal(mw_session_run_batch(ctx, s, 7, ins, outs), MW_EINVAL);
    assert_non_null(strstr(mw_ctx_error(ctx), "3 samples at a time"));
    mw_ctx_clear(ctx);
    mw_session_destroy(s);
    mw_model_destroy(mixed);
    mw_ctx_destroy(ctx);
}

static void inputs_without_a_common_batch_take_one_sample(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(2, 4)), z = builder_value(&b, DIMS(4));
    const int32_t y = builder_value(&b, DIMS(2, 4));
    float in[16] = {1, 2, 3}, one[4] = {1, 1, 1, 1}, out[16];
    const void *const ins[] = {in, one};
    void *const outs[] = {out};
    mw_session *s;

    (void)state;
    (void)builder_op(&b, "ADD", TENSORS(x, z), &y, 1);
    mw_model *const m = builder_close(&b, TENSORS(x, z), &y, 1);
    assert_ok(ctx, mw_session_create(ctx, m, NULL, &s));
    assert_int_equal(mw_session_input_sample_bytes(s, 0), 32);
    assert_ok(ctx, mw_session_run_batch(ctx, s, 1, ins, outs));
    assert_true(out[1] == 3);
    assert_int_equal(mw_session_run_batch(ctx, s, 2, ins, outs), MW_EINVAL);
    mw_ctx_clear(ctx);
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_are_planned),
        cmocka_unit_test(many_inputs_are_planned),
        cmocka_unit_test(a_shape_computed_from_the_input_is_planned),
        cmocka_unit_test(a_fixed_shape_runs_one_by_one),
        cmocka_unit_test(state_runs_one_by_one),
        cmocka_unit_test(operators_that_mix_samples_run_one_by_one),
        cmocka_unit_test(an_output_without_a_batch_is_given_for_each_sample),
        cmocka_unit_test(models_declared_for_several_samples),
        cmocka_unit_test(inputs_without_a_common_batch_take_one_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
