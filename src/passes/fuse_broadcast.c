/* passes/fuse_broadcast.c - TILE and BROADCAST_TO of dimensions of 1 before an elementwise
 * operator of two inputs go: it broadcasts by itself.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

enum { MAX_RANK = 4 }; /* of broadcasts that every kernel knows */

/* Whether repeating dimensions of 1 is all that the operator does. */
static bool only_repeats_ones(const mwi_rw *rw, const mwi_op *op)
{
    if (!mwi_op_is(op, "TILE") && !mwi_op_is(op, "BROADCAST_TO")) return false;
    if (!mwi_rw_is_pure(rw, op) || op->n_out != 1 || op->in[0] < 0 ||
        !mwi_rw_same_type(rw, op->in[0], op->out[0]))
        return false;
    if (!mwi_rw_is_fixed(rw, op->in[0]) || !mwi_rw_is_fixed(rw, op->out[0])) return false;
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, op->in[0]), *const y = mwi_rw_tensor_of(
                                                                     rw, op->out[0]);
    if (x->rank > y->rank || y->rank > MAX_RANK || (mwi_op_is(op, "TILE") && x->rank != y->rank))
        return false;
    for (int32_t i = 0; i < x->rank; i++)
        if (x->dims[i] != 1 && x->dims[i] != y->dims[y->rank - x->rank + i]) return false;
    return true;
}

/* The other operand alone gives the result its shape. */
static bool other_fills(const mwi_rw *rw, const mwi_op *op, size_t k)
{
    const int32_t other = op->in[1 - k];
    return other >= 0 && other != op->in[k] && mwi_rw_is_fixed(rw, other) &&
           mwi_rw_same_shape(rw, other, op->out[0]);
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    for (int32_t i = 0; i < (int32_t)rw->n_ops; i++) {
        const mwi_op *const op = rw->ops[i];
        if (op == NULL || (op->desc->traits & MWI_OP_BINARY_BROADCAST) == 0 || op->n_in != 2 ||
            !mwi_rw_is_pure(rw, op))
            continue;
        for (size_t k = 0; k < 2; k++) {
            const mwi_op *const before = mwi_rw_producer(rw, op->in[k]);
            if (before == NULL || !only_repeats_ones(rw, before) || !other_fills(rw, op, k))
                continue;
            MWI_TRY(mwi_rw_set_input(ctx, rw, i, k, before->in[0]));
            rw->n_changes++;
        }
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_fuse_broadcast = {
    .name = "fuse_broadcast",
    .summary = "drops TILE and BROADCAST_TO before operators that broadcast by themselves",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
