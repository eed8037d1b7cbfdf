/* ops/indices.c - see indices.h.
 * Depends: ops/registry.  Used by: ops/.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/indices.h"

#include <inttypes.h>

mw_status mwi_index_fail(mw_ctx *ctx, int64_t index, int64_t n)
{
    return mwi_fail(ctx, MW_EINVAL, "index %" PRId64 ", allowed 0 to %" PRId64, index, n - 1);
}

mw_status mwi_index_vector(mw_ctx *ctx, const mwi_view *indices, size_t first, size_t depth,
                           const int32_t *dims, size_t *out)
{
    *out = 0;
    for (size_t i = 0; i < depth; i++) {
        const int64_t at = mwi_index_at(indices, first + i);
        if (at < 0 || at >= dims[i]) return mwi_index_fail(ctx, at, dims[i]);
        *out = *out * (size_t)dims[i] + (size_t)at;
    }
    return MW_OK;
}
