/* formats/keras/layer_list.c - the list of layers.
 * Depends: formats/keras/layer.  Used by: formats/keras/, api/.
 * SPDX-License-Identifier: Apache-2.0 */
#include "formats/keras/layer.h"
#include "formats/keras/layers_list.h"

#include <string.h>

const mwi_keras_row *const mwi_keras_layers[] = {
#define MWI_KERAS_LAYER(id) &mwi_keras_##id,
#include "formats/keras/layers.def"
#undef MWI_KERAS_LAYER
    NULL,
};

const mwi_keras_row *mwi_keras_row_of(const char *class_name)
{
    for (const mwi_keras_row *const *r = mwi_keras_layers; *r != NULL; r++)
        for (const char *const *c = (*r)->classes; *c != NULL; c++)
            if (strcmp(*c, class_name) == 0) return *r;
    return NULL;
}

bool mwi_keras_layer_row(size_t index, const char **name, const char **detail)
{
    for (const mwi_keras_row *const *r = mwi_keras_layers; *r != NULL; r++)
        for (const char *const *c = (*r)->classes; *c != NULL; c++)
            if (index-- == 0) return *name = *c, *detail = (*r)->summary, true;
    return false;
}
