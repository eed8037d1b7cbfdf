/* formats/keras/variables.c - state between runs: variables of the session, which begin at zero.
 * A subgraph gives them that value before the first run; CALL_ONCE is the graph's first operator.
 * Depends: formats/keras/build.  Used by: stateful layers.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/build.h"

#include <string.h>

static mw_status add_op(mwi_keras_call *c, mwi_graph *g, size_t at, const char *name, size_t n_in,
                        size_t n_out, mwi_op **out)
{
    const mwi_op_desc *const desc = mwi_op_by_name(name);

    MWI_ASSERT(desc != NULL);
    MWI_TRY(mwi_graph_add_op(c->ctx, c->build->model, g, at, desc, n_in, n_out, out));
    (*out)->layer = c->layer->path;
    return MW_OK;
}

static const char **name_in(const mwi_op *op)
{
    const mwi_field *const f = mwi_op_field(op->desc, "shared_name");
    return (const char **)(void *)((char *)op->attr + f->offset);
}

static mw_status add_handle(mwi_keras_call *c, mwi_graph *g, const char *name, int32_t *out)
{
    mwi_tensor *t;
    mwi_op *op;

    MWI_TRY(mwi_graph_add_tensor(c->ctx, c->build->model, g, name, &t, out));
    t->dtype = MW_RESOURCE;
    t->has_rank = true;
    MWI_TRY(add_op(c, g, g->n_ops, "VAR_HANDLE", 0, 1, &op));
    op->out[0] = *out;
    *name_in(op) = t->name; /* lives as long as the model */
    return MW_OK;
}

static mw_status add_assign(mwi_keras_call *c, mwi_graph *g, int32_t handle, int32_t value)
{
    mwi_op *op;

    MWI_TRY(add_op(c, g, g->n_ops, "ASSIGN_VARIABLE", 2, 0, &op));
    op->in[0] = handle;
    op->in[1] = value;
    return MW_OK;
}

/* ---- first values ---- */

static mw_status initializer(mwi_keras_call *c)
{
    mwi_keras_build *const b = c->build;
    mwi_op *op;

    if (b->initializer != NULL) return MW_OK;
    MWI_TRY(mwi_model_add_graph(c->ctx, b->model, "initializer", &b->initializer));
    MWI_TRY(add_op(c, b->graph, 0, "CALL_ONCE", 0, 0, &op));
    mwi_op_set_i32(op, "init_subgraph_index", (int32_t)b->model->n_graphs - 1);
    return MW_OK;
}

static bool has_variable(const mwi_graph *g, const char *name)
{
    for (size_t i = 0; i < g->n_ops; i++)
        if (strcmp(mwi_op_name(g->ops[i]), "VAR_HANDLE") == 0 &&
            strcmp(*name_in(g->ops[i]), name) == 0)
            return true;
    return false;
}

static mw_status add_zeros(mwi_keras_call *c, const char *name, int32_t rank, const int32_t *dims)
{
    mwi_keras_build *const b = c->build;
    mwi_graph *const g = b->initializer;
    int32_t handle, zeros;
    void *memory;
    size_t bytes;

    if (!mwi_dims_bytes(MW_FLOAT32, rank, dims, &bytes))
        return mwi_fail(c->ctx, MW_ELIMIT, "its state is too large");
    MWI_TRY(mwi_arena_array(c->ctx, b->scratch, bytes, 1, &memory));
    MWI_TRY(add_handle(c, g, name, &handle));
    MWI_TRY(
        mwi_graph_add_const(c->ctx, b->model, g, "zeros", MW_FLOAT32, rank, dims, memory, &zeros));
    return add_assign(c, g, handle, zeros);
}

/* ---- for layers ---- */

mw_status mwi_keras_variable(mwi_keras_call *c, const char *name, int32_t rank, const int32_t *dims,
                             int32_t *out)
{
    const char *path;

    if (c->build->batch_open)
        return mwi_fail(c->ctx, MW_EUNSUPPORTED,
                        "keeps a state for each sample of a batch; give the model a batch size "
                        "(batch_shape)");
    MWI_TRY(initializer(c));
    MWI_TRY(mwi_arena_printf(c->ctx, c->build->scratch, &path, "%s/%s", c->layer->path, name));
    if (!has_variable(c->build->initializer, path)) MWI_TRY(add_zeros(c, path, rank, dims));
    return add_handle(c, c->build->graph, path, out);
}

mw_status mwi_keras_variable_read(mwi_keras_call *c, int32_t variable, int32_t rank,
                                  const int32_t *dims, int32_t *out)
{
    mwi_graph *const g = c->build->graph;
    const char *name;
    mwi_op *op;

    MWI_TRY(
        mwi_arena_printf(c->ctx, c->build->scratch, &name, "%s/read", g->tensors[variable]->name));
    MWI_TRY(mwi_graph_add_value(c->ctx, c->build->model, g, name, MW_FLOAT32, rank, dims, out));
    MWI_TRY(add_op(c, g, g->n_ops, "READ_VARIABLE", 1, 1, &op));
    op->in[0] = variable;
    op->out[0] = *out;
    return MW_OK;
}

mw_status mwi_keras_variable_write(mwi_keras_call *c, int32_t variable, int32_t value)
{
    return add_assign(c, c->build->graph, variable, value);
}
