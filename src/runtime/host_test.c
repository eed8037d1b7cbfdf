/* runtime/host_test.c - control flow and variables: loops that keep and that change shapes, what
 * must be refused, what a reset does.
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph_text.h"
#include "support.h"

#include <milliwatt/milliwatt.h>
#include <stdlib.h>
#include <string.h>

typedef struct rig {
    mw_ctx *ctx;
    mw_model *model;
    mw_session *session;
    size_t n_allocations;
} rig;

static void *count_alloc(void *self, size_t bytes, size_t align)
{
    void *p = NULL;
    ((rig *)self)->n_allocations++;
    return posix_memalign(&p, align < sizeof p ? sizeof p : align, bytes) == 0 ? p : NULL;
}

static void count_free(void *self, void *p, size_t bytes)
{
    (void)self, (void)bytes;
    free(p);
}

/* The session is not made when `error` must come while planning. */
static void rig_open(rig *r, const char *text, const char *error)
{
    const mw_allocator allocator = {count_alloc, count_free, r};
    const mw_ctx_options options = {.allocator = &allocator, .limits = {.max_loop_iterations = 50}};

    memset(r, 0, sizeof *r);
    assert_int_equal(mw_ctx_create(&options, &r->ctx), MW_OK);
    r->model = graph_from_text(r->ctx, text, 1);
    const mw_status st = mw_session_create(r->ctx, r->model, NULL, &r->session);
    if (error == NULL) {
        assert_ok(r->ctx, st);
        return;
    }
    if (st == MW_OK || strstr(mw_ctx_error(r->ctx), error) == NULL)
        fail_msg("wanted \"%s\", got \"%s\"", error, mw_ctx_error(r->ctx));
}

static void rig_close(rig *r)
{
    mw_session_destroy(r->session);
    mw_model_destroy(r->model);
    mw_ctx_destroy(r->ctx);
}

static void feed_i32(rig *r, size_t i, int32_t value)
{
    mw_buffer b;
    assert_ok(r->ctx, mw_session_input(r->ctx, r->session, i, &b));
    assert_int_equal(b.bytes, sizeof value);
    memcpy(b.data, &value, sizeof value);
}

static const int32_t *result_i32(rig *r, size_t i, size_t n)
{
    mw_buffer b;
    assert_ok(r->ctx, mw_session_output(r->ctx, r->session, i, &b));
    assert_int_equal(b.bytes, n * sizeof(int32_t));
    return b.data;
}

static void run_fails(rig *r, const char *error)
{
    if (mw_session_run(r->ctx, r->session) == MW_OK || strstr(mw_ctx_error(r->ctx), error) == NULL)
        fail_msg("wanted \"%s\", got \"%s\"", error, mw_ctx_error(r->ctx));
    mw_ctx_clear(r->ctx);
}

#define COUNT_TO                                                                                   \
    "graph; i = input i32 [1]; x = input i32 [?]; n = const i32 [1] = 5;"                          \
    "c: bool = LESS i n; out c;"
#define NEXT                                                                                       \
    "graph; i = input i32 [1]; x = input i32 [?]; one = const i32 [1] = 1;"                        \
    "j = ADD i one;"

static void a_loop_that_keeps_shapes_allocates_nothing(void **state)
{
    rig r;

    (void)state;
    rig_open(&r,
             "i = input i32 [1]; x = input i32 [1];"
             "a b = WHILE i x cond_subgraph_index=1 body_subgraph_index=2; out a b;" COUNT_TO NEXT
             "y = ADD x x; out j y",
             NULL);
    const size_t before = r.n_allocations;
    for (int32_t start = 0; start < 8; start++) {
        feed_i32(&r, 0, start);
        feed_i32(&r, 1, 3);
        assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
        assert_int_equal(*result_i32(&r, 0, 1), start < 5 ? 5 : start);
        assert_int_equal(*result_i32(&r, 1, 1), start < 5 ? 3 << (5 - start) : 3);
    }
    assert_int_equal(r.n_allocations, before);
    feed_i32(&r, 0, -45);
    assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
    feed_i32(&r, 0, -46);
    run_fails(&r, "max_loop_iterations, 50");
    rig_close(&r);
}

