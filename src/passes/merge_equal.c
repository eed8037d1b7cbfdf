/* passes/merge_equal.c - operators of the same kind, attributes and inputs are computed once; equal constants are
 * one.
 * Depends: passes/edit.  Used by: the list of passes only.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass_edit.h"

#include <string.h>

static bool equal_attributes(const mwi_op *a, const mwi_op *b)
{
    for (const mwi_field *f = a->desc->fields; f != NULL && f->kind != MWI_FIELD_END; f++)
        if (f->kind == MWI_FIELD_STRING || (int)f->kind > MWI_FIELD_STRING) return false; /* pointers: not compared */
    for (const mwi_field *f = a->desc->fields; f != NULL && f->kind != MWI_FIELD_END; f++) {
        if (f->kind != MWI_FIELD_I32S) continue;
        const mwi_i32s *const x = (const void *)((const char *)a->attr + f->offset);
        const mwi_i32s *const y = (const void *)((const char *)b->attr + f->offset);
        if (x->n != y->n || x->n > 0) return false;
    }
    return a->desc->attr_size == 0 || memcmp(a->attr, b->attr, a->desc->attr_size) == 0;
}

static bool same_input(const mwi_graph *g, int32_t a, int32_t b)
{
    if (a == b) return true;
    if (a < 0 || b < 0) return false;
    const mwi_tensor *const x = g->tensors[a], *const y = g->tensors[b];
    return x->data != NULL && y->data != NULL && x->dtype == y->dtype && mwi_same_shape(x, y) && mwi_same_quant(x, y) &&
           x->sparsity == NULL && y->sparsity == NULL && x->bytes == y->bytes &&
           (x->data == y->data || memcmp(x->data, y->data, x->bytes) == 0);
}

static bool same(const mwi_graph *g, const mwi_op *a, const mwi_op *b)
{
    if (a->desc != b->desc || a->n_in != b->n_in || a->n_out != 1 || b->n_out != 1 || a->n_in == 0) return false;
    if ((a->desc->traits & MWI_OP_STATEFUL) != 0 || a->desc->custom || a->desc == &mwi_op_unknown) return false;
    for (size_t i = 0; i < a->n_in; i++)
        if (!same_input(g, a->in[i], b->in[i]) || (a->in[i] >= 0 && g->tensors[a->in[i]]->is_variable)) return false;
    const mwi_tensor *const x = g->tensors[a->out[0]], *const y = g->tensors[b->out[0]];
    if (x->is_variable || y->is_variable) return false; /* they set state */
    return x->dtype == y->dtype && mwi_same_shape(x, y) && mwi_same_quant(x, y) && equal_attributes(a, b);
}

static mw_status run(mw_ctx *ctx, mw_model *model, mwi_graph *graph, uint32_t *n_changes)
{
    enum { WINDOW = 64 }; /* how far back an equal operator is looked for */

    (void)ctx;
    (void)model;
    for (size_t i = 1; i < graph->n_ops; i++) {
        const mwi_op *const op = graph->ops[i];
        if (op->n_out != 1 || mwi_graph_is_output(graph, op->out[0])) continue;
        for (size_t k = i > WINDOW ? i - WINDOW : 0; k < i; k++) {
            if (!same(graph, graph->ops[k], op) || mwi_graph_n_uses(graph, op->out[0]) == 0) continue;
            mwi_graph_replace_uses(graph, op->out[0], graph->ops[k]->out[0]);
            (*n_changes)++;
            break;
        }
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_merge_equal = {
    .name = "merge_equal",
    .summary = "operators that compute the same from the same",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
