/* formats/keras/layers/layer_input.c - InputLayer: an input of the graph, or of a model inside of
 * it.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

static const char *const inputs[] = {"InputLayer", NULL};
const mwi_keras_row mwi_keras_layer_input = {
    .classes = inputs,
    .summary = "an input of the graph",
    .flags = MWI_KERAS_NO_DATA,
};
