/* ops/conv_2d_backprop_input.c - CONV_2D_BACKPROP_INPUT(dy, w, x): the gradient of CONV_2D's x,
 * of which only the shape is read.
 * Depends: ops/conv_backprop.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/conv_backprop.h"

#include <string.h>

static const mwi_conv_operands operands = {.dy = 0, .w = 1, .x = 2};

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
    const float *dy, *f;
    float *dx;
    size_t depth, out_c, group_out; /* input channels of a group; outputs of all and of a group */
} job;

/* Adds to one row of dx what output row `oy` has of it by filter row `ky`. */
static void add_row(const job *j, const float *dy, float *dx, int32_t ky)
{
    const mwi_window *const w = j->w;
    const size_t in_c = (size_t)w->in_c;

    for (int32_t kx = 0; kx < w->filter_w; kx++) {
        const int64_t tap = (int64_t)kx * w->dilation_w;
        int32_t first, end;
        mwi_window_reach(w->out_w, w->in_w, w->stride_w, w->pad_left, tap, &first, &end);
        for (int32_t ox = first; ox < end; ox++) {
            float *const to = dx + (size_t)((int64_t)ox * w->stride_w - w->pad_left + tap) * in_c;
            for (size_t oc = 0; oc < j->out_c; oc++) {
                const float g = dy[(size_t)ox * j->out_c + oc];
                const float *const f =
                    j->f +
                    ((oc * (size_t)w->filter_h + (size_t)ky) * (size_t)w->filter_w + (size_t)kx) *
                        j->depth;
                float *const group = to + oc / j->group_out * j->depth;
                for (size_t c = 0; c < j->depth; c++) group[c] += g * f[c];
            }
        }
    }
}

/* Input rows, counted over the batch. */
static void rows(void *arg, size_t begin, size_t end, uint32_t thread)
{
    const job *const j = arg;
    const mwi_window *const w = j->w;
    const size_t row = (size_t)w->in_w * (size_t)w->in_c, out_row = (size_t)w->out_w * j->out_c;

    (void)thread;
    for (size_t r = begin; r < end; r++) {
        const size_t b = r / (size_t)w->in_h;
        float *const dx = j->dx + r * row;
        memset(dx, 0, row * sizeof *dx);
        for (int32_t ky = 0; ky < w->filter_h; ky++) {
            const int64_t at =
                (int64_t)(r % (size_t)w->in_h) + w->pad_top - (int64_t)ky * w->dilation_h;
            if (at < 0 || at % w->stride_h != 0 || at / w->stride_h >= w->out_h) continue;
            const size_t oy = b * (size_t)w->out_h + (size_t)(at / w->stride_h);
            add_row(j, j->dy + oy * out_row, dx, ky);
        }
    }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_window *const w = call->state;
    const int32_t *const f = call->in[1].dims;
    job j = {.w = w,
             .dy = call->in[0].data,
             .f = call->in[1].data,
             .dx = call->out[0].data,
             .depth = (size_t)f[3],
             .out_c = (size_t)f[0],
             .group_out = (size_t)f[0] / (size_t)(w->in_c / f[3])};

    (void)ctx;
    mwi_par_for(call->pool, (size_t)w->batch * (size_t)w->in_h, 1, rows, &j);
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_conv_2d_backprop_input__ref",
     .types = "f32,f32,f32>f32",
     .prepare = prepare,
     .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_conv_2d_backprop_input = {
    .name = "CONV_2D_BACKPROP_INPUT",
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
