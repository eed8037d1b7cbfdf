/* passes/merge_transposes.c - a TRANSPOSE of a TRANSPOSE becomes one; one that only moves
 * dimensions of 1 becomes a RESHAPE; a TRANSPOSE and one behind it, or a RESHAPE and one behind
 * it, come together past the elementwise operators between them.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

#include <string.h>

/* A permutation that is constant and fits the rank of what it permutes. */
static bool perm_of(const mwi_rw *rw, const mwi_op *op, int64_t *perm)
{
    const int32_t rank = mwi_rw_tensor_of(rw, op->in[0])->rank;
    uint32_t seen = 0;
    size_t n;

    if (!mwi_op_is(op, "TRANSPOSE") || !mwi_rw_ints(rw, op->in[1], MW_MAX_RANK, perm, &n) ||
        n != (size_t)rank)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (perm[i] < 0) perm[i] += rank;
        if (perm[i] < 0 || perm[i] >= rank || (seen & 1u << perm[i]) != 0) return false;
        seen |= 1u << perm[i];
    }
    return true;
}

/* TRANSPOSE `i` reads `source` by first `inner`, then its own permutation. */
static mw_status compose(mw_ctx *ctx, mwi_rw *rw, int32_t i, int32_t source, const int64_t *inner,
                         const int64_t *outer)
{
    const size_t n = (size_t)mwi_rw_tensor_of(rw, source)->rank;
    int64_t perm[MW_MAX_RANK];
    int32_t operand;

    for (size_t k = 0; k < n; k++) perm[k] = inner[outer[k]];
    MWI_TRY(mwi_rw_add_ints(ctx, rw, rw->ops[i]->out[0], "_perm", n, perm, &operand));
    MWI_TRY(mwi_rw_set_input(ctx, rw, i, 0, source));
    return mwi_rw_set_input(ctx, rw, i, 1, operand);
}

static mw_status merge(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i], *const before = mwi_rw_producer(rw, op->in[0]);
    int64_t inner[MW_MAX_RANK], outer[MW_MAX_RANK];

    if (before == NULL || !perm_of(rw, op, outer) || !perm_of(rw, before, inner)) return MW_OK;
    if (!mwi_rw_is_pure(rw, before) || !mwi_rw_same_type(rw, before->in[0], op->in[0]))
        return MW_OK;
    *done = true;
    return compose(ctx, rw, i, before->in[0], inner, outer);
}

/* Dimensions of other sizes than 1 stay in their order. The batch may grow, but if it is where it
 * was. */
static bool moves_only_ones(const mwi_rw *rw, const mwi_op *op, const int64_t *perm)
{
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, op->in[0]);
    int64_t last = -1;

    for (int32_t i = 0; i < x->rank; i++) {
        if (x->signature[perm[i]] == 1) continue;
        if (perm[i] < last) return false;
        last = perm[i];
    }
    return true;
}

/* ---- past elementwise operators ---- */

enum { MAX_BETWEEN = 16 };

/* Whether the operator computes each value from the one in the same place of `value` alone. */
static bool is_elementwise(const mwi_rw *rw, const mwi_op *op, int32_t value)
{
    const mwi_tensor *const out = mwi_rw_tensor_of(rw, op->out[0]);

    if (op->n_out != 1 || !mwi_rw_is_pure(rw, op)) return false;
    if (out->quant != NULL && out->quant->q.n_scales > 1) return false;
    if (op->n_in == 1) return (op->desc->traits & MWI_OP_POINTWISE) != 0;
    const int32_t other = mwi_rw_other(op, value);
    if ((op->desc->traits & MWI_OP_BINARY_BROADCAST) == 0 || other < 0 || other == value)
        return false;
    return mwi_rw_is_const(rw, other) && mwi_rw_count(rw, other) == 1 &&
           mwi_rw_tensor_of(rw, other)->rank <= mwi_rw_tensor_of(rw, value)->rank &&
           mwi_rw_same_shape(rw, value, op->out[0]);
}

/* From operator i on: elementwise ones, each read by the next alone, up to one of the same kind as
 * i. Fills their indices; 0: it does not end so. */
