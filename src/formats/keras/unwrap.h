/* formats/keras/unwrap.h - training tools' wrappers (tensorflow-model-optimization) taken off a
 * config: what is left is the config of the layers inside.
 * Depends: base/, Jansson.  Used by: formats/keras/.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_UNWRAP_H
#define MWI_FORMATS_KERAS_UNWRAP_H

#include "base/ctx.h"

#include <jansson.h>
#include <stdbool.h>

/* Key of a layer that was inside a wrapper: the wrapper's name, under which the file keeps its
 * weights. */
#define MWI_KERAS_WRAPPER_NAME "milliwatt_wrapper"

/* Puts the layer inside in each wrapper's place, its name in all references to the wrapper, marked
 * with MWI_KERAS_WRAPPER_NAME; fake quantizers become what they are at inference.
 *   any  whether anything was changed.   Fails: MW_ENOMEM. */
MW_MUST_USE mw_status mwi_keras_unwrap(mw_ctx *ctx, json_t *document, bool *any);

/* Removes the marks: what stays is a config that Keras reads without the training tool. */
void mwi_keras_remove_marks(json_t *document);

#endif
