/* formats/keras/layers/convolve_3d.c - see convolve_3d.h.   SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/convolve_3d.h"

mw_status mwi_keras_read_window_3d(mw_ctx *ctx, const mwi_keras_layer *l, mwi_keras_window_3d *w)
{
    MWI_TRY(mwi_keras_ints(ctx, l, "kernel_size", 3, MWI_KERAS_REQUIRED, 1, INT32_MAX, w->kernel));
    MWI_TRY(mwi_keras_ints(ctx, l, "strides|subsample", 3, 1, 1, INT32_MAX, w->strides));
    MWI_TRY(mwi_keras_ints(ctx, l, "dilation_rate", 3, 1, 1, INT32_MAX, w->dilation));
    MWI_TRY(
        mwi_keras_int(ctx, l, "filters|nb_filter", MWI_KERAS_REQUIRED, 1, INT32_MAX, &w->filters));
    return mwi_keras_padding(ctx, l, false, &w->padding);
}

mw_status mwi_keras_convolve_3d(mwi_keras_call *c, const mwi_keras_window_3d *w, const char *op,
                                size_t n_in, const int32_t *in, int32_t *out)
{
    const mwi_keras_attr attrs[] = {
        {"padding", w->padding == 1 ? MWI_PADDING_SAME : MWI_PADDING_VALID},
        {"stride_d", w->strides[0]},
        {"stride_h", w->strides[1]},
        {"stride_w", w->strides[2]},
        {"dilation_d_factor", w->dilation[0]},
        {"dilation_h_factor", w->dilation[1]},
        {"dilation_w_factor", w->dilation[2]},
        {NULL, 0}};
    return mwi_keras_op(c, op, n_in, in, attrs, out);
}