static size_t path_from(const mwi_rw *rw, int32_t i, int32_t *path, int32_t *end)
{
    int32_t value = rw->ops[i]->out[0];
    size_t n = 0;

    for (;;) {
        const int32_t reader = mwi_rw_only_reader(rw, value);
        if (reader < 0) return 0;
        const mwi_op *const op = rw->ops[reader];
        if (mwi_op_is(op, rw->ops[i]->desc->name)) {
            *end = reader;
            return op->in[0] == value ? n : 0;
        }
        if (n == MAX_BETWEEN || !is_elementwise(rw, op, value)) return 0;
        path[n++] = reader;
        value = op->out[0];
    }
}

/* Values between get the shape that `source` has. */
static void reshape_path(mwi_rw *rw, const int32_t *path, size_t n, int32_t source)
{
    const mwi_tensor *const from = mwi_rw_tensor_of(rw, source);

    for (size_t k = 0; k < n; k++) {
        mwi_tensor *const t = mwi_rw_tensor_of(rw, rw->ops[path[k]]->out[0]);
        t->rank = from->rank;
        memcpy(t->dims, from->dims, sizeof t->dims);
        memcpy(t->signature, from->signature, sizeof t->signature);
    }
}

/* A constant of one value broadcasts to any shape but one of lower rank. */
static bool constants_fit(const mwi_rw *rw, const int32_t *path, size_t n, int32_t source)
{
    for (size_t k = 0; k < n; k++)
        for (size_t j = 0; j < rw->ops[path[k]]->n_in; j++) {
            const int32_t t = rw->ops[path[k]]->in[j];
            if (mwi_rw_is_const(rw, t) &&
                mwi_rw_tensor_of(rw, t)->rank > mwi_rw_tensor_of(rw, source)->rank)
                return false;
        }
    return true;
}

static mw_status meet(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i];
    int32_t path[MAX_BETWEEN], end = -1;
    int64_t inner[MW_MAX_RANK], outer[MW_MAX_RANK];
    const bool transposes = mwi_op_is(op, "TRANSPOSE");
    const size_t n = path_from(rw, i, path, &end);

    if (n == 0 || !mwi_rw_same_type(rw, op->in[0], op->out[0]) ||
        !constants_fit(rw, path, n, op->in[0]))
        return MW_OK;
    if (!mwi_rw_tensor_of(rw, op->in[0])->has_rank) return MW_OK;
    if (transposes && (!perm_of(rw, op, inner) || !perm_of(rw, rw->ops[end], outer))) return MW_OK;
    const int32_t source = op->in[0], value = op->out[0], last = rw->ops[path[n - 1]]->out[0];
    mwi_op *const first = rw->ops[path[0]];
    for (size_t k = 0; k < first->n_in; k++)
        if (first->in[k] == value) MWI_TRY(mwi_rw_set_input(ctx, rw, path[0], k, source));
    reshape_path(rw, path, n, source);
    if (transposes) MWI_TRY(compose(ctx, rw, end, last, inner, outer));
    mwi_rw_remove(rw, i);
    *done = true;
    return MW_OK;
}

static mw_status visit(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    int64_t perm[MW_MAX_RANK];

    if (mwi_op_is(rw->ops[i], "TRANSPOSE")) {
        MWI_TRY(merge(ctx, rw, i, done));
        const mwi_op *const op = rw->ops[i];
        if (perm_of(rw, op, perm) && moves_only_ones(rw, op, perm) &&
            mwi_rw_same_type(rw, op->in[0], op->out[0])) {
            bool reshaped = false;
            const bool moves = mwi_rw_tensor_of(rw, op->in[0])->rank > 0;
            if (moves) MWI_TRY(mwi_rw_make_reshape(ctx, rw, i, op->in[0], perm[0] == 0, &reshaped));
            *done = *done || reshaped;
            if (reshaped) return MW_OK;
        }
    }
    bool met = false;
    MWI_TRY(meet(ctx, rw, i, &met));
    *done = *done || met;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    const size_t n = rw->n_ops;

    for (int32_t i = 0; i < (int32_t)n; i++) {
        const mwi_op *const op = rw->ops[i];
        bool done = false;
        if (!mwi_op_is(op, "TRANSPOSE") && !mwi_op_is(op, "RESHAPE")) continue;
        if (op->in[0] < 0 || !mwi_rw_is_pure(rw, op)) continue;
        MWI_TRY(visit(ctx, rw, i, &done));
        rw->n_changes += done;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_merge_transposes = {
    .name = "merge_transposes",
    .summary = "merges and cancels TRANSPOSE, and RESHAPE, also past elementwise operators",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
