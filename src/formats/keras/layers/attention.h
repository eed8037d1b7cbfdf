/* formats/keras/layers/attention.h - what attention layers share: masks of scores, softmax,
 * products, flags of the call.
 * Depends: formats/keras/build.  Used by: layers of attention.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_FORMATS_KERAS_LAYERS_ATTENTION_H
#define MWI_FORMATS_KERAS_LAYERS_ATTENTION_H

#include "formats/keras/build.h"

/* A flag given where the layer is called: use_causal_mask, return_attention_scores. */
bool mwi_keras_call_flag(const mwi_keras_call *call, const char *name);
MW_MUST_USE mw_status mwi_keras_refuse_training(const mwi_keras_call *call);
MW_MUST_USE mw_status mwi_keras_matmul(mwi_keras_call *call, int32_t a, int32_t b, bool transpose_b,
                                       int32_t *out);
/* A mask [batch, steps] in `rank` dimensions, its steps at `axis`. */
MW_MUST_USE mw_status mwi_keras_mask_as(mwi_keras_call *call, int32_t mask, int32_t rank,
                                        int32_t axis, int32_t *out);
/* Both masks; -1 is none. */
MW_MUST_USE mw_status mwi_keras_and_masks(mwi_keras_call *call, int32_t a, int32_t b, int32_t *out);
/* No step looks at later ones: [1, ..., steps, keys], joined with `mask` (-1: none). */
MW_MUST_USE mw_status mwi_keras_causal_mask(mwi_keras_call *call, int32_t rank, int32_t steps,
                                            int32_t keys, int32_t mask, int32_t *out);
/* Softmax over the last axis of the scores that count (mask -1: all). */
MW_MUST_USE mw_status mwi_keras_masked_softmax(mwi_keras_call *call, int32_t scores, int32_t mask,
                                               int32_t *out);

#endif
