/* passes/fuse_padding.c - a PAD of zeros before a VALID convolution becomes SAME padding, where
 * that pads the same; so before MAX_POOL of values that are never negative. A PAD of a PAD becomes
 * one. Other paddings have no place in TFLite's operators.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

#include <string.h>

/* Before and behind each dimension. */
typedef struct padding {
    int32_t rank;
    int64_t before[MW_MAX_RANK], behind[MW_MAX_RANK];
} padding;

/* What a quantized tensor says zero with; 0 for floats. */
static bool zero_of(const mwi_tensor *t, int64_t *out)
{
    *out = 0;
    if (t->dtype == MW_FLOAT32) return true;
    if (t->quant == NULL || t->quant->q.n_scales != 1) return false;
    *out = t->quant->q.zero_points[0];
    return true;
}

static bool pads_with_zero(const mwi_rw *rw, const mwi_op *op)
{
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, op->in[0]);
    int64_t zero;

    if (!zero_of(x, &zero)) return false;
    if (mwi_op_is(op, "PAD")) return true;
    if (!mwi_op_is(op, "PADV2") || !mwi_rw_is_const(rw, op->in[2])) return false;
    const mwi_tensor *const v = mwi_rw_tensor_of(rw, op->in[2]);
    if (v->bytes < 1 || v->dtype != x->dtype || mwi_rw_count(rw, op->in[2]) != 1 ||
        v->sparsity != NULL)
        return false;
    switch (v->dtype) {
    case MW_FLOAT32: return *(const float *)v->data == 0;
    case MW_INT8: return *(const int8_t *)v->data == zero;
    case MW_UINT8: return *(const uint8_t *)v->data == zero;
    case MW_INT16: return *(const int16_t *)v->data == zero;
    default: return false;
    }
}

/* An operator that puts constant numbers of zeros around values of one type. */
static bool padding_of(const mwi_rw *rw, const mwi_op *op, padding *out)
{
    int64_t v[2 * MW_MAX_RANK];
    size_t n;

    if (op == NULL || op->n_out != 1 || (!mwi_op_is(op, "PAD") && !mwi_op_is(op, "PADV2")) ||
        op->in[0] < 0)
        return false;
    if (!pads_with_zero(rw, op) || !mwi_rw_same_type(rw, op->in[0], op->out[0])) return false;
    out->rank = mwi_rw_tensor_of(rw, op->in[0])->rank;
    if (!mwi_rw_ints(rw, op->in[1], MWI_COUNT(v), v, &n) || n != 2 * (size_t)out->rank)
        return false;
    for (int32_t i = 0; i < out->rank; i++) {
        out->before[i] = v[2 * i];
        out->behind[i] = v[2 * i + 1];
        if (v[2 * i] < 0 || v[2 * i + 1] < 0 || v[2 * i] > INT32_MAX / 4 ||
            v[2 * i + 1] > INT32_MAX / 4)
            return false;
    }
    return true;
}

/* ---- into a window ---- */

/* Filter, stride and dilation along height (0) or width (1). */
typedef struct window {
    int64_t filter[2], stride[2], dilation[2];
} window;

/* Whether zeros around the value count for nothing: in a sum of products they do. A transposed
 * convolution has its padding around the output. */
static bool slides(const mwi_op *op)
{
    const mwi_linear *const layer = op->desc->linear;
    if (op->desc->windows == NULL || op->desc->windows->n != 2) return false;
    return layer == NULL ? mwi_op_is(op, "MAX_POOL_2D") : layer->value == 0 && !layer->transposed;
}

static int64_t field_or_1(const mwi_op *op, const char *name)
{
    return name == NULL ? 1 : mwi_op_get_i32(op, name, 1);
}

static bool window_of(const mwi_rw *rw, const mwi_op *op, window *w)
{
    const mwi_windows *const f = op->desc->windows;

    if (!slides(op) || mwi_op_get_i32(op, "padding", -1) != MWI_PADDING_VALID) return false;
    const mwi_linear *const layer = op->desc->linear;
    const mwi_tensor *const weight = layer == NULL || op->in[layer->weight] < 0
                                         ? NULL
                                         : mwi_rw_tensor_of(rw, op->in[layer->weight]);
    if (layer != NULL && (weight == NULL || weight->rank != layer->rank)) return false;
    for (int32_t i = 0; i < 2; i++) {
        w->filter[i] =
            weight != NULL ? weight->dims[f->weight_axis[i]] : field_or_1(op, f->size[i]);
        w->stride[i] = field_or_1(op, f->stride[i]);
        w->dilation[i] = field_or_1(op, f->dilation[i]);
    }
    return true;
}

