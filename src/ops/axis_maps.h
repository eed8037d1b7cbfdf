/* ops/axis_maps.h - moves in which an element of y comes from one of x by a table for each axis,
 * and their gradient: sums over the elements of y that came from one of x.
 * Depends: ops/shapes.  Used by: gradients of TILE, MIRROR_PAD, RESIZE_NEAREST_NEIGHBOR.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_AXIS_MAPS_H
#define MWI_OPS_AXIS_MAPS_H

#include "ops/shapes.h"

typedef struct mwi_axis_maps {
    const int32_t *from[MW_MAX_RANK]; /* by axis: y's places in x */
} mwi_axis_maps;
/* The place in x, of `dim`, of place i of an axis of y, of `out`. */
typedef int32_t (*mwi_axis_map_fn)(const void *arg, int32_t axis, int32_t i, int32_t dim,
                                   int32_t out);
/* Tables for y's dims, in `arena`; call->state is set to them. */
MW_MUST_USE mw_status mwi_axis_maps_make(mw_ctx *ctx, mwi_prepare_call *call, const mwi_view *y,
                                         const mwi_view *x, mwi_axis_map_fn fn, const void *arg);
/* dx = sums of dy, in the order of dy; x and y have one rank. */
void mwi_axis_maps_sum(const mwi_axis_maps *maps, const mwi_view *dy, const mwi_view *dx);

#endif
