/* passes/fuse_padding.c - a PAD of zeros before a VALID convolution becomes SAME padding, where that pads the same.
 * Depends: passes/edit.  Used by: the list of passes only.   SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass_edit.h"

/* What SAME would pad before and behind. */
static bool same_pads(int32_t in, int32_t filter, int32_t stride, int32_t dilation, int32_t before, int32_t behind)
{
    const int32_t out = (in + stride - 1) / stride, window = (filter - 1) * dilation + 1;
    int32_t total = (out - 1) * stride + window - in;

    if (total < 0) total = 0;
    return before == total / 2 && behind == total - total / 2;
}

static bool fits(const mwi_graph *g, const mwi_op *pad, const mwi_op *conv)
{
    const mwi_tensor *const p = g->tensors[pad->in[1]], *const x = g->tensors[pad->in[0]], *const w = g->tensors[conv->in[1]];
    const int32_t *const v = p->data;

    if (v == NULL || p->dtype != MW_INT32 || p->bytes != 32 || x->rank != 4 || w->rank != 4) return false;
    if (v[0] != 0 || v[1] != 0 || v[6] != 0 || v[7] != 0) return false;
    if (mwi_op_get_i32(conv, "padding", -1) != MWI_PADDING_VALID || !mwi_same_quant(x, g->tensors[pad->out[0]])) return false;
    return same_pads(x->dims[1], w->dims[1], mwi_op_get_i32(conv, "stride_h", 1), mwi_op_get_i32(conv, "dilation_h_factor", 1),
                     v[2], v[3]) &&
           same_pads(x->dims[2], w->dims[2], mwi_op_get_i32(conv, "stride_w", 1), mwi_op_get_i32(conv, "dilation_w_factor", 1),
                     v[4], v[5]);
}

static mw_status run(mw_ctx *ctx, mw_model *model, mwi_graph *graph, uint32_t *n_changes)
{
    for (size_t i = 0; i < graph->n_ops; i++) {
        mwi_op *const conv = graph->ops[i];
        mwi_uses uses;
        if (conv->desc != &mwi_op_conv_2d && conv->desc != &mwi_op_depthwise_conv_2d) continue;
        MWI_TRY(mwi_graph_uses(ctx, graph, &model->arena, &uses));
        const mwi_op *const pad = mwi_sole_producer(graph, &uses, conv->in[0]);
        if (pad == NULL || pad->desc != &mwi_op_pad || !fits(graph, pad, conv)) continue;
        conv->in[0] = pad->in[0];
        mwi_op_set_i32(conv, "padding", MWI_PADDING_SAME);
        (*n_changes)++;
    }
    return MW_OK;
}

const mwi_pass_desc mwi_pass_fuse_padding = {
    .name = "fuse_padding",
    .summary = "PAD into the SAME padding of a convolution, where that pads the same",
    .flags = MWI_PASS_OPTIMIZE,
    .run = run,
};
