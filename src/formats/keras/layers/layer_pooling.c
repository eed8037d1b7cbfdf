/* formats/keras/layers/layer_pooling.c - average and maximum pools of one and two dimensions.
 * Depends: layers/convolve.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/convolve.h"

#include <string.h>

static mw_status build(mwi_keras_call *c)
{
    const bool average = strncmp(c->layer->class_name, "Av", 2) == 0;
    mwi_keras_window w = {.kernel = {1, 1}, .strides = {1, 1}, .dilation = {1, 1}};
    int32_t x;

    w.n_dims = mwi_keras_n_dims(c->layer);
    const int32_t at = 2 - w.n_dims;
    const size_t n = (size_t)w.n_dims;
    MWI_TRY(mwi_keras_ints(c->ctx, c->layer, "pool_size|pool_length", n, 2, 1, INT32_MAX,
                           w.kernel + at));
    memcpy(w.strides, w.kernel, sizeof w.strides);
    if (mwi_keras_key(c->layer, "strides|stride") != NULL)
        MWI_TRY(
            mwi_keras_ints(c->ctx, c->layer, "strides|stride", n, 1, 1, INT32_MAX, w.strides + at));
    MWI_TRY(mwi_keras_padding(c->ctx, c->layer, false, &w.padding));
    MWI_TRY(mwi_keras_window_input(c, &w, &x));
    const mwi_keras_attr attrs[] = {
        {"padding", w.padding == 1 ? MWI_PADDING_SAME : MWI_PADDING_VALID},
        {"stride_h", w.strides[0]},
        {"stride_w", w.strides[1]},
        {"filter_height", w.kernel[0]},
        {"filter_width", w.kernel[1]},
        {NULL, 0}};
    MWI_TRY(mwi_keras_op(c, average ? "AVERAGE_POOL_2D" : "MAX_POOL_2D", 1, &x, attrs, &x));
    if (w.n_dims == 1) MWI_TRY(mwi_keras_to_1d(c, x, &x));
    return mwi_keras_return(c, x);
}

static const char *const classes[] = {"AveragePooling2D", "MaxPooling2D", "AveragePooling1D",
                                      "MaxPooling1D",     "AvgPool2D",    "MaxPool2D",
                                      "AvgPool1D",        "MaxPool1D",    NULL};
const mwi_keras_row mwi_keras_layer_pooling = {
    .classes = classes,
    .summary = "AVERAGE_POOL_2D, MAX_POOL_2D",
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .build = build,
};
