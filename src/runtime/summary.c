/* runtime/summary.c - what a model costs and whether it runs, at its declared shapes.
 * Depends: ops/, devices/.  Used by: programs, compress through milliwatt/model.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/device.h"

#include <stdlib.h>
#include <string.h>

/* On the device that a session takes by default. */
static const mwi_kernel *kernel_of(const mwi_shape_call *call)
{
    const mwi_prepare_call prep = mwi_prepare_call_of(call);
    return mwi_kernel_choose(mwi_devices[0], &prep, NULL);
}

static uint64_t operand_bytes(const mwi_shape_call *call)
{
    uint64_t n = 0;

    if ((call->op->desc->traits & MWI_OP_VIEW) != 0) return 0;
    for (size_t i = 0; i < call->n_in; i++) n += call->in[i].tensor == NULL ? 0 : call->in[i].bytes;
    for (size_t i = 0; i < call->n_out; i++) n += call->out[i].bytes;
    return n;
}

/* ---- weights: each buffer once ---- */

struct buffer {
    const void *data;
    size_t bytes, elements;
    bool weight; /* a number that an operator computes with, not a shape or an axis */
};

static int by_address(const void *a, const void *b)
{
    const struct buffer *const x = a, *const y = b;
    if (x->data != y->data) return (uintptr_t)x->data < (uintptr_t)y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static bool is_weight(const mwi_tensor *t)
{
    switch (t->dtype) {
    case MW_INT64:
    case MW_INT32: return t->quant != NULL && t->quant->q.n_scales > 0; /* a bias */
    case MW_BOOL:
    case MW_STRING: return false;
    default: return true;
    }
}

/* Adds the constants of a graph to `list`, which has room for all of its tensors. */
static mw_status list_buffers(mw_ctx *ctx, const mwi_graph *g, mwi_arena *scratch,
                              struct buffer *list, size_t *n)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, scratch, g->n_tensors, sizeof(bool), &memory));
    bool *const is_read = memory;
    for (size_t i = 0; i < g->n_ops; i++)
        for (size_t k = 0; k < g->ops[i]->n_in; k++)
            if (g->ops[i]->in[k] >= 0) is_read[g->ops[i]->in[k]] = true;
    for (size_t i = 0; i < g->n_tensors; i++) {
        const mwi_tensor *const t = g->tensors[i];
        if (t->data == NULL) continue;
        struct buffer *const b = &list[(*n)++];
        *b = (struct buffer){
            .data = t->data, .bytes = t->bytes, .weight = is_read[i] && is_weight(t)};
        (void)mwi_dims_count(t->rank, t->dims, &b->elements);
    }
    return MW_OK;
}

static mw_status count_weights(mw_ctx *ctx, const mw_model *model, mwi_arena *scratch,
                               mw_model_summary *out)
{
    void *memory;
    size_t n = 0, k = 0;

    for (size_t g = 0; g < model->n_graphs; g++) n += model->graphs[g]->n_tensors;
    MWI_TRY(mwi_arena_array(ctx, scratch, n, sizeof(struct buffer), &memory));
    struct buffer *const b = memory;
    for (size_t g = 0; g < model->n_graphs; g++)
        MWI_TRY(list_buffers(ctx, model->graphs[g], scratch, b, &k));
    if (k > 1) qsort(b, k, sizeof *b, by_address);
    for (size_t i = 0; i < k;) {
        size_t end = i;
        bool weight = false;
        for (; end < k && b[end].data == b[i].data; end++) weight = weight || b[end].weight;
        out->weight_bytes += b[end - 1].bytes; /* the largest */
        if (weight) out->n_parameters += b[end - 1].elements;
        i = end;
    }
    return MW_OK;
}

/* ---- operators ---- */

static mw_status sum_ops(mw_ctx *ctx, const mw_model *model, size_t g, mwi_arena *scratch,
                         mw_model_summary *out)
{
    const mwi_graph *const graph = model->graphs[g];

    for (size_t i = 0; i < graph->n_ops; i++) {
        mwi_shape_call call;
        MWI_TRY(mwi_op_views(ctx, graph, graph->ops[i], scratch, &call));
        out->n_ops++;
        if (kernel_of(&call) == NULL) out->runs = false;
        if (g > 0) continue;
        if (call.op->desc->macs != NULL) out->macs += call.op->desc->macs(&call);
        out->moved_bytes += operand_bytes(&call);
    }
    return MW_OK;
}

mw_status mw_model_summarize(mw_ctx *ctx, const mw_model *model, mw_model_summary *out_summary)
{
    mwi_arena scratch;
    mw_status st = MW_OK;

    mwi_enter(ctx);
    memset(out_summary, 0, sizeof *out_summary);
    out_summary->n_subgraphs = model->n_graphs;
    out_summary->n_signatures = model->n_signatures;
    out_summary->file_bytes = model->file_bytes;
    out_summary->runs = true;
    mwi_arena_init(ctx, &scratch);
    for (size_t g = 0; g < model->n_graphs && st == MW_OK; g++) {
        out_summary->n_tensors += model->graphs[g]->n_tensors;
        st = sum_ops(ctx, model, g, &scratch, out_summary);
    }
    if (st == MW_OK) st = count_weights(ctx, model, &scratch, out_summary);
    mwi_arena_deinit(&scratch);
    return st;
}

static const char *reason_of(const mwi_shape_call *call)
{
    if (call->op->desc == &mwi_op_unknown) return "this build does not know the operator";
    return mwi_kernel_by_types(mwi_devices[0], call) != NULL ? "no kernel for these shapes"
                                                             : "no kernel for these types";
}

size_t mw_model_n_ops(const mw_model *model, size_t subgraph)
{
    return subgraph < model->n_graphs ? model->graphs[subgraph]->n_ops : 0;
}

mw_status mw_model_op(mw_ctx *ctx, const mw_model *model, size_t subgraph, size_t index,
                      mw_op_info *out_info)
{
    mwi_arena scratch;
    mwi_shape_call call;

    mwi_enter(ctx);
    if (index >= mw_model_n_ops(model, subgraph))
        return mwi_fail(ctx, MW_EINVAL, "%s: op %zu of %zu in subgraph %zu", model->name, index,
                        mw_model_n_ops(model, subgraph), subgraph);
    const mwi_graph *const g = model->graphs[subgraph];
    const mwi_op *const op = g->ops[index];
    mwi_arena_init(ctx, &scratch);
    const mw_status st = mwi_op_views(ctx, g, op, &scratch, &call);
    if (st == MW_OK) {
        const mwi_kernel *const k = kernel_of(&call);
        *out_info = (mw_op_info){.op = mwi_op_name(op),
                                 .name = op->n_out > 0 ? g->tensors[op->out[0]]->name : "",
                                 .types = k == NULL ? "" : k->types,
                                 .kernel = k == NULL ? "" : k->name,
                                 .reason = k != NULL ? "" : reason_of(&call),
                                 .macs = op->desc->macs == NULL ? 0 : op->desc->macs(&call),
                                 .bytes = operand_bytes(&call),
                                 .version = op->version};
    }
    mwi_arena_deinit(&scratch);
    return st;
}
