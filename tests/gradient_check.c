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

enum { MAX_SEEN = 512, OPEN = 3 };

static const char *seen[MAX_SEEN];
static size_t n_seen;

size_t gradient_checked(const char *op)
{
    size_t n = 0;
    for (size_t i = 0; i < n_seen; i++) n += strcmp(seen[i], op) == 0;
    return n;
}

typedef struct check {
    const char *name; /* for messages */
    mw_ctx *ctx;
    mw_model *model;
    mwi_graph *graph;
    int32_t open;            /* what open dimensions are */
    size_t n_ops, n_outputs; /* before the loss and the gradients were added */
    int32_t *outputs, *wrt, *gradients;
    size_t n_wrt;
    double_value *given; /* one a tensor: the inputs, and the constants of wrt */
    mwi_arena arena;
} check;

static void *room(check *c, size_t n, size_t bytes)
{
    void *memory;

    assert_ok(c->ctx, mwi_arena_array(c->ctx, &c->arena, n, bytes, &memory));
    return memory;
}

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

static void choose_wrt(check *c, bool constants)
{
    const mwi_graph *const g = c->graph;
    size_t n;

    c->wrt = room(c, g->n_tensors, sizeof *c->wrt);
    for (size_t i = 0; i < g->n_inputs; i++) {
        const mwi_tensor *const t = g->tensors[g->inputs[i]];
        if (t->dtype == MW_FLOAT32 && t->name[0] != '_') c->wrt[c->n_wrt++] = g->inputs[i];
    }
    for (size_t i = 0; i < g->n_tensors && constants; i++) {
        const mwi_tensor *const t = g->tensors[i];
        if (t->data != NULL && t->dtype == MW_FLOAT32 && mwi_dims_count(t->rank, t->dims, &n) &&
            n > 1)
            c->wrt[c->n_wrt++] = (int32_t)i;
    }
}

