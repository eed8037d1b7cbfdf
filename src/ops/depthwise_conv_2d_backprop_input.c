/* ops/depthwise_conv_2d_backprop_input.c - DEPTHWISE_CONV_2D_BACKPROP_INPUT(dy, w, x): the
 * gradient of DEPTHWISE_CONV_2D's x, of which only the shape is read.
 * Depends: ops/conv_backprop.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/conv_backprop.h"

#include <string.h>

static const mwi_conv_operands operands = {.dy = 0, .w = 1, .x = 2, .depthwise = true};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    return mwi_conv_backprop_infer(ctx, call, &operands);
}

static uint64_t macs(const mwi_shape_call *call) { return mwi_conv_backprop_macs(call, &operands); }

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_conv_backprop_prepare(ctx, call, &operands);
}

/* Adds to one row of dx what a row of dy has of it by filter row `f`. */
static void add_row(const mwi_window *w, size_t out_c, const float *dy, const float *f, float *dx)
{
    const size_t in_c = (size_t)w->in_c, multiplier = out_c / in_c;

    for (int32_t kx = 0; kx < w->filter_w; kx++, f += out_c) {
        const int64_t tap = (int64_t)kx * w->dilation_w;
        int32_t first, end;
        mwi_window_reach(w->out_w, w->in_w, w->stride_w, w->pad_left, tap, &first, &end);
        for (int32_t ox = first; ox < end; ox++) {
            const float *const g = dy + (size_t)ox * out_c;
            float *const to = dx + (size_t)((int64_t)ox * w->stride_w - w->pad_left + tap) * in_c;
            for (size_t c = 0; c < out_c; c++) to[c / multiplier] += g[c] * f[c];
        }
    }
}

/* Input rows, counted over the batch. */
static void rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const mwi_run_call *const call = arg;
    const mwi_window *const w = call->state;
    const size_t out_c = (size_t)call->in[1].dims[3], row = (size_t)w->in_w * (size_t)w->in_c;

    (void)thread;
    for (size_t r = begin; r < end; r++) {
        float *const dx = (float *)call->out[0].data + r * row;
        memset(dx, 0, row * sizeof *dx);
        for (int32_t ky = 0; ky < w->filter_h; ky++) {
            const int64_t at =
                (int64_t)(r % (size_t)w->in_h) + w->pad_top - (int64_t)ky * w->dilation_h;
            if (at < 0 || at % w->stride_h != 0 || at / w->stride_h >= w->out_h) continue;
            const size_t oy = r / (size_t)w->in_h * (size_t)w->out_h + (size_t)(at / w->stride_h);
            add_row(w, out_c, (const float *)call->in[0].data + oy * (size_t)w->out_w * out_c,
                    (const float *)call->in[1].data + (size_t)ky * (size_t)w->filter_w * out_c, dx);
        }
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_window *const w = call->state;

    (void)ctx;
    mwi_par_for(call->pool, (size_t)w->batch * (size_t)w->in_h, 1, rows, (void *)(uintptr_t)call);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_depthwise_conv_2d_backprop_input__ref",
     .types = "f32,f32,f32>f32",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_depthwise_conv_2d_backprop_input = {
    .name = "DEPTHWISE_CONV_2D_BACKPROP_INPUT",
    .tflite_code = -1,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .traits = MWI_OP_TRAINING_ONLY,
    .attr_size = sizeof(mwi_conv_backprop_attr),
    .fields = mwi_conv_backprop_fields,
    .kernels = kernels,
    .infer = infer,
    .macs = macs,
};
