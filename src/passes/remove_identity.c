/* passes/remove_identity.c - operators that give back their input: a RESHAPE to the same shape, a PAD by nothing,
 * one POOL a pixel, x * 1, x + 0, a TRANSPOSE that keeps the order.
 * Depends: passes/edit.  Used by: the list of passes only.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass_edit.h"

static bool all_ints(const mwi_tensor *t, bool identity)
{
    if (t->data == NULL || t->dtype != MW_INT32) return false;
    for (size_t i = 0; i < t->bytes / 4; i++)
        if (((const int32_t *)t->data)[i] != (identity ? (int32_t)i : 0)) return false;
    return true;
}

static bool all_floats(const mwi_graph *g, int32_t t, float value)
{
    if (!mwi_is_float_const(g, t)) return false;
    for (size_t i = 0; i < g->tensors[t]->bytes / 4; i++)
        if (((const float *)g->tensors[t]->data)[i] != value) return false;
    return true;
}

static bool plain(const mwi_op *op) { return mwi_op_get_i32(op, "fused_activation_function", 0) == MWI_ACT_NONE; }

/* The input that the operator gives back, -1. -0.0 + 0 is +0.0: equal as numbers. */
static int32_t same_as(const mwi_graph *g, const mwi_op *op)
{
    if ((op->desc->traits & MWI_OP_VIEW) != 0 && op->desc != &mwi_op_dropout) return op->in[0];
    if (op->desc == &mwi_op_transpose && all_ints(g->tensors[op->in[1]], true)) return op->in[0];
    if (op->desc == &mwi_op_pad && all_ints(g->tensors[op->in[1]], false)) return op->in[0];
    if (op->desc == &mwi_op_concatenation && op->n_in == 1 && plain(op)) return op->in[0];
    if (op->desc == &mwi_op_mul && plain(op) && all_floats(g, op->in[1], 1)) return op->in[0];
    if (op->desc == &mwi_op_div && plain(op) && all_floats(g, op->in[1], 1)) return op->in[0];
    if (op->desc == &mwi_op_add && plain(op) && all_floats(g, op->in[1], 0)) return op->in[0];
    if (op->desc == &mwi_op_sub && plain(op) && all_floats(g, op->in[1], 0)) return op->in[0];
    if ((op->desc == &mwi_op_max_pool_2d || op->desc == &mwi_op_average_pool_2d) && plain(op) &&
        mwi_op_get_i32(op, "filter_width", 0) == 1 && mwi_op_get_i32(op, "filter_height", 0) == 1 &&
        mwi_op_get_i32(op, "stride_w", 0) == 1 && mwi_op_get_i32(op, "stride_h", 0) == 1)
        return op->in[0];
    return -1;
}

static mw_status run(mw_ctx *ctx, mw_model *model, mwi_graph *graph, uint32_t *n_changes)
{
    (void)ctx;
    (void)model;
    for (size_t i = 0; i < graph->n_ops; i++) {
        const mwi_op *const op = graph->ops[i];
        if (op->n_in == 0 || op->n_out != 1) continue;
        const int32_t x = same_as(graph, op);
        if (x < 0 || mwi_graph_n_uses(graph, op->out[0]) == 0) continue;
        const mwi_tensor *const in = graph->tensors[x], *const out = graph->tensors[op->out[0]];
        if (in->dtype != out->dtype || !mwi_same_shape(in, out) || !mwi_same_quant(in, out) || in->is_variable) continue;
        /* Outputs keep their names, and an input is no output. */
        if (mwi_graph_is_output(graph, op->out[0])) continue;
        mwi_graph_replace_uses(graph, op->out[0], x);
        (*n_changes)++;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_remove_identity = {
    .name = "remove_identity",
    .summary = "operators that give back their input",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
