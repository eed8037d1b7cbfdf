/* compress/prune/densify_constants.c - sparse constants become dense ones.
 * Depends: model/.  Used by: mw_prune, mw_cluster, mw_sparsify.
 * SPDX-License-Identifier: Apache-2.0 */
#include "compress/prune/sparse.h"

static mw_status densify_tensor(mw_ctx *ctx, mw_model *model, mwi_tensor *t)
{
    size_t bytes;
    void *memory;

    if (!mwi_dims_bytes(t->dtype, t->rank, t->dims, &bytes))
        return mwi_fail(ctx, MW_ELIMIT, "constant '%s' is larger than any memory", t->name);
    MWI_TRY(mwi_arena_alloc(ctx, &model->arena, bytes, &memory));
    MWI_TRY(mwi_prefix(ctx, mwi_sparsity_expand(ctx, t, memory), "constant '%s'", t->name));
    t->data = memory;
    t->bytes = bytes;
    t->sparsity = NULL;
    return MW_OK;
}

static void redirect(mwi_graph *g, int32_t from, int32_t to)
{
    for (size_t i = 0; i < g->n_ops; i++)
        for (size_t k = 0; k < g->ops[i]->n_in; k++)
            if (g->ops[i]->in[k] == from) g->ops[i]->in[k] = to;
}

static mw_status densify_graph(mw_ctx *ctx, mw_model *model, mwi_graph *g)
{
    for (size_t i = 0; i < g->n_tensors; i++) {
        mwi_tensor *const t = g->tensors[i];
        if (t->sparsity != NULL && t->data != NULL && mw_dtype_bits(t->dtype) % 8 == 0)
            MWI_TRY(densify_tensor(ctx, model, t));
    }
    for (size_t i = g->n_ops; i-- > 0;) {
        const mwi_op *const op = g->ops[i];
        const mwi_tensor *const in = op->n_in > 0 && op->in[0] >= 0 ? g->tensors[op->in[0]] : NULL;
        if (op->desc != &mwi_op_densify || in == NULL || in->data == NULL ||
            mwi_graph_is_output(g, op->out[0]))
            continue;
        redirect(g, op->out[0], op->in[0]);
        mwi_graph_remove_op(g, i);
    }
    return MW_OK;
}

mw_status mwi_densify(mw_ctx *ctx, mw_model *model)
{
    bool any = false;

    for (size_t k = 0; k < model->n_graphs; k++)
        for (size_t i = 0; i < model->graphs[k]->n_tensors; i++)
            any |= model->graphs[k]->tensors[i]->sparsity != NULL;
    for (size_t k = 0; k < model->n_graphs && any; k++)
        MWI_TRY(densify_graph(ctx, model, model->graphs[k]));
    return any ? mwi_model_sweep(ctx, model, NULL) : MW_OK;
}
