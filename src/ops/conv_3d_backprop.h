/* ops/conv_3d_backprop.h - what the two gradients of CONV_3D share.
 * Depends: ops/window_3d, ops/shapes.  Used by: CONV_3D_BACKPROP_INPUT, CONV_3D_BACKPROP_FILTER.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_CONV_3D_BACKPROP_H
#define MWI_OPS_CONV_3D_BACKPROP_H

#include "ops/shapes.h"
#include "ops/window_3d.h"

/* Where the operands are. */
typedef struct mwi_conv_3d_operands {
    size_t x, w, dy;
} mwi_conv_3d_operands;

/* The output is like operand 2. Fails: MW_EFORMAT (operands that do not go together). */
mw_status mwi_conv_3d_backprop_infer(mw_ctx *ctx, mwi_shape_call *call,
                                     const mwi_conv_3d_operands *o);
uint64_t mwi_conv_3d_backprop_macs(const mwi_shape_call *call, const mwi_conv_3d_operands *o);
mw_status mwi_conv_3d_backprop_prepare(mw_ctx *ctx, mwi_prepare_call *call,
                                       const mwi_conv_3d_operands *o);

/* Calls fn for each output position of batch item `item` whose tap `at` lies inside: with the first
 * element of x there, and of dy. */
typedef struct mwi_conv_3d_walk {
    const mwi_window_3d *w;
    size_t in_c, out_c, item;
    int32_t at[3]; /* tap: depth, height, width */
} mwi_conv_3d_walk;
typedef void (*mwi_conv_3d_fn)(void *arg, size_t x, size_t dy);
void mwi_conv_3d_each(const mwi_conv_3d_walk *walk, mwi_conv_3d_fn fn, void *arg);

#endif
