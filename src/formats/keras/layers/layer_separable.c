/* formats/keras/layers/layer_separable.c - SeparableConv1D and SeparableConv2D: DEPTHWISE_CONV_2D
 * and CONV_2D.
 * Depends: layers/convolve.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/convolve.h"

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    return mwi_keras_check_activation(ctx, l, "activation");
}

static mw_status build(mwi_keras_call *c)
{
    mwi_keras_window w, point = {.kernel = {1, 1}, .strides = {1, 1}, .dilation = {1, 1}};
    int32_t multiplier, filters, x, kernel, bias = -1;

    MWI_TRY(mwi_keras_read_window(c->ctx, c->layer, &w));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "depth_multiplier", 1, 1, INT32_MAX, &multiplier));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "filters|nb_filter", MWI_KERAS_REQUIRED, 1, INT32_MAX,
                          &filters));
    MWI_TRY(mwi_keras_window_input(c, &w, &x));
    const int32_t channels = mwi_keras_tensor(c, x)->dims[3];
    MWI_TRY(mwi_keras_depthwise_kernel(c, &w, "depthwise_kernel", channels, multiplier, &kernel));
    MWI_TRY(mwi_keras_convolve(c, &w, true, x, kernel, -1, &x));
    point.n_dims = w.n_dims;
    MWI_TRY(mwi_keras_conv_kernel(c, &point, "pointwise_kernel", channels * multiplier, filters,
                                  &kernel));
    if (mwi_keras_slot_of(c->layer, "bias") != NULL)
        MWI_TRY(mwi_keras_vector(c, "bias", filters, &bias));
    MWI_TRY(mwi_keras_convolve(c, &point, false, x, kernel, bias, &x));
    return mwi_keras_window_return(c, &w, x);
}

static const char *const classes[] = {"SeparableConv2D", "SeparableConv1D",
                                      "SeparableConvolution2D", NULL};
static const mwi_keras_weight_rule weights[] = {{.name = "depthwise_kernel"},
                                                {.name = "pointwise_kernel"},
                                                {.name = "bias|b", .when = "use_bias|bias"},
                                                {.name = NULL}};
const mwi_keras_row mwi_keras_layer_separable = {
    .classes = classes,
    .summary = "DEPTHWISE_CONV_2D and CONV_2D",
    .weights = weights,
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .width_key = "filters|nb_filter",
    .check = check,
    .build = build,
};
