/* ops/segments.c - see segments.h.
 * Depends: ops/strided.  Used by: UNSORTED_SEGMENT_*.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/segments.h"

mw_status mwi_segments_infer(mw_ctx *ctx, mwi_shape_call *call)
{
    const mwi_view *const x = &call->in[0], *const ids = &call->in[1];
    int32_t dims[MW_MAX_RANK], rank = 1;
    int64_t segments = 0;
    size_t n;

    MWI_TRY(mwi_need_input(ctx, call, 0, 1, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 1, x->rank));
    for (int32_t i = 0; i < ids->rank; i++)
        if (ids->dims[i] != x->dims[i])
            return mwi_fail(ctx, MW_EFORMAT, "dimension %d of the segments is %d, of the data %d",
                            i, ids->dims[i], x->dims[i]);
    MWI_TRY(mwi_param_ints(ctx, call, 2, 1, &segments, &n));
    if (call->unknown) return MW_OK;
    if (n != 1 || segments < 0 || segments > INT32_MAX)
        return mwi_fail(ctx, MW_EFORMAT, "%lld segments", (long long)segments);
    dims[0] = (int32_t)segments;
    for (int32_t i = ids->rank; i < x->rank; i++) dims[rank++] = x->dims[i];
    mwi_view_set_dims(&call->out[0], rank, dims);
    return MW_OK;
}
