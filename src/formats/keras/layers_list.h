/* formats/keras/layers_list.h - the rows of Keras layers for `list layers`.
 * Depends: nothing.  Used by: api/list.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_KERAS_LAYERS_LIST_H
#define MWI_KERAS_LAYERS_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* False past the end. Strings are static. */
bool mwi_keras_layer_row(size_t index, const char **name, const char **detail);

#endif
