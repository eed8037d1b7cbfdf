/* ops/indices.h - indices that come as values: each is checked at run time.
 * Depends: ops/registry.  Used by: GATHER, GATHER_ND, SCATTER_ND, ... .
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_INDICES_H
#define MWI_OPS_INDICES_H

#include "ops/registry.h"

/* Element i of int16, int32 or int64 values. */
static inline int64_t mwi_index_at(const mwi_view *v, size_t i)
{
    if (v->dtype == MW_INT32) return ((const int32_t *)v->data)[i];
    if (v->dtype == MW_INT64) return ((const int64_t *)v->data)[i];
    return ((const int16_t *)v->data)[i];
}

/* MW_EINVAL: "index 7, allowed 0 to 4". */
MW_MUST_USE mw_status mwi_index_fail(mw_ctx *ctx, int64_t index, int64_t n);

/* The place in a tensor of `dims` to which `depth` indices from element `first` on point, counted
 * in slices of the dimensions behind them. Fails: MW_EINVAL. */
MW_MUST_USE mw_status mwi_index_vector(mw_ctx *ctx, const mwi_view *indices, size_t first,
                                       size_t depth, const int32_t *dims, size_t *out);

#endif
