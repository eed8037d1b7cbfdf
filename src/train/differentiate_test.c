/* train/differentiate_test.c - what differentiation refuses, and how it says so. That gradients are
 * right is tests/gradient_test.c's.   SPDX-License-Identifier: Apache-2.0 */
#include "train/differentiate.h"

#include "graph_text.h"
#include "support.h"

#include <string.h>

static int32_t tensor(const mw_model *m, const char *name)
{
    for (size_t i = 0; i < m->graphs[0]->n_tensors; i++)
        if (strcmp(m->graphs[0]->tensors[i]->name, name) == 0) return (int32_t)i;
    fail();
    return -1;
}

/* Differentiates tensor y by x. */
static mw_status differentiate(mw_ctx *ctx, const char *text, int32_t *out)
{
    mw_model *const m = graph_from_text(ctx, text, 1);
    const int32_t x = tensor(m, "x");

    const mw_status st = mwi_differentiate(ctx, m, m->graphs[0], tensor(m, "y"), &x, 1, out);
    if (st == MW_OK) assert_ok(ctx, mwi_model_verify(ctx, m));
    mw_model_destroy(m);
    return st;
}

static void refuses(const char *text, mw_status status, const char *words)
{
    mw_ctx *const ctx = test_ctx();
    int32_t out;

    assert_int_equal(differentiate(ctx, text, &out), status);
    if (strstr(mw_ctx_error(ctx), words) == NULL) print_error("%s\n", mw_ctx_error(ctx));
    assert_non_null(strstr(mw_ctx_error(ctx), words));
    mw_ctx_destroy(ctx);
}

static void names_all_that_has_no_gradient(void **state)
{
    (void)state;
    refuses("x = input f32 [3]; a = FLOOR_DIV x x; b = ATAN2 a x; c = const i32 [1] = 0\n"
            "y = SUM b c; out y",
            MW_EUNSUPPORTED, "2 operators have no gradient: FLOOR_DIV 'a', ATAN2 'b'");
}

static void refuses_a_loss_that_is_no_scalar(void **state)
{
    (void)state;
    refuses("x = input f32 [3]; y = MUL x x; out y", MW_EINVAL, "'y' is not a float32 scalar");
}

static void refuses_second_outputs_of_losses(void **state)
{
    (void)state;
    refuses("x = input f32 [2,3]; t = const f32 [2,3]; l g = SQUARED_ERROR x t\n"
            "c = const i32 [2] = 0,1; y = SUM g c; out y",
            MW_EUNSUPPORTED, "gradient of SQUARED_ERROR 'l': no second derivatives");
}

/* What is not on the way needs no gradient; what the loss does not depend on has none. */
static void looks_only_at_what_lies_between(void **state)
{
    mw_ctx *const ctx = test_ctx();
    int32_t out;

    (void)state;
    assert_ok(ctx, differentiate(ctx,
                                 "x = input f32 [3]; z = input f32 [3]; d = FLOOR_DIV z z\n"
                                 "e = ATAN2 x x; a = MUL x d; c = const i32 [1] = 0; y = SUM a c\n"
                                 "out y e",
                                 &out));
    assert_true(out >= 0);
    assert_ok(ctx, differentiate(ctx,
                                 "x = input f32 [3]; z = input f32 [3]; a = MUL z z\n"
                                 "c = const i32 [1] = 0; y = SUM a c; out y x",
                                 &out));
    assert_int_equal(out, -1);
    mw_ctx_destroy(ctx);
}

static size_t count(const mwi_graph *g, const char *name, const mwi_op **last)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_ops; i++)
        if (strcmp(g->ops[i]->desc->name, name) == 0) {
            *last = g->ops[i];
            n++;
        }
    return n;
}

/* RELU before MAX_POOL_2D: the gradient is clamped where there is less of it. */
static void clamps_before_a_pool_spreads(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mw_model *const m = graph_from_text(
        ctx,
        "x = input f32 [1,4,4,3]; a = RELU x\n"
        "p = MAX_POOL_2D a filter_width=2 filter_height=2 stride_w=2 stride_h=2 padding=VALID\n"
        "c = const i32 [4] = 0,1,2,3; y = SUM p c; out y",
        1);
    mwi_graph *const g = m->graphs[0];
    const int32_t x = tensor(m, "x");
    const mwi_op *clamp = NULL, *spread = NULL;
    int32_t out;

    (void)state;
    assert_ok(ctx, mwi_differentiate(ctx, m, g, tensor(m, "y"), &x, 1, &out));
    assert_int_equal(count(g, "MAX_POOL_GRAD", &spread), 1);
    assert_int_equal(count(g, "RELU_GRAD", &clamp), 1);
    assert_int_equal(clamp->in[0], tensor(m, "p"));
    assert_int_equal(spread->in[2], clamp->out[0]);
    assert_int_equal(out, spread->out[0]);
    mw_model_destroy(m);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_all_that_has_no_gradient),
        cmocka_unit_test(refuses_a_loss_that_is_no_scalar),
        cmocka_unit_test(refuses_second_outputs_of_losses),
        cmocka_unit_test(looks_only_at_what_lies_between),
        cmocka_unit_test(clamps_before_a_pool_spreads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