static void a_loop_may_change_shapes(void **state)
{
    rig r;

    (void)state;
    rig_open(&r,
             "i = input i32 [1]; x = input i32 [1];"
             "a b = WHILE i x cond_subgraph_index=1 body_subgraph_index=2;"
             "z = ADD b a; out z a;" COUNT_TO NEXT "y = CONCATENATION x x axis=0; out j y",
             NULL);
    for (int32_t round = 0; round < 2; round++)
        for (int32_t start = 0; start < 8; start++) {
            const size_t n = start < 5 ? (size_t)1 << (5 - start) : 1, before = r.n_allocations;
            feed_i32(&r, 0, start);
            feed_i32(&r, 1, 3);
            assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
            assert_int_equal(result_i32(&r, 0, n)[n - 1], 3 + (start < 5 ? 5 : start));
            if (round > 0) assert_int_equal(r.n_allocations, before);
        }
    rig_close(&r);
}

static void branches_may_have_other_shapes(void **state)
{
    static const char text[] = "p = input bool [1]; x = input i32 [1];"
                               "y: i32 = IF p x then_subgraph_index=1 else_subgraph_index=2;"
                               "z = NEG y; out z;"
                               "graph; x = input i32 [1]; y = CONCATENATION x x axis=0; out y;"
                               "graph; x = input i32 [1]; out x";
    rig r;
    mw_buffer b;

    (void)state;
    rig_open(&r, text, NULL);
    for (int i = 0; i < 4; i++) {
        const size_t n = i % 2 == 0 ? 1 : 2;
        assert_ok(r.ctx, mw_session_input(r.ctx, r.session, 0, &b));
        *(uint8_t *)b.data = i % 2 != 0;
        feed_i32(&r, 1, 7);
        assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
        assert_int_equal(result_i32(&r, 0, n)[n - 1], -7);
    }
    rig_close(&r);
}

static void what_does_not_fit_is_refused(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"i = input i32 [1]; a: i32 = WHILE i cond_subgraph_index=1 body_subgraph_index=2;"
         "out a; graph; i = input i32 [1]; out i; graph; i = input i32 [1]; out i",
         "must give one bool"},
        {"i = input i32 [1]; a: i32 = WHILE i cond_subgraph_index=1 body_subgraph_index=2;"
         "out a; graph; i = input i32 [1]; c: bool = LESS i i; out c c; graph;"
         "i = input i32 [1]; out i",
         "must give one bool"},
        {"i = input i32 [2]; a: i32 = WHILE i cond_subgraph_index=1 body_subgraph_index=2;"
         "out a; graph; i = input i32 [1]; c: bool = LESS i i; out c; graph;"
         "i = input i32 [1]; out i",
         "must give one bool"},
        {"i = input i32 [1]; a: i32 = WHILE i cond_subgraph_index=1 body_subgraph_index=2;"
         "out a; graph; i = input i32 [1]; c: bool = LESS i i; out c; graph;"
         "i = input i32 [1]; out i i",
         "2 outputs for 1 values"},
        {"i = input i32 [1]; a: i32 = WHILE i cond_subgraph_index=1 body_subgraph_index=2;"
         "out a; graph; i = input i32 [1]; c: bool = LESS i i; out c; graph;"
         "i = input i32 [1]; c: bool = LESS i i; out c",
         "makes it bool"},
        {"i = input i32 [1]; a: i32 = WHILE i cond_subgraph_index=1 body_subgraph_index=2;"
         "out a; graph; i = input f32 [1]; c: bool = LESS i i; out c; graph;"
         "i = input i32 [1]; out i",
         "is float32, given is int32"},
        {"i = input i32 [1]; a: i32 = WHILE i cond_subgraph_index=1 body_subgraph_index=2;"
         "out a; graph; i = input i32 [1]; j = input i32 [1]; c: bool = LESS i j; out c; graph;"
         "i = input i32 [1]; out i",
         "it has 2 inputs, given are 1"},
        {"p = input bool [1]; y: i32 = IF p p then_subgraph_index=1 else_subgraph_index=1; out y;"
         "graph; x = input bool [1]; out x",
         "the subgraph's is bool"},
        {"x = input f32 [3]; i = const i32 [1,1] = 0; u = input f32 [1];"
         "y: f32 [3] = STABLEHLO_SCATTER x i u inserted_window_dims=0 index_vector_dim=1 "
         "scatter_dims_to_operand_dims=0 update_computation_subgraph_index=1; out y; graph;"
         "a = input f32 []; b = input f32 []; c = SUB a b; out c",
         "the first SUB; allowed"},
        {"= CALL_ONCE init_subgraph_index=1; x = input i32 [1]; out x;"
         "graph; x = input i32 [1]; out x",
         "it has 1 inputs, given are 0"},
    };

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(rows); i++) {
        rig r;
        rig_open(&r, rows[i].text, rows[i].error);
        rig_close(&r);
    }
}

