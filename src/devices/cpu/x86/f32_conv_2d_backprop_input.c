/* devices/cpu/x86/f32_conv_2d_backprop_input.c - CONV_2D_BACKPROP_INPUT of floats: a convolution of
 * dy with the filter turned around and transposed. With strides, pixels of dx fall into phases that
 * are read by different taps: a convolution with stride 1 each, which writes every few pixels.
 * Depends: f32_conv, f32_winograd_layer, ops/conv_backprop.  Used by: the list of kernels only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "devices/cpu/x86/f32_conv.h"
#include "devices/cpu/x86/f32_winograd_layer.h"
#include "devices/device.h"

#include "ops/conv_backprop.h"

static const mwi_conv_operands operands = {.dy = 0, .w = 1, .x = 2};

static bool accepts(const mwi_prepare_call *call)
{
    const int32_t *const f = call->in[1].dims, *const x = call->in[2].dims;
    return f[3] == x[3] && f[0] > 0 && f[1] > 0 && f[2] > 0 && f[3] > 0; /* no groups */
}

/* Channels of x, and for each the taps from the last to the first, of all channels of dy. */
static mwi_f32_matrix matrix_of(const mwi_view *f)
{
    const size_t out_c = (size_t)f->dims[0], in_c = (size_t)f->dims[3];
    const size_t n_taps = (size_t)f->dims[1] * (size_t)f->dims[2];

    return (mwi_f32_matrix){.kind = "f32 turned",
                            .input = 1,
                            .out_c = in_c,
                            .n_taps = n_taps,
                            .in_c = out_c,
                            .out_step = 1,
                            .tap_step = in_c,
                            .in_step = n_taps * in_c,
                            .is_flipped = true};
}

/* ---- any filter ---- */

/* One axis of the convolution, and how many pixels of dx and of dy it has. */
typedef struct axis {
    int32_t in, out, filter, stride, dilation, pad;
} axis;

/* Pixels r, r + stride, ... of dx. Tap k of pixel r reads dy at (r + pad - k * dilation) / stride,
 * where that is whole: at every n-th tap, from the last to the first. */
static mw_status make_phase(mw_ctx *ctx, mwi_arena *arena, const axis *a, int32_t r,
                            mwi_f32_axis *out)
{
    int32_t last = -1, n = 0, every = 0;

    for (int32_t k = a->filter - 1; k >= 0; k--) {
        if (((int64_t)r + a->pad - (int64_t)k * a->dilation) % a->stride != 0) continue;
        if (n == 0) last = k;
        if (n == 1) every = last - k;
        n++;
    }
    const int64_t at = n == 0 ? 0 : (r + a->pad - (int64_t)last * a->dilation) / a->stride;
    *out =
        (mwi_f32_axis){.first = r,
                       .step = a->stride,
                       .stride = 1,
                       .dilation = n < 2 ? 1 : (int32_t)((int64_t)every * a->dilation / a->stride),
                       .weight = a->filter - 1 - last,
                       .weight_step = every};
    const mwi_spans_axis s = {.in = a->out,
                              .out = r < a->in ? (a->in - 1 - r) / a->stride + 1 : 0,
                              .filter = n,
                              .stride = 1,
                              .dilation = out->dilation,
                              .pad = -at};
    return mwi_spans_make_axis(ctx, arena, &s, &out->spans);
}

static mw_status make_phases(mw_ctx *ctx, mwi_arena *arena, const axis *a, mwi_f32_axes *out)
{
    void *memory;

    out->n = (size_t)(a->stride < a->in ? a->stride : a->in);
    MWI_TRY(mwi_arena_array(ctx, arena, out->n, sizeof(mwi_f32_axis), &memory));
    out->v = memory;
    for (size_t i = 0; i < out->n; i++) MWI_TRY(make_phase(ctx, arena, a, (int32_t)i, &out->v[i]));
    return MW_OK;
}

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call, const mwi_f32_isa *isa)
{
    const mwi_f32_matrix m = matrix_of(&call->in[1]);
    mwi_f32_axes rows, columns;
    void *memory;
    mwi_window w;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_f32_conv), &memory));
    mwi_f32_conv *const c = memory;
    call->state = c;
    MWI_TRY(mwi_conv_backprop_window(ctx, call->attr, call->in, &operands, &w));
    MWI_TRY(mwi_f32_layer_make(ctx, call, isa, &m, &c->layer));
    c->read = (mwi_window){.batch = w.batch,
                           .in_h = w.out_h,
                           .in_w = w.out_w,
                           .in_c = (int32_t)m.in_c,
                           .out_h = w.in_h,
                           .out_w = w.in_w,
                           .filter_w = w.filter_w};
    const axis y = {w.in_h, w.out_h, w.filter_h, w.stride_h, w.dilation_h, w.pad_top};
    const axis x = {w.in_w, w.out_w, w.filter_w, w.stride_w, w.dilation_w, w.pad_left};
    MWI_TRY(make_phases(ctx, call->arena, &y, &rows));
    MWI_TRY(make_phases(ctx, call->arena, &x, &columns));
    return mwi_f32_conv_plan(ctx, call, &rows, &columns, c);
}

