/* runtime/session_test.c - sessions of graphs made by hand: state, resizing, hooks, profile,
 * observers, signatures, what cannot run, failing allocations, two threads.
 * SPDX-License-Identifier: Apache-2.0 */
#include "flaky.h"
#include "graph_builder.h"
#include "support.h"

#include "runtime/session.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- helpers ---- */

static float *input_of(mw_ctx *ctx, mw_session *s, size_t i, size_t want_bytes)
{
    mw_buffer b;
    assert_ok(ctx, mw_session_input(ctx, s, i, &b));
    assert_int_equal(b.bytes, want_bytes);
    return b.data;
}

static const float *output_of(mw_ctx *ctx, mw_session *s, size_t i, size_t want_bytes)
{
    mw_buffer b;
    assert_ok(ctx, mw_session_output(ctx, s, i, &b));
    assert_int_equal(b.bytes, want_bytes);
    return b.data;
}

static bool says(mw_ctx *ctx, const char *text) { return strstr(mw_ctx_error(ctx), text) != NULL; }

/* y = softmax(relu(x * w)), x [1, 8], w [5, 8]. */
static mw_model *dense_model(mw_ctx *ctx)
{
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(1, 8)), w = builder_random(&b, DIMS(5, 8), 7);
    const int32_t h = builder_value(&b, DIMS(1, 5));
    (void)builder_op(&b, "FULLY_CONNECTED", TENSORS(x, w, -1), &h, 1);
    const int32_t r = builder_apply(&b, "RELU", &h, 1), y = builder_apply(&b, "SOFTMAX", &r, 1);
    mwi_op_set_i32(b.graph->ops[0], "fused_activation_function", MWI_ACT_NONE);
    return builder_close(&b, &x, 1, &y, 1);
}

/* sum += x; y = -sum: a state that an operator writes. x [1, 4]. */
static mw_model *running_sum(mw_ctx *ctx)
{
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(1, 4)), sum = builder_state(&b, DIMS(1, 4));
    (void)builder_op(&b, "ADD", TENSORS(x, sum), &sum, 1);
    const int32_t y = builder_apply(&b, "NEG", &sum, 1);
    return builder_close(&b, &x, 1, &y, 1);
}

/* ---- state ---- */

