/* ops/conv_2d_backprop_filter.c - CONV_2D_BACKPROP_FILTER(x, dy, w): the gradient of CONV_2D's w,
 * of which only the shape is read.
 * Depends: ops/conv_backprop.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/conv_backprop.h"

#include <string.h>

static const mwi_conv_operands operands = {.x = 0, .dy = 1, .w = 2};

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    return mwi_conv_backprop_infer(ctx, call, &operands);
}

static uint64_t macs(const mwi_shape_call *call) { return mwi_conv_backprop_macs(call, &operands); }

static mw_status prepare(mw_ctx *ctx, mwi_prepare_call *call)
{
    return mwi_conv_backprop_prepare(ctx, call, &operands);
}

typedef struct job {
    const mwi_window *w;
    const float *x, *dy;
    float *df;
    size_t depth, out_c, group_out; /* input channels of a group; outputs of all and of a group */
} job;

/* One filter tap of one output channel: the sum over all windows, in their order. */
static void tap_sum(const job *j, size_t oc, int32_t ky, int32_t kx, float *df)
{
    const mwi_window *const w = j->w;
    const size_t in_c = (size_t)w->in_c, in_row = (size_t)w->in_w * in_c;
    const int64_t tap_y = (int64_t)ky * w->dilation_h, tap_x = (int64_t)kx * w->dilation_w;
    int32_t y0, y1, x0, x1;

    mwi_window_reach(w->out_h, w->in_h, w->stride_h, w->pad_top, tap_y, &y0, &y1);
    mwi_window_reach(w->out_w, w->in_w, w->stride_w, w->pad_left, tap_x, &x0, &x1);
    memset(df, 0, j->depth * sizeof *df);
    for (int32_t b = 0; b < w->batch; b++)
        for (int32_t oy = y0; oy < y1; oy++) {
            const int64_t iy =
                (int64_t)b * w->in_h + (int64_t)oy * w->stride_h - w->pad_top + tap_y;
            const float *const x = j->x + (size_t)iy * in_row + oc / j->group_out * j->depth;
            const float *const dy =
                j->dy + ((size_t)b * (size_t)w->out_h + (size_t)oy) * (size_t)w->out_w * j->out_c +
                oc;
            for (int32_t ox = x0; ox < x1; ox++) {
                const float g = dy[(size_t)ox * j->out_c];
                const float *const v =
                    x + (size_t)((int64_t)ox * w->stride_w - w->pad_left + tap_x) * in_c;
                for (size_t c = 0; c < j->depth; c++) df[c] += g * v[c];
            }
        }
}

static void taps(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const size_t fh = (size_t)j->w->filter_h, fw = (size_t)j->w->filter_w;

    (void)thread;
    for (size_t i = begin; i < end; i++)
        tap_sum(j, i / (fh * fw), (int32_t)(i / fw % fh), (int32_t)(i % fw), j->df + i * j->depth);
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_window *const w = call->state;
    const int32_t *const f = call->in[2].dims;
    job j = {.w = w,
             .x = call->in[0].data,
             .dy = call->in[1].data,
             .df = call->out[0].data,
             .depth = (size_t)f[3],
             .out_c = (size_t)f[0],
             .group_out = (size_t)f[0] / (size_t)(w->in_c / f[3])};

    (void)ctx;
    mwi_par_for(call->pool, j.out_c * (size_t)f[1] * (size_t)f[2], 1, taps, &j);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_conv_2d_backprop_filter__ref",
     .types = "f32,f32,f32>f32",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_conv_2d_backprop_filter = {
    .name = "CONV_2D_BACKPROP_FILTER",
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
