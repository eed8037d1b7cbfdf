/* ops/loss.h - what rows of losses share: operands (values, labels), results (the loss of each
 * sample, and its derivative by the values), gradient.
 * Depends: ops/shapes, ops/gradient.  Used by: losses.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_LOSS_H
#define MWI_OPS_LOSS_H

#include "ops/gradient.h"
#include "ops/shapes.h"

/* Labels have the values' shape; a sample is a row of the last axis. */
mw_status mwi_loss_infer(mw_ctx *ctx, mwi_shape_call *call);
/* The same without looking at the labels. */
mw_status mwi_loss_infer_outputs(mw_ctx *ctx, mwi_shape_call *call);
/* Of the values alone. Fails: MW_EUNSUPPORTED (the labels' is wanted). */
mw_status mwi_loss_gradient(mw_ctx *ctx, mwi_gradient_call *call);

/* One sample: n values and labels, a place for n derivatives; returns the loss. */
typedef double (*mwi_loss_fn)(const void *attr, const float *values, const float *labels, size_t n,
                              float *derivative);
void mwi_loss_run(const mwi_run_call *call, mwi_loss_fn fn);

/* Logarithm of the sum of exp(scale * x[i]). */
double mwi_log_sum_exp(const float *x, size_t n, double scale);

#endif
