/* runtime/plan_test.c - planning memory: random graphs give what a run without reuse gives;
 * placement.
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph_builder.h"
#include "support.h"

#include "base/rng.h"
#include "runtime/plan_maker.h"
#include "runtime/session.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 128, GRAPHS = 200 };

/* ---- random graphs ---- */

typedef struct random_graph {
    builder b;
    mwi_rng rng;
    int32_t values[MAX_VALUES];
    size_t n;
} random_graph;

static uint64_t below(random_graph *r, uint64_t n) { return mwi_rng_below(&r->rng, n); }
static int32_t any_value(random_graph *r) { return r->values[below(r, r->n)]; }
static const mwi_tensor *tensor(const random_graph *r, int32_t i) { return r->b.graph->tensors[i]; }
static void keep(random_graph *r, int32_t t) { r->values[r->n++] = t; }

static bool same_shape(const mwi_tensor *a, const mwi_tensor *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

static void add_unary(random_graph *r)
{
    static const char *const names[] = {"RELU", "ABS", "NEG", "TANH", "SOFTMAX", "SQUARE"};
    const int32_t x = any_value(r);
    keep(r, builder_apply(&r->b, names[below(r, MWI_COUNT(names))], &x, 1));
}

static void add_binary(random_graph *r)
{
    static const char *const names[] = {"ADD", "SUB", "MUL", "MAXIMUM"};
    const int32_t x = any_value(r);
    int32_t y = any_value(r);

    for (int i = 0; i < 8 && !same_shape(tensor(r, x), tensor(r, y)); i++) y = any_value(r);
    if (!same_shape(tensor(r, x), tensor(r, y))) y = x;
    keep(r, builder_apply(&r->b, names[below(r, MWI_COUNT(names))], TENSORS(x, y)));
}

/* [1, n] <-> [1, n / 2, 2]. */
static void add_view(random_graph *r)
{
    const int32_t x = any_value(r);
    const mwi_tensor *const t = tensor(r, x);
    const int32_t flat[] = {1, t->rank == 3 ? t->dims[1] * 2 : t->dims[1]},
                  split[] = {1, flat[1] / 2, 2};
    const int32_t rank = t->rank == 3 ? 2 : 3;

    if (flat[1] % 2 != 0) return;
    const int32_t shape = builder_ints(&r->b, 1, &rank, rank == 3 ? split : flat);
    const int32_t out = builder_value(&r->b, rank, rank == 3 ? split : flat);
    (void)builder_op(&r->b, "RESHAPE", TENSORS(x, shape), &out, 1);
    keep(r, out);
}

static void add_concatenation(random_graph *r)
{
    const int32_t x = any_value(r), y = any_value(r);
    const mwi_tensor *const a = tensor(r, x), *const b = tensor(r, y);

    if (a->rank != 2 || b->rank != 2 || a->dims[1] + b->dims[1] > 96) return;
    const int32_t out = builder_value(&r->b, DIMS(1, a->dims[1] + b->dims[1]));
    mwi_op *const op = builder_op(&r->b, "CONCATENATION", TENSORS(x, y), &out, 1);
    mwi_op_set_i32(op, "axis", 1);
    keep(r, out);
}

static void add_split(random_graph *r)
{
    const int32_t x = any_value(r);
    const mwi_tensor *const t = tensor(r, x);

    if (t->rank != 2 || t->dims[1] % 2 != 0 || t->dims[1] < 4) return;
    const int32_t axis = builder_ints(&r->b, 0, NULL, (const int32_t[]){1});
    const int32_t a = builder_value(&r->b, DIMS(1, t->dims[1] / 2)),
                  b = builder_value(&r->b, DIMS(1, t->dims[1] / 2));
    mwi_op *const op = builder_op(&r->b, "SPLIT", TENSORS(axis, x), TENSORS(a, b));
    mwi_op_set_i32(op, "num_splits", 2);
    keep(r, a);
    if (below(r, 4) != 0) keep(r, b); /* else an output that nobody reads */
}

static mw_model *make_random(mw_ctx *ctx, uint64_t seed)
{
    random_graph r = {.b = builder_open(ctx), .rng = {seed}};
    const size_t n_in = 1 + below(&r, 3), n_ops = 5 + below(&r, 35);
    int32_t in[3], out[8];

    for (size_t i = 0; i < n_in; i++) {
        in[i] = builder_value(&r.b, DIMS(1, (int32_t)(4 << below(&r, 3))));
        keep(&r, in[i]);
    }
    for (size_t i = 0; i < n_ops && r.n < MAX_VALUES - 2; i++) {
        static void (*const adders[])(random_graph *) = {
            add_unary, add_unary, add_binary, add_binary, add_view, add_concatenation, add_split};
        adders[below(&r, MWI_COUNT(adders))](&r);
    }
    const size_t n_out = 1 + below(&r, MWI_COUNT(out) - 1);
    for (size_t i = 0; i < n_out; i++) out[i] = any_value(&r); /* inputs and repeated ones too */
    out[0] = r.values[r.n - 1];
    return builder_close(&r.b, in, n_in, out, n_out);
}

/* Runs a session and the naive way on the same inputs and compares all outputs to the bit. */
static void check_run(mw_ctx *ctx, const mw_model *m, mw_session *s, uint64_t seed)
{
    const mwi_graph *const g = m->graphs[0];
    mwi_rng rng = {seed};
    mwi_arena arena;
    void *memory;
    mw_buffer b;

    mwi_arena_init(ctx, &arena);
    assert_ok(ctx, mwi_arena_array(ctx, &arena, g->n_tensors, sizeof(void *), &memory));
    void **const values = memory;
    for (size_t i = 0; i < g->n_inputs; i++) {
        assert_ok(ctx, mw_session_input(ctx, s, i, &b));
        for (size_t k = 0; k < b.bytes / sizeof(float); k++)
            ((float *)b.data)[k] = (float)(4 * mwi_rng_uniform(&rng) - 2);
        assert_ok(ctx, mwi_arena_copy(ctx, &arena, b.data, b.bytes, &values[g->inputs[i]]));
    }
    run_naively(ctx, m, &arena, values);
    assert_ok(ctx, mw_session_run(ctx, s));
    for (size_t i = 0; i < g->n_outputs; i++) {
        assert_ok(ctx, mw_session_output(ctx, s, i, &b));
        const void *const want =
            values[g->outputs[i]] != NULL ? values[g->outputs[i]] : g->tensors[g->outputs[i]]->data;
        if (memcmp(b.data, want, b.bytes) != 0)
            fail_msg("seed %llu: output %zu differs", (unsigned long long)seed, i);
    }
    mwi_arena_deinit(&arena);
}

static mw_status ignore(void *self, mw_ctx *ctx, const mwi_graph *graph, const mwi_op *op,
                        const mwi_view *in, size_t n_in, const mwi_view *out, size_t n_out)
{
    (void)self, (void)ctx, (void)graph, (void)op, (void)in, (void)n_in, (void)out, (void)n_out;
    return MW_OK;
}

static void plans_of_random_graphs_keep_every_value(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        mw_ctx *const ctx = test_ctx();
        mw_model *const m = make_random(ctx, seed);
        mw_session *s;
        mw_session_memory use;
        size_t sum = 0;
        /* The naive way runs reference rows: so does the session. */
        assert_ok(ctx, mw_session_create(ctx, m, &(mw_session_options){.kernels = "*__ref"}, &s));
        check_run(ctx, m, s, seed);
        check_run(ctx, m, s, seed + GRAPHS);
        mwi_session_observe(s, ignore, NULL); /* steps in place of work */
        check_run(ctx, m, s, seed);
        mw_session_memory_use(s, &use);
        for (size_t i = 0; i < m->graphs[0]->n_tensors; i++) {
            size_t bytes = 0;
            assert_true(mwi_dims_bytes(MW_FLOAT32, m->graphs[0]->tensors[i]->rank,
                                       m->graphs[0]->tensors[i]->dims, &bytes));
            sum += (bytes + 63) / 64 * 64;
        }
        assert_true(use.arena_bytes <= sum);
        mw_session_destroy(s);
        mw_model_destroy(m);
        assert_int_equal(mw_ctx_memory_bytes(ctx), 0);
        mw_ctx_destroy(ctx);
    }
}

