/* tests/gradient_check.c - see gradient_check.h.   SPDX-License-Identifier: Apache-2.0 */
#include "gradient_check.h"

#include "base/rng.h"
#include "double_ops.h"
#include "graph_text.h"
#include "ops/gradient.h"
#include "support.h"
#include "train/differentiate.h"

#include <milliwatt/session.h>

#include <math.h>
#include <string.h>

enum { MAX_VALUES = 32, MAX_SEEN = 512, OPEN = 3 };

static const char *seen[MAX_SEEN];
static size_t n_seen;

size_t gradient_checked(const char *op)
{
    size_t n = 0;
    for (size_t i = 0; i < n_seen; i++) n += strcmp(seen[i], op) == 0;
    return n;
}

typedef struct check {
    const char *text;
    mw_ctx *ctx;
    mw_model *model;
    mwi_graph *graph;
    size_t n_ops, n_outputs; /* before the loss and the gradients were added */
    int32_t outputs[2 * MAX_VALUES];
    int32_t wrt[MAX_VALUES], gradients[MAX_VALUES];
    size_t n_wrt;
    double_value *inputs; /* one a tensor */
    mwi_arena arena;
} check;

/* ---- the graph ---- */

static int32_t emitted(const check *c, const mwi_op_desc *desc, int32_t a, int32_t b)
{
    const mwi_emitter at = {.model = c->model, .graph = c->graph};
    int32_t t = -1;

    assert_ok(c->ctx,
              b < 0 ? mwi_emit1(c->ctx, &at, desc, a, &t) : mwi_emit2(c->ctx, &at, desc, a, b, &t));
    return t;
}

/* The sum of sin(y) + y / 2 over one output. */
static int32_t term_of(const check *c, int32_t y)
{
    static const int32_t all[] = {0, 1, 2, 3, 4, 5, 6, 7};
    const mwi_emitter at = {.model = c->model, .graph = c->graph};
    const size_t rank = (size_t)c->graph->tensors[y]->rank;
    int32_t half, axes;

    assert_ok(c->ctx, mwi_emit_scaled(c->ctx, &at, y, 0.5, &half));
    const int32_t sum = emitted(c, &mwi_op_add, emitted(c, &mwi_op_sin, y, -1), half);
    if (rank == 0) return sum;
    assert_ok(c->ctx, mwi_emit_ints(c->ctx, &at, all, rank, &axes));
    return emitted(c, &mwi_op_sum, sum, axes);
}

static void differentiate(check *c)
{
    int32_t loss = -1;
    mwi_graph *const g = c->graph;

    c->n_ops = g->n_ops;
    c->n_outputs = g->n_outputs;
    for (size_t i = 0; i < g->n_inputs; i++)
        if (g->tensors[g->inputs[i]]->name[0] != '_') c->wrt[c->n_wrt++] = g->inputs[i];
    memcpy(c->outputs, g->outputs, g->n_outputs * sizeof *c->outputs);
    for (size_t i = 0; i < c->n_outputs; i++) {
        if (g->tensors[g->outputs[i]]->dtype != MW_FLOAT32) continue;
        const int32_t term = term_of(c, g->outputs[i]);
        loss = loss < 0 ? term : emitted(c, &mwi_op_add, loss, term);
    }
    assert_ok(c->ctx, mwi_differentiate(c->ctx, c->model, g, loss, c->wrt, c->n_wrt, c->gradients));
    size_t n = c->n_outputs;
    for (size_t i = 0; i < c->n_wrt; i++)
        if (c->gradients[i] >= 0) c->outputs[n++] = c->gradients[i];
    assert_ok(c->ctx, mwi_graph_set_io(c->ctx, c->model, g, g->inputs, g->n_inputs, c->outputs, n));
    assert_ok(c->ctx, mwi_model_verify(c->ctx, c->model));
    for (size_t i = 0; i < c->n_ops && n_seen < MAX_SEEN; i++)
        if (gradient_checked(g->ops[i]->desc->name) == 0) seen[n_seen++] = g->ops[i]->desc->name;
}

/* ---- values ---- */

static void fill(check *c)
{
    mwi_rng rng = {1};
    void *memory;

    assert_ok(c->ctx,
              mwi_arena_array(c->ctx, &c->arena, c->graph->n_tensors, sizeof *c->inputs, &memory));
    c->inputs = memory;
    for (size_t i = 0; i < c->graph->n_inputs; i++) {
        const mwi_tensor *const t = c->graph->tensors[c->graph->inputs[i]];
        double_value *const v = &c->inputs[c->graph->inputs[i]];
        const char kind = t->name[t->name[0] == '_'];
        const double low = kind == 'p' ? 0.5 : kind == 'w' ? -9 : -1;
        const double high = kind == 'p' ? 2 : kind == 'w' ? 9 : 1;
        v->rank = t->rank;
        for (int32_t k = 0; k < t->rank; k++) v->dims[k] = t->signature[k] < 0 ? OPEN : t->dims[k];
        double_alloc(c->ctx, &c->arena, v);
        for (size_t k = 0; k < v->n; k++) /* as a float holds it */
            v->v[k] = (double)(float)(low + (high - low) * mwi_rng_uniform(&rng));
    }
}

/* All tensors for the inputs as they are now. */
static double_value *values_of(const check *c, mwi_arena *arena)
{
    void *memory;

    assert_ok(c->ctx, mwi_arena_copy(c->ctx, arena, c->inputs,
                                     c->graph->n_tensors * sizeof *c->inputs, &memory));
    double_run(c->ctx, c->graph, c->n_ops, memory, arena);
    return memory;
}

