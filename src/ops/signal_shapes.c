/* ops/signal_shapes.c - see signal_shapes.h.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/signal_shapes.h"

mw_status mwi_need_rows(mw_ctx *ctx, const mwi_shape_call *call, size_t i, int32_t low)
{
    MWI_TRY(mwi_need_input(ctx, call, i, low, MW_MAX_RANK));
    if (call->in[i].dims[call->in[i].rank - 1] > 0) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "input %zu has no values in its last dimension", i);
}

mw_status mwi_need_vector(mw_ctx *ctx, const mwi_shape_call *call, size_t i, int64_t n)
{
    MWI_TRY(mwi_need_input(ctx, call, i, 1, 1));
    if (n < 0 || call->in[i].dims[0] == n) return MW_OK;
    return mwi_fail(ctx, MW_EFORMAT, "input %zu has %d values, needed are %lld", i,
                    call->in[i].dims[0], (long long)n);
}

size_t mwi_row_length(const mwi_view *view) { return (size_t)view->dims[view->rank - 1]; }

size_t mwi_n_rows(const mwi_view *view) { return mwi_view_count(view) / mwi_row_length(view); }
