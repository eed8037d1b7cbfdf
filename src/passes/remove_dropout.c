/* passes/remove_dropout.c - DROPOUT is the identity at inference: its readers read its input.
 * The smallest pass: start here to add one.
 * Depends: passes/pass.  Used by: the list of passes only.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

/* Where an input is also an output, nothing can take the operator's place but one that copies. */
static mw_status copy(mw_ctx *ctx, mwi_rw *rw, int32_t i)
{
    bool done;

    MWI_TRY(mwi_rw_make_reshape(ctx, rw, i, rw->ops[i]->in[0], true, &done));
    return done ? MW_OK : mwi_fail(ctx, MW_EUNSUPPORTED, "DROPOUT of an input of open shape");
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    for (int32_t i = 0; i < (int32_t)rw->n_ops; i++) {
        const mwi_op *const op = rw->ops[i];
        if (op == NULL || op->desc != &mwi_op_dropout) continue;
        if (!mwi_rw_forward(rw, i, op->in[0])) MWI_TRY(copy(ctx, rw, i));
        rw->n_changes++;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_remove_dropout = {
    .name = "remove_dropout",
    .summary = "drops DROPOUT, the identity at inference",
    .flags = MWI_PASS_LOWER | MWI_PASS_OPTIMIZE,
    .run = run,
};
