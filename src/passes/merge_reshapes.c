/* passes/merge_reshapes.c - a RESHAPE, SQUEEZE or EXPAND_DIMS of another one reads that one's input; two TRANSPOSEs
 * become one.
 * Depends: passes/edit.  Used by: the list of passes only.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass_edit.h"

#include <string.h>

static bool is_view(const mwi_op *op) { return (op->desc->traits & MWI_OP_VIEW) != 0 && op->desc != &mwi_op_dropout; }

/* SQUEEZE and EXPAND_DIMS speak of their input's shape: before another input they become a RESHAPE. */
static mw_status to_reshape(mw_ctx *ctx, mw_model *m, mwi_graph *g, size_t at, int32_t x)
{
    const mwi_op *const old = g->ops[at];
    const mwi_tensor *const out = g->tensors[old->out[0]];
    int32_t dims[MW_MAX_RANK], shape;
    mwi_op *op;

    memcpy(dims, out->dims, sizeof dims);
    if (out->rank > 0 && out->signature[0] < 0) dims[0] = -1;
    MWI_TRY(mwi_graph_add_const(ctx, m, g, "shape", MW_INT32, 1, &out->rank, dims, &shape));
    MWI_TRY(mwi_graph_add_op(ctx, m, g, at, &mwi_op_reshape, 2, 1, &op));
    op->in[0] = x;
    op->in[1] = shape;
    op->out[0] = old->out[0];
    op->layer = old->layer;
    mwi_graph_remove_op(g, at + 1);
    return MW_OK;
}

static mw_status merge_transposes(mw_ctx *ctx, mw_model *m, mwi_graph *g, mwi_op *op, const mwi_op *before, bool *done)
{
    const mwi_tensor *const a = g->tensors[before->in[1]], *const b = g->tensors[op->in[1]];
    int32_t perm[MW_MAX_RANK], t;

    if (a->data == NULL || b->data == NULL || a->bytes != b->bytes || a->dtype != MW_INT32 || b->dtype != MW_INT32) return MW_OK;
    const int32_t n = (int32_t)(a->bytes / 4);
    for (int32_t i = 0; i < n; i++) {
        const int32_t k = ((const int32_t *)b->data)[i];
        perm[i] = ((const int32_t *)a->data)[k < 0 ? k + n : k];
        if (perm[i] < 0) perm[i] += n;
    }
    MWI_TRY(mwi_graph_add_const(ctx, m, g, b->name, MW_INT32, 1, &n, perm, &t));
    op->in[0] = before->in[0];
    op->in[1] = t;
    *done = true;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, mw_model *model, mwi_graph *graph, uint32_t *n_changes)
{
    for (size_t i = 0; i < graph->n_ops; i++) {
        mwi_op *const op = graph->ops[i];
        bool done = false;
        if (op->n_in == 0 || op->n_out != 1 || op->in[0] < 0) continue;
        const int32_t p = mwi_graph_producer(graph, op->in[0]);
        if (p < 0) continue;
        const mwi_op *const before = graph->ops[p];
        if (is_view(op) && is_view(before) && mwi_same_quant(graph->tensors[before->in[0]], graph->tensors[op->in[0]])) {
            MWI_TRY(to_reshape(ctx, model, graph, i, before->in[0]));
            done = true;
        } else if (op->desc == &mwi_op_transpose && before->desc == &mwi_op_transpose) {
            MWI_TRY(merge_transposes(ctx, model, graph, op, before, &done));
        }
        *n_changes += done;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_merge_reshapes = {
    .name = "merge_reshapes",
    .summary = "reshapes of reshapes and transposes of transposes",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
