/* formats/keras/layers/convolve.c - see convolve.h.
 * Depends: formats/keras/layer.  Used by: layers of convolutions and pools.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/convolve.h"

#include <string.h>

int32_t mwi_keras_n_dims(const mwi_keras_layer *l)
{
    const char *const d = strpbrk(l->class_name, "123");
    return d == NULL ? 2 : *d - '0';
}

/* Keras 1 has nb_row and nb_col where later ones have kernel_size. */
static mw_status read_kernel(mw_ctx *ctx, const mwi_keras_layer *l, size_t n, int32_t *out)
{
    if (mwi_keras_key(l, "nb_row") == NULL)
        return mwi_keras_ints(ctx, l, "kernel_size|filter_length", n, MWI_KERAS_REQUIRED, 1,
                              INT32_MAX, out);
    MWI_TRY(mwi_keras_int(ctx, l, "nb_row", MWI_KERAS_REQUIRED, 1, INT32_MAX, out));
    return mwi_keras_int(ctx, l, "nb_col", MWI_KERAS_REQUIRED, 1, INT32_MAX, out + n - 1);
}

mw_status mwi_keras_read_window(mw_ctx *ctx, const mwi_keras_layer *l, mwi_keras_window *w)
{
    const int32_t at = mwi_keras_n_dims(l) == 1 ? 1 : 0;
    const size_t n = at == 1 ? 1 : 2;

    *w = (mwi_keras_window){(int32_t)n, {1, 1}, {1, 1}, {1, 1}, 0};
    MWI_TRY(read_kernel(ctx, l, n, w->kernel + at));
    MWI_TRY(mwi_keras_ints(ctx, l, "strides|subsample|subsample_length", n, 1, 1, INT32_MAX,
                           w->strides + at));
    MWI_TRY(
        mwi_keras_ints(ctx, l, "dilation_rate|atrous_rate", n, 1, 1, INT32_MAX, w->dilation + at));
    return mwi_keras_padding(ctx, l, n == 1, &w->padding);
}

mw_status mwi_keras_window_input(mwi_keras_call *c, const mwi_keras_window *w, int32_t *out)
{
    int32_t before[4] = {0}, after[4] = {0};

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_need_rank(c, 0, w->n_dims + 2, w->n_dims + 2));
    *out = c->in[0];
    if (w->n_dims == 1) MWI_TRY(mwi_keras_to_2d(c, *out, out));
    if (w->padding != 2) return MW_OK;
    const int64_t reach = (int64_t)(w->kernel[1] - 1) * w->dilation[1];
    if (reach > INT32_MAX / 2)
        return mwi_fail(c->ctx, MW_ELIMIT, "kernel_size times dilation_rate is %lld",
                        (long long)reach);
    before[2] = (int32_t)reach;
    return mwi_keras_pad(c, *out, before, after, out);
}

static mw_status zeros(mwi_keras_call *c, int32_t n, int32_t *out)
{
    void *memory;

    MWI_TRY(mwi_alloc(c->ctx, (size_t)n * sizeof(float), &memory));
    memset(memory, 0, (size_t)n * sizeof(float));
    const mw_status st = mwi_keras_f32s(c, "bias", 1, &n, memory, out);
    mwi_free(c->ctx, memory, (size_t)n * sizeof(float));
    return st;
}

mw_status mwi_keras_convolve(mwi_keras_call *c, const mwi_keras_window *w, bool depthwise,
                             int32_t x, int32_t weight, int32_t bias, int32_t *out)
{
    const mwi_tensor *const k = mwi_keras_tensor(c, weight);
    const int32_t channels = mwi_keras_tensor(c, x)->dims[3], n_out = k->dims[depthwise ? 3 : 0];
    const int32_t multiplier = n_out / channels; /* of a depthwise layer */
    const mwi_keras_attr attrs[] = {
        {"padding", w->padding == 1 ? MWI_PADDING_SAME : MWI_PADDING_VALID},
        {"stride_h", w->strides[0]},
        {"stride_w", w->strides[1]},
        {"dilation_h_factor", w->dilation[0]},
        {"dilation_w_factor", w->dilation[1]},
        {depthwise ? "depth_multiplier" : NULL, multiplier},
        {NULL, 0}};
    int32_t operands[3] = {x, weight, bias};

    if (bias < 0) MWI_TRY(zeros(c, n_out, &operands[2]));
    return mwi_keras_op(c, depthwise ? "DEPTHWISE_CONV_2D" : "CONV_2D", 3, operands, attrs, out);
}

