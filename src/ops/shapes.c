/* ops/shapes.c - shape rules that several operators share.
 * Depends: ops/registry.  Used by: ops/ only.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/shapes.h"

#include <string.h>

void mwi_view_set_dims(mwi_view *view, int32_t rank, const int32_t *dims)
{
    view->rank = rank;
    memset(view->dims, 0, sizeof view->dims);
    if (rank > 0) memcpy(view->dims, dims, (size_t)rank * sizeof *dims);
}

size_t mwi_view_count(const mwi_view *view)
{
    size_t n = 0;
    return mwi_dims_count(view->rank, view->dims, &n) ? n : 0;
}

mw_status mwi_need_input(mw_ctx *ctx, const mwi_shape_call *call, size_t i, int32_t low,
                         int32_t high)
{
    if (i >= call->n_in || call->in[i].tensor == NULL)
        return mwi_fail(ctx, MW_EFORMAT, "input %zu is missing", i);
    if (call->in[i].rank < low || call->in[i].rank > high)
        return mwi_fail(ctx, MW_EFORMAT, "input %zu has rank %d, allowed %d to %d", i,
                        call->in[i].rank, low, high);
    return MW_OK;
}

bool mwi_view_same_dims(const mwi_view *a, const mwi_view *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

mw_status mwi_need_same_shapes(mw_ctx *ctx, const mwi_shape_call *call, size_t a, size_t b)
{
    MWI_TRY(mwi_need_input(ctx, call, a, 0, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, b, 0, MW_MAX_RANK));
    if (!mwi_view_same_dims(&call->in[a], &call->in[b]))
        return mwi_fail(ctx, MW_EFORMAT, "inputs %zu and %zu have different shapes", a, b);
    return MW_OK;
}

void mwi_run_rows(const mwi_run_call *call, const mwi_view *view, mwi_range_fn fn)
{
    enum { GRAIN = 4096 }; /* elements a piece */
    const size_t depth = view->rank == 0 ? 1 : (size_t)view->dims[view->rank - 1];

    if (depth == 0) return;
    mwi_par_for(call->pool, mwi_view_count(view) / depth, depth >= GRAIN ? 1 : GRAIN / depth, fn,
                (void *)(uintptr_t)call); /* read only */
}

mw_status mwi_infer_same(mw_ctx *ctx, mwi_shape_call *call)
{
    (void)ctx;
    mwi_view_set_dims(&call->out[0], call->in[0].rank, call->in[0].dims);
    return MW_OK;
}

mw_status mwi_infer_broadcast(mw_ctx *ctx, mwi_shape_call *call)
{
    MWI_TRY(mwi_need_input(ctx, call, 0, 0, MW_MAX_RANK));
    MWI_TRY(mwi_need_input(ctx, call, 1, 0, MW_MAX_RANK));
    const mwi_view *const a = &call->in[0], *const b = &call->in[1];
    const int32_t rank = a->rank > b->rank ? a->rank : b->rank;
    int32_t dims[MW_MAX_RANK];

    for (int32_t i = 0; i < rank; i++) {
        const int32_t ia = i - (rank - a->rank), ib = i - (rank - b->rank);
        const int32_t da = ia < 0 ? 1 : a->dims[ia], db = ib < 0 ? 1 : b->dims[ib];
        if (da != db && da != 1 && db != 1)
            return mwi_fail(ctx, MW_EFORMAT, "dimension %d is %d and %d: they do not broadcast", i,
                            da, db);
        dims[i] = da == 1 ? db : da;
    }
    mwi_view_set_dims(&call->out[0], rank, dims);
    return MW_OK;
}