static mw_status prepare_avx2(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare(ctx, call, &mwi_f32_layer_avx2);
}

/* Up to 8 channels would leave half of a wide vector empty. */
static mw_status prepare_avx512(mw_ctx *ctx, mwi_prepare_call *call)
{
    const bool is_narrow = (size_t)call->in[1].dims[3] <= mwi_f32_layer_avx2.lanes;
    return prepare(ctx, call, is_narrow ? &mwi_f32_layer_avx2 : &mwi_f32_layer_avx512);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_f32_conv_run(call->state, call, call->in[0].data, call->out[0].data);
    return MW_OK;
}

/* ---- 3x3 with stride 1, by Winograd's way ---- */

static bool accepts_winograd(const mwi_prepare_call *call)
{
    const int32_t *const f = call->in[1].dims, *const x = call->in[2].dims;
    const mwi_conv_backprop_attr *const a = call->attr;
    const mwi_window w = {.in_c = f[0], .out_h = x[1], .out_w = x[2]};

    return accepts(call) && f[1] == 3 && f[2] == 3 && a->stride_h == 1 && a->stride_w == 1 &&
           a->dilation_h == 1 && a->dilation_w == 1 && mwi_winograd_pays(&w, (size_t)f[3]);
}

static mw_status prepare_winograd(mw_ctx *ctx, mwi_prepare_call *call, bool is_wide)
{
    mwi_f32_matrix m = matrix_of(&call->in[1]);
    void *memory;
    mwi_window w;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_winograd_layer), &memory));
    call->state = memory;
    MWI_TRY(mwi_conv_backprop_window(ctx, call->attr, call->in, &operands, &w));
    const mwi_window turned = {.batch = w.batch,
                               .in_h = w.out_h,
                               .in_w = w.out_w,
                               .in_c = (int32_t)m.in_c,
                               .out_h = w.in_h,
                               .out_w = w.in_w,
                               .pad_top = 2 - w.pad_top,
                               .pad_left = 2 - w.pad_left};
    m.kind = "f32 winograd turned";
    return mwi_winograd_layer_make(ctx, call, is_wide, &turned, &m, memory);
}

static mw_status prepare_winograd_avx512(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare_winograd(ctx, call, true);
}

static mw_status prepare_winograd_avx2(mw_ctx *ctx, mwi_prepare_call *call)
{
    return prepare_winograd(ctx, call, false);
}

static mw_status run_winograd(mw_ctx *ctx, const mwi_run_call *call)
{
    (void)ctx;
    mwi_winograd_layer_run(call->state, call, call->in[0].data, call->out[0].data);
    return MW_OK;
}

#define KERNEL(variant, isa, features, accepts_fn, prepare_fn, run_fn)                             \
    {                                                                                              \
        &mwi_op_conv_2d_backprop_input,                                                            \
        {                                                                                          \
            .name = "f32_conv_2d_backprop_input" variant "__" #isa, .types = "f32,f32,f32>f32",    \
            .cpu_features = features, .accepts = accepts_fn, .prepare = prepare_fn##_##isa,        \
            .run = run_fn                                                                          \
        }                                                                                          \
    }

const mwi_device_kernel mwi_cpu_f32_conv_2d_backprop_input[] = {
    KERNEL("_winograd", avx512, MWI_CPU_AVX512, accepts_winograd, prepare_winograd, run_winograd),
    KERNEL("", avx512, MWI_CPU_AVX512, accepts, prepare, run),
    KERNEL("_winograd", avx2, MWI_CPU_AVX2, accepts_winograd, prepare_winograd, run_winograd),
    KERNEL("", avx2, MWI_CPU_AVX2, accepts, prepare, run),
    {.op = NULL},
};
