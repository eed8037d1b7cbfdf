/* ops/axis_maps.c - see axis_maps.h.
 * Depends: ops/shapes.  Used by: gradients.   SPDX-License-Identifier: Apache-2.0 */
#include "ops/axis_maps.h"

#include <string.h>

mw_status mwi_axis_maps_make(mw_ctx *ctx, mwi_prepare_call *call, const mwi_view *y,
                             const mwi_view *x, mwi_axis_map_fn fn, const void *arg)
{
    void *memory;

    MWI_TRY(mwi_arena_array(ctx, call->arena, 1, sizeof(mwi_axis_maps), &memory));
    mwi_axis_maps *const maps = call->state = memory;
    if (mwi_view_count(y) == 0) return MW_OK;
    for (int32_t axis = 0; axis < y->rank; axis++) {
        MWI_TRY(mwi_arena_array(ctx, call->arena, (size_t)y->dims[axis], sizeof(int32_t), &memory));
        int32_t *const from = memory;
        for (int32_t i = 0; i < y->dims[axis]; i++)
            from[i] = fn(arg, axis, i, x->dims[axis], y->dims[axis]);
        maps->from[axis] = from;
    }
    return MW_OK;
}

void mwi_axis_maps_sum(const mwi_axis_maps *maps, const mwi_view *dy, const mwi_view *dx)
{
    const size_t n = mwi_view_count(dy);
    const int32_t last = dy->rank - 1;
    float *const to = dx->data;

    memset(to, 0, dx->bytes);
    if (n == 0) return;
    const size_t row = last < 0 ? 1 : (size_t)dy->dims[last];
    for (size_t i = 0; i < n; i += row) {
        const float *const from = (const float *)dy->data + i;
        size_t rest = i / row, place = 0, stride = last < 0 ? 1 : (size_t)dx->dims[last];
        for (int32_t k = last - 1; k >= 0; k--) {
            place += (size_t)maps->from[k][rest % (size_t)dy->dims[k]] * stride;
            rest /= (size_t)dy->dims[k];
            stride *= (size_t)dx->dims[k];
        }
        for (size_t k = 0; k < row; k++)
            to[place + (last < 0 ? 0 : (size_t)maps->from[last][k])] += from[k];
    }
}
