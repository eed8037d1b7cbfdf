/* formats/keras/layers/layer_activation.c - Activation: see activations.c.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

static mw_status check(mw_ctx *ctx, const mwi_keras_layer *l)
{
    return mwi_keras_check_activation(ctx, l, "activation");
}

static mw_status build(mwi_keras_call *c)
{
    int32_t x;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_activate(c, "activation", c->in[0], &x));
    return mwi_keras_return(c, x);
}

static const char *const classes[] = {"Activation", NULL};
const mwi_keras_row mwi_keras_layer_activation = {
    .classes = classes,
    .summary = "RELU, RELU6, LOGISTIC, TANH, SOFTMAX, ELU, GELU, HARD_SWISH, ...",
    .flags = MWI_KERAS_PASSES_MASK | MWI_KERAS_FOLLOWS_INPUT,
    .check = check,
    .build = build,
};
