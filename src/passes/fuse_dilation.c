/* passes/fuse_dilation.c - SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND: the way TensorFlow
 * once wrote a dilated convolution. It becomes one; so does the form of one dimension, with
 * reshapes around the convolution.
 * Depends: passes/pass.  Used by: the list of passes only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

/* A convolution over two axes that steps by 1 and pads nothing. */
static bool is_plain_window(const mwi_op *op)
{
    const mwi_linear *const layer = op->desc->linear;
    const mwi_windows *const w = op->desc->windows;

    if (layer == NULL || w == NULL || w->n != 2 || layer->value != 0 || layer->transposed)
        return false;
    for (int32_t i = 0; i < w->n; i++)
        if (w->dilation[i] == NULL || mwi_op_get_i32(op, w->dilation[i], 0) != 1 ||
            mwi_op_get_i32(op, w->stride[i], 0) != 1)
            return false;
    return mwi_op_get_i32(op, "padding", -1) == MWI_PADDING_VALID;
}

/* How the window pads along one axis: SAME, VALID, or -1 for neither. The zeros behind only make
 * the size a multiple of the block; what they add is cropped. */
static int32_t kind_of(int64_t in, int64_t out, int64_t filter, int64_t dilation, int64_t before,
                       int64_t crop)
{
    const int64_t window = (filter - 1) * dilation;

    if (crop != 0) return -1;
    if (before == 0 && out == in - window)
        return window == 0 ? -2 : MWI_PADDING_VALID; /* -2: either */
    return out == in && before == window / 2 ? MWI_PADDING_SAME : -1;
}

typedef struct pattern {
    int64_t block[2], pads[4], crops[4], end_block[2];
} pattern;

static bool match(const mwi_rw *rw, const mwi_op *start, const mwi_op *conv, const mwi_op *end,
                  pattern *p, int32_t *pad)
{
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, start->in[0]), *const y = mwi_rw_tensor_of(
                                                                        rw, end->out[0]);
    const mwi_tensor *const w = mwi_rw_tensor_of(rw, conv->in[1]);
    int32_t kinds[2];
    size_t n[4];

    if (!mwi_rw_ints(rw, start->in[1], 2, p->block, &n[0]) ||
        !mwi_rw_ints(rw, start->in[2], 4, p->pads, &n[1]) ||
        !mwi_rw_ints(rw, end->in[1], 2, p->end_block, &n[2]) ||
        !mwi_rw_ints(rw, end->in[2], 4, p->crops, &n[3]))
        return false;
    if (n[0] != 2 || n[1] != 4 || n[2] != 2 || n[3] != 4 || x->rank != 4 || y->rank != 4 ||
        w->rank != 4)
        return false;
    for (int32_t k = 0; k < 2; k++) {
        if (p->block[k] != p->end_block[k] || p->block[k] < 1 || p->block[k] > INT32_MAX)
            return false;
        if (x->signature[k + 1] < 1 || y->signature[k + 1] < 1) return false;
        kinds[k] = kind_of(x->dims[k + 1], y->dims[k + 1], w->dims[k + 1], p->block[k],
                           p->pads[2 * k], p->crops[2 * k]);
    }
    if (kinds[0] == -1 || kinds[1] == -1) return false;
    if (kinds[0] == -2) kinds[0] = kinds[1];
    if (kinds[1] == -2) kinds[1] = kinds[0];
    *pad = kinds[0] == -2 ? MWI_PADDING_VALID : kinds[0];
    return kinds[0] == kinds[1];
}