/* Results as LiteRT 2.3.0 gives them, but for CASE, which it has no kernel for. */
static void subgraphs_tell_what_to_do(void **state)
{
    static const struct {
        const char *text;
        float wanted[12];
        size_t n;
    } rows[] = {
        {"x = input f32 [3,3]; i = const i32 [2,1] = 0,2; u = input f32 [2,3];"
         "y: f32 [3,3] = STABLEHLO_SCATTER x i u update_window_dims=1 inserted_window_dims=0 "
         "scatter_dims_to_operand_dims=0 index_vector_dim=1 update_computation_subgraph_index=1;"
         "out y; graph; a = input f32 []; b = input f32 []; c = STABLEHLO_ADD a b; out c",
         {2, 4, 6, 4, 5, 6, 11, 13, 15},
         9},
        {"x = input f32 [3,3]; i = const i32 [3,2] = 0,2,1,1,-1,5; u = input f32 [3];"
         "y: f32 [3,3] = STABLEHLO_SCATTER x i u inserted_window_dims=0,1 index_vector_dim=1 "
         "scatter_dims_to_operand_dims=0,1 update_computation_subgraph_index=1; out y; graph;"
         "a = input f32 []; b = input f32 []; out b",
         {1, 2, 1, 4, 2, 6, 7, 8, 9},
         9},
        {"x = input f32 [3,4]; i = const f32 [] = 0; y: f32 [2,4] = STABLEHLO_REDUCE_WINDOW x i "
         "window_dimensions=2,2 window_strides=1,2 base_dilations=1,2 window_dilations=2,1 "
         "padding=1,0,-1,2 body_subgraph_index=1; out y; graph; a = input f32 [];"
         "b = input f32 []; c = STABLEHLO_ADD a b; out c",
         {6, 7, 8, 0, 12, 14, 16, 0},
         8},
        {"x = input f32 [2]; y: f32 [2] = STABLEHLO_COMPOSITE x name=negate "
         "decomposition_subgraph_index=1; out y; graph; a = input f32 [2]; c = NEG a; out c",
         {-1, -2},
         2},
        {"x = input f32 [2]; p = const i32 [] = 9; y: f32 [2] = STABLEHLO_CASE p x "
         "branch_subgraph_indices=1,2; out y; graph; a = input f32 [2]; c = NEG a; out c;"
         "graph; a = input f32 [2]; c = MUL a a; out c",
         {1, 4},
         2},
        {"x = input f32 [2]; y: f32 [2] = CALL x subgraph_index=1; out y; graph;"
         "a = input f32 [2]; c = NEG a; out c",
         {-1, -2},
         2},
    };

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(rows); i++) {
        mw_buffer b;
        rig r;
        rig_open(&r, rows[i].text, NULL);
        for (size_t k = 0; k < mw_session_n_inputs(r.session); k++) {
            assert_ok(r.ctx, mw_session_input(r.ctx, r.session, k, &b));
            for (size_t j = 0; j < b.bytes / sizeof(float); j++)
                ((float *)b.data)[j] = (float)(j + 1);
        }
        assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
        assert_ok(r.ctx, mw_session_output(r.ctx, r.session, 0, &b));
        assert_int_equal(b.bytes, rows[i].n * sizeof(float));
        assert_memory_equal(b.data, rows[i].wanted, b.bytes);
        rig_close(&r);
    }
}

