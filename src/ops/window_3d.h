/* ops/window_3d.h - attributes and windows of convolutions over volumes; axes in the order depth,
 * height, width.
 * Depends: ops/registry.  Used by: CONV_3D, CONV_3D_TRANSPOSE.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_WINDOW_3D_H
#define MWI_OPS_WINDOW_3D_H

#include "ops/registry.h"

typedef struct mwi_conv_3d_attr {
    int32_t padding, activation, stride[3], dilation[3];
} mwi_conv_3d_attr;
extern const mwi_field mwi_conv_3d_fields[];
extern const mwi_windows mwi_conv_3d_windows;

typedef struct mwi_axis_3d {
    int32_t in, out, filter, stride, dilation, pad;
} mwi_axis_3d;
typedef struct mwi_window_3d {
    mwi_axis_3d a[3];
} mwi_window_3d;

/* in: [n, d, h, w, ...]; filter: [kd, kh, kw, ...]. Fails: MW_EFORMAT, MW_ELIMIT. */
MW_MUST_USE mw_status mwi_window_3d_make(mw_ctx *ctx, const mwi_conv_3d_attr *attr,
                                         const int32_t *in, const int32_t *filter,
                                         mwi_window_3d *w);

/* Where tap k of the window at output position `at` reads; -1: in the padding. */
static inline int64_t mwi_tap_3d(const mwi_axis_3d *a, int32_t at, int32_t k)
{
    const int64_t v = (int64_t)at * a->stride - a->pad + (int64_t)k * a->dilation;
    return v < 0 || v >= a->in ? -1 : v;
}

#endif
