/* ops/pad.h - what PAD and PADV2 share.  Depends: ops/strided.  Used by: ops/pad, ops/padv2.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_PAD_H
#define MWI_OPS_PAD_H

#include "ops/strided.h"

mw_status mwi_pad_infer(mw_ctx *ctx, mwi_shape_call *call);
/* Zero is the zero point of a quantized tensor; PADV2's value is input 2. */
mw_status mwi_pad_prepare(mw_ctx *ctx, mwi_prepare_call *call);
/* n copies of one element. */
void mwi_fill(void *out, size_t n, const void *value, size_t element);
mw_status mwi_pad_run(mw_ctx *ctx, const mwi_run_call *call);

/* The part of the output's gradient that is the input's. Fails: MW_EUNSUPPORTED (paddings that are
 * not constant, a gradient of the value). */
mw_status mwi_pad_gradient(mw_ctx *ctx, mwi_gradient_call *call);

#endif
