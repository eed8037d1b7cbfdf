/* passes/merge_quantize.c - QUANTIZE and DEQUANTIZE that undo each other exactly. A value that was
 * rounded to integers stays rounded: only steps that lose nothing go.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

static bool is_scaled(const mwi_tensor *t)
{
    return (t->dtype == MW_INT8 || t->dtype == MW_UINT8 || t->dtype == MW_INT16) &&
           t->quant != NULL && t->quant->q.n_scales == 1 && t->quant->q.scales[0] > 1e-30f;
}

/* From int8 to uint8 or back with the zero point moved by 128: another name for the same numbers.
 */
static bool renames(const mwi_tensor *a, const mwi_tensor *b)
{
    if (!is_scaled(a) || !is_scaled(b) || a->quant->q.scales[0] != b->quant->q.scales[0])
        return false;
    const int64_t za = a->quant->q.zero_points[0], zb = b->quant->q.zero_points[0];
    if (a->dtype == MW_INT8 && b->dtype == MW_UINT8) return zb - za == 128;
    if (a->dtype == MW_UINT8 && b->dtype == MW_INT8) return za - zb == 128;
    return a->dtype == b->dtype && za == zb;
}

/* Kernels that QUANTIZE has for these types, here and in LiteRT. */
static bool can_quantize(const mwi_tensor *a, const mwi_tensor *b)
{
    const bool narrow = b->dtype == MW_INT8 || b->dtype == MW_UINT8;

    if (a->dtype == MW_FLOAT32) return narrow || b->dtype == MW_INT16;
    if (a->dtype == MW_INT16) return b->dtype == MW_INT8 || b->dtype == MW_INT16;
    return (a->dtype == MW_INT8 || a->dtype == MW_UINT8) && (narrow || b->dtype == MW_INT16);
}

static mw_status visit(mw_ctx *ctx, mwi_rw *rw, int32_t i)
{
    const mwi_op *const op = rw->ops[i], *const before = mwi_rw_producer(rw, op->in[0]);

    if (before == NULL || !mwi_rw_is_pure(rw, before)) return MW_OK;
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, before->in[0]), *const m = mwi_rw_tensor_of(
                                                                         rw, op->in[0]);
    const mwi_tensor *const y = mwi_rw_tensor_of(rw, op->out[0]);
    /* Integers to floats and back to the same integers. */
    if (mwi_op_is(op, "QUANTIZE") && mwi_op_is(before, "DEQUANTIZE") && is_scaled(x) &&
        is_scaled(y)) {
        rw->n_changes += mwi_rw_forward(rw, i, before->in[0]);
        return MW_OK;
    }
    if (!mwi_op_is(before, "QUANTIZE") || !is_scaled(m)) return MW_OK;
    const bool first_renames = renames(x, m),
               last_renames = mwi_op_is(op, "QUANTIZE") && renames(m, y);
    if (!first_renames && !last_renames) return MW_OK;
    if (mwi_op_is(op, "QUANTIZE") && !can_quantize(x, y)) return MW_OK;
    /* What QUANTIZE rounds and clamps does not change with the name of the numbers, while their
     * range is 8 bits. */
    if (!first_renames && x->dtype != MW_FLOAT32 && !is_scaled(x)) return MW_OK;
    rw->n_changes++;
    return mwi_rw_set_input(ctx, rw, i, 0, before->in[0]);
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    for (int32_t i = 0; i < (int32_t)rw->n_ops; i++) {
        const mwi_op *const op = rw->ops[i];
        if (!mwi_op_is(op, "QUANTIZE") && !mwi_op_is(op, "DEQUANTIZE")) continue;
        if (op->in[0] >= 0 && mwi_rw_is_pure(rw, op)) MWI_TRY(visit(ctx, rw, i));
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_merge_quantize = {
    .name = "merge_quantize",
    .summary = "drops QUANTIZE and DEQUANTIZE that undo each other exactly",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
