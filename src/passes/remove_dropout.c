/* passes/remove_dropout.c - DROPOUT is the identity at inference: its readers read its input.
 * The smallest pass: start here to add one.
 * Depends: passes/pass.  Used by: the list of passes only.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

static mw_status run(mw_ctx *ctx, mw_model *model, mwi_graph *graph, uint32_t *n_changes)
{
    (void)ctx;
    (void)model;
    for (size_t i = 0; i < graph->n_ops; i++) {
        const mwi_op *const op = graph->ops[i];
        if (op->desc != &mwi_op_dropout || mwi_graph_n_uses(graph, op->out[0]) == 0) continue;
        mwi_graph_replace_uses(graph, op->out[0], op->in[0]);
        (*n_changes)++;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_remove_dropout = {
    .name = "remove_dropout",
    .summary = "drops DROPOUT, the identity at inference",
    .flags = MWI_PASS_LOWER | MWI_PASS_OPTIMIZE,
    .run = run,
};