/* ---- placement ---- */

static void assert_apart(const mwi_span *spans, size_t n, size_t end)
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(spans[i].place % 64, 0);
        assert_true(spans[i].place + spans[i].bytes <= end);
        for (size_t k = 0; k < i; k++) {
            const mwi_span *const a = &spans[i], *const b = &spans[k];
            const bool together = a->first <= b->last && b->first <= a->last;
            assert_true(!together || a->place + a->bytes <= b->place ||
                        b->place + b->bytes <= a->place);
        }
    }
}

static void place(mwi_span *spans, size_t n, size_t *out_end)
{
    mw_ctx *const ctx = test_ctx();
    mwi_arena scratch;

    mwi_arena_init(ctx, &scratch);
    assert_ok(ctx, mwi_memory_place(ctx, &scratch, spans, n, out_end));
    mwi_arena_deinit(&scratch);
    mw_ctx_destroy(ctx);
}

static void placement_reuses_memory(void **state)
{
    /* A chain: each value lives with the next, so that two places suffice. */
    mwi_span chain[20];
    mwi_span nothing = {0};
    size_t end = 1;

    (void)state;
    for (int32_t i = 0; i < 20; i++)
        chain[i] = (mwi_span){.bytes = 1000, .first = i, .last = i + 1};
    place(chain, 20, &end);
    assert_int_equal(end, 2 * 1024);
    assert_apart(chain, 20, end);
    place(NULL, 0, &end);
    assert_int_equal(end, 0);
    place(&nothing, 1, &end);
    assert_int_equal(end, 0);
}