/* The graph gets the loss, its gradients, and these as outputs behind its own. */
static void differentiate(check *c, bool constants)
{
    mwi_graph *const g = c->graph;
    int32_t loss = -1;

    c->n_ops = g->n_ops;
    c->n_outputs = g->n_outputs;
    choose_wrt(c, constants);
    c->outputs = room(c, c->n_outputs + c->n_wrt, sizeof *c->outputs);
    c->gradients = room(c, c->n_wrt, sizeof *c->gradients);
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

static void fill_input(check *c, int32_t tensor, mwi_rng *rng)
{
    const mwi_tensor *const t = c->graph->tensors[tensor];
    double_value *const v = &c->given[tensor];
    const char kind = t->name[t->name[0] == '_'];
    const double low = kind == 'p' ? 0.5 : kind == 'w' ? -9 : -1;
    const double high = kind == 'p' ? 2 : kind == 'w' ? 9 : 1;

    v->rank = t->rank;
    for (int32_t k = 0; k < t->rank; k++) v->dims[k] = t->signature[k] < 0 ? c->open : t->dims[k];
    double_alloc(c->ctx, &c->arena, v);
    for (size_t k = 0; k < v->n; k++) {
        const double x = low + (high - low) * mwi_rng_uniform(rng);
        v->v[k] = t->dtype == MW_FLOAT32 ? (double)(float)x : (double)(k % 2);
    }
}

static void fill(check *c)
{
    mwi_rng rng = {1};

    c->given = room(c, c->graph->n_tensors, sizeof *c->given);
    for (size_t i = 0; i < c->graph->n_inputs; i++) fill_input(c, c->graph->inputs[i], &rng);
    for (size_t i = 0; i < c->n_wrt; i++) {
        const mwi_tensor *const t = c->graph->tensors[c->wrt[i]];
        double_value *const v = &c->given[c->wrt[i]];
        if (t->data == NULL) continue;
        v->rank = t->rank;
        memcpy(v->dims, t->dims, sizeof v->dims);
        double_alloc(c->ctx, &c->arena, v);
        for (size_t k = 0; k < v->n; k++) v->v[k] = (double)((const float *)t->data)[k];
    }
}

/* All tensors for what is given now. */
static double_value *values_of(const check *c, mwi_arena *arena)
{
    void *memory;

    assert_ok(c->ctx, mwi_arena_copy(c->ctx, arena, c->given,
                                     c->graph->n_tensors * sizeof *c->given, &memory));
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

static mw_status resize(const check *c, mw_session *s)
{
    mw_shape shapes[32];

    assert_true(c->graph->n_inputs <= MWI_COUNT(shapes));
    for (size_t i = 0; i < c->graph->n_inputs; i++) {
        const mwi_tensor *const t = c->graph->tensors[c->graph->inputs[i]];
        shapes[i].rank = t->rank;
        for (int32_t k = 0; k < t->rank; k++)
            shapes[i].dims[k] = t->signature[k] < 0 ? c->open : t->dims[k];
    }
    return mw_session_resize(c->ctx, s, shapes);
}

static void put(const double_value *v, mw_dtype dtype, void *data)
{
    for (size_t k = 0; k < v->n; k++) {
        if (dtype == MW_FLOAT32)
            ((float *)data)[k] = (float)v->v[k];
        else if (dtype == MW_INT64)
            ((int64_t *)data)[k] = (int64_t)v->v[k];
        else if (dtype == MW_INT32)
            ((int32_t *)data)[k] = (int32_t)v->v[k];
        else
            ((uint8_t *)data)[k] = (uint8_t)v->v[k];
    }
}

static mw_session *run(const check *c, const char *kernels, uint32_t n_threads)
{
    const mw_session_options o = {.kernels = kernels, .n_threads = n_threads};
    mw_session *s;
    mw_buffer b;

    assert_ok(c->ctx, mw_session_create(c->ctx, c->model, &o, &s));
    assert_ok(c->ctx, resize(c, s));
    for (size_t i = 0; i < c->graph->n_inputs; i++) {
        const double_value *const v = &c->given[c->graph->inputs[i]];
        assert_ok(c->ctx, mw_session_input(c->ctx, s, i, &b));
        assert_int_equal(b.bytes, v->n * mw_dtype_bits(b.info.dtype) / 8);
        put(v, b.info.dtype, b.data);
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
        print_error("%s\n%s, element %zu of %zu: %.9g, expected %.9g\n", c->name, what, i, n,
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
        print_error("%s\noutput %zu depends on the number of threads\n", c->name, i);
        fail();
    }
}

static void check_forward(const check *c, mw_session *s, double tolerance)
{
    mwi_arena arena;
    mw_buffer b;

    mwi_arena_init(c->ctx, &arena);
    const double_value *const values = values_of(c, &arena);
    for (size_t i = 0; i < c->n_outputs; i++) {
        const double_value *const v = &values[c->outputs[i]];
        assert_ok(c->ctx, mw_session_output(c->ctx, s, i, &b));
        if (b.info.dtype != MW_FLOAT32) continue;
        assert_int_equal(b.bytes, v->n * sizeof(float));
        agree(c, "forward", b.data, v->v, v->n, tolerance);
    }
    mwi_arena_deinit(&arena);
}

/* The engine's gradient by wrt[i]; NULL: it has none, which is zero. */
static const float *gradient_of(const check *c, mw_session *s, size_t i)
{
    size_t at = c->n_outputs;
    mw_buffer b;

    if (c->gradients[i] < 0) return NULL;
    for (size_t k = 0; k < i; k++) at += c->gradients[k] >= 0;
    assert_ok(c->ctx, mw_session_output(c->ctx, s, at, &b));
    assert_int_equal(b.bytes, c->given[c->wrt[i]].n * sizeof(float));
    return b.data;
}

/* ---- element by element ---- */

/* want: gradients by finite differences, one array for each of wrt. */
static void check_elements(const check *c, const char *kernels, double *const *want)
{
    mw_session *const one = run(c, kernels, 1), *const three = run(c, kernels, 3);

    same_bits(c, one, three);
    check_forward(c, one, 1e-5);
    for (size_t i = 0; i < c->n_wrt; i++) {
        const float *const g = gradient_of(c, one, i);
        const size_t n = c->given[c->wrt[i]].n;
        for (size_t k = 0; k < n && g == NULL; k++) assert_true(want[i][k] == 0);
        if (g != NULL) agree(c, c->graph->tensors[c->wrt[i]]->name, g, want[i], n, 1e-4);
    }
    mw_session_destroy(one);
    mw_session_destroy(three);
}

static double *finite_differences(check *c, int32_t tensor)
{
    const double h = 1e-5;
    const double_value *const v = &c->given[tensor];
    double *const d = room(c, v->n, sizeof *d);

    for (size_t i = 0; i < v->n; i++) {
        const double x = v->v[i];
        v->v[i] = x + h;
        const double up = loss_of(c);
        v->v[i] = x - h;
        d[i] = (up - loss_of(c)) / (2 * h);
        v->v[i] = x;
    }
    return d;
}

void gradient_check(const char *text)
{
    check c = {.name = text, .ctx = test_ctx(), .open = OPEN};

    c.model = graph_from_text(c.ctx, text, 1);
    c.graph = c.model->graphs[0];
    mwi_arena_init(c.ctx, &c.arena);
    differentiate(&c, false);
    fill(&c);
    double **const want = room(&c, c.n_wrt, sizeof *want);
    for (size_t i = 0; i < c.n_wrt; i++) want[i] = finite_differences(&c, c.wrt[i]);
    check_elements(&c, NULL, want);
    check_elements(&c, "*__ref", want);
    mwi_arena_deinit(&c.arena);
    mw_model_destroy(c.model);
    mw_ctx_destroy(c.ctx);
}

/* ---- along random directions ---- */

/* A random direction for tensor i of wrt along which the loss changes by about 1; returns by how
 * much the engine says. *largest grows to the largest element. */
static double draw(const check *c, mw_session *s, size_t i, mwi_rng *rng, double *d,
                   double *largest)
{
    const float *const g = gradient_of(c, s, i);
    const size_t n = c->given[c->wrt[i]].n;
    double norm = 1e-2, sum = 0;

    for (size_t k = 0; k < n && g != NULL; k++) sum += (double)g[k] * (double)g[k];
    norm = fmax(norm, sqrt(sum));
    sum = 0;
    for (size_t k = 0; k < n; k++) {
        d[k] = (mwi_rng_uniform(rng) - 0.5) * sqrt(12) / norm;
        *largest = fmax(*largest, fabs(d[k]));
        sum += g == NULL ? 0 : (double)g[k] * d[k];
    }
    return sum;
}

static void shift(const check *c, double *const *d, double by)
{
    for (size_t i = 0; i < c->n_wrt; i++)
        for (size_t k = 0; k < c->given[c->wrt[i]].n; k++) c->given[c->wrt[i]].v[k] += by * d[i][k];
}

static void check_direction(check *c, mw_session *s, mwi_rng *rng)
{
    double **const d = room(c, c->n_wrt, sizeof *d);
    double got = 0, largest = 0;

    for (size_t i = 0; i < c->n_wrt; i++) {
        d[i] = room(c, c->given[c->wrt[i]].n, sizeof **d);
        got += draw(c, s, i, rng, d[i], &largest);
    }
    const double h = 1e-6 / largest;
    shift(c, d, h);
    const double up = loss_of(c);
    shift(c, d, -2 * h);
    const double want = (up - loss_of(c)) / (2 * h);
    shift(c, d, h);
    if (fabs(got - want) <= 2e-3 * sqrt((double)c->n_wrt)) return;
    print_error("%s: the loss changes by %.6g, the gradients say %.6g\n", c->name, want, got);
    fail();
}

/* Whether the model as it is takes open dimensions of `open`. */
static bool takes(check *c, const mw_model *model)
{
    mw_session *s;

    assert_ok(c->ctx, mw_session_create(c->ctx, model, NULL, &s));
    const mw_status st = resize(c, s);
    mw_session_destroy(s);
    return st == MW_OK;
}

void gradient_check_model(mw_ctx *ctx, const mw_model *model, const char *name, int n_directions)
{
    check c = {.name = name, .ctx = ctx, .open = OPEN};
    mwi_rng rng = {2};

    assert_ok(ctx, mwi_model_clone(ctx, model, &c.model));
    c.graph = c.model->graphs[0];
    mwi_arena_init(ctx, &c.arena);
    if (!takes(&c, model)) c.open = 1;
    differentiate(&c, true);
    fill(&c);
    mw_session *const one = run(&c, NULL, 1), *const three = run(&c, NULL, 3);
    same_bits(&c, one, three);
    check_forward(&c, one, 1e-4);
    for (int i = 0; i < n_directions; i++) check_direction(&c, one, &rng);
    mw_session_destroy(one);
    mw_session_destroy(three);
    mwi_arena_deinit(&c.arena);
    mw_model_destroy(c.model);
}
