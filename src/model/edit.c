/* model/edit.c - removing operators, sweeping.
 * Depends: model/graph, model/op_desc.  Used by: passes, compress, readers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/graph.h"
#include "model/op_desc.h"

#include <string.h>

void mwi_graph_remove_op(mwi_graph *graph, size_t at)
{
    if (at >= graph->n_ops) return;
    memmove(graph->ops + at, graph->ops + at + 1, (graph->n_ops - at - 1) * sizeof *graph->ops);
    graph->n_ops--;
}

static void mark(bool *live, int32_t tensor)
{
    if (tensor >= 0) live[tensor] = true;
}

/* Marks what is read, from the last operator to the first, and removes operators that make nothing
 * live. */
static size_t sweep_ops(mwi_graph *graph, bool *live)
{
    size_t removed = 0;

    for (size_t i = graph->n_ops; i-- > 0;) {
        const mwi_op *const op = graph->ops[i];
        bool needed = (op->desc->traits & MWI_OP_STATEFUL) != 0 || op->desc == &mwi_op_unknown;
        for (size_t k = 0; k < op->n_out; k++) needed |= op->out[k] >= 0 && live[op->out[k]];
        for (size_t k = 0; k < op->n_in; k++)
            needed |= op->in[k] >= 0 && graph->tensors[op->in[k]]->is_variable;
        if (!needed) {
            mwi_graph_remove_op(graph, i);
            removed++;
            continue;
        }
        for (size_t k = 0; k < op->n_in; k++) mark(live, op->in[k]);
        for (size_t k = 0; k < op->n_out; k++) mark(live, op->out[k]);
        for (size_t k = 0; k < op->n_intermediates; k++) mark(live, op->intermediates[k]);
    }
    return removed;
}

static void renumber(int32_t *indices, size_t n, const int32_t *place)
{
    for (size_t i = 0; i < n; i++)
        if (indices[i] >= 0) indices[i] = place[indices[i]];
}

static mw_status sweep_graph(mw_ctx *ctx, mw_model *model, size_t at, mwi_arena *scratch,
                             size_t *removed)
{
    mwi_graph *const g = model->graphs[at];
    void *memory;
    size_t n = 0;

    MWI_TRY(mwi_arena_array(ctx, scratch, g->n_tensors, sizeof(bool), &memory));
    bool *const live = memory;
    MWI_TRY(mwi_arena_array(ctx, scratch, g->n_tensors, sizeof(int32_t), &memory));
    int32_t *const place = memory;
    for (size_t i = 0; i < g->n_inputs; i++) mark(live, g->inputs[i]);
    for (size_t i = 0; i < g->n_outputs; i++) mark(live, g->outputs[i]);
    *removed += sweep_ops(g, live);
    for (size_t i = 0; i < g->n_tensors;
         i++) { /* block scales are named by tensors, not by operators */
        const mwi_quant *const q = live[i] ? g->tensors[i]->quant : NULL;
        if (q == NULL || q->q.block_size == 0) continue;
        mark(live, q->block_scales);
        mark(live, q->block_zero_points);
    }
    for (size_t i = 0; i < g->n_tensors; i++) {
        place[i] = live[i] ? (int32_t)n : -1;
        if (live[i]) g->tensors[n++] = g->tensors[i];
    }
    g->n_tensors = n;
    renumber(g->inputs, g->n_inputs, place);
    renumber(g->outputs, g->n_outputs, place);
    for (size_t i = 0; i < g->n_ops; i++) {
        renumber(g->ops[i]->in, g->ops[i]->n_in, place);
        renumber(g->ops[i]->out, g->ops[i]->n_out, place);
        renumber(g->ops[i]->intermediates, g->ops[i]->n_intermediates, place);
    }
    for (size_t i = 0; i < model->n_signatures; i++) {
        mwi_signature *const s = &model->signatures[i];
        if (s->graph != at) continue;
        for (size_t k = 0; k < s->n_inputs; k++) renumber(&s->inputs[k].tensor, 1, place);
        for (size_t k = 0; k < s->n_outputs; k++) renumber(&s->outputs[k].tensor, 1, place);
    }
    for (size_t i = 0; i < n; i++) {
        const mwi_quant *const q = g->tensors[i]->quant;
        if (q == NULL || q->q.block_size == 0) continue;
        MWI_TRY(mwi_arena_copy(ctx, &model->arena, q, sizeof *q, &memory));
        mwi_quant *const copy = memory;
        renumber(&copy->block_scales, 1, place);
        renumber(&copy->block_zero_points, 1, place);
        g->tensors[i]->quant = copy;
    }
    return MW_OK;
}

mw_status mwi_model_sweep(mw_ctx *ctx, mw_model *model, size_t *out_n)
{
    mwi_arena scratch;
    size_t removed = 0;
    mw_status st = MW_OK;

    mwi_arena_init(ctx, &scratch);
    for (size_t i = 0; i < model->n_graphs && st == MW_OK; i++)
        st = sweep_graph(ctx, model, i, &scratch, &removed);
    mwi_arena_deinit(&scratch);
    if (out_n != NULL) *out_n = removed;
    return st;
}
