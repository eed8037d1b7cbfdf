/* ops/convolution_2d_transpose_bias.c - Convolution2DTransposeBias (MediaPipe): a transposed
 * convolution of input 0 with weights [out, h, w, in] (1), and a bias (2). The output is as large
 * as all windows need, or, with padding "same", without half of what lies over the strides at
 * each side.
 * Depends: ops/mediapipe.  Used by: the list of operators only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ops/mediapipe.h"

#include <string.h>

typedef struct attr {
    int32_t padding, stride_w, stride_h;
} attr;

static const mwi_field fields[] = {
    {"padding", offsetof(attr, padding), MWI_FIELD_I32, -1, 1, 1, 2, NULL},
    {"stride_w", offsetof(attr, stride_w), MWI_FIELD_I32, -1, 1, 1, 1 << 20, NULL},
    {"stride_h", offsetof(attr, stride_h), MWI_FIELD_I32, -1, 1, 1, 1 << 20, NULL},
    MWI_FIELDS_END,
};

static mw_status parse(mw_ctx *ctx, mwi_arena *arena, const uint8_t *bytes, size_t n, void *out)
{
    int32_t v[3];

    (void)arena;
    MWI_TRY(mwi_options_ints(ctx, bytes, n, v, MWI_COUNT(v)));
    *(attr *)out = (attr){v[0], v[1], v[2]};
    return MW_OK;
}

/* What the output lacks along a dimension. */
static int32_t cut(const attr *a, int32_t in, int32_t filter, int32_t stride)
{
    const int32_t over = filter - (in - 1) % stride - 1;
    return a->padding == MWI_OPTION_SAME && over > 0 ? over : 0;
}

static mw_status infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0], *const weights = &call->in[1],
                          *const bias = &call->in[2];
    const attr *const a = call->attr;
    const int32_t strides[2] = {a->stride_h, a->stride_w};
    int32_t dims[2];

    MWI_TRY(mwi_need_input(ctx, call, 0, 4, 4));
    MWI_TRY(mwi_need_input(ctx, call, 1, 4, 4));
    MWI_TRY(mwi_need_input(ctx, call, 2, 1, 1));
    if (weights->dims[3] != x->dims[3] || weights->dims[0] != bias->dims[0])
        return mwi_fail(ctx, MW_EFORMAT, "weights for %d to %d channels, inputs of %d, bias of %d",
                        weights->dims[3], weights->dims[0], x->dims[3], bias->dims[0]);
    for (int32_t k = 0; k < 2; k++) {
        const int32_t in = x->dims[k + 1], filter = weights->dims[k + 1];
        if (in < 1 || filter < 1)
            return mwi_fail(ctx, MW_EFORMAT, "a window of %d over %d", filter, in);
        const int64_t n = (int64_t)strides[k] * (in - 1) + filter - cut(a, in, filter, strides[k]);
        if (n < 0 || n > INT32_MAX)
            return mwi_fail(ctx, MW_ELIMIT, "the output would be %lld long", (long long)n);
        dims[k] = (int32_t)n;
    }
    mwi_view_set_dims(&call->out[0], 4,
                      (const int32_t[4]){x->dims[0], dims[0], dims[1], weights->dims[0]});
    return MW_OK;
}

/* Adds one input cell to the output cell under one place of the window. */
static void add_cell(const float *in, const float *weights, size_t step, size_t n_in, float *out,
                     size_t n_out)
{
    for (size_t o = 0; o < n_out; o++) {
        const float *const w = weights + o * step;
        float sum = 0;
        for (size_t i = 0; i < n_in; i++) sum += in[i] * w[i];
        out[o] += sum;
    }
}

static void add_window(const mwi_run_call *call, int32_t b, int32_t y, int32_t x)
{
    const mwi_view *const in = &call->in[0], *const w = &call->in[1], *const out = &call->out[0];
    const attr *const a = call->attr;
    const size_t n_in = (size_t)in->dims[3], n_out = (size_t)out->dims[3];
    const size_t step = (size_t)w->dims[1] * (size_t)w->dims[2] * n_in;
    const float *const cell =
        (const float *)in->data +
        (((size_t)b * (size_t)in->dims[1] + (size_t)y) * (size_t)in->dims[2] + (size_t)x) * n_in;
    const int64_t top = (int64_t)y * a->stride_h - cut(a, in->dims[1], w->dims[1], a->stride_h) / 2,
                  left =
                      (int64_t)x * a->stride_w - cut(a, in->dims[2], w->dims[2], a->stride_w) / 2;

    for (int32_t fy = 0; fy < w->dims[1]; fy++)
        for (int32_t fx = 0; fx < w->dims[2]; fx++) {
            const int64_t to_y = top + fy, to_x = left + fx;
            if (to_y < 0 || to_y >= out->dims[1] || to_x < 0 || to_x >= out->dims[2]) continue;
            const size_t place =
                ((size_t)b * (size_t)out->dims[1] + (size_t)to_y) * (size_t)out->dims[2] +
                (size_t)to_x;
            add_cell(cell,
                     (const float *)w->data + ((size_t)fy * (size_t)w->dims[2] + (size_t)fx) * n_in,
                     step, n_in, (float *)out->data + place * n_out, n_out);
        }
}

static mw_status run(mw_ctx *ctx, const mwi_run_call *call)
{
    const mwi_view *const in = &call->in[0], *const bias = &call->in[2], *const out = &call->out[0];
    const size_t n = mwi_view_count(out), n_out = (size_t)out->dims[3];

    (void)ctx;
    for (size_t i = 0; i < n; i += n_out)
        memcpy((float *)out->data + i, bias->data, n_out * sizeof(float));
    for (int32_t b = 0; b < in->dims[0]; b++)
        for (int32_t y = 0; y < in->dims[1]; y++)
            for (int32_t x = 0; x < in->dims[2] && n > 0; x++) add_window(call, b, y, x);
    return MW_OK;
}

static uint64_t macs(const mwi_shape_call *call)
{
    return (uint64_t)mwi_view_count(&call->in[0]) * mwi_view_count(&call->in[1]) /
           (call->in[0].rank == 4 && call->in[0].dims[3] > 0 ? (uint64_t)call->in[0].dims[3] : 1);
}

static const mwi_kernel kernels[] = {
    {.name = "f32_convolution_2d_transpose_bias__ref", .types = "f32,f32,f32>f32", .run = run},
    {.name = NULL},
};

const mwi_op_desc mwi_op_convolution_2d_transpose_bias = {
    .name = "Convolution2DTransposeBias",
    .tflite_code = -1,
    .custom = true,
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .attr_size = sizeof(attr),
    .fields = fields,
    .kernels = kernels,
    .parse_custom = parse,
    .infer = infer,
    .macs = macs,
};
