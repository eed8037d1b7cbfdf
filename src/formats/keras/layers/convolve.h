/* formats/keras/layers/convolve.h - what all convolutions share: a window's numbers, one and two
 * dimensions alike.
 * Depends: formats/keras/layer.  Used by: layers of convolutions and pools.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_LAYERS_CONVOLVE_H
#define MWI_FORMATS_KERAS_LAYERS_CONVOLVE_H

#include "formats/keras/layer.h"

/* height, then width; a layer of one dimension has height 1. */
typedef struct mwi_keras_window {
    int32_t n_dims; /* 1 or 2 */
    int32_t kernel[2], strides[2], dilation[2];
    int padding; /* 0 valid, 1 same, 2 causal */
} mwi_keras_window;

/* Dimensions of the layer by the number in its class's name. */
int32_t mwi_keras_n_dims(const mwi_keras_layer *layer);
MW_MUST_USE mw_status mwi_keras_read_window(mw_ctx *ctx, const mwi_keras_layer *layer,
                                            mwi_keras_window *out);
/* Checks the input's rank and gives it as [n, h, w, c], padded in front when the window is causal.
 */
MW_MUST_USE mw_status mwi_keras_window_input(mwi_keras_call *call, const mwi_keras_window *w,
                                             int32_t *out);
/* CONV_2D or DEPTHWISE_CONV_2D; without a bias it gets zeros, which TFLite wants.
 *   weight  constant as TFLite has it;  bias  -1: none */
MW_MUST_USE mw_status mwi_keras_convolve(mwi_keras_call *call, const mwi_keras_window *w,
                                         bool depthwise, int32_t x, int32_t weight, int32_t bias,
                                         int32_t *out);
/* The kernel of a depthwise convolution as (1, h, w, channels * multiplier). */
MW_MUST_USE mw_status mwi_keras_depthwise_kernel(mwi_keras_call *call, const mwi_keras_window *w,
                                                 const char *weight, int32_t channels,
                                                 int32_t multiplier, int32_t *out);
/* The kernel of a convolution as (out, h, w, in). */
MW_MUST_USE mw_status mwi_keras_conv_kernel(mwi_keras_call *call, const mwi_keras_window *w,
                                            const char *weight, int32_t in, int32_t filters,
                                            int32_t *out);
/* Length of one dimension of a transposed convolution; output_padding -1: the default. */
MW_MUST_USE mw_status mwi_keras_transposed_length(mwi_keras_call *call, int32_t n, int32_t kernel,
                                                  int32_t stride, bool same, int32_t output_padding,
                                                  int32_t *out);
/* Activation, back to the layer's own rank, return. */
MW_MUST_USE mw_status mwi_keras_window_return(mwi_keras_call *call, const mwi_keras_window *w,
                                              int32_t x);

#endif
