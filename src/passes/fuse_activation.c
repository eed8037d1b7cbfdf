/* passes/fuse_activation.c - RELU, RELU6 and RELU_N1_TO_1 become the fused activation of the
 * operator before them, also through operators that only reshape. Quantized values: only where the
 * clamp is all that they do (same scale and zero point before and after). TANH is not fused:
 * LiteRT's float kernels leave it out.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

static int32_t activation_of(const mwi_op *op)
{
    if (mwi_op_is(op, "RELU")) return MWI_ACT_RELU;
    if (mwi_op_is(op, "RELU6")) return MWI_ACT_RELU6;
    if (mwi_op_is(op, "RELU_N1_TO_1")) return MWI_ACT_RELU_N1_TO_1;
    return MWI_ACT_NONE;
}

/* The one activation that does what `first` and then `second` do; -1: none. */
static int32_t both(int32_t first, int32_t second)
{
    if (first == MWI_ACT_NONE || first == second) return second;
    if (first == MWI_ACT_RELU && second == MWI_ACT_RELU6) return MWI_ACT_RELU6;
    if (first == MWI_ACT_RELU6 && second == MWI_ACT_RELU) return MWI_ACT_RELU6;
    return -1;
}

/* Float, or integers of one scale on both sides. */
static bool only_clamps(const mwi_rw *rw, int32_t in, int32_t out)
{
    const mwi_tensor *const t = mwi_rw_tensor_of(rw, in);

    if (t->dtype == MW_FLOAT32) return mwi_rw_is_float(rw, out);
    if (t->dtype != MW_INT8 && t->dtype != MW_UINT8 && t->dtype != MW_INT16) return false;
    return t->quant != NULL && t->quant->q.n_scales == 1 && mwi_rw_same_type(rw, in, out);
}

static bool may_carry(const mwi_rw *rw, const mwi_op *op)
{
    const mwi_linear *const layer = op->desc->linear;

    if ((op->desc->traits & MWI_OP_FUSES_ACT) == 0) return false;
    if (layer == NULL) return true;
    /* The kernel for weights with a scale a block leaves the activation out. */
    const mwi_quant *const q = mwi_rw_tensor_of(rw, op->in[layer->weight])->quant;
    return q == NULL || q->q.block_size == 0;
}

/* The operator that makes `value`, behind those that only reshape; NULL: none, or others read on
 * the way. */
static mwi_op *maker_of(const mwi_rw *rw, int32_t value)
{
    const int32_t last = value;

    for (;;) {
        mwi_op *const op = mwi_rw_producer(rw, value);
        if (op == NULL || op->n_out != 1 || !mwi_rw_single(rw, value) ||
            rw->tensors[value].is_input || !mwi_rw_same_type(rw, value, last))
            return NULL;
        if ((op->desc->traits & MWI_OP_VIEW) == 0) return op;
        value = op->in[0];
    }
}

static mw_status fuse(mw_ctx *ctx, mwi_rw *rw, int32_t i, int32_t activation, bool *done)
{
    const mwi_op *const op = rw->ops[i];
    mwi_op *const maker = maker_of(rw, op->in[0]);
    const int32_t value = op->in[0], out = op->out[0];

    if (maker == NULL || !may_carry(rw, maker) || !only_clamps(rw, value, out)) return MW_OK;
    if (!mwi_rw_same_shape(rw, value, out)) return MW_OK;
    const int32_t joined = both(mwi_op_activation(maker), activation);
    if (joined < 0) return MW_OK;
    mwi_rw_absorb(rw, rw->tensors[value].producer, i);
    MWI_TRY(mwi_rw_renew_before(ctx, rw, out));
    mwi_op_set_i32(maker, "fused_activation_function", joined);
    *done = true;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    for (int32_t i = 0; i < (int32_t)rw->n_ops; i++) {
        const int32_t activation = rw->ops[i] == NULL ? MWI_ACT_NONE : activation_of(rw->ops[i]);
        bool done = false;
        if (activation == MWI_ACT_NONE) continue;
        MWI_TRY(fuse(ctx, rw, i, activation, &done));
        rw->n_changes += done;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_fuse_activation = {
    .name = "fuse_activation",
    .summary =
        "makes RELU, RELU6 and RELU_N1_TO_1 the fused activation of the operator before them",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