mw_status mwi_keras_depthwise_kernel(mwi_keras_call *c, const mwi_keras_window *w,
                                     const char *weight, int32_t channels, int32_t multiplier,
                                     int32_t *out)
{
    mwi_keras_part p = {
        .weight = weight, .rank = 4, .dims = {w->kernel[0], w->kernel[1], channels, multiplier}};

    if (channels > INT32_MAX / multiplier)
        return mwi_fail(c->ctx, MW_ELIMIT, "%d channels times depth_multiplier %d", channels,
                        multiplier);
    if (w->n_dims == 1) {
        p.rank = 3;
        memmove(p.dims, p.dims + 1, 3 * sizeof p.dims[0]);
    }
    p.out_rank = 4;
    memcpy(p.out_dims, (const int32_t[]){1, w->kernel[0], w->kernel[1], channels * multiplier},
           4 * sizeof(int32_t));
    return mwi_keras_weight(c, &p, out);
}

mw_status mwi_keras_conv_kernel(mwi_keras_call *c, const mwi_keras_window *w, const char *weight,
                                int32_t in, int32_t filters, int32_t *out)
{
    const int32_t h = w->kernel[0], wide = w->kernel[1];
    bool first = false;

    if (c->layer->keras_major == 1) MWI_TRY(mwi_keras_channels_first(c->ctx, c->layer, &first));
    if (first) /* Keras 1 stores such kernels as (out, in, h, w) */
        return mwi_keras_weight(c,
                                &(mwi_keras_part){.weight = weight,
                                                  .rank = 4,
                                                  .dims = {filters, in, h, wide},
                                                  .permuted = true,
                                                  .perm = {0, 2, 3, 1}},
                                out);
    if (w->n_dims == 2)
        return mwi_keras_weight(c,
                                &(mwi_keras_part){.weight = weight,
                                                  .rank = 4,
                                                  .dims = {h, wide, in, filters},
                                                  .permuted = true,
                                                  .perm = {3, 0, 1, 2}},
                                out);
    return mwi_keras_weight(c,
                            &(mwi_keras_part){.weight = weight,
                                              .rank = 3,
                                              .dims = {wide, in, filters},
                                              .permuted = true,
                                              .perm = {2, 0, 1},
                                              .out_rank = 4,
                                              .out_dims = {filters, 1, wide, in}},
                            out);
}

mw_status mwi_keras_window_return(mwi_keras_call *c, const mwi_keras_window *w, int32_t x)
{
    MWI_TRY(mwi_keras_activate(c, "activation", x, &x));
    if (w->n_dims == 1) MWI_TRY(mwi_keras_to_1d(c, x, &x));
    return mwi_keras_return(c, x);
}

/* Keras's deconv_output_length; the default of output_padding makes the stride fit. */
static int64_t out_length(int64_t n, int64_t kernel, int64_t stride, bool same,
                          int64_t output_padding)
{
    const int64_t pad = same ? kernel / 2 : 0;

    if (output_padding >= 0) return (n - 1) * stride + kernel - 2 * pad + output_padding;
    return n * stride + (same || kernel < stride ? 0 : kernel - stride);
}

mw_status mwi_keras_transposed_length(mwi_keras_call *c, int32_t n, int32_t kernel, int32_t stride,
                                      bool same, int32_t output_padding, int32_t *out)
{
    const int64_t length = out_length(n, kernel, stride, same, output_padding);

    if (length < 1 || length > INT32_MAX)
        return mwi_fail(c->ctx, MW_EFORMAT, "a dimension of the result is %lld", (long long)length);
    *out = (int32_t)length;
    return MW_OK;
}
