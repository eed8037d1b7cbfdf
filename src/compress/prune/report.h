/* compress/prune/report.h - what mw_prune_report says: figures of the models, a row for each
 * kernel. Depends: compress/prune/layer_weights.  Used by: compress/prune, compress/cluster.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_COMPRESS_PRUNE_REPORT_H
#define MWI_COMPRESS_PRUNE_REPORT_H

#include "compress/prune/layer_weights.h"

/* Fills a report from the weights of the result. *out is zero on failure.
 *   n_before  by weight: how many it had; NULL: as many
 *   clusters  counts different values: 0 not, 1 of each kernel, 2 of each output channel */
enum { MWI_COUNT_NO_VALUES = 0, MWI_COUNT_KERNEL_VALUES = 1, MWI_COUNT_CHANNEL_VALUES = 2 };
MW_MUST_USE mw_status mwi_prune_report_fill(mw_ctx *ctx, const mw_model *before,
                                            const mw_model *after, const mwi_layer_weight *weights,
                                            size_t n, const uint64_t *n_before, int count,
                                            mw_prune_report *out);

#endif
