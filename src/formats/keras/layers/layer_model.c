/* formats/keras/layers/layer_model.c - Sequential and Functional, at the top or inside of each
 * other.
 * Depends: formats/keras/layer.  Used by: the list of layers only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"

/* "Model" is what Keras 1 and 2 call Functional. */
static const char *const models[] = {"Sequential", "Functional", "Model", NULL};
const mwi_keras_row mwi_keras_layer_model = {
    .classes = models,
    .summary = "its layers, at any depth",
    .flags = MWI_KERAS_MODEL | MWI_KERAS_ANY_TYPE,
};
