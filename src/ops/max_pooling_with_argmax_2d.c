/* ops/max_pooling_with_argmax_2d.c - MaxPoolingWithArgmax2D (MediaPipe): the maximum of each
 * window, and where in the window it stands, as a float a little above the number.
 * Depends: ops/mediapipe.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/mediapipe.h"

#include <float.h>
#include <math.h>

static mw_status outputs_of(mw_ctx *ctx, int32_t in, int32_t filter, int32_t stride, bool same,
                            int32_t *out)
{
    const int64_t n =
        same ? ((int64_t)in + stride - 1) / stride : ((int64_t)in - filter + stride) / stride;
    if (n < 0 || (!same && in < filter - stride))
        return mwi_fail(ctx, MW_EFORMAT, "a window of %d over %d", filter, in);
    *out = (int32_t)n;
    return MW_OK;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_pool_options *const o = call->attr;
    const mwi_view *const x = &call->in[0];
    int32_t h, w;

    MWI_TRY(mwi_need_input(ctx, call, 0, 4, 4));
    const bool same = o->padding == MWI_OPTION_SAME;
    MWI_TRY(outputs_of(ctx, x->dims[1], o->filter_h, o->stride_h, same, &h));
    MWI_TRY(outputs_of(ctx, x->dims[2], o->filter_w, o->stride_w, same, &w));
    for (size_t i = 0; i < 2; i++)
        mwi_view_set_dims(&call->out[i], 4, (const int32_t[4]){x->dims[0], h, w, x->dims[3]});
    return MW_OK;
}

typedef struct window {
    int32_t y, x, y_begin, y_end, x_begin, x_end; /* of the input; of the window's cells */
} window;

static float activate(float v, int32_t activation)
{
    static const float low[] = {-INFINITY, 0, -1, 0}, high[] = {INFINITY, INFINITY, 1, 6};
    return fminf(fmaxf(v, low[activation]), high[activation]);
}

static void reduce(const mwi_run_call *call, const float *in, const window *w, size_t at, int32_t c)
{
    const mwi_pool_options *const o = call->attr;
    const mwi_view *const x = &call->in[0];
    float best = -FLT_MAX;
    int32_t where = 0;

    for (int32_t y = w->y_begin; y < w->y_end; y++)
        for (int32_t k = w->x_begin; k < w->x_end; k++) {
            const float v = in[(((size_t)(w->y + y) * (size_t)x->dims[2]) + (size_t)(w->x + k)) *
                                   (size_t)x->dims[3] +
                               (size_t)c];
            if (v <= best || isnan(v)) continue;
            best = v;
            where = y * o->filter_w + k;
        }
    ((float *)call->out[0].data)[at] = activate(best, o->activation);
    ((float *)call->out[1].data)[at] = (float)where + 0.1f;
}

static int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }
static int32_t most(int32_t a, int32_t b) { return a > b ? a : b; }

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_pool_options *const o = call->attr;
    const mwi_view *const x = &call->in[0], *const out = &call->out[0];
    const int32_t pad_y = mwi_pool_padding(x->dims[1], out->dims[1], o->filter_h, o->stride_h),
                  pad_x = mwi_pool_padding(x->dims[2], out->dims[2], o->filter_w, o->stride_w);
    const size_t image = (size_t)x->dims[1] * (size_t)x->dims[2] * (size_t)x->dims[3];
    size_t at = 0;

    (void)ctx;
    for (int32_t b = 0; b < out->dims[0]; b++)
        for (int32_t y = 0; y < out->dims[1]; y++)
            for (int32_t k = 0; k < out->dims[2]; k++) {
                window w = {.y = y * o->stride_h - pad_y, .x = k * o->stride_w - pad_x};
                w.y_begin = most(0, -w.y);
                w.y_end = least(o->filter_h, x->dims[1] - w.y);
                w.x_begin = most(0, -w.x);
                w.x_end = least(o->filter_w, x->dims[2] - w.x);
                for (int32_t c = 0; c < out->dims[3]; c++)
                    reduce(call, (const float *)x->data + (size_t)b * image, &w, at++, c);
            }
    return MW_OK;
}

static const mwi_kernel kernels[] = {
    {.name = "f32_max_pooling_with_argmax_2d__ref", .types = "f32>f32,f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_max_pooling_with_argmax_2d = {
    .name = "MaxPoolingWithArgmax2D",
    .tflite_code = -1,
    .custom = true,
    .min_in = 1,
    .max_in = 1,
    .min_out = 2,
    .max_out = 2,
    .attr_size = sizeof(mwi_pool_options),
    .fields = mwi_pool_options_fields,
    .kernels = kernels,
    .parse_custom = mwi_pool_options_parse,
    .infer = infer,
};
