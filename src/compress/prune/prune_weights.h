/* compress/prune/prune_weights.h - zeroing weights of a clone, without channels.
 * Depends: compress/prune/layer_weights.  Used by: compress/prune.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_PRUNE_WEIGHTS_H
#define MWI_COMPRESS_PRUNE_WEIGHTS_H

#include "compress/prune/layer_weights.h"

/* Fails: MW_EINVAL (options out of range). */
MW_MUST_USE mw_status mwi_prune_check(mw_ctx *ctx, const mw_model *model,
                                      const mw_prune_options *options);
/* Zeroes what is smallest of the weights without a reason. Those that the structure does not fit
 * get one. Fails: MW_EUNSUPPORTED (none is left). */
MW_MUST_USE mw_status mwi_prune_weights(mw_ctx *ctx, mw_model *model,
                                        const mw_prune_options *options, mwi_layer_weight *weights,
                                        size_t n, mwi_arena *scratch);

#endif
