/* formats/keras/layers/layer_convolution.c - Conv1D and Conv2D: CONV_2D, with groups, dilation and
 * all paddings.
 * Depends: layers/convolve.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layers/convolve.h"

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    return mwi_keras_check_activation(ctx, l, "activation");
}

static mw_status build(mwi_keras_call *c)
{
    int32_t filters, groups, x, kernel, bias = -1;
    mwi_keras_window w;

    MWI_TRY(mwi_keras_read_window(c->ctx, c->layer, &w));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "filters|nb_filter", MWI_KERAS_REQUIRED, 1, INT32_MAX,
                          &filters));
    MWI_TRY(mwi_keras_int(c->ctx, c->layer, "groups", 1, 1, INT32_MAX, &groups));
    MWI_TRY(mwi_keras_window_input(c, &w, &x));
    const int32_t channels = mwi_keras_tensor(c, x)->dims[3];
    if (channels % groups != 0 || filters % groups != 0)
        return mwi_fail(c->ctx, MW_EFORMAT,
                        "groups is %d, allowed is a divisor of %d channels and %d filters", groups,
                        channels, filters);
    MWI_TRY(mwi_keras_conv_kernel(c, &w, "kernel", channels / groups, filters, &kernel));
    if (mwi_keras_slot_of(c->layer, "bias") != NULL)
        MWI_TRY(mwi_keras_vector(c, "bias", filters, &bias));
    MWI_TRY(mwi_keras_convolve(c, &w, false, x, kernel, bias, &x));
    return mwi_keras_window_return(c, &w, x);
}

static const char *const classes[] = {"Conv2D",
                                      "Conv1D",
                                      "Convolution2D",
                                      "Convolution1D",
                                      "AtrousConvolution2D",
                                      "AtrousConvolution1D",
                                      NULL};
static const mwi_keras_weight_rule weights[] = {
    {.name = "kernel|W"}, {.name = "bias|b", .when = "use_bias|bias"}, {.name = NULL}};
const mwi_keras_row mwi_keras_layer_convolution = {
    .classes = classes,
    .summary = "CONV_2D",
    .weights = weights,
    .flags = MWI_KERAS_SPATIAL | MWI_KERAS_FOLLOWS_INPUT,
    .width_key = "filters|nb_filter",
    .check = check,
    .build = build,
};
