/* model/query.c - who makes and who reads a tensor; names of signatures.
 * Depends: model/graph.  Used by: passes, runtime, compress.
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/graph.h"

#include <string.h>

int32_t mwi_graph_producer(const mwi_graph *graph, int32_t tensor)
{
    for (size_t i = 0; i < graph->n_ops; i++)
        for (size_t k = 0; k < graph->ops[i]->n_out; k++)
            if (graph->ops[i]->out[k] == tensor) return (int32_t)i;
    return -1;
}

bool mwi_graph_is_output(const mwi_graph *graph, int32_t tensor)
{
    for (size_t i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i] == tensor) return true;
    return false;
}

bool mwi_graph_is_input(const mwi_graph *graph, int32_t tensor)
{
    for (size_t i = 0; i < graph->n_inputs; i++)
        if (graph->inputs[i] == tensor) return true;
    return false;
}

size_t mwi_graph_n_uses(const mwi_graph *graph, int32_t tensor)
{
    size_t n = 0;

    for (size_t i = 0; i < graph->n_ops; i++)
        for (size_t k = 0; k < graph->ops[i]->n_in; k++) n += graph->ops[i]->in[k] == tensor;
    for (size_t i = 0; i < graph->n_outputs; i++) n += graph->outputs[i] == tensor;
    return n;
}

mw_status mwi_graph_uses(mw_ctx *ctx, const mwi_graph *graph, mwi_arena *arena, mwi_uses *out)
{
    void *p, *n, *r;

    MWI_TRY(mwi_arena_array(ctx, arena, graph->n_tensors, sizeof(int32_t), &p));
    MWI_TRY(mwi_arena_array(ctx, arena, graph->n_tensors, sizeof(uint32_t), &n));
    MWI_TRY(mwi_arena_array(ctx, arena, graph->n_tensors, sizeof(int32_t), &r));
    out->producer = p;
    out->n_uses = n;
    out->reader = r;
    for (size_t i = 0; i < graph->n_tensors; i++) out->producer[i] = out->reader[i] = -1;
    for (size_t i = 0; i < graph->n_ops; i++) {
        const mwi_op *const op = graph->ops[i];
        for (size_t k = 0; k < op->n_out; k++)
            if (op->out[k] >= 0) out->producer[op->out[k]] = (int32_t)i;
        for (size_t k = 0; k < op->n_in; k++) {
            if (op->in[k] < 0) continue;
            out->n_uses[op->in[k]]++;
            out->reader[op->in[k]] = (int32_t)i;
        }
    }
    for (size_t i = 0; i < graph->n_outputs; i++) out->n_uses[graph->outputs[i]]++;
    return MW_OK;
}

/* ---- signatures ---- */

const char *mw_model_signature_key(const mw_model *model, size_t signature)
{
    return signature < model->n_signatures ? model->signatures[signature].key : NULL;
}

const char *mw_model_signature_input(const mw_model *model, size_t signature, size_t index)
{
    if (signature >= model->n_signatures) return NULL;
    const mwi_signature *const s = &model->signatures[signature];
    return index < s->n_inputs ? s->inputs[index].name : NULL;
}

const char *mw_model_signature_output(const mw_model *model, size_t signature, size_t index)
{
    if (signature >= model->n_signatures) return NULL;
    const mwi_signature *const s = &model->signatures[signature];
    return index < s->n_outputs ? s->outputs[index].name : NULL;
}
