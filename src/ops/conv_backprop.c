/* ops/conv_backprop.c - see conv_backprop.h.
 * Depends: ops/window, ops/gradient.  Used by: CONV_2D and its gradients.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/conv_backprop.h"

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

static mw_status check_groups(mw_ctx *ctx, int32_t in_c, const int32_t *f)
{
    if (f[3] >= 1 && in_c >= f[3] && in_c % f[3] == 0 && f[0] % (in_c / f[3]) == 0) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "%d input channels do not fit weights [%d,%d,%d,%d]", in_c,
                    f[0], f[1], f[2], f[3]);
}

static mw_status check_depthwise(mw_ctx *ctx, int32_t in_c, const int32_t *f)
{
    if (f[0] == 1 && in_c >= 1 && f[3] >= in_c && f[3] % in_c == 0) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "%d input channels do not fit weights [%d,%d,%d,%d]", in_c,
                    f[0], f[1], f[2], f[3]);
}

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
    MWI_TRY(o->depthwise ? check_depthwise(ctx, w->in_c, f->dims)
                         : check_groups(ctx, w->in_c, f->dims));
    const int32_t out_c = f->dims[o->depthwise ? 3 : 0];
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

mw_status mwi_conv_backprop_infer(mw_ctx *ctx, mwi_shape_call *call, const mwi_conv_operands *o)
{
    mwi_window w;

    for (size_t i = 0; i < 3; i++) MWI_TRY(mwi_need_input(ctx, call, i, 4, 4));
    MWI_TRY(mwi_conv_backprop_window(ctx, call->attr, call->in, o, &w));
    mwi_view_set_dims(&call->out[0], 4, call->in[2].dims);
    return MW_OK;
}

uint64_t mwi_conv_backprop_macs(const mwi_shape_call *call, const mwi_conv_operands *o)
{
    const int32_t *const f = call->in[o->w].dims;
    const uint64_t n = mwi_view_count(&call->in[o->dy]) * (uint64_t)f[1] * (uint64_t)f[2];
    return o->depthwise ? n : n * (uint64_t)f[3];
}

mw_status mwi_conv_gradient(mw_ctx *ctx, mwi_gradient_call *call, const mwi_op_desc *backprop_input,
                            const mwi_op_desc *backprop_filter)
{
    const int32_t *const in = call->at.op->in;
    int32_t dy;

    MWI_TRY(mwi_gradient_of_sum(ctx, call, &dy));
    if (call->wanted[0])
        MWI_TRY(mwi_emit(ctx, &call->at, backprop_input, MWI_IN(dy, in[1], in[0]),
                         mwi_same_settings, &call->d_in[0]));
    if (call->wanted[1])
        MWI_TRY(mwi_emit(ctx, &call->at, backprop_filter, MWI_IN(in[0], dy, in[1]),
                         mwi_same_settings, &call->d_in[1]));
    return mwi_gradient_of_bias(ctx, call, 2, dy);
}