static void placement_never_overlaps(void **state)
{
    enum { MAX = 5000 };
    mwi_span *const spans = malloc(MAX * sizeof *spans);

    (void)state;
    assert_non_null(spans);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        mwi_rng rng = {seed};
        /* The last one is above what is placed by size. */
        const size_t n = seed == 40 ? MAX : 1 + mwi_rng_below(&rng, 300);
        size_t end = 0;
        for (size_t i = 0; i < n; i++) {
            const int32_t first = (int32_t)mwi_rng_below(&rng, n) - 1;
            const size_t bytes = mwi_rng_below(&rng, 10) == 0 ? 0 : mwi_rng_below(&rng, 5000);
            spans[i] = (mwi_span){
                .bytes = bytes, .first = first, .last = first + (int32_t)mwi_rng_below(&rng, 12)};
        }
        place(spans, n, &end);
        assert_apart(spans, n, end);
    }
    free(spans);
}

static void placement_refuses_what_no_memory_holds(void **state)
{
    mw_ctx *const ctx = test_ctx();
    mwi_span spans[] = {{.bytes = SIZE_MAX - 100, .first = 0, .last = 1},
                        {.bytes = 4096, .first = 0, .last = 1}};
    mwi_arena scratch;
    size_t end;

    (void)state;
    mwi_arena_init(ctx, &scratch);
    assert_int_equal(mwi_memory_place(ctx, &scratch, spans, 2, &end), MW_ELIMIT);
    mwi_arena_deinit(&scratch);
    mw_ctx_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_of_random_graphs_keep_every_value),
        cmocka_unit_test(placement_reuses_memory),
        cmocka_unit_test(placement_never_overlaps),
        cmocka_unit_test(placement_refuses_what_no_memory_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