/* What SAME would pad before and behind. */
static bool same_pads(int64_t in, int64_t filter, int64_t stride, int64_t dilation, int64_t before,
                      int64_t behind)
{
    const int64_t out = (in + stride - 1) / stride,
                  needed = (out - 1) * stride + (filter - 1) * dilation + 1 - in;
    const int64_t total = needed < 0 ? 0 : needed;
    /* More zeros behind than the last window reaches change nothing, if no further window fits. */
    const int64_t reach = before + in + behind - ((filter - 1) * dilation + 1);

    if (before != total / 2 || reach < 0) return false;
    return behind >= total - total / 2 && reach / stride + 1 == out;
}

/* Integers that stand for numbers >= 0 are no smaller than the zero point, where they were clamped
 * in its scale: not all kernels that round a function's results do so. */
static bool zero_is_zero(const mwi_rw *rw, const mwi_op *op, int32_t t)
{
    return mwi_rw_is_float(rw, t) || (op->desc->traits & (MWI_OP_CLAMPS | MWI_OP_FUSES_ACT)) != 0;
}

/* Zeros are less than any value that counts: then they never win the maximum. A window of zeros
 * alone cannot be. */
static bool is_never_negative(const mwi_rw *rw, int32_t t)
{
    const mwi_op *const op = mwi_rw_producer(rw, t);
    double low, high;

    if (mwi_op_values_between(op, &low, &high) && low >= 0) return zero_is_zero(rw, op, t);
    return mwi_op_is(op, "MAX_POOL_2D") && is_never_negative(rw, op->in[0]) &&
           mwi_rw_same_type(rw, op->in[0], t);
}

static mw_status into_window(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    mwi_op *const op = rw->ops[i];
    const mwi_op *const pad = mwi_rw_producer(rw, op->in[0]);
    window w;
    padding p;

    if (!window_of(rw, op, &w) || !padding_of(rw, pad, &p) || p.rank != 4) return MW_OK;
    if (p.before[0] != 0 || p.behind[0] != 0 || p.before[3] != 0 || p.behind[3] != 0) return MW_OK;
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, pad->in[0]);
    for (int32_t k = 0; k < 2; k++)
        if (x->signature[k + 1] < 1 || !same_pads(x->dims[k + 1], w.filter[k], w.stride[k],
                                                  w.dilation[k], p.before[k + 1], p.behind[k + 1]))
            return MW_OK;
    if (mwi_op_is(op, "MAX_POOL_2D") && !is_never_negative(rw, pad->in[0])) return MW_OK;
    MWI_TRY(mwi_rw_set_input(ctx, rw, i, 0, pad->in[0]));
    mwi_op_set_i32(op, "padding", MWI_PADDING_SAME);
    *done = true;
    return MW_OK;
}

/* ---- PAD of a PAD ---- */

static mw_status into_pad(mw_ctx *ctx, mwi_rw *rw, int32_t i, bool *done)
{
    const mwi_op *const op = rw->ops[i], *const before = mwi_rw_producer(rw, op->in[0]);
    const int32_t rank = mwi_rw_tensor_of(rw, op->in[0])->rank, dims[2] = {rank, 2};
    int32_t sums[2 * MW_MAX_RANK], operand;
    padding a, b;

    if (!padding_of(rw, op, &b) || !padding_of(rw, before, &a) || a.rank != rank || b.rank != rank)
        return MW_OK;
    for (int32_t k = 0; k < rank; k++) {
        sums[2 * k] = (int32_t)(a.before[k] + b.before[k]);
        sums[2 * k + 1] = (int32_t)(a.behind[k] + b.behind[k]);
    }
    MWI_TRY(mwi_rw_add_const(ctx, rw, op->out[0], "_paddings", MW_INT32, 2, dims, sums, &operand));
    MWI_TRY(mwi_rw_set_input(ctx, rw, i, 0, before->in[0]));
    MWI_TRY(mwi_rw_set_input(ctx, rw, i, 1, operand));
    *done = true;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    for (int32_t i = 0; i < (int32_t)rw->n_ops; i++) {
        const mwi_op *const op = rw->ops[i];
        bool done = false;
        if (op == NULL || op->n_in == 0 || op->in[0] < 0 || !mwi_rw_is_pure(rw, op)) continue;
        if (mwi_op_is(op, "PAD") || mwi_op_is(op, "PADV2"))
            MWI_TRY(into_pad(ctx, rw, i, &done));
        else
            MWI_TRY(into_window(ctx, rw, i, &done));
        rw->n_changes += done;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_fuse_padding = {
    .name = "fuse_padding",
    .summary = "makes PAD the SAME padding of a convolution or pool, where that pads the same",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
