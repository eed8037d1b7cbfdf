/* tests/graph_builder.c - see graph_builder.h.   SPDX-License-Identifier: Apache-2.0 */
#include "graph_builder.h"

#include "base/rng.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

builder builder_open(mw_ctx *ctx)
{
    builder b = {.ctx = ctx};
    assert_ok(ctx, mwi_model_create(ctx, "built", &b.model));
    assert_ok(ctx, mwi_model_add_graph(ctx, b.model, "main", &b.graph));
    return b;
}

int32_t builder_typed(builder *b, mw_dtype dtype, int32_t rank, const int32_t *dims)
{
    char name[32];
    int32_t t = -1;

    (void)snprintf(name, sizeof name, "t%zu", b->graph->n_tensors);
    assert_ok(b->ctx, mwi_graph_add_value(b->ctx, b->model, b->graph, name, dtype, rank, dims, &t));
    return t;
}

int32_t builder_value(builder *b, int32_t rank, const int32_t *dims)
{
    return builder_typed(b, MW_FLOAT32, rank, dims);
}

static int32_t constant(builder *b, mw_dtype dtype, int32_t rank, const int32_t *dims,
                        const void *data)
{
    char name[32];
    int32_t t = -1;

    (void)snprintf(name, sizeof name, "t%zu", b->graph->n_tensors);
    assert_ok(b->ctx,
              mwi_graph_add_const(b->ctx, b->model, b->graph, name, dtype, rank, dims, data, &t));
    return t;
}

int32_t builder_floats(builder *b, int32_t rank, const int32_t *dims, const float *data)
{
    return constant(b, MW_FLOAT32, rank, dims, data);
}

int32_t builder_ints(builder *b, int32_t rank, const int32_t *dims, const int32_t *data)
{
    return constant(b, MW_INT32, rank, dims, data);
}

int32_t builder_random(builder *b, int32_t rank, const int32_t *dims, uint64_t seed)
{
    mwi_rng rng = {seed};
    size_t n = 0;

    assert_true(mwi_dims_count(rank, dims, &n));
    float *const data = malloc(n * sizeof *data + 1);
    assert_non_null(data);
    for (size_t i = 0; i < n; i++) data[i] = (float)(2 * mwi_rng_uniform(&rng) - 1);
    const int32_t t = builder_floats(b, rank, dims, data);
    free(data);
    return t;
}

int32_t builder_state(builder *b, int32_t rank, const int32_t *dims)
{
    const int32_t t = builder_value(b, rank, dims);
    b->graph->tensors[t]->is_variable = true;
    return t;
}

mwi_op *builder_op(builder *b, const char *name, const int32_t *in, size_t n_in, const int32_t *out,
                   size_t n_out)
{
    const mwi_op_desc *const desc = mwi_op_by_name(name);
    mwi_op *op = NULL;

    if (desc == NULL) fail_msg("no operator %s", name);
    assert_ok(b->ctx, mwi_graph_add_op(b->ctx, b->model, b->graph, b->graph->n_ops, desc, n_in,
                                       n_out, &op));
    for (size_t i = 0; i < n_in; i++) op->in[i] = in[i];
    for (size_t i = 0; i < n_out; i++) op->out[i] = out[i];
    return op;
}

int32_t builder_apply(builder *b, const char *name, const int32_t *in, size_t n_in)
{
    const mwi_tensor *const first = b->graph->tensors[in[0]];
    const int32_t out = builder_typed(b, first->dtype, first->rank, first->dims);
    (void)builder_op(b, name, in, n_in, &out, 1);
    return out;
}

mw_model *builder_close(builder *b, const int32_t *in, size_t n_in, const int32_t *out,
                        size_t n_out)
{
    assert_ok(b->ctx, mwi_graph_set_io(b->ctx, b->model, b->graph, in, n_in, out, n_out));
    assert_ok(b->ctx, mwi_graph_infer(b->ctx, b->model, b->graph));
    assert_ok(b->ctx, mwi_model_verify(b->ctx, b->model));
    return b->model;
}

void run_naively(mw_ctx *ctx, const mw_model *model, mwi_arena *arena, void **values)
{
    const mwi_graph *const g = model->graphs[0];

    for (size_t i = 0; i < g->n_ops; i++) {
        const mwi_op *const op = g->ops[i];
        mwi_shape_call call;
        assert_ok(ctx, mwi_op_views(ctx, g, op, arena, &call));
        mwi_view *const in = (mwi_view *)(uintptr_t)call.in; /* made just above */
        for (size_t k = 0; k < op->n_in; k++)
            if (op->in[k] >= 0 && in[k].data == NULL) in[k].data = values[op->in[k]];
        assert_ok(ctx, mwi_op_eval(ctx, &call, arena));
        for (size_t k = 0; k < op->n_out; k++) values[op->out[k]] = call.out[k].data;
    }
}
