/* formats/keras/layers/layer_depthwise.c - DepthwiseConv1D and DepthwiseConv2D: DEPTHWISE_CONV_2D.
 * Depends: layers/convolve.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/convolve.h"

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    return mwi_keras_check_activation(ctx, l, "activation");
}

static mw_status build(mwi_keras_call *c)
{
    int32_t multiplier, x, kernel, bias = -1;
    mwi_keras_window w;

    MWI_TRY(mwi_keras_read_window(c->ctx, c->layer, &w));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "depth_multiplier", 1, 1, INT32_MAX, &multiplier));
    MWI_TRY(mwi_keras_window_input(c, &w, &x));
    const int32_t channels = mwi_keras_tensor(c, x)->dims[3];
    MWI_TRY(mwi_keras_depthwise_kernel(c, &w, "depthwise_kernel", channels, multiplier, &kernel));
    if (mwi_keras_slot_of(c->layer, "bias") != NULL)
        MWI_TRY(mwi_keras_vector(c, "bias", channels * multiplier, &bias));
    MWI_TRY(mwi_keras_convolve(c, &w, true, x, kernel, bias, &x));
    return mwi_keras_window_return(c, &w, x);
}

static const char *const classes[] = {"DepthwiseConv2D", "DepthwiseConv1D", NULL};
/* Keras 3 calls the variable "kernel", Keras 2 "depthwise_kernel". */
static const mwi_keras_weight_rule weights[] = {
    {.name = "depthwise_kernel|kernel"}, {.name = "bias", .when = "use_bias"}, {.name = NULL}};
const mwi_keras_row mwi_keras_layer_depthwise = {
    .classes = classes,
    .summary = "DEPTHWISE_CONV_2D",
    .weights = weights,
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .check = check,
    .build = build,
};
