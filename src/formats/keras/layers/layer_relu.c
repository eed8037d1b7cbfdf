/* formats/keras/layers/layer_relu.c - ReLU with max_value, negative_slope and threshold;
 * ThresholdedReLU.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

#include <math.h>

/* x above the threshold; below it slope * (x - threshold). */
static mw_status with_threshold(mwi_keras_call *c, int32_t x, double threshold, double slope,
                                int32_t *out)
{
    int32_t operands[3] = {-1, x, -1}, below;

    MWI_TRY(mwi_keras_with(c, "GREATER", x, threshold, &operands[0]));
    if (slope == 0) {
        MWI_TRY(mwi_keras_scalar(c, 0.0, &operands[2]));
    } else {
        MWI_TRY(mwi_keras_with(c, "SUB", x, threshold, &below));
        MWI_TRY(mwi_keras_with(c, "MUL", below, slope, &operands[2]));
    }
    return mwi_keras_op(c, "SELECT_V2", 3, operands, NULL, out);
}

static mw_status build(mwi_keras_call *c)
{
    double max, slope, threshold;
    int32_t x = c->in[0];

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_float(c->ctx, c->layer, "max_value", (double)INFINITY, &max));
    MWI_TRY(mwi_keras_float(c->ctx, c->layer, "negative_slope", 0.0, &slope));
    MWI_TRY(mwi_keras_float(c->ctx, c->layer, "threshold|theta",
                            mwi_keras_is_class(c->layer, "ThresholdedReLU") ? 1.0 : 0.0,
                            &threshold));
    const bool bounded = max < (double)INFINITY && max < 3e38;
    if (threshold != 0)
        MWI_TRY(with_threshold(c, x, threshold, slope, &x));
    else if (slope != 0)
        MWI_TRY(mwi_keras_leaky(c, x, slope, &x));
    else if (max == 6)
        MWI_TRY(mwi_keras_unary(c, "RELU6", x, &x));
    else if (max == 1)
        MWI_TRY(mwi_keras_unary(c, "RELU_0_TO_1", x, &x));
    else
        MWI_TRY(mwi_keras_unary(c, "RELU", x, &x));
    const bool done = threshold == 0 && slope == 0 && (max == 6 || max == 1);
    if (bounded && !done) MWI_TRY(mwi_keras_with(c, "MINIMUM", x, max, &x));
    return mwi_keras_return(c, x);
}

static const char *const classes[] = {"ReLU", "ThresholdedReLU", NULL};
const mwi_keras_row mwi_keras_layer_relu = {
    .classes = classes,
    .summary = "RELU, RELU6, RELU_0_TO_1, LEAKY_RELU, MINIMUM, SELECT_V2",
    .flags = MWI_KERAS_PASSES_MASK | MWI_KERAS_FOLLOWS_INPUT,
    .build = build,
};
