/* formats/keras/layers/convolve_3d.h - what convolutions of three dimensions share.
 * Depends: layers/convolve.  Used by: Conv3D, Conv3DTranspose, ConvLSTM3D.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_LAYERS_CONVOLVE_3D_H
#define MWI_FORMATS_KERAS_LAYERS_CONVOLVE_3D_H

#include "formats/keras/layers/convolve.h"

/* depth, height, width */
typedef struct mwi_keras_window_3d {
    int32_t kernel[3], strides[3], dilation[3];
    int32_t filters;
    int padding; /* 0 valid, 1 same */
} mwi_keras_window_3d;

MW_MUST_USE mw_status mwi_keras_read_window_3d(mw_ctx *ctx, const mwi_keras_layer *layer,
                                               mwi_keras_window_3d *out);
/* CONV_3D or CONV_3D_TRANSPOSE, whose operands the caller has. */
MW_MUST_USE mw_status mwi_keras_convolve_3d(mwi_keras_call *call, const mwi_keras_window_3d *w,
                                            const char *op, size_t n_in, const int32_t *in,
                                            int32_t *out);

#endif
