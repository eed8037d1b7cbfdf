/* formats/keras/layers/layer_regularizers.c - layers that do nothing at inference. DROPOUT stays
 * in the graph for training; the others vanish.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

#include <string.h>

static mw_status build_dropout(mwi_keras_call *c)
{
    int32_t x = c->in[0];
    double rate;

    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    MWI_TRY(mwi_keras_float(c->ctx, c->layer, "rate|p", 0.5, &rate));
    if (!(rate >= 0 && rate <= 1))
        return mwi_fail(c->ctx, MW_EFORMAT, "rate is %g, allowed 0 to 1", rate);
    const bool spatial = strncmp(c->layer->class_name, "Spatial", 7) == 0;
    const mwi_keras_attr attrs[] = {{"rate", rate}, {"per_channel", spatial}, {NULL, 0}};
    if (mwi_keras_tensor(c, x)->dtype == MW_FLOAT32)
        MWI_TRY(mwi_keras_op(c, "DROPOUT", 1, &x, attrs, &x));
    return mwi_keras_return(c, x);
}

static const char *const dropout_classes[] = {"Dropout", "SpatialDropout1D", "SpatialDropout2D",
                                              "SpatialDropout3D", NULL};
const mwi_keras_row mwi_keras_layer_dropout = {
    .classes = dropout_classes,
    .summary = "DROPOUT, removed when a .tflite is written",
    .flags = MWI_KERAS_PASSES_MASK | MWI_KERAS_ANY_TYPE | MWI_KERAS_FOLLOWS_INPUT,
    .build = build_dropout,
};

static mw_status build_identity(mwi_keras_call *c)
{
    MWI_TRY(mwi_keras_need_inputs(c, 1, 1));
    return mwi_keras_return(c, c->in[0]);
}

static const char *const identity_classes[] = {
    "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization", "Identity", NULL};
const mwi_keras_row mwi_keras_layer_identity = {
    .classes = identity_classes,
    .summary = "nothing: the layer does nothing at inference",
    .flags = MWI_KERAS_PASSES_MASK | MWI_KERAS_ANY_TYPE | MWI_KERAS_FOLLOWS_INPUT,
    .build = build_identity,
};
