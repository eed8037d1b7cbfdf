/* passes/remove_dead.c - operators whose results nobody reads go, unless they set state. Inputs of
 * the graph stay.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

static bool is_read(const mwi_rw *rw, const mwi_op *op)
{
    for (size_t k = 0; k < op->n_out; k++)
        if (rw->tensors[op->out[k]].n_reads > 0 || rw->tensors[op->out[k]].is_output) return true;
    return false;
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    (void)ctx;
    for (int32_t i = (int32_t)rw->n_ops; i-- > 0;) { /* readers come before what they read */
        const mwi_op *const op = rw->ops[i];
        if (op == NULL || !mwi_rw_is_pure(rw, op) || is_read(rw, op)) continue;
        mwi_rw_remove(rw, i);
        rw->n_changes++;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_remove_dead = {
    .name = "remove_dead",
    .summary = "removes operators whose results nobody reads",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
