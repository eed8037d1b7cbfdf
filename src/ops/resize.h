/* ops/resize.h - what RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR share.
 * Depends: ops/strided.  Used by: both.   SPDX-License-Identifier: Apache-2.0 */
#ifndef MWI_OPS_RESIZE_H
#define MWI_OPS_RESIZE_H

#include "ops/strided.h"

/* The output's size, [height, width], is input 1. Fails: MW_EFORMAT. */
MW_MUST_USE mw_status mwi_resize_infer(mw_ctx *ctx, mwi_shape_call *call);

#endif
