/* tests/double_ops.c - see double_ops.h.   SPDX-License-Identifier: Apache-2.0 */
#include "double_ops.h"

#include "passes/rewriter.h"
#include "support.h"

#include <math.h>
#include <string.h>

void double_alloc(mw_ctx *ctx, mwi_arena *arena, double_value *value)
{
    void *memory;

    assert_true(mwi_dims_count(value->rank, value->dims, &value->n));
    assert_int_equal(mwi_arena_array(ctx, arena, value->n + 1, sizeof(double), &memory), MW_OK);
    value->v = memory;
}

/* ---- one operator ---- */

static const double_op *find(const char *name)
{
    const double_op *const lists[] = {double_ops_pointwise, double_ops_layers, double_ops_moves,
                                      double_ops_training};

    for (size_t i = 0; i < MWI_COUNT(lists); i++)
        for (const double_op *d = lists[i]; d->name != NULL; d++)
            if (strcmp(d->name, name) == 0) return d;
    print_error("no double precision row for %s\n", name);
    fail();
    return NULL;
}

static void activate(const mwi_op *op, double_value *y)
{
    static const double low[] = {-HUGE_VAL, 0, -1, 0}, high[] = {HUGE_VAL, HUGE_VAL, 1, 6};
    const int32_t a = mwi_op_get_i32(op, "fused_activation_function", 0);

    assert_true(a < 4);
    for (size_t i = 0; i < y->n && a != 0; i++) y->v[i] = fmin(high[a], fmax(low[a], y->v[i]));
}

static double constant_at(const mwi_tensor *t, size_t i)
{
    switch (t->dtype) {
    case MW_FLOAT32: return (double)((const float *)t->data)[i];
    case MW_INT32: return ((const int32_t *)t->data)[i];
    case MW_INT64: return (double)((const int64_t *)t->data)[i];
    case MW_BOOL: return ((const bool *)t->data)[i];
    default: fail(); return 0;
    }
}

static void read_constant(mw_ctx *ctx, const mwi_tensor *t, double_value *v, mwi_arena *arena)
{
    v->rank = t->rank;
    memcpy(v->dims, t->dims, sizeof v->dims);
    double_alloc(ctx, arena, v);
    for (size_t i = 0; i < v->n; i++) v->v[i] = constant_at(t, i);
}

/* Shapes are the row's own: what is checked are values. */
static void infer(mw_ctx *ctx, const mwi_graph *graph, const mwi_op *op, const double_value *in,
                  double_value *out, mwi_arena *arena)
{
    mwi_shape_call call;

    assert_int_equal(mwi_op_views(ctx, graph, op, arena, &call), MW_OK);
    mwi_view *const views = (mwi_view *)(uintptr_t)call.in;
    for (size_t k = 0; k < op->n_in; k++) {
        if (op->in[k] < 0) continue;
        views[k].rank = in[k].rank;
        memcpy(views[k].dims, in[k].dims, sizeof in[k].dims);
    }
    assert_ok(ctx, mwi_op_infer(ctx, &call));
    for (size_t k = 0; k < op->n_out; k++) {
        out[k].rank = call.out[k].rank;
        memcpy(out[k].dims, call.out[k].dims, sizeof out[k].dims);
        double_alloc(ctx, arena, &out[k]);
    }
}

void double_run(mw_ctx *ctx, const mwi_graph *graph, size_t n_ops, double_value *values,
                mwi_arena *arena)
{
    double_value in[64], out[64];

    for (size_t i = 0; i < n_ops; i++) {
        const mwi_op *const op = graph->ops[i];
        assert_true(op->n_in <= MWI_COUNT(in) && op->n_out <= MWI_COUNT(out));
        for (size_t k = 0; k < op->n_in; k++) {
            memset(&in[k], 0, sizeof in[k]);
            if (op->in[k] < 0) continue;
            double_value *const v = &values[op->in[k]];
            if (v->v == NULL) read_constant(ctx, graph->tensors[op->in[k]], v, arena);
            in[k] = *v;
        }
        infer(ctx, graph, op, in, out, arena);
        const double_call call = {
            .op = op, .in = in, .out = out, .n_in = op->n_in, .n_out = op->n_out};
        find(op->desc->name)->run(&call);
        activate(op, &out[0]);
        for (size_t k = 0; k < op->n_out; k++) values[op->out[k]] = out[k];
    }
}

/* ---- for the rows ---- */

int32_t double_i32(const double_call *c, const char *field)
{
    assert_non_null(mwi_op_field(c->op->desc, field));
    return mwi_op_get_i32(c->op, field, 0);
}
double double_f32(const double_call *c, const char *field)
{
    assert_non_null(mwi_op_field(c->op->desc, field));
    return (double)mwi_op_get_f32(c->op, field, 0);
}
bool double_bool(const double_call *c, const char *field)
{
    assert_non_null(mwi_op_field(c->op->desc, field));
    return mwi_op_get_bool(c->op, field, false);
}

void double_coords(const double_value *v, size_t i, int32_t *at)
{
    for (int32_t k = v->rank - 1; k >= 0; k--) {
        at[k] = (int32_t)(i % (size_t)v->dims[k]);
        i /= (size_t)v->dims[k];
    }
}

size_t double_place(const double_value *v, const int32_t *at)
{
    size_t i = 0;
    for (int32_t k = 0; k < v->rank; k++) i = i * (size_t)v->dims[k] + (size_t)at[k];
    return i;
}

size_t double_broadcast(const double_value *v, const double_value *to, size_t i)
{
    int32_t at[MW_MAX_RANK], mine[MW_MAX_RANK];

    double_coords(to, i, at);
    for (int32_t k = 0; k < v->rank; k++)
        mine[k] = v->dims[k] == 1 ? 0 : at[k + to->rank - v->rank];
    return double_place(v, mine);
}

int32_t double_pad(const double_call *c, int32_t in, int32_t out, int32_t size, int32_t stride,
                   int32_t dilation)
{
    const int32_t total = (out - 1) * stride + (size - 1) * dilation + 1 - in;

    if (double_i32(c, "padding") == MWI_PADDING_VALID) return 0;
    return total > 0 ? total / 2 : 0;
}

size_t double_last(const double_value *v)
{
    return v->rank == 0 ? 1 : (size_t)v->dims[v->rank - 1];
}
