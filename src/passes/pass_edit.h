/* passes/pass_edit.h - what several passes need: float constants of a layer, channels, operands.
 * Depends: passes/pass.  Used by: passes/ only.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_PASSES_EDIT_H
#define MWI_PASSES_EDIT_H

#include "passes/pass.h"

/* A float convolution, depthwise or fully connected layer with constant weights (and bias, if any), whose result
 * can be scaled and shifted by channel: no activation is fused yet. */
bool mwi_is_affine(const mwi_graph *g, const mwi_op *op);
int32_t mwi_affine_channels(const mwi_graph *g, const mwi_op *op);
/* Weights and bias become new constants: w[c] * scale[c], b[c] * scale[c] + shift[c] (double arithmetic). */
MW_MUST_USE mw_status mwi_affine_rescale(mw_ctx *ctx, mw_model *m, mwi_graph *g, mwi_op *op, const double *scale,
                                         const double *shift);
/* The operator that alone makes tensor t, when nobody but `reader` reads it; NULL otherwise. */
mwi_op *mwi_sole_producer(const mwi_graph *g, const mwi_uses *uses, int32_t t);
/* Values of a float constant spread to n channels (1 or n values on the last axis); false when it is another shape. */
bool mwi_channel_values(const mwi_tensor *t, int32_t n, double *out);
bool mwi_is_float_const(const mwi_graph *g, int32_t t);
/* The operator's output becomes `tensor`, which its reader made before: keeps the name that users see. */
void mwi_take_output(mwi_op *op, mwi_op *reader);
bool mwi_same_quant(const mwi_tensor *a, const mwi_tensor *b);
bool mwi_same_shape(const mwi_tensor *a, const mwi_tensor *b);

#endif