static void random_numbers_go_on_until_a_reset(void **state)
{
    float first[4], second[4];
    mw_buffer b;
    rig r;

    (void)state;
    rig_open(&r, "n = const i32 [1] = 4; y: f32 [4] = RANDOM_UNIFORM n seed=1 seed2=2; out y",
             NULL);
    assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
    assert_ok(r.ctx, mw_session_output(r.ctx, r.session, 0, &b));
    memcpy(first, b.data, sizeof first);
    assert_float_equal(first[0], 0.406396747f, 1e-9f); /* LiteRT's */
    assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
    memcpy(second, b.data, sizeof second);
    assert_memory_not_equal(first, second, sizeof first);
    assert_ok(r.ctx, mw_session_reset(r.ctx, r.session));
    assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
    assert_memory_equal(first, b.data, sizeof first);
    rig_close(&r);
}

static void variables_live_until_a_reset(void **state)
{
    rig r;

    (void)state;
    rig_open(&r,
             "= CALL_ONCE init_subgraph_index=1; x = input i32 [1];"
             "h: res = VAR_HANDLE shared_name=v; v: i32 [1] = READ_VARIABLE h; s = ADD v x;"
             "= ASSIGN_VARIABLE h s; t: i32 = READ_VARIABLE h; out s t;"
             "graph; h: res = VAR_HANDLE shared_name=v; c = const i32 [1] = 10;"
             "= ASSIGN_VARIABLE h c",
             NULL);
    for (int32_t i = 0; i < 6; i++) {
        if (i == 3) assert_ok(r.ctx, mw_session_reset(r.ctx, r.session));
        feed_i32(&r, 0, 2);
        assert_ok(r.ctx, mw_session_run(r.ctx, r.session));
        assert_int_equal(*result_i32(&r, 0, 1), 12 + 2 * (i % 3));
        assert_int_equal(*result_i32(&r, 1, 1), 12 + 2 * (i % 3));
    }
    rig_close(&r);
}

static void variables_are_checked_at_run(void **state)
{
    static const struct {
        const char *text, *error;
        int32_t fed;
    } rows[] = {
        {"x = input i32 [1]; h: res = VAR_HANDLE shared_name=v; v: i32 [1] = READ_VARIABLE h;"
         "out v",
         "'v' has no value yet", 0},
        {"x = input i32 [1]; v: i32 [1] = READ_VARIABLE x; out v", "resource 7 of 0", 7},
        {"x = input i32 [1]; = ASSIGN_VARIABLE x x; out x", "resource -1 of 0", -1},
        {"x = input i32 [1]; h: res = VAR_HANDLE shared_name=v; = ASSIGN_VARIABLE h x;"
         "v: f32 [1] = READ_VARIABLE h; out v",
         "is 4 bytes of int32", 0},
        {"x = input i32 [1]; h: res = VAR_HANDLE shared_name=v; = ASSIGN_VARIABLE h x;"
         "v: i32 [3] = READ_VARIABLE h; out v",
         "planned are 12", 0},
        {"x = input i32 [1]; h: res = VAR_HANDLE shared_name=v; = ASSIGN_VARIABLE h x;"
         "v: f32 = READ_VARIABLE h; out v",
         "is float32", 0},
    };

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(rows); i++) {
        rig r;
        rig_open(&r, rows[i].text, NULL);
        feed_i32(&r, 0, rows[i].fed);
        run_fails(&r, rows[i].error);
        rig_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_that_keeps_shapes_allocates_nothing),
        cmocka_unit_test(a_loop_may_change_shapes),
        cmocka_unit_test(branches_may_have_other_shapes),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(subgraphs_tell_what_to_do),
        cmocka_unit_test(random_numbers_go_on_until_a_reset),
        cmocka_unit_test(variables_live_until_a_reset),
        cmocka_unit_test(variables_are_checked_at_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
