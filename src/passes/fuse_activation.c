/* passes/fuse_activation.c - RELU, RELU6 and RELU_N1_TO_1 become the fused activation of the operator before them.
 * Depends: passes/edit.  Used by: the list of passes only.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass_edit.h"

static int32_t activation_of(const mwi_op *op)
{
    if (op->desc == &mwi_op_relu) return MWI_ACT_RELU;
    if (op->desc == &mwi_op_relu6) return MWI_ACT_RELU6;
    if (op->desc == &mwi_op_relu_n1_to_1) return MWI_ACT_RELU_N1_TO_1;
    return MWI_ACT_NONE;
}

/* CONCATENATION has the field, but no kernel for it. Integers fuse where nothing is rescaled: then to the bit. */
static bool takes(const mwi_graph *g, const mwi_op *before, const mwi_op *op)
{
    const mwi_tensor *const in = g->tensors[op->in[0]], *const out = g->tensors[op->out[0]];

    if ((before->desc->traits & MWI_OP_FUSES_ACT) == 0 || before->n_out != 1) return false;
    if (mwi_op_get_i32(before, "fused_activation_function", -1) != MWI_ACT_NONE) return false;
    if (in->dtype != out->dtype) return false;
    return in->dtype == MW_FLOAT32 || (mwi_same_quant(in, out) && in->quant != NULL);
}

static mw_status run(mw_ctx *ctx, mw_model *model, mwi_graph *graph, uint32_t *n_changes)
{
    for (size_t i = 0; i < graph->n_ops; i++) {
        mwi_op *const op = graph->ops[i];
        const int32_t activation = activation_of(op);
        mwi_uses uses;
        if (activation == MWI_ACT_NONE) continue;
        MWI_TRY(mwi_graph_uses(ctx, graph, &model->arena, &uses));
        mwi_op *const before = mwi_sole_producer(graph, &uses, op->in[0]);
        if (before == NULL || !takes(graph, before, op)) continue;
        mwi_op_set_i32(before, "fused_activation_function", activation);
        mwi_take_output(before, op);
        mwi_graph_remove_op(graph, i--);
        (*n_changes)++;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_fuse_activation = {
    .name = "fuse_activation",
    .summary = "RELU, RELU6 and RELU_N1_TO_1 into the operator before them",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