/* `i` makes the batches. */
static mw_status fuse(mw_ctx *ctx, mwi_rw *rw, int32_t i)
{
    const mwi_op *const start = rw->ops[i];
    const int32_t at = mwi_rw_only_reader(rw, start->out[0]);
    pattern p;
    int32_t padding;

    if (at < 0 || start->n_in < 3 || !is_plain_window(rw->ops[at]) ||
        rw->ops[at]->in[0] != start->out[0])
        return MW_OK;
    mwi_op *const conv = rw->ops[at];
    const int32_t last = mwi_rw_only_reader(rw, conv->out[0]);
    if (last < 0 || !mwi_op_is(rw->ops[last], "BATCH_TO_SPACE_ND") || rw->ops[last]->n_in < 3)
        return MW_OK;
    const mwi_op *const end = rw->ops[last];
    if (conv->in[1] < 0 || !match(rw, start, conv, end, &p, &padding)) return MW_OK;
    if (!mwi_rw_same_type(rw, start->in[0], start->out[0]) ||
        !mwi_rw_same_type(rw, conv->out[0], end->out[0]))
        return MW_OK;
    MWI_TRY(mwi_rw_set_input(ctx, rw, at, 0, start->in[0]));
    mwi_op_set_i32(conv, "padding", padding);
    mwi_op_set_i32(conv, "dilation_h_factor", (int32_t)p.block[0]);
    mwi_op_set_i32(conv, "dilation_w_factor", (int32_t)p.block[1]);
    mwi_rw_absorb(rw, at, last);
    mwi_rw_remove(rw, i);
    rw->n_changes++;
    return MW_OK;
}

/* ---- one dimension ---- */

/* SPACE_TO_BATCH_ND, to_rank_4, convolution, to_rank_3, BATCH_TO_SPACE_ND. */
typedef struct line {
    int32_t start, to_rank_4, conv, to_rank_3, end;
    int32_t axis; /* of the convolution's input that is the line: 1 or 2; the other has size 1 */
    int32_t padding;
    int64_t dilation;
} line;

static int32_t next_view(const mwi_rw *rw, int32_t op)
{
    const int32_t reader = op < 0 ? -1 : mwi_rw_only_reader(rw, rw->ops[op]->out[0]);
    return reader >= 0 && (rw->ops[reader]->desc->traits & MWI_OP_VIEW) != 0 ? reader : -1;
}

static bool find_line(const mwi_rw *rw, int32_t start, line *l)
{
    l->start = start;
    l->to_rank_4 = next_view(rw, start);
    l->conv = l->to_rank_4 < 0 ? -1 : mwi_rw_only_reader(rw, rw->ops[l->to_rank_4]->out[0]);
    if (l->conv < 0 || !is_plain_window(rw->ops[l->conv]) ||
        rw->ops[l->conv]->in[0] != rw->ops[l->to_rank_4]->out[0])
        return false;
    l->to_rank_3 = next_view(rw, l->conv);
    l->end = l->to_rank_3 < 0 ? -1 : mwi_rw_only_reader(rw, rw->ops[l->to_rank_3]->out[0]);
    return l->end >= 0 && mwi_op_is(rw->ops[l->end], "BATCH_TO_SPACE_ND") &&
           rw->ops[l->end]->n_in > 2;
}

