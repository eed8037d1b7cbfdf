/* ops/window_index.c - see window_index.h.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/window_index.h"

#include <string.h>

bool mwi_is_in(const mwi_i64s *list, int64_t v)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i] == v) return true;
    return false;
}

/* Ascending, each in 0 to n - 1. */
static mw_status check_list(mw_ctx *ctx, const mwi_i64s *list, int64_t n, bool ascending,
                            const char *what)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i] < 0 || list->v[i] >= n ||
            (ascending && i > 0 && list->v[i] <= list->v[i - 1]))
            return mwi_fail(ctx, MW_EFORMAT, "%s: number %zu is %lld, allowed 0 to %lld%s", what, i,
                            (long long)list->v[i], (long long)(n - 1),
                            ascending ? ", ascending" : "");
    return MW_OK;
}

mw_status mwi_window_index_check(mw_ctx *ctx, const mwi_window_index *w, int32_t rank,
                                 const mwi_view *indices, int32_t *place_rank)
{
    if (w->vector_dim < 0 || w->vector_dim > indices->rank)
        return mwi_fail(ctx, MW_EFORMAT, "index_vector_dim is %lld, allowed 0 to %d",
                        (long long)w->vector_dim, indices->rank);
    const bool scalar = w->vector_dim == indices->rank;
    const int64_t per_vector = scalar ? 1 : indices->dims[w->vector_dim];
    const size_t all = w->inside->n + w->missing->n;
    *place_rank = (int32_t)(w->inside->n < MW_MAX_RANK ? w->inside->n : MW_MAX_RANK) +
                  indices->rank - (scalar ? 0 : 1);
    if (w->inside->n > MW_MAX_RANK || *place_rank > MW_MAX_RANK)
        return mwi_fail(ctx, MW_ELIMIT, "rank %d, limit %d", *place_rank, MW_MAX_RANK);
    if (all != (size_t)rank || w->map->n != (size_t)per_vector)
        return mwi_fail(ctx, MW_EFORMAT,
                        "%zu dimensions in windows and %zu not, for rank %d; indices of %lld for "
                        "%zu",
                        w->inside->n, w->missing->n, rank, (long long)per_vector, w->map->n);
    MWI_TRY(check_list(ctx, w->inside, *place_rank, true, "dimensions of windows"));
    MWI_TRY(check_list(ctx, w->missing, rank, true, "dimensions that windows lack"));
    return check_list(ctx, w->map, rank, false, "dimensions of indices");
}

void mwi_window_index_at(const mwi_window_index *w, int32_t rank, const mwi_view *indices,
                         const int64_t *at, int32_t place_rank, int64_t *start, int64_t *inside)
{
    const bool scalar = w->vector_dim == indices->rank;
    size_t first = 0, step = 1;
    int32_t next = 0;

    memset(start, 0, (size_t)rank * sizeof *start);
    memset(inside, 0, (size_t)rank * sizeof *inside);
    for (int32_t k = 0, d = 0; k < indices->rank; k++) {
        first *= (size_t)indices->dims[k];
        if (k == w->vector_dim) continue;
        while (d < place_rank && mwi_is_in(w->inside, d)) d++;
        first += (size_t)at[d++];
    }
    for (int32_t k = (int32_t)w->vector_dim + 1; k < indices->rank; k++)
        step *= (size_t)indices->dims[k];
    for (size_t i = 0; i < w->map->n; i++)
        start[w->map->v[i]] = mwi_index_at(indices, first + (scalar ? 0 : i * step));
    for (int32_t k = 0; k < rank; k++)
        if (!mwi_is_in(w->missing, k)) inside[k] = at[w->inside->v[next++]];
}
