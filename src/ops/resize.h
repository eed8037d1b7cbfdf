/* ops/resize.h - what RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR share.
 * Depends: ops/strided.  Used by: both.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_RESIZE_H
#define MWI_OPS_RESIZE_H

#include "ops/strided.h"

/* The output's size, [height, width], is input 1. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_resize_infer(mw_ctx *ctx, mwi_shape_call *call);

typedef struct mwi_resize_attr {
    bool align_corners, half_pixel_centers;
} mwi_resize_attr;

/* Which row or column of the input, of `in`, is place i of the output, of `out`. */
int32_t mwi_resize_nearest(const mwi_resize_attr *a, int32_t i, int32_t in, int32_t out);
/* Between which two place i lies, and how far from the first: in float, as TFLite computes it. */
typedef struct mwi_resize_place {
    int32_t low, high;
    float far;
} mwi_resize_place;
mwi_resize_place mwi_resize_between(const mwi_resize_attr *a, int32_t i, int32_t in, int32_t out);

/* The gradients' operands: dy, and x, of which only the shape is read. */
mw_status mwi_resize_infer_grad(mw_ctx *ctx, mwi_shape_call *call);

#endif