static bool match_line(const mwi_rw *rw, line *l)
{
    const mwi_op *const start = rw->ops[l->start], *const conv = rw->ops[l->conv],
                        *const end = rw->ops[l->end];
    const mwi_tensor *const x = mwi_rw_tensor_of(rw, start->in[0]), *const y = mwi_rw_tensor_of(
                                                                        rw, end->out[0]);
    const mwi_tensor *const in = mwi_rw_tensor_of(rw, conv->in[0]), *const out = mwi_rw_tensor_of(
                                                                        rw, conv->out[0]);
    const mwi_tensor *const split = mwi_rw_tensor_of(rw, start->out[0]), *const joined =
                                                                             mwi_rw_tensor_of(
                                                                                 rw, end->in[0]);
    int64_t block, end_block, pads[2], crops[2];
    size_t n[4];

    if (x->rank != 3 || y->rank != 3 || in->rank != 4 || out->rank != 4 || split->rank != 3 ||
        joined->rank != 3)
        return false;
    if (!mwi_rw_ints(rw, start->in[1], 1, &block, &n[0]) ||
        !mwi_rw_ints(rw, start->in[2], 2, pads, &n[1]) ||
        !mwi_rw_ints(rw, end->in[1], 1, &end_block, &n[2]) ||
        !mwi_rw_ints(rw, end->in[2], 2, crops, &n[3]))
        return false;
    if (n[0] != 1 || n[1] != 2 || n[2] != 1 || n[3] != 2 || block != end_block || block < 1 ||
        block > INT32_MAX)
        return false;
    if (x->signature[2] < 1 || y->signature[2] < 1 || x->signature[1] < 1 || y->signature[1] < 1 ||
        split->signature[1] < 1 || joined->signature[1] < 1)
        return false;
    l->axis = in->dims[1] == 1 && in->dims[2] == split->dims[1] ? 2 : 1;
    if (in->dims[3 - l->axis] != 1 || in->dims[l->axis] != split->dims[1] ||
        in->dims[3] != x->dims[2])
        return false;
    if (out->dims[3 - l->axis] != 1 || out->dims[l->axis] != joined->dims[1] ||
        out->dims[3] != y->dims[2])
        return false;
    const mwi_tensor *const w = conv->in[1] < 0 ? NULL : mwi_rw_tensor_of(rw, conv->in[1]);
    if (w == NULL || w->rank != 4 || w->dims[3 - l->axis] != 1) return false;
    const int32_t kind =
        kind_of(x->dims[1], y->dims[1], w->dims[l->axis], block, pads[0], crops[0]);
    l->padding = kind == -2 ? MWI_PADDING_VALID : kind;
    l->dilation = block;
    return kind != -1;
}

/* A value of the convolution at the length that the whole line has. */
static void set_line(mwi_rw *rw, int32_t t, const line *l, const mwi_tensor *whole)
{
    mwi_tensor *const v = mwi_rw_tensor_of(rw, t);

    v->dims[0] = whole->dims[0];
    v->signature[0] = whole->signature[0];
    v->dims[l->axis] = v->signature[l->axis] = whole->dims[1];
}

static mw_status fuse_line(mw_ctx *ctx, mwi_rw *rw, int32_t i)
{
    const int32_t x = rw->ops[i]->in[0];
    bool done;
    line l;

    if (rw->ops[i]->n_in < 3 || !find_line(rw, i, &l) || !match_line(rw, &l)) return MW_OK;
    const int32_t y = rw->ops[l.end]->out[0];
    mwi_op *const conv = rw->ops[l.conv];
    if (!mwi_rw_same_type(rw, x, conv->in[0]) || !mwi_rw_same_type(rw, conv->out[0], y))
        return MW_OK;
    set_line(rw, conv->in[0], &l, mwi_rw_tensor_of(rw, x));
    set_line(rw, conv->out[0], &l, mwi_rw_tensor_of(rw, y));
    mwi_op_set_i32(conv, "padding", l.padding);
    mwi_op_set_i32(conv, l.axis == 1 ? "dilation_h_factor" : "dilation_w_factor",
                   (int32_t)l.dilation);
    MWI_TRY(mwi_rw_make_reshape(ctx, rw, l.to_rank_4, x, true, &done));
    mwi_rw_absorb(rw, l.to_rank_3, l.end);
    MWI_TRY(mwi_rw_make_reshape(ctx, rw, l.to_rank_3, conv->out[0], true, &done));
    mwi_rw_remove(rw, i);
    rw->n_changes++;
    return MW_OK;
}

static mw_status run(mw_ctx *ctx, mwi_rw *rw)
{
    for (int32_t i = 0; i < (int32_t)rw->n_ops; i++) {
        if (!mwi_op_is(rw->ops[i], "SPACE_TO_BATCH_ND") || !mwi_rw_is_pure(rw, rw->ops[i]))
            continue;
        if (mwi_rw_tensor_of(rw, rw->ops[i]->in[0])->rank == 3)
            MWI_TRY(fuse_line(ctx, rw, i));
        else
            MWI_TRY(fuse(ctx, rw, i));
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_fuse_dilation = {
    .name = "fuse_dilation",
    .summary = "makes SPACE_TO_BATCH_ND, convolution, BATCH_TO_SPACE_ND one dilated convolution",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
