/* formats/keras/narrow.h - a Keras model with fewer channels: weights cut, widths in the config
 * rewritten, read again.
 * Depends: formats/keras/origin.  Used by: compress/prune.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_NARROW_H
#define MWI_FORMATS_KERAS_NARROW_H

#include "model/op_desc.h"

/* Whether a model came from Keras, with its layers. */
bool mwi_keras_has_layers(const mw_model *model);

/* Marks the values that must keep their dimensions: what layers read and make whose sizes are not
 * all told by their input and by the width that can be rewritten; what enters a model within the
 * model, whose inputs have shapes of their own.
 *   fixed  yours; one for each tensor of the main graph */
MW_MUST_USE mw_status mwi_keras_fixed_values(mw_ctx *ctx, const mw_model *model, bool *fixed);

/* What stays of the graph's constants. */
typedef struct mwi_keras_kept {
    bool (*stays)(const void *self, int32_t tensor, int32_t axis, int32_t index);
    const void *self;
} mwi_keras_kept;

/* The model of the same layers with fewer channels.
 *   smaller    the graph with those channels taken out: gives the widths
 *   out_model  owned: read from the rewritten file in memory
 * Fails: MW_EUNSUPPORTED (the layers' configs cannot say it). */
MW_MUST_USE mw_status mwi_keras_narrow(mw_ctx *ctx, const mw_model *model,
                                       const mwi_keras_kept *kept, const mw_model *smaller,
                                       mw_model **out_model);

#endif
