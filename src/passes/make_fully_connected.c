/* passes/make_fully_connected.c - BATCH_MATMUL by a constant matrix becomes FULLY_CONNECTED, which
 * has a bias, an activation, weights packed once, and quantization by channel.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

/* The constant matrix [in, out], or [out, in] when `transposed`, of an operator that multiplies
 * each row by it. */
static const float *matrix_of(const mwi_rw *rw, const mwi_op *op, int32_t *in, int32_t *out,
                              bool *transposed)
{
    size_t n;
    const float *const w = op->n_in == 2 ? mwi_rw_floats(rw, op->in[1], &n) : NULL;

    if (w == NULL || !mwi_rw_is_float(rw, op->in[0]) || mwi_op_get_bool(op, "adj_x", true))
        return NULL;
    const mwi_tensor *const t = mwi_rw_tensor_of(rw, op->in[1]), *const x = mwi_rw_tensor_of(
                                                                     rw, op->in[0]);
    if (t->rank < 2 || x->rank < 2 || t->rank > x->rank) return NULL;
    for (int32_t i = 0; i < t->rank - 2; i++)
        if (t->dims[i] != 1) return NULL;
    *transposed = mwi_op_get_bool(op, "adj_y", false);
    *in = t->dims[t->rank - (*transposed ? 1 : 2)];
    *out = t->dims[t->rank - (*transposed ? 2 : 1)];
    return x->signature[x->rank - 1] == *in ? w : NULL;
}

static mw_status convert(mw_ctx *ctx, mwi_rw *rw, int32_t i)
{
    const mwi_op *const op = rw->ops[i];
    int32_t in, out, operands[2] = {op->in[0], -1};
    bool transposed;
    void *memory;
    mwi_op *made;

    const float *const w = matrix_of(rw, op, &in, &out, &transposed);
    if (w == NULL || rw->tensors[op->in[1]].n_reads != 1) return MW_OK;
    const size_t n = (size_t)in * (size_t)out;
    MWI_TRY(mwi_arena_array(ctx, rw->arena, n, sizeof(float), &memory));
    float *const turned = memory;
    for (size_t k = 0; k < n; k++)
        turned[transposed ? k : k % (size_t)out * (size_t)in + k / (size_t)out] = w[k];
    MWI_TRY(mwi_rw_add_const(ctx, rw, op->in[1], "", MW_FLOAT32, 2, (const int32_t[]){out, in},
                             turned, &operands[1]));
    MWI_TRY(mwi_rw_replace_op(ctx, rw, i, "FULLY_CONNECTED", operands, 2, &made));
    mwi_op_set_bool(made, "keep_num_dims", true);
    rw->n_changes++;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    const size_t n = rw->n_ops;

    for (int32_t i = 0; i < (int32_t)n; i++)
        if (mwi_op_is(rw->ops[i], "BATCH_MATMUL") && mwi_rw_is_pure(rw, rw->ops[i]))
            MWI_TRY(convert(ctx, rw, i));
    return MW_OK;
}

const mwi_pass_desc mwi_pass_make_fully_connected = {
    .name = "make_fully_connected",
    .summary = "makes BATCH_MATMUL by a constant matrix FULLY_CONNECTED",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
