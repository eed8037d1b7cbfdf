/* ops/conv_backprop.h - what the gradients of convolutions share: attributes, the window of x and
 * w.
 * Depends: ops/window.  Used by: CONV_2D_BACKPROP_INPUT, CONV_2D_BACKPROP_FILTER, CONV_2D.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_CONV_BACKPROP_H
#define MWI_OPS_CONV_BACKPROP_H

#include "ops/gradient.h"
#include "ops/shapes.h"
#include "ops/window.h"

typedef struct mwi_conv_backprop_attr {
    int32_t padding, stride_w, stride_h, dilation_w, dilation_h;
} mwi_conv_backprop_attr;
extern const mwi_field mwi_conv_backprop_fields[];

/* Where the operands are. */
typedef struct mwi_conv_operands {
    size_t x, w, dy;
    bool depthwise; /* w is DEPTHWISE_CONV_2D's [1,kh,kw,c*m] */
} mwi_conv_operands;

/* The window over x; proves that x, w and dy go together, and that groups divide. Fails:
 * MW_EFORMAT.
 */
MW_MUST_USE mw_status mwi_conv_backprop_window(mw_ctx *ctx, const mwi_conv_backprop_attr *a,
                                               const mwi_view *in, const mwi_conv_operands *o,
                                               mwi_window *w);
MW_MUST_USE mw_status mwi_conv_backprop_prepare(mw_ctx *ctx, mwi_prepare_call *call,
                                                const mwi_conv_operands *o);

/* Columns [*first, *end) of the output whose windows reach the input at tap `tap`: where
 * at * stride - pad + tap * dilation lies in [0, in). */
void mwi_window_reach(int32_t out, int32_t in, int32_t stride, int32_t pad, int64_t tap,
                      int32_t *first, int32_t *end);

/* Shapes of both rows: the output is like operand 2. */
mw_status mwi_conv_backprop_infer(mw_ctx *ctx, mwi_shape_call *call, const mwi_conv_operands *o);
uint64_t mwi_conv_backprop_macs(const mwi_shape_call *call, const mwi_conv_operands *o);

/* A layer's gradient (value, weight, bias) by its two rows. */
MW_MUST_USE mw_status mwi_conv_gradient(mw_ctx *ctx, mwi_gradient_call *call,
                                        const mwi_op_desc *backprop_input,
                                        const mwi_op_desc *backprop_filter);

#endif
