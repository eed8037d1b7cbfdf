/* passes/fold_constants.c - operators whose inputs are all constant are computed once, where the file does not grow.
 * Depends: passes/edit.  Used by: the list of passes only.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass_edit.h"

enum { SMALL_BYTES = 1024 };

static bool foldable(const mwi_graph *g, const mwi_op *op)
{
    if ((op->desc->traits & (MWI_OP_STATEFUL | MWI_OP_TRAINING_ONLY)) != 0 || op->n_in == 0 || op->desc->infer == NULL)
        return false;
    for (size_t i = 0; i < op->n_in; i++)
        if (op->in[i] >= 0 && (g->tensors[op->in[i]]->data == NULL || g->tensors[op->in[i]]->sparsity != NULL)) return false;
    for (size_t i = 0; i < op->n_out; i++)
        if (g->tensors[op->out[i]]->is_variable || mwi_graph_is_output(g, op->out[i])) return false;
    return true;
}

static mw_status run(mw_ctx *ctx, mw_model *model, mwi_graph *graph, uint32_t *n_changes)
{
    for (size_t i = 0; i < graph->n_ops; i++) {
        mwi_op *const op = graph->ops[i];
        mwi_shape_call call;
        size_t in = 0, out = 0;
        if (!foldable(graph, op)) continue;
        MWI_TRY(mwi_op_views(ctx, graph, op, &model->arena, &call));
        if (mwi_op_kernel(&call) == NULL) continue;
        for (size_t k = 0; k < op->n_in; k++) in += op->in[k] < 0 ? 0 : graph->tensors[op->in[k]]->bytes;
        for (size_t k = 0; k < op->n_out; k++) out += call.out[k].bytes;
        if (out > in && out > SMALL_BYTES) continue; /* weights kept small on purpose: float16, int8 */
        MWI_TRY(mwi_op_eval(ctx, &call, &model->arena));
        for (size_t k = 0; k < op->n_out; k++) {
            mwi_tensor *const t = graph->tensors[op->out[k]];
            t->data = call.out[k].data;
            t->bytes = call.out[k].bytes;
            t->rank = call.out[k].rank;
            for (int32_t d = 0; d < t->rank; d++) t->dims[d] = t->signature[d] = call.out[k].dims[d];
        }
        mwi_graph_remove_op(graph, i--);
        (*n_changes)++;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_fold_constants = {
    .name = "fold_constants",
    .summary = "operators on constants alone, where the file does not grow",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