static double loss_of(const check *c)
{
    mwi_arena arena;
    double loss = 0;

    mwi_arena_init(c->ctx, &arena);
    const double_value *const values = values_of(c, &arena);
    for (size_t i = 0; i < c->n_outputs; i++) {
        const double_value *const y = &values[c->outputs[i]];
        if (c->graph->tensors[c->outputs[i]]->dtype != MW_FLOAT32) continue;
        for (size_t k = 0; k < y->n; k++) loss += sin(y->v[k]) + y->v[k] / 2;
    }
    mwi_arena_deinit(&arena);
    return loss;
}

/* ---- the engine ---- */

static mw_session *run(const check *c, const char *kernels, uint32_t n_threads)
{
    const mw_session_options o = {.kernels = kernels, .n_threads = n_threads};
    mw_shape shapes[MAX_VALUES];
    mw_buffer b;
    mw_session *s;

    assert_ok(c->ctx, mw_session_create(c->ctx, c->model, &o, &s));
    for (size_t i = 0; i < c->graph->n_inputs; i++) {
        const double_value *const v = &c->inputs[c->graph->inputs[i]];
        shapes[i].rank = v->rank;
        memcpy(shapes[i].dims, v->dims, sizeof shapes[i].dims);
    }
    assert_ok(c->ctx, mw_session_resize(c->ctx, s, shapes));
    for (size_t i = 0; i < c->graph->n_inputs; i++) {
        const double_value *const v = &c->inputs[c->graph->inputs[i]];
        assert_ok(c->ctx, mw_session_input(c->ctx, s, i, &b));
        assert_int_equal(b.bytes, v->n * sizeof(float));
        for (size_t k = 0; k < v->n; k++) ((float *)b.data)[k] = (float)v->v[k];
    }
    assert_ok(c->ctx, mw_session_run(c->ctx, s));
    return s;
}

static void agree(const check *c, const char *what, const float *got, const double *want, size_t n,
                  double tolerance)
{
    double largest = 1e-3;

    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(want[i]));
    for (size_t i = 0; i < n; i++) {
        if (fabs((double)got[i] - want[i]) <= tolerance * largest) continue;
        print_error("%s\n%s, element %zu of %zu: %.9g, expected %.9g\n", c->text, what, i, n,
                    (double)got[i], want[i]);
        fail();
    }
}

static void same_bits(const check *c, mw_session *a, mw_session *b)
{
    mw_buffer x, y;

    for (size_t i = 0; i < mw_session_n_outputs(a); i++) {
        assert_ok(c->ctx, mw_session_output(c->ctx, a, i, &x));
        assert_ok(c->ctx, mw_session_output(c->ctx, b, i, &y));
        if (x.bytes == y.bytes && memcmp(x.data, y.data, x.bytes) == 0) continue;
        print_error("%s\noutput %zu depends on the number of threads\n", c->text, i);
        fail();
    }
}

/* want: gradients by finite differences, one array for each of wrt. */
static void check_session(const check *c, const char *kernels, const double_value *values,
                          double *const *want)
{
    mw_session *const one = run(c, kernels, 1), *const three = run(c, kernels, 3);
    size_t at = c->n_outputs;
    mw_buffer b;

    same_bits(c, one, three);
    for (size_t i = 0; i < c->n_outputs; i++) {
        const double_value *const v = &values[c->outputs[i]];
        assert_ok(c->ctx, mw_session_output(c->ctx, one, i, &b));
        if (b.info.dtype != MW_FLOAT32) continue;
        assert_int_equal(b.bytes, v->n * sizeof(float));
        agree(c, "forward", b.data, v->v, v->n, 1e-5);
    }
    for (size_t i = 0; i < c->n_wrt; i++) {
        const double_value *const v = &c->inputs[c->wrt[i]];
        if (c->gradients[i] < 0) {
            for (size_t k = 0; k < v->n; k++) assert_true(want[i][k] == 0);
            continue;
        }
        assert_ok(c->ctx, mw_session_output(c->ctx, one, at++, &b));
        assert_int_equal(b.bytes, v->n * sizeof(float));
        agree(c, c->graph->tensors[c->wrt[i]]->name, b.data, want[i], v->n, 1e-4);
    }
    mw_session_destroy(one);
    mw_session_destroy(three);
}

static double *finite_differences(const check *c, int32_t tensor)
{
    const double h = 1e-5;
    double_value *const v = &c->inputs[tensor];
    double_value d = *v;

    double_alloc(c->ctx, (mwi_arena *)(uintptr_t)&c->arena, &d);
    for (size_t i = 0; i < v->n; i++) {
        const double x = v->v[i];
        v->v[i] = x + h;
        const double up = loss_of(c);
        v->v[i] = x - h;
        d.v[i] = (up - loss_of(c)) / (2 * h);
        v->v[i] = x;
    }
    return d.v;
}

void gradient_check(const char *text)
{
    check c = {.text = text, .ctx = test_ctx()};
    double *want[MAX_VALUES];
    mwi_arena scratch;

    c.model = graph_from_text(c.ctx, text, 1);
    c.graph = c.model->graphs[0];
    mwi_arena_init(c.ctx, &c.arena);
    mwi_arena_init(c.ctx, &scratch);
    differentiate(&c);
    fill(&c);
    for (size_t i = 0; i < c.n_wrt; i++) want[i] = finite_differences(&c, c.wrt[i]);
    const double_value *const values = values_of(&c, &scratch);
    check_session(&c, NULL, values, want);
    check_session(&c, "*__ref", values, want);
    mwi_arena_deinit(&scratch);
    mwi_arena_deinit(&c.arena);
    mw_model_destroy(c.model);
    mw_ctx_destroy(c.ctx);
}
