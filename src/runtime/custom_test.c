/* runtime/custom_test.c - operators of the program: shapes, options, scratch, shapes that depend on
 * data, messages, in place of the library's own; the example of docs/custom-operators.md.
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph_builder.h"
#include "support.h"

#include <milliwatt/milliwatt.h>
#include <string.h>

/* ---- the example: y = x * gain, gain a float in the options ---- */

static mw_status gain_plan(void *self, mw_ctx *ctx, mw_custom_call *call)
{
    (void)self;
    if (call->n_in != 1 || call->n_out != 1 || call->in[0].info.dtype != MW_FLOAT32)
        return mw_custom_fail(ctx, MW_EUNSUPPORTED, "Gain takes one float32 and makes one");
    if (call->n_options != sizeof(float))
        return mw_custom_fail(ctx, MW_EFORMAT, "Gain needs its gain, a float, as options");
    call->out[0].info.rank = call->in[0].info.rank;
    memcpy(call->out[0].info.dims, call->in[0].info.dims, sizeof call->in[0].info.dims);
    return MW_OK;
}

static mw_status gain_run(void *self, mw_ctx *ctx, const mw_custom_call *call)
{
    const float *const x = call->in[0].data;
    float *const y = call->out[0].data, gain;

    (void)ctx;
    memcpy(&gain, call->options, sizeof gain);
    for (size_t i = 0; i < call->out[0].bytes / sizeof *y; i++) y[i] = gain * x[i];
    if (self != NULL) ++*(int *)self;
    return MW_OK;
}

/* ---- keeps what is above 0, so that its length depends on data; uses scratch ---- */

static mw_status positive_plan(void *self, mw_ctx *ctx, mw_custom_call *call)
{
    const float *const x = call->in[0].data;

    (void)self, (void)ctx;
    call->scratch_bytes = call->in[0].bytes;
    call->unknown = x == NULL;
    call->out[0].info.rank = 1;
    call->out[0].info.dims[0] = 0;
    for (size_t i = 0; x != NULL && i < call->in[0].bytes / sizeof *x; i++)
        call->out[0].info.dims[0] += x[i] > 0;
    return MW_OK;
}

static mw_status positive_run(void *self, mw_ctx *ctx, const mw_custom_call *call)
{
    const float *const x = call->in[0].data;
    float *const kept = call->scratch;
    size_t n = 0;

    (void)self, (void)ctx;
    for (size_t i = 0; i < call->in[0].bytes / sizeof *x; i++)
        if (x[i] > 0) kept[n++] = x[i];
    memcpy(call->out[0].data, kept, n * sizeof *kept);
    return MW_OK;
}

static mw_status fails(void *self, mw_ctx *ctx, mw_custom_call *call)
{
    (void)self, (void)ctx, (void)call;
    return MW_EINVAL;
}

static mw_status wild_plan(void *self, mw_ctx *ctx, mw_custom_call *call)
{
    (void)ctx;
    call->out[0].info.rank = *(int *)self;
    for (int i = 0; i < MW_MAX_RANK; i++) call->out[0].info.dims[i] = -3;
    return MW_OK;
}

/* ---- a graph of one custom operator ---- */

static mw_model *make(mw_ctx *ctx, const char *code, const void *options, size_t n_options)
{
    builder b = builder_open(ctx);
    const int32_t x = builder_value(&b, DIMS(2, 2)), y = builder_value(&b, DIMS(2, 2)),
                  z = builder_value(&b, DIMS(2, 2));
    mwi_op *op;

    assert_ok(ctx, mwi_graph_add_op(ctx, b.model, b.graph, 0, &mwi_op_unknown, 1, 1, &op));
    op->custom_code = code;
    op->custom_options = options;
    op->n_custom_options = n_options;
    op->in[0] = x;
    op->out[0] = y;
    (void)builder_op(&b, "NEG", &y, 1, &z, 1);
    return builder_close(&b, &x, 1, &z, 1);
}

static mw_session *open(mw_ctx *ctx, const mw_model *m, const mw_custom_op *op)
{
    mw_session *s;
    assert_ok(ctx, mw_session_create(
                       ctx, m, &(mw_session_options){.custom_ops = op, .n_custom_ops = 1}, &s));
    return s;
}

static const float *run_on(mw_ctx *ctx, mw_session *s, const float *x, size_t n)
{
    mw_buffer b;
    assert_ok(ctx, mw_session_input(ctx, s, 0, &b));
    memcpy(b.data, x, b.bytes);
    assert_ok(ctx, mw_session_run(ctx, s));
    assert_ok(ctx, mw_session_output(ctx, s, 0, &b));
    assert_int_equal(b.bytes, n * sizeof(float));
    return b.data;
}

static void an_operator_of_the_program_runs(void **state)
{
    static const float gain = 3, x[] = {1, 2, 3, 4, 5, 6};
    int n_runs = 0;
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = make(ctx, "Gain", &gain, sizeof gain);
    const mw_custom_op op = {"Gain", &n_runs, gain_plan, gain_run};
    mw_session *const s = open(ctx, m, &op);
    const mw_shape larger = {2, {3, 2}};

    (void)state;
    assert_float_equal(run_on(ctx, s, x, 4)[3], -12, 0);
    assert_ok(ctx, mw_session_resize(ctx, s, &larger));
    assert_float_equal(run_on(ctx, s, x, 6)[5], -18, 0);
    assert_int_equal(n_runs, 2);
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void its_shapes_may_depend_on_data(void **state)
{
    static const float x[] = {1, -2, 3, 4}, y[] = {-1, -1, -1, 7};
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = make(ctx, "Positive", NULL, 0);
    const mw_custom_op op = {"Positive", NULL, positive_plan, positive_run};
    mw_session *const s = open(ctx, m, &op);

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_float_equal(run_on(ctx, s, x, 3)[2], -4, 0);
        assert_float_equal(run_on(ctx, s, y, 1)[0], -7, 0);
    }
    mw_session_destroy(s);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

static void mistakes_are_told(void **state)
{
    static int ranks[] = {1, -1, 9};
    const struct {
        mw_custom_op op;
        const char *error;
    } rows[] = {
        {{"Other", NULL, gain_plan, gain_run}, "unknown custom operator"},
        {{"Gain", NULL, gain_plan, gain_run}, "needs its gain"},
        {{"Gain", NULL, fails, gain_run}, "its plan failed"},
        {{"Gain", &ranks[0], wild_plan, gain_run}, "larger than any memory"},
        {{"Gain", &ranks[1], wild_plan, gain_run}, "rank -1"},
        {{"Gain", &ranks[2], wild_plan, gain_run}, "rank 9"},
        {{"Gain", NULL, NULL, gain_run}, "needs a name"},
    };
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = make(ctx, "Gain", NULL, 0);

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(rows); i++) {
        mw_session *s;
        assert_int_not_equal(
            mw_session_create(
                ctx, m, &(mw_session_options){.custom_ops = &rows[i].op, .n_custom_ops = 1}, &s),
            MW_OK);
        if (strstr(mw_ctx_error(ctx), rows[i].error) == NULL)
            fail_msg("wanted \"%s\", got \"%s\"", rows[i].error, mw_ctx_error(ctx));
        mw_ctx_clear(ctx);
    }
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operator_of_the_program_runs),
        cmocka_unit_test(its_shapes_may_depend_on_data),
        cmocka_unit_test(mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
