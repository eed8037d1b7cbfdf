/* ops/conv_backprop.c - see conv_backprop.h.
 * Depends: ops/window, ops/gradient.  Used by: CONV_2D and its gradients.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/conv_backprop.h"

#include "ops/gradient.h"

const mwi_field mwi_conv_backprop_fields[] = {
    {"padding", offsetof(mwi_conv_backprop_attr, padding), MWI_FIELD_ENUM, -1, 0, 0, 1,
     mwi_padding_names},
    {"stride_w", offsetof(mwi_conv_backprop_attr, stride_w), MWI_FIELD_I32, -1, 1, 1, INT32_MAX,
     NULL},
    {"stride_h", offsetof(mwi_conv_backprop_attr, stride_h), MWI_FIELD_I32, -1, 1, 1, INT32_MAX,
     NULL},
    {"dilation_w_factor", offsetof(mwi_conv_backprop_attr, dilation_w), MWI_FIELD_I32, -1, 1, 1,
     INT32_MAX, NULL},
    {"dilation_h_factor", offsetof(mwi_conv_backprop_attr, dilation_h), MWI_FIELD_I32, -1, 1, 1,
     INT32_MAX, NULL},
    MWI_FIELDS_END,
};

mw_status mwi_conv_backprop_window(mw_ctx *ctx, const mwi_conv_backprop_attr *a, const mwi_view *in,
                                   const mwi_conv_operands *o, mwi_window *w)
{
    const mwi_view *const x = &in[o->x], *const f = &in[o->w], *const dy = &in[o->dy];

    *w = (mwi_window){.filter_h = f->dims[1],
                      .filter_w = f->dims[2],
                      .stride_h = a->stride_h,
                      .stride_w = a->stride_w,
                      .dilation_h = a->dilation_h,
                      .dilation_w = a->dilation_w};
    MWI_TRY(mwi_window_make(ctx, x, a->padding, w));
    const int32_t depth = f->dims[3], out_c = f->dims[0];
    if (depth < 1 || w->in_c % depth != 0 || w->in_c < depth || out_c % (w->in_c / depth) != 0)
        return mwi_fail(ctx, MW_EFORMAT, "%d input channels do not fit weights [%d,%d,%d,%d]",
                        w->in_c, out_c, f->dims[1], f->dims[2], depth);
    if (dy->dims[0] != w->batch || dy->dims[1] != w->out_h || dy->dims[2] != w->out_w ||
        dy->dims[3] != out_c)
        return mwi_fail(ctx, MW_EFORMAT, "the gradient is [%d,%d,%d,%d], not [%d,%d,%d,%d]",
                        dy->dims[0], dy->dims[1], dy->dims[2], dy->dims[3], w->batch, w->out_h,
                        w->out_w, out_c);
    return MW_OK;
}

mw_status mwi_conv_backprop_prepare(mw_ctx *ctx, mwi_prepare_call *call, const mwi_conv_operands *o)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_window), &memory));
    call->state = memory;
    return mwi_conv_backprop_window(ctx, call->attr, call->in, o, memory);
}

void mwi_window_reach(int32_t out, int32_t in, int32_t stride, int32_t pad, int64_t tap,
                      int32_t *first, int32_t *end)
{
    const int64_t low = pad - tap, high = low + in; /* low <= at * stride < high */
    const int64_t a = low <= 0 ? 0 : (low + stride - 1) / stride;
    const int64_t b = high <= 0 ? 0 : (high + stride - 1) / stride;

    *first = (int32_t)(a < out ? a : out);
    *end = (int32_t)(b < out ? b : out);
    if (*end < *first) *end = *first;
}

mw_status mwi_conv_2d_gradient(mw_ctx *ctx, mwi_gradient_call *call)
{
    const int32_t *const in = call->at.op->in;
    int32_t dy;

    MWI_TRY(mwi_gradient_of_sum(ctx, call, &dy));
    if (call->wanted[0])
        MWI_TRY(mwi_emit(ctx, &call->at, &mwi_op_conv_2d_backprop_input, MWI_IN(dy, in[1], in[0]),
                         mwi_same_settings, &call->d_in[0]));
    if (call->wanted[1])
        MWI_TRY(mwi_emit(ctx, &call->at, &mwi_op_conv_2d_backprop_filter, MWI_IN(in[0], dy, in[1]),
                         mwi_same_settings, &call->d_in[1]));
    return mwi_gradient_of_bias(ctx, call, 2, dy);
}