static void state_is_kept_until_reset(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = running_sum(ctx);
    mw_session *s, *other;

    (void)state;
    assert_ok(ctx, mw_session_create(ctx, m, NULL, &s));
    assert_ok(ctx, mw_session_create(ctx, m, NULL, &other));
    for (int turn = 1; turn <= 3; turn++) {
        input_of(ctx, s, 0, 16)[2] = 1.5f;
        assert_ok(ctx, mw_session_run(ctx, s));
        assert_true(output_of(ctx, s, 0, 16)[2] == -1.5f * (float)turn);
    }
    input_of(ctx, other, 0, 16)[2] = 1;
    assert_ok(ctx, mw_session_run(ctx, other));
    assert_true(output_of(ctx, other, 0, 16)[2] == -1); /* sessions share nothing */
    assert_ok(ctx, mw_session_reset(ctx, s));
    input_of(ctx, s, 0, 16)[2] = 2;
    assert_ok(ctx, mw_session_run(ctx, s));
    assert_true(output_of(ctx, s, 0, 16)[2] == -2);
    mw_session_memory use;
    mw_session_memory_use(s, &use);
    assert_int_equal(use.state_bytes, 16);
    mw_session_destroy(s);
    mw_session_destroy(other);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void state_keeps_its_shape(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = running_sum(ctx);
    mw_session *s;

    (void)state;
    assert_ok(ctx, mw_session_create(ctx, m, NULL, &s));
    input_of(ctx, s, 0, 16)[0] = 1;
    assert_ok(ctx, mw_session_run(ctx, s));
    assert_int_equal(mw_session_resize(ctx, s, &(mw_shape){2, {3, 4}}), MW_EUNSUPPORTED);
    assert_true(says(ctx, "state keeps its shape"));
    mw_ctx_clear(ctx);
    input_of(ctx, s, 0, 16)[0] = 1;
    assert_ok(ctx, mw_session_run(ctx, s));
    assert_true(output_of(ctx, s, 0, 16)[0] == -2);
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void int8_state_starts_at_its_zero_point(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(1)), v = builder_typed(&b, MW_INT8, DIMS(3));
    const mwi_quant *q;
    mw_buffer out;
    mw_session *s;

    (void)state;
    assert_ok(ctx, mwi_quant_per_tensor(ctx, b.model, 0.5f, -7, &q));
    b.graph->tensors[v]->quant = q;
    b.graph->tensors[v]->is_variable = true;
    mw_model *const m = builder_close(&b, &x, 1, TENSORS(v, x)); /* outputs: a state, an input */
    assert_ok(ctx, mw_session_create(ctx, m, NULL, &s));
    *input_of(ctx, s, 0, 4) = 5;
    assert_ok(ctx, mw_session_run(ctx, s));
    assert_ok(ctx, mw_session_output(ctx, s, 0, &out));
    for (int i = 0; i < 3; i++) assert_int_equal(((const int8_t *)out.data)[i], -7);
    assert_true(*output_of(ctx, s, 1, 4) == 5);
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* ---- resizing ---- */

static void resizing_keeps_plans(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = dense_model(ctx);
    mw_session *s;
    float one[5];

    (void)state;
    assert_ok(ctx, mw_session_create(ctx, m, NULL, &s));
    for (int i = 0; i < 8; i++) input_of(ctx, s, 0, 32)[i] = (float)i;
    assert_ok(ctx, mw_session_run(ctx, s));
    memcpy(one, output_of(ctx, s, 0, 20), sizeof one);
    for (int32_t n = 2; n < 20; n++) { /* more than are kept */
        assert_ok(ctx, mw_session_resize(ctx, s, &(mw_shape){2, {n, 8}}));
        float *const in = input_of(ctx, s, 0, (size_t)n * 32);
        for (int32_t i = 0; i < n * 8; i++) in[i] = (float)(i % 8);
        assert_ok(ctx, mw_session_run(ctx, s));
        const float *const out = output_of(ctx, s, 0, (size_t)n * 20);
        for (int32_t i = 0; i < n; i++) assert_memory_equal(out + i * 5, one, sizeof one);
    }
    const uint64_t before = mw_ctx_memory_bytes(ctx);
    for (int i = 0; i < 10; i++) { /* both are there */
        assert_ok(ctx, mw_session_resize(ctx, s, &(mw_shape){2, {1, 8}}));
        assert_ok(ctx, mw_session_resize(ctx, s, &(mw_shape){2, {19, 8}}));
    }
    assert_int_equal(mw_ctx_memory_bytes(ctx), before);
    assert_int_equal(mw_ctx_peak_memory_bytes(ctx) >= before, 1);
    mw_session_destroy(s);
    mw_model_destroy(m);
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    mw_ctx_destroy(ctx);
}

static void resizing_refuses_and_leaves_the_session(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(1, 6)), y = builder_value(&b, DIMS(2, 3));
    const int32_t shape = builder_ints(&b, DIMS(2), (const int32_t[]){2, 3});
    mw_session *s;

    (void)state;
    (void)builder_op(&b, "RESHAPE", TENSORS(x, shape), &y, 1);
    mw_model *const m = builder_close(&b, &x, 1, &y, 1);
    assert_ok(ctx, mw_session_create(ctx, m, NULL, &s));
    assert_int_equal(mw_session_resize(ctx, s, &(mw_shape){2, {2, 6}}), MW_EUNSUPPORTED);
    assert_true(says(ctx, "does not take these input shapes"));
    assert_true(says(ctx, "RESHAPE"));
    mw_ctx_clear(ctx);
    assert_int_equal(mw_session_resize(ctx, s, &(mw_shape){3, {1, 6, 1}}), MW_EINVAL);
    mw_ctx_clear(ctx);
    assert_int_equal(mw_session_resize(ctx, s, &(mw_shape){2, {1, -6}}), MW_EINVAL);
    mw_ctx_clear(ctx);
    assert_int_equal(mw_session_resize(ctx, s, &(mw_shape){2, {INT32_MAX, INT32_MAX}}), MW_ELIMIT);
    mw_ctx_clear(ctx);
    input_of(ctx, s, 0, 24)[5] = 9;
    assert_ok(ctx, mw_session_run(ctx, s));
    assert_true(output_of(ctx, s, 0, 24)[5] == 9);
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* ---- constants ---- */

static void constants_are_folded_once(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t w = builder_random(&b, DIMS(1, 1000), 3), x = builder_value(&b, DIMS(1, 1000));
    const int32_t a = builder_apply(&b, "NEG", &w, 1), c = builder_apply(&b, "ABS", &a, 1);
    const int32_t y = builder_apply(&b, "ADD", TENSORS(x, c));
    mw_session_memory one, two;
    mw_session *s;

    (void)state;
    mw_model *const m = builder_close(&b, &x, 1, TENSORS(y, c)); /* an output that is constant */
    assert_ok(ctx, mw_session_create(ctx, m, NULL, &s));
    assert_int_equal(mw_session_n_steps(s), 1);
    assert_ok(ctx, mw_session_run(ctx, s));
    assert_true(output_of(ctx, s, 1, 4000)[7] ==
                fabsf(((const float *)b.graph->tensors[w]->data)[7]));
    mw_session_memory_use(s, &one);
    assert_ok(ctx, mw_session_resize(ctx, s, &(mw_shape){2, {3, 1000}}));
    assert_int_equal(mw_session_n_steps(s), 1);
    mw_session_memory_use(s, &two);
    assert_true(two.prepared_bytes - one.prepared_bytes <
                4000); /* the second plan has the folded values already */
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void shapes_are_folded_for_each_plan(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(1, 6)), shape = builder_typed(&b, MW_INT32, DIMS(2));
    (void)builder_op(&b, "SHAPE", &x, 1, &shape, 1);
    mwi_op_set_i32(b.graph->ops[0], "out_type", MW_INT32);
    mw_buffer out;
    mw_session *s;

    (void)state;
    mw_model *const m = builder_close(&b, &x, 1, &shape, 1);
    assert_ok(ctx, mw_session_create(ctx, m, NULL, &s));
    assert_int_equal(mw_session_n_steps(s), 0);
    for (int32_t n = 1; n < 4; n++) {
        assert_ok(ctx, mw_session_resize(ctx, s, &(mw_shape){2, {n, 6}}));
        assert_ok(ctx, mw_session_run(ctx, s));
        assert_ok(ctx, mw_session_output(ctx, s, 0, &out));
        assert_int_equal(((const int32_t *)out.data)[0], n);
    }
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* ---- shapes that depend on data ---- */

/* a = reshape(x, shape), b = tanh(a), c = reshape(b, second), y = c + w. x [1, 12], shapes fed. */
static mw_model *late_model(mw_ctx *ctx)
{
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(1, 12)), n = builder_apply(&b, "NEG", &x, 1);
    const int32_t shape = builder_typed(&b, MW_INT32, DIMS(2)),
                  second = builder_typed(&b, MW_INT32, DIMS(2));
    const int32_t a = builder_value(&b, DIMS(1, 12)), c = builder_value(&b, DIMS(1, 12));
    const int32_t one = builder_floats(&b, DIMS(1), (const float[]){1});
    (void)builder_op(&b, "RESHAPE", TENSORS(n, shape), &a, 1);
    const int32_t t = builder_apply(&b, "ABS", &a, 1);
    (void)builder_op(&b, "RESHAPE", TENSORS(t, second), &c, 1);
    const int32_t y = builder_apply(&b, "ADD", TENSORS(c, one));
    return builder_close(&b, TENSORS(x, shape, second), TENSORS(y, t, x));
}

/* Feeds, runs, checks shapes and values. */
static void run_late(mw_ctx *ctx, mw_session *s, int32_t a0, int32_t b0)
{
    mw_buffer b;

    for (int i = 0; i < 12; i++) input_of(ctx, s, 0, 48)[i] = (float)(i - 6);
    assert_ok(ctx, mw_session_input(ctx, s, 1, &b));
    memcpy(b.data, (const int32_t[]){a0, 12 / a0}, 8);
    assert_ok(ctx, mw_session_input(ctx, s, 2, &b));
    memcpy(b.data, (const int32_t[]){b0, -1}, 8);
    assert_ok(ctx, mw_session_run(ctx, s));
    assert_ok(ctx, mw_session_output(ctx, s, 0, &b));
    assert_int_equal(b.info.dims[0], b0);
    assert_int_equal(b.info.dims[1], 12 / b0);
    for (int i = 0; i < 12; i++)
        assert_true(((const float *)b.data)[i] == fabsf((float)(i - 6)) + 1);
    assert_ok(ctx, mw_session_output(ctx, s, 1, &b));
    assert_int_equal(b.info.dims[0], a0);
    assert_true(((const float *)b.data)[1] == 5);
    assert_true(output_of(ctx, s, 2, 48)[0] == -6);
}

static void shapes_that_depend_on_data_are_planned_by_runs(void **state)
{
    static const int32_t shapes[] = {1, 2, 3, 4, 6, 12};
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = late_model(ctx);
    mw_session *s;
    mw_buffer b;

    (void)state;
    assert_ok(ctx, mw_session_create(ctx, m, &(mw_session_options){.profile = true}, &s));
    assert_int_equal(mw_session_n_steps(s), 1);
    assert_ok(ctx, mw_session_output(ctx, s, 0, &b));
    assert_int_equal(b.bytes, 0);
    run_late(ctx, s, 3, 4);
    assert_int_equal(mw_session_n_steps(s), 5);
    const uint64_t held = mw_ctx_memory_bytes(ctx);
    run_late(ctx, s, 3, 4);
    assert_int_equal(mw_ctx_memory_bytes(ctx), held);
    for (int turn = 0; turn < 3; turn++) /* more than are kept */
        for (size_t i = 0; i < 6; i++)
            for (size_t k = 0; k < 6; k++) run_late(ctx, s, shapes[i], shapes[k]);
    assert_ok(ctx, mw_session_input(ctx, s, 1, &b));
    memcpy(b.data, (const int32_t[]){5, 7}, 8);
    assert_int_not_equal(mw_session_run(ctx, s), MW_OK);
    assert_true(says(ctx, "RESHAPE"));
    mw_ctx_clear(ctx);
    assert_ok(ctx, mw_session_output(ctx, s, 0, &b));
    assert_int_equal(b.bytes, 0);
    run_late(ctx, s, 2, 6);
    mw_session_destroy(s);
    mw_model_destroy(m);
    assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
    mw_ctx_destroy(ctx);
}

/* ---- hooks, profile, observers ---- */

typedef struct counts {
    size_t before, after, inputs, n_inputs, steps, views;
    double latency_us;
} counts;

static void count_before(void *self, mw_session *s) { (void)s, ((counts *)self)->before++; }
static void count_after(void *self, mw_session *s, double latency_us)
{
    (void)s;
    ((counts *)self)->after++;
    ((counts *)self)->latency_us += latency_us;
}

static mw_status count_steps(void *self, mw_ctx *ctx, const mwi_graph *graph, const mwi_op *op,
                             const mwi_view *in, size_t n_in, const mwi_view *out, size_t n_out)
{
    counts *const c = self;

    (void)ctx, (void)graph, (void)in, (void)n_in;
    for (size_t i = 0; i < n_out; i++) assert_non_null(out[i].data);
    if (op == NULL)
        c->inputs++, c->n_inputs = n_out;
    else
        c->steps++, c->views += (op->desc->traits & MWI_OP_VIEW) != 0;
    return c->steps == 100 ? mwi_fail(ctx, MW_ECANCELLED, "enough") : MW_OK;
}

static void hooks_profile_and_observers_see_the_run(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(1, 4)), z = builder_value(&b, DIMS(1, 4));
    const int32_t shape = builder_ints(&b, DIMS(1), (const int32_t[]){4});
    const int32_t v = builder_value(&b, DIMS(4)), sum = builder_apply(&b, "ADD", TENSORS(x, z));
    (void)builder_op(&b, "RESHAPE", TENSORS(sum, shape), &v, 1);
    const int32_t y = builder_apply(&b, "TANH", &v, 1);
    mw_model *const m = builder_close(&b, TENSORS(x, z), &y, 1);
    counts c = {0};
    mw_session *s;
    mw_step_info info;

    (void)state;
    assert_ok(ctx, mw_session_create(ctx, m, &(mw_session_options){.profile = true}, &s));
    mw_session_set_hooks(s, &(mw_session_hooks){count_before, count_after, &c});
    mwi_session_observe(s, count_steps, &c);
    assert_ok(ctx, mw_session_run(ctx, s));
    assert_ok(ctx, mw_session_run(ctx, s));
    assert_int_equal(c.before, 2);
    assert_int_equal(c.after, 2);
    assert_true(c.latency_us > 0);
    assert_int_equal(c.inputs, 2);
    assert_int_equal(c.n_inputs, 2);
    assert_int_equal(c.steps, 6);
    assert_int_equal(c.views, 2);
    assert_int_equal(mw_session_n_steps(s), 3);
    for (size_t i = 0; i < 3; i++) {
        static const char *const names[] = {"ADD", "RESHAPE", "TANH"};
        assert_ok(ctx, mw_session_step(ctx, s, i, &info));
        assert_string_equal(info.op, names[i]);
        assert_string_equal(info.device, "/CPU:0");
        assert_int_equal(info.n_runs, 2);
        assert_int_equal(strcmp(info.kernel, "view") == 0, i == 1);
        assert_int_equal((info.total_us == 0), i == 1);
    }
    assert_int_equal(mw_session_step(ctx, s, 3, &info), MW_EINVAL);
    mw_ctx_clear(ctx);
    c.steps = 99;
    assert_int_equal(mw_session_run(ctx, s), MW_ECANCELLED);
    assert_int_equal(c.after, 3); /* also after a run that failed */
    mw_ctx_clear(ctx);
    mw_session_set_hooks(s, NULL);
    mwi_session_observe(s, NULL, NULL);
    assert_ok(ctx, mw_session_run(ctx, s));
    assert_int_equal(c.before, 3);
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* ---- signatures and options ---- */

/* Two subgraphs; signature "double" of the second one names its outputs in another order. */
static mw_model *signed_model(mw_ctx *ctx, builder *b)
{
    *b = builder_open(ctx);
    const int32_t x = builder_value(b, DIMS(1, 2));
    const int32_t y = builder_apply(b, "NEG", &x, 1);
    mw_model *const m = builder_close(b, &x, 1, &y, 1);
    assert_ok(ctx, mwi_model_add_graph(ctx, m, "second", &b->graph));
    const int32_t u = builder_value(b, DIMS(1, 2)), w = builder_value(b, DIMS(1, 2));
    const int32_t sum = builder_apply(b, "ADD", TENSORS(u, w)),
                  square = builder_apply(b, "SQUARE", &u, 1);
    assert_ok(ctx, mwi_graph_set_io(ctx, m, b->graph, TENSORS(u, w), TENSORS(sum, square)));
    static mwi_signature_entry in[] = {{"b", 1}, {"a", 0}},
                               out[] = {{"square", 3}, {"sum", 2}, {"hidden", 2}};
    static mwi_signature sig[] = {{"double", 1, 2, 3, in, out}};
    m->signatures = sig;
    m->n_signatures = 1;
    assert_ok(ctx, mwi_model_verify(ctx, m));
    return m;
}

static void signatures_choose_graph_and_order(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b;
    mw_model *const m = signed_model(ctx, &b);
    mw_session *s;

    (void)state;
    assert_ok(ctx, mw_session_create(ctx, m, &(mw_session_options){.signature = "double"}, &s));
    assert_int_equal(mw_session_n_inputs(s), 2);
    assert_int_equal(mw_session_n_outputs(s), 3);
    input_of(ctx, s, 0, 8)[0] = 10; /* b */
    input_of(ctx, s, 1, 8)[0] = 3;  /* a */
    assert_ok(ctx, mw_session_run(ctx, s));
    assert_true(output_of(ctx, s, 0, 8)[0] == 9);
    assert_true(output_of(ctx, s, 1, 8)[0] == 13);
    assert_true(output_of(ctx, s, 2, 8)[0] == 13);
    mw_session_destroy(s);
    assert_int_equal(mw_session_create(ctx, m, &(mw_session_options){.signature = "none"}, &s),
                     MW_EINVAL);
    assert_true(says(ctx, "no signature 'none'"));
    mw_ctx_clear(ctx);
    m->signatures[0].n_inputs = 1; /* leaves out an input: its memory would never be set */
    assert_int_equal(mw_session_create(ctx, m, &(mw_session_options){.signature = "double"}, &s),
                     MW_EFORMAT);
    mw_ctx_clear(ctx);
    m->signatures[0].n_inputs = 2;
    m->signatures[0].inputs[0].tensor = 2; /* an operator's output */
    assert_int_equal(mw_session_create(ctx, m, &(mw_session_options){.signature = "double"}, &s),
                     MW_EFORMAT);
    mw_ctx_clear(ctx);
    m->signatures[0].inputs[0].tensor = 1;
    assert_int_equal(mw_session_create(ctx, m, &(mw_session_options){.device = "/GPU:7"}, &s),
                     MW_EUNAVAILABLE);
    assert_true(says(ctx, "/CPU:0"));
    mw_ctx_clear(ctx);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void all_that_cannot_run_is_named(void **state)
{
    mw_ctx *const ctx = test_ctx();
    builder b = builder_open(ctx);
    const int32_t x = builder_typed(&b, MW_COMPLEX128, DIMS(1, 4)),
                  f = builder_value(&b, DIMS(1, 4));
    const int32_t bad = builder_apply(&b, "SOFTMAX", &x, 1),
                  after = builder_apply(&b, "NEG", &f, 1);
    mwi_op *op;
    mw_session *s;

    (void)state;
    const int32_t lost = builder_value(&b, DIMS(1, 4)), last = builder_value(&b, DIMS(1, 4));
    assert_ok(ctx,
              mwi_graph_add_op(ctx, b.model, b.graph, b.graph->n_ops, &mwi_op_unknown, 1, 1, &op));
    op->code = 999;
    op->in[0] = after;
    op->out[0] = lost;
    (void)builder_op(&b, "RELU", &lost, 1, &last, 1);
    mw_model *const m = builder_close(&b, TENSORS(x, f), TENSORS(bad, last));
    assert_int_equal(mw_session_create(ctx, m, NULL, &s), MW_EUNSUPPORTED);
    assert_true(says(ctx, "2 of 4 operators"));
    assert_true(says(ctx, "SOFTMAX 't2' (no kernel for types"));
    assert_true(says(ctx, "unknown operator, code 999"));
    assert_false(says(ctx, "RELU"));
    mw_ctx_clear(ctx);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* ---- failing allocations ---- */

static void every_allocation_may_fail(void **state)
{
    flaky f = {SIZE_MAX, 0};
    const mw_allocator allocator = flaky_allocator(&f);
    const mw_shape bigger = {2, {300, 8}};
    mw_ctx *ctx;
    mw_session *s = NULL;
    bool done = false;

    (void)state;
    assert_int_equal(mw_ctx_create(&(mw_ctx_options){.allocator = &allocator}, &ctx), MW_OK);
    mw_model *m = NULL;
    const size_t before = f.live;
    for (size_t n = 0; !done; n++) {
        m = dense_model(ctx); /* a new one: a model keeps what was packed before the failure */
        f.left = n;
        const mw_status st = mw_session_create(ctx, m, &(mw_session_options){.n_threads = 2}, &s);
        f.left = SIZE_MAX;
        done = st == MW_OK;
        if (done) break;
        assert_int_equal(st, MW_ENOMEM);
        assert_null(s);
        mw_model_destroy(m);
        assert_int_equal(f.live, before);
        mw_ctx_clear(ctx);
        assert_true(n < 1000);
    }
    input_of(ctx, s, 0, 32)[0] = 1;
    done = false;
    for (size_t n = 0; !done; n++) {
        f.left = n;
        const mw_status st = mw_session_resize(ctx, s, &bigger);
        f.left = SIZE_MAX;
        done = st == MW_OK;
        if (done) break;
        assert_int_equal(st, MW_ENOMEM);
        mw_ctx_clear(ctx);
        (void)input_of(ctx, s, 0, 32); /* the session is as it was */
        assert_ok(ctx, mw_session_run(ctx, s));
        assert_true(n < 1000);
    }
    (void)input_of(ctx, s, 0, 32 * 300);
    f.left = 0; /* nothing more is needed */
    assert_ok(ctx, mw_session_run(ctx, s));
    f.left = SIZE_MAX;
    mw_session_destroy(s);
    mw_model_destroy(m);
    assert_int_equal(f.live, before);
    mw_ctx_destroy(ctx);
    assert_int_equal(f.live, 0);
}

/* ---- threads ---- */

typedef struct job {
    const mw_model *model;
    float want[5];
    bool good;
} job;

static void *run_many(void *arg)
{
    job *const j = arg;
    mw_ctx *ctx = NULL;
    mw_session *s = NULL;
    mw_buffer in, out;

    j->good = mw_ctx_create(NULL, &ctx) == MW_OK &&
              mw_session_create(ctx, j->model, &(mw_session_options){.n_threads = 2}, &s) == MW_OK;
    for (int i = 0; i < 200 && j->good; i++) {
        j->good = mw_session_input(ctx, s, 0, &in) == MW_OK;
        for (int k = 0; k < 8 && j->good; k++) ((float *)in.data)[k] = (float)k;
        j->good = j->good && mw_session_run(ctx, s) == MW_OK &&
                  mw_session_output(ctx, s, 0, &out) == MW_OK &&
                  memcmp(out.data, j->want, sizeof j->want) == 0;
    }
    mw_session_destroy(s);
    mw_ctx_destroy(ctx);
    return NULL;
}

static void two_sessions_run_in_two_threads(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = dense_model(ctx);
    pthread_t threads[2];
    job jobs[2];
    mw_session *s;

    (void)state;
    assert_ok(ctx, mw_session_create(ctx, m, NULL, &s));
    for (int k = 0; k < 8; k++) input_of(ctx, s, 0, 32)[k] = (float)k;
    assert_ok(ctx, mw_session_run(ctx, s));
    for (int i = 0; i < 2; i++) {
        jobs[i].model = m;
        memcpy(jobs[i].want, output_of(ctx, s, 0, 20), sizeof jobs[i].want);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, &jobs[i]), 0);
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(jobs[0].good && jobs[1].good);
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void *make_and_run(void *arg)
{
    job *const j = arg;
    mw_ctx *ctx = NULL;
    mw_session *s = NULL;
    mw_buffer in, out;

    j->good = mw_ctx_create(NULL, &ctx) == MW_OK;
    for (int i = 0; i < 20 && j->good; i++) {
        j->good = mw_session_create(ctx, j->model, NULL, &s) == MW_OK &&
                  mw_session_input(ctx, s, 0, &in) == MW_OK;
        for (int k = 0; k < 8 && j->good; k++) ((float *)in.data)[k] = (float)k;
        j->good = j->good && mw_session_run(ctx, s) == MW_OK &&
                  mw_session_output(ctx, s, 0, &out) == MW_OK;
        if (j->good) memcpy(j->want, out.data, sizeof j->want);
        mw_session_destroy(s);
        s = NULL;
    }
    mw_ctx_destroy(ctx);
    return NULL;
}

/* The first sessions of a model race for its packed weights. */
static void two_threads_make_sessions_of_one_model(void **state)
{
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (int turn = 0; turn < 20; turn++) {
        mw_model *const m = dense_model(ctx);
        pthread_t threads[2];
        job jobs[2] = {{.model = m}, {.model = m}};
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, make_and_run, &jobs[i]), 0);
        for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(jobs[0].good && jobs[1].good);
        assert_memory_equal(jobs[0].want, jobs[1].want, sizeof jobs[0].want);
        mw_model_destroy(m);
    }
    mw_ctx_destroy(ctx);
}

/* ---- kernels by name ---- */

static const char *kernel_at(mw_ctx *ctx, mw_session *s, size_t i)
{
    mw_step_info step;
    assert_ok(ctx, mw_session_step(ctx, s, i, &step));
    return step.kernel;
}

static void kernels_are_preferred_by_name(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = dense_model(ctx);
    mw_session *s;

    (void)state;
    assert_ok(ctx, mw_session_create(ctx, m, &(mw_session_options){.kernels = "*__ref"}, &s));
    assert_string_equal(kernel_at(ctx, s, 0), "f32_fully_connected__ref");
    mw_session_destroy(s);
    /* It takes one operator; the others have theirs. */
    assert_ok(ctx,
              mw_session_create(ctx, m, &(mw_session_options){.kernels = "f32_relu__r?f"}, &s));
    assert_int_equal(mw_session_n_steps(s), 3);
    assert_string_equal(kernel_at(ctx, s, 1), "f32_relu__ref");
    mw_session_destroy(s);
    assert_int_equal(mw_session_create(ctx, m, &(mw_session_options){.kernels = "__ref"}, &s),
                     MW_EINVAL);
    assert_true(says(ctx, "no kernel is named '__ref'"));
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* ---- packed weights ---- */

/* x [1, 8] times weights [5, 8] that the file holds, and weights that a constant makes. */
static mw_model *two_layers(mw_ctx *ctx)
{
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(1, 8)), w = builder_random(&b, DIMS(5, 8), 7);
    const int32_t n = builder_random(&b, DIMS(3, 5), 8);
    const int32_t folded = builder_apply(&b, "NEG", &n, 1);
    const int32_t h = builder_apply(&b, "FULLY_CONNECTED", TENSORS(x, w, -1));
    const int32_t y = builder_apply(&b, "FULLY_CONNECTED", TENSORS(h, folded, -1));
    return builder_close(&b, &x, 1, &y, 1);
}

static uint64_t packed_bytes(const mw_session *s)
{
    mw_session_memory use;
    mw_session_memory_use(s, &use);
    return use.packed_bytes;
}

static void weights_are_packed_once_for_a_model(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = two_layers(ctx);
    mw_model *clone;
    mw_session *s, *other;

    (void)state;
    const mw_session_options options = {.kernels = "*__ref"};

    assert_ok(ctx, mw_session_create(ctx, m, &options, &s));
    const uint64_t one = packed_bytes(s);
    assert_true(one >= (5 * 8 + 3 * 5) * sizeof(float)); /* both layers; blocks are the kernel's */
    for (int32_t batch = 2; batch <= 5; batch++)
        assert_ok(ctx, mw_session_resize(ctx, s, &(mw_shape){2, {batch, 8}}));
    assert_int_equal(packed_bytes(s), one);
    assert_ok(ctx, mw_session_create(ctx, m, &options, &other));
    assert_int_equal(packed_bytes(other), one);
    mw_session_destroy(s);
    for (int k = 0; k < 8; k++) input_of(ctx, other, 0, 32)[k] = 1;
    assert_ok(ctx, mw_session_run(ctx, other)); /* packs outlive the session that made them */
    mw_session_destroy(other);
    assert_ok(ctx, mwi_model_clone(ctx, m, &clone));
    assert_int_equal(mwi_packs_bytes(clone->packs), 0);
    mw_model_destroy(clone);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* ---- figures ---- */

static void summaries_count_weights_once(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = dense_model(ctx);
    mw_model_summary sum;
    mw_op_info op;

    (void)state;
    assert_ok(ctx, mw_model_summarize(ctx, m, &sum));
    assert_int_equal(sum.n_ops, 3);
    assert_int_equal(sum.n_parameters, 40);
    assert_int_equal(sum.weight_bytes, 160);
    assert_int_equal(sum.macs, 40);
    assert_true(sum.runs);
    assert_int_equal(mw_model_n_ops(m, 0), 3);
    assert_int_equal(mw_model_n_ops(m, 1), 0);
    assert_ok(ctx, mw_model_op(ctx, m, 0, 0, &op));
    assert_string_equal(op.op, "FULLY_CONNECTED");
    assert_int_equal(op.macs, 40);
    assert_string_equal(op.reason, "");
    assert_int_equal(mw_model_op(ctx, m, 0, 3, &op), MW_EINVAL);
    mw_ctx_clear(ctx);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

/* ---- cancellation ---- */

struct patience {
    const char *what;
    unsigned asked, most;
};

static bool lose_patience(void *self, const char *what, uint64_t done, uint64_t total)
{
    struct patience *const p = self;

    (void)done, (void)total;
    return strcmp(what, p->what) != 0 || p->asked++ < p->most;
}

static void plans_and_runs_can_be_cancelled(void **state)
{
    struct patience p = {.what = "plan"};
    const mw_ctx_options options = {.progress = lose_patience, .progress_self = &p};
    static const float x[7 * 8];
    static float y[7 * 5];
    mw_ctx *ctx;
    mw_session *s;

    (void)state;
    assert_int_equal(mw_ctx_create(&options, &ctx), MW_OK);
    mw_model *const m = dense_model(ctx);
    assert_int_equal(mw_session_create(ctx, m, NULL, &s), MW_ECANCELLED);
    assert_true(says(ctx, "cancelled during plan"));
    p.most = UINT32_MAX;
    assert_ok(ctx, mw_session_create(ctx, m, NULL, &s));
    p = (struct patience){.what = "run"};
    assert_int_equal(mw_session_run(ctx, s), MW_ECANCELLED);
    p = (struct patience){.what = "run", .most = 1};
    assert_int_equal(mw_session_run_batch(ctx, s, 5, (const void *[]){x}, (void *[]){y}),
                     mw_session_n_steps(s) > 1 ? MW_ECANCELLED : MW_OK);
    /* A batch that is not planned because of it is no reason to run one by one. */
    p = (struct patience){.what = "plan"};
    assert_int_equal(mw_session_run_batch(ctx, s, 7, (const void *[]){x}, (void *[]){y}),
                     MW_ECANCELLED);
    p.most = UINT32_MAX;
    assert_ok(ctx, mw_session_run_batch(ctx, s, 7, (const void *[]){x}, (void *[]){y}));
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_is_kept_until_reset),
        cmocka_unit_test(state_keeps_its_shape),
        cmocka_unit_test(int8_state_starts_at_its_zero_point),
        cmocka_unit_test(resizing_keeps_plans),
        cmocka_unit_test(resizing_refuses_and_leaves_the_session),
        cmocka_unit_test(constants_are_folded_once),
        cmocka_unit_test(shapes_are_folded_for_each_plan),
        cmocka_unit_test(shapes_that_depend_on_data_are_planned_by_runs),
        cmocka_unit_test(hooks_profile_and_observers_see_the_run),
        cmocka_unit_test(signatures_choose_graph_and_order),
        cmocka_unit_test(all_that_cannot_run_is_named),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(two_sessions_run_in_two_threads),
        cmocka_unit_test(two_threads_make_sessions_of_one_model),
        cmocka_unit_test(weights_are_packed_once_for_a_model),
        cmocka_unit_test(kernels_are_preferred_by_name),
        cmocka_unit_test(plans_and_runs_can_be_cancelled),
        cmocka_unit_test(summaries_count_weights_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
