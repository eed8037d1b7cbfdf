/* model/calls_test.c - subgraphs that call each other: which may, which may not.
 * Depends: model/.   SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "model/op_desc.h"

#include <string.h>

typedef struct attr {
    int32_t body, cond;
} attr;

static const mwi_field fields[] = {
    {"cond_subgraph_index", offsetof(attr, cond), MWI_FIELD_I32, 0, 0, 1, 0, NULL},
    {"body_subgraph_index", offsetof(attr, body), MWI_FIELD_I32, 1, 0, 1, 0, NULL},
    MWI_FIELDS_END,
};
static const mwi_op_desc caller = {
    .name = "CALLER", .tflite_code = 1, .attr_size = sizeof(attr), .fields = fields};

typedef struct call {
    size_t from;
    int32_t cond, body;
} call;

static mw_status check(mw_ctx *ctx, size_t n_graphs, const call *calls, size_t n_calls)
{
    mw_model *m;
    mwi_graph *g;
    mwi_op *op;

    assert_ok(ctx, mwi_model_create(ctx, "m", &m));
    for (size_t i = 0; i < n_graphs; i++) assert_ok(ctx, mwi_model_add_graph(ctx, m, "", &g));
    for (size_t i = 0; i < n_calls; i++) {
        assert_ok(ctx, mwi_graph_add_op(ctx, m, m->graphs[calls[i].from], 0, &caller, 0, 0, &op));
        ((attr *)op->attr)->cond = calls[i].cond;
        ((attr *)op->attr)->body = calls[i].body;
    }
    const mw_status st = mwi_model_verify(ctx, m);
    mw_model_destroy(m);
    return st;
}

static void test_calls(void **state)
{
    static const struct {
        call calls[3];
        size_t n;
        const char *message; /* NULL: fine */
    } rows[] = {
        {{{0, 1, 2}}, 1, NULL},
        {{{0, 1, 2}, {1, 2, 3}, {2, 3, 3}}, 3, NULL}, /* called twice, not in a circle */
        {{{0, 1, 4}},
         1,
         "m: subgraph 0: op 0 CALLER: body_subgraph_index is 4, there are 4 subgraphs"},
        {{{0, -1, 1}}, 1, "cond_subgraph_index is -1"},
        {{{0, 0, 1}}, 1, "never end"},
        {{{0, 1, 1}, {1, 2, 2}, {2, 0, 3}}, 3, "never end"},
        {{{2, 3, 3}, {3, 2, 2}}, 2, "never end"}, /* not reached from the main graph */
    };
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (size_t i = 0; i < MWI_COUNT(rows); i++) {
        const mw_status st = check(ctx, 4, rows[i].calls, rows[i].n);
        if (rows[i].message == NULL) {
            assert_ok(ctx, st);
            continue;
        }
        assert_int_equal(st, MW_EFORMAT);
        if (strstr(mw_ctx_error(ctx), rows[i].message) == NULL)
            fail_msg("row %zu: wanted \"%s\", got \"%s\"", i, rows[i].message, mw_ctx_error(ctx));
        mw_ctx_clear(ctx);
    }
    mw_ctx_destroy(ctx);
}

/* A chain of n subgraphs, numbered in the order of the calls or against it. */
static mw_status check_chain(mw_ctx *ctx, int32_t n, bool backward)
{
    call calls[100];

    for (int32_t i = 0; i + 1 < n; i++) {
        const int32_t to = backward ? i : i + 1;
        calls[i] = (call){(size_t)(backward ? i + 1 : i), to, to};
    }
    return check(ctx, (size_t)n, calls, (size_t)n - 1);
}

static void test_depth(void **state)
{
    mw_ctx *const ctx = test_ctx();

    (void)state;
    for (int backward = 0; backward < 2; backward++) {
        assert_ok(ctx, check_chain(ctx, 64, backward != 0));
        assert_int_equal(check_chain(ctx, 65, backward != 0), MW_ELIMIT);
        mw_ctx_clear(ctx);
    }
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls), cmocka_unit_test(test_depth)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
