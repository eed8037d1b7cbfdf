/* formats/keras/initializers.h - the values that Keras's initializers give a weight before it is
 * trained.
 * Depends: formats/keras/layer.  Used by: formats/keras/.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_INITIALIZERS_H
#define MWI_FORMATS_KERAS_INITIALIZERS_H

#include "formats/keras/layer.h"

/* The same for a seed, a layer's path and the weight's name everywhere; not Keras's numbers, but of
 * its distributions. dims as stored.
 *   out  yours; all values of the weight
 * Fails: MW_EUNSUPPORTED (an initializer that is not known, named), MW_EFORMAT, MW_ENOMEM. */
MW_MUST_USE mw_status mwi_keras_initialize(mw_ctx *ctx, const mwi_keras_layer *layer,
                                           const mwi_keras_weight_rule *rule, uint64_t seed,
                                           int32_t rank, const int32_t *dims, float *out);

/* The key of a weight's config: "depthwise_kernel" and "_regularizer" give "depthwise_regularizer",
 * "bias" gives "bias_regularizer". */
const json_t *mwi_keras_weight_key(const mwi_keras_layer *layer, const char *weight,
                                   const char *suffix);

#endif
